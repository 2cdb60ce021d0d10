"""`anchor`: what a session is to remember through compactions and restarts."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import click

from governance.cli.frame import (
    FINE,
    Example,
    command,
    dir_option,
    format_option,
    project_of,
)
from governance.cli.guard import surroundings
from governance.cli.opening import require_session, store_of
from governance.cli.output import print_json, print_line, styled
from governance.cli.recording import person_name, recorded_json, recording_engine
from governance.cli.sessions import ago
from governance.cli.tables import print_table
from governance.cli.values import require_unset
from governance.clock import SystemClock
from governance.context import Anchor
from governance.context.anchors import PRIORITIES, TYPES, admit_anchor
from governance.engine.restoring import restore
from governance.errors import MisuseError
from governance.values import Json

_ID_DIGITS = 8

CODES: Mapping[str, str] = {"GOV633": "an anchor that cannot be added"}


@command(
    "anchor",
    examples=[
        Example(
            """governance anchor demo --type decision "We stay on Python 3.11." """.strip(),
            "Something to remember.",
        ),
        Example("governance anchor demo", "What the session remembers."),
        Example(
            'governance anchor demo --priority critical --id python "We stay on Python 3.12."',
            "Written over an earlier one, and never dropped.",
        ),
    ],
)
@click.argument("session")
@click.argument("text", required=False)
@click.option(
    "--type",
    "type_",
    type=click.Choice(TYPES),
    default="context",
    show_default=True,
    help="What it is.",
)
@click.option(
    "--priority",
    type=click.Choice(PRIORITIES),
    default="normal",
    show_default=True,
    help="What goes first when there are too many; critical ones never go.",
)
@click.option("--id", "ident", default="", help="Write over the anchor of this id.")
@format_option()
@dir_option
def anchor(
    session: str,
    text: str | None,
    type_: str,
    priority: str,
    ident: str,
    format_name: str,
    directory: Path | None,
) -> int:
    """
    Mark something that the model is told again after a compaction or a gap.

    The agent may use it as well as a person: it adds to what is remembered and loosens
    nothing. The row says which of the two it was. Without TEXT the anchors are listed.
    """
    project = project_of(directory)
    if text is None:
        require_unset(["type_", "priority", "ident"], "goes with the TEXT of an anchor")
        with store_of(project) as journal:
            require_session(journal, session)
            return _list(restore(journal, session).anchors, format_name)
    with recording_engine(project) as engine:
        require_session(engine.journal, session)
        held = engine.state(session).anchors
        own = ident or sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_ID_DIGITS]
        added = Anchor(own, type_, priority, text, engine.clock.now_ms())
        admission = admit_anchor(held, added)
        if admission.reasons:
            raise MisuseError("; ".join(admission.reasons), code="GOV633")
        data: dict[str, Json] = {"id": own, "type": type_, "priority": priority, "text": text}
        actor = surroundings().host() or person_name()
        record = engine.record(session, "anchor.added", data, actor=actor)
    dropped: list[Json] = [one.id for one in admission.dropped]
    if format_name == "json":
        told: dict[str, Json] = {**data, "by": actor, "dropped": dropped}
        print_json(recorded_json(told, session=session, seq=record.seq))
        return FINE
    print_line(f"anchor {own} added: {len(admission.kept)} in all", "good")
    for gone in admission.dropped:
        print_line(f"dropped to make room: {gone.id} ({gone.priority}) {gone.text}", "wary")
    return FINE


def _list(anchors: tuple[Anchor, ...], format_name: str) -> int:
    if format_name == "json":
        print_json(
            [
                {
                    "id": one.id,
                    "type": one.type,
                    "priority": one.priority,
                    "text": one.text,
                    "at_ms": one.at_ms,
                }
                for one in anchors
            ]
        )
    elif not anchors:
        print_line("no anchors; `governance anchor SESSION TEXT` adds one", "quiet")
    else:
        now_ms = SystemClock().now_ms()
        print_table(
            ("id", "type", "priority", "text", "added"),
            [
                (
                    styled(one.id),
                    styled(one.type),
                    styled(one.priority, "wary" if one.priority == "critical" else "plain"),
                    styled(one.text),
                    styled(ago(one.at_ms, now_ms, parts=1)),
                )
                for one in anchors
            ],
            whole=("id", "type", "priority", "added"),
        )
    return FINE


COMMANDS = {"anchor": anchor}
