"""What every benchmark needs: its size from the command line, times, the fixed work beside them, and memory."""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import TypeVar

import duckdb

T = TypeVar("T")


def options(about: str | None, **sizes: int) -> argparse.ArgumentParser:
    """A command line on which each of `sizes` can be said, as `--contacts 1000`; if it is not, it is the full one."""
    found = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, full in sizes.items():
        found.add_argument(f"--{name}", type=int, default=full, help=f"{full:,} if not said")
    return found


def run(work: Callable[[], T], times: int = 1) -> tuple[T, list[float]]:
    """What the work gave the last time, and the seconds it took each time."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        found = work()
        taken.append(time.perf_counter() - start)
    return found, taken


def seconds(work: Callable[[], object], times: int) -> float:
    """The median of some runs."""
    return statistics.median(run(work, times)[1])


def told(label: str, work: Callable[[], T], times: int = 1, *, bar: str = "") -> T:
    """Do the work, print its shortest, median and longest time and what it may take; give back the last result."""
    found, taken = run(work, times)
    figures = "".join(f"{each:10.4f}" for each in (min(taken), statistics.median(taken), max(taken)))
    print(f"  {label:<76}{figures} s  {bar}".rstrip(), flush=True)
    return found


def reference_seconds() -> float:
    """Seconds for a fixed piece of work on all cores, the hashes of 300 million numbers; about 1 on two free cores.

    Other figures beside it tell how busy the machine was.
    """
    return seconds(lambda: duckdb.sql("SELECT max(hash(i)) FROM range(300000000) r(i)").fetchall(), 1)


def most_memory() -> float:
    """The most memory this process has held, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def installed(*modules: str) -> bool:
    """Whether what one would use instead is there; if not, it says that ours is measured alone."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        print(f"  {' and '.join(missing)}: not installed (the extra `bench`), so ours is measured alone")
    return not missing
