"""What a project keeps of parsing its packs spares work, and never changes what they say."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from governance import _toml
from governance._shipped import BY_NAME, pack_texts
from governance.calls import ToolCall
from governance.config import load_config
from governance.engine import parsed
from governance.engine.parsed import BYTES_MAX, FILE_NAME, TEXTS_MAX, keep_parsed, parsed_texts
from governance.engine.project_rules import load_project_rules
from governance.errors import DefinitionError
from governance.journal.opening import open_journal
from governance.project import Project, create_project
from governance.rules.facts import facts_of_call
from governance.rules.paths import places_of
from governance.rules.ruleset import RuleSet
from governance.rules.trust import grant_trust, pack_hash
from governance.rules.verdicts import History, RuleEvent
from governance.testing.strategies import tool_calls
from tests.profiles import examples

PACK = """
format = 1
[pack]
name = "own"
version = "1.0.0"
summary = "Dates, times, numbers and texts of every kind."
[vars]
some = ["a.txt", "b é\\n.txt"]
[[rule]]
id = "own.night"
tools = ["write"]
when.path.ends_with = { var = "some" }
when.time.between = [18:00:00, 08:00:00]
action = "deny"
message = "Not at night."
must_match = [
  { tool = "write", path = "a.txt", at = 2030-01-01T19:00:00 },
  { tool = "write", path = "b é\\n.txt", at = 2030-01-01T07:00:00 },
]
must_not_match = [
  { tool = "write", path = "a.txt", at = 2030-01-01T12:00:00 },
  { tool = "write", path = "c.txt", at = 2030-01-01T19:00:00 },
]
[[exempt]]
rule = "own.night"
reason = "For a while."
until = 2099-12-31
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the shipped packs and one of its own, whose state is the test's own."""
    for name in ("STATE", "CONFIG"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    folder = tmp_path / "project"
    folder.mkdir()
    create_project(
        folder, 'project.time_zone = "Europe/Paris"\npacks.paths = ["shipped", "own.toml"]\n'
    )
    write(folder, PACK)
    open_journal(base=folder, create=True).close()
    return folder


def write(project: Path, text: str) -> None:
    """Make *text* the project's own pack, which a person trusts."""
    file = project / "own.toml"
    file.write_text(text)
    record = str(Project(project).trust_file())
    grant_trust(record, text, file=str(file), project=str(project), by="p", at_ms=0)


def state(project: Path) -> Path:
    return Project(project).state_directory()


def kept(project: Path) -> Path:
    return state(project) / FILE_NAME


def rules_of(project: Path) -> RuleSet:
    return load_project_rules(load_config(project), now_ms=0)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Texts that are parsed from here on."""
    found: list[str] = []
    loads = _toml._parse

    def watched(plain: str, file: str) -> dict[str, object]:
        found.append(file)
        return loads(plain, file)

    monkeypatch.setattr(_toml, "_parse", watched)
    return found


def test_packs_are_parsed_once(project: Path, read: list[str]) -> None:
    """The first load parses every pack, the second none but the configuration."""
    first = rules_of(project)
    count = len(read)
    second = rules_of(project)

    assert count == 1 + len(pack_texts().keys() - BY_NAME) + 1
    assert len(read) == count + 1
    assert (second.hash, second.rules) == (first.hash, {**second.rules, **first.rules})
    assert second.contexts == first.contexts
    assert second.warnings == first.warnings == ()


@cache
def both(project: Path) -> tuple[RuleSet, RuleSet]:
    """The rules as their texts give them, and as what was kept of these does."""
    made = rules_of(project), rules_of(project)
    assert kept(project).exists()
    return made


@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tool_calls())
def test_kept_rules_decide_as_those_that_were_read(project: Path, call: ToolCall) -> None:
    """Whatever the call, what was kept says what the texts say."""
    fresh, later = both(project)
    facts = facts_of_call(call, places_of(str(project)))
    event, history = RuleEvent("tool", facts, call), History(known=True)

    assert later.decide(event, history) == fresh.decide(event, history)


def test_a_changed_text_is_read(project: Path, read: list[str]) -> None:
    """Content decides: of a pack that differs by one letter nothing is taken from what is kept."""
    rules_of(project)
    write(project, PACK.replace("Not at night.", "Not by night."))
    read.clear()

    changed = rules_of(project)

    assert changed.rules["own.night"].message == "Not by night."
    assert str(project / "own.toml") in read
    assert rules_of(project).rules["own.night"].message == "Not by night."


def spoilt(file: Path, how: str) -> None:
    """Damage what is kept in one of several ways."""
    data = file.read_bytes()
    digest, _, body = data.partition(b"\n")
    if how == "cut":
        file.write_bytes(data[:-10])
    elif how == "turned":
        file.write_bytes(digest + b"\n" + body.replace(b"deny", b"warn"))
    elif how == "open":
        file.chmod(0o666)
    elif how == "folder":
        file.unlink()
        file.mkdir()
    elif how == "large":
        file.write_bytes(data + b" " * BYTES_MAX)
    else:
        bodies = {
            "version": body.replace(b'"format":[1,', b'"format":[2,'),
            "list": b"[1]",
            "texts": b'{"format": []}',
            "deep": b'{"a":' * 100_000,
            "moment": body.replace(b'["d",', b'["x",'),
        }
        made = bodies[how]
        file.write_bytes(sha256(made).hexdigest().encode() + b"\n" + made)


@pytest.mark.parametrize(
    "how",
    ["cut", "turned", "open", "folder", "large", "version", "list", "texts", "deep", "moment"],
)
def test_what_is_not_ours_counts_for_nothing(project: Path, how: str, read: list[str]) -> None:
    """Damaged, open to others, too large or of another version: the texts are read, and kept."""
    first = rules_of(project)
    spoilt(kept(project), how)
    read.clear()

    assert parsed_texts(state(project)) == {}
    assert rules_of(project).hash == first.hash
    assert len(read) > 1
    if how != "folder":
        assert parsed_texts(state(project))


def test_what_belongs_to_another_counts_for_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of another owner is not read, whatever it says."""
    rules_of(project)
    assert parsed_texts(state(project))
    monkeypatch.setattr(parsed.os, "geteuid", lambda: 4_242)

    assert parsed_texts(state(project)) == {}


def test_what_leads_to_an_error_is_not_believed(project: Path) -> None:
    """Where what is kept cannot be loaded, the texts are read before anything is refused."""
    first = rules_of(project)
    texts = dict(parsed_texts(state(project)))
    own = pack_hash(PACK)
    keep_parsed(state(project), [*texts.items(), (own, {**texts[own], "nonsense": 1})])

    assert rules_of(project).hash == first.hash
    assert "nonsense" not in parsed_texts(state(project))[own]


def test_a_broken_pack_is_never_kept(project: Path) -> None:
    """A pack with a problem is told of its own text each time, with its line."""
    write(project, PACK.replace('reason = "For a while."', "why = 1"))

    for _ in range(2):
        with pytest.raises(DefinitionError) as caught:
            rules_of(project)
        assert all(one.line for one in caught.value.diagnostics)
    assert not kept(project).exists()


def test_it_is_private_bounded_and_whole(project: Path) -> None:
    """Only its owner reads it, no draft is left, and more than it may hold is left out."""
    rules_of(project)
    folder = state(project)
    assert kept(project).stat().st_mode & 0o777 == 0o600
    assert not [one.name for one in folder.iterdir() if one.name.endswith(".new")]

    keep_parsed(folder, [(str(number), {}) for number in range(TEXTS_MAX + 5)])
    assert len(parsed_texts(folder)) == TEXTS_MAX
    keep_parsed(folder, [("large", {"a": "x" * BYTES_MAX})])
    assert "large" not in parsed_texts(folder)


@pytest.mark.parametrize(
    "text",
    ['"" = 1', 'a = { "" = ["d", "2030-01-01"] }', "a = [inf]", "a = nan", "a.b = [[{ '' = 1 }]]"],
)
def test_what_json_cannot_tell_apart_is_not_kept(tmp_path: Path, text: str) -> None:
    """Empty keys and numbers without an end are parsed each time."""
    keep_parsed(tmp_path, [("x", tomllib.loads(text))])

    assert "x" not in parsed_texts(tmp_path)


def test_every_value_of_toml_comes_back(tmp_path: Path) -> None:
    """What is kept has the same values of the same types in the same order."""
    text = """
    a = [1, 1.0, true, "1", "é\\u0000\\u2028", 9223372036854775807, -0.0, 1e300, [], {}]
    b = [2030-01-01, 10:00:00, 10:00:00.25, 2030-01-01T10:00:00, 2030-01-01T10:00:00.5+02:00]
    z.y.x = 1
    [[c]]
    """
    data = tomllib.loads(text)
    keep_parsed(tmp_path, [("x", data)])

    assert repr(parsed_texts(tmp_path)["x"]) == repr(data).replace(
        "datetime.timezone(datetime.timedelta(seconds=7200), '+02:00')",
        "datetime.timezone(datetime.timedelta(seconds=7200))",
    )
    assert json.loads(kept_body(tmp_path))["format"]


def kept_body(folder: Path) -> bytes:
    return (folder / FILE_NAME).read_bytes().partition(b"\n")[2]
