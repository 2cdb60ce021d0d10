"""
Where a session stands, read from its store without an engine.

The client asks for its status line after every message, so nothing is written here, nobody is
waited for, and next to nothing is imported. What this reader cannot be sure of (a store on a
server or behind keys, a branch, a journal that was mended) is `Elsewhere`: then `status.py`
folds the rows as the engine does. The chain is not walked: this line decides nothing.
"""

from __future__ import annotations

import posix
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType
    from typing import Any

    from governance.journal.sqlite_glance import Event

FOLD_VERSION = 8
"""As the fold has it, whose modules would cost more than all else here."""

ROWS_MAX = 2_000
"""Rows after a kept state that are looked at; there is one each 1,000."""

PAUSE_ROWS_MAX = 50
CONFIG_BYTES_MAX = 1_000_000
PROJECT = "@project"
LOG_NAME = "governance.log"
REFUSED = "refused: "
"""As `hook_alone` writes them, whose module would cost more than all else here."""

RECENT_MS = 3_600_000
"""How old a refusal may be that is told where nobody can say what was recorded last."""

_LOG_TAIL_BYTES = 8_192
SEVERE = ("high", "critical")
_USE = "usage.reported"
_ADDS = ("violation.counted", "violation.pardoned", "session.halted")
_MENDS = ("session.gap", "session.damaged", "session.repaired")


def _beside(folder: str, name: str) -> ModuleType:
    """The module *name* in *folder*, without its package."""
    sys.path.insert(0, folder)
    try:
        return __import__(name)
    finally:
        sys.path.remove(folder)


_reader = _beside(__file__.rpartition("/hosts/")[0] + "/journal", "sqlite_glance")
Elsewhere: type[Exception] = _reader.Elsewhere
Unreadable: type[Exception] = _reader.Unreadable


class Standing:
    """
    What a status line says of a session.

    Attributes:
        state: ``""``: it has not begun.

        violations: How many stand, by severity.

        at_ms: When it was last written to by anything but a status line; 0: nobody can say.

        refused: Why a hook of the project could not decide since, as far as is known.

        used: The figures of use that were told last, as ``usage.reported`` has them.
    """

    def __init__(self, paused: str = "") -> None:
        self.paused = paused
        self.state = ""
        self.briefed = False
        self.halted = ""
        self.violations: dict[str, int] = {}
        self.at_ms = 0
        self.refused = ""
        self.used: Mapping[str, Any] | None = None

    def line(self) -> str:
        """
        State, whether the model is briefed, violations, and what stands in the way of work.

        >>> Standing().line()
        'governance: on'
        """
        parts = ["PAUSED: " + self.paused] if self.paused else []
        if self.refused:
            parts.append("REFUSED: " + self.refused)
        if not self.state:
            return "governance: " + " · ".join(parts or ["on"])
        if self.halted:
            parts.append(f"HALTED: {self.halted}")
        parts.append(self.state)
        parts.append("briefed" if self.briefed else "not briefed")
        total = sum(self.violations.values())
        severe = sum(self.violations.get(name, 0) for name in SEVERE)
        if total:
            told = f"{total} violation" + ("s" if total != 1 else "")
            parts.append(told + (f" ({severe} severe)" if severe else ""))
        return "governance: " + " · ".join(parts)


def parsed(data: bytes) -> Any:
    """
    The JSON value in *data*, by the scanner that `json` itself uses, without the rest of it.

    Raises:
        ValueError: It is none.
    """
    try:
        from _json import make_scanner
    except ImportError:  # a Python that has it not is slower, and no worse
        from json import loads

        return loads(data)
    text = data.decode().strip()
    try:
        value, end = make_scanner(_Plain)(text, 0)  # type: ignore[arg-type]
    except StopIteration:
        raise ValueError("no JSON") from None
    if end != len(text):
        raise ValueError("no JSON")
    return value


class _Plain:
    """What that scanner asks of a decoder."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


def usage_of(payload: Mapping[str, Any]) -> dict[str, Any]:
    """
    What *payload* tells of tokens and costs, as fields of ``usage.reported``.

    >>> usage_of({"cost": {"total_cost_usd": 0.5}, "context_window": {"used_percentage": 16}})
    {'cost_usd': 0.5, 'context_ratio': 0.16, 'whole': True}
    """
    cost, window = payload.get("cost"), payload.get("context_window")
    found: dict[str, Any] = {}
    if isinstance(cost, dict):
        found["cost_usd"] = cost.get("total_cost_usd")
    if isinstance(window, dict):
        now = window.get("current_usage")
        found["input_tokens"] = window.get("total_input_tokens")
        found["output_tokens"] = window.get("total_output_tokens")
        if isinstance(now, dict):
            sent = (now.get(name) for name in _CONTEXT)
            found["context_tokens"] = sum(one for one in sent if isinstance(one, int))
        full = window.get("used_percentage")
        if isinstance(full, (int, float)):
            found["context_ratio"] = min(full, 100) / 100
    known = {name: value for name, value in found.items() if _is_figure(name, value)}
    return {**known, "whole": True} if known else {}


_CONTEXT = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")


def _is_figure(name: str, value: Any) -> bool:
    """Whether *value* can have been used, as `governance.session.usage` takes it."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    whole = not name.endswith("_tokens") or isinstance(value, int) or value.is_integer()
    return whole and 0 <= value < float("inf")


def look(directory: str, session: str) -> Standing:
    """
    Where *session* of the project in *directory* stands.

    Raises:
        Elsewhere: It takes more than this to say.

        Unreadable: Nobody can say; why, in a few words.
    """
    store = _store_of(directory)
    seen = _reader.look(
        store,
        session,
        fold=FOLD_VERSION,
        rows_max=ROWS_MAX,
        project=PROJECT,
        project_rows_max=PAUSE_ROWS_MAX,
    )
    try:
        standing = Standing(_paused(seen.project))
        if seen.head:
            told = parsed(seen.kept) if seen.kept is not None else {}
            _registers(standing, told.get("registers") or {}, seen.rows)
            _ledger(standing, told.get("ledger"), seen.rows)
            standing.at_ms = next((at for kind, at, _ in seen.rows if kind != _USE), 0)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _reader.damaged() from None
    return standing


def refused_since(directory: str, at_ms: int) -> str:
    """
    Why a hook of the project in *directory* could not decide after *at_ms*, or ``""``.

    Such a hook records nothing but a line in the project's log file. The newest line counts, and
    where *at_ms* is 0 those of the last hour.
    """
    folder = directory + "/.governance/"
    try:
        log = posix.open(folder + LOG_NAME, posix.O_RDONLY | posix.O_NONBLOCK | posix.O_NOFOLLOW)
    except OSError:
        return ""
    try:
        status = posix.fstat(log)
        if status.st_mtime * 1000 <= (at_ms or time.time() * 1000 - RECENT_MS):
            return ""
        posix.lseek(log, max(0, status.st_size - _LOG_TAIL_BYTES), 0)
        tail = posix.read(log, _LOG_TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
    finally:
        posix.close(log)
    # The time and the event stand first; neither has a blank in it.
    text = tail.strip().rpartition("\n")[2].split(" ", 2)[-1]
    return text[len(REFUSED) :] if text.startswith(REFUSED) else ""


def _store_of(directory: str) -> str:
    """The file of the store, where it lies where every project has it."""
    try:
        config = posix.open(directory + "/governance.toml", posix.O_RDONLY | posix.O_NONBLOCK)
    except OSError:
        raise Unreadable("no project here") from None
    try:
        text = posix.read(config, CONFIG_BYTES_MAX + 1)
    except OSError:
        raise Unreadable("the configuration cannot be read") from None
    finally:
        posix.close(config)
    told = [line for line in text.split(b"\n") if not line.lstrip().startswith(b"#")]
    # A key may be written with escapes, and another file than this one may be meant.
    if len(text) > CONFIG_BYTES_MAX or any(b"url" in one or b"\\" in one for one in told):
        raise Elsewhere
    folder = directory + "/.governance"
    try:
        for one in (folder, folder + "/journal.db"):
            if posix.lstat(one).st_mode & 0o170000 == 0o120000:
                raise Elsewhere  # a link: whether a person wants it there is another's question
    except OSError:
        raise Unreadable("the store is missing") from None
    return folder + "/journal.db"


def _paused(rows: list[Event]) -> str:
    """Why a person has paused governance at this time, or ``""``; the newest word counts."""
    for kind, at_ms, body in rows:
        if kind == "governance.paused":
            data = _data(body)
            until = data.get("until_ms")
            held = isinstance(until, int) and at_ms <= time.time() * 1000 < until
            return str(data.get("reason") or "paused") if held else ""
    return ""


def _data(body: bytes) -> Mapping[str, Any]:
    value = parsed(body)
    if "v" in value:
        raise Elsewhere  # whoever knows its versions says what it means today
    data = value.get("data") or {}
    return data if isinstance(data, dict) else {}


def _registers(standing: Standing, kept: Mapping[str, Any], rows: list[Event]) -> None:
    """State and what is owed, each by the newest row that changed it, else as *kept*."""
    found: dict[str, Any] = {}
    for kind, _, body in rows:
        if standing.used is None and kind == _USE:
            standing.used = _data(body)
        set_there = body.partition(b'"to":')[2]
        for name, mark in _REGISTERS:
            if name not in found and mark in set_there:
                to = parsed(body).get("to") or {}
                if name in to:
                    found[name] = to[name]
    standing.state = found.get("state", kept.get("state", ""))
    if not standing.state:
        raise ValueError("no row says where it stands")
    standing.briefed = standing.state == "between-turn" and not found.get("owed", kept.get("owed"))
    if standing.state == "absent":
        standing.state = ""


_REGISTERS = (("state", b'"state":'), ("owed", b'"owed":'))
"""With what a body must hold that sets it; most do not, and need not be parsed."""


def _ledger(standing: Standing, kept: Mapping[str, Any] | None, rows: list[Event]) -> None:
    """Violations that stand, and why nothing may happen, as `governance.ledger` folds them."""
    counts: dict[tuple[str, str], int] = {}
    halts: list[tuple[str, str]] = []
    if kept:
        halts = [(one[0], one[1]) for one in kept["halts"]]
        for rule, severity, number in _kept_violations(kept["violations"]):
            counts[rule, severity] = counts.get((rule, severity), 0) + number
        if any(one["action"] == "halt" for one in kept["steps"]):
            raise Elsewhere
    for kind, _, body in reversed(rows):
        if kind not in _ADDS:
            if kind in _MENDS or b'"carried"' in body or _halts(kind, body):
                raise Elsewhere
            continue
        data = _data(body)
        rule = str(data.get("rule") or "")
        if kind == "violation.counted":
            severity = str(data.get("severity", "medium"))
            counts[rule, severity] = counts.get((rule, severity), 0) + 1
        elif kind == "violation.pardoned":
            counts = {one: n for one, n in counts.items() if rule and one[0] != rule}
            halts = [one for one in halts if one[0] == "@damage" or (rule and one[0] != rule)]
        else:
            rule = rule or str(data.get("by") or "")
            reason = str(data.get("why") or data.get("reason") or rule or "halted")
            if all(one[0] != rule for one in halts):
                halts.append((rule, reason))
    standing.halted = halts[0][1] if halts else ""
    for (_, severity), number in counts.items():
        standing.violations[severity] = standing.violations.get(severity, 0) + number


def _halts(kind: str, body: bytes) -> bool:
    """Whether a row is a step that ends by itself or with what led to it, which a fold knows."""
    return kind == "session.escalated" and _data(body).get("action") not in ("warn", "ask", "deny")


def _kept_violations(kept: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    for _, _, _, rule, _, _, _, severity, *_ in kept["tail"]:
        yield rule, severity, 1
    for rule, severity, _, _, number in kept["merged"]:
        yield rule, severity, number
