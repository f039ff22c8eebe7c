"""Reading from a place whose calls may hang, as those of a mount do whose server is gone: not waited for for ever."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from strandkeep.buckets.contract import Bucket, BucketAway, SourceObject

#: Seconds after which one call, such as the read of a chunk, is given up.
LONGEST_CALL_S = 60.0

_SILENT = "The folder of this bucket does not answer: is what is mounted there alive?"

T = TypeVar("T")


class PatientBucket:
    """`Bucket` over another one, with BucketAway in place of a read that hangs."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    @contextmanager
    def open(self, key: str) -> Iterator["PatientObject"]:
        """See `Bucket.open`."""
        opened, aside = self._bucket.open(key), _Aside()
        try:
            yield PatientObject(aside.do(opened.__enter__), aside)
        finally:
            aside.end(opened)

    def put(self, key: str, chunks: Iterable[bytes], length: int) -> None:
        """See `Bucket.put`."""
        self._bucket.put(key, chunks, length)

    def size_of(self, key: str) -> int | None:
        """See `Bucket.size_of`."""
        return self._bucket.size_of(key)


class PatientObject:
    """`SourceObject` over another one, of which a thread of its own reads."""

    def __init__(self, found: SourceObject, aside: "_Aside") -> None:
        self.size, self.identity = found.size, found.identity
        self.descriptor, self.adopt = found.descriptor, found.adopt
        self._found = found
        self._aside = aside

    def chunks(self, first: int = 0) -> Iterator[bytes]:
        """See `SourceObject.chunks`."""
        chunks = self._found.chunks(first)
        while (chunk := self._aside.do(lambda: next(chunks, None))) is not None:
            yield chunk


class _Aside:
    """A thread for calls that may never return. Where one does not, the thread is left alone with it."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], Any] | None] = SimpleQueue()
        self._outcomes: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        self._stuck = False
        threading.Thread(target=self._run, name="bucket", daemon=True).start()

    def do(self, call: Callable[[], T]) -> T:
        """What a call returns or raises; BucketAway when it does neither."""
        if self._stuck:
            raise BucketAway(_SILENT)
        self._calls.put(call)
        try:
            value, raised = self._outcomes.get(timeout=LONGEST_CALL_S)
        except Empty:
            self._stuck = True
            raise BucketAway(_SILENT) from None
        if raised is not None:
            raise raised
        return value  # type: ignore[no-any-return]

    def end(self, opened: AbstractContextManager[Any]) -> None:
        """Close what was opened, when that can be done, and let the thread go."""
        self._calls.put(lambda: opened.__exit__(None, None, None))
        self._calls.put(None)
        if not self._stuck:
            with suppress(Empty):
                self._outcomes.get(timeout=LONGEST_CALL_S)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                self._outcomes.put((call(), None))
            except BaseException as raised:
                self._outcomes.put((None, raised))
