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
