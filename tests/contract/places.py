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
def local_blobs(folder: Path) -> Iterator[Place]:
    """`LocalBlobs` in a folder."""
    root = folder / "data"
    opened = [LocalBlobs(root, min_free=0)]

    def stored() -> dict[str, bytes]:
        files = (Path(folder, name) for folder, _, names in os.walk(root) for name in names if name != "lock")
        return {path.name: path.read_bytes() for path in files}

    def overwrite(name: str, content: bytes) -> None:
        (root / "blobs" / name[:3] / name).write_bytes(content)

    def reopen() -> Blobs:
        opened.append(LocalBlobs(root, min_free=0))
        return opened[-1]

    yield Place(opened[0], stored, overwrite, reopen)
    for blobs in opened:
        blobs.close()
