"""Conditions as the vendor's filter JSON, and back. What one side cannot say is refused by its name."""

from __future__ import annotations

import datetime as dt
import math
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
EVENT_TYPES = {
    "email_delivered": "4-665536",
    "email_open": "4-666440",
    "email_click": "4-666288",
    "page_view": "4-96000",
    "form_submission": "4-1639801",
    "call": "4-1733817",
    "meeting": "4-1720599",
}
"""Kinds of activities that the vendor counts as events of its own."""
_KINDS = {number: kind for kind, number in EVENT_TYPES.items()}
_EVENT_PROPERTIES = {"hs_url": "detail", "hs_form_id": "detail"}
_EMAILS = {
    "RECEIVED": ("email_delivered", None),
    "OPENED": ("email_open", None),
    "LINK_CLICKED": ("email_click", None),
    "BOUNCED": ("email_bounce", None),
    "UNSUBSCRIBED": ("email_unsubscribe", None),
    "RECEIVED_BUT_NOT_OPENED": ("email_delivered", "email_open"),
    "OPENED_BUT_LINK_NOT_CLICKED": ("email_open", "email_click"),
}
"""What has to have happened, and what must not have."""
_PAGES = {"HAS_PAGEVIEW_CONTAINS": False, "HAS_PAGEVIEW_EQ": True}
_PERIODS: dict[str, tuple[Unit, str]] = {
    "WEEK": ("week", "weeks"),
    "MONTH": ("month", "months"),
    "QUARTER": ("quarter", "quarters"),
    "YEAR": ("year", "years"),
}
_LONGEST = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}  # days
AT, DETAIL = Property("at"), Property("detail")


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
        case Compare(Count() as count, sign, value) if not isinstance(value, str):
            return _counted(count, _OPPOSITE[sign] if negated else sign, value)
        case Between(Count() as count, low, low_sign, high, high_sign):
            above = Compare(count, ">" if low_sign == "<" else ">=", low)
            return _simple(All((above, Compare(count, high_sign, high))), is_date, negated)
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


def _counted(count: Count, sign: Comparison, value: float) -> Condition:
    """A comparison of a count by `>= 1` (or more), `== 0`, `not` and both: a count is whole and never blank."""

    def least(number: int) -> Condition:
        return Compare(count, ">=", number) if number > 0 else Always(True)

    def fewer(number: int) -> Condition:
        if number > 1:
            return Not(least(number))
        return Compare(count, "==", 0) if number == 1 else Always(False)

    match sign:
        case ">" | ">=":
            return least(math.floor(value) + 1 if sign == ">" else math.ceil(value))
        case "<" | "<=":
            return fewer(math.ceil(value) if sign == "<" else math.floor(value) + 1)
    if value < 0 or value != math.floor(value):
        return Always(sign == "!=")
    if value == 0:
        return fewer(1) if sign == "==" else least(1)
    below, above = fewer(int(value)), least(int(value) + 1)
    if sign == "!=":
        return _joined(Either, [below, above])
    return _joined(All, [least(int(value)), fewer(int(value) + 1)])


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
    if isinstance(part, Compare) and isinstance(part.term, Count):
        return not _is_filter(part.term)
    return isinstance(inner, Associated) or (isinstance(part, Not) and _opposite_of(inner) is None)


def _opposite_of(leaf: Condition) -> bool | None:
    """Whether a negated leaf is a filter of its own."""
    if isinstance(leaf, AnyOf | AllOf | Changed | InSegment | Between | Ever):
        return True
    return True if isinstance(leaf, Text) and leaf.match == "contains" else None


def _is_filter(count: Count) -> bool:
    """Whether counted events have a filter of their own there; the others are a branch."""
    if count.kind == "page_view":
        return count.detail is not None or _exact(count) is not None
    return count.kind == "form_submission" and count.detail is None


def _exact(count: Count) -> str | None:
    """The text that an event's detail has to be."""
    for part in _and(count.where):
        if isinstance(part, Compare) and (part.term, part.operator) == (DETAIL, "==") and isinstance(part.value, str):
            return part.value
    return None


def _and(tree: Condition | None) -> tuple[Condition, ...]:
    return () if tree is None else tree.parts if isinstance(tree, All) else (tree,)


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
        if isinstance(tree, Compare) and isinstance(tree.term, Count) and not _is_filter(tree.term):
            return self.events(tree, tree.term)
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

    def counted(self, asked: Compare, count: Count) -> dict[str, Any]:
        """The filter of page views or form submissions."""
        never, refined, exact = asked.operator == "==", self.refined(asked, count), _exact(count)
        if count.kind == "page_view":
            operator = "HAS_PAGEVIEW_CONTAINS" if exact is None else "HAS_PAGEVIEW_EQ"
            page = {"operator": f"{'NOT_' if never else ''}{operator}", "pageUrl": exact or count.detail}
            return {"filterType": "PAGE_VIEW", **page, **refined}
        form = {} if exact is None else {"formId": self.id_of("form", exact)}
        operator = "NOT_FILLED_OUT" if never else "FILLED_OUT"
        return {"filterType": "FORM_SUBMISSION", "operator": operator, **form, **refined}

    def events(self, asked: Compare, count: Count) -> dict[str, Any]:
        """The branch of any other events."""
        if count.kind not in EVENT_TYPES or count.detail is not None or _exact(count) is not None:
            raise _not_there(asked)
        operator = "HAS_NOT_COMPLETED" if asked.operator == "==" else "HAS_COMPLETED"
        found = _branch("UNIFIED_EVENTS", [], [], eventTypeId=EVENT_TYPES[count.kind], operator=operator)
        return {**found, **self.refined(asked, count)}

    def refined(self, asked: Compare, count: Count) -> dict[str, Any]:
        """When the events have to have happened, and how often."""
        found: dict[str, Any] = {}
        days, exact = count.within_days, _exact(count)
        rest = [one for one in _and(count.where) if exact is None or one != Compare(DETAIL, "==", exact)]
        if exact is not None and count.detail is not None:
            raise _not_there(asked)
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
                raise _not_there(asked)
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
    found = {} if _is_branch(simple) else writer.filter(simple)
    if found.get("filterType") != "PROPERTY":
        raise _not_there(tree)
    return found["property"], found["operation"]


# -- JSON to tree ----------------------------------------------------------------------------------------------------


def read_property(name: str, operation: Json, names: Mapping[str, str], object_name: str) -> Condition:
    """What an operation on a property of a contact, another object or an event (`"activity"`) asks."""
    return _Reader(names, object_name).filter({"filterType": "PROPERTY", "property": name, "operation": operation})


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
        if kind == "UNIFIED_EVENTS":
            return self.events(branch)
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
        if kind == "FORM_SUBMISSION" and operator in ("FILLED_OUT", "NOT_FILLED_OUT"):
            form = [self.named(found["formId"])] if found.get("formId") else []
            return self.occurred("form_submission", found, form, never=operator == "NOT_FILLED_OUT")
        if kind == "PAGE_VIEW" and str(operator).removeprefix("NOT_") in _PAGES:
            url, never = str(found["pageUrl"]), str(operator).startswith("NOT_")
            if _PAGES[str(operator).removeprefix("NOT_")]:
                return self.occurred("page_view", found, [Compare(DETAIL, "==", url)], never=never)
            return self.occurred("page_view", found, detail=url, never=never)
        if kind == "EMAIL_EVENT" and operator in _EMAILS and not found.get("clickUrl"):
            happened, not_happened = _EMAILS[operator]
            mail = [self.named(found["emailId"])]
            done = self.occurred(happened, found, mail)
            return done if not_happened is None else All((done, self.occurred(not_happened, found, mail, never=True)))
        if kind == "EVENT" and operator in ("HAS_EVENT", "NOT_HAS_EVENT"):
            return self.occurred(self.kind_of(found["eventId"]), found, never=operator == "NOT_HAS_EVENT")
        if kind == "UNIFIED_EVENTS":
            return self.events(
                {**found, "filters": [{**line, "filterType": "PROPERTY"} for line in found["filterLines"]]}
            )
        if kind == "NUM_ASSOCIATIONS":
            return self.associations(found)
        raise _cannot(f"a filter of the type {kind!r}" + (f" with {operator!r}" if operator else ""))

    # events

    def named(self, number: object) -> Condition:
        """Of a form or an e-mail with a name, or the id itself."""
        return Compare(DETAIL, "==", self.names.get(str(number), str(number)))

    def kind_of(self, number: object) -> str:
        kind = self.names.get(str(number)) or _KINDS.get(str(number))
        if kind is None:
            raise WorkbenchError(
                f"the list asks for events of the type {number!r}, and which kind of activity that is is not known; "
                f"give names={{{str(number)!r}: 'its kind'}}."
            )
        return kind

    def events(self, branch: Json) -> Condition:
        """Events of any type, with conditions on their own properties."""
        kind = self.kind_of(branch.get("eventTypeId"))
        reader, parts = _Reader(self.names, "activity"), []
        for line in branch.get("filters") or ():
            name = _EVENT_PROPERTIES.get(line.get("property"), line.get("property"))
            if line.get("filterType") != "PROPERTY" or name not in reader.types:
                raise _cannot(f"an event's {line.get('property') or line.get('filterType')!r}")
            operation = dict(line["operation"])
            if "values" in operation:
                operation["values"] = [self.names.get(str(one), one) for one in operation["values"]]
            parts.append(reader.filter({"filterType": "PROPERTY", "property": name, "operation": operation}))
        if branch.get("filterBranches"):
            raise _cannot("a branch within a branch of events")
        return self.occurred(kind, branch, parts, never=branch.get("operator") == "HAS_NOT_COMPLETED")

    def occurred(
        self, kind: str, found: Json, parts: Sequence[Condition] = (), *, detail: str | None = None, never: bool = False
    ) -> Condition:
        """How often events happened, within the time that the filter asks for."""
        days, when = self.pruned(found.get("pruningRefineBy"))
        where = [*parts, *when]
        count = Count(kind, detail, _joined(All, where) if where else None, days)
        refined = found.get("coalescingRefineBy") or {"type": "NUM_OCCURRENCES", "minOccurrences": 1}
        if refined.get("type") != "NUM_OCCURRENCES":
            raise _cannot(f"a refinement of the type {refined.get('type')!r}")
        least, most = int(refined.get("minOccurrences") or 0), refined.get("maxOccurrences")
        often: Condition = Compare(count, ">=", least)
        if most is not None:
            often = All((often, Compare(count, "<=", int(most))))
        return _simple(often, lambda _: False, never)

    def pruned(self, found: Json | None) -> tuple[int | None, list[Condition]]:
        """The last days that count, and other conditions on the time of an event."""
        kind = (found or {}).get("type", "ALL_HISTORY")
        match kind:
            case "ALL_HISTORY":
                return None, []
            case "RELATIVE_COMPARATIVE":
                days, comparison = _days(found["timeOffset"]), found["comparison"]
                if comparison == "AFTER":
                    return days, []
                return None, [InDays("before_last_days", AT, days)]
            case "RELATIVE_RANGED":
                ends = [_days(found[name]) for name in ("lowerBoundOffset", "upperBoundOffset")]
                earlier: list[Condition] = [InDays("before_last_days", AT, min(ends))] if min(ends) else []
                if found["rangeType"] == "BETWEEN":
                    return max(ends), earlier
                outside = [InDays("in_last_days", AT, min(ends))] if min(ends) else []
                return None, [_joined(Either, [*outside, InDays("before_last_days", AT, max(ends))])]
            case "ABSOLUTE_COMPARATIVE":
                when = _from_epoch(found["timestamp"])
                late = found["comparison"] == "AFTER"
                return None, [Compare(AT, ">=" if late else "<", _written(when + _TICK if late else when))]
            case "ABSOLUTE_RANGED":
                operator = "IS_BETWEEN" if found["rangeType"] == "BETWEEN" else "IS_NOT_BETWEEN"
                return None, [
                    self.operation(
                        AT,
                        {
                            "operationType": "RANGED_DATE",
                            "operator": operator,
                            "lowerBound": found["lowerTimestamp"],
                            "upperBound": found["upperTimestamp"],
                        },
                    )
                ]
            case "TIME_POINT" | "TIME_RANGED":
                return None, [self.operation(AT, {**found, "operationType": kind})]
        raise _cannot(f"a refinement of the type {kind!r}")

    def associations(self, found: Json) -> Condition:
        """At least one associated record, or none."""
        names = {number: name for name, number in ASSOCIATION_TYPES.items()}
        name, refined = names.get(found.get("associationTypeId", 0)), found.get("coalescingRefineBy") or {}
        least, most = refined.get("minOccurrences"), refined.get("maxOccurrences")
        ends = (least or 0, most)
        if name is None or refined.get("type") != "NUM_OCCURRENCES" or ends not in ((1, None), (0, 0)):
            raise _cannot("a number of associated records other than none, or at least one,")
        return Associated(name) if ends == (1, None) else Not(Associated(name))

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
            case "TIME_POINT" | "TIME_RANGED":
                return self.timed(of, found, told)
            case "RANGED_DATE" if operator in ("IS_BETWEEN", "IS_NOT_BETWEEN"):
                first = Compare(of, ">=", _written(_from_epoch(found["lowerBound"])))
                both = All((first, Compare(of, "<", _written(_from_epoch(found["upperBound"]) + _TICK))))
                return _simple(both, lambda _: False, operator == "IS_NOT_BETWEEN")
            case "CALENDAR_DATE" if operator == "IN_THIS_TIME_UNIT_SO_FAR":
                this = self.operation(of, {**found, "operator": "IN_THIS_TIME_UNIT"})
                return All((this, InDays("in_last_days", of, _LONGEST[str(found["timeUnit"]).lower()])))
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

    # points in time

    def timed(self, of: Property, found: Json, told: WorkbenchError) -> Condition:
        """Before, after or between points in time."""
        operator, parser = found.get("operator"), found.get("propertyParser") or "VALUE"
        if parser == "UPDATED_AT":
            return self.updated(of, found, told)
        if parser != "VALUE":
            raise _cannot(f"a property's {parser!r}") from told
        if "timePoint" in found:
            inclusive, point = found.get("endpointBehavior") == "INCLUSIVE", found["timePoint"]
            match operator:
                case "IS_AFTER":
                    return self.since(of, point, not inclusive, told)
                case "IS_BEFORE":
                    return _simple(self.since(of, point, inclusive, told), lambda _: False, True)
                case "IS_EQUAL_TO":
                    parts = (self.since(of, point, False, told), Not(self.since(of, point, True, told)))
                    return _simple(All(parts), lambda _: False, False)
            raise told
        if operator not in ("IS_BETWEEN", "IS_NOT_BETWEEN"):
            raise told
        low = self.since(of, found["lowerBoundTimePoint"], found.get("lowerBoundEndpointBehavior") == "EXCLUSIVE", told)
        high = self.since(
            of, found["upperBoundTimePoint"], found.get("upperBoundEndpointBehavior") != "EXCLUSIVE", told
        )
        return _simple(All((low, Not(high))), lambda _: False, operator == "IS_NOT_BETWEEN")

    def updated(self, of: Property, found: Json, told: WorkbenchError) -> Condition:
        """Changed since some days ago, until now if an end is given."""
        if "timePoint" in found:
            start, until_now, right = found["timePoint"], True, found.get("operator") == "IS_AFTER"
        else:
            start, end = found["lowerBoundTimePoint"], found["upperBoundTimePoint"]
            until_now = end.get("timeType") == "INDEXED" and _midnight(end, told) == 1
            right = found.get("operator") == "IS_BETWEEN"
        ago = _midnight(start, told) if start.get("timeType") == "INDEXED" else None
        if not right or not until_now or ago is None or ago > 0:
            raise _cannot(f"changes of {of.name!r} other than in the last days until now") from told
        return Changed(of, 1 - ago)

    def since(self, of: Property, point: Json, after: bool, told: WorkbenchError) -> Condition:
        """From a point in time on; with `after`, without the point itself."""
        match point.get("timeType"):
            case "DATE":
                when = _from_point(point)
                return Compare(of, ">=", _written(when + _TICK if after else when))
            case "PROPERTY_REFERENCED" if point.get("referenceType") == "VALUE":
                other = Property(point["property"])
                return Before(other, of) if after else Not(Before(of, other))
            case "INDEXED":
                # a date has no time: what is after its midnight is the next day
                later = 1 if after and self.types.get(of.name) == "date" else 0
                reference = point["indexReference"]["referenceType"]
                if reference in _PERIODS:
                    return _since_period(of, point, *_PERIODS[reference])
                if reference in ("TODAY", "NOW"):
                    return _since_day(of, _midnight(point, told) + (later if reference == "TODAY" else 0))
                raise _cannot(f"a point in time relative to {reference!r}") from told
        named = " ".join(str(point[key]) for key in ("timeType", "referenceType") if point.get(key))
        raise _cannot(f"a point in time of the type {named!r}") from told

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


def _from_point(point: Json) -> dt.datetime:
    return dt.datetime(
        point["year"],
        point["month"],
        point["day"],
        point.get("hour") or 0,
        point.get("minute") or 0,
        point.get("second") or 0,
        (point.get("millisecond") or 0) * 1000,
    )


def _days(offset: Json) -> int:
    """Days back, of the offset of a refinement."""
    size = {"DAYS": 1, "DAY": 1, "WEEKS": 7, "WEEK": 7}.get(str(offset.get("timeUnit")))
    if size is None or (offset.get("offsetDirection") != "PAST" and offset.get("amount")):
        raise _cannot(f"an offset of {offset.get('amount')} {offset.get('timeUnit')} {offset.get('offsetDirection')}")
    return int(offset["amount"]) * size


def _offset_in(point: Json, units: Mapping[str, int]) -> int:
    """The offset of an indexed point in units of the first kind."""
    found = {unit: int(amount) for unit, amount in (point.get("offset") or {}).items() if amount}
    for unit in found:
        if unit not in units:
            raise _cannot(f"an offset in {unit} of {point['indexReference']['referenceType']!r}")
    return sum(units[unit] * amount for unit, amount in found.items())


def _midnight(point: Json, told: WorkbenchError) -> int:
    """An indexed point as days after the midnight at which today began; now is the end of today."""
    reference = point["indexReference"]
    clock = tuple(int(reference.get(part) or 0) for part in ("hour", "minute"))
    if reference["referenceType"] not in ("TODAY", "NOW") or clock not in ((0, 0), (23, 59)):
        raise _cannot(f"the time of day of a point relative to {reference['referenceType']!r}") from told
    ends_today = reference["referenceType"] == "NOW" or clock == (23, 59)
    return _offset_in(point, {"days": 1, "weeks": 7}) + ends_today


def _since_day(of: Property, midnight: int) -> Condition:
    """From a midnight on, counted in days from the one at which today began."""
    if midnight > 1:
        return InDays("after_next_days", of, midnight - 1)
    if midnight == 1:
        return All((Not(InDays("before_last_days", of, 1)), Not(InDays("in_last_days", of, 1))))
    return Not(InDays("before_last_days", of, 1 - midnight))


def _since_period(of: Property, point: Json, unit: Unit, units: str) -> Condition:
    """From the start of this week, month, quarter or year on, or of one so many earlier or later."""
    reference = point["indexReference"]
    starts = {"dayOfWeek": "MONDAY", "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0, "millisecond": 0}
    for part, start in starts.items():
        if reference.get(part) not in (None, start):
            raise _cannot(f"a point in time that is not the start of a {unit}")
    later = _offset_in(point, {units: 1})
    from_today = Not(InDays("before_last_days", of, 1))
    if later > 0:
        inside = [InPeriod("in_this", of, unit)] + ([InPeriod("in_next", of, unit, later - 1)] if later > 1 else [])
        return All((from_today, *(Not(one) for one in inside)))
    inside = [InPeriod("in_this", of, unit)] + ([InPeriod("in_last", of, unit, -later)] if later else [])
    return Either((from_today, *inside))
