"""The cap on requests holds for all tasks of a job together, from its first request to its last."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from conf.load import load_settings
from jobs import fetch_articles
from jobs.entry import job_module
from jobs.stage import RunContext, run_stage
from tests.pipeline.lakes import overrides
from tests.pipeline.request_cap import TimedDocuments, begin_of, over_the_cap
from tests.pipeline.test_faults import ACQUIRING, QUICK, put_article, put_inventory
from tests.udfs.bucket_server import BUCKET, running_bucket_server
from tests.udfs.fault_proxy import FaultProxy

REQUESTS_PER_S = 10  # so few that a busy machine could send more


def test_requests_of_a_run_that_nothing_holds_up_stay_under_the_cap(
    spark: SparkSession, empty_lake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(empty_lake, tmp_path / "lake")
    monkeypatch.setattr(fetch_articles, "DocumentFetch", partial(TimedDocuments, folder=str(tmp_path)))
    names = [f"calm {number}" for number in range(4 * REQUESTS_PER_S)]
    with running_bucket_server() as server, (proxy := FaultProxy(server.url, BUCKET)).running() as url:
        for name in names:
            put_article(server, name)
        put_inventory(server, names)
        settings = [*overrides(Path("unused"), tmp_path), f"source.uri=s3://{BUCKET}", f"source.endpoint={url}", *QUICK]
        settings.append(f"fetch.requests_per_s={REQUESTS_PER_S}")
        for stage in ACQUIRING[:2]:
            run_stage(spark, load_settings("local", settings), RunContext.new(), job_module(stage), stage)
    begin = begin_of(tmp_path / "fetch_articles")
    arrived = sorted(request.time_s for request in proxy.requests if request.time_s >= begin)
    assert len(arrived) == 2 * len(names)
    assert over_the_cap(begin, arrived, REQUESTS_PER_S) == []
