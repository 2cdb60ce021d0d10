"""From a URL to a journal, and where its heads are mirrored."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance.errors import DefinitionError, StoreMissing
from governance.journal import open_journal
from governance.journal.faults import PATH_BYTES_MAX, StoreUnopenable
from governance.journal.memory import MemoryJournal
from governance.journal.opening import DEFAULT_URL, default_mirror, store_path
from governance.journal.sqlite import SqliteJournal


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's state folder, for the while of a test."""
    made = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(made))
    return made


@pytest.fixture
def base(tmp_path: Path) -> Path:
    made = tmp_path / "project"
    made.mkdir()
    return made


def _opened(url: str, base: Path) -> SqliteJournal:
    journal = open_journal(url, base=base, create=True)
    assert isinstance(journal, SqliteJournal)
    journal.close()
    return journal


@pytest.mark.parametrize(("name", "why"), [("\udcff", "no UTF-8"), ("loop", "leads to itself")])
def test_where_no_store_can_lie(tmp_path: Path, name: str, why: str) -> None:
    """A folder that SQLite cannot name is an error that says so."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")

    with pytest.raises(DefinitionError, match=why) as raised:
        open_journal(DEFAULT_URL, base=tmp_path / name, create=True)

    assert raised.value.diagnostics[0].code == "GOV510"


@pytest.mark.parametrize("too_long", [False, True])
def test_a_path_that_is_too_long_is_named(tmp_path: Path, too_long: bool) -> None:
    """SQLite has a limit of its own, which no owner and no mode could mend."""
    length = PATH_BYTES_MAX + 40 * too_long - len("/journal.db")
    base = tmp_path
    while len(str(base)) + 101 < length:
        base /= "x" * 100
    base /= "y" * (length - len(str(base)) - 1)
    base.mkdir(parents=True)
    url = f"sqlite:///{base}/journal.db"

    if not too_long:
        _opened(url, base)
        return
    with pytest.raises(StoreUnopenable, match=f"more than {PATH_BYTES_MAX} bytes"):
        _opened(url, base)


def test_memory_is_memory(base: Path) -> None:
    """`memory:` gives the model, and writes nothing anywhere."""
    assert isinstance(open_journal("memory:", base=base, create=False), MemoryJournal)
    assert list(base.iterdir()) == []


def test_a_relative_path_is_taken_from_the_project(base: Path, tmp_path: Path) -> None:
    """Three slashes and a relative path: below *base*, wherever the process stands."""
    assert _opened(DEFAULT_URL, base).path == base / ".governance" / "journal.db"
    absolute = tmp_path / "elsewhere" / "j.db"
    assert _opened(f"sqlite:///{absolute}", base).path == absolute


def test_heads_are_mirrored_outside_the_project_by_default(base: Path, state: Path) -> None:
    """Without a word about it, a mirror stands in the user's state folder, one a store."""
    first = _opened(DEFAULT_URL, base)
    second = _opened("sqlite:///other.db", base)
    mirrors = {default_mirror(one.path) for one in (first, second)}
    assert len(mirrors) == 2
    assert all(one.is_file() and state in one.parents for one in mirrors)


def test_a_mirror_can_be_chosen_or_switched_off(base: Path, state: Path, tmp_path: Path) -> None:
    """A given file is used instead; `?mirror=off` keeps none, and `verify` says unanchored."""
    chosen = tmp_path / "chosen"
    open_journal(DEFAULT_URL, base=base, create=True, mirror=chosen).close()
    assert chosen.is_file()
    journal = open_journal("sqlite:///x.db?mirror=off", base=base, create=True)
    assert not journal.verify().anchored
    journal.close()
    assert (base / "x.db").is_file()
    assert not state.exists()


def test_one_store_under_two_spellings_has_one_mirror(base: Path) -> None:
    """Links and dots in the way to a project lead to the same file of heads."""
    link = base.parent / "link"
    link.symlink_to(base)
    paths = {store_path(DEFAULT_URL, one) for one in (base, link, base / ".." / "project")}
    assert len(paths) == 1


def test_nothing_is_created_without_leave(base: Path, state: Path) -> None:
    """A missing store is an error that names it; neither store nor mirror comes into being."""
    with pytest.raises(StoreMissing, match=r"journal\.db"):
        open_journal(DEFAULT_URL, base=base, create=False)
    assert list(base.iterdir()) == []
    assert not state.exists()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://localhost/x?no=1", "none that libpq reads"),
        ("mysql://localhost/x", "`postgresql://host/database` and `memory:`"),
        ("sqlite://journal.db", "sqlite:///.governance/journal.db"),
        ("sqlite:///", "no url of a store"),
        ("sqlite:///x.db?cache=shared", "the one option is `?mirror=off`"),
        (".governance/journal.db", "no journal url"),
        ("memory", "no journal url"),
        ("", "no journal url"),
    ],
)
def test_another_url_is_a_definition_error(base: Path, url: str, says: str) -> None:
    """What is not supported is refused by name, with what is, and touches no file."""
    with pytest.raises(DefinitionError) as caught:
        open_journal(url, base=base, create=True)
    assert says in str(caught.value)
    assert [one.path for one in caught.value.diagnostics] == [("journal", "url")]
    assert list(base.iterdir()) == []


def test_the_mirror_falls_back_to_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A relative or missing XDG_STATE_HOME is not followed."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("", "relative/path"):
        monkeypatch.setenv("XDG_STATE_HOME", value)
        assert tmp_path in default_mirror(tmp_path / "journal.db").parents


def test_a_user_without_a_home_has_a_store_without_a_mirror(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no state folder can be named, the journal opens and says that it is unanchored."""

    def homeless(_path: Path) -> Path:
        raise RuntimeError("no home")

    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(Path, "expanduser", homeless)
    journal = open_journal(DEFAULT_URL, base=base, create=True)
    assert isinstance(journal, SqliteJournal)
    assert journal.mirror_problem
    assert not journal.verify().anchored
    journal.close()
