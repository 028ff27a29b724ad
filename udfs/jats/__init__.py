"""JATS XML of one article to typed rows: bibliography, figures with captions, mentions."""

from udfs.jats.extract import EXTRACTOR_VERSION, Extraction, extract_article
from udfs.jats.parse import Limits

__all__ = ["EXTRACTOR_VERSION", "Extraction", "Limits", "extract_article"]
