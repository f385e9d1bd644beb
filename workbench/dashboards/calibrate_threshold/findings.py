"""What takes a look at all leads again: worked out when a section asks, in a connection of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import pandas as pd

from workbench.calibration import (
    Backtest,
    Calibration,
    Decision,
    Drift,
    FirstWin,
    FollowUp,
    HoldOut,
    HoldOutReading,
    Hysteresis,
    SegmentLines,
    Suggestion,
    Suspects,
    WhatIf,
    backtest,
    calibrate,
    draw_lot,
    drift,
    first_win,
    follow_up,
    plan_hold_out,
    read_hold_out,
    segment_lines,
    suggest_points,
    suspect_properties,
)
from workbench.calibration.clusters import COMPANY
from workbench.calibration.known import known_moments
from workbench.engines import as_frame
from workbench.errors import WorkbenchError
from workbench.handovers import ID, handover
from workbench.loaders import Workspace
from workbench.outcomes import Outcome
from workbench.scoring import ScoreModel, score
from workbench.spreadsheets import import_file, plain_ids

LEADS = ("outcome", "within_days", "among", "among_value")
SCORE = (*LEADS, "score", "points")
REFERENCES: dict[str, dict[str, Any]] = {
    "7 days after creation": {"days_after_creation": 7},
    "30 days after creation": {"days_after_creation": 30},
    "at the last 12 ends of months": {"monthly": 12},
}
"""Where a back-test can stand, and what `backtest` takes for it."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """Everything a finding may depend on, as it stood when it was asked."""

    workspace: Workspace
    model: ScoreModel | None
    counted: WhatIf | None
    calibration: Calibration | None
    learnt: Backtest | None
    as_it_was: Backtest | None
    outcome: Outcome
    score: str
    among: str
    among_value: str
    threshold: float
    by: str
    rule: str
    given: dict[str, Any]
    share: float
    ratio: float
    worked: str
    out: float | None
    decision: Decision | None

    @property
    def judged(self) -> Calibration:
        """The calibration, or a sentence that there is none."""
        if self.calibration is None:
            raise WorkbenchError("there is no score that can be judged here; what is wrong stands at the page's top.")
        return self.calibration

    @property
    def column(self) -> str:
        """The name of the score's column in `scored`."""
        return self.score if self.model is None else "score"

    def leads(self, workspace: Workspace) -> Any:
        """The chosen leads."""
        found = as_frame(workspace.table("contacts", engine="duckdb"))
        if self.among and self.among_value:
            found = found.filter(nw.col(self.among) == self.among_value)
        return found.to_native()

    def scored(self, workspace: Workspace) -> Any:
        """The chosen leads with their score as of the export."""
        leads = self.leads(workspace)
        if self.model is None:
            return leads
        return score(leads, self.model, activities=workspace.events(engine="duckdb"), as_of=workspace.as_of)

    def needs(self, workspace: Workspace, column: str | None, told: str) -> None:
        """A sentence in the page's words where the export lacks a date."""
        if column is None or column not in workspace.columns("contacts"):
            raise WorkbenchError(
                f"the export does not say {told}; export that date too, or name its column in mapping.yaml."
            )

    def apart(self) -> Workspace:
        """The Workspace with a connection of its own: two threads must not share one."""
        return Workspace(self.workspace.path)


@dataclass(frozen=True, slots=True)
class Finding:
    """What is worked out, and the traits of the State on which it depends."""

    needs: tuple[str, ...]
    work: Callable[[Question], Any]


def _first_win(asked: Question) -> FirstWin:
    workspace = asked.apart()
    asked.needs(workspace, asked.outcome.at, "when a lead was won, so the first win on record is unknown")
    asked.needs(workspace, asked.outcome.created, "when leads were created, so missing early wins cannot be told")
    found = None if asked.calibration is None else asked.calibration.first_win  # that of a column's calibration
    return found or first_win(asked.leads(workspace), outcome=asked.outcome, as_of=workspace.as_of)


@dataclass(frozen=True, slots=True)
class Late:
    """What properties tell of the outcome, and the rules (name to properties) that ask for what is known too late.

    `itself` says whether the score that is judged, a column, is suspected.
    """

    suspects: Suspects
    itself: bool
    declared: dict[str, list[str]]
    suspected: dict[str, list[str]]


def _suspects(asked: Question) -> Late:
    workspace = asked.apart()
    found = suspect_properties(asked.leads(workspace), outcome=asked.outcome, as_of=workspace.as_of)
    moments = known_moments(None)
    declared: dict[str, list[str]] = {}
    suspected: dict[str, list[str]] = {}
    for rule in asked.model.rules if asked.model is not None else ():
        for name in dict.fromkeys(name for condition in rule.conditions for name in condition.properties):
            if moments.get(name) == "sales":
                declared.setdefault(rule.name, []).append(name)
            elif name in found.suspected:
                suspected.setdefault(rule.name, []).append(name)
    return Late(found, asked.model is None and asked.score in found.suspected, declared, suspected)


def _suggestion(asked: Question) -> Suggestion:
    if asked.learnt is not None:
        return suggest_points(asked.learnt)
    if asked.counted is None:
        raise WorkbenchError("a column of the export has no rules; choose a model to have points suggested.")
    return suggest_points(asked.counted)


def _drift(asked: Question) -> Drift:
    workspace = asked.apart()
    asked.needs(workspace, asked.outcome.created, "when leads were created, so earlier and later cannot be told apart")
    return drift(asked.scored(workspace), outcome=asked.outcome, score=asked.column, as_of=workspace.as_of)


def _segments(asked: Question) -> SegmentLines:
    workspace = asked.apart()
    if not asked.by:
        raise WorkbenchError("no text column of the export parts leads into segments; export one, such as the country.")
    if asked.rule in ("profit", "target_rate") and not asked.given:
        raise WorkbenchError("this rule has no numbers yet; give them under 'Where is the line?'.")
    found = calibrate(
        asked.scored(workspace), score=asked.column, outcome=asked.outcome, by=asked.by, as_of=workspace.as_of
    )
    return segment_lines(found, asked.rule, **asked.given)


def _companies(asked: Question) -> Calibration:
    workspace = asked.apart()
    if COMPANY not in workspace.columns("contacts"):
        raise WorkbenchError("the export does not say of which company a lead is, so each lead stands for itself.")
    return calibrate(asked.scored(workspace), score=asked.column, outcome=asked.outcome, as_of=workspace.as_of)


def _hold_out(asked: Question) -> HoldOut:
    return plan_hold_out(asked.judged, asked.threshold, share=asked.share, ratio=asked.ratio)


def _reading(asked: Question) -> HoldOutReading:
    workspace = asked.apart()
    return read_hold_out(
        asked.scored(workspace),
        line=asked.threshold,
        worked=asked.worked,
        outcome=asked.outcome,
        score=asked.column,
        as_of=workspace.as_of,
    )


def _hysteresis(asked: Question) -> Hysteresis:
    if asked.as_it_was is None or asked.out is None:
        raise WorkbenchError("rebuild the score at the last 12 ends of months to see how often leads come and go.")
    return asked.as_it_was.hysteresis(asked.threshold, asked.out)


def _follow_up(asked: Question) -> FollowUp:
    workspace = asked.apart()
    if asked.decision is None:
        raise WorkbenchError("no decision is on file for this score; make one first.")
    return follow_up(
        asked.scored(workspace), asked.decision, outcome=asked.outcome, score=asked.column, as_of=workspace.as_of
    )


@dataclass(frozen=True, slots=True)
class WonDeals:
    """What won deals brought: the commonest currency, the median amount in it, and of how many deals."""

    currency: str
    median: float
    n: int


def _deals(asked: Question) -> WonDeals:
    workspace = asked.apart()
    needed = ["amount", "deal_currency_code", "dealstage"]
    if "deals" not in workspace.tables or not set(needed) <= set(workspace.columns("deals")):
        raise WorkbenchError("no deals with amounts and currencies were exported.")
    deals = workspace.table("deals", columns=needed)
    won = deals[(deals["dealstage"] == "closedwon") & (deals["amount"] > 0) & deals["deal_currency_code"].notna()]
    if won.empty:
        raise WorkbenchError("no deal with an amount and a currency was won.")
    currency = str(won["deal_currency_code"].mode()[0])
    amounts = won.loc[won["deal_currency_code"] == currency, "amount"]
    return WonDeals(currency, float(amounts.median()), len(amounts))


FINDINGS = {
    "deals": Finding((), _deals),
    "first_win": Finding(LEADS, _first_win),
    "suspects": Finding((*LEADS, "score"), _suspects),
    "suggestion": Finding((*LEADS, "score", "learnt"), _suggestion),
    "drift": Finding(SCORE, _drift),
    "segments": Finding(
        (*SCORE, "segment_by", "segment_rule", "value_per_win", "cost_per_lead", "target_rate"), _segments
    ),
    "companies": Finding(SCORE, _companies),
    "hold_out": Finding((*SCORE, "threshold", "by_lot", "ratio"), _hold_out),
    "hysteresis": Finding(("threshold", "keep_down_to", "as_it_was"), _hysteresis),
    "reading": Finding((*SCORE, "threshold", "worked"), _reading),
    "follow_up": Finding((*SCORE, "decision"), _follow_up),
}


class StoppedError(Exception):
    """Somebody ended a back-test."""


def rebuild(asked: Question, reference: str, progress: Callable[[int, int], None]) -> Backtest:
    """The score as it was.

    Raises
    ------
    WorkbenchError
        Where it cannot be rebuilt.
    StoppedError
        Where `progress` raises it.
    """
    if asked.model is None:
        raise WorkbenchError(
            "a column of the export holds the score as of the export and cannot be rebuilt; choose a model "
            "(score.yaml), whose rules can."
        )
    if asked.among and asked.among_value:
        raise WorkbenchError("a back-test takes all leads; choose all leads under 'Among'.")
    return backtest(asked.apart(), asked.model, outcome=asked.outcome, **REFERENCES[reference], progress=progress)


def lot_file(asked: Question, salt: str) -> bytes:
    """Who the lot takes, as CSV: record id, score, and whether to hand over or to hold back.

    Leads that were won already are not drawn.
    """
    workspace = asked.apart()
    contacts: pd.DataFrame = workspace.contacts
    if asked.among and asked.among_value:
        contacts = contacts[contacts[asked.among] == asked.among_value]
    if asked.model is not None:
        contacts = score(contacts, asked.model, activities=workspace.activities, as_of=workspace.as_of)
    open_ = handover(contacts, threshold=float("-inf"), score=asked.column, outcome=asked.outcome).rows
    drawn = open_[draw_lot(open_[ID], asked.share, salt=salt)]
    above = drawn["score"] >= asked.threshold
    table = pd.DataFrame(
        {
            "Record ID": plain_ids(drawn[ID], before="handing out a lot"),
            "Score": drawn["score"],
            "By lot": above.map({True: "hold back", False: "hand over"}),
        }
    )
    return import_file(table)
