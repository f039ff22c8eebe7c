"""References at hand: the files that a worker opens, in `<data>/references/<id>/`, made of the catalog and the blobs.

Nothing counts here. What is missing, or has another size than it should, is made again by the next job that needs it;
so it need not outlive a power failure, and may go whenever nobody uses it. A file gets its name when it is whole.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import Any

from isal import igzip
from sqlalchemy.engine import Row

from strandkeep.blobs import OutOfSpace
from strandkeep.catalog import Reader, references, stored_files
from strandkeep.durable import make_folders
from strandkeep.formats.facts import ReferenceFiles
from strandkeep.house import House
from strandkeep.jobs.running import Superseded

_FASTA, _INDEX, _DICTIONARY = "sequence.fa", "sequence.fa.fai", "dictionary.json"
_UNFINISHED = ".part"

#: Bytes that are read from a file, or decompressed, at once.
_STEP = 1 << 20
#: Sequences that are read from the catalog at once.
_ROWS = 10_000


class ReferenceGone(Exception):
    """No such reference is ACTIVE."""


class WrongReference(Exception):
    """The stored bytes of a reference are not those that were imported."""


def at_hand(house: House, reference_id: str, *, sequences: bool) -> ReferenceFiles:
    """The files of an ACTIVE reference: its dictionary, and if `sequences` are needed its FASTA with the index.

    Raises ReferenceGone, OutOfSpace, and for what is wrong with the stored bytes DamagedBlob or WrongReference;
    Superseded when the server stops.
    """
    kept = _load(house, reference_id)
    wanted = [_DICTIONARY, *([_FASTA, _INDEX] if sequences else [])]
    if not all(map(kept.is_there, wanted)):
        with _alone(house):
            for name in wanted:
                # Another job may have made it meanwhile.
                if not kept.is_there(name):
                    kept.make(name)
    return ReferenceFiles(kept.folder / _DICTIONARY, kept.folder / _FASTA if sequences else None)


def recheck(house: House, reference_id: str) -> bool:
    """Whether the files at hand are what the catalog says, by their digests; one that is not is removed.

    For whoever has met something that a wrong reference would explain: with False, try again.
    """
    kept = _load(house, reference_id)
    with _alone(house):
        wrong = [name for name in (_DICTIONARY, _FASTA, _INDEX) if not kept.is_right(name)]
        for name in wrong:
            (kept.folder / name).unlink()
    return not wrong


def remove_unused(house: House) -> None:
    """Remove the files of references that are not ACTIVE any more, and what a killed server left unfinished.

    Nothing happens while files are made: the next round comes.
    """
    root = _root(house)
    try:
        with _alone(house, wait=False):
            for folder in [entry for entry in root.iterdir() if entry.is_dir()]:
                _remove_unused(house, folder)
    except BlockingIOError:
        return


def _remove_unused(house: House, folder: Path) -> None:
    if house.catalog.read(lambda reader: references.active(reader, folder.name)) is None:
        shutil.rmtree(folder)
        return
    for unfinished in folder.glob(f"*{_UNFINISHED}"):
        unfinished.unlink()


class _Kept:
    """The files of one reference, as they are at hand and as they should be."""

    def __init__(self, house: House, reference: Row[Any], files: dict[str, Row[Any]]) -> None:
        self.folder: Path = _root(house) / reference.id
        self._house = house
        self._reference = reference
        self._sizes: dict[str, int] = {_FASTA: reference.facts["textLength"], _INDEX: files["INDEX"].size}
        self._md5s: dict[str, str] = {_FASTA: reference.md5, _INDEX: files["INDEX"].md5}
        self._files = files

    def is_there(self, name: str) -> bool:
        """Whether a file is at hand, by its size where that is known."""
        try:
            size = (self.folder / name).stat().st_size
        except FileNotFoundError:
            return False
        return size == self._sizes.get(name, size)

    def is_right(self, name: str) -> bool:
        """Whether a file, if it is at hand, has the digest that it should have."""
        try:
            with (self.folder / name).open("rb") as file:
                found = _md5_of(iter(lambda: file.read(_STEP), b""))
        except FileNotFoundError:
            return True
        expected = self._md5s.get(name) or _md5_of(self._content(name))
        return found == expected

    def make(self, name: str) -> None:
        """Make a file anew."""
        _check_room(self._house, self._sizes.get(name, 0))
        make_folders([self.folder])
        unfinished = self.folder / f"{name}{_UNFINISHED}"
        try:
            self._write(name, unfinished)
            unfinished.rename(self.folder / name)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise

    def _write(self, name: str, path: Path) -> None:
        digest = hashlib.md5(usedforsecurity=False)
        with path.open("wb") as file:
            for chunk in self._content(name):
                if self._house.stopping.is_set():
                    raise Superseded
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if digest.hexdigest() != self._md5s.get(name, digest.hexdigest()):
            raise WrongReference(f"the stored bytes of reference {self._reference.id} give another {name}")

    def _content(self, name: str) -> Iterator[bytes]:
        if name == _DICTIONARY:
            return self._dictionary()
        if name == _INDEX:
            return self._stored("INDEX")
        stored = self._stored("SOURCE")
        return _decompressed(stored) if self._reference.facts["compressed"] else stored

    def _stored(self, source: str) -> Iterator[bytes]:
        """The bytes of a file of the reference, every block checked."""
        spans = self._house.catalog.read(
            lambda reader: stored_files.spans(reader, self._reference.id, source, 0, self._files[source].size)
        )
        return self._house.blobs.read(spans)

    def _dictionary(self) -> Iterator[bytes]:
        """JSON of [name, length, md5] of each sequence."""
        before, after = "[", 0
        while rows := self._house.catalog.read(
            lambda reader, after=after: references.sequences(reader, self._reference.id, after, _ROWS)  # type: ignore[misc]
        ):
            for row in rows:
                yield f"{before}{json.dumps([row.name, row.length, row.md5])}".encode()
                before = ",\n"
            after = rows[-1].position
        yield b"]"


class _Chunks(RawIOBase):
    """Chunks as a file that is read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Bytes of the chunk in hand, or of the next one; 0 at the end."""
        self._left = self._left or next(self._chunks, b"")
        length = min(len(buffer), len(self._left))
        buffer[:length], self._left = self._left[:length], self._left[length:]
        return length


def _decompressed(stored: Iterator[bytes]) -> Iterator[bytes]:
    with igzip.IGzipFile(fileobj=BufferedReader(_Chunks(stored), _STEP)) as file:  # type: ignore[no-untyped-call]
        while text := file.read(_STEP):
            yield text


def _load(house: House, reference_id: str) -> _Kept:
    def load(reader: Reader) -> tuple[Row[Any] | None, dict[str, Row[Any]]]:
        files = {row.source: row for row in stored_files.of(reader, reference_id)}
        return references.active(reader, reference_id), files

    reference, files = house.catalog.read(load)
    if reference is None:
        raise ReferenceGone(f"reference {reference_id} is not there")
    return _Kept(house, reference, files)


def _root(house: House) -> Path:
    return house.settings.data_dir / "references"


@contextmanager
def _alone(house: House, *, wait: bool = True) -> Iterator[None]:
    """Nobody else makes or removes files while this lasts; BlockingIOError when it would have to `wait` but may not."""
    make_folders([_root(house)])
    descriptor = os.open(_root(house) / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _check_room(house: House, length: int) -> None:
    if shutil.disk_usage(_root(house)).free - length < house.settings.min_free:
        raise OutOfSpace(f"less than {house.settings.min_free} bytes would stay free beside a reference at hand")


def _md5_of(chunks: Iterator[bytes]) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()
