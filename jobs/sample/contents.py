"""What a bucket contains, as plain values: article versions, their figures, the media of these, the pictures shown."""

from __future__ import annotations

from dataclasses import dataclass

DRAWING, EQUATION, SYMBOL, LOGO, BLANK, TINY = "drawing", "equation", "symbol", "logo", "blank", "tiny"
ORIGINAL, AS_BMP, AS_TIFF, RESIZED, RECOMPRESSED, THUMBNAIL = (
    "original",
    "as_bmp",
    "as_tiff",
    "resized",
    "recompressed",
    "thumbnail",
)
FIG, FORMULA, INLINE = "fig", "disp-formula", "inline-graphic"
SECTION, ALTERNATIVES, FLOATS, GROUP, APPENDIX = "section", "alternatives", "floats", "group", "appendix"


@dataclass(frozen=True)
class Picture:
    """Something to be seen; equal pictures are the same picture. `form` is the file form of its original."""

    number: int
    genre: str = DRAWING
    form: str = "jpg"


@dataclass(frozen=True)
class Medium:
    """A file that shows a picture: the original or a copy of it, whole or damaged."""

    name: str
    picture: Picture
    copy: str = ORIGINAL
    damage: str | None = None


@dataclass(frozen=True)
class FigurePlan:
    """A figure element; no hrefs: it has no graphic; no media: the graphic names no file. The pair takes media[0]."""

    xml_id: str | None
    picture: Picture
    media: tuple[Medium, ...]
    hrefs: tuple[str, ...]
    wording: int
    number: int | None = None
    element: str = FIG
    place: str = SECTION
    has_caption: bool = True


@dataclass(frozen=True)
class VersionPlan:
    """An article version as the bucket holds it; `revision` changes its words, `modified_day` is when it last changed."""

    index: int
    pmcid: str
    version: int
    figures: tuple[FigurePlan, ...]
    license_code: str | None = "CC BY"
    is_open_access: bool = True
    is_manuscript: bool = False
    is_historical_ocr: bool = False
    is_retracted: bool = False
    damage: str | None = None
    revision: int = 0
    modified_day: int = 1

    @property
    def accession(self) -> str:
        """PMCID.version."""
        return f"{self.pmcid}.{self.version}"
