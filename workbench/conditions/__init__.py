"""The one filter language of rules, segments and outcomes: text a person can read, a tree, an expression.

`parse` makes a frozen tree from text, `str` writes it back, `prepare` makes expressions for a table of any engine.
A comparison with a blank is false, also under `not`; only `is_unknown` finds blanks.
"""

from __future__ import annotations

from workbench.conditions.binding import Binding, moment, prepare
from workbench.conditions.parsing import FUNCTIONS, parse, parse_count
from workbench.conditions.tree import (
    All,
    Always,
    AnyOf,
    Between,
    Compare,
    Condition,
    Count,
    Either,
    InDays,
    Known,
    Not,
    OneOf,
    Property,
    Text,
)

__all__ = [
    "FUNCTIONS",
    "All",
    "Always",
    "AnyOf",
    "Between",
    "Binding",
    "Compare",
    "Condition",
    "Count",
    "Either",
    "InDays",
    "Known",
    "Not",
    "OneOf",
    "Property",
    "Text",
    "moment",
    "parse",
    "parse_count",
    "prepare",
]
