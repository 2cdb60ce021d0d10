"""`init` and `uninstall`: a project made and a host's hooks put in, and both taken out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from governance.cli.columns import print_columns
from governance.cli.founding import (
    CHANGED,
    KEPT,
    MADE,
    REMOVED,
    Effect,
    found_project,
    install_host,
    installed_hosts,
    remains_of,
    remove_project,
    uninstall_host,
)
from governance.cli.frame import (
    FAILED,
    FINE,
    FOUND,
    Example,
    command,
    dir_option,
    format_option,
    key_option,
)
from governance.cli.guard import require_person, require_terminal
from governance.cli.opening import rules_of
from governance.cli.output import (
    Tone,
    diagnostic_json,
    print_diagnostics,
    print_json,
    print_line,
    styled,
)
from governance.cli.progress import working
from governance.config import default_toml, load_config
from governance.engine.lawmaking import trusted_config, waiting_keys
from governance.errors import Diagnostic, MisuseError, number_of
from governance.hosts import INSTALLABLE, installer_of
from governance.journal.opening import shown_url
from governance.project import Project
from governance.values import Json

_TONES: dict[str, Tone] = {MADE: "good", CHANGED: "wary", REMOVED: "wary", KEPT: "quiet"}

host_option = click.option(
    "--host",
    type=click.Choice(sorted(INSTALLABLE)),
    default=None,
    help="The agent harness whose settings are changed.",
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Only tell what would be done.")


@command(
    "init",
    examples=[
        Example("governance init new-project", "Make a folder a project."),
        Example("governance init --host claude-code", "And have Claude Code governed here."),
        Example("governance init --host claude-code --dry-run", "See what that would change."),
    ],
    exits="0 done, 1 it is made, and something keeps the host from calling it, 2 it could not be",
)
@click.argument("directory", required=False, type=click.Path(path_type=Path), metavar="[DIR]")
@host_option
@dry_run_option
@key_option
@format_option()
def init(
    directory: Path | None,
    host: str | None,
    dry_run: bool,
    key_file: Path | None,
    format_name: str,
) -> int:
    """
    Make DIR, or the folder that you are in, a project that governs its agents.

    It gets a `governance.toml` with the shipped packs in force, a private folder with
    the journal, and a key for you outside the project. What is there already stays as
    it is, so this can be run again at any time. With `--host` our hooks (and where it
    has one the status line) are put into that harness's settings for this project;
    nothing else in them is touched, and `governance uninstall` brings back what was. What
    else keeps the harness from calling them, such as a switch of its own, is told.
    """
    project = Project((directory or Path.cwd()).absolute())
    # The settings are read first, so that a file that cannot be used stops all of it.
    planned = install_host(project, host, dry_run=True) if host else ()
    done = list(
        found_project(project.directory, default_toml(), key_file=key_file, dry_run=dry_run)
    )
    if host and not dry_run:
        planned = install_host(project, host)
    done += planned
    barred = _in_the_way(project, host, dry_run=dry_run) if host else []
    if format_name == "json":
        print_json(_as_json(project, done, dry_run, barred))
        return FOUND if barred else FINE
    _print_effects(project, done, dry_run=dry_run)
    if not dry_run:
        _print_state(project, host, barred)
    elif barred:
        print_line("")
        print_diagnostics(barred)
    return FOUND if barred else FINE


def _in_the_way(project: Project, host: str, *, dry_run: bool) -> list[Diagnostic]:
    """What keeps *host* from calling its hooks, although they are where they belong."""
    installer, directory = installer_of(host), project.directory
    shadows = (*installer.switches(directory), *installer.shadows(os.environ))
    found = [
        Diagnostic("GOV640", one.message, str(one.file), suggestion=one.mend) for one in shadows
    ]
    # Before an installation its hooks are missing, which is no news.
    left = () if dry_run else installer.problems(directory)
    file, mend = str(directory / installer.settings), "change what it names: `init` does not"
    found += [Diagnostic("GOV640", one, file, suggestion=mend) for one in left]
    return found


def _print_effects(project: Project, done: Sequence[Effect], *, dry_run: bool) -> None:
    print_line(str(project.directory))
    if not done:
        print_line("  nothing of governance is here", "quiet")
    print_columns(
        (
            (
                styled(
                    f"would be {one.verb}" if dry_run and one.verb != KEPT else one.verb,
                    _TONES[one.verb],
                ),
                styled(_short(project, one.path)),
                styled(one.note, "quiet"),
            )
            for one in done
        ),
    )
    for one in done:
        # A new file is ours alone; in one that is changed every line is somebody's.
        if dry_run and one.verb == CHANGED:
            print_line("")
            print_line(one.diff.rstrip("\n"))


def _short(project: Project, path: Path) -> str:
    if path.is_relative_to(project.directory):
        return str(path.relative_to(project.directory))
    home = Path("~").expanduser()
    # The root of a file system is nobody's home.
    if home != Path("/") and path.is_relative_to(home):
        return f"~/{path.relative_to(home)}"
    return str(path)


def _print_state(project: Project, host: str | None, barred: Sequence[Diagnostic]) -> None:
    """What is in force now, what is in its way, and what to do next."""
    config = load_config(project.directory)
    held = trusted_config(config)
    with working("reading the rules"):
        loaded = rules_of(held)
    print_line("")
    if loaded.rules is None:
        print_diagnostics(loaded.errors)
        print_line("until that is mended every tool call here is denied", "bad")
        return
    rules = sum(len(pack.rules) for pack in loaded.packs)
    print_line(
        f"in force: {number_of(rules, 'rule')} of {number_of(len(loaded.packs), 'pack')}", "good"
    )
    waiting = waiting_keys(config)
    if waiting:
        shown = ", ".join(f"`{one.key}`" for one in waiting)
        print_line(f"not as written until `governance trust`: {shown}", "wary")
    if not held.journal.url.startswith("sqlite:///.governance/"):
        print_line(f"the journal is kept at {shown_url(held.journal.url)}", "wary")
    print_line("")
    if barred:
        print_diagnostics(barred)
        print_line(f"until that is mended {host} is not governed here", "bad")
        print_line("")
    folder = _word(project.directory)
    steps = [
        (f"governance doctor --dir {folder}", "see that everything is in its place"),
        (f"governance check {folder}", "whenever you have changed a rule"),
    ]
    if waiting:
        steps.append((f"governance trust --list --dir {folder}", "what its file would loosen"))
    if barred:
        steps.insert(0, (f"governance init {folder} --host {host}", "once that is mended"))
    elif host:
        start = installer_of(host).start
        steps.insert(0, (start, "start it in the folder; what runs already is not governed yet"))
    else:
        steps.insert(0, (f"governance init {folder} --host claude-code", "govern Claude Code here"))
    print_line("Next:")
    print_columns((styled(line), styled(does, "quiet")) for line, does in steps)


def _word(path: Path) -> str:
    import shlex

    return shlex.quote(str(path))


def _as_json(
    project: Project, done: Sequence[Effect], dry_run: bool, barred: Sequence[Diagnostic] = ()
) -> dict[str, Json]:
    return {
        "ok": not barred,
        "diagnostics": [diagnostic_json(one) for one in barred],
        "project": str(project.directory),
        "dry_run": dry_run,
        "effects": [
            {"what": one.verb, "path": str(one.path), "note": one.note, "diff": one.diff}
            for one in done
        ],
    }


@command(
    "uninstall",
    examples=[
        Example("governance uninstall --host claude-code --dry-run", "What would change."),
        Example("governance uninstall --all --dry-run", "What removing it all would remove."),
    ],
)
@host_option
@click.option("--all", "everything", is_flag=True, help="The project's own parts as well.")
@click.option("--erase-journal", is_flag=True, help="With --all: the journal as well, for good.")
@click.option("--yes", is_flag=True, help="With --all: do not ask.")
@dry_run_option
@dir_option
@key_option
@format_option()
def uninstall(
    host: str | None,
    everything: bool,
    erase_journal: bool,
    yes: bool,
    dry_run: bool,
    directory: Path | None,
    key_file: Path | None,
    format_name: str,
) -> int:
    """
    Take governance out of a host's settings, or out of the folder as a whole.

    `--host` leaves the settings byte for byte as they were before `governance init`, or,
    if somebody has changed them since, without anything of ours. `--all` also removes
    what `init` made: the configuration, if nobody has changed it, the private folder and
    the key. The journal stays unless `--erase-journal` is given. This is a person's
    command; `--dry-run` is anybody's.
    """
    if not host and not everything:
        raise MisuseError(
            "nothing is named that should be uninstalled", remedy="give `--host NAME` or `--all`"
        )
    if erase_journal and not everything:
        raise MisuseError("`--erase-journal` goes with `--all`", remedy="give both, or neither")
    project = remains_of(directory)
    if not dry_run:
        require_person("uninstall", project, key_file)
        if everything and not yes and not _agreed(project, erase_journal):
            print_line("nothing was changed")
            return FAILED
    done = [
        effect
        for name in ([host] if host else installed_hosts(project))
        for effect in uninstall_host(project, name, dry_run=dry_run)
    ]
    if everything:
        done += remove_project(project, erase_journal=erase_journal, dry_run=dry_run)
    if format_name == "json":
        print_json(_as_json(project, done, dry_run))
    else:
        _print_effects(project, done, dry_run=dry_run)
    return FINE


def _agreed(project: Project, erase_journal: bool) -> bool:
    require_terminal("uninstall --all")
    what = "governance and the whole journal" if erase_journal else "governance"
    return click.confirm(f"remove {what} from {project.directory}?")


COMMANDS = {"init": init, "uninstall": uninstall}
