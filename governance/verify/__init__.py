"""
Proofs about a session machine: a closed search of everything that can happen to a session.

>>> from governance.machine import load_machine
>>> from governance.verify import explore
>>> explore(load_machine()).ok
True
"""

from __future__ import annotations

from governance.verify.laws import LAWS, Case, Law
from governance.verify.search import Finding, Report, TraceStep, explore

__all__ = ["LAWS", "Case", "Finding", "Law", "Report", "TraceStep", "explore"]
