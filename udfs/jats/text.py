"""Text of paragraphs, titles and captions as a reader sees it, with the places of the cross-references in it."""

from __future__ import annotations

import html.entities
import re
import unicodedata
from collections.abc import Callable, Set
from dataclasses import dataclass, field

from udfs.jats.maths import math_text, tex_text
from udfs.jats.names import ByTag, Element
from udfs.jats.scripts import SUBSCRIPTS, SUPERSCRIPTS, to_script

# Control characters that XML forbids, so that no text can hold them: cross-reference opens, closes; block edge; label ends.
_OPEN, _CLOSE, _EDGE, _GLUE = "\x01", "\x02", "\x03", "\x04"
_NEAR_MARK = re.compile(r"[ \n]*[\x01\x02][ \n\x01\x02]*")
_MARK = re.compile(r"([\x01\x02])")
_AFTER_LABEL = re.compile(r"\x04[\s\x03]*")
_INVISIBLE = {0x00AD: None, 0x200B: None, 0x2060: None, 0xFEFF: None}


@dataclass(frozen=True, slots=True)
class Span:
    """A cross-reference and the characters of the text that it covers (offsets from 0, end exclusive)."""

    xref: Element
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Text:
    """Text of a block, NFC, blocks within it on lines of their own; the cross-references asked for, in reading order."""

    text: str
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class _Pass:
    """State of one rendering: which cross-references are wanted, whether floats are kept, what was found."""

    targets: Set[str] = frozenset()
    keep_floats: bool = False
    xrefs: list[Element] = field(default_factory=list)


def plain_text(element: Element | None, keep_floats: bool = True) -> str | None:
    """Text of an element on as many lines as it has blocks; None for no element or no text."""
    if element is None:
        return None
    if not len(element):
        return clean_text(element.text or "") or None
    out: list[str] = []
    _render(element, out, _Pass(keep_floats=keep_floats))
    return clean_text("".join(out)) or None


def line_text(element: Element | None) -> str | None:
    """Text of an element on one line; None for no element or no text."""
    text = plain_text(element)
    return text.replace("\n", " ") if text else None


def block_text(element: Element, targets: Set[str]) -> Text:
    """Text of a block without the floats in it, with the spans of figure cross-references (ref-type fig, or a rid in targets)."""
    state = _Pass(targets=targets)
    out: list[str] = []
    _render(element, out, state)
    raw = "".join(out)
    if not state.xrefs:
        return Text(clean_text(raw))
    return _marked_text(raw, state.xrefs)


def clean_text(raw: str) -> str:
    """Raw text with one space for any run of white space, one line a block, no invisible characters, NFC."""
    if raw.isascii():
        if raw.isprintable() and "  " not in raw:
            return raw.strip()
        return _joined(raw)
    text = raw.strip() if raw.isprintable() and "  " not in raw else _joined(raw).translate(_INVISIBLE)
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def _joined(raw: str) -> str:
    if _GLUE in raw:
        raw = _AFTER_LABEL.sub(" ", raw)
    if _EDGE not in raw:
        return " ".join(raw.split())
    lines = (" ".join(block.split()) for block in raw.split(_EDGE))
    return "\n".join(line for line in lines if line)


def _marked_text(raw: str, xrefs: list[Element]) -> Text:
    """Clean text and spans: the marks ride through the cleaning, then are cut out and counted."""
    text = _NEAR_MARK.sub(_space_outside, clean_text(raw)).strip()
    parts = _MARK.split(text)
    text = "".join(parts[::2])
    offsets, position = [], 0
    for part in parts:
        if part in (_OPEN, _CLOSE):
            offsets.append((part, position))
        else:
            position += len(part)
    text, spans = _trimmed(text, _paired(offsets))
    if not unicodedata.is_normalized("NFC", text):
        spans = [tuple(len(unicodedata.normalize("NFC", text[:edge])) for edge in span) for span in spans]
        text = unicodedata.normalize("NFC", text)
    return Text(text, tuple(Span(xref, *span) for xref, span in zip(xrefs, spans, strict=True)))


def _space_outside(run: re.Match[str]) -> str:
    """White space beside marks goes after the closing and before the opening ones: a span never begins or ends with a space."""
    found = run.group()
    space = "\n" if "\n" in found else " " if " " in found else ""
    marks = "".join(_MARK.findall(found))
    rest = marks.lstrip(_CLOSE)
    return marks[: len(marks) - len(rest)] + space + rest


def _paired(offsets: list[tuple[str, int]]) -> list[tuple[int, int]]:
    """(start, end) of each opening mark, in order of opening; marks nest as elements do."""
    spans: list[tuple[int, int]] = []
    still_open: list[int] = []
    for mark, position in offsets:
        if mark == _OPEN:
            still_open.append(len(spans))
            spans.append((position, position))
        else:
            index = still_open.pop()
            spans[index] = (spans[index][0], position)
    return spans


def _trimmed(text: str, spans: list[tuple[int, int]]) -> tuple[str, list[tuple[int, ...]]]:
    shift = len(text) - len(text.lstrip())
    text = text.strip()
    return text, [tuple(min(max(edge - shift, 0), len(text)) for edge in span) for span in spans]


def _render(element: Element, out: list[str], state: _Pass) -> None:
    text = element.text
    if text:
        out.append(text)
    for child in element:
        _HANDLERS[child.tag](child, out, state)
        tail = child.tail
        if tail:
            out.append(tail)


def _block(element: Element, out: list[str], state: _Pass) -> None:
    out.append(_EDGE)
    _render(element, out, state)
    out.append(_EDGE)


def _label(element: Element, out: list[str], state: _Pass) -> None:
    _block(element, out, state)
    out[-1] = _GLUE


def _break(element: Element, out: list[str], state: _Pass) -> None:
    out.append(_EDGE)


def _cell(element: Element, out: list[str], state: _Pass) -> None:
    _render(element, out, state)
    out.append(" ")


def _float(element: Element, out: list[str], state: _Pass) -> None:
    if state.keep_floats:
        _block(element, out, state)


def _hidden(element: Element, out: list[str], state: _Pass) -> None:
    """A picture, its description or another row's element: no text of this block."""


def _xref(element: Element, out: list[str], state: _Pass) -> None:
    if not _is_wanted(element, state.targets):
        _render(element, out, state)
        return
    state.xrefs.append(element)
    out.append(_OPEN)
    _render(element, out, state)
    out.append(_CLOSE)


def _is_wanted(xref: Element, targets: Set[str]) -> bool:
    kind = xref.get("ref-type")
    if kind == "bibr" or not targets:
        return False
    return kind == "fig" or not targets.isdisjoint((xref.get("rid") or "").split())


def _superscript(element: Element, out: list[str], state: _Pass) -> None:
    _script(element, out, state, SUPERSCRIPTS)


def _subscript(element: Element, out: list[str], state: _Pass) -> None:
    _script(element, out, state, SUBSCRIPTS)


def _script(element: Element, out: list[str], state: _Pass, forms: dict[int, str]) -> None:
    inner: list[str] = []
    _render(element, inner, state)
    text = "".join(inner)
    if _stands_alone(out, element):
        out.append(text)
    else:
        out.append(to_script(text, forms) or text)


def _stands_alone(out: list[str], element: Element) -> bool:
    """True for a raised or lowered run with white space on both sides: it belongs to no character and reads as a word."""
    before = next((piece for piece in reversed(out) if piece), " ")
    if not (before[-1].isspace() or before[-1] == _EDGE):
        return False
    tail = element.tail
    return tail[0].isspace() if tail else element.getnext() is None


def _math(element: Element, out: list[str], state: _Pass) -> None:
    out.append(math_text(element))


def _tex(element: Element, out: list[str], state: _Pass) -> None:
    parent = element.getparent()
    if parent is None or parent.find("{*}math") is None:
        out.append(tex_text(element))


def _alternatives(element: Element, out: list[str], state: _Pass) -> None:
    """One of the alternatives: MathML before TeX before whatever has text first."""
    for name in ("{*}math", "{*}tex-math"):
        chosen = element.find(name)
        if chosen is not None:
            _HANDLERS[chosen.tag](chosen, out, state)
            return
    for child in element:
        inner: list[str] = []
        _HANDLERS[child.tag](child, inner, state)
        if "".join(inner).strip():
            out.extend(inner)
            return


def _entity(element: Element, out: list[str], state: _Pass) -> None:
    """The character of a named entity that HTML knows; any other reference stays as written, never expanded."""
    reference = element.text or ""
    out.append(html.entities.html5.get(reference[1:], reference))


_Handler = Callable[[Element, list[str], _Pass], None]
_BLOCKS = (
    "p title subtitle caption list list-item def-list def-item def term disp-quote verse-group verse-line speech speaker"
    " disp-formula disp-formula-group statement sec tr thead tbody tfoot table fn fn-group attrib abstract"
    " trans-abstract copyright-statement copyright-holder license license-p notes ack app object-id"
)
_FLOATS = "fig-group table-wrap table-wrap-group table-wrap-foot supplementary-material media chem-struct-wrap boxed-text"
_HIDDEN = "fig graphic inline-graphic alt-text long-desc private-char index-term mathml x-graphic hr colgroup"
_HANDLERS: ByTag[_Handler] = ByTag(
    {
        **dict.fromkeys(_BLOCKS.split(), _block),
        **dict.fromkeys(_FLOATS.split(), _float),
        **dict.fromkeys(_HIDDEN.split(), _hidden),
        "label": _label,
        "break": _break,
        "td": _cell,
        "th": _cell,
        "xref": _xref,
        "sup": _superscript,
        "sub": _subscript,
        "math": _math,
        "tex-math": _tex,
        "alternatives": _alternatives,
        "&": _entity,
    },
    default=_render,
)
