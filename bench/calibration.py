"""From other points to new thresholds, bands and headline, and a bootstrap of the best line.

Beside it, on the same rows: scikit-learn's `roc_curve`, which says less, and a bootstrap that draws rows.

    python bench/calibration.py [--contacts 1000000 10000000]
"""

from __future__ import annotations

import argparse
import time
from itertools import count
from typing import Any

import numpy as np
from first_pass import AS_OF, by_eval, contacts, model, seconds
from sklearn.metrics import roc_curve

from workbench.calibration import Calibration, what_if
from workbench.calibration.recommend import DRAWS

DRAWS_BY_ROW = 10


def everything(calibration: Calibration) -> str:
    """What the page shows at once."""
    assert len(calibration.thresholds) > len(calibration.bands) > 1
    return calibration.headline(40)


def best_lines_by_row(scores: np.ndarray[Any, Any], won: np.ndarray[Any, Any]) -> list[float]:
    """Youden's line of some draws of rows with replacement."""
    rng, best = np.random.default_rng(1), []
    for _ in range(DRAWS_BY_ROW):
        rows = rng.integers(0, len(scores), len(scores))
        false, true, lines = roc_curve(won[rows], scores[rows])
        best.append(float(lines[np.argmax(true - false)]))
    return best


def say(what: str, took: float, more: str = "") -> None:
    """One line of figures."""
    print(f"  {what:<44}{took * 1000:12,.1f} ms  {more}")


def measure(n: int, times: int) -> None:
    """Print the medians for `n` contacts."""
    frame, rated = contacts(n), model()
    start = time.perf_counter()
    counted = what_if(frame, rated, outcome="won", as_of=AS_OF)
    once = time.perf_counter() - start
    points, seeds = count(1), count(1)
    calibration = counted.calibrate(weekly=False)
    everything(calibration)  # loads once what is loaded once
    moved = seconds(lambda: everything(counted.calibrate({"Rule 3": next(points)}, weekly=False)), times)
    drawn = seconds(lambda: calibration.recommend("youden", seed=next(seeds)), 5)
    print(f"\n{n:,} contacts, 20 rules, {len(counted.codes.codes):,} patterns; counted once in {once:.2f} s; medians")
    say("other points to thresholds, bands, headline", moved)
    say("the same with leads a week", seconds(counted.calibrate, 5), "when nothing moves")
    say(f"{DRAWS:,} bootstrap draws of the best line", drawn, f"{len(calibration.tally.score)} scores")
    scores, won = by_eval(frame, rated), frame["won"].to_numpy()
    curve = seconds(lambda: roc_curve(won, scores), 5)
    say("scikit-learn's roc_curve", curve, f"{curve / moved:,.0f} times as long as all of the page's figures")
    rows = seconds(lambda: best_lines_by_row(scores, won), 1) / DRAWS_BY_ROW * DRAWS
    say(f"{DRAWS:,} draws of rows, from {DRAWS_BY_ROW}", rows, f"{rows / drawn:,.0f} times as long")


def main() -> None:
    """Print all figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--contacts", type=int, nargs="*", default=[1_000_000])
    options.add_argument("--times", type=int, default=20)
    chosen = options.parse_args()
    for n in chosen.contacts:
        measure(n, chosen.times)


if __name__ == "__main__":
    main()
