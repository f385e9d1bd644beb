"""Others' arithmetic, held against their formulas; scores of companies."""

from __future__ import annotations

import math

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import WorkbenchError
from workbench.scoring import company_scores
from workbench.scoring.rivals import MauticAction, mautic_points, odoo_probabilities

EVENTS = pd.DataFrame(
    {
        "contact_id": ["1", "1", "1", "1", "2", "2", None, "3"],
        "kind": ["page_view", "form_submission", "page_view", "call", "call", "page_view", "call", "email_open"],
        "at": pd.to_datetime(["2026-06-01", "2026-06-02", "2026-06-03", "2026-06-04"] * 2),
        "detail": ["/pricing", "Demo", "/pricing", "x", "x", "/blog", "x", "y"],
    }
)


def test_actions_answer_once_unless_repeatable_in_the_order_of_events() -> None:
    actions = [
        MauticAction(name="prices", count='count(page_view, "pricing")', points=10),
        MauticAction(name="any page", count="count(page_view)", points=1, repeatable=True),
        MauticAction(name="form", count="count(form_submission)", points=3, operation="multiply"),
        MauticAction(name="call", count="count(call)", points=4, operation="divide"),
        MauticAction(name="talks", count="count(call)", points=2, operation="subtract", group="Talks"),
    ]
    found = mautic_points(EVENTS, actions).set_index("contact_id")
    assert found.loc["1"].to_dict() == {"points": ((10 + 1) * 3 + 1) / 4, "points_talks": -2}
    assert found.loc["2"].to_dict() == {"points": 1, "points_talks": -2}  # nothing divided is nothing
    assert list(found.index) == ["1", "2"]
    earlier = mautic_points(pl.from_pandas(EVENTS), actions, as_of="2026-06-02").set_index("contact_id")
    assert earlier.loc["1", "points"] == 33


def test_actions_that_make_no_sense_are_refused() -> None:
    with pytest.raises(WorkbenchError, match=r"^the action 'a' divides by 0; give other points\.$"):
        MauticAction(name="a", count="count(call)", points=0, operation="divide")
    with pytest.raises(WorkbenchError) as told:
        MauticAction(name="a", count="count(call)", points=1, operation="plus")  # type: ignore[arg-type]
    assert str(told.value) == (
        "the action 'a' has the operation 'plus'; there are 'add', 'subtract', 'multiply', 'divide'."
    )
    with pytest.raises(
        WorkbenchError, match=r"^the action 'a' counts a span of days, which Mautic does not; take it out\.$"
    ):
        MauticAction(name="a", count="count(call, within_days=5)", points=1)


def by_hand(rows: list[dict[str, object]], lead: dict[str, object], fields: list[str], tags: str | None) -> float:
    """The formula, lead by lead, in plain loops."""
    closed = [row for row in rows if row["won"] is not None]
    s = {}
    for won in ("yes", "no"):
        s[won] = (sum(row["won"] == won for row in closed) + 0.1) / (len(closed) + 0.2)
        for field in fields:
            values = {row[field] for row in closed if row[field] is not None}
            if lead[field] in values:
                total = sum(0.1 + sum(row[field] == v and row["won"] == won for row in closed) for v in values)
                s[won] *= (0.1 + sum(row[field] == lead[field] and row["won"] == won for row in closed)) / total
        if tags is not None:
            split = [(str(row[tags] or "").split(";"), row["won"]) for row in closed]
            known = {tag for found, _ in split for tag in found if tag}
            often = {tag for tag in known if sum(tag in found for found, _ in split) >= 50}
            total = sum(0.1 + sum(tag in found and was == won for found, was in split) for tag in often)
            for tag in str(lead[tags] or "").split(";"):
                if tag in often:
                    s[won] *= (0.1 + sum(tag in found and was == won for found, was in split)) / total
    return round(100 * s["yes"] / (s["yes"] + s["no"]), 2)


leads = st.lists(
    st.fixed_dictionaries(
        {
            "won": st.sampled_from(["yes", "no", None]),
            "country": st.sampled_from(["DE", "FR", "AT", None]),
            "source": st.sampled_from(["web", "fair", None]),
            "tags": st.sampled_from(["a;b", "b", "a", None]),
        }
    ),
    min_size=3,
    max_size=25,
)


@given(rows=leads)
@settings(max_examples=30, deadline=None)
def test_probabilities_are_those_of_the_formula(rows: list[dict[str, object]]) -> None:
    rows = [*rows, {**rows[0], "won": "yes"}, {**rows[1], "won": "no"}]
    rows += [{"won": "yes" if place % 3 else "no", "country": "DE", "source": None, "tags": "b"} for place in range(45)]
    found = odoo_probabilities(pd.DataFrame(rows), won="won", fields=["country", "source"], tags="tags")
    for row, probability in zip(rows, found, strict=True):
        assert math.isclose(probability, by_hand(rows, row, ["country", "source"], "tags"), abs_tol=0.0101)


def test_a_small_case_worked_by_hand() -> None:
    rows = pd.DataFrame({"won": [True, True, False, None], "source": ["web", "web", "fair", "web"]})
    # P(won) = 2.1/3.2, web among won 2.1/2.2; P(lost) = 1.1/3.2, web among lost 0.1/1.2
    won, lost = 2.1 / 3.2 * 2.1 / 2.2, 1.1 / 3.2 * 0.1 / 1.2
    assert odoo_probabilities(rows, won="won", fields=["source"]).tolist()[3] == round(100 * won / (won + lost), 2)


def test_leads_that_cannot_be_learnt_from_are_told() -> None:
    rows = pd.DataFrame({"won": ["yes", "yes"], "source": ["web", "fair"]})
    with pytest.raises(WorkbenchError, match=r"^2 leads are won and 0 lost; at least one of each is needed\.$"):
        odoo_probabilities(rows, won="won", fields=["source"])
    with pytest.raises(WorkbenchError, match=r"^unknown column 'sauce'; the leads have 'won', 'source'\. Did you mean"):
        odoo_probabilities(rows, won="won", fields=["sauce"])
    with pytest.raises(WorkbenchError, match=r"^'source' is no yes/no column: it holds 'fair', 'web'\.$"):
        odoo_probabilities(rows, won="source", fields=["won"])


# -- companies -------------------------------------------------------------------------------------------------------

CONTACTS = pd.DataFrame(
    {
        "hs_object_id": list("abcdef"),
        "associatedcompanyid": ["1", "1", "1", "2", "3", None],
        "score": [60, 30, None, 80, None, 99],
        "customer": ["yes", "yes", "no", "no", "no", "yes"],
        "createdate": pd.to_datetime(
            ["2026-01-05", "2026-01-02", "2026-01-09", "2026-02-01", "2026-03-01", "2026-01-01"]
        ),
    }
)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"roll_up": "sum"}, [90, 80, None]),
        ({"roll_up": "maximum"}, [60, 80, None]),
        ({"roll_up": "number_above", "line": 50}, [1, 1, None]),
    ],
)
def test_scores_are_rolled_up_to_the_company(options: dict[str, object], expected: list[float | None]) -> None:
    for table in (CONTACTS, pl.from_pandas(CONTACTS)):
        found = company_scores(table, outcome="customer", **options)  # type: ignore[arg-type]
        assert found["hs_object_id"].tolist() == ["1", "2", "3"]
        assert [None if pd.isna(one) else one for one in found["score"]] == expected
        assert found["n_contacts"].tolist() == [3, 1, 1]
        assert found["won"].tolist() == [True, False, False]  # two customers at one company are one win
        assert found["createdate"][0] == pd.Timestamp("2026-01-02")


def test_a_company_is_judged_by_its_own_outcome_where_it_has_one() -> None:
    companies = pd.DataFrame({"hs_object_id": ["1", "2", "4"], "stage": ["open", "won", "won"]})
    found = company_scores(CONTACTS, outcome='stage == "won"', companies=companies).set_index("hs_object_id")
    won = {one: None if pd.isna(value) else bool(value) for one, value in found["won"].items()}
    assert won == {"1": False, "2": True, "3": None, "4": True}
    assert pd.isna(found.loc["4", "score"])  # nobody there: blank, which is not 0
    assert found.loc["4", "n_contacts"] == 0


def test_a_contact_may_belong_to_several_buying_groups() -> None:
    both = CONTACTS.assign(deals=["d1;d2", "d2", None, "d1", None, " d3 "])
    found = company_scores(both, outcome="customer", by="deals", roll_up="maximum")
    assert found[["hs_object_id", "score"]].to_numpy().tolist() == [["d1", 80], ["d2", 60], ["d3", 99]]


def test_a_company_is_lost_only_once_all_its_contacts_had_their_time() -> None:
    dated = CONTACTS.assign(at=pd.Series([pd.NaT] * 6).astype("datetime64[us]"), customer="no")
    outcome = wb.Outcome(when='customer == "yes"', at="at", within_days=90)
    found = company_scores(dated, outcome=outcome, as_of="2026-04-06")
    assert [None if pd.isna(one) else bool(one) for one in found["won"]] == [None, None, None]
    later = company_scores(dated, outcome=outcome, as_of="2026-05-05")
    assert [None if pd.isna(one) else bool(one) for one in later["won"]] == [False, False, None]


def test_companies_are_calibrated_like_leads() -> None:
    many = pd.concat(
        [CONTACTS.assign(associatedcompanyid=CONTACTS["associatedcompanyid"] + f"-{i}") for i in range(20)]
    )
    found = company_scores(many.reset_index(drop=True), outcome="customer")
    cal = wb.calibrate(found, score="score", outcome="won")
    assert (cal.summary.n, cal.summary.blank) == (60, 20)


def test_what_cannot_be_rolled_up_is_told() -> None:
    with pytest.raises(WorkbenchError, match=r"^number_above needs the line, as in line=50\.$"):
        company_scores(CONTACTS, outcome="customer", roll_up="number_above")
    with pytest.raises(WorkbenchError, match=r"^a line goes with number_above, not sum\.$"):
        company_scores(CONTACTS, outcome="customer", line=5)
    with pytest.raises(WorkbenchError) as told:
        company_scores(CONTACTS, outcome="customer", roll_up="max")  # type: ignore[arg-type]
    assert str(told.value) == (
        "unknown way to roll up 'max'; there are 'sum', 'maximum', 'number_above'. Did you mean 'maximum'?"
    )
    with pytest.raises(WorkbenchError, match=r"^unknown column 'firm'; contacts have "):
        company_scores(CONTACTS, outcome="customer", by="firm")
