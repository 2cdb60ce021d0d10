"""
Searching messages: what of a row is searched, what a query is, and a scan that needs no index.

Words are cut here and nowhere else, so that every back end finds the same: in lower case,
without marks over letters, and each sign of a script without spaces by itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from heapq import nlargest
from math import log
from operator import attrgetter
from typing import Protocol, runtime_checkable

from governance._attrs import frozen
from governance.errors import MisuseError, SessionErased, StoreDamaged
from governance.journal.records import Journal, Record
from governance.values import Json, ValueRefused, load_json

MESSAGE_KIND = "message.added"
"""The kind of row that is searched."""

TEXT_CHARS_MAX = 200_000
"""Characters of one message that are searched."""

WORD_CHARS_MAX = 64
QUERY_CHARS_MAX = 1_000
PHRASES_MAX = 20
"""Words and phrases that one query may have."""

HITS_MAX = 1_000
"""Messages that one search may give."""

SCAN_ROWS_MAX = 200_000
"""Rows that a search without an index reads; then it ends, and says so."""

_PAGE_ROWS = 500
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(f"[{_UNSPACED}]|[^\\W_{_UNSPACED}]+")
_ASKED = re.compile(r'"([^"]*)"?|(\S+)')

CODES: Mapping[str, str] = {
    "GOV569": "a search that asks for nothing, or for too much",
}


def words_of(text: str) -> list[str]:
    """
    The words of *text* as they are searched.

    >>> words_of("Émile's foo_bar 東京")
    ['emile', 's', 'foo', 'bar', '東', '京']
    """
    if not text.isascii():
        apart = unicodedata.normalize("NFKD", text.casefold())
        text = "".join(sign for sign in apart if unicodedata.category(sign) != "Mn")
    return [word[:WORD_CHARS_MAX] for word in _WORD.findall(text.casefold())]


@frozen
class Query:
    """
    What is searched for: messages that hold each of *phrases*, words next to each other.

    >>> Query.of('"rate limit" api')
    Query(phrases=(('rate', 'limit'), ('api',)))
    """

    phrases: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, text: str) -> Query:
        """
        The query that a person writes: words that must all occur, phrases in double quotes.

        Raises:
            MisuseError: GOV569, no word in it, more than 20 words, or too long a text.
        """
        if len(text) > QUERY_CHARS_MAX:
            raise MisuseError(f"a search of more than {QUERY_CHARS_MAX} characters", code="GOV569")
        asked = (quoted or plain for quoted, plain in _ASKED.findall(text))
        phrases = [tuple(words) for one in asked if (words := words_of(one))]
        if not 1 <= len(phrases) <= PHRASES_MAX:
            raise MisuseError(
                f"a search for {len(phrases)} words; expected 1 to {PHRASES_MAX}", code="GOV569"
            )
        return cls(tuple(dict.fromkeys(phrases)))


@frozen
class Searched:
    """What of a message is searched, and what its hits are ordered by."""

    session: str
    seq: int
    at_ms: int
    words: tuple[str, ...]


@frozen
class Hit:
    """A message that was found; `score` grows with how well it fits, where that was asked."""

    session: str
    seq: int
    at_ms: int
    score: float = 0.0


@runtime_checkable
class Search(Protocol):
    """A `Journal` that finds messages by an index of its own; see `Journal` for errors."""

    def search(
        self, query: Query, *, session: str | None = None, ranked: bool = False, limit: int = 20
    ) -> tuple[Hit, ...]:
        """
        Messages that fit *query*, newest first, or best first where *ranked*.

        Args:
            session: Only messages of this session; of a branch also those that it shares.

            limit: How many at most, up to 1,000.
        """
        ...


def searched(record: Record) -> Searched | None:
    """What of *record* is searched; nothing of a row that is no message, or is encrypted."""
    if record.kind != MESSAGE_KIND:
        return None
    try:
        body = load_json(record.body)
    except ValueRefused:
        return None
    data = body.get("data") if isinstance(body, Mapping) else None
    parts = data.get("parts") if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping) or not isinstance(parts, (list, tuple)):
        return None
    said = data.get("said_at_ms")
    text = "\n".join(_texts(parts))[:TEXT_CHARS_MAX]
    at_ms = said if type(said) is int else record.at_ms
    return Searched(record.session, record.seq, at_ms, tuple(words_of(text)))


def _texts(parts: Sequence[Json]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, Mapping):
            for name in ("name", "text"):
                text = part.get(name)
                if isinstance(text, str):
                    yield text
            yield from _strings(part.get("value"))


def _strings(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _strings(one)


def count_of(words: Sequence[str], phrase: Sequence[str]) -> int:
    """How often *phrase* stands in *words*."""
    size, wanted = len(phrase), tuple(phrase)
    return sum(
        word == wanted[0] and tuple(words[at : at + size]) == wanted
        for at, word in enumerate(words)
    )


def check_search(limit: int) -> None:
    """
    Return quietly if a search may give *limit* messages.

    Raises:
        MisuseError: GOV569.
    """
    if type(limit) is not int or not 1 <= limit <= HITS_MAX:
        raise MisuseError(f"`limit` is {limit!r}; expected 1 to {HITS_MAX}", code="GOV569")


@frozen
class Scanned:
    """
    What a scan found.

    Attributes:
        complete: False where it ended before all rows were read.

        damaged: Sessions that could not be read, each left out from where it breaks off.
    """

    hits: tuple[Hit, ...]
    complete: bool
    damaged: tuple[str, ...] = ()


@frozen
class Statistics:
    """
    What all messages of a store come to, for ranking.

    Attributes:
        words: How many words they have together.

        holding: How many of them hold each phrase.
    """

    messages: int
    words: int
    holding: Mapping[tuple[str, ...], int]


def fits(query: Query, words: Sequence[str]) -> bool:
    """Whether a message of *words* holds every phrase of *query*."""
    return all(count_of(words, phrase) for phrase in query.phrases)


def best_of(
    found: Sequence[Searched], statistics: Statistics | None, limit: int
) -> tuple[Hit, ...]:
    """The best *limit* of *found* by *statistics*, or, without them, the newest."""
    hits = [
        Hit(one.session, one.seq, one.at_ms, score_of(one.words, statistics) if statistics else 0.0)
        for one in found
    ]
    order = attrgetter("score", "at_ms", "session", "seq")
    return tuple(nlargest(limit, hits, key=order))


def scan(
    journal: Journal,
    query: Query,
    *,
    session: str | None = None,
    ranked: bool = False,
    limit: int = 20,
    rows_max: int | None = None,
) -> Scanned:
    """
    As `Search.search`, by reading rows, the newest of each session first; slow but exact.

    Args:
        rows_max: Rows after which it ends, by default `SCAN_ROWS_MAX`.
    """
    check_search(limit)
    found: list[Searched] = []
    left = SCAN_ROWS_MAX if rows_max is None else rows_max
    total, length = 0, 0
    holding = dict.fromkeys(query.phrases, 0)
    damaged: list[str] = []
    for record in _rows(journal, None if ranked else session, damaged):
        left -= 1
        if left < 0:
            break
        one = searched(record)
        if one is None:
            continue
        total, length = total + 1, length + len(one.words)
        held = [phrase for phrase in query.phrases if count_of(one.words, phrase)]
        for phrase in held:
            holding[phrase] += 1
        if len(held) == len(query.phrases):
            found.append(one)
    if ranked and session is not None:
        inside = {(one.session, one.seq) for one in _rows_of(journal, session)}
        found = [one for one in found if (one.session, one.seq) in inside]
    statistics = Statistics(total, length, holding) if ranked else None
    return Scanned(best_of(found, statistics, limit), left >= 0, tuple(damaged))


def score_of(words: Sequence[str], statistics: Statistics) -> float:
    """How well *words* fit what was counted: BM25 with k1 = 1.2, b = 0.75, as FTS5 has it."""
    mean = statistics.words / statistics.messages if statistics.words else 1.0
    longer = 1.2 * (1 - 0.75 + 0.75 * len(words) / mean)
    score = 0.0
    for phrase, count in statistics.holding.items():
        # A phrase that most messages hold weighs next to nothing.
        weight = max(log((statistics.messages - count + 0.5) / (count + 0.5)), 0.0) or 1e-6
        often = count_of(words, phrase)
        score += weight * often * 2.2 / (often + longer)
    return score


def _rows(journal: Journal, session: str | None, damaged: list[str]) -> Iterator[Record]:
    """
    The rows of *session* with those that it shares, or of all sessions, each row once.

    Args:
        damaged: Of all sessions, gets those that cannot be read.
    """
    if session is not None:
        yield from _rows_of(journal, session)
        return
    for name in _sessions(journal):
        # Nobody reads an erased one again; whoever names it is told so.
        try:
            for row in _rows_of(journal, name):
                if row.session != name:
                    break
                yield row
        except SessionErased:
            continue
        except StoreDamaged:
            damaged.append(name)


def _rows_of(journal: Journal, session: str) -> Iterator[Record]:
    before: int | None = None
    while rows := journal.read(session, before=before, limit=_PAGE_ROWS, reverse=True):
        yield from rows
        before = rows[-1].seq


def _sessions(journal: Journal) -> Iterator[str]:
    after = ""
    while page := journal.sessions(after=after):
        yield from (head.session for head in page)
        after = page[-1].session
