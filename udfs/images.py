"""Image kernel: the bytes of anything in, one clean record or a reject out."""

from __future__ import annotations

import warnings

from schemas.rejects import Reason, Rejected
from udfs.image_colour import is_slow_profile
from udfs.image_header import check_bytes, num_pairs
from udfs.image_isolation import IsolatedProcess
from udfs.image_options import ImageOptions
from udfs.image_record import ImageRecord, Planned, make_record, plan

__all__ = ["ImageOptions", "ImageRecord", "process_image"]

_DIRECT_FORMATS = ("JPEG", "PNG")
_DIRECT_BYTES = 2 * 2**20
_DIRECT_WORK_PIXELS = 20_000_000
_EXIF_MARKER = b"\xff\xe1"
_FEW_EXIF = 100  # Pillow joins them one by one, which takes seconds where they are many
_WIDE_WORK = 4  # 16-bit colours may be decoded twice, and are scaled as floats
_PNG_DEPTH = slice(24, 25)
_DEFAULTS = ImageOptions()
_ISOLATED = IsolatedProcess("udfs.image_record", "process")


def process_image(data: bytes, options: ImageOptions = _DEFAULTS) -> ImageRecord:
    """The record of one image; the pixels are decoded once, in this process or in one that can be stopped.

    A JPEG or PNG of ordinary size is decoded here: its header bounds the work. What may take long goes to a process of
    its own, since nothing in a process can stop the C code of a decoder that does not return.
    Raises no error but Rejected, with one of the reasons not_an_image, truncated, too_large, too_small, blank, unsupported,
    timeout, or with fetch_failed, which is tried again, where the machine ended the decoder or kept it waiting, or where the
    kernel failed in a way that nobody foresaw.
    """
    try:
        return _processed(data, options)
    except Rejected:
        raise
    except Exception as error:  # an archive has millions of images: what nobody foresaw in one of them may not end its run
        # So does lack of memory: what is decoded here is bounded, and it is the machine that has none.
        raise Rejected(Reason.FETCH_FAILED, f"{type(error).__name__}: {error}") from error


def _processed(data: bytes, options: ImageOptions) -> ImageRecord:
    check_bytes(data, options)
    if len(data) <= _DIRECT_BYTES and num_pairs(data, _EXIF_MARKER) <= _FEW_EXIF:
        with warnings.catch_warnings(action="ignore"):  # what Pillow says of odd metadata is no news of a corpus
            planned = plan(data, options)
            if _is_bounded(data, planned):
                return make_record(data, planned, options)
    record = _ISOLATED.call((data, options), options.timeout_s)
    if not isinstance(record, ImageRecord):
        raise TypeError(f"the isolated process gave {type(record).__name__}, not a record")
    return record


def _is_bounded(data: bytes, planned: Planned) -> bool:
    header = planned.header
    is_wide = header.format == "PNG" and data[_PNG_DEPTH] == b"\x10"
    if is_slow_profile(planned.image.info.get("icc_profile")):
        return False
    return header.format in _DIRECT_FORMATS and header.work * (_WIDE_WORK if is_wide else 1) <= _DIRECT_WORK_PIXELS
