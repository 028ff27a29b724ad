"""Licence codes of the source and the groups they fall in (PMC Open Access Subset: commercial, non-commercial, other)."""

COMMERCIAL = "commercial"
NONCOMMERCIAL = "noncommercial"
OTHER = "other"
LICENSE_GROUPS = (COMMERCIAL, NONCOMMERCIAL, OTHER)
LICENSE_GROUP_CHECK = f"license_group IN ('{COMMERCIAL}', '{NONCOMMERCIAL}', '{OTHER}')"

_GROUPS = {
    "CC0": COMMERCIAL,
    "CC BY": COMMERCIAL,
    "CC BY-SA": COMMERCIAL,
    "CC BY-ND": COMMERCIAL,
    "CC BY-NC": NONCOMMERCIAL,
    "CC BY-NC-SA": NONCOMMERCIAL,
    "CC BY-NC-ND": NONCOMMERCIAL,
}


def license_group(code: str | None) -> str:
    """The reuse group of a licence code; a missing or unknown code (TDM, custom terms) is `other`."""
    return _GROUPS.get(code or "", OTHER)


def forbids_derivatives(code: str | None) -> bool:
    """True for No-Derivatives licences, whose resized or cropped images may be derivatives."""
    return (code or "").endswith("-ND")
