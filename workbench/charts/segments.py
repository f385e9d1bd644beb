"""Pictures of segments as plain data: bars with intervals, who they are, their funnel, their months, their overlap."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import pandas as pd

from workbench.charts import theme
from workbench.wording import interval, percent

MOST_LETTERS = 28


def label(text: object) -> str:
    """A text from data as a chart shows it: as it is, and short."""
    whole = str(text)
    return escape(whole if len(whole) <= MOST_LETTERS else f"{whole[: MOST_LETTERS - 1]}…", quote=False)


def _records(table: pd.DataFrame) -> Iterator[Any]:
    return iter(table.itertuples())


def distribution(table: pd.DataFrame) -> dict[str, Any]:
    """Shares of a property's classes inside and among the rest, from `Explorer.distribution`."""
    shown = table.iloc[::-1]
    names = [label(value) for value in shown["value"]]
    places = list(range(len(names)))
    bars = [
        ("the rest", "share_rest", "n_rest", theme.BELOW),
        ("this segment", "share", "n", theme.ABOVE),
    ]
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": places,
            "x": shown[share],
            "marker": {"color": colour},
            "hovertext": [
                f"<b>{one}</b><br>{name}: {percent(value)} ({count:,})"
                for one, value, count in zip(names, shown[share], shown[n], strict=True)
            ],
            "hoverinfo": "text",
        }
        for name, share, n, colour in bars
    ]
    return {
        "data": traces,
        "layout": theme.layout(
            height=max(220, 34 * len(names) + 90),
            xaxis={"tickformat": ".0%", "showgrid": True},
            yaxis={"tickvals": places, "ticktext": names, "showgrid": False},
            legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "reversed"},
            bargap=0.25,
        ),
    }


def funnel(table: pd.DataFrame, everybody: pd.DataFrame) -> dict[str, Any]:
    """How many reached each stage, as a share of those who reached the first; the segment and everybody."""
    names = [label(stage).replace(" ", "<br>") for stage in table["stage"]]
    traces = []
    for name, found, colour in (("this segment", table, theme.ABOVE), ("everybody", everybody, theme.BELOW)):
        first = max(int(found["n"].max()), 1) if len(found) else 1
        traces.append(
            {
                "type": "bar",
                "name": name,
                "x": names,
                "y": found["n"] / first,
                "marker": {"color": colour},
                "text": [f"{count:,}" for count in found["n"]],
                "textposition": "outside",
                "cliponaxis": False,
                "hoverinfo": "x+text+name",
            }
        )
    return {
        "data": traces,
        "layout": theme.layout(
            height=280,
            xaxis={"tickangle": 0},
            yaxis={"tickformat": ".0%", "range": [0, 1.15]},
            legend={"orientation": "h", "x": 0, "y": 1.04, "yanchor": "bottom"},
        ),
    }


def months(table: pd.DataFrame) -> dict[str, Any]:
    """Conversion by month of creation with intervals, from `Explorer.months`."""
    known = table[table["n_leads"] > 0]
    hover = [
        f"<b>{row.month:%B %Y}</b><br>{percent(row.conversion_rate)} of {row.n_leads:,} ({interval(row.low, row.high)})"
        for row in _records(known)
    ]
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "conversion",
        "x": known["month"],
        "y": known["conversion_rate"],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": known["high"] - known["conversion_rate"],
            "arrayminus": known["conversion_rate"] - known["low"],
            "color": "#9fc5c1",
            "thickness": 1.2,
            "width": 0,
        },
        "line": {"color": theme.ABOVE, "width": 1.6},
        "marker": {"size": 6},
        "hovertext": hover,
        "hoverinfo": "text",
    }
    return {
        "data": [trace],
        "layout": theme.layout(height=280, yaxis={"tickformat": ".0%", "rangemode": "tozero"}, showlegend=False),
    }


def overlap(table: pd.DataFrame) -> dict[str, Any]:
    """How many of the segment are in each saved segment: `segment`, `n`, `share`."""
    shown = table.iloc[::-1]
    places = list(range(len(shown)))
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": places,
        "x": shown["share"],
        "marker": {"color": theme.ABOVE},
        "text": [f"{n:,}" for n in shown["n"]],
        "textposition": "outside",
        "cliponaxis": False,
        "hoverinfo": "skip",
    }
    return {
        "data": [trace],
        "layout": theme.layout(
            height=max(140, 30 * len(shown) + 60),
            xaxis={"tickformat": ".0%", "range": [0, 1.12]},
            yaxis={"tickvals": places, "ticktext": [label(name) for name in shown["segment"]]},
            showlegend=False,
        ),
    }


def rates(table: pd.DataFrame, rate_all: float) -> dict[str, Any]:
    """Conversion of segments as points with intervals, from `SegmentTable.segments`."""
    shown = table[~table["suppressed"]].iloc[::-1]
    places = list(range(len(shown)))
    trace = {
        "type": "scatter",
        "mode": "markers",
        "y": places,
        "x": shown["conversion_rate"],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": shown["high"] - shown["conversion_rate"],
            "arrayminus": shown["conversion_rate"] - shown["low"],
            "color": "#9fc5c1",
            "thickness": 4,
            "width": 0,
        },
        "marker": {"size": 9, "color": theme.ABOVE},
        "hovertext": [
            f"<b>{label(row.segment)}</b><br>{percent(row.conversion_rate)} of {row.n_leads:,} "
            f"({interval(row.low, row.high)})"
            for row in _records(shown)
        ],
        "hoverinfo": "text",
    }
    line = {"type": "line", "x0": rate_all, "x1": rate_all, "y0": 0, "y1": 1, "yref": "paper"}
    return {
        "data": [trace],
        "layout": theme.layout(
            height=max(160, 34 * len(shown) + 80),
            xaxis={"tickformat": ".0%", "rangemode": "tozero", "showgrid": True},
            yaxis={"tickvals": places, "ticktext": [label(name) for name in shown["segment"]]},
            shapes=[{**line, "line": {"color": theme.SOFT, "width": 1, "dash": "dot"}}],
            showlegend=False,
        ),
    }


def upset(table: pd.DataFrame) -> dict[str, Any]:
    """Combinations of segments by size above dots that say which, from `SegmentTable.overlap`."""
    names = [name for name in table.columns if name != "n"]
    shown = table[table[names].any(axis=1)].head(20) if names else table.head(0)
    places = list(range(len(shown)))
    dots = [
        (place, row)
        for place, members in zip(places, shown[names].to_numpy(dtype=bool), strict=True)
        for row, inside in enumerate(members)
        if inside
    ]
    bars = {"type": "bar", "x": places, "y": shown["n"], "marker": {"color": theme.ABOVE}, "hoverinfo": "y"}
    marks = {
        "type": "scatter",
        "mode": "markers",
        "x": [place for place, _ in dots],
        "y": [-row for _, row in dots],
        "yaxis": "y2",
        "marker": {"size": 10, "color": theme.INK},
        "hoverinfo": "skip",
    }
    return {
        "data": [bars, marks],
        "layout": theme.layout(
            height=220 + 28 * len(names),
            xaxis={"showticklabels": False},
            yaxis={"domain": [0.45, 1]},
            yaxis2={
                "domain": [0, 0.4],
                "tickvals": [-row for row in range(len(names))],
                "ticktext": [label(name) for name in names],
                "range": [-len(names) + 0.5, 0.5],
                "zeroline": False,
                "fixedrange": True,
                "automargin": True,
            },
            showlegend=False,
        ),
    }
