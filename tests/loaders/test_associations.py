"""Which record belongs to which, whoever of the two says so; and ids of records that were merged away."""

from pathlib import Path

import pandas as pd
import pytest

import workbench as wb
import workbench.loaders as loaders
from workbench import catalog

WEBMAIL = next(iter(catalog.webmail()))

CONTACTS = f"""\
Record ID,First Name,Email,Primary Associated Company ID,Associated Company IDs,Associated Deal IDs,Merged record IDs
101,Ada,Ada@One.example,51,51;52,901,
102,Ben,ben@www.one.example,,,,90;91
103,Cleo,cleo@one.example,,,,
104,Dora,dora@{WEBMAIL},,,,
105,Eve,eve@shared.example,,,,
"""
COMPANIES = f"""\
Record ID,Company name,Company Domain Name
51,One,https://www.one.example/about
52,Two,two.example
53,Mail,{WEBMAIL}
54,Shared,shared.example
55,Shared too,SHARED.example
"""
DEALS = """\
Record ID,Deal Name,Deal Stage,Associated Contact IDs,Associated Company IDs,Associated Company IDs (Primary)
901,First,Closed Won,101; 102,51;52,52
902,Second,Contract Sent,90,51,51
"""
ACTIVITIES = """\
Activity ID,Contact ID,Activity type,Activity date,Deal ID
1,101,Call,2026-01-05 12:00,901
2,90,Page view,2026-01-06 12:00,
3,91;101,Meeting,2026-01-07 12:00,
"""


def workspace(folder: Path, files: dict[str, str], **options: object) -> loaders.Workspace:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return loaders.load(folder, **options)  # type: ignore[arg-type]


FILES = {"contacts.csv": CONTACTS, "companies.csv": COMPANIES, "deals.csv": DEALS, "activities.csv": ACTIVITIES}


@pytest.fixture(scope="module")
def ws(tmp_path_factory) -> loaders.Workspace:
    return workspace(tmp_path_factory.mktemp("links"), FILES, companies_by_domain=True)


def pairs(ws: loaders.Workspace, from_object: str, to_object: str) -> list[list[object]]:
    found = ws.associations.query("from_object == @from_object and to_object == @to_object")
    return found[["from_id", "to_id", "primary", "how"]].to_numpy().tolist()


def test_a_pair_stands_once_whoever_names_the_other(ws):
    assert list(ws.associations.columns) == ["from_object", "from_id", "to_object", "to_id", "primary", "how"]
    assert pairs(ws, "contact", "deal") == [
        ["101", "901", False, "ids"],
        ["102", "901", False, "ids"],
        ["102", "902", False, "ids"],
    ]


def test_the_primary_one_among_several_is_kept(ws):
    assert pairs(ws, "contact", "company")[:2] == [["101", "51", True, "ids"], ["101", "52", False, "ids"]]
    assert pairs(ws, "company", "deal") == [
        ["51", "901", False, "ids"],
        ["51", "902", True, "ids"],
        ["52", "901", True, "ids"],
    ]


def test_a_domain_links_only_where_one_company_has_it_and_it_is_no_webmail(ws):
    assert pairs(ws, "contact", "company")[2:] == [
        ["102", "51", False, "email domain"],
        ["103", "51", False, "email domain"],
    ]
    assert ws.contacts["associatedcompanyid"].isna().tolist() == [False, True, True, True, True]


def test_domains_link_nothing_unless_asked_for(tmp_path):
    ws = workspace(tmp_path, FILES)
    assert "company_by_domain" not in ws.contacts
    assert set(ws.associations["how"]) == {"ids"}


def test_conditions_follow_the_domain_too(ws):
    inside = wb.Segment("At One", 'associated(company, name == "One")').select(ws)
    assert inside["hs_object_id"].tolist() == ["101", "102", "103"]


def test_an_activity_belongs_to_each_contact_it_names(ws):
    assert pairs(ws, "contact", "activity") == [
        ["101", "1", False, "ids"],
        ["101", "3", False, "ids"],
        ["102", "2", False, "ids"],
        ["102", "3", False, "ids"],
    ]
    assert pairs(ws, "deal", "activity") == [["901", "1", False, "ids"]]


def test_what_names_a_merged_record_by_its_old_id_follows_to_the_one_that_is_left(ws):
    assert ws.activities[["activity_id", "contact_id"]].to_numpy().tolist() == [
        ["1", "101"],
        ["3", "101"],
        ["3", "102"],
        ["2", "102"],
    ]
    assert ws.deals["associated_contact_ids"].tolist() == ["101;102", "102"]
    notes = ws.report.frame(code="L026")
    assert sorted(notes[["file", "row", "column", "value"]].to_numpy().tolist()) == [
        ["activities.csv", 3, "contact_id", "90"],
        ["activities.csv", 4, "contact_id", "91"],
        ["deals.csv", 3, "associated_contact_ids", "90"],
    ]


def test_merges_are_found_in_the_property_history_through_a_chain_of_them(tmp_path):
    history = (
        "Object,Record ID,Property,Value,Change date\n"
        "contact,102,hs_merged_object_ids,101;90,2026-02-01 10:00\n"
        "contact,90,hs_merged_object_ids,80,2026-01-01 10:00\n"
        "contact,80,lifecyclestage,lead,2025-01-01 10:00\n"
        "company,80,industry,Software,2025-01-01 10:00\n"
    )
    contacts = "Record ID,Email\n101,ada@one.example\n102,ben@one.example\n"
    feedback = "Record ID,Contact Id,Rating,Survey Name\n1,80,9,Loyalty\n2,101,8,Loyalty\n"
    ws = workspace(tmp_path, {"c.csv": contacts, "h.csv": history, "f.csv": feedback})
    assert ws.feedback["contact_id"].tolist() == ["102", "101"]  # 101 is alive: no old id
    assert ws.property_history.query("property == 'lifecyclestage'")["record_id"].tolist() == ["102"]
    assert ws.property_history.query("property == 'industry'")["record_id"].tolist() == ["80"]
    assert ws.timeline("102")["what"].tolist()[0] == "Entered Lead"


BEFORE = "Record ID,First Name,Email\n1,Ada,ada@x.example\n2,Ada,ada@y.example\n"
AFTER = "Record ID,First Name,Email,Merged record IDs\n1,Ada,ada@x.example,2\n"
DOINGS = "Activity ID,Contact ID,Activity type,Activity date\n7,2,Call,2026-01-02 10:00\n"


@pytest.mark.parametrize(
    "names",
    [
        ("contacts-2026-01-01.csv", "contacts-2026-02-01.csv"),
        ("z-contacts-2026-01-01.csv", "a-contacts-2026-02-01.csv"),
        ("contacts-2026-01-01.csv", "contacts-2026-01-01-1.csv"),
        ("contacts.csv", "contacts_later.csv"),
    ],
)
def test_a_record_that_only_an_older_file_still_has_is_merged_as_a_newer_one_tells(tmp_path, names):
    ws = workspace(tmp_path, {names[0]: BEFORE, names[1]: AFTER, "activities-2026-02-01.csv": DOINGS})
    assert ws.contacts["hs_object_id"].tolist() == ["1"]
    assert ws.activities["contact_id"].tolist() == ["1"]
    assert ws.timeline("2")["kind"].tolist() == ["call"]
    assert ws.report.frame(code="L026")["value"].tolist() == ["2"]
    merged = ws.report.frame(code="L008").query("value == '2'")
    assert merged[["file", "row"]].to_numpy().tolist() == [[names[0], 3]]
    assert (ws.report.rows_read, ws.report.rows_loaded, ws.report.rows_merged) == (4, 4, 2)
    assert ws.manifest.tables == {"contacts": 1, "activities": 1}
    assert len(ws.report.frame()) == sum(ws.report.counts.values())


@pytest.mark.parametrize("names", [("contacts-2026-03-01.csv", "contacts-2026-02-01.csv"), ("c.csv", "c.csv")])
def test_a_record_that_a_later_file_still_has_is_alive(tmp_path, names):
    both = AFTER + "2,Ada,ada@y.example,\n"
    files = {names[1]: AFTER, names[0]: BEFORE} if names[0] != names[1] else {names[0]: both}
    ws = workspace(tmp_path, {**files, "activities-2026-02-01.csv": DOINGS})
    assert sorted(ws.contacts["hs_object_id"]) == ["1", "2"]
    assert ws.activities["contact_id"].tolist() == ["2"]


def test_a_history_that_is_newer_than_the_contacts_tells_of_merges_if_it_names_one_who_is_left(tmp_path):
    history = (
        "Object,Record ID,Property,Value,Change date\n"
        "contact,1,hs_merged_object_ids,2,2026-02-01 10:00\n"
        "contact,99,hs_merged_object_ids,3,2026-02-01 10:00\n"
    )
    contacts = BEFORE + "3,Eva,eva@x.example\n"
    ws = workspace(tmp_path, {"contacts-2026-01-01.csv": contacts, "history-2026-03-01.csv": history})
    assert ws.contacts["hs_object_id"].tolist() == ["1", "3"]


def test_companies_that_are_merged_are_followed_where_a_domain_linked_them(tmp_path):
    companies = "Record ID,Company name,Company Domain Name\n51,One,one.example\n52,One,one-shop.example\n"
    contacts = "Record ID,Email\n101,ada@one.example\n102,ben@one-shop.example\n"
    ws = workspace(tmp_path, {"companies.csv": companies, "contacts.csv": contacts}, companies_by_domain=True)
    found = wb.find_duplicates(ws, of="companies", at_least=0.6)
    after = wb.merge(ws, found, groups=[1], keep={1: "51"}).workspace
    assert after.contacts["company_by_domain"].tolist() == ["51", "51"]
    assert pairs(after, "contact", "company") == [
        ["101", "51", False, "email domain"],
        ["102", "51", False, "email domain"],
    ]


def test_an_activity_of_several_contacts_counts_for_each_and_is_noted(ws):
    met = wb.Segment("Met", "count(meeting) >= 1").select(ws)
    assert met["hs_object_id"].tolist() == ["101", "102"]
    assert ws.report.frame(code="L030")[["file", "row", "value"]].to_numpy().tolist() == [
        ["activities.csv", 4, "91;101"]
    ]


def test_an_activity_of_two_contacts_that_are_merged_stands_once(tmp_path):
    contacts = "Record ID,Email\n101,ada@one.example\n102,ADA@one.example\n"
    activities = "Activity ID,Contact ID,Activity type,Activity date\n3,102;101,Meeting,2026-01-07 12:00\n"
    ws = workspace(tmp_path, {"contacts.csv": contacts, "activities.csv": activities})
    assert len(ws.activities) == 2
    after = wb.merge(ws, wb.find_duplicates(ws)).workspace
    assert after.activities["contact_id"].tolist() == ["101"]
    assert after.manifest.tables == {"contacts": 1, "activities": 1}


def test_a_workspace_without_links_has_no_associations(tmp_path):
    ws = workspace(tmp_path, {"contacts.csv": "Record ID,Email\n1,ada@one.example\n"}, companies_by_domain=True)
    assert list(ws.associations.columns) == ["from_object", "from_id", "to_object", "to_id", "primary", "how"]
    assert len(ws.associations) == 0
    assert isinstance(ws.associations, pd.DataFrame)
