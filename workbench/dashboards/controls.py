"""What every page is made of: buttons, rows of controls, panels; and what ties controls to a State."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup, escape

from workbench.dashboards.parts import problem
from workbench.errors import WorkbenchError
from workbench.wording import points

MOST = 999_999_999.0  # of leads, points or a currency: more is a slip of the finger


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


class NumberBox(widgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A box for a number, and below it what is wrong with what was typed."""

    def __init__(self, box: widgets.Widget) -> None:
        self.box, self._told = box, widgets.HTML()
        self._told.layout.display = "none"
        super().__init__([box, self._told])

    def say(self, sentence: str) -> None:
        """A sentence below the box, or nothing."""
        told = Markup('<p class="wb-warn" role="alert">{}</p>').format(sentence)
        self._told.value = told if sentence else ""
        self._told.layout.display = "" if sentence else "none"


def number_box(
    label: str,
    value: float | None,
    taken: Callable[[float | None], None],
    *,
    optional: bool = True,
    placeholder: str = "none",
    above: float | None = None,
    most: float = MOST,
) -> NumberBox:
    """A box for a number, or for none where that is `optional`; what is typed in it is `taken`.

    A text that is no number above `above` and at most `most` is refused in a sentence, and the box goes back.
    """
    box = widgets.Text(
        value="" if value is None else f"{value:g}", placeholder=placeholder, continuous_update=False, description=label
    )
    made = NumberBox(box)

    def typed(change: Any) -> None:
        text = change["new"].strip()
        found = _number_in(text)
        wrong = found is None or abs(found) > most or (above is not None and found <= above)
        if wrong and (text or not optional):
            box.unobserve(typed, "value")
            box.value = change["old"]
            box.observe(typed, "value")
            stays = f"{change['old']} stays" if change["old"] else "it stays empty"
            asked = f"up to {points(most)}" if above is None else f"above {points(above)} and up to {points(most)}"
            made.say(f"{text!r} is not a number {asked}; {stays}.")
            return
        made.say("")
        taken(found)

    box.observe(typed, "value")
    return made


def _number_in(text: str) -> float | None:
    """A number as people type it, `1.5` or `1,5`; None for anything else."""
    try:
        found = float(text.replace(",", "."))
    except ValueError:
        return None
    return found if abs(found) < float("inf") else None


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
