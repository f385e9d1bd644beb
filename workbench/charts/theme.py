"""The look of every chart: calm colours, one accent, system fonts, tabular figures."""

from __future__ import annotations

from typing import Any

INK = "#1c2733"
SOFT = "#5b6775"
GRID = "#e3e8ee"
ABOVE = "#0f766e"
BELOW = "#c3ced9"
WON = "#0b3b36"
WARN = "#b45309"
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif'
SMALL = {"color": SOFT, "size": 12}
"""The font of remarks."""


def upright(x: float, **line: Any) -> dict[str, Any]:
    """A shape: a line from the bottom to the top of a figure."""
    line = {"color": INK, "width": 1.6, **line}
    return {"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper", "line": line}


def with_line(figure: dict[str, Any], x: float, text: str, **more: Any) -> dict[str, Any]:
    """A figure with an upright line that nobody drags, and a text above it."""
    told = {"text": text, "x": x, "y": 1, "yref": "paper", "yanchor": "bottom", "showarrow": False, **more}
    annotations = [*figure["layout"].get("annotations", ()), told]
    return {**figure, "layout": {**figure["layout"], "shapes": [upright(x)], "annotations": annotations}}


def below_axis(text: str, **more: Any) -> dict[str, Any]:
    """An annotation: a text below the x axis, from its left end on unless `more` says otherwise."""
    place = {"x": 0, "xref": "paper", "xanchor": "left", "y": 0, "yref": "paper", "yanchor": "top", "yshift": -24}
    return {"text": text, "showarrow": False, "font": SMALL, **place, **more}


def error_bars(value: Any, low: Any, high: Any, *, color: str, thickness: float) -> dict[str, Any]:
    """Lines from each value to the two ends of its interval."""
    ends = {"array": high - value, "arrayminus": value - low}
    return {"type": "data", "symmetric": False, **ends, "color": color, "thickness": thickness, "width": 0}


def layout(**more: Any) -> dict[str, Any]:
    """Layout entries that all figures share, with `more` laid over them."""
    axis = {"gridcolor": GRID, "zeroline": False, "tickfont": {"color": SOFT, "size": 12}, "automargin": True}
    base: dict[str, Any] = {
        "font": {"family": FONT, "color": INK, "size": 13},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 44, "r": 12, "t": 28, "b": 56},
        "hoverlabel": {"bgcolor": "#ffffff", "bordercolor": GRID, "font": {"family": FONT, "color": INK}},
        "dragmode": False,
        "xaxis": {**axis, "showgrid": False, "fixedrange": True},
        "yaxis": {**axis, "fixedrange": True},
    }
    for key, value in more.items():
        base[key] = {**base[key], **value} if isinstance(value, dict) and isinstance(base.get(key), dict) else value
    return base
