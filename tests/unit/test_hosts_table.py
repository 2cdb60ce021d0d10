"""Every host that is named has the parts that it must have, and they agree."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import governance.hosts
from governance.config import default_toml
from governance.errors import MisuseError
from governance.hooking.hook_alone import json_text, refusal_of
from governance.hosts import (
    HOOKED,
    HOSTS,
    INSTALLABLE,
    STATUS_LINES,
    adapter_of,
    installer_of,
    profile_of,
)

FOLDER = Path(governance.hosts.__file__).parent


def test_every_folder_is_a_host_that_is_named() -> None:
    """The table names each folder, and each name leads to its folder."""
    folders = {one.parent.name for one in FOLDER.glob("*/__init__.py")}
    assert {package.rpartition(".")[2] for package in HOSTS.values()} == folders
    assert all(
        package == f"governance.hosts.{host.replace('-', '_')}" for host, package in HOSTS.items()
    )


@pytest.mark.parametrize(
    ("hosts", "module"),
    [
        (tuple(HOSTS), "profile"),
        (HOOKED, "adapter"),
        (HOOKED, "refusal"),
        (INSTALLABLE, "settings"),
        (STATUS_LINES, "statusline"),
    ],
)
def test_lists_name_the_hosts_that_have_the_part(hosts: tuple[str, ...], module: str) -> None:
    """What a host is listed for it has, and what it has it is listed for."""
    assert {host for host in HOSTS if find_spec(f"{HOSTS[host]}.{module}")} == set(hosts)


@pytest.mark.parametrize("host", HOSTS)
def test_profile_is_of_its_host(host: str) -> None:
    """A profile names its host alike everywhere, and configuration takes the name."""
    profile = profile_of(host)
    assert profile.name == profile.tools.name == host
    assert default_toml(hosts=(host,))


@pytest.mark.parametrize("host", HOOKED)
def test_refusal_agrees_with_the_adapter(host: str) -> None:
    """What is denied where nothing can be imported is what the host waits for."""
    events = adapter_of(host).events
    shape = refusal_of(host)
    assert shape is not None
    assert {one.name for one in events.values() if one.decides} == shape["DECIDING"]
    assert all(one.name == name for name, one in events.items())


@pytest.mark.parametrize("host", HOOKED)
@given(reason=st.text())
def test_refusal_is_json_for_any_reason(host: str, reason: str) -> None:
    """The deny of every deciding event is JSON that holds the reason, made without `json`."""
    shape = refusal_of(host)
    assert shape is not None
    for event in shape["DECIDING"]:
        made = json.loads(shape["deny_bytes"](event, json_text(reason)))
        assert reason in _texts(made)


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for one in value.values() for text in _texts(one)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("host", HOOKED)
def test_refusal_imports_nothing(host: str) -> None:
    """What must work when nothing else does leans on nothing else."""
    text = (FOLDER / host.replace("-", "_") / "refusal.py").read_text()
    lines = [line for line in text.splitlines() if line.startswith(("import ", "from "))]
    assert lines == ["from __future__ import annotations"]


def test_what_is_not_there_is_said_so() -> None:
    """A host that nobody knows, and a part that a host does not have, have a code."""
    for ask in (profile_of, adapter_of, installer_of):
        with pytest.raises(MisuseError, match="GOV710") as caught:
            ask("no-such-host")
        assert "claude-code" in caught.value.remedy


def test_broken_part_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose part cannot be imported is not taken for one without it."""
    package = HOSTS["claude-code"]
    monkeypatch.setitem(sys.modules, f"{package}.tools", None)
    monkeypatch.delitem(sys.modules, f"{package}.profile")
    with pytest.raises(ModuleNotFoundError, match="tools"):
        profile_of("claude-code")
