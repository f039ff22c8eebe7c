"""Runs out of read names."""

import pytest

from strandkeep.formats.facts import Run
from strandkeep.formats.read_name import run_of


@pytest.mark.parametrize(
    ("header", "run"),
    [
        ("A00738:123:HXYZDSX2:4:1101:1000:2000 1:N:0:ACGT", Run("A00738", "123", "HXYZDSX2", 4)),
        ("M01:7:000000000-ABC:1:1101:15:13:ACGT+TT 2:N:0", Run("M01", "7", "000000000-ABC", 1)),
        ("HWUSI-EAS100R:6:73:941:1973#0/1", Run("HWUSI-EAS100R", None, None, 6)),
        ("SRR001666.1 071112_SLXA-EAS1_s_7:5:1:817:345 length=36", Run("071112_SLXA-EAS1_s_7", None, None, 5)),
        ("m64011_190830_220126/1/ccs", None),
        ("a:b:c:d:e:f:g", None),
        ("", None),
    ],
)
def test_a_header_tells_its_run(header: str, run: Run | None) -> None:
    assert run_of(header) == run
