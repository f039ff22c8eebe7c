"""Mixed load: hands that each work on things of their own, by the chance of a seed, until the server is gone."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.e2e.uploading import fastq, gz
from tests.kills.client import Client, Gone
from tests.kills.model import ABSENT, DELETED, OPEN, READ_SET, THERE, Place, Reads, ReadsImport, Store

_STORES = 2
_OPEN_UPLOADS = 3
_READ_SETS = 8
_UNSOUND = 0.15


class Hand:
    """One user, who imports from a `folder`. What goes wrong but the server's end is kept in `problem`."""

    def __init__(self, client: Client, folder: Path, chance: random.Random) -> None:
        self.problem: Exception | None = None
        self._client = client
        self._folder = folder
        self._chance = chance
        self._stores: list[Store] = []
        self._unsent: dict[str, list[tuple[Place, bytes]]] = {}
        self._actions: dict[Callable[[], None], int] = {
            self._begin: 4,
            self._put: 20,
            self._replace: 3,
            self._list_parts: 2,
            self._complete: 6,
            self._import: 2,
            self._look_at_imports: 4,
            self._abort: 1,
            self._read: 5,
            self._delete: 2,
            self._undelete: 2,
            self._check_again: 1,
            self._tag: 2,
            self._untag: 1,
            self._delete_store: 1,
        }

    def work(self) -> None:
        """Call after call, as long as the server answers."""
        self._stores = [store for store in self._stores if store.state.value == THERE]
        actions, weights = list(self._actions), list(self._actions.values())
        try:
            while True:
                self._chance.choices(actions, weights)[0]()
        except Gone:
            return
        except Exception as problem:
            self.problem = problem

    def _in(self, state: str) -> list[Reads]:
        return [reads for store in self._stores for reads in store.reads if reads.state.possible == {state}]

    def _some(self, found: list[Reads]) -> Iterator[Reads]:
        """One of them, if there is any."""
        return iter(self._chance.sample(found, min(1, len(found))))

    def _begin(self) -> None:
        if len(self._stores) < _STORES:
            # Kept before it is asked for: it may be there though the answer never came.
            self._stores.append(self._client.new_store())
        if len(self._in(OPEN)) < _OPEN_UPLOADS and len(self._in(READ_SET)) < _READ_SETS:
            sound = self._chance.random() > _UNSOUND
            reads = self._client.new_upload(self._chance.choice(self._stores), sound=sound)
            self._unsent[reads.name] = list(self._pieces(sound))

    def _pieces(self, sound: bool) -> Iterator[tuple[Place, bytes]]:
        """The parts of a pair of files that nobody else has, cut anywhere; unsound ones end too early."""
        own, common = self._chance.randrange(10**9), self._chance.randrange(5)
        for mate, source in enumerate(("SOURCE1", "SOURCE2"), 1):
            content = gz(fastq(1, 100, mate, own)) + gz(fastq(300, 100, mate, common))
            content = content if sound else content[:-20]
            cuts = sorted(self._chance.sample(range(1, len(content)), self._chance.randrange(4)))
            for number, (first, last) in enumerate(zip([0, *cuts], [*cuts, len(content)], strict=True), 1):
                yield (source, number), content[first:last]

    def _put(self) -> None:
        for reads in self._some([reads for reads in self._in(OPEN) if self._unsent.get(reads.name)]):
            unsent = self._unsent[reads.name]
            place, content = self._chance.choice(unsent)
            self._client.put(reads, place[1], content, place[0])
            unsent.remove((place, content))

    def _replace(self) -> None:
        for reads in self._some([reads for reads in self._in(OPEN) if reads.stored()]):
            place, content = self._chance.choice(list(reads.stored().items()))
            # Whatever becomes of it, the right bytes are sent again before Complete.
            unsent = self._unsent.setdefault(reads.name, [])
            if place not in dict(unsent):
                unsent.append((place, content))
            self._client.put(reads, place[1], self._chance.randbytes(2000), place[0])

    def _list_parts(self) -> None:
        for reads in self._some(self._in(OPEN)):
            key = {"sequenceStoreId": reads.store.id, "uploadId": reads.upload_id, "partSource": "SOURCE1"}
            listed = {part["partNumber"] for part in self._client.pages("list_read_set_upload_parts", "parts", **key)}
            assert listed == {number for source, number in reads.stored() if source == "SOURCE1"}

    def _complete(self) -> None:
        for reads in self._some([reads for reads in self._in(OPEN) if self._unsent.get(reads.name) == []]):
            self._client.complete(reads)

    def _import(self) -> None:
        """A few sources at once: what they are, pairs or single files, sound or not, is the same for all."""
        for store in self._chance.sample(self._stores, min(1, len(self._stores))):
            if not self._running_imports() and len(self._in(READ_SET)) < _READ_SETS:
                sound, mates = self._chance.random() > _UNSOUND, self._chance.randint(1, 2)
                sources = [self._files(sound, mates) for _ in range(self._chance.randint(1, 3))]
                self._client.import_reads(store, self._folder, *sources, sound=sound)

    def _files(self, sound: bool, mates: int) -> dict[str, bytes]:
        """The files of a source, whole."""
        pieces = list(self._pieces(sound))
        return {
            source: b"".join(content for place, content in pieces if place[0] == source)
            for source in ("SOURCE1", "SOURCE2")[:mates]
        }

    def _running_imports(self) -> list[ReadsImport]:
        imports = [job for store in self._stores for job in store.imports]
        return [job for job in imports if not job.over and job.state.possible == {THERE}]

    def _look_at_imports(self) -> None:
        for job in self._running_imports():
            self._client.reads_import(job)

    def _abort(self) -> None:
        for reads in self._some(self._in(OPEN)):
            self._client.abort(reads)

    def _read(self) -> None:
        for reads in self._some(self._in(READ_SET)):
            if self._client.checked(reads, 0) == "ACTIVE":
                for source, content in reads.content().items():
                    assert self._client.download(reads, source) == content

    def _delete(self) -> None:
        for reads in self._some(self._in(READ_SET)):
            if self._client.checked(reads, 0) != "PROCESSING_UPLOAD":
                self._client.delete(reads)

    def _undelete(self) -> None:
        for reads in self._some([] if self._client.model.purges else self._in(DELETED)):
            self._client.undelete(reads)

    def _check_again(self) -> None:
        for reads in self._some([reads for reads in self._in(READ_SET) if not reads.sound]):
            if self._client.checked(reads, 0) == "UPLOAD_FAILED":
                self._client.reingest(reads)

    def _tag(self) -> None:
        for store in self._chance.sample(self._stores, min(1, len(self._stores))):
            self._client.tag(store, **{self._chance.choice("abc"): str(self._chance.random()) for _ in range(2)})

    def _untag(self) -> None:
        for store in self._chance.sample(self._stores, min(1, len(self._stores))):
            self._client.untag(store, *self._chance.sample("abc", 2))

    def _delete_store(self) -> None:
        for store in list(self._stores):
            if all(reads.state.possible == {ABSENT} for reads in store.reads):
                self._client.delete_store(store)
                self._stores.remove(store)
