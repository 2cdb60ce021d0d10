"""Who acts: by default the user whose process this is."""

from __future__ import annotations

import os


def process_actor() -> str:
    """
    The name of the user whose process this is, as the system knows it.

    Never by a variable of the environment, which whoever is asked about could set; a user
    without a name is ``uid-NUMBER``.
    """
    try:
        import pwd
    except ImportError:  # a platform that has no such table
        import getpass

        return getpass.getuser()
    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid-{number}"
