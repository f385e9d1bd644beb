"""A line for each segment, and what one line for all costs each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from workbench.calibration.recommend import LABELS
from workbench.errors import WorkbenchError
from workbench.stats.proportions import holm, wilson_interval
from workbench.wording import plural, points

if TYPE_CHECKING:
    from workbench.calibration.result import Calibration

LEAST_LEADS = 100
LEAST_WON = 10
"""Below these a segment has no line of its own: it would be drawn by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentLines:
    """Lines by segment, by one rule, beside the one line for all (`threshold`)."""

    by: str
    kind: str
    threshold: float
    rows: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        """One row a segment, largest first.

        segment, n_leads, n_won; line_for_all_n_leads, line_for_all_rate, line_for_all_low, line_for_all_high (leads
        above the line for all and their conversion, Wilson), differs (whether that rate differs from the other
        segments' beyond chance, Holm over all segments); threshold, low, high (its own line with its interval, blank
        where the segment is too small or the rule finds none), shrunk (its own line drawn towards the one for all, the
        more the less sure it is); leads_more and wins_more (above the line for all less above its own), cost (money
        that the line for all costs it beside its own, with "profit"), and reason. Its own line was chosen on these
        leads, so the cost is the most that it can be.
        """
        return self.rows

    def headline(self) -> str:
        """What one line for all means, in a sentence."""
        own = self.rows[self.rows["threshold"].notna()]
        apart = own[(own["low"] > self.threshold) | (own["high"] < self.threshold)]
        small = int((self.rows["reason"].str.startswith("too small")).sum())
        start = f"One line at {points(self.threshold)} by {LABELS[self.kind]} for all of {self.by}: "
        if len(own) == 0:
            return f"{start}no segment is large enough for a line of its own."
        names = [f"{row['segment']} at {points(row['threshold'])}" for _, row in apart.iterrows()]
        told = (
            f"it lies outside the interval of {plural(len(apart), 'segment')} ({', '.join(names)})"
            if names
            else f"it lies inside the interval of each of {plural(len(own), 'segment')}"
        )
        uneven = self.rows.loc[self.rows["differs"], "segment"].tolist()
        fair = f"; above it conversion differs in {', '.join(uneven)}" if uneven else ""
        silent = f"; {plural(small, 'segment')} too small to say" if small else ""
        return f"{start}{told}{fair}{silent}."


def segment_lines(calibration: Calibration, kind: str, *, seed: int = 0, **given: float | None) -> SegmentLines:
    """Each segment's own line by a rule, and what one line for all costs it.

    Parameters
    ----------
    calibration
        Made with `by=`.
    kind, given
        As in `Calibration.recommend`; `"capacity"` has one line for all, for sales take leads from all.

    Raises
    ------
    WorkbenchError
        Without segments, for a rule that does not look at outcomes, or where there is no line for all.

    References
    ----------
    DerSimonian, R., Laird, N. (1986). Meta-analysis in clinical trials. Controlled Clinical Trials 7, 177-188 (how far
    segments truly differ, which decides how far a line is drawn towards the one for all).
    """
    if calibration.by is None:
        raise WorkbenchError("there are no segments; calibrate with by=, the name of a column such as 'country'.")
    if kind == "capacity":
        raise WorkbenchError(
            "capacity gives one line for all, because sales take leads from every segment; ask for 'profit', "
            "'target_rate', 'youden' or 'f1' by segment."
        )
    whole = calibration.recommend(kind, seed=seed, **given)
    if whole.threshold is None:
        raise WorkbenchError(f"there is no line for all to compare with: {whole.reason}")
    rows = [_row(calibration, name, kind, whole.threshold, given, seed) for name in calibration.segments]
    table = pd.DataFrame(rows).sort_values("n_leads", ascending=False, ignore_index=True, kind="stable")
    table["differs"] = _differs(table, alpha=1 - calibration.confidence)
    table["shrunk"] = _shrunk(table, whole.threshold, confidence=calibration.confidence)
    order = ["segment", "n_leads", "n_won", "line_for_all_n_leads", "line_for_all_rate", "line_for_all_low"]
    order += [
        "line_for_all_high",
        "differs",
        "threshold",
        "low",
        "high",
        "shrunk",
        "leads_more",
        "wins_more",
        "cost",
        "reason",
    ]
    return SegmentLines(by=calibration.by, kind=kind, threshold=whole.threshold, rows=table[order])


def _row(
    calibration: Calibration, name: str, kind: str, line: float, given: dict[str, float | None], seed: int
) -> dict[str, object]:
    tally = calibration.segments[name]
    here = tally.score >= line
    leads, won = int(tally.n_leads.sum()), int(tally.n_won.sum())
    above, above_won = int(tally.n_leads[here].sum()), int(tally.n_won[here].sum())
    low, high = wilson_interval(above_won, above, confidence=calibration.confidence)
    nothing = float("nan")
    row: dict[str, object] = {
        "segment": name,
        "n_leads": leads,
        "n_won": won,
        "line_for_all_n_leads": above,
        "line_for_all_won": above_won,
        "line_for_all_rate": above_won / above if above else nothing,
        "line_for_all_low": float(low),
        "line_for_all_high": float(high),
        "threshold": nothing,
        "low": nothing,
        "high": nothing,
        "leads_more": nothing,
        "wins_more": nothing,
        "cost": nothing,
        "reason": f"too small: {leads:,} leads and {won:,} won; {LEAST_LEADS} and {LEAST_WON} are needed.",
    }
    if leads < LEAST_LEADS or won < LEAST_WON or won == leads or (tally.n_leads > 0).sum() < 2:
        return row
    segment = calibration.segment(name)
    own = segment.recommend(kind, seed=seed, **given)
    row["reason"] = own.reason
    if own.threshold is not None:
        row |= {"threshold": own.threshold, "low": own.low, "high": own.high}
        there = segment.at(own.threshold)
        row["leads_more"], row["wins_more"] = above - there.n_leads, above_won - there.n_won
        if kind == "profit":
            cost, value = given["cost_per_lead"] or 0.0, given.get("value_per_win")
            row["cost"] = segment.profit(own.threshold, cost, value)[0] - segment.profit(line, cost, value)[0]
    return row


def _differs(table: pd.DataFrame, *, alpha: float) -> pd.Series[bool]:
    """Whether leads above the line for all convert otherwise than those of all other segments (Fisher, Holm)."""
    from scipy.stats import fisher_exact

    n, won = table["line_for_all_n_leads"].to_numpy(), table["line_for_all_won"].to_numpy()
    p_values = [
        float(fisher_exact(np.array([[w, k - w], [won.sum() - w, (n - won).sum() - (k - w)]])).pvalue)
        for k, w in zip(n, won, strict=True)
    ]
    return pd.Series(holm(np.array(p_values), alpha=alpha) if len(p_values) > 1 else False, index=table.index)


def _shrunk(table: pd.DataFrame, line: float, *, confidence: float) -> pd.Series[float]:
    """Own lines drawn towards the line for all: by the share of their spread that is not between segments."""
    from scipy.stats import norm

    own = table["threshold"].to_numpy(dtype=float)
    width = table["high"].to_numpy(dtype=float) - table["low"].to_numpy(dtype=float)
    variance = (width / (2 * norm.ppf(0.5 + confidence / 2))) ** 2
    known = np.isfinite(own) & np.isfinite(variance)
    if not known.any():
        return pd.Series(np.nan, index=table.index)
    floor = np.maximum(variance[known], 1 / 12)  # a line stands on whole points
    weight = 1 / floor
    centre = weight @ own[known] / weight.sum()
    excess = weight @ (own[known] - centre) ** 2 - (known.sum() - 1)
    scale = weight.sum() - weight @ weight / weight.sum()
    between = max(0.0, excess / scale) if scale > 0 else 0.0
    shrunk = np.full(len(table), np.nan)
    shrunk[known] = line + (own[known] - line) * between / (between + floor)
    return pd.Series(shrunk, index=table.index)
