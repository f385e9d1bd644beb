"""Paths that a caller gave, and what the system says of files."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from workbench.errors import WorkbenchError


def given_path(given: object, called: str = "path") -> Path:
    """A path that a caller gave; whether something is there can be asked.

    Raises WorkbenchError, in which it is `called` so, where it is no path or the system does not answer.
    """
    if not isinstance(given, (str, os.PathLike)):
        raise WorkbenchError(f"{called} is {given!r}, not a path: give the name of a file or folder.")
    path = Path(os.fsdecode(given))
    try:
        absolute = path.absolute()
    except OSError as error:
        raise WorkbenchError(
            f"{called} is {str(path)!r}, but the folder this runs in is gone: go to another."
        ) from error
    try:
        str(absolute).encode()
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except UnicodeEncodeError as error:
        shown = re.sub("[\ud800-\udfff]", "\ufffd", str(path))
        raise WorkbenchError(
            f"the name of {shown} is not UTF-8 (\ufffd stands for what is no letter): rename it and try again."
        ) from error
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or str(error)
        raise WorkbenchError(f"{called} is {str(path)!r}, which cannot be looked at: {told}.") from error
    return path


def seen(files: Iterable[Path]) -> dict[Path, os.stat_result]:
    """What the system says of each file, before it is read.

    Raises WorkbenchError where one cannot be read.
    """
    found = {}
    for file in files:
        try:
            with file.open("rb") as stream:
                found[file] = os.fstat(stream.fileno())
        except OSError as error:
            raise WorkbenchError(f"{file} cannot be read: {error.strerror}.") from error
    return found


def sha256(path: Path) -> str:
    """The SHA-256 of a file, as hexadecimal text. Raises WorkbenchError where it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise WorkbenchError(f"{path} cannot be read: {error.strerror}.") from error


def is_full(error: Exception) -> bool:
    """Whether there was no room to write: that is no fault of the file that is read."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
