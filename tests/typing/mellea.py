"""A governed session of Mellea has the type of what it was made of."""

from __future__ import annotations

from typing import assert_type

from governance import Engine
from governance.hosts.mellea import bound, govern, governed_session
from governance.rules.host_tools import ToolMap


class OwnSession:
    """Stands for a subclass of ``MelleaSession``."""

    id = "s"


def begun_by_a_function(engine: Engine) -> None:
    with governed_session(lambda: OwnSession(), engine=engine, tools={"run": "shell"}) as session:
        assert_type(session, OwnSession)


def begun_by_its_class(engine: Engine) -> None:
    with governed_session(OwnSession, engine=engine, denial="hard") as session:
        assert_type(session, OwnSession)


def built_before(engine: Engine, built: OwnSession) -> None:
    tools = {"look": ToolMap("read", {"path": "file"})}
    with govern(engine, tools=tools), governed_session(built, engine=engine, parent=built) as one:
        assert_type(one, OwnSession)
        with bound(one.id):
            pass
