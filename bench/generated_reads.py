"""FASTQ as a run of a sequencer writes it, made once and kept in the folder for temporaries."""

import gzip
import random
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LENGTH = 150
ABOUT = "paired, 150 bp, Illumina names, qualities F : , # in runs, random bases, gzip -6"

#: Quality lines that reads choose from: together far longer than what gzip looks back at.
_QUALITY_LINES = 20_000

_SLICE = 10_000

#: Bytes of a record without its name.
_LEAST_OF_A_READ = 2 * LENGTH + len(b"\n+\n\n")

_BASES = bytes(b"ACGT"[value & 3] for value in range(256))


@dataclass(frozen=True)
class Mates:
    """Two gzip files of as many reads each, and the bytes of their text together."""

    files: tuple[Path, Path]
    reads: int
    text_bytes: int


def kept_folder() -> Path:
    """Where files lie that are made once."""
    folder = Path(tempfile.gettempdir()) / "strandkeep-bench-reads"
    folder.mkdir(exist_ok=True)
    return folder


def pair(reads: int) -> Mates:
    """A pair with so many reads in each file; made when it is not there yet."""
    folder = kept_folder()
    files = (folder / f"{reads}_R1.fastq.gz", folder / f"{reads}_R2.fastq.gz")
    for mate, file in enumerate(files, 1):
        if not file.exists():
            _compress(text(reads, mate), file)
    return Mates(files, reads, sum(len(piece) for mate in (1, 2) for piece in _name_lines(reads, mate)) + _rest(reads))


def barely_packed(size: int) -> Path:
    """One gzip file of `size` bytes or a little more, whose blocks are merely stored: it is soon made."""
    file = kept_folder() / f"{size}_bytes.fastq.gz"
    if not file.exists():
        part = file.with_suffix(".part")
        with part.open("wb") as output, gzip.GzipFile("", "wb", 0, output, mtime=0) as packed:
            for piece in text(size // _LEAST_OF_A_READ, mate=1):
                packed.write(piece)
                if output.tell() >= size:
                    break
        part.rename(file)
    return file


def text(reads: int, mate: int) -> Iterator[bytes]:
    """FASTQ text in pieces; mates of one number of reads belong together."""
    chance = random.Random(mate)
    qualities = quality_lines(chance)
    piece: list[bytes] = []
    for number, name in enumerate(_name_lines(reads, mate), 1):
        bases = chance.randbytes(LENGTH).translate(_BASES)
        piece += (name, bases, b"\n+\n", chance.choice(qualities), b"\n")
        if number % _SLICE == 0 or number == reads:
            yield b"".join(piece)
            piece.clear()


def _name_lines(reads: int, mate: int) -> Iterator[bytes]:
    for number in range(reads):
        tile, x, y = 1101 + number // 8000, 1000 + number * 7 % 31000, 1000 + number % 8000 * 4
        yield b"@A00111:42:HFKLYDSX3:3:%d:%d:%d %d:N:0:ACGTACGT+TGCATGCA\n" % (tile, x, y, mate)


def _rest(reads: int) -> int:
    """Bytes of all lines but the names, in both files."""
    return 2 * reads * _LEAST_OF_A_READ


def quality_lines(chance: random.Random) -> list[bytes]:
    """Lines of qualities that reads choose from."""
    return [_quality_line(chance) for _ in range(_QUALITY_LINES)]


def _quality_line(chance: random.Random) -> bytes:
    line = b""
    while len(line) < LENGTH:
        line += b"F" * (1 + int(chance.expovariate(1 / 25))) + chance.choice((b":", b":", b",", b",F:", b"#"))
    return line[:LENGTH]


def _compress(pieces: Iterator[bytes], file: Path) -> None:
    part = file.with_suffix(".part")
    with part.open("wb") as output:
        process = subprocess.Popen(["gzip", "-6", "-n"], stdin=subprocess.PIPE, stdout=output)
        assert process.stdin is not None
        with process.stdin:
            for piece in pieces:
                process.stdin.write(piece)
        if process.wait() != 0:
            raise RuntimeError("gzip failed")
    part.rename(file)
