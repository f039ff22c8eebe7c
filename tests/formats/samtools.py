"""samtools as pysam carries it, as a user would call it: each command is a process of its own, and may crash."""

import json
import os
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pysam.samtools
from pysam import SamtoolsError as Failed

from .forks import Forks

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


class Samtools(Forks):
    """Commands run in `folder`, which also holds what they print."""

    def __init__(self, folder: Path) -> None:
        super().__init__(__name__, _ENVIRONMENT)
        self.folder = folder

    def attempt(self, command: str, *arguments: str | Path) -> Outcome:
        """Run `samtools COMMAND ARGUMENTS`."""
        order = {"command": command, "arguments": [str(a) for a in arguments], "folder": str(self.folder)}
        status = self.fork(order)
        return Outcome(
            status, (self.folder / "stdout").read_bytes(), (self.folder / "stderr").read_text("utf-8", "replace")
        )

    def run(self, command: str, *arguments: str | Path) -> bytes:
        """What a command writes to stdout. Raises SamtoolsError when it fails."""
        outcome = self.attempt(command, *arguments)
        if outcome.status:
            raise SamtoolsError(f"samtools {command} ended with {outcome.status}: {outcome.stderr}")
        return outcome.stdout

    def attempt_text(self, stored: bytes, *options: str) -> Outcome:
        """The SAM text of a file's records, without header."""
        return self.attempt("view", "--no-PG", *options, self._stored(stored))

    def text(self, stored: bytes, *options: str) -> bytes:
        """The same of a file that must be sound."""
        return self.run("view", "--no-PG", *options, self._stored(stored))

    def index(self, stored: bytes, *options: str) -> bytes:
        """The index of a file, as `samtools index` makes it."""
        self.run("index", *options, "-o", self._made, self._stored(stored))
        return self._made.read_bytes()

    def attempt_index(self, stored: bytes, *options: str) -> bytes | None:
        """The same, or None where samtools makes none."""
        outcome = self.attempt("index", *options, "-o", self._made, self._stored(stored))
        return self._made.read_bytes() if outcome.status == 0 else None

    def flagstat(self, stored: bytes) -> dict[str, Any]:
        """The counts of a file: {"QC-passed reads": {...}, "QC-failed reads": {...}}."""
        counts: dict[str, Any] = json.loads(self.run("flagstat", "-O", "json", self._stored(stored)))
        return counts

    @property
    def _made(self) -> Path:
        return self.folder / "made.index"

    def _stored(self, stored: bytes) -> Path:
        path = self.folder / "stored"
        path.write_bytes(stored)
        return path


def obey(order: dict[str, Any]) -> None:
    """Run one command in this process, and end it."""
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
    folder = Path(order["folder"])
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    status = 0
    try:
        # `view` writes to descriptor 1 whatever pysam is told, and others only to what it is told.
        getattr(pysam.samtools, order["command"])(*order["arguments"], save_stdout=str(folder / "stdout"))
    except Failed as error:
        os.write(2, str(error).encode())
        status = 1
    os._exit(status)
