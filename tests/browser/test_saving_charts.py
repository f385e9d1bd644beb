"""A chart saves itself, as SVG and PNG, without a word to anybody."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def saved(page: Page, format: str, place: int = 0) -> tuple[str, bytes]:
    """The file that the browser got: its name and content."""
    with page.expect_download() as download:
        page.get_by_role("button", name=f"Save this chart as {format}").nth(place).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


@pytest.fixture
def page(open_page: Callable[..., Page], stand_in_pages: Any) -> Page:
    """A live page with its chart drawn; `open_page` sees that no request leaves this machine."""
    page = open_page(stand_in_pages.address)
    page.wait_for_selector(".wb-figure-plot .bars path")
    return page


def test_the_svg_holds_the_charts_bars_its_text_and_the_line(page: Page) -> None:
    name, content = saved(page, "SVG")
    text = content.decode("utf-8")
    assert name.endswith(".svg")
    assert text.startswith("<svg")
    assert len(re.findall(r'class="point"', text)) == 10
    words = re.sub(r"<[^>]+>", " ", text)
    description = page.locator(".wb-figure-plot").get_attribute("aria-label")
    assert description
    for word in [*description.split(), "hand over from 40"]:
        assert word in words
    assert "NaN" not in text


def test_the_png_is_a_picture_of_twice_the_size(page: Page) -> None:
    name, content = saved(page, "PNG")
    assert name.endswith(".png")
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    assert width == 2 * page.evaluate("document.querySelector('.wb-figure-plot').clientWidth")
    assert height > 2 * 320  # the title has its own room


def test_saving_leaves_the_chart_as_it_was(page: Page) -> None:
    before = page.locator(".wb-figure-plot svg").first.inner_html()
    saved(page, "SVG")
    assert page.locator(".wb-figure-plot svg").first.inner_html() == before
