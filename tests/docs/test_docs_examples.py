"""Every key has an example in the documents, and the example passes the checker."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from governance.rules.keys import KEYS

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = ("must_match", "must_not_match", "known_gaps", "remedy")


def every_key() -> str:
    text = (DOCS / "reference" / "rules.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- every key -->\n```toml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def used(pack: dict[str, object]) -> Iterator[str]:
    """The keys of the language that *pack* uses, as the table names them."""
    for name, value in pack.items():
        yield name
        for table in value if isinstance(value, list) else [value]:
            if isinstance(table, dict):
                yield from (f"{name}.{key}" for key in table)
                yield from _deeper(name, table)


def _deeper(name: str, table: dict[str, object]) -> Iterator[str]:
    for key, value in table.items():
        if key in EXAMPLES:
            for example in value if isinstance(value, list) else [value]:
                yield from (f"example.{one}" for one in example)
                for past in example.get("after", ()):
                    yield from (f"example.{one}" for one in past)
        elif key in ("requires", "forbids"):
            for past in value if isinstance(value, list) else [value]:
                yield from _past(past)
        elif key == "limit" and isinstance(value, dict):
            yield from (f"limit.{one}" for one in value)
            yield from _past(value.get("of", {}))
        elif key == "rewrite":
            yield from (f"rule.rewrite.{one}" for one in _leaves(value))
        elif isinstance(value, dict):
            yield from (f"{name}.{key}.{one}" for one in value)


def _past(table: dict[str, object]) -> Iterator[str]:
    yield from (f"past.{one}" for one in table)
    if isinstance(table.get("not_since"), dict):
        yield from _past(table["not_since"])


def _leaves(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _leaves(one)


def test_every_rule_key_has_an_example() -> None:
    """The pack in the reference uses each key that this engine takes."""
    wanted = {
        f"{key.table}.{key.name}" if key.table else key.name for key in KEYS if not key.feature
    }

    assert sorted(wanted - set(used(tomllib.loads(every_key())))) == []


def test_a_key_that_is_not_used_would_be_missed() -> None:
    """The collector sees only what is there."""
    assert "rule.labels" not in set(used({"rule": [{"id": "x"}]}))
    assert "rule.ask.uses" in set(used({"rule": [{"ask": {"uses": 1}}]}))
