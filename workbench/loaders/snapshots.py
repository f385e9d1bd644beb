"""A Workspace over time: the snapshots it keeps, and what changed among its contacts."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workbench import catalog
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.loaders.reading import scalar
from workbench.loaders.survivors import MERGED_IDS
from workbench.loaders.timeline import ENTERED_STAGE
from workbench.loaders.values import given_time
from workbench.loaders.workspace import SNAPSHOTS, Workspace, is_whole, needs_workspace, read_pointer, to_pandas
from workbench.loaders.writing import alone_in, check_current, point_to
from workbench.sql import parquet, quoted, sql_text
from workbench.wording import plural

ID = "hs_object_id"
STAGE = "lifecyclestage"
SCORE = "hubspotscore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One import (or merge) that a Workspace keeps."""

    name: str
    as_of: dt.datetime  # the day of the export
    path: Path
    rows: Mapping[str, int]  # table to rows
    is_current: bool
    workspace: Workspace

    def open(self) -> Workspace:
        """The Workspace as it was then."""
        return self.workspace.opened_at(self.name)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Changes:
    """What changed among the contacts between two days.

    `changes` has one row per change: `contact` (record id), `change` ("new", "gone", "merged", "entered stage",
    "score up", "score down"), `before`, `after` (text; a merged contact's `after` is the id of the one that is left),
    `at` (when, where it is known).
    """

    since: dt.date
    until: dt.date
    changes: pd.DataFrame
    notes: tuple[str, ...] = ()

    def frame(self) -> pd.DataFrame:
        """One row per change."""
        return self.changes

    def headline(self) -> str:
        """How many are new, gone, in another stage, of another score."""
        n = Counter[str](self.changes["change"].tolist())
        stages = Counter[str](self.changes.loc[self.changes["change"] == "entered stage", "after"].tolist())
        told = [plural(n["new"], "new contact")]
        if n["gone"]:
            told.append(f"{n['gone']:,} gone")
        if n["merged"]:
            told.append(f"{n['merged']:,} merged into others")
        most = ", ".join(f"{count:,} {_stage(stage)}" for stage, count in stages.most_common(3))
        told.append(
            plural(n["entered stage"], "entry into a stage", "entries into stages") + (f" ({most})" if most else "")
        )
        up, down = n["score up"], n["score down"]
        told.append(f"{plural(up + down, 'score')} moved ({up:,} up, {down:,} down)")
        return f"{self.since:%-d %B %Y} to {self.until:%-d %B %Y}: {'; '.join(told)}."


def snapshots(workspace: Workspace) -> list[Snapshot]:
    """All that the Workspace's folder keeps, by day."""
    current = workspace.reopened().folder.name
    found = []
    for folder in (workspace.path / SNAPSHOTS).iterdir():
        with suppress(WorkbenchError):  # a broken one says so when it is opened
            then = workspace.opened_at(folder.name)
            found.append(
                Snapshot(
                    name=folder.name,
                    as_of=then.as_of,
                    path=folder,
                    rows=then.manifest.tables,
                    is_current=folder.name == current,
                    workspace=workspace,
                )
            )
    return sorted(found, key=lambda one: (one.as_of, one.name))


def before_import(workspace: Workspace) -> Workspace | None:
    """What the folder of a Workspace held before its last import.

    None where it held nothing, or the Workspace is not the current one.
    """
    if read_pointer(workspace.path)["snapshot"] != workspace.folder.name:
        return None
    before = _before(workspace)
    return workspace.opened_at(before[0]) if before else None


def _before(workspace: Workspace) -> list[str]:
    """The snapshots to which one goes back import by import, from the latest on that is whole."""
    before: list[str] = read_pointer(workspace.path)["before"]
    return list(dropwhile(lambda name: not is_whole(workspace.path, name), before))


def undo_import(workspace: Workspace) -> Workspace:
    """Take the last import back, with what was merged since: what was there before it is the current state again.

    The import before it can be undone next. The snapshots of the import and of merges stay.

    Raises WorkbenchError where the Workspace is not the current one, or there is nothing to go back to.
    """
    needs_workspace(workspace)
    with alone_in(workspace.path, lambda _: None) as workplace:
        check_current(workspace)
        before = _before(workspace)
        if not before:
            raise WorkbenchError(f"nothing was here before {workspace.name}: there is no import to undo.")
        point_to(workspace.path, workplace, before[0], before=before[1:])
    return workspace.reopened()


def changes(workspace: Workspace, since: str | dt.date | Workspace, *, score: str = SCORE) -> Changes:
    """What changed among the contacts since a day, or since an earlier Workspace.

    Parameters
    ----------
    workspace
        The later state.
    since
        A day: the last snapshot of that day or before is compared, of several of one day the one that was current
        last; what was undone does not count. Where there is none, the dates of the export and its property history
        tell who is new, entered a stage or has another score (not who is gone). Or a Workspace.
    score
        The property that holds the score. Texts that are no numbers are not compared, and counted in the notes.

    Raises
    ------
    WorkbenchError
        Where there are no contacts, they have no such score, or `since` is no day before the export's.
    """
    workspace.file("contacts")
    if isinstance(since, Workspace):
        since.file("contacts")
        earlier: Workspace | None = since
        day = since.as_of.date()
    else:
        day = given_time(since, "since").date()
        earlier = _last_current(workspace, day)
    if day > workspace.as_of.date():
        raise WorkbenchError(
            f"since is {day}, but {workspace.name} is of {workspace.as_of:%Y-%m-%d}: give an earlier day."
        )
    there = dict.fromkeys([*workspace.columns("contacts"), *(earlier.columns("contacts") if earlier else ())])
    if score not in there and score != SCORE:
        raise WorkbenchError(
            f"the contacts of {workspace.name} have no property {score!r}; they have {listing(there)}."
            + did_you_mean(score, there)
        )
    connection = duckdb.connect()
    if earlier is None:
        found, notes = _from_dates(connection, workspace, day, score)
    else:
        found, notes = _between(connection, earlier, workspace, score)
        day = earlier.as_of.date()
    return Changes(since=day, until=workspace.as_of.date(), changes=found, notes=tuple(notes))


def _last_current(workspace: Workspace, day: dt.date) -> Workspace | None:
    """The Workspace as of the last day up to `day`; of several snapshots of that day the one that was current last."""
    pointer = read_pointer(workspace.path)
    kept = {one.name: one for one in snapshots(workspace) if one.as_of < workspace.as_of and "contacts" in one.rows}
    line = [kept[name] for name in (pointer["snapshot"], *pointer["before"]) if name in kept]  # the latest first
    last = max((one for one in line if one.as_of.date() <= day), key=lambda one: one.as_of.date(), default=None)
    return None if last is None else last.open()


def _between(
    connection: duckdb.DuckDBPyConnection, earlier: Workspace, later: Workspace, score: str
) -> tuple[pd.DataFrame, list[str]]:
    was, now = earlier.columns("contacts"), later.columns("contacts")
    was_dated, now_dated = _dated(earlier), _dated(later)
    earlier_rows, later_rows = _contacts(earlier), _contacts(later)
    both = f"FROM {earlier_rows} AS was JOIN {later_rows} AS now ON was.{ID} = now.{ID}"
    away = "SELECT NULL AS old, NULL AS id WHERE false"
    if MERGED_IDS in now:
        away = (
            f"SELECT trim(unnest(string_split({MERGED_IDS}, ';'))) AS old, {ID} AS id FROM {later_rows} "
            f"WHERE {MERGED_IDS} IS NOT NULL"
        )
    stage = f"now.{STAGE}" if STAGE in now else "NULL::VARCHAR"
    last_stage = f"was.{STAGE}" if STAGE in was else "NULL::VARCHAR"
    created = "now.createdate" if "createdate" in now_dated else "NULL::TIMESTAMP"
    parts = [
        f"SELECT now.{ID}, 'new', NULL, {stage}, {created} "
        f"FROM {later_rows} AS now ANTI JOIN {earlier_rows} AS was ON was.{ID} = now.{ID}",
        f"SELECT was.{ID}, CASE WHEN away.id IS NULL THEN 'gone' ELSE 'merged' END, {last_stage}, away.id, NULL "
        f"FROM (SELECT was.* FROM {earlier_rows} AS was ANTI JOIN {later_rows} AS now ON was.{ID} = now.{ID}) AS was "
        f"LEFT JOIN ({away}) AS away ON away.old = was.{ID}",
    ]
    staged = STAGE in was and STAGE in now
    before = last_stage if staged else "NULL"
    dated = [name for name in now if name in now_dated and name.startswith(ENTERED_STAGE)]
    for name in dated:
        entered = f"now.{quoted(name)}"
        later_than = f"(was.{quoted(name)} IS NULL OR {entered} > was.{quoted(name)})" if name in was_dated else "false"
        parts.append(
            f"SELECT now.{ID}, 'entered stage', {before}, {_told(name)}, {entered} {both} "
            f"WHERE {entered} IS NOT NULL AND {later_than}"
        )
    if staged:
        told = " OR ".join(
            f"({stage} = {_told(name)} AND now.{quoted(name)} IS DISTINCT FROM was.{quoted(name)})"
            for name in dated
            if name in was_dated
        )
        parts.append(
            f"SELECT now.{ID}, 'entered stage', {last_stage}, {stage}, NULL {both} "
            f"WHERE {stage} IS DISTINCT FROM {last_stage} AND {stage} IS NOT NULL "
            f"AND NOT coalesce({told or 'false'}, false)"
        )
    notes: list[str] = []
    lacking = [f"{one.as_of:%Y-%m-%d}" for one, names in ((earlier, was), (later, now)) if score not in names]
    if lacking:
        notes.append(f"the contacts of {' and '.join(lacking)} have no {score}: whose score moved is not known.")
    else:
        old, new = f"was.{quoted(score)}::VARCHAR", f"now.{quoted(score)}::VARCHAR"
        words = " OR ".join(f"({one} IS NOT NULL AND try_cast({one} AS DOUBLE) IS NULL)" for one in (old, new))
        parts.append(
            _moved(
                f"now.{ID}, try_cast({old} AS DOUBLE) AS old, try_cast({new} AS DOUBLE) AS new, "
                f'NULL AS "at" {both} WHERE NOT ({words})'
            )
        )
        if n_words := scalar(connection, f"SELECT count(*) {both} WHERE {words}"):
            notes.append(
                f"{plural(n_words, 'contact')} had or {'has' if n_words == 1 else 'have'} a {score} that is no number: "
                "whether it moved is not known."
            )
    return _frame(connection, parts), notes


def _from_dates(
    connection: duckdb.DuckDBPyConnection, workspace: Workspace, day: dt.date, score: str
) -> tuple[pd.DataFrame, list[str]]:
    """What one export tells of the time since a day."""
    there, dated, rows = workspace.columns("contacts"), _dated(workspace), _contacts(workspace)
    start = f"TIMESTAMP '{day}'"
    notes = ["There is no earlier snapshot: dates and property history tell what changed, and nobody who is gone."]
    is_new = f"coalesce(now.createdate >= {start}, false)" if "createdate" in dated else "false"
    stage = f"now.{STAGE}" if STAGE in there else "NULL::VARCHAR"
    parts = (
        [f"SELECT now.{ID}, 'new', NULL, {stage}, now.createdate FROM {rows} AS now WHERE {is_new}"]
        if "createdate" in dated
        else []
    )
    parts += [
        f"SELECT now.{ID}, 'entered stage', NULL, {_told(name)}, now.{quoted(name)} FROM {rows} AS now "
        f"WHERE now.{quoted(name)} >= {start} AND NOT {is_new}"
        for name in there
        if name in dated and name.startswith(ENTERED_STAGE)
    ]
    if score in there and "property_history" in workspace.tables:
        history = parquet(workspace.file("property_history"))
        of_contacts = "AND \"object\" = 'contact'" if "object" in workspace.columns("property_history") else ""
        last = (
            f'SELECT record_id, arg_max(value, "at") FILTER ("at" < {start}) AS old, arg_max(value, "at") AS new, '
            f'max("at") AS last FROM {history} '
            f"WHERE property = {sql_text(score)} {of_contacts} GROUP BY record_id"
        )
        parts.append(
            _moved(
                f"now.{ID}, try_cast(past.old AS DOUBLE) AS old, try_cast(past.new AS DOUBLE) AS new, "
                f'past.last AS "at" FROM ({last}) AS past JOIN {rows} AS now ON past.record_id = now.{ID} '
                f"WHERE past.last >= {start} AND NOT {is_new}"
            )
        )
    elif score in there:
        notes.append(f"No history of {score} was loaded: whose score moved is not known.")
    else:
        notes.append(f"the contacts of {workspace.as_of:%Y-%m-%d} have no {score}: whose score moved is not known.")
    return _frame(connection, parts), notes


def _moved(what: str) -> str:
    """SQL: rows of a score that is another one now; a blank one counts as below every number."""
    return (
        f"SELECT {ID}, "
        "CASE WHEN old IS NULL OR new > old THEN 'score up' ELSE 'score down' END, old::VARCHAR, new::VARCHAR, \"at\" "
        f"FROM (SELECT {what}) WHERE old IS DISTINCT FROM new"
    )


def _frame(connection: duckdb.DuckDBPyConnection, parts: list[str]) -> pd.DataFrame:
    blank = "SELECT NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR, NULL::VARCHAR, NULL::TIMESTAMP WHERE false"
    kinds = "['new', 'gone', 'merged', 'entered stage', 'score up', 'score down']"
    every = " UNION ALL ".join([blank, *parts])
    return to_pandas(
        connection.sql(
            f'SELECT * FROM ({every}) AS told(contact, change, before, after, "at") '
            f'ORDER BY list_position({kinds}, change), "at", contact, after'
        ).to_arrow_table()
    )


def _contacts(workspace: Workspace) -> str:
    return f"(FROM {parquet(workspace.file('contacts'))} WHERE {ID} IS NOT NULL)"


def _dated(workspace: Workspace) -> set[str]:
    """The contacts' columns that hold dates: a stage of the account's own may come as text."""
    schema = pq.read_schema(workspace.file("contacts"))
    return {field.name for field in schema if pa.types.is_temporal(field.type)}


def _told(name: str) -> str:
    return sql_text(name.removeprefix(ENTERED_STAGE))


def _stage(value: str) -> str:
    return next((one.label() for one in catalog.options("lifecyclestage") if one.value == value), value)
