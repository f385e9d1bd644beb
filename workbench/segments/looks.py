"""What people would rather look at: two properties crossed, segments side by side, overlaps, the way through stages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from workbench import catalog, engines
from workbench.conditions import Compare, Condition
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.segments.discovering import Binned, binned_of
from workbench.segments.segment import Segment, as_segments, bound
from workbench.wording import percent, plural

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

STAGES = ("subscriber", "lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer")
ENTERED = "hs_v2_date_entered_"
BLANK = "(blank)"
OTHER = "(other)"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pivot:
    """Two properties crossed: `cells` has a row for each class of `first` and a column for each of `second`, with n."""

    first: str
    second: str
    cells: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        """A row a cell: the two classes, named as the properties, and `n`."""
        second = self.second if self.second != self.first else f"{self.second} again"
        down, across = self.cells.shape
        return pd.DataFrame(
            {
                self.first: np.repeat(self.cells.index.to_numpy(), across),
                second: np.tile(self.cells.columns.to_numpy(), down),
                "n": self.cells.to_numpy().ravel(),
            }
        )

    def headline(self) -> str:
        """The fullest cell."""
        total = int(self.cells.to_numpy().sum())
        if not total:
            return f"Nobody to count by {self.first} and {self.second}."
        down, across = divmod(int(self.cells.to_numpy().argmax()), self.cells.shape[1])
        n = int(self.cells.to_numpy()[down, across])
        return (
            f"Most of {total:,} are {self.cells.index[down]} and {self.cells.columns[across]}: {n:,} "
            f"({percent(n / total)})."
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SegmentProfiles:
    """One property in each segment: `shares` has `segment`, `value`, `n` and `share` (0 to 1, of the segment)."""

    by: str
    shares: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        """A row a segment and class."""
        return self.shares

    def headline(self) -> str:
        """Where the segments differ most; those with nobody inside are left out."""
        held = self.shares[self.shares.groupby("segment")["n"].transform("sum") > 0]
        if held["segment"].nunique() < 2:
            return "Fewer than two segments have anybody inside."
        shares = held.groupby("value", observed=True)["share"]
        low, high = shares.min(), shares.max()
        place = int((high - low).to_numpy().argmax())
        return (
            f"The segments differ most in {self.by} {low.index[place]}: "
            f"from {percent(low.iloc[place])} to {percent(high.iloc[place])}."
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SegmentOverlap:
    """Who is in several segments: `sets` has a yes/no column a segment and `n`, a row for each combination, most first.

    Those in none of the segments are a row too.
    """

    sets: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        """The combinations."""
        return self.sets

    def headline(self) -> str:
        """How many are in more than one."""
        members = self.sets.drop(columns="n").sum(axis=1)
        several, any_ = (int(self.sets.loc[members >= least, "n"].sum()) for least in (2, 1))
        segments = plural(self.sets.shape[1] - 1, "segment")
        return f"{several:,} of {plural(any_, 'record')} are in more than one of {segments}."


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StageFlow:
    """The way through the stages: `flows` has `stage`, `next` (blank: none yet), `n`, `share` (of who reached `stage`).

    `stages` has `stage` and `n`, in order. A stage was reached if the date it was entered is known; some skip one.
    """

    stages: pd.DataFrame
    flows: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        """A row for each step that somebody took."""
        return self.flows

    def headline(self) -> str:
        """How many came to the last stage, and where most stopped."""
        last, started = self.stages.iloc[-1], int(self.stages["n"].max())
        stopped = self.flows[self.flows["next"].isna() & (self.flows["stage"] != last["stage"])]
        told = f"{last['n']:,} reached {last['stage']}"
        if stopped.empty or not started:
            return f"{told}."
        most = stopped.sort_values("n").iloc[-1]
        return f"{told}; most stopped at {most['stage']}: {most['n']:,} ({percent(most['share'])} of who came there)."


def pivot(
    table: Any, first: str, second: str, *, segment: Segment | None = None, as_of: str | dt.date | None = None
) -> Pivot:
    """Cross two properties.

    Parameters
    ----------
    table
        A Workspace, or a table with a record a row, of any engine.
    first, second
        Properties: the eleven commonest values, or six ranges with equally many records; a blank is a class.
    segment
        Who is counted. Default: everybody.
    as_of
        The date from which the segment's days are counted. Default: the Workspace's.

    Raises
    ------
    WorkbenchError
        For an unknown property, or one whose values name rather than group.
    """
    rows, inside = _rows(table, [segment or Segment("all", "true")], [first, second], as_of)
    one, other = (_classes(rows, name) for name in (first, second))
    return Pivot(first=first, second=second, cells=crossed(one, other, inside[:, 0]))


def segment_profiles(
    table: Any, segments: Sequence[Segment] | Mapping[str, str], by: str, *, as_of: str | dt.date | None = None
) -> SegmentProfiles:
    """How a property is distributed in each segment; arguments as in `pivot`.

    Raises
    ------
    WorkbenchError
        For no segments, an unknown property, or one whose values name rather than group.
    """
    chosen = as_segments(segments)
    rows, inside = _rows(table, chosen, [by], as_of)
    return profiles_of([one.name for one in chosen], inside, _classes(rows, by))


def segment_overlap(
    table: Any, segments: Sequence[Segment] | Mapping[str, str], *, as_of: str | dt.date | None = None
) -> SegmentOverlap:
    """How many are in which segments at once; arguments as in `pivot`.

    Raises
    ------
    WorkbenchError
        For no segments, two of one name, or one called "n".
    """
    chosen = as_segments(segments)
    _, inside = _rows(table, chosen, [], as_of)
    return SegmentOverlap(sets=combinations_of([one.name for one in chosen], inside))


def stage_flow(table: Any, *, segment: Segment | None = None, as_of: str | dt.date | None = None) -> StageFlow:
    """Which stage contacts came to from which; arguments as in `pivot`.

    Raises
    ------
    WorkbenchError
        Where fewer than two dates of entering a stage are there.
    """
    kinds = engines.kinds(engines.as_frame(_table(table)))
    stages = [stage for stage in STAGES if ENTERED + stage in kinds]
    if len(stages) < 2:
        raise WorkbenchError(
            f"the way through stages is seen from the dates they were entered; export at least two of "
            f"{listing([ENTERED + stage for stage in STAGES])}."
        )
    names = [ENTERED + stage for stage in stages]
    rows, inside = _rows(table, [segment or Segment("all", "true")], names, as_of)
    return flow_of(stages, rows[names].notna().to_numpy()[inside[:, 0]])


# -- from columns ----------------------------------------------------------------------------------------------------


def crossed(one: Binned, other: Binned, inside: Bools) -> pd.DataFrame:
    """n for the classes of one property (down) by those of another (across)."""
    width = len(other.conditions)
    cells = np.bincount(one.codes[inside] * width + other.codes[inside], minlength=len(one.conditions) * width)
    return pd.DataFrame(cells.reshape(-1, width), index=labels(one), columns=labels(other))


def combinations_of(names: Sequence[str], inside: Bools) -> pd.DataFrame:
    """A yes/no column a segment and `n`, for each combination that occurs; `inside` has a column a segment."""
    if "n" in names:
        raise WorkbenchError("a segment called 'n' would be taken for the number of records; rename it.")
    table = pd.DataFrame(inside, columns=list(names))
    return table.value_counts().rename("n").reset_index()


def profiles_of(names: Sequence[str], inside: Bools, found: Binned) -> SegmentProfiles:
    """A property's classes in each segment; `inside` has a column a segment."""
    values, parts = labels(found), []
    for name, mask in zip(names, inside.T, strict=True):
        n = np.bincount(found.codes[mask], minlength=len(values))
        parts.append(pd.DataFrame({"segment": name, "value": values, "n": n, "share": n / max(n.sum(), 1)}))
    return SegmentProfiles(by=found.name, shares=pd.concat(parts, ignore_index=True))


def flow_of(stages: Sequence[str], reached: Bools) -> StageFlow:
    """The flow through stages; `reached` has a row a contact and a column a stage."""
    options = {option.value: option.label() for option in catalog.options("lifecyclestage")}
    names = [options.get(stage, stage) for stage in stages]
    patterns = np.bincount(reached @ (1 << np.arange(len(stages))), minlength=1 << len(stages))
    flows: dict[tuple[int, int], int] = {}
    for pattern in np.flatnonzero(patterns):
        if not pattern:
            continue
        came = [place for place in range(len(stages)) if pattern >> place & 1]
        for here, there in zip(came, [*came[1:], -1], strict=True):
            flows[here, there] = flows.get((here, there), 0) + int(patterns[pattern])
    n = reached.sum(axis=0)
    rows = [
        (names[here], names[there] if there >= 0 else None, count, count / int(n[here]))
        for (here, there), count in sorted(flows.items())
    ]
    return StageFlow(
        stages=pd.DataFrame({"stage": names, "n": n}),
        flows=pd.DataFrame(rows, columns=["stage", "next", "n", "share"]),
    )


def labels(found: Binned) -> list[str]:
    """What people call the classes of a property."""
    options = {option.value: option.label() for option in catalog.options(found.name)}
    return [_label(one, options) for one in found.conditions]


def _label(condition: Condition, options: Mapping[str, str]) -> str:
    if isinstance(condition, Compare) and condition.operator == "==":
        value = condition.value
        return ("yes" if value else "no") if isinstance(value, bool) else options.get(str(value), str(value))
    if isinstance(condition, Compare):
        return f"{'below' if condition.operator == '<' else 'from'} {condition.value:,}"
    low, high = getattr(condition, "low", None), getattr(condition, "high", None)
    if low is not None:
        return f"{low:,} to below {high:,}"
    return OTHER if hasattr(condition, "values") else BLANK


def _table(table: Any) -> Any:
    from workbench.loaders import Workspace

    return table.contacts if isinstance(table, Workspace) else table


def _rows(
    table: Any, segments: Sequence[Segment], names: Iterable[str], as_of: str | dt.date | None
) -> tuple[pd.DataFrame, Bools]:
    """Columns of the table, and who is inside of each segment."""
    kinds = engines.kinds(engines.as_frame(_table(table)))
    for name in names:
        if name not in kinds:
            raise WorkbenchError(
                f"unknown property {name!r}; the table has {listing(kinds)}.{did_you_mean(name, kinds)}"
            )
    frame, tests = bound(table, segments, as_of=as_of)
    marks = [test.alias(f"_in_{place}") for place, test in enumerate(tests)]
    rows = engines.collect(frame.select(*dict.fromkeys(names), *marks))
    inside = rows[[f"_in_{place}" for place in range(len(tests))]].to_numpy(dtype=bool)
    return rows, inside


def _classes(rows: pd.DataFrame, name: str) -> Binned:
    column = rows[name]
    found = binned_of(column, engines.kinds(engines.as_frame(column.to_frame()))[name])
    if found is None:
        raise WorkbenchError(
            f"{name!r} has one value for all or a value for nearly everybody, so it groups nobody; choose another."
        )
    return found
