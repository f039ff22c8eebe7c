"""Files that become blobs as they are: what is shared with the file outside, and when it is copied after all."""

import errno
import logging
import os
import stat
import tempfile
from pathlib import Path

import pytest

from strandkeep.blobs import Adoptable, DamagedBlob, LocalBlobs, adopted_file

MIB = 1024 * 1024
CONTENT = bytes(range(256)) * (8 * MIB // 256) + b"end"
LONG_AGO = 1_000_000_000


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def blobs(root):
    made = LocalBlobs(root, 0)
    yield made
    made.close()


@pytest.fixture
def outside(tmp_path):
    """A file of long ago on the same file system."""
    return written(tmp_path / "outside.fastq.gz")


def written(path):
    path.write_bytes(CONTENT)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


@pytest.fixture
def copied(caplog):
    """Tells how many blobs were copied instead of adopted."""
    caplog.set_level(logging.INFO)
    return lambda: sum("is copied, not adopted by" in record.message for record in caplog.records)


@pytest.fixture
def reflinks(tmp_path):
    source, target = written(tmp_path / "a"), tmp_path / "b"
    with source.open("rb") as file:
        try:
            os.close(adopted_file._clone(file.fileno(), target))
        except OSError as reason:
            pytest.skip(f"this file system has no reflinks: {reason}")


def begun(blobs, path, how):
    """A new blob to which all bytes were written."""
    with path.open("rb") as file:
        new = blobs.begin(Adoptable(file.fileno(), how))
        while chunk := file.read(300_000):
            new.write(chunk)
    return new


def adopt(blobs, path, how):
    with begun(blobs, path, how) as new:
        return new.finish()


def path_of(root, blob):
    return root / "blobs" / blob.name[:3] / blob.name


def read(blobs, blob):
    return b"".join(blobs.read([blob.span(0, blob.length)]))


def left(root):
    return [path for folder in ("blobs", "tmp") for path in (root / folder).rglob("*") if path.is_file()]


def is_lock(path):
    return path.name == "lock"


def test_a_linked_blob_is_the_file_and_loses_its_own_name_alone(blobs, root, outside, copied):
    blob = adopt(blobs, outside, "link")

    assert path_of(root, blob).samefile(outside)
    assert (outside.stat().st_nlink, copied()) == (2, 0)
    assert read(blobs, blob) == CONTENT
    blobs.remove(blob.name)
    assert (outside.stat().st_nlink, outside.read_bytes()) == (1, CONTENT)


def test_a_file_may_be_linked_more_than_once(blobs, outside):
    first, second = adopt(blobs, outside, "link"), adopt(blobs, outside, "link")
    outside.unlink()
    blobs.remove(first.name)
    assert read(blobs, second) == CONTENT


def test_a_cloned_blob_shares_blocks_and_nothing_else(blobs, root, outside, copied, reflinks):
    outside.chmod(0o644)
    blob = adopt(blobs, outside, "clone")

    assert copied() == 0
    assert not path_of(root, blob).samefile(outside)
    assert stat.S_IMODE(path_of(root, blob).stat().st_mode) == 0o600
    outside.write_bytes(bytes(len(CONTENT)))
    assert read(blobs, blob) == CONTENT


def test_a_file_of_a_file_system_without_reflinks_is_copied(blobs, root, outside, copied, monkeypatch):
    def refused(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(adopted_file.fcntl, "ioctl", refused)
    blob = adopt(blobs, outside, "clone")
    assert (read(blobs, blob), copied()) == (CONTENT, 1)
    assert not path_of(root, blob).samefile(outside)


@pytest.mark.parametrize("how", ["link", "clone"])
def test_a_file_of_another_file_system_is_copied(blobs, root, copied, how):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        path = written(Path(folder) / "outside")
        if path.stat().st_dev == root.stat().st_dev:
            pytest.skip("the tests run in /dev/shm")
        blob = adopt(blobs, path, how)
    assert (read(blobs, blob), copied()) == (CONTENT, 1)
    assert path_of(root, blob).stat().st_nlink == 1


@pytest.mark.parametrize("reason", [errno.EPERM, errno.EMLINK, errno.ENOSPC])
def test_a_file_that_cannot_be_linked_is_copied(blobs, outside, copied, monkeypatch, reason):
    def refused(*_, **__):
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr(os, "link", refused)
    assert read(blobs, adopt(blobs, outside, "link")) == CONTENT
    assert (outside.stat().st_nlink, copied()) == (1, 1)


def test_a_file_of_another_user_is_not_linked(blobs, root, outside, copied, monkeypatch):
    """Its owner could take away the right to read it."""
    monkeypatch.setattr(os, "geteuid", lambda: outside.stat().st_uid + 1)
    blob = adopt(blobs, outside, "link")
    assert (read(blobs, blob), outside.stat().st_nlink, copied()) == (CONTENT, 1, 1)


def test_a_file_that_has_lost_its_name_is_copied(blobs, outside, copied):
    with outside.open("rb") as file:
        outside.unlink()
        with blobs.begin(Adoptable(file.fileno(), "link")) as new:
            new.write(file.read())
            blob = new.finish()
    assert (read(blobs, blob), copied()) == (CONTENT, 1)


@pytest.mark.parametrize("change", ["longer", "shorter", "in place"])
def test_a_linked_file_that_changes_before_the_end_is_refused_and_left_alone(blobs, root, outside, change):
    new = begun(blobs, outside, "link")
    with outside.open("r+b") as file:
        if change == "shorter":
            file.truncate(10)
        else:
            file.seek(0, os.SEEK_END if change == "longer" else os.SEEK_SET)
            file.write(b"x")
    os.utime(outside, (LONG_AGO, LONG_AGO + (change == "in place")))

    with new, pytest.raises(ValueError, match="the adopted file changed while it was read"):
        new.finish()
    assert all(map(is_lock, left(root)))
    assert outside.stat().st_nlink == 1


@pytest.mark.parametrize("how", ["link", "clone"])
def test_a_file_of_which_not_all_came_is_no_adopted_blob(blobs, root, outside, how, request):
    if how == "clone":
        request.getfixturevalue("reflinks")
    with outside.open("rb") as file, blobs.begin(Adoptable(file.fileno(), how)) as new:
        new.write(CONTENT[:-1])
        with pytest.raises(ValueError, match=f"{len(CONTENT) - 1} bytes came, the adopted file has {len(CONTENT)}"):
            new.finish()
    assert all(map(is_lock, left(root)))


@pytest.mark.parametrize("at", [0, MIB, len(CONTENT) - 1])
def test_no_wrong_byte_is_handed_out_when_a_linked_file_changes_in_place_later(blobs, outside, at):
    """Rule 8: it is damage, as any other."""
    blob = adopt(blobs, outside, "link")
    with outside.open("r+b") as file:
        file.seek(at)
        file.write(b"X")
    got = bytearray()
    with pytest.raises(DamagedBlob):
        got.extend(*blobs.read([blob.span(at, 1)]))
    assert got == b""


def test_what_is_appended_to_a_linked_file_later_is_not_read(blobs, outside):
    blob = adopt(blobs, outside, "link")
    with outside.open("ab") as file:
        file.write(b"more")
    assert read(blobs, blob) == CONTENT


def test_a_blob_is_as_old_as_its_name_and_not_as_its_bytes(blobs, outside):
    blob = adopt(blobs, outside, "link")
    assert list(blobs.orphans(3600)) == []
    assert list(blobs.orphans(0)) == [[blob.name]]


@pytest.mark.parametrize("how", ["link", "clone"])
def test_rule_10_an_adopted_file_is_synced_before_it_has_its_name_and_its_folder_after(
    blobs, root, outside, how, monkeypatch
):
    calls = []
    fsync, rename = os.fsync, os.rename

    def noted_fsync(descriptor):
        calls.append(("fsync", os.fstat(descriptor).st_ino))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "rename", lambda a, b, **k: (calls.append(("rename", str(b))), rename(a, b, **k)))
    path = path_of(root, adopt(blobs, outside, how))
    monkeypatch.undo()
    assert calls == [("fsync", path.stat().st_ino), ("rename", str(path)), ("fsync", path.parent.stat().st_ino)]


@pytest.mark.parametrize("how", ["link", "clone"])
def test_adopting_leaves_no_file_open(blobs, root, outside, how):
    before = set(os.listdir("/proc/self/fd"))
    adopt(blobs, outside, how)
    begun(blobs, outside, how).discard()
    assert set(os.listdir("/proc/self/fd")) == before
