"""Table `shards`: an exported shard file."""

import pyarrow as pa

from schemas.table import Column, Table

SHARDS = Table(
    name="shards",
    comment="One row per shard file of an export.",
    key=("export", "shard"),
    checks={"not_empty": "num_samples > 0"},
    columns=(
        Column("export", pa.string(), "Name of the export", required=True),
        Column("shard", pa.string(), "File name of the shard (train-000000.tar)", required=True),
        Column("split", pa.string(), "train, val or test", required=True),
        Column("num_samples", pa.int64(), "Samples in the shard", required=True),
        Column("num_bytes", pa.int64(), "Size of the tar file (bytes)", required=True),
        Column("sha256", pa.string(), "SHA-256 of the tar file (hex)", required=True),
        Column("recipe_hash", pa.string(), "SHA-256 of the export settings (hex)", required=True),
        Column("table_versions", pa.map_(pa.string(), pa.int64()), "Delta version of every table that was read", required=True),
    ),
)
