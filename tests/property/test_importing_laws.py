"""Whatever a source holds, an import is a pack that passes the checks, or plain diagnostics."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from governance.errors import ERROR, DefinitionError
from governance.hosts.claude_code.tools import TOOLS
from governance.importing import FORMATS, Imported, Source, import_sources
from governance.importing.samples import sample_of
from governance.rules.check import check_rules
from governance.rules.format import Defaults
from governance.rules.patterns import PatternRefused, compile_pattern
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.vocabulary import default_vocabulary

VOCABULARY = default_vocabulary(TOOLS)

WORDS = st.sampled_from(
    ["git", "push", "-f", "*", ":*", "rm -rf", "'a b'", "$(x)", "a|b", "{x}", "\\", "é", '"', "."]
)
SPECIFIERS = st.one_of(
    st.lists(WORDS, max_size=5).map(" ".join),
    st.lists(st.sampled_from(["src", "**", "*", ".env", "~", "", "{a,b}", "[x]", "é"])).map(
        "/".join
    ),
    st.sampled_from(["domain:example.com", "domain:*.é.test", "domain:", "query:x", "x:y"]),
    st.text(max_size=20),
)
NAMES = st.sampled_from(
    [*TOOLS.tools, "mcp__git", "mcp__git__push_*", "mcp__", "mcp____x", "*", "Nope", "Bash "]
)
RULES = st.one_of(
    NAMES, st.builds("{}({})".format, NAMES, SPECIFIERS), st.text(max_size=30), st.integers(0, 9)
)
SETTINGS = st.fixed_dictionaries(
    {}, optional={name: st.lists(RULES, max_size=4) for name in ("allow", "ask", "deny", "mode")}
)


def brought(format_name: str, data: bytes, *, allow: bool = False) -> Imported:
    return import_sources(
        [(Source("source", data), format_name)], VOCABULARY, name="team", carries_allow=allow
    )


def errors_of(found: Imported, *, allow: bool = False) -> list[str]:
    """What the checks say against the pack, where there is one."""
    if not found.text:
        return []
    settings = LoadSettings(
        defaults=Defaults(tool="ask" if allow else "allow"), trusted=lambda _: True
    )
    checked = check_rules(
        [PackSource("team", found.text, "team.toml")], VOCABULARY, settings=settings
    )
    return [str(one) for one in checked if one.severity == ERROR]


def refusals(format_name: str, data: bytes) -> set[str]:
    """The codes that a source is refused with, or what is wrong with the pack of it."""
    try:
        found = brought(format_name, data)
    except DefinitionError as error:
        return {one.code for one in error.diagnostics}
    return set(errors_of(found))


@given(SETTINGS, st.booleans())
def test_permission_lists_always_make_a_pack_that_passes(
    lists: dict[str, list[object]], allow: bool
) -> None:
    """Each entry is carried or named, and the pack has no error."""
    data = json.dumps({"permissions": lists}).encode()

    found = brought("claude-code", data, allow=allow)

    assert errors_of(found, allow=allow) == []
    named = {one.line for one in found.diagnostics} | {one.line for one in found.carried.values()}
    entries = sum(len(lists.get(name, ())) for name in ("allow", "ask", "deny"))
    assert bool(named) == bool(entries or "mode" in lists)


@given(st.sampled_from(FORMATS), st.one_of(st.binary(max_size=300), st.text(max_size=300)))
def test_any_text_is_refused_plainly_or_imported(format_name: str, data: bytes | str) -> None:
    """No other error than GOV670 comes out of a reader, whatever it is given."""
    given_bytes = data.encode("utf-8", "replace") if isinstance(data, str) else data

    assert refusals(format_name, given_bytes) <= {"GOV670"}


YAML_PARTS = st.sampled_from(
    ["bash_denies:", "tool_denies:", "  lead:", "  - pattern: x y", "    - tool: write", "- a",
     "    message: 'it''s'", "  tools: [read, \"x\"]", "   |", "text: |", " # c", "", "a: b: c"]
)  # fmt: skip
MARKDOWN_PARTS = st.sampled_from(
    ["---", "name: a", "event: bash", "event: file", "pattern: x+", "pattern: (", "conditions:",
     "  - field: command", "    operator: contains", "    pattern: y", "action: block", "text"]
)  # fmt: skip
STARLARK_PARTS = st.sampled_from(
    ["prefix_rule(", "pattern = ['a', ['b', 'c']],", "decision = 'forbidden',", ")", "x = 1", "#",
     "match = ['a b', ['a', 'c d']],", "not_match = ['a b'],", "'text'", "pattern = ['a b', '$(']"]
)  # fmt: skip
TOML_PARTS = st.sampled_from(
    ["[[rule]]", "toolName = 'run_shell_command'", "commandPrefix = 'a b'", "decision = 'deny'",
     "priority = 1", "commandRegex = 'a(b|c)+'", "mcpName = 'x'", "[[safety_checker]]", "x = ["]
)  # fmt: skip
PARTS = {
    "idumb": YAML_PARTS,
    "hookify": MARKDOWN_PARTS,
    "codex": STARLARK_PARTS,
    "gemini-cli": TOML_PARTS,
    "claude-code": st.sampled_from([*'{}[],:"', '"permissions"', '"deny"', '"Bash(a)"']),
}


@given(st.sampled_from(FORMATS).flatmap(lambda one: st.tuples(st.just(one), st.lists(PARTS[one]))))
def test_lines_of_a_format_in_any_order_do_no_harm(given_lines: tuple[str, list[str]]) -> None:
    """Half-right files are refused with a code, or make a pack that passes."""
    format_name, lines = given_lines

    assert refusals(format_name, "\n".join(lines).encode()) <= {"GOV670"}


@given(st.text(alphabet="ab01 .*+?()[]{}|\\^$-:dwsbi,P<>", max_size=24))
def test_a_sample_always_fits(source: str) -> None:
    """A text made of a pattern is found by it, or none is made."""
    try:
        made = sample_of(source)
    except PatternRefused:
        return

    if made is not None:
        assert compile_pattern(source).search(made) is not None
