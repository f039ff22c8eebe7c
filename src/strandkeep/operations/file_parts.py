"""Parts of files as callers read them, of read sets and of references alike."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from strandkeep.blobs import DamagedBlob
from strandkeep.catalog import Reader, stored_files
from strandkeep.catalog.damage import mark_damaged
from strandkeep.domain import layout
from strandkeep.domain.blobs import Span
from strandkeep.domain.context import RequestContext
from strandkeep.domain.parts import PART_SIZE
from strandkeep.domain.ranges import byte_range
from strandkeep.errors import ResourceNotFoundException
from strandkeep.house import House
from strandkeep.operations.streams import Outgoing

_WORDS = {"readSet": "read set", "reference": "reference"}

#: The files that callers can ask for. A reference in bgzip has another, the index of its blocks (GZI).
_NAMED = frozenset({"SOURCE", "SOURCE1", "SOURCE2", "INDEX"})


@dataclass(frozen=True)
class Piece:
    """What is to be read of a file: `length` bytes, as stretches of blobs. `kind` is that of the file's holder."""

    kind: str
    holder_id: str
    source: str
    length: int
    spans: Sequence[Span]


def file_information(size: int) -> dict[str, Any]:
    """The grid of parts that a file is read by."""
    return {"totalParts": layout.total_parts(size), "partSize": PART_SIZE, "contentLength": size}


def sizes_of(reader: Reader, holder_id: str) -> dict[str, int]:
    """The files of a holder that callers can ask for, by their sources, and the bytes of each."""
    return {file.source: file.size for file in stored_files.of(reader, holder_id) if file.source in _NAMED}


def locate(reader: Reader, kind: str, holder_id: str, source: str, number: int, wanted: str | None = None) -> Piece:
    """A part of a file, or the range that the header `wanted` asks for of it.

    ResourceNotFoundException for a file that its holder has not, RangeNotSatisfiableException past an end.
    """
    sizes = sizes_of(reader, holder_id)
    if source not in sizes:
        raise ResourceNotFoundException(
            f"file: the {_WORDS[kind]} {holder_id} has no {source}; it has {', '.join(sorted(sizes))}."
        )
    return stretch(reader, kind, holder_id, source, *layout.part_range(sizes[source], number), wanted)


def stretch(
    reader: Reader, kind: str, holder_id: str, source: str, first: int, length: int, wanted: str | None = None
) -> Piece:
    """Bytes [first, first + length) of a file, or the range that the header `wanted` asks for of them.

    RangeNotSatisfiableException for a range past their end.
    """
    if wanted is not None:
        begin, length = byte_range(wanted, length)
        first += begin
    return Piece(kind, holder_id, source, length, stored_files.spans(reader, holder_id, source, first, length))


def outgoing(context: RequestContext, house: House, piece: Piece) -> Outgoing:
    """The bytes of a piece on their way out."""
    return Outgoing(piece.length, _stream(context, house, piece))


async def _stream(context: RequestContext, house: House, piece: Piece) -> AsyncIterator[bytes]:
    """The bytes of a piece, as far as they are what was stored; damage is noted, and ends them."""
    try:
        async for chunk in house.blobs.stream(piece.spans):
            yield chunk
    except DamagedBlob as damage:
        place, finding = (piece.kind, piece.holder_id, piece.source), damage.finding
        await house.catalog.write_async(lambda tx: mark_damaged(tx, context, *place, finding))
        raise
