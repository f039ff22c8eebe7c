"""A CRAM file from its stored bytes to its facts and its index."""

import re
from collections.abc import Callable
from typing import Any

from strandkeep.formats import contigs as header_contigs
from strandkeep.formats import cram_layout
from strandkeep.formats.alignments import Alignments
from strandkeep.formats.complaints import Complaints
from strandkeep.formats.confinement import open_no_more
from strandkeep.formats.contigs import Contig
from strandkeep.formats.cram_feed import Feed
from strandkeep.formats.cram_index import CramIndex
from strandkeep.formats.cram_refusals import not_decoded
from strandkeep.formats.cram_slices import Slice
from strandkeep.formats.gathered import Gathered
from strandkeep.formats.htslib import _cram
from strandkeep.formats.refusals import Refusal
from strandkeep.formats.report import Report
from strandkeep.formats.stored import StoredBytes

#: What tells in a header where else a reference may be. htslib is not told.
_PLACES = re.compile(rb"^(@SQ\t[^\n]*?)\tUR:[^\t\n]*", re.MULTILINE)


def examine(order: dict[str, Any], stored: StoredBytes, report: Report) -> dict[str, Any]:
    """The facts of a CRAM file, its index told before them; Refusal when it is at fault.

    The order is `Alignments`'s, and has the path of the reference's `fasta` or null, whose .fai lies beside it.
    """
    version = cram_layout.definition(stored)
    definition = bytes(stored.take(cram_layout.DEFINITION))
    text = cram_layout.header_text(stored, version)
    contigs = header_contigs.in_header(text.rstrip(b"\0").decode("utf-8", "replace"))
    header_contigs.check(contigs)
    alignments = Alignments(order, contigs, stored)
    feed = Feed(stored, version, definition, _PLACES.sub(rb"\1", text))
    written = Gathered()
    with Complaints() as complaints:
        decoding = _Decoding(alignments, feed, complaints, order["fasta"])
        decoding.open(contigs)
        open_no_more()
        try:
            decoding.run(lambda: report.progress(stored.length, *alignments.progress()))
        except Refusal as refusal:
            raise alignments.broken_off(refusal) if refusal.record is None else refusal from None
    if order["indexed"] and not alignments.records.unsorted_at:
        _cram.gzipped(decoding.index.text(), written.writing)
        report.output("crai", written.content())
    return {**stored.facts(), **alignments.facts()}


class _Decoding:
    """What htslib decodes of what it is fed. `index` has all slices in the end."""

    def __init__(self, alignments: Alignments, feed: Feed, complaints: Complaints, fasta: str | None) -> None:
        self._alignments, self._feed, self._complaints = alignments, feed, complaints
        self._fasta = fasta
        self._decoder = _cram.CramDecoder(alignments.records, feed.reading)
        self.index = CramIndex()

    def open(self, contigs: list[Contig]) -> None:
        """Begin, and open all that is ever opened. Raises Refusal for a header that is not as htslib wants it."""
        self._feed.start()
        opened = self._decoder.open(self._fasta.encode() if self._fasta else None)
        if not opened or self._decoder.contigs() != [contig.name.encode() for contig in contigs]:
            raise Refusal("alignment.header", "a line of the header is not as the SAM specification says")

    def run(self, progress: Callable[[], None]) -> None:
        """Take all records. Raises Refusal where the file is at fault."""
        while (begun := self._decoder.begin_slice()) > 0:
            found = self._next_slice()
            if found is None:
                raise self._fault(None)
            runs: list[tuple[int, int, int]] | None = [] if found.several else None
            if not self._decoder.take_slice(found.records, found.last, runs):
                raise self._fault(found)
            self._alignments.check()
            self.index.add(found, runs)
            self._complaints.hear()
            progress()
        if begun < 0:
            raise self._fault(None if self._feed.slices.empty() else self._next_slice())
        self._decoder.close()
        if self._next_slice() is not None or self._feed.error is not None:
            raise self._fault(None)
        self._alignments.records.finish()

    def _next_slice(self) -> Slice | None:
        """The next slice that has records; None behind the last."""
        while (found := self._feed.slices.get()) is not None and not found.records:
            self.index.add(found, None)
        return found

    def _fault(self, where: Slice | None) -> BaseException:
        """Why there are no more records: the layout of the file, or what the records say."""
        if self._feed.error is not None and not isinstance(self._feed.error, BrokenPipeError):
            return self._feed.error
        said = self._complaints.hear()
        return not_decoded(said, where, given=self._fasta is not None, foreign=self._alignments.why_foreign)
