"""Pictures of improvements: lines by month with their band, small multiples, quality, one company."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from workbench.charts import theme
from workbench.improvements import BeforeAfter, CompanyBenchmark, Improvement, Improvements, Quality

COLOURS = (theme.ABOVE, "#b45309", "#2563eb", "#7c3aed", "#be185d", "#4d7c0f", "#0e7490", "#92400e")
BAND = "rgba(15,118,110,0.16)"
MOST_GROUPS = len(COLOURS)
SIGNED = "+.0%"
SINCE = {"title": {"text": "months since the purchase", "font": {"size": 12, "color": theme.SOFT}}, "dtick": 3}


def improvement_lines(found: Improvement, *, by: str = "") -> dict[str, Any]:
    """A line a group and month, with the interval of the one that stands alone; hidden months are gaps."""
    table = found.frame()
    here = _until_known(table[table["by"] == by])
    groups = list(dict.fromkeys(here["group"]))[:MOST_GROUPS]
    traces: list[dict[str, Any]] = []
    for place, group in enumerate(groups):
        rows = here[(here["group"] == group) & ~here["is_baseline"]]
        colour = COLOURS[place]
        if len(groups) == 1:
            traces += _band(rows["month"], rows["low"], rows["high"], "interval")
        traces.append(_line(rows, group, colour))
    return {
        "data": traces,
        "layout": theme.layout(
            xaxis=SINCE,
            yaxis={"tickformat": SIGNED, "title": None, "zeroline": True, "zerolinecolor": theme.SOFT},
            shapes=[theme.upright(found.choices.at, color=theme.SOFT, width=1, dash="dot")],
            showlegend=len(groups) > 1,
            legend={"orientation": "h", "x": 0, "y": -0.2, "yanchor": "top"},
            margin={"t": 16, "b": 84 if len(groups) > 1 else 56},
            height=360,
        ),
    }


def _until_known(table: pd.DataFrame) -> pd.DataFrame:
    """Up to the last month that has a figure: what lies beyond is no part of the picture."""
    known = table.loc[table["improvement"].notna(), "month"]
    return table[table["month"] <= known.max()] if len(known) else table


def _line(rows: pd.DataFrame, name: str, colour: str) -> dict[str, Any]:
    hover = [
        f"<b>{name}, month {row['month']}</b><br>{row['improvement']:+.1%}"
        + (f" ({row['low']:+.1%} to {row['high']:+.1%})" if np.isfinite(row["low"]) else "")
        + f"<br>{row['n_customers']:,} customers"
        if np.isfinite(row["improvement"])
        else ""
        for row in rows.to_dict("records")
    ]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": rows["month"].to_numpy(),
        "y": rows["improvement"].to_numpy(),
        "line": {"color": colour, "width": 2},
        "marker": {"color": colour, "size": 6},
        "connectgaps": False,
        "hovertext": hover,
        "hoverinfo": "text",
    }


def _band(x: pd.Series, low: pd.Series, high: pd.Series, name: str, **axes: str) -> list[dict[str, Any]]:
    known = (low.notna() & high.notna()).to_numpy()
    shared = {
        "type": "scatter",
        "mode": "lines",
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
        **axes,
    }
    place = x.to_numpy()[known]
    return [
        {**shared, "x": place, "y": low.to_numpy()[known], "name": f"{name}, low"},
        {**shared, "x": place, "y": high.to_numpy()[known], "name": name, "fill": "tonexty", "fillcolor": BAND},
    ]


def small_multiples(found: Improvements, *, columns: int = 4) -> dict[str, Any]:
    """One small picture a metric, all customers, each on its own scale; with few columns, narrow, so titles break."""
    names = list(found.found)
    rows = max(1, -(-len(names) // columns))
    narrow = columns < 4
    gap_x, gap_y = 0.16 if narrow else 0.05, min((0.46 if narrow else 0.34) / rows, 0.2)
    width, height = (1 - gap_x * (columns - 1)) / columns, (1 - gap_y * (rows - 1)) / rows
    traces: list[dict[str, Any]] = []
    axes: dict[str, Any] = {}
    titles: list[dict[str, Any]] = []
    for place, name in enumerate(names):
        number = "" if place == 0 else str(place + 1)
        row, column = divmod(place, columns)
        left, top = column * (width + gap_x), 1 - row * (height + gap_y)
        table = found.found[name].frame()
        here = _until_known(table[(table["by"] == "") & ~table["is_baseline"]])
        on = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        traces += _band(here["month"], here["low"], here["high"], "interval", **on)
        traces.append(
            _line(here, found.found[name].metric.label(), COLOURS[0]) | on | {"mode": "lines", "showlegend": False}
        )
        look = theme.layout()
        axes[f"xaxis{number}"] = look["xaxis"] | {"domain": [left, left + width], "anchor": f"y{number}", "dtick": 6}
        axes[f"yaxis{number}"] = look["yaxis"] | {
            "domain": [top - height, top],
            "anchor": f"x{number}",
            "tickformat": SIGNED,
            "nticks": 4,
            "zeroline": True,
            "zerolinecolor": theme.SOFT,
        }
        value = found.found[name].value
        said = "hidden" if value is None else f"{value:+.0%}".replace("-", "−")
        titles.append(
            {
                "text": f"{found.found[name].metric.label()}{'<br>' if narrow else ' '}<b>{said}</b>",
                "x": left,
                "y": top,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "align": "left",
                "yanchor": "bottom",
                "xshift": -34,  # where the axis begins
                "yshift": 5,
                "showarrow": False,
                "font": {"size": 12, "color": theme.INK},
            }
        )
    layout = theme.layout(annotations=titles, showlegend=False, height=150 * rows + 60, margin={"t": 44, "b": 36})
    return {"data": traces, "layout": layout | axes}


def quality_picture(found: Quality, *, stacked: bool = False) -> dict[str, Any]:
    """Histogram, box and Q-Q, before and after cleaning; beside each other, or one above the other."""
    bins, box, quantiles = found.histogram(), found.box().set_index("share"), found.quantiles()
    looks = {"before": theme.BELOW, "after": theme.ABOVE}
    traces: list[dict[str, Any]] = []
    place = np.arange(len(bins))
    for name, colour in looks.items():
        traces.append(
            {
                "type": "bar",
                "name": f"{name} cleaning",
                "x": place,
                "y": bins[name].to_numpy(),
                "marker": {"color": colour, "opacity": 0.7},
                "hovertext": [
                    f"{low:,.4g} to {high:,.4g}: {count:,} values {name} cleaning"
                    for low, high, count in zip(bins["low"], bins["high"], bins[name], strict=True)
                ],
                "hoverinfo": "text",
            }
        )
    for row, (name, colour) in enumerate(looks.items()):
        for shares, width in (((0.01, 0.99), 1), ((0.05, 0.95), 3), ((0.25, 0.75), 11)):
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "x": box.loc[list(shares), name].to_numpy(),
                    "y": [row, row],
                    "line": {"color": colour, "width": width},
                    "xaxis": "x2",
                    "yaxis": "y2",
                    "showlegend": False,
                    "hovertext": f"{name}: {shares[0]:.0%} to {shares[1]:.0%} of the values",
                    "hoverinfo": "text+x",
                }
            )
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": box.loc[[0.5], name].to_numpy(),
                "y": [row],
                "marker": {"color": theme.INK, "size": 8},
                "xaxis": "x2",
                "yaxis": "y2",
                "showlegend": False,
                "hovertext": f"median {name} cleaning",
                "hoverinfo": "text+x",
            }
        )
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": quantiles["normal"].to_numpy(),
                "y": quantiles[name].to_numpy(),
                "marker": {"color": colour, "size": 5},
                "xaxis": "x3",
                "yaxis": "y3",
                "showlegend": False,
                "name": f"Q-Q, {name}",
            }
        )
    whole: tuple[float, float] = (0, 1)
    if stacked:
        places = [{"x": whole, "y": (low, low + 0.24)} for low in (0.76, 0.38, 0)]
    else:
        places = [{"x": across, "y": whole} for across in ((0, 0.3), (0.38, 0.68), (0.76, 1))]
    axis, unit = theme.layout(), found.metric.unit
    ticks = [1, len(bins) // 2, len(bins) - 2]
    logs = ", logarithms" if box["before"].min() > 0 else ""
    told = (f"customers' months by {unit}", f"spread, {unit}", f"Q-Q to a normal{logs}")
    titles = [_title(text, place["x"][0], place["y"][1]) for text, place in zip(told, places, strict=True)]
    middle = sorted({_rounded(value) for value in box.loc[[0.05, 0.5, 0.95], "before"]})
    return {
        "data": traces,
        "layout": theme.layout(
            barmode="overlay",
            height=720 if stacked else 320,
            margin={"t": 30, "b": 84},
            legend={"orientation": "h", "x": 0, "y": -0.07 if stacked else -0.24, "yanchor": "top"},
            showlegend=True,
            annotations=titles,
            xaxis={
                "domain": places[0]["x"], "tickvals": ticks,
                "ticktext": [_short(bins["low"][tick]) for tick in ticks], "tickangle": 0,
            },
            yaxis={"domain": places[0]["y"]},
        )
        | {
            "xaxis2": axis["xaxis"]
            | {
                "domain": places[1]["x"], "anchor": "y2", "type": "log" if logs else "linear",
                "tickvals": middle, "ticktext": [_short(value) for value in middle], "tickangle": 0,
            },
            "yaxis2": axis["yaxis"]
            | {
                "domain": places[1]["y"], "anchor": "x2", "tickvals": [0, 1], "ticktext": list(looks),
                "range": [-0.7, 1.7], "showgrid": False,
            },
            "xaxis3": axis["xaxis"] | {"domain": places[2]["x"], "anchor": "y3"},
            "yaxis3": axis["yaxis"] | {"domain": places[2]["y"], "anchor": "x3"},
        },
    }  # fmt: skip


def _rounded(value: float) -> float:
    """To two figures."""
    return float(f"{value:.2g}")


def _short(value: float) -> str:
    return f"{_rounded(value):,.0f}" if value >= 10 else f"{_rounded(value):g}"


def _title(text: str, x: float, y: float) -> dict[str, Any]:
    font = {"size": 12, "color": theme.SOFT}
    return {
        "text": text, "x": x, "y": y, "xref": "paper", "yref": "paper", "xanchor": "left", "yanchor": "bottom",
        "showarrow": False, "font": font,
    }  # fmt: skip


def company_picture(found: CompanyBenchmark) -> dict[str, Any]:
    """The company's own change on top of the others' median and quartile band."""
    table = found.frame()
    traces = _band(table["month"], table["lower_quartile"], table["upper_quartile"], "half of the others")
    shared = {"type": "scatter", "mode": "lines", "x": table["month"].to_numpy()}
    traces[1]["showlegend"] = True
    traces.append(
        {**shared, "name": "median of the others", "y": table["median"].to_numpy(), "line": {"color": theme.SOFT}}
    )
    own = {"color": theme.WARN, "width": 2}
    traces.append(
        {**shared, "mode": "lines+markers", "name": "this company", "y": table["own"].to_numpy(), "line": own}
    )
    return {
        "data": traces,
        "layout": theme.layout(
            xaxis=SINCE,
            yaxis={"tickformat": SIGNED, "zeroline": True, "zerolinecolor": theme.SOFT},
            legend={"orientation": "h", "x": 0, "y": -0.22, "yanchor": "top"},
            showlegend=True,
            margin={"t": 16, "b": 84},
            height=320,
        ),
    }


def before_after_picture(found: BeforeAfter) -> dict[str, Any]:
    """The effect beside later buyers, month by month, and what before and after alone would say."""
    table = found.frame()
    if table.empty:
        table = pd.DataFrame(columns=["month", "effect", "low", "high", "before_after_alone"], dtype=float)
    else:
        table = table[table["effect"].notna()]
    traces = _band(table["month"], table["low"], table["high"], "interval")
    shared = {"type": "scatter", "mode": "lines+markers", "x": table["month"].to_numpy()}
    for name, column, colour in (
        ("beside later buyers", "effect", theme.ABOVE),
        ("before and after alone", "before_after_alone", theme.BELOW),
    ):
        traces.append({**shared, "name": name, "y": table[column].to_numpy(), "line": {"color": colour}})
    return {
        "data": traces,
        "layout": theme.layout(
            xaxis=SINCE,
            yaxis={"tickformat": SIGNED, "zeroline": True, "zerolinecolor": theme.SOFT},
            legend={"orientation": "h", "x": 0, "y": -0.3, "yanchor": "top"},
            showlegend=True,
            margin={"t": 16, "b": 100},
            height=300,
        ),
    }


def picture(result: object) -> dict[str, Any] | None:
    """The figure of a result of the improvements as plain data; None for anything else."""
    pictures: Sequence[tuple[type, Any]] = (
        (Improvement, improvement_lines),
        (Improvements, small_multiples),
        (Quality, quality_picture),
        (CompanyBenchmark, company_picture),
        (BeforeAfter, before_after_picture),
    )
    for kind, draw in pictures:
        if isinstance(result, kind):
            spec: dict[str, Any] = draw(result)
            return spec
    return None
