"""A decision on file, and the memo that tells of it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import workbench as wb
from workbench.calibration import Calibration, decisions, memo, standing_decision, write_memo

SAMPLE = Path(__file__).parents[2] / "data" / "sample"


def judged(extra: int = 0) -> Calibration:
    counts = {10: (500, 10), 30: (300, 24), 50: (150 + extra, 30), 70: (50, 20)}
    table = pd.DataFrame(
        [(score, place < won) for score, (n, won) in counts.items() for place in range(n)], columns=["score", "won"]
    )
    return wb.calibrate(table, outcome="won", as_of="2026-06-30")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return Path(shutil.copy(SAMPLE / "score.yaml", tmp_path))


def decide(model: Path, threshold: float = 50, **given: Any) -> wb.Decision:
    told = {"reason": "Sales can take 4 a week.", "author": "Ana Lopes", "on": "2026-07-01", **given}
    return wb.decide(model, judged(), threshold=threshold, **told)


def test_a_decision_holds_its_figures_reason_author_date_and_data(model: Path) -> None:
    made = decide(model)
    assert (made.threshold, made.author, made.date) == (50, "Ana Lopes", "2026-07-01")
    assert (made.n_above, made.n_leads, made.n_won) == (200, 1000, 50)
    assert (model.parent / "score.decisions.yaml").exists()
    assert standing_decision(model) == made
    assert made.made_on(judged())
    assert not made.made_on(judged(extra=1))
    assert made.headline() == (
        "Since 2026-07-01 the line for 'score' is 50: 200 of 1,000 leads, 25.0 % of them convert (19.5 to 31.4 %). "
        "Decided by Ana Lopes: Sales can take 4 a week."
    )


def test_a_standing_line_is_changed_only_by_name_and_stays_on_file(model: Path) -> None:
    decide(model)
    with pytest.raises(wb.WorkbenchError) as raised:
        decide(model, 30, on="2026-08-01")
    assert str(raised.value) == ("a decision stands: 50 since 2026-07-01, by Ana Lopes. To change it, say replaces=50.")
    decide(model, 30, on="2026-08-01", replaces=50)
    assert [one.threshold for one in decisions(model)] == [50, 30]


def test_a_line_changed_by_hand_is_noticed(model: Path) -> None:
    decide(model)
    file = model.parent / "score.decisions.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("threshold: 50.0", "threshold: 20.0"), encoding="utf-8")
    with pytest.raises(wb.WorkbenchError) as raised:
        standing_decision(model)
    assert str(raised.value) == (
        "score.decisions.yaml was changed after the decision of 2026-07-01 was written: a line never changes in "
        "silence. Bring back the file as it was, and put the change on file with decide(replaces=...)."
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"threshold": 90}, "a line at 90 lies outside the score's range, 10 to 70; choose one inside it."),
        ({"reason": " "}, "a decision needs its reason, a text that is not empty, and ' ' came."),
        ({"on": "soon"}, "on is a date such as '2026-07-01', not 'soon'."),
        ({"replaces": 40}, "no decision stands that 40 could be; leave replaces out."),
    ],
)
def test_a_decision_that_cannot_be_made_ends_in_a_sentence(model: Path, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(wb.WorkbenchError) as raised:
        decide(model, **given)
    assert str(raised.value) == sentence
    assert decisions(model) == []


def test_the_memo_needs_nothing_else_and_escapes_what_people_wrote(model: Path) -> None:
    decide(model, reason="Sales <script>alert(1)</script> & co.")
    page = memo(judged(), decisions(model))
    assert "Sales &lt;script&gt;alert(1)&lt;/script&gt; &amp; co." in page
    assert not re.search(r"<script|<link|<img|src=|https?://", page)
    assert "<h1>The line for score is 50 points</h1>" in page
    assert "now, the same data" in page
    assert page.count("<rect") == len(judged().bands)


def test_the_memo_tells_newer_data_and_older_decisions(model: Path) -> None:
    decide(model)
    decide(model, 30, on="2026-08-01", replaces=50, reason="Room for more.")
    page = memo(judged(extra=5), decisions(model))
    assert "<th>at the decision (export of 2026-06-30)</th><th>now (export of 2026-06-30)</th>" in page
    assert "Decisions so far" in page
    assert ", in place of 50" in page


def test_the_memo_parts_bands_at_the_line_and_has_an_axis() -> None:
    counts = {score: (40, 2 + score // 4) for score in range(60)}
    table = pd.DataFrame(
        [(score, place < won) for score, (n, won) in counts.items() for place in range(n)], columns=["score", "won"]
    )
    found = wb.calibrate(table, outcome="won", as_of="2026-06-30")
    parted = found.bands_split_at(33)
    assert 33 in set(parted["low_score"]) - set(found.bands["low_score"])
    assert (parted["n_leads"].sum(), parted["n_won"].sum()) == (found.n_leads, found.n_won)
    assert not ((parted["low_score"] < 33) & (parted["high_score"] >= 33)).any()
    pd.testing.assert_frame_equal(found.bands_split_at(30), found.bands)
    pd.testing.assert_frame_equal(found.bands_split_at(99), found.bands)


def test_the_memo_tells_every_figure_of_the_decision_with_what_is_known_of_it(model: Path) -> None:
    made = wb.decide(
        model,
        judged(),
        threshold=50,
        reason="It pays.",
        author="Ana Lopes",
        on="2026-07-01",
        scored_by=wb.ScoreModel.read(model),
        sales_can_take=4,
    )
    page = memo(judged(), [made], success="was won")
    line = judged().at(50)
    share = f"{100 * line.capture.low:.1f} to {100 * line.capture.high:.1f} %"
    assert f"<tr><td>95 % interval</td><td>{share}</td><td>{share}</td></tr>" in page
    assert "<td>Conversion over that of all leads</td><td>3.0 times</td><td>3.0 times</td>" in page
    assert "<td>Leads a week that sales can take</td><td>4</td>" in page
    assert "Decided by Ana Lopes (name as given), in force from 2026-07-01, for version 3. Success: was won." in page
    assert "Not a back-test." in page
    assert re.findall(r'text-anchor="end">([^<]+)<', page)[:2] == ["0 %", "10 %"]
    assert "The figures of now count another success" not in page


def test_a_decision_from_before_versions_were_kept_still_has_its_seal(model: Path) -> None:
    made = decide(model)
    text = (model.parent / "score.decisions.yaml").read_text(encoding="utf-8")
    assert "\n  version:" not in text
    assert decisions(model) == [made]
    assert made.made_for_another(wb.ScoreModel.read(model)) == ""


def test_a_changed_version_breaks_the_seal(model: Path) -> None:
    decide(model, scored_by=wb.ScoreModel.read(model))
    file = model.parent / "score.decisions.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("version: 3", "version: 4"), encoding="utf-8")
    with pytest.raises(wb.WorkbenchError, match="was changed after the decision"):
        decisions(model)


def test_without_a_decision_there_is_no_memo(model: Path) -> None:
    with pytest.raises(wb.WorkbenchError, match="there is no decision to write of; make one with decide"):
        memo(judged(), decisions(model))


def test_a_pdf_is_printed_by_chromium_or_refused_in_a_sentence(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(model)
    page = memo(judged(), decisions(model))
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    monkeypatch.delenv("CHROMIUM", raising=False)
    with pytest.raises(wb.WorkbenchError, match="a PDF is printed by Chromium or Chrome, and there is none here"):
        write_memo(page, tmp_path / "memo.pdf")


@pytest.mark.browser
def test_the_pdf_is_a_pdf(model: Path, tmp_path: Path) -> None:
    decide(model)
    file = write_memo(memo(judged(), decisions(model)), tmp_path / "memo.pdf")
    assert file.read_bytes().startswith(b"%PDF")


def test_the_command_line_writes_the_memo(model: Path, tmp_path: Path) -> None:
    ws = wb.load(SAMPLE)
    won = wb.Outcome(when='lifecyclestage == "customer"', at="hs_v2_date_entered_customer", within_days=90)
    calibration = wb.calibrate(ws, score="hubspotscore", outcome=won)
    wb.decide(model, calibration, threshold=45, reason="It pays.", author="Ana Lopes", on="2026-07-01")
    asked = ["--score", "hubspotscore", "--outcome", won.when, "--at", str(won.at), "--within-days", "90"]
    to = tmp_path / "memo.html"
    told = subprocess.run(
        [sys.executable, "-m", "workbench.cli", "memo", SAMPLE, "--model", model, *asked, "--to", to],
        capture_output=True,
        text=True,
    )
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.startswith("Since 2026-07-01 the line for 'hubspotscore' is 45: 899 of 3,972 leads")
    assert "The line for hubspotscore is 45 points" in to.read_text(encoding="utf-8")
