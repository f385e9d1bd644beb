"""Do later leads still behave like the earlier ones?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from workbench.calibration.asked import date_of_export, needs_score
from workbench.calibration.tally import ScoreTally, tally_scores
from workbench.engines import as_frame, count_by, kinds
from workbench.errors import WorkbenchError
from workbench.outcomes import YOUNG, Outcome, as_outcome, classify
from workbench.stats.proportions import Rate, check_confidence, rate
from workbench.stats.stability import Stability, stability
from workbench.wording import interval, percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """Earlier leads beside later ones: their scores (`scores`), and what each converts at.

    `low` and `high` bound the difference of the conversion rates, later less earlier (Newcombe).
    """

    split: pd.Timestamp
    earlier: ScoreTally
    later: ScoreTally
    scores: Stability
    earlier_rate: Rate
    later_rate: Rate
    low: float
    high: float

    @property
    def found(self) -> bool:
        """Whether scores or conversion differ beyond chance."""
        return self.scores.drifted or self.low > 0 or self.high < 0

    @property
    def reason(self) -> str:
        """What differs, with its numbers."""
        moved = (
            "the score drifted" if self.scores.drifted else "the score did not drift beyond chance"
        ) + f" ({self.scores.reason})"
        before, after = self.earlier_rate, self.later_rate
        rates = (
            f"conversion went from {percent(before.value)} ({interval(before.low, before.high)}) to "
            f"{percent(after.value)} ({interval(after.low, after.high)})"
        )
        chance = "" if self.low > 0 or self.high < 0 else ", which may be chance"
        return f"{moved}; {rates}{chance}."

    def headline(self) -> str:
        """The drift in a sentence."""
        return (
            f"{self.earlier_rate.n:,} judged leads created before {self.split:%Y-%m-%d}, {self.later_rate.n:,} since: "
            f"{self.reason}"
        )

    def frame(self) -> pd.DataFrame:
        """One row a band of the score: low_score, high_score, earlier and later (leads), their shares, contribution.

        The contributions add up to the population stability index.
        """
        return self.scores.frame()

    def check(self, threshold: float, *, confidence: float = 0.95) -> pd.DataFrame:
        """What a line chosen on the earlier leads does on the later ones.

        Two rows: period, n_leads, n_won (at or above it), conversion_rate, low, high (Wilson).
        """
        rows = []
        for period, tally in (("earlier", self.earlier), ("later", self.later)):
            up = tally.score >= threshold
            one = rate(int(tally.n_won[up].sum()), int(tally.n_leads[up].sum()), confidence=confidence)
            rows.append(
                {
                    "period": period,
                    "n_leads": one.n,
                    "n_won": int(tally.n_won[up].sum()),
                    "conversion_rate": one.value,
                    "low": one.low,
                    "high": one.high,
                }
            )
        return pd.DataFrame(rows)


def drift(
    table: Any,
    *,
    outcome: Outcome | str,
    score: str = "score",
    split: str | date | None = None,
    order: str | None = None,
    as_of: str | date | None = None,
    confidence: float = 0.95,
    seed: int = 0,
) -> Drift:
    """Earlier leads beside later ones, of those that can be judged.

    Parameters
    ----------
    table
        A lead a row, of any engine.
    split
        The first day of the later leads. Default: the day before which 70 % of the judged leads were created.
    order
        The datetime column by which leads are earlier or later. Default: the outcome's `created`.
    seed
        Of the simulated null distribution of the stability index.

    Raises
    ------
    WorkbenchError
        Without a date, or if either period has no judged leads.
    """
    check_confidence(confidence)
    outcome = as_outcome(outcome)
    frame = as_frame(table)
    columns = kinds(frame)
    needs_score(columns, score)
    when = date_of_export(frame, columns, outcome, as_of)
    by = outcome.created if order is None else order
    if columns.get(by) != "datetime":
        raise WorkbenchError(
            f"earlier and later need a date, but the table has no date column {by!r}; name one with order=, or the "
            "lead's creation in Outcome(created=...)."
        )
    frame, code = classify(frame, outcome, as_of=when)
    cells = count_by(frame, {"score": nw.col(score), "day": nw.col(by).dt.truncate("1d"), "outcome": code})
    cells = cells[(cells["outcome"] < YOUNG) & cells["score"].notna() & cells["day"].notna()]
    if not len(cells):
        raise WorkbenchError("no lead has a score, a date and an outcome that can be judged; take an older export.")
    days = cells.groupby("day")["n"].sum()
    if split is None:
        past = int(np.searchsorted(days.cumsum().to_numpy(), 0.7 * days.sum(), side="right"))
        first = days.index[min(past, len(days) - 1)]
        border = pd.Timestamp(first)
    else:
        border = pd.Timestamp(split)
    return compare_periods(cells, border, confidence=confidence, seed=seed)


def compare_periods(cells: pd.DataFrame, split: pd.Timestamp, *, confidence: float, seed: int) -> Drift:
    """Drift of counted leads: cells of score, day, outcome (LOST or WON) and n.

    Raises WorkbenchError if either period is empty.
    """
    from statsmodels.stats.proportion import confint_proportions_2indep

    days = cells.groupby("day")["n"].sum()
    later = (cells["day"] >= split).to_numpy()
    if later.all() or not later.any():
        raise WorkbenchError(
            f"all judged leads were created {'since' if later.all() else 'before'} {split:%Y-%m-%d}; they run from "
            f"{days.index[0]:%Y-%m-%d} to {days.index[-1]:%Y-%m-%d}, so choose a split between."
        )
    tallies = [
        tally_scores(
            part["score"].to_numpy(dtype=float), part["outcome"].to_numpy(dtype=np.int64), part["n"].to_numpy()
        )
        for part in (cells[~later], cells[later])
    ]
    counts = [(int(tally.n_won.sum()), int(tally.n_leads.sum())) for tally in tallies]
    low, high = confint_proportions_2indep(
        *counts[1], *counts[0], method="newcomb", compare="diff", alpha=1 - confidence
    )
    return Drift(
        split=split,
        earlier=tallies[0],
        later=tallies[1],
        scores=_stability(*tallies, confidence=confidence, seed=seed),
        earlier_rate=rate(*counts[0], confidence=confidence),
        later_rate=rate(*counts[1], confidence=confidence),
        low=float(low),
        high=float(high),
    )


def _stability(earlier: ScoreTally, later: ScoreTally, *, confidence: float, seed: int) -> Stability:
    """The index over the earlier leads' deciles, equal scores never split."""
    scores = np.union1d(earlier.score, later.score)
    counts = np.zeros((2, len(scores)), dtype=np.int64)
    for row, tally in zip(counts, (earlier, later), strict=True):
        row[np.searchsorted(scores, tally.score)] = tally.n_leads
    total = counts[0]
    band = np.minimum((np.cumsum(total) - total / 2) * 10 // max(total.sum(), 1), 9)
    first = np.flatnonzero(np.concatenate([[True], band[1:] != band[:-1]]))
    last = np.append(first[1:], len(scores)) - 1
    banded = np.add.reduceat(counts, first, axis=1)
    return stability(banded[0], banded[1], low=scores[first], high=scores[last], confidence=confidence, seed=seed)
