"""
The grammar of bash, loaded when the first line is read.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

_THREAD = threading.local()


def parse(plain: bytes) -> Node:
    """The tree of a skeleton. A parser is no one else's while it works: each thread has one."""
    parser: Parser | None = getattr(_THREAD, "parser", None)
    if parser is None:
        parser = _THREAD.parser = _made()
    return parser.parse(plain).root_node


def _made() -> Parser:
    import tree_sitter
    import tree_sitter_bash

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))
