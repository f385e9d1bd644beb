"""Pictures of an audit as plain data: how full each property is."""

from __future__ import annotations

from typing import Any

import pandas as pd

from workbench.charts import theme
from workbench.charts.segments import label, records
from workbench.wording import percent

_ROW, _FRAME = 24, 70  # pixels


def fill_rates(properties: pd.DataFrame) -> dict[str, Any]:
    """A bar a property, as `Audit.properties` has them: filled as far as its rows are; unused ones stand out."""
    shown = properties.iloc[::-1]
    places = list(range(len(shown)))
    texts = [
        f"<b>{label(row.label)}</b><br>{percent(row.fill_rate)} filled ({row.n_filled:,} of {row.n_rows:,})"
        + (f"<br>{row.unused}" if row.unused else "")
        for row in records(shown)
    ]
    colours = [theme.WARN if unused else theme.ABOVE for unused in shown["unused"]]
    bar: dict[str, Any] = {"type": "bar", "orientation": "h", "y": places, "hovertext": texts, "hoverinfo": "text"}
    filled = {**bar, "x": shown["fill_rate"], "marker": {"color": colours}}
    blank = {**bar, "x": 1 - shown["fill_rate"], "marker": {"color": theme.BELOW, "opacity": 0.45}}
    return {
        "data": [filled, blank],
        "layout": theme.layout(
            height=_ROW * len(shown) + _FRAME,
            barmode="stack",
            bargap=0.35,
            showlegend=False,
            margin={"l": 44, "r": 12, "t": 8, "b": 40},
            xaxis={"tickformat": ".0%", "range": [0, 1], "showgrid": True},
            yaxis={"tickvals": places, "ticktext": [label(name) for name in shown["label"]], "showgrid": False},
        ),
    }
