"""A score as the vendor's API writes it, and back. What one side cannot say is refused by its name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from workbench.errors import WorkbenchError
from workbench.scoring.model import ScoreModel
from workbench.scoring.rules import Decay, Rule, RuleGroup, RuleSum
from workbench.scoring.vendor.parts import Part, unnamed
from workbench.scoring.vendor.reading import SCORE, Reader
from workbench.scoring.vendor.writing import Writer, score_written

__all__ = ["from_json", "to_json"]


def from_json(found: Any, names: Mapping[str, str]) -> ScoreModel:
    """The model of a score of the vendor's; see `ScoreModel.from_hubspot`."""
    try:
        if isinstance(found, str | bytes):
            found = json.loads(found)
        reader = Reader(names)
        model = reader.score(Part(found, "the score", SCORE))
        # What is said in another way there than it would be written is kept as it came.
        kept = {rule.name: came for rule, came, decay in reader.came if not _comes_back(rule, decay, names)}
        if not kept:
            return model
        return replace(model, hubspot={**model.hubspot, "calculations": json.loads(json.dumps(kept))})
    except RecursionError as problem:
        raise WorkbenchError("the score is nested too deep to be read; no score of the vendor's is.") from problem
    except ValueError as problem:
        raise WorkbenchError(f"this is no JSON ({problem}); give what the vendor's API gives for a score.") from problem


def to_json(model: ScoreModel, kinds: Mapping[str, str], list_ids: Mapping[str, str]) -> dict[str, Any]:
    """A score of the vendor's; see `ScoreModel.to_hubspot`."""
    names = {number_there: name for name, number_there in list_ids.items()}
    kept = model.hubspot.get("calculations") or {}

    def as_it_came(rule: Rule | RuleSum, group: RuleGroup) -> Any:
        came = kept.get(rule.name)
        return came if came is not None and _says(came, rule, group.decay, names) else None

    return score_written(model, kinds, list_ids, as_it_came)


def _comes_back(rule: Rule | RuleSum, decay: Decay | None, names: Mapping[str, str]) -> bool:
    """Whether a rule that is written is read as the same."""
    try:
        written = Writer({}, {name: number_there for number_there, name in names.items()}, decay).rule(rule, 1)
        return _says(written["configuration"]["calculation"], rule, decay, names)
    except WorkbenchError:
        return False


def _says(calculation: Any, rule: Rule | RuleSum, decay: Decay | None, names: Mapping[str, str]) -> bool:
    """Whether a calculation is read as a rule, but for its name."""
    shell = {"id": rule.id, "enabled": rule.enabled, "minimum": rule.minimum, "maximum": rule.maximum}
    again = Reader(names).made(Part(calculation, f"the calculation of {rule.name!r}"), shell, decay)
    return unnamed(again) == unnamed(rule)
