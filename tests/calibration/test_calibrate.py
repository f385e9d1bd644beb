from datetime import datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.stats.proportions import wilson_interval

rows = st.lists(st.tuples(st.one_of(st.none(), st.integers(-5, 12)), st.booleans()), min_size=4, max_size=60).filter(
    lambda found: (
        len({won for score, won in found if score is not None}) == 2
        and len({score for score, _ in found if score is not None}) > 1
    )
)


def table_of(found: list[tuple[int | None, bool]]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "score": pd.Series([score for score, _ in found], dtype="float64"),
            "won": pd.array([won for _, won in found], dtype="boolean"),
        }
    )


@settings(max_examples=60, deadline=None)
@given(rows)
def test_every_threshold_says_what_counting_the_rows_says(found: list[tuple[int | None, bool]]) -> None:
    calibration = wb.calibrate(table_of(found), outcome="won")
    scored = [(score, won) for score, won in found if score is not None]
    all_won = sum(won for _, won in scored)
    assert calibration.thresholds["threshold"].tolist() == sorted({score for score, _ in scored})
    for line in calibration.thresholds.itertuples():
        above = [won for score, won in scored if score >= line.threshold]
        low, high = wilson_interval(sum(above), len(above))
        assert (line.n_leads, line.n_won) == (len(above), sum(above))
        assert line.share == pytest.approx(len(above) / len(scored))
        assert line.conversion_rate == pytest.approx(sum(above) / len(above))
        assert (line.low, line.high) == pytest.approx((float(low), float(high)))
        assert line.capture_rate == pytest.approx(sum(above) / all_won)
        assert line.lift == pytest.approx(sum(above) / len(above) / (all_won / len(scored)))


@settings(max_examples=60, deadline=None)
@given(rows)
def test_the_summary_is_numpys_of_the_rows(found: list[tuple[int | None, bool]]) -> None:
    summary = wb.calibrate(table_of(found), outcome="won").summary
    scores = np.array([score for score, _ in found if score is not None], dtype=float)
    assert (summary.n, summary.blank) == (len(found), len(found) - len(scores))
    assert (summary.minimum, summary.maximum) == (scores.min(), scores.max())
    assert summary.mean == pytest.approx(scores.mean())
    assert summary.quartiles == pytest.approx(tuple(np.quantile(scores, [0.25, 0.5, 0.75])))
    assert summary.standard_deviation == pytest.approx(scores.std(ddof=1))


@settings(max_examples=60, deadline=None)
@given(rows)
def test_bands_hold_every_lead_once_and_never_split_a_score(found: list[tuple[int | None, bool]]) -> None:
    calibration = wb.calibrate(table_of(found), outcome="won")
    bands = calibration.bands
    assert bands["n_leads"].sum() == calibration.n_leads
    assert bands["n_won"].sum() == calibration.n_won
    assert (bands["low_score"].to_numpy()[1:] > bands["high_score"].to_numpy()[:-1]).all()
    assert len(bands) <= 10


@settings(max_examples=40, deadline=None)
@given(rows, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(found: list[tuple[int | None, bool]], random: Any) -> None:
    mixed = list(found)
    random.shuffle(mixed)
    one, other = wb.calibrate(table_of(found), outcome="won"), wb.calibrate(table_of(mixed), outcome="won")
    pd.testing.assert_frame_equal(one.thresholds, other.thresholds)
    assert one.lift_at(0.1) == other.lift_at(0.1)
    assert one.auc == other.auc


@settings(max_examples=20, deadline=None)
@given(rows)
def test_pandas_polars_and_duckdb_agree(found: list[tuple[int | None, bool]]) -> None:
    table = table_of(found)
    expected = wb.calibrate(table, outcome="won").thresholds
    polars = pl.from_pandas(table).with_columns(pl.col("score").fill_nan(None))
    connection = duckdb.connect()
    connection.register("leads", polars.to_arrow())
    for other in (polars, polars.lazy(), connection.sql("from leads")):
        pd.testing.assert_frame_equal(wb.calibrate(other, outcome="won").thresholds, expected)


def test_a_blank_score_is_not_a_zero() -> None:
    table = table_of([(None, True), (None, False), (0, False), (10, True), (10, False)])
    calibration = wb.calibrate(table, outcome="won")
    assert calibration.at(0).n_leads == 3
    assert (calibration.summary.blank, calibration.summary.n, calibration.summary.minimum) == (2, 5, 0)
    assert (calibration.blank.value, calibration.blank.n) == (0.5, 2)


def test_ties_count_in_proportion_in_lift_and_capture() -> None:
    table = table_of([(1, False)] * 8 + [(2, True), (2, False)])
    calibration = wb.calibrate(table, outcome="won")
    assert calibration.capture_at(0.10) == pytest.approx(0.5)
    assert calibration.lift_at(0.10) == pytest.approx(5.0)


def dated() -> pd.DataFrame:
    day = datetime(2026, 6, 30)
    created = [day - timedelta(days=days) for days in (200, 200, 200, 200, 200, 10, 10, 300)]
    won = [day - timedelta(days=days) for days in (150, 50)] + [None, day - timedelta(days=250), None, day, None, None]
    frame = pd.DataFrame({"score": [50.0, 50, 10, 50, 10, 90, 90, 50], "createdate": created, "won_at": won})
    frame.loc[7, "createdate"] = pd.NaT
    return frame.astype({"createdate": "datetime64[us]", "won_at": "datetime64[us]"})


def test_the_young_the_undated_and_those_won_before_creation_are_counted_apart_never_as_lost() -> None:
    outcome = wb.Outcome(when="is_known(won_at)", at="won_at", within_days=90, label="customers")
    calibration = wb.calibrate(dated(), outcome=outcome, as_of="2026-06-30")
    tally = calibration.tally
    assert (tally.n_young, tally.n_before, tally.n_unknown) == (2, 1, 1)
    assert (calibration.n_leads, calibration.n_won) == (4, 1)  # one won in time, one too late, two never
    assert calibration.summary.n == 8
    assert calibration.notes[0] == (
        "Not judged: 2 younger than 90 days, 1 with an unknown date or outcome, 1 won before they were created."
    )


def test_the_headline_is_one_sentence_with_n_and_interval() -> None:
    table = table_of([(45, True)] * 67 + [(45, False)] * 245 + [(5, True)] * 233 + [(5, False)] * 4455)
    outcome = wb.Outcome(when="won", label="customers")
    assert wb.calibrate(table, outcome=outcome).headline(45) == (
        "At 45 points 312 of 5,000 leads (6.2 %) go to sales; 21.5 % of them became customers (17.3 to 26.4 %), "
        "3.6 times the average; 22 % of all customers are among them."
    )


def test_a_line_above_every_score_hands_over_nobody() -> None:
    calibration = wb.calibrate(table_of([(1, True), (2, False)]), outcome="won")
    assert calibration.headline(99) == "At 99 points none of 2 leads go to sales; the highest score is 2."


def test_segments_are_judged_each_and_add_up() -> None:
    table = table_of([(1, True), (2, False), (2, True), (1, False), (2, True), (1, False)])
    table["country"] = ["Germany", "Germany", "France", "France", None, None]
    calibration = wb.calibrate(table, outcome="won", by="country")
    assert list(calibration.segments) == ["(blank)", "France", "Germany"]
    assert calibration.segment("France").n_leads == 2
    assert sum(int(tally.n_leads.sum()) for tally in calibration.segments.values()) == calibration.n_leads


@pytest.mark.parametrize(
    "words", [["yes", "no"], ["Ja", "Nein"], ["oui", "non"], ["true", "false"], ["1", "0"], ["WON", "lost"]]
)
def test_a_yes_no_column_may_be_written_in_three_languages(words: list[str]) -> None:
    table = pd.DataFrame({"score": [1.0, 2, 3], "y": [words[1], words[0], words[0]]})
    assert wb.calibrate(table, outcome="y").n_won == 2


NEVER = "the outcome 'won' never happens among 2 leads, so no line can be better than another; choose another outcome, "
BAD = [
    ([], "the table has no rows; load an export that has leads in it."),
    (
        [(None, True), (None, False)],
        "all 2 scores in 'score' are blank; choose another score column, or score the leads with a model "
        "(score.yaml) first.",
    ),
    ([(1, False), (2, False)], NEVER + "or check the export's dates and stages."),
    ([(1, True), (2, True)], NEVER.replace("never", "always") + "or check the export's dates and stages."),
    (
        [(7, True), (7, False)],
        "every lead has the same score, 7 in 'score', so there is no line to draw; choose another score column, "
        "or rules that tell leads apart.",
    ),
]


@pytest.mark.parametrize(("found", "sentence"), BAD)
def test_what_cannot_be_calibrated_ends_in_a_sentence(found: list[tuple[int | None, bool]], sentence: str) -> None:
    with pytest.raises(wb.WorkbenchError) as raised:
        wb.calibrate(table_of(found), outcome="won")
    assert str(raised.value) == sentence


def test_an_unknown_column_is_named_with_what_is_there() -> None:
    table = table_of([(1, True), (2, False)])
    with pytest.raises(wb.WorkbenchError) as raised:
        wb.calibrate(table, score="scor", outcome="won")
    assert str(raised.value) == "unknown score column 'scor'; the number columns are 'score'. Did you mean 'score'?"
    with pytest.raises(wb.WorkbenchError) as raised:
        wb.calibrate(table, outcome="wonn")
    assert str(raised.value) == "unknown outcome column 'wonn'; the table has 'score', 'won'. Did you mean 'won'?"
    with pytest.raises(wb.WorkbenchError) as raised:
        wb.calibrate(table, outcome="won", by="land")
    assert str(raised.value) == "unknown segment column 'land'; the table has 'score', 'won'."


def test_a_column_with_other_words_is_no_outcome() -> None:
    table = pd.DataFrame({"score": [1.0, 2], "stage": ["lead", "customer"]})
    with pytest.raises(wb.WorkbenchError) as raised:
        wb.calibrate(table, outcome="stage")
    assert str(raised.value) == (
        "the outcome column 'stage' is no yes/no column: it holds 'customer', 'lead'; say what counts as success in a "
        "condition, such as when='stage == \"customer\"'."
    )


@pytest.mark.parametrize(
    ("when", "meant"),
    [
        ('lifecyclestage == "Customer"', " Did you mean 'customer'?"),
        ('not (lifecyclestage != "Oportunity")', " Did you mean 'opportunity'?"),
        ('lifecyclestage == "evangelist"', ""),  # an option that nobody has reached
        ('city == "Rom"', ""),  # any text may be one
    ],
)
def test_an_outcome_that_asks_for_a_label_is_told_the_option(when: str, meant: str) -> None:
    leads = pd.DataFrame({"score": [1.0, 2.0], "lifecyclestage": ["lead", "customer"], "city": ["Rome", "Bonn"]})
    with pytest.raises(wb.WorkbenchError) as refused:
        wb.calibrate(leads, score="score", outcome=wb.Outcome(when=when))
    assert str(refused.value).endswith(f"dates and stages.{meant}")
