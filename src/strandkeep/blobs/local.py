"""Blobs in a local folder."""

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from strandkeep.blobs.adopted_file import adopted_file
from strandkeep.blobs.blob_writer import BlobWriter
from strandkeep.blobs.block_reader import read_steps
from strandkeep.blobs.contract import Adoptable, OutOfSpace
from strandkeep.blobs.new_file import NewFile
from strandkeep.blobs.scratch import Scratch
from strandkeep.domain.blobs import BLOCK, Span, StoredBlob
from strandkeep.durable import make_folders, put_durably
from strandkeep.kill_points import reach

T = TypeVar("T")

#: Bytes that one step hands to a thread: below that the hop costs more than the work.
_STEP = BLOCK

#: Two levels of names would be deeper than needed: 4,096 folders hold a hundred million blobs.
_SHARD_DIGITS = 3

_THREADS = 8


class LocalBlobs:
    """`Blobs` under `root`: `blobs/<first three digits>/<name>`, `manifests/<name>`, temporaries in `tmp/`."""

    name = "local"

    def __init__(self, root: Path, min_free: int) -> None:
        self._root = root
        self._blobs = str(root / "blobs")
        self._min_free = min_free
        shards = [root / "blobs" / f"{n:0{_SHARD_DIGITS}x}" for n in range(16**_SHARD_DIGITS)]
        make_folders([root / "manifests", root / "tmp", *shards])
        self._scratch = Scratch(root / "tmp")
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="blobs")

    def check_room(self, length: int) -> None:
        """See `Blobs.check_room`."""
        if self.free() - length < self._min_free:
            raise OutOfSpace(f"less than {self._min_free} bytes would stay free")

    def free(self) -> int:
        """The bytes of room that is left."""
        found = os.statvfs(self._root)
        return found.f_bavail * found.f_frsize

    async def put(self, chunks: AsyncIterator[bytes], length: int) -> StoredBlob:
        """See `Blobs.put`."""
        new = self.begin()
        try:
            async for step in _steps(chunks):
                await self._in_thread(new.write_all, step)
                reach("blob.streaming")
            reach("blob.written")
            if new.length != length:
                raise ValueError(f"{new.length} bytes came, {length} were announced")
            return await self._in_thread(new.finish)
        except BaseException:
            await self._in_thread(new.discard)
            raise

    def begin(self, adopt: Adoptable | None = None) -> BlobWriter:
        """See `Blobs.begin`."""
        name = secrets.token_hex(16)
        temporary = self._scratch.path(name)
        file = adopted_file(temporary, adopt) if adopt else NewFile(temporary)
        return BlobWriter(file, Path(self._path(name)), self.name)

    def write(self, chunks: Iterable[bytes]) -> StoredBlob:
        """See `Blobs.write`."""
        with self.begin() as new:
            for chunk in chunks:
                new.write(chunk)
            return new.finish()

    def read(self, spans: Sequence[Span]) -> Iterator[bytes]:
        """See `Blobs.read`."""
        for step in read_steps(spans, self._blobs, _below):
            yield from step

    async def stream(self, spans: Sequence[Span]) -> AsyncIterator[bytes]:
        """See `Blobs.stream`."""
        with contextlib.closing(read_steps(spans, self._blobs, _below)) as steps:
            while step := await self._in_thread(next, steps, None):
                for chunk in step:
                    yield chunk

    def remove(self, name: str) -> None:
        """See `Blobs.remove`."""
        Path(self._path(name)).unlink(missing_ok=True)

    def orphans(self, older_than_s: float) -> Iterator[list[str]]:
        """See `Blobs.orphans`. One list per folder that has any."""
        limit = time.time() - older_than_s
        # By the time of the last change of a name: an adopted file may have been written long ago.
        for shard in sorted(Path(self._blobs).iterdir()):
            with os.scandir(shard) as entries:
                names = [entry.name for entry in entries if entry.stat().st_ctime <= limit]
            if names:
                yield names

    def put_manifest(self, name: str, content: bytes) -> None:
        """See `Blobs.put_manifest`."""
        put_durably(self._scratch.path(secrets.token_hex(16)), self._root / "manifests" / name, content)

    def remove_manifest(self, name: str) -> None:
        """See `Blobs.remove_manifest`."""
        (self._root / "manifests" / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of threads and of the folder of temporaries."""
        self._threads.shutdown()
        self._scratch.close()

    def _path(self, name: str) -> str:
        return f"{self._blobs}/{_below(name)}"

    async def _in_thread(self, work: Callable[..., T], *args: Any) -> T:
        """Run a step to its end in a thread, however often the caller is cancelled: no thread outlives its file."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, work, *args)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            while not future.done():
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([future])
            raise


def _below(name: str) -> str:
    """The path of a blob below their folder."""
    # Not by pathlib, which takes as long as opening and reading a small blob.
    return f"{name[:_SHARD_DIGITS]}/{name}"


async def _steps(chunks: AsyncIterator[bytes]) -> AsyncIterator[list[bytes]]:
    """Chunks gathered to at least a step each, uncopied."""
    step: list[bytes] = []
    gathered = 0
    async for chunk in chunks:
        step.append(chunk)
        gathered += len(chunk)
        if gathered >= _STEP:
            yield step
            step, gathered = [], 0
    if step:
        yield step
