"""spark-submit to a standalone cluster gives the same tables as a local run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.conftest import Archive
from tests.pipeline.lakes import differing_tables, overrides
from tests.pipeline.standalone import running_cluster


@pytest.mark.slow
def test_submitting_to_a_cluster_gives_the_tables_of_a_local_run(small_archive: Archive, tmp_path: Path) -> None:
    out, complaints = tmp_path / "out", tmp_path / "submitted.log"
    with running_cluster(tmp_path) as cluster, cluster.submit(overrides(small_archive.bucket, out), complaints) as submitted:
        submitted.wait(timeout=500)
    assert submitted.returncode == 0, complaints.read_text()[-3000:]
    assert differing_tables(out / "lake", small_archive.lake) == []
