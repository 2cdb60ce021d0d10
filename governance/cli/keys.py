"""`keys`: the keys that the journal is encrypted and its heads are signed with."""

from __future__ import annotations

from pathlib import Path

import click

from governance.cli.files import write_file
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
from governance.cli.guard import require_person
from governance.cli.opening import behind_guard, store_of
from governance.cli.output import print_json, print_line
from governance.cli.progress import working
from governance.cli.recording import person_name, recorded_json, recording_engine
from governance.engine.opening import PROJECT_SESSION
from governance.errors import MisuseError, number_of
from governance.journal.encrypted import EncryptedJournal
from governance.journal.heads import new_signing_key, private_pem, public_pem
from governance.journal.key_sources import new_key_text
from governance.journal.protected import KeyNeeded, is_keyed
from governance.project import Project, folder_around
from governance.values import Json


@command(
    "keys",
    examples=[
        Example("governance keys new ~/journal.key", "Make a key-encryption key."),
        Example("governance keys show", "Which key wraps how many data keys."),
        Example("governance keys new-signing ~/heads.pem", "Make a key to sign heads with."),
    ],
    exits="0 fine; 1 show: nothing is encrypted, or an older key wraps some; 2 could not do it",
)
@click.argument("action", type=click.Choice(["show", "new", "rotate", "new-signing"]))
@click.argument("file", required=False, type=click.Path(path_type=Path))
@format_option()
@key_option
@dir_option
def keys(
    action: str,
    file: Path | None,
    format_name: str,
    key_file: Path | None,
    directory: Path | None,
) -> int:
    """
    Make, show and rotate keys.

    `[encryption] key` names the key-encryption key, which wraps one data key a session. To
    rotate it, name the new place there and the old one under `previous`, then run
    `governance keys rotate`: killed in the middle, a second run goes on. No session is
    encrypted anew; only what wraps their keys changes.
    """
    if action in ("new", "new-signing"):
        if file is None:
            raise click.UsageError(f"`keys {action}` needs the FILE to make")
        return _new(file.expanduser(), action == "new-signing", format_name)
    if file is not None:
        raise click.UsageError(f"`keys {action}` takes no FILE")
    project = project_of(directory)
    if action == "show":
        return _show(project, format_name)
    require_person("keys", project, key_file)
    return _rotate(project, format_name)


def _new(file: Path, signing: bool, format_name: str) -> int:
    around = folder_around(file.absolute().parent)
    if around is not None:
        raise MisuseError(
            f"`{file}` would lie in the project `{around}`, where its agents could read it",
            remedy="name a file outside the project; a key in it is not used either",
        )
    public = file.parent / f"{file.name}.pub"
    for one in (file, public) if signing else (file,):
        if one.exists():
            raise MisuseError(
                f"`{one}` is there already, and a key that is in use must not be written over",
                remedy="name another file",
            )
    made: list[Json] = [str(file)]
    if signing:
        key = new_signing_key()
        write_file(file, private_pem(key).encode(), new=True, what="key")
        write_file(public, public_pem(key).encode(), 0o644, new=True, what="key")
        made.append(str(public))
    else:
        write_file(file, new_key_text().encode(), new=True, what="key")
    if format_name == "json":
        print_json({"made": made})
    else:
        print_line(f"made {' and '.join(str(one) for one in made)}; keep a copy elsewhere", "good")
    return FINE


def _show(project: Project, format_name: str) -> int:
    with store_of(project) as journal:
        if not is_keyed(journal):
            return _nothing_encrypted(format_name)
        vault = encrypted_of(journal).vault
        wrapping, current = vault.wrapping(), vault.current.name
    older = sum(count for name, count in wrapping.items() if name != current)
    if format_name == "json":
        print_json({"current": current, "wraps": dict(wrapping)})
        return FOUND if older else FINE
    for name, count in sorted(wrapping.items()):
        what = "current" if name == current else "older"
        print_line(f"{name} ({what}) wraps {number_of(count, 'key')}")
    if older:
        print_line("`governance keys rotate` wraps them by the current key", "wary")
    return FOUND if older else FINE


def _nothing_encrypted(format_name: str) -> int:
    if format_name == "json":
        print_json({"current": "", "wraps": {}})
    else:
        print_line("nothing is encrypted; `[encryption] key` names the place of a key", "wary")
    return FOUND


def _rotate(project: Project, format_name: str) -> int:
    with recording_engine(project) as engine:
        vault = encrypted_of(behind_guard(engine.journal)).vault
        data: dict[str, Json] = {"key": vault.current.name, "by": person_name()}
        # Before: whoever is killed in the middle has still been seen.
        record = engine.record(PROJECT_SESSION, "keys.rotated", data, actor=person_name())
        with working("wrapping keys"):
            count = vault.rotate()
    if format_name == "json":
        told = recorded_json({**data, "count": count}, session=PROJECT_SESSION, seq=record.seq)
        print_json(told)
    else:
        name = vault.current.name
        print_line(f"{number_of(count, 'data key')} wrapped by {name} now", "good")
    return FINE


def encrypted_of(journal: object) -> EncryptedJournal:
    """
    The encrypted journal that *journal* is or holds.

    Raises:
        KeyNeeded: Nothing is encrypted.
    """
    within: object = journal
    for _ in range(4):
        if isinstance(within, EncryptedJournal):
            return within
        within = getattr(within, "inner", None)
    raise KeyNeeded(
        "nothing of this project is encrypted",
        remedy="name a key under `[encryption] key`",
    )


COMMANDS = {"keys": keys}
