"""
The first bytes of a SQLite file, which say how the rest is to be read.

By the published file format (https://www.sqlite.org/fileformat2.html), section 1.3. They are much
the same in every store of ours, so that it is known what has to stand there.
"""

from __future__ import annotations

HEADER_BYTES = 100
PAGE_BYTES_DEFAULT = 4096

_PAGE_SIZE = slice(16, 18)
_ACCESS = (18, 19)
"""With a log (2) or without (1); anything else bars from writing, or from reading."""

_SAME = (
    (0, b"SQLite format 3\0"),
    (20, b"\0"),  # nothing is reserved in a page
    (21, b"\x40\x20\x20"),
    (44, b"\0\0\0\x04"),  # the format of the schema
    (56, b"\0\0\0\x01"),  # UTF-8
)
"""What stands in the header of every store, and where."""


def is_page_size(told: int) -> bool:
    """Whether the header may tell that number as the size of a page; 1 stands for 65,536."""
    return told == 1 or (told >= 512 and not told & (told - 1))


def mended_header(header: bytes) -> bytes:
    """*header*, the first bytes of a file, with what every store has there as it has to be."""
    if len(header) < HEADER_BYTES:
        return header
    made = bytearray(header)
    for place, same in _SAME:
        made[place : place + len(same)] = same
    if not is_page_size(int.from_bytes(header[_PAGE_SIZE], "big")):
        made[_PAGE_SIZE] = PAGE_BYTES_DEFAULT.to_bytes(2, "big")
    for place in _ACCESS:
        if made[place] not in (1, 2):
            made[place] = 2
    return bytes(made)
