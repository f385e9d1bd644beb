"""A score as it was: which rules can be rebuilt at a past date, and the tables to rebuild them from."""

# ruff: noqa: S608  # what is put into SQL here are quoted names, quoted values and dates

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from workbench.calibration.known import KnownAt
from workbench.conditions import (
    All,
    AllOf,
    Always,
    AnyOf,
    Before,
    Between,
    Compare,
    Condition,
    Count,
    Either,
    InDays,
    InPeriod,
    Known,
    Not,
    OneOf,
    Property,
    Text,
)
from workbench.errors import WorkbenchError, listing
from workbench.loaders import Workspace
from workbench.scoring import Rule, ScoreModel

if TYPE_CHECKING:
    import duckdb

MOMENT = pd.Timestamp("2000-01-01 12:00")
"""Where each lead's reference date is moved to, with all its other dates, so that one pass serves all leads."""
_PLAIN = (All, AllOf, Always, AnyOf, Before, Between, Compare, Either, InDays, Known, Not, OneOf, Property, Text, Count)
MOST_CHANGES = 45
"""Changes a property that the vendor keeps for a contact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """A model reduced to the rules that can be rebuilt."""

    model: ScoreModel
    rows: pd.DataFrame
    properties: tuple[str, ...]
    from_history: tuple[str, ...]
    kinds: tuple[str, ...]

    @property
    def left_out(self) -> tuple[str, ...]:
        """The rules that cannot be rebuilt."""
        return tuple(self.rows.loc[~self.rows["rebuilt"], "rule"])


def rebuildable(model: ScoreModel, workspace: Workspace, known_at: Mapping[str, KnownAt], *, moved: bool) -> Rebuilt:
    """The rules of a model that can be rebuilt, and from what; `moved` if each lead has a reference date of its own.

    Raises
    ------
    WorkbenchError
        For a rule on a property that is known only after sales contact and has no history, an unknown property, or if
        no rule can be rebuilt.
    """
    there = workspace.columns("contacts")
    history = set(_history_properties(workspace))
    rows, properties, refused = [], dict[str, None](), []
    kept: set[str] = set()
    for rule in model.rules:
        asked = tuple(rule.conditions)
        names = [name for condition in asked for name in condition.properties]
        for name in names:
            if name not in there:
                raise WorkbenchError(
                    f"unknown property {name!r} in the rule {rule.name!r}; contacts have {listing(there)}."
                )
        late = [name for name in names if known_at.get(name) == "sales" and name not in history]
        refused += [(rule.name, name) for name in late]
        why = _why_not(asked, names, history, known_at, workspace, counted=bool(_counts(rule)), moved=moved)
        source = "events" if _counts(rule) else ""
        if names:
            fixed = "history" if all(name in history for name in names) else "the contact as created"
            source = f"{source} and {fixed}" if source else fixed
        rows.append({"rule": rule.name, "rebuilt": not why, "source": "" if why else source, "reason": why})
        if not why:
            kept.add(rule.name)
            properties.update(dict.fromkeys(names))
    if refused:
        told = "; ".join(f"{name!r} in the rule {rule!r}" for rule, name in refused)
        raise WorkbenchError(
            f"known only after sales contact, so it cannot be in a back-test: {told}. Leave the rule out, or bring the "
            "property's history."
        )
    table = pd.DataFrame(rows)
    if not kept:
        raise WorkbenchError(
            f"no rule of {model.name!r} can be rebuilt: {table['reason'].iloc[0]} Bring activities or property "
            'history, or say which properties are known with the contact: known_at={"industry": "creation"}.'
        )
    groups = tuple(
        replace(group, rules=tuple(rule for rule in group.rules if rule.name in kept)) for group in model.groups
    )
    reduced = replace(model, groups=tuple(group for group in groups if group.rules))
    counts = [count for rule in reduced.rules for count in _counts(rule)]
    return Rebuilt(
        model=reduced,
        rows=table,
        properties=tuple(properties),
        from_history=tuple(name for name in properties if name in history),
        kinds=tuple(dict.fromkeys(count.kind for count in counts)),
    )


def _counts(rule: Rule) -> list[Count]:
    return [count for count, _ in rule.counts] + [count for one in rule.conditions for count in one.counts]


def _history_properties(workspace: Workspace) -> list[str]:
    if "property_history" not in workspace.tables:
        return []
    found = workspace.table("property_history", columns=["object", "property"], engine="duckdb")
    return [str(row[0]) for row in found.filter("object = 'contact'").select("property").distinct().fetchall()]


def _why_not(
    asked: tuple[Condition, ...],
    names: list[str],
    history: set[str],
    known_at: Mapping[str, KnownAt],
    workspace: Workspace,
    *,
    counted: bool,
    moved: bool,
) -> str:
    """Why a rule cannot be rebuilt; empty where it can."""
    if counted and "activities" not in workspace.tables:
        return "it counts events, and no activities were exported."
    for condition in asked:
        for node in condition.walk():
            plain = (*_PLAIN,) if moved else (*_PLAIN, InPeriod)
            if not isinstance(node, plain):
                return f"it asks {node}, which has no state of the past."
    if moved:
        dates = {
            row[0]
            for row in workspace.table("contacts", engine="duckdb").query("c", "DESCRIBE SELECT * FROM c").fetchall()
            if str(row[1]).startswith(("TIMESTAMP", "DATE"))
        }
        for condition in asked:
            for node in condition.walk():
                term = node.term if isinstance(node, Compare | Between | OneOf) else None
                if isinstance(term, Property) and term.name in dates:
                    return f"it asks {node}, a calendar date; rebuild it month by month with monthly=12."
    for name in names:
        if name not in history and known_at.get(name) != "creation":
            kind = "is not declared" if name not in known_at else "changes with events"
            return (
                f'{name!r} {kind} and has no history; bring its history, or declare known_at={{"{name}": "creation"}}.'
            )
    return ""


def lead_table(
    connection: duckdb.DuckDBPyConnection, rebuilt: Rebuilt, history: str | None, *, reference: str, moved: bool
) -> duckdb.DuckDBPyRelation:
    """The leads (table `leads`) with each property as it was at `reference`, an SQL expression over a lead.

    Where a contact has a history of a property, its value then counts, blank before the first one; a contact without
    any has kept the value it has.
    """
    types = {row[0]: row[1] for row in connection.sql("DESCRIBE leads").fetchall()}
    columns, joins = [], []
    for position, name in enumerate(rebuilt.properties):
        column = _name(name)
        value = f"l.{column}"
        if name in rebuilt.from_history and history is not None:
            part = f"h{position}"
            joins.append(
                f'LEFT JOIN (SELECT h.record_id, arg_max(h.value, h."at") FILTER (h."at" <= {reference}) AS value '
                f"FROM {history} h JOIN leads l ON h.record_id = l.hs_object_id "
                f"WHERE h.object = 'contact' AND h.property = {_text(name)} GROUP BY 1) {part} "
                f"ON {part}.record_id = l.hs_object_id"
            )
            was = f"TRY_CAST({part}.value AS {types[name]})"
            value = f"CASE WHEN {part}.record_id IS NULL THEN l.{column} ELSE {was} END"
        if moved and types[name].startswith(("TIMESTAMP", "DATE")):
            value = f"({value}) - ({reference}) + TIMESTAMP '{MOMENT}'"
        columns.append(f"{value} AS {column}")
    fixed = ["l.hs_object_id", "l._created", "l._at", "l._code", "l._lost", f"{reference} AS _reference"]
    return connection.sql(f"SELECT {', '.join([*fixed, *columns])} FROM leads l {' '.join(joins)}")


def event_table(
    connection: duckdb.DuckDBPyConnection, rebuilt: Rebuilt, activities: str | None, *, reference: str, moved: bool
) -> duckdb.DuckDBPyRelation | None:
    """The events that rules count up to `reference`; moved with each lead's reference date where it has its own."""
    if activities is None or not rebuilt.kinds:
        return None
    wanted = f"e.kind IN ({', '.join(map(_text, rebuilt.kinds))})"
    if not moved:
        return connection.sql(f'FROM {activities} e WHERE {wanted} AND e."at" <= {reference}')
    at = f"e.\"at\" - ({reference}) + TIMESTAMP '{MOMENT}'"
    return connection.sql(
        f'SELECT e.* REPLACE ({at} AS "at") FROM {activities} e JOIN leads l ON e.contact_id = l.hs_object_id '
        f'WHERE {wanted} AND e."at" <= {reference}'
    )


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def file_table(workspace: Workspace, name: str) -> str | None:
    """A Workspace's table as DuckDB reads it, or None where it was not exported."""
    return f"read_parquet({_text(str(workspace.file(name)))})" if name in workspace.tables else None


def make_leads(
    connection: duckdb.DuckDBPyConnection, classified: Any, rebuilt: Rebuilt, *, created: str, at: str
) -> None:
    """The table `leads`: a row a contact with what a rebuild needs, and no more."""
    wanted = [_name(name) for name in rebuilt.properties]
    fixed = ["hs_object_id", f"{_name(created)} AS _created", f"{_name(at)} AS _at", "_code", "_lost"]
    selected = ", ".join(dict.fromkeys([*fixed, *wanted]))
    classified.select(selected).create("leads")


def leads_reached(connection: duckdb.DuckDBPyConnection, days: int, end: pd.Timestamp) -> tuple[int, int]:
    """Leads with a date of creation, and those of them that were so many days old by `end`."""
    leads = connection.table("leads").filter("_created IS NOT NULL")
    old = leads.filter(f"_created + INTERVAL {days} DAY <= TIMESTAMP '{end}'")
    return len(leads), len(old)


def cut_histories(connection: duckdb.DuckDBPyConnection, history: str, names: tuple[str, ...]) -> int:
    """Histories of these properties that are as long as the vendor keeps them."""
    if not names:
        return 0
    wanted = ", ".join(map(_text, names))
    changes = connection.sql(f"FROM {history}").filter(f"object = 'contact' AND property IN ({wanted})")
    return len(changes.aggregate("record_id, property, count(*) AS n").filter(f"n >= {MOST_CHANGES}"))
