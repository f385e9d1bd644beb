"""From other points to new thresholds, bands and headline, and a bootstrap of the best line.

Beside it, on the same rows: scikit-learn's `roc_curve` and `TunedThresholdClassifierCV`, which say less, and a
bootstrap that draws rows. Then all of it for a score with 1,000 distinct values; bars: 20 ms for what a line means,
0.5 s for intervals and recommendations.

    python bench/calibration.py [--contacts 1000000] [--leads 1000000] [--times 20]

`--leads` are those of the score with 1,000 values.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pandas as pd
from _timing import installed, options, reference_seconds, run, seconds
from first_pass import AS_OF, by_eval, contacts, model

from workbench.calibration import Calibration, what_if
from workbench.calibration.clusters import tally_parts
from workbench.calibration.recommend import DRAWS
from workbench.calibration.tally import tally_scores
from workbench.outcomes import Outcome

DRAWS_BY_ROW = 10


def everything(calibration: Calibration) -> str:
    """What the page shows at once."""
    assert len(calibration.thresholds) > len(calibration.bands) > 1
    return calibration.headline(40)


def best_lines_by_row(scores: np.ndarray[Any, Any], won: np.ndarray[Any, Any]) -> list[float]:
    """Youden's line of some draws of rows with replacement."""
    from sklearn.metrics import roc_curve

    rng, best = np.random.default_rng(1), []
    for _ in range(DRAWS_BY_ROW):
        rows = rng.integers(0, len(scores), len(scores))
        false, true, lines = roc_curve(won[rows], scores[rows])
        best.append(float(lines[np.argmax(true - false)]))
    return best


def tuned(scores: np.ndarray[Any, Any], won: np.ndarray[Any, Any]) -> Any:
    """scikit-learn's best threshold on a model that is fitted already, by Youden's J; no interval."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import TunedThresholdClassifierCV

    column = scores[:, None].astype(float)
    fitted = LogisticRegression().fit(column[::100], won[::100])
    return TunedThresholdClassifierCV(fitted, scoring="balanced_accuracy", cv="prefit", refit=False).fit(column, won)


def a_thousand_scores(leads: int) -> tuple[Calibration, Calibration]:
    """A calibration of a score from 0 to 999, of leads that stand alone, and of the same leads in companies."""
    rng = np.random.default_rng(4)
    score = rng.integers(0, 1000, leads).astype(float)
    won = (rng.random(leads) < 0.02 + 0.2 * (score / 1000) ** 2).astype(np.int64)
    each = np.ones(leads, dtype=np.int64)
    tally = tally_scores(score, won, each)
    company = pd.Series(rng.integers(0, leads // 5, leads))
    parts = tally_parts(score, company, each, np.where(company % 2 == 0, won, 0))
    return tuple(
        Calibration(tally=tally, score="score", outcome=Outcome(when="won"), parts=found) for found in (None, parts)
    )


def all_recommendations(calibration: Calibration, seed: int) -> None:
    """Every rule's line with its interval, and the corrected rate above the one by profit."""
    money = {"value_per_win": 100.0, "cost_per_lead": 10.0}
    for kind, given in {"profit": money, "target_rate": {"rate": 0.12}, "youden": {}, "f1": {}}.items():
        calibration.recommend(kind, seed=seed, **given)
    calibration.recommend("rule_of_thumb", seed=seed)
    calibration.corrected("profit", seed=seed, **money)


def few(times: int) -> int:
    """How often what is slow runs."""
    return min(times, 5)


def say(what: str, took: float, more: str = "") -> None:
    """One line of figures."""
    print(f"  {what:<44}{took * 1000:12,.1f} ms  {more}".rstrip())


def measure(n: int, times: int) -> None:
    """Print the medians for `n` contacts."""
    frame, rated = contacts(n), model()
    counted, (once,) = run(lambda: what_if(frame, rated, outcome="won", as_of=AS_OF))
    points, seeds = count(1), count(1)
    calibration = counted.calibrate(weekly=False)
    everything(calibration)  # loads once what is loaded once
    moved = seconds(lambda: everything(counted.calibrate({"Rule 3": next(points)}, weekly=False)), times)
    drawn = seconds(lambda: calibration.recommend("youden", seed=next(seeds)), few(times))
    print(f"\n{n:,} contacts, 20 rules, {len(counted.codes.codes):,} patterns; counted once in {once:.2f} s; medians")
    say("other points to thresholds, bands, headline", moved)
    say("the same with leads a week", seconds(counted.calibrate, few(times)), "when nothing moves")
    say(f"{DRAWS:,} bootstrap draws of the best line", drawn, f"{len(calibration.tally.score)} scores")
    if installed("sklearn"):
        measure_others(by_eval(frame, rated), frame["won"].to_numpy(), times, moved=moved, drawn=drawn)


def measure_others(
    scores: np.ndarray[Any, Any], won: np.ndarray[Any, Any], times: int, *, moved: float, drawn: float
) -> None:
    """Print the medians of scikit-learn on the same rows, beside ours for points that `moved` and lines `drawn`."""
    from sklearn.metrics import roc_curve

    curve = seconds(lambda: roc_curve(won, scores), few(times))
    say("scikit-learn's roc_curve", curve, f"{curve / moved:,.0f} times as long as all of the page's figures")
    tune = seconds(lambda: tuned(scores, won), 1)
    say("scikit-learn's TunedThresholdClassifierCV", tune, f"{tune / moved:,.0f} times as long; one line, no interval")
    rows = seconds(lambda: best_lines_by_row(scores, won), 1) / DRAWS_BY_ROW * DRAWS
    say(f"{DRAWS:,} draws of rows, from {DRAWS_BY_ROW}", rows, f"{rows / drawn:,.0f} times as long")


def measure_a_thousand(n: int, times: int) -> None:
    """Print the medians for a score of 1,000 distinct values."""
    seeds = count(1)
    print(f"\n{n:,} leads, 1,000 distinct scores")
    for title, calibration in zip(("", ", in companies"), a_thousand_scores(n), strict=True):
        say(f"thresholds, bands, headline{title}", seconds(lambda one=calibration: everything(replace(one)), times))
        took = seconds(lambda one=calibration: all_recommendations(one, next(seeds)), few(times))
        say(f"five rules and a corrected rate{title}", took, f"{DRAWS:,} draws")


def main() -> None:
    """Print all figures."""
    size = options(__doc__, contacts=1_000_000, leads=1_000_000, times=20).parse_args()
    print(f"fixed work before: {reference_seconds():.2f} s")
    measure(size.contacts, size.times)
    measure_a_thousand(size.leads, size.times)
    print(f"fixed work after: {reference_seconds():.2f} s")


if __name__ == "__main__":
    main()
