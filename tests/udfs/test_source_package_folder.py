"""Where the packages of a folder are looked for, and how often the folder is walked through for it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.udfs.test_source_packages import listed, write_list
from udfs.source.file_list import ListedPackage
from udfs.source.package_folder import PackageFolder


class CountedFolder(PackageFolder):
    """Counts its walks; the first one waits until `num_questions` have been asked."""

    def __init__(self, root: Path, num_questions: int = 0) -> None:
        super().__init__(root)
        self.walks = 0
        self._unasked = num_questions
        self._all_asked = threading.Event()
        if not num_questions:
            self._all_asked.set()

    def row(self, pmcid: str) -> ListedPackage | None:
        self._unasked -= 1
        if self._unasked <= 0:
            self._all_asked.set()
        return super().row(pmcid)

    def walk(self) -> dict[str, Path]:
        assert self._all_asked.wait(60)
        self.walks += 1
        return super().walk()


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


def test_a_listed_package_causes_no_walk(tmp_path: Path) -> None:
    path = put(tmp_path / "aa/PMC5.tar.gz")
    write_list(tmp_path / "oa_file_list.csv", [listed("PMC5", "CC BY", "oa_package/aa/PMC5.tar.gz")])
    folder = CountedFolder(tmp_path)
    assert (folder.path("PMC5"), folder.walks) == (path, 0)


def test_a_list_that_cannot_be_read_is_an_error_until_it_can(tmp_path: Path) -> None:
    write_list(tmp_path / "oa_file_list.csv", [listed("PMC5", "CC BY", "oa_package/aa/PMC5.tar.gz")])
    folder = PackageFolder(tmp_path)
    (tmp_path / "oa_file_list.csv").write_text("half of a li")
    for _ in range(3):
        with pytest.raises(ValueError, match="CSV"):
            folder.row("PMC5")
    write_list(tmp_path / "oa_file_list.csv", [listed("PMC5", "CC0", "oa_package/aa/PMC5.tar.gz")])
    row = folder.row("PMC5")
    assert row is not None
    assert row.license_code == "CC0"


@pytest.mark.parametrize("is_listed", [False, True])
def test_a_package_that_comes_or_moves_right_after_a_walk_is_found(tmp_path: Path, is_listed: bool) -> None:
    old = put(tmp_path / "aa/PMC5.tar.gz")
    if is_listed:
        write_list(tmp_path / "oa_file_list.csv", [listed("PMC5", "CC BY", "oa_package/aa/PMC5.tar.gz")])
    folder = CountedFolder(tmp_path)
    assert folder.path("PMC5") == old
    folder.walk()
    moved, new = old.rename(put(tmp_path / "bb/PMC5.tar.gz")), put(tmp_path / "bb/PMC6.tar.gz")
    assert (folder.path("PMC5"), folder.path("PMC6")) == (moved, new)


def test_what_is_not_there_is_said_after_a_walk_that_began_after_the_question(tmp_path: Path) -> None:
    old = put(tmp_path / "PMC5.tar.gz")
    folder = CountedFolder(tmp_path)
    folder.walk()
    old.unlink()
    assert (folder.path("PMC5"), folder.walks) == (None, 2)


def test_one_walk_answers_all_that_wait_for_it(tmp_path: Path) -> None:
    folder = CountedFolder(tmp_path, num_questions=8)
    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(folder.path, [f"PMC{number}" for number in range(1, 9)])) == [None] * 8
    assert 1 <= folder.walks <= 2  # the first may have begun before the last question
