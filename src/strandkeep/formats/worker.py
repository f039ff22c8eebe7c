"""The worker process: one file's stored bytes on stdin, frames on stdout, nothing else of the world.

`python -I -m strandkeep.formats.worker ORDER`, where ORDER is JSON (`process.py` writes it). Imports are few, since
each file starts one.
"""

import json
import os
import sys
import time
from typing import Any

from strandkeep.formats import frames
from strandkeep.formats._md5 import Md5
from strandkeep.formats.confinement import allow_cpu, confine
from strandkeep.formats.fastq import FastqText
from strandkeep.formats.gunzip import texts
from strandkeep.formats.refusals import ENDS_TOO_EARLY, Refusal
from strandkeep.formats.stored import StoredBytes

_STDIN, _STDOUT = 0, 1
_PROGRESS_S = 0.2

#: Bytes of name hashes, 8 a read, that make a frame.
_NAMES = 64 * 1024


def main() -> None:
    """Examine stdin as the order says; one frame of FACTS or PROBLEM is the last."""
    order = json.loads(sys.argv[1])
    confine(order["parent"], order["address_space"])
    allow_cpu(order["cpu_s"], order["cpu_s_per_gb"], 0)
    try:
        kind, verdict = _verdict(order)
        frames.send(_STDOUT, kind, json.dumps(verdict).encode())
    except BrokenPipeError:
        os._exit(0)
    except MemoryError:
        os._exit(frames.NO_MEMORY)
    # Nothing is left to flush, and the server need not wait while an interpreter tidies up.
    os._exit(0)


def _verdict(order: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    try:
        return frames.FACTS, _examine(order)
    except Refusal as refusal:
        return frames.PROBLEM, {
            "rule": refusal.rule,
            "text": refusal.text,
            "record": refusal.record,
            "offset": refusal.offset,
        }


def _examine(order: dict[str, Any]) -> dict[str, Any]:
    stored = StoredBytes(_STDIN)
    fastq = FastqText(order["algorithm"], order["longest_line"], names=order["names"])
    if isinstance(fastq.digest, Md5):
        fastq.digest.carry(stored.md5)
    try:
        return _read_through(order, stored, fastq)
    except Refusal as refusal:
        if refusal.rule in ENDS_TOO_EARLY:
            refusal.text += f" ({fastq.reads} whole records came before)"
        raise


def _read_through(order: dict[str, Any], stored: StoredBytes, fastq: FastqText) -> dict[str, Any]:
    told = time.monotonic()
    names = bytearray()
    for text in texts(stored):
        names += fastq.feed(text)
        if len(names) >= _NAMES:
            _send_names(names)
        if time.monotonic() - told > _PROGRESS_S:
            told = time.monotonic()
            allow_cpu(order["cpu_s"], order["cpu_s_per_gb"], fastq.length)
            progress = frames.PROGRESS_PAYLOAD.pack(stored.length, fastq.length, fastq.reads)
            frames.send(_STDOUT, frames.PROGRESS, progress)
    names += fastq.finish()
    _send_names(names)
    return _facts(stored, fastq)


def _send_names(names: bytearray) -> None:
    """Send the name hashes that have gathered; a frame for each piece of text would keep the server busy."""
    if names:
        frames.send(_STDOUT, frames.NAMES, bytes(names))
        names.clear()


def _facts(stored: StoredBytes, fastq: FastqText) -> dict[str, Any]:
    return {
        "stored_length": stored.length,
        "stored_sha256": stored.sha256.hexdigest(),
        "stored_md5": stored.md5.hexdigest(),
        "text_length": fastq.length,
        "text_digest": fastq.digest.hexdigest(),
        "reads": fastq.reads,
        "bases": fastq.bases,
        "first_name": fastq.first_header.decode("utf-8", "replace"),
    }


if __name__ == "__main__":
    main()
