"""A length of time as a word of a command."""

from __future__ import annotations

import click


class Duration(click.ParamType[int]):
    """A length of time as rules write it, such as ``10m``; it arrives in milliseconds."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        if isinstance(value, int):
            return value
        from governance.rules.format import parse_duration

        seconds = parse_duration(str(value))
        if not seconds:
            self.fail(
                f"`{value}` is no length of time; write `30s`, `10m`, `2h` or `1d`", param, ctx
            )
        return seconds * 1000


DURATION = Duration()
