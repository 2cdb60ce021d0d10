"""What every host's answer is made of; the shapes themselves are each host's own."""

from __future__ import annotations

import json
from collections.abc import Mapping

from attrs import evolve

from governance._attrs import frozen
from governance.session.replies import Injection, Reply
from governance.values import Json

CUT = " […]"


@frozen
class Answer:
    """
    What the hook writes.

    Attributes:
        out: Standard output, all of it.

        told: The injection that *out* carries, to be reported once it was flushed.

        spilled: An injection was too long for this place, and was left out: it stays
            owed, and the next answer that has room carries it.
    """

    out: bytes = b""
    told: Injection | None = None
    spilled: bool = False


SILENCE = Answer()


def deny_text(reply: Reply) -> str:
    """Why, in the words that the model reads; the briefing in front, if that is why."""
    message = reply.message or "; ".join(reply.reasons) or "governance refuses this"
    if reply.text and reply.text not in message:
        return f"{reply.text}\n\n{message}"
    return message


def carried(reply: Reply) -> Injection | None:
    """The injection of *reply*, where it has any text."""
    return reply.injection if reply.injection and reply.injection.text else None


def alarmed(made: Answer, alarm: str) -> Answer:
    """*made*, which also shows a person *alarm*; clients have one key for that."""
    if not alarm:
        return made
    shape: dict[str, Json] = json.loads(made.out) if made.out else {}
    return evolve(made, out=json_bytes({**shape, "systemMessage": alarm}))


def units(text: str) -> int:
    """Length of *text* in UTF-16 units, which is what clients in JavaScript count."""
    return len(text) + sum(1 for sign in text if sign > "\uffff")


def fitting(text: str, units_max: int) -> str:
    """*text*, cut and marked as such where it has more than *units_max* UTF-16 units."""
    return text if units(text) <= units_max else text[: units_max // 2 - len(CUT)] + CUT


def json_bytes(value: Mapping[str, Json]) -> bytes:
    """*value* as JSON in ASCII, which no host can read in a wrong encoding."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")
