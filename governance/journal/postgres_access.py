"""
Who may do what in a PostgreSQL store: a role that appends and reads, in one tenant's store.

Such a role cannot change or delete a row of any journal, sees no other tenant's, and cannot
make a tombstone: the server itself says no. It moves heads, since an append does; a head that
was moved without rows is what `verify` finds.
"""

from __future__ import annotations

import psycopg
import psycopg.sql
from attrs import frozen

from governance.errors import MisuseError
from governance.journal.postgres_connection import Connection
from governance.journal.postgres_faults import ServerRefused, server_error
from governance.journal.postgres_schema import sql
from governance.journal.postgres_url import Target

ROLE_CHARACTERS_MAX = 63

_RIGHTS = (
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT ON @.store, @.tenant, @.member, @.session, @.event, @.event_key, @.snapshot,"
    " @.shelf, @.lease TO {role}",
    "GRANT INSERT ON @.session, @.event, @.event_key, @.snapshot, @.shelf, @.lease TO {role}",
    "GRANT UPDATE (head, hash, position) ON @.session TO {role}",
    "GRANT UPDATE ON @.snapshot, @.shelf, @.lease TO {role}",
    "GRANT DELETE ON @.shelf, @.lease TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON @.message, @.message_upto TO {role}",
)
_NO_RIGHTS = (
    "REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}",
    "REVOKE ALL ON SCHEMA {schema} FROM {role}",
)
_MEMBER_SQL = (
    "INSERT INTO @.member (role, tenant) VALUES (%(role)s, %(tenant)s)"
    " ON CONFLICT (role) DO UPDATE SET tenant = excluded.tenant"
)
_ABOVE_SQL = """
    SELECT r.rolsuper OR r.rolbypassrls OR EXISTS (
            SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = %(schema)s AND pg_has_role(r.oid, c.relowner, 'USAGE'))
        FROM pg_roles r WHERE r.rolname = %(role)s
"""


@frozen
class Access:
    """
    What the role that is connected may do in a store.

    Attributes:
        owns: It can change and remove what is there: it is a superuser, passes row security
            by, or owns the tables.

        tenant: Whose store it is confined to, or ``""``.
    """

    role: str
    owns: bool
    tenant: str


def grant(connection: Connection, target: Target, role: str) -> None:
    """
    Let the existing *role* append to the store of *target* and read it, and do nothing else.

    Doing it again changes nothing; a role has one tenant, the one it was given last.

    Raises:
        MisuseError: No such role, or one that no right could confine.
        ServerRefused: The connected role does not own the tables.
    """
    _check(connection, target, role)
    words = {"role": role, "tenant": target.tenant}
    _do(connection, target, role, _RIGHTS, (_MEMBER_SQL, words))


def revoke(connection: Connection, target: Target, role: str) -> None:
    """Take every right in the schema of *target* from *role*; raises as `grant` does."""
    _check(connection, target, role)
    gone = ("DELETE FROM @.member WHERE role = %(role)s", {"role": role})
    _do(connection, target, role, _NO_RIGHTS, gone)


def access_of(connection: Connection, target: Target) -> Access:
    """What the connected role may do."""
    role = str(connection.info.user)
    found = connection.execute(_ABOVE_SQL, {"schema": target.schema, "role": role}).fetchone()
    member = connection.execute(
        sql(target.schema, "SELECT tenant FROM @.member WHERE role = current_user")
    ).fetchone()
    return Access(role, bool(found and found[0]), str(member[0]) if member is not None else "")


def _check(connection: Connection, target: Target, role: str) -> None:
    if not 0 < len(role) <= ROLE_CHARACTERS_MAX or "\x00" in role:
        raise MisuseError(f"a role of {len(role)} characters; expected 1 to {ROLE_CHARACTERS_MAX}")
    found = connection.execute(_ABOVE_SQL, {"schema": target.schema, "role": role}).fetchone()
    if found is None:
        raise MisuseError(
            f"the server has no role `{role}`",
            remedy=f"make it first, such as by `CREATE ROLE {role} LOGIN`",
        )
    if found[0]:
        raise MisuseError(
            f"the role `{role}` is a superuser, bypasses row security or owns the tables: "
            "nothing can confine it",
            remedy="name a role that is none of these",
        )


def _do(
    connection: Connection,
    target: Target,
    role: str,
    statements: tuple[str, ...],
    last: tuple[str, dict[str, str]],
) -> None:
    name = psycopg.sql.Identifier(role).as_string(connection)
    try:
        with connection.transaction():
            for statement in statements:
                # The name goes in last: it may hold anything, also what stands for the schema.
                text = sql(target.schema, statement).decode()
                text = text.format(schema=f'"{target.schema}"', role=name)
                connection.execute(text.encode())
            connection.execute(sql(target.schema, last[0]), last[1])
    except psycopg.errors.InsufficientPrivilege:
        raise ServerRefused(
            f"only the owner of {target.place} can give rights in it",
            remedy="connect as the role that made the store",
        ) from None
    except psycopg.Error as error:
        raise server_error(error, target.place) from None
