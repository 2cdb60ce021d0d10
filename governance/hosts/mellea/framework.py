"""
Mellea itself: the one place that imports it, and what must be there to govern it.

Nothing of it is imported before it is needed, and what a version lacks is found out by
looking for it, not by its number: Mellea passes over a hook that it does not know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any

from governance._attrs import frozen
from governance.errors import MisuseError
from governance.hosts.mellea.capabilities import HOOKS

PLUGIN = "session-governance"
"""Name of our plugin; Mellea knows one of a name in a process."""

GUARD = "session-governance-guard"
"""Name of the plugin that looks at a tool call again after those that may still change it."""

PRIORITY = 1_000_000
"""The highest runs last: what is decided is what the others have made of it."""


@frozen
class Framework:
    """
    What is used of Mellea and of its plugin framework.

    Attributes:
        session_class: ``MelleaSession``.

        session_id: Id of the session that the calling context is in, or ``None``.

        current: The session object of that context, or an exception.

        refusal: What Mellea raises where a plugin blocks.

        system_prompt: The model option that holds it.

        show: The text that a component or block is to a model.
    """

    session_class: type[Any]
    tool_class: type[Any]
    session_id: Callable[[], str | None]
    current: Callable[[], Any]
    refusal: Callable[..., Exception]
    result: Callable[..., object]
    block: Callable[..., object]
    modify: Callable[..., object]
    register: Callable[[object], None]
    unregister: Callable[[object], None]
    manager: Callable[[], Any]
    plugin_class: type[Any]
    plugin_config: Callable[..., object]
    fail: object
    sequential: object
    concurrent: object
    system_prompt: str
    show: Callable[[object], str]
    enter: Callable[..., Any]


@cache
def framework() -> Framework:
    """
    Mellea, imported.

    Raises:
        MisuseError: GOV730: it is not installed, or has not what governing it needs.
    """
    try:
        plugins = import_module("mellea.plugins")
        models = import_module("cpex.framework.models")
        session = import_module("mellea.stdlib.session")
        context = import_module("mellea.telemetry.context")
        formatter = import_module("mellea.formatters").TemplateFormatter("")
        found = Framework(
            session_class=session.MelleaSession,
            tool_class=import_module("mellea.backends.tools").MelleaTool,
            session_id=context.get_session_id,
            current=session.get_session,
            refusal=plugins.PluginViolationError,
            result=plugins.PluginResult,
            block=plugins.block,
            modify=plugins.modify,
            register=plugins.register,
            unregister=plugins.unregister,
            manager=import_module("mellea.plugins.manager").get_plugin_manager,
            plugin_class=import_module("mellea.plugins.base").MelleaPlugin,
            plugin_config=models.PluginConfig,
            fail=models.OnError.FAIL,
            sequential=models.PluginMode.SEQUENTIAL,
            concurrent=models.PluginMode.CONCURRENT,
            system_prompt=import_module("mellea.backends").ModelOption.SYSTEM_PROMPT,
            show=formatter.print,
            enter=context.with_context,
        )
        lacking = tuple(_lacking())
    except (ImportError, AttributeError) as error:
        raise MisuseError(
            f"there is no Mellea here that can be governed: {error}",
            code="GOV730",
            remedy="pip install 'mellea[hooks]>=0.8,<0.9'",
        ) from error
    if lacking:
        raise MisuseError(
            f"this Mellea has no {', '.join(lacking)}",
            code="GOV730",
            remedy="install a version that this adapter was tried with; see docs/hosts/mellea.md",
        )
    return found


def _lacking() -> Iterator[str]:
    """Hooks, fields and leave to write that the adapter relies on and that are not there."""
    policies = import_module("mellea.plugins.policies").MELLEA_HOOK_PAYLOAD_POLICIES
    for hook in HOOKS.values():
        # A hook is named for what happens, its module for what it happens to.
        module = import_module(f"mellea.plugins.hooks.{hook.name.partition('_')[0]}")
        words = "".join(word.title() for word in hook.name.split("_"))
        payload = getattr(module, f"{words}Payload", None)
        if payload is None:
            yield f"hook `{hook.name}`"
            continue
        for name in hook.fields:
            if name not in payload.model_fields:
                yield f"`{name}` in `{hook.name}`"
        policy = policies.get(hook.name)
        granted = policy.writable_fields if policy is not None else frozenset()
        for name in hook.writable:
            if name not in granted:
                yield f"leave to write `{name}` in `{hook.name}`"


def installed() -> bool:
    """Whether both our plugins are among those that Mellea calls now."""
    manager = framework().manager()
    if manager is None:
        return False
    return all(manager.get_plugin(name) is not None for name in (PLUGIN, GUARD))
