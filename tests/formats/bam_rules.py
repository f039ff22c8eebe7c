"""BAM records checked the slow and obvious way, by the SAM specification: whether each is sound."""

import re
import struct
from collections.abc import Iterator, Sequence

from .bam_records import UNMAPPED

_LONGEST = 64 << 20
_NAME = re.compile(rb"[!-~]+")
_LETTER = re.compile(rb"[!-~]")
_STRING = re.compile(rb"[^\0-\x1f]*")
_LENGTHS = {b"c": 1, b"C": 1, b"s": 2, b"S": 2, b"i": 4, b"I": 4, b"f": 4, b"A": 1, b"d": 8}
_ON_READ = {0, 1, 4, 7, 8}


class _Fault(Exception):
    pass


def sound_records(stream: bytes, lengths: Sequence[int]) -> tuple[int, bool]:
    """(how many records are sound before the first that is not, whether all are), of what follows a BAM's head."""
    count = at = 0
    while at < len(stream):
        (size,) = struct.unpack_from("<I", stream[at : at + 4].ljust(4, b"\0"))
        record = stream[at + 4 : at + 4 + size]
        try:
            _demand(len(stream) - at >= 4 and 32 <= size <= _LONGEST and len(record) == size)
            _check(record, lengths)
        except _Fault:
            return count, False
        count, at = count + 1, at + 4 + size
    return count, True


def _demand(holds: bool) -> None:
    if not holds:
        raise _Fault


def _check(record: bytes, lengths: Sequence[int]) -> None:
    contig, position, name, _, _, operations, flag, bases, mate_contig, mate_position, _ = struct.unpack_from(
        "<iiBBHHHiiii", record
    )
    cigar = 32 + name
    sequence = cigar + 4 * operations
    qualities = sequence + (bases + 1) // 2
    tags = qualities + bases
    _demand(name >= 1 and bases >= 0 and tags <= len(record))
    _demand(record[cigar - 1] == 0 and bool(_NAME.fullmatch(record, 32, cigar - 1)))
    _demand(-1 <= contig < len(lengths) and position >= -1 and (contig < 0 or position < lengths[contig]))
    _demand(-1 <= mate_contig < len(lengths) and mate_position >= -1)
    words = struct.unpack_from(f"<{operations}I", record, cigar)
    if long := _long_cigar(record[tags:], words, bases, contig, position):
        words = long
    _demand(all(word & 15 < 9 for word in words))
    on_read = sum(word >> 4 for word in words if word & 15 in _ON_READ)
    _demand(not words or not bases or bool(flag & UNMAPPED) or on_read == bases)
    _demand(not bases or record[qualities] == 0xFF or max(record[qualities:tags]) <= 93)
    _demand(all(True for _ in _tags(record[tags:])))


def _long_cigar(tags: bytes, words: Sequence[int], bases: int, contig: int, position: int) -> Sequence[int]:
    """The true CIGAR of a record whose own clips all of the read, if its tag CG has one."""
    if not words or words[0] != (bases << 4 | 4) or contig < 0 or position < 0:
        return ()
    try:
        fields = dict(_tags(tags))
    except _Fault:
        return ()
    value = fields.get(b"CG", b"")
    if value[:2] not in (b"BI", b"Bi"):
        return ()
    (count,) = struct.unpack_from("<I", value, 2)
    return struct.unpack_from(f"<{count}I", value, 6) if count >= len(words) else ()


def _tags(tags: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and the rest, type and value, of each tag."""
    at = 0
    while at < len(tags):
        type_ = tags[at + 2 : at + 3]
        _demand(len(tags) - at >= 4 and bool(_NAME.fullmatch(tags, at, at + 3)))
        if type_ in (b"Z", b"H"):
            end = tags.find(b"\0", at + 3) + 1
            _demand(end > 0 and bool(_STRING.fullmatch(tags, at + 3, end - 1)))
        elif type_ == b"B":
            _demand(len(tags) - at >= 8 and tags[at + 3 : at + 4] in b"cCsSiIf")
            end = at + 8 + struct.unpack_from("<I", tags, at + 4)[0] * _LENGTHS[tags[at + 3 : at + 4]]
        else:
            _demand(type_ in _LENGTHS)
            end = at + 3 + _LENGTHS[type_]
            _demand(type_ != b"A" or bool(_LETTER.fullmatch(tags, at + 3, at + 4)))
        _demand(end <= len(tags))
        yield tags[at : at + 2], tags[at + 2 : end]
        at = end
