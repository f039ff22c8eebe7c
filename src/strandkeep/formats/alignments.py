"""What is told of alignment records: why one is refused, and what is worth a note though it is not."""

from collections.abc import Sequence
from typing import Any

from strandkeep.formats.contigs import Contig, Dictionary, why_foreign
from strandkeep.formats.htslib import _alignments as kernel
from strandkeep.formats.refusals import Refusal

_NAME_QUOTED = 40
_UNMAPPED = 4

_SENTENCES = {
    kernel.BAD_LENGTHS: ("alignment.lengths", "the lengths in it cannot be: the file is damaged"),
    kernel.BAD_NAME: (
        "alignment.name",
        "its name is empty, not ended, or holds characters other than '!' to '~'",
    ),
    kernel.BAD_CONTIG: ("alignment.contig", "'{name}' is on contig number {contig}, which the header does not have"),
    kernel.BAD_POSITION: ("alignment.position", "'{name}' is at {position} of {where}, which is no place in it"),
    kernel.BAD_MATE: ("alignment.mate", "the place of the mate of '{name}' cannot be"),
    kernel.BAD_CIGAR: ("alignment.cigar", "the CIGAR of '{name}' has an operation that does not exist"),
    kernel.CIGAR_LENGTH: ("alignment.cigar-length", "the CIGAR of '{name}' is for another number of bases than it has"),
    kernel.BAD_TAG: ("alignment.tag", "'{name}' has a tag that is not as the SAM specification says, or is cut short"),
    kernel.BAD_QUALITY: ("alignment.quality", "'{name}' has a base quality above 93"),
    kernel.TOO_LONG: ("alignment.too-long", "the record is longer than {longest} bytes, or its length is wrong"),
    kernel.FOREIGN_CONTIG: ("alignment.reference", "'{name}' is mapped to {where}, {foreign}"),
    kernel.CONCATENATED: (
        "bam.concatenated",
        "another BAM file follows in the same file; join them with samtools cat, which writes one header",
    ),
    kernel.TRUNCATED: ("bam.truncated", "the file ends inside this record: it was cut short; upload the whole file"),
}


def record_refusal(
    records: kernel.Records, contigs: Sequence[Contig], dictionary: Dictionary | None, longest: int
) -> Refusal:
    """The refusal of a file at whose `fault` the kernel stopped."""
    rule, sentence = _SENTENCES[records.fault]
    known = 0 <= records.contig < len(contigs)
    contig = contigs[records.contig] if known else None
    about = {
        "name": records.name[:_NAME_QUOTED].decode("utf-8", "replace"),
        "contig": records.contig,
        "where": contig.name if contig else "no contig",
        "position": records.position,
        "foreign": why_foreign(contig, dictionary) if contig and dictionary is not None else "",
        "longest": longest,
    }
    return Refusal(rule, sentence.format_map(about), records.total + 1)


def after(records: kernel.Records, refusal: Refusal) -> Refusal:
    """The refusal of a file that is no longer sound behind some records: it tells how many."""
    refusal.sentence += f" ({records.total} whole records came before)"
    return refusal


def notes(records: kernel.Records, *, indexed: bool) -> list[str]:
    """What a user should know of a sound file; `indexed`: whether an index was wanted, or else no alignments."""
    if indexed and records.unsorted_at:
        return [f"Not sorted by coordinate (record {records.unsorted_at} is out of order), so it has no index."]
    if indexed and records.unindexable_at:
        return [f"Record {records.unindexable_at} ends where no index of its kind can reach, so it has no index."]
    mapped = 0 if indexed else sum(count for flag, count in records.flags().items() if not flag & _UNMAPPED)
    if mapped:
        return [f"{mapped} of its records are mapped, though it was uploaded as UBAM; it has no index."]
    return []


def facts(records: kernel.Records, digest: Any) -> dict[str, Any]:
    """What is known of the records of a sound file, as facts name it."""
    return {
        "text_length": records.text_length,
        "text_digest": digest.hexdigest(),
        "reads": records.reads,
        "bases": records.bases,
        "first_name": records.first_name.decode("utf-8", "replace"),
        "alignment": {
            "records": records.total,
            "sorted": not records.unsorted_at,
            "flags": records.flags(),
            "elsewhere": records.elsewhere(),
        },
    }
