"""One small file a trouble, each with the exact table and report that loading it gives.

`x.csv.expected.json` beside `x.csv` says what the trouble is, the options of `read_export`, and what comes back: each
column with its type and values, each fault with row, column, code and value, the counts, and how the file was written.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import workbench.loaders as loaders

CORPUS = Path(__file__).parents[1] / "data" / "dialects"
EXPECTED = sorted(CORPUS.glob("*.expected.json"))
COUNTS = ("rows_read", "rows_loaded", "rows_set_aside", "rows_merged")
WRITTEN = ("format", "delimiter", "quote", "encoding", "header_row")


def plain(value: Any) -> Any:
    if value is None or pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat(sep=" ")
    return value.item() if hasattr(value, "item") else value


@pytest.mark.parametrize("path", EXPECTED, ids=lambda path: path.name.removesuffix(".expected.json"))
def test_a_troubled_file_gives_the_expected_table_and_report(path):
    expected = json.loads(path.read_text(encoding="utf-8"))
    one = loaders.read_export(path.with_name(path.name.removesuffix(".expected.json")), **expected["options"])
    (file,) = one.report.files.to_dict("records")
    assert one.object == expected["object"]
    assert {name: [str(one.frame[name].dtype), *map(plain, one.frame[name])] for name in one.frame} == expected["table"]
    faults = one.report.frame()[["row", "column", "code", "value"]].to_numpy().tolist()
    assert faults == expected["faults"]
    assert {name: file[name] for name in COUNTS} == expected["rows"]
    assert {name: file[name] for name in WRITTEN} == expected["file"]
    assert one.report.rows_read == one.report.rows_loaded + one.report.rows_set_aside


def test_every_file_of_the_corpus_has_its_expectation_and_every_expectation_its_file():
    files = {path.name for path in CORPUS.iterdir() if not path.name.endswith((".expected.json", ".gitattributes"))}
    assert files == {path.name.removesuffix(".expected.json") for path in EXPECTED}
    assert len(files) >= 40
