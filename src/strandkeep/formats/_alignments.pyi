from typing import Any

from strandkeep.formats._qc import Counters

BAI_LONGEST: int
NO_FAULT: int
BAD_LENGTHS: int
BAD_NAME: int
BAD_CONTIG: int
BAD_POSITION: int
BAD_MATE: int
BAD_CIGAR: int
CIGAR_LENGTH: int
BAD_TAG: int
BAD_QUALITY: int
TOO_LONG: int
FOREIGN_CONTIG: int
CONCATENATED: int
TRUNCATED: int

class Records:
    total: int
    reads: int
    bases: int
    text_length: int
    unsorted_at: int
    unindexable_at: int
    fault: int
    contig: int
    position: int
    def __init__(
        self,
        names: list[bytes],
        lengths: list[int],
        fits: bytes | None,
        digest: Any,
        longest_line: int,
        qc: Counters | None = None,
    ) -> None: ...
    def begin_index(self, offset: int, longest: int) -> None: ...
    @property
    def index_kind(self) -> str | None: ...
    def save_index(self, path: bytes, end: int) -> None: ...
    @property
    def name(self) -> bytes: ...
    @property
    def first_name(self) -> bytes: ...
    def flags(self) -> dict[int, int]: ...
    def elsewhere(self) -> tuple[tuple[int, int], tuple[int, int]]: ...
    def finish(self) -> None: ...
