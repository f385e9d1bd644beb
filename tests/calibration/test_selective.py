"""An old line decided who was worked: the jump it leaves, and the hold-out that tells what it hides."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_effectsize

import workbench as wb
from workbench.calibration import Calibration, draw_lot, plan_hold_out, read_hold_out
from workbench.calibration.tally import tally_scores

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
WON = wb.Outcome(when='lifecyclestage == "customer"', at="hs_v2_date_entered_customer", within_days=90)


@pytest.fixture(scope="module")
def sample() -> Calibration:
    return wb.calibrate(wb.load(SAMPLE), score="hubspotscore", outcome=WON, old_line=50)


def invented(*, unworked: float, leads: int = 4000, seed: int = 0) -> Calibration:
    """Leads whose chance is smooth in the score, except that below 50 it is `unworked` times as high."""
    rng = np.random.default_rng(seed)
    score = np.clip(np.round(rng.normal(45, 15, leads)), 0, 100)
    chance = 1 / (1 + np.exp(-(-4.5 + 0.07 * score))) * np.where(score < 50, unworked, 1)
    won = (rng.random(leads) < chance).astype(np.int64)
    tally = tally_scores(score, won, np.ones(leads, dtype=np.int64))
    return Calibration(tally=tally, score="score", outcome=wb.Outcome(when="won"))


def test_the_samples_naive_optimum_sits_at_the_old_line_and_the_notes_say_so(sample: Calibration) -> None:
    assert sample.jump is not None
    assert sample.jump.found
    assert sample.notes[-2].startswith("At the old line, 50: conversion jumps from 6.9 % just below (4.2 to 11.0 %)")
    assert sample.notes[-1] == (
        "By Youden's J the line would belong at 48, where the old line was: it says where sales worked, not where "
        "leads are good. Hand over some leads by lot on both sides of it."
    )


def test_the_jump_holds_the_truth_of_the_sample(sample: Calibration) -> None:
    """Unworked leads have 0.35 times the chance of worked ones (`workbench.sample.Truth.unworked_factor`)."""
    assert sample.jump is not None
    assert sample.jump.below.low <= 0.35 * sample.jump.above.high
    assert sample.jump.below.high >= 0.35 * sample.jump.above.low


def test_no_jump_is_claimed_where_there_is_none_and_the_interval_covers() -> None:
    found = [invented(unworked=1.0, seed=seed).jump_at(50) for seed in range(200)]
    alarms = sum(jump.found for jump in found)
    covered = sum(jump.low <= 0 <= jump.high for jump in found)
    assert alarms <= 11  # 2.5 % are expected, one side of 5 %
    assert 180 <= covered <= 199  # 95 % of 200, with three standard deviations either side


def test_a_jump_is_found_and_its_interval_covers_it() -> None:
    chance = 1 / (1 + np.exp(-(-4.5 + 0.07 * 50)))
    found = [invented(unworked=0.35, seed=seed).jump_at(50) for seed in range(100)]
    assert sum(jump.found for jump in found) >= 95
    assert sum(jump.low <= 0.65 * chance <= jump.high for jump in found) >= 88


def test_too_few_leads_beside_the_line_are_said_to_be_too_few() -> None:
    table = pd.DataFrame({"score": [1.0, 2, 3, 4] * 10, "won": [False, False, True, True] * 10})
    jump = wb.calibrate(table, outcome="won").jump_at(3)
    assert not jump.found
    assert jump.headline() == (
        "At the old line, 3: whether conversion jumps cannot be told: 10 leads just below and 20 just above are too "
        "few; at least 30 a side with two different scores are needed."
    )


def test_an_old_line_outside_the_scores_range_is_refused() -> None:
    table = pd.DataFrame({"score": [1.0, 2, 3, 4], "won": [False, False, True, True]})
    with pytest.raises(wb.WorkbenchError) as raised:
        wb.calibrate(table, outcome="won", old_line=50)
    assert str(raised.value) == (
        "the old line, 50, lies outside the score's range: 'score' runs from 1 to 4. Give the line that was in force "
        "for this score."
    )


def test_a_hold_out_is_as_large_as_statsmodels_says(sample: Calibration) -> None:
    plan = plan_hold_out(sample, 50, share=0.1, ratio=2.0, power=0.8)
    effect = proportion_effectsize(2 * plan.expected_below, plan.expected_below)
    assert NormalIndPower().power(effect, plan.n_below, 0.05, ratio=9) == pytest.approx(0.8, abs=0.002)
    assert plan.weeks > 10
    assert plan.headline().startswith(
        f"By lot, hand over {plan.n_below} leads below 50 and hold back {plan.n_above} above it, about "
    )


def test_a_lot_is_the_same_everywhere_and_takes_its_share() -> None:
    ids = pd.Series([str(number) for number in range(20_000)])
    taken = draw_lot(ids, 0.1, salt="autumn")
    assert taken.mean() == pytest.approx(0.1, abs=0.01)
    assert taken.equals(draw_lot(ids[::-1], 0.1, salt="autumn")[::-1].sort_index())
    assert not taken.equals(draw_lot(ids, 0.1, salt="winter"))


def come_back(gain: float) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    score = rng.integers(0, 100, 6000).astype(float)
    worked = (score >= 50) ^ (rng.random(6000) < 0.2)
    return pd.DataFrame({"score": score, "worked": worked, "won": rng.random(6000) < 0.05 + gain * worked})


def test_a_hold_out_that_comes_back_tells_what_working_adds_on_both_sides() -> None:
    reading = read_hold_out(come_back(0.1), line=50, worked="worked", outcome="won")
    assert reading.below.low <= 0.1 <= reading.below.high
    assert reading.above.low <= 0.1 <= reading.above.high
    assert reading.frame()["n_leads"].sum() == 6000
    assert reading.reason.startswith("Leads below the line gain from being worked")
    still_open = read_hold_out(come_back(0.0), line=50, worked="worked", outcome="won")
    assert still_open.reason.startswith("Whether leads below the line gain from being worked is still open")


def test_without_a_lot_there_is_nothing_to_read() -> None:
    table = come_back(0.1)
    table["worked"] = table["score"] >= 50
    with pytest.raises(wb.WorkbenchError, match="this is no hold-out at 50: no lead below it was worked"):
        read_hold_out(table, line=50, worked="worked", outcome="won")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"share": 0.9}, "the share by lot lies above 0 and is at most 0.5, but 0.9 was given; use 0.1."),
        ({"ratio": 1.0}, "the ratio to be found is above 1, but 1.0 was given; use 2 for twice as good."),
    ],
)
def test_a_plan_out_of_range_is_refused(sample: Calibration, arguments: dict[str, float], sentence: str) -> None:
    with pytest.raises(wb.WorkbenchError) as raised:
        plan_hold_out(sample, 50, **arguments)
    assert str(raised.value) == sentence
