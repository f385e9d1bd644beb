"""A mapping proposed for headers that nobody knows, by likeness of their names and of the values below them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pandas as pd

from workbench import catalog
from workbench.errors import WorkbenchError
from workbench.loaders.importing import export_files, mapping_beside
from workbench.loaders.mapping import MAPPING_FILE
from workbench.loaders.paths import given_path, seen
from workbench.loaders.reading import connect, rows_of
from workbench.loaders.recognise import NEEDED, ROW_NUMBER, Recognised, check_object, normal, recognise
from workbench.loaders.sources import Source, open_source
from workbench.loaders.unpacking import unpacked
from workbench.loaders.values import FALSE_WORDS, TRUE_WORDS, looks_like_a_date, looks_like_a_number
from workbench.loaders.workspace import PrivateFolder
from workbench.loaders.writing import held_still, in_a_sentence
from workbench.wording import plural

_SAMPLE = 300
_ENOUGH = 0.6
COLUMNS = ("file", "object", "header", "property", "likeness", "reason", "examples")
_ID_WORD = re.compile(r"(\b|_)(id|ids|no|nr|number|nummer|numéro|key|schlüssel)(\b|_)")
_SHAPES: Mapping[str, re.Pattern[str]] = {
    "email": re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"),
    "domain": re.compile(r"(https?://)?([\w-]+\.)+[a-z]{2,}(/.*)?", re.IGNORECASE),
    "phone": re.compile(r"\+?[\d ()/.-]{7,}"),
    "mobilephone": re.compile(r"\+?[\d ()/.-]{7,}"),
}
"""Properties whose values tell them."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MappingSuggestions:
    """What each unknown header may be.

    `suggestions` has one row per header that is not known: `file`, `object` (what the file was taken for), `header`,
    `property` (blank where nothing is near), `likeness` (0 to 1), `reason`, `examples` (a few of its values).
    """

    suggestions: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        """One row per header that is not known."""
        return self.suggestions

    def headline(self) -> str:
        """How many headers are not known, and for how many there is a proposal."""
        n, near = len(self.suggestions), int(self.suggestions["property"].notna().sum())
        if not n:
            return "Every header is known."
        files = plural(self.suggestions["file"].nunique(), "file")
        return f"{plural(n, 'header')} not known in {files}: {near:,} with a proposal."

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write them as a `mapping.yaml` to look over and complete; headers without a proposal stand as comments.

        Raises WorkbenchError where the file is there already.
        """
        to = given_path(path)
        to = to / MAPPING_FILE if to.is_dir() else to
        lines = ["# Which column is which property. Look it over, complete it, and load the exports again.", ""]
        for (file, of), rows in self.suggestions.groupby(["file", "object"], sort=False):
            lines += [f"{json.dumps(str(file), ensure_ascii=False)}:", f"  object: {of}", "  columns:"]
            known = rows[rows["property"].notna()]
            lines += [
                f"    {json.dumps(row.header, ensure_ascii=False)}: {json.dumps(row.property)}  # {row.reason}"
                for row in known.itertuples()
            ] or ["    {}"]
            lines += [
                f"    # {json.dumps(header, ensure_ascii=False)}: not known"
                for header in rows.loc[rows["property"].isna(), "header"]
            ]
            lines.append("")
        try:
            with to.open("x", encoding="utf-8") as text:
                text.write("\n".join(lines))
        except FileExistsError as error:
            raise WorkbenchError(f"{to} is there already: complete it, or write to another file.") from error
        except OSError as error:
            raise WorkbenchError(f"{to} cannot be written: {error.strerror}.") from error
        return to


def suggest_mapping(path: str | os.PathLike[str], *, object: str | None = None) -> MappingSuggestions:
    """Propose which property each unknown header of an export, or of a folder of them, is.

    Half of the likeness is that of the header to the labels of a property in three languages, half the share of the
    values that can be meant by it: e-mails, domains, known options, dates, numbers, words for yes and no. Files that
    are taken for nothing by their headers are taken for what most of their columns are near to. A `mapping.yaml` beside
    the files counts as known. `object` ("contact", "deal", ...) says what the files hold.

    Raises WorkbenchError where there is no export, none can be read, or there is no such object.
    """
    check_object(object)
    given = given_path(path)
    before = seen(export_files(given))
    keeper = PrivateFolder()
    beside = mapping_beside(given)
    rows: list[tuple[Any, ...]] = []
    with in_a_sentence(f"{given.name} cannot be read here"), held_still(before):
        for number, file in enumerate(before):
            found = unpacked(file, keeper.path / str(number))
            sources: list[Source] = []
            for one in found:
                try:
                    sources.append(open_source(one))
                except WorkbenchError:
                    if given.is_file() and len(found) == 1:
                        raise
            for source in sources:
                said = beside.for_file(source.name, source.headers)
                rows += _suggested(source, said.columns, object or said.object, keeper.path)
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return MappingSuggestions(suggestions=frame.astype({name: "str" for name in COLUMNS if name != "likeness"}))


def _suggested(
    source: Source, mapped: Mapping[str, str], object_name: str | None, workplace: Path
) -> list[tuple[object, ...]]:
    values, n_rows = _values(source, workplace)
    one = _taken_for(source, mapped, object_name)
    if one is not None:
        of, known = one.object, {name for name, how in zip(one.names, one.how, strict=True) if how != "not known"}
        unknown = [index for index, how in enumerate(one.how) if how == "not known"]
        found = _best(of, [(source.headers[index], values[index]) for index in unknown], known, n_rows)
    else:
        unknown, known = list(range(len(source.headers))), set()
        columns = [(source.headers[index], values[index]) for index in unknown]
        every = {
            name: _best(name, columns, known, n_rows) for name in (object_name and [object_name]) or catalog.TABLES
        }
        can_be = [
            name
            for name, found in every.items()
            if set(NEEDED[name]) <= {"hs_object_id", *(found_name for found_name, _, _ in found.values())}
        ]
        of = max(can_be or every, key=lambda name: sum(likeness for _, likeness, _ in every[name].values()))
        found = every[of]
    rows: list[tuple[object, ...]] = []
    if "hs_object_id" in NEEDED[of] and not {"hs_object_id"} & {*known, *(name for name, _, _ in found.values())}:
        why = "no column is a record id: the rows are numbered"
        rows.append((source.name, of, ROW_NUMBER, "hs_object_id", 0.0, why, None))
    for place, index in enumerate(unknown):
        name, likeness, reason = found.get(place, (None, 0.0, "nothing is near"))
        examples = ", ".join(values[index][:3]) or None
        rows.append((source.name, of, source.headers[index], name, likeness, reason, examples))
    return rows


def _taken_for(source: Source, mapped: Mapping[str, str], object_name: str | None) -> Recognised | None:
    """What a file is taken for by its headers, a record id or none; None where they do not tell."""
    for mapping in (mapped, {**mapped, ROW_NUMBER: "hs_object_id"}):
        try:
            return recognise(source.headers, file=source.name, mapping=mapping, object_name=object_name, language=None)
        except WorkbenchError:
            continue
    return None


def _values(source: Source, workplace: Path) -> tuple[list[list[str]], int]:
    """The distinct values of each column in the first rows, and how many rows these are."""
    with connect(workplace) as connection:
        table = connection.sql(f"SELECT * FROM {rows_of(source)} LIMIT {_SAMPLE}").to_arrow_table()
    return [
        list(dict.fromkeys(text for text in table.column(f"c{index}").to_pylist() if text is not None))
        for index in range(len(source.headers))
    ], table.num_rows


def _best(
    object_name: str, columns: Sequence[tuple[str, list[str]]], taken: Collection[str], n_rows: int
) -> dict[int, tuple[str, float, str]]:
    """Place of a column to the property it is nearest to, with likeness and reason; no property twice."""
    near: list[tuple[float, int, str, str]] = []
    for known in catalog.properties(object_name):
        if known.name in taken:
            continue
        labels = {label for labels in known.labels.values() for label in labels} | {known.name.replace("_", " ")}
        for place, (header, values) in enumerate(columns):
            name = max(_alike(normal(header), normal(label)) for label in labels)
            fits, least = _fit(known, values)
            likeness = max(
                0.5 * name + 0.5 * fits, 0.7 * fits if least == 0 else 0.0
            )  # some tell by their values alone
            reason = f"its name is {100 * name:.0f} % alike, {100 * fits:.0f} % of its values fit"
            if known.name == "hs_object_id" and len(values) == n_rows and _ID_WORD.search(normal(header)):
                likeness, reason = 0.8, "no two rows share a value"
            elif fits < 0.5 or name < least:
                continue
            if likeness >= _ENOUGH:
                near.append((likeness, place, known.name, reason))
    found: dict[int, tuple[str, float, str]] = {}
    given: set[str] = set()
    for close, place, name_of, why in sorted(near, key=lambda one: (-one[0], one[1])):
        if place not in found and name_of not in given:
            found[place] = (name_of, close, why)
            given.add(name_of)
    return found


def _alike(header: str, label: str) -> float:
    """Likeness of two names, 0 to 1; high where one holds all words of the other."""
    header, label = header.replace("_", " "), label.replace("_", " ")
    ours, theirs = set(header.split()), set(label.split())
    held = 0.85 if ours <= theirs or theirs <= ours else 0.0
    return max(held, SequenceMatcher(None, header, label, autojunk=False).ratio())


def _fit(known: catalog.Property, values: Sequence[str]) -> tuple[float, float]:
    """Share of the values that the property can have, and how alike the names must be for that to tell anything."""
    if not values:
        return 0.5, 0.75
    texts = [value.strip() for value in values]
    yes_no = TRUE_WORDS | FALSE_WORDS
    if known.name in _SHAPES:
        shape = _SHAPES[known.name]
        share = _share(shape.fullmatch(text) is not None and not looks_like_a_date(text) for text in texts)
        return share, 0.0 if known.name == "email" and share > 0.8 else 0.5
    if options := catalog.options(known.name):
        words = {one.value.casefold() for one in options}
        words |= {label.casefold() for one in options for labels in one.labels.values() for label in labels}
        share = _share(text.casefold() in words for text in texts)
        return share, 0.0 if len(texts) > 1 and share > 0.8 else 0.5
    match known.type:
        case "number" | "duration_ms":
            return _share(looks_like_a_number(text) for text in texts), 0.55
        case "date" | "datetime":
            return _share(looks_like_a_date(text) for text in texts), 0.5
        case "bool":
            return _share(text.casefold() in yes_no for text in texts), 0.55
        case "id" | "id_list":
            return _share(re.fullmatch(r"[\w;.-]*\d[\w;.-]*", text) is not None for text in texts), 0.7
        case _:
            return _share(
                not looks_like_a_number(text)
                and not looks_like_a_date(text)
                and text.casefold() not in yes_no
                and _SHAPES["email"].fullmatch(text) is None
                for text in texts
            ), 0.7


def _share(fits: Iterable[bool]) -> float:
    marks = list(fits)
    return sum(marks) / len(marks)
