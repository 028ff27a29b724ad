"""Table `media`: a media object of an article version that a figure names."""

import pyarrow as pa

from schemas.digests import MISMATCHES
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
            "digest_mismatches",
            MISMATCHES,
            "Reads whose MD5 was not the one expected, before one was after the metadata were read again: both (hex), in order",
            required=True,
        ),
        Column(
            "etag",
            pa.string(),
            "Change mark of the article version (documents.etag) under which an object without a listed digest was read; "
            "NULL where a digest tells whether it changed",
        ),
        Column(
            "options_hash",
            pa.string(),
            "SHA-256 of the image settings and hash definition under which the image was made (hex)",
            required=True,
        ),
        Column("image_sha256", pa.string(), "Content of the object (images.image_sha256)", required=True),
    ),
)
