"""
One simple command: its words expanded, what it sets and where it goes followed, what it is kept.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from attrs import evolve

from governance.shell.assigning import array, assigned_text, assignment, items_with_keys
from governance.shell.evaluating import EVALUATING, evaluated
from governance.shell.fields import finished, shown
from governance.shell.flowing import Flow, Pipe
from governance.shell.lexing import DECLARING, RESERVED, Redirection
from governance.shell.live_signs import holds, kept, lost
from governance.shell.printing import TEXT_MAX
from governance.shell.producing import NAMES_ON, PASSING, output_of
from governance.shell.redirecting import (
    TOKENS,
    Opened,
    left_open,
    lent,
    line_taken,
    numbered,
    opened,
    put,
    redirected,
)
from governance.shell.setting import CHANGING, apply, silent
from governance.shell.state import ALTERNATIVES_MAX, GIVEN, HERE, UNKNOWN, Function, State, Value
from governance.shell.substituting import Around, calculate, expanded, keep, text_of
from governance.shell.values import HOLE, Redirect, Word

if TYPE_CHECKING:
    from governance.shell.notes import Notes
    from governance.shell.walking import Walker

_T = TypeVar("_T")

CALLS_MAX: Final = 8
"""How deep functions and aliases are followed into each other."""

_TOLD_BY_GIT: Final = {
    "--show-toplevel": "",
    **dict.fromkeys(("--git-dir", "--git-common-dir", "--absolute-git-dir"), "/.git"),
}
"""What stands behind the top of a project where `git rev-parse` prints a folder of it."""

FILES_MAX: Final = 64
"""Files whose text is remembered while the line is read."""

KNOWN_MAX: Final = 64
"""Variables of the shell that a text which it runs is told."""

_OPENING: Final = frozenset({"exec", "command", "builtin"})
_READING: Final = frozenset({"read", "mapfile", "readarray"})
IN_PLACE: Final = frozenset({"eval", "source", ".", "trap"})
"""Builtins that run a text in the same shell."""

WORDS_MAX: Final = 1_000
"""Words of one command that are looked at."""

_ASKING: Final = frozenset({"[", "test", ":", "unset"})
"""Builtins that show nothing of their words."""

_NAMES: Final = re.compile(r"[A-Za-z_]\w*", re.A)
_DEFAULTED: Final = re.compile(r"\$\{([A-Za-z_]\w*):?[-=+]", re.A)
_SETTING: Final = re.compile(
    r"=|\b(?:alias|cd|declare|exec|export|function|local|mapfile|popd|pushd|read\w*|set|shift|typeset)\b"
    r"|\(\)|printf\s+-v"
)
"""What a text has in it that leaves something behind in its shell."""

_NAMED: Final = re.compile(r"-[cl]{0,2}a")
"""`exec -a name`."""

_GIVEN: Final = re.compile(r"\$\{?[!#]?[@*#0-9]|\bshift\b")


# Commands


def run(walker: Walker, start: int, end: int, state: State, flow: Flow) -> None:
    """The command from *start* to *end*, once for each way that its variables may be."""
    skeleton = walker.skeleton
    words: list[tuple[int, int]] = []
    starts: list[int] = []
    for found in TOKENS.finditer(skeleton.plain, start, end):
        if found.group().startswith(b">"):
            starts.append(found.start())
        else:
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
    documents = "".join(one.document or "" for one in redirections)
    if not any(sign in written for sign in ("$", "`", "((", "+=")) and not documents:
        return {}
    written += f"{documents} IFS"
    several = state.several()
    made: dict[str, tuple[Value, ...]] = {}
    if several:
        for name in dict.fromkeys(_NAMES.findall(written)):
            if name in several:
                made[name] = state.variables[name]
        if GIVEN in several and _GIVEN.search(written) is not None:
            made[GIVEN] = state.variables[GIVEN]
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
    while count < len(raws) and assignment(raws[count]) is not None:
        count += 1
    prefixes, rest = raws[:count], raws[count:]
    if rest and rest[0] in RESERVED and rest[0] != "in":
        walker.notes.note("syntax", f"`{rest[0]}` where a command should be")
    if rest and rest[0] in state.aliases and _aliased(walker, raws, count, starts, state, flow):
        return
    around = Around(walker, state, flow, asks=bool(rest) and rest[0] in _ASKING)
    argv = _argv(around, rest)
    opened = redirected(around, starts)
    assigned = [assigned_text(around, one, keep=not rest) for one in prefixes]
    execute(around, argv, assigned, opened)


def _argv(around: Around, raws: list[str]) -> list[tuple[str, bool]]:
    """The words of a program."""
    made: list[tuple[str, bool]] = []
    for raw in raws:
        if made and made[0][0] in DECLARING and assignment(raw) is not None:
            name, index, sign, value = assignment(raw) or ("", "", "", "")
            place = f"[{index}]" if index else ""
            if value.startswith("("):
                items = array(around, value)
                made.append((f"{name}{place}{sign}({' '.join(items)})", False))
                around.state.assign(f"({name}", items)  # taken up by `apply`
                keys = items_with_keys(around, value)
                if keys:
                    around.state.keyed[f"({name}"] = keys
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
        rest, made = raws[count + 1 :], text
        while made[-1:] in (" ", "\t") and rest and rest[0] in state.aliases:
            made = state.aliases[rest[0]][0]
            text, rest = f"{text} {made}", rest[1:]
        walker.text(" ".join([*raws[:count], text, *rest]), where, inner)

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
    around = Around(walker, state, flow, asks=True)
    argv = [
        (text_of(around, text[begin:end])[0], False)
        for begin, end in walker.skeleton.tests[words[0][0]]
    ]
    execute(around, argv, [], redirected(around, starts))


def _alone(walker: Walker, words: list[tuple[int, int]]) -> None:
    if len(words) > 1:
        walker.notes.note("syntax", "words behind the end of a test")


def execute(
    around: Around, argv: list[tuple[str, bool]], assigned: list[str], opened_: Opened
) -> None:
    """Call a function, or keep the command and do what it does to the shell."""
    walker, state, flow = around.walker, around.state, around.flow
    if argv and holds(argv[0][0]):
        argv = [(lost(argv[0][0]), False), *argv[1:]]
    plain = [text for text, _ in argv]
    live = True in [one for _, one in argv]
    handed = [kept(text) if one else text for text, one in argv] if live else plain
    name = plain[0] if plain else ""
    if assigned or name in EVALUATING:
        evaluated(around, plain, assigned)
    recursive = name in flow.calls
    if name in state.functions and not recursive and len(flow.calls) < CALLS_MAX:
        state.last = handed[-1]
        _call(around, name, tuple(handed[1:]), opened_, assigned)
        return
    state.last = handed[-1] if handed else ""
    given = opened_.given if opened_.detached else flow.text
    if state.files:
        around.held.update(_files_of(plain, state))
    opens = name in _OPENING and _only_opens(plain)
    if opens:
        left_open(around, opened_)
    if name in IN_PLACE:
        around.held.update(_known_to(plain, state))
    position = keep(
        walker,
        state,
        flow,
        tuple([finished(text, state.cwd, glob=one) for text, one in argv]),
        tuple([finished(one, state.cwd) for one in assigned]),
        flow.redirects + tuple(opened_.files),
        given,
        recursive=recursive,
        held=around.held,
    )
    notes = walker.notes
    notes.link(around.feeders, [position], piped=False)
    if not opened_.detached and flow.source is not None:
        flow.source.readers.append(position)
        if 0 in state.channels and flow.source is state.channels[0].source:
            notes.link(flow.source.writers, [position])
    notes.step(len(given or "") // 64)
    output = _output(handed, given, state)
    if not plain and opened_.detached:
        output = given  # `$(< file)`
    for one in opened_.files:
        if one.mode in ("write", "append") and one.fd in (1, -1):
            _written(state, one, output)
    sinks = [flow.sink] if opened_.printing and flow.sink is not None else []
    for pipe in (*sinks, *around.fed):
        prints = plain and not silent(plain) and not opens
        if prints or (not plain and output):
            _wrote(notes, pipe, position, HOLE if output is None else output, state)
    while plain[:1] in (["command"], ["builtin"]) and len(plain) > 1:
        plain, handed = plain[1:], handed[1:]
    if plain and plain[0] in IN_PLACE and len(flow.calls) < CALLS_MAX:
        text = _in_place(plain, around, given)
        if text is not None:
            walker.aside(shown(text, state.cwd), state, flow)
    if plain and plain[0] in CHANGING:
        _changed(around, handed, given, assigned, opened_)


def _changed(
    around: Around, handed: list[str], given: str | None, assigned: list[str], opened_: Opened
) -> None:
    """Do what a builtin does to the shell, which reads *given*."""
    state, flow = around.state, around.flow
    origins = list(around.feeders)
    if flow.source is not None and not opened_.detached:
        origins += flow.source.writers
    number = numbered(handed, opened_) if handed[0] in _READING else 0
    if number and number != opened_.number:
        found = state.channels.get(number)
        given = None if found is None or found.text == HOLE else found.text
    # The next turn reads another line.
    turned = flow.looping and (number > 0 or not opened_.detached)
    apply(handed, state, given=None if turned else given, origins=origins,
          prefixed=dict(one.split("=", 1) for one in assigned))  # fmt: skip
    if handed[0] == "read" and (number or not opened_.detached):
        line_taken(state, flow, number)


def _only_opens(plain: list[str]) -> bool:
    """Whether it is an `exec` without a program, which leaves its redirections to the shell."""
    at = 0
    while plain[at : at + 1] in (["command"], ["builtin"]):
        at += 1
    words = plain[at + 1 :]
    if len(words) > 1 and _NAMED.fullmatch(words[0]):
        words = words[2:]
    return plain[at : at + 1] == ["exec"] and all(one[:1] == "-" for one in words)


def _wrote(notes: Notes, pipe: Pipe, position: int, text: str, state: State) -> None:
    """A command writes to *pipe*, of which the readers may already be there."""
    before = pipe.text if pipe.readers else None
    pipe.writers.append(position)
    pipe.texts.append(text)
    if not pipe.readers:
        return
    notes.link([position], pipe.readers)
    made = pipe.text
    notes.step(1 + len(made or "") // 64)
    known = None if before is None else shown(before, state.cwd)
    for reader in pipe.readers if made is not None else ():
        if notes.records[reader].input_text in (None, known):
            notes.records[reader].input_text = Word(shown(made or "", state.cwd))


def _known_to(plain: list[str], state: State) -> dict[str, str | None]:
    """The variables of the shell that a text uses which it runs in place, and ``$1 $2 …``."""
    text = " ".join(plain)
    if "$" not in text:
        return {}
    names = itertools.islice(dict.fromkeys(_NAMES.findall(text)), KNOWN_MAX)
    values = {f"${one}": state.value(one) for one in names if one in state.variables}
    given = {f"${at}": one for at, one in enumerate((state.given or ())[:KNOWN_MAX], 1)}
    return {**given, **{one: value for one, value in values.items() if isinstance(value, str)}}


def _in_place(plain: list[str], around: Around, given: str | None) -> str | None:
    """The text that a builtin runs in the same shell, where that is known and sets something."""
    if plain[:1] == ["eval"]:
        text: str | None = " ".join(plain[1:])
    elif len(plain) > 1 and plain[0] in ("source", "."):
        file = plain[1]
        text = given if file == "/dev/stdin" else around.held.get(file) or around.state.file(file)
    else:
        return None
    return text if text and _SETTING.search(text) is not None else None


def _files_of(plain: list[str], state: State) -> dict[str, str | None]:
    """What the files hold that are named here, of those that the line has written."""
    if plain[:1] in (["xargs"], ["parallel"]) or any(one.startswith("/dev/fd/") for one in plain):
        return {one: text for one in plain if (text := state.file(one)) is not None}
    return {}


def _written(state: State, one: Redirect, text: str | None) -> None:
    """Remember what a redirection leaves in its file, while that is known."""
    path = state.path(one.target)
    before = state.files.pop(path, "") if one.mode == "append" else ""
    state.files.pop(path, None)
    small = text is not None and len(before) + len(text) <= TEXT_MAX
    if text is not None and small and HOLE not in path and len(state.files) < FILES_MAX:
        state.files[path] = before + text


def _output(plain: list[str], given: str | None, state: State) -> str | None:
    if plain == ["pwd"] or (plain[:1] == ["pwd"] and plain[1:] in (["-P"], ["-L"])):
        return state.folder + "\n"
    if plain[:2] == ["git", "rev-parse"] and len(plain) == 3 and plain[2] in _TOLD_BY_GIT:
        # Below the folder of the call it is most likely that folder, else a folder above.
        top = HERE if state.folder.startswith(HERE) else state.folder
        return f"{top}{_TOLD_BY_GIT[plain[2]]}\n"
    if plain[:1] == ["mktemp"]:
        return "/tmp/" + HOLE  # noqa: S108 - where it makes its files
    if not plain:
        return None
    if plain[0] not in NAMES_ON:
        plain = [one if one.isascii() else lost(one) for one in plain]
        given = None if given is None else lost(given)
    if state.files and given is None and plain[0] in PASSING and len(plain) > 1:
        known = state.file(plain[-1])
        if known is not None:
            return output_of(plain[:-1], known)
    return output_of(plain, given)


def _call(
    around: Around, name: str, given: tuple[str, ...], opened_: Opened, assigned: list[str]
) -> None:
    """The body of a function, with the words that it is called with, and what is set for it."""
    walker, state, flow = around.walker, around.state, around.flow
    before_it, exported = _set_for(state, assigned), state.exported
    state.exported = {**exported, **dict.fromkeys(before_it)}
    walker.notes.called.add(name)
    inner = evolve(_into(around, flow, opened_), calls=(*flow.calls, name))
    outer, hidden = state.variables.get(GIVEN, UNKNOWN), state.locals
    state.given, state.locals = given, {}
    before, channels = len(walker.notes.records), lent(state, opened_)

    def one(function: Function, where: State) -> None:
        deeper = walker.deeper()
        deeper.skeleton = function.skeleton
        deeper.statement(function.body, where, inner, function.end)

    either(state, state.functions[name], one)
    put(state, channels)
    for variable, values in (*state.locals.items(), *before_it.items()):
        state.variables[variable] = values
    for variable in before_it:
        if variable not in exported:
            state.exported.pop(variable, None)
    state.variables[GIVEN], state.locals, state.ended = outer, hidden, False
    opened(walker, opened_, before, state, inner)
    made = range(before, len(walker.notes.records))
    if around.feeders:
        walker.notes.link(around.feeders, list(made), piped=False)


def _set_for(state: State, assigned: list[str]) -> dict[str, tuple[Value, ...]]:
    """Set what stands before the call of a function; what was set before."""
    before: dict[str, tuple[Value, ...]] = {}
    for one in assigned:
        name, _, value = one.partition("=")
        before.setdefault(name, state.variables.get(name, UNKNOWN))
        state.assign(name, value)
    return before
