"""Calendars, several values, first and last events, other tables and history, the same on every engine."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from workbench import engines
from workbench.conditions import (
    All,
    AllOf,
    AnyOf,
    Associated,
    Before,
    Changed,
    Compare,
    Condition,
    Count,
    Either,
    EventTime,
    Ever,
    InDays,
    InPeriod,
    InSegment,
    Known,
    Not,
    Property,
    parse,
    prepare,
)

AS_OF = dt.date(2026, 2, 28)
END = dt.datetime(2026, 3, 1)
TIMES = [
    dt.datetime(2026, 2, 28, 23, 59, 59, 999999),
    dt.datetime(2026, 3, 1),
    dt.datetime(2026, 1, 1),
    dt.datetime(2025, 12, 31, 18),
    dt.datetime(2025, 4, 1),
    dt.datetime(2024, 2, 29, 12),
    dt.datetime(2025, 3, 2),
    dt.datetime(2026, 4, 5),
]
STAGES = ["lead", "customer", "Größe"]

CONTACTS = pa.schema(
    [
        ("hs_object_id", pa.string()),
        ("stage", pa.string()),
        ("size", pa.float64()),
        ("products", pa.string()),
        ("created", pa.timestamp("us")),
        ("ends", pa.timestamp("us")),
        ("associated_deal_ids", pa.string()),
    ]
)
EVENTS = pa.schema([("contact_id", pa.string()), ("kind", pa.string()), ("at", pa.timestamp("us"))])
DEALS = pa.schema(
    [("hs_object_id", pa.string()), ("stage", pa.string()), ("associated_contact_ids", pa.string())],
)
HISTORY = pa.schema([(name, pa.string()) for name in ("object", "record_id", "property", "value")]).append(
    pa.field("at", pa.timestamp("us"))
)
Row = dict[str, Any]
SIGNS = {"<": operator.lt, "==": operator.eq, ">=": operator.ge, ">": operator.gt}


def rows(fields: dict[str, st.SearchStrategy[Any]], most: int) -> st.SearchStrategy[list[Row]]:
    return st.lists(st.fixed_dictionaries(fields), min_size=1, max_size=most)


def numbered(found: list[Row]) -> list[Row]:
    return [{**row, "hs_object_id": str(place)} for place, row in enumerate(found)]


def ids(most: int) -> st.SearchStrategy[str]:
    return st.lists(st.integers(0, most).map(str), min_size=1, max_size=3).map(";".join)


contacts = rows(
    {
        "stage": st.none() | st.sampled_from(STAGES),
        "size": st.none() | st.sampled_from([5.0, 7.5]),
        "products": st.none() | st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, unique=True).map(";".join),
        "created": st.none() | st.sampled_from(TIMES),
        "ends": st.none() | st.sampled_from(TIMES),
        "associated_deal_ids": st.none() | ids(4),
    },
    8,
).map(numbered)
deals = rows(
    {"stage": st.none() | st.sampled_from(["won", "lost"]), "associated_contact_ids": st.none() | ids(8)}, 4
).map(numbered)
events = rows(
    {
        "contact_id": st.integers(0, 8).map(str),
        "kind": st.sampled_from(["call", "page_view"]),
        "at": st.none() | st.sampled_from(TIMES),
    },
    10,
)
history = rows(
    {
        "object": st.sampled_from(["contact", "deal"]),
        "record_id": st.integers(0, 8).map(str),
        "property": st.sampled_from(["stage", "size"]),
        "value": st.none() | st.sampled_from([*STAGES, "5", "7.5", "many"]),
        "at": st.sampled_from(TIMES),
    },
    10,
)

dated = st.sampled_from([Property("created"), Property("ends")]) | st.builds(
    EventTime,
    st.sampled_from(["first", "last"]),
    st.builds(Count, st.sampled_from(["call", "page_view"]), within_days=st.none() | st.sampled_from([1, 400])),
)
several = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=2).map(tuple)
leaves = st.one_of(
    st.builds(
        InDays,
        st.sampled_from(
            [
                "in_last_days",
                "in_next_days",
                "before_last_days",
                "after_next_days",
                "anniversary_in_last_days",
                "anniversary_in_next_days",
            ]
        ),
        dated,
        st.sampled_from([1, 30, 90, 400, 36_500]),
    ),
    st.builds(
        InPeriod,
        st.sampled_from(["in_last", "in_next"]),
        dated,
        st.sampled_from(["day", "week", "month", "quarter", "year"]),
        st.integers(1, 3),
    ),
    st.builds(
        InPeriod,
        st.just("in_this"),
        dated,
        st.sampled_from(["quarter", "year"]),
        st.just(1),
        st.sampled_from([None, "april", "november"]),
    ),
    st.builds(Before, dated, dated),
    st.builds(Known, dated, st.booleans()),
    st.builds(Compare, dated, st.sampled_from(["<", "==", ">="]), st.sampled_from(["2026-01-01", "2025-04-01 00:00"])),
    st.builds(AllOf, st.just(Property("products")), several, st.booleans()),
    st.builds(AnyOf, st.just(Property("products")), several),
    st.builds(
        Associated, st.just("deal"), st.none() | st.sampled_from(['stage == "won"', "not stage == 'x'"]).map(parse)
    ),
    st.builds(
        Ever,
        st.sampled_from(['stage == "lead"', 'not stage == "lead"', "size > 6", 'contains(stage, "GRÖ")']).map(parse),
    ),
    st.builds(Changed, st.sampled_from([Property("stage"), Property("size")]), st.sampled_from([1, 90])),
    st.builds(InSegment, st.just("x"), st.just(parse('stage == "lead" or size > 6'))),
)
conditions = st.recursive(
    leaves,
    lambda inner: (
        inner.map(Not)
        | st.lists(inner, min_size=2, max_size=2).map(lambda parts: All(tuple(parts)))
        | st.lists(inner, min_size=2, max_size=2).map(lambda parts: Either(tuple(parts)))
    ),
    max_leaves=4,
)


@given(conditions)
@settings(max_examples=100, deadline=None)
def test_text_to_tree_to_text_is_the_identity(tree: Condition) -> None:
    assert parse(str(tree)) == tree
    assert str(parse(str(tree))) == str(tree)


# -- a plain reading, row by row -------------------------------------------------------------------------------------


class Plain:
    """What a condition means, read with loops."""

    def __init__(self, happened: list[Row], sold: list[Row], changes: list[Row]) -> None:
        self.happened, self.sold = happened, sold
        self.changes = [row for row in changes if row["object"] == "contact"]

    def date(self, term: Any, row: Row) -> dt.datetime | None:
        if isinstance(term, Property):
            return row[term.name]
        since = dt.datetime.min
        if term.events.within_days:
            since = END - dt.timedelta(days=term.events.within_days)
        times = [
            event["at"]
            for event in self.happened
            if event["contact_id"] == row["hs_object_id"]
            and event["kind"] == term.events.kind
            and event["at"] is not None
            and since <= event["at"] < END
        ]
        if not times:
            return None
        return min(times) if term.order == "first" else max(times)

    def says(self, node: Condition, row: Row) -> bool | None:
        match node:
            case Not(part):
                told = self.says(part, row)
                return None if told is None else not told
            case All(parts) | Either(parts):
                told_all = [self.says(part, row) for part in parts]
                decisive = isinstance(node, Either)
                return decisive if decisive in told_all else None if None in told_all else not decisive
            case InSegment(_, means):
                assert means is not None
                return self.says(means, row) is True
            case Known(term, known):
                value = self.date(term, row) if isinstance(term, EventTime) else row[term.name]
                return (value is not None) == known
            case InDays(direction, term, days):
                value = self.date(term, row)
                return None if value is None else in_days(direction, value, days)
            case InPeriod(_, term):
                value = self.date(term, row)
                return None if value is None else in_period(node, value)
            case Before(first, second):
                one, other = self.date(first, row), self.date(second, row)
                return None if one is None or other is None else one < other
            case AllOf(Property(name), values, exactly):
                if row[name] is None:
                    return None
                held = set(row[name].split(";"))
                return set(values) == held if exactly else set(values) <= held
            case AnyOf(Property(name), values):
                return None if row[name] is None else bool(set(values) & set(row[name].split(";")))
            case Associated(_, where):
                linked = (row["associated_deal_ids"] or "").split(";")
                return any(
                    (
                        deal["hs_object_id"] in linked
                        or row["hs_object_id"] in (deal["associated_contact_ids"] or "").split(";")
                    )
                    and (where is None or self.says(where, deal) is True)
                    for deal in self.sold
                )
            case Changed(Property(name), days):
                return any(change["at"] >= END - dt.timedelta(days=days) for change in self.past(name, row))
            case Ever(asked):
                return self.ever(asked, node.property.name, row)
            case Compare(EventTime() as term, sign, wanted):
                return compares(self.date(term, row), sign, wanted)
            case Compare(Property(name), sign, wanted):
                return compares(row[name], sign, wanted)
        assert str(node) == 'contains(stage, "GRÖ")'
        return None if row["stage"] is None else "grö" in row["stage"].lower()

    def past(self, name: str, row: Row) -> list[Row]:
        return [
            change
            for change in self.changes
            if change["record_id"] == row["hs_object_id"] and change["property"] == name and change["at"] < END
        ]

    def ever(self, asked: Condition, name: str, row: Row) -> bool | None:
        values = [row[name]]
        past = [change["value"] for change in self.past(name, row)]
        if name == "size":
            past = [None if value not in ("5", "7.5") else float(value) for value in past]
        if any(self.says(asked, {**row, name: value}) for value in values + past):
            return True
        if row[name] is None and not any(change["value"] for change in self.past(name, row)):
            return None
        return False


def compares(value: Any, sign: str, wanted: Any) -> bool | None:
    if value is None:
        return None
    if isinstance(value, dt.datetime):
        value = value.strftime("%Y-%m-%d" if len(wanted) == 10 else "%Y-%m-%d %H:%M")
    return bool(SIGNS[sign](value, wanted))


def in_days(direction: str, value: dt.datetime, days: int) -> bool:
    start = END - dt.timedelta(days=1)
    back, on = END - dt.timedelta(days=days), END + dt.timedelta(days=days)
    if direction == "before_last_days":
        return value < back
    if direction == "after_next_days":
        return value >= on
    low, high = (back, END) if direction.endswith("in_last_days") else (start, on)
    if not direction.startswith("anniversary"):
        return low <= value < high
    day = low.date()
    while dt.datetime.combine(day, dt.time()) < high:
        feast = value.date()
        leap = day.year % 4 == 0
        if (feast.month, feast.day) == (2, 29) and not leap:
            feast = feast.replace(day=28)
        if (feast.month, feast.day) == (day.month, day.day) and day.year > value.year:
            return True
        day += dt.timedelta(days=1)
    return False


def in_period(node: InPeriod, value: dt.datetime) -> bool:
    first = {"in_this": 0, "in_last": -node.periods, "in_next": 1}[node.period]
    return first <= number(node, value.date()) - number(node, AS_OF) < first + node.periods


def number(node: InPeriod, day: dt.date) -> int:
    """Which period, counted from long ago."""
    if node.unit == "day":
        return day.toordinal()
    if node.unit == "week":
        return (day.toordinal() - 1) // 7
    shift = {None: 0, "april": 3, "november": 10}[node.fiscal]
    return (day.year * 12 + day.month - 1 - shift) // {"month": 1, "quarter": 3, "year": 12}[node.unit]


# -- the engines -----------------------------------------------------------------------------------------------------


def to_pandas(table: pa.Table) -> pd.DataFrame:
    frame = table.to_pandas(types_mapper={pa.bool_(): pd.BooleanDtype()}.get)
    texts = [field.name for field in table.schema if field.type == pa.string()]
    return frame.astype(dict.fromkeys(texts, "str"))


ENGINES: dict[str, Callable[[pa.Table], Any]] = {
    "pandas": to_pandas,
    "polars": pl.from_arrow,
    "polars, lazy": lambda table: pl.from_arrow(table).lazy(),
    "duckdb": lambda table: duckdb.connect().from_arrow(table),
}
drawing = settings(
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
tables = st.tuples(contacts, events, deals, history)


def check(make: Callable[[pa.Table], Any], drawn: tuple[list[Row], ...], asked: list[Condition]) -> None:
    people, happened, sold, changes = drawn
    others = {
        "deals": make(pa.Table.from_pylist(sold, DEALS)),
        "property_history": make(pa.Table.from_pylist(changes, HISTORY)),
    }
    frame, expressions = prepare(
        engines.as_frame(make(pa.Table.from_pylist(people, CONTACTS))),
        asked,
        as_of=AS_OF,
        activities=make(pa.Table.from_pylist(happened, EVENTS)),
        related=others.__getitem__,
    )
    found = engines.collect(
        frame.select("hs_object_id", *[one.alias(f"c{place}") for place, one in enumerate(expressions)])
    )
    found = found.sort_values("hs_object_id").drop(columns="hs_object_id")
    assert not found.isna().any(axis=None)
    plain = Plain(happened, sold, changes)
    expected = [tuple(plain.says(one, row) is True for one in asked) for row in people]
    assert [tuple(map(bool, row)) for row in found.itertuples(index=False)] == expected


@pytest.mark.parametrize("engine", ENGINES)
@given(drawn=tables, asked=st.lists(conditions, min_size=1, max_size=4))
@settings(drawing, max_examples=20)
def test_the_same_on_every_engine(engine: str, drawn: tuple[list[Row], ...], asked: list[Condition]) -> None:
    check(ENGINES[engine], drawn, asked)


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
def test_the_same_on_spark(spark: Any) -> None:
    """Sixty conditions drawn once, all of them columns of one select: a select apiece would take minutes."""
    found: list[tuple[tuple[list[Row], ...], list[Condition]]] = []

    @seed(20260630)
    @settings(drawing, max_examples=12, database=None)
    @given(drawn=tables, asked=st.lists(conditions, min_size=20, max_size=20))
    def draw(drawn: tuple[list[Row], ...], asked: list[Condition]) -> None:
        found.append((drawn, asked))

    draw()
    largest = max((drawn for drawn, _ in found), key=lambda drawn: sum(map(len, drawn)))
    asked = list(dict.fromkeys(condition for _, some in found for condition in some))[-60:]
    assert len(asked) == 60
    check(spark.createDataFrame, largest, asked)
