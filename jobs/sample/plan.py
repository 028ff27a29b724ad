"""The plan of a bucket: which articles it has, of which role, with which figures; a pure function of size and seed.

Fixed shares: every role of ROLES is one article in 50 (in this order, so that small buckets have the first ones); the licence
follows LICENSES, a cycle of 20; the file form of a drawing follows FORM_CYCLE; three articles in four carry the journal's
logo; one figure in ten is a copy of an earlier one; one plain JPEG in ten has a thumbnail beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from jobs.sample import contents, damage
from jobs.sample.contents import FigurePlan, Medium, Picture, VersionPlan
from jobs.sample.formats import FORMS, LOSSLESS_TWINS

PLAIN = "plain"
TWO_VERSIONS, MANUSCRIPT_FOLLOWS, RETRACTED = "two_versions", "manuscript_follows", "retracted"
CLOSED_MANUSCRIPT, HISTORICAL_SCAN = "closed_manuscript", "historical_scan"
FLOATS, FIG_GROUP, APPENDIX, ALTERNATIVES, FORMULAE = "floats", "fig_group", "appendix", "alternatives", "formulae"
CAPTIONLESS, NO_GRAPHIC, MISSING_MEDIA, WITHOUT_ID, NO_FIGURES = (
    "captionless",
    "no_graphic",
    "missing_media",
    "without_id",
    "no_figures",
)
PREFIX_ID = "prefix_id"
ROLE_CYCLE = 50
ROLES: dict[int, str] = {
    2: damage.TRUNCATED,
    4: FLOATS,
    6: CLOSED_MANUSCRIPT,
    8: TWO_VERSIONS,
    10: FORMULAE,
    12: damage.TEXT,
    14: FIG_GROUP,
    16: RETRACTED,
    18: MISSING_MEDIA,
    20: CAPTIONLESS,
    22: MANUSCRIPT_FOLLOWS,
    24: ALTERNATIVES,
    26: damage.WRONG_DIGEST,
    28: damage.NOT_XML,
    30: NO_GRAPHIC,
    32: contents.BLANK,
    34: HISTORICAL_SCAN,
    36: contents.TINY,
    38: damage.EMPTY,
    40: damage.NO_FRONT,
    41: damage.FOREIGN_URI,
    42: NO_FIGURES,
    43: WITHOUT_ID,
    44: damage.XML_WRONG_DIGEST,
    46: PREFIX_ID,
    47: damage.METADATA_CUT,
    48: damage.XML_ABSENT,
    49: APPENDIX,
}
LICENSES: tuple[str | None, ...] = (
    *("CC BY", "CC BY-NC-ND", "CC BY", "CC BY-NC", "CC BY", "CC0", "CC BY", None, "CC BY", "CC BY-NC-ND"),
    *("CC BY", "CC BY-NC-SA", "CC BY", "CC BY-SA", "CC BY", "CC BY-NC", "CC BY", "CC BY-ND", "CC BY", "CC0"),
)
FORM_CYCLE = (
    *(
        "jpg",
        "png",
        "jpg",
        "gif",
        "jpg",
        "png",
        "jpg",
        "tif",
        "jpg",
        "webp",
        "jpg",
        "png",
        "jpg",
        "tif16",
        "jpg",
        "bmp",
        "jpg",
        "png",
        "jpg",
    ),
    *(
        "cmyk",
        "jpg",
        "png",
        "progressive",
        "tiff",
        "jpg",
        "palette",
        "jpg",
        "png",
        "jpg",
        "alpha",
        "jpg",
        "jpeg",
        "jpg",
        "png",
        "bilevel",
    ),
    *("jpg", "grey", "jpg", "png"),
)
LOGO_SHARE, COPY_SHARE, THUMBNAIL_SHARE = 0.75, 0.10, 0.10
COPY_KINDS = (
    *(contents.ORIGINAL, contents.RESIZED, contents.AS_BMP),
    *(contents.ORIGINAL, contents.RECOMPRESSED, contents.AS_TIFF),
)
UNLOGOED = (TWO_VERSIONS, MANUSCRIPT_FOLLOWS, RETRACTED, CLOSED_MANUSCRIPT, HISTORICAL_SCAN, NO_FIGURES)
LOGO = Picture(0, contents.LOGO, "png")
FIRST_PMCID, PMCID_STEP = 7_900_011, 13
_PLAN_STREAM = 1


def role_of(index: int) -> str:
    """The role of an article by its place in the bucket."""
    return ROLES.get(index % ROLE_CYCLE, PLAIN)


@dataclass
class Planner:
    """Plans articles one after the other; copies show pictures of earlier articles."""

    seed: int
    num_pictures: int = 1
    num_drawings: int = 0
    num_copies: int = 0
    _sources: dict[str, list[Picture]] = field(default_factory=dict)

    def article(self, index: int) -> tuple[VersionPlan, ...]:
        """The versions of the article at a place, oldest first."""
        rng, role = np.random.default_rng([self.seed, _PLAN_STREAM, index]), role_of(index)
        version = VersionPlan(index, _pmcid(index), 1, self._figures(index, role, rng), LICENSES[index % len(LICENSES)])
        if role in damage.ARTICLE_REFUSALS:
            version = replace(version, damage=role)
        return self._in_role(version, role, rng)

    def _in_role(self, version: VersionPlan, role: str, rng: np.random.Generator) -> tuple[VersionPlan, ...]:
        if role == CLOSED_MANUSCRIPT:
            return (replace(version, license_code="TDM", is_open_access=False, is_manuscript=True),)
        if role == HISTORICAL_SCAN:
            return (replace(version, license_code=None, is_open_access=False, is_historical_ocr=True, figures=()),)
        if role == RETRACTED:
            return (replace(version, is_retracted=True),)
        if role == TWO_VERSIONS:
            return version, self.next_version(version, rng)
        if role == MANUSCRIPT_FOLLOWS:
            return version, replace(
                version, version=2, is_manuscript=True, figures=tuple(_renamed(f, "nihms-") for f in version.figures)
            )
        return (version,)

    def next_version(self, version: VersionPlan, rng: np.random.Generator) -> VersionPlan:
        """A later version: the first figure drawn anew, the others as they were."""
        first, *others = version.figures
        return replace(
            version, version=version.version + 1, figures=(self.redrawn(first), *others), revision=version.revision + 1
        )

    def redrawn(self, figure: FigurePlan) -> FigurePlan:
        """The figure with another picture in the same file."""
        picture = replace(self._new_picture(), form=figure.picture.form)
        media = tuple(replace(medium, picture=picture) for medium in figure.media)
        return replace(figure, picture=picture, media=media, wording=figure.wording + 1)

    def _figures(self, index: int, role: str, rng: np.random.Generator) -> tuple[FigurePlan, ...]:
        if role in (NO_FIGURES, HISTORICAL_SCAN):
            return ()
        count = int(rng.choice([2, 3, 3, 4, 4, 5]))
        if role in (FIG_GROUP, NO_GRAPHIC, CAPTIONLESS):
            count = max(count, 3)
        figures = [self._figure(index, number, role, rng) for number in range(1, count + 1)]
        figures = _with_role(figures, role)
        if role == FORMULAE:
            figures += [
                self._formula(index, n, element)
                for n, element in enumerate((contents.FORMULA, contents.INLINE, contents.FORMULA), 1)
            ]
        if role not in UNLOGOED and rng.random() < LOGO_SHARE:
            figures.append(FigurePlan("logo", LOGO, (Medium("logo.png", LOGO),), ("logo.png",), index))
        return tuple(figures)

    def _figure(self, index: int, number: int, role: str, rng: np.random.Generator) -> FigurePlan:
        picture, copy = self._picture(role, rng)
        stem = _stem(index, number)
        medium = Medium(f"{stem}.{_extension(picture, copy)}", picture, copy)
        media: tuple[Medium, ...] = (medium,)
        hrefs = (_href(medium.name, index + number),)
        if picture.form == "jpg" and copy == contents.ORIGINAL and role == PLAIN and rng.random() < THUMBNAIL_SHARE:
            media, hrefs = (medium, Medium(f"{stem}.gif", picture, contents.THUMBNAIL)), (stem,)
        return FigurePlan(f"{'Ff'[index % 2]}{number}", picture, media, hrefs, index * 10 + number, number)

    def _picture(self, role: str, rng: np.random.Generator) -> tuple[Picture, str]:
        if role == PLAIN and rng.random() < COPY_SHARE:
            copy = COPY_KINDS[self.num_copies % len(COPY_KINDS)]
            sources = self._sources.get("png" if copy in LOSSLESS_TWINS else "jpg", [])
            if sources:
                self.num_copies += 1
                return sources[int(rng.integers(len(sources)))], copy
        picture = self._new_picture()
        if role == PLAIN:
            self._sources.setdefault(picture.form, []).append(picture)
        return picture, contents.ORIGINAL

    def _new_picture(self) -> Picture:
        picture = Picture(self.num_pictures, contents.DRAWING, FORM_CYCLE[self.num_drawings % len(FORM_CYCLE)])
        self.num_pictures, self.num_drawings = self.num_pictures + 1, self.num_drawings + 1
        return picture

    def _formula(self, index: int, number: int, element: str) -> FigurePlan:
        genre = contents.EQUATION if element == contents.FORMULA else contents.SYMBOL
        picture = Picture(self.num_pictures, genre, "gif" if number == 1 else "png")
        self.num_pictures += 1
        name = f"{_stem(index, number)}-e{number}.{FORMS[picture.form].extension}"
        xml_id = f"e{number}" if element == contents.FORMULA else None
        return FigurePlan(xml_id, picture, (Medium(name, picture),), (name,), index, None, element, has_caption=False)


def _with_role(figures: list[FigurePlan], role: str) -> list[FigurePlan]:
    first, *others = figures
    if role in damage.MEDIA_REFUSALS:
        first = _showing(first, replace(first.picture, form="jpg"))
        return [replace(first, media=tuple(replace(m, damage=role) for m in first.media)), *others]
    if role in (contents.BLANK, contents.TINY):
        return [_showing(first, replace(first.picture, genre=role, form="png")), *others]
    if role == MISSING_MEDIA:
        return [replace(first, media=()), *others]
    if role == NO_GRAPHIC:
        return [replace(first, media=(), hrefs=()), *others]
    if role == CAPTIONLESS:
        return [first, replace(others[0], has_caption=False), *others[1:]]
    if role == WITHOUT_ID:
        return [first, *(replace(figure, xml_id=None) for figure in others)]
    places = {
        ALTERNATIVES: contents.ALTERNATIVES,
        FLOATS: contents.FLOATS,
        FIG_GROUP: contents.GROUP,
        APPENDIX: contents.APPENDIX,
    }
    return [first, *(replace(figure, place=places[role]) for figure in others)] if role in places else figures


def _showing(figure: FigurePlan, picture: Picture) -> FigurePlan:
    name = f"{figure.media[0].name.rsplit('.', 1)[0]}.{FORMS[picture.form].extension}"
    return replace(figure, picture=picture, media=(Medium(name, picture),), hrefs=(name,))


def _renamed(figure: FigurePlan, prefix: str) -> FigurePlan:
    media = tuple(replace(medium, name=prefix + medium.name) for medium in figure.media)
    return replace(figure, media=media, hrefs=tuple(medium.name for medium in media[:1]))


def _pmcid(index: int) -> str:
    if role_of(index) == PREFIX_ID:
        return f"{_pmcid(index - 1)}0"
    return f"PMC{FIRST_PMCID + PMCID_STEP * index}"


def _stem(index: int, number: int) -> str:
    return (f"fig{number}", f"sample-{index:05d}-g{number:03d}", f"SJB{9800000 + index}.f{number}", f"Figure_{number}_HTML")[
        index % 4
    ]


def _extension(picture: Picture, copy: str) -> str:
    if copy in (contents.RESIZED, contents.RECOMPRESSED):
        return "jpg"
    if copy in LOSSLESS_TWINS:
        return FORMS[LOSSLESS_TWINS[copy]].extension
    return FORMS[picture.form].extension


def _href(name: str, turn: int) -> str:
    stem = name.rsplit(".", 1)[0]
    return (name, stem, name, f"figures/{name}", name, name.upper(), name, stem)[turn % 8]
