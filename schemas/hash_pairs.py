"""Table `hash_pairs`: the candidate graph that duplicate clusters are decided on."""

import pyarrow as pa

from schemas.table import Column, Table

HASH_PAIRS = Table(
    name="hash_pairs",
    comment="Pairs of distinct trimmed pHashes within duplicates.max_distance bits that 256-bit hashes confirm or cannot tell.",
    key=("lower_phash", "upper_phash"),
    checks={"ordered": "lower_phash < upper_phash", "distance_range": "hamming_distance BETWEEN 1 AND 64"},
    columns=(
        Column("lower_phash", pa.int64(), "The smaller hash (images.phash_trimmed)", required=True),
        Column("upper_phash", pa.int64(), "The larger hash (images.phash_trimmed)", required=True),
        Column("hamming_distance", pa.int32(), "Bits by which the two differ", required=True),
    ),
)
