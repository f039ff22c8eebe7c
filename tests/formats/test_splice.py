"""A line added to the header of a BAM or CRAM file by another head: all else stays as samtools sees it."""

import hashlib
import random
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from strandkeep.formats import bgzf, splice
from strandkeep.formats.splice import Splice, spliced

from .alignment_files import SOUND, sorted_alignments
from .bgzf_files import END, block, blocked, boundaries, inflated
from .cram_files import KINDS, VERSIONS, cram
from .forked_worker import ForkedWorkers
from .reference_files import GENOME
from .samtools import Samtools

LINE = "@CO\tstrandkeep: sequenceStoreId=1234567890 ingestedAt=2026-01-02T03:04:05Z"
BAM = sorted_alignments(400).bam()
HEADER = len(sorted_alignments(400).head)


def chunks(content: bytes, size: int = 1 << 18) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def splice_of(content: bytes, format_: str, size: int = 1 << 18) -> tuple[Splice | None, bytes]:
    found, taken = spliced(chunks(content, size), format_, LINE)
    whole = b"".join(taken)
    if found:
        assert whole == found.head + content[found.replaces :]
    return found, whole


def check(samtools: Samtools, before: bytes, after: bytes, *options: str) -> None:
    """samtools sees the same records, the same header but for the line, and a whole file."""
    assert samtools.text(after, *options) == samtools.text(before, *options)
    header = samtools.text(before, "--no-PG", "-H").replace(b"\0", b"")
    assert samtools.text(after, "--no-PG", "-H") == header + LINE.encode() + b"\n"
    samtools.run("quickcheck", samtools.folder / "stored")


def _zeros_behind_the_text(bam: bytes) -> bytes:
    text = inflated(bam)
    end = 8 + int.from_bytes(text[4:8], "little")
    return blocked(chunks(text[:4] + struct.pack("<I", end + 92) + text[8:end] + bytes(100) + text[end:], 60_000))


BAM_LAYOUTS: dict[str, Callable[[bytes], bytes]] = {
    "as samtools writes it": lambda bam: bam,
    "alignments in the header's block": lambda bam: blocked(chunks(inflated(bam), 60_000)),
    "as htsjdk fills its blocks": lambda bam: blocked(chunks(inflated(bam), 65_498)),
    "not compressed": lambda bam: b"".join(block(piece, level=0) for piece in chunks(inflated(bam), 60_000)) + END,
    "many empty blocks": lambda bam: b"".join(block(piece) + 3 * END for piece in chunks(inflated(bam), 500)) + END,
    "a header over many blocks": lambda bam: blocked(chunks(inflated(bam), 7)),
    "the header's end is a block's end": lambda bam: blocked(chunks(inflated(bam), HEADER)),
    "text that zeros pad": _zeros_behind_the_text,
}


@pytest.mark.parametrize("layout", BAM_LAYOUTS)
def test_a_bam_gets_the_line_and_keeps_its_records(samtools: Samtools, layout: str) -> None:
    before = BAM_LAYOUTS[layout](BAM)
    found, after = splice_of(before, "bam")
    assert found is not None
    assert 0 < found.replaces < len(before)
    check(samtools, before, after)
    assert splice_of(before, "bam", 997) == (found, after)


@pytest.mark.parametrize("layout", BAM_LAYOUTS)
def test_the_index_of_a_bam_is_that_of_the_spliced_file(
    samtools: Samtools, workers: ForkedWorkers, layout: str
) -> None:
    before = BAM_LAYOUTS[layout](BAM)
    plain, found = workers.examine(before), workers.examine(before, provenance=LINE)
    assert plain.facts is not None
    assert found.facts is not None
    after = found.outputs["head"] + before[found.facts["head_replaces"] :]
    assert found.outputs["bai"] == samtools.index(after)
    for same in ("text_digest", "text_length", "reads", "bases", "alignment"):
        assert found.facts[same] == plain.facts[same]
    assert found.facts["stored_length"] == len(after)
    assert found.facts["stored_md5"] == hashlib.md5(after).hexdigest()
    assert "head" not in plain.outputs
    assert "head_replaces" not in plain.facts


@pytest.mark.parametrize("name", SOUND)
def test_any_sound_bam_is_spliced(samtools: Samtools, workers: ForkedWorkers, name: str) -> None:
    before = SOUND[name].bam()
    found = workers.examine(before, provenance=LINE)
    assert found.facts is not None
    after = found.outputs["head"] + before[found.facts["head_replaces"] :]
    check(samtools, before, after)
    if "csi" in found.outputs:
        assert found.outputs["csi"] == samtools.index(after, "-c")
    else:
        assert found.outputs["bai"] == samtools.index(after)


def test_a_csi_is_that_of_the_spliced_file_when_alignments_share_the_header_s_block(
    samtools: Samtools, workers: ForkedWorkers
) -> None:
    before = SOUND["a contig too long for BAI"].bam_in_blocks(60_000)
    found = workers.examine(before, provenance=LINE)
    assert found.facts is not None
    after = found.outputs["head"] + before[found.facts["head_replaces"] :]
    assert found.outputs["csi"] == samtools.index(after, "-c")


def test_the_tail_of_a_bam_begins_at_the_block_behind_the_header() -> None:
    found, _ = splice_of(BAM, "bam")
    assert found is not None
    assert found.replaces == boundaries(BAM)[1]


def test_a_header_without_text_gets_one(samtools: Samtools) -> None:
    before = blocked([b"BAM\1" + bytes(4) + struct.pack("<II", 1, 5) + b"chr1\0" + struct.pack("<I", 1000)])
    _, after = splice_of(before, "bam")
    assert LINE.encode() in samtools.text(after, "--no-PG", "-H").splitlines()
    assert inflated(after).endswith(inflated(before)[8:])


def test_a_hundred_thousand_contigs_take_a_moment() -> None:
    before = SOUND["100,000 contigs"].bam()
    begun = time.process_time()
    assert splice_of(before, "bam")[0] is not None
    assert time.process_time() - begun < 5


def test_only_the_head_is_read() -> None:
    """However long the file is, no chunk is asked for but those that hold the header."""
    asked = 0

    def counted() -> Iterator[bytes]:
        nonlocal asked
        for chunk in chunks(BAM, 4096):
            asked += 1
            yield chunk

    spliced(counted(), "bam", LINE)
    assert asked == 1


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_head_is_left_to_whoever_reads_it(workers: ForkedWorkers, seed: int) -> None:
    """Cut or flipped in its head, a file is told to be at fault as it is without a line to add."""
    chance = random.Random(seed)
    damaged = bytearray(BAM)
    damaged[chance.randrange(600)] ^= 1 << chance.randrange(8)
    for content in (bytes(damaged), BAM[: chance.randrange(600)]):
        found, without = workers.examine(content, provenance=LINE), workers.examine(content)
        assert found.problem == without.problem
        assert (found.facts is None) == (without.facts is None)


def test_a_fault_behind_the_head_is_told_by_its_place_in_the_uploaded_file(workers: ForkedWorkers) -> None:
    stored = blocked(chunks(inflated(BAM), 3000))
    place = boundaries(stored)[3]
    damaged = stored[: place + 30] + bytes([stored[place + 30] ^ 0x55]) + stored[place + 31 :]
    for content in (damaged, stored[:-28], stored[: place + 7], stored + b"more"):
        found, without = workers.examine(content, provenance=LINE).problem, workers.examine(content).problem
        assert found == without
        assert found is not None
        assert str(found["offset"]) in found["text"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_cram_gets_the_line_and_keeps_its_records(samtools: Samtools, version: str, kind: str) -> None:
    fasta = GENOME.write(samtools.folder)
    before = cram(samtools, sorted_alignments(100), fasta, version, kind)
    found, after = splice_of(before, "cram")
    assert found is not None
    check(samtools, before, after, "-T", str(fasta))
    assert splice_of(before, "cram", 13) == (found, after)


@pytest.mark.parametrize("name", ["no records", "one read", "100,000 contigs"])
@pytest.mark.parametrize("version", VERSIONS)
def test_crams_of_few_records_and_of_many_contigs(samtools: Samtools, version: str, name: str) -> None:
    before = cram(samtools, SOUND[name], GENOME, version, "none")
    found, after = splice_of(before, "cram")
    assert found is not None
    check(samtools, before, after)


@pytest.mark.parametrize("version", ["2.1", "3.0"])
def test_a_cram_whose_header_was_replaced_in_place(samtools: Samtools, version: str) -> None:
    fasta = GENOME.write(samtools.folder)
    made, shorter = samtools.folder / "made.cram", samtools.folder / "shorter.sam"
    made.write_bytes(cram(samtools, sorted_alignments(50), fasta, version))
    shorter.write_bytes(b"".join(line for line in samtools.run("view", "--no-PG", "-H", made).splitlines(keepends=True)
                                 if not line.startswith(b"@PG")))  # fmt: skip
    samtools.run("reheader", "-P", "-i", shorter, made)
    before = made.read_bytes()
    assert b"@PG" not in samtools.text(before, "--no-PG", "-H")
    found, after = splice_of(before, "cram")
    assert found is not None
    check(samtools, before, after, "-T", str(fasta))


def test_a_damaged_head_of_a_cram_is_left_to_whoever_reads_it(samtools: Samtools) -> None:
    """At any byte, cut or flipped: where CRCs and lengths do not show it, the file was spliced as it is."""
    sound = cram(samtools, SOUND["one read"], GENOME, "3.0", "none")
    whole, _ = splice_of(sound, "cram")
    assert whole is not None
    for at in range(whole.replaces):
        for content in (sound[:at], sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1 :]):
            found, after = splice_of(content, "cram")
            assert found or after == content


def test_an_offset_of_the_spliced_file_is_one_of_the_uploaded_file() -> None:
    found = Splice(bytes(100), 30)
    assert [found.before(offset) for offset in (0, 99, 100, 150)] == [0, 0, 30, 80]


@pytest.mark.parametrize("text", [b"", b"@HD\tVN:1.6", b"@HD\tVN:1.6\n", b"@HD\tVN:1.6\n\0\0\0"])
def test_a_line_is_added_at_the_end(text: bytes) -> None:
    assert splice.with_line(text, b"@CO\tx") == (text.strip(b"\0\n") + b"\n" if text else b"") + b"@CO\tx\n"


def test_packed_text_is_what_bgzf_reads(tmp_path: Path) -> None:
    text = random.Random(1).randbytes(200_000)
    stored = bgzf.packed(text) + bgzf.END
    assert b"".join(found.text for found in bgzf.blocks(bgzf.StoredBytes(chunks(stored)))) == text
    assert bgzf.packed(b"") == b""
