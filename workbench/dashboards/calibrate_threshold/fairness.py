"""Is it fair across segments? What one line for all means for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup

from workbench.calibration import SegmentLines
from workbench.calibration.recommend import LABELS
from workbench.dashboards import choices
from workbench.dashboards.calibrate_threshold.section import Section
from workbench.dashboards.controls import fields
from workbench.dashboards.parts import marked, note, sentence, table, tight
from workbench.wording import interval, number, percent, points, signed

_RULES = ("youden", "f1", "profit", "target_rate")
MOST_ROWS = 30


class Fairness(Section):
    """One line beside a line for each segment."""

    question = "Is it fair across segments?"
    wants = ("segments",)

    def few_words(self) -> str:
        if not self.state.segment_by:
            return "no property to part leads by"
        named = choices.label_of(self.state.segment_by)
        found = self.known("segments")
        if not isinstance(found, SegmentLines):
            return f"by {named}, or by any other property"
        uneven = found.frame().loc[found.frame()["differs"], "segment"].tolist()
        if not uneven:
            return f"by {named}: above one line no segment converts otherwise, beyond chance"
        return f"by {named}: above one line {', '.join(uneven[:3])}{' …' if len(uneven) > 3 else ''} convert otherwise"

    def build(self) -> Sequence[widgets.Widget]:
        state = self.state
        properties = [(choices.label_of(name), name) for name in state.segment_properties]
        self._by = widgets.Dropdown(options=properties or [("none", "")], description="By")
        self._rule = widgets.Dropdown(options=[(LABELS[kind], kind) for kind in _RULES], description="Each line by")
        self.choose("segment_by", self._by)
        self.choose("segment_rule", self._rule)
        self._told = widgets.HTML()
        return [fields(self._by, self._rule), self._told]

    def draw(self) -> None:
        self._by.value, self._rule.value = self.state.segment_by, self.state.segment_rule
        self._told.value = self.found("segments", self._tell)

    def _tell(self, found: SegmentLines) -> Markup:
        frame = found.frame()
        shown = frame.head(MOST_ROWS)
        top = float(shown["line_for_all_high"].max())
        money = found.kind == "profit"
        known = {one.value: one.label for one in self.state.values_of(found.by)}
        rows = [
            (
                known.get(row["segment"], row["segment"]),
                f"{row['line_for_all_n_leads']:,} of {row['n_leads']:,}",
                _mark(row, top),
                _rate(row),
                points(row["threshold"])
                if row["threshold"] == row["threshold"]
                else "too small"
                if str(row["reason"]).startswith("too small")
                else "none",
                f"{points(row['low'])} to {points(row['high'])}" if row["low"] == row["low"] else "–",
                points(round(row["shrunk"])) if row["shrunk"] == row["shrunk"] else "–",
                signed(row["leads_more"]) if row["leads_more"] == row["leads_more"] else "–",
                (number(row["cost"]) if row["cost"] == row["cost"] else "–")
                if money
                else (signed(row["wins_more"]) if row["wins_more"] == row["wins_more"] else "–"),
            )
            for row in shown.to_dict("records")
        ]
        heads = (
            "",
            f"leads from {points(found.threshold)}",
            "",
            "convert (95 %)",
            "own line",
            "95 %",
            "drawn to all",
            "leads more",
            "costs at most" if money else "wins more",
        )
        more = f" The {len(frame) - MOST_ROWS:,} smallest are not shown." if len(frame) > MOST_ROWS else ""
        return (
            sentence(found.headline())
            + table(heads, rows)
            + note(
                "More: what the line for all adds beside a segment's own, which was chosen on these leads. Drawn to "
                "all: the own line, the nearer to the one for all the less sure it is. Differs: from all other "
                f"segments, beyond chance.{more}"
            )
        )


def _mark(row: Mapping[Any, Any], top: float) -> Markup:
    if not row["line_for_all_n_leads"]:
        return Markup("")
    return marked(row["line_for_all_rate"], row["line_for_all_low"], row["line_for_all_high"], top)


def _rate(row: Mapping[Any, Any]) -> Markup:
    if not row["line_for_all_n_leads"]:
        return Markup("–")
    low, high = row["line_for_all_low"], row["line_for_all_high"]
    differs = Markup(' <span class="wb-tag">differs</span>') if row["differs"] else Markup("")
    return Markup("{}{} <em>{}</em>").format(
        tight(percent(row["line_for_all_rate"])), differs, interval(low, high).removesuffix(" %")
    )
