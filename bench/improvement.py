"""Speed of the improvement benchmarks, beside scipy.stats.bootstrap on the same.

python bench/improvement.py [draws] [--customers 10000]       # 2,000 draws over customers by 36 months
python bench/improvement.py choice [--customers 10000]        # a change of choice on the page
python bench/improvement.py scale [--customers 10000]         # 14 metrics, from Parquet, through DuckDB
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from _timing import most_memory, options, told

from workbench.improvements import METRICS, OutlierRule, improvement, improvement_table
from workbench.improvements.panel import read_panel

MONTHS = 36


def panel(customers: int, seed: int = 1) -> pd.DataFrame:
    """Lognormal customers that grow by half in a year."""
    rng = np.random.default_rng(seed)
    base = rng.lognormal(6, 1, (customers, 1))
    values = base * (1 + 0.5 * np.arange(MONTHS) / 11) * np.exp(rng.normal(0, 0.3, (customers, MONTHS)))
    return pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(customers), MONTHS),
            "month": np.tile(np.arange(1, MONTHS + 1), customers),
            "value": values.ravel(),
        }
    )


def draws(customers: int) -> None:
    from scipy import stats

    rows = panel(customers)
    improvement(rows, "website_traffic", draws=0)
    for centre in ("mean", "median"):
        for rule in ("none", "tukey", "winsor"):
            told(
                f"{centre}, outliers {rule}, all 36 months, reading included",
                lambda c=centre, r=rule: improvement(
                    rows, "website_traffic", centre=c, outliers=r, interval="percentile", draws=2_000
                ),
                times=3,
            )
    wide = rows["value"].to_numpy().reshape(-1, MONTHS)
    for name, of in (("mean", np.mean), ("median", np.median)):

        def ratio(month: np.ndarray, base: np.ndarray, axis: int = -1, of: Callable = of) -> np.ndarray:
            return of(month, axis=axis) / of(base, axis=axis) - 1

        told(
            f"scipy.stats.bootstrap, {name}, outliers none, ONE month of the 36",
            lambda f=ratio: stats.bootstrap(
                (wide[:, 11], wide[:, 0]), f, n_resamples=2_000, paired=True, method="percentile", batch=100, rng=1
            ),
        )


def choice(customers: int) -> None:
    """As the page does it: a panel of all 14 metrics, the chosen one read once, then one choice after the other."""
    rows = panel(customers).astype({"customer_id": "str"})
    calendar = (rows["month"].to_numpy() - 1 + 52 * 12).astype("datetime64[M]").astype("datetime64[s]")
    rows = pd.concat([rows.assign(metric=name, calendar_month=calendar) for name in METRICS], ignore_index=True)
    rows["metric"] = rows["metric"].astype("category")
    read = read_panel(rows, METRICS["website_traffic"])
    improvement(read, "website_traffic", draws=0)
    told("another metric: its months are read", lambda: read_panel(rows, METRICS["website_traffic"]), times=5)
    changes: tuple[dict[str, Any], ...] = (
        {"baseline": (1, 2, 3)}, {"centre": "mean"}, {"level": "centre_of_ratios"}, {"outliers": "none"},
        {"outliers": "mad"}, {"outliers": "winsor"}, {"outliers": "adjusted_boxplot"}, {},
    )  # fmt: skip
    for choices in changes:
        told(
            f"point estimates of {customers:,} customers by 36 months, {choices or 'as it comes'}",
            lambda c=choices: improvement(read, "website_traffic", draws=0, **c),
            times=5,
        )


def scale(customers: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        _write(Path(folder), customers)
        size = sum(file.stat().st_size for file in Path(folder).rglob("*.parquet"))
        cells = customers * MONTHS * len(METRICS)
        print(f"{cells:,} cells in {size / 1e9:.2f} GB of Parquet, written in {time.perf_counter() - start:.0f} s")
        before, busy = most_memory(), time.process_time()
        told("all 14 metrics, 36 months, by region and hub", lambda: improvement_table(folder, by=["region", "hub"]))
        busy = time.process_time() - busy
        print(f"{busy:.0f} s of processor time; peak memory {most_memory():.2f} GB ({before:.2f} GB before)")
        table = improvement_table(folder, metrics=["website_traffic"])
        _check(folder, table)


def _write(folder: Path, customers: int) -> None:
    """One file a metric. Two are made, a count and a rate; the others are copies of these under their own names."""
    connection = duckdb.connect(config={"memory_limit": "2GB", "preserve_insertion_order": False})
    made: dict[bool, Path] = {}
    for metric in METRICS.values():
        into = folder / f"metric={metric.name}" / "rows.parquet"
        into.parent.mkdir()
        divided = metric.denominator is not None
        if divided in made:
            shutil.copyfile(made[divided], into)
            continue
        made[divided] = into
        growth, noise = "(1 + 0.5 * least(m - 1, 11) / 11.0)", "(0.55 + (h % 1024 + h // 1024 % 1024) / 2274.0)"
        spoil = "CASE WHEN h // 1048576 % 20 = 0 THEN 30 ELSE 1 END"
        numerator = f"level * {'0.2 * ' if divided else ''}{growth} * {noise} * {spoil}"
        connection.execute(
            f"""COPY (
                SELECT customer_id, CAST(m AS TINYINT) AS month, CAST(round({numerator}) AS FLOAT) AS numerator,
                    CAST({"level" if divided else "NULL"} AS FLOAT) AS denominator, region, hub
                FROM (
                    SELECT *, hash(customer_id, m) AS h
                    FROM (
                        SELECT CAST(c AS INTEGER) AS customer_id, round(exp(3 + (hash(c) % 1000) / 250.0)) AS level,
                            ['north', 'south', 'east', 'west'][CAST(1 + hash(c, 2) % 4 AS INT)] AS region,
                            ['marketing', 'sales', 'service'][CAST(1 + hash(c, 3) % 3 AS INT)] AS hub
                        FROM range({customers}) customers(c)
                    ), range(1, {MONTHS + 1}) months(m)
                )
            ) TO '{into}'"""  # noqa: S608
        )


def _check(folder: str, table: pd.DataFrame) -> None:
    """The normal approximation beside the bootstrap of a sample of 10,000 customers."""
    rows = duckdb.connect().read_parquet(f"{folder}/metric=website_traffic/*.parquet")
    n = rows.aggregate("count(DISTINCT customer_id)").fetchall()[0][0]
    every = max(1, n // 10_000)
    sample = rows.filter(f"hash(customer_id, 99) % {every} = 0").project("customer_id, month, numerator AS value").df()
    found = improvement(
        sample, "website_traffic", centre="mean", outliers=OutlierRule(spikes=False), interval="percentile"
    )
    here = table[table["month"] == 12].iloc[0]
    ratio = (found.high - found.low) * np.sqrt(found.n_customers / here["n_customers"]) / (here["high"] - here["low"])
    print(
        f"month 12: {here['improvement']:+.4f} ({here['low']:+.4f} to {here['high']:+.4f}); bootstrap of "
        f"{found.n_customers:,}: {found.value:+.4f}, its width scaled to all over the normal one: {ratio:.2f}"
    )


WAYS = {"draws": draws, "choice": choice, "scale": scale}

if __name__ == "__main__":
    asked = options(__doc__, customers=10_000)
    asked.add_argument("what", nargs="?", choices=WAYS, default="draws")
    chosen = asked.parse_args()
    print(f"{chosen.what}: {chosen.customers:,} customers by {MONTHS} months; shortest, median and longest time")
    WAYS[chosen.what](chosen.customers)
