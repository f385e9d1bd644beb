"""Files from the browser, written to a folder of the kernel's own, piece by piece."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import anywidget
import traitlets

from workbench.errors import WorkbenchError, listing
from workbench.loaders.unpacking import PACKED, SHEETS, TEXTS
from workbench.loaders.workspace import PrivateFolder
from workbench.wording import plural

MOST_BYTES = 500_000_000
MOST_FILES = 50
_MOST_LETTERS = 120  # of a name
_STRANGE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]')


class Upload(anywidget.AnyWidget):
    """A place to drop exports on. `received` holds the folder in which they lie when all are here, until others come.

    What the browser says is taken from a stranger: a name gives no path, no file is larger than it was said to be, and
    all together are no more than `most_bytes`.
    """

    _esm = Path(__file__).parent / "upload.js"

    words = traitlets.Unicode("Drop exports here, or choose them").tag(sync=True)
    said = traitlets.Unicode().tag(sync=True)
    """How far it is, or what was wrong with the files."""
    endings = traitlets.List(traitlets.Unicode()).tag(sync=True)
    disabled = traitlets.Bool(False).tag(sync=True)
    received = traitlets.Instance(Path, allow_none=True)

    def __init__(self, *, most_bytes: int = MOST_BYTES) -> None:
        super().__init__(endings=sorted(SHEETS | TEXTS | PACKED))
        self.most_bytes = most_bytes
        self._keeper: PrivateFolder | None = None
        self._files: list[tuple[Path, int]] = []
        self._waiting: Sequence[Mapping[str, Any]] = ()
        self.on_msg(self._told)
        self.observe(lambda _: self._go_on(), "disabled")

    def _told(self, _: Any, message: Mapping[str, Any], buffers: Sequence[Any]) -> None:
        try:
            if message.get("kind") == "offer" and self.disabled:
                self._wait(message["files"])
            elif message.get("kind") == "offer":
                self._begin(message["files"])
            elif message.get("kind") == "piece":
                self._take(int(message["file"]), int(message["from"]), bytes(buffers[0]) if buffers else b"")
            elif message.get("kind") == "broken":
                raise WorkbenchError("A file could not be read by the browser; choose it again.")
        except WorkbenchError as fault:
            self._keeper, self._files, self.received = None, [], None
            self.said = str(fault)

    def _wait(self, offered: Sequence[Mapping[str, Any]]) -> None:
        """What comes in the middle of an import is not lost, and takes nothing from under it."""
        self._waiting, self._files = offered, []
        self.said = f"{plural(len(offered), 'file')} will be taken when what is under way is done."

    def _go_on(self) -> None:
        if self._waiting and not self.disabled:
            offered, self._waiting = self._waiting, ()
            self._told(self, {"kind": "offer", "files": offered}, ())

    def _begin(self, offered: Sequence[Mapping[str, Any]]) -> None:
        if len(offered) > MOST_FILES:
            raise WorkbenchError(f"{len(offered):,} files are too many at once; pack them into a ZIP file.")
        sizes = [max(0, int(file["size"])) for file in offered]
        if sum(sizes) > self.most_bytes:
            raise WorkbenchError(
                f"{sum(sizes) / 1e6:,.0f} MB are too many for a page, which takes {self.most_bytes / 1e6:,.0f} MB: "
                "put the files into a folder and name that."
            )
        names = [safe_name(str(file["name"])) for file in offered]
        strange = [name for name in names if Path(name).suffix.lower() not in SHEETS | TEXTS | PACKED]
        if strange:
            raise WorkbenchError(
                f"{listing(strange)} cannot be an export; the workbench reads {listing(self.endings, most=20)}."
            )
        self._keeper = PrivateFolder()
        self._files, self.received = [], None
        folder = self._keeper.path / Path(names[0]).stem if names else self._keeper.path  # what an import is called
        folder.mkdir(exist_ok=True)
        for name, size in zip(names, sizes, strict=True):
            path = folder / name
            number = 2
            while path.exists():
                path = path.with_name(f"{Path(name).stem}-{number}{Path(name).suffix}")
                number += 1
            path.touch()
            self._files.append((path, size))
        if self._files:
            self._ask(0, 0)

    def _take(self, file: int, start: int, piece: bytes) -> None:
        if not 0 <= file < len(self._files):
            return  # of an offer that another has taken the place of
        path, size = self._files[file]
        there = path.stat().st_size
        if start != there:
            return
        if there + len(piece) > size or (not piece and there < size):
            raise WorkbenchError(f"{path.name} changed while it was sent; choose it again.")
        try:
            with path.open("ab") as stream:
                stream.write(piece)
        except OSError as error:
            raise WorkbenchError(f"{path.name} cannot be kept here: {error.strerror}.") from error
        if there + len(piece) < size:
            self._ask(file, there + len(piece))
        elif file + 1 < len(self._files):
            self._ask(file + 1, 0)
        else:
            self.said = f"{plural(len(self._files), 'file')} received."
            folder, self._files = path.parent, []
            self.received = folder

    def _ask(self, file: int, start: int) -> None:
        path, size = self._files[file]
        if size == 0:
            self._take(file, start, b"")
            return
        self.said = f"{path.name}: {100 * start // size} % of {size / 1e6:,.1f} MB received."
        self.send({"kind": "piece", "file": file, "from": start})


def safe_name(name: str) -> str:
    """A file's name from a stranger as a name and nothing else: no folder, no hidden file."""
    last = PureWindowsPath(PurePosixPath(unicodedata.normalize("NFC", name)).name).name
    plain = _STRANGE.sub("_", last).strip(" .") or "export.csv"
    ending = Path(plain).suffix[:20]
    return plain if len(plain) <= _MOST_LETTERS else plain[: _MOST_LETTERS - len(ending)] + ending
