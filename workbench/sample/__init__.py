"""Exports of an invented company, in the shape of real ones and with their faults, from known parameters."""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.catalog import LANGUAGES, TABLES, Language
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.sample import exports
from workbench.sample.contacts import contacts as contacts_export
from workbench.sample.leads import Facts
from workbench.sample.tables import AS_OF, Columns, write
from workbench.sample.truth import Truth
from workbench.sample.world import invent

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AS_OF", "Truth", "true_chances", "write_sample"]

_VIEWS: dict[Language, str] = {"en": "all-contacts", "de": "alle-kontakte", "fr": "tous-les-contacts"}
_OTHERS = {
    "company": ("hubspot-crm-exports-all-companies", exports.companies),
    "deal": ("hubspot-crm-exports-all-deals", exports.deals),
    "ticket": ("hubspot-crm-exports-all-tickets", exports.tickets),
    "activity": ("activities", exports.activities),
    "feedback": ("feedback-submissions", exports.feedback),
    "usage": ("usage", exports.usage),
    "seats": ("seats", exports.seats),
    "spend": ("spend", exports.spend),
    "property_history": ("property-history", exports.property_history),
}
_MOST = 10_000_000


def write_sample(
    folder: str | PathLike[str],
    *,
    contacts: int = 5000,
    seed: int = 1,
    only: Collection[str] | None = None,
    languages: Collection[Language] = LANGUAGES,
    progress: Callable[[str, int], None] | None = None,
) -> list[Path]:
    """Write the invented company's exports as of `AS_OF` into `folder`, the same bytes for the same arguments.

    `contacts` is the number of contacts (1 to 10,000,000); companies, deals and all else grow with it. `seed` is a
    whole number from 0. `only` names the tables to write (`{"contacts"}`; see `catalog.TABLES`), by default all and
    the `score.yaml` that goes with them. Contacts are written in each of `languages`: English into `folder`, German
    and French into `folder/de` and `folder/fr`, so that loading `folder` does not load them thrice. `progress` is
    called with each file's name and number of rows. Returns the files. Files of the same names are replaced.

    Raises WorkbenchError for a number, table or language that is none, and where `folder` cannot be written.
    """
    if not 1 <= contacts <= _MOST:
        raise WorkbenchError(f"a sample has 1 to {_MOST:,} contacts, not {contacts:,}")
    if seed < 0:
        raise WorkbenchError(f"a seed is a whole number from 0, not {seed}")
    there = [name for name in TABLES.values() if name != "owners"]  # owners stand as names on their records
    wanted = set(there) if only is None else set(only)
    for name in sorted(wanted - set(there)):
        hint = did_you_mean(name, there)
        raise WorkbenchError(f"the sample has no table {name!r}; it has {listing(there, most=12)}.{hint}")
    for language in sorted(set(languages) - set(LANGUAGES)):
        raise WorkbenchError(f"the sample is not written in {language!r}; it is in {listing(LANGUAGES)}")

    folder = Path(folder)
    world = invent(contacts=contacts, seed=seed, truth=Truth())
    written: list[Path] = []

    def save(path: Path, object_name: str, columns: Columns, language: Language = "en") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = write(path, object_name, columns, language=language, mark=language == "de")
        written.append(path)
        if progress:
            progress(path.name, rows)

    try:
        folder.mkdir(parents=True, exist_ok=True)
        if "contacts" in wanted:
            columns = contacts_export(world)
            for language in LANGUAGES:
                if language in languages:
                    place = folder if language == "en" else folder / language
                    name = f"hubspot-crm-exports-{_VIEWS[language]}-{AS_OF}.csv"
                    save(place / name, "contact", columns, language)
        for object_name, (name, columns_of) in _OTHERS.items():
            if TABLES[object_name] in wanted:
                save(folder / f"{name}-{AS_OF}.csv", object_name, columns_of(world))
        if only is None:
            model = folder / "score.yaml"
            model.write_bytes(files(__package__).joinpath("score.yaml").read_bytes())
            written.append(model)
    except OSError as error:
        raise WorkbenchError(f"the sample cannot be written to {str(folder)!r}: {error.strerror}") from error
    return written


def true_chances(*, contacts: int = 5000, seed: int = 1) -> pd.DataFrame:
    """What `write_sample` with the same arguments drew each contact from; one row a contact, oldest first.

    Columns: `hs_object_id` (text), `decided_at` (the hand-off; facts and old score are of then), `worked` (was at the
    old line or above), `chance_if_worked` and `chance` (0 to 1, of becoming a customer, ever: as if worked, and as
    things were), `days_to_win` (from creation, blank if never, also where the win lies after the export), and one
    column for each of `Truth().log_odds`.
    """
    import numpy as np
    import pandas as pd

    leads = invent(contacts=contacts, seed=seed, truth=Truth()).leads
    never = leads.would_win_at < 0
    return pd.DataFrame(
        {
            "hs_object_id": leads.ids.astype(str),
            "decided_at": leads.decided.astype("datetime64[m]").astype("datetime64[us]"),
            "worked": leads.worked,
            "chance_if_worked": leads.chance_if_worked,
            "chance": leads.chance,
            "days_to_win": np.where(never, np.nan, (leads.would_win_at - leads.created) / 1440),
            **{name: getattr(leads.facts, name) for name in Facts.__slots__},
        }
    )
