"""Which records other tables speak of: through associations, or through the history of a property."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import narwhals as nw
import pandas as pd

from workbench import catalog, engines
from workbench.conditions.frames import ID, as_text
from workbench.errors import WorkbenchError, did_you_mean, listing

Related: TypeAlias = Callable[[str], Any]
"""A table's name (`"deals"`) to the table, of any engine; `Workspace.table` is one."""

OBJECTS = {plural: name for name, plural in catalog.TABLES.items()}


def link_columns(of: str, to: str) -> list[str]:
    """Columns of the table `of` that may hold ids of records of the table `to`."""
    names = [f"associated_{OBJECTS[to]}_ids"] if to in OBJECTS else []
    return [*names, "associatedcompanyid"] if (of, to) == ("contacts", "companies") else names


def linked_ids(frame: engines.Frame, of: str, others: engines.Frame, to: str, *, told: str) -> set[str]:
    """Ids of `frame`'s records that are linked with one of `others`; see `linked_pairs`."""
    return set(linked_pairs(frame, of, others, to, told=told)["of"])


def linked_pairs(frame: engines.Frame, of: str, others: engines.Frame, to: str, *, told: str) -> pd.DataFrame:
    """Ids of `frame`'s records (`of`) with those of `others` that they are linked with (`to`), whichever table says so.

    Raises
    ------
    WorkbenchError
        Where neither table has a column of links.
    """
    there, here = others.collect_schema().names(), frame.collect_schema().names()
    theirs = [name for name in _all_links(to, of) if name in there]
    ours = [name for name in _all_links(of, to) if name in here]
    if not theirs and not ours:
        raise WorkbenchError(
            f"{told} needs to know which {to} belong to which of the {of}, and neither says so; export "
            f"{listing(link_columns(of, to))} with the {of}, or {listing(link_columns(to, of))} with the {to}."
        )
    found = [_links(others, name).rename(columns={"of": "to", "to": "of"}) for name in theirs]
    if ours:
        known = set(engines.collect(others.select(_text(others, ID)))[ID])
        links = pd.concat([_links(frame, name) for name in ours])
        found.append(links[links["to"].isin(known)])
    return pd.concat(found)[["of", "to"]].drop_duplicates(ignore_index=True)


def _all_links(of: str, to: str) -> list[str]:
    """`link_columns`, and the one that `load` adds where it was asked to."""
    names = link_columns(of, to)
    return [*names, "company_by_domain"] if "associatedcompanyid" in names else names


def _links(frame: engines.Frame, name: str) -> pd.DataFrame:
    """Each record (`of`) with each id that its cell holds (`to`)."""
    held = frame.filter(~nw.col(name).is_null())
    rows = engines.collect(held.select(_text(frame, ID).alias("of"), _text(frame, name).alias("to")))
    rows = rows.assign(to=rows["to"].astype("str").str.split(";")).explode("to")
    return rows.assign(to=rows["to"].astype("str").str.strip())


def _text(frame: engines.Frame, name: str) -> nw.Expr:
    return as_text(name, engines.kind_of(frame.collect_schema()[name]))


def history_of(
    table: Any, *, of: str, name: str, told: str, span: tuple[object | None, object | None] = (None, None)
) -> engines.Frame:
    """The changes of one property: `record_id` (text), `value` (text, empty where it was cleared), `at`.

    `span` is the first time that counts and the first that no longer does.

    Raises
    ------
    WorkbenchError
        Where the table has not the columns of a property history.
    """
    frame = engines.as_frame(table)
    there = engines.kinds(frame)
    for needed in ("object", "record_id", "property", "value", "at"):
        if needed not in there:
            raise WorkbenchError(
                f"{told} needs the column {needed!r} of the property history; it has {listing(there)}."
                f"{did_you_mean(needed, there)}"
            )
    wanted = (nw.col("object") == OBJECTS.get(of, of)) & (nw.col("property") == name) & ~nw.col("record_id").is_null()
    start, end = span
    if start is not None:
        wanted = wanted & (nw.col("at") >= start)
    if end is not None:
        wanted = wanted & (nw.col("at") < end)
    rows = frame.filter(wanted)
    return rows.select(
        _text(frame, "record_id").alias("record_id"), nw.col("value").cast(nw.String).fill_null("").alias("value"), "at"
    )


def typed_values(values: pd.Series[Any], kind: str) -> pd.Series[Any]:
    """Texts of a history as the property's column holds them; what does not fit becomes blank."""
    text = values.astype("str").where(values != "")
    if kind == "number":
        return pd.to_numeric(text, errors="coerce").astype("float64")
    if kind == "datetime":
        return pd.to_datetime(text, errors="coerce", format="mixed").astype("datetime64[us]")
    if kind == "bool":
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        return text.str.casefold().map(words).astype("boolean")
    return text.astype("str")


def ids_of(frame: engines.Frame) -> set[str]:
    """The distinct `record_id`s."""
    return set(engines.collect(frame.select("record_id").unique())["record_id"])


def flags(marked: dict[str, Iterable[str]]) -> pd.DataFrame:
    """Sets of ids as one table: the id, and a column of 0 and 1 for each set."""
    parts = {name: pd.Series(1, index=pd.Index(list(ids), dtype="str"), dtype="int64") for name, ids in marked.items()}
    table = pd.DataFrame(parts).fillna(0).astype("int64")
    return table.rename_axis(ID).reset_index().astype({ID: "str"})
