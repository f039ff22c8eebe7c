"""A BAM file from its stored bytes to its facts and its index."""

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

from strandkeep.formats import alignments, bgzf, qc
from strandkeep.formats.bam_header import BamHeader
from strandkeep.formats.contigs import fitting, load_dictionary
from strandkeep.formats.digests import new_digest
from strandkeep.formats.htslib import _alignments as kernel
from strandkeep.formats.htslib import _bam
from strandkeep.formats.refusals import Refusal
from strandkeep.formats.report import Report
from strandkeep.formats.stored import StoredBytes


def examine(order: dict[str, Any], stored: StoredBytes, report: Report) -> dict[str, Any]:
    """The facts of a BAM file, its index told before them; Refusal when it is at fault.

    The order has the path of the reference's `dictionary` or null, and whether the file is to be `indexed`.
    """
    digest = new_digest(order["algorithm"], stored)
    blocks = bgzf.blocks(stored)
    header = BamHeader(blocks)
    dictionary = load_dictionary(order["dictionary"]) if order["dictionary"] else None
    names, lengths = [c.name.encode() for c in header.contigs], [c.length for c in header.contigs]
    counters = qc.Counters(0) if order["qc"] else None
    records = kernel.Records(names, lengths, fitting(header.contigs, dictionary), digest, counters)
    begin = _virtual(header.block, header.at)
    if order["indexed"]:
        records.begin_index(begin, max(lengths, default=0))
    scanner = _bam.BamScanner(records, order["longest_line"], begin)
    try:
        _read_through(blocks, header, scanner, records, lambda: report.progress(stored.length, *_counted(records)))
    except Refusal as refusal:
        raise alignments.after(records, refusal) from None
    if records.fault:
        raise alignments.record_refusal(records, header.contigs, dictionary, order["longest_line"])
    kind = records.index_kind
    if kind:
        report.output(kind, _index(records, scanner.end))
    return {
        **stored.facts(),
        **alignments.facts(records, digest),
        "qc": counters and qc.facts_of_alignments(counters, records.flags(), records.elsewhere()),
        "notes": alignments.notes(records, indexed=order["indexed"]),
    }


def _read_through(
    blocks: Iterator[bgzf.Block],
    header: BamHeader,
    scanner: _bam.BamScanner,
    records: kernel.Records,
    progress: Callable[[], None],
) -> None:
    """Give the scanner all text behind the header, or up to a fault."""
    block: bgzf.Block | None = header.block
    at = header.at
    while not records.fault and block is not None:
        scanner.feed(block.text, at, block.start, block.end)
        progress()
        block, at = next(blocks, None), 0
    scanner.finish()


def _counted(records: kernel.Records) -> tuple[int, int]:
    return records.text_length, records.total


def _virtual(block: bgzf.Block, at: int) -> int:
    """The virtual offset of a place in a block; behind its end it is the next block's."""
    return block.start << 16 | at if at < len(block.text) else block.end << 16


def _index(records: kernel.Records, end: int) -> bytes:
    """The bytes of the index of records that end at a virtual offset.

    htslib writes to a path, and a worker may write no file: the path is a pipe's.
    """
    reading, writing = os.pipe()
    pieces: list[bytes] = []

    def gather() -> None:
        while piece := os.read(reading, 1 << 16):
            pieces.append(piece)

    thread = threading.Thread(target=gather)
    thread.start()
    try:
        records.save_index(f"/dev/fd/{writing}".encode(), end)
    finally:
        os.close(writing)
        thread.join()
        os.close(reading)
    return b"".join(pieces)
