"""Why a FASTA file is refused: each rule's name and the sentence that a person reads."""

from strandkeep.formats import _fasta as kernel
from strandkeep.formats.refusals import Refusal, shown

_NAME_QUOTED = 40

#: What a file may be instead of FASTA: the first bytes of its text, rule, what it is and what to do.
_NOT_FASTA = (
    *((head, "fasta.is-sam", "this is SAM text; a reference is a FASTA file")
      for head in (b"@HD\t", b"@SQ\t", b"@RG\t", b"@PG\t", b"@CO\t")),
    (b"@", "fasta.is-fastq", "this is a FASTQ file, whose records begin with '@'; a reference is a FASTA file"),
    (b"BAM\1", "fasta.is-bam", "this is a BAM file; a reference is a FASTA file"),
    (b"CRAM", "fasta.is-cram", "this is a CRAM file; a reference is a FASTA file"),
    (b"\x43\x27\x41\x1a", "fasta.is-2bit", "this is a 2bit file; make FASTA of it with twoBitToFa"),
    (b"\x1a\x41\x27\x43", "fasta.is-2bit", "this is a 2bit file; make FASTA of it with twoBitToFa"),
    (b"LOCUS ", "fasta.is-genbank", "this is a GenBank file; save its sequences as FASTA"),
    (b"ID   ", "fasta.is-embl", "this is an EMBL file; save its sequences as FASTA"),
    (b"##gff", "fasta.is-gff", "this is a GFF file, which has annotations; a reference is a FASTA file"),
    (b"##filef", "fasta.is-vcf", "this is a VCF file, which has variants; a reference is a FASTA file"),
    (b"<", "fasta.is-html", "this is HTML or XML, perhaps the error page of a download; get the file again"),
    (b"\xef\xbb\xbf", "fasta.byte-order-mark", "it begins with a byte order mark; save it as plain text without one"),
    (b"\xff\xfe", "fasta.byte-order-mark", "this is UTF-16 text; save it as plain text"),
    (b"\xfe\xff", "fasta.byte-order-mark", "this is UTF-16 text; save it as plain text"),
    (b"\x1f\x8b", "fasta.compressed-twice", "this was compressed twice; decompress it once"),
    *((head, "fasta.compressed", f"this is {name}; unpack it, and compress it with bgzip or not at all")
      for head, name in ((b"PK\3\4", "a zip archive"), (b"BZh", "compressed with bzip2"),
                         (b"\xfd7zXZ\0", "compressed with xz"), (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
                         (b"\x1f\x9d", "compressed with compress (.Z)"))),
)  # fmt: skip

#: Bytes that `refuse_other_text` wants to see.
HEAD = 8


def refuse_other_text(head: bytes) -> None:
    """Raises Refusal when the text that begins with `head` is known not to be FASTA."""
    for magic, rule, what in _NOT_FASTA:
        if head.startswith(magic):
            raise Refusal(rule, what, offset=0)


def not_bgzip() -> Refusal:
    """The refusal of gzip that is no BGZF."""
    text = "it was compressed with gzip, not bgzip: decompress it and compress it with bgzip (gzip -dc | bgzip)"
    return Refusal("fasta.not-bgzip", text, offset=0)


def indexes_too_long(longest: int) -> Refusal:
    """The refusal of a file whose indexes would have more than `longest` bytes."""
    text = f"it has too many sequences, or blocks: its indexes would be longer than {longest >> 20} MiB"
    return Refusal("fasta.index-too-long", text)


def bad_name(name: bytes, record: int) -> Refusal:
    """The refusal of a name that is no printable UTF-8."""
    text = f"the name '{_quoted(name)}' is not UTF-8, or not printable; names of plain letters and digits are safe"
    return Refusal("fasta.name", text, record)


def duplicate_name(name: bytes, record: int) -> Refusal:
    """The refusal of a name that a sequence before had."""
    text = f"a sequence before it is called '{_quoted(name)}' too; names (all up to the first blank) must differ"
    return Refusal("fasta.duplicate-name", text, record)


def scan_refusal(scanner: kernel.Scanner) -> Refusal:
    """The refusal of a text at whose `fault` the scanner stopped."""
    rule, sentence = _SCAN[scanner.fault]
    if scanner.fault == kernel.NO_SEQUENCES:
        return Refusal(rule, sentence)
    if scanner.fault == kernel.BAD_BASE and chr(scanner.byte).isascii() and chr(scanner.byte).isalpha():
        rule, sentence = _PROTEIN
    about = {
        "name": _quoted(scanner.name),
        "byte": shown(scanner.byte),
        "position": scanner.position,
        "line": scanner.line,
        "length": scanner.line_length,
        "usual": scanner.line_bases,
        "longest_name": kernel.LONGEST_NAME,
        "longest_line": kernel.LONGEST_LINE,
    }
    return Refusal(rule, sentence.format_map(about), scanner.record, scanner.record_offset)


_PROTEIN = (
    "fasta.protein",
    "{byte} at position {position} of '{name}' is no nucleotide but a code of proteins; a reference is nucleotides",
)

_SCAN = {
    kernel.NO_HEADER: (
        "fasta.header",
        "line {line} begins with {byte}, but a FASTA file begins with '>' and the name of a sequence",
    ),
    kernel.NO_NAME: ("fasta.no-name", "no name follows the '>' in line {line}; give each sequence a name"),
    kernel.NAME_TOO_LONG: (
        "fasta.name-too-long",
        "the name '{name}...' is longer than {longest_name} bytes; a blank ends a name",
    ),
    kernel.NO_BASES: ("fasta.empty-sequence", "'{name}' has no bases; remove it or complete it"),
    kernel.BAD_BASE: ("fasta.base", "{byte} at position {position} of '{name}' is no nucleotide code (IUPAC)"),
    kernel.LONGER: (
        "fasta.uneven-lines",
        "line {line} has {length} bases, the lines of '{name}' before it {usual}; make all but the last equally long",
    ),
    kernel.SHORTER: (
        "fasta.uneven-lines",
        "the line before line {line} is shorter than the {usual} bases of the others of '{name}', but not its last",
    ),
    kernel.BLANK: (
        "fasta.blank-line",
        "a blank line stands inside '{name}', before line {line}; remove it",
    ),
    kernel.LINE_END: (
        "fasta.line-ends",
        "line {line} ends otherwise than the lines of '{name}' before it: with CR LF or with LF; make all alike",
    ),
    kernel.TOO_LONG: ("fasta.line-too-long", "line {line} is longer than {longest_line} bytes; fold it"),
    kernel.NO_SEQUENCES: ("fasta.empty", "the file has no sequences"),
}


def _quoted(name: bytes) -> str:
    return name[:_NAME_QUOTED].decode("utf-8", "replace")
