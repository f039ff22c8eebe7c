"""Verification by the real server and the real command: what is damaged is found, wherever it is."""

import json
import os
import pty
import random
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.rows import rows
from tests.e2e.test_damage import flip
from tests.e2e.uploading import MIB, fastq, gz, new_store, new_upload, send_parts, upload
from tests.postgres import new_database
from tests.server import STRANDKEEP, RunningServer, command_environment, start_server, wait_for_read_set

SOURCES = {"SOURCE1": gz(fastq(12_000, 150, 1)), "SOURCE2": gz(fastq(12_000, 150, 2))}


def blob_path(server: RunningServer, name: str) -> Path:
    return server.data_dir / "blobs" / name[:3] / name


def new_read_set(server: RunningServer, store: str, part_size: int = MIB) -> str:
    omics = server.client()
    read_set = upload(omics, store, SOURCES, part_size)
    assert wait_for_read_set(omics, store, read_set)["status"] == "ACTIVE"
    return read_set


def segments(server: RunningServer, read_set: str) -> list[dict[str, Any]]:
    return rows(server.data_dir, "SELECT * FROM segment WHERE holder_id = ?", read_set)


def wait_for(strandkeep: Any, verification: str, until: Any = lambda found: False, seconds: float = 60) -> Any:
    """A verification once it has ended, or as soon as `until` says so."""
    deadline = time.monotonic() + seconds
    while True:
        found = strandkeep.get_verification(id=verification)
        if found["status"] in ("COMPLETED", "CANCELLED") or until(found):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def findings(strandkeep: Any, verification: str) -> list[dict[str, Any]]:
    pages = strandkeep.get_paginator("list_verification_findings").paginate(
        id=verification, PaginationConfig={"PageSize": 7}
    )
    return [finding for page in pages for finding in page["findings"]]


def command(server: RunningServer, *arguments: str, environment: Mapping[str, str] | None = None) -> Any:
    """`strandkeep verify`, ended."""
    whole = [*STRANDKEEP, "verify", "--data-dir", str(server.data_dir), *arguments]
    environment = command_environment(server.settings) | dict(environment or {})
    return subprocess.run(whole, env=environment, capture_output=True, text=True, timeout=120)


def damage_some(server: RunningServer, chance: random.Random, names: list[str], count: int) -> dict[str, str]:
    """Damage blobs, each in one of the ways in which a disk does: name → what the report has to say."""
    expected = {}
    for number, name in enumerate(chance.sample(names, count)):
        path = blob_path(server, name)
        size = path.stat().st_size
        if number % 3 == 0:
            flip(chance.randrange(size))(path)
        elif number % 3 == 1:
            os.truncate(path, chance.randrange(size))
        else:
            path.unlink()
        expected[name] = ("BLOCK_DIFFERS", "CUT_SHORT", "MISSING")[number % 3]
    return expected


def test_all_damage_is_found_and_told_by_read_set_and_source(data_dir: Path) -> None:
    with start_server(data_dir) as server:
        store = new_store(server.client())
        sets = [new_read_set(server, store, 100_000) for _ in range(2)]
        where = {row["blob"]: row for read_set in sets for row in segments(server, read_set)}
        expected = damage_some(server, random.Random(1), sorted(where), 30)

        strandkeep = server.client("strandkeep")
        verification = strandkeep.start_verification()["id"]
        done = wait_for(strandkeep, verification)

        assert (done["status"], done["blobsDone"], done["findingCount"]) == ("COMPLETED", len(where), 30)
        found = findings(strandkeep, verification)
        assert {f["blob"]: f["damage"] for f in found} == expected
        for finding in found:
            row = where[finding["blob"]]
            assert (finding["readSetId"], finding["source"]) == (row["holder_id"], row["source"])
            assert row["start"] <= finding["offset"] < row["start"] + row["length"]
        order = [(f["readSetId"], f["source"]) for f in found]
        assert order == sorted(order)
        for read_set in sets:
            told = server.client().get_read_set_metadata(sequenceStoreId=store, id=read_set)["statusMessage"]
            assert "is damaged" in told
        sound = rows(data_dir, "SELECT name FROM blob WHERE verified IS NOT NULL")
        assert {row["name"] for row in sound} == set(where) - set(expected)


def test_what_is_sound_is_reported_as_sound(server: RunningServer) -> None:
    store = new_store(server.client())
    new_read_set(server, store)
    done = command(server, "--store", store)
    assert (done.returncode, done.stdout.split(":")[0]) == (0, "Sound"), done.stderr
    assert "bytes" in done.stderr or "MiB" in done.stderr
    report = json.loads(command(server, "--store", store, "--json").stdout)
    assert (report["status"], report["findings"], report["blobsDone"]) == ("COMPLETED", [], report["blobsTotal"])
    size = sum(map(len, SOURCES.values()))
    assert report["bytesDone"] == size


def test_the_command_reports_damage_in_words_and_by_its_status(server: RunningServer) -> None:
    omics = server.client()
    store = new_store(omics)
    read_set = new_read_set(server, store)
    part = new_upload(omics, store)
    send_parts(omics, store, part, [b"first", b"second"])
    first = next(row for row in segments(server, read_set) if row["source"] == "SOURCE2" and row["start"] == MIB)
    second = rows(server.data_dir, "SELECT blob FROM part WHERE upload_id = ? AND number = 2", part)[0]["blob"]
    flip(17)(blob_path(server, first["blob"]))
    blob_path(server, second).unlink()

    done = command(server, "--store", store)

    assert done.returncode == 1, done.stderr
    assert f"Read set {read_set} of sequence store {store}\n" in done.stdout
    assert f"SOURCE2  from byte 1,048,576  block 0 differs  blob {first['blob']}" in done.stdout
    assert f"Open upload {part} of sequence store {store}\n" in done.stdout
    assert f"SOURCE1 part 2  from byte 0  missing  blob {second}" in done.stdout
    assert "Damaged: 2 of" in done.stdout
    again = json.loads(command(server, "--store", store, "--json").stdout)
    assert sorted(f["damage"] for f in again["findings"]) == ["BLOCK_DIFFERS", "MISSING"]
    shown = command(server, "--id", again["id"])
    assert (shown.returncode, again["id"] in shown.stdout) == (1, True)
    assert command(server, "--store", store, "--read-set", read_set, "--json").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--store", "1234567890123456"], "does not exist"),
        (["--read-set", "1234567890123456"], "--read-set needs --store"),
        (["--rate", "fast"], "such as 1048576, 64M or 1G"),
        (["--rate", "1"], "1048576"),
        (["--id", "1234567890123456"], "does not exist"),
        (["--sample", "some"], "--sample"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_the_command_tells_what_it_cannot_find_out(server: RunningServer, arguments: list[str], reason: str) -> None:
    done = command(server, *arguments)
    assert done.returncode == 2
    assert reason in done.stderr + done.stdout


def test_the_command_tells_that_no_server_runs(data_dir: Path) -> None:
    nowhere = {"AWS_ENDPOINT_URL_STRANDKEEP": "http://127.0.0.1:9", "AWS_DEFAULT_REGION": "us-east-1"}
    keys = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_MAX_ATTEMPTS": "1"}
    whole = [*STRANDKEEP, "verify", "--data-dir", str(data_dir)]
    for environment, reason in (({}, "never served from"), ({**nowhere, **keys}, "127.0.0.1:9")):
        done = subprocess.run(whole, env=command_environment({}) | environment, capture_output=True, text=True)
        assert (done.returncode, reason in done.stderr) == (2, True), done.stderr


def test_on_a_terminal_a_bar_shows_how_far_it_is(server: RunningServer) -> None:
    store = new_store(server.client())
    new_read_set(server, store)
    ours, theirs = pty.openpty()
    whole = [*STRANDKEEP, "verify", "--data-dir", str(server.data_dir), "--store", store, "--rate", "1M"]
    environment = command_environment({}) | {"TERM": "xterm", "COLUMNS": "80"}
    process = subprocess.Popen(whole, env=environment, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            seen += os.read(ours, 65536)
        except OSError:
            break
    assert process.wait(timeout=60) == 0
    assert "Verifying" in seen.decode()
    assert " MiB" in seen.decode()
    assert "each as it came" in seen.decode()


def test_the_pace_is_kept_progress_is_seen_and_an_ingest_does_not_wait_behind_it(data_dir: Path) -> None:
    with start_server(data_dir, ingest_workers="1") as server:
        omics, strandkeep = server.client(), server.client("strandkeep")
        store = new_store(omics)
        send_parts(omics, store, new_upload(omics, store), [os.urandom(3 * MIB)] * 6)
        rate = 3 * MIB
        verification = strandkeep.start_verification(bytesPerSecond=rate)["id"]
        wait_for(strandkeep, verification, lambda found: found["status"] == "IN_PROGRESS")
        seen: list[int] = []
        thread = threading.Thread(
            target=wait_for,
            args=(server.client("strandkeep"), verification, lambda found: seen.append(found.get("bytesDone", 0))),
        )
        thread.start()
        read_set = upload(omics, store, SOURCES)
        assert wait_for_read_set(omics, store, read_set)["status"] == "ACTIVE"
        assert strandkeep.get_verification(id=verification)["status"] == "IN_PROGRESS"
        second = strandkeep.start_verification(sequenceStoreId=store)["id"]
        assert strandkeep.get_verification(id=second)["status"] == "SUBMITTED"
        done = wait_for(strandkeep, verification)
        thread.join()
        seconds = (done["completionTime"] - done["startTime"]).total_seconds()
        assert done["bytesDone"] == 18 * MIB
        # No faster than asked for; slower only as far as the machine is busy.
        assert 0.3 * rate <= done["bytesDone"] / seconds <= 1.1 * rate
        assert len({value for value in seen if 0 < value < 18 * MIB}) >= 3
        assert seen == sorted(seen)
        assert wait_for(strandkeep, second)["status"] == "COMPLETED"


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_after_a_kill_it_goes_on_from_where_it_was(
    data_dir: Path, database: str, request: pytest.FixtureRequest
) -> None:
    settings = {}
    if database == "postgresql":
        settings["database_url"] = new_database(request.getfixturevalue("postgres"))
    with start_server(data_dir, **settings) as server:
        omics, strandkeep = server.client(), server.client("strandkeep")
        store = new_store(omics)
        send_parts(omics, store, new_upload(omics, store), [os.urandom(MIB)] * 16)
        missing = sorted(path for path in (data_dir / "blobs").rglob("*") if path.is_file())[1]
        missing.unlink()
        verification = strandkeep.start_verification(bytesPerSecond=2 * MIB)["id"]
        wait_for(strandkeep, verification, lambda found: found.get("blobsDone", 0) >= 5)
        server.kill()
    # What had been verified before the kill is not read again: else this would be found.
    blobs = sorted(path for path in (data_dir / "blobs").rglob("*") if path.is_file())
    blobs[0].unlink()
    blobs[-1].unlink()
    with start_server(data_dir, **settings) as server:
        strandkeep = server.client("strandkeep")
        done = wait_for(strandkeep, verification)
        assert done["status"] == "COMPLETED"
        assert (done["blobsDone"], done["bytesDone"]) == (16, 16 * MIB)
        assert {f["blob"] for f in findings(strandkeep, verification)} == {missing.name, blobs[-1].name}


def test_a_stop_does_not_wait_for_a_verification(data_dir: Path) -> None:
    with start_server(data_dir) as server:
        omics, strandkeep = server.client(), server.client("strandkeep")
        store = new_store(omics)
        send_parts(omics, store, new_upload(omics, store), [os.urandom(30 * MIB)])
        verification = strandkeep.start_verification(bytesPerSecond=MIB)["id"]
        wait_for(strandkeep, verification, lambda found: found.get("bytesDone", 0) > 0)
        clock = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - clock < 10


def test_a_verification_that_is_cancelled_stops_reading(data_dir: Path) -> None:
    with start_server(data_dir) as server:
        omics, strandkeep = server.client(), server.client("strandkeep")
        store = new_store(omics)
        send_parts(omics, store, new_upload(omics, store), [os.urandom(30 * MIB)])
        verification = strandkeep.start_verification(bytesPerSecond=MIB)["id"]
        wait_for(strandkeep, verification, lambda found: found.get("bytesDone", 0) > 0)
        strandkeep.cancel_verification(id=verification)
        assert strandkeep.get_verification(id=verification)["status"] == "CANCELLED"
        # The next one does not wait for the thirty seconds that it would have taken.
        after = strandkeep.start_verification(bytesPerSecond=100 * MIB)["id"]
        assert wait_for(strandkeep, after, seconds=15)["status"] == "COMPLETED"


@contextmanager
def older(data_dir: Path, days: int) -> Iterator[None]:
    """While no server runs: everything came so many days earlier."""
    import sqlite3

    connection = sqlite3.connect(data_dir / "catalog.sqlite")
    with connection:
        for table in ("account", "blob"):
            connection.execute(f"UPDATE {table} SET created = created - ?", (days * 86_400 * 1_000_000,))
    connection.close()
    yield


def test_by_itself_it_verifies_what_nobody_has_verified_for_too_long(data_dir: Path) -> None:
    with start_server(data_dir) as server:
        store = new_store(server.client())
        read_set = new_read_set(server, store)
        blob_path(server, segments(server, read_set)[0]["blob"]).unlink()
        assert server.client("strandkeep").list_verifications()["verifications"] == []
        server.stop()
    with older(data_dir, 31), start_server(data_dir) as server:
        strandkeep = server.client("strandkeep")
        deadline = time.monotonic() + 30
        while not (listed := strandkeep.list_verifications()["verifications"]):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        [scheduled] = listed
        assert (scheduled["startedBy"], scheduled["unverifiedDays"]) == ("SCHEDULE", 30)
        assert wait_for(strandkeep, scheduled["id"])["findingCount"] == 1
        assert findings(strandkeep, scheduled["id"])[0]["readSetId"] == read_set
