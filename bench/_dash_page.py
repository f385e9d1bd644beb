"""The threshold page as one would write it in Dash, control by control. `_dash_page.py DATA PORT`."""

from __future__ import annotations

import sys
from pathlib import Path

import dash
import numpy as np
import plotly.graph_objects as go
from dash import dcc, html
from ruamel.yaml import YAML

import workbench as wb

data, port = sys.argv[1], int(sys.argv[2])
workspace = wb.load(data)
contacts = workspace.contacts
scores = contacts["hubspotscore"].dropna()
won = contacts.loc[scores.index, "lifecyclestage"].eq("customer").fillna(False).astype(bool)
steps = np.arange(5 * np.floor(scores.min() / 5), scores.max() + 5, 5)
groups = YAML(typ="safe").load(Path(data) / "score.yaml")["groups"]
rules = [rule for group in groups for rule in group["rules"]]


def figure(line: float, shift: float = 0.0) -> go.Figure:
    moved = scores + shift
    leads = np.array([((moved >= step) & (moved < step + 5)).sum() for step in steps])
    winners = np.array([(won & (moved >= step) & (moved < step + 5)).sum() for step in steps])
    colours = np.where(steps >= line, "#44958d", "#c3ced9")
    drawn = go.Figure(
        [
            go.Bar(x=steps, y=leads - winners, marker={"color": colours}, name="leads"),
            go.Bar(x=steps, y=winners, marker={"color": "#0b3b36"}, name="customers"),
        ]
    )
    drawn.update_layout(
        barmode="stack", height=340, margin={"l": 46, "r": 12, "t": 20, "b": 40}, template="simple_white"
    )
    drawn.add_vline(x=line - 2.5, annotation_text=f"hand over from {line:g}")
    return drawn


def answer(line: float, shift: float = 0.0) -> str:
    above = scores + shift >= line
    rate = won[above].mean() if above.any() else 0.0
    return (
        f"From {line:g} points on, {above.sum():,} of {len(scores):,} contacts ({above.mean():.1%}) go to sales. "
        f"{rate:.1%} of them became customers, {rate / won.mean():.1f} times the average."
    )


def cards(line: float) -> list[html.Div]:
    above = scores >= line
    figures = [
        ("Leads a week", f"{above.sum() / 52:.0f}"),
        ("Conversion above the line", f"{won[above].mean():.1%}"),
        ("Customers caught", f"{won[above].sum() / won.sum():.0%}"),
        ("Best line", f"{line:g}"),
    ]
    return [html.Div([html.Span(name), html.Strong(value)]) for name, value in figures]


def table() -> html.Table:
    head = html.Tr([html.Th(name) for name in ("from", "leads", "share", "convert", "caught", "lift")])
    rows = []
    for line in steps[:: max(len(steps) // 8, 1)]:
        above = scores >= line
        rate = won[above].mean() if above.any() else 0.0
        values = (
            f"{line:g}",
            f"{above.sum():,}",
            f"{above.mean():.1%}",
            f"{rate:.1%}",
            f"{won[above].sum() / won.sum():.0%}",
            f"{rate / won.mean():.1f}",
        )
        rows.append(html.Tr([html.Td(value) for value in values]))
    return html.Table([html.Thead(head), html.Tbody(rows)])


app = dash.Dash(__name__)
app.layout = html.Div(
    [
        html.Aside(
            [
                dcc.Dropdown(["HubSpot Score", "Sales readiness"], "HubSpot Score"),
                dcc.Dropdown(["became a customer", "became an opportunity"], "became a customer"),
                dcc.Dropdown(["all leads", "Software"], "all leads"),
                dcc.Input(type="number", value=20),
                *(
                    html.Div(
                        [
                            html.Label(rule["name"]),
                            dcc.Slider(-30, 30, 1, value=rule["points"], marks=None, id=f"rule-{i}"),
                        ]
                    )
                    for i, rule in enumerate(rules)
                ),
            ]
        ),
        html.Main(
            [
                html.P(answer(50), id="answer"),
                html.Div(cards(50)),
                dcc.Graph(figure=figure(50), id="figure", config={"displayModeBar": False}),
                dcc.Slider(float(steps[0]), float(steps[-1]), 5, value=50, marks=None, id="line"),
                table(),
            ]
        ),
    ]
)


@app.callback(
    dash.Output("figure", "figure"),
    dash.Output("answer", "children"),
    dash.Input("line", "value"),
    *(dash.Input(f"rule-{i}", "value") for i in range(len(rules))),
    prevent_initial_call=True,
)
def move(line: float, *points: float) -> tuple[go.Figure, str]:
    shift = sum(points) - sum(rule["points"] for rule in rules)
    return figure(line, shift), answer(line, shift)


app.run(port=port)
