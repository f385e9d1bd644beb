"""The score as it was at a past date, and what came after: were the winners above the line when it mattered?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.calibration.asked import date_of_export
from workbench.calibration.clusters import ClusterTally
from workbench.calibration.drift import Drift, compare_periods
from workbench.calibration.hysteresis import Hysteresis, hysteresis
from workbench.calibration.known import known_moments
from workbench.calibration.rebuild import Rebuilt, rebuildable
from workbench.calibration.replay import (
    MOMENT,
    MOST_CHANGES,
    cut_histories,
    file_table,
    leads_reached,
    make_leads,
    replay,
)
from workbench.calibration.result import Calibration
from workbench.calibration.tally import tally_scores
from workbench.conditions import parse, prepare
from workbench.engines import as_frame, kinds
from workbench.errors import WorkbenchError, listing
from workbench.loaders import Workspace
from workbench.outcomes import LOST, WON, YOUNG, Outcome, as_outcome, classify
from workbench.scoring import CodeTally, ScoreModel
from workbench.stats.proportions import check_confidence
from workbench.wording import percent, plural, points

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
    periods: tuple[ClusterTally | None, ClusterTally | None]
    paths: NDArray[np.float32]
    months: pd.DatetimeIndex
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
        return replace(self.calibration, tally=self.drift.earlier, weekly=None, parts=self.periods[0])

    @cached_property
    def later(self) -> Calibration:
        """The later leads: check the line here, at `later.at(line)`."""
        return replace(self.calibration, tally=self.drift.later, weekly=None, parts=self.periods[1])

    @cached_property
    def time_to_win(self) -> pd.DataFrame:
        """Share of leads that won by a number of days after the reference date, by band (Kaplan-Meier).

        Columns: low_score, high_score, days, n_leads, n_at_risk (still followed then), won_share, low, high (0 to 1,
        by Greenwood's formula on the log scale of the survival function). Leads whose following ends early are
        censored; a lead closed as lost
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
                steps, survival = curve.surv_times, curve.surv_prob
                # Greenwood's, which statsmodels leaves for another formula where counts are weighted.
                left_over = np.maximum(curve.n_risk - curve.n_events, 1e-12)
                error = np.sqrt(np.cumsum(curve.n_events / (curve.n_risk * left_over)))
            for mark in marks:
                place = int(np.searchsorted(steps, mark, side="right")) - 1
                left = float(survival[place]) if place >= 0 else 1.0
                wide = float(error[place]) if place >= 0 and left > 0 else 0.0
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

    def hysteresis(self, line: float, out: float) -> Hysteresis:
        """First crossings of a line by month, and how often leads come back, where they leave below `out` points.

        Raises
        ------
        WorkbenchError
            If the back-test is not month by month, or `out` lies above `line`.
        """
        if len(self.months) < 2:
            raise WorkbenchError("coming and going needs several dates; back-test with monthly=12.")
        return hysteresis(self.paths, self.months, line, out)

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
                f"A lead stands here {self.repeats:.1f} times on average, once a month until it wins; intervals of "
                "rates and lines allow for that, and for companies with several leads."
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
        together = make_leads(classified, rebuilt, created=outcome.created, at=outcome.at)
        moments = [MOMENT] if moved else _month_ends(end, outcome.within_days, monthly or 1)
        found = replay(
            connection,
            rebuilt,
            activities,
            history,
            moments,
            days=days_after_creation,
            end=end,
            window=outcome.within_days,
            split=None if split is None else pd.Timestamp(split),
            together=together,
            progress=progress,
        )
        n_leads, n_reached = leads_reached(connection, days_after_creation or 0, end)
        n_cut = 0 if history is None else cut_histories(connection, history, rebuilt.from_history)
    cells = found.cells
    when = f"{days_after_creation} days after creation" if moved else f"at {len(moments)} ends of months"
    calibration = Calibration(
        tally=tally_scores(
            cells["score"].to_numpy(dtype=float), cells["state"].to_numpy(dtype=np.int64), cells["n"].to_numpy()
        ),
        score=model.name,
        outcome=replace(outcome, created="the reference date"),
        as_of=end,
        confidence=confidence,
        parts=found.parts[0],
    )
    return Backtest(
        calibration=calibration,
        rebuilt=rebuilt,
        when=when,
        cells=cells,
        codes=found.codes,
        split=found.split,
        periods=found.parts[1:],
        paths=found.paths,
        months=pd.DatetimeIndex([] if moved else moments),
        n_already=found.n_already,
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
