"""Conditions as the vendor's filter JSON. What it cannot say is refused by its name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

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
from workbench.conditions.tree import Comparison, Value
from workbench.errors import WorkbenchError, listing
from workbench.segments.vendor.plain import (
    ASSOCIATION_TYPES,
    CALENDAR,
    DETAIL,
    EVENT_TYPES,
    OBJECT_TYPES,
    ROLLING,
    SIGNS,
    TEXTS,
    TICK,
    conjuncts,
    exact_detail,
    is_branch,
    is_filter,
    not_there,
    simplified,
    with_blanks,
)

_NAMES = {sign: name for name, sign in SIGNS.items()}


def write_list(name: str, tree: Condition, kinds: Mapping[str, str], list_ids: Mapping[str, str]) -> dict[str, Any]:
    """A list definition of the vendor's; see `Segment.to_hubspot`."""
    writer = _Writer(kinds, list_ids)
    simple = simplified(tree, writer.is_date)
    parts = simple.parts if isinstance(simple, Either) and with_blanks(simple) is None else (simple,)
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
        if isinstance(tree, Compare) and isinstance(tree.term, Count) and not is_filter(tree.term):
            return self.events(tree, tree.term)
        if isinstance(tree, All | Either):
            return self._of("AND" if isinstance(tree, All) else "OR", tree.parts)
        return self._of("AND", (tree,))

    def _of(self, kind: str, parts: Sequence[Condition]) -> dict[str, Any]:
        filters = [self.filter(part) for part in parts if not is_branch(part)]
        return _branch(kind, filters, [self.branch(part) for part in parts if is_branch(part)])

    def associated(self, node: Associated, operator: str) -> dict[str, Any]:
        if node.object not in ASSOCIATION_TYPES:
            raise not_there(f"associated({node.object})")
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
        blanks = with_blanks(part)
        leaf = part if blanks is None else blanks
        negated = isinstance(leaf, Not)
        inner = leaf.part if isinstance(leaf, Not) else leaf
        match inner:
            case Always(value):
                return {"filterType": "CONSTANT", "shouldAccept": value}
            case InSegment(name):
                operator = "NOT_IN_LIST" if negated else "IN_LIST"
                return {"filterType": "IN_LIST", "listId": self.id_of("segment", name), "operator": operator}
            case Compare(Count() as count):
                return self.counted(inner, count)
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
                    raise not_there(f"{leaf} of a property with one value; write {name} in [...]")
                return name, _operation("ENUMERATION", "IS_NONE_OF" if negated else "IS_ANY_OF", values=list(values))
            case AllOf(Property(name), values, exactly):
                operator = (
                    ("IS_NOT_EXACTLY" if negated else "IS_EXACTLY")
                    if exactly
                    else ("DOES_NOT_CONTAIN_ALL" if negated else "CONTAINS_ALL")
                )
                return name, _operation("ENUMERATION", operator, values=list(values))
            case Text(kind, Property(name), text):
                operator = "DOES_NOT_CONTAIN" if negated else next(key for key, one in TEXTS.items() if one == kind)
                return name, _operation("STRING", operator, value=text)
            case InDays(direction, Property(name), days):
                if direction.startswith("anniversary"):
                    raise not_there("an anniversary")
                operator = next(key for key, one in ROLLING.items() if one == direction)
                return name, _operation(
                    "ROLLING_DATE_RANGE", operator, numberOfDays=days, requiresTimeZoneConversion=True
                )
            case InPeriod(period, Property(name), unit, periods, fiscal):
                operator = next(key for key, one in CALENDAR.items() if one == period)
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
        raise not_there(leaf)

    def comparison(self, name: str, sign: Comparison, value: Value) -> dict[str, Any]:
        if isinstance(value, bool):
            return _operation("BOOL", _NAMES[sign], value=value)
        if isinstance(value, int | float):
            return _operation("NUMBER", _NAMES[sign], value=value)
        if self.is_date(name):
            when = moment(value)
            assert when is not None  # noqa: S101  # simplified() has read it
            point, operator = (when.start, "IS_BEFORE") if sign == "<" else (when.start - TICK, "IS_AFTER")
            return _operation("TIME_POINT", operator, type="TIME_POINT", timePoint=_point(point))
        if sign not in ("==", "!="):
            raise not_there(f"{name} {sign} {value!r}, an order of texts")
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
        raise not_there(told)

    def counted(self, asked: Compare, count: Count) -> dict[str, Any]:
        """The filter of page views or form submissions."""
        never, refined, exact = asked.operator == "==", self.refined(asked, count), exact_detail(count)
        if count.kind == "page_view":
            operator = "HAS_PAGEVIEW_CONTAINS" if exact is None else "HAS_PAGEVIEW_EQ"
            page = {"operator": f"{'NOT_' if never else ''}{operator}", "pageUrl": exact or count.detail}
            return {"filterType": "PAGE_VIEW", **page, **refined}
        form = {} if exact is None else {"formId": self.id_of("form", exact)}
        operator = "NOT_FILLED_OUT" if never else "FILLED_OUT"
        return {"filterType": "FORM_SUBMISSION", "operator": operator, **form, **refined}

    def events(self, asked: Compare, count: Count) -> dict[str, Any]:
        """The branch of any other events."""
        if count.kind not in EVENT_TYPES or count.detail is not None or exact_detail(count) is not None:
            raise not_there(asked)
        operator = "HAS_NOT_COMPLETED" if asked.operator == "==" else "HAS_COMPLETED"
        found = _branch("UNIFIED_EVENTS", [], [], eventTypeId=EVENT_TYPES[count.kind], operator=operator)
        return {**found, **self.refined(asked, count)}

    def refined(self, asked: Compare, count: Count) -> dict[str, Any]:
        """When the events have to have happened, and how often."""
        found: dict[str, Any] = {}
        days, exact = count.within_days, exact_detail(count)
        rest = [one for one in conjuncts(count.where) if exact is None or one != Compare(DETAIL, "==", exact)]
        if exact is not None and count.detail is not None:
            raise not_there(asked)
        match rest:
            case []:
                if days is not None:
                    found["pruningRefineBy"] = _relative("AFTER", days)
            case [InDays("before_last_days", Property("at"), before)]:
                found["pruningRefineBy"] = (
                    _relative("BEFORE", before)
                    if days is None
                    else {
                        "type": "RELATIVE_RANGED",
                        "rangeType": "BETWEEN",
                        "lowerBoundOffset": _offset(days),
                        "upperBoundOffset": _offset(before),
                    }
                )
            case _:
                raise not_there(asked)
        if isinstance(asked.value, int) and asked.value > 1:
            found["coalescingRefineBy"] = {"type": "NUM_OCCURRENCES", "minOccurrences": asked.value}
        return found

    def id_of(self, what: str, name: str) -> str:
        if name not in self.list_ids:
            there = f", as of {listing(self.list_ids)}" if self.list_ids else ""
            raise WorkbenchError(
                f"the {what} {name!r} has no id there; give its own in list_ids={{{name!r}: '123'}}{there}."
            )
        return self.list_ids[name]


def _relative(comparison: str, days: int) -> dict[str, Any]:
    return {"type": "RELATIVE_COMPARATIVE", "comparison": comparison, "timeOffset": _offset(days)}


def _offset(days: int) -> dict[str, Any]:
    return {"offsetDirection": "PAST", "timeUnit": "DAYS", "amount": days}


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


def write_property(tree: Condition, kinds: Mapping[str, str], object_name: str) -> tuple[str, dict[str, Any]]:
    """A property's name and the operation on it that a condition on one property is; as in `read_property`."""
    writer = _Writer(kinds, {})
    writer.types = {name: known.type for name, known in catalog.by_name(object_name).items()}
    simple = simplified(tree, writer.is_date)
    found = {} if is_branch(simple) else writer.filter(simple)
    if found.get("filterType") != "PROPERTY":
        raise not_there(tree)
    return found["property"], found["operation"]
