"""The worker process: one file's stored bytes on stdin, frames on stdout, nothing else of the world.

`python -I -m strandkeep.formats.worker ORDER`, where ORDER is JSON (`process.py` writes it). Imports are few, since
each file starts one.
"""

import json
import os
import sys
from importlib import import_module
from typing import Any

from strandkeep.formats import frames
from strandkeep.formats.confinement import confine
from strandkeep.formats.refusals import Refusal
from strandkeep.formats.report import Report
from strandkeep.formats.stored import StoredBytes

_STDIN, _STDOUT = 0, 1


def main() -> None:
    """Examine stdin as the order says; one frame of FACTS or PROBLEM is the last."""
    order = json.loads(sys.argv[1])
    confine(order["parent"], order["address_space"])
    report = Report(_STDOUT, order["cpu_s"], order["cpu_s_per_gb"])
    try:
        report.verdict(*_verdict(order, report))
    except BrokenPipeError:
        os._exit(0)
    except MemoryError:
        os._exit(frames.NO_MEMORY)
    # Nothing is left to flush, and the server need not wait while an interpreter tidies up.
    os._exit(0)


def _verdict(order: dict[str, Any], report: Report) -> tuple[int, dict[str, Any]]:
    """Let the module of the format do it: its `examine` gives the facts, or raises Refusal."""
    examine = import_module(f"strandkeep.formats.{order['format']}_file").examine
    try:
        return frames.FACTS, examine(order, StoredBytes(_STDIN), report)
    except Refusal as refusal:
        return frames.PROBLEM, {
            "rule": refusal.rule,
            "text": refusal.text,
            "record": refusal.record,
            "offset": refusal.offset,
        }


if __name__ == "__main__":
    main()
