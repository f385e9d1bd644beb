"""In at one line and out at a lower one, month by month."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.calibration.hysteresis import hysteresis

MONTHS = pd.date_range("2026-01-31", periods=5, freq="ME")
GONE = np.nan
PATHS = np.array(
    [
        [10, 52, 48, 51, 47],  # flickers round 50, never below 40
        [60, 35, 55, 55, GONE],  # falls out below both, comes back, then wins and is gone
        [GONE, 20, 30, 30, 30],  # never in
        [GONE, GONE, 50, 50, 41],  # comes late; at the line is in
    ],
    dtype=np.float32,
)


def test_a_lead_that_flickers_round_the_line_comes_in_once_where_the_way_out_is_lower() -> None:
    found = hysteresis(PATHS, MONTHS, 50, 40)
    rows = found.frame().set_index(["out", "month"])
    one, two = rows.loc[50], rows.loc[40]
    assert one["n_leads"].tolist() == [2, 3, 4, 4, 3]
    assert one["n_in"].tolist() == [1, 1, 2, 3, 0]
    assert one["n_first"].tolist() == two["n_first"].tolist() == [1, 1, 1, 0, 0]
    assert (one["n_again"].tolist(), two["n_again"].tolist()) == ([0, 0, 1, 1, 0], [0, 0, 1, 0, 0])
    assert (one["n_left"].tolist(), two["n_left"].tolist()) == ([0, 1, 1, 0, 2], [0, 1, 0, 0, 0])
    assert (found.again(50), found.again(40)) == (0.4, 0.25)
    assert found.headline() == (
        "In at 50, over 5 months, 3 leads came in for the first time (0.6 a month); 40.0 % of all that came in were "
        "flickering back where they fall out below 50, 25.0 % where they fall out below 40."
    )


def test_a_way_out_above_the_way_in_is_refused() -> None:
    with pytest.raises(wb.WorkbenchError) as raised:
        hysteresis(PATHS, MONTHS, 50, 60)
    assert str(raised.value) == (
        "the way out lies at or below the way in, but out=60 and line=50 were given; use for instance out=40."
    )


@pytest.fixture(scope="module")
def monthly() -> wb.Backtest:
    folder = Path(__file__).parents[2] / "data" / "sample"
    won = wb.Outcome(when='lifecyclestage == "customer"', at="hs_v2_date_entered_customer", within_days=90)
    return wb.backtest(wb.load(folder), wb.ScoreModel.read(folder / "score.yaml"), outcome=won, monthly=4)


def test_a_month_by_month_back_test_tells_who_comes_and_goes(monthly: wb.Backtest) -> None:
    found = monthly.hysteresis(50, 40).frame()
    at_each = monthly.cells[monthly.cells["score"] >= 50].groupby("reference")["n"].sum()
    assert found.loc[found["out"] == 50, "n_in"].tolist() == at_each.tolist()
    assert (found.loc[found["out"] == 40, "n_in"].to_numpy() >= at_each.to_numpy()).all()
    assert found.loc[found["out"] == 40, "n_again"].sum() <= found.loc[found["out"] == 50, "n_again"].sum()


def test_a_lead_that_stands_at_several_dates_is_drawn_as_one(monthly: wb.Backtest) -> None:
    assert monthly.repeats > 2
    calibration = monthly.calibration
    assert calibration.parts is not None
    assert calibration.parts.n.sum() == calibration.n_leads
    assert calibration.design_effect > 1.2
    assert monthly.later.parts is not None
    assert monthly.later.parts.n.sum() == monthly.later.n_leads


def test_without_several_dates_there_is_no_coming_and_going(monthly: wb.Backtest) -> None:
    once = replace(monthly, months=monthly.months[:1])
    with pytest.raises(wb.WorkbenchError, match="coming and going needs several dates; back-test with monthly=12"):
        once.hysteresis(50, 40)
