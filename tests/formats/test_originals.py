"""Sources of several original files: the same facts as of one file, and each file whole by itself."""

import gzip
import hashlib
import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strandkeep.formats.examine import examine_fastq
from strandkeep.formats.facts import Examination, OriginalFacts, Problem, Progress, SourceFacts, WorkerTrouble

from .bgzf_files import bgzf
from .fastq_files import GZ, M1, M2, TEN, bomb, gz, records, with_all_header_fields
from .forked_worker import ForkedWorkers
from .test_examine import chunks

ALGORITHMS = ["md5", "sha256", "sha512"]


def examine(sources: dict[str, Sequence[bytes]], seed: int = 1, **more) -> Examination:
    """What is found of sources, each of several files."""
    rng = random.Random(seed)
    given = {source: chunks(b"".join(files), rng) for source, files in sources.items()}
    sizes = {source: [len(file) for file in files] for source, files in sources.items()}
    return examine_fastq(given, originals=sizes, **{"algorithm": "md5", **more})


def facts_of(*files: bytes, **more) -> SourceFacts:
    found = examine({"SOURCE1": files}, **more)
    assert not found.problems
    return found.sources["SOURCE1"]


def problem_of(*files: bytes, **more) -> Problem:
    (problem,) = examine({"SOURCE1": files}, **more).problems
    return problem


def in_members(text: bytes) -> bytes:
    """Several gzip members, cut wherever."""
    return b"".join(gz(text[at : at + 77]) for at in range(0, max(len(text), 1), 77))


PACKERS: list[Callable[[bytes], bytes]] = [gz, in_members, bgzf, with_all_header_fields]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_several_files_have_the_facts_of_one_and_their_own(algorithm: str) -> None:
    texts = [b"".join(records(n, seed=n)) for n in (40, 1, 300, 7)]
    files = [pack(text) for pack, text in zip(PACKERS, texts, strict=True)]
    found, text, stored = facts_of(*files, algorithm=algorithm), b"".join(texts), b"".join(files)
    assert (found.reads, found.bases, found.text_length) == (348, 348 * 50, len(text))
    assert found.text_digest == hashlib.new(algorithm, text).hexdigest()
    assert found.stored_sha256 == hashlib.sha256(stored).hexdigest()
    assert found.stored_md5 == hashlib.md5(stored).hexdigest()
    assert found.originals == tuple(
        OriginalFacts(hashlib.md5(file).hexdigest(), n) for file, n in zip(files, (40, 1, 300, 7), strict=True)
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from(PACKERS)), min_size=2, max_size=6),
    st.sampled_from([b"\n", b"\r\n"]),
    st.sampled_from(["md5", "sha256"]),
)
def test_any_split_into_files_has_the_facts_of_one(workers: ForkedWorkers, split: list, end: bytes, algorithm) -> None:
    lines = [line.replace(b"\n", end) for line in records(sum(n for n, _ in split) + 1)]
    files, counts, at = [], [], 0
    for n, pack in split:
        files.append(pack(b"".join(lines[at : at + n])))
        counts.append(n)
        at += n
    files.append(gz(lines[at]))
    order = {"algorithm": algorithm, "names": True, "format_": "fastq"}
    split_up = workers.examine(b"".join(files), originals=[len(file) for file in files], **order)
    single = workers.examine(gz(b"".join(lines)), originals=[], **order)
    assert split_up.facts is not None
    assert single.facts is not None
    assert [told["reads"] for told in split_up.facts.pop("originals")] == [*counts, 1]
    assert single.facts.pop("originals") == []
    for facts in (split_up.facts, single.facts):
        del facts["stored_length"], facts["stored_sha256"], facts["stored_md5"]
    assert split_up.facts == single.facts


def test_four_hundred_small_files() -> None:
    """As MinKNOW writes them; those of nothing count for nothing."""
    files = [gz(b"" if number % 10 == 0 else b"".join(records(5, seed=number))) for number in range(400)]
    told: list[Progress] = []
    found = facts_of(*files, progress=told.append)
    assert found.reads == 360 * 5
    assert [original.reads for original in found.originals[:11]] == [0, *[5] * 9, 0]
    assert told[-1] == Progress(sum(map(len, files)), found.text_length, found.reads)


def test_ten_thousand_sizes_reach_the_worker() -> None:
    """Of twelve digits they are more than one argument can hold."""
    stored = gz(b"") * 9_999 + GZ
    sizes = [len(gz(b""))] * 9_999 + [len(GZ)]
    found = examine_fastq({"SOURCE1": [stored]}, originals={"SOURCE1": sizes}, algorithm="md5")
    assert found.sources["SOURCE1"].originals[-1] == OriginalFacts(hashlib.md5(GZ).hexdigest(), 10)
    long = [10**11] * 10_000
    (problem,) = examine_fastq({"SOURCE1": [b"no gzip" * 10]}, originals={"SOURCE1": long}, algorithm="md5").problems
    assert problem.file == 1


def test_mates_need_not_have_the_same_files() -> None:
    three = [gz(b"".join(part)) for part in (M1[:5], M1[5:1200], M1[1200:])]
    two = [gz(b"".join(part)) for part in (M2[:1999], M2[1999:])]
    found = examine({"SOURCE1": three, "SOURCE2": two})
    assert not found.problems
    assert [len(found.sources[source].originals) for source in ("SOURCE1", "SOURCE2")] == [3, 2]
    # One may also be of a single file.
    assert not examine({"SOURCE1": three, "SOURCE2": [gz(b"".join(M2))]}).problems
    swapped = examine({"SOURCE1": three, "SOURCE2": two[::-1]}).problems[0]
    assert (swapped.rule, swapped.file, swapped.text[:9]) == ("fastq.mates-names", None, "SOURCE2, ")


@pytest.mark.parametrize("files", [[], [GZ]])
def test_a_single_file_is_none_of_several(files: list[bytes]) -> None:
    sizes = {"SOURCE1": [len(file) for file in files]}
    plain = examine_fastq({"SOURCE1": [GZ]}, algorithm="md5")
    assert examine_fastq({"SOURCE1": [GZ]}, algorithm="md5", originals=sizes) == plain
    assert plain.sources["SOURCE1"].originals == ()
    (problem,) = examine_fastq({"SOURCE1": [GZ[:-1]]}, algorithm="md5", originals=sizes).problems
    assert problem.file is None
    assert problem.text.startswith("SOURCE1: ")


CRLF = TEN.replace(b"\n", b"\r\n")
#: What the second of three files must not be: its stored bytes, the rule, and the record in it.
BAD = {
    "cut": (GZ[:-1], "gzip.truncated", None),
    "cut at the end of a block": (bgzf(TEN, end=False), "gzip.bgzf-eof", None),
    "of no bytes": (b"", "fastq.empty", None),
    "no gzip": (TEN, "gzip.not-gzip", None),
    "bytes after it": (GZ + b"x", "gzip.trailing-garbage", None),
    "a wrong CRC": (GZ[:-6] + b"\0" + GZ[-5:], "gzip.crc", None),
    "a record cut": (gz(TEN[:-60]), "fastq.truncated-record", 10),
    "a record cut in its qualities": (gz(TEN[:-5]), "fastq.truncated-record", 10),
    "no last newline": (gz(TEN[:-1]), "fastq.last-newline", None),
    "no last LF": (gz(CRLF[:-1]), "fastq.last-newline", None),
    "no last newline, and too many qualities": (gz(TEN[:-1] + b"F"), "fastq.quality-length", 10),
    "a blank line at its end": (gz(TEN + b"\n"), "fastq.blank-line", None),
    "a CR at its end": (gz(TEN + b"\r"), "fastq.blank-line", None),
    "a blank line first": (gz(b"\n" + TEN), "fastq.blank-line", 1),
    "the rest of a record": (gz(b"ACGT\n+\nFFFF\n" + TEN), "fastq.header", 1),
    "a bad quality": (gz(TEN + b"@r\nACGT\n+\nFF F\n"), "fastq.quality-byte", 11),
    "FASTA": (gz(b">chr1\nACGT\n"), "fastq.is-fasta", None),
    "SAM": (gz(b"@HD\tVN:1.6\n@SQ\tSN:1\tLN:10\n"), "fastq.is-sam", None),
    "gzip in gzip": (gz(GZ), "fastq.is-gzip", None),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_a_file_at_fault_is_named(name: str, algorithm: str) -> None:
    stored, rule, record = BAD[name]
    found = problem_of(gz(b"".join(records(7))), stored, GZ, algorithm=algorithm)
    assert (found.rule, found.file, found.record) == (rule, 2, record)
    where = "SOURCE1, file 2" if record is None else f"SOURCE1, file 2, record {record}"
    assert found.text.startswith(f"{where}: ")
    assert len(found.text) <= 255


def test_a_file_that_ends_too_early_tells_how_far_it_was_sound() -> None:
    found = problem_of(GZ, GZ + GZ[:-3], GZ)
    assert found.text.endswith("(20 whole records came before)")


def test_the_offset_of_a_fault_is_in_its_file() -> None:
    assert problem_of(GZ, gz(TEN + b"@r\nA\n+\n \n")).offset == len(TEN)
    assert problem_of(GZ, GZ + b"garbage").offset == len(GZ)


def test_a_record_over_two_files_is_refused() -> None:
    found = problem_of(gz(TEN[:77]), gz(TEN[77:]))
    assert (found.rule, found.file, found.record) == ("fastq.truncated-record", 1, 1)


def test_a_gzip_member_over_two_files_is_refused() -> None:
    found = problem_of(GZ[:100], GZ[100:])
    assert (found.rule, found.file) == ("gzip.truncated", 1)


@pytest.mark.parametrize("ending", [TEN[:-1], TEN + b"\n\r\n"])
def test_the_last_file_may_end_as_a_single_one(ending: bytes) -> None:
    found = facts_of(GZ, gz(ending))
    assert (found.reads, found.text_digest) == (20, hashlib.md5(TEN + ending).hexdigest())


def test_files_without_any_reads_are_empty_together() -> None:
    found = problem_of(gz(b""), gz(b""))
    assert (found.rule, found.file) == ("fastq.empty", None)
    last = problem_of(GZ, gz(TEN[:-5]))
    assert last.file == 2


def test_files_may_be_padded() -> None:
    assert facts_of(GZ + bytes(600), GZ + bytes(3), GZ).reads == 30


@pytest.mark.parametrize(("stored", "size"), [(GZ + GZ, len(GZ) + 1), (GZ + GZ + b"\0", len(GZ)), (GZ, 1)])
def test_sizes_that_are_not_those_of_the_bytes_are_the_servers_trouble(stored: bytes, size: int) -> None:
    """No verdict is passed on files that the server cut at the wrong bytes."""
    with pytest.raises(WorkerTrouble):
        examine_fastq({"SOURCE1": [stored]}, algorithm="md5", originals={"SOURCE1": [len(GZ), size]})


def test_a_bomb_among_files_takes_no_memory() -> None:
    assert problem_of(GZ, bomb(b"@r\n", b"A", 100), GZ).rule == "fastq.line-too-long"


def test_python_reads_what_several_files_hold() -> None:
    """gzip by gzip, one after the other, as `zcat` does."""
    files = [gz(b"".join(records(3))), bgzf(TEN)]
    found = facts_of(*files)
    assert found.text_digest == hashlib.md5(gzip.decompress(b"".join(files))).hexdigest()
