"""The header of a BAM file: its text and its list of contigs, which must say the same."""

from collections.abc import Iterator, Sequence

from strandkeep.formats import contigs as header_contigs
from strandkeep.formats.bam_refusals import HEAD, not_bam
from strandkeep.formats.bgzf import Block
from strandkeep.formats.contigs import Contig
from strandkeep.formats.refusals import Refusal

MAGIC = b"BAM\1"

#: Most bytes of a header, its list of contigs included: a million contigs take some 60 MB.
LONGEST = 64 << 20

_NUMBER = 4


class BamHeader:
    """What a BAM file begins with, read from its blocks.

    Attributes: its `content` in bytes; `text` of the header; `contigs`, in order; `block`, the one that holds the
    header's last byte; `at`, where in its text the first record begins, which is its end when the next block has it.
    """

    def __init__(self, blocks: Iterator[Block]) -> None:
        """Read as many of `blocks` as the header takes. Raises Refusal when it is not a BAM's."""
        self._blocks = blocks
        self._read = bytearray()
        self._taken = 0
        self.block = Block(0, 0, b"")
        if self._take(len(MAGIC)) != MAGIC:
            raise not_bam(bytes(self._read[:HEAD]))
        self.text = self._take(self._number()).rstrip(b"\0").decode("utf-8", "replace")
        count = self._number()
        header_contigs.check_count(count)
        listed = [self._contig() for _ in range(count)]
        self.contigs = _agreed(header_contigs.in_header(self.text), listed)
        self.at = len(self.block.text) - (len(self._read) - self._taken)
        self.content = bytes(memoryview(self._read)[: self._taken])
        self._read.clear()

    def _contig(self) -> Contig:
        name = self._take(self._number())
        if len(name) < 2 or name.find(b"\0") != len(name) - 1:
            raise Refusal("alignment.header", "the list of contigs in the header holds a name that is none")
        return Contig(name[:-1].decode("utf-8", "replace"), self._number(), None)

    def _number(self) -> int:
        return int.from_bytes(self._take(_NUMBER), "little")

    def _take(self, count: int) -> bytes:
        if self._taken + count > LONGEST:
            raise Refusal("alignment.header", f"the header is longer than {LONGEST} bytes, or its lengths are wrong")
        while len(self._read) - self._taken < count:
            block = next(self._blocks, None)
            if block is None:
                raise Refusal("bam.truncated", "the file ends inside its header; send the whole file")
            self.block = block
            self._read += block.text
        piece = bytes(memoryview(self._read)[self._taken : self._taken + count])
        self._taken += count
        return piece


def _agreed(told: Sequence[Contig], listed: list[Contig]) -> list[Contig]:
    """The contigs as text and list tell them: the text, where it has any, knows their M5 too."""
    header_contigs.check(listed)
    if not told:
        return listed
    if [contig[:2] for contig in told] != [contig[:2] for contig in listed]:
        raise Refusal("alignment.header", "the @SQ lines of the header are not the contigs that the file lists")
    return list(told)
