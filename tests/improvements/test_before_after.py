"""Before and after, beside those who bought later."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.improvements.panels import long
from workbench.errors import WorkbenchError
from workbench.improvements import before_after, monthly_metrics
from workbench.loaders import load
from workbench.sample import Truth

SAMPLE = Path(__file__).parents[2] / "data" / "sample"


def _market(n: int = 600, *, market: float = 0.02, effect: float = 0.05, seed: int = 1, zeros: bool = False):
    """Customers buy in one of 18 months; all grow with the market, buyers by `effect` more each month after.

    Early cohorts gain twice as much as late ones: two-way fixed effects would be biased.
    """
    rng = np.random.default_rng(seed)
    calendar, buys = np.arange(24), rng.integers(6, 24, n)
    since = calendar - buys[:, None]
    gain = np.where(buys < 15, 2 * effect, effect)[:, None]
    level = rng.lognormal(4, 0.5, (n, 1)) * (1 + market) ** calendar * (1 + gain * np.maximum(since, 0))
    values = rng.poisson(level / 30) if zeros else level * np.exp(rng.normal(0, 0.1, (n, 24)))
    frame = pd.DataFrame(
        {
            "customer_id": np.repeat(np.arange(n), 24),
            "month": since.ravel(),
            "value": values.ravel().astype(float),
            "calendar_month": np.tile(pd.date_range("2024-01-01", periods=24, freq="MS"), n),
        }
    )
    truth = 1 + 6 * np.where(buys < 15, 2 * effect, effect)[(buys <= 17)]
    return frame, float(np.exp(np.log(truth).mean()) - 1)


def test_the_markets_growth_is_not_credited_to_the_product() -> None:
    panel, _ = _market(effect=0.0)
    found = before_after(panel, "website_traffic", at=6, draws=200)
    assert found.low < 0 < found.high
    assert found.before_after_alone == pytest.approx(1.02**7 - 1, abs=0.02)


def test_an_effect_that_differs_by_cohort_is_averaged_without_bias() -> None:
    panel, truth = _market()
    found = before_after(panel, "website_traffic", at=6, draws=200)
    assert found.low < truth < found.high
    assert found.high - found.low < 0.15
    assert found.before_after_alone > found.high


def test_counts_with_zeros_are_compared_as_a_ratio_of_means() -> None:
    panel, truth = _market(1_500, zeros=True)
    found = before_after(panel, "website_traffic", at=6, draws=200)
    assert found.low < truth * 1.05
    assert found.high > truth * 0.95


def test_months_before_the_purchase_show_no_effect() -> None:
    panel, _ = _market()
    table = before_after(panel, "website_traffic", at=6, draws=200).frame()
    before = table[(table["month"] < -1) & (table["hidden"] == "")]
    assert len(before) > 5
    assert ((before["low"] <= 0) & (before["high"] >= 0)).mean() >= 0.8


def test_the_interval_narrows_with_the_root_of_the_customers_and_repeats_with_the_seed() -> None:
    panel, _ = _market(300)
    one = before_after(panel, "website_traffic", at=6, draws=200)
    assert before_after(panel, "website_traffic", at=6, draws=200).frame().equals(one.frame())
    twice = pd.concat([panel, panel.assign(customer_id=panel["customer_id"] + 1_000)])
    two = before_after(twice, "website_traffic", at=6, draws=200)
    assert (two.high - two.low) / (one.high - one.low) == pytest.approx(1 / np.sqrt(2), rel=0.2)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda p: p.drop(columns="calendar_month"), "the panel has no column 'calendar_month'"),
        (lambda p: p[p["month"] > 0], "there are no months before the purchase"),
        (
            lambda p: p[p["customer_id"] < 150],
            "fewer than 100 customers had bought so long ago, or had not bought by then",
        ),
        (
            lambda p: p[p["calendar_month"] - p["month"].astype("int64") * pd.Timedelta(days=30) < "2024-07-05"],
            "all customers bought in the same month",
        ),
    ],
)
def test_where_there_is_no_comparison_it_says_none_and_why(change, reason) -> None:
    panel, _ = _market()
    found = before_after(change(panel), "website_traffic", at=6, draws=50)
    assert found.value is None
    assert found.headline().startswith(f"Beside later buyers: none for website traffic in month 6, because {reason}.")


def test_where_all_have_bought_by_the_month_asked_for_the_furthest_month_that_can_be_compared_is_told() -> None:
    panel, _ = _market()
    found = before_after(panel, "website_traffic", at=16, draws=100)  # all bought within 18 months
    assert (found.value, found.furthest) == (None, 14)
    row = found.frame().set_index("month").loc[found.furthest]
    assert row[["n_customers", "n_later"]].min() >= 100
    assert f"compared: +{100 * row['effect']:.1f} % in month {found.furthest} (" in found.headline()
    asked = before_after(panel, "website_traffic", at=found.furthest, draws=100)
    assert asked.value == row["effect"]
    assert asked.low < asked.value < asked.high


def test_the_sample_has_a_comparison_for_half_a_year_and_none_for_a_year() -> None:
    """Its customers bought within 12 months, so a year after the purchase nobody is left who had not."""
    panel = monthly_metrics(load(SAMPLE), metrics=["website_traffic"])
    found = before_after(panel, "website_traffic", at=12, draws=100)
    assert (found.value, found.furthest) == (None, 6)
    beside = before_after(panel, "website_traffic", at=6, draws=100)
    truth = Truth().website_visitors.by_month_12 * (6 - 3) / 9  # in a straight line from month 3 to month 12
    assert beside.low < truth < beside.high
    assert beside.before_after_alone > beside.value


def test_without_calendar_there_is_none_on_a_plain_panel() -> None:
    assert before_after(long(np.full((120, 12), 5.0)), "website_traffic").value is None


def test_a_wrong_number_is_refused() -> None:
    with pytest.raises(WorkbenchError, match="at and min_group are 1 or more, draws 0 or more; got 0, 100, 500"):
        before_after(_market()[0], "website_traffic", at=0)
