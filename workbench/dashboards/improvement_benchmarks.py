"""How much better do customers do? The page of the improvement benchmarks: State knows no widget, View no data."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
from markupsafe import Markup
from traitlets import Bool, HasTraits, Integer, Unicode

from workbench.charts.improvements import (
    before_after_picture,
    company_picture,
    improvement_lines,
    quality_picture,
    small_multiples,
)
from workbench.dashboards.controls import Controlled, actions, button, faults_in, laid_out, panel
from workbench.dashboards.download import CSV, XLSX, Download
from workbench.dashboards.figure import FigureView
from workbench.dashboards.improvement_report import html_report, html_table
from workbench.dashboards.parts import answer, cards, heading, note, problem, table, warning
from workbench.dashboards.settling import Settling
from workbench.errors import WorkbenchError
from workbench.improvements import (
    METRICS,
    BeforeAfter,
    CompanyBenchmark,
    Improvement,
    Improvements,
    Quality,
    all_improvements,
    before_after,
    company_benchmark,
    improvement,
    monthly_metrics,
    quality,
)
from workbench.improvements.panel import Panel, read_panel
from workbench.improvements.texts import interval, percent
from workbench.loaders import Workspace
from workbench.spreadsheets import csv_file, xlsx_file

DRAWS = 1_000
FIRST = "First: can the data carry it?"
NOBODY, NO_GROUPS = "", ""
HTML = "text/html;charset=utf-8"
MOST_COMPANIES = 2_000
BASELINES: dict[str, tuple[int, ...] | None] = {
    "as the metric has it": None,
    "month 1": (1,),
    "months 1 to 3": (1, 2, 3),
}
LEVELS = {
    "centre of the month over centre of the baseline": "ratio_of_centres",
    "centre of own ratios": "centre_of_ratios",
}
CENTRES = {"by skewness": "auto", "mean": "mean", "median": "median"}
RATES = {"sum over sum": "pooled", "mean of customers": "mean"}
RULES = {
    "Tukey's fences": "tukey",
    "adjusted boxplot": "adjusted_boxplot",
    "modified z-score": "mad",
    "winsorise": "winsor",
    "leave all in": "none",
}
SURVIVORS = {
    "seen at both ends": "balanced",
    "seen at either end": "all",
    "who left kept the baseline": "kept_baseline",
    "who left fell to zero": "fell_to_zero",
}
GROUPS = {"no groups": NO_GROUPS, "purchase quarter": "cohort", "company size": "size", "country": "country"}


class State(HasTraits):
    """What is looked at and by which choices.

    Choices are traits; setting one recomputes the chosen metric's point estimates at once. `found` is None and `error`
    a sentence where the choices lead nowhere. `settle()` adds intervals, the other metrics, quality, the comparison
    with later buyers and the company.

    Raises
    ------
    WorkbenchError
        Where no customer has a purchase date or no month.
    """

    metric = Unicode("website_traffic")
    at = Integer(12)
    baseline = Unicode("as the metric has it")
    level = Unicode("ratio_of_centres")
    centre = Unicode("auto")
    rate = Unicode("pooled")
    outliers = Unicode("tukey")
    survivors = Unicode("balanced")
    seasonal = Bool(False)
    by = Unicode(NO_GROUPS)
    company = Unicode(NOBODY)

    error = Unicode()
    version = Integer(0)  # counts recomputations
    settled = Integer(0)  # counts settlements

    def __init__(self, workspace: Workspace, *, min_group: int = 100) -> None:
        super().__init__()
        self.workspace, self.min_group = workspace, min_group
        companies = workspace.companies
        self.groups = {
            label: name
            for label, name in GROUPS.items()
            if name in ("", "cohort") or name in companies or (name == "size" and "numberofemployees" in companies)
        }
        self.panel = monthly_metrics(workspace, attributes=[name for name in self.groups.values() if name])
        self.metrics = {METRICS[name].label(): name for name in METRICS if (self.panel["metric"] == name).any()}
        if not self.metrics:
            raise WorkbenchError("the export has no month of any metric: add deals, tickets, usage or activities.")
        self._read: dict[str, Panel] = {}
        self.last_month = int(self.panel["month"].max())
        ids = self.panel["customer_id"].drop_duplicates().astype(str)
        names = companies.set_index("hs_object_id")["name"] if "name" in companies else pd.Series(dtype="str")
        self.companies = {f"{names.get(one, one)} ({one})": one for one in sorted(ids)[:MOST_COMPANIES]}
        self.found: Improvement | None = None
        self.every: Improvements | None = None
        self.quality: Quality | None = None
        self.beside: BeforeAfter | None = None
        self.own: CompanyBenchmark | None = None
        self.metric = next(iter(self.metrics.values()))
        self.at = min(12, self.last_month)
        self.observe(lambda _: self._judge(), list(self.chosen_traits))
        self._judge()

    chosen_traits = (
        "metric", "at", "baseline", "level", "centre", "rate", "outliers", "survivors", "seasonal", "by", "company"
    )  # fmt: skip

    @property
    def choices(self) -> dict[str, Any]:
        """The arguments of `improvement` as they stand."""
        return {
            "at": self.at,
            "baseline": BASELINES[self.baseline],
            "level": self.level,
            "centre": self.centre,
            "rate": self.rate,
            "outliers": self.outliers,
            "survivors": self.survivors,
            "seasonal": self.seasonal,
            "by": self.by or None,
            "min_group": self.min_group,
        }

    def _judge(self) -> None:
        self.every = self.quality = self.beside = self.own = None
        try:
            if self.metric not in self._read:  # reading takes a third of the time that a choice may take
                groups = [name for name in self.groups.values() if name]
                self._read[self.metric] = read_panel(self.panel, METRICS[self.metric], by=groups)
            self.found, self.error = improvement(self._read[self.metric], self.metric, draws=0, **self.choices), ""
        except WorkbenchError as fault:
            self.found, self.error = None, str(fault)
        self.version += 1

    def settlement(self) -> Callable[[], Callable[[], None]]:
        """Work on the state as it stands that may run in another thread; it returns what applies the result."""
        version, metric, panel, choices, company = self.version, self.metric, self.panel, self.choices, self.company
        usable = self.found is not None

        def work() -> Callable[[], None]:
            try:
                every: Improvements | None = all_improvements(panel, draws=DRAWS, **choices)
            except WorkbenchError:
                every = None
            found = every.found.get(metric) if every is not None and usable else None
            seen = own = None
            try:
                seen = quality(panel, metric, outliers=choices["outliers"], min_group=choices["min_group"])
            except WorkbenchError:
                seen = None
            if company != NOBODY:
                try:
                    own = company_benchmark(panel, metric, company, at=choices["at"], min_group=choices["min_group"])
                except WorkbenchError:
                    own = None
            beside = before_after(panel, metric, at=choices["at"], min_group=choices["min_group"])

            def apply() -> None:
                if version == self.version:
                    self.every, self.quality, self.beside, self.own = every, seen, beside, own
                    self.found = found if found is not None else self.found
                    self.settled += 1

            return apply

        return work

    def settle(self) -> None:
        """Intervals and all the rest for the state as it stands, at once."""
        self.settlement()()()

    @property
    def headline(self) -> str:
        """The answer in a sentence, or what is wrong."""
        return self.error if self.found is None else self.found.headline()

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """What the figures cannot carry: a title and a sentence each."""
        found, told = self.found, []
        if found is None:
            return []
        bounds = found.bounds
        if bounds.n_left and bounds.kept_baseline is not None:
            zero = "" if bounds.fell_to_zero is None else f", fallen to zero {percent(bounds.fell_to_zero, 'en')}"
            told.append(
                (
                    "Some have left.",
                    f"{bounds.n_left:,} customers left before month {found.choices.at}. Had they kept their baseline "
                    f"it would be {percent(bounds.kept_baseline, 'en')}{zero}.",
                )
            )
        if found.zero_baselines:
            told.append(
                ("Zero baselines.", f"{found.zero_baselines:,} customers start from 0, and have no ratio of their own.")
            )
        if found.season_note and not found.choices.seasonal:
            told.append(("No seasons.", found.season_note))
        if self.beside is not None:
            told.append(("The market's share.", self.beside.headline()))
        told.append(
            (
                "Hidden stays hidden, on one view.",
                f"Nothing about fewer than {self.min_group} customers is shown, nor can it be worked out from this "
                "view. Whoever changes the choices and compares views can learn more than one view tells: give "
                "stakeholders the report.",
            )
        )
        return told

    @property
    def table(self) -> pd.DataFrame:
        """Month `at` of every metric, as people read it; empty until settled."""
        rows = self.every.frame() if self.every is not None else pd.DataFrame()
        if not len(rows):
            return rows
        own = self.level == "centre_of_ratios"  # then levels are ratios, in no unit
        table = []
        for row in rows.to_dict("records"):
            metric, known = METRICS[row["metric"]], np.isfinite(row["improvement"])
            verdict = "no clear change" if not row["real"] else "better" if row["better"] else "worse"
            table.append(
                {
                    "metric": metric.label() if metric.unit == "share" else f"{metric.label()} ({metric.unit})",
                    "group": row["group"],
                    "customers": "" if pd.isna(row["n_customers"]) else f"{row['n_customers']:,}",
                    "baseline": "" if own else _amount(row["baseline"], metric.unit),
                    f"month {self.at}": "" if own else _amount(row["level"], metric.unit),
                    "change": percent(row["improvement"], "en") if known else "",
                    "95 % interval": interval(row["low"], row["high"], "en") if np.isfinite(row["low"]) else "",
                    "beyond chance": row["hidden"] or (verdict if np.isfinite(row["p_value"]) else ""),
                }
            )
        shown = pd.DataFrame(table)
        return shown if self.by else shown.drop(columns="group")

    def files(self) -> dict[str, bytes]:
        """CSV, workbook and HTML report of the state as it stands, by file name."""
        if self.found is None:
            raise WorkbenchError(self.error)
        if self.every is None:
            self.settle()
        months = self.every.months() if self.every is not None else self.found.frame()
        at = self.every.frame() if self.every is not None else self.found.groups()
        note_text = self.found.footnote()
        figures = {"Month by month": improvement_lines(self.found, by=self.by)}
        if self.every is not None:
            figures["All metrics"] = small_multiples(self.every)
        beside = (self.every, self.beside, self.quality)
        report = html_report(
            title=self.found.headline(),
            paragraphs=[each.headline() for each in beside if each is not None],
            figures=figures,
            tables={f"Month {self.at}": self.table},
            footnote=note_text,
        )
        return {
            "improvements.csv": csv_file(months),
            "improvements.xlsx": xlsx_file({f"month {self.at}": at, "every month": months}, note_text),
            "improvements.html": report,
        }


class View(Controlled, Settling):
    """The widgets of the page, bound to a State. Display `view.widget`."""

    state: State

    def __init__(self, state: State) -> None:
        self.state = state
        above = ("quality", "checks", "answer", "warnings", "said")
        names = (*above, "others", "cards", "company", "beside", "table", "footnote")
        self._html = {name: widgets.HTML() for name in names}
        self._lines, self._all, self._quality = FigureView(height=360), FigureView(height=660), FigureView(height=320)
        self._own, self._beside = FigureView(height=320), FigureView(height=300)
        self._download = Download()
        self._build_controls()
        self._looked = widgets.ToggleButton(description="Look at the data")
        self._looked.observe(lambda _: self._show_checks(), "value")
        self._buttons = [
            button("Report (HTML)", partial(self._give, "improvements.html", HTML), primary=True),
            button("Table (XLSX)", partial(self._give, "improvements.xlsx", XLSX)),
            button("Every month (CSV)", partial(self._give, "improvements.csv", CSV)),
        ]
        self.widget = self._layout()
        state.observe(lambda _: self._redraw(), ["version"])
        state.observe(lambda _: self._draw_settled(), ["settled"])
        self._redraw()

    def _build_controls(self) -> None:
        state = self.state

        def dropdown(trait: str, options: dict[str, str], name: str) -> widgets.Dropdown:
            return widgets.Dropdown(options=list(options.items()), value=getattr(state, trait), description=name)

        self._chosen: dict[str, widgets.Widget] = {
            "metric": dropdown("metric", state.metrics, "Metric"),
            "at": widgets.IntSlider(
                value=state.at, min=2, max=max(3, state.last_month), description="Months", continuous_update=False
            ),
            "by": dropdown("by", state.groups, "Groups"),
            "baseline": dropdown("baseline", {name: name for name in BASELINES}, "Baseline"),
            "level": dropdown("level", LEVELS, "Change"),
            "centre": dropdown("centre", CENTRES, "Centre"),
            "rate": dropdown("rate", RATES, "Rates"),
            "outliers": dropdown("outliers", RULES, "Outliers"),
            "survivors": dropdown("survivors", SURVIVORS, "Customers"),
            "seasonal": widgets.Checkbox(value=state.seasonal, description="take out months of the year", indent=False),
            "company": dropdown("company", {"none": NOBODY} | state.companies, "My company"),
        }
        for trait, control in self._chosen.items():
            self._bind(control, trait)

    def _layout(self) -> widgets.Widget:
        html = self._html
        controls = (widgets.HTML(heading("What is looked at")), *self._chosen.values())
        self._company_panel = panel(html["company"], self._own)
        self._beside_panel = panel(html["beside"], self._beside)
        content = (
            panel(html["quality"], actions(self._looked), html["checks"], self._quality),
            panel(
                html["answer"],
                self._lines,
                html["warnings"],
                actions(*self._buttons),
                html["said"],
                self._download,
            ),
            panel(html["others"], html["cards"], self._all),
            self._company_panel,
            self._beside_panel,
            panel(html["table"]),
            html["footnote"],
        )
        return laid_out(source(self.state), controls, content)

    def _give(self, name: str, kind: str) -> None:
        with faults_in(self._html["said"]):
            self._download.give(name, self.state.files()[name], type=kind)
            self._html["said"].value = note(f"{name} is on its way to your browser.")

    def _redraw(self) -> None:
        """What follows at once: the answer and the lines, without intervals."""
        state = self.state
        with self._showing():
            for trait, control in self._chosen.items():
                control.value = getattr(state, trait)
        self._html["said"].value = ""
        self._draw_answer()
        for name in ("cards", "others", "table", "company", "beside"):
            self._html[name].value = ""
        self._html["quality"].value = heading(FIRST) + note("The data are being checked …")
        for part in (self._company_panel, self._beside_panel, self._all):
            part.layout.display = "none"
        self._show_checks()
        self._later()

    def _show_checks(self) -> None:
        """What was found in the data, for those who ask."""
        found = self.state.quality
        shown = found is not None and self._looked.value
        self._looked.layout.display = "none" if found is None else ""
        self._quality.layout.display = "" if shown else "none"
        self._html["checks"].value = ""
        if found is None or not shown:
            return
        rows = [
            (row["check"], f"{row['n_values']:,}", f"{row['n_customers']:,}")
            for row in found.frame().to_dict("records")
        ]
        self._html["checks"].value = table(("check", "values", "customers"), rows, texts=())
        self._quality.description = found.headline()
        self._quality.show(quality_picture(found), narrow=quality_picture(found, stacked=True))

    def _draw_answer(self) -> None:
        state, found = self.state, self.state.found
        self._lines.layout.display = "none" if found is None else ""
        if found is None:
            self._html["answer"].value = problem(state.error)
            self._html["warnings"].value = self._html["footnote"].value = ""
            return
        change = None if found.value is None else percent(abs(found.value), "en", signed=False)
        self._html["answer"].value = answer(state.headline, highlight=change)
        self._lines.description = state.headline
        self._lines.show(improvement_lines(found, by=state.by))
        self._html["warnings"].value = Markup("").join(warning(*told) for told in state.warnings)
        self._html["footnote"].value = note(found.footnote())

    def _draw_settled(self) -> None:
        """Intervals, all metrics, quality, the company and later buyers."""
        state, html = self.state, self._html
        self._draw_answer()
        if state.every is not None:
            html["others"].value = heading("All metrics") + note(state.every.headline())
            html["cards"].value = cards(_card(found) for found in state.every.found.values())
            self._all.description = state.every.headline()
            self._all.show(small_multiples(state.every), narrow=small_multiples(state.every, columns=2))
            html["table"].value = heading(f"Month {state.at}, every metric") + html_table(state.table)
        told = f"{state.error or 'Too few values to look at.'}" if state.quality is None else state.quality.headline()
        html["quality"].value = heading(FIRST) + note(told)
        self._show_checks()
        if state.own is not None:
            html["company"].value = heading("My company against the benchmark") + note(state.own.headline())
            self._own.description = state.own.headline()
            self._own.show(company_picture(state.own))
        beside = state.beside is not None and state.beside.furthest is not None
        if beside and state.beside is not None:
            html["beside"].value = heading("Beside customers who had not bought yet")
            self._beside.description = state.beside.headline()
            self._beside.show(before_after_picture(state.beside))
        for part, shown in (
            (self._all, state.every is not None),
            (self._company_panel, state.own is not None),
            (self._beside_panel, beside),
        ):
            part.layout.display = "" if shown else "none"


def _amount(value: float, unit: str) -> str:
    """A level in the metric's unit: a share as percent."""
    if not np.isfinite(value):
        return ""
    if unit == "share":
        return percent(value, "en", signed=False)
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _card(found: Improvement) -> tuple[str, str, str]:
    label = found.metric.label()
    if found.value is None:
        return label, "–", found.why_not
    value = f"{100 * found.value:+.0f} %".replace("-", "−")
    if found.low is None or found.high is None:
        return label, value, f"n = {found.n_customers:,}"
    return label, value, f"{interval(found.low, found.high, 'en')}, n = {found.n_customers:,}"


def source(state: State) -> str:
    """Where the figures come from, for the page's head."""
    customers = state.panel["customer_id"].nunique()
    return f"{state.workspace.name} · {customers:,} customers · export of {state.workspace.as_of:%-d %B %Y}"


def page(workspace: Workspace) -> View:
    """The page on a Workspace."""
    return View(State(workspace))
