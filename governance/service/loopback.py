"""
Observations over loopback HTTP, for hosts that report that way; nothing is ever decided here.

``POST /v1/HOST/EVENT?dir=/abs/project`` with the payload as body. A host goes on when the
other end of such a hook is gone, late or says no, so that an event which waits for leave is
refused by status 403 and has to be a command hook. Loopback is open to every program and to
web pages: the token of the file beside the socket is asked for, a foreign ``Host``, any
``Origin`` and a body without its length are refused, and who calls is looked up like
the caller of any hook.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from governance._attrs import define
from governance.errors import GovernanceError
from governance.hooking.hook_alone import log
from governance.hooking.payload import PAYLOAD_BYTES_MAX
from governance.hooking.processes import processes_above
from governance.hooking.worker import Call, answer
from governance.hosts import HOOKED, adapter_of
from governance.service.answering import same_home
from governance.service.projects import Projects
from governance.values import Json
from governance.whole_file import write_whole

ADDRESS = "127.0.0.1"
REQUESTS_MAX = 16
SECONDS_MAX = 2.0
PROCESSES_MAX = 4_096


class NotTaken(GovernanceError):
    """The request is none that is taken; what it said was not recorded."""

    code = "GOV712"

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@define(eq=False)
class Silent:
    """The way back of an observation: nothing is answered, so that nothing counts as told."""

    data: bytes
    project: str
    event: str

    def read(self) -> bytes:
        """The payload."""
        return self.data

    def limit(self, deadline_ms: int) -> None:
        """Nobody waits."""

    def answer(self, out: bytes, *, told: bool = False) -> bool:  # noqa: ARG002 -- there is no way back
        """Nothing goes back."""
        return False

    def note(self, text: str) -> None:
        """A line for the project's log."""
        log(self.project, self.event, text)


class Door(ThreadingHTTPServer):
    """The listening end; its address and token stand in a private file until it is closed."""

    daemon_threads = True
    request_queue_size = REQUESTS_MAX

    def __init__(self, projects: Projects, port: int, file: Path) -> None:
        super().__init__((ADDRESS, port), _Request)
        self.projects = projects
        self.token = secrets.token_urlsafe(32)
        self.file = file
        self._places = threading.BoundedSemaphore(REQUESTS_MAX)
        told = {"url": f"http://{ADDRESS}:{self.server_port}", "token": self.token}
        write_whole(file, json.dumps(told).encode() + b"\n", synced=False)

    def process_request(self, request: object, client_address: object) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)  # type: ignore[arg-type]
            return
        super().process_request(request, client_address)  # type: ignore[arg-type]

    def process_request_thread(self, request: object, client_address: object) -> None:
        try:
            super().process_request_thread(request, client_address)  # type: ignore[arg-type]
        finally:
            self._places.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """What a broken connection leads to is nobody's news."""

    def close(self) -> None:
        """Listen no more, and take the token away."""
        self.shutdown()
        self.server_close()
        self.file.unlink(missing_ok=True)


def open_door(projects: Projects, port: int, file: Path) -> Door:
    """
    Listen on *port* of loopback, 0 for a free one.

    Raises:
        OSError: The port is taken.
    """
    door = Door(projects, port, file)
    threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 1.0}, daemon=True).start()
    return door


class _Request(BaseHTTPRequestHandler):
    server_version = "governance"
    sys_version = ""
    timeout = SECONDS_MAX

    def do_POST(self) -> None:
        try:
            self._observe()
            self._reply(202, {})
        except NotTaken as error:
            self._reply(error.status, {"code": error.code, "message": error.message})
        except GovernanceError as error:
            self._reply(422, {"code": error.code, "message": error.message})

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""

    @property
    def _door(self) -> Door:
        # INVARIANT: only a door makes requests of this class.
        assert isinstance(self.server, Door)
        return self.server

    def _observe(self) -> None:
        self._check()
        parts = urlsplit(self.path)
        words = parts.path.split("/")
        directory = parse_qs(parts.query).get("dir", [""])[0]
        if len(words) != 4 or words[1] != "v1" or not directory.startswith("/"):
            raise NotTaken(404, "expected `/v1/HOST/EVENT?dir=/abs/project`")
        host, event = words[2], words[3]
        known = adapter_of(host).events.get(event) if host in HOOKED else None
        if known is None:
            raise NotTaken(404, f"`{host}` has no event `{event}` with a hook of ours")
        if known.decides:
            raise NotTaken(403, f"`{event}` waits for leave, and nothing is decided over HTTP")
        data = self._body()
        pid = process_of(self.client_address[1], self._door.server_port)
        above = tuple(processes_above(pid)) if pid else ()
        if not above or not same_home(above[0].environment):
            raise NotTaken(403, "who calls cannot be seen, or has another home")
        with self._door.projects.use(Path(directory)) as held:
            if held is None:
                raise NotTaken(503, f"`{directory}` is not open yet, or does without the service")
            environment = above[0].environment
            if not held.fits(environment):
                raise NotTaken(403, "who calls names another key of the journal")
            call = Call(Path(directory), event, environment, lambda: above)
            line = Silent(data, directory, event)
            answer(
                adapter_of(host),
                call,
                line,
                lambda: held.config,
                lambda: contextlib.nullcontext(held.engine),
            )

    def _check(self) -> None:
        hosts = {f"{name}:{self._door.server_port}" for name in (ADDRESS, "localhost")}
        if self.headers.get("Host") not in hosts or "Origin" in self.headers:
            raise NotTaken(403, "the request comes from elsewhere")
        given = self.headers.get("Authorization", "")
        if not hmac.compare_digest(
            given.encode("utf-8", "replace"), f"Bearer {self._door.token}".encode()
        ):
            raise NotTaken(401, "the token is missing or wrong")

    def _body(self) -> bytes:
        lengths = self.headers.get_all("Content-Length", [])
        if len(lengths) != 1 or not lengths[0].isdigit() or "Transfer-Encoding" in self.headers:
            raise NotTaken(411, "the body must come with its length, and in one piece")
        size = int(lengths[0])
        if size > PAYLOAD_BYTES_MAX:
            raise NotTaken(413, f"the payload is larger than {PAYLOAD_BYTES_MAX} bytes")
        data = self.rfile.read(size)
        if len(data) != size:
            raise NotTaken(400, "the body is shorter than its length")
        return data

    def _reply(self, status: int, body: dict[str, Json]) -> None:
        data = json.dumps(body).encode()
        with contextlib.suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)


def process_of(theirs: int, ours: int) -> int:
    """The process of this user whose connection goes from port *theirs* to *ours*; 0: none."""
    inode = _inode_of(theirs, ours)
    if not inode:
        return 0
    wanted = f"socket:[{inode}]"
    for pid in _own_processes():
        with contextlib.suppress(OSError):
            for one in os.scandir(f"/proc/{pid}/fd"):
                if os.readlink(one.path) == wanted:  # noqa: PTH115
                    return pid
    return 0


def _inode_of(theirs: int, ours: int) -> str:
    local, remote = f":{theirs:04X}", f":{ours:04X}"
    with open("/proc/net/tcp", encoding="ascii") as table:  # noqa: PTH123
        for line in table:
            words = line.split()
            if len(words) > 9 and words[1].endswith(local) and words[2].endswith(remote):
                return words[9]
    return ""


def _own_processes() -> Iterator[int]:
    own = os.geteuid()
    with os.scandir("/proc") as entries:
        for count, one in enumerate(entries):
            if count > PROCESSES_MAX:
                return
            with contextlib.suppress(OSError):
                if one.name.isdigit() and one.stat().st_uid == own:
                    yield int(one.name)
