"""What a load did: which file was taken for what, how each column was read, and every fault."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from numbers import Integral
from pathlib import Path
from typing import Any

import pandas as pd

from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.sql import parquet
from workbench.wording import plural

_MERGED = "L008"  # counted as rows merged, too


@dataclass(frozen=True, slots=True)
class Code:
    """One kind of fault."""

    reason: str
    what_to_do: str
    note: bool = False  # nothing is wrong with the cell; it is only worth knowing


CODES: Mapping[str, Code] = {
    "L001": Code(
        "the row has more cells than the header",
        "set aside whole; put the cell that holds the delimiter in quotes and import again",
    ),
    "L002": Code("the row has fewer cells than the header", "loaded, the missing cells are blank; check the row"),
    "L003": Code("a number is expected here", "taken as blank; correct the cell or its column's format"),
    "L004": Code("a date is expected here", "taken as blank; correct the cell or its column's format"),
    "L005": Code("yes or no is expected here", "taken as blank; write yes or no"),
    "L006": Code(
        "a spreadsheet has rounded this id, its digits are lost",
        "taken as blank; export again and do not save the file from a spreadsheet",
    ),
    "L007": Code("the row has no record id", "loaded, but it cannot be merged or joined; add the id"),
    "L008": Code("the same record stands on another row", "merged into one record, nothing to do", note=True),
    "L009": Code(
        "another row of the same record has another value",
        "the newest row's value is in the table, this one only here; check which is right",
    ),
    "L010": Code(
        "day and month cannot be told apart in this column",
        "taken as the language of the file writes dates; pass language='de' (day first) or 'en' (month first)",
        note=True,
    ),
    "L011": Code("a range where a number is expected", "its lower end is in the table", note=True),
    "L012": Code("a duration is expected here", "taken as blank; correct the cell"),
    "L013": Code("a quote in the row opens or closes nothing", "loaded with the quote as it stands; check the row"),
    "L014": Code(
        "a quote is opened and never closed, or the row cannot be split into the header's cells",
        "set aside whole; correct the quotes and import again",
    ),
    "L015": Code(
        "the decimal sign of this column cannot be told from the thousands sign",
        "taken as the language of the file writes numbers; pass language='de' (1.234,5) or 'en' (1,234.5)",
        note=True,
    ),
    "L016": Code("ends before it begins", "both dates are kept; correct one of them in the CRM"),
    "L017": Code("an amount below zero", "kept; leave it out where it is no refund"),
    "L018": Code(
        "activity is newer than the last change of this score",
        "the score may have stopped being updated: calibrate a newer score column",
        note=True,
    ),
    "L019": Code(
        "the file was not taken for any object",
        "not loaded; if it is an export, say in mapping.yaml which column is which",
        note=True,
    ),
    "L020": Code("a NUL character in the cell (shown as \u2400)", "taken out; nothing to do"),
    "L021": Code("a note below the table", "set aside; it is no record", note=True),
    "L022": Code("the header again", "set aside; it is no record", note=True),
    "L023": Code(
        "belongs to a second table in the same file",
        "set aside; put it into a file of its own and import that too",
    ),
    "L024": Code(
        "letters that were decoded wrongly (UTF-8 read as Windows-1252)",
        "put right, which is certain here; export again to be rid of it",
        note=True,
    ),
    "L025": Code("the row has more than 8 million characters", "set aside whole; shorten its longest cell"),
    "L026": Code(
        "the id of a record that was merged into another", "the record that is left stands in the table", note=True
    ),
    "L027": Code(
        "as many changes of this property as the CRM keeps of a record",
        "older changes may be cut off; count on this history from its first change on only",
        note=True,
    ),
    "L028": Code(
        "another record has the same e-mail", "both are kept; look at find_duplicates and merge them", note=True
    ),
    "L029": Code(
        "an option that is not among the known ones of this property",
        "kept as it is written; name it so in conditions, or map its internal value in the export",
        note=True,
    ),
    "L030": Code(
        "an activity of several contacts", "stands once for each of them, under the same activity id", note=True
    ),
    "L031": Code(
        "letters in another encoding than the rest of the file, which is UTF-8",
        "read as Windows-1252, the likeliest; check the cell, and export again as UTF-8",
    ),
    "L032": Code(
        "a letter is lost (shown as \ufffd), here or before this export",
        "kept as it stands; correct the cell in the CRM",
    ),
}
"""Fault codes, what each means and what to do."""

FAULT_COLUMNS = ("file", "row", "column", "code", "value")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """One file: what it was taken for and why, how it was written, how many rows it had."""

    file: str
    object: str  # "" where the file was not loaded
    why: str
    format: str  # CSV, XLSX, ...
    delimiter: str
    quote: str
    encoding: str
    header_row: int  # 1 is the first line
    rows_read: int
    rows_loaded: int
    rows_set_aside: int
    rows_merged: int
    rows_joined: int = 0  # those of them that tell more of a record of another file


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnReport:
    """One column of one file: under which name it is found, how it was recognised and read."""

    file: str
    header: str
    name: str
    recognised: str  # mapping, internal name, label (en), label (de), label (fr), not known
    type: str
    written_as: str
    n_rows: int
    n_blank: int
    n_faults: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadReport:
    """What was read, mapped, typed, set aside, and why.

    `rows_read == rows_loaded + rows_set_aside` always; `rows_merged` of the loaded rows are duplicates that became
    part of another row's record. The faults themselves lie in a Parquet file and are read when `frame()` asks.
    """

    file_reports: tuple[FileReport, ...]
    column_reports: tuple[ColumnReport, ...]
    counts: Mapping[str, int]  # fault code to number of faults
    faults: Path | None = field(default=None, compare=False)
    keeper: object = field(default=None, compare=False, repr=False)  # holds a private folder open

    @property
    def rows_read(self) -> int:
        """Records found in the files, headers not counted."""
        return sum(report.rows_read for report in self.file_reports)

    @property
    def rows_loaded(self) -> int:
        """Rows that are in the tables, the merged ones counted."""
        return sum(report.rows_loaded for report in self.file_reports)

    @property
    def rows_set_aside(self) -> int:
        """Rows that could not be split into cells; each is kept whole in `frame()`."""
        return sum(report.rows_set_aside for report in self.file_reports)

    @property
    def rows_merged(self) -> int:
        """Loaded rows that were duplicates of another row by record id."""
        return sum(report.rows_merged for report in self.file_reports)

    @property
    def files(self) -> pd.DataFrame:
        """One row per file: what it was taken for and why, its dialect, encoding and counts."""
        return _frame(self.file_reports, FileReport)

    @property
    def columns(self) -> pd.DataFrame:
        """One row per column of each file: header, name, how it was recognised, type, blanks and faults."""
        return _frame(self.column_reports, ColumnReport)

    def frame(
        self, *, file: str | None = None, column: str | None = None, code: str | None = None, most: int | None = None
    ) -> pd.DataFrame:
        """One row per fault: file, row, column, code, value, reason, what_to_do.

        `row` counts records from 1, the header among them, as a spreadsheet shows them; blank lines below the header
        do not count. `file`, `column` and `code` filter; a column may be called by its name or as the file calls it.
        `most` bounds the rows.

        Raises WorkbenchError where there is no such file, column or code, or `most` is no number of rows.
        """
        check_number("most", most)
        if code is not None and code not in CODES:
            raise WorkbenchError(f"unknown fault code {code!r}; the codes are {CODES_LISTED}")
        files = [report.file for report in self.file_reports]
        if file is not None and file not in files:
            raise WorkbenchError(f"unknown file {file!r}; there are {listing(files)}.{did_you_mean(file, files)}")
        columns = None if column is None else self._columns(column, file)
        faults = self._read(
            {"file": [file] if file else None, "column": columns, "code": [code] if code else None}, most
        )
        faults["reason"] = faults["code"].map({key: known.reason for key, known in CODES.items()}).astype("str")
        faults["what_to_do"] = faults["code"].map({key: known.what_to_do for key, known in CODES.items()}).astype("str")
        return faults

    def _columns(self, column: str, file: str | None) -> list[str]:
        """The names of a column, which may be given as the files call it."""
        reports = [one for one in self.column_reports if file in (None, one.file)]
        names, headers = [one.name for one in reports], [one.header for one in reports]
        if column in names or not column:  # a fault of a whole row stands in no column
            return [column]
        if column in headers:
            return [one.name for one in reports if one.header == column]
        if self._read({"column": [column]}, 1).empty:  # none that a load has made, such as a numbered record id
            known = list(dict.fromkeys([*names, *headers]))
            of = "" if file is None else f" of {file}"
            raise WorkbenchError(
                f"unknown column {column!r}{of}; there are {listing(known)}.{did_you_mean(column, known)}"
            )
        return [column]

    def _read(self, wanted: Mapping[str, Sequence[str] | None], most: int | None) -> pd.DataFrame:
        import duckdb

        if self.faults is None or not self.counts:
            empty = {name: pd.Series(dtype="int64" if name == "row" else "str") for name in FAULT_COLUMNS}
            return pd.DataFrame(empty)
        given = {name: list(values) for name, values in wanted.items() if values is not None}
        where = " AND ".join(f'"{name}" IN (SELECT unnest(?))' for name in given) or "true"
        limit = "" if most is None else f" LIMIT {int(most)}"
        with duckdb.connect() as connection:
            found = connection.execute(
                f'FROM {parquet(self.faults)} WHERE {where} ORDER BY "file", "row", "code", "column"{limit}',
                list(given.values()),
            )
            return found.df().astype({name: "str" for name in FAULT_COLUMNS if name != "row"})

    def headline(self) -> str:
        """Rows read, loaded, set aside and merged, how many faults, and what is worth knowing beside them."""
        files = [report for report in self.file_reports if report.object]
        faults = Counter({code: n for code, n in self.counts.items() if not CODES[code].note})
        notes = Counter({code: n for code, n in self.counts.items() if CODES[code].note and code != _MERGED})
        n_joined = sum(report.rows_joined for report in self.file_reports)
        known = f"{n_joined:,} of the loaded rows tell more of records of another file, " if n_joined else ""
        of = "" if n_joined else " of the loaded rows"
        n_left_out = len(self.file_reports) - len(files)
        left_out = f" ({n_left_out:,} more left out)" if n_left_out else ""
        return (
            f"{plural(self.rows_read, 'row')} read from {plural(len(files), 'file')}{left_out}: "
            f"{self.rows_loaded:,} loaded, {self.rows_set_aside:,} set aside; "
            f"{known}{self.rows_merged - n_joined:,}{of} were duplicates and were merged; "
            f"{plural(faults.total(), 'fault')} marked{_most_often(faults)}."
            + (f" {plural(notes.total(), 'note')}{_most_often(notes)}." if notes else "")
        )

    def to_json(self) -> str:
        """The report as JSON text; the faults stay in the Parquet file that `faults` names."""
        return json.dumps(
            {
                "files": [asdict(report) for report in self.file_reports],
                "columns": [asdict(report) for report in self.column_reports],
                "counts": dict(self.counts),
                "faults": None if self.faults is None else self.faults.name,
            },
            ensure_ascii=False,
            indent=1,
        )

    @classmethod
    def from_json(cls, text: str, *, folder: Path | None = None, keeper: object = None) -> LoadReport:
        """The report that `to_json` wrote; `folder` is where its faults lie."""
        read = json.loads(text)
        return cls(
            file_reports=tuple(FileReport(**row) for row in read["files"]),
            column_reports=tuple(ColumnReport(**row) for row in read["columns"]),
            counts=read["counts"],
            faults=None if folder is None or read["faults"] is None else folder / read["faults"],
            keeper=keeper,
        )


def check_number(called: str, given: object) -> None:
    """Raises WorkbenchError where an argument is no number of rows."""
    if given is not None and (isinstance(given, bool) or not isinstance(given, Integral) or given < 0):
        raise WorkbenchError(f"{called} is {given!r}: give a whole number of rows, such as 100.")


CODES_LISTED = f"{min(CODES)} to {max(CODES)}"


def _most_often(counts: Counter[str]) -> str:
    """The commonest code of some: why, and how often."""
    worst = max(counts, key=lambda code: (counts[code], code), default="")
    return f", most often: {CODES[worst].reason} ({counts[worst]:,})" if worst else ""


def _frame(rows: Sequence[Any], kind: Any) -> pd.DataFrame:
    return pd.DataFrame([asdict(row) for row in rows], columns=list(kind.__dataclass_fields__))
