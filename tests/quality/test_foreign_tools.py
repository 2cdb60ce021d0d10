"""Tools that no table knows are held by the rules of those that are: by what they do."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from governance._shipped import pack_texts
from governance.calls import ToolCall
from governance.hosts.claude_code.tools import TOOLS as CLAUDE
from governance.hosts.codex.tools import TOOLS as CODEX
from governance.hosts.gemini_cli.tools import TOOLS as GEMINI
from governance.hosts.hermes.tools import TOOLS as HERMES
from governance.rules.facts import facts_of_call
from governance.rules.host_tools import HostTools, call_of
from governance.rules.loader import read_rules
from governance.rules.paths import PLAIN_PLACES
from governance.rules.ruleset import RuleSet
from governance.rules.sources import LoadSettings, PackSource
from governance.rules.verdicts import Decision, RuleEvent
from governance.rules.vocabulary import default_vocabulary
from governance.values import Json

PATCH = "*** Begin Patch\n*** Update File: {}\n@@\n-a\n+b\n*** End Patch\n"
DIFF = "--- a/{0}\n+++ b/{0}\n@@ -1 +1 @@\n-a\n+b\n"

HARMFUL: list[tuple[str, dict[str, Json]]] = [
    ("fs__write_file", {"path": "governance.toml", "content": "x"}),
    ("fs__write_file", {"path": ".//x/../governance.toml", "content": "x"}),
    ("fs__write_file", {"path": "rules/team.toml", "content": "x"}),
    ("fs__createOrUpdateFile", {"filePath": ".claude/settings.json", "text": "{}"}),
    ("fs__edit_file", {"path": ".claude/settings.json", "edits": [{"oldText": "a"}]}),
    ("fs__edit_block", {"file_path": ".codex/config.toml", "new_string": "x"}),
    ("fs__apply", {"patch": PATCH.format(".claude/settings.json")}),
    ("fs__apply_diff", {"diff": DIFF.format("governance.toml")}),
    ("fs__write_files", {"files": [{"path": "a", "content": ""}, {"path": ".git/config"}]}),
    ("fs__write_files", {"files": {"a.py": "x", ".git/hooks/pre-commit": "#!/bin/sh"}}),
    ("fs__create", {"dir": ".git/hooks", "name": "pre-commit", "content": "#!/bin/sh"}),
    ("fs__move_file", {"source": "governance.toml", "destination": "x.toml"}),
    ("fs__move_file", {"source": "x.toml", "destination": "governance.toml"}),
    ("fs__rename", {"old_path": ".claude/settings.json", "new_path": ".claude/off.json"}),
    ("fs__copy_file", {"from": "x.json", "to": ".claude/settings.json"}),
    ("fs__copy_file", {"src": "~/.ssh/id_rsa", "dst": "out.txt"}),
    ("fs__remove", {"file": ".governance/journal.db"}),
    ("fs__delete_files", {"paths": ["a.txt", ".governance"]}),
    ("fs__delete_directory", {"path": ".claude"}),
    ("fs__delete_directory", {"path": "./"}),
    ("fs__move_directory", {"source": "rules", "destination": "old-rules"}),
    ("fs__do", {"ops": [{"op": "write", "target": {"filePath": ".git/config"}}]}),
    ("fs__do", {"p": "/project/.governance/journal.db"}),
    ("fs__put", {"uri": "file:///project/governance.toml", "data": "x"}),
    ("fs__put", {"uri": "FILE://localhost/project/govern%61nce.toml", "data": "x"}),
    ("fs__read_file", {"path": "~/.ssh/id_rsa"}),
    ("fs__read_file", {"uri": "file:///home/user/.ssh/id_rsa"}),
    ("fs__read_multiple_files", {"paths": ["README.md", ".env"]}),
    ("fs__read_text_file", {"AbsolutePath": "/etc/shadow"}),
    ("fs__grep", {"path": ".env", "pattern": "KEY"}),
    ("fs__search", {"directory": "~/.aws/credentials", "query": "key"}),
    ("fs__write_file", {"path": "a.py", "content": "k = 'AKIAIOSFODNN7EXAMPLE'"}),
    ("net__fetch", {"url": "http://169.254.169.254/latest/meta-data/"}),
    ("net__fetch", {"url": "http://metadata.google.internal/computeMetadata/v1/"}),
    ("net__fetch", {"urls": ["https://example.com", "file:///home/user/.ssh/id_rsa"]}),
    ("browser__browser_navigate", {"url": "http://0xa9fea9fe/latest/user-data"}),
    ("net__request", {"endpoint": "http://[::ffff:169.254.169.254]/", "method": "GET"}),
    ("sh__run", {"command": "rm -rf /"}),
    ("sh__execute_command", {"cmd": "cat .env"}),
    ("sh__start_process", {"command": "git", "args": ["push", "--force", "origin", "main"]}),
    ("sh__exec", {"command": ["rm", "-rf", "/"]}),
    ("sh__run_in_terminal", {"commandLine": "echo x > governance.toml"}),
    ("sh__run", {"cwd": ".claude", "command": "echo {} > settings.json"}),
    ("py__run_python", {"code": "open('governance.toml','w')"}),
    ("ide__executeCode", {"code": "import shutil; shutil.rmtree('/')"}),
    ("postgres__query", {"sql": "DROP TABLE users"}),
    ("mysql__query", {"query": "DROP DATABASE prod"}),
    ("supabase__apply_migration", {"query": "DROP TABLE users"}),
    ("tmux__send_keys_to_terminal", {"pane": "1", "keys": "rm -rf /\n"}),
    ("desktop__interact_with_process", {"pid": 5, "input": "cat ~/.ssh/id_rsa"}),
    ("browser__take_screenshot", {"filename": ".git/hooks/pre-commit"}),
    ("sh__run", {"command": "rm", "args": "-rf /"}),
    ("sh__run", {"commands": [["rm", "-rf", "/"], ["ls"]]}),
    ("sh__run", {"argv": ["rm", "-rf", "/"]}),
    ("sh__run", {"program": "rm", "args": ["-rf", "/"]}),
    ("sh__run", {"executable": "rm", "arguments": ["-rf", "/"]}),
    ("sh__run", {"run": "rm -rf /"}),
    ("sh__run", {"shellCmd": "rm -rf /"}),
    ("sh__run", {"cmdline": "rm -rf /"}),
    ("sh__run", {"commandToRun": "rm -rf /"}),
    ("sh__run", {"bash_command": "rm -rf /"}),
    ("sh__run", {"command": {"line": "rm -rf /"}}),
    ("sh__run", {"payload": '{"command": "rm -rf /"}'}),
    ("gateway__call_tool", {"tool": "run", "arguments": '{"command": "rm -rf /"}'}),
    ("py__python", {"params": {"code": "print(open('.env').read())"}}),
    ("code__execute", {"language": "python", "code": "print(open('.env').read())"}),
    ("code__execute", {"lang": "bash", "code": "cat .env"}),
    ("code__execute", {"code": "print(open('.env').read())"}),
    ("code__execute", {"code": "require('fs').readFileSync('.env')"}),
    ("db__execute_sql", {"params": {"sql": "DROP DATABASE prod"}}),
    ("db__execute_sql", {"statements": ["SELECT 1", "DROP DATABASE prod"]}),
    ("postgres__query", {"queries": ["DROP DATABASE prod"]}),
    ("git__git_push", {"force": True, "branch": "main"}),
    ("git__git_push", {"args": ["--force"]}),
    ("git__git_push", {"flags": "-f"}),
    ("git__git_push", {"options": " --force  --tags"}),
    ("git__git_push", {"force": "true"}),
    ("git__git_push", {"force": "Yes"}),
    ("git__git_push", {"force": 1}),
    ("git__git_push", {"mirror": "1"}),
    ("git__git_push", {"f": True}),
    ("git__git_push", {"extra_args": "-f"}),
    ("git__git_reset", {"mode": "hard"}),
    ("fs__read_file", {"p": "/home/u/My Files/.env"}),
    ("fs__read_file", {"target": "id_rsa"}),
    ("fs__read_file", {"путь": "id_rsa"}),
    ("fs__read_file", {"path": {"value": "/etc/shadow"}}),
    ("fs__read_file", {"path": {"uri": "/etc/shadow"}}),
    ("fs__read_file", {"text": "/etc/shadow"}),
    ("fs__read_file", {"query": "/etc/shadow"}),
    ("fs__read_files", {"files": {".env": None}}),
    ("fs__read_files", {"files": {"/etc/shadow": ["1-10"]}}),
    ("fs__read_files", {"paths": "a.txt\n/etc/shadow"}),
    ("fs__read_files", {"paths": '["/etc/shadow"]'}),
    ("fs__read_files", {"paths": "/etc/shadow /etc/passwd"}),
    ("fs__write_file", {"path": "a.py", "lines": ["k = 'AKIAIOSFODNN7EXAMPLE'"]}),
    ("fs__write_file", {"path": "a.py", "payload": "k = 'AKIAIOSFODNN7EXAMPLE'"}),
    ("net__fetch", {"url": "169.254.169.254/latest"}),
    ("net__fetch", {"host": "169.254.169.254", "path": "/latest/meta-data"}),
    ("net__fetch", {"target": "//169.254.169.254/latest"}),
    ("net__fetch", {"request": "GET http://169.254.169.254/ HTTP/1.1"}),
    ("fs__search_in_files", {"path": ".", "include": ".en?", "pattern": "KEY"}),
]

HARMLESS: list[tuple[str, dict[str, Json]]] = [
    ("fs__read_file", {"path": "README.md"}),
    ("fs__write_file", {"path": "src/app.py", "content": "print(1)"}),
    ("fs__edit_file", {"path": "src/app.py", "edits": [{"oldText": "a", "newText": "b"}]}),
    ("fs__list_directory", {"path": "."}),
    ("fs__list_directory", {"path": ".claude"}),
    ("fs__get_file_info", {"path": "governance.toml"}),
    ("fs__read_file", {"path": "governance.toml"}),
    ("fs__read_text_file", {"path": ".env.example"}),
    ("fs__search_files", {"path": ".", "pattern": "governance.toml"}),
    ("fs__move_file", {"source": "a.py", "destination": "b.py"}),
    ("fs__list_allowed_directories", {}),
    ("git__git_add", {"repo_path": "/project", "files": ["governance.toml", "src/a.py"]}),
    ("git__git_commit", {"repo_path": "/project", "message": "x"}),
    ("browser__take_screenshot", {"filename": "home.png"}),
    ("tmux__read_terminal", {"lines": 20}),
    ("supabase__list_tables", {"schemas": ["public"]}),
    ("k8s__list_pods", {"namespace": "default"}),
    ("fs__create_directory", {"path": "src/new"}),
    ("figma__get_file", {"fileKey": "abc", "nodeId": "1:2"}),
    ("notion__create_page", {"parent": {"page_id": "x"}, "title": "/etc/passwd and others"}),
    ("aws__get_docs", {"url": "https://docs.aws.amazon.com/s3"}),
    ("github__create_issue", {"owner": "o", "repo": "r", "title": "x", "body": "see .env"}),
    ("github__create_pull_request", {"head": "feature/x", "base": "main", "title": "rm -rf /"}),
    ("github__search_code", {"q": "path:.env KEY"}),
    ("github__create_or_update_file", {"repo": "r", "path": "docs/a.md", "content": "x"}),
    ("slack__post_message", {"channel": "#dev", "text": "run `rm -rf /` never"}),
    ("mail__send", {"to": "bob@example.com", "from": "me@example.com", "subject": "x"}),
    ("translate__text", {"source": "en", "target": "de", "text": "delete governance.toml"}),
    ("linear__update_issue", {"id": "GOV-1", "state": "done", "description": ".git/config"}),
    ("browser__browser_navigate", {"url": "https://example.com/docs"}),
    ("browser__browser_navigate", {"url": "http://localhost:3000/login"}),
    ("browser__browser_type", {"selector": "#q", "text": "rm -rf /"}),
    ("postgres__query", {"sql": "SELECT * FROM users WHERE id = 5"}),
    ("redis__command", {"command": "GET key"}),
    ("sh__run", {"command": "npm test"}),
    ("sh__run", {"command": "git status"}),
    ("ide__getDiagnostics", {"uri": "file:///project/governance.toml"}),
    ("ide__executeCode", {"code": "df.head()"}),
    ("context7__get_docs", {"library": "/vercel/next.js", "topic": "routing"}),
    ("memory__create_entities", {"entities": [{"name": "x", "observations": ["a/b"]}]}),
    ("docs__search", {"query": "how do I write ~/.ssh/config"}),
    ("github__list_workflow_runs", {"run": "123"}),
    ("docker__create_container", {"image": "nginx", "args": ["--port", "80"]}),
    ("sentry__search", {"query": "is:unresolved"}),
    ("playwright__browser_evaluate", {"function": "() => document.title"}),
    ("playwright__browser_run_code", {"code": "await page.click('#x')"}),
    ("puppeteer__evaluate", {"script": "return document.title"}),
    ("github__get_file_contents", {"repo": "r", "path": "src/index.ts", "ref": "main"}),
    ("net__request", {"host": "api.example.com", "path": "/v1/users", "method": "GET"}),
    ("net__request", {"url": "example.com/docs"}),
    ("jira__transition", {"issue": {"key": "A-1", "fields": {"x.y": 1}}}),
    ("k8s__get", {"selector": {"app.kubernetes.io/name": "web"}}),
    ("grafana__query", {"query": "rate(http_requests_total[5m])", "step": "1m"}),
    ("bigquery__query", {"query": "select 1"}),
    ("notebook__execute_cell", {"cell": 3, "code": "df = pd.read_csv('a.csv')"}),
    ("git__git_checkout", {"repo_path": "/project", "branch_name": "feature/x"}),
    ("git__git_log", {"repo_path": "/project", "max_count": 5}),
    ("git__git_log", {"repo_path": "/project", "max_count": 1}),
    ("git__git_push", {"force": "false", "branch": "feature/x"}),
    ("git__git_push", {"force": False, "flags": "-u"}),
    ("git__git_push", {"force": 0, "flags": ""}),
    ("fs__read_multiple_files", {"paths": ["a.py", "b.py"]}),
    ("code__format_code", {"language": "python", "code": "import os\nos.remove('x')"}),
    ("lint__check", {"code": "rm -rf /", "language": "bash"}),
    ("figma__export", {"href": "figma.com/file/x"}),
    ("mail__send", {"to": "bob@example.com", "body": "/etc/passwd"}),
    ("shell__list_sessions", {"shell": "zsh"}),
    ("ci__trigger", {"args": {"branch": "main"}}),
    ("todo__add", {"lines": ["buy milk"]}),
    ("slack__slash", {"command": "/remind me to read the docs"}),
    ("search__find_files", {"glob": "*.ts"}),
    ("openapi__call", {"content": {"application/json": {"name": "x"}}}),
    ("db__describe_table", {"engine": "postgres", "table": "users"}),
]


@pytest.fixture(scope="module")
def rules() -> RuleSet:
    sources = [PackSource(n, t, f"rules/{n}.toml", "machine") for n, t in pack_texts().items()]
    released = LoadSettings(
        fields={"language": "English", "phase": "plan"},
        characters_max=8000,
        released=lambda _: True,
    )
    made = read_rules(sources, default_vocabulary(), settings=released).rules
    assert made is not None
    return made


def decided(rules: RuleSet, call: ToolCall) -> Decision:
    return rules.decide(RuleEvent("tool", facts_of_call(call, PLAIN_PLACES), call))


def named(host: HostTools, name: str, arguments: Mapping[str, Json]) -> ToolCall:
    """A call of a server's tool as *host* names it."""
    return call_of(
        host, host.mcp_prefix + name.replace("__", host.mcp_separator, 1), arguments, cwd="/project"
    )


@pytest.mark.parametrize("host", [CLAUDE, CODEX, GEMINI, HERMES], ids=lambda one: one.name)
@pytest.mark.parametrize(("name", "arguments"), HARMFUL, ids=str)
def test_harm_by_a_tool_of_a_server_is_held(
    rules: RuleSet, host: HostTools, name: str, arguments: dict[str, Json]
) -> None:
    """What no tool of the host may do, no tool of a server may, whatever it calls its arguments."""
    assert decided(rules, named(host, name, arguments)).action in ("ask", "deny")


@pytest.mark.parametrize(("name", "arguments"), HARMFUL, ids=str)
def test_harm_by_a_tool_that_nobody_knows_is_held(
    rules: RuleSet, name: str, arguments: dict[str, Json]
) -> None:
    """A plugin's tool, or one that a client has newly, is no way around either."""
    call = call_of(CLAUDE, name.partition("__")[2] or name, arguments, cwd="/project")
    if name.startswith(("postgres", "mysql", "ide", "supabase")):
        return  # by its own name alone nothing tells what language it speaks

    assert decided(rules, call).action in ("ask", "deny")


@pytest.mark.parametrize(("name", "arguments"), HARMLESS, ids=str)
def test_everyday_calls_of_servers_are_left_alone(
    rules: RuleSet, name: str, arguments: dict[str, Json]
) -> None:
    """Words about a file are no file, and most calls meet no rule at all."""
    decision = decided(rules, named(CLAUDE, name, arguments))

    assert (decision.action, [one.rule for one in decision.verdicts]) == ("allow", [])


AS_FOREIGN = {
    "read": ("read_file", {"path": "path"}),
    "write": ("write_file", {"path": "path", "content": "content"}),
    "edit": ("edit_file", {"path": "path", "content": "new_string"}),
    "delete": ("delete_file", {"path": "path"}),
    "grep": ("search_files", {"path": "path", "pattern": "pattern"}),
    "fetch": ("fetch_page", {"url": "url"}),
    "shell": ("run", {"command": "command"}),
}


PAST = {"requires", "forbids", "limit"}


def examples(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rule and call of each example of a shipped pack that needs no past and no other tool."""
    for text in pack_texts().values():
        for rule in tomllib.loads(text).get("rule", ()):
            if PAST & set(rule):
                continue
            writes = {"write", "@writes"} & set(rule.get("tools", ()))
            for one in rule.get(kind, ()):
                tool = one.get("tool")
                # A tool that changes a part is told from one that writes the whole by nothing.
                told = tool in AS_FOREIGN and (tool != "edit" or writes)
                if told and set(one) <= {"tool", *AS_FOREIGN[tool][1]}:
                    yield rule["id"], one


@pytest.mark.parametrize("kind", ["must_match", "must_not_match"])
def test_a_rule_says_the_same_of_every_tool_that_does_it(rules: RuleSet, kind: str) -> None:
    """Each example of each shipped rule, by a tool of a server: the rule says what it says."""
    wrong = []
    tried = 0
    for number, (ident, one) in enumerate(examples(kind)):
        # Command lines are many, and alike here.
        if one["tool"] == "shell" and number % 9:
            continue
        tool, spelled = AS_FOREIGN[one["tool"]]
        arguments = {spelled[name]: value for name, value in one.items() if name != "tool"}
        call = ToolCall(f"mcp:any:{tool}", tool, args=arguments)
        fired = ident in {verdict.rule for verdict in decided(rules, call).verdicts}
        tried += 1
        if fired is not (kind == "must_match"):
            wrong.append((ident, one))

    assert wrong == []
    assert tried > 300


@pytest.mark.parametrize(
    ("glob", "action"),
    [
        (".env*", "deny"),
        ("**/.env", "deny"),
        ("**/*.{pem,key}", "deny"),
        (".[e]nv", "deny"),
        ("src/**/*.ts, .env", "deny"),
        ("{id_rsa,.netrc}", "deny"),
        ("*.py", "allow"),
        ("!.env", "allow"),
        ("*.{ts,tsx}", "allow"),
        (".env.example", "allow"),
        ("*", "allow"),
        ("", "allow"),
        ("{", "allow"),
    ],
)
@pytest.mark.parametrize(
    ("host", "tool", "key"),
    [
        (CLAUDE, "Grep", "glob"),
        (GEMINI, "grep_search", "include_pattern"),
        (HERMES, "search_files", "file_glob"),
    ],
    ids=lambda one: getattr(one, "name", one),
)
def test_a_search_by_the_names_of_files_is_one_of_them(
    rules: RuleSet, host: HostTools, tool: str, key: str, glob: str, action: str
) -> None:
    """Whoever searches the text of all `.env` files reads them."""
    call = call_of(host, tool, {"pattern": "KEY", key: glob}, cwd="/project")

    assert decided(rules, call).action == action


def test_what_names_too_much_is_not_known(rules: RuleSet) -> None:
    """A rule on paths meets one that nobody can tell, and asks."""
    call = ToolCall("mcp:fs:write", args={"files": [{"path": f"a{n}"} for n in range(1_001)]})
    deep: Json = {"path": "governance.toml"}
    for _ in range(40):
        deep = {"a": deep}

    assert decided(rules, call).action in ("ask", "deny")
    assert decided(rules, ToolCall("mcp:fs:write", args={"a": deep})).action in ("ask", "deny")
