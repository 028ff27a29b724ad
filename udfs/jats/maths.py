"""Formulas as one line of text, from MathML or else from TeX."""

from __future__ import annotations

import re
from collections.abc import Callable

from udfs.jats.names import NAMES, ByTag, Element, all_text
from udfs.jats.scripts import SUBSCRIPTS, SUPERSCRIPTS, Forms, to_script

_INVISIBLE = dict.fromkeys((0x2061, 0x2062, 0x2063, 0x2064, 0x200B, 0xFEFF))
_ACCENTS = {
    "¯": "\u0304",
    "ˉ": "\u0304",
    "‾": "\u0304",
    "_": "\u0304",
    "^": "\u0302",
    "ˆ": "\u0302",
    "~": "\u0303",
    "˜": "\u0303",
}
_ACCENTS |= {
    "→": "\u20d7",
    "⃗": "\u20d7",
    "˙": "\u0307",
    ".": "\u0307",
    "¨": "\u0308",
    "ˇ": "\u030c",
    "´": "\u0301",
    "`": "\u0300",
}
_ATOM = re.compile(r"[\w.]*")

_TEX_BODY = re.compile(r"\\begin\{document\}(.*?)\\end\{document\}", re.DOTALL)
_TEX_NOISE = re.compile(r"\\documentclass.*?\\begin\{document\}|\\end\{document\}|^\s*\}\{\}", re.DOTALL)


def math_text(math: Element) -> str:
    """A MathML formula as a line: x², a/b, √(x+1); every character of it once, in reading order."""
    return _HANDLERS[math.tag](math).strip()


def tex_text(tex: Element) -> str:
    """The TeX source of a formula without preamble, document frame and dollar signs."""
    source = all_text(tex)
    body = _TEX_BODY.search(source)
    source = body.group(1) if body else source
    return _TEX_NOISE.sub("", source).strip().removeprefix("}{}").strip().strip("$").strip()


def _children(element: Element) -> list[str]:
    return [_HANDLERS[child.tag](child) for child in element]


def _row(element: Element) -> str:
    return (element.text or "").strip() + "".join(_HANDLERS[child.tag](child) + (child.tail or "").strip() for child in element)


def _token(element: Element) -> str:
    text = _text(element)
    return text.strip() or (" " if text else "")


def _text(element: Element) -> str:
    text = all_text(element) if len(element) else element.text or ""
    return text if text.isascii() else text.translate(_INVISIBLE)


def _script(text: str, forms: Forms, mark: str) -> str:
    if not text:
        return ""
    return to_script(text, forms) or mark + _grouped(text)


def _grouped(text: str) -> str:
    return text if _ATOM.fullmatch(text) else f"({text})"


def _sub(element: Element) -> str:
    base, lower, *rest = [*_children(element), "", ""]
    return base + _script(lower, SUBSCRIPTS, "_") + "".join(rest)


def _sup(element: Element) -> str:
    base, upper, *rest = [*_children(element), "", ""]
    return base + _script(upper, SUPERSCRIPTS, "^") + "".join(rest)


def _subsup(element: Element) -> str:
    base, lower, upper, *rest = [*_children(element), "", "", ""]
    return base + _script(lower, SUBSCRIPTS, "_") + _script(upper, SUPERSCRIPTS, "^") + "".join(rest)


def _over(element: Element) -> str:
    base, upper, *rest = [*_children(element), "", ""]
    accent = _ACCENTS.get(upper)
    return base + (accent or _script(upper, SUPERSCRIPTS, "^")) + "".join(rest)


def _fraction(element: Element) -> str:
    parts = _children(element)
    return "/".join(_grouped(part) for part in parts)


def _root(element: Element) -> str:
    parts = _children(element)
    if NAMES[element.tag] == "mroot" and len(parts) == 2:
        return _script(parts[1], SUPERSCRIPTS, "^") + "√" + _grouped(parts[0])
    return "√" + _grouped("".join(parts) or (element.text or "").strip())


def _fenced(element: Element) -> str:
    separators = element.get("separators", ",").replace(" ", "")
    parts = _children(element)
    line = parts[0] if parts else ""
    for index, part in enumerate(parts[1:]):
        line += (separators[min(index, len(separators) - 1)] if separators else "") + part
    return element.get("open", "(") + line + element.get("close", ")")


def _table(element: Element) -> str:
    return "; ".join(_children(element))


def _table_row(element: Element) -> str:
    return ", ".join(_children(element))


def _first(element: Element) -> str:
    return next((_HANDLERS[child.tag](child) for child in element), "")


def _space(element: Element) -> str:
    return " "


def _nothing(element: Element) -> str:
    return ""


_HANDLERS: ByTag[Callable[[Element], str]] = ByTag(
    {
        "mi": _token,
        "mn": _token,
        "mo": _token,
        "mtext": _text,
        "ms": _text,
        "msub": _sub,
        "munder": _sub,
        "msup": _sup,
        "mover": _over,
        "msubsup": _subsup,
        "munderover": _subsup,
        "mfrac": _fraction,
        "msqrt": _root,
        "mroot": _root,
        "mfenced": _fenced,
        "mtable": _table,
        "mtr": _table_row,
        "mlabeledtr": _table_row,
        "semantics": _first,
        "mspace": _space,
        "mphantom": _nothing,
        "annotation": _nothing,
        "annotation-xml": _nothing,
    },
    default=_row,
)
