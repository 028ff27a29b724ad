from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.bench.article_mutations import mutated
from jobs.bench.real_articles import generated_articles, read_articles
from jobs.compile_extractor import COMPILERS, PACKAGE
from tests.conftest import ROOT, SHARED_DATA

NUM_MUTATIONS = 300
ROWS = """
import sys
from pathlib import Path
from schemas.rejects import Rejected
from udfs.jats import IS_COMPILED, extract_article
print(IS_COMPILED)
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        found = extract_article(path.read_bytes(), "PMC1.1", {"title": "Another", "license_code": "CC BY"})
    except Rejected as refusal:
        print(path.name, refusal.reason, ascii(refusal.detail))
    else:
        print(path.name, ascii((found.article, found.figures, found.mentions, found.partial_rejects, found.num_chars)))
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The extractor and what it needs as plain Python in a place of their own."""
    for package in ("udfs", "schemas", "jobs"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("_compiled", "__pycache__"))
    return tmp_path


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    """Real articles where there are any, and damaged ones."""
    known = read_articles(SHARED_DATA) if SHARED_DATA.is_dir() else generated_articles()
    whole = list(known.values())[::10]
    folder = tmp_path / "articles"
    folder.mkdir()
    for number, xml in enumerate([*whole, *(xml for _, xml in mutated(whole, NUM_MUTATIONS, 1))]):
        (folder / f"{number:04}.xml").write_bytes(xml)
    return folder


@pytest.mark.slow
@pytest.mark.skipif(not any(map(shutil.which, COMPILERS)), reason="no C compiler")
def test_compiled_code_gives_the_rows_of_its_sources_and_is_left_when_they_change(copy: Path, articles: Path) -> None:
    plain = run(copy, "-c", ROWS, str(articles))
    run(copy, "-m", "jobs.compile_extractor")
    compiled = run(copy, "-c", ROWS, str(articles))
    assert (plain[0], compiled[0]) == ("False", "True")
    assert len(plain) == 1 + len(list(articles.iterdir()))
    assert [line[:300] for line, other in zip(compiled, plain, strict=True) if line != other][1:] == []
    with (copy / PACKAGE / "dates.py").open("a") as source:
        source.write("# changed\n")
    assert run(copy, "-c", "from udfs.jats import IS_COMPILED; print(IS_COMPILED)") == ["False"]


def run(root: Path, *arguments: str) -> list[str]:
    """Lines that a Python of its own writes, with the packages below the root."""
    environment = os.environ | {"PYTHONPATH": str(root)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=root, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
