"""`demo`: a recorded session of a real client, governed before your eyes."""

from __future__ import annotations

import json
import shlex
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from governance._attrs import frozen
from governance._shipped import recording_text
from governance.cli.columns import print_columns
from governance.cli.founding import found_project, install_host, remove_project
from governance.cli.frame import (
    FINE,
    FOUND,
    Example,
    command,
    file_error,
    format_option,
)
from governance.cli.journey import DENYING, lines_of, stays
from governance.cli.machines import path_of
from governance.cli.opening import rows_of, rules_of, store_of
from governance.cli.output import print_json, styled
from governance.cli.progress import progressing
from governance.cli.replaying import HOST, SESSION, Payload, Played, play, read_recording
from governance.cli.telling import Teller, Told, told_of
from governance.clock import SystemClock
from governance.config import default_toml, load_config
from governance.diagrams import SUFFIXES, Format, render
from governance.diagrams.png import RendererMissing
from governance.errors import DefinitionError, MisuseError, number_of
from governance.machine import load_machine
from governance.project import Project
from governance.rules.trust import grant_trust
from governance.values import Json
from governance.whole_file import write_whole

PACKS = "packs"
MARK = "demo"
"""A file in the person's own folder for a project: `demo` made it, and may make it anew."""

PICTURES: tuple[Format, ...] = ("svg", "png")
PAYLOAD = "payload.json"
OWN_PACK = "my-pack.toml"
OWN_PACK_TEXT = """\
# A pack to begin with. It is not in force: name it under `[packs] paths` in governance.toml.
format = 1

[pack]
name = "mine"
version = "1.0.0"
summary = "What we agreed on."

[[rule]]
id = "mine.no-print"
tools = ["write"]
when.path = { glob = "shop/**" }
when.content = { contains = "print(" }
action = "warn"
message = "`{path}` prints: use a logger."
must_match = [{ tool = "write", path = "shop/a.py", content = "print(1)" }]
must_not_match = [{ tool = "write", path = "tools/a.py", content = "print(1)" }]
"""
LOG_LINES_SHOWN = 3

TRY_NEXT: tuple[Example, ...] = (
    Example("governance sessions", "which sessions there are, and how they stand"),
    Example(f"governance show {SESSION}", "one session: state, violations, metrics"),
    Example(f"governance why {SESSION}", "why a call was decided as it was"),
    Example(f"governance violations {SESSION}", "what was counted"),
    Example(f"governance log {SESSION}", "every row of its journal"),
    Example("governance verify", "prove that no row was changed"),
    Example(f"governance diagram --session {SESSION}", "its path as a picture"),
    Example("""governance decide --tool shell --args '{"command": "rm -rf /"}'""", "ask the rules"),
    Example(
        f'governance hook claude-code --dir "$PWD" --event PreToolUse < {PAYLOAD}',
        "be the client yourself",
    ),
    Example(f"governance check {OWN_PACK}", "test a rule of your own"),
    Example("governance doctor", "whether all is in its place"),
)


@frozen
class Figures:
    """What a played session came to, in numbers; times in milliseconds."""

    hooks: int
    median_ms: float
    longest_ms: float
    actions: Mapping[str, int]
    injections: int
    injected_characters: int
    violations: Mapping[str, int]
    rows: int

    def as_json(self) -> dict[str, Json]:
        return {
            "hooks": self.hooks,
            "median_ms": round(self.median_ms, 1),
            "longest_ms": round(self.longest_ms, 1),
            "actions": dict(self.actions),
            "injections": self.injections,
            "injected_characters": self.injected_characters,
            "violations": dict(self.violations),
            "rows": self.rows,
        }


@command(
    "demo",
    examples=[
        Example("governance demo", "Watch it, in a new folder that is left for you."),
        Example("governance demo --dir my-demo --format json", "The same, for a program."),
        Example("governance demo --packs rules", "By packs of your own."),
    ],
    exits="0 all hooks answered, 1 one of them could not decide, 2 it could not be played",
)
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder to make the project in; empty or not there yet.  [default: a new temporary one]",
)
@click.option(
    "--packs",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=None,
    help="Rule packs to govern with in place of the shipped ones.",
)
@format_option()
def demo(directory: Path | None, packs: Path | None, format_name: str) -> int:
    """
    Govern a recorded session of Claude Code, and see what is decided and why.

    A project is made as `governance init --host claude-code` makes it. Then every payload
    that the real client once sent is given to the hook that was installed, one process
    each, at the time it was sent. Nothing that the recorded agent tried is run. The
    project stays, for every other command to be tried on. To see what one rule does, copy
    the shipped packs, change it, and give the folder with `--packs`.
    """
    packs_given = _pack_files(packs) if packs is not None else ()
    project = Project(_folder(directory))
    _forget_earlier(project)
    found_project(project.directory, default_toml([PACKS]) if packs_given else default_toml())
    if packs_given:
        _take_packs(project, packs_given)
    write_whole(project.state_directory() / MARK, b"", synced=False)
    install_host(project, HOST)
    recording = read_recording(recording_text(), project.directory)
    _leave_things_to_try(project, recording)
    played: list[Played] = []
    told: list[Told] = []
    teller = Teller(project) if format_name == "text" else None
    if teller is not None:
        _introduce(teller, project, recording, packs)
    playing = play(project, recording, now_ms=SystemClock().now_ms())
    if teller is None:
        playing = progressing(playing, "playing", total=len(recording))
    for one in playing:
        played.append(one)
        told.append(told_of(one, project))
        if teller is not None:
            teller.tell(one)
    figures = _figures(played, told)
    trouble = _trouble(project)
    drawn = _draw(project)
    if teller is None:
        print_json(_as_json(project, told, figures, drawn, trouble))
    else:
        _conclude(teller, project, figures, drawn, trouble)
    return FOUND if trouble else FINE


def _folder(directory: Path | None) -> Path:
    """An empty folder, absolute."""
    if directory is None:
        return Path(tempfile.mkdtemp(prefix="governance-demo-")).resolve()
    folder = directory.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        taken = any(folder.iterdir())
    except OSError as error:
        raise file_error(folder, error) from None
    if taken:
        raise MisuseError(
            f"`{folder}` is not empty", remedy="name a new folder, or leave `--dir` out"
        )
    return folder.resolve()


def _forget_earlier(project: Project) -> None:
    """What a demo in a folder of this name, deleted since, has left outside of it."""
    if (project.state_directory() / MARK).exists():
        remove_project(project, erase_journal=True)


def _pack_files(packs: Path) -> tuple[Path, ...]:
    files = tuple(sorted(packs.glob("*.toml")))
    if not files:
        raise MisuseError(f"`{packs}` holds no `*.toml` file", remedy="give a folder of packs")
    return files


def _take_packs(project: Project, files: Sequence[Path]) -> None:
    """Copy the packs *files* into the project, trusted there."""
    copies = project.directory / PACKS
    try:
        copies.mkdir()
        for file in files:
            shutil.copyfile(file, copies / file.name)
    except OSError as error:
        raise file_error(copies, error) from None
    # Whoever gives packs to a demo of their own trusts them there, and nowhere else.
    trusted = {copies / file.name: file.read_bytes() for file in files}
    trusted[project.config_file] = project.config_file.read_bytes()
    for file, content in trusted.items():
        grant_trust(
            str(project.trust_file()),
            content,
            file=str(file),
            project=str(project.directory),
            by="demo",
            at_ms=SystemClock().now_ms(),
        )


def _leave_things_to_try(project: Project, recording: Sequence[Payload]) -> None:
    """A payload of a session of its own for the hook, and a pack to begin with."""
    values: dict[str, Json] = {
        **next(one.values for one in recording if one.event == "PreToolUse"),
        "session_id": "by-hand",
        "tool_name": "Bash",
        "tool_input": {"command": "git push --force"},
    }
    # A call that has an id is answered once; by hand it can be asked again and again.
    values.pop("tool_use_id", None)
    text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    (project.directory / PAYLOAD).write_text(text, encoding="utf-8")
    (project.directory / OWN_PACK).write_text(OWN_PACK_TEXT, encoding="utf-8")


def _introduce(
    teller: Teller, project: Project, recording: Sequence[Payload], packs: Path | None
) -> None:
    loaded = rules_of(load_config(project.directory))
    if loaded.rules is None:
        raise DefinitionError(loaded.errors)
    rules = sum(len(pack.rules) for pack in loaded.packs)
    whose = "shipped packs" if packs is None else f"packs of {packs}"
    teller.say(
        f"A project was made in {project.directory}: {number_of(rules, 'rule')} of the {whose}."
    )
    teller.say(
        f"Claude Code's {len(recording)} recorded hook calls are now given to the hook that was "
        "installed there, one process each. Nothing that the agent tried is run."
    )


def _figures(played: Sequence[Played], told: Sequence[Told]) -> Figures:
    times = [one.answered.took_ms for one in played]
    actions: dict[str, int] = {}
    violations: dict[str, int] = {}
    for one in told:
        if one.action:
            actions[one.action] = actions.get(one.action, 0) + 1
        for rule in one.counted:
            violations[rule] = violations.get(rule, 0) + 1
    injected = [one.injected for one in told if one.injected]
    return Figures(
        hooks=len(played),
        median_ms=statistics.median(times),
        longest_ms=max(times),
        actions=actions,
        injections=len(injected),
        injected_characters=sum(map(len, injected)),
        violations=violations,
        rows=sum(len(one.rows) for one in played),
    )


def _trouble(project: Project) -> tuple[str, ...]:
    """What the hooks wrote into their log: they write there only what went wrong."""
    try:
        lines = project.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return ()
    return tuple(lines)


def _draw(project: Project) -> tuple[Path, ...]:
    """The pictures of the path, as far as this installation can draw."""
    definition = load_machine().definition
    with store_of(project) as journal:
        path = path_of(journal, SESSION, definition)
    made = []
    for kind in PICTURES:
        try:
            data = render(definition, kind, path)
        except RendererMissing:
            continue  # without the extra that draws it the other picture has to do
        file = project.directory / f"{SESSION}{SUFFIXES[kind]}"
        file.write_bytes(data)
        made.append(file)
    return tuple(made)


def _conclude(
    teller: Teller,
    project: Project,
    figures: Figures,
    drawn: Sequence[Path],
    trouble: Sequence[str],
) -> None:
    definition = load_machine().definition
    with store_of(project) as journal:
        rows = tuple(rows_of(journal, SESSION))
        report = journal.verify()
    teller.title("The path that the session took")
    if rows:
        teller.drawn(tuple(lines_of(stays(rows), definition)))
    for file in drawn:
        teller.say(f"as a picture: {file}", "quiet", indent=2)
    teller.title("In figures")
    denied = sum(figures.actions.get(name, 0) for name in DENYING)
    counted = sum(figures.violations.values())
    asked = sum(figures.actions.values())
    holds = "the chain of all of them holds" if report.ok else "the chain is broken"
    lines = (
        ("hook calls", f"{figures.hooks}, median {figures.median_ms:.0f} ms "
                       f"and at most {figures.longest_ms:.0f} ms, each a process of its own"),
        ("tool calls", f"{asked} asked, {denied} denied"),
        ("injections", f"{figures.injections}, "
                       f"{number_of(figures.injected_characters, 'character')}"),
        ("violations", f"{counted}: {', '.join(figures.violations)}" if counted else "none"),
        ("journal", f"{number_of(figures.rows, 'row')}; {holds}"),
    )  # fmt: skip
    for name, text in lines:
        teller.entry(name, text)
    for line in trouble[-LOG_LINES_SHOWN:]:
        teller.say(f"a hook could not decide: {line}", "bad", indent=2)
    teller.title("Try next")
    teller.say(f"cd {shlex.quote(str(project.directory))}", indent=2)
    if (folder := command_folder()) is not None:
        # Called by its path, as the README does: what follows would not be found otherwise.
        line = f'PATH="{folder}:$PATH"'
        print_columns([[styled(line), styled("# where this command is", "quiet")]])
    print_columns((styled(one.line), styled(f"# {one.does}", "quiet")) for one in TRY_NEXT)


def command_folder() -> Path | None:
    """The folder of this command, where a shell does not find it by its name."""
    called = Path(sys.argv[0]).absolute()
    if called.name != "governance" or shutil.which("governance") is not None:
        return None
    return called.parent


def _as_json(
    project: Project,
    told: Sequence[Told],
    figures: Figures,
    drawn: Sequence[Path],
    trouble: Sequence[str],
) -> dict[str, Json]:
    return {
        "ok": not trouble,
        "project": str(project.directory),
        "session": SESSION,
        "events": [one.as_json() for one in told],
        "figures": figures.as_json(),
        "pictures": [str(file) for file in drawn],
        "trouble": list(trouble),
    }


COMMANDS = {"demo": demo}
