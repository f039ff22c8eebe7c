"""What an examination is asked for and what it answers: limits in; progress, facts, problems and trouble out."""

from collections.abc import Mapping
from dataclasses import dataclass

#: A problem's text becomes a statusMessage, whose longest form this is.
LONGEST_TEXT = 255


@dataclass(frozen=True)
class Limits:
    """What a worker may use: bytes of address space, CPU seconds (a base, and more per GB of text as it passes),
    seconds without progress while there is work to do, bytes of a line of text, and bytes of all that it makes of
    the file, such as an index.
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
    begin with `gzip.` or `bgzf.`; `rule` is a stable name such as `fastq.quality-length`; `text` is a sentence of
    printable characters, at most LONGEST_TEXT.
    """

    source: str
    record: int | None
    offset: int | None
    rule: str
    text: str


@dataclass(frozen=True)
class SourceFacts:
    """What is known of a sound file: lengths in bytes, digests in hex, and counts.

    `text_digest` is by the algorithm that was asked for, over the decompressed text. `first_name` is the first
    header line without '@', control characters replaced, at most 1,024 characters.
    """

    stored_length: int
    stored_sha256: str
    stored_md5: str
    text_length: int
    text_digest: str
    reads: int
    bases: int
    first_name: str


@dataclass(frozen=True)
class Run:
    """Where reads come from, as an Illumina read name tells; older names tell instrument and lane alone."""

    instrument: str
    run: str | None
    flow_cell: str | None
    lane: int


@dataclass(frozen=True)
class Examination:
    """The outcome. With `problems` the files are at fault, the first one leads, and `sources` has what is known."""

    sources: Mapping[str, SourceFacts]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    run: Run | None


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
