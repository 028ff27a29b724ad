"""The file list that came with NLM's old packages: licence, PubMed id and path by PMCID."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

_NAMES = {
    "path": ("File", "Article File"),
    "pmcid": ("Accession ID", "AccessionID"),
    "license": ("License",),
    "pmid": ("PMID",),
    "retracted": ("Retracted",),
}
"""Names of the columns in the lists of all years (oa_file_list.csv, oa_comm_use_file_list.csv, *.filelist.csv)."""

_LICENSE_CODES = frozenset({"CC0", "CC BY", "CC BY-SA", "CC BY-ND", "CC BY-NC", "CC BY-NC-SA", "CC BY-NC-ND"})


@dataclass(frozen=True)
class ListedPackage:
    """What the list says about an article; license_code is None for NO-CC CODE, is_retracted without such a column."""

    path: str
    license_code: str | None
    pmid: str | None
    is_retracted: bool | None


class FileList:
    """Rows of all lists in a folder, held as columns: a list of the whole subset has millions of rows."""

    def __init__(self, files: Iterable[Path]) -> None:
        tables = [_read(file) for file in files]
        table = pa.concat_tables(tables) if tables else pa.table({"number": pa.array([], pa.int64())})
        self._table = table.sort_by("number").combine_chunks()
        self._numbers = self._table["number"].to_numpy()

    def row(self, pmcid: str) -> ListedPackage | None:
        """The row of an article; None if no list names it."""
        number = int(pmcid.removeprefix("PMC"))
        index = int(np.searchsorted(self._numbers, number))
        if index == len(self._numbers) or self._numbers[index] != number:
            return None
        values: dict[str, Any] = self._table.slice(index, 1).to_pylist()[0]
        license_code = values["license"] if values["license"] in _LICENSE_CODES else None
        pmid = values["pmid"].removeprefix("PMID:").strip() if values["pmid"] else None
        retracted = values["retracted"]
        return ListedPackage(values["path"] or "", license_code, pmid or None, retracted.lower() == "yes" if retracted else None)


def _read(file: Path) -> pa.Table:
    with csv.open_csv(file) as reader:
        header = reader.schema.names
    chosen = {field: next((name for name in names if name in header), None) for field, names in _NAMES.items()}
    if not chosen["pmcid"] or not chosen["license"]:
        raise ValueError(f"file list {file.name} must have columns 'Accession ID' and 'License', not {header}")
    names = [name for name in chosen.values() if name]
    options = csv.ConvertOptions(include_columns=names, column_types=dict.fromkeys(names, pa.string()))
    table = csv.read_csv(file, convert_options=options)
    columns = {field: table[name] if name else pa.nulls(table.num_rows, pa.string()) for field, name in chosen.items()}
    digits = pc.extract_regex(columns.pop("pmcid"), r"^PMC(?P<number>[0-9]{1,12})$")
    columns["number"] = pc.cast(pc.struct_field(digits, "number"), pa.int64())
    result = pa.table(columns)
    return result.filter(pc.is_valid(result["number"]))
