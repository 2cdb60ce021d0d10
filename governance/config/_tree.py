"""
The tables of ``governance.toml`` as classes: every key, its default, its unit, its sentence.

The unit of a figure is the last part of its name (``idle_seconds_max``). The docs table, the
file that ``governance init`` writes and the checks of a file are all made from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, TypeAlias

from attrs import field

from governance._attrs import frozen
from governance.config._reading import (
    choice,
    flag,
    required,
    text,
    text_map,
    texts,
    texts_map,
    whole,
    words,
)

Strictness: TypeAlias = Literal["allow", "ask", "deny"]
Level: TypeAlias = Literal["strict", "standard", "minimal"]
ListenerMode: TypeAlias = Literal["sequential", "transform", "audit", "concurrent", "background"]
OnError: TypeAlias = Literal["fail", "ignore", "disable"]

LEVELS: tuple[Level, ...] = ("strict", "standard", "minimal")
LISTENER_MODES: tuple[ListenerMode, ...] = (
    "sequential",
    "transform",
    "audit",
    "concurrent",
    "background",
)
ON_ERRORS: tuple[OnError, ...] = ("fail", "ignore", "disable")
LAYERS = ("machine", "user", "project")
"""From the upper to the lower: a lower one adds and tightens, and never loosens."""

SHIPPED = "shipped"
"""Stands under ``[packs] paths`` for every pack that comes with the engine."""

NOTIFIED = ("halt", "ask", "guard-gap")
"""What a person may be told of at once."""

DETECTORS = ("detect-secrets",)
"""Libraries that `[redaction] detectors` may name."""

PATTERNS_MAX = 64
"""Patterns of a project's own that are looked for in all that is recorded."""

ACTIONS: Mapping[str, str] = {
    "read": "see one session: its state, its rows, its violations",
    "list": "see which sessions there are",
    "verify": "prove the journal, and export its heads",
    "export": "take a session's rows out of the store as a file",
    "write": "begin and carry on a session",
    "anchor": "mark something to be remembered",
    "approve": "answer a question of leave",
    "pardon": "forgive violations and lift halts",
    "pause": "put the rules out of force for a while",
    "trust": "trust a project's own files, or take that back",
    "keep": "back up, restore, archive, repair and remove",
    "erase": "make a session unreadable for good",
    "keys": "make and rotate keys",
}
"""What an actor can be granted, with what each means."""

_STRICTNESS = ("allow", "ask", "deny")
_SECONDS_MAX = 10 * 366 * 86_400


@frozen(kw_only=True, eq=False)
class ProjectTable:
    """``[project]``: what the project is called, and where its people are."""

    name: str = field(
        default="", metadata=text("What people call the project; empty: the folder's name.")
    )
    time_zone: str = field(
        default="",
        metadata=text("IANA name of the zone in which rules read the time of day; empty: none."),
    )


@frozen(kw_only=True, eq=False)
class PacksTable:
    """``[packs]``: where the rules stand."""

    paths: tuple[str, ...] = field(
        default=(SHIPPED,),
        metadata=texts(
            "Packs in force: `shipped` for all that come with the engine, `shipped:NAME` for one, "
            "else a file from this folder."
        ),
    )
    layers: tuple[str, ...] = field(
        default=LAYERS,
        metadata=texts(
            "Layers that count; a machine's or user's file may leave out the ones below it.",
            values=LAYERS,
        ),
    )


@frozen(kw_only=True, eq=False)
class SessionTable:
    """``[session]``: how sessions begin; the only table that one session may override."""

    language: str = field(
        default="English", metadata=text("Language in which the model answers.", empty=False)
    )
    document_language: str = field(
        default="", metadata=text("Language in which it writes documents; empty: as it answers.")
    )
    phase: str = field(default="", metadata=text("Phase of the project that a session starts in."))
    style: str = field(default="", metadata=text("Style of answering that a session starts with."))
    level: Level = field(
        default="standard",
        metadata=choice(
            "Preset of what is not written here: how much is stopped and asked.", LEVELS
        ),
    )


@frozen(kw_only=True, eq=False)
class ResumeTable:
    """``[resume]``: what the time without work does to a session. The bounds rise."""

    notice_seconds_min: int = field(
        default=3_600,
        metadata=whole(
            "A gap this long is told to the model, with the briefing.", low=1, high=_SECONDS_MAX
        ),
    )
    stale_seconds_min: int = field(
        default=172_800,
        metadata=whole(
            "After a gap this long, writing needs a person's leave first.", low=1, high=_SECONDS_MAX
        ),
    )
    fresh_seconds_min: int = field(
        default=604_800,
        metadata=whole("After a gap this long a new epoch begins.", low=1, high=_SECONDS_MAX),
    )


@frozen(kw_only=True, eq=False)
class IdleTable:
    """``[idle]``: when nobody is taken to work any more."""

    idle_seconds_max: int = field(
        default=1_800,
        metadata=whole(
            "Without work for longer, a session is interrupted, at the next event of any other in "
            "its engine; hooks see the gap once work goes on.",
            low=1,
            high=_SECONDS_MAX,
        ),
    )


@frozen(kw_only=True, eq=False)
class LiveTable:
    """``[live]``: what is kept in memory; what leaves it comes back from the journal."""

    sessions_max: int = field(
        default=10_000, metadata=whole("Sessions kept in memory at once.", low=1, high=10_000_000)
    )
    megabytes_max: int = field(
        default=50,
        metadata=whole("Memory that they may take, in megabytes.", low=1, high=1_000_000),
    )
    idle_seconds_max: int = field(
        default=86_400,
        metadata=whole("A session not touched for longer leaves memory.", low=1, high=_SECONDS_MAX),
    )
    preload_sessions_max: int = field(
        default=0,
        metadata=whole(
            "Sessions that moved last and are read into memory when an engine opens.",
            low=0,
            high=1_000_000,
        ),
    )
    rules_check_ms: int = field(
        default=1_000,
        metadata=whole(
            "A running engine looks for changed rules at most this often, in milliseconds; "
            "0: never.",
            low=0,
            high=86_400_000,
        ),
    )


@frozen(kw_only=True, eq=False)
class RetentionTable:
    """``[retention]``: what the store keeps; what goes is archived first, or not at all."""

    age_days_max: int = field(
        default=0,
        metadata=whole(
            "A session not touched for longer goes, in days; 0: none goes by its age.",
            low=0,
            high=36_500,
        ),
    )
    sessions_max: int = field(
        default=0,
        metadata=whole(
            "Sessions that stay, the last touched first; 0: any number.", low=0, high=10_000_000
        ),
    )
    megabytes_max: int = field(
        default=0,
        metadata=whole(
            "What all sessions may take together, rows and contents, in megabytes; 0: any size.",
            low=0,
            high=10_000_000,
        ),
    )
    session_megabytes_max: int = field(
        default=100,
        metadata=whole(
            "A session whose rows and contents take more asks for nothing more, in megabytes; "
            "0: any size.",
            low=0,
            high=1_000_000,
        ),
    )
    archive: bool = field(
        default=True,
        metadata=flag("What goes is written to a file first; without it the rows are lost."),
    )
    archive_folder: str = field(
        default=".governance/archive",
        metadata=text("Where archives lie; a relative path starts at this folder.", empty=False),
    )
    interval_minutes_min: int = field(
        default=60,
        metadata=whole(
            "A running engine looks at most this often, in minutes; 0: only "
            "`governance prune` does.",
            low=0,
            high=525_600,
        ),
    )


@frozen(kw_only=True, eq=False)
class JournalTable:
    """``[journal]``: where everything is recorded."""

    url: str = field(
        default="sqlite:///.governance/journal.db",
        metadata=text(
            "Store of the journal: `sqlite:///PATH`, which starts at this folder, or "
            "`postgresql://…` without a password.",
            empty=False,
        ),
    )
    redaction: bool = field(
        default=True,
        metadata=flag("Take secrets out of what is recorded, by the built-in patterns."),
    )


@frozen(kw_only=True, eq=False)
class RedactionTable:
    """``[redaction]``: what is taken out of what is recorded, beside the built-in patterns."""

    patterns: Mapping[str, str] = field(
        default=MappingProxyType({}),
        metadata=text_map("Patterns in RE2 syntax, by the name that stands in place of a match."),
    )
    detectors: tuple[str, ...] = field(
        default=(),
        metadata=texts("Libraries that look for secrets as well.", values=DETECTORS),
    )


@frozen(kw_only=True, eq=False)
class EncryptionTable:
    """``[encryption]``: whether what is recorded is encrypted at rest, and by whose key."""

    key: str = field(
        default="",
        metadata=text(
            "Where the key-encryption key is: `file:PATH`, `env:NAME`, `keyring:SERVICE/USER`, "
            "`entry-point:NAME` or `program`; empty: nothing is encrypted."
        ),
    )
    previous: tuple[str, ...] = field(
        default=(),
        metadata=texts("Keys of before, which still open what `governance keys rotate` left."),
    )
    required: bool = field(
        default=False,
        metadata=flag("Without a key the journal is not opened at all."),
    )


@frozen(kw_only=True, eq=False)
class AccessTable:
    """``[access]``: who may do what; once an actor is named, everybody else may do nothing."""

    actors: Mapping[str, tuple[str, ...]] = field(
        default=MappingProxyType({}),
        metadata=texts_map("Roles of each actor; `*` stands for whoever is not named."),
    )
    roles: Mapping[str, tuple[str, ...]] = field(
        default=MappingProxyType({}),
        metadata=texts_map(
            "Actions that each role may do; `ACTION:own` in sessions that the actor began alone."
        ),
    )


@frozen(kw_only=True, eq=False)
class AuditTable:
    """``[audit]``: what is recorded of those who look."""

    reads: bool = field(
        default=False,
        metadata=flag("Record who reads which session, before it is shown."),
    )
    repeat_seconds_min: int = field(
        default=300,
        metadata=whole(
            "Within this time one process records the same reader of a session once.",
            low=0,
            high=86_400,
        ),
    )


@frozen(kw_only=True, eq=False)
class BackupTable:
    """``[backup]``: copies of an embedded store, or of the configuration, made by themselves."""

    age_seconds_max: int = field(
        default=86_400,
        metadata=whole(
            "A backup is made when the last is older; 0: none by itself.",
            low=0,
            high=31_622_400,
        ),
    )
    backups_max: int = field(
        default=7,
        metadata=whole("Backups that are kept; the oldest go.", low=1, high=1_000),
    )
    folder: str = field(
        default=".governance/backups",
        metadata=text("Where they are; a relative path starts at this folder.", empty=False),
    )
    seconds_max: int = field(
        default=600,
        metadata=whole("A backup that takes longer is given up.", low=1, high=86_400),
    )


@frozen(kw_only=True, eq=False)
class HealthTable:
    """``[health]``: what `governance health`, `metrics` and `engine.health()` count as healthy."""

    wal_megabytes_max: int = field(
        default=64,
        metadata=whole(
            "Size of the write-ahead log of a store in a file, in megabytes.",
            low=1,
            high=1_000_000,
        ),
    )
    free_megabytes_min: int = field(
        default=100,
        metadata=whole(
            "Room on the disk of a store in a file, in megabytes.", low=0, high=1_000_000_000
        ),
    )
    load_seconds_max: int = field(
        default=5,
        metadata=whole(
            "Wall time for loading one session from the store, in seconds.", low=1, high=3_600
        ),
    )
    save_seconds_max: int = field(
        default=2,
        metadata=whole(
            "Wall time for one small durable write to the store, in seconds.", low=1, high=3_600
        ),
    )
    memory_megabytes_max: int = field(
        default=500,
        metadata=whole("Memory of the local service, in megabytes.", low=1, high=1_000_000),
    )


@frozen(kw_only=True, eq=False)
class ContextTable:
    """``[context]``: how much governance may tell a model at once."""

    characters_max: int = field(
        default=8_000,
        metadata=whole("Longest text that is injected, in characters.", low=200, high=10_000_000),
    )
    tokens_max: int | None = field(
        default=None,
        metadata=whole(
            "Longest text in tokens, three characters for one; not written: no such bound.",
            low=50,
            high=10_000_000,
        ),
    )


@frozen(kw_only=True, eq=False)
class ContextsTable:
    """``[contexts]``: how much the named values of a session, a user or the project may be."""

    value_kilobytes_max: int = field(
        default=4_000,
        metadata=whole("One value as JSON, in kilobytes.", low=1, high=64_000),
    )
    scope_megabytes_max: int = field(
        default=64,
        metadata=whole(
            "All values of one session, one user or the project as JSON, in megabytes.",
            low=1,
            high=100_000,
        ),
    )
    values_max: int = field(
        default=10_000,
        metadata=whole("Values of one session, one user or the project.", low=1, high=1_000_000),
    )
    grants_max: int = field(
        default=1_000,
        metadata=whole(
            "Grants that one of them may have given to others; 0: nothing is shared.",
            low=0,
            high=1_000,
        ),
    )
    scopes_held_max: int = field(
        default=64,
        metadata=whole("Of how many of them an engine holds the values.", low=1, high=100_000),
    )
    held_megabytes_max: int = field(
        default=50,
        metadata=whole(
            "Memory that they may take, but for the one in use, in megabytes.",
            low=1,
            high=1_000_000,
        ),
    )


@frozen(kw_only=True, eq=False)
class StallTable:
    """``[stall]``: what going round in circles leads to."""

    repeats_max: int = field(
        default=3,
        metadata=whole("The same failure or delegation this often is a stall.", low=2, high=8),
    )
    reaction: Literal["record", "warn", "halt"] = field(
        default="record", metadata=choice("What follows a stall.", ("record", "warn", "halt"))
    )


@frozen(kw_only=True, eq=False)
class DefaultsTable:
    """``[defaults]``: what holds where no rule speaks."""

    tool: Strictness = field(
        default="allow", metadata=choice("What a tool call gets that no rule matches.", _STRICTNESS)
    )
    unknown_role: Literal["allow", "read-only", "deny"] = field(
        default="deny",
        metadata=choice("What an agent may do that no role names.", ("allow", "read-only", "deny")),
    )
    mode: Literal["shadow", "enforce"] = field(
        default="enforce",
        metadata=choice(
            "Whether this project's rules decide or only watch.", ("shadow", "enforce")
        ),
    )


@frozen(kw_only=True, eq=False)
class HostTable:
    """``[hosts.NAME]``: how one agent harness is governed."""

    roles: Mapping[str, str] = field(
        default=MappingProxyType({}),
        metadata=text_map("The harness's own agent names and our roles."),
    )
    unbriefed: Strictness = field(
        default="allow",
        metadata=choice("What a tool gets where the model cannot be briefed.", _STRICTNESS),
    )
    unbound: Strictness = field(
        default="deny",
        metadata=choice("What a tool gets that belongs to no known session.", _STRICTNESS),
    )
    after_end: Literal["rules", "ask", "deny"] = field(
        default="deny",
        metadata=choice("What a tool gets after its session has ended.", ("rules", "ask", "deny")),
    )
    unknown_tool: Strictness = field(
        default="ask",
        metadata=choice(
            "What a tool gets that the harness's table does not know, "
            "or a call without its path, command or address.",
            _STRICTNESS,
        ),
    )
    deadline_ms: int = field(
        default=5_000,
        metadata=whole(
            "An answer that takes longer is a deny, in milliseconds.", low=100, high=600_000
        ),
    )
    custom: bool = field(
        default=False,
        metadata=flag("The name is that of a program of yours, not of a shipped adapter."),
    )


@frozen(kw_only=True, eq=False)
class ServiceTable:
    """``[service]``: the process that hooks ask instead of loading the engine each time."""

    enabled: bool = field(
        default=True,
        metadata=flag("Hooks of this project use the local service, and start it when it is not."),
    )
    idle_seconds_max: int = field(
        default=1_800,
        metadata=whole(
            "The service lets the project go after so long without a call; without any it ends.",
            low=1,
            high=_SECONDS_MAX,
        ),
    )


@frozen(kw_only=True, eq=False)
class ListenersTable:
    """``[listeners]``: bounds on listeners, and which installed ones are called."""

    entry_points: tuple[str, ...] = field(
        default=(),
        metadata=texts("Names of installed listeners (entry points of `governance.listeners`)."),
    )
    threads_max: int = field(
        default=16,
        metadata=whole("Threads that listeners may keep busy at once.", low=1, high=1_000),
    )
    queue_max: int = field(
        default=1_000,
        metadata=whole(
            "Events that may wait for background listeners; others are dropped.", low=1, high=10**6
        ),
    )
    drain_ms: int = field(
        default=2_000,
        metadata=whole("How long closing waits for them, in milliseconds.", low=0, high=600_000),
    )


@frozen(kw_only=True, eq=False)
class NotifyTable:
    """``[notify]``: a program that is told what a person should know of at once."""

    command: tuple[str, ...] = field(
        default=(),
        metadata=words(
            "The program and its arguments; no shell is between. Empty: nobody is told.", none=True
        ),
    )
    on: tuple[str, ...] = field(
        default=NOTIFIED,
        metadata=texts("What it is told of.", values=NOTIFIED),
    )
    seconds_max: int = field(
        default=10, metadata=whole("After so long the program is ended.", low=1, high=600)
    )
    hourly_max: int = field(
        default=60,
        metadata=whole("How often it is started within an hour.", low=1, high=3_600),
    )


@frozen(kw_only=True, eq=False)
class ListenerTable:
    """``[[listener]]``: a program that is shown events as JSON."""

    name: str = field(metadata=required(text("Unique name, for the journal.", empty=False)))
    events: tuple[str, ...] = field(
        metadata=required(texts("Names of events, or globs such as `tool.*`."))
    )
    command: tuple[str, ...] = field(
        metadata=required(words("The program and its arguments; no shell is between."))
    )
    mode: ListenerMode = field(default="audit", metadata=choice("What it may do.", LISTENER_MODES))
    priority: int = field(
        default=50,
        metadata=whole("Its place among those of its mode; lower first.", low=0, high=1_000_000),
    )
    time_limit_ms: int = field(
        default=2_000,
        metadata=whole("Longer than this is a failure, in milliseconds.", low=1, high=600_000),
    )
    on_error: OnError = field(
        default="fail", metadata=choice("What its failure leads to.", ON_ERRORS)
    )


TABLES: Mapping[str, type] = {
    "project": ProjectTable,
    "packs": PacksTable,
    "session": SessionTable,
    "resume": ResumeTable,
    "idle": IdleTable,
    "live": LiveTable,
    "journal": JournalTable,
    "redaction": RedactionTable,
    "encryption": EncryptionTable,
    "access": AccessTable,
    "audit": AuditTable,
    "retention": RetentionTable,
    "backup": BackupTable,
    "health": HealthTable,
    "context": ContextTable,
    "contexts": ContextsTable,
    "stall": StallTable,
    "defaults": DefaultsTable,
    "service": ServiceTable,
    "listeners": ListenersTable,
    "notify": NotifyTable,
}
"""Tables that stand in the file once, by name; the others are in `OTHERS`."""

OTHERS: Mapping[str, type | None] = {
    "hosts": HostTable,
    "listener": ListenerTable,
    "exempt": None,
    "fields": None,
}
"""Tables of tables and arrays of tables; ``None``: read by the rules."""

HEADS: Mapping[str, str] = {"hosts": "hosts.NAME", "listener": "listener[]"}
"""How the tables that stand more than once are written in the name of a key."""

HOSTS = (
    "claude-code",
    "opencode",
    "codex",
    "gemini-cli",
    "mellea",
    "hermes",
    "langchain",
    "openai-agents",
    "pydantic-ai",
    "claude-agent-sdk",
    "python",
)
"""Names that may be used without ``custom = true``."""

PRESETS: Mapping[Level, Mapping[str, Mapping[str, object]]] = {
    "strict": {
        "defaults": {"tool": "ask"},
        "hosts": {"unbriefed": "deny", "unknown_tool": "deny"},
    },
    "standard": {},
    "minimal": {
        "defaults": {"unknown_role": "read-only", "mode": "shadow"},
        "hosts": {"unknown_tool": "allow"},
    },
}
"""
What each level puts in place of a default, for keys that are not written.

``strict``: what no rule names is asked about, and what cannot be told apart is denied.
``minimal``: the project's rules watch and stop nothing; those of user and machine decide.
"""

ORDERS: Mapping[str, Mapping[str, tuple[object, ...]]] = {
    "defaults": {
        "tool": _STRICTNESS,
        "unknown_role": ("allow", "read-only", "deny"),
        "mode": ("shadow", "enforce"),
    },
    "hosts": {
        "unbriefed": _STRICTNESS,
        "unbound": _STRICTNESS,
        "after_end": ("rules", "ask", "deny"),
        "unknown_tool": _STRICTNESS,
    },
    "journal": {"redaction": (False, True)},
    "encryption": {"required": (False, True)},
    "audit": {"reads": (False, True)},
    "retention": {"archive": (False, True)},
}
"""Keys of which the strictest of all layers holds, each from the mildest value on."""
