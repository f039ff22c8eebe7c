"""BAM files that must be refused, each with its rule and, where one is meant, its record."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from .alignment_files import aligned, packed, placed, sorted_alignments, unaligned
from .bam_records import Read, encode, header, tag
from .bgzf_files import END, around, bgzf, block, blocked, boundaries
from .fastq_files import flipped, gz
from .fastq_files import reads as fastq
from .reference_files import GENOME


@dataclass(frozen=True)
class BadFile:
    """A file, the rule that refuses it, and the record at fault (1-based)."""

    stored: bytes
    rule: str
    record: int | None = None


PAIRS = sorted_alignments(1000)
GOOD = PAIRS.bam()
_STARTS = boundaries(GOOD)
_TEN = aligned([placed(n, 0, n) for n in range(10)])
_HEAD, _RECORDS = _TEN.head, _TEN.records
_TEXT = _TEN.text


def _eleventh(record: bytes, rule: str) -> BadFile:
    """Ten sound records, the one at fault, ten sound ones."""
    return BadFile(packed(_HEAD, [*_RECORDS, record, *_RECORDS]), rule, 11)


def _lying(read: Read, rule: str, **lies: int) -> BadFile:
    return _eleventh(encode(read, **lies), rule)


def _head(text: str | bytes, contigs: list[tuple[str, int]], **lies: int) -> BadFile:
    return BadFile(packed(header(text, contigs, **lies), _RECORDS), "alignment.header")


def _with_tags(tags: bytes) -> BadFile:
    return _eleventh(encode(placed(11, 0, 20, tags=tags)), "alignment.tag")


def _changed_block(place: int, change: Callable[[bytes], bytes]) -> bytes:
    """GOOD with one of its blocks changed; the blocks before it and behind it are sound."""
    start, end = _STARTS[place], _STARTS[place + 1]
    return GOOD[:start] + change(GOOD[start:end]) + GOOD[end:]


def _with_crc(stored: bytes) -> bytes:
    return stored[:-8] + struct.pack("<I", 7) + stored[-4:]


def _with_length(stored: bytes) -> bytes:
    return stored[:-4] + struct.pack("<I", 7)


_DICTIONARY = list(GENOME.dictionary)
_READ = placed(11, 0, 20)

BAD_BAM: dict[str, BadFile] = {
    # the file
    "no bytes": BadFile(b"", "bam.empty"),
    "the end marker alone": BadFile(END, "bam.truncated"),
    "without its end marker": BadFile(GOOD[: -len(END)], "bgzf.end-marker"),
    "cut to one byte": BadFile(GOOD[:1], "bgzf.truncated"),
    "cut in a block": BadFile(GOOD[: _STARTS[2] + 300], "bgzf.truncated"),
    "cut in the header of a block": BadFile(GOOD[: _STARTS[2] + 7], "bgzf.truncated"),
    "cut in the end marker": BadFile(GOOD[:-1], "bgzf.truncated"),
    "cut at a block": BadFile(GOOD[: _STARTS[2]], "bgzf.end-marker"),
    "cut in a record, packed anew": BadFile(bgzf(PAIRS.payload[:-40]), "bam.truncated", len(PAIRS.reads)),
    "cut in a record's length": BadFile(packed(_HEAD, [*_RECORDS, b"\x20\0"]), "bam.truncated", 11),
    "cut in the header": BadFile(bgzf(PAIRS.payload[:100]), "bam.truncated"),
    "cut in the list of contigs": BadFile(bgzf(_HEAD[:-3]), "bam.truncated"),
    "magic alone": BadFile(bgzf(b"BAM\1"), "bam.truncated"),
    "trailing bytes": BadFile(GOOD + b"trailing", "bgzf.trailing-garbage"),
    "trailing zeros": BadFile(GOOD + bytes(600), "bgzf.trailing-garbage"),
    "twice in one file": BadFile(GOOD + GOOD, "bam.concatenated", len(PAIRS.reads) + 1),
    "two in one stream": BadFile(bgzf(_TEN.payload * 2), "bam.truncated", 11),
    "another without records behind it": BadFile(GOOD + packed(_HEAD, []), "bam.concatenated", len(PAIRS.reads) + 1),
    "a wrong CRC": BadFile(_changed_block(1, _with_crc), "bgzf.damaged"),
    "a wrong length of a block's text": BadFile(_changed_block(1, _with_length), "bgzf.damaged"),
    "a bit turned in a block": BadFile(flipped(GOOD, _STARTS[1] + 1000), "bgzf.damaged"),
    "a block lost its first bytes": BadFile(_changed_block(1, lambda stored: stored[3:]), "bgzf.damaged"),
    "a block of more text than may be": BadFile(blocked([_HEAD]) + block(bytes(65_537)) + END, "bgzf.damaged"),
    "a block that inflates to 64 MiB": BadFile(
        blocked([_HEAD], end=False) + around(block(bytes(60 << 20))[18:-8], 0, 65_536) + END, "bgzf.damaged"
    ),
    # other files
    "gzip, not BGZF": BadFile(gz(_TEN.payload), "bgzf.not-bgzf"),
    "BAM that is not compressed": BadFile(_TEN.payload, "bam.not-bam"),
    "CRAM": BadFile(b"CRAM\3\0" + bytes(100), "bam.not-bam"),
    "SAM": BadFile(_TEXT.encode() + b"r\t4\t*\t0\t0\t*\t*\t0\t0\tA\tI\n", "bam.not-bam"),
    "SAM in BGZF": BadFile(bgzf(_TEXT.encode()), "bam.not-bam"),
    "FASTQ": BadFile(fastq(10), "bam.not-bam"),
    "FASTQ in gzip": BadFile(gz(fastq(10)), "bgzf.not-bgzf"),
    "FASTQ in BGZF": BadFile(bgzf(fastq(10)), "bam.not-bam"),
    "VCF": BadFile(b"##fileformat=VCFv4.2\n", "bam.not-bam"),
    "VCF in BGZF": BadFile(bgzf(b"##fileformat=VCFv4.2\n"), "bam.not-bam"),
    "FASTA in BGZF": BadFile(GENOME.bgzipped(), "bam.not-bam"),
    "BCF": BadFile(bgzf(b"BCF\2\2"), "bam.not-bam"),
    "an index": BadFile(b"BAI\1" + bytes(20), "bam.not-bam"),
    "zip": BadFile(b"PK\3\4" + bytes(50), "bam.not-bam"),
    "zeros": BadFile(bytes(1000), "bgzf.not-bgzf"),
    "BAM in BAM": BadFile(bgzf(GOOD), "bam.not-bam"),
    # the header
    "a header's text longer than the file": BadFile(
        packed(header(_TEXT, _DICTIONARY, told=1 << 20), _RECORDS), "bam.truncated"
    ),
    "a header's text of 2 GiB": _head(_TEXT, _DICTIONARY, told=(1 << 31) - 1),
    "a header's text of negative length": _head(_TEXT, _DICTIONARY, told=-1),
    "two thousand million contigs": BadFile(
        packed(header(_TEXT, _DICTIONARY, listed=(1 << 31) - 1), _RECORDS), "alignment.header"
    ),
    "minus one contigs": BadFile(packed(header(_TEXT, _DICTIONARY, listed=-1), _RECORDS), "alignment.header"),
    "fewer contigs than are listed": _head(_TEXT, _DICTIONARY, listed=2),
    "text and list name other contigs": _head(_TEXT, [("chrX", 20_000), *_DICTIONARY[1:]]),
    "text and list tell other lengths": _head(_TEXT, [("chr1", 20_001), *_DICTIONARY[1:]]),
    "text and list tell another order": _head(_TEXT, _DICTIONARY[::-1]),
    "text with contigs, none listed": _head(_TEXT, []),
    "a contig twice": _head(_TEXT, [*_DICTIONARY, _DICTIONARY[0]]),
    "a contig twice, in the text too": _head(_TEXT + "@SQ\tSN:chr1\tLN:20000\n", [*_DICTIONARY, _DICTIONARY[0]]),
    "a contig without a name": _head("", [("", 5)]),
    "a contig's name with a NUL": _head("", [("a\0b", 5)]),
    "a contig's name with a tab": _head("", [("a\tb", 5)]),
    "a contig's name with a line's end": _head("", [("a\nb", 5)]),
    "a line that is none of a header": _head(_TEXT + "chr1 20000\n", _DICTIONARY),
    "an @SQ without a length": _head("@SQ\tSN:chr1\n", [("chr1", 5)]),
    "an @SQ of a length that is no number": _head("@SQ\tSN:chr1\tLN:1e3\n", [("chr1", 1000)]),
    "an @SQ of 5,000 digits": _head(f"@SQ\tSN:chr1\tLN:{'9' * 5000}\n", [("chr1", 5)]),
    "an @SQ of a negative length": _head("@SQ\tSN:chr1\tLN:-5\n", [("chr1", 5)]),
    "a contig of 3 GiB": _head("", [("chr1", -(1 << 30))]),
    # records
    "a length of nothing": _lying(_READ, "alignment.lengths", size=0),
    "a length too small": _lying(_READ, "alignment.lengths", size=31),
    "a length that cuts off the qualities": _lying(_READ, "alignment.lengths", size=60),
    "a length of 2 GiB": _lying(_READ, "alignment.too-long", size=(1 << 31) - 1),
    "a negative length": _lying(_READ, "alignment.too-long", size=-1),
    "a name's length of nothing": _lying(_READ, "alignment.lengths", name_length=0),
    "a name's length too small": _lying(_READ, "alignment.name", name_length=2),
    "a name's length too large": _lying(_READ, "alignment.lengths", name_length=5),
    "an empty name": _lying(placed(11, 0, 20, name=""), "alignment.name"),
    "a name with a tab": _lying(placed(11, 0, 20, name="a\tb"), "alignment.name"),
    "a name with a line's end": _lying(placed(11, 0, 20, name="a\nb"), "alignment.name"),
    "a name with a NUL": _lying(placed(11, 0, 20, name="a\0b"), "alignment.name"),
    "a name with a blank": _lying(placed(11, 0, 20, name="a b"), "alignment.name"),
    "more bases than there are": _lying(_READ, "alignment.lengths", length=2000),
    "bases of negative number": _lying(_READ, "alignment.lengths", length=-1),
    "2 GiB of bases": _lying(_READ, "alignment.lengths", length=(1 << 31) - 1),
    "more operations than there are": _lying(_READ, "alignment.lengths", operations=65_535),
    "a contig that is none": _lying(placed(11, 5, 20), "alignment.contig"),
    "a contig of minus two": _lying(placed(11, -2, 20), "alignment.contig"),
    "a contig of 2 GiB": _lying(placed(11, (1 << 31) - 1, 20), "alignment.contig"),
    "a contig where there is none": BadFile(
        packed(unaligned(5).head, [*unaligned(5).records, *_RECORDS]), "alignment.contig", 11
    ),
    "a place behind the contig": _lying(placed(11, 0, 20_000), "alignment.position"),
    "a place of minus two": _lying(placed(11, 0, -2), "alignment.position"),
    "a mate on a contig that is none": _lying(placed(11, 0, 20, mate_contig=5), "alignment.mate"),
    "a mate on contig minus two": _lying(placed(11, 0, 20, mate_contig=-2), "alignment.mate"),
    "a mate at minus two": _lying(placed(11, 0, 20, mate_contig=0, mate_position=-2), "alignment.mate"),
    "an operation that is none": _eleventh(
        encode(_READ).replace(struct.pack("<I", 20 << 4), struct.pack("<I", 20 << 4 | 9)), "alignment.cigar"
    ),
    "a CIGAR of too many bases": _lying(placed(11, 0, 20, "21M"), "alignment.cigar-length"),
    "a CIGAR of too few bases": _lying(placed(11, 0, 20, "10M5D5I"), "alignment.cigar-length"),
    "a quality of 94": _lying(placed(11, 0, 20, qualities=bytes([30] * 19 + [94])), "alignment.quality"),
    "a quality of 255 among others": _lying(placed(11, 0, 20, qualities=bytes([30] * 19 + [255])), "alignment.quality"),
    # tags
    "a tag of an unknown type": _with_tags(b"XXy\0"),
    "a tag without a value": _with_tags(b"NMi"),
    "a tag of one byte": _with_tags(b"N"),
    "a number cut short": _with_tags(b"NMi\0\0\0"),
    "a string without end": _with_tags(b"MDZ20"),
    "a string with a line's end": _with_tags(tag("CO", "Z", "a\nb")),
    "a string with a tab": _with_tags(tag("CO", "Z", "a\tb")),
    "a letter that is a line's end": _with_tags(tag("XA", "A", "\n")),
    "a letter that is a NUL": _with_tags(b"XAA\0"),
    "a tag's name with a line's end": _with_tags(tag("X\n", "C", 1)),
    "an array of an unknown type": _with_tags(b"XBBz\1\0\0\0\1"),
    "an array of arrays": _with_tags(b"XBBB" + struct.pack("<I", 3) + b"c\1\0\0\0\1" * 3),
    "an array of strings": _with_tags(b"XBBZ\1\0\0\0a\0"),
    "an array cut short": _with_tags(b"XBBi" + struct.pack("<I", 3) + bytes(8)),
    "an array of 4 Gi numbers": _with_tags(b"XBBi" + struct.pack("<I", (1 << 32) - 1) + bytes(8)),
    "an array that wraps around": _with_tags(b"XBBi" + struct.pack("<I", 1 << 30) + bytes(8)),
    "bytes behind the last tag": _with_tags(tag("NM", "C", 1) + b"\0"),
}
