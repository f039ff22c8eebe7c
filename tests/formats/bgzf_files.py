"""BGZF in plain Python, with the boundaries of its blocks wherever a test wants them."""

import struct
import zlib
from collections.abc import Iterable, Iterator
from itertools import pairwise

END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")

_HEAD = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x06\0BC\x02\0"


def block(text: bytes, level: int = 6) -> bytes:
    """One block, whatever it is: more text than a reader may take is for tests of readers."""
    squeeze = zlib.compressobj(level, zlib.DEFLATED, -15)
    body = squeeze.compress(text) + squeeze.flush()
    return around(body, zlib.crc32(text), len(text))


def around(body: bytes, crc: int, length: int) -> bytes:
    """The block of a deflated body, with a CRC and a length of text that need not be true."""
    return _HEAD + struct.pack("<H", len(body) + 25) + body + struct.pack("<II", crc, length)


def bgzf(text: bytes, *, end: bool = True, size: int = 60_000) -> bytes:
    """Blocks of `size` bytes of text, with the end marker or, as if cut at the end of a block, without."""
    return blocked((text[at : at + size] for at in range(0, len(text), size)), end=end)


def blocked(pieces: Iterable[bytes], *, end: bool = True) -> bytes:
    """A block for each piece of text."""
    return b"".join(map(block, pieces)) + (END if end else b"")


def cut_at(text: bytes, places: Iterable[int]) -> bytes:
    """A file whose blocks end at these places of the text, and where they must; two of one place: an empty block."""
    pieces, at = [], 0
    for place in (*sorted(places), len(text)):
        pieces += [text[at:place][i : i + 65280] for i in range(0, max(place - at, 1), 65280)]
        at = place
    return blocked(pieces)


def boundaries(stored: bytes) -> list[int]:
    """Where each block of a file begins, and where the file ends."""
    at, found = 0, [0]
    while at < len(stored):
        at += int.from_bytes(stored[at + 16 : at + 18], "little") + 1
        found.append(at)
    return found


def texts(stored: bytes) -> Iterator[bytes]:
    """The text of each block."""
    starts = boundaries(stored)
    for start, end in pairwise(starts):
        yield zlib.decompress(stored[start + 18 : end - 8], -15)


def inflated(stored: bytes) -> bytes:
    """The whole text."""
    return b"".join(texts(stored))
