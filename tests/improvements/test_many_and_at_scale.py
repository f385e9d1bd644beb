"""Several metrics at once, and panels that stay in DuckDB."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from tests.improvements.panels import growing, long
from workbench.errors import WorkbenchError
from workbench.improvements import OutlierRule, all_improvements, improvement, improvement_table

NO_SPIKES = OutlierRule(spikes=False)


def _panel(n: int = 500) -> pd.DataFrame:
    """Traffic with spoiled values, an open rate and a response time; two groupings."""
    rng = np.random.default_rng(1)
    traffic = long(growing(n, 6, spoiled=0.03)).assign(metric="website_traffic", denominator=np.nan)
    traffic = traffic.rename(columns={"value": "numerator"})
    delivered = rng.integers(50, 500, (n, 6)).astype(float)
    opened = rng.binomial(delivered.astype(int), 0.2 + 0.02 * np.arange(6))
    rate = long(opened.astype(float)).rename(columns={"value": "numerator"})
    rate = rate.assign(metric="email_open_rate", denominator=delivered.ravel())
    replies = rng.integers(0, 4, (n, 6)).astype(float)
    time = long(replies * rng.lognormal(1, 0.4, (n, 6))).rename(columns={"value": "numerator"})
    time = time.assign(metric="ticket_response_time", denominator=replies.ravel())
    panel = pd.concat([traffic, rate, time], ignore_index=True)
    code = panel["customer_id"].str[1:].astype(int)
    return panel.assign(
        region=np.where(code < 0.7 * n, "north", "south"), hub=np.where(code % 20 == 0, "service", "sales")
    )


@pytest.mark.parametrize("metric", ["website_traffic", "email_open_rate", "ticket_response_time"])
@pytest.mark.parametrize("rule", ["tukey", "none"])
def test_in_duckdb_the_answer_is_that_of_memory_and_the_interval_that_of_the_bootstrap(metric: str, rule: str) -> None:
    panel = _panel()
    fences = 3.0 if rule == "tukey" else None
    table = improvement_table(duckdb.from_df(panel), metrics=[metric], fences=fences).set_index("month")
    chosen = NO_SPIKES if rule == "tukey" else "none"
    found = improvement(panel, metric, at=6, outliers=chosen, centre="mean", interval="percentile")
    if metric == "ticket_response_time" and rule == "tukey":
        # Months without a reply have no time of their own to judge; in memory as in DuckDB they add 0 to both sums.
        assert table.loc[6, "improvement"] == pytest.approx(found.value, abs=0.02)
    else:
        assert table.loc[6, "improvement"] == pytest.approx(found.value, rel=1e-9)
        assert table.loc[6, "n_customers"] == found.n_customers
    if rule == "tukey":
        assert table.loc[6, "high"] - table.loc[6, "low"] == pytest.approx(found.high - found.low, rel=0.15)


def test_groups_are_the_same_and_so_is_what_is_hidden() -> None:
    panel = _panel()
    table = improvement_table(duckdb.from_df(panel), metrics=["email_open_rate"], by=["region", "hub"], fences=None)
    found = improvement(
        panel, "email_open_rate", at=6, by=["region", "hub"], outliers="none", centre="mean", draws=0
    ).groups()
    here = table[table["month"] == 6].set_index(["by", "group"]).sort_index()
    there = found.set_index(["by", "group"]).sort_index()
    assert here["improvement"].to_numpy(float) == pytest.approx(there["improvement"].to_numpy(float), nan_ok=True)
    assert here["hidden"].tolist() == there["hidden"].tolist()
    assert here.loc[("hub", "service"), "hidden"] == "fewer than 100 customers"
    assert here.loc[("hub", "sales"), "hidden"].startswith("hidden, so that")


def test_a_customer_that_changes_its_group_counts_in_its_first_one() -> None:
    panel = _panel()
    moving = panel["customer_id"].isin([f"c{i:05d}" for i in range(20)])
    panel.loc[moving & (panel["month"] > 3), "region"] = "south"
    table = improvement_table(duckdb.from_df(panel), metrics=["website_traffic"], by="region", fences=None)
    found = improvement(panel, "website_traffic", at=6, by="region", outliers="none", centre="mean", draws=0).groups()
    here = table[table["month"] == 6].set_index("group")
    assert here["n_customers"].to_dict() == found.set_index("group")["n_customers"].to_dict()
    assert here.loc["north", "improvement"] == pytest.approx(found.set_index("group").loc["north", "improvement"])


def test_in_duckdb_what_cannot_be_used_is_counted_and_a_month_twice_is_refused() -> None:
    panel = _panel(150)
    traffic = panel[panel["metric"] == "website_traffic"]
    faulty = traffic.copy()
    faulty.iloc[5, faulty.columns.get_loc("numerator")] = -1.0
    faulty.iloc[6, faulty.columns.get_loc("numerator")] = np.inf
    before = traffic.iloc[:3].assign(month=[0, -1, -2])
    table = improvement_table(duckdb.from_df(pd.concat([faulty, before])), fences=None)
    assert {row["code"]: row["text"] for row in table.attrs["report"]} == {
        "before_purchase": "3 rows before month 1 set aside",
        "impossible": "2 rows with a negative or infinite value set aside",
    }
    assert not np.isinf(table[["improvement", "low", "high"]].to_numpy()).any()
    with pytest.raises(WorkbenchError) as caught:
        improvement_table(duckdb.from_df(pd.concat([traffic, traffic.iloc[:2]])))
    assert str(caught.value) == (
        "the panel of 'website_traffic' has 2 months of a customer more than once: keep one row a customer, month and "
        "metric."
    )


def test_parquet_files_are_read_where_they_lie(tmp_path: Path) -> None:
    panel = _panel()
    for name, part in panel.groupby("metric"):
        folder = tmp_path / f"metric={name}"
        folder.mkdir()
        duckdb.from_df(part.drop(columns="metric")).write_parquet(str(folder / "rows.parquet"))
    from_files = improvement_table(tmp_path, by="region")
    from_memory = improvement_table(duckdb.from_df(panel), by="region")
    pd.testing.assert_frame_equal(from_files, from_memory, rtol=1e-9)
    assert from_files["metric"].unique().tolist() == ["website_traffic", "email_open_rate", "ticket_response_time"]


def test_a_panel_that_is_not_there_or_lacks_a_column_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="the panel cannot be read from"):
        improvement_table(tmp_path / "nothing.parquet")
    with pytest.raises(WorkbenchError, match=r"the panel has no column 'hubs'; it has .* Did you mean 'hub'\?"):
        improvement_table(duckdb.from_df(_panel(150)), by="hubs")
    with pytest.raises(WorkbenchError, match="the panel has no rows of 'tickets_created'; it has 'email_open_rate'"):
        improvement_table(duckdb.from_df(_panel(150)), metrics=["tickets_created"])


def test_many_metrics_are_adjusted_for_each_other() -> None:
    found = all_improvements(_panel(), at=6, draws=300)
    table = found.frame().set_index("metric")
    assert list(table.index) == ["website_traffic", "email_open_rate", "ticket_response_time"]
    assert (table["p_adjusted"] >= table["p_value"]).all()
    assert found["email_open_rate"].value == pytest.approx(table.loc["email_open_rate", "improvement"])
    assert found.headline() == (
        "3 metrics: 2 better and 0 worse beyond chance (adjusted for many comparisons: holm), "
        "1 not told from no change."
    )
    assert set(found.months()["metric"]) == set(table.index)
    with pytest.raises(WorkbenchError, match="no improvement of 'tickets_created': there are 'website_traffic'"):
        found["tickets_created"]


def test_a_metric_without_an_answer_is_named_with_its_reason() -> None:
    found = all_improvements(_panel(), ["website_traffic", "deals_created"], at=6, draws=0)
    assert found.why_not == {"deals_created": "the panel has no rows of the metric 'deals_created'."}
    with pytest.raises(WorkbenchError, match="no metric of the panel has an improvement"):
        all_improvements(_panel(), ["deals_created"])
