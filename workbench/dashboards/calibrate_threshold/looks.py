"""What does the score look like? Its range, who has none, and whether something is known too late."""

from __future__ import annotations

from collections.abc import Sequence

import ipywidgets as widgets
from markupsafe import Markup

from workbench.calibration import FirstWin, Suspects
from workbench.dashboards import choices
from workbench.dashboards.calibrate_threshold.findings import Late
from workbench.dashboards.calibrate_threshold.section import Section, subheading
from workbench.dashboards.parts import sentence, table, warning
from workbench.wording import interval, number, percent, plural, points


class Looks(Section):
    """The score itself."""

    question = "What does the score look like?"
    wants = ("first_win", "suspects")

    def few_words(self) -> str:
        summary = self.state.judged.summary
        blank = (
            f"{plural(summary.blank, 'lead')} ({percent(summary.blank_share)}) without one, which is not 0"
            if summary.blank
            else "every lead has one"
        )
        return (
            f"{points(summary.minimum)} to {points(summary.maximum)} points, half of the leads at "
            f"{points(summary.median)} or more; {blank}"
        )

    def build(self) -> Sequence[widgets.Widget]:
        self._table, self._start, self._late = widgets.HTML(), widgets.HTML(), widgets.HTML()
        return [
            self._table,
            subheading("Since when wins are on record"),
            self._start,
            subheading("Known too late?"),
            self._late,
        ]

    def draw(self) -> None:
        calibration = self.state.judged
        summary, blank = calibration.summary, calibration.blank
        heads = ("leads", "minimum", "lower quartile", "median", "average", "upper quartile", "maximum", "no score")
        row = (
            number(summary.n),
            points(summary.minimum),
            points(summary.lower_quartile),
            points(summary.median),
            number(summary.mean, digits=1),
            points(summary.upper_quartile),
            points(summary.maximum),
            number(summary.blank),
        )
        told = table(heads, [row], texts=())
        if blank.n:
            told += sentence(
                f"Without a score: {percent(blank.value)} ({interval(blank.low, blank.high)}) of {blank.n:,} judged "
                "leads won. They stand apart from every figure of this page."
            )
        self._table.value = told
        self._start.value = self.found("first_win", _start)
        self._late.value = self.found("suspects", _late)


def _start(found: FirstWin) -> Markup:
    if not found.truncated:
        return sentence(found.headline())
    rows = [
        (
            f"{row['month']:%B %Y}",
            number(row["n_leads"]),
            number(row["n_won"]),
            percent(row["conversion_rate"]),
            interval(row["low"], row["high"]),
            "wins missing" if row["touched"] else "",
        )
        for row in found.frame().to_dict("records")
    ]
    told = sentence("Earlier wins are missing, as the page says above; by month of creation:")
    return told + table(("month of creation", "leads", "won", "convert", "95 %", ""), rows)


def _late(found: Late) -> Markup:
    told = [
        warning(
            "Known too late.", f"The rule {rule!r} asks for {_named(names)}, which is filled in after sales contact."
        )
        for rule, names in found.declared.items()
    ]
    told += [
        warning("Perhaps known too late.", f"The rule {rule!r} asks for {_named(names)}, which is suspected below.")
        for rule, names in found.suspected.items()
    ]
    if found.itself:
        told.append(warning("Perhaps known too late.", "The score itself is suspected: see below."))
    if not told:
        told = [sentence("No rule asks for a property that is known only after sales contact.")]
    return Markup("").join(told) + sentence(_suspicion(found.suspects))


def _suspicion(found: Suspects) -> str:
    if not found.suspected:
        return found.headline()
    rows = found.frame()
    named = [
        f"{choices.label_of(row['property'])} ({percent(row['auc'], digits=0)} of pairs, "
        f"{interval(row['low'], row['high'], digits=0)})"
        for row in rows[rows["suspected"]].to_dict("records")
    ]
    others = percent(float(rows.loc[~rows["suspected"], "auc"].median()), digits=0)
    return (
        f"Alone these tell winners suspiciously well: {', '.join(named)}; the others do in {others} at the median. If "
        "one is filled in after sales contact, leave it out of the score."
    )


def _named(names: Sequence[str]) -> str:
    return ", ".join(choices.label_of(name) for name in names)
