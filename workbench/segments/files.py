"""`segments.yaml`: saved segments, one entry each, that people read and compare."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.segments.segment import Segment, resolved

KEYS = ("name", "condition", "taken_on", "ids")
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""Reads every value as the text it is: `no` is a name, and an id keeps its zeros."""


def read_segments(path: str | os.PathLike[str]) -> tuple[Segment, ...]:
    """The segments of a file, those that they speak of looked up.

    A condition is parsed when its segment is first used, and what is wrong with it is told then, by the segment's name.

    Raises
    ------
    WorkbenchError
        Where the file cannot be read, an entry is no segment, a name is there twice, or segments go round in a circle.
    """
    file = Path(path)
    try:
        found = yaml.load(file.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506  # it makes texts only
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise WorkbenchError(f"{file.name} cannot be read as segments ({_first_line(problem)}).") from problem
    if not isinstance(found, dict) or not isinstance(found.get("segments"), list):
        raise WorkbenchError(f"{file.name} holds no segments; it starts with 'segments:' and has a list below.")
    segments = [_segment(entry, file.name, place) for place, entry in enumerate(found["segments"], start=1)]
    names = set()
    for segment in segments:
        if segment.name in names:
            raise WorkbenchError(f"{file.name} has two segments called {segment.name!r}; rename one of them.")
        names.add(segment.name)
    asking = [segment for segment in segments if not segment.is_static and "in_segment" in segment.condition]
    looked_up = {segment.name: segment for segment in resolved(asking, segments)}
    return tuple(looked_up.get(segment.name, segment) for segment in segments)


def write_segments(path: str | os.PathLike[str], segments: Iterable[Segment]) -> None:
    """Write `segments.yaml`, whole or not at all."""
    lines = ["segments:"]
    for segment in segments:
        lines += [f"- name: {_quoted(segment.name)}", f"  condition: {_quoted(segment.condition)}"]
        if segment.ids is not None:
            lines += [
                f"  taken_on: {segment.taken_on}",
                "  ids:",
                *(f"  - {_quoted(one)}" for one in sorted(segment.ids)),
            ]
    file = Path(path)
    written = file.with_name(f".{file.name}.{os.getpid()}")
    written.write_text("\n".join(lines if len(lines) > 1 else ["segments: []"]) + "\n", encoding="utf-8")
    os.replace(written, file)


def _quoted(text: str) -> str:
    """A text as YAML takes it, in single quotes where that can be: conditions are full of double ones."""
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    # YAML has no pairs of surrogates, as JSON has
    kept = (c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
    return f'"{"".join(kept)}"'


def _segment(entry: Any, file: str, place: int) -> Segment:
    told = f"entry {place} of {file}"
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise WorkbenchError(f"{told} is no segment; it needs a name and a condition.")
    told = f"the segment {entry['name']!r} of {file}"
    for key in entry:
        if key not in KEYS:
            raise WorkbenchError(
                f"{told} has an unknown entry {key!r}; there are {listing(KEYS)}.{did_you_mean(str(key), KEYS)}"
            )
    ids, condition = entry.get("ids"), entry.get("condition")
    if not isinstance(condition, str):
        raise WorkbenchError(f"{told} has no condition; write one such as 'numemployees > 50'.")
    if (ids is None) != ("taken_on" not in entry):
        raise WorkbenchError(f"{told} has one of ids and taken_on; a static segment has both, an active one neither.")
    taken_on = None
    if ids is not None:
        taken_on = _day(entry["taken_on"])
        if taken_on is None or not isinstance(ids, list) or not all(isinstance(one, str) for one in ids):
            raise WorkbenchError(f"{told} has ids that are no list, or a taken_on that is no date such as 2026-06-30.")
    try:
        if ids is None:
            return Segment._unread(entry["name"], condition, file)
        return Segment(entry["name"], condition, frozenset(ids), taken_on)
    except WorkbenchError as problem:
        raise WorkbenchError(f"{told}: {problem}") from problem


def _day(text: object) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _first_line(problem: Exception) -> str:
    return str(problem).splitlines()[0] if str(problem) else type(problem).__name__
