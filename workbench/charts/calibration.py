"""The picture of a calibration: the score's histogram, what is above the line, who won."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.calibration import Calibration, FollowUp
from workbench.charts import theme
from workbench.stats.proportions import wilson_interval
from workbench.wording import interval, percent, plural, points, round_step

MOST_BARS = 40
EDGE = 0.32  # of the axis: nearer to its end there is no room for two labels on a narrow page


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """The histogram's bars: what scores each holds, where it stands, and where a line before it is drawn.

    A bar holds the scores from `left` to `last` (of whole points), or from `left` up to `last`; all have one `width`.
    """

    left: NDArray[np.float64]
    last: NDArray[np.float64]
    middle: NDArray[np.float64]
    width: float
    line_offset: float

    @property
    def count(self) -> int:
        return len(self.left)

    def places(self, scores: NDArray[np.float64]) -> NDArray[np.int64]:
        """Which bar holds each score."""
        places: NDArray[np.int64] = np.floor((scores - self.left[0]) / self.width + 1e-9).astype(np.int64)
        return places


def bars_of(scores: NDArray[np.float64]) -> Bars:
    """At most 40 bars: one a distinct score where that is enough, else 1, 2 or 5 times a power of ten wide."""
    step, span = float(np.diff(scores).min()), float(scores[-1] - scores[0])
    steps = (scores - scores[0]) / step
    if span / step < MOST_BARS and np.allclose(steps, np.round(steps), rtol=0, atol=1e-9):
        left = scores[0] + np.arange(round(span / step) + 1) * step
        return Bars(left, left, left, step, -step / 2)
    width = round_step(span, MOST_BARS)
    left = left_ends(scores, width)
    whole = width.is_integer() and bool(np.all(scores == np.floor(scores)))
    last = left + width - whole
    return Bars(left, last, (left + last) / 2, width, -0.5 if whole else 0.0)


def left_ends(scores: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Multiples of the width at which bars that hold ascending scores begin."""
    first, last = (np.floor(scores[place] / width + 1e-9) for place in (0, -1))
    return np.arange(first, last + 1) * width


def line_offset(scores: NDArray[np.float64]) -> float:
    """Added to a threshold for drawing: it puts the line before the bar it stands for."""
    return bars_of(scores).line_offset


def score_histogram(calibration: Calibration, threshold: float) -> dict[str, Any]:
    """A figure as plain data: bars of judged leads below and above the threshold, the won among them, and marks."""
    tally = calibration.tally
    bars = bars_of(tally.score)
    place = bars.places(tally.score)
    above = tally.score >= threshold
    n = np.bincount(place, weights=tally.n_leads, minlength=bars.count)
    won = np.bincount(place, weights=tally.n_won, minlength=bars.count)
    n_above = np.bincount(place[above], weights=tally.n_leads[above], minlength=bars.count)
    left, last, middle, width = bars.left, bars.last, bars.middle, bars.width
    low, high = wilson_interval(won, n, confidence=calibration.confidence)
    noun = calibration.outcome.noun or "won"
    hover = [
        f"<b>{points(a)}{f' to {points(b)}' if b > a else ''} points</b><br>{plural(int(leads), 'lead')}"
        + (f"<br>{noun}: {int(w):,}, {percent(w / leads)} ({interval(lo, hi)})" if leads else "")
        for a, b, leads, w, lo, hi in zip(left, last, n, won, low, high, strict=True)
    ]
    shared = {"type": "bar", "x": middle, "width": width * 0.86, "hovertext": hover, "hoverinfo": "text"}
    traces = [
        {
            **shared,
            "name": "above the line",
            "y": n_above,
            "base": n - n_above,
            "marker": {"color": theme.ABOVE, "opacity": 0.78},
        },
        {**shared, "name": "below", "y": n - n_above, "marker": {"color": theme.BELOW}},
        {**shared, "name": noun, "y": won, "marker": {"color": theme.WON}},
    ]
    half = width / 2
    return {
        "data": traces,
        "layout": theme.layout(
            barmode="overlay",
            xaxis={"range": [float(middle[0] - half), float(middle[-1] + half)], "title": None},
            yaxis={"title": None, "rangemode": "tozero"},
            annotations=_marks(calibration, float(middle[0] - half), float(middle[-1] + half)),
            legend={"orientation": "h", "x": 0, "y": -0.3, "yanchor": "top", "traceorder": "normal"},
            showlegend=True,
            margin={"t": 40, "b": 84},
            height=360,
        ),
    }


def _marks(calibration: Calibration, start: float, end: float) -> list[dict[str, Any]]:
    """Minimum, average and maximum under the axis; an average near an edge shares that edge's label."""
    summary = calibration.summary
    place = (summary.mean - start) / (end - start)
    low, high = f"▲ min {points(summary.minimum)}", f"max {points(summary.maximum)} ▲"
    average = f"average {points(round(summary.mean, 1))}"
    marks = []
    if place < EDGE:
        low = f"{low}, {average}"
    elif place > 1 - EDGE:
        high = f"{average}, {high}"
    else:
        marks.append((f"▲ {average}", summary.mean, "center"))
    marks += [(low, summary.minimum, "left"), (high, summary.maximum, "right")]
    unit = {"showarrow": False, "font": theme.SMALL, "xref": "paper", "yref": "paper"}
    return [
        {**unit, "text": "leads", "x": 0, "xanchor": "right", "xshift": -8, "y": 1, "yanchor": "bottom", "yshift": 6},
        theme.below_axis("score, in points", x=0.5, xanchor="center", yshift=-40),
    ] + [
        {
            "text": text,
            "x": x,
            "xanchor": anchor,
            "y": 0,
            "yref": "paper",
            "yanchor": "top",
            "yshift": -22,
            "showarrow": False,
            "font": theme.SMALL,
        }
        for text, x, anchor in marks
    ]


SHADES = ("#c3ced9", "#9fb8bd", "#73a5a2", "#3f8d86", "#0f766e", "#0b3b36")
"""From the lowest band to the highest."""


def weekly_bars(leads: NDArray[np.int64], capacity: float) -> dict[str, Any]:
    """Leads above the line by week, the latest last; weeks that bring more than `capacity` stand out."""
    weeks = np.arange(-len(leads), 0)
    over = leads > capacity
    hover = [
        f"{plural(-int(week), 'week')} ago<br>{plural(int(n), 'lead')}" for week, n in zip(weeks, leads, strict=True)
    ]
    traces = [
        {
            "type": "bar",
            "name": name,
            "x": weeks[chosen],
            "y": leads[chosen],
            "width": 0.8,
            "marker": {"color": colour},
            "hovertext": [text for text, one in zip(hover, chosen, strict=True) if one],
            "hoverinfo": "text",
        }
        for name, chosen, colour in (("fits", ~over, theme.ABOVE), ("more than sales can take", over, theme.WARN))
    ]
    line = {"color": theme.INK, "width": 1.4, "dash": "dot"}
    return {
        "data": traces,
        "layout": theme.layout(
            xaxis={"title": None, "range": [-len(leads) - 0.5, -0.5]},
            yaxis={"title": None, "rangemode": "tozero", "range": [0, 1.12 * max(float(leads.max()), capacity, 1.0)]},
            shapes=[
                {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": capacity, "y1": capacity, "line": line},
            ],
            annotations=[theme.below_axis("weeks ago")],
            showlegend=False,
            margin={"t": 12, "b": 48},
            height=220,
        ),
    }


def time_to_win(table: pd.DataFrame) -> dict[str, Any]:
    """Share that won by days after the reference date, a line a band; the paler, the lower."""
    traces = []
    last = float(table["days"].max())
    by_band = [band for _, band in table.groupby(["low_score", "high_score"], sort=True)]
    for place, band in enumerate(by_band):
        low, high = (float(band[name].iloc[0]) for name in ("low_score", "high_score"))
        shade = SHADES[round(place * (len(SHADES) - 1) / max(len(by_band) - 1, 1))]
        name = points(low) if low == high else f"{points(low)} to {points(high)}"
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": name,
                "x": [0, *band["days"]],
                "y": [0, *band["won_share"]],
                "line": {"color": shade, "width": 2},
                "marker": {"color": shade, "size": 6},
                "hovertext": ["", *(_won_by(name, row) for row in band.to_dict("records"))],
                "hoverinfo": "text",
            }
        )
    return {
        "data": traces,
        "layout": theme.layout(
            xaxis={"title": None, "range": [-0.04 * last, 1.04 * last]},
            yaxis={"title": None, "tickformat": ".0%", "rangemode": "tozero"},
            annotations=[theme.below_axis("days after the reference date")],
            showlegend=False,
            margin={"t": 12, "b": 48},
            height=260,
        ),
    }


def _won_by(band: str, row: Mapping[Any, Any]) -> str:
    return (
        f"<b>{band} points</b><br>within {plural(int(row['days']), 'day')}: {percent(row['won_share'])} "
        f"({interval(row['low'], row['high'])})<br>{plural(int(row['n_at_risk']), 'lead')} still followed"
    )


def promised_and_came(found: FollowUp) -> dict[str, Any]:
    """Conversion by month with its interval, beside what was promised; months with an alarm stand out."""
    rows = found.frame()
    rows = rows[rows["n_judged"] > 0]
    promised = found.decision
    alarm = rows["converts_otherwise"].to_numpy(dtype=bool)
    value = rows["conversion_rate"].to_numpy()
    hover = [
        f"<b>{row['month']:%B %Y}</b><br>{percent(row['conversion_rate'])} ({interval(row['low'], row['high'])}) of "
        f"{plural(int(row['n_judged']), 'lead')}"
        for row in rows.to_dict("records")
    ]
    trace = {
        "type": "scatter",
        "mode": "markers",
        "name": "came",
        "x": [f"{month:%Y-%m}" for month in rows["month"]],
        "y": value,
        "error_y": theme.error_bars(
            value, rows["low"].to_numpy(), rows["high"].to_numpy(), color=theme.SOFT, thickness=1.4
        ),
        "marker": {"size": 9, "color": [theme.WARN if one else theme.ABOVE for one in alarm]},
        "hovertext": hover,
        "hoverinfo": "text",
    }
    across = {"xref": "paper", "x0": 0, "x1": 1}
    return {
        "data": [trace],
        "layout": theme.layout(
            xaxis={"title": None, "type": "category"},
            yaxis={"title": None, "tickformat": ".0%", "rangemode": "tozero"},
            shapes=[
                {
                    "type": "rect",
                    **across,
                    "y0": promised.low,
                    "y1": promised.high,
                    "fillcolor": theme.ABOVE,
                    "opacity": 0.1,
                    "line": {"width": 0},
                },
                {
                    "type": "line",
                    **across,
                    "y0": promised.conversion_rate,
                    "y1": promised.conversion_rate,
                    "line": {"color": theme.ABOVE, "width": 1.2, "dash": "dot"},
                },
            ],
            annotations=[theme.below_axis("month of creation")],
            showlegend=False,
            margin={"t": 12, "b": 48},
            height=220,
        ),
    }
