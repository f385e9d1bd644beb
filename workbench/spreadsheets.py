"""Tables as files: XLSX and CSV for people, CSV for an import. What strangers typed stays text and runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

import pandas as pd

from workbench.errors import WorkbenchError, listing
from workbench.wording import plural

MOST_ROWS = 1_048_575  # of a sheet, below its heads
STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_MOST_PIXELS = 260  # of a column
_MOST_LETTERS = 31  # of a sheet's name
_OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def xlsx_file(
    tables: Mapping[str, pd.DataFrame],
    footnote: str = "",
    *,
    too_many: str = "one of these tables has {:,}; take fewer",
) -> bytes:
    """A workbook for people: a sheet a table, and one for the footnote. No text is a formula, a link or a number.

    Raises
    ------
    WorkbenchError
        For more rows than a sheet holds; `too_many` says of what there are so many (`{:,}`), and the way out.
    """
    most = max(map(len, tables.values()))
    if most > MOST_ROWS:
        raise WorkbenchError(f"a spreadsheet holds {MOST_ROWS:,} rows, but {too_many.format(most)}.")
    sheets = {name[:_MOST_LETTERS]: table for name, table in tables.items()}
    if footnote:
        sheets["footnote"] = pd.DataFrame({"footnote": [footnote]})
    buffer = BytesIO()
    with pd.ExcelWriter(buffer, engine="xlsxwriter", engine_kwargs={"options": _OPTIONS}) as book:
        for name, table in sheets.items():
            table.to_excel(book, sheet_name=name, index=False, freeze_panes=(1, 0))
            book.sheets[name].autofit(_MOST_PIXELS)
    return buffer.getvalue()


def csv_file(table: pd.DataFrame) -> bytes:
    """CSV for people: with a byte-order mark, and no cell that a spreadsheet program would take for a formula."""
    safe = table.copy()
    for name in safe.select_dtypes(exclude="number"):
        text = safe[name].astype("str")
        safe[name] = text.where(~text.str.startswith(STARTS_A_FORMULA).fillna(False).astype(bool), "'" + text)
    return _lines(safe).encode("utf-8-sig")


def import_file(table: pd.DataFrame) -> bytes:
    """CSV for another program, as the table is; its record ids have to be `plain_ids`."""
    return _lines(table).encode("utf-8")


def plain_ids(ids: pd.Series, *, before: str) -> pd.Series:
    """Record ids as text.

    Raises
    ------
    WorkbenchError
        Where one could be taken for a formula by a spreadsheet program; `before` is what to correct it before.
    """
    plain = ids.astype("str")
    strange = plain[plain.str.startswith(STARTS_A_FORMULA)]
    if len(strange):
        raise WorkbenchError(
            f"{plural(len(strange), 'record id')} could be taken for a formula ({listing(strange, most=3)}); "
            f"correct the export's id column before {before}."
        )
    return plain


def _lines(table: pd.DataFrame) -> str:
    return table.to_csv(index=False, lineterminator="\r\n")
