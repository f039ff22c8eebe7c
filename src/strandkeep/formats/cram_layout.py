"""How a CRAM file is laid out: its definition, containers, the header's text. What the records say is htslib's to read.

Versions 2.1, 3.0 and 3.1 alike; from 3 on, headers of containers and blocks carry a CRC-32.
"""

import struct
import zlib
from typing import NamedTuple

from isal import isal_zlib

from strandkeep.formats.refusals import Refusal
from strandkeep.formats.stored import StoredBytes
from strandkeep.formats.varint import Fields, itf8

#: Bytes of the file's definition.
DEFINITION = 26

#: Bytes of text that a header may have.
LONGEST_HEADER = 64 << 20

#: Methods of compression, and contents of blocks, by their numbers.
RAW, GZIP = 0, 1
FILE_HEADER, COMPRESSION_HEADER, SLICE_HEADER, EXTERNAL, CORE = 0, 1, 2, 4, 5

_VERSIONS = ((2, 1), (3, 0), (3, 1))
_FIXED = 64
_MOST_LANDMARKS = 10_000
_LONGEST_BLOCK_HEAD = 2 + 3 * 5
_CRC = struct.Struct("<I")
_LENGTH = struct.Struct("<i")
_END_FIRST = 0x454F46


class Version(NamedTuple):
    """Of the format."""

    major: int
    minor: int

    @property
    def crc(self) -> int:
        """Bytes of a CRC-32 behind each header of a container and each block."""
        return _CRC.size if self.major >= 3 else 0


class Container(NamedTuple):
    """A container's header: where it begins and ends, bytes of the blocks behind it, and what it tells of them.

    `landmarks` tell at which of those bytes each slice begins.
    """

    start: int
    end: int
    length: int
    reference: int
    first: int
    records: int
    blocks: int
    landmarks: tuple[int, ...]

    @property
    def ends_file(self) -> bool:
        """Whether it is the empty container that ends a whole file."""
        return self.records == 0 and self.reference == -1 and self.first == _END_FIRST


class Block(NamedTuple):
    """A block's own header: bytes of it, how and what it holds, and for how many bytes before and after."""

    head: int
    method: int
    content: int
    stored: int
    raw: int

    def size(self, version: Version) -> int:
        """Bytes of the whole block."""
        return self.head + self.stored + version.crc


def definition(stored: StoredBytes) -> Version:
    """The version of the file at hand; its definition stays."""
    head = stored.peek(DEFINITION)
    if head[:4] != b"CRAM"[: len(head)] or not head:
        raise not_cram(head)
    if len(head) < DEFINITION:
        raise truncated(stored, "the definition of the file")
    if (head[4], head[5]) not in _VERSIONS:
        text = f"it is CRAM {head[4]}.{head[5]}, and 2.1, 3.0 and 3.1 are read here; write it anew with samtools view"
        raise Refusal("cram.version", text, offset=4)
    return Version(head[4], head[5])


def container(stored: StoredBytes, version: Version) -> Container:
    """The header of the container that begins here; it stays. Raises Refusal for one that cannot be."""
    start = stored.offset
    head = stored.peek(_FIXED)
    try:
        fields = Fields(head)
        length, reference, first, _, records = fields.int32(), *(fields.itf8() for _ in range(4))
        _, _ = (fields.ltf8() if version.major >= 3 else fields.itf8()), fields.ltf8()
        blocks, count = fields.itf8(), fields.itf8()
        if length < 0 or records < 0 or blocks < 0 or not 0 <= count <= _MOST_LANDMARKS:
            raise damaged("cram.container", "the header of the container at byte {offset} cannot be", start)
        fields.content = stored.peek(fields.at + 5 * count + version.crc)
        landmarks = tuple(fields.itf8() for _ in range(count))
        _check_crc(fields, version, start)
    except IndexError:
        raise truncated(stored, "the header of a container") from None
    return Container(start, start + fields.at, length, reference, first, records, blocks, landmarks)


def _check_crc(fields: Fields, version: Version, start: int) -> None:
    if not version.crc:
        return
    told = isal_zlib.crc32(fields.content[: fields.at])
    if fields.int32() & 0xFFFFFFFF != told:
        raise damaged("cram.container-crc", "the header of the container at byte {offset} does not fit its CRC", start)


def block(stored: StoredBytes) -> Block:
    """The header of the block that begins here; it stays. Raises Refusal for one that cannot be."""
    try:
        fields = Fields(stored.peek(_LONGEST_BLOCK_HEAD))
        method, content, _ = fields.byte(), fields.byte(), fields.itf8()
        length, raw = fields.itf8(), fields.itf8()
    except IndexError:
        raise truncated(stored, "the header of a block") from None
    if length < 0 or raw < 0 or (method == RAW and length != raw):
        raise damaged("cram.block", "the header of the block at byte {offset} cannot be", stored.offset)
    return Block(fields.at, method, content, length, raw)


def header_text(stored: StoredBytes, version: Version) -> bytes:
    """The text of the header, whose container is taken whole: it may have more blocks, and room for a longer header."""
    box = container(stored, version)
    stored.take(box.end - box.start)
    start, head = stored.offset, block(stored)
    if head.content != FILE_HEADER or not box.blocks or max(box.length, head.raw) > LONGEST_HEADER:
        raise damaged("cram.header", "the first container, at byte {offset}, is not one of a header", box.start)
    end = box.end + box.length
    content, *_ = [_header_block(stored, version, end) for _ in range(box.blocks)]
    length = _LENGTH.unpack_from(content)[0] if len(content) >= _LENGTH.size else -1
    if not 0 <= length <= len(content) - _LENGTH.size:
        raise damaged("cram.header", "the length of the header's text, at byte {offset}, cannot be", start)
    while stored.offset < end:
        if not stored.take(end - stored.offset):
            raise truncated(stored, "the header")
    return content[_LENGTH.size : _LENGTH.size + length]


def _header_block(stored: StoredBytes, version: Version, end: int) -> bytes:
    """What the block that begins here, and ends before `end`, holds; it is taken."""
    start, head = stored.offset, block(stored)
    if start + head.size(version) > end:
        raise damaged("cram.header", "the block of the header at byte {offset} is longer than the header", start)
    whole = stored.peek(head.size(version))
    if len(whole) < head.size(version):
        raise truncated(stored, "the header")
    if version.crc and isal_zlib.crc32(whole[: -_CRC.size]) != _CRC.unpack(whole[-_CRC.size :])[0]:
        raise bad_block_crc(start)
    stored.take(len(whole))
    return uncompressed(head, whole[head.head : head.head + head.stored], start)


def bad_block_crc(start: int) -> Refusal:
    """The refusal of a block whose CRC is of other bytes."""
    return damaged("cram.block-crc", "the block at byte {offset} does not fit its CRC", start)


def uncompressed(head: Block, content: bytes, start: int) -> bytes:
    """What a header's block that begins at `start` holds. Raises Refusal when that is not what it claims."""
    if head.method == RAW:
        return content
    if head.method != GZIP:
        text = "the header at byte {offset} is compressed by a method that is not for headers; write the file anew"
        raise Refusal("cram.block", text, offset=start)
    inflating = zlib.decompressobj(wbits=31)
    try:
        # One byte more than there should be, so that the end is reached, and its checksum compared.
        text_bytes = inflating.decompress(content, head.raw + 1)
    except zlib.error:
        text_bytes = b""
    if len(text_bytes) != head.raw or not inflating.eof:
        raise damaged("cram.block", "the block at byte {offset} cannot be decompressed", start)
    return text_bytes


def header_container(text: bytes, version: Version) -> bytes:
    """The container of a header with `text`, as every reader of that version takes it."""
    content = _LENGTH.pack(len(text)) + text
    packed = _gzipped(content) if version.major >= 3 else content
    method = GZIP if version.major >= 3 else RAW
    lengths = itf8(len(packed)) + itf8(len(content))
    blocks = _with_crc(bytes([method, FILE_HEADER]) + itf8(0) + lengths + packed, version)
    # Reference, first, span, records, counter and bases are zeros; then one block, and one landmark at its begin.
    told = bytes(6) + itf8(1) + itf8(1) + itf8(0)
    return _with_crc(_LENGTH.pack(len(blocks)) + told, version) + blocks


def _with_crc(content: bytes, version: Version) -> bytes:
    return content + (_CRC.pack(zlib.crc32(content)) if version.crc else b"")


def _gzipped(content: bytes) -> bytes:
    packing = zlib.compressobj(6, wbits=31)
    return packing.compress(content) + packing.flush()


def not_cram(head: bytes) -> Refusal:
    """The refusal of a file that begins with `head`."""
    if not head:
        return Refusal("cram.empty", "the file is empty: it has no bytes at all", offset=0)
    if head.startswith(b"\x1f\x8b"):
        text = "the file is no CRAM but compressed with gzip, as BAM and FASTQ are; name its own sourceFileType"
    elif head.startswith((b"@HD\t", b"@SQ\t")):
        text = "the file is plain SAM text; make CRAM of it with samtools view -C"
    else:
        text = "the file is not CRAM: it does not begin with 'CRAM'"
    return Refusal("cram.not-cram", text, offset=0)


def truncated(stored: StoredBytes, where: str) -> Refusal:
    """The refusal of a file that ends inside `where`."""
    text = f"the file ends inside {where}, at byte {{offset}}: it was cut short; send the whole file"
    return Refusal("cram.truncated", text, offset=stored.length)


def damaged(rule: str, what: str, offset: int) -> Refusal:
    """The refusal of a file that is damaged at `offset`."""
    return Refusal(rule, f"the file is damaged: {what}; send it again", offset=offset)
