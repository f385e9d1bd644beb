"""The picture of a calibration: the score's histogram, what is above the line, who won."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.calibration import Calibration
from workbench.charts import theme
from workbench.stats.proportions import wilson_interval
from workbench.wording import interval, percent, plural, points, round_step

MOST_BARS = 40


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
    first = np.floor(scores[0] / width + 1e-9)
    left = np.arange(first, np.floor(scores[-1] / width + 1e-9) + 1) * width
    whole = width.is_integer() and bool(np.all(scores == np.floor(scores)))
    last = left + width - whole
    return Bars(left, last, (left + last) / 2, width, -0.5 if whole else 0.0)


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
    """Minimum, average and maximum under the axis; labels lean away from each other and from the edges."""
    summary = calibration.summary
    place = (summary.mean - start) / (end - start)
    lean = "left" if place < 0.3 else "right" if place > 0.7 else "center"
    marks = [
        ("▲ min " + points(summary.minimum), summary.minimum, "left"),
        ("▲ average " + points(round(summary.mean, 1)), summary.mean, lean),
        ("max " + points(summary.maximum) + " ▲", summary.maximum, "right"),
    ]
    unit = {"showarrow": False, "font": {"color": theme.SOFT, "size": 12}, "xref": "paper", "yref": "paper"}
    return [
        {**unit, "text": "leads", "x": 0, "xanchor": "right", "xshift": -8, "y": 1, "yanchor": "bottom", "yshift": 6},
        {**unit, "text": "score, in points", "x": 0.5, "y": 0, "yanchor": "top", "yshift": -40},
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
            "font": {"color": theme.SOFT, "size": 12},
        }
        for text, x, anchor in marks
    ]


def line_mark(scores: NDArray[np.float64], threshold: float) -> dict[str, Any]:
    """Layout entries that draw the threshold itself, for figures that nobody drags."""
    x = threshold + line_offset(scores)
    return {
        "shapes": [
            {
                "type": "line",
                "x0": x,
                "x1": x,
                "y0": 0,
                "y1": 1,
                "yref": "paper",
                "line": {"color": theme.INK, "width": 1.6},
            }
        ],
        "annotation": {
            "text": f"<b>hand over from {points(threshold)}</b>",
            "x": x,
            "y": 1,
            "yref": "paper",
            "yanchor": "bottom",
            "xanchor": "left",
            "showarrow": False,
        },
    }
