"""A chosen line flatters itself; the corrected rate does not."""

import numpy as np
import pytest

import workbench as wb
from workbench.calibration import Calibration
from workbench.calibration.tally import ScoreTally

SCORES = np.arange(0, 101, dtype=float)
SHARE = np.exp(-0.5 * ((SCORES - 40) / 18) ** 2)
SHARE /= SHARE.sum()
CHANCE = 1 / (1 + np.exp(4.0 - 0.045 * SCORES))
TRUE_ABOVE = np.cumsum((SHARE * CHANCE)[::-1])[::-1] / np.cumsum(SHARE[::-1])[::-1]


def world(rng: np.random.Generator, leads: int) -> Calibration:
    n = rng.multinomial(leads, SHARE)
    here = n > 0
    tally = ScoreTally(
        score=SCORES[here],
        n_leads=n[here],
        n_won=rng.binomial(n, CHANCE)[here],
        n_apart=np.zeros(here.sum(), dtype=np.int64),
    )
    return Calibration(tally=tally, score="score", outcome=wb.Outcome(when="won"))


def test_the_corrected_rate_is_unbiased_and_its_interval_covers_where_the_plain_one_is_neither() -> None:
    rng = np.random.default_rng(5)
    found = [world(rng, 500).corrected("profit", value_per_win=1000, cost_per_lead=150) for _ in range(80)]
    lines = [one for one in found if one is not None]
    true = np.array([TRUE_ABOVE[int(one.threshold)] for one in lines])
    plain, value = (np.array([one.plain.value for one in lines]), np.array([one.value for one in lines]))
    covered = np.mean([one.low <= t <= one.high for one, t in zip(lines, true, strict=True)])
    plainly = np.mean([one.plain.low <= t <= one.plain.high for one, t in zip(lines, true, strict=True)])
    assert (plain - true).mean() > 0.015  # the flattery, about two points
    assert abs((value - true).mean()) < 0.008
    assert covered >= 0.90  # 0.95 less two standard errors of 80 worlds
    assert covered > plainly


def test_the_headline_says_how_much_was_flattery() -> None:
    found = world(np.random.default_rng(1), 2000).corrected("youden")
    assert found is not None
    assert found.headline() == (
        f"Above {found.threshold:.0f}, the line by Youden's J, expect {100 * found.value:.1f} % to convert "
        f"({100 * found.low:.1f} to {100 * found.high:.1f} %): {100 * found.plain.value:.1f} % were counted, of which "
        f"{100 * found.optimism:.1f} points are flattery: the line was chosen on the same leads. Corrected by choosing "
        "anew in each bootstrap draw."
    )
    assert found.frame()["conversion_rate"].item() == found.value


def test_where_a_rule_finds_no_line_there_is_no_rate() -> None:
    assert world(np.random.default_rng(1), 500).corrected("profit", value_per_win=100, cost_per_lead=100) is None


def test_an_argument_of_another_rule_is_refused() -> None:
    with pytest.raises(wb.WorkbenchError, match="the rule 'youden' takes nothing, but 'rate' was given"):
        world(np.random.default_rng(1), 500).corrected("youden", rate=0.2)
