"""Looks at what a listener answered: its mode says what it may, the catalogue what it may write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from governance.errors import GovernanceError, did_you_mean
from governance.events import CATALOGUE, Event, EventSpec, check_field, freeze
from governance.listeners.answers import Answer, Refuse, Write
from governance.values import Json, ValueRefused, check_json, mend_text

REASON_CHARS_MAX = 2_000
ERROR_CHARS_MAX = 500


class BadAnswer(GovernanceError):
    """A listener answered what it may not."""

    code = "GOV442"

    why: Literal["answer", "write"]

    def __init__(self, why: Literal["answer", "write"], text: str) -> None:
        super().__init__(text)
        self.why = why
        self.text = cut(text, ERROR_CHARS_MAX)


def checked(answer: object, mode: str, event: Event) -> Answer:
    """
    *answer* as a value that cannot change any more.

    Raises:
        BadAnswer: It is no answer, not one that *mode* may give to *event*, or it writes a
            field that may not be written, or a value that does not fit.
    """
    if answer is None:
        return None
    spec = CATALOGUE[event.name]
    if spec.when == "after":
        raise BadAnswer("answer", f"`{event.name}` has happened: nothing can be answered")
    if isinstance(answer, Refuse) and mode in ("sequential", "concurrent"):
        if type(answer.reason) is not str or not answer.reason.strip():
            raise BadAnswer("answer", "it refused without a reason")
        return Refuse(cut(answer.reason, REASON_CHARS_MAX))
    if isinstance(answer, Write) and mode == "transform":
        return Write(_fields(answer.fields, spec, event))
    expected = {"sequential": "`Refuse`", "concurrent": "`Refuse`", "transform": "`Write`"}
    may = expected.get(mode, "nothing")
    what = f"`{type(answer).__name__}`"
    raise BadAnswer("answer", f"it answered {what}, a {mode} listener may answer {may}")


def _fields(given: object, spec: EventSpec, event: Event) -> Mapping[str, Json]:
    if not isinstance(given, Mapping):
        raise BadAnswer("write", f"`{type(given).__name__}` names no fields")
    if event.data.get("adopted") is True:
        raise BadAnswer("write", "the session already runs: nothing can be written")
    fields: dict[str, Json] = dict(given)
    for name, value in fields.items():
        field = spec.fields.get(name)
        if field is None:
            hint = did_you_mean(str(name), spec.fields)
            text = f"`{spec.name}` has no field `{name}`"
            raise BadAnswer("write", f"{text}; {hint}" if hint else text)
        if not field.writable:
            raise BadAnswer("write", f"`{name}` of `{spec.name}` may not be written")
        try:
            check_json(value)
        except ValueRefused as error:
            raise BadAnswer("write", f"`{name}` is {error.message}") from None
        for problem in check_field(field, value):
            raise BadAnswer("write", problem.message)
    return {name: freeze(value) for name, value in fields.items()}


def said(error: BaseException) -> str:
    """*error* in words; an error that cannot even say what it is is named by its type."""
    kind = type(error).__name__
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  # an error's own text may fail as well
        return f"{kind} without a text"
    return cut(f"{kind}: {text}" if text else kind, ERROR_CHARS_MAX)


def cut(text: str, characters_max: int) -> str:
    """*text* as a journal may hold it, with a sign where it was cut."""
    mended = mend_text(text)
    return mended if len(mended) <= characters_max else mended[: characters_max - 1] + "…"
