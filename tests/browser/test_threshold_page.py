"""The page about the line, on the sample: what it says against numbers that are counted here, contact by contact."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect
from statsmodels.stats.proportion import proportion_confint

import workbench as wb

pytestmark = pytest.mark.browser

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
DAYS = pd.Timedelta(days=90)


@pytest.fixture(scope="module")
def workspace() -> wb.Workspace:
    return wb.load(SAMPLE)


@pytest.fixture(scope="module")
def model() -> wb.ScoreModel:
    return wb.ScoreModel.read(SAMPLE / "score.yaml")


@pytest.fixture(scope="module")
def contacts(workspace: wb.Workspace) -> pd.DataFrame:
    """Those who had 90 days, and whether they became a customer in them."""
    found = workspace.contacts
    created, bought = found["createdate"], found["hs_v2_date_entered_customer"]
    had_time = created.notna() & (created + DAYS <= pd.Timestamp(workspace.as_of))
    possible = bought.isna() | (bought >= created)
    won = bought.notna() & (bought <= created + DAYS)
    return found.assign(won=won)[had_time & possible]


def expected(
    workspace: wb.Workspace, contacts: pd.DataFrame, model: wb.ScoreModel, points: dict[str, float], threshold: float
) -> str:
    scores = wb.score(workspace, model.with_points(points), as_of=workspace.as_of)["score"].loc[contacts.index]
    above = scores >= threshold
    leads, won, all_won = int(above.sum()), int((above & contacts["won"]).sum()), int(contacts["won"].sum())
    low, high = proportion_confint(won, leads, method="wilson")
    rate = won / leads
    return (
        f"At {threshold:g} points {leads:,} of {len(contacts):,} leads ({leads / len(contacts):.1%}) go to sales; "
        f"{rate:.1%} of them became customers ({low:.1%} to {high:.1%}), "
        f"{rate / contacts['won'].mean():.1f} times the average; {won / all_won:.0%} of all customers are among them."
    )


def without_spaces(text: str) -> str:
    """The sentence, however its per cents are set."""
    return re.sub(r"\s*%", "", re.sub(r"\s+", " ", text))


def says(answer: Locator, sentence: str) -> None:
    expect(answer).to_have_text(re.compile(r".+"))
    for _ in range(400):
        if without_spaces(answer.inner_text()) == without_spaces(sentence):
            return
        answer.page.wait_for_timeout(50)
    assert without_spaces(answer.inner_text()) == without_spaces(sentence)


def line_of(page: Page) -> float:
    value = page.locator(".wb-figure-line").get_attribute("aria-valuenow")
    assert value
    return float(value)


def test_the_answer_is_what_the_contacts_say_wherever_the_line_is_put(
    open_page: Callable[..., Page],
    sample_pages: Any,
    workspace: wb.Workspace,
    contacts: pd.DataFrame,
    model: wb.ScoreModel,
) -> None:
    page = open_page(sample_pages.address)
    answer = page.locator(".wb-answer")
    says(answer, expected(workspace, contacts, model, {}, line_of(page)))

    line = page.locator(".wb-figure-line")
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "PageUp"):
        line.press(key)
        says(answer, expected(workspace, contacts, model, {}, line_of(page)))

    box = line.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] - 150, box["y"] + 40, steps=8)
    page.mouse.up()
    moved = line_of(page)
    says(answer, expected(workspace, contacts, model, {}, moved))


def test_each_rule_moves_the_answer_as_its_points_say(
    open_page: Callable[..., Page],
    sample_pages: Any,
    workspace: wb.Workspace,
    contacts: pd.DataFrame,
    model: wb.ScoreModel,
) -> None:
    page = open_page(sample_pages.address)
    answer = page.locator(".wb-answer")
    threshold = line_of(page)
    points = {rule.name: float(rule.points) for rule in model.rules}
    for rule in points:
        slider = page.get_by_role("slider", name=rule, exact=True)
        for _ in range(3):
            slider.press("ArrowLeft")
        points[rule] -= 3
        says(answer, expected(workspace, contacts, model, points, threshold))
    page.get_by_role("button", name="Reset").click()
    says(answer, expected(workspace, contacts, model, {}, threshold))


def test_the_figure_shows_everybody_who_is_judged(
    open_page: Callable[..., Page], sample_pages: Any, contacts: pd.DataFrame
) -> None:
    page = open_page(sample_pages.address)
    shown = page.evaluate(
        "Object.fromEntries(document.querySelector('.wb-figure-plot')._fullData.filter(trace => trace.type === 'bar')"
        ".map(trace => [trace.name, Array.from(trace.y).reduce((a, b) => a + b, 0)]))"
    )
    assert shown["above the line"] + shown["below"] == len(contacts)
    assert shown["customers"] == contacts["won"].sum()


@pytest.mark.parametrize("narrow", [False, True])
def test_the_page_fits_its_window(open_page: Callable[..., Page], sample_pages: Any, narrow: bool) -> None:
    page = open_page(sample_pages.address, narrow=narrow)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.get_by_role("alert").count() == 0
