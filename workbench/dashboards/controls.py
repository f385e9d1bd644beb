"""Buttons and rows of controls, the same on every page."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets


def button(text: str, act: Callable[[], None], *, primary: bool = False) -> widgets.Button:
    """A button that does something."""
    made = widgets.Button(description=text, button_style="primary" if primary else "")
    made.on_click(lambda _: act())
    return made


def actions(*children: widgets.Widget) -> widgets.Box:
    """A row of controls, mostly buttons."""
    return widgets.HBox(children).add_class("wb-actions")


def fields(*children: widgets.Widget) -> widgets.Box:
    """Controls side by side, as many as fit, each with its label above."""
    return widgets.Box(children).add_class("wb-fields")
