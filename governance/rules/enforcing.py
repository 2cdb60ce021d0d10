"""
What the hosts in use can do of what the rules ask.

An action that a host lacks becomes the next stricter one that it has, which is worth a
warning. A refusal that a host would not honour is an error: the rule would stand there and
hold nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from governance.rules.fact_table import ASKED_EVENTS
from governance.rules.format import Rule
from governance.rules.reading import Findings
from governance.rules.sources import LoadSettings

_MACHINE_EVENT = {
    "tool": "tool_before",
    "prompt": "turn_start",
    "command": "command",
    "session": "start",
    "model": "model",
}
_REFUSING = ("ask", "deny", "halt")
_INSTEAD = 'bind it to `on = "tool"` and `on = "prompt"`, or to a host that can'


def check_hosts(rule: Rule, findings: Findings, settings: LoadSettings) -> None:
    """Report what the hosts of *settings* cannot do of *rule* (GOV257)."""
    for name, host in settings.hosts.items():
        for event in _events(rule) if rule.action in _REFUSING else ():
            if event not in host.deny_at:
                message = (
                    f"`{name}` honours no refusal at `{event}`, "
                    f"where `{rule.id}` would hold nothing"
                )
                findings.wrong("GOV257", message, (*rule.path, "action"), _INSTEAD)
        if rule.action == "ask" and not host.asks:
            message = f"`{name}` cannot ask a person, so `{rule.id}` denies there"
            findings.warn("GOV257", message, (*rule.path, "action"))
        if rule.action == "rewrite" and rule.on == "command" and not host.redirects:
            message = (
                f"`{name}` cannot run another command, so `{rule.id}` refuses there and names it"
            )
            findings.warn("GOV257", message, (*rule.path, "action"))
        if rule.action == "rewrite" and not host.rewrites and rule.on == "tool":
            instead = "asks" if host.asks else "denies"
            message = f"`{name}` cannot rewrite, so `{rule.id}` {instead} there"
            findings.warn("GOV257", message, (*rule.path, "action"))


def _events(rule: Rule) -> Iterator[str]:
    """The machine's events at which *rule* may refuse."""
    if rule.on in _MACHINE_EVENT:
        yield _MACHINE_EVENT[rule.on]
    elif rule.on == "transition":
        named = rule.when.get("event")
        if isinstance(named, str):
            yield named
        elif isinstance(named, list):
            yield from (str(one) for one in named)
        else:
            yield from ASKED_EVENTS
