"""Out of archives: the export files that a packed file holds, each in a folder of its own."""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from lzma import LZMAError
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError, listing
from workbench.loaders.paths import is_full

SHEETS = frozenset({".xlsx", ".xls", ".xlsb", ".ods", ".xlsm"})
TEXTS = frozenset({".csv", ".tsv", ".txt", ".tab"})
PACKED = frozenset({".zip", ".gz", ".zst"})
_MOST_UNPACKED = 1 << 36  # bytes; a packed file that gives more is no export
_MOST_RATIO = 250  # times its packed size; text packs by a factor of 5 to 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file to be read: as the user gave it, or out of an archive."""

    name: str  # with the archives it came in before it
    path: Path
    workplace: Path  # a folder of its own, for what has to be rewritten
    fault: WorkbenchError | None = None  # why it could not be unpacked


def unpacked(path: Path, workplace: Path) -> list[Found]:
    """The export files that a packed file holds, an archive within it too; a file that is not packed itself.

    Each has a folder of its own within `workplace`, so that files of one name do not meet. What cannot be unpacked is
    among them with its fault, which `open_source` raises.
    """
    try:
        return _unpacked(path, path.name, workplace, _Room(path), archives=2)
    except OSError as error:
        if is_full(error):
            raise
        fault = WorkbenchError(f"{path} cannot be read: {error.strerror}.")
    except _TooLargeError as error:
        fault = error
    return [Found(name=path.name, path=path, workplace=workplace, fault=fault)]


class _TooLargeError(WorkbenchError):
    """An archive that would fill the disk."""


class _Room:
    """What a packed file may take on the disk, with all that is packed within it."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self.most = most_unpacked(path.stat().st_size)
        self.n_bytes = 0

    def pour(self, packed: Any, to: Path) -> None:
        with to.open("wb") as written:
            while block := packed.read(1 << 20):
                self.n_bytes += len(block)
                if self.n_bytes > self.most:
                    raise _TooLargeError(
                        f"{self.name} grows to more than {self.most / 1e6:,.0f} MB when it is unpacked, no export "
                        "does: unpack it yourself and load what it holds."
                    )
                written.write(block)


def _unpacked(path: Path, name: str, workplace: Path, room: _Room, *, archives: int) -> list[Found]:
    """What a file holds that is packed at most `archives` times over."""
    workplace.mkdir(parents=True, exist_ok=True)
    kind = path.suffix.lower()
    if kind not in PACKED:
        return [Found(name=name, path=path, workplace=workplace)]

    def inner() -> list[Found]:
        if not archives:
            raise WorkbenchError(f"{name} is an archive within archives: unpack it and load what it holds.")
        if kind == ".zip":
            return _unzipped(path, name, workplace, room, archives=archives - 1)
        import pyarrow as pa

        to = workplace / path.stem
        with pa.input_stream(str(path), compression="gzip" if kind == ".gz" else "zstd") as packed:
            room.pour(packed, to)
        return _unpacked(to, name, workplace / "in", room, archives=archives - 1)

    return _or_fault(inner, name, path, workplace)


_BROKEN = (OSError, zipfile.BadZipFile, zlib.error, LZMAError, EOFError, RuntimeError, ValueError)
"""What reading a broken archive raises."""


def _or_fault(inner: Callable[[], list[Found]], name: str, path: Path, workplace: Path) -> list[Found]:
    """What `inner` finds in a file; where it cannot be unpacked, the file itself with its fault."""
    try:
        return inner()
    except _TooLargeError:
        raise
    except WorkbenchError as error:
        fault = error
    except _BROKEN as error:
        if is_full(error):
            raise
        fault = WorkbenchError(f"{name} cannot be unpacked ({error}): unpack it and load what it holds.")
    return [Found(name=name, path=path, workplace=workplace, fault=fault)]


def _unzipped(path: Path, name: str, workplace: Path, room: _Room, *, archives: int) -> list[Found]:
    with zipfile.ZipFile(path) as archive:

        def of_member(member: zipfile.ZipInfo, inner: str, to: Path) -> list[Found]:
            if member.flag_bits & 1:
                raise WorkbenchError(f"{inner} is protected by a password: unpack it and load what it holds.")
            with archive.open(member) as packed:
                room.pour(packed, to)
            return _unpacked(to, inner, to.parent / "in", room, archives=archives)

        members = [member for member in archive.infolist() if not member.is_dir() and is_export(member.filename)]
        if not members:
            held = listing(member.filename for member in archive.infolist())
            raise WorkbenchError(f"{name} has no export (CSV or XLSX) in it; it has {held}.")
        found: list[Found] = []
        seen: Counter[str] = Counter()
        for number, member in enumerate(members):
            seen[member.filename] += 1
            again = f" ({seen[member.filename]})" if seen[member.filename] > 1 else ""
            inner = name if len(members) == 1 else f"{name}/{member.filename}{again}"
            own = workplace / str(number)
            own.mkdir()
            to = own / Path(member.filename).name
            found += _or_fault(partial(of_member, member, inner, to), inner, to, own)
    return found


def is_export(file: str | Path) -> bool:
    """Whether a file can be an export, by its name: hidden ones and those that a program has open are none."""
    path = Path(file)
    return path.suffix.lower() in SHEETS | TEXTS | PACKED and not path.name.startswith((".", "~$"))


def most_unpacked(packed_size: int) -> int:
    """Bytes that a packed export may have unpacked."""
    return min(_MOST_UNPACKED, max(_MOST_RATIO * packed_size, 1 << 24))
