"""Rules: what is asked of a contact, and the points for what is found."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from math import gcd
from typing import Any

from workbench.conditions import Condition, Count, parse, parse_count
from workbench.errors import WorkbenchError

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
        """How many codes there are: what the rule can find."""
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
        """Points by code. With cases 0 is `otherwise`, 1 the first case; else 0 is nothing, then ever more events."""
        if not self.enabled:
            return (0,) * self.codes
        if self.cases:
            found = [self.otherwise, *[case.points for case in self.cases]]
        else:
            found = [round(self.unit * code, DECIMALS) for code in range(self.codes)]
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        return tuple(_whole(min(max(points, low), high)) for points in found)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The conditions it asks, in order: one, those of its cases, or none."""
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

    def finding(self, code: int) -> str:
        """What a code says, in words."""
        if not self.enabled:
            return "not enabled"
        if self.cases:
            return str(self.cases[code - 1].when) if code else "no case"
        if self.count is None:
            return "yes" if code else "no"
        if self.decay is None:
            return f"{code} of at most {self.at_most}" if code == self.at_most else str(code)
        return f"{code * self.decay.unit / 100:g} left after decay"

    def __str__(self) -> str:
        """What it asks, as written in a file."""
        if self.cases:
            return "; ".join(f"{case.when}: {case.points}" for case in self.cases)
        return str(self.when if self.count is None else self.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleGroup:
    """Rules whose points are summed and kept within limits (None: no limit).

    Groups of the same `category`, such as "fit" or "engagement", share the model's limit per category.
    """

    name: str
    rules: tuple[Rule, ...]
    category: str | None = None
    minimum: float | None = None
    maximum: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise WorkbenchError(f"a group of rules needs a name, a text that is not empty, and {self.name!r} came.")
        if self.category is not None and (not isinstance(self.category, str) or not self.category.strip()):
            raise WorkbenchError(f"the category of the group {self.name!r} is a text, not {self.category!r}.")
        object.__setattr__(self, "rules", tuple(self.rules))
        check_limits(self, f"the group {self.name!r}")

    @property
    def column(self) -> str:
        """The column of the group's score: `score_fit`."""
        return f"score_{re.sub(r'[^0-9a-z]+', '_', self.name.casefold()).strip('_') or 'group'}"


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
