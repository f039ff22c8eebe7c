"""Types of the FASTA kernel; what it does stands in `_fasta.pyx`."""

LONGEST_NAME: int
LONGEST_LINE: int
NO_FAULT: int
NO_HEADER: int
NO_NAME: int
NAME_TOO_LONG: int
NO_BASES: int
BAD_BASE: int
LONGER: int
SHORTER: int
BLANK: int
LINE_END: int
TOO_LONG: int
NO_SEQUENCES: int

#: Name, length in bases, offset of the first base in the text, bases and bytes of a line, bases handed out before it.
_Sequence = tuple[bytes, int, int, int, int, int]

class Scanner:
    sequences: int
    text_length: int
    fault: int
    record: int
    record_offset: int
    length: int
    line_bases: int
    line_width: int
    line: int
    line_length: int
    byte: int
    position: int
    name: bytes
    def feed(self, text: bytes) -> tuple[bytes, list[_Sequence]]: ...
    def finish(self) -> list[_Sequence]: ...
