"""gzip, member by member: bounded in memory, and strict where `zcat` is not.

Deflate is igzip's; header and trailer (RFC 1952) are read here, because igzip misreads a header checksum that two
pieces of input share, and because CRC and length are told apart. A truncated file never passes: a member must end,
and a BGZF file must end with the empty block that only a whole one has.
"""

import struct
from collections.abc import Iterator

from isal import igzip_lib, isal_zlib

from strandkeep.formats.fastq_refusals import HEAD, not_gzip
from strandkeep.formats.refusals import Refusal
from strandkeep.formats.stored import CHUNK, OriginalBytes

#: Most bytes of text per step, however well they were compressed.
TEXT_CHUNK = 256 * 1024

_MAGIC = b"\x1f\x8b\x08"
_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
_HAS_CRC, _HAS_EXTRA, _HAS_NAME, _HAS_COMMENT = 2, 4, 8, 16
_FIRST_SPAN = 4096


def texts(stored: OriginalBytes) -> Iterator[bytes]:
    """The decompressed text in pieces of 0 to TEXT_CHUNK bytes. Raises Refusal for bytes that are not sound gzip."""
    head = stored.peek(len(_BGZF_END))
    if not _MAGIC.startswith(head[:3]) or not head:
        raise not_gzip(head[:HEAD])
    blocked, members = False, 0
    while head and head[0]:
        if not _MAGIC.startswith(head[:3]):
            raise _garbage(stored.offset)
        last = head
        block = _read_header(stored)
        blocked = blocked or (members == 0 and block is not None)
        yield from _member(stored, block)
        head, members = stored.peek(len(_BGZF_END)), members + 1
    _skip_padding(stored)
    if blocked and last != _BGZF_END:
        raise _unfinished_bgzf(stored.length)


def _read_header(stored: OriginalBytes) -> int | None:
    """Pass a member's header; the length of the rest of its block where BGZF tells it."""
    start = stored.offset
    flags = _exactly(stored, 10)[3]
    extra = b""
    if flags & _HAS_EXTRA:
        extra = _exactly(stored, int.from_bytes(_exactly(stored, 2), "little"))
    for flag in (_HAS_NAME, _HAS_COMMENT):
        if flags & flag:
            _skip_string(stored)
    if flags & _HAS_CRC:
        _exactly(stored, 2)
    if extra[:4] == b"BC\x02\x00" and len(extra) >= 6:
        return int.from_bytes(extra[4:6], "little") + 1 - (stored.offset - start)
    return None


def _member(stored: OriginalBytes, block: int | None) -> Iterator[bytes]:
    inflating = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_DEFLATE)
    # A member's end gives back what was handed in too much, so the pieces begin small, or right where BGZF tells.
    span = max(block - 8, 1) if block else _FIRST_SPAN
    crc = length = 0
    while not inflating.eof:
        piece: bytes | memoryview = b""
        if inflating.needs_input:
            piece, span = stored.take(span), min(span * 2, CHUNK)
            if not piece:
                raise _truncated(stored.length)
        text = _inflate(inflating, piece, stored.offset)
        crc, length = isal_zlib.crc32(text, crc), length + len(text)
        yield text
    stored.give_back(inflating.unused_data)
    _check_trailer(stored, crc, length)


def _inflate(inflating: igzip_lib.IgzipDecompressor, piece: bytes | memoryview, offset: int) -> bytes:
    try:
        text: bytes = inflating.decompress(piece, TEXT_CHUNK)
    except igzip_lib.IsalError:  # type: ignore[misc]
        raise Refusal(
            "gzip.corrupt", f"the gzip data are damaged before byte {offset}; send the file again", offset=offset
        ) from None
    return text


def _check_trailer(stored: OriginalBytes, crc: int, length: int) -> None:
    at = stored.offset
    told_crc, told_length = struct.unpack("<II", _exactly(stored, 8))
    for what, told, found in (("CRC", told_crc, crc), ("length", told_length, length & 0xFFFFFFFF)):
        if told != found:
            text = f"the gzip data are damaged: the {what} stored at byte {at} does not fit the text; send it again"
            raise Refusal("gzip.crc", text, offset=at)


def _exactly(stored: OriginalBytes, count: int) -> bytes:
    found = stored.peek(count)
    if len(found) < count:
        raise _truncated(stored.length)
    stored.take(count)
    return found


def _skip_string(stored: OriginalBytes) -> None:
    while piece := bytes(stored.take(CHUNK)):
        _, end, rest = piece.partition(b"\0")
        if end:
            stored.give_back(rest)
            return
    raise _truncated(stored.length)


def _skip_padding(stored: OriginalBytes) -> None:
    """Zeros may follow the last member, as tapes leave them, and nothing else."""
    while piece := bytes(stored.take(CHUNK)):
        if rest := piece.lstrip(b"\0"):
            raise _garbage(stored.offset - len(rest))


def _truncated(length: int) -> Refusal:
    return Refusal("gzip.truncated", f"the gzip data end too early, at byte {length}; send it again", offset=length)


def _garbage(offset: int) -> Refusal:
    text = f"bytes that are not gzip follow the gzip data, from byte {offset} on"
    return Refusal("gzip.trailing-garbage", text, offset=offset)


def _unfinished_bgzf(length: int) -> Refusal:
    text = f"the BGZF end marker is missing after byte {length}: the file was cut at the end of a block; send it again"
    return Refusal("gzip.bgzf-eof", text, offset=length)
