"""JATS XML of one article to typed rows: bibliography, figures with captions, mentions.

`make compiled` puts the modules as machine code in a folder of their own, which is searched first.
"""

from udfs.machine_code import compiled_folder

_folder = compiled_folder(__path__[0])
__path__[:0] = _folder
IS_COMPILED = bool(_folder)

from udfs.jats.extract import EXTRACTOR_VERSION, Extraction, extract_article  # noqa: E402
from udfs.jats.parse import Limits  # noqa: E402

__all__ = ["EXTRACTOR_VERSION", "IS_COMPILED", "Extraction", "Limits", "extract_article"]
