"""
Paths as rules compare them: absolute, with ``/``, both as spelled and with links followed.

Nothing here touches a disk but `places_of`, whose `resolve` and `expand` are called where
facts are gathered. Matching is pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from attrs import Factory, field

from governance._attrs import frozen
from governance.project import pinned_home
from governance.rules.globs import PatternError, composed, expand_braces, path_test
from governance.rules.moved import moved_folders
from governance.rules.vocabulary import Unknown

PATH_CHARACTERS_MAX = 16_384

_DRIVE = re.compile(r"[A-Za-z]:(?=/|$)")
_SIGNS = re.compile(r"([*{}?\[\\])")


class BarePathError(PatternError):
    """A path pattern that is a name alone, which could mean one file or all of that name."""


def _same(path: str) -> str:
    return path


def _nothing(_pattern: str, _paths_max: int) -> Sequence[str] | Unknown:
    return ()


def _on_disk(pattern: str, paths_max: int) -> Sequence[str] | Unknown:
    from governance.rules.live_globs import expand  # hardly a call has a live glob

    return expand(pattern, paths_max)


@frozen
class Places:
    """
    Where paths begin and how the file system compares them.

    Attributes:
        project: Absolute project folder, with ``/``.

        home: Absolute home folder of the user whom the agent works for.

        case_sensitive: Whether two spellings by case are two files.

        resolve: An absolute path, ``..`` still in it, to the same with symbolic links
            followed. It may read the disk; an `OSError` makes the path unknown.

        windows: Whether paths have drive letters and back slashes.

        expand: An absolute path with live signs of a shell's glob, and how many paths it may
            stand for, to these paths; nothing where none matches. It may read the disk.

        moved: Folders that stand elsewhere than by default: the default one, and the other.

        homes: Further homes that ``~`` in a pattern stands for; in a call it is `home` alone.
    """

    project: str
    home: str
    case_sensitive: bool = True
    resolve: Callable[[str], str] = _same
    expand: Callable[[str, int], Sequence[str] | Unknown] = _nothing
    moved: tuple[tuple[str, str], ...] = ()
    homes: tuple[str, ...] = ()
    windows: bool = field(
        default=Factory(lambda self: _DRIVE.match(self.project) is not None, takes_self=True),
        init=False,
        repr=False,
    )
    _roots: dict[str, tuple[str, ...]] = field(factory=dict, init=False, eq=False, repr=False)

    def absolute(self, text: str, cwd: str | None = None) -> str | Unknown:
        """
        *text* as an absolute path without ``.`` and ``..``, links not followed.

        A relative path starts at *cwd*, or at the project when the host hides that. The
        result given in again is itself.
        """
        joined = self._join(text, cwd)
        return joined if isinstance(joined, Unknown) else self._normal(joined)

    def forms(self, text: str, cwd: str | None = None) -> tuple[str, str] | Unknown:
        """The path as spelled and the path with links followed, both normalised."""
        joined = self._join(text, cwd)
        if isinstance(joined, Unknown):
            return joined
        try:
            real = self.resolve(joined)
        except (OSError, ValueError) as error:
            return Unknown(f"`{text[:200]}` cannot be resolved: {error}")
        return self._normal(joined), self._normal(real)

    def fold(self, path: str) -> str:
        """*path* in the spelling under which the file system finds it."""
        return path if self.case_sensitive else path.casefold()

    def _join(self, text: str, cwd: str | None) -> str | Unknown:
        """An absolute path with ``..`` kept: following links needs them in place."""
        if not text or "\0" in text or len(text) > PATH_CHARACTERS_MAX:
            return Unknown("a path that is empty, too long or holds NUL")
        text = composed(text)
        if self.windows:
            text = _windows_spelling(text)
        if text == "~" or text.startswith("~/"):
            return self.home + text[1:]
        base = cwd or self.project
        if is_absolute(text, windows=self.windows):
            if self.windows and text[0] == "/" and not text.startswith("//"):
                drive = _DRIVE.match(base)
                return (drive[0] if drive else self.project[:2]) + text
            return text
        return f"{base}/{text}"

    def _normal(self, path: str) -> str:
        path = composed(path)
        windows = self.windows
        if not windows and _is_normal(path):
            return path
        if windows:
            path = _windows_spelling(path)
        root, rest = "", path
        if windows and _DRIVE.match(path):
            root, rest = path[0].upper() + ":", path[2:]
        elif windows and path.startswith("//"):
            root, rest = "/", path[1:]
        kept: list[str] = []
        for segment in rest.split("/"):
            if segment == "..":
                if kept:
                    kept.pop()
            elif segment not in ("", "."):
                kept.append(segment)
        return f"{root}/{'/'.join(kept)}"

    def roots(self, folder: str) -> tuple[str, ...]:
        """
        *folder* (the project, the home, or a moved one) as spelled and with links followed.

        Only these are followed in patterns: any other folder could be a link that the
        agent itself has laid.
        """
        known = self._roots.get(folder)
        if known is None:
            forms = self.forms(folder)
            known = (folder,) if isinstance(forms, Unknown) else tuple(dict.fromkeys(forms))
            self._roots[folder] = known
        return known

    def glob(self, *patterns: str) -> Callable[[str], bool]:
        """A test of normalised, folded paths against any of *patterns*. Raises as `rooted`."""
        return path_test(*self.rooted(patterns))

    def rooted(self, patterns: Iterable[str]) -> tuple[str, ...]:
        """
        The absolute, folded globs that *patterns* stand for, braces and roots put in.

        Raises:
            BarePathError: A name alone.
            PatternError: A pattern that cannot be meant.
        """
        for pattern in patterns:
            if pattern.endswith("/"):
                raise PatternError(f"`{pattern}` ends in `/`; `{pattern}**` is all below it")
        # Braces first: each alternative may start at another root.
        return tuple(
            rooted
            for pattern in patterns
            for one in expand_braces(pattern)
            for rooted in self._rooted(one, escape=True)
        )

    def spellings(self, path: str) -> frozenset[str]:
        """Every form of the one *path*. Raises as `rooted`, and for signs of a glob in it."""
        self._no_signs(path)
        return frozenset(self._rooted(path, escape=False))

    def folders(self, folders: Iterable[str]) -> frozenset[str]:
        """Every form of each of *folders*, the root alone with a slash. Raises as `spellings`."""
        exact: set[str] = set()
        for folder in folders:
            self._no_signs(folder)
            slashed = folder.replace("\\", "/") if self.windows else folder
            trimmed = slashed.rstrip("/") or "/"
            named = trimmed if "/" in trimmed or trimmed in ("~", ".", "..") else "./" + trimmed
            exact.update(self._rooted(named, escape=False))
        return frozenset(exact)

    def _no_signs(self, path: str) -> None:
        if not path:
            raise PatternError("an empty path")
        sign = _SIGNS.search(path)
        if sign and not (self.windows and sign[0] == "\\"):
            raise PatternError(f"one path is compared here; use `glob` for `{path}`")

    def _rooted(self, pattern: str, *, escape: bool) -> list[str]:
        """*pattern* made absolute, once for each spelling of the folder it starts at."""
        text = composed(pattern)
        if self.windows and not escape:
            text = text.replace("\\", "/")
        if text == "~" or text.startswith("~/"):
            starts, rest = self.roots(self.home), text[1:]
            starts += tuple(start for one in self.homes for start in self.roots(one))
        elif text.startswith(("~", "$")) and "/" in text:
            begin = text.partition("/")[0]
            what = "a variable, which nothing puts in" if text[0] == "$" else "no home of anybody"
            raise PatternError(f"`{begin}` is {what}; a folder of that name is `./{begin}`")
        elif is_absolute(text, windows=self.windows):
            starts, rest = ("",), text
        elif "/" not in text and text not in ("**", ".", ".."):
            raise BarePathError(f"`{pattern}` is a name without a folder")
        else:
            starts, rest = self.roots(self.project), "/" + text
        protect: Callable[[str], str] = _escape if escape else _same
        made = [self.fold(self._collapse(protect(start) + rest)) for start in starts]
        return made + [more for one in made for more in self._elsewhere(one, escape=escape)]

    def _elsewhere(self, pattern: str, *, escape: bool) -> list[str]:
        """What *pattern* stands for below folders that are not where it looks for them."""
        found: list[str] = []
        protect: Callable[[str], str] = _escape if escape else _same
        for default, there in self.moved:
            meant = self.fold(self._normal(default))
            name = self.fold(protect(default.rpartition("/")[2]))
            segments = pattern.split("/")
            for at, segment in enumerate(segments):
                # By its own name alone: `**` would stand for any folder above it too.
                if segment != name:
                    continue
                before, rest = "/".join(segments[: at + 1]), segments[at + 1 :]
                if path_test(before)(meant) if escape else before == meant:
                    starts = (self.fold(protect(one)) for one in self.roots(there))
                    found += ["/".join([start, *rest]) for start in starts]
        return found

    def _collapse(self, pattern: str) -> str:
        # A back slash escapes in a glob, so the spelling of Windows is not looked for here.
        root, rest = "", pattern
        if self.windows and _DRIVE.match(pattern):
            root, rest = pattern[0].upper() + ":", pattern[2:]
        kept: list[str] = []
        for segment in rest.split("/"):
            if segment == "..":
                if kept and kept[-1] == "**":
                    raise PatternError("`..` after `**` leads nowhere certain")
                if kept:
                    kept.pop()
            elif segment not in ("", "."):
                kept.append(segment)
        return f"{root}/{'/'.join(kept)}"


def under_test(exact: frozenset[str]) -> Callable[[str], bool]:
    """A test whether a path is one of the folders *exact* or below one."""
    starts = tuple(one if one.endswith("/") else one + "/" for one in exact)
    return lambda path: path in exact or path.startswith(starts)


def _is_normal(path: str) -> bool:
    """Whether a path has nothing to take out, seen at a glance; most are so."""
    return path[:1] == "/" != path[-1:] and "//" not in path and "/." not in path


def _escape(text: str) -> str:
    return _SIGNS.sub(r"\\\1", text)


def is_absolute(text: str, *, windows: bool = True) -> bool:
    """Whether *text* begins at a root; a drive letter is one only on *windows*."""
    return text.startswith("/") or (windows and _DRIVE.match(text) is not None)


def _windows_spelling(text: str) -> str:
    """What Windows itself drops from a path: prefixes, streams, trailing dots and spaces."""
    text = text.replace("\\", "/")
    for prefix in ("//?/UNC/", "//?/", "//./"):
        if text.upper().startswith(prefix.upper()):
            text = ("//" if "UNC" in prefix else "") + text[len(prefix) :]
    drive = _DRIVE.match(text)
    start = drive[0] if drive else ""
    segments = text[len(start) :].split("/")
    return start + "/".join(
        one if one in (".", "..") else one.split(":", 1)[0].rstrip(". ") for one in segments
    )


PLAIN_PLACES = Places("/project", "/home/user")
"""A POSIX system without links: what examples in packs are tried on, and tests."""


def check_path_glob(glob: str) -> None:
    """
    Return quietly if *glob* can be meant.

    Raises:
        BarePathError: A name without a folder.
        PatternError: Any other pattern that cannot be meant.
    """
    PLAIN_PLACES.glob(glob)


def places_of(project: str) -> Places:
    """
    The places of this machine for the project at *project*.

    Case is read off the project folder itself: if it is found under its swapped case and
    that is the same folder, the file system does not tell cases apart.
    """
    import os

    absolute = os.path.abspath(project)  # noqa: PTH100 — pathlib costs a hook 5 ms
    swapped = absolute.swapcase()
    same = False
    try:
        same = swapped != absolute and os.path.samefile(absolute, swapped)  # noqa: PTH121
    except OSError:
        same = False
    slashed = absolute.replace("\\", "/") if os.sep == "\\" else absolute
    home = os.path.expanduser("~")  # noqa: PTH111
    home = composed(home.replace("\\", "/") if os.sep == "\\" else home).rstrip("/")
    real_home = composed(pinned_home()).rstrip("/")
    return Places(
        composed(slashed).rstrip("/") or "/",
        home,
        not same,
        os.path.realpath,
        _on_disk,
        moved_folders(os.environ, home),
        (real_home,) if real_home and real_home != home else (),
    )
