"""kill -9 of the pid that `serve` printed: no process outlives it, the next start goes on. More is in `tests/kills`."""

import contextlib
import os
import signal
import socket
import time
from pathlib import Path

from tests.e2e.uploading import download, new_store, new_upload, pair, send_parts
from tests.server import RunningServer, lasting_port, start_server, wait_for_read_set


def nothing_listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def begin_ingest(server: RunningServer, sources: dict[str, bytes]) -> tuple[str, str]:
    """A store and a read set of which a worker has just begun to read the files."""
    omics = server.client()
    store_id = new_store(omics)
    upload_id = new_upload(omics, store_id)
    listed = []
    for source, content in sources.items():
        listed += send_parts(omics, store_id, upload_id, [content], source)
    key = {"sequenceStoreId": store_id, "uploadId": upload_id}
    read_set_id = omics.complete_multipart_read_set_upload(**key, parts=listed)["readSetId"]
    deadline = time.monotonic() + 20
    while len(server.processes()) < 3 and time.monotonic() < deadline:
        time.sleep(0.002)
    return store_id, read_set_id


def test_nothing_outlives_a_kill(data_dir: Path) -> None:
    sources = pair(60_000, 150)
    with start_server(data_dir) as server:
        store_id, read_set_id = begin_ingest(server, sources)
        pids = server.processes()
        server.kill()
        time.sleep(1)
        assert len(pids) >= 3
        assert nothing_listens(server.port)
        assert not [pid for pid in pids if alive(pid)]
    with start_server(data_dir) as server:
        omics = server.client()
        assert wait_for_read_set(omics, store_id, read_set_id, 10)["status"] == "ACTIVE"
        assert download(omics, store_id, read_set_id, "SOURCE2") == sources["SOURCE2"]
        assert len(omics.list_read_sets(sequenceStoreId=store_id)["readSets"]) == 1


def test_losing_the_job_engines_database_loses_nothing(data_dir: Path) -> None:
    with start_server(data_dir) as server:
        store_id, read_set_id = begin_ingest(server, pair(60_000, 150))
        server.kill()
    for path in data_dir.glob("jobs.sqlite*"):
        path.unlink()
    with start_server(data_dir) as server:
        assert wait_for_read_set(server.client(), store_id, read_set_id, 20)["status"] == "ACTIVE"


def test_a_stop_leaves_an_ingest_to_the_next_start(data_dir: Path) -> None:
    with start_server(data_dir) as server:
        store_id, read_set_id = begin_ingest(server, pair(60_000, 150))
        clock = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - clock < 15
    with start_server(data_dir) as server:
        assert wait_for_read_set(server.client(), store_id, read_set_id, 20)["status"] == "ACTIVE"


def test_a_killed_worker_is_the_servers_trouble(data_dir: Path) -> None:
    with start_server(data_dir) as server:
        store_id, read_set_id = begin_ingest(server, pair(60_000, 150))
        for pid in server.processes()[2:]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert wait_for_read_set(server.client(), store_id, read_set_id, 30)["status"] == "ACTIVE"


def test_a_restart_on_the_same_port_finds_it_free(data_dir: Path) -> None:
    port = lasting_port()
    with start_server(data_dir, port=port) as server:
        server.kill()
    with start_server(data_dir, port=port) as server:
        assert server.port == port
        assert os.getpid() != server.pid
