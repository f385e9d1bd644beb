"""The pages: Voila with nothing left in it but pages.

Voila runs each notebook ahead of the visit and keeps its kernel; the routes, the page and what it loads are ours, so
that nothing else of a Jupyter server can be reached: no file, no listing, no code of a visitor's.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import ipaddress
import json
import mimetypes
import os
import re
import secrets
import socket
import sys
import webbrowser
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import psutil
import tornado.httpserver
import tornado.ioloop
import tornado.netutil
import tornado.web
from jupyter_core.utils import ensure_async
from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.auth.login import LoginFormHandler
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1, serialize_msg_to_ws_v1
from nbclient.exceptions import CellExecutionComplete
from traitlets.config import Config
from voila import notebook_renderer
from voila.app import Voila
from voila.execute import VoilaExecutor
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler, read_header_from_binary_message

from workbench.dashboards.figure import STATIC
from workbench.errors import WorkbenchError
from workbench.loaders.workspace import DECISIONS, MODELS, POINTER

FROM_PAGE = ("comm_open", "comm_msg", "comm_close")
"""What a page may say to its kernel: widgets' messages. None of them runs code that came with it."""
TO_PAGE = (*FROM_PAGE, "status")
TOO_MANY = (
    "There are too many visits at once for this machine. Close pages that nobody needs, or try again in a minute."
)
FAULT = "Something went wrong that nobody foresaw. What it was stands in the window where the workbench was started."
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
MEMORY_A_VISIT = 400e6  # bytes
_KERNEL = r"(?P<kernel_id>\w+-\w+-\w+-\w+-\w+)"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A notebook that has something to show as a page."""

    name: str
    """The file's name without `.ipynb`; the page's address."""
    link: str
    """What stands in the header."""


def pages(notebooks: Path) -> list[Page]:
    """The pages in a folder of notebooks, in their order.

    A page is a notebook with at least one cell tagged `dashboard`. Its metadata may hold
    `"workbench": {"title": "Where is the line?", "link": "Threshold", "order": 1}`.

    Raises
    ------
    WorkbenchError
        The folder is not there, or holds no page.
    """
    found = []
    for path in sorted(notebooks.glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if any("dashboard" in cell["metadata"].get("tags", []) for cell in notebook["cells"]):
            about = notebook["metadata"].get("workbench", {})
            link = about.get("link", path.stem.replace("_", " ").capitalize())
            found.append((about.get("order", 99), path.stem, Page(name=path.stem, link=link)))
    if not found:
        raise WorkbenchError(
            f"there is no page in '{notebooks}': no notebook with a cell tagged 'dashboard'; "
            "give the folder that holds the workbench's notebooks."
        )
    return [page for *_, page in sorted(found, key=lambda entry: entry[:2])]


def serve(
    notebooks: str | os.PathLike[str],
    workspace: str | os.PathLike[str],
    *,
    exports: str | os.PathLike[str] | None = None,
    port: int = 8866,
    host: str = "127.0.0.1",
    token: str | None = None,
    visits: int | None = None,
    open_browser: bool = False,
) -> None:
    """Serve the pages in `notebooks` on the data in `workspace`, until interrupted.

    Prints the address when the first page is ready. Notebooks find the workspace's folder in the environment variable
    `WORKBENCH_DATA`. On any other address than this machine's own (`127.0.0.1`, `::1`, `localhost`) a visitor needs the
    `token`; one is made and printed with the address if none is given.

    Parameters
    ----------
    exports
        From where the workspace was imported, where that is known: from there a page imports again.
    port
        0 to 65535; 0 takes any that is free.
    visits
        Pages that may be open at once, at least 1, one or two more in a rush; each is a Python of its own. The
        next is asked to try again later. As many as half of this machine's memory carries, and at most 16 a core, if
        None.

    Raises
    ------
    WorkbenchError
        A folder is not there or holds no page, the port is taken, or no visit is allowed.
    """
    if visits is not None and visits < 1:
        raise WorkbenchError(f"{visits} visits at once are too few for a single page; allow at least 1.")
    folder, data = Path(notebooks).resolve(), Path(workspace).resolve()
    if not data.exists():
        raise WorkbenchError(
            f"there is no '{workspace}' to show; give the folder of an imported workspace or of exports."
        )
    found = pages(folder)
    token = chosen_token(host, token)
    sockets = _listen(host, port)
    os.environ["WORKBENCH_DATA"] = str(data)
    os.environ["WORKBENCH_EXPORTS"] = str(Path(exports).resolve()) if exports is not None else ""
    os.environ["WORKBENCH_STARTED_IN"] = os.getcwd()
    os.environ["WORKBENCH_REMOTE"] = "" if _is_this_machine(host) else "1"
    # Threads of linear algebra that wait for each other on busy cores take ten times as long as one alone.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(STATIC.parents[3]), os.environ.get("JUPYTER_PATH")]))
    assets = _assets()
    version = hashlib.sha256(b"".join(asset.plain for asset in assets.values())).hexdigest()[:12]
    server = _Server(
        config=_config(found, folder, f"/assets/{version}/"),
        root_dir=str(folder),
        ip=host,
        port=sockets[0].getsockname()[1],
        open_browser=open_browser,
        config_file_paths=[],
        token=token,
        identity_provider_class=_Identity,
    )
    server.pages, server.assets, server.sockets, server.local = found, assets, sockets, _is_this_machine(host)
    server.data = data
    server.visits = visits or _bearable_visits()
    server.initialize([])
    server.start()


def _bearable_visits() -> int:
    memory = psutil.virtual_memory().total / 2 // MEMORY_A_VISIT
    return max(4, min(int(memory), 16 * (os.cpu_count() or 1)))


def chosen_token(host: str, token: str | None) -> str:
    """What a visitor must know: the token given, else one that is made up, or nothing where only this machine can ask.

    Raises WorkbenchError for an empty token where others can ask.
    """
    local = _is_this_machine(host)
    if token == "" and not local:
        raise WorkbenchError(
            f"the token is empty, and {host} can be reached by others; give one, or none to have it made."
        )
    return token if token is not None else "" if local else secrets.token_urlsafe(24)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def _listen(host: str, port: int) -> list[socket.socket]:
    try:
        return tornado.netutil.bind_sockets(port, host)
    except (OSError, OverflowError) as error:
        raise WorkbenchError(
            f"port {port} on {host} cannot be had ({getattr(error, 'strerror', None) or error}); another workbench may "
            "be running there. Stop it, or choose another port with --port."
        ) from None


VOILA = {
    "template": "workbench",
    "strip_sources": True,
    # Errors are kept for the template, which shows their sentence and never their traceback.
    "show_tracebacks": True,
    "allow_template_override": "NO",
    "allow_theme_override": "NO",
    "extension_allowlist": [],
    "file_allowlist": [],
    "preheat_kernel": True,
    # A heartbeat would be a script in the page; these pages allow none.
    "http_keep_alive_timeout": 86400,
}
"""Voila's settings; `voila.json` has the same for who starts Voila by hand."""


def _config(found: list[Page], folder: Path, assets: str) -> Config:
    names = {f"{page.name}.ipynb" for page in found}
    others = [path for path in folder.rglob("*.ipynb") if str(path.relative_to(folder)) not in names]
    links = [{"name": page.name, "link": page.link} for page in found]
    return Config(
        {
            "Application": {"log_level": "ERROR"},
            "VoilaConfiguration": {**VOILA, "resources": {"pages": links, "assets": assets, "fault": FAULT}},
            # Seconds; on a busy machine a kernel starts slowly, and a cell's last words may come long after its end.
            "NotebookClient": {"iopub_timeout": 120, "startup_timeout": 120},
            # Kernels are spoken to through files that only this user can read, where the system has them.
            "KernelManager": {"transport": "tcp" if os.name == "nt" else "ipc"},
            "VoilaKernelManager": {
                "kernel_pools_config": {"default": {"pool_size": 1}},
                "preheat_denylist": [re.escape(str(path)) for path in others],
                # The next kernel starts when this visitor's page is drawn, not while it is.
                "fill_delay": 4.0,
                "cull_idle_timeout": 3600,
                "cull_interval": 120,
            },
        }
    )


def _sentence(error: Mapping[str, Any]) -> str:
    return str(error["evalue"]) if error["ename"] == "WorkbenchError" else FAULT


def _written(data: Path) -> int | None:
    """When the workspace was last imported into, a decision put on file or a model saved; None where it is none."""
    with contextlib.suppress(OSError):
        kept = [*data.glob(f"*{DECISIONS}"), *data.glob(f"{MODELS}/*")]
        return max(file.stat().st_mtime_ns for file in [data / POINTER, *kept])
    return None


@dataclass(frozen=True, slots=True)
class _Asset:
    kind: str
    plain: bytes
    packed: bytes


def _assets() -> dict[str, _Asset]:
    """The files a page loads, by name, read and packed once."""
    found = {}
    for path in sorted(STATIC.iterdir()):
        kind = mimetypes.guess_type(path.name)[0] or "text/plain"
        plain = path.read_bytes()
        found[path.name] = _Asset(f"{kind}; charset=utf-8", plain, gzip.compress(plain, 9, mtime=0))
    return found


class _Executor(VoilaExecutor):  # type: ignore[misc]
    """Runs a page's cells, and sees every widget that they make."""

    async def _async_poll_output_msg(self, parent_msg_id: str, cell: Any, cell_index: int) -> None:
        """What a cell shows, and what widgets say meanwhile.

        A timer that one cell started may fire while another runs, and then speaks for the first: nbclient would not
        listen, and the page would know a widget whose parts it was never told of.
        """
        while True:
            message = await self.kc.iopub_channel.get_msg(timeout=None)
            own = message["parent_header"].get("msg_id") == parent_msg_id
            if own or message["msg_type"] in FROM_PAGE:
                try:
                    self.process_message(message, cell, cell_index)
                except CellExecutionComplete:
                    return

    async def execute_cell(self, *args: Any, **options: Any) -> Any:
        try:
            return await super().execute_cell(*args, **options)
        except Exception as error:
            if getattr(error, "ename", "") != "WorkbenchError":
                sys.stderr.write(f"{_ANSI.sub('', str(error))}\n")
            raise


notebook_renderer.VoilaExecutor = _Executor  # Voila has no other way to choose one


class _Server(Voila):  # type: ignore[misc]
    pages: list[Page]
    assets: dict[str, _Asset]
    sockets: list[socket.socket]
    local: bool
    data: Path
    visits: int
    loaded: int | None = None
    drawing: int = 0  # pages
    leaving: int = 0  # kernels

    def init_settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = super().init_settings()
        self.kernel_manager.allowed_message_types = list(FROM_PAGE)
        settings.update(
            assets=self.assets,
            assets_url=self.voila_configuration.resources["assets"],
            headers=HEADERS,
            compress_response=True,
            default_handler_class=_NotFound,
            allow_remote_access=not self.local,
            login_url="/login",
            ws_ping_interval=30_000,
            ws_ping_timeout=30_000,
            pages=self.pages,
            server=self,
        )
        self.loaded = _written(self.data)
        return settings

    def init_handlers(self) -> list[Any]:
        about = {
            "template_paths": self.template_paths,
            "config": self.config,
            "voila_configuration": self.voila_configuration,
        }
        return [
            (r"/", _Root),
            (r"/login", _Login),
            (r"/assets/\w+/([\w.-]+)", _AssetHandler),
            (r"/favicon.ico", tornado.web.RedirectHandler, {"url": f"{self.app.settings['assets_url']}favicon.svg"}),
            (rf"/api/kernels/{_KERNEL}/channels", _Channels),
            (rf"/end/{_KERNEL}", _End),
            (r"/(\w+)", _PageHandler, about),
        ]

    def listen(self) -> None:
        tornado.httpserver.HTTPServer(self.app).add_sockets(self.sockets)
        self.ioloop = tornado.ioloop.IOLoop.current()
        self.ioloop.add_callback(self._announce)
        try:
            self.ioloop.start()
        except KeyboardInterrupt:
            pass
        finally:
            self.stop()

    def renew(self, name: str) -> None:
        """Kernels that were warmed on an older import of the workspace make way for new ones, first those of `name`.

        Who comes before they are there has one started: no visit is promised a kernel that has yet to wait its turn.
        """
        written = _written(self.data)
        if written == self.loaded:
            return
        self.loaded = written
        manager = self.kernel_manager
        for turn, notebook in enumerate(sorted(manager._pools, key=lambda notebook: notebook != name), start=1):
            pool = manager._pools[notebook]
            old, pool[:] = list(pool), []
            # One after the other: the page that is waited for needs the machine.
            self.ioloop.call_later(turn * manager.fill_delay, manager.fill_if_needed, 0, notebook)
            self.leaving += len(old)
            for kernel in old:
                self.ioloop.add_callback(self._let_go, kernel)

    @property
    def full(self) -> bool:
        """Whether as many pages are open, or on their way, as may be; kernels that wait for a visit do not count."""
        waiting = self.leaving + sum(map(len, self.kernel_manager._pools.values()))
        return bool(self.drawing + len(self.kernel_manager.list_kernel_ids()) - waiting >= self.visits)

    async def _let_go(self, kernel: Any) -> None:
        with contextlib.suppress(Exception):  # one that failed to start has gone
            warmed = await kernel
            await warmed["task"]  # one that is ended in the middle of its notebook complains
            await self.kernel_manager.shutdown_kernel(warmed["kernel_id"])
        self.leaving -= 1

    async def _announce(self) -> None:
        """Say the address, once the first page can be had at once; then have a second one ready, for who comes next."""
        name = f"{self.pages[0].name}.ipynb"
        first = self.kernel_manager._pools[name][0]
        with contextlib.suppress(Exception):  # a page that fails says so itself
            await asyncio.wait_for((await first)["task"], timeout=120)
        self.kernel_manager.kernel_pools_config = {**self.kernel_manager.kernel_pools_config, name: {"pool_size": 2}}
        self.kernel_manager.fill_if_needed(delay=1, notebook_name=name)
        host = "127.0.0.1" if self.local else socket.gethostname() if self.ip in ("", "0.0.0.0", "::") else self.ip  # noqa: S104
        host = f"[{host}]" if ":" in host else host
        address = f"http://{host}:{self.port}/" + (f"?token={self.token}" if self.token else "")
        sys.stdout.write(f"The workbench is ready: {address}\nCtrl-C ends it.\n")
        sys.stdout.flush()
        if self.open_browser:
            webbrowser.open(address)


class _AssetHandler(tornado.web.RequestHandler):
    """A file by its name; its address holds what all of them hash to, so a browser may keep it for good."""

    def get(self, name: str) -> None:
        asset: _Asset | None = self.settings["assets"].get(name)
        if asset is None:
            raise tornado.web.HTTPError(404)
        for header, value in HEADERS.items():
            self.set_header(header, value)
        self.set_header("Content-Type", asset.kind)
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        self.set_header("Vary", "Accept-Encoding")
        if "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            self.finish(asset.packed)
        else:
            self.finish(asset.plain)


class _Plain(JupyterHandler):
    """A handler that says what is wrong in a sentence."""

    def write_error(self, status_code: int, **_: Any) -> None:
        sentence = {
            403: "This address is for those who were given it with its token. Open the whole address, token and all.",
            404: "There is no such page. The pages of this workbench are linked above.",
            405: "There is no such page. The pages of this workbench are linked above.",
            503: TOO_MANY,
        }.get(status_code, FAULT)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        if status_code == 503:
            self.set_header("Retry-After", "60")
        self.finish(self.sheet(f'<p class="wb-error">{sentence}</p>', links=status_code != 403))

    def sheet(self, body: str, *, links: bool) -> str:
        assets = self.settings["assets_url"]
        nav = (
            "".join(f'<a href="/{page.name}">{escape(page.link)}</a>' for page in self.settings["pages"])
            if links
            else ""
        )
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Workbench</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<link rel="icon" type="image/svg+xml" href="{assets}favicon.svg">'
            f'<link rel="stylesheet" href="{assets}workbench.css"></head><body>'
            f'<header class="wb-header"><div><b>Workbench</b><nav aria-label="Pages">{nav}</nav></div></header>'
            f'<main class="wb-main">{body}</main></body></html>'
        )


class _NotFound(_Plain):
    async def prepare(self) -> None:  # type: ignore[override]
        await super().prepare()
        raise tornado.web.HTTPError(404)


class _Root(_Plain):
    @tornado.web.authenticated
    def get(self) -> None:
        self.redirect(f"/{self.settings['pages'][0].name}")


class _PageHandler(_Plain, TornadoVoilaHandler):  # type: ignore[misc]
    @tornado.web.authenticated
    async def get(self, name: str) -> None:
        if name not in {page.name for page in self.settings["pages"]}:
            raise tornado.web.HTTPError(404)
        if self.get_argument("token", None):
            # The cookie is set by now; the token need not stay in the address.
            self.redirect(f"/{name}")
            return
        server = self.settings["server"]
        if server.full:
            raise tornado.web.HTTPError(503)
        server.renew(f"{name}.ipynb")
        server.drawing += 1
        try:
            await ensure_async(super().get(f"{name}.ipynb"))
        finally:
            server.drawing -= 1


class _End(_Plain):
    """A page that is closed lets its kernel go."""

    def check_xsrf_cookie(self) -> None:
        """Not needed: who knows a kernel's id has its page."""

    @tornado.web.authenticated
    async def post(self, kernel_id: str) -> None:
        if kernel_id in self.kernel_manager:
            await ensure_async(self.kernel_manager.shutdown_kernel(kernel_id))  # type: ignore[no-untyped-call]
        self.set_status(204)


class _Channels(VoilaKernelWebsocketHandler):  # type: ignore[misc]
    """The wire between a page and its kernel: widgets' messages, and of a failure its sentence."""

    async def get(self, kernel_id: str) -> None:
        if kernel_id not in self.kernel_manager:
            raise tornado.web.HTTPError(404)
        await ensure_async(super().get(kernel_id=kernel_id))

    def write_message(self, message: Any, binary: bool = False) -> Any:
        header = read_header_from_binary_message(message) if isinstance(message, bytes) else None
        kind = header and header.get("msg_type")
        if kind in TO_PAGE:
            return super().write_message(message, binary)
        if kind == "error":
            return super().write_message(self._without_traceback(message), True)
        return None

    def _without_traceback(self, message: bytes) -> bytes:
        channel, parts = deserialize_msg_from_ws_v1(message)  # type: ignore[no-untyped-call]
        content = json.loads(parts[3])
        self.log.error(_ANSI.sub("", "\n".join(content["traceback"])))
        parts[3] = json.dumps({"ename": "", "evalue": _sentence(content), "traceback": []}).encode()
        packed: bytes = serialize_msg_to_ws_v1(parts, channel)  # type: ignore[no-untyped-call]
        return packed


class _Identity(IdentityProvider):
    """One token for all who may see the pages; none is asked for where only this machine can ask."""

    @property
    def auth_enabled(self) -> bool:
        return bool(self.token)

    def process_login_form(self, handler: tornado.web.RequestHandler) -> User | None:
        right = secrets.compare_digest(handler.get_argument("password", "").encode(), self.token.encode())
        return self.generate_anonymous_user(handler) if right else None


_LOGIN = """{wrong}
<form class="wb-panel" method="post" action="/login?next={next}">{xsrf}
<p class="wb-text">These pages show people's data and are for those who were given the token.
It stands in the window where the workbench was started.</p>
<p class="wb-text jupyter-widgets"><label for="password">Token</label>
<input type="password" id="password" name="password" autofocus required></p>
<button class="jupyter-button mod-primary">Open</button></form>"""


class _Login(_Plain, LoginFormHandler):
    def _render(self, message: Mapping[str, str] | None = None) -> None:
        ahead = escape(self.get_argument("next", default="/"), quote=True)
        self.write(
            self.sheet(
                _LOGIN.format(
                    wrong='<p class="wb-error">That is not the token.</p>' if message else "",
                    next=ahead,
                    xsrf=self.xsrf_form_html(),
                ),
                links=False,
            )
        )
