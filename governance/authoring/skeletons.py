"""
A new rule, written for its author: right as it stands, with examples that hold.

What is asked for becomes a matcher, and examples are made up beside it. Several ways to
write it are tried, the best first, and the first that passes the checker is taken, so what
is written never fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from governance._attrs import frozen
from governance.authoring.toml_text import inline, quoted
from governance.authoring.values import filled
from governance.errors import ERROR, DefinitionError, Diagnostic
from governance.rules.check import check_rules
from governance.rules.fact_table import BUILT_IN_SETS, TOOLS
from governance.rules.format import FORMAT
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.vocabulary import Vocabulary

ACTIONS = ("warn", "ask", "deny", "halt")
"""What a new rule may say; the others change or lift something that only its author knows."""

_KEBAB = re.compile(r"[^a-z0-9]+")
_ELSEWHERE = ("src/main.py", "README.md", "docs/a.md")
_OWN: Mapping[str, dict[str, object]] = {
    "shell": {"command": "ls"},
    "read": {"path": _ELSEWHERE[0]},
    "write": {"path": _ELSEWHERE[0], "content": ""},
    "edit": {"path": _ELSEWHERE[0], "content": ""},
    "delete": {"path": _ELSEWHERE[0]},
    "fetch": {"url": "https://example.org/"},
}
_OTHER_HOST = "https://example.org/"


@frozen(kw_only=True)
class Wish:
    """
    What the new rule is to be about; what is empty is not asked for.

    Attributes:
        tools: Tools or sets; without any, those that the matchers are about.

        command: How the command line begins.

        path: A glob of paths.

        domains: Hosts; ``*.x.org`` for those below one.

        content: What the written text holds.
    """

    id: str
    action: str = "deny"
    tools: tuple[str, ...] = ()
    command: str = ""
    path: str = ""
    domains: tuple[str, ...] = ()
    content: str = ""
    message: str = ""
    severity: str = ""


@frozen
class _Draft:
    """One way to write the rule: its matchers, and events that it must match and must not."""

    when: tuple[tuple[str, object], ...]
    hits: tuple[dict[str, object], ...]
    misses: tuple[dict[str, object], ...]
    gaps: tuple[dict[str, object], ...] = ()


def with_rule(
    text: str, file: str, wish: Wish, vocabulary: Vocabulary, settings: LoadSettings
) -> str:
    """
    *text*, a pack or ``""``, with the rule of *wish* at its end; what is there stays as it is.

    Raises:
        DefinitionError: The pack has a problem already, or no way to write the rule passes
            the checker; with every problem. Nothing is to be written then.
    """
    if text.strip():
        _refuse_wrong(text, file, vocabulary, settings)
    begun = _joined(text, "") if text.strip() else _head(file)
    problems: tuple[Diagnostic, ...] = ()
    for draft in _drafts(wish):
        made = _joined(begun, _rule(wish, draft))
        found = check_rules([PackSource("", made, file)], vocabulary, settings=settings)
        errors = tuple(one for one in found if one.severity == ERROR)
        if not errors:
            return made
        problems = errors
    raise DefinitionError(problems)


def _refuse_wrong(text: str, file: str, vocabulary: Vocabulary, settings: LoadSettings) -> None:
    found = check_rules([PackSource("", text, file)], vocabulary, settings=settings)
    errors = tuple(one for one in found if one.severity == ERROR)
    if errors:
        raise DefinitionError(errors)


def _joined(text: str, rule: str) -> str:
    if not rule:
        return text
    ends = "\r\n" if "\r\n" in text else "\n"
    return f"{text.rstrip()}{ends}{ends}{rule.replace(chr(10), ends)}"


def _head(file: str) -> str:
    stem = re.split(r"[/\\]", file)[-1].removesuffix(".toml").lower()
    name = _KEBAB.sub("-", stem).strip("-") or "team"
    return (
        f"format = {FORMAT}\n\n[pack]\nname = {quoted(name)}\n"
        'version = "1.0.0"\nsummary = "What we agreed on."\n'
    )


def _rule(wish: Wish, draft: _Draft) -> str:
    lines = ["[[rule]]", f"id = {quoted(wish.id)}"]
    lines.append(f"tools = {inline(wish.tools or _tools_for(wish))}")
    lines += [f"when.{name} = {inline(value)}" for name, value in draft.when]
    lines.append(f"action = {quoted(wish.action)}")
    if wish.severity:
        lines.append(f"severity = {quoted(wish.severity)}")
    lines.append(f"message = {quoted(wish.message or _message(wish))}")
    for key, given in (
        ("must_match", draft.hits),
        ("must_not_match", draft.misses),
        ("known_gaps", draft.gaps),
    ):
        if given:
            lines += [f"{key} = [", *(f"  {inline(one)}," for one in given), "]"]
    return "\n".join(lines) + "\n"


def _tools_for(wish: Wish) -> tuple[str, ...]:
    if wish.command:
        return ("shell",)
    if wish.domains:
        return ("fetch",)
    if wish.content:
        return ("write", "edit")
    return ("@writes",) if wish.path else ("shell",)


def _message(wish: Wish) -> str:
    what = "This call"
    if wish.command:
        what = f"`{wish.command}`".replace("{", "{{").replace("}", "}}")
    elif wish.path:
        what = "{path}"
    elif wish.domains:
        what = "{domains}"
    words = {
        "warn": "is watched here; make sure that it is meant.",
        "ask": "needs the leave of a person.",
        "halt": "must not happen here; a person has to look at it.",
    }
    return f"{what} {words.get(wish.action, 'is not for an agent; say what you need.')}"


def _drafts(wish: Wish) -> Iterator[_Draft]:
    """Ways to write the rule, the best first."""
    if wish.command:
        yield from _of_command(wish)
        return
    tool = _tool_of(wish)
    facts: dict[str, object] = {"tool": tool}
    facts |= _OWN.get(tool, {})
    when: list[tuple[str, object]] = []
    misses: list[dict[str, object]] = []
    if wish.path:
        glob = wish.path if "/" in wish.path else f"**/{wish.path}"
        when.append(("path", {"glob": glob}))
        facts["path"] = next(iter(filled(glob)), glob)
        misses += [{**facts, "path": one} for one in _ELSEWHERE]
    if wish.domains:
        when.append(("domains", {"domain_in": list(wish.domains)}))
        facts["url"] = f"https://{wish.domains[0].replace('*', 'a')}/"
        misses.append({**facts, "url": _OTHER_HOST})
    if wish.content:
        when.append(("content", {"contains": wish.content}))
        facts["content"] = wish.content
        misses.insert(0, {**facts, "content": ""})
    hits = tuple(_each_tool(wish, facts))
    if not when:
        yield from _of_tools(hits)
    for miss in misses:
        yield _Draft(tuple(when), hits, (miss,))


def _each_tool(wish: Wish, facts: dict[str, object]) -> Iterator[dict[str, object]]:
    """The call with each tool that the rule names, so that none of them goes untried."""
    named = wish.tools or _tools_for(wish)
    for name in dict.fromkeys((str(facts["tool"]), *named)):
        if name == facts["tool"]:
            yield facts
        elif name in TOOLS:
            own = {fact: one for fact, one in facts.items() if fact in TOOLS[name].own}
            yield {"tool": name, **own}


def _tool_of(wish: Wish) -> str:
    """The tool of the examples: the first that the rule names, of a set its first member."""
    name = (wish.tools or _tools_for(wish))[0]
    return BUILT_IN_SETS.get(name.removeprefix("@"), (name,))[0] if "@" in name else name


def _of_tools(hits: tuple[dict[str, object], ...]) -> Iterator[_Draft]:
    """A rule on tools alone; an example of another tool says where it ends."""
    others: tuple[dict[str, object], ...] = ({"tool": "todo"}, _line("ls"))
    for other in others:
        yield _Draft((), hits, (other,))


def _of_command(wish: Wish) -> Iterator[_Draft]:
    words = wish.command.split()
    if not words:
        return
    line = " ".join(words)
    plain = [one for one in words[1:] if not one.startswith("-")]
    flags = [one for one in words[1:] if one.startswith("-")]
    for parts in _parted(plain):
        shell: dict[str, object] = {"program": words[0], **parts}
        if flags:
            shell["flags_all"] = flags
        hits = (_line(line), _line(f"cd x && {line}"))
        for misses in (_near_each(words, plain), _near(words)):
            lines = [*dict.fromkeys(misses), f"echo '{line}'"]
            yield _Draft((("shell", shell),), hits, tuple(_line(one) for one in lines))
        yield _Draft((("shell", shell),), hits, (_line("ls"), _line(f"echo '{line}'")))
    for miss in _near(words):
        yield _Draft(
            (("command", {"starts_with": line}),),
            (_line(line), _line(f"{line} now")),
            (_line(miss), _line(f"echo {line}")),
            ({**_line(f"cd x && {line}"), "why": "it does not begin the line"},),
        )


def _parted(plain: Sequence[str]) -> Iterator[dict[str, object]]:
    """The words that are no flags as keys of a command, as its program may take them."""
    # How many of them are a subcommand, the table of programs knows.
    for count in range(min(len(plain), 2), -1, -1):
        if len(plain) - count > 1:
            continue  # one key holds for one word: more of them would be let go
        parts: dict[str, object] = {}
        if count:
            parts["subcommand"] = " ".join(plain[:count])
        if plain[count:]:
            parts["words"] = plain[count]
        yield parts


def _near_each(words: Sequence[str], plain: Sequence[str]) -> Iterator[str]:
    """Lines that miss in one word each: the program, the first plain word, the last."""
    yield " ".join(("other", *words[1:]))
    if plain:
        yield " ".join("other" if one == plain[0] else one for one in words)
    if len(words) > 1:
        yield " ".join(words[:-1])


def _near(words: Sequence[str]) -> Iterator[str]:
    if len(words) > 1:
        yield " ".join(words[:-1])
    yield "ls"
    yield "pwd"


def _line(command: str) -> dict[str, object]:
    return {"tool": "shell", "command": command}
