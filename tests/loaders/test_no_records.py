"""Rows that are no records are told from rows that are, whichever road a file takes."""

import csv
from pathlib import Path

import pytest
import xlsxwriter

import workbench.loaders as loaders

HEADER = "Record ID,First Name,Last Name,Email,Create Date,HubSpot Score,City\n"
INTERNAL = "hs_object_id,firstname,lastname,email,createdate,hubspotscore,city\n"
GERMAN = "Datensatz-ID,Vorname,Nachname,E-Mail,Erstelldatum,HubSpot-Score,Ort\n"
ROWS = (
    "101,Ada,Lind,ada@one.example,2026-01-02 10:00,12.5,Rome\n"
    "102,Zoe,Gross,zoe@two.example,2026-01-13 09:30,,Bonn\n"
    "103,Cleo,Nair,,2026-02-03 08:15,-3,\n"
)
DEALS = "Record ID,Deal Name,Amount,Deal Stage\n900,Big one,1200,Closed Won\n"


def padded(text: str) -> str:
    return "".join(f"{line}{',' * (HEADER.count(',') - line.count(','))}\n" for line in text.splitlines())


def read(folder: Path, text: str, written: str = "csv", **options: object) -> tuple[list[str], list[list[object]]]:
    """The ids of the records, and row and code of each fault."""
    file = folder / ("contacts.xlsx" if written == "xlsx" else "contacts.csv")
    if written == "xlsx":
        with xlsxwriter.Workbook(file) as book:
            sheet = book.add_worksheet()
            for number, row in enumerate(csv.reader(text.splitlines())):
                sheet.write_row(number, 0, row)
    else:
        file.write_text(padded(text) if written == "padded" else text, encoding="utf-8", newline="")
    one = loaders.read_export(file, **options)
    assert one.report.rows_read == one.report.rows_loaded + one.report.rows_set_aside
    return list(one.frame["hs_object_id"]), one.report.frame()[["row", "code"]].to_numpy().tolist()


@pytest.mark.parametrize("written", ["csv", "padded", "xlsx"])
@pytest.mark.parametrize("between", ["\nDeals of Tiny\n", "Deals of Tiny\n", "\nDeals\n\n", "Deals\n", ""])
def test_a_second_table_is_set_aside_with_its_title(tmp_path, between, written):
    ids, faults = read(tmp_path, HEADER + ROWS + between + DEALS, written)
    assert ids == ["101", "102", "103"]
    assert [code for _, code in faults] == ["L023"] * (3 if between else 2)


@pytest.mark.parametrize("written", ["csv", "padded", "xlsx"])
def test_a_second_table_of_columns_that_nobody_knows_is_told_by_its_id(tmp_path, written):
    ids, faults = read(tmp_path, HEADER + ROWS + "Record ID,Ours,Theirs,Mine\n900,1,2,3\n", written)
    assert (ids, faults) == (["101", "102", "103"], [[5, "L023"], [6, "L023"]])


def test_a_second_table_below_ids_that_are_words_is_set_aside_with_its_title(tmp_path):
    text = "Prospect ID,First Name,Email\na1,Ada,a@x.example\nb1,Ben,b@x.example\n\nDeals\n"
    ids, faults = read(tmp_path, text + DEALS, mapping={"Prospect ID": "hs_object_id"})
    assert (ids, faults) == (["a1", "b1"], [[4, "L023"], [5, "L023"], [6, "L023"]])
    ids, faults = read(tmp_path, text, mapping={"Prospect ID": "hs_object_id"})
    assert (ids, faults) == (["a1", "b1", "Deals"], [[4, "L002"]])  # nothing says that this is no id


@pytest.mark.parametrize("written", ["csv", "xlsx"])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        (HEADER, INTERNAL),
        (INTERNAL, HEADER),
        (HEADER, GERMAN),
        (GERMAN, HEADER),
        (HEADER, "---,---,---,---,---,---,---\n"),
    ],
)
def test_a_header_on_two_rows_is_one(tmp_path, first, second, written):
    assert read(tmp_path, first + second + ROWS, written) == (["101", "102", "103"], [[2, "L022"]])


@pytest.mark.parametrize("written", ["csv", "padded", "xlsx"])
@pytest.mark.parametrize(
    "note", ["Exported on 1 Feb 2026, all contacts", "Quelle: CRM; Stand heute", "Source,CRM", "Ende", "\x1a"]
)
def test_words_for_an_id_below_numbers_are_a_note(tmp_path, note, written):
    ids, faults = read(tmp_path, f"{HEADER}{ROWS}Total: 3 contacts\n{note}\n", written)
    assert (ids, faults) == (["101", "102", "103"], [[5, "L021"], [6, "L021"]])
    ids, faults = read(tmp_path, f"{HEADER}{ROWS}{note}\n", written)
    assert (ids, faults) == (["101", "102", "103"], [[5, "L021"]])


@pytest.mark.parametrize("written", ["padded", "xlsx"])
@pytest.mark.parametrize(
    "last", ["104,Dora", "104", "1.2E+11,Dora", "104.0,Dora", "x104,Dora,Poe", ",,,dora@x.example"]
)
def test_a_last_record_with_little_in_it_is_still_one(tmp_path, last, written):
    ids, _ = read(tmp_path, f"{HEADER}{ROWS}{last}\n", written)
    assert len(ids) == 4


def test_values_that_are_called_like_properties_make_no_header(tmp_path):
    text = "Object,Record ID,Property,Value,Change date\n" + "".join(
        f"contact,{number},{name},{value},2026-01-0{number}\n"
        for number, name, value in ((1, "email", "Email"), (2, "city", "City"), (3, "source", "Source"))
    )
    file = tmp_path / "history.csv"
    file.write_text(text + "\ncontact,4,email,Email,2026-01-04,one too many\n", encoding="utf-8")
    report = loaders.read_export(file).report
    assert (report.rows_loaded, report.frame()["code"].to_list()) == (3, ["L001"])


def test_a_stray_quote_does_not_swallow_the_rows_below(tmp_path):
    text = 'Record ID,First Name,City\n1,Ada,"Rome\n2,Ben,Oslo\n3,Cleo,Nice",x\n4,Dora,Lyon\n'
    assert read(tmp_path, text) == (["1", "2", "4"], [[2, "L013"], [4, "L001"]])


def test_the_report_says_how_the_file_was_written_on_either_road(tmp_path):
    file = tmp_path / "contacts.csv"
    for text in (HEADER + ROWS, HEADER + ROWS + "\nTotal: 3 contacts\n"):
        file.write_text(text.replace(",", ";"), encoding="utf-8")
        assert loaders.read_export(file).report.files[["delimiter", "quote"]].to_numpy().tolist() == [[";", '"']]
    file.write_text("Record ID|First Name|City\n1|'a|b'|Rome\n2|Ben|'Oslo'\n3|'Cy'|\n4|Di\n", encoding="utf-8")
    assert loaders.read_export(file).report.files["delimiter"].to_list() == ["|"]


def test_no_cell_is_missing_where_the_header_ends_in_blank_ones(tmp_path):
    text = "Record ID,First Name,Email,,\n1,Ada,a@x.example\n2,Ben,b@x.example,\n3,Cleo\n"
    assert read(tmp_path, text) == (["1", "2", "3"], [[4, "L002"]])


def test_a_fault_is_told_of_the_column_it_is_in(tmp_path):
    file = tmp_path / "contacts.csv"
    file.write_text("Record ID,Email,Email,,\n1,a@x.example,rÃ©a@x.example\n2,,,,5,6\n", encoding="utf-8")
    faults = loaders.read_export(file).report.frame()[["row", "column", "code"]].to_numpy().tolist()
    assert faults == [[2, "Email (2)", "L024"], [3, "", "L001"]]
