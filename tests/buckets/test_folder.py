"""A folder as a bucket: what is beneath it can be read, and nothing else."""

import errno
import os
import socket
from pathlib import Path

import pytest

from strandkeep.buckets import BucketAway, BucketError, beneath
from strandkeep.buckets.folder import FolderBucket

MIB = 1 << 20


@pytest.fixture
def root(tmp_path) -> Path:
    """A bucket's folder, beside a file that is nobody's business."""
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_bytes(b"elsewhere")
    made = tmp_path / "bucket"
    (made / "inner").mkdir(parents=True)
    (made / "inner" / "file").write_bytes(b"content")
    return made


def read(root, key):
    with FolderBucket(root).open(key) as found:
        content = b"".join(found.chunks())
        assert len(content) == found.size
        return content


def open_files():
    return sorted(os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if _lives(n))


def _lives(number):
    return os.path.exists(f"/proc/self/fd/{number}")


@pytest.mark.parametrize(
    "key", ["inner/file", "with blank", "ünïcode", "..name", "a" * 255, "%2e%2e", "~", "-", "a\nb"]
)
def test_a_file_beneath_the_folder_is_read_by_its_path(root, key):
    (root / key).write_bytes(key.encode())
    assert read(root, key) == key.encode()


def test_a_large_file_comes_in_chunks(root):
    content = os.urandom(2 * MIB + 5)
    (root / "large").write_bytes(content)
    with FolderBucket(root).open("large") as found:
        chunks = list(found.chunks())
    assert [len(chunk) for chunk in chunks] == [MIB, MIB, 5]
    assert b"".join(chunks) == content


def test_an_empty_file_has_no_chunks(root):
    (root / "empty").touch()
    assert read(root, "empty") == b""


@pytest.mark.parametrize(
    "key",
    [
        *("../secret", "inner/../../secret", "inner/../inner/file", "..", ".", "./inner/file", "inner/./file"),
        *("/etc/passwd", "//inner/file", "inner//file", "/", "../bucket/inner/file"),
    ],
)
def test_a_key_that_is_no_plain_path_is_refused(root, key):
    with pytest.raises(BucketError, match=r"leads out of the bucket's folder|This is a folder"):
        read(root, key)


@pytest.mark.parametrize("key", ["nothing", "inner/nothing", "inner/file/below", "a\0b", "\ud800", "nothing/there"])
def test_a_key_of_nothing_is_missing(root, key):
    with pytest.raises(BucketError, match=r"no such object|Not a directory"):
        read(root, key)


def test_a_name_that_no_file_can_have_is_told(root):
    with pytest.raises(BucketError, match="cannot be reached: File name too long"):
        read(root, "a" * 256)


@pytest.mark.parametrize("key", ["inner", "inner/"])
def test_a_folder_is_no_object(root, key):
    with pytest.raises(BucketError, match="This is a folder"):
        read(root, key)


@pytest.mark.parametrize(
    "target", ["../secret", "/etc/passwd", "inner/../../secret", "../elsewhere/file", "/proc/self/mem"]
)
def test_a_link_that_leaves_the_folder_is_refused(root, target):
    (root / "link").symlink_to(target)
    with pytest.raises(BucketError, match="leads out"):
        read(root, "link")


def test_a_linked_folder_outside_is_refused(root):
    (root / "out").symlink_to("../elsewhere")
    with pytest.raises(BucketError, match="leads out"):
        read(root, "out/file")


def test_whether_there_is_anything_outside_is_not_told(root):
    (root / "to something").symlink_to("../secret")
    (root / "to nothing").symlink_to("../nothing")
    told = set()
    for key in ("to something", "to nothing"):
        with pytest.raises(BucketError) as refusal:
            read(root, key)
        told.add(str(refusal.value))
    assert len(told) == 1


@pytest.mark.parametrize("target", ["inner/file", "./inner/file", "../bucket/inner/file"])
def test_a_link_within_the_folder_is_followed(root, target):
    (root / "link").symlink_to(target)
    assert read(root, "link") == b"content"


def test_a_linked_folder_within_and_an_absolute_link_are_followed(root):
    (root / "current").symlink_to("inner")
    (root / "absolute").symlink_to(root / "inner" / "file")
    assert read(root, "current/file") == read(root, "absolute") == b"content"


def test_a_bucket_may_itself_be_a_link(root, tmp_path):
    (tmp_path / "mounted").symlink_to(root)
    assert read(tmp_path / "mounted", "inner/file") == b"content"


def test_a_link_to_itself_is_told(root):
    (root / "round").symlink_to("round")
    with pytest.raises(BucketError):
        read(root, "round")


def test_a_pipe_a_socket_and_a_device_are_no_files_and_hold_up_nobody(root, monkeypatch):
    os.mkfifo(root / "pipe")
    monkeypatch.chdir(root)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        for key in ("pipe", "socket"):
            with pytest.raises(BucketError, match="no regular file"):
                read(root, key)
    with pytest.raises(BucketError, match="no regular file"):
        read(Path("/dev"), "null")


def test_a_folder_that_is_not_there_is_told_as_the_operators_matter(tmp_path):
    with pytest.raises(BucketAway, match="not there: is it mounted"):
        read(tmp_path / "not mounted", "file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_the_server_may_not_read_is_told(root):
    (root / "inner" / "file").chmod(0)
    with pytest.raises(BucketError, match="may not reach"):
        read(root, "inner/file")


def swap_by_link(path, target):
    path.unlink()
    path.symlink_to(target)


def swap_by_file(path):
    path.with_name("new").write_bytes(bytes(3 * MIB))
    path.with_name("new").rename(path)


def test_a_file_that_is_swapped_for_a_link_after_it_was_looked_up_is_not_followed(root, monkeypatch):
    """The way is resolved, and then each name is opened as what it is."""
    really = beneath.open_file

    def swapped(*way):
        swap_by_link(root / "inner" / "file", root.parent / "secret")
        return really(*way)

    monkeypatch.setattr(beneath, "open_file", swapped)
    with pytest.raises(BucketError):
        read(root, "inner/file")


def test_a_folder_that_is_swapped_for_a_link_after_it_was_looked_up_is_not_followed(root, monkeypatch):
    really = beneath.open_file

    def swapped(*way):
        (root / "inner" / "file").unlink()
        (root / "inner").rmdir()
        (root / "inner").symlink_to(root.parent / "elsewhere")
        return really(*way)

    monkeypatch.setattr(beneath, "open_file", swapped)
    with pytest.raises(BucketError):
        read(root, "inner/file")


CHANGES = {
    "longer": lambda path: path.open("ab").write(b"more"),
    "shorter": lambda path: os.truncate(path, MIB + 3),
    "other bytes": lambda path: path.write_bytes(bytes(3 * MIB)),
    "another file": lambda path: (
        path.with_name("new").write_bytes(bytes(3 * MIB)),
        path.with_name("new").rename(path),
    ),
    "gone": lambda path: path.unlink(),
    "a link": lambda path: swap_by_link(path, "inner/file"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_while_it_is_read_is_told(root, change):
    path = root / "object"
    path.write_bytes(bytes(3 * MIB))
    with FolderBucket(root).open("object") as found:
        chunks = found.chunks()
        next(chunks)
        CHANGES[change](path)
        with pytest.raises(BucketError, match="changed while it was read"):
            list(chunks)


def test_no_descriptor_is_left_whatever_happens(root):
    (root / "link").symlink_to("../secret")
    os.mkfifo(root / "pipe")
    before = open_files()
    for key in ("inner/file", "inner", "link", "pipe", "nothing", "inner/file/below", ".."):
        try:
            read(root, key)
        except BucketError:
            continue
    assert open_files() == before


def put(root, key, content=b"new content"):
    FolderBucket(root).put(key, [content], len(content))


def everything(root):
    return {str(path.relative_to(root.parent)): path.is_file() and path.read_bytes() for path in root.parent.rglob("*")}


def test_what_is_put_lies_in_folders_that_are_made(root):
    put(root, "inner/new/deeper/object")
    assert (root / "inner/new/deeper/object").read_bytes() == b"new content"
    assert os.listdir(root / "inner/new/deeper") == ["object"]


def test_what_is_put_through_a_link_within_lies_where_it_leads(root):
    (root / "current").symlink_to("inner")
    (root / "link").symlink_to("inner/file")
    put(root, "current/new")
    put(root, "link")
    assert (root / "inner/new").read_bytes() == (root / "inner/file").read_bytes() == b"new content"
    assert (root / "link").is_symlink()


@pytest.mark.parametrize(
    "key", ["../secret", "/etc/new", "out/new", "out/file", "link", "inner/../new", "inner", "inner/"]
)
def test_nothing_is_put_outside_nor_in_the_place_of_a_folder(root, key):
    (root / "out").symlink_to("../elsewhere")
    (root / "link").symlink_to("../secret")
    before = everything(root)
    with pytest.raises(BucketError):
        put(root, key)
    assert everything(root) == before


@pytest.mark.parametrize("key", ["inner/file/below", "a" * 256, "pipe"])
def test_what_cannot_be_put_leaves_nothing(root, key):
    os.mkfifo(root / "pipe")
    before = os.listdir(root), os.listdir(root / "inner")
    with pytest.raises(BucketError):
        put(root, key)
    assert (os.listdir(root), os.listdir(root / "inner")) == before


def test_a_folder_that_is_swapped_for_a_link_before_a_put_is_not_followed(root, monkeypatch):
    really = beneath.open_folder

    def swapped(*way, **how):
        (root / "inner" / "file").unlink()
        (root / "inner").rmdir()
        (root / "inner").symlink_to(root.parent / "elsewhere")
        return really(*way, **how)

    monkeypatch.setattr(beneath, "open_folder", swapped)
    with pytest.raises(BucketError):
        put(root, "inner/new")
    assert os.listdir(root.parent / "elsewhere") == ["file"]


def test_a_put_is_durable_before_it_has_its_name(root, monkeypatch):
    done = []
    for name in ("write", "fsync", "rename", "mkdir"):
        really = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *a, name=name, really=really, **k: (done.append(name), really(*a, **k))[1])
    put(root, "new/object")
    assert done == ["mkdir", "fsync", "write", "fsync", "rename", "fsync"]


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN])
@pytest.mark.parametrize("call", ["open", "pread"])
def test_a_mount_that_does_not_answer_is_away(root, monkeypatch, number, call):
    def fails(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fails)
    with pytest.raises(BucketAway, match=f"does not answer: {os.strerror(number)}"):
        read(root, "inner/file")


def test_a_mount_that_is_gone_or_full_takes_nothing_for_a_while(root, monkeypatch):
    with pytest.raises(BucketAway, match="is it mounted"):
        put(root.parent / "not mounted", "object")
    monkeypatch.setattr(os, "write", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
    with pytest.raises(BucketAway, match="No space left"):
        put(root, "object")
    assert os.listdir(root) == ["inner"]


def test_an_object_in_a_folder_has_a_descriptor_and_says_how_it_may_be_adopted(root):
    with FolderBucket(root, "link").open("inner/file") as found:
        assert (os.pread(found.descriptor, 100, 0), found.adopt) == (b"content", "link")
