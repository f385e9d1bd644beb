"""pandas, Polars, DuckDB and Spark agree with each other and with a plain reading, row by row."""

from __future__ import annotations

import datetime as dt
import math
import operator
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import duckdb
import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench import engines
from workbench.conditions import (
    All,
    Always,
    AnyOf,
    Between,
    Binding,
    Compare,
    Condition,
    Count,
    Either,
    InDays,
    Known,
    Not,
    OneOf,
    Property,
    Text,
    parse,
    parse_count,
    prepare,
)
from workbench.conditions.binding import MANY_COUNTS
from workbench.conditions.classes import BLANK_CLASS, FEW_BITS
from workbench.errors import WorkbenchError
from workbench.scoring import Case, Decay, Rule, RuleGroup, ScoreModel, score, tally_codes

AS_OF = dt.date(2026, 6, 30)
END = dt.datetime(2026, 7, 1)
WORDS = ["Software", "software", "Größe", "ÄRGER", "", "a;b", "b", "it's", 'say "x"', "100%", "a_b", "back\\slash"]
TIMES = [
    dt.datetime(2026, 6, 30),
    dt.datetime(2026, 6, 30, 23, 59, 59, 999999),
    dt.datetime(2026, 7, 1),
    dt.datetime(2026, 6, 23, 12, 30),
    dt.datetime(2026, 6, 24),
    dt.datetime(2025, 1, 1, 0, 0, 30),
]
KINDS = ["page_view", "email_open", "form_submission"]

# -- drawn tables ----------------------------------------------------------------------------------------------------

COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "industry": st.sampled_from(WORDS),
    "products": st.lists(st.sampled_from(["a", "b", "ab", "c d"]), min_size=1, max_size=3).map(";".join),
    "tier": st.sampled_from(["gold", "silver"]),
    "employees": st.sampled_from([0.0, -1.5, 50.0, 50.5, 1e9]),
    "visits": st.sampled_from([0, 1, 2, 50, -3]),
    "opted_out": st.booleans(),
    "created": st.sampled_from(TIMES),
    "birthday": st.sampled_from([dt.date(2026, 6, 30), dt.date(2026, 7, 1), dt.date(2025, 1, 1)]),
}
SCHEMA = pa.schema(
    [
        ("hs_object_id", pa.string()),
        ("industry", pa.string()),
        ("products", pa.string()),
        ("tier", pa.dictionary(pa.int32(), pa.string())),
        ("employees", pa.float64()),
        ("visits", pa.int32()),
        ("opted_out", pa.bool_()),
        ("created", pa.timestamp("us")),
        ("birthday", pa.date32()),
        ("nothing", pa.string()),
    ]
)
EVENTS = pa.schema(
    [("contact_id", pa.string()), ("kind", pa.string()), ("at", pa.timestamp("us")), ("detail", pa.string())]
)


@st.composite
def contacts(draw: st.DrawFn) -> list[dict[str, Any]]:
    n = draw(st.integers(1, 12))
    rows = []
    for position in range(n):
        row = {name: draw(st.none() | values) for name, values in COLUMNS.items()}
        rows.append({"hs_object_id": str(position), **row, "nothing": None})
    return rows


def events() -> st.SearchStrategy[list[dict[str, Any]]]:
    event = st.fixed_dictionaries(
        {
            "contact_id": st.none() | st.integers(0, 12).map(str),
            "kind": st.none() | st.sampled_from(KINDS),
            "at": st.none() | st.sampled_from(TIMES),
            "detail": st.none() | st.sampled_from(["/Pricing", "/jobs?x=pricing", ""]),
        }
    )
    return st.lists(event, max_size=20)


# -- drawn conditions ------------------------------------------------------------------------------------------------

DATES = st.sampled_from(["2026-06-30", "2026-06-23 12:30", "2025-01-01 00:00:30", "2026-06-30 23:59:59.999999"])
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "industry": st.sampled_from(WORDS),
    "tier": st.sampled_from(["gold", "bronze"]),
    "employees": st.sampled_from([0, 50, 50.5, -1.5, 10**12]),
    "visits": st.sampled_from([0, 1, 1.5, 50, 3_000_000_000]),
    "opted_out": st.sampled_from([True, False, "yes", "No"]),
    "created": DATES,
    "birthday": DATES,
}
ORDERED = ["employees", "visits", "created", "birthday"]


def counts() -> st.SearchStrategy[Count]:
    where = st.none() | st.sampled_from(["is_unknown(detail)", 'not contains(detail, "JOBS")']).map(parse)
    return st.builds(
        Count,
        kind=st.sampled_from(KINDS),
        detail=st.none() | st.sampled_from(["pricing", "JOBS"]),
        where=where,
        within_days=st.none() | st.sampled_from([1, 7, 400]),
    )


@st.composite
def leaves(draw: st.DrawFn) -> Condition:
    kind = draw(
        st.sampled_from(["compare", "order", "range", "in", "known", "text", "days", "any_of", "count", "always"])
    )
    name = draw(st.sampled_from(sorted(VALUES)))
    ordered = draw(st.sampled_from(ORDERED))
    sign = draw(st.sampled_from(["<", "<=", ">", ">="]))
    if kind == "compare":
        return Compare(Property(name), draw(st.sampled_from(["==", "!="])), draw(VALUES[name]))
    if kind == "order":
        return Compare(Property(ordered), sign, draw(VALUES[ordered]))
    if kind == "range":
        low, high = draw(st.sampled_from(["<", "<="])), draw(st.sampled_from(["<", "<="]))
        return Between(Property(ordered), draw(VALUES[ordered]), low, draw(VALUES[ordered]), high)
    if kind == "in":
        values = draw(st.lists(VALUES[name], min_size=1, max_size=3))
        return OneOf(Property(name), tuple(values), draw(st.booleans()))
    if kind == "known":
        return Known(Property(draw(st.sampled_from([*sorted(COLUMNS), "nothing"]))), draw(st.booleans()))
    if kind == "text":
        match = draw(st.sampled_from(["contains", "starts_with", "ends_with"]))
        text = draw(st.sampled_from([word for word in WORDS if word] + ["WARE", "ärg", "%", "."]))
        return Text(match, Property(draw(st.sampled_from(["industry", "products", "tier", "nothing"]))), text)
    if kind == "days":
        direction = draw(st.sampled_from(["in_last_days", "in_next_days"]))
        return InDays(direction, Property(draw(st.sampled_from(["created", "birthday"]))), draw(st.integers(1, 10)))
    if kind == "any_of":
        return AnyOf(Property("products"), tuple(draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=2))))
    if kind == "count":
        return Compare(draw(counts()), draw(st.sampled_from(["==", "!=", "<", ">="])), draw(st.integers(0, 2)))
    return Always(draw(st.booleans()))


def conditions() -> st.SearchStrategy[Condition]:
    def grow(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        parts = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return parts.map(All) | parts.map(Either) | inner.map(Not)

    return st.recursive(leaves(), grow, max_leaves=6)


# -- a plain reading, row by row -------------------------------------------------------------------------------------

SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def says(node: Condition, row: dict[str, Any], happened: list[dict[str, Any]]) -> bool | None:
    """True, False, or None where the blank rule leaves it open."""
    match node:
        case Always(value):
            return value
        case Not(part):
            told = says(part, row, happened)
            return None if told is None else not told
        case All(parts) | Either(parts):
            told_all = [says(part, row, happened) for part in parts]
            decisive = isinstance(node, Either)
            return decisive if decisive in told_all else None if None in told_all else not decisive
        case Known(Property(name), known):
            return (row[name] is not None) == known
    if isinstance(node, Text | AnyOf | InDays):
        value = row[node.property.name]
    else:
        value = number_of(node.term, row, happened) if isinstance(node.term, Count) else row[node.term.name]
    if value is None:
        return None
    match node:
        case Compare(_, sign, wanted):
            return compares(value, sign, wanted)
        case Between(_, low, low_sign, high, high_sign):
            flipped = {"<": ">", "<=": ">="}[low_sign]
            return compares(value, flipped, low) and compares(value, high_sign, high)
        case OneOf(_, values, negated):
            return any(compares(value, "==", wanted) for wanted in values) != negated
        case Text("contains", _, text):
            return text.lower() in value.lower()
        case Text("starts_with", _, text):
            return value.lower().startswith(text.lower())
        case Text("ends_with", _, text):
            return value.lower().endswith(text.lower())
        case AnyOf(_, values):
            return bool(set(values) & set(value.split(";")))
        case InDays("in_last_days", _, days):
            return END - dt.timedelta(days=days) <= as_time(value) < END
        case InDays("in_next_days", _, days):
            return END - dt.timedelta(days=1) <= as_time(value) < END + dt.timedelta(days=days)
    raise AssertionError(node)


def compares(value: Any, sign: str, wanted: Any) -> bool:
    if isinstance(value, dt.date):
        # written to the day, minute, second: as exact as the text is
        exact = {10: "%Y-%m-%d", 16: "%Y-%m-%d %H:%M", 19: "%Y-%m-%d %H:%M:%S"}.get(len(wanted), "%Y-%m-%d %H:%M:%S.%f")
        return SIGNS[sign](as_time(value).strftime(exact), wanted)
    if isinstance(value, bool) and isinstance(wanted, str):
        wanted = wanted.lower() == "yes"
    return SIGNS[sign](value, wanted)


def as_time(value: dt.date) -> dt.datetime:
    return value if isinstance(value, dt.datetime) else dt.datetime.combine(value, dt.time())


def number_of(count: Count, row: dict[str, Any], happened: list[dict[str, Any]]) -> int:
    return sum(
        event["contact_id"] == row["hs_object_id"]
        and event["kind"] == count.kind
        and event["at"] is not None
        and event["at"] < END
        and (count.within_days is None or event["at"] >= END - dt.timedelta(days=count.within_days))
        and (count.detail is None or (event["detail"] is not None and count.detail.lower() in event["detail"].lower()))
        and (count.where is None or says(count.where, event, []) is True)
        for event in happened
    )


def plain_scores(model: ScoreModel, rows: list[dict[str, Any]], happened: list[dict[str, Any]]) -> list[float]:
    found = []
    for row in rows:
        by_category: dict[str, float] = defaultdict(float)
        for group in model.groups:
            points = 0.0
            for rule in group.rules:
                if rule.enabled:
                    points += limited(points_of(rule, row, happened), rule)
            by_category[group.category or group.name] += limited(points, group)
        most = np.inf if model.category_maximum is None else model.category_maximum
        total = sum(min(points, most) for points in by_category.values())
        found.append(limited(total, model))
    return found


def points_of(rule: Rule, row: dict[str, Any], happened: list[dict[str, Any]]) -> float:
    if rule.cases:
        holding = [case.points for case in rule.cases if says(parse(str(case.when)), row, happened)]
        return holding[0] if holding else rule.otherwise
    if rule.count is None:
        return rule.points if says(parse(str(rule.when)), row, happened) else 0
    fresh = 0.0
    for event in happened:
        if number_of(parse_count(str(rule.count)), row, [event]):
            age = (END - event["at"]) / dt.timedelta(days=1)
            fresh += 1 if rule.decay is None else left(rule.decay, age)
    return rule.points * min(fresh, rule.at_most or 0)


def left(decay: Decay, age_days: float) -> float:
    """Of an event, linear in the points first given."""
    intervals = math.ceil(age_days / decay.every_days) - 1
    return max(0, 100 - decay.percent * intervals) / 100


def limited(points: float, part: Rule | RuleGroup | ScoreModel) -> float:
    low = -np.inf if part.minimum is None else part.minimum
    high = np.inf if part.maximum is None else part.maximum
    return float(min(max(points, low), high))


# -- the engines -----------------------------------------------------------------------------------------------------


def to_pandas(table: pa.Table) -> pd.DataFrame:
    frame = table.to_pandas(types_mapper={pa.bool_(): pd.BooleanDtype()}.get)
    return frame.astype({name: "str" for name in ("nothing", "detail") if name in frame})


def plain(table: pa.Table) -> pa.Table:
    """Categories as text: Spark has none."""
    return table.cast(
        pa.schema([(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in table.schema])
    )


def in_duckdb(table: pa.Table) -> Any:
    found = duckdb.connect().from_arrow(plain(table))
    return (
        found.query("t", "SELECT * REPLACE (tier::ENUM('gold', 'silver') AS tier) FROM t") if "tier" in found else found
    )


ENGINES: dict[str, Callable[[pa.Table], Any]] = {
    "pandas": to_pandas,
    "pandas with arrow types": lambda table: table.to_pandas(types_mapper=pd.ArrowDtype),
    "pandas with Python objects": lambda table: table.to_pandas(types_mapper={}.get).astype(
        {name: object for name in ("industry", "opted_out", "kind") if name in table.schema.names}
    ),
    "polars": pl.from_arrow,
    "polars, lazy": lambda table: pl.from_arrow(table).lazy(),
    "pyarrow": lambda table: table,
    "duckdb": in_duckdb,
}
drawing = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def answers(table: Any, asked: list[Condition], activities: Any) -> list[tuple[bool, ...]]:
    frame, expressions = prepare(engines.as_frame(table), asked, as_of=AS_OF, activities=activities)
    found = engines.collect(
        frame.select("hs_object_id", *[one.alias(f"c{position}") for position, one in enumerate(expressions)])
    )
    found = found.sort_values("hs_object_id", key=lambda ids: ids.astype(int)).drop(columns="hs_object_id")
    assert not found.isna().any(axis=None)
    return [tuple(map(bool, row)) for row in found.itertuples(index=False)]


def expected(
    asked: list[Condition], rows: list[dict[str, Any]], happened: list[dict[str, Any]]
) -> list[tuple[bool, ...]]:
    return [tuple(says(one, row, happened) is True for one in asked) for row in rows]


many_conditions = st.lists(conditions(), min_size=1, max_size=4)


@pytest.mark.parametrize("engine", ENGINES)
@given(rows=contacts(), happened=events(), asked=many_conditions)
@settings(drawing, max_examples=20)
def test_conditions_mean_the_same_on_every_engine(
    engine: str, rows: list[dict[str, Any]], happened: list[dict[str, Any]], asked: list[Condition]
) -> None:
    make = ENGINES[engine]
    table, activities = pa.Table.from_pylist(rows, SCHEMA), pa.Table.from_pylist(happened, EVENTS)
    assert answers(make(table), asked, make(activities)) == expected(asked, rows, happened)


@pytest.mark.parametrize("engine", ENGINES)
@given(
    rows=contacts(),
    happened=events(),
    asked=st.lists(counts(), min_size=MANY_COUNTS, max_size=8, unique=True),
    strange=st.booleans(),
)
@settings(drawing, max_examples=10)
def test_many_counts_are_what_each_alone_is(
    engine: str, rows: list[dict[str, Any]], happened: list[dict[str, Any]], asked: list[Count], strange: bool
) -> None:
    if strange:
        happened = [*happened, {"contact_id": "0", "kind": KINDS[0], "at": TIMES[0], "detail": BLANK_CLASS}]
    make = ENGINES[engine]
    table, activities = pa.Table.from_pylist(rows, SCHEMA), pa.Table.from_pylist(happened, EVENTS)
    binding = Binding(engines.as_frame(make(table)), [], counts=asked, as_of=AS_OF, activities=make(activities))
    named = [binding.count(count).alias(f"c{position}") for position, count in enumerate(asked)]
    found = engines.collect(binding.frame.select("hs_object_id", *named)).set_index("hs_object_id")
    for row in rows:
        assert list(found.loc[row["hs_object_id"]]) == [number_of(count, row, happened) for count in asked]


@pytest.mark.parametrize("most", [40, 1_500])
@pytest.mark.parametrize("engine", ["pandas", "polars", "duckdb"])
def test_a_record_of_very_many_events_is_counted_exactly(engine: str, most: int) -> None:
    rows = [{"hs_object_id": str(position)} for position in range(60)]
    numbers = {row["hs_object_id"]: position % 31 for position, row in enumerate(rows)} | {"7": most}
    happened = [
        {"contact_id": contact, "kind": KINDS[0], "at": TIMES[0], "detail": detail}
        for contact, times in numbers.items()
        for detail, share in (("/Pricing", times), ("/jobs", times // 2))
        for _ in range(share)
    ]
    assert len(happened) > 2**FEW_BITS
    asked = [parse_count(f"count({KINDS[0]}{more})") for more in ("", ', "pricing"', ', "jobs"', ", within_days=7")]
    make = ENGINES[engine]
    binding = Binding(
        engines.as_frame(make(pa.Table.from_pylist(rows))),
        [],
        counts=asked,
        as_of=AS_OF,
        activities=make(pa.Table.from_pylist(happened, EVENTS)),
    )
    found = engines.collect(binding.frame.select("hs_object_id", *[binding.count(count) for count in asked]))
    told = {row[0]: list(row[1:]) for row in found.itertuples(index=False)}
    assert told == {id_: [n + n // 2, n, n // 2, n + n // 2] for id_, n in numbers.items()}


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
@given(rows=contacts(), happened=events(), asked=st.lists(conditions(), min_size=8, max_size=12))
@settings(drawing, max_examples=3)
def test_conditions_mean_the_same_on_spark(
    spark: Any, rows: list[dict[str, Any]], happened: list[dict[str, Any]], asked: list[Condition]
) -> None:
    table = spark.createDataFrame(plain(pa.Table.from_pylist(rows, SCHEMA)))
    activities = spark.createDataFrame(pa.Table.from_pylist(happened, EVENTS))
    assert answers(table, asked, activities) == expected(asked, rows, happened)


# -- models ----------------------------------------------------------------------------------------------------------

POINTS = st.sampled_from([0, 1, -5, 20, 2.5, 0.1, -0.000001])
DECAYS = st.fixed_dictionaries({"percent": st.sampled_from([30, 50, 100]), "every_days": st.sampled_from([1, 7, 200])})
LIMITS = st.sampled_from([(None, None), (0, 10), (-3, None), (None, 2.5), (0, 0)])


@st.composite
def models(draw: st.DrawFn) -> ScoreModel:
    groups = []
    for place in range(draw(st.integers(1, 3))):
        rules = []
        for position in range(draw(st.integers(1, 4))):
            low, high = draw(LIMITS)
            common = {"name": f"rule {place}.{position}", "minimum": low, "maximum": high}
            common["enabled"] = draw(st.sampled_from([True, True, True, False]))
            kind = draw(st.sampled_from(["when", "count", "decay", "cases"]))
            if kind == "when":
                rules.append(Rule(when=draw(conditions()), points=draw(POINTS), **common))
            elif kind == "cases":
                cases = draw(st.lists(st.builds(Case, when=conditions(), points=POINTS), min_size=1, max_size=3))
                rules.append(Rule(cases=tuple(cases), otherwise=draw(POINTS), **common))
            else:
                decay = None if kind == "count" else Decay(**draw(DECAYS))
                common |= {"decay": decay, "at_most": draw(st.integers(1, 3))}
                rules.append(Rule(count=draw(counts()), points=draw(POINTS), **common))
        low, high = draw(LIMITS)
        category = draw(st.sampled_from([None, "fit", "engagement"]))
        groups.append(
            RuleGroup(name=f"Group {place}", category=category, rules=tuple(rules), minimum=low, maximum=high)
        )
    low, high = draw(LIMITS)
    most = draw(st.sampled_from([None, None, 5, 30]))
    return ScoreModel(name="drawn", groups=tuple(groups), minimum=low, maximum=high, category_maximum=most)


def scores_of(table: Any, model: ScoreModel, activities: Any) -> list[float]:
    scored = engines.collect(engines.as_frame(score(table, model, activities=activities, as_of=AS_OF)))
    scored = scored.sort_values("hs_object_id", key=lambda ids: ids.astype(int))
    return [float(value) for value in scored["score"]]


def tallied(table: Any, model: ScoreModel, activities: Any, others: ScoreModel) -> dict[str, float]:
    """Each contact's score with the points of `others`, from a tally of `model`."""
    tally = tally_codes(table, model, keys={"id": nw.col("hs_object_id")}, activities=activities, as_of=AS_OF)
    assert (tally.n == 1).all()
    return dict(zip(tally.keys["id"], tally.scores(others)[tally.pattern].astype(float), strict=True))


def with_other_points(data: st.DataObject, model: ScoreModel) -> ScoreModel:
    return model.with_points({rule.name: data.draw(POINTS) for rule in model.rules})


@pytest.mark.parametrize("engine", ENGINES)
@given(rows=contacts(), happened=events(), model=models(), data=st.data())
@settings(drawing, max_examples=8)
def test_scores_and_tallies_are_the_same_on_every_engine(
    engine: str, rows: list[dict[str, Any]], happened: list[dict[str, Any]], model: ScoreModel, data: st.DataObject
) -> None:
    make = ENGINES[engine]
    table, activities = make(pa.Table.from_pylist(rows, SCHEMA)), make(pa.Table.from_pylist(happened, EVENTS))
    assert scores_of(table, model, activities) == pytest.approx(plain_scores(model, rows, happened), abs=1e-9)
    other = with_other_points(data, model)
    ids = [row["hs_object_id"] for row in rows]
    assert tallied(table, model, activities, other) == dict(zip(ids, scores_of(table, other, activities), strict=True))


@pytest.mark.spark
@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
@given(rows=contacts(), happened=events(), model=models(), data=st.data())
@settings(drawing, max_examples=2)
def test_scores_and_tallies_are_the_same_on_spark(
    spark: Any, rows: list[dict[str, Any]], happened: list[dict[str, Any]], model: ScoreModel, data: st.DataObject
) -> None:
    table = spark.createDataFrame(plain(pa.Table.from_pylist(rows, SCHEMA)))
    activities = to_pandas(pa.Table.from_pylist(happened, EVENTS))
    assert scores_of(table, model, activities) == pytest.approx(plain_scores(model, rows, happened), abs=1e-9)
    other = with_other_points(data, model)
    on_pandas = to_pandas(pa.Table.from_pylist(rows, SCHEMA))
    assert tallied(table, model, activities, other) == tallied(on_pandas, model, activities, other)


# -- tables ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [None, 5, "contacts.csv", [{"a": 1}], pd.Series([1])])
def test_what_is_no_table_is_refused(given: Any) -> None:
    with pytest.raises(WorkbenchError) as told:
        engines.as_frame(given)
    assert str(told.value) == (
        f"a table is needed, but a {type(given).__name__} came; give a pandas or Polars DataFrame, a DuckDB relation, "
        "a Spark DataFrame, a pyarrow Table or a Workspace."
    )


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(WorkbenchError, match=r"^two columns of the table have the same name; rename one of them\.$"):
        engines.as_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]))


@pytest.mark.parametrize("engine", ENGINES)
def test_kinds_are_told_alike(engine: str) -> None:
    rows = [{"hs_object_id": "1", "industry": "x", "products": "y", "tier": "gold", "employees": 1.0, "visits": 1}]
    rows[0] |= {"opted_out": True, "created": TIMES[0], "birthday": dt.date(2026, 1, 1), "nothing": None}
    found = engines.kinds(engines.as_frame(ENGINES[engine](pa.Table.from_pylist(rows, SCHEMA))))
    found.pop("nothing")
    assert found == {
        "hs_object_id": "text",
        "industry": "text",
        "products": "text",
        "tier": "text",
        "employees": "number",
        "visits": "number",
        "opted_out": "bool",
        "created": "datetime",
        "birthday": "datetime",
    }


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_are_counted_by_keys_with_blanks_and_sums(engine: str) -> None:
    rows = [
        {"hs_object_id": "1", "industry": "b", "visits": 2},
        {"hs_object_id": "2", "industry": None, "visits": 3},
        {"hs_object_id": "3", "industry": "a", "visits": None},
        {"hs_object_id": "4", "industry": "b", "visits": 5},
    ]
    frame = engines.as_frame(ENGINES[engine](pa.Table.from_pylist(rows, SCHEMA)))
    found = engines.count_by(frame, {"industry": nw.col("industry")}, {"visits": nw.col("visits")})
    assert found["n"].dtype == np.int64
    assert found["industry"].astype(object).where(found["industry"].notna(), None).tolist() == ["a", "b", None]
    assert found["n"].tolist() == [1, 2, 1]
    assert [float(value) for value in found["visits"]] == [0, 7, 3]


def test_a_count_over_no_rows_is_empty() -> None:
    found = engines.count_by(engines.as_frame(pd.DataFrame({"a": pd.Series(dtype="str")})), {"a": nw.col("a")})
    assert found.empty
    assert list(found) == ["a", "n"]
