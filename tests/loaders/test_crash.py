"""Whatever happens to an import, the Workspace that was there is whole: killed, beside another, on a full disk."""

from __future__ import annotations

import ast
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

import workbench.loaders as loaders

HERE = Path(__file__).parent


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    """Folders `one` and `two`, whose contacts bear the folder's name."""
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        rows = range(1, 2_001)
        contacts = "".join(f"{row},{name},{row}@{name}.example,2026-01-{row % 28 + 1:02d}\n" for row in rows)
        (folder / "contacts.csv").write_text("Record ID,First Name,Email,Create Date\n" + contacts, encoding="utf-8")
        deals = "".join(f"{row},Deal {row},{row}00,soon\n" for row in rows)
        (folder / "deals.csv").write_text("Record ID,Deal Name,Amount,Close Date\n" + deals, encoding="utf-8")
    return tmp_path


def test_an_import_that_is_killed_at_any_moment_leaves_the_workspace_whole(exports: Path) -> None:
    ran = subprocess.run(
        [sys.executable, str(HERE / "kill_imports.py"), str(exports), "20"], capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stderr
    found = ast.literal_eval(ran.stdout)
    assert found.pop("another", 0) + found.pop("the old") == 20
    assert found.pop("os.rename") >= 1
    assert found.pop("shutil.rmtree") >= 1
    assert found == {"left behind": 0, "healed": 3, "no Workspace": 2}


IMPORT = """
import sys
from workbench.loaders import load
print(load(sys.argv[1], to=sys.argv[2], progress=lambda done, what: print(what, flush=True)).name)
"""


def test_two_imports_at_once_wait_for_each_other(exports: Path) -> None:
    home = exports / "home"
    loaders.load(exports / "one", to=home)
    with (home / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [sys.executable, "-c", IMPORT, str(exports / "two"), str(home)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as second:
            assert second.stdout
            assert second.stdout.readline() == f"waiting for another import into {home} to end\n"
            assert loaders.open_workspace(home).name == "one"
            fcntl.flock(lock, fcntl.LOCK_UN)
            assert second.stdout.read().splitlines()[-1] == "two"
    assert loaders.open_workspace(home).name == "two"


def test_two_imports_that_begin_together_both_end_well(exports: Path) -> None:
    home = exports / "home"
    commands = [[sys.executable, "-c", IMPORT, str(exports / name), str(home)] for name in ("one", "two")]
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    assert [process.wait(60) for process in running] == [0, 0]
    assert sorted(path.name for path in home.iterdir()) == [".lock", "current.json", "snapshots"]
    assert len(list((home / "snapshots").iterdir())) == 2
    ws = loaders.open_workspace(home)
    assert set(ws.contacts["firstname"]) == {ws.name}


def test_a_lock_whose_holder_is_gone_is_no_obstacle(exports: Path) -> None:
    home = exports / "home"
    home.mkdir()
    (home / ".lock").write_text("31415")
    assert loaders.load(exports / "one", to=home).name == "one"


def test_going_back_to_an_older_import_gives_it_whole(exports: Path) -> None:
    home = exports / "home"
    for name in ("one", "two", "one"):
        assert set(loaders.load(exports / name, to=home).contacts["firstname"]) == {name}
    assert len(list((home / "snapshots").iterdir())) == 2


def test_a_first_import_that_fails_leaves_no_workspace_behind(exports: Path) -> None:
    broken = exports / "broken.csv"
    broken.write_bytes(b"%PDF")
    kept = exports / "kept"
    kept.mkdir()
    for home in (exports / "new" / "a" / "b", exports / "new", kept):
        with pytest.raises(loaders.importing.WorkbenchError, match="a PDF"):
            loaders.load(broken, to=home)
    assert not (exports / "new").exists()
    assert list(kept.iterdir()) == []


def test_a_file_that_changes_while_it_is_read_is_not_taken(exports: Path) -> None:
    home = exports / "home"
    loaders.load(exports / "one", to=home)
    deals = exports / "two" / "deals.csv"

    def write(_: float, what: str) -> None:
        if what == "deals.csv":
            with deals.open("a") as file:
                file.write("9999,One more,1,2026-01-01\n")

    with pytest.raises(loaders.importing.WorkbenchError) as error:
        loaders.load(exports / "two", to=home, progress=write)
    sentence = "deals.csv changed while it was read: import again when nothing writes to it any more."
    assert str(error.value) == sentence
    assert loaders.open_workspace(home).name == "one"
    with pytest.raises(loaders.importing.WorkbenchError) as error:
        loaders.load(exports / "two", to=home, progress=lambda _, what: what == "deals.csv" and deals.unlink())
    assert str(error.value) == sentence
    assert sorted(path.name for path in home.iterdir()) == [".lock", "current.json", "snapshots"]


FULL = """
import resource, sys
from pathlib import Path
from workbench.errors import WorkbenchError
from workbench.loaders import load, open_workspace
home = Path(sys.argv[2])
for room in map(int, sys.argv[3:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    try:
        load(sys.argv[1], to=home)
    except WorkbenchError as error:
        print(error)
    ws = open_workspace(home)
    print(ws.name, len(ws.contacts), sorted(path.name for path in home.iterdir()))
"""


def test_a_full_disk_is_said_and_changes_nothing(exports: Path) -> None:
    home = exports / "home"
    loaders.load(exports / "one", to=home)
    told = subprocess.run(
        [sys.executable, "-c", FULL, str(exports / "two"), str(home), "1", "400", "9000"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    sentence = (
        f"the Workspace cannot be written to {home}: there is no room left; make room, or import to another disk. "
        "Nothing was changed."
    )
    assert told == [sentence, "one 2000 ['.lock', 'current.json', 'snapshots']"] * 3


LOCKED = """
import os, sys
from pathlib import Path
from workbench.errors import WorkbenchError
from workbench.loaders import load
import duckdb, pandas, pyarrow.parquet, filelock
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
for path, home in zip(sys.argv[1::2], sys.argv[2::2]):
    try:
        print(load(path, to=Path(home)).name)
    except WorkbenchError as error:
        print(error)
"""


def test_a_folder_that_may_only_be_read_is_said(exports: Path) -> None:
    home, secret = exports / "home", exports / "secret.csv"
    loaders.load(exports / "one", to=home)
    secret.write_text("Record ID,First Name\n1,Ada\n", encoding="utf-8")
    shut, free = exports / "shut", exports / "free"
    shut.mkdir()
    free.mkdir()
    free.chmod(0o777)
    for parent in [*exports.parents, exports]:
        if parent.stat().st_uid == os.getuid() and parent.is_relative_to(exports.parents[2]):
            parent.chmod(0o755)
    for path, mode in ((secret, 0), (home, 0o555), (shut, 0o555), (home / ".lock", 0o444)):
        path.chmod(mode)
    pairs = [(exports / "two", home), (exports / "two", shut), (exports / "one", home), (secret, free)]
    ran = subprocess.run(
        [sys.executable, "-c", LOCKED, *[str(path) for pair in pairs for path in pair]], capture_output=True, text=True
    )
    assert ran.stdout.splitlines() == [
        f"the Workspace cannot be written to {home}: Permission denied. Nothing was changed.",
        f"the Workspace cannot be written to {shut}: Permission denied. Nothing was changed.",
        "one",  # what is there already needs no writing
        f"{secret} cannot be read: Permission denied.",
    ], ran.stderr
