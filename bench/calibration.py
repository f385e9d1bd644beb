"""From other points to new thresholds, bands and headline, and a bootstrap of the best line.

Beside it, on the same rows: scikit-learn's `roc_curve`, which says less, and a bootstrap that draws rows.

    python bench/calibration.py [--contacts 1000000 10000000]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import count

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


def change(counted: object, points: count[int]) -> Callable[[], str]:
    return lambda: everything(counted.calibrate({"Rule 3": next(points)}, weekly=False))


def main() -> None:
    """Print all figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--contacts", type=int, nargs="*", default=[1_000_000])
    options.add_argument("--times", type=int, default=20)
    chosen = options.parse_args()
    for n in chosen.contacts:
        frame, rated = contacts(n), model()
        start = time.perf_counter()
        counted = what_if(frame, rated, outcome="won", as_of=AS_OF)
        print(f"\n{n:,} contacts, 20 rules; counted once in {time.perf_counter() - start:.2f} s; medians")
        change(counted, count(1))()  # what is loaded once
        moved = seconds(change(counted, count(1)), chosen.times)
        print(f"  other points to thresholds, bands, headline {moved * 1000:9.1f} ms")
        calibration = counted.calibrate(weekly=False)
        seeds = count(1)
        drawn = seconds(lambda c=calibration: c.recommend("youden", seed=next(seeds)), 5)
        print(
            f"  {DRAWS:,} bootstrap draws of the best line       {drawn * 1000:9.1f} ms, {len(calibration.tally.score)} scores"
        )
        weekly = seconds(counted.calibrate, 5)
        print(f"  the same with leads a week                  {weekly * 1000:9.1f} ms, when nothing moves")
        scores, won = by_eval(frame, rated), frame["won"].to_numpy()
        by_hand = seconds(lambda s=scores, w=won: roc_curve(w, s), 5)
        print(
            f"  scikit-learn's roc_curve                    {by_hand * 1000:9.1f} ms ({by_hand / moved:.0f} times as long)"
        )
        rng = np.random.default_rng(1)

        def by_row(s: np.ndarray = scores, w: np.ndarray = won) -> list[float]:
            best = []
            for _ in range(DRAWS_BY_ROW):
                rows = rng.integers(0, len(s), len(s))
                false, true, lines = roc_curve(w[rows], s[rows])
                best.append(lines[np.argmax(true - false)])
            return best

        rows = seconds(by_row, 1) / DRAWS_BY_ROW * DRAWS
        print(
            f"  {DRAWS:,} draws of rows, from {DRAWS_BY_ROW}                   {rows * 1000:9.0f} ms ({rows / drawn:,.0f} times as long)"
        )


if __name__ == "__main__":
    main()
