"""Pictures with words as HTML: one self-contained page or a fragment for a notebook, images inside, all text escaped."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from udfs.image_preview import thumbnail

THUMBNAIL_SIDE_PX = 400
MAX_TEXT = 420
# Nothing but what the page itself holds is ever loaded, whatever a caption says.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = """
.bm { font: 14px/1.4 system-ui, sans-serif; max-width: 1480px; display: flex; flex-wrap: wrap; gap: 28px 36px; }
.bm section { flex: 0 1 auto; min-width: 230px; max-width: 100%; }
.bm section.wide { flex-basis: 100%; }
.bm h2 { font-size: 16px; margin: 0 0 4px; }
.bm p { margin: 0; overflow-wrap: anywhere; white-space: pre-line; }
.bm p.note { opacity: .75; margin-bottom: 8px; }
.bm .cards { display: flex; flex-wrap: wrap; gap: 12px; align-items: flex-start; }
.bm figure { margin: 0; width: 232px; box-sizing: border-box; overflow: hidden; }
.bm figure { border: 1px solid rgba(128, 128, 128, .45); border-radius: 6px; }
.bm figure.first { border: 2px solid #2a7ab0; }
.bm .picture { background: #fff; height: 200px; display: flex; align-items: center; justify-content: center; }
.bm .picture img { max-width: 100%; max-height: 100%; object-fit: contain; }
.bm figcaption { padding: 8px 10px; font-size: 12px; border-top: 1px solid rgba(128, 128, 128, .45); }
.bm figcaption b { font-size: 13px; }
.bm .source { opacity: .75; margin-top: 4px; }
.bm table { border-collapse: collapse; width: 100%; table-layout: fixed; font-size: 12px; }
.bm th, .bm td {
  text-align: left; vertical-align: top; padding: 3px 14px 3px 0; border-bottom: 1px solid rgba(128, 128, 128, .3);
}
.bm td { overflow-wrap: anywhere; }
.bm ul { columns: 24em; margin: 0; padding: 0; list-style: none; }
.bm li { break-inside: avoid; }
@media (max-width: 560px) {
  .bm section { flex-basis: 100%; }
  .bm table, .bm tbody { display: block; }
  .bm figure { width: calc(50% - 6px); }
  .bm tr { display: block; padding: 4px 0; border-bottom: 1px solid rgba(128, 128, 128, .3); }
  .bm th { display: none; }
  .bm td { display: block; padding: 0; border: 0; }
  .bm td::before { content: attr(data-column) ": "; opacity: .75; }
}
"""


@dataclass(frozen=True)
class Source:
    """Where a picture comes from, as words, and the DOI of its article to link to."""

    text: str
    doi: str | None = None


@dataclass(frozen=True)
class Card:
    """A picture (encoded bytes), what it is in a few words, more about it, and its sources; `is_first` sets it off."""

    picture: bytes
    heading: str
    lines: Sequence[str] = ()
    sources: Sequence[Source] = ()
    is_first: bool = False


def page(title: str, fragments: Iterable[str]) -> str:
    """A whole HTML page of fragments that `cards` and `table` made."""
    name = escape(title)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<style>:root { color-scheme: light dark; } body { margin: 24px; } h1 { font: 600 22px system-ui, sans-serif; }</style>"
        f"</head>\n<body><h1>{name}</h1>\n{fragment(fragments)}\n</body></html>\n"
    )


def fragment(sections: Iterable[str]) -> str:
    """The sections with their style, to put into a page or to show in a notebook."""
    return f'<style>{_STYLE}</style><div class="bm">{"".join(sections)}</div>'


def cards(title: str, shown: Sequence[Card], note: str = "") -> str:
    """A section of pictures side by side; short sections stand beside each other."""
    return _section("narrow", title, note, f'<div class="cards">{"".join(_card(card) for card in shown)}</div>')


def table(title: str, widths: Mapping[str, int], rows: Iterable[Sequence[str]], note: str = "") -> str:
    """A section of text in rows; `widths` are the columns in order, each with its share of the line (per cent)."""
    columns = "".join(f'<col style="width: {width}%">' for width in widths.values())
    head = "".join(f"<th>{escape(name)}</th>" for name in widths)
    lines = [f"<tr>{head}</tr>", *(_table_row(list(widths), row) for row in rows)]
    return _section("wide", title, note, f"<table><colgroup>{columns}</colgroup>{''.join(lines)}</table>")


def contents(title: str, titles: Iterable[str], note: str = "") -> str:
    """A section that leads to other sections of the page, by their titles."""
    lines = "".join(f'<li><a href="#{_anchor(other)}">{escape(other)}</a></li>' for other in titles)
    return _section("wide", title, note, f"<ul>{lines}</ul>")


def _section(kind: str, title: str, note: str, body: str) -> str:
    explained = f'<p class="note">{escape(note)}</p>' if note else ""
    return f'<section class="{kind}" id="{_anchor(title)}"><h2>{escape(title)}</h2>{explained}{body}</section>\n'


def _anchor(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def _table_row(columns: Sequence[str], cells: Sequence[str]) -> str:
    named = zip(columns, cells, strict=True)
    shown = (f'<td data-column="{escape(name)}">{escape(shortened(cell))}</td>' for name, cell in named)
    return f"<tr>{''.join(shown)}</tr>"


def _card(card: Card) -> str:
    lines = "".join(f"<p>{escape(shortened(line))}</p>" for line in card.lines)
    heading = escape(shortened(card.heading))
    sources = "".join(f'<p class="source">{_source(source)}</p>' for source in card.sources)
    return (
        f'<figure class="{"first" if card.is_first else "other"}"><div class="picture">'
        f'<img alt="{heading}" src="{data_uri(card.picture)}"></div>'
        f"<figcaption><p><b>{heading}</b></p>{lines}{sources}</figcaption></figure>"
    )


def _source(source: Source) -> str:
    text = escape(shortened(source.text))
    if not source.doi:
        return text
    return f'{text} <a href="https://doi.org/{quote(source.doi[:MAX_TEXT])}" rel="noreferrer">doi</a>'


def shortened(text: str) -> str:
    """Text of at most MAX_TEXT characters, an ellipsis where it was cut."""
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1].rstrip() + "…"


def data_uri(content: bytes) -> str:
    """An image (JPEG, WebP, PNG bytes) as a data URI of a JPEG no larger than a thumbnail."""
    small = thumbnail(content, THUMBNAIL_SIDE_PX)
    return f"data:image/jpeg;base64,{base64.b64encode(small).decode('ascii')}"
