"""Exports of one kind of activity are no contacts, companies or deals, whichever of their columns those have, too."""

import pytest

import workbench.loaders as loaders
from workbench.errors import WorkbenchError


def read(folder, name, *lines, **options):
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return loaders.read_export(path, **options)


def test_two_submissions_of_one_contact_are_two_activities(tmp_path):
    one = read(
        tmp_path,
        "forms.csv",
        "Contact ID,Email,First Name,Last Name,Form name,Submission date",
        "1,ada@one.example,Ada,One,Demo,2026-03-04 10:00",
        "1,ada@one.example,Ada,One,Prices,2026-03-05 10:00",
    )
    assert one.object == "activity"
    assert one.frame[["contact_id", "kind", "detail"]].to_numpy().tolist() == [
        ["1", "form_submission", "Demo"],
        ["1", "form_submission", "Prices"],
    ]


def test_calls_are_known_by_internal_names(tmp_path):
    one = read(
        tmp_path,
        "calls.csv",
        "hs_object_id,hs_call_title,hs_call_disposition,hs_timestamp,hubspot_owner_id,associated_contact_ids",
        "9,Hello,Connected,2026-03-04T10:00:00Z,7,1",
    )
    assert one.object == "activity"
    row = one.frame.iloc[0]
    assert (row["activity_id"], row["contact_id"], row["kind"], row["owner"]) == ("9", "1", "call", "7")
    assert str(row["at"]) == "2026-03-04 10:00:00"


@pytest.mark.parametrize(
    ("name", "headers", "kind"),
    [
        ("meetings.csv", "Record ID,Meeting name,Meeting outcome,Meeting start time,Associated Contact IDs", "meeting"),
        ("tasks.csv", "Record ID,Task title,Task status,Due date,Associated Contact IDs", "task"),
        ("tasks.csv", "Record ID,Task title,Priority,Due date,Associated Contact IDs,Create date", "task"),
        ("appels.csv", "ID de fiche d'informations,Titre de l'appel,Résultat de l'appel,Date,ID du contact", "call"),
    ],
)
def test_meetings_and_tasks_happen_when_they_begin_or_are_due(tmp_path, name, headers, kind):
    cells = {"Record ID": "9", "ID de fiche d'informations": "9", "Associated Contact IDs": "1", "ID du contact": "1"}
    times = dict.fromkeys(("Meeting start time", "Due date", "Date"), "2026-03-04 10:00")
    one = read(tmp_path, name, headers, ",".join({**cells, **times}.get(header, "") for header in headers.split(",")))
    assert one.object == "activity"
    row = one.frame.iloc[0]
    assert (row["activity_id"], row["contact_id"], row["kind"]) == ("9", "1", kind)
    assert str(row["at"]) == "2026-03-04 10:00:00"


def test_calls_without_their_time_are_asked_for_it(tmp_path):
    headers = "Record ID,Call title,Call outcome,Create date,Associated Contact IDs,Associated Company IDs"
    with pytest.raises(WorkbenchError) as error:
        read(tmp_path, "calls.csv", headers, "9,Hello,Connected,2026-03-04 10:00,1,5")
    assert str(error.value) == (
        "calls.csv looks like activities but has no column for 'at'; its columns are 'Record ID', 'Call title', 'Call "
        "outcome', 'Create date', 'Associated Contact IDs', 'Associated Company IDs'. Name the column by a mapping, "
        "for example mapping={'Record ID': 'at'}."
    )
    one = read(tmp_path, "calls.csv", headers, "9,Hello,Connected,2026-03-04 10:00,1,5", mapping={"Create date": "at"})
    assert (one.object, str(one.frame["at"][0])) == ("activity", "2026-03-04 10:00:00")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ("Record ID,Email,First Name,Last Name,Lifecycle Stage,Create Date,Form name", "contact"),
        ("Record ID,Deal Name,Deal Stage,Amount,Close Date,Call title,Call outcome", "deal"),
        ("Record ID,Company name,Company Domain Name,Industry,Number of Employees,Page URL", "company"),
        ("Record ID,Contact ID,Rating,Survey Name,Date,Page URL", "feedback"),
    ],
)
def test_a_column_that_an_activity_has_makes_no_activities_of_contacts_or_deals(tmp_path, headers, expected):
    cells = ["1", *[""] * (headers.count(","))]
    assert read(tmp_path, "export.csv", headers, ",".join(cells)).object == expected


@pytest.mark.parametrize("live_first", [True, False])
def test_of_two_dates_of_an_own_stage_the_live_one_counts(tmp_path, live_first):
    live, old = (f"Date entered {quote}Qualified (Lifecycle Stage Pipeline){quote}" for quote in ('"', "'"))
    days = {live: "2026-03-04", old: "2025-01-01"}
    order = (live, old) if live_first else (old, live)
    quoted = ['"{}"'.format(header.replace('"', '""')) for header in order]
    one = read(tmp_path, "contacts.csv", ",".join(["Record ID", *quoted]), ",".join(["1", *map(days.get, order)]))
    assert str(one.frame["hs_v2_date_entered_qualified"][0])[:10] == "2026-03-04"


def test_the_latest_source_has_the_options_of_the_original_one(tmp_path):
    one = read(tmp_path, "contacts.csv", "Record ID,Latest Traffic Source", "1,Organische Suche", "2,PAID_SEARCH")
    assert one.frame["hs_latest_source"].tolist() == ["ORGANIC_SEARCH", "PAID_SEARCH"]
    assert len(one.report.frame()) == 0
