"""The open workbench for lead scores: an export in, a calibrated threshold out.

The public names, nothing else. Each is imported when it is first asked for, so importing the package does no work.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench import charts as charts
    from workbench import dashboards as dashboards
    from workbench.calibration import Backtest as Backtest
    from workbench.calibration import Calibration as Calibration
    from workbench.calibration import Decision as Decision
    from workbench.calibration import ModelComparison as ModelComparison
    from workbench.calibration import Recommendation as Recommendation
    from workbench.calibration import WhatIf as WhatIf
    from workbench.calibration import backtest as backtest
    from workbench.calibration import calibrate as calibrate
    from workbench.calibration import compare_models as compare_models
    from workbench.calibration import decide as decide
    from workbench.calibration import suggest_points as suggest_points
    from workbench.calibration import what_if as what_if
    from workbench.errors import WorkbenchError as WorkbenchError
    from workbench.handovers import Handover as Handover
    from workbench.handovers import handover as handover
    from workbench.improvements import BeforeAfter as BeforeAfter
    from workbench.improvements import BusinessHours as BusinessHours
    from workbench.improvements import CompanyBenchmark as CompanyBenchmark
    from workbench.improvements import Improvement as Improvement
    from workbench.improvements import Improvements as Improvements
    from workbench.improvements import Metric as Metric
    from workbench.improvements import OutlierRule as OutlierRule
    from workbench.improvements import Quality as Quality
    from workbench.improvements import all_improvements as all_improvements
    from workbench.improvements import before_after as before_after
    from workbench.improvements import company_benchmark as company_benchmark
    from workbench.improvements import improvement as improvement
    from workbench.improvements import improvement_table as improvement_table
    from workbench.improvements import monthly_metrics as monthly_metrics
    from workbench.improvements import quality as quality
    from workbench.loaders import Audit as Audit
    from workbench.loaders import Duplicates as Duplicates
    from workbench.loaders import Export as Export
    from workbench.loaders import LoadReport as LoadReport
    from workbench.loaders import Merge as Merge
    from workbench.loaders import Workspace as Workspace
    from workbench.loaders import audit as audit
    from workbench.loaders import find_duplicates as find_duplicates
    from workbench.loaders import load as load
    from workbench.loaders import merge as merge
    from workbench.loaders import merge_log as merge_log
    from workbench.loaders import read_export as read_export
    from workbench.loaders import suggest_mapping as suggest_mapping
    from workbench.loaders import undo_import as undo_import
    from workbench.loaders import undo_merge as undo_merge
    from workbench.outcomes import Outcome as Outcome
    from workbench.scoring import Case as Case
    from workbench.scoring import Decay as Decay
    from workbench.scoring import Explanation as Explanation
    from workbench.scoring import Label as Label
    from workbench.scoring import Matrix as Matrix
    from workbench.scoring import Rule as Rule
    from workbench.scoring import RuleGroup as RuleGroup
    from workbench.scoring import RuleSum as RuleSum
    from workbench.scoring import ScoreModel as ScoreModel
    from workbench.scoring import company_scores as company_scores
    from workbench.scoring import explain as explain
    from workbench.scoring import score as score
    from workbench.segments import Discovery as Discovery
    from workbench.segments import Pivot as Pivot
    from workbench.segments import Segment as Segment
    from workbench.segments import SegmentChanges as SegmentChanges
    from workbench.segments import SegmentOverlap as SegmentOverlap
    from workbench.segments import SegmentProfiles as SegmentProfiles
    from workbench.segments import SegmentTable as SegmentTable
    from workbench.segments import StageFlow as StageFlow
    from workbench.segments import compare_segments as compare_segments
    from workbench.segments import discover as discover
    from workbench.segments import pivot as pivot
    from workbench.segments import read_segments as read_segments
    from workbench.segments import segment_changes as segment_changes
    from workbench.segments import segment_overlap as segment_overlap
    from workbench.segments import segment_profiles as segment_profiles
    from workbench.segments import stage_flow as stage_flow
    from workbench.segments import write_segments as write_segments

__version__ = "0.1.0"

_HOME = {
    "Audit": "loaders",
    "Backtest": "calibration",
    "BeforeAfter": "improvements",
    "BusinessHours": "improvements",
    "Calibration": "calibration",
    "Case": "scoring",
    "CompanyBenchmark": "improvements",
    "Decay": "scoring",
    "Discovery": "segments",
    "Decision": "calibration",
    "Duplicates": "loaders",
    "Explanation": "scoring",
    "Export": "loaders",
    "Handover": "handovers",
    "Improvement": "improvements",
    "Improvements": "improvements",
    "Label": "scoring",
    "LoadReport": "loaders",
    "Matrix": "scoring",
    "Merge": "loaders",
    "Metric": "improvements",
    "ModelComparison": "calibration",
    "Outcome": "outcomes",
    "OutlierRule": "improvements",
    "Pivot": "segments",
    "Quality": "improvements",
    "Recommendation": "calibration",
    "Rule": "scoring",
    "RuleGroup": "scoring",
    "RuleSum": "scoring",
    "ScoreModel": "scoring",
    "Segment": "segments",
    "SegmentChanges": "segments",
    "SegmentOverlap": "segments",
    "SegmentProfiles": "segments",
    "SegmentTable": "segments",
    "StageFlow": "segments",
    "WhatIf": "calibration",
    "WorkbenchError": "errors",
    "Workspace": "loaders",
    "all_improvements": "improvements",
    "audit": "loaders",
    "backtest": "calibration",
    "before_after": "improvements",
    "calibrate": "calibration",
    "decide": "calibration",
    "company_benchmark": "improvements",
    "company_scores": "scoring",
    "compare_models": "calibration",
    "compare_segments": "segments",
    "discover": "segments",
    "explain": "scoring",
    "find_duplicates": "loaders",
    "handover": "handovers",
    "improvement": "improvements",
    "improvement_table": "improvements",
    "load": "loaders",
    "merge": "loaders",
    "merge_log": "loaders",
    "monthly_metrics": "improvements",
    "pivot": "segments",
    "quality": "improvements",
    "read_export": "loaders",
    "read_segments": "segments",
    "score": "scoring",
    "segment_changes": "segments",
    "segment_overlap": "segments",
    "segment_profiles": "segments",
    "stage_flow": "segments",
    "suggest_mapping": "loaders",
    "suggest_points": "calibration",
    "undo_import": "loaders",
    "undo_merge": "loaders",
    "what_if": "calibration",
    "write_segments": "segments",
}
"""Public name to the module it lives in."""

_MODULES = ("charts", "dashboards")

__all__ = ["__version__", *_HOME, *_MODULES]


if not TYPE_CHECKING:  # for a type checker the names are imported above

    def __getattr__(name: str) -> Any:
        if name in _HOME:
            return getattr(importlib.import_module(f"workbench.{_HOME[name]}"), name)
        if name in _MODULES:
            return importlib.import_module(f"workbench.{name}")
        raise AttributeError(f"module 'workbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
