"""
What of a store no row of a session leads to, looked at within bounds: the pages of its file, and
the values beside the rows.

Damage there is met by whoever comes by, which may be the next append; the rows that are walked
would not tell of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from governance.engine.health_check import SHELF, HealthCheck, remember
from governance.errors import Diagnostic, number_of
from governance.journal.limits import SCAN_BYTES_MAX
from governance.journal.records import Journal
from governance.journal.session_values import COPIED_SHELVES
from governance.values import Json, ValueRefused, dump_json, load_json

VALUES = "values"
PAGES_SECONDS_MAX = 1.0
"""How long one look reads pages, by the clock: about a gigabyte that the system has at hand."""

VALUES_MAX = 1_000
"""Values after which a look reads no further one; the bytes of one scan end it as well."""

CODES: Mapping[str, str] = {"GOV589": "a store's file that is not built as it must be"}


def pages(path: Path, seconds_max: float = PAGES_SECONDS_MAX) -> HealthCheck:
    """
    Whether the file of the store at *path* is built as it must be, as far as the time goes.

    Raises:
        JournalError: It cannot be read at all.
    """
    from governance.journal.structure import structure_of

    seen = structure_of(path, seconds_max=seconds_max)
    if seen.problems:
        found = tuple(
            Diagnostic(
                "GOV589",
                f"the file of the store `{path}`: {one}",
                suggestion="`governance repair --dry-run` says what is lost, `repair` mends it",
            )
            for one in seen.problems
        )
        return HealthCheck("pages", "are not built as they must be", found)
    count = number_of(seen.pages, "page")
    if seen.whole:
        return HealthCheck("pages", f"nothing wrong in how {count} are built")
    saw = f"nothing wrong within {seconds_max:g} s, which is not all of {count}"
    return HealthCheck("pages", f"{saw}: `governance verify` looks at all")


def values(journal: Journal, stored: Journal) -> HealthCheck:
    """
    Whether values beside the rows are what was put there, each time the next ones.

    Args:
        stored: *journal* as it is stored, which opens nothing that is encrypted.

    Raises:
        JournalError: One is not; the next look meets it again.
    """
    at, after = began = _reached(journal)
    count = size = 0
    while at < len(COPIED_SHELVES) and count < VALUES_MAX and size < SCAN_BYTES_MAX:
        page = stored.shelf.scan(COPIED_SHELVES[at], after=after, limit=VALUES_MAX - count)
        at, after = (at, page[-1].name) if page else (at + 1, "")
        count, size = count + len(page), size + sum(len(one.value) for one in page)
    more = at < len(COPIED_SHELVES)
    if began != (reached := (at, after) if more else (0, "")):
        value: dict[str, Json] = {"shelf": COPIED_SHELVES[reached[0]], "after": reached[1]}
        remember(journal, VALUES, dump_json(value))
    seen = number_of(count, "value")
    begun = " more" if began != (0, "") else ""
    return HealthCheck("values", f"nothing wrong in {seen}{begun}{', others next' if more else ''}")


def _reached(journal: Journal) -> tuple[int, str]:
    """The shelf that is looked at, by its place in the list, and the last value of it that was."""
    entry = journal.shelf.get(SHELF, VALUES)
    try:
        value = load_json(entry.value) if entry is not None else None
    except ValueRefused:
        value = None
    if not isinstance(value, Mapping) or value.get("shelf") not in COPIED_SHELVES:
        return 0, ""
    return COPIED_SHELVES.index(str(value["shelf"])), str(value.get("after") or "")
