"""The improvement of one metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

import numpy as np
import pandas as pd
from narwhals.typing import IntoFrame
from numpy.typing import NDArray

from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.improvements.estimate import Cells, Centre, centres, improvement_of, unusual
from workbench.improvements.metrics import Metric, as_metric, check_baseline
from workbench.improvements.panel import Panel, read_panel
from workbench.improvements.prepare import Prepared, cells_of, filled, prepare
from workbench.improvements.result import (
    TOTAL,
    Bounds,
    CentreReason,
    Choices,
    Improvement,
    IntervalKind,
    Level,
    Rate,
    Survivors,
    Touched,
)
from workbench.improvements.season import NO_SEASON, Season, season_of
from workbench.stats.resampling import (
    Floats,
    bca_interval,
    bootstrap_weights,
    check_confidence,
    jackknife_weights,
    percentile_interval,
)
from workbench.stats.robust import OutlierRule, RuleName, Skewness, nan_median, skewness
from workbench.stats.suppression import Group, hidden_groups

COARSE = 10.0
"""A median count below this moves in steps of more than a tenth, and so does a rate over fewer events: no median."""

ADJUSTMENTS = ("holm", "fdr_bh", "bonferroni", "none")


def improvement(
    panel: IntoFrame | Panel,
    metric: str | Metric,
    *,
    at: int = 12,
    baseline: int | Sequence[int] | None = None,
    by: str | Sequence[str] | None = None,
    min_group: int = 100,
    level: Level = "ratio_of_centres",
    centre: Literal["auto", "mean", "median"] = "auto",
    rate: Rate = "pooled",
    outliers: RuleName | OutlierRule = "tukey",
    survivors: Survivors = "balanced",
    seasonal: bool = False,
    rates: Mapping[str, float] | None = None,
    confidence: float = 0.95,
    interval: Literal["auto", "percentile", "bca"] = "auto",
    draws: int = 2_000,
    seed: int = 0,
    adjust: str = "holm",
    criteria: str = "",
) -> Improvement:
    """How far a metric has moved from its baseline to month `at`, and in every other month.

    Args:
        panel: any table with `customer_id`, `month` (1 is the first full month after the purchase) and `value`, or
            `numerator` and `denominator`; with `metric` where it holds several; with `calendar_month` (first day) where
            seasons, the period and young customers shall be known; with `currency` for amounts. Or what `read_panel`
            made of one, which spares reading it again.
        metric: one of `METRICS`, or a `Metric` of your own.
        at: the month the headline speaks of.
        baseline: the month or months of the baseline; None is the metric's own.
        by: a column, or several, whose groups are shown beside the total; each column is a grouping of its own.
        min_group: no figure of fewer customers is shown, nor can it be had by adding and subtracting shown ones.
        level: the centre at the month over the centre at the baseline, or the centre of each customer's own ratio.
        centre: `auto` takes the median where the month's values are very skewed (see `robust.skewness`), unless it is
            too coarse (a baseline of 0, a count below 10, a rate over fewer than 10 events).
        rate: sum over sum, or the mean of the customers' rates. A median is always one of customers' rates.
        outliers: a rule's name, or an `OutlierRule` with its factor and what it judges.
        survivors: whose months count: customers seen at both ends (`balanced`), everybody seen at either (`all`), or
            everybody with a baseline, those who left being given their baseline or zero.
        seasonal: whether month-of-year effects are taken out; needs `calendar_month`.
        rates: units of the home currency for one of each currency, where amounts come in several.
        confidence: the level of all intervals, between 0.5 and 1.
        interval: `auto` is BCa for a mean and percentile for a median.
        draws: bootstrap samples of customers; 0 leaves the intervals out.
        seed: makes the draws repeatable.
        adjust: for many comparisons: `holm`, `fdr_bh`, `bonferroni` or `none`.
        criteria: in words, who was let into the panel; printed in the footnote.

    Raises:
        WorkbenchError: an unknown metric, choice or column; a month that is not there; a panel without usable values;
            amounts in several currencies without `rates`.
    """
    chosen = as_metric(metric)
    months = _baseline(baseline, chosen)
    groupings = (by,) if isinstance(by, str) else tuple(by or ())
    rule = outliers if isinstance(outliers, OutlierRule) else OutlierRule(outliers)
    _check("level", level, get_args(Level))
    _check("centre", centre, ("auto", "mean", "median"))
    _check("rate", rate, get_args(Rate))
    _check("survivors", survivors, get_args(Survivors))
    _check("interval", interval, ("auto", "percentile", "bca"))
    _check("adjust", adjust, ADJUSTMENTS)
    check_confidence(confidence)
    if draws < 0 or min_group < 1:
        raise WorkbenchError(f"draws must be 0 or more and min_group 1 or more; got {draws!r} and {min_group!r}.")
    read = read_panel(panel, chosen, by=groupings, rates=rates)
    if at in months:
        raise WorkbenchError(f"month {at} is part of the baseline {months}; ask for a later month.")
    read.column(at)
    read.column(months[-1])

    raw = prepare(read, months, rule)
    season = season_of(raw.panel) if seasonal else NO_SEASON
    prepared = raw if season.factors is None else prepare(season.take_out(read), months, rule, spiked=raw.spiked)

    own = cells_of(prepared, months, level=level, pooled=False, survivors=survivors, rule=rule)
    column = read.column(at)
    far = unusual(own, rule)
    usual = np.where(far[:, column] & (rule.rule != "winsor"), np.nan, own.numerator[:, column])
    skew = skewness(usual[np.isfinite(usual)], confidence=confidence, seed=seed)
    found, reason = _centre(centre, skew, prepared, chosen, level)
    pooled = rate == "pooled" and read.has_denominator and found == "mean" and level == "ratio_of_centres"
    cells = own
    if pooled:
        cells = cells_of(prepared, months, level=level, pooled=True, survivors=survivors, rule=rule)
    kind: IntervalKind = "none"
    if draws:
        kind = cast(IntervalKind, interval if interval != "auto" else "bca" if found == "mean" else "percentile")
    choices = Choices(
        at=at,
        baseline=months,
        level=level,
        centre=found,
        centre_reason=reason,
        rate=None if not read.has_denominator else "pooled" if pooled else "mean",
        outliers=rule,
        scale=prepared.scale.name,
        survivors=survivors,
        seasonal=season.factors is not None,
        by=groupings,
        min_group=min_group,
        confidence=confidence,
        interval=kind,
        draws=draws,
        seed=seed,
        adjust=adjust,
        criteria=criteria,
    )
    estimates = _all_groups(cells, read, choices, season)
    everyone = estimates[("", TOTAL)]
    shown = [month for month in range(len(read.months)) if int(read.months[month]) not in months]
    base_columns = [read.column(month) for month in months]
    judged = np.isfinite(read.numerator[:, base_columns + shown])
    spiked = prepared.spiked[:, base_columns + shown]
    beyond = far[:, base_columns + shown]
    groups = _group_table(estimates, choices, read)
    first = groups.iloc[0]
    unadjusted = None
    if season.factors is not None:
        plain = cells_of(raw, months, level=level, pooled=pooled, survivors=survivors, rule=rule)
        unadjusted = _number(_point(plain, np.arange(read.n_customers), column, choices)[0])
    return Improvement(
        metric=chosen,
        choices=choices,
        value=_number(first["improvement"]),
        low=_number(first["low"]),
        high=_number(first["high"]),
        n_customers=None if first["hidden"] else int(first["n_customers"]),
        baseline=_number(first["baseline"]),
        level=_number(first["level"]),
        why_not=str(first["hidden"]) or everyone.why_not(column),
        outliers=Touched(
            rule=rule,
            n_values=int(beyond.sum()),
            n_spikes=int(spiked.sum()),
            n_customers=int((beyond | spiked).any(axis=1).sum()),
            n_judged=int(judged.sum()),
        ),
        skewness=skew,
        bounds=_bounds(prepared, cells, everyone, choices),
        zero_baselines=int((prepared.base == 0).sum()),
        missing_baselines=int((~np.isfinite(prepared.base_numerator)).sum()),
        findings=read.findings,
        period=_period(read),
        season=season.frame(),
        season_note=season.note if seasonal else "",
        unadjusted=None if first["hidden"] else unadjusted,
        _months=_month_table(estimates, choices, read),
        _groups=groups,
    )


def _check(name: str, given: object, known: Sequence[str]) -> None:
    if given not in known:
        raise WorkbenchError(f"{name} is one of {listing(known)}; got {given!r}.{did_you_mean(str(given), known)}")


def _baseline(baseline: int | Sequence[int] | None, metric: Metric) -> tuple[int, ...]:
    if baseline is None:
        return check_baseline(metric.baseline)
    return check_baseline((baseline,) if isinstance(baseline, int) else tuple(baseline))


def _centre(
    asked: Literal["auto", "mean", "median"], skew: Skewness, prepared: Prepared, metric: Metric, level: Level
) -> tuple[Centre, CentreReason]:
    if asked != "auto":
        return asked, "asked"
    if not skew.very_skewed:
        return "mean", "not_very_skewed"
    middle = float(nan_median(prepared.base, axis=0))
    events = {"count": middle, "rate": float(nan_median(prepared.base_denominator, axis=0))}
    counted = metric.kind == "count" or prepared.panel.has_denominator
    coarse = counted and events.get(metric.kind, COARSE) < COARSE
    if level == "ratio_of_centres" and (middle == 0 or coarse):
        return "mean", "coarse"
    return "median", "very_skewed"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Estimate:
    """One group's figures, month by month; NaN where there is none."""

    n: NDArray[np.int64]
    top: Floats
    bottom: Floats
    value: Floats
    low: Floats
    high: Floats
    spread: Floats  # the standard deviation of the logarithm of 1 + improvement over the draws
    hidden: list[str]

    def why_not(self, column: int) -> str:
        if np.isfinite(self.value[column]):
            return ""
        if self.n[column] == 0:
            return "no customer has both a baseline and a value in this month"
        return "the baseline is 0: no ratio can be formed"


def _all_groups(cells: Cells, panel: Panel, choices: Choices, season: Season) -> dict[Group, _Estimate]:
    members: dict[Group, NDArray[np.intp]] = {("", TOTAL): np.arange(panel.n_customers)}
    for by, named in panel.groups.items():
        for group in sorted(set(named)):
            members[(by, group)] = np.flatnonzero(named == group)
    found = {
        group: _estimate(
            cells.of(rows) if group[0] else cells, panel, choices, season, seed=(choices.seed, place), rows=rows
        )
        for place, (group, rows) in enumerate(members.items())
    }
    before: tuple[bytes, set[Group]] | None = None
    for month in range(len(panel.months)):
        taking_part = np.isfinite(cells.numerator[:, month])
        few = {group for group, each in found.items() if each.n[month] < choices.min_group}
        state = taking_part.tobytes() + repr(sorted(few)).encode()
        if before is None or before[0] != state:
            inside = {by: named[taking_part] for by, named in panel.groups.items()}
            before = (state, hidden_groups(inside, min_group=choices.min_group, also=few))
        for group, each in found.items():
            if group in few:
                each.hidden[month] = f"fewer than {choices.min_group} customers"
            elif group in before[1]:
                each.hidden[month] = f"hidden, so that no group of fewer than {choices.min_group} can be worked out"
    return found


def _point(cells: Cells, rows: NDArray[np.intp], month: int, choices: Choices) -> tuple[float, float, float]:
    """The improvement of these customers in a month, with its level and its baseline."""
    part = cells.of(rows)
    top, bottom = centres(part, month, np.ones((len(rows), 1)), rule=choices.outliers, centre=choices.centre)
    return float(improvement_of(top, bottom)[0]), float(top[0]), float(bottom[0])


def _estimate(
    cells: Cells,
    panel: Panel,
    choices: Choices,
    season: Season,
    *,
    seed: tuple[int, int],
    rows: NDArray[np.intp],
) -> _Estimate:
    n_customers, n_months = cells.numerator.shape
    rule = choices.outliers
    far = unusual(cells, rule)
    n = (np.isfinite(cells.numerator) & ~(far & (rule.rule != "winsor"))).sum(axis=0)
    shown = [
        month
        for month in range(n_months)
        if int(panel.months[month]) not in choices.baseline and n[month] >= choices.min_group
    ]

    def over(weights: Floats) -> tuple[Floats, Floats]:
        found = [centres(cells, month, weights, rule=rule, centre=choices.centre) for month in shown]
        return np.array([top for top, _ in found]), np.array([bottom for _, bottom in found])

    top, bottom, low, high, spread = (np.full(n_months, np.nan) for _ in range(5))
    if shown:
        exact = over(np.ones((n_customers, 1)))
        top[shown], bottom[shown] = exact[0][:, 0], exact[1][:, 0]
    value = improvement_of(top, bottom)
    if shown and choices.draws and n_customers > 1:
        rng = np.random.default_rng(seed)
        drawn = np.hstack(
            [improvement_of(*over(weights)) + 0.0 for weights in bootstrap_weights(n_customers, choices.draws, rng)]
        )
        drawn = season.vary(drawn, rows=rows, columns=shown, panel=panel, baseline=choices.baseline, seed=seed)
        left_out = improvement_of(*over(jackknife_weights(n_customers))) if choices.interval == "bca" else None
        for place, month in enumerate(shown):
            if left_out is None:
                low[month], high[month] = percentile_interval(drawn[place], choices.confidence)
            else:
                low[month], high[month] = bca_interval(value[month], drawn[place], left_out[place], choices.confidence)
            positive = drawn[place][drawn[place] > -1]
            if len(positive) >= 0.95 * choices.draws:
                spread[month] = np.log1p(positive).std(ddof=1)
    return _Estimate(
        n=n, top=top, bottom=bottom, value=value, low=low, high=high, spread=spread, hidden=[""] * n_months
    )


def _month_table(estimates: Mapping[Group, _Estimate], choices: Choices, panel: Panel) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    for (by, group), each in estimates.items():
        for place, month in enumerate(panel.months):
            is_baseline = int(month) in choices.baseline
            blank = bool(each.hidden[place]) or is_baseline
            rows.append(
                {
                    "metric": panel.metric.name,
                    "by": by,
                    "group": group,
                    "month": int(month),
                    "is_baseline": is_baseline,
                    "n_customers": pd.NA if each.hidden[place] else int(each.n[place]),
                    "improvement": np.nan if blank else each.value[place],
                    "low": np.nan if blank else each.low[place],
                    "high": np.nan if blank else each.high[place],
                    "hidden": each.hidden[place] or ("" if is_baseline else each.why_not(place)),
                }
            )
    return pd.DataFrame(rows).astype({"n_customers": "Int64"})


def _group_table(estimates: Mapping[Group, _Estimate], choices: Choices, panel: Panel) -> pd.DataFrame:
    column = panel.column(choices.at)
    rows: list[dict[str, Any]] = []
    for (by, group), each in estimates.items():
        hidden = each.hidden[column]
        figures = {
            "n_customers": each.n[column],
            "baseline": each.bottom[column],
            "level": each.top[column],
            "improvement": each.value[column],
            "low": each.low[column],
            "high": each.high[column],
            "log_spread": each.spread[column],
        }
        rows.append(
            {"by": by, "group": group}
            | {name: pd.NA if name == "n_customers" else np.nan for name in figures if hidden}
            | {name: figure for name, figure in figures.items() if not hidden}
            | {"hidden": hidden}
        )
    table = pd.DataFrame(rows).astype({"n_customers": "Int64"})
    table["p_value"] = p_values(table["improvement"], table["log_spread"])
    table["p_adjusted"] = adjusted(table["p_value"], choices.adjust)
    table["real"] = (table["p_adjusted"] < 1 - choices.confidence).to_numpy(dtype=bool)
    way = np.sign(table["improvement"]) * panel.metric.sign
    table["better"] = pd.array([pd.NA if not w or np.isnan(w) else w > 0 for w in way], dtype="boolean")
    return table


def p_values(values: pd.Series, log_spread: pd.Series) -> Floats:
    """Two-sided, of no movement: the logarithm of 1 + improvement over its standard deviation across the draws."""
    from scipy.special import ndtr

    with np.errstate(divide="ignore", invalid="ignore"):
        moved = np.abs(np.log1p(values.to_numpy(dtype=float)))
        distance = np.where(moved == 0, 0.0, moved / log_spread.to_numpy(dtype=float))
    found: Floats = np.where(np.isnan(log_spread), np.nan, 2 * ndtr(-distance))
    return found


def adjusted(p: pd.Series, method: str) -> Floats:
    """p-values adjusted for their number; blanks do not count.

    References: Holm (1979), Scandinavian Journal of Statistics 6, 65-70; Benjamini and Hochberg (1995), JRSS B 57.
    """
    found = p.to_numpy(dtype=float).copy()
    known = np.flatnonzero(np.isfinite(found))
    rank = known[np.argsort(found[known], kind="stable")]
    ordered, m = found[rank], len(rank)
    # statsmodels' multipletests says the same, but collects the garbage of the whole process each time: 0.1 s.
    if method == "holm":
        ordered = np.maximum.accumulate(ordered * np.arange(m, 0, -1))
    elif method == "fdr_bh":
        ordered = np.flip(np.minimum.accumulate(np.flip(ordered * m / np.arange(1, m + 1))))
    elif method == "bonferroni":
        ordered = ordered * m
    found[rank] = np.minimum(ordered, 1)
    return found


def _bounds(prepared: Prepared, cells: Cells, everyone: _Estimate, choices: Choices) -> Bounds:
    column = prepared.panel.column(choices.at)
    left = prepared.left[:, column]
    n_left, seen = int(left.sum()), int(np.isfinite(cells.numerator[:, column]).sum())
    young = None if prepared.young is None else int(prepared.young[:, column].sum())
    kept: float | None = None
    zero: float | None = None
    # Figures about few leavers could be had from the difference to the headline, so an average stands in for them.
    own = n_left >= choices.min_group or choices.min_group == 1
    if choices.survivors == "balanced" and not everyone.hidden[column] and np.isfinite(everyone.value[column]):
        if own and n_left:
            both = []
            for zero_stands_in in (False, True):
                numerator, denominator = filled(
                    cells.numerator,
                    cells.denominator,
                    cells.base_numerator,
                    cells.base_denominator,
                    prepared.left,
                    zero=zero_stands_in,
                )
                everybody = replace(cells, numerator=numerator, denominator=denominator)
                both.append(_point(everybody, np.arange(len(left)), column, choices)[0])
            kept, zero = _number(both[0]), _number(both[1])
        else:
            stay = seen / (seen + n_left)
            kept = float(everyone.value[column] * stay)
            zero = float((1 + everyone.value[column]) * stay - 1)
    return Bounds(
        n_left=n_left,
        n_too_young=young,
        kept_baseline=kept,
        fell_to_zero=zero if prepared.panel.metric.sign > 0 else None,
        own_baselines=own and n_left > 0,
    )


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _period(panel: Panel) -> tuple[str, str] | None:
    if panel.start is None or panel.last_calendar_month is None:
        return None
    first = int(panel.start.min())
    return tuple(f"{month // 12:04d}-{month % 12 + 1:02d}" for month in (first, panel.last_calendar_month))  # type: ignore[return-value]
