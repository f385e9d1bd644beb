"""A calibration: what the score looks like, whether it sorts leads, and what every line would mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from workbench.calibration import recommend as rules
from workbench.calibration.clusters import ClusterTally, design_effect
from workbench.calibration.corrected import ChosenRate, correct_rate, uncorrected
from workbench.calibration.firstwin import FirstWin
from workbench.calibration.recommend import Above, Recommendation
from workbench.calibration.selective import Jump, check_old_line, jump_at
from workbench.calibration.tally import Floats, Ints, ScoreTally, WeeklyLeads
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.outcomes import Outcome
from workbench.stats.proportions import Rate, inverted, rate, wilson_interval
from workbench.stats.ranking import Auc, auc, captured, quantile
from workbench.wording import interval, number, percent, plural, points, times

MOST_BANDS = 10
LEAST_OF_EACH = 5
"""Winners, and losers, below which a bootstrap would look surer than it is."""
_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "capacity": ("leads_per_week",),
    "profit": ("value_per_win", "cost_per_lead"),
    "target_rate": ("rate",),
    "youden": (),
    "f1": (),
    "rule_of_thumb": (),
}
RULES = tuple(_ARGUMENTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSummary:
    """What the score looks like over all leads, judged or not; points, except the counts."""

    n: int
    blank: int
    minimum: float
    maximum: float
    mean: float
    median: float
    lower_quartile: float
    upper_quartile: float
    standard_deviation: float

    @property
    def quartiles(self) -> tuple[float, float, float]:
        """Lower quartile, median, upper quartile."""
        return self.lower_quartile, self.median, self.upper_quartile

    @property
    def blank_share(self) -> float:
        """Share of leads without a score, 0 to 1."""
        return self.blank / self.n

    def frame(self) -> pd.DataFrame:
        """One row, a column a figure."""
        return pd.DataFrame([asdict(self) | {"blank_share": self.blank_share}])


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one threshold means. Rates and shares lie between 0 and 1.

    `n_leads` of `n_all` judged leads are at or above it, `n_won` of `n_all_won` winners among them. `leads_per_week`
    is NaN where no creation date is known.
    """

    threshold: float
    n_leads: int
    n_all: int
    n_won: int
    n_all_won: int
    conversion: Rate
    capture: Rate
    lift: float
    leads_per_week: float

    @property
    def share(self) -> float:
        """Leads above the line / all judged leads."""
        return self.n_leads / self.n_all


@dataclass(frozen=True, eq=False, kw_only=True)
class Calibration:
    """The result of `calibrate`. Everything is computed from the counts by score when it is first asked for."""

    tally: ScoreTally
    score: str
    outcome: Outcome
    as_of: pd.Timestamp | None = None
    confidence: float = 0.95
    weekly: WeeklyLeads | None = None
    by: str | None = None
    segments: Mapping[str, ScoreTally] = field(default_factory=dict)
    old_line: float | None = None
    parts: ClusterTally | None = None
    first_win: FirstWin | None = None
    n_without_revenue: int = 0

    def __post_init__(self) -> None:
        tally, judged = self.tally, int(self.tally.n_leads.sum())
        won = int(tally.n_won.sum())
        if not tally.n_rows:
            raise WorkbenchError("the table has no rows; load an export that has leads in it.")
        if not len(tally.score):
            raise WorkbenchError(
                f"all {tally.n_rows:,} scores in {self.score!r} are blank; choose another score column, "
                "or score the leads with a model (score.yaml) first."
            )
        if not judged:
            raise WorkbenchError(
                f"none of {tally.n_rows:,} leads can be judged: {self._apart_reasons}; "
                "take an older export, or a shorter within_days."
            )
        if won in (0, judged):
            raise WorkbenchError(
                f"the outcome {self.outcome.sentence!r} {'never' if not won else 'always'} happens among {judged:,} "
                f"leads{f' ({self._apart_reasons} not counted)' if self._apart_reasons else ''}, so no line can be "
                "better than another; choose another outcome, or check the export's dates and stages."
                f"{self.outcome.misspelt}"
            )
        if len(tally.score) == 1:
            raise WorkbenchError(
                f"every lead has the same score, {points(float(tally.score[0]))} in {self.score!r}, so there is no "
                "line to draw; choose another score column, or rules that tell leads apart."
            )
        if self.old_line is not None:
            check_old_line(self, self.old_line)

    @property
    def _apart_reasons(self) -> str:
        tally, days = self.tally, self.outcome.within_days
        counts = {
            f"younger than {days} days": tally.n_young,
            "with an unknown date or outcome": tally.n_unknown,
            "won before they were created": tally.n_before,
        }
        return ", ".join(f"{n:,} {reason}" for reason, n in counts.items() if n)

    @cached_property
    def summary(self) -> ScoreSummary:
        """Minimum, maximum, mean, median, quartiles and spread of the score over all leads, and how many are blank.

        Quartiles are interpolated linearly; the standard deviation is of a sample (n - 1), NaN for one lead.
        """
        tally = self.tally
        counts = tally.n_leads + tally.n_apart
        n = int(counts.sum())
        mean = float(tally.score @ counts / n)
        squares = float((tally.score - mean) ** 2 @ counts)
        present = counts > 0
        values, counts = tally.score[present], counts[present]
        return ScoreSummary(
            n=tally.n_rows,
            blank=tally.blank_leads + tally.blank_apart,
            minimum=float(values[0]),
            maximum=float(values[-1]),
            mean=mean,
            median=quantile(values, counts, 0.5),
            lower_quartile=quantile(values, counts, 0.25),
            upper_quartile=quantile(values, counts, 0.75),
            standard_deviation=float(np.sqrt(squares / (n - 1))) if n > 1 else float("nan"),
        )

    @cached_property
    def _above(self) -> tuple[Ints, Ints]:
        return rules.down(self.tally.n_leads), rules.down(self.tally.n_won)

    @property
    def n_leads(self) -> int:
        """Leads with a score that are old enough to be judged."""
        return int(self._above[0][0])

    @property
    def n_won(self) -> int:
        """Winners among them."""
        return int(self._above[1][0])

    @cached_property
    def base_rate(self) -> Rate:
        """Conversion rate of all judged leads."""
        low, high = self._interval(np.array(self.n_won), np.array(self.n_leads), self.design_effect)
        return Rate(self.n_won / self.n_leads, float(low), float(high), self.n_leads)

    @cached_property
    def blank(self) -> Rate:
        """Conversion rate of the leads without a score; they count as no score at all, never as 0 points."""
        return rate(self.tally.blank_won, self.tally.blank_leads, confidence=self.confidence)

    @cached_property
    def thresholds(self) -> pd.DataFrame:
        """One row a distinct score, ascending: what a line there means.

        Columns: threshold, n_leads, share, n_won, conversion_rate, low, high (Wilson interval, of as many leads as
        those of the same companies are worth), capture_rate, lift, leads_per_week (NaN without creation dates). Leads
        that cannot be judged yet are not counted, except in leads_per_week.
        """
        n, won = self._above
        low, high = self._interval(won, n, self._effects)
        conversion = np.divide(won, n, out=np.full(len(n), np.nan), where=n > 0)
        return pd.DataFrame(
            {
                "threshold": self.tally.score,
                "n_leads": n,
                "share": n / n[0],
                "n_won": won,
                "conversion_rate": conversion,
                "low": low,
                "high": high,
                "capture_rate": won / won[0],
                "lift": conversion / (won[0] / n[0]),
                "leads_per_week": self._weekly_means,
                **({} if self.tally.revenue is None else {"revenue": rules.down(self.tally.revenue)}),
            }
        )

    @cached_property
    def _weekly_means(self) -> Floats:
        if self.weekly is None:
            return np.full(len(self.tally.score), np.nan)
        means: Floats = self.weekly.by_score(self.tally.score).mean(axis=0)
        return means

    def _interval(self, won: Ints, n: Ints, effects: Floats | float) -> tuple[Floats, Floats]:
        """Wilson's interval of rates, of n / design effect leads each."""
        return wilson_interval(won / effects, n / effects, confidence=self.confidence)

    @cached_property
    def _effects(self) -> Floats | float:
        """The design effect of the rate at or above each score; 1 where leads stand each for itself."""
        if self.parts is None:
            return 1.0
        first = rules.coarse(self.tally.n_leads)
        n, won = self.parts.by_score(self.tally.score[first])
        effects = design_effect(rules.down(n), rules.down(won))
        widths = np.diff(np.append(first, len(self.tally.score)))
        return np.repeat(effects, widths)

    @property
    def design_effect(self) -> float:
        """How many times the variance of the overall rate is that of leads drawn alone; 1 without companies."""
        return float(np.ravel(self._effects)[0])

    def at(self, threshold: float) -> Line:
        """What a line at `threshold` points means; any number, between two scores or beyond them."""
        n, won = self._above
        place = int(np.searchsorted(self.tally.score, threshold, side="left"))
        leads, winners = (int(n[place]), int(won[place])) if place < len(n) else (0, 0)
        effect = float(np.broadcast_to(self._effects, n.shape)[min(place, len(n) - 1)])
        low, high = self._interval(np.array(winners), np.array(leads), effect)
        conversion = Rate(winners / leads if leads else float("nan"), float(low), float(high), leads)
        return Line(
            threshold=float(threshold),
            n_leads=leads,
            n_all=self.n_leads,
            n_won=winners,
            n_all_won=self.n_won,
            conversion=conversion,
            capture=rate(winners, self.n_won, confidence=self.confidence),
            lift=conversion.value / self.base_rate.value,
            leads_per_week=float("nan") if self.weekly is None else float(self.weekly.above(threshold).mean()),
        )

    @cached_property
    def bands(self) -> pd.DataFrame:
        """Conversion by band, ascending; equal scores never split.

        A band a distinct score where there are at most 10, else by deciles of the leads. Columns: low_score,
        high_score, n_leads, n_won, conversion_rate, low, high (Wilson interval), inverted: whether the rate lies
        significantly below a lower band's (Fisher's exact test, adjusted by Holm for the pairs looked at).
        """
        return self._banded(self._band_starts)

    def bands_split_at(self, line: float) -> pd.DataFrame:
        """`bands`, with the band that `line` (points) cuts parted there; bands without a judged lead are left out."""
        place = int(np.searchsorted(self.tally.score, line))
        starts = self._band_starts
        found = self._banded(np.union1d(starts, [place]) if place < len(self.tally.score) else starts)
        return found[found["n_leads"] > 0]

    def _banded(self, first: rules.Places) -> pd.DataFrame:
        tally = self.tally
        last = np.append(first[1:], len(tally.score)) - 1
        n, won = np.add.reduceat(tally.n_leads, first), np.add.reduceat(tally.n_won, first)
        effects = 1.0 if self.parts is None else design_effect(*self.parts.by_score(tally.score[first]))
        low, high = self._interval(won, n, effects)
        return pd.DataFrame(
            {
                "low_score": tally.score[first],
                "high_score": tally.score[last],
                "n_leads": n,
                "n_won": won,
                "conversion_rate": np.divide(won, n, out=np.full(len(n), np.nan), where=n > 0),
                "low": low,
                "high": high,
                "inverted": inverted(won, n, alpha=1 - self.confidence),
            }
        )

    @cached_property
    def _band_starts(self) -> rules.Places:
        n = self.tally.n_leads
        if len(n) <= MOST_BANDS:
            return np.arange(len(n))
        middle = np.cumsum(n) - n / 2
        band = np.minimum(middle * MOST_BANDS // n.sum(), MOST_BANDS - 1)
        return np.flatnonzero(np.concatenate([[True], band[1:] != band[:-1]]))

    @cached_property
    def ranking(self) -> Auc:
        """AUC with its interval (DeLong; where leads come in companies, Obuchowski)."""
        parts = None if self.parts is None else self.parts.placed(self.tally.score)
        return auc(self.tally.n_leads, self.tally.n_won, confidence=self.confidence, parts=parts)

    @property
    def auc(self) -> float:
        """Chance that a winner scores above a loser, 0 to 1; a tie counts one half."""
        return self.ranking.value

    @cached_property
    def jump(self) -> Jump | None:
        """Whether conversion jumps at the old line; None where no old line was given."""
        return None if self.old_line is None else jump_at(self, self.old_line)

    def jump_at(self, old_line: float) -> Jump:
        """Whether conversion jumps at a line that decided who was worked, given in points."""
        return jump_at(self, old_line)

    def capture_at(self, share: float) -> float:
        """Share of all winners among the best `share` of leads (0 to 1), ties in proportion."""
        return captured(self.tally.n_leads, self.tally.n_won, _check_share(share))

    def lift_at(self, share: float) -> float:
        """Conversion rate of the best `share` of leads over that of all, ties in proportion."""
        return self.capture_at(share) / share

    def segment(self, name: str) -> Calibration:
        """The calibration of one segment of `by`."""
        if name not in self.segments:
            raise WorkbenchError(
                f"unknown segment {name!r} of {self.by!r}; there are {listing(self.segments)}."
                f"{did_you_mean(name, self.segments)}"
            )
        return Calibration(
            tally=self.segments[name],
            score=self.score,
            outcome=self.outcome,
            as_of=self.as_of,
            confidence=self.confidence,
        )

    def profit(self, threshold: float, cost_per_lead: float, value_per_win: float | None = None) -> tuple[float, float]:
        """What working the leads at or above a line leaves, and what a win there is worth: by default, the revenue."""
        line = self.at(threshold)
        if value_per_win is None and self.tally.revenue is not None:
            value = float(self.tally.revenue[self.tally.score >= threshold].sum())
            return value - line.n_leads * cost_per_lead, value / line.n_won if line.n_won else float("nan")
        each = value_per_win or 0.0
        return line.n_won * each - line.n_leads * cost_per_lead, each

    def recommend(
        self,
        kind: str,
        *,
        leads_per_week: float | None = None,
        value_per_win: float | None = None,
        cost_per_lead: float | None = None,
        rate: float | None = None,
        seed: int = 0,
    ) -> Recommendation:
        """A threshold by a rule, with its interval from 2,000 bootstrap draws and its reason, or None and why.

        Parameters
        ----------
        kind
            `"capacity"` (with `leads_per_week` that sales can take), `"profit"` (with `value_per_win` and
            `cost_per_lead` in one currency; without the first where the revenue is known), `"target_rate"` (with
            `rate`, 0 to 1), `"youden"`, `"f1"` or `"rule_of_thumb"` (15 to 35 % of leads hold 60 % of wins, best band
            10 times the lowest).
        seed
            Of the draws.

        Raises
        ------
        WorkbenchError
            For an unknown rule, missing arguments, or numbers out of range.
        """
        given = {
            "leads_per_week": leads_per_week,
            "value_per_win": value_per_win,
            "cost_per_lead": cost_per_lead,
            "rate": rate,
        }
        known = _ARGUMENTS
        if self.tally.revenue is not None and value_per_win is None:
            known = _ARGUMENTS | {"profit": ("cost_per_lead",)}
        rules.check_kind(kind, known, given)
        if kind == "capacity":
            return self._by_capacity(_positive("leads_per_week", leads_per_week), seed=seed)
        choose = _choice(kind, given)
        place = int(choose(self._observed)[0])
        scores, drawn = self._drawn(seed)
        low, high, found = rules.bounds(scores, choose(drawn), confidence=self.confidence)
        threshold = None if place == rules.NONE else float(self.tally.score[place])
        reason = self._reason(kind, threshold, given)
        if threshold is not None and found < 0.9:
            reason += f" Only {percent(found, digits=0)} of bootstrap draws find such a line."
        if self._few:
            low, high = None, None
            reason += f" {self._few}"
        return Recommendation(
            kind=kind,
            threshold=threshold,
            low=None if threshold is None else low,
            high=None if threshold is None else high,
            reason=reason,
            found=found,
        )

    def corrected(self, kind: str, *, seed: int = 0, **given: float | None) -> ChosenRate | None:
        """The conversion rate to expect above the line that `recommend` chooses with the same arguments.

        A line that was chosen on the same leads flatters itself; this rate and its interval are corrected for that by
        a bootstrap of the whole choice. None where the rule finds no line, or fewer than 5 leads won or lost.
        """
        found = self.recommend(kind, seed=seed, **given)
        if found.threshold is None or (self._few and kind != "capacity"):
            return None
        plain = self.at(found.threshold).conversion
        if kind == "capacity":
            return uncorrected(kind, threshold=found.threshold, plain=plain)
        scores, drawn = self._drawn(seed)
        n, won = self._above
        first = np.searchsorted(self.tally.score, scores)
        observed = replace(self._observed, n=n[None, first], won=won[None, first])
        return correct_rate(
            kind,
            _choice(kind, given),
            threshold=found.threshold,
            plain=plain,
            observed=observed,
            drawn=drawn,
            confidence=self.confidence,
        )

    @property
    def _few(self) -> str:
        """That there are too few winners or losers to say how sure a line is; empty where there are enough."""
        fewest, which = min((self.n_won, "won"), (self.n_leads - self.n_won, "did not win"))
        if fewest >= LEAST_OF_EACH:
            return ""
        return f"Only {fewest:,} of {self.n_leads:,} leads {which}: too few to say how sure a line is; take more leads."

    @cached_property
    def _observed(self) -> Above:
        rates = self.bands["conversion_rate"].to_numpy()
        revenue = None if self.tally.revenue is None else rules.down(self.tally.revenue)[None, :]
        return Above(self._above[0][None, :], self._above[1][None, :], rates[:1], rates[-1:], revenue)

    def _drawn(self, seed: int) -> tuple[Floats, Above]:
        """Bootstrap draws; kept for the last seed, for all rules draw from the same data."""
        if self._draws.get("seed") != seed:
            tally, first = self.tally, rules.coarse(self.tally.n_leads)
            rng = np.random.default_rng(seed)
            if self.parts is None:
                n, won = np.add.reduceat(tally.n_leads, first), np.add.reduceat(tally.n_won, first)
                n, won = rules.draw_counts(n, won, draws=rules.DRAWS, rng=rng)
            else:
                n, won = self.parts.draw(tally.score[first], draws=rules.DRAWS, rng=rng)
            starts = np.searchsorted(first, self._band_starts, side="right") - 1
            lowest = won[:, : starts[1]].sum(axis=1) / np.maximum(n[:, : starts[1]].sum(axis=1), 1)
            highest = won[:, starts[-1] :].sum(axis=1) / np.maximum(n[:, starts[-1] :].sum(axis=1), 1)
            above = Above(rules.down(n), rules.down(won), lowest, highest)
            if tally.revenue is not None and tally.revenue_squared is not None:
                seen = [np.add.reduceat(part, first) for part in (tally.n_won, tally.revenue, tally.revenue_squared)]
                above = replace(above, revenue=rules.down(rules.draw_revenue(won, *seen, rng=rng)))
            self._draws.update(seed=seed, drawn=(tally.score[first], above))
        drawn: tuple[Floats, Above] = self._draws["drawn"]
        return drawn

    @cached_property
    def _draws(self) -> dict[str, Any]:
        return {}

    def _by_capacity(self, leads_per_week: float, *, seed: int) -> Recommendation:
        if self.weekly is None:
            reason = (
                "leads a week cannot be counted without the dates of creation; map their column to "
                f"{self.outcome.created!r} in mapping.yaml."
            )
            return Recommendation(kind="capacity", threshold=None, low=None, high=None, reason=reason, found=0.0)
        scores = self.tally.score[rules.coarse(self.tally.n_leads)]
        weekly = self.weekly.by_score(scores)
        weeks = len(weekly)
        place = int(rules.by_capacity(leads_per_week, weekly.mean(axis=0)[None, :])[0])
        picked = np.random.default_rng(seed).multinomial(weeks, np.full(weeks, 1 / weeks), size=rules.DRAWS)
        low, high, found = rules.bounds(
            scores, rules.by_capacity(leads_per_week, picked @ weekly / weeks), confidence=self.confidence
        )
        take = f"{points(leads_per_week)} a week that sales can take"
        span = f"the last {weeks} weeks"
        if place == rules.NONE:
            top = float(scores[-1])
            reason = (
                f"even at the highest score, {points(top)}, {number(float(weekly[:, -1].mean()), digits=1)} leads "
                f"a week came in over {span}, more than the {take}."
            )
            return Recommendation(kind="capacity", threshold=None, low=None, high=None, reason=reason, found=found)
        mean, over = float(weekly[:, place].mean()), float((weekly[:, place] > leads_per_week).mean())
        reason = (
            f"{number(mean, digits=1)} leads a week were created at or above it over {span}, of the {take}; "
            f"{percent(over, digits=0)} of weeks brought more."
        )
        if place:
            reason += (
                f" From {points(float(scores[place - 1]))} on it would be "
                f"{number(float(weekly[:, place - 1].mean()), digits=1)}."
            )
        else:
            reason = f"all leads fit: {reason}"
        return Recommendation(
            kind="capacity", threshold=float(scores[place]), low=low, high=high, reason=reason, found=found
        )

    def _reason(self, kind: str, threshold: float | None, given: dict[str, Any]) -> str:
        if threshold is None:
            return self._why_none(kind, given)
        line = self.at(threshold)
        rate_ = f"{percent(line.conversion.value)} ({interval(line.conversion.low, line.conversion.high)})"
        leads = f"{line.n_leads:,} leads convert at {rate_} and hold {percent(line.capture.value, digits=0)} of wins"
        if kind == "profit":
            gain, value = self.profit(threshold, given["cost_per_lead"], given["value_per_win"])
            return (
                f"{leads}; at {number(value)} a win and {number(given['cost_per_lead'])} a lead that "
                f"leaves {number(gain)}, more than at any other line."
            )
        if kind == "target_rate":
            return f"it is the lowest line at which {leads}, where {percent(given['rate'])} was asked for."
        if kind == "youden":
            return f"{leads}, and no line parts winners from the rest more sharply."
        if kind == "f1":
            return f"{leads}, the best balance of conversion and capture."
        return f"{leads} with {percent(line.share, digits=0)} of leads, and the best band converts 10 times the lowest."

    def _why_none(self, kind: str, given: dict[str, Any]) -> str:
        table = self.thresholds
        if kind == "profit":
            top = table.iloc[int(table["conversion_rate"].argmax())]
            value = self.profit(top["threshold"], 0.0, given["value_per_win"])[1]
            return (
                f"working a lead never pays: the best line, {points(top['threshold'])}, converts at "
                f"{percent(top['conversion_rate'])} of {int(top['n_leads']):,} leads, and a lead costs "
                f"{percent(given['cost_per_lead'] / value)} of a win's value."
            )
        if kind == "target_rate":
            top = table.iloc[int(table["conversion_rate"].argmax())]
            return (
                f"no line reaches {percent(given['rate'])}; the best, {points(top['threshold'])}, converts at "
                f"{percent(top['conversion_rate'])} ({interval(top['low'], top['high'])}) of "
                f"{int(top['n_leads']):,} leads."
            )
        if kind == "youden":
            return (
                "above no line is the share of winners larger than the share of the rest; a winner scores above a "
                f"loser in {percent(self.auc, digits=0)} of pairs, where 50 % is chance."
            )
        inside = table[table["share"].between(0.15, 0.35)]
        if inside.empty:
            return "no line leaves 15 to 35 % of leads above it; too many leads share one score."
        top = inside.iloc[int(inside["capture_rate"].argmax())]
        if top["capture_rate"] < 0.60:
            return (
                f"no line with 15 to 35 % of leads holds 60 % of wins; the nearest, {points(top['threshold'])}, "
                f"holds {percent(top['capture_rate'])} with {percent(top['share'])} of leads."
            )
        rates = self.bands["conversion_rate"]
        return (
            f"the best band converts at {percent(rates.iloc[-1])}, less than 10 times the lowest at "
            f"{percent(rates.iloc[0])}."
        )

    @cached_property
    def default_threshold(self) -> float:
        """Where the line stands until somebody moves it: Youden's J, else the best fifth of the leads."""
        place = int(rules.by_youden(self._observed)[0])
        if place == rules.NONE:
            n = self._above[0]
            place = int(np.argmax(n <= max(n[0] / 5, n[-1])))
        return float(self.tally.score[place])

    def headline(self, threshold: float | None = None) -> str:
        """What a line at `threshold` (default: Youden's J) means, in one sentence with its n and interval."""
        line = self.at(self.default_threshold if threshold is None else threshold)
        where = f"At {points(line.threshold)} points"
        leads = f"{line.n_all:,} leads"
        if not line.n_leads:
            return f"{where} none of {leads} go to sales; the highest score is {points(self.summary.maximum)}."
        noun = self.outcome.noun
        return (
            f"{where} {line.n_leads:,} of {leads} ({percent(line.share)}) go to sales; "
            f"{percent(line.conversion.value)} of them {f'became {noun}' if noun else 'won'} "
            f"({interval(line.conversion.low, line.conversion.high)}), {times(line.lift)} the average; "
            f"{percent(line.capture.value, digits=0)} of all {noun or 'wins'} are among them."
        )

    def frame(self) -> pd.DataFrame:
        """The thresholds."""
        return self.thresholds

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader has to know of the figures: who is left out, and what they are not."""
        found = []
        if self._apart_reasons:
            found.append(f"Not judged: {self._apart_reasons}.")
        if self.tally.blank_leads + self.tally.blank_apart:
            blank = self.blank
            told = (
                f"; {percent(blank.value)} of the {blank.n:,} judged ones won ({interval(blank.low, blank.high)})"
                if blank.n
                else ""
            )
            found.append(f"{self.summary.blank:,} leads have no score ({percent(self.summary.blank_share)}){told}.")
        if self.bands["inverted"].any():
            worst = self.bands[self.bands["inverted"]].iloc[0]
            found.append(
                f"Inversion: leads {_band(worst['low_score'], worst['high_score'])} convert significantly worse than "
                "leads with fewer points."
            )
        if self.jump is not None:
            found.append(self.jump.headline())
            naive = float(self.tally.score[rules.by_youden(self._observed)[0]])
            if self.jump.at(naive):
                found.append(
                    f"By Youden's J the line would belong at {points(naive)}, where the old line was: it says "
                    "where sales worked, not where leads are good. Hand over some leads by lot on both sides of it."
                )
        if self.design_effect > 1:
            found.append(
                f"Leads of one company rise and fall together: {self.n_leads:,} are worth "
                f"{self.n_leads / self.design_effect:,.0f} that stand each for itself. Intervals allow for that."
            )
        if self.n_without_revenue:
            found.append(f"{plural(self.n_without_revenue, 'won lead')} without a revenue: counted as 0.")
        if self.first_win is not None and self.first_win.truncated:
            found.append(self.first_win.headline())
        if self._few:
            found.append(self._few)
        return tuple(found)


def _band(low: float, high: float) -> str:
    return f"with {points(low)} points" if low == high else f"from {points(low)} to {points(high)} points"


def _choice(kind: str, given: Mapping[str, float | None]) -> rules.Choice:
    """The rule as a function of counts, its arguments checked."""
    if kind == "profit":
        value, cost = given.get("value_per_win"), given.get("cost_per_lead")
        worth = None if value is None else _positive("value_per_win", value)
        return rules.by_profit(worth, _positive("cost_per_lead", cost))
    if kind == "target_rate":
        return rules.by_target_rate(_check_share(given.get("rate")))
    return {"youden": rules.by_youden, "f1": rules.by_f1, "rule_of_thumb": rules.by_rule_of_thumb}[kind]


def _check_share(share: float | None) -> float:
    if share is None or not 0 < share <= 1:
        raise WorkbenchError(f"a share lies above 0 and is at most 1, but {share!r} was given; use 0.10 for 10 %.")
    return share


def _positive(name: str, value: float | None) -> float:
    if value is None or not value > 0:
        raise WorkbenchError(f"{name} must be above 0, but {value!r} was given.")
    if value == float("inf"):
        raise WorkbenchError(f"{name} must be a number that can be counted, but {value!r} was given.")
    return value
