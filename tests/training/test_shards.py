import json
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest
import webdataset

from conf.settings import UnusableSettings
from training.order import Order, Span
from training.shards import Export, Reader


def order_of(export: Export, lanes: int = 3, block_samples: int = 8) -> Order:
    return Order(export.shards("train"), seed=5, lanes=lanes, block_samples=block_samples)


def open_shards() -> list[str]:
    """Tars that this process has open."""
    descriptors = [path for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return [name for name in (str(path.readlink()) for path in descriptors) if name.endswith(".tar")]


def keys_in(folder: Path, pattern: str) -> list[str]:
    """Keys of the samples in shards, as webdataset's own pipeline reads them."""
    urls = sorted(str(path) for path in folder.glob(pattern))
    return [sample["__key__"] for sample in webdataset.WebDataset(urls, shardshuffle=False)]


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_reads_the_shards_unchanged(export_folder: Path) -> None:
    shard = str(export_folder / "train-000000.tar")
    samples = list(webdataset.WebDataset([shard], shardshuffle=False).decode("pil").to_tuple("jpg", "txt", "json"))
    assert len(samples) == 20
    image, caption, about = samples[0]
    assert image.mode == "RGB"
    assert caption.startswith("Figure 1. A ")
    assert about["accession"] == "PMC0.1"


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_reading_by_position_gives_what_webdataset_gives(export_folder: Path) -> None:
    export = Export(str(export_folder))
    reader = Reader(export, order_of(export))
    assert sorted(reader.take(position)["__key__"] for position in range(101)) == sorted(keys_in(export_folder, "train-*.tar"))


def test_a_reader_that_starts_anywhere_finds_the_same_samples(export_folder: Path) -> None:
    export = Export(str(export_folder))
    reader = Reader(export, order_of(export))
    from_start = [reader.take(position)["__key__"] for position in range(250)]
    for start in (1, 25, 100, 101, 180):
        late = Reader(export, order_of(export))
        assert [late.take(position)["__key__"] for position in range(start, 250)] == from_start[start:]


class Watched(Export):
    """An export that counts how often a shard is opened."""

    num_opened = 0

    def open(self, name: str) -> IO[bytes]:
        Watched.num_opened += name.endswith(".tar")
        return super().open(name)


def test_a_reader_that_shares_the_samples_with_others_opens_each_shard_once(
    export_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export = Watched(str(export_folder))
    order = order_of(export, lanes=1, block_samples=1)
    whole = Reader(export, order)
    keys = [whole.take(position)["__key__"] for position in range(101)]
    for first in range(3):
        monkeypatch.setattr(Watched, "num_opened", 0)
        reader = Reader(export, order)
        assert [reader.take(position)["__key__"] for position in range(first, 101, 3)] == keys[first::3]
        assert Watched.num_opened == len(order.shards)


def test_a_reader_holds_no_more_than_a_block_for_each_lane(export_folder: Path) -> None:
    export = Export(str(export_folder))
    reader = Reader(export, order_of(export, lanes=4, block_samples=5))
    for position in range(220):
        reader.take(position)
        held = sum(sample is not None for _, block in reader._blocks.values() for sample in block)
        assert held < 4 * 5


def test_a_shard_with_fewer_samples_than_its_manifest_says_is_refused(make_export: Callable[..., Path]) -> None:
    folder = make_export((10,))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["shards"][0]["num_samples"] = 12
    (folder / "manifest.json").write_text(json.dumps(manifest))
    export = Export(str(folder))
    with pytest.raises(UnusableSettings, match=r"train-000000\.tar holds 10 samples, its manifest says 12"):
        list(export.samples(Span(export.shards("train")[0], 0, 12)))


def test_a_shard_with_more_samples_than_its_manifest_says_is_refused(make_export: Callable[..., Path]) -> None:
    folder = make_export((10,))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["shards"][0]["num_samples"] = 9
    (folder / "manifest.json").write_text(json.dumps(manifest))
    export = Export(str(folder))
    with pytest.raises(UnusableSettings, match="holds 10 samples, its manifest says 9"):
        list(export.samples(Span(export.shards("train")[0], 0, 9)))


def rewritten(folder: Path, change: Callable[[bytes], bytes]) -> Export:
    """The export whose first shard was written anew under the old manifest."""
    export = Export(str(folder))
    shard = folder / "train-000000.tar"
    shard.write_bytes(change(shard.read_bytes()))
    return export


def test_a_shard_of_another_size_is_refused_before_it_is_read(make_export: Callable[..., Path]) -> None:
    export = rewritten(make_export((10,)), lambda content: content + bytes(512))
    with pytest.raises(UnusableSettings, match=r"train-000000\.tar has \d+ bytes, .*: the export was written anew .* new run"):
        next(export.samples(Span(export.shards("train")[0], 0, 4)))


def test_a_shard_of_equal_size_and_other_content_is_refused_at_its_end(make_export: Callable[..., Path]) -> None:
    export = rewritten(make_export((10,)), lambda content: content.replace(b"Figure 1.", b"Figure 2."))
    (shard,) = export.shards("train")
    assert len(list(export.samples(Span(shard, 0, 4)))) == 4
    with pytest.raises(UnusableSettings, match=r"train-000000\.tar has another SHA-256 .* start a new run in another output"):
        list(export.samples(Span(shard, 4, 10)))


def test_the_last_sample_of_a_changed_shard_is_not_given_out(make_export: Callable[..., Path]) -> None:
    """No one asks for more than the last sample where a lane ends with a block."""
    export = rewritten(make_export((10,)), lambda content: content.replace(b"Figure 1.", b"Figure 2."))
    reader = Reader(export, order_of(export, lanes=1, block_samples=1))
    assert len([reader.take(position) for position in range(9)]) == 9
    with pytest.raises(UnusableSettings, match="has another SHA-256"):
        reader.take(9)


def test_a_shard_that_is_gone_is_named(make_export: Callable[..., Path]) -> None:
    folder = make_export((10,))
    export = Export(str(folder))
    (shard,) = export.shards("train")
    (folder / shard.name).unlink()
    with pytest.raises(UnusableSettings, match=r"train-000000\.tar is gone"):
        list(export.samples(Span(shard, 0, 10)))


def test_a_folder_without_a_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableSettings, match=r"data\.uri: .* holds no manifest\.json"):
        Export(str(tmp_path)).shards("train")


def test_an_object_store_gives_what_a_folder_gives(export_folder: Path, bucket: dict[str, str]) -> None:
    folder, remote = Export(str(export_folder)), Export("s3://exports/shapes", bucket)
    assert remote.manifest() == folder.manifest()
    for shard in remote.shards("train"):
        assert list(remote.samples(Span(shard, 0, shard.num_samples))) == list(folder.samples(Span(shard, 0, shard.num_samples)))
    with pytest.raises(UnusableSettings, match=r"holds no manifest\.json"):
        Export("s3://exports/elsewhere", bucket).manifest()


def test_no_shard_stays_open(export_folder: Path) -> None:
    export = Export(str(export_folder))
    reader = Reader(export, order_of(export))
    for position in range(150):
        reader.take(position)
    assert open_shards()
    del reader
    assert not open_shards()
