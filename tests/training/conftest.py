"""A small export of drawn shapes with captions that say what is drawn, in the layout of an exported one."""

import hashlib
import io
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
import torch
import webdataset
from moto.server import ThreadedMotoServer
from PIL import Image, ImageDraw

COLOURS = ("red", "green", "blue", "black", "orange", "purple")
SHAPES = ("circle", "square", "triangle")
PLACES = {"top left": (18, 18), "top right": (62, 18), "bottom left": (18, 62), "bottom right": (62, 62)}


def draw(rng: random.Random) -> tuple[bytes, str, str]:
    """JPEG, caption and kind of one drawn figure."""
    colour, shape, place = rng.choice(COLOURS), rng.choice(SHAPES), rng.choice(list(PLACES))
    image = Image.new("RGB", (80 + rng.randrange(8), 80 + rng.randrange(8)), "white")
    x, y, side = *PLACES[place], rng.randrange(10, 16)
    canvas = ImageDraw.Draw(image)
    box = (x - side, y - side, x + side, y + side)
    if shape == "circle":
        canvas.ellipse(box, fill=colour)
    elif shape == "square":
        canvas.rectangle(box, fill=colour)
    else:
        canvas.polygon([(x, y - side), (x - side, y + side), (x + side, y + side)], fill=colour)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=90)
    return stream.getvalue(), f"Figure 1. A {colour} {shape} at the {place}.", shape


def write_shard(path: Path, numbers: range, seed: int) -> dict[str, object]:
    """A tar of drawn samples and its entry in the manifest."""
    with webdataset.TarWriter(str(path)) as tar:
        for number in numbers:
            image, caption, kind = draw(random.Random(f"{seed}/{number}"))
            about = {
                "accession": f"PMC{number}.1",
                "figure_id": "f1",
                "license_code": "CC BY",
                "license_group": "commercial",
                "kind": kind,
            }
            tar.write({"__key__": f"PMC{number}-1_f1", "jpg": image, "txt": caption, "json": json.dumps(about)})
    content = path.read_bytes()
    split = path.name.split("-")[0]
    digest = hashlib.sha256(content).hexdigest()
    return {"shard": path.name, "split": split, "num_samples": len(numbers), "num_bytes": len(content), "sha256": digest}


def write_export(folder: Path, train: tuple[int, ...], val: tuple[int, ...] = (), seed: int = 0) -> Path:
    """An export with shards of so many samples each."""
    folder.mkdir(parents=True)
    shards, first = [], 0
    for split, sizes in (("train", train), ("val", val)):
        for number, size in enumerate(sizes):
            shards.append(write_shard(folder / f"{split}-{number:06d}.tar", range(first, first + size), seed))
            first += size
    manifest = {
        "export": folder.name,
        "recipe_hash": "0" * 64,
        "table_versions": {"pairs": 1},
        "shards": shards,
        "num_samples": {"train": sum(train), "val": sum(val), "test": 0},
        "license_groups": {"commercial": first},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Tensors this small gain nothing from threads that wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def make_export(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes an export of so many samples per shard into a fresh folder."""

    def make(train: tuple[int, ...], val: tuple[int, ...] = (), seed: int = 0) -> Path:
        return write_export(tmp_path_factory.mktemp("shards") / "shapes", train, val, seed)

    return make


@pytest.fixture(scope="session")
def export_folder(make_export: Callable[..., Path]) -> Path:
    """An export of five uneven training shards (101 samples) and one of 24 for validation."""
    return make_export((20, 33, 7, 30, 11), (24,))


@pytest.fixture(scope="session")
def bucket(export_folder: Path) -> Iterator[dict[str, str]]:
    """A bucket `exports` that holds the export; the options by which it is reached."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    options = {"endpoint": "http://{}:{}".format(*server.get_host_and_port()), "region": "us-east-1"}
    options |= {"access_key_id": "any", "secret_access_key": "any"}
    client = boto3.client(
        "s3", endpoint_url=options["endpoint"], region_name="us-east-1", aws_access_key_id="any", aws_secret_access_key="any"
    )
    client.create_bucket(Bucket="exports")
    for path in export_folder.iterdir():
        client.put_object(Bucket="exports", Key=f"shapes/{path.name}", Body=path.read_bytes())
    yield options
    client.close()
    server.stop()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JSON file of a model of the smallest size that still has every part; its name is `tiny`."""
    config = {
        "embed_dim": 32,
        "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
        "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
    }
    path = tmp_path_factory.mktemp("models") / "tiny.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path
