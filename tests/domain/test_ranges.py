"""The header `Range`."""

import pytest

from strandkeep.domain.ranges import byte_range
from strandkeep.errors import RangeNotSatisfiableException

DATA = bytes(range(10))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-9", DATA),
        ("bytes=0-0", DATA[:1]),
        ("bytes=9-9", DATA[9:]),
        ("bytes=3-5", DATA[3:6]),
        ("bytes=3-", DATA[3:]),
        ("bytes=-3", DATA[-3:]),
        ("bytes=-10", DATA),
        ("bytes=-99", DATA),
        ("bytes=5-99", DATA[5:]),
        ("bytes=5-" + "9" * 120, DATA[5:]),
        ("bytes=007-0008", DATA[7:9]),
    ],
)
def test_a_range_is_a_slice(header, expected):
    begin, count = byte_range(header, len(DATA))
    assert DATA[begin : begin + count] == expected
    assert count == len(expected)


@pytest.mark.parametrize(
    "header",
    [
        *("bytes=10-", "bytes=10-12", "bytes=5-4", "bytes=-0", "bytes=-", "bytes=", "bytes", "0-5", "items=0-5"),
        *(
            "bytes=0-1,3-4",
            "bytes= 0-1",
            "bytes=0-1 ",
            "bytes=a-b",
            "bytes=--5",
            "bytes=0-1\n",
            "BYTES=0-1",
            "bytes=\u0661-",
        ),
    ],
)
def test_any_other_range_is_not_satisfiable(header):
    with pytest.raises(RangeNotSatisfiableException, match=r"range: .* of the 10 that are here"):
        byte_range(header, len(DATA))
