"""From a file as it came to lines DuckDB can read: encoding, delimiter, header; a slower road for what is broken."""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError
from workbench.loaders.recognise import n_known, normal

SHEETS = frozenset({".xlsx", ".xls", ".xlsb", ".ods", ".xlsm"})
TEXTS = frozenset({".csv", ".tsv", ".txt", ".tab"})
SAMPLE_BYTES = 65_536
_MAGIC = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"PAR1", "a Parquet file"),
    (b"\x7fELF", "a program"),
    (b"PK\x03\x04", "a ZIP archive or a spreadsheet under another name"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet or document under another name"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"{", "JSON"),
    (b"<", "a web page or XML"),
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN = frozenset(map(chr, range(128))) | frozenset(
    "ÄÖÜäöüßÀÂÇÈÉÊËÎÏÔŒÙÛŸàâçèéêëîïôœùûÿÁÍÓÚÑáíóúñÅØÆåøæ€„“”‚‘’–—…•«»‹›°§©®™²³µ·×½¼¾¿¡ªº£¥¢±\u00a0\u00ad"
)
"""What a Windows-1252 text in a western language is made of; detectors guess wildly on a few such letters."""
_LONGEST_RECORD = 2_000  # lines: a quote still open after so many is a stray one


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file that is ready to be read: UTF-8 text of known delimiter, header found."""

    path: Path  # as it came
    readable: Path  # UTF-8 text; the file itself where it is that already
    format: str
    encoding: str
    delimiter: str
    quote: str
    headers: tuple[str, ...]
    header_row: int  # record number, 1 is the first
    numbered: bool = False  # the first column of `readable` holds the record's number
    point_decimals: bool = False  # numbers came as numbers, not as somebody's text

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True, slots=True)
class Oddity:
    """A row the slower road had to do something about."""

    row: int
    code: str
    value: str


def sha256(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def open_source(path: Path, workplace: Path, *, expected: Sequence[str] = ()) -> Source:
    """Find out how a file is written. Whatever has to be rewritten goes to `workplace`.

    `expected` are headers that a mapping names: they help to find the header row.
    Raises WorkbenchError where the file is no table.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise WorkbenchError(f"{path} cannot be read: {error.strerror}.") from error
    if size == 0:
        raise WorkbenchError(f"{path.name} is empty (0 bytes): export it again, as CSV or XLSX.")
    if path.suffix.lower() in SHEETS:
        return _open_sheet(path, workplace, expected)
    return _open_text(path, workplace, expected)


def _open_text(path: Path, workplace: Path, expected: Sequence[str]) -> Source:
    with path.open("rb") as stream:
        head = stream.read(SAMPLE_BYTES)
    encoding = _encoding(path, head)
    text = head.decode(encoding, errors="ignore")
    readable = path
    if encoding not in ("utf-8", "utf-8-sig"):
        readable = workplace / f"{path.name}.utf8.csv"
        _transcode(path, encoding, readable)
    if not text.strip("\ufeff \r\n\t"):
        raise WorkbenchError(f"{path.name} holds nothing but blanks: export it again, as CSV or XLSX.")
    delimiter, quote = _dialect(text)
    records = _head(text, delimiter, quote, whole=len(head) < SAMPLE_BYTES)
    header_row, headers = _header(records, expected, path.name)
    return Source(
        path=path,
        readable=readable,
        format="CSV",
        encoding=encoding,
        delimiter=delimiter,
        quote=quote,
        headers=headers,
        header_row=header_row,
    )


def _encoding(path: Path, head: bytes) -> str:
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    for magic, what in _MAGIC:
        if head.startswith(magic):
            raise WorkbenchError(f"{path.name} is {what}, not a table: export it as CSV or XLSX.")
    zeros = head.count(0)
    if zeros:
        even, odd = head[::2].count(0), head[1::2].count(0)
        if max(even, odd) > 0.3 * len(head) / 2 > 3 * min(even, odd):
            return "utf-16-le" if odd > even else "utf-16-be"
        raise WorkbenchError(f"{path.name} holds binary data, not a table: export it as CSV or XLSX.")
    if sum(byte < 32 and byte not in (9, 10, 12, 13, 28, 29, 30, 31) for byte in head) > 0.02 * len(head):
        raise WorkbenchError(f"{path.name} holds binary data, not a table: export it as CSV or XLSX.")
    if is_utf8(path):
        return "utf-8"
    return _single_byte(path)


def is_utf8(path: Path) -> bool:
    """Whether the whole file is valid UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 22):
                if not block.isascii() or decoder.getstate()[0]:
                    decoder.decode(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _single_byte(path: Path) -> str:
    from charset_normalizer import from_bytes

    found = bytearray()
    with path.open("rb") as stream:
        for line in stream:
            if not line.isascii():
                found += line
                if len(found) > SAMPLE_BYTES:
                    break
    if not set(bytes(found).decode("cp1252", errors="replace")) - _WESTERN:
        return "cp1252"
    best = from_bytes(bytes(found)).best()
    return "cp1252" if best is None else best.encoding


def _transcode(path: Path, encoding: str, to: Path) -> None:
    errors = "strict" if encoding.startswith("utf") else "replace"
    try:
        with (
            path.open(encoding=encoding, errors=errors, newline="") as read,
            to.open("w", encoding="utf-8", newline="") as write,
        ):
            while block := read.read(1 << 20):
                write.write(block)
    except UnicodeError as error:
        raise WorkbenchError(
            f"{path.name} begins as {encoding} text but does not go on as such: export it again, as CSV in UTF-8."
        ) from error


def _dialect(text: str) -> tuple[str, str]:
    """The delimiter and the quote: the one under which headers are known, else what CleverCSV finds."""
    best: tuple[int, str] = (0, "")
    for delimiter in (",", ";", "\t", "|"):
        for record in _head(text, delimiter, '"', whole=False)[:20]:
            if len(record) > 1:
                best = max(best, (n_known(record), delimiter), key=lambda found: found[0])
    if best[0] >= 3:
        return best[1], '"'
    import clevercsv

    try:
        dialect = clevercsv.Detector().detect(text)
    except clevercsv.Error:
        dialect = None
    if dialect is None or not dialect.delimiter or dialect.delimiter.isalnum():
        return (best[1] or ","), '"'
    return dialect.delimiter, dialect.quotechar or '"'


def _head(text: str, delimiter: str, quote: str, *, whole: bool) -> list[list[str]]:
    """The first records of a text that may end in the middle of one."""
    records: list[list[str]] = []
    lines = text.lstrip("\ufeff").splitlines(keepends=True)
    try:
        for record in csv.reader(lines, delimiter=delimiter, quotechar=quote):
            records.append(record)
            if len(records) > 60:
                return records
    except csv.Error:
        pass
    return records if whole or len(records) < 2 else records[:-1]


def _header(records: Sequence[Sequence[str]], expected: Sequence[str], name: str) -> tuple[int, tuple[str, ...]]:
    """The record that holds the header: the one with most known names, else the first that is as wide as the rest."""
    wanted = {normal(header) for header in expected}
    best, row = 0, 0
    for number, record in enumerate(records[:20], start=1):
        score = n_known(record) + 2 * sum(normal(cell) in wanted for cell in record)
        if score > best and (wanted or sum(bool(cell.strip()) for cell in record) > 1):
            best, row = score, number
    if best < 2:  # one known name may be a value: a source called "email", a sector called "industry"
        row = 0
    if row == 0:
        widest = max((len(record) for record in records), default=0)
        row = next((n for n, record in enumerate(records, start=1) if len(record) >= max(2, widest * 0.8)), 0)
    if row == 0:
        row = next((n for n, record in enumerate(records, start=1) if any(cell.strip() for cell in record)), 0)
    if row == 0:
        raise WorkbenchError(f"{name} holds no header and no rows: export it again, as CSV or XLSX.")
    headers = [cell.strip("\ufeff").strip() for cell in records[row - 1]]
    return row, tuple(headers)


def by_the_slower_road(source: Source, workplace: Path) -> tuple[Source, list[Oddity]]:
    """Read a text record by record and write what can be read as clean, numbered CSV.

    A record that strict rules refuse is split at every delimiter; if that gives as many cells as the header has, it
    is taken so. What cannot be split into the header's cells is set aside whole.
    """
    width = len(source.headers)
    oddities: list[Oddity] = []
    clean = workplace / f"{source.name}.clean.csv"
    with (
        source.readable.open(encoding="utf-8-sig", newline="") as read,
        clean.open("w", encoding="utf-8", newline="") as to,
    ):
        write = csv.writer(to, lineterminator="\n")
        write.writerow(["_row", *(f"c{index}" for index in range(width))])
        for number, (raw, cells) in enumerate(_records(read, source), start=1):
            if number <= source.header_row or (cells is not None and not any(cells) and len(cells) <= 1):
                continue
            code = ""
            if cells is None or len(cells) != width:
                code, cells = _fit(raw, cells, width, source)
            if code:
                oddities.append(Oddity(number, code, raw.rstrip("\r\n")))
            if cells is not None:
                write.writerow([number, *(cell.replace("\x00", "") for cell in cells)])
    return replace(source, readable=clean, delimiter=",", quote='"', numbered=True), oddities


def _fit(raw: str, cells: list[str] | None, width: int, source: Source) -> tuple[str, list[str] | None]:
    code = "L014" if cells is None else ""
    if cells is None:
        cells = raw.rstrip("\r\n").split(source.delimiter)
        if len(cells) == width:
            return "L013", cells
    if not code and len(cells) > width and not any(cell.strip() for cell in cells[width:]):
        return "", cells[:width]
    if not code and len(cells) < width:
        return "L002", cells + [""] * (width - len(cells))
    return code or "L001", None


def _records(lines: Iterator[str], source: Source) -> Iterator[tuple[str, list[str] | None]]:
    """Each record's text and cells; cells are None where strict rules refuse it."""
    waiting: list[str] = []
    while True:
        line = waiting.pop(0) if waiting else next(lines, None)
        if line is None:
            return
        record = [line]
        cells = _split(record, source)
        while cells is Unfinished and len(record) < _LONGEST_RECORD:
            more = waiting.pop(0) if waiting else next(lines, None)
            if more is None:
                break
            record.append(more)
            if source.quote in more:
                cells = _split(record, source)
        if isinstance(cells, list) and (len(record) == 1 or len(cells) == len(source.headers)):
            yield "".join(record), cells
            continue
        # a quote that closes nowhere would swallow the rows below: take the line alone and read on after it
        yield line, None
        waiting[:0] = record[1:]


class Unfinished:
    """Stands for a record whose quote is still open."""


def _split(record: list[str], source: Source) -> list[str] | type[Unfinished] | None:
    try:
        rows = list(csv.reader(record, delimiter=source.delimiter, quotechar=source.quote, strict=True))
    except csv.Error as error:
        return Unfinished if "unexpected end" in str(error) else None
    return rows[0] if len(rows) == 1 else ([] if not rows else None)


def _open_sheet(path: Path, workplace: Path, expected: Sequence[str]) -> Source:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        with CalamineWorkbook.from_path(str(path)) as book:
            rows: list[list[Any]] = []
            for sheet in book.sheet_names:
                rows = [list(row) for row in book.get_sheet_by_name(sheet).iter_rows()]
                if sum(any(cell != "" for cell in row) for row in rows) > 1:
                    break
    except PasswordError as error:
        raise WorkbenchError(
            f"{path.name} is protected by a password: save it without one and load it again."
        ) from error
    except (CalamineError, OSError, ValueError, KeyError) as error:
        raise WorkbenchError(
            f"{path.name} cannot be read as a spreadsheet ({error}): open it, save it as XLSX and load it again."
        ) from error
    texts = [[_cell(cell) for cell in row] for row in rows]
    if not any(any(row) for row in texts):
        raise WorkbenchError(f"{path.name} has no filled cell: export it again, as CSV or XLSX.")
    header_row, headers = _header(texts[:60], expected, path.name)
    while headers and not headers[-1] and not any(len(row) >= len(headers) and row[len(headers) - 1] for row in texts):
        headers = headers[:-1]
    clean = workplace / f"{path.name}.clean.csv"
    with clean.open("w", encoding="utf-8", newline="") as to:
        write = csv.writer(to, lineterminator="\n")
        write.writerow(["_row", *headers])
        for number, row in enumerate(texts[header_row:], start=header_row + 1):
            if any(row):
                write.writerow([number, *(row + [""] * len(headers))[: len(headers)]])
    return Source(
        path=path,
        readable=clean,
        format=path.suffix[1:].upper(),
        encoding="utf-8",
        delimiter=",",
        quote='"',
        headers=headers,
        header_row=header_row,
        numbered=True,
        point_decimals=True,
    )


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, dt.timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
    return "" if value is None else str(value).replace("\x00", "")
