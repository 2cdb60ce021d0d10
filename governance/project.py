"""
Where a project is, and where what belongs to its person is kept.

A project is a folder that ``governance init`` was run in: it holds ``governance.toml`` and a
private folder ``.governance/``. Only `create_project` makes anything; everything else finds
what is there, and a part that is missing is an error that says how to make it. A store that
vanished must never be taken for a new one.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from governance._attrs import frozen
from governance.errors import WARNING, DefinitionError, Diagnostic
from governance.whole_file import write_whole

HOME_NAME = "session-governance"
"""Folder of the engine below a user's or machine's configuration and state."""

CONFIG_NAME = "governance.toml"
PRIVATE_NAME = ".governance"
PARENTS_MAX = 64
FILE_BYTES_MAX = 4_000_000
DIRECTORY_MODE = 0o700
FILE_MODE = 0o600

CODES: Mapping[str, str] = {
    "GOV331": "a folder without `governance.toml`",
    "GOV332": "a project without its private folder",
    "GOV333": "something else stands where a project's file or folder should be",
    "GOV334": "a file or folder that cannot be read or made",
    "GOV335": "a file or folder that others may change or read",
    "GOV336": "a project on a network file system",
}

NETWORK_TYPES = frozenset(
    {
        "9p", "afs", "afpfs", "beegfs", "ceph", "cifs", "davfs", "fuse.ceph", "fuse.davfs2",
        "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "gfs2", "glusterfs", "lustre",
        "ncpfs", "nfs", "nfs4", "ocfs2", "smb3", "smbfs", "webdav",
    }
)  # fmt: skip
"""File systems on which the locks of an embedded store cannot be relied upon."""


@frozen
class Project:
    """
    The places of one project; none of them is made or looked at by this class.

    Attributes:
        directory: The project's folder, absolute.
    """

    directory: Path

    @property
    def config_file(self) -> Path:
        """``governance.toml``."""
        return self.directory / CONFIG_NAME

    @property
    def private(self) -> Path:
        """``.governance/``, open to its owner alone."""
        return self.directory / PRIVATE_NAME

    @property
    def journal_file(self) -> Path:
        """The store where the configuration names no other."""
        return self.private / "journal.db"

    @property
    def log_file(self) -> Path:
        """Where observers leave a line, for nothing may be printed to a host's terminal."""
        return self.private / "governance.log"

    @property
    def key(self) -> str:
        """32 hexadecimal digits that stand for the folder, links in its path followed."""
        from hashlib import sha256

        return sha256(os.fsencode(self.directory.resolve())).hexdigest()[:32]

    def state_directory(self, environment: Mapping[str, str] | None = None) -> Path:
        """The folder outside the project that holds what the governed agent must not reach."""
        return user_state_directory(environment) / "projects" / self.key

    def replay_mark(self, environment: Mapping[str, str] | None = None) -> Path:
        """
        A file that says that this is a replay: only there may a hook be told the time.

        It lies outside the project, for whoever could move the clock of a real one could
        age its approvals and its pauses.
        """
        return self.state_directory(environment) / "replay"

    def trust_file(self, environment: Mapping[str, str] | None = None) -> Path:
        """What a person trusted of this project, by hash."""
        return self.state_directory(environment) / "trust.json"


@frozen
class Person:
    """
    Where a person's files are, as `init` found it: absolute folders, each with our own name.

    Attributes:
        home: The home itself.

        config, state: Our folders of configuration and of state.
    """

    home: str
    config: str
    state: str


_PINNED: dict[str, str] = {}


def person(environment: Mapping[str, str] | None = None) -> Person:
    """Where *environment* has a person's files; by default that of this process."""
    where = os.environ if environment is None else environment
    home = where.get("HOME", "")
    return Person(
        home if home.startswith("/") else str(Path("~").expanduser()),
        str(_home(where, "XDG_CONFIG_HOME", ".config")),
        str(_home(where, "XDG_STATE_HOME", ".local/state")),
    )


def pin(pinned: Person) -> tuple[str, ...]:
    """
    From now on a person's files are where *pinned* says, whatever the environment says.

    Gives what the environment has elsewhere: ``"home"``, ``"config"``, ``"state"``. A host may
    let the settings of a repository set variables, and nobody's rules may be moved by them.
    """
    found = person()
    names = ("home", "config", "state")
    _PINNED.update({name: getattr(pinned, name) for name in names})
    return tuple(name for name in names if getattr(found, name) != getattr(pinned, name))


def pinned_home() -> str:
    """The home that was pinned, or ``""``."""
    return _PINNED.get("home", "")


def user_config_directory(environment: Mapping[str, str] | None = None) -> Path:
    """``$XDG_CONFIG_HOME/session-governance``, else the same below ``~/.config``; not created."""
    if environment is None and "config" in _PINNED:
        return Path(_PINNED["config"])
    return _home(environment, "XDG_CONFIG_HOME", ".config")


def user_state_directory(environment: Mapping[str, str] | None = None) -> Path:
    """``$XDG_STATE_HOME/session-governance``, else below ``~/.local/state``; not created."""
    if environment is None and "state" in _PINNED:
        return Path(_PINNED["state"])
    return _home(environment, "XDG_STATE_HOME", ".local/state")


def user_config(environment: Mapping[str, str] | None = None) -> Path:
    """The file of the user's layer."""
    return user_config_directory(environment) / CONFIG_NAME


def machine_config() -> Path:
    """The file of the machine's layer."""
    return Path("/etc") / HOME_NAME / CONFIG_NAME


def _home(environment: Mapping[str, str] | None, variable: str, default: str) -> Path:
    where = os.environ if environment is None else environment
    given = where.get(variable, "")
    # The XDG specification has relative paths ignored.
    if given.startswith("/"):
        return Path(given) / HOME_NAME
    home = where.get("HOME", "")
    base = Path(home) if home.startswith("/") else Path("~").expanduser()
    return base / default / HOME_NAME


def open_project(directory: Path) -> Project:
    """
    The project in *directory*; nothing is created.

    Raises:
        DefinitionError: With every part that is missing or is something else: GOV331 no
            ``governance.toml``, GOV332 no ``.governance/``, GOV333 neither file nor
            folder, GOV334 unreadable.
    """
    project = Project(directory.absolute())
    found: list[Diagnostic] = []
    _expect(project.config_file, "a file", Path.is_file, found, _no_config(project.directory))
    missing = Diagnostic(
        "GOV332",
        f"`{project.directory}` has no `{PRIVATE_NAME}/`",
        str(project.private),
        suggestion="a vanished store is not made anew: restore it, or run `governance init`",
    )
    _expect(project.private, "a folder", Path.is_dir, found, missing)
    if found:
        raise DefinitionError(tuple(found))
    return project


def config_missing(directory: Path) -> DefinitionError:
    """The error of a folder that has no ``governance.toml``."""
    return DefinitionError((_no_config(directory),))


def _no_config(directory: Path) -> Diagnostic:
    return Diagnostic(
        "GOV331",
        f"`{directory}` has no `{CONFIG_NAME}`",
        str(directory / CONFIG_NAME),
        suggestion="run `governance init` there, or give the folder of the project",
    )


def _expect(
    path: Path,
    what: str,
    test: Callable[[Path], bool],
    found: list[Diagnostic],
    missing: Diagnostic,
) -> None:
    try:
        path.stat()
        if not test(path):
            found.append(Diagnostic("GOV333", f"`{path}` is not {what}", str(path)))
    except FileNotFoundError:
        found.append(missing)
    except OSError as error:
        found.append(_unreadable(path, error))


def _unreadable(path: Path, error: OSError) -> Diagnostic:
    why = (error.strerror or str(error)).lower()
    return Diagnostic("GOV334", f"`{path}` cannot be read: {why}", str(path))


def find_project(start: Path) -> Project:
    """
    The project that *start* lies in: the nearest folder upwards with ``governance.toml``.

    For commands that a person gives in a folder of their own choice. A hook is told its
    project instead: the working directory of a tool moves.

    Raises:
        DefinitionError: GOV331, when no folder upwards is a project; else as `open_project`.
    """
    found = folder_around(start)
    if found is None:
        raise config_missing(start.absolute())
    return open_project(found)


def folder_around(start: Path) -> Path | None:
    """
    The nearest folder upwards from *start* with ``governance.toml``, or ``None``.

    For what needs no store: rules can be tested in a clone in which nobody works.
    """
    folder = start.absolute()
    for candidate in (folder, *folder.parents)[:PARENTS_MAX]:
        if (candidate / CONFIG_NAME).is_file():
            return candidate
    return None


def read_file(file: Path, *, bytes_max: int = FILE_BYTES_MAX) -> bytes | None:
    """
    The bytes of *file*, at most one more than *bytes_max*; ``None`` when there is none.

    Raises:
        DefinitionError: GOV334, when it is there and cannot be read.
    """
    try:
        with open(file, "rb", opener=plain_file) as stream:
            return stream.read(bytes_max + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DefinitionError((_unreadable(file, error),)) from None


def plain_file(path: str, flags: int) -> int:
    """
    Open *path* if it is a regular file: at the end of a pipe one would wait for ever.

    Raises:
        OSError: It cannot be opened, or is something else.
    """
    handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "Not a regular file", path)
    return handle


def create_project(directory: Path, config_text: str) -> tuple[Project, tuple[Path, ...]]:
    """
    Make *directory* a project, and give the paths that were made.

    What is there already stays as it is, ``governance.toml`` above all, so that a second
    call makes nothing. The private folder is opened to its owner alone and holds a
    ``.gitignore`` that keeps it out of version control.

    Raises:
        DefinitionError: GOV333 when *directory* is no folder, or when a link or something
            else stands where the private folder should be; GOV334 when it cannot be made.
    """
    project = Project(directory.absolute())
    if not project.directory.is_dir():
        raise _in_the_way(project.directory, "a folder that is there")
    made: list[Path] = []
    try:
        _make_private(project.private, made)
        _write_new(project.private / ".gitignore", "*\n", FILE_MODE, made)
        _write_new(project.config_file, config_text, 0o644, made)
    except OSError as error:
        path = Path(error.filename or project.directory)
        why = (error.strerror or str(error)).lower()
        message = f"`{path}` cannot be made: {why}"
        raise DefinitionError((Diagnostic("GOV334", message, str(path)),)) from None
    return project, tuple(made)


def _make_private(folder: Path, made: list[Path]) -> None:
    # A link could lead to a folder that others, or the agent, may write.
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise _in_the_way(folder, "a folder of its own, no link")
    if not folder.exists():
        folder.mkdir(mode=DIRECTORY_MODE)
        made.append(folder)
    folder.chmod(DIRECTORY_MODE)


def _in_the_way(path: Path, expected: str) -> DefinitionError:
    return DefinitionError((Diagnostic("GOV333", f"`{path}` is not {expected}", str(path)),))


def _write_new(file: Path, text: str, mode: int, made: list[Path]) -> None:
    try:
        write_whole(file, text.encode("utf-8"), mode, new=True)
    except FileExistsError:
        if not file.is_file():
            raise _in_the_way(file, "a file") from None
        return
    made.append(file)


def make_private_folder(folder: str | os.PathLike[str]) -> None:
    """
    Make *folder*, open to its owner alone, and so every folder above it that is not there.

    What is there already stays as it is. `os.makedirs` would make those above by the umask.

    Raises:
        OSError: The system refused.
    """
    path = os.fspath(folder)
    missing: list[str] = []
    while path and not os.path.isdir(path):  # noqa: PTH112 - hook path
        missing.append(path)
        above = os.path.dirname(path)  # noqa: PTH120 - hook path
        if above == path:
            break
        path = above
    for one in reversed(missing):
        try:
            os.mkdir(one, DIRECTORY_MODE)  # noqa: PTH102 - hook path
        except FileExistsError:
            # Another process made it just now; anything else in its place is refused below.
            if not os.path.isdir(one):  # noqa: PTH112 - hook path
                raise


def inspect_project(project: Project, *, mounts: str | None = None) -> tuple[Diagnostic, ...]:
    """
    What is unsafe about where *project* lies and who may touch it; nothing is changed.

    Every finding is a warning: GOV335 for modes and owners, GOV336 for a network file
    system. *mounts* stands in place of what the system says of its mounts.
    """
    found: list[Diagnostic] = []
    _inspect_mode(project.private, 0o077, found)
    _inspect_mode(project.config_file, 0o022, found)
    _inspect_mode(project.directory, 0o002, found)
    kind = network_file_system(project.private, mounts=mounts)
    if kind:
        found.append(
            Diagnostic(
                "GOV336",
                f"`{project.private}` lies on a network file system, `{kind}`",
                str(project.private),
                suggestion="locks are not kept there: move the project to a local disk",
                severity=WARNING,
            )
        )
    return tuple(found)


def _inspect_mode(path: Path, forbidden: int, found: list[Diagnostic]) -> None:
    try:
        status = path.stat()
    except OSError as error:
        found.append(_unreadable(path, error))
        return
    mode = status.st_mode & 0o7777
    if mode & forbidden:
        message = f"`{path}` has mode {mode:04o}, which lets others in"
        hint = f"`chmod {mode & ~forbidden & 0o777:o} {path}`"
        found.append(Diagnostic("GOV335", message, str(path), suggestion=hint, severity=WARNING))
    if status.st_uid not in (os.getuid(), 0):
        message = f"`{path}` belongs to another user"
        found.append(Diagnostic("GOV335", message, str(path), severity=WARNING))


def network_file_system(path: Path, *, mounts: str | None = None) -> str:
    """
    The type of the network file system that *path* lies on, or ``""`` when it is local.

    *mounts* is text in the form of ``/proc/self/mountinfo`` or of what ``mount`` prints;
    by default the system is asked. Where it does not tell, the answer is ``""``.
    """
    table = _mounts() if mounts is None else mounts
    place, kind = "", ""
    target = str(path.resolve())
    for line in table.splitlines():
        point, found = _mount(line)
        inside = target == point or target.startswith(point.rstrip("/") + "/")
        # The last of equal mounts covers those before it.
        if point and inside and len(point) >= len(place):
            place, kind = point, found
    return kind if kind in NETWORK_TYPES else ""


def _mount(line: str) -> tuple[str, str]:
    """Mount point and type of one line: ``… /point … - type …`` or ``x on /point (type, …``."""
    left, dash, right = line.partition(" - ")
    parts = left.split()
    if dash and len(parts) >= 5 and right.split():
        return _unescape(parts[4]), right.split()[0]
    _, on, rest = line.partition(" on ")
    point, bracket, options = rest.partition(" (")
    if on and bracket:
        return point, options.rstrip(")").split(",")[0].strip()
    return "", ""


def _unescape(text: str) -> str:
    for code, sign in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, sign)
    return text


def _mounts() -> str:
    if sys.platform == "linux":
        try:
            return Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
    import subprocess

    try:
        run = subprocess.run(
            ["/sbin/mount"],
            capture_output=True,
            check=False,
            timeout=5,
            text=True,
            errors="replace",
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return run.stdout
