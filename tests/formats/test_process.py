"""Workers that die, hang or outgrow their limits, chunks that fail, servers that go: nothing is left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from strandkeep.formats.examine import examine_fastq
from strandkeep.formats.facts import Limits, WorkerTrouble

from .fastq_files import BAD_FILES, GZ, gz, reads

HEAD = gz(reads(1000))


def workers() -> list[psutil.Process]:
    children = (p for p in psutil.Process().children() if p.status() != psutil.STATUS_ZOMBIE)
    return [p for p in children if "strandkeep.formats.worker" in " ".join(p.cmdline())]


def wait_until_gone(process: psutil.Process, seconds: float) -> bool:
    """Whether a process ends in time; one that nobody has reaped has ended too."""
    deadline = time.monotonic() + seconds
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def then(act: Callable[[], None]) -> Iterator[bytes]:
    """Some of a file; then something happens; then the rest, slowly."""
    yield HEAD
    time.sleep(0.3)
    act()
    for _ in range(50):
        time.sleep(0.02)
        yield HEAD


def kill_workers() -> None:
    for worker in workers():
        worker.kill()


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    threads = set(threading.enumerate())
    descriptors = psutil.Process().num_fds()
    yield
    assert set(threading.enumerate()) == threads
    assert psutil.Process().num_fds() == descriptors
    assert not workers()


def test_a_killed_worker_is_our_trouble() -> None:
    with pytest.raises(WorkerTrouble, match="SOURCE1 was killed by signal 9") as trouble:
        examine_fastq({"SOURCE1": then(kill_workers)}, algorithm="md5")
    assert "/" not in str(trouble.value)


def test_a_killed_worker_of_two_is_our_trouble() -> None:
    with pytest.raises(WorkerTrouble, match="killed by signal 9"):
        examine_fastq({"SOURCE1": [HEAD] * 5, "SOURCE2": then(kill_workers)}, algorithm="md5")


@pytest.mark.parametrize("source", ["SOURCE1", "SOURCE2"])
def test_what_the_chunks_raise_is_raised(source: str) -> None:
    class Damaged(Exception):
        pass

    def fail() -> None:
        raise Damaged

    chunks = {"SOURCE1": [HEAD], "SOURCE2": [HEAD], source: then(fail)}
    with pytest.raises(Damaged):
        examine_fastq(chunks, algorithm="md5")


def test_chunks_that_break_a_pipe_of_their_own_are_not_ended_quietly() -> None:
    def fail() -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        examine_fastq({"SOURCE1": then(fail)}, algorithm="md5")


def test_the_callers_progress_may_fail() -> None:
    def fail(_: object) -> None:
        raise ValueError("the caller's own")

    with pytest.raises(ValueError, match="the caller's own"):
        examine_fastq({"SOURCE1": [GZ]}, algorithm="md5", progress=fail)


def test_rule_11_too_little_memory_is_our_trouble() -> None:
    with pytest.raises(WorkerTrouble, match=r"ran out of memory|ended without a verdict"):
        examine_fastq({"SOURCE1": [GZ]}, algorithm="md5", limits=Limits(address_space=1 << 20))


def test_rule_11_too_much_cpu_is_our_trouble() -> None:
    def forever() -> Iterator[bytes]:
        while True:
            yield HEAD

    with pytest.raises(WorkerTrouble, match="more CPU"):
        examine_fastq({"SOURCE1": forever()}, algorithm="md5", limits=Limits(cpu_s=1, cpu_s_per_gb=0))


def test_rule_11_a_worker_that_stands_still_is_our_trouble() -> None:
    def stop() -> None:
        for worker in workers():
            worker.suspend()

    def chunks() -> Iterator[bytes]:
        yield from then(stop)
        yield from [HEAD * 30] * 100

    with pytest.raises(WorkerTrouble, match=r"no progress for 0\.5 s"):
        examine_fastq({"SOURCE1": chunks()}, algorithm="md5", limits=Limits(stall_s=0.5))


def test_slow_chunks_are_no_stall_of_the_worker() -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(3):
            time.sleep(0.5)
            yield GZ

    found = examine_fastq({"SOURCE1": chunks()}, algorithm="md5", limits=Limits(stall_s=0.2))
    assert found.sources["SOURCE1"].reads == 30


def test_a_fault_is_told_long_before_the_file_ends() -> None:
    begun = time.monotonic()
    sources = {"SOURCE1": [BAD_FILES["no @"].sources["SOURCE1"]], "SOURCE2": then(lambda: None)}
    found = examine_fastq(sources, algorithm="md5")
    assert found.problems[0].rule == "fastq.header"
    assert time.monotonic() - begun < 2.5


def test_nothing_leaks_in_many_runs() -> None:
    """The fixture counts threads, descriptors and processes."""
    for bad in list(BAD_FILES.values())[20:45]:
        examine_fastq({source: [stored] for source, stored in bad.sources.items()}, algorithm="md5")
        examine_fastq({"SOURCE1": [GZ], "SOURCE2": [GZ]}, algorithm="md5")


SERVER = """
import time
from strandkeep.formats.examine import examine_fastq
from tests.formats.fastq_files import GZ
def chunks():
    yield GZ * 10_000  # more than a pipe holds, so that the worker is at work when it is through
    print("fed", flush=True)
    time.sleep(60)
examine_fastq({"SOURCE1": chunks()}, algorithm="md5")
"""


@pytest.mark.parametrize("stopped", [False, True])
def test_rule_11_a_worker_goes_with_its_server(stopped: bool) -> None:
    """One that waits sees its pipe close; one that cannot look is killed by the kernel."""
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE) as server:
        assert server.stdout
        assert server.stdout.readline() == b"fed\n"
        (worker,) = psutil.Process(server.pid).children()
        if stopped:
            worker.suspend()
        os.kill(server.pid, signal.SIGKILL)
        assert wait_until_gone(worker, 1.0)


def test_rule_11_a_worker_has_no_secrets_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    seen: list[dict[str, str]] = []
    descriptors: list[int] = []
    networks: list[str] = []

    def look() -> None:
        (worker,) = workers()
        seen.append(worker.environ())
        descriptors.append(worker.num_fds())
        networks.append(os.readlink(f"/proc/{worker.pid}/ns/net"))

    examine_fastq({"SOURCE1": then(look)}, algorithm="md5")
    told = {name: value for name, value in seen[0].items() if not name.startswith("MALLOC_")}
    assert told == {"REF_PATH": "/nonexistent/%s", "REF_CACHE": "/nonexistent/%s", "LC_ALL": "C.UTF-8"}
    assert descriptors == [3]
    if subprocess.run(["unshare", "--user", "--net", "true"], check=False).returncode == 0:
        assert networks != [os.readlink("/proc/self/ns/net")]


def test_a_worker_starts_without_what_only_the_server_needs() -> None:
    code = "import sys, strandkeep.formats.worker; print(' '.join(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {
        "dataclasses",
        "subprocess",
        "threading",
        "asyncio",
        "strandkeep.errors",
        "strandkeep.formats._fastq",
    } & set(loaded)
