"""Why has this contact so many points: rule by rule, to the last point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals as nw
import pandas as pd

from workbench import catalog, engines
from workbench.conditions import Related
from workbench.errors import WorkbenchError, listing
from workbench.scoring.apply import opened, with_saved_segments
from workbench.scoring.model import ScoreModel
from workbench.scoring.tally import CodeTally, tally_codes

ID = "hs_object_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step to a score: what a rule gave, or what a limit took or added."""

    group: str  # "" for the limits of a category and of the score
    what: str  # the rule's name, or which limit
    kind: str  # "rule" or "limit"
    asks: str  # the condition or count, as written; "" for a limit
    found: str  # what the rule found, in words; "" for a limit
    points: float
    total: float  # of the score so far, before the limits to come


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One contact's score, step by step; the points of all steps sum to it."""

    model: ScoreModel
    contact_id: str
    score: float
    groups: dict[str, float]  # group's name to its score, within its limits
    steps: tuple[Step, ...]

    def frame(self) -> pd.DataFrame:
        """One row a step: `group`, `what`, `kind` (rule or limit), `asks`, `found`, `points`, `total` so far."""
        columns = ["group", "what", "kind", "asks", "found", "points", "total"]
        return pd.DataFrame([[getattr(step, name) for name in columns] for step in self.steps], columns=columns)

    def headline(self) -> str:
        """One sentence: the score, its groups, and the rules that weigh most."""
        groups = ", ".join(f"{points:g} of {name}" for name, points in self.groups.items())
        given = sorted((step for step in self.steps if step.points), key=lambda step: -abs(step.points))[:3]
        most = ", ".join(f"{step.what} ({step.points:+g})" for step in given)
        told = f"; most weigh {most}" if given else "; no rule gave any"
        noun = "point" if abs(self.score) == 1 else "points"
        return f"Contact {self.contact_id} has {self.score:g} {noun}: {groups}{told}."


def explain(
    table: Any,
    model: ScoreModel,
    contact_id: str | int,
    *,
    activities: Any = None,
    related: Related | None = None,
    as_of: str | date | None = None,
) -> Explanation:
    """Explain one contact's score, rule by rule, with decay and limits.

    Parameters
    ----------
    table, model, activities, related, as_of
        As in `score`.
    contact_id
        The contact's record id, in the column `hs_object_id`.

    Raises
    ------
    WorkbenchError
        If no contact or several have this id, and as `score` does.
    """
    source = opened(table, activities=activities, related=related, as_of=as_of)
    model = with_saved_segments(model, table)
    wanted = str(contact_id)
    one, events = _rows(source.frame, ID, wanted, "contacts"), source.activities
    if events is not None:
        events = _rows(engines.as_frame(events), "contact_id", wanted, "activities", or_of=_own_kinds(model))
    tally = tally_codes(one, model, keys={}, activities=events, related=source.related, as_of=source.as_of)
    n = int(tally.n.sum())
    if n == 0 and model.scored is not None:
        there = len(engines.collect(one.select(ID)))
        if there:
            raise WorkbenchError(
                f"the contact {wanted!r} has no score: the model leaves it out by include or exclude, {model.scored}."
            )
    if n != 1:
        raise WorkbenchError(
            f"no contact has the record id {wanted!r}; ids stand in the column {ID!r}."
            if n == 0
            else f"{n} contacts have the record id {wanted!r}; merge them, or load the export, which does."
        )
    return _explained(model, wanted, tally)


def _explained(model: ScoreModel, contact_id: str, tally: CodeTally) -> Explanation:
    """All sums are of whole, scaled points, so that the steps sum to the score exactly."""
    steps: list[Step] = []
    running = 0

    def step(group: str, what: str, kind: str, points: int, asks: str = "", found: str = "") -> None:
        nonlocal running
        running += points
        unscaled = {"points": _points(points, model), "total": _points(running, model)}
        steps.append(Step(group=group, what=what, kind=kind, asks=asks, found=found, **unscaled))

    def limited(value: int, minimum: float | None, maximum: float | None, group: str, what: str) -> int:
        low, high = model.scaled(minimum), model.scaled(maximum)
        kept = value if low is None else max(value, low)
        kept = kept if high is None else min(kept, high)
        if kept != value:
            step(group, what, "limit", kept - value)
        return kept

    by_rule = dict(zip([rule.name for rule in model.rules], tally.codes[0].tolist(), strict=True))
    groups: dict[str, float] = {}
    whole = 0
    for category in model.categories:
        in_category = 0
        for group in category:
            total = 0
            for block in group.blocks:
                in_block = 0
                for rule in block.rules:
                    code = by_rule[rule.name]
                    points = round(tally.worth(rule)[code] * model.scale) if rule.enabled else 0
                    in_block += points
                    step(group.name, rule.name, "rule", points, str(rule), rule.finding(code))
                name = "" if block.of is None else f"limit of {block.of.name}"
                total += limited(in_block, *block.limits, group.name, name)
            total = limited(total, group.minimum, group.maximum, group.name, f"limit of {group.name}")
            groups[group.name] = _points(total, model)
            in_category += total
        name = category[0].category or category[0].name
        whole += limited(in_category, None, model.category_maximum, "", f"limit of the category {name}")
    score = limited(whole, model.minimum, model.maximum, "", "limit of the score")
    return Explanation(
        model=model, contact_id=contact_id, score=_points(score, model), groups=groups, steps=tuple(steps)
    )


def _points(scaled: int, model: ScoreModel) -> float:
    return scaled if model.scale == 1 else scaled / model.scale


def _own_kinds(model: ScoreModel) -> list[str]:
    """The kinds of activities that rules count and that are the account's own: others' events show that they exist."""
    counts = [count for rule in model.rules for count, _ in rule.counts]
    counts += [count for rule in model.rules for condition in rule.conditions for count in condition.counts]
    known = {option.value for option in catalog.options("kind")}
    return sorted({count.kind for count in counts} - known)


def _rows(frame: engines.Frame, column: str, wanted: str, what: str, *, or_of: Sequence[str] = ()) -> engines.Frame:
    """The rows of one contact, and those of some kinds of activities."""
    kinds = engines.kinds(frame)
    if column not in kinds:
        raise WorkbenchError(f"the {what} need the column {column!r}; there are {listing(kinds)}.")
    rows = nw.col(column).cast(nw.String) == wanted
    return frame.filter(rows | nw.col("kind").is_in(list(or_of)) if or_of else rows)
