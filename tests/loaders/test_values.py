"""How cells are read: dates, numbers, ids and options, also where the first 2,000 rows do not tell it."""

import csv
from pathlib import Path

import pandas as pd
import pytest

import workbench.loaders as loaders

BLANK = None


def read(folder: Path, header: str, values, *, delimiter: str = ",", ids: str = "Record ID", **options):
    """An export of one column: the values that come back and the faults as (code, value)."""
    path = folder / "contacts.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        write = csv.writer(stream, delimiter=delimiter)
        write.writerow([ids, "Email", header])
        write.writerows([number, f"a{number}@one.example", value] for number, value in enumerate(values))
    one = loaders.read_export(path, **options)
    assert one.report.rows_read == one.report.rows_loaded + one.report.rows_set_aside
    (name,) = set(one.frame.columns) - {"hs_object_id", "email"}
    faults = one.report.frame()[["code", "value"]].to_numpy().tolist()
    return [BLANK if pd.isna(value) else value for value in one.frame[name]], [tuple(fault) for fault in faults]


def times(*texts):
    return [pd.Timestamp(text) if text else BLANK for text in texts]


LATE = 2_100  # rows, more than are looked at first


@pytest.mark.parametrize("first", ["2025-03-04 10:00", ""])
@pytest.mark.parametrize(("timezone", "clock"), [(None, "08:00"), ("America/New_York", "03:00")])
def test_an_offset_far_below_is_not_dropped(tmp_path, first, timezone, clock):
    values, faults = read(tmp_path, "Create Date", [first] * LATE + ["2025-03-04T10:00:00+02:00"], timezone=timezone)
    assert values[-1] == pd.Timestamp(f"2025-03-04 {clock}")
    assert values[0] == (pd.Timestamp("2025-03-04 10:00") if first else BLANK)
    assert faults == []


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2025-03-04T10:00:00+02", "08:00"),
        ("2025-03-04T10:00+02", "08:00"),
        ("2025-03-04T10:00:00+0200", "08:00"),
        ("2025-03-04 10:00:00 +0200", "08:00"),
        ("2025-03-04 10:00:00 UTC", "10:00"),
        ("2025-03-04 10:00:00 Europe/Berlin", "09:00"),
        ("2025-03-04T9:00:00Z", "09:00"),
        ("2025-03-04T1:00Z", "01:00"),
        ("2025-3-4 9:00+02:00", "07:00"),
        ("2025-03-04T10:00:00.250Z", "10:00:00.25"),
    ],
)
@pytest.mark.parametrize("n_before", [0, 1, LATE])
def test_an_offset_is_understood_however_it_is_written(tmp_path, text, utc, n_before):
    plain = ["2025-03-04T11:00:00Z"] * (n_before == 1) + ["2025-03-04 11:00"] * n_before
    values, faults = read(tmp_path, "Create Date", [*plain, text])
    assert values == times(*["2025-03-04 11:00"] * len(plain), f"2025-03-04 {utc}")
    assert faults == []


def test_halves_of_the_day_and_fractions_of_a_second_count_in_dates_that_begin_with_the_year(tmp_path):
    texts = ["2025-03-04 10:00 PM", "2025-03-04 9:30", "2025-03-04 10:00:00.1234567", " 2025-03-04 "]
    values, faults = read(tmp_path, "Create Date", texts)
    assert values == times("2025-03-04 22:00", "2025-03-04 09:30", "2025-03-04 10:00:00.123456", "2025-03-04")
    assert faults == []


@pytest.mark.parametrize("day", ["2025-03-04", "04.03.2025", "2025-03-04T00:00:00Z"])
def test_a_word_is_no_date(tmp_path, day):
    values, faults = read(tmp_path, "Close Date", [day, "epoch", "infinity", " epoch"])
    assert values == times("2025-03-04", "", "", "")
    assert faults == [("L004", "epoch"), ("L004", "infinity"), ("L004", " epoch")]


def test_points_and_strokes_have_an_order_of_day_and_month_each(tmp_path):
    values, faults = read(tmp_path, "Close Date", ["04.10.2013", "12/27/2016", "05/30/2022", "06/28/2022"])
    assert values == times("2013-10-04", "2016-12-27", "2022-05-30", "2022-06-28")
    assert faults == []


def test_points_far_below_do_not_turn_the_order_of_strokes(tmp_path):
    values, faults = read(tmp_path, "Close Date", ["12/31/2024", "03/04/2025"] * 1_100 + ["04.10.2024", "25.11.2024"])
    assert values == times(*["2024-12-31", "2025-03-04"] * 1_100, "2024-10-04", "2024-11-25")
    assert faults == []


def test_years_of_two_and_of_four_digits_stand_in_one_column(tmp_path):
    values, faults = read(
        tmp_path, "Close Date", ["13.02.25", "14.02.2025", "15.02.25 10:00", "2025-03-04", "31-12-25"]
    )
    assert values == times("2025-02-13", "2025-02-14", "2025-02-15 10:00", "2025-03-04", "2025-12-31")
    assert faults == []


@pytest.mark.parametrize("timezone", [None, "America/New_York", "Asia/Tokyo"])
def test_a_month_is_the_written_one_wherever_the_clock_was_read(tmp_path, timezone):
    (tmp_path / "usage.csv").write_text(
        "Customer ID,Month,Website visitors\n"
        "1,2025-03-01T00:00:00Z,5\n2,2025-03-01T00:00:00+02:00,6\n3,1740787200000,7\n4,2025-03,8\n"
    )
    one = loaders.read_export(tmp_path / "usage.csv", timezone=timezone)
    assert one.frame["month"].tolist() == times(*["2025-03-01"] * 4)
    assert len(one.report.frame()) == 0
