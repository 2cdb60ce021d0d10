"""
Over the tree of a text: lists, pipes, groups, branches, loops, functions, in the order they run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from attrs import evolve

from governance._attrs import define
from governance.shell import commanding
from governance.shell.channels import Channel
from governance.shell.flowing import Flow, Pipe
from governance.shell.lexing import Skeleton
from governance.shell.live_signs import holds, kept
from governance.shell.notes import Bounded, Notes
from governance.shell.redirecting import coprocess, inherited, lent, opened, put, standing
from governance.shell.state import ALTERNATIVES_MAX, Function, State
from governance.shell.substituting import Around, calculate, expanded
from governance.shell.values import HOLE, lines_of

if TYPE_CHECKING:
    from tree_sitter import Node

NESTED_MAX: Final = 64
"""How deep groups, branches, loops, calls and substitutions may stand in each other."""

TURNS_MAX: Final = 16
"""Turns of a loop over known words that are followed one by one."""

_NAMES: Final = re.compile(r"\$[{(!#]*([A-Za-z_]\w*)", re.A)
_READING: Final = re.compile(
    r"while\s+(?:IFS=\S*\s+)?read(?:\s+-r)?(?:\s+-r?u\s?(?P<unit>\d{1,2}))?(?:\s+[A-Za-z_]\w*)*"
    r"(?:\s*<&\s?(?P<other>\d{1,2}))?\s*[;\n]"
)
"""`while read x;`, which takes a line of its input each time."""

_CALLED: Final = frozenset({
    "command_not_found_handle", "command_not_found_handler", "precmd", "preexec", "chpwd",
    "periodic", "zshexit", "TRAPEXIT", "TRAPDEBUG", "TRAPZERR", "TRAPINT",
})  # fmt: skip
"""Functions that bash and zsh call by themselves."""

_JOINING: Final = frozenset({"&&", "||"})


@define(eq=False)
class Walker:
    """Walks over the tree of one text. The state that it is given is changed."""

    notes: Notes
    skeleton: Skeleton
    depth: int

    def deeper(self) -> Walker:
        """One that stands deeper."""
        if self.depth >= NESTED_MAX:
            raise Bounded(f"more than {NESTED_MAX} groups in each other")
        return Walker(self.notes, self.skeleton, self.depth + 1)

    def text(self, text: str, state: State, flow: Flow) -> None:
        """Read *text* as commands in place."""
        if self.depth >= NESTED_MAX:
            raise Bounded(f"more than {NESTED_MAX} groups in each other")
        skeleton, root = self.notes.tree(text)
        Walker(self.notes, skeleton, self.depth + 1).sequence(root.children, state, flow)

    def aside(self, text: str, state: State, flow: Flow) -> None:
        """Read *text* for what it does to *state*; its commands are found elsewhere."""
        notes = Notes(steps=self.notes.steps, trees=self.notes.trees, defined=self.notes.defined)
        origins = state.origins
        state.origins = {}
        calls = (*flow.calls, "eval")
        Walker(notes, self.skeleton, self.depth).text(text, state, Flow(calls=calls))
        self.notes.steps = notes.steps
        state.origins = {one: made for one, made in origins.items() if one not in state.origins}

    def sequence(self, nodes: list[Node], state: State, flow: Flow) -> None:
        """Statements one after the other; words that stand alone are where the grammar failed."""
        loose: list[Node] = []
        for number, node in enumerate(nodes):
            kind = node.type
            if not node.is_named:
                if loose and kind in (";", "\n", "&", "|", "&&", "||"):
                    self.loose(loose, state, flow)
                    loose = []
                continue
            if kind in _WORDS:
                loose.append(node)
                continue
            if loose:
                self.loose(loose, state, flow)
                loose = []
            following = nodes[number + 1] if number + 1 < len(nodes) else None
            if following is not None and following.type == "&":
                self.statement(node, state.copy(), evolve(flow, background=True))
            else:
                self.statement(node, state, flow)
        if loose:
            self.loose(loose, state, flow)

    def loose(self, nodes: list[Node], state: State, flow: Flow) -> None:
        """Words that belong to no statement, read as a command."""
        flow = standing(state, flow) if state.channels else flow
        commanding.run(self, nodes[0].start_byte, nodes[-1].end_byte, state, flow)

    def statement(
        self, node: Node, state: State, flow: Flow, end: int = 0, *, started: bool = False
    ) -> None:
        """One statement; its redirections go on to *end*. What a `coproc` is has *started*."""
        self.notes.step()
        end = end or node.end_byte
        kind = node.type
        if state.channels:
            flow = standing(state, flow)
        if node.start_byte in self.skeleton.background and not started and _starts(node):
            reads, writes = coprocess(state, self.skeleton.background[node.start_byte])
            inner = evolve(flow, source=reads, given=None, sink=writes, redirects=())
            inner = evolve(inner, background=True)
            self.statement(node, state.copy(), inner, end, started=True)
            return
        if kind == "command":
            commanding.run(self, node.start_byte, end, state, flow)
        elif kind == "redirected_statement":
            body = node.child_by_field_name("body")
            if body is None:
                commanding.run(self, node.start_byte, end, state, flow)
            else:
                self.statement(body, state, flow, end)
        elif kind == "list":
            self.joined(node, state, flow, end)
        elif kind == "pipeline":
            self.piped(node, state, flow, end)
        elif kind == "function_definition":
            self.function(node, state, end)
        elif kind in _COMPOUND:
            walker = self.deeper()
            flow, found = inherited(walker, node.end_byte, end, state, flow)
            before, channels = len(self.notes.records), lent(state, found)
            _COMPOUND[kind](walker, node, state, flow)
            put(state, channels)
            opened(walker, found, before, state, flow)
        else:
            self.deeper().sequence(node.children, state, flow)

    # Lists and pipes

    def joined(self, node: Node, state: State, flow: Flow, end: int) -> None:
        """`a && b || c`: what stands on the right may not run."""
        parts: list[tuple[str, Node, int]] = []
        while node.type == "list":
            inner = node.children
            named = [one for one in inner if one.is_named]
            sign = next((one.type for one in inner if one.type in _JOINING), "&&")
            for one in reversed(named[1:]):
                parts.append((sign, one, end))
                end = one.end_byte
            if not named:
                return
            node, end = named[0], named[0].end_byte if named[1:] else end
        earlier = state.cwds
        self.statement(node, state, flow, end)
        for sign, one, stop in reversed(parts):
            before = state.copy()
            if sign == "||":
                before.cwds = tuple(dict.fromkeys(earlier + state.cwds))
                if len(before.cwds) > ALTERNATIVES_MAX:
                    before.cwds = (HOLE,)
                self.statement(one, before, flow, stop)
                state.become([state.copy(), before])
            else:
                self.statement(one, state, flow, stop)
                if not state.ended:
                    before.cwds = state.cwds
                if state.ended or state.variables != before.variables:
                    state.become([state.copy(), before])

    def piped(self, node: Node, state: State, flow: Flow, end: int) -> None:
        """`a | b`: each in a shell of its own."""
        parts = [one for one in node.children if one.is_named]
        source = flow.source
        given = flow.given
        for number, one in enumerate(parts):
            last = number == len(parts) - 1
            pipe = flow.sink if last else Pipe()
            inner = evolve(flow, source=source, given=given, sink=pipe)
            self.statement(one, state.copy(), inner, end if last else 0)
            if number and source is not None:
                self.notes.link(source.writers, source.readers)
            source, given = pipe, None

    # Groups, branches, loops

    def group(self, node: Node, state: State, flow: Flow) -> None:
        """`{ …; }` and bodies of loops."""
        self.filled(node)
        above = node.parent
        if flow.looping and above is not None and above.type == "while_statement":
            flow = evolve(flow, looped=True)
        self.sequence(node.children, state, flow)

    def subshell(self, node: Node, state: State, flow: Flow) -> None:
        """`( … )`."""
        self.filled(node)
        self.sequence(node.children, state.copy(), flow)

    def filled(self, node: Node) -> None:
        """A group without a command is no group."""
        if not any(one.is_named for one in node.children):
            self.notes.note("syntax", "a group without a command")

    def branches(self, node: Node, state: State, flow: Flow) -> None:
        """`if`."""
        outcomes: list[State] = []
        children = node.children
        part: list[Node] = []
        whole, bodied = False, False
        for one in children:
            if one.type == "then":
                self.sequence(part, state, flow)
                part, bodied = [], True
            elif one.type in ("elif_clause", "else_clause", "fi"):
                if bodied:
                    outcomes.append(self.branch(part, state, flow))
                part, bodied = [], False
                if one.type == "elif_clause":
                    outcomes.append(self.other(one, state, flow))
                elif one.type == "else_clause":
                    whole = True
                    outcomes.append(self.branch(one.children, state, flow))
            else:
                part.append(one)
        if part:
            outcomes.append(self.branch(part, state, flow))
        state.become(outcomes if whole else [*outcomes, state.copy()])

    def branch(self, nodes: list[Node], state: State, flow: Flow) -> State:
        """What is known behind a branch."""
        inner = state.copy()
        if not any(one.is_named for one in nodes):
            self.notes.note("syntax", "a branch without a command")
        self.sequence(nodes, inner, flow)
        return inner

    def other(self, node: Node, state: State, flow: Flow) -> State:
        """`elif`: its condition runs in any case, its body perhaps."""
        children = node.children
        at = next((n for n, one in enumerate(children) if one.type == "then"), len(children))
        self.sequence(children[:at], state, flow)
        return self.branch(children[at + 1 :], state, flow)

    def repeated(self, node: Node, state: State, flow: Flow) -> None:
        """`while` and `until`; `while read` over known lines is followed line by line."""
        number, lines = self.lines(node, state, flow)
        if lines:
            before = state.copy()
            for one in lines:
                if number in state.channels:
                    state.channels[number] = Channel(given=one)
                    turn = flow
                else:
                    turn = evolve(flow, source=None, given=one)
                self.sequence(node.children, state, turn)
                state.ended = False
            state.become([state.copy(), before])
            return
        self.turned(node.children, node, state, evolve(flow, looping=True))

    def lines(self, node: Node, state: State, flow: Flow) -> tuple[int, list[str]]:
        """
        The lines of its input that a loop reads, where they are known and not many, with the
        descriptor that it reads them from; 0 is the input.
        """
        found = _READING.match(self.skeleton.text, node.start_byte)
        if found is None:
            return 0, []
        number = int(found["unit"] or found["other"] or "0")
        channel = state.channels.get(number) if number else None
        given = flow.text if not number else None if channel is None else channel.text
        if given is None or HOLE in given or "\0" in given:
            return 0, []
        lines = [f"{one}\n" for one in lines_of(given)]
        return number, lines if len(lines) <= TURNS_MAX else []

    def turned(self, nodes: list[Node], node: Node, state: State, flow: Flow) -> None:
        """
        A body that runs any number of times. What it changes is taken for the value before,
        after, or any other in a second look, if it uses that.
        """
        before = state.copy()
        self.sequence(nodes, state, flow)
        changed = {
            name
            for name, values in state.variables.items()
            if before.variables.get(name, (HOLE,)) != values
        }
        moved = before.cwds != state.cwds
        state.become([state.copy(), before])
        state.ended = False
        written = self.skeleton.text[node.start_byte : node.end_byte]
        used = set(_NAMES.findall(written))
        for name in changed:
            # A body that ends the line leaves nothing of what it set.
            values = state.variables.get(name, ())
            if HOLE not in values:
                state.variables[name] = (*values[:3], HOLE)
        if moved or changed & used:
            after = state.copy()
            self.sequence(nodes, after, flow)
            state.become([state.copy(), after])
            state.ended = False

    def each(self, node: Node, state: State, flow: Flow) -> None:
        """`for` and `select` over words."""
        children = node.children
        body = node.child_by_field_name("body")
        variable = node.child_by_field_name("variable")
        if body is None or variable is None:
            self.sequence(children, state, flow)
            return
        text = self.skeleton.text
        name = text[variable.start_byte : variable.end_byte]
        values: list[str] = []
        around = Around(self, state, flow)
        if any(one.type == "in" for one in children):
            for one in children:
                if one.type in _WORDS and variable.end_byte < one.start_byte < body.start_byte:
                    raw = text[one.start_byte : one.end_byte]
                    values += [
                        kept(value) if live else value for value, live in expanded(around, raw)
                    ]
        else:
            values = [HOLE] if state.given is None else list(state.given)
        if len(values) > TURNS_MAX:
            values = [HOLE]
        before = state.copy()
        if any(HOLE in one or holds(one) for one in values):
            flow = evolve(flow, looped=True)
        for value in values:
            state.assign(name, value, around.feeders)
            self.statement(body, state, flow)
            state.ended = False
        if not values:
            state.assign(name, HOLE)
            self.statement(body, state, flow)
        if len(values) != 1 or HOLE in values[0] or holds(values[0]):
            state.become([state.copy(), before])

    def counted(self, node: Node, state: State, flow: Flow) -> None:
        """`for ((…; …; …))`."""
        body = node.child_by_field_name("body")
        for start, end in self.skeleton.arithmetic.items():
            if node.start_byte <= start < (body.start_byte if body else node.end_byte):
                calculate(self, self.skeleton.text[start + 2 : end - 2], state, flow)
                break
        if body is not None:
            self.turned([body], body, state, evolve(flow, looping=True))

    def cases(self, node: Node, state: State, flow: Flow) -> None:
        """`case`: each of its bodies may run."""
        text = self.skeleton.text
        around = Around(self, state, flow)
        outcomes = [state.copy()]
        for one in node.children:
            if one.type in _WORDS:
                expanded(around, text[one.start_byte : one.end_byte])
            elif one.type == "case_item":
                inner = state.copy()
                closed = False
                body: list[Node] = []
                for part in one.children:
                    if closed:
                        body.append(part)
                    elif part.type == ")":
                        closed = True
                    elif part.is_named:
                        expanded(around, text[part.start_byte : part.end_byte])
                self.sequence(body, inner, flow)
                outcomes.append(inner)
            elif one.is_named:
                self.sequence([one], state, flow)
        state.become(outcomes)

    def function(self, node: Node, state: State, end: int) -> None:
        """A definition; its body is read where it is called."""
        name = node.child_by_field_name("name")
        body = node.child_by_field_name("body")
        if name is None or body is None:
            return
        written = self.skeleton.text[name.start_byte : name.end_byte]
        state.functions[written] = (Function(body, end, self.skeleton),)
        self.notes.defined[written] = None
        if written in _CALLED:
            self.notes.called.add(written)
            self.deeper().statement(body, state.copy(), Flow(calls=(written,)), end)


def _starts(node: Node) -> bool:
    """Whether *node* is what a `coproc` before it starts, and no more of the line."""
    if node.type == "redirected_statement":
        return node.child_by_field_name("body") is None
    return node.type not in ("list", "pipeline")


_WORDS: Final = frozenset({"word", "command_name", "number", "extglob_pattern", "variable_name",
                           "concatenation", "file_redirect", "special_variable_name"})  # fmt: skip
_COMPOUND: Final = {
    "compound_statement": Walker.group,
    "do_group": Walker.group,
    "subshell": Walker.subshell,
    "if_statement": Walker.branches,
    "while_statement": Walker.repeated,
    "for_statement": Walker.each,
    "c_style_for_statement": Walker.counted,
    "case_statement": Walker.cases,
}
