"""What a worker tells the server while it works, and at its end."""

import json
import time
from typing import Any

from strandkeep.formats import frames
from strandkeep.formats.confinement import allow_cpu

_PROGRESS_S = 0.2
_OUTPUT_PIECE = 1 << 20


class Report:
    """Frames to a descriptor. With each word of progress the worker may use more CPU: so much per GB of text."""

    def __init__(self, descriptor: int, cpu_s: int, cpu_s_per_gb: int) -> None:
        self._descriptor = descriptor
        self._cpu_s, self._cpu_s_per_gb = cpu_s, cpu_s_per_gb
        self._told = time.monotonic()
        self._progress = (0, 0, 0)
        allow_cpu(cpu_s, cpu_s_per_gb, 0)

    def progress(self, stored: int, text: int, records: int) -> None:
        """Bytes of the file taken, bytes of text checked, records counted: told a few times a second."""
        self._progress = (stored, text, records)
        if time.monotonic() - self._told > _PROGRESS_S:
            self._told = time.monotonic()
            allow_cpu(self._cpu_s, self._cpu_s_per_gb, text)
            self._tell_progress()

    def names(self, hashes: bytes) -> None:
        """Hashes of read names, 8 bytes each, in order."""
        frames.send(self._descriptor, frames.NAMES, hashes)

    def output(self, name: str, content: bytes) -> None:
        """A file that was made from this one, such as its `index`; told before the verdict, in order."""
        for at in range(0, len(content), _OUTPUT_PIECE):
            frames.send(self._descriptor, frames.OUTPUT, frames.output(name, content[at : at + _OUTPUT_PIECE]))

    def verdict(self, kind: int, content: dict[str, Any]) -> None:
        """FACTS or PROBLEM: the last word, after how far it came."""
        self._tell_progress()
        frames.send(self._descriptor, kind, json.dumps(content).encode())

    def _tell_progress(self) -> None:
        frames.send(self._descriptor, frames.PROGRESS, frames.PROGRESS_PAYLOAD.pack(*self._progress))
