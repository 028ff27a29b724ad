"""The console command `biomedica`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.table import Column
from rich.table import Table as Grid

from conf.load import load_settings
from conf.settings import Settings, UnusableSettings
from jobs.describe import columns_grid, rejects_by_reason, table_sizes, tables_grid
from jobs.entry import DONE, STAGES, WRONG_USE, run_job
from jobs.queries import check_read_only, error_in_a_line, rows_grid
from jobs.sample import write_sample
from jobs.session import command_session
from jobs.tables import Lake
from schemas.catalog import BY_NAME, TABLES

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="PubMed Central figures as Delta tables."
)
console = Console()
errors = Console(stderr=True)

Profile = Annotated[str, typer.Option(help="local, cluster, databricks, or a YAML file of your own")]
Overrides = Annotated[list[str] | None, typer.Argument(help="key=value settings, as source.uri=s3://pmc-oa-opendata")]
HtmlFile = Annotated[Path | None, typer.Option("--html", dir_okay=False, help="Also write a page with pictures to this file")]
MAX_SQL_ROWS = 100


def stop(message: str, code: int) -> NoReturn:
    """Leave with one line on standard error."""
    errors.print(f"biomedica: {message}", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(code)


@contextmanager
def wrong_use() -> Iterator[None]:
    """Unusable settings inside are the user's to mend: one line and exit code 2."""
    try:
        yield
    except UnusableSettings as error:
        stop(str(error), WRONG_USE)


@contextmanager
def working(on: str) -> Iterator[None]:
    """A spinner with words on standard error while what is inside goes on; nothing where nobody looks on, as in a pipe.

    On a handle of its own: while Spark starts, standard error is its log.
    """
    if not errors.is_terminal:
        yield
        return
    with os.fdopen(os.dup(sys.stderr.fileno()), "w") as terminal, Console(file=terminal).status(f"{on} ..."):
        yield


def open_lake(profile: str, overrides: list[str] | None) -> tuple[Lake, Settings]:
    """The archive that the settings name; UnusableSettings when there is none yet."""
    settings = load_settings(profile, overrides or [])
    with working("Starting Spark"):
        lake = Lake(command_session(settings, "sql"), settings.lake)
        exists = lake.exists()
    if not exists:
        raise UnusableSettings(
            f"there is no archive at lake.uri={settings.lake.uri}: run `biomedica pipeline` first or set lake.uri"
        )
    return lake, settings


@app.command()
def pipeline(overrides: Overrides = None, profile: Profile = "local") -> None:
    """Run every stage, from the inventory to the shards; stages that are up to date are skipped."""
    from jobs.pipeline import main

    raise typer.Exit(main(["--profile", profile, *(overrides or [])]))


def _add_job(stage: str) -> None:
    def job(overrides: Overrides = None, profile: Profile = "local") -> None:
        raise typer.Exit(run_job(stage, ["--profile", profile, *(overrides or [])]))

    app.command(stage, help=f"Run the stage {stage} alone.", rich_help_panel="Stages")(job)


for _stage in STAGES:
    _add_job(_stage)


@app.command()
def sample(
    folder: Annotated[Path, typer.Argument(help="Folder to write the bucket to")],
    articles: Annotated[int, typer.Option(min=1)] = 100,
    seed: Annotated[int, typer.Option()] = 0,
    day: Annotated[int, typer.Option(min=1, max=3, help="State of the bucket on day 1, 2 or 3")] = 1,
) -> None:
    """Write a drawn bucket in the layout of the PMC Cloud Service, with its ground truth in truth.json."""
    with wrong_use():
        write_sample(folder, articles, seed, day)
    console.print(f"Wrote a bucket of {articles} articles to {folder}", highlight=False)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help='As "SELECT license_group, count(*) FROM pairs GROUP BY 1"')],
    overrides: Overrides = None,
    profile: Profile = "local",
    json_lines: Annotated[bool, typer.Option("--json", help="One JSON object a row, without a limit")] = False,
) -> None:
    """Run a query over the archive's tables and print at most 100 rows; wide ones one below the other. Nothing can be changed."""
    from py4j.protocol import Py4JError
    from pyspark.errors import AnalysisException, ParseException, PySparkException
    from pyspark.logger import PySparkLogger
    from pyspark.sql import functions as F

    PySparkLogger.getLogger("SQLQueryContextLogger").disabled = True  # what it would say is said below in one line
    with wrong_use():
        lake, _ = open_lake(profile, overrides)
        try:
            with working("Reading the query"):
                lake.register_views()
                check_read_only(lake.spark, query)
                rows = lake.spark.sql(query)
        except (AnalysisException, ParseException) as error:
            stop(str(error).strip().splitlines()[0], WRONG_USE)
    try:
        if json_lines:
            for row in rows.select(F.to_json(F.struct("*"), {"ignoreNullFields": "false"})).toLocalIterator():
                sys.stdout.write(f"{row[0]}\n")
            return
        with working("Running the query"):
            shown = rows.limit(MAX_SQL_ROWS + 1).collect()
    except (PySparkException, Py4JError, ValueError) as error:
        stop(f"the query failed: {error_in_a_line(error)}", WRONG_USE)
    console.print(rows_grid(rows.columns, [tuple(row) for row in shown[:MAX_SQL_ROWS]], console.width))
    if len(shown) > MAX_SQL_ROWS:
        console.print(f"Only the first {MAX_SQL_ROWS} rows; use --json or LIMIT.")


@app.command()
def tables(
    name: Annotated[str | None, typer.Argument(help="A table, for its columns")] = None,
    overrides: Overrides = None,
    profile: Profile = "local",
) -> None:
    """Show every table with rows, size and columns, or the columns of one."""
    if name is not None and "=" in name:
        overrides, name = [name, *(overrides or [])], None
    if name is not None:
        if name not in BY_NAME:
            stop(f"there is no table {name!r}; the tables are {', '.join(BY_NAME)}", WRONG_USE)
        console.print(columns_grid(BY_NAME[name]))
        return
    with wrong_use():
        lake, _ = open_lake(profile, overrides)
    with working("Counting the tables"):
        sizes = table_sizes(lake)
    console.print(tables_grid(sizes))
    for table in TABLES:
        console.print(columns_grid(table))


@app.command()
def rejects(
    overrides: Overrides = None,
    profile: Profile = "local",
    html: HtmlFile = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows and images per section of the page")] = 12,
) -> None:
    """Show what was refused, by stage and reason; with --html also details, pictures and the images of lowest quality."""
    with wrong_use():
        check_page(html)
        lake, settings = open_lake(profile, overrides)
    grid = Grid("stage", "reason", Column("rows", justify="right"))
    with working("Counting the rejects"):
        reasons = rejects_by_reason(lake)
    for key, number in reasons.items():
        grid.add_row(*key.split(" "), f"{number:,}")
    console.print(grid)
    if html is not None:
        from jobs.quality_gallery import quality_page
        from jobs.refused_pictures import RefusedPictures

        with working("Looking for refused inputs and the images of lowest quality"):
            page = quality_page(lake, limit, RefusedPictures(settings).read)
        write_page(html, page)


@app.command()
def status(
    overrides: Overrides = None,
    profile: Profile = "local",
    as_json: Annotated[bool, typer.Option("--json", help="The same as one JSON object")] = False,
) -> None:
    """Show how current the archive is: newest inventory, versions by state and licence, what waits, what was refused and why."""
    from jobs.status import archive_status
    from jobs.status_grids import status_grids

    with wrong_use():
        lake, settings = open_lake(profile, overrides)
        with working("Reading the archive"):
            found = archive_status(lake, settings)
    if as_json:
        sys.stdout.write(json.dumps(found, indent=1) + "\n")
        return
    for part in status_grids(found, datetime.now(UTC)):
        console.print(part)


@app.command()
def duplicates(
    overrides: Overrides = None,
    profile: Profile = "local",
    html: HtmlFile = None,
    limit: Annotated[int, typer.Option(min=1, help="Clusters on the page")] = 50,
) -> None:
    """Show how many images are duplicates, by kind; with --html also the clusters side by side, the most doubtful first."""
    from jobs.galleries import duplicates_by_kind, duplicates_in_words, duplicates_page

    with wrong_use():
        check_page(html)
        lake, _ = open_lake(profile, overrides)
    names = ("images", "files", "clusters", "farthest (bits)")
    grid = Grid("kind", *(Column(name, justify="right") for name in names))
    with working("Counting the duplicates"):
        kinds, in_words = duplicates_by_kind(lake), duplicates_in_words(lake)
    for kind, *numbers in kinds:
        grid.add_row(kind, *(f"{number:,}" for number in numbers))
    console.print(grid)
    console.print(in_words, highlight=False)
    if html is not None:
        with working("Putting the clusters side by side"):
            page = duplicates_page(lake, limit)
        write_page(html, page)


def check_page(file: Path | None) -> None:
    """UnusableSettings where a page cannot be written, before any work is done for it."""
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.open("a").close()
    except OSError as error:
        raise UnusableSettings(f"--html {file} cannot be written: {error.strerror}") from None


def write_page(file: Path, text: str) -> None:
    """Write an HTML page and say where it is."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        stop(f"--html {file} cannot be written: {error.strerror}", WRONG_USE)
    console.print(f"Wrote {file}", highlight=False)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the archive, the shards and the model")] = Path("build"),
    source: Annotated[str | None, typer.Option(help="Bucket to read; without it a sample is drawn")] = None,
    ids: Annotated[str | None, typer.Option(help="File of PMCIDs to take from the bucket")] = None,
) -> None:
    """From a bucket to a trained CLIP: sample, pipeline, training on two processes, evaluation, summary."""
    from jobs.demo import run_demo

    with wrong_use():
        raise typer.Exit(run_demo(out, source, ids, console))


@app.command()
def summary(overrides: Overrides = None, profile: Profile = "local") -> None:
    """Print the archive's figures as JSON."""
    from jobs.describe import archive_summary

    with wrong_use():
        lake, _ = open_lake(profile, overrides)
    with working("Reading the archive"):
        found = archive_summary(lake)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    raise typer.Exit(DONE)
