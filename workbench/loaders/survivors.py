"""Records that were merged into others: what still speaks of them by their old ids follows to those that are left."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from workbench import catalog
from workbench.loaders.reading import scalar
from workbench.loaders.recognise import age
from workbench.sql import parquet, quoted, sql_text

MERGED_IDS = "hs_merged_object_ids"
BY_DOMAIN = "company_by_domain"
"""The column of the contacts for the company that has the domain of their e-mail."""
LINKS: Mapping[str, Mapping[str, str]] = {
    "activities": {"contact_id": "contact", "deal_id": "deal", "ticket_id": "ticket"},
    "feedback": {"contact_id": "contact"},
    "usage": {"customer_id": "company"},
    "seats": {"customer_id": "company"},
    "contacts": {"associatedcompanyid": "company", BY_DOMAIN: "company"},
    "deals": {"hs_primary_associated_company": "company"},
    "tickets": {"hs_primary_associated_company": "company"},
}
"""Columns that hold the id of another record, beside those named `associated_..._ids`."""

Merged = Mapping[str, Mapping[str, str]]
"""Object ("contact") to: id of a record that is no more, to the id of the one it was merged into."""


def links(table: str, columns: Collection[str]) -> dict[str, str]:
    """Columns of a table that hold ids of other records, and whose."""
    listed = {f"associated_{name}_ids": name for name in catalog.TABLES}
    return {name: of for name, of in {**LINKS.get(table, {}), **listed}.items() if name in columns}


def merged_in_the_crm(connection: duckdb.DuckDBPyConnection, folder: Path, tables: Collection[str]) -> Merged:
    """Old ids as the records themselves and the property history tell them.

    A record that still stands in a file was merged only where a newer file tells so.
    """
    told: dict[str, dict[str, str]] = {}
    for name, table in catalog.TABLES.items():
        if table not in tables or "hs_object_id" not in (there := _columns(folder, table)):
            continue
        pairs: list[tuple[str, str, tuple[str, int, str]]] = []
        if MERGED_IDS in there:
            found = _pairs(connection, _rows(folder, table), "hs_object_id", MERGED_IDS, f"{MERGED_IDS} IS NOT NULL")
            pairs += [(old, into, age(file)) for old, into, file in found]
        if "property_history" in tables and "object" in _columns(folder, "property_history"):
            said = f"\"object\" = {sql_text(name)} AND property = '{MERGED_IDS}'"
            found = _pairs(connection, _rows(folder, "property_history"), "record_id", "value", said)
            # names of files of two kinds say nothing of which is newer, only their days do
            pairs += [(old, into, (*age(file)[:2], "")) for old, into, file in found]
        if pairs:
            connection.register("ids", pa.table({"id": [one for old, into, _ in pairs for one in (old, into)]}))
            rows = f"SELECT hs_object_id, _file FROM {_rows(folder, table)} WHERE hs_object_id IN (SELECT id FROM ids)"
            files = dict(connection.execute(rows).fetchall())
            connection.unregister("ids")
            ends = at_the_end({old: into for old, into, at in pairs if old not in files or age(files[old]) < at})
            told[name] = {old: into for old, into in ends.items() if old not in files or into in files}
    return told


def drop_merged(
    connection: duckdb.DuckDBPyConnection, folder: Path, tables: Collection[str], merged: Merged
) -> Counter[str]:
    """Take records that were merged out of their tables, where an older file still has them.

    Returns how many of each file; `follow` gives the notes on them with its own.
    """
    _remember(connection, merged)
    gone = Counter[str]()
    for name in merged:
        if (table := catalog.TABLES[name]) in tables:
            file = folder / f"{table}.parquet"
            rows = (
                f"FROM {parquet(file, numbered=True)} "
                f"WHERE hs_object_id IN (SELECT old FROM merged_away WHERE object = {sql_text(name)})"
            )
            connection.execute(f"INSERT INTO followed SELECT _file, _row, '', 'L008', hs_object_id {rows}")
            gone.update(dict(connection.execute(f"SELECT _file, count(*) {rows} GROUP BY _file").fetchall()))
            _drop(connection, file, f"SELECT file_row_number {rows}")
    return gone


def at_the_end(merged: Mapping[str, str]) -> dict[str, str]:
    """Each old id with the record that is left in the end, where one merge followed another."""
    ends: dict[str, str] = {}
    for old in merged:
        seen, into = {old}, merged[old]
        while into in merged and into not in seen:
            seen.add(into)
            into = merged[into]
        if into != old:
            ends[old] = into
    return ends


def follow(connection: duckdb.DuckDBPyConnection, folder: Path, tables: Collection[str], merged: Merged) -> list[str]:
    """Put the ids of the records that are left in place of old ones, in all tables of a folder.

    Returns SQL that gives a note for each cell: file, row, column, code, value (the old id).
    """
    if not any(merged.values()):
        return []
    _remember(connection, merged)
    for table in tables:
        columns = _columns(folder, table)
        for column, of in links(table, columns).items():
            _follow_in(connection, folder / f"{table}.parquet", column, sql_text(of))
        if table == "property_history":
            _follow_in(connection, folder / f"{table}.parquet", "record_id", '"object"' if "object" in columns else "")
        if table == "activities" and {"activity_id", "contact_id"} <= set(columns):
            _once_a_contact(connection, folder / f"{table}.parquet")
    return ["SELECT * FROM followed"]


def _remember(connection: duckdb.DuckDBPyConnection, merged: Merged) -> None:
    """The tables `merged_away`, and `followed` for the notes."""
    rows = [(name, old, into) for name, olds in merged.items() for old, into in olds.items()]
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    told = {name: pa.array(column, pa.string()) for name, column in zip(("object", "old", "id"), columns, strict=True)}
    connection.register("merged_now", pa.table(told))
    connection.execute("CREATE OR REPLACE TEMP TABLE merged_away AS FROM merged_now")
    connection.unregister("merged_now")
    connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS followed "
        '(file VARCHAR, "row" BIGINT, "column" VARCHAR, code VARCHAR, value VARCHAR)'
    )


def _follow_in(connection: duckdb.DuckDBPyConnection, file: Path, column: str, of: str) -> None:
    """One column: the cells that name an old id are found, and the file written again if there are any."""
    if not of:
        return
    name, rows = quoted(column), parquet(file, numbered=True)
    each = (
        f"SELECT file_row_number AS place, _file, _row, {of} AS of_object, trim(unnest(string_split({name}, ';'))) "
        f"AS one FROM {rows} WHERE {name} IS NOT NULL"
    )
    moved = "merged_away ON old = one AND object = of_object"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE named AS WITH each_one AS ({each}) "
        "SELECT place, _file, _row, one, coalesce(id, one) AS now, id IS NOT NULL AS moved "
        f"FROM each_one LEFT JOIN {moved} WHERE place IN (SELECT place FROM each_one SEMI JOIN {moved})"
    )
    if not scalar(connection, "SELECT count(*) FROM named"):
        return
    connection.execute(
        f"INSERT INTO followed SELECT _file, _row, {sql_text(column)}, 'L026', one FROM named WHERE moved"
    )
    new = file.with_suffix(".new")
    cells = "SELECT place, string_agg(DISTINCT now, ';' ORDER BY now) AS cell FROM named GROUP BY place"
    connection.execute(
        "COPY (SELECT record.* EXCLUDE (file_row_number) "
        f"REPLACE (coalesce(follows.cell, record.{name}) AS {name}) FROM {rows} AS record "
        f"LEFT JOIN ({cells}) AS follows ON follows.place = record.file_row_number ORDER BY record.file_row_number) "
        f"TO {sql_text(str(new))} (FORMAT PARQUET)"
    )
    os.replace(new, file)


def _once_a_contact(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    """An activity of two contacts that are one now stands once for it."""
    again = (
        f"SELECT file_row_number FROM {parquet(file, numbered=True)} "
        "WHERE activity_id IS NOT NULL AND contact_id IS NOT NULL AND contact_id IN (SELECT id FROM merged_away) "
        "QUALIFY row_number() OVER (PARTITION BY activity_id, contact_id ORDER BY file_row_number) > 1"
    )
    _drop(connection, file, again)


def _drop(connection: duckdb.DuckDBPyConnection, file: Path, places: str) -> None:
    """Leave rows out of a table, whose places SQL gives."""
    if not scalar(connection, f"SELECT count(*) FROM ({places})"):
        return
    new = file.with_suffix(".new")
    connection.execute(
        f"COPY (SELECT * EXCLUDE (file_row_number) FROM {parquet(file, numbered=True)} "
        f"ANTI JOIN ({places}) USING (file_row_number) ORDER BY file_row_number) "
        f"TO {sql_text(str(new))} (FORMAT PARQUET)"
    )
    os.replace(new, file)


def _pairs(
    connection: duckdb.DuckDBPyConnection, rows: str, left: str, olds: str, where: str
) -> list[tuple[str, str, str]]:
    """Old id, the id of the record that holds it now, and the file that tells so."""
    found = connection.execute(
        f"SELECT trim(unnest(string_split({quoted(olds)}, ';'))) AS old, {quoted(left)}, _file FROM {rows} "
        f"WHERE {where} AND {quoted(left)} IS NOT NULL"
    ).fetchall()
    return [(old, into, file) for old, into, file in found if old and old != into]


def _rows(folder: Path, table: str) -> str:
    return parquet(folder / f"{table}.parquet")


def _columns(folder: Path, table: str) -> list[str]:
    names: list[str] = pq.read_schema(folder / f"{table}.parquet").names
    return names
