"""Whatever is put into a host's settings comes out again without a trace."""

from __future__ import annotations

from pathlib import Path

from governance.hosts import INSTALLABLE, installer_of
from governance.testing.host_contract_settings import SettingsContract

THEIRS = '{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "bell"}]}]}, "a": 1}\n'


class TestClaudeCode(SettingsContract):
    installer = installer_of("claude-code")
    texts = ("{}", '{\n  "model": "é"\n}', THEIRS)


class TestCodex(SettingsContract):
    installer = installer_of("codex")
    texts = ("{}", THEIRS)
    variables = ("CODEX_HOME",)


class TestGeminiCli(SettingsContract):
    installer = installer_of("gemini-cli")
    texts = ("{}", '{"a": 1,\r\n "c": "é"}', THEIRS)


class TestHermes(SettingsContract):
    installer = installer_of("hermes")
    texts = ("", "# mine\nmodel: x\n", "plugins:\n  enabled: [a]  # b\r\n")
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
