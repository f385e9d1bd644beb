"""Points that the data would give: a logistic regression on what the rules found, in the practitioner's numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench.errors import WorkbenchError
from workbench.outcomes import LOST, WON
from workbench.scoring import CodeTally, Rule, ScoreModel
from workbench.stats.logistic import LogisticFit, fit_logistic
from workbench.stats.proportions import check_confidence, holm
from workbench.stats.ranking import Auc, auc
from workbench.wording import percent, plural, signed

if TYPE_CHECKING:
    from workbench.calibration.backtesting import Backtest
    from workbench.calibration.counting import WhatIf

STRONGEST = 25
"""Points of the strongest rule: the practitioner's 20 to 25 for what is important, 10 to 15, 5 for what is minor."""
STEP = 5
TOGETHER = 0.8
"""Rules are near-copies if of the leads that meet either, at least this share meet both."""
LEAST_WON = 10
LEAST_MET = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Suggested points beside the given ones.

    `model` is the model with them; `given_auc` and `suggested_auc` rank the same leads by the two scores, with all
    limits. `factor` is the points for one unit of log-odds.
    """

    model: ScoreModel
    rows: pd.DataFrame
    pairs: tuple[tuple[str, str], ...]
    given_auc: Auc
    suggested_auc: Auc
    factor: float
    firth: bool
    n_leads: int
    n_won: int

    def frame(self) -> pd.DataFrame:
        """One row a rule: rule, n_met, points (given), suggested, low, high, log_odds, standard_error, verdict, reason.

        `suggested`, `low` and `high` are points for one time, before the rule's own limits; blank where nothing can be
        told. `verdict` is "earns", "opposite", "idle" (adds nothing beside the others), "open", "copy" or "unmet".
        """
        return self.rows

    @property
    def idle(self) -> tuple[str, ...]:
        """Rules that do not earn their points: they add nothing beside the others, and are no near-copies."""
        return tuple(self.rows.loc[self.rows["verdict"].isin(["idle", "opposite"]), "rule"])

    @property
    def points(self) -> dict[str, float]:
        """Suggested points by rule, for `ScoreModel.with_points` or `WhatIf.calibrate`."""
        known = self.rows[self.rows["suggested"].notna()]
        return dict(zip(known["rule"], known["suggested"].astype(float), strict=True))

    @property
    def reason(self) -> str:
        """What was done, and what is doubtful."""
        said = [
            f"a logistic regression on {self.n_leads:,} leads, {self.n_won:,} of whom won; "
            f"the strongest rule has {STRONGEST} points, and verdicts are adjusted for the number of rules (Holm)"
        ]
        if self.firth:
            said.append("some rules are met by winners or losers alone, so Firth's penalty keeps them finite")
        if self.pairs:
            said.append("; ".join(f"{one!r} and {other!r} nearly always occur together" for one, other in self.pairs))
        return f"{'; '.join(said)}."

    def headline(self) -> str:
        """The suggestion in a sentence."""
        before, after = self.given_auc, self.suggested_auc
        idle = f"; not earning their points: {', '.join(self.idle)}" if self.idle else ""
        return (
            f"With the suggested points, limits and all, the AUC is {after.value:.3f} ({after.low:.3f} to "
            f"{after.high:.3f}) on the same leads, where it is {before.value:.3f} now{idle}; {self.reason}"
        )


def suggest_points(counted: CodeTally | WhatIf | Backtest, *, confidence: float = 0.95) -> Suggestion:
    """Points for each rule from a logistic regression on the counts, with intervals.

    Intervals are of one rule each; verdicts are adjusted for the number of rules that were looked at.

    Parameters
    ----------
    counted
        What the rules found, by outcome: a `Backtest` (scores as they were: the right one to learn from), a `WhatIf`
        or a `CodeTally` with the key `outcome`.
    confidence
        Of the intervals.

    Raises
    ------
    WorkbenchError
        If fewer than ten leads won or lost, or nothing tells rules apart.

    References
    ----------
    McCullagh, P., Nelder, J. A. (1989). Generalized Linear Models, 2nd ed., chapter 4.
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scand. J. Statist. 6, 65-70.
    """
    from scipy.stats import norm

    check_confidence(confidence)
    codes = counted if isinstance(counted, CodeTally) else counted.codes
    model, rules = codes.model, codes.model.rules
    n, won = _by_pattern(codes)
    here = n > 0
    n, won, found = n[here], won[here], codes.codes[here]
    if min(won.sum(), n.sum() - won.sum()) < LEAST_WON:
        raise WorkbenchError(
            f"points need winners and losers: {won.sum():,.0f} of {n.sum():,.0f} leads won, and at least {LEAST_WON} "
            "of each are needed; take more leads."
        )
    design = _design(codes, found)
    met = n @ (found > 0)
    usable = [i for i in range(len(rules)) if min(met[i], n.sum() - met[i]) >= LEAST_MET and rules[i].enabled]
    usable = _independent(design, n, usable)
    if not usable:
        raise WorkbenchError("no rule tells leads apart: each is met by hardly any lead or by nearly all.")
    pairs = _pairs(found, n, [i for i in range(len(rules)) if met[i] >= LEAST_MET])
    fit = fit_logistic(design[:, usable], won, n)
    kept = _without_copies(usable, pairs, fit)
    if kept != usable:
        fit = fit_logistic(design[:, kept], won, n)
    z = float(norm.ppf(0.5 + confidence / 2))
    beta, error = fit.coefficients[1:], fit.errors[1:]
    sure = np.abs(beta) > z * error
    factor = STRONGEST / float(np.abs(beta[sure] if sure.any() else beta).max())
    place = {rule: position for position, rule in enumerate(kept)}
    given = np.array([rules[i].points for i in kept], dtype=float)
    nonzero, otherwise = (
        holm(2 * norm.sf(np.abs(apart) / error), alpha=1 - confidence) for apart in (beta, beta - given / factor)
    )
    rows = []
    for i, rule in enumerate(rules):
        row: dict[str, Any] = {"rule": rule.name, "n_met": int(met[i]), "points": rule.points}
        row |= dict.fromkeys(("suggested", "low", "high", "log_odds", "standard_error"), float("nan"))
        if i in place:
            coefficient, spread = float(beta[place[i]]), z * float(error[place[i]])
            row |= {"log_odds": coefficient, "standard_error": float(error[place[i]])}
            row |= {"low": factor * (coefficient - spread), "high": factor * (coefficient + spread)}
            row["suggested"] = float(STEP * round(factor * coefficient / STEP))
            row["verdict"], row["reason"] = _verdict(
                rule, row, nonzero=bool(nonzero[place[i]]), otherwise=bool(otherwise[place[i]])
            )
        else:
            row |= _left_out(i, rules, met, n, pairs, place)
        rows.append(row)
    table = pd.DataFrame(rows)
    # A copy that was left out gives no points: the other has its share.
    table.loc[table["verdict"] == "copy", "suggested"] = 0.0
    known = table[table["suggested"].notna()]
    suggested = model.with_points(dict(zip(known["rule"], known["suggested"].tolist(), strict=True)))
    return Suggestion(
        model=suggested,
        rows=table,
        pairs=tuple((rules[i].name, rules[j].name) for i, j in pairs),
        given_auc=_auc(codes.scores(), here, n, won, confidence),
        suggested_auc=_auc(codes.scores(suggested), here, n, won, confidence),
        factor=factor,
        firth=fit.firth,
        n_leads=int(n.sum()),
        n_won=int(won.sum()),
    )


def _by_pattern(codes: CodeTally) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Judged leads and winners by pattern."""
    outcome = codes.keys["outcome"].to_numpy()
    size = len(codes.codes)
    judged = (outcome == LOST) | (outcome == WON)
    n = np.bincount(codes.pattern[judged], weights=codes.n[judged], minlength=size)
    won = np.bincount(codes.pattern[outcome == WON], weights=codes.n[outcome == WON], minlength=size)
    return np.asarray(n, dtype=float), np.asarray(won, dtype=float)


def _design(codes: CodeTally, found: NDArray[Any]) -> NDArray[Any]:
    """How many times the points of each rule each pattern has."""
    times = [
        codes.worth(replace(rule, points=1, minimum=None, maximum=None, enabled=True)) for rule in codes.model.rules
    ]
    whole = all((one == np.floor(one)).all() and one.min() >= 0 and one.max() < 256 for one in times)
    design = np.empty(found.shape, dtype=np.uint8 if whole else np.float64, order="F")
    for column, one in enumerate(times):
        design[:, column] = one[found[:, column]]
    return design


def _independent(design: NDArray[Any], n: NDArray[np.float64], columns: list[int]) -> list[int]:
    """The columns, without those that the ones before them determine."""
    x = design[:, columns].astype(np.float64)
    x -= (n @ x) / n.sum()
    gram = (x * n[:, None]).T @ x
    kept: list[int] = []
    for position in range(len(columns)):
        if kept:
            inner = gram[np.ix_(kept, kept)]
            cross = gram[kept, position]
            rest = gram[position, position] - cross @ np.linalg.solve(inner, cross)
        else:
            rest = gram[position, position]
        if rest > 1e-9 * max(gram[position, position], 1e-300):
            kept.append(position)
    return [columns[position] for position in kept]


def _pairs(found: NDArray[Any], n: NDArray[np.float64], columns: list[int]) -> list[tuple[int, int]]:
    """Rules that nearly always occur together."""
    met = (found[:, columns] > 0).astype(np.float64)
    both = (met * n[:, None]).T @ met
    each = np.diag(both)
    return [
        (columns[i], columns[j])
        for i in range(len(columns))
        for j in range(i + 1, len(columns))
        if both[i, j] >= TOGETHER * (each[i] + each[j] - both[i, j])
    ]


def _without_copies(usable: list[int], pairs: list[tuple[int, int]], fit: LogisticFit) -> list[int]:
    """The rules without the weaker one of each pair."""
    strength = np.abs(fit.coefficients[1:] / fit.errors[1:])
    place = {rule: position for position, rule in enumerate(usable)}
    gone: set[int] = set()
    for one, other in pairs:
        if one in place and other in place and not gone & {one, other}:
            gone.add(other if strength[place[one]] >= strength[place[other]] else one)
    return [rule for rule in usable if rule not in gone]


def _verdict(rule: Rule, row: dict[str, Any], *, nonzero: bool, otherwise: bool) -> tuple[str, str]:
    """What the data say of the points a rule has.

    `nonzero` and `otherwise`: whether it surely adds something, and surely something else than its points, with Holm's
    adjustment for the number of rules.
    """
    low, high = row["low"], row["high"]
    span = f"{signed(round(row['suggested']))} ({signed(round(low))} to {signed(round(high))})"
    if nonzero:
        if rule.points and np.sign(rule.points) != np.sign(row["log_odds"]):
            return "opposite", f"{span}: it speaks against its {signed(rule.points)}."
        return "earns", f"{span}: it earns points."
    if low <= 0 <= high:
        if not rule.points:
            return "idle", f"{span}: it adds nothing beside the others, and has no points."
        if otherwise:
            return "idle", f"{span}: it does not earn its {signed(rule.points)}; it adds nothing beside the others."
    return "open", f"{span}: too few leads to tell whether it adds anything."


def _left_out(
    i: int, rules: tuple[Rule, ...], met: NDArray[Any], n: NDArray[Any], pairs: list[tuple[int, int]], place: Any
) -> dict[str, Any]:
    for one, other in pairs:
        twin = other if one == i else one if other == i else None
        if twin is not None and twin in place:
            told = f"nearly always together with {rules[twin].name!r}, which has the points of both; keep one of them."
            return {"verdict": "copy", "reason": told}
    if min(met[i], n.sum() - met[i]) < LEAST_MET or not rules[i].enabled:
        share = percent(float(met[i] / n.sum()))
        return {"verdict": "unmet", "reason": f"met by {plural(int(met[i]), 'lead')} ({share}): nothing can be told."}
    return {"verdict": "copy", "reason": "the other rules together say the same; leave it out."}


def _auc(scores: NDArray[Any], here: NDArray[np.bool_], n: NDArray[Any], won: NDArray[Any], confidence: float) -> Auc:
    values, place = np.unique(np.asarray(scores, dtype=float)[here], return_inverse=True)
    counts = [np.bincount(place, weights=part, minlength=len(values)).astype(np.int64) for part in (n, won)]
    return auc(*counts, confidence=confidence)
