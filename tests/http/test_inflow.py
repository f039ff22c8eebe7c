"""Bodies on their way in: whole when they come, bounded together, and the oldest is given up first."""

import asyncio

import pytest

from strandkeep.errors import RequestTimeoutException
from strandkeep.http.inflow import Inflow


class Body:
    """A body whose chunks the test sends one by one."""

    def __init__(self, inflow):
        self._chunks = asyncio.Queue()
        self.taken = asyncio.create_task(inflow.take(self._come()))

    async def _come(self):
        while chunk := await self._chunks.get():
            yield chunk

    async def send(self, *chunks):
        for chunk in chunks:
            self._chunks.put_nowait(chunk)
        for _ in range(10):
            await asyncio.sleep(0)

    async def given_up(self):
        with pytest.raises(RequestTimeoutException, match="others needed the room"):
            await self.taken
        return True


def test_bodies_come_whole_beside_each_other():
    async def run():
        inflow = Inflow(10)
        one, two = Body(inflow), Body(inflow)
        await one.send(b"a" * 4)
        await two.send(b"b" * 3)
        await one.send(b"a" * 3, b"")
        await two.send(b"b" * 7, b"")
        assert (await one.taken, await two.taken) == (b"a" * 7, b"b" * 10)

    asyncio.run(run())


def test_the_oldest_is_given_up_and_the_others_go_on():
    async def run():
        inflow = Inflow(10)
        silent, oldest, older, young = Body(inflow), Body(inflow), Body(inflow), Body(inflow)
        await oldest.send(b"a" * 4)
        await older.send(b"b" * 4)
        await young.send(b"c" * 5)
        assert await oldest.given_up()
        await young.send(b"c", b"")
        assert await young.taken == b"c" * 6
        await older.send(b"b" * 6, b"")
        assert await older.taken == b"b" * 10
        await silent.send(b"a", b"")
        assert await silent.taken == b"a"

    asyncio.run(run())


def test_as_many_are_given_up_as_it_takes():
    async def run():
        inflow = Inflow(10)
        bodies = [Body(inflow) for _ in range(5)]
        for body in bodies:
            await body.send(b"xx")
        last = Body(inflow)
        await last.send(b"y" * 7, b"")
        assert await last.taken == b"y" * 7
        assert [await body.given_up() for body in bodies[:4]] == [True] * 4
        await bodies[4].send(b"")
        assert await bodies[4].taken == b"xx"

    asyncio.run(run())


def test_what_is_over_takes_no_room():
    async def run():
        inflow = Inflow(10)
        for _ in range(100):
            body = Body(inflow)
            await body.send(b"x" * 9, b"")
            assert await body.taken == b"x" * 9
            broken = Body(inflow)
            await broken.send(b"x" * 9)
            broken.taken.cancel()
        await asyncio.gather(broken.taken, return_exceptions=True)
        last = Body(inflow)
        await last.send(b"x" * 10, b"")
        assert await last.taken == b"x" * 10

    asyncio.run(run())
