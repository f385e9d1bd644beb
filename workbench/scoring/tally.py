"""Contacts counted by what the rules found, so that other points need no other pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import reduce
from operator import add
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from workbench import engines
from workbench.conditions import Count, Related
from workbench.errors import WorkbenchError, listing
from workbench.scoring.apply import Bound, nothing, opened
from workbench.scoring.model import ScoreModel
from workbench.scoring.rollups import Whole, rolled_worth
from workbench.scoring.rules import Rule, RuleGroup

_BITS = 62
_FINE = 10**6  # points are kept to six decimals


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
    meanings: Mapping[str, Whole] = field(default_factory=dict)  # of the codes of each roll-up, by rule
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
        """`score` and `score_<group>`, `score_<category>` to the scores of each pattern, as in `scores`."""
        model = self.checked(model)
        found: dict[str, Whole] = {}
        for group, totals in zip(model.groups, self.block_totals(model), strict=True):
            total = sum(block_points(model, group, totals))
            found[group.column] = limited(total, model.scaled(group.minimum), model.scaled(group.maximum))
        most = model.scaled(model.category_maximum)
        parts = {
            model.category_name(part): limited(sum(found[group.column] for group in part), None, most)
            for part in model.categories
        }
        whole = limited(sum(parts.values()), model.scaled(model.minimum), model.scaled(model.maximum))
        named = {column: parts[name] for name, column in model.category_columns.items()}
        scores = {"score": whole, **found, **named}
        return scores if model.scale == 1 else {name: values / model.scale for name, values in scores.items()}

    def worth(self, rule: Rule) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Points by the code of a rule, shape (n_codes,); of one that was counted, perhaps with other points."""
        if rule.associated is None:
            return np.asarray(rule.worth, dtype=float)
        return self._rolled(rule, _FINE) / _FINE

    def _rolled(self, rule: Rule, scale: int) -> Whole:
        meaning = self.meanings.get(rule.name)  # none where it was not enabled when it was counted
        return np.zeros(1, dtype=np.int64) if meaning is None else rolled_worth(rule, meaning, scale)

    def block_totals(self, model: ScoreModel) -> list[list[Whole]]:
        """The scaled points of each block of rules of each group, shape (n_patterns,), before all limits but rules'."""
        first = 0
        totals: list[list[Whole]] = []
        for group in model.groups:
            totals.append([])
            for block in group.blocks:
                totals[-1].append(self._block_total(model, block.rules, first))
                first += len(block.rules)
        return totals

    def _block_total(self, model: ScoreModel, rules: tuple[Rule, ...], first: int) -> Whole:
        """The points of some rules, from what they were the last time: whole numbers, so nothing drifts."""
        worths = [model.worth(rule) if rule.associated is None else self._rolled(rule, model.scale) for rule in rules]
        before, total = self._last.get(first, ([np.zeros_like(worth) for worth in worths], None))
        total = np.zeros(len(self.codes), dtype=np.int64) if total is None else total
        for column, (new, old) in enumerate(zip(worths, before, strict=True), start=first):
            if (new != old).any():
                total = total + (new - old).take(self.codes[:, column])
        self._last[first] = (worths, total)
        return total

    def over(self, keys: list[str], cells: Any = None) -> CodeTally:
        """The same contacts counted by some of the keys only; `cells` (yes/no a cell) leaves out others."""
        kept = np.arange(len(self.n)) if cells is None else np.flatnonzero(cells)
        parts = [pd.factorize(self.keys[key].take(kept), use_na_sentinel=False) for key in keys]
        found, cell = told_apart([self.pattern[kept], *[codes.astype(np.int64) for codes, _ in parts]])
        columns = {
            key: pd.Series(values).take(codes).reset_index(drop=True)
            for key, (_, values), codes in zip(keys, parts, found[1:], strict=True)
        }
        n = np.bincount(cell, weights=self.n[kept], minlength=len(found[0])).astype(np.int64)
        return replace(self, pattern=found[0], keys=pd.DataFrame(columns), n=n)

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
                    "group": [group.name for group in self.model.groups for _ in group.single_rules],
                    "rule": [rule.name for rule in self.model.rules],
                    "n": int(n.sum()),
                    "n_matched": (per_pattern @ (self.codes > 0)).astype(np.int64),
                }
            )
            if by is not None:
                part.insert(2, by, label)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def checked(self, model: ScoreModel | None) -> ScoreModel:
        """`model`, or the one that was counted; refused where its rules are others."""
        if model is None or model is self.model:
            return self.model
        if _shape(model) != _shape(self.model):
            raise WorkbenchError(
                f"the model {model.name!r} has other rules than the one that was counted, {self.model.name!r}; "
                "change only points and limits, or count again."
            )
        for new, old in zip(model.rules, self.model.rules, strict=True):
            if new.enabled and not old.enabled:
                raise WorkbenchError(f"the rule {new.name!r} was not enabled when contacts were counted; count again.")
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
    bound = opened(table, activities=activities, related=related, as_of=as_of).bind(model)
    packed = _packed(bound)
    frame = bound.frame if bound.scored is None else bound.frame.filter(bound.scored)
    meanings = {name: rolled.meaning for name, rolled in bound.rolled.items()}
    return unpacked(engines.count_by(frame, {**packed, **keys}, ordered=False), model, list(packed), meanings)


def packed_codes(
    table: Any,
    model: ScoreModel,
    *,
    activities: Any,
    related: Related | None,
    as_of: str | date | None,
    counted: Mapping[Count, str],
) -> tuple[engines.Frame, dict[str, nw.Expr]]:
    """The table, widened where needed, and a few whole numbers a row, by name, that hold what each rule found.

    Of a model without roll-ups. `counted` names columns that already hold what rules count: whole numbers, never blank.
    """
    bound = opened(table, activities=activities, related=related, as_of=as_of).bind(model, counted)
    return bound.frame, _packed(bound)


def _packed(bound: Bound) -> dict[str, nw.Expr]:
    packed: dict[str, nw.Expr] = {}
    rules = bound.model.rules
    for position, pack in enumerate(_packs(rules)):
        packed[f"_codes_{position}"] = reduce(
            add,
            [bound.code(rules[rule]) * (1 << shift) for rule, shift in pack.items() if rules[rule].enabled]
            or [nothing(bound.frame)],
        )
    return packed


def unpacked(
    cells: pd.DataFrame, model: ScoreModel, packed: list[str], meanings: Mapping[str, Whole] | None = None
) -> CodeTally:
    """A CodeTally of counted rows: the columns of `packed_codes`, `n`, and the keys they were counted by."""
    found, pattern = told_apart([cells[name].to_numpy(dtype=np.int64) for name in packed])
    largest = max(rule.codes for rule in model.rules)
    codes = np.empty((len(model.rules), len(found[0])), dtype=np.uint8 if largest <= 256 else np.uint16)
    for values, pack in zip(found, _packs(model.rules), strict=True):
        for rule, shift in pack.items():
            codes[rule] = values >> shift & (1 << _bits(model.rules[rule])) - 1
    keys = cells.drop(columns=[*packed, "n"])
    n = cells["n"].to_numpy()
    return CodeTally(model=model, codes=codes.T, pattern=pattern, keys=keys, n=n, meanings=meanings or {})


def _packs(rules: tuple[Rule, ...]) -> list[dict[int, int]]:
    """Positions of rules whose codes fit into one 64-bit number together, and each one's first bit."""
    packs: list[dict[int, int]] = [{}]
    used = 0
    for position, rule in enumerate(rules):
        if used + _bits(rule) > _BITS:
            packs.append({})
            used = 0
        packs[-1][position] = used
        used += _bits(rule)
    return packs


def _bits(rule: Rule) -> int:
    return max((rule.codes - 1).bit_length(), 1)


def told_apart(columns: list[Whole]) -> tuple[list[Whole], Whole]:
    """The distinct rows of some columns, and which of them each row is."""
    if not len(columns[0]):
        return columns, np.zeros(0, dtype=np.int64)
    row, size = np.zeros(len(columns[0]), dtype=np.int64), 1
    for column in columns:
        low = int(column.min())
        span = int(column.max()) - low + 1
        if size * span > 2**_BITS:
            row, values = pd.factorize(row)
            size = len(values)
        if size * span > 2**_BITS:
            column, values = pd.factorize(column)
            low, span = 0, len(values)
        row = row * span + (column - low)
        size *= span
    row, values = pd.factorize(row)
    first = np.empty(len(values), dtype=np.int64)
    first[row[::-1]] = np.arange(len(row) - 1, -1, -1)
    return [column[first] for column in columns], row.astype(np.int64, copy=False)


def _shape(model: ScoreModel) -> list[list[tuple[str, str, int]]]:
    return [
        [(rule.name, rule.asks, rule.codes) for block in group.blocks for rule in block.rules] for group in model.groups
    ]


def block_points(model: ScoreModel, group: RuleGroup, totals: list[Whole]) -> list[Whole]:
    """What the blocks of a group add to it: their totals within the limits of sums."""
    limits = [[model.scaled(limit) for limit in block.limits] for block in group.blocks]
    return [limited(total, low, high) for total, (low, high) in zip(totals, limits, strict=True)]


def limited(values: Any, minimum: int | None, maximum: int | None) -> Whole:
    limited: Whole = values if minimum is None and maximum is None else np.clip(values, minimum, maximum)
    return limited
