"""Where the line belongs: rules that choose a threshold, each with its interval and its reason.

Every rule is one function of the counts at or above each score, vectorised over draws: the answer is the rule applied
to the data, its interval the rule applied to bootstrap draws of the data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.wording import points

DRAWS = 2000
MOST_SCORES_IN_A_DRAW = 1000
MOST_CELLS_AT_ONCE = 500
AS_NORMAL = 100
"""From so many leads on, a Poisson count is drawn as a rounded normal one."""

Counts = NDArray[np.int64]
Places = NDArray[np.intp]
_Number = TypeVar("_Number", np.int64, np.float32, np.float64)
NONE = -1  # the place of a line that does not exist


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """A threshold chosen by a rule.

    `threshold` is None where no line meets the rule; `reason` then says why. `low` and `high` bound the threshold at
    the calibration's level: the same rule applied to bootstrap draws. `found` is the share of draws (0 to 1) in which
    the rule found a line at all.
    """

    kind: str
    threshold: float | None
    low: float | None
    high: float | None
    reason: str
    found: float

    def headline(self) -> str:
        """The recommendation in a sentence."""
        if self.threshold is None:
            return f"No line by {LABELS[self.kind]}: {self.reason}"
        span = "" if self.low is None or self.high is None else f" ({points(self.low)} to {points(self.high)})"
        return f"By {LABELS[self.kind]} the line belongs at {points(self.threshold)}{span}: {self.reason}"

    def frame(self) -> pd.DataFrame:
        """One row: kind, threshold, low, high, found, reason."""
        return pd.DataFrame(
            [
                {
                    "kind": self.kind,
                    "threshold": self.threshold,
                    "low": self.low,
                    "high": self.high,
                    "found": self.found,
                    "reason": self.reason,
                }
            ]
        )


LABELS = {
    "capacity": "what sales can take",
    "profit": "profit",
    "target_rate": "the conversion rate asked for",
    "youden": "Youden's J",
    "f1": "F1",
    "rule_of_thumb": "the 15-35 % / 60 % / 10x rule of thumb",
}


def check_kind(kind: str, known: dict[str, Any], given: dict[str, Any]) -> None:
    """A WorkbenchError for an unknown rule, or for arguments it does not take or lacks."""
    if kind not in known:
        raise WorkbenchError(f"unknown rule {kind!r}; there are {listing(known)}.{did_you_mean(kind, known)}")
    needed = known[kind]
    missing = [name for name in needed if given.get(name) is None]
    strange = [name for name, value in given.items() if value is not None and name not in needed]
    if missing:
        raise WorkbenchError(f"the rule {kind!r} needs {listing(missing)}; say for instance {missing[0]}=20.")
    if strange:
        raise WorkbenchError(
            f"the rule {kind!r} takes {listing(needed)}, but {listing(strange)} was given; leave it out."
        )


@dataclass(frozen=True, slots=True, eq=False)
class Above:
    """Leads and wins at or above each score, in draws: `n` and `won` have the shape `(draws, scores)`.

    `lowest` and `highest` are the conversion rates of the lowest and the highest band, shape `(draws,)`; `revenue` is
    what the won brought, where it is known.
    """

    n: Counts
    won: Counts
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    revenue: NDArray[np.float64] | None = None

    @property
    def all_n(self) -> Counts:
        return self.n[:, :1]

    @property
    def all_won(self) -> Counts:
        return self.won[:, :1]


Choice = Callable[[Above], Places]


def best(value: NDArray[np.float64]) -> Places:
    """Where the value is highest; of equals the highest score, so that no lead is worked for nothing."""
    backwards = value[:, ::-1]
    return np.asarray(value.shape[1] - 1 - np.argmax(backwards, axis=1))


def lowest_where(meets: NDArray[np.bool_]) -> Places:
    """The lowest score that meets a rule, or NONE."""
    return np.where(meets.any(axis=1), np.argmax(meets, axis=1), NONE)


def highest_where(meets: NDArray[np.bool_]) -> Places:
    """The highest score that meets a rule, or NONE."""
    return np.where(meets.any(axis=1), meets.shape[1] - 1 - np.argmax(meets[:, ::-1], axis=1), NONE)


def by_youden(above: Above) -> Places:
    """Highest share of winners less share of losers above the line; none where that is never above zero.

    References
    ----------
    Youden, W. J. (1950). Index for rating diagnostic tests. Cancer 3, 32-35.
    """
    lost, all_lost = above.n - above.won, above.all_n - above.all_won
    j = above.won / np.maximum(above.all_won, 1) - lost / np.maximum(all_lost, 1)
    place = best(j)
    return np.where(np.take_along_axis(j, place[:, None], axis=1)[:, 0] > 0, place, NONE)


def by_f1(above: Above) -> Places:
    """Highest harmonic mean of conversion rate and capture rate.

    References
    ----------
    van Rijsbergen, C. J. (1979). Information retrieval, 2nd ed., chapter 7.
    """
    return best(2 * above.won / np.maximum(above.n + above.all_won, 1))


def by_profit(value_per_win: float | None, cost_per_lead: float) -> Choice:
    """Highest value of the wins less cost of the leads worked; none where working leads never pays.

    Without `value_per_win` the wins are worth the revenue they brought.
    """

    def choose(above: Above) -> Places:
        value = above.revenue if value_per_win is None else above.won * value_per_win
        if value is None:
            raise WorkbenchError("profit needs value_per_win, or a calibration with revenue=.")
        profit = value - above.n * cost_per_lead
        place = best(profit)
        return np.where(np.take_along_axis(profit, place[:, None], axis=1)[:, 0] > 0, place, NONE)

    return choose


def by_target_rate(rate: float) -> Choice:
    """The lowest line above which leads convert at `rate` or better."""

    def choose(above: Above) -> Places:
        return lowest_where((above.n > 0) & (above.won >= rate * above.n))

    return choose


def by_rule_of_thumb(above: Above) -> Places:
    """The highest line with 15 to 35 % of leads and 60 % of wins, if the best band converts 10 times the lowest."""
    share = above.n / np.maximum(above.all_n, 1)
    capture = above.won / np.maximum(above.all_won, 1)
    apart = (above.highest >= 10 * above.lowest) & (above.highest > 0)
    return highest_where((share >= 0.15) & (share <= 0.35) & (capture >= 0.60) & apart[:, None])


def by_capacity(leads_per_week: float, weekly: NDArray[np.float64]) -> Places:
    """The lowest line whose mean leads a week (`(draws, scores)`, by line) fit what sales can take."""
    return lowest_where(weekly <= leads_per_week)


def draw_counts(n_leads: Counts, n_won: Counts, *, draws: int, rng: np.random.Generator) -> tuple[Counts, Counts]:
    """Bootstrap draws of leads and wins by score; shape `(draws, scores)` each.

    The cost depends on the number of scores, not of leads. Of few scores the draws are multinomial; of many, each cell
    is drawn on its own, as Poisson, which costs a fifth and tells shares and rates apart just as well.

    References
    ----------
    Hanley, J. A., MacGibbon, B. (2006). Creating non-parametric bootstrap samples using Poisson frequencies. Computer
    Methods and Programs in Biomedicine 83, 57-62.
    """
    cells = np.concatenate([n_leads - n_won, n_won])
    filled = np.flatnonzero(cells)
    drawn = np.zeros((draws, len(cells)), dtype=np.int64)
    if len(filled) <= MOST_CELLS_AT_ONCE:
        total = int(cells.sum())
        drawn[:, filled] = rng.multinomial(total, cells[filled] / total, size=draws)
    else:
        few = cells < AS_NORMAL
        drawn[:, few] = rng.poisson(cells[few], size=(draws, int(few.sum())))
        large = cells[~few].astype(np.float32)
        noise = rng.standard_normal((draws, len(large)), dtype=np.float32)
        drawn[:, ~few] = np.rint(noise * np.sqrt(large) + large)
    lost, won = drawn[:, : len(n_leads)], drawn[:, len(n_leads) :]
    return lost + won, won


def draw_revenue(
    won: Counts, seen: Counts, revenue: NDArray[np.float64], squared: NDArray[np.float64], *, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Revenue of drawn wins by score, `(draws, scores)`, from wins `seen` with their sums of revenue and of squares.

    The sum over many wins is as good as normal, so each score's mean and spread say enough.
    """
    mean = np.divide(revenue, seen, out=np.zeros(len(seen)), where=seen > 0)
    spread = np.divide(squared, seen, out=np.zeros(len(seen)), where=seen > 0) - mean**2
    noise = rng.standard_normal(won.shape, dtype=np.float32)
    drawn: NDArray[np.float64] = won * mean + noise * np.sqrt(won * np.maximum(spread, 0.0))
    return drawn


def down(counts: NDArray[_Number]) -> NDArray[_Number]:
    """Counts at or above each score, from counts at each; the last axis is the score, ascending."""
    above: NDArray[_Number] = np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1]
    return above


def coarse(n_leads: Counts) -> Places:
    """First places of at most `MOST_SCORES_IN_A_DRAW` runs of scores with about as many leads each."""
    if len(n_leads) <= MOST_SCORES_IN_A_DRAW:
        return np.arange(len(n_leads))
    before = np.cumsum(n_leads) - n_leads
    run = before * MOST_SCORES_IN_A_DRAW // max(int(n_leads.sum()), 1)
    return np.flatnonzero(np.concatenate([[True], run[1:] != run[:-1]]))


def bounds(
    scores: NDArray[np.float64], places: Places, *, confidence: float
) -> tuple[float | None, float | None, float]:
    """Percentile bounds of the chosen scores and the share of draws in which there was one."""
    chosen = scores[places[places != NONE]]
    found = len(chosen) / len(places)
    if not len(chosen):
        return None, None, found
    tail = (1 - confidence) / 2
    low, high = np.quantile(chosen, [tail, 1 - tail], method="closest_observation")
    return float(low), float(high), found
