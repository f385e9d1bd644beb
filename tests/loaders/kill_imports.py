"""Run as a program: import into a Workspace, be killed at many moments, and open what is there each time.

`kill_imports.py FOLDER SEED`, where FOLDER/one and FOLDER/two hold exports. Prints how often which import was found
whole. Imports and looks happen in forked children: the parent has the modules loaded and runs no thread.
"""

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import duckdb  # noqa: F401
import pandas  # noqa: F401
import pyarrow.parquet  # noqa: F401

from workbench.errors import WorkbenchError
from workbench.loaders import load, open_workspace

KILLS = 20
STEPS = ("os.rename", "shutil.rmtree")


def forked(work: Callable[[], object]) -> int:
    """A child that does `work` and ends with 0."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
            sys.stderr.flush()
            os._exit(1)
        os._exit(0)
    return child


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def look(home: Path) -> None:
    """Ends with 0 where a Workspace is there and every table of it is whole; says which import it is."""
    ws = open_workspace(home)
    for name, rows in ws.manifest.tables.items():
        assert len(ws.table(name)) == rows, name
    assert ws.report.rows_read == ws.report.rows_loaded + ws.report.rows_set_aside
    assert len(ws.report.frame()) == sum(ws.report.counts.values())
    assert set(ws.contacts["firstname"]) == {ws.name}
    (home.parent / "found").write_text(ws.name)


def killed_before(step: str, number: int, work: Callable[[], object]) -> Callable[[], object]:
    """`work`, ended as by a power cut right before its file system step of that kind and number."""

    def run() -> object:
        left = number

        def watch(event: str, _: object) -> None:
            nonlocal left
            if event == step:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        return work()

    return run


def main(folder: Path, seed: int) -> None:
    home, found = folder / "home", Counter[str]()

    def found_there() -> str:
        assert ended(forked(lambda: look(home))) == 0
        return (folder / "found").read_text()

    start = time.perf_counter()
    assert ended(forked(lambda: load(folder / "one", to=home))) == 0
    seconds = time.perf_counter() - start
    dice = random.Random(seed)
    for _ in range(KILLS):
        there = found_there()
        other = "two" if there == "one" else "one"
        child = forked(lambda other=other: load(folder / other, to=home))
        time.sleep(dice.uniform(0, seconds))
        os.kill(child, signal.SIGKILL)
        killed = ended(child) == -signal.SIGKILL
        after = found_there()
        found["another" if after == other else "the old"] += 1
        assert after in ((there, other) if killed else (other,))
    for step in STEPS:
        for number in range(1, 20):
            there = found_there()
            other = "two" if there == "one" else "one"
            code = ended(forked(killed_before(step, number, lambda other=other: load(folder / other, to=home))))
            if code == 0:
                break
            assert code == -signal.SIGKILL
            found[step] += 1
            assert found_there() in ((there,) if step == "os.rename" else (there, other))
    # an import that was killed is no obstacle to the next, and leaves nothing once that is done
    assert ended(forked(lambda: load(folder / "two", to=home))) == 0
    assert ended(forked(lambda: load(folder / "one", to=home))) == 0
    assert found_there() == "one"
    found["left behind"] = len(list(home.glob(".import-*")))
    # one whose table is gone is put right by the next import, wherever the one before it was killed
    for number in range(1, 20):
        (home / "snapshots" / open_workspace(home).folder.name / "contacts.parquet").unlink()
        code = ended(forked(killed_before("os.rename", number, lambda: load(folder / "one", to=home))))
        assert ended(forked(lambda: load(folder / "one", to=home))) == 0
        assert found_there() == "one"
        if code == 0:
            break
        found["healed"] += 1
    # killed at its first import, a folder is no Workspace, and one can be made in it
    fresh = folder / "fresh"
    for number in range(1, 3):
        assert ended(forked(killed_before("os.rename", number, lambda: load(folder / "one", to=fresh)))) < 0
        try:
            open_workspace(fresh)
        except WorkbenchError:
            found["no Workspace"] += 1
    assert ended(forked(lambda: load(folder / "one", to=fresh))) == 0
    assert ended(forked(lambda: look(fresh))) == 0
    sys.stdout.write(repr(dict(found)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
