"""Bodies that are held in memory until their signature can be checked: bounded, one by one and all together."""

import asyncio
from collections.abc import AsyncIterator

from strandkeep.errors import RequestTimeoutException

#: Bytes that bodies which have not come to their end may hold together.
_MOST = 64 * 1024 * 1024


class Inflow:
    """Takes bodies in. When room is short, the one that has been coming for the longest time is given up.

    So whoever begins many bodies and ends none of them harms those, and not a body that comes at once.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._sizes: dict[asyncio.Timeout, int] = {}
        self._total = 0

    async def take(self, chunks: AsyncIterator[bytes]) -> bytes:
        """The whole of a body; RequestTimeoutException when it is given up."""
        body = bytearray()
        patience = asyncio.timeout(None)
        self._sizes[patience] = 0
        try:
            async with patience:
                async for chunk in chunks:
                    body += chunk
                    self._add(patience, len(chunk))
        except TimeoutError:
            raise RequestTimeoutException(
                f"The body came too slowly: {len(body)} bytes of it were given up, since others needed the room. "
                "Send it again."
            ) from None
        finally:
            self._total -= self._sizes.pop(patience)
        return bytes(body)

    def _add(self, patience: asyncio.Timeout, size: int) -> None:
        self._sizes[patience] += size
        self._total += size
        if self._total > self._most:
            self._make_room()

    def _make_room(self) -> None:
        now = asyncio.get_running_loop().time()
        for oldest, size in self._sizes.items():
            if self._total <= self._most:
                return
            if size and not oldest.expired():
                self._total -= size
                self._sizes[oldest] = 0
                oldest.reschedule(now)
