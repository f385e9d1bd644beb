"""Where the page keeps decisions: in the Workspace, whatever is imported into it next."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path

from workbench.calibration import Calibration, Decision, decide, decisions
from workbench.calibration.decision import decisions_file
from workbench.errors import WorkbenchError
from workbench.loaders import Workspace
from workbench.scoring import ScoreModel


@dataclass(frozen=True, slots=True)
class Ledger:
    """The decisions on one score.

    `file` is the model's file as it would be in the Workspace, beside which decisions lie; `imported` the model's file
    that came with the export, beside which there may be older ones.
    """

    file: Path
    imported: Path | None

    def read(self) -> list[Decision]:
        """All decisions, oldest first: the Workspace's, or those of the export where these are more.

        Raises
        ------
        WorkbenchError
            Where a file was changed by hand.
        """
        own = decisions(self.file)
        came = [] if self.imported is None else decisions(self.imported)
        return came if len(came) > len(own) else own

    def decide(
        self,
        calibration: Calibration,
        *,
        threshold: float,
        author: str,
        reason: str,
        on: date,
        scored_by: ScoreModel | None = None,
        sales_can_take: float | None = None,
    ) -> Decision:
        """Put a line on file, in place of the one that stands.

        Raises
        ------
        WorkbenchError
            Where a text is missing, the line lies outside the score's range, or a file was changed by hand.
        """
        found = self.read()
        if self.imported is not None and found != decisions(self.file):
            shutil.copyfile(decisions_file(self.imported), decisions_file(self.file))
        return decide(
            self.file,
            calibration,
            threshold=threshold,
            reason=reason,
            author=author,
            on=on,
            replaces=found[-1].threshold if found else None,
            scored_by=scored_by,
            sales_can_take=sales_can_take,
        )

    def content(self) -> bytes:
        """The file of all decisions."""
        file = decisions_file(self.file)
        return (file if file.exists() or self.imported is None else decisions_file(self.imported)).read_bytes()


def ledger_of(workspace: Workspace, score: str, imported: Path | None) -> Ledger:
    """The Ledger of a score: a model's by the name of its file, a column's by its own."""
    name = f"{_plain(score)}.yaml" if imported is None else imported.name
    return Ledger(workspace.path / name, imported)


def standing_decision_of(workspace: Workspace, model: ScoreModel) -> Decision | None:
    """The decision that stands for a model; all its versions share the decisions of its first file.

    Raises
    ------
    WorkbenchError
        Where a file was changed by hand.
    """
    found = ledger_of(workspace, model.name, _first_file(workspace, model.name)).read()
    return found[-1] if found else None


def _first_file(workspace: Workspace, name: str) -> Path | None:
    for file in workspace.model_files:
        try:
            if ScoreModel.read(file).name == name:
                return file
        except WorkbenchError:  # told by the page
            continue
    return None


def _plain(name: str) -> str:
    """A name that any file system takes; two scores' names must not meet."""
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:60]
    return plain if plain == name else f"{plain}-{sha256(name.encode()).hexdigest()[:8]}"
