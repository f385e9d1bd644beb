"""Why has this contact so many points? The page on one contact: State knows no widget, View knows no data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial, reduce
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup
from traitlets import Float, HasTraits, Integer, Unicode

from workbench.calibration import what_if
from workbench.charts.scoring import waterfall
from workbench.dashboards import choices
from workbench.dashboards.calibrate_threshold import source
from workbench.dashboards.calibrate_threshold.ledger import standing_decision_of
from workbench.dashboards.controls import Controlled, actions, button, faults_in, laid_out, panel
from workbench.dashboards.figure import FigureView
from workbench.dashboards.parts import answer, cards, footnote, heading, left_out, note, problem, table, waiting
from workbench.dashboards.settling import Settling
from workbench.dashboards.versions import CLASSIC_LINE, Line, check_line, first_line, label_line, titled_models
from workbench.engines import as_frame, kinds
from workbench.errors import WorkbenchError
from workbench.handovers import ID
from workbench.loaders import Workspace
from workbench.loaders.workspace import to_pandas
from workbench.scoring import Explanation, ScoreModel, explain, score
from workbench.scoring.lifting import lifts
from workbench.wording import capital, number, plural, signed
from workbench.wording import points as points_text

SEARCHED = ("firstname", "lastname", "email", "company", ID)
PAGE = 20  # contacts in the list
MOST_EVENTS = 100  # of the story
MOST_LIFTS = 12
MOST_NAMED = 3  # rules in a sentence


class State(HasTraits):
    """Which contact, by which model, against which line.

    Choices are traits; `version` counts what has to be drawn anew, `listed` what the list shows. `explained` is None
    and `error` a sentence where there is nobody to explain.

    Raises
    ------
    WorkbenchError
        Without contacts, or without a model.
    """

    model = Unicode()  # a title of `models`
    threshold = Float(CLASSIC_LINE)
    search = Unicode()
    page_number = Integer(0)
    contact_id = Unicode()

    error = Unicode()
    version = Integer(0)
    listed = Integer(0)
    settled = Integer(0)  # counts stories

    def __init__(self, workspace: Workspace, models: Mapping[str, ScoreModel], problems: Sequence[str] = ()) -> None:
        super().__init__()
        self.workspace, self.models, self.problems = workspace, dict(models), tuple(problems)
        if not self.models:
            raise WorkbenchError(
                "there is no model to explain a score by; put a score.yaml beside the exports and import them again."
                + "".join(f" {told}" for told in problems)
            )
        self.rows = pd.DataFrame()  # of the list's page
        self.points: dict[str, str] = {}  # by record id, of these
        self._pointed: object = None
        self.total = 0
        self.explained: Explanation | None = None
        self._row: Mapping[Any, Any] = {}  # the contact's columns
        self.story: pd.DataFrame | None = None  # as `Workspace.timeline` gives it; None until it is settled
        self.first_line = first_line(None)  # where the line begins, and why
        self.undecided = ""  # why decisions cannot be read
        self._parts_unknown = False  # whether the line waits for a calibration
        self.model = next(iter(self.models))
        self._place_line()
        self._list()
        self.contact_id = self._first()
        self._explain()
        self.observe(self._model_chosen, ["model"])
        self.observe(self._searched, ["search"])
        self.observe(lambda _: self._list(), ["page_number"])
        self.observe(lambda _: self._explain(), ["contact_id"])
        self.observe(self._moved, ["threshold"])

    @property
    def chosen_model(self) -> ScoreModel:
        """The model by which points are given."""
        return self.models[self.model]

    def _place_line(self) -> None:
        """The line where every page begins; a calibration that this takes is made by `more`."""
        model, decision, self.undecided = self.chosen_model, None, ""
        try:
            decision = standing_decision_of(self.workspace, model)
        except WorkbenchError as fault:
            self.undecided = str(fault)
        self._take_line(first_line(model, decision=decision))
        self._parts_unknown = decision is None and label_line(model) is None

    def _take_line(self, line: Line) -> None:
        self.first_line = line
        self.threshold = line.threshold

    def _moved(self, _change: Any) -> None:
        self._parts_unknown = False
        self._draw()

    def more(self) -> Callable[[], Callable[[], None]] | None:
        """A calibration for the line, where nothing else says where it begins; None where none is due."""
        if not self._parts_unknown:
            return None
        model, own = self.chosen_model, Workspace(self.workspace.path)

        def work() -> Callable[[], None]:
            found = kinds(as_frame(own.table("contacts", engine="duckdb")))
            try:
                outcome = next(iter(choices.outcomes(found, within_days=choices.WINDOW).values()))
                line = first_line(model, calibration=what_if(own, model, outcome=outcome).calibrate(weekly=False))
            except (StopIteration, WorkbenchError):  # nothing to judge by
                line = first_line(model)

            def apply() -> None:
                if self._parts_unknown and model is self.chosen_model:
                    self._take_line(line)
                    self._parts_unknown = False
                    self._draw()

            return apply

        return work

    def _first(self) -> str:
        """Whom to begin with: who did something last, for there is a story to tell; else the first of the list."""
        if "activities" in self.workspace.tables:
            events = self.workspace.table("activities", columns=["contact_id", "at"], engine="duckdb")
            found = events.filter("contact_id IS NOT NULL").aggregate('arg_max(contact_id, "at")').fetchall()
            if found[0][0] is not None and self._held(str(found[0][0])):
                return str(found[0][0])
        return str(self.rows[ID].iloc[0]) if len(self.rows) else ""

    def _held(self, contact_id: str) -> bool:
        from duckdb import ColumnExpression, ConstantExpression

        return bool(len(self._contacts.filter(ColumnExpression(ID) == ConstantExpression(contact_id))))

    @property
    def _contacts(self) -> Any:
        """The contacts' searched columns, on DuckDB."""
        there = self.workspace.columns("contacts")
        if ID not in there:
            raise WorkbenchError(
                f"the contacts have no record id ({ID}), so none can be named; map its column in mapping.yaml."
            )
        return self.workspace.table("contacts", columns=[name for name in SEARCHED if name in there], engine="duckdb")

    @cached_property
    def _n_contacts(self) -> int:
        return int(self.workspace.manifest.tables.get("contacts", 0))

    # the list

    def _searched(self, _change: Any) -> None:
        if self.page_number:
            self.page_number = 0  # which lists
        else:
            self._list()
        if self.search.strip() and self.total == 1:
            self.contact_id = str(self.rows[ID].iloc[0])
        if not self.total or self.explained is None:
            self._explain()

    def _list(self) -> None:
        found = self._contacts
        words = self.search.casefold().split()
        if words:
            found = found.filter(_holds(found.columns, words))
        self.total = int(found.shape[0]) if words else self._n_contacts
        self.rows, self.points = found.limit(PAGE, self.page_number * PAGE).df(), {}
        self.listed += 1

    def turn(self, by: int) -> None:
        """Go some pages on or back, within what there is."""
        last = max(0, (self.total - 1) // PAGE)
        self.page_number = min(max(self.page_number + by, 0), last)

    def people(self) -> list[tuple[str, str]]:
        """Points (where they are known by now) and name of the contacts on the list's page, and record id.

        Namesakes also have their e-mail.
        """
        people = []
        rows = self.rows.to_dict("records")
        names = Counter(map(name_of, rows))
        for row in rows:
            told = [self.points.get(str(row[ID]), ""), name_of(row)]
            told += [str(row["email"])] if names[name_of(row)] > 1 and _known(row, "email") else []
            people.append((" · ".join(filter(None, told)), str(row[ID])))
        return people

    # the contact

    def _model_chosen(self, _change: Any) -> None:
        self._place_line()
        self.points = {}
        self._explain()
        self.listed += 1

    def _explain(self) -> None:
        self.error, self.explained, self.story = "", None, None
        if self.search.strip() and not self.total:
            self.error = (
                f"Nobody is called {' '.join(self.search.split())!r}: no name, e-mail, company or record id holds it; "
                "search for a part of one, or for nothing to see everybody."
            )
        elif not self.contact_id:
            self.error = "there are no contacts to explain; load an export that has some."
        else:
            try:
                ids = [self.contact_id]
                contacts = rows_of(self.workspace, "contacts", ID, ids)
                self.explained = explain(
                    contacts,
                    self.chosen_model,
                    self.contact_id,
                    activities=rows_of(self.workspace, "activities", "contact_id", ids),
                    related=partial(self.workspace.table, engine="duckdb"),
                    as_of=self.workspace.as_of,
                )
                self._row = contacts.iloc[0].to_dict()
            except WorkbenchError as fault:
                self.error = str(fault)
        self._draw()

    def _draw(self) -> None:
        self.version += 1

    @property
    def person(self) -> str:
        """What the contact is called."""
        return name_of(self._row)

    @property
    def told_apart(self) -> str:
        """What tells the contact from namesakes: e-mail, company and record id, as far as they are known."""
        row = self._row
        return " · ".join(str(row[name]) for name in ("email", "company", ID) if _known(row, name))

    def set_line(self, threshold: float) -> None:
        """Move the line.

        Raises WorkbenchError for one that no score comes near.
        """
        check_line(threshold, self.chosen_model)
        self.threshold = threshold

    @property
    def headline(self) -> str:
        """The answer in a sentence, or what is wrong."""
        explained = self.explained
        if explained is None:
            return self.error
        groups = " and ".join(f"{points_text(points)} of {name}" for name, points in explained.groups.items())
        noun = "point" if abs(explained.score) == 1 else "points"
        return f"{self.person} has {points_text(explained.score)} {noun}, {groups}: {self.standing}."

    @property
    def standing(self) -> str:
        """Where the score lies against the line, in words."""
        explained = self.explained
        if explained is None:
            return ""
        apart = explained.score - self.threshold
        line = f"the line at {points_text(self.threshold)}"
        if not apart:
            return f"just on {line}"
        return f"{points_text(abs(apart))} {'above' if apart > 0 else 'below'} {line}"

    def lifts(self) -> pd.DataFrame:
        """What would add points, as `workbench.scoring.lifting.lifts` gives it."""
        if self.explained is None:
            raise WorkbenchError(self.error)
        return lifts(self.explained, self.threshold)

    def settlement(self) -> Callable[[], Callable[[], None]]:
        """What takes longer: the points of the contacts on the list's page, and the story of the chosen one."""
        contact_id, model, rows = self.contact_id, self.chosen_model, self.rows
        wants_points = self._pointed != (self.model, self.search, self.page_number)
        wants_story = self.story is None and self.explained is not None
        own = Workspace(self.workspace.path)  # another thread needs a connection of its own

        def work() -> Callable[[], None]:
            points = points_of(own, model, rows) if wants_points else None
            story = own.timeline(contact_id) if wants_story else None

            def apply() -> None:
                if points is not None and rows is self.rows and model is self.chosen_model:
                    self.points, self._pointed = points, (self.model, self.search, self.page_number)
                    self.listed += 1
                if story is not None and contact_id == self.contact_id:
                    self.story = story
                    self.settled += 1

            return apply

        return work

    def settle(self) -> None:
        """Points, story and line, at once."""
        self.settlement()()()
        work = self.more()
        if work is not None:
            work()()


def rows_of(workspace: Workspace, name: str, column: str, ids: Sequence[str]) -> pd.DataFrame:
    """The rows of some contacts in a table, read in one go; none where it was not exported."""
    if name not in workspace.tables:
        return workspace.activities
    from duckdb import ColumnExpression, ConstantExpression

    wanted = ColumnExpression(column).isin(*map(ConstantExpression, ids))
    return to_pandas(workspace.table(name, engine="duckdb").filter(wanted).to_arrow_table())


def points_of(workspace: Workspace, model: ScoreModel, rows: pd.DataFrame) -> dict[str, str]:
    """Points by record id, as people read them; none where the model does not fit the export or leaves one out."""
    if not len(rows):
        return {}
    ids = [str(one) for one in rows[ID]]
    try:
        scored = score(
            rows_of(workspace, "contacts", ID, ids),
            model,
            activities=rows_of(workspace, "activities", "contact_id", ids),
            related=partial(workspace.table, engine="duckdb"),
            as_of=workspace.as_of,
        )
    except WorkbenchError:  # told where the contact is explained
        return {}
    known = scored[[ID, "score"]].dropna()
    return dict(zip(known[ID].astype("str"), map(points_text, known["score"].astype(float)), strict=True))


def name_of(row: Mapping[Any, Any]) -> str:
    """What a contact is called: its name, else its e-mail, company or record id."""
    if _named(row):
        return " ".join(str(row[name]).strip() for name in ("firstname", "lastname") if _known(row, name))
    return next((str(row[name]) for name in ("email", "company") if _known(row, name)), f"Contact {row[ID]}")


def _named(row: Mapping[Any, Any]) -> bool:
    return _known(row, "firstname") or _known(row, "lastname")


def _known(row: Mapping[Any, Any], name: str) -> bool:
    return name in row and not pd.isna(row[name]) and bool(str(row[name]).strip())


def _holds(columns: Sequence[str], words: Sequence[str]) -> Any:
    """Whether each word stands somewhere in these columns, capitals or not; nothing of it is a pattern."""
    from duckdb import ColumnExpression, ConstantExpression, FunctionExpression

    texts = [ColumnExpression(name).cast("VARCHAR") for name in columns]
    text = FunctionExpression("lower", FunctionExpression("concat_ws", ConstantExpression("\n"), *texts))
    found = [FunctionExpression("contains", text, ConstantExpression(word)) for word in words]
    return reduce(lambda one, other: one & other, found)


class View(Controlled, Settling):
    """The widgets of the page, bound to a State. Display `view.widget`."""

    state: State

    def __init__(self, state: State) -> None:
        self.state = state
        self._source = source(state.workspace)
        self._answer, self._cards, self._points = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._lifts, self._story, self._footnote = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._page, self._line_fault = widgets.HTML(), widgets.HTML()
        self._figure = FigureView(description="Waterfall of the points, rule by rule, up to the score")
        self._build_controls()
        self.widget = self._layout()
        state.observe(lambda _: self._redraw(), ["version"])
        state.observe(lambda _: self._list(), ["listed"])
        state.observe(lambda _: self._tell(), ["settled"])
        self._list()
        self._redraw()

    def _build_controls(self) -> None:
        state = self.state
        self._search = widgets.Text(
            placeholder="name, e-mail, company, id", description="Find a contact", continuous_update=False
        )
        self._bind(self._search, "search")
        self._people = widgets.Select(options=[], rows=12, description="Contacts found, with their points")
        self._bind(self._people, "contact_id")
        self._back = button("Earlier", lambda: state.turn(-1))
        self._on = button("Later", lambda: state.turn(1))
        self._model = widgets.Dropdown(options=list(state.models), value=state.model, description="Score")
        self._bind(self._model, "model")
        self._threshold = widgets.FloatText(value=state.threshold, step=1, description="Line, points")
        self._threshold.observe(self._on_line, "value")

    def _layout(self) -> widgets.Widget:
        controls = (
            widgets.HTML(heading("Who")),
            self._search,
            self._people,
            self._page,
            actions(self._back, self._on),
            widgets.HTML(heading("By which score")),
            self._model,
            self._threshold,
            self._line_fault,
        )
        content = (
            panel(self._cards, self._figure),
            panel(self._lifts),
            panel(self._points),
            panel(self._story),
            self._footnote,
        )
        first = panel(self._answer)  # on a phone too, above who else there is
        first.layout.margin = "0 0 20px"
        return laid_out(self._source, controls, content, above=[first], controls_first=True)

    def _on_line(self, change: Any) -> None:
        if self._setting or change["new"] is None:
            return
        with faults_in(self._line_fault):
            self.state.set_line(change["new"])

    # drawing

    def _list(self) -> None:
        state = self.state
        people = state.people()
        with self._showing():
            self._people.options = people
            held = {key for _, key in people}
            self._people.value = state.contact_id if state.contact_id in held else None
        first = state.page_number * PAGE
        shown = f"{first + 1:,} to {first + len(people):,} of {state.total:,}" if people else "nobody"
        self._page.value = note(shown)
        if not state.points:
            self._later()
        self._back.disabled = state.page_number == 0
        self._on.disabled = first + PAGE >= state.total

    def _redraw(self) -> None:
        state, explained = self.state, self.state.explained
        with self._showing():
            self._model.value, self._threshold.value = state.model, state.threshold
            self._line_fault.value = ""
            held = {key for _, key in self._people.options}
            self._people.value = state.contact_id if state.contact_id in held else None
        self._figure.layout.display = "none" if explained is None else ""
        if explained is None:
            self._answer.value = problem(state.error)
            for html in (self._cards, self._points, self._lifts, self._story, self._footnote):
                html.value = ""
            return
        said = answer(state.headline, highlight=points_text(explained.score)) + note(state.told_apart)
        self._answer.value = left_out(state.problems, state.undecided) + said
        self._cards.value = cards(_figures(explained, state))
        self._figure.show_whole(waterfall(explained, state.threshold))
        self._points.value = steps_table(explained)
        self._lifts.value = lifts_table(state.lifts(), explained.score, state.threshold)
        self._tell()
        self._footnote.value = footnote(
            [
                f"Score: {state.model}; the steps add up to it exactly. The line begins at "
                f"{points_text(state.first_line.threshold)}, {state.first_line.why}.",
                "What would add points is worked out with all limits, each alone and together with those above it.",
                f"Source: {self._source}.",
            ]
        )
        if state.story is None:
            self._later()

    def _tell(self) -> None:
        story = self.state.story
        self._story.value = heading("Its story") + (waiting() if story is None else story_of(story))


def _figures(explained: Explanation, state: State) -> list[tuple[str, str, str]]:
    """The score, its groups, and the line, as cards."""
    model = explained.model
    found = [("Score", points_text(explained.score), state.standing)]
    for group in model.groups[:2]:
        limits = group.minimum, group.maximum
        told = "no limits" if limits == (None, None) else f"limits: {' to '.join(map(_limit, limits))}"
        found.append((capital(group.name), points_text(explained.groups[group.name]), told))
    gave = sum(step.kind == "rule" and bool(step.points) for step in explained.steps)
    rules = sum(step.kind == "rule" for step in explained.steps)
    found.append(("Rules that count", number(gave), f"of {rules:,}"))
    return found


def _limit(value: float | None) -> str:
    return "none" if value is None else points_text(value)


def steps_table(explained: Explanation) -> Markup:
    """Every rule and limit: its points, the score so far, what it found and what it asks."""
    rows = [
        (
            step.what,
            signed(step.points) if step.points else "–",
            points_text(step.total),
            step.found,
            step.asks,
            step.group,
        )
        for step in explained.steps
    ]
    heads = ("rule", "points", "so far", "found", "asks", "group")
    return heading("Rule by rule") + table(heads, rows, texts=(0, 3, 4, 5))


def lifts_table(found: pd.DataFrame, now: float, line: float) -> Markup:
    """What would add points: deeds first, each alone and together."""
    title = heading("What would lift it over the line?" if now < line else "What would add more points?")
    if found.empty:
        return title + note("Nothing: every rule gives what it can, or a limit stands in the way.")
    told = lifted(found, now, line)
    rows = [
        (
            row["rule"],
            signed(row["points_more"]),
            points_text(row["score"]),
            points_text(row["score_together"]),
            f"{row['now']} → {row['then']}",
            "something it does" if row["by_deed"] else "who it is",
        )
        for row in found.head(MOST_LIFTS).to_dict("records")
    ]
    heads = ("rule", "adds", "alone", "with all above", "found", "")
    return title + (note(told) if told else Markup("")) + table(heads, rows, texts=(0, 4, 5))


def lifted(found: pd.DataFrame, now: float, line: float) -> str:
    """What is enough to reach the line, in a sentence; nothing where the score is there already."""
    if now >= line:
        return ""
    alone = found[found["reaches"]]
    if len(alone):
        names = [f"{name!r}" for name in alone["rule"].head(MOST_NAMED)]
        rest = len(alone) - len(names)
        if rest:
            return f"Enough alone: {', '.join(names)} or any of {rest} more."
        return f"Enough alone: {' or '.join(names)}."
    enough = found[found["score_together"] >= line]
    if len(enough):
        count = int(enough.index[0]) + 1
        return f"Nothing is enough alone; the first {plural(count, 'row')} together are."
    return f"Not even all of this together reaches {points_text(line)}; limits stand in the way."


def story_of(events: pd.DataFrame) -> Markup:
    """What happened, oldest first."""
    if events.empty:
        return note("Nothing with a date is on record.")
    rows = [
        (f"{row['at']:%Y-%m-%d %H:%M}", row["what"], _text(row["detail"]), _value(row["value"]))
        for row in events.tail(MOST_EVENTS).to_dict("records")
    ]
    earlier = len(events) - len(rows)
    more = note(f"{plural(earlier, 'earlier event')} not shown.") if earlier else Markup("")
    return more + table(("when", "what", "detail", "value"), rows, texts=(0, 1, 2))


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value)


def _value(value: float) -> str:
    return "" if pd.isna(value) else f"{value:,.2f}".removesuffix(".00")


def page(workspace: Workspace) -> View:
    """The page on a Workspace, with the models that lay beside its exports and those saved since."""
    models, problems = titled_models(workspace)
    return View(State(workspace, models, problems))
