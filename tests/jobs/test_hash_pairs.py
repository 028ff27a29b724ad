"""The file of hashes that a search sends to the executors."""

from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from conf.settings import DuplicateSettings
from jobs.hash_pairs import hash_pairs, sent_files
from tests.jobs.rows import collected

pytestmark = pytest.mark.spark


def test_an_executor_that_comes_after_a_search_finds_what_was_sent_for_it(spark: SparkSession) -> None:
    hashes = spark.createDataFrame([(1, True), (3, True), (-1, False)], "phash long, is_new boolean")
    with hash_pairs(hashes, DuplicateSettings()) as found:
        assert collected(found, "lower_phash", "upper_phash", "hamming_distance") == [(1, 3, 1)]
    names = {url.rpartition("/")[2] for url in spark.sparkContext.listFiles}
    sent = [sent_files() / name for name in names if name.startswith("hashes-")]
    assert sent
    assert [path.stat().st_size for path in sent] == [0] * len(sent)
