"""The page of the improvement benchmarks in a real Chromium: looked at, moved, narrow, and its report."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

SETTLED = 150_000  # milliseconds: all 14 metrics with their draws


@pytest.fixture
def open_settled(open_page: Callable[..., Page], sample_pages: Any) -> Callable[..., Page]:
    def open_(*, narrow: bool = False) -> Page:
        page = open_page(f"{sample_pages.address}improvement_benchmarks", narrow=narrow)
        expect(page.locator(".wb-card")).to_have_count(14, timeout=SETTLED)
        return page

    return open_


def test_the_data_come_before_the_answer_and_are_looked_at_by_a_button(open_settled: Callable[..., Page]) -> None:
    page = open_settled()
    first, answer = page.get_by_text("First: can the data carry it?"), page.locator(".wb-answer")
    expect(first).to_be_visible()
    expect(answer).to_be_visible()
    tops = [part.evaluate("part => part.getBoundingClientRect().top") for part in (first, answer)]
    assert 0 < tops[0] < tops[1] < 400
    page.get_by_role("button", name="Look at the data").click()
    expect(page.get_by_role("cell", name="isolated spikes")).to_be_visible()
    expect(page.get_by_text("Q-Q to a normal, logarithms")).to_be_visible()


def test_a_choice_moves_the_answer_and_the_cards_follow(open_settled: Callable[..., Page]) -> None:
    page = open_settled()
    page.get_by_label("Metric", exact=True).select_option(label="ticket response time")
    expect(page.locator(".wb-answer")).to_contain_text(re.compile(r"^Ticket response time: −\d"), timeout=SETTLED)
    expect(page.locator(".wb-answer")).to_contain_text("shorter is better")


def test_on_a_telephone_no_plots_title_lies_on_another(open_settled: Callable[..., Page]) -> None:
    page = open_settled(narrow=True)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    titles = page.locator(".wb-figure-plot .annotation-text", has_text="rate")
    expect(titles.first).to_be_visible()
    boxes = [box for title in page.locator(".annotation-text").all() if (box := title.bounding_box()) and box["width"]]
    assert len(boxes) >= 14
    for place, one in enumerate(boxes):
        assert one["x"] + one["width"] <= 390
        for other in boxes[:place]:
            apart = one["x"] >= other["x"] + other["width"] or other["x"] >= one["x"] + one["width"]
            assert apart or abs(one["y"] - other["y"]) >= 12


def test_the_report_stands_alone_and_its_charts_save_themselves(
    open_settled: Callable[..., Page], open_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = open_settled()
    with page.expect_download() as download:
        page.get_by_role("button", name="Report (HTML)").click()
    file = tmp_path / "report.html"
    download.value.save_as(file)
    report = open_page(file.as_uri(), live=False)  # a request to anywhere would fail the test
    expect(report.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    with report.expect_download() as chart:
        report.get_by_title("Save this chart as SVG").first.click()
    text = Path(chart.value.path()).read_text(encoding="utf-8")
    assert chart.value.suggested_filename == "month-by-month.svg"
    assert "241 customers" in text
