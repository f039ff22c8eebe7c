"""What clients asked of a server and what of it was acknowledged: what may stand there after a kill, and what must."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

#: What a name may stand for. One that was aborted, expired or purged is as absent as one that never was.
ABSENT = "absent"
OPEN = "open"
READ_SET = "read set"
DELETED = "deleted"
THERE = "there"

#: (source, number) of a part.
Place = tuple[str, int]


class Outcome(Generic[T]):
    """What may stand at one place: one value after an answer; without it, what stood there and what was asked for."""

    def __init__(self, value: T) -> None:
        self.possible = {value}

    @contextmanager
    def becomes(self, value: T) -> Iterator[None]:
        """Ask for a value, by a call that raises unless it is acknowledged."""
        self.possible.add(value)
        yield
        self.possible = {value}

    def settle(self, seen: T) -> bool:
        """Take what stands there as the one value; False when it may not stand there."""
        may_be = seen in self.possible
        self.possible = {seen}
        return may_be

    @property
    def value(self) -> T:
        """The one value; only while no answer is owed."""
        (value,) = self.possible
        return value


def _no_tags() -> Outcome[frozenset[tuple[str, str]]]:
    return Outcome(frozenset())


@dataclass
class Reads:
    """An upload, or a source of an import, and the read set that it becomes. No other has its name."""

    store: "Store"
    name: str
    sound: bool
    state: Outcome[str] = field(default_factory=lambda: Outcome(ABSENT))
    parts: dict[Place, Outcome[bytes | None]] = field(default_factory=dict)
    tags: Outcome[frozenset[tuple[str, str]]] = field(default_factory=_no_tags)
    upload_id: str | None = None
    read_set_id: str | None = None
    arn: str | None = None

    def stored(self) -> dict[Place, bytes]:
        """The parts that are there, in order; only while no answer is owed."""
        found = {place: part.value for place, part in sorted(self.parts.items())}
        return {place: content for place, content in found.items() if content is not None}

    def content(self) -> Mapping[str, bytes]:
        """The bytes of each source once all its parts are completed."""
        stored = self.stored()
        sources = {source for source, _ in stored}
        return {s: b"".join(content for (source, _), content in stored.items() if source == s) for s in sources}


@dataclass
class ReadsImport:
    """A job that imports read sets. `name` is its clientToken; it is `over` once somebody has seen that it ended."""

    store: "Store"
    name: str
    reads: list[Reads]
    state: Outcome[str] = field(default_factory=lambda: Outcome(ABSENT))
    id: str | None = None
    over: bool = False

    def ended(self) -> None:
        """Each source that is sound is a read set now, and no other; none at all if the job never was."""
        self.over = True
        for reads in self.reads:
            reads.state.possible = {READ_SET if reads.sound and self.state.value == THERE else ABSENT}


@dataclass
class Store:
    """A sequence store. No other store has its name. `fallback` is the folder in which it keeps failed uploads."""

    name: str
    state: Outcome[str] = field(default_factory=lambda: Outcome(ABSENT))
    tags: Outcome[frozenset[tuple[str, str]]] = field(default_factory=_no_tags)
    reads: list[Reads] = field(default_factory=list)
    imports: list[ReadsImport] = field(default_factory=list)
    fallback: Path | None = None
    id: str | None = None
    arn: str | None = None


@dataclass
class Imported:
    """A reference that a job was asked for. No other has its name; its job's outcome is that of all its sources."""

    name: str
    content: bytes
    state: Outcome[str] = field(default_factory=lambda: Outcome(ABSENT))
    id: str | None = None


@dataclass
class References:
    """A reference store, and the one job that was started in it. No other store has its name."""

    name: str
    state: Outcome[str] = field(default_factory=lambda: Outcome(ABSENT))
    imported: list[Imported] = field(default_factory=list)
    id: str | None = None
    job_id: str | None = None


@dataclass
class Model:
    """All that one installation was asked for. `purges`: deleted things go at once, by the next sweep."""

    purges: bool
    stores: list[Store] = field(default_factory=list)
    references: list[References] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    acknowledged_bytes: list[int] = field(default_factory=list)


def checksum(content: bytes) -> str:
    """The checksum of a part, as the server answers it."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()
