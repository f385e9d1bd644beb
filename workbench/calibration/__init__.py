"""Judging a score: thresholds, bands and recommendations, each with its n, its interval and its reason."""

from workbench.calibration.counting import WhatIf, calibrate, what_if
from workbench.calibration.recommend import Recommendation
from workbench.calibration.result import RULES, Calibration, Line, ScoreSummary
from workbench.calibration.tally import ScoreTally, WeeklyLeads

__all__ = [
    "RULES",
    "Calibration",
    "Line",
    "Recommendation",
    "ScoreSummary",
    "ScoreTally",
    "WeeklyLeads",
    "WhatIf",
    "calibrate",
    "what_if",
]
