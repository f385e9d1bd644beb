"""What both sides call things, and a condition in the plainer form that the vendor's filters have."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workbench.conditions import (
    All,
    AllOf,
    Always,
    AnyOf,
    Associated,
    Between,
    Changed,
    Compare,
    Condition,
    Count,
    Either,
    Ever,
    InSegment,
    Known,
    Not,
    OneOf,
    Property,
    Text,
)
from workbench.conditions.spans import interval_of
from workbench.conditions.tree import Comparison, Direction, Period, TextMatch, Value
from workbench.errors import WorkbenchError

Json = Mapping[str, Any]

OBJECT_TYPES = {"contact": "0-1", "company": "0-2", "deal": "0-3", "ticket": "0-5"}
ASSOCIATION_TYPES = {"company": 279, "deal": 4, "ticket": 15}
"""Of contacts with others, all defined by the vendor."""

SIGNS: dict[str, Comparison] = {
    "IS_EQUAL_TO": "==",
    "IS_NOT_EQUAL_TO": "!=",
    "IS_GREATER_THAN": ">",
    "IS_GREATER_THAN_OR_EQUAL_TO": ">=",
    "IS_LESS_THAN": "<",
    "IS_LESS_THAN_OR_EQUAL_TO": "<=",
}
OPPOSITE: dict[Comparison, Comparison] = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
TEXTS: dict[str, TextMatch] = {"CONTAINS": "contains", "STARTS_WITH": "starts_with", "ENDS_WITH": "ends_with"}
ROLLING: dict[str, Direction] = {
    "IS_LESS_THAN_X_DAYS_AGO": "in_last_days",
    "IS_MORE_THAN_X_DAYS_AGO": "before_last_days",
    "IS_LESS_THAN_X_DAYS_FROM_NOW": "in_next_days",
    "IS_MORE_THAN_X_DAYS_FROM_NOW": "after_next_days",
}
CALENDAR: dict[str, Period] = {
    "IN_THIS_TIME_UNIT": "in_this",
    "IN_LAST_TIME_UNIT": "in_last",
    "IN_NEXT_TIME_UNIT": "in_next",
}
TICK = dt.timedelta(milliseconds=1)
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
AT, DETAIL = Property("at"), Property("detail")


def cannot(what: str) -> WorkbenchError:
    """What the vendor says and a condition cannot."""
    return WorkbenchError(f"{what} cannot be said here; take it out of the list's filters, or keep the list as ids.")


def not_there(what: object) -> WorkbenchError:
    """What a condition says and the vendor's filters cannot."""
    return WorkbenchError(f"the vendor's filters cannot say {what}; export the record ids instead.")


def simplified(tree: Condition, is_date: Callable[[str], bool]) -> Condition:
    """The same condition as the vendor's filters say it.

    Negation stands at the leaves that have an opposite, dates are before or from a time on, lists of numbers and open
    ranges are several comparisons, and single conditions stand before branches.
    """
    return plainer(tree, is_date, False)


def plainer(tree: Condition, is_date: Callable[[str], bool], negated: bool) -> Condition:
    """As `simplified`; with `negated`, the opposite."""
    match tree:
        case Not(part):
            return plainer(part, is_date, not negated)
        case All(parts) | Either(parts):
            kind = All if isinstance(tree, All) != negated else Either
            return joined(kind, [plainer(part, is_date, negated) for part in parts])
        case Always(value):
            return Always(value != negated)
        case Known(Property() as name, known):
            return Known(name, known != negated)
        case Compare(Count() as count, sign, value) if not isinstance(value, str):
            return _counted(count, OPPOSITE[sign] if negated else sign, value)
        case Between(Count() as count, low, low_sign, high, high_sign):
            above = Compare(count, ">" if low_sign == "<" else ">=", low)
            return plainer(All((above, Compare(count, high_sign, high))), is_date, negated)
        case OneOf(term, values, outside) if not all(isinstance(value, str) for value in values) or len(values) == 1:
            single: list[Condition] = [Compare(term, "==", value) for value in values]
            return plainer(joined(Either, single), is_date, negated != outside)
        case OneOf(Property(name), values, outside) if is_date(name):
            return plainer(
                joined(Either, [Compare(Property(name), "==", one) for one in values]), is_date, negated != outside
            )
        case OneOf(term, values, outside):
            return OneOf(term, tuple(dict.fromkeys(values)), outside != negated)
        case Between(Property(name), low, low_sign, high, high_sign):
            if not is_date(name) and (low_sign, high_sign) == ("<=", "<=") and _whole(low) and _whole(high):
                return Not(tree) if negated else tree
            first = Compare(Property(name), ">" if low_sign == "<" else ">=", low)
            return plainer(All((first, Compare(Property(name), high_sign, high))), is_date, negated)
        case Compare(Property(name), sign, value) if is_date(name) and isinstance(value, str):
            return _plainer_date(Property(name), OPPOSITE[sign] if negated else sign, value)
        case Compare(term, sign, bool() as value) if sign in ("==", "!="):
            return Compare(term, "==", value == ((sign == "==") != negated))
        case Compare(term, sign, value):
            return Compare(term, OPPOSITE[sign] if negated else sign, value)
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
        return joined(Either, [below, above])
    return joined(All, [least(int(value)), fewer(int(value) + 1)])


def joined(kind: type[All | Either], parts: Sequence[Condition]) -> Condition:
    """An `and` or `or` of the parts, each once, single conditions before branches."""
    flat: list[Condition] = []
    for part in parts:
        flat += part.parts if isinstance(part, kind) and not with_blanks(part) else (part,)
    flat = list(dict.fromkeys(flat))
    branches = [part for part in flat if is_branch(part)]
    ordered = [part for part in flat if not is_branch(part)] + branches
    return ordered[0] if len(ordered) == 1 else kind(tuple(ordered))


def is_branch(part: Condition) -> bool:
    """Whether a part is a branch of its own there, rather than a filter."""
    inner = part.part if isinstance(part, Not) else part
    if isinstance(inner, All | Either):
        return with_blanks(inner) is None
    if isinstance(part, Compare) and isinstance(part.term, Count):
        return not is_filter(part.term)
    return isinstance(inner, Associated) or (isinstance(part, Not) and _opposite_of(inner) is None)


def _opposite_of(leaf: Condition) -> bool | None:
    """Whether a negated leaf is a filter of its own."""
    if isinstance(leaf, AnyOf | AllOf | Changed | InSegment | Between | Ever):
        return True
    return True if isinstance(leaf, Text) and leaf.match == "contains" else None


def is_filter(count: Count) -> bool:
    """Whether counted events have a filter of their own there; the others are a branch."""
    if count.kind == "page_view":
        return count.detail is not None or exact_detail(count) is not None
    return count.kind == "form_submission" and count.detail is None


def exact_detail(count: Count) -> str | None:
    """The text that an event's detail has to be."""
    for part in conjuncts(count.where):
        if isinstance(part, Compare) and (part.term, part.operator) == (DETAIL, "==") and isinstance(part.value, str):
            return part.value
    return None


def conjuncts(tree: Condition | None) -> tuple[Condition, ...]:
    """The parts of an `and`, or the one condition."""
    return () if tree is None else tree.parts if isinstance(tree, All) else (tree,)


def with_blanks(tree: Condition) -> Condition | None:
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


def _plainer_date(of: Property, sign: Comparison, text: str) -> Condition:
    span = interval_of(text)
    if span is None:
        raise WorkbenchError(f"{of.name!r} is a date, and {text!r} is none; write one such as '2026-06-30'.")
    start, end = (written(one) for one in span)
    if sign == "==":
        return All((Compare(of, ">=", start), Compare(of, "<", end)))
    if sign == "!=":
        return Either((Compare(of, "<", start), Compare(of, ">=", end)))
    edge = start if sign in ("<", ">=") else end
    return Compare(of, "<" if sign in ("<", "<=") else ">=", edge)


def written(when: dt.datetime) -> str:
    """A time as conditions have it."""
    if when.time() == dt.time():
        return f"{when:%Y-%m-%d}"
    return f"{when:%Y-%m-%d %H:%M:%S}" + (f".{when.microsecond // 1000:03d}" if when.microsecond else "")


def _whole(value: Value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
