"""`workbench import | serve | score | calibrate | compare | memo | sample`: the workbench from a terminal.

A mistake ends in one sentence on the error stream and exit code 2.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workbench.errors import WorkbenchError
from workbench.wording import percent

if TYPE_CHECKING:
    import pandas as pd

    from workbench.loaders import Workspace

app = typer.Typer(
    help="The open workbench for lead scores: an export in, a calibrated threshold out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
MOST_FAULTS = 12
SHARES = {"share", "conversion_rate", "low", "high", "capture_rate"}

Exports = Annotated[Path, typer.Argument(help="A folder of exports, one export file, or an imported workspace.")]
Model = Annotated[Path | None, typer.Option(help="The file of a model, score.yaml.")]
AsOf = Annotated[str | None, typer.Option(help="The day of the export, YYYY-MM-DD; by default the export's own.")]


@app.command("import")
def import_exports(
    exports: Exports,
    to: Annotated[Path, typer.Option(help="The folder of the workspace; an older import in it is kept.")],
    mapping: Annotated[Path | None, typer.Option(help="A YAML file that says which column is what.")] = None,
    timezone: Annotated[str | None, typer.Option(help="The account's time zone, such as Europe/Berlin.")] = None,
    as_of: AsOf = None,
    language: Annotated[
        str | None, typer.Option(help="en, de or fr: how to read dates and numbers that can be read two ways.")
    ] = None,
    companies_by_domain: Annotated[
        bool, typer.Option("--companies-by-domain", help="Find a company by the domain of a contact's e-mail.")
    ] = False,
) -> None:
    """Read exports into a workspace, and say what was read, set aside and doubtful, and why."""
    options = {"mapping": mapping, "timezone": timezone, "as_of": as_of, "language": language}
    _read(exports, to, **options, companies_by_domain=companies_by_domain)


@app.command()
def serve(
    folder: Exports,
    to: Annotated[Path | None, typer.Option(help="Import the exports into this folder first, if they are new.")] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8866,
    host: Annotated[
        str, typer.Option(help="The address to listen on; any but this machine's needs a token.")
    ] = "127.0.0.1",
    token: Annotated[str | None, typer.Option(help="What visitors must know; made up where one is needed.")] = None,
    visits: Annotated[
        int | None, typer.Option(min=1, help="Pages that may be open at once; by memory and cores if not given.")
    ] = None,
    notebooks: Annotated[Path | None, typer.Option(help="The folder of the pages.")] = None,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the first page in a browser.")] = False,
) -> None:
    """Serve the pages on a workspace or on a folder of exports, until Ctrl-C."""
    from workbench.loaders import load

    workspace = load(folder) if to is None else _read(folder, to)
    # jsonschema, which Voila needs, spends two seconds on the grammar of international addresses where it finds this.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    from workbench.dashboards.server import serve as serve_pages

    serve_pages(
        notebooks or _notebooks(),
        workspace.path,
        exports=None if workspace.path == folder.absolute() else folder,
        port=port,
        host=host,
        token=token,
        visits=visits,
        open_browser=open_browser,
    )


@app.command()
def score(
    folder: Exports,
    model: Annotated[Path, typer.Option(help="The file of the model, score.yaml.")],
    to: Annotated[Path, typer.Option(help="The CSV file to write.")],
    as_of: AsOf = None,
) -> None:
    """Write each scored contact's record id, score and label (if there are) to a CSV file: nothing else is changed."""
    from workbench.loaders import load
    from workbench.scoring import ScoreModel
    from workbench.scoring import score as score_contacts

    workspace = load(folder)
    rules = ScoreModel.read(model)
    scored: pd.DataFrame = score_contacts(workspace, rules, as_of=as_of or workspace.as_of)
    scored = scored[scored["score"].notna()]
    if rules.scale == 1:
        scored = scored.astype({"score": "int64"})  # blanks had made floats of whole numbers
    has_labels = "score_label" in rules.column_names
    columns = ["hs_object_id", "score", *(["score_label"] if has_labels else [])]
    told = ", scores and labels" if has_labels else " and scores"
    try:
        scored[columns].to_csv(to, index=False)
    except OSError as error:
        raise WorkbenchError(
            f"'{to}' cannot be written ({error.strerror or error}); name a file in a folder that is there."
        ) from None
    typer.echo(f"{len(scored):,} contacts scored; their record ids{told} are in {to}.")


@app.command()
def calibrate(
    folder: Exports,
    outcome: Annotated[str, typer.Option(help="What counts as success: a yes/no column, or a condition.")],
    score: Annotated[str | None, typer.Option(help="The column with the score.")] = None,
    model: Model = None,
    at: Annotated[str | None, typer.Option(help="The column that says when it happened.")] = None,
    within_days: Annotated[int | None, typer.Option(help="Days after creation in which it must have happened.")] = None,
    threshold: Annotated[float | None, typer.Option(help="The line to speak of.")] = None,
    leads_per_week: Annotated[
        float | None, typer.Option(help="What sales can take; the line that fits is named.")
    ] = None,
    as_of: AsOf = None,
) -> None:
    """Judge a score: what a line means, and every line that could be drawn."""
    if (score is None) == (model is None):
        raise WorkbenchError("say which score is judged: --score with a column's name, or --model with a score.yaml.")
    from workbench.calibration import calibrate as judge
    from workbench.calibration.memo import NOT_A_BACKTEST
    from workbench.loaders import load
    from workbench.outcomes import Outcome

    workspace = load(folder)
    table: Any = workspace
    if model is not None:
        from workbench.scoring import ScoreModel
        from workbench.scoring import score as score_contacts

        table = score_contacts(workspace, ScoreModel.read(model), as_of=as_of or workspace.as_of)
    calibration = judge(
        table,
        score=score or "score",
        outcome=Outcome(when=outcome, at=at, within_days=within_days),
        as_of=as_of or workspace.as_of,
        activities=workspace.activities,
    )
    console = _console()
    if leads_per_week is not None:
        advice = calibration.recommend("capacity", leads_per_week=leads_per_week)
        console.print(advice.headline(), highlight=False, markup=False, soft_wrap=True)
        threshold = advice.threshold if threshold is None else threshold
    console.print(calibration.headline(threshold), highlight=False, markup=False, soft_wrap=True)
    _table(console, calibration.thresholds)
    for note in (f"Not a back-test. {NOT_A_BACKTEST}", *calibration.notes):
        console.print(note, highlight=False, markup=False, soft_wrap=True)


@app.command()
def compare(
    old: Annotated[Path, typer.Argument(help="The model in force: a score.yaml, or the vendor's JSON.")],
    new: Annotated[Path, typer.Argument(help="The model that would take its place.")],
    folder: Exports,
    outcome: Annotated[str, typer.Option(help="What counts as success: a yes/no column, or a condition.")],
    at: Annotated[str | None, typer.Option(help="The column that says when it happened.")] = None,
    within_days: Annotated[int | None, typer.Option(help="Days after creation in which it must have happened.")] = None,
    threshold: Annotated[float | None, typer.Option(help="The line, in points, of both models.")] = None,
    new_threshold: Annotated[float | None, typer.Option(help="The new model's line, where it has another.")] = None,
    leads_per_week: Annotated[
        float | None, typer.Option(help="In place of a line: what sales can take; each model gets the line that fits.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="A column of segments.")] = None,
    as_of: AsOf = None,
) -> None:
    """Put two models side by side: who crosses the line, and what that does."""
    from workbench.calibration import compare_models
    from workbench.loaders import load
    from workbench.outcomes import Outcome
    from workbench.scoring import ScoreModel

    found = compare_models(
        ScoreModel.read(old),
        ScoreModel.read(new),
        load(folder),
        outcome=Outcome(when=outcome, at=at, within_days=within_days),
        threshold=threshold,
        new_threshold=new_threshold,
        leads_per_week=leads_per_week,
        by=by,
        as_of=as_of,
    )
    console = _console()
    console.print(found.headline(), highlight=False, markup=False, soft_wrap=True)
    _table(console, found.frame())
    if by is not None:
        _table(console, found.by_segment[["segment", "n", "n_up", "n_down"]])


@app.command()
def memo(
    folder: Exports,
    model: Annotated[Path, typer.Option(help="The file of the model, beside which decisions are on file.")],
    outcome: Annotated[str, typer.Option(help="What counts as success: a yes/no column, or a condition.")],
    to: Annotated[Path, typer.Option(help="The file to write, .html or .pdf (printed by a Chromium).")],
    score: Annotated[str | None, typer.Option(help="The column with the score; by default the model's.")] = None,
    at: Annotated[str | None, typer.Option(help="The column that says when it happened.")] = None,
    within_days: Annotated[int | None, typer.Option(help="Days after creation in which it must have happened.")] = None,
    as_of: AsOf = None,
) -> None:
    """Write the standing decision as a page for people who were not there."""
    from workbench.calibration import calibrate as judge
    from workbench.calibration import decisions, write_memo
    from workbench.calibration import memo as page_of
    from workbench.loaders import load
    from workbench.outcomes import Outcome
    from workbench.scoring import ScoreModel
    from workbench.scoring import score as score_contacts

    workspace = load(folder)
    when = as_of or workspace.as_of
    table = workspace.contacts if score else score_contacts(workspace, ScoreModel.read(model), as_of=when)
    calibration = judge(
        table,
        score=score or "score",
        outcome=Outcome(when=outcome, at=at, within_days=within_days),
        as_of=when,
        activities=workspace.activities,
    )
    found = decisions(model)
    write_memo(page_of(calibration, found), to)
    typer.echo(f"{found[-1].headline()}\nThe memo is in {to}.")


@app.command()
def sample(
    to: Annotated[Path, typer.Option(help="The folder to write into.")],
    contacts: Annotated[int, typer.Option(help="How many contacts, 1 to 10,000,000.")] = 5000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same files, byte for byte.")] = 1,
) -> None:
    """Write the exports of an invented company, faults and all."""
    from workbench.sample import write_sample

    write_sample(to, contacts=contacts, seed=seed, progress=lambda name, rows: typer.echo(f"{rows:>12,} rows  {name}"))


def _read(exports: Path, to: Path, **options: Any) -> Workspace:
    """Exports into a workspace, with what there is to say about them."""
    from rich.progress import BarColumn, Progress, TextColumn

    from workbench.loaders import load

    console = _console()
    columns = BarColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("looking at the files", total=1.0)
        workspace = load(
            exports,
            to=to,
            **options,
            progress=lambda done, what: bar.update(task, completed=done, description=what),
        )
    report = workspace.report
    console.print(report.headline(), highlight=False, markup=False, soft_wrap=True)
    for left_out in report.file_reports:
        if not left_out.object:
            console.print(f"left out: {left_out.why}", highlight=False, markup=False, soft_wrap=True)
    faults = report.frame().groupby(["file", "column", "reason"], sort=False).size().reset_index(name="rows")
    if len(faults):
        _table(console, faults.nlargest(MOST_FAULTS, "rows"))
        if len(faults) > MOST_FAULTS:
            console.print(f"and {len(faults) - MOST_FAULTS} more kinds, each with fewer rows.")
    return workspace


def _notebooks() -> Path:
    """The notebooks beside the package, in a checkout."""
    return Path(__file__).parents[1] / "notebooks"


def _console() -> Any:
    """The terminal; where the output goes to a file or a pipe, wide enough for every table."""
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=200)


def _table(console: Any, frame: pd.DataFrame) -> None:
    """`frame` as a table: shares as percentages, numbers to the right."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold")
    for name in frame.columns:
        is_number = frame[name].dtype.kind in "if"
        table.add_column(
            name.replace("_", " "), justify="right" if is_number else "left", no_wrap=is_number, overflow="fold"
        )
    for row in frame.to_dict("records"):
        table.add_row(*(Text(_cell(str(name), value)) for name, value in row.items()))  # text, not markup
    console.print(table)


def _cell(name: str, value: Any) -> str:
    if isinstance(value, float):
        if math.isnan(value):
            return "–"
        return percent(value) if name in SHARES else f"{value:,.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def main() -> None:
    """The command `workbench`."""
    try:
        app(prog_name="workbench")
    except WorkbenchError as error:
        typer.echo(str(error), err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
