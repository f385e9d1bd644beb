"""Improvement benchmarks: how far customers' metrics have moved since they bought, with every choice visible."""

from __future__ import annotations

from workbench.improvements.before_after import BeforeAfter, before_after
from workbench.improvements.hours import BusinessHours
from workbench.improvements.improve import improvement
from workbench.improvements.metrics import MEASURES, METRICS, Metric
from workbench.improvements.monthly import monthly_metrics
from workbench.improvements.result import Bounds, Choices, Improvement, Touched
from workbench.stats.robust import OutlierRule

__all__ = [
    "MEASURES",
    "METRICS",
    "BeforeAfter",
    "Bounds",
    "BusinessHours",
    "Choices",
    "Improvement",
    "Metric",
    "OutlierRule",
    "Touched",
    "before_after",
    "improvement",
    "monthly_metrics",
]
