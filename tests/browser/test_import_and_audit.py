"""The page of imports in a real browser: a file goes in, the pages have it, a figure opens its rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from workbench.loaders import load

pytestmark = pytest.mark.browser

PATIENCE = 60_000
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, serve_only: Callable[..., Any]) -> Any:
    folder = tmp_path_factory.mktemp("imports")
    exports = folder / "exports"
    exports.mkdir()
    rows = "".join(f"{n},{HOSTILE},{HOSTILE},2026-02-01,2026-01-01\n" for n in range(1, 31))
    text = f"Record ID,Deal Name,{HOSTILE},Create Date,Close Date\n{rows}"
    (exports / "deals-2026-06-30.csv").write_text(text, encoding="utf-8")
    load(exports, to=folder / "home")
    return serve_only(folder / "home", "import_and_audit", "explain_contact")


def test_a_file_goes_in_and_the_pages_have_it(open_page: Callable[..., Page], served: Any, tmp_path: Path) -> None:
    page = open_page(f"{served.address}import_and_audit")
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    expect(page.locator(".wb-answer")).to_contain_text("30 rows of 1 file are in", timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.get_by_role("button", name="Show the rows").first.click()
    expect(page.locator(".wb-behind .wb-note")).to_contain_text("1 to 20 of 30")
    assert page.locator(".wb-behind tbody td").all_inner_texts().count(HOSTILE) == 20
    page.get_by_role("button", name="Later").click()
    expect(page.locator(".wb-behind .wb-note")).to_contain_text("21 to 30 of 30")

    new = tmp_path / "contacts <b>.csv"
    lines = "".join(f"{n},{HOSTILE * 40},{n}@one.example\n" for n in range(6_000))  # several pieces
    new.write_text(f"Record ID,First Name,Email\n{lines}", encoding="utf-8")
    page.set_input_files("input[type=file]", str(new))
    expect(page.locator(".wb-drop + .wb-note")).to_have_text("1 file received.", timeout=PATIENCE)
    told = page.get_by_text("Importing shows contacts _b_.csv in place of exports (30 rows)")
    expect(told).to_be_visible()
    expect(page.locator(".wb-answer")).to_contain_text("30 rows of 1 file are in")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator(".wb-answer")).to_contain_text("6,000 rows of 1 file are in", timeout=PATIENCE)
    expect(told).to_have_count(0)
    page.get_by_role("button", name="Undo this import").click()
    expect(page.locator(".wb-answer")).to_contain_text("30 rows of 1 file are in", timeout=PATIENCE)
    expect(page.get_by_role("button", name="Undo this import")).to_be_hidden()

    strange = tmp_path / "leads.csv"
    strange.write_text("lead_key,mail\nk1,ada@one.example\nk2,bo@one.example\n", encoding="utf-8")
    page.set_input_files("input[type=file]", str(strange))
    expect(page.locator(".wb-drop + .wb-note")).to_have_text("1 file received.", timeout=PATIENCE)
    page.get_by_role("button", name="Import", exact=True).click()
    page.get_by_label("leads.csv holds").select_option("contacts (most of its columns fit)", timeout=PATIENCE)
    expect(page.get_by_label("mail (ada@one.example)")).to_have_value("Email (email)")
    page.get_by_role("button", name="Import, so mapped").click()
    expect(page.locator(".wb-answer")).to_contain_text("2 rows of 1 file are in", timeout=PATIENCE)

    again = open_page(f"{served.address}import_and_audit", narrow=True)
    expect(again.locator(".wb-answer")).to_contain_text("2 rows of 1 file are in", timeout=PATIENCE)
    drop, told = again.locator(".wb-drop").bounding_box(), again.locator(".wb-answer").bounding_box()
    assert drop is not None
    assert told is not None
    assert told["y"] < drop["y"] < 844  # what is in, then where more goes in: both on the first screen
    assert again.evaluate("document.documentElement.scrollWidth <= innerWidth")
