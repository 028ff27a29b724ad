"""An export of drawn figures in the normalised size, for measurements of whatever reads shards."""

from __future__ import annotations

import hashlib
import io
import json
import random
import tarfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw

_SIZE = (512, 384)
_COLOURS = ("red", "green", "blue", "black", "orange", "purple")


def write_drawn_export(folder: Path, num_samples: int, samples_per_shard: int) -> Path:
    """An export of line plots with the manifest of a real one; all samples are for training."""
    folder.mkdir(parents=True)
    shards = []
    for number, first in enumerate(range(0, num_samples, samples_per_shard)):
        path = folder / f"train-{number:06d}.tar"
        members = range(first, min(first + samples_per_shard, num_samples))
        with tarfile.open(path, "w") as tar:
            for name, content in (member for key in members for member in _files(key)):
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        shards.append(
            {
                "shard": path.name,
                "split": "train",
                "num_samples": len(members),
                "num_bytes": path.stat().st_size,
                "sha256": digest,
            }
        )
    manifest = {"export": folder.name, "recipe_hash": None, "shards": shards}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def _files(number: int) -> Iterator[tuple[str, bytes]]:
    rng = random.Random(number)
    image = Image.new("RGB", _SIZE, "white")
    canvas = ImageDraw.Draw(image)
    colours = rng.sample(_COLOURS, rng.randint(1, 4))
    for colour in colours:
        points = [(x, rng.gauss(_SIZE[1] / 2, 60)) for x in range(20, _SIZE[0] - 20, 6)]
        canvas.line(points, fill=colour, width=2)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=90)
    caption = f"Line plot {number} of {len(colours)} curves in {', '.join(colours)} over time."
    yield f"drawn-{number:06d}.jpg", stream.getvalue()
    yield f"drawn-{number:06d}.txt", caption.encode()
    yield f"drawn-{number:06d}.json", json.dumps({"key": f"drawn-{number:06d}"}).encode()
