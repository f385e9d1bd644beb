"""What a file is and which of its columns is which property: by mapping, internal name or label."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from workbench import catalog
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.loaders.values import looks_like_a_date, looks_like_a_number

ROW_NUMBER = "(row number)"
"""In a mapping, stands for the number of the row: `{"(row number)": "hs_object_id"}`."""

NO_HEADER = re.compile(r"column \d+")
"""In a mapping, stands for a column of a file without a header: `{"column 1": "hs_object_id"}`."""

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

KEYS: Mapping[str, tuple[str, ...]] = {
    "contact": ("hs_object_id",),
    "company": ("hs_object_id",),
    "deal": ("hs_object_id",),
    "ticket": ("hs_object_id",),
    "feedback": ("hs_object_id",),
    "activity": ("activity_id",),
    "usage": ("customer_id", "month"),
    "seats": ("customer_id", "month"),
    "spend": ("month", "source", "currency"),
    "property_history": (),
    "owner": ("owner_id",),
}
"""What makes two rows the same record."""

NEEDED: Mapping[str, tuple[str, ...]] = {
    "contact": ("hs_object_id",),
    "company": ("hs_object_id",),
    "deal": ("hs_object_id",),
    "ticket": ("hs_object_id",),
    "feedback": ("rating",),
    "activity": ("contact_id", "kind", "at"),
    "usage": ("customer_id", "month"),
    "seats": ("customer_id", "month"),
    "spend": ("month", "amount"),
    "property_history": ("record_id", "property", "value", "at"),
    "owner": ("owner_id",),
}
"""Columns an object cannot do without."""

_TELLING: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "feedback": (("rating", "survey_name"), ("rating", "submission_date")),
    "activity": (("kind", "at"),),
    "usage": tuple(
        ("customer_id", "month", metric)
        for metric in ("website_visitors", "form_submissions", "emails_delivered", "emails_opened", "emails_clicked")
    ),
    "seats": (("customer_id", "month", "sales_seats"), ("customer_id", "month", "service_seats")),
    "spend": (("month", "amount"),),
    "property_history": (("record_id", "property", "value"),),
    "owner": (("owner_id", "email"), ("owner_id", "user_id"), ("owner_id", "lastname")),
}
"""Columns that tell a table which shares most of its names with others."""

_FILE_WORDS: Mapping[str, tuple[str, ...]] = {
    "contact": ("contact", "kontakt"),
    "company": ("compan", "unternehmen", "entreprise"),
    "deal": ("deal", "transaction"),
    "ticket": ("ticket",),
    "activity": ("activit", "aktivit"),
    "feedback": ("feedback", "survey", "umfrage"),
    "usage": ("usage", "nutzung"),
    "seats": ("seat", "lizenz", "licence"),
    "spend": ("spend", "ausgaben", "depense"),
    "property_history": ("history", "historie", "historique", "verlauf"),
    "owner": ("owner", "zuständig", "propriétaire"),
}

_KIND_TOLD_BY: Mapping[str, str] = {
    "call": "call title|call outcome|call duration|anruftitel|anrufergebnis|anrufdauer|titre de l'appel|"
    "résultat de l'appel|durée de l'appel|hs_call_title|hs_call_disposition",
    "meeting": "meeting name|meeting outcome|meeting-name|meeting-ergebnis|nom de la réunion|résultat de la réunion|"
    "hs_meeting_title|hs_meeting_outcome",
    "email_sales": "email subject|email send status|e-mail-betreff|objet de l'e-mail|hs_email_subject",
    "task": "task title|task status|aufgabentitel|aufgabenstatus|titre de la tâche|statut de la tâche|"
    "hs_task_subject|hs_task_status",
    "note": "note body|notiztext|contenu de la note|hs_note_body",
    "form_submission": "form name|formularname|nom du formulaire",
    "page_view": "page url|seiten-url|url de la page",
}
"""Headers of an export of one kind of activity, which has no column for the kind."""


_SECOND_CHOICE: Mapping[tuple[str, str], str] = {
    (name, "associated company ids (primary)"): "hs_primary_associated_company" for name in ("deal", "ticket")
}
"""What a label means where another column of the file has the better claim to its property."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """What a file was taken for, and each of its columns, in the file's order."""

    object: str
    why: str
    language: catalog.Language
    names: tuple[str, ...]
    how: tuple[str, ...]
    row_number_is: str | None  # the property that takes the row number
    kind: str | None  # of all activities in the file, where no column says it


RESERVED = frozenset(
    {
        "_row",
        "_file",
        "_faults",
        "_fault",
        "_part",
        "_rank",
        "_same",
        "_nth",
        "_survivor",
        "_place",
        "_complete",
        "file_row_number",  # DuckDB's own
        "company_by_domain",
    }
)
"""Names of the loaders' own columns: a header that is called so gets a number."""

_AGE = re.compile(r"(?<!\d)(\d{4}-\d{2}-\d{2})(?!\d)(?:-(\d{1,3})(?!\d))?")


def age(file: str) -> tuple[str, int, str]:
    """What puts files in order, the oldest first: the day in their names, the number of that day's export, the name."""
    days = _AGE.findall(file)
    day, number = max(days, default=("", ""))
    return day, int(number or 0), file


def normal(header: str) -> str:
    """A header as it is compared: one kind of quotes and blanks, no capitals."""
    text = unicodedata.normalize("NFKC", header.strip("\ufeff \t"))
    text = re.sub("[“”„«»]", '"', text)
    text = re.sub("[‘’‚`´]", "'", text)
    return re.sub(r"\s+", " ", text).strip().casefold()


_STAGE = re.compile(
    r"""date entered (?P<q>["'])(?P<en>.+) \(lifecycle stage pipeline\)(?P=q)|became an? (?P<became>.+) date"""
    r"|datum der konversion zum (?P<de>.+)|date de conversion en (?P<fr>.+)"
)


def _stage(header: str) -> tuple[str, str, int] | None:
    """The property, language and rank of a date at which a stage was entered whose name is the account's own."""
    found = _STAGE.fullmatch(header)
    if found is None:
        return None
    stage, language = next(
        (found[group], language)
        for group, language in (("en", "en"), ("became", "en"), ("de", "de"), ("fr", "fr"))
        if found[group] is not None
    )
    name = f"hs_v2_date_entered_{re.sub(r'[^a-z0-9]+', '_', stage).strip('_')}"
    # the one in double quotes is the live one, its twins are of the years before
    rank = 50 if found["q"] == '"' else 51 if found["q"] else 52
    return name, f"label ({language})", rank


@cache
def _known(object_name: str) -> dict[str, tuple[str, str, int]]:
    """Normal header to (property, how it was recognised, rank): a smaller rank is the better claim to a property."""
    known: dict[str, tuple[str, str, int]] = {}
    properties = catalog.properties(object_name)
    for language in catalog.LANGUAGES:
        for known_property in properties:
            for rank, label in enumerate(known_property.labels[language], start=1):
                known.setdefault(normal(label), (known_property.name, f"label ({language})", rank))
    for known_property in properties:
        known.setdefault(normal(known_property.name), (known_property.name, "internal name", 0))
    return known


def is_record(cells: Sequence[str]) -> bool:
    """Whether cells are values, not headers: a number comes first, or there is an e-mail or a date."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    return any(_EMAIL.fullmatch(cell) or looks_like_a_date(cell) for cell in filled) or (
        bool(filled) and looks_like_a_number(filled[0])
    )


def n_known(headers: Sequence[str]) -> int:
    """How many of these headers the best-fitting object knows."""
    wanted = {normal(header) for header in headers}
    return max(len(wanted & _known(object_name).keys()) for object_name in catalog.TABLES)


def check_object(name: object, called_for: str = "") -> None:
    """Raises WorkbenchError where an object was asked for that is none."""
    if name is not None and name not in tuple(catalog.TABLES):
        raise WorkbenchError(
            f"unknown object {name!r}{called_for}; the objects are {listing(catalog.TABLES, most=20)}."
            + did_you_mean(name, catalog.TABLES)
        )


def recognise(
    headers: Sequence[str],
    *,
    file: str,
    mapping: Mapping[str, str],
    object_name: str | None,
    language: catalog.Language | None,
) -> Recognised:
    """Take a file for an object and its columns for properties.

    Raises WorkbenchError where no object fits, a mapped column is not there or the record id is missing.
    """
    mapped = {normal(header): name for header, name in mapping.items()}
    check_object(object_name, f" for {file}")
    object_name, why = (object_name, "as asked") if object_name else _object(headers, mapped, file)
    names, how = _names(headers, mapped, object_name)
    row_number_is = mapped.get(ROW_NUMBER)
    kind = _kind(headers) if object_name == "activity" and "kind" not in names else None
    given = {*names, row_number_is, "kind" if kind else None}
    missing = [name for name in NEEDED[object_name] if name not in given]
    if missing:
        raise WorkbenchError(_missing(file, object_name, missing, headers))
    return Recognised(
        object=object_name,
        why=why,
        language=language or _language(how, file),
        names=names,
        how=how,
        row_number_is=row_number_is,
        kind=kind,
    )


def _kind(headers: Sequence[str]) -> str | None:
    kind, n_telling = _kind_told(headers)
    return kind if n_telling else None


def _kind_told(headers: Sequence[str]) -> tuple[str, int]:
    """The kind of activity that most headers tell, and how many they are."""
    there = {normal(header) for header in headers}
    told = {kind: len(there & set(told_by.split("|"))) for kind, told_by in _KIND_TOLD_BY.items()}
    return max(told.items(), key=lambda item: item[1])


def _object(headers: Sequence[str], mapped: Mapping[str, str], file: str) -> tuple[str, str]:
    best: tuple[float, str, int] | None = None
    stem = normal(file)
    n_telling = _kind_told(headers)[1]
    all_found = {candidate: _found(headers, mapped, candidate) for candidate in catalog.TABLES}
    are_activities = n_telling > 0 and all_found["activity"] | {"kind"} >= set(NEEDED["activity"])
    for candidate, found in all_found.items():
        if candidate == "activity" and n_telling:
            tells = not found.isdisjoint({"activity_id", "contact_id", "at"})
        elif candidate in _TELLING:
            tells = any(found >= set(columns) for columns in _TELLING[candidate])
        elif n_telling:
            tells = not are_activities and len(_own(found, candidate)) > n_telling
        else:
            tells = len(found) >= 2 or "hs_object_id" in found
        if not tells:
            continue
        score = len(found) + 0.5 * any(word in stem for word in _FILE_WORDS[candidate])
        if best is None or score > best[0]:
            best = (score, candidate, len(found))
    if best is None and is_record(headers):
        raise WorkbenchError(
            f"{file} seems to have no header: its first row is {listing(headers)}. Say which column holds an id that "
            f"no two rows share, as in mapping={{'column 1': 'hs_object_id'}}, or number the rows with "
            f"mapping={{{ROW_NUMBER!r}: 'hs_object_id'}}."
        )
    if best is None:
        raise WorkbenchError(
            f"{file} has the columns {listing(headers)}: none of them names a contact, deal or another known object. "
            f"Number the rows with mapping={{{ROW_NUMBER!r}: 'hs_object_id'}}, or say which column holds an id that no "
            f"two rows share, as in mapping={{{headers[0]!r}: 'hs_object_id'}}; for a folder write a file mapping.yaml "
            f'with the line "{file}: {{columns: {{{ROW_NUMBER}: hs_object_id}}}}".'
        )
    _, object_name, n_found = best
    return object_name, f"{n_found} of {len(headers)} columns are known from {catalog.TABLES[object_name]}"


def _found(headers: Sequence[str], mapped: Mapping[str, str], object_name: str) -> set[str]:
    """The properties of an object that the columns of a file are."""
    names = {*_names(headers, mapped, object_name)[0], mapped.get(ROW_NUMBER)}
    return {name for name in catalog.by_name(object_name) if name in names}


def _own(found: set[str], object_name: str) -> set[str]:
    """Without what an export of calls has, too: ids, the day it was created, whose it is."""
    known = catalog.by_name(object_name)
    return {
        name
        for name in found - {"createdate", "lastmodifieddate"}
        if known[name].type not in ("id", "id_list") and known[name].personal != "staff"
    }


def _names(
    headers: Sequence[str], mapped: Mapping[str, str], object_name: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    known, internal = _known(object_name), catalog.by_name(object_name)
    spelt = {name.casefold(): name for name in internal}
    claims: dict[str, tuple[int, int]] = {}
    seen: list[tuple[str, str]] = []
    for index, header in enumerate(headers):
        key = normal(header)
        if key in mapped:
            name, how, rank = spelt.get(mapped[key].casefold(), mapped[key]), "mapping", -1
        elif header.strip() in internal:
            name, how, rank = header.strip(), "internal name", 0
        elif key in known:
            name, how, rank = known[key]
        elif object_name == "contact" and (stage := _stage(key)) is not None:
            name, how, rank = stage
        else:
            name, how, rank = header, "not known", 99
        seen.append((name, how))
        if how != "not known" and (name not in claims or rank < claims[name][0]):
            claims[name] = (rank, index)
    for index, (header, (name, how)) in enumerate(zip(headers, seen, strict=True)):
        second = _SECOND_CHOICE.get((object_name, normal(header)))
        if how != "not known" and claims[name][1] != index and second is not None and second not in claims:
            seen[index], claims[second] = (second, how), (99, index)
    names: list[str] = []
    hows: list[str] = []
    taken = {name.casefold() for name in claims} | RESERVED
    for index, (header, (name, how)) in enumerate(zip(headers, seen, strict=True)):
        if how != "not known" and claims[name][1] == index:
            names.append(name)
            hows.append(how)
            continue
        names.append(_free(header.strip() or f"column {index + 1}", taken))
        hows.append("not known")
        taken.add(names[-1].casefold())
    return tuple(names), tuple(hows)


def _free(name: str, taken: set[str]) -> str:
    free, n = name, 1
    while free.casefold() in taken:
        n += 1
        free = f"{name} ({n})"
    return free


def _language(how: Sequence[str], file: str) -> catalog.Language:
    votes: dict[catalog.Language, int] = {
        language: sum(label == f"label ({language})" for label in how) for language in catalog.LANGUAGES
    }
    # English labels are tried first and some stay English in every export: one own label in three tells the language
    for language in ("de", "fr"):
        if votes[language] > 0 and votes[language] * 2 >= votes["en"]:
            return language
    return "en"


def _missing(file: str, object_name: str, missing: Sequence[str], headers: Sequence[str]) -> str:
    plural = "s" if len(missing) > 1 else ""
    text = (
        f"{file} looks like {catalog.TABLES[object_name]} but has no column for {listing(missing)}; "
        f"its columns are {listing(headers)}. "
    )
    if missing == ["hs_object_id"]:
        return text + (
            f"Number the rows with mapping={{{ROW_NUMBER!r}: 'hs_object_id'}}, or name the column of an id that no two "
            f"rows share, as in mapping={{{headers[0]!r}: 'hs_object_id'}}."
        )
    return text + f"Name the column{plural} by a mapping, for example mapping={{{headers[0]!r}: {missing[0]!r}}}."
