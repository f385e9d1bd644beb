"""A score as the vendor's API writes it. What a score there cannot say is refused by its name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from workbench.conditions import (
    All,
    Always,
    Between,
    Compare,
    Condition,
    Count,
    Either,
    InDays,
    InSegment,
    Not,
    Text,
    parse,
)
from workbench.errors import WorkbenchError, listing
from workbench.scoring.model import MATRIX, ScoreModel
from workbench.scoring.rules import Decay, Rule, RuleGroup, RuleSum
from workbench.scoring.vendor.parts import (
    AT,
    CATEGORIES,
    DETAIL,
    DETAILS,
    EVENT_ID,
    INVERSE_TYPES,
    KEPT,
    ROLL_UPS,
    Part,
    all_of,
    conjuncts,
    is_detail,
    most_times,
    output_of,
)
from workbench.segments.vendor import ASSOCIATION_TYPES, EVENT_TYPES, OBJECT_TYPES, write_property

AsItCame: TypeAlias = Callable[[Rule | RuleSum, RuleGroup], Any]


def score_written(
    model: ScoreModel, kinds: Mapping[str, str], list_ids: Mapping[str, str], as_it_came: AsItCame
) -> dict[str, Any]:
    """A whole score; `as_it_came` gives the calculation that a rule was read from, where that still says the same."""
    if model.minimum is not None and model.minimum > sum(group.minimum or 0 for group in model.groups):
        raise _not_there(f"a lower limit of the whole score ({model.minimum})", "give the groups lower limits instead")
    keeping = [label.name for label in model.labels if label.leave_below is not None]
    if keeping:
        raise _not_there(f"a line at which a label is left ({listing(keeping)})", "take leave_below out")
    groups = []
    place = 0
    for position, group in enumerate(model.groups, 1):
        writer, rules = Writer(kinds, list_ids, group.decay), []
        for rule in group.rules:
            place += 1
            calculation = as_it_came(rule, group)
            rules.append(
                writer.rule(rule, place)
                if calculation is None
                else _shelled(rule, place, calculation, rule.minimum, rule.maximum)
            )
        groups.append(_group(group, position, rules))
    found: dict[str, Any] = {"scoreStatus": "DRAFT", "scoreType": "COMBINED", "id": "1"}
    found |= {key: model.hubspot[key] for key in KEPT if key in model.hubspot}
    found |= {
        "name": model.name,
        "objectTypeId": OBJECT_TYPES["contact"],
        "allowedGroupTypes": [key for key in CATEGORIES if any(group["groupCategory"] == key for group in groups)],
        "groupConfigs": groups,
    }
    for key, limit in (("maxScore", model.maximum), ("maxScorePerCategory", model.category_maximum)):
        if limit is not None:
            if limit != int(limit):
                raise _not_there(f"a limit of {limit} points, which is no whole number", "round it")
            found[key] = int(limit)
    if model.include and model.exclude:
        raise _not_there("segments to include beside segments to exclude", "make one segment of them")
    if model.include or model.exclude:
        writer = Writer(kinds, list_ids, None)
        ids = [writer.segment(name) for name in (*model.include, *model.exclude)]
        kind = "EXCLUDES" if model.exclude else "INCLUDES"
        found["filterConfiguration"] = {"listFilterType": kind, "segmentIds": ids}
    outputs = _outputs(model)
    has_outputs = outputs or "outputs" in model.hubspot
    return {**found, **({"outputConfiguration": {"outputs": outputs}} if has_outputs else {})}


def _group(group: RuleGroup, position: int, rules: list[dict[str, Any]]) -> dict[str, Any]:
    there = {name: key for key, name in CATEGORIES.items()}
    category = there.get(group.category or group.name)
    if category is None:
        raise _not_there(
            f"the group {group.name!r}, which is neither of the category 'fit' nor 'engagement'", "give it one of them"
        )
    found: dict[str, Any] = {"id": group.id or str(position), "groupCategory": category, "groupName": group.name}
    decays = {rule.decay for rule in group.single_rules if rule.count is not None} or {group.decay}
    if len(decays) > 1:
        raise _not_there(f"several decays in the group {group.name!r}", "split it into a group a decay")
    (decay,) = decays
    if decay is not None:
        if any(rule.conditions and rule.conditions[0].counts for rule in group.single_rules):
            raise _not_there(
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
                raise _not_there(f"labels of {of!r}", "give labels of the whole score, of fit or of engagement")
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


def _not_there(what: str, instead: str) -> WorkbenchError:
    return WorkbenchError(f"the vendor's scores cannot say {what}; {instead}.")


def _shelled(
    rule: Rule | RuleSum, place: int, calculation: Any, minimum: float | None, maximum: float | None
) -> dict[str, Any]:
    found: dict[str, Any] = {"id": rule.id or str(place), "enabled": rule.enabled}
    found["configuration"] = {"calculation": calculation}
    limits = {"minimumValue": minimum, "maximumValue": maximum}
    return {**found, **{key: limit for key, limit in limits.items() if limit is not None}}


class Writer:
    def __init__(self, kinds: Mapping[str, str], list_ids: Mapping[str, str], decay: Decay | None) -> None:
        self.kinds, self.list_ids, self.decay = kinds, list_ids, decay

    def rule(self, rule: Rule | RuleSum, place: int) -> dict[str, Any]:
        """A rule's configuration."""
        try:
            calculation, low, high = self.limited(rule)
        except WorkbenchError as problem:
            raise WorkbenchError(f"the rule {rule.name!r}: {problem}") from problem
        return _shelled(rule, place, calculation, low, high)

    def limited(self, rule: Rule | RuleSum) -> tuple[dict[str, Any], float | None, float | None]:
        """A calculation and the limits within which it says the same as the rule."""
        low, high = rule.minimum, rule.maximum
        if isinstance(rule, RuleSum):
            for one in rule.rules:
                if one.minimum is not None or one.maximum is not None or not one.enabled:
                    raise _not_there(f"limits of {one.name!r}, a part of a sum,", "make it a rule of its own")
                if one.at_most is not None and one.at_most < most_times(one.decay or self.decay):
                    raise _not_there(f"at most {one.at_most} events in a part of a sum", "make it a rule of its own")
            return self.summed(rule.rules), low, high
        if isinstance(rule.when, Either) and rule.associated is None and not self.is_one(rule):
            # as a sum within the points of one
            parts = [
                replace(rule, name=f"{rule.name} {place}", when=part) for place, part in enumerate(rule.when.parts)
            ]
            return (self.summed(parts), *_within(rule, rule.points))
        if rule.count is not None and rule.at_most is not None and rule.at_most < most_times(rule.decay or self.decay):
            return (self.summed([rule]), *_within(rule, rule.points * rule.at_most))
        return self.summed([rule]), low, high

    def is_one(self, rule: Rule) -> bool:
        """Whether a condition with `or` is one operation there."""
        try:
            self.summed([rule])
        except WorkbenchError:
            return False
        return True

    def summed(self, rules: Sequence[Rule]) -> dict[str, Any]:
        """The calculation of one rule, or of the sum of several."""
        counting = [rule.count is not None or any(one.counts for one in rule.conditions) for rule in rules]
        if any(counting):
            if not all(counting):
                raise _not_there("a sum of events and of properties", "make two rules of it")
            return {"type": "MULTI_UE", "eventCalculators": [self.event(rule) for rule in rules]}
        to = {(rule.associated, rule.roll_up, str(rule.of_those)) for rule in rules}
        if len(to) > 1:
            raise _not_there("a sum over different associated records", "make several rules of it")
        found = [self.record(rule, rule.associated or "contact") for rule in rules]
        calculation = found[0] if len(found) == 1 else {"type": "MULTI", "calculators": found}
        return calculation if rules[0].associated is None else self.associations(rules[0], calculation)

    def record(self, rule: Rule, of: str) -> dict[str, Any]:
        """What is asked of one record."""
        if not rule.cases:
            return self.asked(rule.record_conditions[0], rule.points, of)
        asked = rule.record_conditions
        members = [_membership(one) for one in asked]
        if all(members) and not rule.otherwise:
            return self.membership(asked, [case.points for case in rule.cases])
        found = [write_property(one, self.kinds, of) for one in asked]
        names = {name for name, _ in found}
        if len(names) > 1:
            raise _not_there(f"cases on several properties ({listing(sorted(names))})", "make several rules of them")
        rules = [
            {"operation": operation, "value": case.points}
            for (_, operation), case in zip(found, rule.cases, strict=True)
        ]
        calculation = {"type": "MATCH", "property": names.pop(), "matchRules": rules}
        return {**calculation, **({"defaultValue": rule.otherwise} if rule.otherwise else {})}

    def asked(self, tree: Condition, points: float, of: str) -> dict[str, Any]:
        """Points where a condition holds."""
        if tree == Always(True):
            return {"type": "CONSTANT", "value": points}
        if _membership(tree):
            return self.membership([tree], [points])
        found = [write_property(part, self.kinds, of) for part in conjuncts(tree)]
        single = [{"type": "SINGLE", "property": name, "operation": operation} for name, operation in found]
        where = {"type": "COMPOSITE", "operator": "AND", "conditions": single}
        return {"type": "CONDITIONAL", "value": points, "whereCondition": where}

    def membership(self, asked: Sequence[Condition], points: Sequence[float]) -> dict[str, Any]:
        rules = []
        for tree, value in zip(asked, points, strict=True):
            operation, names = _membership(tree) or ("", [])
            rules.append({"operation": operation, "segmentIds": [self.segment(name) for name in names], "value": value})
        return {"type": "SEGMENT_MEMBERSHIP", "segmentMembershipRules": rules}

    def segment(self, name: str) -> int:
        found = self.list_ids.get(name, name)
        if not re.fullmatch(r"-?\d+", str(found)):
            raise WorkbenchError(f"the segment {name!r} has no id there; give its own in list_ids={{{name!r}: '123'}}.")
        return int(found)

    def event(self, rule: Rule) -> dict[str, Any]:
        """The events that a rule counts, for points each or by how often."""
        cases = [(condition, case.points) for condition, case in zip(rule.conditions, rule.cases, strict=False)]
        if rule.when is not None:
            cases = [(rule.conditions[0], rule.points)]
        if rule.count is not None:
            count, ranges = rule.counts[0][0] if rule.decay is None else rule.count, []
        else:
            found = [_frequency(condition) for condition, _ in cases]
            counts = {one for one, _ in found}
            if len(counts) > 1 or rule.otherwise:
                raise _not_there("points by how often of different events, or where they never happened", "split them")
            count = counts.pop()
            ranges = [{**often, "value": points} for (_, often), (_, points) in zip(found, cases, strict=True)]
        assert isinstance(count, Count)  # noqa: S101  # parsed
        parts = conjuncts(count.where) if count.where is not None else []
        if count.detail is not None:
            parts = [Text("contains", DETAIL, count.detail), *parts]
        timed = [part for part in parts if part.properties == ("at",)]
        if count.within_days is not None:
            timed.append(InDays("in_last_days", AT, count.within_days))
        calculation = self.told_of_event(all_of([part for part in parts if part not in timed]), rule.points, count.kind)
        found_there: dict[str, Any] = {"eventTypeId": self.event_id(count.kind), "recordCalculation": calculation}
        if timed:
            _, operation = write_property(all_of(timed), {"at": "datetime"}, "activity")
            found_there["eventTimeframe"] = {"eventFilterOperation": operation}
        if ranges:
            found_there["eventFrequencyCriteria"] = {"type": "BETWEEN", "ranges": ranges}
        return found_there

    def told_of_event(self, tree: Condition, points: float, kind: str) -> dict[str, Any]:
        if "detail" in tree.properties:
            if kind not in DETAILS:
                raise _not_there(f"the detail of events of the kind {kind!r}", "count them all")
            if kind == "form_submission":
                tree = self.form(tree)
        found = self.asked(tree, points, "activity")
        for one in found.get("whereCondition", {}).get("conditions", []):
            if one["property"] == "detail":
                one["property"] = DETAILS[kind]
            if kind == "form_submission" and "values" in one["operation"]:
                one["operation"]["values"] = [self.list_ids.get(value, value) for value in one["operation"]["values"]]
        return found

    def form(self, tree: Condition) -> Condition:
        """A form is told by its id, so its name is looked up."""
        parts = []
        for part in conjuncts(tree):
            if isinstance(part, Text) and is_detail(part):
                if part.text not in self.list_ids:
                    raise WorkbenchError(
                        f"the form {part.text!r} has no id there; give its own in list_ids={{{part.text!r}: '123'}}."
                    )
                parts.append(parse(f"any_of(detail, [{json.dumps(part.text)}])"))
            else:
                parts.append(part)
        return all_of(parts)

    def event_id(self, kind: str) -> str:
        found = self.list_ids.get(kind) or EVENT_TYPES.get(kind) or kind
        if not EVENT_ID.fullmatch(found):
            raise WorkbenchError(
                f"events of the kind {kind!r} have no id there; give it in list_ids={{{kind!r}: '4-1'}}."
            )
        return found

    def associations(self, rule: Rule, calculation: dict[str, Any]) -> dict[str, Any]:
        to = rule.associated or ""
        if to not in ASSOCIATION_TYPES:
            raise _not_there(f"associations of contacts with each {to}", "take the rule out")
        found = {
            "type": "ASSOCIATIONS",
            "associatedObjectTypeId": OBJECT_TYPES[to],
            "associationSpec": _spec(ASSOCIATION_TYPES[to]),
            "inverseAssociationSpec": _spec(INVERSE_TYPES[to]),
            "rollupType": next(key for key, way in ROLL_UPS.items() if way == rule.roll_up),
            "recordCalculation": calculation,
        }
        if not isinstance(rule.of_those, Condition):
            return found
        filters = []
        for part in conjuncts(rule.of_those):
            name, operation = write_property(part, self.kinds, to)
            filters.append({"filterType": "PROPERTY", "property": name, "operation": operation})
        return {**found, "associationFilters": {"propertyFilters": filters}}


def _spec(number_there: int) -> dict[str, Any]:
    return {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": number_there}


def _within(rule: Rule, most: float) -> tuple[float | None, float | None]:
    """The limits of a rule and those of the most it can give."""
    low, high = rule.minimum, rule.maximum
    if most > 0:
        high = most if high is None else min(high, most)
    elif most < 0:
        low = most if low is None else max(low, most)
    return low, high


def _membership(tree: Condition) -> tuple[str, list[str]] | None:
    """How a condition speaks of segments, and of which; None for any other."""
    parts = tree.parts if isinstance(tree, All | Either) else (tree,)
    names = [part.name for part in parts if isinstance(part, InSegment)]
    if len(names) == len(parts):
        return ("HAS_ALL" if isinstance(tree, All) else "HAS_AT_LEAST_ONE") + "_SEGMENT_MEMBERSHIP", names
    outside = [part.part.name for part in parts if isinstance(part, Not) and isinstance(part.part, InSegment)]
    if len(outside) == len(parts) and not isinstance(tree, Either):
        return "HAS_NO_SEGMENT_MEMBERSHIP", outside
    return None


def _frequency(tree: Condition) -> tuple[Count, dict[str, Any]]:
    """The events that a condition counts, and how often they have to have happened."""
    match tree:
        case Compare(Count() as count, ">=" | ">" | "==" as sign, int() as times):
            least = times + 1 if sign == ">" else times
            return count, {"type": "EXACTLY" if sign == "==" else "AT_LEAST", "from": least}
        case Between(Count() as count, int() as low, low_sign, int() as high, high_sign):
            least, most = low + (low_sign == "<"), high - (high_sign == "<")
            return count, {"type": "BETWEEN", "from": least, "to": most}
    raise _not_there(str(tree), "ask for events at least so often, so often, or between")
