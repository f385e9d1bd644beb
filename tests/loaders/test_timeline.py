"""One contact's story in order."""

from pathlib import Path

import pandas as pd
import pytest

import workbench.loaders as loaders
from workbench.errors import WorkbenchError

FILES = {
    "contacts.csv": (
        'Record ID,Email,Create Date,Original Source,"Date entered ""Lead (Lifecycle Stage Pipeline)""",'
        "Associated Deal IDs,hs_merged_object_ids\n"
        "101,ada@one.example,2026-01-02 10:00,Organic Search,2026-01-02 10:00,901,77;78\n"
        "102,ben@two.example,2026-01-03 11:00,,,,\n"
    ),
    "deals.csv": (
        "Record ID,Deal Name,Deal Stage,Amount,Create Date,Close Date,Associated Contact IDs\n"
        "901,One,Closed Won,500,2026-02-01 09:00,2026-03-01 09:00,\n"
        "902,Two,Contract Sent,700,2026-02-02 09:00,2026-07-01 09:00,102;101\n"
        "903,Not hers,Closed Lost,1,2026-02-02 09:00,2026-03-02 09:00,1010\n"
    ),
    "tickets.csv": (
        "Record ID,Ticket ID,Ticket name,Ticket status,Create date,Close date,Associated Contact IDs\n"
        "801,801,Cannot log in,Closed,2026-04-01 08:00,2026-04-02 08:00,101\n"
    ),
    "activities.csv": (
        "Activity ID,Contact ID,Activity type,Activity date,Detail\n"
        "1,101,Page view,2026-01-05 12:00,/pricing\n"
        "2,78,Form submission,2026-01-01 12:00,Demo request\n"
        "3,102,Call,2026-01-04 12:00,Reached\n"
    ),
    "feedback.csv": "Record ID,Contact Id,Rating,Date,Survey Name\n7,101,9,2026-05-01 10:00,Loyalty (NPS)\n",
    "property-history.csv": (
        "Object,Record ID,Property,Value,Change date,Change source\n"
        "contact,101,lifecyclestage,lead,2026-01-02 10:00,FORM\n"
        "contact,101,lifecyclestage,customer,2026-03-01 09:00,DEAL\n"
        "contact,101,hubspotscore,40,2026-01-06 10:00,CALCULATED\n"
        "contact,101,hubspotscore,,2026-01-07 10:00,CALCULATED\n"
        "company,101,industry,Software,2026-01-07 10:00,CRM\n"
    ),
}


@pytest.fixture(scope="module")
def ws(tmp_path_factory) -> loaders.Workspace:
    folder: Path = tmp_path_factory.mktemp("story")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return loaders.load(folder)


def test_a_contact_s_story_is_told_in_order_from_every_table(ws):
    story = ws.timeline("101")
    assert list(story.columns) == ["at", "kind", "what", "detail", "object", "id", "value"]
    assert story[["kind", "what", "detail"]].fillna("").to_numpy().tolist() == [
        ["form_submission", "Form submission", "Demo request"],
        ["created", "Contact created", "Organic Search"],
        ["stage", "Entered Lead", ""],
        ["page_view", "Page view", "/pricing"],
        ["change", "HubSpot Score: 40", "CALCULATED"],
        ["change", "HubSpot Score: (cleared)", "CALCULATED"],
        ["deal_created", "Deal created", "One"],
        ["deal_created", "Deal created", "Two"],
        ["stage", "Entered Customer", "DEAL"],
        ["deal_won", "Deal won", "One"],
        ["ticket_created", "Ticket created", "Cannot log in"],
        ["ticket_closed", "Ticket closed", "Cannot log in"],
        ["feedback", "Survey answered", "Loyalty (NPS)"],
        ["deal_closing", "Deal expected to close (Contract Sent)", "Two"],
    ]
    assert story["at"].is_monotonic_increasing
    assert story.set_index("kind")["value"].to_dict()["feedback"] == 9
    assert story.loc[story["kind"] == "deal_won", ["object", "id", "value"]].to_numpy().tolist() == [
        ["deal", "901", 500.0]
    ]


@pytest.mark.parametrize("old", ["77", "78", 101])
def test_an_id_from_before_a_merge_leads_to_the_contact_that_is_left(ws, old):
    pd.testing.assert_frame_equal(ws.timeline(old), ws.timeline("101"))


def test_a_contact_of_whom_little_is_known_has_a_short_story(ws):
    assert ws.timeline("102")["kind"].tolist() == ["created", "call", "deal_created", "deal_closing"]


@pytest.mark.parametrize("strange", ["10'", "", "7", "1010"])
def test_an_unknown_contact_is_said(ws, strange):
    with pytest.raises(WorkbenchError, match=f"has no contact '?\"?{strange}.* among 2: give the record id"):
        ws.timeline(strange)


def test_a_day_without_a_time_comes_after_the_creation_on_that_day(tmp_path):
    files = {
        "contacts.csv": 'Record ID,Create Date,"Date entered ""Lead (Lifecycle Stage Pipeline)"""\n'
        "1,2025-01-01 08:00,2025-01-01\n",
        "deals.csv": "Record ID,Deal Name,Deal Stage,Create Date,Close Date,Associated Contact IDs\n"
        "9,One,Closed Won,2025-01-01 09:30,2025-01-01,1\n8,Two,Closed Lost,2025-01-01,2025-01-01,1\n",
        "activities.csv": "Activity ID,Contact ID,Activity type,Activity date\n7,1,Call,2025-01-01 09:00\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    story = loaders.load(tmp_path).timeline(1)
    assert story[["kind", "id"]].to_numpy().tolist() == [
        ["deal_created", "8"],
        ["deal_lost", "8"],
        ["created", "1"],
        ["stage", "1"],
        ["call", "7"],
        ["deal_created", "9"],
        ["deal_won", "9"],
    ]
    assert f"{story['at'].iloc[-1]}" == "2025-01-01 00:00:00"  # as it stands in the file


def test_history_tells_of_a_contact_however_its_kind_is_written(tmp_path):
    (tmp_path / "contacts.csv").write_text("Record ID,Email\n1,ada@one.example\n")
    (tmp_path / "history.csv").write_text(
        "Object,Record ID,Property,Value,Change date\nContact,1,lifecyclestage,lead,2025-01-01 10:00\n"
    )
    assert loaders.load(tmp_path).timeline(1)["what"].tolist() == ["Entered Lead"]


def test_a_workspace_without_contacts_has_no_story(tmp_path):
    (tmp_path / "deals.csv").write_text("Record ID,Deal Name,Deal Stage\n1,One,Closed Won\n")
    with pytest.raises(WorkbenchError, match="has no contacts"):
        loaders.load(tmp_path).timeline("1")
