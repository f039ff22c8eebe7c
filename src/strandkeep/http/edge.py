"""The ASGI application: start and stop, `/live`, `/health`, `/metrics`, and everything else to the dispatcher."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping

from strandkeep.http.dispatch import Dispatcher
from strandkeep.http.messages import Answer, Receive, Scope, Send, send_answer

_log = logging.getLogger(__name__)

_TEXT = "text/plain; version=0.0.4; charset=utf-8"

Check = Callable[[], Awaitable[Mapping[str, str]]]
#: What `/metrics` answers; None when it is switched off.
Scrape = Callable[[], Awaitable[bytes]] | None


class Edge:
    """An ASGI application. `start` makes the dispatcher, the health check and the scrape; `stop` ends what they use."""

    def __init__(
        self, start: Callable[[], Awaitable[tuple[Dispatcher, Check, Scrape]]], stop: Callable[[], Awaitable[None]]
    ) -> None:
        self._start = start
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["path"] == "/live":
            await send_answer(Answer(200, b'{"status": "live"}'), "live", send)
        elif scope["path"] == "/health":
            await send_answer(await self._health(), "health", send)
        elif scope["path"] == "/metrics":
            await send_answer(await self._metrics(), "metrics", send)
        else:
            await self._dispatcher(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            self._dispatcher, self._check, self._scrape = await self._start()
        except Exception:
            _log.exception("the server cannot start")
            await send({"type": "lifespan.startup.failed", "message": "the server cannot start"})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _metrics(self) -> Answer:
        if self._scrape is None:
            return Answer(404, b"metrics = 'off' in the settings\n", _TEXT)
        return Answer(200, await self._scrape(), _TEXT)

    async def _health(self) -> Answer:
        problems = await self._check()
        body = {"status": "failing" if problems else "ok", "problems": problems}
        return Answer(503 if problems else 200, json.dumps(body).encode())
