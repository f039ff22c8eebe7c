"""What can happen to stored bytes, and every range over them that is worth reading."""

import random
from collections.abc import Callable, Iterator
from itertools import combinations

from strandkeep.domain.blobs import BLOCK

Change = Callable[[bytes], bytes | None]


def flipped(content: bytes, bit: int) -> bytes:
    """The bytes with one bit turned over."""
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def bits(length: int, rng: random.Random, more: int = 4) -> list[int]:
    """A bit of the first, the middle and the last byte of every block, and some at random."""
    chosen = []
    for first in range(0, length, BLOCK):
        last = min(first + BLOCK, length) - 1
        chosen += [8 * at + rng.randrange(8) for at in {first, (first + last) // 2, last}]
    return chosen + [rng.randrange(8 * length) for _ in range(more)]


def ranges(length: int) -> list[tuple[int, int]]:
    """(offset, end) of every range between two edges: the ends, and each side of every border between blocks."""
    borders = [at + side for at in range(BLOCK, length, BLOCK) for side in (-1, 0, 1)]
    edges = {0, 1, length // 2, length - 1, length, *borders}
    return list(combinations(sorted(edge for edge in edges if edge <= length), 2))


def touched(offset: int, end: int, blocks: set[int]) -> bool:
    """Whether a range needs one of these blocks."""
    return bool(blocks & set(range(offset // BLOCK, -(-end // BLOCK))))


def other_changes(content: bytes, rng: random.Random) -> Iterator[tuple[str, bytes | None, set[int]]]:
    """(what, the bytes then, the blocks that are not what they were) of what is not a flipped bit; None: no file."""
    length, every = len(content), set(range(-(-len(content) // BLOCK)))
    for kept in sorted({0, 1, length // 2, length - 1, rng.randrange(length)}):
        yield f"cut to {kept}", content[:kept], {block for block in every if min((block + 1) * BLOCK, length) > kept}
    yield "longer", content + b"more", set()
    yield "gone", None, every
    if length >= 2 * BLOCK:
        yield "blocks swapped", content[BLOCK : 2 * BLOCK] + content[:BLOCK] + content[2 * BLOCK :], {0, 1}
