"""Table `images`: a distinct image content, normalised, measured and hashed."""

import pyarrow as pa

from schemas.table import Column, Table

IMAGES = Table(
    name="images",
    comment="One row per distinct image content: properties, hashes and normalised bytes.",
    key=("image_sha256",),
    checks={"positive_size": "width_px > 0 AND height_px > 0 AND image_width_px > 0 AND image_height_px > 0"},
    columns=(
        Column("image_sha256", pa.string(), "SHA-256 of the original bytes (hex)", required=True),
        Column(
            "pixels_sha256",
            pa.string(),
            "SHA-256 of size and upright sRGB pixels (hex): equal for the same picture in another format, "
            "with images.shrink_on_load "
            "for large JPEGs of the decoder's shrunk pixels, and the full size",
            required=True,
        ),
        Column("format", pa.string(), "Format by content: JPEG, PNG, GIF, TIFF, WEBP, BMP", required=True),
        Column("mode", pa.string(), "Pixel mode of the original as decoded (RGB, L, CMYK, I;16, ...)", required=True),
        Column("width_px", pa.int32(), "Width of the upright original (pixels)", required=True),
        Column("height_px", pa.int32(), "Height of the upright original (pixels)", required=True),
        Column("aspect", pa.float32(), "width_px / height_px", required=True),
        Column("num_bytes", pa.int64(), "Size of the original (bytes)", required=True),
        Column(
            "phash",
            pa.int64(),
            "64-bit pHash of the whole image, as imagehash.phash of the decoded pixels, as a signed integer",
            required=True,
        ),
        Column(
            "phash_trimmed",
            pa.int64(),
            "64-bit pHash of the content without its white margin, through a Gaussian window, bits above 0, as a signed integer",
            required=True,
        ),
        Column(
            "phash256_trimmed",
            pa.binary(),
            "256-bit pHash of the same (32 bytes), to confirm a match",
            required=True,
        ),
        Column(
            "hash_version",
            pa.string(),
            "Name and version of the hash definitions; +shrunk with images.shrink_on_load",
            required=True,
        ),
        Column(
            "entropy_bits",
            pa.float32(),
            "Shannon entropy of the grey histogram (bits per pixel), 0 where what is within the margin has one value but "
            "at its edges: low for featureless images",
            required=True,
        ),
        Column(
            "background_share", pa.float32(), "Share of pixels within 8 grey levels of the commonest one (0 to 1)", required=True
        ),
        Column("edge_density", pa.float32(), "Share of pixels whose grey gradient is steep (0 to 1)", required=True),
        Column(
            "sharpness", pa.float32(), "Variance of the Laplacian of the shrunk grey image (squared grey levels)", required=True
        ),
        Column(
            "content_left_px",
            pa.int32(),
            "Left edge of the content without its uniform margin (pixels of the upright original)",
            required=True,
        ),
        Column("content_top_px", pa.int32(), "Top edge of the content (pixels of the upright original)", required=True),
        Column("content_width_px", pa.int32(), "Width of the content (pixels of the upright original)", required=True),
        Column("content_height_px", pa.int32(), "Height of the content (pixels of the upright original)", required=True),
        Column("mean_red", pa.float32(), "Mean of the sRGB red channel (0 to 255)", required=True),
        Column("mean_green", pa.float32(), "Mean of the sRGB green channel (0 to 255)", required=True),
        Column("mean_blue", pa.float32(), "Mean of the sRGB blue channel (0 to 255)", required=True),
        Column(
            "image",
            pa.binary(),
            "Normalised image: upright sRGB, or grey where a grey JPEG was kept as it is, longest side bounded, encoded as set",
            required=True,
        ),
        Column("image_format", pa.string(), "Encoding of the normalised image: JPEG or WEBP", required=True),
        Column("image_width_px", pa.int32(), "Width of the normalised image (pixels)", required=True),
        Column("image_height_px", pa.int32(), "Height of the normalised image (pixels)", required=True),
    ),
)
