"""Columns of text, and files of them in the shape of an export."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from workbench import catalog
from workbench.catalog import Language
from workbench.sample.dice import Dice, Flags, Floats, Ints

Texts = NDArray[np.object_]

AS_OF = "2026-06-30"
DAY = 24 * 60
RENAMED_STAGE = ("subscriber", "Newsletter Reader")
"""A stage whose label this company has changed, in every language."""


def minute(text: str) -> int:
    """`2026-06-30` or `2026-06-30 18:00` in minutes since 1970."""
    return int((datetime.fromisoformat(text) - datetime(1970, 1, 1)).total_seconds()) // 60


EXPORTED = minute("2026-06-30 18:00")
NEVER = -1


def texts(values: Sequence[object]) -> Texts:
    """A list as an array of Python strings."""
    out = np.empty(len(values), dtype=object)
    out[:] = [str(value) for value in values]
    return out


def numbers(values: Ints, *, blank: Flags | None = None) -> Texts:
    """Whole numbers as text, empty where `blank`."""
    out = np.empty(len(values), dtype=object)
    out[:] = list(map(str, values.tolist()))
    if blank is not None:
        out[blank] = ""
    return out


_FIRST_DAY = minute("2023-01-01") // DAY
_DAYS = texts([date.fromordinal(date(2023, 1, 1).toordinal() + day) for day in range(1500)])
_TIMES = texts([f" {m // 60:02d}:{m % 60:02d}" for m in range(DAY)])


def stamps(minutes: Ints) -> Texts:
    """`YYYY-MM-DD HH:MM`, empty where `NEVER`."""
    known = minutes != NEVER
    days, times = np.divmod(np.where(known, minutes, EXPORTED), DAY)
    out: Texts = _DAYS[days - _FIRST_DAY] + _TIMES[times]
    out[~known] = ""
    return out


def days(minutes: Ints) -> Texts:
    """`YYYY-MM-DD`."""
    return _DAYS[minutes // DAY - _FIRST_DAY]


@dataclass(frozen=True, slots=True)
class Labels:
    """A column of an enumeration: codes into `values`, -1 for blank; written as labels of the file's language."""

    property: str
    values: tuple[str, ...]
    codes: Ints

    def __getitem__(self, rows: Ints | slice) -> Labels:
        return Labels(self.property, self.values, self.codes[rows])

    def written(self, language: Language) -> Texts:
        """The labels, as this company's account shows them."""
        known = {option.value: option.label(language) for option in catalog.options(self.property)}
        if self.property == "lifecyclestage":
            known[RENAMED_STAGE[0]] = RENAMED_STAGE[1]
        return texts([*(known.get(value, value) for value in self.values), ""])[self.codes]


Columns = dict[str, Texts | Labels]
"""Internal name to column, in the order of the file."""

_FIRST_ID = {
    "company": 9_300_000_000,
    "contact": 21_000_000_000,
    "deal": 15_600_000_000,
    "ticket": 1_900_000_000,
    "activity": 40_000_000,
    "feedback": 700_000_000,
}


def record_ids(dice: Dice, object_name: str, n: int) -> Ints:
    """Rising record ids with gaps, as a CRM gives them."""
    return _FIRST_ID[object_name] + np.cumsum(dice.between(f"{object_name} id", 1, 60, n))


def when(flags: Flags, yes: Texts | str, no: Texts | str = "") -> Texts:
    """One text where `flags`, the other elsewhere."""
    out = np.empty(len(flags), dtype=object)
    out[:] = no
    out[flags] = yes if isinstance(yes, str) else yes[flags]
    return out


def some(dice: Dice, fault: str, share: float | Floats, n: int) -> Ints:
    """The rows that get a fault."""
    return np.flatnonzero(dice.chance(f"fault: {fault}", share, n))


def joined(keys: Ints, values: Texts, n: int) -> Texts:
    """For each key below `n` its values, joined by `;`."""
    out = np.full(n, "", dtype=object)
    for key, value in zip(keys.tolist(), values.tolist(), strict=True):
        out[key] = f"{out[key]};{value}" if out[key] else value
    return out


def length(columns: Columns) -> int:
    """Rows of a table."""
    first = next(iter(columns.values()))
    return len(first.codes) if isinstance(first, Labels) else len(first)


def header(object_name: str, name: str, language: Language) -> str:
    """How an export in `language` heads a property; a property of the company's own keeps its name."""
    known = catalog.by_name(object_name).get(name)
    if name == f"hs_v2_date_entered_{RENAMED_STAGE[0]}" and known is not None:
        old = next(o for o in catalog.options("lifecyclestage") if o.value == RENAMED_STAGE[0]).label(language)
        return known.label(language).replace(old, RENAMED_STAGE[1])
    return known.label(language) if known else name


def write(path: Path, object_name: str, columns: Columns, *, language: Language = "en", mark: bool = False) -> int:
    """Write one export: comma, quotes where needed, CRLF, UTF-8 (`mark`: with a byte-order mark); returns its rows."""
    n, at_once = length(columns), 50_000
    with path.open("w", encoding="utf-8-sig" if mark else "utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow([header(object_name, name, language) for name in columns])
        for start in range(0, n, at_once):
            part = [column[start : start + at_once] for column in columns.values()]
            cells = [(column.written(language) if isinstance(column, Labels) else column).tolist() for column in part]
            writer.writerows(zip(*cells, strict=True))
    return n
