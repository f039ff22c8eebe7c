"""CRAM files for tests, made of BAM by samtools: there is no second writer that would be simpler."""

from pathlib import Path

from .alignment_files import Alignments
from .reference_files import Reference
from .samtools import Samtools

VERSIONS = ("2.1", "3.0", "3.1")

#: How a file may hold, or not need, its reference; and records of many contigs in a slice.
KINDS = {
    "external": "",
    "embedded": ",embed_ref=1",
    "consensus embedded": ",embed_ref=2",
    "none": ",no_ref=1",
    "several contigs in a slice": ",multi_seq_per_slice=1",
    "small slices": ",seqs_per_slice=25,slices_per_container=3",
}


def cram(
    samtools: Samtools,
    alignments: Alignments,
    reference: Reference | Path,
    version: str = "3.0",
    kind: str = "external",
) -> bytes:
    """The alignments as a CRAM; htslib adds M5 and UR, which names a path in the folder of samtools, to each @SQ."""
    fasta = reference if isinstance(reference, Path) else reference.write(samtools.folder)
    source = samtools.folder / "to-be-cram.bam"
    source.write_bytes(alignments.bam())
    form = f"cram,version={version}{KINDS[kind]}"
    return samtools.run("view", "--no-PG", "-O", form, "-T", fasta, source)


def cram_text(samtools: Samtools, stored: bytes, fasta: Path) -> bytes:
    """The SAM text that the digest of a CRAM is over: as it is stored, without MD and NM that a decoder makes up."""
    return samtools.text(stored, "--input-fmt-option", "decode_md=0", "-T", str(fasta))
