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


def written_articles(folder: Path, shared_data: Path | None) -> list[Path]:
    """The sample as files of a folder, in order of name; generated articles where there is no sample."""
    articles = read_articles(shared_data) if shared_data is not None else generated_articles()
    paths = []
    for name, xml in articles.items():
        path = folder / name
        path.write_bytes(xml)
        paths.append(path)
    return paths


def generated_articles(count: int = 300) -> dict[str, bytes]:
    """Articles of plain prose with figures and references to them, for a machine without the sample."""
    return {f"article{number}.xml": _generated(number) for number in range(count)}


def _generated(number: int) -> bytes:
    num_figures = 1 + number % 8
    words = "Expression of <italic>abc1</italic> rose in treated cells after two days of culture at 37 degrees. " * 8
    sections = "".join(
        f"<sec><title>Part {one}</title>"
        + f'<p>{words}It is shown (<xref ref-type="fig" rid="F{one}">Fig. {one}A</xref>). {words}</p>' * 5
        + f'<fig id="F{one}"><label>Figure {one}</label><caption><title>Growth.</title><p>(A) {words} (B) {words}</p></caption>'
        + f'<graphic xlink:href="f{one}"/></fig></sec>'
        for one in range(1, num_figures + 1)
    )
    ids = f'<article-id pub-id-type="pmid">{number}</article-id><article-id pub-id-type="doi">10.1/{number}</article-id>'
    title = f"<title-group><article-title>Article {number}</article-title></title-group>"
    date = '<pub-date pub-type="ppub"><year>2020</year></pub-date>'
    front = f"<front><article-meta>{ids}{title}{date}<abstract><p>{words}</p></abstract></article-meta></front>"
    return f'<article xmlns:xlink="http://www.w3.org/1999/xlink">{front}<body>{sections}</body></article>'.encode()
