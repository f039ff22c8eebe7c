"""Slow and hostile clients, many at once, beside a normal caller: it notices nothing, and nothing is left of them."""

import json
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from select import select
from statistics import median
from threading import Event, Thread
from typing import Any

import psutil
import pytest

from tests.e2e.rows import rows
from tests.e2e.uploading import MIB, fastq, gz, new_store, new_upload, upload
from tests.e2e.wire import UNSIGNED, Line, Wire, as_bytes
from tests.server import RunningServer, start_server

#: Seconds after which this server gives up who stalls.
GIVEN_UP_S = 5

#: A normal caller may take so many times as long as without the others, and so much longer; many times that is seen
#: when others are not kept off.
FACTOR, LONGER_S = 5, 0.3


@pytest.fixture(scope="module")
def besieged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    patience = str(GIVEN_UP_S)
    with start_server(tmp_path_factory.mktemp("siege") / "data", stall_s=patience, idle_s=patience) as running:
        yield running
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@dataclass(frozen=True)
class Burden:
    """What the server holds: descriptors, threads, and bytes of memory, of all its processes."""

    descriptors: int
    threads: int
    memory: int

    @classmethod
    def of(cls, server: RunningServer) -> "Burden":
        found = [psutil.Process(pid) for pid in server.processes()]
        return cls(
            sum(process.num_fds() for process in found),
            sum(process.num_threads() for process in found),
            sum(process.memory_info().rss for process in found),
        )


class Normal:
    """A caller who does what callers do, and how long each call takes."""

    def __init__(self, server: RunningServer) -> None:
        self._wire = Wire(server)
        self._before = self._times()

    def notices_nothing(self) -> None:
        during = self._times()
        assert median(during) < FACTOR * median(self._before) + LONGER_S

    def _times(self, calls: int = 40) -> list[float]:
        times = []
        for _ in range(calls):
            begun = time.monotonic()
            assert self._wire.call("POST", "/sequencestores").status == 200
            times.append(time.monotonic() - begun)
        return times


@contextmanager
def siege(server: RunningServer, memory: int) -> Iterator[Normal]:
    """A normal caller beside what happens inside; afterwards all is as it was, and at no time was more `memory` used.

    Threads: pools fill up to their size, and no further.
    """
    normal, before = Normal(server), Burden.of(server)
    most = [before.memory]
    done = Event()

    def watch() -> None:
        while not done.wait(0.05):
            most.append(Burden.of(server).memory)

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield normal
    finally:
        done.set()
        watcher.join()
    assert max(most) - before.memory < memory
    wait_until(lambda: Burden.of(server).descriptors <= before.descriptors + 10)
    assert Burden.of(server).threads <= before.threads + 16


def wait_until(holds: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


@contextmanager
def connected(server: RunningServer, count: int, *content: bytes) -> Iterator[list[Line]]:
    """So many connections, on each of which `content` was sent."""
    with ExitStack() as stack:
        lines = [stack.enter_context(Line(server.port, timeout=60)) for _ in range(count)]
        for line in lines:
            for piece in content:
                line.send(piece)
        yield lines


# Connections


def test_fifteen_hundred_idle_connections_half_of_them_used_before(besieged: RunningServer) -> None:
    request = as_bytes("GET", "/live", {"host": "x"})
    with siege(besieged, memory=100 * MIB) as normal:
        with connected(besieged, 750), connected(besieged, 750, request) as used:
            assert {line.reply().status for line in used} == {200}
            normal.notices_nothing()
        normal.notices_nothing()


def test_heads_that_come_byte_by_byte_and_never_end_are_given_up(besieged: RunningServer) -> None:
    with siege(besieged, memory=50 * MIB) as normal, connected(besieged, 200, b"GET /live HTTP/1.1\r\nx: ") as lines:
        begun = time.monotonic()
        while time.monotonic() < begun + GIVEN_UP_S + 1:
            for line in lines:
                with suppress(OSError):
                    line.send(b"x")
            time.sleep(0.5)
        normal.notices_nothing()
        assert all(line.closed() for line in lines)
        assert time.monotonic() < begun + 4 * GIVEN_UP_S


@pytest.mark.parametrize(
    ("count", "header"),
    [(100, b"endless: " + b"x" * 400_000), (100, b"".join(b"h%d: x\r\n" % n for n in range(5000)))],
    ids=["a line of 400 KB without an end", "five thousand headers"],
)
def test_heads_that_are_too_large_are_refused(besieged: RunningServer, count: int, header: bytes) -> None:
    with siege(besieged, memory=120 * MIB) as normal, ExitStack() as stack:
        lines = [stack.enter_context(Line(besieged.port)) for _ in range(count)]
        for line in lines:
            # It may be refused while it is still being sent.
            with suppress(ConnectionError):
                line.send(b"GET /live HTTP/1.1\r\nhost: x\r\n" + header)
        normal.notices_nothing()
        for line in lines:
            with suppress(ConnectionError):
                line.send(b"x" * 100_000)
            with suppress(ConnectionError):
                assert line.reply().status == 431


# Bodies


def test_two_hundred_uploads_that_stall_are_given_up(besieged: RunningServer) -> None:
    omics, wire = besieged.client(), Wire(besieged)
    store_id = new_store(omics)
    upload_id = new_upload(omics, store_id)
    with siege(besieged, memory=600 * MIB) as normal, ExitStack() as stack:
        lines = []
        for number in range(1, 201):
            target = f"/sequencestore/{store_id}/upload/{upload_id}/part?partNumber={number}&partSource=SOURCE1"
            headers = {**wire.signed("PUT", target, b"", UNSIGNED), "content-length": str(10 * MIB)}
            lines.append(stack.enter_context(Line(besieged.port)))
            lines[-1].send(as_bytes("PUT", target, headers, bytes(MIB + 1)))
        normal.notices_nothing()
        assert upload(omics, store_id, {"SOURCE1": gz(fastq(1000))})
        replies = [line.reply() for line in lines]
        assert {(reply.status, reply.error) for reply in replies} == {(408, "RequestTimeoutException")}
    assert rows(besieged.data_dir, "SELECT * FROM part WHERE upload_id = ?", upload_id) == []
    assert [path.name for path in (besieged.data_dir / "tmp").glob("*/*")] == ["lock"]


def test_a_body_that_comes_by_single_bytes_is_given_up(besieged: RunningServer) -> None:
    omics, wire = besieged.client(), Wire(besieged)
    store_id = new_store(omics)
    target = f"/sequencestore/{store_id}/upload/{new_upload(omics, store_id)}/part?partNumber=1&partSource=SOURCE1"
    headers = {**wire.signed("PUT", target, b"", UNSIGNED), "content-length": "1000000"}
    with Line(besieged.port) as line:
        line.send(as_bytes("PUT", target, headers))
        begun = time.monotonic()
        while not select([line.socket], [], [], 0.2)[0]:
            assert time.monotonic() < begun + 4 * GIVEN_UP_S
            line.send(b"x")
        reply = line.reply()
    assert (reply.status, reply.error) == (408, "RequestTimeoutException")


def test_bodies_that_are_begun_and_not_ended_do_not_fill_the_memory(besieged: RunningServer) -> None:
    wire = Wire(besieged)
    unended = {**wire.signed("POST", "/sequencestores", b"x"), "content-length": str(8 * MIB)}
    target, body = long_complete()
    with (
        siege(besieged, memory=400 * MIB) as normal,
        connected(besieged, 100, as_bytes("POST", "/sequencestores", unended), bytes(8 * MIB - 1)) as lines,
    ):
        normal.notices_nothing()
        assert wire.call("POST", target, body).error == "ResourceNotFoundException"
        replies = [line.reply() for line in lines]
        assert {(reply.status, reply.error) for reply in replies} == {(408, "RequestTimeoutException")}
        assert "others needed the room" in replies[0].message


def test_a_body_above_eight_mebibytes_is_refused_unread(besieged: RunningServer) -> None:
    wire = Wire(besieged)
    headers = {**wire.signed("POST", "/sequencestores", b"x"), "content-length": str(100 * MIB)}
    with Line(besieged.port) as line:
        line.send(as_bytes("POST", "/sequencestores", headers))
        reply = line.reply()
    assert (reply.status, reply.error) == (400, "ValidationException")
    assert "8388608" in reply.message


BOMBS = {
    "lists": b'{"parts":[' + b"[]," * 2_700_000 + b"[]]}",
    "objects": b'{"parts":[' + b'{"a":1},' * 1_000_000 + b"{}]}",
    "members": b"{" + b",".join(b'"%x":1' % n for n in range(800_000)) + b"}",
    "numbers": b'{"parts":[' + b"1.5," * 2_000_000 + b"1]}",
    "depth": b"[" * 8_000_000,
    "a depth of objects": b'{"a":' * 150_000,
    "an integer": b'{"a":' + b"1" * 8_000_000 + b"}",
    "a fraction": b'{"a":0.' + b"1" * 8_000_000 + b"}",
    "an exponent": b'{"a":1e' + b"9" * 8_000_000 + b"}",
    "a text": b'{"a":"' + b"\\u0041" * 1_300_000 + b'"}',
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_json_bomb_costs_hardly_more_than_its_bytes(besieged: RunningServer, bomb: bytes) -> None:
    """Counted in CPU seconds of the server, in each of which it could have answered hundreds of others."""
    wire, target = Wire(besieged), long_complete()[0]
    request = as_bytes("POST", target, wire.signed("POST", target, bomb), bomb)
    with siege(besieged, memory=250 * MIB) as normal:
        before = cpu_seconds(besieged)
        with ExitStack() as stack:
            lines = [stack.enter_context(Line(besieged.port, timeout=60)) for _ in range(4)]
            for line in lines:
                line.send(request)
            replies = [line.reply() for line in lines]
        assert (cpu_seconds(besieged) - before) / len(replies) < 0.35
        assert {reply.status for reply in replies} == {400}
        normal.notices_nothing()


def test_the_longest_complete_is_read(besieged: RunningServer) -> None:
    target, body = long_complete()
    assert len(body) > 2 * MIB
    reply = Wire(besieged).call("POST", target, body)
    assert (reply.status, reply.error) == (404, "ResourceNotFoundException")


# Answers


def test_downloads_that_nobody_takes_are_given_up(besieged: RunningServer, big: dict[str, Any]) -> None:
    request = as_bytes("GET", big["target"], Wire(besieged).signed("GET", big["target"]))
    before = Burden.of(besieged).descriptors
    with siege(besieged, memory=400 * MIB) as normal, connected(besieged, 60, request):
        wait_until(lambda: Burden.of(besieged).descriptors >= before + 2 * 60)
        normal.notices_nothing()
        # The connections stay for as long as the clients do, and the files are closed.
        wait_until(lambda: Burden.of(besieged).descriptors <= before + 60 + 10)


def test_a_download_whose_client_leaves_ends_soon(besieged: RunningServer, big: dict[str, Any]) -> None:
    request = as_bytes("GET", big["target"], Wire(besieged).signed("GET", big["target"]))
    query = "SELECT * FROM audit WHERE action = 'omics:GetReadSet' AND resource LIKE ?"
    with connected(besieged, 5, request) as lines:
        for line in lines:
            line.socket.recv(1)

    def recorded() -> list[dict[str, Any]]:
        return rows(besieged.data_dir, query, f"%/readSet/{big['id']}")

    wait_until(lambda: sum(row["count"] for row in recorded()) == 5)
    assert {row["outcome"] for row in recorded()} == {"Disconnected"}
    assert sum(row["bytes"] for row in recorded()) < 5 * big["size"] / 2


@pytest.fixture
def big(besieged: RunningServer) -> dict[str, Any]:
    """A read set of some size, and where its first part is had."""
    omics = besieged.client()
    store_id = new_store(omics)
    content = gz(fastq(20_000)) * 40
    read_set_id = upload(omics, store_id, {"SOURCE1": content}, part_size=20 * MIB)
    assert len(content) > 40 * MIB
    return {
        "id": read_set_id,
        "target": f"/sequencestore/{store_id}/readset/{read_set_id}?partNumber=1",
        "size": len(content),
    }


def long_complete() -> tuple[str, bytes]:
    """The longest Complete that there is, of an upload that there is not."""
    parts = [
        {"partSource": source, "partNumber": number, "checksum": "A" * 44}
        for source in ("SOURCE1", "SOURCE2")
        for number in range(1, 10_001)
    ]
    target = "/sequencestore/1234567890123456/upload/1234567890123456/complete"
    return target, json.dumps({"parts": parts}).encode()


def cpu_seconds(server: RunningServer) -> float:
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in server.processes())
