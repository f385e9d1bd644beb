"""Figures by what they show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.calibration import Calibration
from workbench.charts import theme
from workbench.charts.calibration import MOST_BARS, bars_of, score_histogram
from workbench.errors import WorkbenchError


def calibration(scores: list[float | None], *, wins: set[int] | None = None, label: str | None = None) -> Calibration:
    """A calibration of leads with these scores, of whom those at the places `wins` (default: the last) won."""
    won = [place in (wins or {len(scores) - 1}) for place in range(len(scores))]
    table = pd.DataFrame({"score": pd.Series(scores, dtype="float64"), "won": pd.array(won, dtype="boolean")})
    return wb.calibrate(table, outcome=wb.Outcome(when="won", label=label))


def traces(result: Calibration, threshold: float) -> dict[str, Any]:
    return {trace["name"]: trace for trace in score_histogram(result, threshold)["data"]}


def line_of(figure: go.Figure) -> float:
    (line,) = figure.layout.shapes
    assert line.x0 == line.x1
    return float(line.x0)


ladders = st.one_of(
    st.lists(st.integers(-60, 200), min_size=2, max_size=120),
    st.lists(st.integers(-8, 20).map(lambda n: 5 * n), min_size=2, max_size=60),
    st.lists(st.integers(0, 30).map(lambda n: n / 10), min_size=2, max_size=60),
    st.lists(st.floats(-10, 1000, allow_subnormal=False).map(lambda x: round(x, 3)), min_size=2, max_size=60),
    st.lists(st.integers(0, 10**6), min_size=2, max_size=60),
    st.lists(st.floats(0, 1).map(lambda x: round(x, 9)), min_size=2, max_size=60),
).filter(lambda found: len(set(found)) > 1)


@settings(max_examples=100, deadline=None)
@given(ladders, st.data())
def test_bars_hold_every_judged_lead_and_every_win_once(scores: list[float], data: st.DataObject) -> None:
    wins = data.draw(st.sets(st.integers(0, len(scores) - 1), min_size=1, max_size=len(scores) - 1))
    threshold = data.draw(st.one_of(st.sampled_from(scores), st.floats(-20, 1100)))
    result = calibration(list(scores), wins=wins)
    shown = traces(result, threshold)
    above, below, won = shown["above the line"], shown["below"], shown["won"]
    assert above["y"].sum() == result.at(threshold).n_leads
    assert above["y"].sum() + below["y"].sum() == len(scores)
    assert won["y"].sum() == len(wins)
    assert (above["base"] == below["y"]).all()
    assert (won["y"] <= above["y"] + below["y"]).all()
    assert len(above["y"]) <= MOST_BARS + 1


@settings(max_examples=150, deadline=None)
@given(ladders)
def test_a_line_stands_behind_every_score_below_it_and_before_every_other(scores: list[float]) -> None:
    distinct = np.unique(scores)
    bars = bars_of(distinct)
    places = bars.places(distinct)
    assert places.min() >= 0
    assert places.max() < bars.count
    slack = 1e-6 * bars.width
    assert (distinct >= bars.left[places] - slack).all()
    assert (distinct <= bars.left[places] + bars.width + slack).all()
    edges = bars.middle - bars.width / 2  # a bar's cell begins here
    lines = distinct + bars.line_offset
    assert (lines >= edges[places] - slack).all()
    assert (lines <= edges[places] + bars.width + slack).all()
    first = np.flatnonzero(np.diff(places, prepend=-1))  # lowest score of each bar: its line parts no bar
    whole = first[np.isclose(distinct[first], bars.left[places[first]])]
    np.testing.assert_allclose(lines[whole], edges[places[whole]], atol=slack)


@pytest.mark.parametrize(
    ("scores", "bars", "line"),
    [
        ([0, 1, 2, 3, 4], [0, 1, 2, 3, 4], 1.5),
        ([0, 5, 10, 20], [0, 5, 10, 15, 20], 2.5),
        ([0.0, 0.5, 1.0, 2.0], [0.0, 0.5, 1.0, 1.5, 2.0], 1.75),
        ([-3, -1, 1, 2], [-3, -2, -1, 0, 1, 2], 1.5),
    ],
)
def test_few_scores_have_a_bar_each_and_the_line_before_the_bar_it_stands_for(
    scores: list[float], bars: list[float], line: float
) -> None:
    result = calibration(list(scores))
    threshold = {1.5: 2.0, 2.5: 5.0, 1.75: 2.0}[line]
    below = traces(result, threshold)["below"]
    assert below["x"].tolist() == bars
    width = bars[1] - bars[0]
    assert below["width"] == pytest.approx(0.86 * width)
    assert line_of(wb.charts.plot(result, threshold=threshold)) == line


def test_many_whole_scores_share_bars_of_a_round_width_and_the_line_still_stands_before_its_points() -> None:
    result = calibration([float(score) for score in range(101)])
    below = traces(result, 50)["below"]
    assert below["x"].tolist() == [left + 2 for left in range(0, 101, 5)]
    assert line_of(wb.charts.plot(result, threshold=50)) == 49.5


def test_many_fractional_scores_share_bars_and_the_line_stands_where_it_is_said() -> None:
    result = calibration([score / 1000 for score in range(0, 1000, 3)])
    below = traces(result, 0.5)["below"]
    assert below["x"][:3].tolist() == pytest.approx([0.025, 0.075, 0.125])
    assert line_of(wb.charts.plot(result, threshold=0.5)) == 0.5


def test_the_bar_through_which_the_line_goes_is_split() -> None:
    result = calibration([float(score) for score in range(101)])
    shown = traces(result, 52)
    bar = 50 // 5
    assert shown["below"]["y"][bar - 1 : bar + 2].tolist() == [5, 2, 0]
    assert shown["above the line"]["y"][bar - 1 : bar + 2].tolist() == [0, 3, 5]
    assert shown["above the line"]["base"][bar] == 2


def test_scores_that_stand_on_no_grid_are_not_given_names_of_others() -> None:
    hover = traces(calibration([0.0, 0.7, 1.7]), 0.7)["below"]["hovertext"]
    assert [text.split("<br>")[0] for text in hover if "0 leads" not in text] == [
        "<b>0 to 0.05 points</b>",
        "<b>0.7 to 0.75 points</b>",
        "<b>1.7 to 1.75 points</b>",
    ]


def test_minimum_average_and_maximum_are_marked_where_they_are() -> None:
    result = calibration([0.0, 10, 20, 90, None], wins={3})
    marks = {mark["text"]: mark["x"] for mark in score_histogram(result, 20)["layout"]["annotations"]}
    assert marks == {"leads": 0, "score, in points": 0.5, "▲ min 0": 0, "▲ average 30": 30, "max 90 ▲": 90}
    low, high = score_histogram(result, 20)["layout"]["xaxis"]["range"]
    assert low < 0 < 90 < high


def test_a_bar_says_its_points_its_leads_and_how_they_convert() -> None:
    result = calibration([0.0, 0, 0, 0, 10, 10], wins={4}, label="customers")
    shown = traces(result, 10)
    assert shown["customers"]["hovertext"] == [
        "<b>0 points</b><br>4 leads<br>customers: 0, 0.0 % (0.0 to 49.0 %)",
        "<b>10 points</b><br>2 leads<br>customers: 1, 50.0 % (9.5 to 90.5 %)",
    ]


def test_a_bar_without_leads_claims_no_rate() -> None:
    assert traces(calibration([0.0, 1, 3]), 1)["below"]["hovertext"][2] == "<b>2 points</b><br>0 leads"


def test_plot_gives_the_figure_with_its_line_at_youdens_j_unless_told() -> None:
    result = calibration([0.0, 0, 10, 10, 20, 20, 30, 30], wins={5, 6, 7})
    figure = wb.charts.plot(result)
    assert line_of(figure) == 15.0
    assert figure.layout.annotations[-1].text == "<b>hand over from 20</b>"
    assert [trace.name for trace in figure.data] == ["above the line", "below", "won"]
    assert [trace.marker.color for trace in figure.data] == [theme.ABOVE, theme.BELOW, theme.WON]
    assert line_of(wb.charts.plot(result, threshold=30)) == 25.0


def test_plot_refuses_what_has_no_picture() -> None:
    with pytest.raises(WorkbenchError) as refused:
        wb.charts.plot(pd.DataFrame())
    assert str(refused.value) == (
        "there is no picture of DataFrame; plot() takes a Calibration, a ModelComparison, an Explanation, or a result "
        "of improvements or segments."
    )
