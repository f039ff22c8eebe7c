"""A FASTA file, plain or bgzip, from its stored bytes to its facts and indexes."""

from collections.abc import Iterator
from typing import Any

from strandkeep.formats import bgzf
from strandkeep.formats._md5 import Md5
from strandkeep.formats.fasta import FastaText
from strandkeep.formats.fasta_refusals import indexes_too_long, not_bgzip
from strandkeep.formats.gzi import BlockIndex
from strandkeep.formats.refusals import Refusal
from strandkeep.formats.report import Report
from strandkeep.formats.stored import CHUNK, StoredBytes

_GZIP = b"\x1f\x8b"

#: Bytes of lines of the table that are sent at once.
_LINES = 64 * 1024


class _Outputs:
    """The indexes on their way to the server: `longest` bytes at most."""

    def __init__(self, report: Report, longest: int) -> None:
        self._report = report
        self._longest = self._room = longest

    def send(self, name: str, lines: bytearray) -> None:
        """Send what there is of an output, and forget it."""
        self._room -= len(lines)
        self.check(0)
        self._report.output(name, bytes(lines))
        lines.clear()

    def check(self, waiting: int) -> None:
        """Raises Refusal when there is no room for so many more bytes."""
        if waiting > self._room:
            raise indexes_too_long(self._longest)


def examine(order: dict[str, Any], stored: StoredBytes, report: Report) -> dict[str, Any]:
    """The facts of a FASTA file; Refusal when it is at fault. Outputs: `fai`, `sequences`, and of bgzip `gzi`."""
    outputs = _Outputs(report, order["outputs"])
    if stored.peek(len(_GZIP)) != _GZIP:
        return _read_through(_plain(stored), stored.md5, stored, outputs, report)
    gzi, text_md5 = BlockIndex(), Md5()
    facts = _read_through(_blocked(stored, text_md5, gzi, outputs), text_md5, stored, outputs, report)
    outputs.send("gzi", bytearray(gzi.content()))
    return facts


def _read_through(
    texts: Iterator[bytes], text_md5: Md5, stored: StoredBytes, outputs: _Outputs, report: Report
) -> dict[str, Any]:
    fasta = FastaText(text_md5)
    for text in texts:
        fasta.feed(text)
        if len(fasta.table) >= _LINES:
            _send_lines(fasta, outputs)
        report.progress(stored.length, fasta.length, fasta.sequences)
    fasta.finish()
    _send_lines(fasta, outputs)
    report.progress(stored.length, fasta.length, fasta.sequences)
    return {**stored.facts(), "text_length": fasta.length, "md5": text_md5.hexdigest()}


def _send_lines(fasta: FastaText, outputs: _Outputs) -> None:
    outputs.send("fai", fasta.fai)
    outputs.send("sequences", fasta.table)


def _plain(stored: StoredBytes) -> Iterator[bytes]:
    """The text, which is what is stored, and waits in its MD5 already."""
    while text := bytes(stored.take(CHUNK)):
        yield text


def _blocked(stored: StoredBytes, text_md5: Md5, gzi: BlockIndex, outputs: _Outputs) -> Iterator[bytes]:
    try:
        for block in bgzf.blocks(stored):
            gzi.add(block)
            outputs.check(len(gzi))
            text_md5.wait(block.text)
            yield block.text
    except Refusal as refusal:
        raise not_bgzip() if refusal.rule == "bgzf.not-bgzf" else refusal from None
