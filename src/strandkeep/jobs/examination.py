"""The files of a read set, read from the blobs with every block checked, and examined by their type."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Literal

from sqlalchemy.engine import Row

from strandkeep.blobs import DamagedBlob
from strandkeep.catalog import jobs, stored_files
from strandkeep.catalog.damage import mark_damaged
from strandkeep.domain import layout, provenance
from strandkeep.domain.blobs import Span
from strandkeep.domain.context import RequestContext
from strandkeep.formats.examine import examine_alignments, examine_fastq
from strandkeep.formats.facts import Examination, Limits, Progress, ReferenceFiles, WorkerTrouble
from strandkeep.house import House
from strandkeep.jobs.reference_files import at_hand, recheck
from strandkeep.jobs.running import Superseded
from strandkeep.kill_points import reach

Algorithm = Literal["md5", "sha256", "sha512"]

_ALGORITHMS: Mapping[str, Algorithm] = {"MD5up": "md5", "SHA256up": "sha256", "SHA512up": "sha512"}

#: A slice is decoded as a whole, beside the contig that it lies on.
_CRAM_LIMITS = Limits(address_space=2 << 30)

#: Rules of faults that a wrong reference would explain.
_OF_THE_REFERENCE = frozenset({"alignment.reference", "cram.undecodable"})

_PROGRESS_S = 2.0


def examine(house: House, job: Row[Any], read_set: Row[Any], family: str, files: Sequence[Row[Any]]) -> Examination:
    """Examine the source files of a read set; digests are of the store's `family`."""
    sources = {file.source: _vouched_for(house, job, file) for file in files}
    algorithm, report, qc = _ALGORITHMS[family], _reporter(house, job), house.settings.qc == "on"
    if read_set.file_type == "FASTQ":
        return examine_fastq(sources, algorithm=algorithm, qc=qc, progress=report)
    reference_id = _reference_id(house, read_set)
    found = examine_alignments(
        read_set.file_type,
        sources["SOURCE1"],
        algorithm=algorithm,
        reference=_at_hand(house, job, read_set, reference_id) if reference_id else None,
        provenance=_comment(house, read_set),
        qc=qc,
        limits=_CRAM_LIMITS if read_set.file_type == "CRAM" else Limits(),
        progress=report,
    )
    if reference_id and _OF_THE_REFERENCE & {problem.rule for problem in found.problems}:
        _check_reference(house, reference_id)
    return found


def _reference_id(house: House, read_set: Row[Any]) -> str | None:
    if not read_set.reference_arn:
        return None
    return house.installation.parse_arn(read_set.reference_arn, "referenceArn").id


def _at_hand(house: House, job: Row[Any], read_set: Row[Any], reference_id: str) -> ReferenceFiles:
    """The reference that a file lies on; to decode CRAM, with its bases."""
    with _damage_told(house, job, "reference", reference_id, "SOURCE"):
        return at_hand(house, reference_id, sequences=read_set.file_type == "CRAM")


def _check_reference(house: House, reference_id: str) -> None:
    """Raise WorkerTrouble when files at hand were not the reference: it is made anew, and the file tried again."""
    if not recheck(house, reference_id):
        raise WorkerTrouble(f"the files at hand of reference {reference_id} were damaged")


def _comment(house: House, read_set: Row[Any]) -> str | None:
    if house.settings.provenance_header == "off":
        return None
    now = house.catalog.write(lambda tx: tx.now)
    return provenance.comment_line(read_set.store_id, read_set.id, now)


def _vouched_for(house: House, job: Row[Any], file: Row[Any]) -> Iterator[bytes]:
    """The bytes of a file, as far as they are what was stored."""
    with _damage_told(house, job, "readSet", job.subject, file.source):
        yield from _stored_bytes(house, job.subject, file)


@contextmanager
def _damage_told(house: House, job: Row[Any], kind: str, holder_id: str, source: str) -> Iterator[None]:
    """Let whoever holds a file say that its bytes are damaged, when they are: that is no fault of the file."""
    try:
        yield
    except DamagedBlob as damage:
        context, finding = RequestContext(**job.context), damage.finding
        house.catalog.write(lambda tx: mark_damaged(tx, context, kind, holder_id, source, finding))
        raise


def _stored_bytes(house: House, read_set_id: str, file: Row[Any]) -> Iterator[bytes]:
    """The bytes of a file, every block checked; its segments are loaded part by part of the grid."""
    for number in range(1, layout.total_parts(file.size) + 1):
        first, length = layout.part_range(file.size, number)

        def locate(reader: Any, first: int = first, length: int = length) -> list[Span]:
            return stored_files.spans(reader, read_set_id, file.source, first, length)

        for chunk in house.blobs.read(house.catalog.read(locate)):
            if house.stopping.is_set():
                raise Superseded
            yield chunk
            reach("ingest.streaming")


def _reporter(house: House, job: Row[Any]) -> Callable[[Progress], None]:
    told = time.monotonic()

    def report(progress: Progress) -> None:
        nonlocal told
        if time.monotonic() - told >= _PROGRESS_S:
            told = time.monotonic()
            house.catalog.write(lambda tx: jobs.put_progress(tx, job, asdict(progress)))

    return report
