"""An export as a trainer reads it: its manifest and the samples in its tars, from a folder or an object store."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import obstore
import webdataset
from obstore.store import ObjectStore, from_url

from conf.settings import UnusableSettings
from training.order import Order, Place, Shard, Span

Sample = dict[str, Any]
_READ_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Export:
    """The folder of an export; `store` holds further options of the object store it is in."""

    uri: str
    store: dict[str, str] = field(default_factory=dict)

    @property
    def is_remote(self) -> bool:
        """Whether it lies in an object store."""
        return "://" in self.uri

    def open(self, name: str) -> IO[bytes]:
        """A file of the export for reading from start to end; FileNotFoundError when it is not there."""
        if not self.is_remote:
            return (Path(self.uri) / name).open("rb")
        reader = obstore.open_reader(self._store(), name, buffer_size=_READ_BYTES)
        return io.BufferedReader(_Raw(reader), buffer_size=2**16)

    def num_bytes(self, name: str) -> int:
        """Size of a file of the export; FileNotFoundError when it is not there."""
        return obstore.head(self._store(), name)["size"] if self.is_remote else (Path(self.uri) / name).stat().st_size

    def _store(self) -> ObjectStore:
        options: dict[str, Any] = {"client_options": {"allow_http": True}} | ({"config": self.store} if self.store else {})
        return from_url(self.uri, **options)

    def manifest(self) -> dict[str, Any]:
        """The manifest; UnusableSettings when there is none."""
        try:
            with self.open("manifest.json") as stream:
                return cast(dict[str, Any], json.load(stream))
        except FileNotFoundError:
            raise UnusableSettings(f"data.uri: {self.uri} holds no manifest.json: name the folder of an export") from None

    def shards(self, split: str) -> tuple[Shard, ...]:
        """The shards of a split that hold samples, in the manifest's order."""
        listed = [shard for shard in self.manifest()["shards"] if shard["split"] == split and shard["num_samples"]]
        return tuple(Shard(shard["shard"], *(shard[name] for name in ("num_samples", "num_bytes", "sha256"))) for shard in listed)

    def samples(self, span: Span) -> Iterator[Sample]:
        """The samples of a span as webdataset groups them (bytes by extension, `__key__`).

        UnusableSettings when the shard is not the file that the manifest lists: the size is looked at before anything is read,
        number of samples and SHA-256 before the shard's last sample is given out, which in every epoch somebody gets.
        """
        self._check_size(span.shard)
        found = 0
        last: Sample = {}
        with self.open(span.shard.name) as stream:
            hashed = _Hashed(stream)
            files = webdataset.tariterators.tar_file_expander([{"url": span.shard.name, "stream": hashed}])
            for found, sample in enumerate(webdataset.tariterators.group_by_keys(files), start=1):
                if found == span.shard.num_samples:
                    last = sample
                elif span.start < found <= span.stop:
                    yield sample
                if found == span.stop < span.shard.num_samples:
                    return
            if found != span.shard.num_samples:
                raise self._changed(span.shard, f"holds {found} samples, its manifest says {span.shard.num_samples}")
            if hashed.sha256() != span.shard.sha256:
                raise self._changed(span.shard, "has another SHA-256 than its manifest says")
        yield last

    def _check_size(self, shard: Shard) -> None:
        try:
            found = self.num_bytes(shard.name)
        except FileNotFoundError:
            raise self._changed(shard, "is gone") from None
        if found != shard.num_bytes:
            raise self._changed(shard, f"has {found} bytes, its manifest says {shard.num_bytes}")

    def _changed(self, shard: Shard, how: str) -> UnusableSettings:
        return UnusableSettings(
            f"data.uri: {self.uri}/{shard.name} {how}: the export was written anew or damaged since the run read its manifest;"
            " finish the export, then start a new run in another output"
        )


class _Hashed:
    """A stream that is hashed as it is read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._hash = stream, hashlib.sha256()

    def read(self, size: int) -> bytes:
        """The next bytes, none at the end."""
        data = self._stream.read(size)
        self._hash.update(data)
        return data

    def sha256(self) -> str:
        """SHA-256 (hex) of the whole stream, read to its end."""
        while self.read(2**20):
            pass
        return self._hash.hexdigest()


class _Raw(io.RawIOBase):
    """An object store's reader as a raw stream of Python."""

    def __init__(self, reader: obstore.ReadableFile) -> None:
        self._reader = reader

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer with the next bytes; their number, 0 at the end."""
        read = memoryview(self._reader.read(len(buffer)))
        buffer[: len(read)] = read
        return len(read)


class Reader:
    """Raw samples by position; positions must not fall. Holds one shuffled block for each lane it is asked for."""

    def __init__(self, export: Export, order: Order) -> None:
        self._export, self._order = export, order
        self._epoch = -1
        self._lanes: dict[int, Iterator[Sample]] = {}
        self._blocks: dict[int, tuple[int, list[Sample | None]]] = {}

    def take(self, position: int) -> Sample:
        """The sample at a position; it can be taken once."""
        place = self._order.place(position)
        if place.epoch != self._epoch:
            self._epoch = place.epoch
            self._lanes.clear()
            self._blocks.clear()
        if place.lane not in self._blocks or self._blocks[place.lane][0] != place.block:
            self._fill(place)
        samples = self._blocks[place.lane][1]
        sample, samples[place.offset] = samples[place.offset], None
        return cast(Sample, sample)

    def _fill(self, place: Place) -> None:
        held, _ = self._blocks.pop(place.lane, (place.block, []))
        if held >= place.block:
            spans = self._order.spans(place.epoch, place.lane, place.block)
            self._lanes[place.lane] = itertools.chain.from_iterable(map(self._export.samples, spans))
            held = place.block - 1
        # Blocks that fall to other readers are read over: a shard opened anew is read from its beginning.
        skipped = (place.block - held - 1) * self._order.block_samples
        block = list(itertools.islice(self._lanes[place.lane], skipped, skipped + self._order.block_samples))
        self._blocks[place.lane] = (place.block, [*self._order.shuffle(block, place)])
