"""
What a ``postgresql://`` URL of a journal says: where the server is, and which store on it.

A password never stands in it: a URL is written into files, shown in messages and kept in
histories. It comes from ``PGPASSWORD``, from a password file or from a service file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlencode

import psycopg
from attrs import field
from psycopg.conninfo import conninfo_to_dict

from governance._attrs import frozen
from governance.errors import DefinitionError, Diagnostic
from governance.journal.postgres_faults import told

CONNECTIONS_MAX = 8
"""Connections that one journal opens, unless its URL says otherwise."""

CONNECT_SECONDS = 10
_CONNECTIONS_LIMIT = 100
_CODE = "GOV510"
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}", re.ASCII)
_TENANT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}", re.ASCII)
_SECRET = re.compile(r"//.*:.*@", re.DOTALL)
_SECRET_KEYS = frozenset({"password", "sslpassword", "oauth_client_secret"})

OPTIONS: Mapping[str, str] = {
    "schema": "the schema that holds the tables",
    "tenant": "whose store it is, of several in one schema",
    "mirror": "`off`: heads are not mirrored on this machine",
    "notify": "`on`: other processes are woken when a head moves",
    "connections_max": "connections that one process opens",
}
"""Words after the ``?`` that are ours; all others are libpq's."""


@frozen
class Target:
    """
    One store on one server.

    Attributes:
        parameters: For libpq: keyword → value. None of them is a secret.

        schema: Where the tables are.

        tenant: Whose store it is.

        place: What messages call it.
    """

    parameters: Mapping[str, str] = field(hash=False, repr=False)
    schema: str
    tenant: str
    mirrored: bool
    notifies: bool
    connections_max: int
    place: str

    @property
    def identity(self) -> str:
        """The same for every URL that names this store from this machine."""
        named = {"host": "PGHOST", "port": "PGPORT", "dbname": "PGDATABASE"}
        found = [self.parameters.get(key, os.environ.get(name, "")) for key, name in named.items()]
        return "\n".join(("postgresql", *found, self.schema, self.tenant))


def target_of(url: str) -> Target:
    """
    What *url* names.

    Raises:
        DefinitionError: It holds a password, an unknown word, or is no URL for libpq. The
            message never repeats it where it could hold a secret.
    """
    head, _, query = url.partition("?")
    try:
        words = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise _refused("the words after the `?` of a journal's url cannot be read") from None
    if _SECRET.search(head) or any(key in _SECRET_KEYS for key, _ in words):
        raise _refused(
            "a journal's url holds a password",
            "take it out; give it by PGPASSWORD, a password file (`passfile`) or a `service`",
        )
    own: dict[str, str] = {}
    rest: list[tuple[str, str]] = []
    for key, value in words:
        if key in own:
            raise _refused(f"`{key}` stands twice in a journal's url")
        if key in OPTIONS:
            own[key] = value
        else:
            rest.append((key, value))
    whole = f"{head}?{urlencode(rest, quote_via=quote)}" if rest else head
    parameters = _parameters(whole, telling="@" not in url)
    schema = _matched(own, "schema", "governance", _NAME)
    tenant = _matched(own, "tenant", "main", _TENANT)
    host = parameters.get("host", os.environ.get("PGHOST", "")) or "this machine"
    name = parameters.get("dbname", os.environ.get("PGDATABASE", "")) or "of the user's name"
    return Target(
        parameters,
        schema,
        tenant,
        mirrored=_switch(own, "mirror", default=True),
        notifies=_switch(own, "notify", default=False),
        connections_max=_connections(own),
        place=f"the store `{tenant}` in schema `{schema}` of database `{name}` on `{host}`",
    )


def _parameters(url: str, *, telling: bool) -> dict[str, str]:
    try:
        found = conninfo_to_dict(url)
    except psycopg.Error as error:
        # With an `@` in the URL, what libpq takes for a strange word may be part of a password.
        why = f": {told(error)}" if telling else ""
        raise _refused(f"a journal's url is none that libpq reads{why}") from None
    if not re.fullmatch(r"[0-9,]*", str(found.get("port") or "")):
        raise _refused("the port in a journal's url is no number")
    defaults = {
        "connect_timeout": str(CONNECT_SECONDS),
        "application_name": "governance",
        "client_encoding": "UTF8",
        # A server that vanished without a word is noticed, and not waited for by the hour.
        "keepalives_idle": "30",
        "keepalives_interval": "10",
        "keepalives_count": "3",
    }
    given = {key: str(value) for key, value in found.items() if value is not None}
    return {**defaults, **given, "client_encoding": "UTF8"}


def _matched(own: Mapping[str, str], key: str, default: str, pattern: re.Pattern[str]) -> str:
    value = own.get(key, default)
    if not pattern.fullmatch(value):
        raise _refused(
            f"`{key}={value}` in a journal's url", f"expected a name like `{pattern.pattern}`"
        )
    return value


def _switch(own: Mapping[str, str], key: str, *, default: bool) -> bool:
    value = own.get(key, "on" if default else "off")
    if value not in ("on", "off"):
        raise _refused(f"`{key}={value}` in a journal's url", "expected `on` or `off`")
    return value == "on"


def _connections(own: Mapping[str, str]) -> int:
    value = own.get("connections_max", str(CONNECTIONS_MAX))
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= _CONNECTIONS_LIMIT:
        raise _refused(
            f"`connections_max={value}` in a journal's url",
            f"expected a number from 1 to {_CONNECTIONS_LIMIT}",
        )
    return int(value)


def _refused(message: str, mend: str = "") -> DefinitionError:
    return DefinitionError((Diagnostic(_CODE, message, path=("journal", "url"), suggestion=mend),))
