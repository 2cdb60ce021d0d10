"""`governance context` on a real store."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path

import pytest

from governance import cli
from governance.cli.recording import person_name
from governance.config import default_toml
from governance.journal import open_journal
from governance.journal.session_values import BLOB_SHELF, values_of
from governance.testing.engines import memory_engine
from tests.integration.conftest import made_project

JSON = ("--format", "json")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without packs, whose store has one session."""
    config = default_toml().replace('paths = ["shipped"]', "paths = []")
    folder = made_project(tmp_path, monkeypatch, config)
    journal = open_journal(base=folder, create=False)
    with memory_engine(journal=journal) as engine:
        engine.start("s")
    return folder


@pytest.fixture
def run(project: Path, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Runs `governance context` and gives its exit code, output and errors."""

    def call(*words: str) -> tuple[int, str, str]:
        code = cli.main(("context", *words, "--dir", str(project)))
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return call


def test_values_are_set_shown_listed_and_taken_out(run) -> None:  # type: ignore[no-untyped-def]
    """JSON as JSON, anything else as a text; nothing reaches the terminal as control."""
    assert run("set", "entry", '{"file": "a.py"}', "--kind", "code")[0] == 0
    assert run("set", "note", "hello\x1b[2J", "--scope", "session:s")[0] == 0

    _, told, _ = run("get", "entry", "--kind", "code", "--format", "json")
    code, shown, _ = run("list", "--scope", "session:s")
    again = run("set", "entry", "1", "--kind", "code", "--expect", "0")
    none = run("get", "nothing")

    assert json.loads(told)[0]["value"] == {"file": "a.py"}
    assert json.loads(told)[0]["actor"] == person_name()
    assert code == 0
    assert "hello␛[2J" in shown
    assert again[0] == none[0] == 1
    assert "the value has version 1 now" in again[1]
    assert "there is no such value" in none[1]
    assert run("unset", "entry", "--kind", "code")[0] == 0
    assert "no values" in run("list")[1]


@pytest.mark.parametrize(
    "text", ['{"a":', "[1, 2", '"open', '{"a": NaN}', "9" * 23, " 1e999", "0.5E+400"]
)
def test_what_begins_like_json_and_is_none_is_refused(run, text: str) -> None:  # type: ignore[no-untyped-def]
    """It is not kept as a text, which would be another value than was meant."""
    code, _, error = run("set", "k", text)

    assert code == 2
    assert "the value is no JSON" in error
    assert run("get", "k")[0] == 1


@pytest.mark.parametrize(
    "words", [("list",), ("get", "k"), ("set", "k", "1"), ("merge", "project"), ("grants",)]
)
def test_all_scopes_are_for_searching_alone(run, words: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    """The help names `all` among the scopes: the error says with what it goes."""
    code, _, error = run(*words, "--scope", "all")

    assert code == 2
    assert f"`--scope all` goes with `context search` alone, not with `context {words[0]}`" in error
    assert "name one scope" in error
    assert run("search", "k", "--scope", "all")[0] == 0


def test_a_version_that_no_store_can_hold_is_refused(run) -> None:  # type: ignore[no-untyped-def]
    """By the option itself, with its range."""
    code, _, error = run("set", "k", "1", "--expect", str(2**63))

    assert code == 2
    assert "is not in the range 0<=x<=9223372036854775807" in error
    assert run("set", "k", "1", "--expect", str(2**63 - 1))[0] == 1


def test_nothing_is_merged_from_a_session_that_is_not_there(run) -> None:  # type: ignore[no-untyped-def]
    """A misspelled one is no session without values."""
    code, _, err = run("merge", "session:t")

    assert (code, "GOV611" in err) == (2, True)
    assert run("merge", "session:s")[0] == 0


def test_values_are_searched(run) -> None:  # type: ignore[no-untyped-def]
    """By all words, of one scope; what cannot be searched is said, and is a finding."""
    for key, text in (("a", "the rate limit"), ("b", "limit the rate, a limit"), ("c", "other")):
        assert run("set", key, text, "--kind", "code")[0] == 0
    assert run("set", "d", "rate limit", "--scope", "session:s")[0] == 0

    newest = json.loads(run("search", "rate limit", "--format", "json")[1])
    best = json.loads(run("search", "limit", "--ranked", "--limit", "1", "--format", "json")[1])
    phrase = run("search", '"rate limit"')
    none = run("search", "zebra")

    assert [one["key"] for one in newest["found"]] == ["b", "a"]
    assert json.loads(run("search", "rate", "limit", "--format", "json")[1]) == newest
    assert newest["unread"] == []
    assert [one["key"] for one in best["found"]] == ["b"]
    assert best["found"][0]["score"] > 0
    assert "the rate limit" in phrase[1]
    assert "limit the rate" not in phrase[1]
    assert (none[0], none[1].strip()) == (0, "nothing was found")
    assert run("search", "...")[0] == 2


def test_all_scopes_are_searched_by_pages(run) -> None:  # type: ignore[no-untyped-def]
    """With the scope of each; the mark of one page leads to the next, and a wrong one nowhere."""
    run("set", "first", "rate limit")
    run("set", "mine", "rate limit", "--scope", f"user:{person_name()}")
    run("set", "theirs", "rate limit", "--scope", "user:somebody-else")

    code, shown, _ = run("search", "rate", "--scope", "all", "--limit", "1")
    page = json.loads(run("search", "rate", "--scope", "all", "--limit", "1", *JSON)[1])
    rest = json.loads(run("search", "rate", "--scope", "all", "--after", page["mark"], *JSON)[1])

    assert (code, f"--after {page['mark']}" in shown) == (0, True)
    scopes = {one["scope"] for one in (*page["found"], *rest["found"])}
    assert scopes == {"project", f"user:{person_name()}"}
    assert (len(page["found"]), len(rest["found"]), rest["mark"]) == (1, 1, "")
    assert "GOV585" in run("search", "rate", "--after", "nonsense")[2]
    assert "GOV560" in run("list", "--scope", "all")[2]


def test_a_search_names_what_it_could_not_read(run, project: Path) -> None:  # type: ignore[no-untyped-def]
    """Its content is lost: `validate` says so as well."""
    assert run("set", "big", "word " * 2_000)[0] == 0
    with closing(open_journal(base=project, create=False)) as journal:
        for one in tuple(values_of(journal.shelf, BLOB_SHELF, "@context")):
            journal.shelf.delete(BLOB_SHELF, one.name)

    code, shown, _ = run("search", "word")

    assert code == 1
    assert "content is lost: big" in shown
    assert json.loads(run("search", "word", "--format", "json")[1])["unread"] == [
        ["project", "big"]
    ]


def test_what_belongs_to_somebody_else_is_refused(run) -> None:  # type: ignore[no-untyped-def]
    """By a code, and with exit 1; one's own is fine."""
    code, out, _ = run("get", "key", "--scope", "user:somebody-else")
    own = f"user:{person_name()}"

    assert code == 1
    assert "GOV561" in out
    assert run("set", "key", "1", "--kind", "user", "--scope", own)[0] == 0


def test_a_scope_is_merged_pruned_reset_and_cared_for(run) -> None:  # type: ignore[no-untyped-def]
    """Every verb says what it did, as JSON too."""
    own = ("--scope", "session:s", "--format", "json")
    run("set", "a", "1")
    run("set", "b", "2", *own)

    assert json.loads(run("merge", "project", *own)[1])["taken"] == [["project", "a"]]
    assert json.loads(run("prune", "0", *own)[1])["hidden"] == [["project", "b"], ["project", "a"]]
    assert json.loads(run("list", *own)[1]) == []
    assert len(json.loads(run("list", "--hidden", *own)[1])) == 2
    assert json.loads(run("validate", *own)[1]) == {"wrong": []}
    assert json.loads(run("repair", *own)[1]) == {"repaired": []}
    assert json.loads(run("grant", "user:bob", "a*", "--kind", "code", *own)[1])["row"] > 0
    assert json.loads(run("grants", *own)[1]) == {"grants": [["user:bob", "read", "code", "a*"]]}
    assert run("revoke", "user:bob", "a*", "--kind", "code", *own)[0] == 0
    assert run("reset", "0", *own)[0] == 0
    assert json.loads(run("list", "--hidden", *own)[1]) == []


def test_every_verb_is_told_in_words(run) -> None:  # type: ignore[no-untyped-def]
    """For people too: rows by number, names by kind and key, what there is none of."""
    own = ("--scope", "session:s")
    run("set", "a", "1")
    run("set", "b", "2", *own)

    told = {
        words[0]: run(*words, *own)[1]
        for words in (
            ("merge", "project"), ("validate",), ("repair",), ("prune", "0"),
            ("grant", "user:bob", "a*"), ("grants",), ("revoke", "user:bob", "a*"),
            ("unset", "b"), ("reset", "0"), ("search", "nowhere"),
        )
    }  # fmt: skip

    assert re.fullmatch(r"row: \d+\ntaken: 1\n  project a\n(.*\n)*", told["merge"])
    assert told["merge"].endswith("dropped: none\nconflicts: none\n")
    assert told["validate"] == "wrong: none\n"
    assert told["repair"] == "repaired: none\n"
    assert told["prune"] == "hidden: 2\n  project b\n  project a\n"
    assert re.fullmatch(r"row: \d+\n", told["grant"])
    assert told["grants"] == "grants: 1\n  user:bob read project a*\n"
    assert re.fullmatch(r"row: \d+\n", told["revoke"])
    assert re.fullmatch(r"unset: \d+\n|unset: true\n", told["unset"])
    assert re.fullmatch(r"row: \d+\n", told["reset"])
    assert told["search"] == "nothing was found\n"


@pytest.mark.parametrize(
    "words",
    [("get",), ("set", "a"), ("reset", "x"), ("reset", "999"), ("get", "a", "--scope", "team:x"),
     ("list", "--scope", "session:nobody"), ("grant", "bob", "a"), ("set", "", "1")],
)  # fmt: skip
def test_words_that_make_no_sense_are_refused(run, words: tuple[str, ...]) -> None:  # type: ignore[no-untyped-def]
    """With a code, and without a traceback."""
    code, _, err = run(*words)

    assert code == 2
    assert "GOV" in err
    assert "Traceback" not in err
