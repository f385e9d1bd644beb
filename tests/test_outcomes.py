"""What counts as success: one definition, the same on every engine."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.engines import as_frame, collect
from workbench.errors import WorkbenchError
from workbench.outcomes import BEFORE, LOST, UNKNOWN, WON, YOUNG, Outcome, as_outcome, classify

AS_OF = datetime(2026, 6, 30)
BOUGHT = Outcome(when="is_known(bought)", at="bought", within_days=90)


def day(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def table(**columns: list[Any]) -> pd.DataFrame:
    frame = pd.DataFrame(columns)
    for name in ("createdate", "bought"):
        if name in frame:
            frame[name] = pd.to_datetime(frame[name]).astype("datetime64[us]")
    return frame


def codes(rows: Any, outcome: Outcome, *, as_of: datetime | None = AS_OF) -> list[int]:
    frame, code = classify(as_frame(rows), outcome, as_of=as_of)
    return [int(value) for value in collect(frame.select(code.alias("code")))["code"]]


def code_of(created: str | None, bought: str | None, outcome: Outcome = BOUGHT) -> int:
    return codes(table(createdate=[day(created)], bought=[day(bought)]), outcome)[0]


@pytest.mark.parametrize(
    ("created", "bought", "code", "why"),
    [
        ("2026-01-01", "2026-02-01", WON, "in time"),
        ("2026-01-01 10:00", "2026-04-01 10:00", WON, "after 90 days to the minute"),
        ("2026-01-01 10:00", "2026-04-01 10:01", LOST, "a minute too late"),
        ("2026-01-01", None, LOST, "had its time and did not buy"),
        ("2026-04-01", None, LOST, "exactly 90 days old on the day of the export"),
        ("2026-04-02", None, YOUNG, "89 days old"),
        ("2026-06-01", "2026-06-10", YOUNG, "bought, but others of its age still may"),
        (None, "2026-06-10", UNKNOWN, "nobody knows when it was created"),
        (None, None, UNKNOWN, "nobody knows whether it is young"),
        ("2026-01-10", "2026-01-09", BEFORE, "bought before it was created"),
        ("2026-01-10", "2026-01-10", WON, "bought in the minute it was created"),
    ],
)
def test_a_lead_is_won_lost_or_stands_apart(created: str | None, bought: str | None, code: int, why: str) -> None:
    assert code_of(created, bought) == code, why


def test_without_a_window_a_late_win_is_a_win_and_nobody_is_young() -> None:
    ever = Outcome(when="is_known(bought)", at="bought")
    assert code_of("2024-01-01", "2026-06-01", ever) == WON
    assert code_of("2026-06-29", None, ever) == LOST
    assert code_of("2026-01-10", "2026-01-09", ever) == BEFORE
    assert code_of(None, "2026-06-10", ever) == WON


def test_a_win_without_its_date_is_unknown_within_a_window() -> None:
    rows = table(createdate=[day("2026-01-01")] * 2, bought=[None, None], stage=["customer", "lead"])
    assert codes(rows, Outcome(when='stage == "customer"', at="bought", within_days=90)) == [UNKNOWN, LOST]


def test_leads_that_stand_apart_are_never_counted_as_lost() -> None:
    rows = table(
        createdate=[day("2026-01-01")] * 4 + [day("2026-06-20")] * 3 + [None],
        bought=[day("2026-01-05"), None, None, day("2025-12-01"), None, None, day("2026-06-21"), None],
        score=[9.0, 1, 2, 9, 9, 9, 9, 9],
    )
    tally = wb.calibrate(rows, outcome=BOUGHT, as_of="2026-06-30").tally
    assert (tally.n_leads.sum(), tally.n_won.sum()) == (3, 1)
    assert (tally.n_young, tally.n_unknown, tally.n_before) == (3, 1, 1)
    assert tally.n_rows == 8


@pytest.mark.parametrize(
    "words",
    [
        ["Yes", "No", None],
        ["ja", "Nein", None],
        ["OUI", "non", None],
        [" true ", "FALSE", None],
        ["1", "0", None],
        ["won", "lost", None],
        [1.0, 0.0, None],
    ],
)
def test_a_yes_no_column_is_read_in_three_languages_and_a_blank_is_neither(words: list[Any]) -> None:
    assert codes(table(won=words), Outcome(when="won")) == [WON, LOST, UNKNOWN]


def test_a_yes_no_column_of_true_and_false_has_blanks_too() -> None:
    rows = pd.DataFrame({"won": pd.array([True, False, None], dtype="boolean")})
    assert codes(rows, Outcome(when="won")) == [WON, LOST, UNKNOWN]


def test_a_condition_is_false_for_a_blank() -> None:
    rows = table(stage=["customer", "lead", None])
    assert codes(rows, Outcome(when='stage == "customer"')) == [WON, LOST, LOST]
    assert codes(rows, Outcome(when='not stage == "lead"')) == [WON, LOST, LOST]


def test_a_column_with_a_name_that_is_no_identifier_is_a_yes_no_column_too() -> None:
    assert codes(pd.DataFrame({"Closed Won?": ["yes", "no"]}), Outcome(when="Closed Won?")) == [WON, LOST]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (
            lambda: Outcome(when=" "),
            "an outcome needs a condition or the name of a yes/no column, but `when` is empty; "
            "try Outcome(when='lifecyclestage == \"customer\"').",
        ),
        (
            lambda: Outcome(when="won", within_days=90),
            "within_days=90 needs the date of the outcome; name its column with at=, or leave within_days out.",
        ),
        (
            lambda: Outcome(when="won", at="bought", within_days=0),
            "within_days counts days after creation, but 0 was given; use 1 or more.",
        ),
        (
            lambda: as_outcome(7),  # type: ignore[arg-type]
            "an outcome is an Outcome or the name of a yes/no column, not int; "
            "try outcome='won' or Outcome(when='lifecyclestage == \"customer\"').",
        ),
        (
            lambda: codes(table(won=["yes"]), Outcome(when="wonn")),
            "unknown outcome column 'wonn'; the table has 'won'. Did you mean 'won'?",
        ),
        (
            lambda: codes(table(won=["yes", "maybe"]), Outcome(when="won")),
            "the outcome column 'won' is no yes/no column: it holds 'maybe'; say what counts as success in a "
            "condition, such as when='won == \"maybe\"'.",
        ),
        (
            lambda: codes(table(won=[0.0, 2.0]), Outcome(when="won")),
            "the outcome column 'won' is no yes/no column: it holds '0.0', '2.0'; say what counts as success in a "
            "condition, such as when='won == 0.0'.",
        ),
        (
            lambda: codes(table(createdate=[AS_OF], bought=[AS_OF]), Outcome(when="is_known(bought)", at="bougt")),
            "unknown column 'bougt' in Outcome(at='bougt'); the date columns are 'createdate', 'bought'. "
            "Did you mean 'bought'?",
        ),
        (
            lambda: codes(
                table(bought=[AS_OF]), Outcome(when="is_known(bought)", at="bought", within_days=9, created="born")
            ),
            "unknown column 'born' in Outcome(created='born'); the date columns are 'bought'.",
        ),
        (
            lambda: codes(table(won=["yes"], on=["2026"]), Outcome(when="won", at="on")),
            "Outcome(at='on') needs a date column, but 'on' holds text; "
            "load it with a mapping that types it as a date.",
        ),
        (
            lambda: codes(table(createdate=[AS_OF], bought=[AS_OF]), BOUGHT, as_of=None),
            "within_days needs the date of the export; say as_of=, a date such as '2026-06-30'.",
        ),
    ],
)
def test_what_cannot_be_an_outcome_is_refused_in_a_sentence(make: Any, sentence: str) -> None:
    with pytest.raises(WorkbenchError) as refused:
        make()
    assert str(refused.value) == sentence


def test_an_outcome_says_itself_in_words() -> None:
    assert BOUGHT.sentence == "is_known(bought) within 90 days of createdate"
    assert Outcome(when="won").sentence == "won"
    assert Outcome(when="lifecyclestage == 'customer'").noun == "customers"
    assert Outcome(when="won").noun is None
    assert Outcome(when="won", label="buyers").noun == "buyers"


minutes = st.one_of(st.none(), st.integers(0, 200 * 24 * 60))
leads = st.lists(
    st.tuples(minutes, minutes, st.sampled_from(["yes", "No", "ja", None]), st.sampled_from([True, False, None])),
    min_size=1,
    max_size=30,
)
OUTCOMES = [
    BOUGHT,
    Outcome(when="is_known(bought)", at="bought"),
    Outcome(when="word", at="bought", within_days=30),
    Outcome(when="flag"),
    Outcome(when='word == "yes" or flag == true', at="bought", within_days=60),
]


def leads_of(found: list[tuple[int | None, int | None, str | None, bool | None]]) -> pd.DataFrame:
    def at(minute: int | None) -> datetime | None:
        return None if minute is None else datetime(2026, 1, 1) + timedelta(minutes=minute)

    frame = table(createdate=[at(row[0]) for row in found], bought=[at(row[1]) for row in found])
    return frame.assign(
        place=range(len(found)),
        word=pd.Series([row[2] for row in found], dtype="str"),
        flag=pd.array([row[3] for row in found], dtype="boolean"),
    )


def judged_by_hand(found: list[tuple[int | None, int | None, str | None, bool | None]]) -> list[int]:
    """BOUGHT, one lead at a time."""
    codes_, now = [], (AS_OF - datetime(2026, 1, 1)) // timedelta(minutes=1)
    for created, bought, _, _ in found:
        if created is None:
            codes_.append(UNKNOWN)
        elif created > now - 90 * 24 * 60:
            codes_.append(YOUNG)
        elif bought is None or bought > created + 90 * 24 * 60:
            codes_.append(LOST)
        else:
            codes_.append(BEFORE if bought < created else WON)
    return codes_


@settings(max_examples=40, deadline=None)
@given(leads)
def test_each_lead_is_judged_as_by_hand(found: list[Any]) -> None:
    assert codes(leads_of(found), BOUGHT) == judged_by_hand(found)


@settings(max_examples=25, deadline=None)
@given(leads, st.sampled_from(OUTCOMES))
def test_pandas_polars_and_duckdb_agree(found: list[Any], outcome: Outcome) -> None:
    rows = leads_of(found)
    expected = codes(rows, outcome)
    assert codes(pl.from_pandas(rows), outcome) == expected
    assert codes(pl.from_pandas(rows).lazy(), outcome) == expected
    with duckdb.connect() as connection:
        assert codes(connection.from_df(rows), outcome) == expected


@pytest.mark.spark
@pytest.mark.parametrize("outcome", OUTCOMES, ids=str)
def test_spark_agrees(spark: Any, outcome: Outcome) -> None:
    moments = [None, 0, 40 * 1440, 90 * 1440, 90 * 1440 + 1, 130 * 1440]
    found = [(a, b, w, f) for a in moments for b in moments for w, f in [("yes", None), ("No", True), (None, False)]]
    rows = leads_of(found)
    frame, code = classify(as_frame(spark.createDataFrame(pl.from_pandas(rows).to_arrow())), outcome, as_of=AS_OF)
    judged = collect(frame.select("place", code.alias("code"))).sort_values("place")["code"].tolist()
    assert judged == codes(rows, outcome)
