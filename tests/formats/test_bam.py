"""Sound BAM files: what is told of them is what samtools says, to the byte."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from . import alignment_files as files
from .alignment_files import SOUND, Alignments, aligned, placed
from .bam_records import Read, tag
from .bgzf_files import END, block, cut_at
from .forked_worker import ForkedWorkers, Verdict
from .reference_files import GENOME
from .sam_text import count
from .samtools import Samtools

SMALL = {name: alignments for name, alignments in SOUND.items() if len(alignments.payload) < 1 << 20}
BAI_REACHES = 1 << 29

pytestmark = pytest.mark.usefixtures("samtools", "workers")


def check(samtools: Samtools, found: Verdict, stored: bytes, alignments: Alignments) -> None:
    """All that is told of a sound file, beside samtools."""
    assert found.status == 0
    assert found.problem is None
    assert found.facts is not None
    text = samtools.text(stored)
    assert (found.facts["text_length"], found.facts["text_digest"]) == (len(text), hashlib.md5(text).hexdigest())
    assert found.facts["stored_length"] == len(stored)
    assert found.facts["stored_md5"] == hashlib.md5(stored).hexdigest()
    assert found.facts["stored_sha256"] == hashlib.sha256(stored).hexdigest()
    counted = count(text)
    assert found.facts["alignment"]["records"] == counted.records
    assert (found.facts["reads"], found.facts["bases"]) == (counted.reads, counted.bases)
    flagstat = samtools.flagstat(stored)
    for told, half in (("passed", "QC-passed reads"), ("failed", "QC-failed reads")):
        counts = [n for name, n in flagstat[half].items() if "%" not in name or "mapQ" in name]
        assert list(found.facts["qc"]["alignment"]["flagstat"][told].values()) == counts
    long = max((length for _, length in alignments.dictionary), default=0) > BAI_REACHES
    kind, options = ("csi", ("-c",)) if long else ("bai", ())
    in_order = lie_in_order(alignments)
    assert found.facts["alignment"]["sorted"] == in_order
    # samtools takes contigs in any order, if each comes once: that is not sorted by coordinate.
    index = samtools.attempt_index(stored, *options) if in_order else None
    assert found.outputs == ({kind: index} if index else {})
    assert bool(found.facts["notes"]) == (index is None)


def lie_in_order(alignments: Alignments) -> bool:
    """Whether records lie by contig and position, those without a contig last, wherever."""
    places = [(read.contig & 0xFFFFFFFF, read.position if read.contig >= 0 else 0) for read in alignments.reads]
    return places == sorted(places)


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_file_is_told_as_samtools_tells_it(samtools: Samtools, workers: ForkedWorkers, name: str) -> None:
    stored = SOUND[name].bam()
    check(samtools, workers.examine(stored), stored, SOUND[name])


@pytest.mark.parametrize("size", [100, 1021, 65_280])
@pytest.mark.parametrize("name", SMALL)
def test_records_may_lie_across_blocks(samtools: Samtools, workers: ForkedWorkers, name: str, size: int) -> None:
    """The header shares its block with the first records, as htsjdk writes it."""
    stored = SMALL[name].bam_in_blocks(size)
    check(samtools, workers.examine(stored), stored, SMALL[name])


def test_blocks_may_be_of_one_byte(samtools: Samtools, workers: ForkedWorkers) -> None:
    alignments = aligned([placed(n, 0, n) for n in range(10)])
    stored = alignments.bam_in_blocks(1)
    check(samtools, workers.examine(stored), stored, alignments)


def test_empty_blocks_may_stand_anywhere(samtools: Samtools, workers: ForkedWorkers) -> None:
    alignments = files.sorted_alignments(50)
    payload = alignments.payload
    head = len(alignments.head)
    ends = [head + sum(map(len, alignments.records[:n])) for n in (1, 2, 50, len(alignments.records))]
    for places in ([0, 0], [head, head], [head - 1, head, head, head + 7], [*ends, *ends, *ends], [3, 3, 3]):
        stored = cut_at(payload, places)
        check(samtools, workers.examine(stored), stored, alignments)
    stored = alignments.bam() + END
    check(samtools, workers.examine(stored), stored, alignments)


def test_blocks_may_be_stored_or_of_full_length(samtools: Samtools, workers: ForkedWorkers) -> None:
    alignments = files.sorted_alignments(500)
    payload = alignments.payload
    sizes = {0: 65_000, 1: 65_536, 9: 65_536}
    for level, size in sizes.items():
        stored = b"".join(block(payload[at : at + size], level) for at in range(0, len(payload), size)) + END
        check(samtools, workers.examine(stored), stored, alignments)


@pytest.mark.parametrize("algorithm", ["md5", "sha256", "sha512"])
def test_the_digest_is_by_the_algorithm(samtools: Samtools, workers: ForkedWorkers, algorithm: str) -> None:
    stored = SOUND["pairs"].bam()
    found = workers.examine(stored, algorithm=algorithm)
    assert found.facts
    assert found.facts["text_digest"] == hashlib.new(algorithm, samtools.text(stored)).hexdigest()


@pytest.mark.parametrize("alignments", [files.unsorted_alignments(), files.name_sorted_alignments()])
def test_what_is_not_sorted_has_no_index(samtools: Samtools, workers: ForkedWorkers, alignments: Alignments) -> None:
    stored = alignments.bam()
    found = workers.examine(stored)
    check(samtools, found, stored, alignments)
    assert found.facts
    assert not found.facts["alignment"]["sorted"]
    assert "no index" in found.facts["notes"][0]


@pytest.mark.parametrize(
    ("places", "sorted_"),
    [
        ([(0, 5), (0, 5), (0, 6), (1, 0)], True),
        ([(0, 5), (0, 4)], False),
        ([(1, 5), (0, 6)], False),
        ([(0, 5), (-1, -1), (0, 6)], False),
        ([(-1, -1), (0, 6)], False),
        ([(-1, -1), (-1, -1)], True),
        ([(0, -1), (0, 0)], True),
        ([(0, 0), (0, -1)], False),
        ([(-1, 7), (-1, 3)], True),
    ],
)
def test_the_order_is_by_contig_and_position(
    samtools: Samtools, workers: ForkedWorkers, places: list[tuple[int, int]], sorted_: bool
) -> None:
    alignments = aligned([placed(n, *place, flag=4 if place[0] < 0 else 0) for n, place in enumerate(places)])
    stored = alignments.bam()
    found = workers.examine(stored)
    assert found.facts
    assert found.facts["alignment"]["sorted"] == sorted_
    check(samtools, found, stored, alignments)


def test_a_ubam_has_no_index(samtools: Samtools, workers: ForkedWorkers) -> None:
    alignments = files.unaligned()
    stored = alignments.bam()
    found = workers.examine(stored, indexed=False)
    assert found.facts
    assert not found.outputs
    assert not found.facts["notes"]
    assert found.facts["text_digest"] == hashlib.md5(samtools.text(stored)).hexdigest()


def test_a_ubam_with_mapped_reads_says_so(workers: ForkedWorkers) -> None:
    found = workers.examine(SOUND["one read"].bam(), indexed=False)
    assert found.facts
    (note,) = found.facts["notes"]
    assert "1 records are mapped" in note


def test_a_bam_of_unmapped_reads_has_an_empty_index(samtools: Samtools, workers: ForkedWorkers) -> None:
    alignments = files.unaligned()
    stored = alignments.bam()
    check(samtools, workers.examine(stored), stored, alignments)


_BASES = st.binary(min_size=0, max_size=40).map(lambda raw: bytes(b"=ACMGRSVTWYHKDBN"[byte & 15] for byte in raw))
_FLAGS = st.integers(0, 0xFFF)
_OPERATIONS = st.lists(st.tuples(st.integers(1, 60), st.sampled_from("MIDNSHP=X")), max_size=6)
_TAGS = st.lists(
    st.one_of(
        st.tuples(st.just("A"), st.characters(min_codepoint=33, max_codepoint=126)),
        st.tuples(st.just("c"), st.integers(-128, 127)),
        st.tuples(st.just("S"), st.integers(0, 65535)),
        st.tuples(st.just("i"), st.integers(-(1 << 31), (1 << 31) - 1)),
        st.tuples(st.just("I"), st.integers(0, (1 << 32) - 1)),
        st.tuples(st.just("f"), st.floats(width=32)),
        st.tuples(st.just("Z"), st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)),
        st.tuples(st.just("B"), st.tuples(st.just("s"), st.lists(st.integers(-32768, 32767), max_size=5))),
        st.tuples(st.just("B"), st.tuples(st.just("f"), st.lists(st.floats(width=32), max_size=5))),
    ),
    max_size=4,
)


@st.composite
def reads(draw: st.DrawFn) -> Read:
    """A record at a place of GENOME, as odd as the specification lets it be."""
    contig = draw(st.integers(-1, len(GENOME.dictionary) - 1))
    length = GENOME.dictionary[contig][1] if contig >= 0 else 1
    operations = draw(_OPERATIONS)
    needed = sum(n for n, operation in operations if operation in "MIS=X")
    bases = draw(_BASES) if not operations else b"ACGTN" * (needed // 5) + b"ACGTN"[: needed % 5]
    if draw(st.booleans()):
        bases = b""
    return Read(
        name=draw(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)),
        flag=draw(_FLAGS),
        contig=contig,
        position=draw(st.integers(-1, length - 1)),
        mapping_quality=draw(st.integers(0, 255)),
        cigar="".join(f"{n}{operation}" for n, operation in operations),
        mate_contig=draw(st.integers(-1, len(GENOME.dictionary) - 1)),
        mate_position=draw(st.integers(-1, 50)),
        insert=draw(st.integers(-(1 << 31), (1 << 31) - 1)),
        bases=bases,
        qualities=draw(st.one_of(st.none(), st.binary(min_size=len(bases), max_size=len(bases)).map(_as_qualities))),
        tags=b"".join(tag(f"T{n}", type_, value) for n, (type_, value) in enumerate(draw(_TAGS))),  # type: ignore[arg-type]
    )


def _as_qualities(raw: bytes) -> bytes:
    return bytes(byte % 94 for byte in raw)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(reads(), max_size=30), st.booleans(), st.data())
def test_whatever_the_records_and_the_blocks(
    samtools: Samtools, workers: ForkedWorkers, drawn: list[Read], in_order: bool, data: st.DataObject
) -> None:
    in_place = files.coordinate_sorted(drawn)
    alignments = aligned(in_place if in_order else drawn)
    cuts = data.draw(st.lists(st.integers(0, len(alignments.payload)), max_size=12))
    stored = cut_at(alignments.payload, cuts)
    check(samtools, workers.examine(stored), stored, alignments)


def test_what_samtools_wrote_is_told_as_samtools_tells_it(
    samtools: Samtools, workers: ForkedWorkers, tmp_path: Path
) -> None:
    """Files of samtools' own writer, by its levels of compression."""
    source = tmp_path / "source.bam"
    source.write_bytes(SOUND["pairs"].bam())
    for options in (("-b",), ("-1",), ("-u",)):
        stored = samtools.run("view", *options, source)
        check(samtools, workers.examine(stored), stored, SOUND["pairs"])
