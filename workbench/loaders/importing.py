"""Loading: exports into a Workspace, or one export into a frame."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq

from workbench import __version__, catalog
from workbench.errors import WorkbenchError, listing
from workbench.loaders.collecting import Progress, collect
from workbench.loaders.mapping import MAPPING_FILE, UserMapping
from workbench.loaders.paths import given_path, seen
from workbench.loaders.recognise import check_object
from workbench.loaders.report import LoadReport
from workbench.loaders.unpacking import is_export
from workbench.loaders.values import given_time
from workbench.loaders.workspace import (
    HIDDEN,
    MODEL_FILES,
    MODELS,
    Manifest,
    PrivateFolder,
    Workspace,
    hashes,
    is_whole,
    is_workspace,
    read_pointer,
    to_pandas,
)
from workbench.loaders.writing import alone_in, held_still, in_a_sentence, point_to, write_snapshot

GivenMapping = Mapping[str, Any] | str | os.PathLike[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One export, read: `frame` (pandas), `object` ("contact", "deal", ...) and `report`."""

    frame: pd.DataFrame
    object: str
    report: LoadReport


def load(
    path: str | os.PathLike[str],
    *,
    mapping: GivenMapping = None,
    to: str | os.PathLike[str] | None = None,
    language: catalog.Language | None = None,
    timezone: str | None = None,
    as_of: str | dt.date | None = None,
    companies_by_domain: bool = False,
    progress: Progress | None = None,
) -> Workspace:
    """Load a folder of exports, one export file, or open a Workspace folder.

    Exports are read into a Workspace in the folder `to`, or in a private temporary folder that goes when the
    Workspace does. Subfolders are not read. Importing the same files again with the same options changes nothing.

    `mapping` says which column is which property: a dict, or a YAML file; `mapping.yaml` beside the files is used
    too. `language` ("en", "de", "fr") decides dates and numbers that can be read two ways, where the headers do not
    tell. `timezone` (such as "Europe/Berlin") is the account's: times with an offset are brought to it. `as_of` is
    the day of the export, by default the one in the file names, else the newest time in the data.
    `companies_by_domain` gives contacts without a company the one that has the domain of their e-mail, in a column of
    its own (`company_by_domain`); webmail is left out.

    Raises WorkbenchError where there is nothing to load or a file is no table.
    """
    given = given_path(path)
    if given.is_dir() and is_workspace(given):
        if any(said is not None for said in (to, mapping, language, timezone, as_of)) or companies_by_domain:
            raise WorkbenchError(
                f"{given} is a Workspace: its exports were read already. Open it as it is, without saying how to read "
                "or where to put it; or give the exports themselves."
            )
        return Workspace(given)
    _check_options(language, timezone)
    if progress is not None and not callable(progress):
        raise WorkbenchError(f"progress is {progress!r}: give a function of a share and a text, such as print.")
    files = export_files(given)
    user = UserMapping.of(mapping)
    options = _options(
        user=user, language=language, timezone=timezone, as_of=as_of, companies_by_domain=companies_by_domain
    )
    before = seen(files)
    keeper = None if to is not None else PrivateFolder()
    home = keeper.path if keeper is not None else given_path(to, "to").absolute()
    tell = partial(progress, 0.0) if progress is not None else _say_nothing
    with ThreadPoolExecutor(max_workers=1) as aside:
        sources = aside.submit(lambda: _with_companions(hashes(files), given))
        if is_workspace(home) and _holds(home, sources.result(), options):
            return Workspace(home)
        with alone_in(home, tell) as workplace:
            if is_workspace(home) and _holds(home, sources.result(), options):  # who was waited for did the same
                return Workspace(home)
            snapshot = workplace / "snapshot"
            snapshot.mkdir()
            with held_still(before):
                done = collect(
                    files,
                    user.over(mapping_beside(given)),
                    workplace=workplace,
                    to=snapshot,
                    written=_modified(before),
                    language=language,
                    timezone=timezone,
                    progress=progress,
                    companies_by_domain=companies_by_domain,
                )
                found = sources.result()
            (snapshot / MODELS).mkdir()
            for model in _models_beside(given):
                shutil.copyfile(model, snapshot / MODELS / model.name)
            (snapshot / "report.json").write_text(done.report.to_json(), encoding="utf-8")
            manifest = Manifest(
                sources=found,
                options=options,
                as_of=(_day(as_of) or _day_in_names(files) or done.newest or _modified(before)).isoformat(),
                name=given.resolve().stem if given.is_file() else given.resolve().name,
                version=__version__,
                tables=done.tables,
            )
            name = _snapshot_name(manifest)
            write_snapshot(home, snapshot, manifest, name)
            point_to(home, workplace, name, before=_before(home, name))
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
    given = given_path(path)
    _check_options(language, timezone)
    check_object(object)
    if given.is_dir():
        raise WorkbenchError(f"{given} is a folder: read_export reads one file, load reads a folder.")
    files = export_files(given)
    user = UserMapping.of(mapping).over(mapping_beside(given))
    before, keeper = seen(files), PrivateFolder()
    with in_a_sentence(f"{given.name} cannot be read here"), held_still(before):
        done = collect(
            files,
            user,
            workplace=keeper.path,
            to=keeper.path,
            written=_modified(before),
            language=language,
            timezone=timezone,
            typed=typed,
            object_name=object,
        )
    (table,) = done.tables
    kept = [name for name in pq.read_schema(keeper.path / f"{table}.parquet").names if name not in HIDDEN]
    frame = to_pandas(pq.read_table(keeper.path / f"{table}.parquet", columns=kept, partitioning=None))
    report = LoadReport.from_json(done.report.to_json(), folder=keeper.path, keeper=keeper)
    return Export(frame=frame, object=next(o for o, name in catalog.TABLES.items() if name == table), report=report)


def fingerprint(
    path: Path,
    *,
    mapping: GivenMapping = None,
    language: catalog.Language | None = None,
    timezone: str | None = None,
    as_of: str | dt.date | None = None,
    companies_by_domain: bool = False,
) -> tuple[dict[str, str], dict[str, Any]]:
    """What tells two imports apart: the SHA-256 of each source, and the options."""
    path = given_path(path)
    options = _options(
        user=UserMapping.of(mapping),
        language=language,
        timezone=timezone,
        as_of=as_of,
        companies_by_domain=companies_by_domain,
    )
    return _with_companions(hashes(export_files(path)), path), options


def export_files(path: Path) -> list[Path]:
    """The exports of a folder, or the one file; raises WorkbenchError where there are none."""
    if not path.exists():
        raise WorkbenchError(f"{path} does not exist: give the path of an export file or of a folder of exports.")
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise WorkbenchError(f"{path} is neither a file nor a folder: save what comes out of it as a file.")
    try:
        there = sorted(path.iterdir())
        files = [given_path(entry) for entry in there if is_export(entry) and entry.is_file()]
    except OSError as error:
        raise WorkbenchError(f"the folder {path} cannot be read: {error.strerror}.") from error
    if not files:
        held = listing(entry.name for entry in there)
        raise WorkbenchError(f"the folder {path} has no export (CSV or XLSX) in it; it has {held}.")
    return files


def mapping_beside(path: Path) -> UserMapping:
    """What `mapping.yaml` beside the exports says."""
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
    folder = path if path.is_dir() else path.parent
    found = [file for name in MODEL_FILES for file in sorted(folder.glob(name)) if file.is_file()]
    return [given_path(file) for file in found if file.suffix != ".json" or _is_score(file)]


MOST_SCORE_BYTES = 10_000_000


def _is_score(file: Path) -> bool:
    """Whether a JSON file holds a score of the vendor's: others may lie beside the exports too."""
    try:
        return file.stat().st_size <= MOST_SCORE_BYTES and b'"groupConfigs"' in file.read_bytes()
    except OSError:
        return False


def _options(
    *,
    user: UserMapping,
    language: catalog.Language | None,
    timezone: str | None,
    as_of: str | dt.date | None,
    companies_by_domain: bool,
) -> dict[str, Any]:
    day = _day(as_of)
    return {
        "everywhere": dict(user.everywhere),
        "files": {name: [own.object, dict(own.columns)] for name, own in user.files.items()},
        "language": language,
        "timezone": timezone,
        "as_of": None if day is None else day.isoformat(),
        "companies_by_domain": companies_by_domain,
    }


def _check_options(language: str | None, timezone: str | None) -> None:
    if language is not None and language not in catalog.LANGUAGES:
        raise WorkbenchError(f"unknown language {language!r}; there are {listing(catalog.LANGUAGES)}.")
    if timezone is not None:
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(timezone)
            # DuckDB turns the times, and does not know every file that the system has among its zones
            with duckdb.connect() as connection:
                connection.execute("SELECT timezone(?, TIMESTAMPTZ '2026-01-01 00:00:00+00')", [timezone]).fetchall()
        except (KeyError, ValueError, TypeError, AttributeError, OSError, duckdb.Error) as error:
            raise WorkbenchError(f"unknown time zone {timezone!r}; write it as in 'Europe/Berlin' or 'UTC'.") from error


def _holds(home: Path, sources: Mapping[str, str], options: Mapping[str, Any]) -> bool:
    """Whether the Workspace there was made from just these sources, in just this way."""
    if not is_whole(home):
        return False
    held = Workspace(home).manifest
    return dict(held.sources) == sources and dict(held.options) == options


def _before(home: Path, name: str) -> list[str]:
    """The snapshots to which one goes back who undoes the import of this name, the latest first."""
    try:
        pointer = read_pointer(home) if is_workspace(home) else None
    except WorkbenchError:
        return []
    if pointer is None:
        return []
    last = pointer["snapshot"]
    return [*([last] if last != name and is_whole(home, last) else []), *pointer["before"]]


def _say_nothing(what: str) -> None:
    """For who did not ask to be told."""


def _day(as_of: str | dt.date | None) -> dt.datetime | None:
    return None if as_of is None else given_time(as_of, "as_of")


def _day_in_names(files: Sequence[Path]) -> dt.datetime | None:
    days: list[dt.datetime] = []
    for file in files:
        for found in re.findall(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)", file.name):
            try:
                days.append(dt.datetime.fromisoformat(found))
            except ValueError:
                continue
    return max(days, default=None)


def _modified(files: Mapping[Path, os.stat_result]) -> dt.datetime:
    return dt.datetime.fromtimestamp(int(max(found.st_mtime for found in files.values())))


def _snapshot_name(manifest: Manifest) -> str:
    told = json.dumps([dict(manifest.sources), dict(manifest.options), manifest.version], sort_keys=True)
    return f"{manifest.as_of[:10]}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"


__all__ = ["Export", "fingerprint", "load", "read_export"]
