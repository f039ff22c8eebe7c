"""Examining the files of a read set: a worker for each, their answers gathered and, for mates, compared."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any, Literal

from strandkeep.formats.facts import Examination, Limits, Progress, SourceFacts, printable
from strandkeep.formats.gathering import Gathering
from strandkeep.formats.mates import NEVER_AGREE
from strandkeep.formats.process import WorkerProcess
from strandkeep.formats.read_name import run_of

_LONGEST_NAME = 1024


def examine_fastq(
    sources: Mapping[str, Iterable[bytes]],
    *,
    algorithm: Literal["md5", "sha256", "sha512"],
    limits: Limits = Limits(),  # noqa: B008 - frozen
    progress: Callable[[Progress], None] | None = None,
) -> Examination:
    """Check and count gzipped FASTQ: SOURCE1 alone, or SOURCE1 and SOURCE2 as mates.

    Each value gives the stored bytes of a file in order, in chunks of any size, and is iterated in a thread of its
    own; what it raises ends the workers and is raised here. A chunk that is on its way is waited for, whatever
    happens. `progress` is called in the calling thread, a few times a second.

    Which fault is told first: SOURCE1's own, SOURCE2's own, then that they are no mates. A fault ends the examination
    within a second of finding it, so a second fault is told only when it was found by then.

    Raises WorkerTrouble for what is not the file's fault. Must be called in a thread that lives until it returns.
    """
    order = {"algorithm": algorithm, "names": len(sources) > 1}
    with ExitStack() as stack:
        workers = [
            stack.enter_context(WorkerProcess(source, chunks, format_="fastq", order=order, limits=limits))
            for source, chunks in sorted(sources.items())
        ]
        gathering = Gathering(workers, progress, _source_facts)
        gathering.gather()
    notes = (NEVER_AGREE,) if gathering.mates.never_agree else ()
    first = gathering.facts.get(workers[0].source)
    run = run_of(first.first_name) if first else None
    return Examination(gathering.facts, gathering.problems, notes, run)


def _source_facts(told: dict[str, Any], _outputs: Mapping[str, bytearray]) -> SourceFacts:
    return SourceFacts(**{**told, "first_name": printable(told["first_name"], _LONGEST_NAME)})
