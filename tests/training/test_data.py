import io
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import open_clip
import pytest
import torch
from PIL import Image
from torch import Tensor

from conf.settings import UnusableSettings
from conf.train_settings import DataSettings, ZeroShotSettings, load_train_settings
from training.data import Batch, Decoder, Loader, Source, class_of
from training.distributed import Ranks
from training.order import Order
from training.run import build_run
from training.shards import Export

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")


def ranks_of(rank: int, world_size: int) -> Ranks:
    return Ranks(rank, world_size, torch.device("cpu"))


def crop_at_random(image: Image.Image) -> Tensor:
    """A grey patch of one random pixel row, to tell one draw from another."""
    row = int(torch.randint(image.height, ()))
    pixels = image.convert("L").crop((0, row, 32, row + 1)).tobytes()
    return torch.tensor([float(row), *pixels]).reshape(1, 1, -1)


def tokenise(caption: str) -> Tensor:
    return torch.tensor([[len(caption), *caption.encode()[:4]]])


def source_of(folder: Path, lanes: int = 4, seed: int = 0) -> Source:
    export = Export(str(folder))
    order = Order(export.shards("train"), seed, lanes, block_samples=8)
    return Source(export, order, Decoder(crop_at_random, tokenise, 32, seed))


def steps_of(folder: Path, world_size: int, workers: int, batch_size: int, start: int = 0) -> list[Batch]:
    """Nine steps' batches of all processes, each step's joined."""
    shares = []
    for rank in range(world_size):
        settings = DataSettings(uri=str(folder), batch_size=batch_size, workers=workers)
        loader = Loader(source_of(folder), ranks_of(rank, world_size), settings)
        loader.position = start
        shares.append(list(islice(loader, 9)))
    return [join_batches(step) for step in zip(*shares, strict=True)]


def join_batches(batches: tuple[Batch, ...]) -> Batch:
    images, texts, labels = (
        torch.cat(parts) for parts in ([b.images for b in batches], [b.texts for b in batches], [b.labels for b in batches])
    )
    return Batch(images, texts, labels, [key for batch in batches for key in batch.keys])


def by_key(batch: Batch) -> dict[str, tuple[list[float], list[int]]]:
    return {
        key: (image.flatten().tolist(), text.tolist())
        for key, image, text in zip(batch.keys, batch.images, batch.texts, strict=True)
    }


@pytest.mark.parametrize(("world_size", "workers", "batch_size"), [(2, 0, 8), (4, 0, 4), (1, 2, 16), (2, 2, 8)])
def test_each_step_has_the_samples_and_crops_of_one_process(
    export_folder: Path, world_size: int, workers: int, batch_size: int
) -> None:
    alone = steps_of(export_folder, 1, 0, 16)
    together = steps_of(export_folder, world_size, workers, batch_size)
    assert [by_key(step) for step in together] == [by_key(step) for step in alone]


def test_workers_keep_the_order_of_positions(export_folder: Path) -> None:
    assert [step.keys for step in steps_of(export_folder, 1, 2, 16)] == [step.keys for step in steps_of(export_folder, 1, 0, 16)]


def test_no_sample_is_lost_where_epochs_meet(export_folder: Path) -> None:
    settings = DataSettings(uri=str(export_folder), batch_size=16, workers=0)
    loader = Loader(source_of(export_folder), ranks_of(0, 1), settings)
    keys = [key for batch in islice(loader, 19) for key in batch.keys]
    for epoch in range(3):
        assert len(set(keys[101 * epoch : 101 * (epoch + 1)])) == 101


def test_a_loader_goes_on_where_another_stopped(export_folder: Path) -> None:
    settings = DataSettings(uri=str(export_folder), batch_size=8, workers=2)
    first = Loader(source_of(export_folder), ranks_of(1, 2), settings)
    batches = iter(first)
    for _ in range(8):
        next(batches)
    state = first.state_dict()
    expected = [by_key(batch) for batch in islice(batches, 3)]
    second = Loader(source_of(export_folder), ranks_of(1, 2), settings)
    second.load_state_dict(state)
    assert [by_key(batch) for batch in islice(second, 3)] == expected


def test_a_position_in_another_order_is_refused(export_folder: Path) -> None:
    settings = DataSettings(uri=str(export_folder), batch_size=8, workers=0)
    state = Loader(source_of(export_folder), ranks_of(0, 1), settings).state_dict()
    with pytest.raises(UnusableSettings, match="keep shards, seed, lanes and block_samples"):
        Loader(source_of(export_folder, lanes=5), ranks_of(0, 1), settings).load_state_dict(state)


def test_a_crop_is_drawn_anew_in_each_epoch(export_folder: Path) -> None:
    source = source_of(export_folder)
    batches = list(islice(source.batches(0, ranks_of(0, 1), 101, 0), 2))
    crops = [by_key(batch) for batch in batches]
    assert crops[0].keys() == crops[1].keys()
    assert sum(crops[0][key] == crops[1][key] for key in crops[0]) < 20


def test_decoding_leaves_the_random_state_alone(export_folder: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    next(iter(source_of(export_folder).batches(0, ranks_of(0, 1), 8, 0)))
    assert torch.equal(torch.rand(4), expected)


def test_a_finite_pass_gives_every_sample_once(export_folder: Path) -> None:
    source = source_of(export_folder)
    shares = [list(source.batches(0, ranks_of(rank, 2), 16, 2, stop=101)) for rank in range(2)]
    keys = [key for share in shares for batch in share for key in batch.keys]
    assert len(keys) == len(set(keys)) == 101


def test_a_large_jpeg_is_decoded_small_but_not_below_what_the_crop_needs() -> None:
    sizes = []

    def remember(image: Image.Image) -> Tensor:
        image.load()
        sizes.append(image.size)
        return torch.zeros(1)

    stream = io.BytesIO()
    Image.new("RGB", (512, 400)).save(stream, "JPEG")
    for image_size in (32, 64, 224, 400):
        Decoder(remember, tokenise, image_size, 0)(0, {"__key__": "k", "txt": b"", "jpg": stream.getvalue()})
    assert sizes == [(64, 50), (128, 100), (512, 400), (512, 400)]


@pytest.mark.parametrize(
    ("smallest_crop", "size"), [(1.0, (128, 100)), (0.5, (128, 100)), (0.25, (256, 200)), (0.08, (512, 400))]
)
def test_a_small_random_crop_is_not_enlarged_from_a_smaller_decoding(smallest_crop: float, size: tuple[int, int]) -> None:
    decoded = []

    def remember(image: Image.Image) -> Tensor:
        image.load()
        decoded.append(image.size)
        return torch.zeros(1)

    stream = io.BytesIO()
    Image.new("RGB", (512, 400)).save(stream, "JPEG")
    decoder = Decoder(remember, tokenise, 60, 0, smallest_crop=smallest_crop)
    decoder(0, {"__key__": "k", "txt": b"", "jpg": stream.getvalue()})
    assert decoded == [size]


def test_the_training_crop_of_the_settings_decides_the_decoding(export_folder: Path, tiny_model: Path) -> None:
    settings = load_train_settings(
        "demo", [f"data.uri={export_folder}", f"model.config={tiny_model}", "model.name=tiny", "model.crop_scale=[0.25, 1.0]"]
    )
    assert build_run(settings, ranks_of(0, 1)).loader._source.decoder.smallest_crop == 0.25


def test_workers_read_from_an_object_store(export_folder: Path, bucket: dict[str, str]) -> None:
    local = source_of(export_folder)
    remote = Source(Export("s3://exports/shapes", bucket), local.order, local.decoder)
    batches = (next(source.batches(40, ranks_of(0, 1), 8, 1)) for source in (remote, local))
    assert by_key(next(batches)) == by_key(next(batches))


@pytest.mark.parametrize(
    ("caption", "about", "field", "expected"),
    [
        ("A red circle.", b"{}", None, 0),
        ("A Square beside nothing.", b"{}", None, 1),
        ("A circle in a square.", b"{}", None, -1),
        ("A graph.", b"{}", None, -1),
        ("A circle.", b'{"kind": "square"}', "kind", 1),
        ("A circle.", b'{"kind": "hexagon"}', "kind", -1),
        ("A circle.", b"{}", "kind", -1),
    ],
)
def test_the_class_is_what_the_json_says_or_the_only_one_named(
    caption: str, about: bytes, field: str | None, expected: int
) -> None:
    zero_shot = ZeroShotSettings(classes=("circle", "square"), label_field=field)
    assert class_of({"json": about}, caption, zero_shot) == expected


def test_captions_become_the_tokens_of_open_clip(export_folder: Path, make_export: Callable[..., Path]) -> None:
    tokenizer = open_clip.get_tokenizer("ViT-B-32")
    export = Export(str(export_folder))
    order = Order(export.shards("train"), 0, 1, 1)
    batch = next(Source(export, order, Decoder(crop_at_random, tokenizer, 32, 0)).batches(0, ranks_of(0, 1), 4, 0))
    assert batch.texts.shape == (4, 77)
    assert all(tokenizer.decode(text.tolist()).startswith("<start_of_text>figure 1 . a ") for text in batch.texts)
