"""What LangGraph, the OpenAI Agents SDK, fsspec and Litestream, all real and pinned, prove."""

from __future__ import annotations

from tests.hosts.python_host import PythonHost


class TestInterop(PythonHost):
    """Their proofs, run by a Python that has them."""

    HOST = "interop"
