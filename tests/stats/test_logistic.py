"""Logistic regression on counts."""

import numpy as np
import pytest
import statsmodels.api as sm

import workbench as wb
from workbench.stats.logistic import fit_logistic


def drawn(columns: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(7)
    design, n = rng.integers(0, 3, (400, columns)).astype(np.uint8), rng.integers(0, 40, 400)
    chance = 1 / (1 + np.exp(2 - design @ rng.normal(0, 0.6, columns)))
    return design, rng.binomial(n, chance), n


def test_coefficients_and_errors_are_statsmodels() -> None:
    design, won, n = drawn()
    fit = fit_logistic(design, won, n)
    reference = sm.GLM(
        np.column_stack([won, n - won])[n > 0],
        sm.add_constant(design.astype(float))[n > 0],
        family=sm.families.Binomial(),
    ).fit(tol=1e-12)
    assert fit.coefficients == pytest.approx(reference.params, abs=1e-9)
    assert fit.errors == pytest.approx(reference.bse, abs=1e-8)
    assert not fit.firth


def test_counts_say_what_the_rows_say() -> None:
    design, won, n = drawn(3)
    rows = np.repeat(design, n, axis=0)
    outcome = np.concatenate([np.arange(count) < wins for count, wins in zip(n, won, strict=True)])
    by_row = fit_logistic(rows, outcome, np.ones(len(rows)))
    assert by_row.coefficients == pytest.approx(fit_logistic(design, won, n).coefficients, abs=1e-9)


@pytest.mark.parametrize("cells", [((10, 30), (5, 0)), ((10, 30), (12, 9)), ((1, 50), (3, 3))])
def test_firths_odds_ratio_of_a_two_by_two_table_adds_one_half_to_each_cell(
    cells: tuple[tuple[int, int], tuple[int, int]],
) -> None:
    """Heinze and Schemper (2002), section 2: with a saturated model the penalty is half a lead in each cell."""
    (won, lost), (won_with, lost_with) = cells
    fit = fit_logistic(
        np.array([[0], [1]]), np.array([won, won_with]), np.array([won + lost, won_with + lost_with]), firth=True
    )
    expected = np.log((won_with + 0.5) / (lost_with + 0.5) / ((won + 0.5) / (lost + 0.5)))
    assert fit.coefficients[1] == pytest.approx(expected, abs=1e-7)


def test_a_rule_that_only_winners_meet_gets_a_finite_coefficient() -> None:
    fit = fit_logistic(np.array([[0], [1]]), np.array([10, 5]), np.array([40, 5]))
    assert fit.firth
    assert np.isfinite(fit.coefficients).all()


@pytest.mark.parametrize(
    ("won", "sentence"),
    [
        ([0, 0], "a regression needs winners and losers, but 0 of 10 won; take more leads."),
        (
            [3, 2],
            "the regression finds no answer: some columns say the same as others, or too few leads won; leave one of "
            "those that always occur together out, or take more leads.",
        ),
    ],
)
def test_what_cannot_be_fitted_ends_in_a_sentence(won: list[int], sentence: str) -> None:
    with pytest.raises(wb.WorkbenchError) as raised:
        fit_logistic(np.array([[0, 0], [1, 1]]), np.array(won), np.array([5, 5]))
    assert str(raised.value) == sentence
