"""Notebooks tell, the package does. That they run and still say what they say, nbval holds (`make test`)."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import nbformat
import pytest

import workbench as wb
from workbench.dashboards import PAGES

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook: Any) -> str:
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def test_every_page_has_its_notebook() -> None:
    assert {path.stem for path in NOTEBOOKS} >= set(PAGES)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_defines_nothing_and_uses_only_public_names(path: Path) -> None:
    for cell in code(read(path)):
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda)
            if isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("workbench"), f"{path.name}: {ast.unparse(node)}"
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "wb":
                assert node.attr in wb.__all__
            if isinstance(node, ast.Attribute):
                assert not node.attr.startswith("_")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_keeps_the_texts_that_are_compared_and_nothing_else(path: Path) -> None:
    assert "widgets" not in read(path).metadata
    for cell in code(read(path)):
        compared = "nbval-check-output" in cell.metadata.get("tags", [])
        assert bool(cell.outputs) == compared
        for output in cell.outputs:
            kinds = {"text/plain"} if output.output_type == "execute_result" else set()
            assert set(output.get("data", {})) == kinds
            assert output.output_type in ("execute_result", "stream")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_each_question_says_how_to_read_its_answer_and_what_to_do(path: Path) -> None:
    notebook = read(path)
    questions = sum("nbval-check-output" in cell.metadata.get("tags", []) for cell in code(notebook))
    assert questions
    assert prose(notebook).count("**How to read it.**") == questions
    assert prose(notebook).count("**What to do.**") == questions


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_widgets_come_last_and_once(path: Path) -> None:
    cells = code(read(path))
    assert ["dashboard" in cell.metadata.get("tags", []) for cell in cells] == [False] * (len(cells) - 1) + [True]
    assert read(path).metadata["workbench"]["title"] == prose(read(path)).splitlines()[0].removeprefix("# ")


def test_a_notebook_names_no_place_of_the_machine_it_ran_on() -> None:
    for path in NOTEBOOKS:
        text = path.read_text(encoding="utf-8")
        assert not any(word in text for word in ("/home/", str(Path.home()), "/tmp/", "Users\\\\"))  # noqa: S108
