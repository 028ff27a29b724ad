"""Text of paragraphs, titles and captions as a reader sees it, with the places of the cross-references in it."""

from __future__ import annotations

import html.entities
from collections.abc import Callable, Container
from typing import NamedTuple

from lxml import etree

from udfs.jats.cleaning import CLOSE, EDGE, GLUE, OPEN, clean_marked_text, clean_text
from udfs.jats.maths import math_text, tex_text
from udfs.jats.names import ByTag, Element, all_text
from udfs.jats.scripts import SUBSCRIPTS, SUPERSCRIPTS, Forms, to_script

_NONE: frozenset[Element] = frozenset()


class Span(NamedTuple):
    """A cross-reference and the characters of the text that it covers (offsets from 0, end exclusive)."""

    xref: Element
    start: int
    end: int


class Text(NamedTuple):
    """Text of a block, NFC, blocks within it on lines of their own; the cross-references asked for, in reading order."""

    text: str
    spans: tuple[Span, ...] = ()


def _plain(text: str) -> Text:
    """A text without cross-references; the tuple's own constructor is three times faster than the named one."""
    return tuple.__new__(Text, (text, ()))


class _Pass:
    """One rendering: which cross-references are wanted, whether floats are kept, what was found."""

    __slots__ = ("keep_floats", "wanted", "xrefs")

    def __init__(self, wanted: Container[Element] = _NONE, keep_floats: bool = False) -> None:
        self.wanted = wanted
        self.keep_floats = keep_floats
        self.xrefs: list[Element] = []


_WITH_FLOATS, _WITHOUT_FLOATS = _Pass(keep_floats=True), _Pass()  # they want no cross-references, so that they stay as they are


def plain_text(element: Element | None, keep_floats: bool = True) -> str | None:
    """Text of an element on as many lines as it has blocks; None for no element or no text."""
    if element is None:
        return None
    if not len(element):
        return clean_text(element.text or "") or None
    out: list[str] = []
    _render(element, out, _WITH_FLOATS if keep_floats else _WITHOUT_FLOATS)
    return clean_text("".join(out)) or None


def line_text(element: Element | None) -> str | None:
    """Text of an element on one line; None for no element or no text."""
    if element is None:
        return None
    if not len(element):
        return clean_text(element.text or "") or None
    text = plain_text(element)
    return text.replace("\n", " ") if text else None


def raw_text(element: Element) -> str:
    """All text nodes of an element joined as they stand; one call of the XML library."""
    if not len(element):
        return element.text or ""
    return etree.tostring(element, encoding="unicode", method="text", with_tail=False)


def block_text(element: Element, wanted: Container[Element]) -> Text:
    """Text of a block without the floats in it, with the spans of the wanted cross-references."""
    if not len(element):
        return _plain(clean_text(element.text or ""))
    state = _Pass(wanted)
    out: list[str] = []
    _render(element, out, state)
    raw = "".join(out)
    if not state.xrefs:
        return _plain(clean_text(raw))
    text, spans = clean_marked_text(raw)
    return Text(text, tuple(Span(xref, *span) for xref, span in zip(state.xrefs, spans, strict=True)))


def _render(element: Element, out: list[str], state: _Pass) -> None:
    text = element.text
    if text:
        out.append(text)
    for child in element:
        handler = _HANDLERS[child.tag]
        if handler is not _inline and (handler is not _xref or child in state.wanted):
            handler(child, out, state)
        elif len(child):
            _render(child, out, state)
        else:
            text = child.text
            if text:
                out.append(text)
        text = child.tail
        if text:
            out.append(text)


def _inline(element: Element, out: list[str], state: _Pass) -> None:
    _render(element, out, state)


def _block(element: Element, out: list[str], state: _Pass) -> None:
    out.append(EDGE)
    _render(element, out, state)
    out.append(EDGE)


def _label(element: Element, out: list[str], state: _Pass) -> None:
    _block(element, out, state)
    out[-1] = GLUE


def _break(element: Element, out: list[str], state: _Pass) -> None:
    out.append(EDGE)


def _cell(element: Element, out: list[str], state: _Pass) -> None:
    _render(element, out, state)
    out.append(" ")


def _float(element: Element, out: list[str], state: _Pass) -> None:
    if state.keep_floats:
        _block(element, out, state)


def _hidden(element: Element, out: list[str], state: _Pass) -> None:
    """A picture, its description or another row's element: no text of this block."""


def _xref(element: Element, out: list[str], state: _Pass) -> None:
    if element not in state.wanted:
        _render(element, out, state)
        return
    state.xrefs.append(element)
    out.append(OPEN)
    _render(element, out, state)
    out.append(CLOSE)


def _superscript(element: Element, out: list[str], state: _Pass) -> None:
    _script(element, out, state, SUPERSCRIPTS)


def _subscript(element: Element, out: list[str], state: _Pass) -> None:
    _script(element, out, state, SUBSCRIPTS)


def _script(element: Element, out: list[str], state: _Pass, forms: Forms) -> None:
    if len(element):
        inner: list[str] = []
        _render(element, inner, state)
        text = "".join(inner)
    else:
        text = element.text or ""
    out.append(text if _stands_alone(out, element) else to_script(text, forms) or text)


def _stands_alone(out: list[str], element: Element) -> bool:
    """True for a raised or lowered run with white space on both sides: it belongs to no character and reads as a word."""
    before = out[-1] if out else " "
    if before and not before[-1].isspace() and before[-1] != EDGE:
        return False
    tail = element.tail
    return tail[0].isspace() if tail else element.getnext() is None


def _math(element: Element, out: list[str], state: _Pass) -> None:
    out.append(math_text(element))


def _tex(element: Element, out: list[str], state: _Pass) -> None:
    parent = element.getparent()
    if parent is None or parent.find("{*}math") is None:
        out.append(tex_text(element))


def _formula(element: Element, out: list[str], state: _Pass) -> None:
    """A formula in its only form; one that is nothing but a picture reads as the picture's description."""
    inner: list[str] = []
    _render(element, inner, state)
    if not "".join(inner).strip():
        inner = [all_text(one) for one in element.iterdescendants("{*}alt-text")][:1]
    out.extend(inner)


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
        "inline-formula": _formula,
        "math": _math,
        "tex-math": _tex,
        "alternatives": _alternatives,
        "&": _entity,
    },
    default=_inline,
)
