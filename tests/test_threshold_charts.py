"""The pictures of the page about the line, by the numbers in their traces."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.calibration import Decision, FollowUp
from workbench.charts import theme
from workbench.charts.calibration import promised_and_came, score_histogram, time_to_win, weekly_bars


def test_weeks_that_bring_more_than_sales_can_take_stand_out() -> None:
    figure = weekly_bars(np.array([4, 9, 5, 6]), 5)
    fits, over = figure["data"]
    assert (fits["x"].tolist(), fits["y"].tolist()) == ([-4, -2], [4, 5])
    assert (over["x"].tolist(), over["y"].tolist()) == ([-3, -1], [9, 6])
    assert over["hovertext"] == ["3 weeks ago<br>9 leads", "1 week ago<br>6 leads"]
    (line,) = figure["layout"]["shapes"]
    assert (line["y0"], line["y1"]) == (5, 5)


def test_time_to_win_starts_at_nothing_and_has_a_line_a_band() -> None:
    rows = [
        {
            "low_score": low,
            "high_score": high,
            "days": days,
            "n_at_risk": 8,
            "won_share": share,
            "low": 0.0,
            "high": 0.5,
        }
        for low, high, share in ((0.0, 10.0, 0.1), (20.0, 20.0, 0.4))
        for days in (7, 30)
    ]
    first, second = time_to_win(pd.DataFrame(rows))["data"]
    assert (first["name"], second["name"]) == ("0 to 10", "20")
    assert (first["x"], first["y"]) == ([0, 7, 30], [0, 0.1, 0.1])
    assert second["hovertext"][1] == (
        "<b>20 points</b><br>within 7 days: 40.0 % (0.0 to 50.0 %)<br>8 leads still followed"
    )
    assert first["line"]["color"] != second["line"]["color"]


def test_months_that_part_from_the_promise_stand_out_and_young_ones_are_not_drawn() -> None:
    decision = Decision(
        threshold=50,
        date="2026-01-01",
        author="Ana Lopes",
        reason="Sales can take 4 a week.",
        score="score",
        outcome="won",
        as_of=None,
        n_leads=1000,
        n_above=200,
        n_won=50,
        conversion_rate=0.25,
        low=0.2,
        high=0.31,
        capture_rate=0.5,
        leads_per_week=4.0,
        confidence=0.95,
        replaces=None,
        fingerprint="",
    )
    months = pd.to_datetime(["2026-01-01", "2026-02-01", "2026-03-01"])
    rows = pd.DataFrame(
        {
            "month": months,
            "n_judged": [20, 20, 0],
            "conversion_rate": [0.25, 0.05, np.nan],
            "low": [0.1, 0.01, np.nan],
            "high": [0.5, 0.24, np.nan],
            "converts_otherwise": [False, True, False],
        }
    )
    figure = promised_and_came(FollowUp(decision=decision, rows=rows, confidence=0.95))
    (came,) = figure["data"]
    assert (came["x"], came["y"].tolist()) == (["2026-01", "2026-02"], [0.25, 0.05])
    assert came["marker"]["color"] == [theme.ABOVE, theme.WARN]
    band, line = figure["layout"]["shapes"]
    assert (band["y0"], band["y1"], line["y0"]) == (0.2, 0.31, 0.25)


@pytest.mark.parametrize(
    ("scores", "marks"),
    [
        ([0.0] * 8 + [10.0, 100.0], {"▲ min 0, average 11": 0, "max 100 ▲": 100}),
        ([0.0, 90.0] + [100.0] * 8, {"▲ min 0": 0, "average 89, max 100 ▲": 100}),
    ],
)
def test_an_average_near_an_edge_shares_the_edges_label(scores: list[float], marks: dict[str, float]) -> None:
    table = pd.DataFrame({"score": scores, "won": [False, True] * 5})
    found = score_histogram(wb.calibrate(table, outcome="won"), 50)["layout"]["annotations"]
    assert {one["text"]: one["x"] for one in found if "▲" in one["text"]} == marks
