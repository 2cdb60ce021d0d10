"""Messages go into the journal, are found again, and stay what they were."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from governance.aengine import AsyncEngine
from governance.chat import ContentGone, Message, Part, media, whole_part
from governance.chat.contents import INLINE_CHARS_MAX
from governance.chat.messages import message_of_json
from governance.engine import Engine
from governance.engine.chatting import import_messages
from governance.engine.retention import RetentionPolicy
from governance.errors import MisuseError
from governance.journal.records import Append, Row
from governance.journal.session_values import BLOB_SHELF, shelf_name
from governance.journal.sqlite import SqliteJournal
from governance.testing import ManualClock
from governance.testing.engines import memory_engine
from governance.values import ValueRefused

SECRET = "ghp_" + "a1B2" * 9


@pytest.fixture
def engine() -> Iterator[Engine]:
    with memory_engine() as made:
        yield made


def test_a_message_of_each_kind_comes_back(engine: Engine) -> None:
    """What is small stands in the row; media lie on the shelf under their sha256."""
    session = engine.start("s")
    parts = [
        "Look:",
        Part(type="thinking", text="hm"),
        Part(type="tool_call", name="read", call_id="c", value={"path": "a.py"}),
        Part(type="tool_result", call_id="c", text="no such file", failed=True),
        Part(type="json", value=[1, None]),
        Part(type="media", media_type="image/png", reference="https://a.test/x.png"),
        media(b"\x89PNG\xff", "image/png", name="x.png"),
    ]

    said = session.message("assistant", parts, about={"model": "m-1"})
    (found,) = session.messages().messages

    assert found == said
    assert found.parts[1:6] == tuple(parts[1:6])
    assert found.parts[6].blob == sha256(b"\x89PNG\xff").hexdigest()
    assert session.content(found, found.parts[6]) == b"\x89PNG\xff"
    assert found.about == {"model": "m-1"}


@pytest.mark.parametrize("text", ["x" * 5_000, "a\x00b", "שלום \u202eabc", "é" * 200_000], ids=len)
def test_a_text_of_any_length_comes_back(engine: Engine, text: str) -> None:
    """Also one with NUL, one from right to left, and one that is too long for a row."""
    session = engine.start("s")

    said = session.message("user", text)
    part = whole_part(engine.journal, said, said.parts[0])

    assert part.text == text
    assert bool(said.parts[0].blob) == (len(text) > INLINE_CHARS_MAX)
    assert text.startswith(said.parts[0].text)


def test_ten_megabytes_do_not_stand_in_a_row(engine: Engine) -> None:
    """A row stays small however big its message is, so a session is read as fast."""
    session = engine.start("s")

    said = session.message("user", ["y" * 10_000_000, Part(type="json", value=["z"] * 50_000)])

    row = engine.journal.read("s", after=said.seq - 1)[0]
    assert len(row.body) < 10_000
    assert [len(session.content(said, one)) for one in said.parts] == [10_000_000, 200_001]
    assert sum(len(one.value) for one in engine.journal.shelf.scan(BLOB_SHELF)) < 100_000


@pytest.mark.parametrize("forged", [False, True])
def test_a_text_that_lies_there_as_it_is_can_be_read(engine: Engine, forged: bool) -> None:
    """Older stores hold it so; one that unpacks to more than was said is not unpacked further."""
    session = engine.start("s")
    text = "long ago " * 10_000
    said = session.message("user", text)
    (entry,) = engine.journal.shelf.scan(BLOB_SHELF)
    older = zlib.compress(bytes(50_000_000)) if forged else text.encode()
    engine.journal.shelf.put(BLOB_SHELF, entry.name, older)

    if forged:
        with pytest.raises(ContentGone):
            session.content(said, said.parts[0])
    else:
        assert session.content(said, said.parts[0]) == text.encode()


@pytest.mark.parametrize(
    "said",
    [[], ["x"] * 257, [{"type": "film"}], [{"type": "text", "colour": "red"}],
     [{"type": "text", "text": 1}], [{"type": "media"}], [{"type": "text", "blob": "../x"}],
     [{"type": "text", "blob": "a" * 64}]],
)  # fmt: skip
def test_what_is_no_message_is_refused(engine: Engine, said: list[object]) -> None:
    """By one code, and nothing is written."""
    session = engine.start("s")
    head = engine.journal.head("s")

    with pytest.raises(MisuseError) as refused:
        session.message("user", said)  # type: ignore[arg-type]

    assert refused.value.code == "GOV565"
    assert engine.journal.head("s") == head


def test_a_role_that_nobody_has_is_refused(engine: Engine) -> None:
    """It would be found under nobody's."""
    session = engine.start("s")

    with pytest.raises(MisuseError, match="`robot` is no role"):
        session.message("robot", "x")  # type: ignore[arg-type]


def test_half_a_sign_in_a_text_is_made_visible(engine: Engine) -> None:
    """As an import does; a value says what was called with, and is refused."""
    session = engine.start("s")
    big = "\ud800" + "x" * 100_000

    session.message("user", ["a\ud800", Part(type="thinking", text="\ud83d\ude00"), big])
    with pytest.raises(ValueRefused, match="a lone surrogate at character 1"):
        session.message("assistant", Part(type="tool_call", name="read", value={"path": "\ud800"}))

    (found,) = session.messages().messages
    assert [one.text[:2] for one in found.parts] == ["a\ufffd", "\U0001f600", "\ufffdx"]
    assert session.content(found, found.parts[2]).decode() == "\ufffd" + "x" * 100_000


def test_nothing_is_said_in_a_journal_of_the_project(engine: Engine) -> None:
    """Pauses and trust stand there, and must not be pushed out of sight."""
    with pytest.raises(MisuseError) as refused:
        engine.session("@project").message("user", "x")
    with pytest.raises(MisuseError):
        import_messages(
            engine, "@project", [Message(id="i", role="user", parts=(Part(type="text"),))],
            actor="a",
        )  # fmt: skip

    assert refused.value.code == "GOV401"
    assert engine.journal.head("@project").seq == 0


def test_a_message_that_comes_twice_is_kept_once(engine: Engine) -> None:
    """The second time the first one is given, whatever the second says."""
    session = engine.start("s")

    first = session.message("user", "hello", ident="m-1")
    again = session.message("user", "other", ident="m-1")

    assert again == first
    assert len(session.messages().messages) == 1


def test_pages_go_both_ways(engine: Engine) -> None:
    """Rows of other kinds between the messages are passed over."""
    session = engine.start("s")
    for number in range(7):
        session.message("user", str(number))
        session.turn(str(number))
        session.turn_ended()

    forward = session.messages(limit=3)
    rest = session.messages(after=forward.next_seq)
    back = session.messages(limit=5, reverse=True)
    older = session.messages(before=back.next_seq, reverse=True)

    assert [one.text for one in (*forward.messages, *rest.messages)] == list("0123456")
    assert [one.text for one in (*back.messages, *older.messages)] == list("6543210")
    assert rest.next_seq == older.next_seq == 0


def test_history_goes_on_over_compaction_reset_and_resume() -> None:
    """Nothing of it is lost; each message knows its epoch and what it answers to."""
    clock = ManualClock()
    with memory_engine(clock=clock) as engine:
        session = engine.start("s")
        session.turn("1")
        first = session.message("user", "before")
        session.turn_ended()
        session.compact()
        session.message("user", "after a compaction")
        session.interrupt()
        session.resume()
        session.message("user", "after a gap")
        session.reset()
        last = session.message("user", "in a new epoch", reply_to=first.id)

        found = session.messages().messages

    assert [(one.text, one.epoch) for one in found] == [
        ("before", 1),
        ("after a compaction", 1),
        ("after a gap", 1),
        ("in a new epoch", 2),
    ]
    assert (found[-1].id, found[-1].reply_to) == (last.id, found[0].id)


def test_a_branch_has_what_was_said_before_it(engine: Engine) -> None:
    """And its contents; what is said in one of the two later is not in the other."""
    session = engine.start("s")
    shared = session.message("user", [media(b"\xff\x00", "image/png")])
    engine.journal.branch("b", "s", shared.seq)
    branch = engine.session("b")
    session.message("user", "here")
    branch.message("user", "there")

    found = branch.messages().messages

    assert [one.text for one in found] == ["", "there"]
    assert branch.content(found[0], found[0].parts[0]) == b"\xff\x00"
    assert [one.text for one in session.messages().messages] == ["", "here"]


def test_secrets_are_taken_out_before_anything_is_written(tmp_path: Path) -> None:
    """Of texts, values, contents on the shelf and what is known of a message."""
    path = tmp_path / "journal.db"
    with memory_engine(journal=SqliteJournal.open(path, create=True)) as engine:
        session = engine.start("s")
        session.message(
            "user",
            [
                f"my token is {SECRET}",
                Part(type="tool_call", name="x", value={"password": "hunter2hunter2"}),
                "filler " * 10_000 + SECRET,
                media(f"TOKEN={SECRET}".encode(), "text/plain"),
                Part(type="json", value=["w" * 40_000, SECRET]),
            ],
            about={"note": SECRET},
        )
        import_messages(
            engine, "s", [Message(id="i", role="user", parts=(Part(type="text", text=SECRET),))],
            actor="somebody",
        )  # fmt: skip
        assert "[redacted:" in session.messages().messages[0].text

    stored = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"filler" in stored
    assert SECRET.encode() not in stored
    assert b"hunter2" not in stored


def test_content_that_is_gone_is_an_error_and_never_empty(engine: Engine) -> None:
    """A shelf is no evidence: what lies there is compared with its name."""
    session = engine.start("s")
    said = session.message("user", [media(b"\xff", "image/png")])
    name = shelf_name("s", said.parts[0].blob)

    engine.journal.shelf.put(BLOB_SHELF, name, b"other")
    with pytest.raises(ContentGone, match="not what was kept"):
        session.content(said, said.parts[0])
    engine.journal.shelf.delete(BLOB_SHELF, name)
    with pytest.raises(ContentGone, match="is not in the store"):
        session.content(said, said.parts[0])


def test_a_big_part_with_a_text_and_a_value_is_refused(engine: Engine) -> None:
    """One of them would be lost, or make the row longer than rows are."""
    session = engine.start("s")
    small = Part(type="tool_call", name="x", text="why", value={"a": 1})
    assert session.message("user", [small]).parts[0].text == "why"

    for text, value in (("t" * INLINE_CHARS_MAX, "v"), ("t", "v" * INLINE_CHARS_MAX)):
        with pytest.raises(MisuseError, match="both a text and a value") as raised:
            session.message("user", [Part(type="json", text=text, value=value)])
        assert raised.value.code == "GOV565"


@pytest.mark.parametrize("archived", [False, True])
def test_contents_go_with_their_rows(tmp_path: Path, archived: bool) -> None:
    """Into the archive, where there is one, and out of it again."""
    clock = ManualClock()
    with memory_engine(clock=clock) as engine:
        with engine.start("s") as session:
            said = session.message("user", [media(b"\xff", "image/png")])
        clock.advance(1_000)
        folder = str(tmp_path) if archived else ""
        engine.prune(RetentionPolicy(age_ms_max=1, folder=folder), actor="me")

        assert engine.journal.head("s").seq == 0
        assert engine.journal.shelf.scan(BLOB_SHELF) == ()
        if archived:
            (file,) = tmp_path.iterdir()
            engine.unarchive(file, actor="me")
            assert engine.session("s").content(said, said.parts[0]) == b"\xff"


def test_a_row_of_another_engine_is_no_message(engine: Engine) -> None:
    """What cannot be read as a message is passed over, not shown as one."""
    session = engine.start("s")
    session.message("user", "x")
    head = engine.journal.head("s").seq
    rows = (Row("message.added", 0, b'{"data":{"id":"a"}}'), Row("message.added", 0, b"{"))
    engine.journal.append([Append("s", head, rows)])

    assert [one.text for one in session.messages().messages] == ["x"]


def test_messages_are_awaited_too() -> None:
    """The handle for event loops has the same verbs."""

    async def run() -> list[str]:
        async with AsyncEngine(memory_engine()) as engine:
            session = await engine.start("s")
            said = await session.message("user", ["hello", media(b"\xff", "a/b")])
            assert await session.content(said, said.parts[1]) == b"\xff"
            return [one.text for one in (await session.messages()).messages]

    assert asyncio.run(run()) == ["hello"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "is an object"),
        ({"id": "m", "role": "user", "parts": [], "more": 1}, "no field `more`"),
        ({"id": "m", "role": "user", "parts": "text"}, "`parts` of a message is a list"),
        ({"id": "m", "role": "user", "parts": [], "about": [1]}, "`about` an object"),
        ({"id": "m", "role": "user", "parts": [], "reply_to": 1}, "are texts"),
        ({"id": "m", "role": "user", "parts": [], "at_ms": "now"}, "are integers"),
        ({"id": "m", "role": "user", "parts": [], "epoch": -1}, "are integers"),
    ],
)
def test_a_file_of_no_message_is_refused(data: object, said: str) -> None:
    """A file that somebody wrote by hand is told what is wrong with it."""
    with pytest.raises(MisuseError, match=said) as refused:
        message_of_json(data)

    assert refused.value.code == "GOV565"


@pytest.mark.parametrize("ident", ["i" * 201, "a\x00b"])
def test_an_id_that_no_message_can_have_is_refused(engine: Engine, ident: str) -> None:
    """By one code, and nothing is written."""
    session = engine.start("s")
    before = engine.journal.head("s")

    with pytest.raises(MisuseError, match="1 to 200 characters") as refused:
        session.message("user", "hello", ident=ident)

    assert refused.value.code == "GOV565"
    assert engine.journal.head("s") == before
