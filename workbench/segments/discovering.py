"""What separates winners from the rest: single properties, pairs, and a shallow tree, each beyond chance."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench import catalog, engines
from workbench.conditions import All, Between, Compare, Condition, Either, Known, OneOf, Property, moment
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.loaders import leads_of
from workbench.outcomes import LOST, WON, Outcome, as_outcome, classify
from workbench.segments.segment import Segment
from workbench.stats.proportions import wilson_interval
from workbench.wording import percent

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MOST_CLASSES = 12  # values or ranges of a property
MOST_ROWS = 200_000  # more are sampled: what shows only beyond that is too small to act on
PAIRED = 8  # strongest properties that are paired
MIN_LEAF = 50
AFTERWARDS = (
    "lifecyclestage",
    "hs_lead_status",
    "closedate",
    "first_deal_created_date",
    "first_conversion_",
    "recent_conversion_",
    "hs_email_",
    "hs_analytics_num_",
    "hs_analytics_last_",
    "hs_analytics_revenue",
    "hs_latest_source",
    "hs_marketable_",
    "num_",
    "total_revenue",
    "associated_deal_ids",
    "hs_v2_date_entered_",
    "lastmodifieddate",
    "notes_last",
    "hubspot_owner_id",
    "hubspotscore",
    "hs_predictivecontactscore",
)
"""Names, or their starts, of what is known only because somebody bought, or goes on being counted after that.

The export has them as of its own day: customers open more e-mails because they are customers.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Binned:
    """A property as a few classes: each lead's class, and the condition that each class is."""

    name: str
    codes: Ints
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Discovery:
    """What separates winners beyond chance; empty where nothing does.

    `found` has a row a claim, the strongest first: `property`, `second` (blank for a single one), `information` (mutual
    information in bits; of a pair: beyond that of its two members), `information_value` (of a single property),
    `p_adjusted`, `best` (a condition), `n_leads`, `n_won`, `conversion_rate`, `low`, `high` of the best class.
    `leaves` has a row a leaf of the tree: `condition`, `n_leads`, `n_won`, `conversion_rate`, `low`, `high`.
    `left_out` names properties that were not looked at, as they are known or counted after the win too.
    """

    found: pd.DataFrame
    leaves: pd.DataFrame
    looked_at: int
    n_leads: int
    rate: float
    confidence: float
    left_out: tuple[str, ...] = ()

    def frame(self) -> pd.DataFrame:
        """The claims."""
        return self.found

    def segments(self) -> list[Segment]:
        """The leaves of the tree as segments."""
        return [Segment(condition, condition) for condition in self.leaves["condition"]]

    def headline(self) -> str:
        """What separates winners most."""
        if self.found.empty:
            return (
                f"Nothing separates winners beyond chance: {self.looked_at:,} properties and pairs of them looked at "
                f"in {self.n_leads:,} leads."
            )
        first = self.found.iloc[0]
        named = first["property"] if pd.isna(first["second"]) else f"{first['property']} with {first['second']}"
        return (
            f"{named} separates winners most: {first['best']} converts {percent(first['conversion_rate'])} of "
            f"{first['n_leads']:,}, all {percent(self.rate)} of {self.n_leads:,}."
        )


def discover(
    table: Any,
    *,
    outcome: Outcome | str,
    properties: Sequence[str] | None = None,
    as_of: str | dt.date | None = None,
    confidence: float = 0.95,
    permutations: int = 200,
    seed: int = 0,
    activities: Any = None,
) -> Discovery:
    """Which properties, and pairs of them, separate winners from the rest.

    The strength is mutual information with the outcome. What chance gives is seen by shuffling the outcome: the largest
    strength (in units of its own spread) among all that was looked at is noted for each shuffle, and a claim must beat
    that; so on pure noise something is claimed with a chance of at most 1 - `confidence`, however much was looked at.

    Parameters
    ----------
    table
        A Workspace, or a table with a lead a row, of any engine.
    outcome
        What counts as success: an Outcome, or the name of a yes/no column.
    properties
        What to look at. Default: all but ids, personal data, dates, and what is known only of those who bought, or
        goes on being counted after that (visits, e-mails, scores): the result names these.
    as_of
        The date of the export. Default: the Workspace's.
    confidence
        Level of the claims, between 0 and 1.
    permutations
        How often the outcome is shuffled.
    seed
        Of the shuffles, and of the sample where there are more than 200,000 leads.

    Raises
    ------
    WorkbenchError
        For an unknown property, or an outcome that always or never happens.

    References
    ----------
    Westfall, P. H. and Young, S. S. (1993). Resampling-based multiple testing. Wiley.
    Siddiqi, N. (2006). Credit risk scorecards. Wiley (information value).
    """
    outcome = as_outcome(outcome)
    leads, as_of, activities, _ = leads_of(table, as_of=as_of, activities=activities)
    when = moment(as_of)
    frame = engines.as_frame(leads)
    kinds = engines.kinds(frame)
    names, left_out = _names(kinds, outcome, properties)
    frame, code = classify(frame, outcome, as_of=None if when is None else when.start, activities=activities)
    ever = code == WON if outcome.at is None else ~nw.col(outcome.at).is_null()
    rows = engines.collect(frame.select(*names, code.alias("_outcome"), ever.alias("_ever")))
    rows = rows[rows["_outcome"].isin([LOST, WON])]
    if len(rows) > MOST_ROWS:
        rows = rows.sample(MOST_ROWS, random_state=seed)
    won = (rows["_outcome"] == WON).to_numpy()
    if not 0 < won.sum() < len(won):
        raise WorkbenchError(
            f"{int(won.sum()):,} of {len(won):,} leads are won, so nothing can separate them; choose another outcome."
        )
    if properties is None:
        ever_won = rows["_ever"].to_numpy(dtype=bool)
        late = [name for name in names if _tells_itself(rows[name].notna().to_numpy(), ever_won)]
        names, left_out = [name for name in names if name not in late], [*left_out, *late]
    binned = [one for name in names if (one := binned_of(rows[name], kinds[name])) is not None]
    found = _discovered(binned, won, confidence, permutations, np.random.default_rng(seed))
    return replace(found, left_out=tuple(left_out))


def _tells_itself(known: NDArray[np.bool_], won: NDArray[np.bool_]) -> bool:
    """Whether a property is known only of who won sooner or later: it was filled in when they were won."""
    return bool(known.any() and not known.all() and won[known].all())


def _names(kinds: dict[str, str], outcome: Outcome, properties: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """Properties to look at, and those that are left out for what they tell only afterwards."""
    if properties is not None:
        for name in properties:
            if name not in kinds:
                raise WorkbenchError(
                    f"unknown property {name!r}; the table has {listing(kinds)}.{did_you_mean(name, kinds)}"
                )
        return list(dict.fromkeys(properties)), []
    known = catalog.by_name("contact")
    taken = {outcome.when, outcome.at, outcome.created}
    offered: list[str] = []
    left_out: list[str] = []
    for name, kind in kinds.items():
        prop = known.get(name)
        private = prop is not None and (prop.personal != "no" or prop.type.startswith("id"))
        afterwards = name.startswith(AFTERWARDS) or name in outcome.when
        if not private and name not in taken and kind in ("number", "text", "bool"):
            (left_out if afterwards else offered).append(name)
    return offered, left_out


def binned_of(values: pd.Series[Any], kind: str) -> Binned | None:
    """A property's classes: common values, or ranges of a number with equally many leads; a blank is its own class.

    None where there is only one class, or where values are so many that they name rather than group.
    """
    of = Property(str(values.name))
    blank = values.isna().to_numpy()
    if kind == "number":
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        codes, conditions = _ranges(of, numbers, blank)
    elif kind == "datetime":
        return None
    else:
        places, held = pd.factorize(values)
        if len(held) > max(50, len(values) // 20):
            return None
        counted = np.bincount(places[~blank], minlength=len(held))
        order = np.lexsort((np.asarray(held.astype("str")), -counted))[: MOST_CLASSES - 1]
        position = np.full(len(held) + 1, len(order))
        position[order] = np.arange(len(order))
        codes, common = position[places].astype(np.int64), [held[place] for place in order]
        conditions = [Compare(of, "==", bool(value) if kind == "bool" else str(value)) for value in common]
        conditions.append(OneOf(of, tuple(str(value) for value in common) or ("",), True))
    codes = np.where(blank, len(conditions), codes)
    conditions.append(Known(of, False))
    present = np.unique(codes)
    if len(present) < 2:
        return None
    return Binned(of.name, np.searchsorted(present, codes), tuple(conditions[place] for place in present))


def _ranges(of: Property, numbers: Floats, blank: NDArray[np.bool_]) -> tuple[Ints, list[Condition]]:
    known = numbers[~blank]
    distinct = np.unique(known)
    if len(distinct) <= 6:
        codes = np.searchsorted(distinct, np.where(blank, 0, numbers)).clip(0, max(len(distinct) - 1, 0))
        return codes.astype(np.int64), [Compare(of, "==", _number(value)) for value in distinct]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, 7)[1:-1], method="higher"))
    edges = edges[edges > distinct[0]]
    if not len(edges):  # nearly all have the smallest number
        edges = distinct[1:2]
    low = [_number(edge) for edge in edges]
    conditions: list[Condition] = [Compare(of, "<", low[0])]
    conditions += [Between(of, first, "<=", last, "<") for first, last in pairwise(low)]
    conditions.append(Compare(of, ">=", low[-1]))
    return np.searchsorted(edges, np.where(blank, 0, numbers), side="right").astype(np.int64), conditions


def _number(value: float) -> int | float:
    return int(value) if float(value).is_integer() else float(value)


# -- strength and chance ---------------------------------------------------------------------------------------------


def _information(won: Floats, n: Floats) -> Floats:
    """Mutual information in bits between classes and the outcome; `won` has a row a shuffle, `n` is of all."""
    total, total_won = n.sum(), won.sum(axis=-1, keepdims=True)

    def term(part: Floats, expected: Floats) -> Floats:
        share = part / total
        bits = np.where(part > 0, share * np.log2(np.maximum(part, 1) / np.maximum(expected, 1e-300)), 0)
        return np.asarray(bits.sum(axis=-1))

    found: Floats = np.maximum(term(won, n * total_won / total) + term(n - won, n * (total - total_won) / total), 0)
    return found


def _shuffled(
    codes: Sequence[Ints], sizes: Sequence[int], won: NDArray[np.bool_], times: int, rng: np.random.Generator
) -> list[Floats]:
    """Wins by class, the true ones in the first row and shuffled ones below, for each coding."""
    n_won = int(won.sum())
    tables = [np.empty((times + 1, size)) for size in sizes]
    for time in range(times + 1):
        winners = np.flatnonzero(won) if time == 0 else rng.choice(len(won), n_won, replace=False, shuffle=False)
        for table, code, size in zip(tables, codes, sizes, strict=True):
            table[time] = np.bincount(code[winners], minlength=size)
    return tables


def _discovered(
    binned: Sequence[Binned], won: NDArray[np.bool_], confidence: float, permutations: int, rng: np.random.Generator
) -> Discovery:
    sizes = [len(one.conditions) for one in binned]
    counts = [np.bincount(one.codes, minlength=size).astype(float) for one, size in zip(binned, sizes, strict=True)]
    # which properties are paired must not depend on the outcome: those whose classes are most even
    evenness = [-(n / n.sum() * np.log2(np.maximum(n, 1) / n.sum())).sum() for n in counts]
    paired = sorted(np.argsort(evenness)[::-1][:PAIRED].tolist())
    pairs = list(combinations(paired, 2))
    codes = [one.codes for one in binned] + [binned[a].codes * sizes[b] + binned[b].codes for a, b in pairs]
    widths = sizes + [sizes[a] * sizes[b] for a, b in pairs]
    wins = _shuffled(codes, widths, won, permutations, rng)
    sums = [np.bincount(code, minlength=width).astype(float) for code, width in zip(codes, widths, strict=True)]
    strength = (
        np.column_stack([_information(table, n) for table, n in zip(wins, sums, strict=True)])
        if codes
        else np.zeros((permutations + 1, 0))
    )
    for place, (a, b) in enumerate(pairs, start=len(binned)):
        strength[:, place] -= np.maximum(strength[:, a], 0) + np.maximum(strength[:, b], 0)
    centred = strength - strength[1:].mean(axis=0)
    spread = strength[1:].std(axis=0)
    scaled = centred / np.where(spread > 0, spread, np.inf)
    largest = scaled[1:].max(axis=1, initial=-np.inf)
    p_values = (1 + (largest[:, None] >= scaled[0]).sum(axis=0)) / (permutations + 1)
    claims = []
    for place, p_value in enumerate(p_values):
        if p_value > 1 - confidence:
            continue
        if place < len(binned):
            claims.append(_claim(binned[place], None, wins[place][0], sums[place], strength[0, place], p_value))
        else:
            a, b = pairs[place - len(binned)]
            if _beyond_members(binned[a], binned[b], won, confidence, len(codes)):
                claims.append(_claim(binned[a], binned[b], wins[place][0], sums[place], strength[0, place], p_value))
    columns = [
        "property", "second", "information", "information_value", "p_adjusted", "best", "n_leads", "n_won",
        "conversion_rate", "low", "high",
    ]  # fmt: skip
    found = pd.DataFrame(claims, columns=columns).sort_values("information", ascending=False, ignore_index=True)
    helpful = [one for one, p_value in zip(binned, p_values, strict=False) if p_value <= 1 - confidence]
    low, high = wilson_interval(found["n_won"].to_numpy(float), found["n_leads"].to_numpy(float), confidence=confidence)
    return Discovery(
        found=found.assign(low=low, high=high),
        leaves=_tree(helpful, won, confidence),
        looked_at=len(codes),
        n_leads=len(won),
        rate=float(won.mean()),
        confidence=confidence,
    )


def _beyond_members(one: Binned, other: Binned, won: NDArray[np.bool_], confidence: float, looked_at: int) -> bool:
    """Whether a pair tells more than its members do together: a likelihood-ratio test of their interaction.

    Two properties that each tell something tell it together too; only a logistic model with both and without their
    interaction says whether there is more. Bonferroni for all that was looked at.
    """
    from scipy.stats import chi2
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    width = len(other.conditions)
    cells = one.codes * width + other.codes
    n = np.bincount(cells, minlength=len(one.conditions) * width).astype(float)
    wins = np.bincount(cells[won], minlength=len(n)).astype(float)
    present = np.flatnonzero(n >= 5)
    n, wins = n[present], wins[present]
    rows, columns = present // width, present % width
    design = np.column_stack(
        [np.ones(len(present))]
        + [rows == place for place in np.unique(rows)[1:]]
        + [columns == place for place in np.unique(columns)[1:]]
    ).astype(float)
    freedom = len(present) - np.linalg.matrix_rank(design)
    if freedom < 1:
        return False
    fitted = GLM(np.column_stack([wins, n - wins]), design, family=Binomial()).fit()
    return bool(chi2.sf(fitted.deviance, freedom) * looked_at < 1 - confidence)


def _claim(
    one: Binned, other: Binned | None, wins: Floats, n: Floats, strength: float, p_value: float
) -> tuple[Any, ...]:
    """A row of what was found; the best class is the one whose interval starts highest."""
    low, _ = wilson_interval(wins, n)
    best = int(np.nanargmax(low))
    value = float("nan")
    if other is None:
        condition = one.conditions[best]
        good, bad = (wins + 0.5) / (wins.sum() + 0.5), (n - wins + 0.5) / ((n - wins).sum() + 0.5)
        value = float(((good - bad) * np.log(good / bad)).sum())
    else:
        first, second = divmod(best, len(other.conditions))
        condition = All((one.conditions[first], other.conditions[second]))
    return (
        one.name,
        None if other is None else other.name,
        float(strength),
        value,
        float(p_value),
        str(condition),
        int(n[best]),
        int(wins[best]),
        float(wins[best] / n[best]),
        float("nan"),
        float("nan"),
    )


# -- the tree --------------------------------------------------------------------------------------------------------


def _tree(binned: Sequence[Binned], won: NDArray[np.bool_], confidence: float, depth: int = 3) -> pd.DataFrame:
    """Leaves of a shallow tree over what was found, the best first; a split is beyond chance (Bonferroni)."""
    found: list[tuple[str, int, int]] = []

    def grow(rows: Ints, path: tuple[Condition, ...], left: int) -> None:
        split = _best_split(binned, rows, won, confidence) if left and len(rows) >= 2 * MIN_LEAF else None
        if split is None:
            condition = All(path) if len(path) > 1 else path[0] if path else None
            if condition is not None:
                found.append((str(condition), len(rows), int(won[rows].sum())))
            return
        one, chosen = split
        inside = np.isin(one.codes[rows], chosen)
        rest = [place for place in range(len(one.conditions)) if place not in chosen]
        grow(rows[inside], (*path, _either(one, chosen)), left - 1)
        grow(rows[~inside], (*path, _either(one, rest)), left - 1)

    grow(np.arange(len(won)), (), depth)
    table = pd.DataFrame(found, columns=["condition", "n_leads", "n_won"])
    low, high = wilson_interval(table["n_won"].to_numpy(float), table["n_leads"].to_numpy(float), confidence=confidence)
    rates = table["n_won"] / table["n_leads"]
    table = table.assign(conversion_rate=rates.astype("float64"), low=low, high=high)
    return table.sort_values("conversion_rate", ascending=False, ignore_index=True)


def _best_split(
    binned: Sequence[Binned], rows: Ints, won: NDArray[np.bool_], confidence: float
) -> tuple[Binned, list[int]] | None:
    """The property and the classes that part winners most sharply, classes in order of their rate; None by chance."""
    from scipy.stats import chi2

    best, looked_at = None, 0
    strongest = 0.0
    for one in binned:
        size = len(one.conditions)
        n = np.bincount(one.codes[rows], minlength=size).astype(float)
        wins = np.bincount(one.codes[rows][won[rows]], minlength=size).astype(float)
        order = np.argsort(-np.divide(wins, n, out=np.zeros(size), where=n > 0), kind="stable")
        order = order[n[order] > 0]
        for cut in range(1, len(order)):
            looked_at += 1
            inside = order[:cut]
            a, b = n[inside].sum(), n.sum() - n[inside].sum()
            if min(a, b) < MIN_LEAF:
                continue
            sides = np.array([wins[inside].sum(), wins.sum() - wins[inside].sum()])
            gain = float(_information(sides, np.array([a, b])))
            if gain > strongest:
                strongest, best = gain, (one, [int(place) for place in inside])
    # 2 n ln 2 times the information is the likelihood ratio
    if best is None or chi2.sf(2 * len(rows) * np.log(2) * strongest, 1) * looked_at > 1 - confidence:
        return None
    return best


def _either(one: Binned, chosen: Sequence[int]) -> Condition:
    """One condition for several classes of a property."""
    parts = [one.conditions[place] for place in sorted(chosen)]
    same = [part.value for part in parts if isinstance(part, Compare) and part.operator == "=="]
    if len(same) > 1:
        others = [part for part in parts if not (isinstance(part, Compare) and part.operator == "==")]
        parts = [OneOf(Property(one.name), tuple(same)), *others]
    return parts[0] if len(parts) == 1 else Either(tuple(parts))
