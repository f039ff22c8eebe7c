"""A line added to the header of a BAM or CRAM file by another head: all else stays as samtools sees it."""

import gzip
import hashlib
import random
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pysam
import pytest

from strandkeep.formats import bgzf
from strandkeep.formats.examine import examine_alignments
from strandkeep.formats.splice import Splice, spliced

from .cram_files import header, random_contigs, sam_text, text_of, write_bam, write_cram, write_reference

LINE = "@CO\tstrandkeep:sequenceStoreId=1234567890 ingestedAt=2026-01-02T03:04:05Z"


def chunks(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def splice_of(content: bytes, format_: str, size: int = 1 << 18) -> tuple[Splice | None, bytes]:
    splice, taken = spliced(chunks(content, size), format_, LINE)
    whole = b"".join(taken)
    if splice:
        assert whole == splice.head + content[splice.replaces :]
    return splice, whole


def block(text: bytes, level: int = 6) -> bytes:
    packing = zlib.compressobj(level, wbits=-15)
    deflated = packing.compress(text) + packing.flush()
    size = len(deflated) + 26
    head = bgzf.END[:16] + struct.pack("<H", size - 1)
    return head + deflated + struct.pack("<II", zlib.crc32(text), len(text))


def reblocked(bam: bytes, size: int = 60_000, level: int = 6, empty: int = 0) -> bytes:
    """A BAM file in blocks of `size` bytes of text wherever they fall, `empty` empty ones behind each."""
    text = gzip.decompress(bam)
    return b"".join(block(piece, level) + bgzf.END * empty for piece in chunks(text, size)) + bgzf.END


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("splice")


@pytest.fixture(scope="module")
def bam(folder: Path) -> bytes:
    return write_bam(folder, sam_text(random_contigs(), 400)).read_bytes()


def check(folder: Path, before: bytes, after: bytes, format_: str, reference: Path | None = None) -> None:
    """samtools sees the same records, the same header but for the line, and a whole file."""
    old, new = folder / f"before.{format_}", folder / f"after.{format_}"
    old.write_bytes(before)
    new.write_bytes(after)
    assert text_of(new, reference) == text_of(old, reference)
    lines = text_of(old, reference, header_only=True).replace("\0", "")
    assert text_of(new, reference, header_only=True) == f"{lines}{LINE}\n"
    pysam.samtools.quickcheck(str(new))


BAM_LAYOUTS: dict[str, Callable[[bytes], bytes]] = {
    "as samtools writes it": lambda bam: bam,
    "alignments in the header's block": reblocked,
    "as htsjdk fills its blocks": lambda bam: reblocked(bam, 65_498, 5),
    "not compressed": lambda bam: reblocked(bam, level=0),
    "many empty blocks": lambda bam: reblocked(bam, 500, empty=3),
    "a header over many blocks": lambda bam: reblocked(bam, 7),
    "the header's end is a block's end": lambda bam: reblocked(bam, _header_length(gzip.decompress(bam))),
    "text that zeros pad": lambda bam: bgzf.packed(_padded(gzip.decompress(bam))) + bgzf.END,
}


def _header_length(text: bytes) -> int:
    at = 8 + int.from_bytes(text[4:8], "little")
    count, at = int.from_bytes(text[at : at + 4], "little"), at + 4
    for _ in range(count):
        at += 8 + int.from_bytes(text[at : at + 4], "little")
    return at


def _padded(text: bytes) -> bytes:
    length = int.from_bytes(text[4:8], "little")
    return b"BAM\1" + struct.pack("<I", length + 100) + text[8 : 8 + length] + bytes(100) + text[8 + length :]


@pytest.mark.parametrize("layout", BAM_LAYOUTS)
@pytest.mark.parametrize("size", [997, 1 << 18])
def test_a_bam_gets_the_line_and_keeps_its_records(folder: Path, bam: bytes, layout: str, size: int) -> None:
    before = BAM_LAYOUTS[layout](bam)
    splice, after = splice_of(before, "bam", size)
    assert splice is not None
    assert 0 < splice.replaces < len(before)
    check(folder, before, after, "bam")


@pytest.mark.parametrize("layout", BAM_LAYOUTS)
def test_a_bam_s_index_is_that_of_the_spliced_file(folder: Path, bam: bytes, layout: str) -> None:
    before = BAM_LAYOUTS[layout](bam)
    plain = examine_alignments("BAM", [before], algorithm="md5", reference=None)
    found = examine_alignments("BAM", [before], algorithm="md5", reference=None, provenance=LINE)
    assert plain.head is None
    assert found.head is not None
    assert found.index is not None
    after = found.head.content + before[found.head.replaces :]
    assert found.index.content == _index(folder, after)
    facts, plain_facts = found.sources["SOURCE1"], plain.sources["SOURCE1"]
    assert (facts.text_digest, facts.reads, facts.alignment) == (
        plain_facts.text_digest, plain_facts.reads, plain_facts.alignment,
    )  # fmt: skip
    assert (facts.stored_length, facts.stored_md5) == (len(after), hashlib.md5(after).hexdigest())
    check(folder, before, after, "bam")


def _index(folder: Path, bam: bytes, *options: str, kind: str = "bai") -> bytes:
    path = folder / "indexed.bam"
    path.write_bytes(bam)
    pysam.samtools.index(*options, str(path))
    return Path(f"{path}.{kind}").read_bytes()


def test_a_csi_is_that_of_the_spliced_file(folder: Path) -> None:
    lines = "@HD\tVN:1.6\n@SQ\tSN:long\tLN:1000000000\n"
    records = "".join(f"r{n}\t0\tlong\t{n * 900_000 + 1}\t9\t4M\t*\t0\t0\tACGT\tIIII\n" for n in range(1000))
    packed = write_bam(folder, lines + records).read_bytes()
    for before in (packed, reblocked(packed)):
        found = examine_alignments("BAM", [before], algorithm="md5", reference=None, provenance=LINE)
        assert found.head is not None
        assert found.index is not None
        assert found.index.kind == "csi"
        after = found.head.content + before[found.head.replaces :]
        assert found.index.content == _index(folder, after, "-c", kind="csi")


def test_a_fault_s_offset_is_that_of_the_uploaded_file(bam: bytes) -> None:
    """Also in its sentence; and a fault is the same with and without a line to add."""
    places = [b.start for b in bgzf.blocks(_stored(reblocked(bam, 3000)))]
    damaged = bytearray(reblocked(bam, 3000))
    damaged[places[3] + 30] ^= 0x55
    for content in (bytes(damaged), damaged[:-28], damaged[: places[3] + 7], b"", b"nothing of the kind"):
        with_line, without = (
            examine_alignments("BAM", [bytes(content)], algorithm="md5", reference=None, provenance=line)
            for line in (LINE, None)
        )
        assert with_line.problems == without.problems
        assert len(with_line.problems) == 1


def test_the_tail_begins_at_the_block_after_the_header(bam: bytes) -> None:
    first, second, *_ = (b.start for b in bgzf.blocks(_stored(bam)))
    splice, _ = splice_of(bam, "bam")
    assert (first, second) == (0, splice.replaces if splice else None)


def _stored(content: bytes) -> "bgzf.StoredBytes":
    return bgzf.StoredBytes(iter([content]))


def test_a_bam_of_no_text_and_one_of_no_records(folder: Path) -> None:
    bare = b"BAM\1" + bytes(4) + struct.pack("<II", 1, 5) + b"chr1\0" + struct.pack("<I", 1000)
    before = bgzf.packed(bare) + bgzf.END
    _, after = splice_of(before, "bam")
    old = folder / "bare.bam"
    old.write_bytes(after)
    assert LINE in text_of(old, header_only=True)
    with pysam.AlignmentFile(str(old)) as file:
        assert (file.references, file.lengths, list(file)) == (("chr1",), (1000,), [])


def test_a_header_of_a_hundred_thousand_contigs(folder: Path) -> None:
    lines = "".join(f"@SQ\tSN:contig_{n:06}\tLN:{1000 + n}\n" for n in range(100_000))
    record = "r\t0\tcontig_099999\t10\t9\t4M\t*\t0\t0\tACGT\tIIII\n"
    before = write_bam(folder, f"@HD\tVN:1.6\n{lines}{record}", "contigs").read_bytes()
    begun = time.process_time()
    splice, after = splice_of(before, "bam")
    assert time.process_time() - begun < 3
    assert splice is not None
    check(folder, before, after, "bam")


def test_the_head_is_the_same_each_time(bam: bytes) -> None:
    assert splice_of(bam, "bam") == splice_of(bam, "bam")


def test_only_the_head_is_read(bam: bytes) -> None:
    """However long the file is, no chunk is asked for but those that hold the header."""
    asked = 0

    def counted() -> Iterator[bytes]:
        nonlocal asked
        for chunk in chunks(bam, 4096):
            asked += 1
            yield chunk

    spliced(counted(), "bam", LINE)
    assert asked == 1


@pytest.mark.parametrize("seed", range(30))
def test_a_damaged_head_is_left_to_whoever_reads_it(bam: bytes, seed: int) -> None:
    """Cut or flipped, the bytes come as they were, or spliced where the damage lies behind the head."""
    rng = random.Random(seed)
    damaged = bytearray(bam)
    damaged[rng.randrange(600)] ^= 1 << rng.randrange(8)
    for content in (bytes(damaged), bam[: rng.randrange(600)], b""):
        splice, after = splice_of(content, "bam")
        assert splice or after == content


def test_lengths_that_cannot_be_are_left_to_whoever_reads_them() -> None:
    for length, references in ((-1, 0), (1 << 30, 0), (0, -1), (0, 1 << 30), (12, 0)):
        content = bgzf.packed(b"BAM\1" + struct.pack("<ii", length, references)) + bgzf.END
        splice, after = splice_of(content, "bam")
        assert (splice is None) == ((length, references) != (0, -1)) or after == content


@pytest.mark.parametrize("version", ["2.1", "3.0", "3.1"])
@pytest.mark.parametrize("pairs", [0, 300])
def test_a_cram_gets_the_line_and_keeps_its_records(folder: Path, version: str, pairs: int) -> None:
    contigs = random_contigs()
    reference = write_reference(folder, contigs)
    before = write_cram(folder, sam_text(contigs, pairs), reference, version).read_bytes()
    for size in (13, 1 << 18):
        splice, after = splice_of(before, "cram", size)
        assert splice is not None
        check(folder, before, after, "cram", reference)


@pytest.mark.parametrize("version", ["2.1", "3.0"])
def test_a_cram_whose_header_was_replaced_in_place(folder: Path, version: str) -> None:
    contigs = random_contigs()
    reference = write_reference(folder, contigs)
    made = write_cram(folder, sam_text(contigs, 50, extra="@CO\t" + "x" * 500 + "\n"), reference, version)
    shorter = folder / "shorter.sam"
    shorter.write_text(text_of(made, header_only=True).split("@CO")[0])
    pysam.samtools.reheader("-P", "-i", str(shorter), str(made), catch_stdout=False)
    before = made.read_bytes()
    assert b"x" * 500 not in before
    splice, after = splice_of(before, "cram")
    assert splice is not None
    check(folder, before, after, "cram", reference)


def test_a_cram_of_a_hundred_thousand_contigs(folder: Path) -> None:
    lines = "".join(f"@SQ\tSN:contig_{n:06}\tLN:{1000 + n}\tM5:{n:032x}\n" for n in range(100_000))
    record = "r\t4\t*\t0\t0\t*\t*\t0\t0\tACGT\tIIII\n"
    for version in ("2.1", "3.0"):
        before = write_cram(folder, f"@HD\tVN:1.6\n{lines}{record}", None, version, ["no_ref"]).read_bytes()
        splice, after = splice_of(before, "cram")
        assert splice is not None
        check(folder, before, after, "cram")


def test_a_damaged_head_of_a_cram_is_left_to_whoever_reads_it(folder: Path) -> None:
    sound = write_cram(folder, header({"chr1": "A" * 1000}), None, "3.0", ["no_ref"]).read_bytes()
    whole, _ = splice_of(sound, "cram")
    assert whole is not None
    for at in range(whole.replaces):
        for content in (sound[:at], sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1 :]):
            splice, after = splice_of(content, "cram")
            assert splice or after == content


def test_an_offset_of_the_spliced_file_is_one_of_the_uploaded_file() -> None:
    splice = Splice(bytes(100), 30)
    assert [splice.uploaded(offset) for offset in (0, 99, 100, 150)] == [0, 0, 30, 80]
