"""
What authors of rules try them with: scenarios, coverage, the smallest change, skeletons.

Nothing here is on the way of a decision; everything decides by the very engine that a
session has, in memory and with a clock that is moved.
"""

from __future__ import annotations
