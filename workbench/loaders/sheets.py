"""A spreadsheet as CSV, read by a process of its own.

A few hundred bytes of a spreadsheet can ask for more memory than there is, and the library that reads them then ends
its process. So that it is not ours, this file is also a program: `sheets.py SPREADSHEET FOLDER`.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_PROTECTED, _BROKEN, _NO_DISK = 3, 4, 5
_MOST_MEMORY = 6 << 30  # bytes; a full sheet of 1,048,576 rows and 28 columns takes about half


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One sheet of a spreadsheet, written as CSV: each row with its number (from 1) before it."""

    name: str
    hidden: bool
    rows: Path
    n_filled: int  # rows that hold something


def write_rows(path: Path, folder: Path) -> list[Sheet]:
    """Write the rows of each sheet that holds anything to a file in `folder`.

    Raises ValueError with a reason where the file is no spreadsheet, PermissionError where it has a password, OSError
    where `folder` cannot be written.
    """
    command = [sys.executable, "-I", __file__, str(path), str(folder)]
    ended = subprocess.run(command, capture_output=True, text=True, errors="replace")  # noqa: S603
    told = ended.stderr.strip()
    if ended.returncode == _PROTECTED:
        raise PermissionError(told)
    if ended.returncode == _NO_DISK:
        number, _, reason = told.partition(" ")
        raise OSError(int(number), reason)
    if ended.returncode:
        raise ValueError(told if ended.returncode == _BROKEN else "it asks for more memory than any export needs")
    return [
        Sheet(name=name, hidden=hidden, rows=Path(rows), n_filled=n_filled)
        for name, hidden, rows, n_filled in json.loads(ended.stdout)
    ]


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        # a number is no text of somebody's: nobody takes the point of 1.2340 for a sign of thousands
        return f"{text}0" if re.fullmatch(r"-?[1-9]\d{0,2}\.\d{3}", text) else text
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, dt.timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
    return "" if value is None else str(value).replace("\x00", "")


def _write(path: str, folder: str) -> None:
    from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

    written: list[tuple[str, bool, str, int]] = []
    with CalamineWorkbook.from_path(path) as book:
        for place, sheet in enumerate(book.sheets_metadata):
            if sheet.typ != SheetTypeEnum.WorkSheet:
                continue
            to = f"{folder}/sheet-{place}.csv"
            n_filled = 0
            with open(to, "w", encoding="utf-8", errors="replace", newline="") as stream:
                write = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_ALL)
                for number, row in enumerate(book.get_sheet_by_name(sheet.name).iter_rows(), start=1):
                    cells = [_cell(cell) for cell in row]
                    n_filled += any(cells)
                    write.writerow([number, *cells])
            if n_filled:
                written.append((sheet.name, sheet.visible != SheetVisibleEnum.Visible, to, n_filled))
    json.dump(written, sys.stdout)


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
