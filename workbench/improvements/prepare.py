"""From a panel to cells: without its spikes, with each customer's baseline, on the scale it is judged on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.improvements.estimate import Cells, Scale
from workbench.improvements.panel import Panel
from workbench.improvements.result import Level, Survivors
from workbench.stats.resampling import Floats
from workbench.stats.robust import OutlierRule, medcouple, nan_median, spikes

LOG_SPIKE, PLAIN_SPIKE = float(np.log(3)), 0.25
"""An isolated spike is off by a factor of 3 at least, or by a quarter where values are judged as they are."""

FEW_EVENTS = 5
"""A count, or a rate's numerator, is judged for outliers from this many events on: below, chance alone looks odd."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A panel without its spikes, with each customer's baseline."""

    panel: Panel
    spiked: NDArray[np.bool_]
    scale: Scale
    judged: NDArray[np.bool_]  # (customers, months): enough events to tell an outlier from chance
    base: Floats  # (customers,): the mean of the baseline months' values
    base_numerator: Floats  # means over the baseline months, so that they are of one month's size
    base_denominator: Floats
    left: NDArray[np.bool_]  # (customers, months): had a baseline and was not seen in this month or later
    young: NDArray[np.bool_] | None  # (customers, months): this month lies beyond the data


def prepare(
    panel: Panel, baseline: tuple[int, ...], rule: OutlierRule, *, spiked: NDArray[np.bool_] | None = None
) -> Prepared:
    scale = scale_of(panel)
    judged = np.ones(panel.value.shape, dtype=bool)
    if panel.metric.kind == "count" or (panel.metric.kind == "rate" and panel.has_denominator):
        usual = nan_median(panel.numerator, axis=1)[:, None]
        with np.errstate(invalid="ignore"):
            judged = (panel.numerator >= FEW_EVENTS) | (usual >= FEW_EVENTS)
    if spiked is None:
        spiked = np.zeros(panel.value.shape, dtype=bool)
        if rule.spikes and rule.rule != "none":
            spiked = judged & spikes(
                scale.to(panel.value), at_least=PLAIN_SPIKE if scale.name == "plain" else LOG_SPIKE
            )
    seen = np.isfinite(panel.numerator)
    panel = panel.without(spiked)
    columns = [panel.column(month) for month in baseline]
    base_numerator = _known_mean(panel.numerator[:, columns])
    later = np.flip(np.maximum.accumulate(np.flip(seen, axis=1), axis=1), axis=1)
    left = np.isfinite(base_numerator)[:, None] & ~later
    young = None
    if panel.last_calendar_month is not None:
        young = panel.calendar_month() > panel.last_calendar_month
        left &= ~young
    return Prepared(
        panel=panel,
        spiked=spiked,
        scale=scale,
        judged=judged,
        base=_known_mean(panel.value[:, columns]),
        base_numerator=base_numerator,
        base_denominator=_known_mean(panel.denominator[:, columns]),
        left=left,
        young=young,
    )


def scale_of(panel: Panel) -> Scale:
    """Logarithms where everything is positive, log(1 + x) where zeros stand among counts, else the plain values."""
    lowest = float(np.nanmin(panel.value))
    if lowest > 0:
        return Scale("log")
    return Scale("plain" if panel.metric.kind == "rate" else "log1p")


def _known_mean(values: Floats) -> Floats:
    known = np.isfinite(values)
    sums, counts = np.where(known, values, 0).sum(axis=1), known.sum(axis=1)
    found: Floats = np.divide(sums, counts, out=np.full(len(values), np.nan), where=counts > 0)
    return found


def cells_of(
    prepared: Prepared,
    baseline: tuple[int, ...],
    *,
    level: Level,
    pooled: bool,
    survivors: Survivors,
    rule: OutlierRule,
) -> Cells:
    panel, base = prepared.panel, prepared.base
    if pooled:
        numerator, denominator = panel.numerator, panel.denominator
        base_numerator, base_denominator = prepared.base_numerator, prepared.base_denominator
    else:
        numerator, denominator = panel.value, np.where(np.isfinite(panel.value), 1.0, np.nan)
        base_numerator, base_denominator = base, np.where(np.isfinite(base), 1.0, np.nan)
    weight = np.nan_to_num(denominator)
    if level == "centre_of_ratios":
        own = np.where(base > 0, base, np.nan)
        numerator = numerator / own[:, None]
        weight = weight / np.nan_to_num(own, nan=1.0)[:, None]
        base_numerator = base_denominator = np.where(np.isfinite(own), 1.0, np.nan)
    paired = survivors != "all" or level == "centre_of_ratios"
    if paired:
        numerator = np.where(np.isfinite(base_numerator)[:, None], numerator, np.nan)
    scaled = prepared.scale.to(panel.value)
    offset: Floats = prepared.scale.to(base) if rule.on == "change" else np.zeros(len(base))
    if rule.on == "change" and prepared.scale.name != "plain":
        offset = np.where(base > 0, offset, np.nan)  # from nothing, every change is endless
    key = np.where(np.isfinite(numerator) & prepared.judged, scaled - offset[:, None], np.nan)
    for month in baseline:
        key[:, panel.column(month)] = np.nan
    if survivors in ("kept_baseline", "fell_to_zero"):
        numerator, denominator = filled(
            numerator, denominator, base_numerator, base_denominator, prepared.left, zero=survivors == "fell_to_zero"
        )
    months = key.shape[1]
    skew = np.zeros(months)
    if rule.rule == "adjusted_boxplot":
        skew = np.array([np.nan_to_num(medcouple(key[:, month])) for month in range(months)])
    return Cells(
        numerator=numerator,
        denominator=denominator,
        base_numerator=base_numerator,
        base_denominator=base_denominator,
        key=key,
        offset=np.nan_to_num(offset),
        weight=weight,
        scale=prepared.scale,
        skew=skew,
        paired=paired,
    )


def filled(
    numerator: Floats,
    denominator: Floats,
    base_numerator: Floats,
    base_denominator: Floats,
    left: NDArray[np.bool_],
    *,
    zero: bool,
) -> tuple[Floats, Floats]:
    stand_in = np.where(np.isfinite(base_numerator), 0.0, np.nan) if zero else base_numerator
    return (
        np.where(left, stand_in[:, None], numerator),
        np.where(left, base_denominator[:, None], denominator),
    )
