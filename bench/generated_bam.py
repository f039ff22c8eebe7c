"""BAM as an aligner and a sorter leave it, and its reference, made once and kept in the folder for temporaries."""

import hashlib
import heapq
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench.generated_reads import kept_folder, quality_lines

LENGTH = 150
ABOUT = "paired, 150 bp, sorted, Illumina names, qualities F : , # in runs, tags NM MD AS XS RG, written by samtools"

#: Three contigs of a random genome: some 15 times covered when there are 1 GB of text.
_CONTIGS = (("chr1", 12_000_000), ("chr2", 7_000_000), ("chr3", 3_000_000))
_SLICE = 20_000

#: About how many bytes of text a pair takes.
_PAIR_TEXT = 846
_BASES = bytes(b"ACGT"[value & 3] for value in range(256))
_OTHER = bytes.maketrans(b"ACGT", b"CGTA")

_SAMTOOLS = 'import sys, pysam.samtools; getattr(pysam.samtools, sys.argv[1])(*sys.argv[2:], save_stdout="/dev/stdout")'


@dataclass(frozen=True)
class Bam:
    """A sorted BAM, how many bytes of SAM text without header are in it, and the FASTA and dictionary it belongs to."""

    file: Path
    text_bytes: int
    fasta: Path
    dictionary: Path


def samtools(command: str, *arguments: str | Path) -> list[str]:
    """The command line of pysam's samtools."""
    return [sys.executable, "-c", _SAMTOOLS, command, *map(str, arguments)]


def bam(megabytes: int) -> Bam:
    """A BAM of so many MB of SAM text; made when it is not there yet."""
    folder = kept_folder()
    fasta, dictionary = folder / "genome.fa", folder / "genome.json"
    if not dictionary.exists():
        _write_reference(fasta, dictionary)
    file, size = folder / f"{megabytes}MB.bam", folder / f"{megabytes}MB.size"
    if not size.exists():
        size.write_text(str(_write_bam(file, megabytes * 1_000_000)))
    return Bam(file, int(size.read_text()), fasta, dictionary)


def cram(megabytes: int) -> Bam:
    """The same as CRAM 3.0, as samtools writes it; made when it is not there yet."""
    made = bam(megabytes)
    file = made.file.with_suffix(".cram")
    if not file.exists():
        part = file.with_suffix(".part")
        command = samtools("view", "-C", "--no-PG", "-@", "2", "-T", made.fasta, "-o", part, made.file)
        subprocess.run(command, check=True)
        part.rename(file)
    return replace(made, file=file)


def _genome() -> dict[str, bytes]:
    chance = random.Random(3)
    return {name: chance.randbytes(length).translate(_BASES) for name, length in _CONTIGS}


def _write_reference(fasta: Path, dictionary: Path) -> None:
    genome = _genome()
    with fasta.open("wb") as output:
        for name, bases in genome.items():
            output.write(b">%s\n" % name.encode())
            output.writelines(bases[at : at + 100] + b"\n" for at in range(0, len(bases), 100))
    subprocess.run(samtools("faidx", fasta), check=True)
    rows = [(name, len(bases), hashlib.md5(bases).hexdigest()) for name, bases in genome.items()]
    dictionary.write_text(json.dumps(rows))


def _write_bam(file: Path, text_bytes: int) -> int:
    """Write a BAM of about so many bytes of SAM text without header; how many there are."""
    written = 0
    part = file.with_suffix(".part")
    process = subprocess.Popen(samtools("view", "-b", "--no-PG", "-@", "2", "-o", part, "-"), stdin=subprocess.PIPE)
    assert process.stdin is not None
    with process.stdin:
        process.stdin.write(_header())
        for text in _text(text_bytes):
            process.stdin.write(text)
            written += len(text)
    if process.wait() != 0:
        raise RuntimeError("samtools failed")
    part.rename(file)
    return written


def _header() -> bytes:
    contigs = "".join(f"@SQ\tSN:{name}\tLN:{length}\n" for name, length in _CONTIGS)
    return f"@HD\tVN:1.6\tSO:coordinate\n{contigs}@RG\tID:lane3\tSM:sample\tPL:ILLUMINA\n".encode()


def _text(text_bytes: int) -> Iterator[bytes]:
    """SAM text without header, in pieces, in order of place."""
    chance = random.Random(4)
    qualities = quality_lines(chance)
    whole = sum(length for _, length in _CONTIGS)
    for name, bases in _genome().items():
        piece: list[bytes] = []
        pairs = text_bytes * len(bases) // whole // _PAIR_TEXT
        for line in _lines(chance, name.encode(), bases, pairs, qualities):
            piece.append(line)
            if len(piece) == _SLICE:
                yield b"".join(piece)
                piece.clear()
        yield b"".join(piece)


def _lines(chance: random.Random, contig: bytes, source: bytes, pairs: int, qualities: list[bytes]) -> Iterator[bytes]:
    """The records of a contig in order: right mates wait until their place has come."""
    waiting: list[tuple[int, bytes]] = []
    step = (len(source) - 1000) / max(pairs, 1)
    draw, choose = chance.random, chance.choice
    for number in range(pairs):
        place = int(number * step + draw() * step)
        other = place + 200 + int(draw() * 200)
        while waiting and waiting[0][0] <= place:
            yield heapq.heappop(waiting)[1]
        name = b"A00111:42:HFKLYDSX3:3:%d:%d:%d" % (
            1101 + int(draw() * 78),
            1000 + int(draw() * 31000),
            1000 + int(draw() * 36000),
        )
        first = draw() < 0.5
        left, right = (99, 147) if first else (163, 83)
        span = other + LENGTH - place
        yield _line(chance, name, left, contig, source, place, other, span, choose(qualities))
        line = _line(chance, name, right, contig, source, other, place, -span, choose(qualities))
        heapq.heappush(waiting, (other, line))
    yield from (line for _, line in sorted(waiting))


def _line(
    chance: random.Random,
    name: bytes,
    flag: int,
    contig: bytes,
    source: bytes,
    place: int,
    other: int,
    span: int,
    quality: bytes,
) -> bytes:
    bases, cigar, tags = _aligned(chance, source, place)
    return b"%s\t%d\t%s\t%d\t60\t%s\t=\t%d\t%d\t%s\t%s\t%s\tXS:i:%d\tRG:Z:lane3\n" % (
        name, flag, contig, place + 1, cigar, other + 1, span, bases, quality, tags, int(chance.random() * 40),
    )  # fmt: skip


def _aligned(chance: random.Random, source: bytes, place: int) -> tuple[bytes, bytes, bytes]:
    """(bases, CIGAR, tags NM MD AS): mostly as the genome has them, some with a difference or a clip."""
    bases, luck = source[place : place + LENGTH], chance.random()
    if luck < 0.6:
        return bases, b"150M", b"NM:i:0\tMD:Z:150\tAS:i:150"
    at = 1 + int(chance.random() * (LENGTH - 2))
    if luck < 0.95:
        changed = bases[:at] + bases[at : at + 1].translate(_OTHER) + bases[at + 1 :]
        described = b"%d%s%d" % (at, bases[at : at + 1], LENGTH - at - 1)
        return changed, b"150M", b"NM:i:1\tMD:Z:%s\tAS:i:145" % described
    return bases, b"%dM%dS" % (at, LENGTH - at), b"NM:i:0\tMD:Z:%d\tAS:i:%d" % (at, at)
