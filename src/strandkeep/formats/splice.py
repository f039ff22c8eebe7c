"""Another head in front of a file's own bytes: the line that a store adds to the header of a BAM or CRAM file.

Done as the file passes, in front of all else, so that digests, checks and the index are those of the spliced file.
Only the head is read for it: a short file costs as much as a long one.
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from strandkeep.formats import bgzf, cram_layout
from strandkeep.formats.bam_header import MAGIC, BamHeader
from strandkeep.formats.refusals import Refusal
from strandkeep.formats.stored import StoredBytes

_INT32 = struct.Struct("<I")


class Splice(NamedTuple):
    """What a file begins with instead, and how many of its own bytes that replaces."""

    head: bytes
    replaces: int

    def before(self, offset: int) -> int:
        """Where in the file as it came the byte at `offset` of the spliced one lies; 0 for what lies in the head."""
        return offset - len(self.head) + self.replaces if offset >= len(self.head) else 0


def spliced(chunks: Iterator[bytes], format_: str, line: str) -> tuple[Splice | None, Iterator[bytes]]:
    """The splice that adds `line` to the header, and the chunks of the spliced file.

    None, and the chunks as they were, for a file whose head is not sound: reading it tells why.
    """
    passed: list[bytes] = []
    try:
        splice = _HEADS[format_](StoredBytes(_kept(chunks, passed)), line.encode())
    except Refusal:
        return None, chain(passed, chunks)
    tail = b"".join(passed)[splice.replaces :]
    return splice, chain((splice.head, tail) if tail else (splice.head,), chunks)


def _kept(chunks: Iterable[bytes], passed: list[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        passed.append(chunk)
        yield chunk


def bam_head(stored: StoredBytes, line: bytes) -> Splice:
    """The head of a BAM file with `line` in its header. Alignments in the header's last block get blocks of their own.

    Raises Refusal when the file does not begin with a sound header.
    """
    header = BamHeader(bgzf.blocks(stored))
    text = len(MAGIC) + _INT32.size
    contigs = text + _INT32.unpack_from(header.content, len(MAGIC))[0]
    lines = with_line(header.content[text:contigs], line)
    head = MAGIC + _INT32.pack(len(lines)) + lines + header.content[contigs:]
    return Splice(bgzf.packed(head) + bgzf.packed(header.block.text[header.at :]), header.block.end)


def cram_head(stored: StoredBytes, line: bytes) -> Splice:
    """The head of a CRAM file with `line` in its header. Raises Refusal when it does not begin with a sound one."""
    version = cram_layout.definition(stored)
    definition = bytes(stored.take(cram_layout.DEFINITION))
    text = with_line(cram_layout.header_text(stored, version), line)
    return Splice(definition + cram_layout.header_container(text, version), stored.offset)


def with_line(header: bytes, line: bytes) -> bytes:
    """The text of a header with one more line at its end. Zeros that pad it go."""
    lines = header.rstrip(b"\0")
    return lines + (b"\n" if lines and not lines.endswith(b"\n") else b"") + line + b"\n"


_HEADS: dict[str, Callable[[StoredBytes, bytes], Splice]] = {"bam": bam_head, "cram": cram_head}
