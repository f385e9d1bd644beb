"""The pages on a score in a real Chromium: a rule built and changed by mouse and by keys, a contact found."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from workbench.loaders import load

pytestmark = pytest.mark.browser

PATIENCE = 20_000  # milliseconds
HOSTILE = "<img src=x onerror=window.ran=1>"
SCORE = f"""
name: Ready
labels: [{{name: Hot, at_least: 40}}]
groups:
  - name: fit
    limits: [0, 80]
    rules:
      - {{name: Software, when: industry == "Software", points: 30}}
      - {{name: "{HOSTILE}", when: is_known(firstname), points: 10}}
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, serve_only: Callable[..., Any]) -> Any:
    """Sixty contacts, a third of them in software, a third of them called like a script; a model."""
    folder = tmp_path_factory.mktemp("scores")
    rows = [
        f'{100 + i},"{HOSTILE if i % 3 == 2 else f"Contact {i}"}",'
        f"{('Software', 'Retail', 'Steel')[i % 3]},{i % 2 == 0},2026-01-{1 + i % 28:02}"
        for i in range(60)
    ]
    text = "\r\n".join(["Record ID,First Name,Industry,Bought,Create Date", *rows, ""])
    (folder / "hubspot-crm-exports-all-contacts-2026-06-30.csv").write_text(text, encoding="utf-8", newline="")
    (folder / "score.yaml").write_text(SCORE, encoding="utf-8")
    place = folder / "workspace"
    load(folder, to=place)
    return serve_only(place, "edit_score", "explain_contact")


def test_a_rule_is_built_with_the_mouse_and_saved_as_a_new_version(
    open_page: Callable[..., Page], pages: Any, tmp_path: Path
) -> None:
    page = open_page(f"{pages.address}edit_score")
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    answer = page.locator(".wb-answer")
    expect(answer).to_contain_text("Change a rule, and see who would cross the line", timeout=PATIENCE)
    page.get_by_label("Property or event").select_option(label="Industry")
    expect(page.locator("datalist option")).to_have_count(3, timeout=PATIENCE)
    page.get_by_label("Value", exact=True).fill("Retail")
    page.get_by_label("Value", exact=True).blur()
    page.get_by_role("button", name="Ask this").click()
    expect(page.get_by_label("Rule", exact=True)).to_have_value('industry == "Retail"', timeout=PATIENCE)
    expect(page.locator(".wb-new")).to_contain_text("20 contacts of 60 (33.3 %) meet it", timeout=PATIENCE)
    fields = page.locator(".wb-new")
    fields.get_by_label("Points").fill("35")
    fields.get_by_label("Points").blur()
    page.get_by_role("button", name="Add the rule").click()
    expect(answer).to_contain_text(re.compile(r"From version 1 to version 2 at \d+ points, 20 of"), timeout=PATIENCE)
    page.get_by_role("button", name="Who crosses the line?").click()
    expect(page.get_by_text("rises").first).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Undo").click()
    expect(answer).to_contain_text("Change a rule", timeout=PATIENCE)
    page.get_by_role("button", name="Redo").click()
    expect(answer).to_contain_text("From version 1", timeout=PATIENCE)
    page.get_by_role("button", name="Save as version 2").click()
    expect(page.get_by_text("models/score-ready-2.yaml beside the workspace")).to_be_visible(timeout=PATIENCE)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download score.yaml").click()
    waiting.value.save_as(tmp_path / "score.yaml")
    assert 'when: industry == "Retail"' in (tmp_path / "score.yaml").read_text(encoding="utf-8")
    assert page.evaluate("window.ran") is None
    assert page.locator(".wb-main img, .wb-main script").count() == 0
    expect(answer).to_contain_text("Nothing is changed: by version 2", timeout=PATIENCE)
    expect(page.get_by_role("button", name="Save as version 3")).to_be_disabled(timeout=PATIENCE)
    later = open_page(f"{pages.address}explain_contact")
    expect(later.get_by_label("Score", exact=True)).to_contain_text("Ready (version 2)", timeout=PATIENCE)


def test_points_change_with_keys_alone(open_page: Callable[..., Page], pages: Any) -> None:
    page = open_page(f"{pages.address}edit_score", narrow=True)
    answer = page.locator(".wb-answer")
    expect(answer).to_contain_text("Change a rule", timeout=PATIENCE)
    points = page.locator(".wb-edit").first.get_by_label("Points")
    points.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    expect(answer).to_contain_text("From version", timeout=PATIENCE)
    switch = page.locator(".wb-edit input[type=checkbox]").first
    switch.focus()
    page.keyboard.press("Space")
    expect(switch).not_to_be_checked()
    undo = page.get_by_role("button", name="Undo")
    for _ in range(2):
        expect(undo).to_be_enabled(timeout=PATIENCE)
        undo.focus()
        page.keyboard.press("Enter")
        page.wait_for_timeout(300)
    expect(answer).to_contain_text("Change a rule", timeout=PATIENCE)
    expect(undo).to_be_disabled(timeout=PATIENCE)
    page.locator(".wb-edit").nth(1).get_by_role("button", name="Change").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Rule", exact=True)).to_have_value("is_known(firstname)", timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_contact_is_found_and_explained_with_the_mouse(open_page: Callable[..., Page], pages: Any) -> None:
    page = open_page(f"{pages.address}explain_contact")
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    answer = page.locator(".wb-answer")
    expect(answer).to_contain_text("Contact 0 has 40 points", timeout=PATIENCE)
    found = page.get_by_label("Contacts found")
    expect(found.locator("option").nth(2)).to_have_text(f"10 · {HOSTILE}", timeout=PATIENCE)
    found.select_option(index=2)
    expect(answer).to_contain_text(f"{HOSTILE} has 10 points, 10 of fit: 30 below the line at 40.", timeout=PATIENCE)
    expect(page.get_by_text("What would lift it over the line?")).to_be_visible()
    expect(page.get_by_text("Contact created")).to_be_visible(timeout=PATIENCE)
    page.get_by_label("Find a contact").fill("contact 33")
    page.get_by_label("Find a contact").blur()
    expect(page.get_by_text("1 to 1 of 1")).to_be_visible(timeout=PATIENCE)
    expect(answer).to_contain_text("Contact 33 has 40 points", timeout=PATIENCE)
    assert page.evaluate("window.ran") is None
    assert page.locator(".wb-main img, .wb-main script").count() == 0
    assert "<img" in " ".join(page.locator(".ytick").all_text_contents())


def test_contacts_are_gone_through_with_keys(open_page: Callable[..., Page], pages: Any) -> None:
    page = open_page(f"{pages.address}explain_contact", narrow=True)
    answer = page.locator(".wb-answer")
    expect(answer).to_contain_text("Contact 0 has 40 points", timeout=PATIENCE)
    page.get_by_label("Find a contact").focus()
    page.keyboard.type("contact 3")
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile(r"1 to \d+ of"))).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_label("Contacts found").locator("option").first).to_contain_text("Contact 3", timeout=PATIENCE)
    page.get_by_label("Contacts found").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(answer).to_contain_text(re.compile("Contact 3[0-9] has"), timeout=PATIENCE)
    line = page.get_by_label("Line, points")
    line.fill("10")
    page.keyboard.press("Tab")
    expect(answer).to_contain_text("the line at 10.", timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
