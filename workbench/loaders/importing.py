"""From exports to a Workspace: find the files, read each, join those of one object, check, write."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workbench import __version__, catalog
from workbench.errors import WorkbenchError, listing
from workbench.loaders import values
from workbench.loaders.joining import Joined, join
from workbench.loaders.mapping import MAPPING_FILE, UserMapping
from workbench.loaders.reading import Staged, connect, quoted, scalar, stage
from workbench.loaders.recognise import recognise
from workbench.loaders.report import CODES, ColumnReport, FileReport, LoadReport
from workbench.loaders.sources import PACKED, SHEETS, TEXTS, Source, open_source, unpacked
from workbench.loaders.workspace import (
    MODEL_FILES,
    MODELS,
    POINTER,
    SNAPSHOTS,
    Manifest,
    PrivateFolder,
    Workspace,
    hashes,
    is_workspace,
    to_pandas,
    write_snapshot,
)

Progress = Callable[[float, str], None]
"""Called with the share that is done (0 to 1) and what is being done."""

GivenMapping = Mapping[str, Any] | str | os.PathLike[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One export, read: `frame` (pandas), `object` ("contact", "deal", ...) and `report`."""

    frame: pd.DataFrame
    object: str
    report: LoadReport


@dataclass(frozen=True, slots=True)
class _Skipped:
    file: str
    why: str


def load(
    path: str | os.PathLike[str],
    *,
    mapping: GivenMapping = None,
    to: str | os.PathLike[str] | None = None,
    language: catalog.Language | None = None,
    timezone: str | None = None,
    as_of: str | dt.date | None = None,
    progress: Progress | None = None,
) -> Workspace:
    """Load a folder of exports, one export file, or open a Workspace folder.

    Exports are read into a Workspace in the folder `to`, or in a private temporary folder that goes when the
    Workspace does. Subfolders are not read. Importing the same files again with the same options changes nothing.

    `mapping` says which column is which property: a dict, or a YAML file; `mapping.yaml` beside the files is used
    too. `language` ("en", "de", "fr") decides dates and numbers that can be read two ways, where the headers do not
    tell. `timezone` (such as "Europe/Berlin") is the account's: times with an offset are brought to it. `as_of` is
    the day of the export, by default the one in the file names, else the newest time in the data.

    Raises WorkbenchError where there is nothing to load or a file is no table.
    """
    given = Path(path)
    if given.is_dir() and is_workspace(given):
        return Workspace(given)
    _check_options(language, timezone)
    files = _files(given)
    options = _options(mapping=mapping, language=language, timezone=timezone, as_of=as_of)
    keeper = None if to is not None else PrivateFolder()
    home = Path(to) if to is not None else keeper.path if keeper is not None else Path()
    _prepare(home)
    with ThreadPoolExecutor(max_workers=1) as aside:
        sources = aside.submit(hashes, files)
        if is_workspace(home):
            held = Workspace(home)
            if (dict(held.manifest.sources), dict(held.manifest.options)) == (
                _with_companions(sources.result(), given),
                options,
            ):
                return held
        workplace = Path(tempfile.mkdtemp(prefix=".import-", dir=home))
        try:
            snapshot = workplace / "snapshot"
            snapshot.mkdir()
            user = UserMapping.of(mapping).over(_mapping_beside(given))
            done = _import(files, user, workplace, snapshot, language=language, timezone=timezone, progress=progress)
            (snapshot / MODELS).mkdir()
            for model in _models_beside(given):
                shutil.copyfile(model, snapshot / MODELS / model.name)
            (snapshot / "report.json").write_text(done.report.to_json(), encoding="utf-8")
            manifest = Manifest(
                sources=_with_companions(sources.result(), given),
                options=options,
                as_of=(_day(as_of) or _day_in_names(files) or done.newest or _modified(files)).isoformat(),
                name=given.resolve().stem if given.is_file() else given.resolve().name,
                version=__version__,
                tables=done.tables,
            )
            write_snapshot(home, snapshot, manifest, _snapshot_name(manifest))
        finally:
            shutil.rmtree(workplace, ignore_errors=True)
    return Workspace(home, keeper=keeper)


def read_export(
    path: str | os.PathLike[str],
    *,
    mapping: GivenMapping = None,
    object: str | None = None,
    typed: bool = True,
    language: catalog.Language | None = None,
    timezone: str | None = None,
) -> Export:
    """Read one export file.

    `object` ("contact", "deal", ...) says what it holds where its headers do not. `typed=False` leaves every cell
    text. The other arguments are those of `load`. Raises WorkbenchError where the file is no table.
    """
    given = Path(path)
    _check_options(language, timezone)
    if given.is_dir():
        raise WorkbenchError(f"{given} is a folder: read_export reads one file, load reads a folder.")
    files = _files(given)
    keeper = PrivateFolder()
    user = UserMapping.of(mapping).over(_mapping_beside(given))
    done = _import(
        files,
        user,
        keeper.path,
        keeper.path,
        language=language,
        timezone=timezone,
        progress=None,
        typed=typed,
        object_name=object,
    )
    (table,) = done.tables
    kept = [name for name in pq.read_schema(keeper.path / f"{table}.parquet").names if not name.startswith("_")]
    frame = to_pandas(pq.read_table(keeper.path / f"{table}.parquet", columns=kept))
    report = LoadReport.from_json(done.report.to_json(), folder=keeper.path, keeper=keeper)
    return Export(frame=frame, object=next(o for o, name in catalog.TABLES.items() if name == table), report=report)


def fingerprint(
    path: Path,
    *,
    mapping: GivenMapping = None,
    language: catalog.Language | None = None,
    timezone: str | None = None,
    as_of: str | dt.date | None = None,
) -> tuple[dict[str, str], dict[str, Any]]:
    """What tells two imports apart: the SHA-256 of each source, and the options."""
    options = _options(mapping=mapping, language=language, timezone=timezone, as_of=as_of)
    return _with_companions(hashes(_files(path)), path), options


@dataclass(frozen=True, slots=True, kw_only=True)
class _Imported:
    tables: dict[str, int]
    report: LoadReport
    newest: dt.datetime | None


def _import(
    files: Sequence[Path],
    user: UserMapping,
    workplace: Path,
    to: Path,
    *,
    language: catalog.Language | None,
    timezone: str | None,
    progress: Progress | None,
    typed: bool = True,
    object_name: str | None = None,
) -> _Imported:
    size = sum(file.stat().st_size for file in files) or 1
    done = 0
    sources: list[tuple[Source, int]] = []
    skipped: list[_Skipped] = []
    for file in files:
        try:
            found = unpacked(file, workplace)
            for inner in found:
                name = file.name if len(found) == 1 else f"{file.name}/{inner.name}"
                sources.append((_opened(inner, workplace, name, user), file.stat().st_size // len(found)))
        except WorkbenchError as error:
            if len(files) == 1 or user.entry(file.name) is not None:
                raise
            skipped.append(_Skipped(file.name, str(error)))
    if sources:
        user.check({source.name: source.headers for source, _ in sources} | {skip.file: () for skip in skipped})
    staged: dict[str, list[Staged]] = {}
    with connect(workplace) as connection:
        for number, (source, n_bytes) in enumerate(sources):
            if progress is not None:
                progress(done / size, source.name)
            done += n_bytes
            said = user.for_file(source.name, source.headers)
            try:
                recognised = recognise(
                    source.headers,
                    file=source.name,
                    mapping=said.columns,
                    object_name=object_name or said.object,
                    language=language,
                )
            except WorkbenchError as error:
                if len(sources) == 1 or said.columns:
                    raise
                skipped.append(_Skipped(source.name, str(error)))
                continue
            one = stage(
                connection,
                source,
                recognised,
                workplace=workplace,
                to=workplace / f"stage-{number}.parquet",
                typed=typed,
                timezone=timezone,
            )
            if one.n_rows + one.n_set_aside == 0:
                raise WorkbenchError(
                    f"{source.name} has a header ({listing(source.headers)}) and no rows: export it again, "
                    "or take it out of the folder."
                )
            staged.setdefault(recognised.object, []).append(one)
        if not staged:
            reasons = "; ".join(skip.why.removesuffix(".") for skip in skipped[:3])
            raise WorkbenchError(f"none of the {len(files)} files could be loaded: {reasons}.")
        joined = {
            name: join(
                connection,
                name,
                _alike(connection, staged[name], workplace, typed, timezone),
                to=to / f"{catalog.TABLES[name]}.parquet",
            )
            for name in catalog.TABLES
            if name in staged
        }
        report = _report(connection, joined, skipped, to)
        newest = _newest(connection, joined, written=_modified(files))
    if progress is not None:
        progress(1.0, "done")
    return _Imported(
        tables={catalog.TABLES[name]: one.n_rows for name, one in joined.items()}, report=report, newest=newest
    )


def _opened(file: Path, workplace: Path, name: str, user: UserMapping) -> Source:
    expected = list(user.everywhere)
    if (key := user.entry(name)) is not None:
        expected += user.files[key].columns
    return open_source(file, workplace, name=name, expected=expected)


def _alike(
    connection: duckdb.DuckDBPyConnection, parts: list[Staged], workplace: Path, typed: bool, timezone: str | None
) -> list[Staged]:
    """The parts with one type a column: a column that one file writes as text is text in all of them."""
    types: dict[str, set[str]] = {}
    for part in parts:
        for column in part.columns:
            if part.n_blank.get(column.name, 0) < part.n_rows:
                types.setdefault(column.name, set()).add(column.form.type)
    torn = frozenset(name for name, found in types.items() if len(found) > 1)
    if not torn:
        return parts
    return [
        stage(
            connection,
            part.source,
            part.recognised,
            workplace=workplace,
            to=part.path.with_suffix(".again.parquet"),
            typed=typed,
            as_text=torn,
            timezone=timezone,
        )
        if any(column.name in torn and column.form.type != "string" for column in part.columns)
        else part
        for part in parts
    ]


def _report(
    connection: duckdb.DuckDBPyConnection, joined: Mapping[str, Joined], skipped: Sequence[_Skipped], to: Path
) -> LoadReport:
    notes: list[tuple[str, int, str, str, str]] = [(skip.file, 0, "", "L019", skip.why) for skip in skipped]
    selects: list[str] = []
    file_reports: list[FileReport] = []
    column_reports: list[ColumnReport] = []
    for one in joined.values():
        selects += one.faults
        for part in one.parts:
            source = part.source
            names = {column.header: column.name for column in part.columns}
            notes += [(source.name, odd.row, names.get(odd.column, ""), odd.code, odd.value) for odd in part.oddities]
            notes += [
                (source.name, source.header_row, column.name, column.form.doubt, column.header)
                for column in part.columns
                if column.form.doubt
            ]
            selects.append(_cell_faults(part))
            file_reports.append(_file_report(part, one.n_merged.get(source.name, 0)))
    connection.register("notes", _notes(notes))
    selects.append("SELECT * FROM notes")
    faults = to / "faults.parquet"
    connection.execute(f"COPY ({' UNION ALL '.join(selects)}) TO {values.sql_text(str(faults))}")
    connection.unregister("notes")
    lying = f"read_parquet({values.sql_text(str(faults))})"
    counts = connection.execute(f"SELECT code, count(*) FROM {lying} GROUP BY code ORDER BY code").fetchall()
    by_column: Counter[tuple[str, str]] = Counter()
    for file, column, n in connection.execute(
        f'SELECT file, "column", count(*) FROM {lying} WHERE "column" <> \'\' GROUP BY ALL'
    ).fetchall():
        by_column[file, column] = n
    for one in joined.values():
        for part in one.parts:
            blanked = _n_blanked(connection, part)
            column_reports += [
                ColumnReport(
                    file=part.source.name,
                    header=column.header,
                    name=column.name,
                    recognised=column.recognised,
                    type=column.form.type,
                    written_as=column.form.written_as,
                    n_rows=part.n_rows,
                    n_blank=part.n_blank.get(column.name, 0) - blanked.get(column.index, 0),
                    n_faults=by_column[part.source.name, column.name],
                )
                for column in part.columns
                if not part.is_empty_tail(column)
            ]
    file_reports += [
        FileReport(
            file=skip.file,
            object="",
            why=skip.why,
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
        for skip in skipped
    ]
    return LoadReport(
        file_reports=tuple(file_reports),
        column_reports=tuple(column_reports),
        counts=dict(counts),
        faults=faults,
    )


def _file_report(part: Staged, n_merged: int) -> FileReport:
    source = part.source
    return FileReport(
        file=source.name,
        object=part.recognised.object,
        why=part.recognised.why,
        format=source.format,
        delimiter=source.delimiter if source.format == "CSV" else "",
        quote=source.quote if source.format == "CSV" else "",
        encoding=source.encoding,
        header_row=source.header_row,
        rows_read=part.n_rows + part.n_set_aside,
        rows_loaded=part.n_rows,
        rows_set_aside=part.n_set_aside,
        rows_merged=n_merged,
    )


def _cell_faults(part: Staged) -> str:
    """The faults of a part's cells, as the report has them."""
    text = values.sql_text
    names = " ".join(f"WHEN {column.index} THEN {text(column.name)}" for column in part.columns)
    codes = " ".join(
        f"WHEN {column.index} THEN "
        + (
            f"CASE WHEN {quoted(column.name)} IS NOT NULL THEN 'L011' ELSE 'L003' END"
            if column.form.code == "L003"
            else text(column.form.code)
        )
        for column in part.columns
        if column.form.code
    )
    code = f"CASE f.i {codes} END" if codes else "''"
    return (
        f'SELECT {text(part.source.name)} AS file, _row AS "row", CASE f.i {names} END AS "column", '
        f"{code} AS code, f.v AS value FROM (SELECT *, unnest(_faults) AS f FROM {part.rows} WHERE _faults IS NOT NULL)"
    )


def _n_blanked(connection: duckdb.DuckDBPyConnection, part: Staged) -> dict[int, int]:
    """Cells of each column that were filled and are blank now."""
    names = " ".join(f"WHEN {column.index} THEN {quoted(column.name)} IS NULL" for column in part.columns)
    found = connection.execute(
        f"SELECT f.i, count(*) FROM (SELECT *, unnest(_faults) AS f FROM {part.rows} WHERE _faults IS NOT NULL) "
        f"WHERE CASE f.i {names} END GROUP BY 1"
    )
    return dict(found.fetchall())


def _notes(notes: Sequence[tuple[str, int, str, str, str]]) -> pa.Table:
    columns = list(zip(*notes, strict=True)) if notes else [(), (), (), (), ()]
    types = (pa.string(), pa.int64(), pa.string(), pa.string(), pa.string())
    return pa.table(
        {
            name: pa.array(column, type=kind)
            for name, column, kind in zip(("file", "row", "column", "code", "value"), columns, types, strict=True)
        }
    )


def _newest(
    connection: duckdb.DuckDBPyConnection, joined: Mapping[str, Joined], *, written: dt.datetime
) -> dt.datetime | None:
    """The newest time in the data that is no later than when the files were written; planned dates are left out."""
    found: list[dt.datetime] = []
    for one in joined.values():
        columns = [column for part in one.parts for column in part.columns]
        dated = {column.name for column in columns if column.form.type in ("date", "datetime")}
        for column in sorted(dated - {"closedate"}):
            newest = scalar(
                connection,
                f"SELECT max({quoted(column)}) FROM {one.rows} WHERE {quoted(column)} <= TIMESTAMP '{written}'",
            )
            if newest is not None:
                found.append(newest)
    return max(found, default=None)


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise WorkbenchError(f"{path} does not exist: give the path of an export file or of a folder of exports.")
    if path.is_file():
        return [path]
    there = sorted(entry for entry in path.iterdir() if entry.is_file())
    files = [
        entry
        for entry in there
        if entry.suffix.lower() in SHEETS | TEXTS | PACKED and not entry.name.startswith((".", "~$"))
    ]
    if not files:
        held = listing(sorted(entry.name for entry in path.iterdir()))
        raise WorkbenchError(f"the folder {path} has no export (CSV or XLSX) in it; it has {held}.")
    return files


def _mapping_beside(path: Path) -> UserMapping:
    beside = (path if path.is_dir() else path.parent) / MAPPING_FILE
    if not beside.is_file():
        return UserMapping()
    user = UserMapping.of(beside)
    if path.is_dir():
        return user
    # the mapping speaks of the whole folder, this is one file of it
    key = user.entry(path.name)
    return UserMapping(files={} if key is None else {key: user.files[key]}, everywhere=user.everywhere)


def _with_companions(sources: dict[str, str], path: Path) -> dict[str, str]:
    beside = (path if path.is_dir() else path.parent) / MAPPING_FILE
    return sources | hashes([*([beside] if beside.is_file() else []), *_models_beside(path)])


def _models_beside(path: Path) -> list[Path]:
    """Score models in the folder of the exports: they go into the Workspace with them."""
    return sorted((path if path.is_dir() else path.parent).glob(MODEL_FILES))


def _options(
    *,
    mapping: GivenMapping,
    language: catalog.Language | None,
    timezone: str | None,
    as_of: str | dt.date | None,
) -> dict[str, Any]:
    user = UserMapping.of(mapping)
    day = _day(as_of)
    return {
        "everywhere": dict(user.everywhere),
        "files": {name: [own.object, dict(own.columns)] for name, own in user.files.items()},
        "language": language,
        "timezone": timezone,
        "as_of": None if day is None else day.isoformat(),
    }


def _check_options(language: str | None, timezone: str | None) -> None:
    if language is not None and language not in catalog.LANGUAGES:
        raise WorkbenchError(f"unknown language {language!r}; there are {listing(catalog.LANGUAGES)}.")
    if timezone is not None:
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(timezone)
        except (KeyError, ValueError, OSError) as error:
            raise WorkbenchError(f"unknown time zone {timezone!r}; write it as in 'Europe/Berlin' or 'UTC'.") from error


def _prepare(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        there = {entry.name for entry in home.iterdir() if not entry.name.startswith(".import-")}
    except OSError as error:
        raise WorkbenchError(f"the Workspace cannot be written to {home}: {error.strerror}.") from error
    strange = there - {POINTER, SNAPSHOTS}
    if strange:
        raise WorkbenchError(
            f"{home} holds {listing(sorted(strange))}, it is no Workspace: give an empty or a new folder to import to."
        )
    (home / SNAPSHOTS).mkdir(exist_ok=True)


def _day(as_of: str | dt.date | None) -> dt.datetime | None:
    if as_of is None:
        return None
    try:
        return pd.Timestamp(as_of).to_pydatetime()
    except ValueError as error:
        raise WorkbenchError(f"as_of is {as_of!r}, not a date: write it as in '2026-06-30'.") from error


def _day_in_names(files: Sequence[Path]) -> dt.datetime | None:
    days: list[dt.datetime] = []
    for file in files:
        for found in re.findall(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)", file.name):
            try:
                days.append(dt.datetime.fromisoformat(found))
            except ValueError:
                continue
    return max(days, default=None)


def _modified(files: Sequence[Path]) -> dt.datetime:
    return dt.datetime.fromtimestamp(int(max(file.stat().st_mtime for file in files)))


def _snapshot_name(manifest: Manifest) -> str:
    told = json.dumps([dict(manifest.sources), dict(manifest.options), manifest.version], sort_keys=True)
    return f"{manifest.as_of[:10]}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"


__all__ = ["CODES", "Export", "fingerprint", "load", "read_export"]
