"""Packages whose modules may lie compiled beside their sources: found only where they were made of these very sources."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import sysconfig
from pathlib import Path

FOLDER = "_compiled"
_STAMP = "stamp"


def compiled_folder(package: str) -> list[str]:
    """The folder of a package's compiled modules, to be searched before its sources; none where it is missing or stale.

    The library that these modules share is loaded. Give the package's own folder.
    """
    sources = Path(package)
    folder = sources / FOLDER
    if not is_current(sources):
        return []
    library = next(folder.glob("*__mypyc*"), None)
    if library is None:
        return []
    _load(library)
    return [str(folder)]


def is_current(sources: Path) -> bool:
    """True where the compiled modules were made of the sources as they are now, for this Python."""
    stamp = sources / FOLDER / _STAMP
    return stamp.is_file() and stamp.read_text(encoding="ascii") == _digest(sources)


def seal(sources: Path) -> None:
    """Say that the compiled modules were made of the sources as they are now."""
    (sources / FOLDER / _STAMP).write_text(_digest(sources), encoding="ascii")


def _digest(sources: Path) -> str:
    digest = hashlib.sha256(f"{sysconfig.get_config_var('SOABI')}".encode())
    for path in sorted(sources.glob("*.py")):
        content = path.read_bytes()
        digest.update(f"\n{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _load(library: Path) -> None:
    """The library under its plain name, by which the compiled modules import it, without a further folder to search."""
    name = library.name.partition(".")[0]
    spec = importlib.util.spec_from_file_location(name, library)
    if spec is None or spec.loader is None:
        raise ImportError(f"{library} is no library of compiled modules")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
