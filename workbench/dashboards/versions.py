"""The versions of the models of a Workspace: those that lay beside its exports, and those that were saved since."""

from __future__ import annotations

import re
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from workbench.calibration import Calibration, Decision
from workbench.errors import WorkbenchError
from workbench.loaders import Workspace
from workbench.scoring import Rule, ScoreModel
from workbench.scoring.apply import with_saved_segments
from workbench.wording import points

CLASSIC_LINE = 50.0
MOST_RECORDS = 1_000  # associated with one contact, when it comes to where a line may lie


def titled_models(workspace: Workspace) -> tuple[dict[str, ScoreModel], list[str]]:
    """`name (version 3)` to model, of each name the newest first; and a sentence for each file that cannot be read."""
    found: list[ScoreModel] = []
    problems = []
    for file in workspace.model_files:
        try:
            model = with_saved_segments(ScoreModel.read(file), workspace)
        except WorkbenchError as fault:
            problems.append(str(fault))
            continue
        same = [one for one in found if title(one) == title(model)]
        if same and same[0] != model:
            problems.append(f"{file.name}: another file has {title(model)} with other rules; give it its own version.")
        elif not same:
            found.append(model)
    names = list(dict.fromkeys(model.name for model in found))
    found.sort(key=lambda model: (names.index(model.name), -model.version))
    return {title(model): model for model in found}, problems


def title(model: ScoreModel) -> str:
    """What a model is called beside its other versions."""
    return f"{model.name} (version {model.version})"


def label_line(model: ScoreModel) -> float | None:
    """Where the highest label of the whole score begins, in points; None where it has no labels."""
    return max((float(label.at_least) for label in model.labels if label.of is None), default=None)


class Line(NamedTuple):
    """A line, in points, and why it is there."""

    threshold: float
    why: str


def first_line(
    model: ScoreModel | None, *, decision: Decision | None = None, calibration: Calibration | None = None
) -> Line:
    """Where the line stands on every page until somebody moves it.

    At the standing decision; else where the model's highest label begins; else where it parts winners best (Youden's
    J); else, where none of these is known, at the classic 50.
    """
    if decision is not None:
        return Line(decision.threshold, f"decided on {decision.date} by {decision.author}")
    labelled = None if model is None else label_line(model)
    if labelled is not None:
        return Line(labelled, "where the highest label begins")
    if calibration is not None:
        return Line(float(calibration.default_threshold), "where the score parts winners best")
    return Line(CLASSIC_LINE, "the classic one")


def check_line(threshold: float, *models: ScoreModel) -> None:
    """Raises WorkbenchError for a line that no score of these models can come near."""
    bounds = [_bounds(model) for model in models]
    low, high = min([0.0, *(one for one, _ in bounds)]), max([100.0, *(one for _, one in bounds)])
    if not low <= threshold <= high:
        raise WorkbenchError(
            f"a line lies within what scores can be, here {points(low)} to {points(high)} points; "
            f"{points(threshold) if isfinite(threshold) else threshold} came."
        )


def _bounds(model: ScoreModel) -> tuple[float, float]:
    """What a model's rules can add up to at least and at most, its own limits counted and those of groups not."""
    low = sum(min((0, *_worth(rule))) for rule in model.rules)
    high = sum(max((0, *_worth(rule))) for rule in model.rules)
    return (
        low if model.minimum is None else max(low, model.minimum),
        high if model.maximum is None else min(high, model.maximum),
    )


def _worth(rule: Rule) -> tuple[float, ...]:
    """Points by what a rule finds; of associated records there may be any number."""
    return rule.worth if rule.associated is None else tuple(MOST_RECORDS * one for one in rule.record_worth)


def next_version(workspace: Workspace, model: ScoreModel) -> int:
    """The first version of this name that is not taken."""
    models, _ = titled_models(workspace)
    return max([one.version for one in models.values() if one.name == model.name], default=0) + 1


def save_version(workspace: Workspace, model: ScoreModel) -> tuple[Path, ScoreModel]:
    """Keep a model as a new version, in a file of its own; no file is ever overwritten.

    Raises
    ------
    WorkbenchError
        Where the file cannot be written.
    """
    version = next_version(workspace, model)
    name = re.sub(r"[^0-9a-z]+", "-", model.name.casefold()).strip("-")[:60] or "model"
    while True:
        kept = replace(model, version=version)
        file = workspace.saved_models / f"score-{name}-{version}.yaml"
        try:
            file.parent.mkdir(exist_ok=True)
            with file.open("x", encoding="utf-8", newline="\n") as opened:
                opened.write(kept.to_yaml())
        except FileExistsError:
            version += 1
            continue
        except OSError as fault:
            raise WorkbenchError(
                f"the new version cannot be kept beside the workspace ({fault.strerror}); take the file score.yaml "
                "instead."
            ) from fault
        return file, kept
