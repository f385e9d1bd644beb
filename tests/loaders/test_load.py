"""Loading exports: recognised, typed, merged, and every row accounted for."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xlsxwriter

import workbench.loaders as loaders
from workbench.errors import WorkbenchError

CONTACTS = """\
Record ID,First Name,Email,Lifecycle Stage,Create Date,HubSpot Score,Unsubscribed from all email,Interests
101,Ada,ada@one.example,Lead,2026-01-02 10:00,12,true,CRM;Sales
102,Ben,ben@two.example,Customer,2026-01-03 11:30,,false,
103,Cleo,cleo@three.example,(No value),2026-01-04 12:00,-3.5,,Sales
"""


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def test_a_contact_export_comes_back_under_internal_names_and_with_types(tmp_path):
    ws = loaders.load(write(tmp_path, "hubspot-crm-exports-all-contacts-2026-06-30.csv", CONTACTS))
    contacts = ws.contacts
    assert contacts["hs_object_id"].tolist() == ["101", "102", "103"]
    assert contacts["lifecyclestage"].tolist()[:2] == ["lead", "customer"]
    assert contacts["lifecyclestage"].isna().tolist() == [False, False, True]
    assert contacts["createdate"].tolist()[0] == pd.Timestamp("2026-01-02 10:00")
    assert contacts["hubspotscore"].tolist()[0] == 12.0
    assert np.isnan(contacts["hubspotscore"].tolist()[1])
    assert contacts["hubspotscore"].tolist()[2] == -3.5
    assert contacts["hs_email_optout"].tolist() == [True, False, pd.NA]
    assert {name: str(kind) for name, kind in contacts.dtypes.items()} == {
        "hs_object_id": "str",
        "firstname": "str",
        "email": "str",
        "lifecyclestage": "str",
        "createdate": "datetime64[us]",
        "hubspotscore": "float64",
        "hs_email_optout": "boolean",
        "Interests": "str",
    }
    assert ws.as_of == dt.datetime(2026, 6, 30)
    assert ws.report.headline() == (
        "3 rows read from 1 file: 3 loaded, 0 set aside; 0 of the loaded rows were duplicates and were merged; "
        "0 faults marked."
    )


@pytest.mark.parametrize("engine", ["pandas", "duckdb", "polars"])
def test_a_table_gives_the_columns_that_are_asked_for_on_every_engine(tmp_path, engine):
    ws = loaders.load(write(tmp_path, "contacts.csv", CONTACTS))
    table = ws.table("contacts", columns=["hubspotscore", "hs_object_id"], engine=engine)
    frame = table if engine == "pandas" else table.df() if engine == "duckdb" else table.to_pandas()
    assert list(frame.columns) == ["hubspotscore", "hs_object_id"]
    assert frame["hs_object_id"].tolist() == ["101", "102", "103"]


def test_a_table_that_was_not_exported_is_empty_with_its_columns(tmp_path):
    ws = loaders.load(write(tmp_path, "contacts.csv", CONTACTS))
    assert len(ws.deals) == 0
    assert str(ws.deals["amount"].dtype) == "float64"
    assert str(ws.deals["closedate"].dtype) == "datetime64[us]"
    with pytest.raises(WorkbenchError) as error:
        ws.table("deals", engine="polars")
    assert str(error.value) == (
        "contacts has no deals: no file of them was loaded. There are 'contacts'. Export the deals and load them with "
        "the rest."
    )


def test_the_sample_in_three_languages_is_the_same_table():
    sample = Path(__file__).parents[2] / "data" / "sample"
    english = loaders.load(sample)
    for language in ("de", "fr"):
        other = loaders.load(sample / language)
        pd.testing.assert_frame_equal(english.contacts, other.contacts)
        assert other.report.rows_merged == english.report.files.set_index("object")["rows_merged"]["contact"]
    assert set(english.tables) >= {"contacts", "companies", "deals", "tickets", "activities", "property_history"}
    assert english.report.rows_set_aside == 0


def test_a_spreadsheet_gives_the_same_table_as_the_csv(tmp_path):
    path = tmp_path / "kontakte.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        day = book.add_format({"num_format": "dd.mm.yyyy hh:mm"})
        sheet.write_row(0, 0, ["Datensatz-ID", "Vorname", "Erstellungsdatum", "HubSpot-Score"])
        sheet.write_row(1, 0, [101, "Ada"])
        sheet.write_datetime(1, 2, dt.datetime(2026, 1, 2, 10, 0), day)
        sheet.write(1, 3, 12.5)
        sheet.write_row(2, 0, [102, "Ben", "03.01.2026 11:30", 1.5])
    one = loaders.read_export(path)
    assert one.object == "contact"
    assert one.frame["hs_object_id"].tolist() == ["101", "102"]
    assert one.frame["createdate"].tolist() == [pd.Timestamp("2026-01-02 10:00"), pd.Timestamp("2026-01-03 11:30")]
    assert one.frame["hubspotscore"].tolist() == [12.5, 1.5]
    assert one.report.files["format"].tolist() == ["XLSX"]


def test_a_german_spreadsheet_dialect_is_read(tmp_path):
    text = (
        "Datensatz-ID;Vorname;Deal-Name;Betrag;Abschlussdatum\r\n1;x;Größe;1.234,56;31.12.2025\r\n2;y;ß;-2,5;01.02.2026"
    )
    one = loaders.read_export(write(tmp_path, "deals.csv", text, "cp1252"))
    assert one.object == "deal"
    assert one.frame["amount"].tolist() == [1234.56, -2.5]
    assert one.frame["closedate"].tolist() == [pd.Timestamp("2025-12-31"), pd.Timestamp("2026-02-01")]
    assert one.frame["dealname"].tolist() == ["Größe", "ß"]
    assert one.report.files[["delimiter", "encoding"]].to_numpy().tolist() == [[";", "cp1252"]]


@pytest.mark.parametrize(
    ("dates", "first"),
    [
        (["03/04/2025", "13/04/2025"], "2025-04-03"),
        (["03/04/2025", "04/13/2025"], "2025-03-04"),
        (["3/4/2025 1:05 PM", "4/13/2025 12:00 AM"], "2025-03-04 13:05"),
        (["2025-04-03T10:00:00Z", "2025-04-03"], "2025-04-03 10:00"),
        (["2025-04-03 10:00:01.5", ""], "2025-04-03 10:00:01.5"),
        (["1743674400000", ""], "2025-04-03 10:00"),
        (["45750.5", ""], "2025-04-03 12:00"),
        (["2025/04/03", "2025/04/13"], "2025-04-03"),
        (["3.4.25", "13.4.25"], "2025-04-03"),
    ],
)
def test_the_columns_own_values_say_how_dates_are_written(tmp_path, dates, first):
    text = "Record ID,First Name,Create Date\n" + "".join(f"{n},x,{day}\n" for n, day in enumerate(dates))
    one = loaders.read_export(write(tmp_path, "contacts.csv", text))
    assert one.frame["createdate"][0] == pd.Timestamp(first)
    assert one.report.counts == {}


def test_an_ambiguous_date_column_goes_by_the_language_and_is_reported(tmp_path):
    text = "Record ID,First Name,Create Date\n1,x,03/04/2025\n"
    path = write(tmp_path, "contacts.csv", text)
    english, german = loaders.read_export(path), loaders.read_export(path, language="de")
    assert english.frame["createdate"][0] == pd.Timestamp("2025-03-04")
    assert german.frame["createdate"][0] == pd.Timestamp("2025-04-03")
    assert english.report.frame()[["row", "column", "code"]].to_numpy().tolist() == [[1, "createdate", "L010"]]


def test_times_with_an_offset_come_to_the_accounts_time_zone(tmp_path):
    times = ("2025-07-01T10:00:00Z", "2025-07-01T10:00:00+05:00", "2025-07-01 10:00")
    text = "Record ID,First Name,Create Date\n" + "".join(f"{n},x,{time}\n" for n, time in enumerate(times))
    one = loaders.read_export(write(tmp_path, "contacts.csv", text), timezone="Europe/Berlin")
    assert one.frame["createdate"].dt.hour.tolist() == [12, 7, 10]


def test_what_does_not_fit_is_blank_in_the_table_and_text_in_the_report(tmp_path):
    text = (
        "Record ID,First Name,Create Date,HubSpot Score,Unsubscribed from all email\n"
        "101.0,Ada,31.02.2025,many,maybe\n1.2E+11,Ben,01.02.2025,3,yes\n,Cleo,13.02.2025,1e2,no\n"
    )
    one = loaders.read_export(write(tmp_path, "contacts.csv", text))
    assert one.frame["hs_object_id"].fillna("").tolist() == ["101", "", ""]
    assert one.frame["hubspotscore"].fillna(-1).tolist() == [-1, 3, 100]
    faults = one.report.frame()
    assert faults[["row", "column", "code", "value"]].to_numpy().tolist() == [
        [2, "hubspotscore", "L003", "many"],
        [2, "createdate", "L004", "31.02.2025"],
        [2, "hs_email_optout", "L005", "maybe"],
        [3, "hs_object_id", "L006", "1.2E+11"],
        [4, "hs_object_id", "L007", ""],
    ]
    assert one.report.rows_read == one.report.rows_loaded == 3


def test_unknown_columns_are_typed_from_all_of_their_values(tmp_path):
    rows = 5_000
    text = "Record ID,First Name,Points,Late,Code,When,Agreed,Seldom\n" + "".join(
        f"{n},x,{n}.5,{'word' if n == rows - 1 else n},00{n},2025-01-{n % 28 + 1:02d},{'yes' if n % 2 else 'no'},"
        f"{'7' if n == rows - 1 else ''}\n"
        for n in range(rows)
    )
    frame = loaders.read_export(write(tmp_path, "contacts.csv", text)).frame
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == {
        "hs_object_id": "str",
        "firstname": "str",
        "Points": "float64",
        "Late": "str",
        "Code": "str",
        "When": "datetime64[us]",
        "Agreed": "boolean",
        "Seldom": "float64",
    }
    assert frame["Late"].tolist()[-2:] == ["4998", "word"]


def test_rows_keep_the_order_and_the_numbers_they_have_in_the_file(tmp_path):
    ids = [str(n * 7919 % 100_003) for n in range(1, 60_001)]
    text = "Record ID,First Name,HubSpot Score\n" + "".join(f"{n},name of {n},{int(n) % 97}\n" for n in ids)
    ws = loaders.load(write(tmp_path, "contacts.csv", text + f"{ids[0]},another name,7\n"))
    table = ws.table("contacts", columns=["hs_object_id", "_row"])
    assert table["hs_object_id"].tolist()[:-1] == ids[1:]
    assert table["_row"].tolist() == [*range(3, 60_002), 60_002]


def test_rows_keep_their_numbers_where_several_threads_read_them(tmp_path):
    n_rows = 40_000  # 30 MB: each thread reads a few blocks
    filler = "x" * 700
    text = "Record ID,First Name,Number of Employees,Unsubscribed from all email,Lifecycle Stage,Create Date\n"
    text += "".join(f"{n},{filler},{n},{'yes' if n % 3 else 'no'},Lead,2026-01-01\n" for n in range(2, n_rows + 2))
    ws = loaders.load(write(tmp_path, "contacts.csv", text))
    table = ws.table("contacts", columns=["hs_object_id", "_row"])
    assert table["_row"].tolist() == list(range(2, n_rows + 2))
    assert (table["hs_object_id"].astype(int) == table["_row"]).all()


def test_duplicates_become_one_record_and_nothing_of_them_is_lost(tmp_path):
    first = "Record ID,First Name,Last Modified Date,City\n1,Ada,2026-01-01 10:00,Rome\n2,Ben,2026-01-01 10:00,\n"
    second = "Record ID,First Name,Last Modified Date,Phone Number\n1,Adele,2026-02-01 10:00,\n2,,2025-01-01 10:00,55\n"
    write(tmp_path, "contacts-1.csv", first)
    write(tmp_path, "contacts-2.csv", second + "2,Benno,2024-01-01 10:00,\n")
    ws = loaders.load(tmp_path)
    contacts = ws.contacts.set_index("hs_object_id")
    assert contacts.loc["1", ["firstname", "city"]].tolist() == ["Adele", "Rome"]
    assert contacts.loc["2", ["firstname", "phone"]].tolist() == ["Ben", "55"]
    assert ws.report.rows_read == ws.report.rows_loaded == 5
    assert ws.report.rows_merged == 3
    faults = ws.report.frame()
    assert faults[["file", "row", "column", "code", "value"]].to_numpy().tolist() == [
        ["contacts-1.csv", 2, "", "L008", "1"],
        ["contacts-1.csv", 2, "firstname", "L009", "Ada"],
        ["contacts-2.csv", 3, "", "L008", "2"],
        ["contacts-2.csv", 4, "", "L008", "2"],
        ["contacts-2.csv", 4, "firstname", "L009", "Benno"],
    ]


def test_a_ticket_on_several_rows_keeps_all_of_its_associations(tmp_path):
    text = "Record ID,Ticket ID,Ticket name,Associated Contact IDs\n1,9,a,7\n1,9,a,8;7\n"
    one = loaders.read_export(write(tmp_path, "tickets.csv", text))
    assert one.object == "ticket"
    assert one.frame["associated_contact_ids"].tolist() == ["7;8"]
    assert one.report.rows_merged == 1


def test_broken_rows_are_set_aside_whole_and_counted(tmp_path):
    text = (
        "Record ID,First Name,Last Name,City\n1,Ada,L,Rome\n2,Ben,L,Rome,too many\n3,Cleo\n"
        '4,"Dora" X,L,Rome\n5,"Emil,L,Rome\n6,"two\nlines",L,Rome\n'
    )
    one = loaders.read_export(write(tmp_path, "contacts.csv", text))
    assert one.frame["hs_object_id"].tolist() == ["1", "3", "4", "5", "6"]
    assert one.frame["firstname"].tolist() == ["Ada", "Cleo", '"Dora" X', '"Emil', "two\nlines"]
    assert one.report.frame()[["row", "code", "value"]].to_numpy().tolist() == [
        [3, "L001", "2,Ben,L,Rome,too many"],
        [4, "L002", "3,Cleo"],
        [5, "L013", '4,"Dora" X,L,Rome'],
        [6, "L013", '5,"Emil,L,Rome'],
    ]
    assert (one.report.rows_read, one.report.rows_loaded, one.report.rows_set_aside) == (6, 5, 1)


def test_any_csv_loads_by_a_mapping_and_a_second_file_joins(tmp_path):
    write(tmp_path, "leads.csv", "Prospect,Came,Origin\na1,2025-01-05,fair\nb2,2025-02-06,web\n")
    write(tmp_path, "wins.csv", "Prospect,Won on,Value\nb2,2025-03-01,1200\n")
    write(
        tmp_path,
        "mapping.yaml",
        "leads.csv: {object: contact, columns: {Prospect: hs_object_id, Came: createdate}}\n"
        "wins.csv: {object: contact, columns: {Prospect: hs_object_id, Won on: hs_v2_date_entered_customer}}\n",
    )
    ws = loaders.load(tmp_path)
    assert ws.tables == ("contacts",)
    contacts = ws.contacts.sort_values("hs_object_id")
    assert contacts["createdate"].dt.day.tolist() == [5, 6]
    assert contacts["hs_v2_date_entered_customer"].isna().tolist() == [True, False]
    assert contacts["Value"].fillna(0).tolist() == [0, 1200]
    assert contacts["Origin"].tolist() == ["fair", "web"]
    assert (ws.report.rows_read, ws.report.rows_loaded, ws.report.rows_merged) == (3, 3, 1)


def test_the_row_number_serves_as_an_id_when_asked_for(tmp_path):
    path = write(tmp_path, "bank.csv", '"age";"job";"won"\n58;"manager";"no"\n44;"clerk";"yes"\n')
    one = loaders.read_export(path, mapping={"(row number)": "hs_object_id"})
    assert one.object == "contact"
    assert one.frame["hs_object_id"].tolist() == ["2", "3"]
    assert one.frame["won"].tolist() == [False, True]


def test_nothing_is_typed_where_that_is_asked_for(tmp_path):
    frame = loaders.read_export(write(tmp_path, "contacts.csv", CONTACTS), typed=False).frame
    assert frame["hubspotscore"].fillna("").tolist() == ["12", "", "-3.5"]
    assert frame["lifecyclestage"].fillna("").tolist() == ["Lead", "Customer", ""]


def test_importing_the_same_files_again_changes_nothing(tmp_path):
    exports, home = tmp_path / "exports", tmp_path / "home"
    exports.mkdir()
    path = write(exports, "contacts.csv", CONTACTS)
    first = loaders.load(exports, to=home)
    assert first.is_current(exports)
    written = {file: file.stat().st_mtime_ns for file in home.rglob("*") if file.is_file()}
    again = loaders.load(exports, to=home)
    assert {file: file.stat().st_mtime_ns for file in home.rglob("*") if file.is_file()} == written
    pd.testing.assert_frame_equal(first.contacts, again.contacts)
    assert not again.is_current(exports, language="de")
    path.write_text(CONTACTS + "104,Dora,dora@four.example,Lead,2026-01-05 12:00,1,,\n", encoding="utf-8")
    assert not again.is_current(exports)
    assert len(loaders.load(exports, to=home).contacts) == 4
    assert len(loaders.load(home).contacts) == len(loaders.open_workspace(home).contacts) == 4


def test_a_private_workspace_goes_when_nobody_holds_it(tmp_path):
    ws = loaders.load(write(tmp_path, "contacts.csv", CONTACTS))
    folder, report = ws.path, ws.report
    assert folder.is_dir()
    del ws
    assert folder.is_dir()  # the report still reads its faults there
    del report
    assert not folder.exists()


def test_a_report_goes_through_json(tmp_path):
    report = loaders.read_export(write(tmp_path, "contacts.csv", CONTACTS + "1\n")).report
    assert loaders.LoadReport.from_json(report.to_json()) == report


def test_events_are_sorted_by_kind_and_time(tmp_path):
    text = (
        "Activity ID,Contact ID,Type,Timestamp\n"
        "1,7,page_view,2026-01-02 10:00\n2,7,Call,2026-01-03 10:00\n3,7,page_view,2026-01-01 10:00\n"
    )
    ws = loaders.load(write(tmp_path, "activities.csv", text))
    assert ws.activities["activity_id"].tolist() == ["2", "3", "1"]
    assert ws.activities["kind"].tolist() == ["call", "page_view", "page_view"]


def test_a_folder_says_which_files_it_left_out(tmp_path):
    write(tmp_path, "contacts.csv", CONTACTS)
    write(tmp_path, "colours.csv", "colour,hex\nred,ff0000\n")
    (tmp_path / "older").mkdir()
    write(tmp_path / "older", "contacts.csv", CONTACTS)
    report = loaders.load(tmp_path).report
    assert report.files[["file", "object", "rows_loaded"]].to_numpy().tolist() == [
        ["contacts.csv", "contact", 3],
        ["colours.csv", "", 0],
    ]
    assert report.counts == {"L019": 1}
