"""The words of an article around its figures: bibliography, sections, and paragraphs that refer to the figures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from jobs.sample import contents
from jobs.sample.captions import caption, mention, upper
from jobs.sample.contents import FigurePlan, VersionPlan
from jobs.sample.drawings import Compound, Subject

_PROSE_STREAM = 21
JOURNALS = (
    "Open Sample Reports",
    "Sample Journal of Imaging",
    "Annals of Drawn Biology",
    "Synthetic Cell",
    "Journal of Plotted Medicine",
)
TOPICS = (
    "wound repair",
    "insulin signalling",
    "seed germination",
    "cortical rhythm",
    "biofilm growth",
    "lung fibrosis",
    "yeast ageing",
)
METHODS = ("a cohort study", "an imaging study", "a screen", "a model", "a comparison of methods", "a time course")
SURNAMES = (
    "Ibáñez",
    "Okafor",
    "Lindström",
    "Moreau",
    "Tanaka",
    "Weiß",
    "Novak",
    "Sørensen",
    "Ferreira",
    "Achebe",
    "Kowalska",
    "Haddad",
)
GIVEN_NAMES = ("Ana", "Chidi", "Elin", "Jean", "Yuki", "Karl", "Petra", "Mads", "Rita", "Ngozi", "Ewa", "Omar")
CITINGS = ((", as ", " shows."), (" (", ")."), (": this is seen in ", "."), ("; see ", "."))


@dataclass(frozen=True)
class Reference:
    """A mark in the text that points to figures."""

    xml_ids: tuple[str, ...]
    text: str
    is_bold: bool = False


Paragraph = tuple[str | Reference, ...]


@dataclass(frozen=True)
class FigureText:
    """A figure element as the article prints it."""

    plan: FigurePlan
    label: str | None
    title: str | None
    paragraphs: tuple[str, ...]

    @property
    def plain_caption(self) -> str | None:
        """The caption as a reader sees it, blocks joined by a space; None without one."""
        blocks = [*([self.title] if self.title else []), *self.paragraphs]
        return re.sub(r"\*+", "", " ".join(blocks)) or None


@dataclass(frozen=True)
class ArticleText:
    """Everything that the XML prints."""

    title: str
    journal: str
    year: int
    authors: tuple[tuple[str, str], ...]
    abstract: str
    introduction: tuple[Paragraph, ...]
    results: tuple[tuple[Paragraph, FigureText], ...]
    discussion: tuple[Paragraph, ...]

    def num_mentions(self) -> Counter[str]:
        """How often the text refers to each figure (XML id); a range of two marks reaches the figures between."""
        paragraphs = [*self.introduction, *(p for p, _ in self.results), *self.discussion]
        order = [figure.plan.xml_id for _, figure in self.results if figure.plan.element == contents.FIG and figure.plan.number]
        counts: Counter[str] = Counter()
        for paragraph in paragraphs:
            marks = [part for part in paragraph if isinstance(part, Reference)]
            counts.update(xml_id for mark in marks for xml_id in mark.xml_ids)
            if "–" in paragraph:
                first, last = (order.index(mark.xml_ids[0]) for mark in marks)
                counts.update(xml_id for xml_id in order[first + 1 : last] if xml_id)
        return counts


def compose(version: VersionPlan, subject_of: Callable[[contents.Picture], Subject | None], seed: int) -> ArticleText:
    """The words of an article version; versions of one article share its bibliography."""
    rng = np.random.default_rng([seed, _PROSE_STREAM, version.index])
    topic, method = str(rng.choice(TOPICS)), str(rng.choice(METHODS))
    journal, num_authors = str(rng.choice(JOURNALS)), int(rng.integers(1, 5))
    authors = tuple((str(rng.choice(SURNAMES)), str(rng.choice(GIVEN_NAMES))) for _ in range(num_authors))
    subjects = [subject_of(figure.picture) for figure in version.figures]
    results = tuple(_result(figure, subject, seed) for figure, subject in zip(version.figures, subjects, strict=True))
    prefix = "RETRACTED: " if version.is_retracted else ""
    revised = f" This text was revised {version.revision} times." if version.revision else ""
    return ArticleText(
        f"{prefix}On {topic}: {method} with {len(version.figures)} figures ({version.index})",
        journal,
        # PMCIDs are given in the order of publication.
        2005 + min(19, version.index // 8),
        authors,
        f"We report {method} of {topic}. All figures are drawn, none is measured.{revised}",
        ((f"Much has been written about {topic}, little of it with figures that are drawn for the purpose.",),),
        results,
        _discussion(version),
    )


def _result(figure: FigurePlan, subject: Subject | None, seed: int) -> tuple[Paragraph, FigureText]:
    rng = np.random.default_rng([seed, _PROSE_STREAM, figure.picture.number, figure.wording])
    label = f"{['Figure', 'Fig.'][figure.wording % 2]} {figure.number}" if figure.number else None
    if subject is None:
        return (), FigureText(figure, label, None, ("Journal logo.",) if figure.has_caption else ())
    title, paragraphs = caption(subject, rng) if figure.has_caption else (None, ())
    return _mentioning(figure, subject, rng), FigureText(figure, label, title, paragraphs)


def _mentioning(figure: FigurePlan, subject: Subject, rng: np.random.Generator) -> Paragraph:
    said = mention(subject, rng)
    if figure.xml_id is None or figure.number is None:
        return (f"{upper(said)}, as another figure shows.",)
    mark = Reference((figure.xml_id,), f"Figure {figure.number}", figure.wording % 5 == 0)
    before, after = CITINGS[int(rng.integers(len(CITINGS)))]
    paragraph: Paragraph = (f"{upper(said)}{before}", mark, after)
    if isinstance(subject, Compound):
        return (*paragraph, " The second panel (", Reference((figure.xml_id,), f"Fig. {figure.number}B"), ") agrees.")
    return paragraph


def _discussion(version: VersionPlan) -> tuple[Paragraph, ...]:
    numbered = [figure for figure in version.figures if figure.number and figure.xml_id]
    closing: Paragraph = ("Drawn figures say what they show.",)
    if len(numbered) < 3 or len(numbered) != sum(1 for f in version.figures if f.number):
        return (closing,)
    first, last = numbered[0], numbered[-1]
    marks = [Reference((str(f.xml_id),), str(f.number)) for f in (first, last)]
    return (
        (
            "Taken together (Figs ",
            marks[0],
            "–",
            marks[1],
            "), the results agree.",
        ),
        closing,
    )
