"""Files as they come: of one name in several archives, in mixed encodings, with odd headers and sheets."""

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import workbench.loaders as loaders
from workbench.errors import WorkbenchError

HEADER = "Record ID,First Name,Last Name,Email,Create Date,HubSpot Score,City\n"


def contacts(*ids: int) -> str:
    return HEADER + "".join(f"{n},Zoë,Lind,a{n}@x.example,2026-01-02 10:00,12.5,Köln\n" for n in ids)


def zipped(*members: tuple[str, bytes]) -> bytes:
    to = io.BytesIO()
    with zipfile.ZipFile(to, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return to.getvalue()


def workbook(**sheets: pd.DataFrame) -> bytes:
    to = io.BytesIO()
    with pd.ExcelWriter(to) as book:
        for name, sheet in sheets.items():
            sheet.to_excel(book, sheet_name=name, index=False)
    return to.getvalue()


def loaded(folder: Path, **files: bytes) -> loaders.Workspace:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return loaders.load(folder)


A, B = contacts(100, 101), contacts(200, 201)


def of_one_name() -> dict[str, dict[str, bytes]]:
    sheets = [workbook(one=pd.DataFrame({"Record ID": ids, "First Name": "Zoë"})) for ids in ([100, 101], [200, 201])]
    unclosed = [text.replace("Zoë", '"Zo"ë').encode() for text in (A, B)]
    return {
        "two ways to pack": {
            "contacts.csv.gz": gzip.compress(A.encode()),
            "contacts.csv.zst": pa.compress(B.encode(), codec="zstd", asbytes=True),
        },
        "one packed, one not": {
            "contacts.csv": A.encode("utf-16"),
            "contacts.csv.gz": gzip.compress(B.encode("utf-16")),
        },
        "two archives of texts": {
            "v1.zip": zipped(("contacts.csv", A.encode("utf-16"))),
            "v2.zip": zipped(("contacts.csv", B.encode("utf-16"))),
        },
        "two archives of spreadsheets": {
            "v1.zip": zipped(("contacts.xlsx", sheets[0])),
            "v2.zip": zipped(("contacts.xlsx", sheets[1])),
        },
        "two folders of one archive": {
            "x.zip": zipped(("a/contacts.csv", A.encode("utf-16")), ("b/contacts.csv", B.encode("utf-16")))
        },
        "on the slower road": {"x.zip": zipped(("a/contacts.csv", unclosed[0]), ("b/contacts.csv", unclosed[1]))},
    }


@pytest.mark.parametrize("case", of_one_name())
def test_files_of_one_name_keep_each_their_rows(tmp_path, case):
    ws = loaded(tmp_path, **of_one_name()[case])
    assert sorted(ws.table("contacts")["hs_object_id"]) == ["100", "101", "200", "201"]
    assert ws.report.files[["rows_read", "rows_loaded", "rows_merged"]].to_numpy().tolist() == [[2, 2, 0], [2, 2, 0]]
    assert ws.report.files["file"].is_unique


DEALS = b"Record ID,Deal Name,Amount,Deal Stage\n7,D,5,closedwon\n"


def told(ws: loaders.Workspace) -> dict[str, str]:
    """Each file of the report with its object, or why it was left out."""
    return {row.file: row.object or row.why for row in ws.report.files.itertuples()}


def test_every_member_of_an_archive_is_loaded_or_named(tmp_path):
    more = zipped(("b.csv", B.encode()), ("deep.zip", zipped(("c.csv", A.encode()))))
    ws = loaded(
        tmp_path,
        **{
            "x.zip": zipped(
                ("a_empty.csv", b""),
                ("contacts.csv", A.encode()),
                ("deals.csv.gz", gzip.compress(DEALS)),
                ("more.zip", more),
                ("__MACOSX/._contacts.csv", b"\x00\x05"),
            )
        },
    )
    assert told(ws) == {
        "x.zip/contacts.csv": "contact",
        "x.zip/more.zip/b.csv": "contact",
        "x.zip/deals.csv.gz": "deal",
        "x.zip/a_empty.csv": "x.zip/a_empty.csv is empty (0 bytes): export it again, as CSV or XLSX.",
        "x.zip/more.zip/deep.zip": (
            "x.zip/more.zip/deep.zip is an archive within archives: unpack it and load what it holds."
        ),
    }
    assert set(ws.report.frame(code="L019")["file"]) == {"x.zip/a_empty.csv", "x.zip/more.zip/deep.zip"}
    assert sorted(ws.table("contacts")["hs_object_id"]) == ["100", "101", "200", "201"]


def test_an_archive_alone_with_an_export_and_a_readme_is_loaded(tmp_path):
    (tmp_path / "x.zip").write_bytes(zipped(("readme.txt", b""), ("contacts.csv", A.encode())))
    ws = loaders.load(tmp_path / "x.zip")
    assert list(told(ws)) == ["x.zip/contacts.csv", "x.zip/readme.txt"]


def test_a_member_under_a_password_is_left_out_and_the_others_are_loaded(tmp_path):
    path = tmp_path / "x.zip"
    content = bytearray(zipped(("a.csv", A.encode()), ("b.csv", B.encode())))
    content[6] |= 1  # in the first member's own head
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and in the list
    path.write_bytes(bytes(content))
    ws = loaders.load(path)
    assert told(ws) == {
        "x.zip/b.csv": "contact",
        "x.zip/a.csv": "x.zip/a.csv is protected by a password: unpack it and load what it holds.",
    }


def bombs() -> dict[str, bytes]:
    zeros = gzip.compress(b"0" * 10_000_000)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"0" * 20_000_000)
    return {
        "two members": zipped(("a.csv.gz", zeros), ("b.csv.gz", zeros)),
        "within": zipped(("contacts.csv", A.encode()), ("more.zip", inner.getvalue())),
    }


@pytest.mark.parametrize("case", bombs())
def test_an_archive_may_not_fill_the_disk_by_all_that_it_holds(tmp_path, case):
    path = tmp_path / "x.zip"
    path.write_bytes(bombs()[case])
    with pytest.raises(WorkbenchError) as error:
        loaders.load(path)
    assert str(error.value) == (
        "x.zip grows to more than 17 MB when it is unpacked, no export does: unpack it yourself and load what it holds."
    )


def rows_of(names: str) -> str:
    rows = (f"{n},{name},{name},a{n}@x.example,2026-01-02 10:00,12.5,\n" for n, name in enumerate(names.split(";"), 1))
    return HEADER + "".join(rows)


GERMAN = "Zoë O´Neil Köln;Jörg Müller;Günther Groß"


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp1252", GERMAN),
        ("cp1252", "Élodie Lefèvre;François Côté;Hélène Brûlé;cœur d’été;Ève Garçon;«\u00a0Œuvre\u00a0»"),
        ("cp1252", "José Muñoz;Mª Núñez;Iñaki;¿Cómo?;Nº 5;12 m² à 3 £"),
        ("cp1252", "Nicolò Forlì;Cantù;più città"),
        ("cp1252", "João;São Paulo;Conceição;Guimarães;Simões"),
        ("cp1252", "Søren Ærø;Åse Kjær;Märta Ångström"),
        ("cp1252", "Þór Guðmundsson;Sigríður;Ýmir;Örn Ægir"),
        ("cp1250", "Łukasz Kamiński;Wrocław;Gdańsk"),
        ("cp1250", "Małgorzata Zielińska;Paweł Dąbrowski;Grażyna Woźniak;Łódź;Święta;Kraków"),
        ("cp1250", "Jiří Dvořák;Eva Nováková;Růžička;Černý;Němec;Pospíšil;Kateřina;Zdeněk"),
        ("cp1250", "László Kovács;Erdős Gábor;Győr;Petőfi;Nagykőrös;Kőszeg"),
        ("cp1251", "Анна Иванова;Москва;Санкт-Петербург;Пётр Сидоров;Екатеринбург"),
        ("cp1253", "Ελένη Παπαδοπούλου;Αθήνα;Γιώργος;Θεσσαλονίκη;Μαρία"),
        ("shift_jis", "田中 太郎;東京都;鈴木 花子;大阪市;株式会社"),
    ],
)
def test_names_come_back_from_the_code_page_of_their_language(tmp_path, encoding, names):
    path = tmp_path / "contacts.csv"
    path.write_bytes(rows_of(names).encode(encoding))
    one = loaders.read_export(path)
    assert one.report.files["encoding"].tolist() == [encoding]
    assert one.frame["firstname"].tolist() == names.split(";")
    assert one.report.counts == {}


def read(tmp_path: Path, content: bytes, **options: Any) -> loaders.Export:
    path = tmp_path / "contacts.csv"
    path.write_bytes(content)
    return loaders.read_export(path, **options)


def faults(one: loaders.Export) -> list[list[object]]:
    found: list[list[object]] = one.report.frame()[["row", "column", "code", "value"]].to_numpy().tolist()
    return found


def test_one_byte_that_is_no_letter_does_not_change_the_names_of_others(tmp_path):
    one = read(tmp_path, rows_of(GERMAN).encode("cp1252") + b"9,Gro\x81,\xde\xf3r,,,,\n")
    assert one.frame["firstname"].tolist() == [*GERMAN.split(";"), "Gro\ufffd"]
    assert one.frame["lastname"].tolist()[-1] == "Þór"
    assert faults(one) == [[5, "firstname", "L032", "Gro\ufffd"]]


def test_a_letter_that_was_lost_is_a_fault_wherever_it_stands(tmp_path):
    rows = "".join(f"{n},Jörg,Müller,,,,Köln\n" for n in range(2_000))
    assert faults(read(tmp_path, (HEADER + rows).encode("cp1252") + b"2000,Li\x81nd,,,,,\n")) == [
        [2002, "firstname", "L032", "Li\ufffdnd"]
    ]
    assert faults(read(tmp_path, (HEADER + "1,Li\ufffdnd,,,,,\n").encode())) == [[2, "firstname", "L032", "Li\ufffdnd"]]


@pytest.mark.parametrize("names", [GERMAN, "„Lind”;Jörg", "Łukasz Dąbrowski;Łódź"])
def test_a_row_in_another_encoding_leaves_the_others_as_they_are(tmp_path, names):
    one = read(tmp_path, rows_of(names).encode() + b"9,J\xf6rg,M\xfcller,,,,\n")
    assert one.frame["firstname"].tolist() == [*names.split(";"), "Jörg"]
    assert one.report.files["encoding"].tolist() == ["utf-8 and cp1252"]
    row = 2 + len(names.split(";"))
    assert faults(one) == [[row, "firstname", "L031", "Jörg"], [row, "lastname", "L031", "Müller"]]


def test_letters_decoded_wrongly_within_windows_1252_are_put_right(tmp_path):
    one = read(tmp_path, (HEADER + "1,ZoÃ«,MÃ¼ller,,,,Köln\n").encode("cp1252"))
    assert one.frame[["firstname", "lastname", "city"]].to_numpy().tolist() == [["Zoë", "Müller", "Köln"]]
    assert faults(one) == [[2, "firstname", "L024", "ZoÃ«"], [2, "lastname", "L024", "MÃ¼ller"]]


def test_headers_decoded_wrongly_are_put_right(tmp_path):
    one = read(tmp_path, "ID de fiche d'informations;PrÃ©nom;Nom;E-mail\n1;ZoÃ«;Lind;a@x.example\n".encode())
    assert list(one.frame) == ["hs_object_id", "firstname", "lastname", "email"]


@pytest.mark.parametrize("before", ["\ufeff\ufeff", "\u200b", "\ufeff\u200b"])
def test_invisible_characters_before_a_quoted_header_do_not_hide_it(tmp_path, before):
    one = read(tmp_path, (before + '"Record ID","First Name, all","Email"\n1,"a",b@x.example\n').encode())
    assert list(one.frame) == ["hs_object_id", "First Name, all", "email"]


ROWS = (
    "101,Ada,Lind,ada@one.example,2026-01-02 10:00,12.5,Rome\n102,Zoë,Groß,zoe@two.example,2026-01-13 09:30,,Köln\n"
    "103,Cleo,Nair,,2026-02-03 08:15,-3,\n"
)
NUMBERED = {"(row number)": "hs_object_id"}


def test_a_padded_title_is_not_taken_for_the_header(tmp_path):
    one = read(
        tmp_path,
        b"Kontakte;;;;;;\nRecord ID;Email;Budget;Motto;Region;Kanal;Rang\n"
        b"1;a@x.example;5;x;N;web;1\n2;b@x.example;6;y;S;web;2\n",
    )
    assert list(one.frame) == ["hs_object_id", "email", "Budget", "Motto", "Region", "Kanal", "Rang"]
    assert one.frame["hs_object_id"].tolist() == ["1", "2"]


def test_a_header_is_found_below_thirty_lines(tmp_path):
    lines = "".join(f"line {n} of what comes before\n" for n in range(30))
    one = read(tmp_path, (lines + HEADER + ROWS).encode())
    assert one.report.files["header_row"].tolist() == [31]
    assert one.frame["hs_object_id"].tolist() == ["101", "102", "103"]


@pytest.mark.parametrize("title", ['"Export" Kontakte, heute', '"Export Kontakte', 'Kontakte 3" und mehr', '"a"b"'])
def test_a_stray_quote_in_a_title_swallows_nothing(tmp_path, title):
    one = read(tmp_path, f"{title}\n{HEADER}{ROWS}".encode())
    assert one.report.files["header_row"].tolist() == [2]
    assert one.frame["hs_object_id"].tolist() == ["101", "102", "103"]


def test_a_long_cell_beside_a_stray_quote_is_read(tmp_path):
    one = read(tmp_path, f'"Export" heute\n{HEADER}101,{"x" * 200_000},"b" c,,,,\n'.encode())
    assert one.frame["firstname"].str.len().tolist() == [200_000]


def test_a_file_without_a_header_is_said_to_have_none(tmp_path):
    with pytest.raises(WorkbenchError) as error:
        read(tmp_path, ROWS.encode())
    assert str(error.value) == (
        "contacts.csv seems to have no header: its first row is '101', 'Ada', 'Lind', 'ada@one.example', "
        "'2026-01-02 10:00', '12.5', 'Rome'. Say which column holds an id that no two rows share, as in "
        "mapping={'column 1': 'hs_object_id'}, or number the rows with mapping={'(row number)': 'hs_object_id'}."
    )


@pytest.mark.parametrize("mapping", [NUMBERED, {"column 1": "hs_object_id"}])
def test_a_file_without_a_header_keeps_its_first_row(tmp_path, mapping):
    one = read(tmp_path, ROWS.encode(), mapping=mapping)
    assert one.report.rows_loaded == 3
    assert one.frame["column 2"].tolist() == ["Ada", "Zoë", "Cleo"]


@pytest.mark.parametrize(
    ("text", "mapping", "column", "cells"),
    [
        ("Record ID\n1\n2\n3\n", {}, "hs_object_id", ["1", "2", "3"]),
        ("Email\na@x.example\nb@x.example\n", NUMBERED, "email", ["a@x.example", "b@x.example"]),
        ("Notes\nhello, world\na, b, c\n", NUMBERED, "Notes", ["hello, world", "a, b, c"]),
        ("Prospect\nA 1\nB 2\n", NUMBERED, "Prospect", ["A 1", "B 2"]),
    ],
)
def test_a_file_of_one_column_has_no_delimiter(tmp_path, text, mapping, column, cells):
    one = read(tmp_path, text.encode(), mapping=mapping)
    assert one.report.files["delimiter"].tolist() == [""]
    assert one.frame[column].tolist() == cells
    assert one.report.counts == {}


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("Record ID;Foo;Bar\n7;a,b;x\n8;c,d;y\n", ";"),
        ("Title of all\nProspect;Kind;Value\n7;a;1.5\n8;b;2\n", ";"),
        ("Prospect,Kind,Value\n7,a\n", ","),
        ("Prospect^Kind\n7^a\n8^b\n", "^"),
    ],
)
def test_a_delimiter_under_which_there_is_a_table_is_taken(tmp_path, text, delimiter):
    one = read(tmp_path, text.encode(), mapping={} if text.startswith("Record") else NUMBERED)
    assert one.report.files["delimiter"].tolist() == [delimiter]


def sheet(*ids: int) -> pd.DataFrame:
    return pd.DataFrame({"Record ID": ids, "First Name": "Zoë", "Email": [f"a{n}@x.example" for n in ids]})


COVER = pd.DataFrame({"Export": ["of today", "by Eva"]})
SUMMARY = pd.DataFrame({"Owner": ["Eva", "Ben"], "Contacts": [5, 7], "Deals": [1, 2]})


def test_the_sheet_with_most_known_names_is_read_and_the_others_are_named(tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(workbook(Cover=COVER, Summary=SUMMARY, Contacts=sheet(1, 2), Empty=pd.DataFrame()))
    ws = loaders.load(path)
    assert ws.table("contacts")["hs_object_id"].tolist() == ["1", "2"]
    assert told(ws) == {
        "book.xlsx": "contact",
        "book.xlsx/Cover": (
            "book.xlsx/Cover is another sheet, 'Contacts' was read: save it as a file of its own to import it too."
        ),
        "book.xlsx/Summary": (
            "book.xlsx/Summary is another sheet, 'Contacts' was read: save it as a file of its own to import it too."
        ),
    }
    assert ws.report.counts == {"L019": 2}


def test_a_hidden_sheet_is_not_taken_before_a_visible_one(tmp_path):
    path = tmp_path / "book.xlsx"
    with pd.ExcelWriter(path, engine="xlsxwriter") as book:
        sheet(8, 9).assign(Phone="1").to_excel(book, sheet_name="Old", index=False)
        sheet(1, 2).to_excel(book, sheet_name="New", index=False)
        book.sheets["New"].activate()
        book.sheets["Old"].hide()
    ws = loaders.load(path)
    assert ws.table("contacts")["hs_object_id"].tolist() == ["1", "2"]
    assert "a hidden sheet" in told(ws)["book.xlsx/Old"]


def test_a_padded_title_of_a_sheet_is_not_taken_for_the_header(tmp_path):
    rows = [
        ["Kontakte", *4 * [None]],
        ["Record ID", "Budget", "Motto", "Region", "Rang"],
        [1, 5, "x", "N", 1],
        [2, 6, "y", "S", 2],
    ]
    path = tmp_path / "book.xlsx"
    pd.DataFrame(rows).to_excel(path, index=False, header=False)
    one = loaders.read_export(path)
    assert one.report.files["header_row"].tolist() == [2]
    assert one.frame["hs_object_id"].tolist() == ["1", "2"]
