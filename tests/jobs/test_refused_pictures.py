"""Refused images as small pictures, read again from the source."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conf.load import load_settings
from jobs import refused_pictures
from jobs.gallery_html import THUMBNAIL_SIDE_PX
from jobs.refused_pictures import RefusedPictures
from schemas.rejects import Reason, Rejected
from tests.jobs.pages import picture

BLUE = (0, 0, 200)


@pytest.fixture
def pictures(tmp_path: Path) -> RefusedPictures:
    folder = tmp_path / "PMC1.1"
    folder.mkdir()
    whole = picture(BLUE, (1600, 1000))
    (folder / "cut.jpg").write_bytes(whole[: 3 * len(whole) // 4])
    (folder / "text.jpg").write_bytes(b"not found")
    Image.new("1", (30_000, 30_000)).save(folder / "bomb.png", compress_level=1)
    return RefusedPictures(load_settings("local", [f"source.uri={tmp_path}", "images.timeout_s=1"]))


def test_a_truncated_image_is_shown_as_far_as_it_goes(pictures: RefusedPictures) -> None:
    shown = Image.open(io.BytesIO(pictures.read("PMC1.1/cut.jpg") or b""))
    assert max(shown.size) <= THUMBNAIL_SIDE_PX
    red, green, blue = shown.convert("RGB").getpixel((shown.width // 2, shown.height // 4))  # type: ignore[misc]
    assert blue > 150 > 50 > red + green


def test_a_file_of_a_kind_that_the_archive_does_not_take_starts_no_other_program(
    pictures: RefusedPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = tmp_path / "called"
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch {called}\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    stream = io.BytesIO()
    Image.new("RGB", (200, 100), BLUE).save(stream, "EPS")
    (tmp_path / "PMC1.1" / "eps.jpg").write_bytes(stream.getvalue())
    assert pictures.read("PMC1.1/eps.jpg") is None
    assert not called.exists()


def test_a_refused_image_is_shown_upright_on_white_and_in_its_own_range(pictures: RefusedPictures, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (90, 30), BLUE).save(tmp_path / "PMC1.1" / "turned.jpg", exif=exif)
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(tmp_path / "PMC1.1" / "clear.png")
    dark = np.tile(np.arange(0, 3000, 50, dtype=np.uint16), (40, 1))
    Image.fromarray(dark).save(tmp_path / "PMC1.1" / "deep.png")
    turned, clear, deep = (
        Image.open(io.BytesIO(pictures.read(f"PMC1.1/{name}") or b"")) for name in ("turned.jpg", "clear.png", "deep.png")
    )
    assert turned.size == (30, 90)
    assert clear.convert("L").getextrema() == (255, 255)
    assert np.ptp(np.asarray(deep.convert("L"))) > 240


@pytest.mark.parametrize("name", ["text.jpg", "bomb.png", "gone.jpg"])
def test_what_cannot_be_shown_is_left_out_and_the_next_one_is_shown(pictures: RefusedPictures, name: str) -> None:
    assert pictures.read(f"PMC1.1/{name}") is None
    assert pictures.read("PMC1.1/cut.jpg") is not None


def test_a_source_that_does_not_answer_is_asked_once(pictures: RefusedPictures, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def read(key: str, max_bytes: int) -> bytes:
        asked.append(key)
        raise Rejected(Reason.FETCH_FAILED, "no answer")

    monkeypatch.setattr(pictures._source, "read", read)
    assert [pictures.read(key) for key in ("PMC1.1/a.jpg", "PMC1.1/cut.jpg")] == [None, None]
    assert asked == ["PMC1.1/a.jpg"]


def test_a_decoder_that_was_ended_takes_one_picture_with_it(pictures: RefusedPictures, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(*_: object) -> bytes:
        raise Rejected(Reason.FETCH_FAILED, "the decoder was ended")

    with monkeypatch.context() as patch:
        patch.setattr(refused_pictures._PREVIEW, "call", ended)
        assert pictures.read("PMC1.1/cut.jpg") is None
    assert pictures.read("PMC1.1/cut.jpg") is not None


def test_a_source_that_is_not_there_shows_nothing(tmp_path: Path) -> None:
    assert RefusedPictures(load_settings("local", [f"source.uri={tmp_path}/gone"])).read("PMC1.1/a.jpg") is None
