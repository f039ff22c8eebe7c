"""A FASTQ file from its stored bytes to its facts."""

from typing import Any

from strandkeep.formats import qc
from strandkeep.formats._md5 import Md5
from strandkeep.formats._qc import Counters
from strandkeep.formats.fastq import FastqText
from strandkeep.formats.fastq_refusals import ENDS_TOO_EARLY
from strandkeep.formats.gunzip import texts
from strandkeep.formats.refusals import Refusal
from strandkeep.formats.report import Report
from strandkeep.formats.stored import StoredBytes

#: Bytes of name hashes, 8 a read, that make a frame: one for each piece of text would keep the server busy.
_NAMES = 64 * 1024

_FIRST_QUALITY = ord("!")


def examine(order: dict[str, Any], stored: StoredBytes, report: Report) -> dict[str, Any]:
    """The facts of a gzipped FASTQ file; Refusal when it is at fault."""
    counters = Counters(_FIRST_QUALITY) if order["qc"] else None
    fastq = FastqText(order["algorithm"], order["longest_line"], names=order["names"], qc=counters)
    if isinstance(fastq.digest, Md5):
        fastq.digest.carry(stored.md5)
    try:
        _read_through(stored, fastq, report)
    except Refusal as refusal:
        if refusal.rule in ENDS_TOO_EARLY:
            refusal.sentence += f" ({fastq.reads} whole records came before)"
        raise
    return {**_facts(stored, fastq), "qc": counters and qc.facts(counters)}


def _read_through(stored: StoredBytes, fastq: FastqText, report: Report) -> None:
    names = bytearray()
    for text in texts(stored):
        names += fastq.feed(text)
        if len(names) >= _NAMES:
            report.names(bytes(names))
            names.clear()
        report.progress(stored.length, fastq.length, fastq.reads)
    names += fastq.finish()
    if names:
        report.names(bytes(names))
    report.progress(stored.length, fastq.length, fastq.reads)


def _facts(stored: StoredBytes, fastq: FastqText) -> dict[str, Any]:
    return {
        **stored.facts(),
        "text_length": fastq.length,
        "text_digest": fastq.digest.hexdigest(),
        "reads": fastq.reads,
        "bases": fastq.bases,
        "first_name": fastq.first_header.decode("utf-8", "replace"),
    }
