"""A score as it was: which rules can be rebuilt at a past date, and from what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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

_PLAIN = (All, AllOf, Always, AnyOf, Before, Between, Compare, Either, InDays, Known, Not, OneOf, Property, Text, Count)


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
    if model.scored is not None:
        raise WorkbenchError(
            f"who is scored at all by {model.name!r} hangs on segments, and who was in them is not on file; take "
            "include and exclude out for a back-test."
        )
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
        why = _why_not(asked, names, history, known_at, workspace, counted=bool(counts_of(rule)), moved=moved)
        if rule.associated is not None:
            why = f"it asks each {rule.associated} of the contact, which has no state of the past."
        source = "events" if counts_of(rule) else ""
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
    reduced = model.keeping(kept)
    counts = [count for rule in reduced.rules for count in counts_of(rule)]
    return Rebuilt(
        model=reduced,
        rows=table,
        properties=tuple(properties),
        from_history=tuple(name for name in properties if name in history),
        kinds=tuple(dict.fromkeys(count.kind for count in counts)),
    )


def counts_of(rule: Rule) -> list[Count]:
    """What a rule counts."""
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
