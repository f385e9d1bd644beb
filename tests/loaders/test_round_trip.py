"""Any table, written in any dialect, comes back the same."""

import csv
import datetime as dt
import io
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import workbench.loaders as loaders
from workbench import catalog
from workbench.errors import WorkbenchError

HEADERS = ("Record ID", "First Name", "Company Name", "Create Date", "Annual Revenue", "Unsubscribed from all email")
NAMES = ("hs_object_id", "firstname", "company", "createdate", "annualrevenue", "hs_email_optout")


def is_whole(text: str) -> bool:
    """Neither a word for a blank nor a text that is put right because it was decoded wrongly."""
    if text in catalog.NULL_WORDS:
        return False
    try:
        text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return True
    return text.isascii()


def texts(alphabet: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=1, max_size=12).filter(is_whole)


ANY = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufeff") | st.sampled_from("\t\r\n\"',;")
WESTERN = st.sampled_from("abcXYZ 019äöüßéèçñÀ€„“’,;|\t\"'\\=+-@\n").map(str)
MOMENTS = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2199, 12, 31)).map(
    lambda moment: moment.replace(second=0, microsecond=0)
)
AMOUNTS = st.integers(-(10**12), 10**12).map(lambda cents: cents / 100)


@st.composite
def tables(draw: st.DrawFn, alphabet: st.SearchStrategy[str]) -> list[list[Any]]:
    cell = st.one_of(st.none(), texts(alphabet))
    row = st.tuples(cell, cell, st.none() | MOMENTS, st.none() | AMOUNTS, st.none() | st.booleans())
    rows = draw(st.lists(row, min_size=1, max_size=8))
    return [[str(1000 + number), *cells] for number, cells in enumerate(rows)]


def written(table: list[list[Any]], day: str, decimal: str, yes: str, no: str, **dialect: Any) -> str:
    to = io.StringIO(newline="")
    write = csv.writer(to, **dialect)
    write.writerow(HEADERS)
    for record, first, company, moment, amount, flag in table:
        write.writerow(
            [
                record,
                first,
                company,
                None if moment is None else moment.strftime(day),
                None if amount is None else f"{amount:.2f}".replace(".", decimal),
                None if flag is None else yes if flag else no,
            ]
        )
    return to.getvalue()


def comes_back(table: list[list[Any]], text: str, encoding: str, *, set_aside: int = 0, **options: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "contacts.csv"
        path.write_bytes(text.encode(encoding))
        one = loaders.read_export(path, **options)
    got = [[None if pd.isna(value) else value for value in one.frame[name].astype(object)] for name in NAMES]
    expected = [list(column) for column in zip(*table, strict=True)]
    assert got == expected
    assert (one.report.rows_loaded, one.report.rows_set_aside) == (len(table), set_aside)


@settings(max_examples=40, deadline=None)
@given(
    table=tables(ANY),
    delimiter=st.sampled_from(",;\t|"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    day=st.sampled_from(["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%SZ"]),
)
def test_any_table_in_any_dialect_of_unicode_comes_back(table, delimiter, quoting, end, encoding, day):
    # the writer leaves a carriage return unquoted where lines end otherwise, and then it ends a line
    assume(quoting == csv.QUOTE_ALL or not any("\r" in (cell or "") for row in table for cell in row[1:3]))
    text = written(table, day, ".", "true", "false", delimiter=delimiter, quoting=quoting, lineterminator=end)
    comes_back(table, text, encoding)


@settings(max_examples=40, deadline=None)
@given(table=tables(ANY), quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), place=st.integers(0, 8))
def test_any_table_with_a_row_at_fault_comes_back_without_that_row(table, quoting, place):
    assume(quoting == csv.QUOTE_ALL or not any("\r" in (cell or "") for row in table for cell in row[1:3]))
    head = written(table[:place], "%Y-%m-%d %H:%M", ".", "true", "false", delimiter=",", quoting=quoting)
    whole = written(table, "%Y-%m-%d %H:%M", ".", "true", "false", delimiter=",", quoting=quoting)
    text = head + "9,a,b,c,d,e,one too many\r\n" + whole.removeprefix(head)
    comes_back(table, text, "utf-8", set_aside=1)


@settings(max_examples=25, deadline=None)
@given(
    table=tables(WESTERN),
    delimiter=st.sampled_from(";\t"),
    day=st.sampled_from(["%d.%m.%Y %H:%M", "%Y-%m-%d %H:%M"]),
    words=st.sampled_from([("ja", "nein"), ("Wahr", "Falsch"), ("oui", "non")]),
)
def test_any_western_table_of_a_spreadsheet_comes_back(table, delimiter, day, words):
    text = written(table, day, ",", *words, delimiter=delimiter, lineterminator="\r\n")
    comes_back(table, text, "cp1252", language="de")


@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=400) | st.text(max_size=200).map(lambda text: ("Record ID,Email\n" + text).encode()))
def test_whatever_the_bytes_the_reader_returns_or_says_what_is_wrong(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "contacts.csv"
        path.write_bytes(content)
        try:
            report = loaders.read_export(path).report
        except WorkbenchError:
            return
        assert report.rows_read == report.rows_loaded + report.rows_set_aside
        assert len(report.frame()) == sum(report.counts.values())


@pytest.mark.parametrize("suffix", [".xlsx", ".ods", ".xls", ".zip", ".gz", ".zst"])
@settings(max_examples=15, deadline=None)
@given(content=st.binary(min_size=1, max_size=300))
def test_bytes_under_the_name_of_a_packed_file_end_in_a_sentence(suffix, content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"contacts{suffix}"
        path.write_bytes(content)
        with pytest.raises(WorkbenchError):
            loaders.read_export(path)
