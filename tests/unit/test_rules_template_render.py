"""Templates: what is put in, and what never gets through."""

from __future__ import annotations

import pytest

from governance.errors import Problem
from governance.rules.template import TEXT_CHARACTERS_MAX, Template, build_template
from governance.rules.vocabulary import Unknown, default_vocabulary

VOCABULARY = default_vocabulary().with_names(fields={"language": "en"})


def built(text: str, on: str = "tool", tools: tuple[str, ...] | None = None) -> Template:
    problems: list[Problem] = []
    made = build_template(
        text, vocabulary=VOCABULARY, on=on, tools=tools, path=("message",), report=problems.append
    )
    assert made is not None, problems
    return made


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("plain", "plain"),
        ("not {path}!", "not /project/a!"),
        ("{ path }", "/project/a"),
        ("{{path}} }}{{", "{path} }{"),
        ("{domains}", "a.test, b.test"),
        ("{domains.1}", "b.test"),
        ("{turn} {fields.language}", "3 de"),
        ("{query}", "(none)"),
        ("{reads}", "(unknown)"),
        ("{cwd}", "(none)"),
    ],
)
def test_render(text: str, wanted: str) -> None:
    """Placeholders become values, and what there is not is said so."""
    facts: dict[str, object] = {
        "path": "/project/a",
        "domains": ["a.test", "b.test"],
        "turn": 3,
        "fields.language": "de",
        "reads": Unknown("opaque"),
        "cwd": None,
    }

    assert built(text).render(facts) == wanted


def test_values_of_the_agent_are_tamed() -> None:
    """A value is one bounded line without signs that a terminal acts on."""
    text = built("{command}").render({"command": "a\nb\x1b[31m\u202e" + "x" * 10_000})

    assert text.isprintable()
    assert len(text) == 200
    assert text.startswith("a\u2423b\u2423[31m\u2423")


def test_the_whole_text_is_bounded() -> None:
    """Many long values together stay within the bound."""
    text = built("{command}" * 100).render({"command": "x" * 1_000})

    assert len(text) == TEXT_CHARACTERS_MAX


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{pth}", "`path`"),
        ("{", "{{"),
        ("}", "}}"),
        ("{}", "{{"),
        ("{path", "{{"),
        ("{prompt_source}", "prompt"),
        ("{fields.langage}", "`fields.language`"),
        ("{command.0}", "no list"),
    ],
)
def test_refused(text: str, says: str) -> None:
    """An unknown placeholder or a stray brace is reported as GOV247."""
    problems: list[Problem] = []

    made = build_template(
        text,
        vocabulary=VOCABULARY,
        on="tool",
        tools=None,
        path=("message",),
        report=problems.append,
    )

    (problem,) = problems
    assert made is None
    assert problem.code == "GOV247"
    assert says in problem.message + problem.suggestion


def test_a_value_is_whole_or_unknown() -> None:
    """As a new value nothing is shortened, and a missing part makes it unknown."""
    made = built("{command} --x")

    assert made.value({"command": "y" * 1_000}) == "y" * 1_000 + " --x"
    assert isinstance(made.value({}), Unknown)
    assert isinstance(made.value({"command": Unknown("why")}), Unknown)
