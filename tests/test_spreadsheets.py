"""Files for people and for an import: nothing in them runs, whatever strangers typed."""

import io

import pandas as pd
import pytest

from workbench.errors import WorkbenchError
from workbench.spreadsheets import MOST_ROWS, STARTS_A_FORMULA, csv_file, import_file, plain_ids, xlsx_file

HOSTILE = [f"{start}1+1" for start in STARTS_A_FORMULA]


def test_a_cell_that_a_spreadsheet_program_could_run_is_quoted_in_a_csv_for_people() -> None:
    table = pd.DataFrame({"typed": [*HOSTILE, "plain", None], "n": [-1.0] * (len(HOSTILE) + 2)})
    back = pd.read_csv(io.BytesIO(csv_file(table)), encoding="utf-8-sig", keep_default_na=False)
    cells = back["typed"].str.replace("\r", "\n")  # which a reader may make one of the other
    assert cells.tolist() == [*(f"'{text}".replace("\r", "\n") for text in HOSTILE), "plain", ""]
    assert back["n"].tolist() == [-1.0] * len(table)


def test_a_csv_for_an_import_holds_the_table_as_it_is() -> None:
    table = pd.DataFrame({"Record ID": plain_ids(pd.Series([1, 2]), before="it"), "n": [-1, 2]})
    assert import_file(table) == b"Record ID,n\r\n1,-1\r\n2,2\r\n"


def test_record_ids_that_a_spreadsheet_program_could_run_are_refused() -> None:
    with pytest.raises(WorkbenchError) as refused:
        plain_ids(pd.Series(["1", *HOSTILE[:4]]), before="going on")
    assert str(refused.value) == (
        "4 record ids could be taken for a formula ('=1+1', '+1+1', '-1+1' and 1 more); "
        "correct the export's id column before going on."
    )


def test_a_workbook_has_a_sheet_a_table_and_one_for_the_footnote_and_all_of_it_is_text() -> None:
    book = pd.read_excel(
        io.BytesIO(xlsx_file({"a" * 40: pd.DataFrame({"typed": ["=1+1", "007", "http://x.example"]})}, "=1")),
        sheet_name=None,
        engine="calamine",
        dtype="str",
    )
    assert {name: sheet.iloc[:, 0].tolist() for name, sheet in book.items()} == {
        "a" * 31: ["=1+1", "007", "http://x.example"],
        "footnote": ["=1"],
    }


def test_more_rows_than_a_sheet_holds_are_refused() -> None:
    with pytest.raises(WorkbenchError) as refused:
        xlsx_file({"few": pd.DataFrame({"n": [1]}), "many": pd.DataFrame({"n": range(MOST_ROWS + 1)})})
    assert str(refused.value) == (
        "a spreadsheet holds 1,048,575 rows, but one of these tables has 1,048,576; take fewer."
    )
