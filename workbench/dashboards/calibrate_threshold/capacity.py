"""Can sales take it? Leads above the line, week by week, beside what people can work."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from workbench.calibration import Hysteresis
from workbench.charts.calibration import weekly_bars
from workbench.dashboards.calibrate_threshold.section import Picture, Section
from workbench.dashboards.controls import fields
from workbench.dashboards.parts import legend, note, problem, sentence
from workbench.wording import number, percent, points


class Capacity(Section):
    """People times leads a week."""

    question = "Can sales take it?"
    wants = ("hysteresis",)

    def few_words(self) -> str:
        state = self.state
        calibration = state.judged
        if state.undated:
            return "no dates of creation in the export, so leads a week are unknown"
        line = calibration.at(state.threshold)
        if math.isnan(line.leads_per_week) or calibration.weekly is None:
            return "counting …"
        over = float((calibration.weekly.above(state.threshold) > state.leads_per_week).mean())
        return (
            f"{number(line.leads_per_week, digits=1)} leads a week at {points(state.threshold)}, of "
            f"{points(state.leads_per_week)}; {percent(over, digits=0)} of weeks bring more"
        )

    def build(self) -> Sequence[widgets.Widget]:
        state = self.state
        self._people = widgets.BoundedIntText(value=state.people, min=1, max=100_000, description="People in sales")
        self._each = widgets.BoundedFloatText(
            value=state.leads_per_week / state.people, min=0, max=1e6, step=1, description="New leads a week each"
        )
        for box in (self._people, self._each):
            box.observe(self._taken, "value")
        self._keep = self.number("keep_down_to", "A lead handed over stays down to, points", placeholder="the line")
        self._told, self._named, self._kept = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._weeks = Picture(220, "Leads above the line by week, beside what sales can take")
        return [
            fields(self._people, self._each, self._keep),
            self._told,
            self._weeks.widget,
            self._named,
            self._kept,
        ]

    def _taken(self, _change: Any) -> None:
        if not self._setting:
            self.state.take(int(self._people.value), float(self._each.value))

    def draw(self) -> None:
        state, calibration = self.state, self.state.judged
        self._people.value = state.people
        self._each.value = state.leads_per_week / state.people
        self._keep.layout.display = "none" if state.model is None else ""
        self._kept.value = self._stays()
        if state.undated or calibration.weekly is None:
            self._told.value = note(f"{self.few_words()}.")
            self._named.value = ""
            self._weeks.show(None)
            return
        weeks = calibration.weekly.above(state.threshold)[::-1]
        figure = weekly_bars(weeks, state.leads_per_week)
        self._weeks.show(figure)
        self._named.value = legend((trace["name"], trace["marker"]) for trace in figure["data"] if len(trace["x"]))
        self._told.value = sentence(
            f"Over {len(weeks):,} weeks {number(float(weeks.mean()), digits=1)} leads a week came in above "
            f"{points(state.threshold)}, {int(weeks.min()):,} in the quietest and {int(weeks.max()):,} in the busiest; "
            f"sales can take {points(state.leads_per_week)}."
        )

    def _stays(self) -> str:
        state = self.state
        if state.model is None:
            return ""
        if state.keep_down_to is None:
            return note("So that a lead does not flicker, let it stay a little below the line; score.yaml will say so.")
        if state.keep_down_to > state.threshold:
            return problem(
                f"a lead is handed over from {points(state.threshold)} points and would be taken back below "
                f"{points(state.keep_down_to)}; give fewer points than the line's."
            )
        found = self.known("hysteresis")
        told = (
            found.headline()
            if isinstance(found, Hysteresis)
            else "Rebuild the score at the last 12 ends of months, above, to see how often leads come and go."
        )
        return note(
            f"In from {points(state.threshold)}, out below {points(state.keep_down_to)}: the label 'Handed over' in "
            f"score.yaml. {told}"
        )
