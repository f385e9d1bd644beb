"""Rates with their intervals, and tests between rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import WorkbenchError


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of successes with its interval: all three between 0 and 1."""

    value: float
    low: float
    high: float
    n: int


def check_confidence(confidence: float) -> float:
    """`confidence` itself, or a WorkbenchError where it is no level strictly between 0 and 1."""
    if not 0 < confidence < 1:
        raise WorkbenchError(
            f"a confidence level lies between 0 and 1, but {confidence!r} was given; use 0.95 for 95 %."
        )
    return confidence


def wilson_interval(
    successes: ArrayLike, n: ArrayLike, *, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wilson's score interval of a rate.

    `successes` and `n` are counts of one shape, `0 <= successes <= n`. Returns the lower and the upper bound in that
    shape, between 0 and 1; where `n` is 0 nothing is known and both are NaN.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. JASA 22, 209-212.
    """
    from statsmodels.stats.proportion import proportion_confint

    counts, totals = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(n, dtype=float))
    low, high = proportion_confint(
        counts, np.where(totals > 0, totals, 1.0), alpha=1 - check_confidence(confidence), method="wilson"
    )
    empty = totals == 0
    return np.where(empty, np.nan, low), np.where(empty, np.nan, high)


def rate(successes: int, n: int, *, confidence: float = 0.95) -> Rate:
    """One rate with its Wilson interval; NaN where `n` is 0."""
    low, high = wilson_interval(successes, n, confidence=confidence)
    return Rate(successes / n if n else float("nan"), float(low), float(high), int(n))


def inverted(successes: ArrayLike, n: ArrayLike, *, alpha: float = 0.05) -> NDArray[np.bool_]:
    """Which of several ordered groups has a rate significantly below that of an earlier group.

    Every earlier group is compared with every later one by Fisher's exact test, one-sided, and the p-values are
    adjusted by Holm for the number of pairs that were looked at: with no true inversion, an alarm anywhere is raised
    with a chance of at most `alpha`.

    References
    ----------
    Fisher, R. A. (1935). The logic of inductive inference. JRSS 98, 39-82.
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scand. J. Statist. 6, 65-70.
    """
    from scipy.stats import hypergeom

    won, total = np.asarray(successes, dtype=np.int64), np.asarray(n, dtype=np.int64)
    alarm = np.zeros(len(won), dtype=bool)
    earlier, later = np.triu_indices(len(won), k=1)
    if not len(earlier):
        return alarm
    # Wins in the later group no more than these, given the wins of both.
    p_values = hypergeom.cdf(won[later], total[earlier] + total[later], won[earlier] + won[later], total[later])
    alarm[later[holm(np.asarray(p_values), alpha=alpha)]] = True
    return alarm


def holm(p_values: NDArray[np.float64], *, alpha: float) -> NDArray[np.bool_]:
    """Which of several tests are significant by Holm's adjustment.

    The same as statsmodels' `multipletests(method="holm")`, which collects the garbage of the whole process at each
    call: 70 ms while a slider waits.
    """
    order = np.argsort(p_values)
    within = p_values[order] <= alpha / np.arange(len(order), 0, -1)
    rejected = np.zeros(len(order), dtype=bool)
    rejected[order[: len(order) if within.all() else int(np.argmin(within))]] = True
    return rejected
