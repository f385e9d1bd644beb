"""Judging a score: thresholds, bands and recommendations, each with its n, its interval and its reason."""

from workbench.calibration.backtesting import Backtest, backtest
from workbench.calibration.corrected import ChosenRate
from workbench.calibration.counting import WhatIf, calibrate, what_if
from workbench.calibration.decision import Decision, decide, decisions, standing_decision
from workbench.calibration.drift import Drift, drift
from workbench.calibration.firstwin import FirstWin, first_win
from workbench.calibration.followup import FollowUp, follow_up
from workbench.calibration.hysteresis import Hysteresis
from workbench.calibration.known import Suspects, suspect_properties
from workbench.calibration.memo import memo, write_memo
from workbench.calibration.recommend import Recommendation
from workbench.calibration.result import RULES, Calibration, Line, ScoreSummary
from workbench.calibration.segmented import SegmentLines, segment_lines
from workbench.calibration.selective import HoldOut, HoldOutReading, Jump, draw_lot, plan_hold_out, read_hold_out
from workbench.calibration.side_by_side import ModelComparison, compare_models
from workbench.calibration.suggest import Suggestion, suggest_points
from workbench.calibration.tally import ScoreTally, WeeklyLeads

__all__ = [
    "RULES",
    "Backtest",
    "Calibration",
    "ChosenRate",
    "Decision",
    "Drift",
    "FirstWin",
    "FollowUp",
    "HoldOut",
    "HoldOutReading",
    "Hysteresis",
    "Jump",
    "Line",
    "ModelComparison",
    "Recommendation",
    "ScoreSummary",
    "ScoreTally",
    "SegmentLines",
    "Suggestion",
    "Suspects",
    "WeeklyLeads",
    "WhatIf",
    "backtest",
    "calibrate",
    "compare_models",
    "decide",
    "decisions",
    "draw_lot",
    "drift",
    "first_win",
    "follow_up",
    "memo",
    "plan_hold_out",
    "read_hold_out",
    "segment_lines",
    "standing_decision",
    "suggest_points",
    "suspect_properties",
    "what_if",
    "write_memo",
]
