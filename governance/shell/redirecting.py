"""
Redirections: files that are opened, input that is known, what the commands of a group inherit.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from attrs import evolve, field

from governance._attrs import define
from governance.shell.boundaries import TooDeep, Unclosed
from governance.shell.expanding import Expander
from governance.shell.fields import finished
from governance.shell.flowing import Flow, Pipe
from governance.shell.lexing import Redirection
from governance.shell.state import State
from governance.shell.substituting import Around, keep, text_of
from governance.shell.values import HOLE, Redirect

if TYPE_CHECKING:
    from governance.shell.walking import Walker


TOKENS: Final = re.compile(rb">+[^ \n;>]*|[^ \n;>]+")

_MODES: Final = {"<": "read", ">": "write", ">|": "write", "&>": "write", ">&": "write",
                 ">>": "append", "&>>": "append", "<>": "both"}  # fmt: skip


@define
class Opened:
    """What the redirections of a command say."""

    files: list[Redirect] = field(factory=list)
    given: str | None = None
    detached: bool = False  # its input is not what it would inherit
    printing: bool = True  # its output goes where it would go


def redirected(around: Around, starts: list[int]) -> Opened:
    """Expand the redirections that begin at *starts*."""
    made = Opened()
    skeleton = around.walker.skeleton
    for start in starts:
        one = skeleton.redirections.get(start)
        if one is not None:
            redirect(around, skeleton.text, one, made)
    return made


def redirect(around: Around, text: str, one: Redirection, made: Opened) -> None:
    """Add what *one*, whose target stands in *text*, says."""
    raw = text[one.start : one.end]
    if one.operator in ("<<", "<<-"):
        body = one.document or ""
        if not one.literal:
            try:
                body = Expander(around.state, around).document(body)
            except (Unclosed, TooDeep):
                around.walker.notes.note("syntax", "a here-document that is not closed")
                body = HOLE
        _text_on(around, one.fd, body, made)
        return
    value, live = text_of(around, raw)
    if one.operator == "<<<":
        _text_on(around, one.fd, value + "\n", made)
        return
    reading = one.operator[0] == "<"
    fd = 10 if one.fd.startswith("{") else int(one.fd[-4:] or ("0" if reading else "1"))
    if one.operator in (">&", "<&") and re.fullmatch(r"[0-9]*-?", value):
        if fd == 0:
            held = around.held.get(f"/dev/fd/{value}")
            made.given = around.state.file(f"/dev/fd/{value}") if held is None else held
            made.detached = True
        made.printing = made.printing and not (fd == 1 and value not in ("1", ""))
        path = around.state.files.get(f"{value}>") if fd == 1 else None
        if path is not None:
            made.files.append(Redirect("append", finished(path, around.state.cwd), 1))
        return
    if one.operator in ("&>", "&>>") or (one.operator == ">&" and not one.fd):
        fd = -1
    mode = "read" if one.operator == "<&" else _MODES[one.operator]
    made.files.append(Redirect(mode, finished(value, around.state.cwd, glob=live), fd))  # type: ignore[arg-type]
    if fd == 0:
        held = around.held.get(value)
        made.detached, made.given = True, around.state.file(value) if held is None else held
    if fd in (1, -1) and value not in ("/dev/stdout", "/dev/fd/1"):
        made.printing = False


def _text_on(around: Around, fd: str, text: str, made: Opened) -> None:
    """A text that stands on a descriptor: the input, or one that is read by its number."""
    if fd in ("", "0"):
        made.given, made.detached = text, True
    else:
        around.held[f"/dev/fd/{fd}"] = text


def inherited(
    walker: Walker, start: int, end: int, state: State, flow: Flow
) -> tuple[Flow, Opened]:
    """What the commands of a group inherit, whose redirections stand from *start* to *end*."""
    starts = _starts(walker, start, end) if end > start else []
    if not starts:
        return flow, Opened()
    around = Around(walker, state, flow)
    made = redirected(around, starts)
    if made.detached or around.feeders:
        pipe = Pipe(writers=list(around.feeders)) if around.feeders else None
        flow = evolve(flow, source=pipe, given=made.given)
    if not made.printing:
        flow = evolve(flow, sink=around.fed[0] if around.fed else None)
    return evolve(flow, redirects=flow.redirects + tuple(made.files)), made


def opened(walker: Walker, made: Opened, before: int, state: State, flow: Flow) -> None:
    """The files of a group in which no command stands are opened all the same."""
    notes = walker.notes
    if flow.source is not None and made.detached:
        notes.link(flow.source.writers, flow.source.readers)
    if made.files and len(notes.records) == before:
        keep(walker, state, flow, (), (), tuple(made.files), None)


def _starts(walker: Walker, start: int, end: int) -> list[int]:
    plain = walker.skeleton.plain
    found = list(TOKENS.finditer(plain, start, end))
    if any(not one.group().startswith(b">") for one in found):
        walker.notes.note("syntax", "words behind the end of a group")
    return [one.start() for one in found if one.group().startswith(b">")]
