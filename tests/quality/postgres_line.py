"""A line to a PostgreSQL server that can be cut on the way there, or on the way back."""

from __future__ import annotations

import contextlib
import selectors
import socket
import tempfile
import threading
from types import TracebackType

from attrs import define, field

from governance.journal.postgres import PostgresJournal
from governance.journal.postgres_url import target_of
from tests.postgres_server import Server

_SLICE_SECONDS = 0.05


@define(eq=False)
class Line:
    """
    A socket in a folder of its own that leads to *server*.

    Attributes:
        cut_requests: The next thing that a client sends ends its connection, unsent.

        cut_answers: The next thing that the server says ends the connection, unheard.
    """

    server: Server
    cut_requests: bool = False
    cut_answers: bool = False
    _closed: threading.Event = field(factory=threading.Event, init=False)
    _threads: list[threading.Thread] = field(factory=list, init=False)
    # Not the folder of pytest: a socket's path has 107 characters at most.
    _folder: tempfile.TemporaryDirectory[str] = field(
        factory=lambda: tempfile.TemporaryDirectory(prefix="line-"), init=False
    )

    def journal(self, known: PostgresJournal) -> PostgresJournal:
        """A journal on the store of *known*, reached by this line."""
        words = f"host={self._folder.name}&user=postgres&tenant={known.target.tenant}"
        return PostgresJournal.open(target_of(f"postgresql:///postgres?{words}"), create=False)

    def __enter__(self) -> Line:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{self._folder.name}/.s.PGSQL.5432")
        listener.listen()
        self._start(self._accept, listener)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closed.set()
        for thread in self._threads:
            thread.join()
        self._folder.cleanup()

    def _start(self, work: object, *words: object) -> None:
        assert callable(work)
        thread = threading.Thread(target=work, args=words)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with listener:
            listener.settimeout(_SLICE_SECONDS)
            while not self._closed.is_set():
                with contextlib.suppress(TimeoutError):
                    client, _ = listener.accept()
                    self._start(self._carry, client)

    def _carry(self, client: socket.socket) -> None:
        """Carry everything both ways until an end is gone, or the line is cut."""
        with client, socket.socket(socket.AF_UNIX) as there, selectors.DefaultSelector() as ready:
            there.connect(f"{self.server.folder}/.s.PGSQL.5432")
            ready.register(client, selectors.EVENT_READ, there)
            ready.register(there, selectors.EVENT_READ, client)
            while not self._closed.is_set():
                for key, _ in ready.select(_SLICE_SECONDS):
                    assert isinstance(key.fileobj, socket.socket)
                    data = key.fileobj.recv(65_536)
                    cut = self.cut_requests if key.fileobj is client else self.cut_answers
                    if not data or cut:
                        return
                    key.data.sendall(data)
