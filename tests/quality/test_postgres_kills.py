"""
Erasing, rotating, archiving and pruning on a server, stopped at each change that they make.

A child process does the work and is killed before and after every statement that changes the
store; in other rounds the server cuts its connection there. Then the store is as it was before
or as it is after, proves itself, and the same verb, given again, ends what was begun.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from governance.cli.app import run
from governance.engine import Engine
from governance.engine.retention import RetentionPolicy
from governance.errors import GovernanceError
from governance.journal import archive as archives
from governance.journal.postgres import PostgresJournal
from governance.journal.postgres_url import target_of
from governance.journal.vault import Vault
from governance.testing.engines import law_of, memory_engine
from tests.postgres_server import Server
from tests.quality.archive_laws import (
    archiving_is_lawful,
    contents_are_there,
    fill,
    pruning_is_lawful,
)
from tests.quality.key_laws import (
    WORD,
    Place,
    erase,
    erase_carelessly,
    erase_is_lawful,
    holds_of,
    rewrap_carelessly,
    rotate,
    rotation_is_lawful,
)
from tests.quality.statement_kills import FAULTS, Fault, Tables, each_stop

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


class ServedPlace(Place):
    """A `Place` whose store is on a server: its rows belong to it as well."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.tables = Tables(server, "kills")
        super().__init__(folder, server.url(tenant="t", schema="kills"))
        self.tables.keep()

    def anew(self) -> None:
        super().anew()
        self.tables.put_back()

    def holds(self, data: bytes) -> bool:
        return data in self.tables.everything() or super().holds(data)


@pytest.fixture(name="place", scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Iterator[ServedPlace]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("kill") / "place"
        for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            patch.setenv(name, str(folder / name.lower()))
        yield ServedPlace(folder, server)


def test_an_erasure_that_is_stopped(
    server: Server, place: ServedPlace, capfd: pytest.CaptureFixture[str]
) -> None:
    """The session is all there or gone, and given again the command ends it."""
    stops = each_stop(server, lambda: run(erase(place)), place.anew)
    seen = {(one.fault, erase_is_lawful(place)) for one in stops}

    assert seen == {(fault, there) for fault in FAULTS for there in (True, False)}


def test_an_erasure_that_destroys_before_it_says_so(
    server: Server, place: ServedPlace, capfd: pytest.CaptureFixture[str]
) -> None:
    """The control: between the two the session is neither there nor erased, and it is seen."""

    def work() -> None:
        Vault.erase = erase_carelessly  # type: ignore[method-assign]
        run(erase(place))

    stops = each_stop(server, work, place.anew, ("kill",))
    assert not all(holds_of(erase_is_lawful, place) for _ in stops)


def test_a_rotation_that_is_stopped(
    server: Server, place: ServedPlace, capfd: pytest.CaptureFixture[str]
) -> None:
    """Both keys together open everything, and given again the command ends it."""
    stops = each_stop(server, lambda: run(rotate(place)), lambda: to_rotate(place))
    seen = {(one.fault, rotation_is_lawful(place)) for one in stops}

    assert seen == {(fault, done) for fault in FAULTS for done in (True, False)}


def test_a_rotation_that_lets_go_first(
    server: Server, place: ServedPlace, capfd: pytest.CaptureFixture[str]
) -> None:
    """The control: a key that is taken out before it is put back is lost, and it is seen."""

    def work() -> None:
        Vault._rewrap = rewrap_carelessly  # type: ignore[method-assign]
        run(rotate(place))

    stops = each_stop(server, work, lambda: to_rotate(place), ("kill",))
    assert not all(holds_of(rotation_is_lawful, place) for _ in stops)


def to_rotate(place: Place) -> None:
    place.anew()
    place.write("new", "old")


def test_no_plain_words_reach_the_server(server: Server, place: ServedPlace) -> None:
    """Neither in a table nor in any of its files, its log among them."""
    with server.connect() as connection:
        connection.execute("CHECKPOINT")

    assert not _files_hold(server, WORD.encode())
    # The control: the name of a session is no secret, and is found there.
    assert _files_hold(server, b"@project")


def _files_hold(server: Server, data: bytes) -> bool:
    files = (one for one in server.data.rglob("*") if one.is_file())
    return any(data in one.read_bytes() for one in files)


# -- archives and retention -------------------------------------------------------------


class Stock:
    """A store on the server with sessions that are over, and a folder for archives."""

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder, self.tables = folder, Tables(server, "stock")
        self.law = law_of()
        url = server.url(tenant="t", schema="stock")
        self.target = target_of(url)
        PostgresJournal.open(self.target, create=True, mirror=folder / "heads").close()
        with self.opened() as engine:
            for name in ("s", "u", "v"):
                fill(engine, name)
            engine.branch("v", at=3, name="w", actor="me").turn("go on")
        with self.opened() as engine:
            self.heads = {name: engine.journal.head(name) for name in ("s", "u", "v")}
        self.mirror = (folder / "heads").read_bytes()
        self.tables.keep()

    @contextmanager
    def opened(self) -> Iterator[Engine]:
        journal = PostgresJournal.open(self.target, create=False, mirror=self.folder / "heads")
        with memory_engine(law=self.law, journal=journal) as engine:
            yield engine

    @property
    def archive(self) -> Path:
        return self.folder / "archive"

    def anew(self) -> None:
        shutil.rmtree(self.archive, ignore_errors=True)
        (self.folder / "heads").write_bytes(self.mirror)
        self.tables.put_back()

    def doing(self, verb: Callable[[Engine], object]) -> Callable[[], None]:
        def work() -> None:
            with self.opened() as engine:
                verb(engine)

        return work


@pytest.fixture(name="stock", scope="module")
def _stock(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Stock:
    return Stock(tmp_path_factory.mktemp("stock"), server)


def test_an_archiving_that_is_stopped(server: Server, stock: Stock) -> None:
    """The rows are in the store or in a whole file, and the next try ends what was begun."""
    work = stock.doing(lambda engine: engine.archive("s", stock.archive))
    seen = {
        (one.fault, *archiving_is_lawful(stock.opened, stock.archive, stock.heads["s"]))
        for one in each_stop(server, work, stock.anew)
    }

    assert seen == {(fault, live, 1) for fault in FAULTS for live in (True, False)}


def test_rows_that_go_before_the_file_is_written(server: Server, stock: Stock) -> None:
    """The control: killed between the two, the session is nowhere, and it is seen."""

    def careless(engine: Engine) -> None:
        head = engine.journal.head("s")
        engine.journal.remove("s", expected=head)
        archives.write_archive(engine.journal, head, stock.archive, 1)

    stops = each_stop(server, stock.doing(careless), stock.anew, ("kill",))
    assert not all(
        _lawful(lambda: archiving_is_lawful(stock.opened, stock.archive, stock.heads["s"]))
        for _ in stops
    )


def test_a_putting_back_that_is_stopped(server: Server, stock: Stock) -> None:
    """The file stays, and a second try gives the whole session."""
    stock.anew()
    with stock.opened() as engine:
        file = engine.archive("s", stock.archive).path
    before, mirror = file.read_bytes(), (stock.folder / "heads").read_bytes()
    archived = Tables(server, "stock", "archived")
    archived.keep()

    def anew() -> None:
        stock.archive.mkdir(exist_ok=True)
        file.write_bytes(before)
        (stock.folder / "heads").write_bytes(mirror)
        archived.put_back()

    seen = set()
    for one in each_stop(server, stock.doing(lambda engine: engine.unarchive(file)), anew):
        with stock.opened() as engine:
            assert engine.journal.verify().ok
            seen.add((one.fault, engine.journal.head("s").seq))
            contents_are_there(engine)
            assert engine.unarchive(file) == stock.heads["s"]
            assert contents_are_there(engine)
            assert engine.journal.verify().ok

    assert seen == {(fault, seq) for fault in FAULTS for seq in (0, stock.heads["s"].seq)}


@pytest.mark.parametrize("archived", [True, False], ids=["archived", "removed"])
def test_a_pruning_that_is_stopped(server: Server, stock: Stock, archived: bool) -> None:
    """Each session is there whole or gone whole, and what a branch needs stays in any case."""
    # The cuts of an archiving are above.
    faults: tuple[Fault, ...] = ("kill",) if archived else FAULTS
    policy = RetentionPolicy(sessions_max=1, folder=str(stock.archive) if archived else "")
    work = stock.doing(lambda engine: engine.prune(policy, actor="me"))
    seen = {
        (one.fault, pruning_is_lawful(stock.opened, policy, stock.heads, {"v"}))
        for one in each_stop(server, work, stock.anew, faults)
    }

    assert seen == {(fault, gone) for fault in faults for gone in (0, 1, 2)}


def test_a_pruning_that_leaves_no_note(server: Server, stock: Stock) -> None:
    """The control: killed right after the rows went, nobody ever tells of it, and it is seen."""
    policy = RetentionPolicy(sessions_max=1)

    def careless(engine: Engine) -> None:
        for name in ("s", "u"):
            engine.journal.remove(name, expected=engine.journal.head(name))

    stops = each_stop(server, stock.doing(careless), stock.anew, ("kill",))
    assert not all(
        _lawful(lambda: pruning_is_lawful(stock.opened, policy, stock.heads, {"v"})) for _ in stops
    )


def _lawful(law: Callable[[], object]) -> bool:
    try:
        law()
    except (AssertionError, GovernanceError):
        return False
    return True
