"""`metrics`: figures and health for Prometheus, as text or as an endpoint."""

from __future__ import annotations

import ipaddress
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click

from governance.analytics.figures import Counting, add
from governance.analytics.projection import catch_up
from governance.analytics.prometheus import CONTENT_TYPE, Looked, exposition
from governance.cli.files import write_file
from governance.cli.frame import (
    FINE,
    Example,
    command,
    dir_option,
    project_of,
    until_interrupted,
)
from governance.cli.opening import guarded_store_of
from governance.cli.output import print_line
from governance.cli.progress import working
from governance.cli.values import require_unset
from governance.clock import SystemClock
from governance.config import load_config
from governance.engine.health import health_of
from governance.engine.lawmaking import health_limits_of, trusted_config
from governance.errors import GovernanceError, MisuseError, StoreDamaged
from governance.process_metrics import PROCESS
from governance.project import Project
from governance.service.client import ask
from governance.values import Json

CODES = {"GOV580": "an address that metrics cannot be served at"}

_REQUEST_SECONDS_MAX = 10


@command(
    "metrics",
    examples=[
        Example("governance metrics", "All figures, as Prometheus reads them."),
        Example("governance metrics -o governance.prom", "For the collector of text files."),
        Example(
            "governance metrics --listen 127.0.0.1:9464", "For a Prometheus server that scrapes."
        ),
    ],
)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False),
              help="File to write whole, in place of one that is there.")  # fmt: skip
@click.option("--listen", metavar="HOST:PORT",
              help="Serve them at that address of this machine until Ctrl-C.")  # fmt: skip
@dir_option
def metrics(output: Path | None, listen: str | None, directory: Path | None) -> int:
    """
    Print figures and health in the text format of Prometheus.

    Counters are of all days, counted from the journal; `governance_healthy` says for each
    check of `governance health` on the store whether it is green; of a damaged store there are no
    figures, and this tells why. CPU and memory are those of
    this process and of the local service, where one runs; how long sessions took to load and
    to save is told by the service, for all of its projects.
    """
    project = project_of(directory)
    if listen is not None:
        require_unset(["output"], "does not go with --listen")
        return _serve(project, listen)
    with working("counting"):
        text = text_of(project)
    if output is None:
        sys.stdout.write(text)
        return FINE
    write_file(output, text.encode(), 0o644, project=project.directory)
    return FINE


def text_of(project: Project) -> str:
    """
    The figures and the health of *project*, now; of a damaged store its health alone.

    Raises:
        GovernanceError: Its store cannot be opened.
    """
    limits = health_limits_of(trusted_config(load_config(project.directory)))
    whole: Counting = {}
    with guarded_store_of(project) as (journal, inner):
        try:
            found = catch_up(journal)
        except StoreDamaged:
            counted = False
        else:
            counted = not found.damaged
            for figures in found.days.values():
                add(whole, figures)
        health = health_of(journal, now_ms=SystemClock().now_ms(), limits=limits, loading=inner)
    looked = {one.name: Looked(one.ok, one.seconds) for one in health.checks}
    if not counted and "figures" in looked:
        looked["figures"] = Looked(False, looked["figures"].seconds)
    return exposition(whole, looked, _processes())


def _processes() -> Mapping[str, Mapping[str, Json]]:
    """What this process and the service tell of themselves; one that does not answer is absent."""
    own = PROCESS.as_json()
    found: dict[str, Mapping[str, Json]] = {
        # It opens the store anew for each look, and has no session of its own to load or save.
        "metrics": {name: own[name] for name in own if name not in ("load", "save")}
    }
    with suppress(GovernanceError):
        told = (ask("status") or {}).get("process")
        if isinstance(told, Mapping):
            found["service"] = told
    return found


def _serve(project: Project, listen: str) -> int:
    host, port = _address(listen)
    try:
        server = server_of(project, host, port)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise MisuseError(f"`{listen}` cannot be served: {why}", code="GOV580") from None
    with server, until_interrupted():
        print_line(f"http://{host}:{server.server_port}/metrics", stderr=True)
        server.serve_forever()
    return FINE


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    try:
        local = host == "localhost" or ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        local = False
    if not local or not port.isdecimal() or int(port) > 65_535:
        raise MisuseError(
            f"metrics are not served at `{listen}`",
            code="GOV580",
            remedy="name an address of this machine alone, such as `127.0.0.1:9464`",
        )
    return host, int(port)


def server_of(project: Project, host: str, port: int) -> ThreadingHTTPServer:
    """
    A server of the metrics of *project*, which answers one request after the other.

    Raises:
        OSError: The address cannot be had.
    """
    turn = threading.Lock()

    class Answers(BaseHTTPRequestHandler):
        timeout = _REQUEST_SECONDS_MAX

        def do_GET(self) -> None:
            if self.path != "/metrics":
                self.send_error(404)
                return
            try:
                with turn:
                    body, status = text_of(project).encode(), 200
            except GovernanceError as error:
                body, status = f"{error}\n".encode(), 503
            self.send_response(status)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: each scrape would be a line."""

    server = ThreadingHTTPServer((host, port), Answers)
    server.daemon_threads = True
    return server


COMMANDS = {"metrics": metrics}
