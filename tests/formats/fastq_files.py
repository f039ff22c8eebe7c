"""FASTQ files for tests, sound and broken, made of a few lines each."""

import gzip
import random
import struct
import zlib
from dataclasses import dataclass

from .bgzf_files import bgzf


def record(number: int, length: int = 50, mate: int = 1, rng: random.Random | None = None) -> bytes:
    """One read as Illumina names them; `length` bases."""
    rng = rng or random.Random(number * 2 + mate)
    bases = bytes(rng.choices(b"ACGT", k=length))
    qualities = bytes(rng.choices(b"F:,#", weights=(85, 10, 4, 1), k=length))
    return b"@A00738:12:HXYZDSX2:1:1101:%d:%d %d:N:0:ACGT\n%s\n+\n%s\n" % (number, 1000, mate, bases, qualities)


def records(n: int, length: int = 50, mate: int = 1, seed: int = 1) -> list[bytes]:
    """`n` reads, each `length` bases, of mate 1 or 2."""
    rng = random.Random(seed * 2 + mate)
    return [record(i, length, mate, rng) for i in range(1, n + 1)]


def reads(n: int, length: int = 50, mate: int = 1, seed: int = 1) -> bytes:
    """The same as text."""
    return b"".join(records(n, length, mate, seed))


def gz(text: bytes, level: int = 6) -> bytes:
    """One gzip member."""
    return gzip.compress(text, level, mtime=0)


def with_all_header_fields(text: bytes) -> bytes:
    """A gzip member with extra field, name, comment and header checksum."""
    head = b"\x1f\x8b\x08\x1e\0\0\0\0\0\xff" + struct.pack("<H", 5) + b"extra" + b"name\0" + b"comment\0"
    squeeze = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = squeeze.compress(text) + squeeze.flush()
    check = struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    return head + check + body + struct.pack("<II", zlib.crc32(text), len(text))


def bomb(head: bytes, byte: bytes, mib: int) -> bytes:
    """Text that begins with `head` and then repeats a byte for so many MiB, compressed to a small part."""
    squeeze = zlib.compressobj(1, zlib.DEFLATED, 31)
    parts = [squeeze.compress(head)]
    parts += [squeeze.compress(byte * (1 << 20)) for _ in range(mib)]
    return b"".join(parts) + squeeze.flush()


def flipped(stored: bytes, at: int) -> bytes:
    """The bytes with one bit of the byte `at` turned."""
    changed = bytearray(stored)
    changed[at] ^= 4
    return bytes(changed)


@dataclass(frozen=True)
class BadFile:
    """Files that must be refused: the rule, the record (1-based) where one is meant, and the source at fault."""

    sources: dict[str, bytes]
    rule: str
    record: int | None = None
    source: str = "SOURCE1"


def _single(stored: bytes, rule: str, record: int | None = None) -> BadFile:
    return BadFile({"SOURCE1": stored}, rule, record)


def _pair(first: list[bytes], second: list[bytes], rule: str, record: int | None = None) -> BadFile:
    sources = {"SOURCE1": gz(b"".join(first)), "SOURCE2": gz(b"".join(second))}
    return BadFile(sources, rule, record, "SOURCE2")


def _text(text: bytes, rule: str, record: int | None = None) -> BadFile:
    return _single(gz(text), rule, record)


TEN = reads(10)
GZ = gz(TEN)
M1, M2 = records(2000, mate=1), records(2000, mate=2)
_INSERTED = [record(999_999, mate=2)]

BAD_FILES: dict[str, BadFile] = {
    "cut by one byte": _single(GZ[:-1], "gzip.truncated"),
    "cut by eight bytes": _single(GZ[:-8], "gzip.truncated"),
    "cut in half": _single(GZ[: len(GZ) // 2], "gzip.truncated"),
    "cut in the header": _single(GZ[:5], "gzip.truncated"),
    "cut to one byte": _single(GZ[:1], "gzip.truncated"),
    "cut in the second member": _single(GZ + GZ[:-3], "gzip.truncated"),
    "BGZF cut at a block": _single(bgzf(reads(3000), end=False), "gzip.bgzf-eof"),
    "BGZF cut at a block between records": _single(bgzf(TEN, end=False), "gzip.bgzf-eof"),
    "wrong CRC": _single(flipped(GZ, -6), "gzip.crc"),
    "wrong length": _single(flipped(GZ, -2), "gzip.crc"),
    "no such deflate block": _single(GZ[:10] + b"\xff" + GZ[11:], "gzip.corrupt"),
    "a bit turned in the data": _single(flipped(gz(TEN, 0), 100), "gzip.crc"),
    "trailing garbage": _single(GZ + b"garbage", "gzip.trailing-garbage"),
    "garbage after padding": _single(GZ + b"\0" * 600 + b"x", "gzip.trailing-garbage"),
    "no bytes": _single(b"", "fastq.empty"),
    "gzip of nothing": _text(b"", "fastq.empty"),
    "blank lines alone": _text(b"\n\r\n\n", "fastq.empty"),
    "plain text": _single(TEN, "gzip.not-gzip"),
    "DRAGEN ora": _single(b"\x7c\x49\x01\x02" * 20, "gzip.not-gzip"),
    "zip": _single(b"PK\x03\x04" + TEN, "gzip.not-gzip"),
    "CRAM": _single(b"CRAM\x03\x00" + b"\0" * 50, "gzip.not-gzip"),
    "only zeros": _single(bytes(100), "gzip.not-gzip"),
    "BAM": _single(bgzf(b"BAM\1\0\0\0\0\0\0\0\0"), "fastq.is-bam"),
    "SAM": _text(b"@HD\tVN:1.6\n@SQ\tSN:1\tLN:10\n", "fastq.is-sam"),
    "FASTA": _text(b">chr1\nACGT\n", "fastq.is-fasta"),
    "gzip in gzip": _single(gz(GZ), "fastq.is-gzip"),
    "no @": _text(TEN + b"r\nA\n+\nF\n", "fastq.header", 11),
    "sequence line missing": _text(TEN + b"@r\n+\nFFFF\n" + TEN, "fastq.sequence-byte", 11),
    "plus line missing": _text(TEN + b"@r\nACGT\nFFFF\n" + TEN, "fastq.plus-line", 11),
    "quality line missing": _text(TEN + b"@r\nACGT\n+\n" + TEN, "fastq.quality-length", 11),
    "sequence over two lines": _text(b"@r\nACGT\nACGT\n+\nFFFF\nFFFF\n", "fastq.plus-line", 1),
    "quality too short": _text(TEN + b"@r\nACGT\n+\nFFF\n", "fastq.quality-length", 11),
    "quality too long": _text(TEN + b"@r\nACGT\n+\nFFFFF\n" + TEN, "fastq.quality-length", 11),
    "a digit in the sequence": _text(TEN + b"@r\nAC1T\n+\nFFFF\n", "fastq.sequence-byte", 11),
    "a blank in the qualities": _text(TEN + b"@r\nACGT\n+\nFF F\n", "fastq.quality-byte", 11),
    "a CR inside": _text(TEN + b"@r\nA\rGT\n+\nFFFF\n", "fastq.sequence-byte", 11),
    "a blank line inside": _text(TEN + b"\n" + TEN, "fastq.blank-line", 11),
    "a blank line first": _text(b"\n" + TEN, "fastq.blank-line", 1),
    "ends after the header": _text(TEN + b"@r\n", "fastq.truncated-record", 11),
    "ends in the qualities": _text(TEN[:-5], "fastq.truncated-record", 10),
    "control characters in a name": _text(TEN + b"@r\x00\x1b[31m\x7f\xff\nACGT\n+\nF\n", "fastq.quality-length", 11),
    "mate inserted first": _pair(M1, _INSERTED + M2, "fastq.mates-names", 1),
    "mate deleted first": _pair(M1, M2[1:], "fastq.mates-names", 1),
    "mate inserted at 500": _pair(M1, M2[:499] + _INSERTED + M2[499:], "fastq.mates-names", 500),
    "mate inserted at 1500": _pair(M1, M2[:1499] + _INSERTED + M2[1499:], "fastq.mates-names", 1500),
    "mate deleted at 1500": _pair(M1, M2[:1499] + M2[1500:], "fastq.mates-names", 1500),
    "mate lost in SOURCE1": _pair(M1[:699] + M1[700:], M2, "fastq.mates-names", 700),
    "fewer in SOURCE1": _pair(M1[:-1], M2, "fastq.mates-count"),
    "fewer in SOURCE2": _pair(M1, M2[:-500], "fastq.mates-count"),
    "far fewer in SOURCE2": _pair(M1, M2[:3], "fastq.mates-count"),
    "SOURCE2 cut": BadFile(
        {"SOURCE1": gz(b"".join(M1)), "SOURCE2": gz(b"".join(M2))[:-100]}, "gzip.truncated", None, "SOURCE2"
    ),
    "SOURCE2 lacks a line": BadFile(
        {"SOURCE1": GZ, "SOURCE2": gz(reads(9, mate=2) + b"@r\nACGT\n+\n")}, "fastq.truncated-record", 10, "SOURCE2"
    ),
}


def _renamed(lines: list[bytes], name: bytes) -> bytes:
    return b"".join(name % i + text[text.index(b"\n") :] for i, text in enumerate(lines, 1))


def _mates(first: bytes, second: bytes) -> dict[str, bytes]:
    return {"SOURCE1": gz(_renamed(M1, first)), "SOURCE2": gz(_renamed(M2, second))}


#: Files that must pass, each with its number of reads in SOURCE1.
ODD_BUT_SOUND: dict[str, tuple[dict[str, bytes], int]] = {
    "many members": ({"SOURCE1": b"".join(gz(text) for text in records(500))}, 500),
    "members cut inside records": ({"SOURCE1": gz(TEN[:77]) + gz(TEN[77:])}, 10),
    "empty members": ({"SOURCE1": gz(b"") * 3 + GZ + gz(b"") * 2}, 10),
    "BGZF": ({"SOURCE1": bgzf(reads(3000))}, 3000),
    "two BGZF files in one": ({"SOURCE1": bgzf(TEN) * 2}, 20),
    "zero padding": ({"SOURCE1": GZ + bytes(2000)}, 10),
    "all header fields": ({"SOURCE1": with_all_header_fields(TEN)}, 10),
    "stored, not compressed": ({"SOURCE1": gz(TEN, 0)}, 10),
    "CRLF": ({"SOURCE1": gz(TEN.replace(b"\n", b"\r\n"))}, 10),
    "no last newline": ({"SOURCE1": gz(TEN[:-1])}, 10),
    "CRLF without the last LF": ({"SOURCE1": gz(TEN.replace(b"\n", b"\r\n")[:-1])}, 10),
    "blank lines at the end": ({"SOURCE1": gz(TEN + b"\n\r\n\n")}, 10),
    "name after the plus": ({"SOURCE1": gz(b"@r 1\nACGT\n+r 1\nFFFF\n")}, 1),
    "quality begins with @": ({"SOURCE1": gz(b"@r\nACGT\n+\n@@@@\n@s\nA\n+\n+\n")}, 2),
    "one read": ({"SOURCE1": gz(record(1))}, 1),
    "a read of no bases": ({"SOURCE1": gz(b"@r\n\n+\n\n" + TEN)}, 11),
    "the last read of no bases, no last newline": ({"SOURCE1": gz(TEN + b"@r\n\n+\n")}, 11),
    "IUPAC, gaps and small letters": ({"SOURCE1": gz(b"@r\nacgtnRYK.-*=\n+\n!~!~!~!~!~!~\n")}, 1),
    "a read of five million bases": (
        {"SOURCE1": gz(b"@r\n%s\n+\n%s\n" % (b"ACGTN" * 1_000_000, b"F:,#!" * 1_000_000), 1)},
        1,
    ),
    "a long name": ({"SOURCE1": gz(b"@" + b"n" * 100_000 + b"\nA\n+\nF\n")}, 1),
    "control characters in the first name": ({"SOURCE1": gz(b"@r\x00\x1b\x7f\xff x\nA\n+\nF\n")}, 1),
    "mates": ({"SOURCE1": gz(b"".join(M1)), "SOURCE2": gz(b"".join(M2))}, 2000),
    "mates /1 /2": (_mates(b"@r%d/1", b"@r%d/2"), 2000),
    "mates .1 .2": (_mates(b"@r%d.1", b"@r%d.2"), 2000),
    "mates _1 _2": (_mates(b"@r%d_1 x", b"@r%d_2\ty"), 2000),
    "names that never agree": (_mates(b"@forward%d", b"@reverse%d"), 2000),
}
