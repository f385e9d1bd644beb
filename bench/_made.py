"""A Workspace of made tables, for the benchmarks that need one larger than any sample."""

from collections.abc import Mapping
from pathlib import Path

from workbench.loaders import Workspace
from workbench.loaders.workspace import Manifest
from workbench.loaders.writing import alone_in, point_to, write_snapshot


def workspace_of(build: Path, home: Path, *, as_of: str, tables: Mapping[str, int]) -> Workspace:
    """Move `build`, a folder of Parquet files, into `home`, a new Workspace; `tables` are names and rows."""
    (build / "report.json").write_text("{}", encoding="utf-8")
    manifest = Manifest(sources={}, options={}, as_of=as_of, name="made", version="0", tables=tables)
    with alone_in(home, print) as workplace:
        write_snapshot(home, build, manifest, "made")
        point_to(home, workplace, "made")
    return Workspace(home)
