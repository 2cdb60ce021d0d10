"""
What the journal on a PostgreSQL server costs, over what the server itself costs.

The server is one of the tests', but for its syncs, which it makes here as any other does. It
runs on this machine and is reached through a socket, so that nothing of a network is measured.
"""

from __future__ import annotations

import statistics
import threading
import time
from pathlib import Path

from governance.journal.records import Append, Appended
from tests.bench.bench_journal import BODY, median_seconds, row


def durable_append(folder: Path, *, rounds: int = 20, per_round: int = 40) -> tuple[float, float]:
    """
    A durable append of one row, over an `INSERT` of the same bytes that commits by itself.

    One of each in turn; the median of the rounds' ratios counts.
    """
    from tests.postgres_server import running_server

    with running_server(synced=True) as server, server.connect() as plain:
        journal = server.journal(mirror=folder / "heads")
        plain.execute("CREATE TABLE yardstick (place bigserial PRIMARY KEY, body bytea)")
        seq = 0

        def append() -> None:
            nonlocal seq
            assert isinstance(journal.append([Append("s", seq, (row(),))]), Appended)
            seq += 1

        def insert() -> None:
            plain.execute("INSERT INTO yardstick (body) VALUES (%b)", (BODY,))

        ratios: list[float] = []
        for _ in range(rounds + 1):
            ours, theirs = [], []
            for _ in range(per_round):
                theirs.append(median_seconds(insert, 1))
                ours.append(median_seconds(append, 1))
            ratios.append(statistics.median(ours) / statistics.median(theirs))
        journal.close()
    del ratios[0]  # the first round warms up
    return statistics.median(ratios), 3.0


def concurrent_callers(
    folder: Path, *, threads: int = 8, seconds: float = 2.0
) -> tuple[float, float]:
    """Durable rows a second of 8 threads on sessions of their own, over those of one caller."""
    from tests.postgres_server import running_server

    ratios: list[float] = []
    with running_server(synced=True) as server:
        journal = server.journal(mirror=folder / "heads", connections_max=threads)

        def rows_a_second(name: str, callers: int) -> float:
            counts = [0] * callers
            start = time.perf_counter()

            def work(place: int) -> None:
                session, seq = f"{name}-{place}", 0
                while time.perf_counter() < start + seconds:
                    assert isinstance(journal.append([Append(session, seq, (row(),))]), Appended)
                    seq += 1
                counts[place] = seq

            workers = [threading.Thread(target=work, args=(n,)) for n in range(callers)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            return sum(counts) / (time.perf_counter() - start)

        for turn in range(3):
            alone = rows_a_second(f"{turn}-alone", 1)
            ratios.append(rows_a_second(f"{turn}-together", threads) / alone)
        journal.close()
    return statistics.median(ratios), 2.5
