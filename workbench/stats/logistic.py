"""Logistic regression on counts: one row a pattern, not a lead, so it costs the same for any number of leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import WorkbenchError

Floats = NDArray[np.float64]

MOST_STEPS = 50
ROWS_AT_ONCE = 65_536
TOLERANCE = 1e-10
FAR = 15.0
"""A linear predictor beyond this is a chance below one in three million: the data would have let it run for ever."""


@dataclass(frozen=True, slots=True, eq=False)
class LogisticFit:
    """Log-odds: `coefficients[0]` is the intercept, then one for each column; `covariance` is theirs.

    `firth` says whether Firth's penalty was needed; `steps` is how many Newton steps it took.
    """

    coefficients: Floats
    covariance: Floats
    firth: bool
    steps: int

    @property
    def errors(self) -> Floats:
        """Standard errors."""
        found: Floats = np.sqrt(np.diag(self.covariance))
        return found


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    likelihood: float
    score: Floats
    information: Floats
    farthest: float


def fit_logistic(design: NDArray[Any], won: NDArray[Any], n: NDArray[Any], *, firth: bool | None = None) -> LogisticFit:
    """Logistic regression of `won` among `n` on the columns of `design`, by Newton's method.

    Parameters
    ----------
    design
        Numbers, shape `(patterns, columns)`, without the intercept; small integers are not copied as a whole.
    won, n
        Counts by pattern, `0 <= won <= n`.
    firth
        Firth's penalty (Jeffreys' prior), which keeps every coefficient finite. Default: only where it is needed,
        because some pattern of columns is met by winners or by losers alone (separation).

    Raises
    ------
    WorkbenchError
        If the columns are linearly dependent, or nobody or everybody won.

    References
    ----------
    McCullagh, P., Nelder, J. A. (1989). Generalized Linear Models, 2nd ed., chapter 4.
    Firth, D. (1993). Bias reduction of maximum likelihood estimates. Biometrika 80, 27-38.
    Heinze, G., Schemper, M. (2002). A solution to the problem of separation in logistic regression. Statistics in
    Medicine 21, 2409-2419.
    """
    wins, total = np.asarray(won, dtype=float), np.asarray(n, dtype=float)
    all_won = wins.sum() / max(total.sum(), 1)
    if not 0 < all_won < 1:
        raise WorkbenchError(
            f"a regression needs winners and losers, but {wins.sum():,.0f} of {total.sum():,.0f} won; take more leads."
        )
    start = np.zeros(design.shape[1] + 1)
    start[0] = np.log(all_won / (1 - all_won))
    plain = None if firth else _newton(design, wins, total, start, firth=False)
    if plain is not None:
        return plain
    penalised = None if firth is False else _newton(design, wins, total, start, firth=True)
    if penalised is None:
        raise WorkbenchError(
            "the regression finds no answer: some columns say the same as others, or too few leads won; leave one of "
            "those that always occur together out, or take more leads."
        )
    return penalised


def _newton(design: NDArray[Any], won: Floats, n: Floats, start: Floats, *, firth: bool) -> LogisticFit | None:
    """The fit, or None where it does not settle."""
    beta = start
    sums = _sums(design, won, n, beta, firth=firth)
    for step in range(1, MOST_STEPS + 1):
        if _singular(sums.information):
            return None
        move: Floats = np.asarray(np.linalg.solve(sums.information, sums.score), dtype=float)
        if firth:
            move *= min(1.0, 5.0 / max(float(np.abs(move).max()), 1e-300))
        beta, sums, moved = _climb(design, won, n, beta, move, sums, firth=firth)
        if not firth and sums.farthest > FAR:
            return None
        if moved < TOLERANCE:
            if _singular(sums.information):
                return None
            covariance: Floats = np.asarray(np.linalg.inv(sums.information), dtype=float)
            return LogisticFit(beta, covariance, firth, step)
    return None


def _climb(
    design: NDArray[Any], won: Floats, n: Floats, beta: Floats, move: Floats, sums: _Sums, *, firth: bool
) -> tuple[Floats, _Sums, float]:
    """A Newton step, halved until the likelihood does not fall."""
    for halving in range(12):
        tried = beta + move / 2**halving
        found = _sums(design, won, n, tried, firth=firth)
        if found.likelihood >= sums.likelihood - 1e-9 * abs(sums.likelihood):
            return tried, found, float(np.abs(tried - beta).max())
    return beta, sums, 0.0


def _sums(design: NDArray[Any], won: Floats, n: Floats, beta: Floats, *, firth: bool) -> _Sums:
    """Likelihood, score and information at `beta`, a block of rows at a time."""
    size = len(beta)
    likelihood, farthest, score, information = 0.0, 0.0, np.zeros(size), np.zeros((size, size))
    blocks = []
    for first in range(0, len(n), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        x = np.column_stack([np.ones(len(n[rows])), design[rows]])
        linear = x @ beta
        chance = 1 / (1 + np.exp(-np.clip(linear, -700, 700)))
        weight = n[rows] * chance * (1 - chance)
        likelihood += float(won[rows] @ linear - n[rows] @ np.logaddexp(0, linear))
        score += x.T @ (won[rows] - n[rows] * chance)
        information += (x * weight[:, None]).T @ x
        farthest = max(farthest, float(np.abs(linear).max(initial=0.0)))
        blocks.append((rows, chance, weight))
    if firth and not _singular(information):
        likelihood += 0.5 * float(np.linalg.slogdet(information)[1])
        inverse = np.linalg.inv(information)
        for rows, chance, weight in blocks:
            x = np.column_stack([np.ones(len(chance)), design[rows]])
            leverage = weight * np.einsum("ij,ij->i", x @ inverse, x)
            score += x.T @ (leverage * (0.5 - chance))
    return _Sums(likelihood, score, information, farthest)


def _singular(information: Floats) -> bool:
    """Whether the columns depend on each other, whatever their units."""
    scale = np.sqrt(np.diag(information))
    if not np.all(np.isfinite(scale)) or np.any(scale == 0):
        return True
    return bool(np.linalg.cond(information / np.outer(scale, scale)) > 1e12)
