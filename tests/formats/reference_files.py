"""References for tests: contigs with all that FASTA may hold, and the files that they come in."""

import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .bgzf_files import bgzf

_BASES = bytes(b"ACGT"[byte & 3] for byte in range(256))
_IUPAC = b"RYKMSWBDHV"
_WIDTH = 60


@dataclass(frozen=True)
class Reference:
    """Contigs by name, in order; their bases as the FASTA has them."""

    contigs: Mapping[str, bytes]

    @cached_property
    def dictionary(self) -> tuple[tuple[str, int], ...]:
        """Name and length of each contig."""
        return tuple((name, len(bases)) for name, bases in self.contigs.items())

    def m5(self, name: str) -> str:
        """A contig's MD5 as @SQ has it: over the bases in capitals."""
        return hashlib.md5(self.contigs[name].upper()).hexdigest()

    def fasta(self, width: int = _WIDTH) -> bytes:
        """The FASTA text, `width` bases a line."""
        return b"".join(b">%s\n%s" % (name.encode(), _lines(bases, width)) for name, bases in self.contigs.items())

    def fasta_index(self, width: int = _WIDTH) -> bytes:
        """The text of its .fai: name, length, offset of the first base, bases and bytes of a line."""
        rows, at = [], 0
        for name, bases in self.contigs.items():
            at += len(name) + 2
            rows.append(f"{name}\t{len(bases)}\t{at}\t{width}\t{width + 1}\n")
            at += len(_lines(bases, width))
        return "".join(rows).encode()

    def write(self, folder: Path, name: str = "reference.fa") -> Path:
        """Write the FASTA and its .fai; the path of the FASTA."""
        path = folder / name
        path.write_bytes(self.fasta())
        path.with_name(f"{name}.fai").write_bytes(self.fasta_index())
        return path

    def bgzipped(self, size: int = 60_000) -> bytes:
        """The FASTA as bgzip packs it."""
        return bgzf(self.fasta(), size=size)


def random_reference(lengths: Mapping[str, int], seed: int = 1) -> Reference:
    """Random contigs. Those of 300 bases and more have small letters, Ns and IUPAC codes in places."""
    chance = random.Random(seed)
    return Reference({name: _contig(chance, length) for name, length in lengths.items()})


def _contig(chance: random.Random, length: int) -> bytes:
    bases = bytearray(chance.randbytes(length).translate(_BASES))
    if length >= 300:
        small, unknown = (chance.randrange(length // 2) for _ in range(2))
        bases[small : small + length // 10] = bases[small : small + length // 10].lower()
        bases[unknown : unknown + length // 30] = b"N" * (length // 30)
        for at in chance.sample(range(length), 3):
            bases[at] = chance.choice(_IUPAC)
    return bytes(bases)


def _lines(bases: bytes, width: int) -> bytes:
    return b"".join(bases[at : at + width] + b"\n" for at in range(0, len(bases), width))


#: What most tests align to.
GENOME = random_reference({"chr1": 20_000, "chr2": 12_000, "chr3": 3_000, "chrM": 400, "HLA-A*01:01": 60})
