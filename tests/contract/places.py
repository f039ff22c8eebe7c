"""Places for bytes as the contract suite sees them: the place, and how a test damages or counts what lies in it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from strandkeep.blobs import Blobs, LocalBlobs


@dataclass(frozen=True)
class Place:
    """`stored` gives every object of the place: name → its bytes. `overwrite` replaces the bytes of a blob."""

    blobs: Blobs
    stored: Callable[[], dict[str, bytes]]
    overwrite: Callable[[str, bytes], None]
    reopen: Callable[[], Blobs]


@contextmanager
def local_blobs(root: Path) -> Iterator[Place]:
    """`LocalBlobs` in a folder, which is empty afterwards and may be used again: its 4,096 folders take a while."""
    opened = [LocalBlobs(root, min_free=0)]

    def paths() -> dict[str, Path]:
        return {name: Path(folder, name) for folder, _, names in os.walk(root) for name in names if name != "lock"}

    def stored() -> dict[str, bytes]:
        return {name: path.read_bytes() for name, path in paths().items()}

    def overwrite(name: str, content: bytes) -> None:
        (root / "blobs" / name[:3] / name).write_bytes(content)

    def reopen() -> Blobs:
        opened.append(LocalBlobs(root, min_free=0))
        return opened[-1]

    yield Place(opened[0], stored, overwrite, reopen)
    for blobs in opened:
        blobs.close()
    for path in paths().values():
        path.unlink()
