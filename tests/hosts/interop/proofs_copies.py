"""What the recipes of `docs/howto/keep-copies-elsewhere.md` give, with the real packages."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest

from governance.errors import JournalError
from governance.journal import Append, Journal, Row, open_journal
from governance.journal.archive import restore_archive, write_archive
from governance.journal.backup import backup_store
from governance.journal.restore import restore_store

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "keep-copies-elsewhere.md"
LITESTREAM = Path(sys.executable).with_name("litestream")
WAIT_SECONDS_MAX = 30


@pytest.fixture
def recipe() -> dict[str, Callable[..., Any]]:
    """The functions that stand on the page."""
    code = PAGE.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    found: dict[str, Any] = {}
    exec(code, found)
    return found


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place elsewhere."""
    return f"{request.param}://{tmp_path}/elsewhere"


def add(journal: Journal, rows: int) -> None:
    """So many rows more for one session."""
    for number in range(rows):
        row = Row("note", 0, b'{"n":%d}' % number)
        journal.append([Append("s", journal.head("s").seq, (row,))])


def run(*words: object) -> None:
    """Run Litestream to its end, which must be a good one."""
    command = [LITESTREAM, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_SECONDS_MAX)
    assert done.returncode == 0, done.stdout + done.stderr


def prove_copies_come_back_as_they_were(
    recipe: dict[str, Callable[..., Any]], journal: Journal, tmp_path: Path, url: str
) -> None:
    """A backup and an archive are sent once, fetched, and restored with the same head."""
    add(journal, 20)
    head = journal.head("s")
    folder, back = tmp_path / "copies", tmp_path / "back"
    made = write_archive(journal, head, folder, 0)
    backup = backup_store(tmp_path / "journal.db", folder, now_ms=0)
    (folder / ".draft").write_bytes(b"half")

    sent = recipe["send"](folder, url)
    assert sorted(sent) == sorted(one.name for one in (made.path, backup.path, backup.heads))
    assert recipe["send"](folder, url) == []
    recipe["fetch"](url, back)

    other = open_journal("memory:", base=tmp_path, create=True)
    assert restore_archive(other, back / made.path.name).head == other.head("s") == head
    again = tmp_path / "again" / "journal.db"
    restore_store(again, back / backup.path.name, now_ms=0, mirror=None)
    restored = open_journal(f"sqlite:///{again}?mirror=off", base=tmp_path, create=False)
    assert restored.head("s") == head
    assert restored.verify().ok
    restored.close()


def prove_a_copy_that_was_changed_is_refused(
    recipe: dict[str, Callable[..., Any]], journal: Journal, tmp_path: Path, url: str
) -> None:
    """Who can write elsewhere cannot put another history in the store's place."""
    add(journal, 20)
    folder, back = tmp_path / "copies", tmp_path / "back"
    backup = backup_store(tmp_path / "journal.db", folder, now_ms=0)
    recipe["send"](folder, url)
    storage, root = fsspec.url_to_fs(url)
    path = f"{root}/{backup.path.name}"
    data = storage.cat_file(path)
    assert data.count(b'{"n":7}') == 1
    storage.pipe_file(path, data.replace(b'{"n":7}', b'{"n":8}'))
    recipe["fetch"](url, back)

    again = tmp_path / "again" / "journal.db"
    with pytest.raises(JournalError):
        restore_store(again, back / backup.path.name, now_ms=0, mirror=None)
    assert not again.exists()


def prove_litestream_follows_and_gives_back(journal: Journal, tmp_path: Path) -> None:
    """Rows of before and after its start come back from the replica of a running Litestream."""
    store, replica = tmp_path / "journal.db", f"file://{tmp_path}/replica"
    add(journal, 20)
    follower = subprocess.Popen(
        [LITESTREAM, "replicate", str(store), replica],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        add(journal, 20)
        until = time.monotonic() + WAIT_SECONDS_MAX
        rows, number = 0, 0
        while rows < 40 and time.monotonic() < until:
            time.sleep(0.5)
            if not (tmp_path / "replica").exists():
                continue
            number += 1
            copy = tmp_path / f"copy-{number}.db"
            run("restore", "-if-replica-exists", "-o", copy, replica)
            if copy.exists():
                with_copy = open_journal(
                    f"sqlite:///{copy}?mirror=off", base=tmp_path, create=False
                )
                assert with_copy.verify().ok
                rows = with_copy.head("s").seq
                with_copy.close()
    finally:
        follower.kill()
        follower.wait()

    assert rows == 40
    assert journal.verify().ok


def prove_what_litestream_had_not_sent_is_named(tmp_path: Path) -> None:
    """After a lost disk the rows since the last round have stand-ins, by the mirrored heads."""
    store, mirror, replica = tmp_path / "j.db", tmp_path / "j.heads", f"file://{tmp_path}/replica"
    journal = open_journal("sqlite:///j.db", base=tmp_path, create=True, mirror=mirror)
    add(journal, 20)
    run("replicate", "-once", "-force-snapshot", store, replica)
    add(journal, 5)
    journal.close()
    for one in tmp_path.glob("j.db*"):
        one.unlink()

    run("restore", "-o", tmp_path / "restored.db", replica)
    restore_store(store, tmp_path / "restored.db", now_ms=0, mirror=mirror)

    journal = open_journal("sqlite:///j.db", base=tmp_path, create=False, mirror=mirror)
    kinds = [one.kind for one in journal.read("s")]
    assert kinds == ["note"] * 20 + ["session.gap"] * 5 + ["session.damaged"]
    assert not journal.verify().ok
    journal.close()
