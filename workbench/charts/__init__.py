"""`plot(result)`: a result in, a plotly figure out. The only package that imports plotly."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from workbench.calibration import Calibration, ModelComparison
from workbench.charts import segments, theme
from workbench.charts.calibration import line_offset, score_histogram
from workbench.charts.improvements import picture
from workbench.charts.scoring import scores_side_by_side, waterfall
from workbench.errors import WorkbenchError
from workbench.scoring import Explanation
from workbench.wording import points

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
        told = f"line {points(result.new_line)}"
        return go.Figure(theme.with_line(scores_side_by_side(result), result.new_line, told, font=theme.SMALL))
    if not isinstance(result, Calibration):
        raise WorkbenchError(
            f"there is no picture of {type(result).__name__}; plot() takes a Calibration, a ModelComparison, an "
            "Explanation, or a result of improvements or segments."
        )
    line = result.default_threshold if threshold is None else threshold
    place, told = line + line_offset(result.tally.score), f"<b>hand over from {points(line)}</b>"
    return go.Figure(theme.with_line(score_histogram(result, line), place, told, xanchor="left"))
