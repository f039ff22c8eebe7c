"""BAM files at fault: refused with the reason and the record, and never a crash, whatever the bytes."""

import pytest
import regex

from .bad_alignments import BAD_BAM, BadFile
from .forked_worker import ForkedWorkers

STATUS_MESSAGE = regex.compile(r"[\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]+")


@pytest.mark.parametrize("bad", BAD_BAM.values(), ids=BAD_BAM)
def test_a_bad_file_is_refused_for_the_right_reason(workers: ForkedWorkers, bad: BadFile) -> None:
    found = workers.examine(bad.stored)
    assert found.status == 0
    assert found.problem is not None
    assert (found.problem["rule"], found.problem["record"]) == (bad.rule, bad.record)
    assert STATUS_MESSAGE.fullmatch(found.problem["text"].replace("\N{REPLACEMENT CHARACTER}", "?"))
    assert len(found.problem["text"]) <= 220
