"""Changed BAM records behind valid CRCs: as a program with an error, or a bad will, would write them."""

import random
import struct
from collections.abc import Callable, Sequence

from .alignment_files import packed
from .bam_records import split

_EDGES = (0, 1, -1, 2, 31, 32, 127, -128, 255, 256, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, -0x80000000, 0x10000000)
_NUMBERS = ((0, 4), (4, 4), (8, 4), (12, 1), (13, 1), (14, 2), (16, 2), (18, 2), (20, 4), (24, 4), (28, 4), (32, 4))


def mutant(seed: int, payloads: Sequence[bytes]) -> bytes:
    """The BAM file of a seed: one of the payloads, changed in one to three places, packed anew."""
    chance = random.Random(seed)
    head, records = split(chance.choice(payloads))
    if chance.random() < 0.15:
        head = chance.choice(_OF_BYTES)(chance, head)
    else:
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            at = chance.randrange(len(records))
            records[at] = chance.choice((_number, _number, *_OF_BYTES, _shortened, _lengthened))(chance, records[at])
    if chance.random() < 0.05:
        chance.shuffle(records)
    return packed(head, records)


def _number(chance: random.Random, record: bytes) -> bytes:
    """A number of the fixed part is another."""
    at, length = chance.choice(_NUMBERS)
    value = chance.choice((*_EDGES, chance.getrandbits(31))) & (1 << 8 * length) - 1
    return record[:at] + value.to_bytes(length, "little") + record[at + length :]


def _byte(chance: random.Random, content: bytes) -> bytes:
    at = chance.randrange(len(content))
    return content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]


def _bit(chance: random.Random, content: bytes) -> bytes:
    at = chance.randrange(len(content))
    return content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :]


def _noise(chance: random.Random, content: bytes) -> bytes:
    at, length = chance.randrange(len(content)), chance.randrange(1, 40)
    return content[:at] + chance.randbytes(length) + content[at + length :]


def _moved(chance: random.Random, content: bytes) -> bytes:
    """A piece of it stands elsewhere too."""
    at, to, length = chance.randrange(len(content)), chance.randrange(len(content)), chance.randrange(1, 40)
    piece = content[at : at + length]
    return content[:to] + piece + content[to + len(piece) :]


def _shortened(chance: random.Random, record: bytes) -> bytes:
    """Bytes are missing at its end or inside; its length knows, or does not."""
    at, length = chance.randrange(4, len(record)), chance.randrange(1, 20)
    return _told(chance, record[:at] + record[at + length :])


def _lengthened(chance: random.Random, record: bytes) -> bytes:
    at = chance.choice((len(record), chance.randrange(4, len(record))))
    return _told(chance, record[:at] + chance.randbytes(chance.randrange(1, 20)) + record[at:])


def _told(chance: random.Random, record: bytes) -> bytes:
    return struct.pack("<i", len(record) - 4) + record[4:] if chance.random() < 0.7 else record


_OF_BYTES: tuple[Callable[[random.Random, bytes], bytes], ...] = (_byte, _bit, _noise, _moved)
