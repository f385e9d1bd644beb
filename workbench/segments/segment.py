"""A segment: a condition with a name, or a frozen list of record ids."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any, cast

import narwhals as nw
import pandas as pd

from workbench import engines
from workbench.conditions import (
    All,
    Among,
    AnyOf,
    Compare,
    Condition,
    Either,
    InSegment,
    Not,
    OneOf,
    Property,
    Related,
    moment,
    parse,
    prepare,
)
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.loaders import Workspace, leads_of

ID = "hs_object_id"
MOST_VALUES = 10_000


@dataclass(frozen=True, slots=True)
class Segment:
    """Records that meet a condition (active), or a list of them as it once was (static).

    Parameters
    ----------
    name
        What people call it.
    condition
        Who is inside, as in `parse`. Of a static segment: what it was made from.
    ids
        Record ids of a static segment; None for an active one.
    taken_on
        The day as of which a static segment was made.

    Raises
    ------
    WorkbenchError
        For an empty name or text that is no condition.

    Examples
    --------
    >>> str(Segment("Large", "numemployees>50").tree)
    'numemployees > 50'
    """

    name: str
    condition: str
    ids: frozenset[str] | None = None
    taken_on: dt.date | None = None
    _tree: Condition | None = field(init=False, compare=False, repr=False, default=None)
    _file: str = field(init=False, compare=False, repr=False, default="")

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise WorkbenchError("a segment needs a name; write Segment('Large', 'numemployees > 50').")
        if any("\ud800" <= letter <= "\udfff" for letter in self.name):
            raise WorkbenchError(f"the segment's name {self.name!r} holds half a character; write it anew.")
        if self.ids is None:
            object.__setattr__(self, "condition", str(self.tree))

    @property
    def tree(self) -> Condition:
        """Who is inside, as a tree; other segments that it speaks of may still have to be looked up.

        Raises
        ------
        WorkbenchError
            Where a file was read and the text of this segment is no condition; the segment is named.
        """
        if self._tree is None:
            object.__setattr__(self, "_tree", self._parsed())
        return cast("Condition", self._tree)

    def _parsed(self) -> Condition:
        if self.ids is not None:
            return Among(self.ids)
        try:
            return parse(self.condition)
        except WorkbenchError as problem:
            if not self._file:
                raise
            raise WorkbenchError(f"the segment {self.name!r} of {self._file}: {problem}") from problem

    @property
    def is_static(self) -> bool:
        """Whether it is a list of ids."""
        return self.ids is not None

    def __and__(self, other: Segment) -> Segment:
        """Who is in both."""
        return _combined(f"{self.name} and {other.name}", All(_parts(self, All) + _parts(other, All)))

    def __or__(self, other: Segment) -> Segment:
        """Who is in at least one."""
        return _combined(f"{self.name} or {other.name}", Either(_parts(self, Either) + _parts(other, Either)))

    def __sub__(self, other: Segment) -> Segment:
        """Who is in this one and not in the other, blanks included."""
        without = Not(InSegment(other.name, other.tree))
        return _combined(f"{self.name} without {other.name}", All((*_parts(self, All), without)))

    def select(
        self,
        table: Any,
        *,
        as_of: str | dt.date | None = None,
        activities: Any = None,
        related: Related | None = None,
        segments: Iterable[Segment] = (),
    ) -> Any:
        """The rows inside: the same kind of table back, with all of its columns.

        Parameters
        ----------
        table
            A record a row (pandas, Polars, DuckDB, Spark, pyarrow), or a Workspace, whose contacts are taken as pandas.
        as_of
            The date from which days are counted. Default: the Workspace's.
        activities, related
            The events, and a function from a name (`"deals"`) to that table. Default: the Workspace's.
        segments
            Those that the condition speaks of by name.

        Raises
        ------
        WorkbenchError
            For an unknown property, a value that does not fit, a segment that is not there, a cycle of segments.
        """
        frame, (inside,) = bound(table, [self], as_of=as_of, activities=activities, related=related, segments=segments)
        names = _names(table)
        rows = frame.filter(inside).select(*names)
        return rows if isinstance(table, nw.DataFrame | nw.LazyFrame) else rows.to_native()

    def freeze(
        self, workspace: Workspace, *, as_of: str | dt.date | None = None, segments: Iterable[Segment] = ()
    ) -> Segment:
        """A static segment of who is inside on a date (default: the Workspace's)."""
        when = moment(workspace.as_of if as_of is None else as_of)
        assert when is not None  # noqa: S101  # a Workspace has a date
        rows = self.select(workspace, as_of=as_of, segments=segments)
        return Segment(self.name, self.condition, frozenset(rows[ID].astype("str")), when.start.date())

    def with_tree(self, tree: Condition) -> Segment:
        """The same segment with the segments that it speaks of looked up."""
        found = copy(self)
        object.__setattr__(found, "_tree", tree)
        return found

    @classmethod
    def _unread(cls, name: str, condition: str, file: str) -> Segment:
        """An active segment of a file, whose text is parsed when it is asked for: of thousands few are."""
        found = cls(name, "true")
        for key, value in (("condition", condition), ("_file", file), ("_tree", None)):
            object.__setattr__(found, key, value)
        return found

    @classmethod
    def from_hubspot(cls, definition: Mapping[str, Any], *, names: Mapping[str, str] | None = None) -> Segment:
        """A segment from the vendor's list definition (with `name` and `filterBranch`).

        `names` gives names by ids: of lists, forms and e-mails that a filter asks for, and the kind of activity
        that an event of the account's own is.

        Raises
        ------
        WorkbenchError
            For a filter that cannot be said here; it is named.
        """
        from workbench.segments.vendor import read_list

        name, tree = read_list(definition, names or {})
        return _combined(name, tree)

    def to_hubspot(
        self, *, kinds: Mapping[str, str] | None = None, list_ids: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The vendor's list definition: `name`, `objectTypeId`, `processingType`, `filterBranch`.

        Parameters
        ----------
        kinds
            What each property holds (`engines.kinds`), where a value alone does not say it.
        list_ids
            The vendor's ids by name, of segments (their lists) and forms that the condition asks for.

        Raises
        ------
        WorkbenchError
            For what a filter there cannot say; it is named.
        """
        from workbench.segments.vendor import write_list

        if self.is_static:
            raise WorkbenchError(
                f"{self.name!r} is a static segment, a list of ids; a filter cannot say it. Export its record ids."
            )
        return write_list(self.name, self.tree, kinds or {}, list_ids or {})


def _combined(name: str, tree: Condition) -> Segment:
    return Segment(name, str(tree)).with_tree(tree)


def _parts(segment: Segment, kind: type[All | Either]) -> tuple[Condition, ...]:
    """A segment as parts of an `and` or `or`; a static one by its name."""
    if segment.is_static:
        return (InSegment(segment.name, segment.tree),)
    return segment.tree.parts if isinstance(segment.tree, kind) else (segment.tree,)


def bound(
    table: Any,
    asked: Iterable[Segment],
    *,
    as_of: str | dt.date | None = None,
    activities: Any = None,
    related: Related | None = None,
    segments: Iterable[Segment] = (),
) -> tuple[engines.Frame, list[nw.Expr]]:
    """A frame and a yes/no expression for each segment, all counted in one pass; arguments as in `Segment.select`."""
    asked = list(asked)
    leads, as_of, activities, related = leads_of(
        table, as_of=as_of, activities=activities, related=related, engine="pandas"
    )
    trees = [one.tree for one in resolved(asked, segments)]
    return prepare(engines.as_frame(leads), trees, as_of=as_of, activities=activities, related=related)


def resolved(asked: Iterable[Segment], segments: Iterable[Segment] = ()) -> list[Segment]:
    """The segments with all that they speak of looked up among `segments` and themselves.

    Raises
    ------
    WorkbenchError
        For a name that is not there, a name that is there twice, or a cycle.
    """
    asked = list(asked)
    known: dict[str, Segment] = {}
    for segment in [*segments, *asked]:
        if known.setdefault(segment.name, segment) != segment:
            raise WorkbenchError(f"there are two different segments called {segment.name!r}; rename one of them.")
    done: dict[str, Condition] = {}
    return [segment.with_tree(_meaning(segment, known, done)) for segment in asked]


def _meaning(segment: Segment, known: Mapping[str, Segment], done: dict[str, Condition]) -> Condition:
    """The tree of a segment with all names looked up; a walk with a stack of its own, however long the chain."""
    stack = [segment]
    while stack:
        current = stack[-1]
        needed = [] if current.is_static else [name for name in _asked(current.tree) if name not in done]
        if not needed:
            done[current.name] = _looked_up(current.tree, done)
            stack.pop()
            continue
        name = needed[0]
        if name not in known:
            raise WorkbenchError(
                f"the segment {current.name!r} asks for the segment {name!r}, which is not there; there are "
                f"{listing(known)}.{did_you_mean(name, known)}"
            )
        names = [one.name for one in stack]
        if name in names:
            circle = " → ".join(repr(one) for one in [*names[names.index(name) :], name])
            raise WorkbenchError(f"segments go round in a circle: {circle}; take one of them out.")
        stack.append(known[name])
    return done[segment.name]


def _asked(tree: Condition) -> tuple[str, ...]:
    return tuple(dict.fromkeys(node.name for node in tree.walk() if isinstance(node, InSegment) and node.means is None))


def _looked_up(tree: Condition, done: Mapping[str, Condition]) -> Condition:
    if isinstance(tree, InSegment):
        return tree if tree.means is not None else InSegment(tree.name, done[tree.name])
    if isinstance(tree, All | Either):
        return type(tree)(tuple(_looked_up(part, done) for part in tree.parts))
    return Not(_looked_up(tree.part, done)) if isinstance(tree, Not) else tree


def _names(table: Any) -> list[str]:
    if isinstance(table, Workspace):
        return list(table.columns("contacts"))
    return engines.as_frame(table).collect_schema().names()


def strange_values(table: Any, condition: Condition) -> list[str]:
    """Sentences about texts that the condition compares with and no record has, with the nearest that one has.

    `table` is of any engine, or a Workspace, whose contacts are taken.
    """
    if isinstance(table, Workspace):
        table = table.table("contacts", engine="duckdb")
    frame = engines.as_frame(table)
    kinds = engines.kinds(frame)
    told = []
    for name, wanted in _compared(condition).items():
        if kinds.get(name) != "text":
            continue
        found = engines.count_by(frame, {"value": nw.col(name)}).dropna()["value"].astype("str")
        if len(found) > MOST_VALUES:
            continue
        held = set(found) | {part for value in found for part in value.split(";")}
        for value in wanted:
            if value not in held:
                same = next((one for one in sorted(held) if one.casefold() == value.casefold()), None)
                near = f" Did you mean {same!r}?" if same is not None else did_you_mean(value, held)
                near = near or f" It holds {listing(sorted(held), most=4)}."
                told.append(f"No {name} is {value!r}.{near}")
    return told


def _compared(condition: Condition) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for node in condition.walk():
        term: Any = getattr(node, "term", None) or getattr(node, "property", None)
        if not isinstance(term, Property):
            continue
        if isinstance(node, Compare) and node.operator in ("==", "!="):
            values: Iterable[Any] = [node.value]
        elif isinstance(node, OneOf | AnyOf):
            values = node.values
        else:
            continue
        texts = [value for value in values if isinstance(value, str)]
        if texts:
            found.setdefault(term.name, []).extend(text for text in texts if text not in found.get(term.name, []))
    return found


def as_segments(segments: Any) -> list[Segment]:
    """A list of segments from one, several, or a mapping of name to condition.

    Raises
    ------
    WorkbenchError
        For anything else, or for none.
    """
    if isinstance(segments, Segment):
        segments = [segments]
    if isinstance(segments, Mapping):
        segments = [Segment(name, condition) for name, condition in segments.items()]
    found = list(segments) if isinstance(segments, Iterable) and not isinstance(segments, str | pd.DataFrame) else []
    if not found or not all(isinstance(one, Segment) for one in found):
        raise WorkbenchError("segments are needed, such as [Segment('Large', 'numemployees > 50')].")
    return found
