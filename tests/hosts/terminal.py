"""A client in a terminal, as a person sits before it: keys go in, a screen comes out."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from types import TracebackType
from typing import Any, ClassVar, Self

from attrs import define

LINES, COLUMNS = 50, 160
SECONDS_MAX = 40
TRIES_MAX = 4
QUIET_SECONDS = 1.0
ENTER, ESCAPE = "\r", "\x1b"
_CONTROL = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # titles and links
    r"|\x1b\[[0-9;?<>=]*[A-Za-z]"  # colours and places
    r"|\x1b[()][A-Z0-9]|\x1b."
)


@define(eq=False)
class Terminal:
    """
    The client in a pseudo-terminal, in a folder that its person trusts.

    Attributes:
        READY: What its screen shows when it takes a prompt.

        LEAVE: The command that ends it.

        WRITES_WHOLE: Whether what it writes can be read as it comes; else it is made to draw
            its whole screen again and again.

        seen: All that was written to the screen since it was last cleared with `forget`.
    """

    READY: ClassVar[str]
    LEAVE: ClassVar[str]
    WRITES_WHOLE: ClassVar[bool] = False

    client: Any
    seen: str = ""
    _pid: int = 0
    _master: int = -1
    _columns: int = COLUMNS

    def __enter__(self) -> Self:
        environment = {**self.client.environment(), "TERM": "xterm-256color"}
        words = self.words()
        self._pid, self._master = pty.fork()
        if self._pid == 0:
            os.chdir(self.client.project)
            os.execve(words[0], words, environment)
        self._redraw()
        self.until(self.READY)
        return self

    def words(self) -> list[str]:
        """The command line of the client."""
        raise NotImplementedError

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.type(self.LEAVE)
        deadline = time.monotonic() + SECONDS_MAX
        while os.waitpid(self._pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > deadline:
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
                break
            self._read(QUIET_SECONDS)
        os.close(self._master)

    def type(self, text: str) -> None:
        """Type *text* and press Enter."""
        self.seen = ""
        self._write(text)
        # Keys that come at once are taken for pasted text, in which Enter is a new line.
        self._read(QUIET_SECONDS)
        self._write(ENTER)

    def press(self, key: str) -> None:
        """Press one key."""
        self.seen = ""
        self._write(key)

    def until(self, text: str) -> str:
        """
        Wait until *text* was written to the screen; spaces do not count. All that was seen.

        Raises:
            AssertionError: It did not come.
        """
        assert self._comes(text, SECONDS_MAX), f"never seen: {text}\n{self.seen[-3000:]}"
        return self.seen

    def say(self, prompt: str, answer: str) -> None:
        """
        Type *prompt* and wait for *answer*; again where the client, busy with itself, lost it.

        Raises:
            AssertionError: It did not come.
        """
        for _ in range(TRIES_MAX):
            self.type(prompt)
            if self._comes(prompt, SECONDS_MAX / TRIES_MAX):
                break
        self.until(answer)

    def _comes(self, text: str, seconds_max: float) -> bool:
        wanted = "".join(text.split())
        deadline = time.monotonic() + seconds_max
        while wanted not in "".join(self.seen.split()):
            if time.monotonic() > deadline:
                return False
            if not self.WRITES_WHOLE:
                self._redraw()
            self._read(QUIET_SECONDS)
        return True

    def _redraw(self) -> None:
        """Have the whole screen written: what changes alone is no text that one could read."""
        self._columns = COLUMNS + (self._columns == COLUMNS)
        size = struct.pack("HHHH", LINES, self._columns, 0, 0)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, size)

    def _write(self, text: str) -> None:
        os.write(self._master, text.encode())

    def _read(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self._master], [], [], left)[0]:
                return
            try:
                data = os.read(self._master, 65_536)
            except OSError:  # the client has ended
                return
            self.seen += _CONTROL.sub(" ", data.decode("utf-8", errors="replace"))
