"""Counts by score: the small table from which every figure of a calibration is made."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.outcomes import BEFORE, LOST, UNKNOWN, WON, YOUNG

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_NONE = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ScoreTally:
    """Leads and wins by distinct score, ascending.

    `n_leads` are the leads old enough to be judged, `n_won` the won among them, `n_apart` those that cannot be judged
    (too young, outcome or date unknown, won before they were created); all have the shape of `score`. Leads without a
    score stand apart in the `blank_` counts: a blank is not a zero. `revenue` is the sum of what the won brought, where
    it is known, and `revenue_squared` that of its squares.
    """

    score: Floats
    n_leads: Ints
    n_won: Ints
    n_apart: Ints
    blank_leads: int = 0
    blank_won: int = 0
    blank_apart: int = 0
    n_young: int = 0
    n_unknown: int = 0
    n_before: int = 0
    revenue: Floats | None = None
    revenue_squared: Floats | None = None

    @property
    def n_rows(self) -> int:
        """All leads, with and without a score, judged or not."""
        return int(self.n_leads.sum() + self.n_apart.sum()) + self.blank_leads + self.blank_apart


def tally_scores(score: Floats, outcome: Ints, n: Ints, revenue: tuple[Floats, Floats] | None = None) -> ScoreTally:
    """A ScoreTally of cells: a score (NaN where blank), an outcome code (`workbench.outcomes`) and a count each.

    `revenue` is the sum of a cell's revenue and that of its squares.
    """
    outcomes = len((LOST, WON, YOUNG, UNKNOWN, BEFORE))
    by_outcome = np.bincount(outcome, weights=n, minlength=outcomes).astype(np.int64)
    blank = np.isnan(score)
    of_blank = np.bincount(outcome[blank], weights=n[blank], minlength=outcomes).astype(np.int64)
    if blank.any():
        score, outcome, n = score[~blank], outcome[~blank], n[~blank]
        revenue = None if revenue is None else (revenue[0][~blank], revenue[1][~blank])
    values, place = _distinct(score)
    counts = np.bincount(place * outcomes + outcome, weights=n, minlength=len(values) * outcomes)
    cells = counts.reshape(len(values), outcomes).astype(np.int64)
    sums: list[Floats | None] = [None, None]
    if revenue is not None:
        won = [part * (outcome == WON) for part in revenue]
        sums = [np.asarray(np.bincount(place, part, len(values)), dtype=np.float64) for part in won]
    return ScoreTally(
        score=values,
        n_leads=cells[:, LOST] + cells[:, WON],
        n_won=cells[:, WON],
        n_apart=cells[:, YOUNG] + cells[:, UNKNOWN] + cells[:, BEFORE],
        blank_leads=int(of_blank[LOST] + of_blank[WON]),
        blank_won=int(of_blank[WON]),
        blank_apart=int(of_blank[YOUNG] + of_blank[UNKNOWN] + of_blank[BEFORE]),
        n_young=int(by_outcome[YOUNG]),
        n_unknown=int(by_outcome[UNKNOWN]),
        n_before=int(by_outcome[BEFORE]),
        revenue=sums[0],
        revenue_squared=sums[1],
    )


def _distinct(score: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Distinct values, ascending, and each cell's place among them; whole numbers without a sort."""
    if len(score) and np.all(score == np.floor(score)):
        first = int(score.min())
        if score.max() - first < 4 * len(score) + 1000:
            place: NDArray[np.intp] = (score - first).astype(np.intp)
            present = np.bincount(place) > 0
            values = np.flatnonzero(present).astype(np.float64) + first
            return values, (np.cumsum(present) - 1)[place]
    return np.unique(score, return_inverse=True)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WeeklyLeads:
    """Leads by score and week of creation, over the last whole weeks in which leads were created.

    One cell is a score, a week (0 is the latest) and a count. Without the score's history the week in which a lead
    first crossed a line is not known; the week in which it was created stands in for it.
    """

    n_weeks: int
    score: Floats = field(default_factory=lambda: _NONE.astype(float))
    week: Ints = field(default_factory=lambda: _NONE)
    n: Ints = field(default_factory=lambda: _NONE)

    def above(self, threshold: float) -> Ints:
        """Leads at or above the threshold in each week, the latest first; shape `(n_weeks,)`."""
        chosen = self.score >= threshold
        return np.bincount(self.week[chosen], weights=self.n[chosen], minlength=self.n_weeks).astype(np.int64)

    def by_score(self, scores: Floats) -> Ints:
        """Leads at or above each of ascending `scores` in each week; shape `(n_weeks, len(scores))`."""
        place = np.searchsorted(scores, self.score, side="right") - 1
        inside = place >= 0
        cells = np.bincount(
            self.week[inside] * len(scores) + place[inside],
            weights=self.n[inside],
            minlength=self.n_weeks * len(scores),
        ).reshape(self.n_weeks, len(scores))
        return np.cumsum(cells[:, ::-1], axis=1)[:, ::-1].astype(np.int64)


MOST_WEEKS = 52


def weekly_leads(score: Floats, day: pd.Series[pd.Timestamp], n: Ints, *, until: pd.Timestamp) -> WeeklyLeads | None:
    """WeeklyLeads of cells, at most the last 52 whole weeks before the day `until`; None where there is none."""
    known = ~np.isnan(score)
    week, n_weeks = weeks_before(day[known], until=until)
    if not n_weeks:
        return None
    inside = week >= 0
    return WeeklyLeads(n_weeks=n_weeks, score=score[known][inside], week=week[inside], n=n[known][inside])


def weeks_before(day: pd.Series[pd.Timestamp], *, until: pd.Timestamp) -> tuple[Ints, int]:
    """The week of each day, 0 the last one before the day `until`, and how many whole weeks there are, at most 52.

    -1 stands for days that are unknown or in none of them.
    """
    known = day.notna().to_numpy()
    days_ago = np.full(len(day), -1, dtype=np.int64)
    days_ago[known] = (until - day[known]).dt.days.to_numpy() - 1
    n_weeks = min(MOST_WEEKS, (int(days_ago.max(initial=-1)) + 1) // 7)
    week = days_ago // 7
    return np.where((days_ago >= 0) & (week < n_weeks), week, -1), n_weeks
