"""What stands on a page, read from its widgets."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import ipywidgets as widgets


def parts_of(widget: widgets.Widget) -> list[widgets.Widget]:
    """The widget and all that is in it."""
    return [widget, *(inner for child in getattr(widget, "children", ()) for inner in parts_of(child))]


def named(view: Any, name: str) -> Any:
    """The one control with this label."""
    (found,) = [part for part in parts_of(view.widget) if getattr(part, "description", None) == name]
    return found


def text(widget: widgets.Widget) -> str:
    """What one reads in the widget, a space between its pieces."""
    html = " ".join(part.value for part in parts_of(widget) if isinstance(part, widgets.HTML))
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())
