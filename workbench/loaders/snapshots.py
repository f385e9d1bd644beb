"""A Workspace over time: the snapshots it keeps, and what changed among its contacts."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd

from workbench import catalog
from workbench.errors import WorkbenchError
from workbench.loaders.survivors import MERGED_IDS
from workbench.loaders.timeline import ENTERED_STAGE
from workbench.loaders.values import given_time
from workbench.loaders.workspace import MANIFEST, SNAPSHOTS, Workspace, needs_workspace, read_pointer, to_pandas
from workbench.loaders.writing import alone_in, check_current, point_to
from workbench.sql import quoted, sql_text
from workbench.wording import plural

ID = "hs_object_id"


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
        if (folder / MANIFEST).is_file():
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
    pointer = read_pointer(workspace.path)
    if pointer["snapshot"] != workspace.folder.name or not pointer["before"]:
        return None
    return workspace.opened_at(pointer["before"][0])


def undo_import(workspace: Workspace) -> Workspace:
    """Take the last import back, with what was merged since: what was there before it is the current state again.

    The import before it can be undone next. The snapshots of the import and of merges stay.

    Raises WorkbenchError where the Workspace is not the current one, or there is nothing to go back to.
    """
    needs_workspace(workspace)
    with alone_in(workspace.path, lambda _: None) as workplace:
        check_current(workspace)
        before = read_pointer(workspace.path)["before"]
        if not before:
            raise WorkbenchError(f"nothing was here before {workspace.name}: there is no import to undo.")
        point_to(workspace.path, workplace, before[0], before=before[1:])
    return workspace.reopened()


def changes(workspace: Workspace, since: str | dt.date | Workspace, *, score: str = "hubspotscore") -> Changes:
    """What changed among the contacts since a day, or since an earlier Workspace.

    Parameters
    ----------
    workspace
        The later state.
    since
        A day: the last snapshot of that day or before is compared. Where there is none, the dates of the export and
        its property history tell who is new, entered a stage or has another score (not who is gone). Or a Workspace.
    score
        The property that holds the score.

    Raises
    ------
    WorkbenchError
        Where there are no contacts, or `since` is no day before the export's.
    """
    workspace.file("contacts")
    if isinstance(since, Workspace):
        since.file("contacts")
        earlier: Workspace | None = since
        day = since.as_of.date()
    else:
        day = given_time(since, "since").date()
        past = [
            one
            for one in snapshots(workspace)
            if one.as_of.date() <= day and one.as_of < workspace.as_of and "contacts" in one.rows
        ]
        earlier = past[-1].open() if past else None
    if day > workspace.as_of.date():
        raise WorkbenchError(
            f"since is {day}, but {workspace.name} is of {workspace.as_of:%Y-%m-%d}: give an earlier day."
        )
    connection = duckdb.connect()
    if earlier is None:
        found, notes = _from_dates(connection, workspace, day, score)
    else:
        found, notes = _between(connection, earlier, workspace, score), list[str]()
        day = earlier.as_of.date()
    return Changes(since=day, until=workspace.as_of.date(), changes=found, notes=tuple(notes))


def _between(connection: duckdb.DuckDBPyConnection, earlier: Workspace, later: Workspace, score: str) -> pd.DataFrame:
    was, now = earlier.columns("contacts"), later.columns("contacts")
    both = f"FROM {_contacts(earlier)} AS was JOIN {_contacts(later)} AS now USING ({ID})"
    away = "SELECT NULL AS old, NULL AS id WHERE false"
    if MERGED_IDS in now:
        away = (
            f"SELECT trim(unnest(string_split({MERGED_IDS}, ';'))) AS old, {ID} AS id FROM {_contacts(later)} "
            f"WHERE {MERGED_IDS} IS NOT NULL"
        )
    stage = "lifecyclestage" if "lifecyclestage" in now else "NULL::VARCHAR"
    last_stage = "lifecyclestage" if "lifecyclestage" in was else "NULL::VARCHAR"
    created = "createdate" if "createdate" in now else "NULL::TIMESTAMP"
    parts = [
        f"SELECT {ID}, 'new', NULL, {stage}, {created} "
        f"FROM {_contacts(later)} ANTI JOIN {_contacts(earlier)} USING ({ID})",
        f"SELECT {ID}, CASE WHEN id IS NULL THEN 'gone' ELSE 'merged' END, {last_stage}, id, NULL "
        f"FROM (FROM {_contacts(earlier)} ANTI JOIN {_contacts(later)} USING ({ID})) LEFT JOIN ({away}) ON old = {ID}",
    ]
    staged = {"lifecyclestage"} <= set(was) & set(now)
    before = "was.lifecyclestage" if staged else "NULL"
    dated = [name for name in now if name.startswith(ENTERED_STAGE)]
    for name in dated:
        entered = f"now.{quoted(name)}"
        later_than = f"(was.{quoted(name)} IS NULL OR {entered} > was.{quoted(name)})" if name in was else "false"
        parts.append(
            f"SELECT {ID}, 'entered stage', {before}, {_told(name)}, {entered} {both} "
            f"WHERE {entered} IS NOT NULL AND {later_than}"
        )
    if staged:
        told = " OR ".join(
            f"(now.lifecyclestage = {_told(name)} AND now.{quoted(name)} IS DISTINCT FROM was.{quoted(name)})"
            for name in dated
            if name in was
        )
        parts.append(
            f"SELECT {ID}, 'entered stage', was.lifecyclestage, now.lifecyclestage, NULL {both} "
            f"WHERE now.lifecyclestage IS DISTINCT FROM was.lifecyclestage AND now.lifecyclestage IS NOT NULL "
            f"AND NOT coalesce({told or 'false'}, false)"
        )
    if score in was and score in now:
        parts.append(_moved(f'{ID}, was.{quoted(score)} AS old, now.{quoted(score)} AS new, NULL AS "at" {both}'))
    return _frame(connection, parts)


def _from_dates(
    connection: duckdb.DuckDBPyConnection, workspace: Workspace, day: dt.date, score: str
) -> tuple[pd.DataFrame, list[str]]:
    """What one export tells of the time since a day."""
    there, rows = workspace.columns("contacts"), _contacts(workspace)
    start = f"TIMESTAMP '{day}'"
    notes = ["There is no earlier snapshot: dates and property history tell what changed, and nobody who is gone."]
    is_new = f"coalesce(createdate >= {start}, false)" if "createdate" in there else "false"
    stage = "lifecyclestage" if "lifecyclestage" in there else "NULL::VARCHAR"
    parts = [f"SELECT {ID}, 'new', NULL, {stage}, createdate FROM {rows} WHERE {is_new}"] if is_new != "false" else []
    parts += [
        f"SELECT {ID}, 'entered stage', NULL, {_told(name)}, {quoted(name)} FROM {rows} "
        f"WHERE {quoted(name)} >= {start} AND NOT {is_new}"
        for name in there
        if name.startswith(ENTERED_STAGE)
    ]
    if score in there and "property_history" in workspace.tables:
        history = f"read_parquet({sql_text(str(workspace.file('property_history')))})"
        of_contacts = "AND \"object\" = 'contact'" if "object" in workspace.columns("property_history") else ""
        last = (
            f'SELECT record_id, arg_max(value, "at") FILTER ("at" < {start}) AS old, arg_max(value, "at") AS new, '
            f'max("at") AS "at" FROM {history} '
            f"WHERE property = {sql_text(score)} {of_contacts} GROUP BY record_id"
        )
        parts.append(
            _moved(
                f'{ID}, try_cast(old AS DOUBLE) AS old, try_cast(new AS DOUBLE) AS new, "at" '
                f'FROM ({last}) JOIN {rows} ON record_id = {ID} WHERE "at" >= {start} AND NOT {is_new}'
            )
        )
    elif score in there:
        notes.append(f"No history of {score} was loaded: whose score moved is not known.")
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
    return f"(FROM read_parquet({sql_text(str(workspace.file('contacts')))}) WHERE {ID} IS NOT NULL)"


def _told(name: str) -> str:
    return sql_text(name.removeprefix(ENTERED_STAGE))


def _stage(value: str) -> str:
    return next((one.label() for one in catalog.options("lifecyclestage") if one.value == value), value)
