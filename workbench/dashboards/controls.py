"""What every page is made of: buttons, rows of controls, panels; and what ties controls to a State."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import ipywidgets as widgets
from markupsafe import escape

from workbench.dashboards.parts import problem
from workbench.errors import WorkbenchError


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


def panel(*children: widgets.Widget) -> widgets.VBox:
    """A white box."""
    return widgets.VBox(children).add_class("wb-panel")


def laid_out(
    source: str | widgets.HTML,
    controls: Sequence[widgets.Widget],
    content: Sequence[widgets.Widget],
    *,
    above: Sequence[widgets.Widget] = (),
    controls_first: bool = False,
) -> widgets.VBox:
    """A page: in its head where the figures come from, `above` all the rest, then controls beside content.

    On a phone the controls stand below the content, unless they come first.
    """
    head = widgets.HTML(f"<p>{escape(source)}</p>") if isinstance(source, str) else source
    asked = panel(*controls).add_class("wb-controls")
    if controls_first:
        asked.add_class("wb-first")
    page = widgets.Box([asked, widgets.VBox(content).add_class("wb-content")]).add_class("wb-page")
    return widgets.VBox([head.add_class("wb-source"), *above, page])


@contextmanager
def faults_in(html: widgets.HTML) -> Iterator[None]:
    """What goes wrong within it is told there, in a sentence."""
    try:
        yield
    except WorkbenchError as fault:
        html.value = problem(str(fault))


class Controlled:
    """A View whose controls set traits of its State; while it shows what the State says, they set nothing."""

    state: Any
    _setting = False

    def _bind(self, control: widgets.Widget, trait: str) -> None:
        """Have a control set a trait."""
        control.observe(partial(self._choose, trait), "value")

    def _choose(self, trait: str, change: Any) -> None:
        if not self._setting and change["new"] is not None:
            setattr(self.state, trait, change["new"])

    @contextmanager
    def _showing(self) -> Iterator[None]:
        """Within it, controls are brought up to date with the State."""
        before, self._setting = self._setting, True
        try:
            yield
        finally:
            self._setting = before
