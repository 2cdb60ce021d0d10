"""
Contexts: named values of sessions, projects and users, versioned, shared by leave alone.

>>> from governance.testing.engines import memory_engine
>>> me = Reader(actor="ada", session="s-1")
>>> with memory_engine() as engine:
...     kept = engine.contexts.set(PROJECT, "code", "entry", {"file": "app.py"}, by=me)
...     engine.contexts.get(PROJECT, "code", "entry", by=me).value
{'file': 'app.py'}
"""

from governance.scopes.declaring import Declaration
from governance.scopes.state import Grant
from governance.scopes.values import PROJECT, Reader, Refusal, Scope, Stale, Value

__all__ = ["PROJECT", "Declaration", "Grant", "Reader", "Refusal", "Scope", "Stale", "Value"]
