"""Types of the FASTQ kernel; what it does stands in `_fastq.pyx`."""

from strandkeep.formats._qc import Counters

HEADER_KEPT: int
NO_FAULT: int
BAD_HEADER: int
BAD_SEQUENCE: int
BAD_PLUS: int
BAD_QUALITY: int
UNEQUAL: int
BLANK: int
TOO_LONG: int
TRUNCATED: int
NO_READS: int
NO_NEWLINE: int
BLANK_END: int

class Scanner:
    reads: int
    bases: int
    text_length: int
    fault: int
    record: int
    record_offset: int
    lines: int
    sequence_length: int
    line_length: int
    byte: int
    position: int
    header: bytes
    first_header: bytes
    def __init__(self, longest_line: int, names: bool, qc: Counters | None = None) -> None: ...
    def feed(self, text: bytes) -> bytes: ...
    def end_file(self, followed: bool) -> None: ...
    def finish(self) -> None: ...
