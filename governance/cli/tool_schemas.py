"""`tools`: which arguments of tools are recorded, and recording them for rules on `args.*`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path, PurePath

import click

from governance._attrs import frozen
from governance.authoring.subjects import text_of
from governance.authoring.tool_schemas import Calls, merged, pack_text, schemas_of_list
from governance.cli.asking_servers import listed_by, refused
from governance.cli.files import write_file
from governance.cli.frame import (
    FINE,
    Example,
    command,
    dir_option,
    file_error,
    format_option,
    key_option,
    project_of,
)
from governance.cli.guard import require_person
from governance.cli.opening import data_of, rows_of, sessions_in, store_of
from governance.cli.output import print_json, print_line, styled
from governance.cli.own_files import require_other
from governance.cli.progress import progressing, working
from governance.cli.tables import print_table
from governance.clock import SystemClock
from governance.config import load_config
from governance.engine.project_rules import pack_sources
from governance.errors import ERROR, MisuseError, SessionErased, number_of
from governance.formats import RowNewer, body_of
from governance.journal.records import Journal, Record
from governance.project import Project
from governance.rules.draft import Draft
from governance.rules.drafting import KEBAB, draft_pack
from governance.rules.format import ToolSchema
from governance.rules.recorded import PART, is_recordable
from governance.rules.sources import PackSource
from governance.values import Json, ValueRefused, load_json

CODES: Mapping[str, str] = {
    "GOV636": "a list of tools that cannot be had",
    "GOV637": "a file that is no record of tools",
}

RECORD = "rules/recorded-tools.toml"
"""Where a project's record stands: among its packs, which agents may not write."""

LISTS_MAX = 100
"""Files that are read at once."""

ROWS_MAX = 1_000_000
"""Rows of the journal that are looked at for calls; where there are more it is told."""

SKIPPED_SHOWN_MAX = 20
_DECIDED = "tool.decided"
_BIG = {"sha256", "bytes", "beginning"}


@frozen
class Known:
    """One recorded schema, and the file that it stands in."""

    schema: ToolSchema
    file: str

    def as_json(self) -> dict[str, Json]:
        """As programs read it."""
        one = self.schema
        return {
            "tool": one.tool,
            "args": {
                name: list(kind) if isinstance(kind, tuple) else kind
                for name, kind in one.args.items()
            },
            "from": one.learned,
            "source": one.source,
            "at": one.at.isoformat() if one.at is not None else "",
            "file": self.file,
            "layer": one.layer,
        }


@frozen
class Found:
    """What sources gave: schemas, the servers that listed all their tools, what was left out."""

    schemas: tuple[ToolSchema, ...] = ()
    servers: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


@command(
    "tools",
    examples=[
        Example("governance tools", "Which arguments rules may look at, and who told them."),
        Example(
            "governance tools --record --server gh --list gh-tools.json",
            "Record what an MCP server answered to `tools/list`.",
        ),
        Example("governance tools --record --from-journal", "Record what calls had as arguments."),
        Example(
            "governance tools --server files -- npx -y @modelcontextprotocol/server-filesystem .",
            "Start a server, ask it, and only show what would be recorded.",
        ),
        Example("governance tools --format json", "The same, for a program."),
        Example(
            "governance tools --record --from-journal --into rules/other-tools.toml",
            "Into another file.",
        ),
    ],
)
@click.argument("server_command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND…]")
@click.option("--record", is_flag=True, help="Write the file; without it, it is only shown.")
@click.option(
    "--list",
    "lists",
    type=click.Path(path_type=Path),
    multiple=True,
    help="A JSON file with the answer to `tools/list`, or an array of them; may be repeated.",
)
@click.option("--server", default="", help="What hosts call the server that --list or COMMAND is.")
@click.option("--from-journal", is_flag=True, help="Take what the calls in the journal had.")
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default=None,
    help=f"The pack to write.  [default: {RECORD} of the project]",
)
@format_option()
@key_option
@dir_option
def tools(
    server_command: tuple[str, ...],
    record: bool,
    lists: tuple[Path, ...],
    server: str,
    from_journal: bool,
    into: Path | None,
    format_name: str,
    key_file: Path | None,
    directory: Path | None,
) -> int:
    """
    Show which arguments of tools are recorded, or record them, so that rules may say `args.*`.

    The record is a pack that holds `[[schema]]` tables and nothing else, to be read and
    committed. It has names and types, and no value that a call had. It allows and forbids
    nothing; a rule on an argument that it does not have is an error. COMMAND starts an MCP
    server on standard input and output, which is asked for its list and ended; it has 30
    seconds. Recording, and starting a server, is a person's.
    """
    project = project_of(directory)
    asked = bool(server_command or lists or from_journal)
    if not asked:
        if record or server or into is not None:
            raise click.UsageError("say what is recorded: --list FILE, --from-journal or COMMAND")
        return _show(_known(project), format_name)
    if len(lists) > LISTS_MAX:
        files = number_of(len(lists), "file")
        raise click.UsageError(f"{files} of --list; at most {LISTS_MAX} are read at once")
    if (server_command or lists) and not PART.fullmatch(server):
        why = f", and `{server}` is no name of a server" if server else ""
        raise click.UsageError(f"--server NAME is needed{why}: rules write `mcp:NAME:tool`")
    if record or server_command:
        require_person("tools", project, key_file)
    target = into if into is not None else project.directory / RECORD
    before = _recorded_in(target)
    found = _found(project, lists, server, server_command, from_journal)
    schemas = merged(before, found.schemas, found.servers)
    if record and schemas:
        _write(project.directory, target, schemas)
    shown = [Known(one, str(target)) for one in schemas]
    if format_name == "json":
        recorded: Json = {
            "recorded": record and bool(schemas),
            "file": str(target),
            "in_force": _in_force(project, target),
            "skipped": list(found.skipped),
            "tools": [one.as_json() for one in shown],
        }
        print_json(recorded)
        return FINE
    _show(shown, format_name)
    for line in found.skipped[:SKIPPED_SHOWN_MAX]:
        print_line(f"left out: {line}", "wary")
    if len(found.skipped) > SKIPPED_SHOWN_MAX:
        print_line(f"left out: {len(found.skipped) - SKIPPED_SHOWN_MAX} more", "wary")
    if not record:
        print_line("nothing was written; `--record` does", "quiet")
    elif schemas:
        print_line(f"{number_of(len(schemas), 'tool')} recorded in {target}", "good")
        if not _in_force(project, target):
            print_line(f"to be in force, `[packs] paths` has to name {target}", "wary")
    return FINE


def _known(project: Project) -> list[Known]:
    """What the packs in force record, of each tool what its uppermost layer says first."""
    drafts = [
        draft_pack(one, examples=False) for one in pack_sources(load_config(project.directory))
    ]
    found = [Known(one, draft.source.file) for draft in drafts for one in draft.schemas]
    return sorted(found, key=lambda one: one.schema.tool)


def _in_force(project: Project, target: Path) -> bool:
    sources = pack_sources(load_config(project.directory))
    return any(Path(one.file).resolve() == target.resolve() for one in sources if not one.name)


def _recorded_in(target: Path) -> tuple[ToolSchema, ...]:
    """
    What *target* records already.

    Raises:
        MisuseError: GOV637, it holds something else, which would be lost.
    """
    if not target.exists():
        return ()
    draft = draft_pack(PackSource("", text_of(target), str(target)))
    if _holds_more(draft) or any(one.severity == ERROR for one in draft.findings.diagnostics()):
        raise MisuseError(
            f"`{target}` is no record of tools, or a damaged one",
            code="GOV637",
            remedy="look at it with `governance check`, or give another file with `--into`",
        )
    return tuple(draft.schemas)


def _holds_more(draft: Draft) -> bool:
    kept = {"format", "pack", "schema"}
    return any(name not in kept for name in draft.findings.document.data)


def _found(
    project: Project,
    lists: Sequence[Path],
    server: str,
    server_command: Sequence[str],
    from_journal: bool,
) -> Found:
    now = datetime.fromtimestamp(SystemClock().now_ms() // 1000, UTC)
    answers: list[tuple[Json, str]] = [(_json_of(one), one.name) for one in lists]
    if server_command:
        with working(f"asking {PurePath(server_command[0]).name}"):
            pages = listed_by(server_command)
        answers.append((list(pages), " ".join(server_command)[:200]))
    schemas: list[ToolSchema] = []
    skipped: list[str] = []
    for answer, source in answers:
        listed = schemas_of_list(answer, server, source=source, at=now)
        if listed is None:
            raise refused(f"{source} holds no answer of `tools/list`")
        schemas += listed.schemas
        skipped += listed.skipped
    if from_journal:
        with store_of(project) as journal:
            calls = _calls_in(journal)
        schemas += calls.schemas(source="the journal", at=now)
        if calls.skipped:
            skipped.append(f"{calls.skipped} arguments or rows beyond what is looked at")
    return Found(tuple(schemas), (server,) if answers else (), tuple(skipped))


def _json_of(file: Path) -> Json:
    text = text_of(file)
    try:
        return load_json(text)
    except (ValueRefused, json.JSONDecodeError, RecursionError):
        raise refused(f"`{file}` is no JSON") from None


def _calls_in(journal: Journal) -> Calls:
    calls = Calls()
    for number, record in enumerate(progressing(_rows(journal), "looking at calls"), 1):
        if number > ROWS_MAX:
            calls.skipped += 1
            break
        if record.kind == _DECIDED:
            call = _call_of(record)
            if call is not None and is_recordable(call[0]):
                calls.add(*call)
    return calls


def _rows(journal: Journal) -> Iterator[Record]:
    """The rows of all sessions but those that were erased, which nobody reads again."""
    for session in sessions_in(journal):
        with suppress(SessionErased):
            yield from rows_of(journal, session)


def _call_of(record: Record) -> tuple[str, Mapping[str, Json]] | None:
    """The tool and arguments of a recorded call that was let through, or ``None``."""
    try:
        row = body_of(record)
    except (ValueRefused, RowNewer):
        return None  # a row that cannot be read is no witness
    data = data_of(row)
    arguments = data.get("arguments")
    if not data.get("open") or not isinstance(arguments, Mapping) or set(arguments) == _BIG:
        return None
    tool = str(data.get("tool"))
    if tool == "other":
        tool = f"native:{row.get('host')}:{data.get('native')}"
    return tool, arguments


def _write(project: Path, target: Path, schemas: Sequence[ToolSchema]) -> None:
    require_other(target, "pack", project)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise file_error(target.parent, error) from None
    stem = target.stem.lower()
    name = stem if KEBAB.fullmatch(stem) else "recorded-tools"
    write_file(target, pack_text(name, schemas).encode(), 0o644, what="pack", project=project)


def _show(known: Sequence[Known], format_name: str) -> int:
    if format_name == "json":
        print_json({"tools": [one.as_json() for one in known]})
        return FINE
    if not known:
        print_line("no arguments of tools are recorded; see `governance tools --help`", "quiet")
        return FINE
    rows = []
    for one in known:
        schema = one.schema
        day = schema.at.date().isoformat() if schema.at is not None else ""
        told = f"{schema.learned} {day}".strip()
        for number, (name, kind) in enumerate(schema.args.items() or [("", "")]):
            words = " or ".join(kind) if isinstance(kind, tuple) else kind
            first = number == 0
            rows.append(
                (
                    styled(schema.tool if first else ""),
                    styled(name),
                    styled(words),
                    styled(told if first else "", "quiet"),
                    styled(PurePath(one.file).name if first else "", "quiet"),
                )
            )
    print_table(("tool", "argument", "type", "from", "file"), rows, whole=("argument",))
    return FINE


COMMANDS = {"tools": tools}
