"""May a part come, and what does Complete make of the parts that came?"""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strandkeep.domain import states
from strandkeep.domain.parts import (
    ListedPart,
    Part,
    check_part_length,
    check_part_source,
    check_upload_open,
    fingerprint,
    plan_completion,
)
from strandkeep.errors import NotSupportedOperationException, ResourceNotFoundException, ValidationException


def stored(source="SOURCE1", number=1, text="bytes"):
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Part(source, number, len(text), digest, f"blob-{source}-{number}-{text}", 1, 1)


def listed(part, checksum=None):
    return ListedPart(part.source, part.number, part.checksum if checksum is None else checksum)


@pytest.mark.parametrize("length", [1, 104_857_599, 104_857_600])
def test_a_part_of_1_to_104857600_bytes_may_come(length):
    check_part_length(length)


@pytest.mark.parametrize("length", [None, 0, -1])
def test_a_part_without_bytes_is_refused(length):
    with pytest.raises(ValidationException, match="payload: the part has no bytes"):
        check_part_length(length)


@pytest.mark.parametrize("length", [104_857_601, 5_368_709_120])
def test_a_part_of_more_than_100_mib_is_refused(length):
    with pytest.raises(ValidationException, match=rf"{length} bytes; at most 104857600"):
        check_part_length(length)


def test_only_fastq_may_have_a_source2():
    check_part_source("FASTQ", "SOURCE2")
    for file_type in ("FASTQ", "UBAM", "BAM", "CRAM"):
        check_part_source(file_type, "SOURCE1")
    for file_type in ("UBAM", "BAM", "CRAM"):
        with pytest.raises(ValidationException, match=f"type {file_type} has one file"):
            check_part_source(file_type, "SOURCE2")


def test_parts_come_to_an_open_upload_only():
    check_upload_open("1", states.OPEN)
    for gone in (None, states.ABORTED, states.EXPIRED):
        with pytest.raises(ResourceNotFoundException):
            check_upload_open("1", gone)
    for completed in (states.COMPLETING, states.COMPLETED, states.FAILED):
        with pytest.raises(NotSupportedOperationException, match="completed"):
            check_upload_open("1", completed)


def test_the_checksum_is_the_base64_of_the_sha256():
    assert stored(text="x").checksum == base64.b64encode(hashlib.sha256(b"x").digest()).decode()


def test_plan_completion_orders_the_parts_of_each_source_by_number():
    parts = [stored("SOURCE1", n, f"a{n}") for n in (1, 2, 10)] + [stored("SOURCE2", n, f"b{n}") for n in (7, 3)]
    shuffled = [parts[i] for i in (4, 2, 0, 3, 1)]

    plan = plan_completion([listed(part) for part in shuffled], parts, "FASTQ")

    assert {source: [part.number for part in files] for source, files in plan.items()} == {
        "SOURCE1": [1, 2, 10],
        "SOURCE2": [3, 7],
    }
    assert list(plan) == ["SOURCE1", "SOURCE2"]


def test_plan_completion_leaves_out_parts_that_are_not_listed():
    first, second = stored(number=1), stored(number=2)

    assert plan_completion([listed(second)], [first, second], "FASTQ") == {"SOURCE1": [second]}


def test_plan_completion_takes_the_checksum_as_base64_or_as_hex_of_either_case():
    part = stored()
    for checksum in (part.checksum, part.sha256, part.sha256.upper()):
        assert plan_completion([listed(part, checksum)], [part], "FASTQ") == {"SOURCE1": [part]}


OTHER = stored(text="other")


@pytest.mark.parametrize(
    "checksum",
    [
        *(OTHER.checksum, OTHER.sha256, "", "x", stored().checksum[:-1], stored().sha256[:-1], stored().sha256 + "0"),
        *("é" * 64, " " * 64, stored().checksum + "\n", stored().sha256[:-2] + "  ", "0" * 64),
    ],
)
def test_plan_completion_refuses_a_part_with_another_checksum(checksum):
    part = stored()
    with pytest.raises(ValidationException, match="checksum of part 1 of SOURCE1"):
        plan_completion([listed(part, checksum)], [part], "FASTQ")


def test_plan_completion_refuses_a_part_that_was_never_sent():
    with pytest.raises(ValidationException, match="part 2 of SOURCE1 was never sent"):
        plan_completion([listed(stored()), listed(stored(number=2))], [stored()], "FASTQ")


def test_plan_completion_does_not_take_a_part_of_the_other_source():
    with pytest.raises(ValidationException, match="part 1 of SOURCE2 was never sent"):
        plan_completion([listed(stored()), listed(stored("SOURCE2"))], [stored()], "FASTQ")


def test_plan_completion_refuses_a_part_that_is_listed_twice():
    with pytest.raises(ValidationException, match="part 1 of SOURCE1 is listed twice"):
        plan_completion([listed(stored()), listed(stored())], [stored()], "FASTQ")


def test_plan_completion_refuses_an_empty_list():
    with pytest.raises(ValidationException, match="empty"):
        plan_completion([], [stored()], "FASTQ")


def test_plan_completion_refuses_source2_without_source1():
    parts = [stored(), stored("SOURCE2")]
    with pytest.raises(ValidationException, match="no part of SOURCE1"):
        plan_completion([listed(parts[1])], parts, "FASTQ")


def test_plan_completion_refuses_source2_of_a_bam():
    parts = [stored(), stored("SOURCE2")]
    with pytest.raises(ValidationException, match="partSource: an upload of type BAM"):
        plan_completion([listed(part) for part in parts], parts, "BAM")


@given(st.permutations([stored(number=n, text=str(n)) for n in range(1, 6)]), st.sets(st.integers(0, 4)))
def test_a_fingerprint_is_the_same_for_any_order_and_form_of_checksum(parts, as_hex):
    plain = [listed(stored(number=n, text=str(n))) for n in range(1, 6)]
    mixed = [listed(part, part.sha256 if n in as_hex else None) for n, part in enumerate(parts)]

    assert fingerprint(mixed) == fingerprint(plain)


def test_a_fingerprint_tells_lists_apart():
    lists = [
        [listed(stored())],
        [listed(stored(number=2))],
        [listed(stored("SOURCE2"))],
        [listed(stored(text="other"))],
        [listed(stored()), listed(stored(number=2))],
        [listed(stored()), listed(stored())],
    ]
    assert len(set(map(fingerprint, lists))) == len(lists)
