"""How a segment grew and shrank: from the property history of one Workspace, or from several snapshots."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from workbench import engines
from workbench.conditions import moment
from workbench.conditions.related import history_of, typed_values
from workbench.errors import WorkbenchError
from workbench.loaders import Workspace
from workbench.segments.segment import ID, Segment, bound, resolved
from workbench.wording import plural

ENTERED_STAGE = "hs_v2_date_entered_"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class SegmentChanges:
    """Sizes of a segment on several days, and who came and went in between.

    `sizes` has `day`, `size`, `entered`, `left` (both 0 on the first day); `moves` has `hs_object_id`, `day` (the first
    of the days on which it was seen), `moved` ("entered" or "left").
    """

    segment: Segment
    sizes: pd.DataFrame
    moves: pd.DataFrame
    notes: tuple[str, ...] = ()

    def frame(self) -> pd.DataFrame:
        """The sizes."""
        return self.sizes

    def headline(self) -> str:
        """From what to what it went."""
        first, last = self.sizes.iloc[0], self.sizes.iloc[-1]
        return (
            f"{self.segment.name}: {plural(int(first['size']), 'record')} on {first['day']:%-d %B %Y}, "
            f"{last['size']:,} on {last['day']:%-d %B %Y}; {self.sizes['entered'].sum():,} entered, "
            f"{self.sizes['left'].sum():,} left."
        )


def segment_changes(
    segment: Segment,
    source: Workspace | Sequence[Workspace],
    days: Iterable[str | dt.date] = (),
    *,
    segments: Iterable[Segment] = (),
) -> SegmentChanges:
    """Who was in a segment when.

    Parameters
    ----------
    segment
        An active segment.
    source
        One Workspace, whose property history says what each record was on each of `days`; or several snapshots of one
        account, each seen on its own day.
    days
        With one Workspace: at least two dates, in any order.
    segments
        Those that the condition speaks of by name.

    Raises
    ------
    WorkbenchError
        For fewer than two days, or a day after the export.
    """
    if isinstance(source, Workspace):
        whens = sorted({_day(day) for day in days})
        if len(whens) < 2 or whens[-1] > source.as_of.date():
            raise WorkbenchError(
                f"changes are seen between at least two days up to the export's ({source.as_of:%Y-%m-%d}); give days=, "
                "such as days=['2026-01-01', '2026-06-30']."
            )
        inside = [(when, _inside(segment, source, when, segments)) for when in whens]
        notes = _notes(segment, source, segments)
    else:
        seen = sorted(source, key=lambda one: one.as_of)
        if len(seen) < 2:
            raise WorkbenchError("changes are seen between at least two snapshots, or on several days= of one.")
        inside = [(one.as_of.date(), _ids(segment.select(one, segments=segments))) for one in seen]
        notes = ()
    sizes, moves = [], []
    before = inside[0][1]
    for when, now in inside:
        day = pd.Timestamp(when)
        sizes.append({"day": day, "size": len(now), "entered": len(now - before), "left": len(before - now)})
        for moved, ids in (("entered", now - before), ("left", before - now)):
            moves.append(pd.DataFrame({ID: sorted(ids), "day": day, "moved": moved}))
        before = now
    return SegmentChanges(
        segment=segment, sizes=pd.DataFrame(sizes), moves=pd.concat(moves, ignore_index=True), notes=notes
    )


def _day(day: str | dt.date) -> dt.date:
    found = moment(day)
    if found is None:
        raise WorkbenchError("a day is a date such as '2026-06-30', not None.")
    return found.start.date()


def _ids(rows: pd.DataFrame) -> set[str]:
    return set(rows[ID].astype("str"))


def _properties(segment: Segment, segments: Iterable[Segment]) -> tuple[str, ...]:
    return resolved([segment], segments)[0].tree.properties


def _inside(segment: Segment, workspace: Workspace, when: dt.date, segments: Iterable[Segment]) -> set[str]:
    then = rewound(workspace, when, _properties(segment, segments))
    frame, (inside,) = bound(
        then,
        [segment],
        as_of=when,
        activities=workspace.events(engine="duckdb"),
        related=partial(workspace.table, engine="duckdb"),
        segments=segments,
    )
    return _ids(engines.collect(frame.filter(inside).select(ID)))


def rewound(workspace: Workspace, when: dt.date, properties: Sequence[str]) -> pd.DataFrame:
    """The contacts as they were at the end of a day, as far as the property history tells.

    Contacts created later are missing, stages entered later are blank, and a property with a history has its last
    value up to then. Everything else is as it is in the export.
    """
    end = pd.Timestamp(when) + pd.Timedelta(days=1)
    contacts = workspace.contacts
    if "createdate" in contacts:
        contacts = contacts[~(contacts["createdate"] >= end)]
    ids = contacts[ID].astype("str")
    past: dict[str, pd.Series[Any]] = {}
    for name in properties:
        if name not in contacts:
            continue
        if name.startswith(ENTERED_STAGE):
            past[name] = contacts[name].where(contacts[name] < end)
        changes = _changes(workspace, name)
        if len(changes):
            told = ids.isin(changes["record_id"])
            last = (
                changes[changes["at"] < end].drop_duplicates("record_id", keep="last").set_index("record_id")["value"]
            )
            kind = engines.kind_of(engines.as_frame(contacts[[name]]).collect_schema()[name])
            values = typed_values(ids.map(last).astype("str").fillna(""), kind)
            past[name] = contacts[name].where(~told, values)
    return contacts.assign(**past)


def _changes(workspace: Workspace, name: str) -> pd.DataFrame:
    if "property_history" not in workspace.tables:
        return pd.DataFrame({"record_id": [], "value": [], "at": []})
    history = history_of(
        workspace.table("property_history", engine="duckdb"), of="contacts", name=name, told="segment_changes()"
    )
    return engines.collect(history).sort_values("at", kind="stable")


def _notes(segment: Segment, workspace: Workspace, segments: Iterable[Segment]) -> tuple[str, ...]:
    as_now = [
        name
        for name in _properties(segment, segments)
        if not name.startswith(ENTERED_STAGE) and name != "createdate" and not len(_changes(workspace, name))
    ]
    if not as_now:
        return ()
    return (f"No history of {', '.join(as_now)}: taken as in the export, for every day.",)
