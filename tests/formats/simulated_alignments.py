"""Reads drawn from a reference, aligned to where they came from, with the tags that aligners write."""

import random
from collections.abc import Sequence
from dataclasses import replace

from .bam_records import (
    DUPLICATE,
    FIRST,
    MATE_REVERSE,
    MATE_UNMAPPED,
    PAIRED,
    PROPER,
    QC_FAIL,
    REVERSE,
    SECOND,
    SECONDARY,
    SUPPLEMENTARY,
    UNMAPPED,
    Read,
    tag,
)
from .reference_files import Reference

_BASES = bytes(b"ACGT"[byte & 3] for byte in range(256))
_BINNED = bytes((37,) * 200 + (25,) * 40 + (11,) * 12 + (2,) * 4)
_GROUPS = ("lane.1", "lane.2")

_Operations = Sequence[tuple[int, str]]


def pairs(reference: Reference, count: int, seed: int = 1, length: int = 100) -> list[Read]:
    """`count` pairs as a sequencer gives them: mates beside each other, some unmapped, some with more alignments."""
    chance = random.Random(seed)
    return [read for number in range(count) for read in _pair(chance, reference, number, length)]


def long_reads(reference: Reference, count: int, seed: int = 1, length: int = 3000) -> list[Read]:
    """Single reads of about `length` bases with an error in twenty."""
    chance = random.Random(seed)
    contigs = [place for place, (_, size) in enumerate(reference.dictionary) if size > length]
    reads = []
    for number in range(count):
        contig = chance.choice(contigs)
        spanned = chance.randrange(length // 2, length)
        start = chance.randrange(reference.dictionary[contig][1] - spanned)
        drawn = _aligned(chance, reference, contig, start, _noisy(chance, spanned), errors=0.05)
        reads.append(_placed(chance, f"long/{number}/ccs", chance.choice((0, REVERSE)), contig, start, *drawn))
    return reads


def unmapped_pairs(count: int, seed: int = 1, length: int = 100) -> list[Read]:
    """Pairs as a uBAM has them."""
    chance = random.Random(seed)
    flags = PAIRED | UNMAPPED | MATE_UNMAPPED
    return [
        _unmapped(chance, _name(number), flags | mate, length) for number in range(count) for mate in (FIRST, SECOND)
    ]


def coordinate_sorted(reads: Sequence[Read]) -> list[Read]:
    """By contig and position, those without a place last; as samtools sort leaves them otherwise."""
    return sorted(reads, key=lambda read: (read.contig & 0xFFFFFFFF, read.position))


def _pair(chance: random.Random, reference: Reference, number: int, length: int) -> list[Read]:
    luck = chance.random()
    if luck < 0.02:
        flags = PAIRED | UNMAPPED | MATE_UNMAPPED
        return [_unmapped(chance, _name(number), flags | mate, length) for mate in (FIRST, SECOND)]
    left, right = _mapped_pair(chance, reference, number, length)
    if luck < 0.05:
        return _with_lost_mate(chance, left, length)
    if luck < 0.08:
        return [left, right, _also(chance, left, SECONDARY), _also(chance, right, SUPPLEMENTARY)]
    return [left, right]


def _mapped_pair(chance: random.Random, reference: Reference, number: int, length: int) -> tuple[Read, Read]:
    contig = _contig(chance, reference, 4 * length)
    fragment = chance.randrange(length * 2, length * 3)
    start = chance.randrange(reference.dictionary[contig][1] - fragment - length)
    shared = PAIRED | PROPER | chance.choice((0,) * 18 + (DUPLICATE, QC_FAIL))
    first, second = chance.choice(((FIRST, SECOND), (SECOND, FIRST)))
    places = start, start + fragment - length
    flags = shared | first | MATE_REVERSE, shared | second | REVERSE
    drawn = [_aligned(chance, reference, contig, place, _short(chance, length)) for place in places]
    left, right = (
        _placed(chance, _name(number), flag, contig, place, *alignment)
        for flag, place, alignment in zip(flags, places, drawn, strict=True)
    )
    return _facing(left, right), _facing(right, left)


def _facing(read: Read, mate: Read) -> Read:
    outer = max(read.end, mate.end) - min(read.position, mate.position)
    insert = outer if read.position <= mate.position else -outer
    return replace(read, mate_contig=mate.contig, mate_position=mate.position, insert=insert)


def _with_lost_mate(chance: random.Random, read: Read, length: int) -> list[Read]:
    flag = read.flag & ~(PROPER | MATE_REVERSE) | MATE_UNMAPPED
    mapped = replace(read, flag=flag, mate_contig=read.contig, mate_position=read.position, insert=0)
    mate = FIRST + SECOND - (read.flag & (FIRST | SECOND))
    lost = _unmapped(chance, read.name, PAIRED | UNMAPPED | mate, length)
    place = {"contig": read.contig, "position": read.position}
    return [mapped, replace(lost, **place, mate_contig=read.contig, mate_position=read.position)]


def _also(chance: random.Random, read: Read, kind: int) -> Read:
    """Another alignment of a read, as hard clipped or without bases as aligners leave it."""
    if kind == SECONDARY:
        return replace(read, flag=read.flag | kind, mapping_quality=0, bases=b"", qualities=None)
    cut = chance.randrange(1, 30)
    kept = {"bases": read.bases[cut:], "qualities": (read.qualities or b"")[cut:]}
    cigar = f"{cut}H{len(read.bases) - cut}M"
    supplementary = replace(read, flag=read.flag | kind, position=read.position + cut, cigar=cigar, **kept)
    return replace(supplementary, tags=tag("SA", "Z", "chr1,1,+,100M,60,0;"))


def _placed(
    chance: random.Random, name: str, flag: int, contig: int, position: int, cigar: str, bases: bytes, tags: bytes
) -> Read:
    score = tag("AS", "C", min(len(bases), 255)) + tag("XS", "C", chance.randrange(40))
    return Read(
        name,
        flag,
        contig,
        position,
        chance.choice((60, 60, 60, 60, 37, 0)),
        cigar,
        bases=bases,
        qualities=_qualities(chance, len(bases)),
        tags=tags + score + tag("RG", "Z", chance.choice(_GROUPS)),
    )


def _unmapped(chance: random.Random, name: str, flag: int, length: int) -> Read:
    bases, qualities = _random_bases(chance, length), _qualities(chance, length)
    return Read(name, flag, bases=bases, qualities=qualities, tags=tag("RG", "Z", chance.choice(_GROUPS)))


def _aligned(
    chance: random.Random, reference: Reference, contig: int, at: int, operations: _Operations, errors: float = 0.01
) -> tuple[str, bytes, bytes]:
    """(CIGAR, bases, tags NM and MD) of a read that these operations align at a place."""
    source = reference.contigs[reference.dictionary[contig][0]].upper()
    bases, described, run, differences = bytearray(), "", 0, 0
    for length, operation in operations:
        under = source[at : at + length]
        if operation == "M":
            for known in under:
                base = _read_base(chance, known, errors)
                bases.append(base)
                if base == known != ord("N"):
                    run += 1
                else:
                    described, run, differences = f"{described}{run}{chr(known)}", 0, differences + 1
        elif operation in "IS":
            bases += _random_bases(chance, length)
        elif operation == "D":
            described, run = f"{described}{run}^{under.decode()}", 0
        at += length if operation in "MDN" else 0
        differences += length if operation in "ID" else 0
    cigar = "".join(f"{length}{operation}" for length, operation in operations)
    return cigar, bytes(bases), tag("NM", "C", min(differences, 255)) + tag("MD", "Z", f"{described}{run}")


def _read_base(chance: random.Random, known: int, errors: float) -> int:
    if known in b"ACGTN" and chance.random() >= errors:
        return known
    return chance.choice(b"ACGT")


def _short(chance: random.Random, length: int) -> _Operations:
    """Operations of a short read of `length` bases, most of them gapless; what they span is at most 1.2 times it."""
    at, gap = chance.randrange(10, length - 20), chance.randrange(1, 9)
    shapes: tuple[_Operations, ...] = (
        *([(length, "M")],) * 8,
        [(gap, "S"), (length - gap, "M")],
        [(length - gap, "M"), (gap, "S")],
        [(at, "M"), (gap, "I"), (length - at - gap, "M")],
        [(at, "M"), (gap, "D"), (length - at, "M")],
        [(gap, "H"), (at, "M"), (gap, "N"), (length - at, "M")],
    )
    return chance.choice(shapes)


def _noisy(chance: random.Random, spanned: int) -> _Operations:
    """Operations of a long read: a gap every few dozen bases."""
    operations = [(chance.randrange(1, 50), "S")]
    while spanned > 60:
        run = chance.randrange(20, 60)
        operations += [(run, "M"), (chance.randrange(1, 4), chance.choice("ID"))]
        spanned -= run + (operations[-1][0] if operations[-1][1] == "D" else 0)
    return [*operations, (spanned, "M")]


def _contig(chance: random.Random, reference: Reference, at_least: int) -> int:
    sizes = [size if size > at_least else 0 for _, size in reference.dictionary]
    return chance.choices(range(len(sizes)), weights=sizes)[0]


def _name(number: int) -> str:
    return f"A00738:12:HXYZDSX2:1:{1101 + number // 1000}:{number * 7 % 31000}:{number % 1000 * 31}"


def _random_bases(chance: random.Random, length: int) -> bytes:
    return chance.randbytes(length).translate(_BASES)


def _qualities(chance: random.Random, length: int) -> bytes:
    return chance.randbytes(length).translate(_BINNED)
