"""Leads of one company rise and fall together: what that does to intervals, and what it does not."""

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from workbench.calibration import Calibration
from workbench.calibration.clusters import COMPANY, design_effect, tally_parts
from workbench.calibration.tally import tally_scores
from workbench.stats.ranking import auc

OUTCOME = wb.Outcome(when="won")


def world(rng: np.random.Generator, *, companies: int = 200, spread: float = 1.0) -> tuple[pd.DataFrame, float]:
    """Leads of companies that are good or bad as a whole, and the true rate from 50 points on."""
    size = rng.integers(1, 20, companies)
    company = np.repeat(np.arange(companies), size)
    fit = rng.integers(0, 100, companies)[company]
    score = ((fit + rng.integers(0, 20, len(company))) % 100).astype(float)
    luck = np.where(rng.random(companies) < 0.5, -spread, spread)[company]
    chance = 1 / (1 + np.exp(1.0 - 0.02 * (score - 50) - luck))
    above = np.arange(50, 100)
    true = np.mean([1 / (1 + np.exp(1.0 - 0.02 * (above - 50) - luck)) for luck in (-spread, spread)])
    return pd.DataFrame({"score": score, COMPANY: company, "won": rng.random(len(company)) < chance}), float(true)


def judged(table: pd.DataFrame, *, together: bool) -> Calibration:
    score, won = table["score"].to_numpy(), table["won"].to_numpy(dtype=np.int64)
    n = np.ones(len(table), dtype=np.int64)
    parts = tally_parts(score, table[COMPANY], n, won) if together else None
    return Calibration(tally=tally_scores(score, won, n), score="score", outcome=OUTCOME, parts=parts)


def test_the_interval_of_a_rate_covers_the_truth_only_if_companies_stay_together() -> None:
    rng = np.random.default_rng(7)
    worlds = [world(rng) for _ in range(100)]
    covered = {}
    for together in (True, False):
        lines = [(judged(table, together=together).at(50).conversion, true) for table, true in worlds]
        covered[together] = np.mean([line.low <= true <= line.high for line, true in lines])
    assert 0.88 <= covered[True] <= 1  # 95 %, with three standard errors of 100 worlds
    assert covered[False] < 0.85


def test_the_corrected_rate_of_a_chosen_line_covers_too() -> None:
    rng = np.random.default_rng(3)
    above = np.arange(100)
    covered = []
    for _ in range(30):
        table, _ = world(rng, companies=150)
        found = judged(table, together=True).corrected("f1")
        assert found is not None
        chance = [1 / (1 + np.exp(1.0 - 0.02 * (above - 50) - luck)) for luck in (-1, 1)]
        true = np.mean(chance, axis=0)[int(found.threshold) :].mean()
        covered.append(found.low <= true <= found.high)
    assert np.mean(covered) >= 0.83  # 95 % less three standard errors of 30 worlds


def test_a_wider_interval_is_said_with_what_the_leads_are_worth() -> None:
    table, _ = world(np.random.default_rng(1))
    calibration = wb.calibrate(table, outcome="won")
    assert calibration.design_effect > 1.5
    assert calibration.notes[-1] == (
        f"Leads of one company rise and fall together: {calibration.n_leads:,} are worth "
        f"{calibration.n_leads / calibration.design_effect:,.0f} that stand each for itself. Intervals allow for that."
    )
    alone = wb.calibrate(table, outcome="won", company=None)
    assert calibration.at(50).conversion.value == alone.at(50).conversion.value
    assert calibration.at(50).conversion.low < alone.at(50).conversion.low
    assert calibration.ranking.value == alone.ranking.value
    assert calibration.ranking.low < alone.ranking.low
    assert (calibration.bands["low"] <= alone.bands["low"]).all()
    one, other = (found.recommend("f1") for found in (calibration, alone))
    assert one.threshold == other.threshold


def test_companies_that_do_not_differ_change_nothing() -> None:
    table, _ = world(np.random.default_rng(2))
    table[COMPANY] = np.random.default_rng(2).permutation(table[COMPANY])
    one, other = wb.calibrate(table, outcome="won"), wb.calibrate(table, outcome="won", company=None)
    pd.testing.assert_frame_equal(one.thresholds, other.thresholds)
    assert one.design_effect == 1
    assert one.notes == other.notes


def test_leads_without_a_company_stand_each_for_itself() -> None:
    table, _ = world(np.random.default_rng(4))
    table[COMPANY] = table[COMPANY].astype("Float64").mask(table.index % 3 == 0)
    parts = wb.calibrate(table, outcome="won").parts
    assert parts is not None
    assert (parts.n.sum(), parts.n_won.sum()) == (len(table), table["won"].sum())
    assert wb.calibrate(table.assign(**{COMPANY: None}), outcome="won").parts is None


def test_draws_of_companies_are_draws_of_whole_companies() -> None:
    """Two companies, one part each: a draw has the leads of both, or twice those of one."""
    score = np.array([1.0, 2.0, 1.0, 2.0])
    company = pd.Series(["a", "a", "b", "b"])
    parts = tally_parts(score, company, np.array([500, 100, 100, 300]), np.array([450, 90, 5, 20]))
    assert parts is not None
    n, won = parts.draw(np.array([1.0, 2.0]), draws=200, rng=np.random.default_rng(0))
    seen = {tuple(row) for row in np.hstack([n, won]).tolist()}
    assert seen == {(600, 400, 455, 110), (1000, 200, 900, 180), (200, 600, 10, 40)}


def test_the_design_effect_of_companies_of_one_size_is_kishs() -> None:
    """Kish (1965), chapter 5: 1 + (size - 1) x correlation; all leads of a company alike is a correlation of 1."""
    n = np.full((4000, 1), 10)
    won = 10 * (np.random.default_rng(0).random((4000, 1)) < 0.3)
    assert design_effect(n, won)[0] == pytest.approx(10, rel=0.01)


def test_the_interval_of_the_auc_of_single_leads_is_delongs() -> None:
    """Obuchowski (1997): with a lead a cluster the two agree, but for n in place of n - 1."""
    rng = np.random.default_rng(5)
    score = rng.integers(0, 40, 3000).astype(float)
    won = (rng.random(3000) < 0.1 + score / 100).astype(np.int64)
    tally = tally_scores(score, won, np.ones(3000, dtype=np.int64))
    place = np.searchsorted(tally.score, score)
    cells = (place, np.arange(3000), np.ones(3000, dtype=np.int64), won)
    plain = auc(tally.n_leads, tally.n_won)
    clustered = auc(tally.n_leads, tally.n_won, parts=cells)
    assert clustered.value == plain.value
    assert clustered.high - clustered.low == pytest.approx(plain.high - plain.low, rel=0.002)
