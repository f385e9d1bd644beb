"""A score as the vendor's API writes it, and back. What one side cannot say is refused by its name."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
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
    Known,
    Not,
    OneOf,
    Property,
    Text,
    parse,
    parse_count,
)
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.scoring.model import MATRIX, MOST_RULES, Label, Matrix, ScoreModel
from workbench.scoring.rules import (
    MOST_CODES,
    MOST_TIMES,
    Case,
    Decay,
    RollUp,
    Rule,
    RuleGroup,
    RuleSum,
    column_of,
    number,
)
from workbench.segments.vendor import ASSOCIATION_TYPES, EVENT_TYPES, OBJECT_TYPES, read_property, write_property

Json: TypeAlias = Mapping[str, Any]
Leaf: TypeAlias = dict[str, Any]
"""What a Rule is made from, but for its name, limits and id."""

CATEGORIES = {"FIT": "fit", "INTENT": "engagement"}
MOST_COMBINATIONS = 64
"""Of the parts of a sum that is asked of each associated record."""
_INVERSE_TYPES = {"company": 280, "deal": 3, "ticket": 16}
_ROLL_UPS: dict[str, RollUp] = {"AVG": "average", "MAX": "maximum", "MIN": "minimum", "SUM": "sum"}
_KINDS = {number: kind for kind, number in EVENT_TYPES.items()}
_DETAILS = {"page_view": "hs_url", "form_submission": "hs_form_id"}
"""The event's property that is the detail of an activity here."""
_AT, _DETAIL = Property("at"), Property("detail")
_EVENT_ID = re.compile(r"\d+-\d+")
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
_MEMBERSHIPS = ("HAS_ALL_SEGMENT_MEMBERSHIP", "HAS_AT_LEAST_ONE_SEGMENT_MEMBERSHIP", "HAS_NO_SEGMENT_MEMBERSHIP")


class _Part:
    """A part of the vendor's JSON, whose problems are told with its place."""

    def __init__(self, found: Any, where: str, known: Iterable[str] = ()) -> None:
        self.found, self.where = found, where
        if not isinstance(found, Mapping):
            raise self.problem(f"an object in braces is needed, and {_short(found)} came.")
        known = sorted(known)
        for key in found:
            if known and key not in known:
                raise self.problem(
                    f"unknown key {key!r}; there are {listing(known, most=20)}.{did_you_mean(str(key), known)} Was it "
                    "written by another version of the vendor's API?"
                )

    def problem(self, text: str) -> WorkbenchError:
        return WorkbenchError(f"{self.where}: {text}")

    def cannot(self, what: str) -> WorkbenchError:
        return self.problem(f"{what} cannot be said here; take the rule out, or keep it with the vendor.")

    def get(self, key: str, default: Any = None) -> Any:
        value = self.found.get(key)
        return default if value is None else value

    def need(self, key: str, kind: type | tuple[type, ...] = object) -> Any:
        value = self.found.get(key)
        if value is None or not isinstance(value, kind):
            raise self.problem(f"{key!r} is missing." if value is None else f"{key!r} cannot be {_short(value)}.")
        return value

    def points(self, key: str) -> float:
        found: float = self.within(lambda: number(self.need(key), f"the points {key!r}"))
        return found

    def limits(self, low: str, high: str) -> dict[str, float | None]:
        found = {"minimum": low, "maximum": high}
        return {name: None if self.get(key) is None else self.points(key) for name, key in found.items()}

    def part(self, key: str, known: Iterable[str] = (), where: str = "") -> _Part:
        return _Part(self.need(key), where or self.where, known)

    def parts(self, key: str, known: Iterable[str] = (), where: str = "") -> list[_Part]:
        return [_Part(one, where or self.where, known) for one in self.need(key, list)]

    def choice(self, key: str, known: Iterable[str]) -> str:
        value, known = self.need(key), list(known)
        if value not in known:
            raise self.problem(f"unknown {key} {_short(value)}; there are {listing(known, most=20)}.")
        return str(value)

    def within(self, make: Callable[[], Any]) -> Any:
        """What `make` gives, its problems told with this place."""
        try:
            return make()
        except WorkbenchError as problem:
            text = str(problem)
            if text.startswith(self.where):
                raise
            refused = text.split(" cannot be said here;")[0]
            raise (self.cannot(refused) if refused != text else self.problem(text)) from problem
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError, IndexError) as problem:
            raise self.problem(f"it is not as the vendor writes it ({type(problem).__name__}: {problem}).") from problem


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


# -- JSON to model ---------------------------------------------------------------------------------------------------


def from_json(found: Any, names: Mapping[str, str]) -> ScoreModel:
    """The model of a score of the vendor's; see `ScoreModel.from_hubspot`."""
    try:
        if isinstance(found, str | bytes):
            found = json.loads(found)
        return _model(_Part(found, "the score", _SCORE), names)
    except RecursionError as problem:
        raise WorkbenchError("the score is nested too deep to be read; no score of the vendor's is.") from problem
    except ValueError as problem:
        raise WorkbenchError(f"this is no JSON ({problem}); give what the vendor's API gives for a score.") from problem


def _model(top: _Part, names: Mapping[str, str]) -> ScoreModel:
    top.where = f"the score {top.need('name', str)!r}"
    if top.need("objectTypeId") != OBJECT_TYPES["contact"]:
        raise top.problem(
            f"it scores objects of the type {_short(top.get('objectTypeId'))}, and contacts ('0-1') are scored here; "
            "wb.company_scores rolls scores of contacts up to companies."
        )
    reader = _Reader(names)
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


@dataclass(slots=True)
class _Outputs:
    labels: list[Label]
    matrix: Matrix | None
    kept: list[dict[str, Any]]


class _Reader:
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names
        self.calculations: dict[str, Any] = {}  # of rules that are written in another way than they came
        self.taken: set[str] = set()
        self.groups: set[str] = set()

    def name(self, text: str, taken: set[str], key: Callable[[str], str] = str) -> str:
        """A name that is not taken yet."""
        text = text if len(text) <= 80 else f"{text[:77]}..."
        name, again = text, 1
        while key(name) in taken:
            again += 1
            name = f"{text} ({again})"
        taken.add(key(name))
        return name

    def group(self, part: _Part) -> RuleGroup:
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

    def rule(self, part: _Part, place: int, decay: Decay | None) -> Rule | RuleSum:
        part.where = f"{part.where}, rule {part.get('id', place)}"
        calculation = part.part("configuration", ("calculation",)).part("calculation", where=part.where)
        shell = {"id": part.get("id"), "enabled": part.need("enabled", bool)}
        shell |= part.limits("minimumValue", "maximumValue")
        made = self.made(calculation, shell, decay)
        # What is said in another way there than it would be written is kept as it came.
        try:
            written = _Writer({}, {name: number for number, name in self.names.items()}, decay).rule(made, 1)[
                "configuration"
            ]
            again = _Reader(self.names).made(_Part(written["calculation"], ""), shell, decay)
            same = _unnamed(again) == _unnamed(made)
        except WorkbenchError:
            same = False
        if not same:
            self.calculations[made.name] = json.loads(json.dumps(calculation.found))
        return made

    def made(self, part: _Part, shell: dict[str, Any], decay: Decay | None) -> Rule | RuleSum:
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

    def leaves(self, part: _Part, decay: Decay | None, of: str = "contact") -> list[Leaf]:
        """What a calculation asks, as one rule or several whose points are summed."""
        kind = part.need("type")
        match kind:
            case "CONSTANT":
                _Part(part.found, part.where, ("type", "value"))
                return [{"when": Always(True), "points": part.points("value")}]
            case "CONDITIONAL":
                _Part(part.found, part.where, ("type", "value", "whereCondition"))
                return [{"when": self.composite(part.part("whereCondition"), of), "points": part.points("value")}]
            case "MATCH":
                return [self.match(part, of)]
            case "MULTI":
                _Part(part.found, part.where, ("type", "calculators"))
                found = [leaf for one in part.parts("calculators") for leaf in self.leaves(one, decay, of)]
                return found or [{"when": Always(True), "points": 0}]
            case "SEGMENT_MEMBERSHIP" if of == "contact":
                return [self.membership(part)]
            case "MULTI_UE" if of == "contact":
                _Part(part.found, part.where, ("type", "eventCalculators"))
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
            f"unknown type of calculation {_short(kind)}; was it written by another version of the vendor's API?"
        )

    def composite(self, part: _Part, of: str) -> Condition:
        kind = part.need("type")
        if kind == "SINGLE":
            _Part(part.found, part.where, ("operation", "property", "type"))
            return self.operation(part, part.need("property", str), of)
        if kind != "COMPOSITE" or part.need("operator") != "AND":
            raise part.cannot(f"a condition of the type {_short(kind)} with {_short(part.get('operator'))}")
        parts: list[Condition] = []
        for one in part.parts("conditions", ("operation", "property", "type", "conditions", "operator")):
            parts += _conjuncts(self.composite(one, of))
        parts = [one for one in dict.fromkeys(parts) if one != Always(True)]
        return _all(parts)

    def operation(self, part: _Part, name: str, of: str) -> Condition:
        operation = dict(part.part("operation").found)
        if of == "activity" and isinstance(operation.get("values"), list):  # forms have ids there and names here
            operation["values"] = [self.names.get(str(value), value) for value in operation["values"]]
        found: Condition = part.within(lambda: read_property(name, operation, self.names, of))
        return found

    def match(self, part: _Part, of: str) -> Leaf:
        _Part(part.found, part.where, ("defaultValue", "matchRules", "property", "type"))
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

    def membership(self, part: _Part) -> Leaf:
        _Part(part.found, part.where, ("segmentMembershipRules", "type"))
        cases: list[tuple[Condition, float]] = []
        for one in part.parts("segmentMembershipRules", ("operation", "segmentIds", "value")):
            operation = one.choice("operation", _MEMBERSHIPS)
            segments: list[Condition] = [InSegment(self.segment(number)) for number in one.need("segmentIds", list)]
            if not segments:
                raise one.problem("a rule on segments names none.")
            if operation.startswith("HAS_NO"):
                segments = [Not(segment) for segment in segments]
            either = operation.startswith("HAS_AT_LEAST") and len(segments) > 1
            cases.append((Either(tuple(segments)) if either else _all(segments), one.points("value")))
        if len(cases) == 1:
            return {"when": cases[0][0], "points": cases[0][1]}
        return {"cases": cases} if cases else {"when": Always(True), "points": 0}

    def segment(self, number_there: Any) -> str:
        return self.names.get(str(number_there), str(number_there))

    def events(self, part: _Part, decay: Decay | None) -> list[Leaf]:
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
                when = _conjuncts(asked)
        calculation = part.part("recordCalculation")
        inner = [self.as_event(leaf, kind, part) for leaf in self.leaves(calculation, decay, "activity")]
        if part.get("eventFrequencyCriteria") is not None:
            if len(inner) > 1 or "cases" in inner[0]:
                raise part.cannot("points by how often of events that are worth different points")
            if decay is not None:
                raise part.cannot("points by how often in a group whose points decay")
            return [self.often(part, _counted(kind, [*_conjuncts(inner[0]["when"]), *when], days))]
        found: list[Leaf] = []
        for leaf in inner:
            for condition, points in _exclusive(leaf):
                if points or len(inner) == 1:
                    found.append({"count": _counted(kind, [*_conjuncts(condition), *when], days), "points": points})
        return found or [{"when": Always(True), "points": 0}]

    def as_event(self, leaf: Leaf, kind: str, part: _Part) -> Leaf:
        """A leaf that asks of an activity here what it asked of an event there."""

        def renamed(tree: Condition) -> Condition:
            if "at" in tree.properties:
                raise part.cannot("an event's property 'at'")
            text = str(tree)
            if _DETAILS.get(kind) in tree.properties:
                text = re.sub(rf"\b{_DETAILS[kind]}\b", "detail", text)
            return parse(text)

        if "cases" in leaf:
            return {**leaf, "cases": [(renamed(when), points) for when, points in leaf["cases"]]}
        return {**leaf, "when": renamed(leaf["when"])}

    def often(self, part: _Part, count: Count) -> Leaf:
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

    def associations(self, part: _Part) -> list[Leaf]:
        keys = (
            "associatedObjectTypeId",
            "associationFilters",
            "associationSpec",
            "inverseAssociationSpec",
            "recordCalculation",
            "rollupType",
            "type",
        )
        _Part(part.found, part.where, keys)
        objects = {number_there: name for name, number_there in OBJECT_TYPES.items()}
        to = objects.get(part.need("associatedObjectTypeId"), "")
        specs = [part.part(key, ("associationCategory", "associationTypeId")) for key in keys[2:4]]
        types = [(one.need("associationCategory"), one.need("associationTypeId")) for one in specs]
        allowed = [("HUBSPOT_DEFINED", numbers.get(to)) for numbers in (ASSOCIATION_TYPES, _INVERSE_TYPES)]
        if to not in ASSOCIATION_TYPES or types not in (allowed, allowed[::-1]):
            told = ", ".join(f"{category} {number_there}" for category, number_there in types)
            raise part.cannot(f"the associations {told} to objects of the type {part.need('associatedObjectTypeId')!r}")
        roll_up = _ROLL_UPS[part.choice("rollupType", _ROLL_UPS)]
        those: list[Condition] = []
        if part.get("associationFilters") is not None:
            filters = part.part("associationFilters", ("propertyFilters",))
            for one in filters.parts("propertyFilters", ("filterType", "operation", "property")):
                one.choice("filterType", ("PROPERTY",))
                those += _conjuncts(self.operation(one, one.need("property", str), to))
        leaves = self.leaves(part.part("recordCalculation"), None, to)
        more: Leaf = {"associated": to, "roll_up": roll_up, **({"of_those": _all(those)} if those else {})}
        if roll_up == "sum":
            return [{**leaf, **more} for leaf in leaves]
        return [{**_combined(leaves, part), **more}]

    # the rest of a score

    def filtered(self, top: _Part) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The segments to include and those to exclude."""
        if top.get("filterConfiguration") is None:
            return (), ()
        part = top.part("filterConfiguration", ("listFilterType", "segmentIds"))
        kind = part.choice("listFilterType", ("EXCLUDES", "INCLUDES"))
        names = tuple(self.segment(number_there) for number_there in part.need("segmentIds", list))
        return ((), names) if kind == "EXCLUDES" else (names, ())

    def outputs(self, top: _Part) -> _Outputs:
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
            of = _output_of(part)
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

    def tier(self, part: _Part, of: str | None) -> Label:
        label, points = part.need("label", str), part.points("threshold")
        made: Label = part.within(lambda: Label(name=label, at_least=points, of=of))
        return made


def _output_of(part: _Part) -> str | None:
    """The category that an output speaks of; None for the whole score."""
    categories = part.get("categories", [])
    if not isinstance(categories, list) or any(one not in CATEGORIES for one in categories):
        raise part.problem(f"unknown categories {_short(categories)}; there are {listing(CATEGORIES)}.")
    return CATEGORIES[categories[0]] if len(set(categories)) == 1 else None


def _conjuncts(tree: Condition) -> list[Condition]:
    if tree == Always(True):
        return []
    return list(tree.parts) if isinstance(tree, All) else [tree]


def _all(parts: Sequence[Condition]) -> Condition:
    return Always(True) if not parts else parts[0] if len(parts) == 1 else All(tuple(parts))


def _counted(kind: str, parts: Sequence[Condition], days: int | None) -> Count:
    """Events of a kind that meet all of some conditions; the first text looked for in their detail stands in front."""
    detail = next((part for part in parts if isinstance(part, Text) and _is_detail(part)), None)
    rest = [part for part in parts if part is not detail]
    return Count(kind, None if detail is None else detail.text, _all(rest) if rest else None, days)


def _is_detail(part: Text) -> bool:
    return part.match == "contains" and part.property == _DETAIL


def _exclusive(leaf: Leaf) -> list[tuple[Condition, float]]:
    """The conditions of a leaf with their points, no two of which hold of the same record."""
    if "cases" not in leaf:
        return [(leaf["when"], leaf["points"])]
    found: list[tuple[Condition, float]] = []
    before: list[Condition] = []
    for when, points in leaf["cases"]:
        texts = _texts(when)
        apart = [one for one in before if texts is None or (_texts(one) or texts) & texts]
        found.append((_all([*_conjuncts(when), *map(_fails, apart)]), points))
        before.append(when)
    if leaf.get("otherwise"):
        found.append((_all([_fails(one) for one in before]), leaf["otherwise"]))
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


def _combined(leaves: Sequence[Leaf], part: _Part) -> Leaf:
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
        (_all([one for when, _ in chosen for one in _conjuncts(when)]), round(sum(points for _, points in chosen), 6))
        for chosen in product(*choices)
    ]
    return {"cases": cases, "otherwise": otherwise} if cases else {"when": Always(True), "points": otherwise}


def most_times(decay: Decay | None) -> int:
    """How many events of a rule can count at most: all of them, as far as there is room."""
    return MOST_TIMES if decay is None else min(MOST_TIMES, (MOST_CODES - 1) * decay.unit // 100)


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


def _unnamed(rule: Rule | RuleSum) -> Rule | RuleSum:
    if isinstance(rule, RuleSum):
        return replace(
            rule, name="_", rules=tuple(replace(one, name=str(place)) for place, one in enumerate(rule.rules))
        )
    return replace(rule, name="_")


# -- model to JSON ---------------------------------------------------------------------------------------------------


def to_json(model: ScoreModel, kinds: Mapping[str, str], list_ids: Mapping[str, str]) -> dict[str, Any]:
    """A score of the vendor's; see `ScoreModel.to_hubspot`."""
    if model.minimum is not None and model.minimum > sum(group.minimum or 0 for group in model.groups):
        raise _not_there(f"a lower limit of the whole score ({model.minimum})", "give the groups lower limits instead")
    keeping = [label.name for label in model.labels if label.leave_below is not None]
    if keeping:
        raise _not_there(f"a line at which a label is left ({listing(keeping)})", "take leave_below out")
    names = {number_there: name for name, number_there in list_ids.items()}
    kept = model.hubspot.get("calculations") or {}
    groups = []
    place = 0
    for position, group in enumerate(model.groups, 1):
        writer, rules = _Writer(kinds, list_ids, group.decay), []
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
                raise _not_there(f"a limit of {limit} points, which is no whole number", "round it")
            found[key] = int(limit)
    if model.include and model.exclude:
        raise _not_there("segments to include beside segments to exclude", "make one segment of them")
    if model.include or model.exclude:
        writer = _Writer(kinds, list_ids, None)
        ids = [writer.segment(name) for name in (*model.include, *model.exclude)]
        kind = "EXCLUDES" if model.exclude else "INCLUDES"
        found["filterConfiguration"] = {"listFilterType": kind, "segmentIds": ids}
    outputs = _outputs(model)
    has_outputs = outputs or "outputs" in model.hubspot
    return {**found, **({"outputConfiguration": {"outputs": outputs}} if has_outputs else {})}


def _not_there(what: str, instead: str) -> WorkbenchError:
    return WorkbenchError(f"the vendor's scores cannot say {what}; {instead}.")


def _as_it_came(
    rule: Rule | RuleSum, group: RuleGroup, calculation: Any, names: Mapping[str, str], place: int
) -> dict[str, Any] | None:
    """The rule with the calculation it was read from, if that still says the same."""
    if calculation is None:
        return None
    shell = {"id": rule.id, "enabled": rule.enabled, "minimum": rule.minimum, "maximum": rule.maximum}
    again = _Reader(names).made(_Part(calculation, f"the calculation of {rule.name!r}"), shell, group.decay)
    same = _unnamed(again) == _unnamed(rule)
    return _shelled(rule, place, calculation, rule.minimum, rule.maximum) if same else None


def _shelled(
    rule: Rule | RuleSum, place: int, calculation: Any, minimum: float | None, maximum: float | None
) -> dict[str, Any]:
    found: dict[str, Any] = {"id": rule.id or str(place), "enabled": rule.enabled}
    found["configuration"] = {"calculation": calculation}
    limits = {"minimumValue": minimum, "maximumValue": maximum}
    return {**found, **{key: limit for key, limit in limits.items() if limit is not None}}


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
    written = {_output_of(_Part(one, "an output")) for one in kept if one["outputType"] == "THRESHOLD"}
    for of in model.labelled:
        if of not in written:
            if of is not None and of not in there:
                raise _not_there(f"labels of {of!r}", "give labels of the whole score, of fit or of engagement")
            add("THRESHOLD", every if of is None else there[of], "_label" if of is None else f"_{of}_label", " (label)")
    if model.matrix is not None and all(one["outputType"] != "MATRIX" for one in kept):
        add("MATRIX", every, "_matrix", " (matrix)")
    for one in made:
        if one["outputType"] == "THRESHOLD":
            of, extra = _output_of(_Part(one, "an output")), one.get("boundaries") or {}
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


class _Writer:
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
        found = [write_property(part, self.kinds, of) for part in _conjuncts(tree)]
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
        parts = _conjuncts(count.where) if count.where is not None else []
        if count.detail is not None:
            parts = [Text("contains", _DETAIL, count.detail), *parts]
        timed = [part for part in parts if part.properties == ("at",)]
        if count.within_days is not None:
            timed.append(InDays("in_last_days", _AT, count.within_days))
        calculation = self.told_of_event(_all([part for part in parts if part not in timed]), rule.points, count.kind)
        found_there: dict[str, Any] = {"eventTypeId": self.event_id(count.kind), "recordCalculation": calculation}
        if timed:
            _, operation = write_property(_all(timed), {"at": "datetime"}, "activity")
            found_there["eventTimeframe"] = {"eventFilterOperation": operation}
        if ranges:
            found_there["eventFrequencyCriteria"] = {"type": "BETWEEN", "ranges": ranges}
        return found_there

    def told_of_event(self, tree: Condition, points: float, kind: str) -> dict[str, Any]:
        if "detail" in tree.properties:
            if kind not in _DETAILS:
                raise _not_there(f"the detail of events of the kind {kind!r}", "count them all")
            if kind == "form_submission":
                tree = self.form(tree)
        found = self.asked(tree, points, "activity")
        for one in found.get("whereCondition", {}).get("conditions", []):
            if one["property"] == "detail":
                one["property"] = _DETAILS[kind]
            if kind == "form_submission" and "values" in one["operation"]:
                one["operation"]["values"] = [self.list_ids.get(value, value) for value in one["operation"]["values"]]
        return found

    def form(self, tree: Condition) -> Condition:
        """A form is told by its id, so its name is looked up."""
        parts = []
        for part in _conjuncts(tree):
            if isinstance(part, Text) and _is_detail(part):
                if part.text not in self.list_ids:
                    raise WorkbenchError(
                        f"the form {part.text!r} has no id there; give its own in list_ids={{{part.text!r}: '123'}}."
                    )
                parts.append(parse(f"any_of(detail, [{json.dumps(part.text)}])"))
            else:
                parts.append(part)
        return _all(parts)

    def event_id(self, kind: str) -> str:
        found = self.list_ids.get(kind) or EVENT_TYPES.get(kind) or kind
        if not _EVENT_ID.fullmatch(found):
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
            "inverseAssociationSpec": _spec(_INVERSE_TYPES[to]),
            "rollupType": next(key for key, way in _ROLL_UPS.items() if way == rule.roll_up),
            "recordCalculation": calculation,
        }
        if not isinstance(rule.of_those, Condition):
            return found
        filters = []
        for part in _conjuncts(rule.of_those):
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
