"""A slice gives what scoring everybody anew gives, whatever the limits around its rule."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.scoring import CodeTally, Rule, RuleGroup, RuleSum, ScoreModel
from workbench.scoring.slices import Slice, sliced

POINTS = st.integers(-20, 20) | st.sampled_from([2.5, -0.25])
LIMIT = st.none() | st.integers(5, 25)


@st.composite
def models(draw: st.DrawFn) -> ScoreModel:
    names = iter(f"rule {position}" for position in range(100))

    def rule() -> Rule:
        if draw(st.booleans()):
            return Rule(name=next(names), when="is_known(phone)", points=draw(POINTS))
        times = draw(st.integers(1, 4))
        return Rule(name=next(names), count="count(page_view)", at_most=times, points=draw(POINTS))

    def part() -> Rule | RuleSum:
        if draw(st.booleans()):
            return rule()
        rules = tuple(rule() for _ in range(draw(st.integers(1, 2))))
        return RuleSum(name=f"sum of {rules[0].name}", rules=rules, maximum=draw(LIMIT))

    groups = tuple(
        RuleGroup(
            name=name,
            category=draw(st.none() | st.sampled_from(["fit", "engagement"])),
            rules=tuple(part() for _ in range(draw(st.integers(1, 3)))),
            maximum=draw(LIMIT),
        )
        for name in ("one", "two", "three")
    )
    return ScoreModel(name="Drawn", groups=groups, minimum=0, maximum=draw(LIMIT), category_maximum=draw(LIMIT))


def tally_of(model: ScoreModel, seed: int) -> CodeTally:
    draw = np.random.default_rng(seed)
    codes = np.column_stack([draw.integers(0, rule.codes, 40) for rule in model.rules]).astype(np.uint8)
    pattern = np.repeat(np.arange(40), 2)
    outcome = np.tile([0, 1], 40)
    return CodeTally(
        model=model, codes=codes, pattern=pattern, keys=pd.DataFrame({"outcome": outcome}), n=draw.integers(1, 9, 80)
    )


def counted(of: CodeTally | Slice, model: ScoreModel) -> Counter[tuple[float, int]]:
    scores = of.scores(model)[of.pattern]
    found: Counter[tuple[float, int]] = Counter()
    for score, outcome, n in zip(scores, of.keys["outcome"], of.n, strict=True):
        found[float(score), int(outcome)] += int(n)
    return found


@given(model=models(), others=st.lists(POINTS, min_size=18, max_size=18), seed=st.integers(0, 99), data=st.data())
@settings(deadline=None, max_examples=100)
def test_a_slice_equals_a_full_score_under_any_points_and_limits_it_follows(
    model: ScoreModel, others: list[float], seed: int, data: st.DataObject
) -> None:
    tally = tally_of(model, seed)
    base = model.with_points({rule.name: points for rule, points in zip(model.rules, others, strict=False)})
    chosen = data.draw(st.sampled_from([rule.name for rule in model.rules]))
    cut = sliced(tally, base, chosen)
    assert len(cut.n) <= len(tally.n)
    moved = base.with_points({chosen: data.draw(POINTS)})
    home = next(
        group for group in moved.groups if any(rule.name == chosen for block in group.blocks for rule in block.rules)
    )
    limit = data.draw(LIMIT)
    moved = replace(
        moved,
        maximum=data.draw(LIMIT),
        groups=tuple(replace(group, maximum=limit) if group is home else group for group in moved.groups),
    )
    if moved.scale == base.scale:
        assert cut.fits(moved)
    if cut.fits(moved):
        assert counted(cut, moved) == counted(tally, moved)


def test_a_slice_does_not_fit_when_something_else_moves() -> None:
    model = ScoreModel(
        name="Two",
        groups=(
            RuleGroup(name="fit", rules=(Rule(name="a", when="is_known(phone)", points=1),)),
            RuleGroup(name="intent", rules=(Rule(name="b", when="is_known(city)", points=2),)),
        ),
    )
    cut = sliced(tally_of(model, 1), model, "a")
    assert cut.fits(model.with_points({"a": 7}))
    assert not cut.fits(model.with_points({"a": 7, "b": 3}))
    assert not cut.fits(replace(model, groups=(model.groups[0], replace(model.groups[1], maximum=1))))
    assert not cut.fits(model.with_points({"a": 0.5}))  # points are whole numbers no more


def test_a_slice_of_a_rule_that_is_not_there_is_refused() -> None:
    model = ScoreModel(
        name="One", groups=(RuleGroup(name="fit", rules=(Rule(name="a", when="is_known(phone)", points=1),)),)
    )
    with pytest.raises(WorkbenchError, match="no rule 'b'"):
        sliced(tally_of(model, 1), model, "b")
