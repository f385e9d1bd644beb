"""Contacts counted by what the rules found, so that other points need no other pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import reduce
from operator import add
from typing import Any, TypeAlias

import narwhals as nw
import numpy as np
import pandas as pd

from workbench import engines
from workbench.conditions import Related
from workbench.errors import WorkbenchError, listing
from workbench.scoring.apply import code, nothing, opened
from workbench.scoring.model import ScoreModel
from workbench.scoring.rules import Rule, RuleGroup

Whole: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

_ROOM = 2**62


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CodeTally:
    """How many contacts share a pattern of codes and the keys they were counted by.

    A code is what one rule found: 0 nothing, 1 once, and so on up to the rule's `at_most`.
    """

    model: ScoreModel
    codes: np.ndarray[Any, Any]  # (n_patterns, n_rules), uint8 or uint16
    pattern: Whole  # (n_cells,), row of `codes`
    keys: pd.DataFrame  # (n_cells, n_keys)
    n: Whole  # (n_cells,), at least 1
    _last: dict[int, tuple[list[Whole], Whole]] = field(default_factory=dict, init=False, repr=False)

    def scores(self, model: ScoreModel | None = None) -> np.ndarray[Any, Any]:
        """The score of each pattern, shape (n_patterns,), with all limits; whole where all points are.

        Parameters
        ----------
        model
            The same rules with other points or limits. Default: the model that was counted.

        Raises
        ------
        WorkbenchError
            If `model` has other rules.
        """
        return self.group_scores(model)["score"]

    def group_scores(self, model: ScoreModel | None = None) -> dict[str, np.ndarray[Any, Any]]:
        """`score` and `score_<group>` to the scores of each pattern, as in `scores`."""
        model = self._checked(model)
        first = 0
        found: dict[str, Whole] = {}
        for group in model.groups:
            total = self._total(model, group, first)
            found[group.column] = _limited(total, model.scaled(group.minimum), model.scaled(group.maximum))
            first += len(group.rules)
        most = model.scaled(model.category_maximum)
        parts = [_limited(sum(found[group.column] for group in part), None, most) for part in model.categories]
        whole = _limited(sum(parts), model.scaled(model.minimum), model.scaled(model.maximum))
        scores = {"score": whole, **found}
        return scores if model.scale == 1 else {name: values / model.scale for name, values in scores.items()}

    def _total(self, model: ScoreModel, group: RuleGroup, first: int) -> Whole:
        """A group's points before its limits, from what they were the last time: whole numbers, so nothing drifts."""
        worths = [model.worth(rule) for rule in group.rules]
        before, total = self._last.get(first, ([np.zeros_like(worth) for worth in worths], None))
        total = np.zeros(len(self.codes), dtype=np.int64) if total is None else total
        for column, (new, old) in enumerate(zip(worths, before, strict=True), start=first):
            if (new != old).any():
                total = total + (new - old).take(self.codes[:, column])
        self._last[first] = (worths, total)
        return total

    def rule_counts(self, by: str | None = None) -> pd.DataFrame:
        """How many contacts each rule matched: `group`, `rule`, `by` (one of the keys, where given), `n`, `n_matched`.

        `n` is the number of contacts (of that key), matched or not.
        """
        if by is not None and by not in self.keys:
            raise WorkbenchError(f"unknown key {by!r}; the tally was counted by {listing(map(str, self.keys))}.")
        values, labels = (
            (np.zeros(len(self.n), dtype=np.int64), [None])
            if by is None
            else pd.factorize(self.keys[by], sort=True, use_na_sentinel=False)
        )
        parts = []
        for position, label in enumerate(labels):
            n = np.where(values == position, self.n, 0)
            per_pattern = np.bincount(self.pattern, weights=n, minlength=len(self.codes))
            part = pd.DataFrame(
                {
                    "group": [group.name for group in self.model.groups for _ in group.rules],
                    "rule": [rule.name for rule in self.model.rules],
                    "n": int(n.sum()),
                    "n_matched": (per_pattern @ (self.codes > 0)).astype(np.int64),
                }
            )
            if by is not None:
                part.insert(2, by, label)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def _checked(self, model: ScoreModel | None) -> ScoreModel:
        if model is None or model is self.model:
            return self.model
        if _shape(model) != _shape(self.model):
            raise WorkbenchError(
                f"the model {model.name!r} has other rules than the one that was counted, {self.model.name!r}; "
                "change only points and limits, or count again."
            )
        return model


def tally_codes(
    table: Any,
    model: ScoreModel,
    *,
    keys: Mapping[str, nw.Expr],
    activities: Any = None,
    related: Related | None = None,
    as_of: str | date | None = None,
) -> CodeTally:
    """Count contacts by what each rule found and by `keys`, in one pass.

    Parameters
    ----------
    table, model, activities, related, as_of
        As in `score`.
    keys
        Name to expression over the table: an outcome, a segment.

    Raises
    ------
    WorkbenchError
        As `score` does.
    """
    source = opened(table, activities, related, as_of)
    binding = source.bind(model)
    packs = _packs(model.rules)
    packed: dict[str, nw.Expr] = {}
    for position, pack in enumerate(packs):
        strides = np.cumprod([1, *[_radix(model.rules[rule]) for rule in pack]])
        packed[f"_codes_{position}"] = reduce(
            add,
            [
                code(binding, model.rules[rule]) * int(stride)
                for rule, stride in zip(pack, strides[:-1], strict=True)
                if model.rules[rule].enabled
            ]
            or [nothing(source.frame)],
        )
    cells = engines.count_by(binding.frame, {**packed, **keys})
    found, pattern = _distinct([cells[name].to_numpy(dtype=np.int64) for name in packed])
    largest = max(_radix(rule) for rule in model.rules)
    codes = np.empty((len(model.rules), len(found[0])), dtype=np.uint8 if largest <= 256 else np.uint16)
    for values, pack in zip(found, packs, strict=True):
        rest = values
        for rule in pack:
            rest, codes[rule] = np.divmod(rest, _radix(model.rules[rule]))
    return CodeTally(model=model, codes=codes.T, pattern=pattern, keys=cells[list(keys)], n=cells["n"].to_numpy())


def _radix(rule: Rule) -> int:
    return rule.codes


def _packs(rules: tuple[Rule, ...]) -> list[list[int]]:
    """Positions of rules whose codes fit into one 64-bit number together."""
    packs: list[list[int]] = [[]]
    room = _ROOM
    for position, rule in enumerate(rules):
        if room < _radix(rule):
            packs.append([])
            room = _ROOM
        packs[-1].append(position)
        room //= _radix(rule)
    return packs


def _distinct(columns: list[Whole]) -> tuple[list[Whole], Whole]:
    """The distinct rows of some columns, and which of them each row is."""
    group = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        position, values = pd.factorize(column)
        group = pd.factorize(group * max(len(values), 1) + position)[0]
    _, first = np.unique(group, return_index=True)
    return [column[first] for column in columns], group.astype(np.int64)


def _shape(model: ScoreModel) -> list[list[tuple[str, str, int]]]:
    return [
        [(rule.name, str(rule.conditions or rule.counts), _radix(rule)) for rule in group.rules]
        for group in model.groups
    ]


def _limited(values: Any, minimum: int | None, maximum: int | None) -> Whole:
    limited: Whole = values if minimum is None and maximum is None else np.clip(values, minimum, maximum)
    return limited
