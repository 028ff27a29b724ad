"""Whether a listing of the source can be followed: newer than the last one, and not the rest of a broken one."""

from __future__ import annotations

import json
from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from conf.settings import Settings, UnusableSettings
from udfs.inventory import Manifest, folder_time

LISTED = "listed "
"""Begins the mark of a listing that was made without an inventory."""


def inventory_time(inputs: str | None) -> datetime | None:
    """When the inventory or listing was made that a recorded run of sync_inventory followed; None before the first."""
    if inputs is None:
        return None
    own_mark = str(json.loads(inputs)["mark"])
    if own_mark.startswith(LISTED):
        return datetime.fromisoformat(own_mark.removeprefix(LISTED))
    return folder_time(own_mark.partition(" ")[0])


def check_age(manifest: Manifest, inputs: str | None, settings: Settings) -> None:
    """UnusableSettings for an inventory from before the one that was followed last: it would undo what came since."""
    if inputs is None or LISTED in inputs or settings.source.allow_older:
        return
    last = inventory_time(inputs)
    if last is not None and folder_time(manifest.key) < last:
        raise UnusableSettings(
            f"source.uri: the newest complete inventory is {manifest.key}, but the archive already follows that of"
            f" {last:%Y-%m-%d %H:%M} UTC; wait for a newer one, or set source.allow_older=true to go back"
        )


def check_parts(listing: DataFrame, manifest: Manifest | None) -> None:
    """UnusableSettings, which names a file, for an inventory with files that cannot be read or are not what it says of them."""
    problems = listing.where(F.col("problem").isNotNull())
    found = problems.agg(F.min("problem").alias("first"), F.count("*").alias("num")).collect()[0]
    if manifest and found["num"]:
        raise UnusableSettings(
            f"source.uri: {found['num']} of the {len(manifest.parts)} files of the inventory {manifest.key} cannot be followed,"
            f" so nothing was changed: {found['first']}; run again, wait for the next inventory, or repair a copy of your own"
        )


def check_removals(num_removed: int, num_present: int, settings: Settings) -> None:
    """UnusableSettings for a listing that lacks so much of what is here that it is rather broken than true."""
    bound = settings.source.max_removed_fraction
    if num_removed > bound * num_present:
        raise UnusableSettings(
            f"source.uri: the listing lacks {num_removed} of the {num_present} article versions that are here, more than"
            f" source.max_removed_fraction={bound} allows; check the source, or raise it if they are really gone"
        )
