"""Who are they? The page on which segments are made: State knows no widget, View knows no data."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
from markupsafe import Markup
from numpy.typing import NDArray
from traitlets import Bool, HasTraits, Integer, Unicode

from workbench.charts import segments as pictures
from workbench.conditions import All, Always, Condition, Either, Property, parse
from workbench.conditions.tree import quoted
from workbench.dashboards import choices
from workbench.dashboards.calibrate_threshold import source
from workbench.dashboards.controls import Controlled, actions, button, faults_in, laid_out, panel
from workbench.dashboards.download import CSV, XLSX, Download
from workbench.dashboards.figure import FigureView
from workbench.dashboards.parts import (
    HEAD,
    answer,
    cards,
    cell,
    footnote,
    framed,
    heading,
    note,
    problem,
    rows_table,
    table,
    warning,
)
from workbench.errors import WorkbenchError
from workbench.handovers import FOR_PEOPLE, OPTED_OUT
from workbench.loaders import Workspace
from workbench.segments import Discovery, Segment, discover, read_segments, strange_values, write_segments
from workbench.segments.explorer import Explorer
from workbench.segments.looks import SegmentProfiles, combinations_of, profiles_of
from workbench.segments.segment import ID
from workbench.spreadsheets import import_file, plain_ids, xlsx_file
from workbench.stats.proportions import Rate, rate
from workbench.wording import interval, number, percent, plural, times

PAGE = 20  # rows
SAVED = "segments.yaml"
MOST_OVERLAPS = 12
MOST_CELLS = 14
MOST_SETS = 6
FEW_COLUMNS = 4  # fewer of the usual ones, and others are shown too
MOST_LEFT_OUT = 8
THIS = "this segment"
JSON = "application/json;charset=utf-8"
OPERATORS = {
    "text": ("is", "is not", "contains", "is known", "is unknown"),
    "number": ("is at least", "is above", "is below", "is at most", "is", "is known", "is unknown"),
    "bool": ("is yes", "is no", "is known", "is unknown"),
    "datetime": ("in the last days", "in the next days", "from", "before", "is known", "is unknown"),
}
_SIGNS = {"is at least": ">=", "is above": ">", "is below": "<", "is at most": "<=", "is": "==", "is not": "!="}
_AT = re.compile(r"character (\d+)")
_UNKNOWN = re.compile(r"unknown property '(.+?)' in")
_GROUPING = ("industry", "hs_analytics_source", "country", "lifecyclestage")
_SHOWN = ("firstname", "lastname", "email", "company", "jobtitle", "country", "lifecyclestage", "createdate")


class State(HasTraits):
    """A condition, who meets it, and what they are like.

    Choices are traits; `version` counts what has to be drawn anew. `error` is a sentence where the text is no
    condition; the figures are then those of the last one that was.
    """

    text = Unicode("true")
    outcome = Unicode()  # a sentence of `outcomes`
    by = Unicode()  # the property that the distribution shows
    across = Unicode()  # the pivot's other property
    search = Unicode()
    sort = Unicode()  # a column, or empty
    descending = Bool(False)
    page_number = Integer(0)
    include_opted_out = Bool(False)

    error = Unicode()
    version = Integer(0)

    def __init__(self, workspace: Workspace, segments: Sequence[Segment] = (), problems: Sequence[str] = ()) -> None:
        super().__init__()
        self.workspace = workspace
        self.problems = tuple(problems)
        self.explorer = Explorer(workspace, segments=segments)
        self.condition: Condition = Always(True)
        self.inside = np.ones(self.explorer.n, dtype=bool)
        self._overlaps: pd.DataFrame | None = None  # of the condition, once they are asked for
        self.strange: list[str] = []
        kinds = self.explorer.kinds
        offered = list(dict.fromkeys([*(name for name in _GROUPING if name in kinds), *self.properties]))
        grouping = (name for name in offered if self.explorer.classes(name) is not None)
        self.by = next(grouping, next(iter(offered), ""))
        self.across = next(grouping, self.by)
        self.outcomes = choices.outcomes(kinds, within_days=choices.WINDOW)  # sentence to Outcome
        self.outcome = next(iter(self.outcomes), "")
        self.observe(self._ask, ["text"])
        self.observe(self._turn, ["search", "sort", "descending"])
        self.observe(self._again, ["outcome", "by", "across", "page_number"])

    @property
    def segments(self) -> list[Segment]:
        """The saved segments."""
        return self.explorer.segments

    @property
    def properties(self) -> list[str]:
        """Properties that may group contacts, no personal ones and no ids."""
        kinds = self.explorer.kinds
        numbers = [name for name, kind in kinds.items() if kind in ("number", "bool")]
        return [*choices.segment_properties(kinds), *numbers]

    def values(self, name: str) -> list[choices.Value]:
        """The commonest values of a text property."""
        from workbench.engines import as_frame

        return choices.segment_values(as_frame(self.workspace.table("contacts", engine="duckdb")), name)

    def _ask(self, _change: Any) -> None:
        try:
            condition = parse(self.text)
            self.inside = self.explorer.mask(condition)
        except WorkbenchError as fault:
            self.error = str(fault)
            self.version += 1
            return
        self.condition, self.error, self._overlaps = condition, "", None
        self.strange = [] if len(self.inside) > 500_000 else strange_values(self.workspace, condition)
        with self.hold_trait_notifications():
            self.page_number = 0
        self.version += 1

    def _turn(self, _change: Any) -> None:
        with self.hold_trait_notifications():
            self.page_number = 0
        self.version += 1

    def _again(self, _change: Any) -> None:
        self.version += 1

    @property
    def mark(self) -> int | None:
        """The character of the text at which it could not be read, from 1."""
        unknown = _UNKNOWN.match(self.error)
        if unknown and unknown[1] in self.text:
            return self.text.index(unknown[1]) + 1
        found = _AT.search(self.error)
        return int(found[1]) if found else None

    def add(self, name: str, operator: str, value: str, *, either: bool = False) -> None:
        """Add a term chosen with the mouse; what is wrong with it is told like what is wrong with the text."""
        try:
            term = parse(term_of(name, self.explorer.kinds.get(name, "other"), operator, value))
        except WorkbenchError as fault:
            self.error = str(fault)
            self.version += 1
            return
        if isinstance(self.condition, Always):
            self.text = str(term)
            return
        kind = Either if either else All
        parts = self.condition.parts if isinstance(self.condition, kind) else (self.condition,)
        self.text = str(kind((*parts, term)))

    @property
    def n(self) -> int:
        """How many are inside."""
        return int(self.inside.sum())

    def conversion(self) -> tuple[Rate, Rate]:
        """Conversion of those inside and of the rest."""
        chosen = self.outcomes[self.outcome]
        n, won = self.explorer.conversion(self.inside, chosen)
        m, others = self.explorer.conversion(~self.inside, chosen)
        return rate(won, n), rate(others, m)

    @property
    def headline(self) -> str:
        """How many, and how they convert."""
        n, all_ = self.n, self.explorer.n
        if not n:
            return f"Nobody of {all_:,} contacts meets this condition."
        told = f"{plural(n, 'contact')} of {all_:,} ({percent(n / max(all_, 1))})"
        if not self.outcome:
            return f"{told}."
        inside, rest = self.conversion()
        if not inside.n:
            return f"{told}; none of them has had the time to convert yet."
        told += f"; {percent(inside.value)} {self.outcome} ({interval(inside.low, inside.high)})"
        return told + (f", of the rest {percent(rest.value)}." if rest.n else "; that is everybody.")

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """What to mind: a title and a sentence each."""
        found = [("A file is left out.", one) for one in self.problems] + [("Misspelt?", one) for one in self.strange]
        if self.n == self.explorer.n and not isinstance(self.condition, Always):
            found.append(("Everybody.", "All contacts meet this condition: it parts nobody from the rest."))
        return found

    def overlaps(self) -> pd.DataFrame:
        """How many of those inside are in each saved segment: `segment`, `n`, `share`; at most 12, largest first."""
        if self._overlaps is not None:
            return self._overlaps
        rows = []
        for segment in self.segments[:100]:
            try:
                n = int((self.explorer.mask(segment.tree) & self.inside).sum())
            except WorkbenchError:
                continue
            rows.append((segment.name, n, n / max(self.n, 1)))
        found = pd.DataFrame(rows, columns=["segment", "n", "share"])
        largest = found.sort_values("n", ascending=False, kind="stable", ignore_index=True)
        self._overlaps = largest.head(MOST_OVERLAPS)
        return self._overlaps

    def together(self) -> pd.DataFrame:
        """This segment and the saved ones that it overlaps most with, as `segment_overlap` tells; at most six."""
        return combinations_of(*self._beside())

    def profiles(self) -> SegmentProfiles | None:
        """The chosen property in each of those segments; None where it groups nobody."""
        found = self.explorer.classes(self.by) if self.by else None
        return None if found is None else profiles_of(*self._beside(), found)

    def _beside(self) -> tuple[list[str], NDArray[np.bool_]]:
        chosen = list(self.overlaps()["segment"].head(MOST_SETS - 1))
        known = {one.name: one for one in self.segments}
        masks = [self.inside, *(self.explorer.mask(known[name].tree) for name in chosen)]
        return [THIS, *(f"{name} (saved)" if name in (THIS, "n") else name for name in chosen)], np.column_stack(masks)

    def discovered(self) -> Discovery:
        """What separates winners beyond chance.

        Raises
        ------
        WorkbenchError
            Where no outcome can be chosen, or nothing was won.
        """
        if not self.outcome:
            raise WorkbenchError(
                "no column of the export can count as success, so nothing can separate winners; export the date a "
                "stage was entered, or a yes/no column."
            )
        return discover(self.workspace, outcome=self.outcomes[self.outcome])

    @property
    def columns(self) -> list[str]:
        """What the table of rows shows."""
        kinds = self.explorer.kinds
        known = [name for name in _SHOWN if name in kinds]
        if len(known) >= FEW_COLUMNS:
            return known
        return list(dict.fromkeys([ID, *known, *(name for name in kinds if kinds[name] != "other")]))[: len(_SHOWN)]

    def found_rows(self) -> tuple[pd.DataFrame, int]:
        """The rows of the page, and how many there are on all pages."""
        places = self.explorer.places(
            self.inside, search=self.search, sort=self.sort or None, descending=self.descending
        )
        start = self.page_number * PAGE
        return self.explorer.rows(places[start : start + PAGE], self.columns), len(places)

    def turn(self, by: int) -> None:
        """Go some pages on or back, within what there is."""
        last = max(0, (self.found_rows()[1] - 1) // PAGE)
        self.page_number = min(max(self.page_number + by, 0), last)

    # -- to keep and to hand over --------------------------------------------------------------------------------

    @property
    def saved_file(self) -> Any:
        """Where segments are kept: beside the Workspace."""
        return self.workspace.path / SAVED

    def save(self, name: str) -> str:
        """Keep the condition as a segment; an older one of that name is replaced. Returns what was done.

        Raises
        ------
        WorkbenchError
            For an empty name, or a segment that would go round in a circle.
        """
        from workbench.segments import resolved

        segment = Segment(name.strip(), str(self.condition))
        kept = [one for one in self.segments if one.name != segment.name] + [segment]
        resolved([segment], kept)
        write_segments(self.saved_file, kept)
        replaced = len(kept) == len(self.segments)
        self.explorer.segments, self._overlaps = kept, None
        self.version += 1
        return f"{'Replaced' if replaced else 'Saved'} {segment.name!r} in {SAVED}."

    def people(self) -> tuple[pd.DataFrame, str]:
        """The contacts to hand over, and a sentence about who is left out."""
        inside, told = self.inside, ""
        if OPTED_OUT in self.explorer.kinds:
            opted_out = self.explorer.column(OPTED_OUT).fillna(False).to_numpy(dtype=bool) & inside
            count = int(opted_out.sum())
            if count and not self.include_opted_out:
                inside = inside & ~opted_out
                told = f" {plural(count, 'contact')} opted out of e-mail and left out."
            elif count:
                told = f" {count:,} of them opted out of e-mail."
        names = [name for name in (ID, *FOR_PEOPLE) if name in self.explorer.kinds]
        places = np.flatnonzero(inside)
        rows = self.explorer.rows(places, names).set_axis(places)
        return rows, f"{plural(len(rows), 'contact')}.{told}"

    def spreadsheet(self) -> tuple[bytes, str]:
        """An XLSX for people, whose cells are never formulas.

        Raises
        ------
        WorkbenchError
            For more rows than a spreadsheet holds.
        """
        rows, told = self.people()
        titled = rows.rename(columns={str(name): choices.label_of(str(name)) for name in rows})
        too_many = "{:,} contacts are inside; take the file to import, or a narrower condition"
        return xlsx_file({"Segment": titled}, too_many=too_many), told

    def import_file(self) -> tuple[bytes, str]:
        """A CSV for the CRM's import: record ids, and the numbers, dates and yes/no values that the condition asks for.

        Values are typed: `-15`, `true`, `2026-06-30 10:00:00`. Texts stay out, so that nothing need be altered.

        Raises
        ------
        WorkbenchError
            Where a record id could be taken for a formula by a spreadsheet program.
        """
        rows, told = self.people()
        table = plain_ids(rows[ID], before="importing a file made from it").to_frame("Record ID")
        for name in self.condition.properties:
            kind = self.explorer.kinds.get(name)
            if kind in ("number", "bool", "datetime"):
                column = self.explorer.column(name).iloc[rows.index]
                table[name] = _typed(column, kind)
        return import_file(table), told

    def filter_json(self) -> tuple[bytes, str]:
        """The vendor's filter JSON.

        Raises
        ------
        WorkbenchError
            For what it cannot say.
        """
        found = Segment("Segment", str(self.condition)).to_hubspot(kinds=self.explorer.kinds)
        return json.dumps(found, ensure_ascii=False, indent=2).encode("utf-8"), "As the CRM's lists take it."


def _typed(column: pd.Series[Any], kind: str) -> list[str | None]:
    """Values as an import takes them."""
    told: dict[str, Callable[[Any], str]] = {
        "number": lambda value: str(int(value)) if float(value).is_integer() else repr(float(value)),
        "bool": lambda value: "true" if value else "false",
        "datetime": lambda value: f"{value:%Y-%m-%d %H:%M:%S}",
    }
    return [None if pd.isna(value) else told[kind](value) for value in column]


def term_of(name: str, kind: str, operator: str, value: str) -> str:
    """One term as text, from what was chosen with the mouse.

    Raises
    ------
    WorkbenchError
        For a value that does not fit.
    """
    of = str(Property(name))
    if operator in ("is known", "is unknown"):
        return f"{operator.replace(' ', '_')}({of})"
    if operator in ("is yes", "is no"):
        return f"{of} == {'true' if operator == 'is yes' else 'false'}"
    value = value.strip()
    if not value:
        raise WorkbenchError(f"{name!r} is compared with a value, and none was given; write one.")
    if operator in ("in the last days", "in the next days"):
        return f"in_{operator.split()[2]}_days({of}, {value})"
    if operator in ("from", "before"):
        return f"{of} {'>=' if operator == 'from' else '<'} {quoted(value)}"
    if operator == "contains":
        return f"contains({of}, {quoted(value)})"
    if kind == "number":
        try:
            value = repr(int(value)) if re.fullmatch(r"-?\d+", value) else repr(float(value.replace(",", ".")))
        except ValueError as fault:
            raise WorkbenchError(f"{name!r} is compared with a number such as 50, not with {value!r}.") from fault
        return f"{of} {_SIGNS[operator]} {value}"
    return f"{of} {_SIGNS[operator]} {quoted(value)}"


class View(Controlled):
    """The widgets of the page, bound to a State. Display `view.widget`."""

    state: State

    def __init__(self, state: State) -> None:
        self.state = state
        self._source = source(state.workspace)
        self._answer, self._cards, self._warnings = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._rows, self._pivot, self._footnote = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._fault, self._said, self._page = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._told, self._stopped, self._undated, self._no_months = (widgets.HTML() for _ in range(4))
        self._each_heading, self._widest = widgets.HTML(), widgets.HTML()
        self._who = FigureView(height=320, description="Who they are: shares of a property inside and among the rest")
        self._funnel = FigureView(height=280, description="How many reached each stage")
        self._months = FigureView(height=280, description="Conversion by month of creation")
        self._overlap = FigureView(height=200, description="How many are in each saved segment")
        self._sets = FigureView(height=240, description="How many are in which saved segments at once")
        self._each = FigureView(height=240, description="The chosen property in each segment")
        self._flow = FigureView(height=300, description="From which stage to which they came")
        self._download = Download()
        self._build()
        self.widget = self._layout()
        state.observe(lambda _: self._draw(), ["version"])
        self._draw()

    # building

    def _build(self) -> None:
        state, kinds = self.state, self.state.explorer.kinds
        self._text = widgets.Textarea(value=state.text, rows=4, description="Condition", continuous_update=False)
        self._bind(self._text, "text")
        grouping = state.properties
        others = [name for name, kind in kinds.items() if kind in OPERATORS and name not in grouping]
        named = [(choices.label_of(name), name) for name in [*grouping, *others]]
        self._term = widgets.Dropdown(options=named, value=state.by or None, description="Property")
        self._operator = widgets.Dropdown(options=OPERATORS["text"], description="How")
        self._value = widgets.Combobox(description="Value", placeholder="Software, 50, 2026-06-30")
        self._term.observe(lambda _: self._offer(), "value")
        self._and = button("And", lambda: self._add(either=False), primary=True)
        self._or = button("Or", lambda: self._add(either=True))
        self._clear = button("Everybody", lambda: setattr(self.state, "text", "true"))
        self._saved = widgets.Dropdown(options=self._names(), description="Saved segments")
        self._saved.observe(self._load, "value")
        self._name = widgets.Text(description="Save as", placeholder="a name")
        self._save = button("Save", self._keep)
        self._outcome = widgets.Dropdown(options=list(state.outcomes), description="Success means")
        self._property = widgets.Dropdown(options=named[: len(grouping)], description="Who they are, by")
        self._across = widgets.Dropdown(options=named[: len(grouping)], description="across")
        self._search = widgets.Text(description="Search", placeholder="a name, a company", continuous_update=False)
        titles = [("as exported", "")] + [(choices.label_of(name), name) for name in state.columns]
        self._sort = widgets.Dropdown(options=titles, description="Sort by")
        self._descending = widgets.Checkbox(value=False, description="largest first", indent=False)
        self._ask = button("What separates winners?", self._discover)
        self._leaves = widgets.Dropdown(options=[("choose one", "")], description="Leaves of the tree")
        self._leaves.layout.display = "none"
        self._leaves.observe(self._paste, "value")
        self._opted_out = widgets.Checkbox(value=False, description="with contacts who opted out", indent=False)
        for control, trait in [
            (self._outcome, "outcome"),
            (self._property, "by"),
            (self._across, "across"),
            (self._search, "search"),
            (self._sort, "sort"),
            (self._descending, "descending"),
            (self._opted_out, "include_opted_out"),
        ]:
            start = getattr(state, trait)
            if start or not isinstance(control, widgets.Dropdown):
                control.value = start
            self._bind(control, trait)
        self._back = button("Earlier", lambda: self.state.turn(-1))
        self._on = button("Later", lambda: self.state.turn(1))
        self._people = button(
            "For people (XLSX)", lambda: self._give("segment.xlsx", state.spreadsheet, XLSX), primary=True
        )
        self._import = button("To import (CSV)", lambda: self._give("segment.csv", state.import_file, CSV))
        self._json = button("CRM's filter (JSON)", lambda: self._give("segment.json", state.filter_json, JSON))
        self._offer()

    def _layout(self) -> widgets.Widget:
        controls = (
            widgets.HTML(heading("Who")),
            self._saved,
            self._text,
            self._fault,
            widgets.HTML(heading("Add a term")),
            self._term,
            self._operator,
            self._value,
            actions(self._and, self._or, self._clear),
            widgets.HTML(heading("Keep it")),
            self._name,
            actions(self._save),
            self._outcome,
        )
        funnel = panel(widgets.HTML(heading("How far they came")), self._funnel, self._undated)
        months = panel(widgets.HTML(heading("Conversion by month of creation")), self._months, self._no_months)
        self._overlap_panel = panel(widgets.HTML(heading("Overlap with saved segments")), self._overlap, self._sets)
        self._each_panel = panel(self._each_heading, self._each, self._widest)
        self._flow_panel = panel(widgets.HTML(heading("From stage to stage")), self._flow, self._stopped)
        content = (
            panel(
                self._answer,
                self._cards,
                self._warnings,
                actions(self._people, self._import, self._json, self._opted_out),
                self._said,
                self._download,
            ),
            panel(self._property, self._who),
            widgets.Box([funnel, months]).add_class("wb-two"),
            self._flow_panel,
            panel(widgets.HTML(heading("Who are the ones that buy?")), actions(self._ask), self._told, self._leaves),
            self._overlap_panel,
            self._each_panel,
            panel(widgets.HTML(heading("Two properties at once")), self._across, self._pivot),
            panel(
                widgets.HTML(heading("The contacts")),
                widgets.HBox([self._search, self._sort, self._descending]),
                self._rows,
                self._page,
                actions(self._back, self._on),
            ),
            self._footnote,
        )
        return laid_out(self._source, controls, content, controls_first=True)

    def _names(self) -> tuple[tuple[str, str], ...]:
        return (("choose one", ""), *((one.name, one.name) for one in self.state.segments))

    # what the controls do

    def _offer(self) -> None:
        """Operators and values that fit the chosen property."""
        name = self._term.value
        kind = self.state.explorer.kinds.get(name, "text")
        self._operator.options = OPERATORS[kind]
        self._value.value = ""
        self._value.options = [one.value for one in self.state.values(name)] if kind == "text" and name else []

    def _add(self, *, either: bool) -> None:
        self.state.add(self._term.value, self._operator.value, self._value.value, either=either)

    def _load(self, change: Any) -> None:
        if not self._setting and change["new"]:
            chosen = next(one for one in self.state.segments if one.name == change["new"])
            self.state.text = f"in_segment({quoted(chosen.name)})" if chosen.is_static else chosen.condition

    def _keep(self) -> None:
        with faults_in(self._said):
            self._said.value = note(self.state.save(self._name.value))

    def _discover(self) -> None:
        self._told.value = note("Looking …")
        with faults_in(self._told):
            found = self.state.discovered()
            self._told.value = note(found.headline()) + claims(found) + late(found)
            leaves = [
                (f"{percent(row['conversion_rate'])} of {row['n_leads']:,}: {row['condition']}", row["condition"])
                for row in found.leaves.to_dict("records")
            ]
            self._leaves.options = [("choose one", ""), *leaves]
            self._leaves.layout.display = "" if leaves else "none"

    def _paste(self, change: Any) -> None:
        if change["new"]:
            self.state.text = change["new"]

    def _give(self, name: str, make: Callable[[], tuple[bytes, str]], type: str) -> None:
        with faults_in(self._said):
            content, told = make()
            self._download.give(name, content, type=type)
            self._said.value = note(told)

    # drawing

    def _draw(self) -> None:
        state = self.state
        with self._showing():
            if not state.error:
                self._text.value = state.text
            if tuple(self._saved.options) != self._names():
                self._saved.options = self._names()
        self._fault.value = fault_at(state.text, state.mark, state.error) if state.error else ""
        if state.error:
            return
        self._answer.value = answer(state.headline)
        self._cards.value = cards(self._figures()) if state.outcome else ""
        self._warnings.value = Markup("").join(warning(*told) for told in state.warnings)
        self._draw_figures()
        self._draw_rows()
        self._footnote.value = footnote(
            [
                "Blanks meet no comparison, also under not; is_unknown(x) finds them.",
                f"Success: {state.outcome}. Window: {choices.WINDOW} days."
                if state.outcome
                else "Success: not chosen.",
                "Intervals: 95 %, Wilson.",
                f"Source: {self._source}.",
            ]
        )

    def _figures(self) -> list[tuple[str, str, str]]:
        state = self.state
        inside, rest = state.conversion()
        lift = inside.value / rest.value if rest.n and rest.value else float("nan")
        return [
            ("Contacts", number(state.n), f"of {state.explorer.n:,}"),
            ("Can be judged", number(inside.n), "old enough, with the dates it takes"),
            (
                "Conversion",
                percent(inside.value) if inside.n else "–",
                f"{interval(inside.low, inside.high)}, n = {inside.n:,}" if inside.n else "nobody yet",
            ),
            ("Against the rest", times(lift) if lift == lift else "–", f"rest: {percent(rest.value)} of {rest.n:,}"),
        ]

    def _draw_figures(self) -> None:
        state, explorer = self.state, self.state.explorer
        everybody = np.ones(explorer.n, dtype=bool)
        with faults_in(self._pivot):
            self._who.show_whole(pictures.distribution(explorer.distribution(state.by, state.inside)))
            self._pivot.value = heat(
                explorer.crossed(state.by, state.across, state.inside),
                choices.label_of(state.by),
                choices.label_of(state.across),
            )
        funnel = explorer.funnel(state.inside)
        self._undated.value = "" if len(funnel) else note("The export has no dates at which stages were entered.")
        self._funnel.layout.display = "" if len(funnel) else "none"
        if len(funnel):
            self._funnel.show_whole(pictures.funnel(funnel, explorer.funnel(everybody)))
        months = None
        if state.outcome and state.outcomes[state.outcome].created in explorer.kinds:
            months = explorer.months(state.inside, state.outcomes[state.outcome])
        drawn = months is not None and len(months) > 0
        self._no_months.value = "" if drawn else note("Nobody here can be judged yet.")
        self._months.layout.display = "" if drawn else "none"
        if months is not None and drawn:
            self._months.show_whole(pictures.months(months))
        overlaps = state.overlaps()
        self._overlap_panel.layout.display = "" if len(overlaps) else "none"
        if len(overlaps):
            self._overlap.show_whole(pictures.overlap(overlaps))
        self._sets.layout.display = "" if len(overlaps) > 1 else "none"
        if len(overlaps) > 1:
            self._sets.show_whole(pictures.upset(state.together()))
        each = state.profiles() if len(overlaps) else None
        self._each_panel.layout.display = "none" if each is None else ""
        if each is not None:
            self._each_heading.value = heading(f"Each segment by {choices.label_of(state.by)}")
            self._each.show_whole(pictures.profiles(each, across=2))
            self._widest.value = note(each.headline())
        flow = explorer.flow(state.inside)
        self._flow_panel.layout.display = "none" if flow is None else ""
        if flow is not None:
            self._flow.show_whole(pictures.flow(flow))
            self._stopped.value = note(flow.headline())

    def _draw_rows(self) -> None:
        state = self.state
        rows, total = state.found_rows()
        self._rows.value = rows_table(rows, choices.label_of)
        first = state.page_number * PAGE
        shown = f"{first + 1:,} to {first + len(rows):,} of {total:,}" if total else "nobody"
        self._page.value = note(shown)
        self._back.disabled = state.page_number == 0
        self._on.disabled = first + PAGE >= total


def fault_at(text: str, mark: int | None, sentence: str) -> Markup:
    """What is wrong, with the character marked where it is known."""
    told = problem(sentence)
    line = " ".join(text.split())
    if mark is None or not line:
        return told
    place = min(mark - 1, len(line))
    return told + Markup('<pre class="wb-note">{}<mark>{}</mark>{}</pre>').format(
        line[max(0, place - 24) : place], line[place : place + 1] or " ", line[place + 1 : place + 24]
    )


def claims(found: Discovery) -> Markup:
    """What was found, a row a claim: the property, its best class, and how that converts."""
    if found.frame().empty:
        return Markup("")
    rows = [
        (
            choices.label_of(row["property"]) + (f" × {choices.label_of(row['second'])}" if row["second"] else ""),
            cell(row["best"]),
            number(row["n_leads"]),
            Markup("{} <em>{}</em>").format(percent(row["conversion_rate"]), interval(row["low"], row["high"])),
            f"{row['information']:.4f}",
        )
        for row in found.frame().to_dict("records")
    ]
    return table(("property", "converts best", "leads", "convert (95 %)", "bits"), rows, texts=(0, 1))


def late(found: Discovery) -> Markup:
    """What was not looked at, and why."""
    if not found.left_out:
        return Markup("")
    named = ", ".join(choices.label_of(name) for name in found.left_out[:MOST_LEFT_OUT])
    more = len(found.left_out) - MOST_LEFT_OUT
    return note(
        f"Not looked at, as the export has them as of its own day, after the win: {named}"
        + (f" and {more} more." if more > 0 else ".")
    )


def heat(pivot: pd.DataFrame, first: str, second: str) -> Markup:
    """A pivot as a heat map: n in each cell, the darker the more."""
    held = pivot.to_numpy() > 0
    down, right = (np.flatnonzero(held.any(axis=axis))[:MOST_CELLS] for axis in (1, 0))
    shown = pivot.iloc[down, right]
    if shown.empty:
        return note("Nobody to count.")
    top = int(shown.to_numpy().max())
    shaded = Markup('<td style="background:rgba(15,118,110,{:.2f})">{}</td>')
    heads = Markup("").join([Markup("<th></th>"), *(HEAD.format("", cell(name)) for name in shown.columns)])
    body = Markup("").join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            cell(name), Markup("").join(shaded.format(0.5 * int(n) / top, number(int(n))) for n in row)
        )
        for name, row in zip(shown.index, shown.to_numpy(), strict=True)
    )
    return framed(heads, body, caption=f"{first} (down) by {second} (across)")


def page(workspace: Workspace) -> View:
    """The page on a Workspace, with the segments that were saved beside it."""
    file, problems = workspace.path / SAVED, []
    segments: Sequence[Segment] = ()
    if file.is_file():
        try:
            segments = read_segments(file)
        except WorkbenchError as fault:
            problems.append(str(fault))
    return View(State(workspace, segments, problems))
