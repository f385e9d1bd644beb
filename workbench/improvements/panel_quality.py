"""What one looks at before the result: gaps, jumps, impossible values, and the values before and after cleaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame

from workbench.errors import WorkbenchError
from workbench.improvements.estimate import unusual
from workbench.improvements.metrics import Metric, as_metric, check_baseline
from workbench.improvements.panel import read_panel
from workbench.improvements.prepare import cells_of, prepare
from workbench.improvements.texts import RULE_NAMES
from workbench.stats.resampling import Floats
from workbench.stats.robust import OutlierRule, RuleName, Skewness, skewness

SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""The quantiles of a box: single customers stand beyond the outer ones, so those are not given."""

BINS = 30

_GAPS = "months missing in the middle"
_SPIKES = "isolated spikes"
_BEYOND = "beyond the limits of the rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How sound a panel of one metric is."""

    metric: Metric
    rule: OutlierRule
    n_customers: int
    n_values: int
    before: Skewness
    after: Skewness
    _checks: pd.DataFrame = field(repr=False)
    _values: dict[str, Floats] = field(repr=False)

    def frame(self) -> pd.DataFrame:
        """One row a check: check, n_values, n_customers, share (of all values)."""
        return self._checks.copy()

    def headline(self) -> str:
        """One sentence: how much of the panel had to be set aside."""
        counts = dict(zip(self._checks["check"], self._checks["n_values"], strict=True))
        rule = RULE_NAMES[self.rule.rule][0] if self.rule.rule in RULE_NAMES else "not cleaned"
        impossible = int(self._checks.loc[self._checks["kind"] == "impossible", "n_values"].sum())
        return (
            f"{self.metric.label().capitalize()}: {self.n_values:,} values of {self.n_customers:,} customers; "
            f"{impossible:,} impossible or contradicting, {counts[_GAPS]:,} months missing in the middle, "
            f"{counts[_SPIKES]:,} isolated spikes, {counts[_BEYOND]:,} beyond the limits ({rule})."
        )

    def histogram(self) -> pd.DataFrame:
        """Counts before and after cleaning in the same bins, evenly wide (in logarithms where all values are positive).

        Columns: low, high, before, after. The first and the last bin hold everything beyond.
        """
        before, after = self._values["before"], self._values["after"]
        logs = bool(before.min() > 0)
        scaled = np.log(before) if logs else before
        low, high = np.quantile(scaled, [0.01, 0.99])
        edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
        counts = [
            np.histogram(np.clip(np.log(part) if logs else part, edges[0], edges[-1]), edges)[0]
            for part in (before, after)
        ]
        edges = np.exp(edges) if logs else edges
        return pd.DataFrame({"low": edges[:-1], "high": edges[1:], "before": counts[0], "after": counts[1]})

    def box(self) -> pd.DataFrame:
        """Quantiles before and after cleaning: share (0.01 to 0.99), before, after, in the metric's unit."""
        return pd.DataFrame(
            {"share": SHARES} | {name: np.quantile(values, SHARES) for name, values in self._values.items()}
        )

    def quantiles(self) -> pd.DataFrame:
        """A Q-Q plot: normal quantiles beside those of the values before and after cleaning, 99 points.

        In logarithms where all values are positive; a straight line is a normal (or lognormal) distribution.
        """
        from scipy.special import ndtri

        shares = np.arange(1, 100) / 100
        logs = bool(self._values["before"].min() > 0)
        return pd.DataFrame(
            {"normal": ndtri(shares)}
            | {name: np.quantile(np.log(values) if logs else values, shares) for name, values in self._values.items()}
        )


def quality(
    panel: IntoFrame,
    metric: str | Metric,
    *,
    outliers: RuleName | OutlierRule = "tukey",
    baseline: Sequence[int] | None = None,
    min_group: int = 100,
) -> Quality:
    """Check a panel as `improvement` will read and clean it; arguments are the same."""
    chosen = as_metric(metric)
    months = check_baseline(chosen.baseline if baseline is None else tuple(baseline))
    rule = outliers if isinstance(outliers, OutlierRule) else OutlierRule(outliers)
    read = read_panel(panel, chosen)
    if read.n_customers < min_group:
        raise WorkbenchError(
            f"the panel of {chosen.name!r} has {read.n_customers} customers, fewer than {min_group}: nothing of "
            "it is shown."
        )
    read.column(months[-1])
    prepared = prepare(read, months, rule)
    cells = cells_of(prepared, months, level="ratio_of_centres", pooled=False, survivors="all", rule=rule)
    far = unusual(cells, rule)
    known = np.isfinite(read.value)
    n_values = int(known.sum())
    kinds = {"before_purchase": "not judged", "gap": "gap", "zero_denominator": "blank", "moved_group": "group"}
    rows = [(finding.text, kinds.get(finding.code, "impossible"), finding.n_values, finding.n_customers)
            for finding in read.findings if finding.code != "gap"]  # fmt: skip
    gaps = [finding for finding in read.findings if finding.code == "gap"]
    rows.append((_GAPS, "gap", sum(f.n_values for f in gaps), sum(f.n_customers for f in gaps)))
    for name, kind, cell in (
        ("zeros", "zero", read.value == 0),
        (_SPIKES, "outlier", prepared.spiked),
        (_BEYOND, "outlier", far),
    ):
        rows.append((name, kind, int(cell.sum()), int(cell.any(axis=1).sum())))
    checks = pd.DataFrame(rows, columns=["check", "kind", "n_values", "n_customers"])
    checks["share"] = checks["n_values"] / n_values
    before, after = read.value[known], read.value[known & ~far & ~prepared.spiked]
    return Quality(
        metric=chosen,
        rule=rule,
        n_customers=read.n_customers,
        n_values=n_values,
        before=skewness(before),
        after=skewness(after),
        _checks=checks,
        _values={"before": before, "after": after},
    )
