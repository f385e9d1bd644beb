"""The command line: what it prints, what it writes, how it refuses."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import workbench as wb
from workbench.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("import", ...)`: exit code, what it printed, what it said on the error stream."""

    def run_(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["workbench", *map(str, words)])
        monkeypatch.setenv("COLUMNS", "200")
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return run_


MODEL = """
name: Fit
version: 1
groups:
  - name: fit
    rules:
      - name: Fits well
        when: property("Fit Score") >= 70
        points: 10
      - name: Fits badly
        when: property("Fit Score") < 20
        points: -5
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "score.yaml"
    path.write_text(MODEL, encoding="utf-8")
    return path


def test_import_says_what_was_read_and_leaves_a_workspace(run: Run, tiny_export: Path, tmp_path: Path) -> None:
    code, out, err = run("import", tiny_export, "--to", tmp_path / "workspace")
    assert (code, err) == (0, "")
    assert out.startswith("10 rows read from 1 file: 10 loaded, 0 set aside;")
    assert len(wb.load(tmp_path / "workspace").contacts) == 10


def test_import_tells_what_is_doubtful_kind_by_kind(run: Run, tiny_export: Path, tmp_path: Path) -> None:
    (export,) = tiny_export.iterdir()
    rows = export.read_text(encoding="utf-8").splitlines()
    (tmp_path / export.name).write_text("\r\n".join([*rows, rows[-1], rows[-2]]), encoding="utf-8")
    _, out, _ = run("import", tmp_path / export.name, "--to", tmp_path / "workspace")
    (told,) = [line.split() for line in out.splitlines() if "the same record" in line]
    assert (told[0], told[-1]) == (export.name, "2")


def test_import_takes_what_the_headers_do_not_tell(run: Run, tmp_path: Path) -> None:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "contacts.csv").write_text(
        "Record ID,Email,Create Date\n1,ada@acme.example,02/03/2026\n", encoding="utf-8"
    )
    (tmp_path / "exports" / "companies.csv").write_text(
        "Record ID,Company name,Company Domain Name\n7,Acme,acme.example\n", encoding="utf-8"
    )
    for language, month in (("en", 2), ("de", 3)):
        to = tmp_path / language
        told = run("import", tmp_path / "exports", "--to", to, "--language", language, "--companies-by-domain")
        assert told[0] == 0, told
        (row,) = wb.load(to).contacts.itertuples()
        assert row.createdate.month == month
        assert row.company_by_domain == "7"
    code, _, err = run("import", tmp_path / "exports", "--to", tmp_path / "x", "--language", "es")
    assert (code, "es" in err) == (2, True)


def test_import_takes_a_mapping(run: Run, tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text("Prospect,Bought\nA-1,yes\nA-2,no\n", encoding="utf-8")
    (tmp_path / "names.yaml").write_text("Prospect: hs_object_id\nBought: bought\n", encoding="utf-8")
    code, _, err = run(
        "import", tmp_path / "leads.csv", "--to", tmp_path / "workspace", "--mapping", tmp_path / "names.yaml"
    )
    assert (code, err) == (0, "")
    assert wb.load(tmp_path / "workspace").contacts["hs_object_id"].tolist() == ["A-1", "A-2"]


def test_score_writes_record_ids_and_scores_and_nothing_else(
    run: Run, tiny_export: Path, model: Path, tmp_path: Path
) -> None:
    code, out, err = run("score", tiny_export, "--model", model, "--to", tmp_path / "scores.csv")
    assert (code, err) == (0, "")
    assert out == f"10 contacts scored; their record ids and scores are in {tmp_path / 'scores.csv'}.\n"
    written = pd.read_csv(tmp_path / "scores.csv", dtype={"hs_object_id": str})
    assert list(written.columns) == ["hs_object_id", "score"]
    assert dict(zip(written["hs_object_id"], written["score"], strict=True)) == {
        str(100 + i): 10 if i >= 7 else -5 if i < 2 else 0 for i in range(10)
    }


def test_score_writes_labels_too_and_leaves_out_who_has_no_score(
    run: Run, tiny_export: Path, model: Path, tmp_path: Path
) -> None:
    above = "exclude: [Few]\nlabels:\n  - {name: Good, at_least: 5}\n"
    model.write_text(model.read_text(encoding="utf-8").replace("groups:", f"{above}groups:"), encoding="utf-8")
    few = wb.Segment("Few", 'hs_object_id in ["100", "101", "102"]')
    wb.write_segments(model.with_name("segments.yaml"), [few])
    code, out, err = run("score", tiny_export, "--model", model, "--to", tmp_path / "scores.csv")
    assert (code, err) == (0, "")
    assert out == f"7 contacts scored; their record ids, scores and labels are in {tmp_path / 'scores.csv'}.\n"
    expected = [f"{100 + i},{10 if i >= 7 else 0},{'Good' if i >= 7 else ''}" for i in range(3, 10)]
    lines = (tmp_path / "scores.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "hs_object_id,score,score_label"
    assert sorted(lines[1:]) == expected


def test_score_refuses_a_folder_that_is_not_there(run: Run, tiny_export: Path, model: Path, tmp_path: Path) -> None:
    to = tmp_path / "nowhere" / "scores.csv"
    code, out, err = run("score", tiny_export, "--model", model, "--to", to)
    assert (code, out) == (2, "")
    assert "cannot be written" in err


def test_calibrate_prints_the_headline_and_every_threshold(run: Run, tiny_export: Path) -> None:
    contacts = wb.load(tiny_export).contacts
    expected = wb.calibrate(contacts, score="Fit Score", outcome='lifecyclestage == "customer"', as_of="2026-06-30")
    code, out, err = run(
        "calibrate", tiny_export, "--score", "Fit Score", "--outcome", 'lifecyclestage == "customer"', "--threshold", 70
    )
    assert (code, err) == (0, "")
    headline, _, *lines = out.splitlines()
    assert headline == expected.headline(70)
    n = len(expected.thresholds)
    assert [line.split()[0] for line in lines[:n]] == [f"{at:g}" for at in expected.thresholds["threshold"]]
    assert lines[n].startswith("Not a back-test. The score is as it is in the export")
    assert lines[n + 1 :] == list(expected.notes)


def test_calibrate_judges_a_model(run: Run, tiny_export: Path, model: Path) -> None:
    words = ("--outcome", 'lifecyclestage == "customer"', "--threshold", 10)
    code, out, err = run("calibrate", tiny_export, "--model", model, *words)
    assert (code, err) == (0, "")
    assert out.startswith("At 10 points 3 of 10 leads (30.0 %) go to sales; 100.0 % of them became customers")


@pytest.mark.parametrize("words", [(), ("--score", "Fit Score", "--model", "score.yaml")])
def test_calibrate_wants_one_score(run: Run, tiny_export: Path, words: tuple[str, ...]) -> None:
    assert run("calibrate", tiny_export, "--outcome", "won", *words) == (
        2,
        "",
        "say which score is judged: --score with a column's name, or --model with a score.yaml.\n",
    )


def test_sample_writes_the_same_files_for_the_same_seed(run: Run, tmp_path: Path) -> None:
    for name, seed in [("one", 7), ("two", 7), ("three", 8)]:
        code, out, _ = run("sample", "--contacts", 40, "--to", tmp_path / name, "--seed", seed)
        assert code == 0
        assert "40 rows  hubspot-crm-exports-all-contacts" in out.replace(",", "")
    one, two, three = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.csv")}
        for name in ("one", "two", "three")
    )
    assert one == two
    assert one != three


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("sample", "--contacts", 0, "--to", "x"), "a sample has 1 to 10,000,000 contacts, not 0\n"),
        (("serve", "data/nowhere"), None),
        (("import", "data/nowhere", "--to", "x"), None),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(run: Run, words: tuple[object, ...], sentence: str | None) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert err == (sentence or err)
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_what_is_no_export_is_one_sentence_and_exit_code_2(run: Run, tiny_export: Path, tmp_path: Path) -> None:
    (export,) = tiny_export.iterdir()
    pipe, strange, long = tmp_path / "pipe.csv", tmp_path / "K\udce4.csv", tmp_path / ("x" * 300)
    os.mkfifo(pipe)
    strange.write_bytes(export.read_bytes())
    to = tmp_path / "workspace"
    for words in (
        ("import", pipe, "--to", to),
        ("import", "/dev/null", "--to", to),
        ("import", strange, "--to", to),
        ("import", long, "--to", to),
        ("import", export, "--to", long),
        ("import", export, "--to", strange),
        ("import", export, "--to", to, "--mapping", pipe),
        ("import", export, "--to", to, "--timezone", "localtime"),
        ("serve", pipe),
    ):
        code, out, err = run(*words)
        assert (code, out, err.count("\n")) == (2, "", 1), words
    assert not to.exists()


def test_an_import_over_a_broken_workspace_puts_it_right(run: Run, tiny_export: Path, tmp_path: Path) -> None:
    to = tmp_path / "workspace"
    words = "import", tiny_export, "--to", to
    assert run(*words)[0] == 0
    (to / "current.json").write_text("[]", encoding="utf-8")
    code, out, err = run("serve", to)
    assert (code, out) == (2, "")
    assert err == f"{to} is no Workspace: current.json names no snapshot in it: import the exports again.\n"
    assert run(*words)[0] == 0
    assert len(wb.load(to).contacts) == 10


@pytest.mark.parametrize("words", [("import",), ("score", "x"), ("nonsense",), ("serve", "x", "--port", 70000)])
def test_a_wrong_call_exits_with_2_and_says_how_to_call(run: Run, words: tuple[object, ...]) -> None:
    code, _, err = run(*words)
    assert code == 2
    assert "Usage: workbench" in err


def test_serve_wants_pages(run: Run, tiny_export: Path, tmp_path: Path) -> None:
    code, _, err = run("serve", tiny_export, "--notebooks", tmp_path)
    assert code == 2
    assert err.startswith(f"there is no page in '{tmp_path}'")
