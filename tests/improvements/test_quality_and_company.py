"""The panel's soundness, and one company among the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.improvements.panels import growing, long
from workbench.errors import WorkbenchError
from workbench.improvements import company_benchmark, quality


def test_gaps_jumps_and_impossible_values_are_counted() -> None:
    values = growing(200, noise=0.1)
    values[0, 5] *= 40
    values[1, 6] = np.nan
    panel = pd.concat(
        [long(values), pd.DataFrame({"customer_id": ["c00002"], "month": [40], "value": [-3.0]})], ignore_index=True
    )
    found = quality(panel, "website_traffic")
    checks = found.frame().set_index("check")
    assert checks.loc["1 row with a negative value set aside", "kind"] == "impossible"
    assert checks.loc["months missing in the middle", ["n_values", "n_customers"]].tolist() == [1, 1]
    assert checks.loc["isolated spikes", ["n_values", "n_customers"]].tolist() == [1, 1]
    assert found.headline() == (
        "Website traffic: 2,399 values of 200 customers; 1 impossible or contradicting, 1 months missing in the "
        "middle, 1 isolated spikes, 0 beyond the limits (Tukey's fences)."
    )


def test_the_distribution_is_shown_before_and_after_cleaning() -> None:
    found = quality(long(growing(300, spoiled=0.05)), "website_traffic")
    bins = found.histogram()
    assert bins["before"].sum() == found.n_values
    removed = (
        found.frame().set_index("check").loc[["isolated spikes", "beyond the limits of the rule"], "n_values"].sum()
    )
    assert bins["before"].sum() - bins["after"].sum() == removed > 100
    box = found.box().set_index("share")
    assert box.loc[0.99, "before"] > 5 * box.loc[0.99, "after"]
    assert box.loc[0.5, "before"] == pytest.approx(box.loc[0.5, "after"], rel=0.1)
    straight = found.quantiles()
    assert np.corrcoef(straight["normal"], straight["after"])[0, 1] > 0.99
    assert np.corrcoef(straight["normal"], straight["before"])[0, 1] < 0.97


def test_values_with_zeros_and_all_equal_have_a_histogram_too() -> None:
    for value in (0.0, 4.0):
        bins = quality(long(np.full((120, 4), value)), "website_traffic").histogram()
        assert bins["before"].sum() == 480


def test_the_quality_of_few_customers_is_not_shown() -> None:
    with pytest.raises(WorkbenchError, match="has 99 customers, fewer than 100: nothing of it is shown"):
        quality(long(growing(99)), "website_traffic")


def _ladder() -> pd.DataFrame:
    """200 customers whose month 4 stands at +0 %, +1 %, ... +199 % of month 1."""
    factor = np.stack([np.ones(200), np.ones(200), np.ones(200), 1 + np.arange(200) / 100], axis=1)
    return long(100 * factor)


def test_a_companys_percentile_is_the_share_of_those_who_did_worse() -> None:
    found = company_benchmark(_ladder(), "website_traffic", "c00150", at=4)
    assert (found.own, found.median, found.n_customers) == (pytest.approx(1.5), pytest.approx(0.99), 199)
    assert found.percentile == pytest.approx(150 / 199)
    assert found.low < 150 / 199 < found.high
    assert found.headline().startswith(
        "Website traffic in month 4: +150.0 % against a median of +99.0 % of 199 others; better than 75 % of them"
    )


def test_where_less_is_better_the_percentile_turns_round() -> None:
    outside = {1: 10.0, 2: 10.0, 3: 10.0, 4: 15.0}
    more = company_benchmark(_ladder(), "website_traffic", outside, at=4)
    less = company_benchmark(_ladder(), "ticket_response_time", outside, at=4)
    assert more.percentile + less.percentile == pytest.approx(1)


def test_the_band_is_the_others_quartiles_and_not_below_the_minimum() -> None:
    table = company_benchmark(_ladder(), "website_traffic", "c00000", at=4).frame().set_index("month")
    assert table.loc[4, ["lower_quartile", "upper_quartile"]].tolist() == pytest.approx([0.505, 1.495])
    panel = _ladder()
    panel["size"] = np.where(panel["customer_id"] < "c00060", "small", "large")
    few = company_benchmark(panel, "website_traffic", "c00000", at=4, within={"size": "small"})
    assert few.headline() == "No comparison of website traffic in month 4: fewer than 100 others."
    blank = ["n_customers", "median", "lower_quartile", "upper_quartile", "percentile"]
    assert few.frame()[blank].isna().all().all()
    large = company_benchmark(panel, "website_traffic", "c00000", at=4, within={"size": "large"})
    assert (large.n_customers, large.percentile) == (140, 0.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"company": "nobody"}, "the panel has no customer 'nobody' with 'website_traffic'."),
        (
            {"company": {1: -5.0}},
            "the company's own values are numbers from 0 by month, for example {1: 100, 12: 150}.",
        ),
        (
            {"company": "c00001", "within": {"month": "13"}},
            "no customer has month '13'; there are '1'.",
        ),
        ({"company": "c00001", "at": 9}, "month 9 was asked for; the panel of 'website_traffic' has months 1 to 4."),
    ],
)
def test_an_unknown_company_or_group_is_refused(arguments: dict, message: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        company_benchmark(_ladder(), "website_traffic", **({"at": 4} | arguments))
    assert str(caught.value) == message


def test_a_company_without_a_baseline_is_told_so() -> None:
    found = company_benchmark(_ladder(), "website_traffic", {4: 10.0}, at=4)
    assert found.headline() == "No comparison of website traffic in month 4: the company has no baseline above 0."
