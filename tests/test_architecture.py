"""Imports go one way, and importing the package does no work."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import workbench

PACKAGE = Path(workbench.__file__).parent

LAYERS = [
    {"errors", "sql", "wording"},
    {"stats", "catalog", "privacy", "spreadsheets"},
    {"engines", "loaders", "conditions"},
    {"outcomes"},
    {"segments"},
    {"scoring"},
    {"calibration", "improvements", "reports", "handovers"},
    {"charts"},
    {"dashboards", "sample"},
    {"cli"},
]
FLOOR = {name: floor for floor, names in enumerate(LAYERS) for name in names}
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def home(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """The workbench modules that a file imports, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            parts = node.module.split(".")
            if parts == ["workbench"]:
                found |= {alias.name for alias in node.names}
            elif parts[0] == "workbench":
                found.add(parts[1])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("workbench.")}
        assert not (isinstance(node, ast.ImportFrom) and node.level), f"{path}: relative import"
    return found


def outside(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
    return found


def test_every_module_has_a_floor() -> None:
    assert {home(path) for path in FILES} <= set(FLOOR)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_import_runs_back(path: Path) -> None:
    back = {name for name in imported(path) if name in FLOOR and FLOOR[name] > FLOOR[home(path)]}
    assert not back, f"{path.name} imports from above: {sorted(back)}"


def test_nobody_but_the_command_line_knows_the_sample() -> None:
    knows = {home(path) for path in FILES if "sample" in imported(path)}
    assert knows <= {"cli", "sample"}


def test_only_charts_import_plotly() -> None:
    assert {home(path) for path in FILES if "plotly" in outside(path)} == {"charts"}


def test_only_dashboards_import_widgets() -> None:
    assert {home(path) for path in FILES if outside(path) & {"ipywidgets", "anywidget", "voila"}} <= {"dashboards"}


def test_nothing_below_the_command_line_reads_the_clock() -> None:
    readers = {"now", "utcnow", "today"}
    for path in FILES:
        if home(path) in {"cli", "dashboards"}:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in readers
            assert not named, f"{path.name}:{node.lineno} reads the clock"


def test_importing_the_package_does_no_work() -> None:
    probe = (
        "import sys, workbench; print(sorted({'pandas', 'numpy', 'duckdb', 'plotly', 'narwhals'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_every_public_name_is_there() -> None:
    for name in workbench.__all__:
        assert getattr(workbench, name) is not None
    with pytest.raises(AttributeError, match="module 'workbench' has no attribute 'nothing'"):
        _ = workbench.nothing  # type: ignore[attr-defined]


def test_no_public_function_has_the_name_of_a_module() -> None:
    modules = {path.stem for path in PACKAGE.glob("*.py")} | {path.name for path in PACKAGE.iterdir() if path.is_dir()}
    assert set(workbench._HOME) & modules == set()  # an imported module would stand in the function's place
