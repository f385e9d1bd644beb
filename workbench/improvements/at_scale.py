"""All improvements of a panel too large for memory, through DuckDB.

One pass over a metric's rows leaves sums and products of sums by month and group, and from these come the ratio of
means and its interval by normal approximation (the delta method), so nothing is drawn and no customer is kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import combinations_with_replacement
from pathlib import Path
from typing import cast

import duckdb
import numpy as np
import pandas as pd

from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.improvements.metrics import METRICS, Metric, as_metric
from workbench.improvements.panel import UNKNOWN_GROUP
from workbench.improvements.prepare import FEW_EVENTS
from workbench.improvements.result import TOTAL
from workbench.sql import quoted, sql_text
from workbench.stats.resampling import Floats, check_confidence
from workbench.stats.suppression import Group, hidden_of_atoms
from workbench.wording import plural

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
        metric, by, group, month, n_customers, improvement, low, high (shares), hidden. `attrs["report"]` lists what was
        left out: metric, code, text, n_values.

    Raises:
        WorkbenchError: the panel cannot be read, lacks a column or a metric, or has a customer's month twice (looked
            for among about 50,000 customers).

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
    findings: list[dict[str, object]] = []
    tables = []
    for metric in chosen:
        every = _check(rows, metric, findings)
        sums = _one_metric(rows, metric, groupings, fences, every)
        tables.append(_figures(sums, metric, groupings, min_group, confidence))
    table = pd.concat(tables, ignore_index=True)
    table.attrs["report"] = findings
    return table


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


def _own(metric: Metric) -> str:
    return f"metric = {sql_text(metric.name)}"


def _divisor(metric: Metric) -> str:
    return "1.0" if metric.denominator is None else "CAST(denominator AS DOUBLE)"


def _possible(metric: Metric) -> str:
    divisor = _divisor(metric)
    return f"(numerator >= 0 AND {divisor} >= 0 AND isfinite(CAST(numerator AS DOUBLE)) AND isfinite({divisor}))"


def _check(rows: duckdb.DuckDBPyRelation, metric: Metric, findings: list[dict[str, object]]) -> int:
    """One of how many customers is in the sample; what cannot be used is added to the findings."""
    rows = rows.filter(_own(metric))
    customers, early, impossible = rows.aggregate(
        f"count(*) FILTER (month = {metric.baseline[0]}), count(*) FILTER (month < 1), "
        f"count(*) FILTER (month >= 1 AND NOT {_possible(metric)})"
    ).fetchall()[0]
    for code, text, count in (
        ("before_purchase", "before month 1 set aside", early),
        ("impossible", "with a negative or infinite value set aside", impossible),
    ):
        if count:
            told = f"{plural(count, 'row')} {text}"
            findings.append({"metric": metric.name, "code": code, "text": told, "n_values": count})
    every = max(1, int(customers) // QUARTILE_SAMPLE)
    twice = rows.filter(f"hash(customer_id) % {every} = 0").aggregate("count(*) AS n", "customer_id, month")
    count = twice.filter("n > 1").aggregate("count(*)").fetchall()[0][0]
    if count:
        among = "" if every == 1 else f" among one customer in {every}"
        raise WorkbenchError(
            f"the panel of {metric.name!r} has {plural(count, 'month')} of a customer more than once{among}: keep one "
            "row a customer, month and metric."
        )
    return every


def _one_metric(
    rows: duckdb.DuckDBPyRelation, metric: Metric, by: Sequence[str], fences: float | None, every: int
) -> pd.DataFrame:
    """Sums and products of sums by month and combination of groups; fences are those of one customer in `every`."""
    months = ", ".join(str(month) for month in metric.baseline)
    divisor = _divisor(metric)
    usable = f"{_own(metric)} AND month >= 1 AND {_possible(metric)}"
    named = [f"coalesce(CAST(arg_min({quoted(each)}, month) AS VARCHAR), '{UNKNOWN_GROUP}')" for each in by]
    group = f"struct_pack({', '.join(f'g{place} := {each}' for place, each in enumerate(named))})" if by else "0"
    # A customer's change, and whether it is judged: as in memory, counts, and rates of few events, are not.
    change = "n * inverse" if metric.denominator is None else "n * inverse / nullif(d, 0)"
    few = f"n < {FEW_EVENTS} AND bn < {FEW_EVENTS}" if metric.kind in ("count", "rate") else "false"
    kept, limits = "true", ""
    if fences is not None:
        factor = float(fences)
        kept = f"{change} BETWEEN low AND high OR n = 0 OR ({few}) OR {change} IS NULL OR low IS NULL"
        limits = f"""
        , quartiles AS (
            SELECT month, quantile_cont(ln({change}), [0.25, 0.75]) AS q
            FROM later JOIN base USING (customer_id)
            WHERE hash(customer_id) % {every} = 0 AND n > 0 AND NOT ({few}) AND {change} IS NOT NULL GROUP BY month
        ), fences AS (
            SELECT month, exp(q[1] - {factor!r} * (q[2] - q[1])) AS low, exp(q[2] + {factor!r} * (q[2] - q[1])) AS high
            FROM quartiles WHERE q[2] > q[1]
        )"""  # noqa: S608
    needed = _FOUR if metric.denominator is not None else ("n", "bn")
    wanted = ["count(*) AS customers", *(f"sum({one}) AS {one}" for one in needed)]
    wanted += [f"sum({one} * {two}) AS {one}_{two}" for one, two in combinations_with_replacement(needed, 2)]
    columns = ["month", *(f"g{place}" for place in range(len(by)))]
    # What is put into the text: a declared metric's name and months, numbers and quoted names. Text groups become
    # numbers while a customer has one row, since to group every month by text takes longer than all the rest.
    found = rows.query(
        "panel",
        f"""
        WITH grouped AS MATERIALIZED (
            SELECT customer_id, avg(numerator) AS bn, avg({divisor}) AS bd, {group} AS of_group
            FROM panel WHERE {usable} AND month IN ({months}) GROUP BY customer_id
        ), groups AS MATERIALIZED (
            SELECT of_group, row_number() OVER () AS code FROM (SELECT DISTINCT of_group FROM grouped)
        ), base AS MATERIALIZED (
            SELECT customer_id, bn, bd, CASE WHEN bn > 0 AND bd > 0 THEN bd / bn END AS inverse, code
            FROM grouped JOIN groups USING (of_group)
        ), later AS NOT MATERIALIZED (
            SELECT customer_id, month, CAST(numerator AS DOUBLE) AS n, {divisor} AS d
            FROM panel WHERE {usable} AND month NOT IN ({months})
        ){limits}, sums AS (
            SELECT month, code, {", ".join(wanted)}
            FROM later JOIN base USING (customer_id) {"LEFT JOIN fences USING (month)" if limits else ""}
            WHERE {kept} GROUP BY month, code
        )
        SELECT {"of_group.*, " if by else ""}sums.* EXCLUDE (code) FROM sums JOIN groups USING (code)
        """,  # noqa: S608
    )
    sums: pd.DataFrame = cast(duckdb.DuckDBPyRelation, found).df()
    return sums.rename(columns=dict(zip(columns[1:], by, strict=True)))


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
