"""FASTQ checked the slow and obvious way: what the kernel must agree with."""

import re
from dataclasses import dataclass

_NOT_A_BASE = re.compile(rb"[^A-Za-z.\-*=]")
_NOT_A_QUALITY = re.compile(rb"[^!-~]")


@dataclass(frozen=True)
class Verdict:
    """`rule` None: sound. Otherwise the record in hand (1-based) and the byte offset at which it begins."""

    rule: str | None
    reads: int
    bases: int = 0
    offset: int | None = None
    names: tuple[bytes, ...] = ()


class _Fault(Exception):
    pass


def mate_name(header: bytes) -> bytes:
    """The part of a header (without '@') that mates share."""
    name = re.split(rb"[ \t]", header, maxsplit=1)[0]
    return re.sub(rb"(?<=.)[/._][12]$", b"", name, flags=re.DOTALL)


def parse(text: bytes) -> Verdict:
    """The verdict on a whole text."""
    *ended, last = text.split(b"\n")
    lines = [(line.removesuffix(b"\r"), True) for line in ended] + ([(last.removesuffix(b"\r"), False)] if last else [])
    offsets = [0]
    for line in text.split(b"\n"):
        offsets.append(offsets[-1] + len(line) + 1)
    at = reads = bases = 0
    names: list[bytes] = []
    while at < len(lines) and lines[at][0]:
        try:
            bases += _record(lines[at : at + 4])
        except _Fault as fault:
            return Verdict(str(fault), reads, bases, offsets[at])
        names.append(mate_name(lines[at][0][1:]))
        at, reads = at + 4, reads + 1
    if any(line for line, _ in lines[at:]):
        return Verdict("fastq.blank-line", reads, bases, offsets[at])
    return Verdict(None if reads else "fastq.empty", reads, bases, None, tuple(names))


def _record(lines: list[tuple[bytes, bool]]) -> int:
    (header, _), *rest = lines
    if header[:1] != b"@":
        raise _Fault("fastq.header")
    if rest and _NOT_A_BASE.search(rest[0][0]):
        raise _Fault("fastq.sequence-byte")
    if len(rest) > 1 and rest[1][0][:1] != b"+" and rest[1] != (b"", False):
        raise _Fault("fastq.plus-line")
    if len(rest) == 2 and rest[1][1] and not rest[0][0]:
        return 0
    if len(rest) < 3 or (not rest[2][1] and len(rest[2][0]) < len(rest[0][0])):
        raise _Fault("fastq.truncated-record")
    if len(rest[2][0]) != len(rest[0][0]):
        raise _Fault("fastq.quality-length")
    if _NOT_A_QUALITY.search(rest[2][0]):
        raise _Fault("fastq.quality-byte")
    return len(rest[0][0])
