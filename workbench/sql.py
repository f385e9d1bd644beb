"""Names, texts and files as SQL takes them."""

from __future__ import annotations

import re
from pathlib import Path


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def sql_text(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def sql_path(file: Path) -> str:
    """A file to read as an SQL literal: DuckDB would take `report[1].csv` for a pattern of names."""
    return sql_text(re.sub(r"([*?\[])", r"[\1]", str(file)))


def parquet(*files: Path, numbered: bool = False) -> str:
    """SQL: the rows of Parquet files, with their place (`file_row_number`) where they are `numbered`.

    A folder called `client=one` on their way is no column.
    """
    listed = ", ".join(map(sql_path, files))
    return f"read_parquet([{listed}], hive_partitioning = false{', file_row_number = true' * numbered})"
