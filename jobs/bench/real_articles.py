"""The real articles of the sample, which benchmarks and tests of the extractor read."""

from __future__ import annotations

import tarfile
from functools import lru_cache
from pathlib import Path

ARCHIVE = "jats-sample.tar.xz"


@lru_cache(maxsize=1)
def read_articles(shared_data: Path) -> dict[str, bytes]:
    """XML of the sample's 1,159 articles by file name, in order of name."""
    found = {}
    with tarfile.open(shared_data / ARCHIVE) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None and member.name.endswith(".xml"):
                found[Path(member.name).name] = file.read()
    return dict(sorted(found.items()))
