"""Month-of-year effects, told apart from months since purchase, and taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.improvements.panel import Panel
from workbench.stats.resampling import Floats, bootstrap_weights

FACTOR_DRAWS = 200
"""Bootstrap samples behind the factors' own uncertainty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """Twelve factors, January first, with geometric mean 1; None where there are none, and why."""

    factors: Floats | None = None
    covariance: Floats | None = None  # of the factors' logarithms
    note: str = ""

    def take_out(self, panel: Panel) -> Panel:
        """The panel with every month divided by its factor."""
        if self.factors is None:
            return panel
        factor = self.factors[panel.calendar_month() % 12]
        return replace(panel, value=panel.value / factor, numerator=panel.numerator / factor)

    def vary(
        self,
        drawn: Floats,
        *,
        rows: NDArray[np.intp],
        columns: Sequence[int],
        panel: Panel,
        baseline: Sequence[int],
        seed: tuple[int, int],
    ) -> Floats:
        """Draws of improvements (months, draws) with the uncertainty of the factors added, to first order."""
        if self.covariance is None:
            return drawn
        of_year = panel.calendar_month()[rows] % 12
        share = np.stack([(of_year == month).mean(axis=0) for month in range(12)])  # (12, months)
        base = share[:, [panel.column(month) for month in baseline]].mean(axis=1)
        off = np.random.default_rng([*seed, 12]).multivariate_normal(
            np.zeros(12), self.covariance, size=drawn.shape[1], method="eigh"
        )
        shift = (share[:, list(columns)] - base[:, None]).T @ off.T
        found: Floats = (1 + drawn) * np.exp(shift) - 1
        return found

    def frame(self) -> pd.DataFrame:
        """calendar_month (1 to 12), factor, low, high (95 %)."""
        if self.factors is None or self.covariance is None:
            return pd.DataFrame(columns=["calendar_month", "factor", "low", "high"])
        half = 1.959964 * np.sqrt(np.diag(self.covariance))
        return pd.DataFrame(
            {
                "calendar_month": np.arange(1, 13),
                "factor": self.factors,
                "low": self.factors * np.exp(-half),
                "high": self.factors * np.exp(half),
            }
        )


NO_SEASON = Season()


def season_of(panel: Panel) -> Season:
    """Month-of-year factors from customers of different purchase months seen in the same calendar month.

    Each customer's months are divided by its own mean, averaged by purchase month and month since purchase, and the
    averages' logarithms are fitted by purchase month + month since purchase + month of year. Where that has no single
    answer (everybody bought in one month, say), there are no factors, and `note` says why.
    """
    if panel.start is None:
        return Season(note="No adjustment by calendar month, because the panel has no column 'calendar_month'.")
    seen = np.isfinite(panel.value)
    mean = np.where(seen, panel.value, 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    usable = mean > 0
    value, start = panel.value[usable] / mean[usable, None], panel.start[usable]
    cohorts, code = np.unique(start, return_inverse=True)
    known = np.isfinite(value)

    def averages(weights: Floats) -> tuple[Floats, Floats]:
        """Sums and counts by (cohort, month), shape (cohorts * months, draws)."""
        filled = np.where(known, value, 0.0)
        sums = [filled[code == c].T @ weights[code == c] for c in range(len(cohorts))]
        counts = [known[code == c].T.astype(float) @ weights[code == c] for c in range(len(cohorts))]
        return np.vstack(sums), np.vstack(counts)

    sums, counts = averages(np.ones((len(value), 1)))
    cohort = np.repeat(np.arange(len(cohorts)), value.shape[1])
    since = np.tile(np.arange(value.shape[1]), len(cohorts))
    used = (sums[:, 0] > 0) & (counts[:, 0] > 0)
    of_year = (cohorts[cohort] + since) % 12
    others = np.hstack([np.eye(len(cohorts))[cohort[used]], np.eye(value.shape[1])[since[used]]])
    season = np.eye(12)[of_year[used]]
    season = season[:, :11] - season[:, [11]]
    root = np.sqrt(counts[used, 0])[:, None]
    design = np.hstack([season, others]) * root
    if np.linalg.matrix_rank(design) < np.linalg.matrix_rank(others * root) + 11:
        return Season(
            note="No adjustment by calendar month, because months of the year cannot be told from those since "
            f"purchase: {len(cohorts)} purchase month(s) over {value.shape[1]} months."
        )
    solve = np.linalg.pinv(design)[:11] * root.T
    logs = solve @ np.log(sums[used, 0] / counts[used, 0])
    draws = []
    for weights in bootstrap_weights(len(value), FACTOR_DRAWS, np.random.default_rng(12)):
        drawn_sums, drawn_counts = averages(weights.astype(float))
        with np.errstate(divide="ignore", invalid="ignore"):
            cells = np.log(drawn_sums[used] / drawn_counts[used])
        centre = np.log(sums[used] / counts[used])
        draws.append(solve @ np.where(np.isfinite(cells), cells, centre))
    drawn = np.hstack(draws)
    full = np.vstack([drawn, -drawn.sum(axis=0)])
    logs = np.append(logs, -logs.sum())
    return Season(
        factors=np.exp(logs),
        covariance=np.cov(full),
        note="Month-of-year effects taken out; their own uncertainty is in the interval.",
    )
