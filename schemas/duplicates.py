"""Table `duplicates`: images that show the same picture, and which of them stands for all."""

import pyarrow as pa

from schemas.table import Column, Table

SELF = "self"
EXACT_BYTES = "exact_bytes"
EXACT_PIXELS = "exact_pixels"
NEAR = "near"
KINDS = (SELF, EXACT_BYTES, EXACT_PIXELS, NEAR)

DUPLICATES = Table(
    name="duplicates",
    comment="One row per image in a duplicate cluster or near a member of one; any other image has no row.",
    key=("image_sha256",),
    checks={
        "known_kind": f"kind IN ({', '.join(repr(kind) for kind in KINDS)})",
        "distance_range": "hamming_distance BETWEEN 0 AND 64",
    },
    columns=(
        Column("image_sha256", pa.string(), "The image (images.image_sha256)", required=True),
        Column(
            "cluster_id",
            pa.string(),
            "Id of the cluster: the first 16 hex digits of its canonical image's SHA-256",
            required=True,
        ),
        Column(
            "canonical_sha256",
            pa.string(),
            "The image that stands for the cluster (largest, best licence, oldest)",
            required=True,
        ),
        Column(
            "component_id",
            pa.string(),
            "cluster_id of the best image that a chain of near images connects to this one: no such chain crosses splits "
            "that has no boilerplate for a link",
            required=True,
        ),
        Column(
            "kind",
            pa.string(),
            "self: the canonical image; exact_bytes: canonical, and the same file stands at several places; "
            "exact_pixels: same pixels; near: similar",
            required=True,
        ),
        Column(
            "hamming_distance",
            pa.int32(),
            "Bits by which the trimmed 64-bit pHash differs from the canonical image's",
            required=True,
        ),
        Column("num_media", pa.int64(), "Media objects with this content", required=True),
        Column("hash_version", pa.string(), "Hash definitions compared", required=True),
        Column("max_distance", pa.int32(), "Bits of the 64-bit pHash by which images that were joined may differ", required=True),
        Column("max_distance_256", pa.int32(), "Bits of the 256-bit pHash by which they may differ", required=True),
    ),
)
