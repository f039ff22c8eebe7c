"""Sound CRAM files: what is told of them is what samtools says, to the byte."""

import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from .alignment_files import (
    SOUND,
    Alignments,
    name_sorted_alignments,
    sorted_alignments,
    unaligned,
    unsorted_alignments,
)
from .cram_files import KINDS, VERSIONS, cram, cram_text
from .forked_worker import ForkedWorkers, Verdict
from .reference_files import GENOME, Reference
from .sam_text import count
from .samtools import Samtools

LINE = "@CO\tstrandkeep: sequenceStoreId=1234567890 ingestedAt=2026-01-02T03:04:05Z"

#: What CRAM can hold of the sound ones: its reads are no longer than its slices, its contigs are in the reference.
SMALL = {
    name: alignments
    for name, alignments in SOUND.items()
    if tuple(alignments.dictionary) in (GENOME.dictionary, ()) and len(alignments.payload) < 1 << 20
}


@pytest.fixture(scope="module")
def fasta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return GENOME.write(tmp_path_factory.mktemp("reference"))


def dictionary(fasta: Path, reference: Reference = GENOME) -> str:
    """The path of the JSON that tells the contigs of a reference."""
    path = fasta.with_suffix(".json")
    path.write_text(json.dumps([[name, length, reference.m5(name)] for name, length in reference.dictionary]))
    return str(path)


def check(samtools: Samtools, found: Verdict, stored: bytes, fasta: Path) -> None:
    """All that is told of a sound file, beside samtools."""
    assert found.problem is None
    assert found.status == 0
    assert found.facts is not None
    if "head" in found.outputs:
        stored = found.outputs["head"] + stored[found.facts["head_replaces"] :]
    text = cram_text(samtools, stored, fasta)
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
    if found.facts["alignment"]["sorted"]:
        index = samtools.index(stored)
        assert gzip.decompress(found.outputs["crai"]) == gzip.decompress(index)
        assert found.outputs["crai"] == index
    else:
        assert "crai" not in found.outputs
        assert found.facts["notes"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_sound_file_is_told_as_samtools_tells_it(
    samtools: Samtools, workers: ForkedWorkers, fasta: Path, version: str, kind: str
) -> None:
    alignments = sorted_alignments(300)
    if (version, kind) == ("2.1", "none"):
        alignments = replace(alignments, reads=[read for read in alignments.reads if read.bases])
    stored = cram(samtools, alignments, fasta, version, kind)
    for line in (None, LINE):
        found = workers.examine(stored, "cram", fasta=str(fasta), dictionary=dictionary(fasta), provenance=line)
        check(samtools, found, stored, fasta)


def test_a_read_without_bases_in_a_cram_2_1_without_reference(
    samtools: Samtools, workers: ForkedWorkers, fasta: Path
) -> None:
    """htslib writes what it reads back as bases with qualities that are none: samtools prints it, we refuse it."""
    alignments = sorted_alignments(300)
    assert not all(read.bases for read in alignments.reads)
    found = workers.examine(cram(samtools, alignments, fasta, "2.1", "none"), "cram")
    assert found.problem is not None
    assert found.problem["rule"] == "alignment.quality"


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("kind", ["external", "several contigs in a slice", "none"])
def test_whatever_the_records_are(
    samtools: Samtools, workers: ForkedWorkers, fasta: Path, name: str, kind: str
) -> None:
    stored = cram(samtools, SMALL[name], fasta, kind=kind)
    check(samtools, workers.examine(stored, "cram", fasta=str(fasta)), stored, fasta)


@pytest.mark.parametrize("alignments", [unsorted_alignments(), name_sorted_alignments()], ids=["unsorted", "by name"])
@pytest.mark.parametrize("kind", ["external", "several contigs in a slice"])
def test_without_order_there_is_no_index(
    samtools: Samtools, workers: ForkedWorkers, fasta: Path, alignments: Alignments, kind: str
) -> None:
    stored = cram(samtools, alignments, fasta, kind=kind)
    found = workers.examine(stored, "cram", fasta=str(fasta))
    assert found.facts is not None
    assert not found.facts["alignment"]["sorted"]
    check(samtools, found, stored, fasta)


@pytest.mark.parametrize("kind", ["embedded", "consensus embedded", "none"])
def test_what_needs_no_reference_is_read_without_one(
    samtools: Samtools, workers: ForkedWorkers, fasta: Path, kind: str
) -> None:
    stored = cram(samtools, sorted_alignments(300), fasta, kind=kind)
    check(samtools, workers.examine(stored, "cram"), stored, fasta)


def test_reads_of_no_contigs(samtools: Samtools, workers: ForkedWorkers, fasta: Path) -> None:
    stored = cram(samtools, unaligned(), fasta)
    check(samtools, workers.examine(stored, "cram"), stored, fasta)
