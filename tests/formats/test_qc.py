"""QC facts equal a plain count, and what samtools counts of the same file."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pysam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strandkeep.formats import _fastq as kernel
from strandkeep.formats import qc
from strandkeep.formats.examine import examine_alignments, examine_fastq

from .fastq_files import gz
from .plain_qc import Read, plain_qc

FASTQ_ZERO = 33


def fastq(reads: list[Read]) -> bytes:
    """FASTQ of reads that all have qualities."""
    lines = []
    for read in reads:
        qualities = "".join(chr(q + FASTQ_ZERO) for q in read.qualities or ())
        lines.append(f"@r\n{read.letters}\n+\n{qualities}\n")
    return "".join(lines).encode()


def facts_of_text(text: bytes, cuts: list[int]) -> dict[str, Any]:
    """The facts of FASTQ text that the kernel gets in pieces."""
    counters = qc.Counters(FASTQ_ZERO)
    scanner = kernel.Scanner(1 << 26, False, counters)
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    for at, end in pairwise(places):
        scanner.feed(text[at:end])
    scanner.finish()
    assert scanner.fault == 0
    return qc.facts(counters)


def expected(reads: list[Read]) -> dict[str, Any]:
    longest = max(len(read.letters) for read in reads)
    return plain_qc(reads, list(qc.cycle_groups(longest)))


@st.composite
def some_reads(draw: Any, letters: str = "ACGTNacgtnUuRYKM.-", unrated: bool = False) -> list[Read]:
    qualities = draw(st.sampled_from([[2, 12, 23, 37], [0, 93], list(range(94))]))
    chance = draw(st.randoms(use_true_random=False))
    lengths = draw(st.lists(st.one_of(st.integers(0, 40), st.integers(0, 700)), min_size=1, max_size=12))
    made = []
    for length in lengths:
        rated = not unrated or chance.random() < 0.8
        values = tuple(chance.choices(qualities, k=length)) if rated and (length or not unrated) else None
        made.append(Read("".join(chance.choices(letters, k=length)), values))
    return made


@settings(max_examples=100, deadline=None)
@given(some_reads(), st.lists(st.integers(0, 10_000), max_size=4))
def test_the_facts_of_fastq_equal_a_plain_count_wherever_the_text_is_cut(reads: list[Read], cuts: list[int]) -> None:
    assert facts_of_text(fastq(reads), cuts) == expected(reads)


def long_reads(lengths: list[int], letters: str = "ACGTN", seed: int = 1) -> list[Read]:
    chance = random.Random(seed)
    return [Read("".join(chance.choices(letters, k=n)), tuple(chance.choices(range(3, 60), k=n))) for n in lengths]


@pytest.mark.parametrize("longest", [499, 500, 4_999, 5_000, 5_100, 49_999, 50_001, 730_000])
def test_the_cycles_of_long_reads_are_told_in_groups(longest: int) -> None:
    reads = long_reads([longest, longest // 2, longest - 1, 3])
    facts = facts_of_text(fastq(reads), [1000, 4100])
    assert facts == expected(reads)
    assert len(facts["cycles"]) == (longest if longest < 500 else len(list(qc.cycle_groups(longest))))
    assert longest < 500 or len(facts["cycles"]) <= 75


def test_many_reads_of_one_kind_overflow_no_counter() -> None:
    reads = [Read("GATTACA", (37,) * 7)] * 140_000
    assert facts_of_text(fastq(reads), list(range(0, 1 << 21, 65_536))) == expected(reads)


@pytest.mark.parametrize(("before", "after"), [((2, 37), (2, 37)), (range(94), range(94)), ((2, 37), range(94))])
def test_every_read_up_to_a_million_is_counted_by_cycle_and_then_one_in_eight(before: Any, after: Any) -> None:
    chance = random.Random(5)
    reads = []
    for number, qualities in ((1_000_000, before), (5_000, after)):
        kinds = [
            Read(letter * length, tuple(chance.choices(qualities, k=length)))
            for letter in "ACGN"
            for length in (1, 9, 21)
            for _ in range(10)
        ]
        reads += chance.choices(kinds, k=number)
    facts = facts_of_text(fastq(reads), list(range(0, 1 << 25, 1 << 20)))
    assert facts["readsByCycle"] == 1_000_625
    assert facts == expected(reads)


def test_a_read_longer_than_a_million_bases_counts_in_bins() -> None:
    reads = long_reads([1_234_567, 1_234_000, 1_000_000, 999_999])
    facts = facts_of_text(fastq(reads), [])
    assert facts["lengths"]["bins"] == [(990_000, 999_999, 1), (1_000_000, 1_099_999, 1), (1_200_000, 1_299_999, 2)]
    assert facts["lengths"]["n50"] == 1_230_000
    assert (facts["lengths"]["longest"], facts["bases"]) == (1_234_567, 4_468_566)


@pytest.mark.parametrize(
    ("longest", "groups", "some"),
    [
        (0, 0, []),
        (76, 76, [(1, 1), (76, 76)]),
        (600, 69, [(9, 9), (10, 19), (590, 599), (600, 600)]),
        (15_000, 40, [(9, 9), (10, 499), (500, 999), (15_000, 15_000)]),
    ],
)
def test_the_groups_of_cycles_are_those_of_fastqc(longest: int, groups: int, some: list[tuple[int, int]]) -> None:
    found = list(qc.cycle_groups(longest))
    assert len(found) == groups
    assert set(some) <= set(found)
    assert [first for first, _ in found] == [1, *(last + 1 for _, last in found)][: len(found)]


def test_every_group_of_long_reads_is_made_of_whole_bins() -> None:
    for longest in (*range(5_000, 60_000, 777), *range(60_000, 3_000_000, 77_777)):
        for first, last in qc.cycle_groups(longest):
            for cycle in (first, last + 1):
                width = 1 if cycle < 5_000 else 10 ** (len(str(cycle * 2)) - 3)
                assert cycle % width == 0 or last == longest, (longest, first, last)


def test_a_worker_makes_qc_facts_only_when_it_shall() -> None:
    text = fastq(long_reads([30, 20]))
    on, off = (
        examine_fastq({"SOURCE1": [gz(text)]}, algorithm="md5", qc=wanted).sources["SOURCE1"]
        for wanted in (True, False)
    )
    assert off.qc is None
    assert on.qc == json.loads(json.dumps(facts_of_text(text, [])))


HEADER = pysam.AlignmentHeader.from_dict(
    {"HD": {"VN": "1.6"}, "SQ": [{"SN": "one", "LN": 2_000_000}, {"SN": "two", "LN": 100_000}]}
)
COMPLEMENT = str.maketrans("ACGTN", "TGCAN")


def write_bam(path: Path, records: Iterator[pysam.AlignedSegment]) -> None:
    with pysam.AlignmentFile(str(path), "wb", header=HEADER) as file:
        for record in records:
            file.write(record)


def record(read: Read, flag: int, **members: Any) -> pysam.AlignedSegment:
    """A record that shows a read of the machine in the strand of its flag."""
    made = pysam.AlignedSegment(HEADER)
    letters, qualities = read.letters, read.qualities
    if flag & 16:
        letters = letters.translate(COMPLEMENT)[::-1]
        qualities = qualities[::-1] if qualities else qualities
    made.query_name, made.flag, made.query_sequence = "r", flag, letters or None
    if qualities:
        made.query_qualities = list(qualities)
    if letters and not flag & 4:
        made.cigarstring = f"{len(letters)}M"
        made.reference_id, made.reference_start = 0, 100
    for name, value in members.items():
        setattr(made, name, value)
    return made


def facts_of_bam(path: Path) -> dict[str, Any]:
    found = examine_alignments("BAM", [path.read_bytes()], algorithm="md5", reference=None)
    assert found.problems == ()
    facts = found.sources["SOURCE1"].qc
    assert facts is not None
    return dict(facts)


def as_json(facts: dict[str, Any]) -> dict[str, Any]:
    return json.loads(json.dumps(facts))


@settings(max_examples=12, deadline=None)
@given(some_reads("ACGTN", unrated=True), st.randoms(use_true_random=False))
def test_the_facts_of_primary_records_equal_a_plain_count_of_what_the_machine_saw(
    tmp_path_factory: Any, reads: list[Read], chance: random.Random
) -> None:
    path = tmp_path_factory.mktemp("qc") / "reads.bam"
    reads = [Read(read.letters, read.qualities or None) for read in reads]
    flags = [chance.choice([0, 4, 16, 20, 77, 83, 99, 141, 512, 1040]) for _ in reads]
    others = [record(read, chance.choice([256, 272, 2048, 2064])) for read in long_reads([30, 40])]
    write_bam(path, iter([*map(record, reads, flags), *others]))

    facts = facts_of_bam(path)

    facts.pop("alignment")
    assert facts == as_json(expected(reads))


def test_long_reversed_records_are_turned_back_piece_by_piece(tmp_path: Path) -> None:
    reads = long_reads([4_095, 4_096, 4_097, 8_191, 8_193, 20_001])
    write_bam(tmp_path / "x.bam", (record(read, flag) for read in reads for flag in (0, 16)))
    facts = facts_of_bam(tmp_path / "x.bam")
    facts.pop("alignment")
    assert facts == as_json(expected([read for read in reads for _ in (0, 16)]))


@pytest.fixture(scope="module")
def sequenced(tmp_path_factory: Any) -> Path:
    """Pairs of 100 bases with every flag that matters, on two contigs."""
    chance, path = random.Random(7), tmp_path_factory.mktemp("qc") / "pairs.bam"
    records = []
    for number in range(3_000):
        size = chance.choice([180, 350, 351, 420, 7_999, 8_000, 8_001, 12_000])
        proper = 2 if chance.random() < 0.8 else 0
        more = chance.choice([0] * 20 + [512, 1024])
        place = {"query_name": f"p{number}", "next_reference_id": 0, "next_reference_start": 900}
        for first, flag, sign in ((True, 0x63 ^ 2, 1), (False, 0x93 ^ 2, -1)):
            read = long_reads([100], seed=number * 2 + first)[0]
            made = record(read, flag | proper | more, template_length=sign * size, **place)
            made.reference_start = 900
            made.mapping_quality = chance.choice([0, 4, 5, 37, 60, 60, 60])
            records.append(made)
        if number % 10 == 0:
            records.append(record(read, 256 | 16))
            records.append(record(read, 0x49, query_name=f"s{number}", next_reference_id=0))
            elsewhere = record(read, 0x41, query_name=f"e{number}", next_reference_id=1, next_reference_start=5)
            elsewhere.mapping_quality = chance.choice([0, 60])
            records.append(elsewhere)
    write_bam(path, iter(records))
    return path


def samtools_stats(path: Path, *options: str) -> dict[str, list[list[str]]]:
    """Lines of `samtools stats` by their first column."""
    found: dict[str, list[list[str]]] = {}
    for line in pysam.samtools.stats(*options, str(path)).splitlines():
        if not line.startswith("#"):
            key, *values = line.split("\t")
            found.setdefault(key, []).append(values)
    return found


def test_flagstat_is_that_of_samtools(sequenced: Path) -> None:
    told = json.loads(pysam.samtools.flagstat("-O", "json", str(sequenced)))
    names = {
        **{name: name for name in ("total", "primary", "secondary", "supplementary", "duplicates", "mapped")},
        **{"primaryDuplicates": "primary duplicates", "primaryMapped": "primary mapped", "singletons": "singletons"},
        **{"pairedInSequencing": "paired in sequencing", "read1": "read1", "read2": "read2"},
        **{"properlyPaired": "properly paired", "withItselfAndMateMapped": "with itself and mate mapped"},
        "withMateMappedToDifferentChr": "with mate mapped to a different chr",
        "withMateMappedToDifferentChrMapq5": "with mate mapped to a different chr (mapQ >= 5)",
    }
    found = facts_of_bam(sequenced)["alignment"]["flagstat"]
    for kind, theirs in (("passed", told["QC-passed reads"]), ("failed", told["QC-failed reads"])):
        assert {names[name]: n for name, n in found[kind].items()} == {name: theirs[name] for name in names.values()}
    assert found["passed"]["withMateMappedToDifferentChrMapq5"] > 0
    assert found["failed"]["total"] > 0


def test_flagstat_of_every_flag_is_that_of_samtools(tmp_path: Path) -> None:
    read = long_reads([5])[0]
    write_bam(tmp_path / "x.bam", (record(read, flag) for flag in range(4096)))
    told = json.loads(pysam.samtools.flagstat("-O", "json", str(tmp_path / "x.bam")))
    found = facts_of_bam(tmp_path / "x.bam")["alignment"]["flagstat"]
    for kind, theirs in (("passed", told["QC-passed reads"]), ("failed", told["QC-failed reads"])):
        assert list(found[kind].values()) == [n for name, n in theirs.items() if "%" not in name]


def test_mapq_is_that_of_samtools_stats(sequenced: Path) -> None:
    theirs = [[int(mapq), int(n)] for mapq, n in samtools_stats(sequenced)["MAPQ"]]
    assert facts_of_bam(sequenced)["alignment"]["mapqs"] == theirs


def test_insert_sizes_are_those_of_samtools_stats(sequenced: Path) -> None:
    lines = samtools_stats(sequenced, "-f", "2", "-m", "1", "-i", "8000")["IS"]
    theirs = [[int(size), int(pairs)] for size, pairs, *_ in lines if int(pairs)]
    assert facts_of_bam(sequenced)["alignment"]["insertSizes"] == theirs


def test_qualities_and_lengths_are_those_of_samtools_stats(sequenced: Path) -> None:
    lines, facts = samtools_stats(sequenced), facts_of_bam(sequenced)
    by_cycle = [Counter[int]() for _ in range(100)]
    for kind in ("FFQ", "LFQ"):
        for cycle, *counts in lines[kind][:100]:
            by_cycle[int(cycle) - 1].update({q: int(n) for q, n in enumerate(counts) if int(n)})
    summary = {name.rstrip(":"): value for name, value, *_ in lines["SN"]}
    assert facts["qualities"]["bases"] == [[q, n] for q, n in sorted(sum(by_cycle, Counter[int]()).items())]
    assert (facts["reads"], facts["bases"]) == (int(summary["sequences"]), int(summary["total length"]))
    for counts, (_first, _last, mean, *_rest) in zip(by_cycle, facts["cycles"], strict=True):
        assert mean == pytest.approx(sum(q * n for q, n in counts.items()) / counts.total(), rel=1e-7)


def test_bases_by_cycle_are_those_of_samtools_stats(sequenced: Path) -> None:
    theirs = [list(map(float, percents[1:5])) for percents in samtools_stats(sequenced)["GCT"]]
    for percents, (*_, a, c, g, t, _other) in zip(theirs, facts_of_bam(sequenced)["cycles"], strict=True):
        assert percents == pytest.approx([100 * n / (a + c + g + t) for n in (a, c, g, t)], abs=0.006)
