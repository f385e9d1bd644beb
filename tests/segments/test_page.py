"""The page on segments: every control moved, and its state seen to move."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from python_calamine import CalamineWorkbook

from tests.segments.conftest import CONTACTS, write
from workbench.conditions import parse
from workbench.dashboards.explore_segments import SAVED, State, View, fault_at, page, term_of
from workbench.errors import WorkbenchError
from workbench.loaders import Workspace, load
from workbench.segments import Segment
from workbench.segments.explorer import Explorer


@pytest.fixture
def state(account: Workspace) -> State:
    """The page's state on five contacts; what is saved is removed."""
    (account.path / SAVED).unlink(missing_ok=True)
    return State(account)


def test_the_state_answers_at_once(state: State) -> None:
    assert state.n == 5
    state.text = 'industry == "Software"'
    assert state.n == 2
    assert state.headline.startswith("2 contacts of 5 (40.0 %)")
    state.text = 'industry == "Sofware"'
    assert state.headline == "Nobody of 5 contacts meets this condition."
    assert state.warnings == [("Misspelt?", "No industry is 'Sofware'. Did you mean 'Software'?")]
    state.text = "is_known(email)"
    assert state.warnings == [("Everybody.", "All contacts meet this condition: it parts nobody from the rest.")]


def test_an_error_keeps_the_last_figures_and_marks_the_character(state: State) -> None:
    state.text = "numemployees > 50"
    state.text = "numemployees > 50 and in_this(createdate, 5)"
    assert (state.n, state.mark) == (2, 43)
    assert "<mark>5</mark>" in fault_at(state.text, state.mark, state.error)
    state.text = "numemployes > 50"
    assert state.mark == 1
    assert state.error.endswith("Did you mean 'numemployees'?")
    state.text = '"abc" > 5'
    assert (
        state.error == "cannot read the condition '\"abc\" > 5' at character 1: one side has to be a property, and "
        "both are values."
    )


def test_explorer_and_select_agree(account: Workspace) -> None:
    explorer = Explorer(account, segments=[Segment("Large", "numemployees > 50")])
    for text in [
        'not (industry == "Software" or count(page_view) > 0)',
        'not in_segment("Large") and (country == "Germany" or associated(deal, dealstage == "closedwon"))',
        'ever(lifecyclestage == "lead") and not in_last_days(last(page_view), 30)',
        "not hs_email_optout or is_unknown(hs_email_optout)",
        "count(email_open) >= 3 and not 0 < count(page_view, within_days=30) <= 1",
        "count(email_open, within_days=16) == 1 or count(note) > 0",
        'count(page_view, "pricing", within_days=6) == 1 or count(form_submission, where=at < "2026-01-01") >= 1',
    ]:
        rows = Segment("x", text).select(account, segments=explorer.segments)
        ids = explorer.column("hs_object_id")[explorer.mask(parse(text))]
        assert list(ids) == list(rows["hs_object_id"])


def test_a_term_that_was_asked_is_not_asked_again(account: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = Explorer(account)
    explorer.mask(parse("numemployees > 50 and count(page_view) > 0"))
    asked: list[str] = []
    ask = explorer._ask
    monkeypatch.setattr(explorer, "_ask", lambda terms: (asked.extend(terms), ask(terms)))
    explorer.mask(parse('count(page_view) > 0 or industry == "Retail"'))
    assert asked == ['industry == "Retail"']


def test_another_number_or_span_of_days_needs_no_new_pass(account: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    explorer = Explorer(account)
    explorer.mask(parse("count(email_open, within_days=90) >= 3"))
    monkeypatch.setattr(explorer, "_ask", lambda terms: pytest.fail(f"asked anew: {terms}"))
    monkeypatch.setattr(explorer, "_connection", None)
    assert explorer.mask(parse("count(email_open, within_days=20) >= 1")).sum() == 1
    assert explorer.mask(parse("not count(email_open) >= 1")).sum() == 3


def test_what_is_wrong_with_a_count_is_told(state: State) -> None:
    state.text = "count(email_opn) >= 1"
    assert state.error.startswith("unknown kind of activity 'email_opn' in count(email_opn); there are ")
    assert state.error.endswith("Did you mean 'email_open'?")
    state.text = 'count(email_open) >= "many"'
    assert "compares count(email_open) with the text" in state.error


def test_terms_are_added_with_the_mouse(state: State) -> None:
    view = View(state)
    view._term.value, view._operator.value, view._value.value = "industry", "is", "Software"
    view._and.click()
    assert state.text == 'industry == "Software"'
    view._term.value, view._operator.value, view._value.value = "numemployees", "is above", "50"
    view._or.click()
    assert state.text == 'industry == "Software" or numemployees > 50'
    assert view._text.value == state.text
    view._value.value = "many"
    view._and.click()
    assert state.error == "'numemployees' is compared with a number such as 50, not with 'many'."
    view._clear.click()
    assert (state.text, state.n) == ("true", 5)


@pytest.mark.parametrize(
    ("name", "kind", "operator", "value", "text"),
    [
        ("Lead Source", "text", "contains", 'say "x"', 'contains(property("Lead Source"), "say \\"x\\"")'),
        ("phone", "text", "is unknown", "", "is_unknown(phone)"),
        ("numemployees", "number", "is at least", "1,5", "numemployees >= 1.5"),
        ("hs_email_optout", "bool", "is no", "", "hs_email_optout == false"),
        ("createdate", "datetime", "in the last days", "7", "in_last_days(createdate, 7)"),
        ("createdate", "datetime", "before", "2026-06-30", 'createdate < "2026-06-30"'),
    ],
)
def test_every_operator_makes_a_term(name: str, kind: str, operator: str, value: str, text: str) -> None:
    assert str(parse(term_of(name, kind, operator, value))) == text


def test_every_control_moves_the_state(state: State) -> None:
    view = View(state)
    view._text.value = "true and is_known(email)"
    assert state.text == "true and is_known(email)"
    view._search.value = "cleo"
    assert state.found_rows()[1] == 1
    view._search.value = ""
    view._sort.value, view._descending.value = "firstname", True
    assert state.found_rows()[0]["firstname"].tolist() == ["Emil", "Dora", "Cleo", "Ben", "Ada"]
    view._property.value = "country"
    assert state.by == "country"
    assert "Germany" in str(view._who.spec["layout"]["yaxis"]["ticktext"])
    view._across.value = "lifecyclestage"
    assert "Customer" in view._pivot.value
    view._opted_out.value = True
    assert state.include_opted_out
    view._outcome.value = list(state.outcomes)[-1]
    assert state.outcome == list(state.outcomes)[-1]


def test_pages_are_turned_within_what_there_is(sample: Workspace) -> None:
    state = State(sample)
    view = View(state)
    assert view._back.disabled
    view._on.click()
    assert (state.page_number, "21 to 40 of 5,000" in view._page.value) == (1, True)
    state.turn(10_000)
    assert state.page_number == 249
    assert view._on.disabled


def test_a_segment_is_saved_and_found_again(state: State, account: Workspace) -> None:
    view = View(state)
    state.text = "numemployees > 50"
    view._name.value = "Large"
    view._save.click()
    assert "Saved &#39;Large&#39; in segments.yaml." in view._said.value
    again = page(account)
    again._saved.value = "Large"
    assert again.state.text == "numemployees > 50"
    assert again.state.overlaps()["n"].tolist() == [2]
    view._name.value = " "
    view._save.click()
    assert "a segment needs a name" in view._said.value
    (account.path / SAVED).write_text("broken: [", encoding="utf-8")
    assert page(account).state.warnings[0][0] == "A file is left out."
    (account.path / SAVED).unlink()


def test_ten_thousand_saved_segments_are_no_trouble(account: Workspace) -> None:
    (account.path / SAVED).unlink(missing_ok=True)
    many = [Segment(f"Segment {n}", f"numemployees > {n}") for n in range(10_000)]
    view = View(State(account, many))
    assert len(view._saved.options) == 10_001
    view.state.text = 'in_segment("Segment 60") or in_segment("Segment 9999")'
    assert view.state.n == 1
    assert len(view.state.overlaps()) == 12


def test_who_opted_out_is_left_out_unless_asked_for(state: State) -> None:
    content, told = state.import_file()
    assert content.decode() == "Record ID\r\n1\r\n2\r\n4\r\n5\r\n"
    assert told == "4 contacts. 1 contact opted out of e-mail and left out."
    state.include_opted_out = True
    assert state.import_file()[1] == "5 contacts. 1 of them opted out of e-mail."


def test_the_file_to_import_has_typed_values_and_no_text(state: State) -> None:
    state.text = (
        "numemployees > 5 and hs_email_optout != false and createdate > '2020-01-01' and is_known(industry) or true"
    )
    state.include_opted_out = True
    lines = state.import_file()[0].decode().split("\r\n")
    assert lines[:5] == [
        "Record ID,numemployees,hs_email_optout,createdate",
        "1,120,,2026-01-10 10:00:00",
        "2,8,,2026-06-25 10:00:00",
        "3,60,true,2026-06-29 10:00:00",
        "4,,,2025-03-01 10:00:00",
    ]


def test_what_separates_winners_is_asked_for_and_a_leaf_pasted(sample: Workspace) -> None:
    view = View(State(sample))
    assert view._leaves.layout.display == "none"
    view._ask.click()
    assert "separates winners most: " in view._told.value
    assert "Not looked at, as the export has them as of its own day, after the win: " in view._told.value
    assert view._leaves.layout.display == ""
    chosen = view._leaves.options[1][1]
    view._leaves.value = chosen
    assert view.state.text == chosen
    assert 0 < view.state.n < 5000


def test_nothing_to_separate_is_a_sentence(state: State) -> None:
    view = View(state)
    view.state.outcome = next(iter(state.outcomes))
    view._ask.click()
    assert "so nothing can separate them" in view._told.value or "Nothing separates winners" in view._told.value


def test_the_segment_beside_saved_ones(state: State) -> None:
    view = View(state)
    assert view._overlap_panel.layout.display == "none"
    for name, text in [("n", "numemployees > 50"), ("this segment", 'country == "Germany"')]:
        state.text = text
        view._name.value = name
        view._save.click()
    sets = state.together()
    assert list(sets.columns) == ["this segment", "this segment (saved)", "n (saved)", "n"]
    assert sets["n"].sum() == 5
    assert view._overlap_panel.layout.display == ""
    assert view._sets.spec["layout"]["yaxis2"]["ticktext"][0] == "this segment"


def test_the_way_through_stages_is_shown(sample: Workspace) -> None:
    view = View(State(sample))
    assert "most stopped at" in view._stopped.value
    assert view._flow.spec["data"][-1]["text"].startswith("Customer: ")


def test_an_export_of_two_columns_has_its_page(tmp_path: Path) -> None:
    rows = "Record ID,Origin,Create Date,Won\n1,social,2026-01-01 10:00,true\n2,search,2026-01-02 10:00,false\n"
    write(tmp_path / "hubspot-crm-exports-all-contacts-2026-06-30.csv", rows)
    view = View(State(load(tmp_path)))
    assert view.state.columns == ["hs_object_id", "createdate", "Origin", "Won"]
    assert "no dates at which stages were entered" in view._undated.value
    assert view._funnel.layout.display == "none"
    assert view._flow_panel.layout.display == "none"
    view.state.text = "false"
    assert "Nobody here can be judged yet." in view._no_months.value


def test_an_empty_segment_draws_nothing_and_breaks_nothing(sample: Workspace) -> None:
    view = View(State(sample))
    view.state.text = "false"
    assert view.state.headline == "Nobody of 5,000 contacts meets this condition."
    assert "nobody" in view._page.value
    assert view.state.import_file()[1] == "0 contacts."


def test_the_filter_is_the_vendors(state: State) -> None:
    state.text = "numemployees > 50"
    found = json.loads(state.filter_json()[0])
    assert Segment.from_hubspot(found).condition == "numemployees > 50"
    state.text = "count(email_open, within_days=90) >= 3"
    assert Segment.from_hubspot(json.loads(state.filter_json()[0])).condition == state.text
    state.text = "count(note) >= 3"
    with pytest.raises(WorkbenchError, match=r"^the vendor's filters cannot say count\(note\) >= 3"):
        state.filter_json()


def test_a_spreadsheet_keeps_text_as_it_is(tmp_path: Path) -> None:
    rows = CONTACTS.replace("Ada", "=1+1").replace("Ben", "-15").replace("Emil", "+49 30 123")
    write(tmp_path / "hubspot-crm-exports-all-contacts-2026-06-30.csv", rows)
    state = State(load(tmp_path))
    content, _ = state.spreadsheet()
    sheet: list[list[Any]] = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    assert [row[1] for row in sheet] == ["First Name", "=1+1", "-15", "Dora", "+49 30 123"]


def test_shares_and_cells_add_up(sample: Workspace) -> None:
    explorer = Explorer(sample)
    inside = explorer.mask(parse('country == "Germany"'))
    for name in ("industry", "numemployees", "hs_email_optout"):
        table = explorer.distribution(name, inside)
        assert table["n"].sum() == inside.sum()
        assert table["n_rest"].sum() == (~inside).sum()
    assert explorer.crossed("industry", "hs_analytics_source", inside).to_numpy().sum() == inside.sum()
    everybody = np.ones(explorer.n, dtype=bool)
    assert explorer.funnel(everybody)["n"].is_monotonic_decreasing
