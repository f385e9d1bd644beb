"""Pictures of segments as plain data: bars with intervals, who they are, their way, their months, their overlap."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from workbench.charts import theme
from workbench.segments import (
    Discovery,
    Pivot,
    SegmentChanges,
    SegmentOverlap,
    SegmentProfiles,
    SegmentTable,
    StageFlow,
)
from workbench.wording import interval, percent, shortened

MOST_LETTERS = 28
SHORT = 15
MOST_COMBINATIONS = 12
MOST_CELLS = 20  # of a heat map, down and across
MOST_PANELS = 12
BAND = "rgba(15,118,110,0.28)"
REACH = "#9fc5c1"  # of an interval


def picture(result: object) -> dict[str, Any] | None:
    """The picture that belongs to a result; None where it is none of segments."""
    match result:
        case SegmentTable():
            return rates(result.segments, result.rate_all)
        case SegmentOverlap():
            return upset(result.sets)
        case SegmentProfiles():
            return profiles(result)
        case SegmentChanges():
            return sizes(result.sizes)
        case Pivot():
            return pivot_heat(result)
        case StageFlow():
            return flow(result)
        case Discovery():
            return separating(result.found)
    return None


def label(text: object) -> str:
    """A text from data as a chart shows it: as it is, and short."""
    return escape(shortened(str(text), MOST_LETTERS), quote=False)


def wrapped(text: object) -> str:
    """A name on two short lines, for places that are narrow on a phone."""
    lines = textwrap.wrap(str(text), SHORT, max_lines=2, placeholder="…") or [""]
    return "<br>".join(escape(line, quote=False) for line in lines)


def records(table: pd.DataFrame) -> Iterator[Any]:
    """The rows, with a name for each column."""
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
    names = [label(stage).replace(" ", "<br>", 1) for stage in table["stage"].iloc[::-1]]
    places = list(range(len(names)))
    traces = []
    for name, found, colour in (("everybody", everybody, theme.BELOW), ("this segment", table, theme.ABOVE)):
        first = max(int(found["n"].max()), 1) if len(found) else 1
        shares = (found["n"] / first).iloc[::-1]
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": name,
                "y": places,
                "x": shares,
                "marker": {"color": colour},
                "text": [f"{count:,}" for count in found["n"].iloc[::-1]],
                "textposition": "outside",
                "cliponaxis": False,
                "hovertext": [
                    f"<b>{stage.replace('<br>', ' ')}</b><br>{name}: {percent(share)}"
                    for stage, share in zip(names, shares, strict=True)
                ],
                "hoverinfo": "text",
            }
        )
    return {
        "data": traces,
        "layout": theme.layout(
            height=max(200, 46 * len(names) + 90),
            xaxis={"tickformat": ".0%", "range": [0, 1.18], "showgrid": True},
            yaxis={"tickvals": places, "ticktext": names, "showgrid": False},
            legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "reversed"},
            bargap=0.25,
        ),
    }


def months(table: pd.DataFrame) -> dict[str, Any]:
    """Conversion by month of creation with intervals, from `Explorer.months`."""
    known = table[table["n_leads"] > 0]
    hover = [
        f"<b>{row.month:%B %Y}</b><br>{percent(row.conversion_rate)} of {row.n_leads:,} ({interval(row.low, row.high)})"
        for row in records(known)
    ]
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "conversion",
        "x": known["month"],
        "y": known["conversion_rate"],
        "error_y": theme.error_bars(known["conversion_rate"], known["low"], known["high"], color=REACH, thickness=1.2),
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
    shown = table[~table["suppressed"] & (table["n_leads"] > 0)].iloc[::-1]
    places = list(range(len(shown)))
    trace = {
        "type": "scatter",
        "mode": "markers",
        "y": places,
        "x": shown["conversion_rate"],
        "error_x": theme.error_bars(shown["conversion_rate"], shown["low"], shown["high"], color=REACH, thickness=4),
        "marker": {"size": 9, "color": theme.ABOVE},
        "hovertext": [
            f"<b>{label(row.segment)}</b><br>{percent(row.conversion_rate)} of {row.n_leads:,} "
            f"({interval(row.low, row.high)})"
            for row in records(shown)
        ],
        "hoverinfo": "text",
    }
    return {
        "data": [trace],
        "layout": theme.layout(
            height=max(160, 34 * len(shown) + 80),
            xaxis={"tickformat": ".0%", "rangemode": "tozero", "showgrid": True},
            yaxis={"tickvals": places, "ticktext": [label(name) for name in shown["segment"]]},
            shapes=[theme.upright(rate_all, color=theme.SOFT, width=1, dash="dot")],
            showlegend=False,
        ),
    }


def upset(table: pd.DataFrame) -> dict[str, Any]:
    """The twelve largest combinations of segments above dots that say which, from `SegmentOverlap`."""
    names = [name for name in table.columns if name != "n"]
    shown = table[table[names].any(axis=1)].head(MOST_COMBINATIONS) if names else table.head(0)
    places = list(range(len(shown)))
    dots = [
        (place, row)
        for place, members in zip(places, shown[names].to_numpy(dtype=bool), strict=True)
        for row, inside in enumerate(members)
        if inside
    ]
    bars = {
        "type": "bar",
        "x": places,
        "y": shown["n"],
        "text": [f"{n:,}" for n in shown["n"]],
        "textposition": "outside",
        "textangle": -90,
        "constraintext": "none",
        "cliponaxis": False,
        "marker": {"color": theme.ABOVE},
        "hoverinfo": "skip",
    }
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
            height=220 + 34 * len(names),
            xaxis={"showticklabels": False, "range": [-0.6, max(len(shown), 6) - 0.4]},
            yaxis={
                "domain": [0.45, 0.97],
                "separatethousands": True,
                "range": [0, 1.25 * max(int(shown["n"].max()), 1) if len(shown) else 1],
            },
            yaxis2={
                "domain": [0, 0.4],
                "tickvals": [-row for row in range(len(names))],
                "ticktext": [wrapped(name) for name in names],
                "tickfont": {"color": theme.SOFT, "size": 11},
                "gridcolor": theme.GRID,
                "range": [-len(names) + 0.5, 0.5],
                "zeroline": False,
                "fixedrange": True,
                "automargin": True,
            },
            showlegend=False,
        ),
    }


def pivot_heat(found: Pivot) -> dict[str, Any]:
    """Two properties crossed, n in each cell; classes with nobody are left out."""
    held = found.cells.to_numpy() > 0
    kept = [np.flatnonzero(held.any(axis=axis))[:MOST_CELLS] for axis in (1, 0)]
    shown = found.cells.iloc[kept[0], kept[1]]
    down, across = shown.shape
    return {
        "data": [
            {
                "type": "heatmap",
                "z": shown.to_numpy(),
                "x": list(range(across)),
                "y": list(range(down)),
                "text": [[f"{n:,}" for n in row] for row in shown.to_numpy()],
                "texttemplate": "%{text}",
                "hoverinfo": "text",
                "colorscale": [[0, "#f4f7f9"], [1, theme.ABOVE]],
                "showscale": False,
                "xgap": 2,
                "ygap": 2,
            }
        ],
        "layout": theme.layout(
            height=max(220, 30 * down + 130),
            xaxis={"tickvals": list(range(across)), "ticktext": [label(name) for name in shown.columns], "side": "top"},
            yaxis={
                "tickvals": list(range(down)),
                "ticktext": [label(name) for name in shown.index],
                "autorange": "reversed",
                "showgrid": False,
            },
        ),
    }


def profiles(found: SegmentProfiles, *, across: int = 3) -> dict[str, Any]:
    """A small picture for each segment, so many in a row and all on the same axis: shares of the property's classes."""
    table = found.shares
    names = list(dict.fromkeys(table["segment"]))[:MOST_PANELS]
    classes = list(dict.fromkeys(table["value"]))
    columns = min(across, len(names))
    lines = math.ceil(len(names) / columns)
    top = float(table["share"].max()) * 1.05 or 1
    layout = theme.layout(height=lines * (24 * len(classes) + 80) + 40, showlegend=False)
    axes = {side: layout.pop(f"{side}axis") for side in "xy"}
    traces, titles = [], []
    for place, name in enumerate(names):
        line, column = divmod(place, columns)
        number = "" if place == 0 else str(place + 1)
        width, height = 1 / columns, 1 / lines
        x = [column * width + (0.02 if column else 0), (column + 1) * width - 0.02]
        y = [1 - (line + 1) * height + 0.2 * height / lines, 1 - line * height - 0.16 * height]
        rows = table[table["segment"] == name].iloc[::-1]
        places = list(range(len(rows)))
        ticks = [label(value) for value in rows["value"]] if column == 0 else [""] * len(rows)
        layout[f"xaxis{number}"] = {
            **axes["x"], "domain": x, "anchor": f"y{number}", "range": [0, top], "tickformat": ".0%", "showgrid": True,
            "nticks": 4, "tickangle": 0,
        }  # fmt: skip
        layout[f"yaxis{number}"] = {
            **axes["y"], "domain": y, "anchor": f"x{number}", "tickvals": places, "ticktext": ticks, "showgrid": False,
        }  # fmt: skip
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "x": rows["share"],
                "y": places,
                "xaxis": f"x{number}",
                "yaxis": f"y{number}",
                "marker": {"color": theme.ABOVE},
                "hovertext": [
                    f"<b>{label(name)}</b><br>{label(row.value)}: {percent(row.share)} ({row.n:,})"
                    for row in records(rows)
                ],
                "hoverinfo": "text",
            }
        )
        titles.append(
            {"text": f"<b>{wrapped(name)}</b>", "align": "left", "x": x[0], "y": y[1], "xref": "paper", "yref": "paper",
             "xanchor": "left", "yanchor": "bottom", "showarrow": False}
        )  # fmt: skip
    return {"data": traces, "layout": {**layout, "annotations": titles}}


def sizes(table: pd.DataFrame) -> dict[str, Any]:
    """The size of a segment over time, and who came and went."""
    bars = [
        {"type": "bar", "name": name, "x": table["day"], "y": sign * table[name], "marker": {"color": colour}}
        for name, sign, colour in (("entered", 1, theme.ABOVE), ("left", -1, theme.WARN))
    ]
    line = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": "size",
        "x": table["day"],
        "y": table["size"],
        "line": {"color": theme.INK, "width": 1.8},
    }
    return {
        "data": [*bars, line],
        "layout": theme.layout(
            height=320, barmode="relative", legend={"orientation": "h", "x": 0, "y": 1.04, "yanchor": "bottom"}
        ),
    }


def separating(table: pd.DataFrame) -> dict[str, Any]:
    """What separates winners, by how much it tells of the outcome, in bits."""
    shown = table.head(MOST_CELLS).iloc[::-1]
    places = list(range(len(shown)))
    names = [
        label(row.property) + (f" × {label(row.second)}" if isinstance(row.second, str) else "")
        for row in records(shown)
    ]
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": shown["information"],
        "y": places,
        "marker": {"color": theme.ABOVE},
        "hovertext": [
            f"<b>{name}</b><br>{label(row.best)}: {percent(row.conversion_rate)} of {row.n_leads:,} "
            f"({interval(row.low, row.high)})"
            for name, row in zip(names, records(shown), strict=True)
        ],
        "hoverinfo": "text",
    }
    return {
        "data": [trace],
        "layout": theme.layout(
            height=max(160, 30 * len(shown) + 90),
            xaxis={"title": {"text": "information about the outcome, bits"}, "rangemode": "tozero", "showgrid": True},
            yaxis={"tickvals": places, "ticktext": names, "showgrid": False},
            showlegend=False,
        ),
    }


# -- the way through stages ------------------------------------------------------------------------------------------


def flow(found: StageFlow, *, height: int = 320) -> dict[str, Any]:
    """A Sankey diagram: a bar a stage, as high as many came there, and bands to the stage they came to next.

    Drawn with lines and fills, so that the page's small plotly bundle holds it. A band that skips a stage passes above
    its bar.
    """
    stages = list(found.stages["stage"])
    position = {name: place for place, name in enumerate(stages)}
    moves = [
        (position[row.stage], position[row.next], int(row.n))
        for row in records(found.flows)
        if isinstance(row.next, str)
    ]
    n = [int(count) for count in found.stages["n"]]
    gap = 0.06 * max([*n, 1])
    lanes = _lanes(n, moves, gap)
    traces = []
    left, entered = [0.0] * len(n), [0.0] * len(n)
    for here, there, count in sorted(moves):
        knots = [(here + 0.06, left[here])]
        left[here] += count
        knots += [(place, lanes[here, there, place]) for place in range(here + 1, there)]
        knots.append((there - 0.06, entered[there]))
        entered[there] += count
        traces.append(_band(knots, count, f"{label(stages[here])} → {label(stages[there])}: {count:,}"))
    for place, (name, count) in enumerate(zip(stages, n, strict=True)):
        x = [place - 0.06, place + 0.06, place + 0.06, place - 0.06]
        traces.append(
            {
                "type": "scatter",
                "mode": "none",
                "fill": "toself",
                "x": x,
                "y": [0, 0, count, count],
                "fillcolor": theme.ABOVE,
                "text": f"{label(name)}: {count:,}",
                "hoveron": "fills",
                "hoverinfo": "text",
            }
        )
    told = [
        {"x": place, "y": count, "text": f"<b>{count:,}</b>", "showarrow": False, "yanchor": "bottom", "yshift": 1}
        for place, count in enumerate(n)
    ]
    return {
        "data": traces,
        "layout": theme.layout(
            height=height,
            xaxis={
                "tickvals": list(range(len(stages))),
                "ticktext": [label(name).replace(" ", "<br>") for name in stages],
                "range": [-0.45, len(stages) - 0.55],
                "tickangle": 0,
                "tickfont": {"color": theme.SOFT, "size": 11},
            },
            yaxis={"visible": False, "rangemode": "tozero"},
            annotations=told,
            margin={"l": 8, "r": 8},
            showlegend=False,
            hovermode="closest",
        ),
    }


def _lanes(n: list[int], moves: list[tuple[int, int, int]], gap: float) -> dict[tuple[int, int, int], float]:
    """Where each band that skips a stage passes above that stage's bar."""
    lanes = {}
    for place, count in enumerate(n):
        base = count + 2.5 * gap
        for here, there, size in sorted(moves):
            if here < place < there:
                lanes[here, there, place] = base
                base += size + gap / 2
    return lanes


def _band(knots: list[tuple[float, float]], width: int, text: str) -> dict[str, Any]:
    """A band of one width through its knots (x, lower edge), smooth in between."""
    ease = (1 - np.cos(np.linspace(0, np.pi, 13))) / 2
    x, low = [knots[0][0]], [knots[0][1]]
    for (x0, y0), (x1, y1) in pairwise(knots):
        x += list(np.round(np.linspace(x0, x1, 13)[1:], 4))
        low += list(np.round(y0 + (y1 - y0) * ease[1:], 2))
    return {
        "type": "scatter",
        "mode": "none",
        "fill": "toself",
        "x": x + x[::-1],
        "y": low + [value + width for value in low[::-1]],
        "fillcolor": BAND,
        "text": text,
        "hoveron": "fills",
        "hoverinfo": "text",
    }
