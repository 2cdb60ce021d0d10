"""`chat`: what was said in a session: shown, exported, imported, searched."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from governance.chat.exporting import (
    DOCUMENT_BYTES_MAX,
    LINE_BYTES_MAX,
    entries,
    json_document,
    jsonl,
    read_json,
    read_jsonl,
    with_texts,
)
from governance.chat.finding import find
from governance.chat.history import MESSAGES_MAX, messages_of, page_of
from governance.chat.markdown import markdown
from governance.chat.messages import Message
from governance.chat.parts import Part
from governance.cli.frame import (
    FINE,
    FOUND,
    ROW_MAX,
    Example,
    command,
    dir_option,
    file_error,
    format_option,
    project_of,
)
from governance.cli.opening import require_session, store_of
from governance.cli.output import moment, print_json, print_line
from governance.cli.own_files import require_other
from governance.cli.progress import working
from governance.cli.recording import person_name, recording_engine
from governance.cli.values import require_unset
from governance.engine.chatting import import_messages
from governance.errors import MisuseError, number_of
from governance.hosts.claude_code.transcript import Transcript
from governance.journal.searching import HITS_MAX
from governance.project import Project
from governance.values import Json

FORMATS = ("json", "jsonl", "markdown")
SOURCES = ("json", "jsonl", "claude-code")

_OPTIONS_OF: Mapping[str, frozenset[str]] = {
    "show": frozenset({"limit", "before"}),
    "export": frozenset({"as_", "to", "no_contents"}),
    "import": frozenset({"from_"}),
    "search": frozenset({"limit", "every", "ranked"}),
}
_OPTIONS = frozenset[str]().union(*_OPTIONS_OF.values())

CODES: Mapping[str, str] = {
    "GOV568": "words that `governance chat` cannot use",
}


@command(
    "chat",
    examples=[
        Example("governance chat show demo", "The newest messages of a session."),
        Example("governance chat export demo --as markdown", "All of them, as a page."),
        Example("governance chat export demo --as jsonl --to demo.jsonl", "For another store."),
        Example("governance chat import copy demo.jsonl", "The same messages in a new session."),
        Example("governance chat search demo 'rate limit'", "Where both words were said."),
        Example("governance chat search --all --ranked limit", "In all sessions, best first."),
        Example("governance chat show demo --before 100 --limit 5", "Five messages, further back."),
        Example("governance chat export demo --no-contents", "Without what is big."),
        Example(
            "governance chat import copy demo.jsonl --from jsonl",
            "A file whose name does not say what it is.",
        ),
    ],
    exits="0 done, 1 search: not all sessions could be read, 2 could not do what was asked",
)
@click.argument("what", type=click.Choice(["show", "export", "import", "search"]))
@click.argument("session")
@click.argument("words", nargs=-1)
@click.option("--limit", type=click.IntRange(1, MESSAGES_MAX), default=20, show_default=True,
              help="How many messages at most.")  # fmt: skip
@click.option("--before", type=click.IntRange(1, ROW_MAX), default=None,
              help="Show the messages before this row, to go back.")  # fmt: skip
@click.option("--as", "as_", type=click.Choice(FORMATS), default="jsonl", show_default=True,
              help="What to export to.")  # fmt: skip
@click.option("--to", "to", type=click.Path(path_type=Path), default=None,
              help="A new file to export to.  [default: standard output]")  # fmt: skip
@click.option("--no-contents", is_flag=True,
              help="Export what lies on the shelf by its name alone.")  # fmt: skip
@click.option("--from", "from_", type=click.Choice(SOURCES), default=None,
              help="What is imported.  [default: by the name of the file]")  # fmt: skip
@click.option("--all", "every", is_flag=True, help="Search all sessions; all words are searched.")
@click.option("--ranked", is_flag=True, help="The best first, in place of the newest.")
@format_option()
@dir_option
def chat(
    what: str,
    session: str,
    words: tuple[str, ...],
    limit: int,
    before: int | None,
    as_: str,
    to: Path | None,
    no_contents: bool,
    from_: str | None,
    every: bool,
    ranked: bool,
    format_name: str,
    directory: Path | None,
) -> int:
    """
    Show, export, import or search what was said in SESSION.

    `show` prints the newest messages, in order. `export` writes all of them, with what is big,
    so that `import` in another project gives the same; Markdown is for reading only. `import`
    takes the file that it is given: an export, or a transcript of Claude Code, of which it says
    what it could not carry. A message that the session has already is not added again. `search`
    finds messages that hold all WORDS, newest first; a phrase stands in double quotes.
    """
    require_unset(_OPTIONS - _OPTIONS_OF[what], f"does not go with `chat {what}`")
    project = project_of(directory)
    if what == "search":
        asked = " ".join((session, *words) if every else words)
        return _search(project, None if every else session, asked, limit, ranked, format_name)
    if what == "import":
        if len(words) != 1:
            raise MisuseError("`chat import` takes a session and one file", code="GOV568")
        return _import(project, session, Path(words[0]), from_, format_name)
    if words:
        raise MisuseError(f"`chat {what}` takes a session and no more words", code="GOV568")
    if what == "show":
        return _show(project, session, limit, before, format_name)
    return _export(project, session, as_, to, contents=not no_contents)


def _show(project: Project, session: str, limit: int, before: int | None, format_name: str) -> int:
    with store_of(project) as journal:
        require_session(journal, session)
        page = page_of(journal, session, before=before, limit=limit, reverse=True)
    if format_name == "json":
        print_json(
            {
                "session": session,
                "messages": [_shown_json(one) for one in reversed(page.messages)],
                "next_before": page.next_seq,
            }
        )
        return FINE
    if not page.messages:
        print_line("nothing was said, or nobody kept it", "quiet")
    for message in reversed(page.messages):
        _print(message)
    if page.next_seq:
        print_line(f"there is more: --before {page.next_seq}", "quiet")
    return FINE


def _search(
    project: Project, session: str | None, text: str, limit: int, ranked: bool, format_name: str
) -> int:
    with store_of(project) as journal:
        if session is not None:
            require_session(journal, session)
        with working("searching"):
            found = find(journal, text, session=session, ranked=ranked, limit=min(limit, HITS_MAX))
    if format_name == "json":
        print_json(
            {
                "messages": [_shown_json(one) for one in found.messages],
                "indexed": found.indexed,
                "complete": found.complete,
                "damaged": list(found.damaged),
            }
        )
        return FOUND if found.damaged else FINE
    for message in found.messages:
        if session is None:
            print_line(f"session {message.session}", "quiet")
        _print(message)
    if not found.messages:
        print_line("no message holds all of these words", "quiet")
    if not found.indexed:
        more = "" if found.complete else "; it ended before all rows were read"
        print_line(f"no index was asked: the journal itself was read{more}", "wary")
    if found.damaged:
        print_line(f"not searched, for they cannot be read: {', '.join(found.damaged)}", "bad")
    return FOUND if found.damaged else FINE


def _shown_json(message: Message) -> dict[str, Json]:
    return {**message.as_json(), "seq": message.seq, "session": message.session}


def _print(message: Message) -> None:
    by = f" ({message.actor})" if message.actor else ""
    print_line(f"{message.seq:>6} {moment(message.at_ms)} {message.role}{by}", "quiet")
    for part in message.parts:
        for line in part_text(part).splitlines() or [""]:
            print_line(f"       {line}")


def part_text(part: Part) -> str:
    """*part* as a person reads it in a terminal."""
    size = number_of(part.size_bytes, "byte")
    more = f"\n… {size} in all" if part.blob and part.type != "media" else ""
    match part.type:
        case "text":
            return part.text + more
        case "media":
            where = part.reference or f"{size}, sha256 {part.blob}"
            return f"[media {part.name or part.media_type}: {where}]"
        case "json" | "tool_call":
            from governance.values import dump_json

            value = "" if part.value is None else dump_json(part.value).decode()
            return f"[{part.type} {part.name}] {part.text}{value}{more}"
        case _:
            failed = ", failed" if part.failed else ""
            return f"[{part.type}{failed}] {part.text}{more}"


def _export(project: Project, session: str, as_: str, to: Path | None, *, contents: bool) -> int:
    with store_of(project) as journal:
        require_session(journal, session)
        messages = messages_of(journal, session)
        if as_ == "markdown":
            pieces = markdown(session, with_texts(journal, messages))
        else:
            found = entries(journal, session, messages, contents=contents)
            pieces = json_document(found) if as_ == "json" else jsonl(found)
        if to is None:
            sys.stdout.writelines(pieces)
            return FINE
        require_other(to, project=project.directory)
        try:
            # What was said may be private: nobody else reads the file, and none is replaced.
            with _private(to) as file:
                file.writelines(pieces)
        except OSError as error:
            raise file_error(to, error) from None
    print_line(f"exported to {to}", "good")
    return FINE


@contextmanager
def _private(path: Path) -> Iterator[IO[str]]:
    import os

    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            yield file
    except BaseException:
        # Half an export would be taken for a whole one.
        path.unlink(missing_ok=True)
        raise


def _import(project: Project, session: str, path: Path, from_: str | None, format_name: str) -> int:
    transcript = Transcript()
    with recording_engine(project) as engine:
        try:
            with path.open("rb") as file:
                kind = from_ or _kind_of(path, file)
                messages = _read(kind, file, transcript)
                with working("importing"):
                    done = import_messages(engine, session, messages, actor=person_name())
        except OSError as error:
            raise file_error(path, error) from None
    # An export has a header of its own; any file at all can be read as a transcript of nothing.
    if kind == "claude-code" and not done.added and not done.known:
        left = "; ".join(_left_out(transcript))
        why = f"`{path}` holds no message" + (f": {left}" if left else "")
        raise MisuseError(
            why, code="GOV567", remedy="give an export, or a transcript and `--from` its kind"
        )
    left_out: dict[str, Json] = dict(sorted(transcript.left_out.items()))
    if format_name == "json":
        print_json(
            {"ok": True, "session": session, "added": done.added, "known": done.known,
             "left_out": left_out}
        )  # fmt: skip
        return FINE
    print_line(f"{number_of(done.added, 'message')} added, {done.known} known already", "good")
    for line in _left_out(transcript):
        print_line(f"not carried: {line}", "wary")
    return FINE


def _left_out(transcript: Transcript) -> Sequence[str]:
    found = sorted(transcript.left_out.items())
    return [f"{name}, {number_of(count, 'time')}" for name, count in found]


def _kind_of(path: Path, file: IO[bytes]) -> str:
    """What *path* holds, by its name; JSON lines may be an export or a transcript."""
    if path.suffix == ".json":
        return "json"
    start = file.read(200)
    file.seek(0)
    return "jsonl" if b'"governance-chat"' in start else "claude-code"


def _read(kind: str, file: IO[bytes], transcript: Transcript) -> Iterator[Message]:
    if kind == "json":
        return read_json(file.read(DOCUMENT_BYTES_MAX + 1))
    lines = _lines(file)
    return transcript.messages(lines) if kind == "claude-code" else read_jsonl(lines)


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of *file*; what is longer than anybody reads comes in several."""
    while line := file.readline(LINE_BYTES_MAX):
        yield line


COMMANDS = {"chat": chat}
