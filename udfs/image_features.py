"""Cheap measures of an image, from its shrunk grey version."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

GreyImage = npt.NDArray[np.uint8]
_BACKGROUND_TOLERANCE = 8
_MARGIN_TOLERANCE = 16
_STEEP = 32


@dataclass(frozen=True)
class Features:
    """Measures of one image; see the comments of the table `images`."""

    entropy_bits: float
    background_share: float
    edge_density: float
    sharpness: float


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels, right and bottom excluded."""

    left: int
    top: int
    right: int
    bottom: int


def measure(grey: GreyImage) -> Features:
    """Features of a grey image [height, width]."""
    histogram = np.bincount(grey.ravel(), minlength=256)
    shares = histogram[histogram > 0] / grey.size
    commonest = int(histogram.argmax())
    near = histogram[max(0, commonest - _BACKGROUND_TOLERANCE) : commonest + _BACKGROUND_TOLERANCE + 1]
    values = grey.astype(np.int32)
    steep = (np.abs(values[1:, 1:] - values[:-1, 1:]) + np.abs(values[1:, 1:] - values[1:, :-1])) > _STEEP
    laplacian = 4 * values[1:-1, 1:-1] - values[:-2, 1:-1] - values[2:, 1:-1] - values[1:-1, :-2] - values[1:-1, 2:]
    return Features(
        entropy_bits=max(0.0, float(-(shares * np.log2(shares)).sum())),
        background_share=float(near.sum() / grey.size),
        edge_density=float(steep.mean()),
        sharpness=float(laplacian.var()) if laplacian.size else 0.0,
    )


def content_box(grey: GreyImage) -> Box:
    """The box without the uniform margin: what differs from the commonest border value; the whole image if nothing does."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    background = int(np.bincount(border, minlength=256).argmax())
    content = np.abs(grey.astype(np.int16) - background) > _MARGIN_TOLERANCE
    rows, columns = np.flatnonzero(content.any(axis=1)), np.flatnonzero(content.any(axis=0))
    if rows.size == 0:
        return Box(0, 0, grey.shape[1], grey.shape[0])
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def shrink(image: Image.Image, longest_side: int) -> Image.Image:
    """The image with its longest side at most the given number of pixels."""
    scale = longest_side / max(image.size)
    if scale >= 1:
        return image
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.BOX)
