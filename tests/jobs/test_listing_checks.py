"""Which listings are refused rather than followed."""

import json
from datetime import UTC, datetime

import pytest

from conf.load import load_settings
from conf.settings import Settings, UnusableSettings
from jobs.listing_checks import check_age, check_removals, inventory_time
from udfs.inventory import Manifest

FOLDER = "inventory-reports/pmc-oa-opendata/metadata"


def manifest(day: int) -> Manifest:
    key = f"{FOLDER}/2026-11-{day:02d}T01-00Z/manifest.json"
    return Manifest(key, datetime(2026, 11, day, 1, 5, tzinfo=UTC), (), (), "0123")


def followed(day: int) -> str:
    return json.dumps({"mark": f"{manifest(day).key} 0123"})


def settings(*overrides: str) -> Settings:
    return load_settings("local", list(overrides))


def test_an_inventory_is_as_old_as_its_folder_says_or_its_listing() -> None:
    assert inventory_time(None) is None
    assert inventory_time(followed(3)) == datetime(2026, 11, 3, 1, tzinfo=UTC)
    assert inventory_time(json.dumps({"mark": "listed 2026-11-04T02:00:00+00:00"})) == datetime(2026, 11, 4, 2, tzinfo=UTC)


def test_an_inventory_from_before_the_one_followed_last_is_refused_unless_wanted() -> None:
    for inputs in (None, followed(2), followed(3), json.dumps({"mark": "listed 2026-12-24T00:00:00+00:00"})):
        check_age(manifest(3), inputs, settings())
    with pytest.raises(UnusableSettings, match=r"2026-11-03T01-00Z.*2026-11-04 01:00.*source\.allow_older=true"):
        check_age(manifest(3), followed(4), settings())
    check_age(manifest(3), followed(4), settings("source.allow_older=true"))


@pytest.mark.parametrize(
    ("num_removed", "num_present", "bound", "is_refused"),
    [(0, 0, 0.1, False), (10, 100, 0.1, False), (11, 100, 0.1, True), (100, 100, 1.0, False), (1, 100, 0.0, True)],
)
def test_a_listing_that_lacks_too_much_is_refused(num_removed: int, num_present: int, bound: float, is_refused: bool) -> None:
    chosen = settings(f"source.max_removed_fraction={bound}")
    if is_refused:
        with pytest.raises(UnusableSettings, match=rf"{num_removed} of the {num_present} .*max_removed_fraction={bound}"):
            check_removals(num_removed, num_present, chosen)
    else:
        check_removals(num_removed, num_present, chosen)
