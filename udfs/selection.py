"""Which articles are wanted: by licence, by a file of ids, by a search."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.licenses import LICENSE_GROUPS
from udfs.metadata import ArticleMetadata

NOT_OPEN_ACCESS = "not_open_access"
LICENSE_GROUP = "license_group"


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
