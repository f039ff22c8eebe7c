"""References at hand: made once, right or made again, and gone when the reference is."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pysam
import pytest

from strandkeep.blobs import LocalBlobs, OutOfSpace
from strandkeep.catalog import references
from strandkeep.jobs import reference_files
from strandkeep.jobs.reference_files import ReferenceGone, WrongReference, at_hand, recheck, remove_unused
from strandkeep.jobs.running import Superseded
from strandkeep.jobs.sweep import sweep
from tests.formats.bgzf_files import bgzf
from tests.operations.conftest import open_house, root_of, with_settings
from tests.operations.references import fasta, importer

TEXT = fasta(sequences=4, length=5000)
NAMES = ["dictionary.json", "sequence.fa", "sequence.fa.fai"]


@pytest.fixture
def caller(own, tmp_path):
    folder = tmp_path / "runs"
    folder.mkdir()
    return importer(own, folder)


@pytest.fixture
def house(caller):
    return caller.api.house


@pytest.fixture
def reference(caller):
    return caller.reference("ref.fa.gz", bgzf(TEXT))


def folder_of(house, reference):
    return house.settings.data_dir / "references" / reference


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def contents(folder):
    return {path.name: (path.read_bytes(), path.stat().st_ino) for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("key", "stored"), [("ref.fa", TEXT), ("ref.fa.gz", bgzf(TEXT)), ("b.fa.gz", bgzf(TEXT, size=7))]
)
def test_the_sequences_are_at_hand_as_samtools_wants_them(caller, tmp_path, key, stored):
    reference = caller.reference(key, stored)
    found = at_hand(caller.api.house, reference, sequences=True)

    assert names(folder_of(caller.api.house, reference)) == NAMES
    assert found.fasta.read_bytes() == TEXT
    (tmp_path / "x.fa").write_bytes(TEXT)
    pysam.samtools.faidx(str(tmp_path / "x.fa"))
    assert found.fasta.with_name("sequence.fa.fai").read_bytes() == (tmp_path / "x.fa.fai").read_bytes()
    with pysam.FastaFile(str(found.fasta)) as opened:
        known = [[name, opened.get_reference_length(name), opened.fetch(name).upper()] for name in opened.references]
    expected = [[name, length, hashlib.md5(bases.encode()).hexdigest()] for name, length, bases in known]
    assert json.loads(found.dictionary.read_bytes()) == expected


def test_the_dictionary_needs_no_sequences(house, reference):
    found = at_hand(house, reference, sequences=False)
    assert found.fasta is None
    assert names(folder_of(house, reference)) == NAMES[:1]
    assert len(json.loads(found.dictionary.read_bytes())) == 4
    assert at_hand(house, reference, sequences=True).dictionary == found.dictionary


def test_a_dictionary_of_many_sequences_is_written_and_read_in_lots(caller, monkeypatch):
    monkeypatch.setattr(reference_files, "_ROWS", 7)
    monkeypatch.setattr(references, "_ROWS", 7)
    reference = caller.reference("many.fa", fasta(sequences=50, length=3))
    told = json.loads(at_hand(caller.api.house, reference, sequences=False).dictionary.read_bytes())
    assert [name for name, *_ in told] == [f"chr{number}" for number in range(1, 51)]


def test_they_are_made_once(house, reference):
    at_hand(house, reference, sequences=True)
    before = contents(folder_of(house, reference))
    at_hand(house, reference, sequences=True)
    assert contents(folder_of(house, reference)) == before


def test_jobs_at_once_make_them_once(house, reference, monkeypatch):
    made = []
    make = reference_files._Kept.make
    monkeypatch.setattr(reference_files._Kept, "make", lambda kept, name: (made.append(name), make(kept, name)))
    together = threading.Barrier(8)

    def need(_):
        together.wait()
        return at_hand(house, reference, sequences=True).fasta.read_bytes()

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(need, range(8))) == {TEXT}
    assert sorted(made) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_what_is_missing_is_made_again(house, reference, name):
    at_hand(house, reference, sequences=True)
    before = contents(folder_of(house, reference))
    (folder_of(house, reference) / name).unlink()
    at_hand(house, reference, sequences=True)
    after = contents(folder_of(house, reference))
    assert after.pop(name)[0] == before.pop(name)[0]
    assert after == before


@pytest.mark.parametrize("name", NAMES[1:])
@pytest.mark.parametrize("change", [lambda content: content[:-1], lambda content: content + b"x"])
def test_what_has_another_size_is_made_again(house, reference, name, change):
    """Not the dictionary, whose size the catalog does not know."""
    at_hand(house, reference, sequences=True)
    path = folder_of(house, reference) / name
    before = path.read_bytes()
    path.write_bytes(change(before))
    at_hand(house, reference, sequences=True)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", NAMES)
def test_recheck_finds_changed_bytes_and_the_next_use_mends_them(house, reference, name):
    at_hand(house, reference, sequences=True)
    assert recheck(house, reference)
    path = folder_of(house, reference) / name
    before = path.read_bytes()
    path.write_bytes(before[:10] + b"?" + before[11:])

    assert not recheck(house, reference)
    assert not path.exists()
    at_hand(house, reference, sequences=True)
    assert path.read_bytes() == before
    assert recheck(house, reference)


def test_recheck_of_what_is_not_at_hand_finds_nothing_wrong(house, reference):
    at_hand(house, reference, sequences=False)
    assert recheck(house, reference)


@pytest.mark.parametrize("name", NAMES)
def test_a_kill_leaves_nothing_that_is_taken_for_the_file(house, reference, name):
    """What stands when the process dies while it writes, or before it renames: the beginning, under another name."""
    folder = folder_of(house, reference)
    folder.mkdir(parents=True)
    (folder / f"{name}.part").write_bytes(b"the beginning of something")
    found = at_hand(house, reference, sequences=True)
    assert found.fasta.read_bytes() == TEXT
    assert names(folder) == NAMES


KILLED = """
import os, signal, sys
from pathlib import Path
from strandkeep.blobs import LocalBlobs
from strandkeep.jobs.reference_files import at_hand
from tests.operations.conftest import open_house

data, reference, left = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
fsync, rename = os.fsync, Path.rename

def counted(act):
    def wrapped(*arguments):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return act(*arguments)
    return wrapped

house = open_house(f"sqlite:///{data}/catalog.sqlite", data, LocalBlobs(data, 0))
os.fsync, Path.rename = counted(fsync), counted(rename)
at_hand(house, reference, sequences=True)
"""


def test_a_process_killed_anywhere_leaves_nothing_wrong(tmp_path):
    """Killed at each fsync and each rename; whatever was left, the next one has what it needs."""
    data, runs = tmp_path / "data", tmp_path / "runs"
    data.mkdir()
    runs.mkdir()
    house = open_house(f"sqlite:///{data}/catalog.sqlite", data, LocalBlobs(data, 0))
    reference = importer(root_of(house), runs).reference("ref.fa.gz", bgzf(TEXT))
    deaths = 0
    while (ended := run_killed(data, reference, deaths + 1)).returncode:
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        deaths += 1
        assert at_hand(house, reference, sequences=True).fasta.read_bytes() == TEXT
        assert recheck(house, reference)
        assert names(folder_of(house, reference)) == NAMES
        shutil.rmtree(folder_of(house, reference))
    assert deaths >= 2 * len(NAMES)


def run_killed(data, reference, time):
    """A process that needs a reference, and is killed at its `time`th fsync or rename."""
    command = [sys.executable, "-c", KILLED, str(data), reference, str(time)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_a_reference_that_is_not_there_is_said_so(house):
    with pytest.raises(ReferenceGone, match="1234567890123456"):
        at_hand(house, "1234567890123456", sequences=True)


def test_the_files_of_a_deleted_reference_go_and_others_stay(caller, house, reference):
    other = caller.reference("other.fa", TEXT)
    for one in (reference, other):
        at_hand(house, one, sequences=True)
    caller.delete(reference)
    with pytest.raises(ReferenceGone):
        at_hand(house, reference, sequences=True)

    sweep(house)
    assert not folder_of(house, reference).exists()
    assert names(folder_of(house, other)) == NAMES


def test_the_sweep_removes_what_a_killed_server_left_unfinished(house, reference):
    at_hand(house, reference, sequences=False)
    (folder_of(house, reference) / "sequence.fa.part").write_bytes(b"the beginning")
    remove_unused(house)
    assert names(folder_of(house, reference)) == NAMES[:1]


def test_the_sweep_waits_for_nobody_who_makes_files(caller, house, reference):
    at_hand(house, reference, sequences=False)
    caller.delete(reference)
    with reference_files._alone(house):
        remove_unused(house)
    assert folder_of(house, reference).exists()
    remove_unused(house)
    assert not folder_of(house, reference).exists()


def test_the_sweep_of_a_house_without_references_finds_nothing(house):
    remove_unused(house)


def test_room_is_kept_free(caller, reference):
    """As much as there is now: there is room for the rows of a dictionary, and none for a copy of the sequences."""
    house = caller.api.house
    free = os.statvfs(house.settings.data_dir)
    full = with_settings(caller.api, min_free=free.f_bavail * free.f_frsize + (1 << 40)).house
    with pytest.raises(OutOfSpace):
        at_hand(full, reference, sequences=True)
    assert names(folder_of(house, reference).parent) == ["lock"]


def test_a_server_that_stops_need_not_wait(house, reference):
    house.stopping.set()
    with pytest.raises(Superseded):
        at_hand(house, reference, sequences=True)
    assert names(folder_of(house, reference)) == []


def test_bytes_that_are_not_those_that_were_imported_are_not_used(caller, house, reference, monkeypatch):
    monkeypatch.setattr(reference_files, "_decompressed", lambda stored: iter([TEXT.replace(b"A", b"C")]))
    with pytest.raises(WrongReference, match=reference):
        at_hand(house, reference, sequences=True)
    assert names(folder_of(house, reference)) == NAMES[:1]
