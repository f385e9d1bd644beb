"""How well a score puts winners above the rest, from counts by score. Ties count in proportion, never by row order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Auc:
    """Area under the ROC curve: the chance that a winner scores above a loser, a tie counting one half."""

    value: float
    low: float
    high: float


def auc(
    n_leads: Counts,
    n_won: Counts,
    *,
    confidence: float = 0.95,
    parts: tuple[NDArray[np.intp], Counts, Counts, Counts] | None = None,
) -> Auc:
    """AUC with DeLong's interval, from counts by ascending score.

    `n_leads` and `n_won` are counts per distinct score, in ascending order of the score. Both winners and losers must
    be among them, else the values are NaN; with one winner or one loser the interval is NaN. Where leads come in
    clusters, `parts` are cells of them: the place of the score, the part (from 0), leads and winners; the interval is
    then Obuchowski's.

    References
    ----------
    Hanley, J. A., McNeil, B. J. (1982). The meaning and use of the area under a ROC curve. Radiology 143, 29-36.
    DeLong, E. R., DeLong, D. M., Clarke-Pearson, D. L. (1988). Comparing the areas under two or more correlated ROC
    curves. Biometrics 44, 837-845.
    Obuchowski, N. A. (1997). Nonparametric analysis of clustered ROC curve data. Biometrics 53, 567-578.
    """
    from scipy.stats import norm

    won, lost = n_won.astype(float), (n_leads - n_won).astype(float)
    winners, losers = won.sum(), lost.sum()
    if not winners or not losers:
        return Auc(float("nan"), float("nan"), float("nan"))
    lost_below = (np.cumsum(lost) - lost / 2) / losers  # of a winner with this score: share of losers it beats
    won_above = 1 - (np.cumsum(won) - won / 2) / winners  # of a loser with this score: share of winners that beat it
    value = float(won @ lost_below / winners)
    if winners < 2 or losers < 2:
        return Auc(value, float("nan"), float("nan"))
    if parts is None:
        variance = (won @ (lost_below - value) ** 2 / (winners - 1)) / winners
        variance += (lost @ (won_above - value) ** 2 / (losers - 1)) / losers
    else:
        place, part, leads_there, won_there = parts
        beaten = won_there * (lost_below[place] - value) / winners
        beaten += (leads_there - won_there) * (won_above[place] - value) / losers
        sums = np.bincount(part, weights=beaten)
        variance = sums @ sums * len(sums) / max(len(sums) - 1, 1)
    half = norm.ppf(0.5 + confidence / 2) * np.sqrt(variance)
    return Auc(value, max(0.0, float(value - half)), min(1.0, float(value + half)))


def captured(n_leads: Counts, n_won: Counts, share: float) -> float:
    """Share of all winners among the best `share` of leads (both between 0 and 1).

    Where the cut falls inside a tie, the tie's leads count in proportion.
    """
    total, winners = n_leads.sum(), n_won.sum()
    if not winners:
        return float("nan")
    leads_down = np.concatenate([[0], np.cumsum(n_leads[::-1])]) / total
    won_down = np.concatenate([[0], np.cumsum(n_won[::-1])]) / winners
    return float(np.interp(share, leads_down, won_down))


def quantile(values: NDArray[np.float64], counts: Counts, q: float) -> float:
    """The quantile of `values` that stand `counts` times each (ascending), interpolated as numpy does by default."""
    ends = np.cumsum(counts)
    position = (ends[-1] - 1) * q
    below, above = int(np.floor(position)), int(np.ceil(position))
    first = values[np.searchsorted(ends, below, side="right")]
    second = values[np.searchsorted(ends, above, side="right")]
    return float(first + (second - first) * (position - below))
