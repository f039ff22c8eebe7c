"""The worker process, forked instead of exec'ed: for tests with very many files. All else is as the server has it."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# bam_file and cram_file are imported for the processes that are forked.
from strandkeep.formats import bam_file, cram_file, frames, worker  # noqa: F401
from strandkeep.formats.facts import Limits

from .forks import Forks

_READ = 1 << 16
_ORDER = {"algorithm": "md5", "dictionary": None, "fasta": None, "indexed": True, "qc": True, "provenance": None}


@dataclass(frozen=True)
class Verdict:
    """What a worker said of a file: exit status, facts or problem, and what it made of the file, by name."""

    status: int
    facts: dict[str, Any] | None
    problem: dict[str, Any] | None
    outputs: Mapping[str, bytes]


class ForkedWorkers(Forks):
    """Workers whose files and answers lie in `folder`."""

    def __init__(self, folder: Path, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
        super().__init__(__name__, {})
        self._folder = folder
        self._limits = vars(limits)

    def examine(self, stored: bytes, format_: str = "bam", **order: Any) -> Verdict:
        """The verdict on a file; `order` as the module of the format wants it."""
        file, said = self._folder / "examined", self._folder / "said"
        file.write_bytes(stored)
        order = {**_ORDER, **self._limits, "format": format_, **order}
        status = self.fork({"file": str(file), "said": str(said), "order": order})
        return _verdict(status, said.read_bytes())


def _verdict(status: int, said: bytes) -> Verdict:
    outputs: dict[str, bytes] = {}
    last: dict[int, dict[str, Any]] = {}
    for kind, payload in frames.FrameReader().feed(said):
        if kind == frames.OUTPUT:
            name, piece = frames.parse_output(payload)
            outputs[name] = outputs.get(name, b"") + piece
        elif kind in (frames.FACTS, frames.PROBLEM):
            last[kind] = json.loads(payload)
    return Verdict(status, last.get(frames.FACTS), last.get(frames.PROBLEM), outputs)


def obey(order: dict[str, Any]) -> None:
    """Be the worker of one file; what it says goes through a pipe, because it may write no file."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        with Path(order["said"]).open("wb") as said:
            while piece := os.read(reading, _READ):
                said.write(piece)
        _, status = os.waitpid(pid, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    os.dup2(os.open(order["file"], os.O_RDONLY), 0)
    os.dup2(writing, 1)
    os.closerange(3, 64)
    sys.argv = ["worker", json.dumps({**order["order"], "parent": os.getppid()})]
    worker.main()
