"""What an examination is asked for and what it answers: limits in; progress, facts, problems and trouble out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: A problem's text becomes a statusMessage, whose longest form this is.
LONGEST_TEXT = 255


@dataclass(frozen=True)
class Limits:
    """What a worker may use: bytes of address space (beside a reference's sequences), CPU seconds (a base, and more per
    GB of text as it passes), seconds without progress while there is work to do, bytes of a line of text, and bytes of
    all that it makes of the file, such as an index.
    """

    address_space: int = 1 << 30
    cpu_s: int = 60
    cpu_s_per_gb: int = 20
    stall_s: float = 120.0
    longest_line: int = 64 << 20
    outputs: int = 256 << 20


@dataclass(frozen=True)
class Progress:
    """How far all sources together are: stored bytes taken in, bytes of text checked, reads counted."""

    stored: int
    text: int
    reads: int


@dataclass(frozen=True)
class Problem:
    """Why a file is at fault.

    `source` is SOURCE1 or SOURCE2, or SOURCE of a reference; `record` counts from 1, where a record is meant;
    `offset` is the byte of the decompressed text at which the record begins, or of the stored bytes for rules that
    begin with `gzip.`, `bgzf.` or `cram.`; `rule` is a stable name such as `fastq.quality-length`; `text` is a sentence
    of printable characters, at most LONGEST_TEXT.

    `file` counts the original files of a source from 1; None for a source of one file, and for a fault of all together.
    Where it is told, `record` and `offset` count from the beginning of that file.
    """

    source: str
    record: int | None
    offset: int | None
    rule: str
    text: str
    file: int | None = None


@dataclass(frozen=True)
class AlignmentFacts:
    """What is known of a BAM or CRAM file beside counts of reads: its records of all kinds, and whether they are
    sorted by coordinate.
    """

    records: int
    sorted: bool


@dataclass(frozen=True)
class OriginalFacts:
    """What is known of one of several files that make a source: the MD5 of its stored bytes, in hex, and its reads."""

    md5: str
    reads: int


@dataclass(frozen=True)
class SourceFacts:
    """What is known of a sound file: lengths in bytes, digests in hex, and counts.

    `text_digest` is by the algorithm that was asked for, over the decompressed text: of alignments, over their SAM
    text without the header. `reads` and `bases` are those of primary records. `first_name` is the first header line
    of FASTQ without '@', or the name of the first record, control characters replaced, at most 1,024 characters.
    `qc` is what `qc.py` makes, or None when nobody wanted it. `originals` are the files of a source that has
    several, in order.
    """

    stored_length: int
    stored_sha256: str
    stored_md5: str
    text_length: int
    text_digest: str
    reads: int
    bases: int
    first_name: str
    alignment: AlignmentFacts | None = None
    qc: Mapping[str, Any] | None = None
    originals: tuple[OriginalFacts, ...] = ()


@dataclass(frozen=True)
class ReferenceFiles:
    """A reference at hand: its `dictionary`, JSON of [name, length, md5]; and for CRAM its `fasta`, with a .fai."""

    dictionary: Path
    fasta: Path | None = None


@dataclass(frozen=True)
class Index:
    """The index of a file: its kind, which is its extension (bai, csi, crai), and its bytes."""

    kind: str
    content: bytes


@dataclass(frozen=True)
class Head:
    """A new beginning of a file: its bytes, and how many bytes of the file it stands in place of."""

    content: bytes
    replaces: int


@dataclass(frozen=True)
class Run:
    """Where reads come from, as an Illumina read name tells; older names tell instrument and lane alone."""

    instrument: str
    run: str | None
    flow_cell: str | None
    lane: int


@dataclass(frozen=True)
class Examination:
    """The outcome. With `problems` the files are at fault, the first one leads, and `sources` has what is known.

    Where there is a `head`, all that is told of the stored bytes, and the `index`, is of the file that begins so.
    """

    sources: Mapping[str, SourceFacts]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    run: Run | None
    index: Index | None = None
    head: Head | None = None


@dataclass(frozen=True, slots=True)
class Sequence:
    """A sequence of a reference: its length in bases, and digests of the bases alone, in upper case.

    `md5` is the M5 of the SAM specification, in hex; `sha512t24u` is GA4GH refget's, 32 characters of base64url.
    """

    name: str
    length: int
    md5: str
    sha512t24u: str


@dataclass(frozen=True)
class FastaExamination:
    """What is known of a FASTA file; with `problems` it is at fault and nothing else is known.

    Lengths in bytes, digests in hex; `md5` is that of the decompressed text. `fai` and, of a bgzip file, `gzi` are its
    indexes as `samtools faidx` writes them.
    """

    problems: tuple[Problem, ...] = ()
    stored_length: int = 0
    stored_sha256: str = ""
    stored_md5: str = ""
    text_length: int = 0
    md5: str = ""
    sequences: tuple[Sequence, ...] = ()
    fai: bytes = b""
    gzi: bytes | None = None


class WorkerTrouble(Exception):
    """The server's own trouble: a worker that was killed, ran out of memory or CPU, or made no progress.

    Never the file's fault; the same file may pass at the next attempt. The message holds no path of the server.
    """


def printable(text: str, longest: int) -> str:
    """Text of printable characters only, cut to `longest` characters."""
    cut = text[: longest - 1] + "…" if len(text) > longest else text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in cut)
