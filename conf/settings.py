"""Settings of the pipeline: frozen models, one section a concern, units in the names."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from conf.public_values import public_values

LicenseGroup = Literal["commercial", "noncommercial", "other"]
FigureRights = Literal["article", "own_license", "third_party"]
Positive = Annotated[int, Field(gt=0)]
MAX_TIMEOUT_S = 3_600  # clocks of the operating system take no arbitrary time
SHRUNK_SIDE_PX = 512  # to which images are measured: a decoder that shrinks them stops above it
Fraction = Annotated[float, Field(ge=0, le=1)]


def _absolute(uri: str) -> str:
    """A folder by its absolute path: Delta takes no other, and an executor has its own working folder. URLs stay as they are.

    `~` is the home of who gives the settings, as in a shell, which does not see it behind a `=`.
    """
    if re.match(r"[A-Za-z][\w+.-]+:/", uri):
        return uri
    return str((Path(uri).expanduser() if Path(uri).parts[:1] == ("~",) else Path(uri)).absolute())


Folder = Annotated[str, Field(min_length=1), AfterValidator(_absolute)]


class UnusableSettings(ValueError):
    """Settings or arguments that are wrong, or that do not fit what is there; the message says what to change."""


class Section(BaseModel):
    """Base of every settings model: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def digest(self) -> str:
        """SHA-256 (hex) of the resolved values: equal settings, equal digest."""
        return self._digest()

    def _digest(self) -> str:
        return hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()

    def public_dump(self) -> dict[str, Any]:
        """The resolved values as JSON types, without secrets: what others may read."""
        dumped: dict[str, Any] = public_values(self.model_dump(mode="json"))
        return dumped


def _flat(prefix: str, options: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in options.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", str(value).lower() if isinstance(value, bool | int | float) else value


class SourceSettings(Section):
    """Where articles come from and which of them are wanted."""

    uri: Folder = Field(description="Folder, s3://bucket or https://host of a bucket in the PMC Cloud Service layout")
    bucket: str = Field("pmc-oa-opendata", min_length=1, description="Bucket name that URIs in the metadata carry")
    region: str = "us-east-1"
    endpoint: str | None = Field(
        None, pattern="^https?://", description="Other S3 endpoint, for a mirror or a test server; http:// only here"
    )
    ids: str | None = Field(None, description="File with one PMCID or accession a line; None: every article")
    query: str | None = Field(None, min_length=1, description="ESearch query (database pmc) instead of a file of ids")
    esearch_url: str = Field(
        "https://eutils.ncbi.nlm.nih.gov/entrez/eutils/esearch.fcgi",
        pattern="^https?://",
        description="ESearch service; may carry api_key, tool and email as its query string",
    )
    since: date | None = Field(None, description="Only what the source wrote on this day (UTC) or later; None: everything")
    max_removed_fraction: Fraction = Field(
        0.1, description="Refuse a listing that lacks more than this share of what is here: it is rather broken than true"
    )
    allow_older: bool = Field(False, description="Also follow an inventory that is older than the one followed last")
    license_groups: tuple[LicenseGroup, ...] = Field(("commercial", "noncommercial", "other"), min_length=1)
    require_open_access: bool = Field(True, description="Leave out what is not in the PMC Open Access Subset")

    @model_validator(mode="after")
    def _one_list(self) -> SourceSettings:
        if self.ids and self.query:
            raise ValueError("ids and query exclude each other: set one of them")
        return self


class LakeSettings(Section):
    """Where the Delta tables live."""

    uri: Folder = Field(description="Folder or object store path below which each table has its folder")
    catalog: str | None = Field(None, description="Catalog.schema to name the tables in (Databricks); None: tables by path")
    exclusive: bool = Field(
        True, description="Let no second run write at the same time (files in `_lease`); False: something else sees to it"
    )

    @field_validator("uri")
    @classmethod
    def _no_trailing_slash(cls, uri: str) -> str:
        return uri.rstrip("/") or "/"


class SparkSettings(Section):
    """How the session is made; an already running session (Databricks) only takes `conf`."""

    master: str | None = Field(None, description="Spark master; None: what spark-submit or the running session says")
    delta_jar: str | None = Field(None, description="Local Delta jars (comma-separated), for clusters without a network")
    driver_memory: str = Field("4g", pattern=r"^\d+[kmg]$")
    log_file: str | None = Field(None, description="File for what the JVM writes to standard error; None: the terminal")
    conf: dict[str, str] = Field(default_factory=dict, description="Further Spark options")

    @field_validator("conf", mode="before")
    @classmethod
    def _dotted(cls, conf: object) -> object:
        """Options by their dotted names, whether written so or, as an override's key is read, nested at each dot."""
        return dict(_flat("", conf)) if isinstance(conf, dict) else conf


class FetchSettings(Section):
    """How the source is read."""

    concurrency: Positive = Field(32, description="Requests in flight per executor, shared by its tasks: one each at least")
    requests_per_s: float = Field(0.0, ge=0, description="Cap over the whole job, shared by its tasks; 0: none")
    attempts: Positive = Field(4, description="Tries per request before the object is rejected")
    digest_attempts: Positive = Field(2, description="Tries, each with fresh metadata, to get an object that matches its MD5")
    first_backoff_s: float = Field(0.2, ge=0, description="Bound of the first random pause between tries; doubles with each")
    max_backoff_s: float = Field(20.0, ge=0, description="Largest pause between two tries (seconds)")
    connect_timeout_s: float = Field(10.0, gt=0, le=MAX_TIMEOUT_S, description="Limit for making a connection (seconds)")
    timeout_s: float = Field(60.0, gt=0, le=MAX_TIMEOUT_S, description="Limit for one request (seconds)")
    max_metadata_bytes: Positive = 16 * 2**20
    max_xml_bytes: Positive = 64 * 2**20
    max_image_bytes: Positive = 256 * 2**20
    max_held_bytes: Positive = Field(
        256 * 2**20,
        description="Bytes of objects that a task reads, or has read and not yet processed; what comes next may go over it",
    )
    wave_size: Positive = Field(
        200_000,
        description="Versions or images fetched per committed wave, which a killed run can lose; ten times as many extracted",
    )
    partition_bytes: Positive = Field(64 * 2**20, description="Bytes aimed at per task")
    keep_image_bytes: bool = Field(False, description="Also keep every image's original bytes, in the table originals")
    retry_rejected: bool = Field(
        False,
        description="Try again all that an earlier run rejected, not only failed requests, though nothing changed at the source",
    )

    @property
    def is_capped(self) -> bool:
        """Whether requests are capped, which tasks share."""
        return self.requests_per_s > 0


class ImageSettings(Section):
    """What an image may be and how it is normalised."""

    max_side_px: int = Field(
        512,
        ge=0,
        description="Longest side of the normalised image (pixels); 0: the original's; at most 65,500 as JPEG, 16,383 as WebP",
    )
    format: Literal["JPEG", "WEBP"] = "JPEG"
    quality: int = Field(90, ge=1, le=100)
    chroma: Literal["4:4:4", "4:2:2", "4:2:0"] = Field("4:2:0", description="Chroma subsampling of JPEG; WebP always has 4:2:0")
    keep_original: bool = Field(True, description="Store the original bytes of an upright sRGB JPEG that is small enough")
    shrink_on_load: bool = Field(
        False,
        description="Let the JPEG decoder shrink large images: quicker, but hashes are no longer imagehash's, nor pixels told "
        "equal across formats",
    )
    min_side_px: Positive = Field(16, description="Images with a shorter side are rejected as too_small")
    max_bytes: Positive = Field(256 * 2**20, description="Files with more bytes are rejected as too_large")
    max_pixels: Positive = Field(50_000_000, description="Images with more pixels are rejected as too_large")
    max_scans: Positive = Field(100, description="JPEGs with more scans are rejected as too_large")
    timeout_s: float = Field(3.0, gt=0, le=MAX_TIMEOUT_S, description="Limit for one image (seconds)")

    @model_validator(mode="after")
    def _large_enough(self) -> ImageSettings:
        if self.shrink_on_load and not 1 <= self.max_side_px <= SHRUNK_SIDE_PX:
            raise ValueError(
                f"max_side_px must be 1 to {SHRUNK_SIDE_PX}, not {self.max_side_px}, with shrink_on_load: the decoder may "
                "leave no more pixels than that; or set shrink_on_load to false"
            )
        return self


class DuplicateSettings(Section):
    """When two images are the same picture."""

    max_distance: int = Field(6, ge=0, le=8, description="Bits by which two trimmed 64-bit pHashes may differ")
    max_distance_256: int = Field(44, ge=0, le=256, description="Bits by which the 256-bit pHashes of a match may differ")
    min_entropy_bits: float = Field(0.5, ge=0, description="Images with less entropy match only by equal pixels")
    max_articles_per_image: Positive = Field(
        50, description="An image in more articles is boilerplate: no pair, and it connects no articles"
    )
    max_articles_per_component: Positive = Field(
        500,
        description="As boilerplate counts what chains of near images connect in more articles: a logo encoded anew",
    )
    max_broadcast_bytes: Positive = Field(
        5_000_000_000,
        description="Up to so much goes to every executor in files (16 bytes a 64-bit hash, 32 a 256-bit one); more is shuffled",
    )
    hashes_per_task: Positive = Field(
        2_000_000,
        description="Hashes a task holds when they are shuffled, about 100 bytes each; fewer where they have more 256-bit ones",
    )
    images_per_task: Positive = Field(200_000, description="Images whose clusters a task decides (about 400 bytes each)")

    @model_validator(mode="after")
    def _components_above_images(self) -> DuplicateSettings:
        if self.max_articles_per_component < self.max_articles_per_image:
            raise ValueError(
                f"max_articles_per_component ({self.max_articles_per_component}) must not be below max_articles_per_image"
                f" ({self.max_articles_per_image}): what single images may connect would count as boilerplate"
            )
        return self


class EvalSettings(Section):
    """Images that no training set may contain: those of evaluation sets."""

    sets: dict[str, Folder] = Field(
        default_factory=dict,
        description="Name of each set: folder of image files, or Delta table with a binary column `image`",
    )

    allow_removed: tuple[str, ...] = Field(
        (), description="Names of sets of the last run to give up, as they were then: their images may stand in train again"
    )

    allow_unread: tuple[str, ...] = Field(
        (), description="Names of sets that may have files of which no image can be read: copies of these may stand in train"
    )

    def digest(self) -> str:
        """As of every section, of the sets alone: what an export allows decides nothing of how they are compared."""
        return self.model_copy(update={"allow_removed": (), "allow_unread": ()})._digest()

    @field_validator("sets", mode="before")
    @classmethod
    def _named(cls, sets: object) -> object:
        if isinstance(sets, str):
            raise ValueError("each set needs a name: eval.sets.<name>=<folder or table>")
        return sets

    @field_validator("sets")
    @classmethod
    def _names_without_slash(cls, sets: dict[str, str]) -> dict[str, str]:
        if bare := sorted(name for name in sets if not name.strip() or name != name.strip()):
            raise ValueError(f"the name of a set may not be empty, nor begin or end with a space, unlike {bare}")
        if slashed := sorted(name for name in sets if "/" in name):
            raise ValueError(f"the name of a set may hold no slash, unlike {slashed}: it stands before file names in `rejects`")
        return sets


class PairSettings(Section):
    """Which figures become pairs and how they are split."""

    license_groups: tuple[LicenseGroup, ...] = Field(("commercial", "noncommercial", "other"), min_length=1)
    include_retracted: bool = False
    version_policy: Literal["published", "highest", "all"] = Field(
        "published",
        description="Which of a PMCID's versions make pairs: the highest that is no author manuscript (if there is one),"
        " the highest of any kind, or all; only versions that could be parsed compete",
    )
    val_fraction: Fraction = 0.05
    test_fraction: Fraction = 0.05
    split_seed: int = 0

    @model_validator(mode="after")
    def _leaves_train(self) -> PairSettings:
        if self.val_fraction + self.test_fraction >= 1:
            raise ValueError(f"val_fraction + test_fraction must stay below 1, not {self.val_fraction + self.test_fraction}")
        return self


class ExportSettings(Section):
    """One export of pairs to shards: the recipe."""

    name: str = Field("default", pattern=r"^[A-Za-z0-9_-]+$")
    uri: Folder = Field(description="Folder below which the export has its own folder")
    license_groups: tuple[LicenseGroup, ...] = Field(("commercial", "noncommercial"), min_length=1)
    rights: tuple[FigureRights, ...] = Field(
        ("article", "own_license"),
        min_length=1,
        description="Whose figures are exported; those of third parties have no licence, so they need license_groups other too",
    )
    include_no_derivatives: bool = Field(
        False, description="Also export figures under No-Derivatives licences: shards carry resized images"
    )
    canonical_only: bool = Field(True, description="One pair per duplicate cluster: the first that the recipe leaves")
    samples_per_shard: Positive = 1_000
    seed: int = Field(0, description="Order of the samples")

    def recipe_hash(self) -> str:
        """SHA-256 (hex) of what decides the samples: everything but where they are written."""
        recipe = self.model_dump(mode="json", exclude={"uri"})
        return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


class Settings(Section):
    """All settings of one run."""

    source: SourceSettings
    lake: LakeSettings
    spark: SparkSettings = SparkSettings()
    fetch: FetchSettings = FetchSettings()
    images: ImageSettings = ImageSettings()
    duplicates: DuplicateSettings = DuplicateSettings()
    eval: EvalSettings = EvalSettings()
    pairs: PairSettings = PairSettings()
    export: ExportSettings
