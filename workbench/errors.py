"""The one error a user of the workbench has to catch."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class WorkbenchError(Exception):
    """Something the user gave cannot be used.

    The message is one or two sentences: what came, what is there, what to do.
    The command line prints it and exits with 2; a page shows it in place of the answer.
    """


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """`" Did you mean 'industry'?"` for the nearest of `known`, or an empty string."""
    near = get_close_matches(str(name), list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""


def listing(names: Iterable[str], *, most: int = 8) -> str:
    """`'a', 'b' and 3 more`: what is there, short enough for a sentence."""
    names = [repr(name) for name in names]
    if len(names) <= most:
        return ", ".join(names) if names else "nothing"
    return f"{', '.join(names[:most])} and {len(names) - most} more"
