"""The page of the improvement benchmarks: every control moved, its state seen to move; and the files it gives."""

from __future__ import annotations

import html
import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest

import workbench as wb
from workbench.dashboards import improvement_benchmarks
from workbench.dashboards.improvement_report import html_report, html_table
from workbench.spreadsheets import csv_file, xlsx_file

SAMPLE = Path(__file__).parents[2] / "data" / "sample"


@pytest.fixture(scope="module")
def view():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(improvement_benchmarks, "DRAWS", 60)
        made = improvement_benchmarks.page(wb.load(SAMPLE))
        made.state.settle()  # at once, whether or not a loop runs in this process
        yield made


@pytest.fixture
def still(view, monkeypatch):
    """The page without its settling, so that a control's own effect is seen."""
    monkeypatch.setattr(view, "_later", lambda: None)
    return view


def test_the_page_opens_with_an_answer_cards_and_pictures(view) -> None:
    state = view.state
    assert state.headline.startswith("Website traffic: +61.6 % after 12 months (95 % interval ")
    assert view._html["cards"].value.count("wb-card") == 14 + 1  # and the box around them
    assert len(view._lines.spec["data"]) == 3  # a band's two edges, and the line
    assert view._all.layout.display == ""
    assert "n = 241 customers" in view._html["footnote"].value
    assert state.table["metric"].nunique() == 14


@pytest.mark.parametrize(
    ("control", "value", "words"),
    [
        ("metric", "ticket_response_time", "Ticket response time"),
        ("at", 6, "after 6 months"),
        ("baseline", "months 1 to 3", "baseline: month 1, 2, 3 since"),
        ("level", "centre_of_ratios", "each customer&#39;s own ratio"),
        ("centre", "mean", "mean of the month over mean"),
        ("outliers", "none", "outliers: not cleaned"),
        ("survivors", "kept_baseline", "are taken to have kept it"),
        ("seasonal", True, "adjusted by calendar month (without:"),
        ("rate", "mean", "website traffic"),
    ],
)
def test_a_control_moves_the_state_and_the_page_follows_at_once(still, control: str, value: object, words: str) -> None:
    state = still.state
    before, version = getattr(state, control), state.version
    still._chosen[control].value = value
    try:
        assert getattr(state, control) == value
        assert state.version == version + 1
        shown = still._html["answer"].value.replace("<b>", "").replace("</b>", "") + still._html["footnote"].value
        assert words.casefold() in shown.replace("\u00a0", " ").casefold()
    finally:
        setattr(state, control, before)


def test_groups_are_drawn_as_lines_and_small_ones_stay_hidden(still) -> None:
    still._chosen["by"].value = "cohort"
    try:
        names = [trace["name"] for trace in still._lines.spec["data"]]
        assert names == ["2024 Q3", "2024 Q4", "2025 Q1", "2025 Q2"]
        groups = still.state.found.groups()
        assert (groups.loc[groups["by"] == "cohort", "hidden"] != "").all()  # 300 customers in four quarters
    finally:
        still.state.by = ""


def test_a_choice_that_leads_nowhere_is_a_sentence_and_another_leads_out(still) -> None:
    still.state.at, still.state.baseline = 3, "months 1 to 3"
    assert still.state.headline == "month 3 is part of the baseline (1, 2, 3); ask for a later month."
    assert "wb-error" in still._html["answer"].value
    still.state.at, still.state.baseline = 12, "as the metric has it"
    assert still.state.error == ""
    assert "wb-error" not in still._html["answer"].value


def test_a_company_is_laid_over_the_others_and_later_buyers_beside(view) -> None:
    company = next(iter(view.state.companies.values()))
    view.state.company = company
    view.state.settle()
    try:
        assert "others; better than" in view._html["company"].value
        assert view._company_panel.layout.display == ""
        assert view._beside_panel.layout.display == ""
        assert "none for website traffic in month 12" in view._html["warnings"].value
        assert "The furthest month that can be compared: +" in view._html["warnings"].value
        assert any(title == "The market's share." for title, _ in view.state.warnings)
    finally:
        view.state.company = ""


def test_the_data_are_looked_at_before_the_result(view) -> None:
    content = view.widget.children[1].children[1]
    assert content.children[0].children[0] is view._html["quality"]
    assert "First: can the data carry it?" in view._html["quality"].value
    assert view.state.quality.headline() in html.unescape(view._html["quality"].value)
    assert view._quality.layout.display == "none"
    view._looked.value = True
    try:
        assert view._quality.layout.display == ""
        for check in view.state.quality.frame()["check"]:
            assert f"<td>{check}</td>" in view._html["checks"].value
        assert view._quality.narrow["layout"]["height"] == 720
    finally:
        view._looked.value = False
    assert view._html["checks"].value == ""


def test_every_row_of_the_table_has_its_unit_levels_interval_and_n(view) -> None:
    table = view.state.table.set_index("metric")
    row = table.loc["website traffic (visitors)"]
    assert row["customers"] == "241"
    found = view.state.every["website_traffic"]
    assert (row["baseline"], row["month 12"]) == (f"{found.baseline:,.0f}", f"{found.level:,.0f}")
    assert row["95 % interval"].endswith(" %")
    assert table.loc["e-mail open rate", "baseline"].endswith(" %")
    assert set(table["beyond chance"]) <= {"better", "worse", "no clear change"}


def test_no_figure_on_the_page_is_an_infinity_or_no_number(view) -> None:
    shown = " ".join(re.sub("<[^>]*>", " ", each.value) for each in view._html.values())
    assert not re.search(r"\b(nan|NaN|inf|None|null|undefined)\b", shown)


def test_the_files_hold_the_answer_and_load_nothing(view) -> None:
    files = view.state.files()
    months = pd.read_csv(io.BytesIO(files["improvements.csv"]))
    assert months["metric"].nunique() == 14
    book = pd.read_excel(io.BytesIO(files["improvements.xlsx"]), sheet_name=None, engine="calamine")
    assert list(book) == ["month 12", "every month", "footnote"]
    page = files["improvements.html"].decode("utf-8")
    assert view.state.headline in page
    assert view.state.quality.headline() in html.unescape(page)
    assert view.state.beside.headline() in page
    outside = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"""(src|href)\s*=""", outside)
    figures = json.loads(re.search(r'id="figures">(.*?)</script>', page, flags=re.DOTALL)[1])
    assert len(figures) == 2


def test_what_comes_from_data_is_text_in_every_file() -> None:
    table = pd.DataFrame({"group": ['=HYPERLINK("x")', "</script><b>"], "n": [-1, 2]})
    text = csv_file(table).decode("utf-8-sig")
    assert "'=HYPERLINK" in text
    assert "-1" in text.split("\r\n")[1]
    assert "<b>" not in html_table(table)
    sheet = pd.read_excel(io.BytesIO(xlsx_file({"a": table}, "=1")), sheet_name="a", engine="calamine")
    assert sheet["group"].tolist() == table["group"].tolist()
    figure = {"data": [{"type": "scatter", "name": "</script><b>"}], "layout": {}}
    page = html_report(title="<i>", paragraphs=[], figures={"<u>": figure}, tables={}, footnote="<s>").decode()
    assert not re.search(r"<(i|u|s|b)>", re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL))
