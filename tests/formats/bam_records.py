"""BAM in plain Python, field by field: sound records, and such as no program writes."""

import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_OPERATIONS = b"MIDNSHP=X"
_ON_READ, _ON_REFERENCE = b"MIS=X", b"MDN=X"
_CODES = b"=ACMGRSVTWYHKDBN"
_MOST_OPERATIONS = 0xFFFF

_FIXED = struct.Struct("<iiBBHHHiiii")
_NUMBERS = {"c": "b", "C": "B", "s": "h", "S": "H", "i": "i", "I": "I", "f": "f"}

PAIRED, PROPER, UNMAPPED, MATE_UNMAPPED, REVERSE, MATE_REVERSE = 1, 2, 4, 8, 16, 32
FIRST, SECOND, SECONDARY, QC_FAIL, DUPLICATE, SUPPLEMENTARY = 64, 128, 256, 512, 1024, 2048


@dataclass(frozen=True)
class Read:
    """A record. Positions count from 0, -1 is none; qualities are Phred values, None when missing."""

    name: str = "*"
    flag: int = UNMAPPED
    contig: int = -1
    position: int = -1
    mapping_quality: int = 0
    cigar: str = ""
    mate_contig: int = -1
    mate_position: int = -1
    insert: int = 0
    bases: bytes = b""
    qualities: bytes | None = None
    tags: bytes = b""

    @property
    def operations(self) -> list[tuple[int, int]]:
        """The CIGAR as (length, place of the letter in MIDNSHP=X)."""
        return [(int(n), _OPERATIONS.index(op.encode())) for n, op in re.findall(r"(\d+)(.)", self.cigar)]

    @property
    def end(self) -> int:
        """The position after the last aligned base; one after `position` when nothing is aligned."""
        spanned = sum(n for n, op in self.operations if _OPERATIONS[op] in _ON_REFERENCE)
        return self.position + (spanned if spanned and not self.flag & UNMAPPED else 1)


def encode(read: Read, **lies: int) -> bytes:
    """A record with its length. `lies` are what its fixed fields say instead of the truth, `size` among them."""
    words, tags = _cigar_words(read), read.tags
    if len(words) > _MOST_OPERATIONS:
        tags += tag("CG", "B", ("I", words))
        words = [
            len(read.bases) << 4 | _OPERATIONS.index(b"S"),
            read.end - read.position << 4 | _OPERATIONS.index(b"N"),
        ]
    name = read.name.encode() + b"\0"
    fields = {
        "contig": read.contig,
        "position": read.position,
        "name_length": len(name),
        "mapping_quality": read.mapping_quality,
        "bin": smallest_bin(read.position, read.end),
        "operations": len(words),
        "flag": read.flag,
        "length": len(read.bases),
        "mate_contig": read.mate_contig,
        "mate_position": read.mate_position,
        "insert": read.insert,
    }
    size = lies.pop("size", None)
    qualities = b"\xff" * len(read.bases) if read.qualities is None else read.qualities
    rest = name + struct.pack(f"<{len(words)}I", *words) + _packed(read.bases) + qualities + tags
    body = _FIXED.pack(*(fields | lies).values()) + rest
    return struct.pack("<i", len(body) if size is None else size) + body


def smallest_bin(begin: int, end: int) -> int:
    """The smallest bin of BAI that holds [begin, end), as the specification computes it."""
    end -= 1
    for shift, first in ((14, 4681), (17, 585), (20, 73), (23, 9), (26, 1)):
        if begin >> shift == end >> shift:
            return first + (begin >> shift) & 0xFFFF
    return 0


def tag(name: str, type_: str, value: int | float | str | tuple[str, Sequence[int | float]]) -> bytes:
    """An auxiliary field; the value of a B is (type of the numbers, numbers)."""
    head = name.encode() + type_.encode()
    if type_ == "B":
        kind, numbers = value  # type: ignore[misc]
        return head + kind.encode() + struct.pack(f"<I{len(numbers)}{_NUMBERS[kind]}", len(numbers), *numbers)
    if type_ in _NUMBERS:
        return head + struct.pack(f"<{_NUMBERS[type_]}", value)
    return head + str(value).encode() + (b"" if type_ == "A" else b"\0")


def header(text: str | bytes, contigs: Sequence[tuple[str, int]], **lies: int) -> bytes:
    """The head of a BAM: its text, and its dictionary, which need not be the text's. Lies: `told`, `listed`."""
    text = text.encode() if isinstance(text, str) else text
    names = b"".join(_contig(name, length) for name, length in contigs)
    text_length, count = lies.get("told", len(text)), lies.get("listed", len(contigs))
    return b"BAM\1" + struct.pack("<i", text_length) + text + struct.pack("<i", count) + names


def split(payload: bytes) -> tuple[bytes, list[bytes]]:
    """The head of a sound BAM, and its records with their lengths."""
    at = 8 + _integer(payload, 4)
    count, at = _integer(payload, at), at + 4
    for _ in range(count):
        at += 8 + _integer(payload, at)
    head, records = payload[:at], []
    while at < len(payload):
        end = at + 4 + _integer(payload, at)
        records.append(payload[at:end])
        at = end
    return head, records


def _contig(name: str, length: int) -> bytes:
    return struct.pack("<i", len(name) + 1) + name.encode() + b"\0" + struct.pack("<i", length)


def _cigar_words(read: Read) -> list[int]:
    return [length << 4 | operation for length, operation in read.operations]


def _packed(bases: bytes) -> bytes:
    codes = [_CODES.find(base) if base in _CODES else 15 for base in bases.upper()] + [0] * (len(bases) % 2)
    return bytes(high << 4 | low for high, low in _pairs(codes))


def _pairs(codes: list[int]) -> Iterable[tuple[int, int]]:
    return zip(codes[::2], codes[1::2], strict=True)


def _integer(payload: bytes, at: int) -> int:
    return int.from_bytes(payload[at : at + 4], "little")
