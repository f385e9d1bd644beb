"""What an improvement is made of: its choices, what they touched, and the figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from workbench.catalog import Language
from workbench.improvements.estimate import Centre, ScaleName
from workbench.improvements.metrics import Metric
from workbench.improvements.panel import Finding
from workbench.stats.robust import OutlierRule, Skewness

Level = Literal["ratio_of_centres", "centre_of_ratios"]
Rate = Literal["pooled", "mean"]
Survivors = Literal["balanced", "all", "kept_baseline", "fell_to_zero"]
IntervalKind = Literal["percentile", "bca", "none"]
CentreReason = Literal["asked", "very_skewed", "not_very_skewed", "coarse"]

TOTAL = "all customers"
"""The group of everybody, and the name of its grouping is blank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Every choice that an improvement rests on."""

    at: int
    baseline: tuple[int, ...]
    level: Level
    centre: Centre
    centre_reason: CentreReason
    rate: Rate | None  # None where the metric has no denominator, or its panel gave none
    outliers: OutlierRule
    scale: ScaleName
    survivors: Survivors
    seasonal: bool
    by: tuple[str, ...]
    min_group: int
    confidence: float
    interval: IntervalKind
    draws: int
    seed: int
    adjust: str
    criteria: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """What the cleaning touched, in the months shown and their baseline."""

    rule: OutlierRule
    n_values: int  # beyond the rule's limits
    n_spikes: int  # isolated months
    n_customers: int  # with either
    n_judged: int  # values there were

    def headline(self) -> str:
        """One sentence: how many values of how many customers."""
        return (
            f"{self.n_values + self.n_spikes:,} of {self.n_judged:,} values of {self.n_customers:,} customers cleaned: "
            f"{self.n_values:,} beyond the limits of rule {self.rule.rule!r}, {self.n_spikes:,} isolated spikes."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The improvement if those who left before month `at` had kept their baseline, or fallen to zero."""

    n_left: int
    n_too_young: int | None  # not yet that long a customer; None where the panel has no calendar months
    kept_baseline: float | None
    fell_to_zero: float | None  # None where less is better: no time at all is not the worst
    own_baselines: bool  # False: too few left to speak of their own, so the average baseline stands in


@dataclass(frozen=True, slots=True, kw_only=True)
class Improvement:
    """How far a metric has moved since the baseline. 0.5 is +50 %.

    `value`, `low` and `high` are None where they are hidden (fewer customers than the minimum) or cannot be had; then
    `why_not` says why.
    """

    metric: Metric
    choices: Choices
    value: float | None
    low: float | None
    high: float | None
    n_customers: int | None
    baseline: float | None  # the level at the baseline, in the metric's unit
    level: float | None  # the level at month `at`
    why_not: str
    outliers: Touched
    skewness: Skewness
    bounds: Bounds
    zero_baselines: int  # customers whose baseline is 0
    missing_baselines: int  # customers without a value in the baseline months
    findings: tuple[Finding, ...]
    period: tuple[str, str] | None  # first and last calendar month, YYYY-MM
    season: pd.DataFrame = field(repr=False)  # calendar month, factor, low, high; empty without adjustment
    season_note: str = field(default="", repr=False)
    unadjusted: float | None = None  # the value without the adjustment by calendar month
    _months: pd.DataFrame = field(repr=False)
    _groups: pd.DataFrame = field(repr=False)

    def frame(self) -> pd.DataFrame:
        """Every month 1 to N of every group.

        Columns: metric, by, group, month, is_baseline, n_customers, improvement, low, high (shares: 0.5 is +50 %),
        hidden (why a figure is blank, or empty).
        """
        return self._months.copy()

    def groups(self) -> pd.DataFrame:
        """Month `at` of every group: n_customers, baseline and level (in the metric's unit), improvement, low, high,
        p_value, p_adjusted, real (beyond chance after the adjustment for many comparisons), better, hidden."""
        return self._groups.copy()

    def comparisons(self) -> pd.DataFrame:
        """Each pair of shown groups of one grouping: the ratio of their levels since baseline, with interval, p-value,
        its adjustment for all pairs, and which is better beyond chance (blank where neither is)."""
        from workbench.improvements.compare import compare_groups

        return compare_groups(self)

    def report(self) -> pd.DataFrame:
        """What in the panel could not be used as it came: code, text, n_values, n_customers."""
        return pd.DataFrame(
            [(f.code, f.text, f.n_values, f.n_customers) for f in self.findings],
            columns=["code", "text", "n_values", "n_customers"],
        )

    @property
    def better(self) -> bool | None:
        """Whether the metric moved the right way; None where there is no value or no movement."""
        return None if not self.value else self.value * self.metric.sign > 0

    @property
    def real(self) -> bool:
        """Whether the improvement is beyond chance, adjusted for all groups of this result."""
        return bool(self._groups.loc[self._groups["by"] == "", "real"].any())

    def headline(self, language: Language = "en") -> str:
        """One sentence: the improvement with its n and interval."""
        from workbench.improvements.texts import headline

        return headline(self, language)

    def footnote(self, language: Language = "en") -> str:
        """n, period, who was let in, baseline, centre, outlier rule, suppression, and that results differ."""
        from workbench.improvements.texts import footnote

        return footnote(self, language)
