"""How cells are read: dates, numbers, ids and options, also where the first 2,000 rows do not tell it."""

import csv
from pathlib import Path

import pandas as pd
import pytest
import xlsxwriter

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


@pytest.mark.parametrize("header", ["Jahresumsatz", "Eigene Zahl"])
@pytest.mark.parametrize("first", [["5"] * LATE, [""] * LATE, ["5"] * 5])
def test_whole_numbers_do_not_tell_what_a_point_means(tmp_path, header, first):
    values, faults = read(
        tmp_path, header, [*first, "1.234", "2.500"], delimiter=";", ids="Datensatz-ID", language="de"
    )
    assert values[-2:] == [1234.0, 2500.0]
    assert faults == [("L015", header)]


def test_one_number_tells_it_for_those_above_and_below_it(tmp_path):
    late = ["1.234", "1.234,5", "2.500 €"]
    assert read(tmp_path, "Annual Revenue", ["5"] * LATE + late)[0][-3:] == [1234.0, 1234.5, 2500.0]
    late = ["1.234", "$1,234.5", "12 %"]
    values, faults = read(tmp_path, "Annual Revenue", ["5"] * LATE + late, language="de")
    assert values[-3:] == [1.234, 1234.5, 0.12]
    assert faults == []


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("sign", [".", ","])
@pytest.mark.parametrize("first", [[], ["5"] * LATE])
def test_a_zero_before_it_tells_the_decimal_sign(tmp_path, language, sign, first):
    late = [f"0{sign}125", f"0{sign}250", f"-0{sign}875"]
    values, faults = read(tmp_path, "Likelihood to close", first + late, language=language)
    assert values[-3:] == [0.125, 0.25, -0.875]
    assert faults == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1 234", 1234.0),
        ("1\u202f234\u202f567,5", 1234567.5),
        ("1'234'567.5", 1234567.5),
        ("1’234", 1234.0),
        ("€ 5", 5.0),
        ("-$5", -5.0),
        ("$-5.50", -5.5),
        ("5 USD", 5.0),
        ("1.234,50 €", 1234.5),
        ("12,5 %", 0.125),
    ],
)
def test_a_number_may_have_groups_of_three_and_a_currency_at_its_ends(tmp_path, text, number):
    assert read(tmp_path, "Annual Revenue", [text]) == ([number], [])


@pytest.mark.parametrize("text", ["5 10", "3 EUR 5", "1$2", "2019 2020", "10'5", "33 1 23 45 67", "1 2345", "0 123"])
def test_what_is_written_in_pieces_is_no_number(tmp_path, text):
    assert read(tmp_path, "HubSpot Score", [text, "7"]) == ([BLANK, 7.0], [("L003", text)])
    assert read(tmp_path, "Own column", [text, text]) == ([text, text], [])


def test_versions_of_a_column_that_nobody_knows_are_no_dates(tmp_path):
    assert read(tmp_path, "Version", ["1.2.10", "3.4.11"]) == (["1.2.10", "3.4.11"], [])
    assert read(tmp_path, "Day", ["1.2.10", "13.4.11"]) == (times("2010-02-01", "2011-04-13"), [])


@pytest.mark.parametrize("first", [[], ["12.5"], ["12,5"]])
def test_a_range_gives_its_lower_end_whatever_the_decimal_sign(tmp_path, first):
    texts = ["1.000+", "1,000-5,000", "1.000 – 5.000", "<50", "5-25", "> 1.000.000"]
    values, faults = read(tmp_path, "Annual Revenue", first + texts)
    assert values[-6:] == [1000.0, 1000.0, 1000.0, 0.0, 5.0, 1_000_000.0]
    assert faults == [("L011", text) for text in texts]


def test_a_duration_is_read_as_any_number(tmp_path):
    path = tmp_path / "tickets.csv"
    for cells, expected in [
        (["3.600.000", "1.800", "01:30:00"], [3_600_000.0, 1800.0, 5_400_000.0]),
        (["3600000", "1,800.5", "0:00:01"], [3_600_000.0, 1800.5, 1000.0]),
        (["5"] * LATE + ["3.600.000", "1.800"], [3_600_000.0, 1800.0]),
    ]:
        rows = [f'{number},{number},a,"{cell}"' for number, cell in enumerate(cells)]
        path.write_text("\n".join(["Ticket ID,Record ID,Ticket name,Time to close", *rows]) + "\n")
        one = loaders.read_export(path)
        assert one.frame["time_to_close"].tolist()[-len(expected) :] == expected
        assert len(one.report.frame()) == 0
    path.write_text("Ticket ID,Record ID,Ticket name,Time to close\n1,1,a,3.600\n2,2,b,soon\n")
    one = loaders.read_export(path, language="de")
    assert one.frame["time_to_close"].tolist()[0] == 3600.0
    assert one.report.frame()[["code", "value"]].to_numpy().tolist() == [["L015", "Time to close"], ["L012", "soon"]]


def test_ids_that_a_spreadsheet_has_rounded_are_left_out_of_a_list(tmp_path):
    texts = ["1.2E+11", "8.0;1,2E+11;9", "8.0;9,0", " 4 ; 5;", "6;7", "1.000"]
    values, faults = read(tmp_path, "Associated Deal IDs", texts)
    assert values == [BLANK, "8;9", "8;9", "4;5", "6;7", "1.000"]
    assert faults == [("L006", "1.2E+11"), ("L006", "8.0;1,2E+11;9")]


def test_an_activity_of_several_contacts_names_them_as_they_are_called(tmp_path):
    (tmp_path / "calls.csv").write_text(
        "Record ID,Call title,Call outcome,Activity date,Associated Contact IDs\n"
        '1,a,Connected,2025-03-04 10:00,"123.0;456,0"\n2,b,Busy,2025-03-05 10:00,123.0;1.2E+11\n'
    )
    one = loaders.read_export(tmp_path / "calls.csv")
    assert set(one.frame["contact_id"]) == {"123", "456"} or one.frame["contact_id"].tolist() == ["123;456", "123"]
    assert "L006" in one.report.frame()["code"].tolist()


@pytest.mark.parametrize("language", [None, "en", "de"])
def test_a_number_of_a_spreadsheet_stays_that_number_in_every_language(tmp_path, language):
    with xlsxwriter.Workbook(str(tmp_path / "contacts.xlsx")) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Datensatz-ID", "Jahresumsatz", "Eigene Zahl"])
        sheet.write_row(1, 0, [1, 5, 5])
        sheet.write_row(2, 0, [2, 1.234, -999.999])
    one = loaders.read_export(tmp_path / "contacts.xlsx", language=language)
    assert one.frame["annualrevenue"].tolist() == [5.0, 1.234]
    assert one.frame["Eigene Zahl"].tolist() == [5.0, -999.999]
    assert len(one.report.frame()) == 0


def test_a_text_of_a_spreadsheet_is_read_in_the_language_of_the_file(tmp_path):
    with xlsxwriter.Workbook(str(tmp_path / "contacts.xlsx")) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Record ID", "Annual Revenue", "Close Date"])
        sheet.write_row(1, 0, [1, "1.234", "03/04/2025"])
        sheet.write_row(2, 0, [2, "2.500", "05/06/2025"])
    for language, revenue, days in [
        ("en", [1.234, 2.5], ["2025-03-04", "2025-05-06"]),
        ("de", [1234.0, 2500.0], ["2025-04-03", "2025-06-05"]),
    ]:
        one = loaders.read_export(tmp_path / "contacts.xlsx", language=language)
        assert one.frame["annualrevenue"].tolist() == revenue
        assert one.frame["closedate"].tolist() == times(*days)
        assert one.report.frame()["code"].tolist() == ["L010", "L015"]
