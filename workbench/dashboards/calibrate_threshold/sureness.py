"""How sure are we? Earlier and later leads, and a hold-out by lot."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as widgets
from markupsafe import Markup

from workbench.calibration import Calibration, Drift, HoldOut, HoldOutReading
from workbench.dashboards import choices
from workbench.dashboards.calibrate_threshold.section import Section, subheading
from workbench.dashboards.controls import actions, button, fields
from workbench.dashboards.download import CSV
from workbench.dashboards.parts import moved, note, periods, problem, sentence, table, waiting
from workbench.errors import WorkbenchError
from workbench.wording import interval, number, percent, points

_NOBODY = ("no hold-out came back yet", "")


class Sureness(Section):
    """What may have changed, and how to know what was never tried."""

    question = "How sure are we?"
    wants = ("drift", "companies", "hold_out")

    def few_words(self) -> str:
        found = self.known("drift")
        if not isinstance(found, Drift):
            return "earlier leads beside later ones, and a hold-out by lot"
        before, after = found.earlier_rate, found.later_rate
        moved = "the score drifted" if found.scores.drifted else "no drift of the score beyond chance"
        return f"{moved}; earlier leads convert at {percent(before.value)}, later ones at {percent(after.value)}"

    def build(self) -> Sequence[widgets.Widget]:
        state = self.state
        self._drift, self._companies, self._plan, self._said, self._read = (widgets.HTML() for _ in range(5))
        self._share = self.number("by_lot", "Taken by lot, % of leads", unit=0.01, placeholder="10", above=0, most=50)
        self._ratio = self.number("ratio", "Difference to be found, times", placeholder="2", above=1)
        self._draw_lot = button("Draw the lot (CSV)", self._lot)
        worked = [_NOBODY, *((choices.label_of(name), name) for name in state.yes_no_columns)]
        self._worked = widgets.Dropdown(options=worked, description="Who was worked")
        self.choose("worked", self._worked)
        return [
            subheading("Do later leads behave like earlier ones?"),
            self._drift,
            subheading("Do leads of one company go together?"),
            self._companies,
            subheading("Would leads below the line win, if somebody worked them?"),
            fields(self._share, self._ratio, self._worked),
            self._plan,
            actions(self._draw_lot),
            self._said,
            self._read,
        ]

    def draw(self) -> None:
        state = self.state
        if state.worked:
            state.wanted.add("reading")
        else:
            state.wanted.discard("reading")
        self._worked.value = state.worked
        self._drift.value = self.found("drift", self._drifted)
        self._companies.value = self.found("companies", self._together)
        self._plan.value = self.found("hold_out", _planned)
        self._read.value = self.found("reading", _reading) if state.worked else ""
        self._draw_lot.disabled = self.known("hold_out") is None

    def _drifted(self, found: Drift) -> Markup:
        return moved(found) + periods(found, self.state.threshold)

    def _together(self, found: Calibration) -> Markup:
        line, alone = (one.at(self.state.threshold).conversion for one in (found, self.state.judged))
        return sentence(
            "They may rise and fall together. Drawn company by company, the conversion above "
            f"{points(self.state.threshold)} lies at {interval(line.low, line.high)}; with each lead for itself, as "
            f"elsewhere on this page, at {interval(alone.low, alone.high)}."
        )

    def _lot(self) -> None:
        state = self.state
        self._said.value = waiting("Drawing …")
        salt = f"{state.workspace.name}: {state.score} at {points(state.threshold)}"
        try:
            content = state.lot(salt)
        except WorkbenchError as fault:
            self._said.value = problem(str(fault))
            return
        self._give("lot.csv", content, type=CSV)
        n = content.count(b"\n") - 1
        self._said.value = note(
            f"{n:,} leads by lot. A record id's own hash decides, so the same lot comes out wherever it is drawn. "
            "Bring a yes/no column back that says who was worked."
        )


def _planned(found: HoldOut) -> Markup:
    rows = [
        ("below the line", "hand over", number(found.n_below), percent(found.expected_below)),
        ("above the line", "hold back", number(found.n_above), percent(found.expected_above)),
    ]
    return sentence(found.headline()) + table(("", "by lot", "leads needed", "convert so far"), rows, texts=(0, 1))


def _reading(found: HoldOutReading) -> Markup:
    rows = [
        (
            f"{row['side']} the line",
            "worked" if row["worked"] else "not worked",
            number(row["n_leads"]),
            percent(row["conversion_rate"]) if row["n_leads"] else "–",
            interval(row["low"], row["high"]) if row["n_leads"] else "–",
        )
        for row in found.frame().to_dict("records")
    ]
    return sentence(found.headline()) + table(("", "", "leads", "convert", "95 %"), rows, texts=(0, 1))
