"""Segments: who is inside, who came and went, how they compare, and what separates winners from the rest."""

from __future__ import annotations

from workbench.segments.changes import SegmentChanges, segment_changes
from workbench.segments.compare import SegmentTable, compare_segments
from workbench.segments.discovering import Discovery, discover
from workbench.segments.files import read_segments, write_segments
from workbench.segments.looks import (
    Pivot,
    SegmentOverlap,
    SegmentProfiles,
    StageFlow,
    pivot,
    segment_overlap,
    segment_profiles,
    stage_flow,
)
from workbench.segments.segment import Segment, as_segments, bound, resolved, strange_values

__all__ = [
    "Discovery",
    "Pivot",
    "Segment",
    "SegmentChanges",
    "SegmentOverlap",
    "SegmentProfiles",
    "SegmentTable",
    "StageFlow",
    "as_segments",
    "bound",
    "compare_segments",
    "discover",
    "pivot",
    "read_segments",
    "resolved",
    "segment_changes",
    "segment_overlap",
    "segment_profiles",
    "stage_flow",
    "strange_values",
    "write_segments",
]
