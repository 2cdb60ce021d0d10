"""
What a project's own file may say before a person has trusted it: one law for each key.

A folder that was cloned from elsewhere may tighten at once, and loosens nothing. The table
`UNTRUSTED` says of every key of ``governance.toml`` which of three holds: what is written
counts (`FREE`), the stricter of it and the default counts (`STRICTER`), or the default does
(`IGNORED`). `until_trusted` applies it, `loosenings` names what it would change, and the
reference of the keys shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from attrs import AttrsInstance, evolve, fields_dict

from governance._attrs import frozen
from governance.config._reading import keys_of
from governance.config._tree import HEADS, LEVELS, ORDERS, SHIPPED, TABLES

if TYPE_CHECKING:
    from governance.config._config import Config

T = TypeVar("T", bound=AttrsInstance)
Law: TypeAlias = Literal["free", "stricter", "ignored"]
Held: TypeAlias = Callable[[object, object], object]
"""What counts of what is written, beside the default."""

WORDS_MAX = 3
"""Words of a text that the model is told, until somebody has trusted it: a name, no sentence."""

WORD_SIGNS_MAX = 20

NO_MIRROR = "mirror=off"

GUARD = f"{SHIPPED}:self-protection"
"""The pack that no project leaves out before it is trusted."""


@frozen(eq=False)
class Untrusted:
    """
    What counts of one key until a person has trusted the file.

    Attributes:
        law: ``free``, ``stricter`` (than the default) or ``ignored``.

        why: One sentence for the reference, without a full stop.
    """

    law: Law
    why: str
    held: Held


def _written(written: object, _default: object) -> object:
    return written


def _default(_written: object, default: object) -> object:
    return default


def _free(why: str) -> Untrusted:
    return Untrusted("free", why, _written)


def _ignored(why: str) -> Untrusted:
    return Untrusted("ignored", why, _default)


def _ordered(why: str, order: Sequence[object]) -> Untrusted:
    """The stricter of two values of *order*, which begins with the mildest."""
    return Untrusted("stricter", why, lambda *both: max(both, key=order.index))


def _lower(why: str, *, never: object = None) -> Untrusted:
    """The lower figure; *never* stands for no bound at all."""

    def held(written: object, default: object) -> object:
        assert isinstance(written, int)  # INVARIANT: the reader has looked
        assert isinstance(default, int)
        return default if written == never else min(written, default)

    return Untrusted("stricter", why, held)


def _higher(why: str) -> Untrusted:
    def held(written: object, default: object) -> object:
        assert isinstance(written, int)  # INVARIANT: the reader has looked
        assert isinstance(default, int)
        return max(written, default)

    return Untrusted("stricter", why, held)


def _is_name(text: str) -> bool:
    """Whether *text* is a few words, as names of languages and of phases are."""
    words = text.split(" ")
    return len(words) <= WORDS_MAX and all(
        len(word) <= WORD_SIGNS_MAX and word.strip("()").replace("-", "").isalnum()
        for word in words
    )


def _name(what: str) -> Untrusted:
    def held(written: object, default: object) -> object:
        return written if written == "" or _is_name(str(written)) else default

    return Untrusted(
        "stricter", f"{what} of {WORDS_MAX} words at most, for the model reads it", held
    )


def _mirrored(written: object, _default: object) -> object:
    """The store that is named, with its heads mirrored."""
    url = str(written)
    store, asked, options = url.partition("?")
    if not asked:
        return url
    from urllib.parse import unquote_plus  # hardly a store has options

    kept = "&".join(one for one in options.split("&") if unquote_plus(one) != NO_MIRROR)
    return f"{store}?{kept}" if kept else store


def _guarded(written: object, _default: object) -> object:
    """The packs that are named, and the one that keeps an agent from what governs it."""
    assert isinstance(written, tuple)  # INVARIANT: the reader has looked
    return written if {SHIPPED, GUARD} & set(written) else (*written, GUARD)


_ENGINE = "bounds the engine's own memory and time; nothing is decided by it"
_TIGHTENS = "whatever is written forbids more than nothing does"
_COPIES = "copies are for the project's own people; nothing is decided by them"
_GOES = "nothing that was recorded goes by it"
_PROGRAM = "no program is run that it names"
_OPINION = "health is told by it"
_SPACE = "bounds what agents may store"

UNTRUSTED: Mapping[str, Untrusted] = {
    "project.name": _free("people see it, and no model"),
    "project.time_zone": _free("to rules of machine and user the time is unknown by it"),
    "packs.paths": Untrusted("stricter", "`shipped:self-protection` stays among them", _guarded),
    "packs.layers": _free("no layer above the project can be left out of it"),
    "session.language": _name("a name"),
    "session.document_language": _name("a name"),
    "session.phase": _name("a name"),
    "session.style": _name("a name"),
    "session.level": _ordered("`minimal` would only watch", tuple(reversed(LEVELS))),
    "resume.notice_seconds_min": _lower("a longer gap would pass without a word"),
    "resume.stale_seconds_min": _lower("a longer gap would pass without a person's leave"),
    "resume.fresh_seconds_min": _ignored(
        "a new epoch forgets counts and labels, a longer one keeps what excuses"
    ),
    "idle.idle_seconds_max": _lower("a session would be taken for one that goes on"),
    "live.sessions_max": _free(_ENGINE),
    "live.megabytes_max": _free(_ENGINE),
    "live.idle_seconds_max": _free(_ENGINE),
    "live.preload_sessions_max": _free(_ENGINE),
    "live.rules_check_ms": _lower("rules that were tightened would wait", never=0),
    "journal.url": Untrusted(
        "stricter", "heads are mirrored in any case; only `init` makes a store", _mirrored
    ),
    "journal.redaction": _ordered("secrets would be recorded", ORDERS["journal"]["redaction"]),
    "redaction.patterns": _ignored("one that matches everything would empty the record"),
    "redaction.detectors": _free("they take out more"),
    "encryption.key": _free("what is encrypted opens with its key alone"),
    "encryption.previous": _free("what is encrypted opens with its key alone"),
    "encryption.required": _ordered(_TIGHTENS, ORDERS["encryption"]["required"]),
    "access.actors": _free("without it everybody may do everything"),
    "access.roles": _free("without it everybody may do everything"),
    "audit.reads": _ordered(_TIGHTENS, ORDERS["audit"]["reads"]),
    "audit.repeat_seconds_min": _lower("readers would go unrecorded for longer"),
    "retention.age_days_max": _ignored(_GOES),
    "retention.sessions_max": _ignored(_GOES),
    "retention.megabytes_max": _ignored(_GOES),
    "retention.session_megabytes_max": _lower("a session would fill the disk", never=0),
    "retention.archive": _ordered(_GOES, ORDERS["retention"]["archive"]),
    "retention.archive_folder": _ignored("nothing is written outside the project"),
    "retention.interval_minutes_min": _ignored(_GOES),
    "backup.age_seconds_max": _free(_COPIES),
    "backup.backups_max": _free(_COPIES),
    "backup.folder": _ignored("nothing is written outside the project"),
    "backup.seconds_max": _free(_COPIES),
    "health.wal_megabytes_max": _lower(_OPINION),
    "health.free_megabytes_min": _higher(_OPINION),
    "health.load_seconds_max": _lower(_OPINION),
    "health.save_seconds_max": _lower(_OPINION),
    "health.memory_megabytes_max": _lower(_OPINION),
    "context.characters_max": _higher("the model would be told less of its rules"),
    "context.tokens_max": _ignored("the model would be told less of its rules"),
    "contexts.value_kilobytes_max": _lower(_SPACE),
    "contexts.scope_megabytes_max": _lower(_SPACE),
    "contexts.values_max": _lower(_SPACE),
    "contexts.grants_max": _lower(_SPACE),
    "contexts.scopes_held_max": _free(_ENGINE),
    "contexts.held_megabytes_max": _free(_ENGINE),
    "stall.repeats_max": _lower("going in circles would be seen later"),
    "stall.reaction": _ordered(_TIGHTENS, ("record", "warn", "halt")),
    "defaults.tool": _ordered(_TIGHTENS, ORDERS["defaults"]["tool"]),
    "defaults.unknown_role": _ordered(
        "strangers would get more", ORDERS["defaults"]["unknown_role"]
    ),
    "defaults.mode": _ordered("rules would only watch", ORDERS["defaults"]["mode"]),
    "service.enabled": _free("the service and the hook itself decide alike"),
    "service.idle_seconds_max": _free(_ENGINE),
    "listeners.entry_points": _ignored(_PROGRAM),
    "listeners.threads_max": _higher("listeners of machine and user would wait"),
    "listeners.queue_max": _higher("listeners of machine and user would miss events"),
    "listeners.drain_ms": _higher("listeners of machine and user would miss events"),
    "notify.command": _ignored(_PROGRAM),
    "notify.on": _ignored(_PROGRAM),
    "notify.seconds_max": _ignored(_PROGRAM),
    "notify.hourly_max": _ignored(_PROGRAM),
    "hosts.NAME.roles": _ignored("it goes before what packs say, and may name a wider role"),
    "hosts.NAME.unbriefed": _ordered(_TIGHTENS, ORDERS["hosts"]["unbriefed"]),
    "hosts.NAME.unbound": _ordered("strangers would get more", ORDERS["hosts"]["unbound"]),
    "hosts.NAME.after_end": _ordered("strangers would get more", ORDERS["hosts"]["after_end"]),
    "hosts.NAME.unknown_tool": _ordered(
        "strangers would get more", ORDERS["hosts"]["unknown_tool"]
    ),
    "hosts.NAME.deadline_ms": _free("an answer comes before the client gives up in any case"),
    "hosts.NAME.custom": _free("it names a program of the project's own"),
    "listener[].name": _ignored(_PROGRAM),
    "listener[].events": _ignored(_PROGRAM),
    "listener[].command": _ignored(_PROGRAM),
    "listener[].mode": _ignored(_PROGRAM),
    "listener[].priority": _ignored(_PROGRAM),
    "listener[].time_limit_ms": _ignored(_PROGRAM),
    "listener[].on_error": _ignored(_PROGRAM),
    "exempt[]": _ignored("a rule that is exempted holds"),
    "fields.NAME": _free("to rules of machine and user its value is unknown"),
}
"""Key as the reference writes it → what counts of it until a person has trusted the file."""


@frozen(eq=False)
class Loosening:
    """
    One key whose written value waits for a person's trust.

    Attributes:
        key: As written in the file, such as ``"hosts.codex.unbound"``; ``*`` stands for every
            harness that the file does not name.

        held: What counts in its place.
    """

    key: str
    written: object
    held: object


def loosened_keys(config: Config) -> tuple[Loosening, ...]:
    """Every key of *config* of which not what is written counts until a person has trusted it."""
    return tuple(
        Loosening(f"{shown}.{key}", getattr(table, key), held)
        for shown, name, table in _tables(config)
        for key, held in changes_of(table, name).items()
    )


def loosenings(config: Config) -> tuple[str, ...]:
    """
    Keys in which *config* would loosen something, for a person to look at.

    >>> from pathlib import Path
    >>> from governance.config import read_config
    >>> loosenings(read_config('defaults.mode = "shadow"', "governance.toml", Path("/p")))
    ('defaults.mode',)
    """
    return tuple(one.key for one in loosened_keys(config))


def until_trusted(config: Config) -> Config:
    """
    *config* as it holds before a person has trusted it: what it loosens does not count.

    Every key counts as `UNTRUSTED` says, its exemptions and listeners do not count at all,
    and what `[project]` and `[fields]` say is unknown to rules of upper layers. What it
    tightens stays, and so does what an upper layer demands.
    """
    tables = {
        name: _held(getattr(config, name), name)
        for _, name, _ in _tables(config)
        if name != "hosts"
    }
    return evolve(
        config,
        **tables,
        hosts={name: _held(one, "hosts") for name, one in config.hosts.items()},
        exempts=(),
        listener_commands=tuple(one for up in config.uppers for one in up.listeners),
        layers=tuple(
            evolve(one, exempts=(), packs=_held(one.packs, "packs"))
            if one.name == "project"
            else one
            for one in config.layers
        ),
    )


def _tables(config: Config) -> Iterator[tuple[str, str, AttrsInstance]]:
    """As the file shows it, its name in the table of laws, and the value of each table."""
    for name in TABLES:
        yield name, name, getattr(config, name)
    for host, table in config.hosts.items():
        yield f"hosts.{host}", "hosts", table
    if not config.hosts:
        yield "hosts.*", "hosts", config.host("")


def _held(table: T, name: str) -> T:
    return evolve(table, **changes_of(table, name))  # type: ignore[misc]  # any class of attrs


def changes_of(table: AttrsInstance, name: str) -> dict[str, object]:
    """What counts in place of what is written in *table*, the value of the table *name*."""
    specs = fields_dict(type(table))
    shown = HEADS.get(name, name)
    found: dict[str, object] = {}
    for key in keys_of(type(table)):
        written = getattr(table, key)
        held = UNTRUSTED[f"{shown}.{key}"].held(written, specs[key].default)
        if held != written:
            found[key] = held
    return found
