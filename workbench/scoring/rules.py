"""Rules: what is asked of a contact, and the points for what is found."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import gcd
from typing import Any, Literal, get_args

from workbench.conditions import Condition, Count, parse, parse_count
from workbench.errors import WorkbenchError, did_you_mean, listing

RollUp = Literal["average", "maximum", "minimum", "sum"]
OBJECTS = ("company", "deal", "ticket", "contact")
"""Whose records a rule may roll up."""

MOST_POINTS = 1_000_000
MOST_TIMES = 1_000
MOST_CODES = 65_536
MOST_DAYS = 36_500
DECIMALS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One of several conditions of a rule, and its points."""

    when: Condition | str
    points: float

    def __post_init__(self) -> None:
        if isinstance(self.when, str):
            object.__setattr__(self, "when", parse(self.when))
        object.__setattr__(self, "points", number(self.points, "the points of a case"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decay:
    """Points of an event fade: so many percent of what was first given go after each interval, until none are left."""

    percent: int
    every_days: int

    def __post_init__(self) -> None:
        for value, most, what in ((self.percent, 100, "percent"), (self.every_days, MOST_DAYS, "every_days")):
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
                raise WorkbenchError(f"{what} of a decay is a whole number from 1 to {most:,}, not {value!r}.")

    @property
    def unit(self) -> int:
        """All that can be left of an event is a multiple of this, in percent."""
        return gcd(self.percent, 100)

    @property
    def left(self) -> tuple[tuple[int, int], ...]:
        """Age in days, and the percent that go when an event reaches it."""
        steps = range(1, -(-100 // self.percent) + 1)
        return tuple((step * self.every_days, min(self.percent, 100 - (step - 1) * self.percent)) for step in steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Points for a contact that meets a condition, for each of its events, or by the first of several cases it meets.

    Parameters
    ----------
    name
        Unique in its model.
    when
        A condition, or its text. One of `when`, `count` and `cases`.
    count
        What is counted, such as `count(page_view, "pricing")`, or its text: the points are given for each event.
    cases
        The first case whose condition holds decides: points by a property's value, or by how often something happened.
    otherwise
        Points where no case holds.
    points
        May be negative; from -1,000,000 to 1,000,000, kept to six decimals. With `cases` the points of the case (or
        `otherwise`) that is worth most; other points here scale all cases alike.
    at_most
        How many events count, from 1 to 1,000; needed with `count`.
    decay
        How the points of an event fade, with `count`. Together the events are worth at most `at_most` fresh ones.
    minimum, maximum
        Limits of what the rule gives.
    enabled
        A rule that is not gives nothing.
    associated, roll_up, of_those
        Asks `when` or `cases` of each deal, company, ticket or contact that belongs to the contact (only of those that
        meet `of_those`, a condition), and gives the average (to two decimals), the maximum, the minimum or the sum of
        their points; 0 where there are none.
    id
        The vendor's id of the rule, which goes back where it came from.

    Raises
    ------
    WorkbenchError
        If one of these does not hold.
    """

    name: str
    when: Condition | str | None = None
    count: Count | str | None = None
    cases: tuple[Case, ...] = ()
    otherwise: float = 0
    points: float = math.nan  # not given
    at_most: int | None = None
    decay: Decay | None = None
    minimum: float | None = None
    maximum: float | None = None
    enabled: bool = True
    associated: str | None = None
    roll_up: RollUp | None = None
    of_those: Condition | str | None = None
    id: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise WorkbenchError(f"a rule needs a name, a text that is not empty, and {self.name!r} came.")
        object.__setattr__(self, "cases", tuple(self.cases))
        if sum([self.when is not None, self.count is not None, bool(self.cases)]) != 1:
            raise WorkbenchError(f"the rule {self.name!r} needs one of when (a condition), count and cases.")
        if isinstance(self.when, str):
            object.__setattr__(self, "when", parse(self.when))
        if isinstance(self.count, str):
            object.__setattr__(self, "count", parse_count(self.count))
        object.__setattr__(self, "otherwise", number(self.otherwise, f"the points of the rule {self.name!r}"))
        if self.cases:
            self._scale_cases()
        elif self.otherwise:
            raise WorkbenchError(f"otherwise goes with cases; the rule {self.name!r} has none. Leave it out.")
        elif _not_given(self.points):
            raise WorkbenchError(f"the rule {self.name!r} needs points, a number such as 10.")
        object.__setattr__(self, "points", number(self.points, f"the points of the rule {self.name!r}"))
        if not isinstance(self.enabled, bool):
            raise WorkbenchError(f"enabled of the rule {self.name!r} is true or false, not {self.enabled!r}.")
        if self.decay is not None and self.count is None:
            raise WorkbenchError(f"a decay goes with count; the rule {self.name!r} counts no events. Leave it out.")
        check_limits(self, f"the rule {self.name!r}")
        self._check_association()
        if self.count is not None:
            times = self.at_most
            if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= MOST_TIMES:
                raise WorkbenchError(
                    f"the rule {self.name!r} counts events, so at_most has to say how many count, from 1 to "
                    f"{MOST_TIMES:,}; {times!r} came."
                )
            if self.codes > MOST_CODES:
                raise WorkbenchError(
                    f"the rule {self.name!r} with its decay tells {self.codes:,} values apart, and {MOST_CODES:,} are "
                    "allowed; lower at_most, or let 5, 10, 20, 25 or 50 percent go each time."
                )
        elif self.at_most not in (None, 1):
            raise WorkbenchError(
                f"at_most goes with count; the rule {self.name!r} has a condition, which counts once. Leave it out."
            )

    def _check_association(self) -> None:
        if isinstance(self.of_those, str):
            object.__setattr__(self, "of_those", parse(self.of_those))
        if self.associated is None:
            if self.roll_up is not None or self.of_those is not None:
                raise WorkbenchError(
                    f"roll_up and of_those go with associated; the rule {self.name!r} asks no associated records."
                )
            return
        ways = get_args(RollUp)
        if self.associated not in OBJECTS:
            raise WorkbenchError(
                f"the rule {self.name!r} asks associated records of {self.associated!r}; there are {listing(OBJECTS)}."
                f"{did_you_mean(str(self.associated), OBJECTS)}"
            )
        if self.roll_up not in ways:
            raise WorkbenchError(
                f"the rule {self.name!r} has the roll_up {self.roll_up!r}; there are {listing(ways)}."
                f"{did_you_mean(str(self.roll_up), ways)}"
            )
        asked = [*self.record_conditions, *([self.of_those] if isinstance(self.of_those, Condition) else [])]
        if self.count is not None or any(one.counts or one.segments for one in asked):
            raise WorkbenchError(
                f"the rule {self.name!r} asks of each {self.associated} what only contacts have, events or segments; "
                f"ask for its properties."
            )

    def _scale_cases(self) -> None:
        """The points of the strongest case are the rule's; other points given scale all cases."""
        given = [case.points for case in self.cases] + [self.otherwise]
        strongest = max(given, key=abs)
        if _not_given(self.points) or not strongest:
            object.__setattr__(self, "points", strongest)
        elif self.points != strongest:
            factor = number(self.points, f"the points of the rule {self.name!r}") / strongest
            scaled = tuple(replace(case, points=round(case.points * factor, DECIMALS)) for case in self.cases)
            object.__setattr__(self, "cases", scaled)
            object.__setattr__(self, "otherwise", number(round(self.otherwise * factor, DECIMALS), "points"))

    @property
    def codes(self) -> int:
        """How many codes there are: what the rule can find; of a roll-up, how many there may be."""
        if self.associated is not None:
            return MOST_CODES
        if self.cases:
            return len(self.cases) + 1
        return (self.at_most or 1) * (1 if self.decay is None else 100 // self.decay.unit) + 1

    @property
    def unit(self) -> float:
        """Points for each step of the code, where the rule has no cases."""
        part = 1.0 if self.decay is None else self.decay.unit / 100
        return _whole(round(self.points * part, DECIMALS))

    @property
    def worth(self) -> tuple[float, ...]:
        """Points by code. With cases 0 is `otherwise`, 1 the first case; else 0 is nothing, then ever more events.

        What a roll-up's codes are worth depends on what was found: `CodeTally.worth`, from `record_worth`.
        """
        if self.associated is not None:
            return ()
        if not self.enabled:
            return (0,) * self.codes
        if self.cases:
            found = list(self.record_worth)
        else:
            found = [round(self.unit * code, DECIMALS) for code in range(self.codes)]
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        return tuple(_whole(min(max(points, low), high)) for points in found)

    @property
    def record_worth(self) -> tuple[float, ...]:
        """Points of one record, without limits: where no condition holds, then by the first that does."""
        return (self.otherwise, *(case.points for case in self.cases)) if self.cases else (0, self.points)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions it asks of the contact, in order: one, those of its cases, or none."""
        return () if self.associated is not None else self.record_conditions

    @property
    def record_conditions(self) -> tuple[Condition, ...]:
        """The conditions it asks, of the contact or of each associated record."""
        asked = [case.when for case in self.cases] if self.cases else [self.when]
        return tuple(condition for condition in asked if isinstance(condition, Condition))

    @property
    def counts(self) -> tuple[tuple[Count, int], ...]:
        """What it counts, and how many steps of the code each event is worth; several with a decay."""
        if not isinstance(self.count, Count):
            return ()
        if self.decay is None:
            return ((self.count, 1),)
        window = self.count.within_days or MOST_DAYS
        return tuple(
            (replace(self.count, within_days=min(age, window)), percent // self.decay.unit)
            for age, percent in self.decay.left
        )

    @property
    def asks(self) -> str:
        """All that it asks, whatever it is worth: two rules that ask the same find the same."""
        return str((self.associated, self.roll_up, self.of_those, self.record_conditions, self.counts))

    def finding(self, code: int) -> str:
        """What a code says, in words."""
        if not self.enabled:
            return "not enabled"
        if self.associated is not None:
            return f"the {self.roll_up} of its records" if code else "no such records"
        if self.cases:
            return str(self.cases[code - 1].when) if code else "no case"
        if self.count is None:
            return "yes" if code else "no"
        if self.decay is None:
            return f"{code} of at most {self.at_most}" if code == self.at_most else str(code)
        return f"{code * self.decay.unit / 100:g} left after decay"

    def __str__(self) -> str:
        """What it asks, as written in a file."""
        asked = "; ".join(f"{case.when}: {case.points}" for case in self.cases) or str(self.count or self.when)
        if self.associated is None:
            return asked
        those = "" if self.of_those is None else f" with {self.of_those}"
        return f"{self.roll_up} over each {self.associated}{those}: {asked}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSum:
    """Rules whose points are summed and kept within limits of their own (None: no limit), as one rule of a group."""

    name: str
    rules: tuple[Rule, ...]
    minimum: float | None = None
    maximum: float | None = None
    enabled: bool = True
    id: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise WorkbenchError(f"a sum of rules needs a name, a text that is not empty, and {self.name!r} came.")
        object.__setattr__(self, "rules", tuple(self.rules))
        if not self.rules or not all(isinstance(rule, Rule) for rule in self.rules):
            raise WorkbenchError(f"the sum {self.name!r} needs rules, at least one, and no sums among them.")
        if not isinstance(self.enabled, bool):
            raise WorkbenchError(f"enabled of the sum {self.name!r} is true or false, not {self.enabled!r}.")
        check_limits(self, f"the sum {self.name!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Neighbouring rules of a group that share limits: those of one RuleSum, or single ones without."""

    of: RuleSum | None
    rules: tuple[Rule, ...]

    @property
    def limits(self) -> tuple[float | None, float | None]:
        """The lower and the upper limit of their sum; of a sum that is not enabled none, since it gives nothing."""
        return (None, None) if self.of is None or not self.of.enabled else (self.of.minimum, self.of.maximum)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleGroup:
    """Rules whose points are summed and kept within limits (None: no limit).

    Groups of the same `category`, such as "fit" or "engagement", share the model's limit per category. `decay` is that
    of all rules that count events and have none of their own.
    """

    name: str
    rules: tuple[Rule | RuleSum, ...]
    category: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    decay: Decay | None = None
    id: str | None = None
    blocks: tuple[Block, ...] = field(init=False, repr=False, compare=False)
    """All rules, as they are applied: with the group's decay, those of a sum that is not enabled not enabled."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise WorkbenchError(f"a group of rules needs a name, a text that is not empty, and {self.name!r} came.")
        if self.category is not None and (not isinstance(self.category, str) or not self.category.strip()):
            raise WorkbenchError(f"the category of the group {self.name!r} is a text, not {self.category!r}.")
        object.__setattr__(self, "rules", tuple(self.rules))
        check_limits(self, f"the group {self.name!r}")
        blocks: list[Block] = []
        single: list[Rule] = []
        for rule in self.rules:
            if isinstance(rule, Rule):
                single.append(self._applied(rule, True))
                continue
            if single:
                blocks.append(Block(of=None, rules=tuple(single)))
                single = []
            blocks.append(Block(of=rule, rules=tuple(self._applied(one, rule.enabled) for one in rule.rules)))
        if single:
            blocks.append(Block(of=None, rules=tuple(single)))
        object.__setattr__(self, "blocks", tuple(blocks))

    def _applied(self, rule: Rule, enabled: bool) -> Rule:
        decay = self.decay if rule.count is not None and rule.decay is None else rule.decay
        if decay is rule.decay and (enabled or not rule.enabled):
            return rule
        return replace(rule, decay=decay, enabled=rule.enabled and enabled)

    @property
    def single_rules(self) -> tuple[Rule, ...]:
        """All rules as they are applied, those of sums too."""
        return tuple(rule for block in self.blocks for rule in block.rules)

    @property
    def written_rules(self) -> tuple[Rule, ...]:
        """All rules as they are written, without the group's decay; those of sums too."""
        return tuple(rule for one in self.rules for rule in (one.rules if isinstance(one, RuleSum) else (one,)))

    def changed(self, change: Callable[[Rule], Rule | None]) -> RuleGroup:
        """The group with each rule changed, those of sums too; None takes it out, and a sum without any goes."""
        rules: list[Rule | RuleSum] = []
        for one in self.rules:
            found = [new for new in map(change, (one,) if isinstance(one, Rule) else one.rules) if new is not None]
            if isinstance(one, RuleSum):
                rules += [replace(one, rules=tuple(found))] if found else []
            else:
                rules += found
        return replace(self, rules=tuple(rules))

    @property
    def column(self) -> str:
        """The column of the group's score: `score_fit`."""
        return column_of(self.name)


def column_of(name: str) -> str:
    """The column of the score of a group or category: `score_fit`."""
    return f"score_{re.sub(r'[^0-9a-z]+', '_', name.casefold()).strip('_') or 'group'}"


def number(value: Any, what: str) -> float:
    """A number of points, whole where it can be."""
    try:
        if isinstance(value, bool | str):
            raise TypeError
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        raise WorkbenchError(f"{what} are a number such as 10, not {value!r}.") from None
    if not math.isfinite(found) or abs(found) > MOST_POINTS:
        raise WorkbenchError(f"{what} lie between -{MOST_POINTS:,} and {MOST_POINTS:,}; {value!r} came.")
    return _whole(round(found, DECIMALS))


def _not_given(points: Any) -> bool:
    return isinstance(points, float) and math.isnan(points)


def _whole(value: float) -> float:
    return int(value) if float(value).is_integer() else value


def check_limits(part: Any, what: str) -> None:
    """See that `part.minimum` and `part.maximum` are numbers, or None, and do not contradict."""
    for name in ("minimum", "maximum"):
        limit = getattr(part, name)
        if limit is not None:
            object.__setattr__(part, name, number(limit, f"the limits of {what}"))
    if part.minimum is not None and part.maximum is not None and part.minimum > part.maximum:
        raise WorkbenchError(
            f"the limits of {what} contradict: the lower one is {part.minimum}, the upper one {part.maximum}."
        )
