"""Table `inventory`: which article versions the source lists, and which changed."""

import pyarrow as pa

from schemas.table import TIMESTAMP, Column, Table

PRESENT = "present"
REMOVED = "removed"

INVENTORY = Table(
    name="inventory",
    comment="One row per article version that the source lists or once listed.",
    key=("accession",),
    checks={"known_state": f"state IN ('{PRESENT}', '{REMOVED}')", "accession_form": "accession = concat(pmcid, '.', version)"},
    columns=(
        Column("accession", pa.string(), "Article version, PMCID.version (PMC13901.1)", required=True),
        Column("pmcid", pa.string(), "PubMed Central id with prefix (PMC13901)", required=True),
        Column("version", pa.int32(), "Version number of the article, from 1", required=True),
        Column(
            "etag",
            pa.string(),
            "Change mark of the metadata object: changes when any object of the version changes",
            required=True,
        ),
        Column("last_modified", TIMESTAMP, "When the source last wrote the metadata object (inventory)"),
        Column("state", pa.string(), "present: listed by the newest inventory; removed: no longer listed", required=True),
        Column("first_seen", TIMESTAMP, "Time of the inventory that first listed this version", required=True),
        Column(
            "last_seen",
            TIMESTAMP,
            "present: time of the first inventory that listed it as it stands in this row, as all since did; "
            "removed: time of the last inventory that listed it",
            required=True,
        ),
    ),
)
