"""Damaged and hostile articles: seeded mutations of real ones, each to be made again from its seed and number alone."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence

Mutation = Callable[[bytes, random.Random], bytes]

_TAG = re.compile(rb"<[^<>]+>")
_PROLOGUE = re.compile(rb"^.*?(?=<article)", re.DOTALL)
_NAMES = (
    b"p",
    b"fig",
    b"xref",
    b"sec",
    b"caption",
    b"table-wrap",
    b"sup",
    b"alternatives",
    b"mml:math",
    b"article",
    b"front",
    b"x",
)
_ATTRIBUTES = (b"id", b"rid", b"ref-type", b"xlink:href", b"pub-id-type", b"fig-type", b"zzz")
_PHRASES = (
    b"Fig. 1A, ",
    b"(A) ",
    b"(",
    b"A, b-",
    b". ",
    b"\n",
    b" \t",
    "\u0301é\u200b".encode(),
    b"&#8211;1",
    b"Figs 1-",
    b"a",
    b"1",
    b"&amp;",
    b"x = ",
    b"with permission ",
    b"http://",
)
_PIECES = (
    b'<xref ref-type="fig" rid="F1">Fig. 1</xref>-',
    b'<fig id="F1"><label>Figure 7</label><caption><p>(A) x (B) y</p></caption></fig>',
    b"<sup>2</sup>",
    b"<p>",
    b"<sec><title>t</title></sec>",
    b'<graphic xlink:href="g"/>',
)
_FLOODED = (
    b"label p title article-title kwd year month season attrib license-p copyright-statement aff subject fpage article-id issn"
    b" pub-id xref surname collab contrib-id tex-math journal-title alt-text td mixed-citation"
).split()
_ENCODINGS = ("UTF-16", "ISO-8859-1", "windows-1252", "ascii", "EBCDIC-CP-US", "UTF-7", "nonsense")


def mutated(originals: Sequence[bytes], count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """(mutation, bytes) of that many damaged articles, every mutation in turn; one in four has bytes flipped as well."""
    return (mutant(originals, number, seed) for number in range(count))


def mutant(originals: Sequence[bytes], number: int, seed: int = 0) -> tuple[str, bytes]:
    """The damaged article of a number: the same for the same originals, number and seed."""
    chance = random.Random(f"{seed}/{number}")
    name = list(MUTATIONS)[number % len(MUTATIONS)]
    damaged = MUTATIONS[name](chance.choice(originals), chance)
    return name, flip_bytes(damaged, chance) if chance.random() < 0.25 else damaged


def flip_bytes(xml: bytes, chance: random.Random) -> bytes:
    """A few bytes replaced by any others."""
    damaged = bytearray(xml)
    for _ in range(chance.randint(1, 20) if damaged else 0):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    return bytes(damaged)


def truncate(xml: bytes, chance: random.Random) -> bytes:
    """The article up to anywhere."""
    return xml[: chance.randrange(len(xml))]


def cut_out(xml: bytes, chance: random.Random) -> bytes:
    """A slice missing."""
    start = chance.randrange(len(xml))
    return xml[:start] + xml[start + chance.randint(1, 5000) :]


def repeat(xml: bytes, chance: random.Random) -> bytes:
    """A slice several times over."""
    start = chance.randrange(len(xml))
    piece = xml[start : start + chance.randint(1, 2000)]
    return xml[:start] + piece * chance.randint(2, 50) + xml[start:]


def swap_tags(xml: bytes, chance: random.Random) -> bytes:
    """Two tags in each other's place."""
    first, second = sorted(chance.sample(list(_TAG.finditer(xml)), 2), key=lambda tag: tag.start())
    between = xml[first.end() : second.start()]
    return xml[: first.start()] + second.group() + between + first.group() + xml[second.end() :]


def rename_elements(xml: bytes, chance: random.Random) -> bytes:
    """Every element of one name under another one, well-formed as before."""
    old, new = chance.sample(_NAMES, 2)
    return re.sub(rb"(</?)" + old + rb"(?=[\s/>])", rb"\1" + new, xml)


def nest_deeply(xml: bytes, chance: random.Random) -> bytes:
    """Elements within elements, up to and beyond what is read."""
    name, depth = chance.choice(_NAMES), chance.choice((10, 100, 230, 300, 5000, 200_000))
    return inserted(xml, chance, (b"<" + name + b">") * depth + b"y" + (b"</" + name + b">") * depth)


def bomb_entities(xml: bytes, chance: random.Random) -> bytes:
    """Entities of entities of entities, referred to by an attribute and by text."""
    levels, width = chance.randint(2, 12), chance.randint(2, 12)
    nested = b"".join(b'<!ENTITY e%d "%s">' % (level, b"&e%d;" % (level - 1) * width) for level in range(1, levels))
    doctype = b'<!DOCTYPE article [<!ENTITY e0 "ha">' + nested + b"]>"
    return doctype + inserted(_PROLOGUE.sub(b"", xml, 1), chance, b"<p a='&e%d;'>&e%d;</p>" % (levels - 1, levels - 1))


def grow_attribute(xml: bytes, chance: random.Random) -> bytes:
    """A huge attribute on some element, mostly one that is read."""
    value = chance.choice((b"F1 ", b"x", b"&amp;", b"../", b"10.1/", b"(")) * chance.choice((1000, 100_000, 1_000_000))
    end = chance.choice(list(_TAG.finditer(xml))).end() - 1
    return xml[:end] + b" " + chance.choice(_ATTRIBUTES) + b'="' + value + b'"' + xml[end:]


def add_attributes(xml: bytes, chance: random.Random) -> bytes:
    """Very many attributes on one element."""
    end = chance.choice(list(_TAG.finditer(xml))).end() - 1
    return xml[:end] + b"".join(b' a%d="%d"' % (number, number) for number in range(chance.choice((100, 20_000)))) + xml[end:]


def grow_text(xml: bytes, chance: random.Random) -> bytes:
    """A long run of characters that patterns look for."""
    return inserted(xml, chance, chance.choice(_PHRASES) * chance.choice((100, 10_000, 100_000)))


def flood_element(xml: bytes, chance: random.Random) -> bytes:
    """The same long run as all the text of one element that is read."""
    names = [name for name in _FLOODED if b"<" + name in xml]
    places = list(re.finditer(rb"<%s(?:\s[^<>]*)?>([^<]*)<" % chance.choice(names), xml)) if names else []
    start, end = chance.choice(places).span(1) if places else (len(xml), len(xml))
    return xml[:start] + chance.choice(_PHRASES) * chance.choice((1000, 100_000)) + xml[end:]


def grow_elements(xml: bytes, chance: random.Random) -> bytes:
    """Very many small elements."""
    return inserted(xml, chance, chance.choice(_PIECES) * chance.choice((10, 1000, 10_000)))


def lie_about_encoding(xml: bytes, chance: random.Random) -> bytes:
    """A declaration of an encoding that the bytes are not in, or bytes in another one."""
    declared = f'<?xml version="1.0" encoding="{chance.choice(_ENCODINGS)}"?>'.encode() + xml
    return chance.choice((declared, xml.decode("utf-8", "replace").encode("utf-16"), b"\xff\xfe" + xml, b"\xef\xbb\xbf\n" + xml))


def inserted(xml: bytes, chance: random.Random, piece: bytes) -> bytes:
    """The article with a piece between two of its tags, not in its first quarter."""
    tags = list(_TAG.finditer(xml))
    place = chance.choice(tags[len(tags) // 4 :]).end()
    return xml[:place] + piece + xml[place:]


_ALL = (flip_bytes, truncate, cut_out, repeat, swap_tags, rename_elements, nest_deeply, bomb_entities)
MUTATIONS: dict[str, Mutation] = {
    one.__name__: one
    for one in (*_ALL, grow_attribute, add_attributes, grow_text, flood_element, grow_elements, lie_about_encoding)
}
