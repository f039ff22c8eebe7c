"""The files of a read set, examined by their type; those that lie here are read with every block checked."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from sqlalchemy.engine import Row

from strandkeep.blobs import DamagedBlob
from strandkeep.catalog import stored_files
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

#: Seconds between two notes of how far something is.
PROGRESS_S = 2.0


@dataclass(frozen=True)
class Reads:
    """A read set whose files are examined: `family` is that of its store's digests, `context` its starter's."""

    id: str
    store_id: str
    file_type: str
    reference_arn: str | None
    family: str
    context: RequestContext


def examine(
    house: House,
    reads: Reads,
    sources: Mapping[str, Iterable[bytes]],
    report: Callable[[Progress], None],
    originals: Mapping[str, Sequence[int]] = MappingProxyType({}),
) -> Examination:
    """Examine the source files of a read set. `originals` are the sizes of the files that a source is made of, if it is
    made of several.
    """
    algorithm, qc = _ALGORITHMS[reads.family], house.settings.qc == "on"
    if reads.file_type == "FASTQ":
        return examine_fastq(sources, algorithm=algorithm, qc=qc, progress=report, originals=originals)
    reference_id = _reference_id(house, reads)
    found = examine_alignments(
        reads.file_type,  # type: ignore[arg-type]
        sources["SOURCE1"],
        algorithm=algorithm,
        reference=_at_hand(house, reads, reference_id) if reference_id else None,
        provenance=_comment(house, reads),
        qc=qc,
        limits=_CRAM_LIMITS if reads.file_type == "CRAM" else Limits(),
        progress=report,
    )
    if reference_id and _OF_THE_REFERENCE & {problem.rule for problem in found.problems}:
        _check_reference(house, reference_id)
    return found


def stored_sources(house: House, reads: Reads, files: Sequence[Row[Any]]) -> dict[str, Iterator[bytes]]:
    """The bytes of the files of a read set that lie here, as far as they are what was stored."""
    return {file.source: _vouched_for(house, reads, file) for file in files}


def _reference_id(house: House, reads: Reads) -> str | None:
    if not reads.reference_arn:
        return None
    return house.installation.parse_arn(reads.reference_arn, "referenceArn").id


def _at_hand(house: House, reads: Reads, reference_id: str) -> ReferenceFiles:
    """The reference that a file lies on; to decode CRAM, with its bases."""
    with _damage_told(house, reads.context, "reference", reference_id, "SOURCE"):
        return at_hand(house, reference_id, sequences=reads.file_type == "CRAM")


def _check_reference(house: House, reference_id: str) -> None:
    """Raise WorkerTrouble when files at hand were not the reference: it is made anew, and the file tried again."""
    if not recheck(house, reference_id):
        raise WorkerTrouble(f"the files at hand of reference {reference_id} were damaged")


def _comment(house: House, reads: Reads) -> str | None:
    if house.settings.provenance_header == "off":
        return None
    now = house.catalog.write(lambda tx: tx.now)
    return provenance.comment_line(reads.store_id, reads.id, now)


def _vouched_for(house: House, reads: Reads, file: Row[Any]) -> Iterator[bytes]:
    with _damage_told(house, reads.context, "readSet", reads.id, file.source):
        yield from _stored_bytes(house, reads.id, file)


@contextmanager
def _damage_told(house: House, context: RequestContext, kind: str, holder_id: str, source: str) -> Iterator[None]:
    """Let whoever holds a file say that its bytes are damaged, when they are: that is no fault of the file."""
    try:
        yield
    except DamagedBlob as damage:
        finding = damage.finding
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


def now_and_then(report: Callable[[Progress], None]) -> Callable[[Progress], None]:
    """Report progress every few seconds, however often there is some."""
    told = time.monotonic()

    def tell(progress: Progress) -> None:
        nonlocal told
        if time.monotonic() - told >= PROGRESS_S:
            told = time.monotonic()
            report(progress)

    return tell
