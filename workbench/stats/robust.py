"""Robust centres, skewness and outlier limits, for one sample or for all draws of a bootstrap at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.stats.resampling import Floats, Ranked

RuleName = Literal["none", "tukey", "adjusted_boxplot", "mad", "winsor"]
RULE_NAMES: tuple[RuleName, ...] = get_args(RuleName)

USUAL_FACTOR: dict[RuleName, float] = {
    "none": 0.0,
    "tukey": 3.0,
    "adjusted_boxplot": 1.5,
    "mad": 3.5,
    "winsor": 0.025,
}
"""Tukey's outer fences (3 interquartile ranges), Hubert and Vandervieren's 1.5, Iglewicz and Hoaglin's 3.5, and 2.5 %
of the values at each end."""

SAMPLE = 2_000
"""The medcouple is O(n^2), so it is taken on a sample of this size."""

VERY_SKEWED = 0.25
"""A medcouple of at least this size, whose interval does not hold 0, is called very skewed. A normal sample has 0, an
exponential one 0.33."""


@dataclass(frozen=True, slots=True)
class OutlierRule:
    """How unusual values are found.

    `factor` is the rule's own: interquartile ranges (`tukey`, `adjusted_boxplot`), modified z-score (`mad`), or the
    share of values at each end that is pulled in (`winsor`); None is the usual one. `on` is what is judged: each
    customer's own `change` to its baseline, or the `value` of the month. `spikes` finds isolated months first.
    """

    rule: RuleName = "tukey"
    factor: float | None = None
    on: Literal["change", "value"] = "change"
    spikes: bool = True

    def __post_init__(self) -> None:
        if self.rule not in RULE_NAMES:
            raise WorkbenchError(
                f"unknown outlier rule {self.rule!r}; there are {listing(RULE_NAMES)}."
                + did_you_mean(str(self.rule), RULE_NAMES)
            )
        if self.on not in ("change", "value"):
            raise WorkbenchError(f"outliers are judged on 'change' or on 'value', not on {self.on!r}.")
        if self.factor is not None and not 0 < self.factor < (0.5 if self.rule == "winsor" else np.inf):
            what = "a share between 0 and 0.5" if self.rule == "winsor" else "a positive number"
            raise WorkbenchError(f"the factor of the outlier rule {self.rule!r} must be {what}; got {self.factor!r}.")

    @property
    def strength(self) -> float:
        """The factor in force."""
        return USUAL_FACTOR[self.rule] if self.factor is None else self.factor


@dataclass(frozen=True, slots=True, kw_only=True)
class Skewness:
    """How lopsided a sample is, by the medcouple: -1 (long tail to the left) to 1 (to the right), 0 where symmetric."""

    n: int
    medcouple: float  # NaN below 3 values
    low: float
    high: float
    limit: float

    @property
    def very_skewed(self) -> bool:
        """At least as lopsided as the limit, and not by chance."""
        return bool(abs(self.medcouple) >= self.limit and (self.low > 0 or self.high < 0))

    def headline(self) -> str:
        """One sentence: the medcouple, its interval, the verdict."""
        if np.isnan(self.medcouple):
            return f"Skewness unknown: {self.n} values."
        verdict = "very skewed" if self.very_skewed else "not very skewed"
        return (
            f"Medcouple {self.medcouple:.2f} ({self.low:.2f} to {self.high:.2f}), {self.n:,} values: {verdict} "
            f"(limit {self.limit:.2f}, and an interval without 0)."
        )


def medcouple(values: Floats, *, seed: int = 0) -> float:
    """The medcouple of the finite values, of a random sample of 2,000 where there are more; NaN below 3 values.

    References: Brys, Hubert and Struyf (2004), A robust measure of skewness, Journal of Computational and Graphical
    Statistics 13, 996-1017.
    """
    from statsmodels.stats.stattools import medcouple as statsmodels_medcouple

    known = values[np.isfinite(values)]
    if len(known) < 3:
        return float("nan")
    if len(known) > SAMPLE:
        known = np.random.default_rng(seed).choice(known, SAMPLE, replace=False)
    if np.ptp(known) == 0:
        return 0.0
    return float(statsmodels_medcouple(known, use_fast=False))


def skewness(values: Floats, *, confidence: float = 0.95, limit: float = VERY_SKEWED, seed: int = 0) -> Skewness:
    """The medcouple with its interval under a normal parent, where its variance is 1.25 / n (Brys et al. 2004)."""
    from scipy.special import ndtri

    n = int(np.isfinite(values).sum())
    found = medcouple(values, seed=seed)
    half = ndtri((1 + confidence) / 2) * np.sqrt(1.25 / max(1, min(n, SAMPLE)))
    return Skewness(n=n, medcouple=found, low=max(-1.0, found - half), high=min(1.0, found + half), limit=limit)


def limits(ranked: Ranked, weights: Floats, rule: OutlierRule, *, skew: float = 0.0) -> tuple[Floats, Floats]:
    """The lowest and highest usual value of each draw, both of shape (draws,).

    `weights` has shape (customers, draws); `skew` is the sample's medcouple, which `adjusted_boxplot` alone reads.
    Where the spread of a draw is 0, nothing is unusual: the limits are infinite.

    References: Tukey (1977), Exploratory Data Analysis; Hubert and Vandervieren (2008), An adjusted boxplot for skewed
    distributions, CSDA 52, 5186-5201; Iglewicz and Hoaglin (1993), How to Detect and Handle Outliers.
    """
    draws = weights.shape[1]
    low, high = np.full(draws, -np.inf), np.full(draws, np.inf)
    if rule.rule == "none" or len(ranked) < 4:
        return low, high
    sums = ranked.sums(weights)
    if rule.rule == "winsor":
        return (
            np.nan_to_num(sums.quantile(rule.strength), nan=-np.inf),
            np.nan_to_num(sums.quantile(1 - rule.strength), nan=np.inf),
        )
    if rule.rule == "mad":
        lower = upper = sums.quantile(0.5)
        spread = _median_distance(ranked, weights, lower)
        down = up = 1 / 0.6745  # the upper quartile of the standard normal, as Iglewicz and Hoaglin print it
    else:
        lower, upper = sums.quantile(0.25), sums.quantile(0.75)
        spread = upper - lower
        down, up = (np.exp(-4 * skew), np.exp(3 * skew)) if skew >= 0 else (np.exp(-3 * skew), np.exp(4 * skew))
        if rule.rule == "tukey":
            down = up = 1.0
    usual = spread > 0
    low[usual] = (lower - rule.strength * down * spread)[usual]
    high[usual] = (upper + rule.strength * up * spread)[usual]
    return low, high


def _median_distance(ranked: Ranked, weights: Floats, middle: Floats) -> Floats:
    """The median of |key - middle| of each draw, by halving: the distances are in another order in every draw."""
    if weights.shape[1] == 1:  # one draw has one order
        distances = np.full(len(weights), np.nan)
        distances[ranked.order] = np.abs(ranked.keys - middle)
        return Ranked(distances).sums(weights).quantile(0.5)
    sums = np.vstack([np.zeros((1, weights.shape[1])), np.cumsum(weights[ranked.order], axis=0)])
    draws = np.arange(weights.shape[1])

    def within(distance: Floats) -> Floats:
        first = np.searchsorted(ranked.keys, middle - distance, side="left")
        last = np.searchsorted(ranked.keys, middle + distance, side="right")
        found: Floats = sums[last, draws] - sums[first, draws]
        return found

    def at(position: Floats) -> Floats:
        near, far = np.full(len(draws), -1.0), np.full(len(draws), float(np.ptp(ranked.keys)))
        for _ in range(60):
            half = (near + far) / 2
            enough = within(half) > position
            near, far = np.where(enough, near, half), np.where(enough, half, far)
        found: Floats = np.maximum(far, 0.0)
        return found

    place = np.maximum(sums[-1] - 1, 0) / 2
    distance = (at(np.floor(place)) + at(np.ceil(place))) / 2
    found: Floats = np.where(distance > 1e-12 * np.ptp(ranked.keys), distance, 0.0)
    return found


def nan_median(values: Floats, *, axis: int) -> Floats:
    """The median of the known values along `axis`; NaN, without a warning, where none is known."""
    ordered = np.sort(values, axis=axis)  # NaN last
    known = np.isfinite(ordered).sum(axis=axis, keepdims=True)
    low = np.take_along_axis(ordered, np.maximum((known - 1) // 2, 0), axis=axis)
    high = np.take_along_axis(ordered, np.minimum(known // 2, values.shape[axis] - 1), axis=axis)
    found: Floats = np.squeeze(np.where(known > 0, (low + high) / 2, np.nan), axis=axis)
    return found


def spikes(values: Floats, *, factor: float = 5.0, at_least: float = float(np.log(3))) -> NDArray[np.bool_]:
    """Isolated spikes in rows of months: far from the row's own neighbours; shape as `values` (customers, months).

    `values` are on the scale in which distance means something: logarithms for counts and amounts. A month is compared
    with the four months nearest to it, and is a spike where all but one of them lie further off than `factor` times
    the row's own usual distance (1.4826 times the median one) and than `at_least`; a lasting step has its own side
    near. It takes two known neighbours, one of them later: a row's last month may be the start of something. What is
    found depends on the row alone, so resampling rows cannot change it.

    References: Hampel (1974), The influence curve, JASA 69, 383-393; Pearson (2002), Outliers in process modeling and
    identification, IEEE Transactions on Control Systems Technology 10, 55-63.
    """
    months = values.shape[1]
    if months < 3:
        return np.zeros(values.shape, dtype=bool)
    off, usual = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    for month in range(months - 1):
        near = np.argsort(np.abs(np.arange(months) - month), kind="stable")[1:5]
        distance = np.sort(np.abs(values[:, near] - values[:, [month]]), axis=1)  # NaN last
        judged = np.isfinite(distance).sum(axis=1) >= 2
        judged &= np.isfinite(values[:, near[near > month]]).any(axis=1)
        off[judged, month] = distance[judged, 1]
        usual[judged, month] = nan_median(distance[judged], axis=1)
    usual_off = 1.4826 * nan_median(usual, axis=1)
    found: NDArray[np.bool_] = off > np.maximum(factor * usual_off[:, None], at_least)
    return found
