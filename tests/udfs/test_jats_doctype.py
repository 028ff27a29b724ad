"""A document type declaration is neither loaded nor taken for damage."""

from __future__ import annotations

from udfs.jats.parse import Limits, parse_article

ARTICLE = b"<article><front><article-meta><title-group/></article-meta></front></article>"


def test_an_external_dtd_is_ignored_and_is_no_damage() -> None:
    doctype = b'<!DOCTYPE article PUBLIC "-//NLM//DTD Journal Publishing DTD v3.0 20080202//EN" "http://dtd.nlm.nih.gov/publishing/3.0/journalpublishing3.dtd">'
    parsed = parse_article(b'<?xml version="1.0"?>\n' + doctype + ARTICLE, "PMC1", Limits())
    assert parsed.damage is None
