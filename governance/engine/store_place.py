"""
Where the store of a project lies, and whether a person wants it there.

A folder that was cloned from elsewhere may bring a link in the place of its store, or an address
that leads to the store of another project: whatever was done here would be written there, and
what was said there could be read here. So until a person has trusted its configuration a project
uses no store but its own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from governance.errors import JournalError
from governance.journal.opening import store_path

if TYPE_CHECKING:
    from governance.config import Config

CODES: Mapping[str, str] = {"GOV587": "a store that a link or an address has elsewhere"}


class StoreElsewhere(JournalError):
    """The store lies in another folder, and no person has said that it may."""

    code = "GOV587"


def place_elsewhere(config: Config) -> Path | None:
    """
    The store's file, where a link leads out of the project to it, or it is another project's.

    ``None`` where it lies in the project, where its address names a place that is no project's,
    or where it is no file.
    """
    from governance.project import CONFIG_NAME, PRIVATE_NAME

    url = config.journal.url
    if not url.startswith("sqlite:///"):
        return None
    found = store_path(url, config.directory)
    home = Path(os.path.realpath(config.directory))
    if found.is_relative_to(home):
        return None
    told = Path(os.path.normpath(config.directory / url.removeprefix("sqlite:///")))
    linked = told.is_relative_to(config.directory)
    other = found.parent.name == PRIVATE_NAME and (found.parents[1] / CONFIG_NAME).is_file()
    return found if linked or other else None


def require_own_place(config: Config) -> None:
    """
    Return quietly if the store of *config* may be used from its project.

    Raises:
        StoreElsewhere: It lies elsewhere, and nobody has trusted the configuration.
        DefinitionError: The record of what was trusted is damaged.
    """
    found = place_elsewhere(config)
    if found is None:
        return
    from governance.engine.lawmaking import is_trusted

    if not is_trusted(config):
        raise StoreElsewhere(
            f"the store of this project would be `{found}`, and no person has said so",
            remedy="take the link or the address away; or look at the configuration, and "
            "`governance trust` it",
        )
