"""What the page about the line knows and decides, without a widget."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.dashboards.calibrate_threshold import State, page, source
from workbench.errors import WorkbenchError

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
AT_35 = (
    "At 35 points 1,011 of 4,213 leads (24.0 %) go to sales; 25.5 % of them became customers (22.9 to 28.3 %), "
    "3.1 times the average; 74 % of all customers are among them."
)
MakeWorkspace = Callable[..., wb.Workspace]


@pytest.fixture(scope="module")
def workspace() -> wb.Workspace:
    return wb.load(SAMPLE)


@pytest.fixture(scope="module")
def model() -> wb.ScoreModel:
    return wb.ScoreModel.read(SAMPLE / "score.yaml")


@pytest.fixture(scope="module")
def shared(workspace: wb.Workspace, model: wb.ScoreModel) -> State:
    return State(workspace, [model])


def start_again(state: State) -> None:
    """As on the first look: counting takes longer than most tests."""
    state.score, state.outcome, state.within_days = "Sales readiness", "became a customer", 90
    state.among, state.among_value = "", ""
    state.leads_per_week, state.include_opted_out = 20, False
    state.capacity_said = False
    state.settle()
    while state.can_undo:
        state.undo()
    state.points = {rule.name: float(rule.points) for rule in state.models["Sales readiness"].rules}
    state.threshold = 35
    state.settle()


@pytest.fixture
def state(shared: State) -> Iterator[State]:
    yield shared
    start_again(shared)


@pytest.fixture
def make_workspace(tmp_path: Path) -> MakeWorkspace:
    """`make(contacts, **files)`: a Workspace of contacts as CSV text and of other files, by name."""

    def make(contacts: str, **files: str) -> wb.Workspace:
        (tmp_path / "contacts-2026-06-30.csv").write_text(contacts, encoding="utf-8", newline="")
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
        return wb.load(tmp_path)

    return make


def rows(head: str, make: Callable[[int], str], *, n: int = 40) -> str:
    return "\r\n".join([head, *(make(i) for i in range(n)), ""])


def from_scratch(state: State, contacts: pd.DataFrame | None = None) -> wb.Calibration:
    """The same choices, judged as anyone would without the page."""
    leads = state.workspace.contacts if contacts is None else contacts
    name = state.score
    if state.model is not None:
        leads = wb.score(leads, state.model, activities=state.workspace.activities, as_of=state.workspace.as_of)
        name = "score"
    return wb.calibrate(leads, score=name, outcome=state.outcome_spec, as_of=state.workspace.as_of, company=None)


def assert_same(state: State, expected: wb.Calibration) -> None:
    assert state.error == ""
    assert state.calibration is not None
    state.settle()
    pd.testing.assert_frame_equal(state.calibration.thresholds, expected.thresholds)
    pd.testing.assert_frame_equal(state.calibration.bands, expected.bands)
    assert state.calibration.summary == expected.summary
    assert state.headline == expected.headline(state.threshold)


# the first look


def test_the_page_begins_with_the_model_the_first_outcome_and_the_line_that_parts_best(state: State) -> None:
    assert (state.score, state.outcome, state.within_days) == ("Sales readiness", "became a customer", 90)
    assert state.threshold == 35
    assert state.headline == AT_35
    assert_same(state, from_scratch(state))


def test_models_stand_before_columns_and_likely_scores_before_counts(state: State) -> None:
    assert list(state.scores.items())[:2] == [
        ("Sales readiness", "Sales readiness (version 3)"),
        ("hubspotscore", "HubSpot Score"),
    ]
    assert "hs_email_open" in list(state.scores)[2:]


def test_what_can_count_as_success_is_offered_in_words(state: State) -> None:
    assert list(state.outcomes) == [
        "became a customer",
        "became an opportunity",
        "became sales qualified",
        "became marketing qualified",
        "hs_v2_date_entered_newsletter_reader is filled in",
    ]


def test_no_property_with_personal_data_parts_leads_into_segments(state: State) -> None:
    assert "country" in state.segment_properties
    assert not {"email", "firstname", "lastname", "phone", "hs_object_id"} & set(state.segment_properties)


def test_the_page_says_whose_leads_it_shows(workspace: wb.Workspace) -> None:
    assert source(workspace) == "sample · 5,000 contacts · export of 30 June 2026"


# choices


@pytest.mark.parametrize("score", ["hubspotscore", "hs_email_open"])
def test_another_score_is_judged_anew_with_its_own_line_and_without_rules(state: State, score: str) -> None:
    state.remember("threshold")
    state.score = score
    assert_same(state, from_scratch(state))
    assert state.calibration is not None
    assert state.threshold == state.calibration.default_threshold
    assert (state.model, state.rules, state.points, state.can_undo) == (None, None, {}, False)


def test_back_from_a_column_the_model_has_its_own_points(state: State, model: wb.ScoreModel) -> None:
    state.points = {**state.points, "Decides": 50.0}
    state.score = "hubspotscore"
    state.score = "Sales readiness"
    assert state.points == {rule.name: rule.points for rule in model.rules}
    assert state.headline == AT_35


@pytest.mark.parametrize("place", range(5))
def test_another_outcome_is_judged_anew_and_the_line_stays(state: State, place: int) -> None:
    state.outcome = list(state.outcomes)[place]
    assert state.threshold == 35
    assert_same(state, from_scratch(state))


@pytest.mark.parametrize("days", [30, 365, 0])
def test_another_window_is_judged_anew(state: State, days: int) -> None:
    state.within_days = days
    assert state.outcome_spec.within_days == (days or None)
    assert_same(state, from_scratch(state))


def test_without_a_window_nobody_is_too_young(state: State) -> None:
    assert ("Not judged: 783 younger than 90 days, 4 won before they were created.") in state.footnote
    state.within_days = 0
    assert "Not judged: 6 won before they were created." in state.footnote


def test_a_segment_is_judged_by_itself(state: State, workspace: wb.Workspace) -> None:
    state.among = "country"
    assert state.headline == AT_35
    commonest = state.segment_values()[0]
    assert (commonest.value, commonest.n) == ("Germany", int((workspace.contacts["country"] == "Germany").sum()))
    state.among_value = "Germany"
    german = workspace.contacts[workspace.contacts["country"] == "Germany"]
    assert_same(state, from_scratch(state, german))
    state.points = {**state.points, "Decides": 30.0}
    assert_same(state, from_scratch(state, german))


def test_another_property_means_all_of_its_values_again(state: State) -> None:
    state.among = "country"
    state.among_value = "Germany"
    counted = state.version
    state.among = "industry"
    assert state.among_value == ""
    assert state.version == counted + 1
    assert state.headline == AT_35


def test_the_values_of_a_segment_are_counted_once(state: State) -> None:
    state.among = "country"
    assert state.segment_values() is state.segment_values()


# points and the line


@settings(max_examples=8, deadline=None)
@given(st.data())
def test_other_points_give_what_scoring_and_calibrating_from_scratch_gives(shared: State, data: st.DataObject) -> None:
    names = [rule.name for rule in shared.models["Sales readiness"].rules]
    points = data.draw(st.dictionaries(st.sampled_from(names), st.integers(-60, 60) | st.just(2.5), max_size=4))
    shared.points = {rule.name: float(rule.points) for rule in shared.models["Sales readiness"].rules} | points
    assert_same(shared, from_scratch(shared))


@settings(max_examples=30, deadline=None)
@given(st.floats(-20, 130))
def test_a_line_anywhere_says_what_lies_above_it(shared: State, threshold: float) -> None:
    shared.reset()
    shared.threshold = threshold
    assert shared.calibration is not None
    assert shared.headline == shared.calibration.headline(threshold)


def test_a_rule_says_how_many_leads_it_matches_and_how_they_convert(state: State, workspace: wb.Workspace) -> None:
    assert state.rules is not None
    told = state.rules.set_index("rule").loc["Germany, Austria or Switzerland"]
    matched = workspace.contacts[workspace.contacts["country"].isin(["Germany", "Austria", "Switzerland"])]
    expected = wb.calibrate(
        matched.assign(one=range(len(matched))), score="one", outcome=state.outcome_spec, as_of=state.workspace.as_of
    )
    assert (told["n_leads"], told["n_won"]) == (expected.n_leads, expected.n_won)
    assert (told["conversion_rate"], told["low"], told["high"]) == pytest.approx(
        (expected.base_rate.value, expected.base_rate.low, expected.base_rate.high)
    )


def test_a_drag_is_one_step_back_and_so_is_the_next_drag_of_another_control(state: State) -> None:
    for points in (16.0, 17.0, 18.0):
        state.remember("Decides")
        state.points = {**state.points, "Decides": points}
    for threshold in (40.0, 45.0):
        state.remember("threshold")
        state.threshold = threshold
    assert (state.points["Decides"], state.threshold) == (18, 45)
    state.undo()
    assert (state.points["Decides"], state.threshold) == (18, 35)
    state.undo()
    assert (state.points["Decides"], state.threshold) == (10, 35)
    assert state.headline == AT_35
    assert not state.can_undo


def test_after_a_step_back_a_new_drag_of_the_same_control_is_a_step_of_its_own(state: State) -> None:
    for control, threshold in [("threshold", 40.0), ("advice 0", 50.0)]:
        state.remember(control)
        state.threshold = threshold
    state.undo()
    state.remember("threshold")
    state.threshold = 60
    state.undo()
    assert state.threshold == 40


def test_undo_with_nothing_to_undo_changes_nothing(state: State) -> None:
    state.undo()
    assert state.headline == AT_35


def test_reset_gives_the_models_own_points_and_can_be_undone(state: State) -> None:
    state.reset()
    assert not state.can_undo
    state.remember("Decides")
    state.points = {**state.points, "Decides": 40.0}
    moved = state.headline
    state.reset()
    assert state.headline == AT_35
    state.undo()
    assert state.headline == moved


# what takes longer


def test_settling_brings_leads_a_week_and_three_recommended_lines(state: State) -> None:
    state.points = {**state.points, "Decides": 20.0}
    assert state.calibration is not None
    assert state.calibration.weekly is None
    state.settle()
    expected = from_scratch(state)
    assert state.recommendations == (
        expected.recommend("capacity", leads_per_week=20),
        expected.recommend("youden"),
        expected.recommend("rule_of_thumb"),
    )
    assert state.calibration.weekly is not None


def test_what_sales_can_take_moves_its_line(state: State) -> None:
    state.leads_per_week = 5.0
    state.settle()
    assert state.recommendations[0] == from_scratch(state).recommend("capacity", leads_per_week=5)


def test_the_line_goes_to_what_sales_can_take_once_it_is_known_and_that_is_a_step(state: State) -> None:
    state.leads_per_week = 5.0
    assert state.threshold == 35
    state.settle()
    assert state.threshold == state.recommendations[0].threshold == 55
    state.undo()
    assert state.threshold == 35
    state.settle()
    assert state.threshold == 35


def test_a_team_that_can_take_nobody_is_told_so(state: State) -> None:
    state.leads_per_week = 0.0
    state.settle()
    assert [found.kind for found in state.recommendations] == ["capacity", "youden", "rule_of_thumb"]
    assert state.recommendations[0].headline() == (
        "No line by what sales can take: a team that can take no lead needs no line; "
        "say how many leads a week it can take."
    )


def test_where_all_leads_fit_that_is_said_first_and_then_what_the_score_can_still_do(state: State) -> None:
    state.leads_per_week = 80.0
    state.settle()
    assert state.threshold == 0
    fit = "All leads fit: 63.8 a week come, sales can take 80; no line is needed for capacity. "
    assert state.headline == (
        f"{fit}The score can still say whom to call first: from 35 points on, 1,011 leads convert at 25.5 % "
        "(22.9 to 28.3 %), 3.1 times the average."
    )
    state.threshold = 35
    assert state.headline == fit + AT_35


def test_changed_points_are_compared_with_the_models_own_at_the_same_line(state: State) -> None:
    assert state.compared == ""
    own = state.calibration.at(35)  # type: ignore[union-attr]
    state.points = {**state.points, "Decides": 30.0}
    low, high = 100 * own.conversion.low, 100 * own.conversion.high
    assert state.compared == (
        f"With the points of version 3: {own.n_leads:,} leads, {100 * own.conversion.value:.1f} % "
        f"({low:.1f} to {high:.1f} %) won, {100 * own.capture.value:.0f} % of all wins."
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda state: setattr(state, "points", {**state.points, "Decides": 20.0}),
        lambda state: setattr(state, "leads_per_week", 3.0),
        lambda state: setattr(state, "outcome", "became an opportunity"),
        lambda state: setattr(state, "score", "hubspotscore"),
    ],
)
def test_what_was_settled_for_another_state_is_dropped(state: State, change: Callable[[State], None]) -> None:
    apply = state.settlement()()
    change(state)
    before = (state.calibration, state.recommendations, state.settled)
    apply()
    assert (state.calibration, state.recommendations, state.settled) == before


def test_what_was_settled_holds_wherever_the_line_went_meanwhile(state: State) -> None:
    state.points = {**state.points, "Decides": 20.0}
    before = state.settled
    apply = state.settlement()()
    state.threshold = 60
    apply()
    assert state.settled == before + 1
    assert state.recommendations[1] == from_scratch(state).recommend("youden")


# dead ends and the ways out


def test_points_that_are_all_zero_end_in_a_sentence_and_undo_leads_out(state: State) -> None:
    state.settle()
    state.remember("all")
    state.points = dict.fromkeys(state.points, 0.0)
    assert state.calibration is None
    assert state.headline == (
        "every lead has the same score, 0 in 'Sales readiness', so there is no line to draw; choose another score "
        "column, or rules that tell leads apart."
    )
    assert (state.recommendations, state.warnings, state.footnote) == ((), [], [])
    with pytest.raises(WorkbenchError, match="every lead has the same score"):
        _ = state.base_rate
    state.settle()
    state.undo()
    assert state.headline == AT_35


def test_an_outcome_that_never_happens_ends_in_a_sentence_and_another_one_leads_out(
    make_workspace: MakeWorkspace,
) -> None:
    workspace = make_workspace(
        rows("Record ID,Fit Score,Won,Lost", lambda i: f"{i},{i},no,{'yes' if i > 30 else 'no'}")
    )
    state = page(workspace).state
    assert state.headline == (
        "the outcome 'Won' never happens among 40 leads, so no line can be better than another; choose another "
        "outcome, or check the export's dates and stages."
    )
    state.outcome = "Lost is yes"
    assert (state.score, state.unfit) == ("Fit Score", {})
    assert_same(state, from_scratch(state))
    assert state.calibration is not None
    assert state.threshold == state.calibration.default_threshold == 31


def test_the_first_score_that_can_be_judged_is_and_why_no_other_is_said(make_workspace: MakeWorkspace) -> None:
    workspace = make_workspace(
        rows("Record ID,Lead Score,Old points,Won", lambda i: f"{i},{'' if i else 1},{i},{'yes' if i > 30 else 'no'}"),
        score=MODEL.replace("Fit Score", "Lead Score").replace(">= 70", ">= 70000"),
    )
    state = page(workspace).state
    assert state.score == "Old points"
    assert list(state.unfit) == ["Fit", "Lead Score"]
    assert state.unfit["Fit"].startswith("every lead has the same score, 0 in 'Fit', so there is no line to draw;")
    state.score = "Fit"
    assert state.error == state.unfit["Fit"]
    state.score = "Old points"
    assert_same(state, from_scratch(state))


MODEL = """
name: Fit
version: 1
groups:
  - name: fit
    rules:
      - name: Fits well
        when: property("Fit Score") >= 70
        points: 10
"""
FIT = rows("Record ID,Fit Score,Won", lambda i: f"{i},{2 * i},{'yes' if i > 30 else 'no'}", n=45)


def test_a_rule_on_a_column_that_is_not_there_is_said_and_the_score_column_leads_out(
    make_workspace: MakeWorkspace,
) -> None:
    view = page(make_workspace(FIT, score=MODEL.replace("Fit Score", "Fitt Score")))
    state = view.state
    told = (
        "the model 'Fit' does not fit this export: unknown property 'Fitt Score' in the condition "
        "'property(\"Fitt Score\") >= 70'; contacts have 'hs_object_id', 'Fit Score', 'Won'. Did you mean 'Fit Score'?"
    )
    assert (state.score, list(state.scores)) == ("Fit Score", ["Fit", "Fit Score"])
    assert state.unfit == {"Fit": told}
    assert "Fit Score is judged instead.</b> The model &#39;Fit&#39; does not fit this export" in view._answer.value
    assert_same(state, from_scratch(state))
    state.score = "Fit"
    assert state.error == (
        f"{told} Choose another score under 'What is judged', or import a score.yaml whose rules ask for what this "
        "export has."
    )
    state.score = "Fit Score"
    assert_same(state, from_scratch(state))


def test_a_model_that_cannot_be_read_is_said_and_left_out(make_workspace: MakeWorkspace) -> None:
    broken = MODEL.replace("points: 10", "pionts: 10")
    workspace = make_workspace(FIT, score=MODEL, score_broken=broken)
    with pytest.raises(WorkbenchError) as fault:
        wb.ScoreModel.read(workspace.model_files[1])
    state = page(workspace).state
    assert list(state.models) == ["Fit"]
    assert state.problems == (str(fault.value),)
    assert str(fault.value).startswith("score_broken.yaml, line 9, key 'pionts': unknown key;")


def test_of_two_versions_of_a_model_the_newer_is_judged_and_decisions_stay_where_they_were(
    make_workspace: MakeWorkspace,
) -> None:
    state = page(make_workspace(FIT, score=MODEL, score_new=MODEL.replace("version: 1", "version: 2"))).state
    assert (next(iter(state.scores.values())), state.problems) == ("Fit (version 2)", ())
    assert state.ledger.file.name == "score.yaml"


def test_of_two_models_with_one_name_the_second_is_said_and_left_out(make_workspace: MakeWorkspace) -> None:
    state = page(make_workspace(FIT, score=MODEL, score_new=MODEL)).state
    assert next(iter(state.scores.values())) == "Fit (version 1)"
    assert state.problems == ("score_new.yaml: another file has a model called 'Fit'; give each its own name.",)


def test_a_second_model_with_the_same_rules_has_its_own_points(make_workspace: MakeWorkspace) -> None:
    newer = MODEL.replace("name: Fit\n", "name: Fit anew\n").replace("points: 10", "points: 25")
    state = page(make_workspace(FIT, score=MODEL, score_new=newer)).state
    assert state.points == {"Fits well": 10}
    state.score = "Fit anew"
    assert state.points == {"Fits well": 25}
    assert_same(state, from_scratch(state))


@pytest.mark.parametrize(
    ("contacts", "sentence"),
    [
        (
            "Record ID,First Name,Won\r\n1,Ada,yes\r\n2,Ben,no\r\n",
            "there is no number column that could be a score, and no score.yaml beside the export; "
            "add a score.yaml with rules, or export the score's column too.",
        ),
        (
            "Record ID,First Name,Fit Score\r\n1,Ada,10\r\n2,Ben,20\r\n",
            "no column of the export can count as success: no date a stage was entered, no yes/no column; "
            "export one of them too, or name it in mapping.yaml.",
        ),
    ],
)
def test_an_export_with_nothing_to_judge_is_refused_in_a_sentence(
    make_workspace: MakeWorkspace, contacts: str, sentence: str
) -> None:
    with pytest.raises(WorkbenchError) as refused:
        page(make_workspace(contacts))
    assert str(refused.value) == sentence


def test_an_export_without_contacts_is_refused_in_a_sentence(tmp_path: Path) -> None:
    deals = "Record ID,Deal Name,Deal Stage,Amount\r\n1,One,closedwon,5\r\n"
    folder = tmp_path / "deals only"
    folder.mkdir()
    (folder / "deals-2026-06-30.csv").write_text(deals, encoding="utf-8", newline="")
    with pytest.raises(WorkbenchError) as refused:
        page(wb.load(folder))
    assert str(refused.value) == (
        "deals only has no contacts: no file of them was loaded. There are 'deals'. "
        "Export the contacts and load them with the rest."
    )


# what the figures cannot carry


def test_leads_that_are_too_few_are_said(state: State) -> None:
    assert [title for title, _ in state.warnings] == ["Not a back-test."]
    state.threshold = 95
    line = state.calibration.at(95)  # type: ignore[union-attr]
    assert state.warnings[-1] == (
        "Few leads.",
        f"{line.n_leads} leads and {line.n_won} wins are above the line; mind the wide interval.",
    )


def test_the_footnote_gives_source_definition_and_method(state: State) -> None:
    assert state.footnote == [
        "Score: minimum 0, lower quartile 5, median 20, average 21.9, upper quartile 30, maximum 100, of 5,000 leads.",
        "Success: became a customer (is_known(hs_v2_date_entered_customer) within 90 days of createdate).",
        "Not judged: 783 younger than 90 days, 4 won before they were created.",
        "Intervals: 95%, Wilson for rates, bootstrap for recommended lines.",
        "Leads a week: created in the last 52 whole weeks with new leads and above the line now; the week in which a "
        "lead crossed it is not in the export.",
        "Source: 61,218 rows read, 61,218 loaded, 0 set aside.",
    ]
    state.score = "hs_email_open"
    blank = int(state.workspace.contacts["hs_email_open"].isna().sum())
    assert state.footnote[0].endswith(f" of 5,000 leads; {blank:,} have none, which is not counted as 0.")


# the leads above the line


def above(state: State) -> pd.DataFrame:
    """Who is above the line and no customer yet."""
    contacts: pd.DataFrame = wb.score(state.workspace, state.model)
    return contacts[(contacts["score"] >= state.threshold) & contacts["hs_v2_date_entered_customer"].isna()]


def test_the_leads_above_the_line_are_those_of_the_points_as_they_stand(state: State) -> None:
    state.points = {**state.points, "Asked for a demo": 60.0}
    state.threshold = 60
    expected = above(state)
    opted_out = expected["hs_email_optout"].fillna(False).astype(bool)
    given_to_sales = state.leads_above()
    assert set(given_to_sales.rows["hs_object_id"]) == set(expected.loc[~opted_out, "hs_object_id"])
    assert given_to_sales.n_opted_out == opted_out.sum() > 0
    assert (given_to_sales.score_name, given_to_sales.threshold) == ("Sales readiness", 60)
    state.include_opted_out = True
    assert set(state.leads_above().rows["hs_object_id"]) == set(expected["hs_object_id"])


def test_the_leads_above_the_line_are_those_of_the_segment(state: State) -> None:
    state.among = "country"
    state.among_value = "Austria"
    state.include_opted_out = True
    expected = above(state)
    expected = expected[expected["country"] == "Austria"]
    assert set(state.leads_above().rows["hs_object_id"]) == set(expected["hs_object_id"])
    assert set(state.leads_above().rows["country"]) == {"Austria"}


def test_the_leads_above_the_line_of_a_column_carry_its_name(state: State, workspace: wb.Workspace) -> None:
    state.score = "hubspotscore"
    given_to_sales = state.leads_above()
    scores = workspace.contacts.set_index("hs_object_id")["hubspotscore"]
    assert given_to_sales.score_name == "hubspotscore"
    assert (scores[given_to_sales.rows["hs_object_id"]].to_numpy() == given_to_sales.rows["score"].to_numpy()).all()
    assert given_to_sales.rows["score"].min() >= state.threshold


def test_changed_points_are_saved_as_a_model_that_scores_the_same(state: State, tmp_path: Path) -> None:
    state.points = {**state.points, "Decides": 12.5}
    file = tmp_path / "score.yaml"
    changed: Any = state.model
    changed.write(file)
    pd.testing.assert_series_equal(
        wb.score(state.workspace, wb.ScoreModel.read(file))["score"], wb.score(state.workspace, changed)["score"]
    )
