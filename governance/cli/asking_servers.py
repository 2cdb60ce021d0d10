"""
Asks an MCP server on standard input and output for the list of its tools.

The server is a program that a person has named on the command line. It is given nothing but
the two requests, has so many seconds and so many bytes, and is ended afterwards with all that
it has started in its group.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from attrs import field

from governance import __version__
from governance._attrs import define
from governance.errors import MisuseError
from governance.values import Json

ANSWER_SECONDS_MAX = 30
"""All that a server has to begin, and to list its tools."""

BYTES_MAX = 4_000_000
"""All that it may write."""

PAGES_MAX = 50
"""Pages that its list may have."""

PROTOCOL = "2025-06-18"
"""The version of the protocol that we ask by; a server may answer by an older one."""

_END_SECONDS = 0.2
"""A server whose input has ended may end by itself."""

_CURSOR_CHARACTERS_MAX = 10_000


def listed_by(command: Sequence[str], *, seconds_max: float = ANSWER_SECONDS_MAX) -> list[Json]:
    """
    The pages of the list of tools that the server *command* gives.

    Raises:
        MisuseError: GOV636: it cannot be started, ends, is too slow or says too much, or
            answers with something else.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 -- the very command that the person has given
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
        )
    except (OSError, ValueError) as error:
        why = (error.strerror or "") if isinstance(error, OSError) else str(error)
        raise refused(f"`{command[0]}` cannot be started: {why.lower()}") from None
    talk = _Talk(process, time.monotonic() + seconds_max)
    try:
        return talk.pages()
    finally:
        talk.close()


def refused(message: str) -> MisuseError:
    """The error of whatever gives no list of tools."""
    mend = "save the answer of `tools/list` to a file, and give that with `--list`"
    return MisuseError(message, code="GOV636", remedy=mend)


@define(eq=False)
class _Talk:
    """One conversation; `until` is the monotonic second at which it ends."""

    process: subprocess.Popen[bytes]
    until: float
    _read: bytearray = field(factory=bytearray, init=False)
    _bytes: int = field(default=0, init=False)
    _number: int = field(default=0, init=False)

    def pages(self) -> list[Json]:
        about: Json = {"name": "governance", "version": __version__}
        self._ask(
            "initialize", {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": about}
        )
        self._say({"method": "notifications/initialized"})
        pages: list[Json] = []
        wanted: dict[str, Json] = {}
        while len(pages) < PAGES_MAX:
            page = self._ask("tools/list", wanted)
            pages.append(page)
            cursor = page.get("nextCursor")
            if not isinstance(cursor, str) or not cursor:
                return pages
            if len(cursor) > _CURSOR_CHARACTERS_MAX:
                break
            wanted = {"cursor": cursor}
        raise refused("the server's list has no end")

    def close(self) -> None:
        """End the server and its group; what left its group is left to the system."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with suppress(OSError):  # it has gone, which is what is wanted
                    stream.close()
        time.sleep(_END_SECONDS)
        # Before it is waited for: until then its number cannot be another's.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _ask(self, method: str, params: Mapping[str, Json]) -> Mapping[str, Json]:
        self._number += 1
        self._say({"id": self._number, "method": method, "params": dict(params)})
        while True:
            message = self._next()
            if message.get("id") == self._number and "method" not in message:
                result = message.get("result")
                if not isinstance(result, Mapping):
                    raise refused(f"the server refuses `{method}`: {_why(message)}")
                return result
            if message.get("method") == "ping" and "id" in message:
                self._say({"id": message["id"], "result": {}})

    def _say(self, message: Mapping[str, Json]) -> None:
        stream = self.process.stdin
        assert stream is not None  # INVARIANT: it was opened as a pipe
        try:
            stream.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        except OSError:
            raise refused("the server has ended without an answer") from None

    def _next(self) -> Mapping[str, Json]:
        """The next message; lines that are none, such as a greeting, are passed over."""
        while True:
            end = self._read.find(b"\n")
            if end < 0:
                self._more()
                continue
            line = bytes(self._read[:end])
            del self._read[: end + 1]
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(message, dict):
                return message

    def _more(self) -> None:
        stream = self.process.stdout
        assert stream is not None  # INVARIANT: it was opened as a pipe
        left = self.until - time.monotonic()
        with selectors.DefaultSelector() as waiting:
            waiting.register(stream, selectors.EVENT_READ)
            if left <= 0 or not waiting.select(left):
                raise refused("the server has not listed its tools in time")
        data = os.read(stream.fileno(), 65_536)
        self._bytes += len(data)
        if not data:
            raise refused("the server has ended without an answer")
        if self._bytes > BYTES_MAX:
            raise refused(f"the server writes more than {BYTES_MAX} bytes")
        self._read += data


def _why(message: Mapping[str, Json]) -> str:
    error = message.get("error")
    text = error.get("message") if isinstance(error, Mapping) else None
    return " ".join(str(text or "it gives no result").split())[:200]
