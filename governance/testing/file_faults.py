"""
Faults of the file system, at the first, the second, the next change that a piece of code makes.

    for fault in faults():
        with fault:
            write_my_settings()
        assert my_settings_are_whole()

Each change (a file opened to be written, renamed, linked, removed or of another mode, a folder
made or removed) fails once in each of the ways of `KINDS`, until the code makes no change that
has not failed.
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self
from unittest.mock import patch

from attrs import field

from governance._attrs import define

_FULL = "/dev/full"
KINDS = ("refused", *(("full",) if os.path.exists(_FULL) else ()), "killed", "killed in it")  # noqa: PTH110
"""
How a change fails: the system refuses it, the disk is full when bytes are written (where the
system can pretend that), the process ends before it, or ends after the file is made or emptied
and before a byte is in it.
"""

CHANGES_MAX = 1_000
_NAMED = ("chmod", "link", "mkdir", "remove", "rename", "replace", "rmdir", "unlink")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class Killed(BaseException):
    """What ends the code as SIGKILL would: what it does on its way out changes nothing more."""


@define(eq=False)
class Fault:
    """
    The fault at one change; as a context, it lets pass what the fault itself raises.

    Attributes:
        number: Which change fails, from 0.

        struck: Whether the code came to it.

        error: What the code raised for it: ``None`` where it was killed or went on.
    """

    kind: str
    number: int
    struck: bool = field(default=False, init=False)
    error: Exception | None = field(default=None, init=False)
    _seen: int = field(default=0, init=False, repr=False)
    _patches: list[Any] = field(factory=list, init=False, repr=False)

    def __enter__(self) -> Self:
        wrapped = {name: self._changing(getattr(os, name)) for name in _NAMED}
        self._patches = [patch.object(os, name, one) for name, one in wrapped.items()]
        self._patches.append(patch.object(os, "open", self._opening(os.open)))
        self._patches.append(patch.object(io, "open", self._opening_stream(io.open)))
        for one in self._patches:
            one.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        for one in self._patches:
            one.stop()
        if isinstance(error, Exception) and self.struck:
            self.error = error
            return True
        return isinstance(error, Killed)

    def _is_now(self) -> bool:
        if self.struck and self.kind.startswith("killed"):
            raise Killed
        self._seen += 1
        self.struck = self.struck or self._seen == self.number + 1
        return self._seen == self.number + 1

    def _fail(self, path: object) -> None:
        if self.kind.startswith("killed"):
            raise Killed
        number = errno.ENOSPC if self.kind == "full" else errno.EACCES
        name = os.fspath(path) if isinstance(path, os.PathLike) else path
        raise OSError(number, os.strerror(number), name)

    def _changing(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def change(path: Any, *words: Any, **more: Any) -> Any:
            if self._is_now():
                self._fail(path)
            return real(path, *words, **more)

        return change

    def _opening(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def opened(path: Any, flags: int, *words: Any, **more: Any) -> Any:
            if not flags & _WRITES or not self._is_now():
                return real(path, flags, *words, **more)
            if self.kind in ("refused", "killed"):
                self._fail(path)
            os.close(real(path, flags, *words, **more))
            if self.kind == "killed in it":
                raise Killed
            return real(_FULL, os.O_WRONLY)

        return opened

    def _opening_stream(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def opened(path: Any, mode: str = "r", *words: Any, **more: Any) -> Any:
            # A number is a file that is open already.
            if isinstance(path, int) or not set(mode) & set("wax+") or not self._is_now():
                return real(path, mode, *words, **more)
            if self.kind in ("refused", "killed"):
                self._fail(path)
            real(path, mode, *words, **more).close()
            if self.kind == "killed in it":
                raise Killed
            return real(_FULL, mode.replace("x", "w"), *words, **more)

        return opened


def faults(kinds: tuple[str, ...] = KINDS) -> Iterator[Fault]:
    """Every fault in turn, of each of *kinds* one after the other, and one that came too late."""
    for kind in kinds:
        for number in range(CHANGES_MAX):
            fault = Fault(kind, number)
            yield fault
            if not fault.struck:
                break
