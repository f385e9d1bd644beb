"""Pieces of a page as HTML. Every text that comes from data is escaped by markupsafe."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup, escape

from workbench.calibration import Calibration, Recommendation
from workbench.calibration.recommend import LABELS
from workbench.wording import number, percent, points, round_step

MOST_LINES = 12
_NUMBERS = re.compile(r"(\d[\d,.]*\d(?:\u00a0%)?|\d(?:\u00a0%)?)")


def tight(text: str) -> str:
    """A text whose numbers keep their unit on the same line."""
    return text.replace(" %", "\u00a0%")


def answer(sentence: str, *, highlight: str | None = None) -> Markup:
    """A sentence with its numbers set bold, and one of them in the accent colour."""
    parts = _NUMBERS.split(tight(sentence))  # text, number, text, ...
    accent = parts.index(tight(highlight)) if highlight is not None and tight(highlight) in parts else None
    marked = [
        Markup('<b class="hl">{}</b>' if place == accent else "<b>{}</b>").format(part) if place % 2 else escape(part)  # noqa: S704
        for place, part in enumerate(parts)
    ]
    return Markup('<p class="wb-answer" role="status" aria-live="polite">{}</p>').format(Markup("").join(marked))


def problem(sentence: str) -> Markup:
    """What is wrong and what to do, in place of an answer."""
    return Markup('<p class="wb-error" role="alert">{}</p>').format(sentence)


def cards(figures: Iterable[tuple[str, str, str]]) -> Markup:
    """Cards of a title, a figure and what it rests on."""
    card = Markup('<div class="wb-card"><span>{}</span><strong>{}</strong><em>{}</em></div>')
    return Markup('<div class="wb-cards">{}</div>').format(
        Markup("").join(card.format(*map(tight, figure)) for figure in figures)
    )


def warning(title: str, text: str) -> Markup:
    """A box for what the data cannot carry."""
    return Markup('<div class="wb-warn"><b>{}</b> {}</div>').format(title, tight(text))


def advice(found: Recommendation, *, current: float) -> Markup:
    """A recommended line: by what, where, how sure, and why; or that there is none, and why."""
    if found.threshold is None:
        where, span = "none", ""
    else:
        where = points(found.threshold)
        span = "" if found.low is None or found.high is None else f"{points(found.low)} to {points(found.high)}"
    name = LABELS[found.kind]
    return Markup(
        '<p class="wb-advice-name">{}{}</p><p class="wb-advice-line"><strong>{}</strong> <em>{}</em></p>'
        '<p class="wb-advice-why">{}</p>'
    ).format(
        name[0].upper() + name[1:],
        Markup(' <span class="wb-tag">in use</span>') if found.threshold == current else "",
        where,
        span,
        tight(found.reason[0].upper() + found.reason[1:]),
    )


def legend(entries: Iterable[tuple[str, Mapping[str, Any]]]) -> Markup:
    """What each colour means: names and plotly markers."""
    entry = Markup('<span><i style="background:{};opacity:{}"></i>{}</span>')
    marks = [entry.format(marker["color"], marker.get("opacity", 1), name) for name, marker in entries]
    return Markup('<p class="wb-legend">{}</p>').format(Markup("").join(marks))


def heading(text: str) -> Markup:
    """A section's heading."""
    return Markup("<h2>{}</h2>").format(text)


def note(text: str) -> Markup:
    """A footnote."""
    return Markup('<p class="wb-note">{}</p>').format(tight(text))


def _mark(value: float, low: float, high: float, top: float) -> Markup:
    """A point with its interval on a scale from 0 to `top`."""
    return Markup(
        '<span class="wb-range" aria-hidden="true"><i style="left:{:.1f}%;width:{:.1f}%"></i>'
        '<b style="left:{:.1f}%"></b></span>'
    ).format(100 * low / top, 100 * (high - low) / top, 100 * value / top)


def _span(low: float, high: float) -> str:
    return f"{100 * low:.1f} to {100 * high:.1f}"


def lines_worth_showing(calibration: Calibration, threshold: float) -> list[float]:
    """At most twelve thresholds, evenly spaced and round where the scores are, the chosen one among them."""
    table = calibration.thresholds
    useful = table[(table["share"] <= 0.9) & (table["n_leads"] >= 10)]["threshold"].to_numpy()
    if not len(useful):
        useful = table["threshold"].to_numpy()
    if len(useful) < MOST_LINES:
        chosen = set(useful.tolist())
    else:
        start, end = float(useful[0]), float(useful[-1])
        step = round_step(end - start, MOST_LINES - 1)
        chosen = set(np.round(np.arange(np.ceil(start / step) * step, end + step / 2, step), 10).tolist())
    return sorted(chosen | {float(threshold)})


def threshold_table(calibration: Calibration, threshold: float, *, weekly: bool) -> Markup:
    """What each line would mean; the chosen one stands out. `weekly` adds leads a week, `…` while they are counted."""
    found = [calibration.at(line) for line in lines_worth_showing(calibration, threshold)]
    found = [line for line in found if line.n_leads or line.threshold == threshold]
    top = max((line.conversion.high for line in found if line.n_leads), default=1.0)
    row = Markup(
        '<tr class="{}"><td>{}</td><td>{}</td><td>{}</td><td>{}{} <em>{}</em></td><td>{}</td><td>{}</td>{}</tr>'
    )
    rows = [
        row.format(
            "on" if line.threshold == threshold else "",
            points(line.threshold),
            number(line.n_leads),
            percent(line.share),
            _mark(line.conversion.value, line.conversion.low, line.conversion.high, top) if line.n_leads else "",
            percent(line.conversion.value) if line.n_leads else "–",
            _span(line.conversion.low, line.conversion.high) if line.n_leads else "",
            percent(line.capture.value, digits=0),
            f"{line.lift:.1f}×" if line.n_leads else "–",
            Markup("<td>{}</td>").format(_week(line.leads_per_week)) if weekly else "",
        )
        for line in found
    ]
    heads = ["from", "leads", "share", f"convert ({calibration.confidence:.0%})", "caught", "lift"]
    if weekly:
        heads.append("a week")
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(name) for name in heads)
    return Markup(
        '<h2>Every line that could be drawn</h2><div class="wb-scroll"><table class="wb-table">'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>"
    ).format(head, Markup("").join(rows))


def _week(leads: float) -> str:
    return "…" if math.isnan(leads) else number(leads, digits=1)


def bands(calibration: Calibration) -> Markup:
    """Conversion by band with its interval, and whether it rises with the score."""
    table: pd.DataFrame = calibration.bands
    top = float(table["high"].max())
    row = Markup(
        '<div class="wb-band{}"><span class="wb-band-name">{}</span>{}'
        '<span class="wb-band-rate">{} <em>{}, n {}</em></span></div>'
    )
    rows = [
        row.format(
            " wb-inverted" if band["inverted"] else "",
            points(band["low_score"])
            if band["low_score"] == band["high_score"]
            else f"{points(band['low_score'])} to {points(band['high_score'])}",
            _mark(band["conversion_rate"], band["low"], band["high"], top),
            percent(band["conversion_rate"]),
            _span(band["low"], band["high"]),
            number(band["n_leads"]),
        )
        for band in table[table["n_leads"] > 0].to_dict("records")
    ]
    ranking = calibration.ranking
    sorts = (
        f"A winner scores above a loser in {percent(ranking.value, digits=0)} of pairs "
        f"({_span(ranking.low, ranking.high)} %; 50 % is chance)."
    )
    if table["inverted"].any():
        told = warning("Not everywhere.", f"A marked band converts significantly worse than a lower one. {sorts}")
    else:
        told = note(f"No band converts significantly worse than a lower one. {sorts}")
    noun = calibration.outcome.noun or "wins"
    return Markup("<h2>Does a higher score mean more {}?</h2>{}{}").format(noun, Markup("").join(rows), told)


def footnote(sentences: Sequence[str]) -> Markup:
    """Source, n and method, as one small paragraph."""
    return note(" ".join(sentences))
