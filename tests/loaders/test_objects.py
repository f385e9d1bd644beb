"""Every object is known by its headers in three languages, by internal names, and by what its kind alone has."""

import csv
from pathlib import Path

import pandas as pd
import pytest

import workbench as wb
from workbench import catalog
from workbench.errors import WorkbenchError

VALUES = {
    "id": "101",
    "id_list": "11;12",
    "number": "3",
    "bool": "true",
    "date": "2026-01-01",
    "datetime": "2026-01-01 10:00",
    "duration_ms": "1000",
}


@pytest.mark.parametrize("object_name", catalog.TABLES)
@pytest.mark.parametrize("written", ["en", "de", "fr", "internal"])
def test_an_object_is_known_by_its_headers(tmp_path, object_name, written):
    properties = catalog.properties(object_name)
    file = tmp_path / "export.csv"
    with file.open("w", newline="", encoding="utf-8") as text:
        rows = csv.writer(text)
        rows.writerow([one.name if written == "internal" else one.label(written) for one in properties])
        rows.writerow([VALUES.get(one.type, "x") for one in properties])
    read = wb.read_export(file)
    assert read.object == object_name
    assert set(read.frame.columns) == {one.name for one in properties}
    assert read.report.counts.keys() <= {"L029"}  # "x" is no known stage


ONE_KIND = [
    ("Record ID,Call title,Activity date,Call outcome,Associated Contact IDs", "1,Hi,{at},Reached,11", "call"),
    ("Datensatz-ID,Anruftitel,Aktivitätsdatum,Anrufergebnis,Kontakt-ID", "1,Hi,{at},Erreicht,11", "call"),
    ("ID d'activité,Date d'activité,Résultat de la réunion,ID du contact", "1,{at},ok,11", "meeting"),
    ("hs_object_id,hs_note_body,hs_timestamp,hubspot_owner_id,contact_id", "1,Hi,{at},77,11", "note"),
    ("Record ID,Task title,Task status,Activity date,Contact ID", "1,Hi,done,{at},11", "task"),
    ("Record ID,Email subject,Activity date,Contact ID", "1,Hi,{at},11", "email_sales"),
    ("Contact ID,Form name,Submission date,Page URL", "11,Demo,{at},/demo", "form_submission"),
    ("Contact ID,Page URL,Timestamp", "11,/demo,{at}", "page_view"),
]


@pytest.mark.parametrize(("header", "row", "kind"), ONE_KIND)
def test_an_export_of_one_kind_of_activity_tells_it_by_its_headers(tmp_path, header, row, kind):
    file = tmp_path / "export.csv"
    file.write_text(f"{header}\n{row.format(at='2026-01-02 10:00')}\n", encoding="utf-8")
    read = wb.read_export(file)
    assert read.object == "activity"
    told = read.frame.iloc[0]
    assert (told["kind"], told["contact_id"], told["at"]) == (kind, "11", pd.Timestamp("2026-01-02 10:00"))
    assert told["detail"]


def test_kinds_that_come_in_files_of_their_own_are_one_table(tmp_path):
    (tmp_path / "calls.csv").write_text("Contact ID,Call outcome,Activity date\n11,Reached,2026-01-02 10:00\n")
    (tmp_path / "all.csv").write_text("Contact ID,Activity type,Activity date\n12,Page view,2026-01-03 10:00\n")
    ws = wb.load(tmp_path)
    assert ws.activities.sort_values("contact_id")["kind"].tolist() == ["call", "page_view"]


def test_owners_are_people_with_a_table_of_their_own(tmp_path):
    (tmp_path / "owners.csv").write_text("Owner ID,First Name,Last Name,Email,Team\n7,Jo,Weir,jo@us.example,North\n")
    ws = wb.load(tmp_path)
    assert ws.owners.iloc[0].to_dict() == {
        "owner_id": "7",
        "firstname": "Jo",
        "lastname": "Weir",
        "email": "jo@us.example",
        "team": "North",
    }


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("12. März 2025", "2025-03-12"),
        ("Mar 12, 2025", "2025-03-12"),
        ("March 3rd, 2025", "2025-03-03"),
        ("12 mars 2025", "2025-03-12"),
        ("1er janvier 2026", "2026-01-01"),
        ("5-Jan-2026", "2026-01-05"),
        ("15 AUG 2025, 10:00:05", "2025-08-15 10:00:05"),
        ("Dec 3, 2025 9:30 PM", "2025-12-03 21:30"),
        ("3. Dezember 2025 14:05 Uhr", "2025-12-03 14:05"),
        ("12 déc. 2025 à 08:01", "2025-12-12 08:01"),
    ],
)
@pytest.mark.parametrize("header", ["Create Date", "A column of my own"])
def test_months_may_be_written_by_name(tmp_path, written, meant, header):
    file = tmp_path / "contacts.csv"
    file.write_text(f"Record ID;{header}\n1;{written}\n2;\n", encoding="utf-8")
    read = wb.read_export(file)
    assert read.frame.iloc[0, 1] == pd.Timestamp(meant)
    assert read.report.counts == {}


def test_a_day_that_no_month_has_is_a_fault(tmp_path):
    file = tmp_path / "contacts.csv"
    file.write_text("Record ID;Create Date\n1;31 février 2025\n2;12 mars 2025\n", encoding="utf-8")
    read = wb.read_export(file)
    assert read.frame["createdate"].isna().tolist() == [True, False]
    assert read.report.frame()[["code", "value"]].to_numpy().tolist() == [["L004", "31 février 2025"]]


def test_whole_months_are_their_first_day(tmp_path):
    months = ["2026-01", "Februar 2026", "03/2026", "04.2026", "2026-05-01", "juin 2026"]
    file = tmp_path / "usage.csv"
    file.write_text("Kunden-ID;Monat;Website-Besucher\n" + "".join(f"1;{month};2\n" for month in months))
    read = wb.read_export(file)
    assert read.frame["month"].tolist() == [pd.Timestamp(2026, month, 1) for month in range(1, 7)]


def test_a_workbook_that_a_spreadsheet_program_has_encrypted_says_so():
    file = Path(__file__).parents[1] / "data" / "spreadsheets" / "protected.xlsx"  # its password: opensesame
    with pytest.raises(WorkbenchError, match=r"^protected.xlsx is protected by a password: save it without one"):
        wb.read_export(file)
