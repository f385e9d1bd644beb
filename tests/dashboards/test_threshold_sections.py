"""The questions of the page about the line: what each finds, without a widget and with its widgets."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import workbench as wb
from tests.dashboards.reading import named, parts_of, text
from workbench.calibration import decisions
from workbench.dashboards.calibrate_threshold import State, View, page
from workbench.dashboards.calibrate_threshold.view import OPEN, stands
from workbench.dashboards.download import Download
from workbench.errors import WorkbenchError

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
ALL = {"deals", "first_win", "suspects", "suggestion", "drift", "segments", "hold_out"}


@pytest.fixture(scope="module")
def workspace() -> wb.Workspace:
    return wb.load(SAMPLE)


@pytest.fixture(scope="module")
def shared(workspace: wb.Workspace) -> View:
    return page(workspace)


@pytest.fixture
def view(shared: View) -> Iterator[View]:
    """One page for all: every test finds it as on the first look, but for what is open."""
    state = shared.state
    yield shared
    for one in shared.sections:
        one._toggle.value = isinstance(one, OPEN)
    state.reference = "7 days after creation"
    for file in state.workspace.path.glob("*.decisions.yaml"):
        file.unlink()
    if state.decisions or state.undecided:
        state._read_decisions()
    state.score = "Sales readiness"
    state.value_per_win = state.cost_per_lead = state.target_rate = state.keep_down_to = state.old_line = None
    state.among, state.people, state.leads_per_week = "", 4, 20.0
    state.segment_by, state.segment_rule, state.worked, state.by_lot = "country", "youden", "", 0.1
    state._follow_capacity = state.capacity_said = False
    while state.can_undo:
        state.undo()
    state.threshold = 35
    state.settle()


@pytest.fixture
def state(view: View) -> State:
    return view.state


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., State]:
    """`make(rows, score=...)`: the State on contacts as CSV lines."""

    def made(lines: list[str], **models: str) -> State:
        (tmp_path / "contacts-2026-06-30.csv").write_text("\r\n".join([*lines, ""]), encoding="utf-8", newline="")
        for name, model in models.items():
            (tmp_path / f"{name}.yaml").write_text(model, encoding="utf-8")
        return page(wb.load(tmp_path)).state

    return made


def found(state: State, name: str) -> Any:
    state.wanted.add(name)
    state.settle()
    result = state.finding(name)
    assert result is not None
    return result


def section(view: View, question: str) -> Any:
    (one,) = [one for one in view.sections if one.question == question]
    return one


def of(view: View, name: str) -> Any:
    """The box whose label begins with a name; the currency comes behind it."""
    (box,) = [part for part in parts_of(view.widget) if str(getattr(part, "description", "")).startswith(name)]
    return box


def opened(view: View, question: str) -> str:
    """What can be read in a section once it is open and settled."""
    section(view, question).open()
    view.state.settle()
    return text(section(view, question).widget)


def scored(state: State) -> pd.DataFrame:
    table: pd.DataFrame = wb.score(state.workspace, state.model)
    return table


# opening


def test_a_question_is_answered_in_a_few_words_and_costs_no_more_until_it_is_opened(workspace: wb.Workspace) -> None:
    view = page(workspace)
    view.state.settle()
    for one in view.sections:
        words, body = one.widget.children[0].children[1], one.widget.children[1]
        assert text(words).strip()
        assert one.is_open == isinstance(one, OPEN)
        assert (body.children != ()) == one.is_open
        assert (body.layout.display == "none") != one.is_open
    assert view.state.finding("suspects") is None


def test_the_questions_stand_in_the_order_of_thinking(view: View) -> None:
    assert [one.question for one in view.sections] == [
        "What does the score look like?",
        "Does it sort leads?",
        "Do its rules earn their points?",
        "Where is the line?",
        "Can sales take it?",
        "Is it fair across segments?",
        "How sure are we?",
        "Then decide",
    ]


def test_open_questions_show_what_was_found_and_closed_ones_ask_for_nothing(view: View) -> None:
    for one in view.sections:
        one.open()
    view.state.settle()
    assert view.state.wanted >= ALL
    told = text(view.widget)
    assert "Working it out" not in told
    assert "Wins are on record from 23 January 2025 on" in told
    assert "EUR 5,498 at the median, of 2,323 deals" in told
    section(view, "How sure are we?")._toggle.value = False
    assert not {"drift", "hold_out"} & view.state.wanted
    assert "first_win" in view.state.wanted


def test_a_question_about_rules_is_asked_of_a_model_only(view: View) -> None:
    view.state.score = "hubspotscore"
    view.state.settle()
    assert section(view, "Do its rules earn their points?").widget.layout.display == "none"
    view.state.score = "Sales readiness"
    view.state.settle()
    assert section(view, "Do its rules earn their points?").widget.layout.display == ""


# what it looks like


MODEL = """
name: Fit
groups:
  - name: fit
    rules:
      - name: Fits
        when: property("Fit Score") > 40
        points: 10
      - name: Has an owner
        when: is_known(hubspot_owner_id)
        points: 5
"""


def test_a_rule_on_what_is_known_only_after_sales_contact_is_named(make: Callable[..., State]) -> None:
    state = make(
        [
            "Record ID,Fit Score,Contact owner,Won",
            *(f"{i},{i},{i % 3 or ''},{'yes' if i > 60 else 'no'}" for i in range(90)),
        ],
        score=MODEL,
    )
    late = found(state, "suspects")
    assert late.declared == {"Has an owner": ["hubspot_owner_id"]}


def test_wins_that_start_late_are_said_before_anything_else(make: Callable[..., State]) -> None:
    days = pd.date_range("2025-06-01", periods=300)
    rows = []
    for i, day in enumerate(days.repeat(4)):
        won = day + pd.Timedelta(days=20) if i % 4 == 0 else None
        kept = won is not None and won >= pd.Timestamp("2025-11-01")
        rows.append(f"{i},{i % 50},{day:%Y-%m-%d},{f'{won:%Y-%m-%d}' if kept else ''}")
    state = make(["Record ID,Fit Score,Create Date,Signed on", *rows])
    state.settle()
    title, told = state.warnings[0]
    assert title == "Early wins are missing."
    assert "Wins are on record from 1 November 2025 on" in told
    view = View(state)
    assert "Earlier wins are missing" in opened(view, "What does the score look like?")
    assert text(view.widget).count("Wins are on record from 1 November 2025 on") == 1


# whether it sorts, and its rules


def test_the_score_as_it_was_is_rebuilt_when_asked(view: View) -> None:
    before = opened(view, "Does it sort leads?")
    assert "A back-test scores each lead as of a past date" in before
    named(view, "Rebuild it").click()
    state = view.state
    assert state.rebuilt is not None
    assert (state.done, state.rebuilt.when) == (None, "7 days after creation")
    told = opened(view, "Does it sort leads?")
    assert "Score as it was 7 days after creation: a winner scored above a loser in 75 % of pairs" in told
    assert "62 leads had not reached the reference date by the export." in told
    assert "Learnt from the score as it was." in opened(view, "Do its rules earn their points?")
    state.remember("Decides")
    state.points = {**state.points, "Decides": 40.0}
    assert "have moved since; rebuild it." in opened(view, "Does it sort leads?")


def test_a_back_test_tells_how_far_it_is_and_can_be_stopped(state: State) -> None:
    state.reference = "at the last 12 ends of months"
    work, done = state.rebuilding(), []
    assert state.done == 0

    def progress(share: float) -> None:
        done.append(share)
        if len(done) == 3:
            state.stop()

    work(progress)()
    assert done == [0, 1 / 12, 2 / 12]
    assert (state.rebuilt, state.done) == (None, None)
    assert state.not_rebuilt == "Stopped; nothing was rebuilt."


def test_a_column_cannot_be_rebuilt_and_says_what_can(state: State) -> None:
    state.score = "hubspotscore"
    state.rebuilding()(lambda _: None)()
    assert state.rebuilt is None
    assert state.not_rebuilt == (
        "a column of the export holds the score as of the export and cannot be rebuilt; choose a model (score.yaml), "
        "whose rules can."
    )


def test_suggested_points_are_taken_and_given_back(view: View) -> None:
    told = opened(view, "Do its rules earn their points?")
    assert "Downloaded an e-book" in told
    assert "nearly always occur together" in told
    own, suggested = dict(view.state.points), view.state.finding("suggestion").points
    named(view, "Take these points").click()
    assert view.state.points == {**own, **suggested} != own
    view.state.settle()
    assert named(view, "Take these points").disabled
    view.state.undo()
    assert view.state.points == own


# where the line is


def test_profit_and_a_rate_are_advised_once_their_numbers_are_known(view: View) -> None:
    state = view.state
    named(view, "Conversion asked for, %").value = "30"
    (value,) = [
        one for one in parts_of(view.widget) if str(getattr(one, "description", "")).startswith("Value of a win")
    ]
    (cost,) = [one for one in parts_of(view.widget) if str(getattr(one, "description", "")).startswith("Cost of")]
    value.value = "5 000"  # no number: it stays none
    assert (state.value_per_win, value.value) == (None, "")
    value.value, cost.value = "5000", "600,5"
    assert (state.value_per_win, state.cost_per_lead, state.target_rate) == (5000, 600.5, 0.3)
    state.settle()
    assert [one.kind for one in state.recommendations] == [
        "capacity",
        "profit",
        "target_rate",
        "youden",
        "rule_of_thumb",
    ]
    judged = state.judged
    assert state.recommendations[1] == judged.recommend("profit", value_per_win=5000, cost_per_lead=600.5)
    corrected = state.corrected["profit"]
    assert corrected == judged.corrected("profit", value_per_win=5000, cost_per_lead=600.5)
    assert corrected is not None
    assert f"Expect {100 * corrected.value:.1f} %" in opened(view, "Where is the line?")


def test_numbers_that_make_no_sense_end_in_a_sentence(state: State) -> None:
    state.value_per_win, state.cost_per_lead, state.target_rate = 0.0, 5.0, 3.0
    state.settle()
    told = {one.kind: one.reason for one in state.recommendations}
    assert told["profit"] == "value_per_win must be above 0, but 0.0 was given."
    assert told["target_rate"].startswith("a share lies above 0 and is at most 1, but 3.0 was given")
    state.value_per_win, state.cost_per_lead = 100.0, 500.0
    state.settle()
    assert "working a lead never pays" in state.recommendations[1].reason


@pytest.mark.parametrize(
    ("name", "trait", "typed", "sentence"),
    [
        ("Value of a win", "value_per_win", "-3", "'-3' is not a number above 0 and up to 999,999,999; 5000 stays."),
        ("Value of a win", "value_per_win", "1e9", "'1e9' is not a number above 0 and up to 999,999,999; 5000 stays."),
        ("Cost of working a lead", "cost_per_lead", "abc", "'abc' is not a number above 0"),
        ("Conversion asked for, %", "target_rate", "101", "'101' is not a number above 0 and up to 100; 12 stays."),
        ("Taken by lot, % of leads", "by_lot", "", "'' is not a number above 0 and up to 50; 10 stays."),
    ],
)
def test_a_number_that_makes_no_sense_is_refused_at_its_field_and_the_old_one_stays(
    view: View, name: str, trait: str, typed: str, sentence: str
) -> None:
    for question in ("Where is the line?", "How sure are we?"):
        section(view, question).open()
    for box, number in (
        ("Value of a win", "5000"),
        ("Cost of working a lead", "600"),
        ("Conversion asked for, %", "12"),
    ):
        of(view, box).value = number
    before, shown = getattr(view.state, trait), of(view, name).value
    of(view, name).value = typed
    assert (getattr(view.state, trait), of(view, name).value) == (before, shown)
    (field,) = [part for part in parts_of(view.widget) if of(view, name) in getattr(part, "children", ())]
    assert sentence in text(field)
    of(view, name).value = "7"
    assert text(field) == ""


def test_an_old_line_at_which_the_naive_optimum_sits_is_said(state: State) -> None:
    state.score = "hubspotscore"
    state.old_line = 50
    (told,) = [text for title, text in state.warnings if title == "Who was worked?"]
    assert "conversion jumps from" in told
    assert "Youden's J puts the line at 48, where the old one was" in told
    state.old_line = 40
    (told,) = [text for title, text in state.warnings if title == "Who was worked?"]
    assert "no jump in conversion beyond chance" in told
    assert "Youden's J" not in told


# whether sales can take it


def test_people_times_leads_is_what_sales_can_take(view: View) -> None:
    assert "15.0 leads a week" in opened(view, "Can sales take it?")
    named(view, "People in sales").value = 2
    assert (view.state.people, view.state.leads_per_week) == (2, 10)
    named(view, "New leads a week each").value = 3
    assert view.state.leads_per_week == named(view, "Sales can take, leads a week").value == 6
    view.state.settle()
    assert view.state.threshold == view.state.recommendations[0].threshold
    named(view, "Sales can take, leads a week").value = 8
    view.state.settle()
    assert named(view, "New leads a week each").value == 4


def test_a_lead_may_stay_a_little_below_the_line_and_the_file_says_so(view: View) -> None:
    opened(view, "Can sales take it?")
    named(view, "A lead handed over stays down to, points").value = "25"
    model = view.state.saved_model
    assert model is not None
    assert [(one.name, one.at_least, one.leave_below) for one in model.labels] == [("Handed over", 35, 25)]
    assert "In from 35, out below 25" in opened(view, "Can sales take it?")
    named(view, "A lead handed over stays down to, points").value = "45"
    assert "give fewer points than the line's" in opened(view, "Can sales take it?")
    with pytest.raises(WorkbenchError, match="leave_below has to be lower"):
        _ = view.state.saved_model


# fair


def test_one_line_is_shown_beside_each_segments_own(view: View) -> None:
    told = opened(view, "Is it fair across segments?")
    lines = view.state.finding("segments")
    assert (lines.by, lines.kind) == ("country", "youden")
    for row in lines.frame().to_dict("records"):
        assert f"{row['line_for_all_n_leads']:,} of {row['n_leads']:,}" in told
    named(view, "Each line by").value = "profit"
    assert "this rule has no numbers yet; give them under 'Where is the line?'." in opened(
        view, "Is it fair across segments?"
    )
    view.state.value_per_win, view.state.cost_per_lead = 5000.0, 500.0
    assert "costs at most" in opened(view, "Is it fair across segments?")


def test_too_many_segments_end_in_a_sentence(view: View) -> None:
    opened(view, "Is it fair across segments?")
    named(view, "By").value = "company"
    assert "different values, too many to judge one by one" in opened(view, "Is it fair across segments?")


# how sure


def test_a_lot_takes_its_share_on_both_sides_and_nobody_who_won(state: State) -> None:
    rows = list(csv.DictReader(io.StringIO(state.lot("a salt").decode())))
    everybody = scored(state).set_index("hs_object_id")
    opted = everybody["hs_email_optout"].fillna(False).astype(bool)
    open_ = everybody[everybody["hs_v2_date_entered_customer"].isna() & ~opted]
    assert 0.07 < len(rows) / len(open_) < 0.13
    for row in rows:
        score = open_.loc[row["Record ID"], "score"]
        assert float(row["Score"]) == score
        assert row["By lot"] == ("hold back" if score >= 35 else "hand over")
    assert state.lot("a salt") == state.lot("a salt") != state.lot("another")


def test_a_hold_out_is_planned_at_the_line_and_read_when_it_came_back(view: View) -> None:
    assert "By lot, hand over 424 leads below 35 and hold back 81 above it" in opened(view, "How sure are we?")
    named(view, "Taken by lot, % of leads").value = "20"
    assert view.state.by_lot == 0.2
    assert "at 20.0 %" in opened(view, "How sure are we?")
    assert "Who was worked" in {getattr(part, "description", "") for part in parts_of(view.widget)}


def test_a_hold_out_that_came_back_is_read_by_who_was_worked(make: Callable[..., State]) -> None:
    rows = []
    for i in range(800):
        score, by_lot = i % 100, i % 7 == 0
        worked = (score >= 50) != by_lot
        won = i % 3 == 0 if worked else i % 30 == 0
        rows.append(f"{i},{score},{'yes' if worked else 'no'},{'yes' if won else 'no'}")
    state = make(["Record ID,Fit Score,Worked,Won", *rows])
    state.outcome = "Won is yes"
    state.threshold = 50
    assert state.yes_no_columns == ["Worked"]
    state.worked = "Worked"
    reading = found(state, "reading")
    assert reading.below.low > 0
    assert "a lower line is worth its cost" in reading.headline()
    state.threshold = 10
    assert found(state, "reading").line == 10


# deciding


def decide(
    view: View,
    *,
    reason: str = "Sales can take 15 a week.",
    on: date = date(2026, 2, 1),
    author: str = "Ana Lopes",
) -> None:
    section(view, "Then decide").open()
    named(view, "Who decides").value = author
    named(view, "Why").value = reason
    named(view, "From").value = on
    (put,) = [one for one in parts_of(view.widget) if str(getattr(one, "description", "")).endswith("on file")]
    put.click()
    view.state.settle()


def test_a_decision_stands_on_the_page_with_who_when_and_why(view: View) -> None:
    state = view.state
    assert "no line is on file yet" in text(section(view, "Then decide").widget)
    decide(view)
    assert state.decision is not None
    assert (state.decision.threshold, state.decision.author, state.decision.date) == (35, "Ana Lopes", "2026-02-01")
    assert decisions(state.ledger.file) == [state.decision]
    assert state.ledger.file.name == "score.yaml"
    assert "Decided: 35 points since 1 February 2026, by Ana Lopes. Sales can take 15 a week." in text(view.widget)
    state.remember("threshold")
    state.threshold = 50
    state.settle()
    assert "You look at 50, which is not what was decided." in text(view.widget)
    assert state.decision.threshold == 35  # moving the line decides nothing
    named(view, "Back to 35").click()
    assert state.threshold == 35


def test_what_came_since_is_compared_with_what_was_promised(view: View) -> None:
    decide(view)
    told = opened(view, "Then decide")
    follow = view.state.finding("follow_up")
    assert follow.headline() in told
    assert "February 2026" in told


def test_a_new_line_names_the_one_it_replaces_and_both_stay_on_file(view: View) -> None:
    decide(view)
    view.state.threshold = 40
    decide(view, reason="Fewer, better.", on=date(2026, 3, 1))
    assert [(one.threshold, one.replaces) for one in view.state.decisions] == [(35, None), (40, 35)]
    assert "Decisions so far" in opened(view, "Then decide")
    assert view.state.ledger.content().count(b"threshold:") == 2


def test_a_decision_made_for_another_version_or_other_points_is_told_as_such(
    view: View, workspace: wb.Workspace
) -> None:
    decide(view)
    state = view.state
    told = "Decided for version 3 (1,011 leads, 25.5 %); "
    assert "Decided for version" not in text(view.widget)
    state.remember("Decides")
    state.points = {**state.points, "Decides": 20.0}
    assert f"{told}the points are others now." in text(view.widget)
    state.undo()
    assert "Decided for version" not in text(view.widget)
    newer = State(workspace, [replace(state.models["Sales readiness"], version=4)], files=state.files)
    assert f"{told}this is version 4." in stands(newer)
    assert f"{told}this is version 4." in newer.memo()


def test_the_page_opens_at_the_line_that_was_decided(view: View, workspace: wb.Workspace) -> None:
    view.state.threshold = 50
    decide(view)
    again = page(workspace).state
    assert (again.threshold, again.judged.default_threshold) == (50, 35)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"reason": " "}, "To put the line on file, give the reason under 'Why'."),
        (
            {"reason": "", "author": ""},
            "To put the line on file, give your name under 'Who decides' and the reason under 'Why'.",
        ),
        ({"on": None}, "say from which day the line holds."),
    ],
)
def test_a_decision_that_lacks_something_is_refused_in_a_sentence(
    view: View, given: dict[str, Any], sentence: str
) -> None:
    decide(view, **given)
    assert sentence in text(section(view, "Then decide").widget)
    assert view.state.decision is None


def test_decisions_that_somebody_changed_by_hand_are_said_and_block_new_ones(view: View) -> None:
    decide(view)
    file = view.state.workspace.path / "score.decisions.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("threshold: 35.0", "threshold: 20.0"), encoding="utf-8")
    view.state.score = "hubspotscore"
    view.state.score = "Sales readiness"
    view.state.settle()
    assert "was changed after the decision of 2026-02-01 was written" in view.state.undecided
    assert "Decisions cannot be read." in text(view.widget)
    with pytest.raises(WorkbenchError, match="was changed after the decision"):
        view.state.decide(author="Ana Lopes", reason="Anew.", on=date(2026, 3, 1))


def test_decisions_that_came_with_the_export_stand_and_are_carried_on(view: View, tmp_path: Path) -> None:
    decide(view)
    for file in (*SAMPLE.glob("*-contacts-*.csv"), *SAMPLE.glob("activities-*.csv")):
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "score.yaml").write_bytes((SAMPLE / "score.yaml").read_bytes())
    (tmp_path / "score.decisions.yaml").write_bytes(view.state.ledger.content())
    state = page(wb.load(tmp_path)).state
    assert (state.problems, state.decision) == ((), view.state.decision)
    state.threshold = 40
    state.decide(author="Ben Okafor", reason="Fewer, better.", on=date(2026, 3, 1))
    assert [one.threshold for one in decisions(state.ledger.file)] == [35, 40]


def test_the_memo_and_the_lot_are_files(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, bytes] = {}
    monkeypatch.setattr(Download, "give", lambda _, name, content, *, type: given.update({name: content}))
    decide(view, reason="<b>Sales</b> can take 15.")
    opened(view, "How sure are we?")
    for name in ("Memo (HTML)", "Decisions (YAML)", "Draw the lot (CSV)"):
        named(view, name).click()
    assert set(given) == {"memo.html", "score.decisions.yaml", "lot.csv"}
    assert b"The line for Sales readiness is 35 points" in given["memo.html"]
    assert b"&lt;b&gt;Sales&lt;/b&gt;" in given["memo.html"]
    for told in ("Success: became a customer within 90 days.", "Not a back-test. The score is as it is in the export"):
        assert told in given["memo.html"].decode()
    assert b"sales can take</td>" not in given["memo.html"]
    stands = view._stands.value
    assert "&lt;b&gt;Sales&lt;/b&gt; can take 15." in stands


def test_two_columns_whose_names_look_alike_to_a_file_system_have_files_of_their_own(
    make: Callable[..., State],
) -> None:
    state = make(
        ["Record ID,Fit / Score,Fit : Score,Won", *(f"{i},{i},{90 - i},{'yes' if i > 60 else 'no'}" for i in range(90))]
    )
    names = set()
    for score in ("Fit / Score", "Fit : Score"):
        state.score = score
        names.add(state.ledger.file.name)
        assert state.ledger.file.parent == state.workspace.path
    assert len(names) == 2
