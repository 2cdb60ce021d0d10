"""
One call of a tool of Hermes as the calls that rules can judge.

Most are one. A patch of several files, or several addresses to fetch, are one each: the
strictest answer then holds for the whole.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve

from governance.calls import UNKNOWN_FOLDER, ToolCall, either_home
from governance.errors import GovernanceError
from governance.hooking.patches import has_strange_header
from governance.hosts.hermes.tools import TOOLS
from governance.rules.host_tools import call_of
from governance.values import Json, ValueRefused, load_json

PARTS_MAX = 64
"""Files of one patch, or addresses of one fetch, that are judged; more are refused."""

UNREAD_PATCH = "patch:unread"
"""The native name of a patch of which nobody can say what it changes; it is refused."""

# As lenient as the client's own reader of patches, and a little more.
_TARGET = re.compile(r"\s*\*\*\*\s*(Add|Update|Delete|Move)\s+(?:File|to)\s*:\s*(.+)$")
_FRAME = re.compile(r"\*\*\*\s*(?:Begin\s+Patch|End\s+Patch|End\s+of\s+File)\s*$")
_CANONICAL = {"Add": "write", "Update": "edit", "Delete": "delete", "Move": "write"}
_TYPED = frozenset({"write", "submit"})


class CallRefused(GovernanceError):
    """A call that nothing can be decided from; it is not let through."""

    code = "GOV740"


def calls_of(
    native: str, args: Mapping[str, Json], *, cwd: str | None, call_id: str
) -> tuple[ToolCall, ...]:
    """
    The calls that *native* with *args* amounts to; never none.

    The first has *call_id*, each further one a number behind it.

    Raises:
        CallRefused: More parts than `PARTS_MAX`.
    """
    call = call_of(TOOLS, native, args, cwd=cwd, call_id=call_id)
    make = _PARTS.get(native)
    parts = tuple(make(call)) if make is not None else (call,)
    if len(parts) > PARTS_MAX:
        raise CallRefused(f"`{native}` with more than {PARTS_MAX} parts", remedy="split the call")
    return tuple(
        evolve(part, call_id=f"{call_id}.{at}") if at and call_id else part
        for at, part in enumerate(parts)
    )


def _terminal(call: ToolCall) -> Iterator[ToolCall]:
    folder = call.args.get("workdir")
    if folder is None or folder == "":
        yield call
    elif not isinstance(folder, str):
        yield evolve(call, cwd=UNKNOWN_FOLDER)
    elif folder.startswith(("/", "~")):
        yield evolve(call, cwd=folder)
    else:
        yield evolve(call, cwd=f"{call.cwd}/{folder}" if call.cwd else None)


def _process(call: ToolCall) -> Iterator[ToolCall]:
    if call.args.get("action") in _TYPED:
        # What is no text is typed as one all the same.
        yield evolve(call, own={"command": str(call.args.get("data", ""))})
    else:
        yield evolve(call, tool="other", own={})


def _execute_code(call: ToolCall) -> Iterator[ToolCall]:
    code = call.args.get("code")
    if isinstance(code, str):
        yield evolve(call, own={"command": f"python3 -c {shlex.quote(code)}"})
    else:
        yield call


def _patch(call: ToolCall) -> Iterator[ToolCall]:
    text = call.args.get("patch")
    if not isinstance(text, str) or call.args.get("mode", "replace") != "patch":
        yield call
        return
    found: list[re.Match[str]] = []
    for line in text.split("\n"):
        match = _TARGET.match(line)
        unread = line.startswith("***") and not match and not _FRAME.match(line)
        if unread or has_strange_header(line.removesuffix("\r")):
            found = []
            break
        if match is not None:
            found.append(match)
    if not found:
        # What it changes is not named in a way that is known here.
        yield evolve(call, tool="other", native=UNREAD_PATCH, own={}, fields={})
    # Cut here: a pattern that did so would look at a long run of blanks again and again.
    for kind, named in ((match[1], match[2].strip()) for match in found):
        before, moved, after = named.partition("->")
        if kind == "Move" and moved:
            gone = either_home(before.strip())
            yield evolve(call, tool="delete", own={"path": gone}, fields={})
        path = after.strip() if kind == "Move" and moved else named
        own: dict[str, Json] = {"path": either_home(path)}
        if kind != "Delete":
            own["content"] = text
        yield evolve(call, tool=_CANONICAL[kind], own=own, fields={})


def _search(call: ToolCall) -> Iterator[ToolCall]:
    yield evolve(call, tool="glob") if call.args.get("target") == "files" else call


def _fetch(call: ToolCall) -> Iterator[ToolCall]:
    listed = _listed(call.args.get("urls"))
    # The client takes what a search has found as well, by either name.
    given = [
        one.get("url") or one.get("href") if isinstance(one, Mapping) else one for one in listed
    ]
    named = [one.strip() for one in given if isinstance(one, str)]
    for url in named:
        yield evolve(call, own={"url": url})
    if not named:
        yield call


def _listed(given: Json) -> Sequence[Json]:
    """*given* as the client takes it: a list, the text of one, or one thing alone."""
    if isinstance(given, str) and given.lstrip()[:1] in ("[", "{"):
        try:
            given = load_json(given.encode("utf-8", "surrogatepass"))
        except ValueRefused:
            return (given,)
    if isinstance(given, (list, tuple)):
        return given
    return () if given is None else (given,)


def _delegate(call: ToolCall) -> Iterator[ToolCall]:
    listed = [one for one in _listed(call.args.get("tasks")) if isinstance(one, Mapping)]
    goals = [str(one.get("goal") or "") for one in listed]
    if not goals:
        yield call
        return
    roles = {str(one.get("role") or "") for one in listed} - {""}
    own: dict[str, Json] = {**call.own, "prompt": "\n".join(goals)}
    if len(roles) == 1:
        own["agent"] = roles.pop()
    yield evolve(call, own=own, fields={})


_PARTS = {
    "terminal": _terminal,
    "process": _process,
    "execute_code": _execute_code,
    "patch": _patch,
    "search_files": _search,
    "web_extract": _fetch,
    "delegate_task": _delegate,
}
