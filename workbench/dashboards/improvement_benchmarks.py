"""How much better do customers do? The page of the improvement benchmarks: State knows no widget, View no data."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
from markupsafe import Markup, escape
from traitlets import Bool, HasTraits, Integer, Unicode

from workbench.charts.improvements import (
    before_after_picture,
    company_picture,
    improvement_lines,
    quality_picture,
    small_multiples,
)
from workbench.dashboards.download import CSV, XLSX, Download
from workbench.dashboards.figure import FigureView
from workbench.dashboards.improvement_report import csv_file, html_report, html_table, xlsx_file
from workbench.dashboards.parts import answer, cards, heading, note, problem, warning
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
from workbench.loaders import Workspace
from workbench.wording import percent

DRAWS = 1_000
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
            self.found, self.error = improvement(self.panel, self.metric, draws=0, **self.choices), ""
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
            zero = "" if bounds.fell_to_zero is None else f", fallen to zero {percent(bounds.fell_to_zero)}"
            told.append(
                (
                    "Some have left.",
                    f"{bounds.n_left:,} customers left before month {found.choices.at}. Had they kept their baseline "
                    f"it would be {percent(bounds.kept_baseline)}{zero}.",
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
        """Month `at` of every metric (or of the chosen one, until settled), as people read it."""
        rows = self.every.frame() if self.every is not None else pd.DataFrame()
        if not len(rows):
            return rows
        shown = rows["hidden"] == ""

        def text(name: str) -> pd.Series:
            return pd.Series([f"{v:+.1%}".replace("-", "−") if np.isfinite(v) else "" for v in rows[name]])

        verdict = np.where(
            ~rows["real"], "not told from no change", np.where(rows["better"].fillna(False), "better", "worse")
        )
        return pd.DataFrame(
            {
                "metric": [METRICS[name].label() for name in rows["metric"]],
                "group": rows["group"],
                "customers": [f"{n:,}" if not pd.isna(n) else "" for n in rows["n_customers"]],
                "change": text("improvement"),
                "from": text("low"),
                "to": text("high"),
                "beyond chance": np.where(shown & rows["p_value"].notna(), verdict, rows["hidden"]),
            }
        )

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
        report = html_report(
            title=self.found.headline(),
            paragraphs=[self.every.headline()] if self.every is not None else [],
            figures=figures,
            tables={f"Month {self.at}": self.table},
            footnote=note_text,
        )
        return {
            "improvements.csv": csv_file(months),
            "improvements.xlsx": xlsx_file({f"month {self.at}": at, "every month": months}, note_text),
            "improvements.html": report,
        }


class View(Settling):
    """The widgets of the page, bound to a State. Display `view.widget`."""

    state: State

    def __init__(self, state: State) -> None:
        self.state = state
        self._setting = False
        names = ("answer", "cards", "warnings", "table", "quality", "company", "footnote", "said", "others")
        self._html = {name: widgets.HTML() for name in names}
        self._lines = FigureView(height=360, description="The metric's change month by month since the purchase")
        self._all = FigureView(height=660, description="Every metric's change month by month, small")
        self._quality = FigureView(height=320, description="Histogram, spread and Q-Q plot before and after cleaning")
        self._own = FigureView(height=320, description="The company's change on top of the others' quartile band")
        self._beside = FigureView(height=300, description="The change beside customers who had not bought yet")
        self._download = Download()
        self._build_controls()
        self._buttons = [
            _button("Report (HTML)", partial(self._give, "improvements.html", HTML), primary=True),
            _button("Table (XLSX)", partial(self._give, "improvements.xlsx", XLSX)),
            _button("Every month (CSV)", partial(self._give, "improvements.csv", CSV)),
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
            control.observe(partial(self._choose, trait), "value")

    def _layout(self) -> widgets.Widget:
        html = self._html
        controls = widgets.VBox([widgets.HTML(heading("What is looked at")), *self._chosen.values()])
        main = widgets.VBox(
            [
                html["answer"],
                self._lines,
                html["warnings"],
                widgets.HBox(self._buttons).add_class("wb-actions"),
                html["said"],
                self._download,
            ]
        )
        content = widgets.VBox(
            [
                main.add_class("wb-panel"),
                widgets.VBox([html["others"], html["cards"], self._all]).add_class("wb-panel"),
                widgets.VBox([html["company"], self._own]).add_class("wb-panel"),
                widgets.VBox(
                    [widgets.HTML(heading("Beside customers who had not bought yet")), self._beside]
                ).add_class("wb-panel"),
                widgets.VBox([html["table"]]).add_class("wb-panel"),
                widgets.VBox([html["quality"], self._quality]).add_class("wb-panel"),
                html["footnote"],
            ]
        )
        self._company_panel, self._beside_panel = content.children[2], content.children[3]
        page = widgets.Box([controls.add_class("wb-panel").add_class("wb-controls"), content.add_class("wb-content")])
        head = widgets.HTML(f"<p>{escape(source(self.state))}</p>").add_class("wb-source")
        return widgets.VBox([head, page.add_class("wb-page")])

    def _choose(self, trait: str, change: Any) -> None:
        if not self._setting:
            setattr(self.state, trait, change["new"])

    def _give(self, name: str, kind: str, _: Any) -> None:
        try:
            self._download.give(name, self.state.files()[name], type=kind)
        except WorkbenchError as fault:
            self._html["said"].value = problem(str(fault))
            return
        self._html["said"].value = note(f"{name} is on its way to your browser.")

    def _redraw(self) -> None:
        """What follows at once: the answer and the lines, without intervals."""
        state = self.state
        self._setting = True
        try:
            for trait, control in self._chosen.items():
                control.value = getattr(state, trait)
        finally:
            self._setting = False
        self._html["said"].value = ""
        self._draw_answer()
        for name in ("cards", "others", "table", "quality", "company"):
            self._html[name].value = ""
        for panel in (self._company_panel, self._beside_panel, self._all, self._quality):
            panel.layout.display = "none"
        self._later()

    def _draw_answer(self) -> None:
        state, found = self.state, self.state.found
        self._lines.layout.display = "none" if found is None else ""
        if found is None:
            self._html["answer"].value = problem(state.error)
            self._html["warnings"].value = self._html["footnote"].value = ""
            return
        self._html["answer"].value = answer(state.headline)
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
            self._all.show(small_multiples(state.every))
            html["table"].value = heading(f"Month {state.at}") + Markup('<div class="wb-scroll">{}</div>').format(
                html_table(state.table)
            )
        if state.quality is not None:
            html["quality"].value = heading("Quality of the data") + note(state.quality.headline())
            self._quality.show(quality_picture(state.quality))
        if state.own is not None:
            html["company"].value = heading("My company against the benchmark") + note(state.own.headline())
            self._own.show(company_picture(state.own))
        beside = state.beside is not None and state.beside.value is not None
        if beside and state.beside is not None:
            self._beside.show(before_after_picture(state.beside))
        for panel, shown in (
            (self._all, state.every is not None),
            (self._quality, state.quality is not None),
            (self._company_panel, state.own is not None),
            (self._beside_panel, beside),
        ):
            panel.layout.display = "" if shown else "none"


def _card(found: Improvement) -> tuple[str, str, str]:
    label = found.metric.label()
    if found.value is None:
        return label, "–", found.why_not
    value = f"{100 * found.value:+.0f} %".replace("-", "−")
    if found.low is None or found.high is None:
        return label, value, f"n = {found.n_customers:,}"
    limits = f"{100 * found.low:+.0f} to {100 * found.high:+.0f} %".replace("-", "−")
    return label, value, f"{limits}, n = {found.n_customers:,}"


def _button(text: str, act: Callable[[Any], None], *, primary: bool = False) -> widgets.Button:
    button = widgets.Button(description=text, button_style="primary" if primary else "")
    button.on_click(act)
    return button


def source(state: State) -> str:
    """Where the figures come from, for the page's head."""
    customers = state.panel["customer_id"].nunique()
    return f"{state.workspace.name} · {customers:,} customers · export of {state.workspace.as_of:%-d %B %Y}"


def page(workspace: Workspace) -> View:
    """The page on a Workspace."""
    return View(State(workspace))
