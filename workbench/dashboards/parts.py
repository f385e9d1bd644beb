"""Pieces of a page as HTML. Every text that comes from data is escaped by markupsafe."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup, escape

from workbench.calibration import Calibration, ChosenRate, Drift, Recommendation
from workbench.calibration.recommend import LABELS
from workbench.wording import capital, interval, number, percent, points, round_step, shortened

MOST_LINES = 12
MOST_OF_A_CELL = 60  # letters
HEAD = Markup('<th scope="col"{}>{}</th>')
"""Of a column: attributes, text."""
_WORDS = Markup(' class="wb-words"')
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


def advice(found: Recommendation, *, current: float, corrected: ChosenRate | None = None) -> Markup:
    """A recommended line: by what, where, how sure, and why; or that there is none, and why."""
    if found.threshold is None:
        where, span = "none", ""
    else:
        where = points(found.threshold)
        span = "" if found.low is None or found.high is None else f"{points(found.low)} to {points(found.high)}"
    why = capital(found.reason)
    if corrected is not None:
        why += (
            f" Expect {percent(corrected.value)} ({interval(corrected.low, corrected.high)}) of later leads: these "
            "chose the line."
        )
    return Markup(
        '<p class="wb-advice-name">{}{}</p><p class="wb-advice-line"><strong>{}</strong> <em>{}</em></p>'
        '<p class="wb-advice-why">{}</p>'
    ).format(
        capital(LABELS[found.kind]),
        Markup(' <span class="wb-tag">in use</span>') if found.threshold == current else "",
        where,
        span,
        tight(why),
    )


def left_out(models: Iterable[str], undecided: str = "") -> Markup:
    """What could not be read: models, each with why, and the decision on the line."""
    told = Markup("").join(warning("A model is left out.", why) for why in models)
    return told + (warning("The decision on the line cannot be read.", undecided) if undecided else Markup(""))


def sentence(text: str) -> Markup:
    """What was found, as a paragraph."""
    return Markup('<p class="wb-said">{}</p>').format(tight(text))


def waiting(text: str = "Working it out …") -> Markup:
    """In place of what is not there yet."""
    return Markup('<p class="wb-note" role="status">{}</p>').format(text)


def table(heads: Sequence[str], rows: Iterable[Sequence[str | Markup]], *, texts: Sequence[int] = (0,)) -> Markup:
    """Rows of figures; the columns `texts` (places from 0) hold words and start at the left."""

    def cells(cell: Markup, row: Sequence[str | Markup]) -> Markup:
        return Markup("").join(
            cell.format(_WORDS if place in texts else "", one if isinstance(one, Markup) else tight(one))
            for place, one in enumerate(row)
        )

    body = Markup("").join(Markup("<tr>{}</tr>").format(cells(Markup("<td{}>{}</td>"), row)) for row in rows)
    return framed(cells(HEAD, heads), body)


def framed(heads: Markup, body: Markup, *, caption: str = "") -> Markup:
    """Heads (each a `HEAD`) and rows as a table that scrolls where it is too wide."""
    told = Markup("<caption>{}</caption>").format(caption) if caption else ""
    return Markup(
        '<div class="wb-scroll"><table class="wb-table">{}<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(told, heads, body)


def cell(value: Any) -> str:
    """A value of an export as text, short enough for a table."""
    if pd.isna(value):
        return "–"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M}"
    return shortened(str(value), MOST_OF_A_CELL)


def rows_table(rows: pd.DataFrame, label: Callable[[str], str]) -> Markup:
    """Rows of an export as a table under the properties' labels; everything in it is text."""
    cells = [[cell(value) for value in row] for row in rows.itertuples(index=False)]
    found = table([label(str(name)) for name in rows], cells, texts=range(rows.shape[1]))
    return Markup('<div class="wb-rows">{}</div>').format(found)


def marked(value: float, low: float, high: float, top: float) -> Markup:
    """A cell of `table` with a point and its interval on a scale from 0 to `top`."""
    return Markup('<div class="wb-mark">{}</div>').format(mark(value, low, high, top))


def moved(found: Drift) -> Markup:
    """Whether later leads differ from earlier ones, in two sentences."""
    scores, before, after = found.scores, found.earlier_rate, found.later_rate
    chance = "" if found.low > 0 or found.high < 0 else ", which may be chance"
    return sentence(
        f"The score {'drifted' if scores.drifted else 'did not drift beyond chance'}: its stability index is "
        f"{scores.index:.3f}, and with no drift at all it stays below {scores.null_high:.3f}. Conversion of all leads "
        f"went from {percent(before.value)} ({interval(before.low, before.high)}, n = {before.n:,}) before "
        f"{found.split:%-d %B %Y} to {percent(after.value)} ({interval(after.low, after.high)}, n = {after.n:,}) since"
        f"{chance}."
    )


def periods(found: Drift, threshold: float) -> Markup:
    """Earlier and later leads at a line."""
    rows = [
        (
            f"{row['period']} leads",
            number(row["n_leads"]),
            number(row["n_won"]),
            percent(row["conversion_rate"]) if row["n_leads"] else "–",
            interval(row["low"], row["high"]) if row["n_leads"] else "–",
        )
        for row in found.check(threshold).to_dict("records")
    ]
    return table((f"from {points(threshold)} points", "leads", "won", "convert", "95 %"), rows)


def items(sentences: Iterable[str]) -> Markup:
    """Sentences as a list."""
    rows = Markup("").join(Markup("<li>{}</li>").format(tight(one)) for one in sentences)
    return Markup('<ul class="wb-items">{}</ul>').format(rows)


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


def mark(value: float, low: float, high: float, top: float) -> Markup:
    """A point with its interval on a scale from 0 to `top`."""
    return Markup(
        '<span class="wb-range" aria-hidden="true"><i style="left:{:.1f}%;width:{:.1f}%"></i>'
        '<b style="left:{:.1f}%"></b></span>'
    ).format(100 * low / top, 100 * (high - low) / top, 100 * value / top)


def _span(low: float, high: float) -> str:
    return f"{100 * low:.1f} to {100 * high:.1f}"


def lines_worth_showing(calibration: Calibration, threshold: float) -> list[float]:
    """At most twelve thresholds, evenly spaced and round where the scores are, the chosen one among them."""
    lines = calibration.thresholds
    useful = lines[(lines["share"] <= 0.9) & (lines["n_leads"] >= 10)]["threshold"].to_numpy()
    if not len(useful):
        useful = lines["threshold"].to_numpy()
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
        '<tr class="{}"><td>{}</td><td>{}</td><td>{}</td><td class="wb-mark">{}</td><td>{} <em>{}</em></td><td>{}</td>'
        "<td>{}</td>{}</tr>"
    )
    rows = [
        row.format(
            "on" if line.threshold == threshold else "",
            points(line.threshold),
            number(line.n_leads),
            percent(line.share),
            mark(line.conversion.value, line.conversion.low, line.conversion.high, top) if line.n_leads else "",
            percent(line.conversion.value) if line.n_leads else "–",
            _span(line.conversion.low, line.conversion.high) if line.n_leads else "",
            percent(line.capture.value, digits=0),
            f"{line.lift:.1f}×" if line.n_leads else "–",
            Markup("<td>{}</td>").format(_week(line.leads_per_week)) if weekly else "",
        )
        for line in found
    ]
    heads = ["from", "leads", "share", "", f"convert ({calibration.confidence:.0%})", "caught", "lift"]
    if weekly:
        heads.append("a week")
    head = Markup("").join(HEAD.format("", name) for name in heads)
    return Markup("<h3>Every line that could be drawn</h3>{}").format(framed(head, Markup("").join(rows)))


def _week(leads: float) -> str:
    return "…" if math.isnan(leads) else number(leads, digits=1)


def bands(calibration: Calibration) -> Markup:
    """Conversion by band with its interval, and whether it rises with the score."""
    found: pd.DataFrame = calibration.bands
    top = float(found["high"].max())
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
            mark(band["conversion_rate"], band["low"], band["high"], top),
            percent(band["conversion_rate"]),
            _span(band["low"], band["high"]),
            number(band["n_leads"]),
        )
        for band in found[found["n_leads"] > 0].to_dict("records")
    ]
    if found["inverted"].any():
        told = warning("Not everywhere.", "A marked band converts significantly worse than a lower one.")
    else:
        told = note("No band converts significantly worse than a lower one.")
    return Markup("{}{}").format(Markup("").join(rows), told)


def footnote(sentences: Sequence[str]) -> Markup:
    """Source, n and method, as one small paragraph."""
    return note(" ".join(sentences))
