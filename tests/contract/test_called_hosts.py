"""Hosts that call functions of ours keep the contract of adapters."""

from __future__ import annotations

from pathlib import Path

from governance.hosts import HOOKED, HOSTS
from governance.testing.host_contract import Host, HostContract
from tests.contract.agent_hooks_driver import AgentHooks
from tests.contract.claude_agent_sdk_driver import ClaudeAgentSdk
from tests.contract.hermes_driver import Hermes
from tests.hosts import proofs


class TestHermes(HostContract):
    def open_host(self, folder: Path) -> Host:
        return Hermes(folder)


class TestAgentHooks(HostContract):
    def open_host(self, folder: Path) -> Host:
        return AgentHooks()


class TestClaudeAgentSdk(HostContract):
    def open_host(self, folder: Path) -> Host:
        return ClaudeAgentSdk(folder)


def test_none_is_left_out() -> None:
    """Each adapter that is shipped is run by the contract, here or beside its foreign package."""
    here = {one.profile.name for one in (AgentHooks, Hermes)} | {
        ClaudeAgentSdk.adapter.profile.name
    }
    foreign = {host for host in HOSTS if proofs.promises_of(host)}
    assert here | foreign | set(HOOKED) == set(HOSTS)
