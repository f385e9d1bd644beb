"""One pass from text to a typed table with a column of faults; looked at again where the values say otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from workbench import catalog
from workbench.errors import WorkbenchError
from workbench.loaders import values
from workbench.loaders.no_records import Table
from workbench.loaders.recognise import Recognised
from workbench.loaders.records import SET_ASIDE, Oddity, by_the_slower_road
from workbench.loaders.sources import Source
from workbench.sql import quoted, sql_path, sql_text

SAMPLE_ROWS = 2_000
_MEMORY = "1200MB"  # with less, DuckDB writes a million contacts on one core
_BUFFER = 1 << 26  # bytes: with smaller ones DuckDB copies a table once more, to fill its groups of rows
_MOST_FAULTY_VALUES = 5_000
_MANY = 60  # columns
_FEW = 50  # rows that are looked at one by one
_LOOKS = 4  # how often a column's form may be thought over before what does not fit is a fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a file and how it is read."""

    index: int
    header: str
    name: str
    recognised: str
    known: catalog.Property | None
    form: values.Form


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """One file, read and typed: a table with `_faults` in the connection, not yet joined with others."""

    source: Source
    recognised: Recognised
    columns: tuple[Column, ...]
    table: str
    n_rows: int
    n_blank: Mapping[str, int]
    oddities: tuple[Oddity, ...]

    @property
    def n_set_aside(self) -> int:
        return sum(oddity.code in SET_ASIDE for oddity in self.oddities)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that go into the table."""
        number = self.recognised.row_number_is
        own = tuple(column.name for column in self.columns if not self.is_empty_tail(column))
        told = () if self.recognised.kind is None else ("kind",)
        return (*told, *own) if number is None else (number, *told, *own)

    def is_empty_tail(self, column: Column) -> bool:
        """A column without a header and without a value."""
        return not column.header and self.n_blank.get(column.name, 0) == self.n_rows


def connect(workplace: Path) -> duckdb.DuckDBPyConnection:
    """A connection that keeps within its memory and spills to `workplace`."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f"SET memory_limit = '{_MEMORY}'")
    connection.execute(f"SET temp_directory = {sql_text(str(workplace / 'spill'))}")
    return connection


def stage(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    recognised: Recognised,
    *,
    workplace: Path,
    table: str,
    typed: bool = True,
    as_text: frozenset[str] = frozenset(),
    timezone: str | None = None,
) -> Staged:
    """Read one file into the temporary table `table`; names in `as_text` stay text."""
    if not source.suspect:
        try:
            staged = _stage(connection, source, recognised, table, typed, as_text, timezone, ())
        except (duckdb.IOException, duckdb.OutOfMemoryException):  # of the disk, not of the file
            raise
        except duckdb.Error:
            staged = None
        if staged is not None and not _has_rows_to_look_at(connection, staged):
            return staged
    source, oddities = by_the_slower_road(source, workplace)
    try:
        staged = _stage(connection, source, recognised, table, typed, as_text, timezone, tuple(oddities))
    except (duckdb.IOException, duckdb.OutOfMemoryException):
        raise
    except duckdb.Error as error:
        raise WorkbenchError(f"{source.name} cannot be read as a table: {str(error).splitlines()[0]}") from error
    if staged is None:
        raise WorkbenchError(f"{source.name} cannot be read as a table: its rows cannot be told apart.")
    return staged


def _stage(
    connection: duckdb.DuckDBPyConnection,
    source: Source,
    recognised: Recognised,
    table: str,
    typed: bool,
    as_text: frozenset[str],
    timezone: str | None,
    oddities: tuple[Oddity, ...],
) -> Staged | None:
    """One reading by strict rules; None where they refuse a row."""
    connection.execute("DROP TABLE IF EXISTS reject_errors")
    connection.execute("DROP TABLE IF EXISTS reject_scans")
    known = catalog.by_name(recognised.object)
    sample = connection.sql(f"SELECT * FROM {rows_of(source)} LIMIT {SAMPLE_ROWS}").to_arrow_table()
    seen = {index: _distinct(sample.column(f"c{index}")) for index in range(len(source.headers))}

    all_seen = set(seen) if sample.num_rows < SAMPLE_ROWS else set()

    def form(index: int, name: str, how: str) -> values.Form:
        if not typed or name in as_text:
            return values.TEXT
        found = values.form_of(
            known.get(name) if how != "not known" else None,
            seen[index],
            language=recognised.language,
            timezone=timezone,
        )
        if not found.doubt or index in all_seen:
            return found
        all_seen.add(index)
        seen[index] = _all_distinct(connection, source, index)
        return form(index, name, how)

    named = list(zip(source.headers, recognised.names, recognised.how, strict=True))
    columns = [
        Column(
            index=index,
            header=header,
            name=name,
            recognised=how,
            known=known.get(name) if how != "not known" else None,
            form=form(index, name, how),
        )
        for index, (header, name, how) in enumerate(named)
    ]
    for look in range(_LOOKS):
        _create(connection, table, source, recognised, columns)
        if scalar(connection, "SELECT count(*) FROM reject_errors"):
            return None
        staged = Staged(
            source=source,
            recognised=recognised,
            columns=tuple(columns),
            table=table,
            n_rows=scalar(connection, f"SELECT count(*) FROM {table}"),
            n_blank=_n_blank(connection, table, columns),
            oddities=oddities,
        )
        again = _thought_over(connection, staged, seen, form, last=look == _LOOKS - 2)
        if again == columns:
            break
        columns = again
    return staged


def _has_rows_to_look_at(connection: duckdb.DuckDBPyConnection, staged: Staged) -> bool:
    """Whether the table has rows that are no records: blank ones, a header, a note at the end."""
    if all(staged.n_blank.get(column.name, 0) for column in staged.columns):
        blank = " AND ".join(f"{quoted(column.name)} IS NULL" for column in staged.columns)
        if scalar(connection, f"SELECT count(*) FROM {staged.table} WHERE _faults IS NULL AND {blank}"):
            return True
    table = Table([column.header for column in staged.columns], has_header=staged.source.header_row > 0)
    texts = [column for column in staged.columns if column.form.type in ("id", "string", "enumeration")]
    numbered = False
    for column in sorted(texts, key=lambda column: column.index != table.id_at)[:1]:
        cell = quoted(column.name)
        # of ids that are numbers those that are words stand out at once, of others only those that name their column
        doubtful = _as_they_came(connection, staged, f"{cell} < '0' OR {cell} >= ':'")
        if numbered := len(doubtful) <= min(_FEW, staged.n_rows - 1):
            if staged.n_blank[column.name]:
                doubtful += _as_they_came(connection, staged, f"{cell} IS NULL")
        elif names := table.names[column.index]:
            listed = ", ".join(sql_text(name) for name in sorted(names))
            doubtful += _as_they_came(connection, staged, f"lower(trim({cell})) IN ({listed})")
        if any(table.is_header(row) or table.begins_another(row, apart=False) for row in doubtful):
            return True
    last = _as_they_came(connection, staged, f"rowid = {staged.n_rows - 1}")
    return any(table.is_below(row, numbered=numbered) for row in last)


def _as_they_came(connection: duckdb.DuckDBPyConnection, staged: Staged, where: str) -> list[list[str]]:
    """The texts of the first rows for which the SQL `where` holds, a few at most."""
    listed = ", ".join([*(quoted(column.name) for column in staged.columns), "_faults"])
    rows: list[list[str]] = []
    for *cells, faults in connection.execute(
        f"SELECT {listed} FROM {staged.table}_cells WHERE {where} LIMIT {_FEW + 1}"
    ).fetchall():
        as_it_came = {fault["i"]: fault["v"] for fault in faults or ()}
        rows.append(
            [
                as_it_came.get(column.index, "" if cell is None else str(cell))
                for column, cell in zip(staged.columns, cells, strict=True)
            ]
        )
    return rows


def rows_of(source: Source) -> str:
    """SQL that reads the rows of a source as text: c0, c1, ..., and _row where its rows are numbered."""
    names = ["_row"] * source.numbered + [f"c{index}" for index in range(len(source.headers))]
    columns = ", ".join(f"'{name}': '{'BIGINT' if name == '_row' else 'VARCHAR'}'" for name in names)
    nulls = ", ".join(sql_text(word) for word in sorted(catalog.NULL_WORDS))
    has_header = source.numbered or source.header_row > 0
    skip = 0 if source.numbered or not has_header else source.header_row - 1
    return (
        f"read_csv({sql_path(source.readable)}, auto_detect=false, hive_partitioning=false, "
        f"header={has_header}, skip={skip}, "
        f"delim={sql_text(source.delimiter)}, quote={sql_text(source.quote)}, escape={sql_text(source.escape)}, "
        f"columns={{{columns}}}, nullstr=[{nulls}], strict_mode=true, store_rejects=true, "
        # DuckDB drops a line that is longer than its buffer, without a word
        f"maximum_line_size={source.longest}, buffer_size={max(_BUFFER, 2 * source.longest)})"
    )


def _create(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    source: Source,
    recognised: Recognised,
    columns: Sequence[Column],
) -> None:
    """The table and, under the name that all others ask for, a view on it that numbers its rows.

    DuckDB keeps the order of a file while several threads read it, as long as the query has no join, and it would make
    one of each list of words. A number that a window gives would leave all of the reading to one thread.
    """
    slow = ", common_subexpressions" if len(columns) > _MANY else ""  # takes minutes on 500 columns
    connection.execute(f"SET disabled_optimizers = 'in_clause{slow}'")
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {table}_cells AS {_query(source, recognised, columns)}")
    row = "_row" if source.numbered else f"(rowid + {source.header_row + 1})"
    numbers = [] if source.numbered else [f"{row} AS _row"]
    if recognised.row_number_is is not None:
        numbers.append(f"{row}::VARCHAR AS {quoted(recognised.row_number_is)}")
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {table} AS SELECT {', '.join(['*', *numbers])} FROM {table}_cells")


def drop(connection: duckdb.DuckDBPyConnection, table: str) -> None:
    """Give back the memory of a file that was read."""
    connection.execute(f"DROP VIEW {table}")
    connection.execute(f"DROP TABLE {table}_cells")


def _query(source: Source, recognised: Recognised, columns: Sequence[Column]) -> str:
    """From the inside out: the cell's text and what it reads as, what of that is possible, the faults."""

    def spelt(sql: str, index: int) -> str:
        return sql.replace("{c}", f"c{index}").replace("{v}", f"v{index}").replace("{t}", f"t{index}")

    read = [f"{spelt(column.form.typed, column.index)} AS v{column.index}" for column in columns]
    possible = [
        spelt(f"CASE WHEN {column.form.possible} THEN {{v}} END AS {{t}}", column.index)
        if column.form.possible
        else spelt("{v} AS {t}", column.index)
        for column in columns
    ]
    faulty = {
        column.index: spelt(column.form.fault, column.index) for column in columns if column.form.fault != "false"
    }
    faults = "NULL"
    if faulty:
        each = ", ".join(f"CASE WHEN {when} THEN {{'i': {index}, 'v': c{index}}} END" for index, when in faulty.items())
        any_fault = " OR ".join(f"({when})" for when in faulty.values())
        faults = f"CASE WHEN {any_fault} THEN list_filter([{each}], lambda x: x IS NOT NULL) END"
    named = [f"t{column.index} AS {quoted(column.name)}" for column in columns]
    number = ["_row"] * source.numbered
    kept = [*number, *(f"c{index}" for index in faulty)]
    if recognised.kind is not None:
        named.append(f"{sql_text(recognised.kind)} AS kind")
    order = " ORDER BY _row" if source.numbered else ""
    return (
        f"SELECT {', '.join([*named, *number])}, {faults} AS _faults "
        f"FROM (SELECT {', '.join([*kept, *possible])} "
        f"FROM (SELECT {', '.join([*read, '*'])} FROM {rows_of(source)})){order}"
    )


def scalar(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    """The one value a query gives."""
    return connection.execute(query).fetchall()[0][0]


def _distinct(column: pa.ChunkedArray) -> list[str]:
    return [text for text in pc.unique(column).to_pylist() if text is not None]


def _all_distinct(connection: duckdb.DuckDBPyConnection, source: Source, index: int) -> list[str]:
    found = connection.sql(f"SELECT DISTINCT c{index} AS c FROM {rows_of(source)}").to_arrow_table()
    return _distinct(found.column("c"))


def _n_blank(connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[Column]) -> dict[str, int]:
    """Name to the number of cells that hold nothing."""
    counts = ", ".join(f"count(*) - count({quoted(column.name)})" for column in columns)
    found = connection.execute(f"SELECT {counts} FROM {table}").fetchall()[0]
    return {column.name: n for column, n in zip(columns, found, strict=True)}


def _thought_over(
    connection: duckdb.DuckDBPyConnection,
    staged: Staged,
    seen: dict[int, list[str]],
    form: Callable[[int, str, str], values.Form],
    *,
    last: bool,
) -> list[Column]:
    """The columns with the forms that all of their values ask for; unchanged where the pass was right."""
    faulty = connection.execute(
        "SELECT i, v FROM (SELECT DISTINCT f.i, f.v FROM (SELECT unnest(_faults) AS f "
        f"FROM {staged.table} WHERE _faults IS NOT NULL)) "
        f"QUALIFY row_number() OVER (PARTITION BY i) <= {_MOST_FAULTY_VALUES}"
    ).fetchall()
    misfits: dict[int, list[str]] = {}
    for index, value in faulty:
        misfits.setdefault(index, []).append(value)
    again: list[Column] = []
    for column in staged.columns:
        index = column.index
        if index in misfits:
            seen[index] = list(dict.fromkeys(seen[index] + misfits[index]))
        elif not seen[index] and column.known is None and staged.n_blank[column.name] < staged.n_rows:
            found = connection.sql(f"SELECT DISTINCT {quoted(column.name)} AS c FROM {staged.table}")
            seen[index] = _distinct(found.to_arrow_table().column("c"))
        else:
            again.append(column)
            continue
        found_form = form(index, column.name, column.recognised)
        if last and column.known is None and index in misfits:
            found_form = values.TEXT
        again.append(replace(column, form=found_form))
    return again
