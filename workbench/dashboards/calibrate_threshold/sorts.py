"""Does it sort leads? Bands, and the score as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import ipywidgets as widgets
from markupsafe import Markup

from workbench.calibration import Backtest
from workbench.charts.calibration import time_to_win
from workbench.dashboards.calibrate_threshold.findings import REFERENCES
from workbench.dashboards.calibrate_threshold.section import Picture, Section, subheading
from workbench.dashboards.controls import actions, button
from workbench.dashboards.parts import bands, items, legend, moved, note, periods, problem, sentence, waiting
from workbench.wording import interval, percent, points


class Sorts(Section):
    """Whether more points mean more wins, now and then."""

    question = "Does it sort leads?"

    def few_words(self) -> str:
        ranking = self.state.judged.ranking
        return (
            f"a winner scores above a loser in {percent(ranking.value, digits=0)} of pairs "
            f"({interval(ranking.low, ranking.high, digits=0)}; 50 % is chance)"
        )

    def build(self) -> Sequence[widgets.Widget]:
        self._bands, self._drawn = widgets.HTML(), -1
        self._reference = widgets.Dropdown(options=list(REFERENCES), description="The score as it was")
        self.choose("reference", self._reference)
        self._run = button("Rebuild it", self._rebuild)
        self._stop = button("Stop", self.state.stop)
        self._told, self._named = widgets.HTML(), widgets.HTML()
        self._curve = Picture(260, "Share of leads that won by days after the reference date, by band")
        return [
            self._bands,
            subheading("Did it sort them when it mattered?"),
            actions(self._reference, self._run, self._stop),
            self._told,
            self._curve.widget,
            self._named,
        ]

    def draw(self) -> None:
        state = self.state
        self._reference.value = state.reference
        if self._drawn != state.version:
            self._bands.value, self._drawn = bands(state.judged), state.version
        runs = state.done is not None
        self._run.disabled = runs
        self._stop.layout.display = "" if runs else "none"
        figure, named = None, ""
        if runs:
            told = waiting(f"Rebuilding the score from events and history, {percent(state.done or 0, digits=0)} done …")
        elif state.as_it_was is not None:
            told = _told(state.as_it_was, state.threshold)
            figure = time_to_win(state.as_it_was.time_to_win)
            figure["layout"]["showlegend"] = False
            named = legend((f"{trace['name']} points", trace["marker"]) for trace in figure["data"])
        elif state.rebuilt is not None:
            told = note("The points or the choices have moved since; rebuild it.")
        elif state.not_rebuilt:
            told = problem(state.not_rebuilt)
        else:
            told = note(
                "All figures of this page judge the score as of the export. A back-test scores each lead as of a past "
                "date, from events and property history alone, and follows what came after."
            )
        self._told.value, self._named.value = told, named
        self._curve.show(figure)

    def _rebuild(self) -> None:
        if self.state.done is not None:
            return
        work = self.state.rebuilding()
        self.show()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            work(lambda _: None)()
            self._after()
            return

        def tell(done: float) -> None:
            loop.call_soon_threadsafe(self._progress, done)

        async def run() -> None:
            apply = await asyncio.to_thread(work, tell)
            apply()
            self._after()

        self._task = loop.create_task(run())

    def _progress(self, done: float) -> None:
        if self.state.done is not None:
            self.state.done = done
            self.show()

    def _after(self) -> None:
        self.show()
        self._later()


def _told(found: Backtest, line: float) -> Markup:
    """What the back-test says of the line: chosen on all, checked on earlier and later leads."""
    ranking = found.calibration.ranking
    start = sentence(
        f"Score as it was {found.when}: a winner scored above a loser in {percent(ranking.value, digits=0)} of pairs "
        f"({interval(ranking.low, ranking.high, digits=0)}), of {found.calibration.n_leads:,} leads."
    )
    chosen = found.earlier.recommend("youden")
    told = ""
    if chosen.threshold is not None:
        there = found.later.at(chosen.threshold)
        told = (
            f"Chosen by Youden's J on the earlier leads the line is {points(chosen.threshold)}; on the later ones "
            f"{percent(there.conversion.value)} ({interval(there.conversion.low, there.conversion.high)}) of "
            f"{there.n_leads:,} leads above it won."
        )
    return (
        start
        + periods(found.drift, line)
        + (sentence(told) if told else Markup(""))
        + moved(found.drift)
        + items(note for note in found.notes if note != found.drift.headline())
    )
