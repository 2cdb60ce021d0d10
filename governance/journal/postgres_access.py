"""
Who may do what in a PostgreSQL store: a role that appends and reads, in one tenant's store.

Such a role cannot change or delete a row of any journal, sees no other tenant's, and cannot
make a tombstone: the server itself says no. It moves heads, since an append does; a head that
was moved without rows is what `verify` finds.

Of the values beside the journals it puts new ones, and changes those alone that are made anew from
rows or count for a moment. Contents of messages and contexts, keys and notes of archives stay: what
archives, erases, rotates and repairs is the owner's.
"""

from __future__ import annotations

import psycopg
import psycopg.sql

from governance._attrs import frozen
from governance.errors import MisuseError
from governance.journal.postgres_connection import Connection
from governance.journal.postgres_faults import ServerRefused, server_error
from governance.journal.postgres_schema import sql
from governance.journal.postgres_url import Target
from governance.journal.records import KEY_SHELF
from governance.journal.session_values import INDEX_SHELF
from governance.journal.vault import ERASED_PREFIX

ROLE_CHARACTERS_MAX = 63

CHANGED_SHELVES = (INDEX_SHELF, "rollup", "health", "lease")
"""Shelves whose values an engine changes in its daily work; none of its verbs there deletes one."""

_SHELVES = ", ".join(f"'{one}'" for one in CHANGED_SHELVES)
_RIGHTS = (
    # What was given before, by an older engine too, is no more than what is given now.
    "REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}",
    "DROP POLICY IF EXISTS changed ON @.shelf",
    f"CREATE POLICY changed ON @.shelf AS RESTRICTIVE FOR UPDATE USING (shelf IN ({_SHELVES}))",
    # A mark makes a session unreadable, whether its key is gone or not.
    "DROP POLICY IF EXISTS unmarked ON @.shelf",
    "CREATE POLICY unmarked ON @.shelf AS RESTRICTIVE FOR INSERT"
    f" WITH CHECK (shelf <> '{KEY_SHELF}' OR NOT starts_with(name, '{ERASED_PREFIX}'))",
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT ON @.store, @.tenant, @.member, @.session, @.event, @.event_key, @.snapshot,"
    " @.shelf, @.lease TO {role}",
    "GRANT INSERT ON @.session, @.event, @.event_key, @.snapshot, @.shelf, @.lease TO {role}",
    "GRANT UPDATE (head, hash, position) ON @.session TO {role}",
    "GRANT UPDATE (version, value, digest) ON @.shelf TO {role}",
    "GRANT UPDATE ON @.snapshot, @.lease TO {role}",
    "GRANT DELETE ON @.lease TO {role}",
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
    Let the existing *role* append to the store of *target* and read it.

    What it may change besides is heads and what is kept to save time: states, indexes, figures,
    leases. What it may take away is leases and the index of messages. Whatever it had in the
    schema before is taken back first; a role has one tenant, the one it was given last.

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
