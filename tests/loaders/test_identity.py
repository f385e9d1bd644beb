"""One person twice: found, proposed, merged by rule, logged and undone."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench import catalog
from workbench.errors import WorkbenchError

MAIL, DOTTED = "mail.example", "dotted.example"
MAILBOXES = {MAIL: False, DOTTED: True}
CONTACTS = f"""\
Record ID,First Name,Last Name,Email,Phone Number,Company Name,Lifecycle Stage,Create Date,Last Modified Date,\
Unsubscribed from all email,Associated Deal IDs,Became a Lead Date,HubSpot Score
1,Ada,Kern,ADA@one.example,,One GmbH,Lead,2026-01-02 10:00,2026-03-01 10:00,false,901,2026-01-05 10:00,10
2,Ada,Kern,ada@One.example,030 1234567,One GmbH,Customer,2026-01-01 10:00,2026-02-01 10:00,true,902,2026-01-04 10:00,30
3,Ben,Ohm,ben+news@{MAIL},,,Lead,2026-01-03 10:00,,,,,
4,Ben,Ohm,ben@{MAIL},,,Lead,2026-01-03 11:00,,,,,
5,Cleo,Voss,c.leo@{DOTTED},,,,2026-01-03 12:00,,,,,
6,Cleo,Voss,cleo@{DOTTED},,,,2026-01-03 13:00,,,,,
7,Jürgen,Weissmüller,jw@two.example,,Two Software AG,,2026-01-04 10:00,,,,,
8,Juergen,Weißmueller,j.weissmueller@other.example,,"Two Software, Inc.",,2026-01-04 11:00,,,,,
9,Dora,Lind,dora@three.example,+49 (30) 98765432,Three,,2026-01-05 10:00,,,,,
10,Dora,Lindt,,030-98765432,,,2026-01-05 11:00,,,,,
11,Anna,Meier,anna@four.example,,Four,,2026-01-06 10:00,,,,,
12,Anna,Meier,anna@five.example,,Five,,2026-01-06 11:00,,,,,
"""
DEALS = "Record ID,Deal Name,Deal Stage,Associated Contact IDs\n901,A,Closed Won,1\n902,B,Contract Sent,1;2\n"
ACTIVITIES = """\
Activity ID,Contact ID,Activity type,Activity date
1,1,Call,2026-02-01 10:00
2,2,Call,2026-02-02 10:00
"""


@pytest.fixture
def ws(tmp_path: Path) -> wb.Workspace:
    for name, text in {"contacts.csv": CONTACTS, "deals.csv": DEALS, "activities.csv": ACTIVITIES}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return wb.load(tmp_path)


def grouped(found: wb.Duplicates) -> list[tuple[list[str], bool, str]]:
    return [
        (rows["hs_object_id"].sort_values().tolist(), bool(rows["sure"].iloc[0]), rows["reason"].iloc[-1])
        for _, rows in found.frame().groupby("group")
    ]


def test_one_e_mail_in_other_capitals_is_one_contact(ws):
    found = wb.find_duplicates(ws, likely=False)
    assert grouped(found) == [(["1", "2"], True, "same e-mail")]
    assert found.frame()["keep"].tolist() == [True, False]
    assert found.frame()["hs_object_id"].tolist() == ["2", "1"]  # the more complete one would be left
    assert found.headline() == "12 contacts: 1 too many by the same e-mail (1 group)."
    assert found.to_merge == [1]


def test_tags_and_dots_mean_nothing_only_where_told(ws):
    found = wb.find_duplicates(ws, same_mailbox=MAILBOXES, likely=False)
    assert grouped(found) == [
        (["1", "2"], True, "same e-mail"),
        (["3", "4"], True, "same e-mail but for dots and tags"),
        (["5", "6"], True, "same e-mail but for dots and tags"),
    ]
    assert len(grouped(wb.find_duplicates(ws, same_mailbox={DOTTED: False}, likely=False))) == 1


def test_names_and_companies_that_are_written_alike_are_proposed_with_a_reason(ws):
    found = wb.find_duplicates(ws, same_mailbox=MAILBOXES)
    assert grouped(found)[3:] == [
        (["7", "8"], False, "same name, same company"),
        (["10", "9"], False, "name 98 % alike, same telephone number"),
    ]
    assert found.frame().query("not sure")["likeness"].between(0.9, 1).all()
    assert found.headline() == (
        "12 contacts: 3 too many by the same e-mail (3 groups); 2 likely groups to look at, by what they are called."
    )


def test_one_name_at_two_companies_is_no_proposal(ws):
    assert not {"11", "12"} & set(wb.find_duplicates(ws, at_least=0.8).frame()["hs_object_id"])


def test_an_address_that_two_names_share_is_told_as_such(tmp_path):
    (tmp_path / "c.csv").write_text(
        "Record ID,First Name,Last Name,Email\n1,Ada,Kern,info@one.example\n2,Bruno,Zott,info@one.example\n"
    )
    found = wb.find_duplicates(wb.load(tmp_path))
    assert grouped(found) == [(["1", "2"], True, "same e-mail, but another name")]
    assert "(1 group, 1 of them under another name)" in found.headline()
    assert found.to_merge == []  # whoever knows better names the group


def loaded(folder: Path, text: str, name: str = "contacts.csv") -> wb.Workspace:
    (folder / name).write_text(text, encoding="utf-8")
    return wb.load(folder)


@pytest.mark.parametrize(
    ("names", "is_doubtful"),
    [
        ("Ada, Bob,", True),
        (",Müller ,Schmidt", True),
        ("Ada, ,", False),
        ("Ada,Kern ,Kern", False),  # one of them does not say it all
        ("Ada, Ada,Kern Ada,Zott", True),
        ("Иван,Петров Олег,Сидоров", True),
        ("Иван,Петров Иван,Петрова", False),
    ],
)
def test_whoever_is_called_otherwise_is_merged_only_when_named(tmp_path, names, is_doubtful):
    rows = "".join(f"{n},{name},info@one.example\n" for n, name in enumerate(names.split(" "), start=1))
    found = wb.find_duplicates(loaded(tmp_path, "Record ID,First Name,Last Name,Email\n" + rows), likely=False)
    assert found.to_merge == ([] if is_doubtful else [1])
    assert ("but another name" in found.frame()["reason"].iloc[0]) == is_doubtful


@pytest.mark.parametrize("word", ["n/a", "unknown", "@", "@one.example", "ada@", "ada@one.example;ben@one.example"])
def test_a_word_in_place_of_an_address_makes_nobody_one(tmp_path, word):
    ws = loaded(tmp_path, f"Record ID,First Name,Email\n1,Eva,{word}\n2,Eva,{word}\n")
    assert wb.find_duplicates(ws).frame().empty


def test_an_address_of_nothing_but_a_tag_is_taken_as_it_stands(tmp_path):
    ws = loaded(tmp_path, f"Record ID,Email\n1,+a@{DOTTED}\n2,+b@{DOTTED}\n3,.@{DOTTED}\n4,+b@{DOTTED}\n")
    found = wb.find_duplicates(ws, same_mailbox=MAILBOXES)
    assert grouped(found) == [(["2", "4"], True, "same e-mail")]


def test_names_in_other_scripts_are_proposed_as_any(tmp_path):
    people = (
        "1,Иван,Петров,Ромашка\n2,ИВАН,Петров,Ромашка\n3,Олег,Сидоров,Ромашка\n4,太郎,山田,三菱\n5,太郎,山田,三菱\n"
    )
    ws = loaded(tmp_path, "Record ID,First Name,Last Name,Company Name\n" + people)
    assert grouped(wb.find_duplicates(ws)) == [
        (["1", "2"], False, "same name, same company"),
        (["4", "5"], False, "same name, same company"),
    ]


def test_companies_are_one_by_their_domain_or_likely_by_their_name(tmp_path):
    webmail = next(iter(catalog.webmail()))
    (tmp_path / "companies.csv").write_text(
        "Record ID,Company name,Company Domain Name,Country/Region\n"
        "1,One,one.example,Germany\n2,One Group,https://WWW.one.example/de,Germany\n"
        f"3,Two Lights Ltd,,France\n4,Two Lights S.A.R.L.,two.example,France\n5,Five,{webmail},\n6,Six,{webmail},\n"
    )
    found = wb.find_duplicates(wb.load(tmp_path), of="companies")
    assert [one[:2] for one in grouped(found)] == [(["1", "2"], True), (["3", "4"], False)]
    assert found.headline().startswith("6 companies: 1 too many by the same domain")


def test_nothing_twice_is_said(tmp_path):
    (tmp_path / "c.csv").write_text("Record ID,Email\n1,ada@one.example\n2,\n3,\n")
    found = wb.find_duplicates(wb.load(tmp_path))
    assert found.headline() == "3 contacts: no duplicates found."
    assert len(found.frame()) == 0


def test_a_crowd_of_one_name_is_left_out_and_said(tmp_path):
    rows = "".join(f"{n},Ada,Kern\n" for n in range(60))
    (tmp_path / "c.csv").write_text("Record ID,First Name,Last Name\n" + rows)
    found = wb.find_duplicates(wb.load(tmp_path))
    assert len(found.frame()) == 0
    assert found.notes[0].startswith("60 records stand in 1 set of more than 50")


def test_a_merge_leaves_one_record_and_the_old_snapshot_whole(ws):
    before = pd.read_parquet(ws.folder / "contacts.parquet")
    done = wb.merge(ws, wb.find_duplicates(ws))
    after = done.workspace
    left = after.contacts.set_index("hs_object_id").loc["2"]
    assert len(after.contacts) == 11
    assert after.contacts["hs_object_id"].tolist() == ["2", *map(str, range(3, 13))]
    assert left["lifecyclestage"] == "customer"  # of the most complete record
    assert left["createdate"] == pd.Timestamp("2026-01-01 10:00")
    assert left["hs_v2_date_entered_lead"] == pd.Timestamp("2026-01-04 10:00")
    assert left["lastmodifieddate"] == pd.Timestamp("2026-03-01 10:00")
    assert left["hs_email_optout"]
    assert left["associated_deal_ids"] == "901;902"
    assert left["hs_merged_object_ids"] == "1"
    assert after.deals["associated_contact_ids"].tolist() == ["2", "2"]
    assert after.activities["contact_id"].tolist() == ["2", "2"]
    assert after.timeline("1")["kind"].tolist() == ["created", "stage", "call", "call"]
    pd.testing.assert_frame_equal(pd.read_parquet(ws.folder / "contacts.parquet"), before)
    assert ws.contacts["hs_object_id"].tolist() == [str(n) for n in range(1, 13)]
    assert wb.load(ws.path).folder == after.folder != ws.folder
    assert done.headline() == "2 contacts became 1; 7 values gave way."


def test_merged_rows_are_counted_among_the_loaded(ws):
    after = wb.merge(ws, wb.find_duplicates(ws)).workspace
    assert (ws.report.rows_merged, after.report.rows_merged) == (0, 1)
    assert after.report.rows_read == after.report.rows_loaded + after.report.rows_set_aside
    assert after.report.rows_loaded - after.report.rows_merged == sum(after.manifest.tables.values())
    assert after.report.frame(code="L008")[["file", "row", "value"]].to_numpy().tolist() == [["contacts.csv", 2, "1"]]
    assert len(after.report.frame()) == sum(after.report.counts.values())


def test_an_address_that_was_two_records_is_noted_no_longer_once_they_are_one(tmp_path):
    people = "1,Ada,a@x.example\n2,Ada,a@x.example\n3,Ben,b@x.example\n4,Cleo,b@x.example\n5,Eva,n/a\n6,Ida,n/a\n"
    ws = loaded(tmp_path, "Record ID,First Name,Email\n" + people)
    assert ws.report.frame(code="L028")["row"].tolist() == [2, 3, 4, 5]
    after = wb.merge(ws, wb.find_duplicates(ws)).workspace
    assert after.report.frame(code="L028")["row"].tolist() == [4, 5]
    assert "2 notes, most often: another record has the same e-mail (2)" in after.report.headline()
    assert wb.undo_merge(after).report.counts == ws.report.counts


@pytest.mark.parametrize(
    ("rule", "stage", "score"), [("newest", "lead", 10), ("first", "customer", 30), ("most complete", "customer", 30)]
)
def test_each_property_follows_its_rule(ws, rule, stage, score):
    done = wb.merge(ws, wb.find_duplicates(ws), rules={"hubspotscore": rule, "lifecyclestage": "newest"})
    left = done.workspace.contacts.set_index("hs_object_id").loc["2"]
    assert left["hubspotscore"] == score
    assert left["lifecyclestage"] == "lead"
    assert left["phone"] == "030 1234567"  # a blank never wins
    log = done.log.set_index("property").loc["hubspotscore"]
    assert (log["kept"], log["lost"], log["rule"]) == (f"{score}.0", f"{40 - score}.0", rule)
    duplicates = wb.find_duplicates(ws)
    other = wb.merge(
        wb.undo_merge(done.workspace), duplicates, rules={"lifecyclestage": rule}, otherwise=rule
    ).workspace
    left = other.contacts.set_index("hs_object_id").loc["2"]
    assert (left["lifecyclestage"], left["hubspotscore"]) == (stage, score)


def test_ask_waits_for_an_answer(ws):
    twice = wb.find_duplicates(ws)
    asked = wb.merge(ws, twice, rules={"lifecyclestage": "ask"})
    assert asked.questions.to_numpy().tolist() == [
        ["2", "lifecyclestage", "1", "lead"],
        ["2", "lifecyclestage", "2", "customer"],
    ]
    assert asked.workspace.folder == ws.folder
    assert asked.headline() == (
        "0 contacts became 0; 0 values gave way; 1 group left as they are until their questions are answered."
    )
    with pytest.raises(WorkbenchError, match=r"the answer for 'lifecyclestage' .* is 'other'; its values are"):
        wb.merge(ws, twice, rules={"lifecyclestage": "ask"}, answers={("2", "lifecyclestage"): "other"})
    done = wb.merge(ws, twice, rules={"lifecyclestage": "ask"}, answers={("2", "lifecyclestage"): "lead"})
    assert done.workspace.contacts.set_index("hs_object_id").loc["2", "lifecyclestage"] == "lead"
    assert done.questions.empty


def test_a_file_keeps_its_order_where_rows_of_it_are_merged(tmp_path):
    n = 400_000  # more than several threads write at once
    rows = [f"{number},a{number}@one.example\n" for number in range(n)]
    (tmp_path / "contacts.csv").write_text("Record ID,Email\n" + "".join(rows) + "7,b@one.example\n", encoding="utf-8")
    rows = wb.load(tmp_path).table("contacts", columns=["hs_object_id", "_row"])
    kept = [str(number) for number in range(n) if number != 7]
    assert rows["hs_object_id"].tolist() == [*kept, "7"]
    assert rows["_row"].tolist() == [int(number) + 2 for number in kept] + [n + 2]


def test_a_merge_can_be_undone_whole(ws):
    after = wb.merge(ws, wb.find_duplicates(ws)).workspace
    assert len(wb.merge_log(after)) == 8
    back = wb.undo_merge(after)
    pd.testing.assert_frame_equal(back.contacts, ws.contacts)
    pd.testing.assert_frame_equal(back.activities, ws.activities)
    assert back.report.counts == ws.report.counts
    assert wb.merge_log(back).empty
    with pytest.raises(WorkbenchError, match=r"nothing was merged in .* since its import: there is nothing to undo"):
        wb.undo_merge(back)


def test_a_merge_can_be_undone_for_one_record(ws):
    twice = wb.find_duplicates(ws, same_mailbox=MAILBOXES)
    after = wb.merge(ws, twice, rules={"lifecyclestage": "first"}).workspace
    assert len(after.contacts) == 9
    keeps = twice.frame().query("sure and keep")["hs_object_id"].tolist()
    part = wb.undo_merge(after, [keeps[1]])
    assert len(part.contacts) == 10
    assert {"3", "4"} <= set(part.contacts["hs_object_id"])
    assert set(wb.merge_log(part)["survivor_id"]) == {keeps[0], keeps[2]}
    with pytest.raises(WorkbenchError, match="the last merge left no record '99'; it left"):
        wb.undo_merge(part, ["99"])


def test_a_second_merge_can_be_undone_before_the_first(ws):
    first = wb.merge(ws, wb.find_duplicates(ws, likely=False)).workspace
    found = wb.find_duplicates(first)
    groups = found.frame().query("hs_object_id in ['7', '9']")["group"].tolist()
    second = wb.merge(first, found, groups=groups).workspace
    assert len(second.contacts) == 9
    assert len(wb.undo_merge(second).contacts) == 11
    assert len(wb.undo_merge(wb.load(ws.path)).contacts) == 12


def test_likely_ones_are_merged_only_when_named_and_another_may_be_kept(ws):
    found = wb.find_duplicates(ws, at_least=0.85)
    group = int(found.frame().query("hs_object_id == '9'")["group"].iloc[0])
    after = wb.merge(ws, found, groups=[group], keep={group: "10"}).workspace
    assert {"10", "11"} <= set(after.contacts["hs_object_id"])
    assert "9" not in set(after.contacts["hs_object_id"])


def test_importing_the_same_again_keeps_the_merge(tmp_path):
    exports, home = tmp_path / "exports", tmp_path / "home"
    exports.mkdir()
    (exports / "contacts.csv").write_text(CONTACTS)
    ws = wb.load(exports, to=home)
    after = wb.merge(ws, wb.find_duplicates(ws)).workspace
    assert wb.load(exports, to=home).folder == after.folder


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rules": {"phon": "newest"}}, "there is a rule for 'phon', but the records have .* Did you mean 'phone'?"),
        ({"rules": {"phone": "newst"}}, "unknown rule 'newst'; there are 'newest', .* Did you mean 'newest'?"),
        ({"groups": [7]}, "there is no group 7 of duplicates; there are 1"),
        ({"keep": {1: "9"}}, "group 1 has no record '9' to keep; it has '2', '1'"),
        ({"answers": {("2", "phone"): "x"}}, "the answer for 'phone' .* there is no such question"),
    ],
)
def test_what_cannot_be_merged_is_said(ws, options, said):
    with pytest.raises(WorkbenchError, match=said):
        wb.merge(ws, wb.find_duplicates(ws, likely=False), **options)
    assert wb.load(ws.path).folder == ws.folder


def test_a_workspace_that_was_changed_meanwhile_is_not_merged(ws):
    twice = wb.find_duplicates(ws)
    wb.merge(ws, twice)
    with pytest.raises(WorkbenchError, match=r"was changed since it was opened: open .* again"):
        wb.merge(ws, twice)


@pytest.mark.parametrize(("options", "said"), [({"of": "deals"}, "not 'deals'"), ({"at_least": 2}, "not 2")])
def test_what_cannot_be_looked_for_is_said(ws, options, said):
    with pytest.raises(WorkbenchError, match=said):
        wb.find_duplicates(ws, **options)


@settings(max_examples=10, deadline=None)
@given(emails=st.lists(st.sampled_from(["a@x.example", "A@x.example", "b@x.example", ""]), min_size=1, max_size=8))
def test_a_merge_leaves_one_record_an_address_and_none_is_lost(emails, tmp_path_factory):
    folder = tmp_path_factory.mktemp("law")
    rows = "".join(f"{n},{email}\n" for n, email in enumerate(emails, start=1))
    (folder / "c.csv").write_text("Record ID,Email\n" + rows)
    ws = wb.load(folder)
    after = wb.merge(ws, wb.find_duplicates(ws)).workspace
    addresses = after.contacts["email"].dropna().str.lower()
    assert addresses.is_unique
    assert set(addresses) == {email.lower() for email in emails if email}
    merged = after.contacts.get("hs_merged_object_ids", pd.Series(dtype="str")).dropna().str.split(";").explode()
    assert sorted([*merged, *after.contacts["hs_object_id"]], key=int) == [str(n) for n in range(1, len(emails) + 1)]
