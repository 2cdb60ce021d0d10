"""What a PostgreSQL server is like that holds a store: for `doctor`, which says what it found."""

from __future__ import annotations

from governance.errors import WARNING, Diagnostic
from governance.journal.postgres_access import Access, access_of
from governance.journal.postgres_connection import Connection
from governance.journal.postgres_url import Target
from governance.journal.servers import ServerReport

CODES = {"GOV534": "a PostgreSQL server that keeps less than the journal promises"}

_SETTINGS = ("fsync", "full_page_writes", "synchronous_commit", "synchronous_standby_names")
_SETTINGS_SQL = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"
_TLS_SQL = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
_LOCAL_SQL = "SELECT inet_server_addr() IS NULL"


def report_of(connection: Connection, target: Target) -> ServerReport:
    """Look at the server and at what the connected role may do on it."""
    rows = connection.execute(_SETTINGS_SQL, (list(_SETTINGS),)).fetchall()
    settings = dict(rows)
    access = access_of(connection, target)
    version = connection.info.parameter_status("server_version") or "of unknown version"
    encrypted = _encrypted(connection)
    role = f"role `{access.role}` " + ("owns the tables" if access.owns else "appends and reads")
    standby = "a synchronous standby" if settings.get("synchronous_standby_names") else "no standby"
    saw = f"PostgreSQL {version.split()[0]}, {encrypted}, {role}, {standby} is waited for"
    return ServerReport(saw, (*_weak(settings), *exposed(access, encrypted)))


def _encrypted(connection: Connection) -> str:
    local = connection.execute(_LOCAL_SQL).fetchone()
    if local is not None and local[0]:
        return "by a local socket"
    found = connection.execute(_TLS_SQL).fetchone()
    return "encrypted" if found is not None and found[0] else "not encrypted"


def _weak(settings: dict[str, str]) -> list[Diagnostic]:
    found = []
    for name, what in (
        ("fsync", "rows that were acknowledged do not survive a power cut"),
        ("full_page_writes", "a power cut can damage pages that were written before it"),
    ):
        if settings.get(name) == "off":
            found.append(_finding(f"the server runs with `{name}` off: {what}", f"set `{name}` on"))
    return found


def exposed(access: Access, encrypted: str) -> list[Diagnostic]:
    """What the role could do, and what others could read on the way."""
    found = []
    if access.owns:
        found.append(
            _finding(
                f"the role `{access.role}` can change and remove what the journal holds",
                "make a role for the engine, and give it `governance store grant ROLE`",
            )
        )
    if encrypted == "not encrypted":
        found.append(
            _finding(
                "what is journaled crosses the network as it is",
                "add `sslmode=verify-full` to the journal's URL",
            )
        )
    return found


def _finding(message: str, mend: str) -> Diagnostic:
    return Diagnostic("GOV534", message, suggestion=mend, severity=WARNING)
