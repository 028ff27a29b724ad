"""The studio: draws each picture once, unlike any before it, and hands out its files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
from PIL import Image

from jobs.sample import contents, emblems
from jobs.sample.contents import Medium, Picture
from jobs.sample.distinct import Fingerprint, Gallery, fingerprint
from jobs.sample.drawings import Subject, choose_subject, draw
from jobs.sample.formats import FORMS, copies, decode, encode

WANTED_DISTANCE, LEAST_DISTANCE = 10, 8
PATIENCE, MAX_ATTEMPTS = 25, 400
LEAST_ENTROPY_BITS = 0.8
NUM_REMEMBERED = 32
_DRAWING_STREAM = 11


@dataclass(frozen=True)
class Limit:
    """Bits by which two hashes of 64 and of 256 bits may differ."""

    short: int
    long: int

    def covers(self, distance: tuple[int, int]) -> bool:
        """True if neither hash differs by more."""
        return distance[0] <= self.short and distance[1] <= self.long


DUPLICATE = Limit(6, 32)
COPY_LIMITS = (Limit(2, 16), Limit(4, 20))


@dataclass(frozen=True)
class Sketch:
    """A picture as drawn: what it shows (None: nothing to speak of), its original file and how it looks."""

    subject: Subject | None
    original: bytes
    mark: Fingerprint


@dataclass(frozen=True)
class Choice:
    """How a picture came to be: at which attempt it was new, and which candidate of each copy stays near it."""

    attempt: int
    copies: dict[str, int]


class Studio:
    """Files of pictures; what a picture looks like depends on the pictures asked for before it and on its planned copies."""

    def __init__(self, seed: int, planned_copies: Mapping[Picture, tuple[str, ...]]) -> None:
        self._seed, self._planned = seed, planned_copies
        self._gallery = Gallery()
        self._choices: dict[Picture, Choice] = {}
        self._recent: dict[Picture, Sketch] = {}

    def subject(self, picture: Picture) -> Subject | None:
        """What a picture shows."""
        return self._sketch(picture).subject

    def file(self, medium: Medium) -> bytes:
        """The undamaged bytes of a media file; near copies stay within the distance at which duplicates are sought."""
        original = self._sketch(medium.picture).original
        if medium.copy == contents.ORIGINAL:
            return original
        return next(islice(copies(original, medium.copy), self._choices[medium.picture].copies[medium.copy], None))

    def _sketch(self, picture: Picture) -> Sketch:
        if picture not in self._recent:
            choice = self._choices.get(picture)
            sketch = self._draw(picture, choice.attempt) if choice else self._first_sketch(picture)
            if len(self._recent) == NUM_REMEMBERED:
                del self._recent[next(iter(self._recent))]
            self._recent[picture] = sketch
        return self._recent[picture]

    def _first_sketch(self, picture: Picture) -> Sketch:
        for attempt in range(MAX_ATTEMPTS):
            sketch = self._draw(picture, attempt)
            wanted = WANTED_DISTANCE if attempt < PATIENCE else LEAST_DISTANCE
            if not self._is_new([sketch.mark], picture, wanted):
                continue
            chosen = self._choose_copies(picture, sketch)
            if chosen is not None:
                self._choices[picture] = Choice(attempt, {copy: number for copy, (number, _) in chosen.items()})
                self._hang(picture, [sketch.mark, *(mark for _, mark in chosen.values())])
                return sketch
        raise RuntimeError(f"sample: {MAX_ATTEMPTS} drawings of {picture} all look like earlier ones; ask for fewer articles")

    def _hang(self, picture: Picture, marks: Iterable[Fingerprint]) -> None:
        if _is_compared(picture):
            for mark in marks:
                self._gallery.add(mark, picture.number)

    def _is_new(self, marks: Iterable[Fingerprint], picture: Picture, wanted: int) -> bool:
        return not _is_compared(picture) or all(self._gallery.nearest(mark, picture.number) >= wanted for mark in marks)

    def _choose_copies(self, picture: Picture, sketch: Sketch) -> dict[str, tuple[int, Fingerprint]] | None:
        """Number and mark of a candidate for each planned copy; None if one has none, or if the sheet is nearly empty."""
        planned = self._planned.get(picture, ())
        if planned and decode(sketch.original).convert("L").entropy() < LEAST_ENTROPY_BITS:
            return None
        chosen: dict[str, tuple[int, Fingerprint]] = {}
        for copy in planned:
            others = [mark for _, mark in chosen.values()]
            found = self._choose_copy(picture, sketch, copy, others)
            if found is None:
                return None
            chosen[copy] = found
        return chosen

    def _choose_copy(
        self, picture: Picture, sketch: Sketch, copy: str, others: list[Fingerprint]
    ) -> tuple[int, Fingerprint] | None:
        marks = [fingerprint(decode(candidate)) for candidate in copies(sketch.original, copy)]
        for limit in COPY_LIMITS:
            for number, mark in enumerate(marks):
                is_kin = all(DUPLICATE.covers(mark.distance(other)) for other in others)
                if is_kin and limit.covers(mark.distance(sketch.mark)) and self._is_new([mark], picture, LEAST_DISTANCE):
                    return number, mark
        return None

    def _draw(self, picture: Picture, attempt: int) -> Sketch:
        rng = np.random.default_rng([self._seed, _DRAWING_STREAM, picture.number, attempt])
        subject, image = self._paint(picture, rng)
        original = encode(image, picture.form)
        return Sketch(subject, original, fingerprint(decode(original)))

    def _paint(self, picture: Picture, rng: np.random.Generator) -> tuple[Subject | None, Image.Image]:
        if picture.genre != contents.DRAWING:
            return None, emblems.PAINTERS[picture.genre](rng)
        subject = choose_subject(rng, FORMS[picture.form].tones)
        return subject, draw(subject, rng)


def _is_compared(picture: Picture) -> bool:
    return picture.genre not in (contents.BLANK, contents.TINY)
