"""The page of imports: what it says, what its controls do, and what a stranger's file cannot do."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

import workbench as wb
from tests.dashboards.reading import parts_of
from workbench.dashboards import import_and_audit
from workbench.dashboards.import_and_audit import FAULTS, State, View
from workbench.dashboards.parts import note
from workbench.dashboards.upload import Upload, safe_name
from workbench.loaders.auditing import BLANK

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    folder.mkdir()
    people = [(n, "a@one.example" if n % 2 else "", "soon" if n < 26 else "2026-01-02") for n in range(1, 31)]
    rows = "".join(f"{n},{HOSTILE},{email},{created},7\n" for n, email, created in people)
    (folder / "contacts.csv").write_text(f"Record ID,First Name,Email,Create Date,{HOSTILE}\n{rows}", encoding="utf-8")
    (folder / "deals.csv").write_text("Record ID,Create Date,Close Date\n1,2026-02-01,2026-01-01\n", encoding="utf-8")
    (folder / "letter.csv").write_text("Dear,reader\nyes,no\n", encoding="utf-8")
    return folder


@pytest.fixture
def state(exports: Path, tmp_path: Path) -> State:
    return State(wb.load(exports, to=tmp_path / "home"), exports=str(exports))


@pytest.fixture
def view(state: State) -> View:
    return View(state)


def html(view: View, name: str) -> str:
    return str(view._html[name].value)


def test_the_page_says_what_came_in_and_why(view: View) -> None:
    assert html(view, "answer").replace("<b>", "").replace("</b>", "").split(">", 1)[1] == (
        "31 rows of 2 files are in, none set aside; 26 faults marked, and 2 findings to look at.</p>"
    )
    assert "letter.csv" in html(view, "files")
    assert "not loaded" in html(view, "files")
    assert "4 of 5 columns are known from contacts" in html(view, "files")


def test_what_was_set_aside_is_not_in(tmp_path: Path) -> None:
    (tmp_path / "contacts.csv").write_text("Record ID,Email\n1,a@one.example\n2,b@one.example,x\n", encoding="utf-8")
    page = View(State(wb.load(tmp_path / "contacts.csv")))
    assert "1</b> rows of <b>1</b> file are in, <b>1</b> set aside" in html(page, "answer")


def test_no_text_from_a_file_is_markup(view: View) -> None:
    view.state.shown = (BLANK, "contacts", "email")
    view.state.of_table = "contacts"
    texts = [str(part.value) for part in parts_of(view.widget) if isinstance(part, widgets.HTML)]
    assert any("&lt;img" in text for text in texts)
    assert not any("<img" in text for text in texts)
    assert "<img" not in str(view._bars.spec)


def test_every_finding_leads_to_its_rows(view: View) -> None:
    found = view.state.audit.findings
    counted = [(row.finding, row.table, row.figure) for row in found[found["n"] > 0].itertuples()]
    assert list(view._lines) == counted
    for shown, line in view._lines.items():
        line.children[1].click()
        assert view.state.shown == shown
        place = view._findings.children.index(view._behind)
        assert view._findings.children[place - 1] is line
        rows, total = view.state.rows()
        assert len(rows) == min(total, 20)


def test_a_bar_leads_to_the_rows_that_are_blank_there(view: View) -> None:
    names = view.state.properties("contacts").iloc[::-1]["property"].tolist()
    view._bars.clicked = {"trace": 0, "point": names.index("email"), "x": 0.5, "y": 0}
    assert view.state.shown == (BLANK, "contacts", "email")
    assert view.state.rows()[1] == 15
    assert view._below_bars.children == (view._behind,)


def test_faults_are_filtered_and_turned_page_by_page(view: View) -> None:
    state = view.state
    view._faults.click()
    rows, total = state.rows()
    assert (total, len(rows)) == (sum(state.workspace.report.counts.values()), 20)
    view._code.value = "L004"
    assert (state.shown[0], state.rows()[1], state.turned) == (FAULTS, 25, 0)
    view._on.click()
    assert (len(state.rows()[0]), view._on.disabled, view._back.disabled) == (5, True, False)
    assert state.rows()[0]["row"].tolist() == list(range(22, 27))
    view._back.click()
    view._file.value = "deals.csv"
    assert (state.rows()[1], state.turned) == (0, 0)


def test_stale_days_are_asked_anew(view: View) -> None:
    before = view.state.audit.findings["figure"].tolist()
    view._stale.value = 90
    after = view.state.audit.findings["figure"].tolist()
    assert [figure.replace("180", "90") for figure in before] == after
    assert view.state.audit.stale_days == 90


def test_the_spreadsheet_holds_the_faults_as_text(view: View, exports: Path) -> None:
    path = exports / "contacts.csv"
    path.write_text("Record ID,Create Date\n1,=1+1\n2,2026-01-02\n", encoding="utf-8")
    view._folder.value = str(exports)
    view._import.click()
    book = CalamineWorkbook.from_filelike(io.BytesIO(view.state.spreadsheet()))
    rows = book.get_sheet_by_name("faults").to_python()
    assert rows[0][:5] == ["file", "row", "column", "code", "value"]
    assert ["contacts.csv", 2, "createdate", "L004", "=1+1"] in [row[:5] for row in rows]
    assert book.sheet_names == ["faults", "findings", "properties", "footnote"]


def test_a_column_is_mapped_written_down_and_imported_again(view: View, exports: Path) -> None:
    (exports / "mapping.yaml").write_text("# by hand\ncontacts.csv: {columns: {Email: email}}\n", encoding="utf-8")
    (box,) = view._unknown.children
    assert box.description == HOSTILE
    assert "email" not in [name for _, name in box.options]
    view._remap.click()
    assert "choose for at least one column" in html(view, "error").lower()
    box.value = "jobtitle"
    view._remap.click()
    assert view.state.error == ""
    assert set(view.state.workspace.contacts["jobtitle"]) == {"7"}
    assert view._unknown.children == ()
    written = (exports / "mapping.yaml").read_text(encoding="utf-8")
    assert written.startswith("# by hand\n")
    assert HOSTILE in written


STRANGE = "lead_key,mail,joined,shoe\n" + "".join(
    f"k{n},{name}@one.example,2026-01-{n + 1:02d},{HOSTILE}\n" for n, name in enumerate(["ada", "bo", "cy"])
)


def test_a_file_that_nobody_knows_is_loaded_after_choosing_what_it_holds(view: View) -> None:
    sent(view._upload, {"leads.csv": STRANGE.encode()}, piece=500)
    for _ in range(2):
        view._import.click()
        assert view.state.error == "what 'leads.csv' holds is not known: say it below, then import."
    assert view.state.workspace.tables == ("contacts", "deals")
    assert view._mapping.layout.display == ""
    _, holds, fields = view._strangers.children
    assert (holds.description, holds.value, holds.options[1]) == (
        "leads.csv holds", "", ("contacts (most of its columns fit)", "contact"),
    )  # fmt: skip
    holds.value = "deal"
    holds.value = "contact"
    taken = {box.tooltip.partition(" in ")[0]: box.value for box in fields.children}
    assert taken == {"lead_key": "hs_object_id", "mail": "email", "joined": "", "shoe": ""}
    fields.children[2].value = "createdate"
    view._remap.click()
    assert view.state.error == ""
    assert view.state.workspace.tables == ("contacts",)
    assert view.state.workspace.contacts["email"].tolist() == ["ada@one.example", "bo@one.example", "cy@one.example"]
    assert view.state.workspace.contacts["createdate"].dt.day.tolist() == [1, 2, 3]
    assert view._strangers.children == ()


def test_a_file_that_was_left_out_can_be_taken_in(view: View, exports: Path) -> None:
    _, holds, fields = view._strangers.children
    assert holds.description == "letter.csv holds"
    holds.value = "owner"
    view._remap.click()
    assert "letter.csv" in view.state.error  # its columns are none of an owner's
    assert not (exports / "mapping.yaml").exists()
    holds.value = "contact"
    numbered = next(box for box in fields.children if box.description.startswith("(row number)"))
    assert numbered.value == "hs_object_id"
    holds.value = ""
    assert (fields.children, view.state.choices, view.state.objects) == ((), {}, {})


def test_likely_duplicates_lead_to_their_rows(view: View, exports: Path) -> None:
    rows = "1,Ada,Counter,Numbers Ltd\n2,Adah,Counter,Numbers\n3,Bo,Other,Elsewhere\n"
    (exports / "contacts.csv").write_text(f"Record ID,First Name,Last Name,Company Name\n{rows}", encoding="utf-8")
    view._start(exports)
    view._look.click()
    figure = next(shown for shown in view._lines if shown[0] == import_and_audit.LIKELY)
    view._lines[figure].children[1].click()
    assert view.state.shown == figure
    assert [view.state.rows()[0]["hs_object_id"].tolist(), view.state.rows()[1]] == [["1", "2"], 2]
    assert "Adah" in html(view, "rows")


def test_a_folder_that_cannot_be_imported_is_a_sentence_and_the_old_import_stands(view: View, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for text, told in (
        ("", "name the folder that holds"),
        ("~nobody/x", "'~nobody/x' does not exist: there is no"),
        ("\0", "name the folder"),
        (str(tmp_path / "empty"), "no export"),
    ):
        view._folder.value = text
        view._import.click()
        assert told in view.state.error.lower()
        assert "wb-error" in html(view, "error")
    assert (view.state.busy, view._import.disabled) == (False, False)
    assert view.state.workspace.tables == ("contacts", "deals")


def test_from_afar_only_the_served_exports_can_be_named(exports: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    there = {"WORKBENCH_EXPORTS": str(exports), "WORKBENCH_REMOTE": "1"}
    page = import_and_audit.page(wb.load(exports, to=home), environment=there)
    for name in (str(tmp_path), f"{exports}/../home", "/"):
        page._folder.value = name
        page._import.click()
        assert page.state.error == (f"from afar only what lies in {exports} can be imported; drop the files instead.")
    page._folder.value = str(exports)
    page._import.click()
    assert page.state.error == ""


# files from the browser


def sent(upload: Upload, files: dict[str, bytes], *, piece: int = 5) -> None:
    """What the browser does: offers files, and sends the pieces that it is asked for."""
    asked: list[dict[str, Any]] = []
    contents = list(files.values())
    with pytest.MonkeyPatch.context() as browser:
        browser.setattr(upload, "send", lambda message, buffers=None: asked.append(message))
        upload._told(None, {"kind": "offer", "files": [{"name": n, "size": len(c)} for n, c in files.items()]}, [])
        while asked:
            want = asked.pop(0)
            start = want["from"]
            content = contents[want["file"]][start : start + piece]
            upload._told(None, {"kind": "piece", "file": want["file"], "from": start}, [memoryview(content)])


def test_dropped_files_become_a_new_import_and_the_older_one_stays(view: View) -> None:
    home = view.state.workspace.path
    sent(view._upload, {"leads.csv": b"Record ID,First Name\n1,Ada\n", "more.csv": b"Record ID,First Name\n2,Bo\n"})
    assert view._upload.said == "2 files received."
    assert view.state.workspace.name == "exports"
    assert html(view, "staged") == str(
        note(
            "Importing shows these 2 files ('leads.csv', 'more.csv') in place of exports (31 rows), on every page; "
            "the present data stay as a snapshot, and the import can be undone."
        )
    )
    view._import.click()
    assert (view._upload.said, html(view, "staged"), view.state.dropped) == ("", "", None)
    assert view.state.workspace.name == "leads"
    assert view.state.workspace.contacts["firstname"].tolist() == ["Ada", "Bo"]
    assert wb.load(home).contacts["firstname"].tolist() == ["Ada", "Bo"]
    assert len(list((home / "snapshots").iterdir())) == 2
    assert (view.state.busy, view.state.error) == (False, "")


def test_an_import_is_undone_and_the_pages_show_what_was_there(view: View, exports: Path) -> None:
    home = view.state.workspace.path
    assert view._undo.layout.display == "none"
    sent(view._upload, {"leads.csv": b"Record ID,First Name\n1,Ada\n"})
    view._import.click()
    for page in (view, import_and_audit.page(wb.load(home), environment={})):  # and in a page that is opened later
        assert page._undo.layout.display == ""
        assert html(page, "shown") == str(note("leads is shown in place of exports (31 rows)."))
    view._undo.click()
    assert (view.state.error, view.state.workspace.name, view.state.exports) == ("", "exports", str(exports))
    assert wb.load(home).tables == ("contacts", "deals")
    assert "<b>31</b> rows of <b>2</b> files" in html(view, "answer")
    assert (view._undo.layout.display, len(wb.load(home).snapshots)) == ("none", 2)


def test_an_import_that_another_visitor_replaced_is_not_undone(view: View, exports: Path, tmp_path: Path) -> None:
    path = tmp_path / "owners.csv"
    path.write_text("Record ID,First Name\n1,Ada\n", encoding="utf-8")
    view._start(path)
    wb.load(exports, to=view.state.workspace.path)
    view._undo.click()
    assert view.state.error.startswith("owners was changed since it was opened")
    assert wb.load(view.state.workspace.path).name == "exports"


def test_a_stranger_that_was_dropped_is_forgotten_when_others_are(view: View) -> None:
    sent(view._upload, {"leads.csv": STRANGE.encode()}, piece=500)
    view._import.click()
    assert view.state.refused is not None
    sent(view._upload, {"deals.csv": b"Record ID,Create Date\n1,2026-01-01\n"})
    assert (view.state.refused, view.state.error, list(view.state.strangers)) == (None, "", ["letter.csv"])


def test_a_relative_name_is_looked_for_where_the_pages_were_started_and_among_the_exports(
    exports: Path, tmp_path: Path
) -> None:
    there = {"WORKBENCH_EXPORTS": str(exports), "WORKBENCH_STARTED_IN": str(tmp_path)}
    page = import_and_audit.page(wb.load(exports, to=tmp_path / "home"), environment=there)
    for name, path in (("exports", exports), ("./exports/", exports), ("deals.csv", exports / "deals.csv")):
        page._folder.value = name
        assert page.state.chosen() == path
        assert "Importing shows" in html(page, "staged")
    page._folder.value = "data"
    assert html(page, "staged") == ""
    page._import.click()
    assert page.state.error == (
        f"'data' does not exist: there is no {tmp_path}/data nor {exports}/data. Name a folder of exports, or a file."
    )


def test_an_import_off_the_loop_shows_its_progress_and_its_result(view: View, exports: Path) -> None:
    told: list[str] = []
    view.state.observe(lambda change: told.append(change["new"]), "doing")
    (exports / "contacts.csv").unlink()

    async def visit() -> None:
        view._start(exports)
        assert (view.state.busy, view._import.disabled, view._upload.disabled) == (True, True, True)
        assert 'role="status"' in html(view, "progress")
        await view._running

    asyncio.run(visit())
    assert (view.state.busy, view._import.disabled, html(view, "progress")) == (False, False, "")
    assert told[-1] == "looking it over"
    assert view._table.options == ("deals",)
    assert view.state.of_table == "deals"


def test_a_file_dropped_in_the_middle_of_an_import_is_taken_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    upload = Upload()
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(upload, "send", lambda message, buffers=None: asked.append(message))
    sent(upload, {"first.csv": b"Record ID,Email\n1,a@one.example\n"})
    first = upload.received
    assert first is not None
    upload.disabled = True  # it is imported

    upload._told(None, {"kind": "offer", "files": [{"name": "second.csv", "size": 4}]}, [])
    assert (upload.said, asked) == ("1 file will be taken when what is under way is done.", [])
    assert upload.received == first
    assert [path.name for path in first.iterdir()] == ["first.csv"]

    upload.disabled = False
    assert asked == [{"kind": "piece", "file": 0, "from": 0}]
    upload._told(None, {"kind": "piece", "file": 0, "from": 0}, [b"a\n1\n"])
    assert upload.said == "1 file received."
    assert upload.received is not None
    assert [path.name for path in upload.received.iterdir()] == ["second.csv"]
    upload.disabled = True
    upload.disabled = False
    assert len(asked) == 1  # taken once


def test_a_dropped_file_that_is_no_export_is_a_sentence(view: View) -> None:
    sent(view._upload, {"contacts.csv": b"%PDF-1.7"})
    for _ in range(2):
        view._import.click()
        assert view.state.error == "contacts.csv is a PDF, not a table: export it as CSV or XLSX."
        assert "contacts.csv is a PDF" in html(view, "error")  # a file keeps its name at the start of a sentence
    assert view.state.workspace.tables == ("contacts", "deals")
    sent(view._upload, {"evil.exe": b"MZ"})
    assert view._upload.said.startswith("'evil.exe' cannot be an export; the workbench reads '.csv', ")
    assert (view.state.dropped, view.state.error) == (None, "")
    view._import.click()
    assert view.state.error == view._upload.said
    sent(view._upload, {"empty.csv": b""})
    view._import.click()
    assert view.state.error == "empty.csv is empty (0 bytes): export it again, as CSV or XLSX."


def test_more_than_a_page_takes_is_refused_before_a_byte_is_sent() -> None:
    upload = Upload(most_bytes=10_000_000)
    upload._told(None, {"kind": "offer", "files": [{"name": "a.csv", "size": 30_000_000}]}, [])
    assert upload.said == (
        "30 MB are too many for a page, which takes 10 MB: put the files into a folder and name that."
    )
    upload._told(None, {"kind": "offer", "files": [{"name": "a.csv", "size": 1}] * 51}, [])
    assert upload.said == "51 files are too many at once; pack them into a ZIP file."


def test_a_file_that_grows_on_its_way_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    upload = Upload()
    monkeypatch.setattr(upload, "send", lambda message, buffers=None: None)
    upload._told(None, {"kind": "offer", "files": [{"name": "a.csv", "size": 3}]}, [])
    upload._told(None, {"kind": "piece", "file": 0, "from": 0}, [b"more than 3"])
    assert upload.said == "a.csv changed while it was sent; choose it again."
    assert upload.received is None


@given(st.text(max_size=300))
@example("../../etc/passwd.csv")
@example("..\\..\\windows\\a.csv")
@example("/abs/olute.csv")
@example("a/../../b.csv")
@example(".hidden.csv")
@example("con\x00trol\n.csv")
@example("..")
@example("")
@example("x" * 400 + ".csv")
def test_a_strangers_name_gives_no_path(name: str) -> None:
    safe = safe_name(name)
    folder = Path("/upload")
    assert (folder / safe).resolve().parent == folder
    assert 0 < len(safe) <= 120
    assert not safe.startswith(".")
    assert not any(ord(letter) < 32 for letter in safe)


def test_files_of_one_name_are_both_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    upload = Upload()
    monkeypatch.setattr(upload, "send", lambda message, buffers=None: None)
    upload._told(
        None, {"kind": "offer", "files": [{"name": "a/x.csv", "size": 1}, {"name": "../x.csv", "size": 1}]}, []
    )
    for number in (0, 1):
        upload._told(None, {"kind": "piece", "file": number, "from": 0}, [str(number).encode()])
    assert upload.received is not None
    assert {path.name: path.read_text() for path in upload.received.iterdir()} == {"x.csv": "0", "x-2.csv": "1"}
