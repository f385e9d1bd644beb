"""Exports of an invented company, in the shape of real ones and with their faults, from known parameters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from importlib.resources import files
from os import PathLike
from pathlib import Path

import numpy as np

from workbench.catalog import LANGUAGES, TABLES, Language
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.sample import exports
from workbench.sample.customers import invent_deals, invent_months
from workbench.sample.tables import AS_OF, write
from workbench.sample.truth import Truth

__all__ = ["Truth", "write_sample"]

_VIEWS: dict[Language, str] = {"en": "all-contacts", "de": "alle-kontakte", "fr": "tous-les-contacts"}


def write_sample(
    folder: str | PathLike[str],
    *,
    contacts: int = 5000,
    seed: int = 1,
    only: Collection[str] | None = None,
    languages: Sequence[Language] = LANGUAGES,
    progress: Callable[[str, int], None] | None = None,
) -> None:
    folder = Path(folder)
    wanted = set(TABLES.values()) if only is None else set(only)
    world = exports.invent(contacts=contacts, seed=seed, truth=Truth())
    months = invent_months(world.dice, world.truth, world.companies)
    deals = invent_deals(world.dice, world.truth, world.companies, world.leads, months)
    folder.mkdir(parents=True, exist_ok=True)

    def save(name: str, object_name: str, columns: exports.Columns) -> None:
        write(folder / f"{name}-{AS_OF}.csv", object_name, columns)

    if "contacts" in wanted:
        columns = exports.contacts(world, deals)
        for language in languages:
            place = folder if language == "en" else folder / language
            place.mkdir(exist_ok=True)
            path = place / f"hubspot-crm-exports-{_VIEWS[language]}-{AS_OF}.csv"
            write(path, "contact", columns, language=language, mark=language == "de")
    if "companies" in wanted:
        save("hubspot-crm-exports-all-companies", "company", exports.all_companies(world, deals, months))
    if "deals" in wanted:
        save("hubspot-crm-exports-all-deals", "deal", exports.all_deals(world, deals))
    if "activities" in wanted:
        save("activities", "activity", exports.activities(world, deals))
    if only is None:
        (folder / "score.yaml").write_bytes(files(__package__).joinpath("score.yaml").read_bytes())
