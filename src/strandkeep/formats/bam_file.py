"""A BAM file from its stored bytes to its facts and its index."""

import os
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from strandkeep.formats import bgzf
from strandkeep.formats.alignments import Alignments
from strandkeep.formats.bam_header import BamHeader
from strandkeep.formats.bam_refusals import HEAD, refuse_other_file
from strandkeep.formats.gathered import Gathered
from strandkeep.formats.htslib import _alignments as kernel
from strandkeep.formats.htslib import _bam
from strandkeep.formats.refusals import Refusal
from strandkeep.formats.report import Report
from strandkeep.formats.stored import StoredBytes


def examine(order: dict[str, Any], stored: StoredBytes, report: Report) -> dict[str, Any]:
    """The facts of a BAM file, its index told before them; Refusal when it is at fault. The order is `Alignments`'s."""
    refuse_other_file(stored.peek(HEAD))
    blocks = bgzf.blocks(stored)
    header = BamHeader(blocks)
    alignments = Alignments(order, header.contigs, stored)
    begin = _virtual(header.block, header.at)
    alignments.begin_index(begin)
    scanner = _bam.BamScanner(alignments.records, order["longest_line"], begin)
    try:
        _read_through(header, blocks, scanner, lambda: _checked(alignments, stored, report))
    except Refusal as refusal:
        raise alignments.broken_off(refusal) if refusal.record is None else refusal from None
    if alignments.records.index_kind:
        report.output(alignments.records.index_kind, _index(alignments.records, scanner.end))
    return {**stored.facts(), **alignments.facts()}


def _read_through(
    header: BamHeader, blocks: Iterator[bgzf.Block], scanner: _bam.BamScanner, checked: Callable[[], None]
) -> None:
    """Give the scanner all text behind the header; `checked` is called after each piece, and may raise."""
    at = header.at
    for block in chain([header.block], blocks):
        scanner.feed(block.text, at, block.start, block.end)
        checked()
        at = 0
    scanner.finish()
    checked()


def _checked(alignments: Alignments, stored: StoredBytes, report: Report) -> None:
    alignments.check()
    report.progress(stored.length, alignments.records.text_length, alignments.records.total)


def _virtual(block: bgzf.Block, at: int) -> int:
    """The virtual offset of a place in a block; behind its end it is the next block's."""
    return block.start << 16 | at if at < len(block.text) else block.end << 16


def _index(records: kernel.Records, end: int) -> bytes:
    """The bytes of the index of records that end at a virtual offset.

    htslib writes to a path, and a worker may write no file: the path is a pipe's.
    """
    gathered = Gathered()
    try:
        records.save_index(f"/dev/fd/{gathered.writing}".encode(), end)
    finally:
        os.close(gathered.writing)
    return gathered.content()
