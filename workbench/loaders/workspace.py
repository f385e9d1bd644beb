"""A Workspace: a folder with one Parquet file a table, read a few columns at a time."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workbench import catalog
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.loaders.paths import given_path, sha256
from workbench.loaders.report import LoadReport
from workbench.sql import parquet, quoted

if TYPE_CHECKING:
    from workbench.loaders.importing import GivenMapping
    from workbench.loaders.snapshots import Changes, Snapshot

POINTER = "current.json"
MANIFEST = "manifest.json"
SNAPSHOTS = "snapshots"
MODELS = "models"
MODEL_FILES = "score*.yaml", "*.json"
"""What models are called in a Workspace; the JSON is the vendor's."""
DECISIONS = ".decisions.yaml"
"""How the file of a model's decisions ends; it lies beside the model and is none."""
FORMAT = 1
HIDDEN = ("_file", "_row", "_faults")
"""Columns about the reading of a row; `table(..., columns=[...])` gives them when named."""

Engine = Literal["pandas", "duckdb", "polars", "spark"]

_EMPTY = {
    "number": "float64",
    "duration_ms": "float64",
    "bool": "boolean",
    "date": "datetime64[us]",
    "datetime": "datetime64[us]",
}


class PrivateFolder:
    """A temporary folder that is removed when nothing holds it any more.

    Raises WorkbenchError where none can be made.
    """

    def __init__(self) -> None:
        try:
            self.path = Path(tempfile.mkdtemp(prefix="workbench-"))
        except OSError as error:
            raise WorkbenchError(
                f"no temporary folder can be made ({error.strerror}): set TMPDIR to a folder that can be written."
            ) from error
        self.remove = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a snapshot was made from."""

    sources: Mapping[str, str]  # path relative to the folder that was loaded -> SHA-256
    options: Mapping[str, Any]
    as_of: str
    name: str
    version: str
    tables: Mapping[str, int]  # table -> rows
    format: int = FORMAT


class Workspace:
    """Tables of one account at one time. Made by `load`, opened by `open_workspace`.

    `contacts`, `companies`, `deals`, `tickets`, `activities`, `feedback`, `usage`, `seats`, `spend`,
    `property_history` and `owners` are pandas frames, read when first asked for; a table that was not exported is
    empty.
    """

    def __init__(self, path: Path, *, keeper: PrivateFolder | None = None, snapshot: str | None = None) -> None:
        self.path = path.absolute()
        self._keeper = keeper
        name = read_pointer(path)["snapshot"] if snapshot is None else snapshot
        self._folder = self.path / SNAPSHOTS / name
        self.manifest = _read_manifest(self._folder)

    def __repr__(self) -> str:
        held = ", ".join(f"{rows:,} {name}" for name, rows in self.manifest.tables.items())
        return f"<Workspace {self.name}: {held}>"

    @property
    def name(self) -> str:
        """What the account is called: the name of the folder or file that was loaded."""
        return self.manifest.name

    @property
    def as_of(self) -> dt.datetime:
        """The day of the export: as asked, from the file names, or the newest time in the data."""
        return dt.datetime.fromisoformat(self.manifest.as_of)

    @property
    def folder(self) -> Path:
        """The folder of the snapshot that this is; its files never change."""
        return self._folder

    def reopened(self) -> Workspace:
        """The Workspace as it is now, which another import or a merge may have changed."""
        return Workspace(self.path, keeper=self._keeper)

    def opened_at(self, snapshot: str) -> Workspace:
        """The Workspace as one of its `snapshots` has it, by name. Raises WorkbenchError where there is none."""
        if not _is_name(snapshot) or not (self.path / SNAPSHOTS / snapshot).is_dir():
            there = [one.name for one in self.snapshots]
            raise WorkbenchError(
                f"unknown snapshot {snapshot!r} of {self.name}; there are {listing(there)}."
                + did_you_mean(snapshot, there)
            )
        return Workspace(self.path, keeper=self._keeper, snapshot=snapshot)

    @property
    def snapshots(self) -> list[Snapshot]:
        """The imports that are kept, by day: `name`, `as_of`, `path`, `rows` by table, `is_current`; `open()` gives
        the Workspace as it was then.
        """
        from workbench.loaders.snapshots import snapshots

        return snapshots(self)

    def changes(self, since: str | dt.date | Workspace, *, score: str = "hubspotscore") -> Changes:
        """Who is new, gone or merged, who entered a stage, whose `score` moved: `frame()` and `headline()`.

        Since a day (compared with the last snapshot up to it; without one the export's own dates and property history
        tell), or since another Workspace. Raises WorkbenchError where that is no day before the export's.
        """
        from workbench.loaders.snapshots import changes

        return changes(self, since, score=score)

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that were exported."""
        return tuple(self.manifest.tables)

    @property
    def saved_models(self) -> Path:
        """The folder of models that were saved since the import; the next import leaves it as it is."""
        return self.path / MODELS

    @property
    def model_files(self) -> tuple[Path, ...]:
        """The score models that lay beside the exports (`score*.yaml`, the vendor's JSON), then those saved since."""
        folders = self._folder / MODELS, self.saved_models
        found = [file for folder in folders for name in MODEL_FILES for file in sorted(folder.glob(name))]
        return tuple(file for file in found if not file.name.endswith(DECISIONS))

    @cached_property
    def report(self) -> LoadReport:
        """What was read, mapped, typed and set aside."""
        file = self._folder / "report.json"
        with in_whole(file):
            text = file.read_text(encoding="utf-8")
            report = LoadReport.from_json(text, folder=self._folder, keeper=self._keeper)
        if report.faults is not None:
            _check_ends(report.faults)
        return report

    @cached_property
    def contacts(self) -> pd.DataFrame:
        """One row per contact."""
        return self._frame("contacts")

    @cached_property
    def companies(self) -> pd.DataFrame:
        """One row per company."""
        return self._frame("companies")

    @cached_property
    def deals(self) -> pd.DataFrame:
        """One row per deal."""
        return self._frame("deals")

    @cached_property
    def tickets(self) -> pd.DataFrame:
        """One row per ticket."""
        return self._frame("tickets")

    @cached_property
    def activities(self) -> pd.DataFrame:
        """One row per event, sorted by kind and time."""
        return self._frame("activities")

    @cached_property
    def feedback(self) -> pd.DataFrame:
        """One row per answer to a survey."""
        return self._frame("feedback")

    @cached_property
    def usage(self) -> pd.DataFrame:
        """One row per customer and month."""
        return self._frame("usage")

    @cached_property
    def seats(self) -> pd.DataFrame:
        """One row per customer and month: seats paid for."""
        return self._frame("seats")

    @cached_property
    def spend(self) -> pd.DataFrame:
        """One row per month and source: money spent on it."""
        return self._frame("spend")

    @cached_property
    def property_history(self) -> pd.DataFrame:
        """One row per change of a property of a record."""
        return self._frame("property_history")

    @cached_property
    def owners(self) -> pd.DataFrame:
        """One row per colleague to whom records are assigned."""
        return self._frame("owners")

    @cached_property
    def associations(self) -> pd.DataFrame:
        """One row per pair of records of which one names the other: `from_object`, `from_id`, `to_object`, `to_id`,
        `primary` (the first among several) and `how` ("ids", or "email domain" where `load` was asked for that).

        Objects stand in the order contact, company, deal, ticket, activity, feedback.
        """
        from workbench.loaders.associations import associations_sql

        return to_pandas(self._connection.sql(associations_sql(self)).to_arrow_table())

    def file(self, name: str) -> Path:
        """The Parquet file of a table. Raises WorkbenchError where there is none, or it was cut off."""
        if name not in catalog.TABLES.values():
            raise WorkbenchError(
                f"unknown table {name!r}; the tables are {listing(catalog.TABLES.values(), most=20)}."
                + did_you_mean(name, catalog.TABLES.values())
            )
        if name not in self.tables:
            raise WorkbenchError(
                f"{self.name} has no {name}: no file of them was loaded. There are {listing(self.tables, most=20)}. "
                f"Export the {name} and load them with the rest."
            )
        file = self._folder / f"{name}.parquet"
        _check_ends(file)
        return file

    def columns(self, name: str) -> tuple[str, ...]:
        """Column names of a table; the catalog's where the table was not exported."""
        if name in catalog.TABLES.values() and name not in self.tables:
            return tuple(known.name for known in catalog.properties(_object_of(name)))
        return tuple(column for column in self._stored(name) if column not in HIDDEN)

    def table(self, name: str, columns: Sequence[str] | None = None, engine: Engine = "pandas") -> Any:
        """A table as pandas (DataFrame), DuckDB (relation), Polars (DataFrame) or Spark (DataFrame).

        Only the columns asked for are read. Raises WorkbenchError for an unknown table, column or engine.
        """
        if engine not in ("pandas", "duckdb", "polars", "spark"):
            raise WorkbenchError(f"unknown engine {engine!r}; there are 'pandas', 'duckdb', 'polars' and 'spark'.")
        if engine == "pandas" and name in catalog.TABLES.values() and name not in self.tables:
            frame = self._frame(name)
            return frame if columns is None else frame[self._checked(name, columns)]
        wanted = self._checked(name, columns)
        file = self.file(name)
        if engine == "pandas":
            with in_whole(file):
                read = pq.read_table(file, columns=wanted, partitioning=None)
            return to_pandas(read)
        if engine == "duckdb":
            with in_whole(file):
                return self._connection.sql(f"FROM {parquet(file)}").select(*map(quoted, wanted))
        if engine == "polars":
            import polars

            stored = self._stored(name)
            places = [stored.index(column) for column in wanted]  # a name such as `*` would be a pattern
            with in_whole(file, (OSError, polars.exceptions.PolarsError)):
                return polars.read_parquet(file, columns=places, glob=False)
        plain = re.sub(r"([*?{}\[\]\\])", r"\\\1", str(file))  # no pattern of names
        return _spark().read.parquet(plain).select(*[f"`{column.replace('`', '``')}`" for column in wanted])

    def numbered(self, name: str) -> duckdb.DuckDBPyRelation:
        """A table on DuckDB with all its columns and `file_row_number`, by which rows are found again quickly."""
        file = self.file(name)
        with in_whole(file):
            return self._connection.sql(f"FROM {parquet(file, numbered=True)}")

    def events(self, engine: Engine = "pandas") -> Any:
        """The activities as in `table`; an empty pandas frame where none were exported."""
        return self.table("activities", engine=engine) if "activities" in self.tables else self.activities

    def timeline(self, contact_id: str | int) -> pd.DataFrame:
        """One contact's story, oldest first: `at`, `kind`, `what`, `detail`, `object`, `id`, `value`.

        Creation, stages, changes, activities, deals, tickets and answers to surveys; an id from before records were
        merged will do. Raises WorkbenchError where there is no such contact.
        """
        from workbench.loaders.timeline import timeline

        return timeline(self, re.sub("[\ud800-\udfff]", "\ufffd", str(contact_id)))  # else it is no text to DuckDB

    def is_current(
        self,
        sources: str | os.PathLike[str],
        *,
        mapping: GivenMapping = None,
        language: catalog.Language | None = None,
        timezone: str | None = None,
        as_of: str | dt.date | None = None,
        companies_by_domain: bool = False,
    ) -> bool:
        """Whether loading `sources` with these options would give what is here already."""
        from workbench.loaders.importing import fingerprint

        found = fingerprint(
            given_path(sources, "sources"),
            mapping=mapping,
            language=language,
            timezone=timezone,
            as_of=as_of,
            companies_by_domain=companies_by_domain,
        )
        return found == (dict(self.manifest.sources), dict(self.manifest.options))

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return duckdb.connect()

    def _stored(self, name: str) -> list[str]:
        """All columns of a table's file, those about the reading too."""
        file = self.file(name)
        with in_whole(file):
            names: list[str] = pq.read_schema(file).names
        return names

    def _checked(self, name: str, columns: Sequence[str] | None) -> list[str]:
        there = self.columns(name)
        if columns is None:
            return list(there)
        if isinstance(columns, str) or not isinstance(columns, Iterable) or not (wanted := list(columns)):
            raise WorkbenchError(f"columns is {columns!r}: give a list of names, as in {list(there[:2])}.")
        held = self._stored(name) if name in self.tables else there
        for column in wanted:
            if column not in held:
                raise WorkbenchError(
                    f"unknown column {column!r} of {name}; there are {listing(there)}." + did_you_mean(column, there)
                )
        if len(set(wanted)) < len(wanted):
            twice = next(column for column in wanted if wanted.count(column) > 1)
            raise WorkbenchError(f"the column {twice!r} of {name} was asked for twice: name it once.")
        return wanted

    def _frame(self, name: str) -> pd.DataFrame:
        if name in self.tables:
            frame: pd.DataFrame = self.table(name)
            return frame
        return pd.DataFrame(
            {
                known.name: pd.Series(dtype=_EMPTY.get(known.type, "str"))
                for known in catalog.properties(_object_of(name))
            }
        )


def open_workspace(path: str | os.PathLike[str]) -> Workspace:
    """Open a Workspace folder.

    Raises WorkbenchError where there is none.
    """
    folder = given_path(path)
    if not is_workspace(folder):
        raise WorkbenchError(
            f"{folder} is no Workspace (no {POINTER} in it): load the exports with `workbench import`."
        )
    return Workspace(folder)


def leads_of(
    table: Any, *, as_of: Any, activities: Any, related: Any = None, engine: Engine = "duckdb"
) -> tuple[Any, Any, Any, Any]:
    """The leads, the date, the events and the other tables by name of what a caller gave.

    Of a Workspace they are its own where they were not given: the leads on `engine`, all else on DuckDB. The caller
    keeps `table` while it works: a temporary Workspace takes its files with it.
    """
    if not isinstance(table, Workspace):
        return table, as_of, activities, related
    return (
        table.contacts if engine == "pandas" else table.table("contacts", engine=engine),
        table.as_of if as_of is None else as_of,
        table.events(engine="duckdb") if activities is None else activities,
        partial(table.table, engine="duckdb") if related is None else related,
    )


def is_workspace(path: Path) -> bool:
    """Whether a folder holds a Workspace. Raises WorkbenchError where that cannot be seen."""
    try:
        return (given_path(path) / POINTER).is_file()
    except OSError as error:
        raise WorkbenchError(f"the folder {path} cannot be read: {error.strerror}.") from error


def is_whole(path: Path, snapshot: str | None = None) -> bool:
    """Whether a Workspace, or one of its snapshots, can be opened and has all that its manifest speaks of."""
    try:
        there = Workspace(path, snapshot=snapshot)
        for name, n_rows in there.manifest.tables.items():
            file = there.file(name)
            with in_whole(file):
                if pq.read_metadata(file).num_rows != n_rows:
                    return False
        return there.report is not None
    except WorkbenchError:
        return False


_DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, duckdb.Error)


@contextmanager
def in_whole(file: Path, errors: tuple[type[Exception], ...] = _DAMAGE) -> Iterator[None]:
    """Raises WorkbenchError where what is read of a Workspace's file shows that it is gone, cut off or damaged."""
    try:
        yield
    except errors as error:
        raise _broken(file, getattr(error, "strerror", None) or "it is damaged") from error


def _check_ends(file: Path) -> None:
    """Raises WorkbenchError where a Parquet file is not there, or was not written to its end."""
    with in_whole(file), file.open("rb") as stream:
        n_bytes = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, n_bytes - 4))
        if stream.read() != b"PAR1":
            raise _broken(file, "it is cut off" if n_bytes else "it is empty")


def _broken(file: Path, how: str) -> WorkbenchError:
    return WorkbenchError(f"{file} cannot be read ({how}): import the exports again.")


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """A table with the canonical column types: str, float64, boolean, datetime64[us]."""
    booleans = {pa.bool_(): pd.BooleanDtype()}
    frame: pd.DataFrame = table.to_pandas(types_mapper=booleans.get)
    texts = {
        field.name: "str"
        for field in table.schema
        if (pa.types.is_string(field.type) or pa.types.is_null(field.type)) and frame[field.name].dtype != "str"
    }
    return frame.astype(texts) if texts else frame


def needs_workspace(given: object) -> None:
    """Raises WorkbenchError where something else than a Workspace came, such as its path."""
    if not isinstance(given, Workspace):
        raise WorkbenchError(
            f"a Workspace is needed, but a {type(given).__name__} came; wb.load(path) gives the Workspace of a folder."
        )


def read_pointer(path: Path) -> dict[str, Any]:
    """Which `snapshot` of a Workspace's folder is the current one, and which were it `before`, the latest first."""
    try:
        pointer: dict[str, Any] = json.loads((path / POINTER).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WorkbenchError(
            f"{path} is no Workspace: {POINTER} cannot be read ({error}): import the exports again."
        ) from error
    if isinstance(pointer, dict) and pointer.get("format", FORMAT) != FORMAT:
        raise WorkbenchError(f"{path} was written by another version of the workbench: import the exports again.")
    before = (pointer.get("before") or []) if isinstance(pointer, dict) else []
    before = [before] if isinstance(before, str) else before  # older imports named the last one alone, or none
    if not (isinstance(pointer, dict) and isinstance(before, list) and all(map(_is_name, before))) or not _is_name(
        pointer.get("snapshot")
    ):
        raise WorkbenchError(f"{path} is no Workspace: {POINTER} names no snapshot in it: import the exports again.")
    return pointer | {"before": before}


def _is_name(given: object) -> bool:
    """Whether it can be the name of a snapshot: one that leads nowhere else."""
    return isinstance(given, str) and given not in ("", ".", "..") and not set("/\\\0") & set(given)


def _read_manifest(folder: Path) -> Manifest:
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if isinstance(told, dict) and told.get("format", FORMAT) != FORMAT:
            raise WorkbenchError(f"{folder} was written by another version of the workbench: import the exports again.")
        manifest = Manifest(**told)
        dt.datetime.fromisoformat(manifest.as_of)
        for held in (manifest.sources, manifest.options, manifest.tables):
            if not isinstance(held, dict):
                raise TypeError(f"{held!r} is no object")
        if not isinstance(manifest.name, str) or not all(isinstance(n, int) for n in manifest.tables.values()):
            raise TypeError("its name or its rows have another type")
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise WorkbenchError(f"the snapshot {folder} cannot be read ({error}): import the exports again.") from error
    return manifest


def _object_of(table: str) -> str:
    return next(name for name, plural in catalog.TABLES.items() if plural == table)


def _spark() -> Any:
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise WorkbenchError("Spark is not installed: pip install 'revops-workbench[spark]'.") from error
    return SparkSession.builder.getOrCreate()


def hashes(files: Iterable[Path]) -> dict[str, str]:
    """Name to SHA-256 of each file."""
    return {file.name: sha256(file) for file in files}
