"""Table `originals`: the bytes of images as the source had them, where the settings keep them."""

import pyarrow as pa

from schemas.table import Column, Table

ORIGINALS = Table(
    name="originals",
    comment="One row per distinct image content with its original bytes; empty unless fetch.keep_image_bytes is set.",
    key=("image_sha256",),
    checks={"whole": "num_bytes = length(data)"},
    columns=(
        Column("image_sha256", pa.string(), "SHA-256 of the bytes (hex; images.image_sha256)", required=True),
        Column("num_bytes", pa.int64(), "Size (bytes)", required=True),
        Column("data", pa.binary(), "The media object's bytes as fetched", required=True),
    ),
)
