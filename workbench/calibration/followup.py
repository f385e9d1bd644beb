"""After the decision: what was promised beside what came, month by month, with an alarm when they part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd

from workbench.calibration.asked import date_of_export, needs_score
from workbench.calibration.decision import Decision
from workbench.engines import as_frame, count_by, kinds
from workbench.errors import WorkbenchError
from workbench.outcomes import LOST, WON, Outcome, as_outcome, classify
from workbench.stats.proportions import check_confidence, holm, wilson_interval
from workbench.wording import interval, percent, plural, points


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """A decision's promises beside the months since."""

    decision: Decision
    rows: pd.DataFrame
    confidence: float

    def frame(self) -> pd.DataFrame:
        """One row a month of creation since the decision.

        month, n_above (leads created at or above the line), leads_per_week, n_judged (those old enough), n_won,
        conversion_rate, low, high (Wilson), and the alarms: fewer_or_more_leads, converts_otherwise (True where the
        month differs from the promise beyond chance, Holm over all months).
        """
        return self.rows

    @property
    def alarm(self) -> bool:
        """Whether any month differs from what was promised, beyond chance."""
        return bool(self.rows[["fewer_or_more_leads", "converts_otherwise"]].to_numpy().any())

    @property
    def reason(self) -> str:
        """Which months part from the promise, and how."""
        told = []
        promised = self.decision
        for row in self.rows.to_dict("records"):
            month = f"{row['month']:%B %Y}"
            if row["converts_otherwise"]:
                told.append(
                    f"{month} converts at {percent(row['conversion_rate'])} ({interval(row['low'], row['high'])}), "
                    f"{percent(promised.conversion_rate)} were promised"
                )
            if row["fewer_or_more_leads"]:
                told.append(
                    f"{month} brought {row['leads_per_week']:.1f} leads a week, {promised.leads_per_week:.1f} were "
                    "promised"
                )
        if told:
            return f"{'; '.join(told)}. Look at what changed, and calibrate again."
        young = int((self.rows["n_judged"] == 0).sum())
        silent = f"; {plural(young, 'month is', 'months are')} too young to judge conversion" if young else ""
        return f"nothing differs from the promise beyond chance{silent}."

    def headline(self) -> str:
        """Whether the promise holds, in a sentence."""
        start = f"{plural(len(self.rows), 'month')} since the line went to {points(self.decision.threshold)}"
        return f"{'Alarm' if self.alarm else 'As promised'}, {start}: {self.reason}"


def follow_up(
    table: Any,
    decision: Decision,
    *,
    outcome: Outcome | str,
    score: str | None = None,
    as_of: str | date | None = None,
    confidence: float = 0.95,
) -> FollowUp:
    """Compare what came since a decision with what it promised.

    Parameters
    ----------
    table
        A newer import, a lead a row, of any engine.
    decision
        From `decisions` or `standing_decision`.
    outcome
        As it was when the decision was made.
    score
        The column of the score. Default: the decision's.
    as_of
        The date of the newer export.

    Raises
    ------
    WorkbenchError
        For another outcome than the decision's, or if no lead was created since.

    References
    ----------
    Fisher, R. A. (1935). The logic of inductive inference. JRSS 98, 39-82 (conversion beside the promised counts).
    Garwood, F. (1936). Fiducial limits for the Poisson distribution. Biometrika 28, 437-442 (leads a month).
    """
    from scipy.stats import fisher_exact

    check_confidence(confidence)
    outcome = as_outcome(outcome)
    if outcome.sentence != decision.outcome:
        raise WorkbenchError(
            f"the decision was made for {decision.outcome!r}, and {outcome.sentence!r} came; compare like with like."
        )
    frame = as_frame(table)
    columns = kinds(frame)
    score = decision.score if score is None else score
    needs_score(columns, score)
    end = date_of_export(frame, columns, outcome, as_of)
    if end is None or columns.get(outcome.created) != "datetime":
        raise WorkbenchError(
            f"months need the date of creation, but there is no date column {outcome.created!r}; name it in "
            "Outcome(created=...)."
        )
    start = pd.Timestamp(decision.date)
    frame, code = classify(frame, outcome, as_of=end)
    since = frame.filter(
        (nw.col(outcome.created) >= nw.lit(start.to_pydatetime())) & (nw.col(score) >= decision.threshold)
    )
    cells = count_by(since, {"day": nw.col(outcome.created).dt.truncate("1d"), "outcome": code})
    if not len(cells) or start >= end:
        raise WorkbenchError(
            f"no lead at or above {points(decision.threshold)} was created since the decision of {decision.date}; "
            "bring a newer export."
        )
    months = pd.period_range(start, end, freq="M")
    month = pd.PeriodIndex(cells["day"], freq="M")
    rows, unlikely, other = [], [], []
    for one in months:
        part = cells[month == one]
        first, last = max(one.start_time, start), min((one + 1).start_time, end)
        weeks = (last - first).days / 7
        if weeks <= 0:
            continue
        n = int(part["n"].sum())
        won = int(part.loc[part["outcome"] == WON, "n"].sum())
        judged = won + int(part.loc[part["outcome"] == LOST, "n"].sum())
        low, high = wilson_interval(won, judged, confidence=confidence)
        counts = np.array([[won, judged - won], [decision.n_won, decision.n_above - decision.n_won]])
        other.append(float(fisher_exact(counts).pvalue) if judged else 1.0)
        unlikely.append(_unlikely(n, decision.leads_per_week, weeks))
        rows.append(
            {
                "month": one.start_time,
                "n_above": n,
                "leads_per_week": n / weeks,
                "n_judged": judged,
                "n_won": won,
                "conversion_rate": won / judged if judged else float("nan"),
                "low": float(low),
                "high": float(high),
            }
        )
    found = pd.DataFrame(rows)
    found["fewer_or_more_leads"] = holm(np.array(unlikely), alpha=1 - confidence)
    found["converts_otherwise"] = holm(np.array(other), alpha=1 - confidence)
    return FollowUp(decision=decision, rows=found, confidence=confidence)


def _unlikely(n: int, per_week: float | None, weeks: float) -> float:
    """Two-sided chance of so few or so many leads where so many a week were promised (Poisson)."""
    from scipy.stats import poisson

    if per_week is None:
        return 1.0
    expected = per_week * weeks
    return min(1.0, 2 * min(float(poisson.cdf(n, expected)), float(poisson.sf(n - 1, expected))))
