"""Why pubmed_parser's figures and paper metadata differ from the extractor's: each difference computed into a named class.

A difference that no class explains gets None, and the test fails on it. Most classes repeat on the XML what the reference
does, and hold only where that gives the reference's own value.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.udfs.jats_oracle import Element, letters, local, words

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
FORMULAS = ("math", "tex-math", "inline-formula", "disp-formula", "alternatives")


class Difference(NamedTuple):
    """A field in which the two differ, why (None: unexplained), and both values."""

    field: str
    why: str | None
    theirs: Any
    ours: Any


def shallow_text(element: Element | None) -> str:
    """Text of an element, its children and what follows them: what the reference reads of a label or a block of a caption."""
    if element is None:
        return ""
    parts = [element.text, *(text for child in element for text in (child.text, child.tail)), element.tail]
    return "".join(filter(None, parts))


def is_part(short: str, long: str) -> bool:
    """True where the characters of one text stand in the other in the same order."""
    rest = iter(long)
    return all(character in rest for character in short)


def text_difference(theirs: str, ours: str, element: Element | None) -> str | None:
    """Why two renderings of one element differ; "" where only white space or Unicode forms do."""
    if words(theirs) == words(ours):
        return ""
    if letters(theirs) == letters(ours):
        return "spaces added or lost at tags by the reference"
    if element is not None and any(local(one) in FORMULAS for one in element.iter()):
        return "formula left out or written several times by the reference"
    if is_part(letters(theirs), letters(ours)):
        return "text in nested tags lost by the reference"
    return None


def figure_differences(figures: list[Element], theirs: list[dict[str, Any]], rows: list[dict[str, Any]]) -> Iterator[Difference]:
    """Differences over the fig elements of an article, which the reference reads in order."""
    by_fig: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_fig.setdefault(row["xml_id"] or "", []).append(row)
    before = None
    for figure, told in zip(figures, theirs, strict=True):
        own = by_fig[figure.get("id", "")]
        caption = child(figure, "caption")
        yield from caption_difference(caption, told["fig_caption"], own[0]["caption"], before)
        before = told["fig_caption"]
        label = child(figure, "label")
        if label is not None or told["fig_label"]:
            why = text_difference(shallow_text(label), own[0]["label"] or "", label)
            yield from explained("fig_label", why, told["fig_label"], own[0]["label"])
        yield from graphic_difference(figure, told["graphic_ref"], [row["graphic_ref"] for row in own])
    figure_rows = {row["figure_id"] for figure in figures for row in by_fig[figure.get("id", "")]}
    for row in rows:
        if row["figure_id"] not in figure_rows:
            yield Difference(
                "figures", f"graphic outside of a fig left out by the reference ({row['kind']})", None, row["graphic_ref"]
            )


def caption_difference(caption: Element | None, theirs: str, ours: str | None, before: str | None) -> Iterator[Difference]:
    if caption is None or not len(caption):
        why = "figure without a caption given its neighbour's by the reference" if theirs == before and not ours else None
        yield Difference("fig_caption", why, theirs, ours)
        return
    repeated = " ".join(shallow_text(block) for block in caption)
    why = text_difference(theirs, ours or "", caption) if repeated == theirs else None
    yield from explained("fig_caption", why, theirs, ours)


def graphic_difference(figure: Element, theirs: str | None, ours: list[str | None]) -> Iterator[Difference]:
    graphic = child(figure, "graphic")
    if graphic is None:
        if ours != [None]:
            inner = {local(one) for one in figure.iter() if local(one) in ("graphic", "media", "inline-graphic")}
            why = "graphic in alternatives or a paragraph, or media, not found by the reference" if inner and not theirs else None
            yield Difference("graphic_ref", why, theirs, ours[0])
        return
    if theirs != ours[0]:
        why = "first attribute, not the reference, read by the reference" if theirs == graphic.attrib.values()[0] else None
        yield Difference("graphic_ref", why, theirs, ours[0])
    for further in ours[1:]:
        yield Difference("graphic_ref", "further graphic of the figure left out by the reference", None, further)


def explained(field: str, why: str | None, theirs: Any, ours: Any) -> Iterator[Difference]:
    if why != "":
        yield Difference(field, why, theirs, ours)


def child(element: Element, name: str) -> Element | None:
    return next((one for one in element if local(one) == name), None)


def paper_failure(article: Element, error: Exception) -> str | None:
    """Why the reference ends without the metadata of a paper."""
    if article.prefix is None and article.tag != "article":
        return "article lost by the reference: a default namespace"
    kinds = {one.get("pub-type") for one in article.iter("{*}pub-date") if child(one, "year") is not None}
    if isinstance(error, KeyError) and error.args == ("year",) and not kinds & {"ppub", "collection"}:
        return "article lost by the reference: no year of print or collection"
    return None


def failure(figures: list[Element], error: Exception) -> str | None:
    """Why the reference ends without a result for all figures of an article."""
    if isinstance(error, KeyError) and any(figure.get("id") is None for figure in figures):
        return "article lost by the reference: a figure without an id"
    if isinstance(error, UnboundLocalError) and child(figures[0], "caption") is None:
        return "article lost by the reference: its first figure has no caption"
    items = [one for figure in figures for one in figure.iter() if local(one) == "list-item"]
    if isinstance(error, AttributeError) and any(child(one, "label") is None or child(one, "p") is None for one in items):
        return "article lost by the reference: a list in a caption without labels"
    return None


def nothing_found(article: Element) -> str | None:
    """Why the reference finds no figures in an article that has some."""
    return "figures of an article in a default namespace not found by the reference" if article.tag != "article" else None


def paper_differences(article: Element, theirs: dict[str, Any], row: dict[str, Any]) -> Iterator[Difference]:
    """Differences in the metadata of a paper, field by field of the reference."""
    for field, differ in PAPER_FIELDS.items():
        yield from differ(field, article, theirs[field], row)


def _title(field: str, article: Element, theirs: str, row: dict[str, Any]) -> Iterator[Difference]:
    ours = " ".join(filter(None, (row["title"], row["subtitle"])))
    title = first(article, "article-title")
    why = text_difference(theirs, ours, title)
    if why is None and letters(theirs).startswith(letters(ours)) and inside(article, "sub-article", "subtitle"):
        why = "subtitle of a sub-article added by the reference"
    yield from explained(field, why, theirs, ours)


def _abstract(field: str, article: Element, theirs: str, row: dict[str, Any]) -> Iterator[Difference]:
    ours = row["abstract"] or ""
    abstracts = list(article.iter("{*}abstract"))
    raw = " ".join(str(text) for one in abstracts for text in one.itertext())
    why = text_difference(theirs, ours, None)
    if why is None and letters(theirs) == letters(raw):
        why = abstract_class(abstracts, theirs, ours, row)
    yield from explained(field, why, theirs, ours)


def abstract_class(abstracts: list[Element], theirs: str, ours: str, row: dict[str, Any]) -> str | None:
    if any(local(one) in FORMULAS for abstract in abstracts for one in abstract.iter()):
        return "formula left out or written several times by the reference"
    if len(abstracts) > 1:
        return "several abstracts joined by the reference" if letters(ours) in letters(theirs) or not ours else None
    headings = "".join(str(text) for one in abstracts[0] if local(one) in ("title", "label") for text in one.itertext())
    if letters(theirs) == letters(headings + ours):
        return "heading of the whole abstract kept by the reference"
    if not ours and row["abstracts"]:
        return "side abstract alone (teaser, highlights) taken as the abstract by the reference"
    return None


def _journal(field: str, article: Element, theirs: str, row: dict[str, Any]) -> Iterator[Difference]:
    why = text_difference(theirs, row["journal"] or "", None)
    if why is None and len(list(article.iter("{*}journal-title"))) > 1:
        why = "several journal titles joined by the reference"
    yield from explained(field, why, theirs, row["journal"])


def _id(field: str, article: Element, theirs: str | None, row: dict[str, Any]) -> Iterator[Difference]:
    ours = row["xml_pmcid"] if field == "pmc" else row[field]
    theirs = (theirs or "").strip()
    why: str | None = ""
    if field == "pmc" and (ours or "").removeprefix("PMC") != theirs.removeprefix("PMC"):
        why = "PMC id under another type (pmcid, pmcaid) not found by the reference" if ours and not theirs else None
    elif field != "pmc" and (ours or "") != theirs:
        why = "DOI with its resolver kept as written by the reference" if theirs.endswith(ours or "?") else None
    yield from explained(field, why, theirs, ours)


def _year(field: str, article: Element, theirs: int | None, row: dict[str, Any]) -> Iterator[Difference]:
    if theirs == row["year"]:
        return
    years = [one["year"] for one in row["dates"] if one["event"] == "publication"]
    why = None
    if theirs is None and years:
        why = "dates other than ppub and collection not read by the reference"
    elif theirs in years and row["year"] == min(years):
        why = "year of print or collection, not the earliest, taken by the reference"
    yield Difference(field, why, theirs, row["year"])


def _print_date(field: str, article: Element, theirs: str, row: dict[str, Any]) -> Iterator[Difference]:
    kinds = ("ppub",) if any(date["kind"] == "ppub" for date in row["dates"]) else ("collection",)
    yield from date_difference(field, theirs, row, kinds)


def _electronic_date(field: str, article: Element, theirs: str, row: dict[str, Any]) -> Iterator[Difference]:
    yield from date_difference(field, theirs, row, ("epub",))


def date_difference(field: str, theirs: str, row: dict[str, Any], kinds: tuple[str, ...]) -> Iterator[Difference]:
    day, month, year = (*map(str.strip, theirs.split("-")), "", "")[:3]
    published = [one for one in row["dates"] if one["event"] == "publication" and str(one["year"]) == year]
    dates = [one for one in published if one["kind"] in kinds] or published
    if not dates:
        yield Difference(
            field, "a date that is not there written as 01-01 by the reference" if theirs == "01-01" else None, theirs, None
        )
        return
    told = next((one for one in dates if str(one["year"]) == year), dates[0])
    ours = (told["day"] or 1, told["month"] or 1, str(told["year"]))
    same = (int(day) if day.isdigit() else None, int(month) if month.isdigit() else None, year) == ours
    if same and told["precision"] == "day":
        return
    why = "day or month that is not there written as 01 by the reference" if same else None
    if not same and not month.isdigit() and told["month"] and month[:3].lower() == _MONTHS[told["month"] - 1]:
        why = "month kept as a word by the reference"
    yield Difference(field, why, theirs, told["date"])


def _subjects(field: str, article: Element, theirs: str, row: dict[str, Any]) -> Iterator[Difference]:
    told = [one for one in theirs.split("; ") if one]
    ours = row["subjects"]
    why: str | None = ""
    if list(map(letters, told)) != list(map(letters, "; ".join(ours).split("; "))) and (told or ours):
        unique = list(dict.fromkeys(map(letters, told)))
        mine = list(map(letters, "; ".join(ours).split("; ")))
        if unique == mine:
            why = "subject given twice by the reference"
        elif set(mine) < set(unique) and list(article.iter("{*}sub-article", "{*}response")):
            why = "subjects of a sub-article added by the reference"
        else:
            why = None
    yield from explained(field, why, theirs, ours)


def _authors(field: str, article: Element, theirs: list[list[str]], row: dict[str, Any]) -> Iterator[Difference]:
    told = list(dict.fromkeys((surname or "", given or "") for surname, given, _ in theirs))
    ours = list(dict.fromkeys((one["surname"] or "", one["given_names"] or "") for one in row["authors"]))
    if [letters("".join(one)) for one in told] == [letters("".join(one)) for one in ours]:
        return
    missing = {letters("".join(one)) for one in ours} - {letters("".join(one)) for one in told}
    added = {letters("".join(one)) for one in told} - {letters("".join(one)) for one in ours}
    yield Difference(field, authors_class(article, missing, added, row), told, ours)


def authors_class(article: Element, missing: set[str], added: set[str], row: dict[str, Any]) -> str | None:
    contribs = [
        one for one in article.iter("{*}contrib") if within(one, "article-meta") and not within(one, "sub-article", "response")
    ]
    outside = {name_of(one) for one in article.iter("{*}contrib") if one not in contribs}
    members = {name_of(one) for one in contribs if within(one, "collab", "contrib")}
    if added - {""} and added - {""} <= outside:
        return "authors of sub-articles added by the reference"
    if added - {""} and added - {""} <= members:
        return "members of a group added as authors by the reference"
    if "" in added and not missing:
        return "group or nameless author given as an empty name by the reference"
    lost = [one for one in contribs if name_of(one) in missing]
    if missing and not any(xref.get("ref-type") == "aff" for one in lost for xref in one):
        return "authors without a link to an affiliation left out by the reference"
    if missing and any(one.get("contrib-type") is None for one in contribs):
        return "contributors without a type left out by the reference"
    kinds = {local(one) for contrib in contribs for one in contrib}
    if missing and kinds & {"string-name", "name-alternatives", "collab"}:
        return "name in another form than name/given-names left out by the reference"
    if missing and any(child(one, "given-names") is None or len(one) for contrib in contribs for one in contrib.iter("{*}name")):
        return "name without given names, or with tags in it, left out by the reference"
    return None


def name_of(contrib: Element) -> str:
    name = next(iter(contrib.iter("{*}name")), None)
    parts = [] if name is None else [one for one in name if local(one) in ("surname", "given-names")]
    return letters(
        "".join(str(text) for one in sorted(parts, key=lambda one: local(one) != "surname") for text in one.itertext())
    )


def _affiliations(field: str, article: Element, theirs: list[list[str]], row: dict[str, Any]) -> Iterator[Difference]:
    told = {letters(text) for _, text in theirs}
    for ours in dict.fromkeys(text for one in row["authors"] for text in one["affiliations"]):
        if letters(ours) not in told:
            yield Difference(field, affiliation_class(article, ours, theirs), [], ours)


def affiliation_class(article: Element, ours: str, theirs: list[list[str]]) -> str | None:
    mine = letters(ours)
    if any(mine in letters(text) for _, text in theirs):
        return "label, identifier or text after the affiliation kept in it by the reference"
    if first(article, "institution-id") is not None and any(is_part(mine, letters(text)) for _, text in theirs):
        return "label, identifier or text after the affiliation kept in it by the reference"
    if any(is_part(letters(text), mine) for _, text in theirs if text):
        return "raised text within the affiliation lost by the reference"
    without = (one for one in article.iter("{*}aff") if one.get("id") is None)
    if any(mine in letters("".join(map(str, one.itertext()))) for one in without):
        return "affiliation without an id left out by the reference"
    return None


def first(article: Element, name: str) -> Element | None:
    return next(iter(article.iter(f"{{*}}{name}")), None)


def inside(article: Element, outer: str, name: str) -> bool:
    return any(one is not None for part in article.iter(f"{{*}}{outer}") for one in part.iter(f"{{*}}{name}"))


def within(element: Element, *names: str) -> bool:
    return any(local(one) in names for one in element.iterancestors())


PAPER_FIELDS = {
    "full_title": _title,
    "abstract": _abstract,
    "journal": _journal,
    "pmid": _id,
    "pmc": _id,
    "doi": _id,
    "publication_year": _year,
    "publication_date": _print_date,
    "epublication_date": _electronic_date,
    "subjects": _subjects,
    "author_list": _authors,
    "affiliation_list": _affiliations,
}
NO_COLUMN = ("publisher_id", "coi_statement")
