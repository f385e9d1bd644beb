"""Leads of one company rise and fall together, so draws take companies, not leads.

Companies are put into a fixed number of parts by lot, and a draw takes parts with replacement: the cost depends on the
number of parts and scores, not of leads. Where there are fewer companies than parts, a part is a company.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.calibration.tally import Floats, Ints

COMPANY = "associatedcompanyid"
"""The column with a lead's company."""
PARTS = 500


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ClusterTally:
    """Judged leads by score and part: one cell is a score, a part (0 to `n_parts - 1`), leads and winners."""

    n_parts: int
    score: Floats
    part: Ints
    n: Ints
    n_won: Ints

    @property
    def matter(self) -> bool:
        """Whether companies differ more than leads drawn alone would, beyond chance (two standard errors)."""
        n, won = (np.bincount(self.part, weights=counts, minlength=self.n_parts) for counts in (self.n, self.n_won))
        return float(design_effect(n[:, None], won[:, None])[0]) > 1 + 2 * math.sqrt(2 / self.n_parts)

    def placed(self, scores: Floats) -> tuple[NDArray[np.intp], Ints, Ints, Ints]:
        """Place among all the ascending `scores`, part, leads and winners of each cell."""
        return np.searchsorted(scores, self.score), self.part, self.n, self.n_won

    def by_score(self, scores: Floats) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Leads and winners of each part at each of ascending `scores`, or above it and below the next.

        Shape `(n_parts, len(scores))` each.
        """
        place = np.maximum(np.searchsorted(scores, self.score, side="right") - 1, 0)
        cell, size = self.part * len(scores) + place, self.n_parts * len(scores)
        n, won = (
            np.bincount(cell, weights=counts, minlength=size).reshape(self.n_parts, len(scores)).astype(np.float32)
            for counts in (self.n, self.n_won)
        )
        return n, won

    def draw(self, scores: Floats, *, draws: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
        """Leads and winners by score in draws of as many parts with replacement; shape `(draws, len(scores))` each."""
        times = rng.multinomial(self.n_parts, np.full(self.n_parts, 1 / self.n_parts), size=draws).astype(np.float32)
        n, won = (np.rint(times @ counts).astype(np.int64) for counts in self.by_score(scores))
        return n, won


def tally_parts(score: Floats, cluster: pd.Series[Any], n: Ints, n_won: Ints, *, seed: int = 0) -> ClusterTally | None:
    """A ClusterTally of cells: a score, a company (blank where there is none), leads and winners each.

    Leads without a company stand each for itself, so they are spread over the parts. None where companies do not
    matter: no company has two leads, or they differ no more than chance would have it.
    """
    known = cluster.notna().to_numpy(dtype=bool)
    place, companies = pd.factorize(cluster[known])
    if n[known].sum() <= len(companies):
        return None
    rng = np.random.default_rng(seed)
    n_parts = min(PARTS, len(companies) + int(n[~known].sum()))
    # A lot without replacement, so that parts have about as many companies each.
    lot = rng.permutation(len(companies)) % n_parts
    of_companies = [score[known], lot[place], n[known], n_won[known]]
    each = np.full(n_parts, 1 / n_parts)
    won = rng.multinomial(n_won[~known], each)
    alone = won + rng.multinomial((n - n_won)[~known], each)
    cell, part = np.nonzero(alone)
    of_none = [score[~known][cell], part, alone[cell, part], won[cell, part]]
    scores, parts, leads, winners = (np.concatenate(pair) for pair in zip(of_companies, of_none, strict=True))
    values, place = np.unique(scores, return_inverse=True)
    cell = place * n_parts + parts
    totals = [np.bincount(cell, weights=counts, minlength=0).astype(np.int64) for counts in (leads, winners)]
    filled = np.flatnonzero(totals[0])
    found = ClusterTally(
        n_parts=n_parts,
        score=values[filled // n_parts],
        part=filled % n_parts,
        n=totals[0][filled],
        n_won=totals[1][filled],
    )
    return found if found.matter else None


def design_effect(n: NDArray[Any], won: NDArray[Any]) -> Floats:
    """How many times wider than of leads drawn alone the variance of a rate is, at least 1; shape `(columns,)`.

    `n` and `won` are leads and winners by part, shape `(parts, columns)`.

    References
    ----------
    Kish, L. (1965). Survey Sampling, chapter 5; Wolter, K. (2007). Introduction to Variance Estimation, 2nd ed.,
    chapter 2 (random groups).
    """
    parts, leads = len(n), n.sum(axis=0, dtype=float)
    rate = np.divide(won.sum(axis=0, dtype=float), leads, out=np.zeros_like(leads), where=leads > 0)
    apart = ((won - rate * n) ** 2).sum(axis=0, dtype=float) * parts / max(parts - 1, 1)
    alone = leads * rate * (1 - rate)
    effect: Floats = np.maximum(np.divide(apart, alone, out=np.ones_like(alone), where=alone > 0), 1.0)
    return effect
