"""samtools as pysam carries it, as a user would call it: each command is a process of its own, and may crash.

The processes are forked from one that has pysam loaded, so that a test may call hundreds.
"""

import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: What reaches for references elsewhere finds nothing.
_ENVIRONMENT = {"REF_PATH": "/nonexistent/%s", "REF_CACHE": "/nonexistent/%s"}
_CPU_S = 60


@dataclass(frozen=True)
class Outcome:
    """What a command wrote, and how it ended: `status` is negative for a signal."""

    status: int
    stdout: bytes
    stderr: str


class SamtoolsError(Exception):
    """A command failed."""


class Samtools:
    """Commands run in `folder`, which also holds what they print. As a context it leaves no process behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        command = [sys.executable, "-m", "tests.formats.samtools"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env={**os.environ, **_ENVIRONMENT})

    def __enter__(self) -> "Samtools":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def attempt(self, command: str, *arguments: str | Path) -> Outcome:
        """Run `samtools COMMAND ARGUMENTS`."""
        assert self._process.stdin
        assert self._process.stdout
        order = {"command": command, "arguments": [str(a) for a in arguments], "folder": str(self.folder)}
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        return Outcome(status, (self.folder / "stdout").read_bytes(), (self.folder / "stderr").read_text())

    def run(self, command: str, *arguments: str | Path) -> bytes:
        """What a command writes to stdout. Raises SamtoolsError when it fails."""
        outcome = self.attempt(command, *arguments)
        if outcome.status:
            raise SamtoolsError(f"samtools {command} ended with {outcome.status}: {outcome.stderr}")
        return outcome.stdout

    def text(self, stored: bytes, *options: str) -> bytes:
        """The SAM text of a file's records, without header."""
        return self.run("view", *options, self._stored(stored))

    def index(self, stored: bytes, *options: str) -> bytes:
        """The index of a file, as `samtools index` makes it."""
        made = self.folder / "made.index"
        self.run("index", *options, "-o", made, self._stored(stored))
        return made.read_bytes()

    def flagstat(self, stored: bytes) -> dict[str, Any]:
        """The counts of a file: {"QC-passed reads": {...}, "QC-failed reads": {...}}."""
        counts: dict[str, Any] = json.loads(self.run("flagstat", "-O", "json", self._stored(stored)))
        return counts

    def _stored(self, stored: bytes) -> Path:
        path = self.folder / "stored"
        path.write_bytes(stored)
        return path


def _serve() -> None:
    import pysam.samtools

    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if not pid:
            _obey(getattr(pysam.samtools, order["command"]), order["arguments"], Path(order["folder"]))
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _obey(command: Any, arguments: list[str], folder: Path) -> None:
    """Run one command in this process, and end it."""
    from pysam import SamtoolsError as Failed

    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    status = 0
    try:
        # `view` writes to descriptor 1 whatever pysam is told, and others only to what it is told.
        command(*arguments, save_stdout=str(folder / "stdout"))
    except Failed as error:
        os.write(2, str(error).encode())
        status = 1
    finally:
        os._exit(status)


if __name__ == "__main__":
    _serve()
