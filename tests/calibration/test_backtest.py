"""The score as it was, and what came after."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import workbench as wb
from workbench.calibration.backtesting import Backtest, backtest
from workbench.calibration.known import suspect_properties
from workbench.calibration.tally import tally_scores
from workbench.outcomes import BEFORE

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
WON = wb.Outcome(when='lifecyclestage == "customer"', at="hs_v2_date_entered_customer", within_days=90)
MODEL = wb.ScoreModel.read(SAMPLE / "score.yaml")


@pytest.fixture(scope="module")
def sample() -> wb.Workspace:
    return wb.load(SAMPLE)


@pytest.fixture(scope="module")
def ten_days(sample: wb.Workspace) -> Backtest:
    return backtest(sample, MODEL, outcome=WON, days_after_creation=10)


def by_hand(ws: wb.Workspace, days: int) -> pd.DataFrame:
    """The sample's score and outcome, row by row: each lead scored alone at its own date."""
    leads = ws.contacts.set_index("hs_object_id")
    reference = leads["createdate"] + timedelta(days=days)
    history = ws.property_history
    for name, convert in (("numemployees", float), ("hs_email_optout", lambda value: value == "true")):
        for row in history[history["property"] == name].itertuples():
            if row.record_id in leads.index:
                known = row.at <= reference[row.record_id]
                leads.loc[row.record_id, name] = convert(row.value) if known else None
    events = ws.activities
    events = events[events["at"] <= events["contact_id"].map(reference)]
    detail, kind = events["detail"].fillna("").str.lower(), events["kind"]

    def n(of: str, text: str = "") -> pd.Series:
        return (
            events[(kind == of) & detail.str.contains(text, regex=False)]
            .groupby("contact_id")
            .size()
            .reindex(leads.index, fill_value=0)
        )

    title, mail = leads["jobtitle"].fillna(""), leads["email"].fillna("").str.lower()
    fit = (
        15 * (leads["industry"] == "Software").fillna(False)
        + 15 * (leads["numemployees"] > 50)
        + 10 * title.str.lower().str.contains("head|director|ceo")
        + 5 * leads["country"].isin(["Germany", "Austria", "Switzerland"])
        - 25 * mail.str.contains("@student.", regex=False)
    ).clip(-30, 50)
    engagement = (
        25 * (n("form_submission", "demo request") >= 1)
        + 10 * (n("page_view", "/demo") >= 1)
        + 5 * n("page_view", "/pricing").clip(0, 3)
        + 10 * (n("form_submission", "e-book") >= 1)
        + 5 * n("email_click").clip(0, 2)
        - 20 * leads["hs_email_optout"].fillna(False).astype(bool)
        - 10 * ((n("page_view", "/about/press") + n("page_view", "/about/jobs")) >= 1)
    ).clip(-20, 70)
    won_at = leads["hs_v2_date_entered_customer"].where(leads["lifecyclestage"] == "customer")
    table = pd.DataFrame({"score": (fit + engagement).clip(0, 100).astype(float), "reference": reference})
    table["won"] = (won_at > reference) & (won_at <= reference + timedelta(days=90))
    judged = (reference <= ws.as_of - timedelta(days=90)) & ~(won_at <= reference)
    return table[judged & ~(won_at < leads["createdate"])]


def test_the_rebuilt_score_is_what_scoring_each_lead_at_its_own_date_gives(
    sample: wb.Workspace, ten_days: Backtest
) -> None:
    expected = by_hand(sample, 10).groupby("score")["won"].agg(["size", "sum"])
    tally = ten_days.calibration.tally
    judged = tally.n_leads > 0
    assert tally.score[judged].tolist() == expected.index.tolist()
    assert tally.n_leads[judged].tolist() == expected["size"].tolist()
    assert tally.n_won[judged].tolist() == expected["sum"].tolist()


def test_a_score_as_of_the_export_flatters_itself_beside_the_back_test(
    sample: wb.Workspace, ten_days: Backtest
) -> None:
    now = wb.calibrate(wb.score(sample, MODEL), outcome=WON, as_of=sample.as_of)
    assert now.auc > ten_days.calibration.auc + 0.02


def test_month_by_month_no_lead_stands_after_it_has_won(sample: wb.Workspace) -> None:
    found = backtest(sample, MODEL, outcome=WON, monthly=2)
    leads = sample.contacts
    ends = sorted(found.cells["reference"].unique())
    assert [str(day)[:10] for day in ends] == ["2026-02-28", "2026-03-31"][: len(ends)]
    for end in ends:
        moment = pd.Timestamp(end) + timedelta(days=1)
        open_ = leads["createdate"].lt(moment) & ~leads["hs_v2_date_entered_customer"].lt(moment)
        faulty = open_ & leads["hs_v2_date_entered_customer"].lt(leads["createdate"])
        n = found.cells.loc[found.cells["reference"] == end, "n"].sum()
        assert n == pytest.approx((open_ & ~faulty).sum(), abs=6)  # the faulty ones, won before they were created
    assert "A lead stands here" in " ".join(found.notes)


def test_the_drift_splits_earlier_from_later_and_a_line_is_checked_on_the_later(ten_days: Backtest) -> None:
    assert ten_days.earlier.n_leads + ten_days.later.n_leads == ten_days.calibration.n_leads
    assert ten_days.earlier.n_leads / ten_days.calibration.n_leads == pytest.approx(0.7, abs=0.02)
    line = ten_days.earlier.recommend("youden").threshold
    assert line is not None
    told = ten_days.later.at(line)
    assert (
        f"a line at {line:.0f} on the later leads: {told.n_leads:,} of {told.n_all:,} above it" in ten_days.headline()
    )


def test_kaplan_meier_at_the_window_agrees_with_the_judged_rate(ten_days: Backtest) -> None:
    """Nobody judged is censored inside the window, so both estimate the same share; the young add to the curve."""
    curve = ten_days.time_to_win
    at_window = curve[curve["days"] == 90].reset_index(drop=True)
    bands = ten_days.calibration.bands
    assert np.abs(at_window["won_share"] - bands["conversion_rate"]).max() < 0.03
    assert (curve.groupby("low_score")["won_share"].diff().fillna(0) >= 0).all()


def test_the_curve_is_kaplan_and_meiers_of_published_examples(ten_days: Backtest) -> None:
    """Both samples of statsmodels 0.15, duration/tests/test_survfunc.py (from R's `survival`), a unit as ten days."""
    days = {1.0: [3, 1, 2, 3, 2, 1, 5, 3], 2.0: [1, 1, 2, 3, 7, 1, 5, 3, 9]}
    won = {1.0: [0, 1, 1, 1, 0, 0, 1, 0], 2.0: [0, 1, 0, 0, 1, 0, 1, 0, 1]}
    parts = [
        pd.DataFrame({"score": score, "days": 10 * np.array(days[score]), "seen_to_win": np.array(won[score]) == 1})
        for score in days
    ]
    cells = pd.concat(parts, ignore_index=True).assign(state=1, n=1, reference=pd.Timestamp("2026-01-31"))
    counts = tally_scores(np.array([1.0, 1.0, 2.0, 2.0]), np.array([0, 1, 0, 1]), np.array([4, 4, 5, 4]))
    judged = replace(ten_days.calibration, tally=counts, parts=None, confidence=2 * norm.cdf(1) - 1)
    curve = replace(ten_days, cells=cells, calibration=judged).time_to_win.set_index(["low_score", "days"])
    assert curve["won_share"].xs(30, level="days").tolist() == pytest.approx([1 - 0.5468750, 1 - 0.8888889], abs=1e-6)
    assert curve["won_share"].xs(60, level="days").tolist() == pytest.approx([1.0, 1 - 0.5925926], abs=1e-6)
    assert curve["n_at_risk"].xs(30, level="days").tolist() == [4, 5]
    # one standard error on the log scale, either side
    error = np.array([0.2005800 / 0.5468750, 0.1047566 / 0.8888889])
    left = np.array([0.5468750, 0.8888889])
    assert curve["high"].xs(30, level="days").to_numpy() == pytest.approx(1 - left * np.exp(-error), abs=1e-6)


def test_a_lead_closed_as_lost_is_a_never_not_a_censored_one(sample: wb.Workspace, ten_days: Backtest) -> None:
    gone = backtest(sample, MODEL, outcome=WON, days_after_creation=10, lost='hs_lead_status == "UNQUALIFIED"')
    plain, told = (one.time_to_win.groupby("days")["won_share"].mean().iloc[-1] for one in (ten_days, gone))
    assert told < plain


def folder(tmp_path: Path, *, n: int = 600, history: str = "") -> wb.Workspace:
    """Contacts with a property that sales fill in (`call_minutes`) and one that is known from the start (`size`)."""
    rng = np.random.default_rng(8)
    won = rng.random(n) < 0.15
    table = pd.DataFrame(
        {
            "hs_object_id": np.arange(n) + 1,
            "createdate": pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D"),
            "call_minutes": np.where(won, rng.integers(5, 60, n), rng.integers(0, 12, n)),
            "size": rng.integers(1, 100, n),
            "shade": rng.choice(["red", "blue"], n),
            "width": rng.integers(1, 100, n),
        }
    )
    table["won_date"] = (table["createdate"] + pd.Timedelta(days=30)).where(won)
    table.to_csv(tmp_path / "contacts.csv", index=False)
    if history:
        (tmp_path / "property-history.csv").write_text(history, encoding="utf-8")
    return wb.load(tmp_path, as_of="2026-06-30")


def model(**when: str) -> wb.ScoreModel:
    rules = [{"name": name, "when": condition, "points": 10} for name, condition in when.items()]
    return wb.ScoreModel.from_dict({"name": "m", "groups": [{"name": "g", "rules": rules}]})


def test_counts_in_windows_are_those_of_scoring_at_each_end_of_a_month(sample: wb.Workspace) -> None:
    """All events are counted in one pass; scoring the events up to a date alone has to agree, windows and all."""
    rules = [
        {"name": "lately", "count": "count(page_view, within_days=30)", "points": 5, "at_most": 4},
        {"name": "ever", "count": "count(page_view)", "points": 1, "at_most": 20},
        {"name": "form", "when": "count(form_submission, within_days=60) >= 1", "points": 10},
    ]
    rated = wb.ScoreModel.from_dict({"name": "m", "groups": [{"name": "g", "rules": rules}]})
    found = backtest(sample, rated, outcome=WON, monthly=2)
    leads, events = sample.contacts, sample.activities
    leads = leads[~leads["hs_v2_date_entered_customer"].lt(leads["createdate"])]  # the faulty ones stand apart
    for end in found.months:
        there = leads[leads["createdate"].le(end) & ~leads["hs_v2_date_entered_customer"].le(end)]
        scored = wb.score(there, rated, activities=events[events["at"] <= end], as_of=end)["score"]
        told = found.cells[found.cells["state"] != BEFORE]
        cells = told[told["reference"] == end.normalize()].groupby("score")["n"].sum()
        expected = scored.value_counts().sort_index()
        assert cells.index.tolist() == expected.index.tolist()
        assert cells.tolist() == expected.tolist()


BY_DATE = wb.Outcome(when="is_known(won_date)", at="won_date", within_days=90)


def test_a_property_known_after_sales_contact_is_refused(tmp_path: Path) -> None:
    with pytest.raises(wb.WorkbenchError) as raised:
        backtest(
            folder(tmp_path),
            model(Talked="call_minutes > 10", Size="size > 50"),
            outcome=BY_DATE,
            known_at={"call_minutes": "sales", "size": "creation"},
        )
    assert str(raised.value) == (
        "known only after sales contact, so it cannot be in a back-test: 'call_minutes' in the rule 'Talked'. Leave "
        "the rule out, or bring the property's history."
    )


def test_an_undeclared_property_without_history_cannot_be_rebuilt_and_is_suspected(tmp_path: Path) -> None:
    ws = folder(tmp_path)
    found = backtest(
        ws, model(Talked="call_minutes > 10", Size="size > 50"), outcome=BY_DATE, known_at={"size": "creation"}
    )
    assert found.rebuilt.left_out == ("Talked",)
    assert found.notes[0] == (
        "Not rebuilt: the rule 'Talked', for 'call_minutes' is not declared and has no history; bring its history, or "
        'declare known_at={"call_minutes": "creation"}.'
    )
    suspects = suspect_properties(ws.contacts, outcome=BY_DATE)
    assert suspects.suspected == ("call_minutes",)
    assert suspects.headline().startswith("Suspected to be known only after the outcome: 'call_minutes' (AUC 0.9")
    assert suspect_properties(ws.contacts, outcome=BY_DATE, known_at={"call_minutes": "sales"}).suspected == ()


@pytest.mark.parametrize(
    ("when", "given", "sentence"),
    [
        (
            {"A": "size > 5"},
            {},
            "no rule of 'm' can be rebuilt: 'size' is not declared and has no history; bring its history, or declare "
            'known_at={"size": "creation"}. Bring activities or property history, or say which properties are known '
            'with the contact: known_at={"industry": "creation"}.',
        ),
        (
            {"A": "size > 5"},
            {"known_at": {"size": "birth"}},
            "unknown moment 'birth' for the property 'size'; known_at takes 'creation', 'event', 'sales': with the "
            "contact's creation, by an event later on, or after sales contact.",
        ),
        (
            {"A": "size > 5"},
            {"outcome": wb.Outcome(when="is_known(won_date)"), "known_at": {"size": "creation"}},
            "a back-test needs the date of the outcome and a window; say for instance Outcome(when=..., "
            "at='hs_v2_date_entered_customer', within_days=90).",
        ),
        (
            {"A": "size > 5"},
            {"days_after_creation": 7, "monthly": 3},
            "a back-test is either days_after_creation or monthly; leave one out.",
        ),
        (
            {"A": 'count(page_view, "x") >= 1'},
            {},
            "no rule of 'm' can be rebuilt: it counts events, and no activities were exported. Bring activities or "
            "property history, or say which properties are known with the contact: "
            'known_at={"industry": "creation"}.',
        ),
    ],
)
def test_what_cannot_be_rebuilt_ends_in_a_sentence(
    tmp_path: Path, when: Mapping[str, str], given: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(wb.WorkbenchError) as raised:
        backtest(folder(tmp_path), model(**when), **{"outcome": BY_DATE, **given})
    assert str(raised.value) == sentence
