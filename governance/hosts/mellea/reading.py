"""What Mellea's objects say, in plain JSON; they are looked at by their fields alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType

from governance.values import TEXT_CHARS_MAX, Json
from governance.values import json_of as json_of

AGENT_COMPONENTS = ("React",)
"""Beginnings of the names of components that the framework makes, and no person."""

OPTION_NAMES: Mapping[str, str] = {
    "max_completion_tokens": "max_tokens",
    "@@@max_new_tokens@@@": "max_tokens",
    "@@@seed@@@": "seed",
    "@@@stop_sequences@@@": "stop",
}
"""The framework's own names of model options, which go before a backend's, and the facts'."""


def options_of(options: Mapping[str, object] | None) -> dict[str, Json]:
    """Model options as facts and events name them."""
    given = options or {}
    made = {name: json_of(value) for name, value in given.items() if name not in OPTION_NAMES}
    for own, name in OPTION_NAMES.items():
        if own in given:
            made[name] = json_of(given[own])
    return made


def changed_options(
    options: Mapping[str, object] | None, wanted: Mapping[str, Json]
) -> dict[str, object]:
    """
    *options* of the framework, changed where *wanted* differs from what they were as facts.

    What was not changed is the very object that it was, under the name that it had.
    """
    made, before = dict(options or {}), options_of(options)
    for name in before.keys() | wanted.keys():
        if name in before and name in wanted and before[name] == wanted[name]:
            continue
        aliases = [own for own, known in OPTION_NAMES.items() if known == name]
        for one in (name, *aliases):
            made.pop(one, None)
        if name in wanted:
            made[aliases[-1] if aliases else name] = wanted[name]
    return made


def context_of(context: object) -> Json:
    """A context as a fact: the name of its kind, and how many of its items the model sees."""
    if context is None:
        return None
    return {"type": type(context).__name__, "items": items_of(context)}


def items_of(context: object) -> int:
    """Items of *context* that go to the model, 0 where it does not tell."""
    view = getattr(context, "view_for_generation", None)
    shown = view() if callable(view) else None
    return len(shown) if isinstance(shown, (list, tuple)) else 0


def has_lost(before: object, after: object) -> bool:
    """
    Whether *after*, which should hold *before* and more, holds no more than it.

    A context that forgets on purpose (a simple one, which shows the model nothing) has
    nothing to lose.
    """
    held = items_of(before)
    return held > 0 and items_of(after) <= held


def prompt_of(action: object, view: object, show: Callable[[object], str]) -> tuple[str, str]:
    """
    What is said to the model by *action*, and by whom: ``"user"`` or ``"agent"``.

    The first step of a loop of the framework's own carries the user's goal, which then
    stands last in *view*.

    Args:
        show: The text of a component, as the framework writes it.
    """
    if not type(action).__name__.startswith(AGENT_COMPONENTS):
        return text_of(action, show), "user"
    last = view[-1] if isinstance(view, (list, tuple)) and view else None
    if type(last).__name__ == "ReactInitiator":
        return text_of(last, show), "user"
    return text_of(action, show), "agent"


def text_of(component: object, show: Callable[[object], str]) -> str:
    """The text of *component*, as the framework writes it, or else as Python does."""
    try:
        return str(show(component))[:TEXT_CHARS_MAX]
    except Exception:  # noqa: BLE001 - a component without a template: any error may come
        return str(component)[:TEXT_CHARS_MAX]


def is_shared(tool: object) -> bool:
    """
    Whether a copy of *tool* runs the very function that *tool* itself runs.

    Hooks get copies. A plain function is never copied, but a method is, with its object:
    the call that was changed would then work on another object than the program's.
    """
    if type(tool).__name__ != "MelleaTool":
        return False
    function = getattr(tool, "_call_tool", None)
    if isinstance(function, BuiltinFunctionType):
        return isinstance(function.__self__, ModuleType)
    return isinstance(function, FunctionType)


def with_system_prompt(
    options: Mapping[str, object], key: str, texts: tuple[str, ...], default: str
) -> dict[str, object]:
    """
    *options* of one request, with *texts* in front of the system prompt.

    Args:
        key: The framework's own name of that option; backends take ``system`` too.

        default: The backend's own, which an option of the request would replace.
    """
    made = dict(options)
    alias = made.pop("system", None)
    own = made.get(key) or alias or default
    made[key] = "\n\n".join(one for one in (*texts, str(own or "")) if one)
    return made
