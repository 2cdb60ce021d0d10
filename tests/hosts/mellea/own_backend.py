"""A backend of nobody's: the smallest that Mellea takes, with a memory of what it was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mellea.core import Backend, Context, GenerateLog, ModelOutputThunk


class OwnBackend(Backend):
    """Answers `answer` to everything; ``given`` keeps the model options of each request."""

    def __init__(self, answer: str = "fine") -> None:
        self.answer = answer
        self.given: list[dict[str, Any]] = []
        self._model_id = "own"
        self._provider = "own"

    def _made(self, options: dict[str, Any] | None) -> ModelOutputThunk[Any]:
        self.given.append(dict(options or {}))
        made: ModelOutputThunk[Any] = ModelOutputThunk(value=self.answer)
        made._generate_log = GenerateLog()
        return made

    async def _generate_from_context(
        self, action: Any, ctx: Context, *, model_options: Any = None, **_: Any
    ) -> tuple[ModelOutputThunk[Any], Context]:
        made = self._made(model_options)
        return made, ctx.add(action).add(made)

    async def _generate_from_raw(
        self, actions: Sequence[Any], ctx: Context, *, model_options: Any = None, **_: Any
    ) -> tuple[list[ModelOutputThunk[Any]], None]:
        return [self._made(model_options) for _ in actions], None
