"""Type of the columns that keep digests which did not agree at first."""

import pyarrow as pa

MISMATCHES = pa.list_(pa.struct([("expected", pa.string()), ("actual", pa.string())]))
