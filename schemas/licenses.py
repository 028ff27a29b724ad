"""Licence codes of the source and the groups they fall in (PMC Open Access Subset: commercial, non-commercial, other)."""

COMMERCIAL = "commercial"
NONCOMMERCIAL = "noncommercial"
OTHER = "other"
LICENSE_GROUPS = (COMMERCIAL, NONCOMMERCIAL, OTHER)
LICENSE_GROUP_CHECK = f"license_group IN ('{COMMERCIAL}', '{NONCOMMERCIAL}', '{OTHER}')"

# From the freest to the strictest; every other code, and none, is stricter than all of these.
_GROUPS = {
    "CC0": COMMERCIAL,
    "CC BY": COMMERCIAL,
    "CC BY-SA": COMMERCIAL,
    "CC BY-ND": COMMERCIAL,
    "CC BY-NC": NONCOMMERCIAL,
    "CC BY-NC-SA": NONCOMMERCIAL,
    "CC BY-NC-ND": NONCOMMERCIAL,
}
STRICTNESS = tuple(_GROUPS)


def license_group(code: str | None) -> str:
    """The reuse group of a licence code; a missing or unknown code (TDM, custom terms) is `other`."""
    return _GROUPS.get(code or "", OTHER)


def strictness(code: str | None) -> int:
    """Place of a licence code from the freest, 0, on; a missing or unknown code comes last."""
    return STRICTNESS.index(code) if code in STRICTNESS else len(STRICTNESS)


def stricter(one: str | None, other: str | None) -> str | None:
    """The code of the two that permits less, by STRICTNESS; the first one where both are as strict."""
    return max(one, other, key=strictness)


def forbids_derivatives(code: str | None) -> bool:
    """True for No-Derivatives licences, whose resized or cropped images may be derivatives."""
    return (code or "").endswith("-ND")
