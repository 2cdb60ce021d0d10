"""
Which values of a scope hold which words: an index that follows the scope as it changes.

It is a cache. It says which values may fit, and each of those is read before it is given; it
knows nothing of leave, which is asked for each name before the index is.
"""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from attrs import field

from governance._attrs import define
from governance.journal.searching import TEXT_CHARS_MAX, words_of
from governance.scopes.state import Name, Stored
from governance.values import Json

INDEX_BYTES_MAX = 16 * 1024 * 1024
"""Bytes of an index before it is packed; a larger one is kept in memory alone."""

_FORMAT = 1
_NUMBER = "I"
_LEVEL = 1
"""Of zlib: it is packed while somebody waits."""


def words_of_value(key: str, value: Json) -> tuple[str, ...]:
    """
    The words by which *value* under *key* is found: its key, its texts and names of fields.

    >>> words_of_value("style.indent", {"why": ["PEP 8"], "width": 4})
    ('style', 'indent', 'why', 'pep', '8', 'width')
    """
    left = TEXT_CHARS_MAX
    parts: list[str] = []
    for text in _texts(key, value):
        parts.append(text[:left])
        left -= len(text)
        if left <= 0:
            break
    return tuple(words_of("\n".join(parts)))


def _texts(key: str, value: Json) -> Iterator[str]:
    yield key
    waiting: list[Json] = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            # Each name right before what stands under it.
            fields = reversed(tuple(one.items()))
            waiting += [part for name, each in fields for part in (each, name)]
        elif isinstance(one, (list, tuple)):
            waiting += reversed(one)


@define(eq=False)
class WordIndex:
    """
    An index of one scope; not thread-safe.

    Attributes:
        seq: Row of the scope's journal up to which it was made, 0: none.

        hash: The hash of that row; another row there makes the index worthless.
    """

    seq: int = 0
    hash: bytes = b""
    _next: int = 0
    _names: dict[int, Name] = field(factory=dict)
    _places: dict[Name, tuple[int, int, int]] = field(factory=dict)
    _words: dict[str, array[int]] = field(factory=dict)

    def __len__(self) -> int:
        return len(self._names)

    def follow(
        self,
        values: Mapping[Name, Stored],
        read: Callable[[Name, Stored], tuple[str, ...] | None],
    ) -> tuple[int, tuple[Name, ...]]:
        """
        Hold *values* from now on; how many of them were read, and which could not be.

        Args:
            read: Gives the words of one; ``None`` where it cannot be read, then it is asked
                for again the next time.
        """
        for name in [one for one in self._places if one not in values]:
            self._drop(name)
        count = 0
        unread: list[Name] = []
        for name, stored in values.items():
            place = self._places.get(name)
            if place is not None and place[1] == stored.seq:
                continue
            self._drop(name)
            words = read(name, stored)
            count += 1
            if words is None:
                unread.append(name)
            else:
                self._add(name, stored.seq, words)
        if self._next > 2 * len(self._names) + 1_000:
            self._tidy()
        return count, tuple(unread)

    def holding(self, words: Iterable[str]) -> set[Name]:
        """Names of the values that hold all of *words*, of which there is at least one."""
        lists = [self._words.get(word) for word in words]
        if not lists or any(one is None for one in lists):
            return set()
        found = set.intersection(*(set(one) for one in lists if one is not None))
        return {self._names[one] for one in found if one in self._names}

    def length(self, name: Name) -> int:
        """How many words the value called *name* has; 0 where it is not held."""
        place = self._places.get(name)
        return place[2] if place is not None else 0

    def tells(
        self, seqs: Mapping[Name, int], read: Callable[[Name], tuple[str, ...] | None]
    ) -> bool:
        """
        Whether it says just the words of each value that `follow` would not read anew.

        Args:
            seqs: Names of the values that there are, with the rows that they stand in.

            read: As for `follow`.
        """
        due: dict[str, set[int]] = {}
        trusted: set[int] = set()
        for name, (number, seq, length) in self._places.items():
            if self._names.get(number) != name or number >= self._next:
                return False
            words = read(name) if seqs.get(name) == seq else None
            if words is None:
                continue
            if length != len(words):
                return False
            trusted.add(number)
            for word in words:
                due.setdefault(word, set()).add(number)
        return all(
            trusted.intersection(self._words.get(word, ())) == due.get(word, set())
            for word in due.keys() | self._words.keys()
        )

    def packed(self) -> bytes | None:
        """The index as it is kept; none where it is too large."""
        head = {
            "format": _FORMAT,
            "seq": self.seq,
            "hash": self.hash.hex(),
            "next": self._next,
            "names": [[one, *name, *self._places[name][1:]] for one, name in self._names.items()],
            "words": {word: len(held) for word, held in self._words.items()},
        }
        numbers = array(_NUMBER)
        for held in self._words.values():
            numbers += held
        if sys.byteorder == "big":
            numbers.byteswap()
        data = b"\n".join((json.dumps(head, separators=(",", ":")).encode(), numbers.tobytes()))
        return zlib.compress(data, _LEVEL) if len(data) <= INDEX_BYTES_MAX else None

    @classmethod
    def unpacked(cls, value: bytes) -> WordIndex | None:
        """What `packed` gave; none where another version did, or it is damaged."""
        try:
            data = zlib.decompressobj().decompress(value, INDEX_BYTES_MAX + 1)
            first, _, rest = data.partition(b"\n")
            head: Any = json.loads(first)
            if head["format"] != _FORMAT:
                return None
            made = cls(int(head["seq"]), bytes.fromhex(head["hash"]), int(head["next"]))
            for one, kind, key, seq, length in head["names"]:
                made._names[int(one)] = (str(kind), str(key))
                made._places[str(kind), str(key)] = (int(one), int(seq), int(length))
            numbers = array(_NUMBER, rest)
            if sys.byteorder == "big":
                numbers.byteswap()
            at = 0
            for word, count in head["words"].items():
                made._words[word] = numbers[at : at + count]
                at += count
        except (zlib.error, KeyError, AttributeError, TypeError, ValueError, RecursionError):
            return None
        return made if at == len(numbers) else None

    def _add(self, name: Name, seq: int, words: tuple[str, ...]) -> None:
        number = self._next
        self._next += 1
        self._names[number] = name
        self._places[name] = (number, seq, len(words))
        for word in set(words):
            self._words.setdefault(word, array(_NUMBER)).append(number)

    def _drop(self, name: Name) -> None:
        place = self._places.pop(name, None)
        if place is not None:
            # Its number stays behind its words, and names nothing any more.
            del self._names[place[0]]

    def _tidy(self) -> None:
        """Take numbers that name nothing out, and count anew."""
        numbers = {old: new for new, old in enumerate(self._names)}
        words: dict[str, array[int]] = {}
        for word, held in self._words.items():
            left = array(_NUMBER, (numbers[one] for one in held if one in numbers))
            if left:
                words[word] = left
        self._places = {
            name: (numbers[old], seq, length) for name, (old, seq, length) in self._places.items()
        }
        self._names = {numbers[old]: name for old, name in self._names.items()}
        self._words, self._next = words, len(numbers)
