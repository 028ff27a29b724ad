"""Which media objects a graphic reference means."""

from __future__ import annotations

import pytest

from udfs.media_match import MediaIndex, match_graphic


@pytest.mark.parametrize(
    ("reference", "names", "expected"),
    [
        ("f1.jpg", ["f1.jpg", "f2.jpg"], ("f1.jpg",)),
        ("f1", ["f1.jpg", "f1.gif"], ("f1.jpg", "f1.gif")),
        ("JCB9806103.f1", ["JCB9806103.f1.jpg", "JCB9806103.f2.jpg"], ("JCB9806103.f1.jpg",)),
        ("f1.tif", ["f1.jpg", "f1.gif"], ("f1.jpg", "f1.gif")),
        ("f1.tif", ["f1.tif", "f1.jpg"], ("f1.tif",)),
        ("media/images/Fig1.png", ["Fig1.png"], ("Fig1.png",)),
        ("./Fig1.png", ["Fig1.png"], ("Fig1.png",)),
        ("FIG1.JPG", ["fig1.jpg"], ("fig1.jpg",)),
        ("Fig1", ["fig1.jpg", "Fig1.png"], ("Fig1.png",)),
        ("my%20figure.png", ["my figure.png"], ("my figure.png",)),
        ("my figure.png", ["my%20figure.png"], ("my%20figure.png",)),
        ("info:doi/10.1371/journal.pone.0093988.g001", ["journal.pone.0093988.g001.png"], ("journal.pone.0093988.g001.png",)),
        ("folder\\f1.jpg", ["f1.jpg"], ("f1.jpg",)),
        ("f1.gif", ["f1.gif", "f1.jpg"], ("f1.gif", "f1.jpg")),
        ("cafe\u0301.jpg", ["caf\u00e9.jpg"], ("caf\u00e9.jpg",)),
    ],
)
def test_the_best_rule_finds_its_rasters(reference: str, names: list[str], expected: tuple[str, ...]) -> None:
    assert match_graphic(reference, names) == expected


@pytest.mark.parametrize("reference", [None, "", "  ", "f1/", "f2.jpg", "f1.pdf", ".jpg", "..", "/", "%"])
def test_what_names_no_raster_matches_nothing(reference: str | None) -> None:
    assert match_graphic(reference, ["f1.jpg", "f1.pdf"]) == ()


def test_only_raster_files_are_candidates() -> None:
    assert match_graphic("video1", ["video1.mp4", "video1.pdf"]) == ()
    assert match_graphic("f1", ["f1.pdf", "f1.png"]) == ("f1.png",)


def test_an_extension_that_is_no_raster_belongs_to_the_stem() -> None:
    assert match_graphic("f1.g001", ["f1.jpg"]) == ()
    assert match_graphic("f1", ["f1.g001.jpg"]) == ()


def test_two_figures_that_differ_in_extension_only_keep_their_own_files() -> None:
    names = ["f1.png", "f1.tif"]
    assert match_graphic("f1.png", names) == ("f1.png",)
    assert match_graphic("f1.tif", names) == ("f1.tif",)


def test_an_index_answers_many_references_as_single_matches_do() -> None:
    names = ["a.jpg", "b.gif", "b.jpg", "C.png"]
    index = MediaIndex(names)
    for reference in ("a", "b", "c", "b.gif", "d", None):
        assert index.match(reference) == match_graphic(reference, names)
