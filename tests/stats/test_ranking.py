import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from workbench.stats.ranking import auc, captured, quantile

counts = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=8).filter(
    lambda cells: sum(lost for lost, _ in cells) > 1 and sum(won for _, won in cells) > 1
)


def _arrays(cells: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    lost, won = np.array(cells).T
    return lost + won, won


def test_auc_is_that_of_hanley_and_mcneil() -> None:
    # Hanley, J. A., McNeil, B. J. (1982), Radiology 143, 29-36, table I: ratings of 109 CT images, area 0.893.
    normal, abnormal = np.array([33, 6, 6, 11, 2]), np.array([3, 2, 2, 11, 33])
    found = auc(normal + abnormal, abnormal)
    assert round(found.value, 3) == 0.893
    assert found.low < 0.893 < found.high


@settings(max_examples=60, deadline=None)
@given(counts)
def test_auc_and_its_interval_are_those_of_all_pairs(cells: list[tuple[int, int]]) -> None:
    n, won = _arrays(cells)
    place = np.arange(len(n))
    winners, losers = np.repeat(place, won), np.repeat(place, n - won)
    beats = (winners[:, None] > losers) + 0.5 * (winners[:, None] == losers)
    variance = beats.mean(axis=1).var(ddof=1) / len(winners) + beats.mean(axis=0).var(ddof=1) / len(losers)
    found = auc(n, won)
    assert found.value == pytest.approx(beats.mean())
    assert found.low == pytest.approx(max(0.0, beats.mean() - 1.959963985 * variance**0.5))


@settings(max_examples=60, deadline=None)
@given(counts, st.floats(0.01, 1))
def test_a_share_inside_a_tie_takes_the_ties_leads_in_proportion(cells: list[tuple[int, int]], share: float) -> None:
    n, won = _arrays(cells)
    take, caught = share * n.sum(), 0.0
    for leads, winners in zip(n[::-1], won[::-1], strict=True):
        part = min(1.0, take / leads) if leads else 0.0
        caught += winners * part
        take -= leads * part
    assert captured(n, won, share) == pytest.approx(caught / won.sum())


@settings(max_examples=60, deadline=None)
@given(counts, st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]))
def test_quantiles_of_counts_are_numpys_of_the_rows(cells: list[tuple[int, int]], q: float) -> None:
    n = _arrays(cells)[0]
    values = np.arange(len(n)) * 2.5 - 3
    assert quantile(values[n > 0], n[n > 0], q) == pytest.approx(np.quantile(np.repeat(values, n), q))


def test_delongs_interval_covers_the_true_area_in_nineteen_of_twenty_worlds() -> None:
    """Winners' scores lie one standard deviation above losers': the true area is that of a normal at 1/sqrt(2)."""
    rng = np.random.default_rng(2)
    true = norm.cdf(1 / np.sqrt(2))
    edges = np.linspace(-8, 9, 2001)  # fine enough that ties do not count
    covered = 0
    for _ in range(300):
        won, _ = np.histogram(rng.normal(1, 1, 60), edges)
        lost, _ = np.histogram(rng.normal(0, 1, 240), edges)
        found = auc(won + lost, won)
        covered += found.low <= true <= found.high
    assert 270 <= covered <= 296  # 285 expected, less four standard errors, or more three
