"""Whole examinations, by real worker processes: what is refused and why, what passes and what is told of it."""

import hashlib
import random
import zlib
from collections.abc import Iterator

import pytest
import regex

from strandkeep.formats.examine import examine_fastq
from strandkeep.formats.facts import Examination, Limits, Progress, Run

from .fastq_files import BAD_FILES, GZ, M1, M2, ODD_BUT_SOUND, TEN, BadFile, bomb, gz, records

STATUS_MESSAGE = regex.compile(r"[\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]+")


def chunks(stored: bytes, rng: random.Random) -> Iterator[bytes]:
    at = 0
    while at < len(stored):
        n = rng.choice([1, 100, 5000, 1 << 20])
        yield stored[at : at + n]
        at += n


def examine(sources: dict[str, bytes], seed: int = 1, **more) -> Examination:
    rng = random.Random(seed)
    more = {"algorithm": "md5", **more}
    return examine_fastq({source: chunks(stored, rng) for source, stored in sources.items()}, **more)


@pytest.mark.parametrize("bad", BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_refused_for_the_right_reason(bad: BadFile) -> None:
    first, *_ = examine(bad.sources).problems
    assert (first.rule, first.source, first.record) == (bad.rule, bad.source, bad.record)
    assert first.source in first.text
    assert STATUS_MESSAGE.fullmatch(first.text)
    assert len(first.text) <= 255
    if bad.record is not None:
        assert str(bad.record) in first.text


def test_a_file_that_ends_too_early_tells_how_far_it_was_sound() -> None:
    (problem,) = examine({"SOURCE1": GZ + GZ[:-3]}).problems
    assert problem.text.endswith("send it again (20 whole records came before)")


def _text(stored: bytes) -> bytes:
    text = b""
    while stored.strip(b"\0"):
        inflating = zlib.decompressobj(31)
        text += inflating.decompress(stored)
        stored = inflating.unused_data
    return text


@pytest.mark.parametrize("name", ODD_BUT_SOUND)
def test_an_odd_but_sound_file_passes(name: str) -> None:
    sources, reads = ODD_BUT_SOUND[name]
    found = examine(sources)
    assert not found.problems
    assert bool(found.notes) == (name == "names that never agree")
    assert found.sources["SOURCE1"].reads == reads
    for source, stored in sources.items():
        facts, text = found.sources[source], _text(stored)
        assert facts.stored_length == len(stored)
        assert facts.stored_sha256 == hashlib.sha256(stored).hexdigest()
        assert facts.stored_md5 == hashlib.md5(stored).hexdigest()
        assert (facts.text_length, facts.text_digest) == (len(text), hashlib.md5(text).hexdigest())
        assert facts.first_name.isprintable()
        assert len(facts.first_name) <= 1024


@pytest.mark.parametrize("algorithm", ["md5", "sha256", "sha512"])
def test_the_digest_is_by_the_algorithm(algorithm: str) -> None:
    found = examine({"SOURCE1": GZ}, algorithm=algorithm)
    assert found.sources["SOURCE1"].text_digest == hashlib.new(algorithm, TEN).hexdigest()


def test_counts_and_run_are_told() -> None:
    found = examine({"SOURCE1": gz(b"".join(M1)), "SOURCE2": gz(b"".join(M2))})
    assert found.run == Run("A00738", "12", "HXYZDSX2", 1)
    assert [facts.bases for facts in found.sources.values()] == [100_000, 100_000]
    assert found.sources["SOURCE2"].first_name == "A00738:12:HXYZDSX2:1:1101:1:1000 2:N:0:ACGT"


def test_progress_ends_with_everything() -> None:
    told: list[Progress] = []
    examine({"SOURCE1": GZ, "SOURCE2": GZ}, progress=told.append)
    assert told[-1] == Progress(2 * len(GZ), 2 * len(TEN), 20)


def test_both_faults_are_told_and_source1_leads() -> None:
    found = examine({"SOURCE1": GZ[:-1], "SOURCE2": gz(TEN + b"\n" + TEN)})
    assert [(p.source, p.rule) for p in found.problems] == [
        ("SOURCE1", "gzip.truncated"),
        ("SOURCE2", "fastq.blank-line"),
    ]


def test_a_structural_fault_leads_before_mates() -> None:
    found = examine({"SOURCE1": gz(b"".join(M1)), "SOURCE2": gz(b"".join(M2[1:]))[:-1]})
    assert found.problems[0].rule == "gzip.truncated"


def test_the_offset_finds_the_record() -> None:
    (problem,) = examine(BAD_FILES["quality too long"].sources).problems
    assert problem.offset == len(TEN)


def test_one_mate_may_need_far_more_bytes_than_the_other() -> None:
    """A megabyte of names waits for the other side again and again."""
    rng = random.Random(2)
    n = 400_000
    short = b"".join(b"@r%d\nA\n+\nF\n" % i for i in range(n))
    long = b"".join(b"@r%d\n%s\n+\n%s\n" % (i, b"ACGTACGT" * 4, rng.randbytes(16).hex().encode()) for i in range(n))
    stored = {"SOURCE1": gz(short, 1), "SOURCE2": gz(long, 1)}
    assert not examine(stored).problems
    swapped = {"SOURCE1": stored["SOURCE2"], "SOURCE2": stored["SOURCE1"]}
    assert not examine(swapped).problems
    cut = {**stored, "SOURCE2": gz(b"".join(records(5)))}
    assert examine(cut).problems[0].rule in ("fastq.mates-count", "fastq.mates-names")


@pytest.mark.parametrize(
    ("head", "byte", "rule"),
    [
        (b"@r\n", b"A", "fastq.line-too-long"),
        (b"@", b"n", "fastq.line-too-long"),
        (b"@r\nA\n+\nF", b"F", "fastq.line-too-long"),
        (b"@r\nA\n+", b"+", "fastq.line-too-long"),
        (b"@r\n", b"\0", "fastq.sequence-byte"),
        (b"@r\nA\n+\nF\n", b"\n", "fastq.empty"),
    ],
)
def test_a_bomb_takes_no_memory(head: bytes, byte: bytes, rule: str) -> None:
    """100 MiB of text within 90 MiB of address space, of which the interpreter has most."""
    limits = Limits(address_space=90 << 20)
    found = examine({"SOURCE1": bomb(head, byte, 100)}, limits=limits)
    if byte == b"\n":
        assert found.sources["SOURCE1"].reads == 1
    else:
        assert found.problems[0].rule == rule
