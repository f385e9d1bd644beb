"""Trees to expressions: what a condition means on a table of any engine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial, reduce
from operator import add, and_, or_
from typing import Any, cast

import narwhals as nw
import numpy as np
import pandas as pd

from workbench import catalog, engines
from workbench.conditions.classes import DEPTH, classes_of, counted_by_class
from workbench.conditions.comparing import (
    NEEDED,
    TEXTS,
    Test,
    all_of,
    any_of,
    between,
    compare,
    inside_span,
    one_of,
    opposite,
    typed_as,
)
from workbench.conditions.frames import ID, as_text, fold, inner_join, left_join, naive
from workbench.conditions.parsing import shortened
from workbench.conditions.related import Related, flags, history_of, ids_of, linked_ids, typed_values
from workbench.conditions.spans import Moment, has_anniversary, moment, period_span
from workbench.conditions.tree import (
    All,
    AllOf,
    Always,
    Among,
    AnyOf,
    Associated,
    Before,
    Between,
    Changed,
    Compare,
    Comparison,
    Condition,
    Count,
    Dated,
    Either,
    EventTime,
    Ever,
    InDays,
    InPeriod,
    InSegment,
    Known,
    Node,
    Not,
    OneOf,
    Property,
    Term,
    Text,
    Value,
    literal,
    quoted,
)
from workbench.errors import WorkbenchError, did_you_mean, listing

MANY_COUNTS = 4  # from so many on, events are told apart before they are counted

_OPPOSITE: dict[Comparison, Comparison] = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_HOLDS = {
    "number": "numbers",
    "text": "text",
    "bool": "yes or no",
    "datetime": "dates",
    "other": "neither text nor numbers",
}
_EXAMPLE = {"number": "50", "text": '"Software"', "bool": "true", "datetime": '"2026-06-30"'}


def prepare(
    frame: engines.Frame,
    conditions: Sequence[Condition],
    *,
    as_of: str | date | None = None,
    activities: Any = None,
    related: Related | None = None,
    of: str = "contacts",
) -> tuple[engines.Frame, list[nw.Expr]]:
    """What is needed to ask `conditions` of a table.

    Parameters
    ----------
    frame
        A frame from `engines.as_frame`.
    conditions
        From `parse`.
    as_of
        The date from which days are counted back and on; later events do not count. A day is the whole of it.
    activities
        The table of events that `count` counts, of any engine.
    related
        Gives the other tables by name (`"deals"`, `"property_history"`), of any engine: a Workspace's `table`.
    of
        What a row is, in the plural, for sentences.

    Returns
    -------
    frame, expressions
        The frame, widened where a column had to be converted or events had to be counted, and one yes/no expression
        a condition, never blank.

    Raises
    ------
    WorkbenchError
        For an unknown property, a value that does not fit a property's type, or a condition that needs `as_of` or
        `activities` where none came.
    """
    binding = Binding(frame, conditions, as_of=as_of, activities=activities, related=related, of=of)
    return binding.frame, [binding.condition(condition) for condition in conditions]


def events_told(activities: Any, counts: Sequence[Count]) -> tuple[engines.Frame, list[nw.Expr]]:
    """The activities, and a yes/no expression a count: whether an event is what it counts, whenever it happened.

    Raises
    ------
    WorkbenchError
        For an unknown kind of activity, or a column that they lack.
    """
    events = engines.as_frame(activities)
    for count in counts:
        _check_kind(count, events)
    tests = [All(tuple(_event_parts(count))) for count in counts]
    binding = Binding(events, tests, of="activities", told=dict(zip(tests, counts, strict=True)))
    return binding.frame, [binding.condition(test) for test in tests]


def _check_kind(count: Count, events: engines.Frame) -> None:
    known = {option.value for option in catalog.options("kind")}
    if count.kind in known:
        return
    there = engines.count_by(events.filter(~nw.col("kind").is_null()), {"kind": nw.col("kind")})["kind"]
    if count.kind not in set(there):
        names = sorted(known | set(there))
        raise WorkbenchError(
            f"unknown kind of activity {count.kind!r} in {count}; there are {listing(names, most=20)}."
            f"{did_you_mean(count.kind, names)}"
        )


def _event_parts(count: Count) -> list[Condition]:
    """What a count asks of an event, but for its date."""
    parts: list[Condition] = [Compare(Property("kind"), "==", count.kind)]
    if count.detail is not None:
        parts.append(Text("contains", Property("detail"), count.detail))
    return parts if count.where is None else [*parts, count.where]


_ELSEWHERE = (Count, EventTime, Associated, Ever, Changed, Among, InSegment)
MOST_SOUGHT = 100_000
"""Ids that are joined to the events before these are counted."""


class Binding:
    """Conditions and counts bound to one table; all counted events come from one pass over the activities."""

    def __init__(
        self,
        frame: engines.Frame,
        conditions: Sequence[Condition],
        *,
        counts: Iterable[Count] = (),
        as_of: str | date | Moment | None = None,
        activities: Any = None,
        related: Related | None = None,
        of: str = "contacts",
        told: Mapping[Condition, Node] | None = None,
        counted: Mapping[Count, str] | None = None,
    ) -> None:
        self._of = of
        self._related = related
        self._told = told or {}  # what sentences show in place of a condition
        self._as_of = moment(as_of)
        self._schema = dict(frame.collect_schema())
        self._converted: dict[str, str] = {}
        self._counted: dict[Count | EventTime, str] = dict((counted or {}).items())  # to columns of the frame
        self._marked: dict[str, str] = {}  # what other tables say, by its text, to the column that holds it
        self._asked: Node = Always(True)
        self._sought: nw.Expr | None = None  # whose events matter; None for everybody's
        self.frame = frame

        nodes = [node for condition in conditions for node in condition.walk()]
        wanted = dict.fromkeys(node for node in nodes if isinstance(node, Count | EventTime))
        counts = tuple(counts)
        wanted.update(dict.fromkeys(counts))
        wanted = {node: None for node in wanted if node not in self._counted}
        for condition in conditions:
            for name in condition.properties:
                self._asked = self._told.get(condition, condition)
                self._convert(name)
        if wanted:
            if frame.implementation.is_duckdb() and not counts:
                self._seek(conditions)
            self._count(list(wanted), activities)
        self._mark([node for node in nodes if isinstance(node, Associated | Ever | Changed | Among)])

    def condition(self, condition: Condition) -> nw.Expr:
        """A yes/no expression over `self.frame`, never blank."""
        self._asked = self._told.get(condition, condition)
        return self._expression(condition, False)

    def count(self, count: Count) -> nw.Expr:
        """How many events, a whole number from 0, never blank."""
        return nw.col(self._counted[count])

    def attach(self, table: pd.DataFrame) -> dict[str, str]:
        """Join whole numbers by record id (`hs_object_id`, text), 0 where there are none; their names in the frame."""
        names = {str(name): self._fresh(f"_{name}") for name in table if name != ID}
        found = engines.like(nw.from_native(table.rename(columns=names)), self.frame)
        self._attach(found, list(names.values()), [True] * len(names))
        return names

    # -- columns -------------------------------------------------------------------------------------------------

    def _convert(self, name: str) -> None:
        """See that a property's column can be compared: categories as text, days as times, all numbers alike."""
        if name not in self._schema:
            raise WorkbenchError(
                f"unknown property {name!r} in the condition {shortened(str(self._asked))}; "
                f"{self._of} have {listing(self._schema)}.{did_you_mean(name, self._schema)}"
            )
        if name in self._converted:
            return
        dtype, column = self._schema[name], nw.col(name)
        if isinstance(dtype, nw.Categorical | nw.Enum):
            column = column.cast(nw.String)
        elif isinstance(dtype, nw.Date):
            column = column.cast(nw.Datetime("us"))
        elif isinstance(dtype, nw.Datetime) and dtype.time_zone is not None:
            column = column.dt.replace_time_zone(None)
        elif dtype.is_numeric() and dtype not in (nw.Int64, nw.Float64):
            column = column.cast(nw.Float64)
        else:
            self._converted[name] = name
            return
        self._converted[name] = self._fresh(f"_{name}")
        self.frame = self.frame.with_columns(column.alias(self._converted[name]))

    def _fresh(self, name: str) -> str:
        taken = set(self.frame.collect_schema().names())
        while name in taken:
            name += "_"
        return name

    def _needs_id(self, asked: Node, what: str) -> None:
        if ID not in self._schema:
            raise WorkbenchError(
                f"{asked} needs the column {ID!r} to find the {what} of each of the {self._of}; there are "
                f"{listing(self._schema)}. Map the column with the record's id to {ID!r}."
            )

    def _known(self, name: str) -> nw.Expr:
        column = nw.col(self._converted[name])
        known = ~column.is_null()
        dtype = self._schema[name]
        # NaN is a blank too; pandas says so itself
        if dtype.is_float() and not self.frame.implementation.is_pandas():
            known = known & ~column.is_nan()
        return known

    def _is_blank(self, name: str) -> bool:
        column = nw.col(self._converted[name])
        found = engines.collect(self.frame.select(column.is_null().all().alias("blank")))
        return bool(found["blank"].iloc[0])

    # -- leaves --------------------------------------------------------------------------------------------------

    def _expression(self, node: Condition, negated: bool) -> nw.Expr:
        """The expression of a node or of its opposite; negation goes down to the leaves, which ask for blanks."""
        if isinstance(node, Not):
            return self._expression(node.part, not negated)
        if isinstance(node, All | Either):
            parts = [self._expression(part, negated) for part in node.parts]
            return fold(and_ if isinstance(node, All) != negated else or_, parts)
        if isinstance(node, Always):
            anything = nw.col(next(iter(self._schema))).is_null()
            return anything | ~anything if node.value != negated else anything & ~anything
        if isinstance(node, Known):
            known = self._dated(node.property)[2]
            return known if node.known != negated else ~known
        if isinstance(node, InSegment):
            inside = self._expression(self._means(node), False)
            return ~inside if negated else inside
        if isinstance(node, Associated | Changed | Among):
            marked = self._is_marked(node)
            return ~marked if negated else marked
        if isinstance(node, Ever):
            ever = self._is_marked(node) | self._expression(node.asked, False)
            ever_known = self._known(node.property.name) | self._is_marked(node, _KNOWN)
            return ever_known & ~ever if negated else ever
        if isinstance(node, Compare):
            operator = _OPPOSITE[node.operator] if negated else node.operator
            return self._leaf(node, node.term, [node.value], partial(compare, operator=operator))
        if isinstance(node, Between):
            test: Test = partial(between, low_operator=node.low_operator, high_operator=node.high_operator)
            return self._leaf(node, node.term, [node.low, node.high], opposite(test) if negated else test)
        if isinstance(node, OneOf):
            return self._leaf(node, node.term, node.values, opposite(one_of) if node.negated != negated else one_of)
        if isinstance(node, Text | AnyOf | AllOf):
            if isinstance(node, AllOf):
                test = partial(all_of, exactly=node.exactly)
            else:
                test = TEXTS[node.match] if isinstance(node, Text) else any_of
            values = [node.text] if isinstance(node, Text) else node.values
            return self._text_leaf(node.property, values, opposite(test) if negated else test)
        if isinstance(node, InDays | InPeriod):
            return self._days_leaf(node, negated)
        if isinstance(node, Before):
            return self._before(node, negated)
        raise TypeError(f"no condition: {node!r}")

    def _leaf(self, node: Condition, term: Term, values: Sequence[Value], test: Test) -> nw.Expr:
        """ "Known and ...": a comparison with a blank is false, and so is its opposite."""
        ordered = isinstance(node, Between) or (isinstance(node, Compare) and node.operator not in ("==", "!="))
        if isinstance(term, Count):
            if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
                raise WorkbenchError(
                    f"events are counted in numbers, but the condition {shortened(str(self._asked))} compares "
                    f"{term} with {self._first_strange(values, 'number')}; write a number, such as {term} >= 1."
                )
            return test(self.count(term), values)
        kind, column, known = self._dated(term)
        typed = typed_as(values, kind) if not (ordered and kind in ("text", "bool")) else None
        if kind == "other" or typed is None:
            if isinstance(term, Property) and self._is_blank(term.name):
                return ~column.is_null()
            raise WorkbenchError(self._mismatch(term, kind, values, ordered))
        return known & test(column, typed)

    def _dated(self, term: Dated) -> tuple[str, nw.Expr, nw.Expr]:
        """What a property or the time of an event holds, its column, and whether it is known."""
        if isinstance(term, EventTime):
            column = nw.col(self._counted[term])
            return "datetime", column, ~column.is_null()
        return (
            engines.kind_of(self._schema[term.name]),
            nw.col(self._converted[term.name]),
            self._known(term.name),
        )

    def _text_leaf(self, of: Property, values: Sequence[str], test: Test) -> nw.Expr:
        kind = engines.kind_of(self._schema[of.name])
        if kind != "text":
            if self._is_blank(of.name):
                return ~nw.col(self._converted[of.name]).is_null()
            raise WorkbenchError(
                f"{of.name!r} holds {_HOLDS[kind]}, but the condition {shortened(str(self._asked))} looks for text in "
                f"it; compare it with ==, < or > instead."
            )
        return self._known(of.name) & test(nw.col(self._converted[of.name]), values)

    def _days_leaf(self, node: InDays | InPeriod, negated: bool) -> nw.Expr:
        found = self._date(node.property)
        if found is None:
            return self._never(node.property)
        column, known = found
        now = self._now(node)
        if isinstance(node, InPeriod):
            try:
                inside = inside_span(column, period_span(node, now.start.date()))
            except OverflowError as problem:
                raise WorkbenchError(f"{node} lies outside of the calendar; ask for fewer periods.") from problem
        else:
            days = timedelta(days=node.days)
            back, on = _moved(now.end, -days), _moved(now.end, days)
            if node.direction in ("before_last_days", "after_next_days"):
                inside = column < back if node.direction == "before_last_days" else column >= on
            else:
                span = (back, now.end) if node.direction.endswith("in_last_days") else (now.start, on)
                yearly = node.direction.startswith("anniversary")
                inside = has_anniversary(column, *span) if yearly else inside_span(column, span)
        return known & (~inside if negated else inside)

    def _before(self, node: Before, negated: bool) -> nw.Expr:
        first, second = self._date(node.first), self._date(node.second)
        if first is None or second is None:
            return self._never(node.first if first is None else node.second)
        known, earlier = first[1] & second[1], first[0] < second[0]
        return known & (~earlier if negated else earlier)

    def _date(self, term: Dated) -> tuple[nw.Expr, nw.Expr] | None:
        """A column of dates and whether it is known; None for a column that is blank throughout."""
        kind, column, known = self._dated(term)
        if kind != "datetime":
            if isinstance(term, Property) and self._is_blank(term.name):
                return None
            raise WorkbenchError(
                f"{str(term)!r} holds {_HOLDS[kind]}, but the condition {shortened(str(self._asked))} needs a "
                "date there; load the table with a mapping that types it as a date."
            )
        return column, known

    def _never(self, term: Dated) -> nw.Expr:
        return ~self._dated(term)[1].is_null()

    def _now(self, asked: Node) -> Moment:
        if self._as_of is None:
            raise WorkbenchError(
                f"the condition {shortened(str(asked))} counts days, and from which date was not said; "
                "give as_of=, such as as_of='2026-06-30'."
            )
        return self._as_of

    def _mismatch(self, term: Dated, kind: str, values: Sequence[Value], ordered: bool) -> str:
        named = str(term) if isinstance(term, EventTime) else repr(term.name)
        start = f"{named} holds {_HOLDS[kind]}, but the condition {shortened(str(self._asked))} "
        if kind == "other":
            return f"{start}compares it with a value; only is_known() and is_unknown() can be asked of it."
        if ordered and kind == "text":
            strange = next((value for value in values if not isinstance(value, str)), None)
            if strange is None:
                return f"{start}asks for an order, and text has none; use ==, in [...] or contains()."
            return (
                f"{start}compares it with the number {literal(strange)}; "
                "load the table with a mapping that types it as a number."
            )
        if ordered and kind == "bool":
            return f"{start}asks for an order; use == true or == false."
        return (
            f"{start}compares it with {self._first_strange(values, kind)}; "
            f"write {NEEDED[kind]}, such as {term} == {_EXAMPLE[kind]}."
        )

    def _first_strange(self, values: Sequence[Value], kind: str) -> str:
        strange = next(value for value in values if typed_as([value], kind) is None)
        if isinstance(strange, str):
            return f"the text {quoted(strange)}"
        return literal(strange) if isinstance(strange, bool) else f"the number {literal(strange)}"

    # -- events --------------------------------------------------------------------------------------------------

    def _count(self, asked: Sequence[Count | EventTime], activities: Any) -> None:
        """Count each record's events, or date the first or last: one group-by over the activities, one join."""
        first, counts = asked[0], [one.events if isinstance(one, EventTime) else one for one in asked]
        if activities is None:
            raise WorkbenchError(
                f"{first} counts activities, and none came; give activities=, or a Workspace in place of the table."
            )
        self._needs_id(first, "activities")
        events = engines.as_frame(activities)
        kinds = engines.kinds(events)
        needed = ["contact_id", "kind"]
        needed += ["detail"] if any(count.detail is not None for count in counts) else []
        dated = any(isinstance(one, EventTime) or one.within_days for one in asked)
        needed += ["at"] if self._as_of is not None or dated else []
        for name in needed:
            if name not in kinds:
                raise WorkbenchError(
                    f"{first} needs the column {name!r} of the activities; they have {listing(kinds)}."
                    f"{did_you_mean(name, kinds)}"
                )
        for count in counts:
            _check_kind(count, events)
            if count.within_days is not None:
                self._now(count)
        names = [self._fresh(f"_count_{position}") for position in range(len(counts))]
        found = None
        if len(asked) >= MANY_COUNTS and all(isinstance(one, Count) for one in asked):
            found = self._count_by_class(counts, names, events, kinds)
        if found is None:
            events = self._of_sought(events, kinds)
            found = engines.like(self._count_one_by_one(asked, counts, names, events, kinds), self.frame)
        self._attach(found, names, [isinstance(one, Count) for one in asked])
        self._counted.update(zip(asked, names, strict=True))

    def _seek(self, conditions: Sequence[Condition]) -> None:
        """Whose events matter: `numemployees > 50 and count(call) > 2` is false of small ones, whatever they did.

        On DuckDB, where counting the events of few takes a fraction of the time of counting everybody's.
        """
        sought = []
        for condition in conditions:
            if any(isinstance(node, Count | EventTime) for node in condition.walk()):
                parts = condition.parts if isinstance(condition, All) else ()
                plain = [part for part in parts if not any(isinstance(node, _ELSEWHERE) for node in part.walk())]
                if not plain:
                    return
                self._asked = self._told.get(condition, condition)
                sought.append(fold(and_, [self._expression(part, False) for part in plain]))
        if sought:
            self._sought = fold(or_, sought)

    def _of_sought(self, events: engines.Frame, kinds: Mapping[str, str]) -> engines.Frame:
        """The events of those who are sought, if these are few."""
        if self._sought is None or not events.implementation.is_duckdb():
            return events
        key = as_text(ID, engines.kind_of(self._schema[ID])).alias("_sought")
        ids = engines.to_arrow(self.frame.filter(self._sought).select(key).head(MOST_SOUGHT + 1))
        if len(ids) > MOST_SOUGHT:
            return events
        few = cast("nw.LazyFrame[Any]", engines.like(nw.from_native(ids), events))
        named = events.lazy().with_columns(as_text("contact_id", kinds["contact_id"]).alias("_sought"))
        return named.join(few, on="_sought", how="semi").drop("_sought")

    def _count_one_by_one(
        self,
        asked: Sequence[Count | EventTime],
        counts: Sequence[Count],
        names: Sequence[str],
        events: engines.Frame,
        kinds: Mapping[str, str],
    ) -> engines.Frame:
        """A row a record with what was asked of its events, each question put to each event."""
        tests = [self._event_test(count) for count in counts]
        binding = Binding(events, tests, as_of=self._as_of, of="activities", told=dict(zip(tests, counts, strict=True)))
        happened = [binding.condition(test) for test in tests]
        columns, totals = [], []
        for one, name, happens in zip(asked, names, happened, strict=True):
            if isinstance(one, Count):
                columns.append(happens.cast(nw.Int64).alias(name))
                totals.append(nw.col(name).sum())
            else:
                columns.append(nw.when(happens).then(naive("at", events)).alias(name))
                totals.append(nw.col(name).min() if one.order == "first" else nw.col(name).max())
        found = binding.frame.filter(~nw.col("contact_id").is_null() & fold(or_, happened))
        found = found.select(as_text("contact_id", kinds["contact_id"]).alias(ID), *columns)
        return found.group_by(ID).agg(*totals)

    def _count_by_class(
        self, counts: Sequence[Count], names: Sequence[str], events: engines.Frame, kinds: Mapping[str, str]
    ) -> engines.Frame | None:
        """The same where events are told apart by few texts: each class of events is asked once, and joined to them.

        None where it cannot be done so.
        """
        tests: list[Condition] = [All(tuple(_event_parts(count))) for count in counts]
        columns = sorted({name for test in tests for name in test.properties})
        if any(kinds.get(name) != "text" for name in columns):
            return None
        classes = classes_of(events, columns)
        if classes is None:
            return None
        told = dict(zip(tests, counts, strict=True))
        asked = Binding(engines.as_frame(classes.table), tests, of="activities", told=told)
        named = [asked.condition(test).alias(name) for test, name in zip(tests, names, strict=True)]
        holds = engines.collect(cast("nw.DataFrame[Any]", asked.frame).select(*named)).to_numpy(dtype=bool)

        spans = sorted({count.within_days or math.inf for count in counts}, reverse=True)
        inside = Binding(events, [self._span(days) for days in spans], as_of=self._as_of, of="activities")
        depth = reduce(add, [inside.condition(self._span(days)).cast(nw.Int64) for days in spans])
        span = np.array([spans.index(count.within_days or math.inf) for count in counts])
        wanted = ~nw.col("contact_id").is_null() & inside.condition(self._span(spans[0]))
        # Readers of files that lie sorted by kind and time leave out whole parts by these.
        wanted = wanted & nw.col("kind").is_in(sorted({count.kind for count in counts}))
        key = as_text("contact_id", kinds["contact_id"]).alias(ID)
        rows = inside.frame.filter(wanted).select(key, *classes.texts(), depth.alias(DEPTH))
        return counted_by_class(rows, classes, names, holds, span, to=self.frame)

    def _attach(self, found: engines.Frame, names: Sequence[str], whole: Sequence[bool]) -> None:
        """Columns by record id, on the frame's engine, joined to it; whole numbers are 0 where there are none."""
        numbers = [name for name, is_whole in zip(names, whole, strict=True) if is_whole]
        key = as_text(ID, engines.kind_of(self._schema[ID]))
        self.frame = left_join(self.frame, found, names, numbers, key, self._fresh("_key"))

    def _event_test(self, count: Count) -> Condition:
        return All((*_event_parts(count), self._span(count.within_days or math.inf)))

    def _span(self, days: float) -> Condition:
        """That an event happened in the last so many days, or at least not after the date of the export."""
        if days < math.inf:
            return InDays("in_last_days", Property("at"), int(days))
        return Always(True) if self._as_of is None else Compare(Property("at"), "<", self._as_of.end.isoformat(" "))

    # -- other tables --------------------------------------------------------------------------------------------

    def _mark(self, nodes: Sequence[Associated | Ever | Changed | Among]) -> None:
        """Mark the records that other tables speak of: a column a node, one join for all."""
        found: dict[str, set[str] | frozenset[str]] = {}
        for node in nodes:
            key = str(node)
            if key in found:
                continue
            self._needs_id(node if not isinstance(node, Among) else self._asked, "others")
            if isinstance(node, Associated):
                found[key] = self._linked(node)
            elif isinstance(node, Changed):
                now = self._now(node)
                span = (_moved(now.end, -timedelta(days=node.days)), now.end)
                found[key] = ids_of(self._history(node, node.property.name, span))
            elif isinstance(node, Ever):
                found[key], found[key + _KNOWN] = self._ever(node)
            else:
                found[key] = node.ids
        if found:
            names = [self._fresh(f"_mark_{position}") for position in range(len(found))]
            table = flags(dict(zip(names, found.values(), strict=True)))
            self._attach(engines.like(nw.from_native(table), self.frame), names, [True] * len(names))
            self._marked = dict(zip(found, names, strict=True))

    def _is_marked(self, node: Node, more: str = "") -> nw.Expr:
        return nw.col(self._marked[str(node) + more]) == 1

    def _means(self, node: InSegment) -> Condition:
        if node.means is None:
            raise WorkbenchError(
                f"the condition {shortened(str(self._asked))} asks for the segment {node.name!r}, and no saved "
                "segments came; give them as segments=."
            )
        return node.means

    def _other(self, asked: Node, name: str) -> Any:
        if self._related is None:
            raise WorkbenchError(
                f"{asked} needs the {name.replace('_', ' ')}, and only the {self._of} came; give a Workspace in place "
                "of the table."
            )
        return self._related(name)

    def _linked(self, node: Associated) -> set[str]:
        name = catalog.TABLES[node.object]
        others = engines.as_frame(self._other(node, name))
        if node.where is not None:
            binding = Binding(others, [node.where], as_of=self._as_of, of=name, told={node.where: node})
            others = binding.frame.filter(binding.condition(node.where))
        return linked_ids(self.frame, self._of, others, name, told=str(node))

    def _history(self, node: Node, name: str, span: tuple[datetime | None, datetime | None]) -> engines.Frame:
        return history_of(self._other(node, "property_history"), of=self._of, name=name, told=str(node), span=span)

    def _ever(self, node: Ever) -> tuple[set[str], set[str]]:
        """Records with a past value that the condition holds for, and records with any past value."""
        name = node.property.name
        kind = engines.kind_of(self._schema[name])
        history = self._history(node, name, (None, None if self._as_of is None else self._as_of.end))
        texts = engines.count_by(history, {"value": nw.col("value")})["value"].astype("str")
        values = engines.as_frame(texts.to_frame().assign(**{name: typed_values(texts, kind)}))
        binding = Binding(values, [node.asked], as_of=self._as_of, of=self._of, told={node.asked: node})
        fitting = engines.like(binding.frame.filter(binding.condition(node.asked)).select("value"), history)
        return ids_of(inner_join(history, fitting, ["value"])), ids_of(history.filter(nw.col("value") != ""))


_KNOWN = " is known"


def _moved(when: datetime, by: timedelta) -> datetime:
    """`when` moved, at most to the ends of the calendar."""
    try:
        return when + by
    except OverflowError:
        return datetime.min if by < timedelta() else datetime.max
