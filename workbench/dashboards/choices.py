"""What a page offers to choose from: scores, outcomes and segments that an export really holds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import narwhals as nw

from workbench import catalog
from workbench.engines import Frame, count_by
from workbench.handovers import OPTED_OUT
from workbench.outcomes import Outcome

STAGES = {
    "customer": ("became a customer", "customers"),
    "opportunity": ("became an opportunity", "opportunities"),
    "salesqualifiedlead": ("became sales qualified", "sales qualified leads"),
    "marketingqualifiedlead": ("became marketing qualified", "marketing qualified leads"),
}
MOST_VALUES = 50
WINDOW = 90  # days in which success is counted, where a page asks for no other
_NO_SCORE = ("hs_email", "num_", "hs_analytics_num", "numemployees", "annualrevenue", "total_revenue")
_OUTCOME_WORDS = frozenset(
    ["y", "won", "win", "converted", "conversion", "customer", "outcome", "success", "target", "bought", "sold", "sale"]
)
_NO_OUTCOME = (OPTED_OUT, "hs_marketable_status")


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a segment's property: what it is called and how many leads have it."""

    value: str
    label: str
    n: int


def label_of(name: str) -> str:
    """What people call a contact property: the catalog's label, else its own name."""
    known = catalog.by_name("contact").get(name)
    return known.label() if known else name


def score_columns(kinds: Mapping[str, str]) -> list[str]:
    """Number columns that may hold a score, the likely ones first; plain counts and sizes stand last."""
    numbers = [name for name, kind in kinds.items() if kind == "number"]

    def rank(name: str) -> int:
        return 0 if "score" in name.casefold() else 2 if name.startswith(_NO_SCORE) else 1

    return sorted(numbers, key=rank)


def outcomes(kinds: Mapping[str, str], *, within_days: int | None) -> dict[str, Outcome]:
    """Sentence to Outcome, for everything in the export that can count as success; what sounds like it first."""
    found: dict[str, Outcome] = {}
    dated = kinds.get("createdate") == "datetime"
    for stage, (sentence, label) in STAGES.items():
        entered = f"hs_v2_date_entered_{stage}"
        if kinds.get(entered) == "datetime":
            window = within_days if dated else None
            found[sentence] = Outcome(when=f"is_known({entered})", at=entered, within_days=window, label=label)
    known = catalog.by_name("contact")
    for name in sorted(kinds, key=lambda name: not _OUTCOME_WORDS & set(re.split(r"[^a-z]+", name.casefold()))):
        kind = kinds[name]
        if kind == "bool" and name not in _NO_OUTCOME:
            found[f"{label_of(name)} is yes"] = Outcome(when=name)
        elif kind == "datetime" and name not in known:
            window = within_days if dated else None
            text = name if name.isidentifier() else f"property({name!r})"
            found[f"{name} is filled in"] = Outcome(when=f"is_known({text})", at=name, within_days=window)
    return found


def segment_properties(kinds: Mapping[str, str]) -> list[str]:
    """Text columns that may part leads into segments: no ids, no personal data."""
    known = catalog.by_name("contact")
    offered = []
    for name, kind in kinds.items():
        prop = known.get(name)
        if kind == "text" and (prop is None or (prop.personal == "no" and not prop.type.startswith("id"))):
            offered.append(name)
    return offered


def segment_values(frame: Frame, name: str) -> list[Value]:
    """The commonest values of a property, at most 50, with how many leads have each."""
    cells = count_by(frame, {"value": nw.col(name)}).dropna()
    cells = cells.sort_values("n", ascending=False, kind="stable").head(MOST_VALUES)
    labels = {option.value: option.label() for option in catalog.options(name)}
    return [
        Value(str(value), labels.get(str(value), str(value)), int(n))
        for value, n in zip(cells["value"], cells["n"], strict=True)
    ]
