"""The slower road: a text read record by record, for files that strict rules refuse.

Whatever is read is written as clean, numbered CSV for the same pass that reads all others; whatever is not is kept
whole, with its row and a reason.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.loaders.decoding import FOREIGN, put_right
from workbench.loaders.no_records import Table, is_number
from workbench.loaders.sources import Source, style

SET_ASIDE = frozenset({"L001", "L014", "L021", "L022", "L023", "L025"})
"""Codes of rows that are not in the table."""
_LONGEST_ROW = 8_000_000  # characters
_MOST_ODDITIES = 100_000  # before it is asked whether the file is read rightly at all
_LONGEST_RECORD = 2_000  # lines: a quote still open after so many is a stray one


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something about a row that had to be dealt with here."""

    row: int
    column: int | None  # index, None for the whole row
    code: str
    value: str


class _Road:
    """The records of one file, one after another; what may be none waits until it is known what follows it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.table = Table(source.headers, has_header=source.header_row > 0)
        self.widths = range(self.table.width, len(source.headers) + 1)
        self.oddities: list[Oddity] = []
        self.longest = 0  # characters of a row that is read
        self._waiting: list[tuple[int, str, list[str]]] = []
        self._n_records = 0
        self._n_ids = self._n_numbers = 0
        self._apart = False  # a blank row or what may be a note stands between this row and the records above
        self._another_table = False

    def cells(self, number: int, raw: str, cells: list[str] | None) -> Iterator[list[str]]:
        """The rows that a record gives, each with its number first."""
        text = raw.rstrip("\r\n").replace(FOREIGN, "")
        self._n_records += 1
        if len(self.oddities) > _MOST_ODDITIES and 2 * len(self.oddities) > self._n_records:
            raise WorkbenchError(
                f"{self.source.name}: more than half of its first {self._n_records:,} rows do not have the "
                f"{len(self.source.headers)} cells of the header; its delimiter was taken for "
                f"{self.source.delimiter!r}, its quote for {self.source.quote!r}. Export it again, as CSV in UTF-8."
            )
        if cells is not None and not any(cell.strip() for cell in cells):
            self._apart = True
            return
        if self._another_table:
            self._set_aside(number, "L023", text)
            return
        if cells is not None:
            if not is_number(self.table.id_of(cells)):
                if self.table.is_header(cells):
                    self._set_aside(number, "L022", text)
                    return
                if self.table.begins_another(cells, apart=self._apart):
                    yield from self._before_another()
                    self._set_aside(number, "L023", text)
                    return
            if self._is_below(cells) or (self._apart and self._is_title(cells)):
                self._waiting.append((number, text, cells))
                self._apart = True
                return
        yield from self._records_after_all()
        self._apart = False
        yield from self._fitted(number, text, cells)

    def end(self) -> Iterator[list[str]]:
        """What no record follows stands below the table."""
        notes = []
        while self._waiting and self._is_below(self._waiting[-1][2]):
            notes.append(self._waiting.pop())
        yield from self._records_after_all()
        for number, text, _ in reversed(notes):
            self._set_aside(number, "L021", text)

    def _before_another(self) -> Iterator[list[str]]:
        """Another table begins: a single cell right above it is its title."""
        self._another_table = True
        title = self._waiting.pop() if self._waiting and self._is_title(self._waiting[-1][2]) else None
        yield from self.end()
        if title is not None:
            self._set_aside(title[0], "L023", title[1])

    def _records_after_all(self) -> Iterator[list[str]]:
        for waiting in self._waiting:
            yield from self._fitted(*waiting)
        self._waiting.clear()

    def _is_below(self, cells: list[str]) -> bool:
        return self.table.is_below(cells, numbered=0 < self._n_ids == self._n_numbers)

    def _is_title(self, cells: list[str]) -> bool:
        return bool(cells[0].strip()) and not is_number(cells[0]) and not any(cell.strip() for cell in cells[1:])

    def _set_aside(self, number: int, code: str, text: str) -> None:
        self.oddities.append(Oddity(number, None, code, text))

    def _fitted(self, number: int, text: str, cells: list[str] | None) -> Iterator[list[str]]:
        width = len(self.source.headers)
        if len(text) > _LONGEST_ROW:
            self._set_aside(number, "L025", text)
            return
        self.longest = max(self.longest, len(text))
        if cells is None:
            # strict rules refuse the row: split at every delimiter it is whole if that gives the header's cells
            cells = _without_blank_end(text.split(self.source.delimiter), width)
            if len(cells) not in self.widths:
                self._set_aside(number, "L014", text)
                return
            self._set_aside(number, "L013", text)
        else:
            cells = _without_blank_end(cells, width)
            if len(cells) > width:
                self._set_aside(number, "L001", text)
                return
            if len(cells) < self.table.width:
                self.oddities.append(Oddity(number, None, "L002", text))
        said = self.table.id_of(cells)
        self._n_ids += said != ""
        self._n_numbers += is_number(said)
        padded = cells + [""] * (width - len(cells))
        for index, cell in enumerate(padded):
            mended, code = _mended(cell)
            if code:
                self.oddities.append(Oddity(number, index, code, cell.replace("\x00", "\u2400").replace(FOREIGN, "")))
                padded[index] = mended
        yield [str(number), *padded]


def by_the_slower_road(source: Source, workplace: Path) -> tuple[Source, list[Oddity]]:
    """Write what can be read of a text as clean, numbered CSV, and tell of what cannot."""
    # beside what was unpacked or rewritten, where no other file of its name lies, but never beside the user's own
    folder = source.readable.parent if source.readable.is_relative_to(workplace) else workplace
    clean = folder / f"{source.readable.name}.clean.csv"
    road = _Road(source)
    csv.field_size_limit(sys.maxsize)
    with (
        source.readable.open(encoding="utf-8-sig", newline="") as read,
        clean.open("w", encoding="utf-8", newline="") as to,
    ):
        write = csv.writer(to, lineterminator="\n", quoting=csv.QUOTE_ALL)
        write.writerow(["_row", *(f"c{index}" for index in range(len(source.headers)))])
        for number, raw, cells in _numbered(read, source, road.widths):
            write.writerows(road.cells(number, raw, cells))
        write.writerows(road.end())
    plain = replace(
        source,
        readable=clean,
        delimiter=",",
        quote='"',
        escape='"',
        found=source.found or (source.delimiter, source.quote),
        numbered=True,
        suspect=False,
        longest=max(source.longest, 4 * road.longest),  # bytes of a letter, or of a quote that is doubled
    )
    return plain, road.oddities


def _numbered(lines: Iterator[str], source: Source, widths: range) -> Iterator[tuple[int, str, list[str] | None]]:
    """Records below the header with their numbers; blank lines do not count."""
    if source.numbered:  # a spreadsheet: the first cell is the number
        for index, row in enumerate(csv.reader(lines)):
            if index:
                yield int(row[0]), ",".join(row[1:]), row[1:]
        return
    number = source.header_row
    for index, (raw, cells) in enumerate(_records(lines, source, widths), start=1):
        if index <= source.header_row:
            continue
        if raw.strip():
            number += 1
        yield number, raw, cells


def _records(lines: Iterator[str], source: Source, widths: range) -> Iterator[tuple[str, list[str] | None]]:
    """Each record's text and cells; cells are None where strict rules refuse it. `widths`: how many cells are right."""
    waiting: list[str] = []
    while True:
        line = waiting.pop() if waiting else next(lines, None)
        if line is None:
            return
        record = [line]
        cells = _split(record, source)
        while isinstance(cells, _Unfinished) and len(record) < _LONGEST_RECORD:
            more = waiting.pop() if waiting else next(lines, None)
            if more is None:
                break
            record.append(more)
            if source.quote in more:
                cells = _split(record, source)
        if not isinstance(cells, _Unfinished) and (len(record) == 1 or _is_one(record, cells, source, widths)):
            yield "".join(record), cells
            continue
        # a stray quote would swallow the rows below: take the line alone and read on after it
        yield line, None
        waiting.extend(reversed(record[1:]))


def _is_one(record: list[str], cells: list[str] | None, source: Source, widths: range) -> bool:
    """Whether several lines are one record, not rows of their own between two stray quotes."""

    def fits(cells: list[str]) -> bool:
        return len(_without_blank_end(cells, widths[-1])) in widths

    if cells is not None and fits(cells):
        return True
    split = [line.rstrip("\r\n").split(source.delimiter) for line in record]
    if 2 * sum(map(fits, split)) > len(record):
        return False
    return cells is not None or fits("".join(record).split(source.delimiter))


class _Unfinished:
    """A record whose quote is still open."""


def _split(record: list[str], source: Source) -> list[str] | _Unfinished | None:
    try:
        rows = list(csv.reader(record, **style(source.delimiter, source.quote, source.escape)))
    except csv.Error as error:
        return _Unfinished() if "unexpected end" in str(error) else None
    return rows[0] if len(rows) == 1 else [] if not rows else None


def _without_blank_end(cells: list[str], width: int) -> list[str]:
    """The cells without blank ones beyond the header's width."""
    while len(cells) > width and not cells[-1].strip():
        cells = cells[:-1]
    return cells


def _mended(cell: str) -> tuple[str, str]:
    """The cell without NULs and marks, with letters that were decoded wrongly put right where that is certain."""
    if cell.isascii() and "\x00" not in cell:
        return cell, ""
    plain = cell.replace("\x00", "").replace(FOREIGN, "")
    right = put_right(plain)
    if "\x00" in cell:
        return plain, "L020"
    if right != plain:
        return right, "L024"
    return plain, "L032" if "\ufffd" in plain else "L031" if FOREIGN in cell else ""
