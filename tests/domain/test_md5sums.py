"""Lists of MD5s as tools write them, what they tell of a file, and what is said of one that is not the same."""

import hashlib
import subprocess

import pytest

from strandkeep.domain.md5sums import difference, md5s_of, told_beside, told_of

ONE, TWO = "d41d8cd98f00b204e9800998ecf8427e", "0cc175b9c0f1b6a831c399e269772661"


def listed(text: str, name: str = "a.fastq.gz") -> set[str]:
    return set(told_of(name, md5s_of(text.encode())))


@pytest.mark.parametrize(
    "line",
    [
        f"{ONE}  a.fastq.gz",
        f"{ONE} *a.fastq.gz",
        f"{ONE} a.fastq.gz",
        f"{ONE}\ta.fastq.gz",
        f"{ONE}  ./a.fastq.gz\r",
        f"{ONE}  /data/run 7/a.fastq.gz",
        f"{ONE.upper()} *D:\\run\\a.fastq.gz\r",
        f"MD5 (a.fastq.gz) = {ONE}",
        f"MD5 (run (7)/a.fastq.gz) = {ONE}",
        f"MD5(a.fastq.gz)= {ONE}",
        f"# of the run\n\n{ONE}  a.fastq.gz  \n{TWO}  b.fastq.gz",
        f"\ufeff{ONE}  a.fastq.gz\n",
    ],
)
def test_lists_as_tools_write_them(line):
    assert listed(line) == {ONE}


@pytest.mark.parametrize(
    "line",
    [
        f"{ONE}  b.fastq.gz",
        f"{ONE}  a.fastq.gz.md5",
        f"{ONE[1:]}  a.fastq.gz",
        f"{ONE}0  a.fastq.gz",
        f"{ONE}a.fastq.gz",
        f"x{ONE}  a.fastq.gz",
        f"SHA256 (a.fastq.gz) = {ONE}",
        f"{ONE}",
        "a.fastq.gz",
        "",
    ],
)
def test_what_is_not_understood_says_nothing(line):
    assert listed(line) == set()


def test_bytes_of_any_kind_are_no_error():
    assert md5s_of(bytes(range(256)) * 100) == {}
    assert set(told_of("a", md5s_of(b"\xff\xfe\n" + f"{ONE}  a\n".encode() + b"\x80 b"))) == {ONE}


def test_a_name_may_stand_there_more_than_once():
    text = f"{ONE}  lane1/a.fastq.gz\n{TWO}  lane2/a.fastq.gz\n"
    assert listed(text) == {ONE, TWO}
    assert difference("a.fastq.gz", TWO, frozenset(listed(text)), "md5sum.txt") is None


@pytest.mark.parametrize("name", ["a\\b", "a\nb", "*a", "ä ö.gz", "a  b", "\\a", "(a) = b"])
@pytest.mark.parametrize("options", [[], ["--binary"], ["--tag"]], ids=["text", "binary", "tag"])
def test_what_md5sum_writes_of_any_name_is_never_held_against_it(tmp_path, name, options):
    (tmp_path / name).write_bytes(b"reads")
    done = subprocess.run(["md5sum", *options, "--", name], cwd=tmp_path, capture_output=True, check=True)
    md5 = hashlib.md5(b"reads").hexdigest()
    told = md5s_of(done.stdout)
    assert difference(name, md5, told_of(name, told), "md5sum.txt") is None
    if name != "*a":
        assert told_of(name, told) == {md5}
    assert told_beside(name, told) == {md5}


def test_letters_with_marks_are_the_same_however_they_are_written():
    assert listed(f"{ONE}  u\u0308.gz", "\u00fc.gz") == {ONE}
    assert listed(f"{ONE}  \u00fc.gz", "u\u0308.gz") == {ONE}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (ONE, {ONE}),
        (f"{ONE}\n", {ONE}),
        (f"{ONE}  -\n", {ONE}),
        (f"{ONE}  name-before.fastq.gz\n", {ONE}),
        (f"{TWO}  other.fastq.gz\n{ONE}  a.fastq.gz\n", {ONE}),
        ("<Error/>", set()),
    ],
)
def test_the_list_of_a_single_file_need_not_name_it(text, told):
    assert set(told_beside("a.fastq.gz", md5s_of(text.encode()))) == told


def test_a_difference_names_the_file_and_both_digests_and_fits_into_a_message():
    said = difference("a.fastq.gz", ONE, frozenset({TWO}), "md5sum.txt")
    assert said == (
        "a.fastq.gz: its MD5 is d41d8cd9…, but md5sum.txt says 0cc175b9…. Copy it again, or mend md5sum.txt."
    )
    for where in ("md5sums.txt", "its .md5"):
        long = difference("x" * 500 + "_R1.fastq.gz", ONE, frozenset({TWO}), where)
        assert len(long) <= 127
        assert "_R1.fastq.gz: its MD5" in long


def test_a_long_list_is_read_fast():
    text = "".join(f"{n:032x}  lane/{n}.fastq.gz\n" for n in range(100_000))
    assert set(told_of("77777.fastq.gz", md5s_of(text.encode()))) == {f"{77777:032x}"}
