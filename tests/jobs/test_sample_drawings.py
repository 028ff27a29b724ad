"""What the sample draws and says of it."""

import io
import re

import imagehash
import numpy as np
import pytest
from PIL import Image

from jobs.sample.captions import NUMBERS, caption, mention
from jobs.sample.distinct import Gallery, fingerprint, trimmed
from jobs.sample.drawings import Compound, choose_subject, draw
from jobs.sample.formats import FORMS, decode, encode
from jobs.sample.plots import BarChart, LinePlot, ScatterPlot

SUBJECTS = [choose_subject(np.random.default_rng([3, number])) for number in range(150)]


def drawing(number: int) -> Image.Image:
    return draw(SUBJECTS[number], np.random.default_rng([4, number]))


def test_fingerprints_are_the_hashes_of_imagehash_after_trimming() -> None:
    for number in range(40):
        image = drawing(number)
        grey = trimmed(image.convert("L"))
        mark = fingerprint(image)
        assert f"{mark.short[0]:016x}" == str(imagehash.phash(grey))
        assert f"{mark.long[0]:064x}" == str(imagehash.phash(grey, hash_size=16))


def test_gallery_tells_the_nearest_hash_of_another_owner() -> None:
    gallery, marks = Gallery(), [fingerprint(drawing(number)) for number in range(80)]
    for owner, mark in enumerate(marks):
        views = [zip(mark.short, other.short, strict=True) for other in marks[:owner]]
        distances = [(a ^ b).bit_count() for view in views for a, b in view]
        assert gallery.nearest(mark, owner) == min(distances, default=64)
        gallery.add(mark, owner)
        assert gallery.nearest(mark, owner) == min(distances, default=64)


def test_drawings_fill_small_images_with_content() -> None:
    for number in range(len(SUBJECTS)):
        image = drawing(number)
        assert image.mode == "RGB"
        assert max(image.size) <= 450
        assert np.asarray(image.resize((64, 64)).convert("L")).std() > 5, SUBJECTS[number]


def test_every_kind_of_figure_is_drawn() -> None:
    assert len({type(subject) for subject in SUBJECTS}) == 12


def test_captions_name_every_colour_and_count_that_is_drawn() -> None:
    for number, subject in enumerate(SUBJECTS):
        title, paragraphs = caption(subject, np.random.default_rng(number))
        words = set(re.findall(r"[a-z]+", " ".join([title or "", *paragraphs]).lower()))
        panels = subject.panels if isinstance(subject, Compound) else (subject,)
        for panel in panels:
            if isinstance(panel, LinePlot | ScatterPlot):
                assert words.issuperset(panel.colours)
            if isinstance(panel, BarChart):
                assert {panel.colour, NUMBERS[panel.count]} <= words


def test_wording_varies_while_the_drawing_stays() -> None:
    subject = next(subject for subject in SUBJECTS if isinstance(subject, LinePlot))
    assert len({mention(subject, np.random.default_rng(number)) for number in range(20)}) > 5


@pytest.mark.parametrize("name", sorted(FORMS))
def test_each_file_form_holds_the_picture_in_its_format_and_mode(name: str) -> None:
    subject = choose_subject(np.random.default_rng([5, 1]), FORMS[name].tones)
    image = draw(subject, np.random.default_rng([5, 2]))
    data = encode(image, name)
    assert data == encode(image, name)
    opened = Image.open(io.BytesIO(data))
    assert (opened.format, opened.mode) == (FORMS[name].format, FORMS[name].mode)
    difference = np.abs(np.asarray(decode(data).convert("L"), dtype=float) - np.asarray(image.convert("L"), dtype=float))
    assert difference.mean() < 12
