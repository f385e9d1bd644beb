"""From files to the tables of a Workspace and the report on them, one object after another."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from workbench import catalog
from workbench.errors import WorkbenchError, listing
from workbench.loaders.associations import link_by_domain
from workbench.loaders.joining import Joined, join
from workbench.loaders.mapping import UserMapping
from workbench.loaders.noticing import stale_scores
from workbench.loaders.reading import Staged, connect, drop, scalar, stage
from workbench.loaders.recognise import Recognised, age, recognise
from workbench.loaders.report import ColumnReport, FileReport, LoadReport
from workbench.loaders.sources import Source, open_source
from workbench.loaders.survivors import drop_merged, follow, merged_in_the_crm
from workbench.loaders.unpacking import unpacked
from workbench.sql import parquet, quoted, sql_text

Progress = Callable[[float, str], None]
"""Called with the share that is done (0 to 1) and what is being done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """Tables, written, with their report."""

    tables: dict[str, int]  # name -> rows
    report: LoadReport
    newest: dt.datetime | None  # newest time in the data


@dataclass(slots=True, kw_only=True)
class _Collection:
    """What has been read so far."""

    files: Sequence[Path]
    user: UserMapping
    workplace: Path
    to: Path
    progress: Progress | None
    n_bytes: int
    n_done: int = 0
    alone: bool = False  # one file, and none beside it in its archive
    skipped: dict[str, str] = field(default_factory=dict)  # file -> why
    faults: list[Path] = field(default_factory=list)
    file_reports: list[FileReport] = field(default_factory=list)
    column_reports: list[ColumnReport] = field(default_factory=list)
    found: list[dt.datetime] = field(default_factory=list)

    def tell(self, what: str, n_bytes: int = 0) -> None:
        if self.progress is not None:
            self.progress(self.n_done / self.n_bytes, what)
        self.n_done += n_bytes


def collect(
    files: Sequence[Path],
    user: UserMapping,
    *,
    workplace: Path,
    to: Path,
    written: dt.datetime,
    language: catalog.Language | None = None,
    timezone: str | None = None,
    progress: Progress | None = None,
    typed: bool = True,
    object_name: str | None = None,
    companies_by_domain: bool = False,
) -> Collected:
    """Read files and write one Parquet file an object to `to`, and the faults.

    A file of a folder that is no export is left out and reported; a single file that is none raises WorkbenchError.
    `written` is when the newest file was written: later times are plans, not the newest time in the data.
    """
    n_bytes = sum(file.stat().st_size for file in files) or 1
    so_far = _Collection(files=files, user=user, workplace=workplace, to=to, progress=progress, n_bytes=n_bytes)
    sources = _opened(so_far)
    if sources:
        user.check({source.name: source.headers for source in sources} | dict.fromkeys(so_far.skipped, ()))
    recognised = _recognised(so_far, sources, object_name, language)
    tables: dict[str, int] = {}
    with connect(workplace) as connection:
        for name, parts in recognised.items():
            staged = _staged(connection, so_far, parts, typed=typed, timezone=timezone)
            if staged:
                joined = join(connection, name, staged, to=to / f"{catalog.TABLES[name]}.parquet")
                _report_on(connection, so_far, name, joined, written)
                tables[catalog.TABLES[name]] = joined.n_rows
                for part in staged:
                    drop(connection, part.table)
        if not tables:
            reasons = "; ".join(why.removesuffix(".") for why in list(so_far.skipped.values())[:3])
            raise WorkbenchError(f"none of the {len(so_far.skipped)} files could be loaded: {reasons}.")
        merged = merged_in_the_crm(connection, to, tables)
        gone = drop_merged(connection, to, tables, merged)
        so_far.file_reports = [
            replace(one, rows_merged=one.rows_merged + gone[one.file]) for one in so_far.file_reports
        ]
        notes = follow(connection, to, tables, merged)
        tables = {name: pq.read_metadata(to / f"{name}.parquet").num_rows for name in tables}
        if companies_by_domain:
            link_by_domain(connection, to, tables)
        report = _report(connection, so_far, list(tables), notes)
    so_far.tell("done")
    return Collected(tables=tables, report=report, newest=max(so_far.found, default=None))


def _opened(so_far: _Collection) -> list[Source]:
    found = [
        one for number, file in enumerate(so_far.files) for one in unpacked(file, so_far.workplace / f"opened-{number}")
    ]
    so_far.alone = len(found) == 1
    sources: list[Source] = []
    for one in found:
        key = so_far.user.entry(one.name)
        expected = [*so_far.user.everywhere, *(so_far.user.files[key].columns if key is not None else ())]
        try:
            sources.append(open_source(one, expected=expected))
        except WorkbenchError as error:
            if so_far.alone or key is not None:
                raise
            so_far.skipped[one.name] = str(error)
        else:
            so_far.skipped |= dict(sources[-1].left_out)
    return sources


def _recognised(
    so_far: _Collection, sources: Sequence[Source], object_name: str | None, language: catalog.Language | None
) -> dict[str, list[tuple[Source, Recognised]]]:
    """Each object's files, in the order of the catalog."""
    found: dict[str, list[tuple[Source, Recognised]]] = {name: [] for name in catalog.TABLES}
    for source in sources:
        said = so_far.user.for_file(source.name, source.headers)
        try:
            one = recognise(
                source.headers,
                file=source.name,
                mapping=said.columns,
                object_name=object_name or said.object,
                language=language,
            )
        except WorkbenchError as error:
            if so_far.alone or said.columns or said.object:
                raise
            so_far.skipped[source.name] = str(error)
        else:
            found[one.object].append((source, one))
    for parts in found.values():
        parts.sort(key=lambda part: age(part[0].name))
    return {name: _in_one_spelling(parts) for name, parts in found.items() if parts}


def _in_one_spelling(parts: Sequence[tuple[Source, Recognised]]) -> list[tuple[Source, Recognised]]:
    """One column where headers that nobody knows differ in capitals only: DuckDB would make two of one, half filled."""
    spelt: dict[str, str] = {}
    for _, one in parts:
        for name in one.names:
            spelt.setdefault(name.casefold(), name)
    return [(source, replace(one, names=tuple(spelt[name.casefold()] for name in one.names))) for source, one in parts]


def _staged(
    connection: duckdb.DuckDBPyConnection,
    so_far: _Collection,
    parts: Sequence[tuple[Source, Recognised]],
    *,
    typed: bool,
    timezone: str | None,
) -> list[Staged]:
    """The files of one object, read; a column that one of them writes as text is text in all of them."""
    staged: list[Staged] = []
    for number, (source, recognised) in enumerate(parts):
        so_far.tell(source.name, source.readable.stat().st_size)
        part = stage(
            connection,
            source,
            recognised,
            workplace=so_far.workplace,
            table=f"stage_{number}",
            typed=typed,
            timezone=timezone,
        )
        if part.n_rows + part.n_set_aside:
            staged.append(part)
            continue
        drop(connection, part.table)
        why = f"{source.name} has a header ({listing(source.headers)}) and no rows: export it again."
        if so_far.alone:
            raise WorkbenchError(why)
        so_far.skipped[source.name] = why
    types: dict[str, set[str]] = {}
    for part in staged:
        for column in part.columns:
            if part.n_blank[column.name] < part.n_rows:
                types.setdefault(column.name, set()).add(column.form.type)
    torn = frozenset(name for name, found in types.items() if len(found) > 1)
    return [
        replace(
            stage(
                connection,
                part.source,
                part.recognised,
                workplace=so_far.workplace,
                table=part.table,
                typed=typed,
                as_text=torn,
                timezone=timezone,
            ),
            oddities=part.oddities,  # they were found when it was read for the first time
        )
        if any(column.name in torn and column.form.type != "string" for column in part.columns)
        else part
        for part in staged
    ]


def _report_on(
    connection: duckdb.DuckDBPyConnection, so_far: _Collection, name: str, joined: Joined, written: dt.datetime
) -> None:
    """Account for one object's files: their faults go to a file, the rest into `so_far`."""
    notes: list[tuple[str, int, str, str, str]] = []
    selects = list(joined.faults)
    for part in joined.parts:
        file = part.source.name
        names = {column.index: column.name for column in part.columns if not part.is_empty_tail(column)}
        notes += [
            (file, odd.row, "" if odd.column is None else names.get(odd.column, ""), odd.code, odd.value)
            for odd in part.oddities
        ]
        notes += [
            (file, part.source.header_row, column.name, column.form.doubt, column.header)
            for column in part.columns
            if column.form.doubt
        ]
        selects.append(_cell_faults(part))
    faults = so_far.workplace / f"faults-{name}.parquet"
    _write_faults(connection, selects, notes, faults)
    so_far.faults.append(faults)
    n_faults = Counter[tuple[str, str]]()
    for file, column, n in connection.execute(
        f'SELECT file, "column", count(*) FROM {parquet(faults)} GROUP BY ALL'
    ).fetchall():
        n_faults[file, column] = n
    for part in joined.parts:
        so_far.file_reports.append(_file_report(part, joined))
        blanked = _n_blanked(connection, part)
        so_far.column_reports += [
            ColumnReport(
                file=part.source.name,
                header=column.header,
                name=column.name,
                recognised=column.recognised,
                type=column.form.type,
                written_as=column.form.written_as,
                n_rows=part.n_rows,
                n_blank=part.n_blank[column.name] - blanked.get(column.index, 0),
                n_faults=n_faults[part.source.name, column.name],
            )
            for column in part.columns
            if not part.is_empty_tail(column)
        ]
    so_far.found += _newest(connection, joined, written)


def _report(
    connection: duckdb.DuckDBPyConnection, so_far: _Collection, tables: Sequence[str], selects: Sequence[str]
) -> LoadReport:
    """The whole report; `selects` is SQL that gives notes about the tables together."""
    notes = [(file, 0, "", "L019", why) for file, why in so_far.skipped.items()]
    scores = [one for one in so_far.column_reports if "score" in one.name.lower()]
    stale = stale_scores(connection, so_far.to, tables, {one.name for one in scores})
    notes += [(one.file, 0, one.name, "L018", f"last change {stale[one.name]}") for one in scores if one.name in stale]
    faults = so_far.to / "faults.parquet"
    _write_faults(connection, [f"FROM {parquet(*so_far.faults)}", *selects], notes, faults)
    counts = connection.execute(f"SELECT code, count(*) FROM {parquet(faults)} GROUP BY code ORDER BY code").fetchall()
    left_out = [
        FileReport(
            file=file,
            object="",
            why=why,
            format="",
            delimiter="",
            quote="",
            encoding="",
            header_row=0,
            rows_read=0,
            rows_loaded=0,
            rows_set_aside=0,
            rows_merged=0,
        )
        for file, why in so_far.skipped.items()
    ]
    return LoadReport(
        file_reports=(*so_far.file_reports, *left_out),
        column_reports=tuple(so_far.column_reports),
        counts=dict(counts),
        faults=faults,
    )


def _file_report(part: Staged, joined: Joined) -> FileReport:
    source = part.source
    delimiter, quote = source.found or (source.delimiter, source.quote)
    return FileReport(
        file=source.name,
        object=part.recognised.object,
        why=part.recognised.why,
        format=source.format,
        delimiter=delimiter if source.format == "CSV" else "",
        quote=quote if source.format == "CSV" else "",
        encoding=source.encoding,
        header_row=source.header_row,
        rows_read=part.n_rows + part.n_set_aside,
        rows_loaded=part.n_rows,
        rows_set_aside=part.n_set_aside,
        rows_merged=joined.n_merged.get(source.name, 0),
        rows_joined=joined.n_joined.get(source.name, 0),
    )


def _cell_faults(part: Staged) -> str:
    """The faults of a part's cells, as the report has them."""
    names = " ".join(f"WHEN {column.index} THEN {sql_text(column.name)}" for column in part.columns)
    codes = " ".join(
        f"WHEN {column.index} THEN "
        + (
            f"CASE WHEN {quoted(column.name)} IS NOT NULL THEN 'L011' ELSE 'L003' END"
            if column.form.code == "L003"
            else sql_text(column.form.code)
        )
        for column in part.columns
        if column.form.code
    )
    code = f"CASE _fault.i {codes} END" if codes else "''"
    return (
        f'SELECT {sql_text(part.source.name)} AS file, _row AS "row", CASE _fault.i {names} END AS "column", '
        f"{code} AS code, _fault.v AS value "
        f"FROM {_each_fault(part)}"
    )


def _each_fault(part: Staged) -> str:
    return f"(SELECT *, unnest(_faults) AS _fault FROM {part.table} WHERE _faults IS NOT NULL)"


def _n_blanked(connection: duckdb.DuckDBPyConnection, part: Staged) -> dict[int, int]:
    """Cells of each column that were filled and are blank now."""
    names = " ".join(f"WHEN {column.index} THEN {quoted(column.name)} IS NULL" for column in part.columns)
    found = connection.execute(
        f"SELECT _fault.i, count(*) FROM {_each_fault(part)} WHERE CASE _fault.i {names} END GROUP BY 1"
    )
    return dict(found.fetchall())


def _write_faults(
    connection: duckdb.DuckDBPyConnection,
    selects: Sequence[str],
    notes: Sequence[tuple[str, int, str, str, str]],
    to: Path,
) -> None:
    columns = list(zip(*notes, strict=True)) if notes else [(), (), (), (), ()]
    types = (pa.string(), pa.int64(), pa.string(), pa.string(), pa.string())
    table = pa.table(
        {
            name: pa.array(column, type=kind)
            for name, column, kind in zip(("file", "row", "column", "code", "value"), columns, types, strict=True)
        }
    )
    connection.register("notes", table)
    connection.execute(f"COPY ({' UNION ALL '.join(['FROM notes', *selects])}) TO {sql_text(str(to))}")
    connection.unregister("notes")


def _newest(connection: duckdb.DuckDBPyConnection, joined: Joined, written: dt.datetime) -> list[dt.datetime]:
    """The newest time of each column that is no later than when the files were written; planned dates are left out."""
    columns = [column for part in joined.parts for column in part.columns if column.name in joined.names]
    dated = {column.name for column in columns if column.form.type in ("date", "datetime")}
    newest: Mapping[str, dt.datetime | None] = {
        column: scalar(
            connection,
            f"SELECT max({quoted(column)}) FROM {joined.rows} WHERE {quoted(column)} <= TIMESTAMP '{written}'",
        )
        for column in sorted(dated - {"closedate"})
    }
    return [moment for moment in newest.values() if moment is not None]
