"""Selective labels: an old line decided who was worked, so winners are found where sales looked for them.

A jump in conversion at the old line shows it; a hold-out by lot, on both sides of the line, is the way out.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import narwhals as nw
import numpy as np
import pandas as pd

from workbench.calibration.asked import date_of_export, needs_score
from workbench.engines import as_frame, count_by, kinds
from workbench.errors import WorkbenchError
from workbench.outcomes import LOST, WON, Outcome, as_outcome, classify
from workbench.stats.logistic import fit_logistic
from workbench.stats.proportions import Rate, check_confidence, rate
from workbench.wording import interval, percent, points, times

if TYPE_CHECKING:
    from workbench.calibration.result import Calibration

LEAST_LEADS = 30
"""Leads needed on each side of a line before a jump can be looked for."""
NEAR = 0.25
"""A chosen line within this many standard deviations of the score from the old one sits at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jump:
    """Conversion just below and just above an old line.

    `below` and `above` are the rates (0 to 1) at the line itself, as the leads below and those above within `within`
    points tell it; `difference` is above less below with `low` and `high`. All NaN where it cannot be told.
    """

    old_line: float
    within: float
    n_below: int
    n_above: int
    below: Rate
    above: Rate
    difference: float
    low: float
    high: float
    p_value: float
    confidence: float
    problem: str = ""

    @property
    def found(self) -> bool:
        """Whether conversion jumps up at the line, beyond chance."""
        return self.low > 0 and self.p_value < 1 - self.confidence

    def at(self, threshold: float | None) -> bool:
        """Whether a chosen line sits at the old one although conversion jumps there."""
        return self.found and threshold is not None and abs(threshold - self.old_line) <= NEAR * self.within

    @property
    def reason(self) -> str:
        """What was found and what it means."""
        if self.problem:
            return self.problem
        rates = (
            f"{percent(self.below.value)} just below ({interval(self.below.low, self.below.high)}) to "
            f"{percent(self.above.value)} at it ({interval(self.above.low, self.above.high)}), from "
            f"{self.n_below:,} and {self.n_above:,} leads within {points(round(self.within))} points"
        )
        if self.found:
            return (
                f"conversion jumps from {rates}. Leads below the old line were worked less, so their conversion says "
                "little of what they would do if worked, and a line chosen on these figures tends to be the old one."
            )
        return f"no jump in conversion beyond chance: {rates}."

    def headline(self) -> str:
        """The jump in a sentence."""
        return f"At the old line, {points(self.old_line)}: {self.reason}"

    def frame(self) -> pd.DataFrame:
        """Two rows, below and above: side, n_leads, conversion_rate, low, high (at the line itself)."""
        return pd.DataFrame(
            {
                "side": ["below", "above"],
                "n_leads": [self.n_below, self.n_above],
                "conversion_rate": [self.below.value, self.above.value],
                "low": [self.below.low, self.above.low],
                "high": [self.below.high, self.above.high],
            }
        )


def jump_at(calibration: Calibration, old_line: float) -> Jump:
    """Conversion on both sides of an old line: a logistic regression with a slope of its own on each side.

    Only leads within one standard deviation of the score are used.

    References
    ----------
    Imbens, G. W., Lemieux, T. (2008). Regression discontinuity designs: a guide to practice. Journal of Econometrics
    142, 615-635.
    """
    from scipy.stats import norm

    old_line = check_old_line(calibration, old_line)
    tally, within = calibration.tally, calibration.summary.standard_deviation
    distance = tally.score - old_line
    near = (np.abs(distance) <= within) & (tally.n_leads > 0)
    distance, n, won = distance[near], tally.n_leads[near], tally.n_won[near]
    above = distance >= 0
    n_below, n_above = int(n[~above].sum()), int(n[above].sum())
    unknown = float("nan")
    nothing = Rate(unknown, unknown, unknown, 0)

    def untold(problem: str) -> Jump:
        return Jump(
            old_line=old_line,
            within=within,
            n_below=n_below,
            n_above=n_above,
            below=nothing,
            above=nothing,
            difference=unknown,
            low=unknown,
            high=unknown,
            p_value=unknown,
            confidence=calibration.confidence,
            problem=problem,
        )

    if min(n_below, n_above) < LEAST_LEADS or min((~above).sum(), above.sum()) < 2:
        return untold(
            f"whether conversion jumps cannot be told: {n_below:,} leads just below and {n_above:,} just above are too "
            f"few; at least {LEAST_LEADS} a side with two different scores are needed."
        )
    if won.sum() in (0, n.sum()):
        return untold(
            f"whether conversion jumps cannot be told: {won.sum():,} of {n.sum():,} leads within "
            f"{points(round(within))} points won."
        )
    # Firth's penalty always: near a line a side may hold a handful of winners, or none.
    design = np.column_stack([distance / within, above, above * distance / within])
    fit = fit_logistic(design, won, n, firth=True)
    z = float(norm.ppf(0.5 + calibration.confidence / 2))
    sides = np.array([[1.0, 0, 0, 0], [1.0, 0, 1.0, 0]])
    linear, spread = sides @ fit.coefficients, sides @ fit.covariance @ sides.T
    chance = 1 / (1 + np.exp(-linear))
    error = np.sqrt(np.diag(spread))
    ends = 1 / (1 + np.exp(-(linear + z * np.array([[-1.0], [1.0]]) * error)))
    slope = np.array([-1.0, 1.0]) * chance * (1 - chance)
    difference, wide = float(chance[1] - chance[0]), z * math.sqrt(float(slope @ spread @ slope))
    return Jump(
        old_line=old_line,
        within=within,
        n_below=n_below,
        n_above=n_above,
        below=Rate(float(chance[0]), float(ends[0, 0]), float(ends[1, 0]), n_below),
        above=Rate(float(chance[1]), float(ends[0, 1]), float(ends[1, 1]), n_above),
        difference=difference,
        low=max(-1.0, difference - wide),
        high=min(1.0, difference + wide),
        p_value=float(2 * norm.sf(abs(fit.coefficients[2]) / fit.errors[2])),
        confidence=calibration.confidence,
    )


def check_old_line(calibration: Calibration, old_line: float) -> float:
    """The old line as a number inside the score's range, or a WorkbenchError."""
    summary = calibration.summary
    if isinstance(old_line, bool) or not isinstance(old_line, int | float) or not math.isfinite(old_line):
        raise WorkbenchError(f"the old line is a number of points, not {old_line!r}; use for instance 50.")
    if not summary.minimum < old_line <= summary.maximum:
        raise WorkbenchError(
            f"the old line, {points(float(old_line))}, lies outside the score's range: {calibration.score!r} runs from "
            f"{points(summary.minimum)} to {points(summary.maximum)}. Give the line that was in force for this score."
        )
    return float(old_line)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOut:
    """A hold-out by lot: of the leads below the line `share` are worked, of those above it `share` are not.

    `n_side` leads by lot on each side tell a difference of `ratio` times with a chance of `power`; `weeks` is how long
    that takes (NaN without creation dates). `expected_below` is the conversion rate below the line so far,
    `expected_above` above; `wins_at_stake` are the wins of leads above the line that are held back, if unworked leads
    convert `ratio` times less.
    """

    line: float
    share: float
    ratio: float
    power: float
    confidence: float
    expected_below: float
    expected_above: float
    n_below: int
    n_above: int
    weeks: float
    wins_at_stake: float

    @property
    def n_side(self) -> int:
        """Leads by lot that are needed on the side that needs more."""
        return max(self.n_below, self.n_above)

    def headline(self) -> str:
        """The plan in a sentence."""
        long = "" if math.isnan(self.weeks) else f", about {math.ceil(self.weeks):,} weeks at {percent(self.share)}"
        return (
            f"By lot, hand over {self.n_below:,} leads below {points(self.line)} and hold back {self.n_above:,} above "
            f"it{long}: then a difference of {times(self.ratio)} is found with a chance of "
            f"{percent(self.power, digits=0)}. Holding back may cost {self.wins_at_stake:,.0f} wins."
        )

    def frame(self) -> pd.DataFrame:
        """One row, a column a figure."""
        return pd.DataFrame([asdict(self)])


def plan_hold_out(
    calibration: Calibration, line: float, *, share: float = 0.1, ratio: float = 2.0, power: float = 0.8
) -> HoldOut:
    """How many leads a hold-out by lot needs on each side of a line.

    Parameters
    ----------
    line
        The line in force, in points.
    share
        Share of each side's leads that the lot takes, 0 to 0.5.
    ratio
        How many times better worked leads convert than unworked ones, above 1: the difference to be found.
    power
        Chance of finding it if it is there, 0 to 1, at the calibration's level of confidence, two-sided.

    References
    ----------
    Cohen, J. (1988). Statistical Power Analysis for the Behavioral Sciences, 2nd ed., chapter 6 (statsmodels'
    `NormalIndPower`).
    """
    line = check_old_line(calibration, line)
    if not 0 < share <= 0.5:
        raise WorkbenchError(f"the share by lot lies above 0 and is at most 0.5, but {share!r} was given; use 0.1.")
    if not ratio > 1 or not math.isfinite(ratio):
        raise WorkbenchError(f"the ratio to be found is above 1, but {ratio!r} was given; use 2 for twice as good.")
    check_confidence(power)
    there = calibration.at(line)
    n_below = there.n_all - there.n_leads
    below = (there.n_all_won - there.n_won) / n_below if n_below else 0.0
    above = there.conversion.value
    if not below > 0 or not above > 0:
        raise WorkbenchError(
            f"a hold-out cannot be planned at {points(line)}: below it {percent(below)} of leads won and above it "
            f"{percent(above)}; wins are needed on both sides, so take more leads."
        )
    worked_below, unworked_above = min(below * ratio, 0.99), above / ratio
    needed_below = _by_lot(worked_below, below, share, power, calibration.confidence)
    needed_above = _by_lot(unworked_above, above, share, power, calibration.confidence)
    weeks = float("nan")
    if calibration.weekly is not None:
        week = calibration.weekly
        up = float(week.above(line).mean())
        down = float(week.above(-math.inf).mean()) - up
        weeks = max(needed_below / max(share * down, 1e-9), needed_above / max(share * up, 1e-9))
    return HoldOut(
        line=line,
        share=share,
        ratio=ratio,
        power=power,
        confidence=calibration.confidence,
        expected_below=below,
        expected_above=above,
        n_below=needed_below,
        n_above=needed_above,
        weeks=weeks,
        wins_at_stake=needed_above * (above - unworked_above),
    )


def _by_lot(by_lot: float, rest: float, share: float, power: float, confidence: float) -> int:
    from statsmodels.stats.power import NormalIndPower
    from statsmodels.stats.proportion import proportion_effectsize

    needed = NormalIndPower().solve_power(
        effect_size=abs(float(proportion_effectsize(by_lot, rest))),
        alpha=1 - confidence,
        power=power,
        ratio=(1 - share) / share,
    )
    return math.ceil(float(np.asarray(needed).item()))


def draw_lot(ids: Any, share: float, *, salt: str) -> pd.Series[bool]:
    """Which leads the lot takes: a record id's own hash decides, so the same salt gives the same lot anywhere.

    Parameters
    ----------
    ids
        Record ids, a column of any kind.
    share
        Share that is taken, 0 to 1.
    salt
        A text of your own; another one is another lot.

    Returns
    -------
    pandas.Series
        True for the leads taken, in the order of `ids`.
    """
    if not 0 < share < 1:
        raise WorkbenchError(f"the share by lot lies between 0 and 1, but {share!r} was given; use 0.1 for 10 %.")
    if not salt.strip():
        raise WorkbenchError("a lot needs a salt, a text of your own that makes it yours, such as salt='autumn 2026'.")
    limit = int(share * 2**64)
    column = pd.Series(ids)
    taken = [
        int.from_bytes(hashlib.sha256(f"{salt}\0{one}".encode()).digest()[:8], "big") < limit for one in column.tolist()
    ]
    return pd.Series(taken, index=column.index, dtype=bool, name="by_lot")


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldOutReading:
    """What a hold-out by lot says: on each side of the line, leads that were worked beside leads that were not.

    `below` and `above` are the differences worked less unworked with their intervals (Newcombe); `rows` the counts.
    """

    line: float
    below: Rate
    above: Rate
    rows: pd.DataFrame
    confidence: float

    def frame(self) -> pd.DataFrame:
        """Four rows: side, worked, n_leads, n_won, conversion_rate, low, high (Wilson)."""
        return self.rows

    def headline(self) -> str:
        """The reading in a sentence."""
        parts = [
            f"{side} the line, working a lead adds {100 * gain.value:.1f} points of conversion "
            f"({100 * gain.low:.1f} to {100 * gain.high:.1f})"
            if not math.isnan(gain.value)
            else f"{side} the line it cannot be told"
            for side, gain in (("below", self.below), ("above", self.above))
        ]
        return f"By the hold-out at {points(self.line)}: {'; '.join(parts)}. {self.reason}"

    @property
    def reason(self) -> str:
        """What it means for the line."""
        if self.below.low > 0:
            return "Leads below the line gain from being worked: a lower line is worth its cost if a lead's gain is."
        if self.below.high <= 0:
            return "Leads below the line gain nothing from being worked: the line need not be lower."
        return "Whether leads below the line gain from being worked is still open: let the hold-out run on."


def read_hold_out(
    table: Any,
    *,
    line: float,
    worked: Outcome | str,
    outcome: Outcome | str,
    score: str = "score",
    as_of: str | date | None = None,
    confidence: float = 0.95,
) -> HoldOutReading:
    """Read a hold-out that has come back.

    Parameters
    ----------
    table
        The leads of the hold-out, of any engine: those that the lot took and the others of its time.
    line
        The line in force, in points.
    worked
        Who was handed over: a yes/no column or a condition.
    outcome
        What counts as success.
    score
        The column of the score at the hand-over.
    as_of
        The date of the export, where the outcome has a window.

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions. Statistics in
    Medicine 17, 873-890 (statsmodels' `confint_proportions_2indep`).
    """
    check_confidence(confidence)
    frame = as_frame(table)
    needs_score(kinds(frame), score)
    when = date_of_export(frame, kinds(frame), as_outcome(outcome), as_of)
    frame, handed = classify(frame, as_outcome(worked), as_of=when)
    frame, won = classify(frame, as_outcome(outcome), as_of=when)
    keys = {"above": (nw.col(score) >= line), "worked": handed, "won": won}
    cells = count_by(frame.filter(~nw.col(score).is_null()), keys)
    rows, gains = [], {}
    for side in ("below", "above"):
        counts = {}
        for state in (False, True):
            inside = cells[(cells["above"] == (side == "above")) & (cells["worked"] == (WON if state else LOST))]
            wins = int(inside.loc[inside["won"] == WON, "n"].sum())
            one = rate(wins, wins + int(inside.loc[inside["won"] == LOST, "n"].sum()), confidence=confidence)
            counts[state] = wins, one.n
            rows.append(
                {
                    "side": side,
                    "worked": state,
                    "n_leads": one.n,
                    "n_won": wins,
                    "conversion_rate": one.value,
                    "low": one.low,
                    "high": one.high,
                }
            )
        gains[side] = _gain(counts[True], counts[False], confidence)
    if not any(row["n_leads"] for row in rows if (row["side"] == "below") == row["worked"]):
        raise WorkbenchError(
            f"this is no hold-out at {points(line)}: no lead below it was worked and none above it was held back; "
            "give the leads that the lot took, too."
        )
    return HoldOutReading(
        line=line, below=gains["below"], above=gains["above"], rows=pd.DataFrame(rows), confidence=confidence
    )


def _gain(worked: tuple[int, int], unworked: tuple[int, int], confidence: float) -> Rate:
    from statsmodels.stats.proportion import confint_proportions_2indep

    if not worked[1] or not unworked[1]:
        return Rate(float("nan"), float("nan"), float("nan"), worked[1] + unworked[1])
    low, high = confint_proportions_2indep(
        worked[0], worked[1], unworked[0], unworked[1], method="newcomb", compare="diff", alpha=1 - confidence
    )
    return Rate(worked[0] / worked[1] - unworked[0] / unworked[1], float(low), float(high), worked[1] + unworked[1])
