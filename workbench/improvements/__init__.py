"""Improvement benchmarks: how far customers' metrics have moved since they bought, with every choice visible."""

from __future__ import annotations

from workbench.improvements.at_scale import improvement_table
from workbench.improvements.company import CompanyBenchmark, company_benchmark
from workbench.improvements.hours import BusinessHours
from workbench.improvements.improve import improvement
from workbench.improvements.later_buyers import BeforeAfter, before_after
from workbench.improvements.many import Improvements, all_improvements
from workbench.improvements.metrics import MEASURES, METRICS, Metric
from workbench.improvements.monthly import monthly_metrics
from workbench.improvements.panel_quality import Quality, quality
from workbench.improvements.result import Bounds, Choices, Improvement, Touched
from workbench.stats.robust import OutlierRule

__all__ = [
    "MEASURES",
    "METRICS",
    "BeforeAfter",
    "Bounds",
    "BusinessHours",
    "Choices",
    "CompanyBenchmark",
    "Improvement",
    "Improvements",
    "Metric",
    "OutlierRule",
    "Quality",
    "Touched",
    "all_improvements",
    "before_after",
    "company_benchmark",
    "improvement",
    "improvement_table",
    "monthly_metrics",
    "quality",
]
