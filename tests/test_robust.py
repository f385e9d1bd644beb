"""Robust statistics: published and R values, laws, and the bootstrap beside scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from workbench.errors import WorkbenchError
from workbench.stats.resampling import (
    Ranked,
    bca_interval,
    bootstrap_weights,
    check_confidence,
    jackknife_weights,
    percentile_interval,
    weighted_quantile,
)
from workbench.stats.robust import OutlierRule, limits, medcouple, nan_median, skewness, spikes

CUSHNY = np.array([0.0, 0.8, 1.0, 1.2, 1.3, 1.3, 1.4, 1.8, 2.4, 4.6])
"""Hours of sleep gained (Student 1908), `data(cushny)` in R's robustbase."""


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.arange(1.0, 6.0), 0.0),  # R robustbase, example(mc): mc(1:5)
        (np.array([1.0, 2.0, 7.0, 9.0, 10.0]), -1 / 3),  # mc(x1)
        (CUSHNY, 0.125),  # mc(cushny)
        (np.array([-20.0, -5.0, -2.0, -1.0, 0.0, 1.0, 2.0, 5.0, 20.0]), 0.0),
    ],
)
def test_the_medcouple_is_rs(values: np.ndarray, expected: float) -> None:
    assert medcouple(values) == pytest.approx(expected, abs=1e-12)


def test_equal_values_have_no_skew_and_no_outliers() -> None:
    same = np.full(50, 7.0)
    assert medcouple(same) == 0.0
    for rule in ("tukey", "adjusted_boxplot", "mad"):
        low, high = limits(Ranked(same), np.ones((50, 1)), OutlierRule(rule))
        assert (low[0], high[0]) == (-np.inf, np.inf)


def test_the_medcouples_standard_error_is_that_of_a_normal_sample() -> None:
    rng = np.random.default_rng(1)
    found = [medcouple(rng.normal(size=200)) for _ in range(300)]
    assert np.std(found) == pytest.approx(np.sqrt(1.25 / 200), rel=0.15)


def test_an_exponential_sample_is_very_skewed_and_a_normal_one_is_not() -> None:
    rng = np.random.default_rng(2)
    lopsided = skewness(rng.exponential(size=1_000))
    assert lopsided.very_skewed
    assert lopsided.medcouple == pytest.approx(0.33, abs=0.1)
    assert not skewness(rng.normal(size=1_000)).very_skewed
    assert skewness(np.array([1.0])).headline() == "Skewness unknown: 1 values."


def _limits(values: np.ndarray, rule: OutlierRule, skew: float = 0.0) -> tuple[float, float]:
    low, high = limits(Ranked(values), np.ones((len(values), 1)), rule, skew=skew)
    return float(low[0]), float(high[0])


def test_tukeys_fences_are_those_of_the_quartiles() -> None:
    # numpy's (and R's default, type 7) quartiles of the sleep data: 1.05 and 1.7.
    assert _limits(CUSHNY, OutlierRule("tukey", 1.5)) == pytest.approx((1.05 - 0.975, 1.7 + 0.975))


def test_the_adjusted_fences_are_hubert_and_vandervierens() -> None:
    # R's adjboxStats formula at mc = 0.125: Q1 - 1.5 exp(-4 mc) IQR, Q3 + 1.5 exp(3 mc) IQR.
    expected = (1.05 - 0.975 * np.exp(-0.5), 1.7 + 0.975 * np.exp(0.375))
    assert _limits(CUSHNY, OutlierRule("adjusted_boxplot"), 0.125) == pytest.approx(expected)


def test_the_modified_z_score_is_iglewicz_and_hoaglins() -> None:
    # NIST/SEMATECH e-Handbook 1.3.5.17: 0.6745 (x - median) / MAD beyond 3.5.
    distance = stats.median_abs_deviation(CUSHNY)
    middle = np.median(CUSHNY)
    expected = (middle - 3.5 * distance / 0.6745, middle + 3.5 * distance / 0.6745)
    assert _limits(CUSHNY, OutlierRule("mad")) == pytest.approx(expected)


def test_winsorising_limits_are_quantiles() -> None:
    assert _limits(CUSHNY, OutlierRule("winsor", 0.1)) == pytest.approx(tuple(np.quantile(CUSHNY, [0.1, 0.9])))


@given(
    st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(float("nan"))), min_size=1, max_size=60),
    st.integers(0, 10_000),
    st.floats(0, 1),
)
@settings(max_examples=60, deadline=None)
def test_a_weighted_quantile_is_the_quantile_of_the_drawn_sample(keys: list[float], seed: int, share: float) -> None:
    values = np.array(keys)
    weights = next(bootstrap_weights(len(values), 3, np.random.default_rng(seed)))
    found = weighted_quantile(values, weights, share)
    for draw in range(3):
        sample = np.repeat(values, weights[:, draw].astype(int))
        sample = sample[np.isfinite(sample)]
        if len(sample):
            assert found[draw] == pytest.approx(np.quantile(sample, share), rel=1e-9, abs=1e-9)
        else:
            assert np.isnan(found[draw])


@pytest.mark.parametrize("rule", ["tukey", "adjusted_boxplot", "mad", "winsor"])
def test_limits_of_a_draw_are_the_limits_of_the_drawn_sample(rule: str) -> None:
    values = np.random.default_rng(3).lognormal(size=203)
    weights = next(bootstrap_weights(203, 5, np.random.default_rng(4)))
    low, high = limits(Ranked(values), weights, OutlierRule(rule), skew=0.2)  # type: ignore[arg-type]
    for draw in range(5):
        sample = np.repeat(values, weights[:, draw].astype(int))
        assert _limits(sample, OutlierRule(rule), 0.2) == pytest.approx((low[draw], high[draw]))  # type: ignore[arg-type]


def test_an_isolated_spike_is_found_and_a_lasting_step_is_not() -> None:
    rng = np.random.default_rng(5)
    months = np.log(100) + rng.normal(0, 0.1, (40, 12))
    months[3, 5] += np.log(30)
    months[4, 0] -= np.log(30)
    months[5, 6:] += np.log(10)
    months[6, 11] -= np.log(50)  # the last month may be the start of something
    assert [tuple(place) for place in np.argwhere(spikes(months))] == [(3, 5), (4, 0)]


def test_a_median_without_values_is_unknown_and_warns_nobody() -> None:
    found = nan_median(np.array([[1.0, np.nan, 4.0], [np.nan] * 3]), axis=1)
    assert found[0] == 2.5
    assert np.isnan(found[1])


def test_bootstrap_weights_draw_everyone_once_on_average_and_repeat_with_the_seed() -> None:
    first = np.hstack(list(bootstrap_weights(50, 400, np.random.default_rng(7))))
    again = np.hstack(list(bootstrap_weights(50, 400, np.random.default_rng(7))))
    assert np.array_equal(first, again)
    assert (first.sum(axis=0) == 50).all()
    assert first.var() == pytest.approx(1 - 1 / 50, rel=0.05)


def test_intervals_agree_with_scipys_bootstrap() -> None:
    values = np.random.default_rng(8).exponential(size=60)
    weights = next(bootstrap_weights(60, 8_000, np.random.default_rng(9)))
    draws = values @ weights / 60
    left_out = jackknife_weights(60)
    parts = values @ left_out / left_out.sum(axis=0)
    for method, ours in (
        ("percentile", percentile_interval(draws)),
        ("BCa", bca_interval(values.mean(), draws, parts)),
    ):
        theirs = stats.bootstrap((values,), np.mean, n_resamples=8_000, method=method, rng=10).confidence_interval
        assert ours == pytest.approx((theirs.low, theirs.high), rel=0.02)


def test_a_draw_too_many_without_an_answer_leaves_no_interval() -> None:
    draws = np.append(np.full(10, np.nan), np.arange(90.0))
    assert np.isnan(percentile_interval(draws)).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: OutlierRule("tukay"),  # type: ignore[arg-type]
            "unknown outlier rule 'tukay'; there are 'none', 'tukey', 'adjusted_boxplot', 'mad', 'winsor'."
            " Did you mean 'tukey'?",
        ),
        (
            lambda: OutlierRule("winsor", 0.7),
            "the factor of the outlier rule 'winsor' must be a share between 0 and 0.5; got 0.7.",
        ),
        (
            lambda: OutlierRule(on="log"),  # type: ignore[arg-type]
            "outliers are judged on 'change' or on 'value', not on 'log'.",
        ),
        (lambda: check_confidence(95), "confidence must lie between 0.5 and 1, for example 0.95; got 95."),
    ],
)
def test_a_wrong_choice_is_answered_with_the_right_ones(make, message: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        make()
    assert str(caught.value) == message
