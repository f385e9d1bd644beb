"""The page on segments in a real Chromium: conditions, pages of rows, files; strangers' text stays text."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from python_calamine import CalamineWorkbook

from workbench.dashboards.explore_segments import PAGE
from workbench.loaders import load
from workbench.segments import Segment, write_segments

pytestmark = pytest.mark.browser

PATIENCE = 20_000  # milliseconds
HOSTILE = [
    "<script>window.ran = 1</script>",
    "<img src=x onerror=window.ran=1>",
    '"><svg onload=window.ran=1>',
    "';window.ran=1;//",
    "<a href=javascript:window.ran=1>click</a>",
    "<iframe srcdoc='<script>parent.ran=1</script>'>",
    "<details open ontoggle=window.ran=1>",
    "<style>@keyframes x{}</style><b style=animation-name:x onanimationstart=window.ran=1>",
    "{{7*7}} ${7*7} %{7*7}",
    "</textarea></option></select><script>window.ran=1</script>",
    "&lt;script&gt;window.ran=1&lt;/script&gt;",
    "=cmd|'/c calc'!A1",
    "+49 30 123",
    "\u202egnp.exe",
    "$\\unicode{x3c}img src=x onerror=window.ran=1$",
    "<math><mtext><table><mglyph><style><img src=x onerror=window.ran=1>",
    "<svg><animate onbegin=window.ran=1 attributeName=x dur=1s>",
    "<input autofocus onfocus=window.ran=1>",
    "<b>bold</b> & <sub>low</sub>",
    "%3Cscript%3Ewindow.ran=1%3C/script%3E",
    "</style><script>window.ran = 1</script>",
    "<!-- --><script>window.ran=1</script>",
    "javascript:window.ran=1",
    "@SUM(1+9)",
    "-15",
]


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory, serve_only: Callable[..., Any]) -> Any:
    """Pages on contacts whose names, companies, industries and stages are hostile; so are the saved segments' names."""
    folder = tmp_path_factory.mktemp("strangers")
    with (folder / "hubspot-crm-exports-all-contacts-2026-06-30.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Record ID", "First Name", "Company Name", "Industry", "Lifecycle Stage", "Create Date"])
        for place, text in enumerate(HOSTILE * 3):
            writer.writerow([place + 1, text, text, text, text, "2026-01-01 10:00"])
    place = folder / "workspace"
    workspace = load(folder, to=place)
    named = [Segment(text, "is_known(industry)") for text in HOSTILE]
    write_segments(workspace.path / "segments.yaml", named)
    return serve_only(place, "explore_segments")


def test_what_strangers_wrote_is_shown_as_text(open_page: Callable[..., Page], strangers: Any) -> None:
    page = open_page(f"{strangers.address}explore_segments")
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    expect(page.locator(".wb-answer")).to_contain_text(
        f"{3 * len(HOSTILE)} contacts of {3 * len(HOSTILE)}", timeout=PATIENCE
    )
    cells = page.locator("table").last.locator("tbody td").all_inner_texts()
    shown = {" ".join(text.split()) for text in cells}
    assert {text if len(text) <= 60 else f"{text[:59]}…" for text in HOSTILE[:PAGE]} <= shown
    saved = page.get_by_label("Saved segments", exact=True).locator("option").all_inner_texts()
    assert [" ".join(text.split()) for text in saved[1:]] == [" ".join(text.split()) for text in HOSTILE]
    page.get_by_label("Saved segments", exact=True).select_option(index=1)
    expect(page.locator("textarea")).not_to_have_value("true", timeout=PATIENCE)
    page.get_by_label("Search").fill(HOSTILE[1])
    page.get_by_label("Search").blur()
    expect(page.get_by_text("1 to 6 of 6")).to_be_visible(timeout=PATIENCE)
    page.locator("textarea").fill(HOSTILE[1])
    page.locator("textarea").blur()
    expect(page.locator("p.wb-error")).to_contain_text("cannot read the condition", timeout=PATIENCE)
    ticks = " ".join(page.locator(".ytick").all_text_contents())
    assert "<script>window.ran" in ticks
    page.locator("textarea").fill("is_known(industry)")
    page.locator("textarea").blur()
    page.get_by_label("Save as").fill(HOSTILE[7])
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text(f"Replaced {HOSTILE[7]!r}")).to_be_visible(timeout=PATIENCE)
    page.get_by_label("across").select_option(index=1)
    expect(page.locator("caption")).to_be_visible()
    page.get_by_role("button", name="What separates winners?").click()
    expect(page.get_by_text(re.compile("separate"))).not_to_have_count(0, timeout=PATIENCE)
    nothing_ran(page)


def test_a_spreadsheet_for_people_holds_strangers_text_as_it_is(
    open_page: Callable[..., Page], strangers: Any, tmp_path: Path
) -> None:
    page = open_page(f"{strangers.address}explore_segments")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="For people (XLSX)").click()
    waiting.value.save_as(tmp_path / "segment.xlsx")
    rows: list[list[Any]] = CalamineWorkbook.from_path(tmp_path / "segment.xlsx").get_sheet_by_index(0).to_python()
    assert [row[1] for row in rows[1 : len(HOSTILE) + 1]] == HOSTILE
    nothing_ran(page)


def nothing_ran(page: Page) -> None:
    assert page.evaluate("window.ran") is None
    assert page.locator(".wb-main script, .wb-main img, .wb-main iframe, .wb-main details, .wb-main math").count() == 0


def test_a_condition_counts_and_is_handed_over(open_page: Callable[..., Page], strangers: Any, tmp_path: Path) -> None:
    page = open_page(f"{strangers.address}explore_segments", narrow=True)
    answer, controls = (page.locator(name).bounding_box() for name in (".wb-answer", ".wb-controls"))
    assert answer is not None
    assert controls is not None
    assert answer["y"] < controls["y"]  # what is known first, then what can be asked
    page.locator("textarea").fill('contains(firstname, "script")')
    page.locator("textarea").blur()
    expect(page.locator(".wb-answer")).to_contain_text("27 contacts of 75", timeout=PATIENCE)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="To import (CSV)").click()
    waiting.value.save_as(tmp_path / "segment.csv")
    rows = (tmp_path / "segment.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0] == "Record ID"
    assert len(rows) == 28
    page.locator("textarea").fill('contains(firstnam, "x")')
    page.locator("textarea").blur()
    expect(page.locator("mark")).to_have_text("f", timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
