"""A small account whose records are known one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.loaders import Workspace, load

CONTACTS = """Record ID,First Name,Email,Country/Region,Industry,Number of Employees,Number of Sessions,\
Lifecycle Stage,Last Contacted,Create Date,Contract end,Products,Associated Company IDs,\
Associated Deal IDs,Unsubscribed from all email
1,Ada,ada@one.example,Germany,Software,120,9,customer,2026-06-29 09:00,2026-01-10 10:00,2026-07-15,A;B,11,21,
2,Ben,ben@two.example,Germany,Software,8,3,marketingqualifiedlead,2026-06-20 09:00,2026-06-25 10:00,,B,12,22,
3,Cleo,cleo@three.example,France,Retail,60,0,marketingqualifiedlead,,2026-06-29 10:00,,,11,,true
4,Dora,dora@four.example,Austria,Manufacturing,,12,customer,2026-06-28 09:00,2025-03-01 10:00,2026-12-31,A,13,23,
5,Emil,emil@five.example,,,,,lead,,2026-05-01 10:00,,,,,
"""
COMPANIES = """Record ID,Company name,Industry,Number of Employees
11,One GmbH,Manufacturing,51
12,Two GmbH,Software,900
13,Four GmbH,Manufacturing,50
"""
DEALS = """Record ID,Deal Name,Deal Stage,Amount,Close Date,Create Date
21,One,closedwon,1000,2026-02-10 10:00,2026-01-20 10:00
22,Two,contractsent,500,,2026-06-26 10:00
23,Four,closedlost,700,2025-05-01 10:00,2025-04-01 10:00
"""
EVENTS = """activity_id,contact_id,kind,at,detail
1,1,email_open,2026-06-01 10:00,Newsletter
2,1,email_open,2026-06-08 10:00,Newsletter
3,1,email_open,2026-06-15 10:00,Newsletter
4,2,form_submission,2026-06-25 10:00,Demo request
5,2,page_view,2026-06-24 10:00,https://www.sample.example/pricing
6,3,page_view,2026-06-29 10:00,https://www.sample.example/pricing
7,4,email_open,2025-10-01 10:00,Newsletter
8,4,page_view,2025-10-01 10:00,https://www.sample.example/
9,4,form_submission,2025-03-01 10:00,Demo request
"""
HISTORY = """Object,Record ID,Property,Value,Timestamp,Source
contact,1,lifecyclestage,lead,2026-01-10 10:00,CRM_UI
contact,1,lifecyclestage,customer,2026-02-10 10:00,CRM_UI
contact,2,lifecyclestage,lead,2026-06-25 10:00,CRM_UI
contact,2,lifecyclestage,marketingqualifiedlead,2026-06-26 10:00,CRM_UI
contact,3,lifecyclestage,marketingqualifiedlead,2026-06-29 10:00,CRM_UI
contact,4,lifecyclestage,lead,2025-03-01 10:00,CRM_UI
contact,4,lifecyclestage,customer,2025-05-01 10:00,CRM_UI
contact,5,lifecyclestage,lead,2026-05-01 10:00,CRM_UI
"""


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Five contacts, three companies, three deals, their events and the history of their stages; 30 June 2026."""
    folder = tmp_path_factory.mktemp("account")
    for name, text in {
        "hubspot-crm-exports-all-contacts": CONTACTS,
        "hubspot-crm-exports-all-companies": COMPANIES,
        "hubspot-crm-exports-all-deals": DEALS,
        "activities": EVENTS,
        "property-history": HISTORY,
    }.items():
        write(folder / f"{name}-2026-06-30.csv", text)
    return load(folder)


@pytest.fixture(scope="session")
def sample() -> Workspace:
    """The shipped sample."""
    return load(Path(__file__).parents[2] / "data" / "sample")


def write(path: Path, text: str) -> None:
    path.write_text(text.replace("\n", "\r\n"), encoding="utf-8", newline="")
