"""Files for the browser, made when they are asked for."""

from __future__ import annotations

from pathlib import Path

import anywidget

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv;charset=utf-8"
YAML = "application/yaml;charset=utf-8"
HTML = "text/html;charset=utf-8"
PDF = "application/pdf"


class Download(anywidget.AnyWidget):
    """Shows nothing; `give` makes the browser save a file."""

    _esm = Path(__file__).parent / "download.js"

    def give(self, name: str, content: bytes, *, type: str) -> None:
        """Have the browser save `content` as a file called `name`; `type` is its media type."""
        self.send({"kind": "file", "name": name, "type": type}, buffers=[content])
