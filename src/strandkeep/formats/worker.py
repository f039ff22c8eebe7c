"""The worker process: one file's stored bytes on stdin, frames on stdout, nothing else of the world.

`python -I -m strandkeep.formats.worker ORDER...`, where ORDER is JSON, a long one in pieces (`process.py` writes it).
Imports are few, since each file starts one.
"""

import json
import os
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

from strandkeep.formats import frames
from strandkeep.formats.confinement import confine
from strandkeep.formats.refusals import Refusal
from strandkeep.formats.report import Report
from strandkeep.formats.stored import StoredBytes, chunks

if TYPE_CHECKING:
    from strandkeep.formats.splice import Splice

_STDIN, _STDOUT = 0, 1


def main() -> None:
    """Examine stdin as the order says; one frame of FACTS or PROBLEM is the last."""
    order = json.loads("".join(sys.argv[1:]))
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
    """Let the module of the format do it: its `examine` gives the facts, or raises Refusal.

    With a line of `provenance` the file is examined as if its header had that line; the head that it then begins with
    is an output, and the facts say how many bytes of the file `head_replaces`.
    """
    examine = import_module(f"strandkeep.formats.{order['format']}_file").examine
    splice, taken = _spliced(order)
    try:
        facts = examine(order, StoredBytes(taken), report)
    except Refusal as refusal:
        if splice and refusal.offset is not None:
            refusal.offset = splice.before(refusal.offset)
        return frames.PROBLEM, refusal.told()
    if splice:
        report.output("head", splice.head)
        facts["head_replaces"] = splice.replaces
    return frames.FACTS, facts


def _spliced(order: dict[str, Any]) -> "tuple[Splice | None, Iterator[bytes]]":
    """The splice, where there is one, and the chunks to examine."""
    if not order.get("provenance"):
        return None, chunks(_STDIN)
    from strandkeep.formats.splice import spliced

    return spliced(chunks(_STDIN), order["format"], order["provenance"])


if __name__ == "__main__":
    main()
