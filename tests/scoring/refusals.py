"""What tests of several modules do to a model's text, and how they hear what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from workbench.errors import WorkbenchError


def refusal(make: Callable[[], object]) -> str:
    """The sentence with which something is refused."""
    with pytest.raises(WorkbenchError) as told:
        make()
    return str(told.value)


def edited(text: str, old: str, new: str) -> str:
    """A text with the first of some words replaced, which has to be there."""
    assert old in text
    return text.replace(old, new, 1)
