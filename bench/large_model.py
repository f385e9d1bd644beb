"""A model of 100 rules, 60 of them on events, over a million contacts and 20 million events: first pass, then sliders.

Such a model does not compress (nearly each contact has a pattern of its own), so a slider moves on a slice. Beside it,
on the same million rows with all events counted already: a loop of `DataFrame.eval`, and optbinning's
`Scorecard.score`.

    python bench/large_model.py [--contacts 1000000] [--events 20000000]
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from _timing import installed, most_memory, options, told
from backtest import workspace

import workbench as wb

PROPERTIES = [
    'industry == "Software"',
    'industry in ["Energy", "Media"]',
    'country == "Germany"',
    'country in ["Austria", "Spain"]',
    'contains(jobtitle, "head")',
    'jobtitle == "Director"',
    "numemployees > 50",
    "numemployees > 500",
    "50 < numemployees <= 200",
    'contains(email, "7@")',
]
KINDS = ["email_open", "page_view", "form_submission", "email_click"]
DETAILS = ["/pricing", "/demo", "/blog", "E-book", "Demo request", "jobs"]
DAYS = [7, 30, 90, 180, 365]
WON = wb.Outcome(when='lifecyclestage == "customer"', at="hs_v2_date_entered_customer", within_days=90)
FITTED = 20_000


def model() -> wb.ScoreModel:
    """40 rules on properties, 60 on events, in four groups of two categories, with limits everywhere."""
    asked = [PROPERTIES[i % 10] if i < 10 else f"{PROPERTIES[i % 10]} and numemployees > {i * 13}" for i in range(40)]
    fit = [
        wb.Rule(name=f"P{i}", when=text, points=(i % 7 + 1) * (-1 if i % 9 == 0 else 1)) for i, text in enumerate(asked)
    ]
    events = [
        wb.Rule(
            name=f"E{i}",
            count=f'count({KINDS[i % 4]}, "{DETAILS[i // 4 % 6]}", within_days={DAYS[i % 5]})',
            points=i % 5 + 1,
            at_most=1 + i % 4 * 3,
        )
        for i in range(60)
    ]
    groups = (
        wb.RuleGroup(name="person", category="fit", rules=tuple(fit[:20]), minimum=-30, maximum=50),
        wb.RuleGroup(name="company", category="fit", rules=tuple(fit[20:]), maximum=40),
        wb.RuleGroup(name="mail", category="engagement", rules=tuple(events[:30]), maximum=60),
        wb.RuleGroup(name="web", category="engagement", rules=tuple(events[30:]), maximum=50),
    )
    return wb.ScoreModel(name="Large", groups=groups, minimum=0, maximum=100, category_maximum=70)


def headline(calibration: wb.Calibration) -> tuple[object, ...]:
    """All point estimates of the page."""
    return calibration.thresholds, calibration.bands, calibration.auc, calibration.lift_at(0.1)


def recommendations(calibration: wb.Calibration) -> list[wb.Recommendation]:
    """What the page recommends, each with its interval."""
    return [
        calibration.recommend("youden"),
        calibration.recommend("f1"),
        calibration.recommend("rule_of_thumb"),
        calibration.recommend("target_rate", rate=0.12),
        calibration.recommend("capacity", leads_per_week=500),
    ]


def rows_of(counted: wb.WhatIf) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    """What each rule found, a contact a row, and whether it was won."""
    cells = counted.codes
    each = np.repeat(np.arange(len(cells.n)), cells.n)
    names = [rule.name for rule in counted.model.rules]
    frame = pd.DataFrame(cells.codes[cells.pattern[each]].astype(np.int16), columns=names)
    return frame, cells.keys["outcome"].to_numpy()[each] == 1


def by_eval(frame: pd.DataFrame, rated: wb.ScoreModel) -> np.ndarray[Any, Any]:
    """The score by a loop of `DataFrame.eval`."""
    parts: dict[str, np.ndarray[Any, Any]] = {}
    for group in rated.groups:
        points = np.zeros(len(frame))
        for rule in group.rules:
            points += frame.eval(f"{rule.name} * {rule.points}", engine="python").to_numpy()
        inside = np.clip(points, group.minimum, group.maximum)
        parts[str(group.category)] = parts.get(str(group.category), 0) + inside
    total = sum(np.minimum(points, rated.category_maximum) for points in parts.values())
    return np.clip(total, rated.minimum, rated.maximum)


def by_optbinning(frame: pd.DataFrame, won: np.ndarray[Any, Any]) -> None:
    """The time optbinning takes to score the same rows with a scorecard fitted on some of them."""
    from optbinning import BinningProcess, Scorecard
    from sklearn.linear_model import LogisticRegression

    some = frame.sample(min(FITTED, len(frame)), random_state=1).index
    card = Scorecard(
        binning_process=BinningProcess([str(name) for name in frame.columns]),
        estimator=LogisticRegression(max_iter=500),
        scaling_method="min_max",
        scaling_method_params={"min": 0, "max": 100},
    )
    told(
        f"optbinning's Scorecard.fit, on {len(some):,} of the rows",
        lambda: card.fit(frame.loc[some], won[some].astype(int)),
    )
    told("optbinning's Scorecard.score, for every change", lambda: card.score(frame))


def main() -> None:
    """Print all figures."""
    size = options(__doc__, contacts=1_000_000, events=20_000_000).parse_args()
    rated, points = model(), count(1)
    print(f"{size.contacts:,} contacts, {size.events:,} events, {len(rated.rules)} rules")
    with tempfile.TemporaryDirectory() as name:
        ws = workspace(Path(name), size.contacts, size.events)
        counted = told("first pass (DuckDB)", lambda: wb.what_if(ws, rated, outcome=WON))
    print(f"  {len(counted.codes.codes):,} patterns")
    counted.calibrate(weekly=False)
    told("a slider is touched: until its slice stands", lambda: counted.calibrate({"E3": 9}, weekly=False))
    told(
        "it moves: points to all point estimates",
        lambda: headline(counted.calibrate({"E3": next(points)}, weekly=False)),
        20,
    )
    groups = (*rated.groups[:2], replace(rated.groups[2], maximum=44), rated.groups[3])
    told(
        "the limit of its group moves: limits to all point estimates",
        lambda: headline(counted.calibrate(replace(rated, groups=groups), weekly=False)),
    )
    told("another slider is touched", lambda: counted.calibrate({"P5": 3}, weekly=False))
    found = told("leads a week too, the first time", lambda: counted.calibrate({"P5": 4}))
    told("five recommendations with their intervals", lambda: recommendations(found))
    frame, won = rows_of(counted)
    scores = np.repeat(counted.codes.scores(rated)[counted.codes.pattern], counted.codes.n)
    assert (by_eval(frame, rated) == scores).all()
    told("a loop of DataFrame.eval, events counted already, for every change", lambda: by_eval(frame, rated))
    if installed("optbinning"):
        by_optbinning(frame, won)
    print(f"most memory: {most_memory():.1f} GB")


if __name__ == "__main__":
    main()
