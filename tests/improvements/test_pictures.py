"""Pictures of improvements, by the numbers that they show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests.improvements.panels import growing, long
from tests.improvements.test_before_after import _market
from workbench.improvements import all_improvements, before_after, company_benchmark, improvement, quality


def _named(figure, name: str):
    return next(trace for trace in figure.data if trace.name == name)


def test_a_line_shows_each_months_improvement_inside_its_band() -> None:
    found = improvement(long(growing(150)), "website_traffic", draws=100)
    figure = wb.charts.plot(found)
    rows = found.frame().query("not is_baseline")
    assert list(_named(figure, "all customers").x) == list(range(2, 13))
    assert list(_named(figure, "all customers").y) == rows["improvement"].tolist()
    assert list(_named(figure, "interval").y) == rows["high"].tolist()
    assert "150 customers" in _named(figure, "all customers").hovertext[-1]


def test_hidden_groups_have_no_points() -> None:
    panel = long(growing(300), hub=np.repeat(["large", "second", "small"], [150, 110, 40]))
    found = improvement(panel, "website_traffic", by="hub", draws=0)
    from workbench.charts.improvements import improvement_lines

    lines = {trace["name"]: trace for trace in improvement_lines(found, by="hub")["data"]}
    assert np.isfinite(lines["large"]["y"]).all()
    for name in ("second", "small"):
        assert np.isnan(lines[name]["y"]).all()
        assert set(lines[name]["hovertext"]) == {""}


def test_small_multiples_have_a_picture_a_metric_with_its_value() -> None:
    panel = long(growing(150)).assign(metric="website_traffic")
    other = panel.assign(metric="deals_created")
    found = all_improvements(pd.concat([panel, other]), draws=0)
    figure = wb.charts.plot(found)
    assert [note.text for note in figure.layout.annotations] == [
        f"website traffic <b>{found['website_traffic'].value:+.0%}</b>",
        f"deals created <b>{found['deals_created'].value:+.0%}</b>",
    ]
    assert {trace.xaxis for trace in figure.data} == {"x", "x2"}


def test_quality_shows_the_values_before_and_after_cleaning() -> None:
    found = quality(long(growing(200, spoiled=0.05)), "website_traffic")
    figure = wb.charts.plot(found)
    assert sum(_named(figure, "before cleaning").y) == found.n_values
    assert sum(_named(figure, "after cleaning").y) < found.n_values
    assert len(_named(figure, "Q-Q, after").x) == 99


def test_a_company_lies_over_the_others_quartiles() -> None:
    found = company_benchmark(long(growing(150)), "website_traffic", "c00003")
    figure = wb.charts.plot(found)
    table = found.frame()
    assert _named(figure, "this company").y[11] == pytest.approx(found.own)
    assert _named(figure, "median of the others").y[11] == pytest.approx(found.median)
    assert _named(figure, "half of the others").y[-1] == table["upper_quartile"].iloc[11]


def test_before_and_after_stands_beside_what_it_alone_would_say() -> None:
    found = before_after(_market()[0], "website_traffic", at=6, draws=50)
    figure = wb.charts.plot(found)
    beside, alone = _named(figure, "beside later buyers"), _named(figure, "before and after alone")
    place = list(beside.x).index(6)
    assert (beside.y[place], alone.y[place]) == (found.value, found.before_after_alone)
    none = before_after(long(growing(120)), "website_traffic")
    assert len(_named(wb.charts.plot(none), "beside later buyers").x) == 0
