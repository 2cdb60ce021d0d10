"""From a configuration to its journal: opened by its URL, and encrypted where it says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.errors import JournalError
from governance.journal.opening import open_journal
from governance.journal.records import KEY_SHELF, Journal

if TYPE_CHECKING:
    from governance.config import Config
    from governance.journal.key_sources import KeySource
    from governance.journal.vault import Vault


class KeyNeeded(JournalError):
    """No key is configured where one is needed: the store is encrypted, or must be."""

    code = "GOV554"


def open_protected(
    config: Config, *, create: bool, key: KeySource | None = None, for_reading: bool = False
) -> Journal:
    """
    The journal of the project of *config*; its bodies are sealed if ``[encryption]`` has a key.

    Args:
        create: Make a store that is not there.

        key: What gives the key where its place is ``program``.

        for_reading: As `open_journal` has it.

    Raises:
        KeyNeeded: The store is encrypted or encryption is required, and there is no key.
        KeyUnavailable: The key cannot be had.
        WrongKey: It is another store's.
        JournalError: As `open_journal`.
    """
    own = config.encryption
    if own.required and not own.key:
        raise KeyNeeded(
            "encryption is required, and `[encryption] key` is empty",
            remedy="`governance keys new FILE` makes a key; name its place there",
        )
    journal = open_journal(
        config.journal.url, base=config.directory, create=create, for_reading=for_reading
    )
    try:
        return protected(journal, config, key)
    except BaseException:
        journal.close()
        raise


def protected(journal: Journal, config: Config, key: KeySource | None = None) -> Journal:
    """
    *journal* as *config* has it: behind its keys, or as it is where nothing is encrypted.

    Raises:
        KeyNeeded, KeyUnavailable, WrongKey: As `open_protected`.
    """
    if not config.encryption.key:
        if is_keyed(journal):
            raise KeyNeeded(
                "the store is encrypted, and `[encryption] key` is empty",
                remedy="set it to the place of the store's key",
            )
        return journal
    from governance.journal.encrypted import EncryptedJournal, encrypted

    if isinstance(journal, EncryptedJournal):
        return journal
    return encrypted(journal, vault_of(journal, config, key))


def is_keyed(journal: Journal) -> bool:
    """Whether *journal* is encrypted: any value on its shelf of keys says so."""
    return bool(journal.shelf.scan(KEY_SHELF, limit=1))


def require_key(config: Config) -> None:
    """
    Return quietly if the key that *config* names can be had, or it names none.

    For what changes a store and then opens it: better refused before.

    Raises:
        KeyUnavailable: It cannot.
    """
    if config.encryption.key:
        from governance.journal.key_sources import load_key

        load_key(config.encryption.key, directory=config.directory, program=None)


def vault_of(journal: Journal, config: Config, key: KeySource | None = None) -> Vault:
    """
    The data keys of *journal*, by the key that *config* names.

    Raises:
        KeyUnavailable, WrongKey: As `open_protected`.
    """
    from governance.journal.heads import store_id
    from governance.journal.key_sources import load_key
    from governance.journal.vault import Vault

    own, folder = config.encryption, config.directory
    current = load_key(own.key, directory=folder, program=key)
    previous = [load_key(one, directory=folder, program=key) for one in own.previous]
    return Vault.open(journal.shelf, current, previous, store_id=store_id(journal))
