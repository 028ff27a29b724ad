"""Table `eval_overlap`: archive images that also stand in an evaluation set."""

import pyarrow as pa

from schemas.table import Column, Table

EVAL_OVERLAP = Table(
    name="eval_overlap",
    comment="One row per archive image and evaluation set that has the same picture: never exported to train.",
    key=("image_sha256", "eval_set"),
    checks={"distance_range": "hamming_distance BETWEEN 0 AND 64"},
    columns=(
        Column("image_sha256", pa.string(), "The archive's image (images.image_sha256)", required=True),
        Column("eval_set", pa.string(), "Name of the evaluation set (settings: eval.sets)", required=True),
        Column("eval_image", pa.string(), "SHA-256 (hex) of the nearest image of the set", required=True),
        Column(
            "hamming_distance",
            pa.int32(),
            "Bits by which the trimmed 64-bit pHashes differ (0 where the pixels are equal)",
            required=True,
        ),
        Column("hash_version", pa.string(), "Hash definitions compared", required=True),
    ),
)
