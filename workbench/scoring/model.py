"""A score: groups of rules, limits, labels; as an object and as a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from typing import Any

import numpy as np

from workbench.conditions import All, Condition, Either, InSegment, Not
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.scoring.rollups import HUNDREDTHS
from workbench.scoring.rules import DECIMALS, Rule, RuleGroup, RuleSum, check_limits, column_of, number
from workbench.segments import Segment

MOST_RULES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A word for scores from `at_least` on. Who has it keeps it until the score falls below `leave_below`.

    `of` is the category or group whose score is meant (such as grades of the fit); None for the whole score.
    """

    name: str
    at_least: float
    leave_below: float | None = None  # None: the same as at_least
    of: str | None = None

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Fit by engagement in one short word, such as A1: the tier of the fit, then that of the engagement.

    Each tier is a Label; who is below the lowest of either has no word.
    """

    fit: tuple[Label, ...]
    engagement: tuple[Label, ...]

    def __post_init__(self) -> None:
        for axis in MATRIX:
            tiers = tuple(sorted(getattr(self, axis), key=lambda tier: tier.at_least))
            object.__setattr__(self, axis, tiers)
            names = [tier.name for tier in tiers]
            if not tiers or len(set(names)) < len(names):
                raise WorkbenchError(f"the matrix needs tiers of {axis}, at least one, each with a name of its own.")
            if any(tier.leave_below is not None or tier.of is not None for tier in tiers):
                raise WorkbenchError(f"a tier of {axis} in the matrix has a name and at_least, nothing else.")


MATRIX = ("fit", "engagement")
"""The categories of a matrix."""


@dataclass(frozen=True, kw_only=True)
class ScoreModel:
    """A score: groups of rules, with limits for the whole (None: no limit).

    Parameters
    ----------
    include, exclude
        Names of segments: who is in none of the first, or in one of the second, has no score, which is not 0.
    matrix
        Fit by engagement.
    hubspot
        What the vendor's file says beside the rules, such as names of properties; kept so that it goes back.
    segments
        The saved segments that rules, `include` and `exclude` speak of; no part of the file. `with_segments` gives
        them.

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
    matrix: Matrix | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    hubspot: Mapping[str, Any] = field(default_factory=dict, hash=False)
    segments: tuple[Segment, ...] = field(default=(), compare=False, repr=False)

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
        object.__setattr__(self, "include", tuple(self.include))
        object.__setattr__(self, "exclude", tuple(self.exclude))
        n_rules = len(self.rules)
        if not 1 <= n_rules <= MOST_RULES:
            raise WorkbenchError(
                f"the model {self.name!r} has {n_rules:,} rules; give it at least one and at most {MOST_RULES:,}."
            )
        sums = [rule.name for group in self.groups for rule in group.rules if isinstance(rule, RuleSum)]
        named: dict[str, list[Any]] = {
            "rules": [rule.name for rule in self.rules] + sums,
            "groups": self.columns,
            "labels": [label.name if label.of is None else f"{label.of}: {label.name}" for label in self.labels],
        }
        for what, things in named.items():
            twice = sorted(name for name, n in Counter(things).items() if n > 1)
            if twice:
                raise WorkbenchError(
                    f"the model {self.name!r} has several {what} called {listing(twice)}; give each its own name."
                )

        names = [self.category_name(part) for part in self.categories]
        asked = [label.of for label in self.labels if label.of is not None]
        asked += [] if self.matrix is None else MATRIX
        for name in asked:
            if name not in names:
                raise WorkbenchError(
                    f"the model {self.name!r} has labels or a matrix of {name!r}, and no group is that or is of the "
                    f"category {name!r}; there are {listing(names)}.{did_you_mean(name, names)}"
                )
        for name in (*self.include, *self.exclude):
            if not isinstance(name, str) or not name.strip():
                raise WorkbenchError(f"include and exclude are lists of names of segments, and {name!r} came.")

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All single rules, group by group, those of sums too, as they are applied: with their group's decay."""
        return tuple(rule for group in self.groups for rule in group.single_rules)

    @property
    def column_names(self) -> list[str]:
        """All columns that a score adds: the score, its groups' and categories', its labels and its matrix."""
        labels = [self.label_column(name) for name in self.labelled]
        return [*self.number_columns, *labels, *([] if self.matrix is None else ["score_matrix"])]

    @property
    def number_columns(self) -> list[str]:
        """The columns of numbers that a score adds."""
        return ["score", *self.columns, *self.category_columns.values()]

    @property
    def category_columns(self) -> dict[str, str]:
        """Named categories and the columns of their scores; a category that is called as a group has none."""
        names = dict.fromkeys(group.category for group in self.groups if group.category is not None)
        columns = {name: column_of(name) for name in names}
        return {name: column for name, column in columns.items() if column not in self.columns}

    @property
    def labelled(self) -> list[str | None]:
        """What has labels: None for the whole score, and categories."""
        return list(dict.fromkeys(label.of for label in self.labels))

    @staticmethod
    def label_column(of: str | None) -> str:
        """The column of the labels of the score, or of a category's."""
        return "score_label" if of is None else column_of(of).replace("score_", "score_label_", 1)

    @staticmethod
    def category_name(groups: list[RuleGroup]) -> str:
        """The name of one of `categories`."""
        return groups[0].category or groups[0].name

    @property
    def scored(self) -> Condition | None:
        """Who has a score: in a segment of `include`, in none of `exclude`; None for everybody."""
        asked: list[Condition] = []
        if self.include:
            inside = tuple(InSegment(name) for name in self.include)
            asked.append(inside[0] if len(inside) == 1 else Either(inside))
        asked += [Not(InSegment(name)) for name in self.exclude]
        return None if not asked else asked[0] if len(asked) == 1 else All(tuple(asked))

    @property
    def asked_segments(self) -> tuple[str, ...]:
        """Names of the segments that rules, `include` and `exclude` speak of."""
        found = [name for rule in self.rules for condition in rule.conditions for name in condition.segments]
        return tuple(dict.fromkeys([*self.include, *self.exclude, *found]))

    def with_segments(self, segments: Iterable[Segment]) -> ScoreModel:
        """The same model with the saved segments that it speaks of."""
        return replace(self, segments=tuple(segments))

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

        def changed(rule: Rule) -> Rule:
            return replace(rule, points=points[rule.name]) if rule.name in points else rule

        return replace(self, groups=tuple(group.changed(changed) for group in self.groups))

    def keeping(self, names: Container[str]) -> ScoreModel:
        """The same model with only the single rules of these names, and no groups or sums without any.

        Raises WorkbenchError if none is left.
        """
        groups = [group.changed(lambda rule: rule if rule.name in names else None) for group in self.groups]
        left = (new for old, new in zip(self.groups, groups, strict=True) if new.rules or not old.rules)
        return replace(self, groups=tuple(left))

    @cached_property
    def scale(self) -> int:
        """Points times this are whole numbers, so that sums are exact and the same on every engine."""
        numbers = [points for rule in self.rules for points in (*rule.record_worth, rule.unit)]
        sums = [block.of for group in self.groups for block in group.blocks if block.of is not None]
        parts: list[Any] = [*self.groups, *sums, *self.rules]
        limits = [limit for part in parts for limit in (part.minimum, part.maximum)]
        limits += [self.minimum, self.maximum, self.category_maximum]
        tiers = () if self.matrix is None else (*self.matrix.fit, *self.matrix.engagement)
        limits += [limit for label in (*self.labels, *tiers) for limit in (label.at_least, label.leave_below)]
        numbers += [limit for limit in limits if limit is not None]
        fits = [digits for digits in range(DECIMALS + 1) if all(round(value, digits) == value for value in numbers)]
        averages = any(rule.roll_up == "average" for rule in self.rules)
        return max(int(10 ** fits[0]), HUNDREDTHS if averages else 1)

    def scaled(self, value: float | None) -> int | None:
        """A number of points as a whole number."""
        return None if value is None else round(value * self.scale)

    def worth(self, rule: Rule) -> np.ndarray[Any, np.dtype[np.int64]]:
        """What each code of a rule is worth, scaled; of a roll-up see `rollups.rolled_worth`."""
        if not rule.enabled:
            return np.zeros(rule.codes, dtype=np.int64)
        if rule.cases:
            found = np.array([self.scaled(points) for points in rule.record_worth], dtype=np.int64)
        else:
            found = np.arange(rule.codes, dtype=np.int64) * round(rule.unit * self.scale)
        low, high = self.scaled(rule.minimum), self.scaled(rule.maximum)
        return found if low is None and high is None else np.clip(found, low, high)

    @classmethod
    def preset(cls, name: str) -> ScoreModel:
        """A model to start from, one of `presets()`: criteria of practitioners, to be changed to one's own.

        Raises WorkbenchError for an unknown name.
        """
        from workbench.scoring.files import preset

        return preset(name)

    @staticmethod
    def presets() -> tuple[str, ...]:
        """The names of the presets."""
        from workbench.scoring.files import preset_names

        return preset_names()

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
    def from_hubspot(cls, score: Mapping[str, Any] | str, *, names: Mapping[str, str] | None = None) -> ScoreModel:
        """A model from a score's configuration as the vendor's API gives it (or its text).

        Parameters
        ----------
        score
            A `PublicScoreConfiguration` of contacts.
        names
            Names by the vendor's ids: of segments, of forms, and of kinds of activities by types of events; what has
            none keeps its id as its name.

        Raises
        ------
        WorkbenchError
            For what cannot be said here, and for the JSON of another version; it is named.

        Notes
        -----
        Where the vendor's documents are silent: the first case of several that holds decides; of frequencies the most
        demanding; an average is rounded to two decimals, and who has no associated records gets no points for them.
        """
        from workbench.scoring.vendor import from_json

        return from_json(score, names or {})

    def to_hubspot(
        self, *, kinds: Mapping[str, str] | None = None, list_ids: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The score's configuration as the vendor's API takes it; `from_hubspot` reads it to the same model.

        Parameters
        ----------
        kinds
            What each property holds (`engines.kinds`), where a value alone does not say it.
        list_ids
            The vendor's ids by name, of segments, forms and kinds of activities.

        Raises
        ------
        WorkbenchError
            For what a score there cannot say; it is named.
        """
        from workbench.scoring.vendor import to_json

        return to_json(self, kinds or {}, list_ids or {})

    @classmethod
    def read(cls, path: str | PathLike[str]) -> ScoreModel:
        """A model from a `score.yaml`, or from the vendor's JSON where the file ends in `.json`.

        Raises WorkbenchError that names the line and the key, or the place in the JSON.
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
