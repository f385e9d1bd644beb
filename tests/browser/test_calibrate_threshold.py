"""The controls, buttons and files of the page about the line, in a real Chromium; strangers' text stays text."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from playwright.sync_api import Locator, Page, expect
from python_calamine import CalamineWorkbook

import workbench as wb

pytestmark = pytest.mark.browser

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
PATIENCE = 20_000  # milliseconds, where leads are counted anew
BOUGHT = wb.Outcome(
    when="is_known(hs_v2_date_entered_customer)",
    at="hs_v2_date_entered_customer",
    within_days=90,
    label="customers",
)


@pytest.fixture(scope="module")
def workspace() -> wb.Workspace:
    return wb.load(SAMPLE)


@pytest.fixture(scope="module")
def scored(workspace: wb.Workspace) -> pd.DataFrame:
    """The contacts with the model's score."""
    table: pd.DataFrame = wb.score(workspace, wb.ScoreModel.read(SAMPLE / "score.yaml"))
    return table


@pytest.fixture
def page(open_page: Callable[..., Page], sample_pages: Any) -> Page:
    return open_page(f"{sample_pages.address}calibrate_threshold")


def answer(page: Page) -> Locator:
    return page.locator(".wb-answer")


def shows(page: Page, calibration: wb.Calibration, threshold: float) -> None:
    """The page answers as this calibration does at this line, and its line stands there."""
    said = re.compile(re.escape(calibration.headline(threshold)).replace(r"\ %", r"\s%"))
    expect(answer(page)).to_have_text(said, timeout=PATIENCE)
    line = page.get_by_role("slider", name="Threshold")
    expect(line).to_have_attribute("aria-valuenow", f"{threshold:g}", timeout=PATIENCE)


def test_the_answer_is_what_is_seen_first_and_the_bars_are_in_sight(page: Page) -> None:
    pieces = ".wb-card, .wb-figure-plot, .wb-advice, .wb-table, .wb-band, .wb-note, .wb-warn, .wb-content .wb-actions"
    for width, height, others in [(1280, 900, pieces), (390, 844, f"{pieces}, .wb-controls")]:
        page.set_viewport_size({"width": width, "height": height})
        top, figure = answer(page).bounding_box(), page.locator(".wb-figure-plot").bounding_box()
        assert top
        assert figure
        for other in page.locator(others).all():
            box = other.bounding_box()
            assert box is None or box["y"] >= top["y"] + top["height"]
        assert figure["y"] + 250 < height
        heights: list[float] = page.evaluate(
            "Array.from(document.querySelectorAll('.wb-figure-plot .bars path'), bar => bar.getBBox().height)"
        )
        assert sum(bar > 20 for bar in heights) >= 10


def test_each_choice_moves_the_answer(page: Page, workspace: wb.Workspace, scored: pd.DataFrame) -> None:
    as_of = workspace.as_of

    def choose(name: str, label: str) -> None:
        page.get_by_role("combobox", name=name, exact=True).select_option(label=label)

    choose("Success means", "became an opportunity")
    opportunity = wb.Outcome(
        when="is_known(hs_v2_date_entered_opportunity)",
        at="hs_v2_date_entered_opportunity",
        within_days=90,
        label="opportunities",
    )
    shows(page, wb.calibrate(scored, outcome=opportunity, as_of=as_of, company=None), 35)
    choose("Success means", "became a customer")

    choose("How soon", "within 365 days")
    year = wb.Outcome(when=BOUGHT.when, at=BOUGHT.at, within_days=365, label="customers")
    shows(page, wb.calibrate(scored, outcome=year, as_of=as_of, company=None), 35)
    choose("How soon", "within 90 days")

    choose("Among", "leads by Country/Region")
    german = scored[scored["country"] == "Germany"]
    choose("Which", f"Germany ({len(german):,})")
    shows(page, wb.calibrate(german, outcome=BOUGHT, as_of=as_of, company=None), 35)
    choose("Among", "all leads")
    shows(page, wb.calibrate(scored, outcome=BOUGHT, as_of=as_of, company=None), 35)

    choose("Score", "HubSpot Score")
    old = wb.calibrate(workspace, score="hubspotscore", outcome=BOUGHT, company=None)
    shows(page, old, old.default_threshold)
    expect(page.locator(".wb-rule")).to_have_count(0, timeout=PATIENCE)
    choose("Score", "Sales readiness (version 3)")
    shows(page, wb.calibrate(scored, outcome=BOUGHT, as_of=as_of, company=None), 35)
    expect(page.locator(".wb-rule")).to_have_count(12)


def test_what_sales_can_take_and_a_typed_line_are_taken_at_their_word(
    page: Page, workspace: wb.Workspace, scored: pd.DataFrame
) -> None:
    calibration = wb.calibrate(scored, outcome=BOUGHT, as_of=workspace.as_of, company=None)
    box = page.get_by_label("Sales can take, leads a week")
    box.fill("8")
    box.press("Tab")
    capacity = calibration.recommend("capacity", leads_per_week=8)
    first = page.locator(".wb-advice").first
    expect(first).to_contain_text("of the 8 a week that sales can take", timeout=PATIENCE)
    assert capacity.threshold is not None
    expect(first.locator("strong")).to_have_text(f"{capacity.threshold:g}")
    shows(page, calibration, capacity.threshold)
    expect(page.locator(".wb-card").first).to_contain_text("of 8 that sales can take")
    typed = page.get_by_label("Hand over from, points")
    typed.fill("42")
    typed.press("Tab")
    shows(page, calibration, 42)


def test_every_recommended_line_is_taken_by_its_button_and_undone(
    page: Page, workspace: wb.Workspace, scored: pd.DataFrame
) -> None:
    calibration = wb.calibrate(scored, outcome=BOUGHT, as_of=workspace.as_of, company=None)
    lines = [
        calibration.recommend("capacity", leads_per_week=20).threshold,
        calibration.recommend("youden").threshold,
        calibration.recommend("rule_of_thumb").threshold,
    ]
    page.get_by_role("slider", name="Threshold").press("End")
    shows(page, calibration, 100)
    undo = page.get_by_role("button", name="Undo")
    for place, line in enumerate(lines):
        assert line is not None
        advice = page.locator(".wb-advice").nth(place)
        advice.get_by_role("button", name=f"Use {line:g}").click()
        shows(page, calibration, line)
        expect(advice.get_by_role("button")).to_have_count(0)
        expect(advice).to_contain_text("in use")
        undo.click()
        shows(page, calibration, 100)
    undo.click()
    shows(page, calibration, 35)
    expect(undo).to_be_disabled()


def test_points_are_undone_and_reset(page: Page, workspace: wb.Workspace, scored: pd.DataFrame) -> None:
    first = wb.calibrate(scored, outcome=BOUGHT, as_of=workspace.as_of, company=None)
    model = wb.ScoreModel.read(SAMPLE / "score.yaml")
    slider = page.get_by_role("slider", name="Asked for a demo", exact=True)
    for _ in range(4):
        slider.press("ArrowLeft")
    moved = wb.calibrate(
        wb.score(workspace, model.with_points({"Asked for a demo": 21})),
        outcome=BOUGHT,
        as_of=workspace.as_of,
        company=None,
    )
    shows(page, moved, 35)
    page.get_by_role("button", name="Undo").click()
    shows(page, first, 35)
    expect(slider).to_have_attribute("aria-valuenow", re.compile(r"^25(\.0)?$"))
    slider.press("ArrowLeft")
    expect(page.get_by_role("button", name="Undo")).to_be_enabled()
    page.get_by_role("button", name="Reset").click()
    shows(page, first, 35)


def test_the_files_hold_the_leads_above_the_line_and_the_points_as_they_stand(
    page: Page, workspace: wb.Workspace, tmp_path: Path
) -> None:
    def saved(button: str) -> Path:
        with page.expect_download() as given:
            page.get_by_role("button", name=button).click()
        path = tmp_path / given.value.suggested_filename
        given.value.save_as(path)
        return path

    slider = page.get_by_role("slider", name="Software company", exact=True)
    slider.press("ArrowRight")
    model = wb.ScoreModel.read(SAMPLE / "score.yaml").with_points({"Software company": 16})
    file = saved("Points as score.yaml")
    assert file.name == "score.yaml"
    assert wb.ScoreModel.read(file) == model

    scored = wb.score(workspace, model)
    leads = wb.handover(scored, threshold=35, score_name="Sales readiness", outcome=BOUGHT)
    assert leads.n_opted_out > 0
    file = saved("Leads above the line (XLSX)")
    assert file.name == "leads-above-the-line.xlsx"
    head, *rows = CalamineWorkbook.from_path(file).get_sheet_by_index(0).to_python()
    assert (head[0], head[-1]) == ("Record ID", "Score")
    assert [(row[0], row[-1]) for row in rows] == list(
        zip(leads.rows["hs_object_id"], leads.rows["score"], strict=True)
    )
    expect(page.get_by_text(leads.headline())).to_be_visible(timeout=PATIENCE)

    page.get_by_label("with leads who opted out").check()
    everybody = wb.handover(scored, threshold=35, outcome=BOUGHT, include_opted_out=True)
    file = saved("File to import (CSV)")
    assert file.name == "scores-to-import.csv"
    with file.open(encoding="utf-8", newline="") as text:
        found = list(csv.reader(text))
    assert found[0] == ["Record ID", "Sales readiness", "Label"]
    assert found[1:] == [
        [lead, str(score), "From 35 points"]
        for lead, score in zip(everybody.rows["hs_object_id"], everybody.rows["score"], strict=True)
    ]
    expect(page.get_by_text(everybody.headline())).to_be_visible(timeout=PATIENCE)


HOSTILE = "<img src=x onerror=hacked()><script>hacked()</script>'\"&amp;{{7*7}}"
"""What somebody may have typed into a form, a company's name, an option, a rule."""


@pytest.fixture(scope="module")
def hostile_export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export whose every name and value is hostile, with a model whose names are too."""
    folder = tmp_path_factory.mktemp("hostile") / "<img src=x onerror=hacked()>"
    folder.mkdir()
    with (folder / "contacts-2026-06-30.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["Record ID", "First Name", "Company Name", "Industry", "Fit Score", HOSTILE, f"Region {HOSTILE}"])
        for n in range(60):
            won = "yes" if n > 40 and n % 2 else "no"
            out.writerow([n, HOSTILE, HOSTILE, HOSTILE, n, won, f"{HOSTILE}{n % 2}"])
    quoted = "'" + HOSTILE.replace("'", "''") + "'"
    broken = "name: " + quoted + "\ngroups:\n  - " + quoted + ": 1\n"
    model = (
        f"name: {quoted}\nversion: 1\ngroups:\n  - name: {quoted}\n    rules:\n      - name: {quoted}\n"
        '        when: property("Fit Score") > 40\n        points: 10\n'
    )
    (folder / "score.yaml").write_text(model, encoding="utf-8")
    (folder / "score_broken.yaml").write_text(broken, encoding="utf-8")
    return folder


def test_what_strangers_typed_is_shown_as_text_and_none_of_it_runs(
    open_page: Callable[..., Page], serve_only: Callable[..., Any], hostile_export: Path, tmp_path: Path
) -> None:
    address = serve_only(hostile_export, "calibrate_threshold").address
    page = open_page(f"{address}calibrate_threshold")  # nobody is called hacked: the console would say so
    expect(page.locator("#wb-source")).to_contain_text("<img src=x onerror=hacked()>")
    expect(page.get_by_role("combobox", name="Score", exact=True)).to_contain_text(f"{HOSTILE} (version 1)")
    expect(page.get_by_role("combobox", name="Success means")).to_contain_text(f"{HOSTILE} is yes")
    expect(page.locator(".wb-rule")).to_contain_text(HOSTILE)
    expect(page.locator(".wb-warn").first).to_contain_text(HOSTILE.partition("'")[0])
    expect(answer(page)).to_contain_text("At 10 points 19 of 60 leads")

    page.get_by_role("slider", name=HOSTILE, exact=True).press("ArrowRight")
    expect(answer(page)).to_contain_text("At 10 points 19 of 60 leads")
    page.get_by_role("combobox", name="Among").select_option(label=f"leads by Region {HOSTILE}")
    page.get_by_role("combobox", name="Which").select_option(label=f"{HOSTILE}1 (30)")
    expect(answer(page)).to_contain_text("At 10 points 10 of 30 leads", timeout=PATIENCE)
    page.get_by_role("combobox", name="Which").select_option(label=f"{HOSTILE}0 (30)")
    expect(page.get_by_role("alert")).to_contain_text(
        HOSTILE.partition("'")[0], timeout=PATIENCE
    )  # nobody won there, and the sentence names the outcome
    page.get_by_role("combobox", name="Among").select_option(label="all leads")

    with page.expect_download() as given:
        page.get_by_role("button", name="Leads above the line (XLSX)").click()
    given.value.save_as(tmp_path / "leads.xlsx")
    rows = CalamineWorkbook.from_path(tmp_path / "leads.xlsx").get_sheet_by_index(0).to_python()
    assert {row[1] for row in rows[1:]} == {HOSTILE}

    assert page.locator("main img, main script:not([type='application/json'])").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
