"""What would another rule do? The page on which a score is changed: State knows no widget, View knows no data."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup
from traitlets import Float, HasTraits, Integer, Unicode

from workbench.calibration import ModelComparison
from workbench.calibration.side_by_side import CountedPair, PreparedPair, prepare_pair
from workbench.charts.scoring import crossing_by_segment, scores_side_by_side
from workbench.conditions import All, Condition, Count, Either, parse, parse_count
from workbench.conditions.tree import quoted
from workbench.dashboards import choices
from workbench.dashboards.calibrate_threshold import source
from workbench.dashboards.calibrate_threshold.ledger import standing_decision_of
from workbench.dashboards.controls import Controlled, actions, button, faults_in, fields, laid_out, panel
from workbench.dashboards.download import CSV, YAML, Download
from workbench.dashboards.explain_contact import name_of
from workbench.dashboards.explore_segments import OPERATORS, term_of
from workbench.dashboards.figure import FigureView
from workbench.dashboards.parts import answer, cards, footnote, heading, left_out, legend, note, problem, table, warning
from workbench.dashboards.settling import Settling
from workbench.dashboards.versions import (
    CLASSIC_LINE,
    Line,
    check_line,
    first_line,
    next_version,
    save_version,
    title,
    titled_models,
)
from workbench.engines import as_frame
from workbench.errors import WorkbenchError
from workbench.handovers import ID
from workbench.loaders import Workspace
from workbench.outcomes import WON, YOUNG
from workbench.scoring import Rule, RuleGroup, RuleSum, ScoreModel
from workbench.scoring.editing import (
    all_enabled,
    fitted,
    rule_of,
    sum_of,
    with_limits,
    with_new_rule,
    with_rule,
    without_rule,
)
from workbench.segments.explorer import Explorer
from workbench.spreadsheets import import_file, plain_ids
from workbench.stats.proportions import Rate, rate
from workbench.wording import interval, number, percent, plural, shortened
from workbench.wording import points as points_text

EVENT = "event: "
SIGNS = {"at least": ">=", "exactly": "==", "at most": "<="}
EVENT_OPERATORS = (*SIGNS, "never", "points each time")
MOST_DAYS = 36_500
MOST_POINTS = 1_000  # of a rule, either way; more where the model has such rules
MOST_STEPS = 500  # of the line; with more scores it moves freely
MOST_SHOWN = 20  # contacts that cross
MOST_NAME = 60  # letters
MOST_WRITTEN = 160  # letters of what a rule asks
MOST_DETAILS = 50
_SAME = "The rule {!r} asks the same: whoever meets it gets the points of both."
_NAMED = ("firstname", "lastname", "email", "company")


@dataclass(frozen=True, slots=True)
class Preview:
    """Who meets a condition that is no rule yet, in a sentence; or what is wrong with it."""

    told: str
    wrong: bool = False


class State(HasTraits):
    """A model that is changed beside the one it is compared with.

    Choices are traits; `version` counts what has to be drawn anew. The model itself is changed by `set_points`,
    `set_enabled`, `put`, `remove`, `start_from`, `undo` and `redo`. Points, switches and deletions are answered at
    once; a new condition needs a pass over the contacts, which `settle()` makes (`pending` says that one is due).

    Raises
    ------
    WorkbenchError
        Where the export has no contacts, or nothing that could be success.
    """

    base = Unicode()  # a title of `models`: what the changed one is compared with
    outcome = Unicode()  # a sentence of `outcomes`
    by = Unicode()  # a property, or empty
    threshold = Float(CLASSIC_LINE)

    error = Unicode()
    version = Integer(0)

    def __init__(self, workspace: Workspace, models: Mapping[str, ScoreModel], problems: Sequence[str] = ()) -> None:
        super().__init__()
        self.workspace, self.problems = workspace, tuple(problems)
        self.models = dict(models) or {title(_starter()): _starter()}
        self.outcomes = choices.outcomes(self.explorer.kinds, within_days=choices.WINDOW)
        if not self.outcomes:
            raise WorkbenchError(
                "no column of the export can count as success: no date a stage was entered, no yes/no column; "
                "export one of them too, or name it in mapping.yaml."
            )
        self.comparison: ModelComparison | None = None
        self._own = Workspace(workspace.path)  # counting may run in another thread, with a connection of its own
        self._lock = threading.Lock()
        self._prepared: tuple[object, PreparedPair] | None = None
        self._counted: tuple[object, CountedPair] | None = None
        self._rows: dict[str, Mapping[Any, Any]] = {}  # what each counted rule finds
        self._undo: list[ScoreModel] = []
        self._redo: list[ScoreModel] = []
        self._moving = ""
        self.base, self.outcome = next(iter(self.models)), next(iter(self.outcomes))
        self.model = self._as_next(self.models[self.base])
        self.settle()
        self.undecided = ""  # why decisions cannot be read
        self.first_line = self._first_line()
        self.threshold = self.first_line.threshold
        self._judge()
        self.observe(self._chosen, ["base", "outcome", "by", "threshold"])

    @cached_property
    def explorer(self) -> Explorer:
        """The contacts, for questions about conditions that are no rules yet."""
        return Explorer(self.workspace)

    @property
    def old(self) -> ScoreModel:
        """What the changed model is compared with."""
        return self.models[self.base]

    @property
    def changed(self) -> bool:
        """Whether the model differs from the one it is compared with in more than its version."""
        return replace(self.model, version=self.old.version) != self.old

    def _first_line(self) -> Line:
        """Where every page's line begins for the old model."""
        decision, calibration = None, None
        try:
            decision = standing_decision_of(self.workspace, self.old)
        except WorkbenchError as fault:
            self.undecided = str(fault)
        if self.comparison is not None:
            with suppress(WorkbenchError):  # every lead has the same score
                calibration = self.comparison.old_calibration
        return first_line(self.old, decision=decision, calibration=calibration)

    def _as_next(self, model: ScoreModel) -> ScoreModel:
        return replace(model, version=next_version(self.workspace, model))

    # counting

    @property
    def _key(self) -> tuple[ScoreModel, str, str]:
        return self.old, self.outcome, self.by

    @property
    def pending(self) -> bool:
        """Whether a pass over the contacts is due before the figures are those of the model as it stands."""
        return self._fitting() is None

    def _fitting(self) -> tuple[CountedPair, ScoreModel] | None:
        """Counts that serve the model as it stands, and the model with the rules that were counted."""
        if self._counted is None or self._counted[0] != self._key:
            return None
        counted = self._counted[1]
        model = fitted(self.model, counted.codes.model)
        return None if model is None else (counted, model)

    def _judge(self) -> None:
        found = self._fitting()
        if found is not None:
            counted, model = found
            self.comparison = replace(
                counted.compare(model, old_line=self.threshold, new_line=self.threshold), new=self.model
            )
        self.version += 1

    def settlement(self) -> Callable[[], Callable[[], None]]:
        """The pass that is due for the state as it stands, which may run in another thread; it returns what applies it.

        The result is dropped where the state has moved on meanwhile.
        """
        if not self.pending:
            return lambda: lambda: None
        key, old, model = self._key, self.old, self.model
        outcome, by = self.outcomes[self.outcome], self.by or None

        def work() -> Callable[[], None]:
            problem, counted, prepared = "", None, self._prepared
            try:
                with self._lock:
                    if prepared is None or prepared[0] != key:
                        prepared = key, prepare_pair(self._own, old, outcome=outcome, by=by)
                    counted = prepared[1].count(all_enabled(model))
            except WorkbenchError as fault:
                problem = str(fault)

            def apply() -> None:
                if key != self._key or model is not self.model:
                    return
                self.error, self._prepared = problem, prepared
                if counted is not None:
                    self._counted = key, counted
                    self._rows = {str(row["rule"]): row for row in counted.rules().to_dict("records")}
                self._judge()

            return apply

        return work

    def settle(self) -> None:
        """The pass that is due, at once."""
        self.settlement()()()

    def _chosen(self, _change: Any) -> None:
        self.error = ""
        self._judge()

    # changing the model

    def _change(self, model: ScoreModel, control: str = "") -> None:
        """Take a changed model; changes by one control in a row are one step of undo."""
        if not control or control != self._moving:
            self._undo.append(self.model)
        self._moving = control
        self._redo.clear()
        self._take(model)

    def _take(self, model: ScoreModel) -> None:
        self.model, self.error = model, ""
        self._judge()

    @property
    def most_points(self) -> float:
        """The most points that a rule may give or take here."""
        return max([float(MOST_POINTS), *(abs(float(rule.points)) for rule in self.old.rules)])

    def _check_points(self, points: float) -> None:
        if not abs(points) <= self.most_points:
            most = points_text(self.most_points)
            raise WorkbenchError(f"points of a rule lie between −{most} and {most} here, not {points_text(points)}.")

    def set_line(self, threshold: float) -> None:
        """Move the line.

        Raises WorkbenchError for one that no score comes near.
        """
        check_line(threshold, self.model, self.old)
        self.threshold = threshold

    def set_points(self, name: str, points: float) -> None:
        """Other points for a rule.

        Raises WorkbenchError for points that are no number, or too many.
        """
        self._check_points(points)
        self._change(self.model.with_points({name: points}), f"points of {name}")

    def set_enabled(self, name: str, enabled: bool) -> None:
        """Switch a rule on or off."""
        self._change(with_rule(self.model, name, replace(rule_of(self.model, name), enabled=enabled)))

    def set_limits(self, group: str | None, low: str, high: str) -> None:
        """Other limits of a group, or of the whole score (None), as they were typed; nothing typed is no limit.

        Raises WorkbenchError for a limit that is no number, or limits that contradict.
        """
        self._change(with_limits(self.model, group, limit_of(low), limit_of(high)), f"limits of {group}")

    def remove(self, name: str) -> None:
        """Delete a rule.

        Raises WorkbenchError for the last one.
        """
        self._change(without_rule(self.model, name))

    def put(
        self, text: str, *, name: str, points: float, at_most: int = 1, group: str = "", replacing: str = ""
    ) -> str:
        """Add a rule, or put it in the place of another; returns its name.

        Raises
        ------
        WorkbenchError
            For a condition that cannot be read or does not fit the contacts, or a name that is taken.
        """
        asked = asked_of(text)
        self.explorer.mask(_condition(asked))  # says what does not fit
        self._check_points(points)
        own = name.strip() or _short(text)
        before = rule_of(self.model, replacing) if replacing else None
        if isinstance(asked, Count):
            decay = None if before is None else before.decay
            rule = Rule(name=own, count=asked, points=points, at_most=at_most, decay=decay)
        else:
            rule = Rule(name=own, when=asked, points=points)
        if before is not None:
            rule = replace(rule, minimum=before.minimum, maximum=before.maximum, enabled=before.enabled)
            self._change(with_rule(self.model, replacing, rule))
        else:
            self._change(with_new_rule(self.model, group or self.groups[-1], rule))
        return own

    @property
    def groups(self) -> list[str]:
        """Names of the model's groups."""
        return [group.name for group in self.model.groups]

    def start_from(self, name: str) -> None:
        """Take one of `models` as it is; what was changed can be had back by undo."""
        self._change(self._as_next(self.models[name]))

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._undo)

    @property
    def can_redo(self) -> bool:
        """Whether there is a change that was taken back."""
        return bool(self._redo)

    def undo(self) -> None:
        """Take back the last change."""
        self._go(self._undo, self._redo)

    def redo(self) -> None:
        """Make the change again that was taken back."""
        self._go(self._redo, self._undo)

    def _go(self, here: list[ScoreModel], there: list[ScoreModel]) -> None:
        if here:
            there.append(self.model)
            self._moving = ""
            self._take(here.pop())

    # building a rule

    @property
    def properties(self) -> dict[str, str]:
        """What a rule can ask, key to what people call it: kinds of events, then properties."""
        kinds = {f"{EVENT}{kind}": f"{EVENT}{kind.replace('_', ' ')}" for kind in self.events}
        known = {name: choices.label_of(name) for name, kind in self.explorer.kinds.items() if kind in OPERATORS}
        return kinds | dict(sorted(known.items(), key=lambda one: one[1].casefold()))

    @cached_property
    def events(self) -> list[str]:
        """The kinds of events that were exported."""
        if "activities" not in self.workspace.tables:
            return []
        kinds = self.workspace.table("activities", columns=["kind"], engine="duckdb")
        return sorted(str(row[0]) for row in kinds.distinct().fetchall() if row[0] is not None)

    def operators(self, key: str) -> Sequence[str]:
        """What can be asked of a property or a kind of events."""
        return EVENT_OPERATORS if key.startswith(EVENT) else OPERATORS[self.explorer.kinds[key]]

    def values(self, key: str) -> list[str]:
        """The data's own values, the commonest first: of a text property, or the details of a kind of events."""
        if key.startswith(EVENT):
            from duckdb import ColumnExpression, ConstantExpression

            events = self.workspace.table("activities", columns=["kind", "detail"], engine="duckdb")
            chosen = events.filter(ColumnExpression("kind") == ConstantExpression(key.removeprefix(EVENT)))
            found = chosen.aggregate("detail, count(*) AS n").order("n DESC, detail").limit(MOST_DETAILS).fetchall()
            return [str(row[0]) for row in found if row[0] is not None]
        if self.explorer.kinds[key] != "text":
            return []
        contacts = as_frame(self.workspace.table("contacts", columns=[key], engine="duckdb"))
        return [one.value for one in choices.segment_values(contacts, key)]

    def term(self, key: str, operator: str, value: str, *, times: int = 1, days: int = 0) -> str:
        """A term as text, from what was chosen with the mouse; of events also how often, within how many days (0: any).

        Raises WorkbenchError where nothing was chosen, or for a value that does not fit.
        """
        if not key:
            raise WorkbenchError("nothing is asked yet; choose a property, or a kind of events.")
        if not key.startswith(EVENT):
            return term_of(key, self.explorer.kinds[key], operator, value)
        detail = f", {quoted(value.strip())}" if value.strip() else ""
        window = f", within_days={days}" if days else ""
        counted = f"count({key.removeprefix(EVENT)}{detail}{window})"
        if operator in SIGNS:
            return f"{counted} {SIGNS[operator]} {times}"
        return f"{counted} == 0" if operator == "never" else counted

    def joined(self, text: str, term: str, *, either: bool) -> str:
        """A condition with one term more.

        Raises WorkbenchError where one of the two cannot be read, or counts.
        """
        if not text.strip():
            return term
        first, second = parse(text), parse(term)
        kind = Either if either else All
        parts = first.parts if isinstance(first, kind) else (first,)
        return str(kind((*parts, second)))

    def preview(self, text: str) -> Preview:
        """Who meets a condition, and how they convert."""
        if not text.strip():
            return Preview("")
        try:
            inside = self.explorer.mask(_condition(asked_of(text)))
            n, won = self.explorer.conversion(inside, self.outcomes[self.outcome])
        except WorkbenchError as fault:
            return Preview(str(fault), wrong=True)
        found = int(inside.sum())
        told = f"{plural(found, 'contact')} of {self.explorer.n:,} ({percent(found / max(self.explorer.n, 1))})"
        if not n:
            return Preview(f"{told} {_meet(found)}; none of them can be judged yet.")
        one = rate(won, n)
        return Preview(f"{told} {_meet(found)}; {percent(one.value)} ({interval(one.low, one.high)}) convert.")

    def same_as(self, text: str, but: str = "") -> str:
        """The name of a rule (not `but`) that asks the same already; empty where there is none."""
        with suppress(WorkbenchError):
            asked = asked_of(text)
            points, name = 0.0, "asked"
            rule = (
                Rule(name=name, count=asked, points=points)
                if isinstance(asked, Count)
                else Rule(name=name, when=asked, points=points)
            )
            return next((one.name for one in self.model.rules if one.asks == rule.asks and one.name != but), "")
        return ""

    # what it says

    @property
    def rules(self) -> dict[str, Mapping[Any, Any]]:
        """What each rule that is counted finds, by name: n, n_leads, n_won, conversion_rate, low, high."""
        if self._counted is None:
            return {}
        asks = {rule.name: rule.asks for rule in self._counted[1].codes.model.rules}
        return {rule.name: self._rows[rule.name] for rule in self.model.rules if asks.get(rule.name) == rule.asks}

    @property
    def headline(self) -> str:
        """What the change does, or what is wrong."""
        if self.error:
            return self.error
        comparison = self.comparison
        if comparison is None or comparison.old != self.old:
            return "Counting …"
        if self.changed:
            return comparison.headline()
        try:
            told = comparison.old_calibration.headline(self.threshold)
        except WorkbenchError as fault:
            return f"Nothing is changed yet: {fault} Add or change a rule, and see what it would do."
        return (
            f"Nothing is changed: by version {self.old.version} {told[0].lower()}{told[1:]} "
            "Change a rule, and see who would cross the line."
        )

    @property
    def noun(self) -> str:
        """What the won are called."""
        return (self.outcomes[self.outcome].noun or "wins").capitalize()

    # keeping it

    def save(self) -> str:
        """Keep the model as a new version in a file of its own; returns what was done.

        What was saved is what further changes are compared with. Raises WorkbenchError where nothing was changed, or
        it cannot be written.
        """
        if not self.changed:
            raise WorkbenchError(f"nothing differs from {self.base}, so there is no new version to save.")
        file, kept = save_version(self.workspace, self.model)
        self.models = {title(kept): kept} | {name: one for name, one in self.models.items() if name != title(kept)}
        self.model = replace(kept, version=kept.version + 1)
        for steps in (self._undo, self._redo):
            steps[:] = [replace(one, version=self.model.version) if one.name == kept.name else one for one in steps]
        self._moving, self.base = "", title(kept)
        self._judge()
        return f"Saved as {title(kept)}: {file.parent.name}/{file.name} beside the workspace. Nothing was overwritten."

    def crossing(self) -> pd.DataFrame:
        """Who crosses the line, by record id, as in `ModelComparison.crossed`.

        Raises WorkbenchError where nothing is counted yet, or contacts have no record id.
        """
        if self._prepared is None or self._prepared[0] != self._key:
            raise WorkbenchError("the contacts are still being counted; try again in a moment.")
        with self._lock:
            found = self._prepared[1].crossing(self.model, self.threshold, self.threshold)
        if found is None:
            raise WorkbenchError(f"the contacts have no record id ({ID}), so none can be named; map its column.")
        return found

    def crossing_file(self) -> bytes:
        """Who crosses the line, as a CSV of record id, direction and both scores.

        Raises WorkbenchError where a record id could be taken for a formula by a spreadsheet program.
        """
        found = self.crossing()
        plain_ids(found["contact_id"], before="handing a file made from it on")
        named = found[["contact_id", "direction", "old_score", "new_score"]]
        return import_file(named.set_axis(["Record ID", "Direction", "Score before", "Score after"], axis=1))

    def people(self, ids: Sequence[str]) -> dict[str, str]:
        """What some contacts are called, by record id."""
        from duckdb import ColumnExpression, ConstantExpression

        if not ids:
            return {}
        columns = [name for name in (ID, *_NAMED) if name in self.explorer.kinds]
        rows = self.workspace.table("contacts", columns=columns, engine="duckdb")
        found = rows.filter(ColumnExpression(ID).isin(*map(ConstantExpression, ids))).df()
        return {str(row[ID]): name_of(row) for row in found.to_dict("records")}


def limit_of(text: str) -> float | None:
    """A limit as it was typed; None where nothing was.

    Raises WorkbenchError for what is no number.
    """
    if not text.strip():
        return None
    try:
        return float(text.replace("−", "-"))
    except ValueError as fault:
        raise WorkbenchError(
            f"a limit is a number of points such as 50, or nothing for no limit; {text.strip()!r} came."
        ) from fault


def asked_of(text: str) -> Condition | Count:
    """What a rule's text asks: a condition, or events that are counted one by one.

    Raises WorkbenchError where it is neither.
    """
    try:
        return parse_count(text)
    except WorkbenchError:
        return parse(text)


def _condition(asked: Condition | Count) -> Condition:
    """Who has any of the events that are counted; or a condition as it is."""
    return parse(f"{asked} >= 1") if isinstance(asked, Count) else asked


def _starter() -> ScoreModel:
    """Where there is no model yet: a rule that everybody meets and that gives nothing."""
    everybody = Rule(name="Everybody", when="true", points=0)
    return ScoreModel(
        name="Score", groups=(RuleGroup(name="fit", rules=(everybody,)), RuleGroup(name="engagement", rules=()))
    )


def _short(text: str) -> str:
    return shortened(" ".join(text.split()), MOST_NAME)


def _meet(count: int) -> str:
    return "meets it" if count == 1 else "meet it"


class View(Controlled, Settling):
    """The widgets of the page, bound to a State. Display `view.widget`."""

    state: State

    def __init__(self, state: State) -> None:
        self.state = state
        self._source = source(state.workspace)
        self._changing = ""  # the rule that is being changed; empty: a new one
        self._answer, self._cards, self._warnings = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._legend, self._said, self._who = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._segments, self._footnote, self._unsaved = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._line_fault = widgets.HTML()
        self._told_of = state.model
        self._figure = FigureView(
            height=320,
            description="How many contacts have which score: the changed model's as bars, the other's as an outline",
            line_label="line {}",
        )
        self._crossing = FigureView(
            height=200, description="Who rises above the line and who falls below it, by segment"
        )
        self._download = Download()
        self._rows: dict[str, Row] = {}
        self._limits: dict[str | None, Limits] = {}  # by group; None: of the whole score
        self._rules = widgets.VBox()
        self._build_choices()
        self._build_rule()
        self._build_buttons()
        self.widget = self._layout()
        state.observe(lambda _: self._redraw(), ["version"])
        self._redraw()
        self._show_rule()

    # building

    def _build_choices(self) -> None:
        state = self.state
        self._base = widgets.Dropdown(options=list(state.models), value=state.base, description="Compare with")
        self._start = widgets.Dropdown(options=list(state.models), value=state.base, description="Start from")
        self._outcome = widgets.Dropdown(options=list(state.outcomes), value=state.outcome, description="Success means")
        properties = [
            ("nothing", ""),
            *((choices.label_of(name), name) for name in choices.segment_properties(state.explorer.kinds)),
        ]
        self._by = widgets.Dropdown(options=properties, value="", description="Who crosses, by")
        self._by.layout.max_width = "320px"
        self._threshold = widgets.FloatText(value=state.threshold, step=1, description="Line, points")
        self._chosen = {
            "base": self._base,
            "outcome": self._outcome,
            "by": self._by,
        }
        for trait, control in self._chosen.items():
            self._bind(control, trait)
        self._threshold.observe(self._on_line, "value")
        self._figure.observe(self._on_line, "line")
        self._start.observe(self._start_from, "value")

    def _build_rule(self) -> None:
        state = self.state
        asked = [("choose one", ""), *((text, key) for key, text in state.properties.items())]
        self._property = widgets.Dropdown(options=asked, value="", description="Property or event")
        self._operator = widgets.Dropdown(options=OPERATORS["text"], description="Compared how")
        self._value = widgets.Combobox(placeholder="a value", description="Value", continuous_update=False)
        self._times = widgets.BoundedIntText(value=1, min=0, max=1000, description="Times")
        self._days = widgets.BoundedIntText(value=0, min=0, max=MOST_DAYS, description="Within days (0: any time)")
        self._property.observe(lambda _: self._offer(), "value")
        self._operator.observe(lambda _: self._show_event(), "value")
        self._ask = button("Ask this", lambda: self._add(None))
        self._and = button("and", lambda: self._add(either=False))
        self._or = button("or", lambda: self._add(either=True))
        self._text = widgets.Textarea(rows=3, continuous_update=False, description="Rule")
        self._text.observe(lambda _: self._show_preview(), "value")
        self._preview = widgets.HTML()
        self._points = widgets.FloatText(value=10, step=1, description="Points")
        self._at_most = widgets.BoundedIntText(value=3, min=1, max=1000, description="Times at most")
        self._name = widgets.Text(placeholder="as it is written", description="Name")
        self._group = widgets.Dropdown(options=state.groups, description="Group")
        self._fault = widgets.HTML()
        self._put = button("Add the rule", self._on_put, primary=True)
        self._cancel = button("Cancel", self._empty)
        self._title = widgets.HTML()

    def _build_buttons(self) -> None:
        state = self.state
        self._undo = button("Undo", state.undo)
        self._redo = button("Redo", state.redo)
        self._save = button("Save", self._on_save, primary=True)
        self._file = button("Download score.yaml", self._on_file)
        self._show_who = button("Who crosses the line?", self._on_who)
        self._who_file = button("Who crosses (CSV)", self._on_who_file)

    def _layout(self) -> widgets.Widget:
        controls = (
            widgets.HTML(heading("What is compared")),
            self._base,
            self._threshold,
            self._line_fault,
            self._outcome,
            self._start,
        )
        self._editor = widgets.VBox(
            [
                self._title,
                fields(self._property, self._operator, self._value, self._times, self._days),
                actions(self._ask, self._and, self._or),
                self._text,
                self._preview,
                fields(self._points, self._at_most, self._name, self._group),
                self._fault,
                actions(self._put, self._cancel),
            ]
        ).add_class("wb-new")
        content = (
            panel(
                self._answer,
                self._cards,
                self._figure,
                self._legend,
                self._warnings,
                actions(self._save, self._undo, self._redo, self._file),
                self._unsaved,
                self._said,
                self._download,
            ),
            panel(widgets.HTML(heading("Rules")), self._rules),
            panel(
                widgets.HTML(heading("Who crosses the line")),
                self._by,
                self._crossing,
                self._segments,
                actions(self._show_who, self._who_file),
                self._who,
            ),
            self._footnote,
        )
        return laid_out(self._source, controls, content)

    # what the controls do

    def _on_line(self, change: Any) -> None:
        if self._setting or change["new"] is None:
            return
        with faults_in(self._line_fault):
            self.state.set_line(change["new"])

    def _start_from(self, change: Any) -> None:
        if not self._setting and change["new"]:
            self._empty()
            self.state.start_from(change["new"])

    def _offer(self) -> None:
        """Operators and values that fit what was chosen."""
        key = self._property.value
        self._operator.options = self.state.operators(key) if key else OPERATORS["text"]
        self._value.value = ""
        self._value.options = self.state.values(key) if key else []
        event = key.startswith(EVENT)
        self._value.placeholder = "any, or a part of it" if event else "a value"
        self._show_event()

    def _show_event(self) -> None:
        """How often and how long ago are asked of events."""
        event = self._property.value.startswith(EVENT)
        self._value.description = "Which (a part of it)" if event else "Value"
        self._days.layout.display = "" if event else "none"
        self._times.layout.display = "" if event and self._operator.value in SIGNS else "none"

    def _add(self, either: bool | None) -> None:
        """Put what was chosen into the rule: in place of what it asks (None), or joined to it."""
        with faults_in(self._preview):
            term = self.state.term(
                self._property.value,
                self._operator.value,
                self._value.value,
                times=self._times.value,
                days=self._days.value,
            )
            self._text.value = term if either is None else self.state.joined(self._text.value, term, either=either)

    def _show_preview(self) -> None:
        found = self.state.preview(self._text.value)
        same = self.state.same_as(self._text.value, but=self._changing)
        told = f"{found.told} {_SAME.format(same)}" if same else found.told
        self._preview.value = problem(told) if found.wrong else note(told) if told else ""
        self._at_most.layout.display = "" if self._counts() else "none"

    def _counts(self) -> bool:
        try:
            return isinstance(asked_of(self._text.value), Count)
        except WorkbenchError:
            return False

    def _on_put(self) -> None:
        state = self.state
        if not self._text.value.strip() and self._property.value:
            self._add(None)
            if not self._text.value.strip():
                return  # what is wrong stands beside the fields
        if not self._text.value.strip():
            self._fault.value = problem("the rule asks nothing yet; choose a property and a value, or write it.")
            return
        same = state.same_as(self._text.value, but=self._changing)
        with faults_in(self._fault):
            name = state.put(
                self._text.value,
                name=self._name.value,
                points=self._points.value,
                at_most=self._at_most.value,
                group=self._group.value or "",
                replacing=self._changing,
            )
            done = "Changed" if self._changing else "Added"
            self._empty()
            self._said.value = note(f"{done}: {name}." + (f" {_SAME.format(same)}" if same else ""))

    def _empty(self) -> None:
        """Begin a new rule."""
        self._changing = ""
        self._property.value, self._value.value, self._text.value, self._name.value = "", "", "", ""
        self._points.value, self._at_most.value, self._times.value, self._days.value = 10, 3, 1, 0
        self._fault.value = self._preview.value = ""
        self._show_rule()

    def _change_rule(self, name: str) -> None:
        """Take a rule into the fields."""
        rule = rule_of(self.state.model, name)
        self._changing = name
        self._text.value, self._name.value = str(rule.when if rule.count is None else rule.count), name
        self._points.value, self._at_most.value = rule.points, rule.at_most or 1
        self._fault.value = ""
        self._show_rule()

    def _show_rule(self) -> None:
        changing = bool(self._changing)
        self._title.value = heading(f"Change {self._changing!r}" if changing else "A new rule")
        self._put.description = "Change the rule" if changing else "Add the rule"
        self._cancel.layout.display = "" if changing else "none"
        self._group.layout.display = "none" if changing else ""
        self._show_preview()
        self._arrange()

    def _on_points(self, name: str, change: Any) -> None:
        if not self._setting:
            with faults_in(self._rows[name].fault):
                self.state.set_points(name, change["new"])

    def _on_limits(self, group: str | None, _change: Any) -> None:
        if self._setting:
            return
        limits = self._limits[group]
        with faults_in(limits.fault):
            self.state.set_limits(group, limits.low.value, limits.high.value)

    def _on_enabled(self, name: str, change: Any) -> None:
        if not self._setting:
            with faults_in(self._rows[name].fault):
                self.state.set_enabled(name, change["new"])

    def _on_remove(self, name: str) -> None:
        with faults_in(self._rows[name].fault):
            self.state.remove(name)

    def _on_save(self) -> None:
        with faults_in(self._said):
            self._said.value = note(self.state.save())

    def _on_file(self) -> None:
        self._give(
            "score.yaml",
            lambda: self.state.model.to_yaml().encode("utf-8"),
            YAML,
            "The file of the model as it stands.",
        )

    def _on_who_file(self) -> None:
        self._give("who-crosses.csv", self.state.crossing_file, CSV, "Record id, direction and both scores.")

    def _give(self, name: str, make: Callable[[], bytes], type: str, told: str) -> None:
        with faults_in(self._said):
            self._download.give(name, make(), type=type)
            self._said.value = note(told)

    def _on_who(self) -> None:
        self._who.value = note("Looking …")
        with faults_in(self._who):
            found = self.state.crossing()
            names = self.state.people(list(found["contact_id"].head(MOST_SHOWN)))
            self._who.value = crossing_table(found, names)

    # drawing

    def _redraw(self) -> None:
        state, comparison = self.state, self.state.comparison
        with self._showing():
            for chosen in (self._base, self._start):
                if list(chosen.options) != list(state.models):
                    chosen.options = list(state.models)
            for trait, control in self._chosen.items():
                control.value = getattr(state, trait)
            self._threshold.value, self._line_fault.value = state.threshold, ""
            self._draw_rules()
        if self._changing and self._changing not in self._rows:
            self._empty()  # it is gone
        self._undo.disabled, self._redo.disabled = not state.can_undo, not state.can_redo
        self._save.disabled = not state.changed
        self._save.description = f"Save as version {state.model.version}"
        self._unsaved.value = note("Not saved yet: reloading the page forgets the changes.") if state.changed else ""
        self._who.value = ""
        if state.model is not self._told_of:  # what was said holds until the next change
            self._told_of, self._said.value = state.model, ""
        self._show_groups()
        pending = state.pending and not state.error
        if pending:
            self._later()
            if not state.pending:  # settled at once, and drawn
                return
        shown = "none" if comparison is None else ""
        self._figure.layout.display = shown
        said = problem(state.error) if state.error else answer(state.headline)
        waiting = Markup('<p class="wb-note wb-late" role="status">Counting …</p>') if pending else Markup("")
        self._answer.value = left_out(state.problems, state.undecided) + said + waiting
        if comparison is not None:
            self._draw(comparison)

    def _draw(self, comparison: ModelComparison) -> None:
        state = self.state
        self._cards.value = cards(figures(comparison, state.noun))
        figure = scores_side_by_side(comparison)
        figure["layout"] |= {"showlegend": False}
        self._figure.show(figure)
        self._legend.value = legend(
            (trace["name"], trace.get("marker") or {"color": trace["line"]["color"]}) for trace in figure["data"]
        )
        scores = sorted(comparison.cells["new_score"].dropna().unique().tolist())
        with self._showing():
            self._figure.line_steps = scores if len(scores) <= MOST_STEPS else []
            self._figure.line = state.threshold
        self._warnings.value = Markup("").join(warning(*told) for told in warnings_of(comparison))
        split = bool(state.by) and comparison.by == state.by
        crosses = split and bool(comparison.n_up or comparison.n_down)
        self._crossing.layout.display = "" if crosses else "none"
        if crosses:
            self._crossing.show_whole(crossing_by_segment(comparison))
        self._segments.value = segment_table(comparison) if split else ""
        self._footnote.value = footnote(
            [
                f"Compared: {state.base} and the model as it stands, on the same {plural(comparison.n, 'contact')}.",
                f"The line begins at {points_text(state.first_line.threshold)}, {state.first_line.why}.",
                f"Success: {state.outcome} ({comparison.outcome.sentence}).",
                "Differences: 95 %, paired bootstrap over contacts, 2,000 draws. Rates of rules: Wilson.",
                "The score is as of the export, not as it was when a lead was won; a back-test tells that.",
                f"Source: {self._source}.",
            ]
        )

    def _show_groups(self) -> None:
        if list(self._group.options) != self.state.groups:
            self._group.options = self.state.groups

    def _draw_rules(self) -> None:
        """A row a rule, built anew where rules came or went."""
        state = self.state
        rules = {rule.name: rule for rule in state.model.rules}
        if list(rules) != list(self._rows):
            kept = self._rows
            self._rows = {name: kept.get(name) or self._row(name) for name in rules}
        self._arrange()
        found = state.rules
        for name, rule in rules.items():
            row = self._rows[name]
            row.enabled.value, row.points.value = rule.enabled, float(rule.points)
            because = why_kept(rule)
            row.remark.value = remark(rule, found.get(name), sum_of(state.model, name), because)
            row.fault.value = ""
            row.change.layout.display = "none" if because else ""
            if rule.points < 0:
                row.box.add_class("wb-minus")
            else:
                row.box.remove_class("wb-minus")

    def _show_limits(self, of: ScoreModel | RuleGroup, group: str | None) -> widgets.Box:
        """A title and limits that can be changed: of a group, or of the whole score (None)."""
        limits = self._limits.get(group)
        if limits is None:
            low, high = (
                widgets.Text(placeholder="none", description=text, continuous_update=False)
                for text in ("Lower limit", "Upper limit")
            )
            title_, fault = widgets.HTML(heading("The whole score" if group is None else group)), widgets.HTML()
            box = widgets.Box([widgets.VBox([title_, fault]), low, high]).add_class("wb-limits")
            limits = self._limits[group] = Limits(box, low, high, fault)
            for field_ in (low, high):
                field_.observe(partial(self._on_limits, group), "value")
        limits.low.value, limits.high.value = _typed(of.minimum), _typed(of.maximum)
        limits.fault.value = ""
        return limits.box

    def _arrange(self) -> None:
        """The rows by group; the fields stand above them, or below the rule that is being changed."""
        children: list[widgets.Widget] = [] if self._changing else [self._editor]
        with self._showing():
            titles = [self._show_limits(group, group.name) for group in self.state.model.groups]
            whole = self._show_limits(self.state.model, None)
        for group, shown in zip(self.state.model.groups, titles, strict=True):
            children.append(shown)
            for rule in group.single_rules:
                children.append(self._rows[rule.name].box)
                if rule.name == self._changing:
                    children.append(self._editor)
        children.append(whole)
        if self._rules.children != tuple(children):
            self._rules.children = children

    def _row(self, name: str) -> Row:
        enabled = widgets.Checkbox(description=name, indent=False)
        points = widgets.FloatText(step=1, description="Points", continuous_update=False)
        change = button("Change", lambda: self._change_rule(name))
        remove = button("Delete", lambda: self._on_remove(name))
        change.tooltip, remove.tooltip = f"Change {name}", f"Delete {name}"
        remark_, fault = widgets.HTML(), widgets.HTML()
        enabled.observe(partial(self._on_enabled, name), "value")
        points.observe(partial(self._on_points, name), "value")
        box = widgets.Box([widgets.VBox([enabled, remark_, fault]), points, actions(change, remove)])
        return Row(box.add_class("wb-edit"), enabled, points, change, remark_, fault)


@dataclass(frozen=True, slots=True)
class Limits:
    """The widgets of the limits of a group."""

    box: widgets.Box
    low: widgets.Text
    high: widgets.Text
    fault: widgets.HTML


@dataclass(frozen=True, slots=True)
class Row:
    """The widgets of one rule."""

    box: widgets.Box
    enabled: widgets.Checkbox
    points: widgets.FloatText
    change: widgets.Button
    remark: widgets.HTML
    fault: widgets.HTML


def why_kept(rule: Rule) -> str:
    """Why what a rule asks is not changed here; nothing where it can be."""
    if rule.associated is not None:
        return f"asks associated records ({rule.associated}); what it asks is changed in score.yaml"
    if rule.cases:
        return "decides among cases; they are changed in score.yaml, other points here change all of them alike"
    return ""


def remark(rule: Rule, found: Mapping[Any, Any] | None, of: RuleSum | None = None, kept: str = "") -> Markup:
    """What a rule asks, the limits it is under, how many meet it and how they convert, why it is kept as it is."""
    times = f", at most {rule.at_most} times" if rule.count is not None else ""
    if rule.decay is not None:
        times += f", {rule.decay.percent} % less every {plural(rule.decay.every_days, 'day')}"
    times += _limited(rule)
    if of is not None:
        times += f", part of the sum {of.name!r}{_limited(of)}" + ("" if of.enabled else ", which is switched off")
    if found is None:
        told = "counting …"
    else:
        told = f"{found['n']:,} match"
        if found["n_leads"]:
            told += f", {percent(found['conversion_rate'])} convert ({interval(found['low'], found['high'])})"
    whole = str(rule)
    written = Markup("") if rule.name == whole else Markup("<code>{}</code>").format(shortened(whole, MOST_WRITTEN))
    asks = written + (times if written else times.removeprefix(", "))
    because = Markup("<br>It {}.").format(kept) if kept else Markup("")
    return Markup("<small>{}{}{}{}</small>").format(asks, Markup("<br>") if asks else "", told, because)


def _limited(part: Rule | RuleSum) -> str:
    if part.minimum is None and part.maximum is None:
        return ""
    low, high = ("none" if one is None else points_text(one) for one in (part.minimum, part.maximum))
    return f", limits {low} to {high}"


def _typed(limit: float | None) -> str:
    return "" if limit is None else f"{limit:g}"


def figures(comparison: ModelComparison, noun: str) -> list[tuple[str, str, str]]:
    """What the change does, as cards."""
    rows = comparison.frame().set_index("metric").to_dict("index")
    week, convert, caught = (rows[name] for name in ("leads_per_week", "conversion_rate", "capture_rate"))
    dated = not math.isnan(week["new"])
    (old_convert, old_caught), (new_convert, new_caught) = (rates_above(comparison, side) for side in ("old", "new"))
    return [
        (
            "Cross the line",
            f"↑ {number(comparison.n_up)}  ↓ {number(comparison.n_down)}",
            f"of {plural(comparison.n, 'contact')}",
        ),
        (
            "Leads a week",
            number(week["new"], digits=1) if dated else "–",
            f"{number(week['old'], digits=1)} so far{_apart(week, share=False)}" if dated else "no dates of creation",
        ),
        (
            "Conversion above the line",
            _share(convert["new"], 1),
            f"{_measured(new_convert)}; so far {_share(convert['old'], 1)}, {_measured(old_convert)}"
            f"{_apart(convert, share=True)}",
        ),
        (
            f"{noun} caught",
            _share(caught["new"], 0),
            f"{_measured(new_caught)}; so far {_share(caught['old'], 0)}, {_measured(old_caught)}"
            f"{_apart(caught, share=True)}",
        ),
    ]


def rates_above(comparison: ModelComparison, side: str) -> tuple[Rate, Rate]:
    """Of the `old` or `new` model: the won among the judged above the line, and those above it among all won."""
    cells = comparison.cells
    above = cells[f"{side}_score"] >= (comparison.old_line if side == "old" else comparison.new_line)
    won = cells["outcome"] == WON
    n_won, n_judged, n_all_won = (
        int(cells.loc[inside, "n"].sum()) for inside in (above & won, above & (cells["outcome"] < YOUNG), won)
    )
    confidence = comparison.confidence
    return rate(n_won, n_judged, confidence=confidence), rate(n_won, n_all_won, confidence=confidence)


def _measured(found: Rate) -> str:
    """A rate's interval and n."""
    return f"{interval(found.low, found.high)} of {found.n:,}" if found.n else "nobody to judge by"


def _share(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else percent(value, digits=digits)


def _apart(row: Mapping[Any, float], *, share: bool) -> str:
    """The interval of a difference, where there is any difference."""
    if math.isnan(row["low"]) or row["low"] == row["high"] == 0:
        return ""
    factor, unit = (100, " points") if share else (1, "")
    low, high = (_to_a_tenth(factor * row[name]) for name in ("low", "high"))
    return f"; difference {low} to {high}{unit}"


def _to_a_tenth(value: float) -> str:
    """`−5.0`, `+0.3`: all of a range with one decimal."""
    shown = f"{abs(value):.1f}"
    return shown if float(shown) == 0 else f"{'+' if value > 0 else '−'}{shown}"


def warnings_of(comparison: ModelComparison) -> list[tuple[str, str]]:
    """What the change does not do, or does to the ranking: a title and a sentence each."""
    found = []
    auc = comparison.frame().set_index("metric").to_dict("index")["auc"]
    if auc["high"] < 0:
        found.append(
            (
                "It sorts worse.",
                f"A winner scores above a loser in {percent(auc['new'])} of pairs, {percent(auc['old'])} so far.",
            )
        )
    elif auc["low"] > 0:
        found.append(
            (
                "It sorts better.",
                f"A winner scores above a loser in {percent(auc['new'])} of pairs, {percent(auc['old'])} so far: on "
                "these leads, so try it on later ones too.",
            )
        )
    return found


def segment_table(comparison: ModelComparison) -> Markup:
    """Who crosses and what it does, a row a segment."""
    dated = bool(comparison.n_weeks)
    rows = [
        (
            str(row["segment"]),
            number(row["n"]),
            number(row["n_up"]),
            number(row["n_down"]),
            *(
                [f"{number(row['old_leads_per_week'], digits=1)} → {number(row['new_leads_per_week'], digits=1)}"]
                if dated
                else []
            ),
            f"{_share(row['old_conversion_rate'], 1)} → {_share(row['new_conversion_rate'], 1)}",
            _bounds(row["low_conversion_rate"], row["high_conversion_rate"]),
        )
        for row in comparison.by_segment.to_dict("records")
    ]
    week = ["leads a week"] if dated else []
    return table(["segment", "contacts", "rise", "fall", *week, "conversion", "difference (95 %)"], rows)


def _bounds(low: float, high: float) -> str:
    if math.isnan(low):
        return "too few"
    if low == high == 0:
        return "none"
    return f"{_to_a_tenth(100 * low)} to {_to_a_tenth(100 * high)}"


def crossing_table(found: pd.DataFrame, names: Mapping[str, str]) -> Markup:
    """Some of those who cross the line."""
    if found.empty:
        return note("Nobody crosses the line.")
    rows = [
        (
            names.get(row["contact_id"], row["contact_id"]),
            "rises" if row["direction"] == "up" else "falls",
            f"{_score(row['old_score'])} → {_score(row['new_score'])}",
            row["outcome"],
        )
        for row in found.head(MOST_SHOWN).to_dict("records")
    ]
    rest = len(found) - len(rows)
    more = note(f"and {rest:,} more; the file names them all.") if rest > 0 else Markup("")
    return table(("contact", "", "points", "outcome"), rows, texts=(0, 1, 3)) + more


def _score(value: float) -> str:
    return "none" if pd.isna(value) else points_text(float(value))


def page(workspace: Workspace) -> View:
    """The page on a Workspace, with the models that lay beside its exports and those saved since."""
    models, problems = titled_models(workspace)
    return View(State(workspace, models, problems))
