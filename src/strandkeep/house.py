"""What every operation and every job works with."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from strandkeep.blobs import Blobs
from strandkeep.buckets import Buckets
from strandkeep.catalog import Catalog
from strandkeep.domain import quotas, times
from strandkeep.domain.context import RequestContext
from strandkeep.domain.identifiers import Installation
from strandkeep.domain.paging import Pager
from strandkeep.domain.s3_places import StorePlace
from strandkeep.settings import Settings


@dataclass(frozen=True)
class House:
    """The parts of a running installation.

    `wake_jobs` says that there is work; it never blocks. `stopping` is set when long work is to be left to the next
    start. `tallies` are what stores held when they were last counted.
    """

    installation: Installation
    settings: Settings
    catalog: Catalog
    blobs: Blobs
    paging_key: bytes
    wake_jobs: Callable[[], None]
    stopping: threading.Event = field(default_factory=threading.Event)
    tallies: quotas.Tallies = field(default_factory=dict)

    def pager(self, context: RequestContext, operation: str, **question: object) -> Pager:
        """The tokens of a list that `context` asks for by `operation` with these scopes and filters."""
        return Pager(self.paging_key, {"account": context.account, "operation": operation, **question})

    def place(self, account: str, store_id: str) -> StorePlace:
        """Where a store is by S3."""
        return StorePlace(account, store_id, self.paging_key)

    def quota(self, name: str) -> int:
        """The quota of this name in `domain/quotas.py` that holds here; 0 for none."""
        return quotas.in_force(name, self.settings.profile, getattr(self.settings, f"quota_{name}"))

    @cached_property
    def buckets(self) -> Buckets:
        """The places outside that jobs read from and write to; ValueError when a secret of theirs cannot be read."""
        return Buckets(self.settings.buckets, self.installation.account)

    @property
    def delete_after(self) -> int:
        """Microseconds for which the bytes of deleted things stay."""
        return self.settings.delete_after_s * times.SECOND
