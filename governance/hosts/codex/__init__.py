"""
The adapter for Codex: its payloads as events, decisions as its answers.

Its hooks look like Claude Code's and are not: an answer with one key too many, or an *ask*,
lets the tool run there.
"""
