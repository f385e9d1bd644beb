"""Whatever is no export ends in one sentence that says what came, what is there and what to do."""

import fcntl
import gzip
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest
import xlsxwriter

import workbench.loaders as loaders
from workbench import catalog
from workbench.errors import WorkbenchError, listing
from workbench.loaders.mapping import add_to_mapping


def said(read, *args, **options) -> str:
    with pytest.raises(WorkbenchError) as error:
        read(*args, **options)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("contacts.csv", b"", "contacts.csv is empty (0 bytes): export it again, as CSV or XLSX."),
        ("contacts.csv", b"\n\n  \n", "contacts.csv holds nothing but blanks: export it again, as CSV or XLSX."),
        ("contacts.csv", b"%PDF-1.7 ...", "contacts.csv is a PDF, not a table: export it as CSV or XLSX."),
        ("contacts.csv", b"\x89PNG\r\n\x1a\n", "contacts.csv is a PNG image, not a table: export it as CSV or XLSX."),
        (
            "contacts.csv",
            bytes(range(256)) * 20,
            "contacts.csv holds binary data, not a table: export it as CSV or XLSX.",
        ),
        (
            "contacts.csv",
            b"Record ID,First Name\r\n",
            "contacts.csv has a header ('Record ID', 'First Name') and no rows: export it again.",
        ),
        (
            "contacts.csv",
            b"First Name,Last Name,Email\nA,B,c@d.example\n",
            "contacts.csv looks like contacts but has no column for 'hs_object_id'; its columns are 'First Name', "
            "'Last Name', 'Email'. Number the rows with mapping={'(row number)': 'hs_object_id'}, or name the column "
            "of an id that no two rows share, as in mapping={'First Name': 'hs_object_id'}.",
        ),
        (
            "leads.csv",
            b"Prospect,Won\n1,yes\n",
            "leads.csv has the columns 'Prospect', 'Won': none of them names a contact, deal or another known object. "
            "Number the rows with mapping={'(row number)': 'hs_object_id'}, or say which column holds an id that no "
            "two rows share, as in mapping={'Prospect': 'hs_object_id'}; for a folder write a file mapping.yaml with "
            'the line "leads.csv: {columns: {(row number): hs_object_id}}".',
        ),
    ],
)
def test_a_file_that_is_no_export_is_named_with_what_to_do(tmp_path, name, content, sentence):
    path = tmp_path / name
    path.write_bytes(content)
    assert said(loaders.load, path) == sentence
    assert said(loaders.read_export, path) == sentence


def test_a_broken_spreadsheet_says_so(tmp_path):
    path = tmp_path / "contacts.xlsx"
    path.write_bytes(b"PK\x03\x04 this is no archive")
    assert said(loaders.load, path).startswith("contacts.xlsx cannot be read as a spreadsheet (")


def test_a_path_that_is_not_there_says_so():
    assert said(loaders.load, "nowhere/at-all.csv") == (
        "nowhere/at-all.csv does not exist: give the path of an export file or of a folder of exports."
    )


def test_a_folder_without_exports_says_what_it_has(tmp_path):
    (tmp_path / "letter.docx").write_bytes(b"x")
    assert said(loaders.load, tmp_path) == (
        f"the folder {tmp_path} has no export (CSV or XLSX) in it; it has 'letter.docx'."
    )


def test_a_folder_in_which_nothing_can_be_loaded_says_why(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"")
    (tmp_path / "b.csv").write_bytes(b"%PDF")
    assert said(loaders.load, tmp_path) == (
        "none of the 2 files could be loaded: a.csv is empty (0 bytes): export it again, as CSV or XLSX; "
        "b.csv is a PDF, not a table: export it as CSV or XLSX."
    )


@pytest.fixture
def contacts(tmp_path: Path) -> Path:
    path = tmp_path / "contacts.csv"
    path.write_text("Record ID,First Name,Prospect\n1,Ada,7\n", encoding="utf-8")
    return path


def test_a_mapping_that_names_an_absent_column_says_which_are_there(contacts):
    assert said(loaders.load, contacts, mapping={"Prospekt": "hs_object_id"}) == (
        "the mapping names the column 'Prospekt', but contacts.csv has 'Record ID', 'First Name', 'Prospect'. "
        "Did you mean 'Prospect'?"
    )
    assert said(loaders.load, contacts, mapping={"kontacts.csv": {"object": "contact"}}) == (
        "the mapping has an entry for 'kontacts.csv', but the files are 'contacts.csv'. Did you mean 'contacts.csv'?"
    )
    assert said(loaders.load, contacts, mapping={"Prospect": 7}).startswith("the mapping of 'Prospect' is 7. A mapping")


def test_a_mapping_file_that_is_not_yaml_says_so(contacts):
    (contacts.parent / "mapping.yaml").write_text("a: [", encoding="utf-8")
    assert "is not YAML" in said(loaders.load, contacts)
    (contacts.parent / "mapping.yaml").write_text("just a text", encoding="utf-8")
    assert "holds str. A mapping is" in said(loaders.load, contacts)


A_MAPPING = (
    "A mapping is {'Prospect ID': 'hs_object_id'} for every file, or {'leads.csv': {'object': 'contact', 'columns': "
    "{'Prospect ID': 'hs_object_id'}}} for one."
)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Prospect: 2025-99-99", "is not YAML: month must be in 1..12."),
        ("Prospect: !!int abc", "is not YAML: invalid literal for int() with base 10: 'abc'."),
        ("Prospect: !!bool maybe", "is not YAML: 'maybe'."),
        ("Prospect: " + "9" * 6_000, "is not YAML: Exceeds the limit (4300 digits)"),
        ("Prospect: " + "[" * 3_000, "is not YAML: maximum recursion depth exceeded."),
        ("Prospect: " + "{" * 3_000, "is not YAML: maximum recursion depth exceeded."),
        ("contacts.csv: {object: [contact]}", "the mapping of 'contacts.csv' is {'object': ['contact']}."),
        ("contacts.csv: {object: 5}", "the mapping of 'contacts.csv' is {'object': 5}."),
        ("contacts.csv: {columns: }", "the mapping of 'contacts.csv' is {'columns': None}."),
        ("contacts.csv: &all [*all]", "the mapping of 'contacts.csv' is [[[...]]]."),
        ("[]", "holds list."),
        ("7", "holds int."),
    ],
)
def test_a_mapping_file_of_another_shape_says_so(contacts, text, sentence):
    beside = contacts.parent / "mapping.yaml"
    beside.write_text(text, encoding="utf-8")
    for read in (loaders.load, loaders.read_export, loaders.suggest_mapping):
        told = said(read, contacts)
        assert sentence in told
        assert told.endswith(A_MAPPING)
    other = beside.rename(beside.with_name("other.yaml"))
    assert sentence in said(loaders.load, contacts, mapping=other)


def test_what_grows_in_a_mapping_file_is_shown_in_short(contacts):
    parts = ["&a [x]", *(f"&{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in pairwise("abcdefghijkl"))]
    (contacts.parent / "mapping.yaml").write_text(f"Prospect: [{', '.join(parts)}]")
    assert len(said(loaders.load, contacts)) < 1_000


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n"])
def test_an_empty_mapping_file_says_nothing(contacts, text):
    (contacts.parent / "mapping.yaml").write_text(text, encoding="utf-8")
    assert loaders.load(contacts).contacts["hs_object_id"].tolist() == ["1"]
    add_to_mapping(contacts.parent / "mapping.yaml", {("contacts.csv", "Prospect"): "prospect"})
    assert loaders.load(contacts).contacts["prospect"].tolist() == [7]


@pytest.mark.parametrize("given", [5, ["a"], b"x", 0.5])
def test_a_mapping_that_is_none_says_so(contacts, given):
    assert said(loaders.load, contacts, mapping=given) == f"the mapping is {given!r}. {A_MAPPING}"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "that is blank"),
        (" ", "that is blank"),
        ("_row", "the workbench calls a column of its own so"),
        ("_FILE", "the workbench calls a column of its own so"),
        ("_faults", "the workbench calls a column of its own so"),
        ("file_row_number", "the workbench calls a column of its own so"),
        ("\ud800", "not all of that is text"),
        ("a\0b", "not all of that is text"),
    ],
)
def test_a_name_that_no_column_can_have_is_refused(contacts, name, why):
    sentence = f"the mapping calls the column 'Prospect' {name!r}, but {why}: give another name."
    assert said(loaders.load, contacts, mapping={"Prospect": name}) == sentence
    assert said(loaders.load, contacts, mapping={"*.csv": {"Prospect": name}}) == sentence


@pytest.mark.parametrize(
    ("mapping", "name", "one", "other"),
    [
        ({"Prospect": "foo", "First Name": "FOO"}, "FOO", "Prospect", "First Name"),
        ({"contacts.csv": {"Prospect": "foo", "First Name": "foo"}}, "foo", "Prospect", "First Name"),
        ({"(row number)": "Extra", "Prospect": "Extra"}, "Extra", "(row number)", "Prospect"),
    ],
)
def test_two_columns_of_a_file_are_not_given_one_name(contacts, mapping, name, one, other):
    assert said(loaders.load, contacts, mapping=mapping) == (
        f"the mapping calls two columns of contacts.csv {name!r}: {one!r} and {other!r}. Give one of them another name."
    )


def test_what_is_said_of_one_file_goes_before_what_is_said_of_all(contacts):
    ws = loaders.load(contacts, mapping={"Prospect": "nick", "contacts.csv": {"First Name": "Nick"}})
    assert ws.contacts.to_dict("list") == {"hs_object_id": ["1"], "Nick": ["Ada"], "Prospect": [7]}


def test_a_mapping_writes_a_property_in_any_capitals_and_no_column_is_lost(contacts):
    assert loaders.load(contacts, mapping={"Prospect": "FIRSTNAME"}).contacts.to_dict("list") == {
        "hs_object_id": ["1"],
        "First Name": ["Ada"],
        "firstname": ["7"],
    }


def test_unknown_options_say_what_there_is(contacts):
    assert said(loaders.load, contacts, language="es") == "unknown language 'es'; there are 'en', 'de', 'fr'."
    assert said(loaders.load, contacts, timezone="Berlin") == (
        "unknown time zone 'Berlin'; write it as in 'Europe/Berlin' or 'UTC'."
    )
    for zone in (5, ["UTC"], "localtime", "right/UTC", "", "\udce4", "../UTC"):
        assert said(loaders.load, contacts, timezone=zone) == (
            f"unknown time zone {zone!r}; write it as in 'Europe/Berlin' or 'UTC'."
        )
    assert said(loaders.load, contacts, progress=5) == (
        "progress is 5: give a function of a share and a text, such as print."
    )
    for object_name in (5, [5]):
        for read in (loaders.read_export, loaders.suggest_mapping):
            assert said(read, contacts, object=object_name) == (
                f"unknown object {object_name!r}; the objects are {listing(catalog.TABLES, most=20)}."
            )
    assert said(loaders.load, contacts, as_of="soon") == "as_of is 'soon', not a date: write it as in '2026-06-30'."
    assert said(loaders.read_export, contacts, object="contcat") == (
        f"unknown object 'contcat'; the objects are {listing(catalog.TABLES, most=20)}. Did you mean 'contact'?"
    )
    assert said(loaders.read_export, contacts.parent) == (
        f"{contacts.parent} is a folder: read_export reads one file, load reads a folder."
    )


def test_a_workspace_is_asked_only_for_what_it_has(contacts):
    ws = loaders.load(contacts)
    assert said(ws.table, "contact") == (
        f"unknown table 'contact'; the tables are {listing(catalog.TABLES.values(), most=20)}. Did you mean 'contacts'?"
    )
    assert said(ws.table, "contacts", columns=["firstnam"]) == (
        "unknown column 'firstnam' of contacts; there are 'hs_object_id', 'firstname', 'Prospect'. "
        "Did you mean 'firstname'?"
    )
    tables = f"the tables are {listing(catalog.TABLES.values(), most=20)}."
    for read, name in ((ws.table, 5), (ws.columns, 5), (ws.table, [5])):
        assert said(read, name) == f"unknown table {name!r}; {tables}"
    there = "there are 'hs_object_id', 'firstname', 'Prospect'."
    for engine in ("pandas", "duckdb", "polars"):
        for columns in (5, [], "firstname"):
            assert said(ws.table, "contacts", columns, engine) == (
                f"columns is {columns!r}: give a list of names, as in ['hs_object_id', 'firstname']."
            )
        for name in (5, "_faults"):
            assert said(ws.table, "contacts", [name], engine) == f"unknown column {name!r} of contacts; {there}"
        assert said(ws.table, "contacts", ["firstname"] * 2, engine) == (
            "the column 'firstname' of contacts was asked for twice: name it once."
        )
    assert said(ws.table, "deals", 5).startswith("columns is 5: ")
    assert said(ws.timeline, "\udce4") == (
        "contacts has no contact '\ufffd' among 1: give the record id (hs_object_id)."
    )
    assert said(ws.is_current, 5) == "sources is 5, not a path: give the name of a file or folder."
    with pytest.raises(TypeError, match=r"is_current.* unexpected keyword argument 'foo'"):
        ws.is_current(contacts, foo=1)
    assert said(ws.table, "contacts", engine="excel") == (
        "unknown engine 'excel'; there are 'pandas', 'duckdb', 'polars' and 'spark'."
    )
    assert (
        said(ws.report.frame, code="L999") == f"unknown fault code 'L999'; the codes are L001 to {max(loaders.CODES)}"
    )


def test_a_workspace_is_not_written_over_other_things(contacts):
    assert said(loaders.load, contacts, to=contacts.parent) == (
        f"{contacts.parent} holds 'contacts.csv', it is no Workspace: give an empty or a new folder to import to."
    )
    assert said(loaders.open_workspace, contacts.parent) == (
        f"{contacts.parent} is no Workspace (no current.json in it): load the exports with `workbench import`."
    )


READERS = (loaders.load, loaders.read_export, loaders.suggest_mapping)


def test_what_is_neither_file_nor_folder_is_not_read(contacts):
    pipe, plug = contacts.with_name("pipe.csv"), contacts.with_name("plug.csv")
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(plug))
    for path in (pipe, plug, Path("/dev/null")):
        for read in READERS:
            assert said(read, path) == (f"{path} is neither a file nor a folder: save what comes out of it as a file.")
        assert said(loaders.load, contacts, mapping=path) == f"the mapping {path} is no file. {A_MAPPING}"
    os.mkfifo(contacts.with_name("score.yaml"))
    os.mkfifo(contacts.with_name("mapping.yaml"))
    assert len(loaders.load(contacts).contacts) == 1
    assert loaders.load(contacts.parent).model_files == ()


@pytest.mark.parametrize("given", [5, None, b"contacts.csv", ["contacts.csv"]])
def test_what_is_no_path_says_so(contacts, given):
    for read in (*READERS, loaders.open_workspace):
        assert said(read, given) == f"path is {given!r}, not a path: give the name of a file or folder."
    if given is not None:
        assert said(loaders.load, contacts, to=given).startswith(f"to is {given!r}, not a path: ")


@pytest.mark.parametrize(("given", "why"), [("x" * 300, "File name too long"), ("a\0b", "embedded null byte")])
def test_a_path_that_no_system_has_says_so(contacts, given, why):
    for read in (*READERS, loaders.open_workspace):
        assert said(read, given) == f"path is {given!r}, which cannot be looked at: {why}."
    for name in ("to", "mapping"):
        assert (
            said(loaders.load, contacts, **{name: given}) == f"{name} is {given!r}, which cannot be looked at: {why}."
        )


def test_a_path_in_a_folder_that_is_gone_says_so(contacts, monkeypatch):
    (contacts.parent / "here").mkdir()
    monkeypatch.chdir(contacts.parent / "here")
    (contacts.parent / "here").rmdir()
    for name in ("path", "to"):
        given = {"path": contacts, name: "home"}
        assert said(loaders.load, **given) == f"{name} is 'home', but the folder this runs in is gone: go to another."
    monkeypatch.chdir(contacts.parent)


def test_a_name_that_is_not_utf_8_says_so(contacts):
    folder = contacts.parent / "exports"
    folder.mkdir()
    (folder / "K\udce4ufer.csv").write_bytes(contacts.read_bytes())
    sentence = (
        f"the name of {folder}/K\ufffdufer.csv is not UTF-8 (\ufffd stands for what is no letter): rename it and try "
        "again."
    )
    assert said(loaders.load, folder) == sentence
    assert said(loaders.suggest_mapping, folder) == sentence
    for read in READERS:
        assert said(read, folder / "K\udce4ufer.csv") == sentence
    assert "is not UTF-8" in said(loaders.load, contacts, to=folder / "K\udce4ufer")
    contacts.with_name("score\udce4.yaml").write_text("name: Fit")
    assert "is not UTF-8" in said(loaders.load, contacts)
    assert sorted(entry.name for entry in folder.iterdir()) == ["K\udce4ufer.csv"]


AS_ANOTHER = """
import os, sys
from workbench.errors import WorkbenchError
from workbench.loaders import load, open_workspace, read_export, suggest_mapping
import duckdb, pandas, pyarrow.parquet, filelock
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
for path in sys.argv[1:]:
    for read in (load, read_export, suggest_mapping, open_workspace):
        try:
            print(read(path))
        except WorkbenchError as error:
            print(error)
"""


def folder_is_shut(path: Path) -> list[str]:
    told = f"the folder {path} cannot be read: Permission denied."
    return [told, f"{path} is a folder: read_export reads one file, load reads a folder.", told, told]


def test_what_may_not_be_read_is_said(contacts):
    folder = contacts.parent
    for name in ("shut", "named"):
        (folder / name).mkdir()
        (folder / name / "contacts.csv").write_bytes(contacts.read_bytes())
    for parent in [*folder.parents, folder]:
        if parent.stat().st_uid == os.getuid() and parent.is_relative_to(folder.parents[2]):
            parent.chmod(0o755)
    within = folder / "shut" / "contacts.csv"
    for path, mode in ((contacts, 0), (folder / "shut", 0), (folder / "named", 0o444)):
        path.chmod(mode)
    paths = contacts, folder / "shut", folder / "named", within
    ran = subprocess.run([sys.executable, "-c", AS_ANOTHER, *map(str, paths)], capture_output=True, text=True, cwd="/")
    for path in (folder / "shut", folder / "named"):
        path.chmod(0o755)
    unread, unopened = f"{contacts} cannot be read: Permission denied.", "which cannot be looked at: Permission denied."
    assert ran.stdout.splitlines() == [
        *[unread] * 3,
        f"{contacts} is no Workspace (no current.json in it): load the exports with `workbench import`.",
        *(line for place in paths[1:3] for line in folder_is_shut(place)),
        *[f"path is '{within}', {unopened}"] * 4,
    ], ran.stderr


def test_without_a_place_for_temporary_files_that_is_said(contacts, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(contacts.parent / "gone"))
    for read in READERS:
        assert said(read, contacts) == (
            "no temporary folder can be made (No such file or directory): set TMPDIR to a folder that can be written."
        )
    assert len(loaders.load(contacts, to=contacts.parent / "home").contacts) == 1


@pytest.mark.parametrize("change", [Path.unlink, lambda file: file.write_text("Record ID,First Name\n2,Grace\n")])
def test_a_file_that_changes_while_another_import_is_waited_for_is_not_taken(contacts, tmp_path, change):
    home = tmp_path / "home"
    home.mkdir()
    with (home / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def tell(_, what):
            if what.startswith("waiting"):
                change(contacts)
                fcntl.flock(lock, fcntl.LOCK_UN)

        told = said(loaders.load, contacts, to=home, progress=tell)
    assert told in (
        "contacts.csv changed while it was read: import again when nothing writes to it any more.",
        f"{contacts} cannot be read: No such file or directory.",
    )
    assert not (home / "current.json").exists()


def test_folders_with_names_like_patterns_and_addresses_are_folders(contacts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for to in ("ws[1]", "http:/w", "a=1/b*"):
        ws = loaders.load("contacts.csv", to=to)
        for engine in ("pandas", "polars", "duckdb"):
            assert ws.table("contacts", ["firstname"], engine).shape == (1, 1)
        assert loaders.open_workspace(to).report.frame().empty
        assert ws.path == tmp_path / to


def test_headers_that_mean_something_elsewhere_are_names_here(tmp_path):
    path = tmp_path / "contacts.csv"
    headers = ["Record ID", "file_row_number", "*", "a.b", "^a.*$", "_id", "_Score", "Email", "[0]", "a"]
    path.write_text(f"{','.join(headers)}\n1{',x' * 9}\n", encoding="utf-8")
    names = ("hs_object_id", "file_row_number (2)", *headers[2:7], "email", *headers[8:])
    ws = loaders.load(path)
    assert ws.columns("contacts") == names
    for engine in ("pandas", "duckdb", "polars"):
        assert tuple(ws.table("contacts", engine=engine).columns) == names
        assert tuple(ws.table("contacts", names[::-1], engine).columns) == names[::-1]
        for name in names:
            assert list(ws.table("contacts", [name], engine).columns) == [name]
    assert ws.timeline("1").empty
    assert tuple(loaders.read_export(path).frame.columns) == names


def test_ten_thousand_columns_are_refused_in_a_sentence(tmp_path):
    path = tmp_path / "contacts.csv"
    headers = ",".join(f"property {n}" for n in range(10_000))
    path.write_text(f"Record ID,{headers}\n1,{headers}\n2,{headers}\n", encoding="utf-8")
    assert said(loaders.load, path) == (
        "contacts.csv has 10,001 columns, more than 2,000: export only the properties that are needed."
    )


def test_an_archive_that_would_fill_the_disk_is_not_unpacked(tmp_path):
    path = tmp_path / "contacts.csv.gz"
    with gzip.open(path, "wb") as packed:
        packed.write(b"0" * 50_000_000)
    assert said(loaders.load, path) == (
        "contacts.csv.gz grows to more than 17 MB when it is unpacked, no export does: unpack it yourself and load "
        "what it holds."
    )


def test_a_folder_that_cannot_be_written_says_so(contacts, tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    sentence = said(loaders.load, contacts, to=tmp_path / "file" / "home")
    assert sentence.startswith(f"the Workspace cannot be written to {tmp_path / 'file' / 'home'}: ")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["contacts.csv", "file"]


def test_nothing_half_written_is_left_when_an_import_fails(tmp_path):
    exports, home = tmp_path / "exports", tmp_path / "home"
    exports.mkdir()
    path = exports / "contacts.csv"
    path.write_text("Record ID,First Name\n1,Ada\n", encoding="utf-8")
    loaders.load(exports, to=home)
    before = sorted(entry.relative_to(home) for entry in home.rglob("*"))
    path.write_bytes(b"%PDF")
    said(loaders.load, exports, to=home)
    assert sorted(entry.relative_to(home) for entry in home.rglob("*")) == before
    assert loaders.open_workspace(home).contacts["firstname"].tolist() == ["Ada"]


def compound_file(*names: str) -> bytes:
    """The container in which a protected spreadsheet lies: a header, its allocation table, a directory of `names`."""
    end, free = 0xFFFFFFFE, 0xFFFFFFFF
    header = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(16)
    header += struct.pack("<HHHHH6xIIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, 1, 0, 4096, end, 0, end, 0, 0)
    header += struct.pack("<108I", *[free] * 108)
    table = struct.pack("<128I", 0xFFFFFFFD, end, *[free] * 126)
    entries = b""
    for place, name in enumerate(("Root Entry", *names)):
        text = (name + "\0").encode("utf-16-le")
        child, right = (1, free) if place == 0 else (free, place + 1 if place < len(names) else free)
        entries += text.ljust(64, b"\0") + struct.pack(
            "<HBBIII", len(text), 5 if place == 0 else 2, 1, free, right, child
        )
        entries += bytes(36) + struct.pack("<IQ", end, 0)
    return header + table + entries.ljust(512, b"\0")


def test_a_spreadsheet_with_a_password_says_so(tmp_path):
    path = tmp_path / "contacts.xlsx"
    path.write_bytes(compound_file("EncryptedPackage", "EncryptionInfo"))
    assert said(loaders.load, path) == (
        "contacts.xlsx is protected by a password: save it without one and load it again."
    )


def test_an_archive_with_a_password_says_so(tmp_path):
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("contacts.csv", "Record ID\n1\n")
    packed = bytearray(path.read_bytes())
    packed[6] |= 1
    packed[packed.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(packed)
    assert said(loaders.load, path) == ("export.zip is protected by a password: unpack it and load what it holds.")


def spreadsheet(path: Path, rows: str) -> Path:
    """An XLSX file with just these rows, written by hand: libraries refuse to write what attackers do."""
    with xlsxwriter.Workbook(path.with_suffix(".plain")) as book:
        book.add_worksheet().write_number(0, 0, 1)
    with zipfile.ZipFile(path.with_suffix(".plain")) as plain, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name in plain.namelist():
            text = plain.read(name).decode()
            made.writestr(name, re.sub("<sheetData>.*</sheetData>", f"<sheetData>{rows}</sheetData>", text))
    return path


def test_a_spreadsheet_with_a_cell_at_its_far_corner_does_not_eat_the_memory(tmp_path):
    near = '<row r="1"><c r="A1"><v>1</v></c></row>'
    far = near + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    assert said(loaders.load, spreadsheet(tmp_path / "contacts.xlsx", far)) == (
        "contacts.xlsx cannot be read as a spreadsheet (it asks for more memory than any export needs): open it, save "
        "it as XLSX and load it again."
    )


def test_a_spreadsheet_that_would_fill_the_memory_is_not_unpacked(tmp_path):
    rows = '<row r="1"><c r="A1"><v>1</v></c></row>' + " " * 30_000_000
    assert said(loaders.load, spreadsheet(tmp_path / "contacts.xlsx", rows)) == (
        "contacts.xlsx grows to 30 MB when it is unpacked, no export does: export it again, as CSV."
    )


def test_formulas_are_text(tmp_path):
    path = tmp_path / "contacts.csv"
    formula = '=HYPERLINK("http://evil.example","x")'
    cells = ["=1+1", "@SUM(A1)", "+49 30 1", "-2+3", '"=HYPERLINK(""http://evil.example"",""x"")"']
    path.write_text(
        "Record ID,First Name\n" + "".join(f"{n},{cell}\n" for n, cell in enumerate(cells)), encoding="utf-8"
    )
    assert loaders.load(path).contacts["firstname"].tolist() == [*cells[:-1], formula]
    book = tmp_path / "contacts.xlsx"
    with xlsxwriter.Workbook(book) as workbook:
        sheet = workbook.add_worksheet()
        for row, texts in enumerate([["Record ID", "First Name"], ["1", formula], ["2", "=1+1"]]):
            for column, text in enumerate(texts):
                sheet.write_string(row, column, text)
    assert loaders.load(book).contacts["firstname"].tolist() == [formula, "=1+1"]


def test_a_cell_of_nine_megabytes_is_set_aside_and_the_rest_is_read(tmp_path):
    path = tmp_path / "contacts.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("Record ID,First Name\n1,Ada\n2,")
        file.write("x" * 9_000_000)
        file.write("\n3,Grace\n")
    ws = loaders.load(path)
    assert ws.contacts["firstname"].tolist() == ["Ada", "Grace"]
    assert (ws.report.rows_read, ws.report.rows_loaded, ws.report.rows_set_aside) == (3, 2, 1)
    (fault,) = ws.report.frame(code="L025").to_dict("records")
    assert (fault["row"], fault["value"][:4]) == (3, "2,xx")


def test_a_nul_is_taken_out_and_told(tmp_path):
    path = tmp_path / "contacts.csv"
    path.write_bytes(b"Record ID,First Name\n1,A\x00da\n\x002,Grace\n" + b"3,Someone with a long name\n" * 9)
    ws = loaders.load(path)
    assert ws.contacts["hs_object_id"].tolist() == ["1", "2", "3"]
    assert ws.contacts["firstname"].tolist()[:2] == ["Ada", "Grace"]
    assert ws.report.frame(code="L020")["value"].tolist() == ["A␀da", "␀2"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("within", ["\n", "\r\n"])
def test_a_header_with_a_line_break_is_a_header(tmp_path, end, within):
    rows = [f'Record ID,Email,"Long{within}name",Notes', "101,a@one.example,u,n", "102,b@one.example,v,m", ""]
    (tmp_path / "contacts.csv").write_bytes(end.join(rows).encode())
    found = loaders.read_export(tmp_path / "contacts.csv")
    assert found.frame["hs_object_id"].tolist() == ["101", "102"]
    assert found.report.rows_read == 2


def test_a_long_first_row_is_read_or_refused(tmp_path):
    file = tmp_path / "contacts.csv"
    file.write_text(f'Record ID,Email,Notes\n101,a@one.example,"{"x" * 2_000_000}"\n102,b@one.example,n\n')
    assert loaders.read_export(file).frame["Notes"].str.len().tolist() == [2_000_000, 1]
    file.write_text(f"Record ID,{'x' * 3_000_000}\n101,a\n")
    with pytest.raises(WorkbenchError, match=r"the first row of .* is longer than"):
        loaders.read_export(file)
