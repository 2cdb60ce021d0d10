"""Files of heads and keys for them: what is not whole, or not theirs, is refused by its reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from governance.errors import JournalError
from governance.journal import heads as module
from governance.journal.heads import (
    HeadsRefused,
    compare_heads,
    heads_bytes,
    new_signing_key,
    private_pem,
    public_pem,
    read_heads_file,
    read_public_key,
    read_signing_key,
    take_heads,
)
from governance.journal.memory import MemoryJournal
from governance.journal.records import Append, Head, Row


@pytest.fixture(name="journal")
def _journal() -> MemoryJournal:
    made = MemoryJournal()
    for name in ("a", "b"):
        made.append([Append(name, 0, (Row("k", 0, b"{}"),) * 3)])
    return made


def changed(journal: MemoryJournal, folder: Path, **change: Any) -> Path:
    """A file of the heads of *journal* in which some fields are others; ``None``: taken out."""
    fields = json.loads(heads_bytes(take_heads(journal, at_ms=1, by="me"))) | change
    file = folder / "heads.json"
    file.write_text(json.dumps({k: v for k, v in fields.items() if v is not None}))
    return file


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "other"}, "no file of heads"),
        ({"format": 2}, "a newer engine wrote it"),
        ({"heads": None}, "damaged"),
        ({"heads": "a"}, "damaged"),
        ({"heads": 7}, "damaged"),
        ({"heads": [7]}, "damaged"),
        ({"heads": [["a", 1]]}, "damaged"),
        ({"heads": [["a", "1", "00"]]}, "damaged"),
        ({"heads": [["a", 1, "no hex"]]}, "damaged"),
        ({"at_ms": "soon"}, "damaged"),
        ({"by": None}, "damaged"),
        ({"signature": {"algorithm": "rot13"}}, "of no kind"),
        ({"signature": "x"}, "of no kind"),
        ({"signature": {"algorithm": "ed25519"}}, "damaged"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(
    journal: MemoryJournal, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    """Whatever is wrong with it, nothing is taken from it."""
    with pytest.raises(HeadsRefused, match=said) as refused:
        read_heads_file(changed(journal, tmp_path, **change))

    assert refused.value.code == "GOV558"


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """And so is a folder, and what is no JSON."""
    (tmp_path / "text").write_bytes(b"\xff{")
    for name, said in (("gone", "no such file"), (".", "not a regular file"), ("text", "damaged")):
        with pytest.raises(HeadsRefused, match=said):
            read_heads_file(tmp_path / name)


def test_only_the_key_that_is_known_signs(journal: MemoryJournal, tmp_path: Path) -> None:
    """A changed file, another key, and no signature at all are told apart."""
    ours, theirs = new_signing_key(), new_signing_key()
    known = ours.public_key().public_bytes_raw()
    exported, file = take_heads(journal, at_ms=1, by="me"), tmp_path / "heads.json"

    file.write_bytes(heads_bytes(exported, ours))
    assert read_heads_file(file, known).signed_by == known.hex()
    file.write_bytes(heads_bytes(exported, ours).replace(b'"me"', b'"us"'))
    with pytest.raises(HeadsRefused, match="signature"):
        read_heads_file(file)
    for key, said in ((theirs, "another key signed it"), (None, "nobody signed it")):
        file.write_bytes(heads_bytes(exported, key))
        with pytest.raises(HeadsRefused, match=said):
            read_heads_file(file, known)


def test_keys_are_read_as_what_they_are(tmp_path: Path) -> None:
    """Text that is no key, the other half of a pair, and a file that is not there are refused."""
    key, file = new_signing_key(), tmp_path / "key.pem"

    def put(text: str) -> Path:
        file.write_text(text)
        file.chmod(0o600)
        return file

    assert read_public_key(put(public_pem(key))) == key.public_key().public_bytes_raw()
    assert read_signing_key(put(private_pem(key))).private_bytes_raw() == key.private_bytes_raw()
    for text in ("", "no key", private_pem(key)):
        with pytest.raises(HeadsRefused, match="no public key in PEM"):
            read_public_key(put(text))
    for text in ("", "no key", public_pem(key)):
        with pytest.raises(HeadsRefused, match="no private key in PEM"):
            read_signing_key(put(text))
    with pytest.raises(HeadsRefused, match="no such file"):
        read_public_key(tmp_path / "gone.pem")


def test_what_went_as_it_may_is_no_loss(journal: MemoryJournal) -> None:
    """Of a removed session the tombstone answers; cut before, or of other rows, it is found."""
    exported = take_heads(journal, at_ms=1, by="me")
    head = journal.head("a")
    assert journal.remove("a", expected=head) is True

    def findings(known: Head) -> list[tuple[str, int]]:
        others = tuple(known if one.session == "a" else one for one in exported.heads)
        found = compare_heads(journal, evolve(exported, heads=others))
        return [(one.what, one.seq) for one in found]

    assert findings(head) == []
    assert findings(evolve(head, seq=4)) == [("cut", 4)]
    assert findings(evolve(head, hash=bytes(32))) == [("hash", 3)]


def test_lists_have_bounds(journal: MemoryJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """More sessions than a file takes are refused; of findings the first ones are told."""
    exported = take_heads(journal, at_ms=1, by="me")
    wrong = tuple(evolve(one, hash=bytes(32)) for one in exported.heads)

    monkeypatch.setattr(module, "FINDINGS_MAX", 1)
    assert len(compare_heads(journal, evolve(exported, heads=wrong))) == 1
    monkeypatch.setattr(module, "HEADS_MAX", 1)
    with pytest.raises(JournalError, match="more than 1 sessions"):
        take_heads(journal, at_ms=1, by="me")
