"""A server whose disk is full: nothing of an append is there, and with room the same call works."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from governance.errors import StoreFull
from governance.journal.postgres import PostgresJournal
from governance.journal.records import Append, Appended, Row
from tests.postgres_server import ACCOUNT, Server, running_server

_PARTITIONS = 8
_CHANCE = random.Random(1)
# What cannot be packed, so that it takes the room that it says.
_BATCH = [
    Append("s", 2, tuple(Row("k", 0, _CHANCE.randbytes(30_000)) for _ in range(20))),
    Append("t", 0, (Row("k", 0, _CHANCE.randbytes(200_000)),)),
]


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of *size* at *folder*, which the server may write to."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=777", "none", str(folder)]
    try:
        subprocess.run(words, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("platform: no small file system may be mounted here")
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, ACCOUNT)
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def _on_a_small_disk(server: Server, journal: PostgresJournal) -> Iterator[Callable[[], None]]:
    """All events, keys and heads lie on a disk that a file fills; gives what makes room."""
    with small_disk(server.folder / "small", "16m") as folder:
        with server.connect() as connection:
            connection.execute(f"CREATE TABLESPACE small LOCATION '{folder}'")
            found = connection.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'governance'::regnamespace"
                " AND relkind = 'r'"
            ).fetchall()
            for (table,) in found:
                connection.execute(f"ALTER TABLE governance.{table} SET TABLESPACE small")
            connection.execute("CHECKPOINT")
        ballast = folder / "ballast"
        with ballast.open("wb") as file, contextlib.suppress(OSError):
            while True:
                os.write(file.fileno(), bytes(4_096))
        yield ballast.unlink
        with server.connect() as connection:
            for (table,) in found:
                connection.execute(f"ALTER TABLE governance.{table} SET TABLESPACE pg_default")
            connection.execute("DROP TABLESPACE small")


@contextlib.contextmanager
def _by_a_trigger(server: Server, journal: PostgresJournal) -> Iterator[Callable[[], None]]:
    """
    Where nothing can be mounted: the server itself says in mid-commit, after all is written, what
    it says of a full disk.
    """
    with server.connect() as connection:
        connection.execute(
            "CREATE FUNCTION governance.full() RETURNS trigger LANGUAGE plpgsql AS"
            " $$BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END$$"
        )
        connection.execute(
            "CREATE CONSTRAINT TRIGGER full_disk AFTER INSERT ON governance.event"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION governance.full()"
        )

    def heal() -> None:
        with server.connect() as connection:
            connection.execute("DROP FUNCTION governance.full() CASCADE")

    yield heal


FULL = {"a small disk": _on_a_small_disk, "a trigger": _by_a_trigger}


@pytest.fixture(name="place", params=FULL)
def _place(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[PostgresJournal, Callable[[], None]]]:
    """A store with two rows of `s` on a server that has no room left, and what makes room."""
    with running_server() as server, closing(server.journal(mirror=tmp_path / "heads")) as journal:
        answer = journal.append([Append("s", 0, (Row("k", 0, b"{}"), Row("k", 0, b"{}")))])
        assert isinstance(answer, Appended)
        with FULL[request.param](server, journal) as heal:
            yield journal, heal


def test_a_full_server_writes_nothing_and_heals(
    place: tuple[PostgresJournal, Callable[[], None]],
) -> None:
    """No row, head or key of the batch is there, others read on, and room is all that it takes."""
    journal, heal = place
    for _ in range(3):
        with pytest.raises(StoreFull, match="no room"):
            journal.append(_BATCH, key="k")
        assert (journal.head("s").seq, journal.head("t").seq) == (2, 0)
        assert len(journal.read("s")) == 2
        report = journal.verify()
        assert (report.findings, report.anchored) == ((), True)
    heal()
    assert isinstance(journal.append(_BATCH, key="k"), Appended)
    assert (journal.head("s").seq, journal.head("t").seq) == (22, 1)
    report = journal.verify()
    assert (report.findings, report.anchored) == ((), True)
