"""Rows that are no records: the header again, the header of another table, a note or a line of totals below."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from workbench import catalog
from workbench.loaders.recognise import KEYS, NEEDED, n_known, normal
from workbench.loaders.values import looks_like_a_number

_TOTALS = frozenset(
    {"sum", "sums", "total", "totals", "grand total", "subtotal", "summe", "summen", "gesamt", "insgesamt"}
) | {"gesamtsumme", "zwischensumme", "somme", "total général", "totaux", "sous-total"}
_ID = re.compile(r"(^|[^a-z])id([^a-z]|$)")
_NUMBER = re.compile(r"\s*\d[\d., ]*(e\+?\d+)?\s*", re.IGNORECASE)  # an id, also one that a spreadsheet has rewritten
_RULED = re.compile(r"\s*[-=_:+*#|]{3,}\s*")


class Table:
    """What a table's headers tell of its rows. Rows are texts, with or without the blank cells at their end."""

    __slots__ = ("id_at", "n_named", "names", "width")

    def __init__(self, headers: Sequence[str], *, has_header: bool = True) -> None:
        keys = [normal(header) for header in headers]
        ids = [index for index, key in enumerate(keys) if _ID.search(key)]
        self.id_at = min(ids, key=lambda index: keys[index] not in _key_labels(), default=None)
        self.width = max((index for index, key in enumerate(keys, start=1) if key), default=len(keys))
        self.names = tuple(
            _also(key, header) if has_header and key else frozenset() for key, header in zip(keys, headers, strict=True)
        )
        self.n_named = sum(map(bool, self.names))

    def id_of(self, cells: Sequence[str]) -> str:
        """The cell of the record id, blank where there is none."""
        at = self.id_at
        return "" if at is None or at >= len(cells) or cells[at] in catalog.NULL_WORDS else cells[at].strip()

    def is_header(self, cells: Sequence[str]) -> bool:
        """Most cells name their own column, in whatever language, or the row is a line of dashes."""
        filled = _filled(cells)
        if filled and all(map(_RULED.fullmatch, filled)):
            return True
        own = list(zip(cells, self.names, strict=False))
        if not any(cell.strip().casefold() in names for cell, names in own):  # `normal` takes its time
            return False
        n_own = sum(normal(cell) in names for cell, names in own)
        return 2 * n_own > len(filled) and n_own >= min(2, self.n_named)

    def begins_another(self, cells: Sequence[str], *, apart: bool) -> bool:
        """The row names an id for its id, or properties of one object in most cells, but not those of these columns.

        Nearly all cells have to where the row is not `apart` from the records.
        """
        filled = _filled(cells)
        if len(filled) > 1 and normal(self.id_of(cells)) in _key_labels():
            return not self.is_header(cells)
        enough = max(2, 0.6 * len(filled)) if apart else max(3, 0.8 * len(filled))
        if sum(cell.strip().casefold() in _all_labels() for cell in filled) < enough:  # so does n_known
            return False
        return n_known(filled) >= enough and not self.is_header(cells)

    def is_below(self, cells: Sequence[str], *, numbered: bool) -> bool:
        """A note or a line of totals, if no row follows; `numbered` where all records above have a number as id.

        A note is a single cell of words in the first column, or one or two cells with words for an id.
        """
        filled = _filled(cells)
        if is_total(filled):
            return True
        if len(filled) == 1 and self.width > 1 and len(cells[0].split()) > 1:
            return True
        said = self.id_of(cells)
        return numbered and len(filled) <= 2 and len(filled) < self.width and said != "" and not is_number(said)


def is_number(text: str) -> bool:
    """Whether a text can be a record id that is a number."""
    return _NUMBER.fullmatch(text) is not None


def is_total(cells: Sequence[str]) -> bool:
    """A word for a sum before all others, and then numbers: a line of totals, if no row follows."""
    first, *others = _filled(cells) or [""]
    return normal(first).rstrip(":") in _TOTALS and all(map(looks_like_a_number, others))


def _filled(cells: Sequence[str]) -> list[str]:
    return [cell for cell in cells if cell.strip() and cell not in catalog.NULL_WORDS]


@cache
def _labels() -> tuple[tuple[str, str, frozenset[str]], ...]:
    """Each object's properties with all that they are called."""
    return tuple(
        (
            name,
            known.name,
            frozenset(map(normal, [known.name, *(label for each in known.labels.values() for label in each)])),
        )
        for name in catalog.TABLES
        for known in catalog.properties(name)
    )


@cache
def _all_labels() -> frozenset[str]:
    return frozenset().union(*(called for _, _, called in _labels()))


@cache
def _key_labels() -> frozenset[str]:
    """What the ids are called that make a row a record."""
    return frozenset().union(
        *(called for name, known, called in _labels() if known in (*KEYS[name], *NEEDED[name]) and known.endswith("id"))
    )


@cache
def _also(key: str, header: str) -> frozenset[str]:
    """All names of the property that a header names, and the header itself."""
    return frozenset({key, header.strip().casefold()}).union(*(called for _, _, called in _labels() if key in called))
