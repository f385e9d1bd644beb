"""Events counted by class: few texts tell them apart, each class is asked once, and counts are digits of one sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench import engines
from workbench.conditions.frames import ID, inner_join

MOST_CLASSES = 100_000
EXACT_BITS = 53  # of a whole number in floating point
FEW_BITS = 10  # for a record with fewer than 1,024 events
BLANK_CLASS = "\x1fblank"
DEPTH = "_depth"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Classes:
    """The distinct texts of some columns of events."""

    events: engines.Frame
    columns: tuple[str, ...]
    table: pd.DataFrame  # a row a class, as its columns hold it
    keys: pd.DataFrame  # the same as texts, BLANK_CLASS for a blank
    n_events: int

    def texts(self) -> list[nw.Expr]:
        """The columns of events by which they find their class."""
        return [nw.col(name).cast(nw.String).fill_null(BLANK_CLASS) for name in self.columns]


def classes_of(events: engines.Frame, columns: Sequence[str]) -> Classes | None:
    """The classes of events; None where they are too many, or a blank cannot be told from a text."""
    ones = events.select(*columns, nw.lit(1).cast(nw.Int64).alias("_n"))
    table = engines.collect(ones.group_by(*columns).agg(nw.col("_n").sum()).head(MOST_CLASSES + 1))
    keys = table[list(columns)].astype("str").fillna(BLANK_CLASS)
    if len(table) > MOST_CLASSES or keys.duplicated().any():
        return None
    n = int(table["_n"].sum())
    return Classes(events=events, columns=tuple(columns), table=table, keys=keys, n_events=n)


def counted_by_class(
    rows: engines.Frame,
    classes: Classes,
    names: Sequence[str],
    holds: NDArray[np.bool_],
    span: NDArray[np.int64],
    *,
    to: engines.Frame,
) -> engines.Frame:
    """A row a record with its counts, on the engine of `to`.

    Parameters
    ----------
    rows
        The events that matter: the record's id, the texts of their class, and `DEPTH`, in how many spans of days they
        lie, from the widest to the narrowest: an event inside `depth` of them is inside the first `depth`.
    names
        What the counts are called.
    holds
        Whether each class of events (down) is what each count counts (across).
    span
        The place of each count's span of days, 0 for the widest.
    """
    spans = int(span.max()) + 1

    def counted(bits: int) -> engines.Frame:
        """Each record's counts as digits of so many bits, several in one exact sum, and all its events."""
        per = max(EXACT_BITS // bits, 1)
        packs = {f"_pack_{first}": slice(first, first + per) for first in range(0, len(names), per)}
        cells = []
        for reached in range(1, spans + 1):
            told = holds & (span < reached)
            some = told.any(axis=1)
            values = {
                name: told[some, pack] @ 2.0 ** (bits * np.arange(len(names[pack]))) for name, pack in packs.items()
            }
            cells.append(classes.keys[some].assign(**{DEPTH: reached, "_all": 1.0}, **values))
        classed = engines.like(engines.as_frame(pd.concat(cells, ignore_index=True)), classes.events)
        classed = classed.with_columns(*[nw.col(name).cast(nw.String) for name in classes.columns])
        joined = inner_join(rows, classed, [*classes.columns, DEPTH])
        sums = joined.group_by(ID).agg(*[nw.col(name).sum() for name in ("_all", *packs)])
        digits = [
            (nw.col(name).cast(nw.Int64) // 2 ** (bits * place) % 2**bits).alias(count)
            for name, pack in packs.items()
            for place, count in enumerate(names[pack])
        ]
        return engines.like(sums, to).select(ID, "_all", *digits)

    # No count can overflow its digits: it is at most the record's events, and these at most all events.
    all_events = max(classes.n_events.bit_length(), 1)
    if engines.keeps(to) and all_events > FEW_BITS:
        found = counted(FEW_BITS)
        most = engines.collect(found.select(nw.col("_all").max()))["_all"]
        if most.isna().all() or int(most.max()) < 2**FEW_BITS:
            return found.drop("_all")
    return counted(all_events).drop("_all")
