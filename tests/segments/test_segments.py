"""Segments: the questions that people ask, sets, files, who came and who went."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.conditions import InSegment, parse
from workbench.errors import WorkbenchError
from workbench.loaders import Workspace
from workbench.segments import Segment, read_segments, resolved, segment_changes, strange_values, write_segments


def inside(segment: Segment, workspace: Workspace, **more: Any) -> str:
    return "".join(segment.select(workspace, **more)["hs_object_id"])


@pytest.mark.parametrize(
    ("question", "condition", "ids"),
    [
        (
            "customers in Germany in Software with more than 5 visits",
            'lifecyclestage == "customer" and country == "Germany" and industry == "Software" '
            "and hs_analytics_num_visits > 5",
            "1",
        ),
        (
            "leads that are MQL and asked for a demo in the last 7 days",
            'lifecyclestage == "marketingqualifiedlead" and count(form_submission, "demo", within_days=7) >= 1',
            "2",
        ),
        ("3 or more e-mails opened in 90 days", "count(email_open, within_days=90) >= 3", "1"),
        (
            "visited the pricing page but sent no form",
            'count(page_view, "/pricing") >= 1 and count(form_submission) == 0',
            "3",
        ),
        (
            "no e-mail opened for 180 days and no visit",
            "not in_last_days(last(email_open), 180) and count(page_view, within_days=180) == 0",
            "4",
        ),
        (
            "customers whose contract ends in 30 days",
            'lifecyclestage == "customer" and in_next_days(property("Contract end"), 30)',
            "1",
        ),
        ("bought product A", 'any_of(Products, ["A"])', "14"),
        (
            "MQLs not contacted for 3 days, never included",
            'lifecyclestage == "marketingqualifiedlead" and '
            "(not in_last_days(notes_last_contacted, 3) or is_unknown(notes_last_contacted))",
            "23",
        ),
        (
            "company with more than 50 people in manufacturing",
            'associated(company, numberofemployees > 50 and industry == "Manufacturing")',
            "13",
        ),
        ("contacts with a won deal", 'associated(deal, dealstage == "closedwon")', "1"),
    ],
)
def test_what_people_ask_is_one_line(account: Workspace, question: str, condition: str, ids: str) -> None:
    assert inside(Segment(question, condition), account) == ids


def test_a_table_of_any_kind_comes_back_as_that_kind(account: Workspace) -> None:
    large = Segment("Large", "numemployees > 50")
    rows = large.select(account.contacts)
    assert list(rows["firstname"]) == ["Ada", "Cleo"]
    assert list(rows.columns) == list(account.contacts.columns)
    polars = large.select(account.table("contacts", engine="polars"))
    assert isinstance(polars, pl.DataFrame)
    assert polars["firstname"].to_list() == ["Ada", "Cleo"]
    relation = large.select(account.table("contacts", engine="duckdb"))
    assert isinstance(relation, duckdb.DuckDBPyRelation)
    assert len(relation.fetchall()) == 2


def test_days_are_counted_from_the_date_asked_for(account: Workspace) -> None:
    new = Segment("New", "in_last_days(createdate, 7)")
    assert inside(new, account) == "23"
    assert inside(new, account, as_of="2026-05-03") == "5"


@pytest.mark.parametrize("most", [0, 2, 100_000])
def test_events_of_those_who_matter_are_enough(account: Workspace, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.conditions.binding.MOST_SOUGHT", most)
    table = account.table("contacts", engine="duckdb")
    events = account.table("activities", engine="duckdb")
    for text, ids in [
        ("numemployees > 50 and count(email_open) >= 3", ["1"]),
        ('country == "Germany" and is_unknown(last(page_view))', ["1"]),
        ("not (is_unknown(industry) or count(page_view) > 0)", ["1"]),
        ("numemployees > 50 and count(page_view) == 0 or count(form_submission) > 0", ["1", "2", "4"]),
        ('industry == "Retail" and not count(page_view, where=contains(detail, "pricing")) == 0', ["3"]),
    ]:
        rows = Segment("x", text).select(table, activities=events, as_of="2026-06-30")
        assert sorted(row[0] for row in rows.select("hs_object_id").fetchall()) == ids


def test_sets_are_combined_whatever_is_blank(account: Workspace) -> None:
    large, german = Segment("Large", "numemployees > 50"), Segment("German", 'country == "Germany"')
    assert inside(large & german, account) == "1"
    assert inside(large | german, account) == "123"
    assert inside(german - large, account) == "2"
    everybody = Segment("Everybody", "true")
    assert inside(everybody - large, account) == "245"  # those of unknown size too
    assert (large & german).condition == 'numemployees > 50 and country == "Germany"'
    assert (german - large).name == "German without Large"


sets = st.sampled_from(["numemployees > 50", 'country == "Germany"', "is_unknown(industry)", "count(page_view) > 0"])


@given(st.lists(sets, min_size=3, max_size=3))
@settings(max_examples=15, deadline=None)
def test_the_laws_of_sets_hold(account: Workspace, texts: list[str]) -> None:
    a, b, c = (Segment(name, text) for name, text in zip("abc", texts, strict=True))
    held = {name: set(inside(one, account)) for name, one in {"a": a, "b": b, "c": c}.items()}
    assert set(inside((a | b) & c, account)) == (held["a"] | held["b"]) & held["c"]
    assert set(inside(a - (b | c), account)) == held["a"] - held["b"] - held["c"]
    assert set(inside((a - b) | (a & b), account)) == held["a"]


def test_a_static_segment_stays_as_it_was(account: Workspace) -> None:
    new = Segment("New", "in_last_days(createdate, 7)")
    then = new.freeze(account, as_of="2026-05-03")
    assert (then.is_static, then.ids, then.taken_on) == (True, frozenset({"5"}), dt.date(2026, 5, 3))
    assert inside(then, account) == "5"
    assert inside(then | Segment("Large", "numemployees > 50"), account) == "135"
    assert inside(Segment("Others", 'not in_segment("New")'), account, segments=[then]) == "1234"


def test_segments_speak_of_segments(account: Workspace) -> None:
    large = Segment("Large", "numemployees > 50")
    others = [large, Segment("Large Germans", 'in_segment("Large") and country == "Germany"')]
    rest = Segment("Rest", 'not in_segment("Large Germans")')
    assert inside(rest, account, segments=others) == "2345"


def test_a_circle_of_segments_is_named() -> None:
    a, b, c = (Segment(one, f'in_segment("{other}") or x == 1') for one, other in ("ab", "bc", "ca"))
    with pytest.raises(WorkbenchError) as told:
        resolved([a], [b, c])
    assert str(told.value) == "segments go round in a circle: 'a' → 'b' → 'c' → 'a'; take one of them out."


def test_a_segment_that_is_not_there_is_named() -> None:
    with pytest.raises(WorkbenchError) as told:
        resolved([Segment("a", 'in_segment("Lagre")')], [Segment("Large", "x > 1")])
    assert str(told.value) == (
        "the segment 'a' asks for the segment 'Lagre', which is not there; there are 'Large', 'a'. "
        "Did you mean 'Large'?"
    )


def test_a_condition_alone_does_not_know_the_segments(account: Workspace) -> None:
    from workbench.conditions import prepare
    from workbench.engines import as_frame

    with pytest.raises(WorkbenchError) as told:
        prepare(as_frame(account.contacts), [parse('in_segment("Large")')])
    assert str(told.value) == (
        "the condition 'in_segment(\"Large\")' asks for the segment 'Large', and no saved segments came; give them as "
        "segments=."
    )


def test_what_speaks_of_other_tables_needs_them(account: Workspace) -> None:
    with pytest.raises(WorkbenchError) as told:
        Segment("Won", 'associated(deal, dealstage == "closedwon")').select(account.contacts)
    assert str(told.value) == (
        'associated(deal, dealstage == "closedwon") needs the deals, and only the contacts came; give a Workspace in '
        "place of the table."
    )
    with pytest.raises(WorkbenchError, match=r"has no tickets: no file of them was loaded\."):
        Segment("Calls", "associated(ticket)").select(account)


@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (
            'industy == "Software"',
            "unknown property 'industy' in the condition 'industy == \"Software\"'; contacts have 'hs_object_id', "
            "'firstname', 'email', 'country', 'industry', 'numemployees', 'hs_analytics_num_visits', 'lifecyclestage' "
            "and 7 more. Did you mean 'industry'?",
        ),
        (
            'associated(deal, dealstge == "x")',
            "unknown property 'dealstge' in the condition 'associated(deal, dealstge == \"x\")'; deals have "
            "'hs_object_id', 'dealname', 'dealstage', 'amount', 'closedate', 'createdate'. Did you mean 'dealstage'?",
        ),
        (
            'in_this(industry, "month")',
            "'industry' holds text, but the condition 'in_this(industry, \"month\")' needs a date there; load the "
            "table with a mapping that types it as a date.",
        ),
        (
            "last(page_view) > 5",
            "last(page_view) holds dates, but the condition 'last(page_view) > 5' compares it with the number 5; "
            'write a date in quotes, such as last(page_view) == "2026-06-30".',
        ),
    ],
)
def test_what_does_not_fit_is_told(account: Workspace, condition: str, sentence: str) -> None:
    with pytest.raises(WorkbenchError) as told:
        Segment("Wrong", condition).select(account)
    assert str(told.value) == sentence


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("in_this(createdate, 'moth')", "unknown period 'moth'; there are 'day', 'week', 'month', 'quarter', 'year'. "
         "Did you mean 'month'?"),
        ("in_this(createdate, 'week', fiscal='april')", 'fiscal= takes a month, as in fiscal="april", with the periods '
         '"quarter" and "year".'),
        ("in_last(createdate, 'week', 0)", "a whole number of periods from 1 to 1,000 is needed."),
        ("associated(deel)", "unknown object 'deel'; there are 'contact', 'company', 'deal', 'ticket'. "
         "Did you mean 'deal'?"),
        ("associated(deal, count(call) > 1)", "the condition on an associated deal speaks of that record's own "
         "properties only."),
        ("ever(a == 1 and b == 2)", "ever() looks at the values of one property."),
        ("last(page_view)", 'compare the date, as in last(page_view) < "2026-01-31".'),
        ("in_segment(x)", "in_segment() takes the segment's name in quotes."),
        ("changed_in_last_days(x)", "changed_in_last_days() is written as changed_in_last_days(lifecyclestage, 30)."),
    ],
)  # fmt: skip
def test_what_is_not_in_the_language_is_refused(text: str, reason: str) -> None:
    with pytest.raises(WorkbenchError) as told:
        parse(text)
    assert str(told.value).split(": ", 1)[1] == reason


def test_a_segment_needs_a_name() -> None:
    with pytest.raises(WorkbenchError, match=r"^a segment needs a name; write Segment\('Large', "):
        Segment(" ", "true")


def test_a_misspelt_value_is_told_with_the_nearest(account: Workspace) -> None:
    assert strange_values(account, parse('industry == "Sofware" or not country in ["Germany", "Norway"]')) == [
        "No industry is 'Sofware'. Did you mean 'Software'?",
        "No country is 'Norway'. It holds 'Austria', 'France', 'Germany'.",
    ]
    assert strange_values(account, parse('any_of(Products, ["A"]) and numemployees == 7')) == []


# -- files -----------------------------------------------------------------------------------------------------------


def test_capitals_are_what_is_misspelt_first(account: Workspace) -> None:
    told = strange_values(account, parse('industry in ["RETAIL", "software"]'))
    assert told == [
        "No industry is 'RETAIL'. Did you mean 'Retail'?",
        "No industry is 'software'. Did you mean 'Software'?",
    ]


def test_segments_are_written_and_read_again(tmp_path: Path, account: Workspace) -> None:
    large = Segment("Large: 😀 <b> 'it\n\u2028", "numemployees > 50")
    frozen = Segment("New", "in_last_days(createdate, 7)").freeze(account)
    rest = Segment("Rest", "not " + str(InSegment(large.name)))
    write_segments(tmp_path / "segments.yaml", [rest, large, frozen])
    again = read_segments(tmp_path / "segments.yaml")
    assert again == (rest, large, frozen)
    assert isinstance(again[0].tree.part, InSegment)  # type: ignore[attr-defined]
    assert again[0].tree.part.means == large.tree  # type: ignore[attr-defined]


def test_ten_thousand_segments_in_a_chain_are_no_trouble(tmp_path: Path) -> None:
    chain = [Segment("0", "x == 1")] + [Segment(str(n), f'in_segment("{n - 1}") or y == {n}') for n in range(1, 60)]
    many = chain + [Segment(f"more {n}", f"z == {n}") for n in range(9_940)]
    assert len(resolved(many)) == 10_000
    write_segments(tmp_path / "segments.yaml", many)
    assert read_segments(tmp_path / "segments.yaml") == tuple(many)


def test_what_yaml_would_take_for_something_else_stays_text(tmp_path: Path) -> None:
    text = "segments:\n- name: no\n  condition: true\n  taken_on: 2026-06-30\n  ids: [007, 1e3, null]\n"
    (tmp_path / "segments.yaml").write_text(text, encoding="utf-8")
    (found,) = read_segments(tmp_path / "segments.yaml")
    assert (found.name, found.condition, found.ids) == ("no", "true", {"007", "1e3", "null"})
    assert found.taken_on == dt.date(2026, 6, 30)


BROKEN = (
    "the segment 'a' of segments.yaml: cannot read the condition 'x ==': character 1 was not expected; "
    "write it as in 'industry == \"Software\" and numemployees > 50'."
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nothing", "segments.yaml holds no segments; it starts with 'segments:' and has a list below."),
        ("segments: [5]", "entry 1 of segments.yaml is no segment; it needs a name and a condition."),
        (
            "segments: [{name: a, condtion: x}]",
            "the segment 'a' of segments.yaml has an unknown entry 'condtion'; there are 'name', 'condition', "
            "'taken_on', 'ids'. Did you mean 'condition'?",
        ),
        (
            "segments: [{name: a, condition: 'in_segment(\"b\") and'}, {name: b, condition: 'true'}]",
            "the segment 'a' of segments.yaml: cannot read the condition 'in_segment(\"b\") and': character 1 was not "
            "expected; write it as in 'industry == \"Software\" and numemployees > 50'.",
        ),
        (
            "segments: [{name: a, condition: 'in_segment(\"b\")'}, {name: b, condition: x ==}]",
            BROKEN.replace("'a'", "'b'"),
        ),
        (
            "segments: [{name: a, condition: 'true'}, {name: a, condition: 'true'}]",
            "segments.yaml has two segments called 'a'; rename one of them.",
        ),
        (
            "segments: [{name: a, condition: 'in_segment(\"a\")'}]",
            "segments go round in a circle: 'a' → 'a'; take one of them out.",
        ),
        (
            "segments: [{name: a, condition: 'true', ids: [1]}]",
            "the segment 'a' of segments.yaml has one of ids and taken_on; a static segment has both, an active one "
            "neither.",
        ),
    ],
)
def test_a_file_that_is_wrong_is_told(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "segments.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(WorkbenchError) as told:
        read_segments(tmp_path / "segments.yaml")
    assert str(told.value) == sentence


def test_one_broken_condition_leaves_the_other_segments_of_a_file_usable(tmp_path: Path, account: Workspace) -> None:
    text = "segments: [{name: a, condition: x ==}, {name: large, condition: numemployees>50}]"
    (tmp_path / "segments.yaml").write_text(text, encoding="utf-8")
    broken, large = read_segments(tmp_path / "segments.yaml")
    assert large.tree == parse("numemployees > 50")
    assert len(large.select(account)) == len(Segment("large", "numemployees > 50").select(account))
    uses: list[Callable[[], object]] = [
        lambda: broken.tree,
        lambda: broken.select(account),
        lambda: broken & large,
        lambda: broken.to_hubspot(),
    ]
    for use in uses:
        with pytest.raises(WorkbenchError) as told:
            use()
        assert str(told.value) == BROKEN
    write_segments(tmp_path / "segments.yaml", [broken, large])
    assert [one.condition for one in read_segments(tmp_path / "segments.yaml")] == ["x ==", "numemployees>50"]


# -- who came and went -----------------------------------------------------------------------------------------------


def test_the_history_tells_who_came_and_went(account: Workspace) -> None:
    leads = Segment("Leads", 'lifecyclestage == "lead"')
    found = segment_changes(leads, account, ["2026-06-30", "2026-01-31", "2025-04-01", "2026-06-25"])
    assert found.sizes["size"].tolist() == [1, 1, 2, 1]  # Dora; Ada; Emil and Ben; Emil
    assert found.sizes["entered"].tolist() == [0, 1, 2, 0]
    assert found.sizes["left"].tolist() == [0, 1, 1, 1]
    assert found.moves[["hs_object_id", "moved"]].apply("".join, axis=1).tolist() == [
        "1entered", "4left", "2entered", "5entered", "1left", "2left",
    ]  # fmt: skip
    assert found.headline() == ("Leads: 1 record on 1 April 2025, 1 on 30 June 2026; 3 entered, 3 left.")
    assert found.notes == ()


def test_what_has_no_history_is_said(account: Workspace) -> None:
    found = segment_changes(Segment("Large", "numemployees > 50"), account, ["2026-01-31", "2026-06-30"])
    assert found.notes == ("No history of numemployees: taken as in the export, for every day.",)
    assert found.sizes["size"].tolist() == [1, 2]


def test_snapshots_tell_who_came_and_went(account: Workspace) -> None:
    new = Segment("New", "in_last_days(createdate, 7)")
    found = segment_changes(new, [account, account])
    assert found.sizes["size"].tolist() == [2, 2]
    assert not len(found.moves)


def test_changes_need_two_days(account: Workspace) -> None:
    with pytest.raises(WorkbenchError, match=r"^changes are seen between at least two days up to the export's"):
        segment_changes(Segment("All", "true"), account, ["2026-06-30"])


def test_on_the_day_of_the_export_the_history_agrees_with_the_export(sample: Workspace) -> None:
    stage = Segment("Customers", 'lifecyclestage == "customer"')
    found = segment_changes(stage, sample, ["2026-03-31", "2026-06-30"])
    assert found.sizes["size"].iloc[-1] == (sample.contacts["lifecyclestage"] == "customer").sum()
    entered = sample.contacts["hs_v2_date_entered_customer"] < "2026-04-01"
    assert found.sizes["size"].iloc[0] == pytest.approx(entered.sum(), rel=0.02)
