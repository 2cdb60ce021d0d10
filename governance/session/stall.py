"""
Stall detection: the same failure three times, A-B-A-B, the same delegate again and again.

Each is a fold over finished and asked calls with a window of a few fingerprints, fed
from recorded events alone, so that it survives restarts and replays.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence

from attrs import evolve

from governance._attrs import frozen
from governance.values import Json

WINDOW = 9
"""Fingerprints kept per kind; enough for the longest pattern looked for."""

# Texts, which `re` compiles and keeps at the first failure: most processes see none.
_VOLATILE = r"0x[0-9a-f]+|\d+|[0-9a-f]{8,}|/tmp/\S+"
_SPACE = r"\s+"


@frozen
class Stall:
    """
    One pattern that says that the session is going round in circles.

    Attributes:
        kind: ``"same_failure"``, ``"oscillation"`` or ``"same_delegate"``.

        evidence: What repeats, in words.
    """

    kind: str
    evidence: str


@frozen
class StallWindow:
    """
    The last few fingerprints of failures, calls and delegations, newest last.

    Each is a crc32 in four bytes: a tuple of integers would take ten times the memory of
    a live session.
    """

    failures: bytes = b""
    calls: bytes = b""
    delegates: bytes = b""

    def packed(self) -> bytes:
        """The three as a live session keeps them: their lengths, then themselves."""
        if self == _EMPTY:
            return NO_STALLS
        parts = (self.failures, self.calls, self.delegates)
        return bytes(map(len, parts)) + b"".join(parts)

    @classmethod
    def unpacked(cls, data: bytes) -> StallWindow:
        """The windows that `packed` made."""
        if not data:
            return _EMPTY
        calls = 3 + data[0]
        delegates = calls + data[1]
        return cls(data[3:calls], data[calls:delegates], data[delegates:])

    def as_json(self) -> list[str]:
        """The three windows as hexadecimal text."""
        return [self.failures.hex(), self.calls.hex(), self.delegates.hex()]

    @classmethod
    def from_json(cls, data: Sequence[str]) -> StallWindow:
        """The windows that `as_json` wrote."""
        return cls(*(bytes.fromhex(one) for one in data))


_EMPTY = StallWindow()

NO_STALLS = b""
"""The packed window of a session that has called nothing."""


def normalise_failure(error: str) -> str:
    """*error* without what differs from one time to the next (numbers, addresses, times)."""
    text = re.sub(_VOLATILE, "#", error.lower()[:2000])
    return re.sub(_SPACE, " ", text).strip()


def _mark(text: str) -> bytes:
    return zlib.crc32(text.encode("utf-8", "replace")).to_bytes(4, "big")


def _push(window: bytes, mark: bytes) -> bytes:
    return (window + mark)[-4 * WINDOW :]


def see_call(packed: bytes, intent: str, delegate: str = "") -> bytes:
    """The window *packed* after a call was let through; another agent resets its run."""
    window = StallWindow.unpacked(packed)
    delegates = _push(window.delegates, _mark(delegate)) if delegate else window.delegates
    return StallWindow(window.failures, _push(window.calls, _mark(intent)), delegates).packed()


def see_result(packed: bytes, outcome: str, intent: str, error: str) -> bytes:
    """The window *packed* after a call finished; success of its intent clears its failures."""
    window = StallWindow.unpacked(packed)
    if outcome == "failed":
        mark = _mark(intent + "\n" + normalise_failure(error))
        return evolve(window, failures=_push(window.failures, mark)).packed()
    if outcome == "ok" and window.failures:
        return evolve(window, failures=b"").packed()
    return packed


def detect(packed: bytes, *, repeats_max: int) -> tuple[Stall, ...]:
    """
    The patterns that the window *packed* shows just now.

    A pattern is reported when it first appears and not again for each repetition: the
    window must end with exactly *repeats_max* equal failures or delegations, or with
    A-B-A-B that A-B did not precede.
    """
    window = StallWindow.unpacked(packed)
    found = []
    if _ends_a_run(window.failures, repeats_max):
        found.append(Stall("same_failure", f"the same failure {repeats_max} times in a row"))
    if _ends_a_run(window.delegates, repeats_max):
        found.append(Stall("same_delegate", f"the same delegate {repeats_max} times in a row"))
    if _oscillates(window.calls):
        found.append(Stall("oscillation", "two calls in turn, A-B-A-B"))
    return tuple(found)


def _ends_a_run(window: bytes, length: int) -> bool:
    """Whether *window* ends with exactly *length* equal marks."""
    run = window[-4 * length :]
    # The mark before it, if there is one, must be another.
    return len(run) == 4 * length and run == window[-4:] * length != window[-4 * length - 4 : -4]


def _oscillates(window: bytes) -> bool:
    last = window[-16:]
    if len(last) < 16 or last[:8] != last[8:] or last[:4] == last[4:8]:
        return False
    # The fifth from the end continuing the pattern means that it was reported before.
    return window[-20:-16] != last[4:8]


def stall_data(stall: Stall) -> Mapping[str, Json]:
    """Own fields of the event ``session.stalled``."""
    return {"kind": stall.kind, "evidence": stall.evidence}
