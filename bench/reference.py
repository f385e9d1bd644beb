"""A fixed piece of work on all cores: other figures beside it tell how busy the machine was."""

from __future__ import annotations

import time

import duckdb


def reference_seconds() -> float:
    """Seconds for the hashes of 300 million numbers; about 1 on two free cores."""
    start = time.perf_counter()
    duckdb.sql("SELECT max(hash(i)) FROM range(300000000) r(i)").fetchall()
    return time.perf_counter() - start
