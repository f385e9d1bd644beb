"""Numbers as people read them, in sentences, cards and tables."""

from __future__ import annotations

import math


def number(value: float, *, digits: int = 0) -> str:
    """`1,234` or `1,234.5`; `unknown` for a NaN."""
    return "unknown" if math.isnan(value) else f"{value:,.{digits}f}"


def points(value: float) -> str:
    """A score as short as it can be said: `45`, `45.5`, `0.153`."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"


def percent(share: float, *, digits: int = 1) -> str:
    """`21.5 %` for 0.215; `unknown` for a NaN."""
    return "unknown" if math.isnan(share) else f"{100 * share:.{digits}f} %"


def interval(low: float, high: float, *, digits: int = 1) -> str:
    """`17.3 to 26.4 %` for two shares; `unknown` where there is no interval."""
    if math.isnan(low) or math.isnan(high):
        return "unknown"
    return f"{100 * low:.{digits}f} to {100 * high:.{digits}f} %"


def times(ratio: float) -> str:
    """`3.5 times`; `unknown` for a NaN."""
    return "unknown" if math.isnan(ratio) else f"{ratio:.1f} times"


def signed(value: float) -> str:
    """Points with their sign: `+25`, `−20` (a true minus)."""
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{points(abs(value))}"


def round_step(span: float, most: int) -> float:
    """The smallest step of 1, 2 or 5 times a power of ten that goes fewer than `most` times into `span` (above 0)."""
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) < most)


def capital(text: str) -> str:
    """A text with a capital at its head; the rest stays as it is."""
    return text[:1].upper() + text[1:]


def shortened(text: str, most: int) -> str:
    """A text of at most `most` letters; where some are left out, `…` stands for them."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 lead`, `2 leads`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
