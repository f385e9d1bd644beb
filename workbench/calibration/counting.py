"""From rows to counts by score, and from counts to a Calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from workbench.calibration.asked import date_of_export, needs_score
from workbench.calibration.clusters import COMPANY, ClusterTally, tally_parts
from workbench.calibration.result import Calibration
from workbench.calibration.tally import MOST_WEEKS, WeeklyLeads, tally_scores, weekly_leads
from workbench.engines import Frame, as_frame, collect, count_by, kinds
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.loaders import leads_of
from workbench.outcomes import WON, YOUNG, Outcome, as_outcome, classify
from workbench.scoring import CodeTally, ScoreModel, tally_codes
from workbench.stats.proportions import check_confidence, wilson_interval

MOST_SEGMENTS = 200
BLANK = "(blank)"


def calibrate(
    table: Any,
    *,
    score: str = "score",
    outcome: Outcome | str,
    by: str | None = None,
    as_of: str | date | None = None,
    confidence: float = 0.95,
    activities: Any = None,
    old_line: float | None = None,
    company: str | None = COMPANY,
) -> Calibration:
    """Judge a score: what every threshold would mean, with intervals.

    Parameters
    ----------
    table
        A table with a lead a row (pandas, Polars, DuckDB, Spark), or a Workspace, whose contacts are taken.
    score
        The column with the score, any number; a blank is not a zero.
    outcome
        What counts as success: an Outcome, or the name of a yes/no column.
    by
        A column of segments; `Calibration.segment(name)` then judges each.
    as_of
        The date of the export. Default: the Workspace's, else the newest date among the outcome's columns.
    confidence
        Level of all intervals, between 0 and 1.
    activities
        The table of events, where the outcome's condition counts them; a Workspace brings its own.
    old_line
        The line in force so far, in points: `notes` then say whether conversion jumps there, and what that means.
    company
        The column with a lead's company, if the table has it: intervals then draw companies, not leads. None: leads.

    Raises
    ------
    WorkbenchError
        For an unknown column, scores that are all blank or all the same, an outcome that never or always happens.
    """
    check_confidence(confidence)
    outcome = as_outcome(outcome)
    leads, as_of, activities = leads_of(table, as_of=as_of, activities=activities)
    frame = as_frame(leads)
    columns = kinds(frame)
    needs_score(columns, score)
    when = date_of_export(frame, columns, outcome, as_of)
    keys = {"score": nw.col(score)}
    if by is not None:
        if by not in columns:
            raise WorkbenchError(
                f"unknown segment column {by!r}; the table has {listing(columns)}.{did_you_mean(by, columns)}"
            )
        keys["segment"] = nw.col(by)
    wide, outcome_code = classify(frame, outcome, as_of=when, activities=activities)
    cells = count_by(wide, {**keys, "outcome": outcome_code})
    values, codes, n = _floats(cells["score"]), cells["outcome"].to_numpy(dtype=np.int64), cells["n"].to_numpy()
    segments = {}
    if by is not None:
        names = cells["segment"].astype("str").where(cells["segment"].notna(), BLANK)
        if names.nunique() > MOST_SEGMENTS:
            raise WorkbenchError(
                f"{by!r} has {names.nunique():,} different values, too many to judge one by one (at most "
                f"{MOST_SEGMENTS}); choose a column with fewer, or group its values first."
            )
        for name in sorted(names.unique()):
            inside = (names == name).to_numpy()
            segments[name] = tally_scores(values[inside], codes[inside], n[inside])
    return Calibration(
        tally=tally_scores(values, codes, n),
        score=score,
        outcome=outcome,
        as_of=when,
        confidence=confidence,
        weekly=_weekly(frame, columns, score, outcome, when),
        by=by,
        segments=segments,
        old_line=old_line,
        parts=_by_company(wide, columns, score, outcome_code, company),
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WhatIf:
    """A model's contacts reduced to counts by what its rules found, so that points can change without another pass."""

    codes: CodeTally
    days: CodeTally | None
    until: pd.Timestamp | None
    outcome: Outcome
    as_of: pd.Timestamp | None
    confidence: float

    @property
    def model(self) -> ScoreModel:
        """The model as it was when the contacts were counted."""
        return self.codes.model

    def calibrate(self, points: Mapping[str, float] | None = None, *, weekly: bool = True) -> Calibration:
        """The calibration with other points for some rules (rule's name to points).

        `weekly=False` leaves out the leads a week, which take longer than all the rest.
        """
        model = self.model.with_points(points or {})
        cells = self.codes
        scores = np.asarray(cells.scores(model), dtype=float)
        return Calibration(
            tally=tally_scores(scores[cells.pattern], cells.keys["outcome"].to_numpy(dtype=np.int64), cells.n),
            score=model.name,
            outcome=self.outcome,
            as_of=self.as_of,
            confidence=self.confidence,
            weekly=self._weekly(model) if weekly else None,
        )

    def _weekly(self, model: ScoreModel) -> WeeklyLeads | None:
        if self.days is None or self.until is None:
            return None
        scores = np.asarray(self.days.scores(model), dtype=float)
        return weekly_leads(scores[self.days.pattern], self.days.keys["day"], self.days.n, until=self.until)

    def rules(self) -> pd.DataFrame:
        """One row a rule: rule, n_leads (judged leads it matches), n_won, conversion_rate, low, high (Wilson)."""
        outcome = self.codes.keys["outcome"].to_numpy()
        judged = outcome < YOUNG
        matched = self.codes.codes[self.codes.pattern[judged]] > 0
        n = self.codes.n[judged] @ matched
        won = (self.codes.n[judged] * (outcome[judged] == WON)) @ matched
        low, high = wilson_interval(won, n, confidence=self.confidence)
        return pd.DataFrame(
            {
                "rule": [rule.name for rule in self.model.rules],
                "n_leads": n,
                "n_won": won,
                "conversion_rate": np.divide(won, n, out=np.full(len(n), np.nan), where=n > 0),
                "low": low,
                "high": high,
            }
        )


def what_if(
    table: Any,
    model: ScoreModel,
    *,
    outcome: Outcome | str,
    as_of: str | date | None = None,
    confidence: float = 0.95,
    activities: Any = None,
    among: nw.Expr | None = None,
) -> WhatIf:
    """Count a model's contacts by what its rules found, once; `WhatIf.calibrate` then takes any points in milliseconds.

    Arguments as in `calibrate`; `among` keeps only some rows.
    """
    check_confidence(confidence)
    outcome = as_outcome(outcome)
    leads, as_of, activities = leads_of(table, as_of=as_of, activities=activities)
    frame = as_frame(leads)
    if among is not None:
        frame = frame.filter(among)
    columns = kinds(frame)
    when = date_of_export(frame, columns, outcome, as_of)
    wide, outcome_code = classify(frame, outcome, as_of=when, activities=activities)
    codes = tally_codes(wide, model, keys={"outcome": outcome_code}, activities=activities, as_of=when)
    recent = _recent(frame, columns, outcome, when)
    days, until = None, None
    if recent is not None:
        newest, until = recent
        day = nw.col(outcome.created).dt.truncate("1d")
        days = tally_codes(newest, model, keys={"day": day}, activities=activities, as_of=when)
    return WhatIf(codes=codes, days=days, until=until, outcome=outcome, as_of=when, confidence=confidence)


def _recent(
    frame: Frame, columns: Mapping[str, str], outcome: Outcome, as_of: pd.Timestamp | None
) -> tuple[Frame, pd.Timestamp] | None:
    """The leads of the last weeks, and the day before which they were created.

    That is `as_of`, or the day after the newest lead where leads stopped coming before: weeks without any are no weeks
    of work. None without dates of creation.
    """
    if as_of is None or columns.get(outcome.created) != "datetime":
        return None
    created = nw.col(outcome.created)
    found = collect(frame.filter(created <= nw.lit(as_of.to_pydatetime())).select(created.max()))
    newest = found[outcome.created].to_numpy()[0]
    if pd.isna(newest):
        return None
    until = min(as_of, pd.Timestamp(newest) + timedelta(days=1)).normalize()
    start: datetime = (until - timedelta(weeks=MOST_WEEKS)).to_pydatetime()
    return frame.filter(created >= nw.lit(start)), until


def _by_company(
    frame: Frame, columns: Mapping[str, str], score: str, outcome_code: nw.Expr, company: str | None
) -> ClusterTally | None:
    """Judged leads by score and company; None where companies are not known."""
    if company is None or company not in columns:
        return None
    cells = count_by(frame, {"score": nw.col(score), "company": nw.col(company), "outcome": outcome_code})
    cells = cells[(cells["outcome"] < YOUNG) & cells["score"].notna()]
    n = cells["n"].to_numpy()
    won = np.where(cells["outcome"] == WON, n, 0)
    return tally_parts(_floats(cells["score"]), cells["company"], n, won)


def _weekly(
    frame: Frame, columns: Mapping[str, str], score: str, outcome: Outcome, as_of: pd.Timestamp | None
) -> WeeklyLeads | None:
    recent = _recent(frame, columns, outcome, as_of)
    if recent is None:
        return None
    leads, until = recent
    cells = count_by(leads, {"score": nw.col(score), "day": nw.col(outcome.created).dt.truncate("1d")})
    return weekly_leads(_floats(cells["score"]), cells["day"], cells["n"].to_numpy(), until=until)


def _floats(values: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return pd.to_numeric(values).to_numpy(dtype=float, na_value=np.nan)
