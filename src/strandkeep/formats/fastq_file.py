"""FASTQ from its stored bytes, of one file or of several, to its facts."""

from typing import Any

from strandkeep.formats import qc
from strandkeep.formats._md5 import Md5
from strandkeep.formats._qc import Counters
from strandkeep.formats.fastq import FastqText
from strandkeep.formats.fastq_refusals import ENDS_TOO_EARLY
from strandkeep.formats.gunzip import texts
from strandkeep.formats.originals import originals
from strandkeep.formats.refusals import Refusal
from strandkeep.formats.report import Report
from strandkeep.formats.stored import OriginalBytes, StoredBytes

#: Bytes of name hashes, 8 a read, that make a frame: one for each piece of text would keep the server busy.
_NAMES = 64 * 1024

_FIRST_QUALITY = ord("!")


def examine(order: dict[str, Any], stored: StoredBytes, report: Report) -> dict[str, Any]:
    """The facts of gzipped FASTQ; Refusal when it is at fault. The order has the sizes of several `originals`."""
    counters = Counters(_FIRST_QUALITY) if order["qc"] else None
    fastq = FastqText(order["algorithm"], order["longest_line"], names=order["names"], qc=counters)
    sizes = order["originals"]
    reading = _Reading(fastq, stored, report)
    told = []
    for number, original in enumerate(originals(stored, sizes), 1):
        try:
            told.append(reading.read(original, followed=number < len(sizes)))
        except Refusal as refusal:
            refusal.file = number if sizes else None
            raise
    reading.finish()
    return {**_facts(stored, fastq), "originals": told if sizes else [], "qc": counters and qc.facts(counters)}


class _Reading:
    """The way through the files of a source."""

    def __init__(self, fastq: FastqText, stored: StoredBytes, report: Report) -> None:
        self._fastq, self._stored, self._report = fastq, stored, report
        self._names = bytearray()

    def read(self, original: OriginalBytes, *, followed: bool) -> dict[str, Any]:
        """The facts of the next file. Its Refusal counts records, and bytes of text, from its own beginning."""
        fastq = self._fastq
        reads, length = fastq.reads, fastq.length
        if isinstance(fastq.digest, Md5):
            fastq.digest.carry(original.md5)
        try:
            self._read_through(original, followed)
        except Refusal as refusal:
            if refusal.record is not None and refusal.offset is not None:
                refusal.record, refusal.offset = refusal.record - reads, refusal.offset - length
            if refusal.rule in ENDS_TOO_EARLY:
                refusal.sentence += f" ({fastq.reads - reads} whole records came before)"
            raise
        return {"md5": original.md5.hexdigest(), "reads": fastq.reads - reads}

    def finish(self) -> None:
        """All files were read."""
        self._fastq.finish()
        self._tell_names()
        self._tell_progress()

    def _read_through(self, original: OriginalBytes, followed: bool) -> None:
        for text in texts(original):
            self._take(self._fastq.feed(text))
        self._take(self._fastq.end_file(followed=followed))

    def _take(self, names: bytes) -> None:
        self._names += names
        if len(self._names) >= _NAMES:
            self._tell_names()
        self._tell_progress()

    def _tell_names(self) -> None:
        if self._names:
            self._report.names(bytes(self._names))
            self._names.clear()

    def _tell_progress(self) -> None:
        self._report.progress(self._stored.length, self._fastq.length, self._fastq.reads)


def _facts(stored: StoredBytes, fastq: FastqText) -> dict[str, Any]:
    return {
        **stored.facts(),
        "text_length": fastq.length,
        "text_digest": fastq.digest.hexdigest(),
        "reads": fastq.reads,
        "bases": fastq.bases,
        "first_name": fastq.first_header.decode("utf-8", "replace"),
    }
