"""Access keys by id, kept at hand for a few seconds."""

import time
from dataclasses import dataclass

from strandkeep.access.sealing import Sealer
from strandkeep.catalog import Catalog, accounts

_KEPT_S = 5.0
_KEPT_MOST = 10_000


@dataclass(frozen=True)
class AccessKey:
    """An active key: who signs with it, and its secret."""

    id: str
    account: str
    principal: str
    secret: str


class KeyRing:
    """Finds access keys. A key that was just disabled or has expired is refused within five seconds."""

    def __init__(self, catalog: Catalog, sealer: Sealer) -> None:
        self._catalog = catalog
        self._sealer = sealer
        self._kept: dict[str, tuple[float, AccessKey | None]] = {}

    async def find(self, key_id: str) -> AccessKey | None:
        """The active key of this id, or None."""
        kept = self._kept.get(key_id)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        key = await self._load(key_id)
        if len(self._kept) >= _KEPT_MOST:
            self._kept.clear()
        self._kept[key_id] = (time.monotonic() + _KEPT_S, key)
        return key

    async def _load(self, key_id: str) -> AccessKey | None:
        row = await self._catalog.read_async(lambda reader: accounts.access_key(reader, key_id))
        if row is None or not row.active:
            return None
        if row.expires is not None and row.expires <= time.time_ns() // 1000:
            return None
        return AccessKey(row.id, row.account, row.principal, self._sealer.open(row.id, row.secret))
