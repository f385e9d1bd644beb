"""Improvement benchmarks: how far customers' metrics have moved since they bought, with every choice visible."""

from __future__ import annotations

from workbench.improvements.hours import BusinessHours
from workbench.improvements.improve import improvement
from workbench.improvements.metrics import MEASURES, METRICS, Metric
from workbench.improvements.monthly import monthly_metrics
from workbench.improvements.result import Bounds, Choices, Improvement, Touched
from workbench.stats.robust import OutlierRule

__all__ = [
    "MEASURES",
    "METRICS",
    "Bounds",
    "BusinessHours",
    "Choices",
    "Improvement",
    "Metric",
    "OutlierRule",
    "Touched",
    "improvement",
    "monthly_metrics",
]
