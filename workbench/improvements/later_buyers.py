"""Before and after the purchase, beside customers who had not bought yet.

A before-and-after comparison alone credits the market's growth to the product. Customers who bought later lived through
the same calendar months; what they gained before their own purchase is taken off.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame
from numpy.typing import NDArray

from workbench.errors import WorkbenchError
from workbench.improvements.metrics import Metric, as_metric
from workbench.improvements.panel import Panel, read_panel
from workbench.improvements.prepare import LOG_SPIKE, PLAIN_SPIKE, scale_of
from workbench.improvements.texts import interval, percent
from workbench.stats.resampling import Floats, bootstrap_weights, check_confidence, percentile_interval
from workbench.stats.robust import spikes

BASE_MONTH = -1
"""The last whole month before that of the purchase."""

FEWEST_CONTROLS = 5
"""A cohort is compared in a month only where at least so many customers have not bought yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeforeAfter:
    """The change since the month before the purchase, less that of customers who bought later. 0.5 is +50 %.

    `value` is None where there is no comparison, and `why_not` says why.
    """

    metric: Metric
    at: int
    value: float | None
    low: float | None
    high: float | None
    before_after_alone: float | None  # the same customers without the comparison
    n_customers: int
    n_later: int  # customers who served as comparison before they bought
    confidence: float
    why_not: str
    _months: pd.DataFrame = field(repr=False)

    def frame(self) -> pd.DataFrame:
        """Each month since (and before) the purchase.

        Columns: month, n_customers, n_later, effect, low, high, before_after_alone (shares), hidden. Months before the
        purchase should show no effect: where they do, those who bought later are no fair comparison.
        """
        return self._months.copy()

    def headline(self) -> str:
        """One sentence: the effect beside later buyers, and what before and after alone would say."""
        label = self.metric.label()
        if self.value is not None:
            return f"Beside later buyers: {label} {self._said(self.at)}."
        none = f"Beside later buyers: none for {label} in month {self.at}, because {self.why_not}."
        if self.furthest is None:
            return none
        return f"{none} The furthest month that can be compared: {self._said(self.furthest)}."

    @property
    def furthest(self) -> int | None:
        """The last month since the purchase that has a comparison; None where no month has one."""
        if not len(self._months):
            return None
        months = self._months.loc[(self._months["month"] > 0) & self._months["effect"].notna(), "month"]
        return int(months.max()) if len(months) else None

    def _said(self, month: int) -> str:
        row: dict[Any, Any] = self._months[self._months["month"] == month].iloc[0].to_dict()
        limits = "" if np.isnan(row["low"]) else f" ({interval(row['low'], row['high'], 'en')})"
        return (
            f"{percent(row['effect'], 'en')} in month {month}{limits}, {row['n_customers']:,} customers and "
            f"{row['n_later']:,} who had not bought yet; before and after alone says "
            f"{percent(row['before_after_alone'], 'en')}"
        )


def before_after(
    panel: IntoFrame,
    metric: str | Metric,
    *,
    at: int = 12,
    min_group: int = 100,
    confidence: float = 0.95,
    draws: int = 500,
    seed: int = 0,
) -> BeforeAfter:
    """The change since the month before the purchase, beside customers not yet treated.

    Each cohort (customers of one purchase month) is compared with those who had not bought by the month looked at: by
    the mean change of logarithms where all values are positive, else by the ratio of means. Cohorts are then put
    together by their size. The purchase's own month, 0, is left out. Draws are of customers, so a customer's months
    stay together. `panel` needs `calendar_month`, and months before the purchase (below 0).

    References: Callaway and Sant'Anna (2021), Difference-in-differences with multiple time periods, Journal of
    Econometrics 225, 200-230; Goodman-Bacon (2021), same volume, on the bias of two-way fixed effects.
    """
    chosen = as_metric(metric)
    check_confidence(confidence)
    if at < 1 or draws < 0 or min_group < 1:
        raise WorkbenchError(f"at and min_group are 1 or more, draws 0 or more; got {at!r}, {min_group!r}, {draws!r}.")
    read = read_panel(panel, chosen, first_month=-1_200)
    why_not = _why_not(read, at)
    if why_not:
        return _none(chosen, at, confidence, why_not)
    scale = scale_of(read)
    values = scale.to(read.value)
    read = read.without(spikes(values, at_least=PLAIN_SPIKE if scale.name == "plain" else LOG_SPIKE))
    logs = scale.name == "log"
    cells = _Calendar.of(read, np.log(read.value) if logs else read.value, logs=logs)
    months = [int(month) for month in read.months if month not in (0, BASE_MONTH)]
    everyone = np.ones((read.n_customers, 1))
    exact = [cells.effect(month, everyone) for month in months]
    drawn: list[Floats] = [np.empty(0)] * len(months)
    if draws:
        blocks = [
            np.array([cells.effect(month, weights)[0] for month in months])
            for weights in bootstrap_weights(read.n_customers, draws, np.random.default_rng(seed))
        ]
        drawn = list(np.hstack(blocks))
    rows = []
    for place, month in enumerate(months):
        n, later = cells.counts(month)
        hidden = "" if min(n, later) >= min_group else f"fewer than {min_group} customers on one side"
        effect, alone = (float(part[0]) for part in exact[place])
        low, high = percentile_interval(drawn[place], confidence) if draws else (np.nan, np.nan)
        if hidden:
            effect, low, high, alone = (np.nan,) * 4
        rows.append((month, pd.NA if hidden else n, pd.NA if hidden else later, effect, low, high, alone, hidden))
    names = ["month", "n_customers", "n_later", "effect", "low", "high", "before_after_alone", "hidden"]
    table = pd.DataFrame(rows, columns=names).astype({"n_customers": "Int64", "n_later": "Int64"})
    row = table[table["month"] == at].iloc[0]
    if not np.isfinite(row["effect"]):
        reason = f"fewer than {min_group} customers had bought so long ago, or had not bought by then"
        return _none(chosen, at, confidence, reason if row["hidden"] else "the baselines are 0", table)
    return BeforeAfter(
        metric=chosen,
        at=at,
        value=float(row["effect"]),
        low=float(row["low"]) if np.isfinite(row["low"]) else None,
        high=float(row["high"]) if np.isfinite(row["high"]) else None,
        before_after_alone=float(row["before_after_alone"]),
        n_customers=int(row["n_customers"]),
        n_later=int(row["n_later"]),
        confidence=confidence,
        why_not="",
        _months=table,
    )


def _none(metric: Metric, at: int, confidence: float, why_not: str, table: pd.DataFrame | None = None) -> BeforeAfter:
    return BeforeAfter(
        metric=metric,
        at=at,
        value=None,
        low=None,
        high=None,
        before_after_alone=None,
        n_customers=0,
        n_later=0,
        confidence=confidence,
        why_not=why_not,
        _months=pd.DataFrame() if table is None else table,
    )


def _why_not(panel: Panel, at: int) -> str:
    if panel.start is None:
        return "the panel has no column 'calendar_month'"
    if panel.months[0] > BASE_MONTH or not np.isfinite(panel.value[:, panel.column(BASE_MONTH)]).any():
        return "there are no months before the purchase"
    if at > panel.months[-1]:
        return f"the panel ends with month {panel.months[-1]}"
    if len(np.unique(panel.start)) == 1:
        return "all customers bought in the same month"
    return ""


@dataclass(frozen=True, slots=True)
class _Calendar:
    """Values by calendar month, and each customer's cohort."""

    values: Floats  # (customers, calendar months)
    cohort: NDArray[np.integer]  # index of the calendar month that is month 1
    logs: bool

    @classmethod
    def of(cls, panel: Panel, values: Floats, *, logs: bool) -> _Calendar:
        calendar = panel.calendar_month()
        first = int(calendar.min())
        spread = np.full((panel.n_customers, int(calendar.max()) - first + 1), np.nan)
        np.put_along_axis(spread, calendar - first, values, axis=1)
        column = panel.column(1)
        return cls(spread, calendar[:, column] - first, logs)

    def _pairs(self, month: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp], int, int]]:
        """For each cohort: who bought, who had not yet, the calendar month and that of the base."""
        found = []
        for cohort in np.unique(self.cohort):
            now, base = int(cohort) + month - 1, int(cohort) + BASE_MONTH - 1
            if base < 0 or now < 0 or now >= self.values.shape[1]:
                continue
            known = np.isfinite(self.values[:, now]) & np.isfinite(self.values[:, base])
            treated = np.flatnonzero(known & (self.cohort == cohort))
            # Month 0 lies one before the cohort, and is partly treated: not yet means that it lies ahead too.
            later = np.flatnonzero(known & (self.cohort > max(now, base) + 1))
            if len(treated) and len(later) >= FEWEST_CONTROLS:
                found.append((treated, later, now, base))
        return found

    def counts(self, month: int) -> tuple[int, int]:
        """How many customers are compared in this month, and with how many others."""
        pairs = self._pairs(month)
        treated = sum(len(rows) for rows, *_ in pairs)
        return treated, len({int(row) for _, later, *_ in pairs for row in later})

    def effect(self, month: int, weights: Floats) -> tuple[Floats, Floats]:
        """The effect beside later buyers, and before and after alone, in each draw."""
        now_sum, expected, base_sum, size = (np.zeros(weights.shape[1]) for _ in range(4))
        for treated, later, now, base in self._pairs(month):
            weight, others = weights[treated].sum(axis=0), weights[later].sum(axis=0)
            own_base, own_now = (self.values[treated, at] @ weights[treated] for at in (base, now))
            later_base, later_now = (self.values[later, at] @ weights[later] for at in (base, now))
            usable = (weight > 0) & (others > 0)
            if self.logs:  # what they would have without the purchase: their base, moved as the others moved
                without = own_base + weight * (later_now - later_base) / np.where(others > 0, others, 1)
            else:
                usable &= later_base > 0
                without = own_base * later_now / np.where(later_base > 0, later_base, 1)
            now_sum += np.where(usable, own_now, 0)
            expected += np.where(usable, without, 0)
            base_sum += np.where(usable, own_base, 0)
            size += np.where(usable, weight, 0)
        size = np.where(size > 0, size, np.nan)
        if self.logs:
            return np.expm1((now_sum - expected) / size), np.expm1((now_sum - base_sum) / size)
        with np.errstate(divide="ignore", invalid="ignore"):
            effect, alone = now_sum / expected - 1, now_sum / base_sum - 1
        return np.where(np.isfinite(effect), effect, np.nan), np.where(np.isfinite(alone), alone, np.nan)
