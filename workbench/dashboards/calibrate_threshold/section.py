"""A part of the page: a question, its answer in a few words, and more when it is opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets
from markupsafe import Markup, escape

from workbench.dashboards.calibrate_threshold.state import State
from workbench.dashboards.controls import MOST, NumberBox, number_box
from workbench.dashboards.figure import FigureView
from workbench.dashboards.parts import problem, tight, waiting
from workbench.errors import WorkbenchError

OPEN, CLOSED = "open: shows less", "closed: shows more"  # read to those who do not see it


class Section:
    """One question of the page.

    Nothing in it is made before it is opened; while it is closed, only its answer in a few words is kept up to date.
    `wants` names the findings that it shows; the State works them out while it is open.
    """

    question = ""
    wants: tuple[str, ...] = ()

    def __init__(self, state: State, later: Callable[[], None], give: Callable[..., None]) -> None:
        self.state, self._later, self._give = state, later, give
        self._setting = False
        self._built = False
        self._toggle = widgets.ToggleButton(description=self.question, tooltip=CLOSED).add_class("wb-opener")
        self._toggle.observe(lambda _: self._opened(), "value")
        self._few_words = widgets.HTML()
        self._body = widgets.VBox().add_class("wb-section-body")
        self._body.layout.display = "none"
        head = widgets.HBox([self._toggle, self._few_words]).add_class("wb-section-head")
        self.widget = widgets.VBox([head, self._body]).add_class("wb-section")

    @property
    def is_open(self) -> bool:
        """Whether its figures are shown."""
        return bool(self._toggle.value)

    def open(self) -> None:
        """Show its figures."""
        self._toggle.value = True

    def _opened(self) -> None:
        self._body.layout.display = "" if self.is_open else "none"
        self._toggle.tooltip = OPEN if self.is_open else CLOSED
        if self.is_open:
            self.state.wanted |= set(self.wants)
            if not self._built:
                self._built = True
                self._body.children = tuple(self.build())
            self.show()
            self._later()
        else:
            self.state.wanted -= set(self.wants) - {"first_win"}

    def show(self) -> None:
        """Bring it up to date with the State."""
        judged = self.state.calibration is not None
        self.widget.layout.display = "" if judged else "none"
        if not judged:
            return
        self._few_words.value = Markup('<p class="wb-brief">{}</p>').format(tight(self.few_words()))
        if self.is_open and self._built:
            self._setting = True
            try:
                self.draw()
            finally:
                self._setting = False

    def build(self) -> Sequence[widgets.Widget]:
        """Its widgets."""
        raise NotImplementedError

    def draw(self) -> None:
        """Fill its widgets."""
        raise NotImplementedError

    def few_words(self) -> str:
        """The answer, as far as it is known without much work."""
        raise NotImplementedError

    def found(self, name: str, tell: Callable[[Any], str]) -> str:
        """A finding as HTML: what it tells, why there is none, or that it is being worked out."""
        result = self.state.finding(name)
        if result is None:
            return waiting()
        return problem(str(result)) if isinstance(result, WorkbenchError) else tell(result)

    def known(self, name: str) -> Any:
        """A finding that is there and is no problem, else None."""
        result = self.state.finding(name)
        return None if isinstance(result, WorkbenchError) else result

    def choose(self, trait: str, control: widgets.Widget) -> widgets.Widget:
        """Have a control set a trait, and what was asked worked out."""

        def chosen(change: Any) -> None:
            if not self._setting and change["new"] is not None:
                setattr(self.state, trait, change["new"])
                self.show()
                self._later()

        control.observe(chosen, "value")
        return control

    def number(
        self,
        trait: str,
        label: str,
        *,
        unit: float = 1,
        placeholder: str = "none",
        above: float | None = None,
        most: float = MOST,
    ) -> NumberBox:
        """A box for a number or none, which sets a trait; `unit` is what one in the box is in the trait.

        A text that is no number above `above` and at most `most` is refused in a sentence, and the box goes back.
        """

        def taken(found: float | None) -> None:
            if not self._setting:
                setattr(self.state, trait, None if found is None else found * unit)
                self.show()
                self._later()

        value = getattr(self.state, trait)
        return number_box(
            label,
            None if value is None else value / unit,
            taken,
            optional=self.state.traits()[trait].allow_none,
            placeholder=placeholder,
            above=above,
            most=most,
        )


def subheading(text: str) -> widgets.HTML:
    """A heading within a section."""
    return widgets.HTML(f"<h3>{escape(text)}</h3>")


class Picture:
    """A figure that is made when there is something to show, and takes no place while there is nothing."""

    def __init__(self, height: int, description: str) -> None:
        self._traits: dict[str, Any] = {"height": height, "description": description}
        self._figure: FigureView | None = None
        self.widget = widgets.VBox()

    def show(self, figure: dict[str, Any] | None) -> None:
        """Show it, or nothing."""
        self.widget.layout.display = "none" if figure is None else ""
        if figure is None:
            return
        if self._figure is None:
            self._figure = FigureView(**self._traits)
            self._figure.show(figure)
            self.widget.children = (self._figure,)
        else:
            self._figure.show(figure)
