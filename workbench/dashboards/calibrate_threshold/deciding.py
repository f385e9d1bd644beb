"""Then decide: the line on file with its reason, and whether it came as promised."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import ipywidgets as widgets
from markupsafe import Markup

from workbench.calibration import FollowUp, write_memo
from workbench.calibration.decision import decisions_file
from workbench.charts.calibration import promised_and_came
from workbench.dashboards.calibrate_threshold.section import Picture, Section, subheading
from workbench.dashboards.controls import actions, button, fields
from workbench.dashboards.download import HTML, PDF, YAML
from workbench.dashboards.parts import note, problem, sentence, table, waiting, warning
from workbench.errors import WorkbenchError
from workbench.wording import number, percent, points

DAY = "%-d %B %Y"


class Deciding(Section):
    """What stands, and what is to stand."""

    question = "Then decide"
    wants = ("follow_up",)

    def few_words(self) -> str:
        stands = self.state.decision
        if stands is None:
            return "no line is on file yet"
        told = f"{points(stands.threshold)} since {date.fromisoformat(stands.date):{DAY}}, by {stands.author}"
        if stands.made_for_another(self.state.model):
            told += f", for version {stands.version}"
        found = self.known("follow_up")
        if isinstance(found, FollowUp):
            told += "; alarm, see inside" if found.alarm else "; as promised so far"
        return told

    def build(self) -> Sequence[widgets.Widget]:
        self._author = widgets.Text(description="Who decides", placeholder="your name")
        self._reason = widgets.Text(description="Why", placeholder="for people who ask in a year")
        self._on = widgets.DatePicker(value=date.today(), description="From")  # the reader's own day
        self._put = button("", self._decide, primary=True)
        self._back = button("", self._return)
        self._said, self._came, self._so_far = widgets.HTML(), widgets.HTML(), widgets.HTML()
        self._months = Picture(220, "Conversion by month since the decision, beside what was promised")
        self._files = actions(
            button("Memo (HTML)", lambda: self._memo(pdf=False)),
            button("Memo (PDF)", lambda: self._memo(pdf=True)),
            button("Decisions (YAML)", self._yaml),
        )
        self._after = widgets.VBox(
            [subheading("Did it come as promised?"), self._came, self._months.widget, self._so_far]
        )
        return [
            fields(self._author, self._on, self._reason),
            actions(self._put, self._back),
            self._said,
            self._files,
            self._after,
        ]

    def draw(self) -> None:
        state, stands = self.state, self.state.decision
        self._put.description = f"Put {points(state.threshold)} on file"
        moved = stands is not None and stands.threshold != state.threshold
        self._back.layout.display = "" if moved else "none"
        for part in (self._files, self._after):
            part.layout.display = "none" if stands is None else ""
        if state.undecided:
            self._said.value = problem(state.undecided)
        if stands is None:
            return
        self._back.description = f"Back to {points(stands.threshold)}"
        self._came.value = self.found("follow_up", _came)
        found = self.known("follow_up")
        self._months.show(
            promised_and_came(found)
            if isinstance(found, FollowUp) and (found.frame()["n_judged"] > 0).sum() > 1
            else None,
        )
        rows = [
            (
                points(one.threshold) + (f" (version {one.version})" if one.version is not None else ""),
                one.date,
                one.author,
                one.reason,
            )
            for one in reversed(state.decisions)
        ]
        self._so_far.value = (
            Markup("<h3>Decisions so far</h3>") + table(("line", "from", "by", "why"), rows, texts=(1, 2, 3))
            if len(rows) > 1
            else ""
        )

    def _return(self) -> None:
        stands = self.state.decision
        if stands is not None:
            self.state.remember("decision")
            self.state.threshold = stands.threshold

    def _decide(self) -> None:
        missing = [box for box in (self._author, self._reason) if not box.value.strip()]
        if missing:
            asked = {self._author: "your name under 'Who decides'", self._reason: "the reason under 'Why'"}
            self._said.value = problem(f"To put the line on file, give {' and '.join(asked[box] for box in missing)}.")
            return
        if self._on.value is None:
            self._said.value = problem("say from which day the line holds.")
            return
        try:
            made = self.state.decide(author=self._author.value, reason=self._reason.value, on=self._on.value)
        except WorkbenchError as fault:
            self._said.value = problem(str(fault))
            return
        self._reason.value = ""
        self._said.value = note(
            f"On file: {points(made.threshold)} from {date.fromisoformat(made.date):{DAY}}. Keep the file of decisions "
            "beside score.yaml; a line never changes in silence."
        )
        self._later()

    def _memo(self, *, pdf: bool) -> None:
        self._said.value = waiting("Writing …")
        try:
            page = self.state.memo()
            if not pdf:
                self._give("memo.html", page.encode("utf-8"), type=HTML)
            else:
                with tempfile.TemporaryDirectory() as folder:
                    file = write_memo(page, Path(folder) / "memo.pdf")
                    self._give("memo.pdf", file.read_bytes(), type=PDF)
        except WorkbenchError as fault:
            self._said.value = problem(str(fault))
            return
        self._said.value = note("The memo holds what stands, why, and what it means today.")

    def _yaml(self) -> None:
        self._give(decisions_file(self.state.ledger.file).name, self.state.ledger.content(), type=YAML)


def _came(found: FollowUp) -> Markup:
    rows = [
        (
            f"{row['month']:%B %Y}",
            number(row["n_above"]),
            number(row["leads_per_week"], digits=1) + (" !" if row["fewer_or_more_leads"] else ""),
            number(row["n_judged"]),
            (percent(row["conversion_rate"]) if row["n_judged"] else "too young")
            + (" !" if row["converts_otherwise"] else ""),
        )
        for row in found.frame().to_dict("records")
    ]
    told = warning("Alarm.", found.headline()) if found.alarm else sentence(found.headline())
    return told + table(("month of creation", "leads above", "a week", "old enough", "convert"), rows)
