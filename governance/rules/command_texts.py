"""
Rules on the text of a command line that the same command, written otherwise, gets past.

A line is text to `command` and commands to `shell`. Where a rule's text is a command, and a
rule on `shell` would answer all its examples as they ask, that one is proposed: with a line
that it sees and the rule does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from attrs import evolve

from governance.rules.examples import Bench, Situation, situation_of
from governance.rules.format import Example, Rule
from governance.rules.possible import texts_in
from governance.rules.reading import Findings
from governance.rules.ruleset import RuleSet
from governance.rules.shell_facts import line_of

_CODE = "GOV268"
_ON_TEXT = ("glob", "starts_with", "contains", "regex", "equals")
_ANCHORS = re.compile(r"^(?:\(\?i\))?\^?|(?:\\b|\\s|\$|\.\*)*$")
_PLAIN = re.compile(r"[\w./-]+(?: [\w./-]+)*")
_SPELLINGS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("with two blanks", lambda line: line.replace(" ", "  ", 1)),
    ("behind another command", lambda line: f"cd x && {line}"),
)

Compiled = Callable[[Rule], "RuleSet | None"]
"""One rule of a pack, changed, by itself; ``None``: it cannot be compiled."""


def check_command_text(rule: Rule, bench: Bench, findings: Findings, compiled: Compiled) -> None:
    """
    Warn of a rule on `command` that does not see a command as it is also written (GOV268).

    Nothing is said where the author has named such a gap himself, where no table of `shell`
    can be made of the text, or where that would not answer the examples.
    """
    if rule.on != "tool" or rule.tools != ("shell",) or rule.known_gaps or rule.looks_back:
        return
    text = rule.when.get("command")
    table = None if text is None or "shell" in rule.when else _table_of(text)
    if table is None:
        return
    when = {name: one for name, one in rule.when.items() if name != "command"}
    better = evolve(rule, when={**when, "shell": table}, action="warn", message="x", remedy=None)
    rules = compiled(better)
    if rules is None or not _answers(better, rules, bench):
        return
    for how, line in _spelled(rule):
        tried = _tried(Example(facts={"tool": "shell", "command": line}), rule, bench)
        if tried is None or tried.fires(rule, bench.rules) is not False:
            continue
        if tried.fires(better, rules) is True:
            shown = ", ".join(f'{name} = "{one}"' for name, one in table.items())
            message = f"`{rule.id}` does not see `{line}`, the same command {how}"
            mend = f"write `when.shell = {{ {shown} }}`, or name it in `known_gaps`"
            findings.warn(_CODE, message, (*rule.path, "when", "command"), mend)
            return


def _table_of(text: object) -> dict[str, str] | None:
    """The command that *text*, a matcher of `command`, speaks of, as a table of `shell`."""
    if isinstance(text, Mapping):
        if len(text) != 1:
            return None
        name, value = next(iter(text.items()))
    else:
        name, value = "equals", text
    if name not in _ON_TEXT or not isinstance(value, str):
        return None
    line = _ANCHORS.sub("", value) if name == "regex" else value
    line = " ".join((line.strip("*") if name == "glob" else line).split())
    if not _PLAIN.fullmatch(line):
        return None
    commands = line_of(line).commands
    if len(commands) != 1 or not commands[0].program or len(commands[0].words) > 1:
        return None
    one = commands[0]
    table = {"program": one.program}
    if one.subcommand:
        table["subcommand"] = one.subcommand
    if one.words:
        table["words"] = one.words[0]
    return None if one.flags else table


def _answers(better: Rule, rules: RuleSet, bench: Bench) -> bool:
    """Whether *better* answers every example of the rule as it asks."""
    wanted = [(one, True) for one in better.must_match]
    wanted += [(one, False) for one in better.must_not_match]
    for example, fires in wanted:
        tried = _tried(example, better, bench)
        if tried is None or (tried.fires(better, rules) is not False) is not fires:
            return False
    return bool(better.must_match)


def _tried(example: Example, rule: Rule, bench: Bench) -> Situation | None:
    from governance._toml import read_toml

    # What is wrong with an example has been told.
    quiet = Findings(read_toml("x = 1", ""))
    return situation_of(example, rule.on, bench, quiet, ())


def _spelled(rule: Rule) -> Iterator[tuple[str, str]]:
    for example in rule.must_match:
        for line in texts_in(example.facts.get("command")):
            for how, spell in _SPELLINGS:
                if spell(line) != line:
                    yield how, spell(line)
