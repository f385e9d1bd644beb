"""A decision for people who were not there: one page of HTML that needs nothing else, and the same as PDF."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from markupsafe import Markup

from workbench.calibration.decision import Decision
from workbench.calibration.result import Calibration
from workbench.errors import WorkbenchError
from workbench.scoring import ScoreModel
from workbench.stats.proportions import rate
from workbench.wording import interval, number, percent, points, round_step, times

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS = 60
MOST_TICKS = 6
NOT_A_BACKTEST = "The score is as it is in the export, not as it was when a lead was won."
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#1c2733;max-width:46rem;margin:2.5rem auto;padding:0 1.5rem}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .25rem}h2{font-size:1.05rem;margin:2rem 0 .5rem}
p.of{color:#5b6b7a;margin:0 0 1.5rem}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:.3rem .5rem;border-bottom:1px solid #d9e0e6}
th:first-child,td:first-child{text-align:left}
th{font-weight:600;color:#5b6b7a}.why{border-left:4px solid #1f6fb2;padding-left:1rem}
ul{padding-left:1.2rem}footer{margin-top:2rem;color:#5b6b7a;font-size:.85rem;overflow-wrap:anywhere}
svg{width:100%;height:auto;font-size:13px}p,li,h1,td{overflow-wrap:anywhere}.wide{overflow-x:auto}
.warn{border-left:4px solid #a8500a;background:#fdf6ec;padding:.4rem 1rem}
@media(max-width:36rem){body{margin:1rem auto;padding:0 .75rem}table{font-size:.85rem}th,td{padding:.25rem}
svg{font-size:18px}}
@media print{body{margin:0 auto}}
"""


def memo(
    calibration: Calibration,
    found: Sequence[Decision],
    *,
    scored_by: ScoreModel | None = None,
    success: str | None = None,
) -> str:
    """The page: the standing decision, what it means, what was left, what to know, and the decisions before it.

    Parameters
    ----------
    calibration
        The figures of today, of the score as it is in the export.
    found
        The model's decisions, oldest first; at least one.
    scored_by
        The model that is judged; the page tells if the decision was made for another version or other points.
    success
        What counts as success in words, such as "became a customer within 90 days"; by default the condition.

    Returns
    -------
    str
        HTML that loads nothing. Every text in it is escaped.
    """
    if not found:
        raise WorkbenchError("there is no decision to write of; make one with decide() first.")
    decision = found[-1]
    same = decision.made_on(calibration)
    line = calibration.at(decision.threshold)
    noun = calibration.outcome.noun or "wins"
    same_outcome = decision.outcome == calibration.outcome.sentence
    level = percent(decision.confidence, digits=0)
    figures = [
        (
            "Leads above the line",
            f"{decision.n_above:,} of {decision.n_leads:,}",
            f"{line.n_leads:,} of {line.n_all:,}",
        ),
        ("Conversion above it", percent(decision.conversion_rate), percent(line.conversion.value)),
        (
            f"{level} interval",
            interval(decision.low, decision.high),
            interval(line.conversion.low, line.conversion.high),
        ),
        (f"Share of all {noun} caught", percent(decision.capture_rate), percent(line.capture.value)),
        (f"{level} interval", _capture_interval(decision), interval(line.capture.low, line.capture.high)),
        (
            "Conversion over that of all leads",
            times(decision.capture_rate * decision.n_leads / decision.n_above) if decision.n_above else "unknown",
            times(line.lift),
        ),
        ("Leads a week, on average", _week(decision.leads_per_week), number(line.leads_per_week, digits=1)),
    ]
    if calibration.weekly is not None:
        weeks = calibration.weekly.above(decision.threshold)
        span = f"{int(weeks.min()):,} to {int(weeks.max()):,}"
        figures.append(
            (f"from the quietest to the busiest of {len(weeks):,} weeks", span if same else "not kept", span)
        )
    if decision.sales_can_take is not None:
        figures.append(("Leads a week that sales can take", points(decision.sales_can_take), ""))
    as_of = None if calibration.as_of is None else calibration.as_of.date().isoformat()
    heads = (
        "",
        f"at the decision ({_export(decision.as_of)})",
        "now, the same data" if same else f"now ({_export(as_of)})",
    )
    bands = calibration.bands_split_at(decision.threshold)
    body = [
        Markup("<h1>The line for {} is {} points</h1>").format(decision.score, points(decision.threshold)),
        Markup('<p class="of">Decided by {} (name as given), in force from {}{}{}. Success: {}.</p>').format(
            decision.author,
            decision.date,
            "" if decision.version is None else f", for version {decision.version}",
            "" if decision.replaces is None else f", in place of {points(decision.replaces)}",
            success if success is not None and same_outcome else decision.outcome,
        ),
        Markup('<p class="why">{}</p>').format(decision.reason),
        *(Markup('<p class="warn">{}</p>').format(told) for told in _other(decision, calibration, scored_by, success)),
        Markup("<h2>What it means</h2><p>{}</p>").format(calibration.headline(decision.threshold)),
        _table(heads, figures),
        Markup("<h2>Does the score sort leads?</h2>{}").format(_bars(bands, decision.threshold)),
        _table(
            ("points", "leads", "won", "conversion", f"{percent(calibration.confidence, digits=0)} interval"),
            _band_rows(bands),
        ),
    ]
    notes = (f"Not a back-test. {NOT_A_BACKTEST}", *calibration.notes)
    items = Markup("").join(Markup("<li>{}</li>").format(note) for note in notes)
    body.append(Markup("<h2>What to know</h2><ul>{}</ul>").format(items))
    if len(found) > 1:
        rows = [(points(one.threshold), one.date, one.author, one.reason) for one in reversed(found)]
        body.append(Markup("<h2>Decisions so far</h2>{}").format(_table(("line", "since", "by", "why"), rows)))
    body.append(
        Markup("<footer>Fingerprint of the data: {}. Written by revops-workbench.</footer>").format(
            decision.fingerprint
        )
    )
    return str(
        Markup(
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            "<title>The line for {} is {} points</title><style>{}</style></head><body><main>{}</main></body></html>\n"
        ).format(decision.score, points(decision.threshold), Markup(_STYLE), Markup("\n").join(body))  # noqa: S704
    )


def write_memo(page: str, to: str | PathLike[str]) -> Path:
    """Write the page to a file: HTML, or a PDF where the name ends in `.pdf` and a Chromium is there.

    Raises
    ------
    WorkbenchError
        If the file cannot be written, or there is no Chromium to print it.
    """
    file = Path(to)
    try:
        if file.suffix.casefold() == ".pdf":
            _print(page, file)
        else:
            file.write_text(page, encoding="utf-8", newline="\n")
    except OSError as problem:
        raise WorkbenchError(
            f"{str(file)!r} cannot be written ({problem.strerror}); name a file in a folder that is there."
        ) from problem
    return file


def _print(page: str, file: Path) -> None:
    named = [os.environ.get("CHROMIUM", ""), *BROWSERS]
    browser = next((found for found in map(shutil.which, filter(None, named)) if found), None)
    if browser is None:
        raise WorkbenchError(
            "a PDF is printed by Chromium or Chrome, and there is none here; write the memo to a file that ends in "
            ".html, or name the browser in the variable CHROMIUM."
        )
    if not file.resolve().parent.is_dir():
        raise WorkbenchError(f"{str(file)!r} cannot be written; name a file in a folder that is there.")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "memo.html"
        source.write_text(page, encoding="utf-8")
        told = subprocess.run(  # noqa: S603  # a browser of this machine, and files of our own
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                f"--user-data-dir={folder}/profile",
                "--no-pdf-header-footer",
                f"--print-to-pdf={file.resolve()}",
                source.as_uri(),
            ],
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    if told.returncode or not file.exists():
        raise WorkbenchError(f"{Path(browser).name} could not print the memo; write it to a file that ends in .html.")


def _week(value: float | None) -> str:
    return "unknown" if value is None else number(value, digits=1)


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Markup:
    head = Markup("").join(Markup("<th>{}</th>").format(one) for one in heads)
    lines = Markup("").join(
        Markup("<tr>{}</tr>").format(Markup("").join(Markup("<td>{}</td>").format(cell) for cell in row))
        for row in rows
    )
    return Markup('<div class="wide"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>').format(
        head, lines
    )


def _export(as_of: str | None) -> str:
    return "undated export" if as_of is None else f"export of {as_of}"


def _capture_interval(decision: Decision) -> str:
    """Wilson's, of the winners of the time: as many as the share caught tells."""
    if not decision.n_won:
        return "unknown"
    found = rate(decision.n_won, round(decision.n_won / decision.capture_rate), confidence=decision.confidence)
    return interval(found.low, found.high)


def _other(
    decision: Decision, calibration: Calibration, model: ScoreModel | None, success: str | None
) -> Iterator[str]:
    """In what the figures of now differ from those that were decided on, beside the leads."""
    if told := decision.made_for_another(model):
        yield told
    if decision.outcome != calibration.outcome.sentence:
        yield f"The figures of now count another success: {success or calibration.outcome.sentence}."


def _band_rows(bands: pd.DataFrame) -> list[tuple[str, ...]]:
    return [
        (
            _span(band["low_score"], band["high_score"]),
            f"{int(band['n_leads']):,}",
            f"{int(band['n_won']):,}",
            percent(band["conversion_rate"]),
            interval(band["low"], band["high"]),
        )
        for _, band in bands.iterrows()
    ]


def _span(low: float, high: float) -> str:
    return points(low) if low == high else f"{points(low)} to {points(high)}"


def _bars(bands: pd.DataFrame, line: float) -> Markup:
    """Conversion by band with intervals, bands at or above the line in the stronger colour."""
    top = max(float(bands["high"].max()), 0.01)
    wide, high, left, head, foot = 640.0, 200.0, 48.0, 8.0, 44.0
    step = (wide - left) / len(bands)

    def at(share: float) -> float:
        return head + high * (1 - share / top)

    tick = round_step(top, MOST_TICKS)
    parts = [
        Markup(
            '<line x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}" stroke="#d9e0e6"/>'
            '<text x="{:.1f}" y="{:.1f}" text-anchor="end">{}</text>'
        ).format(left, wide, y, y, left - 6, y + 4, percent(share, digits=0 if tick >= 0.01 else 1))
        for share, y in ((share, at(share)) for share in np.arange(0, top, tick))
    ]
    for place, (_, band) in enumerate(bands.iterrows()):
        x = left + place * step
        middle, y = x + step / 2, at(float(band["conversion_rate"]))
        span = _span(band["low_score"], band["high_score"]).split(" to ")
        parts.append(
            Markup(
                '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"/>'
                '<line x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}" stroke="#1c2733"/>'
                '<text x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>'
                '<text x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>'
            ).format(
                x + step * 0.1,
                y,
                step * 0.8,
                at(0) - y,
                "#1f6fb2" if band["low_score"] >= line else "#a9c7e3",
                middle,
                middle,
                at(float(band["high"])),
                at(float(band["low"])),
                middle,
                at(0) + 18,
                span[0],
                middle,
                at(0) + 36,
                f"to {span[1]}" if len(span) > 1 else "",
            )
        )
    told = Markup("<p>Conversion by points; dark from the line on, the strokes are intervals.</p>")
    return told + Markup(
        '<svg viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="Conversion by band of points">{}</svg>'
    ).format(wide, head + high + foot, Markup("").join(parts))
