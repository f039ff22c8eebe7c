"""BGZF, block by block, strictly: each block whole, its CRC and length right, the end marker last and nothing behind.

A block holds at most 64 KiB of text, so memory is bounded whatever the file claims.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from isal import igzip_lib, isal_zlib

from strandkeep.formats.refusals import Refusal
from strandkeep.formats.stored import StoredBytes

#: The empty block that ends a whole file.
END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")

#: Most bytes of text that a block holds.
BLOCK_TEXT = 65536

#: Bytes of text that a block is filled with, so that its length is told in two bytes however badly it deflates.
_BLOCK_FILLED = 0xFF00

_PACKED_HEAD = END[:16]
_HEAD = struct.Struct("<3sB6xH")
_TRAILER = struct.Struct("<II")
_MAGIC = b"\x1f\x8b\x08"
_HAS_EXTRA = 4


class Block(NamedTuple):
    """A block's text, where the block begins in the file, and where the next one does."""

    start: int
    end: int
    text: bytes


def blocks(stored: StoredBytes) -> Iterator[Block]:
    """The blocks of a file in order, the end marker included. Raises Refusal for bytes that are no sound BGZF."""
    block = None
    while stored.peek(1):
        block = _next_block(stored, block)
        yield block
    if block is None or block.text or block.end - block.start != len(END):
        raise Refusal(
            "bgzf.end-marker",
            "the end marker of BGZF is missing after byte {offset}: the file was cut short at the end of a "
            "block, or written by a program that did not finish; send the whole file",
            offset=stored.length,
        )


def packed(text: bytes | bytearray) -> bytes:
    """Text as blocks of BGZF, filled as htslib fills them; none for no text, and no end marker."""
    return b"".join(_packed_block(text[at : at + _BLOCK_FILLED]) for at in range(0, len(text), _BLOCK_FILLED))


def _packed_block(text: bytes | bytearray) -> bytes:
    packing = zlib.compressobj(6, wbits=-15)
    deflated = packing.compress(text) + packing.flush()
    size = len(_PACKED_HEAD) + 2 + len(deflated) + _TRAILER.size
    return _PACKED_HEAD + (size - 1).to_bytes(2, "little") + deflated + _TRAILER.pack(zlib.crc32(text), len(text))


def _next_block(stored: StoredBytes, before: Block | None) -> Block:
    start = stored.offset
    header, size = _header(stored, before)
    block = stored.peek(size)
    if len(block) < size:
        raise _truncated(stored.length)
    stored.take(size)
    crc, length = _TRAILER.unpack_from(block, size - _TRAILER.size)
    if length > BLOCK_TEXT:
        raise _damaged(start, f"claims {length} bytes of text, more than a block can hold")
    # One byte more than there should be, so that more is noticed, and none of it made.
    text = _inflate(block[header : -_TRAILER.size], length + 1, start)
    if len(text) != length:
        amount = "more" if len(text) > length else "less"
        raise _damaged(start, f"holds {amount} than the {length} bytes of text that it claims")
    if isal_zlib.crc32(text) != crc:
        raise _damaged(start, "has a CRC that does not fit its text")
    return Block(start, start + size, text)


def _header(stored: StoredBytes, before: Block | None) -> tuple[int, int]:
    """(bytes of the header, bytes of the whole block) of the block at hand."""
    start = stored.offset
    head = stored.peek(_HEAD.size)
    if not _MAGIC.startswith(head[:3]):
        raise _not_bgzf(start, before)
    if len(head) < _HEAD.size:
        raise _truncated(stored.length)
    _, flags, extra_length = _HEAD.unpack(head)
    extra = stored.peek(_HEAD.size + extra_length)[_HEAD.size :] if flags & _HAS_EXTRA else b""
    if flags & _HAS_EXTRA and len(extra) < extra_length:
        raise _truncated(stored.length)
    size = _block_size(extra)
    header = _HEAD.size + extra_length
    if flags != _HAS_EXTRA or size is None:
        raise _not_bgzf(start, before)
    if size < header + _TRAILER.size:
        raise _damaged(start, "has a length that cannot be")
    return header, size


def _block_size(extra: bytes) -> int | None:
    """The length of the whole block, as its extra field BC tells."""
    at = 0
    while at + 4 <= len(extra):
        name, length = extra[at : at + 2], int.from_bytes(extra[at + 2 : at + 4], "little")
        if name == b"BC" and length == 2 and at + 6 <= len(extra):
            return int.from_bytes(extra[at + 4 : at + 6], "little") + 1
        at += 4 + length
    return None


def _inflate(deflated: bytes, most: int, start: int) -> bytes:
    """The text of the block at `start`, or the first `most` bytes of a longer one."""
    inflating = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)
    try:
        text: bytes = inflating.decompress(deflated, most)
    except igzip_lib.IsalError:  # type: ignore[misc]
        raise _damaged(start, "cannot be decompressed") from None
    if not inflating.eof and len(text) < most:
        raise _damaged(start, "cannot be decompressed")
    return text


def _not_bgzf(start: int, before: Block | None) -> Refusal:
    if before is None:
        text = "the file is not BGZF, the blocked form of gzip that samtools and bgzip write"
        return Refusal("bgzf.not-bgzf", text, offset=start)
    if before.text:
        return _damaged(start, "does not begin as one")
    text = "bytes that are not BGZF follow the end marker, from byte {offset} on; cut them off and send it again"
    return Refusal("bgzf.trailing-garbage", text, offset=start)


def _truncated(length: int) -> Refusal:
    text = "the file ends inside a BGZF block, at byte {offset}: it was cut short; send the whole file"
    return Refusal("bgzf.truncated", text, offset=length)


def _damaged(start: int, what: str) -> Refusal:
    text = f"the file is damaged: the BGZF block at byte {{offset}} {what}; send it again"
    return Refusal("bgzf.damaged", text, offset=start)
