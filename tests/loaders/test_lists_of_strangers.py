"""Lists that nobody's CRM made: rows without ids, lines of totals, headers that tell the object and no id."""

import json
from pathlib import Path

import pytest

import workbench as wb
from workbench.errors import WorkbenchError


def test_the_same_row_number_in_two_files_is_two_people(tmp_path: Path):
    (tmp_path / "fair.csv").write_text("Code,Email\nA1,ann@one.example\nB2,bob@one.example\n", encoding="utf-8")
    (tmp_path / "webinar.csv").write_text("Who,Email\nd,dora@two.example\ne,emil@two.example\n", encoding="utf-8")
    mapping = {"(row number)": "hs_object_id"}
    ws = wb.load(tmp_path, mapping=mapping)
    people = dict(ws.contacts[["hs_object_id", "email"]].itertuples(index=False))
    assert people == {
        "fair.csv:2": "ann@one.example",
        "fair.csv:3": "bob@one.example",
        "webinar.csv:2": "dora@two.example",
        "webinar.csv:3": "emil@two.example",
    }
    assert ws.report.rows_merged == 0
    alone = wb.load(tmp_path / "fair.csv", mapping=mapping)
    assert alone.contacts["hs_object_id"].tolist() == ["2", "3"]


@pytest.mark.parametrize("total", ["Summe,,,820.00", "Total:,,,820", ',Gesamt,,"1,820.00"', "Grand Total,,,"])
def test_a_line_of_totals_below_the_table_is_no_record(total: str, tmp_path: Path):
    rows = "Record ID,Company Name,Email,HubSpot Score\n1,One,ann@one.example,400\n2,Total,bob@two.example,420\n"
    (tmp_path / "contacts.csv").write_text(f"{rows}{total}\n", encoding="utf-8")
    ws = wb.load(tmp_path)
    assert ws.contacts["hs_object_id"].tolist() == ["1", "2"]
    assert ws.report.frame()[["row", "code", "value"]].to_numpy().tolist() == [[4, "L021", total]]
    assert (ws.report.rows_read, ws.report.rows_loaded, ws.report.rows_set_aside) == (3, 2, 1)


@pytest.mark.parametrize("last", ["3,Total,,820", "Total,Total,tom@two.example,820"])
def test_a_record_that_is_called_like_a_sum_stays_one(last: str, tmp_path: Path):
    rows = f"Record ID,Company Name,Email,HubSpot Score\n1,One,ann@one.example,400\n{last}\n"
    (tmp_path / "contacts.csv").write_text(rows, encoding="utf-8")
    assert len(wb.load(tmp_path).contacts) == 2


def test_what_the_headers_tell_is_proposed_where_only_the_id_is_missing(tmp_path: Path):
    rows = "".join(f"Maison {n},maison{n}.example,{n}0\n" for n in range(30))
    (tmp_path / "entreprises.csv").write_text(
        f"Nom de l'entreprise,Nom de domaine de l'entreprise,Nombre d'employés\n{rows}", encoding="utf-8"
    )
    found = wb.suggest_mapping(tmp_path)
    assert found.frame()["object"].unique().tolist() == ["company"]
    found.write(tmp_path)
    assert wb.load(tmp_path).companies["domain"].tolist()[:2] == ["maison0.example", "maison1.example"]


def test_imports_are_undone_one_after_the_other(tmp_path: Path):
    for name in "abc":
        (tmp_path / f"{name}.csv").write_text(f"Record ID,First Name\n1,{name}\n", encoding="utf-8")
        ws = wb.load(tmp_path / f"{name}.csv", to=tmp_path / "home")
    for name in "ba":
        ws = wb.undo_import(ws)
        assert ws.contacts["firstname"].tolist() == [name]
    with pytest.raises(WorkbenchError, match="nothing was here before a: there is no import to undo"):
        wb.undo_import(ws)


@pytest.mark.parametrize("older", ['"{}"', "null", None])
def test_a_workspace_whose_pointer_names_one_import_or_none_goes_on(older: str | None, tmp_path: Path):
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text(f"Record ID,First Name\n1,{name}\n", encoding="utf-8")
        ws = wb.load(tmp_path / f"{name}.csv", to=tmp_path / "home")
    pointer = tmp_path / "home" / "current.json"
    said = json.loads(pointer.read_text(encoding="utf-8"))
    (first,) = said.pop("before")
    if older is not None:
        said["before"] = json.loads(older.format(first))
    pointer.write_text(json.dumps(said), encoding="utf-8")
    (tmp_path / "c.csv").write_text("Record ID,First Name\n1,c\n", encoding="utf-8")
    assert wb.undo_import(wb.load(tmp_path / "c.csv", to=tmp_path / "home")).folder == ws.folder
    if older == '"{}"':
        assert wb.undo_import(wb.load(tmp_path / "home")).contacts["firstname"].tolist() == ["a"]
    else:
        with pytest.raises(WorkbenchError, match="nothing was here before b"):
            wb.undo_import(wb.load(tmp_path / "home"))


def test_a_merge_keeps_the_furthest_stage(tmp_path: Path):
    (tmp_path / "contacts.csv").write_text(
        "Record ID,Email,First Name,City,Lifecycle Stage\n"
        "1,ann@one.example,Ann,Rome,Lead\n2,ann@one.example,,,Customer\n3,ann@one.example,,,Other\n",
        encoding="utf-8",
    )
    ws = wb.load(tmp_path)
    merged = wb.merge(ws, wb.find_duplicates(ws)).workspace
    assert merged.contacts[["firstname", "lifecyclestage"]].to_numpy().tolist() == [["Ann", "customer"]]


@pytest.mark.parametrize("asked", [wb.undo_import, wb.undo_merge, wb.find_duplicates, wb.audit])
def test_a_path_in_place_of_a_workspace_is_said(asked):
    with pytest.raises(WorkbenchError, match="a Workspace is needed, but a str came"):
        asked("workspace")
