"""Damaged and hostile articles end as rows or a reject with a reason, in bounded time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs.bench.article_mutations import MUTATIONS, mutant, mutated
from schemas.rejects import Reason, Rejected
from tests.conftest import ROOT
from tests.udfs.jats_articles import ACCESSION, article, fig, xref
from udfs.jats import Extraction, Limits, extract_article
from udfs.jats.intervals import Intervals

JATS_REASONS = {Reason.NOT_XML, Reason.NOT_AN_ARTICLE, Reason.NO_FRONT, Reason.TOO_LARGE, Reason.TOO_DEEP}
NUM_MUTATED = 30 * len(MUTATIONS)
WATCHDOG_S = 300
MAX_GROWTH_MB = 400


def test_mutants_are_made_again_from_seed_and_number() -> None:
    originals = [article(fig("F1") + f"<p>{xref('F1', 'Fig. 1')}</p>" * number) for number in range(1, 4)]
    first, again, other = (list(mutated(originals, len(MUTATIONS), seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert first[7] == mutant(originals, 7, 1)
    assert [name for name, _ in first] == list(MUTATIONS)
    assert all(damaged not in originals for name, damaged in first if name != "rename_elements")


@pytest.fixture(scope="module")
def measured(shared_data: Path) -> dict[str, Any]:
    """What the process of bounded memory reports of mutants of real articles; a crash or an endless loop fails here."""
    command = [sys.executable, "-m", "jobs.bench.hostile_articles", "--json", "--count", str(NUM_MUTATED)]
    place = ["--shared-data", str(shared_data), "--seed", "2026"]
    done = subprocess.run([*command, *place], cwd=ROOT, capture_output=True, text=True, timeout=WATCHDOG_S, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_mutated_articles_give_rows_or_reasons(measured: dict[str, Any]) -> None:
    counts = {name: sum(one["counts"].values()) for name, one in measured["mutations"].items()}
    assert counts == dict.fromkeys(MUTATIONS, NUM_MUTATED // len(MUTATIONS))
    outcomes = {reason for one in measured["mutations"].values() for reason in one["counts"]}
    assert outcomes <= {"ok", "recovered", *map(str, JATS_REASONS)}
    assert {"ok", "recovered", "not_xml", "too_deep", "too_large", "no_front"} <= outcomes


def test_mutated_articles_take_little_memory(measured: dict[str, Any]) -> None:
    assert measured["peak_mb"] - measured["before_mb"] < MAX_GROWTH_MB


def extracted(body: str, limits: Limits = Limits()) -> Extraction:  # noqa: B008  frozen
    return extract_article(article(body), ACCESSION, limits=limits)


def test_rows_that_repeat_a_text_too_often_are_refused() -> None:
    group = f"<fig-group><caption><p>{'x' * 1000}</p></caption>{''.join(fig(f'F{n}') for n in range(50))}</fig-group>"
    paragraph = fig("F1") + f"<p>{'x' * 1000}{xref('F1', 'Fig. 1') * 50}</p>"
    for body in (group, paragraph):
        assert extracted(body).num_chars > 50_000
        with pytest.raises(Rejected) as refusal:
            extracted(body, Limits(max_row_chars=50_000))
        assert refusal.value.reason is Reason.TOO_LARGE


def test_sentences_that_mentions_share_are_one_string() -> None:
    first, second = extracted(fig("F1") + f"<p>So it was. {xref('F1', 'Fig. 1')} and {xref('F1', 'Fig. 1')}.</p>").mentions
    assert first["sentence"] == "Fig. 1 and Fig. 1."
    assert first["sentence"] is second["sentence"]


def test_intervals_answer_as_a_look_at_each_of_them() -> None:
    known = [(5, 9), (0, 20), (30, 30), (3, 4), (50, 49), (40, 60)]
    intervals = Intervals(known)
    for start in range(70):
        for end in range(start, 70):
            assert intervals.touch(start, end) == any(one <= end and other >= start for one, other in known)
    assert not Intervals([]).touch(0, 100)
