"""What the page about the line knows and decides; it knows no widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import narwhals as nw
import pandas as pd
from traitlets import Bool, Dict, Float, HasTraits, Integer, Tuple, Unicode

from workbench.calibration import (
    Backtest,
    Calibration,
    ChosenRate,
    Decision,
    Jump,
    Recommendation,
    WhatIf,
    calibrate,
    memo,
    what_if,
)
from workbench.calibration.memo import NOT_A_BACKTEST
from workbench.dashboards import choices
from workbench.dashboards.calibrate_threshold.findings import (
    FINDINGS,
    LEADS,
    REFERENCES,
    Question,
    StoppedError,
    lot_file,
    rebuild,
)
from workbench.dashboards.calibrate_threshold.ledger import Ledger, ledger_of
from workbench.dashboards.versions import first_line
from workbench.engines import as_frame, kinds
from workbench.errors import WorkbenchError
from workbench.handovers import OPTED_OUT, Handover, handover
from workbench.loaders import Workspace
from workbench.outcomes import Outcome
from workbench.scoring import Label, ScoreModel, score
from workbench.stats.proportions import Rate
from workbench.wording import interval, number, percent, times
from workbench.wording import points as points_text

NO_CAPACITY = Recommendation(
    kind="capacity",
    threshold=None,
    low=None,
    high=None,
    reason="a team that can take no lead needs no line; say how many leads a week it can take.",
    found=0.0,
)
FEW_LEADS, FEW_WON = 30, 10
OLD_SCORE, OLD_SCORE_ENDED = "hubspotscore", datetime(2025, 8, 31)
CHANCE = 0.5  # AUC of a lottery
ANY_TIME = 0
EVERYBODY = ""
OFTEN_ASKED = ("country", "industry", "hs_analytics_source")  # of segments
CHOOSE_ANOTHER = (
    "Choose another score under 'What is judged', or import a score.yaml whose rules ask for what this export has."
)
MOST_COLUMNS = 5  # that are tried as a score on the first look; the likely ones come first
PEOPLE = 4  # until somebody says how many there are
HANDED_OVER = "Handed over"  # the label that a lead keeps for a while


@dataclass(frozen=True, slots=True)
class Step:
    """What undo goes back to."""

    points: dict[str, float]
    threshold: float


class State(HasTraits):
    """What is judged and where the line stands.

    Choices are traits; setting one recomputes what depends on it. `calibration` is None and `error` a sentence where
    the choices lead nowhere; other choices lead out. `settle()` adds what takes longer than a slider may wait for:
    leads a week and recommendations, then the findings in `wanted`, one by one.

    Raises
    ------
    WorkbenchError
        Where the export has no contacts, nothing that could be a score, or nothing that could be success.
    """

    score = Unicode()  # a model's name or a column's
    outcome = Unicode()  # a sentence of `outcomes`
    within_days = Integer(90)  # ANY_TIME for no window
    among = Unicode(EVERYBODY)  # a property's name, or EVERYBODY
    among_value = Unicode(EVERYBODY)
    leads_per_week = Float(20.0)
    people = Integer(PEOPLE)  # who share them
    value_per_win = Float(None, allow_none=True)  # in the data's currency
    cost_per_lead = Float(None, allow_none=True)
    target_rate = Float(None, allow_none=True)  # 0 to 1
    old_line = Float(None, allow_none=True)  # the line in force so far, in points
    points = Dict()  # rule's name to points
    threshold = Float(0.0)
    include_opted_out = Bool(False)
    keep_down_to = Float(None, allow_none=True)  # points at which a lead handed over is taken back
    segment_by = Unicode()
    segment_rule = Unicode("youden")  # "youden", "f1", "profit" or "target_rate"
    by_lot = Float(0.1)  # share of the leads on each side of the line, 0 to 0.5
    ratio = Float(2.0)  # how many times better worked leads convert, to be found by the hold-out
    worked = Unicode()  # the yes/no column that says who was worked, of a hold-out that came back
    reference = Unicode(next(iter(REFERENCES)))  # where the back-test stands

    error = Unicode()
    version = Integer(0)  # counts recomputations: a view redraws when it changes
    settled = Integer(0)  # counts settlements
    recommendations = Tuple()
    found = Integer(0)  # counts findings
    decided = Integer(0)  # counts decisions read or made
    done = Float(None, allow_none=True)  # of a back-test that runs, 0 to 1

    def __init__(
        self,
        workspace: Workspace,
        models: Sequence[ScoreModel] = (),
        problems: Sequence[str] = (),
        files: Mapping[str, Path] | None = None,
    ) -> None:
        super().__init__()
        self.workspace = workspace
        self.problems = tuple(problems)  # with the models' files
        self.models = {model.name: model for model in models}
        self.files = dict(files or {})  # of the models, by their names
        self.wanted = {"first_win"}  # findings that some part of the page shows
        self.corrected: dict[str, ChosenRate | None] = {}  # by rule
        self.decisions: list[Decision] = []
        self.undecided = ""  # why decisions cannot be read
        self.rebuilt: Backtest | None = None
        self.not_rebuilt = ""  # why
        self._rebuilt_of: tuple[Any, ...] = ()
        self._stop = False
        self._findings: dict[str, tuple[tuple[Any, ...] | None, Any]] = {}
        self._own: tuple[WhatIf, Calibration] | None = None  # with the model's own points
        self._jump: tuple[Any, Jump | WorkbenchError | None] = (None, None)
        self.calibration: Calibration | None = None
        self._what_if: WhatIf | None = None
        self._undo: list[Step] = []
        self._moving = ""  # the control that is being moved
        self._placed = False  # whether the line stands where this score wants it, or somebody
        self._quiet = False
        self._follow_capacity = False
        self.capacity_said = False  # whether somebody said what sales can take
        self.unfit: dict[str, str] = {}  # scores that were tried first and cannot be judged, and why
        self._values: dict[str, list[choices.Value]] = {}
        self._contacts = as_frame(workspace.table("contacts", engine="duckdb"))
        self._activities = workspace.events(engine="duckdb")
        self._start()
        self.observe(self._chosen, ["score", "outcome", "within_days", "among", "among_value"])
        self.observe(self._moved, ["points"])
        self.observe(self._asked, ["leads_per_week"])
        self.observe(self._again, ["value_per_win", "cost_per_lead", "target_rate"])

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
        self.outcome = next(iter(outcomes))
        offered = self.segment_properties
        self.segment_by = next((name for name in (*OFTEN_ASKED, *offered) if name in offered), "")
        self._choose_score(list(scores))

    def _choose_score(self, scores: list[str]) -> None:
        """The first score that can be judged; the first of all where none can. `unfit` says why the others cannot."""
        for name in scores[: len(self.models) + MOST_COLUMNS]:
            self.score = name
            self._take_score()
            self._count()
            if not self.error:
                return
            self.unfit[name] = self.error.removesuffix(CHOOSE_ANOTHER).rstrip()
        self.unfit.clear()
        self.score = scores[0]
        self._take_score()
        self._count()

    @cached_property
    def kinds(self) -> dict[str, str]:
        """Contact columns and what they hold."""
        return kinds(self._contacts)

    @property
    def scores(self) -> dict[str, str]:
        """Key of every score to choose from, to what people call it: models first."""
        found = {model.name: f"{model.name} (version {model.version})" for model in self.models.values()}
        columns = [name for name in choices.score_columns(self.kinds) if name not in found]
        return found | {name: choices.label_of(name) for name in columns}

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """Sentence to Outcome."""
        return choices.outcomes(self.kinds, within_days=self.within_days or None)

    @property
    def segment_properties(self) -> list[str]:
        """Properties by which leads can be chosen."""
        return choices.segment_properties(self.kinds)

    def segment_values(self) -> list[choices.Value]:
        """Values of the chosen property, the commonest first."""
        return self.values_of(self.among) if self.among else []

    def values_of(self, name: str) -> list[choices.Value]:
        """The commonest values of a property, counted once."""
        if name not in self._values:
            self._values[name] = choices.segment_values(self._contacts, name)
        return self._values[name]

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
        if change["name"] == "among" and self.among_value != EVERYBODY:
            self.among_value = EVERYBODY  # which counts
            return
        if change["name"] == "score":
            self._take_score()
        self._count()

    def _take_score(self) -> None:
        """The chosen model's own points; the line is placed by the next calibration."""
        model = self.models.get(self.score)
        self._undo.clear()
        self._moving, self._placed = "", False
        self._read_decisions()
        self._quiet = True
        self.points = {} if model is None else {rule.name: float(rule.points) for rule in model.rules}
        self._quiet = False

    def _moved(self, _change: Any) -> None:
        if not self._quiet and self._what_if is not None:
            self._judge(weekly=False)

    def _asked(self, _change: Any) -> None:
        self.capacity_said = True
        self._follow_capacity = True  # the line goes where the answer is, once it is known

    def _again(self, _change: Any) -> None:
        self.version += 1

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
                found = calibrate(
                    chosen.to_native(),
                    score=self.score,
                    outcome=outcome,
                    as_of=self.workspace.as_of,
                    activities=self._activities,
                    company=None,
                )
                self._show(found)
                return
            try:
                self._what_if = what_if(
                    chosen.to_native(), model, outcome=outcome, as_of=self.workspace.as_of, activities=self._activities
                )
            except WorkbenchError as problem:
                raise WorkbenchError(
                    f"the model {model.name!r} does not fit this export: {problem} {CHOOSE_ANOTHER}"
                ) from problem
        except WorkbenchError as problem:
            self._fail(problem)
            return
        self._judge(weekly=True)

    def _judge(self, *, weekly: bool) -> None:
        """The calibration for the points as they stand."""
        if self._what_if is None:
            return
        try:
            found = self._what_if.calibrate(self.points, weekly=weekly)
        except WorkbenchError as problem:
            self._fail(problem)
            return
        self._show(found)

    def _show(self, calibration: Calibration) -> None:
        self.calibration, self.error = calibration, ""
        self.unfit.pop(self.score, None)
        if not self._placed:
            model = self.models.get(self.score)
            self.threshold = first_line(model, decision=self.decision, calibration=calibration).threshold
            self._placed = True
        self.version += 1

    def _fail(self, problem: WorkbenchError) -> None:
        self.calibration, self.recommendations = None, ()
        self.error = str(problem)
        self.version += 1

    def settlement(self) -> Callable[[], Callable[[], None]]:
        """Work on the state as it stands now that may run in another thread; it returns what applies the result.

        The result is dropped where the state has moved on meanwhile.
        """
        version, judged, counted = self.version, self.calibration, self._what_if
        points, leads_per_week, asked = dict(self.points), self.leads_per_week, self._rules_asked()

        def work() -> Callable[[], None]:
            calibration = judged
            found: list[Recommendation] = []
            corrected: dict[str, ChosenRate | None] = {}
            if calibration is not None:
                if calibration.weekly is None and counted is not None:
                    calibration = counted.calibrate(points)
                for kind, given in asked.items():
                    found.append(_recommend(calibration, kind, given))
                    if kind != "capacity" and found[-1].threshold is not None:
                        corrected[kind] = calibration.corrected(kind, **given)

            def apply() -> None:
                if version == self.version and leads_per_week == self.leads_per_week:
                    self.corrected = corrected
                    self.calibration, self.recommendations = calibration, tuple(found)
                    if self._follow_capacity and found and found[0].threshold is not None:
                        self.remember("capacity")
                        self.threshold = found[0].threshold
                    self._follow_capacity = False
                    self.settled += 1

            return apply

        return work

    def _rules_asked(self) -> dict[str, dict[str, Any]]:
        """Rules by which a line is recommended, and what each needs."""
        asked: dict[str, dict[str, Any]] = {"capacity": {"leads_per_week": self.leads_per_week}}
        if self.value_per_win is not None and self.cost_per_lead is not None:
            asked["profit"] = {"value_per_win": self.value_per_win, "cost_per_lead": self.cost_per_lead}
        if self.target_rate is not None:
            asked["target_rate"] = {"rate": self.target_rate}
        return asked | {"youden": {}, "rule_of_thumb": {}}

    def more(self) -> Callable[[], Callable[[], None]] | None:
        """Work on the next finding that is wanted and not there, as `settlement`; None where nothing is missing."""
        missing = [
            name
            for name in FINDINGS
            if name in self.wanted and self._findings.get(name, (None, None))[0] != self._key(name)
        ]
        if not missing:
            return None
        name = missing[0]
        key, asked = self._key(name), self.question()

        def work() -> Callable[[], None]:
            result: Any
            try:
                result = FINDINGS[name].work(asked)
            except WorkbenchError as problem:
                result = problem

            def apply() -> None:
                self._findings[name] = key, result
                self.found += 1

            return apply

        return work

    def settle(self) -> None:
        """What takes longer, for the state as it stands, at once."""
        self.settlement()()()
        while (work := self.more()) is not None:
            work()()

    def _key(self, name: str) -> tuple[Any, ...]:
        return self._choices(FINDINGS[name].needs)

    def _choices(self, names: Sequence[str]) -> tuple[Any, ...]:
        values = (getattr(self, name) for name in names)
        return tuple(tuple(value.items()) if isinstance(value, dict) else value for value in values)

    def finding(self, name: str) -> Any:
        """What was found for the choices as they stand, a WorkbenchError why not, or None while it is not there."""
        key, result = self._findings.get(name, (None, None))
        return result if key == self._key(name) else None

    def question(self) -> Question:
        """The choices as they stand."""
        rules = self._rules_asked()
        return Question(
            workspace=self.workspace,
            model=self.model,
            counted=self._what_if,
            calibration=self.calibration,
            learnt=self.learnt,
            as_it_was=self.as_it_was,
            outcome=self.outcome_spec,
            score=self.score,
            among=self.among,
            among_value=self.among_value,
            threshold=self.threshold,
            by=self.segment_by,
            rule=self.segment_rule,
            given=dict(rules.get(self.segment_rule, {})),
            share=self.by_lot,
            ratio=self.ratio,
            worked=self.worked,
            out=self.keep_down_to,
            decision=self.decision,
        )

    def remember(self, control: str) -> None:
        """Keep the state as it stands for undo, before `control` changes it; one drag is one step."""
        if control != self._moving:
            self._undo.append(Step(dict(self.points), self.threshold))
            self._moving = control

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return bool(self._undo)

    def undo(self) -> None:
        """Take back the last change of points or threshold."""
        if self._undo:
            step = self._undo.pop()
            self._moving = ""
            self.threshold = step.threshold
            self.points = step.points

    def reset(self) -> None:
        """The model's own points again."""
        model = self.models.get(self.score)
        own = {} if model is None else {rule.name: float(rule.points) for rule in model.rules}
        if self.points != own:
            self.remember("reset")
            self.points = own

    def take(self, people: int, each: float) -> None:
        """What sales can take: people times leads a week each."""
        self.people = people
        self.leads_per_week = people * each

    def take_suggested(self) -> None:
        """The suggested points in place of those that stand; can be undone."""
        suggestion = self.finding("suggestion")
        if suggestion is not None and not isinstance(suggestion, WorkbenchError):
            self.remember("suggestion")
            self.points = {**self.points, **suggestion.points}

    # the score as it was

    def rebuilding(self) -> Callable[[Callable[[float], None]], Callable[[], None]]:
        """A back-test of the choices as they stand, to be run in another thread; it tells `progress` its share done.

        It returns what applies the result. `stop()` ends it before its next date.
        """
        asked, reference, key = self.question(), self.reference, self._choices(_REBUILT)
        self._stop = False
        self.done = 0.0

        def work(progress: Callable[[float], None]) -> Callable[[], None]:
            def tell(done: int, of: int) -> None:
                if self._stop:
                    raise StoppedError
                progress(done / of)

            result: Backtest | None = None
            told = ""
            try:
                result = rebuild(asked, reference, tell)
            except WorkbenchError as problem:
                told = str(problem)
            except StoppedError:
                told = "Stopped; nothing was rebuilt."

            def apply() -> None:
                stopped = self._stop and result is not None
                self.rebuilt = None if stopped else result
                self.not_rebuilt = "Stopped; nothing was rebuilt." if stopped else told
                self._rebuilt_of = key
                self.done = None
                self.found += 1

            return apply

        return work

    def stop(self) -> None:
        """End the back-test that runs."""
        self._stop = True

    @property
    def as_it_was(self) -> Backtest | None:
        """The back-test, where it was made of the choices as they stand."""
        return self.rebuilt if self._rebuilt_of == self._choices(_REBUILT) else None

    @property
    def learnt(self) -> Backtest | None:
        """The back-test from which points can be learnt: made of the same leads, whatever their points were."""
        same = len(_LEARNT)
        return self.rebuilt if self._rebuilt_of[:same] == self._choices(_LEARNT) else None

    # what was decided

    @property
    def decision(self) -> Decision | None:
        """The decision that stands for the chosen score."""
        return self.decisions[-1] if self.decisions else None

    @property
    def ledger(self) -> Ledger:
        """The decisions on the chosen score."""
        return ledger_of(self.workspace, self.score, self.files.get(self.score))

    def _read_decisions(self) -> None:
        try:
            self.decisions, self.undecided = self.ledger.read(), ""
        except WorkbenchError as problem:
            self.decisions, self.undecided = [], str(problem)
        self.decided += 1

    def decide(self, *, author: str, reason: str, on: date) -> Decision:
        """Put the line as it stands on file, in place of the standing decision.

        Raises
        ------
        WorkbenchError
            Where there is nothing to decide on, a text is missing, or the file was changed by hand.
        """
        calibration = self.judged
        if self._what_if is not None and calibration.weekly is None:
            calibration = self._what_if.calibrate(self.points)
        made = self.ledger.decide(
            calibration,
            threshold=self.threshold,
            author=author,
            reason=reason,
            on=on,
            scored_by=self.model,
            sales_can_take=self.leads_per_week if self.capacity_said else None,
        )
        self._read_decisions()
        return made

    def memo(self) -> str:
        """The standing decision as a page of HTML."""
        days = self.outcome_spec.within_days
        success = self.outcome if days is None else f"{self.outcome} within {days} days"
        return memo(self.judged, self.decisions, scored_by=self.model, success=success)

    @property
    def decided_otherwise(self) -> str:
        """For which version or points the standing decision was made, where these are not looked at; else nothing."""
        return "" if self.decision is None else self.decision.made_for_another(self.model)

    def lot(self, salt: str) -> bytes:
        """Who a lot takes, as CSV."""
        return lot_file(self.question(), salt)

    @property
    def saved_model(self) -> ScoreModel | None:
        """The model with the points as they stand, and with a label where a lead keeps its place for a while."""
        model = self.model
        if model is None or self.keep_down_to is None:
            return model
        label = Label(name=HANDED_OVER, at_least=self.threshold, leave_below=self.keep_down_to)
        others = [one for one in model.labels if one.name != HANDED_OVER]
        return replace(model, labels=tuple(sorted([*others, label], key=lambda one: one.at_least)))

    @property
    def yes_no_columns(self) -> list[str]:
        """Columns that could say who was worked."""
        no = (OPTED_OUT, self.outcome_spec.when)
        return [name for name, kind in self.kinds.items() if kind == "bool" and name not in no]

    @property
    def jump(self) -> Jump | WorkbenchError | None:
        """Conversion on both sides of the line in force so far; why it cannot be told; None where none was named."""
        if self.calibration is None or self.old_line is None:
            return None
        key = (self.version, self.old_line)
        if self._jump[0] != key:
            try:
                self._jump = key, self.calibration.jump_at(self.old_line)
            except WorkbenchError as problem:
                self._jump = key, problem
        return self._jump[1]

    @property
    def headline(self) -> str:
        """The answer in a sentence, or what is wrong."""
        calibration = self.calibration
        if calibration is None:
            return self.error
        told = calibration.headline(self.threshold)
        if not self.capacity_said or calibration.weekly is None:
            return told
        come = float(calibration.weekly.above(float("-inf")).mean())
        if come > self.leads_per_week:
            return told
        fit = (
            f"All leads fit: {number(come, digits=1)} a week come, sales can take {points_text(self.leads_per_week)}; "
            "no line is needed for capacity. "
        )
        if calibration.at(self.threshold).n_leads < calibration.n_leads:
            return fit + told
        best = calibration.at(calibration.default_threshold)
        return fit + (
            f"The score can still say whom to call first: from {points_text(best.threshold)} points on, "
            f"{best.n_leads:,} leads convert at {percent(best.conversion.value)} "
            f"({interval(best.conversion.low, best.conversion.high)}), {times(best.lift)} the average."
        )

    @property
    def compared(self) -> str:
        """What the same line would mean with the model's own points, where they were changed; else nothing."""
        counted = self._what_if
        if counted is None or self.calibration is None:
            return ""
        if self.points == {rule.name: float(rule.points) for rule in counted.model.rules}:
            return ""
        if self._own is None or self._own[0] is not counted:
            self._own = counted, counted.calibrate(weekly=False)
        line = self._own[1].at(self.threshold)
        return (
            f"With the points of version {counted.model.version}: {line.n_leads:,} leads, "
            f"{percent(line.conversion.value)} ({interval(line.conversion.low, line.conversion.high)}) won, "
            f"{percent(line.capture.value, digits=0)} of all wins."
        )

    @property
    def warnings(self) -> list[tuple[str, str]]:
        """What the figures cannot carry: a title and a sentence each."""
        calibration = self.calibration
        if calibration is None:
            return []
        found = []
        start = self.finding("first_win")
        if start is not None and not isinstance(start, WorkbenchError) and start.truncated:
            found.append(("Early wins are missing.", start.headline()))
        ranking = calibration.ranking
        if ranking.high < CHANCE:
            found.append(
                ("The wrong way round.", "Leads with more points convert worse; the rules or their signs are off.")
            )
        elif ranking.low <= CHANCE:
            found.append(("No better than chance.", "The data cannot tell this score from a lottery."))
        told = NOT_A_BACKTEST
        if calibration.tally.n_young:
            told += (
                f" {calibration.tally.n_young:,} leads are younger than {calibration.outcome.within_days} days "
                "and are not judged yet."
            )
        found.append(("Not a back-test.", told))
        jump = self.jump
        if isinstance(jump, WorkbenchError):
            found.append(("Who was worked?", str(jump)))
        elif jump is not None:
            told = jump.headline()
            naive = calibration.default_threshold
            if jump.at(naive):
                told += (
                    f" Youden's J puts the line at {points_text(naive)}, where the old one was: it says where sales "
                    "worked, not where leads are good. Hand over some leads by lot on both sides of it."
                )
            found.append(("Who was worked?", told))
        if self.score == OLD_SCORE and self.workspace.as_of >= OLD_SCORE_ENDED:
            found.append(
                (
                    "Perhaps out of date.",
                    f"Accounts that moved to the newer scores have had no new HubSpot Score since "
                    f"{OLD_SCORE_ENDED:%-d %B %Y}; choose the newer score's column where there is one.",
                )
            )
        line = calibration.at(self.threshold)
        if line.n_leads < FEW_LEADS or line.n_won < FEW_WON:
            found.append(
                (
                    "Few leads.",
                    f"{line.n_leads:,} leads and {line.n_won:,} wins are above the line; mind the wide interval.",
                )
            )
        return found

    @property
    def footnote(self) -> list[str]:
        """Where the figures come from and how they were made, a sentence each."""
        calibration = self.calibration
        if calibration is None:
            return []
        summary, report = calibration.summary, self.workspace.report
        early = None if calibration.first_win is None else calibration.first_win.headline()  # is among the warnings
        told = [
            f"Score: minimum {points_text(summary.minimum)}, lower quartile {points_text(summary.lower_quartile)}, "
            f"median {points_text(summary.median)}, average {number(summary.mean, digits=1)}, upper quartile "
            f"{points_text(summary.upper_quartile)}, maximum {points_text(summary.maximum)}, of {summary.n:,} leads"
            + (f"; {summary.blank:,} have none, which is not counted as 0." if summary.blank else "."),
            f"Success: {self.outcome} ({calibration.outcome.sentence}).",
            *(note for note in calibration.notes if note != early),
            f"Intervals: {calibration.confidence:.0%}, Wilson for rates, bootstrap for recommended lines.",
        ]
        if calibration.weekly is not None:
            told.append(
                f"Leads a week: created in the last {calibration.weekly.n_weeks} whole weeks with new leads and above "
                "the line now; the week in which a lead crossed it is not in the export."
            )
        told.append(
            f"Source: {report.rows_read:,} rows read, {report.rows_loaded:,} loaded, "
            f"{report.rows_set_aside:,} set aside."
        )
        return told

    @property
    def judged(self) -> Calibration:
        """The calibration.

        Raises
        ------
        WorkbenchError
            Where the choices lead nowhere.
        """
        if self.calibration is None:
            raise WorkbenchError(self.error)
        return self.calibration

    @property
    def base_rate(self) -> Rate:
        """Conversion of all judged leads."""
        return self.judged.base_rate

    @property
    def undated(self) -> bool:
        """Whether the export does not say when leads were created."""
        return self.kinds.get(self.outcome_spec.created) != "datetime"

    @property
    def outcome_spec(self) -> Outcome:
        """The chosen Outcome."""
        return self.outcomes[self.outcome]

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
            outcome=self.outcome_spec,
            include_opted_out=self.include_opted_out,
        )


_LEARNT = (*LEADS, "score")
_REBUILT = (*_LEARNT, "points", "reference")


def _recommend(calibration: Calibration, kind: str, given: dict[str, Any]) -> Recommendation:
    """By this rule, or none and why not."""
    if kind == "capacity" and given["leads_per_week"] <= 0:
        return NO_CAPACITY
    try:
        return calibration.recommend(kind, **given)
    except WorkbenchError as problem:
        return Recommendation(kind=kind, threshold=None, low=None, high=None, reason=str(problem), found=0.0)
