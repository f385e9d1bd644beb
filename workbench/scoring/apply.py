"""Scores of contacts, on the engine that holds them."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from operator import add
from typing import Any

import narwhals as nw

from workbench import engines
from workbench.conditions import All, Binding, Condition, Count, Either, InSegment, Not, Related
from workbench.conditions.frames import fold
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.loaders import Workspace, leads_of
from workbench.scoring.files import with_segments_in
from workbench.scoring.model import MATRIX, ScoreModel
from workbench.scoring.rollups import Whole, first_case, rolled_up, rolled_worth
from workbench.scoring.rules import Rule, RuleGroup
from workbench.segments import Segment, resolved


def score(
    table: Any,
    model: ScoreModel,
    *,
    activities: Any = None,
    related: Related | None = None,
    as_of: str | date | None = None,
    previous: str | None = None,
) -> Any:
    """The table with the columns `score`, `score_<group>` for each group and category, labels and a matrix.

    These are `score_label`, `score_label_<category>` and `score_matrix`, where the model has them.

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
    The same kind of table with the same rows. Scores are whole numbers where all points and limits are; blank only for
    who is left out by the model's `include` and `exclude`.

    Raises
    ------
    WorkbenchError
        For a rule on an unknown property, on one of another type, or on events where none came.
    """
    source = opened(table, activities=activities, related=related, as_of=as_of)
    kinds = engines.kinds(source.frame)
    if previous is not None and previous not in kinds:
        raise WorkbenchError(
            f"unknown column {previous!r} of previous labels; there are {listing(kinds)}."
            f"{did_you_mean(previous, kinds)}"
        )
    bound = source.bind(model)
    groups = [bound.group(group).alias(group.column) for group in model.groups]
    inside = fresh("_scored", kinds)
    if bound.scored is not None:
        groups.append(bound.scored.alias(inside))
    categories = {}
    for category in model.categories:
        total = summed([nw.col(group.column) for group in category])
        categories[model.category_name(category)] = _limited(total, None, model.scaled(model.category_maximum))
    total = _limited(summed(list(categories.values())), model.scaled(model.minimum), model.scaled(model.maximum))
    named: dict[str | None, nw.Expr] = dict([(None, total), *categories.items()])
    words = [_label(model, of, named[of], previous).alias(model.label_column(of)) for of in model.labelled]
    if model.matrix is not None:
        tiers = [
            _highest([(tier.name, named[axis] >= model.scaled(tier.at_least)) for tier in getattr(model.matrix, axis)])
            for axis in MATRIX
        ]
        words.append(nw.concat_str(*tiers).alias("score_matrix"))
    columns = [categories[name].alias(column) for name, column in model.category_columns.items()]
    scored = bound.frame.with_columns(*groups).with_columns(total.alias("score"), *columns, *words)
    if model.scale > 1:
        digits = len(str(model.scale)) - 1
        scored = scored.with_columns(
            # Polars divides by multiplying, which may be off in the last bit
            (nw.col(name).cast(nw.Float64) / model.scale).round(digits)
            for name in model.number_columns
        )
    if bound.scored is not None:
        scored = scored.with_columns(
            nw.when(nw.col(inside)).then(nw.col(name)).alias(name) for name in model.column_names
        )
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
    given: Any  # the Workspace, or the same table

    def bind(self, model: ScoreModel, counted: Mapping[Count, str] | None = None) -> Bound:
        """The rules of a model bound to the table, all its events counted in one pass but those that `counted` has."""
        model = with_saved_segments(model, self.given)
        rules = [rule for rule in model.rules if rule.enabled]
        asked = [condition for rule in rules for condition in rule.conditions]
        asked += [] if model.scored is None else [model.scored]
        trees = looked_up(model, asked)
        binding = Binding(
            self.frame,
            list(trees.values()),
            counts=[count for rule in rules for count, _ in rule.counts],
            activities=self.activities,
            related=self.related,
            as_of=self.as_of,
            counted=counted,
        )
        rolled = {}
        for rule in rules:
            if rule.associated is not None:
                table, meaning = rolled_up(self.frame, rule, self.related, self.as_of)
                points = rolled_worth(rule, meaning, model.scale)[table["code"].to_numpy()]
                names = binding.attach(table.assign(points=points))
                rolled[rule.name] = RolledUp(names["code"], names["points"], meaning)
        return Bound(model, binding, trees, rolled)


@dataclass(frozen=True, slots=True)
class RolledUp:
    """A roll-up's columns in the bound frame, and what its codes mean (as in `rolled_up`)."""

    code: str
    points: str
    meaning: Whole


@dataclass(frozen=True, slots=True)
class Bound:
    """A model's rules as expressions over `frame`."""

    model: ScoreModel
    binding: Binding
    trees: Mapping[Condition, Condition]  # with the segments looked up
    rolled: Mapping[str, RolledUp]

    @property
    def frame(self) -> engines.Frame:
        """The table, widened where needed."""
        return self.binding.frame

    @property
    def scored(self) -> nw.Expr | None:
        """Who has a score; None for everybody."""
        asked = self.model.scored
        return None if asked is None else self.binding.condition(self.trees[asked])

    def group(self, group: RuleGroup) -> nw.Expr:
        """The scaled points of a group, within its limits."""
        parts = []
        for block in group.blocks:
            points = [self.points(rule) for rule in block.rules if _gives(rule)]
            if block.of is not None:
                low, high = (self.model.scaled(limit) for limit in block.limits)
                points = [_limited(summed(points or [nothing(self.frame)]), low, high)]
            parts += points
        total = summed(parts or [nothing(self.frame)])
        return _limited(total, self.model.scaled(group.minimum), self.model.scaled(group.maximum))

    def code(self, rule: Rule) -> nw.Expr:
        """The code of an enabled rule: the case that holds, or how much was found; from 0 to `rule.codes - 1`."""
        if rule.associated is not None:
            return nw.col(self.rolled[rule.name].code)
        if rule.counts:
            found = [self.binding.count(count) * steps for count, steps in rule.counts]
            return summed(found).clip(0, rule.codes - 1)
        conditions = [self.trees[condition] for condition in rule.conditions]
        if rule.cases:
            return first_case(self.binding, conditions, range(rule.codes))
        return self.binding.condition(conditions[0]).cast(nw.Int64)

    def points(self, rule: Rule) -> nw.Expr:
        """The scaled points an enabled rule gives."""
        if rule.associated is not None:
            return nw.col(self.rolled[rule.name].points)
        if rule.cases:
            conditions = [self.trees[condition] for condition in rule.conditions]
            return first_case(self.binding, conditions, [int(points) for points in self.model.worth(rule)])
        points = self.code(rule) * self.model.scaled(rule.unit)
        return _limited(points, self.model.scaled(rule.minimum), self.model.scaled(rule.maximum))


def looked_up(model: ScoreModel, asked: Sequence[Condition]) -> dict[Condition, Condition]:
    """Conditions with the segments that they speak of, from the model.

    Raises
    ------
    WorkbenchError
        For a segment that is not there, or segments that go round in a circle.
    """
    names = dict.fromkeys(name for condition in asked for name in condition.segments)
    if not names:
        return {condition: condition for condition in asked}
    known = {segment.name: segment for segment in model.segments}
    for name in names:
        if name not in known:
            raise WorkbenchError(
                f"the model {model.name!r} asks for the segment {name!r}, which is not saved; there are "
                f"{listing(known)}.{did_you_mean(name, known)} Save it in the segments.yaml beside the model, or give "
                "model.with_segments([...])."
            )
    means = dict(zip(names, resolved([known[name] for name in names], known.values()), strict=True))
    return {condition: _with_meanings(condition, means) for condition in asked}


def _with_meanings(condition: Condition, means: Mapping[str, Segment]) -> Condition:
    match condition:
        case InSegment(name):
            return InSegment(name, means[name].tree)
        case Not(part):
            return Not(_with_meanings(part, means))
        case All(parts) | Either(parts):
            return type(condition)(tuple(_with_meanings(part, means) for part in parts))
    return condition


def opened(table: Any, *, activities: Any, related: Related | None, as_of: str | date | None) -> Opened:
    """Contacts, activities, other tables and date: a Workspace's own where they were not given."""
    contacts, as_of, activities, related = leads_of(
        table, as_of=as_of, activities=activities, related=related, engine="pandas"
    )
    return Opened(contacts, engines.as_frame(contacts), activities, related, as_of, table)


def with_saved_segments(model: ScoreModel, table: Any) -> ScoreModel:
    """The model with the segments that were saved in a Workspace, where it speaks of any; its own come first."""
    return with_segments_in(table.path, model) if isinstance(table, Workspace) else model


def _label(model: ScoreModel, of: str | None, value: nw.Expr, previous: str | None) -> nw.Expr:
    """The highest label that a score reaches, or still has."""
    labels = [label for label in model.labels if label.of == of]
    reached = []
    for position, label in enumerate(labels):
        reaches = value >= model.scaled(label.at_least)
        if of is None and previous is not None and label.leave_below is not None:
            had = [higher.name for higher in labels[position:]]
            reaches = reaches | (nw.col(previous).is_in(had) & (value >= model.scaled(label.leave_below)))
        reached.append((label.name, reaches))
    return _highest(reached)


def _highest(words: Sequence[tuple[str, nw.Expr]]) -> nw.Expr:
    """The last word whose expression holds; blank where none does."""
    found = nw.lit(None, dtype=nw.String)
    for word, reaches in words:
        found = nw.when(reaches).then(nw.lit(word)).otherwise(found)
    return found


def fresh(name: str, taken: Container[str]) -> str:
    """A name that is not taken."""
    while name in taken:
        name += "_"
    return name


def summed(parts: Sequence[nw.Expr]) -> nw.Expr:
    """The sum of at least one expression."""
    return fold(add, parts)


def _gives(rule: Rule) -> bool:
    return rule.enabled and (rule.associated is not None or any(rule.worth))


def _limited(points: nw.Expr, minimum: int | None, maximum: int | None) -> nw.Expr:
    return points if minimum is None and maximum is None else points.clip(minimum, maximum)


def nothing(frame: engines.Frame) -> nw.Expr:
    """0 for each row."""
    return nw.col(frame.collect_schema().names()[0]).is_null().cast(nw.Int64) * 0
