"""The real server process, and real clients for it."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.config import Config

from tests.sdk import sdk

STRANDKEEP = [sys.executable, "-m", "strandkeep"]
_START_S = 60


class DidNotStart(RuntimeError):
    """A server ended without its ready line; `status` is its exit status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the server did not start; exit status {status}")
        self.status = status


@dataclass
class RunningServer:
    """A server process with its data folder and the environment that `strandkeep env` prints."""

    process: subprocess.Popen[str]
    data_dir: Path
    settings: Mapping[str, str]
    ready_line: str
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def pid(self) -> int:
        """The one pid that `serve` printed."""
        return int(self.ready_line.split("(pid ")[1].split(",")[0])

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.environment["AWS_ENDPOINT_URL_OMICS"]

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.url.rsplit(":", 1)[1])

    def client(self, name: str = "omics", **options: Any) -> Any:
        """A boto3 client that asks once and does not wait long."""
        retries = {"total_max_attempts": options.pop("attempts", 1), "mode": "standard"}
        config = Config(inject_host_prefix=False, retries=retries, max_pool_connections=64, **options)
        return sdk().client(
            name,
            config=config,
            endpoint_url=self.url,
            region_name=self.environment["AWS_REGION"],
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
        )

    def kill(self) -> None:
        """kill -9 of the pid that was printed."""
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.terminate()
        return self.process.wait(timeout=60)

    def processes(self) -> list[int]:
        """The pids of the server's process tree."""
        import psutil

        root = psutil.Process(self.process.pid)
        return [root.pid, *(child.pid for child in root.children(recursive=True))]


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def lasting_port() -> int:
    """A port for a server that starts again and again: none of those that the kernel gives to clients meanwhile."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.SystemRandom().randrange(first // 2, first)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def command_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command of ours: this one's, without what would reach AWS, with the settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STRANDKEEP_"))}
    return {**kept, **{f"STRANDKEEP_{name.upper()}": value for name, value in settings.items()}}


def begin(data_dir: Path, *arguments: str, port: int = 0, **settings: str) -> "subprocess.Popen[str]":
    """Start `strandkeep serve`; its first line is to be read."""
    command = [*STRANDKEEP, "serve", "--data-dir", str(data_dir), "--port", str(port), *arguments]
    environment = command_environment(settings)
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=sys.stderr, text=True, env=environment)


def launch(
    data_dir: Path, *arguments: str, port: int = 0, known: Mapping[str, str] | None = None, **settings: str
) -> RunningServer:
    """Start `strandkeep serve` and wait for its ready line.

    `known` is what `strandkeep env` printed for this folder and port before, for restarts without number.
    """
    process = begin(data_dir, *arguments, port=port, **settings)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise DidNotStart(process.wait(timeout=_START_S))
    running = RunningServer(process, data_dir, settings, line.strip())
    running.environment = dict(known or printed_environment(data_dir, **settings))
    return running


@contextmanager
def start_server(data_dir: Path, *arguments: str, port: int = 0, **settings: str) -> Iterator[RunningServer]:
    """A server for the time of a `with`; whatever became of it, it is gone afterwards."""
    settings.setdefault("min_free", "0")
    running = launch(data_dir, *arguments, port=port, **settings)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()


def printed_environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """What `strandkeep env` prints, as a dict."""
    command = [*STRANDKEEP, "env", "--data-dir", str(data_dir)]
    text = subprocess.run(command, check=True, capture_output=True, text=True, env=command_environment(settings)).stdout
    pairs = (line.removeprefix("export ").split("=", 1) for line in text.splitlines())
    return {name: value.strip("'") for name, value in pairs}


def wait_for_read_set(omics: Any, store_id: str, read_set_id: str, seconds: float = 60) -> dict[str, Any]:
    """The metadata of a read set once it is no longer being checked."""
    deadline = time.monotonic() + seconds
    while True:
        found = omics.get_read_set_metadata(sequenceStoreId=store_id, id=read_set_id)
        if found["status"] != "PROCESSING_UPLOAD" or time.monotonic() > deadline:
            return dict(found)
        time.sleep(0.05)
