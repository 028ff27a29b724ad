import pytest

from schemas.licenses import (
    COMMERCIAL,
    LICENSE_GROUPS,
    NONCOMMERCIAL,
    OTHER,
    STRICTNESS,
    forbids_derivatives,
    license_group,
    stricter,
)


@pytest.mark.parametrize(
    ("group", "codes"),
    [
        (COMMERCIAL, ("CC0", "CC BY", "CC BY-SA", "CC BY-ND")),
        (NONCOMMERCIAL, ("CC BY-NC", "CC BY-NC-SA", "CC BY-NC-ND")),
        (OTHER, ("TDM", None, "", "CC BY 4.0", "cc by", "NO-CC CODE")),
    ],
)
def test_codes_fall_in_the_group_that_they_permit_and_unknown_ones_in_other(group: str, codes: tuple[str | None, ...]) -> None:
    assert {license_group(code) for code in codes} == {group}
    assert group in LICENSE_GROUPS


def test_only_no_derivatives_licences_forbid_derivatives() -> None:
    codes = ("CC0", "CC BY", "CC BY-SA", "CC BY-ND", "CC BY-NC", "CC BY-NC-SA", "CC BY-NC-ND", "TDM", None)
    assert [code for code in codes if forbids_derivatives(code)] == ["CC BY-ND", "CC BY-NC-ND"]


def test_strictness_never_falls_from_a_group_to_the_next() -> None:
    places = [LICENSE_GROUPS.index(license_group(code)) for code in (*STRICTNESS, "TDM")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("CC BY", "CC BY-NC", "CC BY-NC"),
        ("CC BY-NC", "CC0", "CC BY-NC"),
        ("CC BY-ND", "CC BY-SA", "CC BY-ND"),
        ("CC BY-NC-ND", "TDM", "TDM"),
        ("CC BY", None, None),
        ("TDM", None, "TDM"),
    ],
)
def test_the_stricter_licence_is_taken_in_whatever_order(one: str, other: str | None, expected: str | None) -> None:
    assert stricter(one, other) == expected
    if one != "TDM":
        assert stricter(other, one) == expected
