"""A Workspace over time: what it keeps, and what changed."""

from pathlib import Path

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import WorkbenchError
from workbench.loaders import before_import, undo_import

HEAD = "Record ID,Email,Lifecycle Stage,Create Date,HubSpot Score,Became a Lead Date,Became a Customer Date\n"
MARCH = HEAD + (
    "1,ada@one.example,Lead,2026-01-01 10:00,10,2026-01-01 10:00,\n"
    "2,ben@two.example,Lead,2026-01-02 10:00,20,2026-01-02 10:00,\n"
    "3,cleo@three.example,Lead,2026-01-03 10:00,,2026-01-03 10:00,\n"
    "4,dora@four.example,Subscriber,2026-01-04 10:00,5,,\n"
    "5,ADA@one.example,,2026-01-05 10:00,5,,\n"
)
JUNE = (HEAD.strip() + ",Merged record IDs\n") + (
    "1,ada@one.example,Customer,2026-01-01 10:00,30,2026-01-01 10:00,2026-05-01 10:00,5\n"
    "3,cleo@three.example,Lead,2026-01-03 10:00,40,2026-01-03 10:00,,\n"
    "4,dora@four.example,Evangelist,2026-01-04 10:00,1,,,\n"
    "6,eve@six.example,Lead,2026-04-06 10:00,7,2026-04-06 10:00,,\n"
)
HISTORY = (
    "Object,Record ID,Property,Value,Change date\n"
    "contact,1,hubspotscore,10,2026-02-01 10:00\n"
    "contact,1,hubspotscore,30,2026-05-01 10:00\n"
    "contact,4,hubspotscore,5,2026-02-01 10:00\n"
    "contact,4,hubspotscore,9,2026-04-10 10:00\n"
    "contact,4,hubspotscore,1,2026-05-11 10:00\n"
    "contact,6,hubspotscore,7,2026-05-11 10:00\n"
)


def exports(folder: Path, day: str, text: str, history: str | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / f"all-contacts-{day}.csv").write_text(text)
    if history:
        (folder / f"property-history-{day}.csv").write_text(history)
    return folder


@pytest.fixture
def ws(tmp_path: Path) -> wb.Workspace:
    wb.load(exports(tmp_path / "march", "2026-03-31", MARCH), to=tmp_path / "home")
    return wb.load(exports(tmp_path / "june", "2026-06-30", JUNE), to=tmp_path / "home")


EXPECTED = [
    ["6", "new", None, "lead", "2026-04-06 10:00"],
    ["2", "gone", "lead", None, None],
    ["5", "merged", None, "1", None],
    ["1", "entered stage", "lead", "customer", "2026-05-01 10:00"],
    ["4", "entered stage", "subscriber", "evangelist", None],
    ["1", "score up", "10.0", "30.0", None],
    ["3", "score up", None, "40.0", None],
    ["4", "score down", "5.0", "1.0", None],
]


def told(found: object) -> list[list[object]]:
    frame = found.frame().copy()  # type: ignore[attr-defined]
    frame["at"] = frame["at"].dt.strftime("%Y-%m-%d %H:%M")
    return [[None if pd.isna(cell) else cell for cell in row] for row in frame.to_numpy().tolist()]


def test_every_import_is_kept_with_its_day_and_can_be_opened(ws, tmp_path):
    march, june = ws.snapshots
    assert (str(march.as_of.date()), str(june.as_of.date())) == ("2026-03-31", "2026-06-30")
    assert (march.rows, june.rows) == ({"contacts": 5}, {"contacts": 4})
    assert (march.is_current, june.is_current) == (False, True)
    assert june.path == ws.folder
    assert march.open().contacts["hs_object_id"].tolist() == ["1", "2", "3", "4", "5"]


def test_what_changed_between_two_snapshots(ws):
    found = ws.changes("2026-04-15")
    assert list(found.frame().columns) == ["contact", "change", "before", "after", "at"]
    assert told(found) == EXPECTED
    assert found.headline() == (
        "31 March 2026 to 30 June 2026: 1 new contact; 1 gone; 1 merged into others; 2 entries into "
        "stages (1 Customer, 1 Evangelist); 3 scores moved (2 up, 1 down)."
    )
    assert found.notes == ()


def test_what_changed_since_another_workspace(ws, tmp_path):
    before = wb.load(tmp_path / "march")
    assert told(ws.changes(before)) == EXPECTED


def test_without_an_earlier_snapshot_dates_and_history_tell(tmp_path):
    ws = wb.load(exports(tmp_path / "june", "2026-06-30", JUNE, HISTORY))
    found = ws.changes("2026-03-31")
    assert told(found) == [
        ["6", "new", None, "lead", "2026-04-06 10:00"],
        ["1", "entered stage", None, "customer", "2026-05-01 10:00"],
        ["1", "score up", "10.0", "30.0", "2026-05-01 10:00"],
        ["4", "score down", "5.0", "1.0", "2026-05-11 10:00"],
    ]
    assert found.notes[0].startswith("There is no earlier snapshot")
    without = wb.load(exports(tmp_path / "bare", "2026-06-30", JUNE)).changes("2026-03-31")
    assert without.notes[1] == "No history of hubspotscore was loaded: whose score moved is not known."


def test_a_merge_of_one_s_own_is_a_snapshot_and_a_change(ws, tmp_path):
    march = wb.load(tmp_path / "march", to=tmp_path / "other")
    after = wb.merge(march, wb.find_duplicates(march)).workspace
    assert len(after.snapshots) == 2
    assert told(after.changes(march)) == [
        ["5", "merged", None, "1", None],
    ]


def test_nothing_changed_is_said(ws):
    assert ws.changes(ws).headline() == (
        "30 June 2026 to 30 June 2026: 0 new contacts; 0 entries into stages; 0 scores moved (0 up, 0 down)."
    )


def test_importing_the_same_files_twice_changes_nothing(ws, tmp_path):
    def state() -> dict[str, tuple[int, int]]:
        found = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
        return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in found}

    before = state()
    again = wb.load(tmp_path / "june", to=tmp_path / "home")
    assert state() == before
    assert again.folder == ws.folder
    assert len(again.snapshots) == 2


def test_importing_an_older_export_again_makes_it_current_and_adds_none(ws, tmp_path):
    again = wb.load(tmp_path / "march", to=tmp_path / "home")
    assert [one.is_current for one in again.snapshots] == [True, False]


def test_an_import_is_undone_with_what_was_merged_since(ws):
    merged = wb.merge(ws, wb.find_duplicates(ws)).workspace
    back = undo_import(merged)
    assert (back.as_of.month, back.reopened().folder == back.folder, before_import(back)) == (3, True, None)
    with pytest.raises(WorkbenchError, match="nothing was here before march: there is no import to undo"):
        undo_import(back)
    with pytest.raises(WorkbenchError, match="june was changed since it was opened"):
        undo_import(ws)
    assert before_import(ws) is None


def test_an_import_can_be_undone_after_a_merge_was(tmp_path):
    wb.load(exports(tmp_path / "june", "2026-06-30", JUNE), to=tmp_path / "home")
    march = wb.load(exports(tmp_path / "march", "2026-03-31", MARCH), to=tmp_path / "home")
    unmerged = wb.undo_merge(wb.merge(march, wb.find_duplicates(march)).workspace)
    assert unmerged.folder == march.folder
    assert undo_import(unmerged).name == "june"


@pytest.mark.parametrize(
    ("since", "said"),
    [
        ("2026-07-01", "since is 2026-07-01, but home is of|is of 2026-06-30: give an earlier day"),
        ("soon", "not a date"),
        (None, "not a date"),
    ],
)
def test_what_is_no_earlier_day_is_said(ws, since, said):
    with pytest.raises(WorkbenchError, match=said):
        ws.changes(since)


def test_another_score_may_be_followed(tmp_path):
    march, june = MARCH.replace("HubSpot Score", "Fit score"), JUNE.replace("HubSpot Score", "Fit score")
    wb.load(exports(tmp_path / "march", "2026-03-31", march), to=tmp_path / "home")
    ws = wb.load(exports(tmp_path / "june", "2026-06-30", june), to=tmp_path / "home")
    assert ws.changes("2026-03-31", score="Fit score").frame()["change"].str.startswith("score").sum() == 3
    assert ws.changes("2026-03-31").frame()["change"].str.startswith("score").sum() == 0


BOTH = "Record ID,Email\n1,ada@one.example\n2,ADA@one.example\n"


def imported(tmp_path: Path, day: str, text: str) -> wb.Workspace:
    file = tmp_path / f"contacts-{day}.csv"
    file.write_text(text)
    return wb.load(file, to=tmp_path / "home")


def kinds(found: object) -> list[list[object]]:
    return [row[:2] for row in told(found)]


def test_a_merge_that_was_undone_is_not_compared(tmp_path):
    first = imported(tmp_path, "2025-01-01", BOTH)
    merged = wb.merge(first, wb.find_duplicates(first)).workspace
    wb.undo_merge(merged)
    assert kinds(imported(tmp_path, "2025-02-01", BOTH).changes("2025-01-15")) == []


def test_a_merge_that_stands_is_compared(tmp_path):
    first = imported(tmp_path, "2025-01-01", BOTH)
    wb.merge(first, wb.find_duplicates(first))
    assert kinds(imported(tmp_path, "2025-02-01", BOTH).changes("2025-01-15")) == [["2", "new"]]


@pytest.mark.parametrize("wrong", [f"Record ID,Email\n{number},x@one.example\n" for number in range(90, 94)])
def test_of_two_imports_of_one_day_the_one_that_was_current_last_is_compared(tmp_path, wrong):
    imported(tmp_path, "2025-01-01", wrong)
    imported(tmp_path, "2025-01-01", BOTH)
    ws = imported(tmp_path, "2025-02-01", BOTH + "3,ben@two.example\n")
    assert kinds(ws.changes("2025-01-15")) == [["3", "new"]]


def test_an_import_that_was_undone_is_not_compared(tmp_path):
    imported(tmp_path, "2025-01-01", BOTH)
    undo_import(imported(tmp_path, "2025-01-10", "Record ID,Email\n90,x@one.example\n"))
    ws = imported(tmp_path, "2025-02-01", BOTH)
    found = ws.changes("2025-01-15")
    assert (kinds(found), f"{found.since}") == ([], "2025-01-01")


@pytest.mark.parametrize(
    ("january", "february", "moved", "note"),
    [
        (
            "5 7 4",
            "high low medium",
            [],
            "3 contacts had or have a Fit that is no number: whether it moved is not known.",
        ),
        (
            "high low medium",
            "5 7 4",
            [],
            "3 contacts had or have a Fit that is no number: whether it moved is not known.",
        ),
        ("5 7 4", "6 low 4", [["1", "score up"]], "1 contact had or has a Fit that is no number: whether it moved"),
        ("A B C", "B A C", [], "3 contacts had or have a Fit that is no number: whether it moved is not known."),
        ("5 7 4", "6 1 4", [["1", "score up"], ["2", "score down"]], None),
    ],
)
def test_a_score_that_is_no_number_is_not_compared_and_counted(tmp_path, january, february, moved, note):
    for day, cells in (("2025-01-01", january), ("2025-02-01", february)):
        rows = "".join(f"{n},{cell}\n" for n, cell in enumerate(cells.split(), start=1))
        ws = imported(tmp_path, day, "Record ID,Fit\n" + rows)
    found = ws.changes("2025-01-15", score="Fit")
    assert kinds(found) == moved
    assert [one.startswith(note) for one in found.notes] == [True] * len(found.notes) if note else found.notes == ()
    assert bool(found.notes) == bool(note)


def test_a_score_that_is_not_there_is_said(tmp_path):
    imported(tmp_path, "2025-01-01", "Record ID,Email\n1,a@one.example\n")
    ws = imported(tmp_path, "2025-02-01", "Record ID,Email,Fit\n1,a@one.example,7\n")
    with pytest.raises(WorkbenchError) as error:
        ws.changes("2025-01-15", score="Fitt")
    assert str(error.value) == (
        "the contacts of contacts-2025-02-01 have no property 'Fitt'; they have 'hs_object_id', 'email', 'Fit'. "
        "Did you mean 'Fit'?"
    )
    with pytest.raises(WorkbenchError, match="Did you mean 'Fit'"):
        ws.changes("2024-01-15", score="Fitt")
    assert ws.changes("2025-01-15", score="Fit").notes == (
        "the contacts of 2025-01-01 have no Fit: whose score moved is not known.",
    )
    assert ws.changes("2025-01-15").notes == (
        "the contacts of 2025-01-01 and 2025-02-01 have no hubspotscore: whose score moved is not known.",
    )


def test_a_stage_that_came_as_text_once_is_no_traceback(tmp_path):
    header = 'Record ID,"Date entered ""Pilot (Lifecycle Stage Pipeline)"""\n'
    imported(tmp_path, "2025-01-01", header + "1,soon\n2,later\n")
    ws = imported(tmp_path, "2025-02-01", header + "1,2025-01-20 10:00\n2,\n")
    assert kinds(ws.changes("2025-01-15")) == []
    assert kinds(ws.changes("2024-01-15")) == [["1", "entered stage"]]
