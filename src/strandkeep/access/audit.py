"""The audit trail: every call, allowed or denied.

A call that changes something is answered only when its record is durable; others are recorded within a second. Each
has a record of its own, but for three kinds that are added up with their number while they fall into the same second:
reads of data by one caller on one thing, calls by whoever did not prove who they are, and calls that came too often.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from strandkeep.catalog import Catalog, audit
from strandkeep.domain.context import RequestContext
from strandkeep.errors import ThrottlingException
from strandkeep.kill_points import reach

ALLOWED = "allowed"
DENIED = "denied"

#: The operations that hand out data: their records are added up.
DATA_READS = frozenset({"omics:GetReadSet", "omics:GetReference", "strandkeep:GetReadSetOriginal"})

_FLUSH_S = 1.0

#: Records kept for the next flush when the catalog refuses them.
_KEPT_MOST = 100_000


@dataclass(frozen=True)
class Call:
    """What is recorded of a call. `outcome` is "ok" or the error's code; `size` is in bytes handed out."""

    context: RequestContext
    action: str
    resource: str
    decision: str
    outcome: str
    size: int = 0

    def as_row(self) -> dict[str, Any]:
        """The call as a row that stands for it alone."""
        return {
            "request_id": self.context.request_id,
            "account": self.context.account,
            "principal": self.context.principal,
            "access_key_id": self.context.access_key_id,
            "source_address": self.context.source_address,
            "action": self.action,
            "resource": self.resource,
            "decision": self.decision,
            "outcome": self.outcome,
            "count": 1,
            "bytes": self.size,
        }


class Audit:
    """Takes records of calls and brings them into the catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._waiting: dict[Any, dict[str, Any]] = {}
        self._flusher: asyncio.Task[None] | None = None

    async def record(self, call: Call) -> None:
        """Record a call that may have changed something; durable when this returns."""
        row = call.as_row()
        await self._catalog.write_async(lambda tx: audit.append(tx, [row]))
        reach("audit.recorded")

    def note(self, call: Call) -> None:
        """Record a call that changed nothing, within a second."""
        row = call.as_row()
        shared = (
            call.context.access_key_id,
            call.context.source_address,
            call.action,
            call.resource,
            call.outcome,
        )
        # Who has not proved who they are, or is refused by a rate, must not fill the disk with records of it.
        refused_at_once = not call.context.principal or call.outcome == ThrottlingException.code
        added_up = refused_at_once or call.action in DATA_READS
        key = shared if added_up else call.context.request_id
        known = self._waiting.setdefault(key, row)
        if known is not row:
            known["count"] += 1
            known["bytes"] += row["bytes"]
        if self._flusher is None:
            self._flusher = asyncio.create_task(self._flush_soon())

    @property
    def waiting(self) -> int:
        """How many records are not in the catalog yet."""
        return len(self._waiting)

    async def flush(self) -> None:
        """Bring what waits into the catalog."""
        rows, self._waiting = list(self._waiting.values()), {}
        if not rows:
            return
        try:
            await self._catalog.write_async(lambda tx: audit.append(tx, rows))
        except Exception:
            self._waiting.update((object(), row) for row in rows[:_KEPT_MOST])
            raise

    async def _flush_soon(self) -> None:
        await asyncio.sleep(_FLUSH_S)
        self._flusher = None
        await self.flush()
