"""Pages as a visitor meets them: drawn, moved, failed, in a real Chromium."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

LEADS = [5, 9, 20, 44, 60, 52, 31, 18, 7, 2]


def answer_from(threshold: int, *, extra: int = 0) -> str:
    leads = sum(n + extra for score, n in zip(range(0, 100, 10), LEADS, strict=True) if score >= threshold)
    return f"From {threshold} points on {leads} leads go to sales."


def until(holds: Callable[[], bool], *, seconds: float = 20) -> None:
    give_up = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def bars(page: Page) -> list[float]:
    """The heights that plotly drew, from the figure itself."""
    heights: list[float] = page.evaluate("Array.from(document.querySelector('.wb-figure-plot')._fullData[0].y)")
    return heights


@pytest.fixture
def page(open_page: Callable[..., Page], stand_in_pages: Any) -> Page:
    return open_page(stand_in_pages.address)


def line_at(page: Page) -> tuple[float, float]:
    box = page.get_by_role("slider", name="Threshold").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def pixels_per_point(page: Page) -> float:
    width: float = page.evaluate(
        "(p => p._fullLayout.xaxis.l2p(1) - p._fullLayout.xaxis.l2p(0))(document.querySelector('.wb-figure-plot'))"
    )
    return width


def test_a_page_shows_its_answer_and_its_bars(page: Page) -> None:
    expect(page.locator(".wb-answer")).to_have_text(answer_from(40))
    assert bars(page) == LEADS
    assert page.locator(".wb-figure-plot .bars path").count() == len(LEADS)


def test_a_page_says_what_it_is(page: Page) -> None:
    expect(page).to_have_title("Where is the line? · Workbench")
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.get_by_role("navigation").get_by_role("link").all_inner_texts() == [
        "Line & co",
        "Wrong data",
        "Mistake",
    ]
    assert page.locator("nav a[aria-current]").inner_text() == "Line & co"
    expect(page.locator("#wb-source")).to_have_text("Tiny GmbH")


def test_only_tagged_cells_are_shown_and_no_code_is_sent(page: Page) -> None:
    assert "not for the page" not in page.content()
    assert "nor this" not in page.content()
    assert "import ipywidgets" not in page.content()


def test_the_line_is_dragged_by_mouse_snaps_and_python_hears_of_it(page: Page) -> None:
    x, y = line_at(page)
    step = 10 * pixels_per_point(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 1.3 * step, y, steps=5)
    expect(page.locator(".wb-figure-label")).to_have_text("hand over from 50")
    page.mouse.move(x + 2.2 * step, y, steps=5)
    page.mouse.up()
    expect(page.locator(".wb-answer")).to_have_text(answer_from(60))
    assert line_at(page)[0] == pytest.approx(x + 2 * step, abs=1)


def test_the_line_stays_where_the_keys_put_it(page: Page) -> None:
    line = page.get_by_role("slider", name="Threshold")
    line.focus()
    for key, at in [("ArrowRight", 50), ("ArrowUp", 60), ("ArrowLeft", 50), ("Home", 0), ("End", 90), ("PageDown", 0)]:
        page.keyboard.press(key)
        assert line.get_attribute("aria-valuenow") == str(at)
        assert line.get_attribute("aria-valuetext") == f"hand over from {at}"
        expect(page.locator(".wb-answer")).to_have_text(answer_from(at))


def test_the_line_is_dragged_by_a_finger(open_page: Callable[..., Page], stand_in_pages: Any) -> None:
    page = open_page(stand_in_pages.address, narrow=True, touch=True)
    x, y = line_at(page)
    step = 10 * pixels_per_point(page)
    touches = page.context.new_cdp_session(page)
    touches.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for part in (0.5, 1.0, 1.5, 2.0):
        touches.send(
            "Input.dispatchTouchEvent",
            {"type": "touchMove", "touchPoints": [{"x": x + part * step, "y": y + 30 * part}]},
        )
    touches.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.locator(".wb-answer")).to_have_text(answer_from(60))
    assert page.evaluate("scrollY") == 0


def test_a_slider_redraws_the_bars_in_place(page: Page) -> None:
    page.evaluate("document.querySelector('.wb-figure-plot').querySelector('svg').dataset.same = 'yes'")
    page.get_by_role("slider", name="Points").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page.locator(".wb-answer")).to_have_text(answer_from(40, extra=3))
    assert bars(page) == [n + 3 for n in LEADS]
    assert page.locator(".wb-figure-plot svg[data-same=yes]").count() == 1


def test_a_click_on_a_bar_is_told_to_python(page: Page) -> None:
    box = page.locator(".wb-figure-plot .bars path").nth(4).bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] - 5)
    expect(page.locator(".clicked")).to_have_text("the bar at 40 of trace 0")


def test_a_control_that_fails_says_so_without_a_traceback(page: Page) -> None:
    page.get_by_role("button", name="Fail").click()
    expect(page.locator("#wb-notice")).to_contain_text("Something went wrong that nobody foresaw.")
    assert "ValueError" not in page.content()
    assert "only the kernel knows" not in page.content()
    page.get_by_role("slider", name="Points").press("ArrowRight")
    expect(page.locator("#wb-notice")).to_be_hidden()


def test_a_kernel_that_died_is_told(open_page: Callable[..., Page], stand_in_pages: Any) -> None:
    page = open_page(stand_in_pages.address)
    kernel = page.evaluate("JSON.parse(document.getElementById('wb-config').textContent).kernel")
    for child in psutil.Process(stand_in_pages.process.pid).children():
        if kernel in " ".join(child.cmdline()):
            child.kill()
    expect(page.locator("#wb-notice")).to_contain_text("The connection to the workbench was lost", timeout=20_000)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("wrong_data", "no <b>score</b> is there; give one."),
        (
            "mistake",
            "Something went wrong that nobody foresaw. "
            "What it was stands in the window where the workbench was started.",
        ),
    ],
)
def test_a_cell_that_fails_shows_a_sentence(
    open_page: Callable[..., Page], stand_in_pages: Any, name: str, sentence: str
) -> None:
    page = open_page(f"{stand_in_pages.address}{name}")
    assert page.get_by_role("alert").all_inner_texts() == [sentence]
    for word in ("Traceback", "raise", "KeyError", "the secret key", "never shown"):
        assert word not in page.content()


def test_a_page_takes_in_widgets_that_its_kernel_made_before_it_was_there(
    open_page: Callable[..., Page], restless_pages: Any
) -> None:
    page = open_page(restless_pages[0].address)
    expect(page.get_by_text("made by a cell")).to_be_visible()
    expect(page.get_by_text("made after the page was drawn")).to_be_visible()


@pytest.mark.parametrize("narrow", [False, True])
def test_a_page_is_as_wide_as_its_window_and_the_figure_as_its_page(
    open_page: Callable[..., Page], stand_in_pages: Any, narrow: bool
) -> None:
    page = open_page(stand_in_pages.address, narrow=narrow)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.set_viewport_size({"width": 600, "height": 800})
    until(
        lambda: page.evaluate(
            "(plot => plot.clientWidth < 600 && plot._fullLayout.width === plot.clientWidth)"
            "(document.querySelector('.wb-figure-plot'))"
        )
    )


def test_the_place_of_a_figure_is_kept_while_it_is_on_its_way(page: Page) -> None:
    assert page.evaluate("document.querySelector('.wb-figure-plot').clientHeight") == 320
    jumps = page.evaluate(
        "new Promise(done => { new PerformanceObserver(list => done(list.getEntries().map(entry => entry.value)))"
        ".observe({type: 'layout-shift', buffered: true}); setTimeout(() => done([]), 500); })"
    )
    assert sum(jumps) < 0.1


def test_a_closed_page_lets_its_kernel_go(open_page: Callable[..., Page], stand_in_pages: Any) -> None:
    page = open_page(stand_in_pages.address)
    kernel = page.evaluate("JSON.parse(document.getElementById('wb-config').textContent).kernel")
    server = psutil.Process(stand_in_pages.process.pid)

    def runs() -> bool:
        alive = [child for child in server.children() if child.status() != psutil.STATUS_ZOMBIE]
        return any(kernel in " ".join(child.cmdline()) for child in alive)

    assert runs()
    page.goto("about:blank")
    until(lambda: not runs())


def test_a_visitor_without_the_token_is_asked_for_it(open_page: Callable[..., Page], token_pages: Any) -> None:
    address = token_pages.address.split("?")[0]
    page = open_page(address, live=False)
    known = page.locator("input[name=_xsrf]").get_attribute("value")
    wrong = page.request.post(f"{address}login", form={"_xsrf": str(known), "password": "open"})
    assert (wrong.status, "That is not the token." in wrong.text()) == (401, True)
    page.get_by_label("Token").fill("open-sesame")
    page.get_by_role("button", name="Open").click()
    page.wait_for_selector("html.wb-live", timeout=60_000)
    assert page.url == f"{address}line"
    expect(page.locator(".wb-answer")).to_have_text(answer_from(40))


def test_the_token_does_not_stay_in_the_address(open_page: Callable[..., Page], token_pages: Any) -> None:
    page = open_page(token_pages.address)
    assert page.url == f"{token_pages.address.split('?')[0]}line"
