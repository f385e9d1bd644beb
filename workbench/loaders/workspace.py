"""A Workspace: a folder with one Parquet file a table, read a few columns at a time."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from workbench import catalog
from workbench.errors import WorkbenchError, did_you_mean, listing
from workbench.loaders.report import LoadReport
from workbench.loaders.sources import sha256

if TYPE_CHECKING:
    import duckdb

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
    """A temporary folder that is removed when nothing holds it any more."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="workbench-"))
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
        self.path = path
        self._keeper = keeper
        self._folder = _current(path) if snapshot is None else path / SNAPSHOTS / snapshot
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
        """The Workspace as one of its `snapshots` has it, by name."""
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
        text = (self._folder / "report.json").read_text(encoding="utf-8")
        return LoadReport.from_json(text, folder=self._folder, keeper=self._keeper)

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
        """The Parquet file of a table."""
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
        return self._folder / f"{name}.parquet"

    def columns(self, name: str) -> tuple[str, ...]:
        """Column names of a table; the catalog's where the table was not exported."""
        if name in catalog.TABLES.values() and name not in self.tables:
            return tuple(known.name for known in catalog.properties(_object_of(name)))
        return tuple(column for column in pq.read_schema(self.file(name)).names if column not in HIDDEN)

    def table(self, name: str, columns: Sequence[str] | None = None, engine: Engine = "pandas") -> Any:
        """A table as pandas (DataFrame), DuckDB (relation), Polars (DataFrame) or Spark (DataFrame).

        Only the columns asked for are read. Raises WorkbenchError for an unknown table, column or engine.
        """
        if engine not in ("pandas", "duckdb", "polars", "spark"):
            raise WorkbenchError(f"unknown engine {engine!r}; there are 'pandas', 'duckdb', 'polars' and 'spark'.")
        if engine == "pandas" and name in catalog.TABLES.values() and name not in self.tables:
            frame = self._frame(name)
            return frame if columns is None else frame[self._checked(name, columns)]
        file = self.file(name)
        wanted = self._checked(name, columns)
        if engine == "pandas":
            return to_pandas(pq.read_table(file, columns=wanted, partitioning=None))
        if engine == "duckdb":
            return self._connection.read_parquet(str(file)).select(
                *[f'"{column.replace(chr(34), chr(34) * 2)}"' for column in wanted]
            )
        if engine == "polars":
            import polars

            return polars.read_parquet(file, columns=wanted)
        return _spark().read.parquet(str(file)).select(*[f"`{column.replace('`', '``')}`" for column in wanted])

    def numbered(self, name: str) -> duckdb.DuckDBPyRelation:
        """A table on DuckDB with all its columns and `file_row_number`, by which rows are found again quickly."""
        return self._connection.read_parquet(str(self.file(name)), file_row_number=True)

    def events(self, engine: Engine = "pandas") -> Any:
        """The activities as in `table`; an empty pandas frame where none were exported."""
        return self.table("activities", engine=engine) if "activities" in self.tables else self.activities

    def timeline(self, contact_id: str | int) -> pd.DataFrame:
        """One contact's story, oldest first: `at`, `kind`, `what`, `detail`, `object`, `id`, `value`.

        Creation, stages, changes, activities, deals, tickets and answers to surveys; an id from before records were
        merged will do. Raises WorkbenchError where there is no such contact.
        """
        from workbench.loaders.timeline import timeline

        return timeline(self, contact_id)

    def is_current(self, sources: str | os.PathLike[str], **options: Any) -> bool:
        """Whether loading `sources` with these options would give what is here already."""
        from workbench.loaders.importing import fingerprint

        return fingerprint(Path(sources), **options) == (dict(self.manifest.sources), dict(self.manifest.options))

    @cached_property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        import duckdb

        return duckdb.connect()

    def _checked(self, name: str, columns: Sequence[str] | None) -> list[str]:
        there = self.columns(name)
        if columns is None:
            return list(there)
        for column in columns:
            if column not in there and column not in HIDDEN:
                raise WorkbenchError(
                    f"unknown column {column!r} of {name}; there are {listing(there)}." + did_you_mean(column, there)
                )
        return list(columns)

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
    folder = Path(path)
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
    """Whether a folder holds a Workspace."""
    return (path / POINTER).is_file()


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
    except (OSError, ValueError) as error:
        raise WorkbenchError(f"{path} is no Workspace: {POINTER} cannot be read ({error}).") from error
    if pointer["format"] != FORMAT:
        raise WorkbenchError(f"{path} was written by another version of the workbench: import the exports again.")
    before = pointer.get("before") or []  # older imports named the last one alone, or none
    return pointer | {"before": [before] if isinstance(before, str) else before}


def _current(path: Path) -> Path:
    return path / SNAPSHOTS / str(read_pointer(path)["snapshot"])


def _read_manifest(folder: Path) -> Manifest:
    try:
        return Manifest(**json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise WorkbenchError(f"the snapshot {folder} cannot be read ({error}): import the exports again.") from error


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
