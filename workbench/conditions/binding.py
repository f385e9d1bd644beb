"""Trees to expressions: what a condition means on a table of any engine."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial, reduce
from operator import add, and_, eq, ge, gt, le, lt, ne, or_
from typing import Any, TypeAlias, TypeVar, cast

import narwhals as nw
import numpy as np
import pandas as pd

from workbench import catalog, engines
from workbench.conditions.parsing import shortened
from workbench.conditions.related import ID, Related, flags, history_of, ids_of, linked_ids, typed_values
from workbench.conditions.spans import has_anniversary, period_span
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

TRUE_WORDS = frozenset({"true", "yes", "y", "1", "ja", "wahr", "oui", "vrai"})
FALSE_WORDS = frozenset({"false", "no", "n", "0", "nein", "falsch", "non", "faux"})

MANY_COUNTS = 4  # from so many on, events are told apart before they are counted
MOST_CLASSES = 100_000
EXACT_BITS = 53  # of a whole number in floating point
FEW_BITS = 10  # for a record with fewer than 1,024 events
BLANK_CLASS = "\x1fblank"

_T = TypeVar("_T")
_Test: TypeAlias = Callable[..., nw.Expr]
_OPERATORS: dict[Comparison, Callable[[Any, Any], Any]] = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
_FLIPPED: dict[Comparison, Comparison] = {"<": ">", "<=": ">="}
_OPPOSITE: dict[Comparison, Comparison] = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?)?")
_HOLDS = {
    "number": "numbers",
    "text": "text",
    "bool": "yes or no",
    "datetime": "dates",
    "other": "neither text nor numbers",
}
_EXAMPLE = {"number": "50", "text": '"Software"', "bool": "true", "datetime": '"2026-06-30"'}


@dataclass(frozen=True, slots=True)
class Moment:
    """The time as of which a table is looked at: from `start` to just before `end`."""

    start: datetime
    end: datetime


def moment(as_of: str | date | Moment | None) -> Moment | None:
    """The time meant by `as_of`: a day (or a midnight) is the whole of that day, any other time that instant.

    Raises
    ------
    WorkbenchError
        If `as_of` is no date.
    """
    if as_of is None or isinstance(as_of, Moment):
        return as_of
    if isinstance(as_of, str):
        found = interval_of(as_of.strip())
        if found is None:
            raise WorkbenchError(f"as_of is a date such as '2026-06-30', not {as_of!r}.")
        start = found[0]
    elif isinstance(as_of, datetime):
        # a pandas Timestamp may have nanoseconds
        start = datetime.combine(as_of.date(), as_of.time().replace(tzinfo=None))
    elif isinstance(as_of, date):
        start = datetime.combine(as_of, time())
    else:
        raise WorkbenchError(f"as_of is a date such as '2026-06-30', not {as_of!r}.")
    whole_day = start.time() == time()
    return Moment(start, start + (timedelta(days=1) if whole_day else timedelta(microseconds=1)))


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
            return _fold(and_ if isinstance(node, All) != negated else or_, parts)
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
            return self._leaf(node, node.term, [node.value], partial(_compare, operator=operator))
        if isinstance(node, Between):
            test: _Test = partial(_between, low_operator=node.low_operator, high_operator=node.high_operator)
            return self._leaf(node, node.term, [node.low, node.high], _opposite(test) if negated else test)
        if isinstance(node, OneOf):
            return self._leaf(node, node.term, node.values, _opposite(_one_of) if node.negated != negated else _one_of)
        if isinstance(node, Text | AnyOf | AllOf):
            if isinstance(node, AllOf):
                test = partial(_all_of, exactly=node.exactly)
            else:
                test = _TEXTS[node.match] if isinstance(node, Text) else _any_of
            values = [node.text] if isinstance(node, Text) else node.values
            return self._text_leaf(node.property, values, _opposite(test) if negated else test)
        if isinstance(node, InDays | InPeriod):
            return self._days_leaf(node, negated)
        if isinstance(node, Before):
            return self._before(node, negated)
        raise TypeError(f"no condition: {node!r}")

    def _leaf(self, node: Condition, term: Term, values: Sequence[Value], test: _Test) -> nw.Expr:
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
        typed = _typed(values, kind) if not (ordered and kind in ("text", "bool")) else None
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

    def _text_leaf(self, of: Property, values: Sequence[str], test: _Test) -> nw.Expr:
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
                inside = _inside(column, period_span(node, now.start.date()))
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
                inside = has_anniversary(column, *span) if yearly else _inside(column, span)
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
            f"write {_NEEDED[kind]}, such as {term} == {_EXAMPLE[kind]}."
        )

    def _first_strange(self, values: Sequence[Value], kind: str) -> str:
        strange = next(value for value in values if _typed([value], kind) is None)
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
                sought.append(_fold(and_, [self._expression(part, False) for part in plain]))
        if sought:
            self._sought = _fold(or_, sought)

    def _of_sought(self, events: engines.Frame, kinds: Mapping[str, str]) -> engines.Frame:
        """The events of those who are sought, if these are few."""
        if self._sought is None or not events.implementation.is_duckdb():
            return events
        key = _as_text(ID, engines.kind_of(self._schema[ID])).alias("_sought")
        ids = engines.to_arrow(self.frame.filter(self._sought).select(key).head(MOST_SOUGHT + 1))
        if len(ids) > MOST_SOUGHT:
            return events
        few = cast("nw.LazyFrame[Any]", engines.like(nw.from_native(ids), events))
        named = events.lazy().with_columns(_as_text("contact_id", kinds["contact_id"]).alias("_sought"))
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
                columns.append(nw.when(happens).then(_naive("at", events)).alias(name))
                totals.append(nw.col(name).min() if one.order == "first" else nw.col(name).max())
        found = binding.frame.filter(~nw.col("contact_id").is_null() & _fold(or_, happened))
        found = found.select(_as_text("contact_id", kinds["contact_id"]).alias(ID), *columns)
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
        ones = events.select(*columns, nw.lit(1).cast(nw.Int64).alias("_n"))
        classes = engines.collect(ones.group_by(*columns).agg(nw.col("_n").sum()).head(MOST_CLASSES + 1))
        keys = classes[columns].astype("str").fillna(BLANK_CLASS)
        if len(classes) > MOST_CLASSES or keys.duplicated().any():
            return None
        asked = Binding(engines.as_frame(classes), tests, of="activities", told=dict(zip(tests, counts, strict=True)))
        named = [asked.condition(test).alias(name) for test, name in zip(tests, names, strict=True)]
        holds = engines.collect(cast("nw.DataFrame[Any]", asked.frame).select(*named)).to_numpy(dtype=bool)

        # From the widest span to the narrowest: an event inside `depth` of them is inside the first `depth`.
        spans = sorted({count.within_days or math.inf for count in counts}, reverse=True)
        inside = Binding(events, [self._span(days) for days in spans], as_of=self._as_of, of="activities")
        depth = reduce(add, [inside.condition(self._span(days)).cast(nw.Int64) for days in spans])
        needed = np.array([spans.index(count.within_days or math.inf) for count in counts])
        wanted = ~nw.col("contact_id").is_null() & inside.condition(self._span(spans[0]))
        # Readers of files that lie sorted by kind and time leave out whole parts by these.
        wanted = wanted & nw.col("kind").is_in(sorted({count.kind for count in counts}))
        rows = inside.frame.filter(wanted).select(
            _as_text("contact_id", kinds["contact_id"]).alias(ID),
            *[nw.col(name).cast(nw.String).fill_null(BLANK_CLASS) for name in columns],
            depth.alias("_depth"),
        )

        def counted(bits: int) -> engines.Frame:
            """Each record's counts as digits of so many bits, several in one exact sum, and all its events."""
            per = max(EXACT_BITS // bits, 1)
            packs = {f"_pack_{first}": slice(first, first + per) for first in range(0, len(names), per)}
            cells = []
            for reached in range(1, len(spans) + 1):
                told = holds & (needed < reached)
                some = told.any(axis=1)
                values = {
                    name: told[some, pack] @ 2.0 ** (bits * np.arange(len(names[pack]))) for name, pack in packs.items()
                }
                cells.append(keys[some].assign(_depth=reached, _all=1.0, **values))
            classed = engines.like(engines.as_frame(pd.concat(cells, ignore_index=True)), events)
            classed = classed.with_columns(*[nw.col(name).cast(nw.String) for name in columns])
            joined = _inner_join(rows, classed, [*columns, "_depth"])
            sums = joined.group_by(ID).agg(*[nw.col(name).sum() for name in ("_all", *packs)])
            digits = [
                (nw.col(name).cast(nw.Int64) // 2 ** (bits * place) % 2**bits).alias(count)
                for name, pack in packs.items()
                for place, count in enumerate(names[pack])
            ]
            return engines.like(sums, self.frame).select(ID, "_all", *digits)

        # No count can overflow its digits: it is at most the record's events, and these at most all events.
        all_events = max(int(classes["_n"].sum()).bit_length(), 1)
        if engines.keeps(self.frame) and all_events > FEW_BITS:
            found = counted(FEW_BITS)
            most = engines.collect(found.select(nw.col("_all").max()))["_all"]
            if most.isna().all() or int(most.max()) < 2**FEW_BITS:
                return found.drop("_all")
        return counted(all_events).drop("_all")

    def _attach(self, found: engines.Frame, names: Sequence[str], whole: Sequence[bool]) -> None:
        """Columns by record id, on the frame's engine, joined to it; whole numbers are 0 where there are none."""
        numbers = [name for name, is_whole in zip(names, whole, strict=True) if is_whole]
        key = _as_text(ID, engines.kind_of(self._schema[ID]))
        self.frame = _join(self.frame, found, names, numbers, key, self._fresh("_key"))

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
        return ids_of(_inner_join(history, fitting, ["value"])), ids_of(history.filter(nw.col("value") != ""))


_KNOWN = " is known"


def _inner_join(left: engines.Frame, right: engines.Frame, on: Sequence[str]) -> engines.Frame:
    if isinstance(left, nw.LazyFrame):
        return left.join(right.lazy(), on=list(on))
    return left.join(cast("nw.DataFrame[Any]", right), on=list(on))


def _moved(when: datetime, by: timedelta) -> datetime:
    """`when` moved, at most to the ends of the calendar."""
    try:
        return when + by
    except OverflowError:
        return datetime.min if by < timedelta() else datetime.max


def _naive(name: str, frame: engines.Frame) -> nw.Expr:
    """A column of times in microseconds without a zone."""
    dtype = frame.collect_schema()[name]
    column = nw.col(name)
    if isinstance(dtype, nw.Datetime) and dtype.time_zone is not None:
        return column.dt.replace_time_zone(None)
    return column.cast(nw.Datetime("us")) if isinstance(dtype, nw.Date) else column


def _join(
    frame: engines.Frame, totals: engines.Frame, names: Sequence[str], numbers: Sequence[str], key: nw.Expr, on: str
) -> engines.Frame:
    """The frame with the totals of each row's key, numbers 0 where there are none; `on` is a free name for the key."""
    filled = [nw.col(name).fill_null(0).cast(nw.Int64) if name in numbers else nw.col(name) for name in names]
    totals = totals.rename({ID: on})
    if isinstance(frame, nw.LazyFrame):
        return frame.with_columns(key.alias(on)).join(totals.lazy(), on=on, how="left").with_columns(*filled).drop(on)
    # Only the keys are joined, so that the rows keep their order and a pandas frame its index.
    keys = frame.select(key.alias(on)).with_row_index("_row")
    joined = keys.join(cast("nw.DataFrame[Any]", totals), on=on, how="left").sort("_row").with_columns(*filled)
    return frame.with_columns(*[joined[name] for name in names])


def _as_text(name: str, kind: str) -> nw.Expr:
    column = nw.col(name)
    if kind == "text":
        return column
    return (column.cast(nw.Int64) if kind == "number" else column).cast(nw.String)


def _fold(operator: Callable[[_T, _T], _T], parts: Sequence[_T]) -> _T:
    """Combine in a balanced tree, so that a long list does not become a deep expression."""
    if len(parts) <= 2:
        return reduce(operator, parts)
    half = len(parts) // 2
    return operator(_fold(operator, parts[:half]), _fold(operator, parts[half:]))


# -- tests of a column that is known -----------------------------------------------------------------------------


def _opposite(test: _Test) -> _Test:
    return lambda column, values: ~test(column, values)


def _compare(column: nw.Expr, values: Sequence[Any], *, operator: Comparison) -> nw.Expr:
    (value,) = values
    if isinstance(value, tuple):
        start, end = cast("tuple[datetime, datetime]", value)
        if operator in ("==", "!="):
            inside = _inside(column, value)
            return inside if operator == "==" else ~inside
        edge = start if operator in ("<", ">=") else end
        return column < edge if operator in ("<", "<=") else column >= edge
    if isinstance(value, bool):
        return column if value == (operator == "==") else ~column
    return cast("nw.Expr", _OPERATORS[operator](column, value))


def _between(column: nw.Expr, values: Sequence[Any], *, low_operator: Comparison, high_operator: Comparison) -> nw.Expr:
    low, high = values
    above = _compare(column, [low], operator=_FLIPPED[low_operator])
    return above & _compare(column, [high], operator=high_operator)


def _one_of(column: nw.Expr, values: Sequence[Any]) -> nw.Expr:
    if all(isinstance(value, str) for value in values):
        return column.is_in(list(values))
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return column.cast(nw.Float64).is_in([float(value) for value in values])
    return _fold(or_, [_compare(column, [value], operator="==") for value in values])


def _any_of(column: nw.Expr, values: Sequence[str]) -> nw.Expr:
    joined = nw.concat_str(nw.lit(";"), column, nw.lit(";"))
    return _fold(or_, [joined.str.contains(f";{value};", literal=True) for value in values])


def _all_of(column: nw.Expr, values: Sequence[str], *, exactly: bool) -> nw.Expr:
    wanted = list(dict.fromkeys(values))
    every = _fold(and_, [_any_of(column, [value]) for value in wanted])
    # with nothing else in the cell it is as long as its values and what stands between them
    return every & (column.str.len_chars() == len(";".join(wanted))) if exactly else every


def _inside(column: nw.Expr, span: tuple[datetime, datetime]) -> nw.Expr:
    return (column >= span[0]) & (column < span[1])


_TEXTS: Mapping[str, _Test] = {
    "contains": lambda column, values: column.str.to_lowercase().str.contains(values[0].lower(), literal=True),
    "starts_with": lambda column, values: column.str.to_lowercase().str.starts_with(values[0].lower()),
    "ends_with": lambda column, values: column.str.to_lowercase().str.ends_with(values[0].lower()),
}
_NEEDED = {
    "number": "a number without quotes",
    "text": "a text in quotes",
    "bool": "true or false",
    "datetime": "a date in quotes",
}


def _typed(values: Sequence[Value], kind: str) -> list[Any] | None:
    """The values as a column of that kind compares them, a date as the span it stands for; None if one does not fit."""
    typed = [_TYPED[kind](value) if kind in _TYPED else None for value in values]
    return None if any(value is None for value in typed) else typed


def _number(value: Value) -> Value | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text(value: Value) -> Value | None:
    return value if isinstance(value, str) else None


def _yes_or_no(value: Value) -> bool | None:
    word = str(value).strip().casefold()
    return True if word in TRUE_WORDS else False if word in FALSE_WORDS else None


def interval_of(value: Value) -> tuple[datetime, datetime] | None:
    """`"2026-06-30"` is that day, `"2026-06-30 10:00"` that minute: from its start to just before its end."""
    found = _DATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction = found.groups()
    try:
        start = datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int((fraction or "").ljust(6, "0")),
        )
        unit = (
            timedelta(microseconds=1)
            if fraction
            else timedelta(seconds=1)
            if second
            else timedelta(minutes=1)
            if minute
            else timedelta(days=1)
        )
        return start, start + unit
    except (ValueError, OverflowError):
        return None


_TYPED: Mapping[str, Callable[[Value], Any]] = {
    "number": _number,
    "text": _text,
    "bool": _yes_or_no,
    "datetime": interval_of,
}
