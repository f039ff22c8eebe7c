"""The header `Range`: which bytes of what is there a caller wants."""

import re

from strandkeep.errors import RangeNotSatisfiableException

_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)", re.ASCII)


def byte_range(header: str, length: int) -> tuple[int, int]:
    """(first byte, count) that a header asks for of `length` bytes: `bytes=0-99`, `bytes=100-` or `bytes=-100`.

    A range that begins within the bytes ends with them. RangeNotSatisfiableException for one that does not, for more
    than one range, and for what is none.
    """
    match = _RANGE.fullmatch(header)
    if match is None or match.groups() == ("", ""):
        raise _unsatisfiable(header, length)
    first, last = match.groups()
    begin = int(first) if first else max(0, length - int(last))
    end = min(int(last), length - 1) if first and last else length - 1
    if begin > end:
        raise _unsatisfiable(header, length)
    return begin, end - begin + 1


def _unsatisfiable(header: str, length: int) -> RangeNotSatisfiableException:
    return RangeNotSatisfiableException(
        f"range: {header!r} asks for no bytes of the {length} that are here. Give one range that counts "
        "from their beginning, such as bytes=0-99, bytes=100- or bytes=-100."
    )
