"""The first win on record, and which cohorts lost the wins that came before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from workbench.calibration.asked import date_of_export
from workbench.engines import Frame, as_frame, count_by, kinds
from workbench.errors import WorkbenchError
from workbench.outcomes import WON, YOUNG, Outcome, classify
from workbench.stats.proportions import Rate, check_confidence, rate
from workbench.wording import capital, interval, percent


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstWin:
    """The first win on record, and whether wins before it are missing (left truncation).

    `expected_before` is how many wins the leads created before it should have brought by then, at the pace and the rate
    of leads created since; `chance` is the chance of seeing none. `cohorts` has a row a month of creation.
    """

    first_win: pd.Timestamp
    first_lead: pd.Timestamp
    expected_before: float
    chance: float
    cohorts: pd.DataFrame
    overall: Rate
    untouched: Rate
    confidence: float

    @property
    def truncated(self) -> bool:
        """Whether wins before the first on record are missing, beyond chance."""
        return self.chance < 1 - self.confidence

    @property
    def reason(self) -> str:
        """What was found and what to do."""
        start = f"wins are on record from {self.first_win:%-d %B %Y} on, leads from {self.first_lead:%-d %B %Y}"
        if not self.truncated:
            return f"{start}; nothing says that earlier wins are missing."
        touched = self.cohorts.loc[self.cohorts["touched"], "month"]
        return (
            f"{start}: of the leads created before, {self.expected_before:,.0f} should have won by then at the later "
            f"leads' pace. Earlier wins are missing, so the cohorts of {touched.iloc[0]:%B %Y} to "
            f"{touched.iloc[-1]:%B %Y} convert too low, and so does the overall {percent(self.overall.value)}; leads "
            f"created since convert at {percent(self.untouched.value)} "
            f"({interval(self.untouched.low, self.untouched.high)}). Judge those alone."
        )

    def headline(self) -> str:
        """The finding in a sentence."""
        return capital(self.reason)

    def frame(self) -> pd.DataFrame:
        """One row a month of creation: month, n_leads, n_won, conversion_rate, low, high (Wilson), touched."""
        return self.cohorts


def first_win(table: Any, *, outcome: Outcome, as_of: str | date | None = None, confidence: float = 0.95) -> FirstWin:
    """Find the first win on record, and which cohorts lost wins that came before it.

    Parameters
    ----------
    table
        A lead a row, of any engine.
    outcome
        With `at`, the date of the win.

    Raises
    ------
    WorkbenchError
        If the outcome has no date, or nobody won.
    """
    check_confidence(confidence)
    if outcome.at is None:
        raise WorkbenchError("the first win needs the date of winning; name its column in Outcome(at=...).")
    frame = as_frame(table)
    columns = kinds(frame)
    when = date_of_export(frame, columns, outcome, as_of)
    frame, code = classify(frame, outcome, as_of=when)
    if columns.get(outcome.created) != "datetime":
        raise WorkbenchError(
            f"the first win needs the date of creation too, but there is no date column {outcome.created!r}; name it "
            "in Outcome(created=...)."
        )
    found = first_win_of(frame, outcome, code, confidence=confidence)
    if found is None:
        raise WorkbenchError("nobody won with a date on record, so there is no first win; check the outcome.")
    return found


def first_win_of(frame: Frame, outcome: Outcome, code: nw.Expr, *, confidence: float) -> FirstWin | None:
    """The first win of classified leads with dates of creation and of winning; None where nobody won."""
    created, at = nw.col(outcome.created).dt.truncate("1d"), nw.col(str(outcome.at)).dt.truncate("1d")
    cells = count_by(frame, {"created": created, "at": at, "outcome": code})
    cells = cells[(cells["outcome"] < YOUNG) & cells["created"].notna()]
    wins = cells[(cells["outcome"] == WON) & cells["at"].notna()]
    if not len(wins):
        return None
    first, first_lead = pd.Timestamp(wins["at"].min()), pd.Timestamp(cells["created"].min())
    since = cells[cells["created"] >= first]
    overall = rate(int(wins["n"].sum()), int(cells["n"].sum()), confidence=confidence)
    untouched = rate(int(since.loc[since["outcome"] == WON, "n"].sum()), int(since["n"].sum()), confidence=confidence)
    expected = 0.0
    later = wins[wins["created"] >= first]
    if len(later):
        days = (later["at"] - later["created"]).dt.days.clip(lower=0).to_numpy()
        order = np.argsort(days)
        days, share = days[order], np.cumsum(later["n"].to_numpy()[order]) / later["n"].sum()
        before = cells[cells["created"] < first]
        had = (first - before["created"]).dt.days.to_numpy() - 1
        place = np.searchsorted(days, had, side="right")
        expected = float(before["n"].to_numpy() @ np.where(place > 0, share[place - 1], 0.0)) * untouched.value
    month = cells["created"].dt.to_period("M").dt.to_timestamp()
    rows = []
    for start, part in cells.groupby(month):
        one = rate(int(part.loc[part["outcome"] == WON, "n"].sum()), int(part["n"].sum()), confidence=confidence)
        rows.append(
            {
                "month": start,
                "n_leads": one.n,
                "n_won": round(one.value * one.n),
                "conversion_rate": one.value,
                "low": one.low,
                "high": one.high,
            }
        )
    cohorts = pd.DataFrame(rows)
    chance = float(np.exp(-expected))
    cohorts["touched"] = (cohorts["month"] < first) & (chance < 1 - confidence)
    return FirstWin(
        first_win=first,
        first_lead=first_lead,
        expected_before=expected,
        chance=chance,
        cohorts=cohorts,
        overall=overall,
        untouched=untouched,
        confidence=confidence,
    )
