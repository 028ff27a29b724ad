"""Images of evaluation sets are recognised in the archive whatever their size and format, and everything is accounted for."""

from __future__ import annotations

import base64
import hashlib
import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageDraw, ImageFilter
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from rich.console import Console

from conf.load import load_settings
from conf.settings import DuplicateSettings, Settings, UnusableSettings
from jobs import find_eval_overlap
from jobs.arrow_frames import map_batches
from jobs.comparable_images import distance_256
from jobs.find_eval_overlap import STAGE, ComparedSet, check_no_set_is_missing
from jobs.pipeline import run_pipeline
from jobs.stage import Counts, ReconciliationError, RunContext, check_settings, run_stage
from jobs.tables import Lake
from schemas.eval_overlap import EVAL_OVERLAP
from schemas.images import IMAGES
from schemas.rejects import REJECTS, Reason, Rejected
from schemas.runs import RUNS
from tests.jobs.rows import collected, frame
from udfs.batches import eval_images
from udfs.batches.eval_images import NAMED, HashEvalImages
from udfs.images import ImageOptions, process_image

pytestmark = pytest.mark.spark


def picture(seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), np.uint8)
    return Image.fromarray(noise).resize((400, 400), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(8))


def encoded(image: Image.Image, file_format: str, side: int = 400) -> bytes:
    buffer = io.BytesIO()
    image.resize((side, side), Image.Resampling.LANCZOS).save(buffer, file_format)
    return buffer.getvalue()


def settings_for(lake: Lake, **sets: str) -> Settings:
    return load_settings("local", [f"lake.uri={lake.settings.uri}", *(f"eval.sets.{name}={uri}" for name, uri in sets.items())])


def run(lake: Lake, settings: Settings) -> Counts | None:
    return run_stage(lake.spark, settings, RunContext.new(), find_eval_overlap, STAGE).counts


@pytest.fixture
def archive(lake: Lake) -> Lake:
    """An archive of pictures 1, 2, 3 as JPEGs."""
    records = [process_image(encoded(picture(seed), "JPEG"), ImageOptions()) for seed in (1, 2, 3)]
    lake.append(IMAGES, frame(lake.spark, IMAGES, *(asdict(record) for record in records)))
    return lake


def names(lake: Lake) -> dict[int, str]:
    """SHA-256 of each picture's image in the archive."""
    return {seed: process_image(encoded(picture(seed), "JPEG"), ImageOptions()).image_sha256 for seed in (1, 2, 3)}


def test_a_table_without_images_is_no_evaluation_set(archive: Lake, tmp_path: Path) -> None:
    archive.spark.createDataFrame([("a", 1)], "image string, id int").write.format("delta").save(str(tmp_path / "table"))
    settings = settings_for(archive, table=str(tmp_path / "table"))
    told = r"eval\.sets\.table: the Delta table .* has no binary column `image` but image string, id int; give a table with"
    with pytest.raises(UnusableSettings, match=told):
        run(archive, settings)
    with pytest.raises(UnusableSettings, match=told):
        check_settings(archive, settings, RunContext.new(), find_eval_overlap, STAGE)


def test_archive_images_near_an_evaluation_image_are_marked_with_its_set(archive: Lake, tmp_path: Path) -> None:
    folder = tmp_path / "patches"
    (folder / "below").mkdir(parents=True)
    (folder / "half.png").write_bytes(encoded(picture(1), "PNG", 200))
    (folder / "below" / "other.png").write_bytes(encoded(picture(9), "PNG"))
    (folder / "_parts [1]").mkdir()
    (folder / "_parts [1]" / ".3 {a,b}.png").write_bytes(encoded(picture(3), "PNG"))
    (folder / "labels.csv").write_text("name,label\nhalf.png,1\n")
    rows = [(encoded(picture(2), "WEBP"),), (encoded(picture(1), "PNG"),), (encoded(picture(1), "PNG"),), (None,), (b"text",)]
    archive.spark.createDataFrame(rows, "image binary").write.format("delta").save(str(tmp_path / "table"))
    settings = settings_for(archive, folder=str(folder), table=str(tmp_path / "table"))
    assert run(archive, settings) == Counts(9, 5, 1, {"no_image": 1, "repeated": 1, "text": 1})
    sha256 = names(archive)
    found = collected(archive.read(EVAL_OVERLAP), "eval_set", "image_sha256")
    assert found == sorted([("folder", sha256[1]), ("folder", sha256[3]), ("table", sha256[1]), ("table", sha256[2])], key=repr)
    (key, reason) = (f"table/{hashlib.sha256(b'text').hexdigest()}", "not_an_image")  # unlike beside images, a row should be one
    assert collected(archive.read(REJECTS), "key", "reason") == [(key, reason)]
    assert run(archive, settings) is None


def test_what_lies_beside_images_and_may_hold_some_is_told(archive: Lake, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "a.png").write_bytes(encoded(picture(1), "PNG"))
    texts = {"LICENSE": b"free", "labels.tsv": b"\xef\xbb\xbfa\tb", "below/README": "ü".encode(), "a.JSON": b"[1]"}
    others = {
        "train-00000.parquet": b"PAR1\x15\x04\x15",
        "images.zip": b"PK\x03\x04\x14\0",
        "features.npy": b"\x93NUMPY\x01\0",
        "latin.txt": b"Universit\xe4t",
        "empty": b"",
        "b.jpg": b"<html>404</html>",
        "c.webp": b"moved",
        "scan.dcm": b"version https://git-lfs.github.com/spec/v1",
        "more.parquet": b"version https://git-lfs.github.com/spec/v1",
        "12": b"<html>404</html>",
        "inside.tsv": b"1\t" + base64.b64encode(encoded(picture(1), "JPEG")),
        "page.json": b'{"png": "' + base64.b64encode(encoded(picture(1), "PNG")) + b'"}',
        "late.txt": b"a" * 5000 + b"\0",
        "drawing.svg": b"<svg/>",
    }
    for name, data in (texts | others).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    num_files = 1 + len(texts) + len(others)
    assert run(archive, settings_for(archive, mixed=str(folder))) == Counts(num_files, 1, len(others), {"text": len(texts)})
    assert {row["key"] for row in archive.read(REJECTS).collect()} == {f"mixed/{name}" for name in others}


def test_an_image_of_a_set_that_is_too_small_for_the_archive_is_compared(archive: Lake, tmp_path: Path) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    (folder / "small.png").write_bytes(encoded(picture(1), "PNG", 64))
    bounds = [f"lake.uri={archive.settings.uri}", f"eval.sets.few={folder}", "images.min_side_px=100"]
    settings = load_settings("local", bounds)
    assert run(archive, settings) == Counts(1, 1, 0)
    assert collected(archive.read(EVAL_OVERLAP), "image_sha256") == [(names(archive)[1],)]


def test_an_image_of_a_set_that_took_too_long_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(*_: object) -> None:
        raise Rejected(Reason.TIMEOUT, "not decoded within 5 s")

    monkeypatch.setattr(eval_images, "process_image", late)
    row = {"eval_set": "few", "name": "a.png", "content": b"a", "is_file": True}
    batches = HashEvalImages(ImageOptions())(iter([pa.RecordBatch.from_pylist([row], schema=NAMED)]))
    ((found,),) = (batch.select(["reason", "detail"]).to_pylist() for batch in batches)
    assert found == {"reason": "fetch_failed", "detail": "not decoded within 5 s"}


def line_art(seed: int) -> Image.Image:
    """A bilevel drawing of a few thin lines."""
    drawing = Image.new("1", (800, 600), 1)
    for start, end in np.random.default_rng(seed).integers((40, 40), (760, 560), (9, 2, 2)):
        ImageDraw.Draw(drawing).line((*start.tolist(), *end.tolist()), fill=0, width=3)
    return drawing


def test_line_art_is_found_in_other_sizes_and_formats_and_no_other_line_art_is(lake: Lake, tmp_path: Path) -> None:
    def stored(image: Image.Image, file_format: str) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, file_format)
        return buffer.getvalue()

    records = [process_image(stored(line_art(seed), "TIFF"), ImageOptions()) for seed in range(8)]
    assert all(record.entropy_bits < DuplicateSettings().min_entropy_bits for record in records)
    blot = process_image(stored(shape((60, 90)), "PNG"), ImageOptions())
    lake.append(IMAGES, frame(lake.spark, IMAGES, *(asdict(record) for record in (*records, blot))))
    for name in ("same", "other"):
        (tmp_path / name).mkdir()
    (tmp_path / "same" / "0.jpg").write_bytes(stored(line_art(0).convert("L"), "JPEG"))
    (tmp_path / "same" / "1.png").write_bytes(
        stored(line_art(1).convert("L").resize((600, 450), Image.Resampling.LANCZOS), "PNG")
    )
    (tmp_path / "same" / "2.png").write_bytes(stored(line_art(2), "PNG"))
    for seed in range(50, 60):
        (tmp_path / "other" / f"{seed}.png").write_bytes(stored(line_art(seed), "PNG"))
    (tmp_path / "other" / "blot.png").write_bytes(stored(shape((90, 60)), "PNG"))
    run(lake, settings_for(lake, same=str(tmp_path / "same"), other=str(tmp_path / "other")))
    expected = sorted((record.image_sha256, "same") for record in records[:3])
    assert sorted(collected(lake.read(EVAL_OVERLAP), "image_sha256", "eval_set")) == expected


def shape(size: tuple[int, int]) -> Image.Image:
    """One black rectangle, whose hashes tell nothing."""
    drawing = Image.new("L", (300, 300), 255)
    ImageDraw.Draw(drawing).rectangle((30, 30, 30 + size[0], 30 + size[1]), fill=0)
    return drawing


def test_what_leaves_an_evaluation_set_leaves_the_table_but_not_the_whole_set(archive: Lake, tmp_path: Path) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    (folder / "a.png").write_bytes(encoded(picture(1), "PNG"))
    (folder / "b.png").write_bytes(encoded(picture(3), "PNG"))
    run(archive, settings_for(archive, few=str(folder)))
    assert archive.read(EVAL_OVERLAP).count() == 2
    (folder / "a.png").unlink()
    run(archive, settings_for(archive, few=str(folder), other=str(folder)))
    assert collected(archive.read(EVAL_OVERLAP), "image_sha256", "eval_set") == [
        (names(archive)[3], "few"),
        (names(archive)[3], "other"),
    ]
    (folder / "b.png").rename(tmp_path / "b.png")
    (folder / "train-00000.parquet").write_bytes(b"PAR1")
    with pytest.raises(UnusableSettings, match=r"of few, other no image can be read; .* or leave the set out"):
        run(archive, settings_for(archive, few=str(folder), other=str(folder)))
    assert archive.read(EVAL_OVERLAP).count() == 2


def test_a_set_that_a_later_run_does_not_name_is_not_given_up_without_a_word(archive: Lake, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(picture(1), "PNG"))
    run(archive, settings_for(archive, few=str(tmp_path), same=str(tmp_path)))
    with pytest.raises(
        UnusableSettings, match=r"the last run also kept few \(.*\) out of train; .*eval\.allow_removed='\[few\]'"
    ):
        run(archive, settings_for(archive, same=str(tmp_path)))
    with pytest.raises(UnusableSettings, match=r"also kept few \(.*\), same \(.*\) out"):
        run(archive, settings_for(archive))
    assert archive.read(EVAL_OVERLAP).count() == 2
    with pytest.raises(UnusableSettings, match=r"also kept same \(.*\) out"):
        run(archive, load_settings("local", [f"lake.uri={archive.settings.uri}", "eval.allow_removed=[few]"]))
    overrides = [f"lake.uri={archive.settings.uri}", "eval.allow_removed=[few, same]"]
    assert run(archive, load_settings("local", overrides)) == Counts(0, 0, 0)
    assert archive.read(EVAL_OVERLAP).count() == 0
    assert run(archive, settings_for(archive)) is None


def test_a_set_whose_name_stands_for_another_place_is_not_given_up_without_a_word(tmp_path: Path) -> None:
    x, y, z = (ComparedSet(f"/{name}", f"digest of {name}") for name in "xyz")
    for before, now, missing in (
        ({"a": x}, {"a": x}, ""),
        ({"a": x}, {"a": ComparedSet("/x", "digest of more")}, ""),
        ({"a": x}, {"a": y}, r"a \(/x\)"),
        ({"a": x, "b": y}, {"a": y}, r"a \(/x\)"),
        ({"a": x, "b": y}, {"a": y, "b": x}, ""),
        ({"a": x, "b": y}, {"c": ComparedSet("/elsewhere", "digest of x"), "b": z}, r"b \(/y\)"),
        ({"a": ComparedSet(None, "digest of x")}, {"a": y}, ""),
        ({"a": ComparedSet(None, "digest of x")}, {"b": y}, "a"),
    ):
        if missing:
            with pytest.raises(UnusableSettings, match=f"also kept {missing} out of train"):
                check_no_set_is_missing(before, now, ())
        else:
            check_no_set_is_missing(before, now, ())
        check_no_set_is_missing(before, now, "ab")


def test_a_pipeline_refuses_an_evaluation_set_before_its_first_stage(archive: Lake, tmp_path: Path) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    (folder / "a.png").write_bytes(encoded(picture(1), "PNG"))
    run(archive, settings_for(archive, few=str(folder)))
    options = [f"lake.uri={archive.settings.uri}", "source.uri=/nowhere"]
    with pytest.raises(UnusableSettings, match=r"the last run also kept few \(.*\) out of train"):
        run_pipeline(archive.spark, load_settings("local", options), Console(quiet=True))
    options += [f"eval.sets.few={folder}", f"eval.sets.gone={tmp_path}/gone"]
    options += [f"eval.sets.lost={tmp_path}/lost"]
    with pytest.raises(UnusableSettings, match=r"^eval\.sets\.gone: .*\neval\.sets\.lost: .*$"):
        run_pipeline(archive.spark, load_settings("local", options), Console(quiet=True))
    assert collected(archive.read(RUNS), "stage") == [(STAGE,)]


def test_an_image_whose_decoder_failed_is_tried_again_by_the_next_run(
    archive: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    for seed in (1, 3):
        (folder / f"{seed}.png").write_bytes(encoded(picture(seed), "PNG"))
    settings = settings_for(archive, few=str(folder))
    with monkeypatch.context() as patched:
        patched.setattr(find_eval_overlap, "HashEvalImages", FailingDecoder)
        assert run(archive, settings) == Counts(2, 1, 1)
    assert run(archive, settings) == Counts(2, 2, 0)
    assert archive.read(EVAL_OVERLAP).count() == 2
    assert run(archive, settings) is None


def test_a_file_that_is_too_large_is_refused_and_not_read_whole(archive: Lake, tmp_path: Path) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    small = encoded(picture(1), "PNG")
    (folder / "a.png").write_bytes(small)
    with (folder / "b.png").open("wb") as sparse:
        sparse.truncate(2**40)
    (folder / "empty.png").touch()
    own = [f"lake.uri={archive.settings.uri}", f"eval.sets.few={folder}", f"images.max_bytes={len(small)}"]
    settings = load_settings("local", own)
    assert run(archive, settings) == Counts(3, 1, 2)
    assert collected(archive.read(REJECTS), "key", "reason") == [("few/b.png", "too_large"), ("few/empty.png", "not_an_image")]


class FailingDecoder(find_eval_overlap.HashEvalImages):
    """A machine without memory for 3.png."""

    def _hashed(self, row: dict[str, Any]) -> dict[str, Any]:
        if row["name"] != "3.png":
            return super()._hashed(row)
        about = {"eval_image": "0", "reason": "fetch_failed", "detail": "the decoder was ended"}
        return {"eval_set": row["eval_set"], "name": row["name"]} | about


@pytest.mark.parametrize("uri", ["nowhere", "empty"])
def test_a_set_that_is_not_there_is_refused_by_its_key(archive: Lake, tmp_path: Path, uri: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnusableSettings, match=r"eval\.sets\.patches: .* give a folder of image files or a Delta table"):
        run(archive, settings_for(archive, patches=str(tmp_path / uri)))


def test_the_distance_of_256_bit_hashes_counts_every_bit(spark: SparkSession) -> None:
    rng = np.random.default_rng(0)
    pairs = [(rng.bytes(32), rng.bytes(32)) for _ in range(50)] + [(bytes(32), b"\xff" * 32), (b"\x80" * 32, b"\x80" * 32)]
    rows = spark.createDataFrame(pairs, "a binary, b binary")
    found = rows.select("a", "b", distance_256(F.col("a"), F.col("b")).alias("distance")).collect()
    assert [row["distance"] for row in found] == [(int.from_bytes(a) ^ int.from_bytes(b)).bit_count() for a, b in pairs]


def test_evaluation_images_that_get_lost_do_not_add_up(archive: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "few"
    folder.mkdir()
    for seed in (1, 3):
        (folder / f"{seed}.png").write_bytes(encoded(picture(seed), "PNG"))

    def losing(*given: Any) -> DataFrame:
        hashed = map_batches(*given)
        return hashed.limit(1) if "eval_image" in hashed.columns else hashed

    monkeypatch.setattr(find_eval_overlap, "map_batches", losing)
    with pytest.raises(ReconciliationError, match="2 inputs, but 1 ok"):
        run(archive, settings_for(archive, few=str(folder)))
