"""Table `media`: a media object of an article version that a figure names."""

import pyarrow as pa

from schemas.table import Column, Table

MEDIA = Table(
    name="media",
    comment="One row per fetched media object that a figure names.",
    key=("accession", "media_name"),
    checks={},
    columns=(
        Column("accession", pa.string(), "Article version, PMCID.version", required=True),
        Column("media_name", pa.string(), "Name of the object below the version's prefix", required=True),
        Column("uri", pa.string(), "Where the source says the object lies, without digest", required=True),
        Column("num_bytes", pa.int64(), "Size of the object (bytes)", required=True),
        Column("md5_listed", pa.string(), "Digest in the metadata stored in documents (hex), under which the object was sought"),
        Column(
            "md5_expected",
            pa.string(),
            "Digest in the metadata that was current when the object was read (hex): another than md5_listed if it was replaced",
        ),
        Column("md5_actual", pa.string(), "Digest of the fetched bytes (hex)", required=True),
        Column(
            "options_hash",
            pa.string(),
            "SHA-256 of the image settings and hash definition under which the image was made (hex)",
            required=True,
        ),
        Column("image_sha256", pa.string(), "Content of the object (images.image_sha256)", required=True),
    ),
)
