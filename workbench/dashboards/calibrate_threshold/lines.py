"""Where is the line? Recommended lines, and every other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import ipywidgets as widgets

from workbench.calibration.recommend import LABELS
from workbench.dashboards.calibrate_threshold.section import Section
from workbench.dashboards.controls import button, fields
from workbench.dashboards.parts import advice, note, threshold_table
from workbench.wording import number, plural, points

MOST_ADVICE = 5
_SHORT = LABELS | {"rule_of_thumb": "the rule of thumb"}


class Lines(Section):
    """Lines by rules, each with its interval and its reason."""

    question = "Where is the line?"
    wants = ("deals",)

    def few_words(self) -> str:
        found = self.state.recommendations
        told = [f"{'none' if one.threshold is None else points(one.threshold)} by {_SHORT[one.kind]}" for one in found]
        return ", ".join(told) if told else "counting …"

    def build(self) -> Sequence[widgets.Widget]:
        self._value = self.number("value_per_win", "Value of a win", above=0)
        self._cost = self.number("cost_per_lead", "Cost of working a lead", above=0)
        self._target = self.number("target_rate", "Conversion asked for, %", unit=0.01, above=0, most=100)
        self._hint, self._table = widgets.HTML(), widgets.HTML()
        self._advice = [self._advice_row(place) for place in range(MOST_ADVICE)]
        return [
            *(row for row, _, _ in self._advice),
            fields(self._value, self._cost, self._target),
            self._hint,
            self._table,
        ]

    def _advice_row(self, place: int) -> tuple[widgets.Box, widgets.HTML, widgets.Button]:
        text, use = widgets.HTML(), button("", partial(self._use, place))
        return widgets.HBox([text, use]).add_class("wb-advice"), text, use

    def _use(self, place: int) -> None:
        self.state.remember(f"advice {place}")
        self.state.threshold = self.state.recommendations[place].threshold

    def draw(self) -> None:
        state, calibration = self.state, self.state.judged
        for place, (row, text, use) in enumerate(self._advice):
            shown = place < len(state.recommendations)
            row.layout.display = "" if shown else "none"
            if shown:
                found = state.recommendations[place]
                line = found.threshold
                text.value = advice(found, current=state.threshold, corrected=state.corrected.get(found.kind))
                use.layout.display = "none" if line is None or line == state.threshold else ""
                use.description = "" if line is None else f"Use {points(line)}"
        deals = self.known("deals")
        if deals is not None:
            self._value.box.description = f"Value of a win, {deals.currency}"
            self._cost.box.description = f"Cost of working a lead, {deals.currency}"
            self._hint.value = note(
                f"Won deals in this export: {deals.currency} {number(deals.median)} at the median, of "
                f"{plural(deals.n, 'deal')}. Profit is advised once a win's value and a lead's cost are known."
            )
        else:
            self._hint.value = note("Profit is advised once a win's value and a lead's cost are known.")
        self._table.value = threshold_table(calibration, state.threshold, weekly=not state.undated)
