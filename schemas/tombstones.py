"""Table `tombstones`: a pair that once stood in the archive and was taken out, or has another licence now."""

import pyarrow as pa

from schemas.table import TIMESTAMP, Column, Table

TOMBSTONES = Table(
    name="tombstones",
    comment="One row per pair that was taken out of the archive or relicensed, so that copies made from it can follow.",
    key=("pair_id",),
    checks={},
    columns=(
        Column("pair_id", pa.string(), "Sample key of the pair that was taken out or relicensed", required=True),
        Column("accession", pa.string(), "Article version, PMCID.version", required=True),
        Column("figure_id", pa.string(), "Figure within the version", required=True),
        Column("image_sha256", pa.string(), "Image that the pair had", required=True),
        Column(
            "reason",
            pa.string(),
            "removed, retracted, relicensed (or left out by its rights), refused (see rejects), superseded, changed; "
            "a pair that is relicensed may live on under the new licence, every other one is not in pairs",
            required=True,
        ),
        Column("license_code", pa.string(), "Licence code that the pair had (pairs.license_code)"),
        Column("new_license_code", pa.string(), "Licence code that it got, if it lives on; NULL also for unknown terms"),
        Column("removed_at", TIMESTAMP, "When the pair was taken out or got its new licence", required=True),
    ),
)
