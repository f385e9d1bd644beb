"""Scores of contacts, on the engine that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial, reduce
from operator import add
from typing import Any

import narwhals as nw

from workbench import engines
from workbench.conditions import Binding, Related
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.loaders import Workspace
from workbench.scoring.model import ScoreModel
from workbench.scoring.rules import Rule


def score(
    table: Any,
    model: ScoreModel,
    *,
    activities: Any = None,
    related: Related | None = None,
    as_of: str | date | None = None,
    previous: str | None = None,
) -> Any:
    """The table with the columns `score`, `score_<group>` for each group, and `score_label` where the model has labels.

    Parameters
    ----------
    table
        A contact a row: pandas, Polars, a DuckDB relation, Spark or pyarrow; or a Workspace, whose contacts are
        scored as pandas. Columns of these names are replaced.
    model
        The rules.
    activities
        The events that rules count, of any engine. Default: the Workspace's.
    related
        Gives the other tables that rules speak of, by name (`"deals"`). Default: the Workspace's.
    as_of
        The date from which days are counted; later events do not count. Default: the Workspace's.
    previous
        The column with the labels of the last time: who has a label keeps it down to its `leave_below`.

    Returns
    -------
    The same kind of table with the same rows. Scores are whole numbers where all points and limits are, never blank.

    Raises
    ------
    WorkbenchError
        For a rule on an unknown property, on one of another type, or on events where none came.
    """
    source = opened(table, activities, related, as_of)
    kinds = engines.kinds(source.frame)
    binding = source.bind(model)
    groups = []
    for group in model.groups:
        points = [_points(binding, model, rule) for rule in group.rules if any(rule.worth)]
        total = reduce(add, points) if points else nothing(source.frame)
        groups.append(_limited(total, model.scaled(group.minimum), model.scaled(group.maximum)).alias(group.column))
    parts = []
    for category in model.categories:
        total = reduce(add, [nw.col(group.column) for group in category])
        parts.append(_limited(total, None, model.scaled(model.category_maximum)))
    total = _limited(reduce(add, parts), model.scaled(model.minimum), model.scaled(model.maximum))
    scored = binding.frame.with_columns(*groups).with_columns(total.alias("score"))
    if model.scale > 1:
        digits = len(str(model.scale)) - 1
        scored = scored.with_columns(
            # Polars divides by multiplying, which may be off in the last bit
            (nw.col(name).cast(nw.Float64) / model.scale).round(digits)
            for name in ("score", *model.columns)
        )
    if model.labels:
        if previous is not None and previous not in kinds:
            raise WorkbenchError(
                f"unknown column {previous!r} of previous labels; there are {listing(kinds)}."
                f"{did_you_mean(previous, kinds)}"
            )
        scored = scored.with_columns(_label(model, previous).alias("score_label"))
    result = scored.select(*[name for name in kinds if name not in model.column_names], *model.column_names)
    return result if isinstance(source.table, nw.DataFrame | nw.LazyFrame) else result.to_native()


@dataclass(frozen=True, slots=True)
class Opened:
    """A table with what its rules may need: a Workspace brings its own."""

    table: Any
    frame: engines.Frame
    activities: Any
    related: Related | None
    as_of: str | date | None

    def bind(self, model: ScoreModel) -> Binding:
        """The rules of a model bound to the table, all its events counted in one pass."""
        rules = [rule for rule in model.rules if rule.enabled]
        return Binding(
            self.frame,
            [condition for rule in rules for condition in rule.conditions],
            counts=[count for rule in rules for count, _ in rule.counts],
            activities=self.activities,
            related=self.related,
            as_of=self.as_of,
        )


def opened(table: Any, activities: Any, related: Related | None, as_of: str | date | None) -> Opened:
    """Contacts, activities, other tables and date: a Workspace's own where they were not given."""
    if isinstance(table, Workspace):
        activities = table.activities if activities is None else activities
        related = partial(table.table, engine="duckdb") if related is None else related
        as_of = table.as_of if as_of is None else as_of
        table = table.contacts
    return Opened(table, engines.as_frame(table), activities, related, as_of)


def code(binding: Binding, rule: Rule) -> nw.Expr:
    """The code of an enabled rule: the case that holds, or how much was counted; from 0 to `rule.codes - 1`."""
    if rule.counts:
        found = [binding.count(count) * steps for count, steps in rule.counts]
        return reduce(add, found).clip(0, rule.codes - 1)
    if rule.cases:
        return _first_case(binding, rule, list(range(rule.codes)))
    return binding.condition(rule.conditions[0]).cast(nw.Int64)


def _points(binding: Binding, model: ScoreModel, rule: Rule) -> nw.Expr:
    """The scaled points a rule gives."""
    worth = [int(points) for points in model.worth(rule)]
    if rule.cases:
        return _first_case(binding, rule, worth)
    points = code(binding, rule) * model.scaled(rule.unit)
    return _limited(points, model.scaled(rule.minimum), model.scaled(rule.maximum))


def _first_case(binding: Binding, rule: Rule, values: Sequence[int]) -> nw.Expr:
    """The value of the first case that holds; `values` starts with that of none."""
    found = nw.lit(values[0]).cast(nw.Int64)
    for condition, value in reversed(list(zip(rule.conditions, values[1:], strict=True))):
        found = nw.when(binding.condition(condition)).then(nw.lit(value).cast(nw.Int64)).otherwise(found)
    return found


def _label(model: ScoreModel, previous: str | None) -> nw.Expr:
    """The highest label that a score reaches, or still has."""
    found = nw.lit(None, dtype=nw.String)
    for position, label in enumerate(model.labels):
        reached = nw.col("score") >= label.at_least
        if previous is not None and label.leave_below is not None:
            had = [higher.name for higher in model.labels[position:]]
            reached = reached | (nw.col(previous).is_in(had) & (nw.col("score") >= label.leave_below))
        found = nw.when(reached).then(nw.lit(label.name)).otherwise(found)
    return found


def _limited(points: nw.Expr, minimum: int | None, maximum: int | None) -> nw.Expr:
    return points if minimum is None and maximum is None else points.clip(minimum, maximum)


def nothing(frame: engines.Frame) -> nw.Expr:
    """0 for each row."""
    return nw.col(frame.collect_schema().names()[0]).is_null().cast(nw.Int64) * 0
