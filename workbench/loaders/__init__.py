"""Exports into a Workspace: every row accounted for, every fault in the report."""

from workbench.loaders.importing import Export, load, read_export
from workbench.loaders.report import CODES, ColumnReport, FileReport, LoadReport
from workbench.loaders.workspace import Workspace, leads_of, open_workspace

__all__ = [
    "CODES",
    "ColumnReport",
    "Export",
    "FileReport",
    "LoadReport",
    "Workspace",
    "leads_of",
    "load",
    "open_workspace",
    "read_export",
]
