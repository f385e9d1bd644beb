"""Every benchmark runs, at a size at which its times say nothing, and prints the figures that it is there for."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"
TIME = r" +\d+\.\d{4} +\d+\.\d{4} +\d+\.\d{4} s"
"""Shortest, median and longest."""
SMALL = {
    "backtest": ("--contacts 2000 --events 20000", [
        r"2,000 contacts, 20,000 events",
        r"12 ends of months: \d+\.\d s, [\d,]{3,} leads judged; \d+ times the fixed \d+\.\d s",
        r"10 days after creation: \d+\.\d s, [\d,]{3,} leads judged; \d+ times the fixed \d+\.\d s",
        r"most memory: \d\.\d GB",
    ], {}),
    "calibration": ("--contacts 20000 --leads 20000 --times 1", [
        r"fixed work before: \d+\.\d\d s",
        r"20,000 contacts, 20 rules, [\d,]{4,} patterns; counted once in \d+\.\d\d s; medians",
        r"  other points to thresholds, bands, headline +[\d,]+\.\d ms",
        r"  [\d,]+ bootstrap draws of the best line +[\d,]+\.\d ms  \d+ scores",
        r"20,000 leads, 1,000 distinct scores",
        r"  five rules and a corrected rate, in companies +[\d,]+\.\d ms  [\d,]+ draws",
        r"fixed work after: \d+\.\d\d s",
    ], {"sklearn": [
        r"  scikit-learn's roc_curve +[\d,]+\.\d ms  \d[\d,]* times as long as all of the page's figures",
        r"  scikit-learn's TunedThresholdClassifierCV +[\d,]+\.\d ms  \d[\d,]* times as long; one line, no interval",
        r"  [\d,]+ draws of rows, from 10 +[\d,]+\.\d ms  \d[\d,]* times as long",
    ]}),
    "first_pass": ("--contacts 2000 --large 3000 --times 1", [
        r"2,000 contacts, 20 rules, 15% blanks; medians of 1",
        r"  a loop of DataFrame.eval +\d+\.\d{3} s, for every change of points",
        r"  first pass, pandas +\d+\.\d{3} s  \(\d+\.\d\d of the loop\)",
        r"  first pass, DuckDB +\d+\.\d{3} s  \(\d+\.\d\d of the loop\)",
        r"  first pass, Polars +\d+\.\d{3} s  \(\d+\.\d\d of the loop\)",
        r"3,000 contacts: other points, [\d,]{5} patterns \d+\.\d\d ms",
    ], {}),
    "import_contacts": ("--contacts 2000 --rounds 1", [
        r"2,000 contacts, \d+ MB, \d+ cores",
        r"pandas: read_csv and to_parquet +\d+\.\d\d s \(\d+\.\d\d\) +\d+ MB",
        r"workbench: import with report +\d+\.\d\d s \(\d+\.\d\d\) +\d+ MB",
        r"workbench: import without change +\d+\.\d\d s \(\d+\.\d\d\) +\d+ MB",
        r"pandas: 5 columns of its Parquet +\d+\.\d\d s \(\d+\.\d\d\) +\d+ MB",
        r"workbench: open and take 5 columns +\d+\.\d\d s \(\d+\.\d\d\) +\d+ MB",
        r"import: \d+\.\d\d times pandas",
    ], {}),
    "improvement draws": ("--customers 120", [
        r"draws: 120 customers by 36 months; shortest, median and longest time",
        rf"  mean, outliers winsor, all 36 months, reading included{TIME}",
        rf"  median, outliers tukey, all 36 months, reading included{TIME}",
        rf"  scipy.stats.bootstrap, median, outliers none, ONE month of the 36{TIME}",
    ], {}),
    "improvement choice": ("--customers 300", [
        rf"  another metric: its months are read{TIME}",
        rf"  point estimates of 300 customers by 36 months, as it comes{TIME}",
        rf"  point estimates of 300 customers by 36 months, {{'outliers': 'adjusted_boxplot'}}{TIME}",
    ], {}),
    "improvement scale": ("--customers 2000", [
        r"1,008,000 cells in \d\.\d\d GB of Parquet, written in \d+ s",
        rf"  all 14 metrics, 36 months, by region and hub{TIME}",
        r"month 12: \+\d\.\d{4} \(\+\d\.\d{4} to \+\d\.\d{4}\); bootstrap of 1,\d{3}: \+\d\.\d{4}, .* \d\.\d\d",
    ], {}),
    "large_model": ("--contacts 2000 --events 20000", [
        r"2,000 contacts, 20,000 events, 100 rules",
        rf"  first pass \(DuckDB\){TIME}",
        rf"  a slider is touched: until its slice stands{TIME}",
        rf"  it moves: points to all point estimates{TIME}",
        rf"  five recommendations with their intervals{TIME}",
        rf"  a loop of DataFrame.eval, events counted already, for every change{TIME}",
        r"most memory: \d\.\d GB",
    ], {"optbinning": [rf"  optbinning's Scorecard.score, for every change{TIME}"]}),
    "page": ("--rounds 1 --rest 0", [
        r"        ours: \d+ requests, \d\.\d\d MB",
        r"    1   \d+\.\d\d s.*",
        r"median  \d+\.\d\d s.*",
    ], {"dash": [r"        Dash: \d+ requests, \d\.\d\d MB", r"ours takes \d+\.\d\d of Dash's time"]}),
    "segments": ("--contacts 4000 --events 40000", [
        r"4,000 contacts, 40,000 events; shortest, median and longest time",
        rf"  ten terms, two counts of events, in SQL by hand{TIME}",
        rf"  the same condition on DuckDB{TIME}  at most 1\.5 s",
        rf"  a change of one term{TIME}  at most 0\.05 s",
        rf"  another span of days{TIME}  at most 0\.3 s",
        rf"  discovery over 40 properties{TIME}  at most 10 s",
    ], {}),
    "suggested_points": ("--leads 20000", [
        r"20,000 leads, 20 rules: counted in \d+\.\d s, points in \d+\.\d s",
        r"together \d+\.\d times the fixed work of \d+\.\d\d s",
        r"statsmodels on 20,000 of the rows: \d+\.\d s",
        r"largest difference of a coefficient on those rows: \d\.\de-(0[6-9]|1\d)",
    ], {}),
}  # fmt: skip
"""Of each: the size, what it prints of ours, and what it prints of others that are installed."""


def test_every_benchmark_is_run_here() -> None:
    scripts = {path.stem for path in BENCH.glob("*.py") if not path.name.startswith("_")}
    assert {name.split()[0] for name in SMALL} == scripts


@pytest.mark.parametrize("name", SMALL)
def test_it_ends_well_and_prints_its_figures(name: str) -> None:
    size, figures, others = SMALL[name]
    script, *what = name.split()
    command = [sys.executable, str(BENCH / f"{script}.py"), *what, *size.split()]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    assert ended.returncode == 0, ended.stderr
    printed = ended.stdout.splitlines()
    for module, more in others.items():
        told = f"  {module}: not installed (the extra `bench`), so ours is measured alone"
        assert (told in printed) == (find_spec(module) is None)
        figures = [*figures, *more] if find_spec(module) else figures
    for figure in figures:
        assert [line for line in printed if re.fullmatch(figure, line)], f"no {figure!r} in\n{ended.stdout}"
