"""Words and numbers of a command line that a type of click's own would take without sense."""

from __future__ import annotations

import math
from collections.abc import Iterable

import click
from click.core import ParameterSource


class Reason(click.ParamType[str]):
    """Why a person does something: at least one sign that can be seen."""

    name = "text"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        text = str(value).strip()
        if not any(one.isprintable() and not one.isspace() for one in text):
            self.fail("it is empty; say why, for it is recorded", param, ctx)
        return text


REASON = Reason()


class Seconds(click.FloatRange):
    """A number of seconds in a range; what is no number is in none."""

    def convert(
        self, value: float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        found = float(super().convert(value, param, ctx))
        if math.isnan(found):
            self.fail(f"`{value}` is no number of seconds", param, ctx)
        return found


def require_unset(names: Iterable[str], why: str) -> None:
    """
    Refuse a command line with one of the options *names*: `why` nothing would come of it.

    Raises:
        click.UsageError: The first of them that was given.
    """
    context = click.get_current_context()
    wanted = set(names)
    for one in context.command.params:
        given = one.name and context.get_parameter_source(one.name) is ParameterSource.COMMANDLINE
        if given and one.name in wanted:
            raise click.UsageError(f"{one.opts[-1]} {why}")
