"""Whatever is put into a host's settings comes out again without a trace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from governance.hooking.settings_file import SettingsRefused
from governance.hosts import INSTALLABLE, installer_of
from governance.testing.host_contract_settings import SettingsContract, tree

BY_HAND = (
    '{\r\n\t"a": {\r\n\t\t"b": [1,\r\n\t\t2]\r\n\t}\r\n}\r\n',
    '{\r"a": 1\r}',
    '\ufeff  {  "a" :1  ,"hooks":{}}  \n\n\n',
    '{"new": {"x": [{"y": 1e3, "z": -0.0, "n": 12345678901234567890}]}, "hooks":\n'
    '{"Later": [], "Stop": [{"own": 1, "hooks": [{"type": "x", "more": true}]}]}, "é": "\\u00e9"}',
    '{"hooks": {"Later": ["\\ud800 é"]}, "a": [1e999, "\\udfff"]}',
)
"""As editors and people leave a file: tabs, ends of lines, a mark of bytes, unknown members."""

NO_SETTINGS = (
    "", " \n", "[]", '{"a": 1,}', '{"a": 1, "a": 2}', '{\n  // mine\n  "a": 1\n}', '{"hooks": []}',
    '{"a": NaN}', '{"hooks": {"Later": [NaN]}}', '{"hooks": {"Later": [1e999]}}',
)  # fmt: skip
"""What cannot be added to without a guess at what was meant."""

YAML_BY_HAND = (
    "model: x",
    "plugins:\n    enabled:\n        - a\n    other: {q: 1}\nmodel: x\n",
    "plugins:\n  enabled:\n  - a\n  - b\nx: 1\n",
    "base: &b {k: 1}\nother: *b\ntext: |\n  plugins:\n    enabled: [q]\nmodel: x\n",
    "\ufeffmodel: x\r\nplugins:\r\n",
)

THEIRS = '{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "bell"}]}]}, "a": 1}\n'


class TestClaudeCode(SettingsContract):
    installer = installer_of("claude-code")
    texts = ("{}", '{\n  "model": "é"\n}', *BY_HAND, THEIRS)


class TestCodex(SettingsContract):
    installer = installer_of("codex")
    texts = ("{}", *BY_HAND, THEIRS)
    variables = ("CODEX_HOME",)


class TestGeminiCli(SettingsContract):
    installer = installer_of("gemini-cli")
    texts = ("{}", '{"a": 1,\r\n "c": "é"}', *BY_HAND, THEIRS)


class TestHermes(SettingsContract):
    installer = installer_of("hermes")
    texts = ("", "# mine\nmodel: x\n", *YAML_BY_HAND, "plugins:\n  enabled: [a]  # b\r\n")
    variables = ("HERMES_HOME",)

    def settings_file(self, project: Path) -> Path:
        return project.parent / "hermes_home" / "config.yaml"


class TestOpenCode(SettingsContract):
    installer = installer_of("opencode")
    texts = ()


def test_none_is_left_out() -> None:
    """Each host that `init` puts something into is tried here."""
    tried = {one.installer.start for one in SettingsContract.__subclasses__()}
    assert tried == {installer_of(host).start for host in INSTALLABLE}


# -- several hosts, and hosts that write their settings themselves ------------------------------

JSON_HOSTS = ("claude-code", "codex", "gemini-cli")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, and homes of its person's and of the hosts beside it."""
    for name in ("HOME", "CODEX_HOME", "HERMES_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    (tmp_path / "home").mkdir()
    (tmp_path / "project" / ".governance").mkdir(parents=True)
    return tmp_path / "project"


def test_all_hosts_in_one_project(project: Path) -> None:
    """They do not disturb each other, and each leaves no trace, in whatever order it goes."""
    before = tree(project.parent)
    for host in INSTALLABLE:
        installer_of(host).install(project)
    assert [installer_of(host).problems(project) for host in INSTALLABLE] == [()] * 5

    for number, host in enumerate(INSTALLABLE, 1):
        installer_of(host).uninstall(project)
        left = INSTALLABLE[number:]
        assert [installer_of(one).problems(project) for one in left] == [()] * len(left)
    assert tree(project.parent) == before


@pytest.mark.parametrize("host", JSON_HOSTS)
def test_client_that_writes_its_settings_anew(project: Path, host: str) -> None:
    """After an update that lays the file out anew the hooks are there, and come out alone."""
    installer = installer_of(host)
    file = project / installer.settings
    file.parent.mkdir(parents=True)
    file.write_text(THEIRS)
    installer.install(project)
    written = json.loads(file.read_text()) | {"migrated": 2}
    file.write_text(json.dumps(written, indent=4))

    assert installer.problems(project) == ()
    assert not any(one.changed for one in installer.install(project))
    installer.uninstall(project)
    assert json.loads(file.read_text()) == json.loads(THEIRS) | {"migrated": 2}


@pytest.mark.parametrize("text", NO_SETTINGS)
@pytest.mark.parametrize("host", JSON_HOSTS)
def test_what_is_no_settings_is_left_as_it_is(project: Path, host: str, text: str) -> None:
    """A file with comments, or that is none: refused with its name, and not a byte changes."""
    installer = installer_of(host)
    file = project / installer.settings
    file.parent.mkdir(parents=True)
    file.write_text(text)
    before = tree(project.parent)

    with pytest.raises(SettingsRefused, match=file.name):
        installer.install(project)
    assert tree(project.parent) == before


# -- what somebody has done to a hook of ours ---------------------------------------------------

TOOL_EVENTS = {"claude-code": "PreToolUse", "codex": "PreToolUse", "gemini-cli": "BeforeTool"}


@pytest.mark.parametrize("host", JSON_HOSTS)
@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("timeout", 0.001, "was changed by somebody: `timeout`"),
        ("type", "prompt", "was changed by somebody: `type`"),
        ("async", True, "was changed by somebody: `async`"),
        ("matcher", "Bash", "is called for `Bash` alone"),
        ("matcher", ["x"], "is called for `['x']` alone"),
        ("matcher", "", ""),
        ("matcher", "*", ""),
        ("hooks", "twice", "2 hooks of ours answer"),
    ],
)
def test_a_hook_that_was_changed_is_found(
    project: Path, host: str, member: str, value: object, said: str
) -> None:
    """A time-out, a kind, a matcher that the host heeds: by these a guard is off in part."""
    installer = installer_of(host)
    installer.install(project)
    assert installer.problems(project) == ()
    file = project / installer.settings
    settings = json.loads(file.read_text())
    group = settings["hooks"][TOOL_EVENTS[host]][-1]
    if member == "hooks":
        group["hooks"] *= 2
    else:
        (group if member == "matcher" else group["hooks"][0])[member] = value
    file.write_text(json.dumps(settings))

    told = installer.problems(project)

    assert any(said in one for one in told) if said else told == ()
    installer.install(project)
    assert installer.problems(project) == ()


@pytest.mark.parametrize("host", JSON_HOSTS)
@pytest.mark.parametrize(
    ("text", "said"),
    [('{\n // x\n "a": 1}', "line 2: a comment"), ('{"a": 1,\n}', "line 2: a comma")],
)
def test_what_is_nearly_json_is_named(project: Path, host: str, text: str, said: str) -> None:
    """Whoever mends the file by hand reads what is wrong with it."""
    file = project / installer_of(host).settings
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)

    with pytest.raises(SettingsRefused, match=said):
        installer_of(host).install(project)

    assert file.read_text() == text
