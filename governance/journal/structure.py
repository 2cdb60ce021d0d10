"""
How the file of a SQLite store is built: its pages, and how they refer to each other.

No chain covers that: a page that no row of any session is read from may be damaged for long, until
an append comes by, or a search.
"""

from __future__ import annotations

import time
from pathlib import Path

import apsw

from governance._attrs import frozen
from governance.journal.limits import DEADLINE_MS_DEFAULT
from governance.journal.replacing import named_errors
from governance.journal.sqlite_connection import Patience
from governance.journal.sqlite_read_only import connected_to_read

PROBLEMS_MAX = 10
_STEPS_BETWEEN_LOOKS = 1_000


@frozen
class Structure:
    """
    What was seen of a file.

    Attributes:
        pages: That it has.

        whole: All of it was looked at.

        problems: What is wrong, in words of SQLite.
    """

    pages: int
    whole: bool
    problems: tuple[str, ...]


def structure_of(path: Path, *, seconds_max: float) -> Structure:
    """
    How the store at *path* is built, as far as *seconds_max* go; beside readers and writers.

    Raises:
        JournalError: It cannot be read at all.
    """
    patience = Patience()
    patience.allow(DEADLINE_MS_DEFAULT)
    problems: list[str] = []
    whole = True
    with named_errors(path), connected_to_read(path, patience) as connection:
        connection.execute("BEGIN")
        pages = int(connection.execute("PRAGMA page_count").get)
        until = time.monotonic() + seconds_max
        connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS_BETWEEN_LOOKS)
        try:
            for (said,) in connection.execute(f"PRAGMA quick_check({PROBLEMS_MAX})"):
                problems += said.splitlines() if said != "ok" else ()
        except apsw.InterruptError:
            whole = False
        except apsw.CorruptError as error:
            problems.append(str(error))
    return Structure(pages, whole, tuple(problems[:PROBLEMS_MAX]))
