"""Which articles are wanted."""

import pytest

from udfs.metadata import ArticleMetadata, parse_metadata
from udfs.object_keys import Accession
from udfs.selection import Selection, parse_ids


def article(is_open_access: bool, license_code: str) -> ArticleMetadata:
    flag = str(is_open_access).lower()
    data = f'{{"pmcid": "PMC1", "version": 1, "is_pmc_openaccess": {flag}, "license_code": "{license_code}"}}'
    return parse_metadata(data.encode(), "PMC1.1", "pmc-oa-opendata")


@pytest.mark.parametrize(
    ("is_open_access", "license_code", "selection", "reason"),
    [
        (True, "CC BY", Selection(), None),
        (True, "TDM", Selection(), None),
        (False, "CC BY", Selection(), "not_open_access"),
        (False, "CC BY", Selection(require_open_access=False), None),
        (True, "CC BY-NC", Selection(("commercial",)), "license_group"),
        (True, "CC BY-ND", Selection(("commercial",)), None),
        (False, "TDM", Selection(("commercial",)), "not_open_access"),
    ],
)
def test_rights_decide(is_open_access: bool, license_code: str, selection: Selection, reason: str | None) -> None:
    assert selection.filter_reason(article(is_open_access, license_code)) == reason


def test_ids_are_articles_or_single_versions() -> None:
    ids = parse_ids("\ufeffPMC1\r\n\n  PMC2.3  # a comment\n# all comment\nPMC1\n", "ids.txt")
    assert (ids.pmcids, ids.accessions) == (frozenset({"PMC1"}), frozenset({"PMC2.3"}))
    assert Accession("PMC1", 9) in ids
    assert Accession("PMC2", 3) in ids
    assert Accession("PMC2", 1) not in ids
    assert Accession("PMC3", 1) not in ids


def test_lines_that_are_no_ids_are_named_all_at_once() -> None:
    with pytest.raises(ValueError, match=r"ids\.txt: 3 line\(s\).*line 2: '12345'; line 3: 'PMC1 PMC2'; line 5: '10\.1/x'"):
        parse_ids("PMC1\n12345\nPMC1 PMC2\nPMC3\n10.1/x\n", "ids.txt")


def test_a_list_without_ids_is_refused() -> None:
    with pytest.raises(ValueError, match=r"ids\.txt names no article"):
        parse_ids("# nothing\n\n", "ids.txt")
