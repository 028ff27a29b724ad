"""Media objects that a graphic reference of an article's XML means, by NLM's naming rules for the PMC Cloud Service."""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import unquote

RASTER_EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".gif", ".tif", ".tiff", ".webp", ".bmp"})

_Rule = Callable[[str], str]


class MediaIndex:
    """Media names of one article version, ready to match many references."""

    def __init__(self, media_names: Iterable[str]) -> None:
        self._rasters = [name for name in media_names if split_raster(name)[1]]
        self._by_rule: dict[_Rule, dict[str, list[str]]] = {}

    def match(self, graphic_ref: str | None) -> tuple[str, ...]:
        """Rasters that the best rule finds; see match_graphic."""
        if not graphic_ref or not self._rasters:
            return ()
        forms = list(_forms(graphic_ref))
        for rule in _RULES:
            for form in forms:
                found = self._index(rule).get(rule(form))
                if found:
                    return self._with_originals(found)
        return ()

    def _index(self, rule: _Rule) -> dict[str, list[str]]:
        if rule not in self._by_rule:
            index = self._by_rule[rule] = {}
            for name in self._rasters:
                for key in {rule(form) for form in _forms(name)}:
                    index.setdefault(key, []).append(name)
        return self._by_rule[rule]

    def _with_originals(self, found: list[str]) -> tuple[str, ...]:
        """A GIF named in full may be the thumbnail of another raster with its stem, so that one comes along."""
        if len(found) > 1 or not found[0].lower().endswith(".gif"):
            return tuple(found)
        stem = split_raster(found[0])[0]
        return (*found, *(name for name in self._rasters if name != found[0] and split_raster(name)[0] == stem))


def match_graphic(graphic_ref: str | None, media_names: Iterable[str]) -> tuple[str, ...]:
    """Names of the rasters that the reference means, in the order given; empty where there is none.

    The first rule that finds any decides: the path as written, the base name, the stem without a raster extension (`x.f1` is
    a stem), base name and stem without regard to case; each also percent-decoded. By stem all rasters are returned, since a
    figure may exist as .jpg and as .gif thumbnail. Source: naming rules of the PMC Cloud Service.
    """
    return MediaIndex(media_names).match(graphic_ref)


def split_raster(name: str) -> tuple[str, str]:
    """(stem, raster extension) of a file name; any other extension belongs to the stem."""
    stem, extension = posixpath.splitext(name)
    return (stem, extension) if extension.lower() in RASTER_EXTENSIONS else (name, "")


def _forms(reference: str) -> Iterator[str]:
    """The reference with forward slashes, as written and percent-decoded."""
    written = unicodedata.normalize("NFC", reference.strip().replace("\\", "/"))
    yield written
    if "%" in written:
        yield unicodedata.normalize("NFC", unquote(written).replace("\\", "/"))


def _path(reference: str) -> str:
    return posixpath.normpath(reference)


def _base(reference: str) -> str:
    return posixpath.basename(reference)


def _stem(reference: str) -> str:
    return split_raster(posixpath.basename(reference))[0]


def _base_folded(reference: str) -> str:
    return _base(reference).casefold()


def _stem_folded(reference: str) -> str:
    return _stem(reference).casefold()


_RULES: tuple[_Rule, ...] = (_path, _base, _stem, _base_folded, _stem_folded)
