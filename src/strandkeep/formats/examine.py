"""Examining files: a worker for each, their answers gathered and, for mates, compared."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any, Literal

from strandkeep.formats.facts import (
    Examination,
    FastaExamination,
    Limits,
    Progress,
    Sequence,
    SourceFacts,
    printable,
)
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


def examine_fasta(
    chunks: Iterable[bytes],
    *,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    progress: Callable[[Progress], None] | None = None,
) -> FastaExamination:
    """Check, measure and index a reference: FASTA, plain or bgzip.

    `chunks` and `progress` (whose reads are sequences) as in `examine_fastq`; its one problem is that of SOURCE.

    Raises WorkerTrouble for what is not the file's fault. Must be called in a thread that lives until it returns.
    """
    with WorkerProcess("SOURCE", chunks, format_="fasta", order={}, limits=limits) as worker:
        gathering = Gathering([worker], progress, _fasta_facts)
        gathering.gather()
    return gathering.facts.get("SOURCE") or FastaExamination(gathering.problems)


def _source_facts(told: dict[str, Any], _outputs: Mapping[str, bytearray]) -> SourceFacts:
    return SourceFacts(**{**told, "first_name": printable(told["first_name"], _LONGEST_NAME)})


def _fasta_facts(told: dict[str, Any], outputs: Mapping[str, bytearray]) -> FastaExamination:
    rows = (line.split("\t") for line in outputs["sequences"].decode().removesuffix("\n").split("\n"))
    sequences = tuple(Sequence(name, int(length), md5, sha512t24u) for name, length, md5, sha512t24u in rows)
    gzi = bytes(outputs["gzi"]) if "gzi" in outputs else None
    return FastaExamination(**told, sequences=sequences, fai=bytes(outputs["fai"]), gzi=gzi)
