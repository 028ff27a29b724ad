"""The studio: draws each picture once, unlike any before it, and hands out its files."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from itertools import islice

import numpy as np
from PIL import Image

from jobs.sample import contents, emblems
from jobs.sample.contents import Medium, Picture
from jobs.sample.distinct import Fingerprint, Gallery, fingerprint
from jobs.sample.drawings import Subject, choose_subject, draw
from jobs.sample.encodings import FORMS, coarse_copy, copies, decode, encode

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


class Studio:
    """Files of pictures, those to be copied drawn so that copies are recognised; the order of first asking decides the looks."""

    def __init__(self, seed: int, copied: Set[Picture]) -> None:
        self._seed, self._copied = seed, copied
        self._gallery = Gallery()
        self._attempts: dict[Picture, int] = {}
        self._copies: dict[tuple[Picture, str], int] = {}
        self._marks: dict[Picture, list[Fingerprint]] = {}
        self._recent: dict[Picture, Sketch] = {}

    def subject(self, picture: Picture) -> Subject | None:
        """What a picture shows."""
        return self._sketch(picture).subject

    def file(self, medium: Medium) -> bytes:
        """The undamaged bytes of a media file; near copies stay within the distance at which duplicates are sought."""
        sketch = self._sketch(medium.picture)
        if medium.copy == contents.ORIGINAL:
            return sketch.original
        chosen = self._copies.get((medium.picture, medium.copy))
        if chosen is None:
            chosen = self._choose_copy(medium, sketch)
            self._copies[medium.picture, medium.copy] = chosen
        return next(islice(copies(sketch.original, medium), chosen, None))

    def _choose_copy(self, medium: Medium, sketch: Sketch) -> int:
        for limit in COPY_LIMITS:
            for number, candidate in enumerate(copies(sketch.original, medium)):
                mark = fingerprint(decode(candidate))
                if self._is_near(mark, medium.picture, limit):
                    self._marks[medium.picture].append(mark)
                    self._gallery.add(mark, medium.picture.number)
                    return number
        raise RuntimeError(f"sample: no {medium.copy} copy of picture {medium.picture} stays near it")

    def _is_near(self, mark: Fingerprint, picture: Picture, limit: Limit) -> bool:
        original, *others = self._marks[picture]
        is_kin = limit.covers(mark.distance(original)) and all(DUPLICATE.covers(mark.distance(other)) for other in others)
        return is_kin and self._gallery.nearest(mark, picture.number) >= LEAST_DISTANCE

    def _sketch(self, picture: Picture) -> Sketch:
        if picture in self._recent:
            return self._recent[picture]
        known = self._attempts.get(picture)
        if known is not None:
            return self._remember(picture, self._draw(picture, known))
        for attempt in range(MAX_ATTEMPTS):
            sketch = self._draw(picture, attempt)
            if not _is_compared(picture) or self._is_new(picture, sketch, attempt):
                return self._keep(picture, attempt, sketch)
        raise RuntimeError(
            f"sample: {MAX_ATTEMPTS} drawings of picture {picture.number} all look like earlier ones; ask for fewer articles"
        )

    def _is_new(self, picture: Picture, sketch: Sketch, attempt: int) -> bool:
        wanted = WANTED_DISTANCE if attempt < PATIENCE else LEAST_DISTANCE
        if self._gallery.nearest(sketch.mark, picture.number) < wanted:
            return False
        return picture not in self._copied or _stays_recognisable(sketch)

    def _keep(self, picture: Picture, attempt: int, sketch: Sketch) -> Sketch:
        self._attempts[picture] = attempt
        self._marks[picture] = [sketch.mark]
        if _is_compared(picture):
            self._gallery.add(sketch.mark, picture.number)
        return self._remember(picture, sketch)

    def _remember(self, picture: Picture, sketch: Sketch) -> Sketch:
        if len(self._recent) == NUM_REMEMBERED:
            del self._recent[next(iter(self._recent))]
        self._recent[picture] = sketch
        return sketch

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


def _stays_recognisable(sketch: Sketch) -> bool:
    """True if it is no near-empty sheet and a small coarse copy has nearly the same hashes, which too regular patterns do not."""
    image = decode(sketch.original)
    if image.convert("L").entropy() < LEAST_ENTROPY_BITS:
        return False
    return COPY_LIMITS[-1].covers(fingerprint(decode(coarse_copy(sketch.original))).distance(sketch.mark))


def _is_compared(picture: Picture) -> bool:
    return picture.genre not in (contents.BLANK, contents.TINY)
