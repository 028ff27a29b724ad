"""The archive's status as tables for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from rich.box import Box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table as Grid

from jobs.status import AS_LAST_SEARCHED, GROUPS

_LABELS = {
    "parsed": "parsed",
    "waiting": "waiting",
    "refused": "refused",
    "not_open_access": "not open access",
    "license_group": "licence not wanted",
    "not_selected": "not selected",
    "removed": "removed at source",
}
_NONE = "·"
# No lines but one below the head: numbers of a whole corpus fit beside each other.
HEAD_RULE = Box("    \n    \n ── \n    \n    \n ── \n    \n    \n")


def status_grids(status: dict[str, Any], now: datetime) -> Iterator[RenderableType]:
    """Everything of `archive_status`, the most important first."""
    yield _heading(status, now)
    yield from ("", _versions(status))
    yield from ("", _work(status))
    if status["refused"]:
        yield from ("", _refused(status["refused"]))
    if status["last_run"]:
        yield from ("", _last_run(status["last_run"]))
    if status["orphans"]:
        yield ""
        found = ", ".join(f"{number:,} {reference}" for reference, number in status["orphans"].items())
        yield f"[bold red]Inconsistent:[/] {escape(found)}; run `biomedica pipeline` to mend it."


def age(moment: str | None, now: datetime) -> str:
    """A moment (ISO 8601) to the minute, with how long ago it was."""
    if moment is None:
        return "none yet"
    then = datetime.fromisoformat(moment)
    past = now - then
    if past < timedelta(hours=1):
        ago = f"{past.total_seconds() / 60:.0f} min ago"
    elif past < timedelta(days=2):
        ago = f"{past.total_seconds() / 3600:.0f} h ago"
    else:
        ago = f"{past.days} days ago"
    return f"{then:%Y-%m-%d %H:%M} UTC ({ago})"


def _heading(status: dict[str, Any], now: datetime) -> Grid:
    grid = Grid.grid(padding=(0, 2))
    grid.add_row("[bold]Newest inventory[/]", age(status["inventory"], now))
    for one in status["running"]:
        told = f"{one['run_id']}, process {one['pid']} on {one['host']}\nlast seen {age(one['last_seen'], now)}"
        grid.add_row("[bold]Running[/]", escape(told))
    run = status["last_run"]
    grid.add_row("[bold]Last run[/]", age(run["started"], now) if run else "none yet")
    if status["selection"] == AS_LAST_SEARCHED:
        grid.add_row("[bold]Selection[/]", "by source.query, as last searched: the next run searches again")
    for number, (name, compared) in enumerate(status["evaluation_sets"].items()):
        grid.add_row("" if number else "[bold]Evaluation sets[/]", f"{escape(name)}: {_kept_out(compared)}")
    return grid


def _kept_out(compared: dict[str, int] | None) -> str:
    if compared is None:
        return "not compared yet"
    unread = f"\n  {compared['num_unread']:,} of its files could not be read" if compared["num_unread"] else ""
    return f"{compared['num_images']:,} images of the archive stand in it{unread}"


def _versions(status: dict[str, Any]) -> Grid:
    grid = _grid("Article versions by state and licence", "state", *GROUPS, "total")
    for state in (*_LABELS, *(other for other in status["versions"] if other not in _LABELS)):
        if state in status["versions"]:
            grid.add_row(_LABELS.get(state, state), *_numbers(status["versions"][state]))
    grid.add_section()
    grid.add_row("pairs", *_numbers(status["pairs"]))
    return grid


def _work(status: dict[str, Any]) -> Grid:
    grid = _grid("Waiting, refused, taken out", "", "number")
    for stage, number in status["waiting"].items():
        grid.add_row(f"waits for {stage}", f"{number:,}")
    grid.add_row("refused (biomedica rejects)", f"{sum(row['num_rows'] for row in status['refused']):,}")
    for reason, number in status["tombstones"].items():
        grid.add_row(f"pairs taken out: {reason}", f"{number:,}")
    return grid


def _refused(refused: list[dict[str, Any]]) -> Grid:
    grid = _grid("Refused: why", "stage and reason", "rows", "tries")
    grid.add_column("newest example", overflow="fold")
    for number, row in enumerate(refused):
        if not number or refused[number - 1]["stage"] != row["stage"]:
            grid.add_row(row["stage"])
        grid.add_row(f"  {row['reason']}", f"{row['num_rows']:,}", str(row["attempts"]), escape(_example(row["example"])))
    return grid


def _example(reject: dict[str, str | None]) -> str:
    """The key of a reject and, on the next line, what the detail adds to it."""
    key, detail = reject["key"] or "", reject["detail"] or ""
    return f"{key}\n{detail.removeprefix(f'{key}:').lstrip()}".rstrip()


def _last_run(run: dict[str, Any]) -> Grid:
    grid = _grid(f"Last run: {run['run_id']}", "stage", "in", "ok", "rejected", "filtered", "seconds")
    for row in run["stages"]:
        counts = (f"{row[name]:,}" for name in ("num_in", "num_ok", "num_rejected", "num_filtered"))
        grid.add_row(row["stage"], *counts, f"{row['seconds']:.1f}")
    return grid


def _grid(title: str, first: str, *others: str) -> Grid:
    grid = Grid(title=title, title_justify="left", title_style="bold", box=HEAD_RULE, show_edge=False, collapse_padding=True)
    grid.add_column(first, no_wrap=True)
    for name in others:
        grid.add_column(name, justify="right", no_wrap=True)
    return grid


def _numbers(groups: dict[str, int]) -> list[str]:
    counts = [groups.get(name, 0) for name in (*GROUPS, "total")]
    return [f"{number:,}" if number else _NONE for number in counts]
