"""The tree of a condition. Frozen; `str()` writes it in the one way that `parse` reads back to the same tree."""

from __future__ import annotations

import json
import keyword
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Value: TypeAlias = str | bool | int | float
Comparison = Literal["==", "!=", "<", "<=", ">", ">="]
TextMatch = Literal["contains", "starts_with", "ends_with"]
Direction = Literal[
    "in_last_days",
    "in_next_days",
    "before_last_days",
    "after_next_days",
    "anniversary_in_last_days",
    "anniversary_in_next_days",
]
Period = Literal["in_this", "in_last", "in_next"]
Unit = Literal["day", "week", "month", "quarter", "year"]
Order = Literal["first", "last"]

CONSTANTS = {"true": True, "false": False, "True": True, "False": False}


class Node:
    """Anything in a tree. Two nodes are the same if they are written the same (`1` is not `true`)."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def walk(self) -> Iterator[Node]:
        """This node and all below it that are asked of the same table."""
        yield self


class Condition(Node):
    """True or false for each record, never blank."""

    __slots__ = ()

    @property
    def properties(self) -> tuple[str, ...]:
        """Names of the record's properties it speaks of, each once, in order."""
        return tuple(dict.fromkeys(node.name for node in self.walk() if isinstance(node, Property)))

    @property
    def counts(self) -> tuple[Count, ...]:
        """The counted events it speaks of, each once, in order."""
        return tuple(dict.fromkeys(node for node in self.walk() if isinstance(node, Count)))

    @property
    def segments(self) -> tuple[str, ...]:
        """Names of the segments it speaks of, each once, in order."""
        return tuple(dict.fromkeys(node.name for node in self.walk() if isinstance(node, InSegment)))


@dataclass(frozen=True, slots=True, eq=False)
class Property(Node):
    """A property of the record: `industry`, or `property("Lead Source")` where the name is no identifier."""

    name: str

    def __str__(self) -> str:
        plain = (
            self.name.isidentifier()
            and not keyword.iskeyword(self.name)
            and self.name not in CONSTANTS
            and unicodedata.normalize("NFKC", self.name) == self.name
        )
        return self.name if plain else f"property({quoted(self.name)})"


@dataclass(frozen=True, slots=True, eq=False)
class Count(Node):
    """How many of the record's events there were: `count(page_view, "pricing", within_days=90)`. Never blank."""

    kind: str
    detail: str | None = None  # the event's detail contains this, capitals ignored
    where: Condition | None = None  # asked of the event
    within_days: int | None = None

    def __str__(self) -> str:
        kind = Property(self.kind)
        parts = [str(kind) if str(kind) == self.kind else quoted(self.kind)]
        if self.detail is not None:
            parts.append(quoted(self.detail))
        if self.where is not None:
            parts.append(f"where={self.where}")
        if self.within_days is not None:
            parts.append(f"within_days={self.within_days}")
        return f"count({', '.join(parts)})"


@dataclass(frozen=True, slots=True, eq=False)
class EventTime(Node):
    """When the first or last of the record's events was: `last(page_view, "pricing")`. Blank if there was none."""

    order: Order
    events: Count

    def __str__(self) -> str:
        return f"{self.order}{str(self.events).removeprefix('count')}"


Term: TypeAlias = Property | Count | EventTime
Dated: TypeAlias = Property | EventTime


@dataclass(frozen=True, slots=True, eq=False)
class Compare(Condition):
    """`numemployees > 50`."""

    term: Term
    operator: Comparison
    value: Value

    def __str__(self) -> str:
        return f"{self.term} {self.operator} {literal(self.value)}"

    def walk(self) -> Iterator[Node]:
        yield self
        yield self.term


@dataclass(frozen=True, slots=True, eq=False)
class Between(Condition):
    """`10 <= numemployees < 50`."""

    term: Term
    low: Value
    low_operator: Literal["<", "<="]
    high: Value
    high_operator: Literal["<", "<="]

    def __str__(self) -> str:
        return f"{literal(self.low)} {self.low_operator} {self.term} {self.high_operator} {literal(self.high)}"

    def walk(self) -> Iterator[Node]:
        yield self
        yield self.term


@dataclass(frozen=True, slots=True, eq=False)
class OneOf(Condition):
    """`country in ["Germany", "Austria"]`, or `not in`."""

    term: Term
    values: tuple[Value, ...]
    negated: bool = False

    def __str__(self) -> str:
        return f"{self.term} {'not in' if self.negated else 'in'} {_list(self.values)}"

    def walk(self) -> Iterator[Node]:
        yield self
        yield self.term


@dataclass(frozen=True, slots=True, eq=False)
class Known(Condition):
    """`is_known(phone)` or `is_unknown(phone)`."""

    property: Dated
    known: bool = True

    def __str__(self) -> str:
        return f"{'is_known' if self.known else 'is_unknown'}({self.property})"

    def walk(self) -> Iterator[Node]:
        yield self
        yield self.property


@dataclass(frozen=True, slots=True, eq=False)
class Text(Condition):
    """`contains(jobtitle, "head")`, `starts_with(...)`, `ends_with(...)`; capitals do not matter."""

    match: TextMatch
    property: Property
    text: str

    def __str__(self) -> str:
        return f"{self.match}({self.property}, {quoted(self.text)})"

    def walk(self) -> Iterator[Node]:
        yield self
        yield self.property


@dataclass(frozen=True, slots=True, eq=False)
class InDays(Condition):
    """`in_last_days(createdate, 7)`, `in_next_days(contract_end, 30)`, earlier, later, or an anniversary in these."""

    direction: Direction
    property: Dated
    days: int

    def __str__(self) -> str:
        return f"{self.direction}({self.property}, {self.days})"

    def walk(self) -> Iterator[Node]:
        yield self
        yield self.property


@dataclass(frozen=True, slots=True, eq=False)
class InPeriod(Condition):
    """`in_this(createdate, "month")`, `in_last(createdate, "quarter", 2, fiscal="april")`: whole calendar periods."""

    period: Period
    property: Dated
    unit: Unit
    periods: int = 1  # how many, of the last or next
    fiscal: str | None = None  # the month the fiscal year starts with

    def __str__(self) -> str:
        parts = [str(self.property), quoted(self.unit)]
        if self.periods != 1:
            parts.append(str(self.periods))
        if self.fiscal is not None:
            parts.append(f"fiscal={quoted(self.fiscal)}")
        return f"{self.period}({', '.join(parts)})"

    def walk(self) -> Iterator[Node]:
        yield self
        yield self.property


@dataclass(frozen=True, slots=True, eq=False)
class Before(Condition):
    """`is_before(closedate, contract_end)`: the first date is earlier than the second."""

    first: Dated
    second: Dated

    def __str__(self) -> str:
        return f"is_before({self.first}, {self.second})"

    def walk(self) -> Iterator[Node]:
        yield self
        yield self.first
        yield self.second


@dataclass(frozen=True, slots=True, eq=False)
class AnyOf(Condition):
    """`any_of(products, ["A", "B"])`: at least one of several values that are joined by `;`."""

    property: Property
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"any_of({self.property}, {_list(self.values)})"

    def walk(self) -> Iterator[Node]:
        yield self
        yield self.property


@dataclass(frozen=True, slots=True, eq=False)
class AllOf(Condition):
    """`all_of(products, ["A", "B"])`: each of the values; with `exactly`, these and no others."""

    property: Property
    values: tuple[str, ...]
    exactly: bool = False

    def __str__(self) -> str:
        return f"{'exactly' if self.exactly else 'all_of'}({self.property}, {_list(self.values)})"

    def walk(self) -> Iterator[Node]:
        yield self
        yield self.property


@dataclass(frozen=True, slots=True, eq=False)
class Associated(Condition):
    """`associated(deal, dealstage == "closedwon")`: a record that belongs to this one and meets the condition."""

    object: str
    where: Condition | None = None  # asked of the other record

    def __str__(self) -> str:
        return f"associated({self.object}{'' if self.where is None else f', {self.where}'})"


@dataclass(frozen=True, slots=True, eq=False)
class Ever(Condition):
    """`ever(lifecyclestage == "customer")`: true of the property now, or of a value that it once had."""

    asked: Condition  # of one property

    def __str__(self) -> str:
        return f"ever({self.asked})"

    def walk(self) -> Iterator[Node]:
        yield self
        yield from self.asked.walk()

    @property
    def property(self) -> Property:
        """The property whose values are looked at."""
        return Property(self.asked.properties[0])


@dataclass(frozen=True, slots=True, eq=False)
class Changed(Condition):
    """`changed_in_last_days(lifecyclestage, 30)`: its history has a change of these days."""

    property: Property
    days: int

    def __str__(self) -> str:
        return f"changed_in_last_days({self.property}, {self.days})"


@dataclass(frozen=True, slots=True, eq=False)
class Among(Condition):
    """One of these records: what a static segment means. It has no text of its own."""

    ids: frozenset[str]

    def __str__(self) -> str:
        return f"among({', '.join(map(quoted, sorted(self.ids)))})"


@dataclass(frozen=True, slots=True, eq=False)
class InSegment(Condition):
    """`in_segment("DACH software")`: who is not inside is outside, whatever is blank."""

    name: str
    means: Condition | None = None  # what the segment is, once that is looked up

    def __str__(self) -> str:
        return f"in_segment({quoted(self.name)})"

    def walk(self) -> Iterator[Node]:
        yield self
        if self.means is not None:
            yield from self.means.walk()


@dataclass(frozen=True, slots=True, eq=False)
class All(Condition):
    """`a and b`: all of at least two."""

    parts: tuple[Condition, ...]

    def __str__(self) -> str:
        return " and ".join(_inside(part, (All, Either)) for part in self.parts)

    def walk(self) -> Iterator[Node]:
        yield self
        for part in self.parts:
            yield from part.walk()


@dataclass(frozen=True, slots=True, eq=False)
class Either(Condition):
    """`a or b`: at least one of at least two."""

    parts: tuple[Condition, ...]

    def __str__(self) -> str:
        return " or ".join(_inside(part, (Either,)) for part in self.parts)

    def walk(self) -> Iterator[Node]:
        yield self
        for part in self.parts:
            yield from part.walk()


@dataclass(frozen=True, slots=True, eq=False)
class Not(Condition):
    """`not a`. A blank stays outside of both `a` and `not a`."""

    part: Condition

    def __str__(self) -> str:
        return f"not {_inside(self.part, (All, Either))}"

    def walk(self) -> Iterator[Node]:
        yield self
        yield from self.part.walk()


@dataclass(frozen=True, slots=True, eq=False)
class Always(Condition):
    """`true`: every record, or `false`: none."""

    value: bool

    def __str__(self) -> str:
        return literal(self.value)


def literal(value: Value) -> str:
    """A value as it is written in a condition."""
    if isinstance(value, str):
        return quoted(value)
    return ("true" if value else "false") if isinstance(value, bool) else repr(value)


def quoted(text: str) -> str:
    """A text in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def _list(values: tuple[Value, ...]) -> str:
    return f"[{', '.join(map(literal, values))}]"


def _inside(part: Condition, kinds: tuple[type[Condition], ...]) -> str:
    return f"({part})" if isinstance(part, kinds) else str(part)
