"""What the server gives, and what it keeps to itself."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from workbench.dashboards.server import TOO_MANY, Page, chosen_token, pages, serve
from workbench.errors import WorkbenchError

Answer = tuple[int, dict[str, str], bytes]


def ask(address: str, path: str, method: str = "GET", **headers: str) -> Answer:
    """One request, followed nowhere, with the path as it is written."""
    connection = HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    response: HTTPResponse = connection.getresponse()
    answer = response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    connection.close()
    return answer


def assets(address: str) -> set[str]:
    """The addresses of what a page loads."""
    _, _, page = ask(address, "/nothing")
    folder = re.search(r"/assets/\w+/", page.decode())
    assert folder
    return {folder[0] + name for name in ("page.js", "plotly-basic.min.js", "workbench.css", "favicon.svg")}


@pytest.fixture
def address(stand_in_pages: Any) -> str:
    return str(stand_in_pages.address)


def test_the_first_page_is_where_the_address_leads(address: str) -> None:
    status, headers, _ = ask(address, "/")
    assert (status, headers["location"]) == (302, "/line")


@pytest.mark.parametrize("path", ["/line", "/", "/nothing", "/line.ipynb"])
def test_every_answer_forbids_other_hosts_and_framing(address: str, path: str) -> None:
    _, headers, _ = ask(address, path)
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_what_a_page_loads_is_packed_and_kept(address: str) -> None:
    for path in assets(address):
        status, headers, packed = ask(address, path, Accept_Encoding="gzip")
        assert (status, headers["content-encoding"]) == (200, "gzip")
        assert "immutable" in headers["cache-control"]
        status, headers, plain = ask(address, path)
        assert (status, headers.get("content-encoding")) == (200, None)
        assert gzip.decompress(packed) == plain


def test_a_page_is_packed_and_not_kept(address: str) -> None:
    status, headers, body = ask(address, "/line", Accept_Encoding="gzip")
    assert (status, headers["content-encoding"]) == (200, "gzip")
    assert "no-store" in headers["cache-control"]
    assert b"<!doctype html>" in gzip.decompress(body)


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/no_page",
        "/line.ipynb",
        "/notes.txt",
        "/voila/files/notes.txt",
        "/voila/render/line.ipynb",
        "/voila/render/no_page.ipynb",
        "/voila/tree",
        "/voila/static/require.min.js",
        "/voila/templates/lab/static/voila.js",
        "/voila/api/contents/",
        "/voila/api/themes/",
        "/voila/query/00000000-0000-0000-0000-000000000000",
        "/api",
        "/api/contents",
        "/api/kernels",
        "/api/kernels/00000000-0000-0000-0000-000000000000",
        "/api/sessions",
        "/api/terminals",
        "/files/line.ipynb",
        "/static/style/bootstrap.min.css",
        "/tree",
        "/lab",
        "/logout",
        "/assets/0/../index.html.j2",
        "/assets/0/..%2findex.html.j2",
        "/assets/0/%2e%2e/index.html.j2",
        "/assets/0/",
        "/../pyproject.toml",
        "/..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
    ],
)
def test_nothing_but_pages_can_be_reached(address: str, path: str) -> None:
    status, _, body = ask(address, path)
    assert status == 404
    for leak in (b"import ipywidgets", b"not a page", b"Traceback", b"[build-system]", b"root:"):
        assert leak not in body


def test_an_unknown_page_says_where_the_pages_are(address: str) -> None:
    _, _, body = ask(address, "/nothing")
    assert "There is no such page. The pages of this workbench are linked above." in body.decode()
    assert '<a href="/line">Line &amp; co</a>' in body.decode()


def test_a_name_that_someone_else_points_here_is_refused(address: str) -> None:
    for path in ("/line", "/", "/nothing"):
        assert ask(address, path, Host="elsewhere.example")[0] == 403


def kernel_of(address: str, **headers: str) -> str:
    _, _, page = ask(address, "/line", **headers)
    found = re.search(r'"kernel": "([\w-]+)"', page.decode())
    assert found
    return found[1]


def packed(kind: str, content: dict[str, Any], *, channel: str = "shell") -> bytes:
    """A message as Jupyter's websocket protocol v1 writes it."""
    header = {
        "msg_id": kind,
        "msg_type": kind,
        "session": "s",
        "username": "",
        "version": "5.3",
        "date": "2026-01-01T00:00:00Z",
    }
    parts = [channel.encode(), *(json.dumps(part).encode() for part in (header, {}, {}, content))]
    offsets = [8 * (len(parts) + 2)]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    numbers = b"".join(number.to_bytes(8, "little") for number in [len(offsets), *offsets])
    return numbers + b"".join(parts)


def say(
    address: str,
    kernel: str,
    messages: Sequence[bytes | str],
    *,
    protocol: bool = True,
    seconds: float = 1.5,
    **options: Any,
) -> list[str]:
    """Send `messages` to the kernel; what kinds of messages came back."""
    url = f"ws://{urlsplit(address).netloc}/api/kernels/{kernel}/channels?session_id=s"
    heard = []
    protocols = ["v1.kernel.websocket.jupyter.org"] if protocol else None
    with connect(url, subprotocols=protocols, **options) as wire:
        for message in messages:
            wire.send(message)
        with contextlib.suppress(TimeoutError):
            while True:
                data = wire.recv(seconds)
                text = data.decode(errors="replace") if isinstance(data, bytes) else data
                heard += re.findall(r'"msg_type": ?"(\w+)"', text)[:1]
    return heard


def run_code(tmp_path: Path) -> dict[str, Any]:
    return {
        "code": f"open({str(tmp_path / 'ran')!r}, 'w')",
        "silent": False,
        "store_history": False,
        "user_expressions": {},
    }


@pytest.mark.parametrize("channel", ["shell", "control", "stdin"])
def test_a_visitor_cannot_run_code_in_a_kernel(address: str, tmp_path: Path, channel: str) -> None:
    kernel = kernel_of(address)
    kinds = [
        "execute_request",
        "complete_request",
        "inspect_request",
        "history_request",
        "debug_request",
        "shutdown_request",
        "create_subshell_request",
        "input_reply",
    ]
    messages = [packed(kind, run_code(tmp_path), channel=channel) for kind in kinds]
    assert set(say(address, kernel, messages)) <= {"status"}  # of the server's own question at the start
    assert not (tmp_path / "ran").exists()
    assert say(
        address,
        kernel,
        [packed("comm_open", {"comm_id": "c", "target_name": "jupyter.widget.control", "data": {}})],
    )


def test_a_visitor_with_an_older_protocol_is_not_answered(address: str, tmp_path: Path) -> None:
    old = json.dumps(
        {
            "channel": "shell",
            "header": {
                "msg_id": "1",
                "msg_type": "execute_request",
                "session": "s",
                "username": "",
                "version": "5.3",
                "date": "",
            },
            "parent_header": {},
            "metadata": {},
            "content": run_code(tmp_path),
        }
    )
    assert say(address, kernel_of(address), [old], protocol=False) == []
    assert not (tmp_path / "ran").exists()


def test_a_page_of_another_site_cannot_speak_to_a_kernel(address: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        say(address, kernel_of(address), [], origin="http://elsewhere.example")
    assert refused.value.response.status_code == 403


def test_with_a_token_nothing_is_shown_without_it(token_pages: Any) -> None:
    assert token_pages.address.endswith("/?token=open-sesame")
    address = token_pages.address.split("?")[0]

    status, headers, _ = ask(address, "/line")
    assert (status, headers["location"]) == (302, "/login?next=%2Fline")
    assert b"Tiny GmbH" not in ask(address, "/login?next=/line")[2]
    assert ask(address, "/line?token=wrong")[0] == 302

    status, headers, _ = ask(address, "/line?token=open-sesame")
    assert (status, headers["location"]) == (302, "/line")
    cookie = headers["set-cookie"].split(";")[0]
    assert "HttpOnly" in headers["set-cookie"]
    kernel = kernel_of(address, Cookie=cookie)

    hello = [packed("comm_open", {"comm_id": "c", "target_name": "jupyter.widget.control", "data": {}})]
    with pytest.raises(InvalidStatus) as refused:
        say(address, kernel, hello)
    assert refused.value.response.status_code == 403
    assert ask(address, f"/end/{kernel}", "POST")[0] == 403
    assert "status" in say(address, kernel, hello, additional_headers={"Cookie": cookie})


ANYWHERE = "0.0.0.0"  # noqa: S104


@pytest.mark.parametrize(
    ("host", "asked"),
    [("127.0.0.1", False), ("::1", False), ("localhost", False), (ANYWHERE, True), ("10.1.2.3", True)],
)
def test_a_token_is_made_where_others_can_ask(host: str, asked: bool) -> None:
    assert (len(chosen_token(host, None)) > 30) == asked
    assert chosen_token(host, "mine") == "mine"


@pytest.mark.parametrize("host", [ANYWHERE, "10.1.2.3"])
def test_an_empty_token_is_no_token_where_others_can_ask(host: str) -> None:
    with pytest.raises(WorkbenchError, match="the token is empty"):
        chosen_token(host, "")


def test_a_taken_port_is_said_in_a_sentence(tiny_export: Path, stand_in_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "workbench.cli",
            "serve",
            str(tiny_export),
            "--notebooks",
            str(stand_in_folder),
            "--port",
            str(port),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        f"port {port} on 127.0.0.1 cannot be had (Address already in use); another workbench may be running there. "
        "Stop it, or choose another port with --port.\n"
    )


def visit(address: str) -> tuple[str, dict[str, Any]]:
    """The kernel of a page and the widgets that came with it."""
    status, _, page = ask(address, "/restless")
    assert status == 200, page
    texts = [re.search(rf'id="{name}">(.*?)</script>', page.decode(), re.DOTALL) for name in ("wb-config", "wb-state")]
    config, state = (json.loads(text[1]) for text in texts if text)
    return config["kernel"], state


def texts_in(state: dict[str, Any]) -> list[str]:
    """What the box on the restless page holds."""
    (box,) = [one["state"] for one in state.values() if one["state"]["_model_name"] == "VBoxModel"]
    return [state[child.removeprefix("IPY_MODEL_")]["state"]["value"] for child in box["children"]]


def test_a_page_knows_the_widgets_that_a_timer_made_while_another_cell_ran(
    restless_pages: tuple[Any, Path],
) -> None:
    kernel, state = visit(restless_pages[0].address)
    assert texts_in(state) == ["made by a timer", "made by a cell"]
    ask(restless_pages[0].address, f"/end/{kernel}", "POST")


def test_visits_while_kernels_are_renewed_all_get_a_working_page(restless_pages: tuple[Any, Path]) -> None:
    served, workspace = restless_pages
    for reason in ("first", "second"):
        (workspace / "score.decisions.yaml").write_text(reason)
        with ThreadPoolExecutor() as visitors:
            found = list(visitors.map(visit, [served.address] * 2))
        assert len({kernel for kernel, _ in found}) == 2
        for kernel, state in found:
            assert texts_in(state) == ["made by a timer", "made by a cell"]
            hello = packed("comm_open", {"comm_id": "c", "target_name": "jupyter.widget.control", "data": {}})
            assert "status" in say(served.address, kernel, [hello])
            ask(served.address, f"/end/{kernel}", "POST")


def test_one_visit_too_many_is_asked_to_come_later(restless_pages: tuple[Any, Path]) -> None:
    address = restless_pages[0].address
    kernels = []
    while (answer := ask(address, "/restless"))[0] == 200:
        kernels += re.findall(r'"kernel": "([\w-]+)"', answer[2].decode())
        assert len(kernels) < 7  # four, and as many as are warmed meanwhile
    status, headers, body = answer
    assert (status, headers["retry-after"]) == (503, "60")
    assert TOO_MANY in body.decode()
    for kernel in kernels:
        ask(address, f"/end/{kernel}", "POST")
    kernel, _ = visit(address)
    ask(address, f"/end/{kernel}", "POST")


def test_no_visit_at_all_is_refused(tiny_export: Path, stand_in_folder: Path) -> None:
    with pytest.raises(WorkbenchError, match="0 visits at once are too few for a single page; allow at least 1"):
        serve(stand_in_folder, tiny_export, visits=0)


def test_what_nobody_foresaw_stands_in_the_window_of_the_server(stand_in_pages: Any) -> None:
    assert ask(stand_in_pages.address, "/mistake")[0] == 200
    assert "KeyError: 'the secret key'" in stand_in_pages.log.read_text()


@pytest.mark.parametrize(("own", "expected"), [(None, "1"), ("3", "3")])
def test_kernels_calculate_in_one_thread_unless_the_user_wants_more(
    tiny_export: Path,
    tmp_path: Path,
    notebook_writer: Callable[..., Path],
    serve_pages: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    own: str | None,
    expected: str,
) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if own is not None:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", own)
    shown = "import os; from IPython.display import HTML; HTML('threads: ' + os.environ['OPENBLAS_NUM_THREADS'])"
    notebook_writer(tmp_path / "threads.ipynb", shown=shown)
    served = serve_pages(tiny_export, tmp_path)
    assert f"threads: {expected}" in ask(served.address, "/threads")[2].decode()


def test_an_interrupt_ends_the_server_and_its_kernels(
    tiny_export: Path, tmp_path: Path, notebook_writer: Callable[..., Path], serve_pages: Callable[..., Any]
) -> None:
    notebook_writer(tmp_path / "one.ipynb", shown="1")
    notebook_writer(tmp_path / "two.ipynb", shown="2")
    served = serve_pages(tiny_export, tmp_path)
    kernels = psutil.Process(served.process.pid).children(recursive=True)
    assert kernels
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(30) == 0
    gone, alive = psutil.wait_procs(kernels, timeout=10)
    assert (len(gone), alive) == (len(kernels), [])
    assert "Traceback" not in served.log.read_text()


def test_pages_stand_in_the_order_they_ask_for(tmp_path: Path, notebook_writer: Callable[..., Path]) -> None:
    notebook_writer(tmp_path / "b.ipynb", shown="1", link="Second", order=2)
    notebook_writer(tmp_path / "a_b.ipynb", shown="1")
    notebook_writer(tmp_path / "c.ipynb", shown="1", link="First", order=1)
    assert pages(tmp_path) == [
        Page(name="c", link="First"),
        Page(name="b", link="Second"),
        Page(name="a_b", link="A b"),
    ]


def test_a_folder_without_a_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError) as refused:
        pages(tmp_path)
    assert str(refused.value) == (
        f"there is no page in '{tmp_path}': no notebook with a cell tagged 'dashboard'; "
        "give the folder that holds the workbench's notebooks."
    )
