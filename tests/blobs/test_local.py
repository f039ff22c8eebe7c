"""What holds for blobs in a local folder alone: temporaries, durable names, a full disk."""

import asyncio
import errno
import os
import resource
import stat
import subprocess
import sys
import textwrap
from contextlib import contextmanager

import pytest

from strandkeep.blobs import DamagedBlob, LocalBlobs, OutOfSpace, block_reader
from strandkeep.blobs._files import read_files
from strandkeep.domain.damage import Damage, Finding
from tests.faults.disk import BROKEN, failing_disk

MIB = 1024 * 1024


async def body(content, chunk=65_536):
    for at in range(0, len(content), chunk):
        yield content[at : at + chunk]


def files(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file() and path.name != "lock")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data"


@contextmanager
def opened(root, min_free=0):
    blobs = LocalBlobs(root, min_free)
    yield blobs
    blobs.close()


def test_a_blob_lies_in_the_folder_of_its_first_three_digits_for_its_owner_alone(root):
    with opened(root) as blobs:
        blob = asyncio.run(blobs.put(body(b"bytes"), 5))
        path = root / "blobs" / blob.name[:3] / blob.name
        assert path.read_bytes() == b"bytes"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_rule_10_all_shard_folders_are_made_at_the_first_start(root):
    with opened(root):
        assert len(list((root / "blobs").iterdir())) == 4096


def test_rule_10_a_blob_is_synced_before_it_has_its_name_and_its_folder_after(root, monkeypatch):
    """Law 1, and rule 10: nothing counts that a power failure could take back."""
    calls = []
    fsync, rename = os.fsync, os.rename

    def noted_fsync(descriptor):
        calls.append(("fsync", os.readlink(f"/proc/self/fd/{descriptor}")))
        fsync(descriptor)

    with opened(root) as blobs:
        monkeypatch.setattr(os, "fsync", noted_fsync)
        monkeypatch.setattr(os, "rename", lambda a, b, **k: (calls.append(("rename", str(b))), rename(a, b, **k)))
        blob = asyncio.run(blobs.put(body(b"bytes"), 5))
        blobs.put_manifest("m.json", b"{}")
        monkeypatch.undo()

    shard = root / "blobs" / blob.name[:3]
    assert [(what, os.path.basename(where)) for what, where in calls[:3]] == [
        ("fsync", blob.name),
        ("rename", blob.name),
        ("fsync", shard.name),
    ]
    assert [what for what, _ in calls[3:]] == ["fsync", "rename", "fsync"]
    assert calls[5][1] == str(root / "manifests")


def test_a_read_that_brings_less_than_was_asked_for_is_no_damage(root, monkeypatch):
    """One call may bring some of the bytes, and the next the rest, or the disk's error: neither is a changed byte."""
    pread, broken = os.pread, []

    def short(descriptor, length, at):
        if broken and at > 10:
            raise OSError(errno.EIO, "input/output error")
        return pread(descriptor, min(length, 11), at)

    with opened(root) as blobs:
        blob = asyncio.run(blobs.put(body(b"twenty-four bytes of it."), 24))
        monkeypatch.setattr(os, "pread", short)
        assert b"".join(blobs.read([blob.span(0, 24)])) == b"twenty-four bytes of it."
        broken.append(True)
        with pytest.raises(OSError, match="input/output"):
            list(blobs.read([blob.span(0, 24)]))


def test_small_blobs_that_are_not_all_read_at_once_are_read_all_the_same(root, monkeypatch):
    def only_two(folder, paths, lengths):
        return read_files(folder, paths[:2], lengths[:2])

    with opened(root) as blobs:
        stored = [asyncio.run(blobs.put(body(bytes([n]) * 100), 100)) for n in range(5)]
        monkeypatch.setattr(block_reader, "read_files", only_two)
        read = b"".join(blobs.read([blob.span(0, 100) for blob in stored]))
    assert read == b"".join(bytes([n]) * 100 for n in range(5))


@pytest.mark.parametrize(
    ("change", "damage", "block"),
    [
        (lambda file: file.unlink(), Damage.MISSING, None),
        (lambda file: file.write_bytes(bytes(99)), Damage.CUT_SHORT, 0),
        (lambda file: file.write_bytes(bytes(99) + b"x"), Damage.BLOCK_DIFFERS, 0),
    ],
)
def test_of_small_blobs_the_damaged_one_is_found_and_those_before_it_are_handed_out(root, change, damage, block):
    got = []
    with opened(root) as blobs:
        stored = [asyncio.run(blobs.put(body(bytes(100)), 100)) for _ in range(5)]
        name = stored[3].name
        change(root / "blobs" / name[:3] / name)
        with pytest.raises(DamagedBlob) as damaged:
            got.extend(blobs.read([blob.span(0, 100) for blob in stored]))
    assert damaged.value.finding == Finding(name, damage, block)
    assert b"".join(got) == bytes(300)


def test_rule_10_temporaries_of_a_dead_run_are_cleaned_and_those_of_a_live_one_left_alone(root):
    """Rule 10."""
    script = f"""
        import os
        from pathlib import Path
        from strandkeep.blobs import LocalBlobs
        blobs = LocalBlobs(Path({str(root)!r}), 0)
        blobs._scratch.path("half").write_bytes(b"half a part")
        os._exit(1)
    """
    with opened(root) as live:
        live._scratch.path("mine").write_bytes(b"of a live run")
        subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False, env=_environment())
        assert files(root / "tmp") == ["half", "mine"]
        with opened(root):
            assert files(root / "tmp") == ["mine"]


def test_what_a_cleaning_that_was_killed_left_is_cleaned_by_the_next_start(root):
    """Its lock went first, and files without one are nobody's."""
    with opened(root):
        pass
    (root / "tmp" / "dead").mkdir()
    (root / "tmp" / "dead" / "half").write_bytes(b"half a part")
    (root / "tmp" / "empty").mkdir()
    (root / "tmp" / "someone's").write_bytes(b"not ours to remove")
    with opened(root):
        assert files(root / "tmp") == ["someone's"]


def test_closing_leaves_no_temporaries(root):
    with opened(root) as blobs:
        asyncio.run(blobs.put(body(b"bytes"), 5))
    assert list((root / "tmp").iterdir()) == []


def test_a_reader_that_goes_away_leaves_no_file_open(root):
    """Whether it stops between chunks or is cancelled while a thread reads."""

    def open_blobs():
        links = (f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd"))
        return [link for link in links if os.path.exists(link) and f"{root}/blobs/" in os.readlink(link)]

    async def stopped_after(spans, turns):
        chunks = blobs.stream(spans)
        assert await anext(chunks)
        following = asyncio.ensure_future(anext(chunks))
        for _ in range(turns):
            await asyncio.sleep(0)
        following.cancel()
        await asyncio.wait([following])
        await chunks.aclose()
        return open_blobs()

    with opened(root) as blobs:
        large = asyncio.run(blobs.put(body(bytes(3 * MIB)), 3 * MIB))
        small = asyncio.run(blobs.put(body(bytes(1000)), 1000))
        for spans in ([large.span(0, 3 * MIB)], [small.span(0, 1000)] * 1000):
            for turns in range(6):
                assert asyncio.run(stopped_after(spans, turns)) == []


def test_rule_10_check_room_refuses_what_would_leave_less_than_min_free(root):
    free = 1 << 62
    with opened(root, min_free=free) as blobs, pytest.raises(OutOfSpace, match="would stay free"):
        blobs.check_room(1)
    with opened(root) as blobs:
        with pytest.raises(OutOfSpace):
            blobs.check_room(free)
        found = os.statvfs(root)
        blobs.check_room(found.f_bavail * found.f_frsize // 2)


@pytest.mark.parametrize("call", ["writev", "fsync", "rename"])
def test_a_blob_whose_disk_fails_at_any_step_leaves_nothing(root, call):
    with opened(root) as blobs, failing_disk(root) as disk:
        disk.fail(BROKEN, 1, which=(call,))
        with pytest.raises(OSError, match="Input/output"):
            blobs.write([b"bytes"])
        assert files(root) == disk.open_files() == disk.synced_again == []


@pytest.mark.parametrize("chunk", [4096, 65_536, MIB])
def test_rule_10_a_full_disk_is_out_of_space_and_leaves_nothing(tmp_path, chunk):
    """Rule 10: a failed write is undone, answered, and the next part can come."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() == 0 and _mount(folder):
        try:
            _fill(folder / "data", 6 * MIB, chunk)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)
    else:
        _in_child_with_small_files(folder / "data", chunk)


def _fill(root, size, chunk):
    with opened(root) as blobs:
        with pytest.raises(OutOfSpace):
            asyncio.run(blobs.put(body(bytes(size), chunk), size))
        assert files(root) == []
        with pytest.raises(OutOfSpace):
            blobs.write(bytes(chunk) for _ in range(0, size, chunk))
        assert files(root) == []
        blob = asyncio.run(blobs.put(body(bytes(MIB), chunk), MIB))
        assert files(root) == [blob.name]
        with pytest.raises((OutOfSpace, OSError)):
            blobs.put_manifest("m.json", bytes(size))
        assert files(root) == [blob.name]


def _mount(folder):
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,nr_inodes=10000", "tmpfs", folder], check=False)
    return made.returncode == 0


def _in_child_with_small_files(root, chunk):
    """Without the right to mount: no file of the process may grow beyond 4 MiB."""
    script = f"""
        import signal
        from pathlib import Path
        from tests.blobs.test_local import _fill
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        _fill(Path({str(root)!r}), {6 * MIB}, {chunk})
    """
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        check=True,
        env=_environment(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4 * MIB, 4 * MIB)),
    )


def test_a_file_size_limit_is_out_of_space_too(tmp_path):
    _in_child_with_small_files(tmp_path / "data", MIB)


def _environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(["src", "."])}
