"""Where is the line? The page on which a threshold is found: State knows no widget, View knows no data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import narwhals as nw
import pandas as pd
from traitlets import Bool, Dict, Float, HasTraits, Integer, Tuple, Unicode

from workbench import engines
from workbench.calibration import Calibration, Recommendation, WhatIf, calibrate, what_if
from workbench.dashboards import choices
from workbench.errors import WorkbenchError
from workbench.handover import Handover, handover
from workbench.loaders import Workspace
from workbench.scoring import ScoreModel, score

WINDOWS = (30, 60, 90, 180, 365)
ANY_TIME = 0
EVERYBODY = ""


@dataclass(frozen=True, slots=True)
class Step:
    """What undo goes back to."""

    points: dict[str, float]
    threshold: float


class State(HasTraits):  # type: ignore[misc]
    """What is judged and where the line stands.

    Choices are traits; setting one recomputes what depends on it. `calibration` is None and `error` a sentence where
    the choices lead nowhere. `settle()` adds what takes longer than a slider may wait for: leads a week and
    recommendations.
    """

    score = Unicode()  # a model's name or a column's
    outcome = Unicode()  # a sentence of `outcomes`
    within_days = Integer(90)  # ANY_TIME for no window
    among = Unicode(EVERYBODY)  # a property's name, or EVERYBODY
    among_value = Unicode(EVERYBODY)
    leads_per_week = Float(20.0)
    points = Dict()  # rule's name to points
    threshold = Float(0.0)
    include_opted_out = Bool(False)

    error = Unicode()
    version = Integer(0)  # counts recomputations: a view redraws when it changes
    settled = Integer(0)  # counts settlements
    recommendations = Tuple()

    def __init__(self, workspace: Workspace, models: Sequence[ScoreModel] = ()) -> None:
        super().__init__()
        self.workspace = workspace
        self.models = {model.name: model for model in models}
        self.calibration: Calibration | None = None
        self._what_if: WhatIf | None = None
        self._undo: list[Step] = []
        self._quiet = False
        try:
            self._contacts = engines.as_frame(workspace.table("contacts", engine="duckdb"))
            self._activities = workspace.table("activities", engine="duckdb")
            self._start()
        except WorkbenchError as problem:
            self.error = str(problem)
        self.observe(self._chosen, ["score", "outcome", "within_days", "among", "among_value"])
        self.observe(self._moved, ["points"])

    def _start(self) -> None:
        scores, outcomes = self.scores, self.outcomes
        if not scores:
            raise WorkbenchError(
                "there is no number column that could be a score, and no score.yaml beside the export; "
                "add a score.yaml with rules, or export the score's column too."
            )
        if not outcomes:
            raise WorkbenchError(
                "no column of the export can count as success: no date a stage was entered, no yes/no column; "
                "export one of them too, or name it in mapping.yaml."
            )
        self.score, self.outcome = next(iter(scores)), next(iter(outcomes))
        self._count()
        if self.calibration is not None:
            self.threshold = self.calibration.default_threshold

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Contact columns and what they hold."""
        return engines.kinds(self._contacts)

    @property
    def scores(self) -> dict[str, str]:
        """Key of every score to choose from, to what people call it: models first."""
        found = {model.name: f"{model.name} (version {model.version})" for model in self.models.values()}
        return found | {name: choices.label_of(name) for name in choices.score_columns(self.kinds)}

    @property
    def outcomes(self) -> dict[str, Any]:
        """Sentence to Outcome."""
        return choices.outcomes(self.kinds, within_days=self.within_days or None)

    @property
    def segment_properties(self) -> list[str]:
        """Properties by which leads can be chosen."""
        return choices.segment_properties(self.kinds)

    def segment_values(self) -> list[choices.Value]:
        """Values of the chosen property, the commonest first."""
        return choices.segment_values(self._contacts, self.among) if self.among else []

    @property
    def model(self) -> ScoreModel | None:
        """The chosen model with the points as they stand, or None where a column is judged."""
        chosen = self.models.get(self.score)
        return chosen.with_points(self.points) if chosen is not None else None

    @property
    def rules(self) -> pd.DataFrame | None:
        """What each rule of the chosen model finds: rule, n_leads, n_won, conversion_rate, low, high."""
        return None if self._what_if is None else self._what_if.rules()

    def _chosen(self, change: Any) -> None:
        if change["name"] == "among":
            with self.hold_trait_notifications():
                self.among_value = EVERYBODY
        if change["name"] == "score":
            self._undo.clear()
        self._count()
        if change["name"] == "score" and self.calibration is not None:
            self.threshold = self.calibration.default_threshold

    def _moved(self, _change: Any) -> None:
        if not self._quiet and self._what_if is not None:
            self._judge(weekly=False)

    def _count(self) -> None:
        """One pass over the leads for the choices as they stand."""
        self.error, self._what_if = "", None
        try:
            outcome = self.outcomes[self.outcome]
            model = self.models.get(self.score)
            chosen = self._contacts
            if self.among and self.among_value:
                chosen = chosen.filter(nw.col(self.among) == self.among_value)
            if model is None:
                self._set_points({})
                self.calibration = calibrate(
                    chosen.to_native(),
                    score=self.score,
                    outcome=outcome,
                    as_of=self.workspace.as_of,
                    activities=self._activities,
                )
                self.version += 1
                return
            rules = {rule.name: float(rule.points) for rule in model.rules}
            if set(self.points) != set(rules):
                self._set_points(rules)
            self._what_if = what_if(
                chosen.to_native(), model, outcome=outcome, as_of=self.workspace.as_of, activities=self._activities
            )
        except WorkbenchError as problem:
            self._fail(problem)
            return
        self._judge(weekly=True)

    def _judge(self, *, weekly: bool) -> None:
        """The calibration for the points as they stand."""
        if self._what_if is None:
            return
        try:
            self.calibration = self._what_if.calibrate(self.points, weekly=weekly)
        except WorkbenchError as problem:
            self._fail(problem)
            return
        self.error = ""
        self.version += 1

    def _fail(self, problem: WorkbenchError) -> None:
        self.calibration, self.recommendations = None, ()
        self.error = str(problem)
        self.version += 1

    def _set_points(self, points: dict[str, float]) -> None:
        self._quiet = True
        try:
            self.points = points
        finally:
            self._quiet = False

    def settle(self) -> None:
        """Leads a week and recommendations for the state as it stands."""
        if self.calibration is None:
            return
        if self.calibration.weekly is None and self._what_if is not None:
            self.calibration = self._what_if.calibrate(self.points)
        found: list[Recommendation] = []
        if self.leads_per_week > 0:
            found.append(self.calibration.recommend("capacity", leads_per_week=self.leads_per_week))
        found.extend(self.calibration.recommend(kind) for kind in ("youden", "rule_of_thumb"))
        self.recommendations = tuple(found)
        self.settled += 1

    def remember(self) -> None:
        """Keep the state as it stands for undo; called before a change by hand."""
        step = Step(dict(self.points), self.threshold)
        if not self._undo or self._undo[-1] != step:
            self._undo.append(step)

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._undo)

    def undo(self) -> None:
        """Take back the last change of points or threshold."""
        if self._undo:
            step = self._undo.pop()
            self.threshold = step.threshold
            self.points = step.points

    def reset(self) -> None:
        """The model's own points again."""
        model = self.models.get(self.score)
        if model is not None:
            self.remember()
            self.points = {rule.name: float(rule.points) for rule in model.rules}

    @property
    def headline(self) -> str:
        """The answer in a sentence, or what is wrong."""
        if self.calibration is None:
            return self.error
        return self.calibration.headline(self.threshold)

    def leads_above(self) -> Handover:
        """The leads at or above the line, for a file.

        Raises
        ------
        WorkbenchError
            Where there is no score or no record id.
        """
        contacts = self.workspace.contacts
        if self.among and self.among_value:
            contacts = contacts[contacts[self.among] == self.among_value]
        name, model = self.score, self.model
        if model is not None:
            contacts = score(contacts, model, activities=self.workspace.activities, as_of=self.workspace.as_of)
            name = "score"
        return handover(
            contacts,
            threshold=self.threshold,
            score=name,
            score_name=self.score,
            include_opted_out=self.include_opted_out,
        )
