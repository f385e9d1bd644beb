"""`plot(result)`: a result in, a plotly figure out. The only package that imports plotly."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from workbench.calibration import Calibration, ModelComparison
from workbench.charts import segments
from workbench.charts.calibration import line_mark, score_histogram
from workbench.charts.improvements import picture
from workbench.charts.scoring import drawn_line, scores_side_by_side, waterfall
from workbench.errors import WorkbenchError
from workbench.scoring import Explanation

__all__ = ["plot"]


def plot(result: Any, *, threshold: float | None = None) -> go.Figure:
    """The figure that belongs to a result.

    Parameters
    ----------
    result
        A Calibration; a ModelComparison; an Explanation; or an Improvement, Improvements, Quality, CompanyBenchmark or
        BeforeAfter; or a SegmentTable, SegmentOverlap, SegmentProfiles, SegmentChanges, Pivot, StageFlow or Discovery.
    threshold
        Where the line is drawn, in points. Default: Youden's J; none for an Explanation; a ModelComparison has its own.

    Raises
    ------
    WorkbenchError
        For anything that has no picture.
    """
    drawn = picture(result) or segments.picture(result)
    if drawn is not None:
        return go.Figure(drawn)
    if isinstance(result, Explanation):
        return go.Figure(waterfall(result, threshold))
    if isinstance(result, ModelComparison):
        drawn = scores_side_by_side(result)
        mark = drawn_line(result)
        drawn["layout"]["shapes"] = mark["shapes"]
        drawn["layout"]["annotations"].append(mark["annotation"])
        return go.Figure(drawn)
    if not isinstance(result, Calibration):
        raise WorkbenchError(
            f"there is no picture of {type(result).__name__}; plot() takes a Calibration, a ModelComparison, an "
            "Explanation, or a result of improvements or segments."
        )
    line = result.default_threshold if threshold is None else threshold
    spec = score_histogram(result, line)
    mark = line_mark(result.tally.score, line)
    spec["layout"]["shapes"] = mark["shapes"]
    spec["layout"]["annotations"].append(mark["annotation"])
    return go.Figure(spec)
