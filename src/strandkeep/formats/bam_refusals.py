"""Why a file that is called BAM or uBAM is none: what it is instead, and what to do."""

from strandkeep.formats.refusals import Refusal

#: What a stored file may be, by its first bytes, if it is not compressed as BAM is.
_NOT_COMPRESSED = (
    (b"CRAM", "is a CRAM file; name sourceFileType CRAM"),
    (b"BAM\1", "is an uncompressed BAM file; compress it with samtools view -b"),
    *((head, "is plain SAM text; make BAM of it with samtools view -b")
      for head in (b"@HD\t", b"@SQ\t", b"@RG\t", b"@PG\t", b"@CO\t")),
    (b"@", "is plain FASTQ text; compress it with gzip and name sourceFileType FASTQ"),
    (b">", "is FASTA text; import it as a reference"),
    (b"##fileformat=VCF", "is VCF, which a sequence store does not keep"),
    (b"BAI\1", "is the index of a BAM file; send the BAM, of which an index is made"),
    (b"PK\3\4", "is a zip archive; unpack it and send what is in it"),
    (b"BZh", "is compressed with bzip2; BAM is compressed by samtools"),
    (b"\xfd7zXZ\0", "is compressed with xz; BAM is compressed by samtools"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd; BAM is compressed by samtools"),
    (b"\x89HDF", "is an HDF5 file (FAST5 or old PacBio?); make uBAM of it"),
)  # fmt: skip

#: What decompressed text may be instead of BAM.
_NOT_BAM = (
    *((head, "is compressed SAM text; make BAM of it with samtools view -b")
      for head in (b"@HD\t", b"@SQ\t", b"@RG\t", b"@PG\t", b"@CO\t")),
    (b"@", "is FASTQ; name sourceFileType FASTQ"),
    (b">", "is FASTA; import it as a reference"),
    (b"##fileformat=VCF", "is VCF, which a sequence store does not keep"),
    (b"BCF\2", "is BCF, which a sequence store does not keep"),
    (b"CSI\1", "is the index of a BAM file; send the BAM, of which an index is made"),
    (b"CRAM", "is a compressed CRAM file; send the CRAM itself, and name sourceFileType CRAM"),
    (b"\x1f\x8b", "was compressed twice; decompress it once and send that"),
)  # fmt: skip

#: Bytes that `refuse_other_file` and `not_bam` want to see.
HEAD = 16


def refuse_other_file(stored: bytes) -> None:
    """Raises Refusal when the file whose stored bytes begin with `stored` is known to be no BAM."""
    if not stored:
        raise Refusal("bam.empty", "the file is empty: it has no bytes at all", offset=0)
    for head, what in _NOT_COMPRESSED:
        if stored.startswith(head):
            raise Refusal("bam.not-bam", f"the file {what}", offset=0)


def not_bam(text: bytes) -> Refusal:
    """The refusal of a file whose decompressed text begins with `text`, and not as BAM does."""
    for head, what in _NOT_BAM:
        if text.startswith(head):
            return Refusal("bam.not-bam", f"the file {what}", offset=0)
    return Refusal("bam.not-bam", "this is no BAM file: its text does not begin with 'BAM'", offset=0)
