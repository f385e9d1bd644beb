"""What the workbench knows of a CRM's properties: names, types, labels in three languages, option values.

`properties.csv`, `options.csv` and `webmail.csv` beside this file are the data. Labels are aliases to try, first one
preferred; an unknown header is never an error.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

Language = Literal["en", "de", "fr"]
LANGUAGES: tuple[Language, ...] = ("en", "de", "fr")

TABLES = {
    "contact": "contacts",
    "company": "companies",
    "deal": "deals",
    "ticket": "tickets",
    "activity": "activities",
    "feedback": "feedback",
    "usage": "usage",
    "seats": "seats",
    "spend": "spend",
    "property_history": "property_history",
    "owner": "owners",
}
"""Object (as the vendor names one record) to the name of its table in a Workspace."""

NULL_WORDS = frozenset({"", "(No value)", "(Kein Wert)", "(Aucune valeur)", "--", "Select"})
"""How exports write a blank. A blank is not a zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One property of one object, under the vendor's internal name."""

    object: str
    name: str
    type: str  # id, id_list, string, enumeration, enumeration_list, number, bool, date, datetime, duration_ms
    personal: str  # yes, no, or staff: an employee is a person too
    labels: Mapping[Language, tuple[str, ...]]  # the preferred one first

    def label(self, language: Language = "en") -> str:
        """The preferred column label in `language`."""
        return self.labels[language][0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One value of an enumeration, with its labels."""

    property: str
    value: str
    labels: Mapping[Language, tuple[str, ...]]

    def label(self, language: Language = "en") -> str:
        """The preferred label in `language`."""
        return self.labels[language][0]


def _rows(name: str) -> list[dict[str, str]]:
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _labels(row: dict[str, str]) -> dict[Language, tuple[str, ...]]:
    return {language: tuple(row[language].split("|")) for language in LANGUAGES}


@cache
def options(property_name: str) -> tuple[Option, ...]:
    """The known options of an enumeration, empty where none are known."""
    return tuple(
        Option(property=row["property"], value=row["value"], labels=_labels(row))
        for row in _rows("options.csv")
        if row["property"] == property_name
    )


@cache
def webmail() -> dict[str, bool]:
    """Domains of providers where anybody may have a mailbox, and whether dots before the @ mean nothing there."""
    return {row["domain"]: row["dots_mean_nothing"] == "yes" for row in _rows("webmail.csv")}


@cache
def properties(object_name: str) -> tuple[Property, ...]:
    """All known properties of an object (`"contact"`, `"deal"`, ...), stage patterns spelt out."""
    found: list[Property] = []
    for row in _rows("properties.csv"):
        if row["object"] != object_name:
            continue
        labels = _labels(row)
        stages = options("lifecyclestage") if "{stage}" in row["name"] else ()
        if not stages:
            found.append(
                Property(
                    object=object_name,
                    name=row["name"],
                    type=row["type"],
                    personal=row["personal"],
                    labels=labels,
                )
            )
        for stage in stages:
            spelt = {
                language: tuple(
                    alias.replace("{Stage}", name) for alias in labels[language] for name in stage.labels[language]
                )
                for language in LANGUAGES
            }
            found.append(
                Property(
                    object=object_name,
                    name=row["name"].replace("{stage}", stage.value),
                    type=row["type"],
                    personal=row["personal"],
                    labels=spelt,
                )
            )
    return tuple(found)


@cache
def by_name(object_name: str) -> dict[str, Property]:
    """Internal name to property."""
    return {known.name: known for known in properties(object_name)}
