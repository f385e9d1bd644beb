"""What the figure widget sends to the browser."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays, scalar_dtypes

from workbench.dashboards.figure import STATIC, FigureView
from workbench.errors import WorkbenchError


def sent(values: Any) -> Any:
    """`values` as the `y` of a trace, as the browser gets it."""
    view = FigureView()
    view.show({"data": [{"y": values}]})
    return json.loads(json.dumps(view.spec, allow_nan=False))["data"][0]["y"]


def unpacked(packed: Any) -> list[float]:
    """What plotly.js makes of an array it is sent."""
    if isinstance(packed, list):
        return packed
    return np.frombuffer(base64.b64decode(packed["bdata"]), dtype=f"<{packed['dtype']}").tolist()


def test_a_plotly_figure_arrives_as_data_and_layout() -> None:
    view = FigureView()
    view.show(go.Figure(go.Bar(x=np.array([1, 2]), y=np.array([0.5, 2.5])), layout={"title": {"text": "Leads"}}))
    (trace,) = view.spec["data"]
    assert trace["type"] == "bar"
    assert (unpacked(trace["x"]), unpacked(trace["y"])) == ([1, 2], [0.5, 2.5])
    assert view.spec["layout"]["title"] == {"text": "Leads"}


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (np.array([1.5, 2.5]), "f8"),
        (np.array([1, 2], dtype=np.int64), "i4"),
        (np.array([1, 2**40], dtype=np.int64), "f8"),
        (np.array([1, 2], dtype=np.uint8), "u1"),
        (pd.Series([1.0, 2.0]), "f8"),
        (pd.Index([1, 2]), "i4"),
    ],
)
def test_numbers_are_packed_as_plotly_unpacks_them(values: Any, dtype: str) -> None:
    assert sent(values)["dtype"] == dtype
    assert unpacked(sent(values)) == list(values)


@pytest.mark.parametrize(
    ("values", "arrives"),
    [
        (["a", "b"], ["a", "b"]),
        (pd.Series(["a", "b"]), ["a", "b"]),
        (np.array([True, False]), [True, False]),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        ([1.0, float("nan"), float("inf")], [1.0, None, None]),
        ([np.int64(3), np.float64("nan")], [3, None]),
        (pd.Series([pd.Timestamp("2026-06-30"), pd.NaT]), ["2026-06-30T00:00:00.000", None]),
        ([dt.date(2026, 6, 30)], ["2026-06-30"]),
        ((1, None), [1, None]),
        ([], []),
    ],
)
def test_everything_else_arrives_as_json_can_carry_it(values: Any, arrives: list[Any]) -> None:
    assert sent(values) == arrives


@settings(max_examples=50)
@given(arrays(scalar_dtypes(), st.integers(0, 20)).filter(lambda array: array.dtype.kind in "iuf"))
def test_every_finite_number_arrives_as_it_is(values: Any) -> None:
    finite = np.isfinite(values.astype(float))
    for number, arrived in zip(values[finite].tolist(), np.array(unpacked(sent(values)))[finite].tolist(), strict=True):
        assert arrived == pytest.approx(number, rel=1e-15)


def test_a_figure_may_have_another_for_narrow_pages() -> None:
    view = FigureView()
    view.show({"data": []}, narrow={"data": [{"y": np.array([1.5])}], "layout": {"height": 700}})
    assert view.narrow["layout"] == {"height": 700}
    assert unpacked(view.narrow["data"][0]["y"]) == [1.5]
    view.show({"data": []})
    assert view.narrow == {}


def test_what_is_no_figure_is_refused() -> None:
    with pytest.raises(WorkbenchError) as refused:
        FigureView().show([1, 2])
    assert str(refused.value) == "a list is not a figure; give a plotly figure, or 'data' and 'layout' in a mapping."


def test_a_front_end_without_our_page_gets_plotly_from_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[tuple[Any, Any]] = []
    monkeypatch.setattr(FigureView, "send", lambda self, content, buffers=None: answers.append((content, buffers)))
    view = FigureView()
    view._handle_custom_msg({"kind": "plotly"}, [])
    view._handle_custom_msg({"kind": "anything else"}, [])
    assert answers == [({"kind": "plotly"}, [(STATIC / "plotly-basic.min.js").read_bytes()])]


def test_the_bundle_is_the_one_that_plotly_writes_figures_for() -> None:
    ours = (STATIC / "plotly-basic.min.js").read_text(encoding="utf-8")[:200]
    from plotly.offline import get_plotlyjs_version

    assert f"plotly.js (basic - minified) v{get_plotlyjs_version()}" in ours
