"""Examining files: a worker for each, their answers gathered and, for mates, compared."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Literal

from strandkeep.formats.facts import (
    AlignmentFacts,
    Examination,
    FastaExamination,
    Head,
    Index,
    Limits,
    OriginalFacts,
    Progress,
    ReferenceFiles,
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
    originals: Mapping[str, Iterable[int]] | None = None,
    qc: bool = True,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    progress: Callable[[Progress], None] | None = None,
) -> Examination:
    """Check and count gzipped FASTQ: SOURCE1 alone, or SOURCE1 and SOURCE2 as mates.

    Each value gives the stored bytes of a file in order, in chunks of any size, and is iterated in a thread of its
    own; what it raises ends the workers and is raised here. A chunk that is on its way is waited for, whatever
    happens. `originals` tells of a source that is made of several files, one after the other: the stored bytes of each,
    in order; each must be whole by itself. With `qc`, QC facts are made. `progress` is called in the calling thread, a
    few times a second at least, also while nothing comes: what it raises ends the workers too.

    Which fault is told first: SOURCE1's own, SOURCE2's own, then that they are no mates. A fault ends the examination
    within a second of finding it, so a second fault is told only when it was found by then.

    Raises WorkerTrouble for what is not the file's fault. Must be called in a thread that lives until it returns.
    """
    order = {"algorithm": algorithm, "names": len(sources) > 1, "qc": qc}
    with ExitStack() as stack:
        workers = []
        for source, chunks in sorted(sources.items()):
            own = {**order, "originals": _of_several((originals or {}).get(source, ()))}
            worker = WorkerProcess(source, chunks, format_="fastq", order=own, limits=limits)
            workers.append(stack.enter_context(worker))
        gathering = Gathering(workers, progress, _fastq_facts)
        gathering.gather()
    notes = (NEVER_AGREE,) if gathering.mates.never_agree else ()
    first = gathering.facts.get(workers[0].source)
    run = run_of(first.first_name) if first else None
    return Examination(gathering.facts, gathering.problems, notes, run)


def examine_alignments(
    file_type: Literal["BAM", "UBAM", "CRAM"],
    chunks: Iterable[bytes],
    *,
    algorithm: Literal["md5", "sha256", "sha512"],
    reference: ReferenceFiles | None,
    provenance: str | None = None,
    qc: bool = True,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    progress: Callable[[Progress], None] | None = None,
) -> Examination:
    """Check, count and index a BAM or CRAM file, SOURCE1, whose records are digested as SAM text without a header.

    `chunks`, `qc` and `progress` as for `examine_fastq`. Records are mapped only to contigs of the `reference`, which
    for CRAM has its sequences at hand too. With `provenance`, the text of a comment line (`@CO`), the file gets a new
    head that holds it.

    Raises WorkerTrouble for what is not the file's fault. Must be called in a thread that lives until it returns.
    """
    order = {
        "algorithm": algorithm,
        "dictionary": str(reference.dictionary) if reference else None,
        "fasta": str(reference.fasta) if reference and reference.fasta else None,
        "indexed": file_type != "UBAM",
        "provenance": provenance,
        "qc": qc,
    }
    if reference and reference.fasta:
        # Records that are in no order want all sequences at once.
        limits = replace(limits, address_space=limits.address_space + reference.fasta.stat().st_size)
    format_ = "cram" if file_type == "CRAM" else "bam"
    with WorkerProcess("SOURCE1", chunks, format_=format_, order=order, limits=limits) as worker:
        gathering = Gathering([worker], progress, _alignment_file)
        gathering.gather()
    found = gathering.facts.get(worker.source)
    if found is None:
        return Examination({}, gathering.problems, (), None)
    run = run_of(found.source.first_name)
    return Examination({worker.source: found.source}, (), found.notes, run, found.index, found.head)


@dataclass(frozen=True)
class _AlignmentFile:
    """All that a worker tells of a sound BAM or CRAM file."""

    source: SourceFacts
    notes: tuple[str, ...]
    index: Index | None
    head: Head | None


def _alignment_file(told: dict[str, Any], outputs: Mapping[str, bytearray]) -> _AlignmentFile:
    index = [Index(kind, bytes(outputs[kind])) for kind in ("bai", "csi", "crai") if kind in outputs]
    replaces = told.pop("head_replaces", None)
    head = Head(bytes(outputs["head"]), replaces) if replaces is not None else None
    notes = tuple(told.pop("notes"))
    alignment = AlignmentFacts(**told.pop("alignment"))
    source = _source_facts({**told, "alignment": alignment}, outputs)
    return _AlignmentFile(source, notes, index[0] if index else None, head)


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


def _of_several(sizes: Iterable[int]) -> list[int]:
    """The sizes of files, if they are several: where a single one ends is told by the end of its bytes."""
    several = list(sizes)
    return several if len(several) > 1 else []


def _fastq_facts(told: dict[str, Any], outputs: Mapping[str, bytearray]) -> SourceFacts:
    originals = tuple(OriginalFacts(**original) for original in told.pop("originals"))
    return _source_facts({**told, "originals": originals}, outputs)


def _source_facts(told: dict[str, Any], _outputs: Mapping[str, bytearray]) -> SourceFacts:
    return SourceFacts(**{**told, "first_name": printable(told["first_name"], _LONGEST_NAME)})


def _fasta_facts(told: dict[str, Any], outputs: Mapping[str, bytearray]) -> FastaExamination:
    rows = (line.split("\t") for line in outputs["sequences"].decode().removesuffix("\n").split("\n"))
    sequences = tuple(Sequence(name, int(length), md5, sha512t24u) for name, length, md5, sha512t24u in rows)
    gzi = bytes(outputs["gzi"]) if "gzi" in outputs else None
    return FastaExamination(**told, sequences=sequences, fai=bytes(outputs["fai"]), gzi=gzi)
