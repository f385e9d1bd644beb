import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from workbench import WorkbenchError
from workbench.stats.proportions import holm, inverted, rate, wilson_interval

# Newcombe, R. G. (1998). Two-sided confidence intervals for the single proportion: comparison of seven methods.
# Statistics in Medicine 17, 857-872, table I, method 3 (score, no continuity correction), 95 %.
PUBLISHED = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]


@pytest.mark.parametrize(("won", "n", "low", "high"), PUBLISHED)
def test_wilson_intervals_are_those_of_newcombe(won: int, n: int, low: float, high: float) -> None:
    found = rate(won, n)
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**7), st.integers(1, 10**7), st.sampled_from([0.8, 0.95, 0.99]))
def test_an_interval_holds_its_rate_and_stays_between_0_and_1(won: int, more: int, confidence: float) -> None:
    found = rate(won, won + more, confidence=confidence)
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.sampled_from([0.01, 0.05, 0.2]))
def test_holms_adjustment_is_that_of_statsmodels(p_values: list[float], alpha: float) -> None:
    expected = multipletests(p_values, alpha=alpha, method="holm")[0]
    assert holm(np.array(p_values), alpha=alpha).tolist() == expected.tolist()


def test_nothing_is_known_of_no_leads() -> None:
    low, high = wilson_interval([0, 3], [0, 10])
    assert np.isnan(low[0])
    assert np.isnan(high[0])
    assert low[1] < 0.3 < high[1]


def test_a_confidence_of_95_is_refused_with_the_way_out() -> None:
    with pytest.raises(
        WorkbenchError, match=r"^a confidence level lies between 0 and 1, but 95 was given; use 0.95 for 95 %.$"
    ):
        rate(1, 2, confidence=95)


def test_a_band_far_below_its_lower_neighbour_is_inverted_and_noise_is_not() -> None:
    assert inverted([10, 60, 20], [1000, 1000, 1000]).tolist() == [False, False, True]
    assert not inverted([10, 60, 55], [1000, 1000, 1000]).any()


def test_equal_bands_raise_a_false_alarm_in_at_most_5_of_100_draws() -> None:
    rng = np.random.default_rng(7)
    n = np.full(10, 200)
    alarms = sum(inverted(rng.binomial(n, 0.1), n).any() for _ in range(300))
    assert alarms <= 24  # 5 % of 300 and three standard errors above


@pytest.mark.parametrize("n", [25, 200, 2000])
def test_wilson_intervals_cover_the_true_rate_in_nineteen_of_twenty_worlds(n: int) -> None:
    """On average over rates from 2 to 50 %: counts are whole, so that at one rate it is not 95 % to the point."""
    rng = np.random.default_rng(3)
    chance = rng.uniform(0.02, 0.5, 20_000)
    low, high = wilson_interval(rng.binomial(n, chance), n)
    assert 0.945 <= np.mean((low <= chance) & (chance <= high)) <= 0.96
