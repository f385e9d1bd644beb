"""The population stability index, read against what chance alone gives at these counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.errors import WorkbenchError

DRAWS = 10_000
HALF = 0.5
"""Added to a band that one period lacks, so that its logarithm is finite."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stability:
    """How far two distributions over bands lie apart.

    `null_mean` and `null_high` are the mean and the upper bound of the index with no drift at all, at these counts.
    """

    index: float
    null_mean: float
    null_high: float
    p_value: float
    confidence: float
    bands: pd.DataFrame

    @property
    def drifted(self) -> bool:
        """Whether the index lies beyond chance."""
        return self.p_value < 1 - self.confidence

    @property
    def reason(self) -> str:
        """The index beside what chance gives."""
        return (
            f"stability index {self.index:.3f}; with no drift at all these counts give {self.null_mean:.3f} on average "
            f"and more than {self.null_high:.3f} in {100 * (1 - self.confidence):.0f} % of cases"
        )

    def headline(self) -> str:
        """The index in a sentence."""
        return f"{'Drift' if self.drifted else 'No drift beyond chance'}: {self.reason}."

    def frame(self) -> pd.DataFrame:
        """One row a band: low_score, high_score, earlier, later, earlier_share, later_share, contribution."""
        return self.bands


def stability(
    earlier: NDArray[np.int64],
    later: NDArray[np.int64],
    *,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    confidence: float = 0.95,
    seed: int = 0,
) -> Stability:
    """The population stability index of counts by band, and its null distribution by simulation.

    Sum over bands of (q - p) ln(q / p), where p and q are the earlier and the later shares. Under no drift, draws from
    the shares of both periods together, of as many leads each, say what chance gives: about (bands - 1) (1/n + 1/m).

    Parameters
    ----------
    earlier, later
        Leads by band, one shape.
    low, high
        Lowest and highest score of each band.

    References
    ----------
    Siddiqi, N. (2006). Credit Risk Scorecards, chapter 10.
    Yurdakul, B., Naranjo, J. (2020). Statistical properties of the population stability index. Journal of Risk Model
    Validation 14, 89-100.
    """
    n, m = int(earlier.sum()), int(later.sum())
    if not n or not m:
        raise WorkbenchError(f"two periods are needed, but one is empty: {n:,} earlier and {m:,} later leads.")
    pooled = (earlier + later) / (n + m)
    rng = np.random.default_rng(seed)
    null = _index(rng.multinomial(n, pooled, size=DRAWS), rng.multinomial(m, pooled, size=DRAWS)).sum(axis=1)
    parts = _index(earlier[None, :], later[None, :])[0]
    index = float(parts.sum())
    return Stability(
        index=index,
        null_mean=float(null.mean()),
        null_high=float(np.quantile(null, confidence)),
        p_value=float((1 + (null >= index).sum()) / (1 + DRAWS)),
        confidence=confidence,
        bands=pd.DataFrame(
            {
                "low_score": low,
                "high_score": high,
                "earlier": earlier,
                "later": later,
                "earlier_share": earlier / n,
                "later_share": later / m,
                "contribution": parts,
            }
        ),
    )


def _index(earlier: NDArray[np.int64], later: NDArray[np.int64]) -> NDArray[np.float64]:
    p, q = (np.maximum(part, HALF) / part.sum(axis=1, keepdims=True) for part in (earlier, later))
    parts: NDArray[np.float64] = (q - p) * np.log(q / p)
    return parts
