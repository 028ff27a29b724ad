"""What an image may be and how it is normalised."""

from dataclasses import dataclass

from udfs.phash import HASH_VERSION

SHRUNK_SIDE_PX = 512  # to which images are measured: a decoder that shrinks them stops above it


@dataclass(frozen=True)
class ImageOptions:
    """Bounds that an image must keep and the form in which it is stored; the fields are those of the settings `images`."""

    max_side_px: int = 512
    format: str = "JPEG"
    quality: int = 90
    chroma: str = "4:2:0"
    keep_original: bool = True
    shrink_on_load: bool = False
    min_side_px: int = 16
    max_bytes: int = 256 * 2**20
    max_pixels: int = 50_000_000
    max_scans: int = 100
    timeout_s: float = 3.0

    def __post_init__(self) -> None:
        if self.shrink_on_load and not 1 <= self.max_side_px <= SHRUNK_SIDE_PX:
            raise ValueError(f"max_side_px must be 1 to {SHRUNK_SIDE_PX} with shrink_on_load, not {self.max_side_px}")

    @property
    def hash_version(self) -> str:
        """Name of the hash definitions: hashes of pixels that the decoder shrank are compared with none of whole images."""
        return f"{HASH_VERSION}+shrunk" if self.shrink_on_load else HASH_VERSION
