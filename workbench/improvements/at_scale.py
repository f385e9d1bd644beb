"""All improvements of a panel too large for memory, through DuckDB.

One pass over a metric's rows leaves sums and products of sums by month and group, and from these come the ratio of
means and its interval by normal approximation (the delta method), so nothing is drawn and no customer is kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import combinations_with_replacement
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.improvements.metrics import METRICS, Metric, as_metric
from workbench.improvements.panel import UNKNOWN_GROUP
from workbench.improvements.prepare import FEW_EVENTS
from workbench.improvements.result import TOTAL
from workbench.stats.resampling import Floats, check_confidence
from workbench.stats.suppression import Group, hidden_of_atoms

QUARTILE_SAMPLE = 50_000
"""The fences' quartiles are those of about this many customers, taken by a hash of their id."""

_FOUR = ("n", "d", "bn", "bd")  # numerator and denominator of the month and of the baseline


def improvement_table(
    panel: str | os.PathLike[str] | duckdb.DuckDBPyRelation,
    *,
    metrics: Iterable[str | Metric] | None = None,
    by: str | Sequence[str] | None = None,
    min_group: int = 100,
    fences: float | None = 3.0,
    confidence: float = 0.95,
    memory: str = "3GB",
) -> pd.DataFrame:
    """Every month of every metric and group: the ratio of means of customers seen at both ends.

    Args:
        panel: Parquet files (a path or a pattern), or a DuckDB relation, with `customer_id`, `month`, `metric`,
            `numerator` and `denominator` (blank for a count), and the columns of `by`.
        metrics: names or declarations; None is all of the 14 that the panel has.
        by: a column, or several, each a grouping of its own.
        min_group: no figure of fewer customers is shown, nor can it be worked out from shown ones.
        fences: a customer's change further than so many interquartile ranges beyond the quartiles of its month (in
            logarithms; of all customers, not of its group) is left out of that month; None leaves all in. Isolated
            spikes are not looked for: that takes a customer's months together.
        confidence: the level of the intervals, between 0.5 and 1.
        memory: the most that DuckDB may take where `panel` is a path.

    Returns:
        metric, by, group, month, n_customers, improvement, low, high (shares), hidden.

    References: Cochran (1977), Sampling Techniques, chapter 6, on the variance of a ratio.
    """
    check_confidence(confidence)
    groupings = (by,) if isinstance(by, str) else tuple(by or ())
    rows = _relation(panel, memory)
    for name in ("customer_id", "month", "metric", "numerator", "denominator", *groupings):
        if name not in rows.columns:
            raise WorkbenchError(
                f"the panel has no column {name!r}; it has {listing(rows.columns)}.{did_you_mean(name, rows.columns)}"
            )
    there = {str(row[0]) for row in rows.select("metric").distinct().fetchall()}
    chosen = [as_metric(metric) for metric in metrics] if metrics is not None else None
    if chosen is None:
        chosen = [metric for name, metric in METRICS.items() if name in there]
    missing = [metric.name for metric in chosen if metric.name not in there]
    if missing or not chosen:
        raise WorkbenchError(
            f"the panel has no rows of {listing(missing or METRICS)}; it has {listing(sorted(there), most=14)}."
        )
    parts = [_one_metric(rows, metric, groupings, fences) for metric in chosen]
    tables = [
        _figures(sums, metric, groupings, min_group, confidence) for sums, metric in zip(parts, chosen, strict=True)
    ]
    return pd.concat(tables, ignore_index=True)


def _relation(panel: str | os.PathLike[str] | duckdb.DuckDBPyRelation, memory: str) -> duckdb.DuckDBPyRelation:
    if isinstance(panel, duckdb.DuckDBPyRelation):
        return panel
    path = Path(panel)
    pattern = str(path / "**" / "*.parquet") if path.is_dir() else str(path)
    connection = duckdb.connect(config={"memory_limit": memory})
    try:
        return connection.read_parquet(pattern, hive_partitioning=True)
    except duckdb.Error as error:
        raise WorkbenchError(f"the panel cannot be read from {str(panel)!r}: {error}") from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _one_metric(rows: duckdb.DuckDBPyRelation, metric: Metric, by: Sequence[str], fences: float | None) -> pd.DataFrame:
    """Sums and products of sums by month and combination of groups."""
    months = ", ".join(str(month) for month in metric.baseline)
    divisor = "1.0" if metric.denominator is None else "denominator"
    name = metric.name.replace("'", "''")
    groups = [f"coalesce(CAST({_quoted(column)} AS VARCHAR), '{UNKNOWN_GROUP}') AS {_quoted(column)}" for column in by]
    # S608: what is put into the text is a declared metric's months and quoted names.
    usable = f"metric = '{name}' AND month >= 1 AND numerator >= 0 AND {divisor} >= 0"
    usable += f" AND isfinite(CAST(numerator AS DOUBLE)) AND isfinite(CAST({divisor} AS DOUBLE))"
    base = rows.filter(f"{usable} AND month IN ({months})").aggregate(
        f"customer_id, avg(numerator) AS bn, avg({divisor}) AS bd", "customer_id"
    )
    now = rows.filter(f"{usable} AND month NOT IN ({months})").project(
        ", ".join(["customer_id", "month", "numerator AS n", f"{divisor} AS d", *groups])
    )
    moved = f"CASE WHEN n > 0 AND d > 0 AND bn > 0 AND bd > 0{_judged(metric)} THEN ln(n / d / (bn / bd)) END AS moved"
    columns = ", ".join(["customer_id", "month", *_FOUR, *map(_quoted, by), moved])

    def pairs(only: str) -> duckdb.DuckDBPyRelation:
        here = now.filter(only).set_alias("now")
        return here.join(base.filter(only).set_alias("base"), "customer_id").project(columns)

    kept = pairs("true")
    if fences is not None:
        n_customers = (
            rows.filter(f"metric = '{name}' AND month = {metric.baseline[0]}").aggregate("count(*)").fetchall()
        )
        every = max(1, n_customers[0][0] // QUARTILE_SAMPLE)
        quartiles = (
            pairs(f"hash(customer_id) % {every} = 0")
            .aggregate("month, quantile_cont(moved, 0.25) AS q1, quantile_cont(moved, 0.75) AS q3", "month")
            .df()
        )
        spread = quartiles["q3"] - quartiles["q1"]
        usual = quartiles[spread > 0]
        low = _by_month(usual["month"], usual["q1"] - fences * spread, "-1e308")
        high = _by_month(usual["month"], usual["q3"] + fences * spread, "1e308")
        kept = kept.filter(f"moved IS NULL OR moved BETWEEN {low} AND {high}")
    needed = _FOUR if metric.denominator is not None else ("n", "bn")
    products = [f"sum({one} * {two}) AS {one}_{two}" for one, two in combinations_with_replacement(needed, 2)]
    wanted = ["count(*) AS customers", *(f"sum({one}) AS {one}" for one in needed), *products]
    keys = ", ".join(["month", *map(_quoted, by)])
    sums: pd.DataFrame = kept.aggregate(f"{keys}, {', '.join(wanted)}", keys).df()
    return sums


def _judged(metric: Metric) -> str:
    """As in memory: counts, and rates of few events, are not judged, since chance alone looks odd there."""
    return f" AND (n >= {FEW_EVENTS} OR bn >= {FEW_EVENTS})" if metric.kind in ("count", "rate") else ""


def _by_month(months: pd.Series, values: pd.Series, otherwise: str) -> str:
    if not len(months):
        return otherwise
    cases = " ".join(f"WHEN {int(m)} THEN {float(v)!r}" for m, v in zip(months, values[months.index], strict=True))
    return f"CASE month {cases} ELSE {otherwise} END"


def _figures(sums: pd.DataFrame, metric: Metric, by: Sequence[str], min_group: int, confidence: float) -> pd.DataFrame:
    measures = [name for name in sums.columns if name not in ("month", *by)]
    margins = [sums.groupby("month", as_index=False)[measures].sum().assign(by="", group=TOTAL)]
    for column in by:
        margin = sums.groupby(["month", column], as_index=False)[measures].sum()
        margins.append(margin.rename(columns={column: "group"}).assign(by=column))
    table = pd.concat(margins, ignore_index=True)
    ratio, spread = _ratio(table)
    from scipy.special import ndtri

    half = float(ndtri((1 + confidence) / 2)) * spread
    table["improvement"], table["low"], table["high"] = ratio - 1, ratio * np.exp(-half) - 1, ratio * np.exp(half) - 1
    table["hidden"] = ""
    atoms = sums[["month", *by]].assign(n=sums["customers"])
    for month, part in atoms.groupby("month"):
        hidden: set[Group] = hidden_of_atoms(part[[*by, "n"]], min_group=min_group)
        here = table["month"] == month
        few = here & (table["customers"] < min_group)
        table.loc[few, "hidden"] = f"fewer than {min_group} customers"
        guarded = here & ~few & pd.Series(list(zip(table["by"], table["group"], strict=True))).isin(hidden)
        table.loc[guarded, "hidden"] = f"hidden, so that no group of fewer than {min_group} can be worked out"
    blank = table["hidden"] != ""
    table.loc[blank, ["improvement", "low", "high"]] = np.nan
    table["n_customers"] = table["customers"].astype("Int64").mask(blank)
    table["metric"] = metric.name
    names = ["metric", "by", "group", "month", "n_customers", "improvement", "low", "high", "hidden"]
    found: pd.DataFrame = table[names].sort_values(["by", "group", "month"], ignore_index=True)
    return found


def _ratio(table: pd.DataFrame) -> tuple[Floats, Floats]:
    """(n / d) / (bn / bd) of sums, and the standard deviation of its logarithm.

    A customer moves the logarithm by n / sum(n) - d / sum(d) - bn / sum(bn) + bd / sum(bd), to first order.
    """
    needed = [name for name in _FOUR if name in table]  # a count has no denominators: they are 1 and never vary
    sums = {name: table[name].to_numpy(dtype=float) for name in needed}
    sign = {"n": 1.0, "d": -1.0, "bn": -1.0, "bd": 1.0}
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.prod([sums[name] ** sign[name] for name in needed], axis=0)
        variance = sum(
            (1 if one == two else 2) * sign[one] * sign[two] * table[f"{one}_{two}"].to_numpy(dtype=float)
            / (sums[one] * sums[two])
            for one, two in combinations_with_replacement(needed, 2)
        )  # fmt: skip
    count = table["customers"].to_numpy(dtype=float)
    known = np.isfinite(ratio) & (count > 1) & np.isfinite(variance)
    ratio = np.where(np.isfinite(ratio), ratio, np.nan)
    correction = count / np.maximum(count - 1, 1)
    spread: Floats = np.where(known, np.sqrt(np.maximum(variance, 0) * correction), np.nan)
    return ratio, spread
