"""A line that was chosen on the same leads flatters itself: its rate, corrected by a bootstrap of the whole choice."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from workbench.calibration.recommend import LABELS, NONE, Above, Choice
from workbench.calibration.tally import Floats, Ints
from workbench.stats.proportions import Rate
from workbench.wording import interval, percent, points


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenRate:
    """The conversion rate above a chosen line, 0 to 1, corrected for having been chosen on the same leads.

    `plain` is the rate as counted, with Wilson's interval; `optimism` how much of it is flattery, on average.
    """

    kind: str
    threshold: float
    n_leads: int
    plain: Rate
    value: float
    low: float
    high: float
    optimism: float

    @property
    def reason(self) -> str:
        """What was corrected, and how."""
        if self.kind == "capacity":
            return "this rule does not look at who won, so choosing adds nothing."
        return (
            f"{percent(self.plain.value)} were counted, of which {100 * self.optimism:.1f} points are flattery: the "
            "line was chosen on the same leads. Corrected by choosing anew in each bootstrap draw."
        )

    def headline(self) -> str:
        """The rate in a sentence."""
        return (
            f"Above {points(self.threshold)}, the line by {LABELS[self.kind]}, expect {percent(self.value)} to convert "
            f"({interval(self.low, self.high)}): {self.reason}"
        )

    def frame(self) -> pd.DataFrame:
        """One row: kind, threshold, n_leads, conversion_rate, low, high, optimism, and the plain rate and interval."""
        found = {name: value for name, value in asdict(self).items() if name not in ("plain", "value")}
        found |= {"conversion_rate": self.value, "plain_rate": self.plain.value}
        found |= {"plain_low": self.plain.low, "plain_high": self.plain.high}
        return pd.DataFrame([found])


def uncorrected(kind: str, *, threshold: float, plain: Rate) -> ChosenRate:
    """The rate above a line whose rule does not look at who won."""
    return ChosenRate(
        kind=kind,
        threshold=threshold,
        n_leads=plain.n,
        plain=plain,
        value=plain.value,
        low=plain.low,
        high=plain.high,
        optimism=0.0,
    )


def correct_rate(
    kind: str, choose: Choice, *, threshold: float, plain: Rate, observed: Above, drawn: Above, confidence: float
) -> ChosenRate:
    """The rate above a chosen line, less what choosing adds to it.

    In each draw the line is chosen anew; how far the draw's rate above its own line lies from the rate that all leads
    have there is the error of the whole procedure, and its distribution, in standard errors, gives the interval.

    Parameters
    ----------
    observed, drawn
        Leads and wins above each score, of the data and of the draws, over the same scores.

    References
    ----------
    Efron, B., Gong, G. (1983). A leisurely look at the bootstrap, the jackknife, and cross-validation. American
    Statistician 37, 36-48.
    Efron, B., Tibshirani, R. (1993). An Introduction to the Bootstrap, chapter 12 (bootstrap-t).
    """
    place = choose(drawn)
    found = np.flatnonzero(place != NONE)
    place = place[found]
    n, won = drawn.n[found, place], drawn.won[found, place]
    there = n > 0
    n, won, place = n[there], won[there], place[there]
    true = observed.won[0, place] / observed.n[0, place]
    error = won / n - true
    # Two wins and two losses more: a draw without a single loser has no error of its own.
    tail = (1 - confidence) / 2
    low, high = np.quantile(error / _standard_error(won, n), [tail, 1 - tail])
    wins = round(plain.value * plain.n)
    own = float(_standard_error(np.array([wins]), np.array([plain.n]))[0])
    optimism = float(error.mean())
    return ChosenRate(
        kind=kind,
        threshold=threshold,
        n_leads=plain.n,
        plain=plain,
        value=min(max(plain.value - optimism, 0.0), 1.0),
        low=max(0.0, plain.value - float(high) * own),
        high=min(1.0, plain.value - float(low) * own),
        optimism=optimism,
    )


def _standard_error(won: Ints, n: Ints) -> Floats:
    share = (won + 2) / (n + 4)
    return np.asarray(np.sqrt(share * (1 - share) / (n + 4)))
