"""Table `rejects`: what was refused, at which stage and why."""

from enum import StrEnum

import pyarrow as pa

from schemas.table import TIMESTAMP, Column, Table


class Reason(StrEnum):
    """Why an input was refused; the value is what stands in `rejects.reason`."""

    BAD_KEY = "bad_key"
    METADATA_INVALID = "metadata_invalid"
    UNSAFE_URI = "unsafe_uri"
    NOT_FOUND = "not_found"
    CHECKSUM_MISMATCH = "checksum_mismatch"
    FETCH_FAILED = "fetch_failed"
    XML_MISSING = "xml_missing"
    NOT_XML = "not_xml"
    NOT_AN_ARTICLE = "not_an_article"
    NO_FRONT = "no_front"
    TOO_DEEP = "too_deep"
    TOO_LARGE = "too_large"
    TOO_SMALL = "too_small"
    NOT_AN_IMAGE = "not_an_image"
    TRUNCATED = "truncated"
    BLANK = "blank"
    UNSUPPORTED = "unsupported"
    TIMEOUT = "timeout"
    NO_MEDIA = "no_media"
    MEDIA_REJECTED = "media_rejected"
    DAMAGED = "damaged"
    DANGLING_REFERENCE = "dangling_reference"


class Rejected(Exception):
    """Raised by kernels for an input that becomes a row of `rejects`, never for a fault of the program."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail[:500]

    def __reduce__(self) -> tuple[type["Rejected"], tuple[object, ...]]:
        """Pickle by the two arguments, so that the error crosses process boundaries."""
        return type(self), (self.reason, self.detail)


REJECTS = Table(
    name="rejects",
    comment="One row per input that a stage refused; the row goes when the input is accepted later.",
    key=("stage", "key"),
    checks={"known_reason": f"reason IN ({', '.join(repr(str(reason)) for reason in Reason)})", "attempted": "attempts > 0"},
    columns=(
        Column("stage", pa.string(), "Job that refused the input", required=True),
        Column(
            "key",
            pa.string(),
            "What was refused: an accession, accession/media_name, accession/figure_id or an inventory key",
            required=True,
        ),
        Column("reason", pa.string(), "Why, from a closed list", required=True),
        Column("detail", pa.string(), "What exactly, with both digests or sizes where there are any"),
        Column("fingerprint", pa.string(), "Change mark of the input: an input with another one is tried again", required=True),
        Column("attempts", pa.int32(), "How many runs tried", required=True),
        Column("first_seen", TIMESTAMP, "When it was first refused", required=True),
        Column("last_seen", TIMESTAMP, "When it was last refused", required=True),
        Column("run_id", pa.string(), "Run that last refused it", required=True),
    ),
)
