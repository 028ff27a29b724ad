"""Real articles with their real images become the pairs that their files allow."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from lxml import etree

from tests.pipeline.conftest import Archive
from tests.pipeline.lakes import rows


def image_files(bucket: Path) -> set[tuple[str, str]]:
    return {(path.parent.name, path.name) for path in bucket.glob("PMC*/*") if path.suffix not in {".xml", ".json", ".txt"}}


def test_every_figure_whose_graphic_has_a_file_becomes_a_pair(mirror_archive: Archive) -> None:
    files = image_files(mirror_archive.bucket)
    pairs = rows(mirror_archive.lake, "pairs")
    thumbnails = {("PMC12419688.1", "koaf197f1.gif")}
    assert len(files) == 148
    assert {(row["accession"], row["media_name"]) for row in pairs} == files - thumbnails
    assert len(pairs) == 147
    assert {(row["accession"], row["media_name"]) for row in rows(mirror_archive.lake, "media")} == files


def test_nothing_is_rejected_but_figures_whose_file_the_mirror_lacks(mirror_archive: Archive) -> None:
    rejects = rows(mirror_archive.lake, "rejects")
    assert {(row["stage"], row["reason"]) for row in rejects} == {("build_pairs", "no_media")}
    stems = {(accession, Path(name).stem.lower()) for accession, name in image_files(mirror_archive.bucket)}
    figures = {f"{row['accession']}/{row['figure_id']}": row for row in rows(mirror_archive.lake, "figures")}
    for reject in rejects:
        figure = figures[reject["key"]]
        reference = figure["graphic_ref"].rsplit("/", 1)[-1].lower()
        assert (figure["accession"], reference) not in stems
        assert (figure["accession"], Path(reference).stem) not in stems


def letters(text: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", "", unicodedata.normalize("NFKD", text))


def test_captions_have_the_letters_of_the_xml(mirror_archive: Archive) -> None:
    figures = {(row["accession"], row["figure_id"]): row for row in rows(mirror_archive.lake, "figures")}
    compared = 0
    for pair in rows(mirror_archive.lake, "pairs"):
        reference = figures[pair["accession"], pair["figure_id"]]["graphic_ref"]
        path = mirror_archive.bucket / pair["accession"] / f"{pair['accession']}.xml"
        tree = etree.parse(path, etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True))
        graphic = "//*[local-name()='graphic'][@*[local-name()='href']=$ref]"
        (figure,) = tree.xpath(f"{graphic}/ancestor::*[local-name()='fig'][1]", ref=reference)
        caption = figure.find("caption")
        if caption is None or caption.xpath(".//*[local-name()='math' or local-name()='tex-math']"):
            continue
        compared += 1
        assert letters(pair["caption"] or "") == letters("".join(caption.itertext())), (pair["accession"], reference)
    assert compared > 120
