"""Records that were merged into others: what still speaks of them by their old ids follows to those that are left."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from workbench import catalog
from workbench.loaders.reading import scalar
from workbench.sql import quoted, sql_text

MERGED_IDS = "hs_merged_object_ids"
LINKS: Mapping[str, Mapping[str, str]] = {
    "activities": {"contact_id": "contact", "deal_id": "deal", "ticket_id": "ticket"},
    "feedback": {"contact_id": "contact"},
    "usage": {"customer_id": "company"},
    "seats": {"customer_id": "company"},
    "contacts": {"associatedcompanyid": "company"},
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
    """Old ids as the records themselves and the property history tell them."""
    told: dict[str, dict[str, str]] = {}
    for name, table in catalog.TABLES.items():
        if table not in tables or "hs_object_id" not in (there := _columns(folder, table)):
            continue
        pairs: list[tuple[str, str]] = []
        if MERGED_IDS in there:
            pairs += _pairs(connection, _rows(folder, table), "hs_object_id", MERGED_IDS, f"{MERGED_IDS} IS NOT NULL")
        if "property_history" in tables and "object" in _columns(folder, "property_history"):
            said = f"\"object\" = {sql_text(name)} AND property = '{MERGED_IDS}'"
            pairs += _pairs(connection, _rows(folder, "property_history"), "record_id", "value", said)
        if pairs:
            old = pa.table({"old": [old for old, _ in pairs]})
            connection.register("old_ids", old)
            rows = f"SELECT DISTINCT old FROM old_ids SEMI JOIN {_rows(folder, table)} ON old = hs_object_id"
            alive = {one for (one,) in connection.execute(rows).fetchall()}
            connection.unregister("old_ids")
            told[name] = at_the_end({one: into for one, into in pairs if one not in alive})
    return told


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
    rows = [(name, old, into) for name, olds in merged.items() for old, into in olds.items()]
    if not rows:
        return []
    objects, olds, ids = zip(*rows, strict=True)
    connection.register("merged_now", pa.table({"object": objects, "old": olds, "id": ids}))
    connection.execute("CREATE OR REPLACE TEMP TABLE merged_away AS FROM merged_now")
    connection.unregister("merged_now")
    connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS followed "
        '(file VARCHAR, "row" BIGINT, "column" VARCHAR, code VARCHAR, value VARCHAR)'
    )
    for table in tables:
        columns = _columns(folder, table)
        for column, of in links(table, columns).items():
            _follow_in(connection, folder / f"{table}.parquet", column, sql_text(of))
        if table == "property_history":
            _follow_in(connection, folder / f"{table}.parquet", "record_id", '"object"' if "object" in columns else "")
        if table == "activities" and {"activity_id", "contact_id"} <= set(columns):
            _once_a_contact(connection, folder / f"{table}.parquet")
    return ["SELECT * FROM followed"]


def _follow_in(connection: duckdb.DuckDBPyConnection, file: Path, column: str, of: str) -> None:
    """One column: the cells that name an old id are found, and the file written again if there are any."""
    if not of:
        return
    name, rows = quoted(column), f"read_parquet({sql_text(str(file))}, file_row_number = true)"
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
        f"COPY (SELECT * EXCLUDE (file_row_number, place, cell) REPLACE (coalesce(cell, {name}) AS {name}) FROM {rows} "
        f"LEFT JOIN ({cells}) ON place = file_row_number ORDER BY file_row_number) "
        f"TO {sql_text(str(new))} (FORMAT PARQUET)"
    )
    os.replace(new, file)


def _once_a_contact(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    """An activity of two contacts that are one now stands once for it."""
    rows = f"read_parquet({sql_text(str(file))}, file_row_number = true)"
    again = (
        f"SELECT file_row_number FROM {rows} WHERE activity_id IS NOT NULL AND contact_id IS NOT NULL "
        "AND contact_id IN (SELECT id FROM merged_away) "
        "QUALIFY row_number() OVER (PARTITION BY activity_id, contact_id ORDER BY file_row_number) > 1"
    )
    if not scalar(connection, f"SELECT count(*) FROM ({again})"):
        return
    new = file.with_suffix(".new")
    connection.execute(
        f"COPY (SELECT * EXCLUDE (file_row_number) FROM {rows} ANTI JOIN ({again}) USING (file_row_number) "
        f"ORDER BY file_row_number) TO {sql_text(str(new))} (FORMAT PARQUET)"
    )
    os.replace(new, file)


def _pairs(connection: duckdb.DuckDBPyConnection, rows: str, left: str, olds: str, where: str) -> list[tuple[str, str]]:
    """Old id and the id of the record that holds it now."""
    found = connection.execute(
        f"SELECT trim(unnest(string_split({quoted(olds)}, ';'))) AS old, {quoted(left)} FROM {rows} "
        f"WHERE {where} AND {quoted(left)} IS NOT NULL"
    ).fetchall()
    return [(old, into) for old, into in found if old and old != into]


def _rows(folder: Path, table: str) -> str:
    return f"read_parquet({sql_text(str(folder / f'{table}.parquet'))})"


def _columns(folder: Path, table: str) -> list[str]:
    names: list[str] = pq.read_schema(folder / f"{table}.parquet").names
    return names
