"""The slower road: a text read record by record, for files that strict rules refuse.

Whatever is read is written as clean, numbered CSV for the same pass that reads all others; whatever is not is kept
whole, with its row and a reason.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.loaders.recognise import n_known, normal
from workbench.loaders.sources import Source, style
from workbench.loaders.values import looks_like_a_number

SET_ASIDE = frozenset({"L001", "L014", "L021", "L022", "L023", "L025"})
"""Codes of rows that are not in the table."""
_TOTALS = frozenset(
    {"sum", "sums", "total", "totals", "grand total", "subtotal", "summe", "summen", "gesamt", "insgesamt"}
) | {"gesamtsumme", "zwischensumme", "somme", "total général", "totaux", "sous-total"}
_LONGEST_ROW = 8_000_000  # characters
_MOST_ODDITIES = 100_000  # before it is asked whether the file is read rightly at all
_LONGEST_RECORD = 2_000  # lines: a quote still open after so many is a stray one


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something about a row that had to be dealt with here."""

    row: int
    column: str  # header, "" for the whole row
    code: str
    value: str


@dataclass(slots=True)
class _Road:
    source: Source
    oddities: list[Oddity] = field(default_factory=list)
    held: list[tuple[int, str, list[str]]] = field(default_factory=list)  # may be notes below the table
    n_records: int = 0
    longest: int = 0  # characters of a row that is read
    another_table: bool = False
    gap: bool = False

    def cells(self, number: int, raw: str, cells: list[str] | None) -> Iterator[list[str]]:
        """The rows that a record gives, each with its number first."""
        text = raw.rstrip("\r\n")
        self.n_records += 1
        if len(self.oddities) > _MOST_ODDITIES and 2 * len(self.oddities) > self.n_records:
            raise WorkbenchError(
                f"{self.source.name}: more than half of its first {self.n_records:,} rows do not have the "
                f"{len(self.source.headers)} cells of the header; its delimiter was taken for "
                f"{self.source.delimiter!r}, its quote for {self.source.quote!r}. Export it again, as CSV in UTF-8."
            )
        if cells is not None and not any(cell.strip() for cell in cells):
            self.gap = True
            return
        if self.another_table or self._begins_another(cells):
            self.another_table = True
            self.oddities.append(Oddity(number, "", "L023", text))
            return
        self.gap = False
        if cells is not None and self._is_header(cells):
            self.oddities.append(Oddity(number, "", "L022", text))
            return
        if cells is not None and (_is_note(cells) or is_total(cells)):
            self.held.append((number, text, cells))
            return
        for held in self.held:
            yield from self._fitted(*held)
        self.held.clear()
        yield from self._fitted(number, text, cells)

    def end(self) -> None:
        """What was held back to the end stands below the table."""
        self.oddities += [Oddity(number, "", "L021", text) for number, text, _ in self.held]

    def _begins_another(self, cells: list[str] | None) -> bool:
        if not self.gap or cells is None or self._is_header(cells):
            return False
        filled = [cell for cell in cells if cell.strip()]
        return len(filled) >= 2 and n_known(filled) >= max(2, 0.6 * len(filled))

    def _is_header(self, cells: list[str]) -> bool:
        headers = self.source.headers
        return self.source.header_row > 0 and [normal(cell) for cell in cells[: len(headers)]] == [
            normal(header) for header in headers
        ]

    def _fitted(self, number: int, text: str, cells: list[str] | None) -> Iterator[list[str]]:
        width = len(self.source.headers)
        if len(text) > _LONGEST_ROW:
            self.oddities.append(Oddity(number, "", "L025", text))
            return
        self.longest = max(self.longest, len(text))
        if cells is None:
            # strict rules refuse the row: split at every delimiter it is whole if that gives the header's cells
            cells = text.split(self.source.delimiter)
            if len(cells) != width:
                self.oddities.append(Oddity(number, "", "L014", text))
                return
            self.oddities.append(Oddity(number, "", "L013", text))
        elif len(cells) > width and any(cell.strip() for cell in cells[width:]):
            self.oddities.append(Oddity(number, "", "L001", text))
            return
        elif len(cells) < width:
            self.oddities.append(Oddity(number, "", "L002", text))
        padded = cells[:width] + [""] * (width - len(cells))
        for index, cell in enumerate(padded):
            mended, code = _mended(cell)
            if code:
                self.oddities.append(Oddity(number, self.source.headers[index], code, cell.replace("\x00", "\u2400")))
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
        for number, raw, cells in _numbered(read, source):
            write.writerows(road.cells(number, raw, cells))
        road.end()
    plain = replace(
        source,
        readable=clean,
        delimiter=",",
        quote='"',
        escape='"',
        numbered=True,
        suspect=False,
        longest=max(source.longest, 4 * road.longest),  # bytes of a letter, or of a quote that is doubled
    )
    return plain, road.oddities


def _numbered(lines: Iterator[str], source: Source) -> Iterator[tuple[int, str, list[str] | None]]:
    """Records below the header with their numbers; blank lines do not count."""
    if source.numbered:  # a spreadsheet: the first cell is the number
        for index, row in enumerate(csv.reader(lines)):
            if index:
                yield int(row[0]), ",".join(row[1:]), row[1:]
        return
    number = source.header_row
    for index, (raw, cells) in enumerate(_records(lines, source), start=1):
        if index <= source.header_row:
            continue
        if raw.strip():
            number += 1
        yield number, raw, cells


def _records(lines: Iterator[str], source: Source) -> Iterator[tuple[str, list[str] | None]]:
    """Each record's text and cells; cells are None where strict rules refuse it."""
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
        if isinstance(cells, list) and (len(record) == 1 or len(cells) == len(source.headers)):
            yield "".join(record), cells
            continue
        # a quote that closes nowhere would swallow the rows below: take the line alone and read on after it
        yield line, None
        waiting.extend(reversed(record[1:]))


class _Unfinished:
    """A record whose quote is still open."""


def _split(record: list[str], source: Source) -> list[str] | _Unfinished | None:
    try:
        rows = list(csv.reader(record, **style(source.delimiter, source.quote, source.escape)))
    except csv.Error as error:
        return _Unfinished() if "unexpected end" in str(error) else None
    return rows[0] if len(rows) == 1 else [] if not rows else None


def is_total(cells: Sequence[str]) -> bool:
    """A word for a sum before all others, and then numbers: a line of totals, if no row follows."""
    first, *others = [cell for cell in cells if cell.strip()] or [""]
    return normal(first).rstrip(":") in _TOTALS and all(map(looks_like_a_number, others))


def _is_note(cells: list[str]) -> bool:
    """One cell of words in the first column and nothing else: a footnote, if no row follows."""
    return len(cells[0].split()) > 1 and not any(cell.strip() for cell in cells[1:])


def _mended(cell: str) -> tuple[str, str]:
    """The cell without NULs, and with letters that were decoded wrongly put right where that is certain."""
    if "\x00" in cell:
        return cell.replace("\x00", ""), "L020"
    if cell.isascii():
        return cell, ""
    try:
        right = cell.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return cell, ""
    return right, "L024"
