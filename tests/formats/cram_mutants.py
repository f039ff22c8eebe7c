"""CRAM files with something changed in them, as an accident or somebody who knows the format changes it."""

import random
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from strandkeep.formats import cram_layout
from strandkeep.formats.cram_layout import Container
from strandkeep.formats.stored import StoredBytes


class Piece(NamedTuple):
    """What one CRC-32 is over, in a file: the header of a container, or a block."""

    start: int
    end: int
    crc: int
    is_header: bool


def pieces(stored: bytes) -> list[Piece]:
    """All of a sound file, in order."""
    taken = StoredBytes(iter([stored]))
    version = cram_layout.definition(taken)
    taken.take(cram_layout.DEFINITION)
    found = []
    while taken.peek(1):
        box = cram_layout.container(taken, version)
        found.append(Piece(box.start, box.end - version.crc, version.crc, True))
        taken.take(box.end - box.start)
        found += _blocks(taken, box, version)
    return found


def _blocks(taken: StoredBytes, box: Container, version: cram_layout.Version) -> Iterator[Piece]:
    for _ in range(box.blocks):
        start, size = taken.offset, cram_layout.block(taken).size(version)
        yield Piece(start, start + size - version.crc, version.crc, False)
        taken.take(size)
    # A header's container may be padded.
    taken.take(box.end + box.length - taken.offset)


def boundaries(stored: bytes) -> list[int]:
    """Where containers and blocks begin, and where the file ends."""
    return [*(piece.start for piece in pieces(stored)), len(stored)]


def mutant(stored: bytes, seed: int) -> bytes:
    """A few bytes changed within one or two of its pieces, whose CRCs are made to fit again."""
    chance = random.Random(seed)
    changed = bytearray(stored)
    for piece in chance.sample(pieces(stored), chance.choice((1, 1, 2))):
        for _ in range(chance.choice((1, 1, 2, 5))):
            _change(changed, chance.randrange(piece.start, piece.end), chance)
        if piece.crc:
            changed[piece.end : piece.end + 4] = zlib.crc32(changed[piece.start : piece.end]).to_bytes(4, "little")
    return bytes(changed)


def _change(changed: bytearray, place: int, chance: random.Random) -> None:
    changed[place] = chance.choice(
        (
            changed[place] ^ 1 << chance.randrange(8),
            chance.randrange(256),
            0,
            0x7F,
            0x80,
            0xFF,
            changed[place] + 1 & 0xFF,
        )
    )
