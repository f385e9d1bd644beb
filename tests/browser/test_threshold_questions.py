"""The questions of the page about the line, opened in a real Chromium, wide and narrow; and a decision put on file."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
PATIENCE = 40_000  # milliseconds, where all leads are looked at again
QUESTIONS = 8
OVERLAPS = """
() => [...document.querySelectorAll('.wb-figure')].flatMap(figure => {
  const told = [...figure.querySelectorAll('svg text, button, .wb-figure-label')]
    .filter(one => one.textContent.trim() && !one.closest('.hoverlayer'))
    .map(one => {
      const words = document.createRange();
      words.selectNodeContents(one);
      return [one.textContent.trim(), words.getBoundingClientRect()];
    })
    .filter(([, box]) => box.width && box.height);
  return told.flatMap(([text, a], i) => told.slice(i + 1)
    .filter(([, b]) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2)
    .map(([other]) => `${text} on ${other}`));
})
"""


@pytest.fixture(scope="module")
def served(serve_only: Callable[..., Any]) -> Any:
    return serve_only(SAMPLE, "calibrate_threshold")


def open_all(page: Page) -> None:
    for opener in page.locator(".wb-opener").all():
        if "mod-active" not in (opener.get_attribute("class") or ""):
            opener.press("Enter")
    expect(page.get_by_text("By lot, hand over 424 leads below 35")).to_be_visible(timeout=PATIENCE)
    expect(page.get_by_text("Working it out")).to_have_count(0, timeout=PATIENCE)


@pytest.mark.parametrize("narrow", [False, True])
def test_every_question_opens_by_key_fits_its_window_and_no_label_lies_on_another(
    open_page: Callable[..., Page], served: Any, narrow: bool
) -> None:
    page = open_page(f"{served.address}calibrate_threshold", narrow=narrow)
    expect(page.locator(".wb-opener")).to_have_count(QUESTIONS)
    open_all(page)
    page.get_by_role("button", name="Rebuild it").click()
    expect(page.get_by_text("Score as it was 7 days after creation")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".wb-section .wb-figure-plot .main-svg").first).to_be_visible(timeout=PATIENCE)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.get_by_role("alert").count() == 0
    assert page.evaluate(OVERLAPS) == []


def test_a_decision_is_put_on_file_and_the_next_visit_sees_it(
    open_page: Callable[..., Page], served: Any, tmp_path: Path
) -> None:
    page = open_page(f"{served.address}calibrate_threshold")
    opener = page.get_by_role("button", name="Then decide")
    opener.click()
    page.get_by_label("Who decides").fill("Ana Lopes")
    page.get_by_label("Why").fill("Sales can take <b>15</b> a week.")
    page.get_by_label("Why").press("Tab")
    page.get_by_role("button", name="Put 35 on file").click()
    stands = re.compile(r"Decided: 35 points since .*, by Ana Lopes\. Sales can take <b>15</b> a week\.")
    expect(page.locator(".wb-stands")).to_have_text(stands, timeout=PATIENCE)
    with page.expect_download() as given:
        page.get_by_role("button", name="Memo (HTML)").click()
    given.value.save_as(tmp_path / "memo.html")
    assert "is 35 points</h1>" in (tmp_path / "memo.html").read_text(encoding="utf-8")
    with urlopen(f"{served.address}calibrate_threshold", timeout=120) as again:  # noqa: S310  # our own server
        assert b"Decided: 35 points since" in again.read()
