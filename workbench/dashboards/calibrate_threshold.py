"""Where is the line? The page on which a threshold is found: State knows no widget, View knows no data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import Any

import ipywidgets as widgets
import narwhals as nw
import pandas as pd
from markupsafe import Markup, escape
from traitlets import Bool, Dict, Float, HasTraits, Integer, Tuple, Unicode

from workbench.calibration import Calibration, Line, Recommendation, WhatIf, calibrate, what_if
from workbench.charts.calibration import line_offset, score_histogram
from workbench.dashboards import choices
from workbench.dashboards.download import CSV, XLSX, YAML, Download
from workbench.dashboards.figure import FigureView
from workbench.dashboards.parts import (
    advice,
    answer,
    bands,
    cards,
    footnote,
    heading,
    legend,
    note,
    problem,
    threshold_table,
    warning,
)
from workbench.dashboards.settling import Settling
from workbench.engines import as_frame, kinds
from workbench.errors import WorkbenchError
from workbench.handovers import OPTED_OUT, Handover, handover
from workbench.loaders import Workspace
from workbench.outcomes import Outcome
from workbench.scoring import ScoreModel, score
from workbench.stats.proportions import Rate
from workbench.wording import interval, number, percent, times
from workbench.wording import points as points_text

NO_CAPACITY = Recommendation(
    kind="capacity",
    threshold=None,
    low=None,
    high=None,
    reason="a team that can take no lead needs no line; say how many leads a week it can take.",
    found=0.0,
)
MOST_STEPS = 500  # of the line; with more scores it moves freely
MOST_ADVICE = 3  # recommendations shown
RULES_START = 2  # children of the panel before the first rule
FEW_LEADS, FEW_WON = 30, 10
OLD_SCORE, OLD_SCORE_ENDED = "hubspotscore", datetime(2025, 8, 31)
CHANCE = 0.5  # AUC of a lottery
WINDOWS = (30, 60, 90, 180, 365)
ANY_TIME = 0
EVERYBODY = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What undo goes back to."""

    points: dict[str, float]
    threshold: float


class State(HasTraits):
    """What is judged and where the line stands.

    Choices are traits; setting one recomputes what depends on it. `calibration` is None and `error` a sentence where
    the choices lead nowhere; other choices lead out. `settle()` adds what takes longer than a slider may wait for:
    leads a week and recommendations.

    Raises
    ------
    WorkbenchError
        Where the export has no contacts, nothing that could be a score, or nothing that could be success.
    """

    score = Unicode()  # a model's name or a column's
    outcome = Unicode()  # a sentence of `outcomes`
    within_days = Integer(90)  # ANY_TIME for no window
    among = Unicode(EVERYBODY)  # a property's name, or EVERYBODY
    among_value = Unicode(EVERYBODY)
    leads_per_week = Float(20.0)
    old_line = Float(None, allow_none=True)  # the line in force so far, in points
    points = Dict()  # rule's name to points
    threshold = Float(0.0)
    include_opted_out = Bool(False)

    error = Unicode()
    version = Integer(0)  # counts recomputations: a view redraws when it changes
    settled = Integer(0)  # counts settlements
    recommendations = Tuple()

    def __init__(self, workspace: Workspace, models: Sequence[ScoreModel] = (), problems: Sequence[str] = ()) -> None:
        super().__init__()
        self.workspace = workspace
        self.problems = tuple(problems)  # with the models' files
        self.models = {model.name: model for model in models}
        self.calibration: Calibration | None = None
        self._what_if: WhatIf | None = None
        self._undo: list[Step] = []
        self._moving = ""  # the control that is being moved
        self._placed = False  # whether the line stands where this score wants it, or somebody
        self._quiet = False
        self._follow_capacity = False
        self._values: dict[str, list[choices.Value]] = {}
        self._contacts = as_frame(workspace.table("contacts", engine="duckdb"))
        self._activities = workspace.events(engine="duckdb")
        self._start()
        self.observe(self._chosen, ["score", "outcome", "within_days", "among", "among_value"])
        self.observe(self._moved, ["points"])
        self.observe(self._asked, ["leads_per_week"])

    def _start(self) -> None:
        scores, outcomes = self.scores, self.outcomes
        if not scores:
            raise WorkbenchError(
                "there is no number column that could be a score, and no score.yaml beside the export; "
                "add a score.yaml with rules, or export the score's column too."
            )
        if not outcomes:
            raise WorkbenchError(
                "no column of the export can count as success: no date a stage was entered, no yes/no column; "
                "export one of them too, or name it in mapping.yaml."
            )
        self.score, self.outcome = next(iter(scores)), next(iter(outcomes))
        self._take_score()
        self._count()

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Contact columns and what they hold."""
        return kinds(self._contacts)

    @property
    def scores(self) -> dict[str, str]:
        """Key of every score to choose from, to what people call it: models first."""
        found = {model.name: f"{model.name} (version {model.version})" for model in self.models.values()}
        columns = [name for name in choices.score_columns(self.kinds) if name not in found]
        return found | {name: choices.label_of(name) for name in columns}

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """Sentence to Outcome."""
        return choices.outcomes(self.kinds, within_days=self.within_days or None)

    @property
    def segment_properties(self) -> list[str]:
        """Properties by which leads can be chosen."""
        return choices.segment_properties(self.kinds)

    def segment_values(self) -> list[choices.Value]:
        """Values of the chosen property, the commonest first."""
        if not self.among:
            return []
        if self.among not in self._values:
            self._values[self.among] = choices.segment_values(self._contacts, self.among)
        return self._values[self.among]

    @property
    def model(self) -> ScoreModel | None:
        """The chosen model with the points as they stand, or None where a column is judged."""
        chosen = self.models.get(self.score)
        return chosen.with_points(self.points) if chosen is not None else None

    @property
    def rules(self) -> pd.DataFrame | None:
        """What each rule of the chosen model finds: rule, n_leads, n_won, conversion_rate, low, high."""
        return None if self._what_if is None else self._what_if.rules()

    def _chosen(self, change: Any) -> None:
        if change["name"] == "among" and self.among_value != EVERYBODY:
            self.among_value = EVERYBODY  # which counts
            return
        if change["name"] == "score":
            self._take_score()
        self._count()

    def _take_score(self) -> None:
        """The chosen model's own points; the line is placed by the next calibration."""
        model = self.models.get(self.score)
        self._undo.clear()
        self._moving, self._placed = "", False
        self._quiet = True
        self.points = {} if model is None else {rule.name: float(rule.points) for rule in model.rules}
        self._quiet = False

    def _moved(self, _change: Any) -> None:
        if not self._quiet and self._what_if is not None:
            self._judge(weekly=False)

    def _asked(self, _change: Any) -> None:
        self._follow_capacity = True  # the line goes where the answer is, once it is known

    def _count(self) -> None:
        """One pass over the leads for the choices as they stand."""
        self.error, self._what_if = "", None
        try:
            outcome = self.outcomes[self.outcome]
            model = self.models.get(self.score)
            chosen = self._contacts
            if self.among and self.among_value:
                chosen = chosen.filter(nw.col(self.among) == self.among_value)
            if model is None:
                found = calibrate(
                    chosen.to_native(),
                    score=self.score,
                    outcome=outcome,
                    as_of=self.workspace.as_of,
                    activities=self._activities,
                )
                self._show(found)
                return
            self._what_if = what_if(
                chosen.to_native(), model, outcome=outcome, as_of=self.workspace.as_of, activities=self._activities
            )
        except WorkbenchError as problem:
            self._fail(problem)
            return
        self._judge(weekly=True)

    def _judge(self, *, weekly: bool) -> None:
        """The calibration for the points as they stand."""
        if self._what_if is None:
            return
        try:
            found = self._what_if.calibrate(self.points, weekly=weekly)
        except WorkbenchError as problem:
            self._fail(problem)
            return
        self._show(found)

    def _show(self, calibration: Calibration) -> None:
        self.calibration, self.error = calibration, ""
        if not self._placed:
            self.threshold, self._placed = calibration.default_threshold, True
        self.version += 1

    def _fail(self, problem: WorkbenchError) -> None:
        self.calibration, self.recommendations = None, ()
        self.error = str(problem)
        self.version += 1

    def settlement(self) -> Callable[[], Callable[[], None]]:
        """Work on the state as it stands now that may run in another thread; it returns what applies the result.

        The result is dropped where the state has moved on meanwhile.
        """
        version, judged, counted = self.version, self.calibration, self._what_if
        points, leads_per_week = dict(self.points), self.leads_per_week

        def work() -> Callable[[], None]:
            calibration = judged
            found: list[Recommendation] = []
            if calibration is not None:
                if calibration.weekly is None and counted is not None:
                    calibration = counted.calibrate(points)
                if leads_per_week > 0:
                    found.append(calibration.recommend("capacity", leads_per_week=leads_per_week))
                else:
                    found.append(NO_CAPACITY)
                found += [calibration.recommend("youden"), calibration.recommend("rule_of_thumb")]

            def apply() -> None:
                if version == self.version and leads_per_week == self.leads_per_week:
                    self.calibration, self.recommendations = calibration, tuple(found)
                    if self._follow_capacity and found and found[0].threshold is not None:
                        self.remember("capacity")
                        self.threshold = found[0].threshold
                    self._follow_capacity = False
                    self.settled += 1

            return apply

        return work

    def settle(self) -> None:
        """Leads a week and recommendations for the state as it stands, at once."""
        self.settlement()()()

    def remember(self, control: str) -> None:
        """Keep the state as it stands for undo, before `control` changes it; one drag is one step."""
        if control != self._moving:
            self._undo.append(Step(dict(self.points), self.threshold))
            self._moving = control

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._undo)

    def undo(self) -> None:
        """Take back the last change of points or threshold."""
        if self._undo:
            step = self._undo.pop()
            self._moving = ""
            self.threshold = step.threshold
            self.points = step.points

    def reset(self) -> None:
        """The model's own points again."""
        model = self.models.get(self.score)
        own = {} if model is None else {rule.name: float(rule.points) for rule in model.rules}
        if self.points != own:
            self.remember("reset")
            self.points = own

    @property
    def headline(self) -> str:
        """The answer in a sentence, or what is wrong."""
        if self.calibration is None:
            return self.error
        return self.calibration.headline(self.threshold)

    @property
    def compared(self) -> str:
        """What the same line would mean with the model's own points, where they were changed; else nothing."""
        counted = self._what_if
        if counted is None or self.calibration is None:
            return ""
        if self.points == {rule.name: float(rule.points) for rule in counted.model.rules}:
            return ""
        line = counted.calibrate(weekly=False).at(self.threshold)
        return (
            f"With the points of version {counted.model.version}: {line.n_leads:,} leads, "
            f"{percent(line.conversion.value)} ({interval(line.conversion.low, line.conversion.high)}) won, "
            f"{percent(line.capture.value, digits=0)} of all wins."
        )

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """What the figures cannot carry: a title and a sentence each."""
        calibration = self.calibration
        if calibration is None:
            return []
        found = []
        ranking = calibration.ranking
        if ranking.high < CHANCE:
            found.append(
                ("The wrong way round.", "Leads with more points convert worse; the rules or their signs are off.")
            )
        elif ranking.low <= CHANCE:
            found.append(("No better than chance.", "The data cannot tell this score from a lottery."))
        told = "The score is as it is in the export, not as it was when a lead was won."
        if calibration.tally.n_young:
            told += (
                f" {calibration.tally.n_young:,} leads are younger than {calibration.outcome.within_days} days "
                "and are not judged yet."
            )
        found.append(("Not a back-test.", told))
        if self.old_line is not None:
            try:
                found.append(("Who was worked?", calibration.jump_at(self.old_line).headline()))
            except WorkbenchError as problem:
                found.append(("Who was worked?", str(problem)))
        if self.score == OLD_SCORE and self.workspace.as_of >= OLD_SCORE_ENDED:
            found.append(
                (
                    "Perhaps out of date.",
                    f"Accounts that moved to the newer scores have had no new HubSpot Score since "
                    f"{OLD_SCORE_ENDED:%-d %B %Y}; choose the newer score's column where there is one.",
                )
            )
        line = calibration.at(self.threshold)
        if line.n_leads < FEW_LEADS or line.n_won < FEW_WON:
            found.append(
                (
                    "Few leads.",
                    f"{line.n_leads:,} leads and {line.n_won:,} wins are above the line; mind the wide interval.",
                )
            )
        return found

    @property
    def footnote(self) -> list[str]:
        """Where the figures come from and how they were made, a sentence each."""
        calibration = self.calibration
        if calibration is None:
            return []
        summary, report = calibration.summary, self.workspace.report
        told = [
            f"Score: minimum {points_text(summary.minimum)}, lower quartile {points_text(summary.lower_quartile)}, "
            f"median {points_text(summary.median)}, average {number(summary.mean, digits=1)}, upper quartile "
            f"{points_text(summary.upper_quartile)}, maximum {points_text(summary.maximum)}, of {summary.n:,} leads"
            + (f"; {summary.blank:,} have none, which is not counted as 0." if summary.blank else "."),
            f"Success: {self.outcome} ({calibration.outcome.sentence}).",
            *calibration.notes,
            f"Intervals: {calibration.confidence:.0%}, Wilson for rates, bootstrap for recommended lines.",
        ]
        if calibration.weekly is not None:
            told.append(
                f"Leads a week: created in the last {calibration.weekly.n_weeks} whole weeks with new leads and above "
                "the line now; the week in which a lead crossed it is not in the export."
            )
        told.append(
            f"Source: {report.rows_read:,} rows read, {report.rows_loaded:,} loaded, "
            f"{report.rows_set_aside:,} set aside."
        )
        return told

    @property
    def base_rate(self) -> Rate:
        """Conversion of all judged leads."""
        if self.calibration is None:
            raise WorkbenchError(self.error)
        return self.calibration.base_rate

    @property
    def undated(self) -> bool:
        """Whether the export does not say when leads were created."""
        return self.kinds.get(self.outcome_spec.created) != "datetime"

    @property
    def outcome_spec(self) -> Outcome:
        """The chosen Outcome."""
        return self.outcomes[self.outcome]

    def leads_above(self) -> Handover:
        """The leads at or above the line, for a file.

        Raises
        ------
        WorkbenchError
            Where there is no score or no record id.
        """
        contacts = self.workspace.contacts
        if self.among and self.among_value:
            contacts = contacts[contacts[self.among] == self.among_value]
        name, model = self.score, self.model
        if model is not None:
            contacts = score(contacts, model, activities=self.workspace.activities, as_of=self.workspace.as_of)
            name = "score"
        return handover(
            contacts,
            threshold=self.threshold,
            score=name,
            score_name=self.score,
            outcome=self.outcome_spec,
            include_opted_out=self.include_opted_out,
        )


class View(Settling):
    """The widgets of the page, bound to a State. Display `view.widget`."""

    state: State

    def __init__(self, state: State) -> None:
        self.state = state
        self._setting = False
        self._answer, self._cards, self._warnings = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._table, self._bands, self._footnote = widgets.HTML(), widgets.HTML(), widgets.HTML()
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
        self.widget = self._layout()
        state.observe(lambda _: self._redraw(), ["version"])
        state.observe(lambda _: self._draw_line(), ["threshold", "old_line"])
        state.observe(lambda _: self._draw_settled(), ["settled"])
        state.observe(lambda _: self._follow(), ["leads_per_week", "include_opted_out"])
        state.observe(lambda _: self._later(), ["leads_per_week"])
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
        self._capacity = widgets.BoundedFloatText(
            value=state.leads_per_week, min=0, max=1e9, step=1, description="Sales can take, leads a week"
        )
        self._old_line = widgets.Text(
            value="", placeholder="none", continuous_update=False, description="Line in force so far, points"
        )
        self._old_line.observe(self._old_line_said, "value")
        self._opted_out = widgets.Checkbox(value=False, description="with leads who opted out", indent=False)
        if OPTED_OUT not in state.kinds:
            self._opted_out.add_class("wb-hidden")
        self._chosen = {
            "score": self._score,
            "outcome": self._outcome,
            "within_days": self._within,
            "among": self._among,
            "among_value": self._among_value,
            "leads_per_week": self._capacity,
            "include_opted_out": self._opted_out,
        }
        for trait, control in self._chosen.items():
            control.observe(partial(self._choose, trait), "value")
        self._sliders_of = ""  # the score whose rules have sliders
        self._sliders: dict[str, widgets.Widget] = {}
        self._remarks: dict[str, widgets.HTML] = {}
        self._rules = widgets.VBox().add_class("wb-rules")
        self._threshold = widgets.FloatText(value=state.threshold, step=1, description="Hand over from, points")
        self._threshold.observe(self._line_moved, "value")
        self._figure.observe(self._line_moved, "line")

    def _build_buttons(self) -> None:
        self._undo = _button("Undo", self._on_undo)
        self._reset = _button("Reset", lambda _: self.state.reset())
        self._save_model = _button("Points as score.yaml", self._on_save_model)
        self._for_people = _button("Leads above the line (XLSX)", self._on_spreadsheet, primary=True)
        self._for_import = _button("File to import (CSV)", self._on_import_file)
        self._advice = [self._advice_row(place) for place in range(MOST_ADVICE)]

    def _advice_row(self, place: int) -> tuple[widgets.Box, widgets.HTML, widgets.Button]:
        text, button = widgets.HTML(), _button("", partial(self._use, place))
        return widgets.HBox([text, button]).add_class("wb-advice"), text, button

    def _layout(self) -> widgets.Widget:
        controls = widgets.VBox(
            [
                widgets.HTML(heading("What is judged")),
                self._score,
                self._outcome,
                self._within,
                self._among,
                self._among_value,
                self._capacity,
                self._threshold,
                self._old_line,
                self._rules,
            ]
        )
        picture = widgets.VBox(
            [
                self._answer,
                self._cards,
                self._figure,
                self._legend,
                self._warnings,
                widgets.HBox([self._for_people, self._for_import, self._opted_out]).add_class("wb-actions"),
                self._said,
                self._download,
            ]
        )
        two = widgets.Box(
            [widgets.VBox([self._table]).add_class("wb-panel"), widgets.VBox([self._bands]).add_class("wb-panel")]
        )
        content = widgets.VBox(
            [
                picture.add_class("wb-panel"),
                widgets.VBox(
                    [widgets.HTML(heading("Where does the line belong?")), *(row for row, _, _ in self._advice)]
                ).add_class("wb-panel"),
                two.add_class("wb-two"),
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
            actions = widgets.HBox([self._undo, self._reset, self._save_model]).add_class("wb-actions")
            self._rules.children = [widgets.HTML(heading("Points")), actions, *rows] if rows else []
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

    def _old_line_said(self, change: Any) -> None:
        try:
            self.state.old_line = float(change["new"].replace(",", ".")) if change["new"].strip() else None
        except ValueError:
            self.state.old_line = None
            self._old_line.value = ""

    def _on_undo(self, _: Any) -> None:
        self.state.undo()
        self._draw_line()

    def _on_save_model(self, _: Any) -> None:
        model = self.state.model
        if model is not None:
            self._give("score.yaml", model.to_yaml().encode("utf-8"), type=YAML)

    def _on_spreadsheet(self, _: Any) -> None:
        self._hand_over("leads-above-the-line.xlsx", Handover.spreadsheet, type=XLSX)

    def _on_import_file(self, _: Any) -> None:
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
        finally:
            self._setting = False

    def _minus(self, name: str, negative: bool) -> None:
        row = self._rules.children[RULES_START + list(self._sliders).index(name)]
        if negative:
            row.add_class("wb-minus")
        else:
            row.remove_class("wb-minus")

    def _draw_line(self) -> None:
        """Everything that follows from where the line stands."""
        state, calibration = self.state, self.state.calibration
        self._undo.disabled = not state.can_undo
        self._said.value = ""
        shown = "none" if calibration is None else ""
        for part in (self._figure, self._legend, self._threshold, self._for_people, self._for_import, self._opted_out):
            part.layout.display = shown
        if calibration is None:
            self._answer.value = problem(state.error)
            for html in (self._cards, self._warnings, self._table, self._bands, self._footnote):
                html.value = ""
            self._draw_advice()
            return
        line = calibration.at(state.threshold)
        left_out = Markup("").join(warning("A model is left out.", told) for told in state.problems)
        changed = note(state.compared) if state.compared else ""
        self._answer.value = left_out + answer(state.headline, highlight=percent(line.conversion.value)) + changed
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
        self._warnings.value = Markup("").join(warning(*told) for told in state.warnings)
        self._table.value = threshold_table(calibration, state.threshold, weekly=not state.undated)
        self._bands.value = bands(calibration)
        self._footnote.value = footnote(state.footnote)
        self._draw_advice()

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
        self._draw_advice()
        calibration = self.state.calibration
        if calibration is not None:
            self._cards.value = cards(self._figures(calibration.at(self.state.threshold)))
            self._table.value = threshold_table(calibration, self.state.threshold, weekly=not self.state.undated)
            self._footnote.value = footnote(self.state.footnote)

    def _draw_advice(self) -> None:
        """The recommendations that the state has, each with a button where it is not in use."""
        found = self.state.recommendations if self.state.calibration is not None else ()
        for place, (row, text, button) in enumerate(self._advice):
            shown = place < len(found)
            row.layout.display = "" if shown else "none"
            if shown:
                line = found[place].threshold
                text.value = advice(found[place], current=self.state.threshold)
                button.layout.display = "none" if line is None or line == self.state.threshold else ""
                button.description = "" if line is None else f"Use {points_text(line)}"

    def _use(self, place: int, _: Any) -> None:
        self.state.remember(f"advice {place}")
        self.state.threshold = self.state.recommendations[place].threshold


def page(workspace: Workspace) -> View:
    """The page on a Workspace, with the models that lay beside its exports; a model that cannot be read is said."""
    models: list[ScoreModel] = []
    problems = []
    for file in workspace.model_files:
        try:
            model = ScoreModel.read(file)
        except WorkbenchError as fault:
            problems.append(str(fault))
            continue
        if model.name in {other.name for other in models}:
            problems.append(f"{file.name}: another file has a model called {model.name!r}; give each its own name.")
        else:
            models.append(model)
    return View(State(workspace, models, problems))


def _button(text: str, act: Callable[[Any], None], *, primary: bool = False) -> widgets.Button:
    button = widgets.Button(description=text, button_style="primary" if primary else "")
    button.on_click(act)
    return button


def _pairs(named: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(text, key) for key, text in named.items()]


def source(workspace: Workspace) -> str:
    """Where the figures come from, for the page's head."""
    leads = workspace.manifest.tables.get("contacts", 0)
    dated = "datetime" in kinds(as_frame(workspace.table("contacts", engine="duckdb"))).values()
    return f"{workspace.name} · {leads:,} contacts" + (f" · export of {workspace.as_of:%-d %B %Y}" if dated else "")
