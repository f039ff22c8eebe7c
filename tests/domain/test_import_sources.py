"""What a source of an import may be, and what comes of it is called."""

import pytest

from strandkeep.domain.import_sources import (
    check_source_files,
    file_names,
    read_set_name,
    shown_source_files,
    uris_of,
)
from strandkeep.errors import ValidationException


def test_a_source_is_a_file_or_several_and_an_empty_one_is_none():
    assert uris_of({"source1": "s3://b/a", "source2": ""}) == {"SOURCE1": ["s3://b/a"]}
    assert uris_of({"source1": ["s3://b/1", "s3://b/2"], "source2": ["s3://b/3"]}) == {
        "SOURCE1": ["s3://b/1", "s3://b/2"],
        "SOURCE2": ["s3://b/3"],
    }


def test_of_several_files_the_first_is_shown():
    files = {"source1": ["s3://b/1", "s3://b/2"], "source2": "s3://b/3"}
    assert shown_source_files(files) == {"source1": "s3://b/1", "source2": "s3://b/3"}


@pytest.mark.parametrize(
    ("file_type", "files", "says"),
    [
        ("UBAM", {"source1": "s3://b/1", "source2": "s3://b/2"}, "here.source2: only FASTQ"),
        ("BAM", {"source1": ["s3://b/1", "s3://b/2"]}, "here.source1: BAM files cannot stand one after the other"),
        ("FASTQ", {"source1": "s3://b/1", "source2": "s3://b/1"}, "here: s3://b/1 is named twice"),
        ("FASTQ", {"source1": ["s3://b/1", "s3://b/2", "s3://b/1"]}, "here: s3://b/1 is named twice"),
    ],
)
def test_what_can_never_be_a_source_is_named(file_type, files, says):
    with pytest.raises(ValidationException, match=says):
        check_source_files(file_type, files, "here")


def test_what_can_be_a_source_passes():
    check_source_files("FASTQ", {"source1": "s3://b/1", "source2": "s3://b/2"}, "here")
    check_source_files("CRAM", {"source1": "s3://b/1"}, "here")


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({"name": "given"}, "given"),
        ({}, "x.fastq.gz"),
        ({"name": ""}, "x.fastq.gz"),
    ],
)
def test_a_read_set_without_a_name_is_called_as_its_first_file(members, name):
    assert read_set_name({"sourceFiles": {"source1": "s3://b/a/x.fastq.gz"}, **members}) == name


@pytest.mark.parametrize(
    ("one", "two", "names"),
    [
        ("a/x_R1.fastq.gz", "a/x_R2.fastq.gz", ["x_R1.fastq.gz", "x_R2.fastq.gz"]),
        ("a/x.fastq.gz", "b/x.fastq.gz", ["x_source1.fastq.gz", "x_source2.fastq.gz"]),
        ("a/x.fq.gz", "b/x.fq.gz", ["x_source1.fq.gz", "x_source2.fq.gz"]),
        ("a/x", "b/x", ["x_source1", "x_source2"]),
    ],
)
def test_mates_of_one_name_are_told_apart(one, two, names):
    found = file_names({"SOURCE1": [f"s3://b/{one}"], "SOURCE2": [f"s3://b/{two}"]})
    assert list(found.values()) == names
