"""Rates and quotas over HTTP: what boto3 makes of a 429 and a 402, and what is on record of it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.e2e.rows import rows
from tests.e2e.uploading import MIB, new_store, new_upload
from tests.e2e.wire import UNSIGNED, Line, Wire, as_bytes
from tests.server import RunningServer, start_server

RATES = "ListSequenceStores=0.3, UploadReadSetPart=0.3, ListReadSets=0.01, ListTagsForResource=20"


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with start_server(tmp_path_factory.mktemp("limited") / "data", rates=RATES, quota_open_uploads="1") as running:
        yield running


@dataclass
class Attempts:
    """When boto3 had each answer to a call, its status, and what its x-amz-retry-after said, in seconds."""

    seen: list[tuple[float, int, float]] = field(default_factory=list)

    def note(self, response_dict: dict[str, Any], **_: object) -> None:
        wait = int(response_dict["headers"].get("x-amz-retry-after", 0)) / 1000
        self.seen.append((time.monotonic(), response_dict["status_code"], wait))

    def check_waited(self) -> None:
        """It was throttled at least once, came again no sooner than it was told, and then got through."""
        *refused, (_, last, _) = self.seen
        assert refused
        assert {status for _, status, _ in refused} == {429}
        assert last == 200
        for (told_at, _, wait), (came_at, _, _) in zip(refused, self.seen[1:], strict=True):
            assert wait > 0
            assert came_at - told_at >= wait


def watched(server: RunningServer) -> tuple[Any, Attempts]:
    """A client in the standard retry mode, and what comes of its calls."""
    client, attempts = server.client(attempts=5), Attempts()
    client.meta.events.register("response-received.*", attempts.note)
    return client, attempts


def test_a_throttled_call_goes_through_once_boto3_has_waited_as_told(limited: RunningServer) -> None:
    omics, attempts = watched(limited)
    omics.list_sequence_stores()
    omics.list_sequence_stores()
    attempts.seen.pop(0)
    attempts.check_waited()


@pytest.mark.parametrize("size", [1, 30 * MIB])
def test_a_throttled_part_goes_through_once_boto3_has_waited_as_told(limited: RunningServer, size: int) -> None:
    omics, attempts = watched(limited)
    store_id = new_store(omics)
    place = {"sequenceStoreId": store_id, "uploadId": new_upload(omics, store_id), "partSource": "SOURCE1"}
    omics.upload_read_set_part(**place, partNumber=1, payload=b"x")
    attempts.seen.clear()
    omics.upload_read_set_part(**place, partNumber=2, payload=bytes(size))
    attempts.check_waited()
    parts = omics.list_read_set_upload_parts(**place)["parts"]
    assert [part["partSize"] for part in parts] == [1, size]


def test_a_part_is_throttled_before_its_body_is_sent(limited: RunningServer) -> None:
    target = "/sequencestore/1234567890123456/upload/1234567890123456/part?partNumber=1&partSource=SOURCE1"
    headers = {**Wire(limited).signed("PUT", target, b"", UNSIGNED), "content-length": str(100 * MIB)}
    replies = []
    for _ in range(2):
        with Line(limited.port) as line:
            line.send(as_bytes("PUT", target, headers))
            replies.append(line.reply())
    assert (replies[1].status, replies[1].error) == (429, "ThrottlingException")
    assert 0 < int(replies[1].headers["x-amz-retry-after"]) <= 3334
    assert "UploadReadSetPart is limited to 0.3 calls per second" in replies[1].message


def test_whoever_has_not_proved_who_they_are_spends_nobodys_allowance(limited: RunningServer) -> None:
    wire, arn = Wire(limited), "/tags/arn%3Aaws%3Aomics%3Aus-east-1%3A1%3AsequenceStore%2F1234567890123456"
    assert {wire.call("GET", arn, secret="wrong").status for _ in range(40)} == {403}
    assert {wire.call("GET", arn).status for _ in range(10)} == {404}


def test_throttled_calls_are_all_on_record_and_added_up(limited: RunningServer) -> None:
    wire, store_id = Wire(limited), new_store(limited.client())
    outcomes = [wire.call("POST", f"/sequencestore/{store_id}/readsets").error for _ in range(60)]
    assert outcomes == [None] + ["ThrottlingException"] * 59
    query = "SELECT * FROM audit WHERE action = 'omics:ListReadSets' AND outcome = 'ThrottlingException'"
    deadline = time.monotonic() + 10
    found = rows(limited.data_dir, query)
    while sum(row["count"] for row in found) < 59 and time.monotonic() < deadline:
        time.sleep(0.05)
        found = rows(limited.data_dir, query)
    assert sum(row["count"] for row in found) == 59
    assert len(found) < 59
    assert {(row["decision"], row["principal"][-5:]) for row in found} == {("denied", ":root")}


def test_a_quota_is_a_402_that_boto3_does_not_try_again(limited: RunningServer) -> None:
    omics, attempts = watched(limited)
    store_id = new_store(omics)
    new_upload(omics, store_id)
    attempts.seen.clear()
    with pytest.raises(omics.exceptions.ServiceQuotaExceededException, match=r"open uploads .* is 1: 1 are taken"):
        new_upload(omics, store_id)
    assert [status for _, status, _ in attempts.seen] == [402]


def test_the_profile_aws_has_the_rates_and_quotas_of_aws(data_dir: Path) -> None:
    with start_server(data_dir, profile="aws", rates="CreateSequenceStore=0") as running:
        omics = running.client()
        for _ in range(20):
            new_store(omics)
        with pytest.raises(ClientError, match="The quota of sequence stores of an account is 20"):
            new_store(omics)
        nowhere = "/sequencestore/1234567890123456"
        request = as_bytes("DELETE", nowhere, Wire(running).signed("DELETE", nowhere))
        with Line(running.port) as line:
            line.send(request * 20)
            statuses = [line.reply().status for _ in range(20)]
        assert statuses[0] == 404
        assert 429 in statuses


def test_a_rate_of_no_operation_keeps_the_server_from_starting(
    data_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RuntimeError), start_server(data_dir, rates="GetReadset=1"):
        pass
    assert "rates: there is no operation 'GetReadset'; is it GetReadSet?" in capfd.readouterr().err
