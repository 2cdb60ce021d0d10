"""A governed agent of LangChain, as a program would write it."""

from __future__ import annotations

from typing import assert_type

from governance import Engine, Session
from governance.hosts.langchain import middleware, start


def work(engine: Engine) -> object:
    with start(engine, "s-1", role="builder") as session:
        assert_type(session, Session)
        return middleware(session, tools={"sh": "shell"})
