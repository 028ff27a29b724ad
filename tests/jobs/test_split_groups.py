"""Articles that shared images connect."""

import random

import pytest
from pyspark.sql import SparkSession

from jobs.split_groups import split_groups
from tests.components import components
from tests.jobs.rows import collected

pytestmark = pytest.mark.spark


def test_groups_are_the_connected_components_named_by_their_smallest_article(spark: SparkSession) -> None:
    rng = random.Random(7)
    uses = [(f"PMC{rng.randrange(400)}", f"picture {rng.randrange(500)}") for _ in range(600)]
    expected: dict[str, str] = {}
    for component in components(uses):
        names = sorted((name for name in component if name.startswith("PMC")), key=lambda name: int(name[3:]))
        expected |= dict.fromkeys(names, names[0])
    assert 20 < len(set(expected.values())) < len(expected) - 20
    found = collected(split_groups(spark.createDataFrame(uses, "pmcid string, near_component string")))
    assert len(found) == len(expected)
    assert dict(found) == expected


def test_articles_that_share_nothing_stand_alone(spark: SparkSession) -> None:
    uses = [("PMC1", "a"), ("PMC1", "b"), ("PMC1", "a"), ("PMC2", "c")]
    groups = split_groups(spark.createDataFrame(uses, "pmcid string, near_component string"))
    assert collected(groups) == [("PMC1", "PMC1"), ("PMC2", "PMC2")]
