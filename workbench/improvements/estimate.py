"""From cells to centres, for one sample or for all draws of a bootstrap at once, with the cleaning inside each draw."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workbench.stats.resampling import Floats, Ranked, weighted_quantile
from workbench.stats.robust import OutlierRule, limits

Centre = Literal["mean", "median"]
ScaleName = Literal["log", "log1p", "plain"]


@dataclass(frozen=True, slots=True)
class Scale:
    """The scale on which values are judged: logarithms where the metric is positive."""

    name: ScaleName

    def to(self, values: Floats) -> Floats:
        """Onto the scale."""
        if self.name == "plain":
            return values
        found: Floats = np.log(values) if self.name == "log" else np.log1p(values)
        return found

    def back(self, scaled: Floats) -> Floats:
        """Back to the metric's own unit."""
        if self.name == "plain":
            return scaled
        found: Floats = np.exp(scaled) if self.name == "log" else np.expm1(scaled)
        return found


@dataclass(frozen=True, kw_only=True)
class Cells:
    """What centres are taken of. Rows are customers, columns months; a NaN numerator takes no part."""

    numerator: Floats  # (customers, months)
    denominator: Floats
    base_numerator: Floats  # (customers,)
    base_denominator: Floats
    key: Floats  # (customers, months): what the outlier rule judges, on its scale; NaN is not judged
    offset: Floats  # (customers,): added to a key before it goes back to the metric's unit
    weight: Floats  # (customers, months): what a value in the metric's unit is multiplied by to be a numerator
    scale: Scale
    skew: Floats  # (months,): the keys' medcouple, where the rule asks for it
    paired: bool  # the baseline of a month is that of the same customers

    @cached_property
    def ranked(self) -> list[Ranked]:
        """The keys of each month in order."""
        return [Ranked(key) for key in self.key.T]

    def of(self, rows: NDArray[np.intp]) -> Cells:
        """These customers only."""
        each = ("numerator", "denominator", "base_numerator", "base_denominator", "key", "offset", "weight")
        return replace(self, **{name: getattr(self, name)[rows] for name in each})


def unusual(cells: Cells, rule: OutlierRule) -> NDArray[np.bool_]:
    """The cells beyond the rule's limits in the whole sample, shape (customers, months)."""
    everyone = np.ones((len(cells.key), 1))
    found = np.zeros(cells.key.shape, dtype=bool)
    for month in range(cells.key.shape[1]):
        key = cells.key[:, month]
        low, high = limits(cells.ranked[month], everyone, rule, skew=float(cells.skew[month]))
        with np.errstate(invalid="ignore"):
            found[:, month] = (key < low[0]) | (key > high[0])
    return found


def centres(cells: Cells, month: int, weights: Floats, *, rule: OutlierRule, centre: Centre) -> tuple[Floats, Floats]:
    """The level of a month and of its baseline in each draw, both of shape (draws,).

    `weights` (customers, draws) is changed while the function runs, and given back as it came.
    """
    key = cells.key[:, month]
    ranked = cells.ranked[month]
    low, high = limits(ranked, weights, rule, skew=float(cells.skew[month]))
    first = int(np.searchsorted(ranked.keys, low, side="left").max(initial=0))
    last = int(np.searchsorted(ranked.keys, high, side="right").min(initial=len(ranked)))
    # Between these ranks everybody is usual in every draw; the others are judged draw by draw.
    rows = np.concatenate([ranked.order[:first], ranked.order[max(first, last) :]])
    held = weights[rows]
    usual = (key[rows, None] >= low) & (key[rows, None] <= high)
    pulled = rule.rule == "winsor"
    everybody = np.isfinite(cells.base_numerator)
    bottom = None if cells.paired else _base(cells, everybody, weights, centre)  # before anybody is left out
    if not pulled:
        weights[rows] = held * usual
    member = np.isfinite(cells.numerator[:, month])
    numerator, denominator = cells.numerator[:, month], cells.denominator[:, month]
    moved = None
    if pulled and len(rows):
        offset, weight = cells.offset[rows, None], cells.weight[rows, month][:, None]
        moved = cells.scale.back(np.clip(key[rows, None], low, high) + offset) * weight
        moved = np.where(usual, numerator[rows, None], moved)
    if centre == "mean":  # all sums in one pass over the weights
        sums = _sums((numerator, denominator, cells.base_numerator, cells.base_denominator), member, weights)
        if moved is not None:
            sums[0] += ((moved - numerator[rows, None]) * held).sum(axis=0)
        top, bottom = _ratio(sums[0], sums[1]), _ratio(sums[2], sums[3]) if bottom is None else bottom
    else:
        bottom = _base(cells, member, weights, centre) if bottom is None else bottom
        if moved is None:
            top = _median(numerator / denominator, member, weights)
        else:
            weights[rows] = 0
            top = _median_with(numerator / denominator, member, weights, moved / denominator[rows, None], held)
    weights[rows] = held
    return top, bottom


def _base(cells: Cells, member: NDArray[np.bool_], weights: Floats, centre: Centre) -> Floats:
    if centre == "mean":
        return _ratio(*_sums((cells.base_numerator, cells.base_denominator), member, weights))
    return _median(cells.base_numerator / cells.base_denominator, member, weights)


def _sums(columns: tuple[Floats, ...], member: NDArray[np.bool_], weights: Floats) -> Floats:
    """Weighted sums over the members, shape (columns, draws)."""
    rows = np.stack([np.where(member, column, 0) for column in columns]).astype(weights.dtype)
    found: Floats = (rows @ weights).astype(np.float64)
    return found


def _median(values: Floats, member: NDArray[np.bool_], weights: Floats) -> Floats:
    ranked = Ranked(np.where(member, values, np.nan))
    return ranked.sums(weights).quantile(0.5) if len(ranked) else np.full(weights.shape[1], np.nan)


def _median_with(values: Floats, member: NDArray[np.bool_], weights: Floats, moved: Floats, held: Floats) -> Floats:
    """The median of `values` by `weights` together with `moved` by `held`, both (rows, draws), in each draw.

    By halving, since what is moved stands at another place in the order in every draw.
    """
    if weights.shape[1] == 1:  # one draw has one order
        keys = np.concatenate([np.where(member, values, np.nan), moved[:, 0]])
        return weighted_quantile(keys, np.concatenate([weights, held]), 0.5)
    ranked = Ranked(np.where(member, values, np.nan)).sums(weights)
    everything = held.sum(axis=0)
    total = ranked.total + everything
    place = np.maximum(total - 1, 0) / 2
    # Wherever the moved ones stand, no draw's median lies outside these keys, and few of the moved between them.
    keys, sums = ranked.around(np.floor(place) - everything, np.ceil(place))
    lowest, highest = min(keys[0], moved.max()), max(keys[-1], moved.max())
    if (sums[-1] > place + 1).all():
        highest = keys[-1]
    below = moved.max(axis=1) < lowest
    near_it = ~below & (moved.min(axis=1) <= highest)
    sums = sums + held[below].sum(axis=0)
    moved, held = moved[near_it], held[near_it]
    draws = np.arange(weights.shape[1])

    def at(position: Floats) -> Floats:
        near, far = np.full(len(draws), lowest - 1), np.full(len(draws), highest)
        for _ in range(60):
            half = (near + far) / 2
            upto = sums[np.searchsorted(keys, half, side="right"), draws]
            enough = upto + np.where(moved <= half, held, 0).sum(axis=0) > position
            near, far = np.where(enough, near, half), np.where(enough, half, far)
        return far

    return np.where(total > 0, (at(np.floor(place)) + at(np.ceil(place))) / 2, np.nan)


def _ratio(top: Floats, bottom: Floats) -> Floats:
    found: Floats = np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)
    return found


def improvement_of(top: Floats, bottom: Floats) -> Floats:
    """Level over baseline, less 1; NaN where the baseline is 0 or unknown."""
    found: Floats = _ratio(top, bottom) - 1
    return found
