"""The one filter language of rules, segments and outcomes: text a person can read, a tree, an expression.

`parse` makes a frozen tree from text, `str` writes it back, `prepare` makes expressions for a table of any engine.
A comparison with a blank is false, also under `not`; only `is_unknown` finds blanks.
"""

from __future__ import annotations

from workbench.conditions.binding import Binding, events_told, prepare
from workbench.conditions.parsing import FUNCTIONS, parse, parse_count
from workbench.conditions.related import Related, linked_pairs
from workbench.conditions.spans import moment
from workbench.conditions.tree import (
    All,
    AllOf,
    Always,
    Among,
    AnyOf,
    Associated,
    Before,
    Between,
    Changed,
    Compare,
    Condition,
    Count,
    Either,
    EventTime,
    Ever,
    InDays,
    InPeriod,
    InSegment,
    Known,
    Not,
    OneOf,
    Property,
    Text,
)

__all__ = [
    "FUNCTIONS",
    "All",
    "AllOf",
    "Always",
    "Among",
    "AnyOf",
    "Associated",
    "Before",
    "Between",
    "Binding",
    "Changed",
    "Compare",
    "Condition",
    "Count",
    "Either",
    "EventTime",
    "Ever",
    "InDays",
    "InPeriod",
    "InSegment",
    "Known",
    "Not",
    "OneOf",
    "Property",
    "Related",
    "Text",
    "events_told",
    "linked_pairs",
    "moment",
    "parse",
    "parse_count",
    "prepare",
]
