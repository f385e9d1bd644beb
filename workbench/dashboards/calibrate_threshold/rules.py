"""Do its rules earn their points? What a logistic regression would give each."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as widgets
from markupsafe import Markup, escape

from workbench.calibration import Suggestion
from workbench.dashboards.calibrate_threshold.section import Section
from workbench.dashboards.controls import actions, button
from workbench.dashboards.parts import note, sentence, table
from workbench.wording import number, plural, signed

_VERDICTS = {
    "earns": "",
    "idle": "does not earn its points",
    "opposite": "speaks against its points",
    "open": "too few leads to tell",
    "copy": "says what another says",
    "unmet": "met too rarely, or by nearly all",
}


class Rules(Section):
    """Each rule beside the others."""

    question = "Do its rules earn their points?"
    wants = ("suggestion",)

    def show(self) -> None:
        super().show()
        if self.state.model is None:
            self.widget.layout.display = "none"

    def few_words(self) -> str:
        found = self.known("suggestion")
        if not isinstance(found, Suggestion):
            return plural(len(self.state.points), "rule")
        if not found.idle:
            told = f"none of {plural(len(found.rows), 'rule')} is idle"
        else:
            told = f"{plural(len(found.idle), 'rule adds', 'rules add')} nothing beside the others"
        return told + (f"; {plural(len(found.pairs), 'pair')} nearly always together" if found.pairs else "")

    def build(self) -> Sequence[widgets.Widget]:
        self._told = widgets.HTML()
        self._take = button("Take these points", self.state.take_suggested)
        return [self._told, actions(self._take)]

    def draw(self) -> None:
        found = self.known("suggestion")
        self._told.value = self.found("suggestion", self._tell)
        useful = isinstance(found, Suggestion)
        self._take.layout.display = "" if useful else "none"
        self._take.disabled = not useful or all(self.state.points[name] == to for name, to in found.points.items())

    def _tell(self, found: Suggestion) -> Markup:
        before, after = found.given_auc, found.suggested_auc
        rows = [
            (
                _named(row["rule"], _VERDICTS[row["verdict"]]),
                number(row["n_met"]),
                signed(self.state.points[row["rule"]]),
                signed(row["suggested"]) if row["suggested"] == row["suggested"] else "–",
                f"{signed(round(row['low']))} to {signed(round(row['high']))}" if row["low"] == row["low"] else "–",
            )
            for row in found.frame().to_dict("records")
        ]
        told = [
            f"With the suggested points and all limits a winner scores above a loser in {100 * after.value:.1f} % of "
            f"pairs ({100 * after.low:.1f} to {100 * after.high:.1f} %), now in {100 * before.value:.1f} %."
        ]
        told += [
            f"{one} and {other} nearly always occur together; the weaker is left out." for one, other in found.pairs
        ]
        rebuilt = self.state.learnt is not None
        learnt = (
            "Learnt from the score as it was."
            if rebuilt
            else "Learnt from the score as of the export, where winners had longer to collect points; rebuild it first."
        )
        return (
            sentence(" ".join(told))
            + table(("rule", "leads", "now", "suggested", "95 %"), rows)
            + note(
                f"{learnt} A logistic regression on {found.n_leads:,} leads, {found.n_won:,} of whom won; in steps of "
                "5, the strongest rule at 25." + (" Firth's penalty keeps it finite." if found.firth else "")
            )
        )


def _named(rule: str, verdict: str) -> Markup:
    return Markup("{}<br><small>{}</small>").format(rule, verdict) if verdict else escape(rule)
