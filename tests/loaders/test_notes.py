"""What is worth knowing beside the faults, and a record id that is none."""

from pathlib import Path

import pytest

import workbench as wb
from workbench.errors import WorkbenchError


def noted(ws: wb.Workspace, code: str) -> list[list[object]]:
    rows: list[list[object]] = ws.report.frame(code=code)[["file", "row", "column", "value"]].to_numpy().tolist()
    return rows


def workspace(folder: Path, **files: str) -> wb.Workspace:
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return wb.load(folder)


def test_one_e_mail_on_two_records_is_noted(tmp_path):
    ws = workspace(tmp_path, c="Record ID,Email\n1,ada@one.example\n2,ADA@one.example\n3,ben@one.example\n4,\n5,\n")
    assert noted(ws, "L028") == [["c.csv", 2, "email", "ada@one.example"], ["c.csv", 3, "email", "ADA@one.example"]]
    assert ws.report.headline().endswith(
        "0 faults marked. 2 notes, most often: another record has the same e-mail (2)."
    )


def test_an_option_of_one_s_own_is_noted_once(tmp_path):
    deals = "Record ID,Deal Name,Deal Stage\n1,A,Closed Won\n2,B,Demo booked\n3,C,Demo booked\n4,D,123456\n5,E,\n"
    assert noted(workspace(tmp_path, d=deals), "L029") == [["d.csv", 3, "dealstage", "Demo booked"]]


@pytest.mark.parametrize(("of", "most"), [("contact", 45), ("deal", 20)])
def test_a_history_that_may_be_cut_is_noted(tmp_path, of, most):
    def history(n: int, record: int) -> str:
        days = range(1, n + 1)
        return "".join(f"{of},{record},hubspotscore,{day},2026-01-01 00:{day:02d}\n" for day in days)

    text = "Object,Record ID,Property,Value,Change date\n" + history(most - 1, 1) + history(most, 2)
    assert noted(workspace(tmp_path, h=text), "L027") == [["h.csv", most + 1, "property", "hubspotscore of 2"]]


@pytest.mark.parametrize(("last", "is_stale"), [("2025-08-31 10:00", True), ("2026-05-20 10:00", False)])
def test_a_score_that_stopped_while_activity_went_on_is_noted(tmp_path, last, is_stale):
    ws = workspace(
        tmp_path,
        contacts="Record ID,Email,HubSpot Score\n1,ada@one.example,5\n",
        history=f"Object,Record ID,Property,Value,Change date\ncontact,1,hubspotscore,5,{last}\n",
        activities="Contact ID,Activity type,Activity date\n1,Page view,2026-06-01 10:00\n",
    )
    expected = [["contacts.csv", 0, "hubspotscore", "last change 2025-08-31"]]
    assert noted(ws, "L018") == (expected if is_stale else [])


def test_a_second_file_on_the_same_contacts_is_no_duplicate(tmp_path):
    ws = workspace(
        tmp_path,
        a="Record ID,Email\n1,ada@one.example\n2,\n2,\n",
        b="Record ID,Create Date\n1,2026-01-01\n3,2026-01-02\n",
    )
    assert ws.report.headline() == (
        "5 rows read from 2 files: 5 loaded, 0 set aside; 1 of the loaded rows tell more of records of another file, "
        "1 were duplicates and were merged; 0 faults marked."
    )
    assert ws.report.files.set_index("file")["rows_joined"].sum() == 1


def test_a_mapped_id_that_most_rows_share_is_refused(tmp_path):
    file = tmp_path / "leads.csv"
    file.write_text("Source,Day\n" + "".join(f"{'ab'[n % 2]},2026-01-0{n}\n" for n in range(1, 10)))
    with pytest.raises(WorkbenchError, match=r"'Source' in leads.csv is mapped to the record id, but its 9 rows"):
        wb.read_export(file, mapping={"Source": "hs_object_id", "Day": "createdate"})
