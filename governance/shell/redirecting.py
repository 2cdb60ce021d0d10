"""
Redirections: files that are opened, input that is known, what the commands of a group inherit.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from attrs import evolve, field

from governance._attrs import define
from governance.shell.boundaries import TooDeep, Unclosed
from governance.shell.channels import CHANNELS_MAX, Channel
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
_NUMBER: Final = re.compile(r"([0-9]{0,4})-?")
_UNIT: Final = re.compile(r"-[a-z]{0,8}u([0-9]{0,4})")
_NUMBERED: Final = re.compile(r"/(?:dev|proc/self)/fd/([0-9]{1,4})")
_ERRORS: Final = 2
_OWN: Final = 10
"""The first descriptor that a shell gives by itself."""

_READ_FROM: Final = 63
_WRITTEN_TO: Final = 60
"""Those that bash gives the first `coproc`."""

_FED: Final = "/dev/fd/63"
"""The file of `>(…)`."""


@define
class Opened:
    """What the redirections of a command say."""

    files: list[Redirect] = field(factory=list)
    given: str | None = None
    detached: bool = False  # its input is not what it would inherit
    printing: bool = True  # its output goes where it would go
    numbered: dict[int, Channel | None] = field(factory=dict)  # other descriptors; None: closed
    number: int = 0  # of the shell, which its input is


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
        _text_on(around, _descriptor(around, one), body, made)
        return
    value, live = text_of(around, raw)
    if one.operator == "<<<":
        _text_on(around, _descriptor(around, one), value + "\n", made)
        return
    fd = _descriptor(around, one, closes=raw in ("-", "&-"))
    found = (_NUMBER if one.operator in (">&", "<&") else _NUMBERED).fullmatch(value)
    substituted = value in around.held or (around.fed and value == _FED)
    if found is not None and not substituted:
        _duplicated(around, fd, found[1], made)
        return
    if one.operator == "<&":
        found_at = Channel(given=HOLE)
        _input(around, made, found_at) if fd == 0 else made.numbered.update({fd: found_at})
        return
    if one.operator in ("&>", "&>>") or (one.operator == ">&" and not one.fd):
        fd = -1
    mode = _MODES[one.operator]
    file = Redirect(mode, finished(value, around.state.cwd, glob=live), fd)  # type: ignore[arg-type]
    made.files.append(file)
    if fd == 0:
        held = around.held.get(value)
        made.detached, made.given = True, around.state.file(value) if held is None else held
    if fd in (1, -1) and value not in ("/dev/stdout", "/dev/fd/1"):
        made.printing = False
    if fd > _ERRORS:
        made.numbered[fd] = _opened(around, value, file)


def _descriptor(around: Around, one: Redirection, *, closes: bool = False) -> int:
    """The descriptor that *one* opens; `{name}` is given one, which the name then holds."""
    if not one.fd.startswith("{"):
        return int(one.fd[-4:] or ("0" if one.operator[0] == "<" else "1"))
    name, channels = one.fd[1:-1], around.state.channels
    known = around.state.value(name)
    if closes:
        plain = isinstance(known, str) and re.fullmatch(r"[0-9]{1,4}", known, re.A) is not None
        return int(str(known)) if plain else _OWN
    fd = next(at for at in range(_OWN, _OWN + CHANNELS_MAX + 1) if at not in channels)
    around.state.assign(name, str(fd))
    return fd


def _opened(around: Around, value: str, file: Redirect) -> Channel:
    """What stands behind a descriptor on which a file is opened, or a `<(…)` or `>(…)`."""
    if value in around.held:
        return Channel(around.held[value], Pipe(writers=list(around.feeders)))
    if around.fed and value == _FED:
        return Channel(sink=around.fed[-1])
    return Channel(around.state.file(value), files=(file,))


def _duplicated(around: Around, fd: int, number: str, made: Opened) -> None:
    """`<&3`, `>&3`, `3<&-`: a descriptor becomes what another one is."""
    at = int(number or "-1")
    flow = around.flow
    if at in made.numbered:
        found = made.numbered[at]
    elif at == 0:
        if fd == 0:
            return
        read = tuple(one for one in flow.redirects if one.fd == 0)
        found = Channel(flow.given, flow.source, files=read)
    elif at in (1, _ERRORS) or not number:
        found = Channel(sink=flow.sink) if at == 1 else None
    else:
        found = around.state.channels.get(at) or Channel(given=HOLE)
        made.number = at if fd == 0 else made.number
    if fd == 0:
        _input(around, made, found)
    elif fd == 1:
        made.printing = made.printing and number in ("", "1")
        if found is not None and at > _ERRORS:
            made.files += [evolve(one, mode="append", fd=1) for one in found.files]
            around.fed += [] if found.sink is None else [found.sink]
    elif fd != _ERRORS:
        made.numbered[fd] = found


def _input(around: Around, made: Opened, channel: Channel | None) -> None:
    """The input is what stands behind *channel*."""
    made.detached, made.given = True, None
    if channel is not None:
        made.given = channel.text
        made.files += [evolve(one, fd=0) for one in channel.files if one.mode in ("read", "both")]
        around.feeders += channel.source.writers if channel.source is not None else []


def _text_on(around: Around, fd: int, text: str, made: Opened) -> None:
    """A text that stands on a descriptor: the input, or one that is read by its number."""
    if fd == 0:
        made.given, made.detached = text, True
    else:
        around.held[f"/dev/fd/{fd}"] = text
        made.numbered[fd] = Channel(given=text)


def left_open(around: Around, made: Opened) -> None:
    """`exec` with redirections: they hold for all that the shell runs from here on."""
    state, flow = around.state, around.flow
    channels = state.channels
    state.files.update({path: text for path, text in around.held.items() if text is not None})
    put(state, made.numbered)
    for fd in made.numbered:
        text = channels[fd].text if fd in channels else None
        if text is not None and text != HOLE:
            state.files[f"/dev/fd/{fd}"] = text
    if made.detached:
        files = tuple(one for one in made.files if one.fd == 0)
        under = _under(channels.get(0), flow.source, flow.given)
        source = Pipe(writers=list(around.feeders))
        channels[0] = Channel(made.given, source, files=files, under=under)
    if not made.printing:
        written = tuple(evolve(one, mode="append") for one in made.files if one.fd in (1, -1))
        sink = around.fed[0] if around.fed else Pipe()
        under = _under(channels.get(1), flow.sink, None)
        channels[1] = Channel(sink=sink, files=written, under=under)


def _under(
    before: Channel | None, pipe: Pipe | None, given: str | None
) -> tuple[tuple[Pipe | None, str | None], ...]:
    """What a channel of the whole shell replaces, where one may have been replaced before."""
    if before is None:
        return ((pipe, given),)
    return (*before.under, (pipe, given))[:CHANNELS_MAX]


def standing(state: State, flow: Flow) -> Flow:
    """*flow* with what `exec` has put in the place of its input and its output."""
    read, written = state.channels.get(0), state.channels.get(1)
    if read is not None and read.replaces(flow.source, flow.given):
        files = flow.redirects + read.files
        flow = evolve(flow, source=read.source, given=read.given, redirects=files)
    if written is not None and written.replaces(flow.sink):
        flow = evolve(flow, sink=written.sink, redirects=flow.redirects + written.files)
    return flow


def lent(state: State, made: Opened) -> dict[int, Channel | None]:
    """Open for a group or a call what is opened on its end; what stood there before."""
    before = {fd: state.channels.get(fd) for fd in made.numbered}
    put(state, made.numbered)
    return before


def put(state: State, channels: dict[int, Channel | None]) -> None:
    """Open *channels*; what stands behind none is closed."""
    for fd, channel in channels.items():
        state.channels.pop(fd, None)
        if channel is not None and len(state.channels) < CHANNELS_MAX:
            state.channels[fd] = channel


def numbered(words: list[str], made: Opened) -> int:
    """The descriptor of the shell that `read -u 3` or `read <&3` reads; 0: none but its input."""
    for at, one in enumerate(words):
        found = _UNIT.fullmatch(one)
        if found is not None:
            number = found[1] or (words[at + 1] if at + 1 < len(words) else "")
            return int(number) if _NUMBER.fullmatch(number) and number.isdigit() else 0
    return made.number


def line_taken(state: State, flow: Flow, number: int) -> None:
    """`read` has taken a line of the input that `exec` has opened."""
    if number:
        found = state.channels.get(number)
        if found is not None and found.given is not None and found.given != HOLE:
            rest = found.given.partition("\n")[2]
            state.channels[number] = evolve(found, given=rest)
        return
    read = state.channels.get(0)
    if read is None or read.given is None or read.source is None or read.source is not flow.source:
        return
    rest = read.given.partition("\n")[2]
    under = _under(read, flow.source, flow.given)
    source = Pipe(writers=list(read.source.writers))
    state.channels[0] = evolve(read, given=rest, source=source, under=under)


def coprocess(state: State, name: str) -> tuple[Pipe, Pipe]:
    """What a `coproc` reads and writes; the shell has both as descriptors that *name* holds."""
    reads, writes = Pipe(), Pipe()
    channels = state.channels
    first = _READ_FROM if _READ_FROM not in channels else max(channels) + 1
    second = _WRITTEN_TO if _WRITTEN_TO not in channels else first + 1
    if len(channels) + 2 <= CHANNELS_MAX:
        channels[first], channels[second] = Channel(source=writes), Channel(sink=reads)
    state.assign(name, (str(first), str(second)))
    return reads, writes


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
