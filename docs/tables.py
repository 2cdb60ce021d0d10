"""
Writes the tables of the reference from the tables that the code itself uses.

A page asks for one between ``<!-- table: NAME -->`` and ``<!-- end of table -->``. Without
words the script says which pages are out of date and exits 1; ``--write`` mends them.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import TYPE_CHECKING

import governance
from governance.errors import GovernanceError

if TYPE_CHECKING:
    import attrs

    from governance.machine.definition import Branch
    from governance.rules.fact_table import FactSpec

DOCS = Path(__file__).parent
_TABLE = re.compile(
    r"(?P<head><!-- table: (?P<name>[a-z-]+) -->\n).*?(?P<tail><!-- end of table -->)", re.DOTALL
)


def modules() -> Iterator[object]:
    """Every module of the package, imported."""
    yield governance
    for found in walk_packages(governance.__path__, "governance."):
        if not found.name.endswith(".__main__"):
            yield import_module(found.name)


def codes() -> dict[str, str]:
    """Code → what it means, from the `CODES` of all modules and the classes of errors."""
    known: dict[str, str] = {}
    for module in modules():
        for code, meaning in getattr(module, "CODES", {}).items():
            known.setdefault(code, meaning)
    waiting: list[type[GovernanceError]] = [GovernanceError]
    while waiting:
        one = waiting.pop()
        waiting += one.__subclasses__()
        if one.__module__.startswith("governance."):
            doc = " ".join((one.__doc__ or "").split("\n\n")[0].split())
            known.setdefault(one.code, doc[:1].lower() + doc[1:].rstrip("."))
    return dict(sorted(known.items()))


def _rows(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _named(words: Iterable[str]) -> str:
    return ", ".join(_code(word) for word in words)


def codes_table() -> str:
    """All codes, each with the page that explains it."""
    return _rows(
        ("code", "means"),
        (
            (f"[`{code}`](../errors/{family(code)}.md#{code.lower()})", meaning)
            for code, meaning in codes().items()
        ),
    )


def family(code: str) -> str:
    """The page of `docs/errors` on which *code* stands: ``gov2`` for ``GOV220``."""
    return code[:4].lower()


def rule_keys_table() -> str:
    """The keys of the rule language."""
    from governance.rules.keys import KEYS

    return _rows(
        ("key", "type", "default", "meaning", "when wrong"),
        (
            (
                _code(f"{key.table}.{key.name}" if key.table else key.name),
                key.type,
                key.default,
                key.meaning
                + (f": {_named(key.values)}" if key.values else "")
                + (f" (not in this engine yet: {key.feature})" if key.feature else ""),
                _named(key.codes),
            )
            for key in KEYS
        ),
    )


def shell_keys_table() -> str:
    """The keys of a `shell` table."""
    from governance.rules.shell_keys import OPAQUE_KINDS, SHELL_KEYS

    return _rows(
        ("key", "takes", "what it is asked of"),
        (
            (
                _code(one.name),
                one.type,
                one.doc + (f" Kinds are {_named(OPAQUE_KINDS)}." if one.takes == "opaque" else ""),
            )
            for one in SHELL_KEYS.values()
        ),
    )


def facts_table() -> str:
    """The facts that rules can name, with their operators' type."""
    from governance.rules.vocabulary import default_vocabulary

    facts = default_vocabulary().facts
    every = {event for spec in facts.values() for event in spec.events}
    return _rows(
        ("fact", "type", "events", "tools", "what it is"),
        (
            (
                _code(spec.name),
                spec.type,
                "all" if spec.events == every else ", ".join(sorted(spec.events)),
                ", ".join(sorted(spec.tools)) if spec.tools is not None else "all",
                spec.doc + (f" One of {_named(values)}." if (values := _values(spec)) else ""),
            )
            for spec in facts.values()
        ),
    )


def _values(spec: FactSpec) -> tuple[str, ...]:
    from governance.hosts import HOSTS

    return tuple(sorted({"python", *HOSTS})) if spec.name == "host" else spec.values or ()


def operators_table() -> str:
    """The operators of each type of fact."""
    from governance.rules.vocabulary import OPERATORS

    return _rows(
        ("type", "operators"), ((_code(kind), _named(names)) for kind, names in OPERATORS.items())
    )


def tools_table() -> str:
    """Canonical tools and the facts that each alone has."""
    from governance.rules.vocabulary import TOOLS

    return _rows(
        ("tool", "own facts", "what it does"),
        ((_code(one.name), _named(one.own), one.doc) for one in TOOLS.values()),
    )


def events_table() -> str:
    """Lifecycle events with their fields."""
    from governance.events import event_table

    return event_table()


def envelope_table() -> str:
    """What every event carries."""
    from governance.events import ATTRIBUTES, ENVELOPE

    return _rows(
        ("in JSON", "in Python", "what it says"),
        ((_code(name), _code(f"event.{ATTRIBUTES[name]}"), doc) for name, doc in ENVELOPE.items()),
    )


def commands_text() -> str:
    """Every command with its options, its examples and its exit codes."""
    import click

    from governance.cli.app import SECTIONS, app
    from governance.cli.frame import GovernedCommand

    parts = []
    context = click.Context(app, info_name="governance")
    for heading, names in SECTIONS.items():
        parts.append(f"## {heading}\n")
        for name in names:
            found = app.get_command(context, name)
            assert isinstance(found, GovernedCommand), name
            parts.append(_command_text(found, click.Context(found, context, info_name=name)))
    return "\n".join(parts)


def _command_text(found: object, context: object) -> str:
    import click

    from governance.cli.frame import EXITS, GovernedCommand

    assert isinstance(found, GovernedCommand)
    assert isinstance(context, click.Context)
    usage = " ".join((f"governance {found.name}", *found.collect_usage_pieces(context)))
    parts = [f"### {found.name}\n", f"`{usage}`\n", _prose(found.help or "")]
    options = [
        record
        for parameter in found.get_params(context)
        if (record := parameter.get_help_record(context)) is not None
        and "--help" not in parameter.opts
    ]
    if options:
        parts.append(_rows(("option", "what it does"), ((_code(a), b) for a, b in options)))
    parts += [f"{one.does}\n\n```sh\n{one.line}\n```\n" for one in found.examples]
    parts.append(f"Exit codes: {found.exits or EXITS}.\n")
    return "\n".join(parts)


def _prose(text: str) -> str:
    import inspect

    return inspect.cleandoc(text).replace("\b", "").strip() + "\n"


def api_table() -> str:
    """What `import governance` offers, each with the first sentence of its docstring."""
    return _rows(
        ("name", "from", "what it is"),
        (
            (_code(name), _code(one.__module__), (one.__doc__ or "").strip().split("\n\n")[0])
            for name, one in ((name, getattr(governance, name)) for name in governance.__all__)
        ),
    )


def verbs_text() -> str:
    """Each verb of an engine, of a session and of contexts: what it does, takes and refuses."""
    from governance.engine.given import ARGUMENTS, BORN

    parts = []
    for owner, kind, title in _owners():
        parts.append(f"## {title}\n")
        for verb in (one for one in ARGUMENTS if one.startswith(f"{owner}.")):
            name = verb.partition(".")[2]
            made = getattr(kind, name)
            given = ARGUMENTS[verb]
            signed = inspect.signature(made).parameters
            parts.append(f"### `{verb}`\n\n{_first_sentence(made)}\n")
            rows = [
                (_code(one), given[one].what, _default(signed[one]))
                for one in signed
                if one in given
            ]
            if "data" in signed and verb == "Engine.start":
                rows += [(_code(one), takes.what, "not given") for one, takes in BORN.items()]
            if rows:
                parts.append(_rows(("argument", "takes", "default"), rows))
    return "\n".join(parts)


def _owners() -> Iterator[tuple[str, type, str]]:
    from governance.engine import Engine, Session
    from governance.engine.contexts import Contexts

    yield "Engine", Engine, "Engine"
    yield "Session", Session, "Session"
    yield "Contexts", Contexts, "Contexts (`engine.contexts`)"


def _first_sentence(made: object) -> str:
    return _plain((inspect.getdoc(made) or "").split("\n\n")[0])


def _plain(text: str) -> str:
    """A docstring's text as the pages have it."""
    return " ".join(text.replace("``", "`").split())


def _default(one: inspect.Parameter) -> str:
    return "needed" if one.default is inspect.Parameter.empty else _code(repr(one.default))


def fields_text() -> str:
    """The fields of the values that programs give and get."""
    import attrs

    parts = []
    for name in ("HostTraits", "Reply", "Injection", "Event", "ToolCall", "Command"):
        kind = getattr(governance, name)
        said = _attributes(inspect.getdoc(kind) or "")
        parts.append(f"### `{name}`\n\n{_first_sentence(kind)}\n")
        rows = (
            (_code(one.name), _code(str(one.type)), _field_default(one), said.get(one.name, ""))
            for one in attrs.fields(kind)
        )
        parts.append(_rows(("field", "type", "default", "what it is"), rows))
    return "\n".join(parts)


def _field_default(one: attrs.Attribute[object]) -> str:
    import attrs

    if one.default is attrs.NOTHING:
        return "needed"
    if isinstance(one.default, frozenset):
        return _named(sorted(one.default)) or "none"
    if attrs.has(type(one.default)) and not hasattr(one.default, "factory"):
        return _code(f"{type(one.default).__name__}()")
    made = one.default.factory() if hasattr(one.default, "factory") else one.default
    return _code(repr(made))


def _attributes(doc: str) -> dict[str, str]:
    """Attribute → what the docstring of its class says of it."""
    _, _, part = doc.partition("Attributes:\n")
    said: dict[str, str] = {}
    for paragraph in part.split("\n\n"):
        found = re.match(r"\s{4}([a-z_]+(?:, [a-z_]+)*): (.*)", paragraph, re.DOTALL)
        if found:
            said |= dict.fromkeys(found[1].split(", "), _plain(found[2]))
    return said


def config_keys_table() -> str:
    """The keys of `governance.toml`."""
    from governance.config import key_table

    return key_table()


def config_untrusted_table() -> str:
    """What counts of a key until a person has trusted the file."""
    from governance.config import untrusted_table

    return untrusted_table()


def config_levels_table() -> str:
    """What each level puts in place of a default."""
    from governance.config import level_table

    return level_table()


def config_example() -> str:
    """A `governance.toml` that `governance init` writes, its defaults as comments."""
    from governance.config import default_toml

    return f"```toml\n{default_toml()}```\n"


def states_table() -> str:
    """The states of the shipped machine."""
    from governance.machine import load_machine

    return _rows(
        ("state", "drawn as", "live", "what is true in it"),
        (
            (_code(name), row.title, "yes" if row.live else "no", row.summary)
            for name, row in load_machine().definition.states.items()
        ),
    )


def moves_text() -> str:
    """Every event of the machine with what it comes to in every state."""
    from governance.machine import load_machine

    parts = []
    for event in load_machine().definition.events.values():
        parts.append(f"### {event.name}\n\n{event.summary} ({event.mode})\n")
        branches: dict[int, tuple[list[str], Branch]] = {}
        for state, cell in event.cells.items():
            for branch in cell.branches:
                branches.setdefault(branch.index, ([], branch))[0].append(state)
        parts.append(
            _rows(
                ("in", "when", "comes to"),
                (
                    (
                        _named(states),
                        ", ".join(_condition(*one) for one in branch.when),
                        _end(branch),
                    )
                    for _, (states, branch) in sorted(branches.items())
                ),
            )
        )
    return "\n".join(parts)


def _condition(name: str, holds: bool) -> str:
    words = name.replace("_", " ")
    return words if holds else f"not {words}"


def _end(branch: Branch) -> str:
    if branch.first:
        return f"`{branch.first}` first, then the same event again"
    if branch.refuse:
        return f"refused: {branch.refuse}"
    if branch.to:
        return "the state that was left" if branch.to == "left" else f"→ `{branch.to}`"
    return branch.outcome.replace("_", " ")


def origins_table() -> str:
    """What other systems send, field by field, and where it stands here."""
    from governance.listeners import origin_table

    return origin_table()


def template_keys_table() -> str:
    """The keys of the template that configuration was ordered from, beside ours."""
    from governance.config import template_table

    return template_table()


def hosts_table() -> str:
    """What each host can do, as its profile says; a host's own page says how."""
    from governance.hosts import HOSTS, profile_of

    profiles = [profile_of(host) for host in HOSTS]
    can = [{one.name: one.can for one in profile.capabilities} for profile in profiles]
    names = dict.fromkeys(name for known in can for name in known)
    head = [f"[{one.title}](../hosts/{one.name}.md)" for one in profiles]
    answers = {True: "yes", False: "no", None: "no"}
    rows = ([name, *(answers[known.get(name)] for known in can)] for name in names)
    return _rows(["", *head], rows)


def mistakes_table() -> str:
    """What the checker says of the broken packs that the tests try, each with one mistake."""
    from governance.rules.loader import read_rules
    from governance.rules.sources import LoadSettings, PackSource
    from governance.rules.vocabulary import default_vocabulary

    settings = LoadSettings(fields={"language": "English"}, today=date(2026, 1, 1))
    said = set()
    for file in (DOCS.parent / "tests" / "quality" / "packs" / "broken").glob("*.toml"):
        lines = file.read_text(encoding="utf-8").splitlines()
        source = PackSource("", "\n".join(lines), file.name, "user")
        loaded = read_rules([source], default_vocabulary(), settings=settings)
        for one in loaded.diagnostics:
            line = lines[one.line - 1].split(" # expect")[0].strip() if one.line else ""
            said.add((one.code, line, one.message, one.suggestion))
    return _rows(
        ("code", "what was written", "what is said", "and how to mend it"),
        (
            (f"[`{code}`](../errors/gov2.md#{code.lower()})", _code(line), message, suggestion)
            for code, line, message, suggestion in sorted(said)
        ),
    )


def agent_hooks_table() -> str:
    """What becomes of each vector of the conformance kit of agent-hooks, as its run wrote it."""
    from governance._toml import read_toml

    file = DOCS.parent / "tests" / "hosts" / "agent_hooks" / "vectors.toml"
    found = read_toml(file.read_bytes(), str(file)).data
    passed = sum(not one["seat"] for one in found.values())
    rows = [
        (name, _code(one["part"]), f"no seat: {one['seat']}" if one["seat"] else "passed")
        for name, one in found.items()
    ]
    return f"\n{passed} of {len(rows)} pass.\n\n" + _rows(("vector", "part", "outcome"), rows)


TABLES: Mapping[str, Callable[[], str]] = {
    "agent-hooks": agent_hooks_table,
    "hosts": hosts_table,
    "api": api_table,
    "codes": codes_table,
    "commands": commands_text,
    "config-example": config_example,
    "config-keys": config_keys_table,
    "config-levels": config_levels_table,
    "config-untrusted": config_untrusted_table,
    "envelope": envelope_table,
    "events": events_table,
    "facts": facts_table,
    "fields": fields_text,
    "mistakes": mistakes_table,
    "moves": moves_text,
    "operators": operators_table,
    "origins": origins_table,
    "rule-keys": rule_keys_table,
    "shell-keys": shell_keys_table,
    "states": states_table,
    "template-keys": template_keys_table,
    "tools": tools_table,
    "verbs": verbs_text,
}


def pages() -> list[Path]:
    """The pages that ask for a table."""
    return [
        page
        for page in sorted(DOCS.rglob("*.md"))
        if "_build" not in page.parts and _TABLE.search(page.read_text(encoding="utf-8"))
    ]


def renewed(page: Path) -> str:
    """The text of *page* with its tables as they are now."""

    def put(match: re.Match[str]) -> str:
        return f"{match['head']}\n{TABLES[match['name']]()}\n{match['tail']}"

    return _TABLE.sub(put, page.read_text(encoding="utf-8"))


def schemas() -> dict[Path, str]:
    """The JSON Schemas that lie beside the shipped packs, as they are now."""
    import json

    from governance.authoring.schema import schema_of

    folder = DOCS.parent / "rules"
    return {
        folder / "pack.schema.json": json.dumps(schema_of("pack"), indent=1) + "\n",
        folder / "scenario.schema.json": json.dumps(schema_of("scenario"), indent=1) + "\n",
    }


def main(words: list[str]) -> int:
    """Write the pages that are out of date, or only name them; 1 if any was named."""
    made = {page: renewed(page) for page in pages()} | schemas()
    stale = [
        file
        for file, text in made.items()
        if not file.exists() or text != file.read_text(encoding="utf-8")
    ]
    for file in stale:
        if "--write" in words:
            file.write_text(made[file], encoding="utf-8")
        sys.stdout.write(f"{file.relative_to(DOCS.parent)}\n")
    return 0 if "--write" in words else int(bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
