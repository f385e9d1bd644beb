"""A score from the vendor's JSON. What cannot be said here is refused by its place."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Any, TypeAlias

from workbench.conditions import (
    Always,
    Between,
    Compare,
    Condition,
    Count,
    Either,
    InDays,
    InSegment,
    Known,
    Not,
    OneOf,
    Property,
    Text,
    parse,
    parse_count,
)
from workbench.scoring.model import MOST_RULES, Label, Matrix, ScoreModel
from workbench.scoring.rules import Case, Decay, Rule, RuleGroup, RuleSum, column_of
from workbench.scoring.vendor.parts import (
    CATEGORIES,
    DETAILS,
    INVERSE_TYPES,
    KEPT,
    ROLL_UPS,
    Part,
    all_of,
    conjuncts,
    is_detail,
    most_times,
    output_of,
    shortened,
)
from workbench.segments.vendor import ASSOCIATION_TYPES, EVENT_TYPES, OBJECT_TYPES, read_property

Json: TypeAlias = Mapping[str, Any]
Leaf: TypeAlias = dict[str, Any]
"""What a Rule is made from, but for its name, limits and id."""
MOST_COMBINATIONS = 64
"""Of the parts of a sum that is asked of each associated record."""
SCORE = {
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
_KINDS = {number: kind for kind, number in EVENT_TYPES.items()}
_MEMBERSHIPS = ("HAS_ALL_SEGMENT_MEMBERSHIP", "HAS_AT_LEAST_ONE_SEGMENT_MEMBERSHIP", "HAS_NO_SEGMENT_MEMBERSHIP")


@dataclass(slots=True)
class _Outputs:
    labels: list[Label]
    matrix: Matrix | None
    kept: list[dict[str, Any]]


class Reader:
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names
        self.came: list[tuple[Rule | RuleSum, Any, Decay | None]] = []  # rules, their calculations and group's decay
        self.taken: set[str] = set()
        self.groups: set[str] = set()

    def score(self, top: Part) -> ScoreModel:
        """A whole score."""
        top.where = f"the score {top.need('name', str)!r}"
        if top.need("objectTypeId") != OBJECT_TYPES["contact"]:
            raise top.problem(
                f"it scores objects of the type {shortened(top.get('objectTypeId'))}, and contacts ('0-1') are scored "
                "here; wb.company_scores rolls scores of contacts up to companies."
            )
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
        groups = [self.group(part) for part in parts]
        outputs = self.outputs(top)
        hubspot: dict[str, Any] = {key: str(top.get(key)) for key in KEPT if top.get(key) is not None}
        hubspot |= {"outputs": outputs.kept} if top.get("outputConfiguration") is not None else {}
        include, exclude = self.filtered(top)
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

    def name(self, text: str, taken: set[str], key: Callable[[str], str] = str) -> str:
        """A name that is not taken yet."""
        text = text if len(text) <= 80 else f"{text[:77]}..."
        name, again = text, 1
        while key(name) in taken:
            again += 1
            name = f"{text} ({again})"
        taken.add(key(name))
        return name

    def group(self, part: Part) -> RuleGroup:
        category = CATEGORIES[part.choice("groupCategory", CATEGORIES)]
        name = self.name(part.need("groupName", str).strip() or category, self.groups, column_of)
        part.where = f"the group {name!r}"
        decay = None
        if part.get("groupDecay") is not None:
            fading = part.part("groupDecay", ("decayIntervalDays", "percentToDecayPerInterval"))
            percent, days = fading.need("percentToDecayPerInterval"), fading.need("decayIntervalDays")
            decay = fading.within(lambda: Decay(percent=percent, every_days=days))
        keys = ("configuration", "enabled", "id", "maximumValue", "minimumValue")
        rules = tuple(
            self.rule(rule, place, decay) for place, rule in enumerate(part.parts("ruleConfigurations", keys), 1)
        )
        limits, number_there = part.limits("minValue", "maxValue"), part.get("id")
        made: RuleGroup = part.within(
            lambda: RuleGroup(name=name, rules=rules, category=category, decay=decay, id=number_there, **limits)
        )
        return made

    def rule(self, part: Part, place: int, decay: Decay | None) -> Rule | RuleSum:
        part.where = f"{part.where}, rule {part.get('id', place)}"
        calculation = part.part("configuration", ("calculation",)).part("calculation", where=part.where)
        shell = {"id": part.get("id"), "enabled": part.need("enabled", bool)}
        shell |= part.limits("minimumValue", "maximumValue")
        made = self.made(calculation, shell, decay)
        self.came.append((made, calculation.found, decay))
        return made

    def made(self, part: Part, shell: dict[str, Any], decay: Decay | None) -> Rule | RuleSum:
        """The rule of a calculation; `shell` has its limits and id."""
        leaves: list[Leaf] = part.within(lambda: self.leaves(part, decay))
        limits = {key: shell[key] for key in ("minimum", "maximum")}
        if len(leaves) == 1:
            leaf = leaves[0]
            if "count" in leaf:
                leaf["at_most"] = _needed(leaf["points"], limits, decay)
            rule: Rule = part.within(lambda: self.single({**leaf, **shell}))
            return replace(rule, name=self.name(_words(rule), self.taken))
        for leaf in leaves:
            leaf |= {"at_most": most_times(decay)} if "count" in leaf else {}
        single: list[Rule] = [part.within(partial(self.single, leaf)) for leaf in leaves]
        named = tuple(replace(rule, name=self.name(_words(rule), self.taken)) for rule in single)
        name = self.name(f"sum of {'; '.join(map(_words, named))}", self.taken)
        made: RuleSum = part.within(lambda: RuleSum(name=name, rules=named, **shell))
        return made

    def single(self, leaf: Leaf) -> Rule:
        """A rule without a name yet; its conditions are read from their texts, so that a file can hold them."""
        fields = dict(leaf)
        for key in ("when", "of_those"):
            if key in fields:
                fields[key] = parse(str(fields[key]))
        if "count" in fields:
            fields["count"] = parse_count(str(fields["count"]))
        if "cases" in fields:
            fields["cases"] = tuple(Case(when=str(when), points=points) for when, points in fields["cases"])
        return Rule(name=str(fields.get("id") or "of a sum"), **fields)

    # calculations

    def leaves(self, part: Part, decay: Decay | None, of: str = "contact") -> list[Leaf]:
        """What a calculation asks, as one rule or several whose points are summed."""
        kind = part.need("type")
        match kind:
            case "CONSTANT":
                Part(part.found, part.where, ("type", "value"))
                return [{"when": Always(True), "points": part.points("value")}]
            case "CONDITIONAL":
                Part(part.found, part.where, ("type", "value", "whereCondition"))
                return [{"when": self.composite(part.part("whereCondition"), of), "points": part.points("value")}]
            case "MATCH":
                return [self.match(part, of)]
            case "MULTI":
                Part(part.found, part.where, ("type", "calculators"))
                found = [leaf for one in part.parts("calculators") for leaf in self.leaves(one, decay, of)]
                return found or [{"when": Always(True), "points": 0}]
            case "SEGMENT_MEMBERSHIP" if of == "contact":
                return [self.membership(part)]
            case "MULTI_UE" if of == "contact":
                Part(part.found, part.where, ("type", "eventCalculators"))
                keys = ("eventFrequencyCriteria", "eventTimeframe", "eventTypeId", "recordCalculation")
                events = part.parts("eventCalculators", keys)
                return [leaf for one in events for leaf in self.events(one, decay)] or [
                    {"when": Always(True), "points": 0}
                ]
            case "ASSOCIATIONS" if of == "contact":
                return self.associations(part)
            case "ASSOCIATION_UE":
                raise part.cannot("a calculation ASSOCIATION_UE, events of associated records,")
            case "SEGMENT_MEMBERSHIP" | "MULTI_UE" | "ASSOCIATIONS":
                raise part.cannot(f"a calculation {kind} of {'an event' if of == 'activity' else f'a {of}'}")
        raise part.problem(
            f"unknown type of calculation {shortened(kind)}; was it written by another version of the vendor's API?"
        )

    def composite(self, part: Part, of: str) -> Condition:
        kind = part.need("type")
        if kind == "SINGLE":
            Part(part.found, part.where, ("operation", "property", "type"))
            return self.operation(part, part.need("property", str), of)
        if kind != "COMPOSITE" or part.need("operator") != "AND":
            raise part.cannot(f"a condition of the type {shortened(kind)} with {shortened(part.get('operator'))}")
        parts: list[Condition] = []
        for one in part.parts("conditions", ("operation", "property", "type", "conditions", "operator")):
            parts += conjuncts(self.composite(one, of))
        parts = [one for one in dict.fromkeys(parts) if one != Always(True)]
        return all_of(parts)

    def operation(self, part: Part, name: str, of: str) -> Condition:
        operation = dict(part.part("operation").found)
        if of == "activity" and isinstance(operation.get("values"), list):  # forms have ids there and names here
            operation["values"] = [self.names.get(str(value), value) for value in operation["values"]]
        found: Condition = part.within(lambda: read_property(name, operation, self.names, of))
        return found

    def match(self, part: Part, of: str) -> Leaf:
        Part(part.found, part.where, ("defaultValue", "matchRules", "property", "type"))
        name, otherwise = (
            part.need("property", str),
            0.0 if part.get("defaultValue") is None else part.points("defaultValue"),
        )
        rules = part.parts("matchRules", ("operation", "value"))
        if not rules:
            return {"when": Always(True), "points": otherwise}
        return {
            "cases": [(self.operation(one, name, of), one.points("value")) for one in rules],
            "otherwise": otherwise,
        }

    def membership(self, part: Part) -> Leaf:
        Part(part.found, part.where, ("segmentMembershipRules", "type"))
        cases: list[tuple[Condition, float]] = []
        for one in part.parts("segmentMembershipRules", ("operation", "segmentIds", "value")):
            operation = one.choice("operation", _MEMBERSHIPS)
            segments: list[Condition] = [InSegment(self.segment(number)) for number in one.need("segmentIds", list)]
            if not segments:
                raise one.problem("a rule on segments names none.")
            if operation.startswith("HAS_NO"):
                segments = [Not(segment) for segment in segments]
            either = operation.startswith("HAS_AT_LEAST") and len(segments) > 1
            cases.append((Either(tuple(segments)) if either else all_of(segments), one.points("value")))
        if len(cases) == 1:
            return {"when": cases[0][0], "points": cases[0][1]}
        return {"cases": cases} if cases else {"when": Always(True), "points": 0}

    def segment(self, number_there: Any) -> str:
        return self.names.get(str(number_there), str(number_there))

    def events(self, part: Part, decay: Decay | None) -> list[Leaf]:
        number_there = part.need("eventTypeId", str)
        kind = self.names.get(number_there) or _KINDS.get(number_there) or number_there
        when: list[Condition] = []
        days = None
        if part.get("eventTimeframe") is not None:
            frame = part.part("eventTimeframe", ("eventFilterOperation",))
            operation = frame.need("eventFilterOperation")
            asked: Condition = part.within(lambda: read_property("at", operation, self.names, "activity"))
            if isinstance(asked, InDays) and asked.direction == "in_last_days":
                days = asked.days
            else:
                when = conjuncts(asked)
        calculation = part.part("recordCalculation")
        inner = [self.as_event(leaf, kind, part) for leaf in self.leaves(calculation, decay, "activity")]
        if part.get("eventFrequencyCriteria") is not None:
            if len(inner) > 1 or "cases" in inner[0]:
                raise part.cannot("points by how often of events that are worth different points")
            if decay is not None:
                raise part.cannot("points by how often in a group whose points decay")
            return [self.often(part, _counted(kind, [*conjuncts(inner[0]["when"]), *when], days))]
        found: list[Leaf] = []
        for leaf in inner:
            for condition, points in _exclusive(leaf):
                if points or len(inner) == 1:
                    found.append({"count": _counted(kind, [*conjuncts(condition), *when], days), "points": points})
        return found or [{"when": Always(True), "points": 0}]

    def as_event(self, leaf: Leaf, kind: str, part: Part) -> Leaf:
        """A leaf that asks of an activity here what it asked of an event there."""

        def renamed(tree: Condition) -> Condition:
            if "at" in tree.properties:
                raise part.cannot("an event's property 'at'")
            text = str(tree)
            if DETAILS.get(kind) in tree.properties:
                text = re.sub(rf"\b{DETAILS[kind]}\b", "detail", text)
            return parse(text)

        if "cases" in leaf:
            return {**leaf, "cases": [(renamed(when), points) for when, points in leaf["cases"]]}
        return {**leaf, "when": renamed(leaf["when"])}

    def often(self, part: Part, count: Count) -> Leaf:
        criteria = part.part("eventFrequencyCriteria", ("ranges", "type"))
        criteria.choice("type", ("BETWEEN",))
        cases: list[tuple[int, Condition, float]] = []
        for one in criteria.parts("ranges", ("from", "to", "type", "value")):
            kind, least, most = (
                one.choice("type", ("AT_LEAST", "BETWEEN", "EXACTLY")),
                one.need("from", int),
                one.get("to"),
            )
            when: Condition = Compare(count, ">=" if kind == "AT_LEAST" else "==", least)
            if kind == "BETWEEN":
                if not isinstance(most, int) or most < least:
                    raise one.problem(f"events between {least} and {most!r} times are none; give from and to.")
                when = Between(count, least, "<=", most, "<=")
            cases.append((least, when, one.points("value")))
        # the most demanding first: at least 5 times is at least 3 times too
        ordered = sorted(cases, key=lambda case: -case[0])
        if len(cases) == 1:
            return {"when": cases[0][1], "points": cases[0][2]}
        return {"cases": [case[1:] for case in ordered]} if cases else {"when": Always(True), "points": 0}

    def associations(self, part: Part) -> list[Leaf]:
        keys = (
            "associatedObjectTypeId",
            "associationFilters",
            "associationSpec",
            "inverseAssociationSpec",
            "recordCalculation",
            "rollupType",
            "type",
        )
        Part(part.found, part.where, keys)
        objects = {number_there: name for name, number_there in OBJECT_TYPES.items()}
        to = objects.get(part.need("associatedObjectTypeId"), "")
        specs = [part.part(key, ("associationCategory", "associationTypeId")) for key in keys[2:4]]
        types = [(one.need("associationCategory"), one.need("associationTypeId")) for one in specs]
        allowed = [("HUBSPOT_DEFINED", numbers.get(to)) for numbers in (ASSOCIATION_TYPES, INVERSE_TYPES)]
        if to not in ASSOCIATION_TYPES or types not in (allowed, allowed[::-1]):
            told = ", ".join(f"{category} {number_there}" for category, number_there in types)
            raise part.cannot(f"the associations {told} to objects of the type {part.need('associatedObjectTypeId')!r}")
        roll_up = ROLL_UPS[part.choice("rollupType", ROLL_UPS)]
        those: list[Condition] = []
        if part.get("associationFilters") is not None:
            filters = part.part("associationFilters", ("propertyFilters",))
            for one in filters.parts("propertyFilters", ("filterType", "operation", "property")):
                one.choice("filterType", ("PROPERTY",))
                those += conjuncts(self.operation(one, one.need("property", str), to))
        leaves = self.leaves(part.part("recordCalculation"), None, to)
        more: Leaf = {"associated": to, "roll_up": roll_up, **({"of_those": all_of(those)} if those else {})}
        if roll_up == "sum":
            return [{**leaf, **more} for leaf in leaves]
        return [{**_combined(leaves, part), **more}]

    # the rest of a score

    def filtered(self, top: Part) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The segments to include and those to exclude."""
        if top.get("filterConfiguration") is None:
            return (), ()
        part = top.part("filterConfiguration", ("listFilterType", "segmentIds"))
        kind = part.choice("listFilterType", ("EXCLUDES", "INCLUDES"))
        names = tuple(self.segment(number_there) for number_there in part.need("segmentIds", list))
        return ((), names) if kind == "EXCLUDES" else (names, ())

    def outputs(self, top: Part) -> _Outputs:
        found = _Outputs([], None, [])
        if top.get("outputConfiguration") is None:
            return found
        given = top.part("outputConfiguration", ("outputs",))
        common = (
            "boundaries",
            "categories",
            "id",
            "outputType",
            "propertyDescription",
            "propertyGroup",
            "propertyLabel",
            "propertyName",
            "internalPropertyName",
        )
        done: set[str | None] = set()
        for part in given.parts("outputs", common):
            kind = part.choice("outputType", ("SCORE", "THRESHOLD", "MATRIX"))
            part.where = f"{top.where}, output {part.get('id', kind)}"
            kept = {key: value for key, value in part.found.items() if key != "boundaries" and value is not None}
            of = output_of(part)
            if kind == "THRESHOLD":
                if of in done:
                    raise part.cannot(f"a second output of thresholds of {of or 'the whole score'}")
                done.add(of)
                keys = ("color", "label", "newLabel", "threshold")
                tiers = part.parts("boundaries", keys)
                found.labels += [self.tier(tier, of) for tier in tiers]
                extra = {
                    tier.need("label"): {
                        key: tier.get(key) for key in ("color", "newLabel") if tier.get(key) is not None
                    }
                    for tier in tiers
                }
                kept["boundaries"] = {label: more for label, more in extra.items() if more}
            if kind == "MATRIX":
                if found.matrix is not None:
                    raise part.cannot("a second matrix")
                axes = part.part("boundaries", CATEGORIES)
                tiers_of = {
                    CATEGORIES[key]: tuple(self.tier(tier, None) for tier in axes.parts(key, ("label", "threshold")))
                    for key in CATEGORIES
                }
                found.matrix = part.within(partial(Matrix, **tiers_of))
            found.kept.append(json.loads(json.dumps(kept)))
        return found

    def tier(self, part: Part, of: str | None) -> Label:
        label, points = part.need("label", str), part.points("threshold")
        made: Label = part.within(lambda: Label(name=label, at_least=points, of=of))
        return made


def _counted(kind: str, parts: Sequence[Condition], days: int | None) -> Count:
    """Events of a kind that meet all of some conditions; the first text looked for in their detail stands in front."""
    detail = next((part for part in parts if isinstance(part, Text) and is_detail(part)), None)
    rest = [part for part in parts if part is not detail]
    return Count(kind, None if detail is None else detail.text, all_of(rest) if rest else None, days)


def _exclusive(leaf: Leaf) -> list[tuple[Condition, float]]:
    """The conditions of a leaf with their points, no two of which hold of the same record."""
    if "cases" not in leaf:
        return [(leaf["when"], leaf["points"])]
    found: list[tuple[Condition, float]] = []
    before: list[Condition] = []
    for when, points in leaf["cases"]:
        texts = _texts(when)
        apart = [one for one in before if texts is None or (_texts(one) or texts) & texts]
        found.append((all_of([*conjuncts(when), *map(_fails, apart)]), points))
        before.append(when)
    if leaf.get("otherwise"):
        found.append((all_of([_fails(one) for one in before]), leaf["otherwise"]))
    return found


def _texts(tree: Condition) -> frozenset[str] | None:
    """The texts of which a property has to be one."""
    match tree:
        case Compare(Property(), "==", str() as value):
            return frozenset([value])
        case OneOf(Property(), values, False) if all(isinstance(value, str) for value in values):
            return frozenset(map(str, values))
    return None


def _fails(tree: Condition) -> Condition:
    """That a condition on one property does not hold, blanks included."""
    name = Property(tree.properties[0])
    blanks = Known(name, False)
    if isinstance(tree, Known) or (isinstance(tree, Either) and blanks in tree.parts):
        return Not(tree)
    return Either((Not(tree), blanks))


def _combined(leaves: Sequence[Leaf], part: Part) -> Leaf:
    """Several leaves as one with a case for each combination; the first that holds has the sum of the points."""
    if len(leaves) == 1:
        return leaves[0]
    choices: list[list[tuple[Condition, float]]] = []
    for leaf in leaves:
        cases = leaf.get("cases") or [(leaf["when"], leaf["points"])]
        rest = [] if cases[-1][0] == Always(True) else [(Always(True), leaf.get("otherwise", 0))]
        choices.append([*cases, *rest])
    if math.prod(map(len, choices)) > MOST_COMBINATIONS:
        raise part.cannot(
            f"the average, maximum or minimum of a sum with more than {MOST_COMBINATIONS} combinations of its parts"
        )
    *cases, (_, otherwise) = [
        (all_of([one for when, _ in chosen for one in conjuncts(when)]), round(sum(points for _, points in chosen), 6))
        for chosen in product(*choices)
    ]
    return {"cases": cases, "otherwise": otherwise} if cases else {"when": Always(True), "points": otherwise}


def _needed(points: float, limits: Mapping[str, float | None], decay: Decay | None) -> int:
    """How many events can matter within the limits of their rule."""
    limit = limits["maximum" if points > 0 else "minimum"]
    most = most_times(decay)
    if limit is None or not points:
        return most
    return max(1, min(most, math.ceil(round(limit / points, 9))))


def _words(rule: Rule) -> str:
    """What a rule is called that has no name there."""
    return "every contact" if rule.when == Always(True) and rule.associated is None else str(rule)
