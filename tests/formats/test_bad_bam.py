"""BAM files at fault: refused with the reason and the record, and never a crash, whatever the bytes."""

import hashlib
import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import regex

from .alignment_files import EVERY_TAG, SOUND, aligned, placed, sorted_alignments
from .bad_alignments import BAD_BAM, BadFile
from .bam_records import UNMAPPED
from .bam_rules import sound_records
from .bgzf_files import boundaries, inflated
from .forked_worker import ForkedWorkers, Verdict
from .mutants import mutant
from .reference_files import GENOME
from .samtools import Samtools

STATUS_MESSAGE = regex.compile(r"[\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]+")

CUT = {"bgzf.truncated", "bgzf.end-marker"}

HEAD = aligned([]).head
MUTATED = [
    SOUND["odd reads"].payload,
    sorted_alignments(15).payload,
    aligned([placed(n, 0, n, tags=EVERY_TAG) for n in range(5)]).payload,
]


@pytest.mark.parametrize("bad", BAD_BAM.values(), ids=BAD_BAM)
def test_a_bad_file_is_refused_for_the_right_reason(workers: ForkedWorkers, bad: BadFile) -> None:
    found = workers.examine(bad.stored)
    assert found.status == 0
    assert found.problem is not None
    assert (found.problem["rule"], found.problem["record"]) == (bad.rule, bad.record)
    assert STATUS_MESSAGE.fullmatch(found.problem["text"].replace("\N{REPLACEMENT CHARACTER}", "?"))
    assert len(found.problem["text"]) <= 220


def refused_at(found: Verdict) -> int | None:
    """How many sound records came before the fault; None when there is none."""
    return found.problem["record"] - 1 if found.problem else None


@pytest.mark.parametrize("first", range(0, 1200, 100))
def test_mutants_are_refused_by_the_specification_or_told_as_samtools_tells_them(
    samtools: Samtools, workers: ForkedWorkers, first: int
) -> None:
    lengths = [length for _, length in GENOME.dictionary]
    for seed in range(first, first + 100):
        stored = mutant(seed, MUTATED)
        found = workers.examine(stored)
        assert found.status == 0, seed
        stream = inflated(stored)
        if stream.startswith(HEAD):
            count, sound = sound_records(stream.removeprefix(HEAD), lengths)
            assert (refused_at(found) is None) == sound, seed
            assert refused_at(found) in (None, count), seed
        if found.facts:
            assert found.facts["text_digest"] == hashlib.md5(samtools.text(stored)).hexdigest(), seed
            index = samtools.attempt_index(stored)
            assert found.outputs == ({"bai": index} if found.outputs else {}), seed
        elif not stream.startswith(HEAD) and found.problem:
            assert found.problem["rule"].split(".")[0] in ("alignment", "bam"), seed


def test_a_file_cut_anywhere_is_refused(workers: ForkedWorkers) -> None:
    stored = sorted_alignments(300).bam_in_blocks(20_000)
    chance = random.Random(1)
    places = {*boundaries(stored)[:-1], *chance.sample(range(len(stored)), 150), len(stored) - 1}
    for place in places:
        found = workers.examine(stored[:place])
        assert found.problem, place
        assert found.problem["rule"] in (CUT if place else {"bam.empty"}), place


def test_a_turned_bit_is_refused_or_changes_nothing(workers: ForkedWorkers) -> None:
    """Times, levels and systems in the headers of blocks are under no checksum, and nothing depends on them."""
    stored = sorted_alignments(60).bam_in_blocks(3000)
    whole = workers.examine(stored)
    assert whole.facts
    chance = random.Random(2)
    heads = [start + at for start in boundaries(stored)[:3] for at in range(18)]
    for place in [*heads, *chance.sample(range(len(stored)), 150)]:
        found = workers.examine(
            stored[:place] + bytes([stored[place] ^ 1 << chance.randrange(8)]) + stored[place + 1 :]
        )
        if found.facts:
            assert found.facts["text_digest"] == whole.facts["text_digest"], place
            assert found.outputs == whole.outputs, place
        else:
            assert found.problem, place
            assert found.problem["rule"].startswith("bgzf."), place


@pytest.mark.parametrize(
    ("known", "rule"),
    [
        ({}, None),
        ({"chr3": None}, None),
        ({"chr1": None}, "which the reference does not have"),
        ({"chr3": ("chr3", 2999, GENOME.m5("chr3"))}, None),
        ({"chr1": ("chr1", 20_001, GENOME.m5("chr1"))}, "which has 20000 bases by the header but 20001"),
        ({"chr1": ("chr1", 20_000, GENOME.m5("chr2"))}, "another sequence"),
        ({"chr3": ("chr3", 3_000, GENOME.m5("chr2"))}, None),
        ({"more": ("more", 5, "0" * 32)}, None),
    ],
)
@pytest.mark.parametrize("m5", [True, False])
def test_the_dictionary_must_be_the_references_where_records_are_mapped(
    workers: ForkedWorkers, tmp_path: Path, known: dict[str, Any], rule: str | None, m5: bool
) -> None:
    """Records lie on chr1 and chr2 alone; one that is not mapped lies on chr3."""
    contigs = {name: (name, length, GENOME.m5(name)) for name, length in GENOME.dictionary}
    dictionary = tmp_path / "dictionary.json"
    dictionary.write_text(json.dumps([contig for contig in {**contigs, **known}.values() if contig]))
    reads = [placed(1, 1, 5), placed(2, 0, 7), placed(3, 2, 9, flag=UNMAPPED)]
    found = workers.examine(aligned(reads, m5=m5).bam(), dictionary=str(dictionary))
    if rule is None or (rule == "another sequence" and not m5):
        assert found.facts
        return
    assert found.problem
    assert (found.problem["rule"], found.problem["record"]) == ("alignment.reference", 2)
    assert "'r2' is mapped to chr1, " in found.problem["text"]
    assert rule in found.problem["text"]


def test_an_m5_may_be_in_capitals(workers: ForkedWorkers, tmp_path: Path) -> None:
    dictionary = tmp_path / "dictionary.json"
    dictionary.write_text(json.dumps([(name, length, GENOME.m5(name)) for name, length in GENOME.dictionary]))
    alignments = aligned([placed(1, 0, 5)], m5=True)
    capitals = replace(alignments, text=alignments.text.replace(GENOME.m5("chr1"), GENOME.m5("chr1").upper()))
    assert workers.examine(capitals.bam(), dictionary=str(dictionary)).facts


@pytest.mark.parametrize("end", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\r"])
def test_only_a_line_feed_ends_a_line_of_the_header(workers: ForkedWorkers, end: str) -> None:
    alignments = aligned([placed(1, 0, 5)])
    comment = f"@CO\tone{end}@SQ\tSN:two\tLN:5\n"
    assert workers.examine(replace(alignments, text=alignments.text + comment).bam()).facts
