"""Every key has an example in the documents, and the example passes the checker."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from governance.rules.keys import KEYS
from governance.rules.shell_keys import SHELL_KEYS

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
        elif key == "rewrite":
            yield from (f"rule.rewrite.{one}" for one in _leaves(value))
        elif isinstance(value, dict):
            yield from (f"{name}.{key}.{one}" for one in value)


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


def shell_tables(value: object, *, within: bool = False) -> Iterator[dict[str, object]]:
    """Every `shell` table in *value*, those of `flows_to` included."""
    if isinstance(value, list):
        for one in value:
            yield from shell_tables(one, within=within)
    elif isinstance(value, dict):
        if within:
            yield value
        for key, one in value.items():
            yield from shell_tables(one, within=key in ("shell", "flows_to"))


def test_every_key_of_a_shell_table_has_an_example() -> None:
    """The same of what is asked of a command."""
    written = {key for table in shell_tables(tomllib.loads(every_key())) for key in table}

    assert sorted(SHELL_KEYS.keys() - written) == []


def test_a_key_that_is_not_used_would_be_missed() -> None:
    """The collector sees only what is there."""
    assert "rule.labels" not in set(used({"rule": [{"id": "x"}]}))
    assert "rule.ask.uses" in set(used({"rule": [{"ask": {"uses": 1}}]}))
