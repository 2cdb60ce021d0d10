"""
Whose loosening counts: a person's word for the exact text of a project's file.

The record lies outside every project (its path is injected), for whoever can write a
project's files could otherwise trust them himself.
"""

from __future__ import annotations

from collections.abc import Mapping

from governance._attrs import frozen
from governance.errors import DefinitionError, Diagnostic, MisuseError

RECORD_BYTES_MAX = 4_000_000
_FORMAT = 1


def pack_hash(text: str | bytes) -> str:
    """The sha256 of a file's text, in hex: what trust is bound to."""
    import hashlib

    # Strings with half surrogates are refused later; a hash must not be what fails.
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest()


@frozen
class TrustRecord:
    """
    What a person has trusted on this machine: hash → file, time, and by whom.

    Immutable; `read_trust` reads it, `grant_trust` and `withdraw_trust` write it.
    """

    grants: Mapping[str, Mapping[str, str | int]]

    def trusts(self, text_hash: str) -> bool:
        """Whether the text with this sha256 was trusted and not changed since."""
        return text_hash in self.grants


def read_trust(path: str) -> TrustRecord:
    """
    The record at *path*; one that does not exist trusts nothing.

    Raises:
        DefinitionError: GOV273, the record cannot be read. It is never made anew, so that
            damage cannot pass for a clean start.
    """
    from governance.project import plain_file
    from governance.values import ValueRefused, load_json

    try:
        with open(path, "rb", opener=plain_file) as stream:
            data = stream.read(RECORD_BYTES_MAX + 1)
    except FileNotFoundError:
        return TrustRecord({})
    except OSError as error:
        raise _damaged(path, f"cannot be read: {str(error.strerror).lower()}") from None
    try:
        value = load_json(data, bytes_max=RECORD_BYTES_MAX)
    except ValueRefused as error:
        raise _damaged(path, f"is damaged: {error.message}") from None
    grants = value.get("grants") if isinstance(value, Mapping) else None
    if not isinstance(value, Mapping) or value.get("format") != _FORMAT or grants is None:
        raise _damaged(path, "is not of the form that this engine writes")
    if not isinstance(grants, Mapping) or not all(_is_grant(one) for one in grants.values()):
        raise _damaged(path, "holds a grant that is none")
    return TrustRecord(
        {
            text_hash: {key: word for key, word in one.items() if isinstance(word, str | int)}
            for text_hash, one in grants.items()
            if isinstance(one, Mapping)
        }
    )


def _is_grant(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(one, str | int) for one in value.values())


def _damaged(path: str, what: str) -> DefinitionError:
    mend = "look at it, and take it away to trust anew"
    return DefinitionError(
        (Diagnostic("GOV273", f"the record of trust {what}", path, 0, (), mend),)
    )


def grant_trust(
    path: str, text: str | bytes, *, file: str, project: str, by: str, at_ms: int
) -> TrustRecord:
    """
    Trust *text*, the content of *file* in *project*, and give the new record.

    An earlier version of the same file is trusted no longer. The record is replaced whole,
    readable by its owner alone.

    Raises:
        MisuseError: *path* lies in the project that it would let judge itself.
        DefinitionError: GOV273, as `read_trust`; nothing is written then.
        OSError: The record cannot be written; the old one stays.
    """
    from pathlib import Path

    if Path(path).resolve().is_relative_to(Path(project).resolve()):
        raise MisuseError(
            f"the record of trust `{path}` lies in the project `{project}`",
            remedy="keep it in the configuration folder of the user",
        )
    kept = {
        text_hash: one
        for text_hash, one in read_trust(path).grants.items()
        if (one.get("file"), one.get("project")) != (file, project)
    }
    grant: dict[str, str | int] = {"file": file, "project": project, "by": by, "at_ms": at_ms}
    kept[pack_hash(text)] = grant
    return _write(path, kept)


def withdraw_trust(path: str, *, project: str) -> TrustRecord:
    """
    Trust nothing of *project* any longer, and give the new record.

    Raises:
        DefinitionError, OSError: As `grant_trust`.
    """
    grants = read_trust(path).grants
    return _write(
        path, {name: one for name, one in grants.items() if one.get("project") != project}
    )


def _write(path: str, grants: Mapping[str, Mapping[str, str | int]]) -> TrustRecord:
    from pathlib import Path

    from governance.project import make_private_folder
    from governance.values import dump_json
    from governance.whole_file import write_whole

    make_private_folder(Path(path).parent)
    write_whole(path, dump_json({"format": _FORMAT, "grants": grants}) + b"\n")
    return TrustRecord(dict(grants))
