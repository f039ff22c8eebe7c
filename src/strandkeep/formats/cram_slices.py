"""The slices of a CRAM file as its bytes pass: every length, landmark and CRC of the file checked, up to its end."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from isal import isal_zlib

from strandkeep.formats import cram_layout as layout
from strandkeep.formats.cram_layout import Container, Version, damaged, truncated
from strandkeep.formats.refusals import Refusal
from strandkeep.formats.stored import StoredBytes
from strandkeep.formats.varint import Fields

#: Most records of a slice, and most bytes that its blocks may hold: a slice is decoded as a whole.
MOST_RECORDS = 1 << 20
MOST_BYTES = 256 << 20

_SEVERAL_CONTIGS = -2
_LONGEST_SLICE_HEADER = 1 << 20
_MOST_BLOCKS = 100_000


class Slice(NamedTuple):
    """Where a slice lies: the container's begin, its place behind the container's header, and its size; in bytes.

    And what it holds: its contig (-1: none, -2: several), first place and how many, how many records, and whether it
    has its own piece of the reference.
    """

    container: int
    landmark: int
    size: int
    contig: int
    first: int
    span: int
    records: int
    embedded: bool

    @property
    def last(self) -> int | None:
        """The place behind which no record may reach, for there the slice has no reference; None: anywhere."""
        return self.first + self.span - 1 if self.embedded else None

    @property
    def several(self) -> bool:
        """Whether its records are on several contigs."""
        return self.contig == _SEVERAL_CONTIGS


class Slices:
    """Passes the containers behind the header's on, and tells of each slice before its bytes are passed on."""

    def __init__(
        self, stored: StoredBytes, version: Version, found: Callable[[Slice], None], put: Callable[[bytes], object]
    ) -> None:
        self._stored, self._version = stored, version
        self._found, self._put = found, put

    def run(self) -> None:
        """To the end of the file. Raises Refusal when it is not laid out as a CRAM file is, or is not whole."""
        while self._stored.peek(1):
            box = layout.container(self._stored, self._version)
            self._pass(box.end - box.start)
            self._blocks(box)
            if box.ends_file:
                return self._check_end()
        text = (
            "the container that ends a CRAM file is missing after byte {offset}: the file was cut short between two "
            "containers, or written by a program that did not finish; send the whole file"
        )
        raise Refusal("cram.end-container", text, offset=self._stored.length)

    def _check_end(self) -> None:
        start = self._stored.offset
        more = self._stored.peek(4)
        if more == b"CRAM":
            text = "another CRAM file follows at byte {offset}; join them with samtools cat, which writes one header"
            raise Refusal("cram.concatenated", text, offset=start)
        if more:
            text = "bytes follow the container that ends the file, from byte {offset} on; cut them off"
            raise Refusal("cram.trailing-garbage", text, offset=start)

    def _blocks(self, box: Container) -> None:
        """The blocks of a container: how to read the records, then each slice."""
        end = box.end + box.length
        if box.landmarks or box.length:
            self._block(layout.COMPRESSION_HEADER, end)
        for landmark, next_landmark in pairwise((*box.landmarks, box.length)):
            if self._stored.offset != box.end + landmark or next_landmark <= landmark:
                text = "the slice at byte {offset} is not where its container tells"
                raise damaged("cram.landmark", text, self._stored.offset)
            self._slice(box, landmark, next_landmark)
        if self._stored.offset != end:
            raise damaged(
                "cram.container", "the container at byte {offset} has not the length that it tells", box.start
            )

    def _slice(self, box: Container, landmark: int, next_landmark: int) -> None:
        start, end = self._stored.offset, box.end + next_landmark
        slice_, blocks = self._slice_header(box, landmark, next_landmark)
        self._found(slice_)
        raw = self._block(layout.SLICE_HEADER, end)
        for content in [layout.CORE, *[layout.EXTERNAL] * (blocks - 1)]:
            raw += self._block(content, end)
            if raw > MOST_BYTES:
                raise _too_large(start, f"holds more than {MOST_BYTES >> 20} MiB")
        if self._stored.offset != end:
            raise damaged("cram.slice", "the slice at byte {offset} has not the length that its container tells", start)

    def _slice_header(self, box: Container, landmark: int, next_landmark: int) -> tuple[Slice, int]:
        """A slice, and how many blocks follow its header, which stays."""
        start, head = self._stored.offset, layout.block(self._stored)
        if head.content != layout.SLICE_HEADER or max(head.stored, head.raw) > _LONGEST_SLICE_HEADER:
            raise damaged("cram.slice", "the slice at byte {offset} does not begin as one", start)
        content = self._stored.peek(head.size(self._version))[head.head : head.head + head.stored]
        try:
            fields = Fields(layout.uncompressed(head, content, start))
            contig, first, span, records = (fields.itf8() for _ in range(4))
            _, blocks = (fields.ltf8() if self._version.major >= 3 else fields.itf8()), fields.itf8()
            for _ in range(min(fields.itf8(), _MOST_BLOCKS)):
                fields.itf8()
            embedded = fields.itf8() >= 0
        except IndexError:
            raise truncated(self._stored, "the header of a slice") from None
        if records < 0 or not 1 <= blocks <= _MOST_BLOCKS or contig < _SEVERAL_CONTIGS:
            raise damaged("cram.slice", "the header of the slice at byte {offset} cannot be", start)
        if records > MOST_RECORDS:
            raise _too_large(start, f"has more than {MOST_RECORDS:,} records")
        size = next_landmark - landmark
        return Slice(box.start, landmark, size, contig, first, span, records, embedded), blocks

    def _block(self, content: int, end: int) -> int:
        """Pass one block of this content on; how many bytes it says to hold."""
        start, head = self._stored.offset, layout.block(self._stored)
        if head.content != content or start + head.size(self._version) > end:
            raise damaged("cram.block", "the block at byte {offset} is not one that belongs there", start)
        crc = self._pass(head.head + head.stored)
        if self._version.crc:
            told = self._stored.peek(self._version.crc)
            self._pass(self._version.crc)
            if int.from_bytes(told, "little") != crc:
                raise layout.bad_block_crc(start)
        return head.raw

    def _pass(self, count: int) -> int:
        """Pass bytes on; their CRC-32."""
        crc = 0
        for piece in self._taken(count):
            crc = isal_zlib.crc32(piece, crc)
            self._put(piece)
        return crc

    def _taken(self, count: int) -> Iterator[bytes]:
        while count > 0:
            piece = bytes(self._stored.take(count))
            if not piece:
                raise truncated(self._stored, "a container")
            count -= len(piece)
            yield piece


def _too_large(start: int, what: str) -> Refusal:
    text = f"the slice at byte {{offset}} {what}, more than is decoded at once; write the file with smaller slices"
    return Refusal("cram.slice-too-large", text, offset=start)
