"""Recorded schemas: what rules may ask of arguments, and what a layer may say of another's."""

from __future__ import annotations

import pytest

from governance.errors import ERROR
from governance.rules.loader import Loaded, read_rules
from governance.rules.recorded import ARGUMENTS_MAX, SCHEMAS_MAX
from governance.rules.sources import PackSource
from governance.rules.vocabulary import default_vocabulary

HEAD = 'format = 1\n[pack]\nname = "{name}"\nversion = "1.0.0"\nsummary = "x"\n'
SCHEMA = """
[[schema]]
tool = "mcp:gh:create_issue"
from = "list"
args.title = "str"
args.labels = "list[str]"
args.state = ["open", "closed"]
args.count = "int"
args.filter = "any"
"""
OTHER = """
[[schema]]
tool = "mcp:gh:close_issue"
from = "list"
args.title = "str"
args.count = "float"
"""


def rule(matcher: str, tools: str = '"mcp:gh:create_issue"', more: str = "") -> str:
    begin = f'\n[[rule]]\nid = "p.r"\ntools = [{tools}]\n{matcher}\n'
    return f'{begin}action = "warn"\nmessage = "m"\n{more}'


def source(body: str, name: str = "p", layer: str = "project") -> PackSource:
    return PackSource("", HEAD.format(name=name) + body, f"{name}.toml", layer)  # type: ignore[arg-type]


def loaded(*sources: PackSource) -> Loaded:
    return read_rules(list(sources), default_vocabulary())


def problems(*sources: PackSource) -> list[tuple[str, str]]:
    return [(one.file, one.code) for one in loaded(*sources).diagnostics if one.severity == ERROR]


class TestWhatARuleMayAsk:
    """Names, types, enumerations and operators are those of the record."""

    @pytest.mark.parametrize(
        "matcher",
        [
            'when.args.title = "x"',
            'when.args.labels = { every = "x" }',
            'when.args.state = { not = "open" }',
            "when.args.count = { gt = 3 }",
            "when.args.title = { exists = false }",
            'unless.args.title = { regex = "^x" }\nwhen.turn = 1',
        ],
    )
    def test_what_is_recorded_can_be_asked(self, matcher: str) -> None:
        """Every operator of the argument's type is there."""
        assert problems(source(SCHEMA + rule(matcher))) == []

    @pytest.mark.parametrize(
        ("matcher", "code", "words"),
        [
            ('when.args.titel = "x"', "GOV221", "`title`"),
            ("when.args.title = 5", "GOV224", ""),
            ("when.args.title = { gt = 5 }", "GOV223", ""),
            ('when.args.state = "opne"', "GOV225", "`open`"),
            ('when.args.filter = "x"', "GOV221", "look into"),
            ('when.args.filter.owner = "x"', "GOV221", "look into"),
        ],
    )
    def test_what_is_not_is_an_error(self, matcher: str, code: str, words: str) -> None:
        """With what was meant, where that is near."""
        (found,) = loaded(source(SCHEMA + rule(matcher))).errors

        assert found.code == code
        assert words in (found.suggestion or "") + found.message

    def test_without_a_record_nothing_can_be_asked(self) -> None:
        """The way to record it is named."""
        (found,) = loaded(source(rule('when.args.title = "x"'))).errors

        assert found.code == "GOV221"
        assert "governance tools" in (found.suggestion or "")

    def test_a_glob_asks_what_all_that_it_hits_have(self) -> None:
        """By one type in all of them."""
        tools = '"mcp:gh:*"'

        assert problems(source(SCHEMA + OTHER + rule('when.args.title = "x"', tools))) == []
        for matcher in ('when.args.state = "open"', "when.args.count = 3"):
            assert problems(source(SCHEMA + OTHER + rule(matcher, tools))) == [("p.toml", "GOV221")]

    @pytest.mark.parametrize(
        ("args", "codes"),
        [
            ('title = "x", filter = { a = 1 }', []),
            ('titel = "x"', ["GOV221"]),
            ("title = 5", ["GOV224"]),
            ('title = "x", state = "opn"', ["GOV225"]),
        ],
    )
    def test_examples_are_held_to_it(self, args: str, codes: list[str]) -> None:
        """An example with an argument that the tool does not take proves nothing."""
        more = f'must_match = [{{ tool = "mcp:gh:create_issue", args = {{ {args} }} }}]\n'
        text = SCHEMA + rule("when.args.title = { exists = true }", more=more)
        found = [code for _, code in problems(source(text)) if code != "GOV253"]

        assert found == codes

    def test_a_tool_that_the_server_did_not_list_is_an_error(self) -> None:
        """Only where the server was asked: calls and people do not tell all tools."""
        wrong = rule('when.tool = "x"', '"mcp:gh:create_isue"')
        seen = SCHEMA.replace('"list"', '"calls"', 1)

        assert ("p.toml", "GOV213") in problems(source(SCHEMA + wrong))
        assert ("p.toml", "GOV213") not in problems(source(seen + wrong))
        assert problems(source(SCHEMA + rule('when.server = "gh"', '"mcp:*:create_*"'))) == []


class TestLayers:
    """What a lower layer records is no matter to an upper layer's rules."""

    ASKS = rule('when.args.title = "x"')

    def test_an_upper_rule_needs_a_record_of_its_own_layer_or_above(self) -> None:
        """A repository cannot say of a user's rule what its arguments are."""
        user = source(self.ASKS, "u", "user")

        assert problems(user, source(SCHEMA)) == [("u.toml", "GOV221")]
        assert problems(user, source(SCHEMA, "m", "machine")) == []
        assert problems(source(self.ASKS, "u"), source(SCHEMA, "m", "user")) == []

    def test_the_upper_record_counts_where_both_tell(self) -> None:
        """A lower one for the same tool changes nothing, not even what it calls a type."""
        theirs = SCHEMA.replace('title = "str"', 'title = "int"')
        user = source(SCHEMA + self.ASKS, "u", "user")

        assert problems(user, source(theirs)) == []
        assert problems(source(SCHEMA, "s"), source(theirs)) == [("p.toml", "GOV274")]

    def test_a_lower_list_of_tools_is_no_matter_either(self) -> None:
        """A user's rule on a tool that this project's server does not have stays."""
        user = source(rule('when.server = "gh"', '"mcp:gh:gone"'), "u", "user")

        assert problems(user, source(SCHEMA)) == []

    def test_what_history_asks_is_looked_at_as_well(self) -> None:
        """Past events have matchers of their own."""
        past = 'requires = { tools = ["mcp:gh:create_issue"], when = { args.title = "x" } }'
        user = source(rule(past, '"read"'), "u", "user")

        assert ("u.toml", "GOV221") in problems(user, source(SCHEMA))
        assert problems(user, source(SCHEMA, "m", "machine")) == []


class TestBounds:
    """Nothing grows without an end."""

    def test_too_many_arguments_are_refused(self) -> None:
        """One more than there may be is an error, and none of them counts."""
        names = "".join(f'args.a{n} = "str"\n' for n in range(ARGUMENTS_MAX + 1))

        assert problems(source(f'[[schema]]\ntool = "mcp:a:b"\n{names}')) == [("p.toml", "GOV274")]

    def test_too_many_schemas_are_refused(self) -> None:
        """The file says so once."""
        text = "".join(
            f'[[schema]]\ntool = "mcp:a:b{n}"\nargs = {{}}\n' for n in range(SCHEMAS_MAX + 2)
        )

        assert problems(source(text)) == [("p.toml", "GOV274")]

    @pytest.mark.parametrize(
        "tool", ["shell", "mcp:a", "mcp:a:*", "mcp:a b:c", "mcp::c", "native:x", "native:x: "]
    )
    def test_a_name_that_is_no_single_tool_is_refused(self, tool: str) -> None:
        """A glob would tell the arguments of tools that nobody has seen."""
        assert problems(source(f'[[schema]]\ntool = "{tool}"\nargs = {{}}\n')) == [
            ("p.toml", "GOV274")
        ]
