"""Table `documents`: the raw files of an article version, kept so that extraction runs again without the network."""

import pyarrow as pa

from schemas.digests import MISMATCHES
from schemas.table import Column, Table

STORED = "stored"
FILTERED = "filtered"
REFUSED = "refused"

DOCUMENTS = Table(
    name="documents",
    comment="One row per fetched article version: its metadata JSON and JATS XML as the source had them.",
    key=("accession",),
    checks={
        "known_state": f"state IN ('{STORED}', '{FILTERED}', '{REFUSED}')",
        "stored_has_xml": f"(state = '{STORED}') = (xml IS NOT NULL)",
        "filtered_has_reason": f"(state = '{FILTERED}') = (filter_reason IS NOT NULL)",
    },
    columns=(
        Column("accession", pa.string(), "Article version, PMCID.version", required=True),
        Column("etag", pa.string(), "Change mark under which the files were fetched (inventory.etag)", required=True),
        Column(
            "state",
            pa.string(),
            "stored: metadata and XML are here; filtered: metadata only, the selection leaves it out; "
            "refused: metadata only, which say that it is retracted; why its XML is not here stands in rejects",
            required=True,
        ),
        Column("filter_reason", pa.string(), "Why the XML was not fetched: not_open_access or license_group"),
        Column("metadata", pa.string(), "Metadata JSON as fetched (UTF-8)", required=True),
        Column("xml", pa.binary(), "JATS XML as fetched (bytes in the encoding that the file declares)"),
        Column("num_bytes", pa.int64(), "Size of metadata and XML together (bytes)", required=True),
        Column("xml_md5", pa.string(), "MD5 of the XML (hex), equal to the digest in the metadata"),
        Column(
            "digest_mismatches",
            MISMATCHES,
            "Reads of the XML whose MD5 was not that in the metadata, before both were read again: both digests (hex), in order",
            required=True,
        ),
        Column("is_open_access", pa.bool_(), "Metadata: is_pmc_openaccess", required=True),
        Column("is_retracted", pa.bool_(), "Metadata as last read, even without their XML: is_retracted", required=True),
        Column(
            "is_relicensed",
            pa.bool_(),
            "Metadata read later, whose XML could not be had, give another licence than those in this row: no pairs until it can",
            required=True,
        ),
        Column("is_manuscript", pa.bool_(), "Metadata: is_manuscript, an author manuscript", required=True),
        Column("license_code", pa.string(), "Metadata: license_code (CC BY, CC0, ..., TDM)"),
        Column("license_group", pa.string(), "commercial, noncommercial or other, from license_code", required=True),
    ),
)
