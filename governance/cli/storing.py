"""`store`: a whole store copied into another, and the rights of roles on a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import click
from attrs import asdict

from governance.access.guard import require_whole
from governance.cli.frame import (
    FINE,
    FOUND,
    Example,
    command,
    dir_option,
    format_option,
    key_option,
    project_of,
)
from governance.cli.giving_back import MEGABYTE, SECONDS_MAX, give_back, said_room
from governance.cli.guard import require_person
from governance.cli.opening import record_copy
from governance.cli.output import print_json, print_line
from governance.cli.progress import working
from governance.cli.tables import print_table
from governance.cli.values import Seconds, require_unset
from governance.config import Config, load_config
from governance.engine.backing import embedded_store, is_embedded
from governance.engine.lawmaking import trusted_config
from governance.errors import MisuseError, StoreMissing, number_of
from governance.journal.copying import CopyReport, copy_store
from governance.journal.opening import open_journal, shown_url
from governance.journal.records import Journal
from governance.journal.servers import OnServer
from governance.values import Json

_WORDS = {"compact": (), "copy": ("FROM", "TO"), "grant": ("ROLE",), "revoke": ("ROLE",)}


@command(
    "store",
    examples=[
        Example(
            "governance store copy sqlite:///.governance/journal.db sqlite:///copy.db --create",
            "Copy the journal of all sessions, and see that the heads are the same.",
        ),
        Example("governance store compact", "Give back to the disk what the store does not use."),
        Example("governance store compact --seconds-max 5", "As much of it as 5 seconds allow."),
    ],
    exits="0 done, 1 the copy differs or does not hold, or some room was not given back in time, "
    "2 could not do it",
)
@click.argument("action", type=click.Choice(sorted(_WORDS)))
@click.argument("words", nargs=-1, metavar="[FROM TO | ROLE]")
@click.option("--create", is_flag=True, help="With copy: make the store TO if it is not there.")
@click.option(
    "--seconds-max",
    type=Seconds(0, 86_400),
    default=SECONDS_MAX,
    show_default=True,
    help="With compact: what is not given back by then is left for the next time.",
)
@dir_option
@key_option
@format_option()
def store(
    action: str,
    words: tuple[str, ...],
    create: bool,
    seconds_max: float,
    directory: Path | None,
    key_file: Path | None,
    format_name: str,
) -> int:
    """
    Copy a store into another, give room back, or say which role may use a store on a server.

    `copy FROM TO` brings every session, branch and tombstone and the values beside them from
    one URL to another, of whatever kind; relative paths begin at the project. Stopped in the
    middle it goes on where it was when it is called again, and a copy that was made before
    is brought up to date. In the end the copy is verified and all heads are compared. A session
    that is damaged, and what branches off it, is named and passed over. What is encrypted stays
    so, and opens by the same key.

    `compact` gives back to the disk what the store's file holds and does not use: room that removed
    sessions have left. It works beside readers and writers, in steps of some milliseconds, and
    needs no room of its own but for the write-ahead log.

    `grant ROLE` lets a role that exists on the PostgreSQL server append to this project's
    store and read it, and nothing else; `revoke ROLE` takes that back. Both need the URL of
    the tables' owner. This is a person's command.
    """
    project = project_of(directory)
    if action != "compact":
        require_unset(["seconds_max"], "goes with `store compact`")
    require_person("store", project, key_file)
    _check_words(action, words, create)
    config = trusted_config(load_config(project.directory))
    require_whole(config, "keep")
    if action == "copy":
        return _copied(config, words[0], words[1], create, format_name)
    if action == "compact":
        return _compacted(config, seconds_max, format_name)
    url = config.journal.url
    with closing(open_journal(url, base=project.directory, create=False)) as journal:
        if not isinstance(journal, OnServer):
            raise MisuseError(
                "this project's store is a file, which has no roles",
                remedy="the rights of the file and of its folder say who may read and write it",
            )
        change = journal.grant if action == "grant" else journal.revoke
        change(words[0])
    if format_name == "json":
        print_json({"ok": True, "action": action, "role": words[0]})
    else:
        may = "may append and read" if action == "grant" else "has no rights any more"
        print_line(f"role {words[0]} {may}", "good")
    return FINE


def _check_words(action: str, words: Sequence[str], create: bool) -> None:
    wanted = _WORDS[action]
    if len(words) != len(wanted):
        takes = " ".join(wanted) or "no words"
        raise MisuseError(
            f"`store {action}` takes {takes}, not {number_of(len(words), 'word')}",
            remedy="see `governance store --help`",
        )
    if create and action != "copy":
        raise MisuseError("`--create` goes with `copy`", remedy="leave it out")
    if action == "copy" and words[0] == words[1]:
        raise MisuseError("both URLs name the same store", remedy="name another one")
    if action == "copy" and "memory:" in words:
        raise MisuseError(
            "a store in memory is gone when this command ends", remedy="name one that stays"
        )


@contextmanager
def _both(config: Config, source: str, other: str, create: bool) -> Iterator[tuple[Journal, ...]]:
    with ExitStack() as open_stores:
        made = []
        for url, may_make in ((source, False), (other, create)):
            try:
                journal = open_journal(
                    url, base=config.directory, create=may_make, for_reading=url == source
                )
            except StoreMissing as error:
                if url != other or may_make:
                    raise
                remedy = "`--create` makes it, if it was never there"
                raise StoreMissing(error.message, remedy=remedy) from None
            open_stores.callback(journal.close)
            made.append(journal)
        yield tuple(made)


def _copied(config: Config, source: str, other: str, create: bool, format_name: str) -> int:
    with _both(config, source, other, create) as (here, there), working("copying and proving"):
        record_copy(config, here)
        report = copy_store(here, there)
    if format_name == "json":
        print_json(
            {
                "ok": report.ok,
                "sessions": report.sessions,
                "rows": report.rows,
                "new_rows": report.new_rows,
                "values": report.values,
                "findings": [asdict(one) for one in report.findings],
            }
        )
    else:
        _print(report, other)
    return FINE if report.ok else FOUND


def _compacted(config: Config, seconds_max: float, format_name: str) -> int:
    if not is_embedded(config):
        raise MisuseError(
            "this project's store is no file, which could be made smaller",
            remedy="a server gives back what it does not use by itself (`VACUUM`)",
        )
    before, after, left = give_back(embedded_store(config), seconds_max)
    if format_name == "json":
        told: dict[str, Json] = {"before_bytes": before, "after_bytes": after, "left_bytes": left}
        print_json({"ok": not left, "action": "compact", **told})
    else:
        print_line(f"{said_room(before, after)}", "good")
        if left:
            print_line(f"{left / MEGABYTE:.1f} MB are not given back yet: call it again", "wary")
    return FOUND if left else FINE


def _print(report: CopyReport, other: str) -> None:
    if report.findings:
        print_table(
            ("session", "row", "what", "message"),
            [(one.session, str(one.seq), one.what, one.message) for one in report.findings],
        )
    said = (
        "the copy holds, and all heads are the same"
        if report.ok
        else number_of(len(report.findings), "finding")
    )
    rows = f"{number_of(report.rows, 'row')} ({report.new_rows} of them new)"
    print_line(
        f"{shown_url(other)} has {rows} of {number_of(report.sessions, 'session')} "
        f"and {number_of(report.values, 'value')}; {said}",
        "good" if report.ok else "bad",
    )
    if any(one.what == "unreadable" for one in report.findings):
        print_line(
            "what was not copied: mend it where it is with `governance repair`, and copy again; or "
            "name this store with `governance repair --from` in a project that uses the copy",
            "wary",
        )


COMMANDS = {"store": store}
