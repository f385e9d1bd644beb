"""What would lift a contact over a line: each rule's best, with all limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from workbench.scoring.explaining import Explanation
from workbench.scoring.model import ScoreModel
from workbench.scoring.rules import Rule
from workbench.scoring.tally import CodeTally

COLUMNS = ("group", "rule", "asks", "now", "then", "by_deed", "points_more", "score", "score_together", "reaches")


def lifts(explained: Explanation, threshold: float) -> pd.DataFrame:
    """What would give a contact more points, the least that reaches the line first, with all limits.

    Parameters
    ----------
    explained
        The contact's score, from `explain`.
    threshold
        The line, in points.

    Returns
    -------
    pandas.DataFrame
        A row a rule that can still add points: group, rule, asks (as written), now and then (what it finds, in words),
        by_deed (it counts events: something the contact can do, where other rules say what it is), points_more and
        score (with this alone), reaches (whether that is at or above the line), score_together (with this and all
        rows above). Deeds stand first, then what adds most. Of what reaches the line alone, the least is taken.
        Roll-ups over associated records are left out.
    """
    model = explained.model
    points = {step.what: step.points for step in explained.steps if step.kind == "rule"}
    fixed = [rule for rule in model.rules if rule.associated is not None or not rule.enabled]
    settled = _constant(model, {rule.name: points[rule.name] for rule in fixed})
    rules = settled.rules
    groups = [group.name for group in settled.groups for _ in group.single_rules]
    now = np.array([_code(rule, points[rule.name]) for rule in rules], dtype=np.int64)
    tried = [
        (place, code)
        for place, rule in enumerate(rules)
        for code in range(rule.codes)
        if rule.worth[code] > rule.worth[now[place]]
    ]
    rows: list[dict[str, Any]] = []
    for place, rule in enumerate(rules):
        codes = [code for one, code in tried if one == place]
        scores = _scores(settled, [_with(now, {place: code}) for code in codes])
        gains = [(score, code) for score, code in zip(scores, codes, strict=True) if score > explained.score]
        if not gains:
            continue
        enough = [one for one in gains if one[0] >= threshold]
        score, code = min(enough) if enough else max(gains, key=lambda one: (one[0], -one[1]))
        deed = bool(rule.counts) or any(condition.counts for condition in rule.conditions)
        rows.append(
            {
                "group": groups[place],
                "rule": rule.name,
                "asks": str(rule),
                "now": rule.finding(int(now[place])),
                "then": rule.finding(code),
                "by_deed": deed,
                "points_more": score - explained.score,
                "score": score,
                "reaches": score >= threshold,
                "_change": (place, code),
            }
        )
    rows.sort(key=lambda row: (not row["by_deed"], not row["reaches"], -row["points_more"]))
    together: dict[int, int] = {}
    for row in rows:
        place, code = row.pop("_change")
        together[place] = code
        row["score_together"] = _scores(settled, [_with(now, together)])[0]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _constant(model: ScoreModel, points: dict[str, float]) -> ScoreModel:
    """The model with rules that always give the same in place of these."""
    rules = {name: Rule(name=name, when="true", points=worth) for name, worth in points.items()}
    groups = (group.changed(lambda rule: rules.get(rule.name, rule)) for group in model.groups)
    return replace(model, groups=tuple(groups))


def _code(rule: Rule, points: float) -> int:
    """A code that gives these points."""
    return int(np.argmin(np.abs(np.array(rule.worth, dtype=float) - points)))


def _with(codes: np.ndarray[tuple[int], np.dtype[np.int64]], changes: dict[int, int]) -> list[int]:
    return [changes.get(place, int(code)) for place, code in enumerate(codes)]


def _scores(model: ScoreModel, codes: list[list[int]]) -> list[float]:
    """The score of each row of codes."""
    rows = np.array(codes, dtype=np.int64).reshape(-1, len(model.rules))
    n = len(rows)
    tally = CodeTally(
        model=model, codes=rows, pattern=np.arange(n), keys=pd.DataFrame(index=range(n)), n=np.ones(n, dtype=np.int64)
    )
    return [float(score) for score in tally.scores()]
