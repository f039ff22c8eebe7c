"""Why a FASTQ file is refused: each rule's name and the sentence that a person reads."""

from strandkeep.formats import _fastq as kernel
from strandkeep.formats.refusals import Refusal, shown

_NAME_QUOTED = 40
_LINES = 4

#: Rules of files that end too early: how far they were sound is worth knowing.
ENDS_TOO_EARLY = frozenset({"gzip.truncated", "gzip.bgzf-eof"})

#: What a stored file may be instead of gzip: its first bytes, what it is, what to do.
_NOT_GZIP = (
    (b"@HD\t", "is plain SAM text, not gzipped FASTQ"),
    (b"@SQ\t", "is plain SAM text, not gzipped FASTQ"),
    (b"@", "is plain FASTQ text; compress it with gzip and send the .gz file"),
    (b">", "is FASTA text, not gzipped FASTQ"),
    (b"\x7c\x49", "is a DRAGEN .ora file; restore it to .fastq.gz with orad and send that"),
    (b"CRAM", "is a CRAM file; name sourceFileType CRAM"),
    (b"BAM\1", "is an uncompressed BAM file; compress it and name sourceFileType BAM or UBAM"),
    (b"PK\3\4", "is a zip archive; unpack it and compress the FASTQ with gzip"),
    (b"BZh", "is compressed with bzip2; compress it with gzip instead"),
    (b"\xfd7zXZ\0", "is compressed with xz; compress it with gzip instead"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd; compress it with gzip instead"),
    (b"\x1f\x9d", "is compressed with compress (.Z); compress it with gzip instead"),
    (b"\x89HDF", "is an HDF5 file (FAST5?), not gzipped FASTQ"),
    (b"NCBI.sra", "is an SRA archive; extract it with fasterq-dump and compress the FASTQ with gzip"),
)

#: What decompressed text may be instead of FASTQ.
_NOT_FASTQ = (
    (b"BAM\1", "fastq.is-bam", "this is a BAM file; name sourceFileType BAM or UBAM"),
    (b"CRAM", "fastq.is-cram", "this is a gzipped CRAM file; send the CRAM itself, and name sourceFileType CRAM"),
    (b">", "fastq.is-fasta", "this is a FASTA file, which has no qualities; a FASTQ record begins with '@'"),
    *((head, "fastq.is-sam", "this is SAM text; make BAM or FASTQ of it")
      for head in (b"@HD\t", b"@SQ\t", b"@RG\t", b"@PG\t", b"@CO\t")),
    (b"\x1f\x8b", "fastq.is-gzip", "this was compressed twice; decompress it once and send that"),
)  # fmt: skip

#: Bytes that `not_gzip` and `refuse_other_text` want to see.
HEAD = 8


def not_gzip(head: bytes) -> Refusal:
    """The refusal of stored bytes that begin with `head` and not as gzip does."""
    if not head:
        return Refusal("fastq.empty", "the file is empty: it has no bytes at all", offset=0)
    for magic, what in _NOT_GZIP:
        if head.startswith(magic):
            return Refusal("gzip.not-gzip", f"the file {what}", offset=0)
    return Refusal("gzip.not-gzip", "the file is not gzip; FASTQ is taken compressed with gzip (.fastq.gz)", offset=0)


def refuse_other_text(head: bytes) -> None:
    """Raises Refusal when the text that begins with `head` is known not to be FASTQ."""
    for magic, rule, what in _NOT_FASTQ:
        if head.startswith(magic):
            raise Refusal(rule, what, offset=0)


def scan_refusal(scanner: kernel.Scanner, longest_line: int) -> Refusal:
    """The refusal of a text at whose `fault` the scanner stopped."""
    rule, sentence = _SCAN[scanner.fault]
    if scanner.fault in _OF_NO_RECORD:
        return Refusal(rule, sentence)
    about = {
        "name": scanner.header.split(b" ")[0][:_NAME_QUOTED].decode("utf-8", "replace"),
        "byte": shown(scanner.byte),
        "position": scanner.position,
        "bases": scanner.sequence_length,
        "length": scanner.line_length,
        "lines": scanner.lines,
        "longest": longest_line,
    }
    if scanner.fault == kernel.BAD_SEQUENCE and scanner.byte == ord("+") and scanner.position == 1:
        sentence = "the sequence line is missing: '+' follows the header of '{name}'"
    if scanner.fault == kernel.TRUNCATED and scanner.lines == _LINES:
        sentence = "the file ends inside the qualities of '{name}': {length} are there for {bases} bases"
    return Refusal(rule, sentence.format_map(about), scanner.record, scanner.record_offset)


_SCAN = {
    kernel.BAD_HEADER: (
        "fastq.header",
        "the header begins with {byte} instead of '@'; a line is missing or too many, or this is no FASTQ",
    ),
    kernel.BAD_SEQUENCE: (
        "fastq.sequence-byte",
        "{byte} at position {position} of the sequence of '{name}' is no base",
    ),
    kernel.BAD_PLUS: (
        "fastq.plus-line",
        "the third line of '{name}' does not begin with '+': a line is missing, or the sequence runs over several "
        "lines (each record must have four lines)",
    ),
    kernel.BAD_QUALITY: (
        "fastq.quality-byte",
        "{byte} at position {position} of the qualities of '{name}' is not between '!' and '~' (Phred+33)",
    ),
    kernel.UNEQUAL: ("fastq.quality-length", "'{name}' has {bases} bases but {length} qualities"),
    kernel.BLANK: ("fastq.blank-line", "a blank line stands before it; blank lines may only end the file"),
    kernel.TOO_LONG: ("fastq.line-too-long", "a line is longer than {longest} bytes"),
    kernel.TRUNCATED: (
        "fastq.truncated-record",
        "the file ends inside this record, which has {lines} of its four lines; it was probably cut short",
    ),
    kernel.NO_READS: ("fastq.empty", "there are no reads in it"),
    kernel.NO_NEWLINE: (
        "fastq.last-newline",
        "its last line has no newline, so that the next file would run on in it; add the newline, or place it last",
    ),
    kernel.BLANK_END: (
        "fastq.blank-line",
        "blank lines end it, but another file follows; remove them",
    ),
}

_OF_NO_RECORD = frozenset({kernel.NO_READS, kernel.NO_NEWLINE, kernel.BLANK_END})
