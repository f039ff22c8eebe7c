"""Writing one blob to a temporary file, with its digest and the CRC of each block as the bytes pass."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from isal import isal_zlib

from strandkeep.blobs.new_file import NewFile
from strandkeep.domain.blobs import BLOCK, StoredBlob


class BlobWriter:
    """`NewBlob` in `file`, a temporary, which `finish` moves to `path`: its last part is the blob's name."""

    def __init__(self, file: NewFile, path: Path, place: str) -> None:
        self.length = 0
        self.adopted = file.adopted
        self._file = file
        self._path = path
        self._place = place
        self._sha256 = hashlib.sha256()
        self._block_crcs = bytearray()
        self._crc = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.discard()

    def write(self, chunk: bytes) -> None:
        """See `NewBlob.write`."""
        self.write_all([chunk])

    def write_all(self, chunks: Sequence[bytes]) -> None:
        """Append chunks, in fewer calls than one for each."""
        for chunk in chunks:
            self._sha256.update(chunk)
            self._add_to_crcs(chunk)
        self._file.write(chunks)

    def finish(self) -> StoredBlob:
        """See `NewBlob.finish`."""
        if not self.length:
            raise ValueError("0 bytes came")
        if self.length % BLOCK:
            self._end_block()
        self._file.finish(self._path)
        digests = self._sha256.hexdigest(), bytes(self._block_crcs)
        return StoredBlob(self._path.name, self._place, self.length, *digests)

    def discard(self) -> None:
        """See `NewBlob.discard`."""
        self._file.discard()

    def _add_to_crcs(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        while len(view):
            room = BLOCK - self.length % BLOCK
            piece, view = view[:room], view[room:]
            self._crc = isal_zlib.crc32(piece, self._crc)
            self.length += len(piece)
            if len(piece) == room:
                self._end_block()

    def _end_block(self) -> None:
        self._block_crcs += self._crc.to_bytes(4, "big")
        self._crc = 0
