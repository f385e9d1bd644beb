"""Conditions as the vendor's filter JSON, and back. What one side cannot say is refused by its name."""

from __future__ import annotations

from workbench.segments.vendor.plain import ASSOCIATION_TYPES, EVENT_TYPES, OBJECT_TYPES, simplified
from workbench.segments.vendor.reading import read_list, read_property
from workbench.segments.vendor.writing import write_list, write_property

__all__ = [
    "ASSOCIATION_TYPES",
    "EVENT_TYPES",
    "OBJECT_TYPES",
    "read_list",
    "read_property",
    "simplified",
    "write_list",
    "write_property",
]
