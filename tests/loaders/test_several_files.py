"""Several files of one object: which is the later one, what blank columns are, rows without an id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from workbench import WorkbenchError
from workbench.loaders import Workspace, load
from workbench.loaders.recognise import RESERVED


def loaded(folder: Path, files: dict[str, str], **options: Any) -> Workspace:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    workspace = load(folder, **options)
    report = workspace.report
    assert report.rows_read == report.rows_loaded + report.rows_set_aside
    return workspace


def faults(workspace: Workspace, code: str) -> list[list[Any]]:
    return workspace.report.frame(code=code)[["file", "row", "column", "value"]].to_numpy().tolist()


@pytest.mark.parametrize("blank_first", [True, False])
@pytest.mark.parametrize(
    ("cell", "dtype"), [("2024-03-01", "datetime64[us]"), ("5", "float64"), ("yes", "boolean"), ("so so", "str")]
)
def test_a_column_that_is_blank_in_one_file_has_the_type_of_the_others(tmp_path, blank_first, cell, dtype):
    cells = ("", cell) if blank_first else (cell, "")
    files = {f"{n}.csv": f"Record ID,Started\n{n},{text}\n" for n, text in enumerate(cells, start=1)}
    table = loaded(tmp_path, files).contacts
    assert str(table["Started"].dtype) == dtype
    assert table["Started"].isna().tolist() == [blank_first, not blank_first]


def test_headers_that_differ_in_capitals_are_one_column(tmp_path):
    files = {
        "a.csv": "Record ID,Email,Points\n1,a@one.example,5\n",
        "b.csv": "Record ID,Email,points\n3,c@one.example,007\n4,d@one.example,x\n",
    }
    table = loaded(tmp_path, files).contacts
    assert list(table) == ["hs_object_id", "email", "Points"]
    assert table["Points"].tolist() == ["5", "007", "x"]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("hubspot-crm-exports-alle-kontakte-2025-01-01.csv", "hubspot-crm-exports-all-contacts-2025-03-01.csv"),
        ("contacts-2025-03-01.csv", "contacts-2025-03-01-1.csv"),
        ("contacts-2025-03-01-2.csv", "contacts-2025-03-01-10.csv"),
        ("contacts.csv", "a-2025-03-01.csv"),
    ],
)
def test_the_later_export_wins_by_the_day_and_the_number_in_its_name(tmp_path, older, newer):
    text = "Record ID,Phone Number,Lifecycle Stage\n1,{},{}\n"
    workspace = loaded(tmp_path, {older: text.format(111, "Lead"), newer: text.format(222, "Customer")})
    assert workspace.contacts[["phone", "lifecyclestage"]].to_numpy().tolist() == [["222", "customer"]]
    assert faults(workspace, "L009") == [[older, 2, "lifecyclestage", "lead"], [older, 2, "phone", "111"]]


def test_a_modification_date_that_only_one_file_has_decides_nothing(tmp_path):
    files = {
        "contacts-2025-01-01.csv": "Record ID,Phone Number,Last Modified Date\n1,111,2024-12-31 10:00\n",
        "contacts-2025-03-01.csv": "Record ID,Phone Number\n1,222\n",
    }
    assert loaded(tmp_path, files).contacts["phone"].tolist() == ["222"]


def test_what_was_set_aside_is_told_where_another_file_makes_a_column_text(tmp_path):
    files = {
        "a.csv": "Record ID,First Name,Rank\n1,Ann,5\n2,Bo,7,9\n3,Cy,8\n4,Di\n",
        "b.csv": "Record ID,First Name,Rank\n11,Ann,high\n12,Bo,low\n",
    }
    workspace = loaded(tmp_path, files)
    assert (workspace.report.rows_read, workspace.report.rows_set_aside) == (6, 1)
    assert faults(workspace, "L001") == [["a.csv", 3, "", "2,Bo,7,9"]]
    assert faults(workspace, "L002") == [["a.csv", 5, "", "4,Di"]]
    assert workspace.contacts["Rank"].tolist()[:2] == ["5", "8"]


def test_an_activity_with_a_row_for_each_contact_stands_for_each_of_them(tmp_path):
    meeting = "7,{},meeting,2024-05-05 10:00\n"
    files = {"activities.csv": "activity_id,contact_id,kind,at\n" + meeting.format(1) + meeting.format(2)}
    workspace = loaded(tmp_path, files)
    assert workspace.activities[["activity_id", "contact_id"]].to_numpy().tolist() == [["7", "1"], ["7", "2"]]
    assert faults(workspace, "L009") == []


SPEND = (
    "month,source,campaign,amount,currency\n2024-05-01,PAID_SEARCH,brand,100,EUR\n2024-05-01,PAID_SEARCH,other,{},EUR\n"
)


def test_spend_by_campaign_is_kept_whole(tmp_path):
    workspace = loaded(tmp_path, {"spend.csv": SPEND.format(250)})
    assert workspace.spend["amount"].tolist() == [100, 250]


def test_a_later_file_of_spend_takes_the_place_of_the_earlier_one(tmp_path):
    files = {"spend-2024-06-01.csv": SPEND.format(250), "spend-2024-07-01.csv": SPEND.format(300)}
    workspace = loaded(tmp_path, files)
    assert workspace.spend[["campaign", "amount"]].to_numpy().tolist() == [["brand", 100], ["other", 300]]
    assert faults(workspace, "L009") == [["spend-2024-06-01.csv", 3, "amount", "250"]]


def test_rows_without_an_id_that_stand_in_two_files_are_one_and_within_a_file_are_two(tmp_path):
    view, other = "1,page_view,2024-05-05 10:00,/p\n", "1,page_view,2024-05-05 10:00,/q\n"
    files = {
        "views-2024-07-01.csv": "contact_id,kind,at,detail\n" + view + view,
        "views-2024-07-02.csv": "contact_id,kind,at,detail\n" + view + other,
    }
    workspace = loaded(tmp_path, files)
    assert sorted(workspace.activities["detail"]) == ["/p", "/p", "/q"]
    assert faults(workspace, "L008") == [["views-2024-07-01.csv", 2, "", "1, page_view, 2024-05-05 10:00:00"]]


def test_a_change_that_two_exports_of_a_history_tell_is_one(tmp_path):
    change = "Contact,1,hubspotscore,{},2024-05-05 10:0{},X\n"
    header = "Object,Record ID,Property,Value,Change date,Change source\n"
    files = {
        "history-2024-07-01.csv": header + change.format(10, 1),
        "history-2024-07-02.csv": header + change.format(10, 1) + change.format(11, 2),
    }
    history = loaded(tmp_path, files).property_history
    assert history[["object", "value"]].to_numpy().tolist() == [["contact", "10"], ["contact", "11"]]


def test_a_day_without_a_time_is_not_before_a_time_of_that_day(tmp_path):
    rows = "1,x,2025-01-01 09:30,2025-01-01\n2,y,2025-01-02 09:30,2025-01-01\n"
    workspace = loaded(tmp_path, {"deals.csv": f"Record ID,Deal Name,Create Date,Close Date\n{rows}"})
    assert faults(workspace, "L016") == [["deals.csv", 3, "closedate", "2025-01-01"]]


def test_headers_called_as_the_loaders_own_columns_stay_columns(tmp_path):
    own = sorted(RESERVED)
    others = ["F", "rowid", "i", "v", "c0", "v0", "t0", "one", "twice", "several", "merged", "stacked", "row", "column"]
    every = [*own, *others]
    header = f"Record ID,Create Date,{','.join(every)}"
    rows = [f"1,no date{',' * len(every)}", f"1,2024-01-01,{','.join(every)}", f"2,2024-01-01,{','.join(every)}"]
    workspace = loaded(tmp_path, {"contacts.csv": "\n".join([header, *rows, ""])})
    table = workspace.contacts
    assert faults(workspace, "L004") == [["contacts.csv", 2, "createdate", "no date"]]
    assert table["hs_object_id"].tolist() == ["2", "1"]
    assert list(table)[2:] == [*(f"{name} (2)" for name in own), *others]
    assert all(row == every for row in table.iloc[:, 2:].to_numpy().tolist())


def test_a_workspace_is_not_read_in_another_way_than_it_was(tmp_path):
    (tmp_path / "in").mkdir()
    workspace = loaded(tmp_path / "in", {"contacts.csv": "Record ID,Email\n1,a@one.example\n"}, to=tmp_path / "home")
    assert load(tmp_path / "home").path == workspace.path
    for options in ({"to": tmp_path / "other"}, {"language": "de"}, {"companies_by_domain": True}):
        with pytest.raises(WorkbenchError, match="is a Workspace: its exports were read already"):
            load(tmp_path / "home", **options)


@pytest.mark.parametrize("engine", ["pandas", "duckdb", "polars", "spark"])
def test_names_of_files_and_folders_are_no_patterns(tmp_path, engine):
    exports = tmp_path / "exports [1]" / "client={one}"
    exports.mkdir(parents=True)
    rows = {"contacts[1].csv": "1,Ada", "contacts1.csv": "2,Bo", "co?tacts*.csv": "3,Cy"}
    files = {name: f"Record ID,First Name\n{row}\n" for name, row in rows.items()}
    workspace = loaded(exports, files, to=tmp_path / "home [a-z]*" / "kept=yes")
    assert list(workspace.contacts) == ["hs_object_id", "firstname"]
    assert sorted(workspace.contacts["firstname"]) == ["Ada", "Bo", "Cy"]
    table = workspace.table("contacts", columns=["firstname"], engine=engine)
    assert table.count() == 3 if engine == "spark" else len(table) == 3
    assert workspace.report.frame().empty
