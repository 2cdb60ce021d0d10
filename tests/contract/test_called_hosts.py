"""Hosts that call functions of ours keep the contract of adapters."""

from __future__ import annotations

from pathlib import Path

from governance.testing.host_contract import Host, HostContract
from tests.contract.agent_hooks_driver import AgentHooks
from tests.contract.hermes_driver import Hermes


class TestHermes(HostContract):
    def open_host(self, folder: Path) -> Host:
        return Hermes(folder)


class TestAgentHooks(HostContract):
    def open_host(self, folder: Path) -> Host:
        return AgentHooks()
