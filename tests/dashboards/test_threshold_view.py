"""The widgets of the page about the line: each moved and its state seen to move, and the other way round."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances

import workbench as wb
from tests.dashboards.reading import named, parts_of
from workbench.charts.calibration import score_histogram
from workbench.dashboards import parts
from workbench.dashboards.calibrate_threshold import State, View
from workbench.dashboards.download import Download
from workbench.dashboards.figure import FigureView

SAMPLE = Path(__file__).parents[2] / "data" / "sample"


@pytest.fixture(scope="module")
def view() -> View:
    """One page for all: every test leaves it as it found it."""
    made = View(State(wb.load(SAMPLE), [wb.ScoreModel.read(SAMPLE / "score.yaml")]))
    made.state.settle()
    return made


@pytest.fixture(autouse=True)
def as_found(view: View) -> Iterator[None]:
    before = (view.state.headline, view.state.points)
    yield
    while view.state.can_undo:
        view.state.undo()
    assert (view.state.headline, view.state.points) == before


def figure(view: View) -> Any:
    (found,) = [part for part in parts_of(view.widget) if hasattr(part, "line_steps")]
    return found


def text(view: View, part: str = "") -> str:
    """What can be read on the page, or in the piece of it with this class."""
    html = "".join(found.value for found in parts_of(view.widget) if isinstance(found, widgets.HTML))
    if part:
        html = "".join(re.findall(rf'<(\w+) class="{part}[^>]*>(.*?)</\1>', html)[0][1:])
    return unescape(re.sub(r"<[^>]+>", "", html)).replace("\u00a0", " ")


def answer(view: View) -> str:
    return text(view, "wb-answer")


def drawn(view: View) -> list[dict[str, Any]]:
    traces: list[dict[str, Any]] = figure(view).spec["data"]
    return traces


def drawn_anew(view: View) -> list[dict[str, Any]]:
    """What the figure should show."""
    fresh, calibration = FigureView(), view.state.calibration
    assert calibration is not None
    fresh.show(score_histogram(calibration, view.state.threshold))
    traces: list[dict[str, Any]] = fresh.spec["data"]
    return traces


@pytest.mark.parametrize(
    ("name", "trait", "value"),
    [
        ("Score", "score", "hubspotscore"),
        ("Success means", "outcome", "became an opportunity"),
        ("How soon", "within_days", 365),
        ("Among", "among", "country"),
        ("Sales can take, leads a week", "leads_per_week", 7.0),
        ("with leads who opted out", "include_opted_out", True),
    ],
)
def test_a_choice_moves_the_state_and_the_state_moves_the_choice(
    view: View, name: str, trait: str, value: object
) -> None:
    control, first = named(view, name), getattr(view.state, trait)
    control.value = value
    assert getattr(view.state, trait) == value
    assert answer(view) == view.state.headline
    setattr(view.state, trait, first)
    assert control.value == first
    assert answer(view) == view.state.headline


def test_the_values_of_a_property_are_offered_with_their_counts_once_it_is_chosen(view: View) -> None:
    which = named(view, "Which")
    assert which.layout.display == "none"
    view.state.among = "country"
    assert which.layout.display == ""
    assert which.options[:2] == (("all", ""), ("Germany (1,203)", "Germany"))
    which.value = "Germany"
    assert view.state.among_value == "Germany"
    assert answer(view) == view.state.headline
    view.state.among_value = "Austria"
    assert which.value == "Austria"
    named(view, "Among").value = ""
    assert (which.value, which.layout.display, view.state.among_value) == ("", "none", "")


def test_every_rule_has_a_slider_that_moves_its_points_and_follows_them(view: View) -> None:
    for rule in view.state.models["Sales readiness"].rules:
        slider = named(view, rule.name)
        assert slider.value == rule.points
        assert slider.min <= rule.points <= slider.max
        slider.value = rule.points + 7
        assert view.state.points[rule.name] == rule.points + 7
        assert answer(view) == view.state.headline
        assert drawn(view) == drawn_anew(view)
        view.state.undo()
        assert slider.value == rule.points


def test_a_rule_that_takes_points_looks_like_it(view: View) -> None:
    def marked() -> bool:
        (row,) = [part for part in parts_of(view.widget) if named(view, "Decides") in getattr(part, "children", ())]
        return "wb-minus" in row._dom_classes

    assert not marked()
    named(view, "Decides").value = -5
    assert marked()
    named(view, "Decides").value = 5
    assert not marked()


def test_the_line_in_the_figure_and_the_number_beside_it_are_one(view: View) -> None:
    line, typed = figure(view), named(view, "Hand over from, points")
    line.line = 50.0
    assert (view.state.threshold, typed.value) == (50, 50)
    assert answer(view) == view.state.headline
    typed.value = 42
    assert (view.state.threshold, line.line) == (42, 42)
    assert answer(view).startswith("At 42 points 576 of 4,213 leads (13.7 %)")
    view.state.threshold = 60
    assert (line.line, typed.value) == (60, 60)


@pytest.mark.parametrize(
    ("typed", "line"),
    [(1e9, 100), (-3, 0)],
)
def test_a_line_beyond_the_scores_goes_to_the_last_of_them_and_that_is_said(
    view: View, typed: float, line: float
) -> None:
    box = named(view, "Hand over from, points")
    for _ in range(2):
        box.value = typed
        assert (view.state.threshold, box.value) == (line, line)
        assert f"The score runs from 0 to 100, so the line is put at {line}." in text(view)
    box.value = 40
    assert "The score runs from" not in text(view)


def test_leads_that_nobody_can_take_are_refused_and_the_old_number_stays(view: View) -> None:
    box = named(view, "Sales can take, leads a week")
    for typed in (-3, 1e9):
        box.value = typed
        assert (view.state.leads_per_week, box.value) == (20, 20)
        assert "Sales can take from 0 to 1,000,000 leads a week" in text(view)
    box.value = 19
    assert "Sales can take from 0" not in text(view)
    box.value = 20


def test_the_line_steps_from_score_to_score_and_stands_before_its_bar(view: View) -> None:
    assert figure(view).line_steps == np.arange(0, 101, 5).tolist()
    assert figure(view).line_offset == -2.5


def test_the_figure_shows_what_lies_above_the_line(view: View) -> None:
    assert [trace["name"] for trace in drawn(view)] == ["above the line", "below", "customers"]
    assert drawn(view) == drawn_anew(view)


def test_no_widget_is_made_while_the_line_and_the_points_move(view: View) -> None:
    before = set(_instances)
    figure(view).line = 55.0
    named(view, "Decides").value = 33
    named(view, "Asked for a demo").value = -3
    named(view, "Undo").click()
    named(view, "Reset").click()
    assert set(_instances) == before


def test_a_drag_is_one_step_back(view: View) -> None:
    undo = named(view, "Undo")
    assert undo.disabled
    for points in (11, 12, 13):
        named(view, "Decides").value = points
    for line in (40.0, 45.0):
        figure(view).line = line
    assert not undo.disabled
    undo.click()
    assert (view.state.threshold, view.state.points["Decides"]) == (35, 13)
    undo.click()
    assert (figure(view).line, named(view, "Decides").value) == (35, 10)
    assert undo.disabled


def test_reset_gives_the_models_points(view: View) -> None:
    named(view, "Decides").value = 40
    named(view, "Student's address").value = 40
    named(view, "Reset").click()
    assert named(view, "Decides").value == 10
    assert named(view, "Student's address").value == -25


def test_a_recommended_line_is_taken_by_its_button_and_then_needs_none(view: View) -> None:
    view.state.settle()
    offered = [part for part in parts_of(view.widget) if str(getattr(part, "description", "")).startswith("Use ")]
    assert [(button.description, button.layout.display) for button in offered] == [
        ("Use 35", "none"),
        ("Use 35", "none"),
        ("Use 40", ""),
    ]
    offered[2].click()
    assert view.state.threshold == 40
    view.state.settle()
    assert [button.layout.display for button in offered] == ["", "", "none"]
    offered[0].click()
    assert view.state.threshold == 35
    view.state.undo()
    assert view.state.threshold == 40


def test_a_dead_end_shows_its_sentence_and_no_figure_and_the_way_back_stays_open(view: View) -> None:
    view.state.remember("all")
    view.state.points = dict.fromkeys(view.state.points, 0.0)
    assert text(view, "wb-error") == view.state.error
    assert figure(view).layout.display == "none"
    assert named(view, "Leads above the line (XLSX)").layout.display == "none"
    assert "wb-cards" not in "".join(part.value for part in parts_of(view.widget) if isinstance(part, widgets.HTML))
    named(view, "Undo").click()
    assert figure(view).layout.display == ""
    assert answer(view) == view.state.headline


def test_figures_and_footnote_are_complete_once_it_has_settled(view: View) -> None:
    named(view, "Decides").value = 20
    view.state.settle()
    line = view.state.calibration.at(35)  # type: ignore[union-attr]
    shown = text(view, "wb-cards")
    assert f"Leads a week{line.leads_per_week:,.1f}" in text(view)
    assert shown
    assert "Leads a week: created in the last 52 whole weeks" in text(view)


def test_files_are_made_when_asked_for_and_said(view: View, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[str, bytes, str]] = []
    monkeypatch.setattr(Download, "give", lambda _, name, content, *, type: given.append((name, content, type)))
    named(view, "Leads above the line (XLSX)").click()
    assert view.state.leads_above().headline() in text(view)
    named(view, "File to import (CSV)").click()
    named(view, "Points as score.yaml").click()
    leads = view.state.leads_above()
    assert [(name, type) for name, _, type in given] == [
        ("leads-above-the-line.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        ("scores-to-import.csv", "text/csv;charset=utf-8"),
        ("score.yaml", "application/yaml;charset=utf-8"),
    ]
    assert given[1][1] == leads.import_file()
    assert given[2][1].decode() == view.state.model.to_yaml()  # type: ignore[union-attr]
    view.state.remember("threshold")
    view.state.threshold = 50
    assert leads.headline() not in text(view)


def test_numbers_in_the_answer_are_bold_and_the_rate_is_in_colour() -> None:
    html = parts.answer("At 35 points 1,011 of 4,213 leads (24.0 %); 25.5 % won.", highlight="25.5 %")
    assert html == (
        '<p class="wb-answer" role="status" aria-live="polite">At <b>35</b> points <b>1,011</b> of <b>4,213</b> leads '
        '(<b>24.0\u00a0%</b>); <b class="hl">25.5\u00a0%</b> won.</p>'
    )


def test_what_strangers_typed_is_text_in_every_piece_of_the_page(view: View) -> None:
    hostile = "<img src=x onerror=alert(1)>'7\""
    pieces = [
        parts.answer(hostile),
        parts.problem(hostile),
        parts.warning(hostile, hostile),
        parts.cards([(hostile, hostile, hostile)]),
        parts.heading(hostile),
        parts.footnote([hostile]),
    ]
    for piece in pieces:
        assert "<img" not in piece
        assert unescape(re.sub(r"</?(?:p|b|div|span|strong|em|h2)\b[^>]*>", "", piece)).count(hostile) >= 1


def test_the_table_has_at_most_thirteen_lines_and_the_chosen_one_stands_out(view: View) -> None:
    calibration: Any = view.state.calibration
    lines = parts.lines_worth_showing(calibration, 37.0)
    assert 37.0 in lines
    assert len(lines) <= 13
    table = parts.threshold_table(calibration, 37.0, weekly=True)
    assert table.count('<tr class="on">') == 1
    row = re.search(r'<tr class="on">(.*?)</tr>', table)
    assert row
    line = calibration.at(37.0)
    told = unescape(re.sub(r"<[^>]+>", " ", row[1])).replace("\u00a0", " ").split()
    assert told[:4] == ["37", f"{line.n_leads:,}", f"{100 * line.share:.1f}", "%"]


def test_the_line_in_force_so_far_is_asked_for_and_a_jump_at_it_is_said(view: View) -> None:
    box, model = named(view, "Line in force so far, points"), view.state.score
    view.state.score = "hubspotscore"
    box.value = "50"
    assert view.state.old_line == 50
    assert "At the old line, 50: conversion jumps from" in text(view)
    box.value = "500"
    assert "the old line, 500, lies outside the score's range" in text(view)
    box.value = "fifty"
    assert (view.state.old_line, box.value) == (500, "500")
    assert "'fifty' is not a number up to 999,999,999; 500 stays." in text(view)
    box.value = ""  # nothing is asked any more
    assert (view.state.old_line, box.value) == (None, "")
    assert "Who was worked?" not in text(view)
    view.state.score = model
