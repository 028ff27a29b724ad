"""Small pictures of refused images, whose files the archive does not keep: read again from the source."""

from __future__ import annotations

from contextlib import suppress

from conf.settings import Settings
from jobs.gallery_html import THUMBNAIL_SIDE_PX
from jobs.options import source_options
from schemas.rejects import Reason, Rejected
from udfs.image_isolation import IsolatedProcess
from udfs.source import Source, open_source

_PREVIEW = IsolatedProcess("udfs.image_preview", "preview")


class RefusedPictures:
    """Pictures of media by their key in the source; none from a source that is not there or does not answer."""

    def __init__(self, settings: Settings) -> None:
        self._max_bytes, self._timeout_s = settings.fetch.max_image_bytes, settings.images.timeout_s
        self._source: Source | None = None
        with suppress(ValueError):
            self._source = open_source(source_options(settings))

    def read(self, key: str) -> bytes | None:
        """The object as a JPEG thumbnail; None where it is gone or nothing of it can be shown."""
        if self._source is None:
            return None
        try:
            data = self._source.read(key, self._max_bytes)
        except Rejected as rejected:
            if rejected.reason is Reason.FETCH_FAILED:  # a page need not wait for each of them
                self._source = None
            return None
        return self._preview(data)

    def _preview(self, data: bytes) -> bytes | None:
        try:
            picture = _PREVIEW.call((data, THUMBNAIL_SIDE_PX), self._timeout_s)
        except Exception:  # whatever a decoder says of what was refused once: a page does without the picture
            return None
        return picture if isinstance(picture, bytes) else None
