"""Score models: rules with points, the scores they give, and counts from which other points can be tried at once."""

from __future__ import annotations

from workbench.scoring.apply import score
from workbench.scoring.explaining import Explanation, explain
from workbench.scoring.model import Label, ScoreModel
from workbench.scoring.rules import Case, Decay, Rule, RuleGroup
from workbench.scoring.tally import CodeTally, tally_codes

__all__ = [
    "Case",
    "CodeTally",
    "Decay",
    "Explanation",
    "Label",
    "Rule",
    "RuleGroup",
    "ScoreModel",
    "explain",
    "score",
    "tally_codes",
]
