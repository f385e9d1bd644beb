"""One file of a Workspace gone, cut or strange: a sentence that says which, and the next import puts it right."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import workbench.loaders as loaders
from workbench.errors import WorkbenchError
from workbench.loaders.workspace import Workspace

HEADER = "Record ID,First Name,Last Name,Email,Create Date\n"
FIRST = HEADER + "101,Ada,Byron,ada@acme.example,2026-01-02\n102,Grace,Hill,grace@acme.example,2026-01-03\n"
SECOND = HEADER + "301,Ada,Byron,ada@acme.example,2026-02-02\n302,Grace,Hill,grace@acme.example,2026-02-03\n"


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "contacts.csv").write_text(FIRST, encoding="utf-8")
    return folder


@pytest.fixture
def home(exports: Path, tmp_path: Path) -> Path:
    """A Workspace of 101 and 102."""
    return loaders.load(exports, to=tmp_path / "home").path


def snapshot(home: Path) -> Path:
    (folder,) = (home / "snapshots").iterdir()
    return folder


def said(read: Callable[[], object]) -> str:
    with pytest.raises(WorkbenchError) as error:
        read()
    return str(error.value)


def changed(**entries: object) -> Callable[[str], str]:
    """A JSON text with other entries; None takes one away."""

    def change(text: str) -> str:
        there = json.loads(text) | entries
        return json.dumps({name: value for name, value in there.items() if value is not None})

    return change


def ids(home: Path) -> list[str]:
    found: list[str] = loaders.open_workspace(home).contacts["hs_object_id"].tolist()
    return found


POINTERS: list[tuple[Callable[[str], str], str]] = [
    (lambda _: "[]", "names no snapshot in it"),
    (lambda _: "5", "names no snapshot in it"),
    (lambda _: "", "cannot be read (Expecting value"),
    (lambda _: "[" * 100_000, "cannot be read ("),
    (changed(snapshot=None), "names no snapshot in it"),
    (changed(snapshot=5), "names no snapshot in it"),
    (changed(snapshot=".."), "names no snapshot in it"),
    (changed(snapshot="../../evil"), "names no snapshot in it"),
    (changed(before=["../../evil"]), "names no snapshot in it"),
    (changed(before=7), "names no snapshot in it"),
    (changed(format=99), "was written by another version of the workbench"),
    (changed(snapshot="gone"), "cannot be read ("),
]

MANIFESTS: list[tuple[Callable[[str], str], str]] = [
    (lambda _: "[]", "cannot be read ("),
    (lambda text: text[:40], "cannot be read ("),
    (changed(tables=5), "cannot be read (5 is no object)"),
    (changed(tables={"contacts": "many"}), "cannot be read (its name or its rows have another type)"),
    (changed(sources=5), "cannot be read (5 is no object)"),
    (changed(options=[]), "cannot be read ([] is no object)"),
    (changed(as_of="soon"), "cannot be read (Invalid isoformat string"),
    (changed(as_of=5), "cannot be read ("),
    (changed(name=5), "cannot be read ("),
    (changed(version=None), "cannot be read ("),
    (changed(format=99), "was written by another version of the workbench"),
]


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [("current.json", *pointer) for pointer in POINTERS] + [("manifest.json", *manifest) for manifest in MANIFESTS],
)
def test_what_points_to_the_tables_is_broken(
    exports: Path, home: Path, name: str, change: Callable[[str], str], sentence: str
) -> None:
    (broken,) = home.rglob(name)
    broken.write_text(change(broken.read_text(encoding="utf-8")), encoding="utf-8")
    told = said(lambda: loaders.open_workspace(home))
    assert sentence in told
    assert told.endswith(": import the exports again.")
    loaders.load(exports, to=home)
    assert ids(home) == ["101", "102"]
    assert sorted(entry.name for entry in home.iterdir()) == [".lock", "current.json", "snapshots"]
    assert said(lambda: loaders.undo_import(loaders.open_workspace(home))).startswith("nothing was here before")


READ: list[Callable[[Workspace], object]] = [
    lambda ws: ws.contacts,
    lambda ws: ws.columns("contacts"),
    lambda ws: ws.table("contacts", columns=["email"]),
    lambda ws: ws.table("contacts", engine="duckdb"),
    lambda ws: ws.table("contacts", engine="polars"),
    loaders.audit,
    loaders.find_duplicates,
    lambda ws: ws.timeline(101),
    lambda ws: ws.changes(since="2026-01-01"),
    lambda ws: ws.associations,
]


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-30])


@pytest.mark.parametrize(
    ("damage", "how"),
    [
        (Path.unlink, "No such file or directory"),
        (lambda file: file.write_bytes(b""), "it is empty"),
        (cut, "it is cut off"),
        (lambda file: file.write_bytes(b"PAR1" + b"\0" * 50 + b"PAR1"), "it is damaged"),
    ],
)
def test_a_table_whose_file_is_broken_says_so_wherever_it_is_read(
    exports: Path, home: Path, damage: Callable[[Path], object], how: str
) -> None:
    file = snapshot(home) / "contacts.parquet"
    damage(file)
    ws = loaders.open_workspace(home)
    for read in READ if how != "it is damaged" else READ[:5]:
        assert said(lambda read=read: read(ws)) == f"{file} cannot be read ({how}): import the exports again."
    loaders.load(exports, to=home)
    assert ids(home) == ["101", "102"]
    assert len(loaders.find_duplicates(loaders.open_workspace(home)).frame()) == 0


def test_a_table_that_lost_rows_is_imported_again(exports: Path, home: Path, tmp_path: Path) -> None:
    one = tmp_path / "one.csv"
    one.write_text(FIRST[: FIRST.index("102")], encoding="utf-8")
    shutil.copy(snapshot(loaders.load(one, to=tmp_path / "other").path) / "contacts.parquet", snapshot(home))
    assert ids(home) == ["101"]
    loaders.load(exports, to=home)
    assert ids(home) == ["101", "102"]


@pytest.mark.parametrize(
    ("name", "text", "how"),
    [
        ("report.json", None, "No such file or directory"),
        ("report.json", '{"files": [', "it is damaged"),
        ("report.json", "[]", "it is damaged"),
        ("report.json", "{}", "it is damaged"),
        ("faults.parquet", None, "No such file or directory"),
        ("faults.parquet", "PAR1", "it is damaged"),
    ],
)
def test_a_broken_report_says_so(exports: Path, home: Path, name: str, text: str | None, how: str) -> None:
    file = snapshot(home) / name
    file.unlink()
    if text is not None:
        file.write_text(text, encoding="utf-8")
    ws = loaders.open_workspace(home)
    if name == "report.json" or text is None:
        for read in (lambda: ws.report, lambda: loaders.audit(ws)):
            assert said(read) == f"{file} cannot be read ({how}): import the exports again."
    loaders.load(exports, to=home)
    assert len(loaders.open_workspace(home).report.frame()) == 0


def test_an_old_snapshot_that_is_broken_is_no_obstacle(exports: Path, home: Path) -> None:
    old = snapshot(home)
    (exports / "contacts.csv").write_text(SECOND, encoding="utf-8")
    ws = loaders.load(exports, to=home)
    assert [one.name for one in ws.snapshots] == [old.name, ws.folder.name]
    manifest = old / "manifest.json"
    whole = manifest.read_text(encoding="utf-8")
    manifest.write_text("{", encoding="utf-8")
    assert [one.name for one in ws.snapshots] == [ws.folder.name]
    assert "There is no earlier snapshot" in ws.changes(since="2026-01-20").notes[0]
    assert "cannot be read" in said(lambda: ws.opened_at(old.name))
    assert loaders.before_import(ws) is None
    assert said(lambda: loaders.undo_import(ws)).startswith("nothing was here before")
    assert ids(home) == ["301", "302"]
    manifest.write_text(whole, encoding="utf-8")
    assert loaders.undo_import(ws).contacts["hs_object_id"].tolist() == ["101", "102"]


def test_a_broken_state_is_none_to_go_back_to(exports: Path, home: Path) -> None:
    first = snapshot(home)
    (exports / "contacts.csv").write_text(SECOND, encoding="utf-8")
    second = loaders.load(exports, to=home).folder
    (second / "contacts.parquet").unlink()
    (exports / "contacts.csv").write_text(SECOND.replace("Hill", "Hall"), encoding="utf-8")
    ws = loaders.load(exports, to=home)
    assert loaders.undo_import(ws).folder == first


def test_the_snapshot_that_is_put_right_keeps_its_name_and_what_was_before_it(exports: Path, home: Path) -> None:
    first = snapshot(home)
    (exports / "contacts.csv").write_text(SECOND, encoding="utf-8")
    second = loaders.load(exports, to=home).folder
    (second / "contacts.parquet").unlink()
    ws = loaders.load(exports, to=home)
    assert ws.folder == second
    assert ws.contacts["hs_object_id"].tolist() == ["301", "302"]
    assert loaders.undo_import(ws).folder == first


def test_a_broken_workspace_is_not_replaced_by_an_import_that_fails(exports: Path, home: Path) -> None:
    (snapshot(home) / "contacts.parquet").unlink()
    before = sorted(entry.relative_to(home) for entry in home.rglob("*"))
    (exports / "contacts.csv").write_bytes(b"%PDF")
    said(lambda: loaders.load(exports, to=home))
    assert sorted(entry.relative_to(home) for entry in home.rglob("*")) == before


def test_only_a_snapshot_that_is_there_is_opened(home: Path) -> None:
    ws = loaders.open_workspace(home)
    for name in (5, "../../evil", "..", "", "gone", "a\0b"):
        assert said(lambda name=name: ws.opened_at(name)) == (
            f"unknown snapshot {name!r} of exports; there are {snapshot(home).name!r}."
        )
