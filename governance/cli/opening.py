"""From a project's folder to what a command works on; nothing here ever makes anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from governance.access.guard import AUDIT_SESSION, Guard, guard_of, record_copying
from governance.access.guarded import GuardedJournal, guarded
from governance.clock import SystemClock
from governance.config import Config, load_config
from governance.engine.lawmaking import settings_of, trusted_config
from governance.engine.store_place import require_own_place
from governance.errors import JournalError, MisuseError, did_you_mean
from governance.journal import open_journal
from governance.journal.protected import is_keyed, open_protected, protected
from governance.journal.records import Journal, Record
from governance.journal.redaction import keep_all
from governance.machine import load_machine
from governance.project import Project
from governance.session.law import Law
from governance.values import Json

if TYPE_CHECKING:
    from governance.rules.check import Examined
    from governance.rules.host_tools import HostTools
    from governance.rules.loader import Loaded
    from governance.session.commands import HostTraits

PAGE_ROWS = 1000
SESSIONS_NAMED_MAX = 10_000

CODES = {"GOV611": "a session that the store does not have"}


@contextmanager
def store_of(project: Project, looking: str = "read") -> Iterator[Journal]:
    """
    The journal of *project* for one command, closed afterwards; it is never created.

    What it shows is asked of ``[access]`` and recorded by ``[audit]``, for the user whose
    process this is. A store that may only be read is read, unless that had to be recorded.

    Args:
        looking: The action that a look into a session is: ``"read"`` or ``"export"``.

    Raises:
        DefinitionError: There is no ``governance.toml``, or it is wrong.

        JournalError: The store is missing, damaged, newer or cannot be reached, or its key.
    """
    with unguarded_store_of(project) as (journal, guard):
        yield journal if guard is None else guarded(journal, guard, looking)


@contextmanager
def unguarded_store_of(
    project: Project, *, for_reading: bool = True
) -> Iterator[tuple[Journal, Guard | None]]:
    """
    As `store_of`, for what asks the guard, which is given beside the journal, by itself.

    Args:
        for_reading: Without it a store that may only be read is refused at once.
    """
    config = trusted_config(load_config(project.directory))
    require_own_place(config)
    journal = open_protected(config, create=False, for_reading=for_reading)
    try:
        yield journal, guard_of(config, journal, through="cli", clock=SystemClock(), once=True)
    finally:
        journal.close()


@contextmanager
def guarded_store_of(project: Project) -> Iterator[tuple[Journal, Journal]]:
    """As `store_of`, and beside it the store itself, for what shows nothing of it to anybody."""
    with unguarded_store_of(project) as (journal, guard):
        yield (journal if guard is None else guarded(journal, guard)), journal


@contextmanager
def stored_form_of(project: Project, looking: str = "verify") -> Iterator[Journal]:
    """
    As `store_of`, without opening what is encrypted: no key is needed, and none is asked for.

    For what proves or moves rows. Who began a session stands in what is encrypted, so without
    a key it takes a grant for all sessions, and what is recorded of it is not encrypted: who
    looked, and what for.
    """
    config = trusted_config(load_config(project.directory))
    require_own_place(config)
    journal = open_journal(
        config.journal.url, base=project.directory, create=False, for_reading=True
    )
    try:
        guard = guard_of(
            config, _opened(journal, config), through="cli", clock=SystemClock(), once=True
        )
        yield journal if guard is None else guarded(journal, guard, looking)
    finally:
        journal.close()


def record_copy(config: Config, journal: Journal) -> None:
    """
    Record in the audit of *journal*, in its stored form, that all of it is about to be copied.

    Encrypted where it has keys and they are at hand. Of a copy that the configuration has made by
    itself nobody is told: nobody looks.

    Raises:
        JournalError: It could not be recorded, so nothing may be copied.
    """
    opened = _opened(journal, config) if is_keyed(journal) else journal
    record_copying(config, opened, through="cli", clock=SystemClock())


def behind_guard(journal: Journal) -> Journal:
    """*journal* without its guard, for what that was asked for as a whole: nobody is shown rows."""
    return journal.inner if isinstance(journal, GuardedJournal) else journal


def _opened(journal: Journal, config: Config) -> Journal:
    try:
        return protected(journal, config)
    except JournalError:
        return journal


def rows_of(journal: Journal, session: str, *, after: int = 0) -> Iterator[Record]:
    """
    Every row of *session* after that sequence, a page at a time.

    Of the audit those that stand there now: others who look may write it all the time.
    """
    before = journal.head(session).seq + 1 if session == AUDIT_SESSION else None
    while page := journal.read(session, after=after, before=before, limit=PAGE_ROWS):
        yield from page
        after = page[-1].seq


def sessions_in(journal: Journal) -> Iterator[str]:
    """Ids of all sessions in the store, in order."""
    after = ""
    while page := journal.sessions(after=after, limit=PAGE_ROWS):
        yield from (head.session for head in page)
        after = page[-1].session


def require_session(journal: Journal, session: str) -> None:
    """
    Return quietly if the store has *session*.

    Raises:
        MisuseError: GOV611, with the nearest id.
    """
    if journal.head(session).seq:
        return
    known = [name for name, _ in zip(sessions_in(journal), range(SESSIONS_NAMED_MAX), strict=False)]
    raise MisuseError(
        f"there is no session `{session}` in this store",
        code="GOV611",
        remedy=did_you_mean(session, known) or "`governance sessions` lists them",
    )


def _hosts_of(config: Config) -> tuple[tuple[HostTools, ...], Mapping[str, HostTraits]]:
    """The tools of all hosts, and what those can do that *config* names."""
    from governance.cli.host_tables import TOOLS, TRAITS

    return tuple(TOOLS.values()), {name: TRAITS[name] for name in config.hosts if name in TRAITS}


def rules_of(config: Config) -> Loaded:
    """What comes of loading the packs of *config*, for the hosts that it names."""
    from governance.engine.project_rules import read_project_rules

    tools, hosts = _hosts_of(config)
    now_ms = SystemClock().now_ms()
    return read_project_rules(config, tools, hosts=hosts, now_ms=now_ms)


def examined_rules_of(config: Config) -> Examined:
    """Everything that can be found in the packs of *config*, for the hosts that it names."""
    from governance.engine.project_rules import examine_project_rules

    tools, hosts = _hosts_of(config)
    now_ms = SystemClock().now_ms()
    return examine_project_rules(config, tools, hosts=hosts, now_ms=now_ms)


def law_of(project: Project) -> Law:
    """
    What decides in *project*, without its store.

    Raises:
        DefinitionError: Configuration or packs are missing or wrong, with every problem.
    """
    # What only looks into a store needs no rules, which are most of what there is to import.
    from governance.engine.project_rules import load_project_rules
    from governance.rules.paths import places_of

    config = trusted_config(load_config(project.directory))
    tools, hosts = _hosts_of(config)
    now_ms = SystemClock().now_ms()
    return Law(
        machine=load_machine(),
        rules=load_project_rules(config, tools, hosts=hosts, now_ms=now_ms),
        settings=settings_of(config),
        places=places_of(str(config.directory)),
        redact=keep_all,
    )


def data_of(body: Mapping[str, Json]) -> Mapping[str, Json]:
    """The event's own fields in the *body* of a row."""
    data = body.get("data")
    return data if isinstance(data, Mapping) else {}
