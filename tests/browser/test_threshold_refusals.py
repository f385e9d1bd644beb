"""Numbers that make no sense, typed in a real Chromium: the old ones come back, with a sentence at their fields."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Page, expect

import workbench as wb
import workbench.calibration

pytestmark = pytest.mark.browser


def test_the_old_number_comes_back_and_its_field_says_why(open_page: Callable[..., Page], sample_pages: Any) -> None:
    page = open_page(f"{sample_pages.address}calibrate_threshold", narrow=True)

    def refused(label: str, typed: str, stays: str, sentence: str) -> None:
        box = page.get_by_label(label)
        box.fill(typed)
        box.press("Tab")
        expect(page.get_by_text(sentence)).to_be_visible()
        expect(box).to_have_value(stays)

    refused("Sales can take, leads a week", "-3", "20", "Sales can take from 0 to 1,000,000 leads a week")
    for _ in range(2):
        refused("Hand over from, points", "1000000000", "100", "The score runs from 0 to 100")
    refused("Value of a win", "abc", "", "'abc' is not a number above 0")
    page.get_by_role("button", name="Then decide").click()
    page.get_by_role("button", name="Put 100 on file").click()
    expect(page.get_by_text("give your name under 'Who decides' and the reason under 'Why'")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_memo_fits_a_phone(open_page: Callable[..., Page], tmp_path: Path) -> None:
    counts = {score: (40, 2 + score // 4) for score in range(60)}
    table = pd.DataFrame(
        [(score, place < won) for score, (n, won) in counts.items() for place in range(n)], columns=["score", "won"]
    )
    won = wb.Outcome(when="won and is_known(a_property_with_a_name_that_is_as_long_as_a_line)")
    found = wb.calibrate(table.assign(a_property_with_a_name_that_is_as_long_as_a_line=1), outcome=won)
    made = wb.decide(
        tmp_path / "score.yaml", found, threshold=33, reason="It pays.", author="Ana Lopes", on="2026-07-01"
    )
    file = wb.calibration.write_memo(wb.calibration.memo(found, [made]), tmp_path / "memo.html")
    page = open_page(file.as_uri(), narrow=True, live=False)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for told in page.locator("svg").all():
        box = told.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 390
