"""A folder of old packages as it is at the moment: where each package lies, and what the file lists say of it."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from time import monotonic

from schemas.rejects import Rejected
from udfs.object_keys import check_key
from udfs.source.file_list import FileList, ListedPackage

_PACKAGE = re.compile(r"(PMC[1-9][0-9]{0,11})\.tar\.gz", re.ASCII)
_FILE_LISTS = ("*file_list*.csv", "*filelist*.csv")


class PackageFolder:
    """The folder's packages and lists; both are looked at again when they may have changed, since processes outlive runs."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = threading.Lock()
        self._paths: dict[str, Path] = {}
        self._walking = threading.Lock()
        self._walk_began: float | None = None
        self._read_lists()

    def row(self, pmcid: str) -> ListedPackage | None:
        """The row of an article in the lists; None if no list names it."""
        with self._lock:
            if self._mark != self._lists_mark(self._files):
                self._read_lists()
            lists = self._lists
        return lists.row(pmcid)

    def path(self, pmcid: str) -> Path | None:
        """Where an article's package lies: as the lists say, else by a walk through the folder; None if it is not there."""
        asked = monotonic()
        listed = next((path for path in _listed_paths(self._root, self.row(pmcid)) if path.is_file()), None)
        return listed or self._walked_path(pmcid, asked)

    def walk(self) -> dict[str, Path]:
        """Every package, by PMCID, as the folder is now."""
        began = monotonic()
        found = ((_PACKAGE.fullmatch(path.name), path) for path in self._root.rglob("PMC*.tar.gz"))
        self._paths = {match[1]: path for match, path in found if match}
        self._walk_began = began
        return self._paths

    def _walked_path(self, pmcid: str, asked: float) -> Path | None:
        """None only after a walk that began after the question: one walk answers all that wait for it."""
        path = self._paths.get(pmcid)
        if path and path.is_file():
            return path
        with self._walking:
            if self._walk_began is None or self._walk_began < asked:
                self.walk()
        path = self._paths.get(pmcid)
        return path if path and path.is_file() else None

    def _read_lists(self) -> None:
        files = sorted({path for pattern in _FILE_LISTS for path in self._root.glob(pattern)})
        mark = self._lists_mark(files)
        self._lists = FileList(files)  # ValueError for one that cannot be read: the next question reads it again
        self._files, self._mark = files, mark

    def _lists_mark(self, files: list[Path]) -> tuple[tuple[int, int] | None, ...]:
        """What changes with the lists: a list that comes or goes changes the folder."""
        return tuple(change_mark(path) for path in (self._root, *files))


def is_packages_folder(folder: Path) -> bool:
    """Whether a folder holds old packages rather than a mirror of the bucket."""
    if (folder / "metadata").is_dir():
        return False
    return any(_PACKAGE.fullmatch(path.name) for path in folder.rglob("PMC*.tar.gz"))


def change_mark(path: Path) -> tuple[int, int] | None:
    """Modification time (ns) and size; None for what is not there."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_size


def _listed_paths(root: Path, listed: ListedPackage | None) -> list[Path]:
    if not listed or not listed.path:
        return []
    try:
        check_key(listed.path)
    except Rejected:
        return []
    return [root / listed.path, root / listed.path.partition("/")[2]]
