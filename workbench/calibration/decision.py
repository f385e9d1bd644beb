"""A decision on file: where the line stands, why, on which data, by whom. Nothing in the file is ever overwritten."""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.calibration.result import Calibration
from workbench.errors import WorkbenchError
from workbench.loaders.workspace import DECISIONS
from workbench.scoring import ScoreModel
from workbench.wording import interval, percent, points

_HEAD = "# Where the line stands, and why. Written by the workbench, oldest first; add a decision, never change one.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A line that was decided on. Rates lie between 0 and 1; `leads_per_week` is None where no dates were known.

    `version` and `points` (a rule's name to its points) are the model's, `sales_can_take` the leads a week for which
    there are people; None where they were not given. `fingerprint` is that of the counts on which it was decided,
    `seal` that of the decision and the one before it.
    """

    threshold: float
    date: str
    author: str
    reason: str
    score: str
    outcome: str
    as_of: str | None
    n_leads: int
    n_above: int
    n_won: int
    conversion_rate: float
    low: float
    high: float
    capture_rate: float
    leads_per_week: float | None
    confidence: float
    replaces: float | None
    fingerprint: str
    seal: str = ""
    version: int | None = None
    points: dict[str, float] | None = None
    sales_can_take: float | None = None

    def headline(self) -> str:
        """The decision in a sentence."""
        week = "" if self.leads_per_week is None else f", {self.leads_per_week:,.1f} leads a week"
        return (
            f"Since {self.date} the line for {self.score!r} is {points(self.threshold)}: {self.n_above:,} of "
            f"{self.n_leads:,} leads, {percent(self.conversion_rate)} of them convert ({interval(self.low, self.high)})"
            f"{week}. Decided by {self.author}: {self.reason}"
        )

    def frame(self) -> pd.DataFrame:
        """One row, a column a field."""
        return pd.DataFrame([asdict(self)])

    def made_for_another(self, model: ScoreModel | None) -> str:
        """For which version it was made, where `model` has another version or other points; else nothing."""
        if self.version is None or model is None:
            return ""
        figures = f"({self.n_above:,} leads, {percent(self.conversion_rate)})"
        if self.version != model.version:
            return f"Decided for version {self.version} {figures}; this is version {model.version}."
        if self.points != _points_of(model):
            return f"Decided for version {self.version} {figures}; the points are others now."
        return ""

    def made_on(self, calibration: Calibration) -> bool:
        """Whether it was made on these very counts."""
        return self.fingerprint == fingerprint(calibration)


_LATER = ("version", "points", "sales_can_take")  # not in decisions of old, which keep their seals
_FIELDS = tuple(field.name for field in fields(Decision))


def decide(
    model: str | PathLike[str],
    calibration: Calibration,
    *,
    threshold: float,
    reason: str,
    author: str,
    on: str | date,
    replaces: float | None = None,
    scored_by: ScoreModel | None = None,
    sales_can_take: float | None = None,
) -> Decision:
    """Put a decision on file, beside the model.

    Parameters
    ----------
    model
        The file of the model, `score.yaml`; decisions go to `score.decisions.yaml` beside it.
    calibration
        The figures on which it was decided.
    threshold
        The line, in points.
    reason, author
        For people who ask in a year.
    on
        The day from which it holds, such as `"2026-07-01"`.
    replaces
        The line that stands now; needed to change it.
    scored_by
        The model with the points that were judged; its version and points go on file.
    sales_can_take
        Leads a week for which there are people, where that was asked.

    Raises
    ------
    WorkbenchError
        If another line stands and `replaces` does not name it, the line lies outside the score's range, `on` is before
        the standing decision, or the file was changed by hand.
    """
    for name, text in (("reason", reason), ("author", author)):
        if not isinstance(text, str) or not text.strip():
            raise WorkbenchError(f"a decision needs its {name}, a text that is not empty, and {text!r} came.")
    summary = calibration.summary
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not math.isfinite(threshold):
        raise WorkbenchError(f"a line is a number of points, not {threshold!r}.")
    if not summary.minimum <= threshold <= summary.maximum:
        raise WorkbenchError(
            f"a line at {points(float(threshold))} lies outside the score's range, {points(summary.minimum)} to "
            f"{points(summary.maximum)}; choose one inside it."
        )
    try:
        day = pd.Timestamp(on).date().isoformat()
    except (TypeError, ValueError) as problem:
        raise WorkbenchError(f"on is a date such as '2026-07-01', not {on!r}.") from problem
    found = decisions(model)
    standing = found[-1] if found else None
    if standing is not None:
        if replaces is None or float(replaces) != standing.threshold:
            raise WorkbenchError(
                f"a decision stands: {points(standing.threshold)} since {standing.date}, by {standing.author}. To "
                f"change it, say replaces={points(standing.threshold)}."
            )
        if day < standing.date:
            raise WorkbenchError(f"the standing decision is of {standing.date}, later than {day}; date it later.")
    elif replaces is not None:
        raise WorkbenchError(f"no decision stands that {points(float(replaces))} could be; leave replaces out.")
    line = calibration.at(threshold)
    made = Decision(
        threshold=float(threshold),
        date=day,
        author=author.strip(),
        reason=reason.strip(),
        score=calibration.score,
        outcome=calibration.outcome.sentence,
        as_of=None if calibration.as_of is None else calibration.as_of.date().isoformat(),
        n_leads=line.n_all,
        n_above=line.n_leads,
        n_won=line.n_won,
        conversion_rate=line.conversion.value,
        low=line.conversion.low,
        high=line.conversion.high,
        capture_rate=line.capture.value,
        leads_per_week=None if math.isnan(line.leads_per_week) else line.leads_per_week,
        confidence=calibration.confidence,
        replaces=None if standing is None else standing.threshold,
        fingerprint=fingerprint(calibration),
        version=None if scored_by is None else scored_by.version,
        points=None if scored_by is None else _points_of(scored_by),
        sales_can_take=sales_can_take,
    )
    made = Decision(**{**asdict(made), "seal": _seal(asdict(made), standing.seal if standing else "")})
    _write(decisions_file(model), [*found, made])
    return made


def decisions_file(model: str | PathLike[str]) -> Path:
    """The file of a model's decisions, beside it."""
    return Path(model).with_suffix(DECISIONS)


def decisions(model: str | PathLike[str]) -> list[Decision]:
    """All decisions on a model, oldest first; none where there is no file.

    Raises
    ------
    WorkbenchError
        If the file cannot be read, or was changed after a decision was written.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    file = decisions_file(model)
    if not file.exists():
        return []
    try:
        entries = YAML(typ="safe").load(file.read_text(encoding="utf-8"))["decisions"]
        found = [Decision(**entry) for entry in entries]
    except (OSError, YAMLError, TypeError, KeyError, ValueError) as problem:
        raise WorkbenchError(
            f"{file.name} holds no decisions that can be read; bring back the file as the workbench wrote it."
        ) from problem
    before = ""
    for one in found:
        if one.seal != _seal(asdict(one), before):
            raise WorkbenchError(
                f"{file.name} was changed after the decision of {one.date} was written: a line never changes in "
                "silence. Bring back the file as it was, and put the change on file with decide(replaces=...)."
            )
        before = one.seal
    return found


def standing_decision(model: str | PathLike[str]) -> Decision | None:
    """The decision that stands, or None."""
    found = decisions(model)
    return found[-1] if found else None


def fingerprint(calibration: Calibration) -> str:
    """A calibration's counts as SHA-256, 64 characters: the same data, score and outcome give the same."""
    tally, digest = calibration.tally, hashlib.sha256()
    digest.update(json.dumps([calibration.score, calibration.outcome.sentence, str(calibration.as_of)]).encode())
    for counts in (tally.score, tally.n_leads, tally.n_won, tally.n_apart):
        digest.update(np.ascontiguousarray(counts, dtype="<f8").tobytes())
    return digest.hexdigest()


def _seal(entry: Mapping[str, Any], before: str) -> str:
    told = {name: entry[name] for name in _FIELDS if name != "seal" and _written(entry, name)}
    return hashlib.sha256((before + json.dumps(told, sort_keys=True)).encode()).hexdigest()


def _written(entry: Mapping[str, Any], name: str) -> bool:
    return name not in _LATER or entry[name] is not None


def _points_of(model: ScoreModel) -> dict[str, float]:
    return {rule.name: float(rule.points) for rule in model.rules}


def _write(file: Path, found: list[Decision]) -> None:
    from ruamel.yaml import YAML

    text = io.StringIO()
    yaml = YAML()
    yaml.width = 120
    entries = [asdict(one) for one in found]
    kept = [{name: entry[name] for name in _FIELDS if _written(entry, name)} for entry in entries]
    yaml.dump({"decisions": kept}, text)
    beside = file.with_name(f".{file.name}.new")
    try:
        beside.write_text(_HEAD + text.getvalue(), encoding="utf-8", newline="\n")
        beside.replace(file)
    except OSError as problem:
        raise WorkbenchError(f"cannot write {str(file)!r}: {problem.strerror}.") from problem
