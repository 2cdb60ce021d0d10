"""Every class that the engine makes by itself is the class that attrs would make of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_DESCRIBE = """
import importlib, inspect, json, pkgutil, sys
if {by_attrs}:
    import attrs
    sys.modules["governance._attrs"] = attrs
import governance
if {by_attrs}:
    governance._attrs = attrs
found = {{}}
for module in pkgutil.walk_packages(governance.__path__, "governance."):
    if module.name.endswith("__main__") or module.name == "governance._attrs":
        continue
    try:
        home = importlib.import_module(module.name)
    except ImportError as error:
        assert error.name and not error.name.startswith("governance"), error
        continue
    for name, one in vars(home).items():
        if not isinstance(one, type) or one.__module__ != module.name:
            continue
        if "__attrs_attrs__" not in vars(one):
            continue
        own = vars(one)
        signature = inspect.signature(one.__init__)
        found[module.name + "." + name] = {{
            "arguments": [
                (word.name, str(word.kind), word.default is not word.empty)
                for word in signature.parameters.values()
            ],
            "match": list(own["__match_args__"]),
            "slots": sorted(own.get("__slots__", ())),
            "weakrefs": hasattr(one, "__weakref__"),
            "eq": one.__eq__ is not object.__eq__,
            "hashes": one.__hash__ is not None and one.__hash__ is not object.__hash__,
            "hashable": one.__hash__ is not None,
            "frozen": one.__setattr__ is not object.__setattr__,
            "repr": one.__repr__ is not object.__repr__,
            "doc": one.__doc__,
            "fields": [
                (
                    each.name, each.alias, each.init, bool(each.eq), bool(each.repr),
                    bool(each.eq if each.hash is None else each.hash), each.kw_only,
                    str(each.type), type(each.default).__name__, sorted(map(str, each.metadata)),
                )
                for each in one.__attrs_attrs__
            ],
        }}
print(json.dumps(found))
"""


def described(*, by_attrs: bool) -> dict[str, object]:
    """What can be seen of every class, as made by attrs or as made by the engine."""
    code = _DESCRIBE.format(by_attrs=by_attrs)
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def ours() -> dict[str, object]:
    """The classes as the engine makes them."""
    return described(by_attrs=False)


def test_every_class_is_what_attrs_would_make_of_it(ours: dict[str, object]) -> None:
    """Arguments, slots, comparison, hashing and freezing agree, class by class."""
    theirs = described(by_attrs=True)

    assert sorted(ours) == sorted(theirs)
    assert {name for name in ours if ours[name] != theirs[name]} == set()


def test_there_are_classes_to_compare(ours: dict[str, object]) -> None:
    """The comparison above sees the classes of every room."""
    assert len(ours) > 150
    assert "governance.rules.format.Rule" in ours
