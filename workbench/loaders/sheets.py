"""A spreadsheet as CSV, read by a process of its own.

A few hundred bytes of a spreadsheet can ask for more memory than there is, and the library that reads them then ends
its process. So that it is not ours, this file is also a program: `sheets.py SPREADSHEET CSV`.
"""

from __future__ import annotations

import csv
import datetime as dt
import subprocess
import sys
from pathlib import Path

_PROTECTED, _BROKEN, _NO_DISK = 3, 4, 5
_MOST_MEMORY = 6 << 30  # bytes; a full sheet of 1,048,576 rows and 28 columns takes about half


def write_rows(path: Path, to: Path) -> None:
    """Write the rows of the first sheet that has more than one to `to`: each with its number (from 1) before it.

    Raises ValueError with a reason where the file is no spreadsheet, PermissionError where it has a password, OSError
    where `to` cannot be written.
    """
    command = [sys.executable, "-I", __file__, str(path), str(to)]
    ended = subprocess.run(command, capture_output=True, text=True, errors="replace")  # noqa: S603
    told = ended.stderr.strip()
    if ended.returncode == _PROTECTED:
        raise PermissionError(told)
    if ended.returncode == _NO_DISK:
        number, _, reason = told.partition(" ")
        raise OSError(int(number), reason)
    if ended.returncode:
        raise ValueError(told if ended.returncode == _BROKEN else "it asks for more memory than any export needs")


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, dt.timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
    return "" if value is None else str(value).replace("\x00", "")


def _write(path: str, to: str) -> None:
    from python_calamine import CalamineWorkbook

    with CalamineWorkbook.from_path(path) as book:
        for sheet in book.sheet_names:
            n_filled = 0
            with open(to, "w", encoding="utf-8", errors="replace", newline="") as stream:
                write = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
                for number, row in enumerate(book.get_sheet_by_name(sheet).iter_rows(), start=1):
                    cells = [_cell(cell) for cell in row]
                    n_filled += any(cells)
                    write.writerow([number, *cells])
            if n_filled > 1:
                break


def _main() -> int:
    try:
        import resource
    except ImportError:  # Windows, where a process has no such bound
        pass
    else:
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    from python_calamine import CalamineError, PasswordError

    try:
        _write(*sys.argv[1:])
    except PasswordError:
        return _PROTECTED
    except CalamineError as error:
        sys.stderr.write(str(error))
        return _BROKEN
    except OSError as error:
        sys.stderr.write(f"{error.errno or 0} {error.strerror}" if error.filename or error.errno else str(error))
        return _NO_DISK if error.errno else _BROKEN
    except (ValueError, KeyError, OverflowError) as error:
        sys.stderr.write(str(error))
        return _BROKEN
    return 0


if __name__ == "__main__":
    sys.exit(_main())
