"""Writing into a Workspace's folder: one import at a time, all of it or nothing, whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

import duckdb

from workbench.errors import WorkbenchError, listing
from workbench.loaders.paths import is_full
from workbench.loaders.workspace import (
    FORMAT,
    MANIFEST,
    POINTER,
    SNAPSHOTS,
    Manifest,
    Workspace,
    is_whole,
    is_workspace,
)

LOCK = ".lock"
_WORKPLACE = ".import-"
_FULL_WORDS = ("no space left", "disk quota", "file too large", "max_temp_directory_size")


@contextmanager
def alone_in(home: Path, tell: Callable[[str], None]) -> Iterator[Path]:
    """A workplace in the folder of a Workspace, into which no other import writes meanwhile.

    Where another one is at work there, says so by `tell` and waits. What a killed import has left behind is removed
    first. Where this one fails and there was no Workspace before, so is all that it made.

    Raises WorkbenchError where the folder cannot be written or holds other things, or the disk is full.
    """
    made = [folder for folder in (home, *home.parents) if not folder.exists()]
    with in_a_sentence(f"the Workspace cannot be written to {home}"):
        home.mkdir(parents=True, exist_ok=True)
        strange = {entry.name for entry in home.iterdir()} - {SNAPSHOTS, LOCK}
        strange = {name for name in strange if not name.startswith(_WORKPLACE)}
        if strange and not is_workspace(home):
            raise WorkbenchError(
                f"{home} holds {listing(sorted(strange))}, it is no Workspace: give an empty or a new folder to "
                "import to."
            )
        try:
            with _locked(home, tell):
                for left in home.glob(f"{_WORKPLACE}*"):
                    shutil.rmtree(left, ignore_errors=True)
                (home / SNAPSHOTS).mkdir(exist_ok=True)
                workplace = Path(tempfile.mkdtemp(prefix=_WORKPLACE, dir=home))
                try:
                    yield workplace
                finally:
                    shutil.rmtree(workplace, ignore_errors=True)
                    if not is_workspace(home):
                        _remove_traces(home)
        finally:
            if made and not is_workspace(home):
                with suppress(OSError):
                    for folder in made:
                        folder.rmdir()


@contextmanager
def held_still(seen: Mapping[Path, os.stat_result]) -> Iterator[None]:
    """Raises WorkbenchError where one of the files is another one at the end than it was when it was seen."""
    try:
        yield
    finally:
        for file, found in seen.items():
            if not _is_the_same(file, found):
                raise WorkbenchError(
                    f"{file.name} changed while it was read: import again when nothing writes to it any more."
                )


@contextmanager
def in_a_sentence(what: str) -> Iterator[None]:
    """What the system refuses, a full disk most of all, as a WorkbenchError that begins with `what`."""
    try:
        yield
    except (OSError, duckdb.Error) as error:
        told = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
        if is_full(error) or any(word in str(error).lower() for word in _FULL_WORDS):
            told = "there is no room left; make room, or import to another disk"
        raise WorkbenchError(f"{what}: {told}. Nothing was changed.") from error


def write_snapshot(home: Path, folder: Path, manifest: Manifest, name: str) -> None:
    """Put a finished folder in place as one of the Workspace's snapshots, at one stroke. Nothing points to it yet.

    Where the same import was made before and is still whole, that one stays.
    """
    (folder / MANIFEST).write_text(json.dumps(asdict(manifest), ensure_ascii=False, indent=1), encoding="utf-8")
    place = home / SNAPSHOTS / name
    if is_whole(home, name):
        return
    if place.exists():
        os.replace(place, folder.with_name("broken"))  # goes with the workplace
    os.replace(folder, place)


def point_to(home: Path, workplace: Path, name: str, *, before: Sequence[str] = ()) -> None:
    """Make one of the snapshots that are there the current one, at one stroke.

    `before` are those to which `undo_import` goes back, the latest first.
    """
    pointer = workplace / POINTER
    pointer.write_text(json.dumps({"snapshot": name, "before": list(before), "format": FORMAT}), encoding="utf-8")
    os.replace(pointer, home / POINTER)


def check_current(workspace: Workspace) -> None:
    """Raises WorkbenchError where another import or a merge has changed what a Workspace's folder holds."""
    if not is_workspace(workspace.path) or workspace.reopened().folder != workspace.folder:
        raise WorkbenchError(f"{workspace.name} was changed since it was opened: open {workspace.path} again.")


@contextmanager
def _locked(home: Path, tell: Callable[[str], None]) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(home / LOCK)  # the system lets go of it when its holder dies
    try:
        lock.acquire(timeout=0)
    except Timeout:
        tell(f"waiting for another import into {home} to end")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _remove_traces(home: Path) -> None:
    with suppress(OSError):
        (home / SNAPSHOTS).rmdir()
        (home / LOCK).unlink()


def _is_the_same(file: Path, found: os.stat_result) -> bool:
    try:
        now = file.stat()
    except OSError:
        return False
    return (now.st_ino, now.st_size, now.st_mtime_ns) == (found.st_ino, found.st_size, found.st_mtime_ns)
