"""Improvement benchmarks: how far customers' metrics have moved since they bought, with every choice visible."""

from __future__ import annotations

from workbench.improvement.improve import improvement
from workbench.improvement.metrics import METRICS, Metric
from workbench.improvement.result import Bounds, Choices, Improvement, Touched
from workbench.stats.robust import OutlierRule

__all__ = ["METRICS", "Bounds", "Choices", "Improvement", "Metric", "OutlierRule", "Touched", "improvement"]
