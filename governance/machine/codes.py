"""What can be wrong with the declaration of a machine, for the reference of errors."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "GOV150": "a key of the machine's file that is unknown, missing or of another type",
    "GOV151": "a pair of state and event without a row",
    "GOV152": "a state that is none",
    "GOV153": "an event that is none",
    "GOV154": "a predicate or guard that the engine does not have",
    "GOV155": "an effect that the engine does not have",
    "GOV156": "an outcome that the engine does not have",
    "GOV157": "a lifecycle event that is not in the catalogue, or not this row's to emit",
    "GOV158": "something that stands twice",
    "GOV159": "a cell without a branch for some facts",
    "GOV160": "two branches for the same facts",
    "GOV161": "a branch that can never be taken",
    "GOV162": "a state that nothing leads to",
    "GOV163": "a state from which nothing leads to the end",
    "GOV164": "rows to be done first that lead round in a circle",
    "GOV165": "a chain of rows to be done first that is too long",
    "GOV166": "an event that is told, and guarded or refused all the same",
    "GOV167": "a state or event that must be declared and is not",
    "GOV168": "a law that some way through the states breaks",
    "GOV169": "bounds of gaps that do not rise",
}
