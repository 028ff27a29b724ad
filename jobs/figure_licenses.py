"""The licence that holds for a figure: its own, the article's, or none for what belongs to others."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from schemas.licenses import LICENSE_GROUPS, OTHER, STRICTNESS, forbids_derivatives, license_group


def licensed_figures(figures: DataFrame) -> DataFrame:
    """Figures with license_code, license_group and is_no_derivatives; `permission` only where it is not the article's.

    They must have rights, permission, figure_license_code, article_license_code and article_is_no_derivatives.
    """
    is_articles, own = F.col("rights") == "article", F.col("figure_license_code")
    code = F.when(is_articles, F.col("article_license_code")).when(F.col("rights") == "own_license", own)
    prohibiting = [name for name in STRICTNESS if forbids_derivatives(name)]
    is_no_derivatives = F.when(is_articles, F.col("article_is_no_derivatives")).otherwise(own.isin(*prohibiting))
    return figures.withColumns(
        {
            "license_code": code,
            "license_group": group_of(code),
            "is_no_derivatives": F.coalesce(is_no_derivatives, F.lit(False)),
            "permission": F.when(~is_articles, F.col("permission")),
        }
    )


def group_of(code: Column) -> Column:
    """The reuse group of a licence code, as schemas.licenses.license_group has it."""
    known = {group: [name for name in STRICTNESS if license_group(name) == group] for group in LICENSE_GROUPS if group != OTHER}
    (first, codes), *others = known.items()
    chain = F.when(code.isin(*codes), first)
    for group, members in others:
        chain = chain.when(code.isin(*members), group)
    return chain.otherwise(OTHER)
