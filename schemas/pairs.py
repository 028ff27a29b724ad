"""Table `pairs`: a figure with its image, the archive's main table."""

import pyarrow as pa

from schemas.licenses import LICENSE_GROUP_CHECK
from schemas.table import Column, Table

SPLITS = ("train", "val", "test")
MENTION = pa.struct([("section_path", pa.string()), ("paragraph", pa.string()), ("start", pa.int32()), ("end", pa.int32())])

PAIRS = Table(
    name="pairs",
    comment="One row per figure with its image: caption, context, licence, duplicate cluster and split.",
    key=("pair_id",),
    checks={
        "pair_id_form": "pair_id RLIKE '^[A-Za-z0-9_-]+$'",
        "known_license_group": LICENSE_GROUP_CHECK,
        "known_split": "split IN ('train', 'val', 'test')",
    },
    cluster_by=("license_group", "split"),
    columns=(
        Column("pair_id", pa.string(), "Sample key: accession with '_' for '.', then '_', then figure_id", required=True),
        Column("accession", pa.string(), "Article version, PMCID.version", required=True),
        Column("figure_id", pa.string(), "Figure within the version (figures.figure_id)", required=True),
        Column("media_name", pa.string(), "Media object whose image was taken: the largest raster that matches", required=True),
        Column("image_sha256", pa.string(), "The image (images.image_sha256)", required=True),
        Column("kind", pa.string(), "Kind of figure (figures.kind)", required=True),
        Column("label", pa.string(), "Label (figures.label)"),
        Column("caption", pa.string(), "Caption (figures.caption)"),
        Column("mentions", pa.list_(MENTION), "Places in the text that refer to the figure, in reading order", required=True),
        Column("title", pa.string(), "Article title"),
        Column("doi", pa.string(), "Digital object identifier of the article"),
        Column("citation", pa.string(), "Citation to print with the figure"),
        Column(
            "license_code",
            pa.string(),
            "Licence code that holds for the figure: its own, else the article's; NULL for others' pictures and unknown terms",
        ),
        Column("license_group", pa.string(), "commercial, noncommercial or other, from license_code", required=True),
        Column("is_no_derivatives", pa.bool_(), "The licence that holds for the figure forbids derivatives (ND)", required=True),
        Column("rights", pa.string(), "article, own_license or third_party (figures.rights)", required=True),
        Column("article_license_code", pa.string(), "Licence code of the article (articles.license_in_force)"),
        Column("figure_license_code", pa.string(), "Code of the figure's own licence (figures.license_code)"),
        Column("figure_license_url", pa.string(), "Address of the figure's own licence (figures.license_url)"),
        Column("permission", pa.string(), "Statement that rights other than the article's rest on (figures.permission)"),
        Column("is_retracted", pa.bool_(), "Any known version of the article is retracted", required=True),
        Column("width_px", pa.int32(), "Width of the original image (pixels)", required=True),
        Column("height_px", pa.int32(), "Height of the original image (pixels)", required=True),
        Column("cluster_id", pa.string(), "Duplicate cluster of the image (duplicates.cluster_id); NULL without duplicates"),
        Column(
            "is_canonical",
            pa.bool_(),
            "True for the one pair that stands for its cluster, and for every pair without duplicates",
            required=True,
        ),
        Column(
            "cluster_rank",
            pa.int32(),
            "Place of the pair in its cluster, from 1, the canonical one: an export takes the first that its recipe leaves",
            required=True,
        ),
        Column(
            "eval_overlap",
            pa.list_(pa.string()),
            "Evaluation sets that have the picture or one that chains of near ones connect with it: never exported to train",
            required=True,
        ),
        Column(
            "split",
            pa.string(),
            "train, val or test, by hash of the articles that near images connect; train is to be read with eval_overlap",
            required=True,
        ),
        Column(
            "split_group", pa.string(), "Smallest PMCID among the articles that near images connect to this one", required=True
        ),
    ),
)
