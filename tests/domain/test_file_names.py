"""The names of uploaded files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strandkeep.domain.file_names import uploaded_file_name


@pytest.mark.parametrize(
    ("name", "file_type", "source", "expected"),
    [
        ("HG00146", "FASTQ", "SOURCE1", "HG00146_source1.fastq.gz"),
        ("HG00146", "FASTQ", "SOURCE2", "HG00146_source2.fastq.gz"),
        ("HG00146", "BAM", "SOURCE1", "HG00146.bam"),
        ("HG00146", "UBAM", "SOURCE1", "HG00146.bam"),
        ("HG00146", "CRAM", "SOURCE1", "HG00146.cram"),
        ("x.bam", "BAM", "SOURCE1", "x.bam"),
        ("x.fastq.gz", "FASTQ", "SOURCE1", "x_source1.fastq.gz"),
        ("x.fq.gz", "FASTQ", "SOURCE2", "x_source2.fastq.gz"),
        ("x.bam", "CRAM", "SOURCE1", "x.bam.cram"),
        ("a b+c=ü", "BAM", "SOURCE1", "a b+c=ü.bam"),
        ("../../etc/passwd", "BAM", "SOURCE1", "___.._etc_passwd.bam"),
        (".hidden", "BAM", "SOURCE1", "_hidden.bam"),
        ("a\x00b\nc\x7fd", "BAM", "SOURCE1", "a_b_c_d.bam"),
        ("a\u2028b\u2029c", "BAM", "SOURCE1", "a_b_c.bam"),
        ("..", "CRAM", "SOURCE1", "__.cram"),
        (".bam", "BAM", "SOURCE1", "_bam.bam"),
    ],
)
def test_uploaded_file_name(name, file_type, source, expected):
    assert uploaded_file_name(name, file_type, source) == expected


@given(st.text(min_size=1, max_size=127), st.sampled_from(["FASTQ", "BAM", "UBAM", "CRAM"]))
def test_a_file_name_is_one_plain_component_whatever_the_name(name, file_type):
    made = uploaded_file_name(name, file_type, "SOURCE1")

    assert "/" not in made
    assert not made.startswith(".")
    assert all(ord(letter) >= 32 and ord(letter) != 127 for letter in made)
    made.encode()


@given(st.text(min_size=1, max_size=127))
def test_the_two_files_of_a_pair_never_share_a_name(name):
    assert uploaded_file_name(name, "FASTQ", "SOURCE1") != uploaded_file_name(name, "FASTQ", "SOURCE2")
