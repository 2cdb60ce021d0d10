"""`anchor-heads`: the heads of the journal as a file, to be kept where nobody here can write."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from governance.access.actors import process_actor
from governance.cli.files import write_file
from governance.cli.frame import (
    FINE,
    Example,
    command,
    dir_option,
    format_option,
    project_of,
)
from governance.cli.opening import stored_form_of
from governance.cli.output import print_json, print_line
from governance.cli.progress import working
from governance.clock import SystemClock
from governance.errors import number_of
from governance.journal.heads import heads_bytes, public_bytes, read_signing_key, take_heads


@command(
    "anchor-heads",
    examples=[
        Example("governance anchor-heads --to heads.json", "Take the heads of all sessions."),
        Example("governance anchor-heads > heads.json", "The same, for a pipe."),
    ],
)
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    default=None,
    help="File to write; one that is there is replaced.",
)
@click.option(
    "--sign",
    "signing_key",
    type=click.Path(path_type=Path),
    default=None,
    help="Private Ed25519 key in PEM; `governance keys new-signing FILE` makes one.",
)
@format_option()
@dir_option
def anchor_heads(
    to: Path | None, signing_key: Path | None, format_name: str, directory: Path | None
) -> int:
    """
    Write down how far every session's journal has come, and its last hash.

    Kept where whoever can write the store cannot write, the file exposes a journal that was
    cut, rewritten or removed since: `governance verify --against FILE` compares. It holds
    no word of what was said or done. Without --to it goes to standard output.

    This is about the journal; `governance anchor` is about what a model is to remember.
    """
    key = read_signing_key(signing_key) if signing_key is not None else None
    project = project_of(directory)
    with stored_form_of(project) as journal, working("reading heads"):
        taken = take_heads(journal, at_ms=SystemClock().now_ms(), by=process_actor())
    data = heads_bytes(taken, key)
    if to is None:
        sys.stdout.write(data.decode())
        return FINE
    write_file(to, data, project=project.directory)
    signed = public_bytes(key).hex() if key is not None else ""
    if format_name == "json":
        print_json({"file": str(to), "sessions": len(taken.heads), "signed_by": signed})
        return FINE
    by = f", signed by {signed}" if signed else ", not signed"
    print_line(f"{number_of(len(taken.heads), 'head')} written to {to}{by}", "good")
    return FINE


COMMANDS = {"anchor-heads": anchor_heads}
