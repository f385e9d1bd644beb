"""One company's own months on top of the benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame

from workbench.errors import WorkbenchError, listing
from workbench.improvements.metrics import Metric, as_metric, check_baseline
from workbench.improvements.panel import Panel, read_panel
from workbench.improvements.prepare import LOG_SPIKE, PLAIN_SPIKE, prepare
from workbench.stats.resampling import Floats, check_confidence
from workbench.stats.robust import OutlierRule, spikes
from workbench.wording import capital


@dataclass(frozen=True, slots=True, kw_only=True)
class CompanyBenchmark:
    """Where one company stands among others: each one's change to its own baseline. 0.5 is +50 %.

    `percentile` runs from 0 to 1 and counts those who did worse, ties as half; so 0.8 is better than 80 % of them,
    whichever way is better.
    """

    metric: Metric
    at: int
    own: float | None  # the company's own change in month `at`
    median: float | None  # the others'
    percentile: float | None
    low: float | None
    high: float | None
    n_customers: int | None  # the others
    why_not: str
    _months: pd.DataFrame = field(repr=False)

    def frame(self) -> pd.DataFrame:
        """Every month of the company and of the others.

        Columns: month, own_value (in the metric's unit), own (change, a share), n_customers, lower_quartile, median,
        upper_quartile (the others' changes), percentile, low, high, hidden. An isolated spike of the company has
        a value and no change.
        """
        return self._months.copy()

    def headline(self) -> str:
        """One sentence: the own change, the others', the percentile with its interval."""
        label = self.metric.label()
        if self.percentile is None or self.own is None or self.median is None:
            return f"No comparison of {label} in month {self.at}: {self.why_not}."
        return (
            f"{capital(label)} in month {self.at}: {100 * self.own:+.1f} % against a median of "
            f"{100 * self.median:+.1f} % of {self.n_customers:,} others; better than "
            f"{100 * self.percentile:.0f} % of them ({100 * (self.low or 0):.0f} to {100 * (self.high or 0):.0f} %)."
        )


def company_benchmark(
    panel: IntoFrame,
    metric: str | Metric,
    company: str | Mapping[int, float],
    *,
    at: int = 12,
    baseline: Sequence[int] | None = None,
    within: Mapping[str, str] | None = None,
    min_group: int = 100,
    confidence: float = 0.95,
) -> CompanyBenchmark:
    """Compare one company with all others of the panel, or with those of one group.

    Args:
        panel: as for `improvement`.
        metric: one of `METRICS`, or a `Metric` of your own.
        company: a `customer_id` of the panel, or the company's own values by month (then all of the panel are others).
        at: the month the headline speaks of.
        baseline: months of the baseline; None is the metric's own.
        within: columns of the panel and the group that others must be of: `{"size": "11-50"}`.
        min_group: months with fewer others show nothing of them.
        confidence: the level of the percentile's interval (Wilson), between 0.5 and 1.

    Raises:
        WorkbenchError: the company or the group is not in the panel; a month that is not there.
    """
    from statsmodels.stats.proportion import proportion_confint

    chosen = as_metric(metric)
    months = check_baseline(chosen.baseline if baseline is None else tuple(baseline))
    check_confidence(confidence)
    groups = dict(within or {})
    read = read_panel(panel, chosen, by=tuple(groups))
    read.column(at)
    read.column(months[-1])
    own_values, own_row = _own(read, company)
    peers = np.ones(read.n_customers, dtype=bool)
    for by, group in groups.items():
        if group not in set(read.groups[by]):
            raise WorkbenchError(f"no customer has {by} {group!r}; there are {listing(sorted(set(read.groups[by])))}.")
        peers &= read.groups[by] == group
    if own_row is not None:
        peers[own_row] = False
    prepared = prepare(read, months, OutlierRule())
    base = np.where(prepared.base > 0, prepared.base, np.nan)
    change = prepared.panel.value[peers] / base[peers, None] - 1
    at_least = PLAIN_SPIKE if prepared.scale.name == "plain" else LOG_SPIKE
    odd = spikes(prepared.scale.to(own_values)[None, :], at_least=at_least)[0]
    usual = np.where(odd, np.nan, own_values)
    own_months = usual[[read.column(month) for month in months]]
    own_base = float(own_months[np.isfinite(own_months)].mean()) if np.isfinite(own_months).any() else np.nan
    own = usual / own_base - 1 if own_base > 0 else np.full(len(own_values), np.nan)
    rows = []
    for place, month in enumerate(read.months):
        others = change[np.isfinite(change[:, place]), place]
        n, is_baseline = len(others), int(month) in months
        hidden = f"fewer than {min_group} others" if n < min_group else ""
        quartiles: Sequence[float] = (np.nan,) * 3
        share = low = high = np.nan
        if not hidden and not is_baseline:
            quartiles = np.quantile(others, [0.25, 0.5, 0.75])
            if np.isfinite(own[place]):
                worse = np.sum(others * chosen.sign < own[place] * chosen.sign) + np.sum(others == own[place]) / 2
                share = worse / n
                low, high = proportion_confint(worse, n, alpha=1 - confidence, method="wilson")
        count = pd.NA if hidden else n
        shown = np.nan if is_baseline else own[place]
        rows.append((int(month), own_values[place], shown, count, *quartiles, share, low, high, hidden))
    names = ["month", "own_value", "own", "n_customers", "lower_quartile", "median", "upper_quartile", "percentile"]
    table = pd.DataFrame(rows, columns=[*names, "low", "high", "hidden"]).astype({"n_customers": "Int64"})
    row = table[table["month"] == at].iloc[0]
    why_not = ""
    if at in months:
        why_not = f"month {at} is part of the baseline"
    elif not own_base > 0:
        why_not = "the company has no baseline above 0"
    elif not np.isfinite(row["own"]):
        why_not = "the company has no value in this month"
    elif row["hidden"]:
        why_not = str(row["hidden"])

    def figure(name: str) -> float | None:
        return float(row[name]) if np.isfinite(row[name]) else None

    return CompanyBenchmark(
        metric=chosen,
        at=at,
        own=figure("own"),
        median=figure("median"),
        percentile=figure("percentile"),
        low=figure("low"),
        high=figure("high"),
        n_customers=None if row["hidden"] else int(row["n_customers"]),
        why_not=why_not,
        _months=table,
    )


def _own(panel: Panel, company: str | Mapping[int, float]) -> tuple[Floats, int | None]:
    """The company's values by month of the panel, and its row where it is one of the panel's."""
    if isinstance(company, Mapping):
        own = np.array([float(company.get(int(month), np.nan)) for month in panel.months])
        if (own < 0).any() or np.isinf(own).any() or not np.isfinite(own).any():
            raise WorkbenchError("the company's own values are numbers from 0 by month, for example {1: 100, 12: 150}.")
        return own, None
    found = np.flatnonzero(panel.customers.astype(str) == str(company))
    if not len(found):
        raise WorkbenchError(f"the panel has no customer {company!r} with {panel.metric.name!r}.")
    return panel.value[found[0]], int(found[0])
