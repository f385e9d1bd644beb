"""The score as it was at a past date, and what came after: were the winners above the line when it mattered?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from workbench.calibration.asked import date_of_export
from workbench.calibration.drift import Drift, compare_periods
from workbench.calibration.known import known_moments
from workbench.calibration.rebuild import (
    MOMENT,
    MOST_CHANGES,
    Rebuilt,
    cut_histories,
    event_table,
    file_table,
    lead_table,
    leads_reached,
    make_leads,
    rebuildable,
)
from workbench.calibration.result import Calibration
from workbench.calibration.tally import tally_scores
from workbench.conditions import parse, prepare
from workbench.engines import as_frame, kinds
from workbench.errors import WorkbenchError, listing
from workbench.loaders import Workspace
from workbench.outcomes import BEFORE, LOST, UNKNOWN, WON, YOUNG, Outcome, as_outcome, classify
from workbench.scoring import CodeTally, ScoreModel, tally_codes
from workbench.stats.proportions import check_confidence
from workbench.wording import percent, plural, points

ALREADY = 5
"""State of a lead that had won before its reference date: it is no lead any more."""
MOST_MONTHS = 60


@dataclass(frozen=True, eq=False, kw_only=True)
class Backtest:
    """A score rebuilt at past reference dates, with what came after.

    `calibration` judges it as `calibrate` does, but of scores as they were; `n_already` leads had won by then and are
    left out. `cells` counts leads by score, reference day, state, days followed and whether the win was seen; `codes`
    by what the rules found, from which points can be suggested and other points tried.
    """

    calibration: Calibration
    rebuilt: Rebuilt
    when: str
    cells: pd.DataFrame
    codes: CodeTally
    split: pd.Timestamp
    n_already: int
    n_unreached: int
    n_cut: int
    repeats: float
    seed: int = 0

    @property
    def rules(self) -> pd.DataFrame:
        """One row a rule: rule, rebuilt (yes or no), source (what it was rebuilt from), reason (why it was not)."""
        return self.rebuilt.rows

    @cached_property
    def drift(self) -> Drift:
        """Earlier reference dates beside later ones: scores, conversion, and `check(line)`."""
        judged = self.cells[self.cells["state"].isin([LOST, WON])]
        return compare_periods(
            judged.rename(columns={"reference": "day", "state": "outcome"}),
            self.split,
            confidence=self.calibration.confidence,
            seed=self.seed,
        )

    @cached_property
    def earlier(self) -> Calibration:
        """The earlier 70 % of the judged leads: choose a line here."""
        return replace(self.calibration, tally=self.drift.earlier, weekly=None)

    @cached_property
    def later(self) -> Calibration:
        """The later leads: check the line here, at `later.at(line)`."""
        return replace(self.calibration, tally=self.drift.later, weekly=None)

    @cached_property
    def time_to_win(self) -> pd.DataFrame:
        """Share of leads that won by a number of days after the reference date, by band (Kaplan-Meier).

        Columns: low_score, high_score, days, n_leads, n_at_risk (still followed then), won_share, low, high (0 to 1,
        on the log scale of the survival function). Leads whose following ends early are censored; a lead closed as lost
        never wins. The young count too, for as long as they were seen.

        References
        ----------
        Kaplan, E. L., Meier, P. (1958). Nonparametric estimation from incomplete observations. JASA 53, 457-481
        (statsmodels' `SurvfuncRight`).
        """
        from scipy.stats import norm
        from statsmodels.duration.survfunc import SurvfuncRight

        z = float(norm.ppf(0.5 + self.calibration.confidence / 2))
        seen = self.cells[self.cells["state"].isin([LOST, WON, YOUNG]) & self.cells["score"].notna()]
        horizon = int(seen["days"].max()) if len(seen) else 0
        window = self.calibration.outcome.within_days or 0
        marks = sorted({day for day in (7, 30, 60, 90, 180, 365, window) if 0 < day <= max(horizon, 1)})
        rows = []
        for _, band in self.calibration.bands.iterrows():
            inside = seen[seen["score"].between(band["low_score"], band["high_score"])]
            days, won, n = (inside[name].to_numpy() for name in ("days", "seen_to_win", "n"))
            if not won.any():
                steps, survival, error = np.zeros(0), np.zeros(0), np.zeros(0)
            else:
                curve = SurvfuncRight(days, won.astype(int), freq_weights=n)
                steps, survival, error = curve.surv_times, curve.surv_prob, curve.surv_prob_se
            for mark in marks:
                place = int(np.searchsorted(steps, mark, side="right")) - 1
                left = float(survival[place]) if place >= 0 else 1.0
                wide = float(error[place]) / left if place >= 0 and left > 0 else 0.0
                rows.append(
                    {
                        "low_score": band["low_score"],
                        "high_score": band["high_score"],
                        "days": mark,
                        "n_leads": int(n.sum()),
                        "n_at_risk": int(n[days >= mark].sum()),
                        "won_share": 1 - left,
                        "low": max(0.0, 1 - left * np.exp(z * wide)),
                        "high": min(1.0, 1 - left * np.exp(-z * wide)),
                    }
                )
        return pd.DataFrame(rows)

    def frame(self) -> pd.DataFrame:
        """The thresholds, as in `Calibration.frame`, of scores as they were."""
        return self.calibration.frame()

    def headline(self, threshold: float | None = None) -> str:
        """What a line would have meant, in a sentence; by default the one of Youden's J."""
        ranking = self.calibration.ranking
        line = threshold
        if line is None:
            line = self.earlier.recommend("youden").threshold
        start = f"Score as it was {self.when}: the AUC is {ranking.value:.2f} ({ranking.low:.2f} to {ranking.high:.2f})"
        if line is None:
            return f"{start}; no line parts winners from the rest."
        told = self.later.at(line)
        return (
            f"{start}; a line at {points(line)} on the later leads: {told.n_leads:,} of {told.n_all:,} above it, "
            f"{percent(told.conversion.value)} of them won, with {percent(told.capture.value, digits=0)} of all wins."
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader has to know: what could not be rebuilt, who is left out, what drifted."""
        gone = self.rules[~self.rules["rebuilt"]].to_dict("records")
        found = [f"Not rebuilt: the rule {row['rule']!r}, for {row['reason']}" for row in gone]
        created = self.rules[self.rules["source"].str.contains("the contact as created")]["rule"].tolist()
        if created:
            found.append(
                f"Taken as exported, because such properties are known with the contact: {listing(created, most=6)}."
            )
        if self.n_already:
            found.append(f"{plural(self.n_already, 'lead')} had won before the reference date and are left out.")
        if self.n_unreached:
            found.append(f"{plural(self.n_unreached, 'lead')} had not reached the reference date by the export.")
        if self.n_cut:
            found.append(
                f"{plural(self.n_cut, 'property history', 'property histories')} may be cut: the vendor keeps "
                f"{MOST_CHANGES} changes."
            )
        if self.repeats > 1.005:
            found.append(
                f"A lead stands here {self.repeats:.1f} times on average, once a month until it wins; intervals take "
                "these as different leads and are too narrow."
            )
        return (*found, *self.calibration.notes, self.drift.headline())


def backtest(
    workspace: Workspace,
    model: ScoreModel,
    *,
    outcome: Outcome | str,
    days_after_creation: int | None = None,
    monthly: int | None = None,
    known_at: Mapping[str, str] | None = None,
    lost: str | None = None,
    split: str | date | None = None,
    as_of: str | date | None = None,
    confidence: float = 0.95,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Backtest:
    """Rebuild each lead's score as it was, from activities and property history alone, and follow what came after.

    Parameters
    ----------
    workspace
        With activities and property history, as far as rules need them.
    model
        The rules.
    outcome
        With `at` and `within_days`; the window counts from the reference date, and only a win inside it is a win.
    days_after_creation
        Each lead's reference date: so many days after its creation, 7 unless said otherwise.
    monthly
        Instead: the last so many ends of months at which a window could still pass; each lead that was there and had
        not won is scored at each.
    known_at
        Property to `"creation"`, `"event"` or `"sales"` (after sales contact), beside what is known of the vendor's
        own. What is known after sales contact is refused, what changes with events needs its history.
    lost
        A condition that says which leads were closed as lost: they never win, however long they were followed.
    split
        The first reference date of the later leads. Default: after 70 % of the judged leads.
    as_of
        The date of the export. Default: the Workspace's.
    progress
        Called before each reference date with how many are done, of how many; what it raises ends the back-test.

    Raises
    ------
    WorkbenchError
        For a rule on what is known too late, if no rule can be rebuilt, or if no lead can be judged.
    """
    import duckdb

    check_confidence(confidence)
    outcome = as_outcome(outcome)
    if days_after_creation is not None and monthly is not None:
        raise WorkbenchError("a back-test is either days_after_creation or monthly; leave one out.")
    if monthly is None:
        days_after_creation = _whole("days_after_creation", 7 if days_after_creation is None else days_after_creation)
    elif not 1 <= _whole("monthly", monthly) <= MOST_MONTHS:
        raise WorkbenchError(f"monthly counts ends of months, from 1 to {MOST_MONTHS}, but {monthly!r} was given.")
    moved = monthly is None
    rebuilt = rebuildable(model, workspace, known_moments(known_at), moved=moved)
    if outcome.at is None or outcome.within_days is None:
        raise WorkbenchError(
            "a back-test needs the date of the outcome and a window; say for instance "
            "Outcome(when=..., at='hs_v2_date_entered_customer', within_days=90)."
        )
    contacts = file_table(workspace, "contacts")
    if contacts is None:
        raise WorkbenchError("there are no contacts to score; export them and load them with the rest.")
    activities, history = file_table(workspace, "activities"), file_table(workspace, "property_history")
    with duckdb.connect() as connection:
        events = None if activities is None else connection.sql(f"FROM {activities}")
        frame = as_frame(connection.sql(f"FROM {contacts}"))
        end = date_of_export(frame, kinds(frame), outcome, workspace.as_of if as_of is None else as_of)
        if end is None:
            raise WorkbenchError("a back-test needs the date of the export; say as_of=, such as '2026-06-30'.")
        frame, code = classify(frame, replace(outcome, within_days=None), as_of=end, activities=events)
        gone = nw.lit(False)
        if lost is not None:
            frame, (gone,) = prepare(frame, [parse(lost)], as_of=end, activities=events)
        classified = frame.with_columns(code.alias("_code"), gone.alias("_lost")).to_native()
        make_leads(connection, classified, rebuilt, created=outcome.created, at=outcome.at)
        if moved:
            references = [(f"l._created + INTERVAL {days_after_creation} DAY", MOMENT)]
        else:
            references = [(f"TIMESTAMP '{day}'", day) for day in _month_ends(end, outcome.within_days, monthly or 1)]
        parts, tallies = [], []
        for done, (reference, moment) in enumerate(references):
            if progress is not None:
                progress(done, len(references))
            leads = lead_table(connection, rebuilt, history, reference=reference, moved=moved)
            happened = event_table(connection, rebuilt, activities, reference=reference, moved=moved)
            reached = leads.filter(f"_created <= _reference AND _reference <= TIMESTAMP '{end}'")
            frame, keys = _states(reached, end, outcome.within_days)
            codes = tally_codes(frame, rebuilt.model, keys=keys, activities=happened, as_of=moment)
            parts.append(_counted(codes))
            tallies.append(codes)
        n_leads, n_reached = leads_reached(connection, days_after_creation or 0, end)
        n_cut = 0 if history is None else cut_histories(connection, history, rebuilt.from_history)
    cells = pd.concat(parts, ignore_index=True)
    n_already = int(cells.loc[cells["state"] == ALREADY, "n"].sum())
    cells = cells[cells["state"] != ALREADY]
    when = f"{days_after_creation} days after creation" if moved else f"at {len(references)} ends of months"
    calibration = Calibration(
        tally=tally_scores(
            cells["score"].to_numpy(dtype=float), cells["state"].to_numpy(dtype=np.int64), cells["n"].to_numpy()
        ),
        score=model.name,
        outcome=replace(outcome, created="the reference date"),
        as_of=end,
        confidence=confidence,
    )
    judged = cells[cells["state"].isin([LOST, WON])]
    by_day = judged.groupby("reference")["n"].sum()
    if split is None:
        past = int(np.searchsorted(by_day.cumsum().to_numpy(), 0.7 * by_day.sum(), side="right"))
        split = by_day.index[min(past, len(by_day) - 1)]
    return Backtest(
        calibration=calibration,
        rebuilt=rebuilt,
        when=when,
        cells=cells.reset_index(drop=True),
        codes=_together(tallies, rebuilt.model),
        split=pd.Timestamp(split),
        n_already=n_already,
        n_unreached=n_leads - n_reached if moved else 0,
        n_cut=n_cut,
        repeats=1.0 if moved else float(cells["n"].sum()) / n_reached,
        seed=seed,
    )


def _whole(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise WorkbenchError(f"{name} is a whole number from 0, not {value!r}.")
    return value


def _month_ends(end: pd.Timestamp, window: int, months: int) -> list[pd.Timestamp]:
    """The last second of each of the last `months` months after which a window has passed by `end`."""
    last = (end - pd.Timedelta(days=window)).to_period("M").to_timestamp()
    return [last - pd.DateOffset(months=back) - pd.Timedelta(seconds=1) for back in reversed(range(months))]


def _states(leads: Any, end: pd.Timestamp, window: int) -> tuple[nw.LazyFrame[Any], dict[str, nw.Expr]]:
    """The leads, and what each is counted by: reference day, state, days followed, whether the win was seen."""
    frame = nw.from_native(leads)
    code, at, reference = nw.col("_code"), nw.col("_at"), nw.col("_reference")
    limit = reference.dt.offset_by(f"{window}d")
    won = (code == WON) & ~at.is_null()
    state = nw.when(won & (at <= limit)).then(nw.lit(WON)).otherwise(nw.lit(LOST))
    state = nw.when(limit > nw.lit(end.to_pydatetime())).then(nw.lit(YOUNG)).otherwise(state)
    state = nw.when(won & (at <= reference)).then(nw.lit(ALREADY)).otherwise(state)
    state = nw.when(code == BEFORE).then(nw.lit(BEFORE)).otherwise(state)
    state = nw.when((code == UNKNOWN) | ((code == WON) & at.is_null())).then(nw.lit(UNKNOWN)).otherwise(state)
    until = nw.when(won).then(at).otherwise(nw.lit(end.to_pydatetime()))
    frame = frame.with_columns(state.alias("_state"), until.alias("_until"), won.alias("_won"))
    return frame, {
        "reference": reference.dt.truncate("1d"),
        "outcome": nw.col("_state"),
        "days": (nw.col("_until") - reference).dt.total_minutes() // 1440,
        "seen_to_win": nw.col("_won"),
        "lost": nw.col("_lost"),
    }


def _counted(codes: CodeTally) -> pd.DataFrame:
    """Leads by score, reference day, state, days followed and whether the win was seen."""
    cells = codes.keys.rename(columns={"outcome": "state"}).assign(
        score=np.asarray(codes.scores(), dtype=float)[codes.pattern], n=codes.n
    )
    never = cells["lost"].astype(bool) & ~cells["seen_to_win"].astype(bool)
    cells["days"] = cells["days"].where(~never, cells["days"].max()).astype("int64")
    cells = cells.astype({"seen_to_win": bool, "state": "int64"}).drop(columns="lost")
    keys = ["score", "reference", "state", "days", "seen_to_win"]
    return cells.groupby(keys, sort=True)["n"].sum().reset_index()


def _together(tallies: list[CodeTally], model: ScoreModel) -> CodeTally:
    """The counts of several dates as one, by what the rules found and by outcome."""
    starts = np.cumsum([0, *[len(one.codes) for one in tallies]])
    cells = pd.concat(
        [
            pd.DataFrame({"pattern": one.pattern + start, "outcome": one.keys["outcome"].to_numpy(), "n": one.n})
            for one, start in zip(tallies, starts, strict=False)
        ]
    )
    cells = cells[cells["outcome"] != ALREADY].groupby(["pattern", "outcome"])["n"].sum().reset_index()
    return CodeTally(
        model=model,
        codes=np.concatenate([one.codes for one in tallies]),
        pattern=cells["pattern"].to_numpy(dtype=np.int64),
        keys=cells[["outcome"]].astype("int64"),
        n=cells["n"].to_numpy(dtype=np.int64),
    )
