"""Score models: rules with points, the scores they give, and counts from which other points can be tried at once."""

from __future__ import annotations

from workbench.scoring.apply import score
from workbench.scoring.model import Rule, RuleGroup, ScoreModel
from workbench.scoring.tally import CodeTally, tally_codes

__all__ = ["CodeTally", "Rule", "RuleGroup", "ScoreModel", "score", "tally_codes"]
