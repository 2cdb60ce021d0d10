"""
Rows out of the raw pages of a SQLite file, without its b-trees.

When a page that leads to others is destroyed, SQLite finds nothing below it, though it is all
still there. Here every page is looked at by itself, by the published file format
(https://www.sqlite.org/fileformat2.html): what it holds as records is given, whatever table it
once belonged to. Nothing is believed: the caller knows a row of ours by its types and its hash.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from governance._attrs import define, frozen
from governance.journal.sqlite_header import HEADER_BYTES, PAGE_BYTES_DEFAULT, is_page_size

Value = int | float | str | bytes | None
PAYLOAD_BYTES_MAX = 70 * 1024 * 1024
"""A record that says to be longer is none of ours."""

COLUMNS_MAX = 64
_INDEX_INTERIOR, _INDEX_LEAF, _TABLE_LEAF = 0x02, 0x0A, 0x0D
_WAL_HEADER_BYTES, _WAL_FRAME_BYTES = 32, 24
_WAL_MAGIC = (0x377F0682, 0x377F0683)

Read = Callable[[int, int], bytes]
"""Gives the bytes from an offset on, at most so many; fewer at the end of the file."""


@frozen
class Shape:
    """How long a page is, and how much of it is used."""

    page_bytes: int
    usable_bytes: int


def shape_of(header: bytes) -> Shape:
    """The shape that the first bytes of a file tell; the usual one where they are damaged."""
    size = int.from_bytes(header[16:18], "big") if len(header) > 20 else 0
    if not is_page_size(size):
        return Shape(PAGE_BYTES_DEFAULT, PAGE_BYTES_DEFAULT)
    size = 65_536 if size == 1 else size
    reserved = header[20] if header[20] <= size - 480 else 0
    return Shape(size, size - reserved)


@define(eq=False)
class Pages:
    """
    The pages of one file, or the page images of its write-ahead log.

    Attributes:
        shape: Of the file.

        pages: How many there are.

        wal: The bytes are a log: each page stands behind a header of its own.
    """

    read: Read
    shape: Shape
    pages: int
    wal: bool = False

    def image(self, number: int) -> bytes:
        """Page *number*, counted from 1; of a log, the image in that frame."""
        size = self.shape.page_bytes
        if self.wal:
            frame = _WAL_HEADER_BYTES + (number - 1) * (size + _WAL_FRAME_BYTES)
            return self.read(frame + _WAL_FRAME_BYTES, size)
        return self.read((number - 1) * size, size)


def log_frames(header: bytes, size_bytes: int, shape: Shape) -> int:
    """How many page images a log of *size_bytes* that begins with *header* holds; 0: none."""
    if len(header) < _WAL_HEADER_BYTES or int.from_bytes(header[:4], "big") not in _WAL_MAGIC:
        return 0
    return max(0, size_bytes - _WAL_HEADER_BYTES) // (shape.page_bytes + _WAL_FRAME_BYTES)


def free_pages(pages: Pages) -> frozenset[int]:
    """
    Pages that the file says hold nothing any more; what stands there was removed on purpose.

    Gives what can be read of that list; it is bounded by the number of pages.
    """
    free: set[int] = set()
    header = pages.read(0, HEADER_BYTES)
    trunk = int.from_bytes(header[32:36], "big") if len(header) == HEADER_BYTES else 0
    while 1 < trunk <= pages.pages and trunk not in free:
        free.add(trunk)
        image = pages.image(trunk)
        count = int.from_bytes(image[4:8], "big")
        if count > pages.shape.usable_bytes // 4 - 2:
            break
        leaves = struct.unpack_from(f">{count}I", image, 8) if len(image) >= 8 + 4 * count else ()
        free.update(leaf for leaf in leaves if 1 < leaf <= pages.pages)
        trunk = int.from_bytes(image[:4], "big")
    return frozenset(free)


def records_in(pages: Pages, number: int, overflow: Pages) -> Iterator[tuple[Value, ...]]:
    """
    What page *number* holds as records, those that can be read.

    Args:
        overflow: Where long records go on: the pages of the file itself.
    """
    image = pages.image(number)
    base = HEADER_BYTES if number == 1 and not pages.wal else 0
    if len(image) < pages.shape.page_bytes:
        return
    kind = image[base]
    if kind not in (_INDEX_INTERIOR, _INDEX_LEAF, _TABLE_LEAF):
        return
    cells = int.from_bytes(image[base + 3 : base + 5], "big")
    start = base + (12 if kind == _INDEX_INTERIOR else 8)
    if start + 2 * cells > len(image):
        return
    for (place,) in struct.iter_unpack(">H", image[start : start + 2 * cells]):
        try:
            payload = _payload(image, place, kind, overflow)
            if payload is not None:
                yield _values(payload)
        except (IndexError, ValueError, struct.error):
            continue  # this cell is damaged; its neighbours need not be


def _payload(image: bytes, place: int, kind: int, overflow: Pages) -> bytes | None:
    """The payload of the cell at *place*, with what lies in other pages."""
    usable = overflow.shape.usable_bytes
    at = place + 4 if kind == _INDEX_INTERIOR else place
    length, at = _varint(image, at)
    if kind == _TABLE_LEAF:
        _, at = _varint(image, at)
        most = usable - 35
    else:
        most = (usable - 12) * 64 // 255 - 23
    if not 0 < length <= PAYLOAD_BYTES_MAX:
        return None
    if length <= most:
        return image[at : at + length] if at + length <= usable else None
    least = (usable - 12) * 32 // 255 - 23
    local = least + (length - least) % (usable - 4)
    local = local if local <= most else least
    if at + local + 4 > usable:
        return None
    return _followed(image, at, local, length, overflow)


def _followed(image: bytes, at: int, local: int, length: int, overflow: Pages) -> bytes | None:
    parts = [image[at : at + local]]
    left = length - local
    number = int.from_bytes(image[at + local : at + local + 4], "big")
    room = overflow.shape.usable_bytes - 4
    # Each page brings some bytes, so that a circle of pages ends as well.
    while left > 0:
        if not 1 < number <= overflow.pages:
            return None
        more = overflow.image(number)
        parts.append(more[4 : 4 + min(left, room)])
        if len(parts[-1]) != min(left, room):
            return None
        left -= len(parts[-1])
        number = int.from_bytes(more[:4], "big")
    return b"".join(parts)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for _ in range(8):
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at
    return value << 8 | data[at], at + 1


def _values(payload: bytes) -> tuple[Value, ...]:
    """The columns of one record; raises `ValueError` where it is none."""
    header, at = _varint(payload, 0)
    if not at <= header <= len(payload):
        raise ValueError("a header longer than its record")
    kinds = []
    while at < header:
        kind, at = _varint(payload, at)
        kinds.append(kind)
        if len(kinds) > COLUMNS_MAX:
            raise ValueError("too many columns")
    values: list[Value] = []
    at = header
    for kind in kinds:
        size = _size(kind)
        part = payload[at : at + size]
        if len(part) != size:
            raise ValueError("a record that ends too early")
        values.append(_value(kind, part))
        at += size
    if at != len(payload):
        raise ValueError("a record that goes on")
    return tuple(values)


_FIXED = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)


def _size(kind: int) -> int:
    if kind >= 12:
        return (kind - 12) // 2
    if kind >= len(_FIXED):
        raise ValueError("a kind that is reserved")
    return _FIXED[kind]


def _value(kind: int, part: bytes) -> Value:
    if kind >= 12:
        return part.decode() if kind % 2 else part
    if kind == 0:
        return None
    if kind == 7:
        return float(struct.unpack(">d", part)[0])
    return kind - 8 if kind >= 8 else int.from_bytes(part, "big", signed=True)
