"""Every host that calls a command keeps the contract of adapters."""

from __future__ import annotations

from governance.hosts import HOOKED
from governance.testing.host_contract_hooks import HookHostContract
from tests.contract.hook_drivers import DRIVERS, ClaudeCode, Codex, GeminiCli, OpenCode


class TestClaudeCode(HookHostContract):
    driver = ClaudeCode


class TestCodex(HookHostContract):
    driver = Codex


class TestGeminiCli(HookHostContract):
    driver = GeminiCli


class TestOpenCode(HookHostContract):
    driver = OpenCode


def test_none_is_left_out() -> None:
    """Each host that calls a command has a driver here."""
    assert set(DRIVERS) == set(HOOKED)
