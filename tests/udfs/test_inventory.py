"""Finding the newest complete inventory, and reading its parts."""

import gzip
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from schemas.rejects import Reason, Rejected
from tests.udfs import fault_proxy
from tests.udfs.bucket_server import BUCKET, BucketServer
from tests.udfs.fault_proxy import FaultProxy
from udfs.inventory import ManifestPart, find_manifest, list_versions, newest_manifest
from udfs.inventory_rows import INVENTORY_ROWS, listing_batches, part_batches
from udfs.source import Source, SourceOptions, open_source

PREFIX = f"inventory-reports/{BUCKET}/metadata"
COLUMNS = ("Bucket", "Key", "LastModifiedDate", "ETag")


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def write(root: Path, key: str, data: bytes) -> None:
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def part_of(keys: list[str], bucket: str = BUCKET) -> bytes:
    lines = [f'"{bucket}","{key}","2026-10-31T12:00:00.000Z","{md5(key.encode())}"\n' for key in keys]
    return gzip.compress("".join(lines).encode())


def write_inventory(root: Path, day: str, keys: list[str], **changes: object) -> str:
    """An inventory as the bucket has it; `changes` replace values of the manifest. Returns the manifest's key."""
    data, part_key = part_of(keys), f"{PREFIX}/data/{day}.csv.gz"
    manifest = {
        "fileFormat": "CSV",
        "fileSchema": ", ".join(COLUMNS),
        "creationTimestamp": str(int(datetime.strptime(day, "%Y-%m-%d").replace(hour=1, tzinfo=UTC).timestamp() * 1000)),
        "files": [{"key": part_key, "size": len(data), "MD5checksum": md5(data)}],
    }
    text = json.dumps(manifest | changes).encode()
    write(root, part_key, data)
    write(root, f"{PREFIX}/{day}T01-00Z/manifest.json", text)
    write(root, f"{PREFIX}/{day}T01-00Z/manifest.checksum", md5(text).encode())
    return f"{PREFIX}/{day}T01-00Z/manifest.json"


def source_of(root: Path) -> Source:
    return open_source(SourceOptions(str(root)))


def rows(source: Source, parts: tuple[ManifestPart, ...], columns: tuple[str, ...] = COLUMNS) -> list[dict[str, object]]:
    return [row for part in parts for batch in part_batches(source, part, columns) for row in batch.to_pylist()]


def test_the_real_inventory_lists_exactly_the_real_metadata(shared_data: Path) -> None:
    mirror = shared_data / "pmc-mirror"
    source = source_of(mirror)
    manifest = newest_manifest(source)
    assert manifest.created == datetime(2026, 11, 1, 1, tzinfo=UTC)
    assert manifest.checksum == md5((mirror / manifest.key).read_bytes())
    listed = rows(source, manifest.parts, manifest.columns)
    assert sorted(str(row["key"]) for row in listed) == sorted(f"metadata/{path.name}" for path in mirror.glob("metadata/*"))
    assert all(row["etag"] == md5((mirror / str(row["key"])).read_bytes()) for row in listed)
    assert {row["last_modified"] for row in listed} == {datetime(2026, 10, 31, 12, tzinfo=UTC)}


def test_the_newest_of_several_inventories_is_taken(tmp_path: Path) -> None:
    for day in ("2026-09-30", "2026-11-02", "2026-10-31"):
        write_inventory(tmp_path, day, ["metadata/PMC1.1.json"])
    assert newest_manifest(source_of(tmp_path)).created == datetime(2026, 11, 2, 1, tzinfo=UTC)


def unlink(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def rewrite(name: str, data: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(data) and None


@pytest.mark.parametrize(
    "unfinish",
    [
        unlink("manifest.checksum"),
        unlink("manifest.json"),
        rewrite("manifest.checksum", b""),
        rewrite("manifest.checksum", b"0" * 32),
        rewrite("manifest.json", b'{"files": ['),
        unlink("../data/2026-11-02.csv.gz"),
        rewrite("../data/2026-11-02.csv.gz", b"half"),
    ],
)
def test_an_inventory_still_being_written_is_passed_over(tmp_path: Path, unfinish: Callable[[Path], None]) -> None:
    write_inventory(tmp_path, "2026-11-01", ["metadata/PMC1.1.json"])
    write_inventory(tmp_path, "2026-11-02", ["metadata/PMC1.1.json", "metadata/PMC2.1.json"])
    unfinish(tmp_path / PREFIX / "2026-11-02T01-00Z")
    manifest = newest_manifest(source_of(tmp_path))
    assert manifest.created == datetime(2026, 11, 1, 1, tzinfo=UTC)
    assert [text for text in manifest.passed_over if "2026-11-02T01-00Z" in text and " (" in text] == list(manifest.passed_over)
    assert bool(manifest.passed_over) == (tmp_path / PREFIX / "2026-11-02T01-00Z/manifest.json").exists()


@pytest.mark.parametrize(
    ("unfinish", "why"),
    [
        (unlink("manifest.checksum"), "has no manifest.checksum"),
        (rewrite("manifest.json", b'{"files": ['), "differs from its checksum"),
        (unlink("../data/2026-11-02.csv.gz"), f"lacks {PREFIX}/data/2026-11-02.csv.gz"),
        (rewrite("../data/2026-11-02.csv.gz", b"half"), f"announces .* bytes of {PREFIX}/data/2026-11-02.csv.gz, which has 4"),
    ],
)
def test_what_is_passed_over_and_why_is_told(tmp_path: Path, unfinish: Callable[[Path], None], why: str) -> None:
    key = write_inventory(tmp_path, "2026-11-02", ["metadata/PMC1.1.json"])
    unfinish(tmp_path / PREFIX / "2026-11-02T01-00Z")
    with pytest.raises(ValueError, match=rf"is complete.*: {key} \({why}\)"):
        find_manifest(source_of(tmp_path))
    write_inventory(tmp_path, "2026-11-01", ["metadata/PMC1.1.json"])
    (passed_over,) = newest_manifest(source_of(tmp_path)).passed_over
    assert re.fullmatch(rf"{key} \({why}\)", passed_over)


def test_without_a_complete_inventory_the_message_says_where_it_was_sought(tmp_path: Path) -> None:
    assert find_manifest(source_of(tmp_path)) is None
    with pytest.raises(ValueError, match=f"no inventory below {PREFIX}/"):
        newest_manifest(source_of(tmp_path))
    write_inventory(tmp_path, "2026-11-01", [])
    (tmp_path / PREFIX / "2026-11-01T01-00Z/manifest.checksum").unlink()
    with pytest.raises(ValueError, match="is complete"):
        find_manifest(source_of(tmp_path))


@pytest.mark.parametrize(
    "changes",
    [
        {"fileFormat": "ORC"},
        {"fileSchema": "Bucket, Key, Size"},
        {"files": [{"key": "../../etc/passwd", "size": 1}]},
        {"files": "none"},
        {"creationTimestamp": "yesterday"},
        {"creationTimestamp": "9" * 30},
        {"fileSchema": None},
        {"sourceBucket": "another-bucket"},
    ],
)
def test_a_complete_inventory_that_cannot_be_read_is_an_error_and_not_passed_over(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    write_inventory(tmp_path, "2026-11-01", [])
    key = write_inventory(tmp_path, "2026-11-02", [], **changes)
    with pytest.raises(ValueError, match=key):
        newest_manifest(source_of(tmp_path))


def test_rows_have_accession_parts_and_bad_keys_have_none(tmp_path: Path) -> None:
    keys = [
        "metadata/PMC13901.12.json",
        "metadata%2FPMC5.1.json",
        "metadata/readme.txt",
        "metadata/PMC0.1.json",
        "metadata/PMC1.1.json.bak",
    ]
    write_inventory(tmp_path, "2026-11-01", keys)
    source = source_of(tmp_path)
    listed = rows(source, newest_manifest(source).parts)
    assert [(row["accession"], row["pmcid"], row["version"]) for row in listed] == [
        ("PMC13901.12", "PMC13901", 12),
        ("PMC5.1", "PMC5", 1),
        *[(None, None, None)] * 3,
    ]
    assert [row["key"] for row in listed] == [key.replace("%2F", "/") for key in keys]


def test_lines_of_another_bucket_are_no_versions_of_this_one(tmp_path: Path) -> None:
    lines = gzip.decompress(part_of(["metadata/PMC1.1.json"])) + gzip.decompress(part_of(["metadata/PMC2.1.json"], "other"))
    write(tmp_path, "part.csv.gz", gzip.compress(lines))
    listed = rows(source_of(tmp_path), (ManifestPart("part.csv.gz", 0, None),))
    assert [(row["key"], row["accession"], row["pmcid"], row["version"]) for row in listed] == [
        ("metadata/PMC1.1.json", "PMC1.1", "PMC1", 1),
        ("s3://other/metadata/PMC2.1.json", None, None, None),
    ]


def test_superseded_objects_and_delete_markers_are_left_out(tmp_path: Path) -> None:
    columns = ("Key", "IsLatest", "IsDeleteMarker", "LastModifiedDate", "ETag")
    lines = [
        f'"metadata/PMC{number}.1.json","{latest}","{deleted}","2026-10-31T12:00:00.000Z","e"\n'
        for number, latest, deleted in ((1, "true", "false"), (2, "false", "false"), (3, "true", "true"))
    ]
    write(tmp_path, "part.csv.gz", gzip.compress("".join(lines).encode()))
    listed = rows(source_of(tmp_path), (ManifestPart("part.csv.gz", 0, None),), columns)
    assert [row["accession"] for row in listed] == ["PMC1.1"]


def test_a_part_that_differs_from_the_manifest_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "part.csv.gz", part_of(["metadata/PMC1.1.json"]))
    with pytest.raises(Rejected) as caught:
        rows(source_of(tmp_path), (ManifestPart("part.csv.gz", 0, "0" * 32),))
    assert caught.value.reason is Reason.CHECKSUM_MISMATCH
    assert "0" * 32 in caught.value.detail


LINE = f'"{BUCKET}","metadata/PMC1.1.json","2026-10-31T12:00:00.000Z","e"\n'.encode()
PACKED = gzip.compress(b"".join(LINE.replace(b"PMC1", b"PMC%d" % number) for number in range(1, 2000)))


@pytest.mark.parametrize(
    "data",
    [
        b"no gzip",
        b"",
        PACKED[: len(PACKED) // 2],
        PACKED[:-8],
        PACKED[:-8] + bytes(8),
        PACKED[:2000] + bytes([PACKED[2000] ^ 255]) + PACKED[2001:],
        PACKED + b"rest",
        gzip.compress(LINE.replace(b',"e"', b"")),
        gzip.compress(LINE.replace(b"\n", b',"more"\n')),
        gzip.compress(LINE.replace(b"2026-10-31T12:00:00.000Z", b"yesterday")),
        gzip.compress(LINE.replace(b"PMC1", b"PMC\xff")),
    ],
    ids=["no_gzip", "empty", "half", "no_trailer", "wrong_crc", "flipped", "more", "few_columns", "many_columns", "time", "utf8"],
)
def test_a_part_that_is_no_list_is_refused_by_its_name(tmp_path: Path, data: bytes) -> None:
    write(tmp_path, "part.csv.gz", data)
    with pytest.raises(Rejected, match=r"part\.csv\.gz") as caught:
        rows(source_of(tmp_path), (ManifestPart("part.csv.gz", 0, None),))
    assert caught.value.reason is Reason.DAMAGED


def test_a_part_comes_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("udfs.inventory_rows.BLOCK_BYTES", 4096)
    write(tmp_path, "part.csv.gz", part_of([f"metadata/PMC{number}.1.json" for number in range(1, 501)]))
    batches = list(part_batches(source_of(tmp_path), ManifestPart("part.csv.gz", 0, None), COLUMNS))
    assert len(batches) > 5
    assert pa.Table.from_batches(batches, INVENTORY_ROWS)["accession"].to_pylist() == [f"PMC{n}.1" for n in range(1, 501)]


def test_an_empty_part_has_no_rows(tmp_path: Path) -> None:
    write(tmp_path, "part.csv.gz", gzip.compress(b""))
    assert rows(source_of(tmp_path), (ManifestPart("part.csv.gz", 0, None),)) == []


def test_a_source_without_inventory_is_listed_with_its_change_marks(
    open_bucket: Callable[..., Source], faults: FaultProxy, bucket_server: BucketServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("udfs.inventory_rows.LISTING_ROWS", 2)
    for number in (1, 2, 3):
        bucket_server.put(f"metadata/PMC{number}.1.json", str(number).encode())
    source = open_bucket()
    assert find_manifest(source) is None
    batches = list(listing_batches(list_versions(source)))
    assert [batch.num_rows for batch in batches] == [2, 1]
    listed = [row for batch in batches for row in batch.to_pylist()]
    assert [(row["accession"], row["etag"]) for row in listed] == [(f"PMC{n}.1", md5(str(n).encode())) for n in (1, 2, 3)]
    assert not any(request.key.endswith(".json") for request in faults.requests)


@pytest.fixture
def inventory_in_bucket(tmp_path: Path, bucket_server: BucketServer) -> Iterator[None]:
    write_inventory(tmp_path, "2026-11-01", ["metadata/PMC7.1.json"])
    bucket_server.put_folder(tmp_path)
    yield
    for path in tmp_path.rglob("*"):
        if path.is_file():
            bucket_server.delete(path.relative_to(tmp_path).as_posix())


@pytest.mark.usefixtures("inventory_in_bucket")
def test_an_inventory_is_found_and_read_in_a_bucket(open_bucket: Callable[..., Source]) -> None:
    source = open_bucket()
    assert [row["accession"] for row in rows(source, newest_manifest(source).parts)] == ["PMC7.1"]


@pytest.mark.usefixtures("inventory_in_bucket")
def test_an_inventory_that_cannot_be_read_brings_no_older_one_back(
    open_bucket: Callable[..., Source], faults: FaultProxy, bucket_server: BucketServer, tmp_path: Path
) -> None:
    newest = write_inventory(tmp_path, "2026-11-02", ["metadata/PMC7.1.json", "metadata/PMC8.1.json"])
    bucket_server.put_folder(tmp_path)
    faults.plan(newest, *3 * [fault_proxy.slow_down])
    with pytest.raises(Rejected) as caught:
        find_manifest(open_bucket(attempts=3))
    assert caught.value.reason is Reason.FETCH_FAILED
    assert newest_manifest(open_bucket()).key == newest


def test_a_bucket_that_does_not_exist_is_named(proxy: tuple[FaultProxy, str]) -> None:
    with pytest.raises(ValueError, match=r"source\.uri: there is no bucket s3://nobodys"):
        find_manifest(open_source(SourceOptions("s3://nobodys", endpoint=proxy[1])))
