"""Alignment records between a file's format and the kernel: what bounds them, and what is told of them."""

from collections.abc import Sequence
from typing import Any

from strandkeep.formats import qc
from strandkeep.formats._qc import Counters
from strandkeep.formats.contigs import Contig, fitting, load_dictionary, why_foreign
from strandkeep.formats.digests import new_digest
from strandkeep.formats.htslib import _alignments as kernel
from strandkeep.formats.refusals import Refusal
from strandkeep.formats.stored import StoredBytes

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
    kernel.TOO_LONG: (
        "alignment.too-long",
        "the record is longer than {longest} bytes, or could be as SAM text; or its length is wrong",
    ),
    kernel.FOREIGN_CONTIG: ("alignment.reference", "'{name}' is mapped to {where}, {foreign}"),
    kernel.CONCATENATED: (
        "bam.concatenated",
        "another BAM file follows in the same file; join them with samtools cat, which writes one header",
    ),
    kernel.TRUNCATED: ("bam.truncated", "the file ends inside this record: it was cut short; send the whole file"),
}


class Alignments:
    """The records of one file, and what is told of them.

    The order has the `algorithm` of the digest, the path of the reference's `dictionary` or null, whether the file is
    to be `indexed`, which no uBAM is, the `longest_line`, which bounds a record, and whether `qc` facts are wanted.
    """

    def __init__(self, order: dict[str, Any], contigs: Sequence[Contig], stored: StoredBytes) -> None:
        self._contigs = contigs
        self._dictionary = load_dictionary(order["dictionary"]) if order["dictionary"] else None
        self._indexed, self._longest = order["indexed"], order["longest_line"]
        self._digest = new_digest(order["algorithm"], stored)
        names, lengths = [contig.name.encode() for contig in contigs], [contig.length for contig in contigs]
        self._counters = Counters(0) if order["qc"] else None
        fits = fitting(contigs, self._dictionary)
        self.records = kernel.Records(names, lengths, fits, self._digest, self._longest, self._counters)

    def begin_index(self, offset: int) -> None:
        """Make an index, if there is to be one, from the virtual `offset` of the first record on."""
        if self._indexed:
            self.records.begin_index(offset, max((contig.length for contig in self._contigs), default=0))

    def check(self) -> None:
        """Raises Refusal when the kernel has stopped at a fault."""
        records = self.records
        if records.fault:
            rule, sentence = _SENTENCES[records.fault]
            raise Refusal(rule, sentence.format_map(self._about()), records.total + 1)

    def broken_off(self, refusal: Refusal) -> Refusal:
        """The refusal of a file that is no longer sound behind some records: it tells how many."""
        refusal.sentence += f" ({self.records.total} whole records came before)"
        return refusal

    def why_foreign(self, name: str) -> str | None:
        """What sets the header's contig of this name apart from the reference's, as the end of a sentence; None when
        nothing does.
        """
        if self._dictionary is None:
            return None
        named = (contig for contig in self._contigs if contig.name == name)
        return next((why_foreign(contig, self._dictionary) for contig in named), None)

    def progress(self) -> tuple[int, int]:
        """Bytes of text, and records, so far."""
        return self.records.text_length, self.records.total

    def facts(self) -> dict[str, Any]:
        """What is known when all records are sound, as facts name it."""
        records = self.records
        return {
            "text_length": records.text_length,
            "text_digest": self._digest.hexdigest(),
            "reads": records.reads,
            "bases": records.bases,
            "first_name": records.first_name.decode("utf-8", "replace"),
            "alignment": {"records": records.total, "sorted": not records.unsorted_at},
            "qc": self._counters and qc.facts_of_alignments(self._counters, records.flags(), records.elsewhere()),
            "notes": self._notes(),
        }

    def _about(self) -> dict[str, Any]:
        """What sentences about the record at fault may say."""
        records = self.records
        contig = self._contigs[records.contig] if 0 <= records.contig < len(self._contigs) else None
        return {
            "name": records.name[:_NAME_QUOTED].decode("utf-8", "replace"),
            "contig": records.contig,
            "where": contig.name if contig else "no contig",
            "position": records.position,
            "foreign": why_foreign(contig, self._dictionary or {}) if contig else "",
            "longest": self._longest,
        }

    def _notes(self) -> list[str]:
        """What a user should know of a file that is sound."""
        records = self.records
        if not self._indexed:
            mapped = sum(count for flag, count in records.flags().items() if not flag & _UNMAPPED)
            return [f"{mapped} records are mapped, though its type is UBAM; it has no index."] if mapped else []
        if records.unsorted_at:
            return [f"Not sorted by coordinate (record {records.unsorted_at} is out of order), so it has no index."]
        if records.unindexable_at:
            return [f"Record {records.unindexable_at} ends where no index of its kind reaches, so it has no index."]
        return []
