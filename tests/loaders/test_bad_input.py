"""Whatever is no export ends in one sentence that says what came, what is there and what to do."""

import gzip
import re
import struct
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

import workbench.loaders as loaders
from workbench import catalog
from workbench.errors import WorkbenchError, listing


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


def test_unknown_options_say_what_there_is(contacts):
    assert said(loaders.load, contacts, language="es") == "unknown language 'es'; there are 'en', 'de', 'fr'."
    assert said(loaders.load, contacts, timezone="Berlin") == (
        "unknown time zone 'Berlin'; write it as in 'Europe/Berlin' or 'UTC'."
    )
    assert said(loaders.load, contacts, as_of="soon") == "as_of is 'soon', not a date: write it as in '2026-06-30'."
    assert said(loaders.read_export, contacts, object="contcat") == (
        f"unknown object 'contcat'; the objects are {listing(catalog.TABLES, most=20)}. "
        "Did you mean 'contact'?"
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
