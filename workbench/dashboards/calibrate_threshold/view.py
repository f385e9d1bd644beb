"""The page's widgets: what is judged, the answer with its picture, and one section a question."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup, escape

from workbench.calibration import Line
from workbench.charts.calibration import line_offset, score_histogram
from workbench.dashboards import choices
from workbench.dashboards.calibrate_threshold.capacity import Capacity
from workbench.dashboards.calibrate_threshold.deciding import DAY, Deciding
from workbench.dashboards.calibrate_threshold.fairness import Fairness
from workbench.dashboards.calibrate_threshold.lines import Lines
from workbench.dashboards.calibrate_threshold.looks import Looks
from workbench.dashboards.calibrate_threshold.rules import Rules
from workbench.dashboards.calibrate_threshold.section import Section
from workbench.dashboards.calibrate_threshold.sorts import Sorts
from workbench.dashboards.calibrate_threshold.state import ANY_TIME, EVERYBODY, State
from workbench.dashboards.calibrate_threshold.sureness import Sureness
from workbench.dashboards.controls import NumberBox, actions, button, number_box
from workbench.dashboards.download import CSV, XLSX, YAML, Download
from workbench.dashboards.figure import FigureView
from workbench.dashboards.parts import answer, cards, footnote, heading, legend, note, problem, warning
from workbench.dashboards.settling import Settling
from workbench.engines import as_frame, kinds
from workbench.errors import WorkbenchError
from workbench.handovers import OPTED_OUT, Handover
from workbench.loaders import Workspace
from workbench.scoring import ScoreModel
from workbench.wording import interval, number, percent, times
from workbench.wording import points as points_text

MOST_LEADS_A_WEEK = 1_000_000
MOST_STEPS = 500  # of the line; with more scores it moves freely
RULES_START = 2  # children of the panel before the first rule
WINDOWS = (30, 60, 90, 180, 365)
SECTIONS: tuple[type[Section], ...] = (Looks, Sorts, Rules, Lines, Capacity, Fairness, Sureness, Deciding)
"""In the order of thinking."""
OPEN = (Sorts, Lines)
SECTIONS_AFTER_SECONDS = 0.05


class View(Settling):
    """The widgets of the page, bound to a State. Display `view.widget`."""

    state: State

    def __init__(self, state: State) -> None:
        self.state = state
        self._setting = False
        self._answer, self._cards, self._warnings = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._footnote, self._stands = widgets.HTML(), widgets.HTML()
        self._said, self._legend = widgets.HTML(), widgets.HTML()
        self._figure = FigureView(
            height=336,
            description="Histogram of the score: leads below and above the line, and who won",
            line_label="hand over from {}",
        )
        self._download = Download()
        self._source = widgets.HTML(f"<p>{escape(source(state.workspace))}</p>").add_class("wb-source")
        self._build_controls()
        self._build_buttons()
        self.sections = [section(state, self._later, self._give) for section in SECTIONS]
        self.widget = self._layout()
        self._sections_timer: asyncio.TimerHandle | None = None
        for section in self.sections:
            if isinstance(section, OPEN):
                section.open()
        self._show_sections()
        state.observe(lambda _: self._redraw(), ["version"])
        state.observe(lambda _: self._line_went(), ["threshold", "old_line"])
        state.observe(lambda _: self._draw_settled(), ["settled"])
        state.observe(lambda _: self._draw_found(), ["found"])
        state.observe(lambda _: self._draw_line(), ["decided"])
        state.observe(lambda _: self._follow(), ["leads_per_week", "include_opted_out", "people"])
        state.observe(lambda _: self._asked(), ["leads_per_week"])
        self._redraw()

    # building

    def _build_controls(self) -> None:
        state = self.state
        self._score = widgets.Dropdown(options=_pairs(state.scores), value=state.score, description="Score")
        self._outcome = widgets.Dropdown(options=list(state.outcomes), value=state.outcome, description="Success means")
        windows = [(f"within {days} days", days) for days in WINDOWS] + [("at any time", ANY_TIME)]
        self._within = widgets.Dropdown(options=windows, value=state.within_days, description="How soon")
        properties = [("all leads", EVERYBODY)] + [
            (f"leads by {choices.label_of(name)}", name) for name in state.segment_properties
        ]
        self._among = widgets.Dropdown(options=properties, value=state.among, description="Among")
        self._among_value = widgets.Dropdown(options=[("all", EVERYBODY)], value=EVERYBODY, description="Which")
        self._capacity = widgets.FloatText(
            value=state.leads_per_week, step=1, description="Sales can take, leads a week"
        )
        self._capacity_box = NumberBox(self._capacity)
        self._old_line = number_box("Line in force so far, points", state.old_line, partial(setattr, state, "old_line"))
        self._opted_out = widgets.Checkbox(value=False, description="with leads who opted out", indent=False)
        if OPTED_OUT not in state.kinds:
            self._opted_out.layout.display = "none"
        self._chosen = {
            "score": self._score,
            "outcome": self._outcome,
            "within_days": self._within,
            "among": self._among,
            "among_value": self._among_value,
            "include_opted_out": self._opted_out,
        }
        self._capacity.observe(self._capacity_said, "value")
        for trait, control in self._chosen.items():
            control.observe(partial(self._choose, trait), "value")
        self._sliders_of = ""  # the score whose rules have sliders
        self._sliders: dict[str, widgets.Widget] = {}
        self._remarks: dict[str, widgets.HTML] = {}
        self._rules = widgets.VBox().add_class("wb-rules")
        self._threshold = widgets.FloatText(value=state.threshold, step=1, description="Hand over from, points")
        self._threshold.observe(self._line_typed, "value")
        self._threshold_box = NumberBox(self._threshold)
        self._figure.observe(self._line_moved, "line")

    def _build_buttons(self) -> None:
        self._undo = button("Undo", self._on_undo)
        self._reset = button("Reset", self.state.reset)
        self._save_model = button("Points as score.yaml", self._on_save_model)
        self._for_people = button("Leads above the line (XLSX)", self._on_spreadsheet, primary=True)
        self._for_import = button("File to import (CSV)", self._on_import_file)

    def _layout(self) -> widgets.Widget:
        controls = widgets.VBox(
            [
                widgets.HTML(heading("What is judged")),
                self._score,
                self._outcome,
                self._within,
                self._among,
                self._among_value,
                self._capacity_box,
                self._threshold_box,
                self._old_line,
                self._rules,
            ]
        )
        picture = widgets.VBox(
            [
                self._answer,
                self._stands,
                self._cards,
                self._figure,
                self._legend,
                self._warnings,
                actions(self._for_people, self._for_import, self._opted_out),
                self._said,
                self._download,
            ]
        )
        content = widgets.VBox(
            [
                picture.add_class("wb-panel"),
                widgets.VBox([section.widget for section in self.sections])
                .add_class("wb-panel")
                .add_class("wb-sections"),
                self._footnote,
            ]
        )
        page = widgets.Box([controls.add_class("wb-panel").add_class("wb-controls"), content.add_class("wb-content")])
        return widgets.VBox([self._source, page.add_class("wb-page")])

    def _build_rules(self) -> None:
        """A slider a rule, anew when another score is chosen."""
        rules, model = self.state.rules, self.state.model
        names = [] if rules is None else list(rules["rule"])
        if (self.state.score, names) != (self._sliders_of, list(self._sliders)):
            self._sliders_of, self._sliders, self._remarks = self.state.score, {}, {}
            for name in names:
                points = self.state.points[name]
                reach = max(30.0, 2 * abs(points))
                whole = points.is_integer()
                slider = (widgets.IntSlider if whole else widgets.FloatSlider)(
                    value=points,
                    min=-reach,
                    max=reach,
                    step=1 if whole else 0.5,
                    description=name,
                    readout_format="+d" if whole else "+.1f",
                )
                slider.observe(partial(self._points_moved, name), "value")
                self._sliders[name] = slider
                self._remarks[name] = widgets.HTML()
            rows = [widgets.VBox([self._sliders[name], self._remarks[name]]).add_class("wb-rule") for name in names]
            buttons = actions(self._undo, self._reset, self._save_model)
            self._rules.children = [widgets.HTML(heading("Points")), buttons, *rows] if rows else []
        if rules is None or model is None:
            return
        for found in rules.to_dict("records"):
            told = f"matches {found['n_leads']:,}"
            if found["n_leads"]:
                told += f", converts {percent(found['conversion_rate'])} ({interval(found['low'], found['high'])})"
            self._remarks[found["rule"]].value = f"<small>{escape(told)}</small>"

    # what the controls do

    def _choose(self, trait: str, change: Any) -> None:
        if not self._setting:
            setattr(self.state, trait, change["new"])

    def _points_moved(self, rule: str, change: Any) -> None:
        points = round(float(change["new"]), 6)  # the browser's sliders add up steps in binary
        if not self._setting and points != self.state.points[rule]:
            self.state.remember(rule)
            self.state.points = {**self.state.points, rule: points}

    def _line_moved(self, change: Any) -> None:
        if not self._setting and change["new"] is not None:
            self.state.remember("threshold")
            self.state.threshold = float(change["new"])

    def _line_typed(self, change: Any) -> None:
        """A line beyond the scores goes to the nearest of them, and that is said."""
        calibration = self.state.calibration
        if self._setting or calibration is None:
            return
        low, high = calibration.summary.minimum, calibration.summary.maximum
        typed = float(change["new"])
        line = min(max(typed, low), high)
        self._line_moved({"new": line})
        if line != typed:
            self._threshold.value = line
            self._threshold_box.say(
                f"The score runs from {points_text(low)} to {points_text(high)}, so the line is put at "
                f"{points_text(line)}."
            )

    def _capacity_said(self, change: Any) -> None:
        if self._setting:
            return
        if 0 <= change["new"] <= MOST_LEADS_A_WEEK:
            self.state.leads_per_week = float(change["new"])
            self._capacity_box.say("")
            return
        stays = self.state.leads_per_week
        self._capacity.value = stays
        self._capacity_box.say(
            f"Sales can take from 0 to {MOST_LEADS_A_WEEK:,} leads a week, so {points_text(change['new'])} is not "
            f"taken; {points_text(stays)} stays."
        )

    def _on_undo(self) -> None:
        self.state.undo()
        self._draw_line()

    def _on_save_model(self) -> None:
        try:
            model = self.state.saved_model
        except WorkbenchError as fault:
            self._said.value = problem(str(fault))
            return
        if model is not None:
            self._give("score.yaml", model.to_yaml().encode("utf-8"), type=YAML)

    def _on_spreadsheet(self) -> None:
        self._hand_over("leads-above-the-line.xlsx", Handover.spreadsheet, type=XLSX)

    def _on_import_file(self) -> None:
        self._hand_over("scores-to-import.csv", Handover.import_file, type=CSV)

    def _hand_over(self, name: str, write: Callable[[Handover], bytes], *, type: str) -> None:
        self._said.value = note("Writing the file …")
        try:
            leads = self.state.leads_above()
            self._give(name, write(leads), type=type)
        except WorkbenchError as fault:
            self._said.value = problem(str(fault))
            return
        told = leads.headline()
        if self.state.calibration is not None and self.state.calibration.tally.n_young:
            told += " Leads too young to be judged are among them."
        self._said.value = note(told)

    def _give(self, name: str, content: bytes, *, type: str) -> None:
        self._download.give(name, content, type=type)

    # drawing

    def _redraw(self) -> None:
        """Everything that follows from the leads and the points."""
        self._setting = True
        try:
            state = self.state
            values = [(f"{value.label} ({value.n:,})", value.value) for value in state.segment_values()]
            options = [("all", EVERYBODY), *values]
            if tuple(self._among_value.options) != tuple(options):
                self._among_value.options = options
            self._among_value.layout.display = "" if state.among else "none"
            self._build_rules()
            for name, points in state.points.items():
                if name in self._sliders:
                    self._sliders[name].value = points
                    self._minus(name, points < 0)
        finally:
            self._setting = False
        self._follow()
        self._draw_line()
        self._later()

    def _follow(self) -> None:
        """The controls show what is chosen."""
        self._setting = True
        try:
            undated = self.state.within_days and self.state.outcome_spec.within_days is None
            self._within.disabled = bool(undated)
            self._within.description = "How soon (no dates to tell)" if undated else "How soon"
            for trait, control in self._chosen.items():
                control.value = getattr(self.state, trait)
            self._capacity.value = self.state.leads_per_week
        finally:
            self._setting = False

    def _minus(self, name: str, negative: bool) -> None:
        row = self._rules.children[RULES_START + list(self._sliders).index(name)]
        if negative:
            row.add_class("wb-minus")
        else:
            row.remove_class("wb-minus")

    def _asked(self) -> None:
        self._draw_answer()
        self._later()

    def _line_went(self) -> None:
        self._draw_line()
        if self.state.more() is not None:
            self._later()

    def _draw_line(self) -> None:
        """Everything that follows from where the line stands."""
        state, calibration = self.state, self.state.calibration
        self._undo.disabled = not state.can_undo
        self._said.value = ""
        self._threshold_box.say("")
        shown = "none" if calibration is None else ""
        for part in (self._figure, self._legend, self._threshold, self._for_people, self._for_import, self._opted_out):
            part.layout.display = shown
        if calibration is None:
            self._draw_answer()
            for html in (self._cards, self._warnings, self._footnote, self._stands):
                html.value = ""
            self._draw_sections()
            return
        line = calibration.at(state.threshold)
        self._draw_answer()
        self._cards.value = cards(self._figures(line))
        figure = score_histogram(calibration, state.threshold)
        figure["layout"] |= {"showlegend": False, "margin": figure["layout"]["margin"] | {"b": 60}}
        self._figure.show(figure)
        self._legend.value = legend((trace["name"], trace["marker"]) for trace in figure["data"])
        self._setting = True
        try:
            scores = calibration.tally.score
            self._figure.line_steps = scores.tolist() if len(scores) <= MOST_STEPS else []
            self._figure.line_offset = line_offset(scores)
            self._figure.line = state.threshold
            self._threshold.value = state.threshold
        finally:
            self._setting = False
        self._stands.value = stands(state)
        self._stands.layout.display = "" if self._stands.value else "none"
        self._warnings.value = Markup("").join(warning(*told) for told in state.warnings)
        self._footnote.value = footnote(state.footnote)
        self._draw_sections()

    def _draw_answer(self) -> None:
        """The sentence, and above it what was left out on the way to it."""
        state, calibration = self.state, self.state.calibration
        left_out = Markup("").join(warning("A model is left out.", told) for told in state.problems)
        if calibration is None:
            self._answer.value = left_out + problem(state.error)
            return
        left_out += Markup("").join(
            warning(f"{state.scores[state.score]} is judged instead.", told[0].upper() + told[1:])
            for told in state.unfit.values()
        )
        compared = state.compared
        changed = note(compared) if compared else ""
        rate = percent(calibration.at(state.threshold).conversion.value)
        self._answer.value = left_out + answer(state.headline, highlight=rate) + changed

    def _draw_sections(self) -> None:
        """The sections, a moment later where a loop runs: the answer does not wait for them."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._show_sections()
            return
        if self._sections_timer is None:
            self._sections_timer = loop.call_later(SECTIONS_AFTER_SECONDS, self._show_sections)

    def _show_sections(self) -> None:
        self._sections_timer = None
        for section in self.sections:
            section.show()

    def _figures(self, line: Line) -> list[tuple[str, str, str]]:
        noun = (self.state.outcome_spec.noun or "wins").capitalize()
        take = points_text(self.state.leads_per_week)
        week, told = "–", "no date of creation in the export" if self.state.undated else "counting …"
        if not math.isnan(line.leads_per_week):
            week = number(line.leads_per_week, digits=1)
            more = line.leads_per_week > self.state.leads_per_week
            told = f"more than the {take} that sales can take" if more else f"of {take} that sales can take"
        return [
            (
                "Leads a week",
                week,
                told,
            ),
            (
                "Conversion above the line",
                percent(line.conversion.value) if line.n_leads else "–",
                f"{interval(line.conversion.low, line.conversion.high)}, n = {line.n_leads:,}",
            ),
            (
                f"{noun} caught",
                percent(line.capture.value, digits=0),
                f"{line.n_won:,} of {line.n_all_won:,} ({interval(line.capture.low, line.capture.high, digits=0)})",
            ),
            (
                "Lift over all leads",
                times(line.lift) if line.n_leads else "–",
                f"all: {percent(self.state.base_rate.value)} of {line.n_all:,}",
            ),
        ]

    def _draw_settled(self) -> None:
        """Leads a week and recommendations, where the state has them now."""
        calibration = self.state.calibration
        if calibration is not None:
            self._draw_answer()
            self._cards.value = cards(self._figures(calibration.at(self.state.threshold)))
            self._footnote.value = footnote(self.state.footnote)
        self._show_sections()

    def _draw_found(self) -> None:
        """What was found since."""
        self._warnings.value = Markup("").join(warning(*told) for told in self.state.warnings)
        self._show_sections()


def stands(state: State) -> Markup:
    """The standing decision; that it cannot be read; or nothing."""
    if state.undecided:
        return warning("Decisions cannot be read.", state.undecided)
    found = state.decision
    if found is None:
        return Markup("")
    told = (
        f"Decided: {points_text(found.threshold)} points since {date.fromisoformat(found.date):{DAY}}, by "
        f"{found.author}. {found.reason}"
    )
    if state.decided_otherwise:
        told += f" {state.decided_otherwise}"
    if found.threshold != state.threshold:
        told += f" You look at {points_text(state.threshold)}, which is not what was decided."
    return Markup('<p class="wb-stands">{}</p>').format(told)


def page(workspace: Workspace) -> View:
    """The page on a Workspace, with the models that lay beside its exports; a model that cannot be read is said."""
    models: list[ScoreModel] = []
    files = {}
    problems = []
    for file in workspace.model_files:
        try:
            model = ScoreModel.read(file)
        except WorkbenchError as fault:
            problems.append(str(fault))
            continue
        older = next((other for other in models if other.name == model.name and other.version != model.version), None)
        if older is not None:  # of the versions of a model the newest is judged; decisions stay with the first file
            if model.version > older.version:
                models[models.index(older)] = model
        elif model.name in files:
            problems.append(f"{file.name}: another file has a model called {model.name!r}; give each its own name.")
        else:
            models.append(model)
            files[model.name] = file
    return View(State(workspace, models, problems, files))


def _pairs(named: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(text, key) for key, text in named.items()]


def source(workspace: Workspace) -> str:
    """Where the figures come from, for the page's head."""
    leads = workspace.manifest.tables.get("contacts", 0)
    dated = "datetime" in kinds(as_frame(workspace.table("contacts", engine="duckdb"))).values()
    return f"{workspace.name} · {leads:,} contacts" + (f" · export of {workspace.as_of:%-d %B %Y}" if dated else "")
