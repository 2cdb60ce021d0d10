"""Progress of what takes longer than a second: on standard error, and only on a terminal."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TextIO, TypeVar

from governance.cli.output import console, visible

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

T = TypeVar("T")

QUIET_SECONDS = 1.0
"""How long a command may work before it shows how far it is."""

_TELL_SECONDS = 1.0


def progressing(items: Iterable[T], label: str, *, total: int | None = None) -> Iterator[T]:
    """
    *items*, one by one; once they have taken longer than `QUIET_SECONDS`, a bar tells how far.

    Without *total* the bar only counts. What is printed meanwhile stands above it. Where
    standard error is no terminal, or one that can only append (``TERM=dumb``), nothing is
    shown, and the bar is wiped when it is done.
    """
    if not _shown(sys.stderr):
        yield from items
        return
    begun = time.monotonic()
    done = 0
    bar: Progress | None = None
    task: TaskID | None = None
    with ExitStack() as open_bar:
        for item in items:
            yield item
            done += 1
            if bar is None and time.monotonic() - begun > QUIET_SECONDS:
                bar = open_bar.enter_context(_bar())
                task = bar.add_task(visible(label), total=total)
            if bar is not None and task is not None:
                bar.update(task, completed=done)


def _shown(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")


def _bar() -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    # What goes to a file must not go to the terminal in its place.
    aside = sys.stdout.isatty()
    return Progress(*columns, console=console(stderr=True), transient=True, redirect_stdout=aside)


@contextmanager
def working(label: str) -> Iterator[None]:
    """
    Say *label* and for how long already, while something works of which nobody knows how far.

    As quiet as `progressing`: nothing at first, nothing where standard error is no terminal,
    and the line is wiped at the end. Nothing else may be printed meanwhile.
    """
    stream = sys.stderr
    if not _shown(stream):
        yield
        return
    done = threading.Event()
    teller = threading.Thread(target=_tell, args=(stream, visible(label), done), daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def _tell(stream: TextIO, label: str, done: threading.Event) -> None:
    begun = time.monotonic()
    if done.wait(QUIET_SECONDS):
        return
    while True:
        told = f"{label} … {time.monotonic() - begun:.0f} s"
        stream.write(f"\r{told}")
        stream.flush()
        if done.wait(_TELL_SECONDS):
            stream.write(f"\r{' ' * len(told)}\r")
            stream.flush()
            return
