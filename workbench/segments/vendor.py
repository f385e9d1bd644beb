"""Conditions as the vendor's filter JSON, and back. What one side cannot say is refused by its name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from workbench import catalog
from workbench.conditions import (
    All,
    AllOf,
    Always,
    AnyOf,
    Associated,
    Before,
    Between,
    Changed,
    Compare,
    Condition,
    Count,
    Either,
    Ever,
    InDays,
    InPeriod,
    InSegment,
    Known,
    Not,
    OneOf,
    Property,
    Text,
    moment,
)
from workbench.conditions.parsing import MONTHS, UNITS
from workbench.conditions.tree import Comparison, Direction, Period, TextMatch, Unit, Value
from workbench.errors import WorkbenchError, listing

Json = Mapping[str, Any]

OBJECT_TYPES = {"contact": "0-1", "company": "0-2", "deal": "0-3", "ticket": "0-5"}
ASSOCIATION_TYPES = {"company": 279, "deal": 4, "ticket": 15}
"""Of contacts with others, all defined by the vendor."""

_SIGNS: dict[str, Comparison] = {
    "IS_EQUAL_TO": "==",
    "IS_NOT_EQUAL_TO": "!=",
    "IS_GREATER_THAN": ">",
    "IS_GREATER_THAN_OR_EQUAL_TO": ">=",
    "IS_LESS_THAN": "<",
    "IS_LESS_THAN_OR_EQUAL_TO": "<=",
}
_NAMES = {sign: name for name, sign in _SIGNS.items()}
_OPPOSITE: dict[Comparison, Comparison] = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_TEXTS: dict[str, TextMatch] = {"CONTAINS": "contains", "STARTS_WITH": "starts_with", "ENDS_WITH": "ends_with"}
_ROLLING: dict[str, Direction] = {
    "IS_LESS_THAN_X_DAYS_AGO": "in_last_days",
    "IS_MORE_THAN_X_DAYS_AGO": "before_last_days",
    "IS_LESS_THAN_X_DAYS_FROM_NOW": "in_next_days",
    "IS_MORE_THAN_X_DAYS_FROM_NOW": "after_next_days",
}
_CALENDAR: dict[str, Period] = {
    "IN_THIS_TIME_UNIT": "in_this",
    "IN_LAST_TIME_UNIT": "in_last",
    "IN_NEXT_TIME_UNIT": "in_next",
}
_TICK = dt.timedelta(milliseconds=1)


def _cannot(what: str) -> WorkbenchError:
    return WorkbenchError(f"{what} cannot be said here; take it out of the list's filters, or keep the list as ids.")


def _not_there(what: object) -> WorkbenchError:
    return WorkbenchError(f"the vendor's filters cannot say {what}; export the record ids instead.")


# -- one way to say a thing ------------------------------------------------------------------------------------------


def simplified(tree: Condition, is_date: Callable[[str], bool]) -> Condition:
    """The same condition as the vendor's filters say it.

    Negation stands at the leaves that have an opposite, dates are before or from a time on, lists of numbers and open
    ranges are several comparisons, and single conditions stand before branches.
    """
    return _simple(tree, is_date, False)


def _simple(tree: Condition, is_date: Callable[[str], bool], negated: bool) -> Condition:
    match tree:
        case Not(part):
            return _simple(part, is_date, not negated)
        case All(parts) | Either(parts):
            kind = All if isinstance(tree, All) != negated else Either
            return _joined(kind, [_simple(part, is_date, negated) for part in parts])
        case Always(value):
            return Always(value != negated)
        case Known(Property() as name, known):
            return Known(name, known != negated)
        case OneOf(term, values, outside) if not all(isinstance(value, str) for value in values) or len(values) == 1:
            single: list[Condition] = [Compare(term, "==", value) for value in values]
            return _simple(_joined(Either, single), is_date, negated != outside)
        case OneOf(Property(name), values, outside) if is_date(name):
            return _simple(
                _joined(Either, [Compare(Property(name), "==", one) for one in values]), is_date, negated != outside
            )
        case OneOf(term, values, outside):
            return OneOf(term, tuple(dict.fromkeys(values)), outside != negated)
        case Between(Property(name), low, low_sign, high, high_sign):
            if not is_date(name) and (low_sign, high_sign) == ("<=", "<=") and _whole(low) and _whole(high):
                return Not(tree) if negated else tree
            first = Compare(Property(name), ">" if low_sign == "<" else ">=", low)
            return _simple(All((first, Compare(Property(name), high_sign, high))), is_date, negated)
        case Compare(Property(name), sign, value) if is_date(name) and isinstance(value, str):
            return _simple_date(Property(name), _OPPOSITE[sign] if negated else sign, value)
        case Compare(term, sign, bool() as value) if sign in ("==", "!="):
            return Compare(term, "==", value == ((sign == "==") != negated))
        case Compare(term, sign, value):
            return Compare(term, _OPPOSITE[sign] if negated else sign, value)
    return Not(tree) if negated else tree


def _joined(kind: type[All | Either], parts: Sequence[Condition]) -> Condition:
    flat: list[Condition] = []
    for part in parts:
        flat += part.parts if isinstance(part, kind) and not _with_blanks(part) else (part,)
    flat = list(dict.fromkeys(flat))
    branches = [part for part in flat if _is_branch(part)]
    ordered = [part for part in flat if not _is_branch(part)] + branches
    return ordered[0] if len(ordered) == 1 else kind(tuple(ordered))


def _is_branch(part: Condition) -> bool:
    inner = part.part if isinstance(part, Not) else part
    if isinstance(inner, All | Either):
        return _with_blanks(inner) is None
    return isinstance(inner, Associated) or (isinstance(part, Not) and _opposite_of(inner) is None)


def _opposite_of(leaf: Condition) -> bool | None:
    """Whether a negated leaf is a filter of its own."""
    if isinstance(leaf, AnyOf | AllOf | Changed | InSegment | Between | Ever):
        return True
    return True if isinstance(leaf, Text) and leaf.match == "contains" else None


def _with_blanks(tree: Condition) -> Condition | None:
    """The leaf of `leaf or is_unknown(its property)`, which is one filter there."""
    if not isinstance(tree, Either) or len(tree.parts) != 2:
        return None
    leaf, blank = tree.parts
    if (
        not isinstance(blank, Known)
        or blank.known
        or not isinstance(blank.property, Property)
        or isinstance(leaf, All | Either | Known | Always)
    ):
        return None
    inner = leaf.part if isinstance(leaf, Not) else leaf
    if isinstance(leaf, Not) and _opposite_of(inner) is None:
        return None
    named = getattr(inner, "term", None) or getattr(inner, "property", None)
    return leaf if named == blank.property and not isinstance(inner, InSegment | Associated) else None


def _simple_date(of: Property, sign: Comparison, text: str) -> Condition:
    from workbench.conditions.binding import interval_of

    span = interval_of(text)
    if span is None:
        raise WorkbenchError(f"{of.name!r} is a date, and {text!r} is none; write one such as '2026-06-30'.")
    start, end = (_written(one) for one in span)
    if sign == "==":
        return All((Compare(of, ">=", start), Compare(of, "<", end)))
    if sign == "!=":
        return Either((Compare(of, "<", start), Compare(of, ">=", end)))
    edge = start if sign in ("<", ">=") else end
    return Compare(of, "<" if sign in ("<", "<=") else ">=", edge)


def _written(when: dt.datetime) -> str:
    if when.time() == dt.time():
        return f"{when:%Y-%m-%d}"
    return f"{when:%Y-%m-%d %H:%M:%S}" + (f".{when.microsecond // 1000:03d}" if when.microsecond else "")


def _whole(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# -- tree to JSON ----------------------------------------------------------------------------------------------------


def write_list(name: str, tree: Condition, kinds: Mapping[str, str], list_ids: Mapping[str, str]) -> dict[str, Any]:
    """A list definition of the vendor's; see `Segment.to_hubspot`."""
    writer = _Writer(kinds, list_ids)
    simple = simplified(tree, writer.is_date)
    parts = simple.parts if isinstance(simple, Either) and _with_blanks(simple) is None else (simple,)
    branches = [writer.branch(part if isinstance(part, All) else All((part,))) for part in parts]
    return {
        "name": name,
        "objectTypeId": OBJECT_TYPES["contact"],
        "processingType": "DYNAMIC",
        "filterBranch": _branch("OR", [], branches),
    }


def _branch(kind: str, filters: list[Any], branches: list[Any], **more: Any) -> dict[str, Any]:
    operator = {"OR": "OR", "NOT_ANY": "OR"}.get(kind, "AND")
    return {
        "filterBranchType": kind,
        "filterBranchOperator": operator,
        "filterBranches": branches,
        "filters": filters,
        **more,
    }


class _Writer:
    def __init__(self, kinds: Mapping[str, str], list_ids: Mapping[str, str]) -> None:
        self.kinds, self.list_ids = kinds, list_ids
        self.types = {name: known.type for name, known in catalog.by_name("contact").items()}

    def is_date(self, name: str) -> bool:
        return self.kinds.get(name) == "datetime" or self.types.get(name) in ("date", "datetime")

    def branch(self, tree: Condition) -> dict[str, Any]:
        """A branch for `and`, `or` and what has to be put into one."""
        if isinstance(tree, Not):
            inner = tree.part
            if isinstance(inner, Associated):
                return self.associated(inner, "NOT_IN_LIST")
            return self._of("NOT_ALL", (inner,))
        if isinstance(tree, Associated):
            return self.associated(tree, "IN_LIST")
        if isinstance(tree, All | Either):
            return self._of("AND" if isinstance(tree, All) else "OR", tree.parts)
        return self._of("AND", (tree,))

    def _of(self, kind: str, parts: Sequence[Condition]) -> dict[str, Any]:
        filters = [self.filter(part) for part in parts if not _is_branch(part)]
        return _branch(kind, filters, [self.branch(part) for part in parts if _is_branch(part)])

    def associated(self, node: Associated, operator: str) -> dict[str, Any]:
        if node.object not in ASSOCIATION_TYPES:
            raise _not_there(f"associated({node.object})")
        parts: tuple[Condition, ...] = ()
        if node.where is not None:
            other = _Writer({}, {})
            other.types = {name: known.type for name, known in catalog.by_name(node.object).items()}
            simple = simplified(node.where, other.is_date)
            parts = simple.parts if isinstance(simple, All) else (simple,)
            filled = other._of("AND", parts)
        else:
            filled = _branch("AND", [], [])
        return {
            **filled,
            "filterBranchType": "ASSOCIATION",
            "objectTypeId": OBJECT_TYPES[node.object],
            "operator": operator,
            "associationCategory": "HUBSPOT_DEFINED",
            "associationTypeId": ASSOCIATION_TYPES[node.object],
        }

    def filter(self, part: Condition) -> dict[str, Any]:
        """One filter of a leaf, of its opposite, or of a leaf that lets blanks pass."""
        blanks = _with_blanks(part)
        leaf = part if blanks is None else blanks
        negated = isinstance(leaf, Not)
        inner = leaf.part if isinstance(leaf, Not) else leaf
        match inner:
            case Always(value):
                return {"filterType": "CONSTANT", "shouldAccept": value}
            case InSegment(name):
                if name not in self.list_ids:
                    raise WorkbenchError(
                        f"the segment {name!r} has no list id there; give list_ids={{{name!r}: '123'}}, or there are "
                        f"{listing(self.list_ids)}."
                    )
                operator = "NOT_IN_LIST" if negated else "IN_LIST"
                return {"filterType": "IN_LIST", "listId": self.list_ids[name], "operator": operator}
            case Compare(Count() as count, sign, value):
                return self.counted(count, sign, value)
        named, operation = self.operation(inner, negated)
        full = {**operation, "includeObjectsWithNoValueSet": blanks is not None}
        return {"filterType": "PROPERTY", "property": named, "operation": full}

    def operation(self, leaf: Condition, negated: bool) -> tuple[str, dict[str, Any]]:
        match leaf:
            case Known(Property(name), known):
                return name, _operation("ALL_PROPERTY", "IS_KNOWN" if known else "IS_UNKNOWN")
            case Compare(Property(name), sign, value):
                return name, self.comparison(name, sign, value)
            case Between(Property(name), low, _, high, _):
                operator = "IS_NOT_BETWEEN" if negated else "IS_BETWEEN"
                return name, _operation("NUMBER_RANGED", operator, lowerBound=low, upperBound=high)
            case OneOf(Property(name), values, outside):
                if self.types.get(name) == "enumeration":
                    return name, _operation(
                        "ENUMERATION", "IS_NONE_OF" if outside else "IS_ANY_OF", values=list(values)
                    )
                operator = "IS_NOT_EQUAL_TO" if outside else "IS_EQUAL_TO"
                return name, _operation("MULTISTRING", operator, values=list(values))
            case AnyOf(Property(name), values):
                if self.types.get(name) == "enumeration":
                    raise _not_there(f"{leaf} of a property with one value; write {name} in [...]")
                return name, _operation("ENUMERATION", "IS_NONE_OF" if negated else "IS_ANY_OF", values=list(values))
            case AllOf(Property(name), values, exactly):
                operator = (
                    ("IS_NOT_EXACTLY" if negated else "IS_EXACTLY")
                    if exactly
                    else ("DOES_NOT_CONTAIN_ALL" if negated else "CONTAINS_ALL")
                )
                return name, _operation("ENUMERATION", operator, values=list(values))
            case Text(kind, Property(name), text):
                operator = "DOES_NOT_CONTAIN" if negated else next(key for key, one in _TEXTS.items() if one == kind)
                return name, _operation("STRING", operator, value=text)
            case InDays(direction, Property(name), days):
                if direction.startswith("anniversary"):
                    raise _not_there("an anniversary")
                operator = next(key for key, one in _ROLLING.items() if one == direction)
                return name, _operation(
                    "ROLLING_DATE_RANGE", operator, numberOfDays=days, requiresTimeZoneConversion=True
                )
            case InPeriod(period, Property(name), unit, periods, fiscal):
                operator = next(key for key, one in _CALENDAR.items() if one == period)
                more = {} if fiscal is None else {"fiscalYearStart": fiscal.upper()}
                return name, _operation(
                    "CALENDAR_DATE",
                    operator,
                    timeUnit=unit.upper(),
                    timeUnitCount=periods,
                    useFiscalYear=fiscal is not None,
                    **more,
                )
            case Before(Property(first), Property(second)):
                return first, _operation("COMPARATIVE_DATE", "IS_BEFORE", comparisonPropertyName=second)
            case Changed(Property(name), days):
                operator = "NOT_UPDATED_IN_LAST_X_DAYS" if negated else "UPDATED_IN_LAST_X_DAYS"
                return name, _operation("ROLLING_PROPERTY_UPDATED", operator, numberOfDays=days)
            case Ever(asked):
                return self.ever(asked, "NEVER" if negated else "EVER", leaf)
        raise _not_there(leaf)

    def comparison(self, name: str, sign: Comparison, value: Value) -> dict[str, Any]:
        if isinstance(value, bool):
            return _operation("BOOL", _NAMES[sign], value=value)
        if isinstance(value, int | float):
            return _operation("NUMBER", _NAMES[sign], value=value)
        if self.is_date(name):
            when = moment(value)
            assert when is not None  # noqa: S101  # simplified() has read it
            point, operator = (when.start, "IS_BEFORE") if sign == "<" else (when.start - _TICK, "IS_AFTER")
            return _operation("TIME_POINT", operator, type="TIME_POINT", timePoint=_point(point))
        if sign not in ("==", "!="):
            raise _not_there(f"{name} {sign} {value!r}, an order of texts")
        if self.types.get(name) == "enumeration":
            return _operation("ENUMERATION", "IS_ANY_OF" if sign == "==" else "IS_NONE_OF", values=[value])
        return _operation("STRING", _NAMES[sign], value=value)

    def ever(self, asked: Condition, when: str, told: Condition) -> tuple[str, dict[str, Any]]:
        match simplified(asked, self.is_date):
            case Compare(Property(name), "==", value):
                if isinstance(value, str) and self.types.get(name) == "enumeration":
                    return name, _operation("ENUMERATION", f"HAS_{when}_BEEN_ANY_OF", values=[value])
                kind = "BOOL" if isinstance(value, bool) else "STRING" if isinstance(value, str) else "NUMBER"
                return name, _operation(kind, f"HAS_{when}_BEEN_EQUAL_TO", value=value)
            case OneOf(Property(name), values, False) if self.types.get(name) == "enumeration":
                return name, _operation("ENUMERATION", f"HAS_{when}_BEEN_ANY_OF", values=list(values))
            case AllOf(Property(name), values, exactly):
                operator = f"HAS_{when}_BEEN_EXACTLY" if exactly else f"HAS_{when}_CONTAINED_ALL"
                return name, _operation("ENUMERATION", operator, values=list(values))
            case Text("contains", Property(name), text):
                return name, _operation("STRING", f"HAS_{when}_CONTAINED", value=text)
        raise _not_there(told)

    def counted(self, count: Count, sign: Comparison, value: Value) -> dict[str, Any]:
        told = _not_there(f"{count} {sign} {value}")
        never = (sign, value) in (("==", 0), ("<", 1), ("<=", 0))
        least = value if sign == ">=" else value + 1 if sign == ">" and isinstance(value, int) else None
        if count.where is not None or count.within_days is not None or not (never or least):
            raise told
        if count.kind == "form_submission" and count.detail is None and (never or least == 1):
            return {"filterType": "FORM_SUBMISSION", "operator": "NOT_FILLED_OUT" if never else "FILLED_OUT"}
        if count.kind == "page_view" and count.detail is not None:
            operator = "NOT_HAS_PAGEVIEW_CONTAINS" if never else "HAS_PAGEVIEW_CONTAINS"
            found: dict[str, Any] = {"filterType": "PAGE_VIEW", "operator": operator, "pageUrl": count.detail}
            if least is not None and least != 1:
                found["coalescingRefineBy"] = {"type": "NUM_OCCURRENCES", "minOccurrences": least}
            return found
        raise told


def _operation(kind: str, operator: str, **more: Any) -> dict[str, Any]:
    return {"operationType": kind, "operator": operator, **more}


def _point(when: dt.datetime) -> dict[str, Any]:
    return {
        "timeType": "DATE",
        "zoneId": "UTC",
        "year": when.year,
        "month": when.month,
        "day": when.day,
        "hour": when.hour,
        "minute": when.minute,
        "second": when.second,
        "millisecond": when.microsecond // 1000,
    }


# -- JSON to tree ----------------------------------------------------------------------------------------------------


def read_list(definition: Json, names: Mapping[str, str]) -> tuple[str, Condition]:
    """Name and tree of a list definition of the vendor's; see `Segment.from_hubspot`."""
    if not isinstance(definition, Mapping):
        raise WorkbenchError(f"a list definition is a mapping with filterBranch, not a {type(definition).__name__}.")
    found = definition.get("list", definition)
    if "filterBranch" not in found:
        raise WorkbenchError(
            f"the list {found.get('name', 'without a name')!r} has no filterBranch: it is a static list; load its ids."
        )
    if found.get("objectTypeId", "0-1") != OBJECT_TYPES["contact"]:
        raise _cannot(f"a list of objects of type {found['objectTypeId']!r}")
    reader = _Reader(names)
    return str(found.get("name") or "Imported list"), reader.branch(found["filterBranch"])


class _Reader:
    def __init__(self, names: Mapping[str, str], object_name: str = "contact") -> None:
        self.names = names
        self.types = {name: known.type for name, known in catalog.by_name(object_name).items()}

    def branch(self, branch: Json) -> Condition:
        kind = branch.get("filterBranchType")
        if kind == "ASSOCIATION":
            return self.associated(branch)
        if kind not in ("OR", "AND", "NOT_ALL", "NOT_ANY"):
            raise _cannot(f"a filter branch of the type {kind!r}")
        parts = self.parts(branch)
        if not parts:
            return Always(kind in ("AND", "NOT_ANY"))
        joined = _joined(Either if kind in ("OR", "NOT_ANY") else All, parts)
        return simplified(Not(joined), lambda _: False) if kind.startswith("NOT") else joined

    def parts(self, branch: Json) -> list[Condition]:
        found = [self.filter(one) for one in branch.get("filters") or ()]
        return found + [self.branch(one) for one in branch.get("filterBranches") or ()]

    def associated(self, branch: Json) -> Condition:
        objects = {number: name for name, number in OBJECT_TYPES.items()}
        name = objects.get(branch.get("objectTypeId", ""))
        operator = branch.get("operator")
        if name is None or operator not in ("IN_LIST", "NOT_IN_LIST"):
            raise _cannot(f"an association branch {operator!r} with the object type {branch.get('objectTypeId')!r}")
        parts = _Reader({}, name).parts(branch)
        found = Associated(name, _joined(All, parts) if parts else None)
        return Not(found) if operator == "NOT_IN_LIST" else found

    def filter(self, found: Json) -> Condition:
        kind, operator = found.get("filterType"), found.get("operator")
        if kind == "PROPERTY":
            operation = found["operation"]
            leaf = self.operation(Property(found["property"]), operation)
            if operation.get("includeObjectsWithNoValueSet") and not isinstance(leaf, Known):
                return Either((leaf, Known(Property(found["property"]), False)))
            return leaf
        if kind == "CONSTANT":
            return Always(bool(found["shouldAccept"]))
        if kind == "IN_LIST" and operator in ("IN_LIST", "NOT_IN_LIST") and not found.get("metadata"):
            name = self.names.get(str(found["listId"]))
            if name is None:
                raise WorkbenchError(
                    f"the list asks for the list {found['listId']!r}, whose name is not known; give "
                    f"names={{{str(found['listId'])!r}: 'its name'}}."
                )
            return InSegment(name) if operator == "IN_LIST" else Not(InSegment(name))
        if kind == "FORM_SUBMISSION" and not set(found) - {"filterType", "operator"}:
            return Compare(Count("form_submission"), *((">=", 1) if operator == "FILLED_OUT" else ("==", 0)))
        if kind == "PAGE_VIEW" and operator in ("HAS_PAGEVIEW_CONTAINS", "NOT_HAS_PAGEVIEW_CONTAINS"):
            return self.page_view(found)
        raise _cannot(f"a filter of the type {kind!r}" + (f" with {operator!r}" if operator else ""))

    def page_view(self, found: Json) -> Condition:
        count, refined = Count("page_view", found["pageUrl"]), found.get("coalescingRefineBy")
        if found.get("pruningRefineBy") or (refined and refined.get("type") != "NUM_OCCURRENCES"):
            raise _cannot("page views with a refinement of time")
        if found["operator"].startswith("NOT"):
            return Compare(count, "==", 0)
        least = int(refined.get("minOccurrences") or 1) if refined else 1
        most = refined.get("maxOccurrences") if refined else None
        at_least = Compare(count, ">=", least)
        return at_least if most is None else All((at_least, Compare(count, "<=", int(most))))

    def operation(self, of: Property, found: Json) -> Condition:
        kind, operator = str(found.get("operationType")), str(found.get("operator"))
        told = _cannot(f"the operator {operator!r} of an operation {kind!r} on {of.name!r}")
        if operator.startswith(("HAS_EVER_", "HAS_NEVER_")):
            return self.ever(of, found, told)
        match kind:
            case "ALL_PROPERTY" if operator in ("IS_KNOWN", "IS_UNKNOWN"):
                return Known(of, operator == "IS_KNOWN")
            case "BOOL" if operator in ("IS_EQUAL_TO", "IS_NOT_EQUAL_TO"):
                return Compare(of, "==", bool(found["value"]) == (operator == "IS_EQUAL_TO"))
            case "NUMBER" if operator in _SIGNS:
                return Compare(of, _SIGNS[operator], found["value"])
            case "NUMBER_RANGED" if operator in ("IS_BETWEEN", "IS_NOT_BETWEEN"):
                between = Between(of, found["lowerBound"], "<=", found["upperBound"], "<=")
                return between if operator == "IS_BETWEEN" else Not(between)
            case "STRING":
                return _text(of, operator, [found["value"]], told)
            case "MULTISTRING":
                return _text(of, operator, found["values"], told)
            case "ENUMERATION":
                return self.enumeration(of, operator, found["values"], told)
            case "ROLLING_DATE_RANGE" | "DATE" if operator in _ROLLING and "numberOfDays" in found:
                return InDays(_ROLLING[operator], of, int(found["numberOfDays"]))
            case "DATE":
                day = dt.datetime(found["year"], _month(found["month"]), found["day"])
                return _dated(of, operator, day, day + dt.timedelta(days=1), told)
            case "DATETIME":
                when = _from_epoch(found["timestamp"])
                return _dated(of, operator, when, when + _TICK, told)
            case "TIME_POINT":
                when = _from_point(found["timePoint"], told)
                return _dated(of, operator, when, when + _TICK, told)
            case "RANGED_DATE" | "TIME_RANGED" if operator in ("IS_BETWEEN", "IS_NOT_BETWEEN"):
                if kind == "RANGED_DATE":
                    low, high = _from_epoch(found["lowerBound"]), _from_epoch(found["upperBound"])
                else:
                    low, high = (
                        _from_point(found["lowerBoundTimePoint"], told),
                        _from_point(found["upperBoundTimePoint"], told),
                    )
                first, last = _written(low), _written(high + _TICK)
                if operator == "IS_BETWEEN":
                    return All((Compare(of, ">=", first), Compare(of, "<", last)))
                return Either((Compare(of, "<", first), Compare(of, ">=", last)))
            case "CALENDAR_DATE" if operator in _CALENDAR and str(found["timeUnit"]).lower() in UNITS:
                fiscal = str(found.get("fiscalYearStart") or MONTHS[0]).lower() if found.get("useFiscalYear") else None
                unit = cast("Unit", str(found["timeUnit"]).lower())
                if unit not in ("quarter", "year"):
                    fiscal = None
                return InPeriod(_CALENDAR[operator], of, unit, int(found.get("timeUnitCount") or 1), fiscal)
            case "COMPARATIVE_DATE" if operator in ("IS_BEFORE", "IS_AFTER") and not found.get(
                "defaultComparisonValue"
            ):
                other = Property(found["comparisonPropertyName"])
                return Before(of, other) if operator == "IS_BEFORE" else Before(other, of)
            case "ROLLING_PROPERTY_UPDATED" if operator in ("UPDATED_IN_LAST_X_DAYS", "NOT_UPDATED_IN_LAST_X_DAYS"):
                changed = Changed(of, int(found["numberOfDays"]))
                return Not(changed) if operator.startswith("NOT") else changed
        raise told

    def enumeration(self, of: Property, operator: str, values: Sequence[str], told: WorkbenchError) -> Condition:
        single = self.types.get(of.name) == "enumeration"
        match operator:
            case "IS_ANY_OF" | "IS_NONE_OF":
                outside = operator == "IS_NONE_OF"
                if single:
                    return _simple(OneOf(of, tuple(values), outside), lambda _: False, False)
                return Not(AnyOf(of, tuple(values))) if outside else AnyOf(of, tuple(values))
            case "CONTAINS_ALL" | "DOES_NOT_CONTAIN_ALL" | "IS_EXACTLY" | "IS_NOT_EXACTLY":
                every = AllOf(of, tuple(values), "EXACTLY" in operator)
                return Not(every) if "NOT" in operator else every
        raise told

    def ever(self, of: Property, found: Json, told: WorkbenchError) -> Condition:
        operator = str(found["operator"])
        values = [found["value"]] if "value" in found else found.get("values", [])
        match operator.split("_", 2)[2]:
            case "BEEN_EQUAL_TO":
                asked: Condition = _simple(OneOf(of, tuple(values)), lambda _: False, False)
            case "BEEN_ANY_OF":
                asked = self.enumeration(of, "IS_ANY_OF", values, told)
            case "BEEN_EXACTLY" | "CONTAINED_ALL":
                asked = AllOf(of, tuple(values), operator.endswith("EXACTLY"))
            case "CONTAINED":
                asked = Text("contains", of, values[0])
            case _:
                raise told
        return Not(Ever(asked)) if operator.startswith("HAS_NEVER") else Ever(asked)


def _text(of: Property, operator: str, values: Sequence[str], told: WorkbenchError) -> Condition:
    if operator in ("IS_EQUAL_TO", "IS_NOT_EQUAL_TO"):
        return _simple(OneOf(of, tuple(values), operator == "IS_NOT_EQUAL_TO"), lambda _: False, False)
    if operator == "DOES_NOT_CONTAIN":
        return _joined(All, [Not(Text("contains", of, value)) for value in values])
    if operator in _TEXTS:
        return _joined(Either, [Text(_TEXTS[operator], of, value) for value in values])
    raise told


def _dated(of: Property, operator: str, start: dt.datetime, end: dt.datetime, told: WorkbenchError) -> Condition:
    if operator == "IS_EQUAL_TO":
        return All((Compare(of, ">=", _written(start)), Compare(of, "<", _written(end))))
    if operator == "IS_BEFORE":
        return Compare(of, "<", _written(start))
    if operator == "IS_AFTER":
        return Compare(of, ">=", _written(end))
    raise told


def _month(month: Any) -> int:
    return MONTHS.index(str(month).lower()) + 1 if str(month).lower() in MONTHS else int(month)


def _from_epoch(milliseconds: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=milliseconds)


def _from_point(point: Json, told: WorkbenchError) -> dt.datetime:
    if point.get("timeType") != "DATE":
        raise _cannot(f"a point in time of the type {point.get('timeType')!r}") from told
    return dt.datetime(
        point["year"],
        point["month"],
        point["day"],
        point.get("hour") or 0,
        point.get("minute") or 0,
        point.get("second") or 0,
        (point.get("millisecond") or 0) * 1000,
    )
