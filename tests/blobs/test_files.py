"""The kernel that reads small files one after the other."""

import os

import pytest

from strandkeep.blobs._files import read_files


@pytest.fixture
def folder(tmp_path):
    for n in range(5):
        (tmp_path / str(n)).write_bytes(bytes([n]) * (n + 1))
    return tmp_path


def read(folder, names, lengths):
    """The bytes of the files that were read, and how many those are."""
    piece, number = read_files(os.fsencode(folder), names, lengths)
    return piece[: sum(lengths[:number])], number


def test_files_are_read_one_after_the_other(folder):
    names = [str(n) for n in range(5)]
    whole = b"".join(bytes([n]) * (n + 1) for n in range(5))
    assert read(folder, names, [1, 2, 3, 4, 5]) == (whole, 5)
    assert read(folder, names[::-1], [5, 4, 3, 2, 1])[1] == 5
    assert read(folder, [], []) == (b"", 0)


@pytest.mark.parametrize("wrong", ["absent", "folder", "short"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_first_file_that_is_not_read_ends_it(folder, wrong, place):
    (folder / "folder").mkdir()
    (folder / "short").write_bytes(b"1")
    names = ["1", "1"]
    names.insert(place, wrong)
    assert read(folder, names, [2, 2, 2]) == (bytes([1, 1]) * place, place)


def test_of_a_longer_file_only_what_was_asked_for_is_read(folder):
    assert read(folder, ["4", "1"], [2, 2]) == (bytes([4, 4, 1, 1]), 2)


def test_in_a_folder_that_is_gone_nothing_is_read(folder):
    assert read(folder / "gone", ["0"], [1]) == (b"", 0)


def test_the_name_of_a_folder_need_not_be_text(tmp_path):
    odd = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(odd)
    with open(odd + b"/file", "wb") as file:
        file.write(b"bytes")
    assert read_files(odd, ["file"], [5]) == (b"bytes", 1)


def test_no_file_stays_open(folder):
    before = os.listdir("/proc/self/fd")
    for names in (["0", "1"], ["0", "absent"], ["0", "2"]):
        read(folder, names, [1, 5])
    read(folder / "gone", ["0"], [1])
    assert os.listdir("/proc/self/fd") == before
