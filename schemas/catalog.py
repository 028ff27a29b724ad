"""Every table of the archive, in the order in which the pipeline fills them."""

from schemas.articles import ARTICLES
from schemas.documents import DOCUMENTS
from schemas.duplicates import DUPLICATES
from schemas.eval_overlap import EVAL_OVERLAP
from schemas.figures import FIGURES
from schemas.hash_pairs import HASH_PAIRS
from schemas.images import IMAGES
from schemas.inventory import INVENTORY
from schemas.media import MEDIA
from schemas.mentions import MENTIONS
from schemas.originals import ORIGINALS
from schemas.pairs import PAIRS
from schemas.rejects import REJECTS
from schemas.runs import RUNS
from schemas.shards import SHARDS
from schemas.table import Table
from schemas.tombstones import TOMBSTONES

TABLES: tuple[Table, ...] = (
    INVENTORY,
    DOCUMENTS,
    ARTICLES,
    FIGURES,
    MENTIONS,
    MEDIA,
    IMAGES,
    ORIGINALS,
    HASH_PAIRS,
    DUPLICATES,
    EVAL_OVERLAP,
    PAIRS,
    TOMBSTONES,
    SHARDS,
    REJECTS,
    RUNS,
)
BY_NAME = {table.name: table for table in TABLES}
