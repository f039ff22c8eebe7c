"""Reading a local blob by blocks, each checked before any byte of it leaves."""

import os
from pathlib import Path
from types import TracebackType

from isal import isal_zlib

from strandkeep.blobs.contract import DamagedBlob
from strandkeep.domain.blobs import BLOCK, StoredBlob
from strandkeep.domain.damage import Damage, Finding

#: Bytes of a chunk handed out: a slow reader's server holds several of them.
CHUNK = 256 * 1024


class BlockReader:
    """An open blob. Raises DamagedBlob for bytes that are gone or changed, OSError for a fault of the disk."""

    def __init__(self, path: Path, blob: StoredBlob) -> None:
        self._blob = blob
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise DamagedBlob(Finding(blob.name, Damage.MISSING)) from None

    def __enter__(self) -> "BlockReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def read(self, block: int, first: int, end: int) -> list[bytes]:
        """The chunks of one block, as far as they lie within bytes [first, end) of the blob."""
        base = block * BLOCK
        chunks = self._checked(block)
        lengths = [len(chunk) for chunk in chunks]
        wanted: list[bytes] = []
        for chunk, length in zip(chunks, lengths, strict=True):
            begin, stop = max(first - base, 0), min(end - base, length)
            if begin < stop:
                wanted.append(chunk[begin:stop])
            base += length
        return wanted

    def _checked(self, block: int) -> list[bytes]:
        base = block * BLOCK
        length = min(BLOCK, self._blob.length - base)
        chunks = [os.pread(self._descriptor, min(CHUNK, length - at), base + at) for at in range(0, length, CHUNK)]
        crc = 0
        for chunk in chunks:
            crc = isal_zlib.crc32(chunk, crc)
        if sum(map(len, chunks)) != length:
            raise DamagedBlob(Finding(self._blob.name, Damage.CUT_SHORT, block))
        if crc != self._blob.crc(block):
            raise DamagedBlob(Finding(self._blob.name, Damage.BLOCK_DIFFERS, block))
        return chunks


def block_numbers(offset: int, length: int) -> range:
    """The blocks that hold bytes [offset, offset + length)."""
    return range(offset // BLOCK, -(-(offset + length) // BLOCK))
