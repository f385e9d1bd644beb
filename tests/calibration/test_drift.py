"""Later leads beside earlier ones, and wins that were not yet recorded."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

import workbench as wb
from workbench.calibration.drift import drift
from workbench.calibration.firstwin import first_win
from workbench.stats.stability import stability

TEN = np.arange(10, dtype=float)
DATED = wb.Outcome(when="is_known(won_at)", at="won_at")


def test_the_index_is_the_sum_over_bands() -> None:
    """By hand: (0.6 - 0.5) ln(0.6 / 0.5) + (0.4 - 0.5) ln(0.4 / 0.5)."""
    found = stability(np.array([500, 500]), np.array([600, 400]), low=TEN[:2], high=TEN[:2])
    assert found.index == pytest.approx(0.1 * np.log(1.2) - 0.1 * np.log(0.8))
    assert found.frame()["contribution"].sum() == pytest.approx(found.index)


def test_the_index_is_a_published_one() -> None:
    """Six and five of eleven, then five and four of nine: 0.00041, by the tests of the package strappy 0.0.3."""
    found = stability(np.array([6, 5]), np.array([5, 4]), low=TEN[:2], high=TEN[:2])
    assert found.index == pytest.approx(0.00041, abs=5e-6)


@pytest.mark.parametrize(("bands", "n", "m"), [(10, 2000, 2000), (10, 1000, 4000), (5, 3000, 1000)])
def test_the_null_of_the_index_is_chi_squared_as_published(bands: int, n: int, m: int) -> None:
    """(1/n + 1/m) times a chi-squared of bands - 1 degrees of freedom (Yurdakul and Naranjo, 2020)."""
    same = np.full(bands, 1 / bands)
    earlier, later = (np.round(total * same).astype(np.int64) for total in (n, m))
    found = stability(earlier, later, low=TEN[:bands], high=TEN[:bands])
    assert found.null_high == pytest.approx((1 / n + 1 / m) * chi2(bands - 1).ppf(0.95), rel=0.05)
    assert found.null_mean == pytest.approx((1 / n + 1 / m) * (bands - 1), rel=0.03)


@pytest.mark.parametrize(("n", "mean"), [(100, 0.19), (1000, 0.018)])
def test_without_drift_the_index_is_what_theory_says(n: int, mean: float) -> None:
    """About (bands - 1) (1/n + 1/m), and a little more for few leads (Yurdakul and Naranjo, 2020)."""
    same = np.full(10, n // 10)
    found = stability(same, same, low=TEN, high=TEN)
    assert found.null_mean == pytest.approx(mean, rel=0.05)
    assert not found.drifted


def test_an_index_above_the_customary_limit_may_be_chance() -> None:
    rng = np.random.default_rng(0)
    found = stability(rng.multinomial(100, [0.1] * 10), rng.multinomial(100, [0.1] * 10), low=TEN, high=TEN)
    assert found.index > 0.1
    assert not found.drifted


def leads(*, shift: float = 0.0, days: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    day = np.repeat(np.arange(days), 20)
    later = day >= 0.7 * days
    score = np.round(rng.normal(50, 15, len(day)) + shift * later)
    created = pd.Timestamp("2025-01-01") + pd.to_timedelta(day, unit="D")
    won = rng.random(len(day)) < 0.1
    wait = pd.to_timedelta(np.ceil(rng.exponential(20, len(day))), unit="D")
    table = pd.DataFrame({"score": score, "createdate": created, "won_at": (created + wait).where(won)})
    return table.astype({"createdate": "datetime64[us]", "won_at": "datetime64[us]"})


def test_a_score_that_moved_is_seen_and_one_that_did_not_is_not() -> None:
    assert not drift(leads(), outcome=DATED).scores.drifted
    moved = drift(leads(shift=5), outcome=DATED)
    assert moved.scores.drifted
    assert moved.split == pd.Timestamp("2025-10-08")
    assert moved.headline().startswith("5,600 judged leads created before 2025-10-08, 2,400 since: the score drifted")


def test_conversion_that_doubles_in_the_last_third_is_seen_though_the_score_stays() -> None:
    table = leads()
    later = table["createdate"] >= "2025-10-08"
    more = later & (np.random.default_rng(1).random(len(table)) < 0.1)
    table["won_at"] = table["won_at"].fillna((table["createdate"] + pd.Timedelta(days=5)).where(more))
    found = drift(table, outcome=DATED)
    assert found.found
    assert found.low > 0.05
    assert not found.scores.drifted
    assert "which may be chance" not in found.headline()


def test_a_line_chosen_on_the_earlier_leads_is_checked_on_the_later_ones() -> None:
    found = drift(leads(), outcome=DATED)
    check = found.check(50)
    table = leads()
    later = table[(table["createdate"] >= found.split) & (table["score"] >= 50)]
    assert check["n_leads"].tolist()[1] == len(later)
    assert check["n_won"].tolist()[1] == later["won_at"].notna().sum()


def test_a_split_outside_the_dates_is_refused() -> None:
    with pytest.raises(wb.WorkbenchError) as raised:
        drift(leads(), outcome=DATED, split="2030-01-01")
    assert str(raised.value) == (
        "all judged leads were created before 2030-01-01; they run from 2025-01-01 to 2026-02-04, so choose a split "
        "between."
    )


def test_wins_that_were_not_yet_recorded_are_missed_by_their_cohorts() -> None:
    table = leads()
    table = table[~(table["won_at"] < "2025-06-01")]
    found = first_win(table, outcome=DATED)
    assert found.truncated
    assert found.first_win == pd.Timestamp("2025-06-01")
    touched = found.cohorts.loc[found.cohorts["touched"], "month"]
    assert (touched.min(), touched.max()) == (pd.Timestamp("2025-01-01"), pd.Timestamp("2025-05-01"))
    assert found.untouched.value > found.overall.value
    assert found.headline().startswith(
        "Wins are on record from 1 June 2025 on, leads from 1 January 2025: of the leads"
    )


def test_a_first_win_soon_after_the_first_lead_is_no_truncation() -> None:
    found = first_win(leads(), outcome=DATED)
    assert not found.truncated
    assert not found.cohorts["touched"].any()
    assert found.headline().endswith("nothing says that earlier wins are missing.")


def test_without_a_date_of_creation_nothing_is_earlier_or_later() -> None:
    with pytest.raises(wb.WorkbenchError) as raised:
        drift(leads().drop(columns="createdate"), outcome=wb.Outcome(when="is_known(won_at)"))
    assert str(raised.value) == (
        "earlier and later need a date, but the table has no date column 'createdate'; name one with order=, or the "
        "lead's creation in Outcome(created=...)."
    )
    with pytest.raises(wb.WorkbenchError, match="the first win needs the date of creation too, but there is no date"):
        first_win(leads().drop(columns="createdate"), outcome=DATED)


def test_without_the_date_of_winning_there_is_no_first_win() -> None:
    with pytest.raises(wb.WorkbenchError, match="the first win needs the date of winning"):
        first_win(leads(), outcome=wb.Outcome(when="is_known(won_at)"))
