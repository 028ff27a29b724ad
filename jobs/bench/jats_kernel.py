"""The extractor beside pubmed_parser's captions and paper metadata, on the same articles in turns, on one core."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pubmed_parser  # type: ignore[import-untyped]

from jobs.bench.real_articles import written_articles
from udfs.jats import IS_COMPILED, extract_article

ROUNDS = 3
EVERY = 3
ACCESSION = "PMC1.1"
EXTRACTOR = f"the extractor {'compiled' if IS_COMPILED else 'as plain Python'}"


def run(shared_data: Path | None) -> dict[str, Any]:
    """Articles per second of one core, from a file to rows: ours gives articles, figures and mentions, the reference less.

    Both take turns file by file and are timed by processor time; each file counts with its fastest round.
    """
    with TemporaryDirectory() as scratch:
        paths = written_articles(Path(scratch), shared_data)[::EVERY]
        ours = reference = 0.0
        for path in paths:
            rounds = [(_seconds(extract, path), _seconds(plain_parser, path)) for _ in range(ROUNDS)]
            ours += min(one for one, _ in rounds)
            reference += min(other for _, other in rounds)
    return {
        "name": "jats_kernel",
        "value": len(paths) / ours,
        "unit": "articles/s",
        "reference": f"pubmed_parser: captions and paper metadata; {EXTRACTOR}",
        "reference_value": len(paths) / reference,
        "ratio": reference / ours,
        "n": len(paths),
        "cores": 1,
    }


def extract(path: Path) -> None:
    """Bytes of a file to all rows of its article."""
    extract_article(path.read_bytes(), ACCESSION)


def plain_parser(path: Path) -> None:
    """The reference's captions and metadata; an article that it cannot read costs it what it took until then."""
    for parse in (pubmed_parser.parse_pubmed_caption, pubmed_parser.parse_pubmed_xml):
        try:
            parse(str(path))
        except (KeyError, UnboundLocalError, AttributeError):
            continue


def _seconds(function: Callable[[Path], None], path: Path) -> float:
    started = time.process_time()
    function(path)
    return time.process_time() - started


if __name__ == "__main__":
    sys.stdout.write(f"{run(Path(sys.argv[1]) if len(sys.argv) > 1 else None)}\n")
