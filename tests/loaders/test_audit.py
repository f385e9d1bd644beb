"""An audit counts what is there, and every figure leads to just the rows it counts."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import workbench as wb

CONTACTS = """Record ID,Email,Create Date,Became a Lead Date,Became a Customer Date,Unsubscribed from all email,\
Marketing emails bounced,Fax,Kind
1,ada@one.example,2026-06-01,2026-06-01,2026-06-10,,,,x
2,ADA@one.example ,2026-06-02,2026-06-05,2026-06-03,true,,,x
3,grace@two.example,1970-01-01,1970-01-01,,,1,,x
4,,2026-07-02,2026-07-02,,,,,x
5,joan@three.example,2025-01-05,2025-01-05,,true,,,x
"""
DEALS = """Record ID,Deal Stage,Create Date,Close Date
11,Closed Won,2026-05-01,2026-04-01
12,Contract Sent,2025-01-01,2025-06-01
13,Contract Sent,2026-06-01,2026-12-01
14,Closed Lost,2026-06-01,2026-12-01
"""
TICKETS = """Record ID,Ticket ID,Ticket status,Create date,Close date
21,21,New,2025-01-01,
22,22,Closed,2026-06-05,2026-06-04
"""
ACTIVITIES = """Activity ID,Contact ID,Activity type,Activity date
31,5,Page view,2026-06-20 10:00
32,5,Meeting,2026-08-01 10:00
33,3,Page view,2026-08-01 10:00
"""


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exports")
    for name, text in (("contacts", CONTACTS), ("deals", DEALS), ("tickets", TICKETS), ("activities", ACTIVITIES)):
        (folder / f"{name}-2026-06-30.csv").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def found(exports: Path) -> wb.Audit:
    return wb.audit(wb.load(exports))


def ids(rows) -> list[str]:
    return rows["hs_object_id" if "hs_object_id" in rows else "activity_id"].tolist()


@pytest.mark.parametrize(
    ("finding", "table", "figure", "records"),
    [
        ("impossible dates", "contacts", "entered customer before an earlier stage", ["2"]),
        ("impossible dates", "contacts", "dated before 1990", ["3"]),
        ("impossible dates", "contacts", "dated after the export", ["4"]),
        ("impossible dates", "deals", "closed before they were created", ["11"]),
        ("impossible dates", "deals", "dated after the export", ["14"]),  # an open deal may be planned to close
        ("impossible dates", "tickets", "closed before they were created", ["22"]),
        ("impossible dates", "activities", "dated after the export", ["33"]),  # a meeting may be planned
        ("stale records", "contacts", "without a sign of life for 180 days", []),
        ("stale records", "deals", "open 180 days after their close date", ["12"]),
        ("stale records", "tickets", "open for more than 180 days", ["21"]),
        ("consent", "contacts", "unsubscribed from all e-mail", ["2", "5"]),
        ("consent", "contacts", "with an e-mail, not known to be unsubscribed", ["1", "3"]),
        ("duplicates", "contacts", "with the e-mail of another record", ["1", "2"]),
    ],
)
def test_each_figure_counts_just_its_rows(found, finding, table, figure, records):
    line = found.findings.set_index(["finding", "table", "figure"]).loc[(finding, table, figure)]
    assert ids(found.rows(finding, table=table, figure=figure)) == records
    assert line["n"] == len(records)
    assert line["share"] == line["n"] / line["of"]


def test_a_day_without_a_time_is_no_earlier_than_the_times_of_that_day(tmp_path):
    (tmp_path / "deals.csv").write_text(
        "Record ID,Deal Name,Deal Stage,Create Date,Close Date\n"
        "1,A,Closed Won,2025-01-01 09:30,2025-01-01\n2,B,Closed Won,2025-01-02 09:30,2025-01-01\n"
    )
    (tmp_path / "contacts.csv").write_text(
        "Record ID,Became a Lead Date,Became a Customer Date\n"
        "1,2025-01-01 09:30,2025-01-01\n2,2025-01-02 09:30,2025-01-01\n"
    )
    found = wb.audit(wb.load(tmp_path))
    assert ids(found.rows("impossible dates", figure="closed before they were created")) == ["2"]
    assert ids(found.rows("impossible dates", figure="entered customer before an earlier stage")) == ["2"]


def test_a_word_in_place_of_an_address_is_nobody_s_twice(tmp_path):
    (tmp_path / "contacts.csv").write_text("Record ID,Email\n1,n/a\n2,n/a\n3,a@one.example\n4,A@one.example\n")
    assert ids(wb.audit(wb.load(tmp_path)).rows("duplicates")) == ["3", "4"]


@pytest.mark.parametrize(("offset", "most"), [(0, -1), (0, "x"), (0, True), (0, 1.5), (-1, None), (None, -1)])
def test_numbers_of_rows_that_are_none_are_said(found, offset, most):
    wrong = f"offset is {offset!r}" if offset else f"most is {most!r}"
    told = wrong + ": give a whole number of rows, such as 100."
    assert said(found.rows, "duplicates", offset=offset or 0, most=most) == told
    if not offset:
        assert said(found.workspace.report.frame, most=most) == told


def test_faults_of_what_is_not_there_are_not_just_none(found):
    report = found.workspace.report
    assert said(report.frame, file="deal.csv") == (
        "unknown file 'deal.csv'; there are 'contacts-2026-06-30.csv', 'deals-2026-06-30.csv', "
        "'tickets-2026-06-30.csv', 'activities-2026-06-30.csv'."
    )
    assert said(report.frame, column="Deal Stag") == (
        f"unknown column 'Deal Stag'; there are {known(report)}. Did you mean 'Deal Stage'?"
    )
    assert said(report.frame, column="email", file="deals-2026-06-30.csv") == (
        "unknown column 'email' of deals-2026-06-30.csv; there are 'hs_object_id', 'dealstage', 'createdate', "
        "'closedate', 'Record ID', 'Deal Stage', 'Create Date', 'Close Date'."
    )


def known(report: wb.LoadReport) -> str:
    names = list(dict.fromkeys([*report.columns["name"], *report.columns["header"]]))
    return f"{', '.join(map(repr, names[:8]))} and {len(names) - 8} more"


def test_faults_are_found_by_the_header_too(tmp_path):
    (tmp_path / "contacts.csv").write_text("Record ID,Create Date,First Name\n1,soon,A\n,2025-01-01,B\n3,2025-01-01\n")
    report = wb.load(tmp_path).report
    assert report.frame(column="Create Date")["value"].tolist() == ["soon"]
    pd.testing.assert_frame_equal(report.frame(column="Create Date"), report.frame(column="createdate"))
    assert report.frame(column="First Name").empty
    assert report.frame(column="")["code"].tolist() == ["L002"]
    assert report.frame(most=0).empty


def test_who_did_something_lately_is_not_stale_and_who_bounced_is_told_apart(exports):
    found = wb.audit(wb.load(exports), stale_days=15)
    stale = found.rows("stale records", table="contacts", figure="without a sign of life for 15 days")
    # 5 looked at a page ten days ago, 3 did so after the export, 4 was created after it
    assert ids(stale) == ["1", "2"]
    assert [f"{at:%Y-%m-%d}" for at in stale["last_sign_of_life"]] == ["2026-06-01", "2026-06-02"]
    later = wb.audit(wb.load(exports), as_of="2027-06-30")
    bounced = later.rows("stale records", table="contacts", figure="bounced, and without a sign of life for 180 days")
    assert ids(bounced) == ["3"]


def test_every_count_is_the_number_of_its_rows(found):
    for line in found.findings.itertuples():
        rows = found.rows(line.finding, table=line.table, figure=line.figure)
        assert len(rows) == line.n <= line.of
        assert set(rows["figure"]) <= {line.figure}


def test_fill_rates_and_what_is_unused(found):
    of = found.properties[found.properties["table"] == "contacts"].set_index("property")
    assert of.loc["email", ["n_rows", "n_filled", "fill_rate"]].tolist() == [5, 4, 0.8]
    assert of["unused"][of["unused"] != ""].to_dict() == {"Fax": "blank in all rows", "Kind": "one value in all rows"}
    assert of.loc["createdate", ["headers", "recognised", "type"]].tolist() == ["Create Date", "label (en)", "date"]
    assert ids(found.rows("blank cells", table="contacts", figure="email")) == ["4"]


def test_a_row_is_found_again_in_its_file(found):
    (row,) = found.rows("impossible dates", table="deals", figure="dated after the export").to_dict("records")
    assert (row["file"], row["row"]) == ("deals-2026-06-30.csv", 5)
    assert DEALS.splitlines()[row["row"] - 1].startswith("14,")


def test_the_headline_names_the_most_frequent_of_each_kind(found):
    assert found.headline() == (
        "4 files taken for 4 tables; 2 properties of 22 unused; impossible dates: 1 of 5 contacts entered customer "
        "before an earlier stage (20.0 %); stale records: 1 of 2 deals open 180 days after their close date (50.0 %); "
        "consent: 2 of 5 contacts unsubscribed from all e-mail (40.0 %); duplicates: 2 of 4 contacts with the e-mail "
        "of another record (50.0 %)."
    )


@pytest.mark.parametrize("size", [1, 3])
def test_pages_of_rows_are_the_rows(found, size):
    for finding in dict.fromkeys(found.findings["finding"]):
        whole = found.rows(finding)
        pages = [found.rows(finding, offset=start, most=size) for start in range(0, len(whole), size)]
        told = [(row.table, row.figure, row.row) for page in pages for row in page.itertuples()]
        assert told == [(row.table, row.figure, row.row) for row in whole.itertuples()]
        assert len(found.rows(finding, offset=len(whole), most=size)) == 0


def test_a_finding_that_nothing_can_be_looked_at_for_has_no_rows(tmp_path):
    path = tmp_path / "contacts.csv"
    path.write_text("Record ID,First Name\n1,Ada\n", encoding="utf-8")
    found = wb.audit(wb.load(path))
    assert found.findings.empty
    assert found.rows("impossible dates").empty
    assert found.headline() == "1 file taken for 1 table; 0 properties of 2 unused."


def said(call, *args, **options) -> str:
    with pytest.raises(wb.WorkbenchError) as error:
        call(*args, **options)
    return str(error.value)


def test_what_is_not_there_is_told_with_what_is(found):
    assert said(found.rows, "stale record") == (
        "unknown finding 'stale record'; there are 'impossible dates', 'stale records', 'consent', 'duplicates', "
        "'blank cells'. Did you mean 'stale records'?"
    )
    assert said(found.rows, "duplicates", table="deals") == "duplicates has no table 'deals'; there are 'contacts'."
    assert said(found.rows, "blank cells", table="tickets", figure="subjet") == (
        "blank cells has no table 'tickets', figure 'subjet'; there are 'hs_object_id', 'hs_ticket_id', "
        "'hs_pipeline_stage', 'createdate', 'closed_date'."
    )
    assert said(wb.audit, found.workspace, stale_days=0) == (
        "stale_days is 0: give a whole number of days from 1 to 36,500, such as 180."
    )
    for days in ("x", None, 1.5, True, float("nan"), 10**30):
        assert said(wb.audit, found.workspace, stale_days=days).startswith(
            f"stale_days is {days!r}: give a whole number"
        )
    for day in ("soon", "", pd.NaT, 20260630, ["2026-06-30"], "9999999-01-01"):
        assert said(wb.audit, found.workspace, as_of=day) == (
            f"as_of is {day!r}, not a date: write it as in '2026-06-30'."
        )
    assert (
        said(wb.audit, "data/sample")
        == "a Workspace is needed, but a str came; wb.load(path) gives the Workspace of a folder."
    )


def test_hostile_headers_are_names_and_nothing_else(tmp_path):
    path = tmp_path / "contacts.csv"
    names = ['a"b', "x'; DROP TABLE t; --", "_seen", "{c}", "<b>", "select"]
    quoted = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    path.write_text(
        f"Record ID,Create Date,{quoted}\n1,2026-01-01{',1' * len(names)}\n2,2026-01-02{',' * len(names)}\n"
    )
    found = wb.audit(wb.load(path))
    of = found.properties.set_index("property")
    assert of.loc[names, "n_filled"].tolist() == [1] * len(names)
    for name in names:
        assert ids(found.rows("blank cells", table="contacts", figure=name)) == ["2"]
