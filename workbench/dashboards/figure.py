"""One widget shows every figure: plotly, redrawn in place, with an optional line that is dragged along x."""

from __future__ import annotations

import base64
import datetime as dt
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from workbench.errors import WorkbenchError

STATIC = Path(__file__).parent / "voila" / "templates" / "workbench" / "static"
"""What a page loads, plotly's bundle among it."""


def _style() -> str:
    """For a notebook: the figure's style, and within a page's box the look of the pages. Pages of ours link theirs."""
    files = STATIC / "figure.css", STATIC / "workbench.css", Path(__file__).parent / "notebook.css"
    figure, page, notebook = (file.read_text(encoding="utf-8") for file in files)
    return f"{figure}\n@scope (.wb-page) {{\n{page}\n{notebook}}}"


class FigureView(anywidget.AnyWidget):
    """A plotly figure on a page or in a notebook.

    `show(figure)` draws, and draws anew in place. The figure takes the width it is given; its height is `height`
    pixels. The line stands at `line` on the x axis (None: no line). It is dragged by mouse or finger, or moved by the
    arrow keys, Page Up and Down, Home and End; while it moves, `line` follows, at most 25 times a second. Two small
    buttons save the chart as SVG and PNG, titled with `description`, without a word to anybody.
    """

    _esm = Path(__file__).parent / "figure.js"
    _css = _style()

    spec = traitlets.Dict().tag(sync=True)
    """The figure as plotly.js takes it: `data` and `layout`. Set by `show`."""
    narrow = traitlets.Dict().tag(sync=True)
    """The figure for less than 560 pixels, which brings its own height; empty: the same. Set by `show`."""
    height = traitlets.Int(320).tag(sync=True)
    """Pixels, kept free while the figure is still on its way."""
    description = traitlets.Unicode("Chart").tag(sync=True)
    """What the figure shows, for those who do not see it."""
    line = traitlets.Float(None, allow_none=True).tag(sync=True)
    """Where the line stands, in units of the x axis."""
    line_steps = traitlets.List(traitlets.Float()).tag(sync=True)
    """The values the line may take, ascending; empty: any within the axis."""
    line_offset = traitlets.Float(0.0).tag(sync=True)
    """Added to `line` for drawing only: half a bar to the left puts the line before the bar it stands for."""
    line_label = traitlets.Unicode("{}").tag(sync=True)
    """Stands beside the line; `{}` becomes its value."""
    line_name = traitlets.Unicode("Threshold").tag(sync=True)
    """What the line is called, for those who do not see it."""
    clicked = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    """The point last clicked: `trace`, `point` (both from 0), `x`, `y`."""

    def __init__(self, **traits: Any) -> None:
        super().__init__(**traits)
        self.on_msg(_send_plotly)

    def show(self, figure: Any, *, narrow: Any = None) -> None:
        """Draw `figure`: a plotly figure, or a mapping with `data` (a list of traces) and `layout`.

        `narrow` is drawn instead where there is little room, for figures of several plots; its layout has a height.

        Raises
        ------
        WorkbenchError
            `figure` is neither.
        """
        with self.hold_sync():
            self.spec, self.narrow = plain_figure(figure), {} if narrow is None else plain_figure(narrow)

    def show_whole(self, figure: Mapping[str, Any]) -> None:
        """Draw `figure` as high as its layout says."""
        self.height = int(figure["layout"]["height"])
        self.show(figure)


def plain_figure(figure: Any) -> dict[str, Any]:
    """`data` and `layout` of a figure as JSON can carry them, numbers packed as plotly.js unpacks them.

    Raises
    ------
    WorkbenchError
        `figure` is neither a plotly figure nor a mapping with `data`.
    """
    if hasattr(figure, "to_plotly_json"):
        figure = figure.to_plotly_json()
    if not isinstance(figure, Mapping) or "data" not in figure:
        raise WorkbenchError(
            f"a {type(figure).__name__} is not a figure; give a plotly figure, or 'data' and 'layout' in a mapping."
        )
    return {"data": _plain(figure["data"]), "layout": _plain(figure.get("layout", {}))}


def _send_plotly(widget: FigureView, message: Any, _: Any) -> None:
    """plotly.js for a front end that has no page of ours to ask for it."""
    if message == {"kind": "plotly"}:
        widget.send(message, buffers=[(STATIC / "plotly-basic.min.js").read_bytes()])


_TYPED = {"f8", "f4", "i4", "u4", "i2", "u2", "i1", "u1"}
"""The typed arrays of plotly.js, by numpy's name of them."""


def _plain(value: Any) -> Any:
    """`value` as JSON can carry it: numbers in arrays packed as plotly.js unpacks them, NaN as null, dates as text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if hasattr(value, "__array__") and not np.isscalar(value):
        return _packed(np.asarray(value))
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dt.date):
        return value.isoformat()
    return value


def _packed(array: np.ndarray[Any, Any]) -> Any:
    if array.dtype.kind == "M":
        return [None if np.isnat(item) else str(item) for item in array.astype("datetime64[ms]")]
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        small = array.size == 0 or (array.min() >= -(2**31) and array.max() < 2**31)
        array = array.astype("i4" if small else "f8")
    code = array.dtype.str[1:]
    if code not in _TYPED or array.ndim != 1:
        return _plain(array.tolist())
    return {"dtype": code, "bdata": base64.b64encode(array.astype(f"<{code}").tobytes()).decode("ascii")}
