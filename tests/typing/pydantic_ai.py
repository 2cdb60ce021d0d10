"""A governed agent of Pydantic AI, as a program would write it."""

from __future__ import annotations

from typing import assert_type

from governance import Engine, Session, governing
from governance.hosts.pydantic_ai import capability, start
from governance.rules.host_tools import ToolMap
from governance.tools.naming import Named

TOOLS: Named = {"look": ToolMap("read", {"path": "file"}), "sh": "shell"}
CAPABILITIES = [capability(TOOLS), capability()]


def work(engine: Engine) -> None:
    with start(engine, "s-1", role="builder", approvals=True) as session, governing(session):
        assert_type(session, Session)
