"""Laws of chat histories: what is exported comes back, and nothing said becomes markup."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from governance.chat import Message, Part, media, messages_of, page_of
from governance.chat.exporting import (
    entries,
    json_document,
    jsonl,
    read_json,
    read_jsonl,
    with_texts,
)
from governance.chat.markdown import markdown
from governance.engine.chatting import import_messages
from governance.testing.engines import memory_engine
from governance.testing.strategies import json_values
from tests.profiles import examples

ROLES = st.sampled_from(["user", "assistant", "system", "tool"])
MARKUP = st.text(alphabet="`~#[]()<>!*_-|\\\n\r\t\x00\u2028 ah:/.@&;\"'=\u202e") | st.sampled_from(
    ["# x", "</pre>\n\n# x", "```\n# x\n```", "[a](http://a.test)", "<b>x", "www.a.test", "~~~"]
)
TEXTS = (
    st.text(alphabet=st.characters(exclude_categories=["Cs"]))
    | MARKUP
    | st.just("é").map(lambda sign: sign * 40_000)
)
NAMES = TEXTS.map(lambda text: text[:100])


def parts() -> st.SearchStrategy[Part]:
    return st.one_of(
        st.builds(Part, type=st.sampled_from(["text", "thinking"]), text=TEXTS),
        st.builds(Part, type=st.just("tool_call"), name=NAMES, value=json_values(leaves_max=4)),
        st.builds(Part, type=st.just("tool_result"), text=TEXTS, call_id=NAMES),
        st.builds(media, st.binary(max_size=20), NAMES, name=NAMES),
        st.builds(Part, type=st.just("media"), reference=NAMES.filter(bool), name=NAMES),
    )


def messages() -> st.SearchStrategy[list[Message]]:
    one = st.builds(
        Message,
        role=ROLES,
        parts=st.lists(parts(), min_size=1, max_size=4).map(tuple),
        id=st.text(alphabet="abc", min_size=1, max_size=3),
        at_ms=st.integers(0, 2**41),
        epoch=st.integers(0, 5),
        actor=st.none() | NAMES.filter(bool),
        reply_to=st.just("") | st.text(alphabet="abc", min_size=1, max_size=3),
        origin=st.just("") | NAMES.filter(lambda text: "\x00" not in text),
    )
    return st.lists(one, max_size=5, unique_by=lambda message: message.id)


@settings(max_examples=examples(60))
@given(messages())
def test_what_is_exported_comes_back_the_same(said: list[Message]) -> None:
    """As JSON and as JSON lines: a second store exports what the first one does, to the byte."""
    with memory_engine() as engine:
        import_messages(engine, "s", said, actor="a")
        lines = list(jsonl(entries(engine.journal, "s", messages_of(engine.journal, "s"))))
        whole = "".join(
            json_document(entries(engine.journal, "s", messages_of(engine.journal, "s")))
        )
        kept = [(one.id, one.at_ms, one.epoch, one.actor, one.role, one.reply_to, one.origin)
                for one in messages_of(engine.journal, "s")]  # fmt: skip
    assert kept == [
        (one.id, one.at_ms, one.epoch, one.actor, one.role, one.reply_to, one.origin)
        for one in said
    ]
    assert json.loads(whole)["format"] == "governance-chat"
    for read in (
        lambda: read_jsonl(line.encode() for line in lines),
        lambda: read_json(whole.encode()),
    ):
        with memory_engine() as other:
            done = import_messages(other, "s", read(), actor="b")
            again = import_messages(other, "s", read(), actor="b")
            found = list(messages_of(other.journal, "s"))

            assert (done.added, again.added) == (len(said), 0)
            assert again.known == len(said)
            assert list(jsonl(entries(other.journal, "s", found))) == lines


@given(messages(), st.text(min_size=1, max_size=20))
def test_nothing_that_was_said_becomes_markup(said: list[Message], name: str) -> None:
    """The page's headings are one a message; there is no link, image, HTML or emphasis."""
    reader = MarkdownIt("gfm-like", {"linkify": False}).enable(["table", "strikethrough"])
    page = "".join(markdown(name, said))

    tokens = reader.parse(page)

    assert sum(one.type == "heading_open" for one in tokens) == 1 + len(said)
    allowed = {"heading_open", "heading_close", "paragraph_open", "paragraph_close", "inline"}
    assert {one.type for one in tokens} <= {*allowed, "fence"}
    inner = {child.type for one in tokens for child in one.children or ()}
    assert inner <= {"text", "code_inline", "softbreak"}


@settings(max_examples=examples(40))
@given(st.lists(st.booleans(), max_size=30), st.integers(1, 7))
def test_pages_put_together_are_the_whole(said: list[bool], limit: int) -> None:
    """In both directions, whatever rows stand between the messages."""
    with memory_engine() as engine:
        session = engine.start("s")
        for number, is_message in enumerate(said):
            if is_message:
                session.message("user", str(number))
            else:
                session.lapse()
        whole = [one.seq for one in messages_of(engine.journal, "s")]
        forward, after = [], 0
        while (page := page_of(engine.journal, "s", after=after, limit=limit)).messages:
            forward += [one.seq for one in page.messages]
            after = page.next_seq
            if not after:
                break
        back: list[int] = []
        before: int | None = None
        while True:
            page = page_of(engine.journal, "s", before=before, limit=limit, reverse=True)
            back += [one.seq for one in page.messages]
            before = page.next_seq
            if not before:
                break

    assert forward == whole == back[::-1]
    assert len(whole) == sum(said)


def test_texts_on_the_shelf_are_whole_on_a_page() -> None:
    """A reader sees all of a long text."""
    with memory_engine() as engine:
        engine.start("s").message("user", "é" * 40_000 + "end")
        told = with_texts(engine.journal, messages_of(engine.journal, "s"))

        assert "éend\n```" in "".join(markdown("s", told))
