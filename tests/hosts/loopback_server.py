"""An HTTP server of a test on loopback: what the scripted models are made of."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class JsonHandler(BaseHTTPRequestHandler):
    """Reads and answers JSON, and logs nothing."""

    def do_GET(self) -> None:
        self.get()

    def do_HEAD(self) -> None:
        self.get()

    def do_POST(self) -> None:
        self.post()

    def get(self) -> None:
        """Answer a look: with nothing."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def post(self) -> None:
        """Answer what was sent."""
        raise NotImplementedError

    def log_message(self, format: str, *args: object) -> None:
        return None

    def body(self) -> bytes:
        """All that was sent."""
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def answer(self, status: int, value: object) -> None:
        """Answer with *value* as JSON."""
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def begin_events(self) -> None:
        """Begin an answer of server-sent events, after which the connection ends."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True


class LoopbackServer:
    """
    Serves on an ephemeral port of loopback from its making on.

    ``requests`` is where the handlers keep what they were sent.
    """

    PATH = ""
    """What stands behind the port in `url`."""

    def __init__(self, handler: type[JsonHandler]) -> None:
        self.requests: list[dict[str, Any]] = []
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{self.PATH}"

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)
