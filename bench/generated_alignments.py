"""A coordinate-sorted BAM file of the generated reads, made once and kept in the folder for temporaries."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pysam

from bench.generated_reads import LENGTH, text

ABOUT = "sorted, 150 bp, on one contig, a third of a read apart, NM, MD, AS and RG, as samtools writes it"

_APART = 50
_TAIL = f"\tNM:i:0\tMD:Z:{LENGTH}\tAS:i:{LENGTH}\tRG:Z:lane\n".encode()
_INSERT = 350


@dataclass(frozen=True)
class Alignments:
    """A BAM file and the bytes of its SAM text without the header."""

    file: Path
    text_bytes: int


def alignments(reads: int) -> Alignments:
    """A BAM file of so many reads; made when it is not there yet."""
    folder = Path(tempfile.gettempdir()) / "strandkeep-bench-reads"
    folder.mkdir(exist_ok=True)
    file, length = folder / f"{reads}.bam", folder / f"{reads}.bam.text-length"
    if not length.exists():
        sam = folder / f"{reads}.sam"
        text_bytes = _write(sam, reads)
        pysam.samtools.view("-b", "--no-PG", "-o", str(file), str(sam), catch_stdout=False)
        sam.unlink()
        length.write_text(str(text_bytes))
    return Alignments(file, int(length.read_text()))


def _write(sam: Path, reads: int) -> int:
    header = f"@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr1\tLN:{reads * _APART + 10_000}\n@RG\tID:lane\tSM:x\n".encode()
    with sam.open("wb") as output:
        output.write(header)
        for piece in _lines(reads):
            output.write(piece)
        return output.tell() - len(header)


def _lines(reads: int) -> Iterator[bytes]:
    number = 0
    for piece in text(reads, 1):
        lines = piece.split(b"\n")
        made = []
        for name, bases, qualities in zip(lines[::4], lines[1::4], lines[3::4], strict=False):
            at = 1 + number * _APART
            # Mates by turns: each is the first of a pair on the forward strand, or the second one on the other.
            flag, mate, size = (99, at + 200, _INSERT) if number % 2 == 0 else (147, max(1, at - 200), -_INSERT)
            place = b"\t%d\tchr1\t%d\t60\t%dM\t=\t%d\t%d\t" % (flag, at, LENGTH, mate, size)
            made += (name[1:].partition(b" ")[0], place, bases, b"\t", qualities, _TAIL)
            number += 1
        yield b"".join(made)
