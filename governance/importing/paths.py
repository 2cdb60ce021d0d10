"""Path patterns as `.gitignore` writes them, in globs of this language."""

from __future__ import annotations

from governance.importing.values import Table, one_or_all


class PathRefused(ValueError):
    """A pattern that no glob of this language says; the text is the reason."""


def globs_of(pattern: str) -> tuple[str, ...] | None:
    """
    The globs that *pattern* of a permission rule stands for; ``None``: every path.

    ``//x`` begins at the root of the file system, ``~/x`` at home, ``/x`` and ``./x`` at
    the project; without a slash in it, it is a name at any depth. What names a folder
    holds for all that is below it.

    >>> globs_of(".env"), globs_of("./secrets/**"), globs_of("//etc/passwd")
    (('**/.env', '**/.env/**'), ('secrets/**',), ('/etc/passwd', '/etc/passwd/**'))

    Raises:
        PathRefused: Signs that globs here do not have.
    """
    text = pattern.strip()
    if text.startswith("!"):
        raise PathRefused("a pattern that takes back another has no counterpart")
    for sign in "?[\\":
        if sign in text:
            raise PathRefused(f"globs here have no `{sign}`")
    if text in ("*", "**", "/**", "./**", ""):
        return None
    text = text.replace("{", "\\{").replace("}", "\\}")
    folder = text.endswith("/")
    body = text.rstrip("/")
    if body.startswith("//"):
        body = "/" + body.lstrip("/")
    elif body.startswith("~/"):
        pass
    elif body.startswith(("./", "/")):
        body = body.removeprefix(".").lstrip("/")
        body = body if "/" in body else f"./{body}"
    elif "/" not in body:
        body = f"**/{body}"
    if body.endswith("/**"):
        return (body,)
    return (f"{body}/**",) if folder else (body, f"{body}/**")


def path_matchers(globs: tuple[str, ...]) -> Table:
    """Matchers of calls whose path one of *globs* fits."""
    return {"path": {"glob": one_or_all(globs)}}


def sample_path(glob: str) -> str:
    """A path that *glob* fits."""
    segments = glob.split("/")
    made: list[str] = []
    for at, segment in enumerate(segments):
        if segment == "**":
            if at == len(segments) - 1:
                made.append("a")
            continue
        made.append(segment.replace("*", "x").replace("\\{", "{").replace("\\}", "}"))
    return "/".join(made) or "a"
