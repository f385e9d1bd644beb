"""The page on one contact: whom it finds, what it says, what would lift it; strangers' text stays text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import workbench as wb
from tests.dashboards.reading import text
from workbench.charts.scoring import waterfall
from workbench.dashboards.explain_contact import PAGE, State, View, lifted, name_of, page
from workbench.errors import WorkbenchError
from workbench.scoring.lifting import lifts

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
DEMO = "21000143683"  # 60 points: a demo, and no e-book
HOSTILE = "<img src=x onerror=window.ran=1>"


@pytest.fixture(scope="module")
def view() -> View:
    return page(wb.load(SAMPLE))


@pytest.fixture
def state(view: View) -> Iterator[State]:
    yield view.state
    view.state.search, view.state.threshold, view.state.page_number = "", 35, 0
    view.state.contact_id = "21000151304"


def test_the_page_begins_with_whoever_did_something_last(view: View, state: State) -> None:
    assert state.headline == "Ingo Oberhuber has 20 points, 15 of fit and 5 of engagement: 15 below the line at 35."
    assert view._people.value == "21000151304"
    assert view._people.options[0] == ("20 · Ingo Oberhuber", "21000151304")
    assert "ingo.oberhuber@baxuvia.example" in text(view.widget)
    assert "Form submission" in text(view.widget)


def test_each_word_that_is_searched_stands_in_name_mail_company_or_id(view: View, state: State) -> None:
    contacts = state.workspace.contacts
    view._search.value = "OBERHUBER  ingo"
    names = contacts["firstname"].str.casefold().fillna("") + " " + contacts["lastname"].str.casefold().fillna("")
    expected = contacts[names.str.contains("ingo") & names.str.contains("oberhuber")]
    assert state.total == len(expected) > 0
    assert [key for _, key in view._people.options] == list(expected["hs_object_id"])[:PAGE]
    view._search.value = DEMO
    assert [key for _, key in view._people.options] == [DEMO]
    assert state.contact_id == DEMO  # the only one
    view._search.value = "100%_"  # no pattern
    assert state.total == 0
    assert state.explained is None
    assert "nobody is called '100%_': no name, e-mail, company or record id holds it" in text(view.widget).casefold()
    assert view._cards.value == view._story.value == ""
    view._search.value = ""
    assert state.explained is not None


def test_the_list_is_turned_page_by_page_and_not_beyond(view: View, state: State) -> None:
    first = [key for _, key in view._people.options]
    view._on.click()
    assert f"{PAGE + 1} to {2 * PAGE} of 5,000" in text(view.widget)
    assert not set(first) & {key for _, key in view._people.options}
    view._back.click()
    view._back.click()
    assert [key for _, key in view._people.options] == first
    state.page_number = 249
    view._on.click()
    assert state.page_number == 249


def test_a_contact_is_explained_as_explain_does(view: View, state: State) -> None:
    view._search.value = DEMO
    view._people.value = DEMO
    explained = wb.explain(state.workspace, state.chosen_model, DEMO)
    assert state.explained == explained
    assert state.headline.endswith(" has 60 points, 20 of fit and 40 of engagement: 25 above the line at 35.")
    view._threshold.value = 60
    assert state.headline.endswith(": just on the line at 60.")
    view._threshold.value = 1e9
    assert "a line lies within what scores can be, here 0 to 100 points; 1,000,000,000 came." in text(view.widget)
    assert state.threshold == 60
    for step in explained.steps:
        assert step.what in text(view.widget)


def test_the_waterfall_steps_from_nothing_to_the_score() -> None:
    model = wb.ScoreModel.from_dict(
        {
            "name": "M",
            "limits": [0, 30],
            "groups": [
                {
                    "name": "all",
                    "rules": [
                        {"name": "<b>a</b>", "when": "a == 1", "points": 25},
                        {"name": "b", "when": "b == 1", "points": -5},
                        {"name": "c", "when": "c == 1", "points": 20},
                        {"name": "d", "when": "a == 2", "points": 7},
                    ],
                }
            ],
        }
    )
    table = pd.DataFrame({"hs_object_id": ["1"], "a": [1], "b": [1], "c": [1]})
    bars, captions = waterfall(wb.explain(table, model, "1"), 35)["data"]
    assert list(zip(bars["base"], bars["x"], strict=True)) == [(0, 25), (25, -5), (20, 20), (40, -10), (0, 30)]
    assert [one.strip() for one in captions["text"]] == ["+25", "−5", "+20", "−10", "<b>30</b>"]
    layout = waterfall(wb.explain(table, model, "1"), 35)["layout"]
    assert layout["yaxis"]["ticktext"][0] == "&lt;b&gt;a&lt;/b&gt;"
    assert layout["shapes"][0]["x0"] == 35
    assert wb.charts.plot(wb.explain(table, model, "1")).layout.shapes == ()


def test_what_lifts_a_contact_is_what_scoring_it_so_would_give() -> None:
    """Each row beside the score of a contact for whom just this is so."""
    model = wb.ScoreModel.from_dict(
        {
            "name": "M",
            "limits": [None, 60],
            "groups": [
                {
                    "name": "g",
                    "limits": [None, 40],
                    "rules": [
                        {"name": "a", "when": "a == 1", "points": 30},
                        {"name": "left", "when": "b == 1", "points": -10},
                        {"name": "visits", "count": "count(visit)", "points": 5, "at_most": 4},
                        {
                            "name": "size",
                            "cases": [{"when": "c > 9", "points": 12}, {"when": "c > 4", "points": 8}],
                            "otherwise": 1,
                        },
                    ],
                },
                {"name": "h", "rules": [{"name": "off", "when": "a == 1", "points": 50, "enabled": False}]},
            ],
        }
    )

    def scored(a: int, b: int, visits: int, c: int) -> Any:
        table = pd.DataFrame({"hs_object_id": ["1"], "a": [a], "b": [b], "c": [c]})
        events = pd.DataFrame(
            {"contact_id": ["1"] * visits, "kind": ["visit"] * visits, "at": pd.Timestamp("2026-01-01"), "detail": ""}
        )
        return wb.explain(table, model, "1", activities=events, as_of="2026-06-30")

    start = scored(0, 1, 1, 0)
    assert start.score == -4
    found = lifts(start, 10)
    rows = {row["rule"]: row for row in found.to_dict("records")}
    assert list(found["rule"]) == ["visits", "a", "size", "left"]
    assert rows["visits"]["score"] == scored(0, 1, 4, 0).score == 11  # three more visits
    assert (rows["visits"]["now"], rows["visits"]["then"]) == ("1", "4 of at most 4")
    assert rows["a"]["score"] == scored(1, 1, 1, 0).score
    assert rows["size"]["score"] == scored(0, 1, 1, 10).score
    assert rows["left"]["score"] == scored(0, 0, 1, 0).score
    assert list(found["reaches"]) == [True, True, False, False]
    assert list(found["by_deed"]) == [True, False, False, False]
    assert list(found["score_together"]) == [
        11,
        scored(1, 1, 4, 0).score,
        scored(1, 1, 4, 10).score,
        scored(1, 0, 4, 10).score,
    ]
    assert found["score_together"].iloc[-1] == 40  # the group's limit
    # the least that is enough: one more visit lifts -4 to 1
    assert lifts(start, 1).set_index("rule").loc["visits", "then"] == "2"
    assert lifted(found, -4, 10) == "Enough alone: 'visits' or 'a'."
    assert lifted(lifts(start, 38), -4, 38) == "Nothing is enough alone; the first 2 rows together are."
    assert lifted(lifts(start, 41), -4, 41) == "Not even all of this together reaches 41; limits stand in the way."
    assert lifted(found, 12, 10) == ""
    many = pd.DataFrame({"rule": list("abcdef"), "reaches": True})
    assert lifted(many, 0, 10) == "Enough alone: 'a', 'b', 'c' or any of 3 more."


def test_a_contact_is_called_by_what_is_known_of_it() -> None:
    blank = {"firstname": None, "lastname": float("nan"), "email": "", "company": None, "hs_object_id": "7"}
    assert name_of({**blank, "firstname": "Ada", "lastname": "Quill"}) == "Ada Quill"
    assert name_of({**blank, "lastname": "Quill"}) == "Quill"
    assert name_of({**blank, "email": "ada@one.example"}) == "ada@one.example"
    assert name_of({**blank, "company": "One GmbH"}) == "One GmbH"
    assert name_of(blank) == "Contact 7"


def test_namesakes_are_told_apart_by_their_e_mail(tmp_path: Path) -> None:
    rows = "1,Ada,ada@one.example\r\n2,Ada,ada@two.example\r\n3,Eve,eve@one.example\r\n"
    (tmp_path / "contacts-2026-06-30.csv").write_text(f"Record ID,First Name,Email\r\n{rows}", newline="")
    (tmp_path / "score.yaml").write_text("name: One\ngroups: [{name: g, rules: [{name: r, when: true, points: 5}]}]")
    found = page(wb.load(tmp_path))
    assert [name for name, _ in found._people.options] == [
        "5 · Ada · ada@one.example",
        "5 · Ada · ada@two.example",
        "5 · Eve",
    ]


@pytest.fixture
def strangers(tmp_path: Path) -> Path:
    rows = f'Record ID,First Name,Industry,Create Date\r\n1,"{HOSTILE}",Software,2026-01-01\r\n2,Ada,,2026-01-02\r\n'
    (tmp_path / "hubspot-crm-exports-all-contacts-2026-06-30.csv").write_text(rows, encoding="utf-8", newline="")
    return tmp_path


def test_names_are_text_and_a_model_that_does_not_fit_is_said(strangers: Path) -> None:
    (strangers / "score.yaml").write_text(
        f"name: One\ngroups: [{{name: g, rules: [{{name: '{HOSTILE}', when: industry == 'Software', points: 5}}]}}]",
        encoding="utf-8",
    )
    (strangers / "score_b.yaml").write_text(
        "name: Two\ngroups: [{name: g, rules: [{name: r, when: indstry == 'Software', points: 5}]}]", encoding="utf-8"
    )
    (strangers / "score_c.yaml").write_text("name: Three", encoding="utf-8")
    found = page(wb.load(strangers))
    html = found._answer.value + found._points.value + found._lifts.value + found._story.value
    assert "<img" not in html
    assert "&lt;img src=x onerror=window.ran=" in html
    assert "A model is left out." in found._answer.value
    assert "<img" not in str(found._figure.spec)
    found._model.value = "Two (version 1)"
    assert found.state.explained is None
    assert found.state.headline.startswith("unknown property 'indstry' in the condition 'indstry == \"Software\"'")
    assert found._people.options[1] == ("Ada", "2")
    found._model.value = "One (version 1)"
    assert found.state.explained is not None


def test_without_a_model_or_record_ids_the_page_says_what_to_do(strangers: Path, tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError) as caught:
        page(wb.load(strangers))
    assert str(caught.value) == (
        "there is no model to explain a score by; put a score.yaml beside the exports and import them again."
    )


def test_the_line_is_where_the_highest_label_begins(strangers: Path) -> None:
    (strangers / "score.yaml").write_text(
        "name: One\nlabels: [{name: Warm, at_least: 20}, {name: Hot, at_least: 45}]\n"
        "groups: [{name: g, rules: [{name: r, when: industry == 'Software', points: 5}]}]",
        encoding="utf-8",
    )
    found = page(wb.load(strangers))
    assert found.state.threshold == 45
    assert found.state.more() is None
    assert "The line begins at 45, where the highest label begins." in found._footnote.value


def test_where_nothing_says_where_the_line_is_it_is_counted_and_where_it_was_moved_it_stays(strangers: Path) -> None:
    (strangers / "score.yaml").write_text(
        "name: One\ngroups: [{name: g, rules: [{name: r, when: industry == 'Software', points: 5}]}]", encoding="utf-8"
    )
    found = page(wb.load(strangers)).state
    assert found.first_line == (50, "the classic one")  # no success to judge by
    workspace, model = wb.load(SAMPLE), wb.ScoreModel.read(SAMPLE / "score.yaml")
    counted = State(workspace, {"One": model})
    work = counted.more()
    assert work is not None
    apply = work()
    counted.threshold = 20
    apply()
    assert counted.threshold == 20
    assert counted.more() is None
