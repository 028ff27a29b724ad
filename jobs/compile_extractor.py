"""Compiles the modules of `udfs.jats` to machine code beside their sources, with mypyc; their rows stay the same."""

from __future__ import annotations

import contextlib
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from mypyc.build import mypycify
from setuptools import Distribution

from udfs.machine_code import FOLDER, is_current, seal

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "udfs/jats"
# The package finds its compiled modules before it knows them, and `Limits` goes between processes, which compiled classes do not.
_PLAIN = frozenset({"__init__.py", "parse.py"})
COMPILERS = ("cc", "gcc", "clang")
# Elements count as of any type: checks of what lxml's stubs say would cost time and refuse what lxml itself does otherwise.
_TYPES = """
[mypy]
ignore_missing_imports = True
[mypy-lxml.*]
follow_imports = skip
follow_imports_for_stubs = True
"""


def compile_extractor(root: Path) -> bool:
    """Compile the modules below a root unless that was done; False where there is no C compiler, and plain code stays."""
    sources = root / PACKAGE
    if is_current(sources):
        return True
    shutil.rmtree(sources / FOLDER, ignore_errors=True)
    if not any(map(shutil.which, COMPILERS)):
        return False
    with TemporaryDirectory() as scratch, contextlib.chdir(root):
        _install(_build(Path(scratch)), sources / FOLDER)
    seal(sources)
    return True


def _build(scratch: Path) -> Path:
    """Compile below a scratch folder, from the root; the folder of what came of it."""
    types = scratch / "mypy.ini"
    types.write_text(_TYPES, encoding="ascii")
    modules = [str(path) for path in sorted(Path(PACKAGE).glob("*.py")) if path.name not in _PLAIN]
    extensions = mypycify(
        [f"--config-file={types}", f"--cache-dir={scratch / 'types'}", *modules],
        group_name=PACKAGE.replace("/", "_"),
        target_dir=str(scratch),
    )
    command = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(scratch / "built"), str(scratch / "objects")
    command.ensure_finalized()
    command.run()
    return scratch / "built"


def _install(built: Path, folder: Path) -> None:
    folder.mkdir()
    for path in built.rglob("*"):
        if path.is_file():
            shutil.copy2(path, folder / path.name)


if __name__ == "__main__":
    done = compile_extractor(ROOT)
    sys.stdout.write("The extractor is compiled.\n" if done else "No C compiler here: the extractor stays plain Python.\n")
