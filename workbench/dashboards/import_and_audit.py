"""What came in, and what is it worth? Exports are dropped in, taken for something, and looked over."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import pandas as pd
from markupsafe import Markup
from traitlets import Bool, Float, HasTraits, Instance, Integer, Tuple, Unicode

from workbench import catalog
from workbench.charts.audit import fill_rates
from workbench.dashboards.controls import Controlled, actions, button, faults_in, fields, laid_out, panel
from workbench.dashboards.download import XLSX, Download
from workbench.dashboards.figure import FigureView
from workbench.dashboards.parts import answer, cards, heading, note, problem, rows_table, table
from workbench.dashboards.upload import Upload
from workbench.errors import WorkbenchError, listing
from workbench.loaders import (
    CODES,
    Audit,
    Workspace,
    audit,
    before_import,
    find_duplicates,
    load,
    suggest_mapping,
    undo_import,
)
from workbench.loaders.auditing import BLANK
from workbench.loaders.collecting import Progress
from workbench.loaders.duplicates import Of
from workbench.loaders.importing import export_files
from workbench.loaders.mapping import MAPPING_FILE, add_to_mapping
from workbench.spreadsheets import xlsx_file
from workbench.wording import capital, number, percent, plural, shortened

PAGE = 20
MOST_UNKNOWN = 40
MOST_FAULTS = 1_000_000
MOST_OF_AN_EXAMPLE = 19  # letters
AS_IT_IS = ""
STALE = (90, 180, 365, 730)
FAULTS = "faults"
LIKELY = "likely duplicates"
BY_NAME = "that are likely one with another, by what they are called"
Work = Callable[[Progress], Callable[[], None]]
"""May run in another thread; what it returns shows the result."""


class State(HasTraits):
    """A Workspace, looked over; and what is looked at.

    `shown` is a figure whose rows are looked at: finding, table, figure; finding `faults` stands for the faults of the
    import. `of_table` is the table whose fill rates are shown. `importing` gives the work of an import.

    `named` is the folder or file that a visitor typed, `dropped` the folder of what was dropped: they are imported when
    that is asked for, not before. A relative name is looked for in `folders`, then in the folder of the exports.

    `strangers` are the files that were taken for nothing, each with the object that it is nearest to; `choices` and
    `objects` are what a visitor says of columns and of them. `refused` are exports of which nothing could be loaded.
    """

    of_table = Unicode()
    stale_days = Integer(180)
    shown = Tuple(Unicode(), Unicode(), Unicode(), default_value=("", "", ""))
    turned = Integer(0)  # pages from the first
    code = Unicode()
    file = Unicode()
    named = Unicode()
    dropped = Instance(Path, allow_none=True)

    busy = Bool(False)
    done = Float(0.0)
    doing = Unicode()
    error = Unicode()
    version = Integer(0)  # counts imports and audits

    def __init__(
        self, workspace: Workspace, *, exports: str = "", within: Path | None = None, started: Path | None = None
    ) -> None:
        super().__init__()
        self.exports, self.within = exports, within
        self.exports_before = exports
        served = Path(exports)
        self.folders = [(started or Path.cwd()), *([served if served.is_dir() else served.parent] if exports else [])]
        self.choices: dict[tuple[str, str], str] = {}
        self.objects: dict[str, str] = {}
        self.refused: Path | None = None
        self._take(workspace, audit(workspace), strangers_in(Path(exports), workspace) if exports else {})
        self.observe(lambda _: self._again(), "stale_days")
        self.observe(lambda _: self._first_page(), ["shown", "code", "file"])

    def _take(self, workspace: Workspace, found: Audit, strangers: Mapping[str, str]) -> None:
        self.workspace, self.audit = workspace, found
        self.likely: dict[str, pd.DataFrame] = {}
        self.refused = None
        self.of_table = workspace.tables[0]
        self.shown, self.code, self.file = ("", "", ""), "", ""
        self._ask_about(strangers)
        self.error = ""
        self.version += 1

    def _ask_about(self, strangers: Mapping[str, str]) -> None:
        self.strangers = dict(strangers)
        self.choices.clear()
        self.objects.clear()

    def _again(self) -> None:
        self.audit = audit(self.workspace, stale_days=self.stale_days)
        self.shown = ("", "", "")
        self.version += 1

    def _first_page(self) -> None:
        self.turned = 0

    @property
    def faults(self) -> int:
        """Faults that the filter leaves."""
        if not self.code and not self.file:
            return sum(self.workspace.report.counts.values())
        return len(self._faults(None))

    def _faults(self, most: int | None) -> pd.DataFrame:
        return self.workspace.report.frame(file=self.file or None, code=self.code or None, most=most)

    def rows(self) -> tuple[pd.DataFrame, int]:
        """A page of the rows behind what is shown, and how many there are."""
        finding, of_table, figure = self.shown
        start = self.turned * PAGE
        if not finding:
            return pd.DataFrame(), 0
        if finding == FAULTS:
            return self._faults(start + PAGE).iloc[start:], self.faults
        if finding == LIKELY:
            return self.likely[of_table].iloc[start : start + PAGE], len(self.likely[of_table])
        found = self.audit.rows(finding, table=of_table, figure=figure, offset=start, most=PAGE)
        return found.drop(columns=["table", "figure"]), self.n_of(finding, of_table, figure)

    def n_of(self, finding: str, of_table: str, figure: str) -> int:
        """How many rows a figure counts."""
        if finding == BLANK:
            of = self.properties(of_table)
            of = of[of["property"] == figure]
            return int((of["n_rows"] - of["n_filled"]).sum())
        found = self.audit.findings
        same = (found["finding"] == finding) & (found["table"] == of_table) & (found["figure"] == figure)
        return int(found[same]["n"].sum())

    def properties(self, of_table: str) -> pd.DataFrame:
        """The properties of a table, the emptiest last."""
        of = self.audit.properties[self.audit.properties["table"] == of_table]
        return of.sort_values("fill_rate", ascending=False, kind="stable")

    def unknown(self) -> pd.DataFrame:
        """Columns of loaded files that nobody knows: file, header, object."""
        columns = self.workspace.report.columns
        objects = {report.file: report.object for report in self.workspace.report.file_reports}
        of = columns[(columns["recognised"] == "not known") & (columns["header"] != "")]
        return of.assign(object=of["file"].map(objects))[["file", "header", "object"]].reset_index(drop=True)

    def may_become(self, file: str, of_object: str) -> list[tuple[str, str]]:
        """Label and name of the properties that no column of a file is yet."""
        columns = self.workspace.report.columns
        taken = set(columns[columns["file"] == file]["name"])
        free = [known for known in catalog.properties(of_object) if known.name not in taken]
        return sorted((f"{known.label()} ({known.name})", known.name) for known in free)

    def proposed(self, file: str, of_object: str) -> pd.DataFrame:
        """What the columns of a stranger may be if it holds such objects, as `suggest_mapping` has it."""
        exports = self.refused or Path(self.exports)
        path = exports / file.partition("/")[0] if exports.is_dir() else exports
        found = suggest_mapping(path, object=of_object).frame()
        return found[found["file"] == file]

    def say_object(self, file: str, of_object: str) -> pd.DataFrame:
        """Take a stranger for an object, its columns for what they are nearest to; with nothing said, leave it out."""
        self.choices = {key: name for key, name in self.choices.items() if key[0] != file}
        self.objects.pop(file, None)
        if not of_object:
            return pd.DataFrame()
        self.objects[file] = of_object
        found = self.proposed(file, of_object)
        self.choices |= {(file, row.header): row.property for row in _records(found[found["property"].notna()])}
        return found

    def spreadsheet(self) -> bytes:
        """The faults that the filter leaves, and the findings, as a workbook."""
        found = self.audit.findings
        return xlsx_file(
            {"faults": self._faults(MOST_FAULTS), "findings": found, "properties": self.audit.properties},
            self.workspace.report.headline(),
        )

    def drop(self, folder: Path | None) -> None:
        """Take what was dropped in place of what was dropped before, which is gone; None where nothing came of it."""
        self.error, self.dropped = "", folder
        if folder is not None:
            self.named = ""
        if self.refused is not None:
            self.refused = None
            self._ask_about(strangers_in(Path(self.exports), self.workspace) if self.exports else {})
            self.version += 1

    def chosen(self) -> Path:
        """The folder or file of exports that a visitor named, else what was dropped.

        Raises WorkbenchError where there is neither, what was named is not there, or may not be read.
        """
        text = self.named.strip().replace("\0", "")
        if not text:
            if self.dropped is None:
                raise WorkbenchError("name the folder that holds the exports, or drop files above.")
            return self.dropped
        tried = [os.path.realpath(folder / os.path.expanduser(text)) for folder in self.folders]
        if self.within is not None:
            tried = [path for path in tried if Path(path).is_relative_to(os.path.realpath(self.within))]
        if not tried:
            raise WorkbenchError(f"from afar only what lies in {self.within} can be imported; drop the files instead.")
        for path in tried:
            if os.path.exists(path):
                return Path(path)
        elsewhere = [path for path in dict.fromkeys(tried) if path != text]
        sought = f": there is no {' nor '.join(elsewhere)}" if elsewhere else ""
        raise WorkbenchError(f"{text!r} does not exist{sought}. Name a folder of exports, or a file.")

    def before_importing(self) -> str:
        """What importing would put in place of what; "" where nothing is there to import."""
        try:
            files = export_files(self.chosen())
        except (WorkbenchError, OSError):
            return ""
        told = (
            files[0].name if len(files) == 1 else f"these {len(files):,} files ({listing(file.name for file in files)})"
        )
        return (
            f"Importing shows {told} in place of {_held(self.workspace)}, on every page; "
            "the present data stay as a snapshot, and the import can be undone."
        )

    def before_undoing(self) -> str:
        """What undoing the last import would show again; "" where there is nothing to go back to."""
        try:
            before = before_import(self.workspace)
            return "" if before is None else f"{self.workspace.name} is shown in place of {_held(before)}."
        except (WorkbenchError, OSError):
            return ""

    def undoing(self) -> Work:
        """The work of taking the last import back."""
        workspace, stale_days, exports = self.workspace, self.stale_days, self.exports_before

        def work(progress: Progress) -> Callable[[], None]:
            before = undo_import(workspace)
            progress(1.0, "looking it over")
            found = audit(before, stale_days=stale_days)
            strangers = strangers_in(Path(exports), before) if exports else {}

            def apply() -> None:
                self.exports = exports
                self._take(before, found, strangers)

            return apply

        return work

    def importing(self, exports: Path) -> Work:
        """The work of an import."""
        workspace, stale_days = self.workspace, self.stale_days
        chosen = {key: name for key, name in self.choices.items() if name != AS_IT_IS}
        objects = dict(self.objects)
        asked_before = exports in (self.refused, Path(self.exports) if self.exports else None)

        def work(progress: Progress) -> Callable[[], None]:
            mapping = (exports if exports.is_dir() else exports.parent) / MAPPING_FILE
            before = mapping.read_bytes() if mapping.is_file() else None
            if asked_before and (chosen or objects):
                add_to_mapping(mapping, chosen, objects=objects)
            try:
                loaded = load(exports, to=workspace.path, progress=progress)
            except WorkbenchError as fault:
                if asked_before and before is not None:
                    mapping.write_bytes(before)
                elif asked_before:
                    mapping.unlink(missing_ok=True)
                answered = asked_before and (chosen or objects)
                sentence, strangers = str(fault), {} if answered else strangers_in(exports)

                def refuse() -> None:
                    if strangers:
                        self.refused = exports
                        self._ask_about(strangers)
                        self.version += 1
                    asked = f"what {listing(strangers)} holds is not known: say it below, then import."
                    self.error = asked if strangers else sentence

                return refuse
            if loaded.path != workspace.path:
                raise WorkbenchError(f"{exports} is a Workspace already: serve it, or name a folder of exports.")
            current = workspace.reopened()
            progress(1.0, "looking it over")
            found = audit(current, stale_days=stale_days)
            strangers = strangers_in(exports, current)

            def apply() -> None:
                if current.folder != workspace.folder:
                    self.exports_before = self.exports
                self.exports = str(exports)
                self.named, self.dropped = "", None
                self._take(current, found, strangers)

            return apply

        return work

    def looking_for_likely(self) -> Work:
        """The work of finding records that are likely one by what they are called."""
        workspace = self.workspace

        def work(progress: Progress) -> Callable[[], None]:
            found: dict[str, pd.DataFrame] = {}
            both: tuple[Of, ...] = ("contacts", "companies")
            for number_, of in enumerate(both):
                if of in workspace.tables and "hs_object_id" in workspace.columns(of):
                    progress(number_ / 2, f"comparing {of}")
                    records = find_duplicates(workspace, of=of).frame()
                    found[of] = records[~records["sure"]].drop(columns="sure")

            def apply() -> None:
                self.likely = found
                self.version += 1

            return apply

        return work


def _held(workspace: Workspace) -> str:
    return f"{workspace.name} ({plural(workspace.report.rows_read, 'row')})"


def strangers_in(exports: Path, loaded: Workspace | None = None) -> dict[str, str]:
    """The files that are tables but were taken for nothing, each with the object that it is nearest to."""
    found: dict[str, str] = {}
    skipped = {one.file for one in loaded.report.file_reports if not one.object} if loaded is not None else None
    try:
        files = export_files(exports)
    except WorkbenchError:
        return found
    for file in files:
        if skipped is not None and not any(name.partition("/")[0] == file.name for name in skipped):
            continue
        try:
            rows = suggest_mapping(file).frame()
        except WorkbenchError:
            continue
        near = rows.drop_duplicates("file")
        found |= {row.file: row.object for row in _records(near) if skipped is None or row.file in skipped}
    return found


class View(Controlled):
    """The widgets of the page, bound to a State. Display `view.widget`."""

    state: State

    def __init__(self, state: State) -> None:
        self.state = state
        names = (
            "staged",
            "shown",
            "answer",
            "cards",
            "files",
            "error",
            "progress",
            "map",
            "unused",
            "rows",
            "page",
            "said",
        )
        self._html = {name: widgets.HTML() for name in names}
        self._source = widgets.HTML()
        self._upload = Upload()
        self._bars = FigureView(height=320, description="How full each property is; a click shows its blank rows")
        self._download = Download()
        self._findings = widgets.VBox([])
        self._unknown = fields()
        self._strangers = widgets.VBox([])
        self._build()
        self.widget = self._layout()
        state.observe(lambda _: self._draw(), "version")
        state.observe(lambda _: self._draw_rows(), ["shown", "turned", "code", "file"])
        state.observe(lambda _: self._draw_fill(), "of_table")
        state.observe(lambda _: self._draw_progress(), ["busy", "done", "doing", "error"])
        state.observe(lambda _: self._draw_staged(), ["named", "dropped"])
        self._draw()

    def _build(self) -> None:
        state = self.state
        self._folder = widgets.Text(description="or a folder on this machine", placeholder="exports")
        self._import = button("Import", self._import_chosen, primary=True)
        self._undo = button("Undo this import", lambda: self._run(state.undoing()))
        self._remap = button("Import, so mapped", self._import_mapped, primary=True)
        self._look = button("Look for likely duplicates", lambda: self._run(state.looking_for_likely()))
        self._stale = widgets.Dropdown(
            options=[(f"{days} days", days) for days in STALE], value=state.stale_days, description="Stale after"
        )
        self._table = widgets.Dropdown(description="Table")
        self._code = widgets.Dropdown(description="Fault")
        self._file = widgets.Dropdown(description="File")
        self._faults = button("Show the faults", lambda: self._show(FAULTS, "", ""))
        self._xlsx = button("Faults and findings (XLSX)", self._give)
        self._back = button("Earlier", lambda: self._turn(-1))
        self._on = button("Later", lambda: self._turn(1))
        for control, trait in (
            (self._stale, "stale_days"),
            (self._table, "of_table"),
            (self._code, "code"),
            (self._file, "file"),
        ):
            self._bind(control, trait)
        widgets.link((state, "named"), (self._folder, "value"))
        self._upload.observe(lambda change: state.drop(change["new"]), "received")
        self._bars.observe(self._clicked, "clicked")

    def _layout(self) -> widgets.Widget:
        html = self._html
        self._mapping = panel(
            widgets.HTML(heading("What nobody knows")),
            self._strangers,
            html["map"],
            self._unknown,
            actions(self._remap),
        )
        self._behind = widgets.VBox([html["rows"], actions(self._back, self._on), html["page"]]).add_class("wb-behind")
        controls = (
            widgets.HTML(heading("New exports")),
            self._upload,
            self._folder,
            html["staged"],
            actions(self._import),
            html["progress"],
            html["shown"],
            actions(self._undo),
            widgets.HTML(heading("What is asked")),
            self._stale,
        )
        filters = fields(self._code, self._file)
        self._below_faults, self._below_bars = widgets.VBox([]), widgets.VBox([])
        content = (
            html["error"],
            panel(html["answer"], html["cards"], actions(self._xlsx), html["said"], self._download),
            self._mapping,
            panel(widgets.HTML(heading("What each file was taken for, and why")), html["files"]),
            panel(widgets.HTML(heading("What was found")), self._findings, actions(self._look)),
            panel(widgets.HTML(heading("Faults of the import")), filters, actions(self._faults), self._below_faults),
            panel(
                widgets.HTML(heading("How full each property is")),
                self._table,
                self._bars,
                html["unused"],
                self._below_bars,
            ),
        )
        return laid_out(self._source, controls, content, controls_first=True)

    # what the controls do

    def _choose(self, trait: str, change: Any) -> None:
        super()._choose(trait, change)
        if not self._setting and trait in ("code", "file"):
            self._show(FAULTS, "", "")

    def _show(self, *figure: str) -> None:
        self.state.shown = figure

    def _turn(self, by: int) -> None:
        self.state.turned += by

    def _clicked(self, change: Any) -> None:
        point = change["new"]
        if point is not None:
            shown = self.state.properties(self.state.of_table).iloc[::-1]
            self._show(BLANK, self.state.of_table, str(shown["property"].iloc[int(point["point"])]))

    def _import_chosen(self) -> None:
        state = self.state
        if not state.named.strip() and state.dropped is None and self._upload.said:
            state.error = self._upload.said  # of files that could not be taken, or are on their way
            return
        try:
            self._start(state.chosen())
        except WorkbenchError as fault:
            state.error = str(fault)

    def _import_mapped(self) -> None:
        if not any(self.state.choices.values()) and not self.state.objects:
            self.state.error = "choose for at least one column what it is."
        elif self.state.refused is not None:
            self._start(self.state.refused)
        elif not self.state.exports:
            self.state.error = (
                "the mapping is written beside the exports: name their folder at the left and import them once, "
                "then choose."
            )
        else:
            self._start(Path(self.state.exports))

    def _map(self, key: tuple[str, str], change: Any) -> None:
        self.state.choices[key] = change["new"]

    def _say_object(self, file: str, columns: widgets.Box, change: Any) -> None:
        found = self.state.say_object(file, change["new"])
        boxes = []
        for row in _records(found.head(MOST_UNKNOWN)):
            named = [(f"{one.label()} ({one.name})", one.name) for one in catalog.properties(change["new"])]
            example = "" if pd.isna(row.examples) else row.examples.partition(", ")[0]
            box = widgets.Dropdown(
                options=[("leave it as it is", AS_IT_IS), *sorted(named)],
                value=self.state.choices.get((file, row.header), AS_IT_IS),
                description=f"{row.header} ({shortened(example, MOST_OF_AN_EXAMPLE)})" if example else row.header,
            )
            box.tooltip = f"{row.header} in {file}: {row.reason}"
            box.observe(partial(self._map, (file, row.header)), "value")
            boxes.append(box)
        columns.children = boxes

    def _give(self) -> None:
        with faults_in(self._html["said"]):
            self._download.give("audit.xlsx", self.state.spreadsheet(), type=XLSX)
            self._html["said"].value = note("audit.xlsx is on its way to your browser.")

    def _start(self, exports: Path) -> None:
        self._run(self.state.importing(exports))

    def _run(self, work: Work) -> None:
        """Work off the loop that answers the controls; at once where no loop runs."""
        state = self.state
        if state.busy:
            return
        state.error, state.busy = "", True
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._end(work, lambda done, what: self._progress(done, what))
            return

        def progress(done: float, what: str) -> None:
            loop.call_soon_threadsafe(self._progress, done, what)

        async def run() -> None:
            try:
                (await asyncio.to_thread(work, progress))()
            except WorkbenchError as fault:
                state.error = str(fault)
            except Exception:
                state.error = "Something went wrong that nobody foresaw; the import that was there stands."
                raise
            finally:
                state.busy = False

        self._running = loop.create_task(run())

    def _end(self, work: Work, progress: Progress) -> None:
        try:
            work(progress)()
        except WorkbenchError as fault:
            self.state.error = str(fault)
        finally:
            self.state.busy = False

    def _progress(self, done: float, what: str) -> None:
        self.state.done, self.state.doing = min(done, 1.0), what

    # what is shown

    def _draw(self) -> None:
        state = self.state
        report, found = state.workspace.report, state.audit
        self._source.value = Markup("<p>{}</p>").format(source(state.workspace))
        self._html["said"].value = ""
        self._html["answer"].value = answer(_opening(found))
        self._html["cards"].value = cards(_figures(found))
        self._html["files"].value = files_table(found.files)
        self._draw_unknown()
        self._draw_findings()
        with self._showing():
            self._table.options = state.workspace.tables
            self._table.value = state.of_table
            self._code.options = [
                ("all", ""),
                *((f"{CODES[code].reason} ({n:,})", code) for code, n in report.counts.items()),
            ]
            self._file.options = [("all", ""), *((one, one) for one in dict.fromkeys(report.files["file"]))]
            self._code.value, self._file.value = state.code, state.file
        self._draw_fill()
        self._draw_rows()
        self._draw_staged()
        self._draw_undo()
        self._draw_progress()

    def _draw_unknown(self) -> None:
        state = self.state
        unknown = state.unknown() if state.refused is None else state.unknown().head(0)
        self._mapping.layout.display = "" if len(unknown) or state.strangers else "none"
        rest = f" Here are the first {MOST_UNKNOWN} of {len(unknown):,}." if len(unknown) > MOST_UNKNOWN else ""
        self._draw_strangers()
        self._html["map"].value = note(
            ""
            if unknown.empty
            else "Columns stay under their own name. Say what one is where it is a property of the CRM under another "
            f"name; the choice is written to {MAPPING_FILE} beside the exports.{rest}"
        )
        boxes = []
        for row in _records(unknown.head(MOST_UNKNOWN)):
            options = [("leave it as it is", AS_IT_IS), *state.may_become(row.file, row.object)]
            box = widgets.Dropdown(options=options, value=AS_IT_IS, description=row.header)
            box.tooltip = f"{row.header} in {row.file}"
            box.observe(partial(self._map, (row.file, row.header)), "value")
            boxes.append(box)
        self._unknown.children = boxes

    def _draw_strangers(self) -> None:
        drawn: list[widgets.Widget] = []
        for file, near in self.state.strangers.items():
            every = sorted(catalog.TABLES, key=lambda name: name != near)
            named = [(catalog.TABLES[name] + " (most of its columns fit)" * (name == near), name) for name in every]
            box = widgets.Dropdown(options=[("leave it out", ""), *named], value="", description=f"{file} holds")
            columns = fields()
            box.observe(partial(self._say_object, file, columns), "value")
            drawn += [box, columns]
        told = "Say what a file holds; its columns are then taken for what they are nearest to, by name and by values."
        self._strangers.children = [widgets.HTML(note(told)), *drawn] if drawn else []

    def _draw_findings(self) -> None:
        found = self.state.audit.findings
        counted = found[found["n"] > 0]
        self._lines: dict[tuple[str, str, str], widgets.Widget] = {}
        for row in _records(counted):
            text = Markup("<b>{}</b> of {} {} {} <em>{}</em><br><small>{}</small>").format(
                number(row.n), number(row.of), row.table, row.figure, percent(row.share), _capital(row.what_to_do)
            )
            self._add_line((row.finding, row.table, row.figure), row.n, text)
        for of, records in self.state.likely.items():
            text = Markup("<b>{}</b> {} {}<br><small>{}</small>").format(
                number(len(records)), of, BY_NAME, "Look at each: find_duplicates gives the groups, merge takes them"
            )
            self._add_line((LIKELY, of, BY_NAME), len(records), text)
        n_clean = len(found) - len(counted)
        clean = f"{plural(n_clean, 'further check' if len(counted) else 'check')} found nothing."
        self._clean = widgets.HTML(note(clean if n_clean else ""))

    def _add_line(self, figure: tuple[str, str, str], n: int, text: Markup) -> None:
        show = button("Show the rows", partial(self._show, *figure))
        show.tooltip = f"Show the {n:,} {figure[1]} {figure[2]}"
        self._lines[figure] = widgets.HBox([widgets.HTML(text), show]).add_class("wb-finding")

    def _draw_fill(self) -> None:
        state = self.state
        shown = state.properties(state.of_table)
        self._bars.show_whole(fill_rates(shown))
        unused = shown[shown["unused"] != ""]
        told = "; ".join(f"{row.label}: {row.unused}" for row in _records(unused))
        self._html["unused"].value = note(
            (f"Nothing can be told by {plural(len(unused), 'property', 'properties')}: {told}. " if told else "")
            + "A click on a bar shows the rows that are blank there."
        )

    def _draw_rows(self) -> None:
        state = self.state
        lines: list[widgets.Widget] = []
        for shown, line in self._lines.items():
            lines += [line, self._behind] if shown == state.shown else [line]
        self._findings.children = [*lines, self._clean]
        self._below_faults.children = [self._behind] * (state.shown[0] == FAULTS)
        self._below_bars.children = [self._behind] * (state.shown[0] == BLANK)
        if not state.shown[0]:
            return
        rows, total = state.rows()
        first = state.turned * PAGE
        finding, of_table, figure = state.shown
        title = "Faults of the import" if finding == FAULTS else f"{finding.capitalize()}: {of_table}, {figure}"
        known = state.properties(of_table)
        labels = dict(zip(known["property"], known["label"], strict=True))
        rows = rows[sorted(rows, key=lambda name: name in ("file", "row"))]  # where a row stands comes last
        self._html["rows"].value = heading(title) + (
            note("No rows.") if rows.empty else rows_table(rows, lambda name: labels.get(name, name.replace("_", " ")))
        )
        told = f"{first + 1:,} to {first + len(rows):,} of {total:,}" if total else "none"
        self._html["page"].value = note(f"{told}. Rows are numbered as a spreadsheet shows them.")
        self._back.disabled = state.turned == 0
        self._on.disabled = first + PAGE >= total

    def _draw_staged(self) -> None:
        staged = self.state.before_importing()
        self._html["staged"].value = note(staged) if staged else ""

    def _draw_undo(self) -> None:
        shown = self.state.before_undoing()
        self._html["shown"].value = note(shown) if shown else ""
        self._html["shown"].layout.display = self._undo.layout.display = "" if shown else "none"
        if self.state.dropped is None and self._upload.received is not None:
            self._upload.said = ""  # it was imported

    def _draw_progress(self) -> None:
        state = self.state
        for control in (self._import, self._undo, self._remap, self._upload):
            control.disabled = state.busy
        self._html["error"].value = problem(_capital(state.error)) if state.error else ""
        self._html["progress"].value = (
            Markup('<div class="wb-progress" role="status"><i style="width:{:.0f}%"></i></div>{}').format(
                100 * state.done, note(_capital(state.doing or "looking at the files"))
            )
            if state.busy
            else ""
        )


def _opening(found: Audit) -> str:
    report = found.workspace.report
    n_files = int((found.files["object"] != "").sum())
    n_faults = sum(n for code, n in report.counts.items() if not CODES[code].note)
    aside = f", {report.rows_set_aside:,} set aside" if report.rows_set_aside else ", none set aside"
    return (
        f"{report.rows_loaded:,} rows of {plural(n_files, 'file')} are in{aside}; {plural(n_faults, 'fault')} marked, "
        f"and {plural(int((found.findings['n'] > 0).sum()), 'finding')} to look at."
    )


def _figures(found: Audit) -> list[tuple[str, str, str]]:
    unused = int((found.properties["unused"] != "").sum())
    figures = [("Unused properties", number(unused), f"of {len(found.properties):,}")]
    for finding in ("stale records", "duplicates", "impossible dates"):
        of = found.findings[(found.findings["finding"] == finding) & (found.findings["n"] > 0)]
        worst = of.sort_values("n", ascending=False, kind="stable").head(1)
        told = [f"most: {row.table} {row.figure}" for row in _records(worst)]
        figures.append((finding.capitalize(), number(int(of["n"].sum())), told[0] if told else "none found"))
    return figures


def files_table(files: pd.DataFrame) -> Markup:
    """What each file was taken for and why, how it is written, its rows."""
    rows = [
        (
            row.file,
            catalog.TABLES[row.object] if row.object else "not loaded",
            row.why,
            ", ".join(filter(None, (row.format, row.encoding, _DELIMITERS.get(row.delimiter, row.delimiter)))),
            number(row.rows_read),
            number(row.rows_set_aside),
            number(row.rows_merged),
        )
        for row in _records(files)
    ]
    heads = ("file", "taken for", "why", "written as", "rows", "set aside", "merged")
    return table(heads, rows, texts=(0, 1, 2, 3))


_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}


def _records(of: pd.DataFrame) -> Iterator[Any]:
    return iter(of.itertuples())


def _capital(text: str) -> str:
    """A sentence begins with a capital, unless it begins with the name of a file, a folder or a property."""
    if not re.match(r"[a-z-]+[,;:]?(\s|$)", text):
        return text
    return capital(text)


def source(workspace: Workspace) -> str:
    """Where the figures come from, for the page's head."""
    return f"{workspace.name} · export of {workspace.as_of:%-d %B %Y}"


def page(workspace: Workspace, *, environment: Mapping[str, str] = os.environ) -> View:
    """The page on a Workspace.

    `workbench serve` says in the environment from where the exports came (`WORKBENCH_EXPORTS`) and whether others than
    this machine may ask (`WORKBENCH_REMOTE`): they name no folder outside of it. Relative names are looked for in the
    folder where it was started (`WORKBENCH_STARTED_IN`) too.
    """
    exports = environment.get("WORKBENCH_EXPORTS", "")
    remote = environment.get("WORKBENCH_REMOTE", "") == "1"
    within = Path(exports or workspace.path) if remote else None
    started = Path(environment.get("WORKBENCH_STARTED_IN") or Path.cwd())
    return View(State(workspace, exports=exports, within=within, started=started))
