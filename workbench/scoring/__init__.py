"""Score models: rules with points, the scores they give, and counts from which other points can be tried at once."""

from __future__ import annotations

from workbench.scoring.apply import score
from workbench.scoring.companies import company_scores
from workbench.scoring.explaining import Explanation, explain
from workbench.scoring.model import Label, Matrix, ScoreModel
from workbench.scoring.rules import Case, Decay, Rule, RuleGroup, RuleSum
from workbench.scoring.tally import CodeTally, packed_codes, tally_codes, unpacked

__all__ = [
    "Case",
    "CodeTally",
    "Decay",
    "Explanation",
    "Label",
    "Matrix",
    "Rule",
    "RuleGroup",
    "RuleSum",
    "ScoreModel",
    "company_scores",
    "explain",
    "packed_codes",
    "score",
    "tally_codes",
    "unpacked",
]
