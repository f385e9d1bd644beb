"""What tests of several modules need: pages that are really served, and a local Spark."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

if importlib.util.find_spec("pyspark") is None:
    WHY_NO_SPARK = "pyspark is not installed"
elif shutil.which("java") is None and "JAVA_HOME" not in os.environ:
    WHY_NO_SPARK = "no Java on this machine"
else:
    WHY_NO_SPARK = ""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without Java, tests on Spark are left out, and the summary says so."""
    if WHY_NO_SPARK:
        left_out = [item for item in items if item.get_closest_marker("spark")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """For `make test`: each file is a piece of work; those that open a browser are one, so that no two run at once."""
    from xdist.scheduler import LoadFileScheduling

    class OneBrowser(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "tests/browser" if nodeid.startswith("tests/browser/") else super()._split_scope(nodeid)

    return OneBrowser(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if WHY_NO_SPARK:
        terminalreporter.write_line(f"Spark was not tried: {WHY_NO_SPARK}", yellow=True)


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """A session of local Spark, quiet and reachable from this machine only."""
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # pyspark's word on pandas 3, when it is imported
        from pyspark.sql import SparkSession

        session = (
            SparkSession.builder.master("local[2]")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.log.level", "ERROR")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .getOrCreate()
        )
    yield session
    session.stop()


READY = re.compile(r"ready: (http://\S+)")
SECONDS_TO_START = 120


@dataclass(frozen=True, slots=True)
class Served:
    """A running `workbench serve`."""

    address: str
    process: subprocess.Popen[bytes]
    log: Path


@pytest.fixture(scope="session")
def serve_pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Served]]:
    """`serve_pages(workspace, notebooks=None, *options)`: the command `workbench serve` on a free port."""
    running: list[subprocess.Popen[bytes]] = []

    def serve(workspace: Path, notebooks: Path | None = None, *options: str) -> Served:
        log = tmp_path_factory.mktemp("served") / "log"
        chosen = () if notebooks is None else ("--notebooks", str(notebooks))
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "workbench.cli", "serve", str(workspace), "--port", "0", *chosen, *options],
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        running.append(process)
        give_up = time.monotonic() + SECONDS_TO_START
        while not (ready := READY.search(log.read_text(errors="replace"))):
            assert process.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < give_up, log.read_text(errors="replace")
            time.sleep(0.1)
        return Served(ready[1], process, log)

    yield serve
    for process in running:
        process.send_signal(signal.SIGINT)
    for process in running:
        process.wait(30)


def write_notebook(path: Path, *cells: str, shown: str = "", **about: object) -> Path:
    """A notebook of code cells, the last of which, `shown`, is tagged as the page."""
    notebook = nbformat.v4.new_notebook(metadata={"workbench": about})
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    notebook.cells.append(nbformat.v4.new_code_cell(shown, metadata={"tags": ["dashboard"]}))
    nbformat.write(notebook, path)
    return path


@pytest.fixture(scope="session")
def notebook_writer() -> Callable[..., Path]:
    """`write(path, *cells, shown=..., title=..., link=..., order=...)` makes a notebook with a page."""
    return write_notebook


@pytest.fixture(scope="session")
def tiny_export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one small export: ten contacts with a score, four of whom bought."""
    folder = tmp_path_factory.mktemp("tiny")
    rows = [f"{100 + i},Contact {i},{10 * i},{'customer' if i in (5, 7, 8, 9) else 'lead'}" for i in range(10)]
    text = "\r\n".join(["Record ID,First Name,Fit Score,Lifecycle Stage", *rows, ""])
    (folder / "hubspot-crm-exports-all-contacts-2026-06-30.csv").write_text(text, encoding="utf-8", newline="")
    return folder


STAND_IN = """
import ipywidgets as widgets
import numpy as np

from workbench.dashboards.figure import FigureView

scores = np.arange(0, 100, 10)
leads = np.array([5, 9, 20, 44, 60, 52, 31, 18, 7, 2])
figure = FigureView(
    line=40.0, line_steps=[float(score) for score in scores], line_offset=-5.0, line_label="hand over from {}",
    description="Histogram of the score",
)
figure.add_class("first")
answer = widgets.HTML().add_class("wb-answer")
extra = widgets.IntSlider(value=0, min=0, max=50, description="Points")
clicked = widgets.HTML().add_class("clicked")
fail = widgets.Button(description="Fail")
secret = "a name that only the kernel knows"


def draw(_=None):
    heights = leads + extra.value
    figure.show({"data": [{"type": "bar", "x": scores, "y": heights}], "layout": {"yaxis": {"range": [0, 120]}}})
    answer.value = f"From {figure.line:g} points on {heights[scores >= figure.line].sum()} leads go to sales."


def break_down(_):
    raise ValueError(secret)


def tell(change):
    clicked.value = f"the bar at {change['new']['x']} of trace {change['new']['trace']}"


figure.observe(draw, "line")
figure.observe(tell, "clicked")
extra.observe(draw, "value")
fail.on_click(break_down)
draw()
"""
"""Code of a small page that has what every page has."""


@pytest.fixture(scope="session")
def stand_in_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Notebooks of three pages: one that works, one whose data is wrong, one with a mistake of the programmer's."""
    folder = tmp_path_factory.mktemp("notebooks")
    write_notebook(
        folder / "line.ipynb",
        STAND_IN,
        "print('not for the page'); 'nor this'",
        shown="widgets.VBox([answer, figure, extra, fail, clicked, widgets.HTML('Tiny GmbH').add_class('wb-source')])",
        title="Where is the line?",
        link="Line & co",
        order=1,
    )
    wrong = "from workbench.errors import WorkbenchError\nraise WorkbenchError('no <b>score</b> is there; give one.')"
    write_notebook(folder / "wrong_data.ipynb", wrong, shown="'never shown'", order=2)
    write_notebook(folder / "mistake.ipynb", "{}['the secret key']", shown="'never shown'", order=3)
    (folder / "notes.txt").write_text("not a page")
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")]), folder / "no_page.ipynb")
    return folder


@pytest.fixture(scope="session")
def stand_in_pages(tiny_export: Path, stand_in_folder: Path, serve_pages: Callable[..., Served]) -> Served:
    """The stand-in pages, served."""
    return serve_pages(tiny_export, stand_in_folder)


@pytest.fixture(scope="session")
def token_pages(tiny_export: Path, stand_in_folder: Path, serve_pages: Callable[..., Served]) -> Served:
    """The stand-in pages, served to those who know the token `open-sesame`."""
    return serve_pages(tiny_export, stand_in_folder, "--token", "open-sesame")


RESTLESS = """
import asyncio

import ipywidgets as widgets
from comm import get_comm_manager

box, spare = widgets.VBox([]), []
loop = asyncio.get_running_loop()


def add(text):
    box.children = (*box.children, widgets.HTML(text))


def spare_one():
    spare[:] = spare or [widgets.HTML("made after the page was drawn")]


def greet(comm, message):
    spare_one()
    box.children = (*box.children, *spare)
    widgets.Widget.handle_control_comm_opened(comm, message)


loop.call_later(0.1, add, "made by a timer")
loop.call_later(0.8, spare_one)
get_comm_manager().register_target("jupyter.widget.control", greet)
"""
"""Code of a page whose widgets are made by timers: while other cells run, and between drawing and visit."""


@pytest.fixture(scope="session")
def restless_pages(
    tiny_export: Path, tmp_path_factory: pytest.TempPathFactory, serve_pages: Callable[..., Served]
) -> tuple[Served, Path]:
    """A page whose widgets come when they like, served to four visits at once; and the workspace it is served on."""
    notebooks, workspace = tmp_path_factory.mktemp("restless"), tmp_path_factory.mktemp("workspace")
    cells = [RESTLESS, "await asyncio.sleep(0.5)", "add('made by a cell')"]
    write_notebook(notebooks / "restless.ipynb", *cells, shown="box")
    return serve_pages(tiny_export, notebooks, "--to", str(workspace), "--visits", "4"), workspace
