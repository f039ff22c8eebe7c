"""What an operator sees of a running server: metrics, and the log."""

import contextlib
import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.uploading import fastq, gz, new_store, new_upload, send_parts, upload
from tests.e2e.wire import Wire
from tests.server import RunningServer, start_server, wait_for_read_set

MARK = "PATIENT-4711"


@dataclass(frozen=True)
class Watched:
    """A server, and the file that its stderr goes to."""

    server: RunningServer
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        """The log: every line of it is a JSON object."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def lines_about(self, seconds: float = 20, **facts: Any) -> list[dict[str, Any]]:
        """The lines with these facts, once there are any."""
        deadline = time.monotonic() + seconds
        while True:
            found = [line for line in self.lines() if facts.items() <= line.items()]
            if found or time.monotonic() > deadline:
                return found
            time.sleep(0.05)

    def metrics(self) -> dict[tuple[str, ...], float]:
        """(name, labels…) → value."""
        with urlopen(f"{self.server.url}/metrics") as answer:
            assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
            families = text_string_to_metric_families(answer.read().decode())
            return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}

    def wait_for(self, key: tuple[str, ...], value: float, seconds: float = 20) -> None:
        """Until a metric has come to a value."""
        deadline = time.monotonic() + seconds
        while (found := self.metrics().get(key, 0)) < value and time.monotonic() < deadline:
            time.sleep(0.1)
        assert found >= value


@contextlib.contextmanager
def watched_server(folder: Path, **settings: str) -> Iterator[Watched]:
    log = folder / "log"
    with log.open("w") as file, contextlib.redirect_stderr(file), start_server(folder / "data", **settings) as server:
        yield Watched(server, log)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watched_server(tmp_path_factory.mktemp("watched"), sweep_interval_s="1", log_level="info") as found:
        yield found


@pytest.fixture
def omics(watched: Watched) -> Any:
    return watched.server.client()


def lose_bytes(server: RunningServer) -> None:
    """Remove the bytes of every blob, as a disk may."""
    for blob in (server.data_dir / "blobs").glob("*/*"):
        blob.unlink()


def damaged_read_set(watched: Watched, omics: Any) -> dict[str, Any]:
    """The key of a read set whose bytes are gone."""
    store_id = new_store(omics)
    read_set_id = upload(omics, store_id, {"SOURCE1": gz(fastq(10))})
    assert wait_for_read_set(omics, store_id, read_set_id)["status"] == "ACTIVE"
    lose_bytes(watched.server)
    return {"sequenceStoreId": store_id, "id": read_set_id, "partNumber": 1}


def test_metrics_count_calls_by_operation_and_outcome(watched: Watched, omics: Any) -> None:
    before = watched.metrics()
    content = gz(fastq(50))
    store_id = new_store(omics)
    read_set_id = upload(omics, store_id, {"SOURCE1": content})
    wait_for_read_set(omics, store_id, read_set_id)
    for _ in range(3):
        omics.get_read_set(sequenceStoreId=store_id, id=read_set_id, partNumber=1)["payload"].read()
    with pytest.raises(ClientError):
        omics.get_sequence_store(id="1234567890123456")
    wire = Wire(watched.server)
    for method, path in (("GET", "/nothing"), ("PUT", "/else"), ("GET", "/strandkeep/v1/x")):
        wire.call(method, path)
        wire.send(method, path, {})
    after = watched.metrics()

    def grown(*key: str) -> float:
        return after[key] - before.get(key, 0)

    calls = "strandkeep_requests_total"
    assert grown(calls, "omics:UploadReadSetPart", "ok") == 1
    assert grown(calls, "omics:GetReadSet", "ok") == 3
    assert grown(calls, "omics:GetSequenceStore", "ResourceNotFoundException") == 1
    assert grown(calls, "omics:Unknown", "UnknownOperationException") == 3
    assert grown(calls, "omics:Unknown", "MissingAuthenticationTokenException") == 3
    assert grown("strandkeep_request_seconds_count", "omics:GetReadSet") == 3
    assert 0 < grown("strandkeep_request_seconds_sum", "omics:GetReadSet") < 60
    assert len(content) < grown("strandkeep_received_bytes_total") < len(content) + 5_000
    assert 3 * len(content) < grown("strandkeep_sent_bytes_total") < 3 * len(content) + 30_000
    assert grown("strandkeep_jobs_total", "ingest", "completed") == 1
    assert grown("strandkeep_job_seconds_count", "ingest") == 1
    assert grown("strandkeep_commit_seconds_count") >= 8
    assert grown("strandkeep_commit_transactions_sum") >= grown("strandkeep_commit_transactions_count")
    assert after["strandkeep_requests_in_flight",] == 0
    assert after["strandkeep_jobs_unfinished", "SUBMITTED"] == after["strandkeep_oldest_waiting_job_seconds",] == 0
    assert after["strandkeep_free_bytes",] > 0
    assert after["process_open_fds",] > 0


def test_metrics_tell_of_nobody(watched: Watched, omics: Any) -> None:
    store_id = new_store(omics, description=MARK)
    new_upload(omics, store_id, subjectId=MARK, sampleId=MARK, name=MARK)
    with urlopen(f"{watched.server.url}/metrics") as answer:
        text = answer.read().decode()
    account = omics.get_sequence_store(id=store_id)["arn"].split(":")[4]
    for secret in (store_id, account, MARK, watched.server.environment["AWS_ACCESS_KEY_ID"]):
        assert secret not in text


def test_metrics_count_read_sets_at_each_sweep(watched: Watched, omics: Any) -> None:
    failed = ("strandkeep_read_sets", "UPLOAD_FAILED")
    known = watched.metrics().get(failed, 0)
    store_id = new_store(omics)
    wait_for_read_set(omics, store_id, upload(omics, store_id, {"SOURCE1": b"no reads"}))
    watched.wait_for(failed, known + 1)
    assert abs(watched.metrics()["strandkeep_last_sweep_timestamp_seconds",] - time.time()) < 60


def test_metrics_can_be_switched_off(tmp_path: Path) -> None:
    with watched_server(tmp_path, metrics="off") as quiet:
        with pytest.raises(HTTPError) as refused:
            urlopen(f"{quiet.server.url}/metrics")
        assert refused.value.code == 404
        new_store(quiet.server.client())
        assert quiet.server.stop() == 0
        assert quiet.log.read_text() == ""


def test_an_error_of_the_server_names_the_line_of_the_log_that_has_the_reason(watched: Watched, omics: Any) -> None:
    key = damaged_read_set(watched, omics)
    before = watched.metrics()["strandkeep_damaged_blocks_total",]

    def told() -> tuple[str, str]:
        with pytest.raises(ClientError) as failure:
            omics.get_read_set(**key)["payload"].read()
        error = failure.value.response
        (named,) = re.findall(r"\(([0-9a-f-]{36})\)", error["Error"]["Message"])
        return named, error["ResponseMetadata"]["RequestId"]

    with ThreadPoolExecutor(8) as callers:
        ids = list(callers.map(lambda _: told(), range(24)))
    assert len({named for named, _ in ids}) == 24
    for named, answered in ids:
        assert named == answered
        lines = watched.lines_about(request_id=named, level="error")
        assert len(lines) == 1
        assert "DamagedBlob" in lines[0]["traceback"]
        (access,) = watched.lines_about(request_id=named, logger="strandkeep.access")
        assert (access["operation"], access["status"]) == ("omics:GetReadSet", 500)
        assert access["outcome"] == "InternalServerException"
    assert watched.metrics()["strandkeep_damaged_blocks_total",] == before + 24


def test_a_line_for_each_call(watched: Watched, omics: Any) -> None:
    made = omics.create_sequence_store(name="store")
    (line,) = watched.lines_about(request_id=made["ResponseMetadata"]["RequestId"])
    assert {**line, "time": "", "ms": 0} == {
        **{"time": "", "level": "info", "logger": "strandkeep.access", "message": "omics:CreateSequenceStore ok"},
        **{"request_id": line["request_id"], "operation": "omics:CreateSequenceStore", "status": 200, "outcome": "ok"},
        **{"account": made["arn"].split(":")[4], "received": line["received"], "sent": line["sent"], "ms": 0},
    }
    assert line["received"] > 0
    assert line["sent"] > 0
    assert 0 < line["ms"] < 60_000


def test_what_a_job_logs_names_the_job_and_the_call_that_started_it(watched: Watched, omics: Any) -> None:
    store_id = new_store(omics)
    upload_id = new_upload(omics, store_id)
    parts = send_parts(omics, store_id, upload_id, [gz(fastq(10))])
    lose_bytes(watched.server)
    done = omics.complete_multipart_read_set_upload(sequenceStoreId=store_id, uploadId=upload_id, parts=parts)
    started = done["ResponseMetadata"]["RequestId"]
    line = watched.lines_about(request_id=started, logger="strandkeep.jobs.running")[0]
    assert re.fullmatch("[0-9]{16}", line["job_id"])
    assert "DamagedBlob" in line["traceback"]
    watched.wait_for(("strandkeep_jobs_total", "ingest", "failed"), 1)


def test_no_secret_and_nothing_that_somebody_wrote_is_in_the_log(watched: Watched, omics: Any) -> None:
    text = {name: f"{MARK}-{name}" for name in ("subjectId", "sampleId", "name", "description", "generatedFrom")}
    store_id = new_store(omics, description=MARK, tags={MARK: MARK})
    for reads in (gz(f"@{MARK}\nAC\n+\nF\n".encode()), MARK.encode()):
        upload_id = new_upload(omics, store_id, tags={MARK: MARK}, **text)
        parts = send_parts(omics, store_id, upload_id, [reads])
        done = omics.complete_multipart_read_set_upload(sequenceStoreId=store_id, uploadId=upload_id, parts=parts)
        wait_for_read_set(omics, store_id, done["readSetId"])
    with pytest.raises(ClientError):
        omics.list_read_sets(sequenceStoreId=store_id, nextToken=MARK, filter={"name": MARK})
    Wire(watched.server).call("GET", f"/{MARK}?{MARK}={MARK}", headers={"x-note": MARK})
    last = omics.list_sequence_stores()["ResponseMetadata"]["RequestId"]
    assert watched.lines_about(request_id=last)
    log = watched.log.read_text()
    assert MARK not in log
    assert watched.server.environment["AWS_SECRET_ACCESS_KEY"] not in log
    assert "AWS4-HMAC-SHA256" not in log
    assert "Signature=" not in log


def test_text_for_people(tmp_path: Path) -> None:
    with watched_server(tmp_path, log_format="text", log_level="info") as told:
        made = told.server.client().create_sequence_store(name="store")
        assert told.server.stop() == 0
        (line,) = told.log.read_text().splitlines()
    pattern = r"\S+Z info strandkeep.access: omics:CreateSequenceStore ok request_id=(\S+) operation=.*"
    (request_id,) = re.fullmatch(pattern, line).groups()  # type: ignore[union-attr]
    assert request_id == made["ResponseMetadata"]["RequestId"]
