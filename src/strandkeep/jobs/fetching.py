"""What a job fetches from buckets: each byte once, into blobs that count as soon as they are whole.

After a kill the blobs that count are read again, here, and only what is missing is fetched.
"""

import logging
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import Row

from strandkeep.blobs import Adoptable, DamagedBlob, NewBlob
from strandkeep.buckets import CHANGED, BucketAway, BucketError, SourceObject
from strandkeep.catalog import Transaction, fetched, items
from strandkeep.catalog.fetched import Stretch
from strandkeep.domain.file_names import shown_file_name
from strandkeep.domain.layout import Segment, consecutive
from strandkeep.house import House
from strandkeep.jobs.running import Superseded
from strandkeep.kill_points import reach

_log = logging.getLogger(__name__)

#: Bytes of an object that become one blob.
STRETCH = 256 << 20


@dataclass(frozen=True)
class Original:
    """An object that is a source, or a part of it: its URI, its size in bytes, and which state of it is meant."""

    uri: str
    size: int
    identity: str


@dataclass
class Fetch:
    """One source of an item on its way here: the objects that it is made of, one after the other.

    `stretches` are the blobs that hold what came so far, in order.
    """

    house: House
    item: Row[Any]
    source: str
    originals: Sequence[Original]
    stretches: list[Stretch] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of the source as a whole."""
        return sum(original.size for original in self.originals)

    @property
    def segments(self) -> list[Segment]:
        """The file that came, made of its blobs one after the other."""
        return list(consecutive((stretch.blob.name, stretch.blob.length) for stretch in self.stretches))

    def missing(self) -> int:
        """Bytes that are not here yet."""
        return self.size - sum(stretch.blob.length for stretches in self._here().values() for stretch in stretches)

    def chunks(self) -> Generator[bytes]:
        """All bytes of the source, from here as far as they are here. BucketError, BucketAway as buckets raise them."""
        here = self._here()
        for number, original in enumerate(self.originals, 1):
            with _named(original.uri, len(self.originals)):
                yield from self._original(number, original, here.get(number, []))

    def again(self) -> Iterator[bytes]:
        """All bytes of the source once more, from here, after `chunks` has given them."""
        for stretch in self.stretches:
            yield from self._stored(stretch)

    def _here(self) -> Mapping[int, list[Stretch]]:
        return self.house.catalog.read(lambda reader: fetched.of(reader, self.item, self.source))

    def _original(self, number: int, original: Original, here: Sequence[Stretch]) -> Iterator[bytes]:
        start = 0
        for stretch in here:
            if stretch.identity != original.identity:
                raise BucketError(CHANGED)
            yield from self._from_here(stretch)
            start += stretch.blob.length
        if start < original.size:
            yield from self._from_bucket(number, original, start)

    def _from_here(self, stretch: Stretch) -> Iterator[bytes]:
        yield from self._stored(stretch)
        self.stretches.append(stretch)

    def _stored(self, stretch: Stretch) -> Iterator[bytes]:
        try:
            for chunk in self.house.blobs.read([stretch.blob.span(0, stretch.blob.length)]):
                self._check_going_on()
                yield chunk
        except DamagedBlob:
            _log.exception("what item %s had fetched is damaged; it is fetched again", self.item.id)
            self.house.catalog.write(self._drop)
            raise

    def _from_bucket(self, number: int, original: Original, start: int) -> Iterator[bytes]:
        with open_original(self.house, self.item, original.uri) as found:
            if found.identity != original.identity:
                raise BucketError(CHANGED)
            chunks = found.chunks(start)
            while start < original.size:
                yield from self._stretch(number, found, chunks, start)
                start += self.stretches[-1].blob.length

    def _stretch(self, number: int, found: SourceObject, chunks: Iterator[bytes], start: int) -> Iterator[bytes]:
        """Up to STRETCH bytes, or a whole file that is adopted, handed on as they are stored.

        They count once the next ones are asked for.
        """
        with self.house.blobs.begin(_adoptable(found) if start == 0 else None) as blob:
            most = found.size if blob.adopted else STRETCH
            try:
                while blob.length < min(most, found.size - start):
                    chunk = next(chunks, None)
                    if chunk is None:
                        raise BucketError(CHANGED)
                    blob.write(chunk)
                    self._check_going_on()
                    yield chunk
                if start + blob.length == found.size and next(chunks, None) is not None:
                    raise BucketError(CHANGED)
            except BucketAway:
                if blob.length and not blob.adopted:
                    self._keep(number, start, found.identity, blob)
                raise
            self._keep(number, start, found.identity, blob)

    def _keep(self, number: int, start: int, identity: str, blob: NewBlob) -> None:
        """Let what came count."""
        stretch = Stretch(start, identity, blob.finish())
        reach("import.stored")
        self.house.catalog.write(lambda tx: self._count(tx, number, stretch))
        reach("import.fetched")
        self.stretches.append(stretch)

    def _count(self, tx: Transaction, number: int, stretch: Stretch) -> None:
        if not items.note_answer(tx, self.item):
            raise Superseded
        fetched.add(tx, self.item, self.source, number, stretch)

    def _drop(self, tx: Transaction) -> None:
        """Another attempt may be making a file of it: it finds out by itself."""
        if items.holds(tx, self.item):
            fetched.drop(tx, self.item)

    def _check_going_on(self) -> None:
        if self.house.stopping.is_set():
            raise Superseded


def _adoptable(found: SourceObject) -> Adoptable | None:
    """The file that an object is, if its bucket lets it become a blob as it is."""
    if found.descriptor is None or found.adopt == "copy":
        return None
    return Adoptable(found.descriptor, "link" if found.adopt == "link" else "clone")


def open_original(house: House, item: Row[Any], uri: str) -> Any:
    """The object of a URI, as the starter of the item's job may read it; BucketError as buckets raise it."""
    return house.buckets.open(uri, item.account, item.job_request["roleArn"])


def look_up(house: House, item: Row[Any], uris: Sequence[str]) -> list[Original]:
    """What the objects are that are to be fetched; BucketError for one that cannot be read."""
    found = []
    for uri in uris:
        with _named(uri, len(uris)), open_original(house, item, uri) as source:
            found.append(Original(uri, source.size, source.identity))
    return found


@contextmanager
def _named(uri: str, number: int) -> Iterator[None]:
    """Let what is wrong with one of several files say which."""
    try:
        yield
    except BucketError as fault:
        if number == 1:
            raise
        raise BucketError(f"{shown_file_name(uri)}: {fault}") from fault
