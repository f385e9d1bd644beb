"""Files of one object become one table: stacked, duplicates merged, dates checked against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from workbench import catalog
from workbench.errors import WorkbenchError
from workbench.loaders.noticing import of_one_table
from workbench.loaders.reading import Staged, scalar
from workbench.loaders.recognise import KEYS, NEEDED, ROW_NUMBER
from workbench.sql import parquet, quoted, sql_text

_MODIFIED = ("lastmodifieddate", "hs_lastmodifieddate")
_LINKS = {"activity": ("contact_id", "deal_id", "ticket_id")}
"""Properties of which a record has several where its rows name several."""
_SORTED = {"activity": '"kind", "at"', "property_history": '"record_id", "property", "at"'}
_NO_ID = ["_same", "_nth"]
"""The key of rows without an id: a hash of what they hold, and the how manieth of these in its file one is."""
_GROUP = 122_880  # rows that DuckDB keeps together
_BEFORE = {
    "deal": (("createdate", "closedate"),),
    "ticket": (
        ("createdate", "closed_date"),
        ("createdate", "first_agent_reply_date"),
        ("createdate", "hs_first_agent_message_sent_at"),
    ),
}
"""Pairs of dates of which the second may not come first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """One table, written, and how it came about."""

    parts: tuple[Staged, ...]
    path: Path
    names: tuple[str, ...]
    n_rows: int
    n_merged: Mapping[str, int]  # file to rows that became part of another row's record
    n_joined: Mapping[str, int]  # file to those of them whose record stands in another file
    faults: tuple[str, ...]  # SQL that gives faults beyond those of single cells
    rows: str  # SQL that gives the table with _file and _row


def join(connection: duckdb.DuckDBPyConnection, object_name: str, parts: Sequence[Staged], *, to: Path) -> Joined:
    """Write the table of one object to `to`; of `parts`, the later file comes last.

    Rows with the same key are one record: the newest by modification date wins where every file has one, else the
    later row of the later file; blanks are filled from the others, lists of ids are united. Where rows have no id, the
    first row of a kind in one file is the first of that kind in another, and rows within a file are different ones.
    """
    names = tuple(dict.fromkeys(name for part in parts for name in part.names))
    shown = [key for key in KEYS[object_name] if key in names]
    keys = _NO_ID if object_name == "spend" or not shown else shown
    same = f", hash({', '.join(map(quoted, shown or sorted(names)))}) AS _same" if keys == _NO_ID else ""
    stacked = " UNION ALL BY NAME ".join(
        f"SELECT * EXCLUDE (_faults){_put_right(part, parts)}, "
        f"{sql_text(part.source.name)} AS _file, {number} AS _part FROM {part.table}"
        for number, part in enumerate(parts)
    )
    connection.execute(f"CREATE OR REPLACE TEMP VIEW stacked AS SELECT *{same} FROM ({stacked})")
    merges = (len(parts) > 1 or keys != _NO_ID) and _duplicates(connection, keys)
    faults: list[str] = []
    n_merged: dict[str, int] = {}
    n_joined: dict[str, int] = {}
    _refuse_shared_ids(connection, object_name, parts)
    listed = ", ".join(quoted(name) for name in names)
    if merges:
        dated = [name for name in _MODIFIED if all(name in part.names for part in parts)]
        faults += _merge(connection, object_name, names, keys, shown or NEEDED[object_name], dated)
        counted = connection.execute(
            f"SELECT several._file, count(*), count(*) FILTER (several._file <> merged._file) "
            f"FROM several JOIN merged USING ({', '.join(map(quoted, keys))}) WHERE _rank > 1 GROUP BY 1"
        ).fetchall()
        n_merged = {file: n for file, n, _ in counted}
        n_joined = {file: n for file, _, n in counted}
        table = (
            f"SELECT {listed}, _file, _row FROM stacked WHERE NOT {_is_one_of_several(connection, parts)} "
            f"UNION ALL BY NAME SELECT {listed}, _file, _row FROM merged"
        )
    else:
        table = f"SELECT {listed}, _file, _row FROM stacked"
    if object_name == "activity" and "contact_id" in names:
        table, several = _one_row_a_contact(connection, table)
        faults += several
    order = f" ORDER BY {_SORTED[object_name]}" if object_name in _SORTED else ""
    size = _rows_of_a_group(connection) if merges else _GROUP
    connection.execute(f"COPY ({table}{order}) TO {sql_text(str(to))} (ROW_GROUP_SIZE {size})")
    rows = parquet(to)
    faults += _without_key(object_name, parts)
    faults += _impossible(object_name, names, rows)
    faults += of_one_table(object_name, names, rows)
    return Joined(
        parts=tuple(parts),
        path=to,
        names=names,
        n_rows=pq.read_metadata(to).num_rows,
        n_merged=n_merged,
        n_joined=n_joined,
        faults=tuple(faults),
        rows=rows,
    )


def _put_right(part: Staged, parts: Sequence[Staged]) -> str:
    """SQL that makes the columns of one file fit those of the others."""
    if len(parts) == 1:
        return ""
    cells = {}
    number = part.recognised.row_number_is
    if number is not None:  # the same number in another file is somebody else
        cells[number] = f"{sql_text(part.source.name)} || ':' || _row"
    filled = {name for other in parts for name in other.names if other.n_blank.get(name, 0) < other.n_rows}
    for name in filled.intersection(part.names):
        if part.n_rows and part.n_blank.get(name, 0) == part.n_rows:
            cells[name] = "NULL"  # a blank column has no type of its own
    replaced = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in cells.items())
    return f" REPLACE ({replaced})" if replaced else ""


def _one_row_a_contact(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[str, list[str]]:
    """SQL of the activities in which one of several contacts stands once for each of them, and the notes on it."""
    if not scalar(connection, f"SELECT count(*) FROM ({table}) WHERE contains(contact_id, ';')"):
        return table, []
    notes = (
        "SELECT _file AS file, _row AS \"row\", 'contact_id' AS \"column\", 'L030' AS code, contact_id AS value "
        "FROM stacked WHERE contains(contact_id, ';')"
    )
    ids = "list_transform(string_split(contact_id, ';'), lambda one: trim(one))"
    each = f"unnest(list_sort(list_distinct({ids}))) AS contact_id"
    return (
        f"SELECT * FROM ({table}) WHERE NOT coalesce(contains(contact_id, ';'), false) "
        f"UNION ALL SELECT * REPLACE ({each}) FROM ({table}) WHERE contains(contact_id, ';')"
    ), [notes]


def _duplicates(connection: duckdb.DuckDBPyConnection, keys: Sequence[str]) -> bool:
    """Whether there are records on several rows; their keys are in `twice`."""
    of, several = (_NO_ID[:1], "min(_part) <> max(_part)") if keys == _NO_ID else (keys, "count(*) > 1")
    known = " AND ".join(f"{quoted(key)} IS NOT NULL" for key in of)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE twice AS SELECT {', '.join(map(quoted, of))} FROM stacked WHERE {known} "
        f"GROUP BY ALL HAVING {several}"
    )
    return bool(scalar(connection, "SELECT count(*) FROM twice"))


def _merge(
    connection: duckdb.DuckDBPyConnection,
    object_name: str,
    names: Sequence[str],
    keys: Sequence[str],
    shown: Sequence[str],
    dated: Sequence[str],
) -> list[str]:
    """Make the tables `several`, the rows of such records, and `merged`, a row for each. Gives SQL of what to tell."""
    known = catalog.by_name(object_name)
    united = {name for name in names if name in known and known[name].type == "id_list"} | set(
        _LINKS.get(object_name, ())
    )
    listed = ", ".join(quoted(key) for key in keys)
    newest = "".join(f"{quoted(name)} DESC NULLS LAST, " for name in dated)
    rows = "stacked SEMI JOIN twice USING "
    if keys == _NO_ID:
        place = "row_number() OVER (PARTITION BY _same, _part ORDER BY _row) AS _nth"
        rows = f"(SELECT *, {place} FROM {rows} (_same))"
    else:
        rows += f"({listed})"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE several AS SELECT *, row_number() OVER "
        f"(PARTITION BY {listed} ORDER BY {newest}_part DESC, _row DESC) AS _rank FROM {rows}"
    )
    columns = []
    for name in [name for name in names if name not in keys]:
        column = quoted(name)
        if name in united:
            ids = f"list_sort(list_distinct(flatten(list(string_split({column}, ';')))))"
            columns.append(f"nullif(array_to_string({ids}, ';'), '') AS {column}")
        else:
            columns.append(f"first({column} ORDER BY _rank) FILTER (WHERE {column} IS NOT NULL) AS {column}")
    columns += [f"first({name} ORDER BY _rank) AS {name}" for name in ("_file", "_row", "_part")]
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE merged AS SELECT {listed}, {', '.join(columns)} "
        f"FROM several GROUP BY {listed} ORDER BY _part, _row"
    )
    faults = [
        f"SELECT _file AS file, _row AS \"row\", '' AS \"column\", 'L008' AS code, "
        f"concat_ws(', ', {', '.join(quoted(name) for name in shown if name in names)}) AS value "
        "FROM several WHERE _rank > 1"
    ]
    lost = [
        f"CASE WHEN several.{quoted(name)} <> merged.{quoted(name)} "
        f"THEN {{'column': {sql_text(name)}, 'value': {_text_of(f'several.{quoted(name)}')}}} END"
        for name in names
        if not (name in keys or name in _MODIFIED or name in united)
    ]
    if lost:
        faults.append(
            "SELECT _file AS file, _row AS \"row\", one.column, 'L009' AS code, one.value FROM ("
            f"SELECT several._file, several._row, unnest([{', '.join(lost)}]) AS one "
            f"FROM several JOIN merged USING ({listed}) WHERE _rank > 1) WHERE one IS NOT NULL"
        )
    return faults


def _is_one_of_several(connection: duckdb.DuckDBPyConnection, parts: Sequence[Staged]) -> str:
    """SQL that says of a row of `stacked` whether it is in `several`, by a bit a row: a join would lose the order."""
    last, bits = scalar(connection, "SELECT max(_row) FROM stacked"), []
    for number in range(len(parts)):
        held = f"SELECT bitstring_agg(_row, 0, {last}) FROM several WHERE _part = {number}"
        connection.execute(f"SET VARIABLE several_{number} = ({held})")
        bits.append(f"WHEN {number} THEN getvariable('several_{number}')")
    return f"coalesce(get_bit(CASE _part {' '.join(bits)} END, _row::INTEGER) = 1, false)"


def _rows_of_a_group(connection: duckdb.DuckDBPyConnection) -> int:
    """How many rows a group of the Parquet file has: what is left of one of the table in memory fills it.

    DuckDB would fill up each of them with rows of the next otherwise, while one of two cores waits.
    """
    taken = f"SELECT count(*) AS n FROM several GROUP BY _part, _row // {_GROUP}"
    return max(_GROUP // 2, _GROUP - int(1.2 * scalar(connection, f"SELECT max(n) FROM ({taken})")))


def _refuse_shared_ids(connection: duckdb.DuckDBPyConnection, object_name: str, parts: Sequence[Staged]) -> None:
    """Raise WorkbenchError where most rows share the values of a column that a user took for the record id."""
    for part in parts:
        for column in part.columns:
            if (column.name, column.recognised) != ("hs_object_id", "mapping") or object_name == "ticket":
                continue
            n_ids, n_rows = connection.execute(
                f"SELECT count(DISTINCT {quoted(column.name)}), count({quoted(column.name)}) FROM {part.table}"
            ).fetchall()[0]
            if n_rows > 2 * n_ids:
                raise WorkbenchError(
                    f"{column.header!r} in {part.source.name} is mapped to the record id, but its {n_rows:,} rows "
                    f"share {n_ids:,} values: map the column of an id that no two rows share, or number them with "
                    f"{{{ROW_NUMBER!r}: 'hs_object_id'}}."
                )


def _without_key(object_name: str, parts: Sequence[Staged]) -> list[str]:
    """Rows whose record id is blank, those left out whose id was damaged: they have a fault of their own."""
    key = "hs_object_id"
    if key not in KEYS[object_name]:
        return []
    return [
        f"SELECT {sql_text(part.source.name)} AS file, _row AS \"row\", '{key}' AS \"column\", 'L007' AS code, "
        f"'' AS value FROM {part.table} WHERE {quoted(key)} IS NULL AND "
        f"coalesce(len(list_filter(_faults, lambda fault: fault.i = {column.index})), 0) = 0"
        for part in parts
        for column in part.columns
        if column.name == key and part.n_blank.get(key, 0)
    ]


def _text_of(column: str) -> str:
    """SQL: a value as people write it, a whole number without a point and a day without a time."""
    return rf"regexp_replace({column}::VARCHAR, '(\.0| 00:00:00)$', '')"


def before(one: str, other: str) -> str:
    """SQL: whether a time comes before another; a day without a time of day is compared with the day."""
    first, second = quoted(one), quoted(other)
    day = f"date_trunc('day', {first})"
    return f"{first} < CASE WHEN {first} = {day} THEN date_trunc('day', {second}) ELSE {second} END"


def _impossible(object_name: str, names: Sequence[str], rows: str) -> list[str]:
    """Dates that end before they begin, amounts below zero: kept, and marked."""
    checks = [
        f"SELECT _file AS file, _row AS \"row\", '{end}' AS \"column\", 'L016' AS code, "
        f"{_text_of(quoted(end))} AS value FROM {rows} WHERE {before(end, begin)}"
        for begin, end in _BEFORE.get(object_name, ())
        if begin in names and end in names
    ]
    if object_name == "deal" and "amount" in names:
        checks.append(
            f"SELECT _file AS file, _row AS \"row\", 'amount' AS \"column\", 'L017' AS code, "
            f"{_text_of('amount')} AS value FROM {rows} WHERE amount < 0"
        )
    return checks
