"""From a file as it came to lines DuckDB can read: delimiter, quote, header."""

from __future__ import annotations

import csv
import io
import shutil
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.loaders.decoding import (
    FOREIGN,
    INVISIBLE,
    MIXED,
    SAMPLE_BYTES,
    encoding_of,
    looked_through,
    put_right,
    rewrite_as_utf8,
)
from workbench.loaders.paths import is_full
from workbench.loaders.recognise import NO_HEADER, ROW_NUMBER, is_record, n_known, normal
from workbench.loaders.sheets import Sheet, write_rows
from workbench.loaders.unpacking import SHEETS, Found, most_unpacked

MOST_COLUMNS = 2_000
_DELIMITERS = (",", ";", "\t", "|")
NO_DELIMITER = "\x1f"
"""The delimiter of a file with one column: no text has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file that is ready to be read: UTF-8 text of known delimiter, header found."""

    name: str
    readable: Path  # UTF-8 text; the file itself where it is that already
    format: str
    encoding: str
    delimiter: str
    quote: str
    escape: str  # the quote itself where it is doubled
    headers: tuple[str, ...]
    header_row: int  # record number, 1 is the first; 0 where there is none
    found: tuple[str, str] | None = None  # delimiter and quote of the file itself, where `readable` has others
    numbered: bool = False  # the first column of `readable` holds the record's number
    left_out: tuple[tuple[str, str], ...] = ()  # other sheets, and why
    suspect: bool = False  # has to take the slower road
    longest: int = 1_000_000  # bytes of the longest record that is read as it is


def open_source(found: Found, *, expected: Sequence[str] = ()) -> Source:
    """Find out how a file is written. Whatever has to be rewritten goes to its workplace.

    `expected` are headers that a mapping names: they help to find the header row.
    Raises WorkbenchError where the file is no table.
    """
    if found.fault is not None:
        raise found.fault
    path, workplace, name = found.path, found.workplace, found.name
    try:
        if path.stat().st_size == 0:
            raise WorkbenchError(f"{name} is empty (0 bytes): export it again, as CSV or XLSX.")
        if path.suffix.lower() in SHEETS:
            return _open_sheet(path, workplace, name, expected)
        return _open_text(path, workplace, name, expected)
    except OSError as error:
        if is_full(error):
            raise
        raise WorkbenchError(f"{path} cannot be read: {error.strerror}.") from error


def _open_text(path: Path, workplace: Path, name: str, expected: Sequence[str]) -> Source:
    with path.open("rb") as stream:
        head = stream.read(SAMPLE_BYTES)
    encoding, suspect = encoding_of(path, head, name)
    readable = path
    marks = head.decode("utf-8-sig", errors="replace").startswith(tuple(INVISIBLE))  # a second one
    if encoding not in ("utf-8", "utf-8-sig") or marks:
        readable = workplace / "utf8.csv"
        rewrite_as_utf8(path, encoding, readable, name)
        suspect = encoding == MIXED or looked_through(readable)[1]
    with readable.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        text = lines.read(SAMPLE_BYTES)
        if text.count("\n") < 3:  # a header this long needs more to be seen whole
            text += lines.read(16 * SAMPLE_BYTES)
    if not text.strip():
        raise WorkbenchError(f"{name} holds nothing but blanks: export it again, as CSV or XLSX.")
    if n_stray := _stray_quotes_above(text):
        text = _without_quotes_above(readable, workplace / "plain.csv", text, n_stray)
        readable = workplace / "plain.csv"
    whole = readable.stat().st_size <= len(text)
    if not whole and "\n" not in text and "\r" not in text:
        raise WorkbenchError(
            f"the first row of {name} is longer than {len(text):,} characters, no header is: export it again, as CSV "
            "or XLSX."
        )
    delimiter, quote, escape, first = _dialect(text)
    records = list(_head(text, delimiter, quote, escape, whole=whole))
    header_row, headers = _header(records, expected, name, after=first)
    early_breaks = any("\n" in cell or "\r" in cell for record in records[:header_row] for cell in record)
    return Source(
        name=name,
        readable=readable,
        format="CSV",
        encoding=encoding,
        delimiter=delimiter,
        quote=quote,
        escape=escape,
        headers=headers,
        header_row=header_row,
        found=("", quote) if delimiter == NO_DELIMITER else None,
        # DuckDB skips no record of several lines, and takes a break within a header for the end of lines
        suspect=suspect or (early_breaks and (header_row > 1 or "\r" in text)) or ("\r" in text and "\n" not in text),
    )


def _stray_quotes_above(text: str) -> int:
    """How many lines stand above the header, where a quote among them makes no sense and would swallow it."""
    lines = list(islice(io.StringIO(text, newline=""), 60))
    if _makes_sense(lines):
        return 0
    best, above = 0, 0
    for delimiter in _DELIMITERS:
        for number, line in enumerate(lines):
            known = n_known(next(_head(line, delimiter, '"', '"', whole=True), []))
            if known > max(best, 2):
                best, above = known, number
    return 0 if _makes_sense(lines[:above]) else above


def _makes_sense(lines: Sequence[str]) -> bool:
    """Whether every quote opens or closes a cell."""
    try:
        list(csv.reader(lines, strict=True))
    except csv.Error:
        return False
    return True


def _without_quotes_above(path: Path, to: Path, text: str, n_lines: int) -> str:
    """Write a text again without the quotes in its first lines; the same of its beginning."""
    with path.open(encoding="utf-8-sig", newline="") as read, to.open("w", encoding="utf-8", newline="") as write:
        write.writelines(line.replace('"', "") for line in islice(read, n_lines))
        shutil.copyfileobj(read, write)
    head = list(io.StringIO(text, newline=""))
    return "".join([*(line.replace('"', "") for line in head[:n_lines]), *head[n_lines:]])


def _dialect(text: str) -> tuple[str, str, str, int]:
    """Delimiter, quote, escape, and how many records stand before the table for sure.

    The delimiter is the one under which headers are known, else what CleverCSV finds; a file of one column has none.
    """
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:
        return first.strip()[4], '"', _escape(rest, first.strip()[4], '"'), 1
    best: tuple[int, str] = (0, "")
    for delimiter in _DELIMITERS:
        records = list(_head(text, delimiter, '"', '"', whole=False))
        known = max((n_known(record) for record in records if len(record) > 1), default=0)
        if known >= 3 or _is_table(records):
            best = max(best, (known, delimiter), key=lambda found: found[0])
    if best[0] >= 3:
        return best[1], '"', _escape(text, best[1], '"'), 0
    if best[0] == 0 and n_known([first.strip().strip('"')]):
        return NO_DELIMITER, '"', '"', 0
    import clevercsv

    try:
        # a cell of a megabyte would take it minutes
        dialect = clevercsv.Detector().detect(text[:SAMPLE_BYTES], delimiters=list(best[1]) or None)
    except clevercsv.Error:
        dialect = None
    if dialect is None or not dialect.delimiter or dialect.delimiter.isalnum() or dialect.delimiter in "\r\n @._-":
        delimiter, quote = best[1] or ",", '"'
    else:
        delimiter, quote = dialect.delimiter, dialect.quotechar or '"'
    escape = _escape(text, delimiter, quote)
    if delimiter not in first and not _is_table(
        list(_head(text, delimiter, quote, escape, whole=text.endswith(("\n", "\r"))))
    ):
        return NO_DELIMITER, '"', '"', 0
    return delimiter, quote, escape, 0


def _is_table(records: Sequence[Sequence[str]]) -> bool:
    """Whether more than half of the records that are split at all have the same number of cells."""
    widths = Counter(len(record) for record in records if len(record) > 1)
    return bool(widths) and 2 * widths.most_common(1)[0][1] > widths.total()


def _escape(text: str, delimiter: str, quote: str) -> str:
    """A backslash where only that makes sense of the quotes, else the quote itself."""
    if f"\\{quote}" not in text:
        return quote
    for escape in (quote, "\\"):
        try:
            n_cells = {
                len(record) for record in csv.reader(io.StringIO(text, newline=""), **style(delimiter, quote, escape))
            }
        except csv.Error:
            continue
        if len(n_cells) <= 2:  # the last record may be cut off
            return escape
    return quote


def style(delimiter: str, quote: str, escape: str, *, strict: bool = True) -> dict[str, Any]:
    """The arguments of `csv.reader` for a dialect."""
    doubled = escape == quote
    return {
        "delimiter": delimiter,
        "quotechar": quote,
        "doublequote": doubled,
        "escapechar": None if doubled else escape,
        "strict": strict,
    }


def _head(text: str, delimiter: str, quote: str, escape: str, *, whole: bool) -> Iterator[list[str]]:
    """The first records of a text that may end in the middle of one."""
    records: list[list[str]] = []
    try:
        for record in csv.reader(io.StringIO(text, newline=""), **style(delimiter, quote, escape, strict=False)):
            records.append([put_right(cell.replace(FOREIGN, "")) for cell in record])
            if len(records) > 60:
                break
    except csv.Error:
        pass
    return iter(records if whole or len(records) < 2 or len(records) > 60 else records[:-1])


def _header(
    records: Sequence[Sequence[str]], expected: Sequence[str], name: str, *, after: int = 0
) -> tuple[int, tuple[str, ...]]:
    """The record that holds the header: the one with most known names, else the first that is as wide as the rest."""
    wanted = {normal(header) for header in expected}
    n_cells = max((len(record) for record in records[after:]), default=0)
    no_header = tuple(f"column {number}" for number in range(1, n_cells + 1))
    if any(NO_HEADER.fullmatch(header) for header in wanted):
        return 0, no_header
    best, row = 0, 0
    filled = [sum(bool(cell.strip()) for cell in record) for record in records]  # a title may be padded
    scores = [_n_names(record, wanted) for record in records]
    for number, score in enumerate(scores, start=1):
        if number > after and score > best and (wanted or filled[number - 1] > 1):
            best, row = score, number
    widest = max(filled[after:], default=0)
    wide = next((n for n, width in enumerate(filled, start=1) if n > after and width >= max(2, widest * 0.8)), 0)
    if 0 < wide < row and (best < scores[wide - 1] + 2 or 2 * best < filled[row - 1]):
        # A value may read like a name: a source "Email", a sector "Industry". The first wide record gives way only to
        # one that clearly holds names.
        row = wide
    if row == 0:
        row = wide
    if row == 0:
        row = next((n for n, r in enumerate(records, start=1) if n > after and any(cell.strip() for cell in r)), 0)
    if row == 0:
        raise WorkbenchError(f"{name} holds no header and no rows: export it again, as CSV or XLSX.")
    if wanted == {ROW_NUMBER} and scores[row - 1] == 0 and is_record(records[row - 1]):
        return 0, no_header
    if len(records[row - 1]) > MOST_COLUMNS:
        raise WorkbenchError(
            f"{name} has {len(records[row - 1]):,} columns, more than {MOST_COLUMNS:,}: "
            "export only the properties that are needed."
        )
    return row, tuple(cell.strip() for cell in records[row - 1])


def _open_sheet(path: Path, workplace: Path, name: str, expected: Sequence[str]) -> Source:
    if zipfile.is_zipfile(path):
        _check_size(path, name)
    try:
        sheets = write_rows(path, workplace)
    except PermissionError as error:
        raise WorkbenchError(f"{name} is protected by a password: save it without one and load it again.") from error
    except ValueError as error:
        raise WorkbenchError(
            f"{name} cannot be read as a spreadsheet ({error}): open it, save it as XLSX and load it again."
        ) from error
    if not sheets:
        raise WorkbenchError(f"{name} has no filled cell: export it again, as CSV or XLSX.")
    csv.field_size_limit(sys.maxsize)
    wanted = {normal(header) for header in expected}
    taken = max(sheets, key=lambda sheet: (sheet.n_filled > 1, not sheet.hidden, _most_known(sheet, wanted)))
    left_out = tuple(
        (
            f"{name}/{sheet.name}",
            f"{name}/{sheet.name} is {'a hidden' if sheet.hidden else 'another'} sheet, {taken.name!r} was read: save "
            "it as a file of its own to import it too.",
        )
        for sheet in sheets
        if sheet is not taken
    )
    sheet_text = workplace / "sheet.csv"
    with (
        taken.rows.open(encoding="utf-8", newline="") as read,
        sheet_text.open("w", encoding="utf-8", newline="") as to,
    ):
        records = csv.reader(read)
        head = [record[1:] for record in islice(records, 60)]
        header_row, headers = _header(head, expected, name)
        write = csv.writer(to, lineterminator="\n", quoting=csv.QUOTE_ALL)
        write.writerow(["_row", *headers])
        numbered = ([str(number), *row] for number, row in enumerate(head, start=1))
        write.writerows(chain(islice(numbered, header_row, None), records))
    for sheet in sheets:
        sheet.rows.unlink()
    return Source(
        name=name,
        readable=sheet_text,
        format=path.suffix[1:].upper(),
        encoding="utf-8",
        delimiter=",",
        quote='"',
        escape='"',
        headers=headers,
        header_row=header_row,
        numbered=True,
        left_out=left_out,
    )


def _most_known(sheet: Sheet, wanted: set[str]) -> int:
    """How many names the record of a sheet's head has that has most."""
    with sheet.rows.open(encoding="utf-8", newline="") as read:
        return max(_n_names(record[1:], wanted) for record in islice(csv.reader(read), 60))


def _n_names(record: Sequence[str], wanted: set[str]) -> int:
    """How many cells are names of properties, or of columns that a mapping names: those count for three."""
    return n_known(record) + 2 * sum(normal(cell) in wanted for cell in record)


def _check_size(path: Path, name: str) -> None:
    """A spreadsheet is packed: one that would fill the memory is refused before it is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            n_bytes = sum(member.file_size for member in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return  # said by who reads it
    if n_bytes > most_unpacked(path.stat().st_size):
        raise WorkbenchError(
            f"{name} grows to {n_bytes / 1e6:,.0f} MB when it is unpacked, no export does: export it again, as CSV."
        )
