"""Whether a store is whole: rows and bytes agree, and nothing of what was given up is left."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from strandkeep.catalog import Reader, blobs, tables
from strandkeep.domain.blobs import LIVE
from strandkeep.house import House
from strandkeep.jobs.sweep import sweep
from tests.faults.disk import Disk
from tests.operations.conftest import root_of, with_settings


@dataclass
class Wholeness:
    """Looks at all rows and bytes of a house again and again; the digest of a blob is taken when it is new."""

    house: House
    disk: Disk
    _read: set[str] = field(default_factory=set)

    def check(self) -> None:
        """Every live blob is pointed at and has its bytes; what is pointed at is live; nothing is half done or open."""
        live, pointed = self.house.catalog.read(_live_and_pointed)
        stored = {path.name: path for path in (self.disk.root / "blobs").glob("*/*")}
        assert pointed == set(live)
        for blob in live.values():
            path = stored[blob.name]
            assert path.stat().st_size == blob.length
            if blob.name not in self._read:
                assert hashlib.sha256(path.read_bytes()).hexdigest() == blob.sha256
                self._read.add(blob.name)
        assert self.disk.open_files() == []
        assert self.disk.synced_again == []
        assert [path for path in (self.disk.root / "tmp").glob("*/*") if path.name != "lock"] == []

    def check_swept(self) -> None:
        """As `check`, with every digest taken again, after a sweep without grace: no bytes are left without a row."""
        sweep(with_settings(root_of(self.house), orphan_grace_s=0).house)
        self._read.clear()
        self.check()
        stored = {name for names in self.house.blobs.orphans(0) for name in names}
        assert stored == self.house.catalog.read(lambda reader: blobs.known(reader, list(stored)))


def _live_and_pointed(reader: Reader) -> tuple[dict[str, Any], set[str]]:
    live = {row.name: row for row in reader.all(sa.select(tables.blob).where(tables.blob.c.state == LIVE))}
    pointers = [sa.select(tables.part.c.blob), sa.select(tables.segment.c.blob), sa.select(tables.fetched.c.blob)]
    return live, {row.blob for query in pointers for row in reader.all(query)}
