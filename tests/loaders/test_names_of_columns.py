"""An account may call its columns as it likes: as those that the loaders make on their way, too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd

import workbench as wb
import workbench.loaders as loaders
from workbench.loaders.recognise import _known, normal

SOURCES = [path.read_text(encoding="utf-8") for path in sorted(Path(loaders.__file__).parent.glob("*.py"))]
_NAMED = re.compile(r"\b(?:AS|TABLE|VIEW|register)\W{1,3}([A-Za-z_]\w*)")
_OTHERS = """
file row column code group reason likeness member members old id told record now was away past filename i v n rows
file_row_number company_by_domain contact change before after object finding figure table survivor survivor_id property
record_id kept lost rule answer name select _seen _newest _first _fault _survivor _complete *
"""
NAMES = sorted({name.lower() for text in SOURCES for name in _NAMED.findall(text)} | set(_OTHERS.split()))
FILES = {
    "contact": (
        "Record ID,First Name,Last Name,Email,Company Name,Create Date,Last Modified Date,Lifecycle Stage,"
        "HubSpot Score,Merged record IDs,Associated Company IDs,Associated Deal IDs",
        "1,Ada,Kern,ada@one.example,One,2026-01-01 10:00,2026-01-02,Lead,{day}0,77,51,901",
        "2,Ada,Kern,ADA@one.example,One,2026-01-02 10:00,2026-01-03,Customer,20,,51,901",
        "3,Ada,Kern,kern@two.example,One,2026-01-03 10:00,2026-01-04,Lead,soon,,,",
        "4,Eva,Berg,eva@two.example,,2026-01-04 10:00,2026-01-05,Lead,7,,,902",
        "4,Eva,Berg,eva@two.example,Two,2026-01-04 10:00,2026-01-05,Lead,8,,,902",
    ),
    "company": (
        "Record ID,Company name,Company Domain Name",
        "51,One,one.example",
        "52,One,www.one.example",
        "53,Two,two.example",
    ),
    "deal": (
        "Record ID,Deal Name,Deal Stage,Amount,Create Date,Close Date,Associated Contact IDs",
        "901,A,Closed Won,5,2026-01-02 10:00,2026-01-01,77;2",
        "902,B,Contract Sent,-1,2026-01-02 10:00,soon,",
    ),
    "ticket": ("Record ID,Ticket ID,Ticket name,Create date,Associated Contact IDs", "801,801,Help,2026-01-02 10:00,2"),
    "activity": (
        "Activity ID,Contact ID,Activity type,Activity date",
        "7,1;2,Call,2026-01-05 10:00",
        "8,77,Page view,2026-01-06 10:00",
        "8,77,Page view,2026-01-06 10:00",
    ),
    "feedback": ("Record ID,Contact Id,Rating,Date,Survey Name", "6,2,9,2026-01-07 10:00,Loyalty"),
    "property_history": (
        "Object,Record ID,Property,Value,Change date",
        "contact,1,hubspotscore,5,2026-01-01 10:00",
        "contact,1,hubspotscore,9,2026-01-06 10:00",
        "contact,77,lifecyclestage,lead,2025-01-01 10:00",
        "company,52,industry,Software,2025-01-01 10:00",
    ),
}


OBJECTS = {f"{name}-*.csv": {"object": name} for name in FILES}
"""The account's columns may be called as those of another object are."""


def written(folder: Path, day: int, more: bool) -> Path:
    folder.mkdir(parents=True)
    for name, (header, *rows) in FILES.items():
        own = [one for one in NAMES if normal(one) not in _known(name)] if more else []
        cells = "".join(f",{day if one.lower() == 'figure' and name == 'contact' else f'{one} x'}" for one in own)
        lines = [",".join([header, *own]), *(row.format(day=day) + cells for row in rows)]
        (folder / f"{name}-2026-0{day}-01.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def both_days(folder: Path, more: bool) -> Path:
    written(folder, 1, more)
    for path in written(folder / "later", 2, more).iterdir():
        path.rename(folder / path.name)
    return folder


def everything(folder: Path, more: bool) -> dict[str, Any]:
    """What every public function gives, with columns of all these names or without."""
    home = folder / "home"
    wb.load(written(folder / "1", 1, more), to=home, mapping=OBJECTS, companies_by_domain=True)
    ws = wb.load(written(folder / "2", 2, more), to=home, mapping=OBJECTS, companies_by_domain=True)
    found: dict[str, Any] = {"tables": ws.manifest.tables, "report": counted(ws.report), "faults": faults(ws.report)}
    two = wb.load(both_days(folder / "3", more), mapping=OBJECTS, companies_by_domain=True)
    found |= {
        "two days": two.manifest.tables,
        "report of two": counted(two.report),
        "faults of two": faults(two.report),
    }
    for name in FILES:
        one = wb.read_export(folder / "2" / f"{name}-2026-02-01.csv", object=name)
        found[f"{name} alone"] = (one.object, counted(one.report))
    wb.suggest_mapping(folder / "2" / "contact-2026-02-01.csv")
    found["associations"] = ws.associations
    found["timeline"] = ws.timeline("77")
    found |= {f"changes since {day}": ws.changes(day).frame() for day in ("2026-01-15", "2025-12-31")}
    audit = wb.audit(ws)
    found["audit"] = audit.findings
    for finding in dict.fromkeys(audit.findings["finding"]):
        found[finding] = audit.rows(finding)
    for column in {"figure", "table", "file", "row", "a", "c"} & {*ws.columns("contacts")}:
        assert audit.rows("blank cells", table="contacts", figure=column).empty
    for engine in ("pandas", "duckdb", "polars"):
        assert len(ws.table("contacts", engine=engine)) == 4
    for of in ("contacts", "companies"):
        twice = wb.find_duplicates(ws, of=of)
        groups = twice.frame()["group"].unique().tolist()
        asked = wb.merge(ws, twice, groups=groups, otherwise="ask")
        found[f"{of} asked"] = asked.questions[asked.questions["property"].isin(known(of))].reset_index(drop=True)
        done = wb.merge(ws, twice, groups=groups, otherwise="newest")
        log = wb.merge_log(done.workspace)
        found |= {f"{of} twice": twice.frame(), f"{of} log": log, f"{of} merged": counted(done.workspace.report)}
        left = getattr(done.workspace, of)
        found[f"{of} left"] = left[[name for name in left if name in known(of)]]
        if more:
            assert not left.drop(columns=[*known(of)], errors="ignore").isna().to_numpy().any()
        found[f"{of} linked"] = done.workspace.associations
        found[f"{of} changed"] = done.workspace.changes(ws).frame()
        ws = wb.undo_merge(done.workspace)
    found["undone"] = wb.undo_import(ws).name
    return found


def known(of: str) -> dict[str, None]:
    name = "contact" if of == "contacts" else "company"
    return dict.fromkeys([*wb.catalog.by_name(name), "company_by_domain"])


def counted(report: wb.LoadReport) -> tuple[int, int, int, int]:
    return report.rows_read, report.rows_loaded, report.rows_set_aside, report.rows_merged


def faults(report: wb.LoadReport) -> pd.DataFrame:
    """All but those of the columns that were added."""
    frame = report.frame()
    own = frame["column"].str.casefold().isin(name.casefold() for name in NAMES) | frame["value"].str.endswith(" x")
    return frame[~own].reset_index(drop=True)


def test_columns_of_any_name_change_nothing_for_the_others(tmp_path):
    plain, found = everything(tmp_path / "plain", more=False), everything(tmp_path / "more", more=True)
    assert found.keys() == plain.keys()
    for what, expected in plain.items():
        if isinstance(expected, pd.DataFrame):
            pd.testing.assert_frame_equal(found[what][list(expected)], expected, obj=what)
        else:
            assert found[what] == expected, what
