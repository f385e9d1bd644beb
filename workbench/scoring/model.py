"""A score: groups of rules, limits, labels; as an object and as a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np

from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.scoring.rules import DECIMALS, Rule, RuleGroup, check_limits, number

MOST_RULES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A word for scores from `at_least` on. Who has it keeps it until the score falls below `leave_below`."""

    name: str
    at_least: float
    leave_below: float | None = None  # None: the same as at_least

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise WorkbenchError(f"a label needs a name, a text that is not empty, and {self.name!r} came.")
        object.__setattr__(self, "at_least", number(self.at_least, f"the points of the label {self.name!r}"))
        if self.leave_below is not None:
            object.__setattr__(self, "leave_below", number(self.leave_below, f"the points of the label {self.name!r}"))
            if self.leave_below > self.at_least:
                raise WorkbenchError(
                    f"the label {self.name!r} is given from {self.at_least} points and would be left below "
                    f"{self.leave_below}; leave_below has to be lower."
                )


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
    category_maximum: float | None = None  # of the sum of the groups of a category
    labels: tuple[Label, ...] = ()  # from the lowest to the highest

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise WorkbenchError(f"a model needs a name, a text that is not empty, and {self.name!r} came.")
        if isinstance(self.version, bool) or not isinstance(self.version, int) or self.version < 1:
            raise WorkbenchError(f"the version of a model is a whole number from 1, not {self.version!r}.")
        object.__setattr__(self, "groups", tuple(self.groups))
        check_limits(self, f"the model {self.name!r}")
        if self.category_maximum is not None:
            limit = number(self.category_maximum, f"the limits of the categories of {self.name!r}")
            object.__setattr__(self, "category_maximum", limit)
        object.__setattr__(self, "labels", tuple(sorted(self.labels, key=lambda label: label.at_least)))
        n_rules = sum(len(group.rules) for group in self.groups)
        if not 1 <= n_rules <= MOST_RULES:
            raise WorkbenchError(
                f"the model {self.name!r} has {n_rules:,} rules; give it at least one and at most {MOST_RULES:,}."
            )
        named = {
            "rules": [rule.name for rule in self.rules],
            "groups": self.columns,
            "labels": [label.name for label in self.labels],
        }
        for what, things in named.items():
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
    def column_names(self) -> list[str]:
        """All columns that a score adds: the score, its groups', and its label where there are any."""
        return ["score", *self.columns, *(["score_label"] if self.labels else [])]

    @property
    def categories(self) -> list[list[RuleGroup]]:
        """Groups by category; a group without one stands alone."""
        found: dict[tuple[bool, str], list[RuleGroup]] = {}
        for group in self.groups:
            key = (group.category is None, group.category or group.name)
            found.setdefault(key, []).append(group)
        return list(found.values())

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
        numbers = [points for rule in self.rules for points in (*rule.worth, rule.unit)]
        limits = [limit for part in self.groups for limit in (part.minimum, part.maximum)]
        limits += [self.minimum, self.maximum, self.category_maximum]
        limits += [limit for label in self.labels for limit in (label.at_least, label.leave_below)]
        numbers += [limit for limit in limits if limit is not None]
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
