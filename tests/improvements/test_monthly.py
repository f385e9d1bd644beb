"""The 14 metrics from raw tables, by hand and on the sample."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from workbench.errors import WorkbenchError
from workbench.improvements import METRICS, BusinessHours, Metric, improvement, monthly_metrics
from workbench.improvements.hours import hours_between
from workbench.loaders import Workspace, load
from workbench.sample import Truth

SAMPLE = Path(__file__).parents[2] / "data" / "sample"


def _times(*texts: str) -> pd.Series:
    return pd.to_datetime(pd.Series(texts))


def _tables() -> dict[str, pd.DataFrame]:
    """Two customers: `a` bought on 15 January 2025, `b` on 3 February; exported on 10 May."""
    deals = pd.DataFrame(
        {
            "associated_company_ids": ["a", "a;z", "a", "a", "b", "b", "b", "b"],
            "createdate": _times(
                "2025-01-02",
                "2025-02-01",
                "2025-02-28",
                "2025-03-05",
                "2025-02-01",
                "2025-03-31",
                "2025-04-01",
                "2025-04-02",
            ),
            "closedate": _times(
                "2025-01-15",
                "2025-02-20",
                "2025-03-01",
                "2025-06-01",
                "2025-02-03",
                "2025-04-02",
                "2025-04-30",
                "2025-04-03",
            ),
            "hs_is_closed_won": pd.array([True, True, True, False, True, True, True, False], dtype="boolean"),
            "amount": [900.0, 100.0, np.nan, 70.0, 800.0, 300.0, -5.0, 10.0],
        }
    )
    tickets = pd.DataFrame(
        {
            "associated_company_ids": ["a", "a", None, "b"],
            "associated_contact_ids": [None, None, "7", None],
            "createdate": _times("2025-02-03 08:00", "2025-02-07 16:00", "2025-03-10 10:00", "2025-04-01 10:00"),
            "first_agent_reply_date": _times(
                "2025-02-03 10:00", "2025-02-10 10:00", "2025-03-10 11:30", "2025-04-01 09:00"
            ),
            "closed_date": _times("2025-02-04", "2025-03-01", "NaT", "2025-03-01"),
        }
    )
    month = _times("2024-12-01", "2025-01-01", "2025-02-01", "2025-03-01", "2025-04-01", "2025-03-01", "2025-03-01")
    usage = pd.DataFrame(
        {
            "customer_id": ["a"] * 5 + ["b"] * 2,
            "month": month,
            "website_visitors": [10.0, 50.0, 100.0, 110.0, 120.0, 40.0, 40.0],
            "form_submissions": [1.0, 5.0, 10.0, 11.0, -1.0, 4.0, 5.0],
            "emails_delivered": [np.nan, 0.0, 200.0, 0.0, 100.0, 10.0, 10.0],
            "emails_opened": [np.nan, 0.0, 50.0, 0.0, 30.0, 5.0, 5.0],
            "emails_clicked": [np.nan, 0.0, 5.0, 0.0, 6.0, 1.0, 1.0],
        }
    )
    seats = pd.DataFrame(
        {
            "customer_id": ["a", "a", "a", "b", "b"],
            "month": _times("2025-02-01", "2025-03-01", "2025-04-01", "2025-03-01", "2025-04-01"),
            "sales_seats": [2.0, 2.0, 4.0, 1.0, 1.0],
            "service_seats": [1.0] * 5,
        }
    )
    contacts = pd.DataFrame({"hs_object_id": ["7"], "associatedcompanyid": ["a"]})
    companies = pd.DataFrame(
        {"hs_object_id": ["a", "b"], "numberofemployees": [7.0, 300.0], "founded": _times("2025-03-20", "2025-03-21")}
    )
    return {
        "deals": deals, "tickets": tickets, "usage": usage, "seats": seats, "contacts": contacts, "companies": companies
    }  # fmt: skip


def _wide(panel: pd.DataFrame, metric: str) -> dict[tuple[str, int], float]:
    rows = panel[panel["metric"] == metric]
    return dict(zip(zip(rows["customer_id"], rows["month"], strict=True), rows["value"], strict=True))


@pytest.fixture
def panel() -> pd.DataFrame:
    return monthly_metrics(_tables(), as_of="2025-05-10", attributes=["size", "cohort"])


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("website_traffic", {("a", -1): 10, ("a", 1): 100, ("a", 2): 110, ("a", 3): 120, ("b", 1): 40}),
        ("inbound_leads", {("a", -1): 1, ("a", 1): 10, ("a", 2): 11}),
        ("email_open_rate", {("a", 1): 0.25, ("a", 2): np.nan, ("a", 3): 0.3, ("b", 1): 0.5}),
        ("email_click_through_rate", {("a", 1): 0.1, ("a", 2): np.nan, ("a", 3): 0.2, ("b", 1): 0.2}),
        ("deals_created", {("a", 1): 2, ("a", 2): 1, ("a", 3): 0, ("b", 1): 1, ("b", 2): 2}),
        ("deals_closed", {("a", 1): 1, ("a", 2): 1, ("a", 3): 0, ("b", 1): 0, ("b", 2): 2}),
        ("deal_close_rate", {("a", 1): 0.5, ("a", 2): 1.0, ("a", 3): np.nan, ("b", 1): 0.0, ("b", 2): 1.0}),
        ("average_deal_amount", {("a", 1): 100, ("a", 2): np.nan, ("a", 3): np.nan, ("b", 1): np.nan, ("b", 2): 300}),
        ("deals_closed_per_rep", {("a", 1): 0.5, ("a", 2): 0.5, ("a", 3): 0.0, ("b", 1): 0.0, ("b", 2): 2.0}),
        ("tickets_created", {("a", 1): 2, ("a", 2): 1, ("a", 3): 0, ("b", 1): 0, ("b", 2): 1}),
        ("tickets_closed", {("a", 1): 1, ("a", 2): 1, ("a", 3): 0, ("b", 1): 0, ("b", 2): 0}),
        ("ticket_close_rate", {("a", 1): 0.5, ("a", 2): 1.0, ("a", 3): np.nan, ("b", 1): np.nan, ("b", 2): 0.0}),
        ("ticket_response_time", {("a", 1): 34, ("a", 2): 1.5, ("a", 3): np.nan, ("b", 1): np.nan, ("b", 2): np.nan}),
        ("tickets_closed_per_rep", {("a", 1): 1, ("a", 2): 1, ("a", 3): 0, ("b", 1): 0, ("b", 2): 0}),
    ],
)
def test_each_metric_is_what_a_person_would_count(panel: pd.DataFrame, metric: str, expected: dict) -> None:
    assert _wide(panel, metric) == pytest.approx(expected, nan_ok=True)


def test_what_was_left_out_is_said(panel: pd.DataFrame) -> None:
    assert {row["code"]: row["text"] for row in panel.attrs["report"]} == {
        "partial_last_month": "May 2025 left out: the export cuts it short",
        "negative_form_submissions": "1 value of form_submissions below 0 left out",
        "duplicate_usage": "1 row of usage for a month that has one already: merged, 0 that contradict left out",
        "no_amount": "2 won deals with a blank or negative amount left out of the amounts",
        "ticket_closed_before_created": "1 ticket closed before creation left out of the closed ones",
        "reply_before_creation": "1 reply before the ticket's creation left out of the response times",
    }


def test_months_that_contradict_each_other_count_for_nothing() -> None:
    """The forms of `b` in March are 4 in one row and 5 in the other."""
    panel = monthly_metrics(_tables(), as_of="2025-05-10", metrics=["inbound_leads"])
    assert ("b", 1) not in _wide(panel, "inbound_leads")
    assert "1 that contradict left out" in panel.attrs["report"][-1]["text"]


def test_groups_are_carried_along(panel: pd.DataFrame) -> None:
    groups = panel.drop_duplicates("customer_id").set_index("customer_id")
    assert groups["size"].to_dict() == {"a": "1-10", "b": "201-1000"}
    assert groups["cohort"].to_dict() == {"a": "2025 Q1", "b": "2025 Q1"}
    assert panel.loc[panel["month"] == 1].groupby("customer_id")["calendar_month"].first().to_dict() == {
        "a": pd.Timestamp("2025-02-01"),
        "b": pd.Timestamp("2025-03-01"),
    }


def test_response_time_is_by_the_clock_or_in_working_hours_and_mean_or_median() -> None:
    working = BusinessHours(start=9, end=17)
    found = monthly_metrics(_tables(), as_of="2025-05-10", business_hours=working, metrics=["ticket_response_time"])
    # Monday 8:00 to 10:00 is one working hour, Friday 16:00 to Monday 10:00 two.
    assert _wide(found, "ticket_response_time")[("a", 1)] == 1.5
    middle = monthly_metrics(_tables(), as_of="2025-05-10", response="median", metrics=["ticket_response_time"])
    assert _wide(middle, "ticket_response_time")[("a", 1)] == 34


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2025-02-03 10:00", "2025-02-03 12:30", 2.5),
        ("2025-02-07 16:00", "2025-02-10 10:00", 2.0),  # over a weekend
        ("2025-02-08 10:00", "2025-02-09 20:00", 0.0),  # on one
        ("2025-02-03 06:00", "2025-02-03 23:00", 8.0),
        ("2025-02-04 16:00", "2025-02-06 10:00", 2.0),  # the 5th is a holiday
        ("2025-02-03 12:00", "2025-02-03 12:00", 0.0),
    ],
)
def test_working_hours_are_those_a_person_counts(start: str, end: str, hours: float) -> None:
    working = BusinessHours(holidays=(dt.date(2025, 2, 5),))
    assert hours_between(_times(start), _times(end), working) == pytest.approx([hours])
    assert working.label() == "Mon, Tue, Wed, Thu, Fri 9 to 17, 1 holidays"


def test_working_hours_add_up_over_any_cut() -> None:
    rng = np.random.default_rng(1)
    minutes = np.sort(rng.integers(0, 60 * 24 * 60, (200, 3)), axis=1)
    at = [pd.Series(pd.Timestamp("2025-01-01") + pd.to_timedelta(minutes[:, i], unit="min")) for i in range(3)]
    working = BusinessHours(days=(0, 2, 5), start=8.5, end=18)
    whole = hours_between(at[0], at[2], working)
    assert whole == pytest.approx(hours_between(at[0], at[1], working) + hours_between(at[1], at[2], working))
    assert (whole <= hours_between(at[0], at[2]) + 1e-9).all()


def test_a_purchase_date_of_ones_choice_moves_the_months() -> None:
    by_column = monthly_metrics(_tables(), as_of="2025-05-10", purchase="founded", metrics=["website_traffic"])
    given = {"a": dt.date(2025, 3, 20), "b": dt.date(2025, 3, 21)}
    by_mapping = monthly_metrics(_tables(), as_of="2025-05-10", purchase=given, metrics=["website_traffic"])
    pd.testing.assert_frame_equal(by_column, by_mapping)
    assert _wide(by_column, "website_traffic")[("a", 1)] == 120


def test_a_customer_without_a_purchase_date_is_left_out_and_counted() -> None:
    given = {"a": dt.date(2025, 1, 20), "b": None}
    panel = monthly_metrics(_tables(), as_of="2025-05-10", purchase=given, metrics=["website_traffic"])
    assert set(panel["customer_id"]) == {"a"}
    report = {row["code"]: row for row in panel.attrs["report"]}
    assert report["no_purchase"]["text"] == "1 company of usage or seats without a purchase date left out"
    assert report["no_purchase"]["n_customers"] == 1


def test_a_time_zone_decides_the_month() -> None:
    tables = _tables()
    tables["deals"]["createdate"] = tables["deals"]["createdate"].dt.tz_localize("UTC")
    tables["deals"].loc[1, "createdate"] = pd.Timestamp("2025-01-31 23:30", tz="UTC")
    berlin = monthly_metrics(tables, as_of="2025-05-10", timezone="Europe/Berlin", metrics=["deals_created"])
    assert _wide(berlin, "deals_created")[("a", 1)] == 2
    utc = monthly_metrics(tables, as_of="2025-05-10", metrics=["deals_created"])
    assert _wide(utc, "deals_created")[("a", 1)] == 1


def test_a_customer_counts_until_it_left() -> None:
    panel = monthly_metrics(_tables(), as_of="2025-05-10", left={"a": "2025-03-31"}, metrics=["deals_created"])
    assert _wide(panel, "deals_created") == {("a", 1): 2, ("a", 2): 1, ("b", 1): 1, ("b", 2): 2}


def test_without_usage_visitors_and_forms_come_from_the_activities() -> None:
    tables = _tables()
    tables["activities"] = pd.DataFrame(
        {
            "contact_id": ["7", "7", "7", "7"],
            "kind": ["page_view", "page_view", "form_submission", "page_view"],
            "at": _times("2025-02-03", "2025-02-04", "2025-03-01", "2025-03-02"),
        }
    )
    del tables["usage"]
    panel = monthly_metrics(tables, as_of="2025-05-10", metrics=["website_traffic", "inbound_leads"])
    traffic = {key: value for key, value in _wide(panel, "website_traffic").items() if value}
    assert traffic == {("a", 1): 1.0, ("a", 2): 1.0}  # one person, however many pages
    assert _wide(panel, "inbound_leads")[("a", 2)] == 1.0


def test_a_metric_of_ones_own_is_a_ratio_of_two_measures() -> None:
    own = Metric(
        name="leads_per_visitor",
        numerator="form_submissions",
        denominator="website_visitors",
        kind="rate",
        unit="share",
    )
    panel = monthly_metrics(_tables(), as_of="2025-05-10", metrics=[own])
    assert _wide(panel, "leads_per_visitor")[("a", 1)] == 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"purchase": "bought"},
            "purchase is not a column of the companies: 'bought'; they have 'hs_object_id', 'numberofemployees', "
            "'founded'.",
        ),
        ({"response": "mode"}, "response is 'mean' or 'median'; got 'mode'."),
        (
            {"purchase": {"c": None}},
            "no customer has a purchase date: give purchase= (a column of the companies, or a mapping).",
        ),
        ({"as_of": None}, "tables by name do not know the day of their export: give as_of."),
        ({"attributes": ["sise"]}, "companies have no 'sise'; there are 'cohort', 'size', "
         "'numberofemployees', 'founded'. Did you mean 'size'?"),
    ],
)  # fmt: skip
def test_what_cannot_be_counted_is_refused_in_a_sentence(change: dict, message: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        monthly_metrics(_tables(), **({"as_of": "2025-05-10"} | change))
    assert str(caught.value) == message


def test_amounts_in_several_currencies_need_rates() -> None:
    tables = _tables()
    tables["deals"]["deal_currency_code"] = ["EUR"] * 7 + ["USD"]
    with pytest.raises(WorkbenchError, match=r"deals come in several currencies \('EUR', 'USD'\)"):
        monthly_metrics(tables, as_of="2025-05-10")
    panel = monthly_metrics(tables, as_of="2025-05-10", rates={"EUR": 2.0, "USD": 1.0})
    assert _wide(panel, "average_deal_amount")[("a", 1)] == 200.0


@pytest.fixture(scope="module")
def sample() -> Workspace:
    return load(SAMPLE)


@pytest.fixture(scope="module")
def sample_panel(sample: Workspace) -> pd.DataFrame:
    return monthly_metrics(sample, attributes=["country", "size", "cohort"])


def test_the_sample_has_all_14_metrics(sample_panel: pd.DataFrame) -> None:
    assert set(sample_panel["metric"].unique()) == set(METRICS)
    assert sample_panel["customer_id"].nunique() == 300
    assert not sample_panel.duplicated(["customer_id", "month", "metric"]).any()


@pytest.mark.parametrize(
    ("metric", "parameter", "level"),
    [
        ("website_traffic", "website_visitors", "ratio_of_centres"),
        ("inbound_leads", "form_submissions", "centre_of_ratios"),  # its zero baselines have no ratio
        ("email_open_rate", "email_open_rate", "ratio_of_centres"),
        ("email_click_through_rate", "email_click_through_rate", "ratio_of_centres"),
        ("deals_created", "deals_created", "ratio_of_centres"),
        ("deal_close_rate", "deal_close_rate", "ratio_of_centres"),
        ("average_deal_amount", "deal_amount_eur", "ratio_of_centres"),
        ("tickets_created", "tickets_created", "ratio_of_centres"),
        ("ticket_close_rate", "ticket_close_rate", "ratio_of_centres"),
        ("ticket_response_time", "ticket_response_hours", "ratio_of_centres"),
    ],
)
def test_the_samples_true_improvement_lies_within_its_interval(sample_panel, metric, parameter, level) -> None:
    truth = getattr(Truth(), parameter).improvement
    found = improvement(sample_panel, metric, level=level, confidence=0.99, draws=1000)
    assert found.low < truth < found.high
    assert found.high - found.low < 1.2


def test_the_naive_mean_of_the_sample_is_far_off(sample_panel: pd.DataFrame) -> None:
    truth = Truth().website_visitors.improvement
    naive = improvement(sample_panel, "website_traffic", centre="mean", outliers="none", draws=1000)
    found = improvement(sample_panel, "website_traffic", draws=1000)
    assert naive.high - naive.low > 3 * (found.high - found.low)
    assert abs(naive.value - truth) > abs(found.value - truth)
