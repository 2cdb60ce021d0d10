"""`governance chat` on a real store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from governance.chat import Part, media
from governance.config import default_toml, load_config
from governance.journal import open_journal
from governance.journal.session_values import BLOB_SHELF, values_of
from governance.testing.engines import memory_engine
from tests.integration.conftest import made_project
from tests.integration.conftest import run_words as run


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without packs, in whose store one session has a history of three messages."""
    config = default_toml().replace('paths = ["shipped"]', "paths = []")
    folder = made_project(tmp_path, monkeypatch, config)
    journal = open_journal(base=folder, create=False)
    with memory_engine(journal=journal) as engine:
        session = engine.start("s")
        session.message("user", ["look\x1b[2J", media(b"\x89PNG\xff", "image/png", name="x.png")])
        session.message("assistant", Part(type="tool_call", name="read", value={"path": "a"}))
        session.message("assistant", "word " * 10_000)
    return folder


def test_show_prints_the_newest_messages_in_order(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of them reaches the terminal as control, and the way back is named."""
    code, out, _ = run(capsys, "chat", "show", "s", "--dir", str(project))
    _, last, _ = run(capsys, "chat", "show", "s", "--limit", "1", "--dir", str(project))
    _, told, _ = run(
        capsys, "chat", "show", "s", "--limit", "2", "--before", "4", "--format", "json",
        "--dir", str(project),
    )  # fmt: skip

    assert code == 0
    assert "look␛[2J" in out
    assert "\x1b" not in out
    assert out.index("[media x.png") < out.index('[tool_call read] {"path":"a"}')
    assert "… 50000 bytes in all" in out
    assert "--before 4" in last
    assert [one["role"] for one in json.loads(told)["messages"]] == ["user", "assistant"]


@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_an_export_can_be_imported_into_another_session(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """The file is nobody else's to read; the second import of it adds nothing."""
    file = tmp_path / f"out.{kind}"

    code, _, _ = run(
        capsys, "chat", "export", "s", "--as", kind, "--to", str(file), "--dir", str(project)
    )
    _, first, _ = run(
        capsys, "chat", "import", "t", str(file), "--format", "json", "--dir", str(project)
    )
    _, second, _ = run(capsys, "chat", "import", "t", str(file), "--dir", str(project))
    _, a, _ = run(capsys, "chat", "export", "s", "--dir", str(project))
    _, b, _ = run(capsys, "chat", "export", "t", "--dir", str(project))

    assert code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(first)["added"] == 3
    assert "0 messages added, 3 known already" in second
    assert a.splitlines()[1:] == b.splitlines()[1:]


def test_a_file_that_is_there_is_not_replaced(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The user may need it."""
    file = tmp_path / "mine"
    file.write_text("mine")

    code, _, err = run(capsys, "chat", "export", "s", "--to", str(file), "--dir", str(project))

    assert code == 2
    assert "GOV610" in err
    assert file.read_text() == "mine"


def test_an_export_that_fails_leaves_no_half_of_itself(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Content that is gone is told, and `--no-contents` exports the rest."""
    journal = open_journal(load_config(project).journal.url, base=project, create=False)
    for one in tuple(values_of(journal.shelf, BLOB_SHELF, "s")):
        journal.shelf.delete(BLOB_SHELF, one.name)
    journal.close()
    file = tmp_path / "out.jsonl"
    words = ("chat", "export", "s", "--to", str(file), "--dir", str(project))

    code, _, err = run(capsys, *words)

    assert code == 2
    assert "GOV566" in err
    assert not file.exists()
    assert run(capsys, *words, "--no-contents")[0] == 0
    assert len(file.read_text().splitlines()) == 4


def test_markdown_holds_all_of_a_long_text(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is for reading, so nothing of a text is left on the shelf."""
    code, out, _ = run(capsys, "chat", "export", "s", "--as", "markdown", "--dir", str(project))

    assert code == 0
    assert out.startswith("# Chat history of `s`\n")
    assert out.count("word ") == 10_000


def test_a_transcript_is_imported_and_says_what_it_could_not_carry(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The session was not governed, and is not said to have been."""
    file = tmp_path / "one.jsonl"
    file.write_text(
        '{"type":"summary","summary":"x"}\n'
        '{"type":"user","uuid":"u1","timestamp":"2026-11-21T10:00:00Z",'
        '"message":{"role":"user","content":"hello"}}\n'
        '{"type":"assis'
    )

    code, out, _ = run(capsys, "chat", "import", "old", str(file), "--dir", str(project))
    _, shown, _ = run(capsys, "chat", "show", "old", "--dir", str(project))
    _, listed, _ = run(capsys, "sessions", "--format", "json", "--dir", str(project))

    assert code == 0
    assert "1 message added" in out
    assert "not carried: a line that cannot be read, 1 time" in out
    assert "not carried: an entry of type summary, 1 time" in out
    assert "hello" in shown
    states = {one["id"]: one["state"] for one in json.loads(listed)["sessions"]}
    assert states["old"] == "absent"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ('{"format":"other"}\n', "its `format` is not `governance-chat`"),
        ('{"format":"governance-chat","version":9}\n', "version 9; this engine reads 1"),
        ('{"format":"governance-chat","version":1}\n{"message":{}}\n', "line 2"),
        ('{"format":"governance-chat","version":1}\n{"blob":"a","base64":"YQ=="}\n', "line 2"),
        ('{"format":"governance-chat","version":1}\n{', "line 2"),
    ],
)
def test_a_damaged_export_is_named_with_its_line(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    """A file that is cut, changed or newer is never half understood."""
    file = tmp_path / "bad.jsonl"
    file.write_text(text)

    code, _, err = run(
        capsys, "chat", "import", "t", str(file), "--from", "jsonl", "--dir", str(project)
    )

    assert code == 2
    assert "GOV567" in err
    assert said in " ".join(err.split())


@pytest.mark.parametrize(
    "words",
    [
        ("show", "s", "more"),
        ("import", "s"),
        ("show", "nobody"),
        ("import", "s", "none"),
        ("search", "s"),
    ],
)
def test_words_that_make_no_sense_are_refused(
    project: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    """With a code, and without a traceback."""
    code, _, err = run(capsys, "chat", *words, "--dir", str(project))

    assert code == 2
    assert "GOV" in err
    assert "Traceback" not in err


def test_search_finds_in_one_session_or_in_all(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By all of its words, and it says that an index was asked."""
    _, one, _ = run(capsys, "chat", "search", "s", "look", "--dir", str(project))
    _, every, _ = run(
        capsys, "chat", "search", "--all", "read", "--ranked", "--format", "json",
        "--dir", str(project),
    )  # fmt: skip
    code, none, _ = run(capsys, "chat", "search", "s", "look", "elsewhere", "--dir", str(project))

    assert "look␛[2J" in one
    told = json.loads(every)
    assert [(hit["session"], hit["seq"]) for hit in told["messages"]] == [("s", 3)]
    assert told["indexed"]
    assert code == 0
    assert "no message holds all of these words" in none


@pytest.mark.parametrize("data", [b"", b"\x00\xff\n\x80\n", b"{}\n[]\n"])
def test_a_file_without_a_message_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str], data: bytes
) -> None:
    """Nothing that looks like success is said of it, and no session comes of it."""
    (project / "strange").write_bytes(data)

    code, out, err = run(
        capsys, "chat", "import", "new", str(project / "strange"), "--dir", str(project)
    )

    assert (code, out) == (2, "")
    assert "GOV567" in err
    assert run(capsys, "show", "new", "--dir", str(project))[0] == 2


@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_an_export_of_a_session_without_a_message_is_imported(
    project: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """What `export` wrote is taken back, also where nobody kept what was said."""
    journal = open_journal(load_config(project).journal.url, base=project, create=False)
    with memory_engine(journal=journal) as engine:
        engine.start("quiet")
    file = project / f"nothing.{kind}"
    where = ("--dir", str(project))

    exported = run(capsys, "chat", "export", "quiet", "--as", kind, "--to", str(file), *where)
    code, out, _ = run(capsys, "chat", "import", "new", str(file), *where)

    assert (exported[0], code) == (0, 0)
    assert "0 messages added" in out
