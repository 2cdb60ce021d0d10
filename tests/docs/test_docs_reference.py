"""The documents say what the code does: every code, command, option, key, fact and event."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import click
import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SOURCES = sorted((ROOT / "governance").rglob("*.py"))


def _load_tables() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_tables", DOCS / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["docs_tables"] = module
    spec.loader.exec_module(module)
    return module


tables = _load_tables()


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def headings() -> dict[str, str]:
    """Code → the name of the page of `docs/errors` that has a section for it."""
    return {
        match: file.stem
        for file in sorted((DOCS / "errors").glob("*.md"))
        for match in re.findall(r"^## (GOV\d{3})$", file.read_text(encoding="utf-8"), re.MULTILINE)
    }


def codes_in_source() -> set[str]:
    return {code for file in SOURCES for code in re.findall(r"GOV\d{3}", file.read_text("utf-8"))}


@pytest.mark.parametrize("name", [str(file.relative_to(DOCS)) for file in tables.pages()])
def test_the_tables_are_up_to_date(name: str) -> None:
    """A page whose table differs from the code's is written anew by `nox -s fix`."""
    assert tables.renewed(DOCS / name) == page(name)


def test_every_kind_of_table_stands_on_a_page() -> None:
    """No table can be made that nobody reads."""
    asked = {
        name
        for file in tables.pages()
        for name in re.findall(r"<!-- table: ([a-z-]+) -->", file.read_text("utf-8"))
    }

    assert asked == set(tables.TABLES)


def test_every_code_of_the_source_has_a_section() -> None:
    """Whoever meets a code finds what it means and how to mend it."""
    assert sorted(codes_in_source() - set(headings())) == []


def test_every_code_of_the_source_is_in_a_table() -> None:
    """Codes are declared with what they mean, not only used."""
    assert sorted(codes_in_source() - set(tables.codes())) == []


def test_no_code_has_two_meanings() -> None:
    """Two modules that declare one code would send whoever meets it to the wrong section."""
    declared = Counter(
        code
        for file in SOURCES
        for table in re.findall(
            r"^CODES\b[^=]*= \{(.*?)\}$", file.read_text("utf-8"), re.MULTILINE | re.DOTALL
        )
        for code in re.findall(r'"(GOV\d{3})":', table)
    )
    assert len(declared) > 100
    assert [code for code, times in declared.items() if times > 1] == []


@pytest.mark.parametrize("file", sorted((DOCS / "errors").glob("*.md")), ids=lambda file: file.stem)
def test_sections_stand_by_number_and_once(file: Path) -> None:
    """Whoever looks for a code with the eye finds it."""
    sections = re.findall(r"^## (GOV\d{3})$", file.read_text(encoding="utf-8"), re.MULTILINE)

    assert sections == sorted(set(sections))


def test_no_section_is_about_a_code_that_is_gone() -> None:
    """The documents have no code that the engine cannot give."""
    assert sorted(set(headings()) - codes_in_source()) == []


def test_every_section_is_on_its_family_page_and_says_something() -> None:
    """Links of the table of codes lead to the section, which has at least a sentence."""
    for code, where in headings().items():
        section = page(f"errors/{where}.md").split(f"## {code}\n")[1].split("\n## ")[0]

        assert where == tables.family(code)
        assert len(section.split()) >= 5, code


def test_every_command_and_option_is_documented() -> None:
    """Each has its help in the reference, and none of them is without a sentence."""
    from governance.cli.app import HOMES, app

    text = page("reference/commands.md")
    context = click.Context(app)
    for name in HOMES:
        found = app.get_command(context, name)
        assert found is not None
        assert f"### {name}\n" in text
        assert found.help
        for parameter in found.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.name}"
                assert parameter.opts[-1] in text


def test_every_example_of_a_command_can_be_typed() -> None:
    """Each command has one, and none of them uses an option or a word that it does not take."""
    from governance.cli.app import HOMES, app
    from governance.cli.frame import GovernedCommand

    for name in HOMES:
        found = app.get_command(click.Context(app), name)
        assert isinstance(found, GovernedCommand)
        assert found.examples, name
        for one in found.examples:
            words = shlex.split(re.split(r" [|<>] ", one.line)[0])
            assert words[:2] == ["governance", name]
            assert found.make_context(name, words[2:]).params is not None
            assert one.does.strip()


def test_every_configuration_key_is_documented() -> None:
    """Each key stands in the reference with a sentence, its default and the unit of an amount."""
    from governance.config import KEYS

    text = page("reference/configuration.md")
    for key in KEYS:
        assert f"| `{key.key}` |" in text
        assert key.doc
        assert key.default
        name = re.split(r"[.\]]+", key.key)[-1]
        assert name in ("", "NAME") or re.search(rf"(?m)^#? *{name} = ", text), key.key


def test_every_event_and_field_is_documented() -> None:
    """Each lifecycle event stands in the reference with a sentence for each field."""
    from governance.events import CATALOGUE, ENVELOPE

    text = page("reference/events.md")
    for spec in CATALOGUE.values():
        assert f"`{spec.name}`" in text
        assert spec.doc
        for one in spec.fields.values():
            assert f"`{one.name}`" in text
            assert one.doc, f"{spec.name}.{one.name}"
    for name in ENVELOPE:
        assert f"`{name}`" in text


def test_every_rule_key_and_fact_is_documented() -> None:
    """Each key, fact, tool and operator stands in the reference with what it means."""
    from governance.rules.keys import KEYS
    from governance.rules.shell_keys import OPAQUE_KINDS, SHELL_KEYS
    from governance.rules.vocabulary import OPERATORS, TOOLS, default_vocabulary

    rules, facts = page("reference/rules.md"), page("reference/facts.md")
    for key in KEYS:
        name = f"{key.table}.{key.name}" if key.table else key.name
        assert f"`{name}`" in rules
        assert key.meaning
        assert key.default
    for word in (*SHELL_KEYS, *OPAQUE_KINDS):
        assert f"`{word}`" in rules
    for fact in default_vocabulary().facts.values():
        assert f"`{fact.name}`" in facts
        assert fact.doc
    for word in (*TOOLS, *OPERATORS, *(name for names in OPERATORS.values() for name in names)):
        assert f"`{word}`" in facts


def test_the_ways_in_are_what_the_readme_says() -> None:
    """The README has the two marked commands, and `.ci/run` takes the second from there."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = dict(re.findall(r"<!-- command: (\w+) -->\n```sh\n(.*?)\n```", readme, re.DOTALL))

    assert set(blocks) == {"demo", "test"}
    assert all("\n" not in line for line in blocks.values())
    assert blocks["demo"].endswith("governance demo")
    assert blocks["test"].endswith("python -m pytest")
    assert "command_of_readme test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_what_a_table_of_features_names_is_there() -> None:
    """Each test, command, call and key that the line-by-line table names exists."""
    from governance.cli.app import HOMES
    from governance.config._tree import OTHERS, TABLES
    from governance.engine import Engine, Session

    text = (DOCS / "reference" / "session-management.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)[`:]", text)
    called = set(re.findall(r"`governance ([a-z-]+)", text))

    assert len(named) > 40
    assert [one for one in named if not (ROOT / one).is_file()] == []
    assert called - set(HOMES) == set()
    for word, kind in (("engine", Engine), ("session", Session)):
        calls = set(re.findall(rf"`{word}\.(\w+)", text))
        assert len(calls) > 2
        assert [one for one in calls if not hasattr(kind, one)] == []
    tables = set(re.findall(r"`\[+(\w+)\]", text))
    assert len(tables) > 5
    assert tables - {*TABLES, *OTHERS} == set()


def _is_test(told: str) -> bool:
    """Whether *told* names a file of tests and, where one is meant, a test or a bench of it."""
    found = re.fullmatch(r"`(tests/[\w/]+\.py)(?:::(\w+))?`(?:: `([a-z-]+)`)?", told)
    if found is None or not (ROOT / found[1]).is_file():
        return False
    source = (ROOT / found[1]).read_text(encoding="utf-8")
    if found[3]:
        return f'\n        "{found[3]}",' in source
    return found[2] is None or f"def {found[2]}(" in source


def test_a_test_that_is_not_there_is_noticed() -> None:
    """Neither its file nor its name can be made up, and nothing but a test is named."""
    here = "tests/docs/test_docs_reference.py"
    assert _is_test(f"`{here}`")
    assert _is_test(f"`{here}::test_a_test_that_is_not_there_is_noticed`")
    assert _is_test("`tests/bench/rows.py`: `load`")
    for told in (
        "",
        "a test",
        "`tests/docs/test_no.py`",
        f"`{here}::test_no`",
        "`tests/bench/rows.py`: `absent`",
    ):
        assert not _is_test(told), told


def test_every_line_of_the_list_of_session_management_is_answered() -> None:
    """None is left out, each names a test that is there, and measures that are in reports."""
    from governance.analytics.measures import MEASURES

    page = (DOCS / "reference" / "session-management.md").read_text(encoding="utf-8")
    _, told = page.split("## Every line\n")
    found: list[str] = []
    head, measures = "", set[str]()
    for row in told.splitlines():
        head = row.removeprefix("### ") if row.startswith("### ") else head
        cells = [cell.strip() for cell in row.strip("|").split(" | ")]
        if row.startswith("| ") and cells[0] not in ("line", "---"):
            assert len(cells) == 3, row
            assert cells[1], row
            assert [one for one in cells[2].split(", ") if not _is_test(one)] == [], row
            found.append(f"{head}: {cells[0]}")
            if head == "Session metrics":
                measures |= set(re.findall(r"`([a-z_0-9]+)`", cells[1]))
    wanted = Path(__file__).with_name("session_management_lines.txt").read_text(encoding="utf-8")
    assert found == wanted.splitlines()
    assert measures <= {one.name for one in MEASURES}


def test_folders_that_stand_elsewhere_are_told() -> None:
    """Each variable that moves a folder stands on the page of rules, with that folder."""
    from governance.rules.moved import MOVED

    page = " ".join((DOCS / "reference" / "rules.md").read_text(encoding="utf-8").split())
    _, told = page.split("A pattern that means a folder")
    missing = [one for one in MOVED if f"`{one}`" not in told]
    assert missing == []


def test_every_verb_and_word_of_the_interface_is_documented() -> None:
    """Who embeds the engine finds each argument, and each word of an enumeration."""
    from governance.engine.given import ARGUMENTS

    text = page("reference/api.md")
    for verb, takes in ARGUMENTS.items():
        _, _, section = text.partition(f"### `{verb}`\n")
        section = section.partition("\n### ")[0]
        for name, one in takes.items():
            assert f"| `{name}` | {one.what} |" in section, f"{verb}: {name}"


def test_every_operator_is_explained() -> None:
    """The page of facts has a row for each that says what it asks."""
    from governance.rules.vocabulary import OPERATORS

    rest = page("reference/facts.md").split("| operator | what it asks of a value |", 1)[1]
    rows = rest.split("\n\n", 1)[0].splitlines()[2:]
    told = [one for row in rows for one in re.findall(r"`([a-z_]+)`", row.split("|")[1])]

    known = {one for names in OPERATORS.values() for one in names}
    assert sorted(told) == sorted({"every", *known})
