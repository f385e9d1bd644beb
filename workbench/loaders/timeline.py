"""One contact's story in order, from every table that speaks of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from workbench import catalog
from workbench.errors import WorkbenchError, did_you_mean
from workbench.loaders.survivors import MERGED_IDS
from workbench.loaders.workspace import Workspace
from workbench.sql import quoted, sql_text

ENTERED_STAGE = "hs_v2_date_entered_"
_CREATED = ("created", "deal_created", "ticket_created")
COLUMNS = ("at", "kind", "what", "detail", "object", "id", "value")


def timeline(workspace: Workspace, contact_id: str | int) -> pd.DataFrame:
    """What is known of one contact, oldest first.

    Parameters
    ----------
    workspace
        Where to look. Only the rows of this contact are read.
    contact_id
        Its record id, or an id it had before records were merged.

    Returns
    -------
    pandas.DataFrame
        One row per event: `at` (datetime64), `kind` ("created", "stage", "change", "deal_created", "deal_won",
        "deal_lost", "deal_closing", "ticket_created", "ticket_reply", "ticket_closed", "feedback", or the kind of an
        activity such as "page_view"), `what` (in words), `detail` (a page, form, deal or survey), `object` and `id`
        (the record that tells it), `value` (an amount, a rating or a changed number; blank elsewhere). Events without
        a time are left out.

    Raises
    ------
    WorkbenchError
        Where there is no such contact.
    """
    workspace.file("contacts")  # says so where there are none
    contact = _contact(workspace, str(contact_id))
    ids = [str(contact["hs_object_id"]), *_split(contact.get(MERGED_IDS))]
    parts = [
        _of_contact(contact),
        _history(workspace, ids),
        _activities(workspace, ids),
        _deals(workspace, ids, _split(contact.get("associated_deal_ids"))),
        _tickets(workspace, ids, _split(contact.get("associated_ticket_ids"))),
        _feedback(workspace, ids),
    ]
    rows = [row for part in parts for row in part]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    frame = frame.astype({name: "str" for name in COLUMNS if name not in ("at", "value")})
    frame = frame.assign(
        at=pd.to_datetime(frame["at"], errors="coerce").astype("datetime64[us]"),
        value=pd.to_numeric(frame["value"], errors="coerce").astype("float64"),
    )
    frame = frame.dropna(subset=["at"])
    frame = frame.loc[_in_order(frame).sort_values(kind="stable").index].reset_index(drop=True)
    # a stage that both its date and the history tell, to the minute
    again = (frame["kind"] == "stage") & frame.assign(at=frame["at"].dt.floor("min")).duplicated(["kind", "at", "what"])
    return frame[~again].reset_index(drop=True)


def _in_order(events: pd.DataFrame) -> pd.Series[pd.Timestamp]:
    """When each event is told: one on the day of its record's creation, without a time of day, is told after that."""
    at = events["at"]
    created = at.where(events["kind"].isin(_CREATED)).groupby([events["object"], events["id"]], dropna=False)
    born = created.transform("min")
    return at.mask(at == born.dt.normalize(), born)


Event = tuple[Any, str, str, Any, str, Any, Any]


def _contact(workspace: Workspace, contact_id: str) -> dict[str, Any]:
    found = _rows(workspace, "contacts", f'"hs_object_id" = {sql_text(contact_id)}')
    if not found and MERGED_IDS in workspace.columns("contacts"):
        found = _rows(workspace, "contacts", _names_one(MERGED_IDS, [contact_id]))
    if not found:
        near = f'"hs_object_id" LIKE {sql_text(contact_id[:-1] + "%")}' if contact_id else "false"
        known = [row["hs_object_id"] for row in _rows(workspace, "contacts", near, most=50)]
        raise WorkbenchError(
            f"{workspace.name} has no contact {contact_id!r} among {workspace.manifest.tables['contacts']:,}: give the "
            f"record id (hs_object_id).{did_you_mean(contact_id, known)}"
        )
    return found[0]


def _of_contact(contact: dict[str, Any]) -> list[Event]:
    """Creation, and the stages whose dates stand with the contact."""
    own = str(contact["hs_object_id"])
    source = _label("hs_analytics_source", contact.get("hs_analytics_source"))
    events: list[Event] = [(contact.get("createdate"), "created", "Contact created", source, "contact", own, None)]
    for name, at in contact.items():
        if name.startswith(ENTERED_STAGE):
            stage = _label("lifecyclestage", name.removeprefix(ENTERED_STAGE))
            events.append((at, "stage", f"Entered {str(stage).replace('_', ' ')}", None, "contact", own, None))
    return events


def _history(workspace: Workspace, ids: Sequence[str]) -> list[Event]:
    """Changes of properties; a change of the lifecycle stage is the entry into one."""
    labels = {known.name: known.label() for known in catalog.properties("contact")}
    events: list[Event] = []
    of_contacts = " AND \"object\" = 'contact'" if "object" in workspace.columns("property_history") else ""
    for row in _rows(workspace, "property_history", _one_of("record_id", ids) + of_contacts):
        name, value = str(row["property"]), row["value"]
        shown = "(cleared)" if value is None else _label(name, value)
        kind, what = "change", f"{labels.get(name, name)}: {shown}"
        if name == "lifecyclestage" and value is not None:
            kind, what = "stage", f"Entered {shown}"
        events.append((row["at"], kind, what, row.get("source"), "contact", row["record_id"], _as_number(value)))
    return events


def _activities(workspace: Workspace, ids: Sequence[str]) -> list[Event]:
    return [
        (
            row["at"],
            str(row["kind"]),
            str(_label("kind", row["kind"])),
            row.get("detail"),
            "activity",
            row.get("activity_id"),
            None,
        )
        for row in _rows(workspace, "activities", _names_one("contact_id", ids))
    ]


def _deals(workspace: Workspace, ids: Sequence[str], own: Sequence[str]) -> list[Event]:
    events: list[Event] = []
    for row in _linked(workspace, "deals", ids, own):
        name, amount, deal = row.get("dealname"), row.get("amount"), row["hs_object_id"]
        events.append((row.get("createdate"), "deal_created", "Deal created", name, "deal", deal, amount))
        stage = row.get("dealstage")
        if stage == "closedwon" or row.get("hs_is_closed_won") is True:
            kind, what = "deal_won", "Deal won"
        elif stage == "closedlost" or row.get("hs_is_closed_lost") is True:
            kind, what = "deal_lost", "Deal lost"
        else:
            kind, what = "deal_closing", f"Deal expected to close ({_label('dealstage', stage) or 'open'})"
        events.append((row.get("closedate"), kind, what, name, "deal", deal, amount))
    return events


def _tickets(workspace: Workspace, ids: Sequence[str], own: Sequence[str]) -> list[Event]:
    events: list[Event] = []
    for row in _linked(workspace, "tickets", ids, own):
        subject, ticket = row.get("subject"), row["hs_object_id"]
        for name, kind, what in (
            ("createdate", "ticket_created", "Ticket created"),
            ("first_agent_reply_date", "ticket_reply", "First reply to the ticket"),
            ("closed_date", "ticket_closed", "Ticket closed"),
        ):
            events.append((row.get(name), kind, what, subject, "ticket", ticket, None))
    return events


def _feedback(workspace: Workspace, ids: Sequence[str]) -> list[Event]:
    if "contact_id" not in workspace.columns("feedback"):
        return []
    return [
        (
            row.get("submission_date"),
            "feedback",
            "Survey answered",
            row.get("survey_name"),
            "feedback",
            row.get("hs_object_id"),
            row["rating"],
        )
        for row in _rows(workspace, "feedback", _one_of("contact_id", ids))
    ]


def _linked(workspace: Workspace, table: str, ids: Sequence[str], own: Sequence[str]) -> list[dict[str, Any]]:
    """Records that name the contact, or that the contact names."""
    wanted = [_one_of("hs_object_id", own)] if own else []
    if "associated_contact_ids" in workspace.columns(table):
        wanted.append(_names_one("associated_contact_ids", ids))
    return _rows(workspace, table, " OR ".join(wanted)) if wanted else []


def _rows(workspace: Workspace, table: str, where: str, *, most: int | None = None) -> list[dict[str, Any]]:
    """The rows for which an SQL condition holds; none where the table was not loaded.

    The columns that are asked are scanned first, and only of the rows found is the rest read: among millions of events
    of one contact there are few.
    """
    if table not in workspace.tables:
        return []
    numbered = workspace.numbered(table)
    found = numbered.filter(where).select("file_row_number")
    places = (found if most is None else found.limit(most)).fetchall()
    if not places:
        return []
    those = f"file_row_number IN ({', '.join(str(place) for (place,) in places)})"
    read = numbered.filter(those).select(*map(quoted, workspace.columns(table))).to_arrow_table()
    rows: list[dict[str, Any]] = read.to_pylist()
    return rows


def _one_of(column: str, ids: Sequence[str]) -> str:
    return f"{quoted(column)} IN ({', '.join(sql_text(one) for one in ids)})"


def _names_one(column: str, ids: Sequence[str]) -> str:
    """SQL: one of these ids is in a cell that may hold several, joined by `;`."""
    name = quoted(column)
    listed = ", ".join(sql_text(one) for one in ids)
    # only cells that do hold several are split
    several = f"list_has_any(string_split({name}, ';'), [{listed}])"
    return f"(CASE WHEN contains({name}, ';') THEN {several} ELSE {name} IN ({listed}) END)"


def _split(cell: object) -> list[str]:
    return [one.strip() for one in str(cell).split(";") if one.strip()] if cell is not None else []


def _label(name: str, value: object) -> str | None:
    """The label of an option, or the value as it is."""
    return next((option.label() for option in catalog.options(name) if option.value == value), None) or (
        None if value is None else str(value)
    )


def _as_number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
