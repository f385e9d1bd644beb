"""What a score is made of: rules with points, in groups with limits."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from typing import Any, cast

import numpy as np

from workbench.conditions import Condition, Count, parse, parse_count
from workbench.errors import WorkbenchError, did_you_mean, listing

MOST_RULES = 1_000
MOST_POINTS = 1_000_000
MOST_TIMES = 1_000
DECIMALS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Points for a contact that meets a condition, or for each of a contact's events.

    Parameters
    ----------
    name
        Unique in its model.
    when
        A condition, or its text. Either this or `count`.
    count
        What is counted, such as `count(page_view, "pricing")`, or its text: the points are given for each event.
    points
        May be negative; from -1,000,000 to 1,000,000, kept to six decimals.
    at_most
        How many events count, from 1 to 1,000; needed with `count`.

    Raises
    ------
    WorkbenchError
        If one of these does not hold.
    """

    name: str
    when: Condition | str | None = None
    count: Count | str | None = None
    points: float
    at_most: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise WorkbenchError(f"a rule needs a name, a text that is not empty, and {self.name!r} came.")
        if (self.when is None) == (self.count is None):
            raise WorkbenchError(f"the rule {self.name!r} needs either when (a condition) or count, and not both.")
        if isinstance(self.when, str):
            object.__setattr__(self, "when", parse(self.when))
        if isinstance(self.count, str):
            object.__setattr__(self, "count", parse_count(self.count))
        object.__setattr__(self, "points", number(self.points, f"the points of the rule {self.name!r}"))
        if self.count is not None:
            times = self.at_most
            if isinstance(times, bool) or not isinstance(times, int) or not 1 <= times <= MOST_TIMES:
                raise WorkbenchError(
                    f"the rule {self.name!r} counts events, so at_most has to say how many count, from 1 to "
                    f"{MOST_TIMES:,}; {times!r} came."
                )
        elif self.at_most not in (None, 1):
            raise WorkbenchError(
                f"at_most goes with count; the rule {self.name!r} has a condition, which counts once. Leave it out."
            )

    @property
    def worth(self) -> tuple[float, ...]:
        """Points by code: what the rule gives where it found nothing, once, twice, ..."""
        return tuple(self.points * times for times in range((self.at_most or 1) + 1))

    @property
    def reach(self) -> tuple[float, float]:
        """The least and the most points it can give."""
        return min(self.worth), max(self.worth)

    @property
    def asks(self) -> Condition | Count:
        """The condition or the count."""
        return cast("Condition | Count", self.when if self.count is None else self.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleGroup:
    """Rules whose points are summed and kept within limits (None: no limit)."""

    name: str
    rules: tuple[Rule, ...]
    minimum: float | None = None
    maximum: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise WorkbenchError(f"a group of rules needs a name, a text that is not empty, and {self.name!r} came.")
        object.__setattr__(self, "rules", tuple(self.rules))
        _check_limits(self, f"the group {self.name!r}")

    @property
    def column(self) -> str:
        """The column of the group's score: `score_fit`."""
        return f"score_{re.sub(r'[^0-9a-z]+', '_', self.name.casefold()).strip('_') or 'group'}"


@dataclass(frozen=True, kw_only=True)
class ScoreModel:
    """A score: groups of rules, with limits for the whole (None: no limit).

    Raises
    ------
    WorkbenchError
        If two rules or groups have the same name, limits contradict, or there are no rules or more than 1,000.
    """

    name: str
    version: int = 1
    groups: tuple[RuleGroup, ...] = field(default=())
    minimum: float | None = None
    maximum: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise WorkbenchError(f"a model needs a name, a text that is not empty, and {self.name!r} came.")
        if isinstance(self.version, bool) or not isinstance(self.version, int) or self.version < 1:
            raise WorkbenchError(f"the version of a model is a whole number from 1, not {self.version!r}.")
        object.__setattr__(self, "groups", tuple(self.groups))
        _check_limits(self, f"the model {self.name!r}")
        n_rules = sum(len(group.rules) for group in self.groups)
        if not 1 <= n_rules <= MOST_RULES:
            raise WorkbenchError(
                f"the model {self.name!r} has {n_rules:,} rules; give it at least one and at most {MOST_RULES:,}."
            )
        for things, what in (([rule.name for rule in self.rules], "rules"), (self.columns, "groups")):
            twice = sorted({name for name in things if things.count(name) > 1})
            if twice:
                raise WorkbenchError(
                    f"the model {self.name!r} has several {what} called {listing(twice)}; give each its own name."
                )

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules, group by group."""
        return tuple(rule for group in self.groups for rule in group.rules)

    @property
    def columns(self) -> list[str]:
        """The columns of the groups' scores."""
        return [group.column for group in self.groups]

    def with_points(self, points: Mapping[str, float]) -> ScoreModel:
        """The same model with other points for some rules (rule's name to points).

        Raises WorkbenchError for an unknown rule or points that are not a number.
        """
        names = [rule.name for rule in self.rules]
        for name in points:
            if name not in names:
                raise WorkbenchError(
                    f"unknown rule {name!r}; the model {self.name!r} has {listing(names)}.{did_you_mean(name, names)}"
                )
        groups = tuple(
            replace(
                group,
                rules=tuple(
                    replace(rule, points=points[rule.name]) if rule.name in points else rule for rule in group.rules
                ),
            )
            for group in self.groups
        )
        return replace(self, groups=groups)

    @cached_property
    def scale(self) -> int:
        """Points times this are whole numbers, so that sums are exact and the same on every engine."""
        numbers = [rule.points for rule in self.rules]
        limits = [limit for part in self.groups for limit in (part.minimum, part.maximum)]
        numbers += [limit for limit in (self.minimum, self.maximum, *limits) if limit is not None]
        fits = [digits for digits in range(DECIMALS + 1) if all(round(value, digits) == value for value in numbers)]
        return int(10 ** fits[0])

    def scaled(self, value: float | None) -> int | None:
        """A number of points as a whole number."""
        return None if value is None else round(value * self.scale)

    def worth(self, rule: Rule) -> np.ndarray[Any, np.dtype[np.int64]]:
        """What each code of a rule is worth, scaled."""
        return np.array([self.scaled(points) for points in rule.worth], dtype=np.int64)

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> ScoreModel:
        """A model from the fields of a `score.yaml`.

        Raises WorkbenchError that names the rule and the key.
        """
        from workbench.scoring.files import from_mapping

        return from_mapping(fields)

    def to_dict(self) -> dict[str, Any]:
        """The fields of a `score.yaml`; `from_dict` gives the same model back."""
        from workbench.scoring.files import to_mapping

        return to_mapping(self)

    @classmethod
    def read(cls, path: str | PathLike[str]) -> ScoreModel:
        """A model from a `score.yaml`.

        Raises WorkbenchError that names the line and the key.
        """
        from workbench.scoring.files import read

        return read(path)

    def write(self, path: str | PathLike[str]) -> None:
        """Write the model as a `score.yaml`."""
        from workbench.scoring.files import write

        write(self, path)

    def to_yaml(self) -> str:
        """The text of the model's `score.yaml`."""
        from workbench.scoring.files import to_yaml

        return to_yaml(self)


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
    found = round(found, DECIMALS)
    return int(found) if found.is_integer() else found


def _check_limits(part: RuleGroup | ScoreModel, what: str) -> None:
    for name in ("minimum", "maximum"):
        limit = getattr(part, name)
        if limit is not None:
            object.__setattr__(part, name, number(limit, f"the limits of {what}"))
    if part.minimum is not None and part.maximum is not None and part.minimum > part.maximum:
        raise WorkbenchError(
            f"the limits of {what} contradict: the lower one is {part.minimum}, the upper one {part.maximum}."
        )
