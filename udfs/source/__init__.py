"""Where articles come from: one interface over a bucket, a folder with its mirror and a folder of old packages."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from udfs.source.bucket import BucketSource
from udfs.source.folder import FolderSource
from udfs.source.options import ObjectInfo, Source, SourceOptions
from udfs.source.package_folder import is_packages_folder
from udfs.source.packages import PackagesSource

__all__ = ["ObjectInfo", "Source", "SourceOptions", "open_source"]


@cache
def open_source(options: SourceOptions) -> Source:
    """The source behind the options, opened once a process; ValueError for a uri that is none.

    Open it in the process that reads: a bucket's connections do not survive a fork.
    """
    scheme, separator, _ = options.uri.partition("://")
    if not separator or scheme == "file":
        is_packages = is_packages_folder(Path(options.uri.removeprefix("file://")))
        return PackagesSource(options) if is_packages else FolderSource(options)
    if scheme in {"s3", "https"}:
        return BucketSource(options)
    raise ValueError(f"source.uri must be a folder, s3://bucket or https://host, not {options.uri!r}")
