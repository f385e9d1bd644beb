"""A score as the vendor's API writes it, and back. What one side cannot say is refused by its name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from workbench.errors import WorkbenchError, listing
from workbench.scoring.model import MATRIX, MOST_RULES, ScoreModel
from workbench.scoring.rules import Rule, RuleGroup, RuleSum
from workbench.scoring.vendor_parts import CATEGORIES, Part, output_of, shortened, unnamed
from workbench.scoring.vendor_reading import Reader
from workbench.scoring.vendor_writing import Writer, not_there, shelled
from workbench.segments.vendor import OBJECT_TYPES

_SCORE = {
    "allowedGroupTypes",
    "createdAt",
    "filterConfiguration",
    "groupConfigs",
    "id",
    "maxScore",
    "maxScorePerCategory",
    "name",
    "objectTypeId",
    "outputConfiguration",
    "publishedAt",
    "scoreStatus",
    "scoreType",
    "updatedAt",
}
_KEPT = ("id", "scoreStatus", "scoreType", "createdAt", "updatedAt", "publishedAt")


def from_json(found: Any, names: Mapping[str, str]) -> ScoreModel:
    """The model of a score of the vendor's; see `ScoreModel.from_hubspot`."""
    try:
        if isinstance(found, str | bytes):
            found = json.loads(found)
        return _model(Part(found, "the score", _SCORE), names)
    except RecursionError as problem:
        raise WorkbenchError("the score is nested too deep to be read; no score of the vendor's is.") from problem
    except ValueError as problem:
        raise WorkbenchError(f"this is no JSON ({problem}); give what the vendor's API gives for a score.") from problem


def _model(top: Part, names: Mapping[str, str]) -> ScoreModel:
    top.where = f"the score {top.need('name', str)!r}"
    if top.need("objectTypeId") != OBJECT_TYPES["contact"]:
        raise top.problem(
            f"it scores objects of the type {shortened(top.get('objectTypeId'))}, and contacts ('0-1') are scored "
            "here; wb.company_scores rolls scores of contacts up to companies."
        )
    reader = Reader(names)
    keys = (
        "groupCategory",
        "groupDecay",
        "groupName",
        "id",
        "maxValue",
        "minValue",
        "ruleConfigurations",
    )
    parts = top.parts("groupConfigs", keys)
    n_rules = sum(len(part.need("ruleConfigurations", list)) for part in parts)
    if n_rules > MOST_RULES:
        raise top.problem(f"it has {n_rules:,} rules; {MOST_RULES:,} are the most.")
    groups = [reader.group(part) for part in parts]
    outputs = reader.outputs(top)
    hubspot: dict[str, Any] = {key: str(top.get(key)) for key in _KEPT if top.get(key) is not None}
    hubspot |= {"outputs": outputs.kept} if top.get("outputConfiguration") is not None else {}
    hubspot |= {"calculations": reader.calculations} if reader.calculations else {}
    include, exclude = reader.filtered(top)
    model: ScoreModel = top.within(
        lambda: ScoreModel(
            name=top.need("name", str),
            groups=tuple(groups),
            maximum=top.limits("", "maxScore")["maximum"],
            category_maximum=top.limits("", "maxScorePerCategory")["maximum"],
            labels=tuple(outputs.labels),
            matrix=outputs.matrix,
            hubspot=hubspot,
            include=include,
            exclude=exclude,
        )
    )
    return model


def to_json(model: ScoreModel, kinds: Mapping[str, str], list_ids: Mapping[str, str]) -> dict[str, Any]:
    """A score of the vendor's; see `ScoreModel.to_hubspot`."""
    if model.minimum is not None and model.minimum > sum(group.minimum or 0 for group in model.groups):
        raise not_there(f"a lower limit of the whole score ({model.minimum})", "give the groups lower limits instead")
    keeping = [label.name for label in model.labels if label.leave_below is not None]
    if keeping:
        raise not_there(f"a line at which a label is left ({listing(keeping)})", "take leave_below out")
    names = {number_there: name for name, number_there in list_ids.items()}
    kept = model.hubspot.get("calculations") or {}
    groups = []
    place = 0
    for position, group in enumerate(model.groups, 1):
        writer, rules = Writer(kinds, list_ids, group.decay), []
        for rule in group.rules:
            place += 1
            written = _as_it_came(rule, group, kept.get(rule.name), names, place) or writer.rule(rule, place)
            rules.append(written)
        groups.append(_group(group, position, rules))
    found: dict[str, Any] = {"scoreStatus": "DRAFT", "scoreType": "COMBINED", "id": "1"}
    found |= {key: model.hubspot[key] for key in _KEPT if key in model.hubspot}
    found |= {
        "name": model.name,
        "objectTypeId": OBJECT_TYPES["contact"],
        "allowedGroupTypes": [key for key in CATEGORIES if any(group["groupCategory"] == key for group in groups)],
        "groupConfigs": groups,
    }
    for key, limit in (("maxScore", model.maximum), ("maxScorePerCategory", model.category_maximum)):
        if limit is not None:
            if limit != int(limit):
                raise not_there(f"a limit of {limit} points, which is no whole number", "round it")
            found[key] = int(limit)
    if model.include and model.exclude:
        raise not_there("segments to include beside segments to exclude", "make one segment of them")
    if model.include or model.exclude:
        writer = Writer(kinds, list_ids, None)
        ids = [writer.segment(name) for name in (*model.include, *model.exclude)]
        kind = "EXCLUDES" if model.exclude else "INCLUDES"
        found["filterConfiguration"] = {"listFilterType": kind, "segmentIds": ids}
    outputs = _outputs(model)
    has_outputs = outputs or "outputs" in model.hubspot
    return {**found, **({"outputConfiguration": {"outputs": outputs}} if has_outputs else {})}


def _as_it_came(
    rule: Rule | RuleSum, group: RuleGroup, calculation: Any, names: Mapping[str, str], place: int
) -> dict[str, Any] | None:
    """The rule with the calculation it was read from, if that still says the same."""
    if calculation is None:
        return None
    shell = {"id": rule.id, "enabled": rule.enabled, "minimum": rule.minimum, "maximum": rule.maximum}
    again = Reader(names).made(Part(calculation, f"the calculation of {rule.name!r}"), shell, group.decay)
    same = unnamed(again) == unnamed(rule)
    return shelled(rule, place, calculation, rule.minimum, rule.maximum) if same else None


def _group(group: RuleGroup, position: int, rules: list[dict[str, Any]]) -> dict[str, Any]:
    there = {name: key for key, name in CATEGORIES.items()}
    category = there.get(group.category or group.name)
    if category is None:
        raise not_there(
            f"the group {group.name!r}, which is neither of the category 'fit' nor 'engagement'", "give it one of them"
        )
    found: dict[str, Any] = {"id": group.id or str(position), "groupCategory": category, "groupName": group.name}
    decays = {rule.decay for rule in group.single_rules if rule.count is not None} or {group.decay}
    if len(decays) > 1:
        raise not_there(f"several decays in the group {group.name!r}", "split it into a group a decay")
    (decay,) = decays
    if decay is not None:
        if any(rule.conditions and rule.conditions[0].counts for rule in group.single_rules):
            raise not_there(
                f"points by how often that do not decay in the group {group.name!r}", "move them to another group"
            )
        found["groupDecay"] = {"percentToDecayPerInterval": decay.percent, "decayIntervalDays": decay.every_days}
    limits = {"minValue": group.minimum, "maxValue": group.maximum}
    found |= {key: limit for key, limit in limits.items() if limit is not None}
    return {**found, "ruleConfigurations": rules}


def _outputs(model: ScoreModel) -> list[dict[str, Any]]:
    """What the score gives: as it came, with the model's thresholds; else the number, the labels and the matrix."""
    every = [
        key for key in CATEGORIES if any((group.category or group.name) == CATEGORIES[key] for group in model.groups)
    ]
    kept = [dict(one) for one in model.hubspot.get("outputs") or ()]
    made = list(kept)
    there = {name: [key] for key, name in CATEGORIES.items()}
    named = re.sub(r"[^0-9a-z]+", "_", model.name.casefold()).strip("_") or "score"

    def add(kind: str, categories: list[str], suffix: str, label: str) -> None:
        made.append(
            {
                "id": str(len(made) + 1),
                "outputType": kind,
                "categories": categories,
                "propertyName": f"{named}{suffix}",
                "propertyLabel": f"{model.name}{label}",
            }
        )

    if not model.hubspot:
        add("SCORE", every, "", "")
    written = {output_of(Part(one, "an output")) for one in kept if one["outputType"] == "THRESHOLD"}
    for of in model.labelled:
        if of not in written:
            if of is not None and of not in there:
                raise not_there(f"labels of {of!r}", "give labels of the whole score, of fit or of engagement")
            add("THRESHOLD", every if of is None else there[of], "_label" if of is None else f"_{of}_label", " (label)")
    if model.matrix is not None and all(one["outputType"] != "MATRIX" for one in kept):
        add("MATRIX", every, "_matrix", " (matrix)")
    for one in made:
        if one["outputType"] == "THRESHOLD":
            of, extra = output_of(Part(one, "an output")), one.get("boundaries") or {}
            labels = [label for label in model.labels if label.of == of]
            one["boundaries"] = [
                {"label": label.name, "threshold": label.at_least, **extra.get(label.name, {})} for label in labels
            ]
        elif one["outputType"] == "MATRIX":
            tiers = {axis: () if model.matrix is None else getattr(model.matrix, axis) for axis in MATRIX}
            one["boundaries"] = {
                key: [{"label": tier.name, "threshold": tier.at_least} for tier in tiers[CATEGORIES[key]]]
                for key in CATEGORIES
            }
    return [one for one in made if one["outputType"] != "MATRIX" or model.matrix is not None]
