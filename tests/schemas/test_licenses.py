import pytest

from schemas.licenses import COMMERCIAL, LICENSE_GROUPS, NONCOMMERCIAL, OTHER, forbids_derivatives, license_group


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
