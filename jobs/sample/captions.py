"""What captions and mentions say of a drawing: what is to be seen, in words that vary; *italic* and **bold** by stars."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch

import numpy as np

from jobs.sample.blots import Blot
from jobs.sample.diagrams import Diagram
from jobs.sample.drawings import Compound, Subject
from jobs.sample.micrographs import Fluorescence, Histology, Plate
from jobs.sample.plots import BarChart, HeatMap, LinePlot, PieChart, ScatterPlot
from jobs.sample.scans import Scan

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight")
_TREND_VERBS = {
    "rising": ("rises", "increases", "goes up"),
    "falling": ("falls", "decreases", "goes down"),
    "peaked": ("peaks in the middle", "has a single peak", "rises and falls again"),
    "oscillating": ("oscillates", "goes up and down in waves"),
    "stepwise": ("falls in steps", "drops stepwise"),
    "saturating": ("rises to a plateau", "saturates"),
}
_REMARKS = (
    "Data are from three experiments.",
    "*P* < 0.05 was taken as significant.",
    "One of four similar experiments is shown.",
    "Values are means (*n* = 6).",
    "See the Methods for details.",
    "Replicates gave the same picture.",
)


def caption(subject: Subject, rng: np.random.Generator) -> tuple[str | None, tuple[str, ...]]:
    """Title (None: none) and paragraphs of a caption."""
    if isinstance(subject, Compound):
        parts = [f"(**{letter}**) {upper(_said(panel, rng))}." for letter, panel in zip("ABCD", subject.panels, strict=False)]
        return f"{upper(NUMBERS[len(parts)])} panels.", (" ".join(parts),)
    remark = [_pick(rng, _REMARKS)] if rng.random() < 0.4 else []
    sentence = f"{upper(_said(subject, rng))}."
    if rng.random() < 0.35:
        return sentence, tuple(remark)
    return None, (" ".join([sentence, *remark]),) if rng.random() < 0.7 else (sentence, *remark)


def mention(subject: Subject, rng: np.random.Generator) -> str:
    """What the text says of the drawing, as the end of a sentence."""
    if isinstance(subject, Compound):
        return f"{_said(subject.panels[0], rng)} beside {_said(subject.panels[1], rng)}"
    return _said(subject, rng)


@singledispatch
def _said(subject: object, rng: np.random.Generator) -> str:
    raise TypeError(f"no words for {type(subject).__name__}")


@_said.register
def _(subject: LinePlot, rng: np.random.Generator) -> str:
    x, y = subject.names
    noun = _pick(rng, ("curve", "line"))
    parts = [
        f"the {colour} {noun} {_pick(rng, _TREND_VERBS[trend])}"
        for colour, trend in zip(subject.colours, subject.trends, strict=True)
    ]
    shaded = ", the area below it shaded" if subject.is_filled else ""
    head = _pick(
        rng,
        (f"line plot of {_plain(y)} against {_plain(x)}", f"{_plain(y)} over {_plain(x)}, line plot", f"{noun}s of {_plain(y)}"),
    )
    return f"{head}: {_listed(parts)}{shaded}"


@_said.register
def _(subject: BarChart, rng: np.random.Generator) -> str:
    number, lying = NUMBERS[subject.count], "horizontal " if subject.is_horizontal else ""
    order = {
        "increasing": _pick(rng, ("increasing from bar to bar", "getting larger")),
        "decreasing": _pick(rng, ("decreasing from bar to bar", "getting smaller")),
        "peaked": _pick(rng, ("largest in the middle", "with the highest in the middle")),
        "alternating": _pick(rng, ("alternating high and low", "high and low in turn")),
    }[subject.order]
    head = _pick(rng, (f"bar chart of {_plain(subject.names[1])} with", f"{_plain(subject.names[1])} by group:", "bar chart,"))
    return f"{head} {number} {lying}{subject.colour} bars {order}"


@_said.register
def _(subject: ScatterPlot, rng: np.random.Generator) -> str:
    x, y = (_plain(name) for name in subject.names)
    colours = " and ".join(subject.colours)
    relation = {
        "positive": _pick(rng, ("a positive correlation", "a rising trend")),
        "negative": _pick(rng, ("a negative correlation", "a falling trend")),
        "no": _pick(rng, ("no correlation", "a diffuse cloud")),
        "clustered": _pick(rng, ("separate clusters", "distinct groups of points")),
    }[subject.correlation]
    return f"scatter plot of {y} against {x}: {colours} {subject.marker} show {relation}"


@_said.register
def _(subject: HeatMap, rng: np.random.Generator) -> str:
    pattern = {
        "diagonal": "high values on the diagonal",
        "checkerboard": "a checkerboard of high and low values",
        "centre": "a hot centre",
        "left": "values falling from left to right",
        "top": "values falling from top to bottom",
        "stripes": "vertical stripes",
    }[subject.pattern]
    head = _pick(rng, ("heat map", "matrix of correlations", "heat map of expression"))
    return f"{head} from {subject.palette} with {pattern}, {subject.size} by {subject.size} cells"


@_said.register
def _(subject: PieChart, rng: np.random.Generator) -> str:
    others = _listed(list(subject.colours[1:]))
    head = _pick(rng, ("pie chart", "pie diagram", "shares as a pie"))
    return f"{head} of {NUMBERS[len(subject.colours)]} slices, the largest {subject.largest}, the others {others}"


@_said.register
def _(subject: Blot, rng: np.random.Generator) -> str:
    lanes, rows = NUMBERS[subject.lanes], NUMBERS[subject.rows]
    strength = {
        "to the right": "fading to the right",
        "to the left": "fading to the left",
        "evenly": "of even strength",
        "alternately": "strong in every other lane",
        "in the middle": "strongest in the middle",
    }[subject.fade]
    head = (
        _pick(rng, ("gel electrophoresis", "agarose gel, bright bands on black"))
        if subject.is_gel
        else _pick(rng, ("western blot", "immunoblot"))
    )
    return f"{head} of {lanes} lanes with {rows} {'row' if subject.rows == 1 else 'rows'} of bands {strength}"


@_said.register
def _(subject: Fluorescence, rng: np.random.Generator) -> str:
    head = _pick(rng, ("fluorescence micrograph", "confocal image", "immunofluorescence"))
    size = "large " if subject.amount == "few" else "small "
    return f"{head} of {subject.amount} {size}{subject.shape} cells in {subject.stain} on black"


@_said.register
def _(subject: Histology, rng: np.random.Generator) -> str:
    head = _pick(rng, ("light micrograph of a tissue section", "histology", "tissue section"))
    return f"{head} with {subject.texture}, {subject.stain}"


@_said.register
def _(subject: Plate, rng: np.random.Generator) -> str:
    head = _pick(rng, ("culture plate", "petri dish", "agar plate"))
    size = "large" if subject.amount == "few" else "small"
    return f"{head} of {subject.agar} agar with {subject.amount} {size} {subject.colony} colonies"


@_said.register
def _(subject: Scan, rng: np.random.Generator) -> str:
    head = _pick(rng, ("axial CT scan", "computed tomography"))
    if subject.side == "no":
        return f"{head} of the {subject.region} without a lesion"
    size = "large" if subject.is_large else "small"
    return f"{head} of the {subject.region} with a {size} {subject.lesion} lesion on the {subject.side} of the image"


@_said.register
def _(subject: Diagram, rng: np.random.Generator) -> str:
    head = _pick(rng, ("flow diagram", "scheme", "diagram"))
    return f"{head} of {NUMBERS[subject.count]} {subject.colour} boxes joined by arrows in a {subject.layout}"


def _pick(rng: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _plain(axis_name: str) -> str:
    return axis_name.split(" (")[0].lower()


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def upper(words: str) -> str:
    """The words with a capital at the start."""
    return words[0].upper() + words[1:]
