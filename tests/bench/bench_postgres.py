"""
What the journal on a PostgreSQL server costs, over what the server itself costs.

The server is one of the tests', but for its syncs, which it makes here as any other does. It
runs on this machine and is reached through a socket, so that nothing of a network is measured.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from governance.journal.records import Append, Appended
from tests.bench.bench_engine import over_the_fold
from tests.bench.bench_journal import BODY, appended_until, fill, over_length, row
from tests.bench.turns import deciding, gain_of, in_turn, rate_of

_YARDSTICK = "CREATE TABLE yardstick (place bigserial PRIMARY KEY, body bytea)"


def durable_append(folder: Path, *, rounds: int = 20, per_round: int = 40) -> tuple[float, float]:
    """A durable append of one row, over an `INSERT` of the same bytes that commits by itself."""
    from tests.postgres_server import running_server

    with running_server(synced=True) as server, server.connect() as plain:
        journal = server.journal(mirror=folder / "heads")
        plain.execute(_YARDSTICK)
        seq = 0

        def append() -> None:
            nonlocal seq
            assert isinstance(journal.append([Append("s", seq, (row(),))]), Appended)
            seq += 1

        def insert() -> None:
            plain.execute("INSERT INTO yardstick (body) VALUES (%b)", (BODY,))

        found = in_turn(append, insert, rounds=rounds, per_round=per_round)
        journal.close()
    return found.ratio, 3.0


def durable_decision(folder: Path, *, rounds: int = 12, per_round: int = 30) -> tuple[float, float]:
    """One `Session.tool`, decided by the shipped packs and on the server, over such an `INSERT`."""
    from tests.postgres_server import running_server

    with (
        running_server(synced=True) as server,
        server.connect() as plain,
        deciding(server.journal(mirror=folder / "heads")) as calls,
    ):
        plain.execute(_YARDSTICK)

        def insert() -> None:
            plain.execute("INSERT INTO yardstick (body) VALUES (%b)", (calls.body,))

        found = calls.over(insert, rounds=rounds, per_round=per_round)
    return found.ratio, 3.0


def append_at_length(
    _folder: Path, *, events: int = 200_000, early: int = 1_000
) -> tuple[float, float]:
    """An append to a session of *events* rows, over one of *early* rows; nothing is synced."""
    from tests.postgres_server import running_server

    with running_server() as server:
        stores = server.journal(), server.journal()
        for journal, length in zip(stores, (events, early), strict=True):
            fill(journal, length)
        found = over_length(*stores, rounds=30)
        for journal in stores:
            journal.close()
    return found, 1.2


def restore_of_a_session(_folder: Path) -> tuple[float, float]:
    """A session of 10,000 events from its snapshot, over the full fold; nothing is synced."""
    from tests.postgres_server import running_server

    with running_server() as server:
        return over_the_fold(server.journal()), 1 / 20


def concurrent_callers(
    folder: Path, *, threads: int = 8, seconds: float = 2.0
) -> tuple[float, float]:
    """Durable rows a second of 8 threads on sessions of their own, over those of one caller."""
    from tests.postgres_server import running_server

    with running_server(synced=True) as server:
        journal = server.journal(mirror=folder / "heads", connections_max=threads)

        def rate(name: str, callers: int) -> float:
            return rate_of(partial(appended_until, journal, name), callers, seconds)

        found = gain_of(rate, threads, turns=3)
        journal.close()
    return found, 2.5
