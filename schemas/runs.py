"""Table `runs`: one stage of one run, with its counts."""

import pyarrow as pa

from schemas.table import TIMESTAMP, Column, Table

RUNS = Table(
    name="runs",
    comment="One row per stage of a run that had something to do; num_in = num_ok + num_rejected + num_filtered.",
    key=("run_id", "stage"),
    checks={"reconciled": "num_in = num_ok + num_rejected + num_filtered"},
    columns=(
        Column("run_id", pa.string(), "Id of the run, sortable by time", required=True),
        Column("stage", pa.string(), "Job that ran", required=True),
        Column("started", TIMESTAMP, "When the stage started", required=True),
        Column("seconds", pa.float64(), "How long it took (seconds)", required=True),
        Column("num_in", pa.int64(), "Inputs that the stage looked at", required=True),
        Column("num_ok", pa.int64(), "Inputs that it accepted", required=True),
        Column("num_rejected", pa.int64(), "Inputs that it refused, each with a row in rejects", required=True),
        Column("num_filtered", pa.int64(), "Inputs that the settings leave out", required=True),
        Column("filtered", pa.map_(pa.string(), pa.int64()), "Filtered inputs by reason", required=True),
        Column(
            "inputs",
            pa.string(),
            "What the stage read and left, as JSON: newest commit of each table (version, ms since 1970), marks, settings hash",
            required=True,
        ),
        Column("settings", pa.string(), "Resolved settings of the run (JSON)", required=True),
    ),
)
