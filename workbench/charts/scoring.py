"""Pictures of a score as plain data: one contact's points step by step, and two models side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.calibration.side_by_side import ModelComparison
from workbench.charts import theme
from workbench.charts.calibration import MOST_BARS, Bars, left_ends
from workbench.charts.segments import label
from workbench.scoring import Explanation
from workbench.wording import points, round_step, signed


def waterfall(explained: Explanation, line: float | None = None) -> dict[str, Any]:
    """One contact's points from 0 to its score, a bar a step that gave or took any; `line` marks the threshold."""
    steps = [step for step in explained.steps if step.points]
    names = [label(step.what) for step in steps] + ["<b>score</b>"]
    starts = [step.total - step.points for step in steps] + [0]
    widths = [step.points for step in steps] + [explained.score]
    colours = [
        theme.BELOW if step.kind == "limit" else theme.ABOVE if step.points > 0 else theme.WARN for step in steps
    ] + [theme.INK]
    texts = [signed(step.points) for step in steps] + [f"<b>{points(explained.score)}</b>"]
    hover = [
        f"<b>{label(step.what)}</b>: {signed(step.points)}, {points(step.total)} so far"
        + (f"<br>{label(step.asks)}<br>found: {label(step.found)}" if step.kind == "rule" else "")
        for step in steps
    ] + [f"<b>score: {points(explained.score)}</b>"]
    places = list(range(len(names)))
    ends = [start + width for start, width in zip(starts, widths, strict=True)]
    low, high = min([0, *starts, *ends]), max([0, *starts, *ends, *([] if line is None else [line])])
    span = (high - low) or 1
    layout = theme.layout(
        height=82 + 30 * len(names),
        xaxis={"range": [low - 0.02 * span, high + 0.12 * span], "showgrid": True, "title": None},
        yaxis={
            "tickvals": places,
            "ticktext": names,
            "range": [len(names) - 0.4, -0.6],
            "showgrid": False,
            "tickfont": {"color": theme.INK, "size": 12.5},
        },
        showlegend=False,
        margin={"t": 26, "b": 48},
    )
    bars = {
        "type": "bar",
        "orientation": "h",
        "name": "points",
        "y": places,
        "x": widths,
        "base": starts,
        "width": 0.62,
        "marker": {"color": colours},
        "hovertext": hover,
        "hoverinfo": "text",
    }
    # The text of a bar with a base stands at its far end, which for points taken is the left one.
    captions = {
        "type": "scatter",
        "mode": "text",
        "name": "points",
        "y": places,
        "x": [max(start, end) for start, end in zip(starts, ends, strict=True)],
        "text": [f" {text}" for text in texts],
        "textposition": "middle right",
        "cliponaxis": False,
        "hoverinfo": "skip",
    }
    figure = {"data": [bars, captions], "layout": layout}
    return figure if line is None else theme.with_line(figure, line, f"line {points(line)}", font=theme.SMALL)


def scores_side_by_side(comparison: ModelComparison) -> dict[str, Any]:
    """How many contacts have which score: the old model's as an outline, the new one's as bars."""
    cells = comparison.cells
    old, new = (cells[side].to_numpy(dtype=float) for side in ("old_score", "new_score"))
    n = cells["n"].to_numpy()
    bars = _bars(np.concatenate([old[~np.isnan(old)], new[~np.isnan(new)]]))
    left, width = bars.left, bars.width
    before, after, above = (
        _heights(scores, n * inside, bars)
        for scores, inside in ((old, ~np.isnan(old)), (new, ~np.isnan(new)), (new, new >= comparison.new_line))
    )
    titles = comparison.titles
    shown = [f"{points(a)}{f' to {points(a + width)}' if width != 1 else ''} points" for a in left]
    hover = [
        f"<b>{score}</b><br>{label(titles[0])}: {int(was):,}<br>{label(titles[1])}: {int(now):,}"
        for score, was, now in zip(shown, before, after, strict=True)
    ]
    shared = {"type": "bar", "x": bars.middle, "width": width * 0.86, "hovertext": hover, "hoverinfo": "text"}
    return {
        "data": [
            {
                **shared,
                "name": f"{label(titles[1])}, above the line",
                "y": above,
                "base": after - above,
                "marker": {"color": theme.ABOVE, "opacity": 0.78},
            },
            {**shared, "name": f"{label(titles[1])}, below", "y": after - above, "marker": {"color": theme.BELOW}},
            {
                "type": "scatter",
                "mode": "lines",
                "name": label(titles[0]),
                "x": np.repeat(np.append(left, bars.last[-1]), 2),
                "y": np.concatenate([[0], np.repeat(before, 2), [0]]),
                "line": {"color": theme.INK, "width": 1.4, "dash": "dot"},
                "hoverinfo": "skip",
            },
        ],
        "layout": theme.layout(
            barmode="overlay",
            height=320,
            xaxis={"range": [float(left[0]), float(bars.last[-1])], "title": None},
            yaxis={"title": None, "rangemode": "tozero"},
            legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "reversed"},
            showlegend=True,
            margin={"t": 40, "b": 44},
            annotations=[theme.below_axis("score, in points", x=0.5, xanchor="center")],
        ),
    }


def crossing_by_segment(comparison: ModelComparison) -> dict[str, Any]:
    """How many rise above the line and how many fall below it, a row a segment."""
    table = comparison.by_segment[["segment", "n_up", "n_down"]].iloc[::-1]
    names = [label(name) for name in table["segment"]]
    places = list(range(len(names)))
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": places,
            "x": sign * table[column].to_numpy(),
            "marker": {"color": colour},
            "text": [f"{count:,}" if count else "" for count in table[column]],
            "textposition": "outside",
            "cliponaxis": False,
            "hoverinfo": "skip",
        }
        for name, column, sign, colour in (
            ("fall below the line", "n_down", -1, theme.WARN),
            ("rise above it", "n_up", 1, theme.ABOVE),
        )
    ]
    reach = 1.25 * max(int(table[["n_up", "n_down"]].to_numpy().max()), 1)
    return {
        "data": traces,
        "layout": theme.layout(
            barmode="relative",
            height=90 + 28 * len(names),
            xaxis={"range": [-reach, reach], "showticklabels": False, "zeroline": True, "zerolinecolor": theme.GRID},
            yaxis={"tickvals": places, "ticktext": names, "showgrid": False},
            legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
            margin={"t": 34, "b": 12},
        ),
    }


def _bars(scores: NDArray[np.float64]) -> Bars:
    """At most 40 bars, each from one score up to the next bar's."""
    distinct = np.unique(scores)
    width = 1.0
    left = distinct[:1] if len(distinct) else np.zeros(1)
    if len(distinct) > 1:
        step, span = float(np.diff(distinct).min()), float(distinct[-1] - distinct[0])
        width = step if span / step < MOST_BARS else round_step(span, MOST_BARS)
        left = left_ends(distinct, width)
    return Bars(left, left + width, left + width / 2, width, 0.0)


def _heights(scores: NDArray[np.float64], n: NDArray[Any], bars: Bars) -> NDArray[np.float64]:
    known = n > 0
    return np.bincount(bars.places(scores[known]), weights=n[known], minlength=bars.count).astype(np.float64)
