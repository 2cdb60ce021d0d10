"""Each format that can be imported: what is carried, and what is said of the rest."""

from __future__ import annotations

import json

import pytest

from governance._toml import read_toml
from governance.errors import DefinitionError
from governance.hosts.claude_code.tools import TOOLS
from governance.importing import Imported, Source, import_sources
from governance.importing.samples import sample_of
from governance.rules.facts import facts_of_call
from governance.rules.format import Defaults
from governance.rules.loader import load_rules
from governance.rules.paths import PLAIN_PLACES
from governance.rules.patterns import PatternRefused, compile_pattern
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.verdicts import History, RuleEvent
from governance.rules.vocabulary import call_of, default_vocabulary

VOCABULARY = default_vocabulary(TOOLS)


def brought(format_name: str, text: str | bytes, *, allow: bool = False) -> Imported:
    data = text.encode() if isinstance(text, str) else text
    source = Source("source", data)
    return import_sources([(source, format_name)], VOCABULARY, name="team", carries_allow=allow)


def left(found: Imported) -> list[tuple[int, str]]:
    """Line and reason of what was left out."""
    return [(one.line, one.message) for one in found.diagnostics if one.code == "GOV672"]


def answers(found: Imported, native: str, arguments: dict[str, object], role: str = "") -> str:
    """What the imported pack says of a call of Claude Code, in a project of its own."""
    rules = load_rules(
        [PackSource("team", found.text, "team.toml")],
        VOCABULARY,
        settings=LoadSettings(defaults=Defaults(unknown_role="allow"), trusted=lambda _: True),
    )
    call = call_of(TOOLS, native, arguments, cwd="/project")  # type: ignore[arg-type]
    facts = {**facts_of_call(call, PLAIN_PLACES), "host": "claude-code"}
    if role:
        facts["role"] = role
    return rules.decide(RuleEvent("tool", facts, call), History(known=True)).action


def settings(**lists: list[object]) -> str:
    return json.dumps({"permissions": lists}, indent=1)


class TestClaudeCode:
    """Permission rules of a settings file."""

    @pytest.mark.parametrize(
        ("rule", "native", "hit", "miss"),
        [
            ("Bash(git push:*)", "Bash", {"command": "git push -f"}, {"command": "git pull"}),
            ("Bash(git push *)", "Bash", {"command": "cd x && git push"}, {"command": "git pushx"}),
            ("Bash(npm test)", "Bash", {"command": "npm test"}, {"command": "npm test --all"}),
            ("Bash(git * main)", "Bash", {"command": "git merge main"}, {"command": "git main x"}),
            ("Bash", "Bash", {"command": "ls"}, None),
            ("Bash(*)", "Bash", {"command": "ls"}, None),
            ("Read(./.env)", "Read", {"file_path": ".env"}, {"file_path": "sub/.env"}),
            ("Read(.env)", "Read", {"file_path": "/project/sub/.env"}, {"file_path": "a.env"}),
            ("Read(//etc/**)", "Read", {"file_path": "/etc/passwd"}, {"file_path": "etc/x"}),
            ("Read(~/.ssh/)", "Read", {"file_path": "~/.ssh/id"}, {"file_path": ".ssh/id"}),
            ("Edit(/src/**)", "Write", {"file_path": "src/a", "content": ""}, {"file_path": "a"}),
            ("Edit(/src/**)", "Edit", {"file_path": "src/a"}, {"file_path": "a"}),
            (
                "WebFetch(domain:evil.com)",
                "WebFetch",
                {"url": "https://evil.com/x"},
                {"url": "https://a.evil.com"},
            ),
            ("mcp__git", "mcp__git__push", {}, None),
            ("mcp__git__push*", "mcp__git__push_all", {}, None),
            (
                "Agent(Explore)",
                "Task",
                {"subagent_type": "Explore", "prompt": "x"},
                {"subagent_type": "Plan", "prompt": "x"},
            ),
            ("TodoWrite", "TodoWrite", {}, None),
            ("Skill", "Skill", {"skill": "x"}, None),
            ("NotebookEdit(a.ipynb)", "NotebookEdit", {"notebook_path": "x/a.ipynb"}, None),
        ],
    )
    def test_a_rule_matches_what_it_did(
        self, rule: str, native: str, hit: dict[str, object], miss: dict[str, object] | None
    ) -> None:
        """The call that the rule is about is refused, and the one beside it is not."""
        found = brought("claude-code", settings(deny=[rule]))

        assert left(found) == []
        assert answers(found, native, hit) == "deny"
        if miss is not None:
            assert answers(found, native, miss) == "allow"

    @pytest.mark.parametrize(
        ("rule", "command"),
        [
            ("Bash(git push:*)", "cd x && sudo env A=1 git -C sub push origin"),
            ("Bash(git push:*)", "bash -c 'git push'"),
            ("Bash(rm -rf *)", "rm -f -r build"),
            ("Bash(rm -rf *)", "/bin/rm --recursive --force build"),
            ("Bash(npm run test:*)", "npm --silent run test"),
            ("Bash(sudo apt:*)", "sudo -E apt install x"),
        ],
    )
    def test_words_are_understood_not_searched(self, rule: str, command: str) -> None:
        """Spellings that the source's comparison of texts would have missed are met as well."""
        found = brought("claude-code", settings(deny=[rule]))

        assert answers(found, "Bash", {"command": command}) == "deny"
        assert answers(found, "Bash", {"command": f"echo '{rule[5:-3]}'"}) == "allow"

    @pytest.mark.parametrize(
        "rule", ["Bash(cp a b c d:*)", "Bash(curl -X POST -o x:*)", "Bash(A=1 make:*)"]
    )
    def test_words_that_no_table_says_are_searched(self, rule: str) -> None:
        """Nothing is lost: the rule stays a search in text, and that is said."""
        found = brought("claude-code", settings(deny=[rule]))

        assert answers(found, "Bash", {"command": f"{rule[5:-3]} x"}) == "deny"
        assert any("text of a command" in one.message for one in found.diagnostics)

    def test_ask_stays_ask_and_deny_goes_before_it(self) -> None:
        """The strictest of both lists holds, as in the source."""
        lists = settings(ask=["Bash(git:*)"], deny=["Bash(git push:*)"])
        found = brought("claude-code", lists)

        assert answers(found, "Bash", {"command": "git status"}) == "ask"
        assert answers(found, "Bash", {"command": "git push"}) == "deny"

    def test_what_lets_be_needs_no_rule(self) -> None:
        """Allow entries are told of and make no rule, unless they are asked for."""
        found = brought("claude-code", settings(allow=["Bash(npm test:*)"]))

        assert (found.text, found.whole) == ("", True)
        assert [one.code for one in found.diagnostics] == ["GOV673"]

    @pytest.mark.parametrize(
        ("command", "action"),
        [
            ("npm test", "allow"),
            ("npm test --all", "allow"),
            ("npm test && rm -rf /", "ask"),
            ("npm test $(rm -rf /)", "ask"),
            ("npm test\nrm -rf /", "ask"),
            ("npm testing", "ask"),
        ],
    )
    def test_an_allow_lets_no_other_command_through(self, command: str, action: str) -> None:
        """Carried with `--allow`, it lifts a default for lines of plain words alone."""
        found = brought("claude-code", settings(allow=["Bash(npm test:*)"]), allow=True)
        rules = load_rules(
            [PackSource("team", found.text, "team.toml")],
            VOCABULARY,
            settings=LoadSettings(defaults=Defaults(tool="ask"), trusted=lambda _: True),
        )
        call = call_of(TOOLS, "Bash", {"command": command})
        event = RuleEvent("tool", facts_of_call(call, PLAIN_PLACES), call)

        assert rules.decide(event, History(known=True)).action == action

    def test_what_is_not_carried_is_named_with_its_line(self) -> None:
        """Each entry without a counterpart, one by one, and keys that are no lists."""
        text = (
            '{"permissions": {\n"defaultMode": "plan",\n"deny": [\n"Read(a?.txt)",\n'
            '"Nope",\n5,\n"Bash(ls)",\n"WebFetch(path:/x)",\n"*"]}}'
        )
        found = brought("claude-code", text)

        assert [line for line, _ in left(found)] == [2, 4, 5, 6, 8, 9]
        assert list(found.carried) == ["team.deny-bash-ls"]

    def test_the_same_entry_is_carried_once(self) -> None:
        """A rule that stands twice is one rule, and that is said."""
        found = brought("claude-code", settings(deny=["Bash(ls)", "Bash(ls)"]))

        assert len(found.carried) == 1
        assert any("carried once" in one.message for one in found.diagnostics)


GEMINI = """
[[rule]]
toolName = "run_shell_command"
{more}
decision = "deny"
priority = 10
"""


class TestGeminiCli:
    """Policy files in TOML."""

    @pytest.mark.parametrize(
        ("more", "hit", "miss"),
        [
            ('commandPrefix = "rm -rf"', "rm -rf /", "rm -r x"),
            ('commandPrefix = ["git push", "git reset"]', "git reset --hard", "git log"),
            ("commandRegex = 'npm (publish|unpublish)'", "npm unpublish x", "npm pack"),
            ('argsPattern = \'"command":"(curl|wget) \'', "wget http://x", "ls wget"),
        ],
    )
    def test_commands(self, more: str, hit: str, miss: str) -> None:
        """Prefixes and patterns over commands match what they did."""
        found = brought("gemini-cli", GEMINI.format(more=more))

        assert left(found) == []
        assert answers(found, "Bash", {"command": hit}) == "deny"
        assert answers(found, "Bash", {"command": miss}) == "allow"

    @pytest.mark.parametrize(
        "more",
        [
            'argsPattern = \'"path":"x\'',
            "commandRegex = '(?!git)npm'",
            "commandRegex = 'ls\"'",
            'commandPrefix = "a"\ncommandRegex = "b"',
            'commandPrefix = "a"\nmodes = ["plan"]',
            'commandPrefix = "a"\ninteractive = false',
            'commandPrefix = "a"\ntoolAnnotations = { readOnlyHint = true }',
            'commandPrefix = "a"\nmisspelt = 1',
        ],
    )
    def test_what_has_no_counterpart_is_left_out(self, more: str) -> None:
        """No rule is made of it, and the reason and the line are named."""
        found = brought("gemini-cli", GEMINI.format(more=more))

        assert (found.text, [line for line, _ in left(found)]) == ("", [2])

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ('"deny"', '"maybe"', "is no decision"),
            ("run_shell_command", "read_file", "need `toolName"),
            ('commandPrefix = "a"', "commandRegex = '('", "RE2 refuses the pattern"),
            ('commandPrefix = "a"', "", "run_shell_command"),
        ],
    )
    def test_each_mistake_is_named(self, old: str, new: str, said: str) -> None:
        """The reason says what is wrong with the rule, or what became of it."""
        text = GEMINI.format(more='commandPrefix = "a"')
        assert old in text

        found = brought("gemini-cli", text.replace(old, new))

        assert said in " ".join([found.text, *(why for _, why in left(found))])

    def test_what_is_no_rule_is_left_out(self) -> None:
        """Programs of the source, other tables, and rules about every tool."""
        text = GEMINI.format(more='commandPrefix = "a"')
        text += '[[rule]]\ntoolName = "*"\ndecision = "deny"\npriority = 1\n'
        text += '[[rule]]\ntoolName = "unheard_of"\ndecision = "deny"\npriority = 1\n'
        text += '[[safety_checker]]\nname = "x"\n[other]\ny = 1\n'

        found = brought("gemini-cli", text)

        reasons = " ".join(why for _, why in left(found))
        for said in ("a program of the source", "no table of rules", "every tool", "`unheard_of`"):
            assert said in reasons
        assert answers(found, "Bash", {"command": "a b"}) == "deny"

    @pytest.mark.parametrize(
        ("more", "said"),
        [
            ("interactive = true", "without a person"),
            ('modes = ["default", "plan"]', "it always holds"),
        ],
    )
    def test_what_reaches_further_than_it_did_is_told(self, more: str, said: str) -> None:
        """The rule is carried, and whoever imports it reads what it no longer depends on."""
        found = brought("gemini-cli", GEMINI.format(more=f'commandPrefix = "a"\n{more}'))

        assert answers(found, "Bash", {"command": "a b"}) == "deny"
        assert any(said in one.message for one in found.diagnostics if one.code == "GOV673")

    def test_leave_by_a_pattern_is_not_carried(self) -> None:
        """What it lets be may go on with any other command; a prefix is taken at its word."""
        by_pattern = GEMINI.format(more="commandRegex = 'git (log|show)'")
        by_prefix = GEMINI.format(more='commandPrefix = "git log"')
        pattern, prefix = (
            brought("gemini-cli", one.replace('"deny"', '"allow"'), allow=True)
            for one in (by_pattern, by_prefix)
        )

        assert pattern.text == ""
        assert "what a pattern lets be" in left(pattern)[0][1]
        assert 'action = "allow"' in prefix.text

    def test_a_milder_rule_that_went_before_is_named(self) -> None:
        """Priorities are no notion here: what an allow excused is said to be refused now."""
        allowed = GEMINI.format(more='commandPrefix = "git status"').replace('"deny"', '"allow"')
        text = GEMINI.format(more='commandPrefix = "git"') + allowed.replace("= 10", "= 20")
        found = brought("gemini-cli", text)

        assert any("higher priority (line 8)" in one.message for one in found.diagnostics)

    def test_messages_and_tools_are_carried(self) -> None:
        """Several tools are one rule, and its message is the source's, braces and all."""
        text = '[[rule]]\ntoolName = ["write_file", "replace"]\ndecision = "ask_user"\n'
        text += 'priority = 1\ndenyMessage = "Not {here}."\n[[rule]]\nmcpName = "git"\n'
        text += 'decision = "deny"\npriority = 2\n'
        found = brought("gemini-cli", text)

        assert answers(found, "Edit", {"file_path": "a"}) == "ask"
        assert answers(found, "mcp__git__push", {}) == "deny"
        assert "Not {{here}}." in found.text


class TestCodex:
    """Prefix rules in Starlark."""

    def test_alternatives_and_examples_are_carried(self) -> None:
        """Each spelling of a word counts, and the source's examples are examples here."""
        text = (
            'prefix_rule(\n  pattern = ["git", ["push", "fetch"]],\n  decision = "forbidden",\n'
            '  match = [["git", "push", "origin"], "git fetch --all"],\n'
            '  not_match = ["git pull"],\n  justification = "Use {jj}.",\n)\n'
        )
        found = brought("codex", text)
        (rule,) = read_toml(found.text, "x").data["rule"]  # type: ignore[misc]

        assert answers(found, "Bash", {"command": "git fetch"}) == "deny"
        assert answers(found, "Bash", {"command": "git pull"}) == "allow"
        assert [one["command"] for one in rule["must_match"]] == [
            "git push origin",
            "git fetch --all",
        ]
        assert rule["must_not_match"][0]["command"] == "git pull"
        assert rule["message"] == "Use {{jj}}."

    @pytest.mark.parametrize(
        "call",
        [
            'prefix_rule(pattern = [name], decision = "forbidden")',
            'prefix_rule(pattern = ["a"] + ["b"], decision = "forbidden")',
            'prefix_rule(["a"], decision = "forbidden")',
            'prefix_rule(pattern = [], decision = "forbidden")',
            'prefix_rule(pattern = ["a"], decision = "never")',
            'prefix_rule(pattern = ["a"], decision = "forbidden", speed = 3)',
            "prefix_rule(**all)",
            'host_executable(name = "git", paths = [])',
            "unheard_of(x = 1)",
        ],
    )
    def test_what_is_no_literal_rule_is_left_out(self, call: str) -> None:
        """Nothing is run and nothing is guessed: the call is named with its line."""
        found = brought("codex", f"\n{call}\n")

        assert (found.text, [line for line, _ in left(found)]) == ("", [2])

    @pytest.mark.parametrize(
        "text",
        [
            "import os\n",
            "x = 1\n",
            "prefix_rule(\n",
            "os.system('x')\n",
            "for x in []:\n  pass\n",
            "(" * 400,
            "-" * 100_000 + "1",
        ],
    )
    def test_other_code_is_refused(self, text: str) -> None:
        """A file with anything but calls is none of prefix rules."""
        with pytest.raises(DefinitionError) as caught:
            brought("codex", text)

        assert {one.code for one in caught.value.diagnostics} == {"GOV670"}

    def test_hosts_are_carried_as_domains(self) -> None:
        """What may not be reached may not be fetched; what is let be needs no rule."""
        found = brought(
            "codex",
            'network_rule(host = "evil.test", decision = "deny")\n'
            'network_rule(host = "ask.test", decision = "prompt", justification = "Sure?")\n'
            'network_rule(host = "fine.test", decision = "allow")\n'
            'network_rule(host = 7, decision = "deny")\n',
        )

        def fetched(host: str) -> str:
            return answers(found, "WebFetch", {"url": f"https://{host}/x", "prompt": "p"})

        assert [fetched(one) for one in ("evil.test", "ask.test", "fine.test")] == [
            "deny", "ask", "allow",
        ]  # fmt: skip
        assert [line for line, _ in left(found)] == [3, 4]
        assert "Sure?" in found.text

    def test_leave_is_carried_where_it_is_asked_for(self) -> None:
        """For that command alone, and not for what may follow it on the line."""
        text = 'prefix_rule(pattern = ["git", "status"], decision = "allow")\n'
        carried = brought("codex", text, allow=True)

        assert brought("codex", text).text == ""
        assert 'action = "allow"' in carried.text
        assert left(carried) == []


HOOKIFY = "---\nname: no-rm\nenabled: true\nevent: {event}\n{more}\n---\n\nNot **{{here}}**.\n"


class TestHookify:
    """Markdown files with front matter."""

    def test_a_pattern_over_commands(self) -> None:
        """It is searched without regard to case, and its text is the message."""
        text = HOOKIFY.format(event="bash", more="pattern: rm\\s+-rf|dd\\s+if=\naction: block")
        found = brought("hookify", text)

        assert answers(found, "Bash", {"command": "RM  -rf x"}) == "deny"
        assert answers(found, "Bash", {"command": "ls"}) == "allow"
        assert "Not **{{here}}**." in found.text

    def test_conditions_hold_together(self) -> None:
        """All conditions are matchers of one rule; without an action it warns."""
        more = (
            "conditions:\n  - field: file_path\n    operator: regex_match\n    pattern: \\.env$\n"
            "  - field: new_text\n    operator: contains\n    pattern: KEY\n"
            "  - field: new_text\n    operator: not_contains\n    pattern: example"
        )
        found = brought("hookify", HOOKIFY.format(event="file", more=more))
        written = {"file_path": "/p/.env", "content": "KEY=1"}

        assert answers(found, "Write", written) == "warn"
        assert answers(found, "Write", {**written, "content": "KEY=example"}) == "allow"
        assert answers(found, "Write", {**written, "file_path": "/p/a"}) == "allow"

    @pytest.mark.parametrize(
        ("event", "more"),
        [
            ("stop", "pattern: .*"),
            ("bash", "action: explode\npattern: x"),
            ("bash", "enabled: false"),
            ("lunch", "pattern: x"),
            ("bash", ""),
            ("bash", "pattern: (?=x)y"),
            ("bash", "conditions:\n  - field: command\n    operator: is\n    pattern: x"),
            ("bash", "conditions:\n  - field: file_path\n    operator: equals\n    pattern: x"),
        ],
    )
    def test_what_has_no_counterpart_is_left_out(self, event: str, more: str) -> None:
        """No rule is made, and the reason is named."""
        text = HOOKIFY.format(event=event, more=more)
        if "enabled: false" in more:
            text = text.replace("enabled: true\n", "")
        found = brought("hookify", text)

        assert (found.text, len(left(found))) == ("", 1)

    @pytest.mark.parametrize(
        "more",
        ["pattern: |\n  x", "name: twice", "conditions:\n  - x", "  - field: x", "!!", "a b: c"],
    )
    def test_front_matter_that_is_not_understood_is_refused(self, more: str) -> None:
        """File and line are named; nothing is guessed."""
        with pytest.raises(DefinitionError) as caught:
            brought("hookify", HOOKIFY.format(event="bash", more=more))

        assert caught.value.diagnostics[0].code == "GOV670"
        assert caught.value.diagnostics[0].line >= 5


IDUMB = """\
bash_denies:
  - pattern: "rm -rf /"
    message: "Not the root"
    suggestion: "Name a file"
    severity: block
    scope: all
  - pattern: "echo $.*TOKEN"
bash_allows:
  builder:
    - "git status"
    - "git add *"
tool_denies:
  lead:
    - tool: "write"
      message: "Leads do not write"
delegation_denies:
  builder:
    - pattern: task
file_allows:
  builder:
    paths: [".idumb/**"]
first_tool_requires:
  lead:
    tools: [read, nothing]
ask_permissions:
  - operation: "npm publish"
    message: |
      It is
      public
"""


class TestIdumb:
    """Deny rules in YAML."""

    def test_rules_and_roles_are_carried(self) -> None:
        """Commands, allow-lists, tools, files and first tools of each agent."""
        found = brought("idumb", IDUMB)

        assert answers(found, "Bash", {"command": "rm -rf /"}) == "deny"
        assert answers(found, "Bash", {"command": "npm publish"}) == "ask"
        assert answers(found, "Bash", {"command": "git add a.py"}, "builder") == "allow"
        assert answers(found, "Bash", {"command": "git add a; ls"}, "builder") == "deny"
        assert answers(found, "Bash", {"command": "make"}, "builder") == "deny"
        assert answers(found, "Write", {"file_path": "a", "content": ""}, "builder") == "deny"
        assert answers(found, "Write", {"file_path": "a", "content": ""}, "lead") == "deny"
        assert answers(found, "TodoWrite", {}, "lead") == "deny"
        assert answers(found, "Read", {"file_path": "a"}, "lead") == "allow"
        assert [line for line, _ in left(found)] == [7, 23]

    @pytest.mark.parametrize(
        "text",
        [
            "a: &x 1\n",
            "bash_denies: *x\n",
            "bash_denies: {a: b}\n",
            "bash_denies:\n\t- pattern: x\n",
            "bash_denies:\n  - pattern: x\n  pattern: y\n",
            "a: 1\na: 2\n",
            'a: "b\n',
            "---\na: 1\n---\nb: 2\n",
            "- 1\n",
            "nothing: here\n",
            "bash_denies: [a\n",
            "  a:\n b: 1\n",
        ],
    )
    def test_yaml_that_is_not_understood_is_refused(self, text: str) -> None:
        """More than the small part, or no list of rules: GOV670 with a line."""
        with pytest.raises(DefinitionError) as caught:
            brought("idumb", text)

        assert {one.code for one in caught.value.diagnostics} == {"GOV670"}


@pytest.mark.parametrize("format_name", ["claude-code", "gemini-cli", "codex", "hookify", "idumb"])
@pytest.mark.parametrize(
    "data", [b"", b"  \n", b"\x00\x01", b"\xff\xfe", b"[" * 50_000, b"{", b"x" * 4_000_001]
)
def test_what_is_no_such_file_is_refused(format_name: str, data: bytes) -> None:
    """Empty, binary, deep or huge: diagnostics with the file, and nothing else."""
    with pytest.raises(DefinitionError) as caught:
        brought(format_name, data)

    assert {one.code for one in caught.value.diagnostics} == {"GOV670"}
    assert {one.file for one in caught.value.diagnostics} == {"source"}


def test_a_number_of_files_is_bounded_in_entries() -> None:
    """More entries than are carried are refused as a whole, not cut."""
    with pytest.raises(DefinitionError):
        brought("claude-code", settings(allow=[f"Bash({n})" for n in range(5_001)]))


@pytest.mark.parametrize(
    "source",
    [
        r"rm\s+-(rf|fr)\b", r"^\d{3}[^a-z]+$", r"(?i)DROP\s+(TABLE|DATABASE)", r"a{2,3}b*c+?",
        r"[[:digit:]]\.[\w-]+", r"\.env$", r"(?P<x>y|z)(?:\||\\)", r".*", r"\p{Lu}x", r"[]a]",
    ],
)  # fmt: skip
def test_a_sample_fits_its_pattern(source: str) -> None:
    """What is made of a pattern is found by it."""
    made = sample_of(source)

    assert made is not None
    assert compile_pattern(source).search(made) is not None


def test_a_pattern_that_cannot_be_met_has_no_sample() -> None:
    """Nothing is given that does not fit, and what RE2 refuses is refused."""
    assert sample_of(r"a\Ab") is None
    with pytest.raises(PatternRefused):
        sample_of(r"(?!a)b")
