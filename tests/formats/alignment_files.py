"""BAM and uBAM files for tests, made by `bam_records` and packed by `bgzf_files`: no samtools, nobody's data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from .bam_records import PAIRED, REVERSE, UNMAPPED, Read, encode, header, tag
from .bgzf_files import bgzf, blocked
from .reference_files import GENOME, Reference
from .simulated_alignments import coordinate_sorted, long_reads, pairs, unmapped_pairs

#: Bytes of text that htslib puts in a block.
_BLOCK = 0xFF00

_GROUPS = "".join(f"@RG\tID:{group}\tSM:sample\tPL:ILLUMINA\n" for group in ("lane.1", "lane.2"))
_PROGRAM = "@PG\tID:aligner\tPN:aligner\tVN:1.0\tCL:aligner --threads 1\n"


@dataclass(frozen=True)
class Alignments:
    """A header's text, its dictionary, and records."""

    text: str
    dictionary: Sequence[tuple[str, int]]
    reads: Sequence[Read]

    @property
    def head(self) -> bytes:
        """The head of the BAM."""
        return header(self.text, self.dictionary)

    @property
    def records(self) -> list[bytes]:
        """The records, each with its length."""
        return [encode(read) for read in self.reads]

    @property
    def payload(self) -> bytes:
        """The whole BAM before it is packed."""
        return self.head + b"".join(self.records)

    def bam(self) -> bytes:
        """The file as htslib packs it: records begin a block of their own, and lie within one when they can."""
        return packed(self.head, self.records)

    def bam_in_blocks(self, size: int) -> bytes:
        """The file in blocks of `size` bytes, wherever records end: the header shares a block with the first ones."""
        return bgzf(self.payload, size=size)


def packed(head: bytes, records: Iterable[bytes], *, end: bool = True) -> bytes:
    """A BAM file of a head and records, sound or not, as htslib packs it."""
    pieces, piece = _cut(head), b""
    for record in records:
        if piece and len(piece) + len(record) > _BLOCK:
            pieces, piece = [*pieces, piece], b""
        *whole, piece = _cut(piece + record)
        pieces += whole
    return blocked([*pieces, piece] if piece else pieces, end=end)


def _cut(text: bytes) -> list[bytes]:
    return [text[at : at + _BLOCK] for at in range(0, len(text), _BLOCK)]


def header_text(reference: Reference | None, order: str = "coordinate", *, m5: bool = False) -> str:
    """The text of a header: the contigs of a reference, if any; with their MD5, if wanted."""
    lines = [f"@HD\tVN:1.6\tSO:{order}\n"]
    if reference:
        lines += [
            f"@SQ\tSN:{name}\tLN:{length}" + (f"\tM5:{reference.m5(name)}" if m5 else "") + "\n"
            for name, length in reference.dictionary
        ]
    return "".join((*lines, _GROUPS, _PROGRAM))


def aligned(
    reads: Sequence[Read], order: str = "coordinate", *, m5: bool = False, to: Reference = GENOME
) -> Alignments:
    """Records that are aligned to a reference."""
    return Alignments(header_text(to, order, m5=m5), to.dictionary, reads)


def sorted_alignments(count: int = 300, seed: int = 1, *, m5: bool = False, to: Reference = GENOME) -> Alignments:
    """`count` pairs in order of place."""
    return aligned(coordinate_sorted(pairs(to, count, seed)), m5=m5, to=to)


def unsorted_alignments(count: int = 300, seed: int = 1) -> Alignments:
    """`count` pairs as they were aligned."""
    return aligned(pairs(GENOME, count, seed), "unsorted")


def name_sorted_alignments(count: int = 300, seed: int = 1) -> Alignments:
    """`count` pairs by name."""
    return aligned(sorted(pairs(GENOME, count, seed), key=lambda read: read.name), "queryname")


def unaligned(count: int = 300, seed: int = 1) -> Alignments:
    """`count` pairs of a uBAM: no contigs at all."""
    return Alignments(header_text(None, "unsorted"), (), unmapped_pairs(count, seed))


def placed(number: int, contig: int, position: int, cigar: str = "20M", **more: object) -> Read:
    """A small read at a place."""
    read = Read(f"r{number}", 0, contig, position, 60, cigar, bases=b"ACGTNACGTNACGTNACGTN", qualities=bytes(range(20)))
    return replace(read, **more)  # type: ignore[arg-type]


#: Every type of tag, with the ends of its range.
EVERY_TAG = b"".join(
    (
        tag("XA", "A", "!"),
        *(tag(f"X{at}", type_, number) for at, (type_, number) in enumerate(
            [("c", -128), ("C", 255), ("s", -32768), ("S", 65535), ("i", -(1 << 31)), ("I", (1 << 32) - 1)]
        )),
        *(tag(f"F{at}", "f", number) for at, number in enumerate(
            [0.0, -0.0, 1.5, 1e-7, 123456789.0, 3.4e38, 1e-45, float("inf"), float("-inf"), float("nan")]
        )),
        tag("ZE", "Z", ""), tag("ZS", "Z", "blanks, and ~ all !"), tag("HX", "H", "1AE301"), tag("HE", "H", ""),
        *(tag(f"B{kind}", "B", (kind, numbers)) for kind, numbers in (
            ("c", [-128, 127]), ("C", [0, 255]), ("s", [-32768, 32767]), ("S", [0, 65535]),
            ("i", [-(1 << 31), (1 << 31) - 1]), ("I", [0, (1 << 32) - 1]), ("f", [0.1, -1e30]),
        )),
        tag("BE", "B", ("c", [])),
    )
)  # fmt: skip

_MEGABASE = Reference({"chr1": b"ACGTN" * 400_000})
_HUGE = ("huge", 700_000_000)


def _many_contigs() -> Alignments:
    dictionary = [(f"scaffold_{number}", 1000 + number) for number in range(100_000)]
    text = "@HD\tVN:1.6\tSO:coordinate\n" + "".join(f"@SQ\tSN:{name}\tLN:{length}\n" for name, length in dictionary)
    places = [(0, 0), (1, 5), (65_535, 900), (65_536, 1), (99_999, 100)]
    return Alignments(text, dictionary, [placed(n, *place) for n, place in enumerate(places)])


def _huge_contig() -> Alignments:
    places = [0, 16_384, (1 << 29) - 20, (1 << 29) - 1, 1 << 29, 600_000_000, 699_999_980]
    text = "@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:small\tLN:100\n@SQ\tSN:huge\tLN:700000000\n"
    reads = [placed(1, 0, 3), *(placed(n, 1, place) for n, place in enumerate(places, 2))]
    return Alignments(text, [("small", 100), _HUGE], reads)


def _long_cigar() -> Alignments:
    operations = 70_000
    bases = b"ACGT" * (operations // 2)
    read = placed(1, 0, 100, "1M1I" * (operations // 2), bases=bases[:operations], qualities=None)
    return aligned([read, placed(2, 0, 200)], to=_MEGABASE)


def _megabase_reads() -> Alignments:
    bases = b"ACGTN" * 300_000
    reads = [placed(n, 0, n * 10, "1500000M", bases=bases, qualities=b"\x1e" * len(bases)) for n in range(2)]
    return aligned([*reads, placed(9, 0, 30)], to=_MEGABASE)


def _odd_reads() -> Alignments:
    return aligned(
        [
            placed(1, 0, 0, tags=EVERY_TAG),
            placed(2, 0, 0, qualities=None),
            placed(3, 0, 1, bases=b"", qualities=None),
            placed(4, 0, 1, "", bases=b"", qualities=None),
            placed(5, 0, 2, "10H5S10M5S3P2H"),
            placed(6, 0, 2, "5=5X5M1D1N5I"),
            placed(7, 0, 3, "20M", bases=b"=ACMGRSVTWYHKDBN=ACG", qualities=b"\x5d" * 20),
            placed(8, 0, 3, "19M", bases=b"A" * 19, qualities=bytes(19)),
            placed(9, 0, 3, mapping_quality=255, flag=REVERSE, insert=-(1 << 31)),
            placed(10, 0, 4, name="n" * 254, insert=(1 << 31) - 1, mate_contig=4, mate_position=59),
            placed(11, 0, 4, name="*"),
            placed(12, 0, 4, flag=0xFFF & ~UNMAPPED, mate_contig=0, mate_position=4),
            placed(13, 1, 11_980, flag=UNMAPPED | PAIRED, cigar=""),
            placed(14, 4, 40),
            placed(15, 4, 59, "1M", bases=b"T", qualities=b"\0"),
            Read("nowhere", bases=b"ACGTA", qualities=b"\0\1\2\3\4", tags=EVERY_TAG[:4]),
            Read("bare"),
        ]
    )


#: Alignments that must pass as BAM, in order of place.
SOUND: dict[str, Alignments] = {
    "pairs": sorted_alignments(),
    "long reads": aligned(coordinate_sorted(long_reads(GENOME, 40))),
    "odd reads": _odd_reads(),
    "one read": aligned([placed(1, 0, 0)]),
    "all on the last contig": aligned([placed(n, 4, n) for n in range(40)]),
    "many at one place": aligned([placed(n, 1, 777, tags=EVERY_TAG) for n in range(2000)]),
    "unmapped ones alone, contigs known": aligned(unmapped_pairs(50)),
    "a CIGAR of 70,000 operations": _long_cigar(),
    "reads of 1,500,000 bases": _megabase_reads(),
    "100,000 contigs": _many_contigs(),
    "a contig too long for BAI": _huge_contig(),
    "no records": aligned([]),
    "M5 in the dictionary": sorted_alignments(20, m5=True),
}
