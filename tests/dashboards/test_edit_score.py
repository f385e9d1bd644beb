"""The page on which a score is changed: every change, what it says at once, undo, and versions that stay."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import workbench as wb
from tests.dashboards.reading import text
from workbench.charts.scoring import crossing_by_segment, scores_side_by_side
from workbench.dashboards.edit_score import State, View, page, rates_above
from workbench.errors import WorkbenchError
from workbench.scoring import Rule, RuleGroup, RuleSum
from workbench.scoring.editing import all_enabled, fitted, rule_of, with_new_rule, with_rule, without_rule

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
HOSTILE = "<img src=x onerror=window.ran=1>"


@pytest.fixture(scope="module")
def view() -> View:
    return page(wb.load(SAMPLE))


@pytest.fixture
def state(view: View) -> Iterator[State]:
    """The page as on the first look; every test's changes are taken back."""
    yield view.state
    view._empty()
    while view.state.can_undo:
        view.state.undo()
    view.state.by, view.state.threshold = "", 35
    view.state.settle()


def fresh(state: State) -> wb.ModelComparison:
    """The same comparison without the page."""
    return wb.compare_models(
        state.old, state.model, state.workspace, outcome=state.outcomes[state.outcome], threshold=state.threshold
    )


def assert_same(state: State) -> None:
    assert not state.pending
    assert state.comparison is not None
    expected = fresh(state)
    pd.testing.assert_frame_equal(state.comparison.frame(), expected.frame())
    assert (state.comparison.n_up, state.comparison.n_down) == (expected.n_up, expected.n_down)


def test_the_page_begins_with_the_model_as_it_is(view: View, state: State) -> None:
    assert (state.base, state.outcome, state.threshold) == ("Sales readiness (version 3)", "became a customer", 35)
    assert state.headline.startswith(
        "Nothing is changed: by version 3 at 35 points 1,011 of 4,213 leads (24.0 %) go to sales; 25.5 % of them became"
    )
    assert state.headline.endswith("Change a rule, and see who would cross the line.")
    assert not state.changed
    assert (view._save.description, view._save.disabled) == ("Save as version 4", True)
    assert "Not saved yet" not in text(view.widget)
    assert "1,035 match, 13.5 % convert (11.4 to 16.0 %)" in text(view.widget)


def test_points_and_switches_are_answered_without_a_pass(view: View, state: State) -> None:
    counted = state._counted
    view._rows["Asked for a demo"].points.value = 5
    view._rows["Decides"].enabled.value = False
    assert state._counted is counted
    assert state.headline.startswith("From version 3 to version 4 at 35 points, 0 of 5,000 contacts rise above")
    assert rule_of(state.model, "Asked for a demo").points == 5
    assert not rule_of(state.model, "Decides").enabled
    assert_same(state)
    view._rows["Each visit to the prices"].points.value = -4
    assert_same(state)
    assert "wb-minus" in view._rows["Each visit to the prices"].box._dom_classes


def test_the_line_is_moved_in_the_field_and_in_the_figure(view: View, state: State) -> None:
    view._rows["Asked for a demo"].points.value = 45
    view._threshold.value = 50
    assert view._figure.line == 50
    assert_same(state)
    view._figure.line = 40
    assert (state.threshold, view._threshold.value) == (40, 40)
    assert state.headline.startswith("From version 3 to version 4 at 40 points, ")


def test_a_rule_is_built_with_the_mouse_previewed_and_added(view: View, state: State) -> None:
    view._property.value = "industry"
    assert view._operator.options[0] == "is"
    assert "Retail" in view._value.options
    view._value.value = "Retail"
    view._ask.click()
    assert view._text.value == 'industry == "Retail"'
    assert "436 contacts of 5,000 (8.7 %) meet it; 8.2 % (5.8 to 11.4 %) convert." in text(view.widget)
    view._property.value, view._value.value = "numemployees", "50"
    view._and.click()
    assert view._text.value == 'industry == "Retail" and numemployees >= 50'
    assert view._days.layout.display == view._times.layout.display == "none"
    view._property.value, view._value.value = "event: page_view", "/demo"
    assert "/demo" in view._value.options
    assert view._days.layout.display == view._times.layout.display == ""
    view._or.click()
    assert view._text.value.endswith(' or count(page_view, "/demo") >= 1')
    view._points.value, view._name.value, view._group.value = 12, "Shops", "fit"
    view._put.click()
    assert rule_of(state.model, "Shops").points == 12
    assert [rule.name for rule in state.model.groups[0].rules][-1] == "Shops"
    assert "Added: Shops." in text(view.widget)
    assert view._text.value == ""
    assert "match" in view._rows["Shops"].remark.value
    assert_same(state)
    assert state.rules["Shops"]["n"] == len(
        state.workspace.contacts.query('industry == "Retail" and numemployees >= 50')
    ) + int(state.rules["Looked at the demo page"]["n"]) - _both(state)


def _both(state: State) -> int:
    both = 'industry == "Retail" and numemployees >= 50 and count(page_view, "/demo") >= 1'
    return len(wb.Segment("both", both).select(state.workspace))


def test_events_give_points_each_time(view: View, state: State) -> None:
    view._property.value, view._operator.value = "event: call", "points each time"
    view._ask.click()
    assert view._text.value == "count(call)"
    assert view._at_most.layout.display == ""
    view._at_most.value, view._points.value, view._group.value = 2, 7, "engagement"
    view._put.click()
    rule = rule_of(state.model, "count(call)")
    assert (str(rule.count), rule.at_most, rule.points) == ("count(call)", 2, 7)
    assert_same(state)


@pytest.mark.parametrize(
    ("operator", "days", "condition"),
    [
        ("at least", 0, 'count(form_submission, "Demo") >= 3'),
        ("exactly", 30, 'count(form_submission, "Demo", within_days=30) == 3'),
        ("at most", 30, 'count(form_submission, "Demo", within_days=30) <= 3'),
        ("never", 90, 'count(form_submission, "Demo", within_days=90) == 0'),
        ("points each time", 90, 'count(form_submission, "Demo", within_days=90)'),
    ],
)
def test_what_is_asked_of_events(view: View, state: State, operator: str, days: int, condition: str) -> None:
    view._property.value, view._operator.value, view._value.value = "event: form_submission", operator, " Demo "
    view._times.value, view._days.value = 3, days
    view._ask.click()
    assert view._text.value == condition
    assert (view._times.layout.display == "none") == (operator in ("never", "points each time"))


def test_limits_of_groups_and_of_the_score_are_changed_without_a_pass(view: View, state: State) -> None:
    counted, fit, whole = state._counted, view._limits["fit"], view._limits[None]
    fit.high.value = "10"
    assert state.model.groups[0].maximum == 10
    assert_same(state)
    whole.low.value, whole.high.value = "0", "35"
    assert (state.model.minimum, state.model.maximum) == (0, 35)
    assert_same(state)
    assert state._counted is counted
    wrongs = {"much": "a limit is a number of points such as 50", "-1": "contradict: the lower one is 0"}
    for wrong, sentence in wrongs.items():
        whole.high.value = wrong
        assert sentence in unescape(whole.fault.value)
        assert state.model.maximum == 35
    whole.high.value = ""
    assert state.model.maximum is None
    assert whole.fault.value == ""
    view._undo.click()
    assert fit.high.value == "10"
    view._undo.click()
    assert fit.high.value != "10"
    assert not state.changed


def test_a_rule_is_changed_where_it_stands(view: View, state: State) -> None:
    view._rows["Software company"].change.click()
    assert view._text.value == 'industry == "Software"'
    assert view._put.description == "Change the rule"
    children = view._rules.children
    assert children.index(view._editor) == children.index(view._rows["Software company"].box) + 1
    view._text.value, view._name.value = 'industry in ["Software", "Retail"]', "Software or retail"
    view._put.click()
    assert state.model.groups[0].rules[0].name == "Software or retail"
    assert view._rules.children[0] is view._editor
    assert_same(state)
    view._rows["Decides"].change.click()
    view._cancel.click()
    assert view._rules.children[0] is view._editor
    assert view._text.value == ""


def test_deleting_undoing_and_doing_again(view: View, state: State) -> None:
    start = state.headline
    counted = state._counted
    view._rows["Decides"].change.click()
    remove = view._rows["Decides"].box.children[2].children[1]
    remove.click()
    assert "Decides" not in view._rows
    assert view._changing == ""
    assert state._counted is counted  # without a pass
    assert_same(state)
    without = state.headline
    view._undo.click()
    assert state.headline == start
    assert view._undo.disabled
    view._redo.click()
    assert state.headline == without
    assert view._redo.disabled
    view._undo.click()
    for points in (16, 17, 18):
        view._rows["Software company"].points.value = points
    view._undo.click()
    assert not state.can_undo  # steps of one field in a row are one
    assert state.headline == start


def test_what_is_wrong_is_said_at_the_field(view: View, state: State) -> None:
    view._rows["Decides"].points.value = 3_000_000
    assert "lie between −1,000 and 1,000 here, not 3,000,000" in view._rows["Decides"].fault.value
    for wrong_line in (1e9, float("nan"), -50):
        view._threshold.value = wrong_line
        assert "a line lies within what scores can be, here 0 to " in view._line_fault.value
        assert state.threshold == 35
    view._threshold.value = 36
    assert view._line_fault.value == ""
    view._put.click()
    assert "the rule asks nothing yet" in view._fault.value
    view._ask.click()
    assert "nothing is asked yet" in view._preview.value
    view._property.value, view._value.value = "numemployees", "many"
    view._ask.click()
    assert "is compared with a number such as 50" in unescape(view._preview.value)
    for wrong in ("indstry == 5", "__import__('os')", "lambda: 1"):
        view._text.value = wrong
        assert "wb-error" in view._preview.value
        view._put.click()
        assert "wb-error" in view._fault.value
    view._text.value, view._name.value = "numemployees > 5", "Decides"
    view._put.click()
    assert "several rules called &#39;Decides&#39;" in view._fault.value
    assert not state.changed


def test_what_was_filled_in_is_added_without_asking_first(view: View, state: State) -> None:
    view._property.value, view._value.value = "numemployees", "many"
    view._put.click()
    assert "is compared with a number such as 50" in unescape(view._preview.value)
    assert not state.changed
    view._property.value, view._value.value = "industry", "Retail"
    view._points.value, view._name.value = 20, "Shops"
    view._put.click()
    assert str(rule_of(state.model, "Shops").when) == 'industry == "Retail"'
    assert "Not saved yet" in text(view.widget)


def test_a_rule_that_asks_the_same_as_another_is_told(view: View, state: State) -> None:
    told = "The rule 'Software company' asks the same: whoever meets it gets the points of both."
    view._text.value = 'industry   == "Software"'
    assert told in unescape(view._preview.value)
    view._name.value = "Again"
    view._put.click()
    assert f"Added: Again. {told}" in text(view.widget)
    view._rows["Again"].change.click()
    assert told in unescape(view._preview.value)
    view._cancel.click()
    view._undo.click()
    view._rows["Software company"].change.click()
    assert "asks the same" not in view._preview.value  # it is that rule


def test_the_same_state_has_the_same_intervals_whatever_came_between(view: View, state: State) -> None:
    def shown() -> tuple[str, str]:
        assert not state.pending
        return state.headline, view._cards.value

    view._rows["Asked for a demo"].points.value = 5
    first = shown()
    state.put('industry == "Retail"', name="Shops", points=20)
    state.settle()
    second = shown()
    state.undo()
    state.by = "country"
    state.settle()
    assert shown() == first
    state.redo()
    state.settle()
    assert shown() == second
    state.by = ""
    state.settle()
    assert shown() == second


def test_cards_say_of_how_many_and_how_sure(view: View, state: State) -> None:
    view._rows["Asked for a demo"].points.value = 5
    comparison = state.comparison
    assert comparison is not None
    for side, calibration in (("old", comparison.old_calibration), ("new", comparison.new_calibration)):
        line = calibration.at(35)
        assert rates_above(comparison, side) == (line.conversion, line.capture)
    shown = " ".join(unescape(re.sub(r"<[^>]+>", " ", view._cards.value)).replace("\u00a0", " ").split())
    assert re.search(r"% of [\d,]+; so far 25\.5 %, [\d.]+ to [\d.]+ % of 1,011; difference [−+]\d+\.\d to ", shown)


def test_who_crosses_is_shown_and_written(view: View, state: State) -> None:
    view._rows["Asked for a demo"].points.value = 45
    view._by.value = "country"
    assert state.comparison is not None
    up = crossing_by_segment(state.comparison)["data"][1]
    assert int(np.sum(up["x"])) == state.comparison.n_up > 0
    view._show_who.click()
    assert "rises" in view._who.value
    found = state.crossing()
    expected = fresh(state).crossed
    assert expected is not None
    pd.testing.assert_frame_equal(found.drop(columns="segment"), expected)
    lines = state.crossing_file().decode("utf-8").split("\r\n")
    assert lines[0] == "Record ID,Direction,Score before,Score after"
    assert len(lines) == len(found) + 2
    assert set(found["segment"]) <= set(state.comparison.by_segment["segment"])


def test_the_picture_counts_everybody_twice(state: State) -> None:
    assert state.comparison is not None
    above, below, old = scores_side_by_side(state.comparison)["data"]
    assert above["y"].sum() + below["y"].sum() == 5000
    assert old["y"][1:-1:2].sum() == 5000
    assert above["y"].sum() == state.comparison.figures.set_index("metric").loc["n_above", "new"]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    rows = [f'{i},"{HOSTILE if i % 3 else "Software"}",{i % 2 == 0},2026-01-01' for i in range(1, 41)]
    text = "\r\n".join(["Record ID,Industry,Won,Create Date", *rows, ""])
    (tmp_path / "hubspot-crm-exports-all-contacts-2026-06-30.csv").write_text(text, encoding="utf-8", newline="")
    return tmp_path


SCORE = "name: One\nversion: 2\ngroups: [{name: g, rules: [{name: r, when: industry == 'Software', points: 5}]}]\n"


def test_a_new_version_never_overwrites_another(small: Path, tmp_path: Path) -> None:
    (small / "score.yaml").write_text(SCORE, encoding="utf-8")
    workspace = wb.load(small, to=tmp_path / "workspace")
    found = page(workspace)
    assert found._save.disabled
    found._save.click()
    assert "nothing differs from One (version 2), so there is no new version to save." in text(found.widget)
    found._rows["r"].points.value = 9
    found._save.click()
    told = "Saved as One (version 3): models/score-one-3.yaml beside the workspace. Nothing was overwritten."
    assert told in text(found.widget)
    assert (found._base.value, found._base.options[0]) == ("One (version 3)", "One (version 3)")
    assert found._save.disabled
    assert found._save.description == "Save as version 4"
    assert found.state.headline.startswith("Nothing is changed")
    found._undo.click()
    assert found.state.headline.startswith("From version 3 to version 4 at ")
    found._redo.click()
    assert found._save.disabled
    found._rows["r"].points.value = 11
    found._save.click()
    names = [file.name for file in workspace.model_files]
    assert names == ["score.yaml", "score-one-3.yaml", "score-one-4.yaml"]
    assert [wb.ScoreModel.read(file).rules[0].points for file in workspace.model_files] == [5, 9, 11]
    again = page(wb.load(small, to=tmp_path / "workspace"))
    assert list(again.state.models) == ["One (version 4)", "One (version 3)", "One (version 2)"]
    again._base.value = "One (version 2)"
    assert again.state.headline.startswith("From version 2 to version 5 at ")
    again._start.value = "One (version 3)"
    assert again.state.model.rules[0].points == 9
    again._undo.click()
    assert again.state.model.rules[0].points == 11


def test_without_a_model_one_is_begun_with_the_mouse(small: Path) -> None:
    found = page(wb.load(small))
    assert found.state.headline.startswith("Nothing is changed yet: every lead has the same score, 0 in 'Score'")
    found._property.value, found._value.value = "industry", HOSTILE
    found._ask.click()
    found._points.value, found._name.value = 60, "Stranger"
    found._put.click()
    assert found.state.headline.startswith("From old to new at 50 points, 27 of 40 contacts rise above the line")
    shown = "".join(str(html.value) for html in [found._answer, *(row.remark for row in found._rows.values())])
    assert "<img" not in shown
    assert "&lt;img" in shown
    found.state.by = "industry"
    found._show_who.click()
    assert "<img" not in found._segments.value + found._who.value + str(found._crossing.spec)
    found._save.click()
    assert "models/score-score-1.yaml" in text(found.widget)


SHAPES = """
name: Shapes
groups:
  - name: fit
    rules:
      - name: Profile
        sum:
          - {name: Soft, when: industry == "Software", points: 10}
          - {name: Other, when: is_unknown(industry), points: 4}
        limits: [null, 12]
      - name: Size
        cases: [{when: industry == "Software", points: 20}, {when: is_known(industry), points: 5}]
      - name: Companies
        associated: contact
        roll_up: sum
        when: is_known(industry)
        points: 3
"""


def test_rules_that_are_not_changed_here_say_why_and_keep_points_switch_and_deletion(small: Path) -> None:
    (small / "score.yaml").write_text(SHAPES, encoding="utf-8")
    found = page(wb.load(small))
    said = text(found.widget)
    assert "part of the sum 'Profile', limits none to 12" in said
    assert "It decides among cases; they are changed in score.yaml" in said
    assert "It asks associated records (contact); what it asks is changed in score.yaml." in said
    assert [found._rows[name].change.layout.display for name in ("Soft", "Size", "Companies")] == ["", "none", "none"]
    found._rows["Size"].points.value = 40
    assert [case.points for case in rule_of(found.state.model, "Size").cases] == [40, 10]
    found._rows["Size"].enabled.value = False
    found._rows["Soft"].box.children[2].children[1].click()
    assert list(found._rows) == ["Other", "Size", "Companies"]
    assert not rule_of(found.state.model, "Size").enabled


def test_a_score_of_the_vendors_is_chosen_changed_and_saved(small: Path, tmp_path: Path) -> None:
    (small / "score.yaml").write_text(SCORE, encoding="utf-8")
    theirs = replace(model(), name="Theirs")
    theirs = replace(theirs, groups=tuple(replace(group, category="fit") for group in theirs.groups))
    kinds = dict.fromkeys("abc", "number")
    vendors = json.dumps(theirs.to_hubspot(kinds=kinds))
    (small / "from the CRM.json").write_text(vendors.replace('"a"', '"won"'), encoding="utf-8")
    (small / "later.json").write_text(vendors.replace('"groupCategory"', '"groupKind"'), encoding="utf-8")
    (small / "package.json").write_text("{}", encoding="utf-8")
    workspace = wb.load(small, to=tmp_path / "workspace")
    assert [file.name for file in workspace.model_files] == ["score.yaml", "from the CRM.json", "later.json"]
    found = page(workspace)
    assert list(found.state.models) == ["One (version 2)", "Theirs (version 1)"]
    assert "later.json: the score 'Theirs'" in text(found.widget)
    assert "unknown key 'groupKind'" in text(found.widget)
    found._start.value = "Theirs (version 1)"
    assert [rule.points for rule in found.state.model.rules] == [5, 5, 5]
    found.state.set_points(found.state.model.rules[0].name, 8)
    found._save.click()
    assert "models/score-theirs-2.yaml" in text(found.widget)
    assert wb.ScoreModel.read(workspace.saved_models / "score-theirs-2.yaml").rules[0].points == 8


def test_the_line_begins_at_the_decision_else_at_the_label_else_where_winners_part(small: Path, tmp_path: Path) -> None:
    (small / "score.yaml").write_text(SCORE, encoding="utf-8")
    workspace = wb.load(small, to=tmp_path / "workspace")
    threshold_page = wb.dashboards.calibrate_threshold.page(workspace).state
    parted = threshold_page.threshold
    assert (page(workspace).state.first_line.why, page(workspace).state.threshold) == (
        "where the score parts winners best",
        parted,
    )
    threshold_page.threshold = 5 - parted
    threshold_page.decide(author="Ada Quill", reason="a test", on=date(2026, 7, 1))
    line = page(workspace).state.first_line
    assert line == (5 - parted, "decided on 2026-07-01 by Ada Quill")
    file = tmp_path / "workspace" / "score.decisions.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("Ada", "Eve"), encoding="utf-8")
    damaged = page(workspace)
    assert "The decision on the line cannot be read." in text(damaged.widget)
    assert damaged.state.threshold == parted
    (small / "score.yaml").write_text(SCORE + "labels: [{name: Hot, at_least: 4}]\n", encoding="utf-8")
    labelled = wb.load(small)
    assert page(labelled).state.first_line == (4, "where the highest label begins")
    assert wb.dashboards.calibrate_threshold.page(labelled).state.threshold == 4


def test_an_export_without_success_is_said(tmp_path: Path) -> None:
    (tmp_path / "contacts-2026-06-30.csv").write_text("Record ID,Industry\r\n1,Software\r\n", newline="")
    with pytest.raises(WorkbenchError, match=r"^no column of the export can count as success"):
        page(wb.load(tmp_path))


def model() -> wb.ScoreModel:
    a, b, c = (Rule(name=name, when=f"{name} == 1", points=5) for name in "abc")
    return wb.ScoreModel(
        name="M",
        groups=(
            RuleGroup(name="g", rules=(a, RuleSum(name="s", rules=(b,), maximum=3))),
            RuleGroup(name="h", rules=(c,)),
        ),
    )


def test_rules_are_changed_one_at_a_time_in_sums_too() -> None:
    start = model()
    assert with_rule(start, "b", replace(rule_of(start, "b"), points=2)).with_points({"b": 5}) == start
    assert [rule.name for rule in without_rule(start, "b").rules] == ["a", "c"]
    assert [group.name for group in without_rule(start, "c").groups] == ["g", "h"]
    more = with_new_rule(start, "h", Rule(name="d", when="d == 1", points=1))
    assert [rule.name for rule in more.groups[1].rules] == ["c", "d"]
    off = with_rule(start, "b", replace(rule_of(start, "b"), enabled=False))
    assert all(rule.enabled for rule in all_enabled(off).rules)
    for wrong in (
        lambda: rule_of(start, "x"),
        lambda: without_rule(start, "x"),
        lambda: with_rule(start, "x", start.rules[0]),
    ):
        with pytest.raises(WorkbenchError, match="unknown rule 'x'; the model 'M' has 'a', 'b', 'c'"):
            wrong()
    with pytest.raises(WorkbenchError, match=r"unknown group 'hh'; the model 'M' has 'g', 'h'\."):
        with_new_rule(start, "hh", Rule(name="d", when="d == 1", points=1))


def test_a_model_is_fitted_to_what_was_counted_and_scores_the_same() -> None:
    table = pd.DataFrame([[i & 1, i >> 1 & 1, i >> 2] for i in range(8)], columns=["a", "b", "c"])
    start = model()
    changed = without_rule(start.with_points({"b": 2, "c": -4}), "a")
    same = fitted(changed, start)
    assert same is not None
    assert [rule.name for rule in same.rules] == ["a", "b", "c"]
    assert list(wb.score(table, same)["score"]) == list(wb.score(table, changed)["score"])
    assert fitted(with_rule(start, "a", Rule(name="a", when="a == 0", points=5)), start) is None
    assert fitted(with_new_rule(start, "h", Rule(name="d", when="a == 0", points=5)), start) is None
