"""Segments side by side: who converts, by how much more than the rest, and whether that holds within cohorts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench import engines
from workbench.conditions import moment
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.loaders import Workspace, leads_of
from workbench.outcomes import LOST, WON, Outcome, as_outcome, classify
from workbench.segments.segment import ID, Segment, as_segments, bound
from workbench.stats.proportions import check_confidence, wilson_interval
from workbench.stats.suppression import hidden_of_atoms
from workbench.wording import interval, percent, plural

Bools = NDArray[np.bool_]

MIN_GROUP = 10
MOST_EXACT = 10  # segments whose sums and differences are all looked at
STRATA = ("cohort", "source")
SOURCE = "hs_analytics_source"
_SHOWN = ["n_won", "conversion_rate", "low", "high", "lift", "median_score", "revenue", "median_days_to_close"]
_DIFFERENCES = ["difference", "difference_low", "difference_high", "p_value", "p_adjusted"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SegmentTable:
    """Segments compared.

    `segments` has a row a segment: `segment`, `n` (records), `share` (of all), `n_leads` (those that can be judged),
    `n_won`, `conversion_rate` with `low` and `high` (Wilson), `lift` (times the rate of all), `median_score`,
    `revenue`, `median_days_to_close`, `difference` from the rest in the rate with its interval (Newcombe), `p_value`
    (Fisher) and `p_adjusted` (Holm, over all comparisons of the table), `suppressed`.
    `pairs` has a row a pair: `first`, `second`, and the same difference between those in one of the two only.
    `overlap` has a row for each combination of segments that occurs: a yes/no column a segment, and `n`.
    `paradoxes` has a row for each effect that vanishes or turns within cohorts or sources.
    Figures of suppressed segments are blank.
    """

    segments: pd.DataFrame
    pairs: pd.DataFrame
    overlap: pd.DataFrame
    paradoxes: pd.DataFrame
    outcome: Outcome
    n_all: int
    rate_all: float
    confidence: float
    min_group: int
    notes: tuple[str, ...] = ()

    def frame(self) -> pd.DataFrame:
        """One row a segment."""
        return self.segments

    def headline(self) -> str:
        """The segment that converts best beyond chance, or that none does."""
        shown = self.segments[~self.segments["suppressed"] & (self.segments["n_leads"] > 0)]
        better = shown[(shown["p_adjusted"] < 1 - self.confidence) & (shown["difference"] > 0)]
        if better.empty:
            return (
                f"None of {plural(len(self.segments), 'segment')} converts better than the rest beyond chance "
                f"(all: {percent(self.rate_all)} of {self.n_all:,})."
            )
        best = better.sort_values("conversion_rate").iloc[-1]
        return (
            f"{best['segment']} converts best: {percent(best['conversion_rate'])} of {best['n_leads']:,} "
            f"({interval(best['low'], best['high'])}), {best['lift']:.1f} times the average."
        )


def compare_segments(
    table: Any,
    segments: Sequence[Segment] | Mapping[str, str],
    *,
    outcome: Outcome | str,
    score: str | None = None,
    amount: str | None = None,
    as_of: str | dt.date | None = None,
    confidence: float = 0.95,
    min_group: int = MIN_GROUP,
    saved: Iterable[Segment] = (),
    activities: Any = None,
) -> SegmentTable:
    """Compare segments with the rest and with each other.

    Parameters
    ----------
    table
        A Workspace, or a table with a lead a row, of any engine.
    segments
        What to compare: segments, or a mapping of name to condition.
    outcome
        What counts as success: an Outcome, or the name of a yes/no column.
    score, amount
        Number columns for the median score and the revenue. Without `amount`, a Workspace's won deals are summed, each
        once a segment.
    as_of
        The date from which days are counted. Default: the Workspace's.
    confidence
        Level of all intervals and tests, between 0 and 1.
    min_group
        Segments of fewer records are suppressed, and as many others as it takes so that no sum or difference of what
        is shown tells about fewer.
    saved
        Segments that the conditions speak of by name.
    activities
        The events, where a table came.

    Raises
    ------
    WorkbenchError
        For no segments, two of one name, an unknown property or column.

    References
    ----------
    Newcombe, R. G. (1998). Interval estimation for the difference between independent proportions. Statistics in
    Medicine 17, 873-890.
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scand. J. Statist. 6, 65-70.
    Mantel, N. and Haenszel, W. (1959). Statistical aspects of the analysis of data from retrospective studies of
    disease. JNCI 22, 719-748.
    """
    check_confidence(confidence)
    chosen, outcome = as_segments(segments), as_outcome(outcome)
    rows = _rows(table, chosen, outcome, score, amount, as_of, saved, activities)
    inside = rows[[f"in_{place}" for place in range(len(chosen))]].to_numpy(dtype=bool)
    judged = rows["outcome"].isin([LOST, WON]).to_numpy()
    won = (rows["outcome"] == WON).to_numpy()
    n_all, n_won_all = int(judged.sum()), int(won.sum())
    rate_all = n_won_all / n_all if n_all else float("nan")
    sizes, n_leads = inside.sum(axis=0), inside[judged].sum(axis=0)
    n_won = inside[won].sum(axis=0)
    low, high = wilson_interval(n_won, n_leads, confidence=confidence)
    rates = np.divide(n_won, n_leads, out=np.full(len(chosen), np.nan), where=n_leads > 0)
    deals = _deals(table, rows) if amount is None and isinstance(table, Workspace) else None
    found = pd.DataFrame(
        {
            "segment": [one.name for one in chosen],
            "n": sizes,
            "share": sizes / max(len(rows), 1),
            "n_leads": n_leads,
            "n_won": n_won,
            "conversion_rate": rates,
            "low": low,
            "high": high,
            "lift": rates / rate_all if n_won_all else np.nan,
            "median_score": [_median(rows.loc[mask, "score"]) for mask in inside.T],
            "revenue": [_revenue(rows, deals, mask) for mask in inside.T],
            "median_days_to_close": [_median(rows.loc[mask & won, "days"]) for mask in inside.T],
        }
    )
    hidden = _hidden([one.name for one in chosen], inside, min_group)
    against_rest = [_difference(mask, ~mask, judged, won, confidence) for mask in inside.T]
    places = list(combinations(range(len(chosen)), 2))
    against = [
        _difference(inside[:, a] & ~inside[:, b], inside[:, b] & ~inside[:, a], judged, won, confidence)
        for a, b in places
    ]
    differences = pd.DataFrame(against_rest + against, columns=_DIFFERENCES[:4])
    quiet = np.array([*hidden, *(bool(hidden[a] or hidden[b]) for a, b in places)])
    differences.loc[quiet] = np.nan
    differences["p_adjusted"] = _holm(differences["p_value"].to_numpy(), 1 - confidence)
    found = pd.concat([found, differences.iloc[: len(chosen)]], axis=1).assign(suppressed=hidden)
    found[_SHOWN] = found[_SHOWN].astype("float64").mask(found["suppressed"])
    found.loc[found["suppressed"], "share"] = np.nan
    found[["n", "n_leads"]] = found[["n", "n_leads"]].astype("Int64").mask(found["suppressed"])
    pairs = pd.DataFrame(
        {"first": [chosen[a].name for a, _ in places], "second": [chosen[b].name for _, b in places]}
    ).join(differences.iloc[len(chosen) :].reset_index(drop=True))
    paradoxes = _paradoxes(rows[judged], chosen, inside[judged], found, confidence)
    return SegmentTable(
        segments=found,
        pairs=pairs,
        overlap=_overlap(chosen, inside, hidden, min_group),
        paradoxes=paradoxes,
        outcome=outcome,
        n_all=n_all,
        rate_all=rate_all,
        confidence=confidence,
        min_group=min_group,
        notes=_notes(found, rows, paradoxes, min_group),
    )


def _rows(
    table: Any,
    chosen: Sequence[Segment],
    outcome: Outcome,
    score: str | None,
    amount: str | None,
    as_of: str | dt.date | None,
    saved: Iterable[Segment],
    activities: Any,
) -> pd.DataFrame:
    """One row a lead: who is in which segment, the outcome, and what is summed."""
    leads, as_of, activities, related = leads_of(table, as_of=as_of, activities=activities, engine="pandas")
    frame, inside = bound(leads, chosen, as_of=as_of, activities=activities, related=related, segments=saved)
    when = moment(as_of)
    frame, code = classify(frame, outcome, as_of=None if when is None else when.start, activities=activities)
    kinds = engines.kinds(frame)
    for name in (score, amount):
        if name is not None and kinds.get(name) != "number":
            numbers = [one for one, kind in kinds.items() if kind == "number"]
            raise WorkbenchError(
                f"{name!r} is no number column; there are {listing(numbers)}.{did_you_mean(name, numbers)}"
            )
    columns = [one.alias(f"in_{place}") for place, one in enumerate(inside)]
    columns.append(code.alias("outcome"))
    columns += [nw.col(name).alias(alias) for name, alias in ((score, "score"), (amount, "amount")) if name is not None]
    for name, alias in ((ID, "id"), (outcome.created, "created"), (SOURCE, "source")):
        if name in kinds:
            columns.append(nw.col(name).alias(alias))
    if outcome.at is not None:
        columns.append(nw.col(outcome.at).alias("at"))
    rows = engines.collect(frame.select(*columns))
    days = (rows["at"] - rows["created"]).dt.total_seconds() / 86_400 if {"at", "created"} <= set(rows) else np.nan
    cohort = rows["created"].dt.to_period("Q").astype("str") if kinds.get(outcome.created) == "datetime" else "all"
    return rows.assign(days=days, cohort=cohort).assign(
        **{name: np.nan for name in ("score", "source") if name not in rows}
    )


def _deals(workspace: Workspace, rows: pd.DataFrame) -> pd.DataFrame | None:
    """Won deals with their amount, a row for each contact (its place among the rows); None where there are none."""
    needed = ("dealstage", "amount", "associated_contact_ids")
    if "deals" not in workspace.tables or not set(needed) <= set(workspace.columns("deals")):
        return None
    deals = workspace.table("deals", columns=[ID, *needed])
    deals = deals[deals["dealstage"] == "closedwon"].dropna(subset=["amount", "associated_contact_ids"])
    links = deals.assign(contact=deals["associated_contact_ids"].str.split(";")).explode("contact")
    place = pd.Index(rows["id"]).get_indexer(pd.Index(links["contact"]))
    found: pd.DataFrame = links.assign(place=place)[place >= 0]
    return found


def _revenue(rows: pd.DataFrame, deals: pd.DataFrame | None, mask: Bools) -> float:
    if "amount" in rows:
        return float(rows.loc[mask, "amount"].sum())
    if deals is None:
        return float("nan")
    inside = deals[mask[deals["place"].to_numpy()]]
    return float(inside.drop_duplicates(ID)["amount"].sum())


def _median(values: pd.Series[Any]) -> float:
    known = values.dropna()
    return float(known.median()) if len(known) else float("nan")


def _difference(one: Bools, other: Bools, judged: Bools, won: Bools, confidence: float) -> tuple[float, ...]:
    """The difference of two rates, its Newcombe interval and Fisher's p-value; blank where a side is empty."""
    from scipy.stats import fisher_exact
    from statsmodels.stats.proportion import confint_proportions_2indep

    n, m = int((one & judged).sum()), int((other & judged).sum())
    if not n or not m:
        return (float("nan"),) * 4
    a, b = int((one & won).sum()), int((other & won).sum())
    low, high = confint_proportions_2indep(a, n, b, m, compare="diff", method="newcomb", alpha=1 - confidence)
    p_value = fisher_exact(np.array([[a, n - a], [b, m - b]]))[1]
    return a / n - b / m, float(low), float(high), float(p_value)


def _holm(p_values: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    from statsmodels.stats.multitest import multipletests

    adjusted = np.full(len(p_values), np.nan)
    known = ~np.isnan(p_values)
    if known.any():
        adjusted[known] = multipletests(p_values[known], alpha=alpha, method="holm")[1]
    return adjusted


def _hidden(names: Sequence[str], inside: Bools, min_group: int) -> Bools:
    """Which segments stay hidden: small ones, those whose rest is small, and what would give these away."""
    sizes = inside.sum(axis=0)
    rest = len(inside) - sizes
    hidden: Bools = ((sizes > 0) & (sizes < min_group)) | ((rest > 0) & (rest < min_group))
    shown = np.flatnonzero(~hidden)
    if len(shown) < 2 or min_group < 2:
        return hidden
    if len(names) <= MOST_EXACT:
        # each segment is a grouping of its own; its rest is not shown, but the total is
        words = np.where(inside, "in", "out")
        atoms = pd.DataFrame({str(place): words[:, place] for place in shown}).assign(n=1)
        atoms = atoms.groupby([str(place) for place in shown])["n"].sum().reset_index()
        rests = [(str(place), "out") for place in shown]
        for place, side in hidden_of_atoms(atoms, min_group=min_group, also=rests):
            hidden[int(place)] |= side == "in"
        return hidden
    together = inside.T.astype(np.int64) @ inside.astype(np.int64)
    for a in sorted(shown, key=lambda place: sizes[place]):
        for b in shown:
            apart = sizes[b] - together[a, b] if together[a, b] == sizes[a] else 0
            if a != b and not hidden[b] and 0 < apart < min_group:
                hidden[a] = True
    return hidden


def _overlap(chosen: Sequence[Segment], inside: Bools, hidden: Bools, min_group: int) -> pd.DataFrame:
    """How many are in each combination of the shown segments; small combinations stay out, with their neighbours."""
    shown = [place for place in range(len(chosen)) if not hidden[place]]
    names = [chosen[place].name for place in shown]
    if not shown:
        return pd.DataFrame({"n": pd.Series(dtype="int64")})
    table = pd.DataFrame(inside[:, shown], columns=names)
    counted = pd.DataFrame(table.value_counts().rename("n")).reset_index()
    small = np.array(counted["n"] < min_group)
    # a lone small combination is what is missing from the segments' sizes: the next smallest goes with it
    if small.any() and counted["n"].to_numpy()[small].sum() < min_group and not small.all():
        small[np.flatnonzero(~small)[-1]] = True
    return counted[~small].reset_index(drop=True)


def _paradoxes(
    rows: pd.DataFrame, chosen: Sequence[Segment], inside: Bools, found: pd.DataFrame, confidence: float
) -> pd.DataFrame:
    """Effects against the rest that vanish or turn when leads of one cohort or one source are compared."""
    told = []
    for place, segment in enumerate(chosen):
        row = found.iloc[place]
        if row["suppressed"] or not row["p_adjusted"] < 1 - confidence:
            continue
        for stratum in STRATA:
            pooled = _within(inside[:, place], (rows["outcome"] == WON).to_numpy(), rows[stratum], confidence)
            if pooled is None:
                continue
            odds, low, high, crude = pooled
            turns = (odds - 1) * (crude - 1) < 0 and (low > 1 or high < 1)
            vanishes = low <= 1 <= high and abs(np.log(odds)) < abs(np.log(crude)) / 2
            if turns or vanishes:
                told.append(
                    {
                        "segment": segment.name,
                        "within": stratum,
                        "kind": "turns" if turns else "vanishes",
                        "odds_ratio": crude,
                        "odds_ratio_within": odds,
                        "low": low,
                        "high": high,
                    }
                )
    names = ["segment", "within", "kind", "odds_ratio", "odds_ratio_within", "low", "high"]
    return pd.DataFrame(told, columns=names)


def _within(
    inside: Bools, won: Bools, stratum: pd.Series[Any], confidence: float
) -> tuple[float, float, float, float] | None:
    """The pooled odds ratio within strata with its interval, and the plain one; None where it cannot be had."""
    from statsmodels.stats.contingency_tables import StratifiedTable

    codes, names = pd.factorize(stratum.astype("str"))
    if len(names) < 2:
        return None
    cells = np.bincount(codes * 4 + inside * 2 + won, minlength=4 * len(names)).reshape(-1, 2, 2)[:, ::-1, ::-1]
    useful = [cell for cell in cells if (cell.sum(axis=0) > 0).all() and (cell.sum(axis=1) > 0).all()]
    plain = cells.sum(axis=0).astype(float)
    if len(useful) < 2 or (plain == 0).any():
        return None
    pooled = StratifiedTable([cell.astype(float) for cell in useful])
    odds = float(pooled.oddsratio_pooled)
    if not np.isfinite(odds) or odds <= 0:
        return None
    low, high = pooled.oddsratio_pooled_confint(alpha=1 - confidence)
    return odds, float(low), float(high), float(plain[0, 0] * plain[1, 1] / (plain[0, 1] * plain[1, 0]))


def _notes(found: pd.DataFrame, rows: pd.DataFrame, paradoxes: pd.DataFrame, min_group: int) -> tuple[str, ...]:
    told = []
    quiet = int(found["suppressed"].sum())
    if quiet:
        told.append(f"{plural(quiet, 'segment')} not shown: fewer than {min_group} records could be told apart.")
    for name, n in found.loc[~found["suppressed"], ["segment", "n"]].itertuples(index=False):
        if n == 0:
            told.append(f"{name!r} is empty: nobody meets its condition.")
        elif n == len(rows):
            told.append(f"{name!r} holds everybody: there is no rest to compare it with.")
    for row in paradoxes.itertuples():
        what = "turns round" if row.kind == "turns" else "vanishes"
        told.append(
            f"Simpson's paradox: the effect of {row.segment!r} (odds ratio {row.odds_ratio:.2f}) {what} within each "
            f"{row.within} ({row.odds_ratio_within:.2f}, {row.low:.2f} to {row.high:.2f}). Compare within it."
        )
    return tuple(told)
