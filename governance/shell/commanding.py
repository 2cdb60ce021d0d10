"""
One simple command: its words expanded, what it sets and where it goes followed, what it is kept.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from attrs import define, evolve, field

from governance.shell.boundaries import ASSIGNMENT, TooDeep, Unclosed, bracket_end
from governance.shell.expanding import Expander, finished, shown
from governance.shell.flowing import Flow, Pipe, Record
from governance.shell.lexing import DECLARING, RESERVED, Redirection
from governance.shell.producing import output_of
from governance.shell.quoting import TooMany
from governance.shell.setting import CHANGING, SILENT, apply
from governance.shell.state import ALTERNATIVES_MAX, Function, State, Value
from governance.shell.values import HOLE, Redirect, Word

if TYPE_CHECKING:
    from governance.shell.walking import Walker

_T = TypeVar("_T")

CALLS_MAX: Final = 8
"""How deep functions and aliases are followed into each other."""

WORDS_MAX: Final = 1_000
"""Words of one command that are looked at."""

_TOKENS: Final = re.compile(rb"[^ \n]+")
_NAMES: Final = re.compile(r"[A-Za-z_]\w*", re.A)
_DEFAULTED: Final = re.compile(r"\$\{([A-Za-z_]\w*):?[-=+]", re.A)
_MODES: Final = {"<": "read", ">": "write", ">|": "write", "&>": "write", ">&": "write",
                 ">>": "append", "&>>": "append", "<>": "both"}  # fmt: skip
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_.:+@%-]+")


@define(eq=False)
class Around:
    """What the words of a command need, and what they leave: whose output they hold."""

    walker: Walker
    state: State
    flow: Flow
    feeders: list[int] = field(factory=list)
    fed: list[Pipe] = field(factory=list)

    def substituted(self, text: str) -> str:
        """What the commands of `$(…)` print."""
        pipe = Pipe()
        flow = evolve(self.flow, sink=pipe, redirects=())
        before = len(self.walker.notes.records)
        self.walker.text(text, self.state.copy(), flow)
        self.feeders += pipe.writers
        if not pipe.texts:
            return HOLE if len(self.walker.notes.records) > before else ""
        return "".join(pipe.texts).rstrip("\n")

    def process(self, text: str, sign: str) -> str:
        """`<(…)` and `>(…)`."""
        pipe = Pipe()
        if sign == "<":
            self.walker.text(text, self.state.copy(), evolve(self.flow, sink=pipe, redirects=()))
            self.feeders += pipe.writers
        else:
            flow = evolve(self.flow, source=pipe, given=None, redirects=())
            self.walker.text(text, self.state.copy(), flow)
            self.fed.append(pipe)
        return "/dev/fd/63"

    def used(self, name: str) -> None:
        """A variable was read: who wrote it feeds the command."""
        self.feeders += self.state.origins.get(name, ())


def expanded(around: Around, raw: str) -> list[tuple[str, bool]]:
    """The words that *raw* gives; where they are too many, one that is not known."""
    notes = around.walker.notes
    notes.step()
    try:
        return Expander(around.state, around).words(raw)
    except TooMany:
        notes.note("bound", "a brace expansion gives more words than are looked at")
        return [(HOLE, False)]
    except (Unclosed, TooDeep) as error:
        notes.note("syntax", f"`{error}` in a word")
        return [(HOLE, False)]


def text_of(around: Around, raw: str, *, assigned: bool = False) -> tuple[str, bool]:
    """The one text that *raw* gives."""
    around.walker.notes.step()
    try:
        return Expander(around.state, around).text(raw, assigned=assigned)
    except (Unclosed, TooDeep) as error:
        around.walker.notes.note("syntax", f"`{error}` in a word")
        return HOLE, False


def calculate(walker: Walker, text: str, state: State, flow: Flow) -> None:
    """`((…))`: its substitutions run, and what it sets is not known."""
    around = Around(walker, state, flow)
    try:
        Expander(state, around).arithmetic(text)
    except (Unclosed, TooDeep):
        walker.notes.note("syntax", "an arithmetic expression that is not closed")
    for name in re.findall(r"([A-Za-z_]\w*)\s*(?:\+\+|--|[-+*/%&|^]?=(?!=))", text, re.A):
        state.assign(name, HOLE)
    for name in re.findall(r"(?:\+\+|--)\s*([A-Za-z_]\w*)", text, re.A):
        state.assign(name, HOLE)


# Redirections


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
            _redirect(around, skeleton.text, one, made)
    return made


def _redirect(around: Around, text: str, one: Redirection, made: Opened) -> None:
    raw = text[one.start : one.end]
    if one.operator in ("<<", "<<-"):
        body = one.document or ""
        if not one.literal:
            try:
                body = Expander(around.state, around).document(body)
            except (Unclosed, TooDeep):
                around.walker.notes.note("syntax", "a here-document that is not closed")
                body = HOLE
        if one.fd in ("", "0"):
            made.given, made.detached = body, True
        return
    value, live = text_of(around, raw)
    if one.operator == "<<<":
        if one.fd in ("", "0"):
            made.given, made.detached = value + "\n", True
        return
    reading = one.operator[0] == "<"
    fd = 10 if one.fd.startswith("{") else int(one.fd[-4:] or ("0" if reading else "1"))
    if one.operator in (">&", "<&") and re.fullmatch(r"[0-9]*-?", value):
        made.detached = made.detached or fd == 0
        made.printing = made.printing and not (fd == 1 and value not in ("1", ""))
        return
    if one.operator in ("&>", "&>>") or (one.operator == ">&" and not one.fd):
        fd = -1
    mode = "read" if one.operator == "<&" else _MODES[one.operator]
    made.files.append(Redirect(mode, finished(value, around.state.cwd, glob=live), fd))  # type: ignore[arg-type]
    if fd == 0:
        made.detached, made.given = True, None
    if fd in (1, -1) and value not in ("/dev/stdout", "/dev/fd/1"):
        made.printing = False


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
        _keep(walker, state, flow, (), (), tuple(made.files), None)


def _starts(walker: Walker, start: int, end: int) -> list[int]:
    plain = walker.skeleton.plain
    found = list(_TOKENS.finditer(plain, start, end))
    if any(not one.group().startswith((b">", b";")) for one in found):
        walker.notes.note("syntax", "words behind the end of a group")
    return [one.start() for one in found if one.group().startswith(b">")]


# Commands


def run(walker: Walker, start: int, end: int, state: State, flow: Flow) -> None:
    """The command from *start* to *end*, once for each way that its variables may be."""
    skeleton = walker.skeleton
    words: list[tuple[int, int]] = []
    starts: list[int] = []
    for found in _TOKENS.finditer(skeleton.plain, start, end):
        if found.group().startswith(b">"):
            starts.append(found.start())
        elif found.group() != b";":
            words.append(found.span())
        if len(words) + len(starts) > WORDS_MAX:
            walker.notes.note("bound", f"more than {WORDS_MAX} words in a command")
            break
    written = skeleton.text[start:end]
    choices = _choices(written, state, [skeleton.redirections[one] for one in starts
                                        if one in skeleton.redirections])  # fmt: skip
    if not choices and len(state.cwds) == 1:
        _once(walker, words, starts, state, flow)
        return
    outcomes: list[State] = []
    for cwd in state.cwds:
        for values in itertools.product(*choices.values()):
            inner = state.copy()
            inner.cwds = (cwd,)
            for name, value in zip(choices, values, strict=True):
                inner.variables[name] = (value,)
            _once(walker, words, starts, inner, flow)
            outcomes.append(inner)
    state.become(outcomes)


def _choices(
    written: str, state: State, redirections: list[Redirection]
) -> dict[str, tuple[Value, ...]]:
    """The variables that a command uses and that may be one or another, with their values."""
    if "$" not in written and "((" not in written and not any(one.document for one in redirections):
        return {}
    written += "".join(one.document or "" for one in redirections)
    several = state.several()
    made: dict[str, tuple[Value, ...]] = {}
    if several:
        for name in dict.fromkeys(_NAMES.findall(written)):
            if name in several:
                made[name] = state.variables[name]
    for name in dict.fromkeys(_DEFAULTED.findall(written)):
        if name not in made and state.variables.get(name, (HOLE,)) == (HOLE,) and name != "PWD":
            made[name] = (HOLE, None)
    while made and _product(made) > ALTERNATIVES_MAX:
        name = next(iter(made)) if len(made) == 1 else list(made)[-1]
        state.variables[name] = (HOLE,)
        del made[name]
    return made


def _product(choices: dict[str, tuple[Value, ...]]) -> int:
    made = 1
    for values in choices.values():
        made *= len(values)
    return made


def _once(
    walker: Walker, words: list[tuple[int, int]], starts: list[int], state: State, flow: Flow
) -> None:
    """The command with one value for each variable."""
    skeleton = walker.skeleton
    text = skeleton.text
    if words and words[0][0] in skeleton.tests:
        _test(walker, words, starts, state, flow)
        return
    if words and words[0][0] in skeleton.arithmetic:
        begin = words[0][0]
        calculate(walker, text[begin + 2 : skeleton.arithmetic[begin] - 2], state, flow)
        _alone(walker, words)
        return
    raws = [text[begin:end] for begin, end in words]
    count = 0
    while count < len(raws) and _assignment(raws[count]) is not None:
        count += 1
    prefixes, rest = raws[:count], raws[count:]
    if rest and rest[0] in RESERVED and rest[0] != "in":
        walker.notes.note("syntax", f"`{rest[0]}` where a command should be")
    if rest and rest[0] in state.aliases and _aliased(walker, raws, count, starts, state, flow):
        return
    around = Around(walker, state, flow)
    argv = _argv(around, rest)
    opened = redirected(around, starts)
    assigned = [_assigned(around, one, keep=not rest) for one in prefixes]
    _execute(around, argv, assigned, opened)


def _assignment(raw: str) -> tuple[str, str, str, str] | None:
    """Name, index, operator and value of an assignment as written."""
    found = ASSIGNMENT.match(raw)
    if found is not None:
        return found[1], (found[2] or "")[1:-1], found[3], raw[found.end() :]
    item = re.match(r"([A-Za-z_]\w*)\[", raw, re.A)
    if item is None:
        return None
    try:
        end = bracket_end(raw, item.end())
    except (Unclosed, TooDeep):
        return None
    sign = "+=" if raw.startswith("+=", end) else "=" if raw.startswith("=", end) else ""
    if not sign:
        return None
    return item[1], raw[item.end() : end - 1], sign, raw[end + len(sign) :]


def _argv(around: Around, raws: list[str]) -> list[tuple[str, bool]]:
    """The words of a program."""
    made: list[tuple[str, bool]] = []
    for raw in raws:
        if made and made[0][0] in DECLARING and _assignment(raw) is not None:
            name, index, sign, value = _assignment(raw) or ("", "", "", "")
            place = f"[{index}]" if index else ""
            if value.startswith("("):
                items = _array(around, value)
                made.append((f"{name}{place}{sign}({' '.join(items)})", False))
                around.state.assign(f"({name}", items)  # taken up by `apply`
            else:
                made.append(
                    (f"{name}{place}{sign}{text_of(around, value, assigned=True)[0]}", False)
                )
            continue
        made += expanded(around, raw)
        if len(made) > WORDS_MAX:
            around.walker.notes.note("bound", f"more than {WORDS_MAX} words in a command")
            return made[:WORDS_MAX]
    return made


def _array(around: Around, raw: str) -> tuple[str, ...]:
    around.walker.notes.step()
    try:
        return Expander(around.state, around).array(raw)
    except (Unclosed, TooDeep, TooMany):
        around.walker.notes.note("bound", "an array with more words than are looked at")
        return (HOLE,)


def _assigned(around: Around, raw: str, *, keep: bool) -> str:
    """Do one assignment, or only expand it where a command follows; ``NAME=value``."""
    name, index, sign, value = _assignment(raw) or (raw, "", "", "")
    state = around.state
    made: Value
    before = state.variables.get(name, (None,))[0] if name != "PWD" else None
    if value.startswith("(") and value.endswith(")"):
        made = _array(around, value)
        if sign == "+=":
            made = (before if isinstance(before, tuple) else (before,) if before else ()) + made
    else:
        made = text_of(around, value, assigned=True)[0]
        if sign == "+=" and not index:
            if isinstance(before, tuple):
                made = ((before[0] if before else "") + made, *before[1:])
            elif name in state.variables:
                made = (before or "") + made
            else:
                made = HOLE + made
    shown = " ".join(made) if isinstance(made, tuple) else made
    if keep:
        if index:
            made = _item(around, before, index, made)
        origins = [*around.feeders, *(state.origins.get(name, ()) if sign == "+=" else ())]
        state.assign(name, made, origins)
    return f"{name}={shown}"


def _item(around: Around, before: Value, index: str, value: Value) -> Value:
    """An array with one element set."""
    try:
        place = Expander(around.state, around).arithmetic(index)
    except (Unclosed, TooDeep):
        place = HOLE
    elements = list(before) if isinstance(before, tuple) else [before] if before else []
    if not place.isdigit() or int(place) > 256 or not isinstance(value, str) or before == HOLE:
        return HOLE
    if int(place) > len(elements):
        return HOLE  # an array with gaps
    elements[int(place) : int(place) + 1] = [value]
    return tuple(elements)


def _aliased(
    walker: Walker, raws: list[str], count: int, starts: list[int], state: State, flow: Flow
) -> bool:
    """Read the text of an alias with the words that follow in its place."""
    name = raws[count]
    mark = f"alias {name}"
    if mark in flow.calls or len(flow.calls) >= CALLS_MAX:
        return False
    around = Around(walker, state, flow)
    opened_ = redirected(around, starts)
    inner = _into(around, flow, opened_)
    before = len(walker.notes.records)
    inner = evolve(inner, calls=(*flow.calls, mark))

    def one(text: str, where: State) -> None:
        walker.text(" ".join([*raws[:count], text, *raws[count + 1 :]]), where, inner)

    either(state, state.aliases[name], one)
    opened(walker, opened_, before, state, inner)
    return True


def either(state: State, known: tuple[_T, ...], follow: Callable[[_T, State], None]) -> None:
    """Follow each of what a name may stand for."""
    if len(known) == 1:
        follow(known[0], state)
        return
    outcomes = [state.copy() for _ in known]
    for one, outcome in zip(known, outcomes, strict=True):
        follow(one, outcome)
    state.become(outcomes)


def _into(around: Around, flow: Flow, made: Opened) -> Flow:
    """What the commands of a call inherit."""
    if made.detached:
        flow = evolve(flow, source=None, given=made.given)
    if not made.printing:
        flow = evolve(flow, sink=around.fed[0] if around.fed else None)
    return evolve(flow, redirects=flow.redirects + tuple(made.files))


def _test(
    walker: Walker, words: list[tuple[int, int]], starts: list[int], state: State, flow: Flow
) -> None:
    """`[[ … ]]`: its words are neither split nor patterns of files."""
    _alone(walker, words)
    text = walker.skeleton.text
    around = Around(walker, state, flow)
    argv = [
        (text_of(around, text[begin:end])[0], False)
        for begin, end in walker.skeleton.tests[words[0][0]]
    ]
    _execute(around, argv, [], redirected(around, starts))


def _alone(walker: Walker, words: list[tuple[int, int]]) -> None:
    if len(words) > 1:
        walker.notes.note("syntax", "words behind the end of a test")


def _execute(
    around: Around, argv: list[tuple[str, bool]], assigned: list[str], opened_: Opened
) -> None:
    """Call a function, or keep the command and do what it does to the shell."""
    walker, state, flow = around.walker, around.state, around.flow
    plain = [text for text, _ in argv]
    name = plain[0] if plain else ""
    recursive = name in flow.calls
    if name in state.functions and not recursive and len(flow.calls) < CALLS_MAX:
        _call(around, name, tuple(plain[1:]), opened_)
        return
    given = opened_.given if opened_.detached else flow.text
    position = _keep(
        walker,
        state,
        flow,
        tuple(finished(text, state.cwd, glob=live) for text, live in argv),
        tuple(finished(one, state.cwd) for one in assigned),
        flow.redirects + tuple(opened_.files),
        given,
        recursive=recursive,
    )
    notes = walker.notes
    notes.link(around.feeders, [position], piped=False)
    if not opened_.detached and flow.source is not None:
        flow.source.readers.append(position)
    output = _output(plain, given, state)
    sinks = [flow.sink] if opened_.printing and flow.sink is not None else []
    for pipe in (*sinks, *around.fed):
        if plain and plain[0] not in SILENT:
            pipe.writers.append(position)
            pipe.texts.append(HOLE if output is None else output)
    for pipe in around.fed:
        notes.link(pipe.writers, pipe.readers)
        for reader in pipe.readers:
            if pipe.text is not None and notes.records[reader].input_text is None:
                notes.records[reader].input_text = Word(shown(pipe.text, state.cwd))
    while plain[:1] in (["command"], ["builtin"]) and len(plain) > 1:
        plain = plain[1:]
    if plain and plain[0] in CHANGING:
        origins = list(around.feeders)
        if flow.source is not None and not opened_.detached:
            origins += flow.source.writers
        apply(plain, state, given=None if flow.looping else given, origins=origins,
              prefixed=dict(one.split("=", 1) for one in assigned))  # fmt: skip


def _output(plain: list[str], given: str | None, state: State) -> str | None:
    if plain == ["pwd"] or (plain[:1] == ["pwd"] and plain[1:] in (["-P"], ["-L"])):
        return state.folder + "\n"
    if plain[:1] == ["mktemp"]:
        return "/tmp/" + HOLE  # noqa: S108 - where it makes its files
    if not plain:
        return None
    return output_of(plain, given)


def _call(around: Around, name: str, given: tuple[str, ...], opened_: Opened) -> None:
    """The body of a function, with the words that it is called with."""
    walker, state, flow = around.walker, around.state, around.flow
    walker.notes.called.add(name)
    inner = evolve(_into(around, flow, opened_), calls=(*flow.calls, name))
    outer, hidden = state.given, state.locals
    state.given, state.locals = given, {}
    before = len(walker.notes.records)

    def one(function: Function, where: State) -> None:
        deeper = walker.deeper()
        deeper.skeleton = function.skeleton
        deeper.statement(function.body, where, inner, function.end)

    either(state, state.functions[name], one)
    for variable, values in state.locals.items():
        state.variables[variable] = values
    state.given, state.locals, state.ended = outer, hidden, False
    opened(walker, opened_, before, state, inner)
    made = range(before, len(walker.notes.records))
    if around.feeders:
        walker.notes.link(around.feeders, list(made), piped=False)


def _keep(
    walker: Walker,
    state: State,
    flow: Flow,
    argv: tuple[Word, ...],
    assigned: tuple[Word, ...],
    files: tuple[Redirect, ...],
    given: str | None,
    *,
    recursive: bool = False,
) -> int:
    """Note one command."""
    names = {one.partition("=")[0] for one in assigned}
    exported = tuple(
        Word(f"{name}={finished(value if isinstance(value, str) else HOLE, state.cwd)}")
        for name in state.exported
        if name not in names and (value := state.value(name)) is not None
    )
    return walker.notes.add(
        Record(
            argv=argv,
            assigns=exported + assigned,
            redirects=files,
            input_text=None if given is None else Word(shown(given, state.cwd)),
            cwd=finished(state.cwd),
            background=flow.background,
            recursive=recursive,
            reached=flow.reached,
            opaque=(),
        )
    )
