"""Every key has an example in the documents, and the example passes the checker."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from governance.authoring.subjects import subjects_of
from governance.authoring.tried import tried
from governance.cli.app import HOMES, app
from governance.cli.frame import GovernedCommand
from governance.config import KEYS as CONFIG_KEYS
from governance.config import read_config
from governance.events import CATALOGUE
from governance.rules.keys import KEYS
from governance.rules.shell_keys import SHELL_KEYS
from tests.pages import PAGES, blocks

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.DOTALL | re.MULTILINE
EXAMPLES = ("must_match", "must_not_match", "known_gaps", "remedy")


def every_key() -> str:
    text = (DOCS / "reference" / "rules.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- every key -->\n```toml\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def scenarios() -> tuple[str, str]:
    """The file of scenarios in the reference, and the pack that has its own."""
    text = (DOCS / "reference" / "rules.md").read_text(encoding="utf-8")
    names = ("every key of scenarios", "scenarios of a pack")
    found = [re.search(rf"<!-- {one} -->\n```toml\n(.*?)^```$", text, _BLOCK) for one in names]
    assert all(found)
    file, pack = (one[1] for one in found if one is not None)
    return file, pack


def used_by_scenarios(data: dict[str, object], table: str) -> Iterator[str]:
    """The keys of scenarios that *data* uses; *table* is the name of its root."""
    yield from (f"{table}.{name}" if table else name for name in data)
    listed = data["scenario"]
    assert isinstance(listed, list)
    for scenario in listed:
        yield from (f"scenario.{name}" for name in scenario)
        for step in scenario["steps"]:
            yield from (f"scenario.steps.{name}" for name in step)
            yield from (f"scenario.steps.expect.{name}" for name in step.get("expect", {}))


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
    """The packs and scenarios in the reference use each key that this engine takes."""
    wanted = {
        f"{key.table}.{key.name}" if key.table else key.name for key in KEYS if not key.feature
    }

    file, pack = scenarios()
    shown = set(used(tomllib.loads(every_key())))
    shown |= set(used_by_scenarios(tomllib.loads(file), "scenario-file"))
    shown |= set(used_by_scenarios(tomllib.loads(pack), ""))

    assert sorted(wanted - shown) == []


def test_the_scenarios_of_the_reference_go_well(tmp_path: Path) -> None:
    """Played as they stand, each is answered as it says."""
    file, pack = scenarios()
    (tmp_path / "every.scenario.toml").write_text(file, encoding="utf-8")
    (tmp_path / "dry.toml").write_text(pack, encoding="utf-8")

    found = [one for subject in subjects_of(tmp_path) for one in tried(subject)]

    assert [one.problems for one in found] == [()] * 3


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


def test_every_event_has_an_example() -> None:
    """One page makes each of them come: its blocks are run, and say which rows they led to."""
    text = (DOCS / "howto" / "see-every-event.md").read_text(encoding="utf-8")
    programs = "".join(re.findall(r"^```python\n(.*?)^```$", text, _BLOCK))
    printed = "".join(re.findall(r"^<!-- prints -->\n```text\n(.*?)^```$", text, _BLOCK))
    by_commands = set(
        re.search(r"BY_COMMANDS = \{(.*?)\}", programs, re.DOTALL)[1].split('"')[1::2]
    )  # type: ignore[index]

    assert by_commands == set(printed.split())
    assert set(CATALOGUE) - by_commands <= set(programs.split('"'))


def test_every_option_has_an_example() -> None:
    """In the help of its command, or in a block of a page; both are run."""
    context = click.Context(app)
    commands = {name: app.get_command(context, name) for name in HOMES}
    run = [
        block.text.replace("\\\n", " ")
        for page in PAGES
        for block in blocks(page)
        if block.what == "run"
    ]
    lines = [line for text in run for line in text.splitlines()]
    shared = {"--dir", "--format", "--key"}
    missing = []
    for name, command in commands.items():
        assert isinstance(command, GovernedCommand)
        mine = [one.line for one in command.examples]
        mine += [line for line in lines if re.search(rf"governance {name}\b", line)]
        used = set(" ".join(mine).split())
        options = [one.opts for one in command.params if isinstance(one, click.Option)]
        missing += [f"{name} {one[-1]}" for one in options if not (used | shared) & {*one}]

    assert missing == []


def test_every_configuration_key_has_an_example() -> None:
    """One file sets each of them, to another value than its default, and is accepted whole."""
    text = (DOCS / "reference" / "configuration.md").read_text(encoding="utf-8")
    found = re.search(r"<!-- every configuration key -->\n```toml\n(.*?)^```$", text, _BLOCK)
    assert found is not None
    data = tomllib.loads(found[1])

    read_config(found[1], "governance.toml", DOCS)
    for key in CONFIG_KEYS:
        value = set_by(data, key.key)
        assert value is not None, key.key
        # Only the files of a machine and of a user may leave out layers.
        assert toml_value(value) != key.default or key.key == "packs.layers"


def set_by(data: dict[str, Any], key: str) -> Any:
    """What *data* has at *key*, whose `NAME` and `[]` stand for whatever there is."""
    found: list[Any] = [data]
    for word in key.split("."):
        name = word.removesuffix("[]")
        found = [
            value
            for one in found
            for value in (one.values() if name == "NAME" else [one.get(name)])
            if value is not None
        ]
        if word.endswith("[]"):
            found = [one for listed in found for one in listed]
    return found[0] if found else None


def toml_value(value: object) -> str:
    """*value* as a table of defaults shows it."""
    return json.dumps(value) if not isinstance(value, bool) else str(value).lower()
