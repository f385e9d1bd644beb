"""What reading and writing the vendor's scores share: its keys, and places in its JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from workbench.conditions import All, Always, Condition, Property, Text
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.scoring.rules import MOST_CODES, MOST_TIMES, Decay, RollUp, Rule, RuleSum, number

CATEGORIES = {"FIT": "fit", "INTENT": "engagement"}
INVERSE_TYPES = {"company": 280, "deal": 3, "ticket": 16}
ROLL_UPS: dict[str, RollUp] = {"AVG": "average", "MAX": "maximum", "MIN": "minimum", "SUM": "sum"}
DETAILS = {"page_view": "hs_url", "form_submission": "hs_form_id"}
"""The event's property that is the detail of an activity here."""
KEPT = ("id", "scoreStatus", "scoreType", "createdAt", "updatedAt", "publishedAt")
"""Of a score, what is kept as it came."""
AT = Property("at")
DETAIL = Property("detail")
EVENT_ID = re.compile(r"\d+-\d+")


class Part:
    """A part of the vendor's JSON, whose problems are told with its place."""

    def __init__(self, found: Any, where: str, known: Iterable[str] = ()) -> None:
        self.found, self.where = found, where
        if not isinstance(found, Mapping):
            raise self.problem(f"an object in braces is needed, and {shortened(found)} came.")
        known = sorted(known)
        for key in found:
            if known and key not in known:
                raise self.problem(
                    f"unknown key {key!r}; there are {listing(known, most=20)}.{did_you_mean(str(key), known)} Was it "
                    "written by another version of the vendor's API?"
                )

    def problem(self, text: str) -> WorkbenchError:
        return WorkbenchError(f"{self.where}: {text}")

    def cannot(self, what: str) -> WorkbenchError:
        return self.problem(f"{what} cannot be said here; take the rule out, or keep it with the vendor.")

    def get(self, key: str, default: Any = None) -> Any:
        value = self.found.get(key)
        return default if value is None else value

    def need(self, key: str, kind: type | tuple[type, ...] = object) -> Any:
        value = self.found.get(key)
        if value is None or not isinstance(value, kind):
            raise self.problem(f"{key!r} is missing." if value is None else f"{key!r} cannot be {shortened(value)}.")
        return value

    def points(self, key: str) -> float:
        found: float = self.within(lambda: number(self.need(key), f"the points {key!r}"))
        return found

    def limits(self, low: str, high: str) -> dict[str, float | None]:
        found = {"minimum": low, "maximum": high}
        return {name: None if self.get(key) is None else self.points(key) for name, key in found.items()}

    def part(self, key: str, known: Iterable[str] = (), where: str = "") -> Part:
        return Part(self.need(key), where or self.where, known)

    def parts(self, key: str, known: Iterable[str] = (), where: str = "") -> list[Part]:
        return [Part(one, where or self.where, known) for one in self.need(key, list)]

    def choice(self, key: str, known: Iterable[str]) -> str:
        value, known = self.need(key), list(known)
        if value not in known:
            raise self.problem(f"unknown {key} {shortened(value)}; there are {listing(known, most=20)}.")
        return str(value)

    def within(self, make: Callable[[], Any]) -> Any:
        """What `make` gives, its problems told with this place."""
        try:
            return make()
        except WorkbenchError as problem:
            text = str(problem)
            if text.startswith(self.where):
                raise
            refused = text.split(" cannot be said here;")[0]
            raise (self.cannot(refused) if refused != text else self.problem(text)) from problem
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError, IndexError) as problem:
            raise self.problem(f"it is not as the vendor writes it ({type(problem).__name__}: {problem}).") from problem


def shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def output_of(part: Part) -> str | None:
    """The category that an output speaks of; None for the whole score."""
    categories = part.get("categories", [])
    if not isinstance(categories, list) or any(one not in CATEGORIES for one in categories):
        raise part.problem(f"unknown categories {shortened(categories)}; there are {listing(CATEGORIES)}.")
    return CATEGORIES[categories[0]] if len(set(categories)) == 1 else None


def conjuncts(tree: Condition) -> list[Condition]:
    if tree == Always(True):
        return []
    return list(tree.parts) if isinstance(tree, All) else [tree]


def all_of(parts: Sequence[Condition]) -> Condition:
    return Always(True) if not parts else parts[0] if len(parts) == 1 else All(tuple(parts))


def is_detail(part: Text) -> bool:
    return part.match == "contains" and part.property == DETAIL


def most_times(decay: Decay | None) -> int:
    """How many events of a rule can count at most: all of them, as far as there is room."""
    return MOST_TIMES if decay is None else min(MOST_TIMES, (MOST_CODES - 1) * decay.unit // 100)


def unnamed(rule: Rule | RuleSum) -> Rule | RuleSum:
    if isinstance(rule, RuleSum):
        return replace(
            rule, name="_", rules=tuple(replace(one, name=str(place)) for place, one in enumerate(rule.rules))
        )
    return replace(rule, name="_")
