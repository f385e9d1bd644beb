"""From rows to counts by score, and from counts to a Calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from workbench.calibration.asked import date_of_export, days_of_creation, needs_score
from workbench.calibration.clusters import COMPANY, ClusterTally, tally_parts
from workbench.calibration.firstwin import first_win_of
from workbench.calibration.result import Calibration
from workbench.calibration.tally import MOST_WEEKS, Floats, Ints, WeeklyLeads, tally_scores, weekly_leads, weeks_before
from workbench.conditions import Related
from workbench.engines import Frame, as_frame, count_by, kinds
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.loaders import leads_of
from workbench.outcomes import WON, YOUNG, Outcome, as_outcome, classify
from workbench.scoring import CodeTally, ScoreModel, tally_codes
from workbench.scoring.apply import with_saved_segments
from workbench.scoring.slices import Slice, moved, sliced
from workbench.stats.proportions import check_confidence, wilson_interval
from workbench.wording import plural

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
    revenue: str | None = None,
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
    revenue
        The column with what a won lead brought, in the currency of `cost_per_lead`: `recommend("profit")` then takes
        it in place of `value_per_win`. A blank counts as 0.

    Raises
    ------
    WorkbenchError
        For an unknown column, scores that are all blank or all the same, an outcome that never or always happens, or a
        negative revenue.
    """
    check_confidence(confidence)
    outcome = as_outcome(outcome)
    leads, as_of, activities, _ = leads_of(table, as_of=as_of, activities=activities)
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
    sums = {} if revenue is None else _revenue_sums(columns, revenue)
    cells = count_by(wide, {**keys, "outcome": outcome_code}, sums)
    values, codes, n = _floats(cells["score"]), cells["outcome"].to_numpy(dtype=np.int64), cells["n"].to_numpy()
    brought = None if revenue is None else _checked_revenue(cells[codes == WON], revenue, cells)
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
            of_segment = None if brought is None else (brought[0][inside], brought[1][inside])
            segments[name] = tally_scores(values[inside], codes[inside], n[inside], of_segment)
    dated = outcome.at is not None and columns.get(outcome.at) == columns.get(outcome.created) == "datetime"
    return Calibration(
        tally=tally_scores(values, codes, n, brought),
        score=score,
        outcome=outcome,
        as_of=when,
        confidence=confidence,
        weekly=_weekly(frame, columns, score, outcome, when),
        by=by,
        segments=segments,
        old_line=old_line,
        parts=_by_company(wide, columns, score, outcome_code, company),
        n_without_revenue=0 if revenue is None else int(cells.loc[codes == WON, "untold"].sum()),
        first_win=first_win_of(wide, outcome, outcome_code, confidence=confidence) if dated else None,
    )


def _revenue_sums(columns: Mapping[str, str], revenue: str) -> dict[str, nw.Expr]:
    """What is summed of a column of revenue."""
    numbers = [name for name, kind in columns.items() if kind == "number"]
    if columns.get(revenue) != "number":
        raise WorkbenchError(
            f"there is no number column {revenue!r} of revenue; there are {listing(numbers)}."
            f"{did_you_mean(revenue, numbers)}"
        )
    amount = nw.col(revenue).cast(nw.Float64)
    known = ~amount.is_null() & ~amount.is_nan()
    money = nw.when(known).then(amount).otherwise(nw.lit(0.0))
    return {
        "revenue": money,
        "squared": money * money,
        "negative": (money < 0).cast(nw.Int64),
        "untold": (~known).cast(nw.Int64),
    }


def _checked_revenue(won: pd.DataFrame, revenue: str, cells: pd.DataFrame) -> tuple[Floats, Floats]:
    """Revenue of each cell and its squares, or a WorkbenchError where it can be no revenue."""
    negative = int(won["negative"].sum())
    if negative:
        raise WorkbenchError(
            f"{plural(negative, 'won lead')} {'has' if negative == 1 else 'have'} a negative revenue in {revenue!r}, "
            "so a line by profit would mean nothing; correct the amounts, or leave those leads out."
        )
    if len(won) and not won["revenue"].sum() > 0:
        raise WorkbenchError(
            f"no won lead has a revenue in {revenue!r}; choose another column, or say what a win is worth with "
            "value_per_win."
        )
    return cells["revenue"].to_numpy(dtype=float), cells["squared"].to_numpy(dtype=float)


# Up to so many patterns all scores follow from a change within milliseconds; beyond, a slice for one rule is made.
FEW_PATTERNS = 50_000


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WhatIf:
    """A model's contacts reduced to counts by what its rules found, so that points can change without another pass."""

    codes: CodeTally  # by `outcome`
    weeks: CodeTally | None  # by `week` of creation, 0 is the latest; None without dates of creation
    n_weeks: int
    outcome: Outcome
    as_of: pd.Timestamp | None
    confidence: float
    _slices: dict[str, Slice] = field(default_factory=dict, init=False, repr=False)
    _last: list[ScoreModel] = field(default_factory=list, init=False, repr=False)

    @property
    def model(self) -> ScoreModel:
        """The model as it was when the contacts were counted."""
        return self.codes.model

    def calibrate(self, change: Mapping[str, float] | ScoreModel | None = None, *, weekly: bool = True) -> Calibration:
        """The calibration after a change.

        Parameters
        ----------
        change
            Other points for some rules (rule's name to points), or the same model with other points or limits.
        weekly
            False leaves out the leads a week, which take longer than all the rest.
        """
        model = change if isinstance(change, ScoreModel) else self.model.with_points(change or {})
        cells, scores = self._scored("codes", self.codes, model)
        found = Calibration(
            tally=tally_scores(scores[cells.pattern], cells.keys["outcome"].to_numpy(dtype=np.int64), cells.n),
            score=model.name,
            outcome=self.outcome,
            as_of=self.as_of,
            confidence=self.confidence,
            weekly=self._weekly(model) if weekly else None,
        )
        self._last[:] = [model]
        return found

    def _weekly(self, model: ScoreModel) -> WeeklyLeads | None:
        if self.weeks is None:
            return None
        cells, scores = self._scored("weeks", self.weeks, model)
        week = cells.keys["week"].to_numpy(dtype=np.int64)
        return WeeklyLeads(n_weeks=self.n_weeks, score=scores[cells.pattern], week=week, n=cells.n)

    def _scored(
        self, part: str, tally: CodeTally, model: ScoreModel
    ) -> tuple[CodeTally | Slice, np.ndarray[Any, np.dtype[np.float64]]]:
        """Cells and the scores of their patterns: the tally's own, or of a slice for the rule that moves."""
        cells: CodeTally | Slice = tally
        if len(tally.codes) > FEW_PATTERNS:
            model = tally.checked(model)
            kept = [made for made in (self._slices.get(part), *self._slices.values()) if made and made.fits(model)]
            if kept and kept[0] is self._slices.get(part):
                cells = kept[0]
            else:
                rule = kept[0].rule if kept else moved(self._last[0] if self._last else self.model, model)
                if rule is not None:
                    cells = self._slices[part] = sliced(tally, model, rule)
        return cells, np.asarray(cells.scores(model), dtype=float)

    def rules(self) -> pd.DataFrame:
        """One row a rule: rule, n_leads (judged leads it matches), n_won, conversion_rate, low, high (Wilson)."""
        outcome = self.codes.keys["outcome"].to_numpy()
        return rules_met(self.codes, self.codes.pattern, outcome, self.codes.n, self.confidence).drop(columns="n")


def rules_met(codes: CodeTally, pattern: Ints, outcome: Ints, n: Ints, confidence: float) -> pd.DataFrame:
    """One row a rule: rule, n (contacts it matches), n_leads (judged ones), n_won, conversion_rate, low, high (Wilson).

    Of cells: the row of `codes`, an outcome code and a count each.
    """
    met = [np.flatnonzero(found) for found in codes.codes.T]
    counts = [
        np.bincount(pattern, weights=part, minlength=len(codes.codes))
        for part in (n, n * (outcome < YOUNG), n * (outcome == WON))
    ]
    matched, leads, won = (np.array([count[rows].sum() for rows in met]).astype(np.int64) for count in counts)
    low, high = wilson_interval(won, leads, confidence=confidence)
    rate = np.divide(won, leads, out=np.full(len(leads), np.nan), where=leads > 0)
    found = {"rule": [rule.name for rule in codes.model.rules], "n": matched, "n_leads": leads, "n_won": won}
    return pd.DataFrame(found | {"conversion_rate": rate, "low": low, "high": high})


def what_if(
    table: Any,
    model: ScoreModel,
    *,
    outcome: Outcome | str,
    as_of: str | date | None = None,
    confidence: float = 0.95,
    activities: Any = None,
    related: Related | None = None,
    among: nw.Expr | None = None,
) -> WhatIf:
    """Count a model's contacts by what its rules found, once; `WhatIf.calibrate` then takes any points in milliseconds.

    Arguments as in `calibrate` and `score`; `among` keeps only some rows.
    """
    check_confidence(confidence)
    outcome, model = as_outcome(outcome), with_saved_segments(model, table)
    leads, as_of, activities, related = leads_of(table, as_of=as_of, activities=activities, related=related)
    frame = as_frame(leads)
    if among is not None:
        frame = frame.filter(among)
    columns = kinds(frame)
    when = date_of_export(frame, columns, outcome, as_of)
    wide, outcome_code = classify(frame, outcome, as_of=when, activities=activities)
    keys = {"outcome": outcome_code}
    days = days_of_creation(frame, columns, outcome, when)
    if days is not None:
        keys["day"] = nw.when(_recent(outcome, days[1])).then(nw.col(outcome.created).dt.truncate("1d"))
    counted = tally_codes(wide, model, keys=keys, activities=activities, related=related, as_of=when)
    weeks, n_weeks = (None, 0) if days is None else _by_week(counted, until=days[1])
    return WhatIf(
        codes=counted.over(["outcome"]),
        weeks=weeks,
        n_weeks=n_weeks,
        outcome=outcome,
        as_of=when,
        confidence=confidence,
    )


def _by_week(counted: CodeTally, *, until: pd.Timestamp) -> tuple[CodeTally | None, int]:
    """Contacts of the last whole weeks by week, and how many weeks these are; None where there are none."""
    week, n_weeks = weeks_before(counted.keys["day"], until=until)
    if not n_weeks:
        return None, 0
    return replace(counted, keys=pd.DataFrame({"week": week})).over(["week"], week >= 0), n_weeks


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
    days = days_of_creation(frame, columns, outcome, as_of)
    if days is None:
        return None
    _, until = days
    leads = frame.filter(_recent(outcome, until))
    cells = count_by(leads, {"score": nw.col(score), "day": nw.col(outcome.created).dt.truncate("1d")})
    return weekly_leads(_floats(cells["score"]), cells["day"], cells["n"].to_numpy(), until=until)


def _recent(outcome: Outcome, until: pd.Timestamp) -> nw.Expr:
    """Leads created at most so many weeks before a day as are counted."""
    return nw.col(outcome.created) >= nw.lit((until - timedelta(weeks=MOST_WEEKS)).to_pydatetime())


def _floats(values: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return pd.to_numeric(values).to_numpy(dtype=float, na_value=np.nan)
