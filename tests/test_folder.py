"""The data folder: one server at a time."""

import os
import stat
import subprocess
import sys
import textwrap

import pytest

from strandkeep.durable import make_folders, put_durably
from strandkeep.folder import DataFolder, FolderInUse


@pytest.fixture
def folder(tmp_path):
    made = DataFolder(tmp_path / "data")
    made.prepare()
    return made


def in_another_process(path, code):
    """A process that holds the folder and tells so; it ends with its standard input."""
    script = f"""
        import sys
        from pathlib import Path
        from strandkeep.folder import DataFolder
        folder = DataFolder(Path({str(path)!r}))
        folder.hold({{"pid": 4711, "url": "http://here:1"}})
        print("held", flush=True)
        {code}
    """
    pipe = subprocess.PIPE
    environment = {**os.environ, "PYTHONPATH": "src"}
    command = [sys.executable, "-c", textwrap.dedent(script)]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)


def test_prepare_makes_the_folder_for_its_owner_alone_and_may_be_repeated(folder):
    folder.prepare()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_prepare_makes_the_folders_above_it(tmp_path):
    DataFolder(tmp_path / "a" / "b" / "c").prepare()
    assert (tmp_path / "a" / "b" / "c").is_dir()


def test_a_folder_that_nobody_holds_is_free(folder):
    assert folder.holder() == {}
    folder.check_free()
    folder.check_free()


def test_the_holder_is_noted_and_replaces_a_longer_note(folder):
    (folder.path / "lock").write_text("x" * 500)
    folder.hold({"pid": 1, "url": "u"})
    assert folder.holder() == {"pid": 1, "url": "u"}
    assert DataFolder(folder.path).holder() == {"pid": 1, "url": "u"}


def test_a_folder_that_another_process_holds_is_in_use_and_the_message_names_the_holder(folder):
    with in_another_process(folder.path, "sys.stdin.read()") as holder:
        holder.stdout.readline()
        for attempt in (folder.check_free, lambda: folder.hold({"pid": 2})):
            with pytest.raises(FolderInUse, match="pid 4711 at http://here:1"):
                attempt()
        assert folder.holder()["pid"] == 4711
        holder.stdin.close()
    folder.check_free()


def test_a_folder_whose_holder_was_killed_is_free_at_once(folder):
    with in_another_process(folder.path, "sys.stdin.read()") as holder:
        holder.stdout.readline()
        holder.kill()
        holder.wait()
        folder.check_free()
    folder.hold({"pid": 2, "url": "u"})
    assert folder.holder()["pid"] == 2


@pytest.mark.parametrize("take", [DataFolder.check_free, lambda folder: folder.hold({"pid": 2, "url": "u"})])
def test_a_holder_that_is_just_ending_is_waited_for_a_little(folder, take):
    with in_another_process(folder.path, "sys.stdin.readline(); import time; time.sleep(0.5)") as holder:
        holder.stdout.readline()
        holder.stdin.write("end\n")
        holder.stdin.flush()
        take(folder)


def test_a_second_hold_in_the_same_process_is_in_use_too(folder):
    folder.hold({"pid": 1, "url": "u"})
    with pytest.raises(FolderInUse):
        DataFolder(folder.path).check_free()


# Durable files


def test_put_durably_replaces_whole_content_and_leaves_no_temporary(tmp_path):
    for content in (b"first, and longer", b"second", b""):
        put_durably(tmp_path / "new", tmp_path / "file", content)
        assert (tmp_path / "file").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_put_durably_that_fails_leaves_what_was_there(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(TypeError):
        put_durably(tmp_path / "new", tmp_path / "file", "not bytes")
    with pytest.raises(FileNotFoundError):
        put_durably(tmp_path / "new", tmp_path / "no folder" / "file", b"x")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"file": b"old"}


def test_every_folder_that_make_folders_makes_is_synced_into_the_one_above(tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync

    def noted(descriptor):
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    make_folders([tmp_path / "a" / "b" / "c", tmp_path / "d"])
    make_folders([tmp_path / "a" / "b"])
    monkeypatch.undo()

    assert set(synced) == {str(tmp_path), str(tmp_path / "a"), str(tmp_path / "a" / "b")}
    made = [tmp_path / "a", tmp_path / "a" / "b", tmp_path / "a" / "b" / "c", tmp_path / "d"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o700}
