"""A mapping proposed for headers that nobody knows."""

from pathlib import Path

import pandas as pd
import pytest

import workbench as wb
from workbench.errors import WorkbenchError

LEADS = """\
Prospect no;Mail of the prospect;Stage of life;Created on;Worth;Nonsense;Is big
A-1;ada@one.example;Lead;2026-01-02;5;foo;yes
A-2;ben@two.example;Kunde;2026-02-02;7;bar;no
A-3;;Lead;2026-02-03;;bar;
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def proposed(found: object) -> dict[str, object]:
    frame = found.frame()  # type: ignore[attr-defined]
    return {
        header: None if pd.isna(name) else name for header, name in zip(frame["header"], frame["property"], strict=True)
    }


def test_headers_are_proposed_by_their_names_and_their_values(tmp_path):
    found = wb.suggest_mapping(write(tmp_path, "leads.csv", LEADS))
    assert proposed(found) == {
        "Prospect no": "hs_object_id",
        "Mail of the prospect": "email",
        "Stage of life": "lifecyclestage",
        "Created on": "createdate",
        "Worth": None,
        "Nonsense": None,
        "Is big": None,
    }
    frame = found.frame().set_index("header")
    assert frame.loc["Mail of the prospect", "examples"] == "ada@one.example, ben@two.example"
    assert frame.loc["Prospect no", "reason"] == "no two rows share a value"
    assert frame["likeness"].between(0, 1).all()
    assert found.headline() == "7 headers not known in 1 file: 4 with a proposal."


def test_what_is_written_can_be_loaded_and_completed(tmp_path):
    file = write(tmp_path, "leads.csv", LEADS)
    with pytest.raises(WorkbenchError):
        wb.load(file)
    to = wb.suggest_mapping(file).write(tmp_path)
    assert to == tmp_path / "mapping.yaml"
    assert '    # "Nonsense": not known' in to.read_text()
    assert "ada@one.example" not in to.read_text()  # people's data do not belong there
    contacts = wb.load(file).contacts
    assert contacts["hs_object_id"].tolist() == ["A-1", "A-2", "A-3"]
    assert contacts["lifecyclestage"].tolist() == ["lead", "customer", "lead"]
    to.write_text(to.read_text().replace('# "Worth": not known', '"Worth": hubspotscore'))
    assert wb.load(file).contacts["hubspotscore"].tolist()[:2] == [5, 7]
    assert set(proposed(wb.suggest_mapping(file)).values()) == {None}
    with pytest.raises(WorkbenchError, match=r"mapping.yaml is there already: complete it"):
        wb.suggest_mapping(file).write(tmp_path)


def test_rows_are_numbered_where_no_column_is_an_id(tmp_path):
    file = write(tmp_path, "people.csv", "Vorname des Leads,Mail\nAda,ada@one.example\nAda,ada@one.example\n")
    assert proposed(wb.suggest_mapping(file))["(row number)"] == "hs_object_id"


def test_only_unknown_headers_are_asked_about(tmp_path):
    write(tmp_path, "contacts.csv", "Record ID,Email,Favourite colour\n1,ada@one.example,red\n")
    write(tmp_path, "deals.csv", "Record ID,Deal Name,Deal Stage\n1,A,Closed Won\n")
    found = wb.suggest_mapping(tmp_path)
    assert found.frame()[["file", "object", "header"]].to_numpy().tolist() == [
        ["contacts.csv", "contact", "Favourite colour"]
    ]
    known = wb.suggest_mapping(tmp_path / "deals.csv")
    assert known.headline() == "Every header is known."


@pytest.mark.parametrize("header", ['a "quote"', "colon: dash - #", "{brace}", "=1+1", "ü\\n"])
def test_strange_headers_survive_in_the_file(tmp_path, header):
    quoted = header.replace('"', '""')
    file = write(tmp_path, "leads.csv", f'Record ID,"{quoted}"\n1,ada@one.example\n2,ben@two.example\n')
    wb.suggest_mapping(file).write(tmp_path)
    assert wb.load(file).contacts["email"].tolist() == ["ada@one.example", "ben@two.example"]


def test_nothing_to_read_is_said(tmp_path):
    with pytest.raises(WorkbenchError, match="does not exist"):
        wb.suggest_mapping(tmp_path / "none.csv")
