"""Which articles are wanted: by the rights they come with, or by a list of ids."""

from __future__ import annotations

import re
from dataclasses import dataclass

from schemas.licenses import LICENSE_GROUPS
from udfs.metadata import ArticleMetadata
from udfs.object_keys import Accession

NOT_OPEN_ACCESS = "not_open_access"
LICENSE_GROUP = "license_group"

_ID = re.compile(r"(PMC[1-9][0-9]{0,11})(\.[1-9][0-9]{0,4})?", re.ASCII)
_SHOWN_FAULTS = 5


@dataclass(frozen=True)
class Selection:
    """Rights an article must have: presence in the bucket is not a right to reuse."""

    license_groups: tuple[str, ...] = LICENSE_GROUPS
    require_open_access: bool = True

    def filter_reason(self, metadata: ArticleMetadata) -> str | None:
        """Why the article is left out (documents.filter_reason); None for a wanted one."""
        if self.require_open_access and not metadata.is_open_access:
            return NOT_OPEN_ACCESS
        return None if metadata.license_group in self.license_groups else LICENSE_GROUP


@dataclass(frozen=True)
class ArticleIds:
    """A list of wanted articles: every version of `pmcids`, and single versions `accessions`."""

    pmcids: frozenset[str]
    accessions: frozenset[str]

    def __contains__(self, accession: Accession) -> bool:
        """Whether the list names the article version or its article."""
        return accession.pmcid in self.pmcids or str(accession) in self.accessions


def parse_ids(text: str, origin: str) -> ArticleIds:
    """The ids of a text with one PMCID (PMC13901) or accession (PMC13901.1) a line.

    Blank lines and what follows a `#` are left out. ValueError names `origin` and the lines that are neither, or says that
    there is no id at all.
    """
    pmcids: set[str] = set()
    accessions: set[str] = set()
    faults = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        entry = line.partition("#")[0].strip()
        match = _ID.fullmatch(entry)
        if match:
            (accessions if match[2] else pmcids).add(entry)
        elif entry:
            faults.append(f"line {number}: {entry[:40]!r}")
    if faults:
        shown = "; ".join(faults[:_SHOWN_FAULTS])
        raise ValueError(f"{origin}: {len(faults)} line(s) are neither PMC13901 nor PMC13901.1: {shown}")
    if not pmcids and not accessions:
        raise ValueError(f"{origin} names no article: put one PMCID or accession on a line")
    return ArticleIds(frozenset(pmcids), frozenset(accessions))
